//! Tests of what exemptions reach.

use std::sync::Arc;

use super::*;
use crate::model::*;
use crate::triage::join::findings_under;
use crate::triage::subject::subjects;
use crate::triage::testing::{digest, now, record, report};

/// Reads an ignore file or VEX document.
pub(super) fn document(text: &str) -> ExemptionDocument {
    let loaded = crate::formats::read("file", text.as_bytes().to_vec()).unwrap();
    match loaded.documents.into_iter().next() {
        Some(crate::formats::Document::Exemptions(document)) => document,
        other => panic!("{other:?}"),
    }
}

/// A statement of an OpenVEX document about `products`, which is JSON.
pub(super) fn openvex(id: &str, status: &str, time: &str, products: &str) -> String {
    format!(
        r#"{{"@context":"https://openvex.dev/ns/v0.2.0","timestamp":"{time}","statements":[
        {{"vulnerability":{{"name":"{id}"}},"status":"{status}","products":{products}}}]}}"#
    )
}

const TIME: &str = "2026-04-01T00:00:00Z";

/// A record of `deb` package `a` with a package URL and a path.
fn located(id: &str, aliases: &[&str], path: &str) -> Record {
    let mut record = record(id, aliases, Severity::High);
    record.package.purl = "pkg:deb/debian/a@1?arch=amd64&distro=debian-12.5"
        .parse()
        .ok();
    record.package.locations.push(Location {
        path: path.to_owned(),
        layer: None,
    });
    record
}

fn placed(kind: Kind, id: &str, path: &str) -> Record {
    let mut record = located(id, &[], path);
    record.kind = kind;
    record.package.name.clear();
    record.package.purl = None;
    record
}

/// What a text suppresses of one record of a scanner's report about `registry.example.org/app`.
fn suppresses(text: &str, scanner: &str, record: Record) -> bool {
    let mut report = report(scanner, vec![record]);
    report.claim.repo_digests = vec![format!("registry.example.org/team/app@{}", digest('b'))];
    report.claim.platform = Some("linux/amd64".parse().unwrap());
    let reports = [Arc::new(report)];
    let subjects = subjects(&reports, &[], &[], &[]);
    let documents = [Arc::new(document(text))];
    let suppressed = suppress(&documents, &subjects, &reports, &[], now());
    suppressed.count(0) == 1
}

fn plain(line: &str) -> String {
    format!("CVE-2020-1\n{line}\n")
}

fn yaml(section: &str, entry: &str) -> String {
    format!("{section}:\n  - {{{entry}}}\n")
}

#[test]
fn trivys_files_reach_as_trivy_does() {
    let of = |entry: &str| yaml("vulnerabilities", &format!("id: CVE-2024-1, {entry}"));
    for (text, expected) in [
        (plain("CVE-2024-1"), true),
        (plain("CVE-2024-1 exp:2026-05-02"), true),
        (plain("CVE-2024-1 exp:2026-05-01"), false),
        (plain("cve-2024-1"), false),
        // Trivy compares the id alone.
        (plain("GHSA-1"), false),
        (plain("CVE-2024"), false),
        (yaml("vulnerabilities", "id: CVE-2024-1"), true),
        (yaml("misconfigurations", "id: CVE-2024-1"), false),
        (of("paths: [x, app/go.mod]"), true),
        (of("paths: ['**/package.json']"), false),
        (of("purls: ['pkg:deb/debian/a']"), true),
        (of("purls: ['pkg:deb/debian/a@1']"), true),
        (of("purls: ['pkg:deb/debian/a@2']"), false),
        (of("purls: ['pkg:deb/debian/a@1?arch=amd64']"), true),
        (of("purls: ['pkg:deb/debian/a@1?arch=arm64']"), false),
        (of("purls: ['pkg:deb/debian/a@1?os=linux']"), false),
        (of("purls: ['pkg:deb/ubuntu/a']"), false),
        (of("purls: ['pkg:deb/debian/a'], paths: [x]"), false),
        (of("expired_at: 2026-05-01"), false),
        (of("expired_at: 2026-05-01T12:00:00Z"), true),
        (of("expired_at: 2026-05-01T11:59:59Z"), false),
    ] {
        let record = located("CVE-2024-1", &["GHSA-1"], "app/go.mod");
        assert_eq!(
            suppresses(&text, "trivy", record.clone()),
            expected,
            "{text}"
        );
        assert!(
            !suppresses(&text, "grype", record),
            "another tool's: {text}"
        );
    }
    let unnamed = record("CVE-2024-1", &[], Severity::Low);
    assert!(suppresses(&plain("CVE-2024-1"), "trivy", unnamed.clone()));
    assert!(!suppresses(
        &of("purls: ['pkg:deb/debian/a']"),
        "trivy",
        unnamed
    ));
}

#[test]
fn trivys_sections_reach_their_kind() {
    let mut check = placed(Kind::Misconfiguration, "DS-0002", "app/Dockerfile");
    check.aliases = vec![VulnerabilityId::new("AVD-DS-0002")];
    let secret = placed(Kind::Secret, "aws-access-key", "app/a.env:12");
    let license = placed(Kind::License, "GPL-3.0", "usr/share/x");
    for (text, record, expected) in [
        (plain("DS-0002"), &check, true),
        (plain("AVD-DS-0002"), &check, true),
        (plain("aws-access-key"), &secret, true),
        (plain("GPL-3.0"), &license, true),
        (yaml("vulnerabilities", "id: DS-0002"), &check, false),
        (
            yaml("misconfigurations", "id: AVD-DS-0002, paths: [app/*]"),
            &check,
            true,
        ),
        (
            yaml("misconfigurations", "id: AVD-DS-0002, paths: [Dockerfile]"),
            &check,
            false,
        ),
        (
            yaml("secrets", "id: aws-access-key, paths: ['**/*.env']"),
            &secret,
            true,
        ),
        (
            yaml("secrets", "id: aws-access-key, paths: ['*.env']"),
            &secret,
            false,
        ),
        (yaml("licenses", "id: GPL-3.0"), &license, true),
        (yaml("licenses", "id: GPL-2.0"), &license, false),
    ] {
        assert_eq!(
            suppresses(&text, "trivy", record.clone()),
            expected,
            "{text}"
        );
    }
}

#[test]
fn grypes_rules_reach_as_grype_does() {
    let rule = |rule: &str| format!("ignore:\n  - {{{rule}}}\n");
    let matched = || {
        let mut record = located("GHSA-1", &["CVE-2024-1"], "/usr/lib/npm/a/package.json");
        record.namespace = Some("github:language:javascript".to_owned());
        record.state_word = Some("wont-fix".to_owned());
        record.matched = MatchKind::Indirect;
        record.package.source = Some("linux-source".to_owned());
        record.package.name = "linux-headers-6.1".to_owned();
        record
    };
    for (text, expected) in [
        ("vulnerability: GHSA-1", true),
        ("vulnerability: CVE-2024-1", false),
        ("vulnerability: CVE-2024-1, include-aliases: true", true),
        ("vulnerability: CVE-2024-1, include-aliases: false", false),
        ("vulnerability: CVE-2024-2, include-aliases: true", false),
        ("namespace: 'github:language:javascript'", true),
        ("namespace: 'github:language'", false),
        ("fix-state: wont-fix", true),
        ("fix-state: fixed", false),
        ("package: {name: 'linux(-.*)?-headers-.*'}", true),
        ("package: {name: headers}", false),
        ("package: {name: 'linux-headers-6.1', version: '1'}", true),
        ("package: {name: 'linux-headers-6.1', version: '2'}", false),
        ("package: {type: deb}", true),
        ("package: {type: rpm}", false),
        ("package: {type: jenkins-plugin}", false),
        ("package: {language: python}", false),
        ("package: {location: '/usr/lib/npm/**'}", true),
        ("package: {location: '/usr/lib/npm/*'}", false),
        ("package: {upstream-name: 'linux.*'}", true),
        ("package: {upstream-name: linux}", false),
        ("match-type: exact-indirect-match", true),
        ("match-type: cpe-match", false),
        ("vulnerability: GHSA-1, fix-state: fixed", false),
        ("vulnerability: GHSA-1, vex-status: fixed", false),
        ("reason: names nothing", false),
        ("include-aliases: true", false),
    ] {
        assert_eq!(
            suppresses(&rule(text), "grype", matched()),
            expected,
            "{text}"
        );
        assert!(
            !suppresses(&rule(text), "trivy", matched()),
            "another tool's records: {text}"
        );
    }
    let mut secret = matched();
    secret.kind = Kind::Secret;
    assert!(!suppresses(&rule("package: {type: deb}"), "grype", secret));
}

#[test]
fn a_statement_reaches_its_product_and_no_other() {
    let manifest = digest('a').to_string();
    let index = digest('b').to_string();
    let other = digest('c').to_string();
    let oci = |rest: &str| format!("pkg:oci/app{rest}");
    let part = |product: &str, part: &str| {
        format!(r#"[{{"@id":"{product}","subcomponents":[{{"@id":"{part}"}}]}}]"#)
    };
    let list = |product: &str| format!(r#"["{product}"]"#);
    let (own, strange) = ("pkg:deb/debian/a", "pkg:deb/debian/b");
    for (products, expected) in [
        (list(&oci("")), true),
        (list("pkg:oci/other"), false),
        (list(&oci(&format!("@{manifest}"))), true),
        (list(&oci(&format!("@{index}"))), true),
        (list(&oci(&format!("@{other}"))), false),
        (list(&format!("pkg:oci/other@{manifest}")), false),
        (
            list(&oci("?repository_url=registry.example.org/team/app")),
            true,
        ),
        (
            list(&oci("?repository_url=registry.example.org%2Fteam")),
            true,
        ),
        (
            list(&oci("?repository_url=registry.example.org/other/app")),
            false,
        ),
        (list(&oci("?arch=amd64&os=linux")), true),
        (list(&oci("?arch=arm64")), false),
        (list(&oci("?tag=1")), false),
        (list(&oci("?something=else")), false),
        (list(&manifest), true),
        (list(&other), false),
        (
            list(&format!("registry.example.org/team/app@{index}")),
            true,
        ),
        (
            list(&format!("registry.example.org/team/other@{index}")),
            false,
        ),
        (list("registry.example.org/team/app:1"), false),
        (list("app"), false),
        (part(&oci(""), own), true),
        (part(&oci(""), strange), false),
        (part(&oci(&format!("@{other}")), own), false),
        (part(&oci(""), "pkg:deb/debian/a@1"), true),
        (part(&oci(""), "pkg:deb/debian/a@2"), false),
        (part(&oci(""), "something"), false),
        (part("pkg:golang/example.org/app", own), false),
        (list(own), true),
        (list("pkg:deb/debian/a@1?distro=debian-12.5"), true),
        (list("pkg:deb/debian/a@1?distro=debian-11"), false),
        (list(strange), false),
        ("[]".to_owned(), false),
        (format!(r#"["pkg:oci/other","{own}"]"#), true),
    ] {
        let text = openvex("CVE-2024-1", "not_affected", TIME, &products);
        for scanner in ["trivy", "grype", "snyk"] {
            let record = located("CVE-2024-1", &[], "x");
            assert_eq!(suppresses(&text, scanner, record), expected, "{products}");
        }
        let check = placed(Kind::Misconfiguration, "CVE-2024-1", "x");
        assert!(!suppresses(&text, "trivy", check), "{products}");
    }
}

#[test]
fn a_statement_names_one_vulnerability() {
    let text = |ids: &str| {
        format!(
            r#"{{"@context":"https://openvex.dev/ns/v0.2.0","statements":[
            {{"vulnerability":{ids},"status":"fixed","products":["pkg:deb/debian/a"]}}]}}"#
        )
    };
    for (ids, record, expected) in [
        (r#""CVE-2024-1""#, located("CVE-2024-1", &[], "x"), true),
        (r#""CVE-2024-2""#, located("CVE-2024-1", &[], "x"), false),
        (
            r#""CVE-2024-1""#,
            located("GHSA-1", &["CVE-2024-1"], "x"),
            true,
        ),
        (
            r#"{"name":"GO-1","aliases":["CVE-2024-1"]}"#,
            located("CVE-2024-1", &[], "x"),
            true,
        ),
        // An advisory that stands for several must not take the others with it.
        (
            r#""CVE-2024-1""#,
            located("GHSA-1", &["CVE-2024-1", "CVE-2024-2"], "x"),
            false,
        ),
        (
            r#"{"name":"CVE-2024-1","aliases":["CVE-2024-2"]}"#,
            located("GHSA-1", &["CVE-2024-1", "CVE-2024-2"], "x"),
            true,
        ),
        (
            r#""GHSA-1""#,
            located("GHSA-1", &["CVE-2024-1", "CVE-2024-2"], "x"),
            true,
        ),
        (
            r#""DSA-1-1""#,
            located("CVE-2024-1", &["DSA-1-1"], "x"),
            false,
        ),
    ] {
        assert_eq!(
            suppresses(&text(ids), "grype", record.clone()),
            expected,
            "{ids} {record:?}"
        );
    }
}

/// The latest statement counts, whichever file it is in; of equals the one that keeps the finding.
#[test]
fn the_latest_statement_counts() {
    let said = |status: &str, time: &str| {
        document(&openvex("CVE-2024-1", status, time, r#"["pkg:oci/app"]"#))
    };
    let mut one = report("trivy", vec![located("CVE-2024-1", &[], "x")]);
    one.claim.repo_digests = vec![format!("example.org/app@{}", digest('b'))];
    let reports = [Arc::new(one)];
    let subjects = subjects(&reports, &[], &[], &[]);
    for (statements, expected) in [
        (
            vec![
                said("not_affected", "2026-01-01T00:00:00Z"),
                said("affected", "2026-01-02T00:00:00Z"),
            ],
            false,
        ),
        (
            vec![
                said("affected", "2026-01-01T00:00:00Z"),
                said("fixed", "2026-01-02T00:00:00Z"),
            ],
            true,
        ),
        (
            vec![said("under_investigation", TIME), said("fixed", TIME)],
            false,
        ),
        (vec![said("affected", ""), said("fixed", TIME)], true),
        (vec![said("fixed", ""), said("not_affected", TIME)], true),
    ] {
        for reverse in [false, true] {
            let mut documents: Vec<_> = statements.iter().cloned().map(Arc::new).collect();
            if reverse {
                documents.reverse();
            }
            let suppressed = suppress(&documents, &subjects, &reports, &[], now());
            assert_eq!(suppressed.count(0) == 1, expected, "{statements:?}");
            assert!(
                suppressed
                    .outcomes()
                    .iter()
                    .all(|outcome| outcome.matched == 1)
            );
        }
    }
}

/// A report that shares only a name with the image is not known to be about it.
#[test]
fn a_weakly_joined_report_is_not_the_product() {
    let mut proven = report("trivy", vec![located("CVE-2024-1", &[], "x")]);
    proven.claim.repo_digests = vec![format!("example.org/app@{}", digest('b'))];
    let mut weak = report("grype", vec![located("CVE-2024-1", &[], "x")]);
    weak.claim = SubjectClaim {
        name: Some("app:1".into()),
        is_image: true,
        ..SubjectClaim::default()
    };
    let reports = [Arc::new(proven), Arc::new(weak)];
    let subjects = subjects(&reports, &[], &[], &[]);
    assert_eq!(subjects.len(), 1);
    let of_image = openvex("CVE-2024-1", "fixed", TIME, r#"["pkg:oci/app"]"#);
    let of_package = openvex("CVE-2024-1", "fixed", TIME, r#"["pkg:deb/debian/a"]"#);
    for (text, counts) in [(of_image, (1, 0)), (of_package, (1, 1))] {
        let documents = [Arc::new(document(&text))];
        let suppressed = suppress(&documents, &subjects, &reports, &[], now());
        assert_eq!((suppressed.count(0), suppressed.count(1)), counts);
    }
}

/// A statement about a part of an SBOM reaches the image whose SBOM that is.
#[test]
fn a_link_into_an_sbom_needs_that_sbom() {
    let text = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","vulnerabilities":[
        {"id":"CVE-2024-1","analysis":{"state":"not_affected"},"affects":[
        {"ref":"urn:cdx:00000000-0000-4000-8000-00000000000A/2@PART"}]}]}"#;
    let link = "urn:cdx:00000000-0000-4000-8000-00000000000a/2";
    for (part, given, expected) in [
        ("pkg:deb/debian/a@1", Some(link), true),
        ("pkg:deb/debian/b@1", Some(link), false),
        (
            "pkg:deb/debian/a@1",
            Some("urn:cdx:00000000-0000-4000-8000-00000000000a/1"),
            false,
        ),
        ("pkg:deb/debian/a@1", None, false),
        ("part-1", Some(link), true),
        ("part-2", Some(link), false),
    ] {
        let one = report("trivy", vec![located("CVE-2024-1", &[], "x")]);
        let package = one.records[0].package.clone();
        let sbom = Sbom {
            origin: one.origin.clone(),
            format: Format::CyclonedxJson,
            spec_version: "1.5".into(),
            producer: None,
            claim: SubjectClaim {
                bom_link: given.map(str::to_owned),
                ..one.claim.clone()
            },
            components: vec![Component {
                reference: Some("part-1".into()),
                package,
                ..Component::default()
            }],
            depends_on: vec![Vec::new()],
            roots: Vec::new(),
            losses: Vec::new(),
            notices: Vec::new(),
        };
        let (reports, sboms) = ([Arc::new(one)], [Arc::new(sbom)]);
        let subjects = subjects(&reports, &sboms, &[], &[]);
        assert_eq!(subjects.len(), 1);
        let documents = [Arc::new(document(
            &text.replace("@PART", &format!("#{part}")),
        ))];
        let suppressed = suppress(&documents, &subjects, &reports, &sboms, now());
        assert_eq!(suppressed.count(0) == 1, expected, "{part} {given:?}");
    }
}

#[test]
fn what_became_of_the_entries_is_told() {
    let text = "CVE-2024-1\nCVE-2024-2 exp:2026-04-30\nCVE-2024-3 exp:2026-04-30\nCVE-2024-4\n";
    let records = vec![
        located("CVE-2024-1", &[], "x"),
        located("CVE-2024-2", &[], "x"),
        located("CVE-2024-2", &[], "y"),
    ];
    let reports = [Arc::new(report("trivy", records))];
    let subjects = subjects(&reports, &[], &[], &[]);
    let documents = [Arc::new(document(text))];
    let suppressed = suppress(&documents, &subjects, &reports, &[], now());
    let [outcome] = suppressed.outcomes() else {
        panic!("{suppressed:?}");
    };
    assert_eq!(
        (outcome.matched, outcome.expired, outcome.suppressed),
        (2, 2, 1)
    );
    assert_eq!(outcome.subjects, BTreeSet::from([0]));
    assert_eq!(
        outcome.notices,
        [
            "CVE-2024-2 expired on 2026-04-30: reopened (2 records)",
            "2 entries matched nothing: CVE-2024-3, CVE-2024-4",
        ]
    );
    let earlier = "2026-04-29T23:59:59Z".parse().unwrap();
    let suppressed = suppress(&documents, &subjects, &reports, &[], earlier);
    assert_eq!(suppressed.count(0), 3);
}

#[test]
fn a_record_that_the_scanner_suppresses_stays_its() {
    let mut record = located("CVE-2024-1", &[], "x");
    record.suppressed_by = Some(Suppression {
        by: SuppressedBy::Scanner,
        source: "rule".into(),
        status: "ignored".into(),
        statement: None,
    });
    let reports = [Arc::new(report("trivy", vec![record]))];
    let subjects = subjects(&reports, &[], &[], &[]);
    let documents = [Arc::new(document("CVE-2024-1\n"))];
    let suppressed = suppress(&documents, &subjects, &reports, &[], now());
    assert_eq!(
        (suppressed.count(0), suppressed.outcomes()[0].matched),
        (0, 1)
    );
    let joined = findings_under(&subjects, &reports, &suppressed);
    let by = joined.findings[0].suppressed_by.as_ref().unwrap();
    assert_eq!(
        (by.by, joined.counts.suppressed),
        (SuppressedBy::Scanner, 1)
    );
}
