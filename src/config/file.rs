//! The configuration file as it is written.
//!
//! Defaults and precedence are worked out in `config`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;

/// The keys of the file. An unknown key is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileConfig {
    /// Where verdicts are recorded.
    pub ledger: Option<String>,
    /// Where evidence is kept.
    pub archive: Option<String>,
    /// Who reviews.
    pub reviewer: Option<String>,
    /// The signing key.
    pub key: Option<String>,
    /// The policy file.
    pub policy: Option<PathBuf>,
    /// The trust file: names for keys and identities.
    pub trust: Option<PathBuf>,
    /// The theme.
    pub theme: Option<String>,
    /// Whether the console covers counts until they are predicted.
    pub predict: bool,
    /// Whose severity is shown.
    pub severity_from: Option<String>,
    /// Key bindings: action name to keys.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Settings by registry host.
    pub registry: BTreeMap<String, RegistryConfig>,
}

/// Settings of one registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistryConfig {
    /// A PEM file of certificate authorities.
    pub ca_file: Option<PathBuf>,
}

/// Parses the text of a configuration file.
pub(super) fn parse(path: &Path, text: &str) -> Result<FileConfig, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let before = error
            .span()
            .and_then(|span| text.get(..span.start))
            .unwrap_or_default();
        ConfigError::Parse {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            detail: error.message().to_owned(),
        }
    })
}
