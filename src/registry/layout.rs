//! OCI image layouts (image specification, `image-layout.md`), read only: in a folder, or in a tar
//! archive as it lies there.
//!
//! Paths are made from checked digests alone and may not leave the folder through a link. What an
//! archive holds is found out in `saved`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{StreamExt as _, TryStreamExt as _};
use serde::Deserialize;
use tokio_util::io::ReaderStream;

use super::MANIFEST_LIMIT;
use super::error::{RegistryError, foreign};
use super::packed::{self, Packed};
use super::stream::Bytestream;
use super::tar::Tar;
use crate::model::oci::{Descriptor, Index, ManifestKind, RawManifest};
use crate::model::{Digest, ImageReference};

/// The annotation that names an image of a layout.
pub(super) const NAME: &str = "org.opencontainers.image.ref.name";

/// The annotation by which containerd names an image of a layout.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Bytes read at once.
const BUFFER: usize = 256 << 10;

/// A layout, opened: its `oci-layout` and `index.json` were read and make sense.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The folder with links resolved, or the archive's file.
    root: PathBuf,
    /// The blobs of an archive; a folder's are files.
    packed: Option<Arc<Packed>>,
    index: Arc<Index>,
}

/// One image of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutEntry {
    /// The name, where it has one.
    pub name: Option<String>,
    /// What it names.
    pub descriptor: Descriptor,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Marker {
    fn is_known(&self) -> bool {
        self.image_layout_version.starts_with("1.")
    }
}

impl Layout {
    /// Opens a layout folder.
    ///
    /// # Errors
    /// When the folder, `oci-layout` or `index.json` is missing, too large or not what it should
    /// be, or the layout's version is not 1.
    pub fn open(directory: &Path) -> Result<Self, RegistryError> {
        let root = directory
            .canonicalize()
            .map_err(|error| RegistryError::layout(directory, error.to_string()))?;
        let marker: Marker = read_json(&root, "oci-layout")?;
        if !marker.is_known() {
            let detail = format!("version `{}`", foreign(&marker.image_layout_version));
            return Err(RegistryError::layout(root.join("oci-layout"), detail));
        }
        let index = Arc::new(read_json(&root, "index.json")?);
        Ok(Self {
            root,
            packed: None,
            index,
        })
    }

    /// Opens the layout that an archive holds.
    ///
    /// # Errors
    /// As [`Layout::open`].
    pub(super) fn of_archive(tar: Tar) -> Result<Self, RegistryError> {
        let wrong = |name: &str, detail: &str| {
            let detail = format!("`{name}`: {}", foreign(detail));
            RegistryError::archive(tar.path(), detail)
        };
        let marker = tar.bytes("oci-layout", MANIFEST_LIMIT)?;
        let marker: Marker = serde_json::from_slice(&marker)
            .map_err(|error| wrong("oci-layout", &error.to_string()))?;
        if !marker.is_known() {
            let detail = format!("version `{}`", marker.image_layout_version);
            return Err(wrong("oci-layout", &detail));
        }
        let index = tar.bytes("index.json", MANIFEST_LIMIT)?;
        let index: Index = serde_json::from_slice(&index)
            .map_err(|error| wrong("index.json", &error.to_string()))?;
        let blobs = packed::blobs(&tar)?;
        Ok(Self::packed(Packed::new(tar, blobs), index))
    }

    /// Makes a layout of the blobs of an archive that has none itself.
    pub(super) fn packed(packed: Packed, index: Index) -> Self {
        Self {
            root: packed.path().to_owned(),
            packed: Some(Arc::new(packed)),
            index: Arc::new(index),
        }
    }

    /// Returns whether a manifest and everything below it is there.
    ///
    /// # Errors
    /// When a document that is there cannot be read.
    pub async fn is_whole(&self, descriptor: &Descriptor) -> Result<bool, RegistryError> {
        if self.check(descriptor).is_err() {
            return Ok(false);
        }
        let parts = match self.manifest(descriptor).await?.parse()? {
            ManifestKind::Manifest(document) => [document.layers, vec![document.config]].concat(),
            // One of its children may be wanted, and is asked for itself.
            ManifestKind::Index(_) => Vec::new(),
        };
        let mut parts = parts.iter().filter(|part| !part.is_foreign());
        Ok(parts.all(|part| self.check(part).is_ok()))
    }

    /// Lists the images of the layout, in the order of `index.json`.
    #[must_use]
    pub fn list(&self) -> Vec<LayoutEntry> {
        self.index
            .manifests
            .iter()
            .map(|descriptor| LayoutEntry {
                name: names(descriptor).next().map(str::to_owned),
                descriptor: descriptor.clone(),
            })
            .collect()
    }

    /// Chooses an image by name or digest, or the only one.
    ///
    /// # Errors
    /// When nothing is named so, or nothing is named and there are several.
    pub fn resolve(&self, reference: Option<&str>) -> Result<Descriptor, RegistryError> {
        let entries = self.list();
        let digest: Option<Digest> = reference.and_then(|text| text.parse().ok());
        let chosen: Vec<&LayoutEntry> = entries
            .iter()
            .filter(|entry| match (reference, &digest) {
                (None, _) => true,
                (Some(_), Some(digest)) => entry.descriptor.digest == *digest,
                (Some(name), None) => names(&entry.descriptor).any(|own| is_same(own, name)),
            })
            .collect();
        let what = || match reference {
            Some(reference) => format!("`{}` in {}", foreign(reference), self.root.display()),
            None => format!("an image in {}", self.root.display()),
        };
        match (chosen.as_slice(), digest) {
            ([only], _) => Ok(only.descriptor.clone()),
            ([first, rest @ ..], _)
                if rest
                    .iter()
                    .all(|entry| entry.descriptor.digest == first.descriptor.digest) =>
            {
                Ok(first.descriptor.clone())
            }
            // A platform's manifest is in the folder without being in index.json.
            ([], Some(digest)) => self.find_by_digest(&digest),
            ([], None) => Err(RegistryError::NotFound { what: what() }),
            (several, _) => Err(RegistryError::Ambiguous {
                what: what(),
                choices: several
                    .iter()
                    .take(20)
                    .map(|entry| {
                        let digest = entry.descriptor.digest.to_string();
                        entry.name.as_deref().map_or(digest, foreign)
                    })
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    fn find_by_digest(&self, digest: &Digest) -> Result<Descriptor, RegistryError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Typed {
            media_type: Option<String>,
        }
        let (path, bytes) = if let Some(packed) = &self.packed {
            (self.root.clone(), packed.bytes(digest, MANIFEST_LIMIT)?)
        } else {
            let path = self.blob_path(digest)?;
            let bytes = read_small(&path)?;
            (path, bytes.into())
        };
        let typed: Typed = serde_json::from_slice(&bytes)
            .map_err(|error| RegistryError::layout(&path, foreign(&error.to_string())))?;
        let media_type = typed.media_type.ok_or_else(|| {
            RegistryError::layout(&path, "names no media type and is not in index.json")
        })?;
        Ok(Descriptor {
            media_type,
            ..super::client::plain_descriptor(digest.clone(), bytes.len() as u64)
        })
    }

    /// Reads a manifest or index; size and digest are checked.
    ///
    /// # Errors
    /// When the file is missing, larger than [`MANIFEST_LIMIT`] or not what the descriptor says.
    pub async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, RegistryError> {
        let bytes = self.blob(descriptor, MANIFEST_LIMIT).await?;
        Ok(RawManifest::new(bytes, descriptor.media_type.clone()))
    }

    /// Reads a blob whole; size and digest are checked.
    ///
    /// # Errors
    /// When the file is missing, larger than `limit` or not what the descriptor says.
    pub async fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Bytes, RegistryError> {
        self.check(descriptor)?;
        let what = format!("blob {} of {}", descriptor.digest, self.root.display());
        super::stream::collect(self.stream(descriptor), descriptor, limit, &what).await
    }

    /// Checks that a blob is there and has the size that its descriptor says; its bytes are not
    /// read.
    ///
    /// # Errors
    /// When it is missing, no regular file, outside the folder or of another size.
    pub fn check(&self, descriptor: &Descriptor) -> Result<(), RegistryError> {
        let (what, size) = if let Some(packed) = &self.packed {
            let what = format!("blob {} of {}", descriptor.digest, self.root.display());
            (what, packed.size(&descriptor.digest)?)
        } else {
            let path = self.blob_path(&descriptor.digest)?;
            let file = path
                .metadata()
                .map_err(|error| RegistryError::layout(&path, error.to_string()))?;
            (path.display().to_string(), file.len())
        };
        if size == descriptor.size {
            return Ok(());
        }
        Err(RegistryError::Mismatch {
            what,
            expected: format!("{} bytes", descriptor.size),
            actual: format!("{size} bytes"),
        })
    }

    /// Returns the bytes of a blob, unchecked.
    pub(super) fn stream(&self, descriptor: &Descriptor) -> Bytestream {
        if let Some(packed) = &self.packed {
            return packed.stream(&descriptor.digest);
        }
        let layout = self.clone();
        let digest = descriptor.digest.clone();
        let opened = async move {
            let path = layout.blob_path(&digest)?;
            let wrong = {
                let path = path.clone();
                move |error: std::io::Error| RegistryError::layout(&path, error.to_string())
            };
            let file = tokio::fs::File::open(&path).await.map_err(&wrong)?;
            Ok::<_, RegistryError>(ReaderStream::with_capacity(file, BUFFER).map_err(wrong))
        };
        futures_util::stream::once(opened).try_flatten().boxed()
    }

    fn blob_path(&self, digest: &Digest) -> Result<PathBuf, RegistryError> {
        let path = self
            .root
            .join("blobs")
            .join(digest.algorithm().as_str())
            .join(digest.hex());
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(RegistryError::MissingBlob {
                    path: self.root.clone(),
                    digest: digest.clone(),
                });
            }
            Err(error) => return Err(RegistryError::layout(path, error.to_string())),
        };
        inside(&self.root, &real).map(|()| real)
    }
}

/// Returns what an entry of a layout is called: by containerd in full, by others as they like.
fn names(descriptor: &Descriptor) -> impl Iterator<Item = &str> {
    let annotations = &descriptor.annotations;
    [CONTAINERD_NAME, NAME]
        .into_iter()
        .filter_map(|key| annotations.get(key).map(String::as_str))
}

/// Returns whether two names mean the same, where both are an image's with what Docker fills in.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let expanded = |text: &str| text.parse::<ImageReference>().ok();
    one == other
        || (one.contains(':') && expanded(one).is_some_and(|one| Some(one) == expanded(other)))
}

/// Checks that a resolved path is a regular file of the folder.
fn inside(root: &Path, real: &Path) -> Result<(), RegistryError> {
    if !real.starts_with(root) {
        let detail = "is a link that leaves the layout's folder";
        return Err(RegistryError::layout(real, detail));
    }
    // Opening a pipe or device would hang or have effects.
    if !real.is_file() {
        return Err(RegistryError::layout(real, "is not a regular file"));
    }
    Ok(())
}

fn read_json<T: serde::de::DeserializeOwned>(root: &Path, name: &str) -> Result<T, RegistryError> {
    let path = root.join(name);
    let real = path
        .canonicalize()
        .map_err(|error| RegistryError::layout(&path, error.to_string()))?;
    inside(root, &real)?;
    let bytes = read_small(&real)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| RegistryError::layout(&path, foreign(&error.to_string())))
}

/// Reads a file of at most [`MANIFEST_LIMIT`] bytes.
fn read_small(path: &Path) -> Result<Vec<u8>, RegistryError> {
    let wrong = |error: std::io::Error| RegistryError::layout(path, error.to_string());
    let file = std::fs::File::open(path).map_err(wrong)?;
    let mut bytes = Vec::new();
    file.take(MANIFEST_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(wrong)?;
    if bytes.len() as u64 > MANIFEST_LIMIT {
        return Err(RegistryError::TooLarge {
            what: path.display().to_string(),
            limit: MANIFEST_LIMIT,
        });
    }
    Ok(bytes)
}
