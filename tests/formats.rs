//! Every file of the shared corpus of real reports, held against independently counted findings.
//!
//! The corpus is not part of this repository; without it the tests say so and pass.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::judges::corpus;

use countersign::error::Explain as _;
use countersign::formats::{Document, FormatError, Loaded, details, read};
use countersign::model::{Encoding, ExemptionRule, Format, Kind, Record, Report, Severity};

/// Files that are no report this program reads, and the words of the refusal.
const REFUSED: [(&str, &str); 7] = [
    ("misc/harbor-trivy-vuln.json", "a Harbor report"),
    (
        "misc/trivy-golden-alpine-310.asff.json",
        "an AWS Security Hub export",
    ),
    (
        "misc/trivy-golden-alpine-310.gitlab.json",
        "a GitLab report",
    ),
    (
        "misc/trivy-golden-github-dependency-snapshot.json",
        "a GitHub dependency snapshot",
    ),
    (
        "misc/trivy-golden-gitlab-codequality.json",
        "a GitLab report",
    ),
    (
        "misc/trivy-operator-clustercompliancereport.json",
        "ClusterComplianceReport, which hold no finding",
    ),
    ("trivy/golden-summary-ids.json", "JSON of no known kind"),
];

/// Files that the manifest did not count, counted by a script of their own.
const UNCOUNTED: [(&str, &str); 7] = [
    (
        "misc/grype-cyclonedx-vex.xml",
        r#"{"critical": 5, "high": 31, "low": 137, "medium": 139}"#,
    ),
    (
        "misc/trivy-operator-all_reports_in_dict.json",
        r#"{"critical": 2, "high": 3, "low": 11, "medium": 25, "misconf:low": 1, "secret:critical": 1}"#,
    ),
    (
        "misc/trivy-operator-configauditreport_many.json",
        r#"{"misconf:low": 11, "misconf:medium": 2}"#,
    ),
    (
        "misc/trivy-operator-exposedsecretreport_many.json",
        r#"{"secret:critical": 2}"#,
    ),
    (
        "misc/trivy-operator-findings_in_list.json",
        r#"{"medium": 5, "misconf:low": 11, "misconf:medium": 2}"#,
    ),
    (
        "misc/trivy-operator-vulnerabilityreport_many.json",
        r#"{"critical": 2, "high": 3, "low": 11, "medium": 25}"#,
    ),
    (
        "trivy/dojo-kubernetes.json",
        r#"{"medium": 2, "low": 8, "misconf:medium": 4, "misconf:low": 6}"#,
    ),
];

/// A file, its format, and how many entries of each sort it has.
type Counted = (&'static str, Format, &'static [(&'static str, usize)]);

/// Ignore files and VEX documents: the format, and the entries, counted by a script of their own
/// (`yaml.safe_load`, `json.load`) by what they are or say.
const EXEMPTIONS: [Counted; 15] = [
    ("altinn.trivyignore.yaml", Format::TrivyignoreYaml, &[]),
    ("defra-node.grype.yaml", Format::GrypeConfig, &[]),
    ("defra-node.trivyignore.yaml", Format::TrivyignoreYaml, &[]),
    (
        "formsflow.trivyignore.yaml",
        Format::TrivyignoreYaml,
        &[("secret", 1), ("vulnerability", 1)],
    ),
    ("ggshield.grype.yaml", Format::GrypeConfig, &[("rule", 12)]),
    (
        "grype-csaf-vex.json",
        Format::CsafVex,
        &[("fixed", 1), ("not_affected", 1)],
    ),
    (
        "grype-openvex-debian.json",
        Format::OpenVex,
        &[("fixed", 1)],
    ),
    (
        "grype-openvex-demo2.json",
        Format::OpenVex,
        &[("fixed", 3), ("not_affected", 2)],
    ),
    ("grype-quality.grype.yaml", Format::GrypeConfig, &[]),
    (
        "trivy-oci.openvex.json",
        Format::OpenVex,
        &[("not_affected", 7)],
    ),
    (
        "trivy-own.openvex.json",
        Format::OpenVex,
        &[("not_affected", 21)],
    ),
    (
        "trivy-testdata.trivyignore",
        Format::Trivyignore,
        &[("any", 9)],
    ),
    (
        "trivy-testdata.trivyignore.yaml",
        Format::TrivyignoreYaml,
        &[
            ("license", 5),
            ("misconfiguration", 4),
            ("secret", 3),
            ("vulnerability", 7),
        ],
    ),
    ("vexctl-demo.openvex.json", Format::OpenVex, &[("fixed", 1)]),
    (
        "vexctl-history.openvex.json",
        Format::OpenVex,
        &[("not_affected", 2)],
    ),
];

#[test]
fn exemptions_have_the_counts_of_the_script() {
    let Some(root) = corpus().map(|root| root.join("policy")) else {
        return;
    };
    let files = std::fs::read_dir(&root).unwrap();
    assert_eq!(
        files.count(),
        EXEMPTIONS.len(),
        "every file is in the table"
    );
    for (name, format, expected) in EXEMPTIONS {
        let Document::Exemptions(document) = only(load(&root, name).unwrap()) else {
            panic!("{name}");
        };
        assert_eq!(document.format, format, "{name}");
        assert!(document.losses.is_empty(), "{name}: {:?}", document.losses);
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in &document.entries {
            let what = match &entry.rule {
                ExemptionRule::Trivy { kinds, .. } if kinds.len() > 1 => "any",
                ExemptionRule::Trivy { kinds, .. } => kinds[0].as_str(),
                ExemptionRule::Grype(_) => "rule",
                ExemptionRule::Vex { .. } => entry.status.as_str(),
            };
            *found.entry(what).or_default() += 1;
        }
        assert_eq!(found, expected.iter().copied().collect(), "{name}");
    }
}

/// The one document of a file.
fn only(loaded: Loaded) -> Document {
    let [document] = <[Document; 1]>::try_from(loaded.documents).unwrap();
    document
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

/// The bytes of one record.
fn bytes<'l>(loaded: &'l Loaded, record: &Record) -> &'l [u8] {
    let start = usize::try_from(record.span.start).unwrap();
    let end = start + usize::try_from(record.span.length).unwrap();
    &loaded.text[start..end]
}

/// Counts records as the manifest does; unreadable entries stand under `None`.
fn counts(loaded: &Loaded, report: &Report) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for record in &report.records {
        if report.format == Format::Sarif {
            let result: serde_json::Value = serde_json::from_slice(bytes(loaded, record)).unwrap();
            let level = result["level"].as_str().unwrap();
            *counts.entry(format!("level:{level}")).or_default() += 1;
            continue;
        }
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
        let bytes = bytes(loaded, record);
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
    let (mut read, mut wrong) = (0, Vec::new());
    let mut refused: BTreeMap<&str, &str> = REFUSED.into_iter().collect();
    for row in rows(&root.join("MANIFEST.tsv")) {
        let name = row[0].as_str();
        let own = UNCOUNTED.iter().find(|(file, _)| *file == name);
        let column = own.map_or(row[8].as_str(), |(_, counts)| counts);
        match load(&root, name) {
            Err(error) => {
                check_error(name, &error);
                match refused.remove(name) {
                    Some(words) if error.to_string().contains(words) => {}
                    _ => wrong.push(format!("{name}: {error}")),
                }
            }
            Ok(loaded) => {
                read += 1;
                let mut found = BTreeMap::new();
                for document in &loaded.documents {
                    check_document(name, &loaded, document, &mut found);
                }
                let expected = expected(column);
                if found != expected {
                    wrong.push(format!("{name}: found {found:?}, expected {expected:?}"));
                }
            }
        }
    }
    wrong.extend(refused.keys().map(|name| format!("{name}: is read")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read >= 130, "only {read} files were read");
}

fn check_document(
    name: &str,
    loaded: &Loaded,
    document: &Document,
    found: &mut BTreeMap<String, u64>,
) {
    match document {
        Document::Report(report) => {
            check_report(name, loaded, report);
            for (severity, count) in counts(loaded, report) {
                *found.entry(severity).or_default() += count;
            }
            let unreadable = report.counts().unreadable;
            if unreadable > 0 {
                *found.entry(Severity::Unknown.to_string()).or_default() += unreadable;
            }
        }
        Document::Sbom(sbom) => assert!(sbom.losses.is_empty(), "{name}"),
        Document::Exemptions(document) => {
            assert!(document.losses.is_empty(), "{name}");
            // The manifest counted those of OpenVEX.
            if document.format == Format::OpenVex {
                found.insert("statements".to_owned(), document.entries.len() as u64);
            }
        }
    }
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
        let claim = |name: &str| match only(load(&root, name).unwrap()) {
            Document::Report(report) => report.claim,
            Document::Sbom(sbom) => sbom.claim,
            Document::Exemptions(document) => panic!("{document:?}"),
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
        let reports = loaded.documents.into_iter().filter_map(|it| match it {
            Document::Report(report) => Some(report),
            Document::Sbom(_) | Document::Exemptions(_) => None,
        });
        for option in reports.flat_map(|report| report.options) {
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
    let origin = |name: &str| only(load(&root, name).unwrap()).origin().clone();
    let wide = "pairs/react-starter-dir-UTF16-2025-04";
    for side in ["trivy", "grype"] {
        let origin = origin(&format!("{wide}.{side}.json"));
        assert_eq!(origin.encoding, Encoding::Utf16Le);
        assert_eq!(origin.skipped_bytes, 0);
    }
    let logged = origin("grype/msn-weather-2026.json");
    assert!(logged.skipped_bytes > 0);
}
