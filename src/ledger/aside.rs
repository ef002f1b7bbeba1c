//! Files that lie in a ledger and are no part of its chain, put on record by the next writer.
//!
//! They are named and left where they are: evidence is never moved or deleted. Files among the signed
//! approvals are not recorded, because anybody can put files into a folder that travels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::chain::Chain;
use super::entry::{Draft, Entry, kind};
use super::envelope;
use super::fault::{Fault, file_name, number};
use crate::model::Digest;

/// The most files that one entry names; the next writer names the next ones.
const MOST_FILES: usize = 100;

/// The most characters of a name that are kept.
const MOST_CHARACTERS: usize = 512;

/// Why a file with an entry's name is set aside.
const CUT_SHORT: &str = "cut short; it holds no whole entry";

/// The body of an entry of kind `set-aside`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// The files, in order of their names.
    pub files: Vec<AsideFile>,
}

/// A file that is no part of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsideFile {
    /// The name: foreign text, at most 512 characters.
    pub file: String,
    /// Why it does not count.
    pub reason: String,
    /// The SHA-256 of a file that has an entry's name. Others are not opened.
    pub sha256: Option<Digest>,
}

/// What tells one such file from another.
type Label = (String, Option<Digest>);

impl Chain {
    /// Returns the entry that records a file that was set aside; none where no writer saw it yet.
    #[must_use]
    pub fn recorded_aside(&self, file: &str) -> Option<u64> {
        recorded(&self.entries).get(&self.label(file)).copied()
    }

    fn label(&self, file: &str) -> Label {
        let sha256 = number(file).and_then(|seq| self.digest(seq));
        (
            file.chars().take(MOST_CHARACTERS).collect(),
            sha256.cloned(),
        )
    }

    /// Returns the body that records what lies in the ledger and nobody recorded; none where there
    /// is nothing.
    pub(super) fn unrecorded(&self) -> Option<Value> {
        let known = recorded(&self.entries);
        let strange = self
            .set_aside
            .iter()
            .map(|one| (one.file.clone(), one.reason));
        let torn = self.problems.iter();
        let torn = torn.filter(|problem| problem.fault == Fault::HalfWritten);
        let torn = torn.map(|problem| (file_name(problem.seq), CUT_SHORT));
        let mut files: Vec<AsideFile> = strange
            .chain(torn)
            .filter(|(file, _)| !envelope::is_beside(file))
            .map(|(file, reason)| (self.label(&file), reason))
            .filter(|(label, _)| !known.contains_key(label))
            .map(|((file, sha256), reason)| AsideFile {
                file,
                reason: reason.to_owned(),
                sha256,
            })
            .collect();
        files.sort_by(|one, other| one.file.cmp(&other.file));
        files.dedup();
        files.truncate(MOST_FILES);
        if files.is_empty() {
            return None;
        }
        serde_json::to_value(Aside { files }).ok()
    }
}

/// Returns the files that entries record, each with the first entry that does.
fn recorded(entries: &[Entry]) -> BTreeMap<Label, u64> {
    let mut known = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == kind::SET_ASIDE) {
        let aside = Aside::deserialize(&entry.body);
        for one in aside.into_iter().flat_map(|aside| aside.files) {
            known.entry((one.file, one.sha256)).or_insert(entry.seq);
        }
    }
    known
}

/// Returns the draft that puts `body` on record in the name and at the time of the writer of `draft`.
pub(super) fn beside(draft: &Draft, body: Value) -> Draft {
    Draft {
        kind: kind::SET_ASIDE.to_owned(),
        body,
        ..draft.clone()
    }
}
