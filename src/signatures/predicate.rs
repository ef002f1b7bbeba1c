//! What can be stated about an image: cosign's names for predicate types, and predicates made of
//! documents.
//!
//! Nothing is signed or sent here. A document that is JSON goes into a statement as it was written.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{SignaturesError, approval};
use crate::formats;
use crate::model::{DatabaseAge, Digest, Format, Report};
use crate::signing::APPROVAL_PREDICATE;

/// The largest predicate that is written into an envelope, in bytes: in base64 it stays below the
/// 10 MB that Kyverno reads. Larger documents are stated by reference.
pub const LARGEST_PREDICATE: usize = 7 * 1024 * 1024;

/// CycloneDX (cosign's `cyclonedx`).
pub const CYCLONEDX: &str = "https://cyclonedx.org/bom";
/// SPDX (cosign's `spdx` and `spdxjson`).
pub const SPDX: &str = "https://spdx.dev/Document";
/// Syft's own format.
pub const SYFT: &str = "https://syft.dev/bom";
/// A scan (cosign's `vuln`).
pub const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
/// OpenVEX (cosign's `openvex`).
pub const OPENVEX: &str = "https://openvex.dev/ns";
/// in-toto's statement that a document is kept elsewhere.
pub const REFERENCE: &str = "https://in-toto.io/attestation/reference/v0.1";
/// cosign's `custom`.
const CUSTOM: &str = "https://cosign.sigstore.dev/attestation/v1";

/// cosign's names for types, and ours for our own.
const NAMES: &[(&str, &str)] = &[
    ("cyclonedx", CYCLONEDX),
    ("spdxjson", SPDX),
    ("spdx", SPDX),
    ("vuln", VULN),
    ("openvex", OPENVEX),
    ("custom", CUSTOM),
    ("link", "https://in-toto.io/Link/v1"),
    ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
    ("approval", APPROVAL_PREDICATE),
];

/// A predicate with its type: what is said about an image.
#[derive(Clone, Debug)]
pub struct Predicate {
    /// The type's URI.
    pub kind: String,
    /// The JSON text.
    pub content: Box<RawValue>,
}

/// What `attest` is given.
#[derive(Clone, Debug)]
pub struct Given {
    /// A name that cosign has for a type, or a URI.
    pub kind: String,
    /// The document's name, for messages.
    pub name: String,
    /// The document.
    pub bytes: Vec<u8>,
    /// Where the document can be fetched, where it is stated by reference.
    pub location: Option<String>,
    /// The time that an approval must stand at.
    pub now: DateTime<Utc>,
}

impl Given {
    /// Makes the predicate: of a JSON document its text as it is, of text in another format a JSON
    /// string where the type is one of text, of a scanner's report cosign's `vuln` around it.
    ///
    /// # Errors
    /// When there is no such type, the document is not what the type says, it is an approval that
    /// does not approve, or it is too large for a statement and no place is given for it.
    pub fn predicate(self) -> Result<Predicate, SignaturesError> {
        let kind = kind_of(&self.kind)?;
        if let Some(location) = &self.location {
            let media_type = media_type(&kind, &self.bytes);
            return reference(location, &Digest::of(&self.bytes), media_type);
        }
        let size = self.bytes.len();
        if size > LARGEST_PREDICATE {
            return Err(SignaturesError::TooLarge {
                name: self.name,
                size,
                limit: LARGEST_PREDICATE,
            });
        }
        let content = self.content(&kind)?;
        Ok(Predicate { kind, content })
    }

    fn wrong(&self, detail: impl std::fmt::Display) -> SignaturesError {
        SignaturesError::Document {
            name: self.name.clone(),
            kind: self.kind.clone(),
            detail: detail.to_string(),
        }
    }

    fn content(&self, kind: &str) -> Result<Box<RawValue>, SignaturesError> {
        let text = std::str::from_utf8(&self.bytes).map_err(|error| self.wrong(error))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if self.kind == "spdx" && !text.starts_with('{') {
            return string(text).map_err(|error| self.wrong(error));
        }
        if self.kind == "custom" {
            let content = json!({
                "Data": text,
                "Timestamp": self.now.to_rfc3339_opts(SecondsFormat::Secs, true),
            });
            return raw(&content).map_err(|error| self.wrong(error));
        }
        let content = RawValue::from_string(text.to_owned()).map_err(|error| self.wrong(error))?;
        let value: serde_json::Value =
            serde_json::from_str(content.get()).map_err(|error| self.wrong(error))?;
        let has = |key: &str| value.get(key).is_some();
        let starts = |key: &str, start: &str| {
            let text = value.get(key).and_then(serde_json::Value::as_str);
            text.is_some_and(|text| text.starts_with(start))
        };
        let missing = |what: &str| Err(self.wrong(format!("it {what}")));
        if !value.is_object() {
            return missing("is no JSON object");
        }
        match kind {
            CYCLONEDX if !starts("bomFormat", "CycloneDX") => missing("is no CycloneDX document"),
            SPDX if !has("spdxVersion") && !has("@context") => missing("is no SPDX document"),
            OPENVEX if !starts("@context", OPENVEX) => missing("is no OpenVEX document"),
            VULN if has("scanner") && has("metadata") => Ok(content),
            VULN => self.scan(text),
            APPROVAL_PREDICATE => match approval::refusal(&value, self.now) {
                Some(reason) => Err(SignaturesError::NoApproval { reason }),
                None => Ok(content),
            },
            _ => Ok(content),
        }
    }

    /// Wraps a scanner's report.
    fn scan(&self, text: &str) -> Result<Box<RawValue>, SignaturesError> {
        let loaded = formats::read(&self.name, text.as_bytes().to_vec());
        let loaded = loaded.map_err(|error| self.wrong(error))?;
        let [formats::Document::Report(report)] = loaded.documents.as_slice() else {
            return Err(self.wrong("it is neither cosign's `vuln` nor one scanner's report"));
        };
        scan(report, text).map(|predicate| predicate.content)
    }
}

/// cosign's `vuln` predicate.
#[derive(Serialize)]
struct Scan<'a> {
    invocation: serde_json::Value,
    scanner: Scanner<'a>,
    metadata: Metadata,
}

#[derive(Serialize)]
struct Scanner<'a> {
    uri: String,
    version: &'a str,
    db: serde_json::Value,
    result: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    scan_started_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scan_finished_on: Option<String>,
}

/// Returns the predicate of a scan: cosign's `vuln` with the scanner's report whole inside.
///
/// # Errors
/// When the text is no JSON.
pub fn scan(report: &Report, text: &str) -> Result<Predicate, SignaturesError> {
    let invalid = |error: serde_json::Error| SignaturesError::Document {
        name: report.origin.path.clone(),
        kind: "vuln".to_owned(),
        detail: error.to_string(),
    };
    let result: &RawValue = serde_json::from_str(text.trim()).map_err(invalid)?;
    let exact = report.database_age == DatabaseAge::Exact;
    let built = report.database_built.filter(|_| exact).map(time);
    let created = report.created.map(time);
    let document = Scan {
        invocation: json!({"parameters": [], "uri": "", "event_id": "", "builder.id": ""}),
        scanner: Scanner {
            uri: scanner_uri(&report.scanner),
            version: report.scanner_version.as_deref().unwrap_or_default(),
            db: json!({"uri": "", "version": built.unwrap_or_default()}),
            result,
        },
        metadata: Metadata {
            scan_started_on: created.clone(),
            scan_finished_on: created,
        },
    };
    Ok(Predicate {
        kind: VULN.to_owned(),
        content: raw(&document).map_err(invalid)?,
    })
}

/// Returns the predicate of an SBOM: the document itself.
///
/// # Errors
/// When the format has no predicate type, or the text is not what the format says.
pub fn sbom(format: Format, name: &str, text: &str) -> Result<Predicate, SignaturesError> {
    let wrong = |detail: String| SignaturesError::Document {
        name: name.to_owned(),
        kind: format.as_str().to_owned(),
        detail,
    };
    let kind = match format {
        Format::CyclonedxJson => CYCLONEDX,
        Format::SpdxJson | Format::Spdx3Json | Format::SpdxTagValue => SPDX,
        Format::SyftJson => SYFT,
        _ => return Err(wrong("cosign has no type for such a document".to_owned())),
    };
    let content = match format {
        Format::SpdxTagValue => string(text),
        _ => RawValue::from_string(text.trim().to_owned()),
    };
    Ok(Predicate {
        kind: kind.to_owned(),
        content: content.map_err(|error| wrong(error.to_string()))?,
    })
}

/// Returns the statement that a document is kept at `location` (in-toto's `reference`).
///
/// # Errors
/// When `location` is no absolute address.
pub fn reference(
    location: &str,
    document: &Digest,
    media_type: &str,
) -> Result<Predicate, SignaturesError> {
    if !is_uri(location) {
        return Err(SignaturesError::Location {
            text: location.chars().take(200).collect(),
        });
    }
    let algorithm = document.algorithm().as_str();
    let content = json!({
        "attester": {"id": "urn:countersign"},
        "references": [{
            "downloadLocation": location,
            "digest": {algorithm: document.hex()},
            "mediaType": media_type,
        }],
    });
    Ok(Predicate {
        kind: REFERENCE.to_owned(),
        content: raw(&content).map_err(super::attach::encoding("the reference"))?,
    })
}

/// Returns the media type of a document for a reference to it.
#[must_use]
pub fn media_type(kind: &str, bytes: &[u8]) -> &'static str {
    let is_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    match kind {
        CYCLONEDX if is_json => "application/vnd.cyclonedx+json",
        CYCLONEDX => "application/vnd.cyclonedx+xml",
        SPDX if is_json => "application/spdx+json",
        SPDX => "text/spdx",
        _ if is_json => "application/json",
        _ => "application/octet-stream",
    }
}

/// Returns the URI that a name stands for; a URI stands for itself.
///
/// # Errors
/// When it is neither.
pub fn kind_of(name: &str) -> Result<String, SignaturesError> {
    let known = NAMES.iter().find(|(known, _)| *known == name);
    if let Some((_, uri)) = known {
        return Ok((*uri).to_owned());
    }
    if is_uri(name) {
        return Ok(name.to_owned());
    }
    Err(SignaturesError::PredicateType {
        text: name.chars().take(200).collect(),
    })
}

fn is_uri(text: &str) -> bool {
    text.len() <= 2_000
        && text.chars().all(|c| c.is_ascii_graphic())
        && url::Url::parse(text).is_ok()
}

fn scanner_uri(scanner: &str) -> String {
    match scanner {
        "trivy" => "https://github.com/aquasecurity/trivy".to_owned(),
        "grype" => "https://github.com/anchore/grype".to_owned(),
        other => other.to_owned(),
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn string(text: &str) -> serde_json::Result<Box<RawValue>> {
    RawValue::from_string(serde_json::to_string(text)?)
}

fn raw<T: Serialize>(value: &T) -> serde_json::Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value)
}

#[cfg(test)]
mod tests;
