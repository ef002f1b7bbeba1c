//! Documents inside of others: signed envelopes, statements, predicates of a scan; and documents
//! that are no JSON, written out as such.
//!
//! Whether a signature holds is decided in `crate::signing`: what is read here is only looked at,
//! and says so.

use std::collections::BTreeMap;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Document;
use super::cyclonedx::xml;
use super::decode::check_size;
use super::detect::{self, Found, Kind};
use super::error::{FormatError, Place, quote};
use super::json::{Maybe, MaybeText as _, place_of, reason_of};
use super::spdx::tag_value;
use crate::model::Digest;

/// Returns the text with every envelope replaced by what is in it, where there is an envelope.
///
/// # Errors
/// When an envelope is damaged, or what is in it is no text.
pub(super) fn open(path: &str, text: &str, all: &[Found]) -> Result<Option<String>, FormatError> {
    let is_envelope = |found: &Found| matches!(found.kind, Kind::Envelope | Kind::Bundle);
    if !all.iter().any(is_envelope) {
        return Ok(None);
    }
    let mut opened = String::new();
    for found in all {
        let part = text.get(found.start..found.end).unwrap_or_default();
        let shape = |reason: String| FormatError::Shape {
            path: path.to_owned(),
            part: "the signed envelope".to_owned(),
            place: Place::at(text, found.start),
            reason,
        };
        let envelope: serde_json::Result<Option<EnvelopeWire<'_>>> = match found.kind {
            Kind::Envelope => serde_json::from_str(part).map(Some),
            Kind::Bundle => {
                serde_json::from_str(part).map(|bundle: BundleWire<'_>| bundle.envelope)
            }
            _ => {
                opened.push_str(part);
                opened.push('\n');
                continue;
            }
        };
        let envelope = envelope
            .map_err(|error| shape(reason_of(&error)))?
            .ok_or_else(|| shape("the bundle holds no DSSE envelope".to_owned()))?;
        opened.push_str(
            &envelope
                .payload()
                .map_err(|reason| shape(reason.to_owned()))?,
        );
        opened.push('\n');
    }
    Ok(Some(opened))
}

/// An envelope as far as reading needs it: how many signatures there are, and whose, is not asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EnvelopeWire<'a> {
    #[serde(borrow)]
    payload: Maybe<'a>,
}

#[derive(Debug, Deserialize)]
struct BundleWire<'a> {
    #[serde(borrow, rename = "dsseEnvelope")]
    envelope: Option<EnvelopeWire<'a>>,
}

impl EnvelopeWire<'_> {
    /// Returns the payload: standard or URL-safe base64, padded or not.
    fn payload(&self) -> Result<String, &'static str> {
        const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        let text = self.payload.get().ok_or("it has no payload")?;
        let bytes = GeneralPurpose::new(&alphabet::STANDARD, LENIENT)
            .decode(text)
            .or_else(|_| GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT).decode(text))
            .map_err(|_not_base64| "its payload is not base64")?;
        String::from_utf8(bytes).map_err(|_not_utf8| "its payload is not UTF-8")
    }
}

/// Returns the text with every document that is no JSON written out as JSON, where there is one:
/// CycloneDX XML, SPDX tag-value, and what a statement holds as a text.
///
/// # Errors
/// When such a document is damaged.
pub(super) fn write_out(
    path: &str,
    text: &str,
    all: &[Found],
) -> Result<Option<String>, FormatError> {
    let mut written = String::new();
    let mut last = 0;
    for found in all {
        let (json, end) = match found.kind {
            Kind::CyclonedxXml => xml::to_json(path, text, found.start)?,
            Kind::SpdxTagValue => (tag_value::to_json(path, text, found.start)?, found.end),
            Kind::Statement => match statement(path, text, *found)? {
                Some(json) => (json, found.end),
                None => continue,
            },
            _ => continue,
        };
        written.push_str(text.get(last..found.start).unwrap_or_default());
        written.push_str(&json);
        last = end;
    }
    if last == 0 {
        return Ok(None);
    }
    written.push_str(text.get(last..).unwrap_or_default());
    check_size(path, written.len())?;
    Ok(Some(written))
}

/// Returns the statement with its predicate as JSON, where that is a text.
fn statement(path: &str, text: &str, found: Found) -> Result<Option<String>, FormatError> {
    let part = text.get(found.start..found.end).unwrap_or_default();
    // What is damaged here is told when the statement is looked into.
    let Ok(wire) = serde_json::from_str::<StatementParts<'_>>(part) else {
        return Ok(None);
    };
    let Some(predicate) = wire.predicate.and_then(text_of) else {
        return Ok(None);
    };
    let shape = |reason: String| FormatError::Shape {
        path: path.to_owned(),
        part: "the text in the attestation".to_owned(),
        place: Place::at(text, found.start),
        reason,
    };
    let inner = "the text";
    let json = match detect::detect(inner, &predicate).as_deref() {
        Ok([only]) => match only.kind {
            Kind::CyclonedxXml => xml::to_json(inner, &predicate, only.start).map(|(json, _)| json),
            Kind::SpdxTagValue => tag_value::to_json(inner, &predicate, only.start),
            _ => Ok(predicate
                .get(only.start..only.end)
                .unwrap_or_default()
                .to_owned()),
        },
        Ok(_) => return Err(shape("it holds several documents".to_owned())),
        Err(error) => Err(error.clone()),
    };
    let json = json.map_err(|error| shape(error.to_string()))?;
    let raw = |part: Option<&RawValue>, absent: &str| part.map_or(absent, RawValue::get).to_owned();
    Ok(Some(format!(
        "{{\"predicateType\":{},\"subject\":{},\"predicate\":{json}}}",
        raw(wire.predicate_type, "null"),
        raw(wire.subject, "[]"),
    )))
}

/// The parts of a statement, unread.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatementParts<'a> {
    #[serde(borrow)]
    predicate_type: Option<&'a RawValue>,
    #[serde(borrow)]
    subject: Option<&'a RawValue>,
    #[serde(borrow)]
    predicate: Option<&'a RawValue>,
}

/// The text that a predicate is, or has as `Data`.
fn text_of(predicate: &RawValue) -> Option<String> {
    serde_json::from_str(data_of(predicate).get()).ok()
}

/// What a wrapper says about the document in it.
#[derive(Debug, Default)]
pub(super) struct Wrapper {
    subjects: Vec<(String, Digest)>,
    scanner_version: Option<String>,
    finished: Option<DateTime<Utc>>,
    remarks: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatementWire<'a> {
    #[serde(borrow)]
    predicate_type: Maybe<'a>,
    #[serde(borrow)]
    predicate: Option<&'a RawValue>,
    #[serde(default)]
    subject: Vec<SubjectWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SubjectWire {
    name: String,
    digest: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct ExportedWire<'a> {
    #[serde(borrow)]
    sbom: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct PredicateWire<'a> {
    #[serde(borrow)]
    scanner: ScannerWire<'a>,
    #[serde(borrow, default)]
    metadata: MetadataWire<'a>,
}

#[derive(Debug, Deserialize)]
struct ScannerWire<'a> {
    #[serde(borrow, default)]
    version: Maybe<'a>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MetadataWire<'a> {
    #[serde(borrow, rename = "scanFinishedOn")]
    finished: Maybe<'a>,
}

/// Returns the document itself: what a statement or a predicate holds, and what these say about
/// it. A document that is not wrapped is returned as it is.
///
/// # Errors
/// When the wrapper is damaged, or holds nothing that is read.
pub(super) fn inner(path: &str, text: &str, outer: Found) -> Result<(Found, Wrapper), FormatError> {
    let mut wrapper = Wrapper::default();
    let mut found = outer;
    // A statement holds a predicate, and that the report: nothing nests deeper.
    for _ in 0..2 {
        let part = text.get(found.start..found.end).unwrap_or_default();
        let shape = |error: &serde_json::Error| FormatError::Shape {
            path: path.to_owned(),
            part: "the attestation".to_owned(),
            place: place_of(text, found.start, error),
            reason: reason_of(error),
        };
        let raw = match found.kind {
            Kind::Statement => {
                let wire: StatementWire<'_> =
                    serde_json::from_str(part).map_err(|error| shape(&error))?;
                let kind = quote(wire.predicate_type.get().unwrap_or_default());
                wrapper.remarks.push(format!(
                    "taken out of a statement with a predicate `{kind}`"
                ));
                for subject in wire.subject {
                    let hex = subject.digest.get("sha256").map(String::as_str);
                    let digest = format!("sha256:{}", hex.unwrap_or_default()).parse();
                    wrapper
                        .subjects
                        .extend(digest.ok().map(|it| (subject.name, it)));
                }
                wire.predicate.map(data_of)
            }
            Kind::Predicate => {
                let wire: PredicateWire<'_> =
                    serde_json::from_str(part).map_err(|error| shape(&error))?;
                wrapper.scanner_version = wire.scanner.version.owned();
                wrapper.finished = wire.metadata.finished.time();
                wire.scanner.result
            }
            Kind::Exported => {
                let wire: ExportedWire<'_> =
                    serde_json::from_str(part).map_err(|error| shape(&error))?;
                wire.sbom
            }
            _ => break,
        };
        let Some(raw) = raw else {
            return Err(FormatError::UnknownJson {
                path: path.to_owned(),
                found: "an attestation that holds no report".to_owned(),
            });
        };
        let start = raw.get().as_ptr().addr() - text.as_ptr().addr();
        found = detect::at(path, text, start, start + raw.get().len())?;
    }
    if matches!(
        found.kind,
        Kind::Statement | Kind::Predicate | Kind::Exported | Kind::Envelope | Kind::Bundle
    ) {
        return Err(FormatError::UnknownJson {
            path: path.to_owned(),
            found: "an attestation inside of another".to_owned(),
        });
    }
    Ok((found, wrapper))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DataWire<'a> {
    #[serde(borrow, rename = "Data")]
    data: Option<&'a RawValue>,
}

/// Some tools put the document one level deeper, into `Data`, as an object or a text.
fn data_of(predicate: &RawValue) -> &RawValue {
    let wire: Result<DataWire<'_>, _> = serde_json::from_str(predicate.get());
    let data = wire.ok().and_then(|wire| wire.data);
    data.filter(|data| data.get().starts_with(['{', '"']))
        .unwrap_or(predicate)
}

impl Wrapper {
    /// Adds what the wrapper says to a document that does not say it itself.
    pub(super) fn complete(&self, document: &mut Document) {
        document.notices().extend_from_slice(&self.remarks);
        if let Document::Report(report) = document {
            if report.scanner_version.is_none() {
                report.scanner_version.clone_from(&self.scanner_version);
            }
            report.created = report.created.or(self.finished);
        }
        for (name, digest) in &self.subjects {
            let notice = format!("the statement is about {} {digest}", quote(name));
            document.notices().push(notice);
        }
        let claim = match document {
            Document::Report(report) => &mut report.claim,
            Document::Sbom(sbom) => &mut sbom.claim,
            Document::Exemptions(_) => return,
        };
        let is_identified = claim.manifest_digest.is_some()
            || claim.image_id.is_some()
            || !claim.repo_digests.is_empty()
            || !claim.diff_ids.is_empty();
        if let ([(name, digest)], false) = (self.subjects.as_slice(), is_identified) {
            claim.repo_digests.push(format!("{name}@{digest}"));
            claim.is_image = true;
            if claim.name.is_none() && !name.is_empty() {
                claim.name = Some(name.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
