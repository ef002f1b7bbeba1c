//! The Sigstore bundle, version 0.3, as far as DSSE envelopes go.
//!
//! Transparency-log entries and timestamps are read over: no claim is built on them.

use serde::{Deserialize, Serialize};

use super::dsse::{Document as EnvelopeDocument, Envelope};
use super::{EnvelopeError, read};
use crate::model::oci::media_type;

/// The spelling of version 0.3 that the first writers used.
const OTHER_SPELLING: &str = "application/vnd.dev.sigstore.bundle+json;version=0.3";

/// An envelope together with a hint at the key that signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// What the bundle says about the key. Nothing signs this part.
    pub key_material: KeyMaterial,
    /// The signed envelope.
    pub envelope: Envelope,
}

/// How a bundle names the key to verify with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyMaterial {
    /// A key that the verifier must already have.
    PublicKey {
        /// By custom the base64 SHA-256 of the key's DER; unauthenticated.
        hint: String,
    },
    /// A certificate, as keyless signing uses.
    Certificate,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: String,
    verification_material: Material,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<EnvelopeDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key: Option<PublicKey>,
    #[serde(default, skip_serializing)]
    certificate: Option<serde::de::IgnoredAny>,
    #[serde(default, skip_serializing)]
    x509_certificate_chain: Option<serde::de::IgnoredAny>,
}

#[derive(Serialize, Deserialize)]
struct PublicKey {
    #[serde(default)]
    hint: String,
}

impl Bundle {
    /// Reads a bundle from JSON.
    ///
    /// # Errors
    /// When it is not JSON of that shape, a key is given twice, the version is not 0.3, it holds
    /// no envelope with exactly one signature, or it names no key.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let document: Document = read(bytes, "Sigstore bundle")?;
        if document.media_type != media_type::BUNDLE && document.media_type != OTHER_SPELLING {
            let media_type = document.media_type.chars().take(160).collect();
            return Err(EnvelopeError::BundleVersion { media_type });
        }
        let material = document.verification_material;
        let certified = material.certificate.is_some() || material.x509_certificate_chain.is_some();
        let key_material = match material.public_key {
            Some(PublicKey { hint }) => KeyMaterial::PublicKey { hint },
            None if certified => KeyMaterial::Certificate,
            None => return Err(EnvelopeError::NoKeyMaterial),
        };
        let envelope = document.dsse_envelope.ok_or(EnvelopeError::NoEnvelope)?;
        Ok(Self {
            key_material,
            envelope: Envelope::from_document(envelope)?,
        })
    }

    /// Writes a bundle for an envelope signed with the key that `hint` names.
    ///
    /// # Errors
    /// Never for an envelope in memory; the JSON writer's error is passed on all the same.
    pub fn write(envelope: &Envelope, hint: &str) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Document {
            media_type: media_type::BUNDLE.to_owned(),
            verification_material: Material {
                public_key: Some(PublicKey {
                    hint: hint.to_owned(),
                }),
                certificate: None,
                x509_certificate_chain: None,
            },
            dsse_envelope: Some(envelope.to_document()),
        })
    }
}
