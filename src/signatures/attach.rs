//! Putting signed documents beside an image: as referrers, and as layers behind cosign's tags.
//!
//! Nothing of others is removed. What the documents say, and whether an equal one is there
//! already, is asked by `sign` and `attest`.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    CONTENT_ANNOTATION, CREATED_ANNOTATION, PREDICATE_ANNOTATION, SignaturesError, companion_tag,
};
use crate::model::oci::{Descriptor, Manifest, ManifestKind, RawManifest, media_type};
use crate::model::{Digest, Repository};
use crate::registry::{Client, RegistryError};

/// How often a companion tag is read and written before giving up on a race with other signers.
const ATTEMPTS: usize = 6;

/// In which of cosign's formats something is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Both: each has readers that know only the one.
    #[default]
    Both,
    /// A Sigstore bundle that refers to the image.
    Bundle,
    /// A layer behind cosign's `.sig` or `.att` tag.
    Legacy,
}

impl Layout {
    /// Returns whether a bundle is written.
    #[must_use]
    pub fn has_bundle(self) -> bool {
        self != Self::Legacy
    }

    /// Returns whether a layer behind a tag is written.
    #[must_use]
    pub fn has_legacy(self) -> bool {
        self != Self::Bundle
    }
}

/// Whether something had to be written.
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

/// Where something is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// The digest of the manifest that holds it.
    pub digest: Digest,
    /// Whether it had to be written.
    pub fate: Fate,
}

/// An image in a repository, to put something beside.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) client: &'a Client,
    pub(super) repository: &'a Repository,
    pub(super) subject: &'a Descriptor,
}

/// A layer for one of cosign's tags.
pub(super) struct Layer {
    /// `sig` or `att`.
    pub(super) ending: &'static str,
    pub(super) media_type: &'static str,
    pub(super) content: Bytes,
    pub(super) annotations: BTreeMap<&'static str, String>,
}

impl Beside<'_> {
    pub(super) fn not_confirmed(&self, what: &str) -> SignaturesError {
        SignaturesError::NotConfirmed {
            what: what.to_owned(),
            repository: self.repository.to_string(),
        }
    }

    /// Stores a bundle and lists it; returns the digest of its manifest, and warnings where it
    /// could not be listed.
    pub(super) async fn put_bundle(
        &self,
        bundle: Bytes,
        predicate_type: &str,
        created: DateTime<Utc>,
    ) -> Result<(Digest, Vec<String>), SignaturesError> {
        let empty = Bytes::from_static(b"{}");
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "artifactType": media_type::BUNDLE,
            "config": described(media_type::EMPTY, &empty),
            "layers": [described(media_type::BUNDLE, &bundle)],
            "subject": {
                "mediaType": self.subject.media_type,
                "digest": self.subject.digest,
                "size": self.subject.size,
            },
            "annotations": {
                CONTENT_ANNOTATION: "dsse-envelope",
                PREDICATE_ANNOTATION: predicate_type,
                CREATED_ANNOTATION: created.to_rfc3339_opts(SecondsFormat::Secs, true),
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
        Ok((manifest.digest, warnings))
    }

    /// Returns the manifest behind a companion tag, and what it holds; none where there is none.
    pub(super) async fn companion(
        &self,
        ending: &str,
        layers: &str,
    ) -> Result<Option<(RawManifest, Manifest)>, SignaturesError> {
        let tag = companion_tag(&self.subject.digest, ending);
        let Some(raw) = self.client.find_manifest(self.repository, &tag).await? else {
            return Ok(None);
        };
        let unexpected = |found: &str| SignaturesError::UnexpectedTag {
            repository: self.repository.to_string(),
            tag: tag.clone(),
            found: found.to_owned(),
        };
        match raw.parse()? {
            ManifestKind::Index(_) => Err(unexpected("an index")),
            ManifestKind::Manifest(manifest) => {
                if manifest.layers.iter().all(|it| it.media_type == layers) {
                    Ok(Some((raw, manifest)))
                } else {
                    Err(unexpected("an image or artifact"))
                }
            }
        }
    }

    /// Reads, appends, writes and reads again until the layer is there, as `is_there` says. The
    /// distribution API has no conditional write: a change between the two reads is seen, one
    /// within the last request is not. Where the registry refuses to change the tag, a bundle that
    /// can be found is enough.
    pub(super) async fn add_layer(
        &self,
        layer: &Layer,
        is_there: impl Fn(&Descriptor) -> bool,
        bundle_is_found: bool,
        warnings: &mut Vec<String>,
    ) -> Result<Stored, SignaturesError> {
        let tag = companion_tag(&self.subject.digest, layer.ending);
        let mut fate = Fate::Existed;
        for _attempt in 0..ATTEMPTS {
            let current = self.companion(layer.ending, layer.media_type).await?;
            if let Some((raw, view)) = &current
                && view.layers.iter().any(&is_there)
            {
                let digest = raw.digest.clone();
                return Ok(Stored { digest, fate });
            }
            let (next, config) = appended(current.as_ref(), layer)?;
            let content = layer.content.clone();
            self.client.put_blob(self.repository, content).await?;
            self.client.put_blob(self.repository, config).await?;
            let now = self.client.head_manifest(self.repository, &tag).await?;
            let before = current.map(|(raw, _)| raw.digest);
            if now.map(|now| now.digest) != before {
                continue;
            }
            let put = self.client.put_manifest(self.repository, &tag, &next).await;
            match (put, before) {
                (Err(RegistryError::Immutable { what, detail }), Some(digest))
                    if bundle_is_found =>
                {
                    warnings.push(format!(
                        "{what} cannot be changed ({detail}), so cosign before 2.6.3 and verifiers that read only this tag will not find what was added; the bundle holds it"
                    ));
                    let fate = Fate::Immutable;
                    return Ok(Stored { digest, fate });
                }
                (put, _) => put?,
            }
            fate = Fate::Written;
        }
        Err(self.not_confirmed(&format!("the layer behind tag {tag}")))
    }
}

pub(super) fn encoding(what: &'static str) -> impl Fn(serde_json::Error) -> SignaturesError {
    move |error| SignaturesError::Encoding {
        what,
        detail: error.to_string(),
    }
}

/// A descriptor as JSON, for manifests that are written here.
fn described(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len()})
}

/// Returns the manifest with the layer added, and its configuration. What others wrote is kept as
/// it is, unknown fields included; only the list of layers and the configuration that repeats it
/// are ours.
fn appended(
    current: Option<&(RawManifest, Manifest)>,
    layer: &Layer,
) -> Result<(RawManifest, Bytes), SignaturesError> {
    let mut entry = described(layer.media_type, &layer.content);
    let mut document = match current {
        Some((raw, _)) => serde_json::from_slice(&raw.bytes).map_err(encoding("the manifest"))?,
        None => json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "layers": [],
        }),
    };
    let mut digests: Vec<Digest> = current
        .iter()
        .flat_map(|(_, manifest)| &manifest.layers)
        .map(|layer| layer.digest.clone())
        .collect();
    digests.push(Digest::of(&layer.content));
    let config = configuration(&digests).map_err(encoding("the configuration"))?;
    let config_type = current.map_or(media_type::OCI_CONFIG, |(_, view)| &view.config.media_type);
    if let Some(fields) = entry.as_object_mut() {
        fields.insert("annotations".to_owned(), json!(layer.annotations));
    }
    if let Some(fields) = document.as_object_mut() {
        fields.insert("config".to_owned(), described(config_type, &config));
        if let Some(layers) = fields.get_mut("layers").and_then(Value::as_array_mut) {
            layers.push(entry);
        }
    }
    let bytes = serde_json::to_vec(&document).map_err(encoding("the manifest"))?;
    let media_type = current.map_or(media_type::OCI_MANIFEST, |(raw, _)| &raw.media_type);
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
