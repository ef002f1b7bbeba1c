//! Everything there is to see about an image without running or unpacking it.
//!
//! Attached signatures and attestations are listed by what the registry says about them; whether
//! they are valid is another module's question.

use std::collections::BTreeMap;

use super::CONFIG_LIMIT;
use super::client::Client;
use super::error::{RegistryError, foreign};
use super::referrers::{DigestTag, Referrers, ReferrersSource};
use super::resolve::{Source, resolve};
use crate::model::oci::{Descriptor, ImageConfig, Manifest, ManifestKind, media_type};
use crate::model::{Digest, Image, Platform, Repository, Subject};
use crate::text::secret;

/// What an image consists of.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// The name, expanded.
    pub image: Image,
    /// The digest of the manifest that is shown: of the index where no platform is chosen.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// The length of the manifest itself in bytes.
    pub size: u64,
    /// The digest of the index that the manifest was chosen from, or that is shown itself.
    pub index: Option<Digest>,
    /// The entries of that index, in its order.
    pub platforms: Vec<PlatformEntry>,
    /// The artifact type, for anything that is not an image.
    pub artifact_type: Option<String>,
    /// What the manifest itself refers to.
    pub subject: Option<Descriptor>,
    /// The manifest's annotations.
    pub annotations: BTreeMap<String, String>,
    /// The configuration's descriptor; none for an index.
    pub config_descriptor: Option<Descriptor>,
    /// The configuration, its secrets masked; none for an index and for artifacts of another kind.
    pub config: Option<ImageConfig>,
    /// The layers, lowest first; empty for an index.
    pub layers: Vec<Layer>,
    /// What refers to the manifest, and to the index it was chosen from.
    pub referrers: Referrers,
    /// cosign's tags beside the image.
    pub digest_tags: Vec<DigestTag>,
    /// What was odd.
    pub warnings: Vec<String>,
}

/// One entry of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformEntry {
    /// The platform, where the entry names one.
    pub platform: Option<Platform>,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The length of the manifest in bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
    /// Whether it is a builder's attestation and nothing that runs.
    pub attestation: bool,
    /// Whether its parts are there: an archive may hold fewer platforms than its index names.
    pub present: bool,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The digest as stored.
    pub digest: Digest,
    /// The length as stored, in bytes.
    pub size: u64,
    /// The media type.
    pub media_type: String,
    /// The digest of the uncompressed layer; none where the configuration does not match.
    pub diff_id: Option<Digest>,
    /// The command that made it; none where the history does not match.
    pub created_by: Option<String>,
}

/// Reads what there is to see about an image. Where it is an index and no platform is asked for,
/// the platform is chosen if there is only one; else the index itself is shown.
///
/// # Errors
/// When the image or the platform does not exist, a document is damaged or too large, or the
/// registry refuses or does not answer. What is attached and cannot be listed is a warning.
pub async fn inspect(
    client: &Client,
    image: &Image,
    platform: Option<&Platform>,
) -> Result<Inspection, RegistryError> {
    let mut resolved = resolve(client, image).await?;
    let mut index = None;
    let mut platforms = Vec::new();
    if let ManifestKind::Index(document) = resolved.manifest.parse()? {
        index = Some(resolved.manifest.digest.clone());
        platforms = document.manifests.iter().map(entry).collect();
        if let Source::Layout(layout) = &resolved.source {
            for (entry, descriptor) in platforms.iter_mut().zip(&document.manifests) {
                entry.present = layout.is_whole(descriptor).await?;
            }
        }
        let only = match platforms
            .iter()
            .filter(|entry| !entry.attestation && entry.present)
            .collect::<Vec<_>>()
            .as_slice()
        {
            [only] => only.platform.clone(),
            _ => None,
        };
        if let Some(platform) = platform.or(only.as_ref()) {
            resolved = resolved.choose(platform).await?;
        }
    }
    let manifest = &resolved.manifest;
    let mut inspection = Inspection {
        image: image.clone(),
        digest: manifest.digest.clone(),
        media_type: manifest.media_type.clone(),
        size: manifest.bytes.len() as u64,
        index,
        platforms,
        artifact_type: None,
        subject: None,
        annotations: BTreeMap::new(),
        config_descriptor: None,
        config: None,
        layers: Vec::new(),
        referrers: Referrers {
            manifests: Vec::new(),
            listed_by: ReferrersSource::None,
            warnings: Vec::new(),
        },
        digest_tags: Vec::new(),
        warnings: Vec::new(),
    };
    match manifest.parse()? {
        ManifestKind::Manifest(document) => {
            inspection
                .add_manifest(&resolved.source, document, platform)
                .await?;
        }
        ManifestKind::Index(document) => {
            inspection.artifact_type = document.artifact_type;
            inspection.subject = document.subject;
            inspection.annotations = masked(document.annotations);
        }
    }
    inspection.warn_absent();
    if let Source::Registry { client, repository } = &resolved.source {
        inspection.add_attached(client, repository).await;
    }
    Ok(inspection)
}

/// Annotations are anybody's text, and some builders put their arguments there.
fn masked(mut annotations: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for (name, value) in &mut annotations {
        *value = secret::mask_value(name, value).into_owned();
    }
    annotations
}

fn entry(descriptor: &Descriptor) -> PlatformEntry {
    PlatformEntry {
        platform: descriptor.platform.clone(),
        digest: descriptor.digest.clone(),
        size: descriptor.size,
        media_type: descriptor.media_type.clone(),
        attestation: descriptor.is_attestation(),
        present: true,
    }
}

impl Inspection {
    /// Returns whether this is the image of a subject. What Docker saved has no manifest of its
    /// own: its image ID says it.
    #[must_use]
    pub fn is_of(&self, subject: &Subject) -> bool {
        if self.image.is_saved_by_docker() {
            let config = self.config_descriptor.as_ref().map(|config| &config.digest);
            return config.is_some() && subject.image_id.as_ref() == config;
        }
        subject.manifest_digest.as_ref() == Some(&self.digest)
    }

    fn warn_absent(&mut self) {
        let absent: Vec<String> = self
            .platforms
            .iter()
            .filter(|entry| !entry.present)
            .map(|entry| match &entry.platform {
                Some(platform) if !entry.attestation => platform.to_string(),
                _ => entry.digest.to_string(),
            })
            .collect();
        if !absent.is_empty() {
            self.warnings.push(format!(
                "the index names what is not saved with it: {}",
                foreign(&absent.join(", "))
            ));
        }
    }

    async fn add_manifest(
        &mut self,
        source: &Source,
        document: Manifest,
        platform: Option<&Platform>,
    ) -> Result<(), RegistryError> {
        let is_image = matches!(
            &*document.config.media_type,
            media_type::OCI_CONFIG | "application/vnd.docker.container.image.v1+json"
        );
        if is_image {
            let bytes = source.blob(&document.config, CONFIG_LIMIT).await?;
            match serde_json::from_slice::<ImageConfig>(&bytes) {
                Ok(config) => self.config = Some(config.masked()),
                Err(error) => self.warnings.push(format!(
                    "the configuration {} cannot be read: {}",
                    document.config.digest,
                    foreign(&error.to_string())
                )),
            }
        }
        let named = self.config.as_ref().map(ImageConfig::platform);
        if let Some((asked, named)) = platform.zip(named)
            && !asked.agrees_with(&named)
        {
            self.warnings.push(format!(
                "{asked} was asked for and the configuration says {}",
                foreign(&named.to_string())
            ));
        }
        self.layers = layers(&document.layers, self.config.as_ref());
        self.artifact_type = document.artifact_type;
        self.subject = document.subject;
        self.annotations = masked(document.annotations);
        self.config_descriptor = Some(document.config);
        Ok(())
    }

    /// Adds referrers and cosign's tags, of the manifest and of its index.
    async fn add_attached(&mut self, client: &Client, repository: &Repository) {
        let mut about = vec![self.digest.clone()];
        about.extend(self.index.clone().filter(|index| *index != self.digest));
        for digest in &about {
            match client.referrers(repository, digest).await {
                Ok(found) => {
                    if found.listed_by != ReferrersSource::None {
                        self.referrers.listed_by = found.listed_by;
                    }
                    self.referrers.manifests.extend(found.manifests);
                    self.referrers.warnings.extend(found.warnings);
                }
                Err(error) => self.warnings.push(error.to_string()),
            }
        }
        match client.digest_tags(repository, &about).await {
            Ok(found) => self.digest_tags = found,
            Err(error) => self.warnings.push(error.to_string()),
        }
    }
}

/// Joins layers with the configuration's diff IDs and history, where the counts agree.
fn layers(descriptors: &[Descriptor], config: Option<&ImageConfig>) -> Vec<Layer> {
    let diff_ids: &[Digest] = config
        .map(|config| config.rootfs.diff_ids.as_slice())
        .filter(|diff_ids| diff_ids.len() == descriptors.len())
        .unwrap_or_default();
    let history: Vec<&str> = config
        .map(|config| config.history.as_slice())
        .unwrap_or_default()
        .iter()
        .filter(|step| !step.empty_layer)
        .map(|step| step.created_by.as_str())
        .collect();
    let history: &[&str] = if history.len() == descriptors.len() {
        &history
    } else {
        &[]
    };
    descriptors
        .iter()
        .enumerate()
        .map(|(position, descriptor)| Layer {
            digest: descriptor.digest.clone(),
            size: descriptor.size,
            media_type: descriptor.media_type.clone(),
            diff_id: diff_ids.get(position).cloned(),
            created_by: history.get(position).map(|text| (*text).to_owned()),
        })
        .collect()
}
