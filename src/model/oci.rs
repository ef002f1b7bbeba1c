//! OCI and Docker image documents: media types, descriptors, manifests, indexes, configuration.
//!
//! These are read-only views. The bytes of a manifest are never made from them again: what is
//! copied, hashed and signed is always the text the registry gave.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Digest, Platform};
use crate::text::secret;

/// Media types of the OCI image specification 1.1 and of Docker's schema 2.
pub mod media_type {
    /// An OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// A Docker image manifest, version 2, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// A Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// An OCI image configuration.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// The empty JSON object that artifacts use as configuration.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// A Sigstore bundle, version 0.3.
    pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
    /// A simple-signing payload as cosign stores it.
    pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

    /// Returns whether `media_type` names an index or a manifest list.
    #[must_use]
    pub fn is_index(media_type: &str) -> bool {
        matches!(media_type, OCI_INDEX | DOCKER_LIST)
    }
}

/// A content descriptor (image specification, `descriptor.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type of what is described.
    pub media_type: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The platform, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The artifact type, in a referrers list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Places outside the registry (foreign layers).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Free annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Returns whether this is a layer that registries do not keep: it lives where its `urls` say.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        !self.urls.is_empty()
            && (self.media_type.contains(".foreign.")
                || self.media_type.contains("nondistributable"))
    }

    /// Returns whether this index entry is a builder's attestation and nothing that runs.
    #[must_use]
    pub fn is_attestation(&self) -> bool {
        let kind = self.annotations.get("vnd.docker.reference.type");
        kind.is_some_and(|kind| kind == "attestation-manifest")
            || self.platform.as_ref().is_some_and(|platform| {
                platform.os == "unknown" && platform.architecture == "unknown"
            })
    }
}

/// An image manifest, or an artifact stored as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// The media type the manifest gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The artifact type, for anything that is not an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration blob.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// The manifest this one refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Free annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An image index or manifest list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// The media type the index gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The artifact type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifests, one a platform or artifact.
    pub manifests: Vec<Descriptor>,
    /// The manifest this index refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Free annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What a manifest document holds, told apart by shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// One image or artifact.
    Manifest(Manifest),
    /// A list of manifests.
    Index(Index),
}

/// A manifest exactly as a registry or layout stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawManifest {
    /// The bytes, never re-serialised.
    pub bytes: bytes::Bytes,
    /// The media type (Content-Type without parameters).
    pub media_type: String,
    /// The SHA-256 of the bytes.
    pub digest: Digest,
}

/// A manifest that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON of the expected shape.
    #[error("manifest {digest} cannot be read: {detail}")]
    Unreadable {
        /// The digest of the document.
        digest: Digest,
        /// What the parser said.
        detail: String,
    },
    /// Both an image and an index (GHSA-qq97-vm5h-rrhg), or a media type that contradicts itself.
    #[error("manifest {digest} is ambiguous: {detail}")]
    Ambiguous {
        /// The digest of the document.
        digest: Digest,
        /// The contradiction.
        detail: String,
    },
    /// Docker schema 1.
    #[error("manifest {digest} is Docker schema 1, which cannot be promoted by digest")]
    Schema1 {
        /// The digest of the document.
        digest: Digest,
    },
}

impl RawManifest {
    /// Builds one from bytes and media type; the digest is computed.
    #[must_use]
    pub fn new(bytes: bytes::Bytes, media_type: String) -> Self {
        let digest = Digest::of(&bytes);
        Self {
            bytes,
            media_type,
            digest,
        }
    }

    /// Returns the typed view.
    ///
    /// # Errors
    /// When the document is not JSON, is schema 1, has both `manifests` and `layers` or `config`,
    /// or names a media type other than the one it was served with.
    pub fn parse(&self) -> Result<ManifestKind, ManifestError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Shape {
            schema_version: Option<u32>,
            media_type: Option<String>,
            manifests: Option<serde::de::IgnoredAny>,
            layers: Option<serde::de::IgnoredAny>,
            config: Option<serde::de::IgnoredAny>,
        }
        let digest = || self.digest.clone();
        let unreadable = |error: serde_json::Error| ManifestError::Unreadable {
            digest: digest(),
            detail: error.to_string(),
        };
        let shape: Shape = serde_json::from_slice(&self.bytes).map_err(unreadable)?;
        if shape.schema_version == Some(1) {
            return Err(ManifestError::Schema1 { digest: digest() });
        }
        if shape.manifests.is_some() && (shape.layers.is_some() || shape.config.is_some()) {
            let detail = "it has both `manifests` and `layers` or `config`".to_owned();
            return Err(ManifestError::Ambiguous {
                digest: digest(),
                detail,
            });
        }
        if let Some(inner) = shape.media_type.filter(|inner| *inner != self.media_type) {
            let detail = format!("it says `{inner}` and was served as `{}`", self.media_type);
            return Err(ManifestError::Ambiguous {
                digest: digest(),
                detail,
            });
        }
        if shape.manifests.is_some() {
            return Ok(ManifestKind::Index(
                serde_json::from_slice(&self.bytes).map_err(unreadable)?,
            ));
        }
        Ok(ManifestKind::Manifest(
            serde_json::from_slice(&self.bytes).map_err(unreadable)?,
        ))
    }

    /// Returns a descriptor of this manifest.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.media_type.clone(),
            digest: self.digest.clone(),
            size: self.bytes.len() as u64,
            platform: None,
            artifact_type: None,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
        }
    }
}

/// Reads `null` as the default: scanners write it for what is empty.
fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The parts of an image configuration that this program reads (image specification, `config.md`).
///
/// Whoever reads one calls [`ImageConfig::masked`] before keeping it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// When the image was made, RFC 3339.
    pub created: Option<String>,
    /// CPU architecture.
    pub architecture: String,
    /// Operating system.
    pub os: String,
    /// CPU variant.
    pub variant: Option<String>,
    /// Execution parameters.
    #[serde(deserialize_with = "nullable")]
    pub config: Execution,
    /// The layers' uncompressed digests.
    #[serde(deserialize_with = "nullable")]
    pub rootfs: RootFs,
    /// How each layer was made.
    #[serde(deserialize_with = "nullable")]
    pub history: Vec<History>,
}

/// The execution parameters of an image configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Execution {
    /// The user the process runs as; empty is root.
    pub user: String,
    /// `NAME=value` pairs.
    pub env: Option<Vec<String>>,
    /// Ports, such as `80/tcp`.
    pub exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    /// The command.
    pub cmd: Option<Vec<String>>,
    /// The entry point.
    pub entrypoint: Option<Vec<String>>,
    /// Free labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// The health check, an extension of Docker.
    pub healthcheck: Option<Healthcheck>,
    /// Folders that are volumes.
    pub volumes: Option<BTreeMap<String, serde_json::Value>>,
}

/// Docker's health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Healthcheck {
    /// The command; `["NONE"]` switches an inherited one off.
    #[serde(deserialize_with = "nullable")]
    pub test: Vec<String>,
}

/// The root file system of an image configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// The uncompressed digests of the layers, lowest first.
    #[serde(deserialize_with = "nullable")]
    pub diff_ids: Vec<Digest>,
}

/// One step of an image's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct History {
    /// The command that made the layer.
    pub created_by: String,
    /// Whether the step made no layer.
    pub empty_layer: bool,
    /// A remark of the builder's; Buildah names the base image here.
    pub comment: String,
}

/// Returns how many of the lowest layers are the base image's: those before the last `CMD` that
/// another layer follows. None where no such step is there.
///
/// That is a guess, the one that Trivy makes too: most base images end with a `CMD`, and an image
/// built on one writes its own after its last layer.
#[must_use]
pub fn base_layers(history: &[History]) -> Option<usize> {
    const COMMANDS: [&str; 2] = ["/bin/sh -c #(nop)  CMD", "CMD"];
    let last_layer = history.iter().rposition(|step| !step.empty_layer)?;
    let below = history.get(..last_layer)?;
    let end = below.iter().rposition(|step| {
        let command = |prefix: &&str| step.created_by.starts_with(prefix);
        step.empty_layer && COMMANDS.iter().any(command)
    })?;
    let layers = below.iter().take(end).filter(|step| !step.empty_layer);
    Some(layers.count()).filter(|count| *count > 0)
}

impl ImageConfig {
    /// Returns how many of the lowest layers are the base image's, as [`base_layers`] guesses;
    /// none where the history does not account for the layers.
    #[must_use]
    pub fn base_layers(&self) -> Option<usize> {
        let made = self.history.iter().filter(|step| !step.empty_layer);
        (made.count() == self.rootfs.diff_ids.len()).then(|| base_layers(&self.history))?
    }

    /// Returns the configuration with every secret value masked. Nothing else of it changes, and
    /// a mask says what kind of secret stood in its place.
    #[must_use]
    pub fn masked(mut self) -> Self {
        let execution = &mut self.config;
        for pair in execution.env.iter_mut().flatten() {
            *pair = secret::mask_pair(pair);
        }
        let commands = [&mut execution.cmd, &mut execution.entrypoint];
        let health = execution.healthcheck.iter_mut();
        let health = health.map(|check| &mut check.test);
        for words in commands.into_iter().flatten().chain(health) {
            let mut before = String::new();
            for word in words {
                let masked = secret::mask_word(&before, word).into_owned();
                before = std::mem::replace(word, masked);
            }
        }
        for (name, value) in execution.labels.iter_mut().flatten() {
            *value = secret::mask_value(name, value).into_owned();
        }
        for step in &mut self.history {
            step.created_by = secret::mask_history(&step.created_by).into_owned();
            step.comment = secret::mask(&step.comment).into_owned();
        }
        self
    }

    /// Returns the platform the configuration names.
    #[must_use]
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
        }
    }
}
