//! Logs of the three tools whose texts are known, and of others.

use crate::formats::{Document, FormatError, details, read};
use crate::model::{FixState, Format, Kind, MatchKind, Record, Report, Severity};

const TRIVY: &str = include_str!("../../../tests/fixtures/sarif/trivy.sarif");
const GRYPE: &str = include_str!("../../../tests/fixtures/sarif/grype.sarif");
const HADOLINT: &str = include_str!("../../../tests/fixtures/sarif/hadolint.sarif");
const SNYK: &str = include_str!("../../../tests/fixtures/sarif/snyk.sarif");
const SCOUT: &str = include_str!("../../../tests/fixtures/sarif/docker-scout.sarif");

fn reports(text: &str) -> Result<Vec<Report>, FormatError> {
    let loaded = read("file", text.as_bytes().to_vec())?;
    let reports = loaded.documents.into_iter().map(|document| match document {
        Document::Report(report) => report,
        other => panic!("{other:?}"),
    });
    Ok(reports.collect())
}

fn report(text: &str) -> Report {
    let [report] = <[Report; 1]>::try_from(reports(text).unwrap()).unwrap();
    report
}

fn bytes<'t>(text: &'t str, record: &Record) -> &'t [u8] {
    let start = usize::try_from(record.span.start).unwrap();
    &text.as_bytes()[start..start + usize::try_from(record.span.length).unwrap()]
}

#[test]
fn every_log_says_that_it_is_reduced_evidence() {
    for text in [TRIVY, GRYPE, SCOUT] {
        let report = report(text);
        assert!(report.format == Format::Sarif && report.format.is_reduced());
        assert!(report.notices[0].starts_with("reduced evidence"));
        assert!(report.losses.is_empty(), "{:?}", report.losses);
        assert!(report.looked_for_vulnerabilities);
    }
}

#[test]
fn trivys_results_are_records_of_every_kind() {
    let report = report(TRIVY);
    assert_eq!(
        (report.scanner.as_str(), report.scanner_version.as_deref()),
        ("trivy", Some("0.65.0"))
    );
    let claim = &report.claim;
    assert!(claim.is_image && claim.image_id.is_some() && claim.repo_digests.len() == 1);
    assert_eq!(claim.name.as_deref(), Some("registry.example/web:1"));
    let [zlib, unfixed, qs, check, secret, license] = report.records.as_slice() else {
        panic!("{:?}", report.records);
    };
    assert_eq!(
        (zlib.id.as_str(), zlib.severity),
        ("CVE-2024-0001", Severity::High)
    );
    assert_eq!(
        (zlib.package.name.as_str(), zlib.package.version.as_str()),
        ("zlib", "1.3.1-r1")
    );
    assert_eq!(zlib.package.ecosystem, "apk");
    assert!(zlib.package.locations.is_empty());
    assert_eq!(zlib.title, "zlib: a first problem");
    assert_eq!(
        (unfixed.package.name.as_str(), unfixed.fix.state),
        ("zlib-dev", FixState::NotFixed)
    );
    assert_eq!(qs.fix.versions, ["6.14.1", "6.13.9"]);
    assert_eq!(qs.package.ecosystem, "npm");
    assert_eq!(
        qs.package.locations[0].path,
        "app/node_modules/qs/package.json"
    );
    assert_eq!(
        (check.kind, check.id.as_str()),
        (Kind::Misconfiguration, "DS-0002")
    );
    assert_eq!(
        (secret.kind, secret.title.as_str()),
        (Kind::Secret, "JWT token")
    );
    assert_eq!(secret.package.locations[0].path, "app/a.js:18");
    assert_eq!(
        (license.kind, license.package.name.as_str()),
        (Kind::License, "musl")
    );
    assert_eq!(license.package.licenses, ["GPL-2.0"]);
}

#[test]
fn the_value_of_a_secret_is_kept_nowhere() {
    let report = report(TRIVY);
    assert!(!format!("{report:?}").contains("CANARY"));
    for record in &report.records {
        let found = details(Format::Sarif, bytes(TRIVY, record)).unwrap();
        assert!(!found.description.is_empty());
        assert!(!format!("{found:?}").contains("CANARY"));
    }
    let first = details(Format::Sarif, bytes(TRIVY, &report.records[0])).unwrap();
    assert_eq!(
        first.primary_url.as_deref(),
        Some("https://example.com/CVE-2024-0001")
    );
}

/// The help of a rule is about the first package; another version's fix is not known from it.
#[test]
fn grypes_sentences_and_rules_are_read_together() {
    let report = report(GRYPE);
    assert_eq!(report.claim.name.as_deref(), Some("web:1"));
    assert!(report.claim.is_image && report.claim.manifest_digest.is_none());
    let [zlib, qs, other] = report.records.as_slice() else {
        panic!("{:?}", report.records);
    };
    assert_eq!(
        (zlib.id.as_str(), zlib.severity),
        ("CVE-2024-0001", Severity::High)
    );
    assert_eq!(zlib.package.ecosystem, "apk");
    assert!(zlib.package.purl.is_some());
    assert_eq!(zlib.matched, MatchKind::Direct);
    assert_eq!(zlib.namespace.as_deref(), Some("alpine:distro:alpine:3.20"));
    assert_eq!(zlib.package.locations[0].path, "/lib/apk/db/installed");
    assert!(zlib.package.locations[0].layer.is_some());
    assert_eq!(
        (qs.id.as_str(), qs.severity_source.as_deref()),
        ("GHSA-aaaa-bbbb-cccc", Some("ghsa"))
    );
    assert_eq!(qs.fix.versions, ["6.14.1"]);
    assert_eq!(
        (other.package.version.as_str(), other.fix.state),
        ("6.9.0", FixState::Unknown)
    );
    assert!(other.package.purl.is_none() && other.package.ecosystem == "npm");
}

#[test]
fn docker_scouts_fields_are_read() {
    let report = report(SCOUT);
    assert!(report.scanner == "docker-scout" && report.claim.is_image);
    let [qs, zlib] = report.records.as_slice() else {
        panic!("{:?}", report.records);
    };
    assert_eq!(
        (qs.package.name.as_str(), qs.package.version.as_str()),
        ("@web/qs", "6.14.0")
    );
    assert_eq!((qs.severity, qs.epss), (Severity::High, Some(0.0017)));
    assert_eq!(qs.ratings[0].score, Some(7.3));
    assert!(
        qs.ratings[0]
            .vector
            .as_deref()
            .unwrap()
            .starts_with("CVSS:4.0/")
    );
    assert_eq!(qs.fix.versions, ["6.14.1"]);
    assert_eq!(qs.package.locations.len(), 2);
    assert_eq!(qs.title, "CVE-2024-0002: A second problem");
    assert_eq!(
        (zlib.severity, zlib.fix.state),
        (Severity::Unknown, FixState::NotFixed)
    );
    assert_eq!(zlib.package.ecosystem, "deb");
}

#[test]
fn checks_of_a_tool_that_is_not_known_are_failed_checks() {
    let report = report(HADOLINT);
    assert_eq!(
        (report.scanner.as_str(), report.scanner_version.as_deref()),
        ("hadolint", Some("2.12.0"))
    );
    assert!(report.losses.is_empty() && !report.looked_for_vulnerabilities);
    assert!(
        report
            .notices
            .iter()
            .any(|text| text.contains("hadolint is not known"))
    );
    let [untagged, root, quoting] = report.records.as_slice() else {
        panic!("{:?}", report.records);
    };
    assert_eq!(untagged.kind, Kind::Misconfiguration);
    assert_eq!(
        (untagged.id.as_str(), untagged.severity),
        ("DL3006", Severity::Medium)
    );
    assert_eq!(
        untagged.title,
        "Always tag the version of an image explicitly"
    );
    assert_eq!(untagged.package.locations[0].path, "build/Dockerfile:1");
    assert_eq!(
        (root.id.as_str(), root.severity),
        ("DL3002", Severity::High)
    );
    assert_eq!(
        (quoting.id.as_str(), quoting.severity),
        ("SC2086", Severity::Low)
    );
}

#[test]
fn advisories_of_a_tool_that_is_not_known_are_vulnerabilities() {
    let report = report(SNYK);
    assert!(report.scanner == "snyk" && report.looked_for_vulnerabilities);
    assert!(report.losses.is_empty() && !report.is_scan());
    let [zlib, qs, expat] = report.records.as_slice() else {
        panic!("{:?}", report.records);
    };
    let aliases = |record: &Record| -> Vec<String> {
        record.aliases.iter().map(ToString::to_string).collect()
    };
    let package = |record: &Record| {
        let package = record.package.clone();
        [package.ecosystem, package.name, package.version]
    };
    assert_eq!(zlib.id, "SNYK-ALPINE320-ZLIB-100");
    assert_eq!(aliases(zlib), ["CVE-2024-0001"]);
    assert_eq!(package(zlib), ["apk", "zlib", "1.3.1-r1"]);
    assert_eq!(
        (zlib.severity, zlib.ratings[0].score),
        (Severity::High, Some(7.5))
    );
    assert!(
        zlib.package.locations.is_empty(),
        "the image is no place in it"
    );
    assert_eq!(aliases(qs), ["CVE-2024-0002", "CVE-2024-0003"]);
    assert_eq!(package(qs), ["npm", "@web/qs", "6.14.0"]);
    assert_eq!((qs.severity, qs.ratings.len()), (Severity::Medium, 0));
    assert_eq!(package(expat), ["deb", "libexpat1", "2.5.0-1"]);
    assert_eq!(expat.package.source.as_deref(), Some("expat"));
    assert_eq!(
        (expat.severity, expat.fix.state),
        (Severity::Critical, FixState::Unknown)
    );
    assert!(aliases(expat).is_empty());
}

#[test]
fn tools_without_a_name_and_logs_without_runs_are_refused() {
    let other = TRIVY.replace("\"Trivy\"", "\"—\"");
    let error = reports(&other).unwrap_err().to_string();
    assert!(error.contains("a tool without a name"), "{error}");
    let error = reports("{\"version\": \"2.1.0\", \"runs\": []}")
        .unwrap_err()
        .to_string();
    assert!(error.contains("nothing was scanned"), "{error}");
}

#[test]
fn an_empty_log_of_trivy_is_not_clean() {
    let log = |name: &str, results: &str| {
        let run = format!(
            "{{\"tool\": {{\"driver\": {{\"name\": \"{name}\"}}}}, \"results\": {results}}}"
        );
        report(&format!("{{\"version\": \"2.1.0\", \"runs\": [{run}]}}"))
    };
    let trivy = log("Trivy", "[]");
    assert!(!trivy.looked_for_vulnerabilities && trivy.notices.len() == 2);
    assert!(log("grype", "[]").looked_for_vulnerabilities);
    assert!(!log("grype", "null").looked_for_vulnerabilities);
    assert!(log("grype", "{}").is_partial());
}

#[test]
fn every_run_is_a_report_and_a_failed_one_is_partial() {
    let mut value: serde_json::Value = serde_json::from_str(GRYPE).unwrap();
    let mut second = value["runs"][0].clone();
    second["invocations"] = serde_json::json!([{"executionSuccessful": false}]);
    value["runs"].as_array_mut().unwrap().push(second);
    let found = reports(&value.to_string()).unwrap();
    assert_eq!(found.len(), 2);
    assert!(!found[0].is_partial() && found[1].is_partial());
    assert!(
        found[1]
            .notices
            .iter()
            .any(|text| text == "run 2 of 2 in the log")
    );
}

#[test]
fn suppressed_and_passed_results_do_not_count() {
    let change = |with: serde_json::Value| {
        let mut value: serde_json::Value = serde_json::from_str(GRYPE).unwrap();
        let result = value["runs"][0]["results"][0].as_object_mut().unwrap();
        result.extend(with.as_object().unwrap().clone());
        report(&value.to_string())
    };
    let suppressed = |status: &str| {
        let entry =
            serde_json::json!([{"kind": "external", "status": status, "justification": "ours"}]);
        change(serde_json::json!({ "suppressions": entry }))
    };
    let accepted = suppressed("accepted");
    let suppression = accepted.records[0].suppressed_by.as_ref().unwrap();
    assert_eq!(suppression.source, "suppression external");
    assert_eq!(suppression.statement.as_deref(), Some("ours"));
    assert!(suppressed("rejected").records[0].suppressed_by.is_none());
    assert_eq!(change(serde_json::json!({"kind": "pass"})).records.len(), 2);
}

#[test]
fn a_result_that_cannot_be_read_is_a_loss() {
    let changed = GRYPE.replacen(
        "A high vulnerability in apk package: zlib",
        "Something about zlib",
        1,
    );
    let report = report(&changed);
    assert_eq!((report.records.len(), report.counts().unreadable), (2, 1));
    assert_eq!(report.losses[0].place, "runs[0].results[0]");
}

#[test]
fn the_systems_kind_stays_open_where_versions_do_not_tell() {
    let plain = report(&TRIVY.replace("1.3.1-r1", "1.3.1-1"));
    assert_eq!(plain.records[0].package.ecosystem, "generic");
}
