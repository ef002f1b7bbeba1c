//! What can go wrong in a review.
//!
//! An input that cannot be read is no error here but a `Failure` of the review, which goes on.

use crate::error::{ErrorKind, Explain};

/// An error of the review.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// Several subjects were read and one is needed, or the one named is not there.
    #[error("{message}")]
    Subject {
        /// What was asked for and what there is.
        message: String,
        /// The subjects' names and digests.
        subjects: Vec<String>,
    },
    /// No finding matched, or an id matches several.
    #[error("{message}")]
    Finding {
        /// What was asked for.
        message: String,
        /// The findings that match: key, id, package.
        candidates: Vec<String>,
    },
    /// The decision is not allowed as it is.
    #[error("{0}")]
    Decision(String),
    /// A report file is gone or changed since it was loaded.
    #[error("{path}: {detail}")]
    Evidence {
        /// The file.
        path: String,
        /// What is wrong.
        detail: String,
    },
}

impl Explain for ReviewError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Subject { .. } | Self::Finding { .. } | Self::Evidence { .. } => ErrorKind::Input,
            Self::Decision(_) => ErrorKind::Usage,
        }
    }
}
