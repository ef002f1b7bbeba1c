//! What must hold of every input, whatever its bytes: no panic, and nothing lost uncounted.
//!
//! The inputs are made in `fuzz_targets`, and `.ci/fuzz` runs them. The modules under test are
//! links to the program's own files, compiled into this crate: so nothing of its network or its screens
//! is built with the fuzzer's instruments.

// The one type that the program takes from its client of registries, without the client.
extern crate self as oci_client;
pub use oci_spec::distribution::{ParseError, Reference};

pub mod environment;
pub mod error;
pub mod formats;
pub mod model;
pub mod text;

use crate::error::Explain as _;
use crate::formats::Document;
use crate::model::Report;

/// Reads `bytes` and holds what comes out against the text it came from.
///
/// # Panics
/// When something does not hold.
pub fn check(bytes: &[u8]) {
    let loaded = match formats::read("input", bytes.to_vec()) {
        Ok(loaded) => loaded,
        Err(error) => {
            assert!(!error.hints().is_empty() && error.to_string().contains("input"));
            return;
        }
    };
    assert!(!loaded.documents.is_empty());
    let again = formats::text("input", bytes.to_vec()).map(String::into_bytes);
    assert_eq!(again.as_ref(), Ok(&loaded.text));
    for document in &loaded.documents {
        match document {
            Document::Report(report) => check_report(report, &loaded.text),
            Document::Sbom(sbom) => assert_eq!(sbom.components.len(), sbom.depends_on.len()),
            // A damaged header is a loss that stands for no entry.
            Document::Exemptions(document) => assert!(
                document
                    .losses
                    .iter()
                    .all(|loss| loss.records <= 1 && !loss.place.is_empty())
            ),
        }
    }
}

fn check_report(report: &Report, text: &[u8]) {
    let counts = report.counts();
    assert_eq!(counts.read, report.records.len() as u64 + counts.unreadable);
    assert!(report.looked_for_vulnerabilities || report.is_partial() || !report.notices.is_empty());
    for record in &report.records {
        let start = usize::try_from(record.span.start).unwrap_or(usize::MAX);
        let end = start + usize::try_from(record.span.length).unwrap_or(usize::MAX);
        let bytes = text.get(start..end).unwrap_or_default();
        assert!(bytes.starts_with(b"{") && bytes.ends_with(b"}"));
        // Damage in parts that only details read is an error, never a panic.
        drop(formats::details(report.format, bytes));
    }
}

/// Checks `bytes` as they are. Where they begin with a digit, the rest is put in the place of the
/// `%` of that frame instead: frames make a format known, so that it need not be found by chance.
///
/// # Panics
/// When something does not hold.
pub fn check_in(frames: &[&str], bytes: &[u8]) {
    if let Some((first, rest)) = bytes.split_first()
        && first.is_ascii_digit()
        && let Some(frame) = frames.get(usize::from(first - b'0') % frames.len().max(1))
        && let Some((before, after)) = frame.split_once('%')
    {
        check(&[before.as_bytes(), rest, after.as_bytes()].concat());
    } else {
        check(bytes);
    }
}
