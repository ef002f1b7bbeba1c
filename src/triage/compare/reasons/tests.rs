//! Tests of the reasons that no pair of reports shows by itself, and of their precedence.

use std::sync::Arc;

use crate::model::*;
use crate::triage::compare::{Reason, Strength, compare_reports};
use crate::triage::testing::{digest, fixed, now, package, record, report};

pub(super) fn sbom(packages: Vec<Package>) -> Sbom {
    let report = report("syft", vec![]);
    Sbom {
        origin: Origin {
            path: "sbom.json".into(),
            ..report.origin
        },
        format: Format::CyclonedxJson,
        spec_version: "1.6".into(),
        producer: Some("syft 1.0".into()),
        claim: report.claim,
        components: packages
            .into_iter()
            .map(|package| Component {
                package,
                ..Component::default()
            })
            .collect(),
        depends_on: Vec::new(),
        roots: Vec::new(),
        losses: Vec::new(),
        notices: Vec::new(),
    }
}

/// The reason of the one row that only Grype has; the same for either order of the sides.
pub(super) fn why(trivy: &Report, grype: &Report, sboms: &[&Sbom]) -> Reason {
    let sboms: Vec<(&Sbom, JoinRule)> = sboms
        .iter()
        .map(|sbom| (*sbom, JoinRule::ManifestDigest))
        .collect();
    let sboms = &sboms;
    let comparison = compare_reports(trivy, grype, sboms);
    assert_eq!(comparison.rows, compare_reports(grype, trivy, sboms).rows);
    let mut rows = comparison.rows.into_iter();
    let row = rows.find(|row| row.side == "grype").unwrap();
    row.reason.unwrap()
}

pub(super) fn trivy(records: Vec<Record>) -> Report {
    report("trivy", records)
}

pub(super) fn grype(change: impl Fn(&mut Record)) -> Report {
    let mut one = record("CVE-2024-1", &[], Severity::High);
    one.package = package("npm", "a", "1");
    change(&mut one);
    Report {
        format: Format::GrypeJson,
        ..report("grype", vec![one])
    }
}

#[test]
fn another_image_or_platform_explains_everything() {
    let mut there = trivy(vec![]);
    there.claim.diff_ids = vec![digest('1'), digest('2')];
    let reason = why(&there, &grype(|_| {}), &[]);
    assert_eq!(
        (reason.class, reason.strength),
        ("other-image", Strength::Proven)
    );
    assert_eq!(reason.evidence["common_layers"], "1");

    let platform = |architecture: &str| {
        Some(Platform {
            os: "linux".into(),
            architecture: architecture.into(),
            variant: None,
        })
    };
    let mut here = grype(|_| {});
    here.claim.platform = platform("amd64");
    there.claim.platform = platform("arm64");
    let reason = why(&there, &here, &[]);
    assert_eq!(reason.class, "other-platform");
    assert_eq!(reason.evidence["other_platform"], "linux/arm64");
}

#[test]
fn dates_prove_that_a_database_could_not_know() {
    let later = now() + chrono::TimeDelta::days(30);
    let mut there = trivy(vec![]);
    there.created = Some(now());
    let published = grype(|record| record.published = Some(later));
    let reason = why(&there, &published, &[]);
    assert_eq!(
        (reason.class, reason.strength),
        ("database-age", Strength::Proven)
    );
    let changed = grype(|record| {
        record.published = Some(now() - chrono::TimeDelta::days(9));
        record.modified = Some(later);
    });
    let reason = why(&there, &changed, &[]);
    assert_eq!(
        (reason.class, reason.strength),
        ("database-age", Strength::Inferred)
    );
    there.created = None;
    assert_eq!(why(&there, &published, &[]).class, "undecidable");
    there.database_built = Some(now());
    there.database_age = DatabaseAge::LowerBound;
    assert_eq!(
        why(&there, &published, &[]).class,
        "undecidable",
        "a lower bound proves nothing"
    );
    there.database_age = DatabaseAge::Exact;
    assert_eq!(why(&there, &published, &[]).class, "database-age");
}

#[test]
fn end_of_life_is_said_by_the_report_or_by_the_scanners_word() {
    let of_system = || grype(|record| record.package = package("deb", "a", "1"));
    let mut there = trivy(vec![]);
    there.claim.os = Some("debian 9".into());
    assert_eq!(why(&there, &of_system(), &[]).class, "not-in-database");
    there.claim.end_of_life = true;
    let reason = why(&there, &of_system(), &[]);
    assert_eq!(reason.class, "end-of-life");
    assert_eq!(reason.evidence["stated_by"], "trivy");
    assert_ne!(
        why(&there, &grype(|_| {}), &[]).class,
        "end-of-life",
        "npm has no end of life"
    );
    there.claim.end_of_life = false;
    let by_word = grype(|record| {
        record.package = package("deb", "a", "1");
        record.state_word = Some("end_of_life".into());
    });
    assert_eq!(why(&there, &by_word, &[]).evidence["status"], "end_of_life");
}

pub(super) fn at(mut package: Package, path: &str) -> Package {
    let path = path.to_owned();
    package.locations = vec![Location { path, layer: None }];
    package
}

#[test]
fn files_say_what_was_read() {
    let go = |name: &str, version: &str| package("golang", name, version);
    let found = |package: Package| grype(move |record| record.package = package.clone());
    let none = || trivy(vec![]);
    let there = |package: Package| {
        let mut other = record("CVE-2024-2", &[], Severity::Low);
        other.package = package;
        trivy(vec![other])
    };
    let pseudo = go("a", "v0.0.0-20211030160813-b3129d9d1021");
    assert_eq!(why(&none(), &found(pseudo), &[]).class, "go-version");
    assert_eq!(
        why(&none(), &found(go("stdlib", "1.22")), &[]).class,
        "go-stdlib"
    );
    let program = found(at(go("a", "1"), "/usr/bin/x"));
    let reason = why(&there(at(go("b", "1"), "usr/bin/x")), &program, &[]);
    assert_eq!(reason.class, "not-in-database");
    assert!(reason.evidence["catalogued"].ends_with("usr/bin/x"));
    assert_eq!(
        why(&there(at(go("b", "1"), "usr/bin/y")), &program, &[]).class,
        "undecidable"
    );

    let wanted = found(at(package("npm", "a", "1"), "/app/yarn.lock"));
    assert_eq!(why(&none(), &wanted, &[]).class, "wanted-only");
    let reads_it = there(at(package("npm", "b", "1"), "app/yarn.lock"));
    assert_eq!(why(&reads_it, &wanted, &[]).class, "development");
}

#[test]
fn a_scan_by_cve_keeps_one_cve_of_an_advisory() {
    let rpm = |id: &str| {
        let mut one = record(id, &[], Severity::High);
        one.package = package("rpm", "gnutls", "3.6");
        one.fix = fixed(&["3.7"]);
        one
    };
    let mut kept = rpm("CVE-2024-2");
    kept.covers = vec![VulnerabilityId::new("ELSA-2024-1")];
    kept.namespace = Some("nvd:cpe".into());
    let mut by_cve = trivy(vec![kept.clone()]);
    by_cve.options = vec![ScanOption {
        name: "by-cve".into(),
        value: "true".into(),
        recorded: true,
    }];
    let mut here = grype(|_| {});
    here.records = vec![rpm("CVE-2024-1")];
    let reason = why(&by_cve, &here, &[]);
    assert_eq!(
        (reason.class, reason.strength),
        ("by-cve", Strength::Proven)
    );
    assert_eq!(reason.evidence["kept"], "CVE-2024-2");
    here.records[0].fix = fixed(&["9"]);
    assert_eq!(
        why(&by_cve, &here, &[]).strength,
        Strength::Inferred,
        "another fix"
    );
    by_cve.options.clear();
    assert_ne!(why(&by_cve, &here, &[]).class, "by-cve");
}

#[test]
fn an_old_copy_of_a_database_is_hinted_at() {
    let mut dated: Vec<Record> = (0..20)
        .map(|number| {
            let mut one = record(&format!("CVE-2023-{number}"), &[], Severity::High);
            one.modified = Some(now() - chrono::TimeDelta::days(40));
            one
        })
        .collect();
    dated[0].package = package("npm", "a", "1");
    let mut there = trivy(dated);
    there.created = Some(now());
    there.database_built = Some(now() - chrono::TimeDelta::days(40));
    there.database_age = DatabaseAge::LowerBound;
    let reason = why(&there, &grype(|_| {}), &[]);
    assert_eq!(reason.class, "not-in-database");
    assert!(reason.evidence["stale"].contains("40 days"), "{reason:?}");
    there.records.pop();
    assert!(
        !why(&there, &grype(|_| {}), &[])
            .evidence
            .contains_key("stale")
    );
}

#[test]
fn a_rating_that_is_missing_or_known_to_both_is_told() {
    let rated = |scanner: &str, severity, source: Option<&str>, ratings: &[(&str, Severity)]| {
        let mut one = record("CVE-2024-1", &[], severity);
        one.severity_source = source.map(str::to_owned);
        one.ratings = ratings
            .iter()
            .map(|(source, severity)| Rating {
                scanner: scanner.into(),
                source: (*source).into(),
                severity: *severity,
                ..Rating::default()
            })
            .map(Arc::new)
            .collect();
        report(scanner, vec![one])
    };
    let reason = |left: &Report, right: &Report| {
        let mut rows = compare_reports(left, right, &[]).rows;
        rows.remove(0).reason.unwrap()
    };
    let debian = rated("grype", Severity::Low, Some("debian"), &[]);
    let both = [("debian", Severity::Low), ("nvd", Severity::High)];
    let knowing = rated("trivy", Severity::High, Some("nvd"), &both);
    assert_eq!(reason(&knowing, &debian).class, "severity-choice");
    let elsewhere = rated(
        "trivy",
        Severity::High,
        Some("nvd"),
        &[("debian", Severity::Medium)],
    );
    assert_eq!(reason(&elsewhere, &debian).class, "severity-source");
    let unnamed = rated("trivy", Severity::High, None, &[("redhat", Severity::High)]);
    assert_eq!(reason(&unnamed, &debian).evidence["rated_so_by"], "redhat");
    let unrated = rated("grype", Severity::Unknown, Some("debian"), &[]);
    assert_eq!(reason(&knowing, &unrated).class, "severity-unrated");
}

#[test]
fn a_further_copy_is_told_from_a_version_read_otherwise() {
    let copy = |version: &str| {
        let mut one = record("CVE-2024-1", &[], Severity::High);
        one.package = at(package("npm", "a", version), "yarn.lock");
        one
    };
    let reports = |of: &[&str]| of.iter().map(|version| copy(version)).collect::<Vec<_>>();
    let mut here = grype(|_| {});
    here.records = reports(&["1", "2"]);
    let there = trivy(reports(&["1"]));
    let reason = why(&there, &here, &[]);
    assert_eq!(
        (reason.class, reason.strength),
        ("other-copy", Strength::Proven)
    );
    assert_eq!(reason.evidence["versions_of_both"], "1");
    assert!(
        reason.text.contains("the same yarn.lock"),
        "{}",
        reason.text
    );
    here.records = reports(&["2"]);
    assert_eq!(why(&there, &here, &[]).class, "other-version");
}

#[test]
fn another_package_explains_only_what_both_do_not_have() {
    let of = |name: &str| {
        let mut one = record("CVE-2024-1", &[], Severity::High);
        one.package = package("npm", name, "1");
        one
    };
    let mut here = grype(|_| {});
    here.records = vec![of("a")];
    assert_eq!(
        why(&trivy(vec![of("b")]), &here, &[]).class,
        "other-package"
    );
    here.records.push(of("b"));
    let mut known = record("CVE-2024-9", &[], Severity::High);
    known.package = package("npm", "a", "1");
    let reason = why(&trivy(vec![of("b"), known]), &here, &[]);
    assert_eq!(reason.class, "not-in-database");
    assert_eq!(reason.evidence["reported_for"], "b");
}

#[test]
fn a_version_that_is_the_fixed_one_is_a_match_by_spelling() {
    let mut here = grype(|record| {
        record.package = package("pypi", "certifi", "2022.12.7");
        record.fix = fixed(&["2022.12.07"]);
    });
    let reason = why(&trivy(vec![]), &here, &[]);
    assert_eq!(
        (reason.class, reason.strength),
        ("already-fixed", Strength::Proven)
    );
    here.records[0].fix = fixed(&["2022.12.08"]);
    assert_eq!(why(&trivy(vec![]), &here, &[]).class, "undecidable");
}

#[test]
fn modules_of_a_distribution_are_left_to_it() {
    let pip = |path: &str| {
        let path = path.to_owned();
        grype(move |record| record.package = at(package("pypi", "pip", "20"), &path))
    };
    let mut there = trivy(vec![]);
    let of_system = pip("/usr/lib/python3.9/site-packages/pip-20.dist-info/METADATA");
    assert_eq!(why(&there, &of_system, &[]).class, "undecidable");
    there.claim.os = Some("oracle 8.8".into());
    let reason = why(&there, &of_system, &[]);
    assert_eq!(
        (reason.class, reason.strength),
        ("system-file", Strength::Inferred)
    );
    let own = pip("/usr/local/lib/python3.9/site-packages/pip-20.dist-info/METADATA");
    assert_eq!(why(&there, &own, &[]).class, "undecidable");
    let mut beside = record("CVE-2024-2", &[], Severity::High);
    beside.package = at(
        package("pypi", "certifi", "1"),
        "usr/local/lib/python3.9/site-packages/certifi/METADATA",
    );
    let reason = why(&trivy(vec![beside]), &own, &[]);
    assert_eq!(reason.class, "not-in-database");
    assert!(reason.evidence["catalogued"].contains("site-packages/"));
}

/// What scanners do otherwise explains nothing between two reports of one.
#[test]
fn two_reports_of_one_scanner_differ_by_time_and_version() {
    let scan = |records: Vec<Record>, day: i64| {
        let mut scan = Report {
            format: Format::GrypeJson,
            ..report("grype", records)
        };
        scan.database_built = Some(now() - chrono::TimeDelta::days(day));
        scan.database_age = DatabaseAge::Exact;
        scan
    };
    let mut one = record("CVE-2024-1", &[], Severity::High);
    one.package = package("binary", "node", "20");
    one.matched = MatchKind::Cpe;
    let (older, mut newer) = (scan(vec![one], 9), scan(vec![], 1));
    let reason = |newer: &Report| {
        let rows = compare_reports(&older, newer, &[]).rows;
        assert_eq!((rows.len(), rows[0].side.as_str()), (1, "grype#1"));
        rows[0].reason.clone().unwrap()
    };
    assert_eq!(reason(&newer).class, "database-age");
    assert!(reason(&newer).evidence["database"].starts_with("2026-"));
    newer.database_built = older.database_built;
    newer.scanner_version = Some("0.100.0".into());
    assert_eq!(
        reason(&newer).class,
        "undecidable",
        "one version is not known"
    );
    let mut older = older.clone();
    older.scanner_version = Some("0.90.0".into());
    let rows = compare_reports(&older, &newer, &[]).rows;
    assert_eq!(rows[0].reason.as_ref().unwrap().class, "scanner-version");
}

#[test]
fn a_reduced_side_may_have_it_under_an_id_of_its_own() {
    let mut there = report("snyk", vec![record("SNYK-1", &[], Severity::High)]);
    there.format = Format::Sarif;
    let here = grype(|record| record.package = package("deb", "a", "1"));
    let reason = why(&there, &here, &[]);
    assert_eq!(reason.class, "reduced-evidence");
    assert_eq!(reason.evidence["ids"], "SNYK-1");
    there.records[0].aliases = vec![VulnerabilityId::new("CVE-2024-2")];
    assert_ne!(why(&there, &here, &[]).class, "reduced-evidence");
}
