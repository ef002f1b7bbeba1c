//! Promotions to Amazon ECR, against a strict double of it: log-in, preflight, consent, refusals.
//!
//! The live service is asked by nobody here; what the double refuses is in `support::ecr`.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::promotion::{Scene, events};
use crate::support::ecr::{ACCOUNT, Ecr, HOST, Role};
use crate::support::program::Output;

/// The repository of the destination.
const NAME: &str = "debut/base-images/caddy";

fn role() -> Role {
    Role {
        key: "ASIAEXAMPLEEXAMPLE00".to_owned(),
        secret: "secret-of-the-role".to_owned(),
        token: "session-of-the-role".to_owned(),
    }
}

/// A scene whose destination is ECR; the program has not logged in.
fn scene() -> Option<(Ecr, Scene)> {
    let runtime = Runtime::new().expect("a runtime starts");
    let ecr = runtime.block_on(Ecr::start(role()))?;
    let mut scene = Scene::set(runtime, HOST);
    ecr.lead(&mut scene.sandbox);
    Some((ecr, scene))
}

fn classes(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|it| it["class"].as_str()).collect()
}

fn receipt(output: &Output) -> Value {
    let events = events(output);
    events.last().expect("there are events")["receipt"].clone()
}

#[test]
fn an_image_goes_from_cloud_shell_to_a_new_repository() {
    let Some((ecr, mut scene)) = scene() else {
        return;
    };
    ecr.log_in_as_cloud_shell(&mut scene.sandbox);
    scene.approve();
    let plan = scene.plan();
    assert_eq!(classes(&plan["blockers"]), ["repository"], "{plan}");
    assert_eq!(plan["preflight"]["exists"], false);
    assert_eq!(plan["preflight"]["missing"], json!([]));
    assert_eq!(
        ecr.count("ecr:CreateRepository"),
        0,
        "a plan changes nothing"
    );
    let digest = scene.digest().to_string();
    let refused = scene.promote(&digest, &[]);
    assert_eq!(refused.code, 5, "{refused:?}");
    assert!(ecr.settings(NAME).is_none(), "nobody consented");

    let promoted = scene.promote(&digest, &["--create-repository"]);
    assert_eq!(promoted.code, 0, "{promoted:?}");
    let settings = ecr.settings(NAME).expect("it was made");
    assert_eq!(settings.mutability, "IMMUTABLE_WITH_EXCLUSION");
    assert!(settings.scan_on_push && settings.excluded == ["sha256-"]);
    let receipt = receipt(&promoted);
    let listed = receipt["listed"].as_array().expect("a list");
    let shown = json!({"digest": digest, "tag": "v2.10.0"});
    assert!(listed.contains(&shown), "{listed:?}");
    assert!(
        listed
            .iter()
            .any(|it| it["tag"].as_str().is_some_and(|tag| tag.contains(".sig"))),
        "{listed:?}"
    );
    let expected = receipt["will_list"].as_array().expect("a list");
    assert!(expected.contains(&shown), "{expected:?}");
    let commands = receipt["commands"].to_string();
    assert!(
        commands.contains("aws ecr create-repository --region eu-west-1"),
        "{commands}"
    );
    assert!(
        commands.contains(&format!("--registry-id {ACCOUNT}")),
        "{commands}"
    );

    // Again, where no tag can be put twice: nothing is written.
    let before = ecr.log().len();
    let again = scene.promote(&digest, &["--create-repository"]);
    assert_eq!(again.code, 0, "{again:?}");
    let log = ecr.log();
    let writes = log[before..]
        .iter()
        .filter(|(what, _)| what.starts_with("PUT"));
    assert_eq!(writes.count(), 0, "{log:?}");
    let logins = log[before..]
        .iter()
        .filter(|(what, _)| what == "ecr:GetAuthorizationToken");
    assert_eq!(logins.count(), 1, "one log-in a run: {log:?}");
    let key = scene.stage.folder.join("cosign.pub").display().to_string();
    let verified = scene.document(&["verify", &scene.destination(), "--key", &key]);
    assert_eq!(verified["signed"], true);
}

#[test]
fn a_plan_says_which_permission_is_missing() {
    let Some((ecr, mut scene)) = scene() else {
        return;
    };
    ecr.log_in(&mut scene.sandbox);
    ecr.make(NAME, "MUTABLE");
    ecr.deny("PutImage");
    ecr.deny("UploadLayerPart");
    scene.approve();
    let plan = scene.plan();
    assert_eq!(
        plan["preflight"]["missing"],
        json!(["ecr:UploadLayerPart", "ecr:PutImage"])
    );
    assert_eq!(classes(&plan["blockers"]), ["permission"], "{plan}");
    let refused = scene.promote(&scene.digest().to_string(), &[]);
    assert_eq!(refused.code, 5, "{refused:?}");
    assert_eq!(ecr.count("POST"), 0, "nothing was sent: {:?}", ecr.log());

    let checked = scene.run(&["config", "check", "--remote", "--to", &scene.destination()]);
    assert_eq!(checked.code, 4, "{checked:?}");
    assert!(
        checked.stdout.contains("ecr:UploadLayerPart, ecr:PutImage"),
        "{checked:?}"
    );
}

#[test]
fn a_denial_in_the_middle_names_its_permission() {
    let Some((ecr, mut scene)) = scene() else {
        return;
    };
    ecr.log_in(&mut scene.sandbox);
    ecr.make(NAME, "MUTABLE");
    // Opening an upload is not asked for before.
    ecr.deny("InitiateLayerUpload");
    scene.approve();
    assert_eq!(scene.plan()["blockers"], json!([]));
    let refused = scene.promote(&scene.digest().to_string(), &[]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("permission ecr:InitiateLayerUpload on"),
        "{refused:?}"
    );
    assert_eq!(ecr.store().tags(NAME), [], "no tag was put");
}

#[test]
fn a_role_that_may_only_push_is_enough() {
    let Some((ecr, mut scene)) = scene() else {
        return;
    };
    ecr.log_in(&mut scene.sandbox);
    ecr.make(NAME, "MUTABLE");
    for action in [
        "DescribeRepositories",
        "DescribeImages",
        "GetLifecyclePolicy",
    ] {
        ecr.deny(action);
    }
    scene.approve();
    let plan = scene.plan();
    assert_eq!(plan["blockers"], json!([]), "{plan}");
    assert_eq!(plan["preflight"]["exists"], Value::Null);
    let unseen = plan["preflight"]["unseen"].to_string();
    assert!(
        unseen.contains("ecr:DescribeRepositories is denied"),
        "{unseen}"
    );
    let promoted = scene.promote(&scene.digest().to_string(), &[]);
    assert_eq!(promoted.code, 0, "{promoted:?}");
    assert_eq!(receipt(&promoted)["listed"], json!([]));
}

#[test]
fn a_tag_that_cannot_move_and_rules_that_remove_images_are_told_before() {
    let Some((ecr, mut scene)) = scene() else {
        return;
    };
    ecr.log_in(&mut scene.sandbox);
    ecr.make(NAME, "IMMUTABLE");
    ecr.set_lifecycle(
        NAME,
        r#"{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3}}]}"#,
    );
    let store = ecr.store();
    let config = store.put_blob(NAME, "{}");
    let other = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2}, "layers": []});
    store.put_manifest(
        NAME,
        Some("v2.10.0"),
        "application/vnd.oci.image.manifest.v1+json",
        other.to_string(),
    );
    scene.approve();
    let plan = scene.plan();
    let blockers = classes(&plan["blockers"]);
    assert_eq!(blockers, ["tag-move", "immutable-tag"], "{plan}");
    assert!(classes(&plan["warnings"]).contains(&"lifecycle"), "{plan}");
    assert_eq!(plan["preflight"]["immutability"], "immutable");
    let refused = scene.promote(&scene.digest().to_string(), &["--move-tag"]);
    assert_eq!(refused.code, 5, "{refused:?}");
    let checked = scene.run(&["config", "check", "--remote", "--to", &scene.destination()]);
    assert_eq!(checked.code, 0, "{checked:?}");
    for words in ["exists, tags immutable", "any image beyond the newest 3"] {
        assert!(checked.stdout.contains(words), "{checked:?}");
    }
}

#[test]
fn a_log_in_that_ends_in_the_middle_is_renewed() {
    let Some((ecr, mut scene)) = scene() else {
        return;
    };
    ecr.log_in(&mut scene.sandbox);
    ecr.make(NAME, "MUTABLE");
    scene.approve();
    // The second run finds the promotion done and asks little.
    for requests in [12, 3] {
        let before = ecr.count("ecr:GetAuthorizationToken");
        ecr.end_passwords_after(requests);
        let promoted = scene.promote(&scene.digest().to_string(), &[]);
        assert_eq!(promoted.code, 0, "{promoted:?}");
        let log_ins = ecr.count("ecr:GetAuthorizationToken") - before;
        assert!((2..=4).contains(&log_ins), "{log_ins}: {:?}", ecr.log());
    }
}

#[test]
fn what_is_wrong_with_the_credentials_is_said() {
    let Some((ecr, mut scene)) = scene() else {
        return;
    };
    ecr.make(NAME, "MUTABLE");
    let destination = scene.destination();
    let without = scene.run(&["inspect", &destination]);
    assert_eq!(without.code, 4, "{without:?}");
    assert!(without.stderr.contains("no AWS credentials"), "{without:?}");
    assert!(
        without.stderr.contains("CloudShell is logged in by itself"),
        "{without:?}"
    );

    ecr.log_in(&mut scene.sandbox);
    scene.sandbox.set("AWS_SECRET_ACCESS_KEY", "another");
    let wrong = scene.run(&["inspect", &destination]);
    assert_eq!(wrong.code, 4, "{wrong:?}");
    assert!(
        wrong.stderr.contains("InvalidSignatureException"),
        "{wrong:?}"
    );
    assert!(
        wrong.stderr.contains("the clock of this machine"),
        "{wrong:?}"
    );

    ecr.log_in(&mut scene.sandbox);
    ecr.end_role();
    let ended = scene.run(&["inspect", &destination]);
    assert!(ended.stderr.contains("ExpiredTokenException"), "{ended:?}");
    assert!(ended.stderr.contains("log in to AWS again"), "{ended:?}");

    // What `docker login` left is tried where AWS gives nothing.
    let config = json!({"auths": {HOST: {"username": "AWS", "password": ecr.password()}}});
    let folder = scene.sandbox.home().join(".docker");
    std::fs::create_dir_all(&folder).expect("the home is ours");
    std::fs::write(folder.join("config.json"), config.to_string()).expect("the home is ours");
    let kept = scene.run(&["inspect", &destination]);
    assert!(kept.stderr.contains("does not exist"), "{kept:?}");
}
