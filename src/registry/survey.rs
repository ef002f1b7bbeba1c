//! What a copy would do: every manifest and blob of an image, once, and whether the destination
//! has it. Changes nothing.
//!
//! Doing it is `copy`'s work.

use std::collections::HashMap;

use futures_util::future::BoxFuture;
use futures_util::stream::{StreamExt as _, TryStreamExt as _};

use super::client::{Client, unsupported_algorithm};
use super::error::RegistryError;
use super::resolve::Source;
use crate::model::oci::{Descriptor, ManifestKind, RawManifest};
use crate::model::{Algorithm, Digest, Repository};

/// Questions to a registry at the same time.
const QUESTIONS: usize = 8;

/// How deep an index may hold indexes.
const DEPTH: usize = 8;

/// How many manifests an image may have.
const MANIFESTS: usize = 512;

/// What has to be done about a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobAction {
    /// The destination has it.
    Exists,
    /// The same registry has it in the source's repository: it is asked to take it from there.
    Mount,
    /// It has to be sent.
    Upload,
}

/// A blob and what has to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyedBlob {
    /// The blob.
    pub descriptor: Descriptor,
    /// What has to be done.
    pub action: BlobAction,
}

/// What a copy would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Every manifest, children before the index that names them, the top one last.
    pub manifests: Vec<RawManifest>,
    /// The digests of those manifests that the destination does not have.
    pub missing_manifests: Vec<Digest>,
    /// Every blob once, in the order the manifests name them.
    pub blobs: Vec<SurveyedBlob>,
    /// Layers that live elsewhere by their `urls` and are not copied (non-distributable).
    pub foreign: Vec<Descriptor>,
    /// The bytes of all blobs that have to be sent; mounted ones are not counted.
    pub bytes_to_send: u64,
}

/// Reads all manifests below `top` and asks the destination for each manifest and blob.
///
/// # Errors
/// When a manifest or a layout's blob is missing or damaged, a digest cannot be checked, or a
/// registry refuses or does not answer.
pub async fn survey(
    source: &Source,
    top: &RawManifest,
    destination: &Client,
    repository: &Repository,
) -> Result<Survey, RegistryError> {
    let tree = Tree::of(source, top).await?;
    if let Source::Layout(layout) = source {
        for blob in &tree.blobs {
            layout.check(blob)?;
        }
    }
    let missing = match source {
        Source::Registry {
            repository: from, ..
        } if from.registry == repository.registry && from.path != repository.path => {
            BlobAction::Mount
        }
        _ => BlobAction::Upload,
    };
    let blobs: Vec<SurveyedBlob> = futures_util::stream::iter(tree.blobs)
        .map(|descriptor| async move {
            let exists = destination.has_blob(repository, &descriptor.digest).await?;
            let action = if exists { BlobAction::Exists } else { missing };
            Ok::<_, RegistryError>(SurveyedBlob { descriptor, action })
        })
        .buffered(QUESTIONS)
        .try_collect()
        .await?;
    let digests: Vec<Digest> = tree
        .manifests
        .iter()
        .map(|manifest| manifest.digest.clone())
        .collect();
    let missing_manifests: Vec<Option<Digest>> = futures_util::stream::iter(digests)
        .map(|digest| async move {
            let found = destination
                .head_manifest(repository, &digest.to_string())
                .await?;
            Ok::<_, RegistryError>(found.is_none().then_some(digest))
        })
        .buffered(QUESTIONS)
        .try_collect()
        .await?;
    Ok(Survey {
        bytes_to_send: blobs
            .iter()
            .filter(|blob| blob.action == BlobAction::Upload)
            .map(|blob| blob.descriptor.size)
            .fold(0, u64::saturating_add),
        manifests: tree.manifests,
        missing_manifests: missing_manifests.into_iter().flatten().collect(),
        blobs,
        foreign: tree.foreign,
    })
}

/// The survey of an image whose tag is at the destination already: a registry keeps no manifest
/// without what it names, so nothing is asked, and everything below `top` counts as being there.
///
/// # Errors
/// When a manifest is missing or damaged, or the source does not answer.
pub async fn presumed(source: &Source, top: &RawManifest) -> Result<Survey, RegistryError> {
    let tree = Tree::of(source, top).await?;
    let exists = |descriptor| SurveyedBlob {
        descriptor,
        action: BlobAction::Exists,
    };
    Ok(Survey {
        manifests: tree.manifests,
        missing_manifests: Vec::new(),
        blobs: tree.blobs.into_iter().map(exists).collect(),
        foreign: tree.foreign,
        bytes_to_send: 0,
    })
}

/// Manifests and blobs found so far, each once.
#[derive(Default)]
struct Tree {
    manifests: Vec<RawManifest>,
    blobs: Vec<Descriptor>,
    foreign: Vec<Descriptor>,
    /// Digest to size, of blobs and manifests.
    seen: HashMap<Digest, u64>,
}

impl Tree {
    /// Reads everything below a manifest.
    async fn of(source: &Source, top: &RawManifest) -> Result<Self, RegistryError> {
        let mut tree = Self::default();
        tree.add(source, top.clone(), 0).await?;
        Ok(tree)
    }

    fn add<'a>(
        &'a mut self,
        source: &'a Source,
        manifest: RawManifest,
        depth: usize,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(async move {
            if depth > DEPTH || self.manifests.len() >= MANIFESTS {
                return Err(RegistryError::Unsupported {
                    what: format!("the index above {}", manifest.digest),
                    detail: format!(
                        "more than {MANIFESTS} manifests, or indexes nested deeper than {DEPTH}"
                    ),
                });
            }
            // Marked now, listed after its children: a child that two indexes name comes first.
            if !self.is_new(&manifest.descriptor())? {
                return Ok(());
            }
            match manifest.parse()? {
                ManifestKind::Manifest(document) => {
                    self.add_blob(document.config)?;
                    for layer in document.layers {
                        self.add_blob(layer)?;
                    }
                }
                ManifestKind::Index(document) => {
                    let mut children = document.manifests;
                    children.retain(|child| !self.seen.contains_key(&child.digest));
                    children.truncate(MANIFESTS + 1);
                    let mut read = futures_util::stream::iter(children)
                        .map(|child| async move { source.manifest(&child).await })
                        .buffered(QUESTIONS);
                    while let Some(child) = read.next().await.transpose()? {
                        self.add(source, child, depth + 1).await?;
                    }
                }
            }
            self.manifests.push(manifest);
            Ok(())
        })
    }

    fn add_blob(&mut self, blob: Descriptor) -> Result<(), RegistryError> {
        if !self.is_new(&blob)? {
            return Ok(());
        }
        if blob.is_foreign() {
            self.foreign.push(blob);
        } else {
            self.blobs.push(blob);
        }
        Ok(())
    }

    /// Returns whether a digest is met for the first time.
    fn is_new(&mut self, descriptor: &Descriptor) -> Result<bool, RegistryError> {
        let digest = &descriptor.digest;
        if digest.algorithm() != Algorithm::Sha256 {
            return Err(unsupported_algorithm(&digest.to_string(), digest));
        }
        match self.seen.insert(digest.clone(), descriptor.size) {
            None => Ok(true),
            Some(size) if size == descriptor.size => Ok(false),
            Some(size) => Err(RegistryError::Mismatch {
                what: format!("the size of {digest}, which is named twice"),
                expected: format!("{size} bytes"),
                actual: format!("{} bytes", descriptor.size),
            }),
        }
    }
}
