//! `diff` and `components diff` through the built program: a rebuild, two tools, two formats.
//!
//! What becomes of a finding and why is tested beside the code.

use std::path::Path;

use serde_json::Value;

use super::{bundled, text, valid};
use crate::support::judges::corpus;
use crate::support::program::{Output, Sandbox};

fn run(arguments: &[&str]) -> Output {
    Sandbox::new().run(arguments)
}

fn sbom(root: &Path, name: &str) -> String {
    text(&root.join("sbom").join(name))
}

fn ids<'d>(document: &'d Value, list: &str) -> Vec<&'d str> {
    let list = document[list].as_array().expect("a list");
    list.iter().filter_map(|one| one["id"].as_str()).collect()
}

#[test]
fn a_rebuild_shows_what_went_and_why() {
    let Some(root) = corpus() else { return };
    let (before, after) = (
        sbom(&root, "gen__app2.trivy44.vuln.json"),
        sbom(&root, "gen__app3.trivy44.vuln.json"),
    );
    let compare = ["diff", "--before", &before, "--after", &after];
    let document = valid(&run(&[&compare[..], &["--format", "json"]].concat()));
    let gone = ["CVE-2020-8203", "CVE-2021-23337", "CVE-2021-44906"];
    assert_eq!(ids(&document, "gone"), gone);
    assert_eq!(document["totals"]["new"], 0);
    for one in document["gone"].as_array().expect("a list") {
        assert_eq!(one["cause"], "fixed");
        assert_eq!(one["package"]["ecosystem"], "npm");
    }
    assert_eq!(document["mixed_causes"], serde_json::json!([]));
    let answered = run(&[&compare[..], &["--exit-code"]].concat());
    assert_eq!(answered.code, 1);
    assert!(
        answered
            .stdout
            .contains("lodash went from 4.17.15 to 4.17.21")
    );
    let turned = ["diff", "--before", &after, "--after", &before];
    let document = valid(&run(&[&turned[..], &["--format", "json"]].concat()));
    assert_eq!(ids(&document, "new"), gone);
    assert_eq!(document["new"][0]["cause"], "version-changed");
}

#[test]
fn nothing_changes_between_an_image_and_itself() {
    let report = text(&bundled("caddy-2.7.6.trivy.json"));
    let compare = [
        "diff",
        "--before",
        &report,
        "--after",
        &report,
        "--exit-code",
    ];
    let output = run(&compare);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("0 gone, 0 new"));
}

#[test]
fn another_scanner_is_no_rebuild_and_is_said() {
    let (trivy, grype) = (
        text(&bundled("caddy-2.7.6.trivy.json")),
        text(&bundled("caddy-2.7.6.grype.json")),
    );
    let output = run(&["diff", "--before", &trivy, "--after", &grype]);
    assert!(
        output
            .stdout
            .contains("mixed causes: grype looked at the image after only")
    );
    assert!(
        output
            .stdout
            .contains("mixed causes: trivy looked at the image before only")
    );
}

#[test]
fn a_side_that_cannot_be_read_is_no_clean_side() {
    let report = text(&bundled("caddy-2.7.6.trivy.json"));
    let output = run(&["diff", "--before", &report, "--after", "absent.json"]);
    assert_eq!((output.code, output.stdout.as_str()), (3, ""));
    let output = run(&["components", "diff", &report, &report]);
    assert_eq!((output.code, output.stdout.as_str()), (3, ""));
    assert!(output.stderr.contains("holds no SBOM"), "{output:?}");
}

#[test]
fn two_tools_agree_on_one_image() {
    let Some(root) = corpus() else { return };
    let (syft, trivy) = (
        sbom(&root, "gen__app2.syft.cdx16.json"),
        sbom(&root, "gen__app2.trivy44.cdx15.json"),
    );
    let compare = ["components", "diff", &syft, &trivy, "--format", "json"];
    let document = valid(&run(&compare));
    let removed = document["removed"].as_array().expect("a list");
    let names: Vec<_> = removed.iter().map(|one| one["name"].as_str()).collect();
    assert_eq!(names, [Some("github.com/anchore/syft"), Some("stdlib")]);
    assert_eq!(document["common"], 345);
    assert_eq!(document["added"], serde_json::json!([]));
    assert_eq!(document["changed"], serde_json::json!([]));
    // 41 packages were measured to meet by a rule alone: epochs, Go subpaths, letter case.
    let folded = document["folded"].as_array().expect("a list");
    let with = |rule: &str| {
        let has = |one: &&Value| {
            one["rules"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one == rule))
        };
        folded.iter().filter(has).count()
    };
    assert_eq!(
        (folded.len(), with("epoch"), with("subpath"), with("name")),
        (41, 11, 24, 8)
    );
}

#[test]
fn one_tool_says_the_same_in_every_format() {
    let Some(root) = corpus() else { return };
    // Trivy 0.44 writes "GPL with automake exception" in one format and makes version 3 of it in the other.
    for (one, other, licenses) in [
        ("gen__app2.syft.cdx16.json", "gen__app2.syft.spdx23.json", 0),
        ("gen__app2.syft.json", "gen__app2.syft.cdx16.json", 0),
        (
            "gen__app2.trivy44.cdx15.json",
            "gen__app2.trivy44.spdx23.json",
            1,
        ),
        (
            "gen__app2.trivy44.cdx15.json",
            "gen__app2.trivy44.spdx23.tv",
            1,
        ),
        (
            "gen__srvdir.syft.cdx16.json",
            "gen__srvdir.syft.cdx16.xml",
            0,
        ),
    ] {
        let (one, other) = (sbom(&root, one), sbom(&root, other));
        let compare = [
            "components",
            "diff",
            &one,
            &other,
            "--format",
            "json",
            "--exit-code",
        ];
        let output = run(&compare);
        assert_eq!(output.code, licenses, "{}", output.stdout);
        let document = valid(&output);
        for list in ["added", "removed", "changed", "moved", "folded"] {
            assert_eq!(document[list], serde_json::json!([]), "{one} {other}");
        }
        let changed = document["licenses_changed"].as_array().expect("a list");
        let names: Vec<_> = changed
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect();
        assert_eq!(names, vec!["findutils"; usize::from(licenses == 1)]);
    }
}
