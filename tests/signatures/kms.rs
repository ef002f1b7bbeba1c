//! Signing with a key in AWS KMS, at a service that signs nothing but the digest it is given.
//!
//! Every failure has its own words, and publishes nothing.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::config::{Credentials, SharedCredentialsProvider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::signing::{KmsError, KmsKey, KmsLocation, PublicKey};
use sha2::{Digest as _, Sha256};

use crate::promotion::{Scene, scene};
use crate::support::kms::{Fault, Kms, REGION};
use crate::support::program::Output;

fn config() -> SdkConfig {
    let credentials = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(Duration::from_millis(300))
                .build(),
        )
        .build()
}

async fn open(kms: &Kms) -> Result<KmsKey, KmsError> {
    let location: KmsLocation = kms.key().parse().expect("it is an address");
    KmsKey::open(&config(), &location).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_digest_is_sent_and_only_what_verifies_is_returned() {
    let kms = Kms::start();
    let key = open(&kms).await.expect("the key is there");
    let public = PublicKey::from_pem(&kms.public_pem()).expect("it is a key");
    assert_eq!(*key.public_key(), public);
    // Longer than KMS takes as a whole message.
    let message = vec![7; 5_000];
    let signature = key.sign(&message).await.expect("it signs");
    assert!(public.verifies(&message, &signature));
    assert!(!public.verifies(b"another message", &signature));

    let asked = kms.asked();
    let [(first, _), (second, sign)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!((first.as_str(), second.as_str()), ("GetPublicKey", "Sign"));
    let digest = STANDARD.encode(Sha256::digest(&message));
    assert_eq!(sign["Message"], digest.as_str());
    // The key itself, not the alias: an alias can be moved in between.
    assert_eq!(sign["KeyId"], key.arn());
    assert!(key.arn().starts_with("arn:aws:kms:"), "{}", key.arn());

    for fault in [Fault::OtherKey, Fault::HashesAgain, Fault::CutShort] {
        kms.fail(Some(fault));
        let error = key.sign(&message).await.expect_err("it does not verify");
        assert!(
            matches!(error, KmsError::WrongSignature { .. }),
            "{fault:?}: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_answer_is_given_up_on() {
    let kms = Kms::start();
    kms.fail(Some(Fault::Silent("GetPublicKey")));
    let error = open(&kms).await.expect_err("no answer comes");
    assert!(matches!(error, KmsError::TimedOut { .. }), "{error}");
    kms.fail(None);
    let key = open(&kms).await.expect("the key is there");
    kms.fail(Some(Fault::Silent("Sign")));
    let error = key.sign(b"message").await.expect_err("no answer comes");
    assert!(matches!(error, KmsError::TimedOut { .. }), "{error}");

    let nowhere: KmsLocation = "awskms://127.0.0.1:9/alias/a".parse().expect("an address");
    let error = KmsKey::open(&config(), &nowhere).await;
    let error = error.expect_err("nobody listens");
    assert!(matches!(error, KmsError::Unreachable { .. }), "{error}");
}

/// A scene whose key is in KMS.
fn scene_with(kms: &Kms, scene: &mut Scene) {
    let sandbox = &mut scene.sandbox;
    sandbox.set("COUNTERSIGN_KEY", kms.key());
    sandbox.set("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
    sandbox.set("AWS_SECRET_ACCESS_KEY", "canary-of-a-secret");
    sandbox.set("AWS_REGION", REGION);
    sandbox.set("AWS_EC2_METADATA_DISABLED", "true");
    sandbox.set("COSIGN_PASSWORD", "not this one");
}

#[test]
fn every_command_takes_a_key_in_kms() {
    let kms = Kms::start();
    let (_registry, mut scene) = scene();
    scene_with(&kms, &mut scene);
    let public = scene.sandbox.work().join("kms.pub");
    std::fs::write(&public, kms.public_pem()).expect("the key can be written");
    let public = public.display().to_string();

    let shown = scene.document(&["key", "show"]);
    assert_eq!(shown["pem"], kms.public_pem());
    let reports = scene.new_reports();
    let key = kms.key();
    let approval = ["--whole-image", "--decision", "approve", "--reason", "well"];
    let decided = scene.document(&[&["decide", &reports, "--key", &key][..], &approval].concat());
    assert_eq!(decided["key_fingerprint"], shown["fingerprint"]);
    let plan = scene.plan();
    assert_eq!(plan["signer"]["key"], key.as_str());
    assert_eq!(plan["signer"]["fingerprint"], shown["fingerprint"]);
    let output = scene.promote(&scene.digest().to_string(), &[]);
    assert_eq!(output.code, 0, "{output:?}");

    let destination = scene.destination();
    for key in [&public, &key] {
        let verified = scene.run(&["verify", &destination, "--key", key, "--strict"]);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
    let source = scene.stage.approved.reference.clone();
    scene.sandbox.set("AWS_ENDPOINT_URL_KMS", kms.endpoint());
    scene
        .sandbox
        .set("COUNTERSIGN_KEY", "awskms:///alias/release");
    scene.document(&["sign", &source]);
    let predicate = scene.sandbox.work().join("predicate.json");
    std::fs::write(&predicate, "{\"a\": 1}").expect("the document can be written");
    let predicate = predicate.display().to_string();
    let kind = "https://example.test/checked/v1";
    let attested = scene.document(&["attest", &source, "--type", kind, "--predicate", &predicate]);
    assert_eq!(attested["bundle"]["fate"], "written");
    assert_eq!(attested["legacy"]["fate"], "written");
}

/// Each failure with the exit code and the words it must lead to.
fn failures() -> [(Fault, i32, &'static str); 12] {
    let denied = "User: arn:aws:iam::111122223333:user/ci is not authorized";
    let off = "arn:aws:kms:eu-central-1:111122223333:key/1 is disabled.";
    [
        (
            Fault::Refuses("GetPublicKey", "AccessDeniedException", denied),
            4,
            "kms:GetPublicKey is not allowed",
        ),
        (
            Fault::Refuses("Sign", "AccessDeniedException", denied),
            4,
            "kms:Sign is not allowed",
        ),
        (
            Fault::Refuses("Sign", "DisabledException", off),
            4,
            "the key is disabled",
        ),
        (
            Fault::Refuses(
                "Sign",
                "KMSInvalidStateException",
                "key is pending deletion.",
            ),
            4,
            "the key's state does not allow it",
        ),
        (
            Fault::Refuses("GetPublicKey", "NotFoundException", "Alias is not found."),
            4,
            "there is no such key in eu-central-1",
        ),
        (
            Fault::Refuses("Sign", "ThrottlingException", "Rate exceeded"),
            4,
            "asked too often",
        ),
        (
            Fault::Refuses("GetPublicKey", "ExpiredTokenException", "token expired"),
            4,
            "ExpiredTokenException: token expired",
        ),
        (
            Fault::Spec("ECC_NIST_P384"),
            3,
            "its spec is ECC_NIST_P384, not ECC_NIST_P256",
        ),
        (
            Fault::Usage("ENCRYPT_DECRYPT"),
            3,
            "its usage is ENCRYPT_DECRYPT, not SIGN_VERIFY",
        ),
        (Fault::OtherKey, 4, "does not verify; it was thrown away"),
        (Fault::Garbage("Sign"), 4, "kms:Sign failed"),
        (Fault::Garbage("GetPublicKey"), 4, "kms:GetPublicKey failed"),
    ]
}

#[test]
fn every_failure_has_its_own_words_and_publishes_nothing() {
    let kms = Kms::start();
    let (_registry, mut scene) = scene();
    scene_with(&kms, &mut scene);
    let source = scene.stage.approved.reference.clone();
    let words = |fault: Option<Fault>, code: i32| {
        kms.fail(fault);
        let output: Output = scene.run(&["sign", &source]);
        assert_eq!(output.code, code, "{fault:?}: {output:?}");
        assert!(!output.stderr.contains("canary"), "{output:?}");
        output.stderr
    };
    let mut said = Vec::new();
    for (fault, code, expected) in failures() {
        let words = words(Some(fault), code);
        assert!(words.contains(expected), "{fault:?}: {words}");
        assert!(
            words.contains("127.0.0.1") || words.contains("arn:aws:kms"),
            "{words}"
        );
        said.push(words);
    }
    said.sort();
    said.dedup();
    assert_eq!(said.len(), 12, "each has its own words");
    let tree = scene.document(&["tree", &source]);
    assert_eq!(
        tree["children"],
        serde_json::json!([]),
        "nothing was published"
    );

    // Another region's request is not for this service.
    scene.sandbox.set("AWS_REGION", "us-east-1");
    kms.fail(None);
    let output = scene.run(&["sign", &source]);
    assert_eq!(output.code, 4, "{output:?}");
    for address in ["awskms:///", "awskms://alias/release", "gcpkms://a/b"] {
        let output = scene.run(&["sign", &source, "--key", address]);
        assert_eq!(output.code, 2, "{address}: {output:?}");
    }
}
