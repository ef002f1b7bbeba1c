//! Signatures judged by the library of skopeo, podman and CRI-O, in both directions.
//!
//! A skopeo with Sigstore in it is asked: that of Debian 12 was built without.

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::demo::registry::RegistryOptions;
use countersign::signing::read_public_key;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{PASSWORD, our_pair};
use crate::signatures::{Bench, bench_with};
use crate::support::judges::judge;

/// A skopeo that asks for signatures, with the folder of its settings.
struct Skopeo {
    program: PathBuf,
    folder: TempDir,
}

impl Skopeo {
    fn find() -> Option<Self> {
        let program = judge("skopeo_sigstore")?;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let registries = folder.path().join("registries.d");
        std::fs::create_dir(&registries).expect("the folder is ours");
        let settings = "default-docker:\n  use-sigstore-attachments: true\n";
        std::fs::write(registries.join("default.yaml"), settings).expect("the folder is ours");
        Some(Self { program, folder })
    }

    /// Copies `from` to `to` where the policy, of which this is the requirement, lets it.
    fn copy(&self, requirement: &Value, from: &str, to: &str, more: &[&str]) -> Result<(), String> {
        let policy = self.folder.path().join("policy.json");
        let text = json!({"default": [requirement]}).to_string();
        std::fs::write(&policy, text).expect("the folder is ours");
        let output = Command::new(&self.program)
            .arg("--policy")
            .arg(&policy)
            .arg("--registries.d")
            .arg(self.folder.path().join("registries.d"))
            .args(["copy", "--src-tls-verify=false", "--dest-tls-verify=false"])
            .args(more)
            .args([from, to])
            .output()
            .expect("skopeo starts");
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Whether an image may be used that this key must have signed.
    fn admits(&self, image: &str, key: &Path, identity: &Value) -> Result<(), String> {
        let requirement = json!({
            "type": "sigstoreSigned",
            "keyPath": key,
            "signedIdentity": identity,
        });
        let place = tempfile::tempdir().expect("a temporary folder can be made");
        let to = format!("dir:{}", place.path().display());
        self.copy(&requirement, &format!("docker://{image}"), &to, &[])
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

async fn scene(path: &str) -> (countersign::demo::registry::Registry, Bench) {
    bench_with(path, RegistryOptions::default()).await
}

#[test]
fn a_policy_admits_what_we_sign_and_nothing_else() {
    let Some(skopeo) = Skopeo::find() else { return };
    // The registry lives as long as the runtime.
    let runtime = runtime();
    let (_registry, bench) = runtime.block_on(scene("lab/admitted"));
    let (_, public, signer) = our_pair(skopeo.folder.path(), "ours");
    let (_, stranger, _) = our_pair(skopeo.folder.path(), "stranger");
    let repository = json!({"type": "matchRepository"});
    let refused = |answer: Result<(), String>| answer.is_err();
    assert!(refused(skopeo.admits(&bench.name(), &public, &repository)));
    runtime.block_on(bench.sign(&signer));
    assert_eq!(skopeo.admits(&bench.name(), &public, &repository), Ok(()));
    assert!(refused(skopeo.admits(
        &bench.name(),
        &stranger,
        &repository
    )));
    // Signatures name the repository; one of another is none here.
    let other =
        json!({"type": "exactRepository", "dockerRepository": "registry.example.org/other"});
    assert!(refused(skopeo.admits(&bench.name(), &public, &other)));
}

#[test]
fn what_it_signs_with_our_key_is_valid_here() {
    let Some(skopeo) = Skopeo::find() else { return };
    // The registry lives as long as the runtime.
    let runtime = runtime();
    let (_registry, bench) = runtime.block_on(scene("lab/theirs"));
    let (private, public, _) = our_pair(skopeo.folder.path(), "ours");
    let password = skopeo.folder.path().join("password");
    std::fs::write(&password, PASSWORD).expect("the folder is ours");
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let to = format!("docker://{}:signed", bench.repository);
    let signing = [
        "--sign-by-sigstore-private-key",
        &text(&private),
        "--sign-passphrase-file",
        &text(&password),
    ];
    let anything = json!({"type": "insecureAcceptAnything"});
    let from = format!("docker://{}", bench.name());
    assert_eq!(skopeo.copy(&anything, &from, &to, &signing), Ok(()));
    let key = read_public_key(&public).expect("it is a key");
    let found = runtime.block_on(bench.verify(std::slice::from_ref(&key)));
    assert!(found.signed, "{found:?}");
}
