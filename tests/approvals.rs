//! Four eyes: approvals signed by several people, by the command line, and the promotions that need them.
//!
//! What makes a single envelope count or not is tested beside the code that opens it.

mod refusals;

use std::fs;
use std::path::{Path, PathBuf};

use countersign::formats::envelope::Envelope;
use serde_json::{Value, json};

use crate::cli::valid;
use crate::promotion::{REPOSITORY, Scene, events, scene};
use crate::support::judges::judge;
use crate::support::program::{Output, Sandbox};
use crate::support::server::S3Server;

const PASSWORD: &str = "words of two";

/// Two people with a key each, a stranger with another, and a policy beside the keys.
struct Team {
    folder: PathBuf,
}

impl Team {
    fn assemble(scene: &mut Scene) -> Self {
        let folder = scene.sandbox.work();
        scene.sandbox.set("COSIGN_PASSWORD", PASSWORD);
        for name in ["alice", "bob", "mallory"] {
            let prefix = folder.join(name).display().to_string();
            let made = scene.run(&["key", "generate", "--prefix", &prefix]);
            assert_eq!(made.code, 0, "{made:?}");
        }
        let team = Self { folder };
        scene.sandbox.set("COUNTERSIGN_KEY", team.key("bob"));
        scene.sandbox.set("COUNTERSIGN_REVIEWER", "bob");
        team
    }

    fn key(&self, name: &str) -> String {
        let path = self.folder.join(format!("{name}.key"));
        path.display().to_string()
    }

    /// Writes the policy of this case, and begins a ledger of its own.
    fn begin(&self, scene: &mut Scene, case: &str, approval: &str) {
        let policy = self.folder.join("countersign.toml");
        fs::write(policy, format!("[approval]\n{approval}\n")).expect("a policy can be written");
        let ledger = self.folder.join("ledgers").join(case);
        scene.sandbox.set("COUNTERSIGN_LEDGER", ledger);
    }

    fn ledger(&self, case: &str) -> PathBuf {
        self.folder.join("ledgers").join(case)
    }

    /// Signs a word about the newer image.
    #[track_caller]
    fn sign(&self, scene: &Scene, who: &str, decision: &str) -> Value {
        decide(scene, who, decision, &["--key", &self.key(who)])
    }
}

/// Says something about the newer image.
#[track_caller]
fn decide(scene: &Scene, who: &str, decision: &str, more: &[&str]) -> Value {
    let reports = scene.new_reports();
    let mut arguments = vec!["decide", &reports, "--whole-image", "--decision", decision];
    arguments.extend(["--reason", "looked at it", "--reviewer", who]);
    arguments.extend(more);
    scene.document(&arguments)
}

const BOTH: &str = "required = 2\ntrusted_keys = [\"alice.pub\", \"bob.pub\"]";

#[track_caller]
fn refused(case: &str, output: &Output, words: &str) {
    assert_eq!(output.code, 5, "{case}: {output:?}");
    assert!(output.stderr.contains(words), "{case}: {output:?}");
}

#[test]
fn two_trusted_approvals_promote_and_go_into_plan_receipt_and_archive() {
    let (registry, mut scene) = scene();
    let team = Team::assemble(&mut scene);
    team.begin(&mut scene, "both", &format!("four_eyes = \"deny\"\n{BOTH}"));
    let first = team.sign(&scene, "alice", "approve");
    // Where keys are trusted, the configured key signs unasked.
    let second = decide(&scene, "bob", "approve", &[]);
    assert_eq!(second["gate"]["open"], true, "{second}");
    let plan = scene.plan();
    assert_eq!(plan["blockers"], json!([]), "{plan}");
    let by = plan["approved_by"].as_array().expect("approvals");
    let fact = |name: &str| -> Vec<&Value> { by.iter().map(|one| &one[name]).collect() };
    assert_eq!(fact("reviewer"), ["alice", "bob"]);
    assert_eq!(fact("signature"), ["trusted", "trusted"]);
    assert_eq!(fact("envelope"), [&first["envelope"], &second["envelope"]]);
    let keys = [&first["key_fingerprint"], &second["key_fingerprint"]];
    assert_eq!(fact("key_fingerprint"), keys);

    let listed = scene.document(&["list", &scene.new_reports()]);
    assert_eq!(listed["subjects"][0]["state"], "approved");
    assert_eq!(listed["subjects"][0]["approvals"], plan["approved_by"]);

    let output = scene.promote(&scene.digest().to_string(), &[]);
    assert_eq!(output.code, 0, "{output:?}");
    let receipt = &events(&output).pop().expect("events")["receipt"];
    assert_eq!(receipt["approved_by"], plan["approved_by"]);
    assert!(!registry.tags(REPOSITORY).is_empty());

    let bundle = scene.document(&["archive", "list"]);
    let files = bundle["bundles"][0]["files"].as_array().expect("files");
    let approvals = files.iter().filter(|file| file["kind"] == "approval");
    let mut archived: Vec<&Value> = approvals.map(|file| &file["sha256"]).collect();
    let mut named = fact("envelope");
    archived.sort_by_key(ToString::to_string);
    named.sort_by_key(ToString::to_string);
    assert_eq!(archived, named);

    // The receipt, the bundle and the approvals each name an end of the ledger.
    let kept = team.folder.join("receipt.json");
    fs::write(&kept, &output.stdout).expect("a receipt can be kept");
    let kept = kept.display().to_string();
    let archive = scene.stage.archive().display().to_string();
    let whole = scene.document(&["ledger", "verify", "--anchor", &kept, "--archive", &archive]);
    assert_eq!(
        (&whole["whole"], &whole["entries"]),
        (&json!(true), &json!(3)),
        "{whole}"
    );
    let anchors = whole["anchors"].as_array().expect("anchors");
    assert_eq!(anchors.len(), 3, "{whole}");
    // Without them nobody sees that the end is gone.
    let last = team.ledger("both").join("000000000003.json");
    let head = whole["head"]["sha256"].as_str().expect("a head").to_owned();
    fs::remove_file(last).expect("removable");
    assert_eq!(scene.run(&["ledger", "verify"]).code, 0);
    for anchor in [&kept, &head] {
        let cut = scene.run(&["ledger", "verify", "--anchor", anchor, "--format", "json"]);
        assert_eq!(cut.code, 6, "{cut:?}");
        let cut = valid(&cut);
        assert_eq!(cut["problems"][0]["anchor"], json!(anchor), "{cut}");
    }
    // Two entries are gone: bob's approval names the first as the end of its time.
    for seq in [1, 2] {
        fs::remove_file(team.ledger("both").join(format!("00000000000{seq}.json"))).expect("it");
    }
    decide(
        &scene,
        "mallory",
        "reject",
        &["--key", &team.key("mallory")],
    );
    let rewritten = scene.run(&["ledger", "verify", "--archive", &archive]);
    assert_eq!(rewritten.code, 6, "{rewritten:?}");
    assert!(rewritten.stdout.contains("known from"), "{rewritten:?}");
    let nothing = scene.run(&["ledger", "verify", "--anchor", "no-such-file"]);
    assert_eq!(nothing.code, 3, "{nothing:?}");
}

/// A reviewer's machine with nothing but the reports, the policy and a key.
fn auditor(scene: &Scene, team: &Team) -> Sandbox {
    let mut machine = Sandbox::new();
    for name in ["alice.key", "alice.pub", "bob.pub", "countersign.toml"] {
        fs::copy(team.folder.join(name), machine.work().join(name)).expect("a copy");
    }
    machine.set("COSIGN_PASSWORD", PASSWORD);
    machine.set("COUNTERSIGN_REVIEWER", "alice");
    fs::create_dir(machine.work().join("reports")).expect("a folder");
    for entry in fs::read_dir(scene.stage.reports()).expect("reports") {
        let path = entry.expect("a report").path();
        let name = path.file_name().expect("a name");
        if name.to_string_lossy().starts_with("caddy-v2.10.0") {
            fs::copy(&path, machine.work().join("reports").join(name)).expect("a copy");
        }
    }
    machine
}

const APPROVE: [&str; 9] = [
    "decide",
    "reports",
    "--whole-image",
    "--decision",
    "approve",
    "--reason",
    "nothing fixable is left",
    "--key",
    "alice.key",
];

#[test]
fn an_approval_made_elsewhere_travels_as_one_file() {
    let (registry, mut scene) = scene();
    let team = Team::assemble(&mut scene);
    team.begin(
        &mut scene,
        "operator",
        "four_eyes = \"deny\"\ntrusted_keys = [\"alice.pub\"]",
    );
    let machine = auditor(&scene, &team);
    let said = machine.run(APPROVE);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("signed by key sha256:"), "{said:?}");

    let from = machine
        .home()
        .join(".local/share/countersign/ledger/approvals");
    let to = team.ledger("operator").join("approvals");
    fs::create_dir_all(&to).expect("a folder");
    for entry in fs::read_dir(&from).expect("approvals") {
        let path = entry.expect("an approval").path();
        fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("a copy");
    }
    fs::write(to.join("README.md"), "notes").expect("a note");
    let listed = scene.run(&["list", &scene.new_reports(), "--format", "json"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(listed.stderr.contains("README.md"), "{listed:?}");
    let approvals = &valid(&listed)["subjects"][0]["approvals"];
    assert_eq!(approvals[0]["entry"], Value::Null, "{approvals}");
    let output = scene.promote(&scene.digest().to_string(), &[]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(!registry.tags(REPOSITORY).is_empty());
}

#[test]
fn an_approval_reaches_the_operator_through_a_bucket() {
    let Some(server) = S3Server::start() else {
        return;
    };
    server.make_bucket("team");
    let (registry, mut scene) = scene();
    let team = Team::assemble(&mut scene);
    team.begin(&mut scene, "s3", BOTH);
    let mut machine = auditor(&scene, &team);
    for sandbox in [&mut machine, &mut scene.sandbox] {
        sandbox.set("COUNTERSIGN_LEDGER", "s3://team/ledger");
        sandbox.set("AWS_ENDPOINT_URL", server.endpoint());
        sandbox.set("AWS_REGION", "eu-west-1");
        sandbox.set("AWS_ACCESS_KEY_ID", "test");
        sandbox.set("AWS_SECRET_ACCESS_KEY", "test");
    }
    let said = machine.run(APPROVE);
    assert_eq!(said.code, 0, "{said:?}");
    refused(
        "one",
        &scene.promote(&scene.digest().to_string(), &[]),
        "1 of 2",
    );
    team.sign(&scene, "bob", "approve");
    let output = scene.promote(&scene.digest().to_string(), &[]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(!registry.tags(REPOSITORY).is_empty());
    let whole = machine.run(["ledger", "verify", "--format", "json"]);
    assert_eq!(
        (whole.code, &valid(&whole)["entries"]),
        (0, &json!(3)),
        "{whole:?}"
    );
}

#[test]
fn without_reports_the_evidence_is_what_the_approval_names() {
    let (registry, mut scene) = scene();
    let team = Team::assemble(&mut scene);
    team.begin(
        &mut scene,
        "evidence",
        "four_eyes = \"deny\"\ntrusted_keys = [\"alice.pub\"]",
    );
    let digest = scene.digest().to_string();
    let arguments = scene.promotion(&digest, &[]);
    let reports = scene.new_reports();
    let without: Vec<String> = arguments.into_iter().filter(|it| *it != reports).collect();
    refused(
        "no approval",
        &scene.sandbox.run(&without),
        "names any evidence",
    );
    team.sign(&scene, "alice", "approve");
    let missing = scene.sandbox.run(&without);
    assert_eq!(missing.code, 3, "{missing:?}");
    assert!(
        missing.stderr.contains("is not in the archive"),
        "{missing:?}"
    );
    let put = scene.run(&["archive", "put", &reports]);
    assert_eq!(put.code, 0, "{put:?}");
    // The reports may be gone by now.
    fs::remove_dir_all(scene.stage.reports()).expect("removable");
    let output = scene.sandbox.run(&without);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(!registry.tags(REPOSITORY).is_empty());
    let receipt = &events(&output).pop().expect("events")["receipt"];
    assert_eq!(
        receipt["reports"].as_array().map(Vec::len),
        Some(3),
        "{receipt}"
    );
    scene.sandbox.set("COUNTERSIGN_ARCHIVE", "");
    assert_eq!(scene.sandbox.run(&without).code, 2);
}

#[test]
fn what_a_key_signed_is_taken_back_with_that_key() {
    let (_registry, mut scene) = scene();
    let team = Team::assemble(&mut scene);
    team.begin(&mut scene, "undo", "trusted_keys = [\"alice.pub\"]");
    team.sign(&scene, "alice", "reject");
    let without = scene.run(&["ledger", "undo", "1"]);
    refused("without a key", &without, "is signed by key");
    let other = scene.run(&["ledger", "undo", "1", "--key", &team.key("bob")]);
    refused("another key", &other, "only that key takes it back");
    let undone = scene.document(&["ledger", "undo", "1", "--key", &team.key("alice")]);
    assert_eq!(undone["seq"], 2);
    let listed = scene.document(&["list", &scene.new_reports()]);
    assert_eq!(listed["subjects"][0]["state"], "open", "{listed}");
}

#[test]
fn a_key_that_cannot_be_used_stops_before_anything_is_recorded() {
    let (_registry, mut scene) = scene();
    let team = Team::assemble(&mut scene);
    team.begin(&mut scene, "stop", "trusted_keys = [\"alice.pub\"]");
    let reports = scene.new_reports();
    let alice = team.key("alice");
    let decide = [
        "decide",
        &reports,
        "--whole-image",
        "--decision",
        "approve",
        "--reason",
        "x",
    ];
    let finding = [
        "decide",
        &reports,
        "--all-findings",
        "--decision",
        "affected",
        "--reason",
        "x",
    ];
    let key = ["--key", &alice];
    let usage = scene.run(&[&finding[..], &key].concat());
    assert_eq!(usage.code, 2, "{usage:?}");
    scene.sandbox.set("COSIGN_PASSWORD", "wrong");
    let wrong = scene.run(&[&decide[..], &key].concat());
    assert_eq!(wrong.code, 3, "{wrong:?}");
    fs::remove_file(team.folder.join("alice.pub")).expect("removable");
    let gone = scene.run(&["list", &reports]);
    assert_eq!(gone.code, 3, "{gone:?}");
    assert!(gone.stderr.contains("alice.pub"), "{gone:?}");
    assert!(!team.ledger("stop").exists(), "nothing was recorded");
}

#[test]
fn a_disk_that_takes_nothing_more_refuses_the_action() {
    let (_registry, mut scene) = scene();
    let team = Team::assemble(&mut scene);
    team.begin(&mut scene, "full", "trusted_keys = [\"alice.pub\"]");
    let mut words: Vec<String> = vec![
        // A file that may not grow is what a full disk is to a program that writes one.
        "trap '' XFSZ; ulimit -f 0; exec \"$@\"".to_owned(),
        "sh".to_owned(),
        crate::support::program::binary().display().to_string(),
    ];
    words.insert(0, "-c".to_owned());
    let reports = scene.new_reports();
    let key = team.key("alice");
    let decide = [
        "decide",
        &reports,
        "--whole-image",
        "--decision",
        "approve",
        "--reason",
        "x",
    ];
    words.extend(
        decide
            .iter()
            .chain(&["--key", &key])
            .map(|word| (*word).to_owned()),
    );
    let output = scene.sandbox.run_other(Path::new("/bin/sh"), &words, b"");
    assert_eq!(output.code, 6, "{output:?}");
    let left: Vec<PathBuf> = fs::read_dir(team.ledger("full"))
        .map(|entries| {
            entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect()
        })
        .unwrap_or_default();
    assert_eq!(left, [] as [PathBuf; 0], "nothing is left behind");
}

#[test]
fn openssl_and_cosign_verify_the_envelope() {
    let (_registry, mut scene) = scene();
    let team = Team::assemble(&mut scene);
    team.begin(&mut scene, "judged", "");
    let said = team.sign(&scene, "alice", "approve");
    let hex = said["envelope"]
        .as_str()
        .expect("an envelope")
        .trim_start_matches("sha256:");
    let path = team
        .ledger("judged")
        .join(format!("approvals/{hex}.dsse.json"));
    let bytes = fs::read(&path).expect("the envelope");
    let envelope = Envelope::parse(&bytes).expect("an envelope");
    let public = team.folder.join("alice.pub").display().to_string();
    if let Some(openssl) = judge("openssl") {
        let verify = |message: &[u8]| {
            let write = |name: &str, bytes: &[u8]| {
                let path = team.folder.join(name);
                fs::write(&path, bytes).expect("a file can be written");
                path.display().to_string()
            };
            // The encoding as its specification has it, written out here.
            let mut signed = format!("DSSEv1 28 application/vnd.in-toto+json {} ", message.len());
            signed.push_str(std::str::from_utf8(message).expect("JSON"));
            let signed = write("signed", signed.as_bytes());
            let signature = write("signature", &envelope.signature);
            let arguments = [
                "dgst",
                "-sha256",
                "-verify",
                &public,
                "-signature",
                &signature,
                &signed,
            ];
            Sandbox::new().run_other(&openssl, arguments, b"").code
        };
        assert_eq!(verify(&envelope.payload), 0);
        let changed = String::from_utf8(envelope.payload.clone()).expect("JSON");
        let changed = changed.replacen("approve", "reject", 1);
        assert_eq!(verify(changed.as_bytes()), 1);
    }
    // The signed statement is about the manifest: cosign compares it with the manifest's bytes.
    let manifest = team.folder.join("manifest.json");
    let fetched = scene
        .stage
        .upstream
        .manifest("library/caddy", &scene.digest().to_string());
    let (fetched, _media_type) = fetched.expect("the image is in the registry");
    fs::write(&manifest, fetched).expect("a manifest can be written");
    let (manifest, path) = (manifest.display().to_string(), path.display().to_string());
    for name in ["cosign2", "cosign3"] {
        let Some(cosign) = judge(name) else { continue };
        let arguments = [
            "verify-blob-attestation",
            "--insecure-ignore-tlog=true",
            "--key",
            &public,
            "--signature",
            &path,
            "--type",
            "urn:countersign:review-approval:v1",
            &manifest,
        ];
        let answer = Sandbox::new().run_other(&cosign, arguments, b"");
        assert_eq!(answer.code, 0, "{name}: {answer:?}");
    }
}
