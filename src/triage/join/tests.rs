//! Tests of joining records.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::{FixState, Location, Loss, Severity, Suppression};
use crate::triage::testing::{any_report, digest, fixed, joined, pair, record, report};

fn ids(findings: &[Finding]) -> Vec<(String, Vec<String>)> {
    findings
        .iter()
        .map(|finding| {
            let aliases = finding.aliases.iter().map(ToString::to_string);
            (finding.id.to_string(), aliases.collect())
        })
        .collect()
}

#[test]
fn two_scanners_join_by_alias() {
    let mut trivy = record("CVE-1-1", &[], Severity::Medium);
    trivy.fix = fixed(&["0:2.9", "2.10"]);
    let mut grype = record("GHSA-1", &["CVE-1-1"], Severity::High);
    grype.fix.state = FixState::WontFix;
    let (subjects, joined) = joined(&[report("trivy", vec![trivy]), report("grype", vec![grype])]);
    assert_eq!(subjects.len(), 1);
    let [finding] = joined.findings.as_slice() else {
        panic!("one finding")
    };
    assert_eq!(finding.id.as_str(), "CVE-1-1");
    assert_eq!(finding.aliases, [VulnerabilityId::new("GHSA-1")]);
    assert_eq!(finding.severity, Severity::High);
    assert_eq!(finding.fix, fixed(&["0:2.9", "2.10"]));
    assert_eq!(finding.scanners, ["grype", "trivy"]);
    assert_eq!(finding.records.len(), 2);
}

#[test]
fn one_advisory_for_several_cves_glues_none() {
    let grype = record("GHSA-1", &["CVE-1-1", "CVE-1-2"], Severity::High);
    let trivy = record("CVE-1-2", &[], Severity::High);
    let bare = record("GHSA-1", &[], Severity::Low);
    let (_, joined) = joined(&[
        report("grype", vec![grype, bare]),
        report("trivy", vec![trivy]),
    ]);
    assert_eq!(
        ids(&joined.findings),
        [
            ("CVE-1-1".to_owned(), vec!["GHSA-1".to_owned()]),
            ("CVE-1-2".to_owned(), vec!["GHSA-1".to_owned()]),
        ]
    );
    assert_eq!(joined.counts.read, 3);
    assert_eq!(joined.counts.joined, 3);
}

#[test]
fn an_advisory_that_covers_is_no_alias() {
    let mut one = record("CVE-1-1", &[], Severity::High);
    one.covers = vec![VulnerabilityId::new("RHSA-1")];
    let mut other = record("CVE-1-2", &[], Severity::High);
    other.covers = vec![VulnerabilityId::new("RHSA-1")];
    let (_, joined) = joined(&[report("trivy", vec![one, other])]);
    assert_eq!(joined.findings.len(), 2);
    assert!(
        joined
            .findings
            .iter()
            .all(|f| f.aliases.is_empty() && f.covers.len() == 1)
    );
}

#[test]
fn other_versions_and_packages_stay_apart() {
    let one = record("CVE-1-1", &[], Severity::High);
    let mut version = one.clone();
    version.package.version = "2".into();
    let mut name = one.clone();
    name.package.name = "b".into();
    let (_, joined) = joined(&[report("trivy", vec![one, version, name])]);
    assert_eq!(joined.findings.len(), 3);
}

#[test]
fn places_of_one_package_are_united() {
    let at = |path: &str, layer| {
        let mut record = record("CVE-1-1", &[], Severity::High);
        record.package.locations = vec![Location {
            path: path.into(),
            layer,
        }];
        record
    };
    let (_, joined) = joined(&[
        report("trivy", vec![at("usr/bin/a", Some(digest('3')))]),
        report(
            "grype",
            vec![at("/usr/bin/a", None), at("/usr/bin/b", None)],
        ),
    ]);
    let paths: Vec<&str> = joined.findings[0]
        .package
        .locations
        .iter()
        .map(|location| location.path.as_str())
        .collect();
    assert_eq!(paths, ["/usr/bin/b", "usr/bin/a"]);
}

#[test]
fn suppressed_only_where_every_record_is() {
    let suppressed = || Record {
        suppressed_by: Some(Suppression {
            by: crate::model::SuppressedBy::Scanner,
            source: "a".into(),
            status: "ignored".into(),
            statement: None,
        }),
        ..record("CVE-1-1", &[], Severity::High)
    };
    let (_, alone) = joined(&[report("trivy", vec![suppressed()])]);
    assert!(alone.findings[0].suppressed_by.is_some());
    assert_eq!((alone.counts.joined, alone.counts.suppressed), (0, 1));
    let seen = record("CVE-1-1", &[], Severity::Low);
    let (_, both) = joined(&[
        report("trivy", vec![suppressed()]),
        report("grype", vec![seen]),
    ]);
    assert!(both.findings[0].suppressed_by.is_none());
    assert_eq!(both.findings[0].scanners, ["grype"]);
}

#[test]
fn secrets_are_told_apart_by_rule_and_place() {
    let secret = |path: &str| {
        let mut record = record("aws-key", &[], Severity::Critical);
        record.kind = Kind::Secret;
        record.package = crate::model::Package {
            locations: vec![Location {
                path: path.into(),
                layer: None,
            }],
            ..crate::model::Package::default()
        };
        record
    };
    let (_, joined) = joined(&[report(
        "trivy",
        vec![secret("a"), secret("b"), secret("/b")],
    )]);
    let keys: BTreeSet<_> = joined.findings.iter().map(|f| f.key.as_str()).collect();
    assert_eq!((joined.findings.len(), keys.len()), (2, 2));
}

#[test]
fn lost_entries_are_counted() {
    let mut report = report("trivy", vec![record("CVE-1-1", &[], Severity::Low)]);
    report.losses.push(Loss {
        place: "Results[0]".into(),
        offset: None,
        reason: "wrong".into(),
        records: 3,
    });
    let (_, joined) = joined(&[report]);
    let counts = joined.counts;
    assert_eq!((counts.read, counts.joined, counts.unreadable), (4, 1, 3));
}

#[test]
fn ten_thousand_records_are_no_wait() {
    let records: Vec<Record> = (0..10_000)
        .map(|number| {
            let mut record = record(
                &format!("CVE-2024-{}", number % 3_000),
                &[&format!("GHSA-{}", number % 500)],
                Severity::High,
            );
            record.package.name = format!("p{}", number % 700);
            record
        })
        .collect();
    let start = std::time::Instant::now();
    let (_, joined) = joined(&[report("trivy", records.clone()), report("grype", records)]);
    assert_eq!(joined.counts.joined, 20_000);
    // Unoptimised and beside other tests; a quadratic join takes minutes.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn no_cve_of_a_real_report_vanishes() {
    for name in [
        "ubi7-7.6-2022-06",
        "openjdk-2023-06",
        "juiceshop-v19-2025-10",
    ] {
        let Some(reports) = pair(name) else {
            return;
        };
        let expected: BTreeSet<VulnerabilityId> = reports
            .iter()
            .flat_map(|report| &report.records)
            .filter(|record| record.kind == Kind::Vulnerability)
            .flat_map(Record::cves)
            .collect();
        let (subjects, joined) = joined(&reports);
        assert_eq!(subjects.len(), 1, "{name}: {subjects:#?}");
        let found: BTreeSet<VulnerabilityId> = joined
            .findings
            .iter()
            .filter(|finding| finding.id.is_cve())
            .map(|finding| finding.id.clone())
            .collect();
        assert_eq!(found, expected, "{name}");
    }
}

/// A finding without what names positions of input.
fn placeless(joined: &Joined) -> Vec<Finding> {
    let mut findings = joined.findings.clone();
    for finding in &mut findings {
        finding.records.clear();
    }
    findings
}

proptest! {
    #[test]
    fn the_order_of_input_does_not_matter(
        one in any_report("grype"),
        other in any_report("trivy"),
        third in any_report("other"),
    ) {
        let (_, forth) = joined(&[one.clone(), other.clone(), third.clone()]);
        let (_, back) = joined(&[third, other, one]);
        prop_assert_eq!(forth.counts, back.counts);
        prop_assert_eq!(placeless(&forth), placeless(&back));
    }

    #[test]
    fn a_further_report_changes_no_record_of_another(
        one in any_report("trivy"),
        two in any_report("grype"),
    ) {
        let places = |reports: &[Report]| -> BTreeSet<(u32, String, String)> {
            let (_, joined) = joined(reports);
            let findings = joined.findings.iter();
            findings
                .flat_map(|finding| finding.records.iter().map(move |place| (place, finding)))
                .filter(|(place, _)| place.report == 0)
                .map(|(place, finding)| {
                    let package = &finding.package;
                    (place.record, package.name.clone(), package.version.clone())
                })
                .collect()
        };
        prop_assert_eq!(places(std::slice::from_ref(&one)), places(&[one, two]));
    }

    #[test]
    fn counts_add_up_and_no_record_is_lost(
        one in any_report("grype"),
        other in any_report("trivy"),
    ) {
        let reports = [one, other];
        let (_, joined) = joined(&reports);
        let counts = joined.counts;
        prop_assert_eq!(counts.joined + counts.suppressed + counts.unreadable, counts.read);
        let used: BTreeSet<RecordRef> =
            joined.findings.iter().flat_map(|f| f.records.iter().copied()).collect();
        let records: usize = reports.iter().map(|report| report.records.len()).sum();
        prop_assert_eq!(used.len(), records);
        let keys: BTreeSet<_> = joined.findings.iter().map(|f| &f.key).collect();
        prop_assert_eq!(keys.len(), joined.findings.len());
    }
}
