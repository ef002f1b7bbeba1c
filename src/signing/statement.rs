//! Signed in-toto statements: made and verified as DSSE envelopes.
//!
//! What a predicate means is decided by who asks for it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::check::{Refusal, SIGN_PREDICATE, open_envelope};
use super::{PublicKey, Signer, SigningError};
use crate::formats::envelope::{
    Bundle, Envelope, IN_TOTO_PAYLOAD, Statement, pre_authentication_encoding,
};
use crate::model::Digest;

fn encoding(what: &'static str) -> impl Fn(serde_json::Error) -> SigningError {
    move |error| SigningError::Encoding {
        what,
        detail: error.to_string(),
    }
}

/// Signs the JSON text of an in-toto statement; returns the DSSE envelope.
///
/// # Errors
/// When the signer refuses.
pub async fn sign_statement(signer: &Signer, statement: &[u8]) -> Result<Vec<u8>, SigningError> {
    let envelope = signed_envelope(signer, statement).await?;
    envelope.to_json().map_err(encoding("the DSSE envelope"))
}

/// Signs the JSON text of an in-toto statement; returns the Sigstore bundle around it.
///
/// # Errors
/// When the signer refuses.
pub async fn bundle_of(signer: &Signer, statement: &[u8]) -> Result<Vec<u8>, SigningError> {
    let envelope = signed_envelope(signer, statement).await?;
    let hint = signer.public_key().hint();
    Bundle::write(&envelope, &hint).map_err(encoding("the Sigstore bundle"))
}

/// Signs the JSON text of an in-toto statement.
///
/// # Errors
/// When the signer refuses.
pub async fn signed_envelope(signer: &Signer, statement: &[u8]) -> Result<Envelope, SigningError> {
    let message = pre_authentication_encoding(IN_TOTO_PAYLOAD, statement);
    Ok(Envelope {
        payload_type: IN_TOTO_PAYLOAD.to_owned(),
        payload: statement.to_vec(),
        signature: signer.sign(&message).await?,
    })
}

/// Returns the statement that is a container signature: nothing but the digest is said, and
/// annotations stand beside it.
///
/// # Errors
/// Never for values in memory; the JSON writer's error is passed on all the same.
pub fn container_signature(
    image: &Digest,
    annotations: &BTreeMap<String, String>,
) -> Result<Vec<u8>, SigningError> {
    let mut statement = Statement::about(image, SIGN_PREDICATE, json!({}));
    for subject in &mut statement.subject {
        subject.annotations = annotations
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect();
    }
    statement
        .to_json()
        .map_err(encoding("the in-toto statement"))
}

/// Verifies a DSSE envelope and returns the statement inside. The subject and the predicate are
/// still the caller's to check.
///
/// # Errors
/// When the envelope cannot be read, its payload is no in-toto statement, or the signature is not
/// the key's.
pub fn verify_envelope(envelope: &[u8], key: &PublicKey) -> Result<Statement, Refusal> {
    verify_envelope_by(envelope, std::slice::from_ref(key))
        .map(|(_fingerprint, statement)| statement)
}

/// Verifies a DSSE envelope against several keys; returns the fingerprint of the one that made the
/// signature, and the statement inside.
///
/// # Errors
/// As [`verify_envelope`], of all the keys.
pub fn verify_envelope_by(
    envelope: &[u8],
    keys: &[PublicKey],
) -> Result<(Digest, Statement), Refusal> {
    open_envelope(&Envelope::parse(envelope)?, keys)
}
