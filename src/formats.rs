//! Bytes → typed documents: what scanners and SBOM tools write, found by content.
//!
//! Pure: no file is opened here, nothing is joined or decided. A damaged entry is a loss that the
//! report counts; a document that cannot be read is an error with its place, never a clean report.

mod cyclonedx;
mod decode;
mod details;
mod detect;
mod ecosystem;
pub mod envelope;
mod error;
mod grype;
mod json;
mod mentions;
mod title;
mod trivy;

use crate::model::{Digest, Origin, Report, Sbom};

pub use self::decode::decode;
pub use self::details::{Details, details};
pub use self::error::{FormatError, MAX_DEPTH, MAX_SIZE, Place};

/// A document that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// A scanner's report.
    Report(Report),
    /// A software bill of materials.
    Sbom(Sbom),
}

impl Document {
    /// Returns where the document came from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Report(report) => &report.origin,
            Self::Sbom(sbom) => &sbom.origin,
        }
    }
}

/// A document with its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The document.
    pub document: Document,
    /// The decoded text (UTF-8, without byte-order mark) that `Record::span` points into.
    pub text: Vec<u8>,
}

/// Reads a document. `path` is only named in messages and kept as its origin.
///
/// # Errors
/// When the bytes are no document of a kind that is read: see [`FormatError`].
pub fn read(path: &str, bytes: Vec<u8>) -> Result<Loaded, FormatError> {
    decode::check_size(path, bytes.len())?;
    let size = bytes.len() as u64;
    let sha256 = Digest::of(&bytes);
    let (text, encoding) = decode(path, bytes)?;
    let found = detect::detect(path, &text)?;
    let origin = Origin {
        path: path.to_owned(),
        sha256,
        size,
        encoding,
        skipped_bytes: found.start as u64,
    };
    let place = (found.start, found.end);
    let mut document = match found.kind {
        detect::Kind::Trivy | detect::Kind::TrivyList | detect::Kind::TrivyNull => {
            Document::Report(trivy::read(origin, &text, found.kind, place)?)
        }
        detect::Kind::Grype => Document::Report(grype::read(origin, &text, place)?),
        detect::Kind::Cyclonedx => Document::Sbom(cyclonedx::read(origin, &text, place)?),
    };
    note_surroundings(&mut document, &text, place);
    Ok(Loaded {
        document,
        text: text.into_bytes(),
    })
}

/// Says what lies before and after the document.
fn note_surroundings(document: &mut Document, text: &str, (start, end): (usize, usize)) {
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default().trim();
    let notices = match document {
        Document::Report(report) => &mut report.notices,
        Document::Sbom(sbom) => &mut sbom.notices,
    };
    if !before.trim().is_empty() {
        notices.push(format!("{start} bytes before the document were skipped"));
    }
    if !after.is_empty() {
        let count = after.len();
        notices.push(format!("{count} bytes after the document were ignored"));
    }
}

#[cfg(test)]
mod tests;
