//! Store, ledger and archive in S3: the real client against a loopback server.
//!
//! What they promise in a folder is tested beside them.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use bytes::Bytes;
use countersign::archive::{Archive, Bundle, BundleFile, FileKind};
use countersign::environment::Clock;
use countersign::error::{ErrorKind, Explain as _};
use countersign::ledger::Ledger;
use countersign::model::Digest;
use countersign::store::{Put, S3Location, S3Store, Store};

use crate::support::server::S3Server;

async fn config(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("eu-west-1"))
        .test_credentials()
        .load()
        .await
}

pub(crate) async fn store(endpoint: &str, location: &str) -> Store {
    let location: S3Location = location.parse().expect("an S3 address");
    Store::S3(S3Store::new(&config(endpoint).await, location, true))
}

fn clock() -> Clock {
    Clock::Fixed("2026-01-02T03:04:05Z".parse().expect("a time"))
}

#[tokio::test]
async fn objects_are_created_once() {
    let Some(server) = S3Server::start() else {
        return;
    };
    server.make_bucket("evidence");
    let one = store(&server.endpoint(), "s3://evidence/team/one").await;
    let other = store(&server.endpoint(), "s3://evidence/team/one-more").await;
    assert!(!one.is_local());
    assert_eq!(one.get("a/b").await.expect("an answer"), None);
    let put = one.put_if_absent("a/b", b"1").await.expect("an answer");
    assert_eq!(put, Put::Created);
    let put = one.put_if_absent("a/b", b"2").await.expect("an answer");
    assert_eq!(put, Put::Exists);
    let put = other.put_if_absent("a/b", b"3").await.expect("an answer");
    assert_eq!(put, Put::Created);
    let put = one.put_if_absent("c", b"").await.expect("an answer");
    assert_eq!(put, Put::Created);
    let bytes = one.get("a/b").await.expect("an answer");
    assert_eq!(bytes.as_deref(), Some(b"1".as_slice()));
    assert_eq!(one.list("").await.expect("an answer"), ["a/b", "c"]);
    assert_eq!(one.list("a/").await.expect("an answer"), ["a/b"]);
    assert!(one.get("../one-more/a/b").await.is_err());
}

#[tokio::test]
async fn a_signed_approval_is_kept() {
    let Some(server) = S3Server::start() else {
        return;
    };
    server.make_bucket("evidence");
    let ledger = Ledger::new(store(&server.endpoint(), "s3://evidence/ledger").await);
    let envelope = ledger.put_envelope(b"{}").await.expect("a digest");
    let envelopes = ledger.envelopes().await.expect("an answer").envelopes;
    assert_eq!(envelopes[0].sha256, envelope);
}

#[tokio::test]
async fn a_bundle_comes_back_as_it_was_put() {
    let Some(server) = S3Server::start() else {
        return;
    };
    server.make_bucket("evidence");
    let archive = Archive::new(store(&server.endpoint(), "s3://evidence").await);
    let bundle = Bundle {
        subject: Digest::of(b"image"),
        name: "app:1".to_owned(),
        time: clock().now(),
        destination: None,
        shipped_at: None,
        ledger: None,
        files: vec![BundleFile {
            name: "trivy.json".to_owned(),
            kind: FileKind::Report,
            bytes: Bytes::from(vec![b'x'; 3_000_000]),
        }],
        receipt: Some(Bytes::from_static(b"{}")),
    };
    let id = archive.put(bundle.clone()).await.expect("an id");
    assert_eq!(archive.put(bundle).await.expect("an id"), id);
    let verified = archive.verify_all().await.expect("an answer");
    assert!(verified.whole, "{verified:?}");
    assert_eq!((verified.bundles, verified.files), (1, 2));
    let wanted = Digest::of(&vec![b'x'; 3_000_000]);
    let blob = archive.find_blob(&wanted).await.expect("an answer");
    assert!(blob.is_some_and(|blob| wanted.matches(&blob.bytes)));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let Some(server) = S3Server::start() else {
        return;
    };
    let endpoint = server.endpoint();
    let missing = store(&endpoint, "s3://no-such-bucket/x").await;
    let error = missing
        .put_if_absent("a", b"1")
        .await
        .expect_err("no bucket");
    assert_eq!(error.kind(), ErrorKind::Remote);
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    assert!(error.hints()[0].contains("aws s3 mb s3://no-such-bucket"));
    for error in [
        missing.get("a").await.expect_err("no bucket"),
        missing.list("").await.expect_err("no bucket"),
    ] {
        assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    }
    let gone = store(&endpoint, "s3://evidence").await;
    drop(server);
    let error = gone.get("a").await.expect_err("no server");
    assert_eq!(error.kind(), ErrorKind::Remote);
    assert!(
        error.hints()[0].contains("AWS_ENDPOINT_URL"),
        "{error}: {:?}",
        error.hints()
    );
}
