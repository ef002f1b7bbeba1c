//! What source and destination look like before a plan is made: reads only.
//!
//! Nothing is judged here; `plan` decides what follows.

use std::collections::{HashMap, HashSet};

use crate::model::oci::{Descriptor, ImageConfig, ManifestKind, RawManifest};
use crate::model::{Digest, Platform};
use crate::registry::{CONFIG_LIMIT, Client, RegistryError, Source, Survey, resolve, survey};

use super::{PromotionError, Request};

/// One platform of the image, with everything a subject can be recognised by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedPlatform {
    /// The platform, where index or configuration name one.
    pub platform: Option<Platform>,
    /// The platform manifest's digest.
    pub digest: Digest,
    /// The image ID: the configuration's digest.
    pub image_id: Digest,
    /// The layers' diff IDs.
    pub diff_ids: Vec<Digest>,
}

/// Source and destination as they are.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Where the bytes come from.
    pub source: Source,
    /// The manifest the tag would name, exactly as stored.
    pub manifest: RawManifest,
    /// The digest that was asked for and that the source's name does not lead to (any more).
    pub missed: Option<Digest>,
    /// The platforms, attestations left out.
    pub platforms: Vec<ObservedPlatform>,
    /// What must be sent.
    pub survey: Survey,
    /// What the destination's tag names now.
    pub destination_tag: Option<Digest>,
}

/// Resolves the source to a digest and looks at the destination.
///
/// A digest in the request must be what the source's name leads to: itself, or a platform of the
/// index it names. Anything else is noted in `missed`, and the plan is blocked by it.
///
/// # Errors
/// When source or destination cannot be read.
pub async fn observe(client: &Client, request: &Request) -> Result<Observed, PromotionError> {
    let mut resolved = resolve(client, &request.source).await?;
    if let Some(platform) = &request.platform {
        resolved = resolved.choose(platform).await?;
    }
    let mut manifest = resolved.manifest;
    let mut missed = None;
    if let Some(digest) = request
        .digest
        .as_ref()
        .filter(|digest| **digest != manifest.digest)
    {
        match child(&resolved.source, &manifest, digest).await? {
            Some(child) => manifest = child,
            None => missed = Some(digest.clone()),
        }
    }
    let repository = &request.destination.repository;
    let survey = survey(&resolved.source, &manifest, client, repository).await?;
    let platforms = platforms(&resolved.source, &manifest, &survey).await?;
    let destination_tag = client.head_manifest(repository, request.tag()).await?;
    Ok(Observed {
        source: resolved.source,
        manifest,
        missed,
        platforms,
        survey,
        destination_tag: destination_tag.map(|descriptor| descriptor.digest),
    })
}

/// Returns the manifest with `digest`, if the index names it.
async fn child(
    source: &Source,
    manifest: &RawManifest,
    digest: &Digest,
) -> Result<Option<RawManifest>, PromotionError> {
    let ManifestKind::Index(index) = manifest.parse().map_err(RegistryError::from)? else {
        return Ok(None);
    };
    match index.manifests.iter().find(|entry| entry.digest == *digest) {
        Some(entry) => Ok(Some(source.manifest(entry).await?)),
        None => Ok(None),
    }
}

/// Returns the platforms of a manifest or index, each once; nested indexes included. The survey
/// has read every manifest already, and refused what is too deep or too many.
async fn platforms(
    source: &Source,
    top: &RawManifest,
    survey: &Survey,
) -> Result<Vec<ObservedPlatform>, PromotionError> {
    let known: HashMap<&Digest, &RawManifest> = survey
        .manifests
        .iter()
        .map(|manifest| (&manifest.digest, manifest))
        .collect();
    let mut found = Vec::new();
    let mut seen: HashSet<Digest> = HashSet::new();
    let mut waiting: Vec<(Option<Platform>, Digest)> = vec![(None, top.digest.clone())];
    while let Some((platform, digest)) = waiting.pop() {
        let Some(manifest) = known.get(&digest).filter(|_| seen.insert(digest.clone())) else {
            continue;
        };
        match manifest.parse().map_err(RegistryError::from)? {
            ManifestKind::Index(index) => waiting.extend(
                index
                    .manifests
                    .into_iter()
                    .filter(|entry| !entry.is_attestation())
                    .map(|entry| (entry.platform, entry.digest)),
            ),
            ManifestKind::Manifest(image) => {
                let config = config(source, &image.config).await?;
                let own = (!config.os.is_empty()).then(|| config.platform());
                found.push(ObservedPlatform {
                    platform: platform.or(own),
                    digest,
                    image_id: image.config.digest,
                    diff_ids: config.rootfs.diff_ids,
                });
            }
        }
    }
    found.sort_by(|one, other| (&one.platform, &one.digest).cmp(&(&other.platform, &other.digest)));
    Ok(found)
}

/// Reads a configuration; what is no image configuration (an artifact's) is an empty one.
async fn config(source: &Source, descriptor: &Descriptor) -> Result<ImageConfig, PromotionError> {
    let bytes = source.blob(descriptor, CONFIG_LIMIT).await?;
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}
