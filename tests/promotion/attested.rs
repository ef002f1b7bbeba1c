//! What a promotion attests: planned, written once, readable by cosign, and never without approval.
//!
//! The statements themselves are `signatures`' matter.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::environment::Clock;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{Scene, events, scene};
use crate::support::judges::judge;
use crate::support::program::Sandbox;
use crate::support::server::DockerRegistry;

const APPROVAL: &str = "urn:countersign:review-approval:v1";

fn types(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list");
    let mut types: Vec<&str> = list
        .iter()
        .filter_map(|one| one["predicate_type"].as_str())
        .collect();
    types.sort_unstable();
    types
}

/// The older image of the demonstration, with risks that were accepted.
struct Accepted {
    scene: Scene,
    reports: String,
    until: String,
    source: String,
    destination: String,
    digest: String,
}

impl Accepted {
    /// Accepts the risk of everything that is found in the image, then approves it.
    fn of(scene: Scene) -> Self {
        let until = Clock::System.now() + chrono::TimeDelta::days(30);
        let accepted = Self {
            reports: scene.reports("caddy-2.7.6"),
            until: until.date_naive().to_string(),
            source: scene.stage.rejected.reference.clone(),
            destination: format!("{}/{}:v2.7.6", scene.host, super::REPOSITORY),
            digest: scene.stage.rejected.digest.to_string(),
            scene,
        };
        let decide = ["decide", &accepted.reports, "--reason", "not reachable"];
        let risk = ["--all-findings", "--decision", "accept-risk"];
        let until = ["--until", &accepted.until];
        accepted
            .scene
            .document(&[&decide[..], &risk, &until].concat());
        let approve = ["--whole-image", "--decision", "approve"];
        accepted.scene.document(&[&decide[..], &approve].concat());
        accepted
    }

    fn plan(&self) -> Value {
        let arguments = ["plan", &self.source, &self.destination, &self.reports];
        self.scene.document(&arguments)
    }

    fn promote(&self) -> crate::support::program::Output {
        let own = ["promote", &self.source, &self.destination, &self.reports];
        let more = ["--digest", &self.digest, "--yes", "--format", "json"];
        self.scene.run(&[&own[..], &more].concat())
    }
}

#[test]
fn a_promotion_attests_what_it_was_judged_by() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let runtime = Runtime::new().expect("a runtime starts");
    let scene = Scene::set(runtime, &registry.host());
    let accepted = Accepted::of(scene);
    let scene = &accepted.scene;
    let plan = accepted.plan();
    let planned = types(&plan["attestations"]);
    assert!(planned.contains(&APPROVAL), "{plan:#}");
    let output = accepted.promote();
    assert_eq!(output.code, 0, "{output:?}");
    let all = events(&output);
    let receipt = &all.last().expect("an event")["receipt"];
    assert_eq!(
        types(&receipt["attested"]),
        planned,
        "what was planned was done"
    );
    for one in receipt["attested"].as_array().expect("a list") {
        assert!(
            one["bundle"].is_string() && one["legacy"].is_string(),
            "{one}"
        );
        assert_eq!(one["subject"], accepted.digest);
    }

    let key = scene.stage.folder.join("cosign.pub").display().to_string();
    let image = accepted.destination.clone();
    let sbom = planned
        .iter()
        .find(|it| it.contains("bom") || it.contains("spdx"));
    let sbom = *sbom.expect("there is an SBOM");
    for name in ["cosign2", "cosign3"] {
        let Some(cosign) = judge(name) else { continue };
        for kind in [APPROVAL, sbom, "vuln", "openvex"] {
            let own = ["verify-attestation", "--insecure-ignore-tlog=true"];
            let arguments = [&own[..], &["--type", kind, "--key", &key, &image]].concat();
            let answer = Sandbox::new().run_other(&cosign, arguments, b"");
            assert_eq!(answer.code, 0, "{name} {kind}: {answer:?}");
            if kind == APPROVAL {
                says_who_approved_what(&accepted, &answer.stdout, &plan);
            }
        }
    }
    let verified = scene.document(&["verify", &image, "--key", &key, "--strict"]);
    assert_eq!(verified["signed"], true);
    let said = &verified["approval"]["predicate"];
    assert_eq!(said["decision"], "approve");
}

/// Looks into the statement that cosign accepted.
fn says_who_approved_what(accepted: &Accepted, stdout: &str, plan: &Value) {
    let line = stdout.lines().find(|line| line.contains("payload"));
    let envelope: Value = serde_json::from_str(line.expect("an envelope")).expect("JSON");
    let payload = STANDARD.decode(envelope["payload"].as_str().expect("text"));
    let statement: Value = serde_json::from_slice(&payload.expect("base64")).expect("JSON");
    let said = &statement["predicate"];
    assert_eq!(said["decision"], "approve");
    assert_eq!(said["until"], format!("{}T23:59:59Z", accepted.until));
    assert_eq!(said["destination"], plan["destination"]);
    assert_eq!(said["digest"], accepted.digest);
    assert_eq!(said["policy_sha256"], plan["policy_sha256"]);
    assert_eq!(said["promoter"]["key"], plan["signer"]["fingerprint"]);
    assert_eq!(said["gate"]["open"], true);
    assert_eq!(said["reviewers"][0]["name"], "reviewer");
    assert_eq!(said["reviewers"][0]["signature"], "unsigned");
    assert!(said["ledger"]["sha256"].is_string(), "{said:#}");
    let seen: Vec<String> = said["evidence"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| format!("sha256:{}", it["digest"]["sha256"].as_str().expect("hex")))
        .collect();
    assert_eq!(json!(seen), plan["reports"], "every input by its digest");
    let excused = said["excused"].as_array().expect("a list");
    assert!(!excused.is_empty(), "{said:#}");
    for risk in excused {
        assert_eq!(risk["decision"], "accept-risk");
        assert_eq!(risk["until"], accepted.until);
        assert_eq!(risk["reason"], "not reachable");
    }
}

#[test]
fn a_second_run_adds_no_statement() {
    let (registry, scene) = scene();
    let accepted = Accepted::of(scene);
    let output = accepted.promote();
    assert_eq!(output.code, 0, "{output:?}");
    registry.clear_requests();
    let again = accepted.promote();
    assert_eq!(again.code, 0, "{again:?}");
    let sent = registry.requests();
    let puts = sent.iter().filter(|request| request.method == "PUT");
    assert_eq!(puts.count(), 0, "{sent:?}");
}

#[test]
fn attesting_can_be_left_out_and_is_part_of_what_is_confirmed() {
    let (_registry, scene) = scene();
    scene.approve();
    let with = scene.plan();
    let reports = scene.new_reports();
    let destination = scene.destination();
    let source = scene.stage.approved.reference.clone();
    let arguments = ["plan", &source, &destination, &reports, "--no-attest"];
    let without = scene.document(&arguments);
    assert_eq!(without["attestations"], json!([]));
    assert_ne!(without["plan_digest"], with["plan_digest"]);
    let digest = scene.digest().to_string();
    let shown = without["plan_digest"].as_str().expect("a digest");
    let more = scene.promote(&digest, &["--plan-digest", shown]);
    assert_eq!(more.code, 5, "more than was shown: {more:?}");
    let output = scene.promote(&digest, &["--plan-digest", shown, "--no-attest"]);
    assert_eq!(output.code, 0, "{output:?}");
    let key = scene.stage.folder.join("cosign.pub").display().to_string();
    let verified = scene.document(&["verify", &destination, "--key", &key]);
    assert_eq!(verified["signatures"].as_array().map(Vec::len), Some(2));
    assert_eq!(verified["attestations"], json!([]));
}

#[test]
fn no_path_makes_cosign_accept_a_rejected_image() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let runtime = Runtime::new().expect("a runtime starts");
    let scene = Scene::set(runtime, &registry.host());
    let key = scene.stage.key().display().to_string();
    let rejected = scene.stage.rejected.reference.clone();
    let digest = scene.stage.rejected.digest.to_string();
    let old = scene.reports("caddy-2.7.6");
    let reject = ["--whole-image", "--decision", "reject", "--reason", "old"];
    scene.document(&[&["decide", &old, "--key", &key][..], &reject].concat());

    let destination = format!("{}/{}:old", scene.host, super::REPOSITORY);
    let own = [
        "promote",
        &rejected,
        &destination,
        &old,
        "--digest",
        &digest,
    ];
    let promoted = scene.run(&[&own[..], &["--yes"]].concat());
    assert_eq!(promoted.code, 5, "{promoted:?}");
    assert_eq!(scene.run(&["sign", &rejected]).code, 5);
    let sbom = scene.sandbox.work().join("predicate.json");
    std::fs::write(&sbom, "{}").expect("the document can be written");
    let sbom = sbom.display().to_string();
    let kind = "https://example.test/checked/v1";
    let attest = ["attest", &rejected, "--type", kind, "--predicate", &sbom];
    assert_eq!(scene.run(&attest).code, 5);

    let public = scene.stage.folder.join("cosign.pub").display().to_string();
    for name in ["cosign2", "cosign3"] {
        let Some(cosign) = judge(name) else { continue };
        for image in [&rejected, &destination] {
            let own = ["verify", "--insecure-ignore-tlog=true", "--key"];
            let arguments = [&own[..], &[&public, image]].concat();
            let answer = Sandbox::new().run_other(&cosign, arguments, b"");
            assert_ne!(answer.code, 0, "{name} {image}: {answer:?}");
        }
    }
    let answer = scene.run(&["verify", &rejected, "--key", &public]);
    assert_eq!(answer.code, 1, "{answer:?}");
}
