//! Reports: one scanner's output about one subject, immutable, identified by its bytes.
//!
//! Records are kept exactly as the scanner counted them. Long texts (descriptions, references)
//! stay in the file and are read on demand through a record's [`Span`].

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::oci::ImageConfig;
use super::{Digest, Exploitation, Fix, Package, Platform, Rating, Severity, VulnerabilityId};

/// The format of an input, found by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Trivy's JSON.
    TrivyJson,
    /// Grype's JSON.
    GrypeJson,
    /// CycloneDX JSON.
    CyclonedxJson,
    /// CycloneDX XML.
    CyclonedxXml,
    /// SPDX 2 in JSON.
    SpdxJson,
    /// SPDX 2 in tag-value form.
    SpdxTagValue,
    /// SPDX 3 in JSON-LD.
    #[serde(rename = "spdx3-json")]
    Spdx3Json,
    /// Syft's JSON.
    SyftJson,
    /// SARIF, of a scanner of images.
    Sarif,
    /// Resources of the Trivy operator, in JSON.
    TrivyOperator,
    /// Trivy's plain ignore file.
    Trivyignore,
    /// Trivy's ignore file in YAML.
    TrivyignoreYaml,
    /// Grype's configuration, for its ignore rules.
    GrypeConfig,
    /// OpenVEX.
    #[serde(rename = "openvex")]
    OpenVex,
    /// VEX in CycloneDX.
    CyclonedxVex,
    /// VEX in CSAF.
    CsafVex,
}

impl Format {
    /// Returns the name used in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TrivyJson => "trivy-json",
            Self::GrypeJson => "grype-json",
            Self::CyclonedxJson => "cyclonedx-json",
            Self::CyclonedxXml => "cyclonedx-xml",
            Self::SpdxJson => "spdx-json",
            Self::SpdxTagValue => "spdx-tag-value",
            Self::Spdx3Json => "spdx3-json",
            Self::SyftJson => "syft-json",
            Self::Sarif => "sarif",
            Self::TrivyOperator => "trivy-operator",
            Self::Trivyignore => "trivyignore",
            Self::TrivyignoreYaml => "trivyignore-yaml",
            Self::GrypeConfig => "grype-config",
            Self::OpenVex => "openvex",
            Self::CyclonedxVex => "cyclonedx-vex",
            Self::CsafVex => "csaf-vex",
        }
    }

    /// Returns whether the format leaves out what a scanner knows: fixes, aliases, the age of the
    /// database. A difference to such a report may be the format's.
    #[must_use]
    pub fn is_reduced(self) -> bool {
        matches!(
            self,
            Self::CyclonedxJson | Self::CyclonedxXml | Self::Sarif | Self::TrivyOperator
        )
    }
}

/// The encoding a file was read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-8 with a byte-order mark.
    #[serde(rename = "utf-8-bom")]
    Utf8Bom,
    /// UTF-16, little endian.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, big endian.
    #[serde(rename = "utf-16be")]
    Utf16Be,
}

/// Where an input came from and what its bytes were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The path or address as given; `-` for standard input.
    pub path: String,
    /// The SHA-256 of the bytes as read, before any decoding.
    pub sha256: Digest,
    /// The number of bytes as read.
    pub size: u64,
    /// The encoding.
    pub encoding: Encoding,
    /// Bytes before the document (log lines), which were skipped.
    pub skipped_bytes: u64,
}

/// A place in the decoded text of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The offset in bytes.
    pub start: u64,
    /// The length in bytes.
    pub length: u64,
}

/// What the document says about the image it describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectClaim {
    /// The name, as the user or the scanner wrote it.
    pub name: Option<String>,
    /// The platform manifest's digest.
    pub manifest_digest: Option<Digest>,
    /// `repository@digest` entries; the digest may be the index's or the manifest's.
    pub repo_digests: Vec<String>,
    /// `repository:tag` entries.
    pub tags: Vec<String>,
    /// The image ID: the digest of the configuration.
    pub image_id: Option<Digest>,
    /// The layers' uncompressed digests, lowest first.
    pub diff_ids: Vec<Digest>,
    /// How many of the lowest layers are the base image's, guessed from the image's history; none
    /// where there is no history, or none of a base in it.
    pub base_layers: Option<usize>,
    /// The platform.
    pub platform: Option<Platform>,
    /// Distribution and release, such as `alpine 3.18.6`.
    pub os: Option<String>,
    /// Whether this describes a container image at all.
    pub is_image: bool,
    /// Whether the document says that the distribution is past its end of life.
    pub end_of_life: bool,
    /// The name by which VEX documents refer to this SBOM: `urn:cdx:serial/version`.
    pub bom_link: Option<String>,
    /// The image's configuration where the document carries it, and in which of its fields.
    pub config: Option<(Arc<ImageConfig>, &'static str)>,
}

/// How well the age of a scanner's database is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseAge {
    /// The report states it.
    Exact,
    /// The newest date inside the report: the database is at least that new.
    LowerBound,
    /// Nothing says.
    Unknown,
}

/// What a finding or record is about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A known vulnerability of a package.
    #[default]
    Vulnerability,
    /// A failed configuration check.
    Misconfiguration,
    /// A secret in the image.
    Secret,
    /// A licence.
    License,
    /// A property of the image configuration.
    Hygiene,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Vulnerability,
        Self::Misconfiguration,
        Self::Secret,
        Self::License,
        Self::Hygiene,
    ];

    /// Returns the name used in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vulnerability => "vulnerability",
            Self::Misconfiguration => "misconfiguration",
            Self::Secret => "secret",
            Self::License => "license",
            Self::Hygiene => "hygiene",
        }
    }
}

/// Who says that a record does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SuppressedBy {
    /// The scanner itself lists the record as suppressed.
    #[default]
    Scanner,
    /// An ignore file or VEX document given as input.
    Document,
}

/// Why a record is listed but does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suppression {
    /// Who says so.
    pub by: SuppressedBy,
    /// What suppressed it: an ignore file, a VEX document, a rule of the scanner.
    pub source: String,
    /// The status or rule it was given.
    pub status: String,
    /// The statement, where one was made.
    pub statement: Option<String>,
}

impl Suppression {
    /// Returns what suppresses it, in a word: the file's path, or `the scanner`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.by {
            SuppressedBy::Scanner => "the scanner",
            SuppressedBy::Document => &self.source,
        }
    }
}

/// How Grype matched a package; Trivy does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatchKind {
    /// The package itself.
    Direct,
    /// Through its source package.
    Indirect,
    /// By CPE only: names were guessed.
    Cpe,
    /// The report does not say.
    #[default]
    Unknown,
}

/// The source of a severity that only SARIF's level stands for: nobody rated it so.
pub const LEVEL: &str = "sarif-level";

/// One entry of a report exactly as the scanner counted it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// What it is about.
    pub kind: Kind,
    /// The id or rule, as written.
    pub id: String,
    /// Other names of the same vulnerability that the report itself states.
    pub aliases: Vec<VulnerabilityId>,
    /// Distribution advisories that cover this and other vulnerabilities: never aliases.
    pub covers: Vec<VulnerabilityId>,
    /// The severity the scanner shows.
    pub severity: Severity,
    /// Whose severity that is; none where the report does not say (Trivy borrows one).
    pub severity_source: Option<String>,
    /// Every rating in the record; findings share them.
    pub ratings: Vec<Arc<Rating>>,
    /// The package; for other kinds an empty package whose location is where the problem is.
    pub package: Package,
    /// What is known about a fix.
    pub fix: Fix,
    /// The title, or the first words of the description.
    pub title: String,
    /// The probability of exploitation (EPSS), 0 to 1.
    pub epss: Option<f64>,
    /// Whether it is in a list of exploited vulnerabilities (KEV).
    pub known_exploited: Option<bool>,
    /// What else it says about exploitation.
    pub exploitation: Exploitation,
    /// Ids found in its references: hints that it may be the same, never aliases.
    pub mentioned: Vec<VulnerabilityId>,
    /// The scanner's own word for the state of a fix: `will_not_fix`, `wont-fix`.
    pub state_word: Option<String>,
    /// When it was published.
    pub published: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub modified: Option<DateTime<Utc>>,
    /// What suppressed it.
    pub suppressed_by: Option<Suppression>,
    /// How the package was matched.
    pub matched: MatchKind,
    /// The namespace of the advisory, such as `debian:distro:debian:12`.
    pub namespace: Option<String>,
    /// The record's bytes in the decoded text.
    pub span: Span,
}

impl Record {
    /// Returns the CVEs it is about.
    #[must_use]
    pub fn cves(&self) -> BTreeSet<VulnerabilityId> {
        let own = VulnerabilityId::new(&self.id);
        let aliases = self.aliases.iter().filter(|alias| alias.is_cve());
        let mut cves: BTreeSet<VulnerabilityId> = aliases.cloned().collect();
        if own.is_cve() {
            cves.insert(own);
        }
        cves
    }
}

/// An entry of a report that could not be read, and what was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The JSON path: `Results[0].Vulnerabilities[3]`.
    pub place: String,
    /// The byte offset in the decoded text, where known.
    pub offset: Option<u64>,
    /// What is wrong.
    pub reason: String,
    /// How many records the entry stands for.
    pub records: u64,
}

/// A scan option that changes what a report can hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScanOption {
    /// The option: `only-fixed`, `severity`, `by-cve`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether the report records it; otherwise it is inferred from what is missing.
    pub recorded: bool,
}

/// One scanner's output about one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The file.
    pub origin: Origin,
    /// The format.
    pub format: Format,
    /// The scanner: `trivy`, `grype`.
    pub scanner: String,
    /// The scanner's version.
    pub scanner_version: Option<String>,
    /// When the scan was made.
    pub created: Option<DateTime<Utc>>,
    /// The date of the scanner's database, or the bound that is known.
    pub database_built: Option<DateTime<Utc>>,
    /// What that date is worth.
    pub database_age: DatabaseAge,
    /// What the report says about its subject.
    pub claim: SubjectClaim,
    /// The records, suppressed ones included.
    pub records: Vec<Record>,
    /// What could not be read.
    pub losses: Vec<Loss>,
    /// Every package the scanner catalogued, where the report lists them.
    pub packages: Option<Vec<Package>>,
    /// Options that narrow the report.
    pub options: Vec<ScanOption>,
    /// Whether the document holds a vulnerability result at all: nothing scanned is not "clean".
    pub looked_for_vulnerabilities: bool,
    /// Remarks for the reader.
    pub notices: Vec<String>,
}

/// The counts of a report; `read = unreadable + every record kept`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecordCounts {
    /// Entries in the document.
    pub read: u64,
    /// Entries that could not be read.
    pub unreadable: u64,
    /// Entries the scanner lists as suppressed.
    pub suppressed: u64,
}

impl Report {
    /// Returns the day of what the report says about the world: its database's, else its own. A
    /// database that is only known to be at least so old counts with the day of the report.
    #[must_use]
    pub fn informed(&self) -> Option<NaiveDate> {
        let exact = self.database_age == DatabaseAge::Exact;
        let time = self.database_built.filter(|_| exact).or(self.created);
        time.map(|time| time.date_naive())
    }

    /// Returns the counts.
    #[must_use]
    pub fn counts(&self) -> RecordCounts {
        let unreadable = self.losses.iter().map(|loss| loss.records).sum::<u64>();
        let suppressed = self
            .records
            .iter()
            .filter(|record| record.suppressed_by.is_some())
            .count() as u64;
        RecordCounts {
            read: self.records.len() as u64 + unreadable,
            unreadable,
            suppressed,
        }
    }

    /// Returns whether this is a vulnerability result that was read whole, in a format that keeps
    /// what the scanner knows. Only such a report says that an image was scanned.
    #[must_use]
    pub fn is_scan(&self) -> bool {
        self.looked_for_vulnerabilities && !self.is_partial() && !self.format.is_reduced()
    }

    /// Returns whether something of the report was lost.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.losses.is_empty()
    }
}
