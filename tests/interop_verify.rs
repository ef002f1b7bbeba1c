//! What cosign writes is accepted here, and what we and the tests' authority write is accepted by npm's verifier.
//!
//! Signatures in both directions are in `interop_signing`.

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::demo::registry::RegistryOptions;
use countersign::model::Digest;
use countersign::signing::{KeyPair, Password, SIGN_PREDICATE, Signer, bundle_of, read_public_key};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::signatures::{Bench, bench_with, statement};
use crate::support::authority::{Authority, Who};
use crate::support::judges::judge;
use crate::support::server::DockerRegistry;

/// Asks npm's verifier: `key FILE.pub BUNDLE` or `root ROOT.json BUNDLE`.
fn holds(npm: &Path, kind: &str, trust: &Path, bundle: &Path) -> bool {
    let output = Command::new(npm)
        .arg(kind)
        .arg(trust)
        .arg(bundle)
        .output()
        .expect("the judge starts");
    output.status.success()
}

fn write(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("the file can be written");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_accepts_our_bundles_and_refuses_changed_ones() {
    let Some(npm) = judge("sigstore_verify") else {
        return;
    };
    let (_registry, bench) = bench_with("lab/npm", RegistryOptions::default()).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let pair = |name: &str| {
        let pair = KeyPair::generate(&Password::new(String::new())).expect("a pair can be made");
        let (_, public) = pair
            .write(&folder.path().join(name))
            .expect("it can be written");
        (Signer::Key(pair.key().clone()), public)
    };
    let (signer, public) = pair("ours");
    let (_, stranger) = pair("stranger");
    let outcome = bench.sign(&signer).await;
    let (_, bundle) = bench
        .only_blob(&outcome.bundle.expect("it was written").digest)
        .await;
    let path = write(&folder, "bundle.json", &bundle);
    assert!(holds(&npm, "key", &public, &path));
    assert!(!holds(&npm, "key", &stranger, &path));
    let text = statement(&bench.image.digest, "https://openvex.dev/ns", &json!({}));
    let attestation = bundle_of(&signer, &text).await.expect("it signs");
    assert!(holds(
        &npm,
        "key",
        &public,
        &write(&folder, "attestation.json", &attestation)
    ));

    let good: Value = serde_json::from_slice(&bundle).expect("it is JSON");
    for (place, value) in [
        ("/dsseEnvelope/payload", json!("e30=")),
        ("/dsseEnvelope/payloadType", json!("text/plain")),
        (
            "/dsseEnvelope/signatures",
            json!([
                good["dsseEnvelope"]["signatures"][0],
                good["dsseEnvelope"]["signatures"][0]
            ]),
        ),
    ] {
        let mut changed = good.clone();
        *changed.pointer_mut(place).expect("it is there") = value;
        let path = write(&folder, "changed.json", changed.to_string());
        assert!(!holds(&npm, "key", &public, &path), "{place}");
    }
}

#[test]
fn npm_takes_the_authority_of_the_tests_for_a_sigstore() {
    // What is refused here for one wrong place would otherwise be right.
    let Some(npm) = judge("sigstore_verify") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let authority = Authority::new();
    let root = write(&folder, "root.json", authority.trusted_root().to_string());
    let text = statement(&Digest::of(b"image"), SIGN_PREDICATE, &json!({}));
    let who = Who::new("https://github.com/example/app", "https://issuer.test");
    let good = authority.bundle(&text, &who);
    assert!(holds(
        &npm,
        "root",
        &root,
        &write(&folder, "good.json", good.to_string())
    ));
    let other = write(
        &folder,
        "other.json",
        Authority::new().trusted_root().to_string(),
    );
    assert!(!holds(
        &npm,
        "root",
        &other,
        &write(&folder, "good.json", good.to_string())
    ));
    let unlogged = Who {
        is_logged: false,
        ..who
    };
    let bad = authority.bundle(&text, &unlogged).to_string();
    assert!(!holds(
        &npm,
        "root",
        &root,
        &write(&folder, "bad.json", bad)
    ));
}

/// Attests a document with an installed cosign and a key, without a log.
fn attest(program: &Path, home: &Path, kind: &str, predicate: &Path, image: &str) {
    let run = |args: &[&str]| {
        let output = Command::new(program)
            .args(args)
            .env_clear()
            .env("HOME", home)
            .env("COSIGN_PASSWORD", "")
            .current_dir(home)
            .output()
            .expect("cosign starts");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {text}");
    };
    let without_log: &[&str] = if program.ends_with("cosign3") {
        run(&["signing-config", "create", "--out", "no-services.json"]);
        &["--signing-config", "no-services.json"]
    } else {
        &["--tlog-upload=false"]
    };
    let predicate = predicate.to_str().expect("the path is UTF-8");
    let args = [
        "attest",
        "-y",
        "--key",
        "theirs.key",
        "--type",
        kind,
        "--predicate",
        predicate,
    ];
    run(&[&args[..], without_log, &[image]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn attestations_by_both_cosigns_are_accepted() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let sbom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []});
    let vex = json!({"@context": "https://openvex.dev/ns/v0.2.0", "statements": []});
    for name in ["cosign2", "cosign3"] {
        let Some(program) = judge(name) else {
            continue;
        };
        let bench = Bench::new(&registry.host(), &format!("lab/{name}")).await;
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let pair = KeyPair::generate(&Password::new(String::new())).expect("a pair can be made");
        let (_, public) = pair
            .write(&home.path().join("theirs"))
            .expect("it can be written");
        let key = read_public_key(&public).expect("it is a key");
        for (kind, uri, document) in [
            ("cyclonedx", "https://cyclonedx.org/bom", &sbom),
            ("openvex", "https://openvex.dev/ns", &vex),
        ] {
            let path = write(&home, "document.json", document.to_string());
            attest(&program, home.path(), kind, &path, &bench.name());
            let found = bench.verify(std::slice::from_ref(&key)).await;
            let mut all = found.attestations.iter();
            let one = all.find(|one| one.predicate_type.as_deref() == Some(uri));
            let one = one.unwrap_or_else(|| panic!("{name} {kind}: {found:#?}"));
            assert!(one.valid && !found.signed, "{name} {kind}: {found:#?}");
            let text = one.predicate.as_deref().expect("it is valid");
            let signed: Value = serde_json::from_str(text).expect("it is JSON");
            assert_eq!(&signed, document, "{name} {kind}");
            let stranger = KeyPair::generate(&Password::new(String::new())).expect("a pair");
            let found = bench.verify(&[stranger.key().public_key().clone()]).await;
            assert!(
                found.attestations.iter().all(|one| !one.valid),
                "{found:#?}"
            );
        }
    }
}
