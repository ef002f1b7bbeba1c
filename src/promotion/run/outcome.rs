//! What a run has done so far, and the receipt that is made of it.
//!
//! Steps are taken in `run`.

use chrono::{DateTime, Utc};

use super::Order;
use crate::model::Digest;
use crate::promotion::attestation::Attested;
use crate::promotion::{Attached, BlobRecord, Plan, Receipt, Step, StepTime};
use crate::registry::ListedImage;
use crate::signatures::Format;

/// What was done so far.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) fates: Vec<BlobRecord>,
    pub(super) bytes_sent: u64,
    pub(super) manifests_sent: Vec<Digest>,
    pub(super) foreign: Vec<Digest>,
    pub(super) retries: u64,
    pub(super) steps: Vec<StepTime>,
    pub(super) copied: bool,
    /// What was attached at the source, and what became of it.
    pub(super) attached: Vec<Attached>,
    pub(super) signatures: Vec<Digest>,
    pub(super) attested: Vec<Attested>,
    /// The formats in which a signature can be found now.
    pub(super) formats: Vec<Format>,
    /// Whether nothing had to be signed: all that was looked for was read, checked and found.
    pub(super) were_signed: bool,
    pub(super) bundle: Option<String>,
    pub(super) listed: Vec<ListedImage>,
    pub(super) tagged: bool,
}

impl Outcome {
    /// Returns the receipt of what was done so far; the ledger's part is still open.
    pub(super) fn receipt(
        &self,
        order: &Order<'_>,
        started: DateTime<Utc>,
        finished: DateTime<Utc>,
    ) -> Receipt {
        Receipt {
            plan: Plan {
                attached: self.attached.clone(),
                ..order.plan.clone()
            },
            fates: self.fates.clone(),
            bytes_sent: self.bytes_sent,
            manifests_sent: self.manifests_sent.clone(),
            foreign: self.foreign.clone(),
            steps: self.steps.clone(),
            retries: self.retries,
            started,
            finished,
            previous_tag_digest: order.plan.tag.from.clone(),
            signatures: self.signatures.clone(),
            attested: self.attested.clone(),
            bundle: self.bundle.clone(),
            listed: self.listed.clone(),
            promoter: order.request.promoter.clone(),
            acknowledged: order.request.acknowledged.clone(),
            ledger_entry: None,
            ledger_head: None,
        }
    }

    /// Says what of the image is at the destination.
    pub(super) fn exists(&self, step: Step, digest: &Digest) -> String {
        if self.tagged {
            "the tag is put and signed; only the record is missing: run it again".to_owned()
        } else if self.copied {
            format!("{digest} is at the destination without this tag")
        } else if step == Step::Check {
            "nothing was sent".to_owned()
        } else {
            "some blobs may be at the destination; no tag names them".to_owned()
        }
    }
}
