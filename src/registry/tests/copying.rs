//! Copies between registries: byte for byte, once, in order, and what a second run does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::*;

#[tokio::test]
async fn an_index_arrives_byte_for_byte_and_nothing_is_tagged() {
    let (from, to) = (registry().await, registry().await);
    let digest = preload(&from, "team/app", 300_000);
    let name = image(&format!("{}/team/app:v1", from.host()));
    let resolved = resolve(&client(), &name).await.unwrap();
    assert_eq!(*resolved.digest(), digest);
    let destination = repository(&to.host(), "debut/app");
    let seen = Mutex::new(Vec::new());
    let outcome = copy(
        &resolved.source,
        &resolved.manifest,
        &client(),
        &destination,
        &CancellationToken::new(),
        &|progress| seen.lock().unwrap().push(progress),
    )
    .await
    .unwrap();
    for reference in [digest.to_string()]
        .into_iter()
        .chain(outcome.manifests_sent.iter().map(ToString::to_string))
    {
        assert_eq!(
            to.manifest("debut/app", &reference).unwrap(),
            from.manifest("team/app", &reference).unwrap()
        );
    }
    assert_eq!(outcome.manifests_sent.len(), 4);
    assert_eq!(outcome.manifests_sent.last(), Some(&digest));
    // Two configurations, two layers, one shared layer, the empty blob, the attestation's `{}`.
    assert_eq!(outcome.blobs.len(), 7);
    assert!(
        outcome
            .blobs
            .iter()
            .all(|blob| blob.fate == BlobFate::Uploaded)
    );
    assert_eq!(to.blob("debut/app", &Digest::of(b"")).unwrap().len(), 0);
    assert!(to.tags("debut/app").is_empty());
    let log = to.requests();
    let first_manifest = log
        .iter()
        .position(|request| request.method == "PUT" && request.path.contains("/manifests/"));
    let last_blob = log
        .iter()
        .rposition(|request| request.path.contains("/uploads/"));
    assert!(first_manifest > last_blob, "{log:?}");
    let last = seen.lock().unwrap().last().unwrap().clone();
    assert_eq!(last.bytes_sent, last.bytes_total);
    assert_eq!(last.bytes_total, outcome.bytes_sent);
}

#[tokio::test]
async fn a_second_run_sends_nothing() {
    let (from, to) = (registry().await, registry().await);
    preload(&from, "a", 1000);
    let resolved = resolve(&client(), &image(&format!("{}/a:v1", from.host())))
        .await
        .unwrap();
    let destination = repository(&to.host(), "b");
    let copied = copy_quietly(&resolved.source, &resolved.manifest, &destination);
    copied.await.unwrap();
    to.clear_requests();
    from.clear_requests();
    let again = copy_quietly(&resolved.source, &resolved.manifest, &destination)
        .await
        .unwrap();
    assert_eq!(writes(&to), Vec::<String>::new());
    assert!(
        from.requests()
            .iter()
            .all(|request| !request.path.contains("/blobs/"))
    );
    assert!(
        again
            .blobs
            .iter()
            .all(|blob| blob.fate == BlobFate::Existed)
    );
    assert_eq!((again.bytes_sent, again.manifests_sent.len()), (0, 0));
}

#[tokio::test]
async fn a_run_after_a_failure_sends_only_what_is_missing() {
    let from = registry().await;
    preload(&from, "a", 50_000);
    let resolved = resolve(&client(), &image(&format!("{}/a:v1", from.host())))
        .await
        .unwrap();
    let puts = AtomicUsize::new(0);
    let to = registry_with(move |request| {
        let upload = request.method() == "PUT" && request.uri().path().contains("/uploads/");
        let refuse = upload && puts.fetch_add(1, Ordering::Relaxed) == 3;
        refuse.then(|| {
            let body = r#"{"errors":[{"code":"DENIED","message":"quota\u0007"}]}"#;
            answer(403, &[], body)
        })
    })
    .await;
    let destination = repository(&to.host(), "b");
    let error = copy_quietly(&resolved.source, &resolved.manifest, &destination)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("DENIED: quota"), "{error}");
    assert!(
        writes(&to)
            .iter()
            .all(|write| !write.contains("/manifests/"))
    );
    assert_eq!(to.open_uploads(), 0, "sessions are closed");
    let outcome = copy_quietly(&resolved.source, &resolved.manifest, &destination)
        .await
        .unwrap();
    let existed = outcome
        .blobs
        .iter()
        .filter(|blob| blob.fate == BlobFate::Existed);
    assert!(existed.count() >= 3, "{outcome:?}");
}

#[tokio::test]
async fn inside_one_registry_blobs_are_mounted() {
    let registry = registry().await;
    preload(&registry, "a", 1000);
    let resolved = resolve(&client(), &image(&format!("{}/a:v1", registry.host())))
        .await
        .unwrap();
    let destination = repository(&registry.host(), "b");
    let planned = survey(
        &resolved.source,
        &resolved.manifest,
        &client(),
        &destination,
    )
    .await
    .unwrap();
    assert!(
        planned
            .blobs
            .iter()
            .all(|blob| blob.action == BlobAction::Mount)
    );
    assert_eq!(planned.bytes_to_send, 0);
    let outcome = copy_quietly(&resolved.source, &resolved.manifest, &destination)
        .await
        .unwrap();
    assert!(
        outcome
            .blobs
            .iter()
            .all(|blob| blob.fate == BlobFate::Mounted)
    );
    assert!(
        registry
            .requests()
            .iter()
            .all(|request| { request.method != "GET" || !request.path.contains("/blobs/") })
    );
}

#[tokio::test]
async fn a_refused_mount_falls_back_to_sending() {
    let registry = registry_with(|request| {
        let mounts = request
            .uri()
            .query()
            .is_some_and(|query| query.contains("mount="));
        mounts.then(|| answer(405, &[], ""))
    })
    .await;
    preload(&registry, "a", 1000);
    let resolved = resolve(&client(), &image(&format!("{}/a:v1", registry.host())))
        .await
        .unwrap();
    let destination = repository(&registry.host(), "b");
    let outcome = copy_quietly(&resolved.source, &resolved.manifest, &destination)
        .await
        .unwrap();
    assert!(
        outcome
            .blobs
            .iter()
            .all(|blob| blob.fate == BlobFate::Uploaded)
    );
}

#[tokio::test]
async fn the_survey_counts_what_has_to_be_sent() {
    let (from, to) = (registry().await, registry().await);
    preload(&from, "a", 5000);
    to.put_blob("b", noise(1, 5000));
    let resolved = resolve(&client(), &image(&format!("{}/a:v1", from.host())))
        .await
        .unwrap();
    let destination = repository(&to.host(), "b");
    let planned = survey(
        &resolved.source,
        &resolved.manifest,
        &client(),
        &destination,
    )
    .await
    .unwrap();
    let configs = config("amd64").len() + config("arm64").len();
    assert_eq!(planned.bytes_to_send, 5000 + 100 + 2 + configs as u64);
    assert_eq!(planned.missing_manifests.len(), 4);
    assert_eq!(writes(&to), Vec::<String>::new());
}

#[tokio::test]
async fn cancelling_ends_soon_and_closes_the_sessions() {
    // A source that breaks off again and again takes seconds for its one layer.
    let layer = noise(5, 1_000_000);
    let (slow, _) = super::hostile::dripping(layer.clone(), 100_000).await;
    let to = registry().await;
    to.put_blob("b", config("amd64"));
    let manifest = RawManifest::new(
        odd_manifest(&config("amd64"), &[layer]),
        media_type::OCI_MANIFEST.to_owned(),
    );
    let source = Source::Registry {
        client: client(),
        repository: repository(&slow, "a"),
    };
    let cancel = CancellationToken::new();
    let cancelled_at = Mutex::new(None);
    let result = copy(
        &source,
        &manifest,
        &client(),
        &repository(&to.host(), "b"),
        &cancel,
        &|progress| {
            if progress.bytes_sent > 0 {
                cancelled_at
                    .lock()
                    .unwrap()
                    .get_or_insert_with(Instant::now);
                cancel.cancel();
            }
        },
    )
    .await;
    let took = cancelled_at.lock().unwrap().map(|at| at.elapsed());
    assert!(
        matches!(result, Err(RegistryError::Cancelled)),
        "{result:?}"
    );
    assert!(took.unwrap() < Duration::from_secs(1), "{took:?}");
    assert!(to.tags("b").is_empty());
    assert!(
        writes(&to)
            .iter()
            .all(|write| !write.contains("/manifests/"))
    );
    // The server sees the closed connections and the DELETEs in its own time.
    for _wait in 0..50 {
        if to.open_uploads() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(to.open_uploads(), 0);
}

#[tokio::test]
async fn busy_answers_are_tried_again_and_refusals_are_not() {
    let from = registry().await;
    preload(&from, "a", 1000);
    let resolved = resolve(&client(), &image(&format!("{}/a:v1", from.host())))
        .await
        .unwrap();
    let seen = Mutex::new(std::collections::HashSet::new());
    let to = registry_with(move |request| {
        // Upload sessions have names of their own, the blob's digest is in the query.
        let uri = request.uri();
        let name = uri.query().unwrap_or(uri.path());
        let key = format!("{} {name}", request.method());
        let first = seen.lock().unwrap().insert(key);
        let hit = first && (request.method() == "PUT" || request.method() == "POST");
        hit.then(|| answer(503, &[("retry-after", "0")], ""))
    })
    .await;
    let outcome = copy_quietly(
        &resolved.source,
        &resolved.manifest,
        &repository(&to.host(), "b"),
    )
    .await
    .unwrap();
    assert!(outcome.retries >= 4, "{}", outcome.retries);
    let denied =
        registry_with(|request| (request.method() == "POST").then(|| answer(403, &[], "no"))).await;
    let result = copy_quietly(
        &resolved.source,
        &resolved.manifest,
        &repository(&denied.host(), "b"),
    )
    .await;
    assert!(matches!(
        result,
        Err(RegistryError::Denied { status: 403, .. })
    ));
    assert!(writes(&denied).len() <= 4, "{:?}", writes(&denied));
}

#[tokio::test]
async fn a_registry_that_takes_no_single_put_gets_a_patch() {
    let from = registry().await;
    preload(&from, "a", 200_000);
    let resolved = resolve(&client(), &image(&format!("{}/a:v1", from.host())))
        .await
        .unwrap();
    let to = registry_with(|request| {
        let length = request
            .headers()
            .get("content-length")
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let whole = request.method() == "PUT" && request.uri().path().contains("/uploads/");
        (whole && length.is_some_and(|length| length > 0)).then(|| answer(413, &[], ""))
    })
    .await;
    let outcome = copy_quietly(
        &resolved.source,
        &resolved.manifest,
        &repository(&to.host(), "b"),
    )
    .await
    .unwrap();
    assert!(
        outcome
            .blobs
            .iter()
            .all(|blob| blob.fate == BlobFate::Uploaded)
    );
    assert!(writes(&to).iter().any(|write| write.starts_with("PATCH")));
}
