//! Statements about an image beside it: in both formats, once, and next to those of others.
//!
//! What cosign reads in them is in `interop_signing`.

use countersign::model::Digest;
use countersign::signatures::predicate::{Given, Predicate};
use countersign::signatures::{AttestOptions, AttestOutcome, Fate, Layout, attest};
use countersign::signing::{Signer, verify_envelope};
use serde_json::{Value, json};

use super::bench::{Bench, benches, signer};

const KIND: &str = "https://example.test/checked/v1";

pub(crate) fn predicate(kind: &str, text: &str) -> Predicate {
    let given = Given {
        kind: kind.to_owned(),
        name: "document".to_owned(),
        bytes: text.as_bytes().to_vec(),
        location: None,
        now: "2026-03-01T12:00:00Z".parse().expect("it is a time"),
    };
    given.predicate().expect("it is such a document")
}

pub(crate) async fn state(
    bench: &Bench,
    signer: &Signer,
    predicate: &Predicate,
    layout: Option<Layout>,
) -> AttestOutcome {
    let options = AttestOptions {
        created: bench.options().created,
        layout,
    };
    let subject = bench.image.descriptor();
    attest(
        &bench.client,
        &bench.repository,
        &subject,
        signer,
        predicate,
        &options,
    )
    .await
    .expect("the image can be attested")
}

fn fates(outcome: &AttestOutcome) -> (Option<Fate>, Option<Fate>) {
    let fate = |stored: &Option<countersign::signatures::Stored>| stored.as_ref().map(|it| it.fate);
    (fate(&outcome.bundle), fate(&outcome.legacy))
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_written_once_and_beside_those_of_others() {
    for (_registry, bench) in benches("lab/attested").await {
        let (written, existed) = (Some(Fate::Written), Some(Fate::Existed));
        let mut keys = Vec::new();
        for count in 1..=2 {
            let (signer, key) = signer();
            bench.sign(&signer).await;
            for text in ["{\"a\": 1.50}", "{\"a\": 2}"] {
                let predicate = predicate(KIND, text);
                let first = state(&bench, &signer, &predicate, None).await;
                assert_eq!(fates(&first), (written, written));
                assert_eq!(first.warnings, Vec::<String>::new());
                let again = state(&bench, &signer, &predicate, None).await;
                assert_eq!(fates(&again), (existed, existed));
            }
            keys.push(key);
            for key in &keys {
                let found = bench.verify(std::slice::from_ref(key)).await;
                assert!(found.signed);
                let mine = found.attestations.iter().filter(|one| one.valid);
                // Each is there as a bundle and behind the `.att` tag.
                assert_eq!(mine.count(), 4);
                assert_eq!(found.attestations.len(), 4 * count);
            }
        }
        let tag = format!("sha256-{}.att", bench.image.digest.hex());
        let raw = bench.client.manifest(&bench.repository, &tag).await;
        let manifest: Value =
            serde_json::from_slice(&raw.expect("it is there").bytes).expect("it is JSON");
        let layers = manifest["layers"].as_array().expect("a list");
        assert_eq!(layers.len(), 4);
        for layer in layers {
            assert_eq!(layer["annotations"]["predicateType"], KIND);
            let digest: Digest = layer["digest"]
                .as_str()
                .expect("text")
                .parse()
                .expect("a digest");
            let blob = countersign::model::oci::Descriptor {
                media_type: String::new(),
                digest,
                size: layer["size"].as_u64().expect("a size"),
                platform: None,
                artifact_type: None,
                urls: Vec::new(),
                annotations: std::collections::BTreeMap::new(),
            };
            let bytes = bench.client.blob(&bench.repository, &blob, 10_000).await;
            let bytes = bytes.expect("it is there");
            let statement = keys
                .iter()
                .find_map(|key| verify_envelope(&bytes, key).ok())
                .expect("one of the keys made it");
            assert!(statement.subject_with(&bench.image.digest).is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_the_key_did_not_sign_gets_no_bundle_unasked() {
    for (_registry, bench) in benches("lab/unsigned").await {
        let (signer, key) = signer();
        let predicate = predicate(KIND, "{}");
        let outcome = state(&bench, &signer, &predicate, None).await;
        assert_eq!(fates(&outcome), (None, Some(Fate::Written)));
        assert!(
            outcome.warnings[0].contains("only the .att tag"),
            "{outcome:?}"
        );
        let found = bench.verify(std::slice::from_ref(&key)).await;
        assert!(!found.signed && found.signatures.is_empty(), "{found:#?}");

        let asked = state(&bench, &signer, &predicate, Some(Layout::Both)).await;
        assert_eq!(fates(&asked), (Some(Fate::Written), Some(Fate::Existed)));
        assert!(asked.warnings[0].contains("has not signed"), "{asked:?}");
        let found = bench.verify(&[key]).await;
        assert!(!found.signed, "{found:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_layout_alone_can_be_asked_for() {
    for (_registry, bench) in benches("lab/layouts").await {
        let (signer, key) = signer();
        let options = countersign::signatures::SignOptions {
            layout: Layout::Bundle,
            ..bench.options()
        };
        let subject = bench.image.descriptor();
        let outcome = countersign::signatures::sign(
            &bench.client,
            &bench.repository,
            &subject,
            &signer,
            &options,
        )
        .await
        .expect("the image can be signed");
        assert_eq!(super::fates(&outcome), (Some(Fate::Written), None));
        let found = bench.verify(&[key]).await;
        assert_eq!((found.signed, found.signatures.len()), (true, 1));
        let predicate = predicate(KIND, &json!({"a": 1}).to_string());
        for (layout, expected) in [
            (Layout::Bundle, (Some(Fate::Written), None)),
            (Layout::Legacy, (None, Some(Fate::Written))),
            (Layout::Both, (Some(Fate::Existed), Some(Fate::Existed))),
        ] {
            let outcome = state(&bench, &signer, &predicate, Some(layout)).await;
            assert_eq!(fates(&outcome), expected, "{layout:?}");
        }
    }
}
