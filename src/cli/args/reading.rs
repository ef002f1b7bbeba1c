//! Options of the commands that read and show: list, findings, compare, components, inspect.
//!
//! What changes something is in `evidence` and `shipping`.

use clap::{Args, Subcommand, ValueEnum};

use super::{InputArgs, KeyOption, PolicyOption, ReadingArgs, SeverityOption};
use crate::config::Overrides;
use crate::model::Digest;
use crate::triage::view::Column;

/// `list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// What is read
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The policy, which an approval is bound to
    #[command(flatten)]
    pub(crate) policy: PolicyOption,
    /// Whose severity is counted beside the highest
    #[command(flatten)]
    pub(crate) shown: SeverityOption,
}

impl ListArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            policy: self.policy.policy.clone(),
            severity_from: self.shown.severity_from.clone(),
            ..Overrides::default()
        }
    }
}

/// An order as it is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortArg {
    /// The severest first
    #[default]
    Severity,
    /// What to look at first; its terms are shown
    Risk,
    /// By package
    Package,
    /// By id
    Id,
}

impl From<SortArg> for Column {
    fn from(order: SortArg) -> Self {
        match order {
            SortArg::Severity => Self::Severity,
            SortArg::Risk => Self::Risk,
            SortArg::Package => Self::Package,
            SortArg::Id => Self::Id,
        }
    }
}

/// `findings`.
#[derive(Debug, Args)]
pub(crate) struct FindingsArgs {
    /// What is read
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Show what passes: words, sev:>=high fix:yes id: pkg: scanner: src:both kind: verdict:none, suppressed:yes, ! turns a term round
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// Show these severities: a list (critical,high) or a least one (high+)
    #[arg(long, value_name = "LIST|MIN+")]
    pub(crate) severity: Option<String>,
    /// Show what can be fixed, or not: yes, no, unknown
    #[arg(long, value_name = "LIST")]
    pub(crate) fixable: Option<String>,
    /// Show these kinds: vulnerability, misconfiguration, secret, license, hygiene
    #[arg(long, value_name = "LIST")]
    pub(crate) kind: Option<String>,
    /// The order: the severest first, what to look at first (exploited, likely to be, severe, fixable, not the base's), or by package or id
    #[arg(long, value_enum, default_value = "severity", value_name = "ORDER")]
    pub(crate) sort: SortArg,
    /// Whose severity is shown
    #[command(flatten)]
    pub(crate) shown: SeverityOption,
    /// The policy, which verdicts are held against
    #[command(flatten)]
    pub(crate) policy: PolicyOption,
}

impl FindingsArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            policy: self.policy.policy.clone(),
            severity_from: self.shown.severity_from.clone(),
            ..Overrides::default()
        }
    }
}

/// `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// What is read
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Whose severity is shown
    #[command(flatten)]
    pub(crate) shown: SeverityOption,
    /// Leave out the rows on which the scanners agree
    #[arg(long)]
    pub(crate) only_differences: bool,
    /// Compare these two of several reports: trivy,grype or trivy#1,trivy#3
    #[arg(long, value_name = "A,B")]
    pub(crate) between: Option<String>,
    /// Exit with 1 when there is a difference
    #[arg(long)]
    pub(crate) exit_code: bool,
}

impl CompareArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            severity_from: self.shown.severity_from.clone(),
            ..Overrides::default()
        }
    }
}

/// `components`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ComponentsArgs {
    /// What else is done with them
    #[command(subcommand)]
    pub(crate) command: Option<ComponentsCommand>,
    /// An SBOM: file, folder (read recursively), glob, or - for standard input; or an image in a registry, whose attached SBOM is shown (docker://REF forces an image)
    #[arg(value_name = "INPUT|IMAGE", required = true)]
    pub(crate) inputs: Vec<String>,
    /// How the inputs are read
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// The platform of an image whose platforms have SBOMs of their own
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<String>,
    /// Which of several attached SBOMs: its digest, or that of what it is attached to
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<Digest>,
    /// The public key that must have signed an attached SBOM
    #[command(flatten)]
    pub(crate) key: KeyOption,
    /// Show which component needs which
    #[arg(long)]
    pub(crate) tree: bool,
    /// Show the components whose name, version, ecosystem, purl or licence contains every word
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
}

impl ComponentsArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            key: self.key.key.clone(),
            ..Overrides::default()
        }
    }
}

/// What `components` does besides listing.
#[derive(Debug, Subcommand)]
pub(crate) enum ComponentsCommand {
    /// Compare two SBOMs: what was added, removed and changed
    Diff(ComponentsDiffArgs),
}

/// `components diff`.
#[derive(Debug, Args)]
pub(crate) struct ComponentsDiffArgs {
    /// The SBOM before: file, folder, glob, or - for standard input
    #[arg(value_name = "A")]
    pub(crate) before: String,
    /// The SBOM after
    #[arg(value_name = "B")]
    pub(crate) after: String,
    /// Exit with 1 when there is a difference
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Go on with an SBOM that was read only in part
    #[arg(long)]
    pub(crate) allow_partial: bool,
}

/// `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// What was read of the image before: reports, SBOMs, folders, globs
    #[arg(long, value_name = "INPUT", required = true, num_args = 1..)]
    pub(crate) before: Vec<String>,
    /// What was read of the image after
    #[arg(long, value_name = "INPUT", required = true, num_args = 1..)]
    pub(crate) after: Vec<String>,
    /// How both are read
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// Leave out the findings that are the same before and after
    #[arg(long)]
    pub(crate) only_differences: bool,
    /// Exit with 1 when there is a difference
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A registry reference, or `oci:DIR[:REF]`
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// The platform of an image that has several
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<String>,
    /// List the tags of the repository instead
    #[arg(long)]
    pub(crate) tags: bool,
}

/// `advise`.
#[derive(Debug, Args)]
pub(crate) struct AdviseArgs {
    /// What is read
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// A scan or SBOM of an image that could be the base: file, folder or glob; only what is given here is ever advised
    #[arg(long, value_name = "INPUT")]
    pub(crate) candidate: Vec<String>,
    /// Show this many bumps, those that clear the most of the severest first; 0 shows all
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) top: usize,
}
