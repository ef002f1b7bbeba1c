//! What a verification is asked, and what it answers.
//!
//! Data only: judging is `judge`'s work.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::archive::Archive;
use crate::model::Digest;
use crate::signatures::keyless::{Keyless, RootSource};
use crate::signing::PublicKey;

/// What to verify with.
#[derive(Clone, Debug)]
pub struct VerifyOptions<'a> {
    /// The keys that are trusted.
    pub keys: &'a [PublicKey],
    /// The identities that are trusted, and the roots for their certificates; none: a signature
    /// with a certificate does not count.
    pub keyless: Option<&'a Keyless>,
    /// Where the evidence of approvals is kept; none: it is not looked at.
    pub archive: Option<&'a Archive>,
    /// Whether what is otherwise warned about is refused: a signature or approval that names
    /// another repository, and evidence that the archive does not have. Bundles without an
    /// approval name no repository: for them there is nothing to compare.
    pub strict: bool,
    /// The time that approvals must stand at.
    pub now: DateTime<Utc>,
}

/// How a signature is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A layer behind cosign's `.sig` tag, or for a statement behind its `.att` tag.
    Legacy,
    /// A Sigstore bundle that refers to the image.
    Bundle,
    /// A signature of the Notary Project, which is named and not checked.
    Notation,
}

/// One signature or attestation that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundSignature {
    /// How it is stored.
    pub format: Format,
    /// The trusted key that made it; none where no trusted key did.
    pub key_fingerprint: Option<Digest>,
    /// The name of that identity in the trust file.
    pub name: Option<String>,
    /// Whom its certificate names, once that is proven; none for a signature by a key.
    pub identity: Option<String>,
    /// Who vouched for that identity; none for a signature by a key.
    pub issuer: Option<String>,
    /// Whether it holds.
    pub valid: bool,
    /// Why it does not.
    pub reason: Option<String>,
    /// What its statement is; for an invalid one only what it claims to be.
    pub predicate_type: Option<String>,
    /// When it says it was made (RFC 3339). A claim: no log or time stamp proves it.
    pub claimed_time: Option<String>,
    /// When a log or a time stamp authority saw it (RFC 3339); none for a signature by a key.
    pub proven_time: Option<String>,
    /// The digest of the payload (legacy) or of the bundle's manifest.
    pub stored_as: Digest,
    /// The predicate's JSON text exactly as it was signed; only of a valid statement.
    #[serde(skip)]
    pub predicate: Option<String>,
}

impl FoundSignature {
    /// Returns an entry about which nothing is known yet.
    pub(super) fn new(format: Format, stored_as: Digest) -> Self {
        Self {
            format,
            key_fingerprint: None,
            name: None,
            identity: None,
            issuer: None,
            valid: false,
            reason: None,
            predicate_type: None,
            claimed_time: None,
            proven_time: None,
            stored_as,
            predicate: None,
        }
    }
}

/// What became of one document that an approval rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceState {
    /// The archive has it, byte for byte; or a copy of it from which credentials were removed.
    Intact,
    /// The archive does not have it.
    Missing,
    /// What the archive has in its place is something else.
    Altered,
    /// No archive was asked.
    Unchecked,
}

/// One document that an approval rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The name that the approval gives it.
    pub name: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// What became of it.
    pub state: EvidenceState,
}

/// A valid approval that is attached to the image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Approval {
    /// The key that approved; none for an identity.
    pub key_fingerprint: Option<Digest>,
    /// What it says.
    pub predicate: Value,
    /// The documents that it rests on.
    pub evidence: Vec<Evidence>,
}

/// A state in which other verifiers answer otherwise than this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trap {
    /// Only statements are signed, not the image; cosign 2.6.3 and later take each for a signature.
    AttestedNotSigned,
    /// A bundle keeps cosign 2.6.3 and later from looking at the signature behind the `.sig` tag.
    LegacyHidden,
    /// A trusted signer also signed a review that does not approve; cosign takes it for a signature.
    SignedRejection,
    /// More referrers than Kyverno reads.
    TooManyReferrers,
}

/// The answer for one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verification {
    /// The repository and digest that were looked at.
    pub image: String,
    /// The digest.
    pub digest: Digest,
    /// Whether a trusted signer signed the image. An attestation alone never makes it so.
    pub signed: bool,
    /// What claims to sign the image, valid or not.
    pub signatures: Vec<FoundSignature>,
    /// Signed statements that say something else about the image.
    pub attestations: Vec<FoundSignature>,
    /// The approval, where a valid one is attached.
    pub approval: Option<Approval>,
    /// The trusted root that certificates were checked against.
    pub trusted_root: Option<RootSource>,
    /// States in which other verifiers answer otherwise.
    pub traps: Vec<Trap>,
    /// What a person should know, above all where other verifiers answer otherwise.
    pub warnings: Vec<String>,
}
