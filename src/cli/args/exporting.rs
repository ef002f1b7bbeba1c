//! Options of `export`, `report` and `predict`.
//!
//! What the formats hold is `crate::export`'s work.

use clap::{Args, ValueEnum};

use super::{InputArgs, PolicyOption, ReviewerOption};
use crate::config::Overrides;
use crate::export::ExportFormat;
use crate::triage::prediction::Expectation;

/// A format as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportArg {
    /// Verdicts as OpenVEX 0.2 (Trivy and Grype take it with --vex)
    Openvex,
    /// Verdicts as CycloneDX 1.6 VEX
    CyclonedxVex,
    /// What verdicts excuse, as Trivy's .trivyignore.yaml
    Trivyignore,
    /// What verdicts excuse, as the ignore rules of .grype.yaml
    GrypeIgnore,
    /// Findings as SARIF 2.1.0, verdicts as suppressions
    Sarif,
    /// Findings as CSV
    Csv,
    /// The gate as JUnit XML
    Junit,
}

impl From<ExportArg> for ExportFormat {
    fn from(format: ExportArg) -> Self {
        match format {
            ExportArg::Openvex => Self::Openvex,
            ExportArg::CyclonedxVex => Self::CyclonedxVex,
            ExportArg::Trivyignore => Self::Trivyignore,
            ExportArg::GrypeIgnore => Self::GrypeIgnore,
            ExportArg::Sarif => Self::Sarif,
            ExportArg::Csv => Self::Csv,
            ExportArg::Junit => Self::Junit,
        }
    }
}

/// `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The format
    #[arg(value_enum, value_name = "FORMAT")]
    pub(crate) kind: ExportArg,
    /// What is read
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The policy, which verdicts are held against
    #[command(flatten)]
    pub(crate) policy: PolicyOption,
    /// Who makes the document
    #[command(flatten)]
    pub(crate) reviewer: ReviewerOption,
}

impl ExportArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            reviewer: self.reviewer.reviewer.clone(),
            policy: self.policy.policy.clone(),
            ..Overrides::default()
        }
    }
}

/// `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// What is read
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// What is known about the image before it was rebuilt: reports, SBOMs, folders
    #[arg(long, value_name = "INPUT", num_args = 1..)]
    pub(crate) before: Vec<String>,
    /// The policy
    #[command(flatten)]
    pub(crate) policy: PolicyOption,
    /// Who makes the report
    #[command(flatten)]
    pub(crate) reviewer: ReviewerOption,
}

impl ReportArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            reviewer: self.reviewer.reviewer.clone(),
            policy: self.policy.policy.clone(),
            ..Overrides::default()
        }
    }
}

/// `predict`.
#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// The image: a reference, best with its digest
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// What you expect, repeatable: [fixable-|unfixed-]SEVERITY=N, findings=N, secrets=N, misconfigurations=N, licenses=N
    #[arg(long, value_name = "WHAT=N", required = true)]
    pub(crate) expect: Vec<Expectation>,
    /// Who predicts
    #[command(flatten)]
    pub(crate) reviewer: ReviewerOption,
}

impl PredictArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            reviewer: self.reviewer.reviewer.clone(),
            ..Overrides::default()
        }
    }
}
