//! Synthetic images: small, real and the same on every machine.
//!
//! Only what a registry needs is made here; the reports about them are texts in `assets/demo`.

use bytes::Bytes;
use serde_json::json;

use crate::model::oci::media_type;
use crate::model::{Digest, to_hex};

use super::registry::Registry;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A single-platform image whose layers are uncompressed, so that diff IDs are layer digests.
#[derive(Clone, Debug)]
pub struct SyntheticImage {
    /// The manifest.
    pub manifest: Bytes,
    /// The configuration.
    pub config: Bytes,
    /// The layers, lowest first.
    pub layers: Vec<Bytes>,
}

impl SyntheticImage {
    /// Builds the image: one layer a file, each file of `size` bytes of repeated `name`.
    #[must_use]
    pub fn build(name: &str, files: &[(&str, usize)], created: &str) -> Self {
        let layers: Vec<Bytes> = files
            .iter()
            .map(|(path, size)| tar_of(path, name, *size))
            .collect();
        let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
        let history: Vec<_> = files
            .iter()
            .map(|(path, _)| json!({"created": created, "created_by": format!("COPY {path} /{path}")}))
            .collect();
        let config = json!({
            "created": created,
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "User": "caddy",
                "Env": ["XDG_CONFIG_HOME=/config", "XDG_DATA_HOME=/data"],
                "Cmd": ["caddy", "run", "--config", "/etc/caddy/Caddyfile"],
                "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
                "Healthcheck": {"Test": ["CMD", "caddy", "version"]},
            },
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history,
        });
        let config = Bytes::from(config.to_string());
        let descriptor = |media_type: &str, bytes: &Bytes| json!({"mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len()});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": descriptor(media_type::OCI_CONFIG, &config),
            "layers": layers.iter().map(|layer| descriptor(LAYER, layer)).collect::<Vec<_>>(),
        });
        Self {
            manifest: Bytes::from(manifest.to_string()),
            config,
            layers,
        }
    }

    /// Returns the manifest's digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// Puts the image into a registry under a tag.
    pub fn push(&self, registry: &Registry, repository: &str, tag: &str) {
        for blob in self.layers.iter().chain([&self.config]) {
            registry.put_blob(repository, blob.clone());
        }
        registry.put_manifest(
            repository,
            Some(tag),
            media_type::OCI_MANIFEST,
            self.manifest.clone(),
        );
    }
}

/// Returns a tar archive (POSIX ustar) of one file.
fn tar_of(path: &str, text: &str, size: usize) -> Bytes {
    let mut header = Vec::with_capacity(512);
    let mut field = |value: String, width: usize| {
        let mut bytes = value.into_bytes();
        bytes.resize(width, 0);
        header.extend_from_slice(&bytes);
    };
    field(path.to_owned(), 100);
    field("0000755".to_owned(), 8);
    field("0000000".to_owned(), 8);
    field("0000000".to_owned(), 8);
    field(format!("{size:011o}"), 12);
    field("00000000000".to_owned(), 12);
    field(" ".repeat(8), 8); // the checksum is taken over spaces
    field("0".to_owned(), 1);
    field(String::new(), 100);
    field("ustar\0".to_owned() + "00", 8);
    field(String::new(), 512 - 265);
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let checksum = format!("{sum:06o}\0 ");
    header.splice(148..156, checksum.into_bytes());

    let line = format!("{text} {}\n", to_hex(text.as_bytes()));
    let mut archive = header;
    archive.extend(line.bytes().cycle().take(size));
    let padded = archive.len().div_ceil(512) * 512 + 1024;
    archive.resize(padded, 0);
    Bytes::from(archive)
}
