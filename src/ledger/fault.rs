//! What can be wrong with a chain and its files, and the names of these files.
//!
//! Finding it out is `chain`'s work.

use std::fmt;

use crate::model::Digest;

/// Why a file that this program never writes is set aside.
pub(super) const FOREIGN: &str = "not a file of the ledger";

/// Returns the name of the file of entry `seq`.
pub(super) fn file_name(seq: u64) -> String {
    format!("{seq:012}.json")
}

/// Returns the number in the name of an entry's file; none for any other name.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    let all_digits = digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits
        .then(|| digits.parse().ok())
        .flatten()
        .filter(|seq| *seq > 0)
}

/// The last entry of a chain, kept elsewhere (a signature, an archive) to prove later that nothing
/// was cut off or rewritten since: a chain alone cannot show that.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Head {
    /// The entry's number.
    pub seq: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} ({})", self.seq, self.sha256)
    }
}

/// What is wrong at one place of a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file ends in the middle: a copy or a disk gave up. Appending goes on after it.
    #[error("the file is cut short")]
    HalfWritten,
    /// The file is not an entry.
    #[error("the file is not an entry: {detail}")]
    NotAnEntry {
        /// Why.
        detail: String,
    },
    /// The file was edited: this program writes one spelling only.
    #[error("the file was edited: {detail}")]
    NotCanonical {
        /// What differs.
        detail: String,
    },
    /// The file holds another entry than its name says: renamed, reordered or inserted.
    #[error("the file holds entry {holds}: entries were reordered, or one was inserted before it")]
    Moved {
        /// The number inside.
        holds: u64,
    },
    /// A later version of this program wrote it.
    #[error("the entry has format version {v}; this program reads version 1")]
    UnknownVersion {
        /// The version.
        v: u64,
    },
    /// Entries are gone: the one after them names another entry before it.
    #[error("missing, up to entry {through}")]
    Missing {
        /// The last one that is missing.
        through: u64,
    },
    /// The entry and the one after it do not fit.
    #[error(
        "the entry was edited or replaced: its SHA-256 is {found}, entry {named_by} names {named}"
    )]
    Edited {
        /// The hash of the bytes.
        found: Digest,
        /// The entry that names another hash.
        named_by: u64,
        /// The hash that it names.
        named: Digest,
    },
    /// The entry fits neither the one before nor the one after it.
    #[error("the entry was inserted or replaced: it names {named}, the entry before it is {found}")]
    Inserted {
        /// The hash it names as the entry before it.
        named: String,
        /// The hash of the entry before it.
        found: String,
    },
    /// The chain ends before an entry that is known to have been there.
    #[error("the entry is known to have been recorded as {expected}, but the chain ends before it")]
    Truncated {
        /// The hash it had.
        expected: Digest,
    },
    /// No entry has a hash that is known to have been in the chain.
    #[error(
        "an entry is known to have been recorded as {expected}, and no entry has that SHA-256: the end was cut off, or the chain was rewritten"
    )]
    Absent {
        /// The hash it had.
        expected: Digest,
    },
    /// The entry is another one than is known to have been there.
    #[error(
        "the entry is known to have been recorded as {expected}, but is now {found}: the chain was rewritten"
    )]
    Rewritten {
        /// The hash it had.
        expected: Digest,
        /// The hash it has.
        found: Digest,
    },
}

/// One place where a chain is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The number of the entry.
    pub seq: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

impl Break {
    /// Returns the name of the file.
    #[must_use]
    pub fn file(&self) -> String {
        file_name(self.seq)
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} ({}): {}", self.seq, self.file(), self.fault)
    }
}

/// A file that lies in the ledger and is no part of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The file's name: foreign text.
    pub file: String,
    /// Why it does not count.
    pub reason: &'static str,
}
