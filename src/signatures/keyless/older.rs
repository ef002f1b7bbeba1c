//! Cosign's older layout of a certificate, its log entry and its time stamp: annotations of a layer.
//!
//! They become a bundle of the first version, in which the log's signed promise stands for the
//! proof, as it does for cosign. Nothing is judged here.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sigstore_verify::types::{Bundle, DerCertificate};

use crate::model::Digest;
use crate::signatures::{CERTIFICATE_ANNOTATION, SIGNATURE_ANNOTATION};

const LOG_ANNOTATION: &str = "dev.sigstore.cosign/bundle";
const STAMP_ANNOTATION: &str = "dev.sigstore.cosign/rfc3161timestamp";
const FIRST_VERSION: &str = "application/vnd.dev.sigstore.bundle+json;version=0.1";

/// What stands beside a payload.
pub(in crate::signatures) struct Parts<'a> {
    /// The annotations of the layer.
    annotations: &'a BTreeMap<String, String>,
}

impl<'a> Parts<'a> {
    /// Returns the parts, where there is a certificate among the annotations.
    pub(in crate::signatures) fn of(annotations: &'a BTreeMap<String, String>) -> Option<Self> {
        let has_certificate = annotations
            .get(CERTIFICATE_ANNOTATION)
            .is_some_and(|text| !text.is_empty());
        has_certificate.then_some(Self { annotations })
    }

    fn get(&self, key: &str) -> Option<&str> {
        let text = self.annotations.get(key).map(String::as_str);
        text.filter(|text| !text.is_empty())
    }

    fn material(&self) -> Result<Value, String> {
        let pem = self.get(CERTIFICATE_ANNOTATION).unwrap_or_default();
        let certificate = DerCertificate::from_pem(pem).map_err(|error| error.to_string())?;
        let entries: Vec<Value> = match self.get(LOG_ANNOTATION) {
            Some(text) => vec![log_entry(text)?],
            None => Vec::new(),
        };
        let stamps: Vec<Value> = match self.get(STAMP_ANNOTATION) {
            Some(text) => vec![stamp(text)?],
            None => Vec::new(),
        };
        let der = STANDARD.encode(certificate.as_bytes());
        Ok(json!({
            "x509CertificateChain": {"certificates": [{"rawBytes": der}]},
            "tlogEntries": entries,
            "timestampVerificationData": {"rfc3161Timestamps": stamps},
        }))
    }
}

#[derive(Deserialize)]
struct LogBundle {
    #[serde(rename = "SignedEntryTimestamp")]
    promise: String,
    #[serde(rename = "Payload")]
    payload: LogPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogPayload {
    body: String,
    integrated_time: i64,
    log_index: i64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    kind: String,
    api_version: String,
}

fn log_entry(text: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("its log entry {what}");
    let bundle: LogBundle =
        serde_json::from_str(text).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let payload = bundle.payload;
    let body = STANDARD.decode(&payload.body).ok();
    let body: Option<Body> = body.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let body = body.ok_or_else(|| wrong("has no body"))?;
    let id: Option<Digest> = format!("sha256:{}", payload.log_id).parse().ok();
    let id = id.and_then(|id| bytes_of_hex(id.hex()));
    let id = id.ok_or_else(|| wrong("names no log"))?;
    Ok(json!({
        "logIndex": payload.log_index.to_string(),
        "logId": {"keyId": STANDARD.encode(id)},
        "kindVersion": {"kind": body.kind, "version": body.api_version},
        "integratedTime": payload.integrated_time.to_string(),
        "inclusionPromise": {"signedEntryTimestamp": bundle.promise},
        "canonicalizedBody": payload.body,
    }))
}

fn bytes_of_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(high << 4 | low),
            _ => None,
        })
        .collect()
}

fn stamp(text: &str) -> Result<Value, String> {
    #[derive(Deserialize)]
    struct Stamp {
        #[serde(rename = "SignedRFC3161Timestamp")]
        token: String,
    }
    let stamp: Stamp = serde_json::from_str(text)
        .map_err(|error| format!("its time stamp cannot be read: {error}"))?;
    Ok(json!({"signedTimestamp": stamp.token}))
}

/// Returns the bundle of a signature over `payload`.
pub(super) fn signature(payload: &[u8], parts: &Parts<'_>) -> Result<Bundle, String> {
    let signature = parts
        .get(SIGNATURE_ANNOTATION)
        .ok_or("it carries no signature")?;
    let digest = bytes_of_hex(Digest::of(payload).hex()).unwrap_or_default();
    read(&json!({
        "mediaType": FIRST_VERSION,
        "verificationMaterial": parts.material()?,
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(digest)},
            "signature": signature,
        },
    }))
}

/// Returns the bundle of a DSSE envelope.
pub(super) fn statement(envelope: &[u8], parts: &Parts<'_>) -> Result<Bundle, String> {
    let envelope: Value = serde_json::from_slice(envelope).map_err(|error| error.to_string())?;
    read(&json!({
        "mediaType": FIRST_VERSION,
        "verificationMaterial": parts.material()?,
        "dsseEnvelope": envelope,
    }))
}

fn read(bundle: &Value) -> Result<Bundle, String> {
    Bundle::from_json(&bundle.to_string()).map_err(|error| error.to_string())
}
