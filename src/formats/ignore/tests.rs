//! Tests of reading ignore files.

use crate::formats::{Document, FormatError, read};
use Kind::{License, Misconfiguration, Secret, Vulnerability};

use crate::model::{ExemptionDocument, ExemptionRule, Format, Kind};

fn load(text: &str) -> Result<ExemptionDocument, FormatError> {
    let mut documents = read("f", text.as_bytes().to_vec())?.documents;
    match (documents.pop(), documents.pop()) {
        (Some(Document::Exemptions(document)), None) => Ok(document),
        other => panic!("{other:?}"),
    }
}

fn fixture(name: &str) -> ExemptionDocument {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ignore");
    load(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn ids(document: &ExemptionDocument) -> Vec<&str> {
    let entries = document.entries.iter();
    entries
        .flat_map(|entry| &entry.ids)
        .map(String::as_str)
        .collect()
}

fn ends(document: &ExemptionDocument) -> Vec<Option<String>> {
    let entries = document.entries.iter();
    entries
        .map(|entry| entry.expires.map(|time| time.to_rfc3339()))
        .collect()
}

#[test]
fn lines_hold_ids_ends_and_comments() {
    let document = fixture("plain.trivyignore");
    assert_eq!(document.format, Format::Trivyignore);
    assert_eq!(
        ids(&document),
        [
            "CVE-2024-0001",
            "CVE-2024-0002",
            "CVE-2024-0003",
            "AVD-DS-0002",
            "generic-rule",
            "GPL-3.0"
        ]
    );
    let end = "2026-05-01T00:00:00+00:00".to_owned();
    assert_eq!(ends(&document), [None, Some(end), None, None, None, None]);
    let [loss] = document.losses.as_slice() else {
        panic!("{:?}", document.losses);
    };
    assert_eq!(loss.place, "line 6");
    for entry in &document.entries {
        let ExemptionRule::Trivy { kinds, .. } = &entry.rule else {
            panic!("{entry:?}");
        };
        assert_eq!(kinds.len(), 4, "nobody says which kind of id it is");
    }
}

#[test]
fn a_list_with_everything_switched_off_is_one() {
    let document = load("# CVE-2024-0001\n\n#GHSA-aaaa-0000-bbbb later\n").unwrap();
    assert!(document.entries.is_empty() && document.losses.is_empty());
}

#[test]
fn other_texts_are_no_list_of_ids() {
    for text in [
        "hello world\n",
        "CVE-2024-0001 is fixed\nthis is prose, with a comma\n",
        "# a comment\n",
        "generic-rule\nother-rule\n",
        "services:\n  a: 1\nsecrets:\n  b: 2\n",
        "title: x\nignore:\n  - a\n",
        "log:\n  level: x\n",
        "MAL-WARE\n",
    ] {
        let error = read("f", text.as_bytes().to_vec()).unwrap_err();
        assert!(
            matches!(error, FormatError::NotJson { .. }),
            "{text}: {error}"
        );
    }
}

#[test]
fn sections_hold_entries() {
    let document = fixture("sections.trivyignore.yaml");
    assert_eq!(document.format, Format::TrivyignoreYaml);
    assert_eq!(
        ids(&document),
        [
            "CVE-2024-0001",
            "CVE-2024-0002",
            "CVE-2024-0003",
            "DS-0002",
            "aws-access-key",
            "MIT"
        ]
    );
    let kinds: Vec<Kind> = document
        .entries
        .iter()
        .map(|entry| match &entry.rule {
            ExemptionRule::Trivy { kinds, .. } => kinds[0],
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            Vulnerability,
            Vulnerability,
            Vulnerability,
            Misconfiguration,
            Secret,
            License
        ]
    );
    let [first, second, third, ..] = document.entries.as_slice() else {
        panic!("{document:?}");
    };
    assert_eq!(first.statement.as_deref(), Some("not reachable"));
    let ExemptionRule::Trivy { paths, purls, .. } = &second.rule else {
        panic!("{second:?}");
    };
    assert_eq!((paths.len(), purls.len()), (2, 1));
    assert_eq!(
        third.expires.unwrap().to_rfc3339(),
        "2026-05-01T10:00:00+00:00"
    );
    let lost: Vec<&str> = document
        .losses
        .iter()
        .map(|loss| loss.place.as_str())
        .collect();
    assert_eq!(
        lost,
        [
            "vulnerabilities[3], line 15",
            "vulnerabilities[4], line 16",
            "vulnerabilities[5], line 18",
            "vulnerabilities[6], line 20",
        ]
    );
    assert!(document.notices[0].contains("`path` means nothing to Trivy"));
}

#[test]
fn empty_sections_are_fine() {
    for text in [
        "vulnerabilities:\n",
        "vulnerabilities: null\nsecrets: []\n",
        "---\nvulnerabilities: ~\n",
    ] {
        let document = load(text).unwrap();
        assert!(
            document.entries.is_empty() && document.losses.is_empty(),
            "{text}"
        );
    }
    assert_eq!(load("secrets:\n  a: b\n").unwrap().losses.len(), 1);
}

#[test]
fn damaged_yaml_is_refused_with_its_place() {
    for (text, place) in [
        ("vulnerabilities:\n  - id: CVE-1\n   x: y\n", "line 3"),
        ("vulnerabilities: [\n", "line 2"),
        ("ignore: []\nignore: []\n", "line 2"),
    ] {
        let error = load(text).unwrap_err();
        assert!(matches!(error, FormatError::Exemptions { .. }), "{error}");
        assert!(error.to_string().contains(place), "{error}");
    }
}

#[test]
fn rules_of_grype_are_read() {
    let document = fixture("rules.grype.yaml");
    assert_eq!(document.format, Format::GrypeConfig);
    let rules: Vec<_> = document
        .entries
        .iter()
        .map(|entry| match &entry.rule {
            ExemptionRule::Grype(rule) => (entry, rule),
            other => panic!("{other:?}"),
        })
        .collect();
    let [(first, aliases), (second, rule)] = rules.as_slice() else {
        panic!("{rules:?}");
    };
    assert!(aliases.with_aliases && first.ids == ["CVE-2024-0001"]);
    assert_eq!(first.statement.as_deref(), Some("accepted"));
    assert!(second.ids.is_empty());
    assert_eq!(rule.ecosystems, ["deb"]);
    assert_eq!(
        rule.name.as_ref().unwrap().as_str(),
        "linux(-.*)?-headers-.*"
    );
    assert_eq!(rule.match_type.as_deref(), Some("exact-indirect-match"));
    assert_eq!(document.losses.len(), 2, "{:?}", document.losses);
    let notices = document.notices.join("\n");
    for part in [
        "`only-fixed`",
        "`exclude`",
        "1 rules name nothing",
        "1 rules have a `vex-status`",
    ] {
        assert!(notices.contains(part), "{part}: {notices}");
    }
}

/// Cut anywhere, a file is refused, loses entries or is shorter: it never panics.
#[test]
fn cutting_a_file_is_harmless() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ignore");
    for name in [
        "plain.trivyignore",
        "sections.trivyignore.yaml",
        "rules.grype.yaml",
    ] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        for end in 0..bytes.len() {
            let _either = read(name, bytes[..end].to_vec());
        }
    }
}
