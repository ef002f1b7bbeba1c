//! Verdicts: what a person decided about findings and images, bound to the evidence of the time.
//!
//! Whether a verdict still holds is worked out in `review`; how it is stored is the ledger's work.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Digest, Finding, FindingKey, Fix, Kind, Location, PackageIdentity, Platform, Severity, Subject,
    VulnerabilityId,
};

/// A decision about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The risk is taken until a date or a fix.
    AcceptRisk,
    /// The image is not affected, with an OpenVEX justification.
    NotAffected,
    /// The image is affected.
    Affected,
    /// The scanner is wrong.
    FalsePositive,
    /// Somebody is looking into it.
    UnderInvestigation,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Self; 5] = [
        Self::AcceptRisk,
        Self::NotAffected,
        Self::Affected,
        Self::FalsePositive,
        Self::UnderInvestigation,
    ];

    /// Returns the name used on the command line and in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AcceptRisk => "accept-risk",
            Self::NotAffected => "not-affected",
            Self::Affected => "affected",
            Self::FalsePositive => "false-positive",
            Self::UnderInvestigation => "under-investigation",
        }
    }

    /// Returns whether the decision excuses a finding at the gate.
    #[must_use]
    pub fn excuses(self) -> bool {
        matches!(
            self,
            Self::AcceptRisk | Self::NotAffected | Self::FalsePositive
        )
    }
}

/// A decision about a whole image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageDecision {
    /// The image may be promoted.
    Approve,
    /// The image must not be promoted.
    Reject,
}

impl ImageDecision {
    /// Returns the name used on the command line and in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

/// When an accepted risk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// At the end of that day, UTC.
    Date(NaiveDate),
    /// As soon as a fix appears.
    Fixed,
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(date) => write!(f, "{date}"),
            Self::Fixed => f.write_str("fixed"),
        }
    }
}

/// The text is neither a date nor `fixed`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an end: expected a date (YYYY-MM-DD) or `fixed`")]
pub struct ParseUntilError(pub String);

impl FromStr for Until {
    type Err = ParseUntilError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "fixed" {
            return Ok(Self::Fixed);
        }
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(Self::Date)
            .map_err(|_unparsable| ParseUntilError(text.chars().take(40).collect()))
    }
}

impl Serialize for Until {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Until {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// How far a finding's verdict reaches.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// This finding on this image.
    #[default]
    Finding,
    /// Every finding of these ids in this package, whatever the version, on this image.
    Package,
    /// This finding on every image of the repository.
    Repository,
    /// This finding wherever it appears.
    Everywhere,
}

impl Scope {
    /// Every scope, narrowest first.
    pub const ALL: [Self; 4] = [
        Self::Finding,
        Self::Package,
        Self::Repository,
        Self::Everywhere,
    ];

    /// Returns the name used on the command line and in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::Package => "package",
            Self::Repository => "repository",
            Self::Everywhere => "everywhere",
        }
    }
}

/// The justifications of OpenVEX 0.2 for `not_affected`.
pub const JUSTIFICATIONS: [&str; 5] = [
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];

/// The image a verdict was taken on, as much as was known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectRef {
    /// The name shown at the time.
    pub name: String,
    /// The platform manifest's digest.
    pub manifest_digest: Option<Digest>,
    /// The index's digest.
    pub index_digest: Option<Digest>,
    /// `repository@digest` entries.
    pub repo_digests: Vec<String>,
    /// The image ID.
    pub image_id: Option<Digest>,
    /// The layers' diff IDs.
    #[serde(default)]
    pub diff_ids: Vec<Digest>,
    /// The platform.
    pub platform: Option<Platform>,
}

impl SubjectRef {
    /// Returns the reference to `subject`.
    #[must_use]
    pub fn of(subject: &Subject) -> Self {
        Self {
            name: subject.name.clone(),
            manifest_digest: subject.manifest_digest.clone(),
            index_digest: subject.index_digest.clone(),
            repo_digests: subject.repo_digests.clone(),
            image_id: subject.image_id.clone(),
            diff_ids: subject.diff_ids.clone(),
            platform: subject.platform.clone(),
        }
    }

    /// Returns the digest that tells this image from others: the manifest's, else one of a
    /// repository, else the image ID.
    #[must_use]
    pub fn identity(&self) -> Option<Digest> {
        let of_repository = || self.repo_digests.first()?.rsplit_once('@')?.1.parse().ok();
        self.manifest_digest
            .clone()
            .or_else(of_repository)
            .or_else(|| self.index_digest.clone())
            .or_else(|| self.image_id.clone())
    }

    /// Returns whether this is the image of `subject`. The strongest fact that both know decides;
    /// without any fact it is the name.
    #[must_use]
    pub fn is_image(&self, subject: &Subject) -> bool {
        let platforms_differ = match (&self.platform, &subject.platform) {
            (Some(one), Some(other)) => !one.agrees_with(other),
            _ => false,
        };
        if platforms_differ {
            return false;
        }
        if !self.diff_ids.is_empty() && !subject.diff_ids.is_empty() {
            return self.diff_ids == subject.diff_ids;
        }
        if let (Some(one), Some(other)) = (&self.manifest_digest, &subject.manifest_digest) {
            return one == other;
        }
        if let (Some(one), Some(other)) = (&self.image_id, &subject.image_id)
            && one == other
        {
            return true;
        }
        let digests = self
            .repo_digests
            .iter()
            .filter_map(|text| text.rsplit_once('@')?.1.parse::<Digest>().ok())
            .chain(self.manifest_digest.clone())
            .chain(self.index_digest.clone());
        if digests
            .into_iter()
            .any(|digest| subject.is_named_by(&digest))
        {
            return true;
        }
        let nothing_known = self.repo_digests.is_empty()
            && self.manifest_digest.is_none()
            && self.index_digest.is_none()
            && self.image_id.is_none()
            && self.diff_ids.is_empty();
        // A folder or a file has no digest; then its name is all there is.
        nothing_known && subject.identity().is_none() && self.name == subject.name
    }
}

/// The finding a verdict is bound to: identity, version, ids, severity and fix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRef {
    /// The label at the time.
    pub key: FindingKey,
    /// What it is about.
    pub kind: Kind,
    /// Every id of the alias set.
    pub ids: Vec<VulnerabilityId>,
    /// The package.
    pub package: PackageIdentity,
    /// Where the problem is, for kinds that are told apart by place.
    #[serde(default)]
    pub locations: Vec<Location>,
    /// The severity at the time.
    pub severity: Severity,
    /// The fix at the time.
    pub fix: Fix,
}

impl FindingRef {
    /// Returns the reference to `finding`.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        Self {
            key: finding.key.clone(),
            kind: finding.kind,
            ids: finding.ids().cloned().collect(),
            package: finding.package.identity(),
            locations: if finding.kind == Kind::Vulnerability {
                Vec::new()
            } else {
                finding.package.locations.clone()
            },
            severity: finding.severity,
            fix: finding.fix.clone(),
        }
    }
}

/// A verdict on one finding: the body of a ledger entry of kind `verdict`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// Why. Never empty.
    pub reason: String,
    /// When an accepted risk ends.
    pub until: Option<Until>,
    /// The OpenVEX justification of `not-affected`.
    pub justification: Option<String>,
    /// How far it reaches.
    pub scope: Scope,
    /// The finding.
    pub finding: FindingRef,
    /// The image.
    pub subject: SubjectRef,
    /// The reports it was taken on: provenance, not a condition.
    pub reports: Vec<Digest>,
    /// The earlier verdict that it carries over; none where it was taken anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_from: Option<CarriedFrom>,
}

/// The earlier verdict that a verdict carries over, and what had changed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedFrom {
    /// The number of its ledger entry.
    pub entry: u64,
    /// The SHA-256 of that entry's bytes.
    pub entry_sha256: Digest,
    /// Who recorded it.
    pub reviewer: String,
    /// When the first verdict of the row was recorded: the policy's longest time for a risk counts
    /// from then, so that carrying over prolongs nothing.
    pub time: DateTime<Utc>,
    /// What the reviewer saw changed.
    pub differences: Vec<Difference>,
}

impl CarriedFrom {
    /// Returns what changed, in one line.
    #[must_use]
    pub fn changed(&self) -> String {
        Difference::line(&self.differences)
    }
}

impl fmt::Display for CarriedFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entry, reviewer) = (self.entry, &self.reviewer);
        let changed = self.changed();
        write!(
            f,
            "carried over from entry {entry} of {reviewer}: {changed}"
        )
    }
}

/// Something that is not as it was when a verdict was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What: `image`, `version`, `severity`, `fix`, `ids` or `place`. More may follow.
    pub what: String,
    /// As it was.
    pub from: String,
    /// As it is.
    pub to: String,
}

impl Difference {
    /// Returns what changed, in one line.
    #[must_use]
    pub fn line(differences: &[Self]) -> String {
        let changed: Vec<String> = differences.iter().map(ToString::to_string).collect();
        changed.join("; ")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.what, self.from, self.to)
    }
}

/// A verdict on an image: the body of a ledger entry of kind `approval`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageVerdict {
    /// The decision.
    pub decision: ImageDecision,
    /// Why. Never empty.
    pub reason: String,
    /// The image.
    pub subject: SubjectRef,
    /// The hash of the policy it was taken under.
    pub policy_sha256: Digest,
    /// The findings that verdicts excused, by key.
    pub excused: Vec<FindingKey>,
    /// The findings that remained, by key.
    pub left: Vec<FindingKey>,
    /// The findings that an ignore file, a VEX document or a scanner suppressed, by key; none in
    /// approvals of versions that did not bind to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Vec<FindingKey>>,
    /// The reports and SBOMs it was taken on.
    pub reports: Vec<Digest>,
    /// The digest of the signed envelope, where the approval is signed.
    #[serde(default)]
    pub envelope: Option<Digest>,
}
