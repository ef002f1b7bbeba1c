//! Reading as a whole: wrappings, damage, hostile input, the same document cut anywhere.

use proptest::prelude::*;

use super::*;
use crate::error::Explain as _;
use crate::model::Format;

const TRIVY: &str = include_str!("../../tests/fixtures/trivy/image.json");
const GRYPE: &str = include_str!("../../tests/fixtures/grype/image.json");
const CYCLONEDX: &str = include_str!("../../tests/fixtures/cyclonedx/image.json");
const SARIF: [&str; 3] = [
    include_str!("../../tests/fixtures/sarif/trivy.sarif"),
    include_str!("../../tests/fixtures/sarif/grype.sarif"),
    include_str!("../../tests/fixtures/sarif/docker-scout.sarif"),
];

const VULNERABILITIES: &str = include_str!("../../tests/fixtures/cyclonedx/vulnerabilities.json");
const CLUSTER: &str = include_str!("../../tests/fixtures/trivy/cluster.json");
const OPERATOR: &str = include_str!("../../tests/fixtures/trivy/operator.json");

const CYCLONEDX_XML: &str = include_str!("../../tests/fixtures/cyclonedx/image.xml");
const SPDX: &str = include_str!("../../tests/fixtures/spdx/image.spdx.json");
const SPDX_LINKED: &str = include_str!("../../tests/fixtures/spdx/image.spdx3.json");
const SYFT: &str = include_str!("../../tests/fixtures/syft/image.json");
const TAG_VALUE: &str = include_str!("../../tests/fixtures/spdx/image.spdx");

/// One document of each format that says where it ends.
fn every() -> Vec<&'static str> {
    [TRIVY, GRYPE, CYCLONEDX, VULNERABILITIES, CLUSTER, OPERATOR]
        .into_iter()
        .chain([CYCLONEDX_XML, SPDX, SPDX_LINKED, SYFT])
        .chain(SARIF)
        .collect()
}

fn read_text(text: &str) -> Result<Loaded, FormatError> {
    read("file", text.as_bytes().to_vec())
}

/// The one document of a file.
fn only(loaded: Loaded) -> Document {
    let [document] = <[Document; 1]>::try_from(loaded.documents).unwrap();
    document
}

fn report(text: &str) -> Report {
    match only(read_text(text).unwrap()) {
        Document::Report(report) => report,
        other => panic!("{other:?}"),
    }
}

/// How much of a document was read, and whether it admits that some is missing.
fn measure(loaded: &Loaded) -> (usize, bool) {
    let each = loaded.documents.iter().map(|document| match document {
        Document::Report(report) => (report.records.len(), report.is_partial()),
        Document::Sbom(sbom) => (sbom.components.len(), !sbom.losses.is_empty()),
        Document::Exemptions(document) => (document.entries.len(), !document.losses.is_empty()),
    });
    each.fold((0, false), |sum, one| (sum.0 + one.0, sum.1 || one.1))
}

fn message(text: &str) -> String {
    let error = read_text(text).unwrap_err();
    assert_eq!(error.kind(), crate::error::ErrorKind::Input);
    assert!(!error.hints().is_empty());
    error.to_string()
}

#[test]
fn encodings_and_log_lines_change_nothing() {
    let plain = report(GRYPE);
    let log = "[0000]  WARN a new version is available\n[1234] loading {db}\n";
    let utf16: Vec<u8> = "\u{feff}"
        .chars()
        .chain(GRYPE.chars())
        .flat_map(|character| character.encode_utf16(&mut [0; 2]).to_vec())
        .flat_map(u16::to_le_bytes)
        .collect();
    let with_mark = format!("\u{feff}{GRYPE}");
    let with_log = format!("{log}{GRYPE}\n");
    for bytes in [utf16, with_mark.into_bytes(), with_log.into_bytes()] {
        let loaded = read("file", bytes).unwrap();
        let [Document::Report(report)] = loaded.documents.as_slice() else {
            panic!("{loaded:?}");
        };
        assert_eq!(report.records.len(), plain.records.len());
        for record in &report.records {
            let start = usize::try_from(record.span.start).unwrap();
            let end = start + usize::try_from(record.span.length).unwrap();
            let found = details(Format::GrypeJson, &loaded.text[start..end]).unwrap();
            assert!(!found.description.is_empty());
        }
    }
    let logged = report(&format!("{log}{GRYPE}"));
    assert_eq!(logged.origin.skipped_bytes, log.len() as u64);
    assert!(
        logged
            .notices
            .iter()
            .any(|notice| notice.contains("skipped"))
    );
}

#[test]
fn what_follows_is_told_or_refused() {
    let footer = report(&format!("{GRYPE}\nContact us\n"));
    assert!(footer.notices.iter().any(|notice| notice.contains("after")));
    for rest in ["{\"level\": \"info\"}", "{}", "[{}]"] {
        let text = message(&format!("{GRYPE}\n{rest}"));
        assert!(text.contains("is of no known kind"), "{text}");
    }
    assert!(message(&format!("{GRYPE}\n{{\"matches\": [")).contains("cut off"));
}

/// One after the other, a line each, or with log lines between them.
#[test]
fn several_documents_are_read_from_one_file() {
    let line = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        value.to_string()
    };
    let log = "[0001]  INFO scanned {}\n";
    for text in [
        format!("{GRYPE}{TRIVY}{CYCLONEDX}"),
        format!("{}\n{}\n{}\n", line(GRYPE), line(TRIVY), line(CYCLONEDX)),
        format!("{log}{GRYPE}\n{log}{TRIVY}\n{log}{CYCLONEDX}\n"),
    ] {
        let loaded = read_text(&text).unwrap();
        let [
            Document::Report(grype),
            Document::Report(trivy),
            Document::Sbom(sbom),
        ] = loaded.documents.as_slice()
        else {
            panic!("{loaded:?}");
        };
        assert_eq!(
            (grype.scanner.as_str(), trivy.scanner.as_str()),
            ("grype", "trivy")
        );
        assert_eq!(grype.records.len(), report(GRYPE).records.len());
        assert_eq!(trivy.records.len(), report(TRIVY).records.len());
        assert!(!sbom.components.is_empty() && sbom.losses.is_empty());
        assert_eq!(trivy.origin.sha256, Digest::of(text.as_bytes()));
        assert!(
            trivy
                .notices
                .iter()
                .any(|text| text == "document 2 of 3 in the file")
        );
        let start = usize::try_from(trivy.records[0].span.start).unwrap();
        let end = start + usize::try_from(trivy.records[0].span.length).unwrap();
        details(Format::TrivyJson, &loaded.text[start..end]).unwrap();
        let skipped = if text.starts_with('[') {
            log.len() as u64
        } else {
            0
        };
        assert_eq!(grype.origin.skipped_bytes, skipped);
        assert_eq!(trivy.origin.skipped_bytes > 0, skipped > 0);
    }
    let many = "{\"matches\": []}\n".repeat(MAX_DOCUMENTS + 1);
    assert!(message(&many).contains("more than 10000 documents"));
}

#[test]
fn nothing_else_is_taken_for_a_report() {
    for (text, expected) in [
        ("", "is empty"),
        (" \n", "is empty"),
        ("{}", "an empty object"),
        ("[]", "an empty list"),
        ("[1, 2]", "not JSON"),
        ("42", "not JSON"),
        ("{\"a\": 1, \"b\\u001b\": 2}", "`b\\x1b`"),
        ("<!DOCTYPE html><html>", "an HTML page"),
        ("<?xml version=\"1.0\"?><a/>", "looks like XML"),
        (
            "<bom xmlns=\"http://cyclonedx.org/schema/bom/1.5\">",
            "cut off",
        ),
        ("SPDXVersion: SPDX-2.3\nPackage\n", "at line 2, column 1"),
        (
            "Scanned: all-clear\n",
            "text that begins with `Scanned: all-clear`",
        ),
        (
            "{\"payloadType\": \"\", \"payload\": \"\"}",
            "the signed envelope cannot be read",
        ),
        ("{\"matches\": [", "cut off"),
        ("{\"matches\": [}", "damaged at line 1, column 14"),
    ] {
        let message = message(text);
        assert!(message.contains(expected), "{text}: {message}");
        assert!(message.contains("file"), "{message}");
    }
}

#[test]
fn the_size_is_capped() {
    let error = read("file", vec![b' '; MAX_SIZE + 1]).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |count: usize| {
        let (open, close) = ("[".repeat(count), "]".repeat(count));
        format!("{{\"matches\": [], \"unknown\": {open}{close}}}")
    };
    assert!(read_text(&deep(MAX_DEPTH - 1)).is_ok());
    for count in [MAX_DEPTH, 1_000_000] {
        assert!(message(&deep(count)).contains("nests deeper than 128"));
    }
    let lists = "[".repeat(1_000_000);
    assert!(read_text(&lists).is_err());
    let open = "{\"matches\":[".to_owned() + &"[".repeat(1_000_000);
    assert!(read_text(&open).is_err());
}

/// Lists made to be compared with themselves: the time must grow as the size does.
#[test]
fn long_lists_take_no_longer_than_they_are() {
    let many = |entry: &dyn Fn(usize) -> String| {
        let entries: Vec<String> = (0..40_000).map(entry).collect();
        entries.join(",")
    };
    let places = many(&|number| {
        format!("{{\"physicalLocation\": {{\"artifactLocation\": {{\"uri\": \"{number}\"}}}}}}")
    });
    let message = "  Package : pkg:npm/a@1 \\n  Severity : HIGH ";
    let sarif = format!(
        "{{\"version\": \"2.1.0\", \"runs\": [{{\"tool\": {{\"driver\": {{\"name\": \"docker scout\"}}}}, \
         \"results\": [{{\"ruleId\": \"CVE-1\", \"message\": {{\"text\": \"{message}\"}}, \"locations\": [{places}]}}]}}]}}"
    );
    assert_eq!(report(&sarif).records[0].package.locations.len(), 40_000);
    let components = many(&|number| format!("{{\"bom-ref\": \"{number}\", \"name\": \"a\"}}"));
    let edges = many(&|number| format!("{{\"ref\": \"0\", \"dependsOn\": [\"{number}\", \"1\"]}}"));
    let occurrences = many(&|number| format!("{{\"location\": \"{number}\"}}"));
    let properties = many(&|number| {
        format!("{{\"name\": \"syft:location:{number}:path\", \"value\": \"{number}\"}}")
    });
    let bom = format!(
        "{{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\", \"components\": [{components}, \
         {{\"name\": \"b\", \"properties\": [{properties}], \"evidence\": {{\"occurrences\": [{occurrences}]}}}}], \
         \"dependencies\": [{edges}]}}"
    );
    let Document::Sbom(sbom) = only(read_text(&bom).unwrap()) else {
        panic!("no SBOM");
    };
    assert_eq!(sbom.depends_on[0].len(), 40_000);
    assert!(sbom.losses.is_empty());
    let tools = many(&|number| format!("\"{number}\""));
    let elements = many(&|number| {
        format!("{{\"type\": \"Tool\", \"spdxId\": \"t{number}\", \"name\": \"a\"}}")
    });
    let linked = format!(
        "{{\"@context\": \"\", \"@graph\": [{{\"createdUsing\": [{tools}]}}, {elements}]}}"
    );
    assert!(read_text(&linked).is_ok());
    assert!(self::message(&"<\n".repeat(1_000_000)).contains("looks like XML"));
}

#[test]
fn brackets_in_texts_are_no_nesting() {
    let text = format!("{{\"matches\": [], \"a\": \"\\\"{}\"}}", "[".repeat(500));
    assert!(read_text(&text).is_ok());
}

#[test]
fn a_name_given_twice_is_never_chosen_silently() {
    let twice = "{\"matches\": [], \"matches\": []}";
    assert!(message(twice).contains("duplicate field `matches`"));
    let record = report(&GRYPE.replacen("\"severity\"", "\"severity\": \"Low\", \"severity\"", 1));
    assert_eq!(record.losses.len(), 1);
    assert!(record.losses[0].place.starts_with("matches[0]"));
    assert!(
        record.losses[0]
            .reason
            .contains("duplicate field `severity`")
    );
}

#[test]
fn numbers_out_of_range_are_losses() {
    let report = report(&GRYPE.replacen("\"epss\": 0.", "\"epss\": 1e999, \"x\": 0.", 1));
    assert_eq!((report.losses.len(), report.counts().unreadable), (1, 1));
    assert!(report.losses[0].reason.contains("out of range"));
}

/// Cut anywhere, a document is an error, admits a loss, or is still the whole document.
#[test]
fn a_cut_document_is_never_clean() {
    for text in every() {
        let whole = measure(&read_text(text).unwrap());
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let (kept, cut) = text.split_at(end);
            if let Ok(loaded) = read_text(kept) {
                assert!(cut.trim().is_empty(), "cut at {end}");
                assert_eq!(measure(&loaded), whole, "cut at {end}");
            }
        }
    }
}

#[test]
fn a_beginning_cut_off_is_never_clean() {
    for text in every() {
        // What is before the outermost element of XML is no part of the document.
        let first = text.find("<bom").unwrap_or_default() + 1;
        for start in (first..text.len()).filter(|start| text.is_char_boundary(*start)) {
            let (_, kept) = text.split_at(start);
            assert!(read_text(kept).is_err(), "from {start}");
        }
    }
}

/// A list emptied by hand is a report; everything else put in its place is a loss.
#[test]
fn a_list_that_is_none_is_a_loss() {
    for value in ["{}", "\"x\"", "1", "-1", "1.5", "true"] {
        let grype = report(&format!("{{\"matches\": {value}}}"));
        assert!(
            grype.is_partial() && !grype.looked_for_vulnerabilities,
            "{value}"
        );
        let trivy = report(&format!(
            "{{\"SchemaVersion\": 2, \"ArtifactType\": \"container_image\", \"Results\": {value}}}"
        ));
        assert!(
            trivy.is_partial() && !trivy.looked_for_vulnerabilities,
            "{value}"
        );
        let inner = report(&format!(
            "{{\"SchemaVersion\": 2, \"Results\": [{{\"Class\": \"os-pkgs\", \"Vulnerabilities\": {value}}}]}}"
        ));
        assert_eq!(inner.losses[0].place, "Results[0].Vulnerabilities");
    }
}

/// What holds of every report, whatever its bytes: nothing is lost uncounted, an empty list says
/// why, and every record is found again.
fn check(loaded: &Loaded) {
    for document in &loaded.documents {
        let Document::Report(report) = document else {
            continue;
        };
        let counts = report.counts();
        assert_eq!(counts.read, report.records.len() as u64 + counts.unreadable);
        let said = report.is_partial() || !report.notices.is_empty();
        assert!(report.looked_for_vulnerabilities || said, "{report:?}");
        for record in &report.records {
            let start = usize::try_from(record.span.start).unwrap();
            let end = start + usize::try_from(record.span.length).unwrap();
            let bytes = &loaded.text[start..end];
            assert!(bytes.starts_with(b"{") && bytes.ends_with(b"}"));
            if let Err(error) = details(report.format, bytes) {
                assert!(error.to_string().contains("cannot be read"));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn mutated_documents_never_panic(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let every: Vec<&str> = every().into_iter().chain([TAG_VALUE]).collect();
        let mut bytes = which.get(&every).as_bytes().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        match read("file", bytes) {
            Ok(loaded) => check(&loaded),
            Err(error) => prop_assert!(error.to_string().contains("file")),
        }
    }

    #[test]
    fn deleted_ranges_never_panic(which in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(), count in 1..200_usize) {
        let mut bytes = which.get(&every()).as_bytes().to_vec();
        let from = from.index(bytes.len());
        let end = (from + count).min(bytes.len());
        bytes.drain(from..end);
        if let Ok(loaded) = read("file", bytes) {
            measure(&loaded);
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read("file", bytes).is_err());
    }

    #[test]
    fn details_of_any_bytes_never_panic(text in "[\\[\\]{}\",:a-zA-Z0-9 ]{0,80}") {
        for format in [Format::TrivyJson, Format::GrypeJson, Format::CyclonedxJson, Format::Sarif, Format::TrivyOperator] {
            if let Err(error) = details(format, text.as_bytes()) {
                prop_assert!(error.to_string().contains("cannot be read"));
            }
        }
    }
}
