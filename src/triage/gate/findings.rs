//! The gate's rules about findings: what closes it, what verdicts excuse, what is only shown.
//!
//! Whether the reports are worth anything is judged in `evidence`.

use std::collections::{BTreeMap, HashSet};

use super::{Excused, GateInput, Outcome, class};
use crate::model::{
    Decision, Finding, FindingKey, Fixable, Kind, Severity, Standing, StandingVerdict,
    SuppressedBy, Suppression,
};
use crate::triage::policy::{Policy, Strictness};
use crate::triage::standing::excuse_end;

/// Judges the findings.
pub(super) fn judge(policy: &Policy, input: &GateInput<'_>, outcome: &mut Outcome) {
    let mut closing: BTreeMap<&'static str, Vec<FindingKey>> = BTreeMap::new();
    let mut shown: BTreeMap<&'static str, Vec<FindingKey>> = BTreeMap::new();
    let mut lapsed: Vec<FindingKey> = Vec::new();
    let mut suppressed: BTreeMap<(Strictness, String), Vec<FindingKey>> = BTreeMap::new();
    let verdicts = input
        .verdicts
        .iter()
        .copied()
        .chain(std::iter::repeat(None));
    for (finding, verdict) in input.findings.iter().zip(verdicts) {
        let concern = concern(policy, finding);
        let Some((class, strictness)) = concern.filter(|(_, does)| *does != Strictness::Allow)
        else {
            continue;
        };
        let verdict = verdict.filter(|verdict| may_excuse(finding, verdict));
        if let Some(suppression) = hidden_by(finding) {
            // A person's own word needs no file's.
            if !verdict.is_some_and(|verdict| holds(policy, verdict, input)) {
                let strictness = strictness.max(policy.gate.suppressed);
                let group = (strictness, named(suppression));
                suppressed
                    .entry(group)
                    .or_default()
                    .push(finding.key.clone());
            }
            continue;
        }
        match verdict {
            Some(verdict) if holds(policy, verdict, input) => {
                outcome.excused.push(Excused {
                    key: finding.key.clone(),
                    verdict: verdict.clone(),
                });
                continue;
            }
            Some(_) => lapsed.push(finding.key.clone()),
            None => {}
        }
        match strictness {
            Strictness::Deny => closing.entry(class).or_default().push(finding.key.clone()),
            Strictness::Warn => shown.entry(class).or_default().push(finding.key.clone()),
            Strictness::Allow => {}
        }
    }
    for (class, keys) in closing {
        outcome.block(class, describe(policy, class, keys.len()), keys);
    }
    for (class, keys) in shown {
        outcome.warn(class, describe(policy, class, keys.len()), keys);
    }
    if !lapsed.is_empty() {
        let text = format!(
            "{} no longer hold: the evidence changed, or their end has passed",
            counted(lapsed.len(), "verdict", "verdicts")
        );
        outcome.warn(class::STALE_VERDICT, text, lapsed);
    }
    for ((strictness, source), keys) in suppressed {
        let text = format!(
            "{} by {source}, not by a verdict",
            if keys.len() == 1 {
                "1 finding is suppressed".to_owned()
            } else {
                format!(
                    "{} are suppressed",
                    counted(keys.len(), "finding", "findings")
                )
            }
        );
        match strictness {
            Strictness::Deny => outcome.block(class::SUPPRESSED, text, keys),
            Strictness::Warn => outcome.warn(class::SUPPRESSED, text, keys),
            Strictness::Allow => {}
        }
    }
    judge_disagreements(policy, input, outcome);
}

/// Returns what keeps a finding from counting. No file excuses a secret.
fn hidden_by(finding: &Finding) -> Option<&Suppression> {
    let excusable = |suppression: &&Suppression| {
        finding.kind != Kind::Secret || suppression.by == SuppressedBy::Scanner
    };
    finding.suppressed_by.as_ref().filter(excusable)
}

fn named(suppression: &Suppression) -> String {
    match suppression.by {
        SuppressedBy::Document => suppression.source.clone(),
        SuppressedBy::Scanner if suppression.source.is_empty() => "the scanner".to_owned(),
        SuppressedBy::Scanner => format!("the scanner ({})", suppression.source),
    }
}

/// Returns what a finding does to the gate, verdicts aside.
fn concern(policy: &Policy, finding: &Finding) -> Option<(&'static str, Strictness)> {
    let gate = &policy.gate;
    match finding.kind {
        Kind::Vulnerability => {
            if gate.fixable && finding.fix.fixable() != Fixable::Yes {
                return None;
            }
            if finding.severity >= gate.severity {
                return Some((class::VULNERABILITY, Strictness::Deny));
            }
            (finding.severity == Severity::Unknown)
                .then_some((class::UNKNOWN_SEVERITY, gate.unknown_severity))
        }
        Kind::Secret => Some((class::SECRET, gate.secrets)),
        Kind::Misconfiguration => gate
            .misconfiguration
            .0
            .filter(|least| finding.severity >= *least)
            .map(|_| (class::MISCONFIGURATION, Strictness::Deny)),
        Kind::License | Kind::Hygiene => None,
    }
}

/// A secret that is one cannot be argued away.
fn may_excuse(finding: &Finding, verdict: &StandingVerdict) -> bool {
    let decision = verdict.verdict.decision;
    decision.excuses() && (finding.kind != Kind::Secret || decision == Decision::FalsePositive)
}

fn holds(policy: &Policy, verdict: &StandingVerdict, input: &GateInput<'_>) -> bool {
    let end = excuse_end(&verdict.verdict, verdict.recorded.time, policy);
    verdict.standing == Standing::Current && end.is_none_or(|end| input.now < end)
}

fn describe(policy: &Policy, class: &str, count: usize) -> String {
    let with_fix = match (policy.gate.fixable, count) {
        (false, _) => "",
        (true, 1) => " that has a fix",
        (true, _) => " that have a fix",
    };
    match class {
        class::VULNERABILITY => format!(
            "{} of severity {} or above{with_fix}",
            counted(count, "vulnerability", "vulnerabilities"),
            policy.gate.severity
        ),
        class::UNKNOWN_SEVERITY => format!(
            "{} of unknown severity{with_fix}",
            counted(count, "vulnerability", "vulnerabilities")
        ),
        class::SECRET => counted(count, "secret", "secrets"),
        _ => format!(
            "{} of severity {} or above",
            counted(count, "misconfiguration", "misconfigurations"),
            policy.gate.misconfiguration
        ),
    }
}

fn counted(count: usize, one: &str, several: &str) -> String {
    let word = if count == 1 { one } else { several };
    format!("{} {word}", crate::text::thousands(count as u64))
}

/// Any verdict that holds says what a person makes of a disagreement.
fn judge_disagreements(policy: &Policy, input: &GateInput<'_>, outcome: &mut Outcome) {
    if !policy.gate.disagreement_note {
        return;
    }
    let disputed: HashSet<&FindingKey> = input.disagreements.iter().collect();
    let verdicts = input
        .verdicts
        .iter()
        .copied()
        .chain(std::iter::repeat(None));
    let open: Vec<FindingKey> = input
        .findings
        .iter()
        .zip(verdicts)
        .filter(|(finding, verdict)| {
            disputed.contains(&finding.key)
                && finding.suppressed_by.is_none()
                && finding.severity >= policy.gate.severity
                && !verdict.is_some_and(|verdict| holds(policy, verdict, input))
        })
        .map(|(finding, _)| finding.key.clone())
        .collect();
    if !open.is_empty() {
        let text = format!(
            "scanners disagree about {} of severity {} or above, and nobody said what holds",
            counted(open.len(), "finding", "findings"),
            policy.gate.severity
        );
        outcome.block(class::DISAGREEMENT, text, open);
    }
}
