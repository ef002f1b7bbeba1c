//! Referrers by API and by fallback tag, cosign's tags, and what an inspection shows.

use super::*;

async fn old_registry() -> Registry {
    Registry::start(RegistryOptions::default()).await.unwrap()
}

/// Puts an artifact about `subject`; returns warnings and its digest.
pub(super) async fn attach(
    target: &Repository,
    subject: &Digest,
    note: &str,
) -> Result<(Vec<String>, Digest), RegistryError> {
    let empty = client().put_blob(target, Bytes::from_static(b"{}")).await?;
    let document = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "artifactType": media_type::BUNDLE,
        "config": {"mediaType": media_type::EMPTY, "digest": empty.digest, "size": 2},
        "layers": [{"mediaType": media_type::BUNDLE, "digest": empty.digest, "size": 2}],
        "subject": {"mediaType": media_type::OCI_INDEX, "digest": subject, "size": 1},
        "annotations": {"note": note},
    });
    let manifest = RawManifest::new(
        document.to_string().into(),
        media_type::OCI_MANIFEST.to_owned(),
    );
    let warnings = client().put_referrer(target, subject, &manifest).await?;
    Ok((warnings, manifest.digest))
}

#[tokio::test]
async fn referrers_are_listed_with_and_without_the_api() {
    for (registry, listed_by) in [
        (registry().await, ReferrersSource::Api),
        (old_registry().await, ReferrersSource::FallbackTag),
    ] {
        let subject = preload(&registry, "a", 10);
        let target = repository(&registry.host(), "a");
        let none = client().referrers(&target, &subject).await.unwrap();
        assert!(none.manifests.is_empty());
        let (warnings, first) = attach(&repository(&registry.host(), "a"), &subject, "one")
            .await
            .unwrap();
        assert!(warnings.is_empty());
        attach(&repository(&registry.host(), "a"), &subject, "one")
            .await
            .unwrap();
        let (_, second) = attach(&repository(&registry.host(), "a"), &subject, "two")
            .await
            .unwrap();
        let found = client().referrers(&target, &subject).await.unwrap();
        assert_eq!(found.listed_by, listed_by);
        let mut digests: Vec<_> = found.manifests.iter().map(|entry| &entry.digest).collect();
        digests.sort();
        let mut expected = vec![&first, &second];
        expected.sort();
        assert_eq!(digests, expected, "each once");
        let entry = &found.manifests[0];
        assert_eq!(entry.artifact_type.as_deref(), Some(media_type::BUNDLE));
        assert!(entry.annotations.contains_key("note"));
    }
}

#[tokio::test]
async fn what_others_wrote_into_the_fallback_tag_is_kept() {
    let registry = old_registry().await;
    let subject = preload(&registry, "a", 10);
    let tag = format!("sha256-{}", subject.hex());
    let other = Digest::of(b"other");
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","unknown":[1],"manifests":[{{"mediaType":"{}","digest":"{other}","size":3,"odd":true}}]}}"#,
        media_type::OCI_INDEX,
        media_type::OCI_MANIFEST
    );
    // The entry's manifest has to be there, or the registry would refuse the new index.
    registry.put_blob("a", "other");
    registry.put_manifest("a", Some(&tag), media_type::OCI_INDEX, index);
    attach(&repository(&registry.host(), "a"), &subject, "one")
        .await
        .unwrap();
    let (bytes, _) = registry.manifest("a", &tag).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["unknown"], serde_json::json!([1]));
    assert_eq!(document["manifests"][0]["odd"], true);
    assert_eq!(document["manifests"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_fallback_tag_that_is_no_index_counts_as_none_and_is_kept() {
    let registry = old_registry().await;
    let subject = preload(&registry, "a", 10);
    let tag = format!("sha256-{}", subject.hex());
    let manifest = odd_manifest(&Bytes::from_static(b"{}"), &[]);
    let before = registry.put_manifest("a", Some(&tag), media_type::OCI_MANIFEST, manifest);
    let target = repository(&registry.host(), "a");
    let found = client().referrers(&target, &subject).await.unwrap();
    assert_eq!(found.listed_by, ReferrersSource::None);
    assert!(found.manifests.is_empty());
    assert_eq!(found.warnings.len(), 1);
    let (warnings, stored) = attach(&repository(&registry.host(), "a"), &subject, "one")
        .await
        .unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(registry.manifest("a", &stored.to_string()).is_some());
    let (bytes, _) = registry.manifest("a", &tag).unwrap();
    assert_eq!(Digest::of(&bytes), before);
}

#[tokio::test]
async fn a_referrer_about_something_else_is_refused() {
    let registry = registry().await;
    let subject = preload(&registry, "a", 10);
    let target = repository(&registry.host(), "a");
    let manifest = RawManifest::new(
        odd_manifest(&Bytes::from_static(b"{}"), &[]),
        media_type::OCI_MANIFEST.to_owned(),
    );
    let error = client().put_referrer(&target, &subject, &manifest).await;
    assert!(matches!(error, Err(RegistryError::Unsupported { .. })));
    assert_eq!(writes(&registry), Vec::<String>::new());
}

#[tokio::test]
async fn an_inspection_shows_platforms_layers_and_what_is_attached() {
    let registry = registry().await;
    let index = preload(&registry, "a", 10);
    attach(&repository(&registry.host(), "a"), &index, "one")
        .await
        .unwrap();
    let signature = odd_manifest(&Bytes::from_static(b"{}"), &[]);
    let tag = format!("sha256-{}.sig", index.hex());
    registry.put_manifest("a", Some(&tag), media_type::OCI_MANIFEST, signature);
    let name = image(&format!("{}/a:v1", registry.host()));
    let whole = inspect(&client(), &name, None).await.unwrap();
    assert_eq!(
        (&whole.digest, whole.index.as_ref()),
        (&index, Some(&index))
    );
    assert_eq!(whole.platforms.len(), 3);
    assert_eq!(
        whole
            .platforms
            .iter()
            .filter(|entry| entry.attestation)
            .count(),
        1
    );
    assert!(whole.config.is_none() && whole.layers.is_empty());
    let platform: Platform = "linux/arm64".parse().unwrap();
    let one = inspect(&client(), &name, Some(&platform)).await.unwrap();
    assert_ne!(one.digest, index);
    assert_eq!(one.index.as_ref(), Some(&index));
    assert_eq!(one.config.unwrap().architecture, "arm64");
    assert_eq!(one.layers.len(), 3);
    // Three layers and one diff ID do not match: better none than a wrong one.
    assert!(one.layers.iter().all(|layer| layer.diff_id.is_none()));
    assert_eq!(one.referrers.manifests.len(), 1);
    assert_eq!(one.digest_tags.len(), 1);
    assert_eq!(
        (&one.digest_tags[0].tag, &one.digest_tags[0].about),
        (&tag, &index)
    );
    let platform: Platform = "linux/s390x".parse().unwrap();
    let error = inspect(&client(), &name, Some(&platform))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn layers_are_joined_with_the_configuration_where_it_matches() {
    let registry = registry().await;
    let config = config("amd64");
    let layer = noise(1, 10);
    registry.put_blob("a", config.clone());
    let manifest = odd_manifest(&config, &[layer]);
    registry.put_manifest("a", Some("v1"), media_type::OCI_MANIFEST, manifest);
    let name = image(&format!("{}/a:v1", registry.host()));
    let found = inspect(&client(), &name, None).await.unwrap();
    assert_eq!(found.layers[0].created_by.as_deref(), Some("COPY app /"));
    assert_eq!(found.layers[0].diff_id, Some(Digest::of(b"amd64")));
    assert_eq!(found.config.unwrap().config.user, "app");
}

#[tokio::test]
async fn tags_are_listed_to_the_last_page() {
    let registry = registry_with(|request| {
        let query = request.uri().query().unwrap_or_default();
        let page = |body: &'static str, link: &str| answer(200, &[("link", link)], body);
        match (request.uri().path(), query) {
            ("/v2/paged/tags/list", "n=1000") => Some(page(
                r#"{"tags":["a"]}"#,
                "</v2/paged/tags/list?last=a>; rel=\"next\"",
            )),
            ("/v2/paged/tags/list", "last=a") => Some(page(
                r#"{"tags":["b"]}"#,
                "</v2/paged/tags/list?last=b>; rel=\"next\"",
            )),
            // A loop, and `null` for no tags.
            ("/v2/paged/tags/list", _) => Some(page(
                r#"{"tags":null}"#,
                "</v2/paged/tags/list?last=a>; rel=\"next\"",
            )),
            _ => None,
        }
    })
    .await;
    let tags = client().tags(&repository(&registry.host(), "paged")).await;
    assert_eq!(tags.unwrap(), ["a", "b"]);
    let absent = client().tags(&repository(&registry.host(), "absent")).await;
    assert!(matches!(absent, Err(RegistryError::NotFound { .. })));
}
