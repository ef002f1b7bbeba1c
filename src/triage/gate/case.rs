//! A review of one image as the gate's tests change it.
//!
//! What is expected of it is said in the tests.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{Gate, GateInput, PromotionContext, evaluate};
use crate::model::{
    Approval, Decision, Digest, ExemptionDocument, Finding, FindingKey, FindingRef, ImageDecision,
    ImageVerdict, JoinRule, Kind, Loss, Record, Recorded, Report, ScanOption, Scope, Severity,
    Standing, StandingVerdict, Subject, SubjectRef, Until, Verdict,
};
use crate::triage::policy::Policy;
use crate::triage::standing::standing;
use crate::triage::testing::{digest, fixed, joined, now, record, report};

/// When a verdict was taken, its end, and what was otherwise then.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    until: Option<Until>,
    days_ago: i64,
    then: fn(&mut FindingRef),
}

/// A review of one image: what a test changes before it asks.
pub(super) struct Case {
    pub(super) policy: Policy,
    pub(super) reports: Vec<Report>,
    /// Whether the subject has the reports at all.
    pub(super) reports_given: bool,
    /// The rule that joined every report, where it is not the one of the documents.
    pub(super) rule: Option<JoinRule>,
    pub(super) decision: Option<(Decision, Standing)>,
    pub(super) taken: Option<Taken>,
    pub(super) approvals: Vec<Approval>,
    pub(super) trusted: Vec<Digest>,
    pub(super) unreadable: usize,
    pub(super) disputed: bool,
    pub(super) exemptions: Vec<Arc<ExemptionDocument>>,
    pub(super) promotion: Option<PromotionContext>,
}

impl Case {
    pub(super) fn of(records: Vec<Record>) -> Self {
        Self {
            policy: Policy::default(),
            reports: vec![report("trivy", records)],
            reports_given: true,
            rule: None,
            decision: None,
            taken: None,
            approvals: Vec::new(),
            trusted: Vec::new(),
            unreadable: 0,
            disputed: false,
            exemptions: Vec::new(),
            promotion: None,
        }
    }

    pub(super) fn clean() -> Self {
        Self::of(vec![])
    }

    pub(super) fn policy(mut self, text: &str) -> Self {
        self.policy = text.parse().unwrap();
        self
    }

    pub(super) fn change(mut self, change: impl Fn(&mut Report)) -> Self {
        self.reports.iter_mut().for_each(change);
        self
    }

    pub(super) fn decided(mut self, decision: Decision, standing: Standing) -> Self {
        self.decision = Some((decision, standing));
        self
    }

    /// A verdict whose standing the rules work out: taken some days ago, on what `then` makes of
    /// today's finding.
    pub(super) fn taken(
        mut self,
        decision: Decision,
        until: &str,
        days_ago: i64,
        then: fn(&mut FindingRef),
    ) -> Self {
        self.decision = Some((decision, Standing::Current));
        self.taken = Some(Taken {
            until: until.parse().ok(),
            days_ago,
            then,
        });
        self
    }

    pub(super) fn joined_by(mut self, rule: JoinRule) -> Self {
        self.rule = Some(rule);
        self
    }

    pub(super) fn unreadable(mut self, inputs: usize) -> Self {
        self.unreadable = inputs;
        self
    }

    pub(super) fn disputed(mut self) -> Self {
        self.disputed = true;
        self
    }

    pub(super) fn with(mut self, report: Report) -> Self {
        self.reports.push(report);
        self
    }

    pub(super) fn partial(self) -> Self {
        self.change(|report| {
            report.losses.push(Loss {
                place: "Results[0]".into(),
                offset: None,
                reason: "it ends early".into(),
                records: 1,
            });
        })
    }

    pub(super) fn option(self, name: &str, value: &str, recorded: bool) -> Self {
        self.change(|report| {
            report.options.push(ScanOption {
                name: name.into(),
                value: value.into(),
                recorded,
            });
        })
    }

    pub(super) fn made_days_ago(self, days: Option<i64>) -> Self {
        let created = days.map(|days| now() - TimeDelta::days(days));
        self.change(move |report| report.created = created)
    }

    pub(super) fn to(mut self, destination: &str) -> Self {
        if let Some(promotion) = &mut self.promotion {
            promotion.destination = Some(destination.into());
        }
        self
    }

    pub(super) fn of_digest(mut self, digit: char) -> Self {
        if let Some(promotion) = &mut self.promotion {
            promotion.digest = Some(digest(digit));
        }
        self
    }

    pub(super) fn trusting(mut self, keys: &[char]) -> Self {
        self.trusted = keys.iter().copied().map(digest).collect();
        self
    }

    pub(super) fn promoted_by(mut self, promoter: &str) -> Self {
        self.promotion = Some(PromotionContext {
            destination: Some("registry.example/app".into()),
            digest: Some(digest('a')),
            promoter: Some(promoter.into()),
            promoter_key: None,
        });
        self
    }

    pub(super) fn approved(
        mut self,
        who: &str,
        decision: ImageDecision,
        key: Option<char>,
    ) -> Self {
        let entry = self.approvals.len() as u64 + 1;
        let (subjects, _) = joined(&self.reports);
        self.approvals.push(Approval {
            verdict: ImageVerdict {
                suppressed: None,
                decision,
                reason: "seen".into(),
                subject: SubjectRef::of(&subjects[0]),
                policy_sha256: self.policy.sha256(),
                excused: Vec::new(),
                left: Vec::new(),
                reports: Vec::new(),
                envelope: None,
            },
            recorded: recorded(who, entry),
            standing: Standing::Current,
            because: None,
            signed_by: key.map(digest),
        });
        self
    }

    pub(super) fn ask(&self) -> Gate {
        let (mut subjects, found) = joined(&self.reports);
        if let Some(rule) = self.rule {
            for (_, joined) in &mut subjects[0].reports {
                *joined = rule;
            }
        }
        if !self.reports_given {
            subjects[0].reports.clear();
        }
        let findings: Vec<&Finding> = found.findings.iter().collect();
        let standing: Vec<StandingVerdict> = findings
            .iter()
            .filter_map(|finding| self.verdict(finding, &subjects[0]))
            .collect();
        let verdicts: Vec<Option<&StandingVerdict>> = standing.iter().map(Some).collect();
        let keys: Vec<FindingKey> = findings.iter().map(|f| f.key.clone()).collect();
        let reports: Vec<Arc<Report>> = self.reports.iter().cloned().map(Arc::new).collect();
        evaluate(
            &self.policy,
            &GateInput {
                subject: &subjects[0],
                reports: &reports,
                exemptions: &self.exemptions,
                findings: &findings,
                verdicts: &verdicts,
                approvals: &self.approvals,
                trusted_keys: &self.trusted,
                unreadable_inputs: self.unreadable,
                disagreements: if self.disputed { &keys } else { &[] },
                promotion: self.promotion.as_ref(),
                now: now(),
            },
        )
    }

    fn verdict(&self, finding: &Finding, subject: &Subject) -> Option<StandingVerdict> {
        let (decision, given) = self.decision?;
        let mut verdict = Verdict {
            decision,
            reason: "known".into(),
            until: Some(Until::Fixed),
            justification: None,
            scope: Scope::Finding,
            finding: FindingRef::of(finding),
            subject: SubjectRef::of(subject),
            reports: Vec::new(),
            carried_from: None,
        };
        let mut recorded = recorded("somebody", 1);
        let (mut state, mut because) = (given, None);
        if let Some(taken) = self.taken {
            verdict.until = taken.until;
            (taken.then)(&mut verdict.finding);
            recorded.time = now() - TimeDelta::days(taken.days_ago);
            (state, because) = standing(
                &verdict,
                recorded.time,
                finding,
                subject,
                &self.policy,
                now(),
            );
        }
        Some(StandingVerdict {
            verdict,
            recorded,
            standing: state,
            because,
            carried: false,
            renewed_by: Vec::new(),
        })
    }

    pub(super) fn blockers(&self) -> Vec<&'static str> {
        let gate = self.ask();
        assert_eq!(gate.open, gate.blockers.is_empty());
        assert_eq!(gate.to_open.is_empty(), gate.open);
        gate.blockers.iter().map(|blocker| blocker.class).collect()
    }

    pub(super) fn warnings(&self) -> Vec<&'static str> {
        self.ask().warnings.iter().map(|w| w.class).collect()
    }
}

pub(super) fn recorded(reviewer: &str, entry: u64) -> Recorded {
    Recorded {
        reviewer: reviewer.into(),
        time: now() - TimeDelta::days(1),
        entry,
        entry_sha256: digest('e'),
    }
}

pub(super) fn high() -> Record {
    Record {
        fix: fixed(&["2"]),
        ..record("CVE-1-1", &[], Severity::High)
    }
}

pub(super) fn of_kind(kind: Kind, severity: Severity) -> Record {
    Record {
        kind,
        ..record("RULE-1", &[], severity)
    }
}
