//! What a table cannot show row by row: severity × fix state × verdict × policy, all of it, and that
//! what was not scanned, or not read whole, never opens the gate.

use proptest::prelude::*;

use super::*;
use crate::model::Report;
use crate::triage::testing::any_report;

const FIX_STATES: [FixState; 4] = [
    FixState::Fixed,
    FixState::NotFixed,
    FixState::WontFix,
    FixState::Unknown,
];

#[test]
fn severity_fix_state_verdict_and_policy() {
    let mut verdicts: Vec<Option<(Decision, Standing)>> = vec![None];
    for decision in Decision::ALL {
        for standing in [Standing::Current, Standing::Stale, Standing::Expired] {
            verdicts.push(Some((decision, standing)));
        }
    }
    let mut count = 0;
    for severity in Severity::ALL {
        for state in FIX_STATES {
            for verdict in &verdicts {
                let mut case = without_fix(severity, state);
                if state == FixState::Fixed {
                    case = fixable(severity);
                }
                case.decision = *verdict;
                for least in Severity::ALL {
                    for only_fixable in [true, false] {
                        case = case.policy(&format!(
                            "[gate]\nseverity = \"{least}\"\nfixable = {only_fixable}\nunknown_severity = \"allow\""
                        ));
                        let severe = severity >= least;
                        let counts = !only_fixable || state == FixState::Fixed;
                        let excused = verdict.is_some_and(|(decision, standing)| {
                            standing == Standing::Current && decision.excuses()
                        });
                        let gate = case.ask();
                        assert_eq!(
                            gate.open,
                            !severe || !counts || excused,
                            "{severity} {state:?} {verdict:?} under {:?}",
                            case.policy.gate
                        );
                        assert_eq!(gate.excused.len(), usize::from(severe && counts && excused));
                        count += 1;
                    }
                }
            }
        }
    }
    assert_eq!(count, 6 * 4 * 16 * 6 * 2);
}

/// Any policy that asks for little: the less it asks for, the more would open.
fn any_policy() -> impl Strategy<Value = String> {
    (
        prop::sample::select(vec!["critical", "high", "low", "unknown"]),
        any::<bool>(),
        prop::sample::select(vec!["deny", "warn", "allow"]),
        prop::sample::select(vec!["off", "1h", "9w"]),
        any::<bool>(),
    )
        .prop_map(|(severity, fixable, strictness, age, note)| {
            format!(
                "[gate]\nseverity = \"{severity}\"\nfixable = {fixable}\nunknown_severity = \"{strictness}\"\n\
                 secrets = \"{strictness}\"\nmisconfiguration = \"off\"\nmax_report_age = \"{age}\"\n\
                 disagreement_note = {note}\n[approval]\nrequired = 0"
            )
        })
}

/// Makes a report worthless as a scan.
fn spoil(report: &mut Report, how: usize) {
    match how {
        0 => report.looked_for_vulnerabilities = false,
        1 => report.format = Format::Sarif,
        _ => report.losses.push(crate::model::Loss {
            place: "a".into(),
            offset: None,
            reason: "b".into(),
            records: 0,
        }),
    }
}

proptest! {
    #[test]
    fn what_was_not_scanned_never_opens(
        trivy in any_report("trivy"),
        grype in any_report("grype"),
        how in prop::collection::vec(0..3_usize, 2),
        rule in prop::option::of(prop::sample::select(vec![JoinRule::Name, JoinRule::Asserted])),
        policy in any_policy(),
        decision in prop::sample::select(Decision::ALL.to_vec()),
        promoted in any::<bool>(),
    ) {
        let mut case = Case::clean().policy(&policy);
        case.reports = vec![trivy, grype];
        if rule.is_none() {
            // Not joined by identity, or nothing in them that counts as a scan.
            for (report, how) in case.reports.iter_mut().zip(&how) {
                spoil(report, *how);
            }
        }
        case.rule = rule;
        case = case.decided(decision, Standing::Current);
        if promoted {
            case = case.promoted_by("promoter").approved("first", ImageDecision::Approve, None);
        }
        let gate = case.ask();
        prop_assert!(!gate.open);
        prop_assert!(!gate.to_open.is_empty());
    }

    #[test]
    fn what_was_read_in_part_never_opens(
        trivy in any_report("trivy"),
        grype in any_report("grype"),
        unreadable in 0..3_usize,
        policy in any_policy(),
        decision in prop::sample::select(Decision::ALL.to_vec()),
    ) {
        let mut case = Case::clean().policy(&policy);
        case.reports = vec![trivy, grype];
        if unreadable == 0 {
            spoil(&mut case.reports[1], 2);
        }
        case.unreadable = unreadable;
        let gate = case.decided(decision, Standing::Current).ask();
        prop_assert!(!gate.open);
    }

    #[test]
    fn without_a_report_it_never_opens(policy in any_policy()) {
        let mut case = Case::clean().policy(&policy);
        case.reports_given = false;
        prop_assert_eq!(case.blockers(), [super::super::class::NO_REPORT]);
    }
}
