//! What the process was started with: clock, variables, folders, host and user.
//!
//! Captured once in `main` and passed down as a value, so that everything below is a function of
//! its arguments. Settings that people choose are `config`'s.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use chrono::{DateTime, SubsecRound as _, Utc};

/// Where the time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The system's clock.
    System,
    /// A time given with `--now`, or by a test; verdicts made with it say `clock: "given"`.
    Fixed(DateTime<Utc>),
}

impl Clock {
    /// Returns the current time in UTC, to the second.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one door to the wall clock"
    )]
    pub fn now(self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now().trunc_subsecs(0),
            Self::Fixed(time) => time,
        }
    }

    /// Returns `system` or `given`, as ledger entries name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Fixed(_) => "given",
        }
    }
}

/// Which of the standard streams are terminals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminals {
    /// Standard input.
    pub input: bool,
    /// Standard output.
    pub output: bool,
    /// Standard error.
    pub error: bool,
}

/// The process environment as it was at the start.
#[derive(Clone)]
pub struct Environment {
    /// The clock.
    pub clock: Clock,
    /// The home folder, where there is one.
    pub home: Option<PathBuf>,
    /// The working directory.
    pub working_directory: PathBuf,
    /// The host's name.
    pub host: String,
    /// The user's name.
    pub user: String,
    /// Which standard streams are terminals.
    pub terminals: Terminals,
    variables: BTreeMap<String, String>,
}

impl fmt::Debug for Environment {
    /// Prints names only: a variable's value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("clock", &self.clock)
            .field("variables", &self.variables.keys())
            .finish_non_exhaustive()
    }
}

impl Environment {
    /// Captures the environment of this process.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one door to the variables"
    )]
    pub fn capture() -> Self {
        use std::io::IsTerminal as _;
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let first = |names: [&str; 2]| {
            names
                .iter()
                .find_map(|name| variables.get(*name))
                .filter(|value| !value.is_empty())
        };
        let host = first(["HOSTNAME", "HOST"])
            .cloned()
            .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
            .map_or_else(|| "localhost".to_owned(), |name| name.trim().to_owned());
        let user = first(["USER", "LOGNAME"])
            .cloned()
            .unwrap_or_else(|| "unknown".to_owned());
        Self {
            clock: Clock::System,
            home: directories::BaseDirs::new().map(|base| base.home_dir().to_owned()),
            working_directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            host,
            user,
            terminals: Terminals {
                input: std::io::stdin().is_terminal(),
                output: std::io::stdout().is_terminal(),
                error: std::io::stderr().is_terminal(),
            },
            variables,
        }
    }

    /// Returns an environment with nothing in it but a home folder and a fixed time.
    #[must_use]
    pub fn fixed(now: DateTime<Utc>, home: PathBuf) -> Self {
        Self {
            clock: Clock::Fixed(now),
            working_directory: home.clone(),
            home: Some(home),
            host: "host".to_owned(),
            user: "user".to_owned(),
            terminals: Terminals::default(),
            variables: BTreeMap::new(),
        }
    }

    /// Returns the environment with one variable set.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Returns the value of a variable; a value that is not UTF-8 counts as absent.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Returns every variable whose name starts with `prefix`.
    pub fn variables_with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.variables
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Returns `$XDG_CONFIG_HOME/countersign`, with the default of the XDG specification.
    #[must_use]
    pub fn config_folder(&self) -> PathBuf {
        self.xdg("XDG_CONFIG_HOME", ".config")
    }

    /// Returns `$XDG_DATA_HOME/countersign`, with the default of the XDG specification.
    #[must_use]
    pub fn data_folder(&self) -> PathBuf {
        self.xdg("XDG_DATA_HOME", ".local/share")
    }

    /// Returns `$XDG_STATE_HOME/countersign`, with the default of the XDG specification.
    #[must_use]
    pub fn state_folder(&self) -> PathBuf {
        self.xdg("XDG_STATE_HOME", ".local/state")
    }

    /// Returns `$XDG_CACHE_HOME/countersign`, with the default of the XDG specification.
    #[must_use]
    pub fn cache_folder(&self) -> PathBuf {
        self.xdg("XDG_CACHE_HOME", ".cache")
    }

    /// The specification says that a relative path in these variables is to be ignored.
    fn xdg(&self, name: &str, default: &str) -> PathBuf {
        self.variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .unwrap_or_else(|| self.home.clone().unwrap_or_default().join(default))
            .join("countersign")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let environment = Environment::fixed(DateTime::UNIX_EPOCH, "/h".into())
            .with_variable("COSIGN_PASSWORD", "canary");
        assert!(!format!("{environment:?}").contains("canary"));
    }

    #[test]
    fn relative_xdg_folders_are_ignored() {
        let environment = Environment::fixed(DateTime::UNIX_EPOCH, "/h".into());
        let set = environment.clone().with_variable("XDG_DATA_HOME", "/d");
        assert_eq!(set.data_folder(), PathBuf::from("/d/countersign"));
        let relative = environment.with_variable("XDG_DATA_HOME", "d");
        assert_eq!(
            relative.data_folder(),
            PathBuf::from("/h/.local/share/countersign")
        );
    }
}
