//! Signing an image: a Sigstore bundle as referrer, and a layer behind the `.sig` tag.
//!
//! Both are always written, because each has readers that know only the one. Nothing of others is
//! removed, and nothing that is there already is written twice.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    CONTENT_ANNOTATION, CREATED_ANNOTATION, PREDICATE_ANNOTATION, SIGNATURE_ANNOTATION,
    SignaturesError, companion_tag, found,
};
use crate::model::oci::{Descriptor, Manifest, ManifestKind, RawManifest, media_type};
use crate::model::{Digest, Repository};
use crate::registry::{Client, RegistryError};
use crate::signing::payload::Payload;
use crate::signing::{
    PublicKey, SIGN_PREDICATE, Signer, bundle_of, check_bundle, check_legacy, container_signature,
};

/// How often the `.sig` tag is read and written before giving up on a race with other signers.
const ATTEMPTS: usize = 6;

/// What a signature says besides the digest.
#[derive(Clone, Debug)]
pub struct SignOptions {
    /// Claims to sign, as `cosign sign -a key=value`.
    pub annotations: BTreeMap<String, String>,
    /// The time that the stored artifact claims to be made at.
    pub created: DateTime<Utc>,
}

/// Whether a signature had to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It was written now.
    Written,
    /// An equal one by the same key was there.
    Existed,
    /// It was written, but what should list it is in use for something else: nobody finds it
    /// without its digest.
    Unlisted,
    /// It could not be added, because the registry lets no tag change; others' signatures stay.
    Immutable,
}

/// Where a signature is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// The digest of the manifest that holds it.
    pub digest: Digest,
    /// Whether it had to be written.
    pub fate: Fate,
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
    /// The Sigstore bundle.
    pub bundle: Stored,
    /// The layer behind the `.sig` tag.
    pub legacy: Stored,
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
        client,
        repository,
        subject,
        signer,
        options,
    };
    let (bundle, mut warnings) = work.bundle().await?;
    let legacy = work.legacy(bundle.fate, &mut warnings).await?;
    Ok(SignOutcome {
        docker_reference: repository.to_string(),
        digest: subject.digest.clone(),
        key_fingerprint: signer.public_key().fingerprint().clone(),
        bundle,
        legacy,
        warnings,
    })
}

fn encoding(what: &'static str) -> impl Fn(serde_json::Error) -> SignaturesError {
    move |error| SignaturesError::Encoding {
        what,
        detail: error.to_string(),
    }
}

/// A descriptor as JSON, for manifests that are written here.
fn described(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len()})
}

struct Work<'a> {
    client: &'a Client,
    repository: &'a Repository,
    subject: &'a Descriptor,
    signer: &'a Signer,
    options: &'a SignOptions,
}

impl Work<'_> {
    fn keys(&self) -> &[PublicKey] {
        std::slice::from_ref(self.signer.public_key())
    }

    fn not_confirmed(&self, what: &str) -> SignaturesError {
        SignaturesError::NotConfirmed {
            what: what.to_owned(),
            repository: self.repository.to_string(),
        }
    }

    async fn bundle(&self) -> Result<(Stored, Vec<String>), SignaturesError> {
        if let Some(digest) = self.equal_bundle().await? {
            let fate = Fate::Existed;
            return Ok((Stored { digest, fate }, Vec::new()));
        }
        let statement = container_signature(&self.subject.digest, &self.options.annotations)?;
        let bundle = Bytes::from(bundle_of(self.signer, &statement).await?);
        let empty = Bytes::from_static(b"{}");
        let subject = json!({
            "mediaType": self.subject.media_type,
            "digest": self.subject.digest,
            "size": self.subject.size,
        });
        let created = self
            .options
            .created
            .to_rfc3339_opts(SecondsFormat::Secs, true);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "artifactType": media_type::BUNDLE,
            "config": described(media_type::EMPTY, &empty),
            "layers": [described(media_type::BUNDLE, &bundle)],
            "subject": subject,
            "annotations": {
                CONTENT_ANNOTATION: "dsse-envelope",
                PREDICATE_ANNOTATION: SIGN_PREDICATE,
                CREATED_ANNOTATION: created,
            },
        });
        let bytes = serde_json::to_vec(&manifest).map_err(encoding("the bundle's manifest"))?;
        let manifest = RawManifest::new(bytes.into(), media_type::OCI_MANIFEST.to_owned());
        self.client.put_blob(self.repository, empty).await?;
        self.client.put_blob(self.repository, bundle).await?;
        let warnings = self
            .client
            .put_referrer(self.repository, &self.subject.digest, &manifest)
            .await?;
        let (digest, fate) = match self.equal_bundle().await? {
            Some(digest) => (digest, Fate::Written),
            None if warnings.is_empty() => {
                return Err(self.not_confirmed("the Sigstore bundle"));
            }
            None => (manifest.digest, Fate::Unlisted),
        };
        Ok((Stored { digest, fate }, warnings))
    }

    /// Returns where a container signature by our key with our annotations is stored.
    async fn equal_bundle(&self) -> Result<Option<Digest>, SignaturesError> {
        let image = &self.subject.digest;
        let referrers = found::referrers(self.client, self.repository, image).await?;
        let bundles = found::bundles(self.client, self.repository, &referrers).await?;
        let wanted = container_signature(image, &self.options.annotations)?;
        Ok(bundles.into_iter().find_map(|bundle| {
            let content = bundle.content.ok()?;
            let valid = check_bundle(image, &content, self.keys()).ok()?;
            let equal = valid.statement.to_json().is_ok_and(|text| text == wanted);
            equal.then_some(bundle.stored_as)
        }))
    }

    /// Reads, appends, writes and reads again until our layer is there. The distribution API has
    /// no conditional write: a change between the two reads is seen, one within the last request
    /// is not. Where the registry refuses to change the tag, a bundle that can be found is enough.
    async fn legacy(
        &self,
        bundle: Fate,
        warnings: &mut Vec<String>,
    ) -> Result<Stored, SignaturesError> {
        let payload = self.payload()?;
        let signature = self.signer.sign(&payload).await?;
        let tag = companion_tag(&self.subject.digest, "sig");
        let mut fate = Fate::Existed;
        for _attempt in 0..ATTEMPTS {
            let current = self.client.find_manifest(self.repository, &tag).await?;
            let view = match &current {
                None => None,
                Some(raw) => Some(self.signatures_of(&tag, raw)?),
            };
            if let (Some(raw), Some(view)) = (&current, &view)
                && self.has_equal_layer(view, &payload)
            {
                let digest = raw.digest.clone();
                return Ok(Stored { digest, fate });
            }
            let (next, config) = appended(current.as_ref(), view.as_ref(), &payload, &signature)?;
            self.client
                .put_blob(self.repository, payload.clone())
                .await?;
            self.client.put_blob(self.repository, config).await?;
            let now = self.client.head_manifest(self.repository, &tag).await?;
            if now.map(|now| now.digest) != current.as_ref().map(|raw| raw.digest.clone()) {
                continue;
            }
            let put = self.client.put_manifest(self.repository, &tag, &next).await;
            match (put, current) {
                (Err(RegistryError::Immutable { what, detail }), Some(raw))
                    if bundle != Fate::Unlisted =>
                {
                    warnings.push(format!(
                        "{what} cannot be changed ({detail}), so cosign before 2.6.3 and verifiers that read only this tag will not find the new signature; the bundle holds it"
                    ));
                    let (digest, fate) = (raw.digest, Fate::Immutable);
                    return Ok(Stored { digest, fate });
                }
                (put, _) => put?,
            }
            fate = Fate::Written;
        }
        Err(self.not_confirmed(&format!("the signature behind tag {tag}")))
    }

    fn payload(&self) -> Result<Bytes, SignaturesError> {
        let optional = self
            .options
            .annotations
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect();
        Payload {
            docker_reference: self.repository.to_string(),
            digest: self.subject.digest.clone(),
            optional,
        }
        .to_json()
        .map(Bytes::from)
        .map_err(encoding("the payload"))
    }

    /// Returns the manifest behind the tag if it is one that holds signatures.
    fn signatures_of(&self, tag: &str, raw: &RawManifest) -> Result<Manifest, SignaturesError> {
        let unexpected = |found: &str| SignaturesError::UnexpectedTag {
            repository: self.repository.to_string(),
            tag: tag.to_owned(),
            found: found.to_owned(),
        };
        match raw.parse()? {
            ManifestKind::Index(_) => Err(unexpected("an index")),
            ManifestKind::Manifest(manifest) => {
                let signs = |layer: &Descriptor| layer.media_type == media_type::SIMPLE_SIGNING;
                if manifest.layers.iter().all(signs) {
                    Ok(manifest)
                } else {
                    Err(unexpected("an image or artifact"))
                }
            }
        }
    }

    /// Returns whether a layer has exactly our payload with a signature by our key.
    fn has_equal_layer(&self, manifest: &Manifest, payload: &[u8]) -> bool {
        manifest.layers.iter().any(|layer| {
            let signature = layer.annotations.get(SIGNATURE_ANNOTATION);
            let signature = signature.map(String::as_str);
            let image = &self.subject.digest;
            check_legacy(image, &layer.digest, payload, signature, self.keys()).is_ok()
        })
    }
}

/// Returns the manifest with our layer added, and its configuration. What others wrote is
/// kept as it is, unknown fields included; only the list of layers and the configuration that
/// repeats it are ours.
fn appended(
    current: Option<&RawManifest>,
    view: Option<&Manifest>,
    payload: &[u8],
    signature: &[u8],
) -> Result<(RawManifest, Bytes), SignaturesError> {
    let mut layer = described(media_type::SIMPLE_SIGNING, payload);
    let signature = STANDARD.encode(signature);
    let mut document = match current {
        Some(raw) => serde_json::from_slice(&raw.bytes).map_err(encoding("the manifest"))?,
        None => json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "layers": [],
        }),
    };
    let mut digests: Vec<Digest> = view
        .iter()
        .flat_map(|manifest| &manifest.layers)
        .map(|layer| layer.digest.clone())
        .collect();
    digests.push(Digest::of(payload));
    let config = configuration(&digests).map_err(encoding("the configuration"))?;
    let config_type = view.map_or(media_type::OCI_CONFIG, |view| &view.config.media_type);
    if let Some(fields) = layer.as_object_mut() {
        fields.insert(
            "annotations".to_owned(),
            json!({SIGNATURE_ANNOTATION: signature}),
        );
    }
    if let Some(fields) = document.as_object_mut() {
        fields.insert("config".to_owned(), described(config_type, &config));
        if let Some(layers) = fields.get_mut("layers").and_then(Value::as_array_mut) {
            layers.push(layer);
        }
    }
    let bytes = serde_json::to_vec(&document).map_err(encoding("the manifest"))?;
    let media_type = current.map_or(media_type::OCI_MANIFEST, |raw| &raw.media_type);
    let manifest = RawManifest::new(bytes.into(), media_type.to_owned());
    Ok((manifest, config))
}

/// Returns an image configuration for layers that are no file systems, as cosign writes it.
fn configuration(layers: &[Digest]) -> serde_json::Result<Bytes> {
    const NEVER: &str = "0001-01-01T00:00:00Z";
    let history: Vec<Value> = layers.iter().map(|_| json!({"created": NEVER})).collect();
    serde_json::to_vec(&json!({
        "architecture": "",
        "created": NEVER,
        "history": history,
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": layers},
        "config": {},
    }))
    .map(Bytes::from)
}
