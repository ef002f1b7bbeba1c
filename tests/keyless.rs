//! Signatures by certificates: an authority of the tests' own, and the public cases of the library.
//!
//! What is wrong in exactly one place is in `keyless/refused`.

mod command;
mod conformance;
mod refused;

use countersign::model::Digest;
use countersign::model::oci::media_type;
use countersign::signatures::{
    Keyless, Pattern, Roots, Trap, TrustedIdentity, Verification, VerifyOptions, verify,
};
use countersign::signing::SIGN_PREDICATE;
use serde_json::{Value, json};

use crate::signatures::{Bench, attach_bundle, benches, put_companion, statement};
use crate::support::authority::{Authority, Who};

pub(crate) const WORKFLOW: &str =
    "https://github.com/example/app/.github/workflows/release.yml@refs/tags/v1";
pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Trusts one identity whose certificates lead to `root`.
fn trusting(root: &Value, identity: Pattern, issuer: Pattern) -> Keyless {
    let roots = Roots::from_json("of the tests", &root.to_string()).expect("it is a trusted root");
    let identity = TrustedIdentity {
        name: Some("release".to_owned()),
        identity,
        issuer,
    };
    Keyless::new(roots, vec![identity])
}

fn exactly(authority: &Authority, identity: &str, issuer: &str) -> Keyless {
    trusting(
        &authority.trusted_root(),
        Pattern::Exact(identity.to_owned()),
        Pattern::Exact(issuer.to_owned()),
    )
}

async fn verify_with(bench: &Bench, keyless: Option<&Keyless>) -> Verification {
    let options = VerifyOptions {
        keys: &[],
        keyless,
        archive: None,
        strict: true,
        now: "2026-03-02T12:00:00Z".parse().expect("it is a time"),
    };
    verify(
        &bench.client,
        &bench.repository,
        &bench.image.digest,
        &options,
    )
    .await
    .expect("the registry answers")
}

fn signature_of(image: &Digest) -> Vec<u8> {
    statement(image, SIGN_PREDICATE, &json!({}))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_identity_and_issuer_are_accepted() {
    for (_registry, bench) in benches("lab/keyless").await {
        let authority = Authority::new();
        let who = Who::new(WORKFLOW, ISSUER);
        let bundle = authority.bundle(&signature_of(&bench.image.digest), &who);
        attach_bundle(
            &bench,
            &bench.image,
            bundle.to_string().into_bytes(),
            SIGN_PREDICATE,
        )
        .await;

        let found = verify_with(&bench, Some(&exactly(&authority, WORKFLOW, ISSUER))).await;
        assert!(found.signed, "{found:#?}");
        let [one] = found.signatures.as_slice() else {
            panic!("there is one: {found:#?}");
        };
        assert_eq!(one.identity.as_deref(), Some(WORKFLOW));
        assert_eq!(one.issuer.as_deref(), Some(ISSUER));
        assert_eq!(one.name.as_deref(), Some("release"));
        assert_eq!(one.proven_time.as_deref(), Some("2025-03-01T12:01:00Z"));
        assert_eq!(one.key_fingerprint, None);
        assert_eq!(found.warnings, Vec::<String>::new());
        let root = found.trusted_root.expect("one was used");
        assert_eq!(root.name, "of the tests");

        // By expressions, found anywhere as cosign finds them.
        for (identity, issuer, accepted) in [
            ("^https://github[.]com/example/", "^https://token[.]", true),
            ("example/app", "githubusercontent", true),
            ("^https://github[.]com/other/", "^https://token[.]", false),
            (
                "^https://github[.]com/example/",
                "^https://accounts[.]",
                false,
            ),
        ] {
            let pattern = |text| Pattern::expression(text).expect("it is an expression");
            let keyless = trusting(
                &authority.trusted_root(),
                pattern(identity),
                pattern(issuer),
            );
            let found = verify_with(&bench, Some(&keyless)).await;
            assert_eq!(found.signed, accepted, "{identity} {issuer}");
        }
        let with_keys_only = verify_with(&bench, None).await;
        let reason = with_keys_only.signatures[0]
            .reason
            .clone()
            .unwrap_or_default();
        assert!(
            !with_keys_only.signed && reason.contains("only keys were given"),
            "{reason}"
        );
    }
}

fn payload(bench: &Bench) -> Vec<u8> {
    json!({
        "critical": {
            "identity": {"docker-reference": bench.repository.to_string()},
            "image": {"docker-manifest-digest": bench.image.digest},
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string()
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_layout_is_accepted_by_the_promise_of_the_log() {
    for (_registry, bench) in benches("lab/older").await {
        let authority = Authority::new();
        let who = Who::new("someone@example.test", "https://accounts.example.test");
        let payload = payload(&bench);
        let good = authority.layer(&payload, &who);
        let layers = vec![(payload.clone(), good.clone())];
        put_companion(&bench, "sig", media_type::SIMPLE_SIGNING, layers).await;
        let keyless = exactly(&authority, &who.identity, "https://accounts.example.test");
        let found = verify_with(&bench, Some(&keyless)).await;
        assert!(found.signed, "{found:#?}");
        assert_eq!(
            found.signatures[0].identity.as_deref(),
            Some("someone@example.test")
        );
        assert!(!verify_with(&bench, None).await.signed);

        // One annotation missing or of another signature, and it does not count.
        let other = authority.layer(b"another payload", &who);
        for key in ["signature", "certificate", "bundle"] {
            let key = good
                .keys()
                .find(|name| name.ends_with(&format!("/{key}")))
                .expect("it is there")
                .clone();
            let mut without = good.clone();
            without.remove(&key);
            let mut exchanged = good.clone();
            exchanged.insert(key.clone(), other[&key].clone());
            for annotations in [without, exchanged] {
                let layers = vec![(payload.clone(), annotations)];
                put_companion(&bench, "sig", media_type::SIMPLE_SIGNING, layers).await;
                let found = verify_with(&bench, Some(&keyless)).await;
                assert!(!found.signed, "{key}: {found:#?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attestations_by_certificates_are_accepted_and_sign_nothing() {
    for (_registry, bench) in benches("lab/attested").await {
        let authority = Authority::new();
        let who = Who::new(WORKFLOW, ISSUER);
        let keyless = exactly(&authority, WORKFLOW, ISSUER);
        let kind = "https://cyclonedx.org/bom";
        let text = statement(
            &bench.image.digest,
            kind,
            &json!({"bomFormat": "CycloneDX"}),
        );

        let (envelope, annotations) = authority.statement(&text, &who);
        let layers = vec![(envelope.to_string().into_bytes(), annotations)];
        put_companion(
            &bench,
            "att",
            "application/vnd.dsse.envelope.v1+json",
            layers,
        )
        .await;
        let found = verify_with(&bench, Some(&keyless)).await;
        assert!(!found.signed && found.attestations[0].valid, "{found:#?}");
        assert_eq!(found.attestations[0].predicate_type.as_deref(), Some(kind));
        assert_eq!(
            found.attestations[0].predicate.as_deref(),
            Some(r#"{"bomFormat":"CycloneDX"}"#)
        );
        // cosign looks at no `.att` tag when it looks for signatures: no trap.
        assert_eq!(found.traps, []);

        let bundle = authority.bundle(&text, &who).to_string().into_bytes();
        attach_bundle(&bench, &bench.image, bundle, kind).await;
        let found = verify_with(&bench, Some(&keyless)).await;
        assert!(!found.signed, "{found:#?}");
        assert_eq!(found.attestations.iter().filter(|one| one.valid).count(), 2);
        assert_eq!(found.traps, [Trap::AttestedNotSigned]);
    }
}
