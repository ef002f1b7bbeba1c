//! Exemptions: statements of files (ignore files, VEX documents) that findings do not count.
//!
//! What a file says is kept here as it says it; which records an exemption reaches is worked out
//! in `triage::suppress`. A person's own decision is a verdict, not an exemption.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Digest, Format, Kind, Loss, Origin, Pattern, Purl};

/// What an exemption says about a vulnerability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExemptionStatus {
    /// An ignore file lists it.
    Ignored,
    /// VEX: the product is not affected.
    NotAffected,
    /// VEX: the product holds the fix.
    Fixed,
    /// VEX: the product is affected.
    Affected,
    /// VEX: nobody knows yet.
    UnderInvestigation,
}

impl ExemptionStatus {
    /// Returns the name used in documents: VEX's own where there is one.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::NotAffected => "not_affected",
            Self::Fixed => "fixed",
            Self::Affected => "affected",
            Self::UnderInvestigation => "under_investigation",
        }
    }

    /// Returns whether a record with this status is suppressed.
    #[must_use]
    pub fn suppresses(self) -> bool {
        matches!(self, Self::Ignored | Self::NotAffected | Self::Fixed)
    }
}

/// A name that a VEX document gives a product or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProductName {
    /// A package URL; `pkg:oci/…` names an image.
    Purl(Purl),
    /// The digest of an image.
    Digest(Digest),
    /// A part of an SBOM: the SBOM's `urn:cdx:serial/version`, and the part's reference there.
    InSbom {
        /// The SBOM.
        link: String,
        /// The part's `bom-ref`.
        reference: String,
    },
    /// Anything else, such as `repository@sha256:…`.
    Text(String),
}

/// What a VEX statement is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// Its names: one of them is enough.
    pub names: Vec<ProductName>,
    /// The parts it is limited to; none where it is about the whole product.
    pub parts: Option<Vec<ProductName>>,
}

/// The criteria of a rule in Grype's configuration; those given must all hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrypeRule {
    /// Whether the vulnerability's other names count too.
    pub with_aliases: bool,
    /// The namespace of the advisory.
    pub namespace: Option<String>,
    /// Grype's word for the state of the fix.
    pub fix_state: Option<String>,
    /// The package's name: an expression.
    pub name: Option<Pattern>,
    /// The package's version.
    pub version: Option<String>,
    /// The ecosystems that Grype's `type` and `language` stand for; both must hold.
    pub ecosystems: Vec<String>,
    /// A path of the package: a glob.
    pub location: Option<Pattern>,
    /// The name of the source package: an expression.
    pub upstream: Option<Pattern>,
    /// How the package was matched, in Grype's word.
    pub match_type: Option<String>,
}

/// Whose rules decide what an exemption reaches, and by what.
#[derive(Clone, Debug, PartialEq)]
pub enum ExemptionRule {
    /// Trivy's ignore files: records of Trivy.
    Trivy {
        /// The kinds of findings.
        kinds: Vec<Kind>,
        /// One of these must match, where there are any.
        paths: Vec<Pattern>,
        /// One of these must name the package, where there are any.
        purls: Vec<Purl>,
    },
    /// Grype's ignore rules: records of Grype.
    Grype(Box<GrypeRule>),
    /// VEX: records of every scanner.
    Vex {
        /// One of these must be the image, or the package in it.
        products: Vec<Product>,
    },
}

/// One entry of an exemption document.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemption {
    /// Where in the document: `vulnerabilities[2]`, `line 4`.
    pub place: String,
    /// The ids it names, one vulnerability's; empty: any (rules of Grype only).
    pub ids: Vec<String>,
    /// What it reaches.
    pub rule: ExemptionRule,
    /// What it says.
    pub status: ExemptionStatus,
    /// Why.
    pub statement: Option<String>,
    /// When it was said; of VEX statements about one thing the latest counts.
    pub time: Option<DateTime<Utc>>,
    /// When it ends; at that moment it no longer holds.
    pub expires: Option<DateTime<Utc>>,
}

/// An ignore file or VEX document.
#[derive(Clone, Debug, PartialEq)]
pub struct ExemptionDocument {
    /// The file.
    pub origin: Origin,
    /// The format.
    pub format: Format,
    /// Its entries, in the document's order.
    pub entries: Vec<Exemption>,
    /// Entries that could not be read; `records` counts entries.
    pub losses: Vec<Loss>,
    /// Remarks for the reader.
    pub notices: Vec<String>,
}
