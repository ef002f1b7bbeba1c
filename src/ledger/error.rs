//! What can go wrong with the ledger, and what to do about it.
//!
//! What is wrong *in* a chain is data (`chain::Break`), not an error, until somebody appends.

use super::entry::Entry;
use super::fault::Break;
use crate::error::{ErrorKind, Explain};
use crate::store::StoreError;

/// The ledger refused or could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The chain is broken: the ledger is read-only.
    #[error("the ledger {location} is broken at {first}")]
    Broken {
        /// Where the ledger is.
        location: String,
        /// The first break.
        first: Box<Break>,
    },
    /// The store of the ledger could not be read or written.
    #[error("cannot use the ledger {location}")]
    Store {
        /// Where the ledger is.
        location: String,
        /// The cause.
        source: Box<StoreError>,
    },
    /// Other writers were faster time after time.
    #[error("gave up recording in {location} after losing {attempts} races against other writers")]
    Conflict {
        /// Where the ledger is.
        location: String,
        /// How often a number was taken by somebody else.
        attempts: usize,
    },
    /// The twelve digits of the numbers are used up.
    #[error("the ledger {location} has no number left")]
    Exhausted {
        /// Where the ledger is.
        location: String,
    },
    /// The draft has no canonical form or breaks a limit.
    #[error("cannot record an entry of kind `{kind}`: {detail}")]
    Draft {
        /// The kind of the draft.
        kind: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Some of several drafts were recorded before it failed.
    #[error("{} of {total} entries were recorded", recorded.len())]
    Partial {
        /// The entries that were recorded and are durable.
        recorded: Vec<Entry>,
        /// How many were asked for.
        total: usize,
        /// Why the next one was not.
        source: Box<LedgerError>,
    },
    /// There is no entry of that number.
    #[error("the ledger {location} has no entry {seq}")]
    NoSuchEntry {
        /// Where the ledger is.
        location: String,
        /// The number.
        seq: u64,
    },
    /// The entry records something that happened and cannot be taken back.
    #[error("entry {seq} is of kind `{kind}`, which cannot be undone")]
    NotUndoable {
        /// The number.
        seq: u64,
        /// Its kind.
        kind: String,
    },
}

impl Explain for LedgerError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchEntry { .. } | Self::NotUndoable { .. } => ErrorKind::Input,
            Self::Draft { .. } => ErrorKind::Internal,
            Self::Partial { source, .. } => source.kind(),
            _ => ErrorKind::Ledger,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Broken { .. } => vec![
                "run `countersign ledger verify`: it explains every break; the ledger can still be read"
                    .to_owned(),
                "restore the named files from a copy, or begin another ledger with `--ledger DIR`"
                    .to_owned(),
            ],
            Self::Store { source, .. } => source.hints(),
            Self::Conflict { .. } => vec!["try again".to_owned()],
            Self::Exhausted { .. } => {
                vec!["begin another ledger with `--ledger DIR`".to_owned()]
            }
            Self::Draft { .. } => Vec::new(),
            Self::Partial { source, .. } => source.hints(),
            Self::NoSuchEntry { .. } => {
                vec!["`countersign ledger show` lists the entries".to_owned()]
            }
            Self::NotUndoable { .. } => vec![
                "verdicts, approvals and undos can be undone; promote the earlier digest to go back"
                    .to_owned(),
            ],
        }
    }
}
