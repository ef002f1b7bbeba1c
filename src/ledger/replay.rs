//! Replay: from entries to the verdicts, approvals and promotions that were not taken back.
//!
//! Whether a verdict still holds today is worked out in `review`.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::{Entry, kind};
use crate::model::{Digest, ImageVerdict, Recorded, Verdict};

/// The body of an entry of kind `undo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// The number of the entry that is taken back.
    pub entry: u64,
    /// The SHA-256 of its bytes.
    pub entry_sha256: Digest,
}

/// An entry whose body cannot be used. It is in the chain and counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayProblem {
    /// The number of the entry.
    pub entry: u64,
    /// Its kind.
    pub kind: String,
    /// What is wrong with its body.
    pub detail: String,
}

impl fmt::Display for ReplayProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} ({}): {}", self.entry, self.kind, self.detail)
    }
}

/// What a ledger says, in the order it was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// Verdicts on findings.
    pub verdicts: Vec<(Recorded, Verdict)>,
    /// Verdicts on images.
    pub approvals: Vec<(Recorded, ImageVerdict)>,
    /// Steps and receipts of promotions.
    pub promotions: Vec<(Recorded, Value)>,
    /// Predictions.
    pub predictions: Vec<(Recorded, Value)>,
    /// The numbers of the entries that are taken back, undos included.
    pub undone: BTreeSet<u64>,
    /// Entries whose body cannot be used.
    pub problems: Vec<ReplayProblem>,
}

/// Returns whether entries of this kind can be taken back: what somebody said can, what happened
/// cannot.
pub(super) fn undoable(kind: &str) -> bool {
    matches!(kind, kind::VERDICT | kind::APPROVAL | kind::UNDO)
}

/// Replays `entries`. Entries of unknown kinds are passed over: they stay in the chain.
#[must_use]
pub fn replay(entries: &[Entry]) -> Replay {
    let mut replay = Replay::default();
    // Later entries decide about earlier ones: from the end, each undo is settled when it is met.
    for entry in entries
        .iter()
        .rev()
        .filter(|entry| entry.kind == kind::UNDO)
    {
        match target(entries, entry) {
            Err(detail) => replay.problem(entry, detail),
            Ok(target) if !replay.undone.contains(&entry.seq) => {
                replay.undone.insert(target);
            }
            Ok(_undone) => {}
        }
    }
    for entry in entries {
        if replay.undone.contains(&entry.seq) {
            continue;
        }
        match entry.kind.as_str() {
            kind::VERDICT => match body(entry) {
                Ok(verdict) => replay.verdicts.push((recorded(entry), verdict)),
                Err(detail) => replay.problem(entry, detail),
            },
            kind::APPROVAL => match body(entry) {
                Ok(verdict) => replay.approvals.push((recorded(entry), verdict)),
                Err(detail) => replay.problem(entry, detail),
            },
            kind::PROMOTION => replay
                .promotions
                .push((recorded(entry), entry.body.clone())),
            kind::PREDICTION => replay
                .predictions
                .push((recorded(entry), entry.body.clone())),
            _ => {}
        }
    }
    replay.problems.sort_by_key(|problem| problem.entry);
    replay
}

impl Replay {
    fn problem(&mut self, entry: &Entry, detail: String) {
        self.problems.push(ReplayProblem {
            entry: entry.seq,
            kind: entry.kind.clone(),
            detail,
        });
    }
}

/// Returns who recorded `entry`, and when.
#[must_use]
pub fn recorded(entry: &Entry) -> Recorded {
    Recorded {
        reviewer: entry.reviewer.clone(),
        time: entry.time,
        entry: entry.seq,
        entry_sha256: entry.sha256.clone(),
    }
}

fn body<T: DeserializeOwned>(entry: &Entry) -> Result<T, String> {
    T::deserialize(&entry.body).map_err(|error| error.to_string())
}

/// Returns the number of the entry that `undo` takes back.
fn target(entries: &[Entry], undo: &Entry) -> Result<u64, String> {
    let Undo {
        entry,
        entry_sha256,
    } = body(undo)?;
    if entry >= undo.seq {
        return Err(format!(
            "it takes back entry {entry}, which does not come before it"
        ));
    }
    let found = entries
        .binary_search_by_key(&entry, |candidate| candidate.seq)
        .ok()
        .and_then(|place| entries.get(place))
        .ok_or_else(|| format!("it takes back entry {entry}, which does not exist"))?;
    if found.sha256 != entry_sha256 {
        return Err(format!(
            "it takes back entry {entry} with another SHA-256 than that entry has"
        ));
    }
    if !undoable(&found.kind) {
        return Err(format!(
            "it takes back entry {entry} of kind `{}`, which cannot be undone",
            found.kind
        ));
    }
    Ok(entry)
}
