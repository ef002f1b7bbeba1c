//! The receipt: the proof of what a promotion did.
//!
//! It is filled in by `run`, archived and recorded; of earlier ones only the ledger's entry is looked for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::ledger::{Entry, kind};
use crate::model::Digest;
use crate::registry::{BlobFate, BlobOutcome, ListedImage, SurveyedBlob};

use super::attestation::Attested;
use super::{Document, Plan, Step};

/// What became of one blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlobRecord {
    /// The blob.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// `existed`, `mounted` or `uploaded`.
    pub action: &'static str,
    /// How often a request about it had to be tried again.
    pub retries: u64,
    /// How long it took, in milliseconds; zero for what was there.
    pub milliseconds: u64,
}

impl BlobRecord {
    /// Returns the record of a blob that a finished copy names.
    pub(super) fn of(blob: &BlobOutcome) -> Self {
        Self {
            digest: blob.digest.clone(),
            size: blob.size,
            action: blob.fate.as_str(),
            retries: blob.retries,
            milliseconds: milliseconds(blob.took),
        }
    }

    /// Returns the record of a blob that is there because the tag names its image.
    pub(super) fn existed(blob: &SurveyedBlob) -> Self {
        Self {
            digest: blob.descriptor.digest.clone(),
            size: blob.descriptor.size,
            action: BlobFate::Existed.as_str(),
            retries: 0,
            milliseconds: 0,
        }
    }
}

/// Returns the entry of the ledger by which this very promotion is recorded as done: the same image,
/// destination, evidence, approvals, policy and signer.
pub(super) fn recorded(history: &[Entry], plan: &Plan) -> Option<u64> {
    const SAME: [&str; 10] = [
        "digest",
        "destination",
        "platforms",
        "referrers",
        "signer",
        "archive",
        "policy_sha256",
        "reports",
        "approvals",
        "attestations",
    ];
    let plan = serde_json::to_value(plan).ok()?;
    let is_same = |entry: &&Entry| {
        entry.kind == kind::PROMOTION
            && SAME
                .iter()
                .all(|field| entry.body.get(field) == plan.get(field))
    };
    history.iter().rev().find(is_same).map(|entry| entry.seq)
}

/// How long one step took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StepTime {
    /// The step.
    pub step: Step,
    /// How long it took.
    pub milliseconds: u64,
}

impl StepTime {
    /// Returns the time of a step.
    pub(super) fn of(step: Step, took: Duration) -> Self {
        Self {
            step,
            milliseconds: milliseconds(took),
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The executed plan and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Receipt {
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
    /// Each blob's fate: `existed`, `mounted`, `uploaded`.
    pub fates: Vec<BlobRecord>,
    /// Bytes of blobs that were sent.
    pub bytes_sent: u64,
    /// The manifests that were sent, the top one last; those not named were there.
    pub manifests_sent: Vec<Digest>,
    /// Layers that were left where their `urls` say.
    pub foreign: Vec<Digest>,
    /// Retries in all.
    pub retries: u64,
    /// The steps before this receipt was written, in order.
    pub steps: Vec<StepTime>,
    /// When the promotion began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// What the tag named before.
    pub previous_tag_digest: Option<Digest>,
    /// The digests of the signature objects written or found.
    pub signatures: Vec<Digest>,
    /// What was attested, and where it is.
    pub attested: Vec<Attested>,
    /// The evidence bundle.
    pub bundle: Option<String>,
    /// What `aws ecr list-images` shows of the image; empty for other registries, and where the
    /// promoter may not ask.
    pub listed: Vec<ListedImage>,
    /// Who promoted.
    pub promoter: String,
    /// The warnings the promoter acknowledged, by class.
    pub acknowledged: Vec<String>,
    /// The ledger entry that records the promotion.
    pub ledger_entry: Option<u64>,
    /// The ledger's head after it.
    pub ledger_head: Option<Digest>,
}

impl Receipt {
    /// Returns the receipt as a document.
    #[must_use]
    pub fn document(&self) -> Document<'_, Self> {
        Document::new("countersign/receipt/v1", self)
    }
}
