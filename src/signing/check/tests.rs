//! The tamper list: what must not verify, and with which reason.

use std::collections::BTreeMap;

use p256::ecdsa::Signature;
use serde_json::{Value, json};

use super::*;
use crate::signing::{
    Signer, SigningKey, bundle_of, container_signature, sign_statement, verify_envelope,
};

/// An edit of a bundle's JSON.
type Change<'a> = &'a dyn Fn(&mut Value);

struct Signed {
    signer: Signer,
    keys: Vec<PublicKey>,
    image: Digest,
}

fn signed() -> Signed {
    let key = SigningKey::generate().unwrap();
    let other = SigningKey::generate().unwrap();
    Signed {
        keys: vec![other.public_key().clone(), key.public_key().clone()],
        signer: Signer::Key(key),
        image: Digest::of(b"image"),
    }
}

impl Signed {
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let Signer::Key(key) = &self.signer else {
            panic!("the key is in memory");
        };
        key.sign(message)
    }

    fn payload(&self) -> Vec<u8> {
        Payload {
            docker_reference: "127.0.0.1:5000/lab/app".to_owned(),
            digest: self.image.clone(),
            optional: BTreeMap::from([("verdict".to_owned(), json!("reject"))]),
        }
        .to_json()
        .unwrap()
    }

    fn legacy(&self, payload: &[u8], signature: &[u8]) -> Result<LegacySignature, Refusal> {
        let text = STANDARD.encode(signature);
        check_legacy(
            &self.image,
            &Digest::of(payload),
            payload,
            Some(&text),
            &self.keys,
        )
    }

    async fn bundle(&self, statement: &Statement) -> Vec<u8> {
        bundle_of(&self.signer, &statement.to_json().unwrap())
            .await
            .unwrap()
    }

    fn check(&self, bundle: &[u8]) -> Result<BundleSignature, Refusal> {
        check_bundle(&self.image, bundle, &self.keys)
    }
}

/// The other of the two forms of an ECDSA signature (s and n − s).
fn mirrored(signature: &[u8]) -> Vec<u8> {
    let signature = Signature::from_der(signature).unwrap();
    let (r, s) = signature.split_scalars();
    Signature::from_scalars(r, -s)
        .unwrap()
        .to_der()
        .as_bytes()
        .to_vec()
}

#[test]
fn legacy_signatures_hold_in_both_ecdsa_forms() {
    let signed = signed();
    let payload = signed.payload();
    let signature = signed.sign(&payload);
    for form in [mirrored(&signature), signature] {
        let valid = signed.legacy(&payload, &form).unwrap();
        assert_eq!(valid.key, *signed.keys[1].fingerprint());
        assert_eq!(valid.payload.digest, signed.image);
    }
}

#[test]
fn tampered_legacy_signatures_are_refused() {
    let signed = signed();
    let payload = signed.payload();
    let signature = signed.sign(&payload);
    let edit = |from: &str, to: &str| {
        let text = String::from_utf8(payload.clone()).unwrap();
        let edited = text.replace(from, to);
        assert_ne!(edited, text);
        edited.into_bytes()
    };

    // The old signature over changed or damaged bytes.
    let flipped = edit("reject", "accept");
    let cut = signature[..signature.len() - 1].to_vec();
    let trailing = [&signature[..], &[0]].concat();
    for (what, payload, signature) in [
        ("claim flipped", &flipped, &signature),
        ("truncated", &payload, &cut),
        ("trailing bytes", &payload, &trailing),
        ("not DER", &payload, &vec![0x30; 70]),
        (
            "swapped with another layer's",
            &payload,
            &signed.sign(&flipped),
        ),
    ] {
        let refusal = signed.legacy(payload, signature).unwrap_err();
        assert_eq!(refusal, Refusal::UnknownKey, "{what}");
    }

    // Properly signed, and still not for this image.
    let elsewhere = edit(signed.image.hex(), Digest::of(b"other").hex());
    let kind = edit("cosign container", "atomic container");
    let upper = edit("docker-manifest", "Docker-manifest");
    let twice = edit(
        "\"image\"",
        "\"image\":{\"docker-manifest-digest\":\"\"},\"image\"",
    );
    for (payload, reason) in [
        (&elsewhere, "not this image"),
        (&kind, "payload is of type"),
        (&upper, "unknown field `Docker-manifest-digest`"),
        (&twice, "`image` is given twice"),
    ] {
        let refusal = signed.legacy(payload, &signed.sign(payload)).unwrap_err();
        assert!(refusal.to_string().contains(reason), "{reason}: {refusal}");
    }
}

#[test]
fn legacy_layers_without_a_usable_signature_say_so() {
    let signed = signed();
    let payload = signed.payload();
    let text = STANDARD.encode(signed.sign(&payload));
    let named = Digest::of(&payload);
    let check = |named: &Digest, text: Option<&str>, keys: &[PublicKey]| {
        check_legacy(&signed.image, named, &payload, text, keys).unwrap_err()
    };
    assert_eq!(check(&named, None, &signed.keys), Refusal::NoSignature);
    assert_eq!(check(&named, Some(""), &signed.keys), Refusal::NoSignature);
    assert_eq!(check(&named, Some("ä"), &signed.keys), Refusal::NotBase64);
    assert_eq!(
        check(&named, Some(&text), &signed.keys[..1]),
        Refusal::UnknownKey
    );
    assert_eq!(check(&named, Some(&text), &[]), Refusal::UnknownKey);
    let lying = check(&Digest::of(b"descriptor"), Some(&text), &signed.keys);
    assert!(matches!(lying, Refusal::Altered { .. }));
}

#[tokio::test]
async fn container_signatures_hold_wherever_the_subject_stands() {
    let signed = signed();
    let annotations = BTreeMap::from([("verdict".to_owned(), "approve".to_owned())]);
    let text = container_signature(&signed.image, &annotations).unwrap();
    let bundle = bundle_of(&signed.signer, &text).await.unwrap();
    let valid = signed.check(&bundle).unwrap();
    assert!(valid.is_signature());
    assert_eq!(valid.key, *signed.keys[1].fingerprint());
    assert_eq!(
        valid.statement.subject[0].annotations["verdict"],
        json!("approve")
    );

    let mut several = Statement::about(&Digest::of(b"other"), SIGN_PREDICATE, json!({}));
    several.subject.extend(valid.statement.subject.clone());
    assert!(signed.check(&signed.bundle(&several).await).is_ok());
}

#[tokio::test]
async fn a_signed_rejection_is_valid_and_no_signature() {
    let signed = signed();
    for kind in [
        "https://example.test/verdict/v1",
        "https://openvex.dev/ns",
        "",
    ] {
        let reject = Statement::about(&signed.image, kind, json!({"verdict": "reject"}));
        let valid = signed.check(&signed.bundle(&reject).await).unwrap();
        assert!(!valid.is_signature(), "{kind}");
    }
    let approval = Statement::about(&signed.image, APPROVAL_PREDICATE, json!({}));
    assert!(
        signed
            .check(&signed.bundle(&approval).await)
            .unwrap()
            .is_signature()
    );
}

#[tokio::test]
async fn statements_about_other_things_are_refused() {
    let signed = signed();
    let hex = signed.image.hex();
    for (subject, shown) in [
        (json!([]), "nothing"),
        (json!([{"digest": {}}]), "it signs"),
        (json!([{"digest": {"sha512": hex}}]), "sha512:"),
        (json!([{"digest": {"sha256": "00"}}]), "sha256:00"),
        (
            json!([{"digest": {"sha256": hex.to_uppercase()}}]),
            "sha256:",
        ),
        (json!([{"name": hex}]), "it signs"),
    ] {
        let statement = json!({"_type": "https://in-toto.io/Statement/v1", "subject": subject,
            "predicateType": SIGN_PREDICATE, "predicate": {}});
        let bundle = bundle_of(&signed.signer, statement.to_string().as_bytes())
            .await
            .unwrap();
        let refusal = signed.check(&bundle).unwrap_err();
        assert!(matches!(refusal, Refusal::OtherImage { .. }), "{refusal}");
        assert!(refusal.to_string().contains(shown), "{shown}: {refusal}");
    }
}

#[tokio::test]
async fn tampered_bundles_are_refused() {
    let signed = signed();
    let text = container_signature(&signed.image, &BTreeMap::new()).unwrap();
    let good: Value =
        serde_json::from_slice(&bundle_of(&signed.signer, &text).await.unwrap()).unwrap();
    let edit = |change: Change<'_>| {
        let mut bundle = good.clone();
        change(&mut bundle);
        bundle.to_string().into_bytes()
    };

    // The hint is not signed: it neither makes nor breaks a signature.
    let hint = edit(&|bundle| bundle["verificationMaterial"]["publicKey"]["hint"] = json!("?"));
    assert!(signed.check(&hint).is_ok());

    let other = container_signature(&Digest::of(b"other"), &BTreeMap::new()).unwrap();
    let other = STANDARD.encode(other);
    let cases: [(Change<'_>, &str); 7] = [
        (
            &|bundle| bundle["dsseEnvelope"]["payload"] = json!(other),
            "none of the given keys",
        ),
        (
            &|bundle| bundle["dsseEnvelope"]["payloadType"] = json!("text/plain"),
            "none of the given",
        ),
        (
            &|bundle| bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!("MEUC"),
            "none of the",
        ),
        (
            &|bundle| {
                let twice = bundle["dsseEnvelope"]["signatures"][0].clone();
                bundle["dsseEnvelope"]["signatures"]
                    .as_array_mut()
                    .unwrap()
                    .push(twice);
            },
            "2 signatures",
        ),
        (
            &|bundle| bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.4+json"),
            "only version",
        ),
        (
            &|bundle| bundle["verificationMaterial"] = json!({"certificate": {}}),
            "certificate",
        ),
        (&|bundle| *bundle = json!([1, 2]), "cannot be read"),
    ];
    for (change, reason) in cases {
        let refusal = signed.check(&edit(change)).unwrap_err();
        assert!(refusal.to_string().contains(reason), "{reason}: {refusal}");
    }
    let good = good.to_string();
    let refusal = check_bundle(&signed.image, good.as_bytes(), &signed.keys[..1]).unwrap_err();
    assert_eq!(refusal, Refusal::UnknownKey);
    let twice = good.replacen(
        "{\"dsseEnvelope\"",
        "{\"mediaType\":\"\",\"dsseEnvelope\"",
        1,
    );
    assert_ne!(twice, good);
    assert!(
        signed
            .check(twice.as_bytes())
            .unwrap_err()
            .to_string()
            .contains("given twice")
    );
}

#[tokio::test]
async fn envelopes_that_hold_no_statement_are_refused_though_signed() {
    let signed = signed();
    let key = &signed.keys[1];
    let statement = container_signature(&signed.image, &BTreeMap::new()).unwrap();
    let envelope = sign_statement(&signed.signer, &statement).await.unwrap();
    let opened = verify_envelope(&envelope, key).unwrap();
    assert_eq!(opened.predicate_type, SIGN_PREDICATE);
    assert_eq!(
        verify_envelope(&envelope, &signed.keys[0]),
        Err(Refusal::UnknownKey)
    );

    let mut plain = Envelope {
        payload_type: "text/plain".to_owned(),
        payload: statement,
        signature: Vec::new(),
    };
    plain.signature = signed.sign(&plain.signed_bytes());
    let refusal = verify_envelope(&plain.to_json().unwrap(), key).unwrap_err();
    assert!(matches!(refusal, Refusal::PayloadType { .. }), "{refusal}");

    let text = sign_statement(&signed.signer, b"not JSON").await.unwrap();
    let refusal = verify_envelope(&text, key).unwrap_err();
    assert!(
        matches!(refusal, Refusal::Envelope(EnvelopeError::Unreadable { .. })),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_claimed_predicate_is_readable_without_a_key() {
    let signed = signed();
    let statement = Statement::about(&signed.image, "https://openvex.dev/ns", json!({}));
    let bundle = signed.bundle(&statement).await;
    assert_eq!(
        unverified_predicate(&bundle).as_deref(),
        Some("https://openvex.dev/ns")
    );
    assert_eq!(unverified_predicate(b"{}"), None);
}
