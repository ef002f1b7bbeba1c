//! Every way to tamper with a signature that the reference lists: what our verifier makes of it.
//!
//! A row is named as the list names it, and a test keeps the rows complete where the list is at hand.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::archive::Archive;
use countersign::model::Digest;
use countersign::model::oci::{RawManifest, media_type};
use countersign::signatures::{
    Evidence, EvidenceState, NodeKind, Trap, Trust, Verification, VerifyOptions, verify,
};
use countersign::signing::{
    APPROVAL_PREDICATE, KeyPair, Password, PublicKey, SIGN_PREDICATE, Signer, bundle_of,
};
use countersign::store::{DirectoryStore, Store};
use p256::ecdsa::Signature;
use serde_json::{Value, json};

use super::bench::{Bench, attach_bundle, bench, put_companion, reasons, signer, statement};

/// Rows that stand elsewhere: the case, the file, the test.
const ELSEWHERE: [(&str, &str, &str); 8] = [
    (
        "payload blob whose digest differs from its descriptor (lying registry)",
        include_str!("hostile.rs"),
        "a_registry_that_lies_about_a_payload_proves_nothing",
    ),
    (
        "`.sig` copied to another digest's tag",
        include_str!("../interop_signing.rs"),
        "a_signature_of_another_image_is_refused_by_all",
    ),
    (
        "signature replayed to another repository (accept + warn by default, refuse in strict mode via docker-reference / `resourceUri`)",
        include_str!("hostile.rs"),
        "a_signature_for_another_repository_is_warned_about_or_refused",
    ),
    (
        "bundle whose referrer manifest `subject` names another image",
        include_str!("hostile.rs"),
        "bundles_of_other_images_and_damaged_ones_do_not_count",
    ),
    (
        "bundle with right subject but statement for another digest",
        include_str!("hostile.rs"),
        "bundles_of_other_images_and_damaged_ones_do_not_count",
    ),
    (
        "predicateType in the annotation differing from the one in the signed statement",
        include_str!("hostile.rs"),
        "statements_that_do_not_approve_never_sign",
    ),
    (
        "bundle > limit",
        include_str!("hostile.rs"),
        "what_is_read_is_limited",
    ),
    (
        "certificate-based signature expired with no timestamp",
        include_str!("../keyless/refused.rs"),
        "an_expired_certificate_needs_a_proven_time",
    ),
];

/// Returns the cases of the list: between semicolons that stand in no parentheses.
fn cases(page: &str) -> Vec<String> {
    let (_, rest) = page.split_once("### Tamper cases").expect("it has a list");
    let (list, _) = rest.split_once("\n## ").expect("the list ends");
    let mut cases = vec![String::new()];
    let mut depth = 0;
    for letter in list.trim().trim_end_matches('.').chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if letter == ';' && depth == 0 {
            cases.push(String::new());
        } else if let Some(last) = cases.last_mut() {
            last.push(letter);
        }
    }
    cases
        .iter()
        .map(|case| case.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn every_case_of_the_list_has_a_row() {
    for (case, source, test) in ELSEWHERE {
        assert!(
            source.contains(&format!("fn {test}(")),
            "{case}: no test {test}"
        );
    }
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/signing.md");
    let Ok(page) = std::fs::read_to_string(path) else {
        return;
    };
    let own = include_str!("tamper.rs");
    let cases = cases(&page);
    assert!(cases.len() >= 30, "{cases:#?}");
    for case in cases {
        assert!(own.contains(&format!("\"{case}\"")), "no row: {case}");
    }
}

/// One layer behind the `.sig` tag: payload and signature.
type Layer = (Vec<u8>, Vec<u8>);

fn payload(image: &Digest, optional: &Value) -> Vec<u8> {
    json!({"critical": {"identity": {"docker-reference": "lab/app"},
        "image": {"docker-manifest-digest": image}, "type": "cosign container image signature"},
        "optional": optional})
    .to_string()
    .into_bytes()
}

/// The other of the two forms of an ECDSA signature (s and n − s).
fn mirrored(signature: &[u8]) -> Vec<u8> {
    let signature = Signature::from_der(signature).expect("it is a signature");
    let (r, s) = signature.split_scalars();
    let mirrored = Signature::from_scalars(r, -s).expect("it is a signature");
    mirrored.to_der().as_bytes().to_vec()
}

async fn with_layers(bench: &Bench, layers: &[Layer], keys: &[PublicKey]) -> Verification {
    let annotated = |(payload, signature): &Layer| {
        let key = "dev.cosignproject.cosign/signature".to_owned();
        (
            payload.clone(),
            BTreeMap::from([(key, STANDARD.encode(signature))]),
        )
    };
    let layers = layers.iter().map(annotated).collect();
    put_companion(bench, "sig", media_type::SIMPLE_SIGNING, layers).await;
    bench.verify(keys).await
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_behind_the_tag() {
    let (_registry, bench) = bench("lab/layers").await;
    let (signer, key) = signer();
    let keys = [key];
    let (stranger, _) = self::signer();
    let good = payload(&bench.image.digest, &json!({"verdict": "reject"}));
    let other = payload(&bench.image.digest, &json!({"verdict": "approve"}));
    let elsewhere = payload(&Digest::of(b"elsewhere"), &Value::Null);
    let edit = |from: &str, to: &str| {
        let text = String::from_utf8(good.clone()).expect("it is text");
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text);
        edited.into_bytes()
    };
    let sign = async |payload: &[u8]| signer.sign(payload).await.expect("it signs");
    let signature = sign(&good).await;
    let with_ours = async |payload: Vec<u8>| {
        let signature = sign(&payload).await;
        vec![(payload, signature)]
    };
    let kind = edit("cosign container", "atomic container");
    let upper = edit("docker-manifest-digest", "Docker-manifest-digest");
    let twice = edit(
        "\"image\":",
        "\"image\":{\"docker-manifest-digest\":\"\"},\"image\":",
    );
    let changed = edit("lab/app", "lab/other");
    let forms = "signature truncated / not DER / trailing bytes / high-S (cosign's Go verifier accepts either; accept both, emit what p256 gives)";
    let cut = signature[..signature.len() - 1].to_vec();
    let longer = [&signature[..], &[0]].concat();
    let by_stranger = stranger.sign(&good).await.expect("it signs");
    let rows: Vec<(&str, Vec<Layer>, bool)> = vec![
        ("untouched", vec![(good.clone(), signature.clone())], true),
        ("wrong key", vec![(good.clone(), by_stranger)], false),
        (
            "wrong digest in the payload",
            with_ours(elsewhere).await,
            false,
        ),
        (
            "payload changed, old signature",
            vec![(changed, signature.clone())],
            false,
        ),
        (
            "signature annotation swapped between two layers",
            vec![
                (good.clone(), sign(&other).await),
                (other.clone(), signature.clone()),
            ],
            false,
        ),
        (forms, vec![(good.clone(), cut)], false),
        (forms, vec![(good.clone(), vec![0x30; 70])], false),
        (forms, vec![(good.clone(), longer)], false),
        (forms, vec![(good.clone(), mirrored(&signature))], true),
        (
            "`critical.type` other than cosign's",
            with_ours(kind).await,
            false,
        ),
        ("upper-case digest key", with_ours(upper).await, false),
        (
            "duplicate JSON keys in the payload (containers/image refuses)",
            with_ours(twice).await,
            false,
        ),
        (
            "`optional` verdict flipped",
            vec![(other, signature.clone())],
            false,
        ),
    ];
    for (case, layers, accepted) in rows {
        let found = with_layers(&bench, &layers, &keys).await;
        assert_eq!(found.signed, accepted, "{case}: {found:#?}");
        assert_eq!(reasons(&found).is_empty(), accepted, "{case}: {found:#?}");
    }
}

/// Attaches a bundle to an image of its own and verifies that.
async fn with_bundle(
    bench: &Bench,
    name: &str,
    bundle: impl FnOnce(&Digest) -> Vec<u8>,
    keys: &[PublicKey],
) -> Verification {
    let image = bench.push_image(name).await;
    attach_bundle(bench, &image, bundle(&image.digest), SIGN_PREDICATE).await;
    bench.verify_image(&image.digest, keys).await
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_with_unusual_subjects() {
    let (_registry, bench) = bench("lab/subjects").await;
    let (signer, key) = signer();
    let keys = [key];
    let other = Digest::of(b"other");
    for (case, subject, accepted) in [
        (
            "statement with several subjects, ours not first",
            json!([{"digest": {"sha256": other.hex()}}, {"digest": {"sha256": "OURS"}}]),
            true,
        ),
        (
            "subject with only sha512",
            json!([{"digest": {"sha512": "OURS"}}]),
            false,
        ),
        ("empty subject", json!([]), false),
        ("subject without digests", json!([{"digest": {}}]), false),
    ] {
        let image = bench.push_image(case).await;
        let text = json!({"_type": "https://in-toto.io/Statement/v1", "predicate": {},
            "predicateType": SIGN_PREDICATE, "subject": subject});
        let text = text.to_string().replace("OURS", image.digest.hex());
        let bundle = bundle_of(&signer, text.as_bytes()).await.expect("it signs");
        attach_bundle(&bench, &image, bundle, SIGN_PREDICATE).await;
        let found = bench.verify_image(&image.digest, &keys).await;
        assert_eq!(found.signed, accepted, "{case}: {found:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_that_were_changed() {
    let (_registry, bench) = bench("lab/bundles").await;
    let (signer, key) = signer();
    let keys = [key];
    let versions = "mediaType v0.1/v0.2/v0.4/unknown";
    let envelopes = "two signatures in an envelope (npm's parser and sigstore-go refuse it)";
    let rows: [(&str, &str, Value, bool); 8] = [
        (
            "payloadType changed",
            "/dsseEnvelope/payloadType",
            json!("text/plain"),
            false,
        ),
        (envelopes, "/dsseEnvelope/signatures", json!("TWICE"), false),
        (
            "hint altered",
            "/verificationMaterial/publicKey/hint",
            json!("another"),
            true,
        ),
        (
            versions,
            "/mediaType",
            json!("application/vnd.dev.sigstore.bundle+json;version=0.1"),
            false,
        ),
        (
            versions,
            "/mediaType",
            json!("application/vnd.dev.sigstore.bundle+json;version=0.2"),
            false,
        ),
        (
            versions,
            "/mediaType",
            json!("application/vnd.dev.sigstore.bundle.v0.4+json"),
            false,
        ),
        (versions, "/mediaType", json!("application/json"), false),
        (
            versions,
            "/mediaType",
            json!("application/vnd.dev.sigstore.bundle.v0.3+json"),
            true,
        ),
    ];
    for (position, (case, place, value, accepted)) in rows.into_iter().enumerate() {
        let image = bench.push_image(&format!("{case} {position}")).await;
        let text = statement(&image.digest, SIGN_PREDICATE, &json!({}));
        let bundle = bundle_of(&signer, &text).await.expect("it signs");
        let mut bundle: Value = serde_json::from_slice(&bundle).expect("it is JSON");
        let target = bundle.pointer_mut(place).expect("it is there");
        *target = if value == "TWICE" {
            json!([target[0], target[0]])
        } else {
            value
        };
        attach_bundle(
            &bench,
            &image,
            bundle.to_string().into_bytes(),
            SIGN_PREDICATE,
        )
        .await;
        let found = bench.verify_image(&image.digest, &keys).await;
        assert_eq!(found.signed, accepted, "{case} {position}: {found:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_referrers_hide_nothing() {
    // "51+ referrers"
    let (_registry, bench) = bench("lab/many").await;
    let (signer, key) = signer();
    let outcome = bench.sign(&signer).await;
    let stored = bench
        .client
        .manifest(
            &bench.repository,
            &outcome
                .bundle
                .as_ref()
                .expect("it was written")
                .digest
                .to_string(),
        )
        .await;
    let mut entry = json!(stored.expect("it is there").descriptor());
    entry["artifactType"] = json!(media_type::BUNDLE);
    let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX,
        "manifests": vec![entry; 51]});
    let fallback = format!("sha256-{}", bench.image.digest.hex());
    bench.put_manifest(&index, Some(&fallback)).await;
    let found = bench.verify(&[key]).await;
    assert!(found.signed, "{found:#?}");
    assert_eq!(found.traps, [Trap::TooManyReferrers]);
}

async fn approved(bench: &Bench, signer: &Signer, name: &str, predicate: &Value) -> RawManifest {
    let image = bench.push_image(name).await;
    let text = statement(&image.digest, APPROVAL_PREDICATE, predicate);
    let bundle = bundle_of(signer, &text).await.expect("it signs");
    attach_bundle(bench, &image, bundle, APPROVAL_PREDICATE).await;
    image
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_out_of_their_time_or_place() {
    let (_registry, bench) = bench("lab/approvals").await;
    let (signer, key) = signer();
    let (_, other) = self::signer();
    let time = "approval expired / dated in the future";
    for (position, (case, predicate, lenient, strict)) in [
        (
            time,
            json!({"decision": "approve", "until": "2026-03-01T00:00:00Z"}),
            false,
            false,
        ),
        (
            time,
            json!({"decision": "approve", "time": "2026-04-01T00:00:00Z"}),
            false,
            false,
        ),
        ("rejected", json!({"decision": "reject"}), false, false),
        (
            "of another key",
            json!({"decision": "approve", "reviewer": {"key": other.fingerprint()}}),
            false,
            false,
        ),
        (
            "of its key",
            json!({"decision": "approve", "reviewer": {"key": key.fingerprint()}}),
            true,
            true,
        ),
        (
            "for another place",
            json!({"decision": "approve", "destination": "registry.test/prod/app:1"}),
            true,
            false,
        ),
        (
            "for this place",
            json!({"decision": "approve", "destination": format!("{}:1", bench.repository)}),
            true,
            true,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let image = approved(&bench, &signer, &format!("approval {position}"), &predicate).await;
        for (is_strict, accepted) in [(false, lenient), (true, strict)] {
            let keys = [key.clone()];
            let found = bench.verify_with(&image.digest, &keys, is_strict).await;
            assert_eq!(found.signed, accepted, "{case}: {found:#?}");
            assert_eq!(found.approval.is_some(), accepted, "{case}");
            let rejected = found.traps.contains(&Trap::SignedRejection);
            assert_eq!(rejected, case == "rejected", "{case}: {found:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_and_the_archive() {
    // "approval whose scan-report digest does not match the S3 object"
    let (_registry, bench) = bench("lab/evidence").await;
    let (signer, key) = signer();
    let keys = [key];
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let archive = Archive::new(Store::Directory(DirectoryStore::new(folder.path())));
    let report = Digest::of(b"the report");
    let predicate = json!({"decision": "approve",
        "evidence": [{"name": "trivy.json", "digest": {"sha256": report.hex()}}]});
    let image = approved(&bench, &signer, "with evidence", &predicate).await;
    let blobs = folder.path().join("blobs/sha256");
    std::fs::create_dir_all(&blobs).expect("a folder can be made");
    for (content, state, lenient, strict) in [
        (None, EvidenceState::Missing, true, false),
        (Some(&b"the report"[..]), EvidenceState::Intact, true, true),
        (
            Some(b"a better report"),
            EvidenceState::Altered,
            false,
            false,
        ),
    ] {
        if let Some(content) = content {
            std::fs::write(blobs.join(report.hex()), content).expect("the file can be written");
        }
        for (is_strict, accepted) in [(false, lenient), (true, strict)] {
            let options = VerifyOptions {
                keys: &keys,
                keyless: None,
                archive: Some(&archive),
                strict: is_strict,
                now: bench.options().created,
            };
            let found = verify(&bench.client, &bench.repository, &image.digest, &options).await;
            let found = found.expect("both answer");
            assert_eq!(found.signed, accepted, "{state:?}: {found:#?}");
            if let Some(approval) = &found.approval {
                let expected = Evidence {
                    name: "trivy.json".to_owned(),
                    sha256: report.clone(),
                    state,
                };
                assert_eq!(approval.evidence, [expected]);
            } else {
                assert!(
                    reasons(&found).contains("the archive does not"),
                    "{found:#?}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_stay_with_their_digest() {
    let (_registry, bench) = bench("lab/digests").await;
    let (signer, key) = signer();
    let keys = [key];
    bench.sign(&signer).await;
    let case = "manifest (same config) rewritten with an annotation so its digest changes";
    let mut rewritten: Value = serde_json::from_slice(&bench.image.bytes).expect("it is JSON");
    rewritten["annotations"] = json!({"added": "later"});
    let rewritten = bench.put_manifest(&rewritten, None).await;
    let found = bench.verify_image(&rewritten.digest, &keys).await;
    assert!(
        !found.signed && found.signatures.is_empty(),
        "{case}: {found:#?}"
    );

    let case = "index signed but child not";
    let child = bench.push_image("child").await;
    let mut listed = json!(child.descriptor());
    listed["platform"] = json!({"architecture": "amd64", "os": "linux"});
    let index =
        json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [listed]});
    let index = bench.put_manifest(&index, Some("multi")).await;
    let on_index = Bench {
        client: bench.client.clone(),
        repository: bench.repository.clone(),
        image: index,
    };
    on_index.sign(&signer).await;
    assert!(on_index.verify(&keys).await.signed, "{case}");
    assert!(
        !bench.verify_image(&child.digest, &keys).await.signed,
        "{case}"
    );
    assert_eq!(on_index.tree(&keys).await.kind, NodeKind::Index);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_keys_stay_in_the_trust_file() {
    // "KMS key rotated (new public key, old signatures must still verify through the trust file)"
    let (_registry, bench) = bench("lab/rotated").await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let pair = |name: &str| {
        let password = Password::new(String::new());
        let pair = KeyPair::generate(&password).expect("a pair can be made");
        pair.write(&folder.path().join(name))
            .expect("it can be written");
        Signer::Key(pair.key().clone())
    };
    let (old, new) = (pair("old"), pair("new"));
    bench.sign(&old).await;
    let path = folder.path().join("trust.toml");
    let entry =
        |name: &str| format!("[[key]]\nname = \"release, {name}\"\nfile = \"{name}.pub\"\n");
    std::fs::write(&path, entry("new")).expect("it can be written");
    let keys = |trust: &Trust| -> Vec<PublicKey> {
        trust.keys.iter().map(|named| named.key.clone()).collect()
    };
    let only_new = Trust::read(&path).expect("it is a trust file");
    assert_eq!(only_new.keys[0].key, *new.public_key());
    assert!(!bench.verify(&keys(&only_new)).await.signed);
    std::fs::write(&path, [entry("new"), entry("old")].concat()).expect("it can be written");
    let both = Trust::read(&path).expect("it is a trust file");
    let found = bench.verify(&keys(&both)).await;
    assert!(found.signed, "{found:#?}");
    let by = found.signatures[0]
        .key_fingerprint
        .as_ref()
        .expect("a key signed it");
    assert_eq!(both.name_of(by), Some("release, old"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_among_others_signs_nothing() {
    let (_registry, bench) = bench("lab/rejections").await;
    let (signer, key) = signer();
    let (stranger, _) = self::signer();
    let keys = [key];
    let found = with_bundle(&bench, "damaged", |_| b"{}".to_vec(), &keys).await;
    assert!(!found.signed);
    for (by, kind, predicate) in [
        (&signer, APPROVAL_PREDICATE, json!({"decision": "reject"})),
        (
            &signer,
            "https://example.test/verdict/v1",
            json!({"verdict": "approve"}),
        ),
        (&signer, "https://openvex.dev/ns", json!({})),
        (&stranger, SIGN_PREDICATE, json!({})),
        (
            &stranger,
            APPROVAL_PREDICATE,
            json!({"decision": "approve"}),
        ),
    ] {
        let text = statement(&bench.image.digest, kind, &predicate);
        let bundle = bundle_of(by, &text).await.expect("it signs");
        attach_bundle(&bench, &bench.image, bundle, kind).await;
        let found = bench.verify(&keys).await;
        assert!(!found.signed && found.approval.is_none(), "{found:#?}");
        assert!(found.traps.contains(&Trap::SignedRejection), "{found:#?}");
        assert!(found.traps.contains(&Trap::AttestedNotSigned), "{found:#?}");
    }
}
