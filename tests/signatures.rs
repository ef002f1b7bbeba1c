//! Signing and verifying images in a registry, by this program alone.
//!
//! What cosign thinks of the results is in `interop_signing`.

pub(crate) mod attest;
mod bench;
mod commands;
mod hostile;
mod kms;
mod offline;

mod tamper;

pub(crate) use bench::{
    Bench, attach_bundle, bench_with, benches, fates, places, put_companion, statement,
};

use std::collections::BTreeMap;

use countersign::model::oci::{ManifestKind, RawManifest, media_type};
use countersign::signatures::{
    Fate, NodeKind, SignOptions, SignaturesError, VerifyOptions, sign, tree, verify,
};
use serde_json::{Value, json};

use bench::{bench, reasons, signer};

#[tokio::test(flavor = "multi_thread")]
async fn both_formats_are_written_once_and_found_again() {
    for (_registry, bench) in benches("lab/once").await {
        let (signer, key) = signer();
        let keys = [key];
        assert!(!bench.verify(&keys).await.signed);

        let first = bench.sign(&signer).await;
        assert_eq!(fates(&first), (Some(Fate::Written), Some(Fate::Written)));
        let again = bench.sign(&signer).await;
        assert_eq!(fates(&again), (Some(Fate::Existed), Some(Fate::Existed)));
        assert_eq!(places(&again), places(&first));

        let found = bench.verify_with(&bench.image.digest, &keys, true).await;
        assert!(found.signed);
        assert_eq!(found.warnings, Vec::<String>::new());
        let entries = serde_json::to_value(&found.signatures).expect("it is JSON");
        let fingerprint = keys[0].fingerprint();
        assert_eq!(entries[0]["format"], "bundle");
        assert_eq!(
            entries[0]["predicate_type"],
            "https://sigstore.dev/cosign/sign/v1"
        );
        assert_eq!(entries[0]["claimed_time"], "2026-03-01T12:00:00Z");
        assert_eq!(entries[1]["format"], "legacy");
        for entry in entries.as_array().expect("a list") {
            assert_eq!(entry["valid"], true);
            assert_eq!(entry["reason"], Value::Null);
            assert_eq!(entry["key_fingerprint"], fingerprint.to_string());
        }
        assert_eq!(entries.as_array().map(Vec::len), Some(2));

        let (_, stranger) = self::signer();
        let unknown = bench.verify(&[stranger]).await;
        assert!(!unknown.signed && unknown.signatures.len() == 2);
        assert!(reasons(&unknown).contains("none of the given keys"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_signers_survive() {
    for (_registry, bench) in benches("lab/several").await {
        let mut keys = Vec::new();
        for count in 1..=3 {
            let (signer, key) = signer();
            bench.sign(&signer).await;
            keys.push(key);
            for key in &keys {
                let found = bench.verify(std::slice::from_ref(key)).await;
                assert!(found.signed);
                assert_eq!(found.signatures.len(), 2 * count);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_of_others_survive() {
    for (_registry, bench) in benches("lab/fields").await {
        let (first, _) = signer();
        bench.sign(&first).await;
        let mut document: Value =
            serde_json::from_slice(&bench.signature_manifest().await.bytes).expect("it is JSON");
        document["annotations"] = json!({"kept": "yes"});
        document["layers"][0]["annotations"]["more"] = json!("kept");
        bench
            .put_manifest(&document, Some(&bench.signature_tag()))
            .await;

        let (second, _) = signer();
        bench.sign(&second).await;
        let after: Value =
            serde_json::from_slice(&bench.signature_manifest().await.bytes).expect("it is JSON");
        assert_eq!(after["annotations"], document["annotations"]);
        assert_eq!(after["layers"][0], document["layers"][0]);
        assert_eq!(after["layers"].as_array().map(Vec::len), Some(2));
        let ManifestKind::Manifest(view) = bench.signature_manifest().await.parse().expect("valid")
        else {
            panic!("it is an image manifest");
        };
        let config = bench
            .client
            .blob(&bench.repository, &view.config, 10_000)
            .await;
        let config: Value = serde_json::from_slice(&config.expect("it is there")).expect("JSON");
        let layers: Vec<_> = view
            .layers
            .iter()
            .map(|layer| layer.digest.to_string())
            .collect();
        assert_eq!(config["rootfs"]["diff_ids"], json!(layers));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_annotations_are_refused_before_anything_is_sent() {
    let (_registry, bench) = bench("lab/reserved").await;
    let (signer, _) = signer();
    let annotations = BTreeMap::from([("timestamp".to_owned(), "today".to_owned())]);
    let options = SignOptions {
        annotations,
        ..bench.options()
    };
    let subject = bench.image.descriptor();
    let error = sign(
        &bench.client,
        &bench.repository,
        &subject,
        &signer,
        &options,
    )
    .await
    .expect_err("the annotation is reserved");
    assert!(
        matches!(error, SignaturesError::ReservedAnnotation { .. }),
        "{error}"
    );
    assert!(bench.tree(&[]).await.children.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_shows_what_hangs_where() {
    for (_registry, bench) in benches("lab/tree").await {
        let (signer, key) = signer();
        bench.sign(&signer).await;
        let config = bench.put("{}", media_type::EMPTY).await;
        let notation = "application/vnd.cncf.notary.signature";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "artifactType": notation, "config": config, "layers": [config],
            "subject": bench.image.descriptor()});
        let raw = RawManifest::new(
            manifest.to_string().into(),
            media_type::OCI_MANIFEST.to_owned(),
        );
        let put = bench
            .client
            .put_referrer(&bench.repository, &bench.image.digest, &raw)
            .await;
        put.expect("it can be attached");
        let platform = json!({"architecture": "amd64", "os": "linux"});
        let mut listed = json!(bench.image.descriptor());
        listed["platform"] = platform;
        let index =
            json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [listed]});
        let index = bench.put_manifest(&index, Some("multi")).await;

        let keys = [key];
        let options = VerifyOptions {
            keys: &keys,
            keyless: None,
            archive: None,
            strict: false,
            now: bench.options().created,
        };
        let drawn = tree(&bench.client, &bench.repository, &index.digest, &options).await;
        let root = drawn.expect("the registry answers").root;
        assert_eq!((root.kind, root.children.len()), (NodeKind::Index, 1));
        let image = &root.children[0];
        assert_eq!(
            (image.kind, &image.digest),
            (NodeKind::Image, &bench.image.digest)
        );
        let drawn: Vec<_> = image
            .children
            .iter()
            .map(|node| (node.kind, node.verified))
            .collect();
        assert_eq!(
            drawn,
            [
                (NodeKind::NotationSignature, None),
                (NodeKind::Signature, Some(true)),
                (NodeKind::Signature, None),
            ]
        );
        let legacy = &image.children[2].children;
        assert_eq!(legacy.len(), 1);
        assert_eq!(
            (legacy[0].kind, legacy[0].verified),
            (NodeKind::Signature, Some(true))
        );

        let without_keys = bench.tree(&[]).await;
        assert!(
            without_keys
                .children
                .iter()
                .all(|node| node.verified.is_none())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_and_verifying_can_run_as_tasks() {
    for (_registry, bench) in benches("lab/tasks").await {
        let (signer, key) = signer();
        let keys = [key];
        let options = bench.options();
        let subject = bench.image.descriptor();
        let verify_options = VerifyOptions {
            keys: &keys,
            keyless: None,
            archive: None,
            strict: false,
            now: options.created,
        };
        let (client, repository, image) = (&bench.client, &bench.repository, &bench.image.digest);
        on_any_thread(sign(client, repository, &subject, &signer, &options))
            .await
            .expect("the image can be signed");
        let found = on_any_thread(verify(client, repository, image, &verify_options)).await;
        let drawn = on_any_thread(tree(client, repository, image, &verify_options)).await;
        assert!(found.expect("the registry answers").signed);
        assert_eq!(drawn.expect("the registry answers").root.children.len(), 2);
    }
}

/// Takes only futures that the runtime may move between its threads.
fn on_any_thread<F: Future + Send>(future: F) -> F {
    future
}
