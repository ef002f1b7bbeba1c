//! Reading: what an image is, from registries that lie about it, break off, fall silent or are busy.

use super::*;
use countersign::registry::inspect;

#[test]
fn r01_an_image_is_read_with_few_requests() {
    run(async {
        let way = Way::from(&[], large()).await;
        let seen = inspect(&client(), &image(&way.source), None)
            .await
            .expect("it is read");
        assert_eq!(
            (seen.digest.clone(), seen.layers.len()),
            (way.made.digest(), 4)
        );
        let own = |asked: &Asked| asked.path.ends_with("/v1") || asked.path.contains("/blobs/");
        assert_eq!(
            way.faulty.asked().iter().filter(|asked| own(asked)).count(),
            2
        );
        let way = Way::from(&[], Made::four_platforms(500)).await;
        let seen = inspect(&client(), &image(&way.source), None)
            .await
            .expect("it is read");
        assert_eq!(seen.platforms.len(), 5);
        let found = client()
            .head_manifest(&repository(&way.source, "known/app"), "v1")
            .await
            .expect("it answers")
            .expect("it is there");
        assert_eq!(found.digest, way.made.digest());
        assert_eq!(
            way.asked("HEAD")
                .iter()
                .filter(|asked| asked.path.ends_with("/v1"))
                .count(),
            1
        );
    });
}

#[test]
fn r01_a_missing_digest_header_is_made_up_for_by_reading() {
    run(async {
        let way = Way::from(&[Fault::NoDigestHeader], small()).await;
        let found = client()
            .head_manifest(&repository(&way.source, "known/app"), "v1")
            .await
            .expect("it answers")
            .expect("it is there");
        assert_eq!(found.digest, way.made.digest());
        way.copy().await.expect("it is copied");
        way.arrived();
    });
}

#[test]
fn r02_a_digest_that_is_not_true_is_refused() {
    run(async {
        let way = Way::from(&[Fault::WrongDigestHeader], small()).await;
        let error = way.copy().await.expect_err("it lies");
        assert!(matches!(error, RegistryError::Mismatch { .. }), "{error}");
        let odd = registry().await;
        let (_, bytes) = small().manifests.remove(0);
        odd.put_manifest(
            "known/app",
            Some("v1"),
            "application/vnd.oci.image.index.v1+json",
            bytes,
        );
        let error = inspect(&client(), &image(&odd.host()), None)
            .await
            .expect_err("it lies");
        assert!(error.to_string().contains("was served as"), "{error}");
    });
}

#[test]
fn r03_a_manifest_above_the_limit_is_not_read() {
    run(async {
        let way = Way::from(&[Fault::HugeManifest], small()).await;
        let error = way.copy().await.expect_err("it is too large");
        assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");
        let mut nested = small();
        for _level in 0..9 {
            nested = Made::index(vec![("amd64", nested)]);
        }
        let way = Way::from(&[], nested).await;
        let error = way.copy().await.expect_err("it is too deep");
        assert!(
            error.to_string().contains("nested deeper than 8"),
            "{error}"
        );
    });
}

#[test]
fn r04_schema_1_is_refused_by_name_and_unknown_types_are_carried() {
    run(async {
        let way = Way::from(&[Fault::Schema1], small()).await;
        let error = way.copy().await.expect_err("it cannot be promoted");
        assert!(
            error
                .to_string()
                .contains("schema 1, which cannot be promoted by digest"),
            "{error}"
        );
    });
}

#[test]
fn r13_what_is_worth_it_is_tried_again() {
    run(async {
        for fault in [Fault::Down, Fault::Error, Fault::Busy] {
            let way = Way::from(&[fault], Made::four_platforms(3000)).await;
            let outcome = way.copy().await.expect("it is tried again");
            assert!(outcome.retries > 5, "{fault:?}: {}", outcome.retries);
            way.arrived();
        }
        // What a registry refuses is not asked twice.
        let way = Way::to(&[Fault::ReadOnly], small()).await;
        let error = way.copy().await.expect_err("nothing can be written");
        assert!(
            matches!(error, RegistryError::Denied { status: 405, .. }),
            "{error}"
        );
        assert!(way.asked("POST").len() <= 4);
        assert_eq!(
            way.asked("PUT").len() + way.asked("PATCH").len(),
            0,
            "not one byte was sent"
        );
    });
}

#[test]
fn r12_a_busy_registry_is_given_the_time_it_asks_for() {
    run(async {
        let way = Way::from(&[Fault::BusyRetryAfter], small()).await;
        let started = Instant::now();
        way.copy().await.expect("it is tried again");
        way.arrived();
        assert!(started.elapsed() >= Duration::from_secs(1));
        assert!(
            started.elapsed() < Duration::from_secs(8),
            "one wait serves all requests"
        );
    });
}

#[test]
fn r13_a_body_that_breaks_off_is_read_on_by_range() {
    run(async {
        for fault in [Fault::CutOnce, Fault::CutAlways] {
            let way = Way::from(&[fault], Made::image(1, "amd64", &[12_000_000])).await;
            way.copy().await.expect("it goes on");
            way.arrived();
            let ranges: Vec<_> = way
                .asked("GET")
                .into_iter()
                .filter_map(|asked| asked.range)
                .collect();
            let breaks = if fault == Fault::CutOnce { 1 } else { 7 };
            assert!(ranges.len() >= breaks, "{fault:?}: {ranges:?}");
            assert!(ranges.iter().all(|range| range != "bytes=0-"), "{ranges:?}");
        }
    });
}

#[test]
fn r13_a_silence_is_ended_and_the_rest_is_read() {
    run(async {
        let way = Way::from(&[Fault::StallReading], large()).await;
        let started = Instant::now();
        way.copy().await.expect("it goes on");
        way.arrived();
        assert!(started.elapsed() < Duration::from_secs(5));
        // What comes slowly is not silent.
        let way = Way::from(&[Fault::Trickle], large()).await;
        let outcome = way.copy().await.expect("it comes in its own time");
        assert_eq!(outcome.retries, 0);
        way.arrived();
    });
}

#[test]
fn r28_lists_are_read_to_their_end() {
    run(async {
        let way = Way::from(&[Fault::Paging], small()).await;
        for tag in ["v2", "v3", "v4", "v5"] {
            way.made.put(&way.from, "known/app", tag);
        }
        let tags = client()
            .tags(&repository(&way.source, "known/app"))
            .await
            .expect("a list");
        assert_eq!(tags, ["v1", "v2", "v3", "v4", "v5"]);
        assert_eq!(way.asked("GET").len(), 3);
    });
}
