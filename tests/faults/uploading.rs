//! Uploading: registries that take blobs in their own way, and uploads that break.

use super::*;

/// Copies a large image to a registry with these faults.
async fn sent(faults: &[Fault]) -> (Way, CopyOutcome) {
    let way = Way::to(faults, large()).await;
    let outcome = way.copy().await.expect("it is copied");
    way.arrived();
    (way, outcome)
}

#[test]
fn r08_a_registry_takes_blobs_in_its_own_form_and_is_remembered() {
    run(async {
        let (way, _) = sent(&[]).await;
        assert_eq!(
            way.asked("PATCH").len(),
            0,
            "one PUT a blob where that is taken"
        );
        for fault in [Fault::NoWholePut, Fault::PartTooLarge, Fault::PartTooSmall] {
            let way = Way::to(&[fault], large()).await;
            let client = client();
            way.copy_by(&client).await.expect("it is copied");
            way.arrived();
            // What was learnt holds for the next copy: no large PUT is tried again.
            let before = way.asked("PUT").len();
            let more = Made::image(9, "amd64", &[4_000_000]);
            more.put(&way.from, "known/app", "v1");
            way.copy_by(&client).await.expect("it is copied");
            let later = way.asked("PUT");
            assert!(
                later[before..]
                    .iter()
                    .all(|asked| asked.length == 0 || asked.path.contains("/manifests/")),
                "{fault:?}"
            );
        }
    });
}

#[test]
fn r08_parts_have_the_size_that_the_registry_wants() {
    run(async {
        let (way, _) = sent(&[Fault::PartTooSmall]).await;
        let parts: Vec<Asked> = way
            .asked("PATCH")
            .into_iter()
            .filter(|asked| asked.status == 202)
            .collect();
        assert!(parts.iter().any(|part| part.length == 2 << 20), "{parts:?}");
        let (way, _) = sent(&[Fault::PartTooLarge]).await;
        assert!(
            way.asked("PATCH")
                .iter()
                .any(|part| part.status == 202 && part.length == 1 << 20)
        );
    });
}

#[test]
fn r08_a_part_that_was_kept_in_part_is_completed() {
    run(async {
        let (way, _) = sent(&[Fault::ShortPatch, Fault::NoWholePut]).await;
        let parts = way.asked("PATCH");
        let rest = parts
            .iter()
            .find(|part| part.length == 1_000_000)
            .expect("the rest was sent");
        assert_eq!(rest.content_range.as_deref(), Some("4000000-4999999"));
    });
}

#[test]
fn r13_an_upload_that_breaks_goes_on_where_it_was() {
    run(async {
        for fault in [Fault::CutUploadOnce, Fault::CutUpload, Fault::StallUpload] {
            let (way, outcome) = sent(&[fault]).await;
            assert!(outcome.retries > 0, "{fault:?}");
            let ranges: Vec<_> = way
                .asked("PATCH")
                .into_iter()
                .filter_map(|asked| asked.content_range)
                .collect();
            assert_eq!(
                ranges.first().map(String::as_str),
                Some("1500000-4999999"),
                "{fault:?}"
            );
            let posts = way.asked("POST");
            assert_eq!(
                posts.len(),
                way.made.blobs.len(),
                "{fault:?}: no second session"
            );
        }
    });
}

#[test]
fn r13_a_busy_upload_waits_within_its_session() {
    run(async {
        for fault in [Fault::BusyUpload, Fault::DownUpload] {
            let (way, _) = sent(&[fault]).await;
            assert_eq!(way.asked("POST").len(), way.made.blobs.len(), "{fault:?}");
        }
    });
}

#[test]
fn r13_a_busy_manifest_is_put_again() {
    run(async {
        let (_way, outcome) = sent(&[Fault::BusyManifest]).await;
        assert_eq!(outcome.retries, 1);
    });
}

#[test]
fn r13_a_full_disk_is_tried_once_more_and_named() {
    run(async {
        sent(&[Fault::DiskFullOnce]).await;
        let way = Way::to(&[Fault::DiskFull], large()).await;
        let error = way.copy().await.expect_err("the disk is full");
        assert!(
            matches!(error, RegistryError::Unavailable { status: 500, .. }),
            "{error}"
        );
        let tries = way
            .asked("PUT")
            .iter()
            .filter(|asked| asked.length == 5_000_000)
            .count();
        assert!(tries <= 2, "{tries}");
    });
}

#[test]
fn r06_answers_that_are_not_quite_right_are_taken() {
    run(async {
        sent(&[Fault::Patch201, Fault::NoWholePut]).await;
        sent(&[Fault::NoLocation]).await;
        let (way, outcome) = sent(&[Fault::BlobElsewhere]).await;
        assert_eq!(
            outcome.bytes_sent,
            way.made
                .blobs
                .iter()
                .map(|blob| blob.len() as u64)
                .sum::<u64>()
        );
    });
}

#[test]
fn r17_a_tag_that_cannot_be_put_is_named() {
    run(async {
        let way = Way::to(&[Fault::Immutable], small()).await;
        way.copy().await.expect("no tag is touched");
        let client = client();
        let to = repository(&way.destination, "known/copy");
        let manifest = client
            .manifest(&to, &way.made.digest().to_string())
            .await
            .expect("it is there");
        client
            .put_manifest(&to, "v1", &manifest)
            .await
            .expect("a new tag");
        let error = client
            .put_manifest(&to, "v1", &manifest)
            .await
            .expect_err("it is there");
        assert!(matches!(error, RegistryError::Immutable { .. }), "{error}");
    });
}
