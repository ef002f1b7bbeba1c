//! Verdicts as they stand today: current, stale or expired, and what changed.
//!
//! The rules that decide it are in `review`; the gate reads the result.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::{Digest, ImageVerdict, Verdict};

/// Whether a verdict still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It holds.
    Current,
    /// The evidence changed since; it excuses nothing and asks again.
    Stale,
    /// Its end has passed.
    Expired,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Current => "current",
            Self::Stale => "stale",
            Self::Expired => "expired",
        })
    }
}

/// Who recorded something, when, and in which ledger entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The reviewer: a claim.
    pub reviewer: String,
    /// The time of the entry.
    pub time: DateTime<Utc>,
    /// The entry's number; 0 where no entry of this ledger records it: a signed approval that came
    /// from another machine.
    pub entry: u64,
    /// The SHA-256 of the entry's bytes; of the signed envelope where there is no entry.
    pub entry_sha256: Digest,
}

/// A finding's verdict as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// Who and when.
    pub recorded: Recorded,
    /// Whether it holds.
    pub standing: Standing,
    /// What changed, where it does not.
    pub because: Option<String>,
    /// Whether it was taken on another subject or report and holds here by its scope.
    pub carried: bool,
    /// Newer reports that carry the same evidence, by SHA-256: they renew it. Empty where it does
    /// not hold.
    pub renewed_by: Vec<Digest>,
}

impl Serialize for StandingVerdict {
    /// Writes the contract's `verdict` object.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("verdict", 14)?;
        object.serialize_field("decision", &self.verdict.decision)?;
        object.serialize_field("reason", &self.verdict.reason)?;
        object.serialize_field("until", &self.verdict.until)?;
        object.serialize_field("justification", &self.verdict.justification)?;
        object.serialize_field("scope", &self.verdict.scope)?;
        object.serialize_field("reviewer", &self.recorded.reviewer)?;
        object.serialize_field("time", &self.recorded.time)?;
        object.serialize_field("state", &self.standing)?;
        object.serialize_field("stale_because", &self.because)?;
        object.serialize_field("entry", &self.recorded.entry)?;
        object.serialize_field("carried", &self.carried)?;
        object.serialize_field("carried_from", &self.verdict.carried_from)?;
        object.serialize_field("reports", &self.verdict.reports)?;
        object.serialize_field("renewed_by", &self.renewed_by)?;
        object.end()
    }
}

/// A reviewer's verdict on an image as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The verdict.
    pub verdict: ImageVerdict,
    /// Who and when.
    pub recorded: Recorded,
    /// Whether it holds.
    pub standing: Standing,
    /// What changed, where it does not.
    pub because: Option<String>,
    /// The fingerprint of the key that signed it, where the signature was verified.
    pub signed_by: Option<Digest>,
}
