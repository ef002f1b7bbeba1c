//! `countersign verify` with certificates, trust files and attestations, as a person runs it.
//!
//! Which signatures hold is tested in the parent.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::demo::registry::RegistryOptions;
use countersign::signing::{KeyPair, Password, SIGN_PREDICATE, Signer, bundle_of};
use serde_json::json;

use super::{ISSUER, WORKFLOW, signature_of};
use crate::signatures::{Bench, attach_bundle, bench_with, statement};
use crate::support::authority::{Authority, Who};
use crate::support::program::{Output, Sandbox};

/// Counts the connections to a port that should see none.
fn watched() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let port = listener.local_addr().expect("it has an address").port();
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            drop(connection);
        }
    });
    (format!("http://127.0.0.1:{port}"), seen)
}

/// A sandbox with the authority's root, and a keyless signature on the image.
async fn scene(bench: &Bench) -> (Sandbox, PathBuf) {
    let authority = Authority::new();
    let bundle = authority.bundle(
        &signature_of(&bench.image.digest),
        &Who::new(WORKFLOW, ISSUER),
    );
    let bundle = bundle.to_string().into_bytes();
    attach_bundle(bench, &bench.image, bundle, SIGN_PREDICATE).await;
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("root.json");
    std::fs::write(&root, authority.trusted_root().to_string()).expect("it can be written");
    (sandbox, root)
}

fn is(output: &Output, code: i32, text: &str) {
    let all = [output.stdout.as_str(), &output.stderr].concat();
    assert!(
        output.code == code && all.contains(text),
        "{text}: {output:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_and_issuer_belong_together_and_nothing_else_is_asked() {
    let (_registry, bench) = bench_with("lab/command", RegistryOptions::default()).await;
    let (mut sandbox, _) = scene(&bench).await;
    let (proxy, seen) = watched();
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
    ] {
        sandbox.set(name, &proxy);
    }
    sandbox.set("NO_PROXY", "127.0.0.1");
    let image = bench.name();
    let verify = |args: &[&str]| sandbox.run([&["verify", &image][..], args].concat());
    let identity = ["--certificate-identity", WORKFLOW];
    let issuer = ["--certificate-oidc-issuer", ISSUER];
    let root = ["--trusted-root", "root.json"];
    let good = verify(&[&identity[..], &issuer, &root].concat());
    is(&good, 0, "proven for 2025-03-01T12:01:00Z");
    let by_pattern = [
        "--certificate-identity-regexp",
        "^https://github[.]com/example/.*$",
        "--certificate-oidc-issuer-regexp",
        "^https://token[.]actions[.]githubusercontent[.]com$",
    ];
    let closed = verify(&[&by_pattern[..], &root].concat());
    is(&closed, 0, "signed: ");
    assert!(!closed.stderr.contains("longer identities"), "{closed:?}");
    let open = verify(
        &[
            &["--certificate-identity-regexp", "example"],
            &issuer[..],
            &root,
        ]
        .concat(),
    );
    is(&open, 0, "also matches longer identities");
    let other = ["--certificate-identity", "https://github.com/example/app"];
    is(
        &verify(&[&other[..], &issuer, &root].concat()),
        1,
        "who is not trusted",
    );
    is(
        &verify(&[&identity[..], &issuer].concat()),
        1,
        "built in, of ",
    );
    for usage in [
        &identity[..],
        &issuer,
        &root,
        &[],
        &["--certificate-identity-regexp", "(", issuer[0], issuer[1]],
        &[
            identity[0],
            identity[1],
            "--certificate-identity-regexp",
            "x",
            issuer[0],
            issuer[1],
        ],
        &["--predicate-output", "x", "--key", "x.pub"],
        &["--type", "sbom", "--key", "x.pub"],
    ] {
        let output = verify(usage);
        assert_eq!(output.code, 2, "{usage:?}: {output:?}");
    }
    let missing = ["--trusted-root", "missing.json"];
    is(
        &verify(&[&identity[..], &issuer, &missing].concat()),
        3,
        "missing.json",
    );
    assert_eq!(seen.load(Ordering::SeqCst), 0, "something else was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_file_names_who_signed() {
    let (_registry, bench) = bench_with("lab/named", RegistryOptions::default()).await;
    let (sandbox, _) = scene(&bench).await;
    let pair = KeyPair::generate(&Password::new(String::new())).expect("a pair can be made");
    pair.write(&sandbox.work().join("ours"))
        .expect("it can be written");
    bench.sign(&Signer::Key(pair.key().clone())).await;
    let trust = format!(
        "[[key]]\nname = \"the release key\"\nfile = \"ours.pub\"\n\n[[identity]]\nname = \"the pipeline\"\nidentity = \"{WORKFLOW}\"\nissuer = \"{ISSUER}\"\n"
    );
    std::fs::write(sandbox.work().join("trust.toml"), trust).expect("it can be written");
    let image = bench.name();
    let args = [
        "verify",
        &image,
        "--trust",
        "trust.toml",
        "--trusted-root",
        "root.json",
    ];
    let shown = sandbox.run(args);
    is(&shown, 0, "key `the release key` sha256:");
    is(&shown, 0, "`the pipeline` https://github.com/");
    let document = sandbox
        .run([&args[..], &["--format", "json"]].concat())
        .json();
    let names: Vec<_> = document["signatures"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["name"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| **name == "the release key")
            .count(),
        2
    );
    assert_eq!(
        names.iter().filter(|name| **name == "the pipeline").count(),
        1
    );
    assert_eq!(document["trusted_root"]["name"], "root.json");
    let damaged = sandbox.run(["verify", &image, "--trust", "root.json"]);
    is(&damaged, 3, "trust file");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_predicate_of_an_attestation_is_written_as_it_was_signed() {
    let (_registry, bench) = bench_with("lab/predicate", RegistryOptions::default()).await;
    let sandbox = Sandbox::new();
    let pair = KeyPair::generate(&Password::new(String::new())).expect("a pair can be made");
    pair.write(&sandbox.work().join("ours"))
        .expect("it can be written");
    let signer = Signer::Key(pair.key().clone());
    let sbom = "{ \"bomFormat\": \"CycloneDX\",\n  \"components\": [], \"version\": 1.0 }";
    let text = statement(
        &bench.image.digest,
        "https://cyclonedx.org/bom",
        &json!("SBOM"),
    );
    let text = String::from_utf8(text)
        .expect("it is text")
        .replace("\"SBOM\"", sbom);
    let bundle = bundle_of(&signer, text.as_bytes()).await.expect("it signs");
    attach_bundle(&bench, &bench.image, bundle, "https://cyclonedx.org/bom").await;
    let spdx = "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n";
    let text = statement(
        &bench.image.digest,
        "https://spdx.dev/Document",
        &json!(spdx),
    );
    let bundle = bundle_of(&signer, &text).await.expect("it signs");
    attach_bundle(&bench, &bench.image, bundle, "https://spdx.dev/Document").await;

    let image = bench.name();
    let verify =
        |args: &[&str]| sandbox.run([&["verify", &image, "--key", "ours.pub"][..], args].concat());
    is(
        &verify(&["--type", "cyclonedx", "--predicate-output", "sbom.json"]),
        0,
        "attested as",
    );
    let written = std::fs::read_to_string(sandbox.work().join("sbom.json"));
    assert_eq!(written.expect("it was written"), sbom);
    is(
        &verify(&["--type", "spdx", "--predicate-output", "sbom.spdx"]),
        0,
        "attested as",
    );
    let written = std::fs::read_to_string(sandbox.work().join("sbom.spdx"));
    assert_eq!(written.expect("it was written"), spdx);
    let again = verify(&["--type", "cyclonedx", "--predicate-output", "sbom.json"]);
    assert!(
        again.code != 0 && again.stderr.contains("sbom.json"),
        "{again:?}"
    );
    is(
        &verify(&["--type", "openvex", "--predicate-output", "none.json"]),
        1,
        "NOT attested as",
    );
    assert!(!sandbox.work().join("none.json").exists());
    is(&verify(&[]), 1, "attested but NOT signed");
}
