//! Keys and signatures judged by cosign 2 and cosign 3, in both directions.
//!
//! What our own verifier makes of damaged signatures is tested in `signatures`.

mod attested;
mod skopeo;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::demo::registry::RegistryOptions;
use countersign::model::Digest;
use countersign::model::oci::RawManifest;
use countersign::signatures::{Fate, Format, SignOptions, Verification, sign};
use countersign::signing::{
    APPROVAL_PREDICATE, KeyPair, Password, PublicKey, Signer, bundle_of, read_private_key,
    read_public_key,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::signatures::{Bench, attach_bundle, bench_with, fates, places, statement};
use crate::support::judges::judge;
use crate::support::server::DockerRegistry;

const PASSWORD: &str = "correct horse";

/// One installed cosign with a home of its own.
struct Cosign {
    program: PathBuf,
    home: TempDir,
}

/// What it answered.
struct Answer {
    yes: bool,
    text: String,
}

impl Cosign {
    fn find(name: &str) -> Option<Self> {
        Some(Self {
            program: judge(name)?,
            home: tempfile::tempdir().expect("a temporary folder can be made"),
        })
    }

    fn both() -> Vec<Self> {
        ["cosign2", "cosign3"]
            .into_iter()
            .filter_map(Self::find)
            .collect()
    }

    fn is_third(&self) -> bool {
        self.program.ends_with("cosign3")
    }

    fn folder(&self) -> &Path {
        self.home.path()
    }

    fn run(&self, args: &[&str]) -> Answer {
        let output = Command::new(&self.program)
            .args(args)
            .env_clear()
            .env("HOME", self.home.path())
            .env("COSIGN_PASSWORD", PASSWORD)
            .current_dir(self.home.path())
            .output()
            .expect("cosign starts");
        let text = [output.stdout, output.stderr].concat();
        Answer {
            yes: output.status.success(),
            text: String::from_utf8_lossy(&text).into_owned(),
        }
    }

    fn verify(&self, key: &Path, image: &str, more: &[&str]) -> Answer {
        let key = key.to_str().expect("the path is UTF-8");
        let args = ["verify", "--insecure-ignore-tlog=true", "--key", key];
        self.run(&[&args[..], more, &[image]].concat())
    }

    /// Signs without a log: a flag in cosign 2, a signing configuration without services in 3.
    fn sign(&self, key: &Path, image: &str) {
        let key = key.to_str().expect("the path is UTF-8");
        let without_log: &[&str] = if self.is_third() {
            let made = self.run(&["signing-config", "create", "--out", "no-services.json"]);
            assert!(made.yes, "{}", made.text);
            &["--signing-config", "no-services.json"]
        } else {
            &["--tlog-upload=false"]
        };
        let signed = self.run(&[&["sign", "-y", "--key", key][..], without_log, &[image]].concat());
        assert!(signed.yes, "{}", signed.text);
    }
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

/// Writes a pair of ours into a folder; returns its names and the signer.
fn our_pair(folder: &Path, name: &str) -> (PathBuf, PathBuf, Signer) {
    let pair = KeyPair::generate(&password(PASSWORD)).expect("a pair can be made");
    let (private, public) = pair
        .write(&folder.join(name))
        .expect("the pair can be written");
    (private, public, Signer::Key(pair.key().clone()))
}

#[test]
fn key_files_open_in_both_directions() {
    for cosign in Cosign::both() {
        let made = cosign.run(&["generate-key-pair", "--output-key-prefix", "theirs"]);
        assert!(made.yes, "{}", made.text);
        let private = cosign.folder().join("theirs.key");
        let key = read_private_key(&private, &password(PASSWORD)).expect("cosign's key opens");
        let public = read_public_key(&cosign.folder().join("theirs.pub")).expect("it is a key");
        assert_eq!(*key.public_key(), public);
        let wrong = read_private_key(&private, &password("wrong")).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "the password does not open the private key"
        );

        let (private, public, _) = our_pair(cosign.folder(), "ours");
        let shown = cosign.run(&["public-key", "--key", private.to_str().expect("UTF-8")]);
        assert!(shown.yes, "{}", shown.text);
        let ours = read_public_key(&public).expect("it is a key");
        assert_eq!(
            PublicKey::from_pem(&shown.text).expect("cosign prints the key"),
            ours
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_signatures_are_valid_for_both_versions() {
    let with_api = RegistryOptions {
        referrers: true,
        ..RegistryOptions::default()
    };
    let (_registry, bench) = bench_with("lab/ours", with_api).await;
    are_valid_for_both_versions(&bench).await;
    if let Some(registry) = DockerRegistry::start() {
        are_valid_for_both_versions(&Bench::new(&registry.host(), "lab/ours").await).await;
    }
}

async fn are_valid_for_both_versions(bench: &Bench) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (_, public, signer) = our_pair(folder.path(), "ours");
    let (_, stranger, _) = our_pair(folder.path(), "stranger");
    let annotations = BTreeMap::from([("verdict".to_owned(), "approve".to_owned())]);
    let options = SignOptions {
        annotations,
        ..bench.options()
    };
    let subject = bench.image.descriptor();
    sign(
        &bench.client,
        &bench.repository,
        &subject,
        &signer,
        &options,
    )
    .await
    .expect("the image can be signed");

    for cosign in Cosign::both() {
        let accepted = cosign.verify(&public, &bench.name(), &["-a", "verdict=approve"]);
        assert!(accepted.yes, "{}", accepted.text);
        assert!(
            !cosign
                .verify(&public, &bench.name(), &["-a", "verdict=reject"])
                .yes
        );
        assert!(!cosign.verify(&stranger, &bench.name(), &[]).yes);
        if cosign.is_third() {
            let legacy = cosign.verify(&public, &bench.name(), &["--new-bundle-format=false"]);
            assert!(legacy.yes, "{}", legacy.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn their_signatures_are_valid_here_and_survive_ours() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    for cosign in Cosign::both() {
        let name = if cosign.is_third() {
            "lab/third"
        } else {
            "lab/second"
        };
        let bench = Bench::new(&registry.host(), name).await;
        let (private, public, _) = our_pair(cosign.folder(), "shared");
        let theirs = read_public_key(&public).expect("it is a key");
        cosign.sign(&private, &bench.name());

        let found = bench.verify(std::slice::from_ref(&theirs)).await;
        assert!(found.signed, "{found:#?}");
        let format = if cosign.is_third() {
            Format::Bundle
        } else {
            Format::Legacy
        };
        assert!(formats(&found).contains(&format), "{found:#?}");

        // A second signer of ours: theirs stay valid in both worlds.
        let (_, our_public, signer) = our_pair(cosign.folder(), "second");
        bench.sign(&signer).await;
        assert!(bench.verify(&[theirs]).await.signed);
        assert!(cosign.verify(&our_public, &bench.name(), &[]).yes);
        assert!(cosign.verify(&public, &bench.name(), &[]).yes);

        // And the other way round: cosign adds a signature, ours stays.
        let (third, _, _) = our_pair(cosign.folder(), "third");
        cosign.sign(&third, &bench.name());
        assert!(bench.verify(&[signer.public_key().clone()]).await.signed);
        assert!(cosign.verify(&our_public, &bench.name(), &[]).yes);

        // Signing with the key that cosign used adds only the format that cosign left out.
        let key = read_private_key(&private, &password(PASSWORD)).expect("the key opens");
        let again = bench.sign(&Signer::Key(key)).await;
        let existed = if cosign.is_third() {
            fates(&again).0
        } else {
            fates(&again).1
        };
        assert_eq!(existed, Some(Fate::Existed));
    }
}

fn formats(found: &Verification) -> Vec<Format> {
    found
        .signatures
        .iter()
        .map(|signature| signature.format)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_rejection_fools_cosign_and_not_us() {
    let (Some(registry), Some(cosign)) = (DockerRegistry::start(), Cosign::find("cosign3")) else {
        return;
    };
    let bench = Bench::new(&registry.host(), "lab/rejected").await;
    let (_, public, signer) = our_pair(cosign.folder(), "ours");
    let text = statement(
        &bench.image.digest,
        "https://example.test/verdict/v1",
        &json!({"verdict": "reject"}),
    );
    let bundle = bundle_of(&signer, &text).await.expect("it can be signed");
    attach_bundle(
        &bench,
        &bench.image,
        bundle,
        "https://example.test/verdict/v1",
    )
    .await;

    // The day this fails, cosign has closed the trap and the warning should name the version.
    assert!(cosign.verify(&public, &bench.name(), &[]).yes);
    let found = bench.verify(&[signer.public_key().clone()]).await;
    assert!(!found.signed, "{found:#?}");
    assert!(
        found
            .warnings
            .iter()
            .any(|warning| warning.contains("NOT signed")),
        "{found:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_an_attestation_for_cosign() {
    let (Some(registry), Some(cosign)) = (DockerRegistry::start(), Cosign::find("cosign3")) else {
        return;
    };
    let bench = Bench::new(&registry.host(), "lab/approved").await;
    let (_, public, signer) = our_pair(cosign.folder(), "ours");
    bench.sign(&signer).await;
    let predicate = json!({"decision": "approve", "reviewer": "carol@example.test"});
    let text = statement(&bench.image.digest, APPROVAL_PREDICATE, &predicate);
    let bundle = bundle_of(&signer, &text).await.expect("it can be signed");
    attach_bundle(&bench, &bench.image, bundle, APPROVAL_PREDICATE).await;

    let public = public.to_str().expect("the path is UTF-8");
    let check = |kind: &str| {
        let args = [
            "verify-attestation",
            "--insecure-ignore-tlog=true",
            "--key",
            public,
        ];
        cosign.run(&[&args[..], &["--type", kind, &bench.name()]].concat())
    };
    let accepted = check(APPROVAL_PREDICATE);
    assert!(accepted.yes, "{}", accepted.text);
    assert!(!check("urn:countersign:review-approval:v2").yes);
    let found = bench.verify(&[signer.public_key().clone()]).await;
    assert_eq!(
        found.approval.map(|approval| approval.predicate),
        Some(predicate)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_by_another_key_hides_the_legacy_signature_from_cosign() {
    let (Some(registry), Some(second), Some(third)) = (
        DockerRegistry::start(),
        Cosign::find("cosign2"),
        Cosign::find("cosign3"),
    ) else {
        return;
    };
    let bench = Bench::new(&registry.host(), "lab/hidden").await;
    let (private, public, signer) = our_pair(second.folder(), "approver");
    let (_, _, scanner) = our_pair(second.folder(), "scanner");
    second.sign(&private, &bench.name());
    let text = statement(&bench.image.digest, "https://openvex.dev/ns", &json!({}));
    let bundle = bundle_of(&scanner, &text).await.expect("it can be signed");
    attach_bundle(&bench, &bench.image, bundle, "https://openvex.dev/ns").await;

    assert!(!third.verify(&public, &bench.name(), &[]).yes);
    let found = bench.verify(&[signer.public_key().clone()]).await;
    assert!(found.signed, "{found:#?}");
    assert!(
        found
            .warnings
            .iter()
            .any(|warning| warning.contains("will not find")),
        "{found:#?}"
    );

    // What the warning advises helps.
    bench.sign(&signer).await;
    assert!(third.verify(&public, &bench.name(), &[]).yes);
    assert_eq!(
        bench.verify(&[signer.public_key().clone()]).await.warnings,
        Vec::<String>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_of_another_image_is_refused_by_all() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let bench = Bench::new(&registry.host(), "lab/moved").await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (_, public, signer) = our_pair(folder.path(), "ours");
    bench.sign(&signer).await;
    let other = bench.push_image("other").await;
    let tag = |digest: &Digest| format!("sha256-{}.sig", digest.hex());
    let moved: RawManifest = bench
        .client
        .manifest(&bench.repository, &tag(&bench.image.digest))
        .await
        .expect("the signature is there");
    bench
        .client
        .put_manifest(&bench.repository, &tag(&other.digest), &moved)
        .await
        .expect("the tag can be written");

    let name = format!("{}@{}", bench.repository, other.digest);
    for cosign in Cosign::both() {
        assert!(!cosign.verify(&public, &name, &[]).yes);
    }
    let found = bench
        .verify_image(&other.digest, &[signer.public_key().clone()])
        .await;
    assert!(!found.signed);
    let reason = found.signatures[0].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("not this image"), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_finds_the_same_signatures_valid() {
    let Some(openssl) = judge("openssl") else {
        return;
    };
    let (_registry, bench) = bench_with("lab/openssl", RegistryOptions::default()).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (_, public, signer) = our_pair(folder.path(), "ours");
    let outcome = bench.sign(&signer).await;
    let holds = |signed: &[u8], signature: &str| {
        let signature = STANDARD.decode(signature).expect("it is base64");
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("the file can be written");
            path
        };
        let output = Command::new(&openssl)
            .args(["dgst", "-sha256", "-verify"])
            .arg(&public)
            .arg("-signature")
            .arg(write("signature", &signature))
            .arg(write("signed", signed))
            .output()
            .expect("openssl starts");
        output.status.success()
    };

    let (stored_bundle, stored_legacy) = places(&outcome);
    let (layer, payload) = bench.only_blob(&stored_legacy).await;
    let signature = &layer.annotations["dev.cosignproject.cosign/signature"];
    assert!(holds(&payload, signature));
    assert!(!holds(b"another payload", signature));

    let (_, bundle) = bench.only_blob(&stored_bundle).await;
    let bundle: Value = serde_json::from_slice(&bundle).expect("it is JSON");
    let envelope = &bundle["dsseEnvelope"];
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let body = STANDARD
        .decode(text(&envelope["payload"]))
        .expect("it is base64");
    let mut encoded =
        format!("DSSEv1 28 application/vnd.in-toto+json {} ", body.len()).into_bytes();
    encoded.extend(body);
    assert!(holds(&encoded, &text(&envelope["signatures"][0]["sig"])));
}
