//! Images made byte by byte, the same ones every time: of any size, of several platforms, nested, and written as no
//! serialiser of the project would write them.
//!
//! They are put into a registry of the project's own, or any other by its client.

use bytes::Bytes;
use countersign::model::Digest;
use countersign::model::oci::media_type;

/// An image or index with everything it names.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// Blobs, and manifests with their media type, children before what names them.
    pub(crate) blobs: Vec<Bytes>,
    pub(crate) manifests: Vec<(&'static str, Bytes)>,
}

/// Bytes that look like nothing in particular, different for every seed.
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

fn descriptor(media_type: &str, bytes: &[u8], more: &str) -> String {
    let (digest, size) = (Digest::of(bytes), bytes.len());
    format!(
        "{{ \"size\" :{size}, \"digest\":\"{digest}\",\t\"mediaType\":\"{media_type}\"{more} }}"
    )
}

impl Made {
    /// An image with layers of these sizes, and an empty one.
    pub(crate) fn image(seed: u64, architecture: &str, sizes: &[usize]) -> Self {
        let mut layers: Vec<Bytes> = (0..)
            .zip(sizes)
            .map(|(number, size)| noise(seed * 1000 + number, *size))
            .collect();
        layers.push(Bytes::new());
        let diff_ids: Vec<String> = layers
            .iter()
            .map(|layer| format!("\"{}\"", Digest::of(layer)))
            .collect();
        let config = Bytes::from(format!(
            r#"{{"architecture":"{architecture}","os":"linux","config":{{"User":"app"}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
            diff_ids.join(",")
        ));
        let named: Vec<String> = layers
            .iter()
            .map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", layer, ""))
            .collect();
        let manifest = format!(
            "{{\n\t\"unknown\": 1.50, \"schemaVersion\": 2,\r\n \"mediaType\": \"{}\", \"config\": {}, \"layers\": [{}],\n\n \"annotations\": {{\"caf\\u00e9\": \"\\/\"}} }}\n",
            media_type::OCI_MANIFEST,
            descriptor(media_type::OCI_CONFIG, &config, ""),
            named.join(" , ")
        );
        let mut blobs = layers;
        blobs.push(config);
        Self {
            blobs,
            manifests: vec![(media_type::OCI_MANIFEST, manifest.into())],
        }
    }

    /// An index over others, with a builder's attestation.
    pub(crate) fn index(of: Vec<(&str, Self)>) -> Self {
        let mut blobs = vec![Bytes::from_static(b"{}")];
        let mut manifests = Vec::new();
        let mut entries = Vec::new();
        let attestation = Bytes::from(format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[]}}"#,
            media_type::OCI_MANIFEST,
            descriptor("application/vnd.oci.empty.v1+json", b"{}", "")
        ));
        for (architecture, one) in of {
            let (kind, top) = one.top();
            let platform = format!(
                r#", "platform":{{"architecture":"{architecture}","os":"linux"}}, "x": []"#
            );
            let is_index = media_type::is_index(kind);
            entries.push(descriptor(kind, top, if is_index { "" } else { &platform }));
            blobs.extend(one.blobs);
            manifests.extend(one.manifests);
        }
        let unknown = r#","platform":{"architecture":"unknown","os":"unknown"},"annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#;
        entries.push(descriptor(media_type::OCI_MANIFEST, &attestation, unknown));
        manifests.push((media_type::OCI_MANIFEST, attestation));
        let index = format!(
            "{{\"manifests\":[{}] ,\"schemaVersion\":2,\r\n\"mediaType\":\"{}\",\"later\":null}}",
            entries.join(","),
            media_type::OCI_INDEX
        );
        manifests.push((media_type::OCI_INDEX, index.into()));
        Self { blobs, manifests }
    }

    /// An image for four platforms with layers of this size.
    pub(crate) fn four_platforms(size: usize) -> Self {
        let platforms = ["amd64", "arm64", "s390x", "ppc64le"];
        let images = (50..).zip(platforms);
        Self::index(
            images
                .map(|(seed, name)| (name, Self::image(seed, name, &[size, size / 2, size / 3])))
                .collect(),
        )
    }

    /// Returns the media type and bytes of the top manifest.
    pub(crate) fn top(&self) -> (&'static str, &Bytes) {
        let (kind, bytes) = self.manifests.last().expect("there is a manifest");
        (kind, bytes)
    }

    /// Returns the digest of the top manifest.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.top().1)
    }

    /// Puts everything into a registry of the project's own, the top manifest under a tag.
    pub(crate) fn put(
        &self,
        registry: &countersign::demo::registry::Registry,
        path: &str,
        tag: &str,
    ) {
        for blob in &self.blobs {
            registry.put_blob(path, blob.clone());
        }
        for (kind, bytes) in &self.manifests {
            let top = bytes == self.top().1;
            registry.put_manifest(path, top.then_some(tag), kind, bytes.clone());
        }
    }
}
