//! Tests of what a scope reaches.

use super::*;
use crate::model::{Package, Record, Severity};
use crate::triage::testing::{digest, package, record, report};

/// Findings of `app:1`, `app:2` and `other:1`: one package in one version, and in a second version
/// on the first image.
fn loaded() -> (Vec<Subject>, Vec<Finding>) {
    let of = |version: &str| Record {
        package: Package {
            ..package("deb", "a", version)
        },
        ..record("CVE-2024-1", &[], Severity::High)
    };
    let mut reports = Vec::new();
    for (name, layer, versions) in [
        ("app:1", '1', &["1", "2"][..]),
        ("app:2", '2', &["1"]),
        ("other:1", '3', &["1"]),
    ] {
        let mut report = report(
            "trivy",
            versions.iter().map(|version| of(version)).collect(),
        );
        report.claim.name = Some(name.into());
        report.claim.diff_ids = vec![digest(layer)];
        report.claim.manifest_digest = Some(digest(layer));
        reports.push(report);
    }
    let (subjects, joined) = crate::triage::testing::joined(&reports);
    (subjects, joined.findings)
}

fn entry(number: u64) -> Recorded {
    Recorded {
        reviewer: "somebody".into(),
        time: crate::triage::testing::now(),
        entry: number,
        entry_sha256: digest('e'),
    }
}

#[test]
fn every_scope_says_what_it_reaches() {
    let (subjects, findings) = loaded();
    let first = findings
        .iter()
        .find(|finding| subjects[finding.subject as usize].name == "app:1")
        .filter(|finding| finding.package.version == "1")
        .expect("the finding");
    let on = &subjects[first.subject as usize];
    let impacts = impacts(&[first], on, &findings, &subjects, &[]);
    let texts: Vec<String> = impacts.iter().map(|impact| impact.text(2)).collect();
    assert_eq!(
        texts,
        [
            "1 finding on 1 image: app:1 (1)",
            "2 findings on 1 image: app:1 (2)",
            "2 findings on 2 images: app:1 (1), app:2 (1)",
            "3 findings on 3 images: app:1 (1), app:2 (1) …",
        ]
    );
}

#[test]
fn images_that_only_the_ledger_knows_count_as_far_as_it_knows_them() {
    let (mut subjects, findings) = loaded();
    let first = findings[0].clone();
    let on = subjects[0].clone();
    let mut other = on.clone();
    other.name = "app:0".into();
    other.manifest_digest = Some(digest('9'));
    other.diff_ids = vec![digest('9')];
    let mut said = hypothetical(&first, &other);
    said.scope = Scope::Finding;
    let approved = ImageVerdict {
        decision: crate::model::ImageDecision::Approve,
        reason: "seen".into(),
        subject: SubjectRef {
            manifest_digest: Some(digest('8')),
            diff_ids: vec![digest('8')],
            ..SubjectRef::of(&other)
        },
        policy_sha256: digest('b'),
        excused: Vec::new(),
        left: Vec::new(),
        suppressed: None,
        reports: Vec::new(),
        envelope: None,
    };
    let verdicts = [
        (entry(1), said.clone()),
        (entry(2), said),
        (entry(3), hypothetical(&first, &on)),
    ];
    subjects.truncate(3);
    let known = known(&verdicts, &[(entry(4), approved)], &subjects);
    let sizes: Vec<usize> = known.iter().map(|known| known.findings.len()).collect();
    assert_eq!(
        sizes,
        [1, 0],
        "an image once, a finding once, none that is loaded"
    );
    let impacts = impacts(&[&first], &on, &findings, &subjects, &known);
    assert_eq!((impacts[0].findings, impacts[0].unknown), (1, 0));
    let repository = &impacts[2];
    assert_eq!((repository.findings, repository.unknown), (3, 1));
    assert_eq!(
        repository.images.last(),
        Some(&Reached {
            name: "app:0".into(),
            digest: Some(digest('9')),
            findings: 1,
            loaded: false,
        })
    );
    assert!(repository.text(9).ends_with(
        "app:0 (1, by the ledger); and what 1 image of the ledger that is not loaded may hold"
    ));
}
