//! The receipt: the proof of what a promotion did.
//!
//! It is filled in by `run`, archived and recorded; nothing is read back from it here.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::model::Digest;

use super::{BlobPlan, Document, Plan};

/// The executed plan and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Receipt {
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
    /// Each blob's fate: `existed`, `mounted`, `uploaded`.
    pub fates: Vec<BlobPlan>,
    /// Retries in all.
    pub retries: u64,
    /// When the promotion began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// What the tag named before.
    pub previous_tag_digest: Option<Digest>,
    /// The digests of the signature objects written or found.
    pub signatures: Vec<Digest>,
    /// The evidence bundle.
    pub bundle: Option<String>,
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
