//! The command line as it is typed: every command and option, declared once.
//!
//! Nothing is resolved here: `settings` adds environment, configuration and defaults. Help, man
//! pages, completions and `docs/reference/cli.md` are made from these declarations.

#![expect(
    clippy::doc_markdown,
    reason = "these comments are the program's help, not Markdown"
)]

mod admission;
mod evidence;
mod exporting;
mod reading;
mod scanning;
mod setup;
mod shipping;
mod syncing;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Overrides;

pub(crate) use admission::{AdmissionArgs, EngineArg, KyvernoKind};
pub(crate) use evidence::{DecideArgs, DecisionArg, GateArgs, LedgerArgs, LedgerCommand};
pub(crate) use exporting::{ExportArg, ExportArgs, PredictArgs, ReportArgs};
pub(crate) use reading::{
    AdviseArgs, CompareArgs, ComponentsArgs, ComponentsCommand, ComponentsDiffArgs, DiffArgs,
    FindingsArgs, InspectArgs, ListArgs, SortArg,
};
pub(crate) use scanning::ScanArgs;
pub(crate) use setup::{
    CompletionsArgs, ConfigArgs, ConfigCommand, DemoArgs, KeyArgs, KeyCommand, ManArgs,
};
pub(crate) use shipping::{
    ArchiveArgs, ArchiveCommand, AttestArgs, PlanArgs, PromoteArgs, PromotionArgs, SignArgs,
    TreeArgs, VerifyArgs,
};
pub(crate) use syncing::SyncArgs;

/// From container scan results to a decision, from the decision to a signed, promoted image.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version = super::version(),
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Without a command the console opens: `countersign [INPUT|IMAGE]…`.\nExit codes: 0 done or yes, 1 the answer is no, 2 usage, 3 input, 4 remote, 5 refused, 6 ledger."
)]
pub(crate) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    /// Without a command: what the console opens.
    #[command(flatten)]
    pub(crate) review: ReviewArgs,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// How a command writes its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// The document of `assets/schema`.
    Json,
    /// A drawing of what hangs on what (`tree`).
    Tree,
    /// Comma-separated values (RFC 4180), cells guarded against formulas.
    Csv,
    /// Markdown.
    Markdown,
    /// One HTML file without scripts (`report`).
    Html,
    /// JUnit XML (`gate`).
    Junit,
    /// SARIF 2.1.0 (`gate`).
    Sarif,
    /// The digest alone (`inspect`).
    Digest,
}

impl Format {
    /// Returns the name as it is typed.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Tree => "tree",
            Self::Csv => "csv",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Junit => "junit",
            Self::Sarif => "sarif",
            Self::Digest => "digest",
        }
    }
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct GlobalArgs {
    /// How the data is written; `table` by default, `json` wherever there is data
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Write the data to a file instead of standard output
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Let --output replace an existing file
    #[arg(long, global = true)]
    pub(crate) force: bool,
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where verdicts are recorded: a folder or s3://bucket/prefix
    #[arg(long, global = true, value_name = "DIR|s3://…")]
    pub(crate) ledger: Option<String>,
    /// When colours are used
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    pub(crate) color: Color,
    /// Say more on standard error; twice for more still
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Certificate authorities to trust besides the system's: a PEM file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Read the key's password from this open file descriptor (0: standard input)
    #[arg(long, global = true, value_name = "FD")]
    pub(crate) password_fd: Option<u32>,
    /// The time to reckon with instead of the clock's (RFC 3339); verdicts made with it say so
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub(crate) now: Option<DateTime<Utc>>,
}

/// Reads the value of `--now`: RFC 3339, or a date, which means its first second in UTC.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = text.parse::<chrono::NaiveDate>() {
        return Ok(date.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.with_timezone(&Utc))
        .map_err(|error| format!("{error}; expected a time such as 2026-03-01T12:00:00Z"))
}

/// What is read: reports, SBOMs, folders, globs, standard input.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct InputArgs {
    /// A report or SBOM: file, folder (read recursively), glob, or - for standard input
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<String>,
    /// How the inputs are read
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// How inputs are read.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ReadingArgs {
    /// The image meant, where several were read: its name, tag or digest
    #[arg(long, value_name = "IMAGE|DIGEST")]
    pub(crate) subject: Option<String>,
    /// A report that belongs to the image because you say so; recorded as asserted
    #[arg(long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    /// EPSS scores to add: the CSV of a day (plain or gzip) or the API's JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) epss: Option<PathBuf>,
    /// The catalogue of known exploited vulnerabilities to add: CISA's JSON or CSV
    #[arg(long, value_name = "FILE")]
    pub(crate) kev: Option<PathBuf>,
    /// Go on with a report that was read only in part; the gate stays closed
    #[arg(long)]
    pub(crate) allow_partial: bool,
}

/// What the console opens.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReviewArgs {
    /// Reports, SBOMs, folders, globs, - or images (docker://REF forces an image)
    #[arg(value_name = "INPUT|IMAGE")]
    pub(crate) inputs: Vec<String>,
    /// Prefill the destination of the promotion
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) to: Option<String>,
    /// Cover the counts of an image until they are predicted
    #[arg(long)]
    pub(crate) predict: bool,
    /// How the inputs are read
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// The platform of an image that has several
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<String>,
    /// The signing key
    #[command(flatten)]
    pub(crate) key: KeyOption,
    /// The policy
    #[command(flatten)]
    pub(crate) policy: PolicyOption,
    /// The archive
    #[command(flatten)]
    pub(crate) archive: ArchiveOption,
    /// Who reviews
    #[command(flatten)]
    pub(crate) reviewer: ReviewerOption,
    /// Whose severity is shown
    #[command(flatten)]
    pub(crate) severity: SeverityOption,
}

/// `--key`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct KeyOption {
    /// The key: a cosign key file, env://VARIABLE, or awskms:// with an ID, alias or ARN
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

/// `--policy`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PolicyOption {
    /// The policy file; by default countersign.toml of the working directory
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

/// `--severity-from`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SeverityOption {
    /// Show the severity of nvd, ghsa, the vendor, another source or a scanner; * marks where it gives none. Filters, totals, documents and the gate keep the highest
    #[arg(long, value_name = "SOURCE")]
    pub(crate) severity_from: Option<String>,
}

/// `--archive`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ArchiveOption {
    /// Where evidence is kept: a folder or s3://bucket/prefix
    #[arg(long, value_name = "DIR|s3://…")]
    pub(crate) archive: Option<String>,
}

/// `--reviewer`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ReviewerOption {
    /// Who decides or promotes, in words; a name is a claim
    #[arg(long, value_name = "NAME")]
    pub(crate) reviewer: Option<String>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open the console (needs a terminal)
    Review(ReviewArgs),
    /// Show a self-contained tour, from bundled reports to a signed promotion, without a network
    Demo(DemoArgs),
    /// List the images that reports are about, with counts and state
    List(ListArgs),
    /// Show the findings
    Findings(FindingsArgs),
    /// Compare scanner with scanner, with the reason for every difference
    Compare(CompareArgs),
    /// Show the components of SBOMs: of files, or of the one attached to an image
    Components(ComponentsArgs),
    /// Show what a rebuild changed: findings that went, came and stayed, and why
    Diff(DiffArgs),
    /// Advise what to bump: the fewest packages that clear the most findings, and what another base would change
    Advise(AdviseArgs),
    /// Show manifest, platforms, configuration, layers and what is attached to an image
    Inspect(InspectArgs),
    /// Run installed scanners on an image or a folder, keep what they write and open it
    Scan(ScanArgs),
    /// Record verdicts
    Decide(DecideArgs),
    /// Read, check and correct the record of verdicts and promotions
    Ledger(LedgerArgs),
    /// Ask the policy: open (exit 0) or closed (exit 1)
    Gate(GateArgs),
    /// Write down what you expect of an image, before the first look; `report` scores it
    Predict(PredictArgs),
    /// Write the verdict report for people: Markdown or HTML
    Report(ReportArgs),
    /// Write verdicts and findings for other tools: VEX, ignore files, SARIF, CSV, JUnit
    Export(ExportArgs),
    /// Show what a promotion would do; changes nothing
    Plan(PlanArgs),
    /// Copy, sign, verify, archive and tag an approved image
    Promote(PromoteArgs),
    /// Promote what a list in a YAML file names, where the destination holds something else
    Sync(SyncArgs),
    /// Make and show keys
    Key(KeyArgs),
    /// Sign an image
    Sign(SignArgs),
    /// State something about an image, signed: SBOM, scan, VEX or any predicate
    Attest(AttestArgs),
    /// Check the signatures of an image
    Verify(VerifyArgs),
    /// Draw what is attached to an image
    Tree(TreeArgs),
    /// Write an admission policy: a cluster then runs only what is signed
    Policy(AdmissionArgs),
    /// Keep, list, fetch and check evidence bundles
    Archive(ArchiveArgs),
    /// Check or show the configuration
    Config(ConfigArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Write the manual pages into a folder
    Man(ManArgs),
    /// List the keys of the console
    Keys,
}

impl Command {
    /// Returns what the command's own options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        match self {
            Self::Review(args) => args.overrides(),
            Self::Findings(args) => args.overrides(),
            Self::List(args) => args.overrides(),
            Self::Compare(args) => args.overrides(),
            Self::Components(args) => args.overrides(),
            Self::Decide(args) => args.overrides(),
            Self::Gate(args) => args.overrides(),
            Self::Export(args) => args.overrides(),
            Self::Predict(args) => args.overrides(),
            Self::Report(args) => args.overrides(),
            Self::Ledger(args) => args.overrides(),
            Self::Plan(args) => args.common.overrides(),
            Self::Promote(args) => args.common.overrides(),
            Self::Sync(args) => args.overrides(),
            Self::Key(args) => args.overrides(),
            Self::Sign(args) => args.overrides(),
            Self::Attest(args) => args.overrides(),
            Self::Verify(args) => args.overrides(),
            Self::Tree(args) => args.overrides(),
            Self::Archive(args) => args.overrides(),
            Self::Demo(_)
            | Self::Advise(_)
            | Self::Diff(_)
            | Self::Inspect(_)
            | Self::Scan(_)
            | Self::Policy(_)
            | Self::Config(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Keys => Overrides::default(),
        }
    }
}

impl ReviewArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            archive: self.archive.archive.clone(),
            reviewer: self.reviewer.reviewer.clone(),
            key: self.key.key.clone(),
            policy: self.policy.policy.clone(),
            severity_from: self.severity.severity_from.clone(),
            predict: self.predict,
            ..Overrides::default()
        }
    }
}
