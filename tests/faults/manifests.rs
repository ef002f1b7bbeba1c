//! Manifests, byte for byte: at our registry with the referrers API and at Debian's without, and what refers to them.

use super::*;
use countersign::model::oci::{RawManifest, media_type};
use countersign::registry::ReferrersSource;

use crate::support::server::DockerRegistry;

/// The images that have to arrive as they are.
fn odd_ones() -> Vec<Made> {
    vec![
        Made::image(11, "amd64", &[]),
        Made::image(12, "amd64", &[70_000, 3]),
        Made::four_platforms(30_000),
        Made::index(vec![
            ("amd64", Made::index(vec![("arm64", small())])),
            ("s390x", small()),
        ]),
    ]
}

/// Copies an image to a registry, tags it there, and reads everything again.
async fn goes_to(made: &Made, host: &str, path: &str) {
    let from = registry().await;
    made.put(&from, "known/app", "v1");
    let client = client();
    let resolved = resolve(&client, &image(&from.host()))
        .await
        .expect("it is there");
    let to = repository(host, path);
    let cancel = CancellationToken::new();
    let copied = copy(
        &resolved.source,
        &resolved.manifest,
        &client,
        &to,
        &cancel,
        &|_| {},
    )
    .await;
    let outcome = copied.expect("it is copied");
    assert_eq!(outcome.digest, made.digest());
    client
        .put_manifest(&to, "v1", &resolved.manifest)
        .await
        .expect("a tag");
    for reference in ["v1".to_owned(), made.digest().to_string()] {
        let found = client.manifest(&to, &reference).await.expect("it is there");
        assert_eq!((found.media_type.as_str(), &found.bytes), made.top());
    }
    for (kind, bytes) in &made.manifests {
        let found = client
            .manifest(&to, &Digest::of(bytes).to_string())
            .await
            .expect("it is there");
        assert_eq!((found.media_type.as_str(), &found.bytes), (*kind, bytes));
    }
    for blob in &made.blobs {
        assert!(
            client
                .has_blob(&to, &Digest::of(blob))
                .await
                .expect("it answers")
        );
    }
}

#[test]
fn r06_manifests_arrive_byte_for_byte() {
    run(async {
        let with_api = registry().await;
        let without = DockerRegistry::start();
        for (number, made) in odd_ones().iter().enumerate() {
            goes_to(made, &with_api.host(), &format!("odd/{number}")).await;
            if let Some(without) = &without {
                goes_to(made, &without.host(), &format!("odd/{number}")).await;
            }
        }
    });
}

/// A manifest that refers to another one.
fn referrer(subject: &Made) -> RawManifest {
    let (kind, bytes) = subject.top();
    let document = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","artifactType":"application/x-note","config":{{"mediaType":"{}","digest":"{}","size":2}},"layers":[],"subject":{{"mediaType":"{kind}","digest":"{}","size":{}}},"annotations":{{"a":"b"}}}}"#,
        media_type::OCI_MANIFEST,
        media_type::EMPTY,
        Digest::of(b"{}"),
        subject.digest(),
        bytes.len()
    );
    RawManifest::new(document.into(), media_type::OCI_MANIFEST.to_owned())
}

#[test]
fn r25_r26_referrers_are_listed_with_the_api_and_without() {
    run(async {
        for (faults, source) in [
            (&[][..], ReferrersSource::Api),
            (&[Fault::NoReferrers], ReferrersSource::FallbackTag),
            (&[Fault::LyingSubject], ReferrersSource::FallbackTag),
        ] {
            let way = Way::to(faults, small()).await;
            way.copy().await.expect("it is copied");
            let client = client();
            let to = repository(&way.destination, "known/copy");
            client.put_blob(&to, "{}".into()).await.expect("a blob");
            let manifest = referrer(&way.made);
            let digest = way.made.digest();
            for _twice in 0..2 {
                let warnings = client
                    .put_referrer(&to, &digest, &manifest)
                    .await
                    .expect("it is kept");
                assert_eq!(warnings, Vec::<String>::new());
            }
            let found = client.referrers(&to, &digest).await.expect("a list");
            assert_eq!(found.listed_by, source, "{faults:?}");
            let listed: Vec<&Digest> = found.manifests.iter().map(|one| &one.digest).collect();
            assert_eq!(listed, [&manifest.digest]);
            assert_eq!(
                found.manifests[0].artifact_type.as_deref(),
                Some("application/x-note")
            );
        }
    });
}

#[test]
fn r18_r19_layers_elsewhere_stay_there_and_all_others_are_opaque() {
    run(async {
        let from = registry().await;
        let (config, wasm) = (r"{}", "\0asm");
        from.put_blob("known/app", config);
        from.put_blob("known/app", wasm);
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.wasm.config.v0+json","digest":"{}","size":2}},"layers":[{{"mediaType":"application/wasm","digest":"{}","size":4}},{{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"sha256:{}","size":9,"urls":["https://example.com/layer"]}}]}}"#,
            media_type::OCI_MANIFEST,
            Digest::of(config.as_bytes()),
            Digest::of(wasm.as_bytes()),
            "7".repeat(64)
        );
        from.put_manifest(
            "known/app",
            Some("v1"),
            media_type::OCI_MANIFEST,
            manifest.clone(),
        );
        let to = registry().await;
        let client = client();
        let resolved = resolve(&client, &image(&from.host()))
            .await
            .expect("it is there");
        let cancel = CancellationToken::new();
        let repository = repository(&to.host(), "known/copy");
        let copied = copy(
            &resolved.source,
            &resolved.manifest,
            &client,
            &repository,
            &cancel,
            &|_| {},
        );
        let outcome = copied.await.expect("it is copied");
        assert_eq!((outcome.foreign.len(), outcome.blobs.len()), (1, 2));
        let (found, _) = to
            .manifest("known/copy", &outcome.digest.to_string())
            .expect("it is there");
        assert_eq!(found, manifest.as_bytes());
    });
}
