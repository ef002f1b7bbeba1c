//! Options of the commands about images in registries: plan, promote, sign, verify, tree, archive.
//!
//! What only shows a report is in `reading`; verdicts are in `evidence`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};

use super::{ArchiveOption, InputArgs, KeyOption, PolicyOption, ReadingArgs, ReviewerOption};
use crate::config::Overrides;
use crate::model::Digest;
use crate::signatures::Layout;

/// What `plan` and `promote` share.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a consent or a refusal of its own"
)]
pub(crate) struct PromotionArgs {
    /// The image as it is: a registry reference, or `oci:DIR[:REF]`
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// Where it goes: a registry reference with its tag
    #[arg(value_name = "DESTINATION")]
    pub(crate) destination: String,
    /// The reports and SBOMs that were reviewed; without any, those that the approvals name are fetched from the archive
    #[arg(value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    /// How the inputs are read
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// The platform, where only one of several is promoted
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<String>,
    /// The digest the tag will name
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<Digest>,
    /// Consent to moving a tag that names another image
    #[arg(long)]
    pub(crate) move_tag: bool,
    /// Consent to making the repository, where Amazon ECR has none of that name
    #[arg(long)]
    pub(crate) create_repository: bool,
    /// Promote without a signature, where the policy allows it
    #[arg(long)]
    pub(crate) no_sign: bool,
    /// Sign the image alone: attach neither the approval nor SBOMs, scans and VEX
    #[arg(long)]
    pub(crate) no_attest: bool,
    /// Accept a blocker of this class that may be accepted; repeatable
    #[arg(long, value_name = "CLASS")]
    pub(crate) acknowledge: Vec<String>,
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

impl PromotionArgs {
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

/// `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// What `promote` takes too
    #[command(flatten)]
    pub(crate) common: PromotionArgs,
}

/// `promote`.
#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// What `plan` takes too
    #[command(flatten)]
    pub(crate) common: PromotionArgs,
    /// Do it: without this nothing is sent
    #[arg(long)]
    pub(crate) yes: bool,
    /// Refuse any plan but the one with this hash
    #[arg(long, value_name = "DIGEST")]
    pub(crate) plan_digest: Option<Digest>,
}

/// In which of cosign's formats something is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArg {
    /// Both: each has readers that know only the one.
    Both,
    /// A Sigstore bundle that refers to the image.
    Bundle,
    /// A layer behind the tag `sha256-….sig` or `.att`.
    Legacy,
}

impl From<LayoutArg> for Layout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::Both => Self::Both,
            LayoutArg::Bundle => Self::Bundle,
            LayoutArg::Legacy => Self::Legacy,
        }
    }
}

/// `sign`.
#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// The image
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// The signing key
    #[command(flatten)]
    pub(crate) key: KeyOption,
    /// Sign the manifests of an index too, each by its digest
    #[arg(long)]
    pub(crate) recursive: bool,
    /// In which format; both by default
    #[arg(long, value_enum, default_value = "both", value_name = "LAYOUT")]
    pub(crate) layout: LayoutArg,
    /// A claim to sign, as cosign's -a; repeatable
    #[arg(short = 'a', long, value_name = "KEY=VALUE", value_parser = annotation)]
    pub(crate) annotation: Vec<(String, String)>,
    /// Let an installed cosign sign with a certificate for your identity instead of a key; asks first, because the identity becomes public for ever
    #[arg(long, conflicts_with_all = ["key", "recursive", "layout", "annotation"])]
    pub(crate) keyless: bool,
    /// With --keyless: consent without being asked to the identity, the digest and the time becoming public for ever
    #[arg(long, requires = "keyless")]
    pub(crate) publish_identity: bool,
}

impl SignArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            key: self.key.key.clone(),
            ..Overrides::default()
        }
    }
}

/// Reads a value of `--annotation`.
fn annotation(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

/// `attest`.
#[derive(Debug, Args)]
pub(crate) struct AttestArgs {
    /// The image
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// What is stated: cyclonedx, spdxjson, spdx, vuln, openvex, approval, custom, link, slsaprovenance, slsaprovenance1, or a URI
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: String,
    /// The document; for vuln a report of Trivy or Grype will do
    #[arg(long, value_name = "FILE")]
    pub(crate) predicate: PathBuf,
    /// State only the document's digest and that it is kept at this address
    #[arg(long, value_name = "URL")]
    pub(crate) by_reference: Option<String>,
    /// The signing key
    #[command(flatten)]
    pub(crate) key: KeyOption,
    /// In which format; by default both where the key has signed the image, else legacy alone
    #[arg(long, value_enum, value_name = "LAYOUT")]
    pub(crate) layout: Option<LayoutArg>,
}

impl AttestArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            key: self.key.key.clone(),
            ..Overrides::default()
        }
    }
}

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The image
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// The public key
    #[command(flatten)]
    pub(crate) key: KeyOption,
    /// Ask for a valid attestation of this type instead of a signature: cosign's name or a URI
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,
    /// Write the predicate of that attestation into a file, exactly as it was signed
    #[arg(long, value_name = "FILE", requires = "kind")]
    pub(crate) predicate_output: Option<PathBuf>,
    /// Names for keys and identities; by default trust.toml beside the configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// The archive, where the evidence of an approval is looked for
    #[command(flatten)]
    pub(crate) archive: ArchiveOption,
    /// Refuse what names another repository and approvals without their evidence, instead of warning
    #[arg(long)]
    pub(crate) strict: bool,
    /// The identity of a keyless signature's certificate
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) certificate_identity: Option<String>,
    /// As --certificate-identity, as a regular expression
    #[arg(long, value_name = "REGEXP", conflicts_with = "certificate_identity")]
    pub(crate) certificate_identity_regexp: Option<String>,
    /// The issuer of that certificate
    #[arg(long, value_name = "URL")]
    pub(crate) certificate_oidc_issuer: Option<String>,
    /// As --certificate-oidc-issuer, as a regular expression
    #[arg(
        long,
        value_name = "REGEXP",
        conflicts_with = "certificate_oidc_issuer"
    )]
    pub(crate) certificate_oidc_issuer_regexp: Option<String>,
    /// The roots that certificates are checked against; by default Sigstore's public ones, built in
    #[arg(long, value_name = "FILE")]
    pub(crate) trusted_root: Option<PathBuf>,
}

impl VerifyArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            archive: self.archive.archive.clone(),
            key: self.key.key.clone(),
            trust: self.trust.clone(),
            ..Overrides::default()
        }
    }
}

/// `tree`.
#[derive(Debug, Args)]
pub(crate) struct TreeArgs {
    /// The image
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// The public key that signatures are checked with
    #[command(flatten)]
    pub(crate) key: KeyOption,
}

impl TreeArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            key: self.key.key.clone(),
            ..Overrides::default()
        }
    }
}

/// `archive`.
#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {
    /// What to do with it
    #[command(subcommand)]
    pub(crate) command: ArchiveCommand,
    /// Where evidence is kept: a folder or s3://bucket/prefix
    #[arg(long, global = true, value_name = "DIR|s3://…")]
    pub(crate) archive: Option<String>,
}

/// What to do with the archive.
#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// Keep reports, SBOMs and the verdicts on them as one bundle
    Put {
        /// What is kept
        #[command(flatten)]
        input: InputArgs,
        /// Assert that the image was shipped then: a date or time, for older history
        #[arg(long, value_name = "TIME", value_parser = super::time, requires = "destination")]
        shipped_at: Option<DateTime<Utc>>,
        /// Where the image was shipped to
        #[arg(long, value_name = "DESTINATION")]
        destination: Option<String>,
    },
    /// List the evidence bundles
    List,
    /// Fetch a bundle into a new folder
    Get {
        /// The bundle's name or the image's digest
        #[arg(value_name = "BUNDLE")]
        bundle: String,
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Check a bundle, or all: whole (exit 0) or not (1)
    Verify {
        /// The bundle's name or the image's digest
        #[arg(value_name = "BUNDLE")]
        bundle: Option<String>,
    },
}

impl ArchiveArgs {
    /// Returns what the options set in the configuration.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            archive: self.archive.clone(),
            ..Overrides::default()
        }
    }
}
