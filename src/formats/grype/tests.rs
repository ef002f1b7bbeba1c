//! What each part of a Grype report becomes.

use super::*;
use crate::formats::{Document, details, read};
use crate::model::{FixState, MatchKind, Severity};

const IMAGE: &str = include_str!("../../../tests/fixtures/grype/image.json");

fn report(text: &str) -> Report {
    match read("file", text.as_bytes().to_vec())
        .unwrap()
        .documents
        .remove(0)
    {
        Document::Report(report) => report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_header_says_what_was_scanned() {
    let report = report(IMAGE);
    assert_eq!(report.scanner_version.as_deref(), Some("0.104.0"));
    assert_eq!(
        report.created.unwrap().to_rfc3339(),
        "2026-01-05T17:00:00+00:00"
    );
    assert_eq!(report.database_age, DatabaseAge::Exact);
    assert!(report.database_built.is_some());
    let claim = &report.claim;
    assert_eq!(claim.name.as_deref(), Some("caddy:2.7.6"));
    assert_eq!(claim.os.as_deref(), Some("alpine 3.18.6"));
    assert_eq!(claim.platform.as_ref().unwrap().to_string(), "linux/amd64");
    assert_eq!(claim.diff_ids.len(), 1);
    assert!(claim.manifest_digest.is_some() && claim.is_image);
    assert!(report.notices[0].contains("is not among the repository digests"));
    assert!(report.looked_for_vulnerabilities && !report.is_partial());
}

#[test]
fn options_are_kept_and_credentials_are_not() {
    let report = report(IMAGE);
    let options: Vec<_> = report
        .options
        .iter()
        .map(|one| (one.name.as_str(), one.value.as_str(), one.recorded))
        .collect();
    assert_eq!(
        options,
        [
            ("by-cve", "true", true),
            ("ignore", "vulnerability=CVE-2024-0010 package=bash", true)
        ]
    );
    assert!(!format!("{report:?}").contains("CANARY"));
}

#[test]
fn a_match_keeps_who_said_what() {
    let report = report(IMAGE);
    let record = &report.records[0];
    assert_eq!(record.id, "GHSA-aaaa-bbbb-cccc");
    assert_eq!(record.aliases[0].as_str(), "CVE-2024-0001");
    assert_eq!(record.covers[0].as_str(), "RHSA-2024:1");
    assert_eq!(record.severity, Severity::Critical);
    assert_eq!(record.severity_source.as_deref(), Some("ghsa"));
    assert_eq!(record.ratings[0].score, Some(9.8));
    assert_eq!(record.ratings[1].severity, Severity::High);
    assert_eq!(record.fix.versions, ["1.21.11"]);
    assert_eq!(
        (record.epss, record.known_exploited),
        (Some(0.25), Some(true))
    );
    let exploitation = &record.exploitation;
    assert_eq!(exploitation.percentile, Some(0.96));
    assert_eq!(exploitation.scored, "2026-04-01".parse().ok());
    assert_eq!(exploitation.listed, "2026-03-01".parse().ok());
    assert_eq!(exploitation.ransomware, Some(true));
    assert_eq!(record.ratings[0].other_cvss[0].score, Some(5.1));
    assert_eq!(record.matched, MatchKind::Indirect);
    let package = &record.package;
    assert_eq!(package.ecosystem, "golang");
    assert_eq!(package.identity().version, "1.20.12");
    assert_eq!(package.source.as_deref(), Some("go"));
    assert_eq!(package.licenses, ["BSD-3-Clause", "MIT"]);
    assert!(package.locations[0].layer.is_some());
}

#[test]
fn old_words_and_empty_states_are_read() {
    let report = report(IMAGE);
    let record = &report.records[1];
    assert_eq!(record.fix.state, FixState::Unknown);
    assert_eq!(record.matched, MatchKind::Unknown);
    assert_eq!(record.package.ecosystem, "binary");
    assert_eq!((record.epss, record.known_exploited), (None, None));
    let old = "{\"matches\": [{\"vulnerability\": {\"id\": \"CVE-1\", \"severity\": \"High\", \"links\": [\"https://example.com\"], \"fixedInVersion\": \"2\", \"cvssV2\": {\"baseScore\": 4.3}}, \"matchDetails\": {\"matcher\": \"a\"}, \"artifact\": {\"name\": \"a\", \"version\": \"1\", \"type\": \"deb\", \"cpes\": [{}]}}], \"source\": {\"type\": \"directory\", \"target\": \"/src\"}}";
    let report = self::report(old);
    let record = &report.records[0];
    assert_eq!(
        (record.fix.state, record.ratings[0].score),
        (FixState::Fixed, Some(4.3))
    );
    assert!(!report.claim.is_image);
    assert_eq!(report.claim.name.as_deref(), Some("/src"));
    let start = usize::try_from(record.span.start).unwrap();
    let end = start + usize::try_from(record.span.length).unwrap();
    let details = details(Format::GrypeJson, &old.as_bytes()[start..end]).unwrap();
    assert_eq!(details.references, ["https://example.com"]);
}

#[test]
fn ignored_matches_are_suppressed_records() {
    let report = report(IMAGE);
    assert_eq!((report.records.len(), report.counts().suppressed), (3, 1));
    let suppression = report.records[2].suppressed_by.as_ref().unwrap();
    assert_eq!(suppression.status, "ignored");
    assert_eq!(suppression.statement.as_deref(), Some("test only"));
    assert!(suppression.source.contains("package=bash"));
}

#[test]
fn details_come_from_the_records_bytes() {
    let report = report(IMAGE);
    let span = report.records[0].span;
    let start = usize::try_from(span.start).unwrap();
    let end = start + usize::try_from(span.length).unwrap();
    let details = details(Format::GrypeJson, &IMAGE.as_bytes()[start..end]).unwrap();
    assert_eq!(details.description, "Text of the advisory.");
    assert_eq!(
        details.references,
        [
            "https://example.com/ghsa",
            "https://example.com/u",
            "https://example.com/rhsa"
        ]
    );
    assert_eq!(details.cwes, ["CWE-400"]);
    assert_eq!(details.status.as_deref(), Some("fixed"));
}

#[test]
fn one_damaged_match_is_one_loss() {
    for (from, to, place) in [
        ("\"id\": \"GHSA-aaaa-bbbb-cccc\",", "", "matches[0]"),
        ("\"name\": \"python3\"", "\"name\": []", "matches[1]"),
        (
            "\"severity\": \"Low\"",
            "\"severity\": \"Bad\"",
            "ignoredMatches[0]",
        ),
    ] {
        assert!(IMAGE.contains(from), "{from}");
        let report = report(&IMAGE.replacen(from, to, 1));
        assert_eq!(report.losses.len(), 1);
        assert_eq!(report.losses[0].place, place);
        assert_eq!((report.counts().read, report.counts().unreadable), (3, 1));
    }
    let header = report(&IMAGE.replacen("\"layers\": [", "\"layers\": [1, ", 1));
    assert_eq!(header.losses[0].place, "source.target");
    assert!(header.is_partial());
}
