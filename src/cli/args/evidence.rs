//! Options of the commands about verdicts: decide, ledger, gate.
//!
//! What only shows is in `reading`; what sends something is in `shipping`.

use clap::{Args, Subcommand, ValueEnum};

use super::{InputArgs, KeyOption, PolicyOption, ReviewerOption};
use crate::config::Overrides;
use crate::model::{Scope, Until};

/// A decision as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecisionArg {
    /// Take the risk until a date or a fix
    AcceptRisk,
    /// The image is not affected; needs a justification
    NotAffected,
    /// The image is affected
    Affected,
    /// The scanner is wrong
    FalsePositive,
    /// Somebody is looking into it
    UnderInvestigation,
    /// With --whole-image: it may be promoted
    Approve,
    /// With --whole-image: it must not be promoted
    Reject,
}

/// A scope as it is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeArg {
    /// This finding on this image
    #[default]
    Finding,
    /// Every finding of these ids in this package, whatever the version, on this image
    Package,
    /// This finding on every image of the repository
    Repository,
    /// This finding wherever it appears
    Everywhere,
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Finding => Self::Finding,
            ScopeArg::Package => Self::Package,
            ScopeArg::Repository => Self::Repository,
            ScopeArg::Everywhere => Self::Everywhere,
        }
    }
}

/// `decide`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each one is an option of the command"
)]
pub(crate) struct DecideArgs {
    /// What is read
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// A finding, by id or key; repeatable
    #[arg(long, value_name = "ID", required_unless_present_any = ["all_findings", "whole_image", "carry_over"])]
    pub(crate) finding: Vec<String>,
    /// Every finding that is not suppressed
    #[arg(long, conflicts_with_all = ["finding", "whole_image", "carry_over"])]
    pub(crate) all_findings: bool,
    /// The image as a whole
    #[arg(long, conflicts_with_all = ["finding", "carry_over"])]
    pub(crate) whole_image: bool,
    /// Carry over earlier verdicts that no longer hold here, such as those on the image before it
    /// was rebuilt: all that are offered, or those on the findings named; --dry-run shows them
    #[arg(long, conflicts_with_all = ["decision", "reason", "until", "justification", "scope"])]
    pub(crate) carry_over: bool,
    /// Let an id mean several findings
    #[arg(long, requires = "finding")]
    pub(crate) all_matching: bool,
    /// What is decided
    #[arg(
        long,
        value_enum,
        value_name = "DECISION",
        required_unless_present = "carry_over"
    )]
    pub(crate) decision: Option<DecisionArg>,
    /// Why
    #[arg(long, value_name = "TEXT", required_unless_present = "carry_over")]
    pub(crate) reason: Option<String>,
    /// When an accepted risk ends: a date, or `fixed` for as soon as a fix appears
    #[arg(long, value_name = "YYYY-MM-DD|fixed")]
    pub(crate) until: Option<Until>,
    /// Why the image is not affected, as OpenVEX says it
    #[arg(long, value_name = "TOKEN")]
    pub(crate) justification: Option<String>,
    /// How far the verdict reaches
    #[arg(long, value_enum, default_value = "finding", value_name = "SCOPE")]
    pub(crate) scope: ScopeArg,
    /// Show what would be recorded and which findings it would hit, and record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Who decides
    #[command(flatten)]
    pub(crate) reviewer: ReviewerOption,
    /// The key that signs an approval
    #[command(flatten)]
    pub(crate) key: KeyOption,
    /// The policy
    #[command(flatten)]
    pub(crate) policy: PolicyOption,
}

impl DecideArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            reviewer: self.reviewer.reviewer.clone(),
            key: self.key.key.clone(),
            policy: self.policy.policy.clone(),
            ..Overrides::default()
        }
    }
}

/// `ledger`.
#[derive(Debug, Args)]
pub(crate) struct LedgerArgs {
    /// What to do with it
    #[command(subcommand)]
    pub(crate) command: LedgerCommand,
}

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Show the entries, oldest first
    Show,
    /// Check every entry and how they hang together: whole (exit 0), nothing there (1), broken (6).
    /// Signed approvals beside the chain name earlier ends of it, which are checked as well
    Verify {
        /// Something that names an earlier end of the chain: a receipt, a bundle's manifest, an approval, what `verify` once wrote, or a SHA-256; repeatable
        #[arg(long, value_name = "FILE|SHA256")]
        anchor: Vec<String>,
        /// Also check the ends that the bundles of this archive name
        #[arg(long, value_name = "DIR|s3://…")]
        archive: Option<String>,
    },
    /// Take back a verdict or an approval; both entries stay on record
    Undo {
        /// The number of the entry
        #[arg(value_name = "ENTRY")]
        entry: u64,
        /// Who takes it back
        #[command(flatten)]
        reviewer: ReviewerOption,
        /// The key, for what a key signed
        #[command(flatten)]
        key: KeyOption,
    },
    /// Show which accepted risks end when, over all images: over, within 7, 30 and 90 days, later, and as soon as there is a fix
    Expiring {
        /// The policy, for its longest time
        #[command(flatten)]
        policy: PolicyOption,
    },
}

impl LedgerArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        match &self.command {
            LedgerCommand::Undo { reviewer, key, .. } => Overrides {
                reviewer: reviewer.reviewer.clone(),
                key: key.key.clone(),
                ..Overrides::default()
            },
            LedgerCommand::Verify { archive, .. } => Overrides {
                archive: archive.clone(),
                ..Overrides::default()
            },
            LedgerCommand::Expiring { policy } => Overrides {
                policy: policy.policy.clone(),
                ..Overrides::default()
            },
            LedgerCommand::Show => Overrides::default(),
        }
    }
}

/// What the gate is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateFor {
    /// A promotion: approvals and destinations count too
    Promote,
}

/// `gate`.
#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// What is read
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Ask for more than the findings
    #[arg(long = "for", value_enum, value_name = "STEP")]
    pub(crate) purpose: Option<GateFor>,
    /// The policy
    #[command(flatten)]
    pub(crate) policy: PolicyOption,
    /// Refuse any policy but the one with this SHA-256
    #[arg(long, value_name = "HEX")]
    pub(crate) policy_sha256: Option<String>,
    /// Who promotes, with --for promote
    #[command(flatten)]
    pub(crate) reviewer: ReviewerOption,
}

impl GateArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            policy: self.policy.policy.clone(),
            reviewer: self.reviewer.reviewer.clone(),
            ..Overrides::default()
        }
    }
}
