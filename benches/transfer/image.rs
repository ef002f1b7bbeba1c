//! Images of bytes without a pattern, in a registry.
//!
//! Layers are uncompressed archives by their type: no program has a reason to compress or convert them.

use bytes::Bytes;
use countersign::demo::registry::Registry;
use countersign::model::oci::{RawManifest, media_type};
use countersign::model::{Digest, Repository};
use countersign::registry::Client;

/// An image or index, children before what names them.
pub(crate) struct Made {
    blobs: Vec<Bytes>,
    manifests: Vec<RawManifest>,
}

/// Returns bytes without a pattern, different for every seed.
pub(crate) fn noise(seed: u64, length: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// Returns a manifest over layers of which only digests and lengths are known, and its configuration.
pub(crate) fn manifest_of(layers: &[(Digest, u64)], architecture: &str) -> (RawManifest, Bytes) {
    let digests: Vec<&Digest> = layers.iter().map(|(digest, _)| digest).collect();
    let config = serde_json::json!({"architecture": architecture, "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": digests}});
    let config = Bytes::from(config.to_string());
    let named: Vec<serde_json::Value> = layers
        .iter()
        .map(|(digest, size)| {
            serde_json::json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size})
        })
        .collect();
    let document = serde_json::json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": {"mediaType": media_type::OCI_CONFIG, "digest": Digest::of(&config), "size": config.len()},
        "layers": named});
    let manifest = RawManifest::new(
        document.to_string().into(),
        media_type::OCI_MANIFEST.to_owned(),
    );
    (manifest, config)
}

impl Made {
    /// An image with layers of these sizes.
    pub(crate) fn image(sizes: &[usize]) -> Self {
        Self::seeded(1, "amd64", sizes)
    }

    fn seeded(seed: u64, architecture: &str, sizes: &[usize]) -> Self {
        let layers = (0..)
            .zip(sizes)
            .map(|(number, size)| noise(seed * 100 + number, *size));
        let mut blobs: Vec<Bytes> = layers.collect();
        let named: Vec<(Digest, u64)> = blobs
            .iter()
            .map(|layer| (Digest::of(layer), layer.len() as u64))
            .collect();
        let (manifest, config) = manifest_of(&named, architecture);
        blobs.push(config);
        Self {
            blobs,
            manifests: vec![manifest],
        }
    }

    /// An index of `count` images.
    pub(crate) fn index(count: u64, sizes: &[usize]) -> Self {
        let mut whole = Self {
            blobs: Vec::new(),
            manifests: Vec::new(),
        };
        let mut entries = Vec::new();
        for number in 0..count {
            let architecture = format!("cpu{number}");
            let one = Self::seeded(10 + number, &architecture, sizes);
            for manifest in &one.manifests {
                entries.push(serde_json::json!({"mediaType": manifest.media_type, "digest": manifest.digest,
                    "size": manifest.bytes.len(), "platform": {"architecture": architecture, "os": "linux"}}));
            }
            whole.blobs.extend(one.blobs);
            whole.manifests.extend(one.manifests);
        }
        let index = serde_json::json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries});
        let index = RawManifest::new(index.to_string().into(), media_type::OCI_INDEX.to_owned());
        whole.manifests.push(index);
        whole
    }

    /// Puts it into a registry of the project's own, as `lab/a:v1`.
    pub(crate) fn put(&self, registry: &Registry) {
        for blob in &self.blobs {
            registry.put_blob("lab/a", blob.clone());
        }
        let last = self.manifests.len().saturating_sub(1);
        for (place, manifest) in self.manifests.iter().enumerate() {
            let tag = (place == last).then_some("v1");
            registry.put_manifest("lab/a", tag, &manifest.media_type, manifest.bytes.clone());
        }
    }

    /// Sends it to any registry, as `lab/a` with a tag.
    pub(crate) async fn push(&self, client: &Client, host: &str, tag: &str) -> anyhow::Result<()> {
        let repository = Repository {
            registry: host.to_owned(),
            path: "lab/a".to_owned(),
        };
        for blob in &self.blobs {
            client.put_blob(&repository, blob.clone()).await?;
        }
        let mut last = None;
        for manifest in &self.manifests {
            client
                .put_manifest(&repository, &manifest.digest.to_string(), manifest)
                .await?;
            last = Some(manifest);
        }
        if let Some(top) = last {
            client.put_manifest(&repository, tag, top).await?;
        }
        Ok(())
    }
}
