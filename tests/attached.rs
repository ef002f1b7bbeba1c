//! The SBOM attached to an image, shown as the components of a file are: attestations that cosign 2 and 3 write, an
//! unsigned referrer, and a builder's statement in an index.
//!
//! The tree itself is tested in `signatures`.

use std::path::Path;

use countersign::demo::registry::RegistryOptions;
use countersign::model::oci::{RawManifest, media_type};
use countersign::signing::{KeyPair, Password};
use serde_json::{Value, json};

use crate::signatures::{Bench, bench_with};
use crate::support::judges::judge;
use crate::support::program::Sandbox;
use crate::support::schema::valid;

const CYCLONEDX: &str = "application/vnd.cyclonedx+json";

/// A sandbox with a pair of keys and an SBOM of three components in its working folder.
fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("COSIGN_PASSWORD", "");
    let pair = KeyPair::generate(&Password::new(String::new())).expect("a pair can be made");
    pair.write(&sandbox.work().join("key"))
        .expect("the pair can be written");
    write(&sandbox.work().join("sbom.json"), &sbom("1.0"));
    sandbox
}

fn sbom(version: &str) -> Value {
    let component = |name: &str| {
        json!({"type": "library", "bom-ref": name, "name": name, "version": version,
            "purl": format!("pkg:npm/{name}@{version}")})
    };
    json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "components": [component("outer"), component("inner"), component("alone")],
        "dependencies": [{"ref": "outer", "dependsOn": ["inner"]}]})
}

fn write(path: &Path, document: &Value) {
    std::fs::write(path, document.to_string()).expect("the working folder is ours");
}

/// Attaches with cosign, without a log; returns whether there is such a cosign.
fn attest(sandbox: &Sandbox, name: &str, image: &str) -> bool {
    let Some(cosign) = judge(name) else {
        return false;
    };
    let mut arguments = vec!["attest", "-y", "--key", "key.key", "--type", "cyclonedx"];
    arguments.extend(["--predicate", "sbom.json"]);
    if name == "cosign3" {
        let config = ["signing-config", "create", "--out", "none.json"];
        assert_eq!(sandbox.run_other(&cosign, config, b"").code, 0);
        arguments.extend(["--signing-config", "none.json"]);
    } else {
        arguments.push("--tlog-upload=false");
    }
    arguments.push(image);
    let attested = sandbox.run_other(&cosign, arguments, b"");
    assert_eq!(attested.code, 0, "{attested:?}");
    true
}

/// What comes after the line that names the document.
fn body(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, rest)| rest)
}

async fn bench(path: &str) -> (countersign::demo::registry::Registry, Bench) {
    let with_api = RegistryOptions {
        referrers: true,
        ..RegistryOptions::default()
    };
    bench_with(path, with_api).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attested_sbom_is_shown_as_its_file_is() {
    for writer in ["cosign2", "cosign3"] {
        let (_registry, bench) = bench(&format!("lab/{writer}")).await;
        let sandbox = sandbox();
        let image = bench.name();
        let none = sandbox.run(["components", &image]);
        assert_eq!(none.code, 3, "{none:?}");
        if !attest(&sandbox, writer, &image) {
            return;
        }
        let file = sandbox.run(["components", "sbom.json", "--tree"]);
        let shown = sandbox.run(["components", &image, "--tree", "--key", "key.pub"]);
        assert_eq!(shown.code, 0, "{shown:?}");
        assert_eq!(body(&shown.stdout), body(&file.stdout), "{writer}");
        assert!(
            shown.stdout.contains("outer 1.0\n  inner 1.0\n"),
            "{shown:?}"
        );
        assert!(shown.stderr.contains("is verified"), "{shown:?}");

        // Without a key it is shown, and said not to be verified; with another key it is refused.
        let unasked = sandbox.run(["components", &image, "--format", "json"]);
        assert!(unasked.stderr.contains("not verified"), "{unasked:?}");
        let document = valid(&unasked);
        let digest = bench.image.digest.to_string();
        assert!(
            document["subjects"].to_string().contains(&digest),
            "{document}"
        );
        assert_eq!(document["components"].as_array().map(Vec::len), Some(3));
        let other = KeyPair::generate(&Password::new(String::new())).expect("a pair can be made");
        other
            .write(&sandbox.work().join("other"))
            .expect("it can be written");
        let refused = sandbox.run(["components", &image, "--key", "other.pub"]);
        assert_eq!(refused.code, 3, "{refused:?}");

        let tree = sandbox.run(["tree", &image, "--key", "key.pub", "--format", "json"]);
        let tree = valid(&tree).to_string();
        assert!(tree.contains("\"verified\":true"), "{tree}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_sbom_in_two_formats_is_one_and_another_has_to_be_chosen() {
    let (_registry, bench) = bench("lab/several").await;
    let sandbox = sandbox();
    let image = bench.name();
    let all = ["cosign2", "cosign3"].map(|name| attest(&sandbox, name, &image));
    if all != [true, true] {
        return;
    }
    assert_eq!(sandbox.run(["components", &image]).code, 0);
    let other = bench.attach(&sbom("2.0").to_string(), CYCLONEDX).await;
    let several = sandbox.run(["components", &image]);
    assert_eq!(several.code, 3, "{several:?}");
    let digest = other.digest.to_string();
    assert!(several.stderr.contains(&digest), "{several:?}");
    let chosen = sandbox.run(["components", &image, "--digest", &digest]);
    assert!(chosen.stdout.contains("2.0"), "{chosen:?}");
    assert!(chosen.stderr.contains("unsigned"), "{chosen:?}");
    // A key leaves what it signed.
    let signed = sandbox.run(["components", &image, "--key", "key.pub"]);
    assert!(!signed.stdout.contains("2.0"), "{signed:?}");
    for format in ["tree", "table"] {
        let drawn = sandbox.run(["tree", &image, "--key", "key.pub", "--format", format]);
        assert!(drawn.stdout.contains(&digest), "{drawn:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_builders_statement_belongs_to_the_platform_it_names() {
    let (_registry, bench) = bench("lab/builder").await;
    let sandbox = sandbox();
    let about = |digest: &str| {
        let hex = digest.trim_start_matches("sha256:").to_owned();
        json!({"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://cyclonedx.org/bom",
            "subject": [{"name": "_", "digest": {"sha256": hex}}], "predicate": sbom("3.0")})
    };
    let image = bench.image.digest.to_string();
    let index = bench.built(&about(&image), "linux/amd64").await;
    let name = format!("{}@{}", bench.repository, index.digest);
    let shown = sandbox.run(["components", &name, "--platform", "linux/amd64"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.stdout.contains("3.0"), "{shown:?}");
    let elsewhere = sandbox.run(["components", &name, "--platform", "linux/arm64"]);
    assert_eq!(elsewhere.code, 3, "{elsewhere:?}");

    // A statement about another image is refused, whatever it hangs on.
    let other = format!("sha256:{}", "5".repeat(64));
    let index = bench.built(&about(&other), "linux/amd64").await;
    let name = format!("{}@{}", bench.repository, index.digest);
    let moved = sandbox.run(["components", &name]);
    assert_eq!(moved.code, 3, "{moved:?}");
    assert!(moved.stderr.contains("says it is about"), "{moved:?}");
}

impl Bench {
    /// Attaches a document as it is, as ORAS does.
    async fn attach(&self, content: &str, kind: &str) -> RawManifest {
        let config = self.put("{}", media_type::EMPTY).await;
        let layer = self.put(content.to_owned(), kind).await;
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": kind,
            "config": config, "layers": [layer], "subject": self.image.descriptor()});
        let raw = RawManifest::new(
            manifest.to_string().into(),
            media_type::OCI_MANIFEST.to_owned(),
        );
        let put = self
            .client
            .put_referrer(&self.repository, &self.image.digest, &raw);
        put.await.expect("it can be attached");
        raw
    }

    /// Stores an index of the image with a statement beside it, as `BuildKit` does.
    async fn built(&self, statement: &Value, platform: &str) -> RawManifest {
        let config = self.put("{}", media_type::OCI_CONFIG).await;
        let mut layer = json!(
            self.put(statement.to_string(), "application/vnd.in-toto+json")
                .await
        );
        layer["annotations"] = json!({"in-toto.io/predicate-type": statement["predicateType"]});
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "config": config, "layers": [layer]});
        let attestation = self.put_manifest(&manifest, None).await;
        let (os, architecture) = platform.split_once('/').expect("a platform");
        let mut image = json!(self.image.descriptor());
        image["platform"] = json!({"os": os, "architecture": architecture});
        let mut beside = json!(attestation.descriptor());
        beside["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        beside["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": self.image.digest});
        let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [image, beside]});
        self.put_manifest(&index, None).await
    }
}
