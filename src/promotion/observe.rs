//! What source and destination look like before a plan is made: reads only.
//!
//! Nothing is judged here; `plan` decides what follows.

use std::collections::{HashMap, HashSet};

use crate::model::oci::{Descriptor, ImageConfig, Manifest, ManifestKind, RawManifest, media_type};
use crate::model::{Digest, Platform};
use crate::registry::{
    CONFIG_LIMIT, Client, Layout, Preflight, RegistryError, Source, Survey, presumed, resolve,
    survey,
};

use super::{PromotionError, Request};

/// The annotation by which `BuildKit` says which manifest an attestation is about.
const ABOUT: &str = "vnd.docker.reference.digest";

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
    /// The digest by which scanners know the image that read it from Docker: over the same
    /// configuration and layers, but of a manifest that they make up. None where it has none.
    pub made_up: Option<Digest>,
    /// The indexes that lead to it, the top one first.
    pub indexes: Vec<Digest>,
    /// The builder's attestations about it.
    pub attestations: Vec<Digest>,
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
    /// Attestations of the index that are about none of its platforms.
    pub orphans: Vec<Digest>,
    /// What must be sent.
    pub survey: Survey,
    /// What the destination's tag names now.
    pub destination_tag: Option<Digest>,
    /// Whether that is the manifest itself, byte for byte: there is nothing to copy.
    pub settled: bool,
    /// What Amazon ECR says of the destination's repository; none for other registries.
    pub preflight: Option<Preflight>,
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
    if let Source::Layout(layout) = &resolved.source {
        check_whole(layout, &manifest, request).await?;
    }
    let repository = &request.destination.repository;
    let (destination_tag, preflight) = futures_util::future::join(
        client.find_manifest(repository, request.tag()),
        client.preflight(repository, request.tag()),
    )
    .await;
    let destination_tag = destination_tag?.map(|manifest| manifest.digest);
    let settled = destination_tag.as_ref() == Some(&manifest.digest);
    let survey = if settled {
        presumed(&resolved.source, &manifest).await?
    } else {
        survey(&resolved.source, &manifest, client, repository).await?
    };
    let parts = parts(&resolved.source, &manifest, &survey).await?;
    let (platforms, orphans) = parts.settle();
    Ok(Observed {
        source: resolved.source,
        manifest,
        missed,
        platforms,
        orphans,
        survey,
        destination_tag,
        settled,
        preflight,
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

/// Returns whether everything an index names is there; an archive may hold fewer platforms.
///
/// # Errors
/// With the platforms that are not.
async fn check_whole(
    layout: &Layout,
    manifest: &RawManifest,
    request: &Request,
) -> Result<(), PromotionError> {
    let ManifestKind::Index(index) = manifest.parse().map_err(RegistryError::from)? else {
        return Ok(());
    };
    let (mut missing, mut whole) = (Vec::new(), Vec::new());
    for entry in &index.manifests {
        let name = match &entry.platform {
            Some(platform) if !entry.is_attestation() => platform.to_string(),
            _ => entry.digest.to_string(),
        };
        if !layout.is_whole(entry).await? {
            missing.push(name);
        } else if !entry.is_attestation() {
            whole.push(name);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(PromotionError::Registry(RegistryError::Incomplete {
        what: request.source.to_string(),
        missing: missing.join(", "),
        whole: whole.join(", "),
    }))
}

/// What an image holds besides blobs.
#[derive(Default)]
struct Parts {
    platforms: Vec<ObservedPlatform>,
    /// Attestations, and the digest each says it is about.
    attestations: Vec<(Digest, Option<Digest>)>,
}

impl Parts {
    /// Gives every attestation to the platform it is about; returns those about none.
    fn settle(mut self) -> (Vec<ObservedPlatform>, Vec<Digest>) {
        let mut orphans = Vec::new();
        for (digest, about) in self.attestations {
            let platform = self
                .platforms
                .iter_mut()
                .find(|platform| Some(&platform.digest) == about.as_ref());
            match platform {
                Some(platform) => platform.attestations.push(digest),
                None => orphans.push(digest),
            }
        }
        self.platforms.sort_by(|one, other| {
            (&one.platform, &one.digest).cmp(&(&other.platform, &other.digest))
        });
        (self.platforms, orphans)
    }
}

/// Finds the platforms of a manifest or index, each once; nested indexes included. The survey
/// has read every manifest already, and refused what is too deep or too many.
async fn parts(
    source: &Source,
    top: &RawManifest,
    survey: &Survey,
) -> Result<Parts, PromotionError> {
    let known: HashMap<&Digest, &RawManifest> = survey
        .manifests
        .iter()
        .map(|manifest| (&manifest.digest, manifest))
        .collect();
    let mut found = Parts::default();
    let mut seen: HashSet<Digest> = HashSet::new();
    let mut waiting: Vec<(Descriptor, Vec<Digest>)> = vec![(top.descriptor(), Vec::new())];
    while let Some((entry, indexes)) = waiting.pop() {
        let digest = entry.digest.clone();
        let Some(manifest) = known.get(&digest).filter(|_| seen.insert(digest.clone())) else {
            continue;
        };
        match manifest.parse().map_err(RegistryError::from)? {
            ManifestKind::Index(index) => {
                let indexes = [indexes.as_slice(), &[digest]].concat();
                let children = index.manifests.into_iter();
                waiting.extend(children.map(|child| (child, indexes.clone())));
            }
            ManifestKind::Manifest(image) if is_attestation(&entry, &image) => {
                let about = entry.annotations.get(ABOUT);
                let about = about.and_then(|about| about.parse().ok());
                found.attestations.push((digest, about));
            }
            ManifestKind::Manifest(image) => {
                let config = config(source, &image.config).await?;
                let own = (!config.os.is_empty()).then(|| config.platform());
                found.platforms.push(ObservedPlatform {
                    platform: entry.platform.or(own),
                    digest,
                    made_up: made_up(&image, &config.rootfs.diff_ids),
                    image_id: image.config.digest,
                    diff_ids: config.rootfs.diff_ids,
                    indexes,
                    attestations: Vec::new(),
                });
            }
        }
    }
    Ok(found)
}

/// Returns whether a manifest is a builder's attestation: its entry says so and nothing else is in
/// it. What only pretends to be one could be run unseen.
fn is_attestation(entry: &Descriptor, manifest: &Manifest) -> bool {
    let is_statement = |layer: &Descriptor| layer.media_type.contains("in-toto");
    entry.is_attestation() && manifest.layers.iter().all(is_statement)
}

/// Returns the digest that scanners give to an image they read from Docker: that of a manifest
/// which calls the plain layers compressed. None where the layers are compressed indeed: then
/// their plain sizes are not known here.
fn made_up(manifest: &Manifest, diff_ids: &[Digest]) -> Option<Digest> {
    let layers = &manifest.layers;
    let plain = layers.len() == diff_ids.len()
        && layers
            .iter()
            .zip(diff_ids)
            .all(|(layer, id)| layer.digest == *id);
    if !plain || layers.is_empty() {
        return None;
    }
    let entry = |media_type: &str, part: &Descriptor| {
        let (size, digest) = (part.size, &part.digest);
        format!(r#"{{"mediaType":"{media_type}","size":{size},"digest":"{digest}"}}"#)
    };
    let kind = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    let layers: Vec<String> = layers.iter().map(|layer| entry(kind, layer)).collect();
    let config = entry(
        "application/vnd.docker.container.image.v1+json",
        &manifest.config,
    );
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{config},"layers":[{}]}}"#,
        media_type::DOCKER_MANIFEST,
        layers.join(",")
    );
    Some(Digest::of(text.as_bytes()))
}

/// Reads a configuration; what is no image configuration (an artifact's) is an empty one.
async fn config(source: &Source, descriptor: &Descriptor) -> Result<ImageConfig, PromotionError> {
    let bytes = source.blob(descriptor, CONFIG_LIMIT).await?;
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}
