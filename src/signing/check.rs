//! Whether one found signature holds for an image, and if not, why.
//!
//! Every byte is treated as hostile; nothing is fetched here, and policy (which keys, which
//! predicates count) is the caller's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::PublicKey;
use super::payload::{Payload, PayloadError};
use crate::formats::envelope::{
    Bundle, Envelope, EnvelopeError, IN_TOTO_PAYLOAD, KeyMaterial, Statement,
};
use crate::model::Digest;

/// The predicate type by which cosign marks a container signature.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// The predicate type of this program's approval of an image by a person. No vetted predicate
/// says that, so it has a name of its own.
pub const APPROVAL_PREDICATE: &str = "urn:countersign:review-approval:v1";

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The layer has no signature annotation.
    #[error("it carries no signature")]
    NoSignature,
    /// The signature is not base64.
    #[error("the signature is not base64")]
    NotBase64,
    /// No trusted key made it: another key did, or what was signed was changed.
    #[error("none of the given keys made this signature, or what it signs was changed")]
    UnknownKey,
    /// It was made with a certificate, which needs a trust root to verify.
    #[error("it is signed with a certificate, and only keys were given")]
    Certificate,
    /// The stored bytes are not those that their descriptor names.
    #[error("the stored bytes have the digest {found}, their descriptor says {named}")]
    Altered {
        /// The digest in the descriptor.
        named: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The signed payload is for another image.
    #[error("it signs {signed}, not this image")]
    OtherImage {
        /// The digest that is signed.
        signed: String,
    },
    /// The payload cannot be read.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The envelope, bundle or statement cannot be read.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The envelope holds something other than an in-toto statement.
    #[error("the envelope holds `{payload_type}`, not an in-toto statement")]
    PayloadType {
        /// What it says it holds.
        payload_type: String,
    },
}

/// A valid signature in cosign's older format.
#[derive(Clone, Debug, PartialEq)]
pub struct LegacySignature {
    /// The fingerprint of the key that made it.
    pub key: Digest,
    /// What it claims.
    pub payload: Payload,
}

/// A valid signed statement about the image.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleSignature {
    /// The fingerprint of the key that made it.
    pub key: Digest,
    /// What it says.
    pub statement: Statement,
}

impl BundleSignature {
    /// Returns whether the statement is of a kind that signs an image at all, rather than one that
    /// says something about it. Any other statement by the same key, such as a signed rejection,
    /// must never count as a signature.
    #[must_use]
    pub fn is_signature(&self) -> bool {
        let kind = self.statement.predicate_type.as_str();
        kind == SIGN_PREDICATE || kind == APPROVAL_PREDICATE
    }
}

/// Checks one layer of a `.sig` manifest: `payload` as stored under the digest `named`, and the
/// base64 signature from the layer's annotation.
///
/// # Errors
/// The reason why it does not count.
pub fn check_legacy(
    image: &Digest,
    named: &Digest,
    payload: &[u8],
    signature: Option<&str>,
    keys: &[PublicKey],
) -> Result<LegacySignature, Refusal> {
    if !named.matches(payload) {
        return Err(Refusal::Altered {
            named: named.clone(),
            found: Digest::of(payload),
        });
    }
    let signature = signature
        .filter(|text| !text.is_empty())
        .ok_or(Refusal::NoSignature)?;
    let signature = STANDARD
        .decode(signature)
        .map_err(|_not_base64| Refusal::NotBase64)?;
    let key = signing_key(keys, payload, &signature)?;
    let payload = Payload::parse(payload)?;
    if payload.digest != *image {
        return Err(Refusal::OtherImage {
            signed: payload.digest.to_string(),
        });
    }
    Ok(LegacySignature { key, payload })
}

/// Checks a Sigstore bundle about an image. Whether its predicate makes it a signature is asked
/// with [`BundleSignature::is_signature`].
///
/// # Errors
/// The reason why it does not count.
pub fn check_bundle(
    image: &Digest,
    bundle: &[u8],
    keys: &[PublicKey],
) -> Result<BundleSignature, Refusal> {
    let bundle = Bundle::parse(bundle)?;
    if bundle.key_material == KeyMaterial::Certificate {
        return Err(Refusal::Certificate);
    }
    let (key, statement) = open_envelope(&bundle.envelope, keys)?;
    if statement.subject_with(image).is_none() {
        let signed = match statement.subject.first().map(|subject| &subject.digest) {
            None => "nothing".to_owned(),
            Some(digests) => digests
                .iter()
                .map(|(algorithm, hex)| format!("{algorithm}:{hex}"))
                .collect::<Vec<_>>()
                .join(", "),
        };
        let signed = signed.chars().take(300).collect();
        return Err(Refusal::OtherImage { signed });
    }
    Ok(BundleSignature { key, statement })
}

/// Returns the predicate type that a bundle claims, without any check: for display only.
#[must_use]
pub fn unverified_predicate(bundle: &[u8]) -> Option<String> {
    let bundle = Bundle::parse(bundle).ok()?;
    Some(
        Statement::parse(&bundle.envelope.payload)
            .ok()?
            .predicate_type,
    )
}

/// Verifies the signature before anything inside is read.
pub(super) fn open_envelope(
    envelope: &Envelope,
    keys: &[PublicKey],
) -> Result<(Digest, Statement), Refusal> {
    let key = signing_key(keys, &envelope.signed_bytes(), &envelope.signature)?;
    if envelope.payload_type != IN_TOTO_PAYLOAD {
        let payload_type = envelope.payload_type.chars().take(160).collect();
        return Err(Refusal::PayloadType { payload_type });
    }
    Ok((key, Statement::parse(&envelope.payload)?))
}

fn signing_key(keys: &[PublicKey], message: &[u8], signature: &[u8]) -> Result<Digest, Refusal> {
    keys.iter()
        .find(|key| key.verifies(message, signature))
        .map(|key| key.fingerprint().clone())
        .ok_or(Refusal::UnknownKey)
}

#[cfg(test)]
mod tests;
