//! The gate's rules about evidence: who looked, how well, when, and through which filter.
//!
//! What was found is judged in `findings`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{GateInput, Outcome, class};
use crate::model::{JoinRule, Report, ScanOption, Severity};
use crate::triage::policy::{Policy, Strictness};

/// Judges the reports.
pub(super) fn judge(policy: &Policy, input: &GateInput<'_>, outcome: &mut Outcome) {
    let reports = reports_of(input);
    if input.unreadable_inputs > 0 {
        let word = if input.unreadable_inputs == 1 {
            "input"
        } else {
            "inputs"
        };
        let text = format!("{} {word} could not be read", input.unreadable_inputs);
        outcome.block(class::UNREADABLE, text, Vec::new());
    }
    for document in input.exemptions {
        // A statement that was lost may have taken back one that was read.
        if !document.losses.is_empty() {
            let text = format!("{} was read only in part", document.origin.path);
            outcome.block(class::PARTIAL, text, Vec::new());
        }
    }
    if reports.is_empty() {
        let text = format!("no scan report about {} was read", input.subject.name);
        outcome.block(class::NO_REPORT, text, Vec::new());
        return;
    }
    for (report, rule) in &reports {
        if report.is_partial() {
            let text = format!("{} was read only in part", report.origin.path);
            outcome.block(class::PARTIAL, text, Vec::new());
        }
        if matches!(rule, JoinRule::Name | JoinRule::Asserted) {
            let text = format!(
                "{} is joined by {}: it does not count as a scan of this image",
                report.origin.path,
                rule.as_str()
            );
            outcome.warn(class::NAME_ONLY, text, Vec::new());
        }
    }
    for (report, _) in &reports {
        if report.looked_for_vulnerabilities && report.format.is_reduced() {
            let text = format!(
                "{} is reduced evidence ({}): its findings count, but not as a scan",
                report.origin.path,
                report.format.as_str()
            );
            outcome.warn(class::REDUCED, text, Vec::new());
        }
    }
    let looked = looked(&reports);
    judge_scanners(policy, &looked, &reports, outcome);
    judge_age(policy, &looked, input.now, outcome);
    for report in &looked {
        for option in &report.options {
            judge_option(policy, report, option, outcome);
        }
    }
}

fn reports_of<'a>(input: &'a GateInput<'_>) -> Vec<(&'a Report, JoinRule)> {
    input
        .subject
        .reports
        .iter()
        .filter_map(|(position, rule)| {
            let report = input.reports.get(*position)?;
            Some((report.as_ref(), *rule))
        })
        .collect()
}

/// Returns the reports that count as a scan of this image.
fn looked<'a>(reports: &[(&'a Report, JoinRule)]) -> Vec<&'a Report> {
    reports
        .iter()
        .filter(|(report, rule)| {
            report.is_scan() && (rule.is_identity() || *rule == JoinRule::None)
        })
        .map(|(report, _)| *report)
        .collect()
}

/// Returns the scanners that the policy asks for and that have not looked.
pub(super) fn missing_scanners<'a>(policy: &'a Policy, input: &GateInput<'_>) -> Vec<&'a str> {
    missing(policy, &looked(&reports_of(input)))
}

fn missing<'a>(policy: &'a Policy, looked: &[&Report]) -> Vec<&'a str> {
    let have: BTreeSet<String> = looked
        .iter()
        .map(|report| report.scanner.to_lowercase())
        .collect();
    let asked = policy.gate.scanners.iter().map(String::as_str);
    asked
        .filter(|scanner| !have.contains(&scanner.to_lowercase()))
        .collect()
}

fn judge_scanners(
    policy: &Policy,
    looked: &[&Report],
    reports: &[(&Report, JoinRule)],
    outcome: &mut Outcome,
) {
    let by_name = reports
        .iter()
        .any(|(report, rule)| report.looked_for_vulnerabilities && *rule == JoinRule::Name);
    if looked.is_empty() {
        let (class, text) = if by_name {
            (
                class::NAME_ONLY,
                "the reports name this image, but nothing proves that they are about it",
            )
        } else {
            (
                class::NOT_SCANNED,
                "no report read whole holds a vulnerability result about this image",
            )
        };
        outcome.block(class, text.to_owned(), Vec::new());
    }
    for scanner in missing(policy, looked) {
        let text = format!("the policy asks for {scanner}, which has not looked at this image");
        outcome.block(class::NOT_SCANNED, text, Vec::new());
    }
}

/// Of each scanner the newest report counts.
fn judge_age(policy: &Policy, looked: &[&Report], now: DateTime<Utc>, outcome: &mut Outcome) {
    let Some(longest) = policy.gate.max_report_age.0 else {
        return;
    };
    let mut newest: BTreeMap<&str, &Report> = BTreeMap::new();
    for report in looked {
        let known = newest.entry(&report.scanner).or_insert(report);
        if report.created > known.created {
            *known = report;
        }
    }
    for report in newest.into_values() {
        let text = match report.created {
            None => format!("{} has no date", report.origin.path),
            Some(created) if now.signed_duration_since(created) > longest => format!(
                "{} of {} is older than {}",
                report.origin.path,
                created.format("%Y-%m-%d %H:%M UTC"),
                policy.gate.max_report_age
            ),
            Some(_) => continue,
        };
        outcome.block(class::REPORT_AGE, text, Vec::new());
    }
}

/// A filter narrower than the policy closes the gate where the report records it, and warns where
/// it is inferred.
fn judge_option(policy: &Policy, report: &Report, option: &ScanOption, outcome: &mut Outcome) {
    let Some(hidden) = hides(policy, option) else {
        return;
    };
    let text = format!(
        "{} was made with {} {}, which hides {}",
        report.origin.path, option.name, option.value, hidden.what
    );
    if option.recorded && hidden.closes {
        outcome.block(class::SCAN_FILTER, text, Vec::new());
    } else {
        let doubt = if option.recorded { "" } else { " (inferred)" };
        outcome.warn(class::SCAN_FILTER, format!("{text}{doubt}"), Vec::new());
    }
}

struct Hidden {
    what: String,
    closes: bool,
}

fn hides(policy: &Policy, option: &ScanOption) -> Option<Hidden> {
    let hidden = |what: &str| {
        Some(Hidden {
            what: what.to_owned(),
            closes: true,
        })
    };
    if option.value == "false" {
        return None;
    }
    match option.name.as_str() {
        "only-fixed" | "ignore-unfixed" | "ignore-wontfix" if !policy.gate.fixable => {
            hidden("findings without a fix, which the policy asks for")
        }
        "only-notfixed" => hidden("findings that have a fix"),
        "exclude" => hidden("a part of the image"),
        "severity" => hidden_severities(policy, option),
        _ => None,
    }
}

/// The severities of the value: a list, or a least one (`>=high`, `high+`). An inferred list is what
/// was seen: everything above its least may have been absent.
fn hidden_severities(policy: &Policy, option: &ScanOption) -> Option<Hidden> {
    let lower = option.value.trim().to_lowercase();
    let listed: Vec<Severity> = lower
        .split(',')
        .filter_map(|word| word.trim().parse().ok())
        .collect();
    let least = lower
        .strip_prefix(">=")
        .or_else(|| lower.strip_suffix('+'))
        .and_then(|text| text.trim().parse::<Severity>().ok())
        .or_else(|| listed.iter().min().copied().filter(|_| !option.recorded));
    let shown: Vec<Severity> = match least {
        Some(least) => Severity::ALL.into_iter().filter(|s| *s >= least).collect(),
        None => listed,
    };
    let missing = |severity: &Severity| !shown.contains(severity);
    let wanted: Vec<&str> = Severity::ALL
        .into_iter()
        .filter(|severity| *severity >= policy.gate.severity && missing(severity))
        .map(Severity::as_str)
        .collect();
    if !wanted.is_empty() {
        return Some(Hidden {
            what: format!("{}, which the policy asks for", wanted.join(", ")),
            closes: true,
        });
    }
    (missing(&Severity::Unknown) && policy.gate.unknown_severity != Strictness::Allow).then(|| {
        Hidden {
            what: "findings that nobody rated".to_owned(),
            closes: policy.gate.unknown_severity == Strictness::Deny,
        }
    })
}
