//! The calendar: which accepted risks end when, over all images that a ledger names.
//!
//! What a ledger alone shows: a fix that appears in a report ends an acceptance "until fixed" at
//! once, and is seen in `standing`.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::policy::Policy;
use super::standing::excuse_end;
use crate::model::{Decision, Recorded, SubjectRef, Until, Verdict};

/// How soon an accepted risk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Due {
    /// It has ended.
    Over,
    /// Within 7 days.
    Week,
    /// Within 30 days.
    Month,
    /// Within 90 days.
    Quarter,
    /// Later than that.
    Later,
    /// As soon as a fix appears, by the policy's longest time at the latest.
    UntilFixed,
}

impl Due {
    /// Every one, the soonest first.
    pub const ALL: [Self; 6] = [
        Self::Over,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::Later,
        Self::UntilFixed,
    ];

    /// Returns the words for so many of them: `within 7 days`.
    #[must_use]
    pub fn within(self) -> String {
        match self {
            Self::Week | Self::Month | Self::Quarter => format!("within {}", self.label()),
            Self::Over | Self::Later | Self::UntilFixed => self.label().to_owned(),
        }
    }

    /// Returns the words shown in a column of its own.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Quarter => "90 days",
            Self::Later => "later",
            Self::UntilFixed => "until fixed",
        }
    }
}

/// An accepted risk and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Who recorded it and when.
    pub recorded: Recorded,
    /// The verdict.
    pub verdict: Verdict,
    /// When it ends at the latest: by its date or the policy's longest time; none where neither is.
    pub end: Option<DateTime<Utc>>,
    /// How many days are left until the last day on which it holds; below zero when it has ended.
    pub days: Option<i64>,
    /// How soon that is.
    pub due: Due,
}

/// Returns the accepted risks that a ledger records, the ended ones first and then the next to end;
/// those until a fix come last. One that a later verdict on the same finding and image takes the
/// place of is left out.
#[must_use]
pub fn calendar(
    verdicts: &[(Recorded, Verdict)],
    policy: &Policy,
    now: DateTime<Utc>,
) -> Vec<Ending> {
    let accepted = verdicts
        .iter()
        .enumerate()
        .filter(|(_, (_, verdict))| verdict.decision == Decision::AcceptRisk);
    let mut endings: Vec<Ending> = accepted
        .filter(|(place, (_, verdict))| {
            let later = verdicts.iter().skip(place + 1);
            !later.into_iter().any(|(_, other)| replaces(other, verdict))
        })
        .map(|(_, (recorded, verdict))| ending(recorded, verdict, policy, now))
        .collect();
    endings.sort_by_key(|one| {
        let end = one.end.unwrap_or(DateTime::<Utc>::MAX_UTC);
        (one.due, end, one.recorded.entry)
    });
    endings
}

fn ending(recorded: &Recorded, verdict: &Verdict, policy: &Policy, now: DateTime<Utc>) -> Ending {
    // Without an end nothing was accepted: it is over.
    let end = match verdict.until {
        None => Some(recorded.time),
        Some(_) => excuse_end(verdict, recorded.time, policy),
    };
    // An end is the first moment after; the day before it is the last on which the risk is taken.
    let days = end.map(|end| {
        let last = end - TimeDelta::seconds(1);
        (last.date_naive() - now.date_naive()).num_days()
    });
    let due = match (verdict.until, days) {
        _ if end.is_some_and(|end| now >= end) => Due::Over,
        (Some(Until::Fixed), _) => Due::UntilFixed,
        (_, Some(..=7)) => Due::Week,
        (_, Some(8..=30)) => Due::Month,
        (_, Some(31..=90)) => Due::Quarter,
        (_, _) => Due::Later,
    };
    Ending {
        recorded: recorded.clone(),
        verdict: verdict.clone(),
        end,
        days,
        due,
    }
}

/// Returns whether a later verdict takes the place of an earlier one wherever that reached.
fn replaces(later: &Verdict, earlier: &Verdict) -> bool {
    later.finding.key == earlier.finding.key
        && later.scope >= earlier.scope
        && is_same_image(&later.subject, &earlier.subject)
}

fn is_same_image(one: &SubjectRef, other: &SubjectRef) -> bool {
    match (one.identity(), other.identity()) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.name == other.name,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, FindingRef, Scope, Severity};
    use crate::triage::testing::{digest, joined, now, record, report};

    fn accepted(entry: u64, until: Option<&str>, days_ago: i64) -> (Recorded, Verdict) {
        let (subjects, joined) = joined(&[report(
            "trivy",
            vec![record(&format!("CVE-2024-{entry}"), &[], Severity::High)],
        )]);
        let verdict = Verdict {
            decision: Decision::AcceptRisk,
            reason: "known".into(),
            until: until.map(|text| text.parse().unwrap()),
            justification: None,
            scope: Scope::Finding,
            finding: FindingRef::of(&joined.findings[0]),
            subject: SubjectRef::of(&subjects[0]),
            reports: Vec::new(),
            carried_from: None,
        };
        let recorded = Recorded {
            reviewer: "somebody".into(),
            time: now() - TimeDelta::days(days_ago),
            entry,
            entry_sha256: Digest::of(&entry.to_be_bytes()),
        };
        (recorded, verdict)
    }

    fn shown(verdicts: &[(Recorded, Verdict)]) -> Vec<(u64, &'static str, Option<i64>)> {
        calendar(verdicts, &Policy::default(), now())
            .into_iter()
            .map(|one| (one.recorded.entry, one.due.label(), one.days))
            .collect()
    }

    #[test]
    fn ends_are_grouped_and_the_next_comes_first() {
        // It is 2026-05-01; the policy takes a risk for 90 days at most.
        let verdicts = [
            accepted(1, Some("fixed"), 10),
            accepted(2, Some("2026-07-30"), 0),
            accepted(3, Some("2026-05-31"), 1),
            accepted(4, Some("2026-05-08"), 1),
            accepted(5, Some("2026-05-01"), 1),
            accepted(6, Some("2026-04-30"), 1),
            accepted(7, Some("fixed"), 90),
            accepted(8, Some("2026-05-09"), 1),
            accepted(9, Some("2026-06-01"), 1),
            accepted(10, Some("2026-12-31"), 87),
            accepted(11, None, 3),
        ];
        assert_eq!(
            shown(&verdicts),
            [
                (11, "over", Some(-3)),
                (6, "over", Some(-1)),
                (7, "over", Some(0)),
                (5, "7 days", Some(0)),
                (10, "7 days", Some(3)),
                (4, "7 days", Some(7)),
                (8, "30 days", Some(8)),
                (3, "30 days", Some(30)),
                (9, "90 days", Some(31)),
                (2, "90 days", Some(90)),
                (1, "until fixed", Some(80)),
            ]
        );
        let mut without = Policy::default();
        without.approval.risk_acceptance_max.0 = None;
        let endings = calendar(&verdicts[..1], &without, now());
        assert_eq!((endings[0].end, endings[0].due), (None, Due::UntilFixed));
        let endings = calendar(&verdicts[9..10], &without, now());
        assert_eq!((endings[0].days, endings[0].due), (Some(244), Due::Later));
    }

    #[test]
    fn what_a_later_verdict_takes_the_place_of_is_left_out() {
        let (recorded, verdict) = accepted(1, Some("2026-05-05"), 5);
        let later = |change: fn(&mut Verdict)| {
            let mut other = (accepted(2, None, 1).0, verdict.clone());
            change(&mut other.1);
            let entries = [(recorded.clone(), verdict.clone()), other];
            shown(&entries).iter().map(|one| one.0).collect::<Vec<_>>()
        };
        assert_eq!(later(|_| {}), [2]);
        assert_eq!(later(|v| v.decision = Decision::NotAffected), [0; 0]);
        assert_eq!(later(|v| v.scope = Scope::Everywhere), [2]);
        assert_eq!(
            later(|v| v.subject.manifest_digest = Some(digest('9'))),
            [1, 2]
        );
    }
}
