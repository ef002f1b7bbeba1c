//! Attestations as other programs read them: both versions of cosign, and securesystemslib.
//!
//! That ours are found again by us is in `signatures::attest`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::demo::registry::RegistryOptions;
use countersign::signatures::Layout;
use serde_json::{Value, json};

use super::{Cosign, our_pair};
use crate::signatures::attest::{predicate, state};
use crate::signatures::{Bench, bench_with, places};
use crate::support::judges::judge;
use crate::support::program::Sandbox;
use crate::support::server::DockerRegistry;

/// cosign's types with documents of them.
fn documents() -> Vec<(&'static str, String)> {
    let fixture = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(name);
        std::fs::read_to_string(path).expect("the fixture is there")
    };
    let approval = json!({"decision": "approve", "time": "2026-02-28T10:00:00Z", "number": 1.50});
    vec![
        ("cyclonedx", fixture("cyclonedx/image.json")),
        ("spdxjson", fixture("spdx/image.spdx.json")),
        ("vuln", fixture("trivy/image.json")),
        ("openvex", fixture("vex/openvex-0.2.json")),
        ("urn:countersign:review-approval:v1", approval.to_string()),
        (
            "https://example.test/checked/v1",
            "{\"a\": [1, 2.50]}".to_owned(),
        ),
    ]
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// Returns the predicates that a cosign accepts by a type.
fn accepted(cosign: &Cosign, kind: &str, key: &Path, image: &str) -> Option<Vec<Value>> {
    let key = key.to_str().expect("the path is UTF-8");
    let own = ["verify-attestation", "--insecure-ignore-tlog=true", "--key"];
    let answer = cosign.run(&[&own[..], &[key, "--type", kind, image]].concat());
    let payload = |line: &str| {
        let envelope: Value = serde_json::from_str(line).ok()?;
        let payload = STANDARD.decode(envelope["payload"].as_str()?).ok()?;
        let statement: Value = serde_json::from_slice(&payload).ok()?;
        Some(statement["predicate"].clone())
    };
    answer
        .yes
        .then(|| answer.text.lines().filter_map(payload).collect())
}

async fn are_accepted(bench: &Bench, layouts: &[(Layout, &str)]) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (_, public, signer) = our_pair(folder.path(), "ours");
    let (_, stranger, _) = our_pair(folder.path(), "stranger");
    bench.sign(&signer).await;
    for (kind, text) in documents() {
        for (layout, _) in layouts {
            state(bench, &signer, &predicate(kind, &text), Some(*layout)).await;
        }
    }
    for (_, name) in layouts {
        let Some(cosign) = Cosign::find(name) else {
            continue;
        };
        for (kind, text) in documents() {
            let found = accepted(&cosign, kind, &public, &bench.name());
            let found = found.unwrap_or_else(|| panic!("{name} refuses {kind}"));
            let given = parsed(&text);
            let is_it = |predicate: &Value| match kind {
                "vuln" => predicate["scanner"]["result"] == given,
                _ => *predicate == given,
            };
            assert!(found.iter().any(is_it), "{name} {kind}: {found:?}");
            assert_eq!(accepted(&cosign, kind, &stranger, &bench.name()), None);
        }
        // The image's own signature is still one.
        assert!(cosign.verify(&public, &bench.name(), &[]).yes, "{name}");
        let other = accepted(&cosign, "slsaprovenance", &public, &bench.name());
        assert_eq!(other.unwrap_or_default(), Vec::<Value>::new(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_cosign_read_every_type() {
    let both = [(Layout::Both, "cosign2"), (Layout::Both, "cosign3")];
    let with_api = RegistryOptions {
        referrers: true,
        ..RegistryOptions::default()
    };
    let (_registry, bench) = bench_with("lab/attested", with_api).await;
    are_accepted(&bench, &both).await;
    if let Some(registry) = DockerRegistry::start() {
        let bench = Bench::new(&registry.host(), "lab/attested").await;
        are_accepted(&bench, &both).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_alone_is_no_signature_for_any_cosign() {
    let (_registry, bench) = bench_with("lab/alone", RegistryOptions::default()).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (_, public, signer) = our_pair(folder.path(), "ours");
    let kind = "https://example.test/verdict/v1";
    let rejection = predicate(kind, "{\"verdict\": \"reject\"}");
    state(&bench, &signer, &rejection, None).await;
    for cosign in Cosign::both() {
        let found = accepted(&cosign, kind, &public, &bench.name());
        assert_eq!(found.map(|it| it.len()), Some(1), "{:?}", cosign.program);
        let verified = cosign.verify(&public, &bench.name(), &[]);
        assert!(!verified.yes, "{:?}: {}", cosign.program, verified.text);
    }
    let found = bench.verify(&[signer.public_key().clone()]).await;
    assert!(!found.signed, "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_reader_of_envelopes_agrees() {
    let Some(reader) = judge("dsse_reader") else {
        return;
    };
    let (_registry, bench) = bench_with("lab/envelope", RegistryOptions::default()).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (_, public, signer) = our_pair(folder.path(), "ours");
    let (_, stranger, _) = our_pair(folder.path(), "stranger");
    let (stored, _) = places(&bench.sign(&signer).await);
    let (_, bundle) = bench.only_blob(&stored).await;
    let envelope =
        parsed(std::str::from_utf8(&bundle).expect("it is text"))["dsseEnvelope"].clone();
    let ask = |key: &PathBuf, envelope: &Value| {
        let text = envelope.to_string();
        Sandbox::new().run_other(&reader, [key], text.as_bytes())
    };
    let answer = ask(&public, &envelope);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(
        answer.json()["predicateType"],
        "https://sigstore.dev/cosign/sign/v1"
    );
    assert_ne!(ask(&stranger, &envelope).code, 0);
    let mut changed = envelope.clone();
    changed["payloadType"] = json!("application/json");
    assert_ne!(ask(&public, &changed).code, 0);
}
