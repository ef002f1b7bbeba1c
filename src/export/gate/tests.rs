//! The gate's answer in every format, over text that means harm.

use super::*;
use crate::environment::Environment;
use crate::ledger::Chain;
use crate::review::{Inputs, Review, open};

fn now() -> chrono::DateTime<chrono::Utc> {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

/// A review of an image with `count` findings that close the gate, read in part where `partial`.
fn review(count: usize, partial: bool) -> Review {
    let mut found: Vec<String> = (0..count)
        .map(|number| {
            format!(
                "{{\"VulnerabilityID\":\"CVE-2026-{number:04}\",\"PkgName\":\"<script>|`a`\",\"InstalledVersion\":\"1\",\
                 \"FixedVersion\":\"2\",\"Severity\":\"HIGH\",\"Title\":\"](javascript:0)\\u202e\"}}"
            )
        })
        .collect();
    found.extend(partial.then(|| "{\"VulnerabilityID\":1}".to_owned()));
    let text = format!(
        "{{\"SchemaVersion\":2,\"ArtifactName\":\"registry.example/<img src=x>:1\",\"ArtifactType\":\"container_image\",\
         \"Results\":[{{\"Target\":\"a\",\"Class\":\"lang-pkgs\",\"Type\":\"npm\",\"Vulnerabilities\":[{}]}}]}}",
        found.join(",")
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.json");
    std::fs::write(&path, text).unwrap();
    let inputs = Inputs {
        paths: vec![path.to_str().unwrap().to_owned()],
        ..Inputs::default()
    };
    open(
        &inputs,
        crate::triage::policy::Policy::default(),
        &Chain::default(),
        &Environment::fixed(now(), "/home/user".into()),
        &tokio_util::sync::CancellationToken::new(),
        &mut |_| {},
    )
}

fn written(format: GateFormat, review: &Review) -> String {
    let request = ExportRequest {
        review,
        subjects: &[0],
        author: "reviewer",
        now: now(),
    };
    let answer = review.gate(0, None, now()).unwrap();
    gate(format, &request, 0, &answer).unwrap()
}

#[test]
fn a_summary_says_state_blockers_and_the_way_and_is_not_endless() {
    let text = written(GateFormat::Markdown, &review(25, false));
    assert!(text.starts_with("## The gate is closed: "), "{text}");
    assert!(text.contains("25 vulnerabilities"), "{text}");
    assert_eq!(text.matches("| high |").count(), MAX_ROWS, "{text}");
    assert!(text.contains("And 5 more."), "{text}");
    assert!(text.contains("| 25 | upgrade"), "{text}");
    let open = written(GateFormat::Markdown, &review(0, false));
    assert!(open.starts_with("## The gate is open: "), "{open}");
    assert!(!open.contains("What closes it") && !open.contains("way to open"));
}

#[test]
fn hostile_text_stays_text_in_every_format() {
    let review = review(1, true);
    for format in [GateFormat::Junit, GateFormat::Sarif, GateFormat::Markdown] {
        let text = written(format, &review);
        assert!(!text.contains('\u{202e}'), "{format:?}: {text}");
    }
    let junit = written(GateFormat::Junit, &review);
    assert!(!junit.contains("<script") && !junit.contains("<img"));
    let markdown = written(GateFormat::Markdown, &review);
    assert!(markdown.contains("\\<script\\>\\|\\`a\\`"), "{markdown}");
    let bare = markdown.replace("\\<", "");
    assert!(!bare.contains('<'), "{markdown}");
}

#[test]
fn a_reason_without_findings_is_a_failure_everywhere() {
    let review = review(0, true);
    let log: serde_json::Value =
        serde_json::from_str(&written(GateFormat::Sarif, &review)).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let errors: Vec<&str> = results
        .iter()
        .filter(|result| result["level"] == "error")
        .filter_map(|result| result["ruleId"].as_str())
        .collect();
    assert_eq!(errors, ["partial-report", "not-scanned"]);
    assert_eq!(log["runs"][0]["properties"]["gate"]["open"], false);
    let junit = written(GateFormat::Junit, &review);
    assert_eq!(junit.matches("<failure ").count(), 2, "{junit}");
    assert!(junit.contains("to open: "), "{junit}");
    let markdown = written(GateFormat::Markdown, &review);
    assert!(markdown.contains("- partial-report: "), "{markdown}");
}

#[test]
fn sarif_holds_what_closes_the_gate_as_errors() {
    let log: serde_json::Value =
        serde_json::from_str(&written(GateFormat::Sarif, &review(2, false))).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        assert_eq!(result["level"], "error");
        assert_eq!(result["properties"]["gate"], "vulnerability");
    }
}
