//! ECDSA P-256 keys: signing, verifying, fingerprints.
//!
//! How keys are kept in files is in `file`; nothing here reads or writes any.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{self, DerSignature, VerifyingKey};
use p256::elliptic_curve::rand_core::{OsRng, RngCore as _};
use p256::pkcs8::spki::SubjectPublicKeyInfoRef;
use p256::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    LineEnding, ObjectIdentifier, PrivateKeyInfo,
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::SigningError;
use super::pem::PemBlock;
use crate::model::Digest;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// A private key in memory; wiped when dropped, shown only by its public fingerprint.
#[derive(Clone)]
pub struct SigningKey {
    secret: ecdsa::SigningKey,
    public: PublicKey,
}

impl SigningKey {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self, SigningError> {
        loop {
            let mut bytes = Zeroizing::new([0_u8; 32]);
            random(&mut *bytes)?;
            // Zero and values beyond the group order are no keys: one draw in 2^32.
            if let Ok(secret) = ecdsa::SigningKey::from_slice(&*bytes) {
                return Self::from_secret(secret);
            }
        }
    }

    /// Signs the SHA-256 of `message`; returns the signature in DER. Deterministic (RFC 6979).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.secret.sign(message);
        signature.as_bytes().to_vec()
    }

    /// Returns the public half.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, SigningError> {
        let not_a_key = |detail: String| SigningError::NotAKey {
            expected: "cosign private key",
            detail,
        };
        let info = PrivateKeyInfo::try_from(der).map_err(|error| not_a_key(error.to_string()))?;
        require_p256(info.algorithm.oid, info.algorithm.parameters_oid().ok())?;
        let secret =
            ecdsa::SigningKey::from_pkcs8_der(der).map_err(|error| not_a_key(error.to_string()))?;
        Self::from_secret(secret)
    }

    pub(super) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SigningError> {
        let document = self
            .secret
            .to_pkcs8_der()
            .map_err(|error| SigningError::Encoding {
                what: "the private key",
                detail: error.to_string(),
            })?;
        Ok(document.to_bytes())
    }

    fn from_secret(secret: ecdsa::SigningKey) -> Result<Self, SigningError> {
        let public = PublicKey::from_key(*secret.verifying_key())?;
        Ok(Self { secret, public })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.fingerprint)
    }
}

/// A public key with its DER form and fingerprint.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    der: Vec<u8>,
    fingerprint: Digest,
}

impl PublicKey {
    /// Reads a `PUBLIC KEY` PEM block (what cosign writes to `.pub`).
    ///
    /// # Errors
    /// When the text is no such block, or the key is not ECDSA P-256.
    pub fn from_pem(pem: &str) -> Result<Self, SigningError> {
        let not_a_key = |detail: &str| SigningError::NotAKey {
            expected: "public key",
            detail: detail.to_owned(),
        };
        let block = PemBlock::read(pem).map_err(not_a_key)?;
        if block.label.contains("PRIVATE KEY") {
            return Err(not_a_key("it is a private key"));
        }
        if block.label != "PUBLIC KEY" {
            let detail = format!("its label is `{}`", block.label);
            return Err(not_a_key(&detail));
        }
        Self::from_der(&block.body)
    }

    /// Reads a key from its `SubjectPublicKeyInfo` in DER.
    ///
    /// # Errors
    /// When the bytes are no such structure, or the key is not ECDSA P-256.
    pub fn from_der(der: &[u8]) -> Result<Self, SigningError> {
        let not_a_key = |detail: String| SigningError::NotAKey {
            expected: "public key",
            detail,
        };
        let info =
            SubjectPublicKeyInfoRef::try_from(der).map_err(|error| not_a_key(error.to_string()))?;
        require_p256(info.algorithm.oid, info.algorithm.parameters_oid().ok())?;
        let key =
            VerifyingKey::from_public_key_der(der).map_err(|error| not_a_key(error.to_string()))?;
        Self::from_key(key)
    }

    fn from_key(key: VerifyingKey) -> Result<Self, SigningError> {
        let document = key
            .to_public_key_der()
            .map_err(|error| SigningError::Encoding {
                what: "the public key",
                detail: error.to_string(),
            })?;
        let der = document.as_bytes().to_vec();
        let fingerprint = Digest::of(&der);
        Ok(Self {
            key,
            der,
            fingerprint,
        })
    }

    /// Returns whether `signature` (DER) is this key's over the SHA-256 of `message`. Both forms
    /// of an ECDSA signature (low and high s) count, as in cosign; trailing bytes do not.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        ecdsa::Signature::from_der(signature)
            .is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }

    /// Returns the SHA-256 of the key's `SubjectPublicKeyInfo` in DER: the name of the key.
    #[must_use]
    pub fn fingerprint(&self) -> &Digest {
        &self.fingerprint
    }

    /// Returns the hint that Sigstore bundles carry: the base64 of the fingerprint's bytes.
    #[must_use]
    pub fn hint(&self) -> String {
        STANDARD.encode(Sha256::digest(&self.der))
    }

    /// Writes the key as a `PUBLIC KEY` PEM block.
    ///
    /// # Errors
    /// When the key cannot be encoded, which is a defect.
    pub fn to_pem(&self) -> Result<String, SigningError> {
        self.key
            .to_public_key_pem(LineEnding::LF)
            .map_err(|error| SigningError::Encoding {
                what: "the public key",
                detail: error.to_string(),
            })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint)
    }
}

/// Fills `bytes` from the operating system.
pub(super) fn random(bytes: &mut [u8]) -> Result<(), SigningError> {
    OsRng
        .try_fill_bytes(bytes)
        .map_err(|error| SigningError::Randomness {
            detail: error.to_string(),
        })
}

/// Refuses every algorithm but ECDSA P-256, by name where it has one.
fn require_p256(
    algorithm: ObjectIdentifier,
    curve: Option<ObjectIdentifier>,
) -> Result<(), SigningError> {
    if algorithm == EC_PUBLIC_KEY && curve == Some(P256) {
        return Ok(());
    }
    let identifier = match curve {
        Some(curve) if algorithm == EC_PUBLIC_KEY => curve,
        _ => algorithm,
    };
    let algorithm = match identifier.to_string().as_str() {
        "1.2.840.113549.1.1.1" => "RSA".to_owned(),
        "1.3.132.0.34" => "ECDSA P-384".to_owned(),
        "1.3.132.0.35" => "ECDSA P-521".to_owned(),
        "1.3.132.0.10" => "ECDSA secp256k1".to_owned(),
        "1.3.101.112" => "Ed25519".to_owned(),
        other => format!("of algorithm {other}"),
    };
    Err(SigningError::UnsupportedKey { algorithm })
}
