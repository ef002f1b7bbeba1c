//! What a review answers about a subject: the gate, earlier verdicts, scanner against scanner.
//!
//! The rules are `triage`'s; what was loaded is in `state`.

use chrono::{DateTime, Utc};

use super::Review;
use crate::model::{Finding, FindingKey, Standing, StandingVerdict};
use crate::triage::carry::Offer;
use crate::triage::compare::{self, Across, Comparison};
use crate::triage::gate::{self, Gate, GateInput, PromotionContext};
use crate::triage::impact::{self, Impact};
use crate::triage::standing::FindingSets;

impl Review {
    /// Returns the policy's answer for a subject; none where there is no such subject.
    #[must_use]
    pub fn gate(
        &self,
        subject: usize,
        promotion: Option<&PromotionContext>,
        now: DateTime<Utc>,
    ) -> Option<Gate> {
        let image = self.subjects.get(subject)?;
        let positions: Vec<usize> = self.findings_of(subject).collect();
        let findings: Vec<&Finding> = positions
            .iter()
            .filter_map(|position| self.findings.get(*position))
            .collect();
        let verdicts: Vec<Option<&StandingVerdict>> = positions
            .iter()
            .map(|position| self.verdicts.get(*position).and_then(Option::as_ref))
            .collect();
        let disagreements = self.disagreements(subject);
        Some(gate::evaluate(
            &self.policy,
            &GateInput {
                subject: image,
                reports: &self.reports,
                exemptions: &self.exemptions,
                findings: &findings,
                verdicts: &verdicts,
                approvals: self.approvals.get(subject).map_or(&[][..], Vec::as_slice),
                trusted_keys: self.trusted.fingerprints(),
                unreadable_inputs: self.failures.len(),
                disagreements: &disagreements,
                promotion,
                now,
            },
        ))
    }

    /// Returns the findings that scanners disagree about, where the policy asks for a word on them.
    fn disagreements(&self, subject: usize) -> Vec<FindingKey> {
        if !self.policy.gate.disagreement_note {
            return Vec::new();
        }
        let mut comparisons = self.comparisons(subject);
        // What a reduced format leaves out is no disagreement, where whole reports are at hand.
        if comparisons.iter().any(|one| !one.is_reduced()) {
            comparisons.retain(|one| !one.is_reduced());
        }
        let differing: Vec<_> = comparisons
            .iter()
            .flat_map(|comparison| &comparison.rows)
            .filter(|row| !row.difference.is_empty())
            .collect();
        self.findings_of(subject)
            .filter_map(|position| self.findings.get(position))
            .filter(|finding| {
                differing.iter().any(|row| {
                    finding.ids().any(|id| *id == row.id)
                        && finding.package.name == row.package.name
                })
            })
            .map(|finding| finding.key.clone())
            .collect()
    }

    /// Returns the keys of a subject's findings by what became of them. An image approval is bound
    /// to them.
    #[must_use]
    pub fn finding_sets(&self, subject: usize) -> FindingSets {
        let mut found = FindingSets::default();
        for position in self.findings_of(subject) {
            let Some(finding) = self.findings.get(position) else {
                continue;
            };
            let verdict = self.verdicts.get(position).and_then(Option::as_ref);
            let holds = verdict.is_some_and(|standing| {
                standing.standing == Standing::Current && standing.verdict.decision.excuses()
            });
            let set = match (&finding.suppressed_by, holds) {
                (Some(_), _) => &mut found.suppressed,
                (None, true) => &mut found.excused,
                (None, false) => &mut found.left,
            };
            set.push(finding.key.clone());
        }
        found.excused.sort();
        found.left.sort();
        found.suppressed.sort();
        found
    }

    /// Returns the earlier verdict offered on a finding, by position.
    #[must_use]
    pub fn offer(&self, finding: usize) -> Option<&Offer> {
        let found = self
            .offers
            .binary_search_by_key(&finding, |offer| offer.finding);
        self.offers.get(found.ok()?)
    }

    /// Returns the earlier verdicts offered on a subject's findings, in the review's order.
    pub fn offers_of(&self, subject: usize) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(move |offer| {
            let finding = self.findings.get(offer.finding);
            finding.is_some_and(|finding| finding.subject as usize == subject)
        })
    }

    /// Returns what verdicts on `chosen`, findings of `subject`, would reach under each scope:
    /// among everything that is loaded, and what the ledger knows of other images.
    #[must_use]
    pub fn impacts(&self, subject: usize, chosen: &[&Finding]) -> Vec<Impact> {
        self.subjects.get(subject).map_or_else(Vec::new, |on| {
            impact::impacts(chosen, on, &self.findings, &self.subjects, &self.known)
        })
    }

    /// Returns scanner against scanner for a subject, one comparison a pair of reports.
    #[must_use]
    pub fn comparisons(&self, subject: usize) -> Vec<Comparison> {
        self.subjects
            .get(subject)
            .map(|image| compare::compare(image, &self.reports, &self.sboms))
            .unwrap_or_default()
    }

    /// Returns all reports of a subject at once; none with fewer than three to compare.
    #[must_use]
    pub fn across(&self, subject: usize) -> Option<Across> {
        let findings = self.findings_of(subject);
        compare::across(
            self.subjects.get(subject)?,
            &self.reports,
            findings.filter_map(|position| self.findings.get(position)),
        )
    }
}
