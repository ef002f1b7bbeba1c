//! What hangs on an image: platforms, signatures, attestations, SBOMs, other artifacts.
//!
//! Whether something holds is `verify`'s answer, so that a tree never says otherwise; what a
//! document says inside is read by `attached`, when somebody asks.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;

use super::found::{self, Referrer};
use super::verify::{FoundSignature, VerifyOptions, verify};
use super::{
    BUNDLE_PREFIX, CREATED_ANNOTATION, LARGEST_SIGNATURE, MOST_LAYERS, SignaturesError,
    companion_tag,
};
use crate::formats::envelope::{Bundle, Envelope, Statement};
use crate::model::oci::{Descriptor, Manifest, ManifestKind, RawManifest, media_type};
use crate::model::{Digest, Repository};
use crate::registry::Client;
use crate::signing::{APPROVAL_PREDICATE, SIGN_PREDICATE, check_bundle, unverified_predicate};

/// The most platforms of an index that are drawn.
const MOST_PLATFORMS: usize = 64;
/// Platforms that are looked at side by side.
const AT_ONCE: usize = 4;
/// The annotation by which `BuildKit` names the image that an attestation in an index is about.
const ABOUT_ANNOTATION: &str = "vnd.docker.reference.digest";
/// The annotation by which `BuildKit` names the predicate of a statement.
const BUILDKIT_PREDICATE: &str = "in-toto.io/predicate-type";
/// The annotation by which cosign names the predicate of an attestation's layer.
const LAYER_PREDICATE: &str = "predicateType";

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// A list of platforms.
    Index,
    /// An image of one platform.
    Image,
    /// A signature in one of cosign's formats, or the tag that holds them.
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

impl NodeKind {
    /// Returns the word for screens and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Image => "image",
            Self::Signature => "signature",
            Self::Attestation => "attestation",
            Self::Sbom => "sbom",
            Self::NotationSignature => "notation signature",
            Self::Artifact => "artifact",
            Self::Unreadable => "unreadable",
        }
    }
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
    /// Its artifact type; for a statement the predicate type that it claims.
    pub artifact_type: Option<String>,
    /// Whether a given key signed it; none where that is no question or no key was given.
    pub verified: Option<bool>,
    /// Why it is not verified, or cannot be read.
    pub reason: Option<String>,
    /// The given key that signed it.
    pub key_fingerprint: Option<Digest>,
    /// When it was made, as it says (RFC 3339); nothing proves it.
    pub claimed_time: Option<String>,
    /// The platform, where an index names one.
    pub platform: Option<String>,
    /// The tag it is found behind.
    pub tag: Option<String>,
    /// The length in bytes of what the digest names.
    pub size: u64,
    /// The blob that holds the document: a bundle, an envelope, a statement, an SBOM.
    #[serde(skip)]
    pub document: Option<Descriptor>,
    /// What hangs on it.
    pub children: Vec<TreeNode>,
}

impl TreeNode {
    fn new(descriptor: &Descriptor, kind: NodeKind) -> Self {
        let platform = descriptor.platform.as_ref();
        Self {
            digest: descriptor.digest.clone(),
            kind,
            media_type: descriptor.media_type.clone(),
            artifact_type: descriptor.artifact_type.clone(),
            verified: None,
            reason: None,
            key_fingerprint: None,
            claimed_time: None,
            platform: platform.map(ToString::to_string),
            tag: None,
            size: descriptor.size,
            document: None,
            children: Vec::new(),
        }
    }

    /// Returns whether it is an SBOM, or a statement that holds one, and can be read.
    #[must_use]
    pub fn holds_sbom(&self) -> bool {
        let predicate = self.artifact_type.as_deref().unwrap_or_default();
        self.document.is_some()
            && match self.kind {
                NodeKind::Sbom => true,
                NodeKind::Attestation => SBOM_PREDICATES
                    .iter()
                    .any(|known| predicate.starts_with(known)),
                _ => false,
            }
    }

    /// Takes over what was found out about a signature or attestation.
    fn judge(&mut self, found: &FoundSignature) {
        self.verified = Some(found.valid);
        self.reason.clone_from(&found.reason);
        self.key_fingerprint.clone_from(&found.key_fingerprint);
        if found.claimed_time.is_some() {
            self.claimed_time.clone_from(&found.claimed_time);
        }
    }
}

/// How the predicate types of SBOMs begin; some writers add a version.
const SBOM_PREDICATES: [&str; 3] = [
    "https://cyclonedx.org/bom",
    "https://spdx.dev/Document",
    "https://syft.dev/bom",
];

/// What hangs on an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// The image or index.
    #[serde(flatten)]
    pub root: TreeNode,
    /// What was odd.
    pub warnings: Vec<String>,
}

/// Draws the tree of an image or index, one level of platforms deep. With no keys nothing is
/// verified, and nothing is said to be.
///
/// # Errors
/// When the image does not exist or is no image, or the registry refuses or does not answer.
pub async fn tree(
    client: &Client,
    repository: &Repository,
    image: &Digest,
    options: &VerifyOptions<'_>,
) -> Result<Tree, SignaturesError> {
    let raw = client.manifest(repository, &image.to_string()).await?;
    let view = raw.parse()?;
    let drawing = Drawing {
        client: client.clone(),
        repository: repository.clone(),
        options: options.clone(),
    };
    let ManifestKind::Index(index) = view else {
        let (root, warnings) = drawing.image(&raw.descriptor(), NodeKind::Image).await?;
        return Ok(Tree { root, warnings });
    };
    let (mut root, mut warnings) = drawing.image(&raw.descriptor(), NodeKind::Index).await?;
    let (statements, platforms): (Vec<&Descriptor>, Vec<&Descriptor>) = index
        .manifests
        .iter()
        .partition(|listed| listed.is_attestation());
    let left_out = platforms.len().saturating_sub(MOST_PLATFORMS);
    if left_out > 0 {
        warnings.push(format!(
            "{image} lists {} platforms, only the first {MOST_PLATFORMS} were looked at",
            platforms.len()
        ));
    }
    let wanted: Vec<Descriptor> = platforms
        .into_iter()
        .take(MOST_PLATFORMS)
        .cloned()
        .collect();
    let drawn: Vec<(TreeNode, Vec<String>)> = stream::iter(wanted)
        .map(|listed| {
            let drawing = drawing.clone();
            async move {
                let kind = if media_type::is_index(&listed.media_type) {
                    NodeKind::Index
                } else {
                    NodeKind::Image
                };
                drawing.image(&listed, kind).await
            }
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut platforms = Vec::new();
    for (node, odd) in drawn {
        platforms.push(node);
        warnings.extend(odd);
    }
    for listed in statements.into_iter().take(MOST_PLATFORMS) {
        let node = drawing.buildkit(listed).await?;
        let about = listed.annotations.get(ABOUT_ANNOTATION);
        let place = platforms
            .iter_mut()
            .find(|platform| about.is_some_and(|about| *about == platform.digest.to_string()));
        match place {
            Some(platform) => platform.children.push(node),
            None => root.children.push(node),
        }
    }
    platforms.append(&mut root.children);
    root.children = platforms;
    Ok(Tree { root, warnings })
}

#[derive(Clone)]
struct Drawing<'a> {
    client: Client,
    repository: Repository,
    options: VerifyOptions<'a>,
}

impl Drawing<'_> {
    /// Draws a manifest with its referrers and the tags that cosign keeps beside it.
    async fn image(
        &self,
        manifest: &Descriptor,
        kind: NodeKind,
    ) -> Result<(TreeNode, Vec<String>), SignaturesError> {
        let image = &manifest.digest;
        let mut node = TreeNode::new(manifest, kind);
        let referrers = found::referrers(&self.client, &self.repository, image).await?;
        let bundles = found::bundles(&self.client, &self.repository, &referrers).await?;
        let mut judged = self.judged(image).await?;
        for referrer in &referrers.list {
            let bundle = bundles
                .iter()
                .find(|bundle| bundle.stored_as == referrer.listed.digest);
            node.children.push(match bundle {
                Some(bundle) => judged.bundle(referrer, bundle),
                None => artifact(referrer),
            });
        }
        for (ending, kind) in [
            ("sig", NodeKind::Signature),
            ("att", NodeKind::Attestation),
            ("sbom", NodeKind::Sbom),
        ] {
            let tag = companion_tag(image, ending);
            let found = self.client.find_manifest(&self.repository, &tag).await?;
            if let Some(raw) = found {
                let mut child = self.companion(image, &raw, kind, &mut judged).await?;
                child.tag = Some(tag);
                node.children.push(child);
            }
        }
        Ok((node, referrers.warnings))
    }

    /// Returns what `verify` says about everything it knows; nothing where there is no key to ask with.
    async fn judged(&self, image: &Digest) -> Result<Judged, SignaturesError> {
        if self.options.keys.is_empty() {
            return Ok(Judged::default());
        }
        let found = verify(&self.client, &self.repository, image, &self.options).await?;
        Ok(Judged {
            asked: true,
            list: found
                .signatures
                .into_iter()
                .chain(found.attestations)
                .collect(),
        })
    }

    async fn companion(
        &self,
        image: &Digest,
        raw: &RawManifest,
        kind: NodeKind,
        judged: &mut Judged,
    ) -> Result<TreeNode, SignaturesError> {
        let mut node = TreeNode::new(&raw.descriptor(), kind);
        let manifest = match raw.parse() {
            Ok(ManifestKind::Manifest(manifest)) => manifest,
            Ok(ManifestKind::Index(_)) => {
                node.kind = NodeKind::Unreadable;
                node.reason = Some("it is an index".to_owned());
                return Ok(node);
            }
            Err(error) => {
                node.kind = NodeKind::Unreadable;
                node.reason = Some(error.to_string());
                return Ok(node);
            }
        };
        for layer in manifest.layers.iter().take(MOST_LAYERS) {
            let mut child = TreeNode::new(layer, kind);
            child.document = Some(layer.clone());
            match kind {
                NodeKind::Signature => judged.settle(&mut child),
                NodeKind::Attestation => self.attestation(image, layer, &mut child, judged).await?,
                _ => {}
            }
            node.children.push(child);
        }
        Ok(node)
    }

    /// Reads one attestation behind an `.att` tag: what it claims to be, and whether it holds.
    async fn attestation(
        &self,
        image: &Digest,
        layer: &Descriptor,
        node: &mut TreeNode,
        judged: &mut Judged,
    ) -> Result<(), SignaturesError> {
        node.artifact_type = layer.annotations.get(LAYER_PREDICATE).cloned();
        let read = self
            .client
            .blob(&self.repository, layer, LARGEST_SIGNATURE)
            .await;
        let bytes = match found::settle(read)? {
            Ok(bytes) => bytes,
            Err(reason) => {
                node.verified = judged.asked.then_some(false);
                node.reason = Some(reason);
                return Ok(());
            }
        };
        let envelope = Envelope::parse(&bytes);
        let statement = envelope
            .as_ref()
            .ok()
            .and_then(|envelope| Statement::parse(&envelope.payload).ok());
        if let Some(statement) = statement {
            node.artifact_type = Some(statement.predicate_type);
        }
        if judged.list.iter().any(|one| one.stored_as == layer.digest) {
            judged.settle(node);
        } else if judged.asked {
            // An envelope alone is checked as what it is inside a bundle.
            let bundle = envelope
                .map_err(|error| error.to_string())
                .and_then(|envelope| Bundle::write(&envelope, "").map_err(|it| it.to_string()));
            let checked = bundle.and_then(|bundle| {
                check_bundle(image, &bundle, self.options.keys).map_err(|it| it.to_string())
            });
            node.verified = Some(checked.is_ok());
            match checked {
                Ok(valid) => node.key_fingerprint = Some(valid.key),
                Err(reason) => node.reason = Some(reason),
            }
        }
        Ok(())
    }

    /// Draws the statements that `BuildKit` put beside an image; nobody signs them.
    async fn buildkit(&self, listed: &Descriptor) -> Result<TreeNode, SignaturesError> {
        let mut node = TreeNode::new(listed, NodeKind::Attestation);
        node.platform = None;
        let reference = listed.digest.to_string();
        let read = self.client.manifest(&self.repository, &reference).await;
        let manifest = match found::settle(read)?.map(|raw| raw.parse()) {
            Ok(Ok(ManifestKind::Manifest(manifest))) => manifest,
            Ok(Ok(ManifestKind::Index(_))) => {
                node.kind = NodeKind::Unreadable;
                return Ok(node);
            }
            Ok(Err(error)) => {
                node.kind = NodeKind::Unreadable;
                node.reason = Some(error.to_string());
                return Ok(node);
            }
            Err(reason) => {
                node.kind = NodeKind::Unreadable;
                node.reason = Some(reason);
                return Ok(node);
            }
        };
        let layers = manifest.layers.iter().take(MOST_LAYERS);
        node.children = layers
            .map(|layer| {
                let mut child = TreeNode::new(layer, NodeKind::Attestation);
                child.artifact_type = layer.annotations.get(BUILDKIT_PREDICATE).cloned();
                child.document = Some(layer.clone());
                child
            })
            .collect();
        Ok(node)
    }
}

/// What `verify` said about what hangs on one image.
#[derive(Default)]
struct Judged {
    /// Whether there was a key to ask with.
    asked: bool,
    list: Vec<FoundSignature>,
}

impl Judged {
    /// Gives a node its answer. Two signatures of one payload have one digest: each takes the next.
    fn settle(&mut self, node: &mut TreeNode) {
        let place = self
            .list
            .iter()
            .position(|one| one.stored_as == node.digest);
        match place {
            Some(place) => node.judge(&self.list.remove(place)),
            None => node.verified = self.asked.then_some(false),
        }
    }

    fn bundle(&mut self, referrer: &Referrer, bundle: &found::FoundBundle) -> TreeNode {
        let mut node = TreeNode::new(&referrer.listed, NodeKind::Unreadable);
        node.claimed_time.clone_from(&bundle.claimed_time);
        node.document = referrer.bundle_layer().cloned();
        match &bundle.content {
            Err(reason) => {
                node.artifact_type.clone_from(&bundle.annotated_predicate);
                node.reason = Some(reason.clone());
            }
            Ok(content) => {
                node.artifact_type = unverified_predicate(content);
                node.kind = match node.artifact_type.as_deref() {
                    None => NodeKind::Unreadable,
                    Some(SIGN_PREDICATE | APPROVAL_PREDICATE) => NodeKind::Signature,
                    Some(_) => NodeKind::Attestation,
                };
            }
        }
        self.settle(&mut node);
        node
    }
}

/// Draws a referrer that is no bundle.
fn artifact(referrer: &Referrer) -> TreeNode {
    let mut node = TreeNode::new(&referrer.listed, NodeKind::Unreadable);
    let manifest = match &referrer.manifest {
        Ok(manifest) => manifest,
        Err(reason) => {
            node.reason = Some(reason.clone());
            return node;
        }
    };
    let kind = artifact_type(manifest);
    node.kind = match kind.as_str() {
        "application/vnd.cncf.notary.signature" => NodeKind::NotationSignature,
        "application/vnd.cyclonedx+json"
        | "application/vnd.cyclonedx+xml"
        | "application/vnd.cyclonedx"
        | "text/spdx"
        | "text/spdx+json"
        | "application/spdx+json"
        | "application/vnd.syft+json" => NodeKind::Sbom,
        kind if kind.starts_with(BUNDLE_PREFIX) => NodeKind::Unreadable,
        _ => NodeKind::Artifact,
    };
    node.claimed_time = manifest.annotations.get(CREATED_ANNOTATION).cloned();
    node.artifact_type = Some(kind);
    if let ([layer], NodeKind::Sbom) = (manifest.layers.as_slice(), node.kind) {
        node.document = Some(layer.clone());
    }
    node
}

fn artifact_type(manifest: &Manifest) -> String {
    let own = manifest.artifact_type.clone();
    own.unwrap_or_else(|| manifest.config.media_type.clone())
}
