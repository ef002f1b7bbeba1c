//! The keys a policy trusts, and what they make of a signature.
//!
//! Reading key files is the work of `connect`.

use serde::Serialize;

use crate::model::Digest;
use crate::signing::PublicKey;

/// The keys that a policy names under `trusted_keys`, resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedKeys {
    keys: Vec<PublicKey>,
    fingerprints: Vec<Digest>,
}

impl TrustedKeys {
    /// Returns these keys, and those of which only the fingerprint is known.
    #[must_use]
    pub fn new(keys: Vec<PublicKey>, fingerprints: Vec<Digest>) -> Self {
        let own = keys.iter().map(|key| key.fingerprint().clone());
        let mut fingerprints: Vec<Digest> = own.chain(fingerprints).collect();
        fingerprints.sort();
        fingerprints.dedup();
        Self { keys, fingerprints }
    }

    /// Returns the keys; those known by their fingerprint alone are not among them.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Returns the fingerprints, sorted.
    #[must_use]
    pub fn fingerprints(&self) -> &[Digest] {
        &self.fingerprints
    }

    /// Returns whether one of them is `key`.
    #[must_use]
    pub fn trusts(&self, key: &Digest) -> bool {
        self.fingerprints.contains(key)
    }
}

/// What is known of the signature of a verdict on an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Signature {
    /// There is none, or it does not hold.
    Unsigned,
    /// It holds, and the policy names no keys.
    Signed,
    /// It holds and its key is one of the policy's.
    Trusted,
    /// It holds, and its key is none of the policy's.
    Untrusted,
}

impl Signature {
    /// Returns the word for documents and screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Signed => "signed",
            Self::Trusted => "trusted",
            Self::Untrusted => "untrusted",
        }
    }
}
