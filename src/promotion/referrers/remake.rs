//! Attestations of the source that a trusted key signed: what they say is kept, and said again by
//! our own key.
//!
//! What no trusted key signed is never said again.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use crate::formats::envelope::Statement;
use crate::model::oci::{Descriptor, RawManifest, media_type};
use crate::model::{Digest, Repository};
use crate::registry::Client;
use crate::signing::{
    APPROVAL_PREDICATE, PublicKey, SIGN_PREDICATE, Signer, bundle_of, check_bundle,
    verify_envelope_by,
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

/// Signs the statements about `subject` with our key and puts them beside it, each once; returns
/// what became of them.
///
/// # Errors
/// The reason why they are not there.
pub(super) async fn say(
    statements: &[Statement],
    subject: &Descriptor,
    (client, repository): (&Client, &Repository),
    signer: &Signer,
    created: DateTime<Utc>,
) -> Result<&'static str, String> {
    let mut there = said(subject, (client, repository), signer).await?;
    let mut action = "there";
    for statement in statements {
        let kind = statement.predicate_type.as_str();
        let own = Statement::about(&subject.digest, kind, statement.predicate.clone());
        if there.contains(&own) {
            continue;
        }
        let text = own.to_json().map_err(|error| error.to_string())?;
        let bundle = bundle_of(signer, &text).await;
        let bundle = Bytes::from(bundle.map_err(|error| error.to_string())?);
        let empty = Bytes::from_static(b"{}");
        let manifest = manifest(kind, &empty, &bundle, subject, created);
        let put = async {
            client.put_blob(repository, empty).await?;
            client.put_blob(repository, bundle).await?;
            client
                .put_referrer(repository, &subject.digest, &manifest)
                .await
        };
        let warnings = put.await.map_err(|error| error.to_string())?;
        if let Some(warning) = warnings.into_iter().next() {
            return Err(warning);
        }
        there.push(own);
        action = "remade";
    }
    Ok(action)
}

/// Returns what our key says about the image already.
async fn said(
    subject: &Descriptor,
    (client, repository): (&Client, &Repository),
    signer: &Signer,
) -> Result<Vec<Statement>, String> {
    let listed = client.referrers(repository, &subject.digest).await;
    let keys = std::slice::from_ref(signer.public_key());
    let mut found = Vec::new();
    for entry in listed.map_err(|error| error.to_string())?.manifests {
        let one = Attached::new(&subject.digest, entry, None);
        found.extend(
            statements((client, repository), &one, keys)
                .await
                .unwrap_or_default(),
        );
    }
    Ok(found)
}

/// The manifest that a bundle is stored as.
fn manifest(
    kind: &str,
    empty: &Bytes,
    bundle: &Bytes,
    subject: &Descriptor,
    created: DateTime<Utc>,
) -> RawManifest {
    let described = |media_type: &str, bytes: &Bytes| json!({"mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len()});
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "artifactType": media_type::BUNDLE,
        "config": described(media_type::EMPTY, empty),
        "layers": [described(media_type::BUNDLE, bundle)],
        "subject": {
            "mediaType": subject.media_type,
            "digest": subject.digest,
            "size": subject.size,
        },
        "annotations": {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": kind,
            "org.opencontainers.image.created": created.to_rfc3339_opts(SecondsFormat::Secs, true),
        },
    });
    let bytes = document.to_string().into();
    RawManifest::new(bytes, media_type::OCI_MANIFEST.to_owned())
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
