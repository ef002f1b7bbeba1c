//! The steps of a promotion, in the order they are taken.
//!
//! Names only: what a step does is in `run`.

use serde::Serialize;

/// A step. The order is the contract's: the tag is moved only when everything before it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Everything the plan says is checked again.
    Check,
    /// Blobs and manifests are copied by digest.
    Copy,
    /// The copy is read back by digest.
    VerifyCopy,
    /// The digest is signed in both formats.
    Sign,
    /// The signatures are read back and verified with the public key.
    VerifySignature,
    /// The evidence is archived.
    Archive,
    /// The tag is put.
    Tag,
    /// The tag is read back.
    ReadBack,
    /// The receipt is recorded in the ledger.
    Record,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 9] = [
        Self::Check,
        Self::Copy,
        Self::VerifyCopy,
        Self::Sign,
        Self::VerifySignature,
        Self::Archive,
        Self::Tag,
        Self::ReadBack,
        Self::Record,
    ];

    /// Returns the name used in events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Copy => "copy",
            Self::VerifyCopy => "verify-copy",
            Self::Sign => "sign",
            Self::VerifySignature => "verify-signature",
            Self::Archive => "archive",
            Self::Tag => "tag",
            Self::ReadBack => "read-back",
            Self::Record => "record",
        }
    }
}
