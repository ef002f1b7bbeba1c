//! Bytes → typed documents: what scanners and SBOM tools write, found by content.
//!
//! Pure: no file is opened here, nothing is joined or decided. A damaged entry is a loss that the
//! report counts; a document that cannot be read is an error with its place, never a clean report.

mod configuration;
mod cyclonedx;
mod decode;
mod details;
mod detect;
mod ecosystem;
pub mod envelope;
pub mod epss;
mod error;
mod feed;
mod grype;
mod ignore;
mod json;
pub mod kev;
mod mentions;
mod sarif;
mod sbom;
mod spdx;
mod syft;
mod title;
mod trivy;
mod unpack;
mod vex;
mod wrapped;
pub(crate) mod yaml;

use std::borrow::Cow;
use std::ops::Range;
use std::time::Instant;

use crate::model::{Digest, Encoding, ExemptionDocument, Kind, Origin, Report, Sbom};
use crate::text::secret;

pub use self::details::{Details, details};
pub use self::error::{
    FormatError, MAX_DEPTH, MAX_DOCUMENTS, MAX_RATIO, MAX_SIZE, MAX_TIME, Place,
};

/// A document that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// A scanner's report.
    Report(Report),
    /// A software bill of materials.
    Sbom(Sbom),
    /// An ignore file or VEX document.
    Exemptions(ExemptionDocument),
}

impl Document {
    /// Returns where the document came from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Report(report) => &report.origin,
            Self::Sbom(sbom) => &sbom.origin,
            Self::Exemptions(document) => &document.origin,
        }
    }

    /// Masks secrets in what a scanner says about an image itself, whatever it masked before. What
    /// is said about vulnerabilities comes from public databases.
    fn mask(&mut self) {
        let hide = |text: &mut String| {
            if let Cow::Owned(masked) = secret::mask(text) {
                *text = masked;
            }
        };
        let claim = match self {
            Self::Report(report) => &mut report.claim,
            Self::Sbom(sbom) => &mut sbom.claim,
            // Says nothing about an image itself.
            Self::Exemptions(_) => return,
        };
        let names = claim.tags.iter_mut().chain(&mut claim.repo_digests);
        names.chain(&mut claim.name).for_each(hide);
        let Self::Report(report) = self else {
            return;
        };
        let records = report.records.iter_mut();
        for record in records.filter(|record| record.kind != Kind::Vulnerability) {
            hide(&mut record.title);
            for location in &mut record.package.locations {
                hide(&mut location.path);
            }
            if let Some(suppression) = &mut record.suppressed_by {
                suppression.statement.iter_mut().for_each(hide);
            }
        }
        report.notices.iter_mut().for_each(hide);
    }

    fn notices(&mut self) -> &mut Vec<String> {
        match self {
            Self::Report(report) => &mut report.notices,
            Self::Sbom(sbom) => &mut sbom.notices,
            Self::Exemptions(document) => &mut document.notices,
        }
    }
}

/// The documents of a file, with its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The documents, in the file's order; at least one.
    pub documents: Vec<Document>,
    /// The decoded text (UTF-8, without byte-order mark) that `Record::span` points into.
    pub text: Vec<u8>,
}

/// Reads the documents of a file. `path` is only named in messages and kept as their origin.
///
/// # Errors
/// When the bytes are no document of a kind that is read, or one of several is not: see
/// [`FormatError`].
pub fn read(path: &str, bytes: Vec<u8>) -> Result<Loaded, FormatError> {
    let origin = Origin {
        path: path.to_owned(),
        sha256: Digest::of(&bytes),
        size: bytes.len() as u64,
        encoding: Encoding::Utf8,
        skipped_bytes: 0,
    };
    let Opened {
        decoded,
        all,
        was_signed,
    } = open(path, bytes)?;
    let text = decoded.text.as_str();
    let mut documents = Vec::with_capacity(all.len());
    let mut end = 0;
    let started = Instant::now();
    for (number, found) in all.iter().enumerate() {
        if started.elapsed() > MAX_TIME {
            let path = path.to_owned();
            return Err(FormatError::TooSlow { path });
        }
        let before = text.get(end..found.start).unwrap_or_default();
        end = found.end;
        let skipped = if before.trim().is_empty() {
            0
        } else {
            before.len()
        };
        let origin = Origin {
            encoding: decoded.encoding,
            skipped_bytes: skipped as u64,
            ..origin.clone()
        };
        let mut notices = Vec::new();
        if let Some(packing) = decoded.packing {
            let (packing, size) = (packing.as_str(), text.len());
            notices.push(format!("unpacked from {packing}: {size} bytes of text"));
        }
        if all.len() > 1 {
            let (number, count) = (number + 1, all.len());
            notices.push(format!("document {number} of {count} in the file"));
        }
        if skipped > 0 {
            notices.push(format!("{skipped} bytes before the document were skipped"));
        }
        let after = text.get(end..).unwrap_or_default().trim().len();
        if number + 1 == all.len() && after > 0 {
            notices.push(format!("{after} bytes after the document were ignored"));
        }
        if was_signed {
            let notice = "taken out of signed envelopes: signatures are not checked by reading";
            notices.push(notice.to_owned());
        }
        let (inner, wrapper) = wrapped::inner(path, text, *found)?;
        for mut document in read_one(origin, text, inner)? {
            document.notices().extend_from_slice(&notices);
            wrapper.complete(&mut document);
            document.mask();
            documents.push(document);
        }
        if documents.len() > MAX_DOCUMENTS {
            let path = path.to_owned();
            return Err(FormatError::TooManyDocuments { path });
        }
    }
    Ok(Loaded {
        documents,
        text: decoded.text.into_bytes(),
    })
}

fn read_one(
    origin: Origin,
    text: &str,
    found: detect::Found,
) -> Result<Vec<Document>, FormatError> {
    let place = (found.start, found.end);
    let reports = |reports: Vec<Report>| reports.into_iter().map(Document::Report).collect();
    Ok(match found.kind {
        detect::Kind::Grype => vec![Document::Report(grype::read(origin, text, place)?)],
        detect::Kind::Cyclonedx => {
            let exemptions = vex::read_cyclonedx(&origin, text, place);
            let (sbom, report) = cyclonedx::read(origin, text, place)?;
            with_exemptions(sbom, report, exemptions, vex::bom_link(text, place))
        }
        detect::Kind::OpenVex => {
            vec![Document::Exemptions(vex::read_openvex(
                origin, text, place,
            )?)]
        }
        detect::Kind::Csaf => vec![Document::Exemptions(vex::read_csaf(origin, text, place)?)],
        detect::Kind::Ignore(shape) => {
            vec![Document::Exemptions(ignore::read(origin, text, shape)?)]
        }
        detect::Kind::Spdx => vec![Document::Sbom(spdx::read(origin, text, place)?)],
        detect::Kind::SpdxLinked => vec![Document::Sbom(spdx::read_linked(origin, text, place)?)],
        detect::Kind::Syft => vec![Document::Sbom(syft::read(origin, text, place)?)],
        detect::Kind::Sarif => reports(sarif::read(&origin, text, place)?),
        detect::Kind::Cluster => reports(trivy::read_cluster(&origin, text, place)?),
        detect::Kind::Operator => reports(trivy::read_operator(&origin, text, place)?),
        kind => vec![Document::Report(trivy::read(origin, text, kind, place)?)],
    })
}

/// The documents that one of CycloneDX is: the SBOM, a scanner's findings, or somebody's statements
/// about them. Statements alone are no SBOM.
fn with_exemptions(
    mut sbom: Sbom,
    report: Option<Report>,
    exemptions: Option<ExemptionDocument>,
    bom_link: Option<String>,
) -> Vec<Document> {
    // A scanner's own analyses are in its records.
    let exemptions = exemptions.filter(|_| report.is_none());
    let is_sbom = exemptions.is_none() || !sbom.components.is_empty();
    sbom.claim.bom_link = bom_link;
    let report = report.map(|mut report| {
        report.claim.bom_link.clone_from(&sbom.claim.bom_link);
        Document::Report(report)
    });
    let sbom = is_sbom.then_some(Document::Sbom(sbom));
    let documents = sbom.into_iter().chain(report);
    documents
        .chain(exemptions.map(Document::Exemptions))
        .collect()
}

/// The text of a file, and the documents in it.
struct Opened {
    decoded: decode::Decoded,
    all: Vec<detect::Found>,
    was_signed: bool,
}

fn open(path: &str, bytes: Vec<u8>) -> Result<Opened, FormatError> {
    let mut decoded = decode::decode(path, bytes)?;
    let mut all = detect::detect(path, &decoded.text)?;
    let opened = wrapped::open(path, &decoded.text, &all)?;
    let was_signed = opened.is_some();
    if let Some(text) = opened {
        all = detect::detect(path, &text)?;
        decoded.text = text;
    }
    if let Some(text) = wrapped::write_out(path, &decoded.text, &all)? {
        all = detect::detect(path, &text)?;
        decoded.text = text;
    }
    Ok(Opened {
        decoded,
        all,
        was_signed,
    })
}

/// Returns the text that the spans of a file's records point into; of a file without documents,
/// its decoded text.
///
/// # Errors
/// When the file cannot be decoded, or an envelope in it not be opened.
pub fn text(path: &str, bytes: Vec<u8>) -> Result<String, FormatError> {
    let mut text = decode::decode(path, bytes)?.text;
    for step in [wrapped::open, wrapped::write_out] {
        let Ok(all) = detect::detect(path, &text) else {
            break;
        };
        if let Some(next) = step(path, &text, &all)? {
            text = next;
        }
    }
    Ok(text)
}

/// Returns where the documents lie in a text; one inside of a statement is found there.
///
/// # Errors
/// As [`read`].
pub fn documents_in(path: &str, text: &str) -> Result<Vec<Range<usize>>, FormatError> {
    let all = detect::detect(path, text)?;
    let mut places = Vec::with_capacity(all.len());
    for found in all {
        let (inner, _) = wrapped::inner(path, text, found)?;
        places.push(inner.start..inner.end);
    }
    Ok(places)
}

#[cfg(test)]
mod tests;
