//! What each part of a Trivy report becomes.

use super::*;
use crate::formats::{Document, details, read};
use crate::model::{FixState, MatchKind};

const IMAGE: &str = include_str!("../../../tests/fixtures/trivy/image.json");

fn report(text: &str) -> Report {
    match read("file", text.as_bytes().to_vec())
        .unwrap()
        .documents
        .remove(0)
    {
        Document::Report(report) => report,
        other => panic!("{other:?}"),
    }
}

fn record<'r>(report: &'r Report, id: &str) -> &'r Record {
    report.records.iter().find(|one| one.id == id).unwrap()
}

#[test]
fn the_header_says_what_was_scanned() {
    let report = report(IMAGE);
    assert_eq!(report.scanner_version.as_deref(), Some("0.70.0"));
    assert_eq!(
        report.created.unwrap().to_rfc3339(),
        "2026-01-05T09:00:00.123456789+00:00"
    );
    assert_eq!(report.database_age, DatabaseAge::LowerBound);
    assert_eq!(
        report.database_built.unwrap().to_rfc3339(),
        "2025-12-30T00:00:00+00:00"
    );
    let claim = &report.claim;
    assert_eq!(claim.name.as_deref(), Some("shop:1.4"));
    assert_eq!(
        claim.platform.as_ref().unwrap().to_string(),
        "linux/arm64/v8"
    );
    assert_eq!(claim.os.as_deref(), Some("debian 12.5"));
    assert_eq!((claim.diff_ids.len(), claim.repo_digests.len()), (1, 1));
    assert!(claim.is_image && claim.image_id.is_some());
    assert!(report.looked_for_vulnerabilities && !report.is_partial());
    let notices = report.notices.join("\n");
    assert!(notices.contains("end of life") && notices.contains("1 results of own checks"));
}

#[test]
fn a_vulnerability_keeps_who_said_what() {
    let report = report(IMAGE);
    let record = record(&report, "CVE-2024-0001");
    assert_eq!(record.severity, Severity::Low);
    assert_eq!(record.severity_source.as_deref(), Some("debian"));
    assert_eq!(record.fix.state, FixState::WontFix);
    assert_eq!(record.covers[0].as_str(), "DSA-1234-1");
    assert_eq!(record.aliases[0].as_str(), "GHSA-aaaa-bbbb-cccc");
    assert_eq!(record.title, "First words of a long text.");
    let nvd = record
        .ratings
        .iter()
        .find(|one| one.source == "nvd")
        .unwrap();
    assert_eq!((nvd.severity, nvd.score), (Severity::Critical, Some(9.8)));
    let redhat = record.ratings.iter().find(|one| one.source == "redhat");
    assert_eq!(redhat.unwrap().score, None, "11 is no score");
    let package = &record.package;
    assert_eq!(package.ecosystem, "deb");
    assert_eq!(package.source.as_deref(), Some("zlib"));
    assert_eq!(package.licenses, ["Zlib"]);
    let purl = package.purl.as_ref().unwrap();
    assert_eq!(purl.qualifier("epoch"), Some("1"), "an escaped & is an &");
    assert!(package.locations[0].layer.is_some());
    assert_eq!(record.matched, MatchKind::Unknown);
    let catalogued = report.packages.as_ref().unwrap();
    assert_eq!(catalogued[0].version, "1:1.2.13-1");
    assert_eq!(catalogued[0].identity(), package.identity());
}

#[test]
fn fixed_versions_are_a_list() {
    let report = report(IMAGE);
    let record = record(&report, "CVE-2024-0002");
    assert_eq!(record.fix.versions, ["1.0.5", "2.0.1"]);
    assert_eq!(record.package.ecosystem, "npm");
    assert_eq!(record.package.locations[0].path, "app/left/package.json");
}

#[test]
fn every_kind_is_a_record_and_passed_checks_are_none() {
    let report = report(IMAGE);
    assert_eq!(report.records.len(), 6);
    let check = record(&report, "DS-0002");
    assert_eq!(check.kind, Kind::Misconfiguration);
    assert_eq!(check.aliases[0].as_str(), "AVD-DS-0002");
    assert_eq!(check.package.locations[0].path, "Dockerfile");
    let license = record(&report, "GPL-3.0-only");
    assert_eq!(license.kind, Kind::License);
    assert_eq!(license.package.name, "zlib1g");
    let suppressed = record(&report, "CVE-2024-0003")
        .suppressed_by
        .as_ref()
        .unwrap();
    assert_eq!(suppressed.status, "not_affected");
    assert_eq!(suppressed.source, "app.openvex.json");
    assert_eq!(suppressed.statement.as_deref(), Some("never called"));
    assert_eq!(report.counts().suppressed, 1);
}

#[test]
fn a_secret_keeps_its_place_and_never_its_value() {
    let loaded = read("file", IMAGE.as_bytes().to_vec()).unwrap();
    assert!(!format!("{:?}", loaded.documents).contains("CANARY"));
    let report = report(IMAGE);
    let secret = record(&report, "private-key");
    assert_eq!(secret.title, "Private key");
    assert_eq!(secret.package.locations[0].path, "/app/key.pem:7");
    let start = usize::try_from(secret.span.start).unwrap();
    let end = start + usize::try_from(secret.span.length).unwrap();
    let details = details(Format::TrivyJson, &loaded.text[start..end]).unwrap();
    assert_eq!(details.lines, Some((7, 9)));
    assert!(!format!("{details:?}").contains("CANARY"));
}

#[test]
fn details_come_from_the_records_bytes() {
    let loaded = read("file", IMAGE.as_bytes().to_vec()).unwrap();
    let report = report(IMAGE);
    let of = |id: &str| {
        let span = record(&report, id).span;
        let start = usize::try_from(span.start).unwrap();
        let end = start + usize::try_from(span.length).unwrap();
        details(Format::TrivyJson, &loaded.text[start..end]).unwrap()
    };
    let details = of("CVE-2024-0001");
    assert!(details.description.ends_with("Second line."));
    assert_eq!(details.references, ["https://example.com/a"]);
    assert_eq!(details.cwes, ["CWE-190"]);
    assert_eq!(details.status.as_deref(), Some("will_not_fix"));
    assert_eq!(of("CVE-2024-0003").description, "Suppressed.");
    assert_eq!(of("DS-0002").lines, Some((3, 4)));
}

#[test]
fn one_damaged_entry_is_one_loss() {
    for (from, to, place) in [
        (
            "\"Severity\": \"LOW\"",
            "\"Severity\": \"SEVERE\"",
            "Results[0].Vulnerabilities[0]",
        ),
        (
            "\"PkgName\": \"left\", \"PkgPath\"",
            "\"PkgName\": {}, \"PkgPath\"",
            "Results[1].Vulnerabilities[0]",
        ),
        (
            "\"Finding\": {\"VulnerabilityID\": \"CVE-2024-0003\",",
            "\"Finding\": {",
            "Results[1].ExperimentalModifiedFindings[0].Finding",
        ),
        ("\"RuleID\": \"private-key\",", "", "Results[3].Secrets[0]"),
        ("\"Target\": \"Dockerfile\"", "\"Target\": []", "Results[2]"),
    ] {
        assert!(IMAGE.contains(from), "{from}");
        let report = report(&IMAGE.replacen(from, to, 1));
        assert_eq!(report.losses.len(), 1, "{place}: {:?}", report.losses);
        assert_eq!(report.losses[0].place, place);
        assert!(report.losses[0].offset.is_some());
        assert_eq!((report.counts().read, report.counts().unreadable), (6, 1));
    }
    let header = report(&IMAGE.replacen("\"Metadata\": {", "\"Metadata\": {\"OS\": 1,", 1));
    assert_eq!(header.losses[0].place, "Metadata");
    assert_eq!(header.counts().unreadable, 0);
    assert!(header.is_partial());
}

#[test]
fn old_and_empty_shapes_are_read() {
    let old = report(
        "[{\"Target\": \"a (alpine 3.9)\", \"Type\": \"alpine\", \"Vulnerabilities\": null}]",
    );
    assert!(old.looked_for_vulnerabilities && old.records.is_empty());
    assert_eq!(old.claim.name.as_deref(), Some("a"));
    assert_eq!(old.claim.os.as_deref(), Some("alpine 3.9"));
    let stub = report("null\n");
    assert!(!stub.looked_for_vulnerabilities && !stub.notices.is_empty());
    let image =
        "{\"SchemaVersion\": 2, \"ArtifactName\": \"a\", \"ArtifactType\": \"container_image\"}";
    let empty = report(image);
    assert!(empty.looked_for_vulnerabilities);
    assert!(empty.notices[0].contains("no package was catalogued"));
    let folder = report(&image.replace("container_image", "filesystem"));
    assert!(!folder.looked_for_vulnerabilities);
    let secrets = report(&image.replacen('{', "{\"Results\": [{\"Class\": \"secret\"}],", 1));
    assert!(!secrets.looked_for_vulnerabilities);
}

#[test]
fn filters_are_inferred_from_enough_records_only() {
    let with = |count: usize, severity: &str, fixed: &str| {
        let record = format!(
            "{{\"VulnerabilityID\": \"CVE-1\", \"PkgName\": \"a\", \"Severity\": \"{severity}\", \"FixedVersion\": \"{fixed}\"}}"
        );
        let records = vec![record; count].join(",");
        let text = format!(
            "[{{\"Target\": \"a\", \"Class\": \"os-pkgs\", \"Type\": \"debian\", \"Vulnerabilities\": [{records}]}}]"
        );
        report(&text).options
    };
    assert!(with(ENOUGH - 1, "HIGH", "2").is_empty());
    assert!(with(ENOUGH, "LOW", "").is_empty());
    let options = with(ENOUGH, "HIGH", "2");
    assert!(options.iter().all(|option| !option.recorded));
    let pairs: Vec<_> = options
        .iter()
        .map(|one| (&*one.name, &*one.value))
        .collect();
    assert_eq!(pairs, [("severity", "high"), ("ignore-unfixed", "true")]);
}

const CLUSTER: &str = include_str!("../../../tests/fixtures/trivy/cluster.json");
const OPERATOR: &str = include_str!("../../../tests/fixtures/trivy/operator.json");

fn reports(text: &str) -> Vec<Report> {
    let loaded = read("file", text.as_bytes().to_vec()).unwrap();
    let reports = loaded.documents.into_iter().map(|document| match document {
        Document::Report(report) => report,
        other => panic!("{other:?}"),
    });
    reports.collect()
}

/// Each resource is a report; one whose scan failed is partial, and one without a result is told.
#[test]
fn every_resource_of_a_cluster_is_a_report() {
    let found = reports(CLUSTER);
    let [image, checks, broken] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((image.records.len(), checks.records.len()), (1, 1));
    assert_eq!(image.claim.name.as_deref(), Some("registry.example/web:1"));
    assert!(image.claim.is_image && image.claim.diff_ids.len() == 1);
    assert!(image.looked_for_vulnerabilities && !checks.looked_for_vulnerabilities);
    assert_eq!(checks.claim.name.as_deref(), Some("default/Deployment/web"));
    assert!(!checks.claim.is_image);
    assert!(!image.is_partial() && broken.is_partial());
    assert_eq!(
        broken.losses[0].reason,
        "the scan of the resource failed: image not found\\x1b[31m"
    );
    assert!(
        image
            .notices
            .iter()
            .any(|text| text == "1 resources of the cluster have no result")
    );
    let span = image.records[0].span;
    let start = usize::try_from(span.start).unwrap();
    let end = start + usize::try_from(span.length).unwrap();
    assert!(details(Format::TrivyJson, &CLUSTER.as_bytes()[start..end]).is_ok());
}

#[test]
fn a_damaged_resource_of_a_cluster_is_a_loss() {
    let found = reports(&CLUSTER.replace("\"Namespace\": \"default\"", "\"Namespace\": {}"));
    let [cluster] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(
        (cluster.losses.len(), cluster.claim.name.as_deref()),
        (4, Some("demo"))
    );
    let old = CLUSTER.replace("\"Resources\"", "\"Vulnerabilities\"");
    assert_eq!(reports(&old).len(), 3);
    let none = reports("{\"ClusterName\": \"demo\", \"Resources\": []}");
    assert!(none[0].records.is_empty() && !none[0].looked_for_vulnerabilities);
}

#[test]
fn the_operators_resources_are_reports() {
    let found = reports(OPERATOR);
    let [image, checks, secrets] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert!(
        found
            .iter()
            .all(|report| report.format.is_reduced() && report.losses.is_empty())
    );
    assert!(
        image
            .notices
            .iter()
            .any(|text| text.contains("`ClusterComplianceReport`")
                || text.contains("ClusterComplianceReport are not read"))
    );
    assert_eq!(image.claim.name.as_deref(), Some("docker.io/library/web:1"));
    assert!(image.claim.repo_digests[0].starts_with("docker.io/library/web@sha256:22"));
    assert_eq!(image.claim.os.as_deref(), Some("alpine 3.20.0"));
    assert!(image.looked_for_vulnerabilities && image.created.is_some());
    let [zlib, qs] = image.records.as_slice() else {
        panic!("{image:?}");
    };
    assert_eq!(
        (zlib.package.ecosystem.as_str(), zlib.severity),
        ("apk", Severity::High)
    );
    assert_eq!(zlib.fix.versions, ["1.3.2-r0", "1.4.0-r0"]);
    assert!(zlib.package.locations.is_empty() && zlib.published.is_some());
    assert_eq!(
        (qs.package.ecosystem.as_str(), qs.fix.state),
        ("npm", FixState::NotFixed)
    );
    assert_eq!(
        qs.package.locations[0].path,
        "app/node_modules/qs/package.json"
    );
    assert_eq!(
        (checks.records.len(), checks.records[0].kind),
        (1, Kind::Misconfiguration)
    );
    assert_eq!(
        checks.records[0].package.locations[0].path,
        "default/ReplicaSet/web-1"
    );
    assert!(!checks.looked_for_vulnerabilities && !checks.claim.is_image);
    assert_eq!(
        (secrets.records.len(), secrets.records[0].kind),
        (1, Kind::Secret)
    );
    for report in &found {
        for record in &report.records {
            let start = usize::try_from(record.span.start).unwrap();
            let end = start + usize::try_from(record.span.length).unwrap();
            let read = details(Format::TrivyOperator, &OPERATOR.as_bytes()[start..end]).unwrap();
            assert!(!format!("{report:?}{read:?}").contains("CANARY"));
        }
    }
}

/// One alone, a bare list, lists by type; and what holds no finding is refused by name.
#[test]
fn the_operators_resources_come_in_many_wrappings() {
    let value: serde_json::Value = serde_json::from_str(OPERATOR).unwrap();
    let items = value["items"].as_array().unwrap();
    let by_type = serde_json::json!({
        "sbomreports.aquasecurity.github.io": [],
        "vulnerabilityreports.aquasecurity.github.io": [items[0]],
    });
    for (text, count) in [
        (items[0].to_string(), 1),
        (serde_json::Value::from(items.clone()).to_string(), 3),
        (by_type.to_string(), 1),
    ] {
        assert_eq!(reports(&text).len(), count, "{text}");
    }
    let error = read("file", items[3].to_string().into_bytes()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("ClusterComplianceReport, which hold no finding"),
        "{error}"
    );
    let broken = items[0]
        .to_string()
        .replace("\"vulnerabilities\":[", "\"vulnerabilities\":[1,");
    let found = reports(&broken);
    assert_eq!(found[0].counts().unreadable, 1);
}
