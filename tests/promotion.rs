//! From reviewed reports to a signed, tagged image, by the command line, against real registries.
//!
//! What happens when the program is killed in the middle is in `kills`; other programs' judgement
//! of the result is in `judged`.

mod attested;
mod judged;
mod kills;
mod memory;
mod refusals;

use std::path::PathBuf;

use countersign::demo::Stage;
use countersign::demo::registry::{Registry, RegistryOptions};
use countersign::model::Digest;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::cli::{holds, valid};
use crate::support::program::{Output, Sandbox};

/// The repository of the destination.
pub(crate) const REPOSITORY: &str = "debut/base-images/caddy";

/// The images and reports of the demonstration, a destination, and the program beside them.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) stage: Stage,
    /// Where images are promoted to: `127.0.0.1:PORT`.
    pub(crate) host: String,
    pub(crate) runtime: Runtime,
    _folder: TempDir,
}

/// A destination inside this process, and the scene around it.
pub(crate) fn scene() -> (Registry, Scene) {
    let runtime = Runtime::new().expect("a runtime starts");
    let registry = runtime
        .block_on(Registry::start(RegistryOptions::default()))
        .expect("a registry starts");
    let scene = Scene::set(runtime, &registry.host());
    (registry, scene)
}

impl Scene {
    /// Sets the scene with a destination at `host`.
    pub(crate) fn set(runtime: Runtime, host: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let stage = runtime
            .block_on(Stage::set(Some(folder.path())))
            .expect("the stage can be set");
        let mut sandbox = Sandbox::new();
        sandbox.set("COUNTERSIGN_LEDGER", stage.ledger());
        sandbox.set("COUNTERSIGN_ARCHIVE", stage.archive());
        sandbox.set("COUNTERSIGN_KEY", stage.key());
        sandbox.set("COUNTERSIGN_REVIEWER", "reviewer");
        sandbox.set("COSIGN_PASSWORD", countersign::demo::PASSWORD);
        Self {
            sandbox,
            stage,
            host: host.to_owned(),
            runtime,
            _folder: folder,
        }
    }

    /// Returns the file of a report.
    pub(crate) fn report(&self, name: &str) -> PathBuf {
        self.stage.reports().join(name)
    }

    /// Returns a pattern for all reports of an image.
    pub(crate) fn reports(&self, name: &str) -> String {
        self.report(&format!("{name}.*")).display().to_string()
    }

    pub(crate) fn new_reports(&self) -> String {
        self.reports("caddy-v2.10.0")
    }

    pub(crate) fn digest(&self) -> &Digest {
        &self.stage.approved.digest
    }

    pub(crate) fn destination(&self) -> String {
        format!("{}/{REPOSITORY}:v2.10.0", self.host)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.sandbox.run(arguments)
    }

    /// Runs a command that must be done, and returns its document.
    #[track_caller]
    pub(crate) fn document(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!(output.code, 0, "{arguments:?}: {output:?}");
        valid(&output)
    }

    /// Approves the newer image.
    #[track_caller]
    pub(crate) fn approve(&self) {
        let reports = self.new_reports();
        let document = self.document(&[
            "decide",
            &reports,
            "--whole-image",
            "--decision",
            "approve",
            "--reason",
            "nothing fixable",
        ]);
        assert_eq!(document["entries"][0]["kind"], "approval");
    }

    /// Plans the promotion of the newer image.
    #[track_caller]
    pub(crate) fn plan(&self) -> Value {
        let reports = self.new_reports();
        let destination = self.destination();
        let source = self.stage.approved.reference.clone();
        self.document(&["plan", &source, &destination, &reports])
    }

    /// Returns the arguments that promote the newer image.
    pub(crate) fn promotion(&self, digest: &str, more: &[&str]) -> Vec<String> {
        let source = self.stage.approved.reference.as_str();
        let (destination, reports) = (self.destination(), self.new_reports());
        let own = ["promote", source, &destination, &reports];
        let flags = ["--digest", digest, "--yes", "--format", "json"];
        let all = [&own[..], &flags, more].concat();
        all.into_iter().map(str::to_owned).collect()
    }

    /// Promotes the newer image.
    pub(crate) fn promote(&self, digest: &str, more: &[&str]) -> Output {
        self.sandbox.run(self.promotion(digest, more))
    }
}

/// Returns the events of a promotion, one a line.
pub(crate) fn events(output: &Output) -> Vec<Value> {
    let parse = |line: &str| {
        let document = serde_json::from_str(line).expect("each line is one document");
        holds(&document);
        document
    };
    output.stdout.lines().map(parse).collect()
}

#[test]
fn a_promotion_takes_its_steps_in_order_and_leaves_a_receipt() {
    let (registry, scene) = scene();
    scene.approve();
    let plan = scene.plan();
    assert_eq!(plan["schema"], "countersign/plan/v1");
    assert_eq!(plan["blockers"], serde_json::json!([]));
    assert_eq!(plan["gate"]["open"], true);
    assert_eq!(registry.tags(REPOSITORY), [], "a plan changes nothing");

    let plan_digest = plan["plan_digest"].as_str().expect("a digest");
    let digest = scene.digest().to_string();
    let output = scene.promote(&digest, &["--plan-digest", plan_digest]);
    assert_eq!(output.code, 0, "{output:?}");
    let events = events(&output);
    for event in &events {
        assert_eq!(event["schema"], "countersign/event/v1");
    }
    let started: Vec<&str> = events
        .iter()
        .filter(|event| event["event"] == "step_started")
        .filter_map(|event| event["step"].as_str())
        .collect();
    assert_eq!(
        started,
        [
            "check",
            "copy",
            "verify-copy",
            "sign",
            "verify-signature",
            "archive",
            "tag",
            "read-back",
            "record"
        ]
    );
    let last = events.last().expect("there are events");
    assert_eq!(last["event"], "finished");
    let receipt = &last["receipt"];
    holds(receipt);
    assert_eq!(receipt["schema"], "countersign/receipt/v1");
    assert_eq!(receipt["plan_digest"], plan_digest);
    assert_eq!(receipt["digest"], digest.as_str());
    assert_eq!(receipt["previous_tag_digest"], Value::Null);
    assert_eq!(receipt["ledger_entry"], 2);
    let tags = registry.tags(REPOSITORY);
    assert!(
        tags.contains(&("v2.10.0".to_owned(), scene.digest().clone())),
        "{tags:?}"
    );

    // Again: nothing is sent twice, the same plan, the same digest.
    registry.clear_requests();
    let again = scene.promote(&digest, &["--plan-digest", plan_digest]);
    assert_eq!(again.code, 0, "{again:?}");
    let sent = registry.requests();
    let uploads = sent.iter().filter(|request| request.method == "PUT");
    assert_eq!(uploads.count(), 0, "{sent:?}");
    let key = scene.stage.folder.join("cosign.pub").display().to_string();
    let verified = scene.document(&["verify", &scene.destination(), "--key", &key]);
    assert_eq!(verified["signed"], true);
    // The bundle, the layer behind the tag, and the approval.
    assert_eq!(verified["signatures"].as_array().map(Vec::len), Some(3));
}

#[test]
fn the_receipt_tells_what_became_of_everything() {
    let (_registry, scene) = scene();
    scene.approve();
    let output = scene.promote(&scene.digest().to_string(), &[]);
    assert_eq!(output.code, 0, "{output:?}");
    let last = events(&output).pop().expect("events");
    let receipt = &last["receipt"];
    let fates = receipt["fates"].as_array().expect("a list");
    assert!(!fates.is_empty());
    for blob in fates {
        assert_eq!(blob["action"], "uploaded", "{blob}");
        assert!(
            blob["retries"].is_u64() && blob["milliseconds"].is_u64(),
            "{blob}"
        );
    }
    let sizes = fates.iter().filter_map(|blob| blob["size"].as_u64());
    assert_eq!(receipt["bytes_sent"].as_u64(), Some(sizes.sum()));
    let manifests = receipt["manifests_sent"].as_array().expect("a list");
    assert_eq!(manifests.last(), Some(&receipt["digest"]));
    let steps: Vec<&str> = receipt["steps"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|step| step["step"].as_str())
        .collect();
    assert_eq!(steps.first(), Some(&"check"));
    assert_eq!(steps.last(), Some(&"read-back"));
    assert!(receipt["signer"]["fingerprint"].is_string() && receipt["ledger_head"].is_string());
    assert_eq!(receipt["gate"]["open"], true);
    let commands = receipt["commands"].to_string();
    for program in [
        "crane copy ",
        "cosign sign ",
        "cosign verify ",
        "crane tag ",
        "crane digest ",
    ] {
        assert!(commands.contains(program), "{commands}");
    }
}

#[test]
fn a_promotion_that_is_done_asks_little() {
    let (registry, scene) = scene();
    scene.approve();
    let digest = scene.digest().to_string();
    let output = scene.promote(&digest, &[]);
    assert_eq!(output.code, 0, "{output:?}");
    registry.clear_requests();
    scene.stage.upstream.clear_requests();
    let again = scene.promote(&digest, &[]);
    assert_eq!(again.code, 0, "{again:?}");
    let asked = [scene.stage.upstream.requests(), registry.requests()].concat();
    let reads = |method: &str| matches!(method, "GET" | "HEAD");
    assert!(asked.iter().all(|asked| reads(&asked.method)), "{asked:?}");
    assert!(asked.len() <= 10, "{}: {asked:?}", asked.len());
    let last = events(&again).pop().expect("events");
    assert_eq!(last["receipt"]["bytes_sent"], 0);
}

#[test]
fn the_archive_holds_the_evidence_and_shows_damage() {
    let (_registry, scene) = scene();
    scene.approve();
    let output = scene.promote(&scene.digest().to_string(), &[]);
    assert_eq!(output.code, 0, "{output:?}");

    let listed = scene.document(&["archive", "list"]);
    let files = listed["bundles"][0]["files"]
        .as_array()
        .expect("a bundle with files");
    let mut kinds: Vec<&str> = files
        .iter()
        .filter_map(|file| file["kind"].as_str())
        .collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "plan", "policy", "receipt", "report", "report", "sbom", "verdicts"
        ]
    );
    assert_eq!(scene.document(&["archive", "verify"])["whole"], true);

    let fetched = scene.sandbox.work().join("fetched").display().to_string();
    let digest = scene.digest().to_string();
    scene.document(&["archive", "get", &digest, &fetched]);
    let report = std::fs::read(scene.report("caddy-v2.10.0.trivy.json")).expect("the report");
    let copies = std::fs::read_dir(&fetched).expect("the folder");
    let is_report = |entry: std::io::Result<std::fs::DirEntry>| {
        std::fs::read(entry.expect("an entry").path()).expect("a file") == report
    };
    assert!(
        copies.into_iter().any(is_report),
        "the report is kept as it was"
    );

    let name = files[0]["sha256"].as_str().expect("a digest");
    let hex = name.trim_start_matches("sha256:");
    let blob = scene.stage.archive().join("blobs/sha256").join(hex);
    let mut permissions = blob.metadata().expect("the blob").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(&blob, permissions).expect("the blob is ours");
    std::fs::write(&blob, "changed").expect("the blob can be changed");
    let damaged = scene.run(&["archive", "verify"]);
    assert_eq!(damaged.code, 1, "{damaged:?}");
}

#[test]
fn signing_asks_the_ledger() {
    let (_registry, scene) = scene();
    let rejected = scene.stage.rejected.reference.clone();
    let old = scene.reports("caddy-2.7.6");
    scene.document(&[
        "decide",
        &old,
        "--whole-image",
        "--decision",
        "reject",
        "--reason",
        "too old",
    ]);
    let refused = scene.run(&["sign", &rejected]);
    assert_eq!(refused.code, 5, "{refused:?}");
    let key = scene.stage.folder.join("cosign.pub").display().to_string();
    let nothing = scene.run(&["verify", &rejected, "--key", &key]);
    assert_eq!(nothing.code, 1, "{nothing:?}");

    let other = scene.stage.approved.reference.clone();
    let signed = scene.run(&["sign", &other, "--format", "json"]);
    assert_eq!(signed.code, 0, "{signed:?}");
    valid(&signed);
    assert!(signed.stderr.contains("no approval"), "{signed:?}");
    let verified = scene.run(&["verify", &other, "--key", &key]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let half = scene.run(&[
        "verify",
        &other,
        "--key",
        &key,
        "--certificate-identity",
        "a",
    ]);
    assert_eq!(half.code, 2, "{half:?}");
}
