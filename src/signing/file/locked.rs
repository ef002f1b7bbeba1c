//! The encryption around a cosign private key: scrypt and `NaCl`'s secretbox in a JSON document.
//!
//! The format is that of go-securesystemslib's `encrypted` package. Knows nothing of the key inside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::Aead as _;
use crypto_secretbox::{KeyInit as _, XSalsa20Poly1305};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::signing::key::random;
use crate::signing::pem::PemBlock;
use crate::signing::{Password, SigningError};

/// The label written today.
const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// The label of older cosign versions.
const OLDER_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";
/// The derivation cost that cosign writes: N = 2^16.
const LOG_N: u8 = 16;

#[derive(Serialize, Deserialize)]
struct Document {
    kdf: Derivation,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Derivation {
    name: String,
    params: Parameters,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct Parameters {
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

fn not_a_key(detail: &str) -> SigningError {
    SigningError::NotAKey {
        expected: "cosign private key",
        detail: detail.to_owned(),
    }
}

/// Opens the PEM text of an encrypted private key; returns what is inside (PKCS#8 in DER).
pub(super) fn open(pem: &str, password: &Password) -> Result<Zeroizing<Vec<u8>>, SigningError> {
    let block = PemBlock::read(pem).map_err(not_a_key)?;
    match block.label.as_str() {
        LABEL | OLDER_LABEL => {}
        "PUBLIC KEY" => return Err(not_a_key("it is a public key")),
        "PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY" => {
            return Err(not_a_key(
                "it is not encrypted; import it with `cosign import-key-pair`",
            ));
        }
        other => return Err(not_a_key(&format!("its label is `{other}`"))),
    }
    let document: Document = serde_json::from_slice(&block.body)
        .map_err(|error| not_a_key(&format!("its content cannot be read: {error}")))?;
    let log_n = cost(&document.kdf)?;
    if document.cipher.name != "nacl/secretbox" {
        return Err(not_a_key("its cipher is not nacl/secretbox"));
    }
    let field = |text: &str, what: &str| {
        STANDARD
            .decode(text)
            .map_err(|_not_base64| not_a_key(&format!("its {what} is not base64")))
    };
    let salt = field(&document.kdf.salt, "salt")?;
    let ciphertext = field(&document.ciphertext, "ciphertext")?;
    let nonce: [u8; 24] = field(&document.cipher.nonce, "nonce")?
        .try_into()
        .map_err(|_wrong_length| not_a_key("its nonce is not 24 bytes"))?;
    let box_key = derive(password, &salt, log_n)?;
    XSalsa20Poly1305::new((&*box_key).into())
        .decrypt((&nonce).into(), ciphertext.as_slice())
        .map(Zeroizing::new)
        .map_err(|_authentication| SigningError::WrongPassword)
}

/// Locks `plaintext` with `password`; returns the PEM text.
pub(super) fn lock(plaintext: &[u8], password: &Password) -> Result<String, SigningError> {
    lock_with(plaintext, password, LOG_N, LABEL)
}

pub(super) fn lock_with(
    plaintext: &[u8],
    password: &Password,
    log_n: u8,
    label: &str,
) -> Result<String, SigningError> {
    let encoding = |detail: String| SigningError::Encoding {
        what: "the private key",
        detail,
    };
    let (mut salt, mut nonce) = ([0_u8; 32], [0_u8; 24]);
    random(&mut salt)?;
    random(&mut nonce)?;
    let box_key = derive(password, &salt, log_n)?;
    let ciphertext = XSalsa20Poly1305::new((&*box_key).into())
        .encrypt((&nonce).into(), plaintext)
        .map_err(|error| encoding(error.to_string()))?;
    let document = Document {
        kdf: Derivation {
            name: "scrypt".to_owned(),
            params: Parameters {
                n: 1 << log_n,
                r: 8,
                p: 1,
            },
            salt: STANDARD.encode(salt),
        },
        cipher: Cipher {
            name: "nacl/secretbox".to_owned(),
            nonce: STANDARD.encode(nonce),
        },
        ciphertext: STANDARD.encode(ciphertext),
    };
    let json = serde_json::to_vec(&document).map_err(|error| encoding(error.to_string()))?;
    let mut pem = format!("-----BEGIN {label}-----\n");
    for (position, character) in STANDARD.encode(json).chars().enumerate() {
        if position > 0 && position % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    Ok(pem)
}

/// Accepts exactly the three sizes that Sigstore programs write, so that a hostile file cannot
/// ask for gigabytes.
fn cost(kdf: &Derivation) -> Result<u8, SigningError> {
    let Parameters { n, r, p } = kdf.params;
    match (kdf.name.as_str(), n, r, p) {
        ("scrypt", 0x8000, 8, 1) => Ok(15),
        ("scrypt", 0x1_0000, 8, 1) => Ok(16),
        ("scrypt", 0x2_0000, 8, 1) => Ok(17),
        _ => Err(SigningError::UnsupportedParameters {
            kdf: kdf.name.chars().take(40).collect(),
            n,
            r,
            p,
        }),
    }
}

fn derive(
    password: &Password,
    salt: &[u8],
    log_n: u8,
) -> Result<Zeroizing<[u8; 32]>, SigningError> {
    let failed = |detail: String| SigningError::Encoding {
        what: "the key's lock",
        detail,
    };
    let parameters =
        scrypt::Params::new(log_n, 8, 1, 32).map_err(|error| failed(error.to_string()))?;
    let mut key = Zeroizing::new([0_u8; 32]);
    scrypt::scrypt(password.as_bytes(), salt, &parameters, &mut *key)
        .map_err(|error| failed(error.to_string()))?;
    Ok(key)
}
