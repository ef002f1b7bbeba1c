//! What each part of a CycloneDX document becomes.

use super::*;
use crate::formats::{Document as AnyDocument, details, read};
use crate::model::{FixState, Severity};

const IMAGE: &str = include_str!("../../../tests/fixtures/cyclonedx/image.json");

fn sbom(text: &str) -> Sbom {
    match read("file", text.as_bytes().to_vec())
        .unwrap()
        .documents
        .remove(0)
    {
        AnyDocument::Sbom(sbom) => sbom,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_subject_is_claimed_with_all_its_digests() {
    let sbom = sbom(IMAGE);
    assert_eq!((sbom.spec_version.as_str(), sbom.losses.len()), ("1.6", 0));
    assert_eq!(sbom.producer.as_deref(), Some("trivy 0.70.0"));
    let claim = &sbom.claim;
    assert!(claim.is_image && claim.image_id.is_some());
    assert_eq!(claim.diff_ids.len(), 2);
    assert!(claim.repo_digests[0].starts_with("registry.test/shop@sha256:bbbb"));
    assert_eq!(claim.platform.as_ref().unwrap().to_string(), "linux/arm64");
    assert_eq!(claim.os.as_deref(), Some("debian 12.5"));
    assert_eq!(claim.manifest_digest, None);
    let digest = format!(
        "\"version\": \"sha256:{}\", \"name\": \"shop:1.4\"",
        "d".repeat(64)
    );
    let other = self::sbom(&IMAGE.replacen("\"name\": \"shop:1.4\"", &digest, 1));
    assert!(other.claim.manifest_digest.is_some());
}

#[test]
fn nested_components_follow_their_parent() {
    let sbom = sbom(IMAGE);
    let names: Vec<_> = sbom
        .components
        .iter()
        .map(|one| &*one.package.name)
        .collect();
    assert_eq!(
        names,
        [
            "debian",
            "zlib1g",
            "app.jar",
            "org.apache:log",
            "@scope/pad"
        ]
    );
    assert_eq!(sbom.components[3].parent, Some(2));
    let zlib = &sbom.components[1].package;
    assert_eq!(zlib.version, "1:1.2.13-1");
    assert_eq!(zlib.source.as_deref(), Some("zlib"));
    assert_eq!(zlib.licenses, ["Zlib", "MIT OR Apache-2.0"]);
    assert_eq!(sbom.components[3].package.locations[0].path, "/app.jar");
    assert!(sbom.components[4].package.locations[0].layer.is_some());
}

#[test]
fn dependencies_are_numbers_of_components() {
    let sbom = sbom(IMAGE);
    assert_eq!(sbom.roots, [0, 2]);
    assert_eq!(sbom.depends_on[0], [1]);
    let notices = sbom.notices.join("\n");
    assert!(notices.contains("1 dependencies name a component"));
}

#[test]
fn damage_is_counted() {
    for (from, to, place, components) in [
        (
            "\"name\": \"log\"",
            "\"name\": {}",
            "components[2].components[0]",
            4,
        ),
        (
            "{\"bom-ref\": \"os\"",
            "null, {\"bom-ref\": \"os\"",
            "components[0]",
            5,
        ),
        (
            "\"components\": null",
            "\"components\": 7",
            "components[2].components[0].components",
            5,
        ),
        ("{\"ref\": \"app\"", "{\"ref\": []", "dependencies[2]", 5),
    ] {
        assert!(IMAGE.contains(from), "{from}");
        let sbom = sbom(&IMAGE.replacen(from, to, 1));
        assert_eq!(sbom.losses.len(), 1, "{place}: {:?}", sbom.losses);
        assert_eq!(sbom.losses[0].place, place);
        assert_eq!(sbom.components.len(), components);
    }
}

#[test]
fn odd_documents_are_read_with_a_notice() {
    let newer = sbom(&IMAGE.replacen("\"1.6\"", "\"1.8\"", 1));
    assert!(newer.notices.join("\n").contains("newer than 1.7"));
    let empty =
        sbom("{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"x\", \"components\": null}");
    let notices = empty.notices.join("\n");
    assert!(notices.contains("no component") && notices.contains("`x` is no version"));
    let tools = "{\"tools\": [{\"vendor\": \"a\", \"name\": \"old\", \"version\": \"1\"}]}";
    let old = sbom(&format!(
        "{{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.2\", \"metadata\": {tools}}}"
    ));
    assert_eq!(old.producer.as_deref(), Some("old 1"));
}

/// Nested as deep as a document may be, and long: no recursion, no time beyond the size.
#[test]
fn deep_and_long_documents_are_read() {
    let mut nested = String::from("{\"name\": \"leaf\"}");
    for _ in 0..60 {
        nested = format!("{{\"name\": \"a\", \"components\": [{nested}]}}");
    }
    let text = format!("{{\"bomFormat\": \"CycloneDX\", \"components\": [{nested}]}}");
    assert_eq!(sbom(&text).components.len(), 61);
    let edges = vec!["\"a\""; 200_000].join(",");
    let text = format!(
        "{{\"bomFormat\": \"CycloneDX\", \"components\": [{{\"bom-ref\": \"a\"}}], \"dependencies\": [{{\"ref\": \"a\", \"dependsOn\": [{edges}]}}]}}"
    );
    assert_eq!(sbom(&text).depends_on[0], [0], "a cycle is kept as it is");
}

const VULNERABILITIES: &str =
    include_str!("../../../tests/fixtures/cyclonedx/vulnerabilities.json");

fn documents(text: &str) -> (Sbom, Option<Report>) {
    let mut documents = read("file", text.as_bytes().to_vec())
        .unwrap()
        .documents
        .into_iter()
        .filter(|document| !matches!(document, AnyDocument::Exemptions(_)));
    let (Some(AnyDocument::Sbom(sbom)), report) = (documents.next(), documents.next()) else {
        panic!("no SBOM");
    };
    let report = report.map(|document| match document {
        AnyDocument::Report(report) => report,
        other => panic!("{other:?}"),
    });
    (sbom, report)
}

/// One record for each component that is affected, by whatever name.
#[test]
fn a_scanners_document_is_a_report_too() {
    let (sbom, report) = documents(VULNERABILITIES);
    let report = report.unwrap();
    assert!(sbom.notices.is_empty() && report.losses.is_empty());
    assert!(report.format.is_reduced() && report.notices[0].starts_with("reduced evidence"));
    assert_eq!(
        (report.scanner.as_str(), report.scanner_version.as_deref()),
        ("trivy", Some("0.65.0"))
    );
    assert!(report.looked_for_vulnerabilities && report.created.is_some());
    assert_eq!(report.claim, sbom.claim);
    let [zlib, qs, other] = report.records.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(
        (zlib.severity, zlib.severity_source.as_deref()),
        (Severity::High, Some("alpine"))
    );
    assert_eq!(
        (zlib.package.name.as_str(), zlib.package.ecosystem.as_str()),
        ("zlib", "apk")
    );
    assert_eq!(zlib.fix.versions, ["1.3.2-r0", "1.4.0-r0"]);
    assert_eq!((zlib.ratings.len(), zlib.epss), (2, Some(0.03)));
    assert_eq!(zlib.aliases[0].as_str(), "GHSA-aaaa-bbbb-cccc");
    assert_eq!(zlib.title, "A first problem. It is long.");
    assert_eq!(
        (qs.package.name.as_str(), qs.fix.versions.as_slice()),
        ("qs", ["6.14.1".to_owned()].as_slice())
    );
    assert_eq!(
        (other.severity, other.fix.state),
        (Severity::Negligible, FixState::Unknown)
    );
    assert_eq!(other.package.name, "other");
    assert_eq!(other.suppressed_by.as_ref().unwrap().status, "not_affected");
    let start = usize::try_from(zlib.span.start).unwrap();
    let end = start + usize::try_from(zlib.span.length).unwrap();
    let found = details(
        Format::CyclonedxJson,
        &VULNERABILITIES.as_bytes()[start..end],
    )
    .unwrap();
    assert_eq!(
        (found.cwes, found.references.len()),
        (vec!["CWE-79".to_owned()], 1)
    );
}

#[test]
fn what_no_scanner_wrote_or_nobody_looked_for_is_no_report() {
    let (sbom, report) = documents(&VULNERABILITIES.replace("\"trivy\"", "\"other\""));
    assert!(report.is_none());
    assert!(sbom.notices[0].contains("2 vulnerabilities in this SBOM are not read as findings"));
    let mut value: serde_json::Value = serde_json::from_str(VULNERABILITIES).unwrap();
    value["vulnerabilities"] = serde_json::json!([]);
    assert!(documents(&value.to_string()).1.is_none());
    value["vulnerabilities"] = serde_json::json!({});
    assert_eq!(
        documents(&value.to_string()).0.losses[0].place,
        "vulnerabilities"
    );
}

#[test]
fn a_vulnerability_that_cannot_be_read_is_a_loss() {
    for (from, to, lost) in [
        ("\"id\": \"CVE-2024-0001\"", "\"id\": null", 2),
        ("\"severity\": \"info\"", "\"severity\": \"awful\"", 1),
        ("\"ref\": \"pkg:npm/other@1.0\"", "\"ref\": \"gone\"", 1),
        ("\"ref\": \"pkg:npm/other@1.0\"", "\"ref\": {}", 1),
    ] {
        let report = documents(&VULNERABILITIES.replace(from, to)).1.unwrap();
        assert_eq!(
            (report.counts().unreadable, report.records.len()),
            (lost, 3 - usize::try_from(lost).unwrap()),
            "{to}"
        );
    }
}

/// XML gives what the same document in JSON gives.
#[test]
fn xml_is_read_like_json() {
    const XML: &str = include_str!("../../../tests/fixtures/cyclonedx/image.xml");
    let loaded = read("file", XML.as_bytes().to_vec()).unwrap();
    let [AnyDocument::Sbom(sbom), AnyDocument::Report(report)] = loaded.documents.as_slice() else {
        panic!("{loaded:?}");
    };
    assert_eq!(
        (sbom.format, report.format),
        (Format::CyclonedxXml, Format::CyclonedxXml)
    );
    assert_eq!((sbom.spec_version.as_str(), sbom.losses.len()), ("1.6", 0));
    assert_eq!(sbom.producer.as_deref(), Some("grype 0.92.0"));
    let names: Vec<&str> = sbom
        .components
        .iter()
        .map(|one| &*one.package.name)
        .collect();
    assert_eq!(
        names,
        [
            "zlib1g",
            "app.jar",
            "org.apache:log",
            "@scope/pad",
            "debian"
        ]
    );
    assert_eq!(
        (sbom.components[2].parent, &sbom.roots),
        (Some(1), &vec![1, 3])
    );
    let zlib = &sbom.components[0].package;
    assert_eq!(
        (zlib.version.as_str(), zlib.source.as_deref()),
        ("1:1.2.13-1", Some("zlib"))
    );
    assert_eq!(zlib.licenses, ["Zlib", "A & B"]);
    assert!(zlib.locations[0].layer.is_some());
    assert!(
        sbom.claim.manifest_digest.is_some() && sbom.claim.os.as_deref() == Some("debian 12.5")
    );
    let [record] = report.records.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(
        (record.id.as_str(), record.severity),
        ("CVE-2021-44228", Severity::Critical)
    );
    assert_eq!(record.package.name, "org.apache:log");
    assert_eq!(record.aliases.len(), 1);
    let start = usize::try_from(record.span.start).unwrap();
    let end = start + usize::try_from(record.span.length).unwrap();
    let found = details(report.format, &loaded.text[start..end]).unwrap();
    assert_eq!(found.description, "Lookups in <messages> are evaluated.");
    assert_eq!(
        (found.cwes, found.references.len()),
        (vec!["CWE-502".to_owned()], 1)
    );
    let again = crate::formats::text("file", XML.as_bytes().to_vec()).unwrap();
    assert_eq!(again.as_bytes(), loaded.text);
}

/// Old documents name neither package URL nor reference: the advisory says what the package is.
#[test]
fn an_old_scan_in_xml_is_a_report() {
    let component = |name: &str, namespace: &str| {
        format!(
            "<component type='library'><name>{name}</name><version>1</version><v:vulnerabilities><v:vulnerability ref='urn:x'>\
             <v:id>CVE-1</v:id><v:source name='{namespace}'/><v:ratings><v:rating><v:score><v:base>0</v:base></v:score>\
             <v:severity>Low</v:severity></v:rating></v:ratings></v:vulnerability></v:vulnerabilities></component>"
        )
    };
    let xml = format!(
        "<bom xmlns='http://cyclonedx.org/schema/bom/1.2' xmlns:v='http://cyclonedx.org/schema/ext/vulnerability/1.0'>\
         <metadata><tools><tool><name>grype</name><version>0.7.0</version></tool></tools></metadata><components>{}{}{}</components></bom>",
        component("a", "vulnerabilities:debian:10"),
        component("b", "github:github:python"),
        component("c", "nvd"),
    );
    let loaded = read("file", xml.into_bytes()).unwrap();
    let Some(AnyDocument::Report(report)) = loaded.documents.get(1) else {
        panic!("{loaded:?}");
    };
    let found: Vec<_> = report
        .records
        .iter()
        .map(|record| {
            (
                &*record.package.name,
                &*record.package.ecosystem,
                record.severity,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("a", "deb", Severity::Low),
            ("b", "pypi", Severity::Low),
            ("c", "generic", Severity::Low)
        ]
    );
    assert!(report.losses.is_empty() && report.records[0].ratings[0].score.is_none());
}
