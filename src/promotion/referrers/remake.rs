//! Attestations of the source that a trusted key signed: what they say is kept, and said again by
//! our own key.
//!
//! What no trusted key signed is never said again.

use crate::formats::envelope::Statement;
use crate::model::oci::Descriptor;
use crate::model::{Digest, Repository};
use crate::registry::Client;
use crate::signing::{
    APPROVAL_PREDICATE, PublicKey, SIGN_PREDICATE, check_bundle, verify_envelope_by,
};

use super::{Attached, ENVELOPE, plain, subject};

/// The largest bundle or envelope that is read, in bytes.
const LARGEST: u64 = 10 << 20;

/// The most envelopes of one tag that are looked at.
const ENVELOPES: usize = 100;

/// How the media type of a Sigstore bundle begins, whatever its version.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";

/// Returns what an attachment says, if one of `keys` signed it.
///
/// # Errors
/// The reason why it is not said again.
pub(super) async fn statements(
    from: (&Client, &Repository),
    one: &Attached,
    keys: &[PublicKey],
) -> Result<Vec<Statement>, String> {
    let ending = one.tag.as_deref().and_then(|tag| tag.rsplit_once('.'));
    if let Some((_, "sig")) = ending {
        return Err("a signature: ours is made in its place".to_owned());
    }
    let (client, repository) = from;
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let raw = client
        .manifest(repository, &one.digest.to_string())
        .await
        .map_err(|error| text(&error))?;
    if one.tag.is_none() && subject(&raw).ok().flatten().as_ref() != Some(&one.about) {
        return Err("it does not refer to this image".to_owned());
    }
    let document = plain(&raw).map_err(|error| text(&error))?;
    let layers = document.map(|it| it.layers).unwrap_or_default();
    let is_signed = |layer: &Descriptor| match one.tag {
        None => layer.media_type.starts_with(BUNDLE),
        Some(_) => layer.media_type == ENVELOPE,
    };
    let mut found = Vec::new();
    let mut reason = "nothing in it is signed".to_owned();
    for layer in layers
        .iter()
        .filter(|layer| is_signed(layer))
        .take(ENVELOPES)
    {
        if keys.is_empty() {
            return Err("the policy names no trusted key to verify it with".to_owned());
        }
        let bytes = match client.blob(repository, layer, LARGEST).await {
            Ok(bytes) => bytes,
            Err(error) => {
                reason = error.to_string();
                continue;
            }
        };
        match verified(&one.about, &bytes, one.tag.is_some(), keys) {
            Ok(statement) => found.push(statement),
            Err(why) => reason = why,
        }
    }
    if found.is_empty() {
        Err(reason)
    } else {
        Ok(found)
    }
}

fn verified(
    about: &Digest,
    bytes: &[u8],
    is_envelope: bool,
    keys: &[PublicKey],
) -> Result<Statement, String> {
    let statement = if is_envelope {
        let checked = verify_envelope_by(bytes, keys).map_err(|refusal| refusal.to_string())?;
        checked.1
    } else {
        let checked = check_bundle(about, bytes, keys).map_err(|refusal| refusal.to_string())?;
        checked.statement
    };
    if statement.subject_with(about).is_none() {
        return Err("it is about another image".to_owned());
    }
    match statement.predicate_type.as_str() {
        SIGN_PREDICATE => Err("a signature: ours is made in its place".to_owned()),
        APPROVAL_PREDICATE => {
            Err("an approval: it stands in the ledger of its reviewer".to_owned())
        }
        _ => Ok(statement),
    }
}
