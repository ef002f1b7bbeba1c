//! What can go wrong with a registry, a layout folder, an archive or the Docker daemon, and what to
//! do next.
//!
//! Texts of servers are cut short and freed of control characters before they enter a message.

mod ecr;

use std::path::PathBuf;

use crate::error::{ErrorKind, Explain};
use crate::model::Digest;
use crate::model::oci::ManifestError;

pub use ecr::EcrError;

/// The most characters of a server's own text that a message repeats.
const FOREIGN_CHARACTERS: usize = 300;

/// A registry or layout that did not do what was asked of it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RegistryError {
    /// The image, manifest or blob does not exist.
    #[error("{what} does not exist")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The registry wants a log-in, or does not accept the one it was given.
    #[error("{registry} did not accept the log-in for {what}: {detail}")]
    Unauthorized {
        /// The registry's host.
        registry: String,
        /// What was asked for.
        what: String,
        /// Why.
        detail: String,
    },
    /// The registry understood and refused.
    #[error("{what} was refused with status {status}: {detail}")]
    Denied {
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The registry's error code, such as `DENIED` or `NAME_UNKNOWN`; empty where it gave none.
        code: String,
        /// The registry's words.
        detail: String,
    },
    /// A tag that exists and may not be moved.
    #[error("{what} exists and cannot be changed: {detail}")]
    Immutable {
        /// The tag.
        what: String,
        /// The registry's words.
        detail: String,
    },
    /// Bytes other than the digest or size promised.
    #[error("{what} is not what its digest says: expected {expected}, got {actual}")]
    Mismatch {
        /// What was read, and from where.
        what: String,
        /// The digest or size that was promised.
        expected: String,
        /// The digest or size that came.
        actual: String,
    },
    /// More bytes than this program reads.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What was read.
        what: String,
        /// The cap.
        limit: u64,
    },
    /// No answer, a broken connection or a silence that was too long.
    #[error("{what}: {detail}")]
    Network {
        /// What was being done, with the host.
        what: String,
        /// The cause.
        detail: String,
    },
    /// A server error or a limit of requests, still there after several tries.
    #[error("{what}: the registry answers with status {status}: {detail}")]
    Unavailable {
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The registry's words.
        detail: String,
    },
    /// An answer that the distribution specification does not allow.
    #[error("{what}: unexpected answer: {detail}")]
    Unexpected {
        /// What was asked for.
        what: String,
        /// The status or the part of the answer that is wrong.
        detail: String,
    },
    /// An address that must not be followed: a redirect, upload location or token realm.
    #[error("{what}: the address {address} is refused: {detail}")]
    Address {
        /// What was being done.
        what: String,
        /// Scheme and host of the address, without path and query.
        address: String,
        /// Why.
        detail: String,
    },
    /// The person or a signal ended the work.
    #[error("cancelled")]
    Cancelled,
    /// A layout folder that cannot be used.
    #[error("layout {}: {detail}", path.display())]
    Layout {
        /// The folder or the file in it.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A tar archive that cannot be used.
    #[error("archive {}: {detail}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the member and the place in the file.
        detail: String,
    },
    /// An index that names platforms whose parts were not saved with it.
    #[error("{what}: the index names platforms that are not there: {missing}")]
    Incomplete {
        /// The image.
        what: String,
        /// The platforms without their manifest, configuration or layers.
        missing: String,
        /// The platforms that are whole.
        whole: String,
    },
    /// The Docker daemon does not answer, or has no such image.
    #[error("docker daemon at {socket}: {detail}")]
    Daemon {
        /// The socket.
        socket: String,
        /// What is wrong.
        detail: String,
    },
    /// A blob that a layout's manifest names and the folder does not have.
    #[error("{}: blob {digest} is missing", path.display())]
    MissingBlob {
        /// The layout's folder.
        path: PathBuf,
        /// The blob.
        digest: Digest,
    },
    /// The name does not choose one image.
    #[error("{what} holds more than one image: {choices}")]
    Ambiguous {
        /// What was named.
        what: String,
        /// What it holds.
        choices: String,
    },
    /// A document that is not a manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Something this program cannot do.
    #[error("{what} is not supported: {detail}")]
    Unsupported {
        /// What it is.
        what: String,
        /// Why.
        detail: String,
    },
    /// The settings for registries cannot be used: certificate file, docker configuration.
    #[error("{}: {detail}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Amazon ECR's own interface refused, or there is nothing to log in to AWS with.
    #[error(transparent)]
    Ecr(Box<EcrError>),
}

impl RegistryError {
    /// Returns whether another try of the whole blob or request may succeed.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Network { .. } | Self::Unavailable { .. })
    }

    /// Builds an error about a tar archive.
    pub(super) fn archive(path: impl Into<PathBuf>, detail: impl Into<String>) -> Self {
        Self::Archive {
            path: path.into(),
            detail: detail.into(),
        }
    }

    /// Builds a layout error.
    pub(super) fn layout(path: impl Into<PathBuf>, detail: impl Into<String>) -> Self {
        Self::Layout {
            path: path.into(),
            detail: detail.into(),
        }
    }
}

impl From<EcrError> for RegistryError {
    fn from(error: EcrError) -> Self {
        Self::Ecr(Box::new(error))
    }
}

impl Explain for RegistryError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. }
            | Self::Layout { .. }
            | Self::Archive { .. }
            | Self::Incomplete { .. }
            | Self::MissingBlob { .. }
            | Self::Ambiguous { .. }
            | Self::Manifest(_)
            | Self::TooLarge { .. }
            | Self::Unsupported { .. } => ErrorKind::Input,
            Self::Mismatch { .. } | Self::Address { .. } => ErrorKind::Refused,
            Self::Cancelled => ErrorKind::Interrupted,
            Self::Settings { .. } => ErrorKind::Usage,
            Self::Unauthorized { .. }
            | Self::Denied { .. }
            | Self::Immutable { .. }
            | Self::Network { .. }
            | Self::Unavailable { .. }
            | Self::Daemon { .. }
            | Self::Unexpected { .. }
            | Self::Ecr(_) => ErrorKind::Remote,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NotFound { .. } => {
                "check the name, the tag and the digest; `countersign inspect IMAGE --tags` lists tags"
            }
            Self::Unauthorized { .. } => {
                "log in with `docker login`, `podman login` or `aws` (Amazon ECR); what they keep is read, nothing is stored"
            }
            Self::Ecr(error) => return error.hints(),
            Self::Denied { code, detail, .. } => {
                if let Some(hint) = ecr::denied(code, detail) {
                    return vec![hint];
                }
                "ask the registry's owner for pull on the source and push on the destination; the repository may have to be created first"
            }
            Self::Immutable { .. } => "choose another tag: this one already names another digest",
            Self::Mismatch { .. } => {
                "nothing was tagged; fetch or build the source again before promoting it"
            }
            Self::Network { .. } | Self::Unavailable { .. } => {
                "run the command again: blobs that arrived are not sent twice"
            }
            Self::MissingBlob { .. } => "save or copy the image again, with all platforms",
            Self::Archive { .. } => {
                "save the image again: `docker save -o FILE IMAGE`, or `skopeo copy SOURCE oci-archive:FILE:TAG`"
            }
            Self::Incomplete { whole, .. } if whole.is_empty() => {
                "save the image again with all its parts, or name it by its registry"
            }
            Self::Incomplete { whole, .. } => {
                return vec![format!(
                    "choose one that is whole with --platform ({whole}); its digest is another than the index's"
                )];
            }
            Self::Daemon { .. } => {
                "check that docker runs (`docker image ls`) and that DOCKER_HOST, where set, is a unix:// socket"
            }
            Self::Settings { .. } => "mend or remove the file, or log in again",
            Self::Ambiguous { .. } => {
                "name one by its name or digest behind a colon, such as oci:DIR:REF or docker-archive:FILE:REF"
            }
            Self::Address { .. } => {
                "the registry points to another host that must not see this traffic; ask its owner"
            }
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

/// Returns foreign text cut short and on one line.
pub(super) fn foreign(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(FOREIGN_CHARACTERS)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Returns an error with its causes, without addresses that may carry secrets in their query.
pub(super) fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    foreign(&text)
}
