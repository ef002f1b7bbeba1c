//! Options of the commands for setting up and looking up: demo, key, keys, config, completions, man.
//!
//! Nothing here is about reports or images.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::KeyOption;
use crate::config::Overrides;

/// `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Keep the tour's files in this folder instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Play the story and print each step; also when there is no terminal
    #[arg(long)]
    pub(crate) auto: bool,
}

/// `key`.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a pair of files that cosign reads too; the password is asked for or taken from `COSIGN_PASSWORD`
    Generate {
        /// Where: PATH.key and PATH.pub are written, never over an existing file
        #[arg(long, value_name = "PATH", default_value = "cosign")]
        prefix: PathBuf,
    },
    /// Show the public half and the fingerprint of a key
    Show(KeyOption),
}

impl KeyArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        match &self.command {
            KeyCommand::Generate { .. } => Overrides::default(),
            KeyCommand::Show(option) => Overrides {
                key: option.key.clone(),
                ..Overrides::default()
            },
        }
    }
}

/// `config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// What to do with it
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What to do with the configuration.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read configuration, policy, key and ledger and say what is wrong
    Check {
        /// Ask the remote ledger and archive, too, and the destinations: their log-in and, in Amazon ECR, repository and permissions
        #[arg(long)]
        remote: bool,
        /// A destination to ask about: a registry reference with its tag; repeatable. Those of the policy without a `*` are always asked
        #[arg(long, value_name = "DESTINATION", requires = "remote")]
        to: Vec<String>,
    },
    /// Show every setting in force
    Show,
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder; made where it is missing
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}
