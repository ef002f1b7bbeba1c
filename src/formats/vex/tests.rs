//! Tests of reading VEX documents.

use crate::formats::{Document, FormatError, read};
use crate::model::{
    Exemption, ExemptionDocument, ExemptionRule, ExemptionStatus, Format, Product, ProductName,
};

fn load(text: &str) -> Result<ExemptionDocument, FormatError> {
    let mut documents = read("f", text.as_bytes().to_vec())?.documents;
    match (documents.pop(), documents.pop()) {
        (Some(Document::Exemptions(document)), None) => Ok(document),
        other => panic!("{other:?}"),
    }
}

fn fixture(name: &str) -> ExemptionDocument {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/vex");
    load(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn products(entry: &Exemption) -> &[Product] {
    match &entry.rule {
        ExemptionRule::Vex { products } => products,
        other => panic!("{other:?}"),
    }
}

fn names(names: &[ProductName]) -> Vec<String> {
    let text = |name: &ProductName| match name {
        ProductName::Purl(purl) => purl.to_string(),
        ProductName::Digest(digest) => digest.to_string(),
        ProductName::InSbom { link, reference } => format!("{link}#{reference}"),
        ProductName::Text(text) => text.clone(),
    };
    names.iter().map(text).collect()
}

fn statuses(document: &ExemptionDocument) -> Vec<ExemptionStatus> {
    document.entries.iter().map(|entry| entry.status).collect()
}

use ExemptionStatus::{Affected, Fixed, NotAffected, UnderInvestigation};

#[test]
fn openvex_of_today_is_read() {
    let document = fixture("openvex-0.2.json");
    assert_eq!(document.format, Format::OpenVex);
    assert_eq!(
        statuses(&document),
        [NotAffected, Fixed, Affected, UnderInvestigation]
    );
    let [first, second, third, ..] = document.entries.as_slice() else {
        panic!("{document:?}");
    };
    assert_eq!(
        first.ids,
        [
            "CVE-2024-0001",
            "https://example.org/CVE-2024-0001",
            "GHSA-aaaa-bbbb-cccc"
        ]
    );
    assert_eq!(
        first.statement.as_deref(),
        Some("the parser is not built in")
    );
    let [product] = products(first) else {
        panic!("{first:?}");
    };
    assert_eq!(
        names(&product.names),
        [
            "pkg:oci/app?repository_url=registry.example.org/app".to_owned(),
            "pkg:oci/app".to_owned(),
            format!("sha256:{}", "a".repeat(64)),
        ]
    );
    assert_eq!(
        names(product.parts.as_ref().unwrap()),
        ["pkg:deb/debian/libc6@2.36"]
    );
    assert_eq!(
        second.time.unwrap().to_rfc3339(),
        "2026-04-02T00:00:00+00:00"
    );
    assert_eq!(
        third.time.unwrap().to_rfc3339(),
        "2026-04-01T00:00:00+00:00"
    );
    let reasons: Vec<&str> = document
        .losses
        .iter()
        .map(|loss| loss.reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        [
            "`perhaps` is no status",
            "the statement has no `vulnerability`",
            "the `timestamp` is no time",
            "invalid type: integer `1`, expected struct StatementWire",
        ]
    );
    assert!(document.notices[0].contains("1 statements name their product in no way"));
}

#[test]
fn openvex_of_old_is_read() {
    let document = fixture("openvex-0.0.1.json");
    assert_eq!(statuses(&document), [NotAffected]);
    let entry = &document.entries[0];
    assert_eq!(entry.ids, ["CVE-2024-0001"]);
    let [one, other] = products(entry) else {
        panic!("{entry:?}");
    };
    assert_eq!(names(&one.names), ["pkg:oci/app"]);
    assert_eq!(names(&other.names), ["pkg:oci/app-debug"]);
    for product in [one, other] {
        let parts = product.parts.as_ref().unwrap();
        assert_eq!(names(parts), ["pkg:apk/alpine/busybox@1.36.1-r0"]);
    }
}

#[test]
fn analyses_of_cyclonedx_are_read() {
    let document = fixture("cyclonedx-vex.json");
    assert_eq!(document.format, Format::CyclonedxVex);
    assert_eq!(
        statuses(&document),
        [
            NotAffected,
            Fixed,
            NotAffected,
            Affected,
            UnderInvestigation
        ]
    );
    let affected: Vec<Vec<String>> = document
        .entries
        .iter()
        .map(|entry| {
            products(entry)
                .iter()
                .flat_map(|it| names(&it.names))
                .collect()
        })
        .collect();
    assert_eq!(
        affected,
        [
            vec!["pkg:npm/a@1.0.0".to_owned()],
            vec![
                "pkg:npm/a@1.0.0".to_owned(),
                "pkg:oci/app@sha256:".to_owned() + &"a".repeat(64)
            ],
            vec!["urn:cdx:00000000-0000-4000-8000-000000000001/2#pkg:npm/b@2".to_owned()],
            vec!["pkg:npm/c@3".to_owned()],
            vec!["nowhere".to_owned()],
        ]
    );
    assert_eq!(document.losses.len(), 1);
    assert_eq!(
        document.entries[1].ids,
        ["CVE-2024-0002", "GHSA-aaaa-bbbb-cccc"]
    );
}

/// The names of a product, and of its parts.
type Named = (Vec<String>, Option<Vec<String>>);

/// With components it is an SBOM too; a scanner's own analyses are in its records.
#[test]
fn an_sbom_with_analyses_is_both() {
    let text = |tool: &str| {
        format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,
            "serialNumber":"urn:uuid:00000000-0000-4000-8000-00000000000A",
            "metadata":{{"tools":[{{"name":"{tool}"}}]}},
            "components":[{{"type":"library","bom-ref":"a","name":"a","purl":"pkg:npm/a@1"}}],
            "vulnerabilities":[{{"id":"CVE-2024-1","analysis":{{"state":"not_affected"}},"affects":[{{"ref":"a"}}]}}]}}"#
        )
    };
    let documents = read("f", text("vexer").into_bytes()).unwrap().documents;
    let [Document::Sbom(sbom), Document::Exemptions(document)] = documents.as_slice() else {
        panic!("{documents:?}");
    };
    let link = "urn:cdx:00000000-0000-4000-8000-00000000000a/1";
    assert_eq!(sbom.claim.bom_link.as_deref(), Some(link));
    assert_eq!(document.entries.len(), 1);
    let documents = read("f", text("trivy").into_bytes()).unwrap().documents;
    let [Document::Sbom(_), Document::Report(report)] = documents.as_slice() else {
        panic!("{documents:?}");
    };
    assert!(report.records[0].suppressed_by.is_some());
}

#[test]
fn csaf_is_read() {
    let document = fixture("csaf-vex.json");
    assert_eq!(document.format, Format::CsafVex);
    assert_eq!(
        statuses(&document),
        [NotAffected, NotAffected, Fixed, Affected]
    );
    let known: Vec<Vec<Named>> = document
        .entries
        .iter()
        .map(|entry| {
            let products = products(entry).iter();
            products
                .map(|it| {
                    (
                        names(&it.names),
                        it.parts.as_ref().map(|parts| names(parts)),
                    )
                })
                .collect()
        })
        .collect();
    let image = "pkg:oci/app?repository_url=registry.example.org/app".to_owned();
    let package = "pkg:deb/debian/libc6@2.36".to_owned();
    assert_eq!(
        known[0],
        [(vec![image.clone()], Some(vec![package.clone()]))]
    );
    assert_eq!(known[1], [(vec![], Some(vec![package]))]);
    assert_eq!(known[2], [(vec![image], None)]);
    assert_eq!(known[3], []);
    assert_eq!(
        document.entries[0].statement.as_deref(),
        Some("component_not_present")
    );
    assert_eq!(
        document.entries[2].statement.as_deref(),
        Some("repaired by a patch")
    );
    assert_eq!(document.losses.len(), 1);
    assert!(
        document.notices[0].contains("2 statements"),
        "{:?}",
        document.notices
    );
    let time = document.entries[0].time.unwrap().to_rfc3339();
    assert_eq!(time, "2026-03-20T12:00:00+00:00");
}

#[test]
fn a_statement_inside_of_an_attestation_is_found() {
    let text = r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://openvex.dev/ns",
        "subject":[{"name":"app","digest":{"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}],
        "predicate":{"@context":"https://openvex.dev/ns/v0.2.0","statements":[
          {"vulnerability":{"name":"CVE-2024-1"},"products":["pkg:oci/app"],"status":"fixed"}]}}"#;
    let document = load(text).unwrap();
    assert_eq!(statuses(&document), [Fixed]);
    assert!(
        document
            .notices
            .iter()
            .any(|notice| notice.contains("the statement is about"))
    );
}

#[test]
fn damage_is_refused_with_its_place() {
    for text in [
        r#"{"@context":"https://openvex.dev/ns","statements":[{"vulnerability":"CVE-1""#,
        r#"{"document":{},"product_tree":5,"vulnerabilities":[]}"#,
        r#"{"document":{},"product_tree":{"relationships":7},"vulnerabilities":[]}"#,
    ] {
        let error = load(text).unwrap_err();
        assert!(error.to_string().contains("line 1"), "{error}");
    }
    let document = load(r#"{"@context":"https://openvex.dev/ns","statements":{}}"#).unwrap();
    assert_eq!(document.losses.len(), 1);
}
