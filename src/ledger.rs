//! The ledger: the append-only, hash-chained record of verdicts and promotions, over a store.
//!
//! One entry is one file, `<12-digit seq>.json`; signed approvals lie beside them as opaque
//! envelopes. Whether a verdict still holds is `review`'s question; signatures are checked there.

mod aside;
mod chain;
mod entry;
mod envelope;
mod error;
mod fault;
mod replay;

pub use aside::{Aside, AsideFile};
pub use chain::Chain;
pub use entry::{Draft, Entry, VERSION, kind};
pub use envelope::{Envelope, Envelopes};
pub use error::LedgerError;
pub use fault::{Break, Fault, Head, SetAside};
pub use replay::{Replay, ReplayProblem, Undo, recorded, replay};

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::environment::Clock;
use crate::model::Digest;
use crate::store::{Put, Store, StoreError};

/// How many races against other writers are lost before giving up. Each one lost is an entry of
/// somebody else, so this bounds waiting, not progress.
const MAX_RACES: usize = 1000;

/// The end of the chain as it was last seen.
#[derive(Clone, Debug)]
struct End {
    head: Option<Head>,
    next: u64,
    /// The body that records files which lie in the ledger and which nobody recorded.
    aside: Option<Value>,
}

impl End {
    /// The end of a chain whose last entry is `entry`.
    fn after(entry: &Entry) -> Self {
        Self {
            head: Some(Head {
                seq: entry.seq,
                sha256: entry.sha256.clone(),
            }),
            next: entry.seq.saturating_add(1),
            aside: None,
        }
    }
}

/// A ledger.
#[derive(Debug)]
pub struct Ledger {
    store: Store,
    /// Saves reading the whole chain for every entry that is appended.
    end: Mutex<Option<End>>,
}

/// The answer to whether a ledger is what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How many entries can be relied on.
    pub entries: usize,
    /// The last of them.
    pub head: Option<Head>,
    /// Everything that is wrong, in order of number.
    pub problems: Vec<Break>,
    /// Files that are no part of the chain; they break nothing.
    pub set_aside: Vec<SetAside>,
}

impl Verification {
    /// Returns whether nothing is wrong.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Ledger {
    /// Returns the ledger in `store`. Nothing is read or created yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            end: Mutex::new(None),
        }
    }

    /// Returns whether every operation finishes without waiting for the network; see
    /// [`Store::is_local`].
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.store.is_local()
    }

    /// Returns where the ledger is.
    #[must_use]
    pub fn location(&self) -> String {
        self.store.location()
    }

    /// Reads and checks every entry, and reads the signed approvals beside them. A break is in the
    /// result; it is no error to read up to it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read(&self) -> Result<Chain, LedgerError> {
        let names = self.names("").await?;
        let (approvals, names): (Vec<String>, Vec<String>) = names
            .into_iter()
            .partition(|name| envelope::is_beside(name));
        let mut chain = self.entries(names).await?;
        let found = self.envelopes_in(approvals).await?;
        chain.envelopes = found.envelopes;
        chain.set_aside.extend(found.set_aside);
        Ok(chain)
    }

    /// Reads and checks the entries among the files of these names.
    async fn entries(&self, names: Vec<String>) -> Result<Chain, LedgerError> {
        let mut numbers = Vec::new();
        let mut set_aside = Vec::new();
        for name in names {
            if let Some(number) = fault::number(&name) {
                numbers.push(number);
            } else if !envelope::is_beside(&name) {
                set_aside.push(SetAside {
                    file: name,
                    reason: fault::FOREIGN,
                });
            }
        }
        let keys: Vec<String> = numbers.iter().copied().map(fault::file_name).collect();
        let bytes = self
            .store
            .get_many(&keys)
            .await
            .map_err(|error| self.store_error(error))?;
        // A file that is gone since it was listed is missing in the chain as well.
        let files: Vec<(u64, Vec<u8>)> = numbers
            .into_iter()
            .zip(bytes)
            .filter_map(|(number, bytes)| Some((number, bytes?)))
            .collect();
        let mut chain = Chain::check(&files);
        chain.set_aside.splice(0..0, set_aside);
        Ok(chain)
    }

    async fn names(&self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        let names = self.store.list(prefix).await;
        names.map_err(|error| self.store_error(error))
    }

    /// Checks the chain, also against heads that were kept elsewhere: without one, a chain cannot
    /// show that its end was cut off or that all of it was rewritten.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn verify(&self, anchors: &[Head]) -> Result<Verification, LedgerError> {
        let chain = self.read().await?;
        let mut problems = chain.problems.clone();
        problems.extend(anchors.iter().filter_map(|anchor| chain.against(anchor)));
        problems.sort_by_key(|problem| problem.seq);
        Ok(Verification {
            entries: chain.entries.len(),
            head: chain.head(),
            problems,
            set_aside: chain.set_aside,
        })
    }

    /// Records `draft` and returns its entry. It is durable then, and the last one of the chain at
    /// that moment; several writers may append to one ledger. Files that are no part of the chain
    /// and are not on record yet are recorded before it.
    ///
    /// # Errors
    /// When the chain is broken, the draft breaks a rule, or the store cannot be written.
    pub async fn append(&self, draft: Draft) -> Result<Entry, LedgerError> {
        let mut end = self.current_end().await?;
        for _attempt in 0..MAX_RACES {
            // What is wrong with a draft is found before anything else is recorded.
            let wanted = self.made(&draft, &end)?;
            let aside = end.aside.take().map(|body| aside::beside(&draft, body));
            let (entry, bytes) = match &aside {
                Some(aside) => self.made(aside, &end)?,
                None => wanted,
            };
            let put = self
                .store
                .put_if_absent(&fault::file_name(entry.seq), &bytes)
                .await
                .map_err(|error| self.store_error(error))?;
            let is_ours = put == Put::Created || self.is_own(&entry).await?;
            end = match (is_ours, aside) {
                (true, Some(_)) => End::after(&entry),
                (true, None) => {
                    self.remember(Some(End::after(&entry)));
                    return Ok(entry);
                }
                // The faster one may have recorded the same files.
                (false, Some(_)) => self.read_end().await?,
                (false, None) => self.catch_up(end).await?,
            };
        }
        Err(LedgerError::Conflict {
            location: self.location(),
            attempts: MAX_RACES,
        })
    }

    /// Makes the entry of `draft` at the end of the chain.
    fn made(&self, draft: &Draft, end: &End) -> Result<(Entry, Vec<u8>), LedgerError> {
        if end.next > entry::MAX_SEQ {
            return Err(LedgerError::Exhausted {
                location: self.location(),
            });
        }
        let prev = end.head.as_ref().map(|head| &head.sha256);
        let made = draft.entry(end.next, prev);
        made.map_err(|detail| LedgerError::Draft {
            kind: draft.kind.chars().take(40).collect(),
            detail,
        })
    }

    /// Records `drafts` in order. Entries of other writers may come between them.
    ///
    /// # Errors
    /// As [`Ledger::append`]; when some were recorded before it failed, the error names them.
    pub async fn append_all(&self, drafts: Vec<Draft>) -> Result<Vec<Entry>, LedgerError> {
        let total = drafts.len();
        let mut recorded = Vec::with_capacity(total);
        for draft in drafts {
            match self.append(draft).await {
                Ok(entry) => recorded.push(entry),
                Err(error) if recorded.is_empty() => return Err(error),
                Err(error) => {
                    return Err(LedgerError::Partial {
                        recorded,
                        total,
                        source: Box::new(error),
                    });
                }
            }
        }
        Ok(recorded)
    }

    /// Takes entry `seq` back with a new entry. Taking an undo back restores what it took back.
    ///
    /// # Errors
    /// When there is no such entry, it records something that happened, or appending fails.
    pub async fn undo(&self, seq: u64, reviewer: &str, clock: Clock) -> Result<Entry, LedgerError> {
        let chain = self.read().await?;
        if let Some(first) = chain.broken {
            return Err(self.broken(first));
        }
        let Some(target) = chain.entries.iter().find(|entry| entry.seq == seq) else {
            return Err(LedgerError::NoSuchEntry {
                location: self.location(),
                seq,
            });
        };
        if !replay::undoable(&target.kind) {
            return Err(LedgerError::NotUndoable {
                seq,
                kind: target.kind.clone(),
            });
        }
        let body = serde_json::json!({ "entry": seq, "entry_sha256": target.sha256 });
        self.append(Draft::new(kind::UNDO, body, reviewer, clock))
            .await
    }

    /// Keeps a signed approval and returns its digest. Keeping it twice is no error.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn put_envelope(&self, bytes: &[u8]) -> Result<Digest, LedgerError> {
        let sha256 = Digest::of(bytes);
        self.store
            .put_if_absent(&envelope::file_name(&sha256), bytes)
            .await
            .map_err(|error| self.store_error(error))?;
        Ok(sha256)
    }

    /// Returns the end of the chain: as last seen if that entry is still the same, else by reading
    /// all of it.
    async fn current_end(&self) -> Result<End, LedgerError> {
        let seen = self
            .end
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(end) = seen
            && let Some(head) = &end.head
        {
            let bytes = self
                .store
                .get(&fault::file_name(head.seq))
                .await
                .map_err(|error| self.store_error(error))?;
            if bytes.is_some_and(|bytes| head.sha256.matches(&bytes)) {
                return Ok(end);
            }
        }
        self.read_end().await
    }

    /// Reads the whole chain; refuses a broken one.
    async fn read_end(&self) -> Result<End, LedgerError> {
        let chain = self.entries(self.names("").await?).await?;
        let end = End {
            head: chain.head(),
            next: chain.next(),
            aside: chain.unrecorded(),
        };
        match chain.broken {
            Some(first) => Err(self.broken(first)),
            None => Ok(end),
        }
    }

    /// Follows the entries that others appended after `end`. Anything odd is left to a full read.
    async fn catch_up(&self, mut end: End) -> Result<End, LedgerError> {
        self.remember(None);
        loop {
            let bytes = self
                .store
                .get(&fault::file_name(end.next))
                .await
                .map_err(|error| self.store_error(error))?;
            let Some(bytes) = bytes else {
                return Ok(end);
            };
            match entry::parse(end.next, &bytes) {
                Ok(next) if next.prev.as_ref() == end.head.as_ref().map(|head| &head.sha256) => {
                    end = End::after(&next);
                }
                Ok(_) | Err(_) => return self.read_end().await,
            }
        }
    }

    /// Returns whether the entry that is there already is the one just sent: the answer to a first
    /// attempt may be lost on the way from S3, and the second attempt then finds its own entry.
    async fn is_own(&self, entry: &Entry) -> Result<bool, LedgerError> {
        if self.is_local() {
            return Ok(false);
        }
        let bytes = self
            .store
            .get(&fault::file_name(entry.seq))
            .await
            .map_err(|error| self.store_error(error))?;
        Ok(bytes.is_some_and(|bytes| entry.sha256.matches(&bytes)))
    }

    fn remember(&self, end: Option<End>) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }

    fn broken(&self, first: Break) -> LedgerError {
        LedgerError::Broken {
            location: self.location(),
            first: Box::new(first),
        }
    }

    fn store_error(&self, source: StoreError) -> LedgerError {
        LedgerError::Store {
            location: self.location(),
            source: Box::new(source),
        }
    }
}

#[cfg(test)]
mod tests;
