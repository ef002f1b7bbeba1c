//! Attesting: a signed statement about an image, as Sigstore bundle and behind the `.att` tag.
//!
//! What may be stated is decided by the callers. A bundle by a key is, to cosign 2.6.3 and later,
//! a signature by that key whatever it says: so none is written beside an image that the key has
//! not signed, unless that is asked for.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use super::attach::{Beside, Fate, Layer, Layout, Stored, encoding};
use super::predicate::Predicate;
use super::{DSSE, LARGEST_SIGNATURE, SIGNATURE_ANNOTATION, SignaturesError, found};
use crate::formats::envelope::{Bundle, Envelope, STATEMENT_V1};
use crate::model::oci::Descriptor;
use crate::model::{Digest, Repository};
use crate::registry::{Client, RegistryError};
use crate::signing::{
    PublicKey, SIGN_PREDICATE, Signer, check_bundle, signed_envelope, verify_envelope,
};

/// Kyverno refuses an image with more referrers than this, whatever they are.
const KYVERNO_REFERRERS: usize = 50;
/// A bundle up to this size, in bytes, can be a signature; others are read only to be compared.
const SMALL: u64 = 16 * 1024;
/// The most layers of an `.att` manifest that are compared with a new one.
const MOST_COMPARED: usize = 50;

/// How a statement is stored.
#[derive(Clone, Debug)]
pub struct AttestOptions {
    /// The time that the stored artifact claims to be made at.
    pub created: DateTime<Utc>,
    /// The formats; none: both where the key has signed the image already, else only the `.att`
    /// tag, which no verifier takes for a signature of the image.
    pub layout: Option<Layout>,
}

/// What attesting did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttestOutcome {
    /// The repository.
    pub docker_reference: String,
    /// The image.
    pub digest: Digest,
    /// What is said, by type.
    pub predicate_type: String,
    /// The key.
    pub key_fingerprint: Digest,
    /// The Sigstore bundle; none where none was written.
    pub bundle: Option<Stored>,
    /// The layer behind the `.att` tag; none where none was written.
    pub legacy: Option<Stored>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// The statement as it is signed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: [Subject<'a>; 1],
    predicate_type: &'a str,
    predicate: &'a RawValue,
}

#[derive(Serialize)]
struct Subject<'a> {
    name: String,
    digest: BTreeMap<&'a str, &'a str>,
}

/// Signs `predicate` about the manifest that `subject` describes, which must be in `repository`,
/// and puts it beside. Statements of others stay; an equal one by the same key is not written
/// twice.
///
/// # Errors
/// When the signer or the registry refuses, a tag is in use for something else, or a statement
/// that was written is not there afterwards.
pub async fn attest(
    client: &Client,
    repository: &Repository,
    subject: &Descriptor,
    signer: &Signer,
    predicate: &Predicate,
    options: &AttestOptions,
) -> Result<AttestOutcome, SignaturesError> {
    let statement = Statement {
        kind: STATEMENT_V1,
        subject: [Subject {
            name: repository.to_string(),
            digest: BTreeMap::from([(subject.digest.algorithm().as_str(), subject.digest.hex())]),
        }],
        predicate_type: &predicate.kind,
        predicate: &predicate.content,
    };
    let text = serde_json::to_vec(&statement).map_err(encoding("the in-toto statement"))?;
    let mut work = Work {
        beside: Beside {
            client,
            repository,
            subject,
        },
        signer,
        text: &text,
        envelope: None,
        warnings: Vec::new(),
    };
    let seen = work.bundles().await?;
    let layout = options.layout.unwrap_or(if seen.is_signed {
        Layout::Both
    } else {
        Layout::Legacy
    });
    work.warn(layout, options.layout.is_some(), &seen);
    let mut bundle = None;
    if layout.has_bundle() {
        bundle = Some(work.bundle(seen.equal, predicate, options.created).await?);
    }
    let mut legacy = None;
    if layout.has_legacy() {
        let found = bundle.as_ref().is_some_and(|it| it.fate != Fate::Unlisted);
        legacy = Some(work.legacy(found, predicate).await?);
    }
    Ok(AttestOutcome {
        docker_reference: repository.to_string(),
        digest: subject.digest.clone(),
        predicate_type: predicate.kind.clone(),
        key_fingerprint: signer.public_key().fingerprint().clone(),
        bundle,
        legacy,
        warnings: work.warnings,
    })
}

/// What the bundles beside an image say.
struct Seen {
    /// Where an equal statement by the key is.
    equal: Option<Digest>,
    /// Whether the key has signed the image with a bundle.
    is_signed: bool,
    referrers: usize,
}

struct Work<'a> {
    beside: Beside<'a>,
    signer: &'a Signer,
    text: &'a [u8],
    /// Signed once, and only where it has to be written.
    envelope: Option<Envelope>,
    warnings: Vec<String>,
}

impl Work<'_> {
    fn key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn warn(&mut self, layout: Layout, is_asked: bool, seen: &Seen) {
        if !seen.is_signed && layout.has_bundle() {
            self.warnings.push(
                "the key has not signed this image: cosign 2.6.3 and later take the new bundle for a signature by the key, whatever it says".to_owned(),
            );
        } else if !seen.is_signed && !is_asked {
            self.warnings.push(
                "the key has not signed this image, so only the .att tag is written: cosign takes a bundle by the key for a signature, whatever it says (`--layout both` writes one all the same)".to_owned(),
            );
        }
        if layout.has_bundle() && seen.equal.is_none() && seen.referrers >= KYVERNO_REFERRERS {
            self.warnings.push(format!(
                "the image has more than {KYVERNO_REFERRERS} referrers now: Kyverno refuses such an image"
            ));
        }
    }

    /// Reads the bundles that can matter: small ones, which a signature is, and those about as large
    /// as the statement. Attested documents are megabytes each.
    async fn bundles(&self) -> Result<Seen, SignaturesError> {
        let Beside {
            client,
            repository,
            subject,
        } = self.beside;
        let referrers = found::referrers(client, repository, &subject.digest).await?;
        let mut seen = Seen {
            equal: None,
            is_signed: false,
            referrers: referrers.list.len(),
        };
        for referrer in &referrers.list {
            let Some(layer) = referrer.bundle_layer() else {
                continue;
            };
            if layer.size > SMALL && !self.is_as_large(layer) {
                continue;
            }
            let Some(content) = self.read(layer).await? else {
                continue;
            };
            let keys = std::slice::from_ref(self.key());
            let Ok(valid) = check_bundle(&subject.digest, &content, keys) else {
                continue;
            };
            seen.is_signed |= valid.statement.predicate_type == SIGN_PREDICATE;
            let is_equal = Bundle::parse(&content).is_ok_and(|it| it.envelope.payload == self.text);
            if is_equal {
                seen.equal = Some(referrer.listed.digest.clone());
            }
        }
        Ok(seen)
    }

    /// Returns whether a blob is about as large as the signed statement: its base64 and little else.
    fn is_as_large(&self, blob: &Descriptor) -> bool {
        let base64 = (self.text.len() as u64).div_ceil(3) * 4;
        (base64..base64 + SMALL).contains(&blob.size)
    }

    /// Reads a blob; none where it is gone or not what its descriptor says.
    async fn read(&self, blob: &Descriptor) -> Result<Option<Bytes>, SignaturesError> {
        let Beside {
            client, repository, ..
        } = self.beside;
        match client.blob(repository, blob, LARGEST_SIGNATURE).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(
                RegistryError::NotFound { .. }
                | RegistryError::Mismatch { .. }
                | RegistryError::TooLarge { .. },
            ) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn envelope(&mut self) -> Result<Envelope, SignaturesError> {
        if let Some(envelope) = &self.envelope {
            return Ok(envelope.clone());
        }
        let envelope = signed_envelope(self.signer, self.text).await?;
        self.envelope = Some(envelope.clone());
        Ok(envelope)
    }

    async fn bundle(
        &mut self,
        equal: Option<Digest>,
        predicate: &Predicate,
        created: DateTime<Utc>,
    ) -> Result<Stored, SignaturesError> {
        if let Some(digest) = equal {
            let fate = Fate::Existed;
            return Ok(Stored { digest, fate });
        }
        let envelope = self.envelope().await?;
        let bundle = Bundle::write(&envelope, &self.key().hint());
        let bundle = Bytes::from(bundle.map_err(encoding("the Sigstore bundle"))?);
        let (stored, unlisted) = self
            .beside
            .put_bundle(bundle, &predicate.kind, created)
            .await?;
        let (digest, fate) = match self.bundles().await?.equal {
            Some(digest) => (digest, Fate::Written),
            None if unlisted.is_empty() => {
                return Err(self.beside.not_confirmed("the Sigstore bundle"));
            }
            None => (stored, Fate::Unlisted),
        };
        self.warnings.extend(unlisted);
        Ok(Stored { digest, fate })
    }

    async fn legacy(
        &mut self,
        bundle_is_found: bool,
        predicate: &Predicate,
    ) -> Result<Stored, SignaturesError> {
        if let Some((raw, view)) = self.beside.companion("att", DSSE).await?
            && self.is_among(&view.layers).await?
        {
            let (digest, fate) = (raw.digest, Fate::Existed);
            return Ok(Stored { digest, fate });
        }
        let envelope = self.envelope().await?;
        let envelope = envelope.to_json().map_err(encoding("the DSSE envelope"))?;
        let layer = Layer {
            ending: "att",
            media_type: DSSE,
            content: Bytes::from(envelope),
            annotations: BTreeMap::from([
                (SIGNATURE_ANNOTATION, String::new()),
                ("predicateType", predicate.kind.clone()),
            ]),
        };
        let digest = Digest::of(&layer.content);
        let is_ours = |listed: &Descriptor| listed.digest == digest;
        let mut warnings = Vec::new();
        let stored = self
            .beside
            .add_layer(&layer, is_ours, bundle_is_found, &mut warnings)
            .await?;
        self.warnings.extend(warnings);
        Ok(stored)
    }

    /// Returns whether one of the layers is an equal statement by the key.
    async fn is_among(&self, layers: &[Descriptor]) -> Result<bool, SignaturesError> {
        let may_be = |layer: &&Descriptor| self.is_as_large(layer);
        for layer in layers.iter().filter(may_be).take(MOST_COMPARED) {
            let Some(envelope) = self.read(layer).await? else {
                continue;
            };
            let is_equal = verify_envelope(&envelope, self.key()).is_ok()
                && Envelope::parse(&envelope).is_ok_and(|it| it.payload == self.text);
            if is_equal {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
