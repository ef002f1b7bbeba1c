//! Earlier verdicts on a rebuilt image, what a scope hits, and the calendar, through the built program.
//!
//! The rules are tested beside `triage::carry`, `triage::impact` and `triage::calendar`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::valid;
use crate::support::program::{Output, Sandbox};

/// A finding: id, package, version, severity, fixed version.
type Found<'a> = [&'a str; 5];

/// Writes a Trivy report of `registry.example.org/app` with a tag; the layer tells builds apart.
pub(crate) fn report_at(path: &Path, tag: &str, layer: char, found: &[Found<'_>]) {
    let found: Vec<Value> = found
        .iter()
        .map(|[id, package, version, severity, fixed]| {
            json!({"VulnerabilityID": id, "PkgName": package, "InstalledVersion": version, "Severity": severity,
                "PkgIdentifier": {"PURL": format!("pkg:npm/{package}@{version}")}, "FixedVersion": fixed})
        })
        .collect();
    let digest = format!("sha256:{}", layer.to_string().repeat(64));
    let report = json!({
        "SchemaVersion": 2, "CreatedAt": "2026-05-01T10:00:00Z", "ArtifactType": "container_image",
        "ArtifactName": format!("registry.example.org/app:{tag}"),
        "Metadata": {"DiffIDs": [digest], "RepoDigests": [format!("registry.example.org/app@{digest}")]},
        "Results": [{"Target": "app", "Class": "lang-pkgs", "Type": "npm", "Vulnerabilities": found}],
    });
    fs::write(path, report.to_string()).expect("a report can be written");
}

const BEFORE: [Found<'_>; 4] = [
    ["CVE-2024-1", "left", "1.0.0", "HIGH", ""],
    ["CVE-2024-2", "right", "1.0.0", "HIGH", "2.0.0"],
    ["CVE-2024-3", "up", "1.0.0", "MEDIUM", ""],
    ["CVE-2024-4", "down", "1.0.0", "CRITICAL", ""],
];

const AFTER: [Found<'_>; 4] = [
    ["CVE-2024-1", "left", "1.0.0", "HIGH", ""],
    ["CVE-2024-2", "right", "1.1.0", "CRITICAL", "2.0.0"],
    ["CVE-2024-3", "up", "1.0.0", "MEDIUM", "1.0.1"],
    ["CVE-2024-5", "down", "1.0.0", "CRITICAL", ""],
];

/// Two builds, and verdicts on the first of 2026-05-01.
fn decided() -> Sandbox {
    let sandbox = Sandbox::new();
    report_at(&sandbox.work().join("old.json"), "1", '1', &BEFORE);
    report_at(&sandbox.work().join("new.json"), "2", '2', &AFTER);
    for (id, said) in [
        ("CVE-2024-1", &["accept-risk", "--until", "2026-05-20"][..]),
        (
            "CVE-2024-2",
            &[
                "not-affected",
                "--justification",
                "vulnerable_code_not_present",
                "--scope",
                "repository",
            ],
        ),
        ("CVE-2024-3", &["accept-risk", "--until", "fixed"]),
        ("CVE-2024-4", &["accept-risk", "--until", "2026-05-06"]),
    ] {
        let decide = [
            "old.json",
            "--finding",
            id,
            "--reason",
            "known",
            "--decision",
        ];
        let output = on(
            &sandbox,
            "2026-05-01",
            &[&["decide"], &decide[..], said].concat(),
        );
        assert_eq!(output.code, 0, "{output:?}");
    }
    sandbox
}

fn on(sandbox: &Sandbox, date: &str, arguments: &[&str]) -> Output {
    let by = ["--now", date];
    let reviewer: &[&str] = if arguments[0] == "decide" {
        &["--reviewer", "ann"]
    } else {
        &[]
    };
    sandbox.run([arguments, &by, reviewer].concat())
}

fn texts(document: &Value, list: &str, field: &str) -> Vec<String> {
    let list = document[list].as_array().expect("a list");
    let text = |one: &Value| one[field].as_str().expect("a text").to_owned();
    list.iter().map(text).collect()
}

#[test]
fn verdicts_on_the_build_before_are_offered_and_carried_over() {
    let sandbox = decided();
    let look = [
        "decide",
        "new.json",
        "--carry-over",
        "--dry-run",
        "--format",
        "json",
    ];
    let looked = on(&sandbox, "2026-05-02", &look);
    assert_eq!(looked.code, 0, "{looked:?}");
    let document = valid(&looked);
    assert_eq!(
        texts(&document, "carried_over", "id"),
        ["CVE-2024-2", "CVE-2024-1"],
        "one has a fix now, one is gone"
    );
    assert_eq!(document["entries"], json!([]));
    let changed = document["carried_over"][0]["differences"].clone();
    assert_eq!(
        changed[1],
        json!({"what": "version", "from": "1.0.0", "to": "1.1.0"})
    );
    assert_eq!(
        changed[2],
        json!({"what": "severity", "from": "high", "to": "critical"})
    );
    let list = on(
        &sandbox,
        "2026-05-02",
        &["list", "new.json", "--format", "json"],
    );
    assert_eq!(
        texts(&valid(&list)["subjects"][0], "offers", "id"),
        ["CVE-2024-2", "CVE-2024-1"]
    );

    let none = [
        "decide",
        "new.json",
        "--carry-over",
        "--finding",
        "CVE-2024-3",
    ];
    let refused = on(&sandbox, "2026-05-02", &none);
    assert_eq!(refused.code, 3, "{refused:?}");
    let one = [
        "decide",
        "new.json",
        "--carry-over",
        "--finding",
        "CVE-2024-1",
    ];
    let taken = on(
        &sandbox,
        "2026-05-02",
        &[&one[..], &["--format", "json"]].concat(),
    );
    assert_eq!(taken.code, 0, "{taken:?}");
    let document = valid(&taken);
    assert_eq!(document["decision"], "carry-over");
    assert_eq!(texts(&document, "offers", "id"), ["CVE-2024-2"]);
    let all = on(
        &sandbox,
        "2026-05-02",
        &["decide", "new.json", "--carry-over"],
    );
    assert_eq!(all.code, 0, "{all:?}");
    assert!(all.stdout.contains("the gate is open"), "{all:?}");
    let nothing = on(
        &sandbox,
        "2026-05-02",
        &["decide", "new.json", "--carry-over"],
    );
    assert_eq!(nothing.code, 0, "{nothing:?}");
    assert!(
        nothing.stdout.contains("no earlier verdict is offered"),
        "{nothing:?}"
    );
}

#[test]
fn what_was_carried_over_says_so_everywhere_and_ends_as_before() {
    let sandbox = decided();
    let all = on(
        &sandbox,
        "2026-05-02",
        &["decide", "new.json", "--carry-over"],
    );
    assert_eq!(all.code, 0, "{all:?}");
    let findings = valid(&on(
        &sandbox,
        "2026-05-02",
        &["findings", "new.json", "--format", "json"],
    ));
    let verdict = findings["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|finding| finding["id"] == "CVE-2024-1")
        .map(|finding| &finding["verdict"])
        .expect("the finding");
    assert_eq!(verdict["until"], "2026-05-20");
    assert_eq!(verdict["carried_from"]["entry"], 1);
    assert_eq!(verdict["carried_from"]["time"], "2026-05-01T00:00:00Z");
    let shown = sandbox.run(["ledger", "show"]);
    assert!(
        shown
            .stdout
            .contains("not-affected CVE-2024-2 right (carried from entry 2)"),
        "{}",
        shown.stdout
    );
    let report = on(&sandbox, "2026-05-02", &["report", "new.json"]);
    assert!(
        report
            .stdout
            .contains("holds, carried over from entry 2 of ann: image"),
        "{}",
        report.stdout
    );
    let ignore = on(
        &sandbox,
        "2026-05-02",
        &["export", "trivyignore", "new.json"],
    );
    assert!(
        ignore.stdout.contains("(carried over from entry 2)"),
        "{}",
        ignore.stdout
    );
    let late = on(
        &sandbox,
        "2026-05-21",
        &["gate", "new.json", "--format", "json"],
    );
    let excused = valid(&late)["excused"].as_array().map(Vec::len);
    assert_eq!(excused, Some(1), "the end stayed where it was: {late:?}");
}

#[test]
fn what_was_taken_back_is_no_longer_offered() {
    let sandbox = decided();
    assert_eq!(on(&sandbox, "2026-05-02", &["ledger", "undo", "2"]).code, 0);
    let look = [
        "decide",
        "new.json",
        "--carry-over",
        "--dry-run",
        "--format",
        "json",
    ];
    let document = valid(&on(&sandbox, "2026-05-02", &look));
    assert_eq!(texts(&document, "carried_over", "id"), ["CVE-2024-1"]);
}

#[test]
fn a_scope_says_what_it_hits_before_it_is_saved() {
    let sandbox = decided();
    let of = |scope: &str, inputs: &[&str]| {
        let said = [
            "--finding",
            "CVE-2024-1",
            "--decision",
            "affected",
            "--reason",
            "seen",
        ];
        let subject = ["--subject", "registry.example.org/app:2"];
        let how = ["--scope", scope, "--dry-run", "--format", "json"];
        let output = on(
            &sandbox,
            "2026-05-02",
            &[&["decide"], inputs, &said, &subject, &how].concat(),
        );
        assert_eq!(output.code, 0, "{output:?}");
        (valid(&output)["impact"].clone(), output.stderr)
    };
    let (impact, said) = of("finding", &["new.json"]);
    assert_eq!(
        (&impact["findings"], &impact["unknown"]),
        (&json!(1), &json!(0))
    );
    assert!(
        said.contains("scope finding: 1 finding on 1 image"),
        "{said}"
    );
    let (impact, _) = of("everywhere", &["new.json", "old.json"]);
    assert_eq!(impact["findings"], 2);
    assert_eq!(impact["images"][1]["loaded"], true);
    let (impact, said) = of("repository", &["new.json"]);
    assert_eq!(impact["images"][1]["loaded"], false, "{impact}");
    assert!(said.contains("app:1 (1, by the ledger)"), "{said}");
    let show = sandbox.run(["ledger", "show", "--format", "json"]);
    let entries = valid(&show)["entries"].as_array().map(Vec::len);
    assert_eq!(entries, Some(4), "a look records nothing");
}

#[test]
fn the_calendar_groups_what_ends() {
    let sandbox = decided();
    let all = on(
        &sandbox,
        "2026-05-02",
        &["decide", "new.json", "--carry-over"],
    );
    assert_eq!(all.code, 0, "{all:?}");
    let output = on(
        &sandbox,
        "2026-05-14",
        &["ledger", "expiring", "--format", "json"],
    );
    let document = valid(&output);
    let rows: Vec<(String, String, u64)> = document["expiring"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            let text = |field: &str| one[field].as_str().expect("a text").to_owned();
            (
                text("due"),
                text("image"),
                one["entry"].as_u64().expect("a number"),
            )
        })
        .collect();
    let (one, two) = ("registry.example.org/app:1", "registry.example.org/app:2");
    let row = |due: &str, image: &str, entry| (due.to_owned(), image.to_owned(), entry);
    assert_eq!(
        rows,
        [
            row("over", one, 4),
            row("week", one, 1),
            row("week", two, 6),
            row("until-fixed", one, 3),
        ]
    );
    let table = on(&sandbox, "2026-05-14", &["ledger", "expiring"]).stdout;
    assert!(table.contains("fixed, or 2026-07-30"), "{table}");
    assert!(
        table.ends_with("1 over, 2 within 7 days, 1 until fixed\n"),
        "{table}"
    );
}
