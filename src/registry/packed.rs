//! The blobs of an image in a tar archive: parts of its file, or documents made here.
//!
//! Which bytes are which blob is decided in `layout` and `saved`.

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use futures_util::stream::{StreamExt as _, once};

use super::error::RegistryError;
use super::stream::Bytestream;
use super::tar::{Extent, Tar};
use crate::model::Digest;

/// Where the bytes of a blob are.
#[derive(Clone, Debug)]
pub(super) enum Blob {
    /// In the file.
    Part(Extent),
    /// Here.
    Made(Bytes),
}

/// An archive and its blobs.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    tar: Tar,
    blobs: HashMap<Digest, Blob>,
}

/// Returns the blobs of an archive that holds a layout.
///
/// # Errors
/// When one is a link that leads nowhere.
pub(super) fn blobs(tar: &Tar) -> Result<HashMap<Digest, Blob>, RegistryError> {
    let mut blobs = HashMap::new();
    for name in tar.names() {
        let path = name
            .strip_prefix("blobs/")
            .and_then(|rest| rest.split_once('/'));
        let Some((algorithm, hex)) = path else {
            continue;
        };
        // What is called otherwise is nobody's blob.
        let Ok(digest) = format!("{algorithm}:{hex}").parse() else {
            continue;
        };
        if let Some(extent) = tar.find(name)? {
            blobs.insert(digest, Blob::Part(extent));
        }
    }
    Ok(blobs)
}

impl Packed {
    /// Puts an archive and its blobs together.
    pub(super) fn new(tar: Tar, blobs: HashMap<Digest, Blob>) -> Self {
        Self { tar, blobs }
    }

    /// Returns the archive's file name.
    pub(super) fn path(&self) -> &Path {
        self.tar.path()
    }

    fn blob(&self, digest: &Digest) -> Result<&Blob, RegistryError> {
        self.blobs
            .get(digest)
            .ok_or_else(|| RegistryError::MissingBlob {
                path: self.path().to_owned(),
                digest: digest.clone(),
            })
    }

    /// Returns how many bytes a blob has.
    ///
    /// # Errors
    /// When it is missing.
    pub(super) fn size(&self, digest: &Digest) -> Result<u64, RegistryError> {
        Ok(match self.blob(digest)? {
            Blob::Part(extent) => extent.size,
            Blob::Made(bytes) => bytes.len() as u64,
        })
    }

    /// Reads a small blob whole, unchecked.
    ///
    /// # Errors
    /// When it is missing, larger than `limit` or cannot be read.
    pub(super) fn bytes(&self, digest: &Digest, limit: u64) -> Result<Bytes, RegistryError> {
        match self.blob(digest)? {
            Blob::Made(bytes) => Ok(bytes.clone()),
            Blob::Part(extent) => self.tar.read_part(*extent, limit, &digest.to_string()),
        }
    }

    /// Returns the bytes of a blob, unchecked.
    pub(super) fn stream(&self, digest: &Digest) -> Bytestream {
        match self.blob(digest) {
            Ok(Blob::Part(extent)) => self.tar.stream(*extent),
            Ok(Blob::Made(bytes)) => {
                let bytes = bytes.clone();
                once(async move { Ok(bytes) }).boxed()
            }
            Err(error) => once(async move { Err(error) }).boxed(),
        }
    }
}
