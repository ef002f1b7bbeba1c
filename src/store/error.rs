//! What can go wrong in a store, and what to do about it.
//!
//! The S3 client's own error types stop in `s3`.

use std::io;
use std::path::PathBuf;

use crate::error::{ErrorKind, Explain};

/// A store could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The name is not allowed in a store.
    #[error("`{key}` cannot be the name of an object: {reason}")]
    Key {
        /// The name as it was given.
        key: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A folder of the store is a symbolic link.
    #[error("{} is a symbolic link", path.display())]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// The place of a folder or an object is taken by something else: a device, a pipe, a file.
    #[error("{} is not a {expected}", path.display())]
    NotExpected {
        /// The path.
        path: PathBuf,
        /// `folder` or `regular file`.
        expected: &'static str,
    },
    /// The folder belongs to another user.
    #[error("{} belongs to user {owner}, not to this user ({user})", path.display())]
    ForeignOwner {
        /// The folder.
        path: PathBuf,
        /// The owner's number.
        owner: u32,
        /// The number of the user this program runs as.
        user: u32,
    },
    /// The folder is shared by a group that this user cannot give files to.
    #[error("{} is shared by group {group}, and a file cannot be given to it", path.display())]
    OtherGroup {
        /// The folder.
        path: PathBuf,
        /// The number of the group.
        group: u32,
        /// The system's answer.
        source: io::Error,
    },
    /// Everybody may write to the folder.
    #[error("{} can be written by every user of this machine", path.display())]
    OpenToAll {
        /// The folder.
        path: PathBuf,
    },
    /// The disk or the quota is full.
    #[error("no space left to write {}", path.display())]
    Full {
        /// The file that was to be written.
        path: PathBuf,
    },
    /// The object is larger than this program reads.
    #[error("{object} has {size} bytes; at most {limit} are read")]
    TooLarge {
        /// The object: a path or an S3 address.
        object: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `create` …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// S3 refused or did not answer, after retries.
    #[error("cannot {action} {object}: {message}")]
    Remote {
        /// What was tried: `read`, `list`, `create`.
        action: &'static str,
        /// The S3 address.
        object: String,
        /// The code of the service, where it answered.
        code: Option<String>,
        /// The message of the service or of the connection.
        message: String,
        /// What to do.
        hint: String,
    },
}

impl Explain for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Key { .. } => ErrorKind::Internal,
            Self::Remote { .. } => ErrorKind::Remote,
            _ => ErrorKind::Input,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Key { .. } => return Vec::new(),
            Self::Symlink { path } => format!(
                "give the real folder: `realpath {}` prints it",
                path.display()
            ),
            Self::NotExpected { path, .. } => {
                format!("move {} away, then try again", path.display())
            }
            Self::ForeignOwner { path, .. } => format!(
                "run as the owner of {0}, choose a folder of your own, or let the owner share it with a group of both: `chgrp -R GROUP {0}` and `chmod 3770 {0}`",
                path.display()
            ),
            Self::OtherGroup { path, .. } => format!(
                "join the group of {0}, or let its owner run `chmod g+s {0}`",
                path.display()
            ),
            Self::OpenToAll { path } => format!("run `chmod o-w {}`", path.display()),
            Self::Full { .. } => {
                "free some space (`df -h`, `quota`), then try again; nothing was saved".to_owned()
            }
            Self::TooLarge { .. } => "check that this is the object you mean".to_owned(),
            Self::Io { path, source, .. } => io_hint(path, source),
            Self::Remote { hint, .. } => hint.clone(),
        };
        vec![hint]
    }
}

fn io_hint(path: &std::path::Path, source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("check the permissions of {}", path.display())
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "choose a folder on a file system that can be written".to_owned()
        }
        io::ErrorKind::Unsupported => "choose a folder on a file system with hard links".to_owned(),
        _ => format!("check that {} can be read and written", path.display()),
    }
}
