//! Tests of the reasons for a severity, and of the severity of another source.

use super::*;
use crate::model::VulnerabilityId;
use crate::triage::testing::{joined, pair, record, report};

/// A record that a source rates, of an advisory of another source, beside others' ratings.
fn rated(
    id: &str,
    severity: Severity,
    source: Option<&str>,
    own: Option<&str>,
    ratings: &[(&str, Severity)],
) -> Record {
    let rating = |(source, severity): &(&str, Severity)| {
        Arc::new(Rating {
            source: (*source).to_owned(),
            severity: *severity,
            ..Rating::default()
        })
    };
    Record {
        severity_source: source.map(str::to_owned),
        namespace: own.map(str::to_owned),
        ratings: ratings.iter().map(rating).collect(),
        ..record(id, &[], severity)
    }
}

fn grype(records: Vec<Record>) -> Report {
    Report {
        format: Format::GrypeJson,
        ..report("grype", records)
    }
}

fn reason(reports: &[Report]) -> SeverityReason {
    let (_, joined) = joined(reports);
    let reports: Vec<Arc<Report>> = reports.iter().cloned().map(Arc::new).collect();
    because(&joined.findings[0], &reports)
}

#[test]
fn every_rule_of_trivys_is_told() {
    use Severity::{High, Unknown};
    let ghsa = "GHSA-aaaa-bbbb-cccc";
    for (id, severity, source, own, rule) in [
        (
            "CVE-2024-1",
            High,
            Some("debian"),
            Some("debian"),
            SeverityRule::OwnSource,
        ),
        (
            "CVE-2024-1",
            High,
            Some("redhat"),
            None,
            SeverityRule::OwnSource,
        ),
        (
            "CVE-2024-1",
            High,
            Some("nvd"),
            Some("debian"),
            SeverityRule::Nvd,
        ),
        ("CVE-2024-1", High, Some("nvd"), None, SeverityRule::Nvd),
        (
            ghsa,
            High,
            Some("ghsa"),
            Some("go-vulndb"),
            SeverityRule::Ghsa,
        ),
        (
            "CVE-2024-1",
            High,
            Some("ghsa"),
            Some("go-vulndb"),
            SeverityRule::Stated,
        ),
        (
            "CVE-2024-1",
            High,
            Some("ubuntu"),
            Some("debian"),
            SeverityRule::Stated,
        ),
        (
            "CVE-2024-1",
            High,
            None,
            Some("govulndb"),
            SeverityRule::Unnamed,
        ),
        (
            "CVE-2024-1",
            Unknown,
            None,
            Some("govulndb"),
            SeverityRule::Unrated,
        ),
    ] {
        let one = rated(id, severity, source, own, &[]);
        let told = reason(&[report("trivy", vec![one])]);
        assert_eq!(told.scanners[0].rule, rule, "{id} {source:?} {own:?}");
    }
}

#[test]
fn the_highest_is_shown_and_every_scanners_own_beside_it() {
    let trivy = || {
        let others = [("redhat", Severity::Medium), ("ubuntu", Severity::Low)];
        let one = rated(
            "CVE-2024-1",
            Severity::Medium,
            None,
            Some("debian"),
            &others,
        );
        report("trivy", vec![one])
    };
    let critical = rated(
        "CVE-2024-1",
        Severity::Critical,
        Some("nvd"),
        Some("nvd:cpe"),
        &[],
    );
    let told = reason(&[trivy(), grype(vec![critical])]);
    assert_eq!(told.text, "critical: the highest any scanner gives, grype");
    let texts: Vec<String> = told.scanners.iter().map(ScannerSeverity::text).collect();
    assert_eq!(
        texts,
        [
            "critical from nvd: the namespace it was matched in",
            "medium: neither its own source nor NVD rates it: any other source, unnamed (rated \
             so by redhat)",
        ]
    );
    let medium = rated("CVE-2024-1", Severity::Medium, Some("debian"), None, &[]);
    let told = reason(&[trivy(), grype(vec![medium])]);
    assert_eq!(told.text, "medium: all scanners say so");
    assert_eq!(
        reason(&[trivy()]).text,
        "medium: the only scanner that reports it says so"
    );
}

#[test]
fn of_several_records_the_highest_speaks_for_the_scanner() {
    let low = rated("CVE-2024-1", Severity::Low, Some("debian"), None, &[]);
    let mut high = rated("GHSA-1", Severity::High, Some("ghsa"), None, &[]);
    high.aliases = vec![VulnerabilityId::new("CVE-2024-1")];
    let told = reason(&[grype(vec![low, high])]);
    assert_eq!(told.scanners.len(), 1);
    assert_eq!(
        (
            told.scanners[0].severity,
            told.scanners[0].source.as_deref()
        ),
        (Severity::High, Some("ghsa"))
    );
}

#[test]
fn another_sources_severity_is_shown_where_there_is_one() {
    let ratings = [
        ("nvd", Severity::High),
        ("debian", Severity::Low),
        ("redhat-oval", Severity::Medium),
        ("ghsa", Severity::Unknown),
    ];
    let one = rated(
        "CVE-2024-1",
        Severity::Low,
        Some("debian"),
        Some("debian"),
        &ratings,
    );
    let other = rated("CVE-2024-1", Severity::Critical, Some("nvd"), None, &[]);
    let reports = [report("trivy", vec![one]), grype(vec![other])];
    let (_, joined) = joined(&reports);
    let reports: Vec<Arc<Report>> = reports.into_iter().map(Arc::new).collect();
    let finding = &joined.findings[0];
    assert_eq!(finding.severity, Severity::Critical);
    let from = |text: &str| {
        let shown = shown(finding, &reports, &text.parse().unwrap());
        (shown.severity, shown.is_fallback)
    };
    assert_eq!(from("NVD"), (Severity::High, false));
    assert_eq!(from("debian"), (Severity::Low, false));
    assert_eq!(from("vendor"), (Severity::Low, false));
    assert_eq!(from("trivy"), (Severity::Low, false));
    assert_eq!(from("grype"), (Severity::Critical, false));
    // Who says "unknown" does not rate it.
    assert_eq!(from("ghsa"), (Severity::Critical, true));
    assert_eq!(from("github"), (Severity::Critical, true));
    assert_eq!(from("nobody"), (Severity::Critical, true));

    let nvd = "nvd".parse().unwrap();
    let side =
        |number: usize, own| OneReport::new(&reports[number]).shown("CVE-2024-1", "a", own, &nvd);
    assert_eq!(side(0, Severity::Low).severity, Severity::High);
    assert!(side(1, Severity::Critical).is_fallback);
    assert_eq!(
        sources(&joined.findings),
        ["debian", "ghsa", "nvd", "redhat-oval"]
    );
}

#[test]
fn a_vendor_is_the_packages_own_distribution_or_no_distribution() {
    let ratings = [
        ("redhat", Severity::Medium),
        ("nvd", Severity::High),
        ("nodejs-security-wg", Severity::Low),
    ];
    let mut one = rated("CVE-2024-1", Severity::High, None, Some("ghsa"), &ratings);
    one.package.ecosystem = "npm".into();
    let vendor = |record: &Record| {
        let reports = [report("trivy", vec![record.clone()])];
        let (_, joined) = joined(&reports);
        let reports: Vec<Arc<Report>> = reports.into_iter().map(Arc::new).collect();
        shown(&joined.findings[0], &reports, &SeverityFrom::Vendor).severity
    };
    assert_eq!(vendor(&one), Severity::Low);
    one.package.ecosystem = "rpm".into();
    one.package.purl = "pkg:rpm/rhel/a@1".parse().ok();
    assert_eq!(vendor(&one), Severity::Medium);
    one.package.purl = "pkg:rpm/amzn/a@1".parse().ok();
    assert_eq!(vendor(&one), Severity::High);
}

#[test]
fn a_source_is_one_word() {
    for wrong in ["", " ", "two words", "\u{1b}[31m", "a/b", &"x".repeat(65)] {
        assert!(wrong.parse::<SeverityFrom>().is_err(), "{wrong:?}");
    }
    assert_eq!(" Vendor ".parse(), Ok(SeverityFrom::Vendor));
}

/// Real reports: whatever is asked for, what is not rated is marked, and nothing else changes.
#[test]
fn on_real_reports_every_severity_is_the_sources_or_marked() {
    for (name, rated) in [
        (
            "nginx-deb12-2025-06-08",
            &["nvd", "vendor", "trivy", "grype", "ghsa"][..],
        ),
        ("juiceshop-v19-2025-10", &["nvd", "ghsa", "vendor"][..]),
    ] {
        let Some(reports) = pair(name) else { return };
        let (_, joined) = joined(&reports);
        let reports: Vec<Arc<Report>> = reports.into_iter().map(Arc::new).collect();
        for from in rated {
            let from: SeverityFrom = from.parse().unwrap();
            let all: Vec<Shown> = joined
                .findings
                .iter()
                .map(|finding| shown(finding, &reports, &from))
                .collect();
            assert!(all.iter().any(|one| !one.is_fallback), "{name} {from}");
            for (one, finding) in all.iter().zip(&joined.findings) {
                assert!(!one.is_fallback || one.severity == finding.severity);
            }
        }
        for finding in &joined.findings {
            let told = because(finding, &reports);
            assert_eq!(told.scanners[0].severity, finding.severity);
            let mut names: Vec<&str> = told
                .scanners
                .iter()
                .map(|one| one.scanner.as_str())
                .collect();
            names.sort_unstable();
            assert_eq!(names, finding.scanners);
        }
    }
}
