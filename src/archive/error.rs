//! What can go wrong with the archive, and what to do about it.
//!
//! What is wrong *in* an archive is data (`verify::Problem`), not an error.

use crate::error::{ErrorKind, Explain};
use crate::store::StoreError;

/// The archive refused or could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The store of the archive could not be read or written.
    #[error("cannot use the archive {location}")]
    Store {
        /// Where the archive is.
        location: String,
        /// The cause.
        source: Box<StoreError>,
    },
    /// The text is not the id of a bundle.
    #[error("`{text}` is not the id of a bundle: expected <digest>/<time>-<hash>")]
    Id {
        /// The text as it was given.
        text: String,
    },
    /// There is no such bundle.
    #[error("the archive {location} has no bundle {id}")]
    NoSuchBundle {
        /// Where the archive is.
        location: String,
        /// The bundle.
        id: String,
    },
    /// The manifest or a file of a bundle is not what was put there.
    #[error("bundle {id} of the archive {location} is damaged: {detail}")]
    Damaged {
        /// Where the archive is.
        location: String,
        /// The bundle.
        id: String,
        /// What is wrong.
        detail: String,
    },
    /// The manifest could not be written down.
    #[error("cannot write the manifest of the bundle: {detail}")]
    Manifest {
        /// Why.
        detail: String,
    },
}

impl Explain for ArchiveError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Store { source, .. } => source.kind(),
            Self::Id { .. } => ErrorKind::Usage,
            Self::NoSuchBundle { .. } | Self::Damaged { .. } => ErrorKind::Input,
            Self::Manifest { .. } => ErrorKind::Internal,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Store { source, .. } => source.hints(),
            Self::Id { .. } | Self::NoSuchBundle { .. } => {
                vec!["`countersign archive list` shows the bundles".to_owned()]
            }
            Self::Damaged { .. } => {
                vec!["`countersign archive verify` names everything that is wrong".to_owned()]
            }
            Self::Manifest { .. } => Vec::new(),
        }
    }
}
