//! Whole reviews over real reports: the order of files changes nothing, and a report more changes no other.
//!
//! `COUNTERSIGN_ORDERS` sets how many random sets of files are tried (4; the long check: more). What two reports have in
//! common is tested beside `triage`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use countersign::environment::Environment;
use countersign::ledger::Chain;
use countersign::model::{Digest, Finding, Subject};
use countersign::review::{Inputs, Review, open};
use countersign::triage::policy::Policy;
use tokio_util::sync::CancellationToken;

use crate::support::chance::Chance;
use crate::support::judges::{corpus, repetitions};
use crate::support::program::Sandbox;

/// Returns the files of the pairs of real reports, each pair side by side, without the largest.
fn pairs() -> Option<Vec<[PathBuf; 2]>> {
    let folder = corpus()?.join("pairs");
    let entries = std::fs::read_dir(&folder).expect("the corpus can be listed");
    let mut pairs: Vec<[PathBuf; 2]> = entries
        .filter_map(|entry| {
            let trivy = entry.expect("an entry").path();
            let name = trivy.display().to_string();
            let stem = name.strip_suffix(".trivy.json")?.to_owned();
            let grype = PathBuf::from(format!("{stem}.grype.json"));
            let small = |path: &Path| path.metadata().expect("a file").len() < 1_500_000;
            (grype.is_file() && small(&grype) && small(&trivy)).then_some([trivy, grype])
        })
        .collect();
    pairs.sort();
    assert!(
        pairs.len() > 10,
        "the corpus holds only {} pairs",
        pairs.len()
    );
    Some(pairs)
}

/// Chooses files of up to three pairs: both of a pair, or one.
fn choose(chance: &mut Chance, pairs: &[[PathBuf; 2]]) -> Vec<PathBuf> {
    let mut chosen = BTreeSet::new();
    for _ in 0..=chance.below(3) {
        let [trivy, grype] = chance.one(pairs);
        let which = chance.below(4);
        chosen.extend((which != 0).then(|| trivy.clone()));
        chosen.extend((which != 1).then(|| grype.clone()));
    }
    chosen.into_iter().collect()
}

fn review(files: &[PathBuf]) -> Review {
    let inputs = Inputs {
        paths: files
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
        ..Inputs::default()
    };
    let environment = Environment::fixed(DateTime::UNIX_EPOCH, PathBuf::from("/nowhere"));
    let (policy, chain) = (Policy::default(), Chain::default());
    let cancel = CancellationToken::new();
    let review = open(&inputs, policy, &chain, &environment, &cancel, &mut |_| {});
    assert_eq!(review.failures, []);
    review
}

/// The numbers of a report's records that findings are made of.
fn records(review: &Review, sha256: &Digest) -> BTreeSet<u32> {
    let all = review.findings.iter().flat_map(|finding| &finding.records);
    let own = all.filter(|record| {
        let report = review.reports.get(record.report as usize);
        report.is_some_and(|report| report.origin.sha256 == *sha256)
    });
    own.map(|record| record.record).collect()
}

/// The subject that a report is about.
fn subject(review: &Review, sha256: &Digest) -> usize {
    let is_it = |report: usize| {
        let report = review.reports.get(report);
        report.is_some_and(|report| report.origin.sha256 == *sha256)
    };
    let about = |subject: &Subject| subject.reports.iter().any(|(report, _)| is_it(*report));
    let found = review.subjects.iter().position(about);
    found.expect("every report is about a subject")
}

/// What is said about the findings of a subject, without the numbers that the review gave to reports and subjects.
fn findings(review: &Review, subject: usize) -> Vec<Finding> {
    let own = review.findings.iter();
    own.filter(|finding| finding.subject as usize == subject)
        .map(|finding| Finding {
            subject: 0,
            records: Vec::new(),
            ..finding.clone()
        })
        .collect()
}

#[test]
fn the_order_of_files_never_matters() {
    let Some(pairs) = pairs() else { return };
    let mut chance = Chance::new();
    let sandbox = Sandbox::new();
    for _ in 0..repetitions("COUNTERSIGN_ORDERS", 4) {
        let mut files = choose(&mut chance, &pairs);
        let document = |command: &str, files: &[PathBuf]| {
            let mut arguments = vec![command.to_owned(), "--format".to_owned(), "json".to_owned()];
            arguments.extend(files.iter().map(|path| path.display().to_string()));
            let output = sandbox.run(&arguments);
            (output.code, output.stdout)
        };
        let before = files.clone();
        chance.shuffle(&mut files);
        for command in ["findings", "list", "compare"] {
            assert!(
                document(command, &before) == document(command, &files),
                "{command} of {before:?} and of {files:?} differ ({})",
                chance.again()
            );
        }
    }
}

/// The sides of a comparison are named by the reports, not by the order in which they were given.
#[test]
fn reports_of_one_scanner_are_numbered_alike_in_every_order() {
    let Some(root) = corpus().map(|root| root.join("pairs")) else {
        return;
    };
    let file = |name: &str| root.join(name).display().to_string();
    let older = file("eck-operator-wolfi-2025-06-07.grype.json");
    let newer = file("eck-operator-wolfi-2025-06-27.grype.json");
    let sandbox = Sandbox::new();
    let compare = |one: &str, other: &str| {
        let output = sandbox.run(["compare", "--format", "json", "--attach", one, other]);
        (output.code, output.stdout, output.stderr)
    };
    let list = |one: &str, other: &str| sandbox.run(["list", "--format", "json", one, other]);
    assert_eq!(list(&older, &newer).stdout, list(&newer, &older).stdout);
    let (code, document, message) = compare(&older, &newer);
    assert_eq!(code, 0, "{message}");
    let document: serde_json::Value = serde_json::from_str(&document).expect("a document");
    assert_eq!(document["sides"], serde_json::json!(["grype#1", "grype#2"]));
    assert_eq!(
        document["reports"][0]["path"],
        older.as_str(),
        "the earlier report is the first"
    );
    let (_, swapped, _) = compare(&newer, &older);
    let swapped: serde_json::Value = serde_json::from_str(&swapped).expect("a document");
    assert_eq!(document["totals"], swapped["totals"]);
    assert_eq!(document["rows"], swapped["rows"]);
}

#[test]
fn a_report_more_changes_no_other() {
    let Some(pairs) = pairs() else { return };
    let mut chance = Chance::new();
    for _ in 0..repetitions("COUNTERSIGN_ORDERS", 4) {
        let mut files = choose(&mut chance, &pairs);
        let [trivy, grype] = chance.one(&pairs);
        let more = if chance.below(2) == 0 { trivy } else { grype };
        files.retain(|file| file != more);
        if files.is_empty() {
            continue;
        }
        let before = review(&files);
        files.push(more.clone());
        let after = review(&files);
        let place = format!("{files:?} ({})", chance.again());
        let counts = &after.counts;
        let read: u64 = after
            .reports
            .iter()
            .map(|report| report.counts().read)
            .sum();
        assert_eq!(
            counts.joined + counts.suppressed + counts.unreadable,
            read,
            "{place}"
        );
        let new = after
            .reports
            .iter()
            .find(|report| Path::new(&report.origin.path) == more);
        let touched = subject(&after, &new.expect("the report").origin.sha256);
        for report in &before.reports {
            let sha256 = &report.origin.sha256;
            let same = after
                .reports
                .iter()
                .find(|other| other.origin.sha256 == *sha256);
            assert_eq!(same, Some(report), "{place}");
            // Each record is one of a finding still, whichever finding the new report drew it into.
            assert_eq!(records(&before, sha256), records(&after, sha256), "{place}");
            let (was, now) = (subject(&before, sha256), subject(&after, sha256));
            if now != touched {
                assert_eq!(findings(&before, was), findings(&after, now), "{place}");
            }
        }
    }
}
