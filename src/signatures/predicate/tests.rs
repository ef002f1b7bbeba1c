//! Tests of predicates.

use super::*;

fn given(kind: &str, text: &str) -> Given {
    Given {
        kind: kind.to_owned(),
        name: "document".to_owned(),
        bytes: text.as_bytes().to_vec(),
        location: None,
        now: "2026-03-01T12:00:00Z".parse().unwrap(),
    }
}

#[test]
fn a_document_goes_in_as_it_was_written() {
    let text = "{\"bomFormat\": \"CycloneDX\",\n \"score\": 9.80, \"big\": 123456789012345678901234567890}";
    let predicate = given("cyclonedx", text).predicate().unwrap();
    assert_eq!(predicate.kind, CYCLONEDX);
    assert_eq!(predicate.content.get(), text);
    let marked = given("cyclonedx", &format!("\u{feff}{text}\n"));
    assert_eq!(marked.predicate().unwrap().content.get(), text);
}

#[test]
fn text_goes_in_as_a_string() {
    let predicate = given("spdx", "SPDXVersion: SPDX-2.3\n")
        .predicate()
        .unwrap();
    assert_eq!(predicate.content.get(), r#""SPDXVersion: SPDX-2.3""#);
    let predicate = given("custom", "two\nlines").predicate().unwrap();
    let value: serde_json::Value = serde_json::from_str(predicate.content.get()).unwrap();
    assert_eq!(value["Data"], "two\nlines");
    assert_eq!(value["Timestamp"], "2026-03-01T12:00:00Z");
}

#[test]
fn a_report_becomes_a_scan() {
    let report = r#"{"SchemaVersion":2,"CreatedAt":"2026-02-28T10:00:00Z","ArtifactName":"a","ArtifactType":"container_image","Results":[]}"#;
    let predicate = given("vuln", report).predicate().unwrap();
    let value: serde_json::Value = serde_json::from_str(predicate.content.get()).unwrap();
    assert_eq!(
        value["scanner"]["uri"],
        "https://github.com/aquasecurity/trivy"
    );
    assert_eq!(
        value["scanner"]["result"],
        serde_json::from_str::<serde_json::Value>(report).unwrap()
    );
    assert_eq!(value["metadata"]["scanFinishedOn"], "2026-02-28T10:00:00Z");
    // cosign's own form is taken as it is.
    let again = given("vuln", predicate.content.get()).predicate().unwrap();
    assert_eq!(again.content.get(), predicate.content.get());
}

#[test]
fn what_a_type_does_not_say_is_refused() {
    for (kind, text, reason) in [
        ("cyclonedx", "{}", "no CycloneDX document"),
        ("cyclonedx", "<bom/>", "expected value"),
        ("cyclonedx", "[]", "no JSON object"),
        ("spdxjson", "{}", "no SPDX document"),
        (
            "openvex",
            r#"{"@context":"https://example.test"}"#,
            "no OpenVEX document",
        ),
        (
            "vuln",
            r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[]}"#,
            "neither cosign's `vuln`",
        ),
        ("https://example.test/t", "7", "no JSON object"),
        ("nonsense", "{}", "no type of attestation"),
        ("", "{}", "no type of attestation"),
        ("approval", r#"{"decision":"reject"}"#, "does not approve"),
        (
            "approval",
            r#"{"decision":"approve","until":"2026-02-01"}"#,
            "lapsed",
        ),
        (
            crate::signing::APPROVAL_PREDICATE,
            r#"{"decision":"reject"}"#,
            "does not approve",
        ),
    ] {
        let error = given(kind, text).predicate().unwrap_err().to_string();
        assert!(error.contains(reason), "{kind} {text}: {error}");
    }
    let mut large = given("https://example.test/t", "");
    large.bytes = format!("{{\"a\":\"{}\"}}", "x".repeat(LARGEST_PREDICATE)).into_bytes();
    assert!(matches!(
        large.clone().predicate().unwrap_err(),
        SignaturesError::TooLarge { .. }
    ));
    large.location = Some("s3://bucket/key".to_owned());
    let predicate = large.clone().predicate().unwrap();
    let value: serde_json::Value = serde_json::from_str(predicate.content.get()).unwrap();
    assert_eq!(predicate.kind, REFERENCE);
    assert_eq!(
        value["references"][0]["digest"]["sha256"],
        Digest::of(&large.bytes).hex()
    );
    assert_eq!(value["references"][0]["mediaType"], "application/json");
    large.location = Some("key".to_owned());
    assert!(matches!(
        large.predicate().unwrap_err(),
        SignaturesError::Location { .. }
    ));
}
