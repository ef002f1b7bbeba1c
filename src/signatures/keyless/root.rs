//! The trusted root: certificate authorities, logs and time stamp authorities.
//!
//! One is built in, as it was published at a date; nothing is fetched. A newer one is a file.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sigstore_verify::Verifier;
use sigstore_verify::trust_root::TrustedRoot;

use crate::error::{ErrorKind, Explain};
use crate::model::Digest;

/// Sigstore's public trusted root, as it was packaged for its clients in [`BUILT_IN_DATE`].
const BUILT_IN: &str = include_str!("../../../assets/trusted-root.json");

/// The month in which the built-in root was the newest that Sigstore's own clients carried.
pub const BUILT_IN_DATE: &str = "2026-10";

/// The largest trusted root that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// A trusted root that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The file cannot be read.
    #[error("trusted root {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no trusted root.
    #[error("trusted root {name}: {detail}")]
    Invalid {
        /// The file, or `built in`.
        name: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl Explain for RootError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn hints(&self) -> Vec<String> {
        vec![
            "a trusted root is the `trusted_root.json` that `cosign trusted-root create` or a Sigstore client's TUF cache holds; without --trusted-root the built-in one is used"
                .to_owned(),
        ]
    }
}

/// Which trusted root certificates were checked against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RootSource {
    /// The file, or `built in`.
    pub name: String,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
    /// The month of the built-in one.
    pub date: Option<&'static str>,
}

/// A trusted root, ready to check with.
pub struct Roots {
    source: RootSource,
    verifier: Verifier,
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({}, {})", self.source.name, self.source.sha256)
    }
}

impl Roots {
    /// Returns the roots of Sigstore's public services, as they were known in [`BUILT_IN_DATE`].
    ///
    /// # Errors
    /// Never, as tests show; the reader's error is passed on all the same.
    pub fn built_in() -> Result<Self, RootError> {
        let mut roots = Self::from_json("built in", BUILT_IN)?;
        roots.source.date = Some(BUILT_IN_DATE);
        Ok(roots)
    }

    /// Reads a trusted root.
    ///
    /// # Errors
    /// When the file cannot be read, or is no trusted root.
    pub fn from_file(path: &Path) -> Result<Self, RootError> {
        let wrong = |source| RootError::Read {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).map_err(wrong)?.len() > LARGEST {
            return Err(RootError::Invalid {
                name: path.display().to_string(),
                detail: format!("it is larger than {LARGEST} bytes"),
            });
        }
        let text = std::fs::read_to_string(path).map_err(wrong)?;
        Self::from_json(&path.display().to_string(), &text)
    }

    /// Reads a trusted root from its JSON text; `name` is what messages call it.
    ///
    /// # Errors
    /// When it is no trusted root, or names keys or certificates that cannot be used.
    pub fn from_json(name: &str, text: &str) -> Result<Self, RootError> {
        let invalid = |detail: String| RootError::Invalid {
            name: name.to_owned(),
            detail,
        };
        let root = TrustedRoot::from_json(text).map_err(|error| invalid(error.to_string()))?;
        if root.certificate_authorities.is_empty() {
            return Err(invalid("it names no certificate authority".to_owned()));
        }
        let verifier = Verifier::new(&root).map_err(|error| invalid(error.to_string()))?;
        let source = RootSource {
            name: name.to_owned(),
            sha256: Digest::of(text.as_bytes()),
            date: None,
        };
        Ok(Self { source, verifier })
    }

    /// Returns which one it is.
    #[must_use]
    pub fn source(&self) -> &RootSource {
        &self.source
    }

    pub(super) fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}
