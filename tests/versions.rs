//! The order of versions judged by each ecosystem's own tool: the tables that the code is held against, and pairs of the
//! versions in real reports.
//!
//! What the order is, and what has none, is tested beside `triage::versions`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use countersign::triage::versions::Scheme;
use serde_json::Value;

use crate::support::judges::{corpus, judge, schema};
use crate::support::program::Sandbox;

/// The schemes and the tools that know them; node-semver knows two.
const TOOLS: [(Scheme, &str); 8] = [
    (Scheme::Deb, "order_deb"),
    (Scheme::Rpm, "order_rpm"),
    (Scheme::Semver, "order_npm"),
    (Scheme::Npm, "order_npm"),
    (Scheme::Pep440, "order_pep440"),
    (Scheme::Maven, "order_maven"),
    (Scheme::Go, "order_go"),
    (Scheme::Gem, "order_gem"),
];

/// How many pairs of one ecosystem are asked about; one process answers them all.
const PAIRS: usize = 500;

fn table(scheme: Scheme) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/versions");
    let text = fs::read_to_string(folder.join(format!("{}.txt", scheme.as_str())));
    let text = text.expect("the table is there");
    text.split_whitespace().map(str::to_owned).collect()
}

fn sign(order: Option<Ordering>) -> &'static str {
    match order {
        Some(Ordering::Less) => "<",
        Some(Ordering::Equal) => "=",
        Some(Ordering::Greater) => ">",
        None => "?",
    }
}

/// Asks the tool about pairs; every answer that is another than ours.
fn differences(scheme: Scheme, tool: &Path, pairs: &[(String, String)]) -> Vec<String> {
    let lines: String = pairs.iter().fold(String::new(), |all, (one, other)| {
        all + one + " " + other + "\n"
    });
    let said = Sandbox::new().run_other(tool, [""; 0], lines.as_bytes());
    let answers: Vec<&str> = said.stdout.split_whitespace().collect();
    assert_eq!(answers.len(), pairs.len(), "{}: {said:?}", scheme.as_str());
    pairs
        .iter()
        .zip(answers)
        .filter_map(|((one, other), theirs)| {
            let ours = sign(scheme.compare(one, other));
            // The tool answers for more than we order, and never the other way round.
            let agrees = ours == theirs || ours == "?";
            (!agrees).then(|| {
                format!(
                    "{}: {one} {ours} {other}, the tool says {theirs}",
                    scheme.as_str()
                )
            })
        })
        .collect()
}

/// Every pair of a list, or as many as are asked, spread over all of them.
fn pairs(versions: &[String]) -> Vec<(String, String)> {
    let all = versions.len() * versions.len();
    let step = (all / PAIRS).max(1) | 1;
    let pick = |place: usize| {
        let (one, other) = (place / versions.len(), place % versions.len());
        (versions[one].clone(), versions[other].clone())
    };
    (0..all).step_by(step).map(pick).collect()
}

#[test]
fn the_tools_agree_with_the_tables() {
    for (scheme, tool) in TOOLS {
        let Some(tool) = judge(tool) else {
            return;
        };
        let pairs = pairs(&table(scheme));
        assert!(pairs.len() >= 300, "{}: {}", scheme.as_str(), pairs.len());
        let wrong = differences(scheme, &tool, &pairs);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let unordered = pairs
            .iter()
            .filter(|(one, other)| scheme.compare(one, other).is_none());
        assert_eq!(unordered.count(), 0, "{}", scheme.as_str());
    }
}

#[test]
fn apk_agrees_with_its_own_table() {
    let Some(path) = schema("apk-version.data") else {
        return;
    };
    let text = fs::read_to_string(path).expect("the table is text");
    let mut count = 0;
    for line in text.lines() {
        // What is marked as invalid is a test of something else.
        let words: Vec<&str> = line.split_whitespace().collect();
        let [one, expected, other] = words.as_slice() else {
            continue;
        };
        let Some(found) = Scheme::Apk.compare(one, other) else {
            assert!(line.contains("foo"), "{line}");
            continue;
        };
        assert_eq!(sign(Some(found)), *expected, "{line}");
        count += 1;
    }
    assert!(count >= 300, "{count}");
}

/// The versions in purls and fixes of the reports in the corpus, by purl's type.
fn real() -> Option<BTreeMap<String, BTreeSet<String>>> {
    let mut found = BTreeMap::new();
    for folder in ["pairs", "sbom"] {
        let mut files: Vec<_> = fs::read_dir(corpus()?.join(folder))
            .expect("the corpus can be read")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .filter(|path| fs::metadata(path).is_ok_and(|file| file.len() < 1_000_000))
            .collect();
        files.sort();
        for path in files {
            let document = fs::read(path).ok();
            let document = document.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
            if let Some(document) = &document {
                collect(document, &mut found);
            }
        }
    }
    Some(found)
}

fn collect(value: &Value, found: &mut BTreeMap<String, BTreeSet<String>>) {
    match value {
        Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        Value::String(text) if text.starts_with("pkg:") => {
            let purl: Option<countersign::model::Purl> = text.parse().ok();
            let version = purl.as_ref().and_then(|purl| purl.version.as_deref());
            if let (Some(purl), Some(version)) = (&purl, version)
                && !version.is_empty()
                && !version.contains(char::is_whitespace)
            {
                let kind = purl.kind.to_string();
                found.entry(kind).or_default().insert(version.to_owned());
            }
        }
        _ => {}
    }
}

#[test]
fn the_tools_agree_about_real_versions() {
    let Some(found) = real() else {
        return;
    };
    let mut judged = 0;
    for (ecosystem, versions) in found {
        let tool = Scheme::of(&ecosystem).and_then(|scheme| {
            TOOLS
                .iter()
                .find(|(known, _)| *known == scheme)
                .map(|(_, tool)| (scheme, *tool))
        });
        let Some((scheme, tool)) = tool else {
            continue;
        };
        let Some(tool) = judge(tool) else {
            return;
        };
        let versions: Vec<String> = versions.into_iter().collect();
        let wrong = differences(scheme, &tool, &pairs(&versions));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        judged += 1;
    }
    assert!(judged >= 6, "{judged}");
}
