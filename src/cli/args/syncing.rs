//! Options of `sync`.
//!
//! What one promotion takes is in `shipping`.

use std::path::PathBuf;

use clap::Args;

use super::{ArchiveOption, KeyOption, PolicyOption, ReadingArgs, ReviewerOption};
use crate::config::Overrides;

/// `sync`.
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// The YAML file with the list `sync:`
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The reports and SBOMs that were reviewed, of any of the images; without any, those that the approvals name are fetched from the archive
    #[arg(long, value_name = "INPUT", num_args = 1..)]
    pub(crate) reports: Vec<String>,
    /// Plan everything and copy nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Consent to making repositories, where Amazon ECR has none of that name
    #[arg(long)]
    pub(crate) create_repository: bool,
    /// Promote without signatures, where the policy allows it
    #[arg(long)]
    pub(crate) no_sign: bool,
    /// How the reports are read
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// Refuse any policy but the one with this SHA-256
    #[arg(long, value_name = "HEX")]
    pub(crate) policy_sha256: Option<String>,
    /// The policy
    #[command(flatten)]
    pub(crate) policy: PolicyOption,
    /// The archive
    #[command(flatten)]
    pub(crate) archive: ArchiveOption,
    /// The signing key
    #[command(flatten)]
    pub(crate) key: KeyOption,
    /// Who promotes
    #[command(flatten)]
    pub(crate) reviewer: ReviewerOption,
}

impl SyncArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            archive: self.archive.archive.clone(),
            reviewer: self.reviewer.reviewer.clone(),
            key: self.key.key.clone(),
            policy: self.policy.policy.clone(),
            ..Overrides::default()
        }
    }
}
