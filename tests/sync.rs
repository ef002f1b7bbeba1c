//! Lists of promotions: what is copied, what is left alone, what is refused, and what the exit code says.
//!
//! How a file of them is read has its tests beside the reader.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::cli::valid;
use crate::promotion::{REPOSITORY, Scene, events, scene};
use crate::support::judges::judge;
use crate::support::program::{Output, Sandbox};
use crate::support::server::DockerRegistry;

/// Writes a list; each entry is its source, its tag and more lines.
fn write(scene: &Scene, entries: &[(&str, &str, &str)]) {
    let mut text = String::from("images: [ignored]\nsync:\n");
    for (source, tag, more) in entries {
        let host = &scene.host;
        write!(
            text,
            "- source: {source}\n  destination: {host}/{REPOSITORY}:{tag}\n{more}"
        )
        .expect("a text takes a line");
    }
    std::fs::write(scene.sandbox.work().join("list.yaml"), text)
        .expect("the working folder is ours");
}

fn sync(scene: &Scene, more: &[&str]) -> Output {
    scene.run(&[&["sync", "list.yaml", "--format", "json"][..], more].concat())
}

/// Returns the document after the events, and the events.
fn told(output: &Output) -> (Value, Vec<Value>) {
    let mut all = events(output);
    let last = all.pop().expect("there is a document");
    assert_eq!(last["schema"], "countersign/sync/v1", "{last}");
    (last, all)
}

fn outcomes(document: &Value) -> Vec<&str> {
    let entries = document["entries"].as_array().into_iter().flatten();
    entries
        .filter_map(|entry| entry["outcome"].as_str())
        .collect()
}

#[test]
fn only_what_differs_and_is_approved_is_copied() {
    let (registry, scene) = scene();
    scene.approve();
    let good = scene.stage.approved.reference.clone();
    let bad = scene.stage.rejected.reference.clone();
    let reports = scene.stage.reports().display().to_string();
    write(
        &scene,
        &[
            (&bad, "old", ""),
            (&good, "new", ""),
            (&format!("{good}-absent"), "gone", ""),
            (&good, "twice", "  always: true\n  approval: gate\n"),
        ],
    );
    let planned = sync(&scene, &["--reports", &reports, "--dry-run"]);
    assert_eq!(planned.code, 3, "one source is not there: {planned:?}");
    let document = valid(&planned);
    assert_eq!(
        outcomes(&document),
        ["blocked", "planned", "failed", "planned"]
    );
    assert_eq!(
        document["notices"][0],
        "ignored, as not about sync: `images`"
    );
    assert_eq!(registry.tags(REPOSITORY), [], "a dry run copies nothing");

    let done = sync(&scene, &["--reports", &reports]);
    assert_eq!(done.code, 5, "{done:?}");
    let (document, events) = told(&done);
    assert_eq!(
        outcomes(&document),
        ["blocked", "promoted", "failed", "promoted"]
    );
    assert_eq!(document["totals"]["promoted"], 2);
    let numbers: Vec<u64> = events
        .iter()
        .filter_map(|event| event["entry"].as_u64())
        .collect();
    assert!(numbers.is_sorted() && numbers.first() == Some(&1) && numbers.last() == Some(&3));
    // Everything was planned before anything moved.
    let heads = registry.requests();
    let first_write = heads
        .iter()
        .position(|it| it.method == "PUT")
        .expect("it was copied");
    let last_look = heads
        .iter()
        .position(|it| it.path.ends_with("/manifests/twice"));
    assert!(
        last_look.is_some_and(|look| look < first_write),
        "{heads:?}"
    );
    for entry in [&document["entries"][1], &document["entries"][3]] {
        assert_eq!(entry["receipt"]["digest"], scene.digest().to_string());
        assert!(
            entry["receipt"]["ledger_entry"].is_u64(),
            "one receipt each"
        );
    }
    assert!(
        document["entries"][0]["error"]
            .as_str()
            .is_some_and(|text| text.contains("blocked"))
    );
    let tags: Vec<String> = registry
        .tags(REPOSITORY)
        .into_iter()
        .map(|(tag, _)| tag)
        .collect();
    let named = |tag: &str| tags.iter().any(|known| known == tag);
    assert!(
        named("new") && named("twice") && !named("old") && !named("gone"),
        "{tags:?}"
    );

    // Again: what is there is left alone, but for what is always promoted.
    let again = sync(&scene, &["--reports", &reports]);
    let (document, _) = told(&again);
    assert_eq!(
        outcomes(&document),
        ["blocked", "unchanged", "failed", "promoted"]
    );
}

#[test]
fn a_list_may_ask_for_less_but_not_pass_over_a_rejection() {
    let (registry, scene) = scene();
    let bad = scene.stage.rejected.reference.clone();
    write(&scene, &[(&bad, "v1", "  approval: none\n")]);
    let done = sync(&scene, &[]);
    assert_eq!(done.code, 0, "{done:?}");
    let (document, _) = told(&done);
    let plan = &document["entries"][0]["plan"];
    assert_eq!(plan["approval"], "none");
    assert_eq!(plan["gate"]["open"], false, "what the gate says stays true");
    let warnings = plan["warnings"].to_string();
    assert!(warnings.contains("approval-passed-over"), "{warnings}");

    scene.document(&[
        "decide",
        &scene.reports("caddy-2.7.6"),
        "--whole-image",
        "--decision",
        "reject",
        "--reason",
        "old",
    ]);
    write(&scene, &[(&bad, "v2", "  approval: none\n")]);
    let rejected = sync(&scene, &[]);
    assert_eq!(rejected.code, 5, "{rejected:?}");
    let (document, _) = told(&rejected);
    let blockers = document["entries"][0]["plan"]["blockers"].to_string();
    assert!(blockers.contains("rejected this image"), "{blockers}");
    assert_eq!(
        registry
            .tags(REPOSITORY)
            .iter()
            .filter(|(tag, _)| tag == "v2")
            .count(),
        0
    );
}

#[test]
fn a_tag_moves_only_where_the_file_says_so() {
    let (registry, scene) = scene();
    let (good, bad) = (
        scene.stage.approved.reference.clone(),
        scene.stage.rejected.reference.clone(),
    );
    scene.approve();
    write(&scene, &[(&bad, "v1", "  approval: none\n")]);
    assert_eq!(sync(&scene, &[]).code, 0);
    write(&scene, &[(&good, "v1", "")]);
    let reports = scene.new_reports();
    let refused = sync(&scene, &["--reports", &reports]);
    assert_eq!(refused.code, 5, "{refused:?}");
    write(&scene, &[(&good, "v1", "  move_tag: true\n")]);
    let moved = sync(&scene, &["--reports", &reports]);
    assert_eq!(moved.code, 0, "{moved:?}");
    let tag = ("v1".to_owned(), scene.digest().clone());
    assert!(registry.tags(REPOSITORY).contains(&tag));
}

#[test]
fn what_is_wrong_with_a_list_is_told_before_anything_is_read() {
    let (registry, scene) = scene();
    let good = scene.stage.approved.reference.clone();
    write(&scene, &[(&good, "v1", ""), (&good, "v1", "")]);
    let twice = sync(&scene, &[]);
    assert_eq!(twice.code, 3, "{twice:?}");
    assert!(twice.stderr.contains("line 5: `destination`"), "{twice:?}");
    write(&scene, &[(&good, "v1", "  force: true\n")]);
    let unknown = sync(&scene, &[]);
    assert!(
        unknown.stderr.contains("line 5: `force` is no key"),
        "{unknown:?}"
    );
    assert!(
        unknown.stderr.contains("hint: the keys are source"),
        "{unknown:?}"
    );
    write(&scene, &[(&good, "v1", "")]);
    let unevidenced = sync(&scene, &[]);
    assert_eq!(unevidenced.code, 5, "{unevidenced:?}");
    let (document, _) = told(&unevidenced);
    let error = document["entries"][0]["error"].to_string();
    assert!(error.contains("no approval"), "{error}");
    assert_eq!(registry.tags(REPOSITORY), []);
}

#[test]
fn skopeo_reads_the_digests_that_were_synced_to_docker_registry() {
    let (Some(registry), Some(skopeo)) = (DockerRegistry::start(), judge("skopeo")) else {
        return;
    };
    let runtime = Runtime::new().expect("a runtime starts");
    let scene = Scene::set(runtime, &registry.host());
    scene.approve();
    let (good, bad) = (
        scene.stage.approved.reference.clone(),
        scene.stage.rejected.reference.clone(),
    );
    write(
        &scene,
        &[(&good, "new", ""), (&bad, "old", "  approval: none\n")],
    );
    let reports = scene.stage.reports().display().to_string();
    let done = sync(&scene, &["--reports", &reports]);
    assert_eq!(done.code, 0, "{done:?}");
    for (tag, digest) in [
        ("new", &scene.stage.approved.digest),
        ("old", &scene.stage.rejected.digest),
    ] {
        let name = format!("docker://{}/{REPOSITORY}:{tag}", scene.host);
        let arguments = ["inspect", "--tls-verify=false", &name];
        let answer = Sandbox::new().run_other(&skopeo, arguments, b"");
        assert_eq!(answer.code, 0, "{answer:?}");
        assert_eq!(answer.json()["Digest"], json!(digest), "{tag}");
    }
    let unchanged = sync(&scene, &["--reports", &reports]);
    let (document, _) = told(&unchanged);
    assert_eq!(outcomes(&document), ["unchanged", "unchanged"]);
}
