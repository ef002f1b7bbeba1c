//! Signatures as cryptography: cosign key files, keys in KMS, simple-signing payloads, DSSE, checks.
//!
//! No registry: where signatures are stored and found is `crate::signatures`' work; the network is
//! used only to ask KMS. Key derivation takes about a second by design; a front end opens keys off
//! its drawing thread.

mod check;
mod file;
mod key;
mod kms;
mod password;
pub mod payload;
mod pem;
mod statement;

pub use check::{
    APPROVAL_PREDICATE, BundleSignature, LegacySignature, Refusal, SIGN_PREDICATE, check_bundle,
    check_legacy, unverified_predicate,
};
pub use file::{KeyPair, read_private_key, read_public_key, readable_by_others};
pub use key::{PublicKey, SigningKey};
pub use kms::{KmsError, KmsKey, KmsLocation, ParseKmsError};
pub use password::Password;
pub use statement::{
    bundle_of, container_signature, sign_statement, signed_envelope, verify_envelope,
    verify_envelope_by,
};

use std::path::PathBuf;

use crate::error::{ErrorKind, Explain};

/// Whatever can make a signature.
#[derive(Clone, Debug)]
pub enum Signer {
    /// A key held in memory, opened from a cosign key file.
    Key(SigningKey),
    /// A key that stays in AWS KMS.
    Kms(KmsKey),
}

impl Signer {
    /// Signs the SHA-256 of `message`; returns the ECDSA signature in DER.
    ///
    /// # Errors
    /// When KMS refuses, does not answer, or answers with something that does not verify; a key in
    /// memory always signs.
    pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match self {
            Self::Key(key) => Ok(key.sign(message)),
            Self::Kms(key) => Ok(key.sign(message).await?),
        }
    }

    /// Returns whether signing finishes without waiting for the network.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Key(_))
    }

    /// Returns the public key that verifies what this signer signs.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        match self {
            Self::Key(key) => key.public_key(),
            Self::Kms(key) => key.public_key(),
        }
    }
}

/// A key or a signing operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// A key file that cannot be read.
    #[error("key file {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Text that is not a key of the expected sort.
    #[error("this is not a {expected}: {detail}")]
    NotAKey {
        /// `cosign private key` or `public key`.
        expected: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// A key of an algorithm that this program does not use.
    #[error("the key is {algorithm}, only ECDSA P-256 is used")]
    UnsupportedKey {
        /// The algorithm, by name or object identifier.
        algorithm: String,
    },
    /// Key derivation sizes that no Sigstore program writes; refused before any work is done.
    #[error(
        "the private key is locked with {kdf} N={n} r={r} p={p}, only scrypt with N=32768, 65536 or 131072, r=8, p=1 is read"
    )]
    UnsupportedParameters {
        /// The derivation's name.
        kdf: String,
        /// The cost.
        n: u64,
        /// The block size.
        r: u64,
        /// The parallelism.
        p: u64,
    },
    /// The password does not open the key, or the file was altered: the two cannot be told apart.
    #[error("the password does not open the private key")]
    WrongPassword,
    /// The file to be written is there already.
    #[error("{} exists and is not overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A key file that cannot be written.
    #[error("key file {} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key is in KMS, and KMS did not do what was asked.
    #[error(transparent)]
    Kms(#[from] KmsError),
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes: {detail}")]
    Randomness {
        /// What it said.
        detail: String,
    },
    /// A document that cannot be written, or a key that cannot be encoded: a defect.
    #[error("{what} cannot be encoded: {detail}")]
    Encoding {
        /// What was to be written.
        what: &'static str,
        /// What the encoder said.
        detail: String,
    },
}

impl Explain for SigningError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { .. }
            | Self::NotAKey { .. }
            | Self::UnsupportedKey { .. }
            | Self::UnsupportedParameters { .. }
            | Self::WrongPassword
            | Self::Write { .. } => ErrorKind::Input,
            Self::Kms(error) => error.kind(),
            Self::Exists { .. } => ErrorKind::Refused,
            Self::Randomness { .. } | Self::Encoding { .. } => ErrorKind::Internal,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Kms(error) => return error.hints(),
            Self::Read { .. } | Self::NotAKey { .. } => {
                "a pair is made with `countersign key generate`; sign with the .key file, verify with the .pub file"
            }
            Self::UnsupportedKey { .. } => {
                "make a P-256 pair with `countersign key generate` or `cosign generate-key-pair`"
            }
            Self::UnsupportedParameters { .. } => {
                "write the key again with `cosign import-key-pair` or make a new one with `countersign key generate`"
            }
            Self::WrongPassword => {
                "the password is asked for, or taken from COSIGN_PASSWORD (set but empty is the empty password)"
            }
            Self::Exists { .. } => "choose another name with `--prefix`, or move the old pair away",
            Self::Write { .. } => "check that the folder exists and may be written to",
            Self::Randomness { .. } | Self::Encoding { .. } => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}
