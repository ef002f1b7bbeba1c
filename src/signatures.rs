//! Signatures of images in registries: written in both of cosign's formats, found, verified, and
//! drawn as a tree.
//!
//! Cryptography is `crate::signing`'s and transport is `crate::registry`'s; which keys to trust
//! and what a missing signature means for a promotion is decided by the callers.

mod approval;
mod attach;
mod attached;
mod attest;
mod found;
mod keyless;
pub mod predicate;
mod sign;
mod tree;
mod trust;
mod verify;

pub use attach::{Fate, Layout, Stored};
pub use attached::{Attached, attached};
pub use attest::{AttestOptions, AttestOutcome, attest};
pub use found::count_certificates;
pub use keyless::{
    BUILT_IN_DATE, Certified, Keyless, Pattern, RootError, RootSource, Roots, TrustedIdentity,
};
pub use sign::{SignOptions, SignOutcome, children, sign};
pub use tree::{NodeKind, Tree, TreeNode, tree};
pub use trust::{NamedKey, Trust, TrustError};
pub use verify::{
    Approval, Evidence, EvidenceState, Format, FoundSignature, Trap, Verification, VerifyOptions,
    verify,
};

use crate::archive::ArchiveError;
use crate::error::{ErrorKind, Explain};
use crate::model::Digest;
use crate::model::oci::ManifestError;
use crate::registry::RegistryError;
use crate::signing::SigningError;

/// The most referrers of one image that are looked at; more are reported, not read.
const MOST_REFERRERS: usize = 100;
/// The most layers of a `.sig` manifest that are looked at.
const MOST_LAYERS: usize = 100;
/// The largest bundle or payload that is read, in bytes (Kyverno's limit as well).
const LARGEST_SIGNATURE: u64 = 10 * 1024 * 1024;
/// The annotation that holds the signature beside a simple-signing payload.
const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// The annotation that holds the certificate of a keyless signature.
const CERTIFICATE_ANNOTATION: &str = "dev.sigstore.cosign/certificate";
/// The annotation that repeats a bundle's predicate type; nothing signs it.
const PREDICATE_ANNOTATION: &str = "dev.sigstore.bundle.predicateType";
/// The annotation that says what a bundle holds.
const CONTENT_ANNOTATION: &str = "dev.sigstore.bundle.content";
/// When an artifact was made, as it claims.
const CREATED_ANNOTATION: &str = "org.opencontainers.image.created";
/// The media type of a layer behind the `.att` tag.
const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
/// Every version of the bundle's media type begins so.
const BUNDLE_PREFIX: &str = "application/vnd.dev.sigstore.bundle";

/// Returns cosign's tag for what belongs to an image: `sha256-<hex>.sig`, `.att`, `.sbom`.
fn companion_tag(image: &Digest, ending: &str) -> String {
    format!("{}-{}.{ending}", image.algorithm().as_str(), image.hex())
}

/// A signature that could not be written or looked for. That an image has no valid signature is
/// an answer, not an error.
#[derive(Debug, thiserror::Error)]
pub enum SignaturesError {
    /// The registry refused or did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The archive refused or did not answer.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The signer refused.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A manifest of the image that cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The tag for signatures names something else.
    #[error("tag {tag} of {repository} names {found} instead of signatures, and is left alone")]
    UnexpectedTag {
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
        /// What it names.
        found: String,
    },
    /// An annotation that would make a policy engine refuse the signature.
    #[error("the annotation `{key}` is reserved: verifiers expect a number there")]
    ReservedAnnotation {
        /// The annotation's key.
        key: String,
    },
    /// An index with more manifests than are signed together.
    #[error("index {digest} has more than {limit} manifests, so they are not signed with it")]
    TooManyChildren {
        /// The index.
        digest: Digest,
        /// The most.
        limit: usize,
    },
    /// A type of predicate that does not exist.
    #[error("`{text}` is no type of attestation and no URI")]
    PredicateType {
        /// What was asked for.
        text: String,
    },
    /// A document that is not what its type says.
    #[error("{name} cannot be attested as {kind}: {detail}")]
    Document {
        /// The document.
        name: String,
        /// The type asked for.
        kind: String,
        /// What is wrong.
        detail: String,
    },
    /// A document that is too large for a statement.
    #[error("{name} has {size} bytes, a statement holds {limit} at most")]
    TooLarge {
        /// The document.
        name: String,
        /// Its size in bytes.
        size: usize,
        /// The most.
        limit: usize,
    },
    /// A place that is no address.
    #[error("`{text}` is no absolute address that a document could be fetched from")]
    Location {
        /// What was given.
        text: String,
    },
    /// A review that does not approve was to be attached.
    #[error("this is not attached to an image: {reason}")]
    NoApproval {
        /// What keeps it from being an approval now.
        reason: String,
    },
    /// The registry took the signature and does not show it.
    #[error("{what} was written to {repository} and is not there when read again")]
    NotConfirmed {
        /// Which of the two formats.
        what: String,
        /// The repository.
        repository: String,
    },
    /// There is no document behind a node of the tree.
    #[error("the {kind} {digest} has no document to open")]
    NothingToOpen {
        /// What it is.
        kind: &'static str,
        /// Which one.
        digest: Digest,
    },
    /// A document that cannot be written: a defect.
    #[error("{what} cannot be encoded: {detail}")]
    Encoding {
        /// What was to be written.
        what: &'static str,
        /// What the encoder said.
        detail: String,
    },
}

impl Explain for SignaturesError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Registry(error) => error.kind(),
            Self::Archive(error) => error.kind(),
            Self::Signing(error) => error.kind(),
            Self::Manifest(_)
            | Self::NothingToOpen { .. }
            | Self::Document { .. }
            | Self::TooLarge { .. }
            | Self::TooManyChildren { .. } => ErrorKind::Input,
            Self::UnexpectedTag { .. } | Self::NoApproval { .. } => ErrorKind::Refused,
            Self::ReservedAnnotation { .. }
            | Self::PredicateType { .. }
            | Self::Location { .. } => ErrorKind::Usage,
            Self::NotConfirmed { .. } => ErrorKind::Remote,
            Self::Encoding { .. } => ErrorKind::Internal,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Registry(error) => return error.hints(),
            Self::Archive(error) => return error.hints(),
            Self::Signing(error) => return error.hints(),
            Self::UnexpectedTag { .. } => {
                "look at it with `countersign tree IMAGE`, and delete the tag if nothing needs it"
            }
            Self::ReservedAnnotation { .. } => "choose another name for the annotation",
            Self::NotConfirmed { .. } => {
                "another program may be signing the same image: run the command again, it adds only what is missing"
            }
            Self::PredicateType { .. } => {
                "types: cyclonedx, spdxjson, spdx, vuln, openvex, approval, custom, link, slsaprovenance, slsaprovenance1, or an absolute URI"
            }
            Self::Document { .. } => {
                "name the type that the document has: `--type cyclonedx`, `spdxjson`, `vuln`, `openvex`, or a URI of your own"
            }
            Self::TooLarge { .. } => {
                "keep the document elsewhere and state where: `--by-reference URL`"
            }
            Self::Location { .. } => "for example s3://bucket/key or https://host/path",
            Self::NoApproval { .. } => {
                "cosign takes every bundle by a key for its signature, a signed rejection too: rejections stay in the ledger"
            }
            Self::TooManyChildren { .. } => "sign the platforms that are used, each by its digest",
            Self::NothingToOpen { .. } => "open one of the entries below it",
            Self::Manifest(_) | Self::Encoding { .. } => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}
