//! Exports loaded back: in this program, in Trivy, and against the official schemas.
//!
//! What a document says of each decision is tested beside `export`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use crate::cli::valid;
use crate::exemptions::run;
use crate::scan::Bench;
use crate::support::judges::judge;
use crate::support::program::{Output, Sandbox};
use crate::support::schema;

const SCOPES: [&str; 4] = ["finding", "package", "repository", "everywhere"];

/// Each decision with what it needs beside a reason. The first two are no risk, the third is one that is taken.
const DECISIONS: [&[&str]; 5] = [
    &[
        "not-affected",
        "--justification",
        "vulnerable_code_not_in_execute_path",
    ],
    &["false-positive"],
    &["accept-risk", "--until", "fixed"],
    &["affected"],
    &["under-investigation"],
];

const NOT_AT_RISK: [&str; 2] = ["not-affected", "false-positive"];

const EXCUSED: [&str; 3] = ["not-affected", "false-positive", "accept-risk"];

fn string(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// What scanners found, by key, suppressed ones too; the program's own checks are in no export.
fn findings(document: &Value) -> BTreeMap<String, Value> {
    let all = list(&document["findings"]).iter();
    let all = all.chain(document["suppressed"].as_array().into_iter().flatten());
    all.filter(|one| one["kind"] == "vulnerability")
        .map(|one| (string(&one["key"]).to_owned(), one.clone()))
        .collect()
}

/// The keys of the findings on which a verdict of these decisions stands.
fn decided(document: &Value, decisions: &[&str]) -> BTreeSet<String> {
    let stands = |one: &Value| {
        let decision = one["verdict"]["decision"].as_str();
        decision.is_some_and(|decision| decisions.contains(&decision))
    };
    let all = findings(document).into_iter();
    all.filter(|(_, one)| stands(one))
        .map(|(key, _)| key)
        .collect()
}

fn suppressed(document: &Value) -> BTreeSet<String> {
    let all = document["suppressed"].as_array().into_iter().flatten();
    all.map(|one| string(&one["key"]).to_owned()).collect()
}

/// Takes every fifth of the findings with each decision, in a row.
fn decide(document: &Value, run: impl Fn(&[&str]) -> Output, scope: &str, most: usize) {
    let keys: Vec<String> = findings(document).into_keys().take(most).collect();
    for (number, decision) in DECISIONS.iter().enumerate() {
        let own: Vec<&str> = keys
            .iter()
            .skip(number)
            .step_by(5)
            .map(AsRef::as_ref)
            .collect();
        let mut words = vec![
            "decide",
            "--reviewer",
            "ann",
            "--reason",
            "looked at",
            "--scope",
            scope,
        ];
        words.extend(own.iter().flat_map(|key| ["--finding", key]));
        words.push("--decision");
        words.extend(*decision);
        let output = run(&words);
        assert_eq!(output.code, 0, "{output:?}");
    }
}

/// Makes the export, holds it against the schemas there are, and returns the document `export`.
fn exported(kind: &str, run: impl Fn(&[&str]) -> Output) -> Value {
    let output = run(&["export", kind, "--reviewer", "ann", "--format", "json"]);
    assert_eq!(output.code, 0, "{output:?}");
    let document = valid(&output);
    official(kind, string(&document["text"]));
    document
}

/// Holds a VEX document against the schema of CycloneDX, or a reader of OpenVEX that checks what it reads.
fn official(kind: &str, text: &str) {
    let document: Value = match kind {
        "openvex" | "cyclonedx-vex" => serde_json::from_str(text).expect("VEX is JSON"),
        _ => return,
    };
    // The judge must be able to say no.
    let mut other = document.clone();
    if kind == "openvex" {
        let Some(reader) = judge("openvex_reader") else {
            return;
        };
        other["statements"][0]["status"] = json!("perhaps");
        let read = |document: &Value| {
            let text = document.to_string();
            Sandbox::new().run_other(&reader, [""; 0], text.as_bytes())
        };
        let (said, no) = (read(&document), read(&other));
        assert_eq!(said.code, 0, "{said:?}\n{text}");
        assert_ne!(no.code, 0);
    } else {
        other["vulnerabilities"][0]["analysis"]["state"] = json!("perhaps");
    }
    let validator = match kind {
        "openvex" => schema::openvex(),
        _ => schema::cyclonedx(),
    };
    let Some(validator) = validator else {
        return;
    };
    let problems: Vec<String> = validator
        .iter_errors(&document)
        .take(5)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}\n{text}");
    assert!(!validator.is_valid(&other));
}

#[test]
fn exports_loaded_back_suppress_what_was_decided() {
    for scope in SCOPES {
        let (here, there) = (Sandbox::new(), Sandbox::new());
        let show = ["findings", "--format", "json"];
        let before = valid(&run(&here, &show, &[]));
        decide(&before, |words| run(&here, words, &[]), scope, 40);
        let known = valid(&run(&here, &show, &[]));
        let mut made = BTreeMap::new();
        for kind in ["openvex", "cyclonedx-vex", "trivyignore", "grype-ignore"] {
            let document = exported(kind, |words| run(&here, words, &[]));
            for effect in list(&document["suppresses"]) {
                assert_eq!(
                    (&effect["beyond"], &effect["short"]),
                    (&json!([]), &json!([])),
                    "{scope} {kind}"
                );
                assert!(
                    effect["records"].as_u64() > Some(0),
                    "{scope} {kind}: {effect}"
                );
            }
            fs::write(there.work().join(kind), string(&document["text"])).expect("a file");
            made.insert(kind, document);
        }
        let load = |kinds: &[&str]| {
            let output = run(&there, &show, kinds);
            assert_eq!(output.code, 0, "{output:?}");
            valid(&output)
        };
        let expected = decided(&known, &NOT_AT_RISK);
        assert!(expected.len() > 2, "{scope}: {expected:?}");
        for kind in ["openvex", "cyclonedx-vex"] {
            assert_eq!(suppressed(&load(&[kind])), expected, "{scope} {kind}");
        }
        // A finding of both scanners is suppressed when both leave it out.
        let both = load(&["trivyignore", "grype-ignore"]);
        assert_eq!(suppressed(&both), decided(&known, &EXCUSED), "{scope}");
        for (kind, scanner) in [("trivyignore", "trivy"), ("grype-ignore", "grype")] {
            let document = load(&[kind]);
            for report in list(&document["reports"]) {
                let records = &report["records"]["suppressed"];
                let effect = &made[kind]["suppresses"][0];
                let is_own = report["scanner"] == scanner;
                let expected = if is_own {
                    effect["records"].clone()
                } else {
                    json!(0)
                };
                assert_eq!(records, &expected, "{scope} {kind}");
            }
        }
    }
}

/// What Trivy reports with these options: id and package.
fn trivy(bench: &Bench, options: &[&str]) -> BTreeSet<(String, String)> {
    let output = bench.sandbox.run_other(
        &bench.trivy,
        [options, &["--format", "json", "--quiet"]].concat(),
        b"",
    );
    assert_eq!(output.code, 0, "{output:?}");
    let report = output.json();
    let results = report["Results"].as_array().into_iter().flatten();
    let records =
        results.flat_map(|result| result["Vulnerabilities"].as_array().into_iter().flatten());
    records
        .map(|one| {
            (
                string(&one["VulnerabilityID"]).to_owned(),
                string(&one["PkgName"]).to_owned(),
            )
        })
        .collect()
}

/// The findings on which a verdict of these decisions stands, as Trivy names them.
fn names(document: &Value, decisions: &[&str]) -> BTreeSet<(String, String)> {
    let keys = decided(document, decisions);
    let mut all = findings(document);
    all.retain(|key, _| keys.contains(key));
    let name = |one: &Value| {
        (
            string(&one["id"]).to_owned(),
            string(&one["package"]["name"]).to_owned(),
        )
    };
    let names: BTreeSet<_> = all.values().map(name).collect();
    assert_eq!(names.len(), keys.len());
    names
}

#[test]
fn trivy_leaves_out_what_was_decided_and_nothing_else() {
    let Some(bench) = Bench::set() else { return };
    let Some((_registry, image)) = bench.publish() else {
        return;
    };
    let work = bench.sandbox.work();
    let write = |name: &str, text: &str| fs::write(work.join(name), text).expect("a file");
    for (name, format) in [("app.json", "json"), ("app.cdx.json", "cyclonedx")] {
        let words = [
            "image", &image, "--format", format, "--output", name, "--quiet",
        ];
        let output = bench.sandbox.run_other(&bench.trivy, words, b"");
        assert_eq!(output.code, 0, "{output:?}");
    }
    let whole = trivy(&bench, &["image", &image]);
    assert_eq!(whole.len(), 6, "{whole:?}");
    assert_eq!(trivy(&bench, &["sbom", "app.cdx.json"]), whole);
    for scope in SCOPES {
        // Each scope begins with nothing decided.
        let ledger = bench.sandbox.home().join(".local/share/countersign");
        if ledger.exists() {
            fs::remove_dir_all(ledger).expect("a ledger can be removed");
        }
        let files = ["app.json", "app.cdx.json"];
        let run = |words: &[&str]| bench.sandbox.run([words, &files].concat());
        let show = ["findings", "--format", "json"];
        decide(&valid(&run(&show)), run, scope, usize::MAX);
        let known = valid(&run(&show));
        let rest = |decisions: &[&str]| {
            let out = names(&known, decisions);
            assert!(!out.is_empty() && whole.is_superset(&out), "{out:?}");
            whole.difference(&out).cloned().collect::<BTreeSet<_>>()
        };
        for (kind, file, option, target, decisions) in [
            (
                "trivyignore",
                ".trivyignore.yaml",
                "--ignorefile",
                ["image", &image],
                &EXCUSED[..],
            ),
            (
                "openvex",
                "vex.json",
                "--vex",
                ["image", &image],
                &NOT_AT_RISK,
            ),
            (
                "openvex",
                "vex.json",
                "--vex",
                ["sbom", "app.cdx.json"],
                &NOT_AT_RISK,
            ),
            (
                "cyclonedx-vex",
                "vex.cdx.json",
                "--vex",
                ["sbom", "app.cdx.json"],
                &NOT_AT_RISK,
            ),
        ] {
            let document = exported(kind, run);
            write(file, string(&document["text"]));
            let left = trivy(&bench, &[&target[..], &[option, file]].concat());
            let expected = rest(decisions);
            assert_eq!(
                left, expected,
                "{scope} {kind} {}: {}",
                target[0], document["text"]
            );
        }
    }
}

#[test]
fn what_goes_beyond_a_verdict_is_told() {
    let sandbox = Sandbox::new();
    let report = |image: &str, digit: &str| {
        let digest = format!("sha256:{}", digit.repeat(64));
        let package = |id: &str| {
            json!({"VulnerabilityID": id, "PkgName": "bash", "InstalledVersion": "5.2", "Severity": "HIGH",
            "PkgIdentifier": {"PURL": "pkg:deb/debian/bash@5.2?arch=amd64"}})
        };
        let text = json!({"SchemaVersion": 2, "ArtifactName": format!("{image}:1"), "ArtifactType": "container_image",
            "Metadata": {"RepoDigests": [format!("{image}@{digest}")]},
            "Results": [{"Target": "debian", "Class": "os-pkgs", "Type": "debian",
                "Vulnerabilities": [package("CVE-2026-0001"), package("CVE-2026-0002")]}]});
        fs::write(
            sandbox.work().join(format!("{digit}.json")),
            text.to_string(),
        )
        .expect("a file");
    };
    report("registry.example/team/app", "a");
    report("registry.example/team/other", "b");
    let decide = [
        "decide",
        "a.json",
        "--finding",
        "CVE-2026-0001",
        "--decision",
        "not-affected",
        "--justification",
        "component_not_present",
        "--reason",
        "why",
        "--reviewer",
        "ann",
    ];
    let output = sandbox.run(decide);
    assert_eq!(output.code, 0, "{output:?}");
    let of = |kind: &str| {
        let words = ["export", kind, "a.json", "b.json", "--reviewer", "ann"];
        let told = sandbox.run(words).stderr;
        let document = valid(&sandbox.run([&words[..], &["--format", "json"]].concat()));
        let [effect] = list(&document["suppresses"]) else {
            panic!("{document}");
        };
        assert_eq!(
            (&effect["scanner"], &effect["short"]),
            (&json!("trivy"), &json!([]))
        );
        (
            effect["records"].clone(),
            list(&effect["beyond"]).len(),
            told,
        )
    };
    let warning =
        "trivy would leave out 1 finding that no verdict excuses: CVE-2026-0001 in bash 5.2";
    // An ignore file knows no image, a statement does.
    let (records, beyond, told) = of("trivyignore");
    assert_eq!((records, beyond), (json!(2), 1));
    assert!(told.contains(warning), "{told}");
    let (records, beyond, told) = of("openvex");
    assert_eq!((records, beyond), (json!(1), 0));
    assert!(!told.contains("would"), "{told}");
}
