//! The approval as it is attached to a promoted image: who approved what, on which evidence.
//!
//! Said by whoever promotes, about the words of the reviewers; signing it is not done here. It
//! holds nothing that a second run of the same promotion would say otherwise.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::ledger::Entry;
use crate::model::{Approval, Digest, Until};
use crate::triage::gate::Blocker;

use super::Review;
use super::record::{excused, seen};

/// What a promotion adds to what the review knows.
#[derive(Clone, Copy, Debug)]
pub struct AttestedPromotion<'a> {
    /// Where the image is promoted to, with the tag.
    pub destination: &'a str,
    /// The manifest that the tag will name.
    pub digest: &'a Digest,
    /// Who promotes, in words.
    pub promoter: &'a str,
    /// The fingerprint of the key that signs.
    pub key: &'a Digest,
    /// What the gate warned of.
    pub warnings: &'a [Blocker],
}

impl Review {
    /// Returns whether an approval of a subject counts: only then is anything said about it.
    #[must_use]
    pub fn is_approved(&self, subject: usize) -> bool {
        self.approvals_that_count(subject).next().is_some()
    }

    /// Returns the time of the last word that a subject's approval rests on: what is written about
    /// it then is the same whenever it is written.
    #[must_use]
    pub fn approved_at(&self, subject: usize) -> Option<DateTime<Utc>> {
        let times = self.approvals_that_count(subject);
        times.map(|approval| approval.recorded.time).max()
    }

    /// Returns the predicate of `urn:countersign:review-approval:v1` for a subject that is
    /// promoted; none where no approval counts.
    #[must_use]
    pub fn attested_approval(
        &self,
        subject: usize,
        promotion: &AttestedPromotion<'_>,
    ) -> Option<Value> {
        let time = self.approved_at(subject)?;
        let image = self.subject_ref(subject)?;
        let views = self.approval_views(subject);
        let all = self.approvals.get(subject)?;
        let reviewers: Vec<Value> = all
            .iter()
            .zip(views)
            .filter(|(approval, _)| self.counts(approval))
            .map(|(_, view)| {
                json!({
                    "name": view.reviewer,
                    "key": view.key_fingerprint,
                    "signature": view.signature,
                    "time": seconds(view.time),
                    "reason": view.reason,
                    "envelope": view.envelope,
                    "entry": view.entry,
                })
            })
            .collect();
        let sets = self.finding_sets(subject);
        let excused = excused(self, subject, &sets.excused);
        let summary = self.summary(subject);
        let evidence: Vec<_> = summary.evidence.iter().map(|it| seen(self, it)).collect();
        let lapses = self.approvals_that_count(subject);
        let lapses = lapses.filter_map(|approval| {
            crate::triage::standing::approval_end(approval.recorded.time, &self.policy)
        });
        let risks = excused.iter().filter_map(|one| match one.until? {
            Until::Date(date) => Some(date.and_hms_opt(23, 59, 59)?.and_utc()),
            Until::Fixed => None,
        });
        Some(json!({
            "decision": "approve",
            "time": seconds(time),
            "until": lapses.chain(risks).min().map(seconds),
            "reviewers": reviewers,
            "promoter": {"name": promotion.promoter, "key": promotion.key},
            "destination": promotion.destination,
            "digest": promotion.digest,
            "subject": image,
            "policy_sha256": self.policy.sha256(),
            "gate": {"open": true, "warnings": promotion.warnings},
            "excused": excused,
            "left": sets.left,
            "suppressed": sets.suppressed,
            "counts": {
                "findings": summary.findings,
                "fixable": summary.fixable,
                "by_severity": summary.by_severity,
            },
            "evidence": evidence,
            "ledger": self.anchor(subject),
        }))
    }

    fn approvals_that_count(&self, subject: usize) -> impl Iterator<Item = &Approval> {
        let all = self.approvals.get(subject).map_or(&[][..], Vec::as_slice);
        all.iter().filter(|approval| self.counts(approval))
    }

    /// Returns the ledger's end as the approval saw it: the last entry about the subject. Later
    /// ones, such as the promotion's own, change nothing about it.
    fn anchor(&self, subject: usize) -> Option<Value> {
        let last: &Entry = self.history_of(&[subject]).into_iter().next_back()?;
        let first = self.history.first()?;
        Some(json!({"first": first.sha256, "seq": last.seq, "sha256": last.sha256}))
    }
}

fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
