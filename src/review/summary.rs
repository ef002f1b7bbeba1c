//! Counts of a subject, as the first screen and `list` show them.
//!
//! Counted when asked for; whether the counts are good enough is the gate's question.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::model::{Approval, Digest, Fixable, ImageDecision, Kind, SeverityCounts, Standing};

use super::approvals::Signature;
use super::state::Review;

/// A reviewer's word on an image as documents show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApprovalView {
    /// The name: a claim.
    pub reviewer: String,
    /// What was decided.
    pub decision: ImageDecision,
    /// Why.
    pub reason: String,
    /// When.
    pub time: DateTime<Utc>,
    /// Whether it holds.
    pub state: Standing,
    /// What changed, where it does not.
    pub stale_because: Option<String>,
    /// What is known of its signature.
    pub signature: Signature,
    /// The fingerprint of the key that made it.
    pub key_fingerprint: Option<Digest>,
    /// The SHA-256 of the signed envelope.
    pub envelope: Option<Digest>,
    /// The ledger entry; none where it came as a signed envelope alone.
    pub entry: Option<u64>,
}

/// The counts of one subject over findings that are not suppressed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Findings by severity.
    pub by_severity: SeverityCounts,
    /// Findings in all.
    pub findings: u64,
    /// Findings with a fix.
    pub fixable: u64,
    /// Findings of kind `secret`.
    pub secrets: u64,
    /// Findings without a current verdict.
    pub undecided: u64,
    /// Findings that are suppressed; the other counts leave them out.
    pub suppressed: u64,
    /// The scanners with a report, sorted.
    pub scanners: Vec<String>,
    /// Whether any report was read only in part.
    pub partial: bool,
    /// Whether a vulnerability result about this very subject was read whole.
    pub scanned: bool,
    /// The digests of the reports and SBOMs, and of the documents that reach a record, sorted.
    pub evidence: Vec<Digest>,
}

impl Review {
    /// Returns what is known of the signature of a verdict on an image.
    #[must_use]
    pub fn signature(&self, approval: &Approval) -> Signature {
        let by_key = !self.policy.approval.trusted_keys.is_empty();
        match &approval.signed_by {
            None => Signature::Unsigned,
            Some(_) if !by_key => Signature::Signed,
            Some(key) if self.trusted.trusts(key) => Signature::Trusted,
            Some(_) => Signature::Untrusted,
        }
    }

    /// Returns whether an approval holds and counts under the policy: where it trusts keys, only
    /// one signed by such a key does.
    #[must_use]
    pub fn counts(&self, approval: &Approval) -> bool {
        let by_key = !self.policy.approval.trusted_keys.is_empty();
        approval.verdict.decision == ImageDecision::Approve
            && approval.standing == Standing::Current
            && (!by_key || self.signature(approval) == Signature::Trusted)
    }

    /// Returns the words of reviewers on a subject, oldest first.
    #[must_use]
    pub fn approval_views(&self, subject: usize) -> Vec<ApprovalView> {
        let approvals = self.approvals.get(subject).map_or(&[][..], Vec::as_slice);
        let view = |approval: &Approval| ApprovalView {
            reviewer: approval.recorded.reviewer.clone(),
            decision: approval.verdict.decision,
            reason: approval.verdict.reason.clone(),
            time: approval.recorded.time,
            state: approval.standing,
            stale_because: approval.because.clone(),
            signature: self.signature(approval),
            key_fingerprint: approval.signed_by.clone(),
            envelope: approval.verdict.envelope.clone(),
            entry: (approval.recorded.entry > 0).then_some(approval.recorded.entry),
        };
        approvals.iter().map(view).collect()
    }

    /// Returns the counts of a subject.
    #[must_use]
    pub fn summary(&self, subject: usize) -> Summary {
        let mut summary = Summary::default();
        let Some(image) = self.subjects.get(subject) else {
            return summary;
        };
        for (position, rule) in &image.reports {
            let Some(report) = self.reports.get(*position) else {
                continue;
            };
            summary.partial |= report.is_partial();
            let alone = image.reports.len() == 1;
            summary.scanned |= report.is_scan() && (rule.is_identity() || alone);
            summary.scanners.push(report.scanner.clone());
            summary.evidence.push(report.origin.sha256.clone());
        }
        for (position, _) in &image.sboms {
            summary.evidence.extend(
                self.sboms
                    .get(*position)
                    .map(|sbom| sbom.origin.sha256.clone()),
            );
        }
        let exempting = self
            .exempting()
            .filter(|(_, outcome)| outcome.subjects.contains(&subject))
            .map(|(document, _)| document.origin.sha256.clone());
        summary.evidence.extend(exempting);
        summary.scanners.sort();
        summary.scanners.dedup();
        summary.evidence.sort();
        summary.evidence.dedup();
        for position in self.findings_of(subject) {
            let Some(finding) = self.findings.get(position) else {
                continue;
            };
            if finding.suppressed_by.is_some() {
                summary.suppressed += 1;
                continue;
            }
            summary.findings += 1;
            summary.by_severity.add(finding.severity);
            summary.fixable += u64::from(finding.fix.fixable() == Fixable::Yes);
            summary.secrets += u64::from(finding.kind == Kind::Secret);
            let decided = self.verdicts.get(position).and_then(Option::as_ref);
            let current = decided.is_some_and(|verdict| verdict.standing == Standing::Current);
            summary.undecided += u64::from(!current);
        }
        summary
    }

    /// Returns what suppresses findings of these subjects, and how many each: a file's path, or
    /// `the scanner`.
    #[must_use]
    pub fn suppressed_by(&self, subjects: &[usize]) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for finding in self.findings.iter() {
            let Some(suppression) = &finding.suppressed_by else {
                continue;
            };
            if subjects.contains(&(finding.subject as usize)) {
                *counts.entry(suppression.name()).or_default() += 1;
            }
        }
        counts
    }
}
