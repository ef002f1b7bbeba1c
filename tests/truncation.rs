//! Files cut anywhere: an error, a part that says so, or a file that was whole before the cut. Never "clean".
//!
//! Every file of the shared corpus is cut at `COUNTERSIGN_TRUNCATIONS` random places (8; the long check: 200).
//!
//! What may be read from the part before the cut:
//!
//! - JSON and XML mark their end. The part may be read where no document of the whole file reaches across the cut: then
//!   white space or log lines were cut, or later documents of several.
//! - Files of lines (tag-value SBOMs, ignore files, YAML) have no such mark: whatever lies before the cut is a file of
//!   that kind, and nothing in it can tell. None of them says what a scanner found, so that none can say "clean": the
//!   part may be read, unless as the report of a scanner.
//! - Packed files, and text in two bytes a character, hold one of these; cut packing is an error.

#![expect(
    clippy::print_stdout,
    reason = "the test runner keeps it for the report of a failure"
)]

use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use countersign::error::Explain as _;
use countersign::formats::{Document, Loaded, documents_in, read, text};

use crate::support::chance::Chance;
use crate::support::judges::{corpus, repetitions};
use crate::support::program::{Sandbox, binary};

/// A file, and where in its text the documents lie.
struct Whole {
    name: String,
    bytes: Vec<u8>,
    text: String,
    places: Vec<Range<usize>>,
}

/// What became of the part before a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Refused,
    Partial,
    WholeBefore,
}

impl Whole {
    fn new(name: String, bytes: Vec<u8>) -> Self {
        let text = text(&name, bytes.clone()).unwrap_or_default();
        let places = documents_in(&name, &text).unwrap_or_default();
        Self {
            name,
            bytes,
            text,
            places,
        }
    }

    /// Whether the last character marks the end of a document. Tag-value does not, although its text
    /// is given as the JSON of the same specification.
    fn marks_its_end(&self) -> bool {
        if String::from_utf8_lossy(&self.bytes).contains("SPDXVersion:") {
            return false;
        }
        let text = self.text.trim_end();
        let begins = |place: &Range<usize>| {
            let document = self.text.get(place.clone()).unwrap_or_default();
            document.trim_start().starts_with(['{', '[', '<'])
        };
        text.ends_with(['}', ']', '>']) || text == "null" || self.places.iter().any(begins)
    }

    /// Reads what is left when the file is cut before byte `cut`, and holds it against the whole.
    fn cut(&self, cut: usize) -> Outcome {
        let loaded = match read(&self.name, self.bytes[..cut].to_vec()) {
            Ok(loaded) => loaded,
            Err(error) => {
                let message = error.to_string();
                assert!(message.contains(&self.name), "cut at {cut}: {message}");
                assert!(!error.hints().is_empty(), "cut at {cut}: {message}");
                return Outcome::Refused;
            }
        };
        if loaded.documents.iter().any(is_partial) {
            return Outcome::Partial;
        }
        if self.marks_its_end() {
            self.is_whole_before(&loaded, cut);
        } else {
            let reports = |document: &Document| matches!(document, Document::Report(_));
            let found = loaded.documents.iter().any(reports);
            assert!(!found, "{} cut at {cut} is read as a report", self.name);
        }
        Outcome::WholeBefore
    }

    /// Holds that no document reaches across the cut.
    fn is_whole_before(&self, loaded: &Loaded, cut: usize) {
        let part = std::str::from_utf8(&loaded.text).expect("text");
        let name = &self.name;
        assert!(
            self.text.starts_with(part),
            "{name} cut at {cut}: other text"
        );
        let end = part.len();
        let across = |place: &&Range<usize>| place.start < end && end < place.end;
        assert_eq!(
            self.places.iter().find(across),
            None,
            "{name} cut at {cut} is read as if it were whole"
        );
        assert!(
            self.places.iter().any(|place| place.end <= end),
            "{name} cut at {cut}: there is no document before the cut"
        );
    }
}

fn is_partial(document: &Document) -> bool {
    if let Document::Report(report) = document {
        report.is_partial()
    } else if let Document::Sbom(sbom) = document {
        !sbom.losses.is_empty()
    } else if let Document::Exemptions(document) = document {
        !document.losses.is_empty()
    } else {
        false
    }
}

/// Returns every file below `folder`, in a stable order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the corpus can be listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_none_or(|kind| kind != "tsv") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Several documents in one file, in every packing: the corpus has none that is.
fn made(root: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: &str| std::fs::read(root.join(name)).expect("a file of the corpus");
    let trivy = read("trivy/golden-alpine-distroless.json");
    let grype = read("pairs/alpine-2023-06.grype.json");
    let log = b"[0000]  WARN a line of a log\n".to_vec();
    let several = [&log[..], &trivy, b"\n", &grype, b"\nand what follows\n"].concat();
    let lines = [&trivy, &grype].map(|bytes| {
        let value: serde_json::Value = serde_json::from_slice(bytes).expect("JSON");
        value.to_string()
    });
    let gzip = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).expect("memory");
        packer.finish().expect("memory")
    };
    let text = String::from_utf8(several.clone()).expect("text");
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    vec![
        ("packed.gz".to_owned(), gzip(&several)),
        (
            "members.gz".to_owned(),
            [gzip(&trivy), gzip(&grype)].concat(),
        ),
        ("lines.ndjson".to_owned(), lines.join("\n").into_bytes()),
        ("wide.json".to_owned(), wide),
        ("several.json".to_owned(), several),
    ]
}

#[test]
fn a_file_cut_anywhere_is_never_clean() {
    let Some(root) = corpus() else { return };
    let cuts = repetitions("COUNTERSIGN_TRUNCATIONS", 8);
    let mut chance = Chance::new();
    println!("{}", chance.again());
    let name = |path: &Path| {
        let name = path.strip_prefix(&root).expect("below the corpus");
        name.display().to_string()
    };
    let mut counts = [0_usize; 3];
    let from_disk = files(&root)
        .into_iter()
        .map(|path| (name(&path), std::fs::read(&path).expect("a file")));
    for (name, bytes) in from_disk.chain(made(&root)) {
        let whole = Whole::new(name, bytes);
        for _ in 0..cuts {
            let outcome = whole.cut(chance.below(whole.bytes.len()));
            counts[outcome as usize] += 1;
        }
    }
    println!("refused, read in part, whole before the cut: {counts:?}");
    assert!(counts[0] > 300 * 4, "{counts:?}: {}", chance.again());
}

#[test]
fn the_last_byte_is_missed() {
    let Some(root) = corpus() else { return };
    for path in files(&root) {
        let name = path.display().to_string();
        let bytes = std::fs::read(&path).expect("a file");
        let whole = Whole::new(name, bytes);
        let end = whole.bytes.trim_ascii_end().len();
        let cut = whole.cut(end.saturating_sub(1));
        let last = whole.places.last().map_or(0, |place| place.end);
        let is_followed = last > 0 && last < whole.text.trim_end().len();
        assert!(
            cut == Outcome::Refused || is_followed || !whole.marks_its_end(),
            "{}: {cut:?}",
            whole.name
        );
    }
}

/// The program: no answer of yes, and no count of nothing, whatever was cut.
#[test]
fn the_program_says_that_a_cut_report_was_not_read() {
    let Some(root) = corpus() else { return };
    let mut chance = Chance::new();
    let sandbox = Sandbox::new();
    let path = sandbox.work().join("cut.json");
    let pairs = files(&root.join("pairs"));
    for _ in 0..4 {
        let file = chance.one(&pairs);
        let bytes = std::fs::read(file).expect("a report");
        let cut = chance.below(bytes.trim_ascii_end().len());
        std::fs::write(&path, &bytes[..cut]).expect("the working folder is ours");
        for command in ["gate", "findings", "list"] {
            let output = sandbox.run_other(binary(), [command, "cut.json"], b"");
            let place = format!("{} cut at {cut} ({})", file.display(), chance.again());
            assert_eq!(output.code, 3, "{place}: {output:?}");
            assert_eq!(output.stdout, "", "{place}");
            assert!(
                output.stderr.contains("cut.json"),
                "{place}: {}",
                output.stderr
            );
        }
    }
}
