//! The Dead Simple Signing Envelope, protocol and JSON form, version 1.
//!
//! Exactly one signature: that is what Sigstore's verifiers accept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{EnvelopeError, decode, read};

const NAME: &str = "DSSE envelope";

/// A payload of a named type with its one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is: `application/vnd.in-toto+json`.
    pub payload_type: String,
    /// The payload's bytes as they were signed.
    pub payload: Vec<u8>,
    /// The signature over the pre-authentication encoding; for ECDSA in DER.
    pub signature: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    sig: String,
}

impl Envelope {
    /// Reads an envelope from JSON.
    ///
    /// # Errors
    /// When it is not JSON of that shape, a key is given twice, a field is not base64, or there
    /// is not exactly one signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::from_document(read(bytes, NAME)?)
    }

    pub(super) fn from_document(document: Document) -> Result<Self, EnvelopeError> {
        let [signature] = document.signatures.as_slice() else {
            let count = document.signatures.len();
            return Err(EnvelopeError::SignatureCount { count });
        };
        Ok(Self {
            payload: decode(&document.payload, NAME, "payload")?,
            signature: decode(&signature.sig, NAME, "sig")?,
            payload_type: document.payload_type,
        })
    }

    pub(super) fn to_document(&self) -> Document {
        Document {
            payload: STANDARD.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: vec![Signature {
                sig: STANDARD.encode(&self.signature),
            }],
        }
    }

    /// Returns the bytes that the signature is over.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        pre_authentication_encoding(&self.payload_type, &self.payload)
    }

    /// Writes the envelope as JSON.
    ///
    /// # Errors
    /// Never for an envelope in memory; the JSON writer's error is passed on all the same.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&self.to_document())
    }
}

/// Returns DSSE's pre-authentication encoding: `DSSEv1 <length> <type> <length> <payload>`.
#[must_use]
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}
