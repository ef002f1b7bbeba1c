//! Everything in a repository that claims to sign or describe an image, fetched and not judged.
//!
//! Lists of a registry are never relied on: each manifest named there is read, and what it says
//! about itself counts.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{
    BUNDLE_PREFIX, CERTIFICATE_ANNOTATION, CREATED_ANNOTATION, DSSE, LARGEST_SIGNATURE,
    MOST_LAYERS, MOST_REFERRERS, PREDICATE_ANNOTATION, SignaturesError, companion_tag,
};
use crate::formats::envelope::{Bundle, KeyMaterial};
use crate::model::oci::{Descriptor, Manifest, ManifestKind, RawManifest, media_type};
use crate::model::{Digest, Repository};
use crate::registry::{Client, RegistryError};

/// Requests in flight at a time.
const AT_ONCE: usize = 4;

/// The artifact type of the Notary Project's signatures.
pub(super) const NOTATION: &str = "application/vnd.cncf.notary.signature";

/// A manifest that says it refers to the image, or one that was listed and does not.
pub(super) struct Referrer {
    /// What the list named.
    pub(super) listed: Descriptor,
    /// The manifest; the reason where it cannot be used.
    pub(super) manifest: Result<Manifest, String>,
}

impl Referrer {
    /// Returns the descriptor of the bundle inside, where there is one.
    pub(super) fn bundle_layer(&self) -> Option<&Descriptor> {
        let is_bundle = |text: &str| text.starts_with(BUNDLE_PREFIX);
        let manifest = self.manifest.as_ref().ok()?;
        let named = manifest.artifact_type.as_deref().is_some_and(is_bundle);
        manifest
            .layers
            .iter()
            .find(|layer| named || is_bundle(&layer.media_type))
    }

    /// Returns whether it is a signature of the Notary Project.
    pub(super) fn is_notation(&self) -> bool {
        self.manifest.as_ref().is_ok_and(|manifest| {
            let kind = manifest.artifact_type.as_deref();
            kind.unwrap_or(&manifest.config.media_type) == NOTATION
        })
    }

    /// Returns when it claims to be made, and its digest: the order of lists.
    fn place(&self) -> (Option<&str>, &Digest) {
        let manifest = self.manifest.as_ref().ok();
        let created = manifest.and_then(|manifest| manifest.annotations.get(CREATED_ANNOTATION));
        (created.map(String::as_str), &self.listed.digest)
    }

    /// Returns whether the list, which nobody signs, calls it a bundle.
    fn is_listed_as_bundle(&self) -> bool {
        let named = self.listed.artifact_type.as_deref();
        named.is_some_and(|text| text.starts_with(BUNDLE_PREFIX))
    }
}

/// The referrers of an image and what was strange about their list.
pub(super) struct Referrers {
    pub(super) list: Vec<Referrer>,
    pub(super) warnings: Vec<String>,
}

/// Returns whether an error is an answer about one document, rather than a failure to get any.
fn is_about_document(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::NotFound { .. }
            | RegistryError::Mismatch { .. }
            | RegistryError::TooLarge { .. }
            | RegistryError::Manifest(_)
            | RegistryError::Unexpected { .. }
    )
}

/// Turns an error about one document into the reason why it does not count.
pub(super) fn settle<T>(
    result: Result<T, RegistryError>,
) -> Result<Result<T, String>, RegistryError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) if is_about_document(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Lists and reads the manifests that refer to `image`, in the order of their claimed times.
pub(super) async fn referrers(
    client: &Client,
    repository: &Repository,
    image: &Digest,
) -> Result<Referrers, SignaturesError> {
    referrers_where(client, repository, image, |_listed| true).await
}

/// As [`referrers`], of those alone that the list does not already say to be something else.
pub(super) async fn referrers_where(
    client: &Client,
    repository: &Repository,
    image: &Digest,
    wanted: impl Fn(&Descriptor) -> bool,
) -> Result<Referrers, SignaturesError> {
    let found = client.referrers(repository, image).await?;
    let mut warnings = found.warnings;
    let mut listed = found.manifests;
    listed.retain(wanted);
    if listed.len() > MOST_REFERRERS {
        warnings.push(format!(
            "{image} has {} referrers, only the first {MOST_REFERRERS} were looked at",
            listed.len()
        ));
        listed.truncate(MOST_REFERRERS);
    }
    let mut list: Vec<Referrer> = stream::iter(listed)
        .map(|listed| read_referrer(client.clone(), repository.clone(), image.clone(), listed))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    // Registries list in any order; what is shown must not depend on it.
    list.sort_by(|a, b| a.place().cmp(&b.place()));
    Ok(Referrers { list, warnings })
}

async fn read_referrer(
    client: Client,
    repository: Repository,
    image: Digest,
    listed: Descriptor,
) -> Result<Referrer, RegistryError> {
    let reference = listed.digest.to_string();
    let manifest = match settle(client.manifest(&repository, &reference).await)? {
        Err(reason) => Err(reason),
        Ok(raw) => view(&raw, &image),
    };
    Ok(Referrer { listed, manifest })
}

/// Returns the manifest if it really refers to the image.
fn view(raw: &RawManifest, image: &Digest) -> Result<Manifest, String> {
    let manifest = match raw.parse().map_err(|error| error.to_string())? {
        ManifestKind::Manifest(manifest) => manifest,
        ManifestKind::Index(_) => return Err(format!("{} is an index", raw.digest)),
    };
    match &manifest.subject {
        Some(subject) if subject.digest == *image => Ok(manifest),
        Some(subject) => Err(format!("it refers to {}, not this image", subject.digest)),
        None => Err("it refers to no image".to_owned()),
    }
}

/// A bundle that claims to be about the image.
pub(super) struct FoundBundle {
    /// The digest of the manifest it is stored as.
    pub(super) stored_as: Digest,
    /// The predicate type in the manifest's annotation, which nothing signs.
    pub(super) annotated_predicate: Option<String>,
    /// When it was made, as the manifest claims.
    pub(super) claimed_time: Option<String>,
    /// The bundle's bytes; the reason where they cannot be had.
    pub(super) content: Result<Bytes, String>,
}

/// Reads the bundles among the referrers.
pub(super) async fn bundles(
    client: &Client,
    repository: &Repository,
    referrers: &Referrers,
) -> Result<Vec<FoundBundle>, SignaturesError> {
    let mut wanted = Vec::new();
    for referrer in &referrers.list {
        let (annotations, content) = match (&referrer.manifest, referrer.bundle_layer()) {
            (Ok(manifest), Some(layer)) => (Some(&manifest.annotations), Ok(layer.clone())),
            (Err(reason), _) if referrer.is_listed_as_bundle() => (None, Err(reason.clone())),
            _ => continue,
        };
        let annotation = |key| annotations.and_then(|all| all.get(key)).cloned();
        let bundle = FoundBundle {
            stored_as: referrer.listed.digest.clone(),
            annotated_predicate: annotation(PREDICATE_ANNOTATION),
            claimed_time: annotation(CREATED_ANNOTATION),
            content: Ok(Bytes::new()),
        };
        wanted.push((bundle, content));
    }
    let read = stream::iter(wanted).map(|(bundle, layer)| {
        let (client, repository) = (client.clone(), repository.clone());
        async move {
            let content = match layer {
                Err(reason) => Err(reason),
                Ok(layer) => settle(client.blob(&repository, &layer, LARGEST_SIGNATURE).await)?,
            };
            Ok::<_, RegistryError>(FoundBundle { content, ..bundle })
        }
    });
    Ok(read.buffered(AT_ONCE).try_collect().await?)
}

/// One layer of the manifest behind a tag of cosign's.
pub(super) struct FoundLayer {
    /// The layer: digest, size and the annotation with the signature.
    pub(super) layer: Descriptor,
    /// The payload; the reason where it cannot be had.
    pub(super) payload: Result<Bytes, String>,
}

/// The layers of one kind behind a tag of cosign's.
#[derive(Default)]
pub(super) struct FoundLegacy {
    pub(super) layers: Vec<FoundLayer>,
    pub(super) warnings: Vec<String>,
}

/// Reads the layers behind an image's `.sig` tag.
pub(super) async fn legacy(
    client: &Client,
    repository: &Repository,
    image: &Digest,
) -> Result<FoundLegacy, SignaturesError> {
    let tag = companion_tag(image, "sig");
    companion(client, repository, &tag, media_type::SIMPLE_SIGNING).await
}

/// Reads the layers behind an image's `.att` tag: signed statements.
pub(super) async fn statements(
    client: &Client,
    repository: &Repository,
    image: &Digest,
) -> Result<FoundLegacy, SignaturesError> {
    let tag = companion_tag(image, "att");
    companion(client, repository, &tag, DSSE).await
}

async fn companion(
    client: &Client,
    repository: &Repository,
    tag: &str,
    kind: &str,
) -> Result<FoundLegacy, SignaturesError> {
    let Some(raw) = client.find_manifest(repository, tag).await? else {
        return Ok(FoundLegacy::default());
    };
    let mut warnings = Vec::new();
    let mut layers = match raw.parse() {
        Ok(ManifestKind::Manifest(manifest)) => manifest.layers,
        Ok(ManifestKind::Index(_)) => {
            warnings.push(format!("tag {tag} names an index, not signatures"));
            Vec::new()
        }
        Err(error) => {
            warnings.push(format!("tag {tag}: {error}"));
            Vec::new()
        }
    };
    layers.retain(|layer| layer.media_type == kind);
    if layers.len() > MOST_LAYERS {
        warnings.push(format!(
            "tag {tag} holds {} signatures, only the first {MOST_LAYERS} were looked at",
            layers.len()
        ));
        layers.truncate(MOST_LAYERS);
    }
    let read = stream::iter(layers).map(|layer| {
        let (client, repository) = (client.clone(), repository.clone());
        async move {
            let payload = settle(client.blob(&repository, &layer, LARGEST_SIGNATURE).await)?;
            Ok::<_, RegistryError>(FoundLayer { layer, payload })
        }
    });
    let layers = read.buffered(AT_ONCE).try_collect().await?;
    Ok(FoundLegacy { layers, warnings })
}

/// Returns how many signatures with a certificate are beside an image; none of them is checked.
///
/// # Errors
/// When the registry refuses or does not answer.
pub async fn count_certificates(
    client: &Client,
    repository: &Repository,
    image: &Digest,
) -> Result<usize, SignaturesError> {
    let referrers = referrers(client, repository, image).await?;
    let bundles = bundles(client, repository, &referrers).await?;
    let certified = |bundle: &&FoundBundle| {
        let parsed = bundle
            .content
            .as_ref()
            .ok()
            .map(|bytes| Bundle::parse(bytes));
        matches!(parsed, Some(Ok(it)) if it.key_material == KeyMaterial::Certificate)
    };
    let in_bundles = bundles.iter().filter(certified).count();
    let layers = legacy(client, repository, image).await?.layers;
    let named = |found: &&FoundLayer| found.layer.annotations.contains_key(CERTIFICATE_ANNOTATION);
    Ok(in_bundles + layers.iter().filter(named).count())
}
