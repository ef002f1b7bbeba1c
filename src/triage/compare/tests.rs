//! Tests of comparisons.

use proptest::prelude::*;

use super::*;
use crate::model::Record;
use crate::triage::testing::{any_report, fixed, package, record, report};

mod pairs;

/// What holds of every comparison.
fn check(comparison: &Comparison) {
    let totals = &comparison.totals;
    for (name, side) in &totals.sides {
        assert_eq!(totals.agreed[name] + totals.only[name], side.units);
        let only = comparison.rows.iter().filter(|row| row.side == *name);
        assert_eq!(only.count() as u64, totals.only[name]);
        assert!(side.units <= side.records);
    }
    let [left, right] = &comparison.sides;
    let both = comparison.rows.iter().filter(|row| row.side == "both");
    let agreed = totals.agreed[left].max(totals.agreed[right]);
    assert!(both.count() as u64 >= agreed);
    for row in &comparison.rows {
        assert_eq!(row.reason.is_some(), !row.difference.is_empty());
        assert_eq!(row.side == "both", row.sides.len() == 2);
        // Two vulnerabilities are never one, whatever advisory they share.
        let cves = row.sides.values().map(|side| {
            let cves = side.ids.iter().filter(|id| id.is_cve());
            cves.collect::<BTreeSet<_>>()
        });
        let mut cves = cves.filter(|cves| !cves.is_empty());
        if let (Some(one), Some(other)) = (cves.next(), cves.next()) {
            assert!(!one.is_disjoint(&other), "{row:?}");
        }
    }
    let context: Vec<&String> = comparison.context.keys().collect();
    let mut sides: Vec<&String> = comparison.sides.iter().collect();
    sides.sort();
    assert_eq!(context, sides);
}

proptest! {
    #[test]
    fn turning_the_sides_round_turns_the_result_round(
        left in any_report("grype"),
        right in any_report("trivy"),
    ) {
        let forth = compare_reports(&left, &right, &[]);
        let back = compare_reports(&right, &left, &[]);
        check(&forth);
        prop_assert_eq!(&forth.totals, &back.totals);
        prop_assert_eq!(&forth.rows, &back.rows);
    }

    #[test]
    fn a_further_report_or_another_order_changes_no_comparison(
        one in any_report("grype"),
        two in any_report("trivy"),
        three in any_report("other"),
    ) {
        let compared = |reports: &[&Report]| {
            let reports: Vec<Arc<Report>> =
                reports.iter().map(|report| Arc::new((*report).clone())).collect();
            let subjects = crate::triage::join::subjects(&reports, &[], &[], &[]);
            let all = compare(&subjects[0], &reports, &[]);
            let by_sides = all.into_iter().map(|comparison| {
                (comparison.sides, comparison.totals, comparison.rows)
            });
            by_sides.collect::<Vec<_>>()
        };
        let pair = compared(&[&one, &two]);
        let all = compared(&[&one, &two, &three]);
        prop_assert_eq!(all.len(), 3);
        prop_assert!(pair.iter().all(|comparison| all.contains(comparison)));
        prop_assert_eq!(&all, &compared(&[&three, &two, &one]));
    }

    #[test]
    fn what_a_reduced_format_leaves_out_is_no_difference(
        whole in any_report("grype"),
        no_version in any::<bool>(),
        no_name in any::<bool>(),
    ) {
        let mut log = whole.clone();
        log.scanner = "tool".into();
        log.format = crate::model::Format::Sarif;
        for record in &mut log.records {
            record.fix = Fix::default();
            record.severity = Severity::Unknown;
            if no_version {
                record.package.version.clear();
            }
            if no_name {
                record.package.name.clear();
                record.package.ecosystem.clear();
            }
        }
        let comparison = compare_reports(&whole, &log, &[]);
        check(&comparison);
        prop_assert!(comparison.rows.iter().all(|row| row.difference.is_empty()));
        let back = compare_reports(&log, &whole, &[]);
        prop_assert_eq!(&comparison.rows, &back.rows);
        prop_assert_eq!(&comparison.totals, &back.totals);
    }

    #[test]
    fn reports_of_one_scanner_are_compared_in_the_order_in_which_they_were_made(
        scans in prop::collection::vec((any_report("trivy"), prop::option::of(0_i64..9)), 2..5),
        turn in 0_usize..5,
    ) {
        let mut scans: Vec<Report> = scans
            .into_iter()
            .enumerate()
            .map(|(number, (mut scan, day))| {
                let day = day.map(chrono::TimeDelta::days);
                scan.created = day.map(|day| crate::triage::testing::now() - day);
                scan.origin.path = format!("{number}.json");
                scan
            })
            .collect();
        let compared = |scans: &[Report]| {
            let reports: Vec<Arc<Report>> = scans.iter().cloned().map(Arc::new).collect();
            let subjects = crate::triage::join::subjects(&reports, &[], &[], &[]);
            let all = compare(&subjects[0], &reports, &[]);
            let made = |one: &Comparison, side: usize| {
                let created = one.context[&one.sides[side]].created;
                (created.is_none(), created)
            };
            assert!(all.iter().all(|one| made(one, 0) <= made(one, 1)));
            let path = |one: &Comparison| {
                one.sides.clone().map(|side| one.context[&side].path.clone())
            };
            let all = all.into_iter();
            all.map(|one| (path(&one), one.sides, one.totals, one.rows)).collect::<Vec<_>>()
        };
        let forth = compared(&scans);
        prop_assert_eq!(forth.len(), scans.len() * (scans.len() - 1) / 2);
        let turn = turn % scans.len();
        scans.rotate_left(turn);
        prop_assert_eq!(forth, compared(&scans));
    }

    #[test]
    fn three_reports_at_once_count_every_finding_once(
        one in any_report("grype"),
        two in any_report("trivy"),
        three in any_report("trivy"),
    ) {
        let reports: Vec<Arc<Report>> = [one, two, three].into_iter().map(Arc::new).collect();
        let subjects = crate::triage::join::subjects(&reports, &[], &[], &[]);
        let findings = crate::triage::join::findings(&subjects, &reports).findings;
        prop_assert!(across(&subjects[0], &reports[..2], findings.iter()).is_none());
        let all = across(&subjects[0], &reports, findings.iter()).unwrap();
        prop_assert_eq!(&all.sides, &["grype", "trivy#1", "trivy#2"]);
        let counted = findings.iter().filter(|one| one.suppressed_by.is_none()).count();
        prop_assert_eq!(all.rows.len(), counted);
        prop_assert_eq!(all.totals.findings, counted as u64);
        for side in &all.sides {
            let has = |row: &&AcrossRow| row.present_in.contains(side);
            let found = all.rows.iter().filter(has).count() as u64;
            let only = all.rows.iter().filter(has).filter(|row| row.present_in.len() == 1);
            let totals = all.totals.by_side[side];
            prop_assert_eq!((totals.found, totals.only), (found, only.count() as u64));
        }
        let in_all = all.rows.iter().filter(|row| row.present_in.len() == 3).count();
        prop_assert_eq!(all.totals.in_all, in_all as u64);
    }

    #[test]
    fn a_report_agrees_with_itself(one in any_report("trivy")) {
        let comparison = compare_reports(&one, &one, &[]);
        prop_assert_eq!(comparison.totals.only.values().sum::<u64>(), 0);
        prop_assert_eq!(comparison.totals.severity_differs, 0);
        prop_assert_eq!(comparison.totals.fix_differs, 0);
    }
}

fn only_reason(left: &Report, right: &Report) -> Reason {
    let comparison = compare_reports(left, right, &[]);
    let rows: Vec<&Row> = comparison
        .rows
        .iter()
        .filter(|row| row.reason.is_some())
        .collect();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows[0].reason.clone().unwrap()
}

#[test]
fn one_advisory_equals_several_cves() {
    let trivy = report(
        "trivy",
        ["CVE-1-1", "CVE-1-2", "CVE-1-3"]
            .map(|id| record(id, &[], Severity::High))
            .to_vec(),
    );
    let grype = report(
        "grype",
        vec![record(
            "ELSA-1",
            &["CVE-1-1", "CVE-1-2", "CVE-1-3"],
            Severity::High,
        )],
    );
    let comparison = compare_reports(&trivy, &grype, &[]);
    assert_eq!(comparison.totals.agreed["trivy"], 3);
    assert_eq!(comparison.totals.agreed["grype"], 1);
    assert_eq!(comparison.rows.len(), 3);
}

#[test]
fn an_advisory_in_common_does_not_join_different_cves() {
    let one = record("CVE-1-1", &["GHSA-1"], Severity::High);
    let other = record("CVE-1-2", &["GHSA-1"], Severity::High);
    let comparison = compare_reports(
        &report("trivy", vec![one]),
        &report("grype", vec![other]),
        &[],
    );
    assert_eq!(comparison.totals.agreed["trivy"], 0);
}

#[test]
fn presence_has_its_reason() {
    let mine = || record("CVE-1-1", &[], Severity::Low);
    let empty = || report("trivy", vec![]);
    let with = |change: &dyn Fn(&mut Record)| {
        let mut record = mine();
        change(&mut record);
        report("grype", vec![record])
    };
    let plain = with(&|_| {});
    let listing = |packages: Vec<crate::model::Package>| {
        let mut report = empty();
        report.packages = Some(packages);
        report
    };
    let other = |change: &dyn Fn(&mut Record)| {
        let mut record = mine();
        change(&mut record);
        report("trivy", vec![record])
    };
    let npm = with(&|record| record.package.ecosystem = "npm".into());
    for (class, theirs, ours) in [
        (
            "other-version",
            other(&|r| r.package.version = "2".into()),
            &plain,
        ),
        (
            "not-catalogued",
            listing(vec![package("deb", "b", "1")]),
            &plain,
        ),
        (
            "not-in-database",
            listing(vec![package("deb", "a", "1")]),
            &plain,
        ),
        ("undecidable", empty(), &npm),
        (
            "binary",
            empty(),
            &with(&|r| r.package.ecosystem = "binary".into()),
        ),
        (
            "cpe-match",
            empty(),
            &with(&|r| r.matched = crate::model::MatchKind::Cpe),
        ),
        ("id-scheme", empty(), &with(&|r| r.id = "TEMP-1".into())),
    ] {
        let comparison = compare_reports(&theirs, ours, &[]);
        let row = comparison
            .rows
            .iter()
            .find(|row| row.side == "grype")
            .unwrap();
        assert_eq!(row.reason.as_ref().unwrap().class, class);
    }
    let mut suppressing = mine();
    suppressing.suppressed_by = Some(crate::model::Suppression {
        by: crate::model::SuppressedBy::Scanner,
        source: ".trivyignore".into(),
        status: "ignored".into(),
        statement: None,
    });
    let reason = only_reason(&report("trivy", vec![suppressing]), &plain);
    assert_eq!(reason.class, "suppressed");
    assert_eq!(reason.evidence["source"], ".trivyignore");
}

#[test]
fn differences_have_their_reason() {
    let base = || {
        let mut base = record("CVE-1-1", &[], Severity::High);
        base.severity_source = Some("nvd".into());
        base.fix = fixed(&["2"]);
        base
    };
    let reason = |change: &dyn Fn(&mut Record)| {
        let mut changed = base();
        change(&mut changed);
        let (left, right) = (
            report("trivy", vec![base()]),
            report("grype", vec![changed]),
        );
        only_reason(&left, &right).class
    };
    let medium = |r: &mut Record, source: Option<&str>| {
        r.severity = Severity::Medium;
        r.severity_source = source.map(str::to_owned);
    };
    assert_eq!(reason(&|r| medium(r, Some("debian"))), "severity-source");
    assert_eq!(reason(&|r| medium(r, Some("nvd:cpe"))), "severity-changed");
    assert_eq!(reason(&|r| medium(r, None)), "severity-unnamed");
    assert_eq!(reason(&|r| r.fix = Fix::default()), "fixable");
    assert_eq!(reason(&|r| r.fix = fixed(&["9", "8"])), "fix-versions");
    assert_eq!(reason(&|r| r.fix = fixed(&["2", "3"])), "fix-branches");
    assert_eq!(reason(&|r| r.fix = fixed(&["3"])), "fix-versions");
}

#[test]
fn a_reference_joins_what_has_no_cve_in_common() {
    let mut mentioning = record("CVE-1-1", &[], Severity::High);
    mentioning.mentioned = vec![VulnerabilityId::new("GHSA-1")];
    let agreed = |left: &Record, right: Record| {
        let (left, right) = (
            report("trivy", vec![left.clone()]),
            report("grype", vec![right]),
        );
        let comparison = compare_reports(&left, &right, &[]);
        check(&comparison);
        assert_eq!(comparison.rows, compare_reports(&right, &left, &[]).rows);
        comparison.totals.agreed["trivy"]
    };
    assert_eq!(
        agreed(&mentioning, record("GHSA-1", &[], Severity::High)),
        1
    );
    assert_eq!(
        agreed(&mentioning, record("GHSA-2", &[], Severity::High)),
        0
    );
    let with_cve = record("GHSA-1", &["CVE-1-2"], Severity::High);
    assert_eq!(agreed(&mentioning, with_cve), 0, "two CVEs never meet");
    let mut other_version = record("GHSA-1", &[], Severity::High);
    other_version.package.version = "2".into();
    assert_eq!(agreed(&mentioning, other_version), 0);
}

#[test]
fn a_reduced_report_stands_beside_whole_ones_of_other_scanners_only() {
    let one = || vec![record("CVE-1-1", &[], Severity::High)];
    let reduced = |scanner: &str| {
        let mut log = report(scanner, one());
        log.format = crate::model::Format::Sarif;
        log.origin.path = format!("{scanner}.sarif");
        log
    };
    let reports: Vec<Arc<Report>> = [
        reduced("docker-scout"),
        reduced("trivy"),
        report("trivy", one()),
        report("grype", one()),
    ]
    .into_iter()
    .map(Arc::new)
    .collect();
    let subjects = crate::triage::join::subjects(&reports, &[], &[], &[]);
    let compared = compare(&subjects[0], &reports, &[]);
    let sides: Vec<[&str; 2]> = compared
        .iter()
        .map(|one| [one.sides[0].as_str(), one.sides[1].as_str()])
        .collect();
    assert_eq!(
        sides,
        [
            ["grype", "trivy"],
            ["docker-scout", "grype"],
            ["docker-scout", "trivy"]
        ]
    );
    let reduced: Vec<bool> = compared.iter().map(Comparison::is_reduced).collect();
    assert_eq!(reduced, [false, true, true]);
    let scout = &compared[1].context["docker-scout"];
    assert!(scout.warnings()[0].starts_with("reduced evidence"));
}
