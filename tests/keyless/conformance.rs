//! Public cases: the bundles that the `sigstore-verify` crate carries in its sources, real signatures of the public
//! services and damaged ones among them.
//!
//! Only what an image's referrer could be is accepted here: statements in bundles of version 0.3.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::model::Digest;
use countersign::signatures::{Certified, Keyless, Pattern, Roots, TrustedIdentity};
use serde_json::Value;

/// Returns the folder of cases in the sources of the crate, which were unpacked to build it.
fn cases() -> PathBuf {
    // Of this platform only: the sources for others were never fetched.
    let platform = match std::env::consts::OS {
        "macos" => format!("{}-apple-darwin", std::env::consts::ARCH),
        _ => format!("{}-unknown-linux-gnu", std::env::consts::ARCH),
    };
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--format-version", "1"])
        .args(["--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    let package = packages.iter().find(|it| it["name"] == "sigstore-verify");
    let manifest = package.expect("it is a dependency")["manifest_path"].as_str();
    let folder = PathBuf::from(manifest.expect("it is text"));
    folder.with_file_name("test_data")
}

fn read(folder: &std::path::Path, name: &str) -> Vec<u8> {
    let path = folder.join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the image that a bundle's statement is about.
fn subject(bundle: &[u8]) -> Digest {
    let bundle: Value = serde_json::from_slice(bundle).expect("it is JSON");
    let payload = bundle["dsseEnvelope"]["payload"]
        .as_str()
        .expect("a statement");
    let statement = STANDARD.decode(payload).expect("it is base64");
    let statement: Value = serde_json::from_slice(&statement).expect("it is JSON");
    match statement["subject"][0]["digest"]["sha256"].as_str() {
        Some(hex) => format!("sha256:{hex}").parse().expect("a digest"),
        None => Digest::of(b"an image"),
    }
}

fn anyone(roots: Roots) -> Keyless {
    let anything = || Pattern::expression("").expect("it is an expression");
    let anyone = TrustedIdentity {
        name: None,
        identity: anything(),
        issuer: anything(),
    };
    Keyless::new(roots, vec![anyone])
}

fn check(keyless: &Keyless, image: &Digest, bundle: &[u8]) -> Result<Certified, String> {
    keyless.check_bundle(image, bundle).map(|(who, _)| who)
}

#[test]
fn real_signatures_of_the_public_services_are_accepted_offline() {
    let cases = cases();
    let public = anyone(Roots::built_in().expect("it is a root"));
    let (name, identity) = (
        "bundles/conda-attestation.sigstore.json",
        "https://github.com/",
    );
    {
        let bundle = read(&cases, name);
        let image = subject(&bundle);
        let who =
            check(&public, &image, &bundle).unwrap_or_else(|reason| panic!("{name}: {reason}"));
        assert!(who.identity.starts_with(identity), "{name}: {who:?}");
        assert!(who.proven_time.is_some(), "{name}");
        let reason = check(&public, &Digest::of(b"another"), &bundle).unwrap_err();
        assert!(reason.contains("another image"), "{name}: {reason}");
        let stranger = TrustedIdentity {
            name: None,
            identity: Pattern::Exact(who.identity.clone()),
            issuer: Pattern::Exact("https://issuer.test".to_owned()),
        };
        let stranger = Keyless::new(Roots::built_in().expect("it is a root"), vec![stranger]);
        let reason = check(&stranger, &image, &bundle).unwrap_err();
        assert!(reason.contains("who is not trusted"), "{name}: {reason}");
    }
}

#[test]
fn the_staging_services_have_a_root_of_their_own() {
    let cases = cases();
    let root = String::from_utf8(read(
        &cases,
        "sct-multi-intermediate/staging_trusted_root.json",
    ));
    let staging = Roots::from_json("staging", &root.expect("it is text")).expect("it is a root");
    let staging = anyone(staging);
    let public = anyone(Roots::built_in().expect("it is a root"));
    for name in [
        "upstream/sigstore-python/a.dsse.staging-rekor-v2.txt.sigstore.json",
        "bundles/conda-attestation-rekor2.sigstore.json",
    ] {
        let bundle = read(&cases, name);
        let image = subject(&bundle);
        check(&public, &image, &bundle).unwrap_err();
        check(&staging, &image, &bundle).unwrap_or_else(|reason| panic!("{name}: {reason}"));
    }
}

#[test]
fn damaged_and_foreign_bundles_are_refused() {
    let cases = cases();
    let public = anyone(Roots::built_in().expect("it is a root"));
    let mut refused = 0;
    for name in [
        "bundles/bundle_cve_2022_36056.txt.sigstore",
        "bundles/bundle_invalid_version.txt.sigstore",
        "bundles/bundle_no_cert_v1.txt.sigstore",
        "bundles/bundle_no_checkpoint.txt.sigstore",
        "bundles/bundle_no_log_entry.txt.sigstore",
        "bundles/bundle_v3_no_signed_time.txt.sigstore.json",
        "bundles/dsse-2sigs.sigstore.json",
        "bundles/dsse.sigstore.json",
        "bundles/bundle_v3_github.whl.sigstore",
        "bundles/othername.sigstore.json",
        "bundles/github-private-attestation.sigstore.json",
        "bundles/cosign-v3-blob.sigstore.json",
        "managed-key/bundle.sigstore.json",
        "timestamps/github_sha384_bundle.json",
    ] {
        let bundle = read(&cases, name);
        let value: Value = serde_json::from_slice(&bundle).expect("it is JSON");
        let image = if value["dsseEnvelope"].is_object() {
            subject(&bundle)
        } else {
            Digest::of(b"an image")
        };
        let reason = check(&public, &image, &bundle).unwrap_err();
        assert!(!reason.is_empty(), "{name}");
        refused += 1;
    }
    assert_eq!(refused, 14);
    let root = String::from_utf8(read(&cases, "invalid-ct-key_fail/trusted_root.json"));
    if let Ok(roots) = Roots::from_json("of another key", &root.expect("it is text")) {
        let bundle = read(&cases, "invalid-ct-key_fail/bundle.sigstore.json");
        let value: Value = serde_json::from_slice(&bundle).expect("it is JSON");
        assert!(value.is_object());
        check(&anyone(roots), &Digest::of(b"an image"), &bundle).unwrap_err();
    }
}
