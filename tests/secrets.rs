//! Secrets that reports and images carry, followed through every command, format, screen and file:
//! nothing of a value appears anywhere.
//!
//! What counts as a secret is tested beside `text::secret`, what comes of it beside `triage::hygiene`.

mod log_ins;

use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::model::Digest;
use serde_json::{Value, json};

use crate::cli::valid;
use crate::support::program::{Output, Sandbox};

/// A part of every secret below.
const CANARY: &str = "cAnArY7";

const PATIENCE: Duration = Duration::from_secs(20);

/// A token of the right shape, put together here so that nothing takes this file for a leak.
fn token() -> String {
    format!("{}_{}", "ghp", CANARY.repeat(6))
}

fn key() -> String {
    let line = CANARY.repeat(9);
    format!("-----BEGIN RSA PRIVATE KEY-----\n{line}\n{line}\n-----END RSA PRIVATE KEY-----")
}

fn configuration(layer: &Digest) -> Value {
    json!({
        "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
        "config": {
            "Env": [
                "PATH=/bin", format!("DB_PASSWORD=hunter {CANARY}"), format!("GH={}", token()),
                format!("DATABASE_URL=postgres://app:{CANARY}@db/app"), format!("PEM={}", key()),
            ],
            "Cmd": ["serve", "--password", CANARY], "Entrypoint": ["run", format!("--token={CANARY}")],
            "Healthcheck": {"Test": ["CMD-SHELL", format!("curl -u me:{CANARY} http://localhost")]},
            "Labels": {"build.password": CANARY, "note": format!("built with {}", token())},
            "ExposedPorts": {"22/tcp": {}},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
        "history": [
            {"created_by": format!("ARG API_TOKEN={CANARY} {CANARY}"), "empty_layer": true},
            {"created_by": format!("RUN /bin/sh -c git clone https://{}@a.example/b", token()), "empty_layer": true},
            {"created_by": format!("RUN |1 API_TOKEN={CANARY} {CANARY} /bin/sh -c curl -H 'Authorization: Bearer {CANARY}' https://a | sh # buildkit"),
             "comment": format!("token={CANARY}")},
        ],
    })
}

fn code() -> Value {
    json!({"Lines": [
        {"Number": 1, "Content": format!("ENV DB_PASSWORD={CANARY} {CANARY}"),
         "Highlighted": format!("\u{1b}[38;5;64mENV\u{1b}[0m DB_\u{1b}[1mPASSWORD\u{1b}[0m=\u{1b}[37m{CANARY}\u{1b}[0m"), "IsCause": true},
    ]})
}

fn secret() -> Value {
    json!({"RuleID": "generic", "Category": "general", "Severity": "CRITICAL",
        "Title": format!("password: {CANARY}"), "StartLine": 3, "EndLine": 3,
        "Match": format!("neighbour {CANARY} {}", token()),
        "Code": {"Lines": [{"Number": 3, "Content": format!("anything {CANARY}"), "Highlighted": CANARY}]},
        "Layer": {"CreatedBy": format!("ARG API_TOKEN={CANARY}")}})
}

fn trivy(image: &Digest, layer: &Digest, manifest: &Digest) -> Value {
    let says = |what: &str| format!("{what} DB_PASSWORD={CANARY} and {}", token());
    let check = json!({"Type": "dockerfile", "ID": "DS-0031", "Title": says("Secrets in ENV"),
        "Description": says("It says"), "Message": says("Found"), "Resolution": says("Remove"),
        "Severity": "CRITICAL", "Status": "FAIL", "References": [format!("https://a:{CANARY}@b.example/")],
        "CauseMetadata": {"StartLine": 1, "EndLine": 2, "Code": code(),
            "RenderedCause": {"Raw": says("ENV")}}});
    json!({
        "SchemaVersion": 2, "CreatedAt": "2026-04-30T00:00:00Z",
        "ArtifactName": format!("https://me:{CANARY}@r.example/app:1"), "ArtifactType": "container_image",
        "Metadata": {"ImageID": image, "DiffIDs": [layer], "RepoTags": ["r.example/app:1"],
            "RepoDigests": [format!("r.example/app@{manifest}")], "ImageConfig": configuration(layer),
            "Layers": [{"DiffID": layer, "CreatedBy": format!("ARG API_TOKEN={CANARY}")}]},
        "Results": [
            {"Target": "app (debian 12)", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": [
                {"VulnerabilityID": "CVE-2026-0001", "PkgName": "a", "InstalledVersion": "1",
                 "Severity": "LOW", "Title": "harmless", "Layer": {"DiffID": layer}}]},
            {"Target": "Dockerfile", "Class": "config", "Type": "dockerfile", "Misconfigurations": [check]},
            {"Target": "/app/.env", "Class": "secret", "Secrets": [secret(),
                {"RuleID": {"token": CANARY}, "Match": CANARY}, {"RuleID": "x", "StartLine": format!("password={CANARY}")}]},
            {"Target": "licences", "Class": "license-file", "Licenses": [
                {"Name": "GPL-3.0", "Severity": "HIGH", "Category": "restricted", "FilePath": "/a",
                 "Text": says("text")}]},
            {"Target": "/app/old", "Class": "secret", "ExperimentalModifiedFindings": [
                {"Type": "secret", "Status": "ignored", "Statement": says("because"), "Source": ".trivyignore",
                 "Finding": secret()}]},
        ],
    })
}

fn grype(image: &Digest, layer: &Digest, manifest: &Digest) -> Value {
    json!({
        "matches": [],
        "source": {"type": "image", "target": {"userInput": "r.example/app:1", "imageID": image,
            "manifestDigest": manifest, "tags": ["r.example/app:1"], "layers": [{"digest": layer}],
            "architecture": "amd64", "os": "linux",
            "config": STANDARD.encode(configuration(layer).to_string()),
            "labels": {"build.password": CANARY}}},
        "distro": {"name": "debian", "version": "12"},
        "descriptor": {"name": "grype", "version": "0.92.0", "timestamp": "2026-04-30T00:00:00Z",
            "configuration": {"registry": {"auth": [{"password": CANARY, "token": CANARY}]}},
            "db": {"built": "2026-04-29T00:00:00Z"}},
    })
}

fn sarif() -> Value {
    json!({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [{
        "tool": {"driver": {"name": "Trivy", "rules": [{"id": "generic", "name": "Secret",
            "shortDescription": {"text": format!("token={CANARY}")}}]}},
        "results": [{"ruleId": "generic", "ruleIndex": 0, "level": "error",
            "message": {"text": format!("Artifact: a\nType: \nSecret generic\nSeverity: HIGH\nMatch: {CANARY}")},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.env"},
                "region": {"startLine": 1, "snippet": {"text": format!("password={CANARY}")}}}}]}],
        "properties": {"imageName": "other.example/app:1"}}]})
}

/// Files and a layout with secrets wherever there is room for one.
struct Bait {
    sandbox: Sandbox,
}

impl Bait {
    fn lay() -> Self {
        let sandbox = Sandbox::new();
        let work = sandbox.work();
        let layer = Digest::of(b"layer");
        let config = configuration(&layer).to_string();
        let image = Digest::of(config.as_bytes());
        let descriptor = |kind: &str, bytes: &[u8]| {
            json!({"mediaType": format!("application/vnd.oci.image.{kind}"),
                "digest": Digest::of(bytes), "size": bytes.len()})
        };
        let manifest =
            json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("config.v1+json", config.as_bytes()),
            "layers": [descriptor("layer.v1.tar", b"layer")],
            "annotations": {"build.token": CANARY, "note": token()}})
            .to_string();
        let digest = Digest::of(manifest.as_bytes());
        let mut entry = descriptor("manifest.v1+json", manifest.as_bytes());
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": "1"});
        let index = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();
        let blobs = work.join("layout/blobs/sha256");
        fs::create_dir_all(&blobs).expect("a folder can be made");
        for bytes in [config.as_bytes(), manifest.as_bytes(), b"layer"] {
            write(&blobs.join(Digest::of(bytes).hex()), bytes);
        }
        write(&work.join("layout/index.json"), index.as_bytes());
        write(
            &work.join("layout/oci-layout"),
            br#"{"imageLayoutVersion":"1.0.0"}"#,
        );
        fs::create_dir(work.join("reports")).expect("a folder can be made");
        for (name, document) in [
            ("trivy.json", trivy(&image, &layer, &digest)),
            ("grype.json", grype(&image, &layer, &digest)),
            ("trivy.sarif", sarif()),
        ] {
            write(
                &work.join("reports").join(name),
                document.to_string().as_bytes(),
            );
        }
        let broken = format!(
            "{{\"SchemaVersion\":2,\"ArtifactName\":[\"{CANARY}\"],\"Results\":\"{CANARY}\"}}"
        );
        write(&work.join("broken.json"), broken.as_bytes());
        Self { sandbox }
    }

    /// Runs a command in every format it has; nothing of it may give a secret away.
    fn run(&self, arguments: &[&str], formats: &[&str]) -> Vec<Output> {
        let formats: Vec<Vec<&str>> = match formats {
            [] => vec![Vec::new()],
            some => some
                .iter()
                .map(|format| vec!["--format", *format])
                .collect(),
        };
        let run = |format: Vec<&str>| {
            let output = self.sandbox.run(arguments.iter().copied().chain(format));
            silent(&format!("{arguments:?} stdout"), &output.stdout);
            silent(&format!("{arguments:?} stderr"), &output.stderr);
            output
        };
        formats.into_iter().map(run).collect()
    }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Neither as it is, nor with line ends of a screen within, nor in base64.
#[track_caller]
fn silent(what: &str, text: &str) {
    let position = text.find(CANARY);
    let around = position.map(|position| {
        let start = position.saturating_sub(120);
        String::from_utf8_lossy(
            text.as_bytes()
                .get(start..position + 10)
                .unwrap_or_default(),
        )
    });
    assert_eq!(around, None, "{what}");
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))) {
        if let Some(bytes) = STANDARD.decode(word).ok().filter(|bytes| bytes.len() > 16) {
            assert!(
                !String::from_utf8_lossy(&bytes).contains(CANARY),
                "{what}: in base64"
            );
        }
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_command_in_no_format_shows_a_value() {
    let bait = Bait::lay();
    let all = ["table", "json", "csv", "markdown"];
    let both = ["table", "json"];
    let reports = ["reports", "--allow-partial"];
    let with = |words: &[&'static str]| -> Vec<&'static str> { [words, &reports[..]].concat() };

    bait.run(&with(&["list"]), &both);
    let outputs = bait.run(&with(&["findings", "--subject", "r.example/app:1"]), &all);
    let document = outputs.iter().find(|output| output.stdout.starts_with('{'));
    let document = document.map(valid).expect("a document");
    let ids: Vec<&str> = document["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|finding| finding["id"].as_str())
        .collect();
    for id in [
        "CS-S001", "CS-S002", "CS-S003", "CS-S005", "CS-H003", "CS-H011", "DS-0031", "generic",
        "GPL-3.0",
    ] {
        assert!(ids.contains(&id), "{id} is not among {ids:?}");
    }
    for kind in [
        "secret",
        "misconfiguration",
        "license",
        "hygiene",
        "vulnerability",
    ] {
        for output in bait.run(&with(&["findings", "--kind", kind]), &all) {
            assert!(output.stdout.lines().count() > 1, "{kind}: {output:?}");
        }
    }
    bait.run(&with(&["compare"]), &both);
    bait.run(&with(&["components"]), &both);
    bait.run(&with(&["gate"]), &both);
    bait.run(&["findings", "broken.json"], &both);
    bait.run(&["findings", "oci:layout:1"], &all);
    let inspected = bait.run(&["inspect", "oci:layout:1"], &both);
    let document = valid(inspected.last().expect("a document"));
    assert!(
        document["hygiene"]["findings"]
            .as_array()
            .is_some_and(|list| list.len() > 6),
        "{document}"
    );
    bait.run(&["tree", "oci:layout:1"], &both);
    bait.run(
        &[
            "plan",
            "oci:layout:1",
            "127.0.0.1:1/a/b:1",
            "reports",
            "--allow-partial",
            "--no-sign",
        ],
        &both,
    );
    bait.run(&["verify", "oci:layout:1", "--key", "nothing.pub"], &both);
}

#[test]
fn no_value_is_written_down_with_a_decision() {
    let bait = Bait::lay();
    let both = ["table", "json"];
    let with = |words: &[&'static str]| -> Vec<&'static str> {
        [words, &["reports", "--allow-partial"]].concat()
    };
    let decided = with(&[
        "decide",
        "--subject",
        "r.example/app:1",
        "--all-findings",
        "--filter",
        "kind:misconfiguration",
        "--decision",
        "accept-risk",
        "--until",
        "2099-01-01",
        "--reason",
        "known",
        "--reviewer",
        "alice",
    ]);
    bait.run(&decided, &both);
    bait.run(
        &with(&[
            "decide",
            "--subject",
            "r.example/app:1",
            "--whole-image",
            "--decision",
            "reject",
            "--reason",
            "secrets",
            "--reviewer",
            "alice",
        ]),
        &["json"],
    );
    bait.run(&["ledger", "show"], &both);
    bait.run(&with(&["list"]), &both);
    // What was written down: the ledger and everything else below the home folder.
    for path in files(&bait.sandbox.home()) {
        silent(
            &path.display().to_string(),
            &String::from_utf8_lossy(&fs::read(&path).expect("a file")),
        );
    }
}

#[test]
fn no_file_of_the_archive_holds_a_value_and_the_copy_says_the_same() {
    let bait = Bait::lay();
    let put = [
        "archive",
        "put",
        "reports",
        "--archive",
        "evidence",
        "--allow-partial",
        "--subject",
        "r.example/app:1",
    ];
    let output = bait.run(&put, &["json"]);
    let folder = bait.sandbox.work().join("evidence");
    let kept = files(&folder);
    assert!(kept.len() >= 3, "{kept:?} {output:?}");
    let mut copies = 0;
    for path in &kept {
        let bytes = fs::read(path).expect("a file");
        silent(
            &path.display().to_string(),
            &String::from_utf8_lossy(&bytes),
        );
        copies += usize::from(
            bytes.starts_with(b"{\"ArtifactName\"") || bytes.starts_with(b"{\"descriptor\""),
        );
    }
    assert_eq!(copies, 2, "Trivy's report and Grype's");
    bait.run(
        &["archive", "list", "--archive", "evidence"],
        &["table", "json"],
    );
    bait.run(
        &["archive", "verify", "--archive", "evidence"],
        &["table", "json"],
    );

    // The copies make the findings that the originals make.
    let blobs = folder.join("blobs/sha256").display().to_string();
    let keys = |input: &str| -> Vec<String> {
        let output = bait.sandbox.run([
            "findings",
            input,
            "--format",
            "json",
            "--allow-partial",
            "--subject",
            "r.example/app:1",
        ]);
        silent("the copy's findings", &output.stdout);
        let document = output.json();
        let findings = document["findings"].as_array().into_iter().flatten();
        let mut keys: Vec<String> = findings.map(|one| one["key"].to_string()).collect();
        keys.sort();
        keys
    };
    let original = keys("reports");
    assert!(original.len() > 10, "{original:?}");
    assert_eq!(keys(&blobs), original);
}

#[test]
fn no_screen_shows_a_value() {
    let bait = Bait::lay();
    for (rows, columns) in [(36, 120), (24, 80), (20, 60)] {
        let arguments = [
            "review",
            "reports/trivy.json",
            "reports/grype.json",
            "oci:layout:1",
        ];
        let mut console = bait.sandbox.open(arguments, rows, columns);
        console.wait_for_text("Images", PATIENCE);
        for key in ["1", "2", "3", "4", "6", "7", "8", "?", "\x1b", "5"] {
            console.send(key);
            std::thread::sleep(Duration::from_millis(60));
            silent(key, &console.screen());
        }
        console.wait_for_text("Hygiene", PATIENCE);
        for _ in 0..20 {
            // The full text of each, its end, and back to the next.
            for key in ["\r", "G", "\x1b", "j"] {
                console.send(key);
                std::thread::sleep(Duration::from_millis(25));
                silent(
                    "hygiene",
                    &console.screen().replace(['\n', ' ', '│', '┃', '|'], ""),
                );
            }
        }
        console.send("Q");
        assert_eq!(console.exit(PATIENCE), 0);
    }
}
