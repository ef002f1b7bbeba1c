//! What is refused, with the contract's exit code, and that nothing was tagged then.
//!
//! Each refusal is provoked by what a person or somebody else would really do.

use std::fs;

use countersign::demo::SyntheticImage;
use countersign::demo::registry::Registry;
use countersign::model::Digest;
use serde_json::Value;

use super::{REPOSITORY, scene};
use crate::cli::valid;
use crate::support::program::Output;

#[track_caller]
fn refused(registry: &Registry, output: &Output, code: i32, words: &str) {
    assert_eq!(output.code, code, "{output:?}");
    assert!(output.stderr.contains(words), "{output:?}");
    assert_eq!(registry.tags(REPOSITORY), [], "nothing is tagged");
}

#[test]
fn a_wrong_digest() {
    let (registry, scene) = scene();
    scene.approve();
    let other = scene.stage.rejected.digest.to_string();
    let output = scene.promote(&other, &[]);
    refused(&registry, &output, 5, "was asked for");
}

#[test]
fn a_tag_that_moved_between_review_and_push() {
    let (registry, scene) = scene();
    scene.approve();
    let plan = scene.plan();
    let plan_digest = plan["plan_digest"].as_str().expect("a digest");
    // Somebody else pushes to the tag.
    let other = push_other(&registry, REPOSITORY);
    for more in [&["--plan-digest", plan_digest][..], &[]] {
        let output = scene.promote(&scene.digest().to_string(), more);
        assert_eq!(output.code, 5, "{output:?}");
    }
    let tags = registry.tags(REPOSITORY);
    assert_eq!(tags, [("v2.10.0".to_owned(), other.clone())]);

    // With consent it moves, and the receipt says from where.
    let moved = scene.promote(&scene.digest().to_string(), &["--move-tag"]);
    assert_eq!(moved.code, 0, "{moved:?}");
    let last = super::events(&moved).pop().expect("events");
    assert_eq!(
        last["receipt"]["previous_tag_digest"],
        Value::from(other.to_string())
    );
}

/// Puts another image under the tag.
fn push_other(registry: &Registry, repository: &str) -> Digest {
    let files = [("etc/other", 1024)];
    let image = SyntheticImage::build("other", &files, "2025-01-01T00:00:00Z");
    image.push(registry, repository, "v2.10.0");
    image.digest()
}

#[test]
fn a_source_tag_that_moved() {
    let (registry, scene) = scene();
    scene.approve();
    push_other(&scene.stage.upstream, "library/caddy");
    let output = scene.promote(&scene.digest().to_string(), &[]);
    refused(&registry, &output, 5, "was asked for");
}

#[test]
fn a_changed_report() {
    let (registry, scene) = scene();
    scene.approve();
    let plan = scene.plan();
    let plan_digest = plan["plan_digest"].as_str().expect("a digest");
    let path = scene.report("caddy-v2.10.0.trivy.json");
    let mut text = fs::read_to_string(&path).expect("the report");
    text.push(' ');
    fs::write(&path, text).expect("the report can be changed");
    let digest = scene.digest().to_string();
    let planned = scene.promote(&digest, &["--plan-digest", plan_digest]);
    refused(&registry, &planned, 5, "the plan changed");
    let output = scene.promote(&digest, &[]);
    refused(&registry, &output, 5, "no approval was made on");
    let accepted = scene.promote(&digest, &["--acknowledge", "evidence-changed"]);
    assert_eq!(accepted.code, 0, "{accepted:?}");
}

#[test]
fn a_closed_gate() {
    let (registry, scene) = scene();
    let old = scene.reports("caddy-2.7.6");
    let gate = scene.run(&["gate", &old, "--for", "promote", "--format", "json"]);
    assert_eq!(gate.code, 1, "{gate:?}");
    let gate = valid(&gate);
    assert_eq!(
        (&gate["open"], &gate["for"]),
        (&false.into(), &"promote".into())
    );
    scene.document(&[
        "decide",
        &old,
        "--whole-image",
        "--decision",
        "approve",
        "--reason",
        "let it through",
    ]);
    let output = scene.run(&[
        "promote",
        &scene.stage.rejected.reference,
        &format!("{}/{REPOSITORY}:2.7.6", scene.host),
        &old,
        "--digest",
        &scene.stage.rejected.digest.to_string(),
        "--yes",
    ]);
    refused(&registry, &output, 5, "9 vulnerabilities");
}

#[test]
fn no_approval() {
    let (registry, scene) = scene();
    let output = scene.promote(&scene.digest().to_string(), &[]);
    refused(&registry, &output, 5, "0 of 1 approvals");
}

#[test]
fn a_wrong_key_password() {
    let (registry, mut scene) = scene();
    scene.approve();
    scene.sandbox.set("COSIGN_PASSWORD", "wrong");
    let output = scene.promote(&scene.digest().to_string(), &[]);
    refused(&registry, &output, 3, "the password does not open");
    assert_eq!(registry.requests(), [], "nothing was even asked");
}

#[test]
fn a_broken_ledger() {
    let (registry, scene) = scene();
    scene.approve();
    scene.approve();
    let first = scene.stage.ledger().join("000000000001.json");
    fs::remove_file(first).expect("the entry is there");
    let output = scene.promote(&scene.digest().to_string(), &[]);
    refused(&registry, &output, 6, "ledger");
}

#[test]
fn an_unreadable_report_among_good_ones() {
    let (registry, scene) = scene();
    scene.approve();
    let damaged = scene.report("caddy-v2.10.0.damaged.json");
    fs::write(&damaged, "{\"SchemaVersion\": 2, \"Results\": [").expect("a file can be written");
    let gate = scene.run(&["gate", &scene.new_reports()]);
    assert_eq!(gate.code, 3, "{gate:?}");
    let output = scene.promote(&scene.digest().to_string(), &[]);
    refused(&registry, &output, 3, "damaged");
}

#[test]
fn what_is_missing_is_a_question_of_usage() {
    let (registry, scene) = scene();
    let digest = scene.digest().to_string();
    let all = scene.promotion(&digest, &[]);
    for missing in ["--yes", "--digest"] {
        let mut arguments: Vec<String> = all.clone();
        arguments.retain(|argument| argument != missing && argument != &digest);
        if missing == "--yes" {
            arguments.extend(["--digest".to_owned(), digest.clone()]);
            arguments.dedup();
        }
        let output = scene.sandbox.run(&arguments);
        assert_eq!(output.code, 2, "{arguments:?} {output:?}");
    }
    let mut scene = scene;
    scene.sandbox.set("COUNTERSIGN_KEY", "");
    let output = scene.promote(&digest, &[]);
    refused(&registry, &output, 2, "needs a key");
}
