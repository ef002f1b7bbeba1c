//! The trust file: names for the keys and identities that may sign.
//!
//! Whether a signature by one of them is enough is the callers' to say.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::keyless::{Pattern, TrustedIdentity};
use crate::error::{ErrorKind, Explain};
use crate::model::Digest;
use crate::signing::{PublicKey, SigningError, read_public_key};

/// The largest trust file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// A trust file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("trust file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no trust file.
    #[error("trust file {}, line {line}: {detail}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// An entry that cannot be used.
    #[error("trust file {}, `{name}`: {detail}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The entry.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// A key that cannot be read.
    #[error("trust file {}, `{name}`: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The entry.
        name: String,
        /// Why.
        source: SigningError,
    },
}

impl Explain for TrustError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn hints(&self) -> Vec<String> {
        vec![
            "a trust file has [[key]] entries with `name` and `file` or `public_key`, and [[identity]] entries with `name`, `identity` and `issuer` (or `identity_regexp`, `issuer_regexp`)"
                .to_owned(),
        ]
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    key: Vec<KeyEntry>,
    #[serde(default)]
    identity: Vec<IdentityEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    name: String,
    file: Option<PathBuf>,
    public_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityEntry {
    name: String,
    identity: Option<String>,
    identity_regexp: Option<String>,
    issuer: Option<String>,
    issuer_regexp: Option<String>,
}

/// A key with the name that people know it by.
#[derive(Clone, Debug)]
pub struct NamedKey {
    /// The name.
    pub name: String,
    /// The key.
    pub key: PublicKey,
}

/// Keys and identities that are trusted, with their names.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The keys. Old ones stay, so that what they signed before a rotation still verifies.
    pub keys: Vec<NamedKey>,
    /// The identities of keyless signatures.
    pub identities: Vec<TrustedIdentity>,
}

impl Trust {
    /// Reads a trust file; the files it names lie beside it.
    ///
    /// # Errors
    /// When it cannot be read, is no such file, or an entry cannot be used.
    pub fn read(path: &Path) -> Result<Self, TrustError> {
        let wrong = |source| TrustError::Read {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).map_err(wrong)?.len() > LARGEST {
            let error = std::io::Error::other(format!("it is larger than {LARGEST} bytes"));
            return Err(wrong(error));
        }
        let text = std::fs::read_to_string(path).map_err(wrong)?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, TrustError> {
        let document: Document = toml::from_str(text).map_err(|error| {
            let before = error
                .span()
                .and_then(|span| text.get(..span.start))
                .unwrap_or_default();
            TrustError::Parse {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                detail: error.message().to_owned(),
            }
        })?;
        let keys = document.key.into_iter().map(|entry| key(path, entry));
        let identities = document.identity.iter().map(|entry| identity(path, entry));
        let trust = Self {
            keys: keys.collect::<Result<_, _>>()?,
            identities: identities.collect::<Result<_, _>>()?,
        };
        trust.check_names(path)?;
        Ok(trust)
    }

    /// Refuses a name given twice: a report would not say who it was.
    fn check_names(&self, path: &Path) -> Result<(), TrustError> {
        let names = self.keys.iter().map(|key| key.name.as_str());
        let others = self.identities.iter().filter_map(|it| it.name.as_deref());
        let mut seen = std::collections::BTreeSet::new();
        for name in names.chain(others) {
            let detail = if name.trim().is_empty() {
                "a name is empty"
            } else if !seen.insert(name) {
                "the name is given twice"
            } else {
                continue;
            };
            return Err(TrustError::Entry {
                path: path.to_owned(),
                name: name.to_owned(),
                detail: detail.to_owned(),
            });
        }
        Ok(())
    }

    /// Returns the name of a key.
    #[must_use]
    pub fn name_of(&self, fingerprint: &Digest) -> Option<&str> {
        self.keys
            .iter()
            .find(|named| named.key.fingerprint() == fingerprint)
            .map(|named| named.name.as_str())
    }
}

fn key(path: &Path, entry: KeyEntry) -> Result<NamedKey, TrustError> {
    let name = entry.name;
    let read = match (entry.file, entry.public_key) {
        (Some(file), None) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            read_public_key(&folder.join(file))
        }
        (None, Some(pem)) => PublicKey::from_pem(&pem),
        _ => {
            return Err(TrustError::Entry {
                path: path.to_owned(),
                name,
                detail: "a key has either `file` or `public_key`".to_owned(),
            });
        }
    };
    match read {
        Ok(key) => Ok(NamedKey { name, key }),
        Err(source) => Err(TrustError::Key {
            path: path.to_owned(),
            name,
            source,
        }),
    }
}

fn identity(path: &Path, entry: &IdentityEntry) -> Result<TrustedIdentity, TrustError> {
    let wrong = |detail: String| TrustError::Entry {
        path: path.to_owned(),
        name: entry.name.clone(),
        detail,
    };
    let pattern =
        |what: &str, exact: &Option<String>, expression: &Option<String>| match (exact, expression)
        {
            (Some(text), None) => Ok(Pattern::Exact(text.clone())),
            (None, Some(text)) => Pattern::expression(text).map_err(wrong),
            _ => Err(wrong(format!("either `{what}` or `{what}_regexp`"))),
        };
    Ok(TrustedIdentity {
        identity: pattern("identity", &entry.identity, &entry.identity_regexp)?,
        issuer: pattern("issuer", &entry.issuer, &entry.issuer_regexp)?,
        name: Some(entry.name.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::SigningKey;

    #[test]
    fn keys_and_identities_have_names() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (
            SigningKey::generate().unwrap(),
            SigningKey::generate().unwrap(),
        );
        let old_pem = old.public_key().to_pem().unwrap();
        std::fs::write(folder.path().join("old.pub"), old_pem).unwrap();
        let new_pem = new.public_key().to_pem().unwrap();
        let text = format!(
            "[[key]]\nname = \"release 2025\"\nfile = \"old.pub\"\n\n[[key]]\nname = \"release 2026\"\npublic_key = '''\n{new_pem}'''\n\n[[identity]]\nname = \"build\"\nidentity_regexp = \"^https://example[.]test/\"\nissuer = \"https://issuer.test\"\n"
        );
        let path = folder.path().join("trust.toml");
        std::fs::write(&path, text).unwrap();
        let trust = Trust::read(&path).unwrap();
        let name = |key: &SigningKey| trust.name_of(key.public_key().fingerprint());
        assert_eq!(name(&old), Some("release 2025"));
        assert_eq!(name(&new), Some("release 2026"));
        assert_eq!(name(&SigningKey::generate().unwrap()), None);
        let [build] = trust.identities.as_slice() else {
            panic!("there is one");
        };
        assert!(build.identity.matches("https://example.test/x"));
        assert!(build.issuer.matches("https://issuer.test"));
        assert!(!build.issuer.matches("https://issuer.test/"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let path = Path::new("trust.toml");
        let pem = SigningKey::generate()
            .unwrap()
            .public_key()
            .to_pem()
            .unwrap();
        let twice = format!(
            "[[key]]\nname = \"a\"\npublic_key = '''\n{pem}'''\n[[identity]]\nname = \"a\"\nidentity = \"x\"\nissuer = \"y\"\n"
        );
        for (text, message) in [
            ("[[key]]\nname = \"a\"\nfingerprint = \"x\"\n", "line 3"),
            ("[[key]]\nname = \"a\"\n", "either `file` or `public_key`"),
            (
                "[[key]]\nname = \"a\"\nfile = \"none.pub\"\n",
                "cannot be read",
            ),
            (
                "[[identity]]\nname = \"a\"\nidentity = \"x\"\n",
                "either `issuer`",
            ),
            (
                "[[identity]]\nname = \"a\"\nidentity_regexp = \"(\"\nissuer = \"x\"\n",
                "`a`",
            ),
            (
                "[[identity]]\nname = \" \"\nidentity = \"x\"\nissuer = \"y\"\n",
                "empty",
            ),
            (twice.as_str(), "twice"),
        ] {
            let error = Trust::parse(path, text).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
            assert_eq!(error.kind(), ErrorKind::Input);
        }
        assert!(matches!(
            Trust::read(Path::new("/nonexistent/trust.toml")),
            Err(TrustError::Read { .. })
        ));
    }
}
