//! Tests of the remedies: every finding once, the lowest version that is enough, safe commands.

use proptest::prelude::*;

use super::*;
use crate::model::{Fix, Record, Severity};
use crate::triage::gate::Gate;
use crate::triage::gate::case::Case;
use crate::triage::testing::{any_report, fixed, package, record};

/// The gate over findings of one package in `installed`, each fixed in some versions.
fn asked(installed: &str, fixes: &[&[&str]]) -> Gate {
    let records = fixes.iter().enumerate().map(|(number, versions)| Record {
        package: package("golang", "stdlib", installed),
        fix: fixed(versions),
        ..record(&format!("CVE-2024-{number}"), &[], Severity::High)
    });
    Case::of(records.collect()).ask()
}

fn upgrade(installed: &str, fixes: &[&[&str]]) -> String {
    let gate = asked(installed, fixes);
    assert_eq!(gate.to_open.len(), 1, "one package, one bump");
    assert_eq!(gate.to_open[0].clears.len(), fixes.len());
    gate.to_open[0].action.clone()
}

#[test]
fn the_bump_is_the_lowest_that_clears_all() {
    for (installed, fixes, expected) in [
        ("1.20.12", &[&["1.21.11", "1.22.4"][..]][..], "to 1.21.11"),
        // 1.21.11 does not hold the second fix, and 1.22.2 not the first: 1.21.12 holds both.
        (
            "1.20.12",
            &[&["1.21.11", "1.22.4"], &["1.21.12", "1.22.5"]],
            "to 1.21.12",
        ),
        (
            "1.20.12",
            &[&["1.21.11", "1.22.4"], &["1.22.2"]],
            "to 1.22.4",
        ),
        ("1", &[&["2"], &["10"]], "to 10"),
        ("v0.9.0", &[&["0.10.0"], &["v0.17.0"]], "to v0.17.0"),
        (
            "3.0.11-1~deb12u1",
            &[&["3.0.11-1~deb12u2"], &["3.0.13-1~deb12u1"]],
            "to 3.0.13-1~deb12u1",
        ),
        // Older branches are no way forward.
        ("1.22.0", &[&["1.21.11", "1.22.4"]], "to 1.22.4"),
    ] {
        let action = upgrade(installed, fixes);
        let count = fixes.len();
        let end = format!("{expected}: clears {count} finding");
        assert!(action.contains(&end), "{installed} {fixes:?}: {action}");
    }
}

#[test]
fn versions_that_cannot_be_ordered_stand_side_by_side() {
    for (installed, fixes) in [
        ("1.0", &[&["1:0.9"][..], &["1.1"]][..]),
        ("1.0", &[&["1.1-rc1"], &["1.1"]]),
        ("5", &[&["4"]]),
    ] {
        let action = upgrade(installed, fixes);
        assert!(action.contains("(fixed in "), "{installed}: {action}");
    }
    // What is installed cannot be compared, the fixes can: the highest of them is enough for all.
    for (installed, fixes, expected) in [
        ("1.0", &[&["1:0.9"][..]][..], "to 1:0.9:"),
        (
            "0.0.0-20220722155237-a158d28d115b",
            &[&["0.1.0"], &["0.2.0"]],
            "to 0.2.0:",
        ),
        ("1.4.5-lts.2", &[&["2.0.0"], &[">=2.0.2"]], "to 2.0.2:"),
    ] {
        let action = upgrade(installed, fixes);
        assert!(action.contains(expected), "{installed}: {action}");
    }
    let many = upgrade("a", &[&["1", "2", "3-b", "4", "5", "6"]]);
    assert!(many.contains("(fixed in 1, 2, 3-b, 4 or 2 more)"), "{many}");
}

#[test]
fn what_clears_most_comes_first_and_verdicts_name_their_command() {
    let of = |name: &str, id: &str, fix: Fix| Record {
        package: package("deb", name, "1"),
        fix,
        ..record(id, &[], Severity::High)
    };
    let gate = Case::of(vec![
        of("b", "CVE-1-1", fixed(&["2"])),
        of("b", "CVE-1-2", fixed(&["3"])),
        of("a", "CVE-1-3", fixed(&["2"])),
        of("b", "CVE-1-4", Fix::default()),
    ])
    .policy("[gate]\nfixable = false")
    .ask();
    let actions: Vec<&str> = gate.to_open.iter().map(|one| one.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "upgrade b 1 to 3: clears 2 findings",
            "upgrade a 1 to 2: clears 1 finding",
            "record a verdict on CVE-1-4 in b 1: no fix is named",
        ]
    );
    let key = &gate.to_open[2].clears[0];
    assert_eq!(
        gate.to_open[2].command.as_deref(),
        Some(&*format!(
            "countersign decide INPUT… --finding {key} --decision accept-risk --until fixed --reason TEXT"
        ))
    );
    assert_eq!(
        gate.to_open[0].command.as_deref(),
        Some("countersign findings INPUT… --fixable yes --filter pkg:b")
    );
}

#[test]
fn each_scanner_that_is_missing_has_its_command() {
    let gate = Case::clean()
        .policy("[gate]\nscanners = [\"trivy\", \"grype\", \"other\"]")
        .ask();
    let commands: Vec<Option<&str>> = gate
        .to_open
        .iter()
        .map(|one| one.command.as_deref())
        .collect();
    assert_eq!(
        commands,
        [Some("countersign scan app:1 --with grype"), None]
    );
    assert!(gate.to_open[1].action.contains("with other"));
}

#[test]
fn text_of_a_report_never_stands_in_a_command() {
    for name in [
        "a;reboot",
        "$(id)",
        "-x",
        "a b",
        "`id`",
        "a'b",
        "\u{202e}a",
        "a|b",
        "",
    ] {
        let gate = Case::of(vec![Record {
            package: package("npm", name, "1"),
            fix: fixed(&["2"]),
            ..record("CVE-1-1", &[], Severity::High)
        }])
        .ask();
        assert_eq!(gate.to_open[0].command, None, "{name}");
    }
    let hostile = Case::clean()
        .policy("[gate]\nscanners = [\"grype\"]")
        .change(|report| report.claim.name = Some("a;reboot".into()))
        .ask();
    assert_eq!(
        hostile.to_open[0].command.as_deref(),
        Some("countersign scan IMAGE --with grype")
    );
}

proptest! {
    #[test]
    fn every_finding_of_every_blocker_is_cleared_once(
        trivy in any_report("trivy"),
        grype in any_report("grype"),
        fixable in any::<bool>(),
        disputed in any::<bool>(),
    ) {
        let mut case = Case::clean().policy(&format!(
            "[gate]\nseverity = \"low\"\nfixable = {fixable}\nunknown_severity = \"deny\"\ndisagreement_note = true"
        ));
        case.reports = vec![trivy, grype];
        case.disputed = disputed;
        let gate = case.ask();
        let mut asked: Vec<&FindingKey> = gate.blockers.iter().flat_map(|one| &one.findings).collect();
        asked.sort();
        asked.dedup();
        let mut cleared: Vec<&FindingKey> = gate.to_open.iter().flat_map(|one| &one.clears).collect();
        cleared.sort();
        prop_assert_eq!(&asked, &cleared);
        let counts: Vec<usize> = gate.to_open.iter().map(|one| one.clears.len()).collect();
        prop_assert!(counts.is_sorted_by(|one, other| one >= other), "{:?}", counts);
    }

    #[test]
    fn a_named_target_is_one_of_the_fixes_and_above_the_installed(
        installed in "[1-3]\\.(0|[1-9][0-9]?)\\.[0-9]",
        fixes in prop::collection::vec(prop::collection::vec("[1-3]\\.(0|[1-9][0-9]?)\\.[0-9]", 1..4), 1..5),
    ) {
        let lists: Vec<Vec<&str>> = fixes.iter().map(|list| list.iter().map(String::as_str).collect()).collect();
        let lists: Vec<&[&str]> = lists.iter().map(Vec::as_slice).collect();
        let action = asked(&installed, &lists).to_open[0].action.clone();
        if let Some(target) = action.split(" to ").nth(1).and_then(|rest| rest.split(':').next()) {
            prop_assert!(fixes.iter().flatten().any(|fix| fix == target));
            let numbers = |text: &str| -> Vec<u32> { text.split('.').map(|one| one.parse().unwrap()).collect() };
            prop_assert!(numbers(target) > numbers(&installed));
            // Each finding has a fix that is not above the target.
            for list in &fixes {
                prop_assert!(list.iter().any(|fix| numbers(fix) <= numbers(target)), "{} {:?}", target, list);
            }
        }
    }
}
