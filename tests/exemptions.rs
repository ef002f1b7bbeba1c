//! Ignore files and VEX documents through the built program: what is suppressed, shown and refused.
//!
//! What single entries reach is tested beside `triage::suppress`.

use serde_json::{Value, json};

use crate::cli::{bundled, valid};
use crate::support::program::{Output, Sandbox};

const NOW: &str = "2026-05-01T12:00:00Z";

const REPORTS: [&str; 2] = ["caddy-2.7.6.trivy.json", "caddy-2.7.6.grype.json"];

fn write(sandbox: &Sandbox, name: &str, text: &str) {
    std::fs::write(sandbox.work().join(name), text).expect("the folder can be written to");
}

/// Runs a command on two bundled reports about one image.
pub(crate) fn run(sandbox: &Sandbox, arguments: &[&str], files: &[&str]) -> Output {
    for name in REPORTS {
        // The bundled reports leave open which image they are about.
        let text = std::fs::read_to_string(bundled(name)).expect("it is bundled");
        let text = text
            .replace("@REPOSITORY@", "registry.example.org/caddy")
            .replace("@MANIFEST@", &format!("sha256:{}", "a".repeat(64)))
            .replace("@CONFIG@", &format!("sha256:{}", "b".repeat(64)));
        write(sandbox, name, &text);
    }
    let mut all: Vec<&str> = arguments.to_vec();
    all.extend(["--now", NOW]);
    all.extend(REPORTS);
    all.extend(files);
    sandbox.run(all)
}

/// The id, package URL and digest of a finding that both scanners report and the gate closes on.
fn closing(sandbox: &Sandbox) -> Value {
    let output = run(sandbox, &["findings", "--format", "json"], &[]);
    let document = valid(&output);
    let gate = valid(&run(sandbox, &["gate", "--format", "json"], &[]));
    let keys = &gate["blockers"][0]["findings"];
    let keys = keys.as_array().expect("the gate is closed");
    let findings = document["findings"].as_array().expect("a list");
    let found = findings
        .iter()
        .find(|one| keys.contains(&one["key"]) && one["scanners"] == json!(["grype", "trivy"]));
    found.expect("both found it").clone()
}

fn openvex(finding: &Value) -> String {
    let purl = finding["package"]["purl"].as_str().unwrap_or_default();
    let purl = purl.split('?').next().unwrap_or_default();
    json!({"@context": "https://openvex.dev/ns/v0.2.0", "timestamp": "2026-04-01T00:00:00Z",
        "statements": [{"vulnerability": {"name": finding["id"]}, "products": [{"@id": purl}],
        "status": "not_affected", "justification": "vulnerable_code_not_present"}]})
    .to_string()
}

fn reconciles(document: &Value) {
    let records = &document["records"];
    let of = |name: &str| records[name].as_u64().expect("a count");
    assert_eq!(
        of("joined") + of("suppressed") + of("unreadable"),
        of("read")
    );
    let reports = document["reports"].as_array().expect("a list");
    let suppressed = reports
        .iter()
        .map(|one| one["records"]["suppressed"].as_u64());
    assert_eq!(suppressed.sum::<Option<u64>>(), Some(of("suppressed")));
}

#[test]
fn a_statement_suppresses_a_finding_and_nothing_is_absent() {
    let sandbox = Sandbox::new();
    let finding = closing(&sandbox);
    write(&sandbox, "vex.json", &openvex(&finding));
    let before = valid(&run(&sandbox, &["findings", "--format", "json"], &[]));
    let output = run(&sandbox, &["findings", "--format", "json"], &["vex.json"]);
    assert_eq!(output.code, 0, "{output:?}");
    let after = valid(&output);
    reconciles(&before);
    reconciles(&after);
    let [document] = after["exemptions"].as_array().expect("a list").as_slice() else {
        panic!("{after}");
    };
    assert_eq!(document["format"], "openvex");
    assert_eq!(
        (&document["entries"], &document["matched"]),
        (&json!(1), &json!(1))
    );
    let count = |value: &Value| value["totals"]["findings"].as_u64().unwrap_or_default();
    let hidden = after["suppressed"].as_array().expect("a list");
    assert_eq!(count(&before), count(&after) + hidden.len() as u64);
    let by = &hidden[0]["suppressed_by"];
    assert_eq!(hidden[0]["key"], finding["key"]);
    assert_eq!(
        by,
        &json!({"by": "document", "source": "vex.json", "status": "not_affected",
            "statement": "vulnerable_code_not_present"})
    );
    let table = run(&sandbox, &["findings", "--format", "table"], &["vex.json"]);
    assert!(
        table.stdout.contains("suppressed: 1 by vex.json"),
        "{table:?}"
    );
    let filter = [
        "findings",
        "--format",
        "table",
        "--filter",
        "suppressed:yes",
    ];
    let shown = run(&sandbox, &filter, &["vex.json"]).stdout;
    assert!(
        shown.contains("suppressed by vex.json (not_affected)"),
        "{shown}"
    );
    let list = run(&sandbox, &["list", "--format", "json"], &["vex.json"]);
    assert_eq!(valid(&list)["subjects"][0]["suppressed"], hidden.len());
}

/// One scanner's ignore file leaves the other's records alone, so the finding stays.
#[test]
fn an_ignore_file_is_its_tools_own() {
    let sandbox = Sandbox::new();
    let finding = closing(&sandbox);
    let id = finding["id"].as_str().unwrap_or_default();
    let rule =
        format!("ignore:\n  - {{vulnerability: {id}, include-aliases: true, reason: why}}\n");
    write(
        &sandbox,
        "ours.trivyignore",
        &format!("{id} exp:2026-06-01\n"),
    );
    write(&sandbox, "ours.yaml", &rule);
    let of = |files: &[&str]| {
        let document = valid(&run(&sandbox, &["findings", "--format", "json"], files));
        reconciles(&document);
        let hidden = document["suppressed"].as_array().map_or(0, Vec::len);
        (hidden, document["records"]["suppressed"].as_u64())
    };
    let (none, trivy) = of(&["ours.trivyignore"]);
    assert_eq!(none, 0);
    assert!(trivy > Some(0));
    assert_eq!(of(&["ours.yaml"]).0, 0);
    let (both, all) = of(&["ours.trivyignore", "ours.yaml"]);
    assert!(both > 0 && all > trivy);
    assert_eq!(of(&["ours.yaml", "ours.trivyignore"]), (both, all));
}

#[test]
fn an_entry_that_has_ended_reopens_its_finding() {
    let sandbox = Sandbox::new();
    let finding = closing(&sandbox);
    let id = finding["id"].as_str().unwrap_or_default();
    let text = format!("{id} exp:2026-05-01\nCVE-2000-0001\n");
    write(&sandbox, "ours.trivyignore", &text);
    let output = run(
        &sandbox,
        &["findings", "--format", "json"],
        &["ours.trivyignore"],
    );
    let document = valid(&output);
    assert_eq!(document["exemptions"][0]["expired"], 1);
    assert_eq!(document["records"]["suppressed"], 0);
    for said in [
        format!("{id} expired on 2026-05-01: reopened"),
        "1 entry matched nothing: CVE-2000-0001".to_owned(),
    ] {
        assert!(output.stderr.contains(&said), "{said}: {}", output.stderr);
    }
}

#[test]
fn the_gate_names_what_hides_findings() {
    let sandbox = Sandbox::new();
    let finding = closing(&sandbox);
    write(&sandbox, "vex.json", &openvex(&finding));
    let of = |policy: &str| {
        write(&sandbox, "countersign.toml", policy);
        let gate = valid(&run(&sandbox, &["gate", "--format", "json"], &["vex.json"]));
        let about = |list: &str| {
            let list = gate[list].as_array().expect("a list").iter();
            let found = list.filter(|one| one["class"] == "suppressed");
            found
                .map(|one| (one["text"].clone(), one["findings"].clone()))
                .collect::<Vec<_>>()
        };
        (about("blockers"), about("warnings"))
    };
    let said = vec![(
        json!("1 finding is suppressed by vex.json, not by a verdict"),
        json!([finding["key"]]),
    )];
    assert_eq!(of(""), (vec![], said.clone()));
    assert_eq!(of("[gate]\nsuppressed = \"deny\"\n"), (said, vec![]));
    assert_eq!(of("[gate]\nsuppressed = \"allow\"\n"), (vec![], vec![]));
}

/// A lost statement might have taken another back: the loss is input that could not be read.
#[test]
fn a_partly_read_document_is_told() {
    let sandbox = Sandbox::new();
    write(&sandbox, "vex.yaml", "vulnerabilities:\n  - paths: [a]\n");
    let output = run(&sandbox, &["findings", "--format", "json"], &["vex.yaml"]);
    assert_eq!(output.code, 3, "{output:?}");
    assert!(
        output.stderr.contains("the entry has no `id`"),
        "{}",
        output.stderr
    );
    assert_eq!(valid(&output)["exemptions"][0]["unreadable"], 1);
    let allowed = ["findings", "--format", "json", "--allow-partial"];
    assert_eq!(run(&sandbox, &allowed, &["vex.yaml"]).code, 0);
    let gate = valid(&run(&sandbox, &["gate", "--format", "json"], &["vex.yaml"]));
    let classes: Vec<&Value> = gate["blockers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|blocker| &blocker["class"])
        .collect();
    assert!(classes.contains(&&json!("partial-report")), "{classes:?}");
    write(&sandbox, "vex.yaml", "vulnerabilities: [\n");
    let output = run(&sandbox, &["findings", "--format", "json"], &["vex.yaml"]);
    assert_eq!(output.code, 3);
    assert!(
        output.stderr.contains("damaged at line 2"),
        "{}",
        output.stderr
    );
}

/// An approval was taken on what stood then: a file that hides something else makes it stale.
#[test]
fn a_changed_document_makes_an_approval_stale() {
    let sandbox = Sandbox::new();
    let finding = closing(&sandbox);
    write(&sandbox, "vex.json", &openvex(&finding));
    let approve = [
        "decide",
        "--whole-image",
        "--decision",
        "approve",
        "--reason",
        "seen",
    ];
    let output = run(&sandbox, &approve, &["vex.json"]);
    assert_eq!(output.code, 0, "{output:?}");
    let state = |files: &[&str]| {
        let list = valid(&run(&sandbox, &["list", "--format", "json"], files));
        list["subjects"][0]["state"].clone()
    };
    assert_eq!(state(&["vex.json"]), "approved");
    assert_eq!(state(&[]), "stale");
    let other = openvex(&finding).replace("not_affected", "affected");
    write(&sandbox, "vex.json", &other);
    assert_eq!(state(&["vex.json"]), "stale");
}
