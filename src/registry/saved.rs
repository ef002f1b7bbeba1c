//! Images saved into a tar archive: opening the file, and telling which of the forms it has.
//!
//! The bytes stay where they are. Only an archive that is compressed as a whole cannot be read at
//! any place of it: that one is unpacked, once, into a file without a name.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::CONFIG_LIMIT;
use super::docker;
use super::error::{RegistryError, foreign};
use super::layout::Layout;
use super::tar::Tar;
use super::unpack::Packing;
use crate::model::ArchiveForm;
use crate::model::oci::{Descriptor, ImageConfig, ManifestKind};

/// The most bytes that a compressed archive may have when it is unpacked.
pub(super) const SPOOL_LIMIT: u64 = 10 << 30;

/// Bytes unpacked at once.
const BUFFER: usize = 1 << 20;

/// Opens an archive and finds the image that `reference` names in it, or the only one.
///
/// # Errors
/// When the file cannot be read, is no such archive, is damaged or hostile, or does not hold one
/// image of that name.
pub(super) async fn open(
    form: ArchiveForm,
    path: &Path,
    reference: Option<&str>,
) -> Result<(Layout, Descriptor), RegistryError> {
    let wrong = |error: std::io::Error| RegistryError::archive(path, error.to_string());
    // Opening a pipe would hang.
    if !std::fs::metadata(path).map_err(wrong)?.is_file() {
        return Err(RegistryError::archive(path, "is not a regular file"));
    }
    let file = plain(path, File::open(path).map_err(wrong)?).await?;
    choose(form, Tar::read(path, file)?, reference).await
}

/// Finds the image in an archive.
///
/// # Errors
/// As [`open`].
pub(super) async fn choose(
    form: ArchiveForm,
    tar: Tar,
    reference: Option<&str>,
) -> Result<(Layout, Descriptor), RegistryError> {
    let has = |name: &str| tar.find(name).map(|found| found.is_some());
    let is_layout = has("oci-layout")? && has("index.json")?;
    let is_docker = has(docker::MANIFEST)?;
    let wrong = |detail: &str| Err(RegistryError::archive(tar.path(), detail));
    match form {
        ArchiveForm::Oci if is_layout => {
            let layout = Layout::of_archive(tar)?;
            let descriptor = layout.resolve(reference)?;
            Ok((layout, descriptor))
        }
        ArchiveForm::Oci if is_docker => {
            wrong("it is what `docker save` wrote: say docker-archive:FILE")
        }
        ArchiveForm::Docker if is_layout => {
            let layout = Layout::of_archive(tar.clone())?;
            let found = layout.resolve(reference);
            match found {
                Ok(descriptor) if !is_docker || has_layers(&layout, &descriptor).await? => {
                    Ok((layout, descriptor))
                }
                Ok(_) | Err(RegistryError::NotFound { .. }) if is_docker => {
                    docker::open(tar, reference).await
                }
                Ok(descriptor) => Ok((layout, descriptor)),
                Err(error) => Err(error),
            }
        }
        ArchiveForm::Docker if is_docker => docker::open(tar, reference).await,
        ArchiveForm::Docker if has("repositories")? => {
            wrong("it has no manifest.json: Docker before 1.10 saved it, without the image's ID")
        }
        ArchiveForm::Oci | ArchiveForm::Docker => {
            wrong("it holds neither index.json nor manifest.json, so no image")
        }
    }
}

/// Returns whether a manifest names as many layers as its configuration: Docker 25.0 saved
/// manifests without any, and only `manifest.json` beside them has them.
async fn has_layers(layout: &Layout, descriptor: &Descriptor) -> Result<bool, RegistryError> {
    let ManifestKind::Manifest(document) = layout.manifest(descriptor).await?.parse()? else {
        return Ok(true);
    };
    let config = layout.blob(&document.config, CONFIG_LIMIT).await?;
    let config: ImageConfig = serde_json::from_slice(&config).unwrap_or_default();
    Ok(config.rootfs.diff_ids.len() == document.layers.len())
}

/// Returns a file that is no longer compressed: itself, or what it unpacks to.
async fn plain(path: &Path, file: File) -> Result<File, RegistryError> {
    let wrong = |error: std::io::Error| RegistryError::archive(path, error.to_string());
    let mut begin = [0; 6];
    let count = file.read_at(&mut begin, 0).map_err(wrong)?;
    let Some(packing) = Packing::of(begin.get(..count).unwrap_or_default()) else {
        return Ok(file);
    };
    let name = packing.as_str();
    let Some(mut reader) = packing.reader(file) else {
        let detail = format!("it is compressed with {name}: decompress it first");
        return Err(RegistryError::archive(path, detail));
    };
    let mut spool = Spool::new()?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = reader.read(&mut buffer).map_err(|error| {
            let detail = format!("as {name} it is damaged: {}", foreign(&error.to_string()));
            RegistryError::archive(path, detail)
        })?;
        if count == 0 {
            return spool.finish();
        }
        spool.write(buffer.get(..count).unwrap_or_default(), path)?;
        // Others have their turn: this takes seconds.
        tokio::task::yield_now().await;
    }
}

/// A file without a name for what cannot be read where it is.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    size: u64,
}

impl Spool {
    /// Makes an empty one in the folder for temporary files.
    ///
    /// # Errors
    /// When there can be none.
    pub(super) fn new() -> Result<Self, RegistryError> {
        let folder = std::env::temp_dir();
        let file = tempfile::tempfile_in(&folder)
            .map_err(|error| RegistryError::archive(&folder, error.to_string()))?;
        Ok(Self { file, size: 0 })
    }

    /// Adds bytes of `from`.
    ///
    /// # Errors
    /// When they are too many altogether, or the disk is full.
    pub(super) fn write(&mut self, bytes: &[u8], from: &Path) -> Result<(), RegistryError> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > SPOOL_LIMIT {
            return Err(RegistryError::TooLarge {
                what: format!("what {} unpacks to", from.display()),
                limit: SPOOL_LIMIT,
            });
        }
        self.file.write_all(bytes).map_err(|error| {
            let folder = std::env::temp_dir();
            let detail = format!(
                "it is unpacked into {} (TMPDIR), which does not take it: {error}",
                folder.display()
            );
            RegistryError::archive(from, detail)
        })
    }

    /// Returns the file.
    ///
    /// # Errors
    /// When the disk is full.
    pub(super) fn finish(mut self) -> Result<File, RegistryError> {
        self.file
            .flush()
            .map_err(|error| RegistryError::archive(std::env::temp_dir(), error.to_string()))?;
        Ok(self.file)
    }
}
