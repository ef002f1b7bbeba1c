//! Every file of the shared corpus of real reports, held against independently counted findings.
//!
//! The corpus is not part of this repository; without it the tests say so and pass.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::judges::corpus;

use countersign::error::Explain as _;
use countersign::formats::{Document, FormatError, Loaded, details, read};
use countersign::model::{Encoding, Kind, Report, Severity};

/// Files whose count in the manifest differs from what is read, and why.
const EXCEPTIONS: [(&str, &str); 2] = [
    (
        "trivy/dojo-issue_10991.json",
        "a Kubernetes report: recognised, not read yet",
    ),
    (
        "guac__testing__exampledata__invalid-cyclonedx.json",
        "its `bomFormat` is not `CycloneDX`: invalid on purpose",
    ),
];

/// Every kind of document that is read, as the manifest of the SBOMs calls it.
const READ: [&str; 2] = ["CycloneDX-JSON", "Trivy-JSON"];

fn is_excepted(name: &str) -> bool {
    EXCEPTIONS.iter().any(|(file, _)| *file == name)
}

fn rows(manifest: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(manifest).unwrap();
    text.lines()
        .skip(1)
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

fn load(root: &Path, name: &str) -> Result<Loaded, FormatError> {
    read(name, std::fs::read(root.join(name)).unwrap())
}

/// Counts records as the manifest does; unreadable entries stand under `None`.
fn counts(report: &Report) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for record in &report.records {
        let severity = record.severity.as_str();
        let name = match (&record.suppressed_by, record.kind) {
            (Some(suppression), _) if report.scanner == "trivy" => {
                format!("modified:{}", suppression.status)
            }
            (Some(_), _) => continue,
            (None, Kind::Vulnerability) => severity.to_owned(),
            (None, Kind::Misconfiguration) => format!("misconf:{severity}"),
            (None, Kind::License) => format!("license:{severity}"),
            (None, Kind::Secret | Kind::Hygiene) => format!("secret:{severity}"),
        };
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn expected(column: &str) -> BTreeMap<String, u64> {
    let pairs: BTreeMap<String, u64> = serde_json::from_str(column).unwrap();
    let mut expected = BTreeMap::new();
    for (name, count) in pairs {
        let name = name.to_lowercase();
        let name = if name == "none" {
            "unknown".to_owned()
        } else {
            name
        };
        *expected.entry(name).or_default() += count;
    }
    expected
}

/// What holds of every document, whatever the manifest says.
fn check_report(name: &str, loaded: &Loaded, report: &Report) {
    let read = report.counts();
    let kept = report.records.len() as u64;
    assert_eq!(read.read, kept + read.unreadable, "{name}");
    for (number, record) in report.records.iter().enumerate() {
        let start = usize::try_from(record.span.start).unwrap();
        let end = start + usize::try_from(record.span.length).unwrap();
        let bytes = &loaded.text[start..end];
        assert_eq!((bytes[0], bytes[bytes.len() - 1]), (b'{', b'}'), "{name}");
        if number % 50 == 0 {
            details(report.format, bytes).unwrap();
            let text = std::str::from_utf8(bytes).unwrap();
            assert!(text.contains(&record.id), "{name} {}", record.id);
        }
        assert!(!record.id.is_empty());
        if record.kind == Kind::Vulnerability {
            assert!(!record.package.ecosystem.is_empty(), "{name} {}", record.id);
        }
    }
    assert!(
        report.looked_for_vulnerabilities || !report.notices.is_empty(),
        "{name}: nothing was looked for, and nothing says so"
    );
}

/// A failure has to say where or what, and what to do.
fn check_error(name: &str, error: &FormatError) {
    let message = error.to_string();
    assert!(message.contains(name), "{message}");
    assert!(!error.hints().is_empty(), "{message}");
}

#[test]
fn reports_have_the_counts_of_the_manifest() {
    let Some(root) = corpus() else { return };
    let (mut reports, mut wrong) = (0, Vec::new());
    for row in rows(&root.join("MANIFEST.tsv")) {
        let (name, column) = (row[0].as_str(), row[8].as_str());
        match load(&root, name) {
            Err(error) => {
                check_error(name, &error);
                let scanner = ["trivy/", "grype/", "pairs/"];
                let is_report = scanner.iter().any(|folder| name.starts_with(folder));
                if is_report && column != "{}" && !is_excepted(name) {
                    wrong.push(format!("{name}: {error}"));
                }
            }
            Ok(loaded) => match &loaded.document {
                Document::Report(report) => {
                    reports += 1;
                    check_report(name, &loaded, report);
                    let mut found = counts(report);
                    let unreadable = report.counts().unreadable;
                    if unreadable > 0 {
                        *found.entry(Severity::Unknown.to_string()).or_default() += unreadable;
                    }
                    let expected = expected(column);
                    if found != expected {
                        wrong.push(format!("{name}: found {found:?}, expected {expected:?}"));
                    }
                }
                Document::Sbom(sbom) => assert!(sbom.losses.is_empty(), "{name}"),
            },
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(reports >= 120, "only {reports} reports were read");
}

#[test]
fn sboms_have_the_counts_of_the_manifest() {
    let Some(root) = corpus().map(|root| root.join("sbom")) else {
        return;
    };
    let (mut read, mut wrong) = (0, Vec::new());
    for row in rows(&root.join("MANIFEST.tsv")) {
        let (name, format, column) = (row[0].as_str(), row[1].as_str(), row[4].as_str());
        let count: usize = column.trim().parse().unwrap_or_default();
        match load(&root, name) {
            Err(error) => {
                check_error(name, &error);
                let is_read = READ.iter().any(|kind| format.starts_with(kind));
                if is_read && !is_excepted(name) {
                    wrong.push(format!("{name}: {error}"));
                }
            }
            Ok(loaded) => {
                read += 1;
                let found = match &loaded.document {
                    Document::Sbom(sbom) => {
                        let lost: u64 = sbom.losses.iter().map(|loss| loss.records).sum();
                        assert_eq!(sbom.depends_on.len(), sbom.components.len());
                        sbom.components.len() + usize::try_from(lost).unwrap()
                    }
                    Document::Report(report) => {
                        check_report(name, &loaded, report);
                        report.packages.as_ref().map_or(0, Vec::len)
                    }
                };
                if found != count {
                    wrong.push(format!("{name}: {found} components, expected {count}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read >= 60, "only {read} documents were read");
}

/// One image, two tools: with identities compared, only what one tool alone lists is left.
#[test]
fn two_tools_name_the_same_packages() {
    let Some(root) = corpus().map(|root| root.join("sbom")) else {
        return;
    };
    let identities = |name: &str| -> BTreeSet<_> {
        let loaded = load(&root, name).unwrap();
        let Document::Sbom(sbom) = loaded.document else {
            return BTreeSet::new();
        };
        let packages = sbom
            .components
            .into_iter()
            .map(|component| component.package);
        packages
            .filter(|package| package.purl.is_some())
            .map(|package| package.identity())
            .collect()
    };
    let syft = identities("gen__app2.syft.cdx16.json");
    let trivy = identities("gen__app2.trivy44.cdx15.json");
    let only_syft: Vec<_> = syft.difference(&trivy).map(|one| &one.name).collect();
    let only_trivy: Vec<_> = trivy.difference(&syft).collect();
    assert_eq!(only_syft, ["github.com/anchore/syft", "stdlib"]);
    assert!(only_trivy.is_empty(), "{only_trivy:?}");
    assert_eq!(syft.intersection(&trivy).count(), 345);
}

/// Both reports of a pair claim the same layers wherever both list them.
#[test]
fn pairs_of_images_claim_the_same_layers() {
    let Some(root) = corpus() else { return };
    let (mut joined, mut apart) = (0, Vec::new());
    for row in rows(&root.join("MANIFEST.tsv")) {
        let Some(stem) = row[0].strip_suffix(".trivy.json") else {
            continue;
        };
        let claim = |name: &str| match load(&root, name).unwrap().document {
            Document::Report(report) => report.claim,
            Document::Sbom(sbom) => sbom.claim,
        };
        let trivy = claim(&row[0]);
        let grype = claim(&format!("{stem}.grype.json"));
        let listed = !trivy.diff_ids.is_empty() && !grype.diff_ids.is_empty();
        if listed && trivy.diff_ids == grype.diff_ids && trivy.platform == grype.platform {
            joined += 1;
        } else if listed {
            apart.push(stem.to_owned());
        }
        assert_eq!(trivy.is_image, grype.is_image, "{stem}");
    }
    assert_eq!(apart, Vec::<String>::new());
    assert!(joined >= 20, "only {joined} pairs list their layers");
}

/// Options that narrow a report: recorded ones, and those judged from the report alone.
const NARROWED: [&str; 5] = [
    "pairs/myapp-deb12-2025-09.trivy.json: ignore-unfixed=true (inferred)",
    "pairs/mysql-bycve-2023-06.grype.json: by-cve=true (recorded)",
    "pairs/nginx-deb12-2025-06-08.trivy.json: severity=critical,high,medium (inferred)",
    "pairs/openjdk-bycve-2023-06.grype.json: by-cve=true (recorded)",
    "trivy/alpinetools-2026-06-03-HIGHCRIT.json: severity=critical,high (inferred)",
];

#[test]
fn options_are_found_where_they_were_used_and_nowhere_else() {
    let Some(root) = corpus() else { return };
    let mut found = Vec::new();
    for row in rows(&root.join("MANIFEST.tsv")) {
        let Ok(loaded) = load(&root, &row[0]) else {
            continue;
        };
        let Document::Report(report) = loaded.document else {
            continue;
        };
        for option in report.options {
            let how = if option.recorded {
                "recorded"
            } else {
                "inferred"
            };
            found.push(format!(
                "{}: {}={} ({how})",
                row[0], option.name, option.value
            ));
        }
    }
    assert_eq!(found, NARROWED);
}

/// The odd encodings and the log in front of a report are named with the report.
#[test]
fn encodings_and_skipped_bytes_are_reported() {
    let Some(root) = corpus() else { return };
    let origin = |name: &str| load(&root, name).unwrap().document.origin().clone();
    let wide = "pairs/react-starter-dir-UTF16-2025-04";
    for side in ["trivy", "grype"] {
        let origin = origin(&format!("{wide}.{side}.json"));
        assert_eq!(origin.encoding, Encoding::Utf16Le);
        assert_eq!(origin.skipped_bytes, 0);
    }
    let logged = origin("grype/msn-weather-2026.json");
    assert!(logged.skipped_bytes > 0);
}
