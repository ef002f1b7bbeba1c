//! Findings: what a person decides on, joined from the records of every report.
//!
//! Joining is `triage::join`'s work; verdicts about findings are in `verdict`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Digest, Exploitation, Fix, Kind, Package, PackageIdentity, Rating, Severity, Suppression,
    VulnerabilityId,
};

/// A finding's label: `f1-` and 24 hexadecimal digits. It says nothing a verdict relies on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FindingKey(Box<str>);

impl FindingKey {
    /// Returns the key of (kind, purl type, namespace, name, version, primary id), hashed as the
    /// canonical JSON (RFC 8785) of that list.
    #[must_use]
    pub fn new(kind: Kind, identity: &PackageIdentity, primary_id: &str) -> Self {
        let list = (
            kind,
            &identity.ecosystem,
            &identity.namespace,
            &identity.name,
            &identity.version,
            primary_id,
        );
        // A list of texts always serialises, and the plain form of one is the canonical one: no
        // object to sort, no number to spell.
        let bytes = serde_json::to_vec(&list).unwrap_or_default();
        let digest = Digest::of(&bytes);
        Self(
            ["f1-", digest.hex().get(..24).unwrap_or_default()]
                .concat()
                .into(),
        )
    }

    /// Wraps a key as it was written down.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FindingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A record of a report: its index among the review's reports, and its index in that report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordRef {
    /// The report.
    pub report: u32,
    /// The record.
    pub record: u32,
}

/// Which part of an image something came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerPlace {
    /// A layer of the image that this one is built on: a newer base may mend it.
    Base,
    /// A layer that was added to the base.
    Application,
    /// Nobody says where the base ends, or in which layer it is.
    #[default]
    Unknown,
}

impl LayerPlace {
    /// Returns the name used in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Application => "application",
            Self::Unknown => "unknown",
        }
    }
}

/// A document that an image's configuration was read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ConfigSource {
    /// The path of a report, or the name of an image that was read itself.
    pub name: String,
    /// Where in the report: `Metadata.ImageConfig`, `source.target.config`; none for an image.
    pub part: Option<&'static str>,
}

/// What an image's configuration shows: the ground of a finding that no scanner reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Observation {
    /// The rule's name: `root-user`.
    pub rule: &'static str,
    /// What was seen, secrets masked.
    pub saw: String,
    /// Why it matters, and so severely.
    pub why: &'static str,
    /// What to do.
    pub advice: &'static str,
    /// What the rule cannot see.
    pub blind: &'static str,
    /// The documents that show it, sorted.
    pub sources: Vec<ConfigSource>,
}

/// What a person decides on.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The label.
    pub key: FindingKey,
    /// The subject: index among the review's subjects.
    pub subject: u32,
    /// What it is about.
    pub kind: Kind,
    /// The primary id: the lowest CVE, else the lowest id; a rule for kinds without ids.
    pub id: VulnerabilityId,
    /// Every other id of the alias set, sorted.
    pub aliases: Vec<VulnerabilityId>,
    /// Distribution advisories that cover it, sorted.
    pub covers: Vec<VulnerabilityId>,
    /// The highest severity any scanner gives.
    pub severity: Severity,
    /// Every rating of every record, shared with the records.
    pub ratings: Vec<Arc<Rating>>,
    /// The package, locations of all records joined.
    pub package: Package,
    /// The fix: fixed where any report names one.
    pub fix: Fix,
    /// The scanners that report it, sorted.
    pub scanners: Vec<String>,
    /// The records it was joined from, suppressed ones included.
    pub records: Vec<RecordRef>,
    /// The title.
    pub title: String,
    /// The probability of exploitation, 0 to 1.
    pub epss: Option<f64>,
    /// Whether it is known to be exploited; none where no report says.
    pub known_exploited: Option<bool>,
    /// What else is known about exploitation.
    pub exploitation: Exploitation,
    /// Which part of the image it came with.
    pub layer: LayerPlace,
    /// Set where every record is suppressed.
    pub suppressed_by: Option<Suppression>,
    /// What the image's configuration shows, for findings that no record is behind.
    pub observed: Option<Arc<Observation>>,
}

impl Finding {
    /// Returns every id: the primary one and its aliases.
    pub fn ids(&self) -> impl Iterator<Item = &VulnerabilityId> {
        std::iter::once(&self.id).chain(&self.aliases)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_is_the_hash_of_the_canonical_list(
            ecosystem in "[a-z]{0,8}",
            namespace in proptest::option::of(".{0,12}"),
            name in any::<String>(),
            version in "[\\x00-\\x7f]{0,12}",
            id in any::<String>(),
        ) {
            let list = (Kind::Secret, &ecosystem, &namespace, &name, &version, &id);
            let canonical = serde_json_canonicalizer::to_vec(&list).unwrap();
            let identity = PackageIdentity {
                ecosystem: ecosystem.clone(),
                namespace: namespace.clone(),
                name: name.clone(),
                version: version.clone(),
            };
            let key = FindingKey::new(Kind::Secret, &identity, &id);
            prop_assert_eq!(
                key.as_str(),
                format!("f1-{}", Digest::of(&canonical).hex().get(..24).unwrap())
            );
        }
    }
}
