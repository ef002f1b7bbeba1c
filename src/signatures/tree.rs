//! What hangs on an image: platforms, signatures, attestations, other artifacts.
//!
//! Described, not judged: only bundles and signatures by given keys are marked as verified.

use serde::Serialize;

use super::found::{self, Referrer};
use super::{BUNDLE_PREFIX, SIGNATURE_ANNOTATION, SignaturesError, companion_tag};
use crate::model::oci::{Descriptor, ManifestKind, RawManifest, media_type};
use crate::model::{Digest, Repository};
use crate::registry::Client;
use crate::signing::{PublicKey, SIGN_PREDICATE, check_bundle, check_legacy, unverified_predicate};

/// The most platforms of an index that are drawn.
const MOST_PLATFORMS: usize = 64;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// A list of platforms.
    Index,
    /// An image of one platform.
    Image,
    /// A signature in one of cosign's formats.
    Signature,
    /// A signed statement that is no signature, or `BuildKit`'s unsigned one.
    Attestation,
    /// A software bill of materials: a referrer, or behind cosign's `.sbom` tag.
    Sbom,
    /// A signature of the Notary Project; it may only mean that the image was pushed.
    NotationSignature,
    /// Any other artifact.
    Artifact,
    /// Something that is listed and cannot be used.
    Unreadable,
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TreeNode {
    /// The digest.
    pub digest: Digest,
    /// What it is.
    pub kind: NodeKind,
    /// Its media type.
    pub media_type: String,
    /// Its artifact type; for a bundle the predicate type that it claims.
    pub artifact_type: Option<String>,
    /// Whether a given key signed it; none where that is no question or no key was given.
    pub verified: Option<bool>,
    /// What hangs on it.
    pub children: Vec<TreeNode>,
}

/// Draws the tree of an image or index, one level of platforms deep.
///
/// # Errors
/// When the image does not exist or is no image, or the registry refuses or does not answer.
pub async fn tree(
    client: &Client,
    repository: &Repository,
    image: &Digest,
    keys: &[PublicKey],
) -> Result<TreeNode, SignaturesError> {
    let raw = client.manifest(repository, &image.to_string()).await?;
    let view = raw.parse()?;
    let drawing = Drawing {
        client,
        repository,
        keys,
    };
    let ManifestKind::Index(index) = view else {
        return drawing.image(&raw.descriptor(), NodeKind::Image).await;
    };
    let mut root = drawing.image(&raw.descriptor(), NodeKind::Index).await?;
    let mut platforms = Vec::new();
    for platform in index.manifests.iter().take(MOST_PLATFORMS) {
        platforms.push(drawing.platform(platform).await?);
    }
    platforms.append(&mut root.children);
    root.children = platforms;
    Ok(root)
}

struct Drawing<'a> {
    client: &'a Client,
    repository: &'a Repository,
    keys: &'a [PublicKey],
}

impl Drawing<'_> {
    async fn platform(&self, listed: &Descriptor) -> Result<TreeNode, SignaturesError> {
        let kind = listed.annotations.get("vnd.docker.reference.type");
        if kind.is_some_and(|kind| kind == "attestation-manifest") {
            return Ok(leaf(listed, NodeKind::Attestation));
        }
        let kind = if media_type::is_index(&listed.media_type) {
            NodeKind::Index
        } else {
            NodeKind::Image
        };
        self.image(listed, kind).await
    }

    /// Draws a manifest with its referrers and the tags that cosign keeps beside it.
    async fn image(
        &self,
        manifest: &Descriptor,
        kind: NodeKind,
    ) -> Result<TreeNode, SignaturesError> {
        let image = &manifest.digest;
        let mut node = leaf(manifest, kind);
        let referrers = found::referrers(self.client, self.repository, image).await?;
        let bundles = found::bundles(self.client, self.repository, &referrers).await?;
        for referrer in &referrers.list {
            let bundle = bundles
                .iter()
                .find(|bundle| bundle.stored_as == referrer.listed.digest);
            node.children.push(match bundle {
                Some(bundle) => self.bundle(image, referrer, bundle),
                None => artifact(referrer),
            });
        }
        for (ending, kind) in [
            ("sig", NodeKind::Signature),
            ("att", NodeKind::Attestation),
            ("sbom", NodeKind::Sbom),
        ] {
            let tag = companion_tag(image, ending);
            if let Some(raw) = self.client.find_manifest(self.repository, &tag).await? {
                node.children.push(self.companion(image, &raw, kind).await?);
            }
        }
        Ok(node)
    }

    fn bundle(&self, image: &Digest, referrer: &Referrer, bundle: &found::FoundBundle) -> TreeNode {
        let mut node = leaf(&referrer.listed, NodeKind::Unreadable);
        let Ok(content) = &bundle.content else {
            return node;
        };
        node.artifact_type = unverified_predicate(content);
        node.kind = match node.artifact_type.as_deref() {
            None => NodeKind::Unreadable,
            Some(SIGN_PREDICATE) => NodeKind::Signature,
            Some(_) => NodeKind::Attestation,
        };
        node.verified = self.asked(check_bundle(image, content, self.keys).is_ok());
        node
    }

    async fn companion(
        &self,
        image: &Digest,
        raw: &RawManifest,
        kind: NodeKind,
    ) -> Result<TreeNode, SignaturesError> {
        let mut node = leaf(&raw.descriptor(), kind);
        let Ok(ManifestKind::Manifest(manifest)) = raw.parse() else {
            node.kind = NodeKind::Unreadable;
            return Ok(node);
        };
        if kind != NodeKind::Signature {
            node.children = manifest
                .layers
                .iter()
                .map(|layer| leaf(layer, kind))
                .collect();
            return Ok(node);
        }
        for found in found::legacy(self.client, self.repository, image)
            .await?
            .layers
        {
            let mut child = leaf(&found.layer, NodeKind::Signature);
            let signature = found.layer.annotations.get(SIGNATURE_ANNOTATION);
            let signature = signature.map(String::as_str);
            let holds = found.payload.is_ok_and(|payload| {
                check_legacy(image, &found.layer.digest, &payload, signature, self.keys).is_ok()
            });
            child.verified = self.asked(holds);
            node.children.push(child);
        }
        Ok(node)
    }

    /// An answer counts only where a key was given to ask with.
    fn asked(&self, holds: bool) -> Option<bool> {
        (!self.keys.is_empty()).then_some(holds)
    }
}

fn leaf(descriptor: &Descriptor, kind: NodeKind) -> TreeNode {
    TreeNode {
        digest: descriptor.digest.clone(),
        kind,
        media_type: descriptor.media_type.clone(),
        artifact_type: descriptor.artifact_type.clone(),
        verified: None,
        children: Vec::new(),
    }
}

/// Draws a referrer that is no bundle.
fn artifact(referrer: &Referrer) -> TreeNode {
    let mut node = leaf(&referrer.listed, NodeKind::Unreadable);
    let Ok(manifest) = &referrer.manifest else {
        return node;
    };
    let own = manifest.artifact_type.clone();
    let kind = own.unwrap_or_else(|| manifest.config.media_type.clone());
    node.kind = match kind.as_str() {
        "application/vnd.cncf.notary.signature" => NodeKind::NotationSignature,
        "application/vnd.cyclonedx+json"
        | "application/vnd.cyclonedx+xml"
        | "text/spdx"
        | "application/spdx+json"
        | "application/vnd.syft+json" => NodeKind::Sbom,
        kind if kind.starts_with(BUNDLE_PREFIX) => NodeKind::Unreadable,
        _ => NodeKind::Artifact,
    };
    node.artifact_type = Some(kind);
    node
}
