//! What `docker save` wrote before it wrote layouts: `manifest.json`, configurations and layers.
//!
//! Such an archive has no manifest of the OCI's, so one is made here. It follows from the archive's
//! content alone: the same configuration and layers give the same bytes, and so the same digest, on
//! every machine and in every run.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::error::{RegistryError, foreign};
use super::layout::{self, Layout};
use super::packed::{Blob, Packed};
use super::tar::{Extent, Tar};
use super::unpack::Packing;
use super::{CONFIG_LIMIT, MANIFEST_LIMIT};
use crate::model::oci::{Descriptor, ImageConfig, Index, RawManifest, media_type};
use crate::model::{Algorithm, Digest};

/// The member that lists the images.
pub(super) const MANIFEST: &str = "manifest.json";

/// An OCI layer that is not compressed.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The most bytes that a layer may have when it is unpacked: more than any registry takes.
const LAYER_LIMIT: u64 = 64 << 30;

/// Bytes hashed at once.
const BUFFER: usize = 1 << 20;

/// One image of the list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

impl Item {
    fn tags(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }

    fn layers(&self) -> &[String] {
        self.layers.as_deref().unwrap_or_default()
    }
}

/// An image with the manifest that was made for it.
struct Made {
    manifest: RawManifest,
    descriptor: Descriptor,
    blobs: HashMap<Digest, Blob>,
}

/// Finds the image that `reference` names (by a tag, its ID or the digest of the manifest made
/// here), or the only one.
///
/// # Errors
/// When the archive does not hold one such image, or it is incomplete or contradicts itself.
pub(super) async fn open(
    tar: Tar,
    reference: Option<&str>,
) -> Result<(Layout, Descriptor), RegistryError> {
    let list = tar.bytes(MANIFEST, MANIFEST_LIMIT)?;
    let items: Vec<Item> = serde_json::from_slice(&list).map_err(|error| {
        let detail = format!("`{MANIFEST}`: {}", foreign(&error.to_string()));
        RegistryError::archive(tar.path(), detail)
    })?;
    let made = chosen(&tar, &items, reference).await?;
    let index = Index {
        schema_version: 2,
        media_type: Some(media_type::OCI_INDEX.to_owned()),
        artifact_type: None,
        manifests: vec![made.descriptor.clone()],
        subject: None,
        annotations: BTreeMap::new(),
    };
    let mut blobs = made.blobs;
    blobs.insert(made.manifest.digest, Blob::Made(made.manifest.bytes));
    let layout = Layout::packed(Packed::new(tar, blobs), index);
    Ok((layout, made.descriptor))
}

async fn chosen(tar: &Tar, items: &[Item], reference: Option<&str>) -> Result<Made, RegistryError> {
    let Some(name) = reference else {
        return match items {
            [only] => make(tar, only).await,
            [] => Err(RegistryError::archive(tar.path(), "it lists no image")),
            several => Err(ambiguous(tar, several.iter())),
        };
    };
    let is_named = |item: &&Item| item.tags().iter().any(|tag| layout::is_same(tag, name));
    let named: Vec<&Item> = items.iter().filter(is_named).collect();
    if let [first, rest @ ..] = named.as_slice() {
        return if rest.iter().all(|item| item.config == first.config) {
            make(tar, first).await
        } else {
            Err(ambiguous(tar, named.into_iter()))
        };
    }
    if let Ok(digest) = name.parse::<Digest>() {
        for item in items {
            if Digest::of(&tar.bytes(&item.config, CONFIG_LIMIT)?) == digest {
                return make(tar, item).await;
            }
        }
        for item in items {
            let made = make(tar, item).await?;
            if made.manifest.digest == digest {
                return Ok(made);
            }
        }
    }
    Err(RegistryError::NotFound {
        what: format!("`{}` in {}", foreign(name), tar.path().display()),
    })
}

fn ambiguous<'a>(tar: &Tar, items: impl Iterator<Item = &'a Item>) -> RegistryError {
    let name = |item: &Item| foreign(item.tags().first().unwrap_or(&item.config));
    RegistryError::Ambiguous {
        what: tar.path().display().to_string(),
        choices: items.take(20).map(name).collect::<Vec<_>>().join(", "),
    }
}

/// Makes the manifest of an image: its layers as they lie in the archive, lowest first.
async fn make(tar: &Tar, item: &Item) -> Result<Made, RegistryError> {
    let wrong = |detail: String| RegistryError::archive(tar.path(), detail);
    let bytes = tar.bytes(&item.config, CONFIG_LIMIT)?;
    let config: ImageConfig = serde_json::from_slice(&bytes)
        .map_err(|error| wrong(format!("`{}`: {error}", foreign(&item.config))))?;
    let diff_ids = &config.rootfs.diff_ids;
    if diff_ids.len() != item.layers().len() {
        return Err(wrong(format!(
            "`{MANIFEST}` lists {} layers and `{}` has {}",
            item.layers().len(),
            foreign(&item.config),
            diff_ids.len()
        )));
    }
    let config_digest = Digest::of(&bytes);
    let mut blobs = HashMap::new();
    let mut layers = Vec::new();
    for (name, diff_id) in item.layers().iter().zip(diff_ids) {
        let (extent, layer) = layer(tar, name, diff_id).await?;
        blobs.insert(layer.digest.clone(), Blob::Part(extent));
        layers.push(json!({
            "mediaType": layer.media_type,
            "digest": layer.digest,
            "size": layer.size,
        }));
    }
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": {
            "mediaType": media_type::OCI_CONFIG,
            "digest": config_digest,
            "size": bytes.len(),
        },
        "layers": layers,
    });
    blobs.insert(config_digest, Blob::Made(bytes));
    let text = serde_json_canonicalizer::to_vec(&document)
        .map_err(|error| wrong(format!("its manifest cannot be written: {error}")))?;
    let manifest = RawManifest::new(text.into(), media_type::OCI_MANIFEST.to_owned());
    let name = item.tags().first().cloned();
    let descriptor = Descriptor {
        platform: (!config.os.is_empty()).then(|| config.platform()),
        annotations: name
            .map(|name| (layout::NAME.to_owned(), name))
            .into_iter()
            .collect(),
        ..manifest.descriptor()
    };
    Ok(Made {
        manifest,
        descriptor,
        blobs,
    })
}

/// Finds a layer and describes it. One that is not compressed has its diff ID for a digest, which
/// is checked when it is sent; of a compressed one both are worked out here.
async fn layer(
    tar: &Tar,
    name: &str,
    diff_id: &Digest,
) -> Result<(Extent, Descriptor), RegistryError> {
    if diff_id.algorithm() != Algorithm::Sha256 {
        return Err(super::client::unsupported_algorithm(name, diff_id));
    }
    let Some(extent) = tar.find(name)? else {
        let detail = format!("`{}`, a layer of `{MANIFEST}`, is not in it", foreign(name));
        return Err(RegistryError::archive(tar.path(), detail));
    };
    let mut begin = Vec::new();
    tar.reader(extent)
        .take(6)
        .read_to_end(&mut begin)
        .map_err(|error| RegistryError::archive(tar.path(), error.to_string()))?;
    let described = |kind: &str, digest: Digest| Descriptor {
        media_type: format!("{LAYER}{kind}"),
        ..super::client::plain_descriptor(digest, extent.size)
    };
    let Some(packing) = Packing::of(&begin) else {
        return Ok((extent, described("", diff_id.clone())));
    };
    let (kind, Some(unpacked)) = (
        if packing == Packing::Gzip {
            "+gzip"
        } else {
            "+zstd"
        },
        packing.reader(tar.reader(extent)),
    ) else {
        return Err(RegistryError::Unsupported {
            what: format!("layer `{}` of {}", foreign(name), tar.path().display()),
            detail: format!("it is compressed with {}", packing.as_str()),
        });
    };
    let found = hash(tar, name, unpacked).await?;
    if found != *diff_id {
        return Err(RegistryError::Mismatch {
            what: format!(
                "layer `{}` of {}, unpacked,",
                foreign(name),
                tar.path().display()
            ),
            expected: diff_id.to_string(),
            actual: found.to_string(),
        });
    }
    let digest = hash(tar, name, tar.reader(extent)).await?;
    Ok((extent, described(kind, digest)))
}

async fn hash(tar: &Tar, name: &str, mut bytes: impl Read) -> Result<Digest, RegistryError> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    let mut seen: u64 = 0;
    loop {
        let count = bytes.read(&mut buffer).map_err(|error| {
            let detail = format!("layer `{}`: {}", foreign(name), foreign(&error.to_string()));
            RegistryError::archive(tar.path(), detail)
        })?;
        if count == 0 {
            return Ok(Digest::from_sha256(&hash.finalize()));
        }
        seen = seen.saturating_add(count as u64);
        if seen > LAYER_LIMIT {
            return Err(RegistryError::TooLarge {
                what: format!("layer `{}` of {}", foreign(name), tar.path().display()),
                limit: LAYER_LIMIT,
            });
        }
        hash.update(buffer.get(..count).unwrap_or_default());
        // Others have their turn: this takes seconds.
        tokio::task::yield_now().await;
    }
}
