//! A layout folder with one image in it, for scanners that cannot choose among several.
//!
//! It holds two small documents and a link to the blobs: nothing is copied.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::ScannerError;
use crate::model::oci::Descriptor;

/// Makes the view inside of `temporary` and returns its folder. With `linked` the blobs are a link
/// to those of `layout`; without, an empty folder that a container mounts them over.
pub(super) fn make(
    layout: &Path,
    chosen: &Descriptor,
    temporary: &Path,
    linked: bool,
) -> Result<PathBuf, ScannerError> {
    let folder = temporary.join("layout");
    build(layout, chosen, &folder, linked).map_err(|source| ScannerError::Write {
        path: folder.clone(),
        source,
    })?;
    Ok(folder)
}

fn build(layout: &Path, chosen: &Descriptor, folder: &Path, linked: bool) -> io::Result<()> {
    std::fs::create_dir(folder)?;
    let marker = json!({"imageLayoutVersion": "1.0.0"});
    std::fs::write(folder.join("oci-layout"), marker.to_string())?;
    let entry = json!({
        "mediaType": chosen.media_type,
        "digest": chosen.digest,
        "size": chosen.size,
    });
    let index = json!({"schemaVersion": 2, "manifests": [entry]});
    std::fs::write(folder.join("index.json"), index.to_string())?;
    if linked {
        let blobs = layout.canonicalize()?.join("blobs");
        std::os::unix::fs::symlink(blobs, folder.join("blobs"))
    } else {
        std::fs::create_dir(folder.join("blobs"))
    }
}
