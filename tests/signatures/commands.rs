//! `sign`, `attest` and `key` on the command line: platforms, passwords, certificates, refusals.
//!
//! What is written into a registry is looked at in the modules beside.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::demo::registry::{Registry, RegistryOptions};
use countersign::model::oci::media_type;
use countersign::signing::{Password, read_private_key};
use serde_json::{Value, json};

use super::bench::Bench;
use crate::cli::valid;
use crate::promotion::{Scene, scene};
use crate::support::judges::judge;
use crate::support::program::{Output, Sandbox};

const CANARY: &str = "canary-of-a-password";

/// Runs the program with text on standard input.
fn with_input(sandbox: &Sandbox, arguments: &[&str], input: &str) -> Output {
    let program = crate::support::program::binary();
    sandbox.run_other(program, arguments, input.as_bytes())
}

#[test]
fn a_password_comes_from_a_descriptor_and_goes_nowhere() {
    let sandbox = Sandbox::new();
    let generate = ["key", "generate", "--prefix", "own", "--password-fd", "0"];
    let made = with_input(&sandbox, &generate, &format!("{CANARY}\n"));
    assert_eq!(made.code, 0, "{made:?}");
    let private = sandbox.work().join("own.key");
    let opened = read_private_key(&private, &Password::new(CANARY.to_owned()));
    let opened = opened.expect("one line break at the end is not part of it");
    fs::remove_file(sandbox.work().join("own.pub")).expect("the public half is there");
    let show = ["key", "show", "--key", "own.key", "--format", "json"];
    let with =
        |more: &[&str], input: &str| with_input(&sandbox, &[&show[..], more].concat(), input);
    let shown = with(&["--password-fd", "0"], CANARY);
    assert_eq!(shown.code, 0, "{shown:?}");
    let fingerprint = opened.public_key().fingerprint().to_string();
    assert_eq!(shown.json()["fingerprint"], fingerprint);
    let wrong = with(&["--password-fd", "0"], "another");
    assert_eq!(wrong.code, 3, "{wrong:?}");
    let none = with(&["--password-fd", "97"], "");
    assert_eq!(none.code, 3, "{none:?}");
    assert!(none.stderr.contains("file descriptor 97"), "{none:?}");
    let argument = with(&["--password", CANARY], "");
    assert_eq!(argument.code, 2, "there is no such option: {argument:?}");
    for output in [&made, &shown, &wrong] {
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(!said.contains(CANARY), "{said}");
    }
    for entry in fs::read_dir(sandbox.work()).expect("a folder") {
        let text = fs::read(entry.expect("an entry").path()).expect("a file");
        let found = text.windows(CANARY.len()).any(|it| it == CANARY.as_bytes());
        assert!(!found, "no file holds the password");
    }
}

/// An index of two images in a registry, and a sandbox with a key.
fn index() -> (tokio::runtime::Runtime, Registry, Bench, String, Sandbox) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let (registry, bench, name) = runtime.block_on(async {
        let registry = Registry::start(RegistryOptions::default()).await;
        let registry = registry.expect("a port is free");
        let bench = Bench::new(&registry.host(), "lab/index").await;
        let other = bench.push_image("other").await;
        let mut entries = vec![json!(bench.image.descriptor()), json!(other.descriptor())];
        for (entry, architecture) in entries.iter_mut().zip(["amd64", "arm64"]) {
            entry["platform"] = json!({"architecture": architecture, "os": "linux"});
        }
        let document = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX,
            "manifests": entries});
        let index = bench.put_manifest(&document, Some("multi")).await;
        let name = format!("{}@{}", bench.repository, index.digest);
        (registry, bench, name)
    });
    let mut sandbox = Sandbox::new();
    sandbox.set("COSIGN_PASSWORD", "");
    sandbox.set("COUNTERSIGN_KEY", "cosign.key");
    assert_eq!(sandbox.run(["key", "generate"]).code, 0);
    (runtime, registry, bench, name, sandbox)
}

#[test]
fn the_manifests_of_an_index_are_signed_on_request() {
    let (_runtime, _registry, bench, index, sandbox) = index();
    let child = bench.name();
    let verify = |image: &str| {
        let answer = sandbox.run(["verify", image, "--key", "cosign.pub"]);
        answer.code
    };
    let alone = sandbox.run(["sign", &index, "--format", "json"]);
    assert_eq!(alone.code, 0, "{alone:?}");
    assert_eq!(valid(&alone)["manifests"], json!([]));
    assert_eq!((verify(&index), verify(&child)), (0, 1));
    let all = sandbox.run(["sign", &index, "--recursive", "--format", "json"]);
    assert_eq!(all.code, 0, "{all:?}");
    let document = valid(&all);
    assert_eq!(document["bundle"]["fate"], "existed");
    assert_eq!(document["manifests"].as_array().map(Vec::len), Some(2));
    assert_eq!((verify(&index), verify(&child)), (0, 0));
    for name in ["cosign2", "cosign3"] {
        let Some(cosign) = judge(name) else { continue };
        let own = ["verify", "--insecure-ignore-tlog=true", "--key"];
        for image in [&index, &child] {
            let arguments = [&own[..], &["cosign.pub", image]].concat();
            let answer = sandbox.run_other(&cosign, arguments, b"");
            assert_eq!(answer.code, 0, "{name} {image}: {answer:?}");
        }
    }
}

#[test]
fn a_tag_is_asked_once_and_what_it_named_then_is_signed() {
    let (runtime, registry, bench, index, sandbox) = index();
    let tagged = format!("{}:multi", bench.repository);
    let asked_by_tag = || {
        let asked = registry.requests();
        let by_tag = |one: &&countersign::demo::registry::LoggedRequest| {
            one.path.ends_with("/manifests/multi")
        };
        asked.iter().filter(by_tag).count()
    };
    registry.clear_requests();
    let signed = sandbox.run(["sign", &tagged, "--format", "json"]);
    assert_eq!(signed.code, 0, "{signed:?}");
    let (_, digest) = index.rsplit_once('@').expect("a digest");
    assert_eq!(valid(&signed)["digest"], digest);
    // Between that one answer and the last write the tag may name whatever it likes.
    assert_eq!(asked_by_tag(), 1, "{:?}", registry.requests());
    registry.clear_requests();
    let attest = ["attest", &tagged, "--type", "https://example.org/says/v1"];
    fs::write(sandbox.work().join("says.json"), "{}").expect("the folder is ours");
    let attested = sandbox.run([&attest[..], &["--predicate", "says.json"]].concat());
    assert_eq!(attested.code, 0, "{attested:?}");
    assert_eq!(asked_by_tag(), 1, "{:?}", registry.requests());

    // The tag moves: what it names now is not signed, what was shown is.
    let other = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": []});
    runtime.block_on(bench.put_manifest(&other, Some("multi")));
    let verify = |image: &str| sandbox.run(["verify", image, "--key", "cosign.pub"]).code;
    assert_eq!((verify(&index), verify(&tagged)), (0, 1));
}

#[test]
fn claims_are_signed_and_one_layout_can_be_chosen() {
    let (_runtime, _registry, _bench, index, sandbox) = index();
    let sign = [
        "sign",
        &index,
        "-a",
        "verdict=approve",
        "--layout",
        "legacy",
    ];
    let signed = sandbox.run([&sign[..], &["--format", "json"]].concat());
    assert_eq!(signed.code, 0, "{signed:?}");
    assert_eq!(valid(&signed)["bundle"], Value::Null);
    if let Some(cosign) = judge("cosign2") {
        let own = [
            "verify",
            "--insecure-ignore-tlog=true",
            "--key",
            "cosign.pub",
        ];
        for (claim, code) in [("verdict=approve", 0), ("verdict=reject", 1)] {
            let arguments = [&own[..], &["-a", claim, &index]].concat();
            let answer = sandbox.run_other(&cosign, arguments, b"");
            assert_eq!(answer.code.min(1), code, "{claim}: {answer:?}");
        }
    }
    let wrong = sandbox.run(["sign", &index, "-a", "no-value"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
}

/// Puts a program called cosign on the PATH that writes down how it was called.
fn with_cosign(scene: &mut Scene) -> std::path::PathBuf {
    let folder = scene.sandbox.work().join("bin");
    fs::create_dir(&folder).expect("a folder can be made");
    let called = folder.join("called");
    let script = format!(
        "#!/bin/sh\necho \"$@\" > {0}\nenv >> {0}\n",
        called.display()
    );
    let program = folder.join("cosign");
    fs::write(&program, script).expect("the program can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = format!("{}:/usr/bin:/bin", folder.display());
    scene.sandbox.set("PATH", path);
    called
}

#[test]
fn nothing_becomes_public_without_consent() {
    let (_registry, mut scene) = scene();
    let source = scene.stage.approved.reference.clone();
    scene.sandbox.set("PATH", "/nowhere");
    let missing = scene.run(&["sign", &source, "--keyless", "--publish-identity"]);
    assert_eq!(missing.code, 2, "{missing:?}");
    assert!(missing.stderr.contains("installed cosign"), "{missing:?}");

    let called = with_cosign(&mut scene);
    let unasked = scene.run(&["sign", &source, "--keyless"]);
    assert_eq!(unasked.code, 2, "{unasked:?}");
    for word in ["identity", "digest", "time", "for ever"] {
        assert!(unasked.stderr.contains(word), "{unasked:?}");
    }
    assert!(!called.exists(), "nothing was started");

    // It says that it signed, and did not.
    let output = scene.run(&["sign", &source, "--keyless", "--publish-identity"]);
    assert_eq!(output.code, 4, "{output:?}");
    let call = fs::read_to_string(&called).expect("it was called");
    let digest = scene.digest().to_string();
    let first = call.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("sign --yes ") && first.ends_with(&digest),
        "{first}"
    );
    assert!(!first.contains(":v2"), "by digest, never by tag: {first}");
    assert!(!call.contains("COSIGN_PASSWORD"), "{call}");

    // A rejected image is not signed this way either.
    fs::remove_file(&called).expect("it is there");
    let rejected = scene.stage.rejected.reference.clone();
    let old = scene.reports("caddy-2.7.6");
    let decision = ["--whole-image", "--decision", "reject", "--reason", "old"];
    scene.document(&[&["decide", &old][..], &decision].concat());
    let refused = scene.run(&["sign", &rejected, "--keyless", "--publish-identity"]);
    assert_eq!(refused.code, 5, "{refused:?}");
    assert!(!called.exists(), "nothing was started");
}

#[test]
fn a_signature_with_a_certificate_is_found_afterwards() {
    let (_registry, mut scene) = scene();
    with_cosign(&mut scene);
    let source = scene.stage.approved.reference.clone();
    let reference: countersign::model::ImageReference = source.parse().expect("a reference");
    scene.runtime.block_on(async {
        let repository = &reference.repository;
        let bench = Bench::new(&repository.registry, &repository.path).await;
        let digest = scene.digest().to_string();
        let image = bench.client.manifest(repository, &digest).await;
        let bundle = json!({
            "mediaType": media_type::BUNDLE,
            "verificationMaterial": {"certificate": {"rawBytes": "AAAA"}},
            "dsseEnvelope": {"payload": STANDARD.encode("{}"), "payloadType": "t",
                "signatures": [{"sig": "AAAA"}]},
        });
        let image = image.expect("the image is there");
        super::attach_bundle(&bench, &image, bundle.to_string().into_bytes(), "t").await;
    });
    let output = scene.run(&[
        "sign",
        &source,
        "--keyless",
        "--publish-identity",
        "--format",
        "json",
    ]);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(valid(&output)["certificates"], 1);
}

#[test]
fn attesting_asks_the_ledger_and_refuses_rejections() {
    let (_registry, scene) = scene();
    let rejected = scene.stage.rejected.reference.clone();
    let old = scene.reports("caddy-2.7.6");
    let decision = ["--whole-image", "--decision", "reject", "--reason", "old"];
    scene.document(&[&["decide", &old][..], &decision].concat());
    let file = |name: &str, text: &str| {
        let path = scene.sandbox.work().join(name);
        fs::write(&path, text).expect("the document can be written");
        path.display().to_string()
    };
    let sbom = file(
        "bom.json",
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.6"}"#,
    );
    let attest = |image: &str, kind: &str, path: &str, more: &[&str]| {
        let own = ["attest", image, "--type", kind, "--predicate", path];
        scene.run(&[&own[..], more].concat())
    };
    let refused = attest(&rejected, "cyclonedx", &sbom, &[]);
    assert_eq!(refused.code, 5, "{refused:?}");
    let approved = scene.stage.approved.reference.clone();
    let json = ["--format", "json"];
    let done = attest(&approved, "cyclonedx", &sbom, &json);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stderr.contains("no approval"), "{done:?}");
    let document = valid(&done);
    assert_eq!(document["bundle"], Value::Null, "the key has not signed it");

    let no = file("reject.json", r#"{"decision": "reject"}"#);
    let said = attest(&approved, "approval", &no, &[]);
    assert_eq!(said.code, 5, "{said:?}");
    let kind = attest(&approved, "nonsense", &sbom, &[]);
    assert_eq!(kind.code, 2, "{kind:?}");
    let other = attest(&approved, "openvex", &sbom, &[]);
    assert_eq!(other.code, 3, "{other:?}");
    let more = [
        "--by-reference",
        "s3://evidence/bom.json",
        "--format",
        "json",
    ];
    let by = attest(&approved, "cyclonedx", &sbom, &more);
    assert_eq!(by.code, 0, "{by:?}");
    let kind = "https://in-toto.io/attestation/reference/v0.1";
    assert_eq!(valid(&by)["predicate_type"], kind);
}
