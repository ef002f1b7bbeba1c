//! Reports in attestations: each wrapper, several of them, damaged ones.

use serde_json::{Value, json};

use crate::formats::envelope::{Bundle, Envelope, IN_TOTO_PAYLOAD};
use crate::formats::{Document, FormatError, Loaded, details, read, text};
use crate::model::{Format, Report};

const TRIVY: &str = include_str!("../../../tests/fixtures/trivy/image.json");
const CYCLONEDX: &str = include_str!("../../../tests/fixtures/cyclonedx/image.json");
const CYCLONEDX_XML: &str = include_str!("../../../tests/fixtures/cyclonedx/image.xml");
const SPDX: &str = include_str!("../../../tests/fixtures/spdx/image.spdx.json");
const TAG_VALUE: &str = include_str!("../../../tests/fixtures/spdx/image.spdx");
const SYFT: &str = include_str!("../../../tests/fixtures/syft/image.json");
const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn predicate(report: &Value) -> Value {
    json!({
        "invocation": {"parameters": null, "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {"uri": "pkg:github/aquasecurity/trivy@0.65", "version": "0.65.0", "db": {}, "result": report},
        "metadata": {"scanStartedOn": "2025-11-02T10:00:00Z", "scanFinishedOn": "2025-11-02T10:01:00Z"},
    })
}

fn statement(kind: &str, predicate: &Value) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": kind,
        "subject": [{"name": "registry.example/web", "digest": {"sha256": "5".repeat(64)}}],
        "predicate": predicate,
    })
}

fn envelope(statement: &Value) -> Envelope {
    Envelope {
        payload_type: IN_TOTO_PAYLOAD.to_owned(),
        payload: statement.to_string().into_bytes(),
        signature: vec![1, 2, 3],
    }
}

fn load(bytes: Vec<u8>) -> Result<Loaded, FormatError> {
    read("file", bytes)
}

fn report(bytes: Vec<u8>) -> Report {
    match load(bytes).unwrap().documents.remove(0) {
        Document::Report(report) => report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_report_is_the_same_in_every_wrapper() {
    let plain = report(TRIVY.as_bytes().to_vec());
    let predicate = predicate(&value(TRIVY));
    let statement = statement(VULN, &predicate);
    let envelope = envelope(&statement);
    for (bytes, signed) in [
        (predicate.to_string().into_bytes(), false),
        (statement.to_string().into_bytes(), false),
        (envelope.to_json().unwrap(), true),
        (Bundle::write(&envelope, "hint").unwrap(), true),
    ] {
        let loaded = load(bytes.clone()).unwrap();
        let [Document::Report(found)] = loaded.documents.as_slice() else {
            panic!("{loaded:?}");
        };
        assert_eq!(found.records.len(), plain.records.len());
        assert_eq!(found.claim, plain.claim);
        assert!(found.losses.is_empty() && found.created.is_some());
        let is_told = found
            .notices
            .iter()
            .any(|text| text.contains("not checked"));
        assert_eq!(is_told, signed);
        // The records' bytes are found again in the text, as when details are asked for.
        let opened = text("file", bytes).unwrap();
        assert_eq!(opened.as_bytes(), loaded.text);
        for record in &found.records {
            let start = usize::try_from(record.span.start).unwrap();
            let end = start + usize::try_from(record.span.length).unwrap();
            let bytes = &opened.as_bytes()[start..end];
            details(Format::TrivyJson, bytes).unwrap();
            assert!(std::str::from_utf8(bytes).unwrap().contains(&record.id));
        }
    }
}

/// As `cosign download attestation` writes them: an envelope a line.
#[test]
fn several_envelopes_are_read_from_one_file() {
    let deeper = json!({ "Data": value(CYCLONEDX) });
    let lines = [
        envelope(&statement(VULN, &predicate(&value(TRIVY)))),
        envelope(&statement("https://cyclonedx.org/bom", &value(CYCLONEDX))),
        envelope(&statement("https://cyclonedx.org/bom", &deeper)),
    ];
    let lines: Vec<String> = lines
        .iter()
        .map(|envelope| String::from_utf8(envelope.to_json().unwrap()).unwrap())
        .collect();
    let loaded = load(lines.join("\n").into_bytes()).unwrap();
    assert!(matches!(
        loaded.documents.as_slice(),
        [Document::Report(_), Document::Sbom(_), Document::Sbom(_)]
    ));
}

fn sboms(value: &Value) -> Vec<(Format, usize)> {
    let documents = load(value.to_string().into_bytes()).unwrap().documents;
    let sboms = documents.into_iter().filter_map(|document| match document {
        Document::Sbom(sbom) => Some((sbom.format, sbom.components.len())),
        Document::Report(_) | Document::Exemptions(_) => None,
    });
    sboms.collect()
}

/// Cosign has written SBOMs as objects and as texts, bare and as `Data`.
#[test]
fn an_sbom_is_the_same_in_every_predicate() {
    for (text, format) in [
        (CYCLONEDX, Format::CyclonedxJson),
        (CYCLONEDX_XML, Format::CyclonedxXml),
        (SPDX, Format::SpdxJson),
        (TAG_VALUE, Format::SpdxTagValue),
        (SYFT, Format::SyftJson),
    ] {
        let Ok(plain) = load(text.as_bytes().to_vec()) else {
            panic!("{format:?}");
        };
        let Document::Sbom(sbom) = &plain.documents[0] else {
            panic!("{plain:?}");
        };
        let expected = [(format, sbom.components.len())];
        let mut predicates = vec![json!(text), json!({"Data": text, "Timestamp": "now"})];
        if let Ok(object) = serde_json::from_str::<Value>(text) {
            predicates.push(json!({"Data": object}));
            predicates.push(object);
        }
        for predicate in predicates {
            let statement = statement("https://example.test/sbom", &predicate);
            assert_eq!(sboms(&statement), expected);
            let envelope = envelope(&statement);
            let signed = value(&String::from_utf8(envelope.to_json().unwrap()).unwrap());
            assert_eq!(sboms(&signed), expected);
        }
    }
    assert_eq!(sboms(&json!({"sbom": value(SPDX)}))[0].0, Format::SpdxJson);
}

/// How a payload is padded and who signed it does not matter to reading.
#[test]
fn envelopes_are_opened_leniently() {
    let statement = statement("https://cyclonedx.org/bom", &value(CYCLONEDX));
    let envelope = envelope(&statement);
    let mut signed = value(&String::from_utf8(envelope.to_json().unwrap()).unwrap());
    let payload = signed["payload"].as_str().unwrap().to_owned();
    let url_safe = payload.replace('+', "-").replace('/', "_");
    for text in [
        payload.trim_end_matches('='),
        &url_safe,
        url_safe.trim_end_matches('='),
    ] {
        signed["payload"] = json!(text);
        signed["signatures"] = json!([]);
        assert_eq!(sboms(&signed).len(), 1);
        let bundle = json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {}, "dsseEnvelope": signed});
        assert_eq!(sboms(&bundle).len(), 1);
    }
    let empty = json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"});
    let error = load(empty.to_string().into_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("holds no DSSE envelope"), "{error}");
}

/// The statement's subject counts only where the report itself names no digest.
#[test]
fn the_subject_of_a_statement_fills_a_gap() {
    let bare = json!({"SchemaVersion": 2, "ArtifactName": "web", "Results": []});
    let found = report(statement(VULN, &predicate(&bare)).to_string().into_bytes());
    let digest = format!("registry.example/web@sha256:{}", "5".repeat(64));
    assert_eq!(found.claim.repo_digests, [digest]);
    assert_eq!(
        (found.claim.name.as_deref(), found.claim.is_image),
        (Some("web"), true)
    );
    assert_eq!(found.scanner_version.as_deref(), Some("0.65.0"));
    assert_eq!(
        found.created.unwrap().to_rfc3339(),
        "2025-11-02T10:01:00+00:00"
    );
    let own = report(statement(VULN, &value(TRIVY)).to_string().into_bytes());
    assert!(
        own.claim
            .repo_digests
            .iter()
            .all(|text| !text.contains("5555"))
    );
    assert!(
        own.notices
            .iter()
            .any(|text| text.contains("the statement is about"))
    );
}

#[test]
fn what_holds_no_report_is_refused_by_name() {
    let message = |value: &Value| {
        load(value.to_string().into_bytes())
            .unwrap_err()
            .to_string()
    };
    let provenance = statement(
        "https://slsa.dev/provenance/v1",
        &json!({"buildDefinition": {}}),
    );
    assert!(message(&provenance).contains("`buildDefinition`"));
    let text = statement("https://cyclonedx.org/bom", &json!({"Data": "{}"}));
    assert!(message(&text).contains("the text in the attestation cannot be read"));
    let mut none = statement(VULN, &json!({}));
    none.as_object_mut().unwrap().remove("predicate");
    assert!(message(&none).contains("holds no report"));
    let nested = statement(VULN, &statement(VULN, &statement(VULN, &value(TRIVY))));
    assert!(message(&nested).contains("inside of another"));
    let signed = value(&String::from_utf8(envelope(&nested).to_json().unwrap()).unwrap());
    let twice = Envelope {
        payload: signed.to_string().into_bytes(),
        ..envelope(&nested)
    };
    let error = load(twice.to_json().unwrap()).unwrap_err().to_string();
    assert!(error.contains("inside of another"), "{error}");
    let mut damaged = signed;
    damaged["payload"] = json!("*");
    assert!(message(&damaged).contains("not base64"));
}
