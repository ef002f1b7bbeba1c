//! What damaged, misplaced and forged signatures, and registries that misbehave, lead to.
//!
//! Tampering below the level of a registry is tested beside the checks themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use countersign::demo::registry::{Answer, Intercept, RegistryOptions};
use countersign::error::{ErrorKind, Explain as _};
use countersign::model::oci::{ManifestKind, media_type};
use countersign::signatures::{Fate, NodeKind, SignaturesError, VerifyOptions, sign, verify};
use countersign::signing::{APPROVAL_PREDICATE, bundle_of};
use http_body_util::Full;
use hyper::{Method, Response};
use serde_json::{Value, json};

use super::bench::{
    Bench, attach_bundle, bench, bench_with, benches, fates, reasons, signer, statement,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_is_limited() {
    let (_registry, bench) = bench("lab/limits").await;
    let (signer, key) = signer();
    let keys = [key];
    let kind = "https://sigstore.dev/cosign/sign/v1";
    let padding = " ".repeat(10 << 20).into_bytes();
    let bundle = bundle_of(&signer, &statement(&bench.image.digest, kind, &json!({}))).await;
    let large = [bundle.expect("it can be signed"), padding].concat();
    let large = attach_bundle(&bench, &bench.image, large, kind).await;
    let found = bench.verify(&keys).await;
    assert!(
        !found.signed && reasons(&found).contains("larger than"),
        "{found:#?}"
    );

    let entry = json!(large.descriptor());
    let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX,
        "manifests": vec![entry; 101]});
    let fallback = format!("sha256-{}", bench.image.digest.hex());
    bench.put_manifest(&index, Some(&fallback)).await;
    let found = bench.verify(&keys).await;
    assert_eq!(found.signatures.len(), 100);
    assert!(
        found.warnings[0].contains("101 referrers"),
        "{:?}",
        found.warnings
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_of_other_images_and_damaged_ones_do_not_count() {
    let (_registry, bench) = bench("lab/damaged").await;
    let (signer, key) = signer();
    let keys = [key];
    let kind = "https://sigstore.dev/cosign/sign/v1";
    let other = bench.push_image("other").await;

    // Signed for another image, attached to this one; and bytes that are no bundle.
    let bundle = bundle_of(&signer, &statement(&other.digest, kind, &json!({}))).await;
    let bundle = bundle.expect("it can be signed");
    attach_bundle(&bench, &bench.image, bundle, kind).await;
    attach_bundle(&bench, &bench.image, b"damaged".to_vec(), kind).await;
    // Properly signed and attached to the other image, but listed for this one.
    let bundle = bundle_of(&signer, &statement(&bench.image.digest, kind, &json!({}))).await;
    let bundle = bundle.expect("it can be signed");
    let elsewhere = attach_bundle(&bench, &other, bundle, kind).await;
    let fallback = format!("sha256-{}", bench.image.digest.hex());
    let index = bench.client.manifest(&bench.repository, &fallback).await;
    let mut index: Value =
        serde_json::from_slice(&index.expect("it is there").bytes).expect("it is JSON");
    let mut entry = json!(elsewhere.descriptor());
    entry["artifactType"] = json!(media_type::BUNDLE);
    index["manifests"]
        .as_array_mut()
        .expect("a list")
        .push(entry);
    bench.put_manifest(&index, Some(&fallback)).await;

    let found = bench.verify(&keys).await;
    assert!(!found.signed, "{found:#?}");
    let reasons = reasons(&found);
    for reason in [
        "not this image",
        "Sigstore bundle cannot be read",
        "it refers to",
    ] {
        assert!(reasons.contains(reason), "{reason}: {reasons}");
    }
    let marks: Vec<_> = bench
        .tree(&keys)
        .await
        .children
        .iter()
        .map(|node| node.kind)
        .collect();
    assert!(marks.contains(&NodeKind::Unreadable), "{marks:?}");

    // A good signature beside them counts.
    bench.sign(&signer).await;
    assert!(bench.verify(&keys).await.signed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_for_another_repository_is_warned_about_or_refused() {
    let (registry, bench) = bench("lab/origin").await;
    let (signer, key) = signer();
    let keys = [key];
    bench.sign(&signer).await;
    let copy = Bench::new(&registry.host(), "lab/replayed").await;
    let signatures = bench.signature_manifest().await;
    let ManifestKind::Manifest(view) = signatures.parse().expect("valid") else {
        panic!("it is an image manifest");
    };
    for blob in [&view.config].into_iter().chain(&view.layers) {
        let bytes = bench.client.blob(&bench.repository, blob, 10_000).await;
        copy.put(bytes.expect("it is there"), &blob.media_type)
            .await;
    }
    copy.client
        .put_manifest(&copy.repository, &copy.signature_tag(), &signatures)
        .await
        .expect("the signatures can be copied");

    let image = &copy.image.digest;
    let lenient = copy.verify_with(image, &keys, false).await;
    assert!(
        lenient.signed && lenient.warnings[0].contains("lab/origin"),
        "{lenient:#?}"
    );
    let strict = copy.verify_with(image, &keys, true).await;
    assert!(
        !strict.signed && reasons(&strict).contains("lab/origin"),
        "{strict:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_in_use_for_other_things_are_left_alone() {
    let (_registry, bench) = bench("lab/taken").await;
    let (signer, key) = signer();
    let image: Value = serde_json::from_slice(&bench.image.bytes).expect("it is JSON");
    bench
        .put_manifest(&image, Some(&bench.signature_tag()))
        .await;
    let subject = bench.image.descriptor();
    let error = sign(
        &bench.client,
        &bench.repository,
        &subject,
        &signer,
        &bench.options(),
    )
    .await
    .expect_err("the tag names an image");
    assert!(
        matches!(error, SignaturesError::UnexpectedTag { .. }),
        "{error}"
    );
    assert_eq!(bench.signature_manifest().await.digest, bench.image.digest);

    // A referrers tag that is no index: the older format still signs, with a warning.
    let bench = Bench::new(&bench.repository.registry, "lab/taken-too").await;
    let fallback = format!("sha256-{}", bench.image.digest.hex());
    bench.put_manifest(&image, Some(&fallback)).await;
    let outcome = bench.sign(&signer).await;
    assert_eq!(fates(&outcome), (Some(Fate::Unlisted), Some(Fate::Written)));
    assert!(!outcome.warnings.is_empty());
    let found = bench.verify(&[key]).await;
    assert!(found.signed && !found.warnings.is_empty());
    let kept = bench.client.manifest(&bench.repository, &fallback).await;
    assert_eq!(kept.expect("it is there").digest, bench.image.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_do_not_approve_never_sign() {
    for (_registry, bench) in benches("lab/statements").await {
        let (signer, key) = signer();
        let keys = [key];
        let image = &bench.image.digest;
        let attach = async |kind: &str, predicate: Value, announced: &str| {
            let bundle = bundle_of(&signer, &statement(image, kind, &predicate)).await;
            let bundle = bundle.expect("it can be signed");
            attach_bundle(&bench, &bench.image, bundle, announced).await;
            bench.verify(&keys).await
        };
        let vex = "https://openvex.dev/ns";
        let found = attach(vex, json!({}), "https://sigstore.dev/cosign/sign/v1").await;
        assert!(!found.signed && found.signatures.is_empty() && found.attestations[0].valid);
        assert!(
            found
                .warnings
                .iter()
                .any(|text| text.contains("is announced as"))
        );
        assert!(
            found
                .warnings
                .iter()
                .any(|text| text.contains("NOT signed"))
        );

        for predicate in [
            json!({"decision": "reject"}),
            json!({"decision": "approve", "until": "2026-03-01"}),
        ] {
            let found = attach(APPROVAL_PREDICATE, predicate, APPROVAL_PREDICATE).await;
            assert!(!found.signed && found.approval.is_none(), "{found:#?}");
        }
        let approve = json!({"decision": "approve", "until": "2026-03-02"});
        let found = attach(APPROVAL_PREDICATE, approve.clone(), APPROVAL_PREDICATE).await;
        assert!(found.signed, "{found:#?}");
        assert_eq!(
            found.approval.map(|approval| approval.predicate),
            Some(approve)
        );
        assert_eq!(
            found
                .signatures
                .iter()
                .filter(|signature| signature.valid)
                .count(),
            1
        );
    }
}

/// An answer that a registry gives instead of its own.
fn answer(status: u16, body: &str) -> Answer {
    let body = Bytes::from(body.to_owned());
    let answer = Response::builder().status(status);
    answer
        .body(Full::new(body))
        .expect("an answer can be built")
}

/// Replaces the answer to the first `times` requests with `method` to a path that has `part`.
fn intercept(
    method: Method,
    part: &'static str,
    times: usize,
    status: u16,
    body: &'static str,
) -> RegistryOptions {
    let left = AtomicUsize::new(times);
    let intercept: Intercept = Arc::new(move |request| {
        let meant = request.method() == method && request.uri().path().contains(part);
        let take = || {
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
        };
        (meant && take().is_ok()).then(|| answer(status, body))
    });
    RegistryOptions {
        intercept: Some(intercept),
        ..RegistryOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_another_program_overwrote_is_written_again() {
    // The registry says "created" and keeps nothing, as if somebody wrote right after us.
    let options = intercept(Method::PUT, ".sig", 2, 201, "");
    let (registry, bench) = bench_with("lab/race", options).await;
    let (signer, key) = signer();
    let outcome = bench.sign(&signer).await;
    assert_eq!(fates(&outcome).1, Some(Fate::Written));
    assert!(bench.verify(&[key]).await.signed);
    let written = registry.requests();
    let puts = written
        .iter()
        .filter(|request| request.method == "PUT" && request.path.contains(".sig"));
    assert_eq!(puts.count(), 3);

    let options = intercept(Method::PUT, ".sig", usize::MAX, 201, "");
    let (_registry, bench) = bench_with("lab/lost", options).await;
    let subject = bench.image.descriptor();
    let error = sign(
        &bench.client,
        &bench.repository,
        &subject,
        &signer,
        &bench.options(),
    )
    .await
    .expect_err("nothing is kept");
    assert!(
        matches!(error, SignaturesError::NotConfirmed { .. }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_cannot_change_leaves_the_bundle_as_signature() {
    let options = RegistryOptions {
        referrers: true,
        immutable_tags: true,
        ..RegistryOptions::default()
    };
    let (_registry, bench) = bench_with("lab/immutable", options).await;
    let (first, first_key) = signer();
    let (second, second_key) = signer();
    bench.sign(&first).await;
    let outcome = bench.sign(&second).await;
    assert_eq!(
        fates(&outcome),
        (Some(Fate::Written), Some(Fate::Immutable))
    );
    assert!(
        outcome.warnings[0].contains("cannot be changed"),
        "{:?}",
        outcome.warnings
    );
    assert!(bench.verify(&[first_key]).await.signed);
    assert!(bench.verify(&[second_key]).await.signed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_lies_about_a_payload_proves_nothing() {
    let lies = Arc::new(AtomicBool::new(false));
    let lying = lies.clone();
    let liar: Intercept = Arc::new(move |request| {
        let download = request.method() == Method::GET && request.uri().path().contains("/blobs/");
        (download && lying.load(Ordering::SeqCst)).then(|| answer(200, "not what was stored"))
    });
    let options = RegistryOptions {
        intercept: Some(liar),
        ..RegistryOptions::default()
    };
    let (_registry, bench) = bench_with("lab/liar", options).await;
    let (signer, key) = signer();
    let keys = [key];
    bench.sign(&signer).await;
    assert!(bench.verify(&keys).await.signed);
    lies.store(true, Ordering::SeqCst);
    let found = bench.verify(&keys).await;
    assert!(!found.signed, "{found:#?}");
    assert_eq!(
        reasons(&found)
            .matches("is not what its digest says")
            .count(),
        2,
        "{found:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_does_not_answer_is_an_error_and_no_answer() {
    let options = intercept(Method::GET, ".sig", usize::MAX, 403, "{}");
    let (_registry, bench) = bench_with("lab/denied", options).await;
    let options = VerifyOptions {
        keys: &[],
        keyless: None,
        archive: None,
        strict: false,
        now: bench.options().created,
    };
    let image = &bench.image.digest;
    let error = verify(&bench.client, &bench.repository, image, &options)
        .await
        .expect_err("the registry refuses");
    assert_eq!(error.kind(), ErrorKind::Remote, "{error}");
}
