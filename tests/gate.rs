//! The gate through the built program: its formats, the way it shows, and what renews a verdict.
//!
//! Its rules are tested as a table in `src/triage/gate/table.rs`.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::{bundled, valid};
use crate::support::program::{Output, Sandbox};

/// Writes a Trivy report of one image: (id, package, severity, fixed version) each.
fn report(sandbox: &Sandbox, name: &str, created: &str, found: &[[&str; 4]]) -> String {
    let found: Vec<Value> = found
        .iter()
        .map(|[id, package, severity, fixed]| {
            json!({"VulnerabilityID": id, "PkgName": package, "InstalledVersion": "1.0.0", "Severity": severity,
                "FixedVersion": fixed})
        })
        .collect();
    let report = json!({
        "SchemaVersion": 2, "CreatedAt": created, "ArtifactName": "registry.example.org/app:1", "ArtifactType": "container_image",
        "Metadata": {"DiffIDs": [format!("sha256:{}", "1".repeat(64))],
            "RepoDigests": [format!("registry.example.org/app@sha256:{}", "a".repeat(64))]},
        "Results": [{"Target": "app", "Class": "lang-pkgs", "Type": "npm", "Vulnerabilities": found}],
    });
    let path: PathBuf = sandbox.work().join(name);
    fs::write(&path, report.to_string()).expect("a report can be written");
    path.display().to_string()
}

#[track_caller]
fn asked(sandbox: &Sandbox, arguments: &[&str], code: i32) -> Output {
    let mut all = vec!["gate"];
    all.extend(arguments);
    let output = sandbox.run(all);
    assert_eq!(output.code, code, "{output:#?}");
    output
}

#[test]
fn every_format_says_the_same_with_the_same_code() {
    for (image, code, state) in [("caddy-2.7.6", 1, "closed"), ("caddy-v2.10.0", 0, "open")] {
        let sandbox = Sandbox::new();
        let paths: Vec<String> = ["trivy", "grype"]
            .iter()
            .map(|scanner| {
                bundled(&format!("{image}.{scanner}.json"))
                    .display()
                    .to_string()
            })
            .collect();
        let of = |format: &str| asked(&sandbox, &[&paths[0], &paths[1], "--format", format], code);
        let gate = valid(&of("json"));
        let closing = gate["blockers"][0]["findings"]
            .as_array()
            .map_or(0, Vec::len);
        assert!(
            of("table")
                .stdout
                .starts_with(&format!("the gate is {state}"))
        );
        let markdown = of("markdown").stdout;
        assert!(
            markdown.starts_with(&format!("## The gate is {state}: ")),
            "{markdown}"
        );
        let junit = of("junit").stdout;
        assert_eq!(junit.matches("<failure ").count(), closing, "{junit}");
        let sarif = of("sarif").json();
        assert_eq!(sarif["version"], "2.1.0");
        let results = sarif["runs"][0]["results"].as_array().expect("results");
        let errors = results.iter().filter(|result| result["level"] == "error");
        assert_eq!(errors.count(), closing);
        for remedy in gate["to_open"].as_array().expect("a list") {
            assert!(markdown.contains("| upgrade "), "{remedy}");
        }
    }
    let refused = Sandbox::new().run(["list", "x", "--format", "junit"]);
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[test]
fn the_commands_of_the_way_open_it() {
    let sandbox = Sandbox::new();
    fs::write(
        sandbox.work().join("countersign.toml"),
        "[gate]\nfixable = false\n",
    )
    .expect("written");
    let path = report(
        &sandbox,
        "app.json",
        "2026-04-30T00:00:00Z",
        &[
            ["CVE-2026-0001", "left", "HIGH", ""],
            ["CVE-2026-0002", "left", "CRITICAL", ""],
            ["CVE-2026-0003", "right", "HIGH", ""],
            ["CVE-2026-0004", "up", "HIGH", "1.0.2"],
            ["CVE-2026-0005", "up", "HIGH", "1.0.10, 2.0.1"],
        ],
    );
    let gate = valid(&asked(&sandbox, &[&path, "--format", "json"], 1));
    let ways = gate["to_open"].as_array().expect("a list");
    let actions: Vec<&str> = ways
        .iter()
        .filter_map(|way| way["action"].as_str())
        .collect();
    assert_eq!(
        actions,
        [
            "upgrade up 1.0.0 to 1.0.10: clears 2 findings",
            "record a verdict on CVE-2026-0002 and CVE-2026-0001 in left 1.0.0: no fix is named",
            "record a verdict on CVE-2026-0003 in right 1.0.0: no fix is named",
        ]
    );
    for way in ways {
        let command = way["command"].as_str().expect("a command");
        let told = command
            .strip_prefix("countersign ")
            .expect("one of this program's");
        let told: Vec<&str> = told
            .split(' ')
            .map(|word| match word {
                "INPUT…" => path.as_str(),
                "TEXT" => "known",
                other => other,
            })
            .collect();
        let output = sandbox.run(told);
        assert_eq!(output.code, 0, "{command}: {output:#?}");
    }
    // What is left is done in the image.
    let upgraded = report(
        &sandbox,
        "new.json",
        "2026-04-30T00:00:00Z",
        &[
            ["CVE-2026-0001", "left", "HIGH", ""],
            ["CVE-2026-0002", "left", "CRITICAL", ""],
            ["CVE-2026-0003", "right", "HIGH", ""],
        ],
    );
    let open = valid(&asked(&sandbox, &[&upgraded, "--format", "json"], 0));
    assert_eq!(open["excused"].as_array().map(Vec::len), Some(3));
    assert_eq!(open["to_open"], json!([]));
}

#[test]
fn a_fresh_report_renews_a_verdict_and_changed_evidence_does_not() {
    let sandbox = Sandbox::new();
    let found = ["CVE-2026-0001", "left", "HIGH", "2.0.0"];
    let then = report(&sandbox, "then.json", "2026-04-30T00:00:00Z", &[found]);
    let decided = sandbox.run([
        "decide",
        &then,
        "--finding",
        "CVE-2026-0001",
        "--decision",
        "false-positive",
        "--reason",
        "another left",
        "--now",
        "2026-05-01T00:00:00Z",
    ]);
    assert_eq!(decided.code, 0, "{decided:#?}");
    let verdict = |path: &str, code| {
        let gate = valid(&asked(&sandbox, &[path, "--format", "json"], code));
        gate["excused"][0]["verdict"].clone()
    };
    let old = verdict(&then, 0);
    assert_eq!(old["renewed_by"], json!([]));
    let fresh = report(&sandbox, "fresh.json", "2026-05-02T00:00:00Z", &[found]);
    let renewed = verdict(&fresh, 0);
    assert_eq!(renewed["reports"], old["reports"]);
    assert_eq!(renewed["renewed_by"].as_array().map(Vec::len), Some(1));
    assert_ne!(renewed["renewed_by"], renewed["reports"]);
    let said = asked(&sandbox, &[&fresh], 0).stdout;
    assert!(said.contains("renewed by a newer report"), "{said}");
    let worse = ["CVE-2026-0001", "left", "CRITICAL", "2.0.0"];
    let changed = report(&sandbox, "changed.json", "2026-05-02T00:00:00Z", &[worse]);
    assert_eq!(verdict(&changed, 1), Value::Null);
    let findings = sandbox.run(["findings", &changed, "--format", "json"]);
    let stale = &valid(&findings)["findings"][0]["verdict"];
    assert_eq!(
        stale["stale_because"],
        "the severity rose from high to critical"
    );
    assert_eq!(stale["renewed_by"], json!([]));
}
