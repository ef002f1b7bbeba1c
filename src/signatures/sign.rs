//! Signing an image: a Sigstore bundle as referrer, and a layer behind the `.sig` tag.
//!
//! Both are written unless one is asked for, because each has readers that know only the one.
//! Nothing of others is removed, and nothing that is there already is written twice.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::attach::{Beside, Fate, Layer, Layout, Stored, encoding};
use super::{PREDICATE_ANNOTATION, SIGNATURE_ANNOTATION, SignaturesError, found};
use crate::model::oci::{Descriptor, ManifestKind, RawManifest, media_type};
use crate::model::{Digest, Repository};
use crate::registry::Client;
use crate::signing::payload::Payload;
use crate::signing::{
    PublicKey, SIGN_PREDICATE, Signer, bundle_of, check_bundle, check_legacy, container_signature,
};

/// The most manifests of an index, nested ones included, that are signed with it.
const MOST_CHILDREN: usize = 256;

/// What a signature says besides the digest, and how it is stored.
#[derive(Clone, Debug)]
pub struct SignOptions {
    /// Claims to sign, as `cosign sign -a key=value`.
    pub annotations: BTreeMap<String, String>,
    /// The time that the stored artifact claims to be made at.
    pub created: DateTime<Utc>,
    /// The formats.
    pub layout: Layout,
}

/// What signing an image did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignOutcome {
    /// The repository that the signature names.
    pub docker_reference: String,
    /// The image.
    pub digest: Digest,
    /// The key.
    pub key_fingerprint: Digest,
    /// The Sigstore bundle; none where none was asked for.
    pub bundle: Option<Stored>,
    /// The layer behind the `.sig` tag; none where none was asked for.
    pub legacy: Option<Stored>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Signs the manifest that `subject` describes, which must be in `repository`. First the bundle is
/// written, then the `.sig` tag; both are confirmed by reading them again. Running it again adds
/// only what is missing.
///
/// # Errors
/// When the signer or the registry refuses, a tag is in use for something else, or a signature
/// that was written is not there afterwards. What was written stays and is harmless: it names
/// nothing but the digest.
pub async fn sign(
    client: &Client,
    repository: &Repository,
    subject: &Descriptor,
    signer: &Signer,
    options: &SignOptions,
) -> Result<SignOutcome, SignaturesError> {
    if options.annotations.contains_key("timestamp") {
        let key = "timestamp".to_owned();
        return Err(SignaturesError::ReservedAnnotation { key });
    }
    let work = Work {
        beside: Beside {
            client,
            repository,
            subject,
        },
        signer,
        options,
    };
    let mut warnings = Vec::new();
    let mut bundle = None;
    if options.layout.has_bundle() {
        bundle = Some(work.bundle(&mut warnings).await?);
    }
    let mut legacy = None;
    if options.layout.has_legacy() {
        let found = bundle.as_ref().is_some_and(|it| it.fate != Fate::Unlisted);
        legacy = Some(work.legacy(found, &mut warnings).await?);
    }
    Ok(SignOutcome {
        docker_reference: repository.to_string(),
        digest: subject.digest.clone(),
        key_fingerprint: signer.public_key().fingerprint().clone(),
        bundle,
        legacy,
        warnings,
    })
}

/// Returns the descriptors of an index's manifests, each once, those of nested indexes included and
/// builders' attestations left out; nothing for an image.
///
/// # Errors
/// When the registry refuses or does not answer, a nested index is damaged, or there are more
/// than 256.
pub async fn children(
    client: &Client,
    repository: &Repository,
    manifest: &RawManifest,
) -> Result<Vec<Descriptor>, SignaturesError> {
    let mut found: Vec<Descriptor> = Vec::new();
    let mut waiting = vec![manifest.clone()];
    while let Some(raw) = waiting.pop() {
        let ManifestKind::Index(index) = raw.parse()? else {
            continue;
        };
        for entry in index.manifests {
            let known = found.iter().any(|it| it.digest == entry.digest);
            if known || entry.is_attestation() || entry.digest == manifest.digest {
                continue;
            }
            if found.len() >= MOST_CHILDREN {
                return Err(SignaturesError::TooManyChildren {
                    digest: manifest.digest.clone(),
                    limit: MOST_CHILDREN,
                });
            }
            if media_type::is_index(&entry.media_type) {
                let reference = entry.digest.to_string();
                waiting.push(client.manifest(repository, &reference).await?);
            }
            found.push(entry);
        }
    }
    Ok(found)
}

struct Work<'a> {
    beside: Beside<'a>,
    signer: &'a Signer,
    options: &'a SignOptions,
}

impl Work<'_> {
    fn keys(&self) -> &[PublicKey] {
        std::slice::from_ref(self.signer.public_key())
    }

    fn image(&self) -> &Digest {
        &self.beside.subject.digest
    }

    async fn bundle(&self, warnings: &mut Vec<String>) -> Result<Stored, SignaturesError> {
        if let Some(digest) = self.equal_bundle().await? {
            let fate = Fate::Existed;
            return Ok(Stored { digest, fate });
        }
        let statement = container_signature(self.image(), &self.options.annotations)?;
        let bundle = Bytes::from(bundle_of(self.signer, &statement).await?);
        let (stored, unlisted) = self
            .beside
            .put_bundle(bundle, SIGN_PREDICATE, self.options.created)
            .await?;
        let (digest, fate) = match self.equal_bundle().await? {
            Some(digest) => (digest, Fate::Written),
            None if unlisted.is_empty() => {
                return Err(self.beside.not_confirmed("the Sigstore bundle"));
            }
            None => (stored, Fate::Unlisted),
        };
        warnings.extend(unlisted);
        Ok(Stored { digest, fate })
    }

    /// Returns where a container signature by our key with our annotations is stored.
    async fn equal_bundle(&self) -> Result<Option<Digest>, SignaturesError> {
        let (client, repository) = (self.beside.client, self.beside.repository);
        // A bundle that says to hold another statement is not read: at worst it is signed twice.
        let may_be = |listed: &Descriptor| {
            let said = listed.annotations.get(PREDICATE_ANNOTATION);
            said.is_none_or(|said| said == SIGN_PREDICATE)
        };
        let image = self.image();
        let referrers = found::referrers_where(client, repository, image, may_be).await?;
        let bundles = found::bundles(client, repository, &referrers).await?;
        let wanted = container_signature(self.image(), &self.options.annotations)?;
        Ok(bundles.into_iter().find_map(|bundle| {
            let content = bundle.content.ok()?;
            let valid = check_bundle(self.image(), &content, self.keys()).ok()?;
            let equal = valid.statement.to_json().is_ok_and(|text| text == wanted);
            equal.then_some(bundle.stored_as)
        }))
    }

    async fn legacy(
        &self,
        bundle_is_found: bool,
        warnings: &mut Vec<String>,
    ) -> Result<Stored, SignaturesError> {
        let payload = self.payload()?;
        let is_ours = |layer: &Descriptor| {
            let signature = layer.annotations.get(SIGNATURE_ANNOTATION);
            let signature = signature.map(String::as_str);
            check_legacy(
                self.image(),
                &layer.digest,
                &payload,
                signature,
                self.keys(),
            )
            .is_ok()
        };
        let companion = self.beside.companion("sig", media_type::SIMPLE_SIGNING);
        if let Some((raw, view)) = companion.await?
            && view.layers.iter().any(is_ours)
        {
            return Ok(Stored {
                digest: raw.digest,
                fate: Fate::Existed,
            });
        }
        let signature = STANDARD.encode(self.signer.sign(&payload).await?);
        let layer = Layer {
            ending: "sig",
            media_type: media_type::SIMPLE_SIGNING,
            content: payload.clone(),
            annotations: BTreeMap::from([(SIGNATURE_ANNOTATION, signature)]),
        };
        self.beside
            .add_layer(&layer, is_ours, bundle_is_found, warnings)
            .await
    }

    fn payload(&self) -> Result<Bytes, SignaturesError> {
        let optional = self
            .options
            .annotations
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect();
        Payload {
            docker_reference: self.beside.repository.to_string(),
            digest: self.image().clone(),
            optional,
        }
        .to_json()
        .map(Bytes::from)
        .map_err(encoding("the payload"))
    }
}
