//! Moving blobs: once each, whole or not at all, counted, and given up quickly.

use super::*;
use countersign::registry::BlobFate;

#[test]
fn r05_the_digest_decides_and_not_the_tag() {
    run(async {
        let way = Way::from(&[Fault::TagMoves], small()).await;
        let client = client();
        let resolved = resolve(&client, &image(&way.source))
            .await
            .expect("it is there");
        let again = resolve(&client, &image(&way.source))
            .await
            .expect("it is there");
        assert_ne!(again.digest(), resolved.digest(), "the tag was moved");
        let to = repository(&way.destination, "known/copy");
        let cancel = CancellationToken::new();
        let copied = copy(
            &resolved.source,
            &resolved.manifest,
            &client,
            &to,
            &cancel,
            &|_| {},
        );
        assert_eq!(
            copied.await.expect("it is copied").digest,
            way.made.digest()
        );
        way.arrived();
        // A name with tag and digest is the digest's.
        let both = format!("{}/known/app:v1@{}", way.source, way.made.digest());
        let pinned = resolve(&client, &both.parse().expect("a name"))
            .await
            .expect("it is there");
        assert_eq!(*pinned.digest(), way.made.digest());
    });
}

#[test]
fn r08_each_blob_goes_once_even_for_two_copies_at_a_time() {
    run(async {
        let way = Way::to(&[], Made::four_platforms(100_000)).await;
        let client = client();
        let (one, two) = tokio::join!(way.copy_by(&client), way.copy_by(&client));
        let (one, two) = (one.expect("copied"), two.expect("copied"));
        way.arrived();
        let mut sent: Vec<String> = way
            .asked("PUT")
            .into_iter()
            .filter_map(|asked| Some(asked.path.split_once("digest=")?.1.to_owned()))
            .collect();
        let all = sent.len();
        sent.sort();
        sent.dedup();
        assert_eq!(sent.len(), all, "no blob was sent twice");
        let uploaded = |outcome: &CopyOutcome| {
            let blobs = outcome.blobs.iter();
            blobs.filter(|blob| blob.fate == BlobFate::Uploaded).count()
        };
        assert_eq!(uploaded(&one) + uploaded(&two), all);
    });
}

#[test]
fn r08_mounting_is_tried_and_made_up_for() {
    run(async {
        for (fault, sent) in [
            (None, 0),
            (Some(Fault::MountIgnored), 4),
            (Some(Fault::MountRefused), 4),
        ] {
            let registry = registry().await;
            let made = small();
            made.put(&registry, "known/app", "v1");
            let having: Vec<Fault> = fault.into_iter().collect();
            let faulty = FaultRegistry::start(&registry.host(), &having).await;
            let client = client();
            let resolved = resolve(&client, &image(faulty.host()))
                .await
                .expect("it is there");
            let to = repository(faulty.host(), "known/copy");
            let cancel = CancellationToken::new();
            let copied = copy(
                &resolved.source,
                &resolved.manifest,
                &client,
                &to,
                &cancel,
                &|_| {},
            );
            let outcome = copied.await.expect("it is copied");
            let uploads = outcome
                .blobs
                .iter()
                .filter(|blob| blob.fate == BlobFate::Uploaded);
            assert_eq!(uploads.count(), sent, "{fault:?}");
            assert_eq!(
                registry.open_uploads(),
                0,
                "{fault:?}: no session is left behind"
            );
        }
    });
}

#[test]
fn r10_a_flipped_bit_never_arrives() {
    run(async {
        let way = Way::from(&[Fault::BitFlipped], large()).await;
        let error = way.copy().await.expect_err("it is another blob");
        assert!(
            error.to_string().contains("the source's blob sha256:"),
            "{error}"
        );
        let tried = way.to.requests();
        let finished = tried
            .iter()
            .filter(|asked| asked.method == "PUT" && asked.path.contains("/manifests/"));
        assert_eq!(finished.count(), 0);
        assert!(
            way.to
                .blob("known/copy", &Digest::of(&way.made.blobs[0]))
                .is_none()
        );
    });
}

#[test]
fn r11_progress_never_exceeds_the_whole_and_ends_there() {
    run(async {
        let way = Way::from(&[Fault::CutAlways, Fault::Trickle], large()).await;
        let seen = Mutex::new(Vec::new());
        let cancel = CancellationToken::new();
        let note = |progress: CopyProgress| {
            seen.lock()
                .expect("no panic")
                .push((Instant::now(), progress));
        };
        way.watched(&client(), &cancel, &note)
            .await
            .expect("it is copied");
        let seen = seen.into_inner().expect("no panic");
        assert!(
            seen.iter()
                .all(|(_, state)| state.bytes_sent <= state.bytes_total)
        );
        let (_, last) = seen.last().expect("there was progress");
        assert_eq!(last.bytes_sent, last.bytes_total);
        for pair in seen.windows(2) {
            let between = pair[1].0 - pair[0].0;
            assert!(
                between < Duration::from_millis(600),
                "{between:?} on a busy machine"
            );
        }
    });
}

#[test]
fn r11_a_cancelled_copy_ends_within_200_ms_and_closes_its_sessions() {
    run(async {
        for (from, to) in [
            (Some(Fault::Trickle), None),
            (None, Some(Fault::StallUpload)),
        ] {
            let way = match from {
                Some(fault) => Way::from(&[fault], large()).await,
                None => Way::to(&[to.expect("a fault")], large()).await,
            };
            let cancel = CancellationToken::new();
            let at = Mutex::new(None);
            let patient = Client::new(&ClientOptions::default()).expect("a client");
            let result = way
                .watched(&patient, &cancel, &|state| {
                    if state.bytes_sent > 500_000 {
                        at.lock()
                            .expect("no panic")
                            .get_or_insert_with(Instant::now);
                        cancel.cancel();
                    }
                })
                .await;
            let took = at.lock().expect("no panic").map(|at| at.elapsed());
            assert!(
                matches!(result, Err(RegistryError::Cancelled)),
                "{result:?}"
            );
            assert!(
                took.expect("it began") < Duration::from_millis(200),
                "{took:?}"
            );
            for _wait in 0..50 {
                if way.to.open_uploads() == 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(way.to.open_uploads(), 0);
        }
    });
}

#[test]
fn r12_after_429_fewer_blobs_go_at_once() {
    run(async {
        let sizes = vec![50_000; 12];
        let way = Way::to(&[Fault::BusyUpload], Made::image(4, "amd64", &sizes)).await;
        let outcome = way.copy().await.expect("it is tried again");
        assert!(outcome.retries >= 12, "{}", outcome.retries);
        assert!(
            outcome.blobs.iter().any(|blob| blob.retries > 0),
            "the receipt says which"
        );
        way.arrived();
    });
}

#[test]
fn r30_a_second_run_sends_only_what_is_missing() {
    run(async {
        let way = Way::to(&[Fault::DiskFull], small()).await;
        let error = way.copy().await.expect_err("the disk is full");
        assert!(error.to_string().contains("no space left"), "{error}");
        let puts = way.asked("PUT").len();
        assert!(puts <= 8, "two tries a blob, four blobs at once: {puts}");
        let second = FaultRegistry::start(&way.to.host(), &[]).await;
        let way = Way {
            destination: second.host().to_owned(),
            faulty: second,
            ..way
        };
        way.copy().await.expect("there is room now");
        way.arrived();
        way.copy().await.expect("nothing to do");
        let asked = way.asked("PUT");
        let mut paths: Vec<&str> = asked
            .iter()
            .filter_map(|asked| Some(asked.path.split_once("digest=")?.1))
            .collect();
        let all = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), all, "nothing was sent twice");
    });
}
