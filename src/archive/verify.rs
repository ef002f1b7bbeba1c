//! The answer to whether an archive is whole, and everything that is wrong with it.
//!
//! Reading the store is `archive`'s work.

use super::BundleId;
use crate::model::Digest;

/// What is wrong at one place of an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The manifest cannot be read.
    #[error("bundle {id}: the manifest cannot be read: {detail}")]
    Manifest {
        /// The bundle.
        id: BundleId,
        /// Why.
        detail: String,
    },
    /// The manifest is not the one that the id was made from.
    #[error("bundle {id}: the manifest was edited or moved: its content makes it {found}")]
    Edited {
        /// The bundle.
        id: BundleId,
        /// The id that its content has.
        found: BundleId,
    },
    /// A file of a bundle is gone.
    #[error("bundle {id}: {name} ({sha256}) is missing")]
    Missing {
        /// The bundle.
        id: BundleId,
        /// The file's safe name.
        name: String,
        /// Its hash.
        sha256: Digest,
    },
    /// A file of a bundle is not what was put there.
    #[error("bundle {id}: {name} was edited: its SHA-256 is {found}, not {sha256}")]
    Altered {
        /// The bundle.
        id: BundleId,
        /// The file's safe name.
        name: String,
        /// The hash in the manifest.
        sha256: Digest,
        /// The hash of its bytes.
        found: Digest,
    },
    /// A file that no program of this name put there.
    #[error("`{key}` is no part of an archive")]
    Foreign {
        /// Its name: foreign text.
        key: String,
    },
}

/// The answer to whether an archive is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Whether nothing is wrong and there was something to look at: nothing found is a no.
    pub whole: bool,
    /// How many bundles were looked at.
    pub bundles: usize,
    /// How many different files they have.
    pub files: usize,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// Files of no bundle, left behind where archiving was interrupted; they break nothing.
    pub unreferenced: Vec<String>,
}
