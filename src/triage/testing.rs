//! Documents for the tests of this module: small, made by hand or by a generator.
//!
//! Only tests use this; real reports are read from the corpus where it is present.

use std::io::Write as _;
use std::sync::Arc;

use proptest::prelude::*;

use crate::model::*;

/// The time at which tests happen.
pub(super) fn now() -> chrono::DateTime<chrono::Utc> {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

/// A digest whose hexadecimal digits all are `digit`.
pub(super) fn digest(digit: char) -> Digest {
    format!("sha256:{}", digit.to_string().repeat(64))
        .parse()
        .unwrap()
}

/// A package.
pub(super) fn package(ecosystem: &str, name: &str, version: &str) -> Package {
    Package {
        ecosystem: ecosystem.into(),
        name: name.into(),
        version: version.into(),
        ..Package::default()
    }
}

/// A vulnerability record of `deb` package `a`, version 1.
pub(super) fn record(id: &str, aliases: &[&str], severity: Severity) -> Record {
    Record {
        id: id.into(),
        aliases: aliases.iter().map(|id| VulnerabilityId::new(id)).collect(),
        severity,
        package: package("deb", "a", "1"),
        ..Record::default()
    }
}

/// A fix in the named versions.
pub(super) fn fixed(versions: &[&str]) -> Fix {
    Fix {
        state: FixState::Fixed,
        versions: versions.iter().map(|text| (*text).to_owned()).collect(),
    }
}

/// A report of an image with one layer.
pub(super) fn report(scanner: &str, records: Vec<Record>) -> Report {
    Report {
        origin: Origin {
            path: format!("{scanner}.json"),
            sha256: Digest::of(format!("{scanner}{records:?}").as_bytes()),
            size: 1,
            encoding: Encoding::Utf8,
            skipped_bytes: 0,
        },
        format: Format::TrivyJson,
        scanner: scanner.into(),
        scanner_version: None,
        created: Some(now() - chrono::TimeDelta::days(1)),
        database_built: None,
        database_age: DatabaseAge::Unknown,
        claim: SubjectClaim {
            name: Some("app:1".into()),
            diff_ids: vec![digest('1')],
            manifest_digest: Some(digest('a')),
            is_image: true,
            ..SubjectClaim::default()
        },
        records,
        losses: Vec::new(),
        packages: None,
        options: Vec::new(),
        looked_for_vulnerabilities: true,
        notices: Vec::new(),
    }
}

/// Joins reports and returns the subjects, with the findings of all.
pub(super) fn joined(reports: &[Report]) -> (Vec<Subject>, super::join::Joined) {
    let reports: Vec<Arc<Report>> = reports.iter().cloned().map(Arc::new).collect();
    let subjects = super::join::subjects(&reports, &[], &[], &[]);
    let findings = super::join::findings(&subjects, &reports);
    (subjects, findings)
}

/// Any record of few ids and packages, so that they meet.
pub(super) fn any_record() -> impl Strategy<Value = Record> {
    let id = prop::sample::select(vec![
        "CVE-2024-1",
        "CVE-2024-2",
        "CVE-2024-3",
        "GHSA-1",
        "GHSA-2",
        "GO-1",
        "ELSA-1",
    ]);
    let fix = prop_oneof![
        Just(Fix::default()),
        Just(fixed(&["2"])),
        Just(fixed(&["2", "10"])),
        Just(Fix {
            state: FixState::WontFix,
            versions: vec![]
        }),
    ];
    (
        id.clone(),
        (
            prop::collection::vec(id.clone(), 0..3),
            prop::collection::vec(id, 0..2),
        ),
        prop::sample::select(Severity::ALL.to_vec()),
        prop::sample::select(vec!["a", "b"]),
        prop::sample::select(vec!["1", "2"]),
        prop::sample::select(vec!["deb", "npm", "binary"]),
        fix,
        prop::sample::select(vec![MatchKind::Direct, MatchKind::Cpe, MatchKind::Unknown]),
        prop::option::weighted(
            0.2,
            Just(Suppression {
                by: SuppressedBy::Scanner,
                source: "file".into(),
                status: "ignored".into(),
                statement: None,
            }),
        ),
    )
        .prop_map(
            |(id, named, severity, name, version, ecosystem, fix, matched, suppressed_by)| {
                let (aliases, mentioned) = named;
                Record {
                    mentioned: mentioned.into_iter().map(VulnerabilityId::new).collect(),
                    package: package(ecosystem, name, version),
                    fix,
                    matched,
                    suppressed_by,
                    ..record(id, &aliases, severity)
                }
            },
        )
}

/// Any report of one scanner.
pub(super) fn any_report(scanner: &'static str) -> impl Strategy<Value = Report> {
    prop::collection::vec(any_record(), 0..8).prop_map(move |records| report(scanner, records))
}

/// Reads a pair of the corpus; none, and a note, where the corpus is not there.
pub(super) fn pair(name: &str) -> Option<[Report; 2]> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/pairs");
    let mut reports = Vec::new();
    for scanner in ["trivy", "grype"] {
        let path = folder.join(format!("{name}.{scanner}.json"));
        let Ok(bytes) = std::fs::read(&path) else {
            writeln!(
                std::io::stderr(),
                "not tested: {} is not here",
                path.display()
            )
            .unwrap();
            return None;
        };
        let loaded = crate::formats::read(&path.display().to_string(), bytes).unwrap();
        for document in loaded.documents {
            match document {
                crate::formats::Document::Report(report) => reports.push(report),
                _ => panic!("{name} is a report"),
            }
        }
    }
    reports.try_into().ok()
}
