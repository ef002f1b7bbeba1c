//! Tests of comparisons.

use proptest::prelude::*;

use super::*;
use crate::model::Record;
use crate::triage::testing::{any_report, fixed, package, pair, record, report};

/// What an independent program counted once: records, agreed units and units alone, each of
/// (Trivy, Grype), then the rows whose severities and whose fixes differ.
#[rustfmt::skip]
const MEASURED: [(&str, [u64; 8]); 25] = [
    ("alpine-2023-06", [2, 2, 2, 2, 0, 0, 0, 0]),
    ("busybox-2023-06", [0, 0, 0, 0, 0, 0, 0, 0]),
    ("docker-2023-06", [2, 2, 2, 2, 0, 0, 0, 0]),
    ("golang-2023-06", [288, 287, 285, 285, 2, 2, 9, 0]),
    ("httpd-2023-06", [103, 109, 103, 103, 0, 6, 1, 0]),
    ("mariadb-2023-06", [35, 35, 35, 35, 0, 0, 0, 1]),
    ("mysql-2023-06", [12, 16, 12, 10, 0, 6, 0, 0]),
    ("nginx-2023-06", [76, 77, 76, 76, 0, 1, 0, 0]),
    ("node-2023-06", [630, 620, 617, 617, 13, 3, 15, 0]),
    ("openjdk-2023-06", [21, 14, 21, 14, 0, 0, 0, 0]),
    ("rabbitmq-2023-06", [27, 27, 27, 27, 0, 0, 0, 0]),
    ("traefik-2023-06", [12, 13, 10, 11, 2, 2, 0, 5]),
    ("ubuntu-2023-06", [24, 24, 24, 24, 0, 0, 0, 0]),
    ("mysql-bycve-2023-06", [12, 16, 10, 10, 2, 4, 6, 0]),
    ("openjdk-bycve-2023-06", [21, 14, 14, 14, 7, 0, 9, 0]),
    ("ubi7-7.6-2022-06", [1000, 922, 873, 873, 127, 49, 11, 10]),
    ("eck-operator-wolfi-2025-06-07", [1, 1, 1, 1, 0, 0, 1, 0]),
    ("clamav-alpine322-2025-06-07", [0, 9, 0, 0, 0, 9, 0, 0]),
    ("nginx-deb12-2025-06-08", [45, 135, 44, 44, 1, 91, 2, 28]),
    ("eck-operator-wolfi-2025-06-27", [4, 3, 3, 3, 1, 0, 1, 1]),
    ("myapp-deb12-2025-09", [54, 160, 54, 54, 0, 106, 10, 1]),
    ("app-ubuntu2404-2025-12", [31, 51, 31, 31, 0, 20, 0, 0]),
    ("tldr-deb13-2026-03-18", [78, 80, 73, 73, 5, 7, 16, 21]),
    ("juiceshop-v19-2025-10", [70, 65, 65, 65, 5, 0, 3, 6]),
    ("react-starter-dir-UTF16-2025-04", [42, 51, 42, 42, 0, 9, 0, 28]),
];

/// Where this program counts otherwise: the pair, the column, its count, and why.
const DEVIATIONS: [(&str, usize, u64, &str); 1] = [(
    "nginx-deb12-2025-06-08",
    7,
    30,
    "CVE-2025-4802 of libc6 and libc-bin: Trivy says `fix_deferred`, Grype `wont-fix`. The other \
     program took a deferred fix for an unknown one; here it is \"not fixed\", which differs",
)];

#[test]
fn real_pairs_compare_as_measured() {
    let mut wrong = Vec::new();
    for (name, mut expected) in MEASURED {
        let Some([left, right]) = pair(name) else {
            return;
        };
        for (_, column, count, why) in DEVIATIONS.iter().filter(|(pair, ..)| *pair == name) {
            assert_ne!(expected[*column], *count, "no deviation any more: {why}");
            expected[*column] = *count;
        }
        let comparison = compare_reports(&left, &right, &[]);
        let totals = &comparison.totals;
        let [trivy, grype] = ["trivy", "grype"];
        let counted = [
            totals.sides[trivy].records,
            totals.sides[grype].records,
            totals.agreed[trivy],
            totals.agreed[grype],
            totals.only[trivy],
            totals.only[grype],
            totals.severity_differs,
            totals.fix_differs,
        ];
        if counted != expected {
            wrong.push(format!("{name}: {counted:?}, measured {expected:?}"));
        }
        check(&comparison);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The rows of all pairs by the class of their reason. Rows of each class, up to
/// three, were compared with the reports by eye; a change here needs the same.
const CLASSES: [(&str, Strength, usize); 21] = [
    ("binary", Strength::Proven, 30),
    ("by-cve", Strength::Proven, 24),
    ("cpe-match", Strength::Proven, 14),
    ("development", Strength::Inferred, 2),
    ("fix-branches", Strength::Proven, 41),
    ("fix-versions", Strength::Proven, 1),
    ("fixable", Strength::Proven, 10),
    ("id-scheme", Strength::Proven, 9),
    ("ignore-unfixed", Strength::Inferred, 92),
    ("not-in-database", Strength::Inferred, 215),
    ("other-package", Strength::Proven, 3),
    ("other-version", Strength::Proven, 5),
    ("same-source", Strength::Proven, 3),
    ("severity-changed", Strength::Inferred, 17),
    ("severity-choice", Strength::Proven, 2),
    ("severity-filter", Strength::Inferred, 89),
    ("severity-unnamed", Strength::Proven, 19),
    ("severity-unrated", Strength::Proven, 31),
    ("undecidable", Strength::Undecidable, 7),
    ("wanted-only", Strength::Inferred, 2),
    ("wont-fix", Strength::Proven, 34),
];

#[test]
fn real_differences_have_known_reasons() {
    let mut counted: BTreeMap<(&str, Strength), usize> = BTreeMap::new();
    for (name, _) in MEASURED {
        let Some([left, right]) = pair(name) else {
            return;
        };
        let rows = compare_reports(&left, &right, &[]).rows;
        for reason in rows.iter().filter_map(|row| row.reason.as_ref()) {
            *counted.entry((reason.class, reason.strength)).or_default() += 1;
        }
    }
    let expected = CLASSES.map(|(class, strength, count)| ((class, strength), count));
    assert_eq!(counted, BTreeMap::from(expected));
}

/// What holds of every comparison.
fn check(comparison: &Comparison) {
    let totals = &comparison.totals;
    for (name, side) in &totals.sides {
        assert_eq!(totals.agreed[name] + totals.only[name], side.units);
        let only = comparison.rows.iter().filter(|row| row.side == *name);
        assert_eq!(only.count() as u64, totals.only[name]);
        assert!(side.units <= side.records);
    }
    for row in &comparison.rows {
        assert_eq!(row.reason.is_some(), !row.difference.is_empty());
        assert_eq!(row.side == "both", row.sides.len() == 2);
    }
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
