//! Settings: defaults, then the file, then the environment, then flags.
//!
//! Values only. Real clients are made from them in `connect`; the policy is a file of its own.

mod file;
mod reviewer;

use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::error::{ErrorKind, Explain};
use crate::triage::ratings::{ParseSeverityFromError, SeverityFrom};

pub use file::{FileConfig, RegistryConfig};

/// The annotated default configuration, as `docs/reference/config.md` shows it.
pub const DEFAULTS: &str = include_str!("../assets/config.toml");

/// What flags set; an absent value leaves the setting to environment, file and default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// `--ledger DIR|s3://…`.
    pub ledger: Option<String>,
    /// `--archive DIR|s3://…`.
    pub archive: Option<String>,
    /// `--reviewer NAME`.
    pub reviewer: Option<String>,
    /// `--key FILE|env://VAR|awskms://…`.
    pub key: Option<String>,
    /// `--policy FILE`.
    pub policy: Option<PathBuf>,
    /// `--trust FILE`.
    pub trust: Option<PathBuf>,
    /// `--severity-from SOURCE`.
    pub severity_from: Option<String>,
    /// `--predict`.
    pub predict: bool,
    /// `--ca-file FILE`.
    pub ca_file: Option<PathBuf>,
}

/// The settings in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where verdicts are recorded.
    pub ledger: String,
    /// Where evidence is kept.
    pub archive: Option<String>,
    /// Who reviews and promotes, in words: a claim.
    pub reviewer: String,
    /// The signing key.
    pub key: Option<String>,
    /// The policy file; none: the defaults of the policy.
    pub policy: Option<PathBuf>,
    /// The trust file; none: no key or identity has a name.
    pub trust: Option<PathBuf>,
    /// The theme.
    pub theme: String,
    /// Whose severity is shown; none: the highest any scanner gives.
    pub severity_from: Option<SeverityFrom>,
    /// Whether the console covers counts until they are predicted.
    pub predict: bool,
    /// Key bindings the person changed: action name to keys.
    pub keys: std::collections::BTreeMap<String, Vec<String>>,
    /// Certificate authorities trusted besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a configuration: unknown key, wrong type, no TOML.
    #[error("configuration {}, line {line}: {detail}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// A theme that does not exist.
    #[error("`{0}` is not a theme: expected auto, dark, light, mono or high-contrast")]
    Theme(String),
    /// A source of severities that cannot be one.
    #[error("severity_from: {0}")]
    SeverityFrom(#[from] ParseSeverityFromError),
}

impl Explain for ConfigError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["`countersign config show` prints every key with its default".to_owned()]
    }
}

const THEMES: [&str; 5] = ["auto", "dark", "light", "mono", "high-contrast"];

/// Works out the settings in force.
///
/// # Errors
/// When the file named cannot be read, or holds a key or value that does not exist.
pub fn load(environment: &Environment, overrides: &Overrides) -> Result<Config, ConfigError> {
    let file = read(environment, overrides)?;
    let variable = |name: &str| {
        environment
            .variable(name)
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
    };
    let setting = |flag: &Option<String>, name: &str, file: Option<String>| {
        flag.clone().or_else(|| variable(name)).or(file)
    };
    let theme =
        setting(&None, "COUNTERSIGN_THEME", file.theme).unwrap_or_else(|| "auto".to_owned());
    if !THEMES.contains(&theme.as_str()) {
        return Err(ConfigError::Theme(theme));
    }
    let severity_from = setting(
        &overrides.severity_from,
        "COUNTERSIGN_SEVERITY_FROM",
        file.severity_from,
    );
    let default_ledger = || {
        environment
            .data_folder()
            .join("ledger")
            .display()
            .to_string()
    };
    let own_trust = || {
        let path = environment.config_folder().join("trust.toml");
        path.exists().then_some(path)
    };
    let own_policy = || {
        let path = environment.working_directory.join("countersign.toml");
        path.exists().then_some(path)
    };
    Ok(Config {
        ledger: setting(&overrides.ledger, "COUNTERSIGN_LEDGER", file.ledger)
            .unwrap_or_else(default_ledger),
        archive: setting(&overrides.archive, "COUNTERSIGN_ARCHIVE", file.archive),
        reviewer: setting(&overrides.reviewer, "COUNTERSIGN_REVIEWER", file.reviewer)
            .unwrap_or_else(|| reviewer::default(environment)),
        key: setting(&overrides.key, "COUNTERSIGN_KEY", file.key),
        policy: overrides
            .policy
            .clone()
            .or_else(|| variable("COUNTERSIGN_POLICY").map(PathBuf::from))
            .or(file.policy)
            .or_else(own_policy),
        trust: overrides
            .trust
            .clone()
            .or_else(|| variable("COUNTERSIGN_TRUST").map(PathBuf::from))
            .or(file.trust)
            .or_else(own_trust),
        theme,
        predict: overrides.predict
            || variable("COUNTERSIGN_PREDICT").map_or(file.predict, |value| value == "true"),
        severity_from: severity_from.map(|text| text.parse()).transpose()?,
        keys: file.keys,
        ca_file: overrides
            .ca_file
            .clone()
            .or_else(|| variable("SSL_CERT_FILE").map(PathBuf::from))
            .or_else(|| {
                file.registry
                    .into_values()
                    .find_map(|registry| registry.ca_file)
            }),
    })
}

fn read(environment: &Environment, overrides: &Overrides) -> Result<FileConfig, ConfigError> {
    let default = environment.config_folder().join("config.toml");
    let path: &Path = overrides.config.as_deref().unwrap_or(&default);
    match std::fs::read_to_string(path) {
        Ok(text) => file::parse(path, &text),
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound && overrides.config.is_none() =>
        {
            Ok(FileConfig::default())
        }
        Err(source) => Err(ConfigError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(home: &Path) -> Environment {
        Environment::fixed(chrono::DateTime::UNIX_EPOCH, home.to_owned())
    }

    #[test]
    fn flags_win_over_environment_over_file() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".config/countersign");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            folder.join("config.toml"),
            "ledger = \"file\"\narchive = \"file\"\nreviewer = \"file\"\n",
        )
        .unwrap();
        let environment = environment(home.path())
            .with_variable("COUNTERSIGN_ARCHIVE", "variable")
            .with_variable("COUNTERSIGN_REVIEWER", "variable");
        let overrides = Overrides {
            reviewer: Some("flag".to_owned()),
            ..Overrides::default()
        };
        let config = load(&environment, &overrides).unwrap();
        assert_eq!(config.ledger, "file");
        assert_eq!(config.archive.as_deref(), Some("variable"));
        assert_eq!(config.reviewer, "flag");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("c.toml");
        std::fs::write(&path, "theme = \"mono\"\n\nledgr = \"x\"\n").unwrap();
        let overrides = Overrides {
            config: Some(path),
            ..Overrides::default()
        };
        let error = load(&environment(home.path()), &overrides)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 3") && error.contains("ledgr"),
            "{error}"
        );
    }

    #[test]
    fn the_annotated_defaults_are_a_configuration() {
        file::parse(Path::new("config.toml"), DEFAULTS).unwrap();
        let uncommented: String = DEFAULTS
            .lines()
            .filter_map(|line| {
                let line = line.strip_prefix("# ").unwrap_or(line);
                (line.contains(" = ") || line.starts_with('[')).then(|| format!("{line}\n"))
            })
            .collect();
        file::parse(Path::new("config.toml"), &uncommented).unwrap();
    }
}
