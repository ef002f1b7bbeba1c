//! Real pairs of reports, where they are at hand: the counts reconcile in every one.
//!
//! Nothing of the corpus is kept here.

use std::path::Path;

use super::valid;
use crate::support::judges::corpus;
use crate::support::program::Sandbox;

#[test]
fn every_pair_reconciles() {
    let Some(folder) = corpus().map(|corpus| corpus.join("pairs")) else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus can be listed") {
        let trivy = entry.expect("an entry").path();
        let name = trivy.display().to_string();
        let Some(stem) = name.strip_suffix(".trivy.json") else {
            continue;
        };
        let grype = format!("{stem}.grype.json");
        if !Path::new(&grype).exists() {
            continue;
        }
        seen += 1;
        let output = sandbox.run(["findings", "--format", "json", &name, &grype]);
        assert_eq!(output.code, 0, "{stem}: {}", output.stderr);
        let document = if seen <= 3 {
            valid(&output)
        } else {
            output.json()
        };
        let records = &document["records"];
        let count = |name: &str| records[name].as_u64().expect("a count");
        assert_eq!(
            count("joined") + count("suppressed") + count("unreadable"),
            count("read"),
            "{stem}"
        );
        let findings = document["findings"].as_array().expect("a list");
        let suppressed = document["suppressed"].as_array().expect("a list");
        let records: u64 = findings
            .iter()
            .chain(suppressed)
            .map(|finding| finding["records"].as_u64().expect("a count"))
            .sum();
        // One advisory can be a record of several findings, so this side may count more.
        assert!(records >= count("joined") + count("suppressed"), "{stem}");
        assert_eq!(
            document["totals"]["shown"].as_u64(),
            Some(findings.len() as u64),
            "{stem}"
        );
    }
    assert!(seen > 0, "the corpus holds no pair");
}
