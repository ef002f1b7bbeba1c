//! From a name to the manifest it points at, and the place its blobs come from.
//!
//! Choosing is done here, once; everything after works on digests.

use std::sync::Arc;

use bytes::Bytes;

use super::client::Client;
use super::daemon;
use super::error::RegistryError;
use super::layout::Layout;
use super::pace::Retries;
use super::saved;
use super::stream::{self, Bytestream};
use crate::model::oci::{Descriptor, ManifestKind, RawManifest};
use crate::model::{Digest, Image, Platform, Repository};

/// Where an image's manifests and blobs come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A repository of a registry.
    Registry {
        /// The client to read with.
        client: Client,
        /// The repository.
        repository: Repository,
    },
    /// A layout: a folder's, or that of an archive.
    Layout(Layout),
}

impl Source {
    /// Reads a manifest or index by its descriptor; digest and size are checked.
    ///
    /// # Errors
    /// When it is missing, too large, not what the descriptor says, or the registry does not
    /// give it.
    pub async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, RegistryError> {
        match self {
            Self::Layout(layout) => layout.manifest(descriptor).await,
            Self::Registry { client, repository } => {
                let digest = descriptor.digest.to_string();
                let manifest = kept_manifest(client, repository, descriptor).await?;
                if manifest.bytes.len() as u64 != descriptor.size {
                    return Err(RegistryError::Mismatch {
                        what: format!("manifest {repository}@{digest}"),
                        expected: format!("{} bytes", descriptor.size),
                        actual: format!("{} bytes", manifest.bytes.len()),
                    });
                }
                Ok(manifest)
            }
        }
    }

    /// Reads a small blob whole; digest and size are checked.
    ///
    /// # Errors
    /// When it is missing, larger than `limit`, not what the descriptor says, or the registry
    /// does not give it.
    pub async fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Bytes, RegistryError> {
        match self {
            Self::Layout(layout) => layout.blob(descriptor, limit).await,
            Self::Registry { client, repository } => {
                let kept = &client.transport.kept;
                if let Some((bytes, _kind)) = kept.find(repository, &descriptor.digest) {
                    return Ok(bytes);
                }
                let bytes = client.blob(repository, descriptor, limit).await?;
                kept.keep(repository, &descriptor.digest, &bytes, "");
                Ok(bytes)
            }
        }
    }

    /// Returns the same source, its retries counted in `retries`.
    pub(super) fn counting(&self, retries: &Arc<Retries>) -> Self {
        match self {
            Self::Layout(layout) => Self::Layout(layout.clone()),
            Self::Registry { client, repository } => Self::Registry {
                client: client.counting(retries),
                repository: repository.clone(),
            },
        }
    }

    /// Returns the bytes of a blob, unchecked.
    pub(super) fn stream(&self, descriptor: &Descriptor) -> Bytestream {
        match self {
            Self::Layout(layout) => layout.stream(descriptor),
            Self::Registry { client, repository } => {
                stream::download(client.clone(), repository.clone(), descriptor.clone(), 0)
            }
        }
    }

    /// Returns the bytes of a blob from one on, unchecked. What is on disk is read from its start.
    pub(super) fn stream_from(&self, descriptor: &Descriptor, from: u64) -> Bytestream {
        if let Self::Registry { client, repository } = self {
            return stream::download(client.clone(), repository.clone(), descriptor.clone(), from);
        }
        stream::skipping(self.stream(descriptor), from)
    }
}

/// Reads a manifest by digest, or finds the one that was read a moment ago.
async fn kept_manifest(
    client: &Client,
    repository: &Repository,
    descriptor: &Descriptor,
) -> Result<RawManifest, RegistryError> {
    let kept = &client.transport.kept;
    if let Some((bytes, kind)) = kept.find(repository, &descriptor.digest) {
        return Ok(RawManifest::new(bytes, kind));
    }
    let digest = descriptor.digest.to_string();
    let manifest = client.manifest(repository, &digest).await?;
    let kind = &manifest.media_type;
    kept.keep(repository, &manifest.digest, &manifest.bytes, kind);
    Ok(manifest)
}

/// What a name points at.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Where its bytes come from.
    pub source: Source,
    /// The name, expanded.
    pub image: Image,
    /// The manifest it names: an index stays an index until a platform is chosen.
    pub manifest: RawManifest,
    /// The index that the manifest was chosen from; none where no platform was chosen.
    pub index: Option<RawManifest>,
}

impl Resolved {
    /// Chooses the manifest of a platform from an index. What is no index stays as it is.
    ///
    /// # Errors
    /// When the index has no such platform, or its manifest cannot be read.
    pub async fn choose(self, platform: &Platform) -> Result<Self, RegistryError> {
        let ManifestKind::Index(index) = self.manifest.parse()? else {
            return Ok(self);
        };
        let chosen = index.manifests.iter().find(|entry| {
            !entry.is_attestation()
                && entry
                    .platform
                    .as_ref()
                    .is_some_and(|offered| offered.agrees_with(platform))
        });
        let Some(chosen) = chosen else {
            return Err(RegistryError::NotFound {
                what: format!("platform {platform} in {}", self.image),
            });
        };
        let manifest = self.source.manifest(chosen).await?;
        Ok(Self {
            index: Some(self.manifest),
            manifest,
            ..self
        })
    }

    /// Returns the digest of the manifest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.manifest.digest
    }
}

/// Finds what a name points at. A digest in the name decides; the tag beside it is not looked at.
///
/// # Errors
/// When nothing is named so, a layout is broken or ambiguous, or the registry does not answer.
pub async fn resolve(client: &Client, image: &Image) -> Result<Resolved, RegistryError> {
    match image {
        Image::Registry(name) => {
            let reference = match (&name.digest, &name.tag) {
                (Some(digest), _) => digest.to_string(),
                (None, Some(tag)) => tag.clone(),
                (None, None) => "latest".to_owned(),
            };
            let manifest = client.manifest(&name.repository, &reference).await?;
            Ok(Resolved {
                source: Source::Registry {
                    client: client.clone(),
                    repository: name.repository.clone(),
                },
                image: image.clone(),
                manifest,
                index: None,
            })
        }
        Image::Layout {
            directory,
            reference,
        } => {
            let layout = Layout::open(directory)?;
            let descriptor = layout.resolve(reference.as_deref())?;
            of_layout(image, layout, &descriptor).await
        }
        Image::Archive {
            form,
            file,
            reference,
        } => {
            let (layout, descriptor) = saved::open(*form, file, reference.as_deref()).await?;
            of_layout(image, layout, &descriptor).await
        }
        Image::Daemon(reference) => {
            let (host, stall) = (client.docker_host(), client.stall());
            let (layout, descriptor) = daemon::open(host, reference, stall).await?;
            of_layout(image, layout, &descriptor).await
        }
    }
}

async fn of_layout(
    image: &Image,
    layout: Layout,
    descriptor: &Descriptor,
) -> Result<Resolved, RegistryError> {
    let manifest = layout.manifest(descriptor).await?;
    Ok(Resolved {
        source: Source::Layout(layout),
        image: image.clone(),
        manifest,
        index: None,
    })
}
