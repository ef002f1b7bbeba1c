//! Tests of the signed wrappers.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::Digest;

fn envelope() -> Envelope {
    Envelope {
        payload_type: IN_TOTO_PAYLOAD.to_owned(),
        payload: vec![0xfb, 0xff, 0xfe],
        signature: vec![0x3e, 0x3f, 0xff],
    }
}

#[test]
fn encoding_is_that_of_the_protocol_page() {
    let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
    assert_eq!(
        encoded,
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
}

#[test]
fn url_safe_base64_is_read_and_standard_written() {
    let written = String::from_utf8(envelope().to_json().unwrap()).unwrap();
    assert!(written.contains("+//+"), "{written}");
    let url_safe = written.replace("+//+", "-__-").replace("Pj//", "Pj__");
    assert_ne!(url_safe, written);
    assert_eq!(Envelope::parse(url_safe.as_bytes()).unwrap(), envelope());
}

#[test]
fn refused_documents_name_the_reason() {
    let sig = json!({"sig": "AAAA"});
    let dsse = |signatures: serde_json::Value| json!({"payload": "e30=", "payloadType": "t", "signatures": signatures});
    let bundle = |version: &str, material: serde_json::Value| json!({"mediaType": version, "verificationMaterial": material, "dsseEnvelope": dsse(json!([sig]))});
    let key = json!({"publicKey": {"hint": "x"}});
    let v3 = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let mut message = bundle(v3, key.clone());
    message.as_object_mut().unwrap().remove("dsseEnvelope");
    message["messageSignature"] = json!({"signature": "AAAA"});
    let reason = |document: &serde_json::Value| {
        Bundle::parse(document.to_string().as_bytes())
            .unwrap_err()
            .to_string()
    };
    for version in ["0.1", "0.2", "0.4"] {
        let media_type = format!("application/vnd.dev.sigstore.bundle+json;version={version}");
        let text = reason(&bundle(&media_type, key.clone()));
        assert!(text.contains("only version 0.3"), "{text}");
    }
    assert!(reason(&message).contains("no DSSE envelope"));
    assert!(reason(&bundle(v3, json!({}))).contains("neither a public key nor a certificate"));
    let mut two = bundle(v3, key.clone());
    two["dsseEnvelope"] = dsse(json!([sig, sig]));
    assert!(reason(&two).contains("2 signatures"));
    two["dsseEnvelope"] = dsse(json!([]));
    assert!(reason(&two).contains("0 signatures"));
    two["dsseEnvelope"] = dsse(json!([{"sig": "*"}]));
    assert!(reason(&two).contains("`sig` that is not base64"));

    let keyless = bundle(v3, json!({"certificate": {"rawBytes": ""}}));
    let parsed = Bundle::parse(keyless.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.key_material, KeyMaterial::Certificate);
}

#[test]
fn a_key_given_twice_is_refused_at_any_depth() {
    for text in [
        r#"{"_type":"a","_type":"b"}"#,
        r#"{"predicate":{"deep":[{"verdict":"reject","verdict":"approve"}]}}"#,
        "{\"a\":1,\"\\u0061\":2}",
    ] {
        let error = Statement::parse(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("given twice"), "{error}");
    }
}

#[test]
fn statements_find_their_subject_anywhere_in_the_list() {
    let ours = Digest::of(b"ours");
    let mut statement = Statement::about(&Digest::of(b"other"), "urn:t", json!({}));
    assert!(statement.subject_with(&ours).is_none());
    statement
        .subject
        .extend(Statement::about(&ours, "urn:t", json!({})).subject);
    assert!(statement.subject_with(&ours).is_some());
    statement.kind = "https://in-toto.io/Statement/v9".to_owned();
    let error = Statement::parse(&statement.to_json().unwrap()).unwrap_err();
    assert!(matches!(error, EnvelopeError::StatementVersion { .. }));
}

proptest! {
    #[test]
    fn envelopes_and_bundles_round_trip(
        payload_type in ".*",
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        signature in proptest::collection::vec(any::<u8>(), 0..80),
        hint in ".*",
    ) {
        let envelope = Envelope { payload_type, payload, signature };
        prop_assert_eq!(&Envelope::parse(&envelope.to_json().unwrap()).unwrap(), &envelope);
        let bundle = Bundle::parse(&Bundle::write(&envelope, &hint).unwrap()).unwrap();
        prop_assert_eq!(bundle, Bundle { key_material: KeyMaterial::PublicKey { hint }, envelope });
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Envelope::parse(&bytes).is_err());
        prop_assert!(Bundle::parse(&bytes).is_err());
        prop_assert!(Statement::parse(&bytes).is_err());
    }
}
