//! Stores: a folder or an S3 prefix that keeps objects which are written once and never changed.
//!
//! What the objects mean is the business of `ledger` and `archive`; inputs to review are read by
//! `review`. Only files under `store/` name the S3 client.

mod directory;
mod error;
mod key;
mod s3;

pub use directory::DirectoryStore;
pub use error::StoreError;
pub use key::check_key;
pub use s3::{ParseLocationError, S3Location, S3Store};

use futures_util::{StreamExt as _, TryStreamExt as _};

/// The largest object that is read into memory: 512 MiB.
pub const MAX_OBJECT: u64 = 512 * 1024 * 1024;

/// How many objects are fetched from S3 at the same time.
const CONCURRENT_READS: usize = 16;

/// What became of an attempt to create an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object was created and is durable.
    Created,
    /// An object of that name was there already; it was left as it is.
    Exists,
}

/// A place that keeps objects.
#[derive(Clone, Debug)]
pub enum Store {
    /// A folder of the local file system.
    Directory(DirectoryStore),
    /// A prefix of an S3 bucket.
    S3(S3Store),
}

impl Store {
    /// Returns whether every operation finishes without waiting for the network. A caller without
    /// a runtime can then finish a future with `futures_util::FutureExt::now_or_never`.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Directory(_))
    }

    /// Returns where the store is, as a person would name it: a path or `s3://bucket/prefix`.
    #[must_use]
    pub fn location(&self) -> String {
        match self {
            Self::Directory(store) => store.root().display().to_string(),
            Self::S3(store) => store.location().to_string(),
        }
    }

    /// Returns the bytes of `key`, or none where there is no such object.
    ///
    /// # Errors
    /// When the key is not allowed, the object is not a regular file or above [`MAX_OBJECT`], or
    /// the store cannot be read.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Directory(store) => store.get(key),
            Self::S3(store) => store.get(key).await,
        }
    }

    /// Returns the bytes of every key, in the order of `keys`; on S3 several at a time.
    ///
    /// # Errors
    /// As [`Store::get`]; the first failure ends it.
    pub async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        match self {
            Self::Directory(store) => keys.iter().map(|key| store.get(key)).collect(),
            Self::S3(store) => {
                futures_util::stream::iter(keys)
                    .map(|key| store.get(key))
                    .buffered(CONCURRENT_READS)
                    .try_collect()
                    .await
            }
        }
    }

    /// Returns the name of every object whose key starts with `prefix`, sorted; `prefix` is empty
    /// or a folder with its final `/`. Names that start with a dot are left out; a name that is
    /// not a key is listed all the same, so that a stranger's file can be named.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Directory(store) => store.list(prefix),
            Self::S3(store) => store.list(prefix).await,
        }
    }

    /// Creates `key` with `bytes` unless an object of that name exists. Atomic: nobody sees half
    /// an object, and of several writers one creates it. Durable once it returns.
    ///
    /// # Errors
    /// When the key is not allowed or the store cannot be written; nothing is left behind then.
    pub async fn put_if_absent(&self, key: &str, bytes: &[u8]) -> Result<Put, StoreError> {
        match self {
            Self::Directory(store) => store.put_if_absent(key, bytes),
            Self::S3(store) => store.put_if_absent(key, bytes).await,
        }
    }
}
