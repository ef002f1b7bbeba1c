//! Bundles: what is put into an archive, the manifest that lists it, and the id it is found by.
//!
//! Names are made from kinds, digests and times, never from text of a report.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ArchiveError;
use crate::model::Digest;

/// The schema of a manifest.
pub const SCHEMA: &str = "countersign/bundle/v1";

/// How many hexadecimal digits of the content's hash an id has.
const ID_DIGITS: usize = 24;

/// How many hexadecimal digits of the subject's digest an id has: all of a SHA-256. The manifest
/// has the whole digest.
const SUBJECT_DIGITS: usize = 64;

/// How the time of a bundle is written in its id.
const ID_TIME: &str = "%Y%m%dt%H%M%Sz";

/// What a file of a bundle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A scanner's report.
    Report,
    /// An SBOM.
    Sbom,
    /// A VEX document or ignore file.
    Vex,
    /// The verdicts on findings.
    Verdicts,
    /// A signed approval.
    Approval,
    /// The policy.
    Policy,
    /// The plan that was confirmed.
    Plan,
    /// The receipt of the promotion.
    Receipt,
    /// Anything else, kinds of later versions included.
    #[serde(other)]
    Other,
}

impl FileKind {
    /// Returns the name used in manifests and file names.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Sbom => "sbom",
            Self::Vex => "vex",
            Self::Verdicts => "verdicts",
            Self::Approval => "approval",
            Self::Policy => "policy",
            Self::Plan => "plan",
            Self::Receipt => "receipt",
            Self::Other => "other",
        }
    }
}

/// A file to be archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFile {
    /// What it was called: kept as data, never used as a name.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Its bytes as they were reviewed.
    pub bytes: Bytes,
}

/// The last entry of the ledger when the bundle was made: it proves later that nothing was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerHead {
    /// The entry's number.
    pub seq: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
}

/// The evidence about one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The image: the digest of its platform manifest, or its image ID where that is all there is.
    pub subject: Digest,
    /// The image's name.
    pub name: String,
    /// When the bundle was made.
    pub time: DateTime<Utc>,
    /// Where the image went.
    pub destination: Option<String>,
    /// When the image was shipped, where somebody asserts it of older history.
    pub shipped_at: Option<DateTime<Utc>>,
    /// The end of the ledger.
    pub ledger: Option<LedgerHead>,
    /// The evidence.
    pub files: Vec<BundleFile>,
    /// The receipt of the promotion, a JSON document.
    pub receipt: Option<Bytes>,
}

/// A file as a manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// A safe name: kind and twelve digits of the hash.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// What it was called: foreign text.
    pub path: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes as they are archived.
    pub sha256: Digest,
    /// The SHA-256 of the original, where credentials were masked in the archived copy.
    #[serde(default)]
    pub redacted_from: Option<Digest>,
}

/// What a bundle consists of: the file `manifest.json`, written last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// See [`Bundle::subject`].
    pub subject: Digest,
    /// See [`Bundle::name`].
    pub name: String,
    /// See [`Bundle::time`].
    pub time: DateTime<Utc>,
    /// See [`Bundle::destination`].
    #[serde(default)]
    pub destination: Option<String>,
    /// See [`Bundle::shipped_at`].
    #[serde(default)]
    pub shipped_at: Option<DateTime<Utc>>,
    /// See [`Bundle::ledger`].
    #[serde(default)]
    pub ledger: Option<LedgerHead>,
    /// The files, by kind and hash.
    pub files: Vec<ManifestFile>,
}

impl Manifest {
    /// Returns the manifest as JSON.
    ///
    /// # Errors
    /// Never for a manifest that can be written as JSON.
    pub(super) fn to_value(&self) -> Result<Value, ArchiveError> {
        serde_json::to_value(self).map_err(unwritable)
    }

    /// Returns the id of the bundle with this manifest, whose JSON is `value`: as it was written,
    /// so that fields of later versions count. The time is no part of the content, so that
    /// archiving the same evidence again finds the bundle that is there.
    pub(super) fn id(&self, value: &Value) -> Result<BundleId, ArchiveError> {
        let mut timeless = value.clone();
        if let Some(fields) = timeless.as_object_mut() {
            fields.remove("time");
        }
        let content = Digest::of(&canonical(&timeless)?);
        let digits = content.hex().get(..ID_DIGITS).unwrap_or_default();
        Ok(BundleId {
            subject: subject_digits(&self.subject).to_owned(),
            name: format!("{}-{digits}", self.time.format(ID_TIME)),
        })
    }
}

/// Returns the canonical JSON (RFC 8785) of `value`.
pub(super) fn canonical(value: &Value) -> Result<Vec<u8>, ArchiveError> {
    serde_json_canonicalizer::to_vec(value).map_err(unwritable)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of map_err")]
fn unwritable(error: serde_json::Error) -> ArchiveError {
    ArchiveError::Manifest {
        detail: error.to_string(),
    }
}

/// Returns the digits of `subject` that name its folder.
pub(super) fn subject_digits(subject: &Digest) -> &str {
    subject
        .hex()
        .get(..SUBJECT_DIGITS)
        .unwrap_or_else(|| subject.hex())
}

/// Names a bundle: the subject's digits, and time and hash of the content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    subject: String,
    name: String,
}

impl BundleId {
    /// Returns the first 64 hexadecimal digits of the subject's digest: all of a SHA-256.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the key of the manifest in the store.
    #[must_use]
    pub fn manifest_key(&self) -> String {
        format!("bundles/{}/{}/manifest.json", self.subject, self.name)
    }

    /// Returns the digits that stand for the content.
    pub(super) fn content(&self) -> &str {
        self.name.rsplit_once('-').map_or("", |(_, digits)| digits)
    }

    /// Returns the bundle whose manifest has this key.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        let rest = key
            .strip_prefix("bundles/")?
            .strip_suffix("/manifest.json")?;
        rest.parse().ok()
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.subject, self.name)
    }
}

impl FromStr for BundleId {
    type Err = ArchiveError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ArchiveError::Id {
            text: text.chars().take(200).collect(),
        };
        let lower_hex = |text: &str| {
            text.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let (subject, name) = text.split_once('/').ok_or_else(wrong)?;
        let (time, content) = name.split_once('-').ok_or_else(wrong)?;
        let time_right = time.len() == 16
            && time
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b't' | b'z'));
        let right = subject.len() == SUBJECT_DIGITS
            && lower_hex(subject)
            && time_right
            && content.len() == ID_DIGITS
            && lower_hex(content);
        if !right {
            return Err(wrong());
        }
        Ok(Self {
            subject: subject.to_owned(),
            name: name.to_owned(),
        })
    }
}
