//! Log-ins: renewed once for all, and never shown to a stranger.

use super::*;

#[test]
fn r14_a_token_that_runs_out_is_renewed_for_all_at_once() {
    run(async {
        let way = Way::to(&[Fault::TokenExpires], Made::four_platforms(60_000)).await;
        way.copy().await.expect("tokens are renewed");
        way.arrived();
        let asked = way.faulty.asked();
        let tokens = asked
            .iter()
            .filter(|asked| asked.path.starts_with("/token"))
            .count();
        // One for each scope, and one whenever it ran out: for all requests on their way together.
        assert!((3..=8).contains(&tokens), "{tokens} of {}", asked.len());
        let way = Way::from(&[Fault::TokenExpires], Made::four_platforms(60_000)).await;
        way.copy().await.expect("tokens are renewed");
        way.arrived();
    });
}

#[test]
fn r14_a_missing_log_in_is_said_at_once() {
    run(async {
        let way = Way::from(&[Fault::LogInMissing], small()).await;
        let error = way.copy().await.expect_err("there is no log-in");
        assert!(
            matches!(error, RegistryError::Unauthorized { .. }),
            "{error}"
        );
        assert_eq!(way.to.tags("known/copy"), []);
    });
}

#[test]
fn r15_no_stranger_hears_a_log_in() {
    run(async {
        let way = Way::from(&[Fault::Redirect], small()).await;
        let (client, _folder) = client_for(&way.source);
        way.copy_by(&client)
            .await
            .expect("storage elsewhere is read without a log-in");
        way.arrived();
        silent(&way);

        let way = Way::to(&[Fault::LocationElsewhere], small()).await;
        let (client, _folder) = client_for(&way.destination);
        way.copy_by(&client)
            .await
            .expect("storage elsewhere is written without a log-in");
        way.arrived();
        silent(&way);

        let way = Way::from(&[Fault::RealmElsewhere], small()).await;
        let (client, _folder) = client_for(&way.source);
        let error = way
            .copy_by(&client)
            .await
            .expect_err("the stranger is no token service");
        assert!(error.to_string().contains("withheld"), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"));
        silent(&way);
    });
}

#[track_caller]
fn silent(way: &Way) {
    let heard = way.faulty.heard();
    assert!(!heard.is_empty(), "the stranger was asked");
    assert!(
        heard.iter().all(|asked| asked.authorization.is_none()),
        "{heard:?}"
    );
}

#[test]
fn r29_a_failure_says_its_class_and_the_next_step() {
    use countersign::error::{ErrorKind, Explain as _};
    run(async {
        for (faults, kind) in [
            (&[Fault::LogInMissing][..], ErrorKind::Remote),
            (&[Fault::HugeManifest], ErrorKind::Input),
            (&[Fault::WrongDigestHeader], ErrorKind::Refused),
        ] {
            let error = Way::from(faults, small())
                .await
                .copy()
                .await
                .expect_err("a fault");
            assert_eq!(error.kind(), kind, "{error}");
        }
        let error = Way::to(&[Fault::DiskFull], small())
            .await
            .copy()
            .await
            .expect_err("a fault");
        assert!(
            error
                .hints()
                .iter()
                .any(|hint| hint.contains("not sent twice")),
            "{error}"
        );
    });
}

#[test]
fn the_profile_of_ecr_takes_an_image_once() {
    run(async {
        let way = Way::to(&[Fault::Ecr, Fault::NoWholePut], large()).await;
        let (client, _folder) = client_for(&way.destination);
        way.copy_by(&client).await.expect("it is copied");
        way.arrived();
        let to = repository(&way.destination, "known/copy");
        let manifest = client
            .manifest(&to, &way.made.digest().to_string())
            .await
            .expect("it is there");
        client
            .put_manifest(&to, "v1", &manifest)
            .await
            .expect("a new tag");
        let again = client.put_manifest(&to, "v1", &manifest).await;
        assert!(
            matches!(again, Err(RegistryError::Immutable { .. })),
            "{again:?}"
        );
        assert_eq!(client.tags(&to).await.expect("a list"), ["v1"]);
        let missing = repository(&way.destination, "unknown/copy");
        let error = client
            .put_blob(&missing, "x".into())
            .await
            .expect_err("no such repository");
        assert!(
            matches!(error, RegistryError::Denied { ref code, .. } if code == "NAME_UNKNOWN"),
            "{error}"
        );
    });
}
