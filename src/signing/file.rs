//! Key files as cosign keeps them: an encrypted private key and a public key, both PEM.
//!
//! Passwords come in as values; nothing is asked for here.

mod locked;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Password, PublicKey, SigningError, SigningKey};

/// A key file is some hundred bytes; more than this is something else.
const LARGEST_KEY_FILE: u64 = 64 * 1024;

/// Reads a text file that may be a key.
fn read_text(path: &Path) -> Result<Zeroizing<String>, SigningError> {
    let failed = |source| SigningError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut text = Zeroizing::new(String::new());
    file.take(LARGEST_KEY_FILE + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > LARGEST_KEY_FILE {
        return Err(failed(std::io::Error::other("it is larger than 64 KiB")));
    }
    Ok(text)
}

/// Opens the cosign private key in a file.
///
/// # Errors
/// When the file cannot be read, is no cosign private key, has sizes or an algorithm that are not
/// used, or the password is wrong.
pub fn read_private_key(path: &Path, password: &Password) -> Result<SigningKey, SigningError> {
    SigningKey::from_pem(&read_text(path)?, password)
}

/// Reads the public key in a file.
///
/// # Errors
/// When the file cannot be read or holds no ECDSA P-256 public key.
pub fn read_public_key(path: &Path) -> Result<PublicKey, SigningError> {
    PublicKey::from_pem(&read_text(path)?)
}

/// Returns whether others than the owner may read a private key's file, which deserves a warning.
#[must_use]
pub fn readable_by_others(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

impl SigningKey {
    /// Opens a cosign private key: PEM with the label of today or the older one.
    ///
    /// # Errors
    /// When the text is no cosign private key, has sizes or an algorithm that are not used, or
    /// the password is wrong.
    pub fn from_pem(pem: &str, password: &Password) -> Result<Self, SigningError> {
        Self::from_pkcs8(&locked::open(pem, password)?)
    }
}

/// A new key pair, not yet written anywhere.
pub struct KeyPair {
    key: SigningKey,
    private_pem: Zeroizing<String>,
    public_pem: String,
}

impl KeyPair {
    /// Makes a pair and locks the private half with `password` (scrypt, N = 2^16, as cosign).
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate(password: &Password) -> Result<Self, SigningError> {
        let key = SigningKey::generate()?;
        Ok(Self {
            private_pem: Zeroizing::new(locked::lock(&key.to_pkcs8()?, password)?),
            public_pem: key.public_key().to_pem()?,
            key,
        })
    }

    /// Returns the key itself.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Returns the encrypted private key as it is written to a file.
    #[must_use]
    pub fn private_pem(&self) -> &str {
        &self.private_pem
    }

    /// Returns the public key as it is written to a file.
    #[must_use]
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// Returns the two files' names for a prefix: `PREFIX.key`, `PREFIX.pub`.
    #[must_use]
    pub fn paths(prefix: &Path) -> (PathBuf, PathBuf) {
        let with = |ending: &str| {
            let mut name = prefix.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        (with(".key"), with(".pub"))
    }

    /// Refuses a prefix whose files exist, so that nobody types a password in vain.
    ///
    /// # Errors
    /// When one of the two files exists.
    pub fn require_free(prefix: &Path) -> Result<(), SigningError> {
        let (private, public) = Self::paths(prefix);
        for path in [private, public] {
            if path.symlink_metadata().is_ok() {
                return Err(SigningError::Exists { path });
            }
        }
        Ok(())
    }

    /// Writes both files (the private one readable by its owner only) or none.
    ///
    /// # Errors
    /// When one of them exists or cannot be written; what was written is then removed.
    pub fn write(&self, prefix: &Path) -> Result<(PathBuf, PathBuf), SigningError> {
        Self::require_free(prefix)?;
        let (private, public) = Self::paths(prefix);
        write_new(&private, &self.private_pem, 0o600)?;
        if let Err(error) = write_new(&public, &self.public_pem, 0o644) {
            remove(&private)?;
            return Err(error);
        }
        Ok((private, public))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({:?})", self.key)
    }
}

/// Writes a file that does not exist yet, wholly or not at all.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), SigningError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => SigningError::Exists {
                path: path.to_owned(),
            },
            _ => SigningError::Write {
                path: path.to_owned(),
                source,
            },
        })?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if let Err(source) = written {
        remove(path)?;
        return Err(SigningError::Write {
            path: path.to_owned(),
            source,
        });
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), SigningError> {
    std::fs::remove_file(path).map_err(|source| SigningError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
