//! `compare` through the built program: context, several reports, other tools' logs, SBOMs.
//!
//! How units are joined and why they differ is tested beside the code.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{bundled, pair, text, valid};
use crate::support::program::{Output, Sandbox};

fn fixture(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/sarif")
        .join(name);
    text(&path)
}

fn compare(arguments: &[&str]) -> Output {
    let mut all = vec!["compare"];
    all.extend(arguments);
    Sandbox::new().run(all)
}

fn names(value: &Value) -> Vec<&str> {
    let list = value.as_array().expect("a list");
    list.iter().filter_map(Value::as_str).collect()
}

#[test]
fn the_context_of_both_scans_is_always_there() {
    let [trivy, grype] = pair();
    let output = compare(&["--format", "json", &trivy, &grype]);
    let document = valid(&output);
    let context = &document["context"];
    assert_eq!(context["grype"]["database_built_kind"], "exact");
    assert_eq!(context["trivy"]["database_built_kind"], "lower-bound");
    for side in ["grype", "trivy"] {
        let context = &context[side];
        assert!(context["database_built"].is_string() && context["platform"].is_string());
        assert_eq!(context["reduced"], false);
    }
    let shown = compare(&[&trivy, &grype]).stdout;
    assert!(shown.contains(" or later"), "{shown}");
    assert!(shown.contains("options"), "{shown}");
    let swapped = compare(&["--format", "json", &grype, &trivy]);
    let mut swapped = valid(&swapped);
    let mut document = document;
    // The reports are listed as they were read; all else is the same.
    for document in [&mut document, &mut swapped] {
        document["reports"].take();
    }
    assert_eq!(document, swapped);
}

#[test]
fn three_reports_are_shown_at_once_and_pair_by_pair() {
    let [trivy, grype] = pair();
    let snyk = fixture("snyk.sarif");
    let inputs = [trivy.as_str(), &grype, "--attach", &snyk];
    let mut all = vec!["--format", "json"];
    all.extend(inputs);
    let document = valid(&compare(&all));
    assert_eq!(names(&document["sides"]), ["grype", "trivy"]);
    let across = &document["across"][0];
    assert_eq!(names(&across["sides"]), ["grype", "snyk", "trivy"]);
    let rows = across["rows"].as_array().expect("a list");
    assert_eq!(
        across["totals"]["findings"].as_u64(),
        Some(rows.len() as u64)
    );
    assert!(
        rows.iter()
            .any(|row| names(&row["present_in"]) == ["grype", "trivy"])
    );
    assert!(rows.iter().any(|row| names(&row["present_in"]) == ["snyk"]));
    let more = document["more"].as_array().expect("a list");
    assert_eq!(more.len(), 2);
    assert!(
        more.iter()
            .all(|one| one["context"]["snyk"]["reduced"] == true)
    );
    assert!(
        more.iter()
            .all(|one| one["context"]["snyk"]["weak"] == true)
    );

    all.extend(["--between", "trivy,snyk"]);
    let document = valid(&compare(&all));
    assert_eq!(names(&document["sides"]), ["snyk", "trivy"]);
    assert!(document["across"].is_null() && document["more"].is_null());

    let shown = compare(&inputs);
    assert!(shown.stdout.contains("findings are in all"), "{shown:?}");
    assert!(shown.stdout.contains("snyk: reduced evidence"), "{shown:?}");
    let wrong = compare(&[&trivy, &grype, "--between", "trivy,clair"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(
        wrong.stderr.contains("the sides are: grype, trivy"),
        "{wrong:?}"
    );
    assert_eq!(compare(&[&trivy, &grype, "--between", "trivy"]).code, 2);
}

#[test]
fn reports_of_one_scanner_are_numbered_by_their_dates() {
    let sandbox = Sandbox::new();
    let report = std::fs::read_to_string(bundled("caddy-2.7.6.trivy.json")).expect("a report");
    let mut value: Value = serde_json::from_str(&report).expect("JSON");
    value["CreatedAt"] = "2024-01-01T00:00:00Z".into();
    let older = sandbox.home().join("z-older.json");
    std::fs::write(&older, value.to_string()).expect("writable");
    let [trivy, grype] = pair();
    let older = text(&older);
    for inputs in [[&trivy, &older, &grype], [&older, &grype, &trivy]] {
        let mut all = vec![
            "compare",
            "--format",
            "json",
            "--between",
            "trivy#2,trivy#1",
        ];
        all.extend(inputs.map(String::as_str));
        let document = valid(&sandbox.run(all));
        assert_eq!(names(&document["sides"]), ["trivy#1", "trivy#2"]);
        assert_eq!(document["context"]["trivy#1"]["path"], older.as_str());
    }
}

#[test]
fn what_is_compared_with_nothing_is_named() {
    let [trivy, grype] = pair();
    let snyk = fixture("snyk.sarif");
    let output = compare(&[&trivy, &grype, &snyk]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stderr.contains("is compared with nothing"),
        "{output:?}"
    );
    assert!(output.stderr.contains("--attach"), "{output:?}");
    let other = text(&bundled("caddy-v2.10.0.cdx.json"));
    let output = compare(&[&trivy, &grype, &other]);
    assert!(output.stderr.contains("decides nothing"), "{output:?}");
}
