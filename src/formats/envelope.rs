//! Signed wrappers: DSSE envelopes, in-toto statements and Sigstore bundles, parsed and written.
//!
//! No cryptography: whether a signature holds is decided by `crate::signing`.

mod bundle;
mod dsse;
mod statement;
mod strict;

#[cfg(test)]
mod tests;

pub use bundle::{Bundle, KeyMaterial};
pub use dsse::{Envelope, pre_authentication_encoding};
pub use statement::{STATEMENT_V0_1, STATEMENT_V1, Statement, StatementSubject};
pub use strict::UniqueKeys;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// The payload type of every in-toto statement in a DSSE envelope.
pub const IN_TOTO_PAYLOAD: &str = "application/vnd.in-toto+json";

/// A wrapped document that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, not of the expected shape, or with a key given twice.
    #[error("{document} cannot be read: {detail}")]
    Unreadable {
        /// Which document: `DSSE envelope`, `in-toto statement`, `Sigstore bundle`.
        document: &'static str,
        /// What the parser said.
        detail: String,
    },
    /// A field that must be base64 is not.
    #[error("{document} has a `{field}` that is not base64")]
    Base64 {
        /// Which document.
        document: &'static str,
        /// Which field.
        field: &'static str,
    },
    /// The envelope does not have exactly one signature, which Sigstore's verifiers demand.
    #[error("DSSE envelope has {count} signatures instead of one")]
    SignatureCount {
        /// How many it has.
        count: usize,
    },
    /// The bundle is of a version other than 0.3.
    #[error("Sigstore bundle is of type `{media_type}`, only version 0.3 is read")]
    BundleVersion {
        /// The type it names.
        media_type: String,
    },
    /// The bundle holds something other than a DSSE envelope.
    #[error("Sigstore bundle holds no DSSE envelope")]
    NoEnvelope,
    /// The bundle names neither a public key nor a certificate.
    #[error("Sigstore bundle names neither a public key nor a certificate")]
    NoKeyMaterial,
    /// The statement is of a version that this program does not know.
    #[error("in-toto statement is of type `{kind}`, expected {STATEMENT_V1}")]
    StatementVersion {
        /// The type it names.
        kind: String,
    },
}

/// Decodes standard base64, or URL-safe base64 as the DSSE protocol allows on input.
fn decode(
    text: &str,
    document: &'static str,
    field: &'static str,
) -> Result<Vec<u8>, EnvelopeError> {
    STANDARD
        .decode(text)
        .or_else(|_not_standard| URL_SAFE.decode(text))
        .map_err(|_neither| EnvelopeError::Base64 { document, field })
}

/// Reads JSON, refusing a key given twice: two readers must never see two documents in one text.
fn read<T: serde::de::DeserializeOwned>(
    bytes: &[u8],
    document: &'static str,
) -> Result<T, EnvelopeError> {
    let unreadable = |error: serde_json::Error| EnvelopeError::Unreadable {
        document,
        detail: error.to_string(),
    };
    serde_json::from_slice::<UniqueKeys>(bytes).map_err(unreadable)?;
    serde_json::from_slice(bytes).map_err(unreadable)
}
