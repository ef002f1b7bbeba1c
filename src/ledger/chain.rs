//! The chain: entries in order, each naming the hash of the one before, and what is wrong with it.
//!
//! Pure: files come in as numbers and bytes. Reading them is `ledger`'s work.

use std::collections::BTreeMap;

use super::entry::{Entry, parse};
use super::envelope::Envelope;
use super::fault::{Break, Fault, Head, SetAside, file_name};
use crate::model::Digest;

/// The entries of a ledger as they were read.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// The entries that can be relied on: all of them, or those before the first break.
    pub entries: Vec<Entry>,
    /// The first break; the ledger is read-only then.
    pub broken: Option<Break>,
    /// Everything that is wrong, in order of number: every break, and files cut short at the end.
    pub problems: Vec<Break>,
    /// Files that are no part of the chain.
    pub set_aside: Vec<SetAside>,
    /// The signed approvals that lie beside the entries; nobody checked their signatures yet.
    pub envelopes: Vec<Envelope>,
    /// The hash of every numbered file, for comparison with an anchored head.
    digests: BTreeMap<u64, Digest>,
}

impl Chain {
    /// Returns the last entry's number and hash.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.entries.last().map(|entry| Head {
            seq: entry.seq,
            sha256: entry.sha256.clone(),
        })
    }

    /// Returns the hash of the file of entry `seq`, whatever is in it.
    pub(super) fn digest(&self, seq: u64) -> Option<&Digest> {
        self.digests.get(&seq)
    }

    /// Returns the number after the highest that is taken.
    pub(super) fn next(&self) -> u64 {
        self.digests
            .last_key_value()
            .map_or(1, |(seq, _)| seq.saturating_add(1))
    }

    /// Returns what is wrong compared with the hash of an entry that was kept elsewhere without its
    /// number.
    #[must_use]
    pub fn without(&self, sha256: &Digest) -> Option<Break> {
        let known = self.digests.values().any(|found| found == sha256);
        (!known).then(|| Break {
            seq: self.next(),
            fault: Fault::Absent {
                expected: sha256.clone(),
            },
        })
    }

    /// Returns what is wrong compared with an earlier head that was kept elsewhere.
    #[must_use]
    pub fn against(&self, anchor: &Head) -> Option<Break> {
        let fault = match self.digests.get(&anchor.seq) {
            Some(found) if *found == anchor.sha256 => return None,
            Some(found) => Fault::Rewritten {
                expected: anchor.sha256.clone(),
                found: found.clone(),
            },
            None => Fault::Truncated {
                expected: anchor.sha256.clone(),
            },
        };
        Some(Break {
            seq: anchor.seq,
            fault,
        })
    }

    /// Checks numbered files, sorted by number, none twice.
    pub(super) fn check(files: &[(u64, Vec<u8>)]) -> Self {
        let parsed: Vec<(u64, Digest, Result<Entry, Fault>)> = files
            .iter()
            .map(|(seq, bytes)| (*seq, Digest::of(bytes), parse(*seq, bytes)))
            .collect();
        let mut chain = Self::default();
        let mut link = Link::default();
        for (place, (seq, digest, result)) in parsed.iter().enumerate() {
            chain.digests.insert(*seq, digest.clone());
            match result {
                Ok(entry) => {
                    let after = parsed
                        .get(place + 1)
                        .and_then(|(_, _, next)| next.as_ref().ok());
                    chain.accept(&mut link, entry, after);
                }
                Err(Fault::HalfWritten) => link.cut_short.push(*seq),
                Err(fault) => {
                    chain.problems.push(Break {
                        seq: *seq,
                        fault: fault.clone(),
                    });
                    link = Link::at(*seq, digest.clone(), true);
                }
            }
        }
        for seq in link.cut_short {
            chain.problems.push(Break {
                seq,
                fault: Fault::HalfWritten,
            });
        }
        chain.problems.sort_by_key(|problem| problem.seq);
        chain.broken = chain
            .problems
            .iter()
            .find(|problem| problem.fault != Fault::HalfWritten)
            .cloned();
        if let Some(first) = &chain.broken {
            chain.entries.retain(|entry| entry.seq < first.seq);
        }
        chain
    }

    /// Adds an entry, after comparing it with what came before.
    fn accept(&mut self, link: &mut Link, entry: &Entry, after: Option<&Entry>) {
        let mut doubtful = false;
        if entry.prev == link.digest {
            // The link is whole: what lies between was never part of the chain.
            self.set_aside
                .extend(link.cut_short.iter().map(|seq| SetAside {
                    file: file_name(*seq),
                    reason: "cut short; the chain went on without it",
                }));
        } else if let Some(problem) = link.mismatch(entry, after) {
            doubtful = problem.seq == entry.seq;
            self.problems.push(problem);
        }
        self.entries.push(entry.clone());
        *link = Link::at(entry.seq, entry.sha256.clone(), doubtful);
    }
}

/// The end of the chain so far.
#[derive(Default)]
struct Link {
    seq: u64,
    digest: Option<Digest>,
    /// Whether the last file was reported already, so that its neighbour need not be.
    reported: bool,
    /// Numbers since whose files are cut short.
    cut_short: Vec<u64>,
}

impl Link {
    fn at(seq: u64, digest: Digest, reported: bool) -> Self {
        Self {
            seq,
            digest: Some(digest),
            reported,
            cut_short: Vec::new(),
        }
    }

    /// Says why `entry`, whose `prev` is not the hash of the last file, does not fit.
    fn mismatch(&self, entry: &Entry, after: Option<&Entry>) -> Option<Break> {
        if let Some(seq) = self.cut_short.first() {
            let fault = Fault::HalfWritten;
            let detail = format!("{fault}, and entry {} relies on it", entry.seq);
            return Some(Break {
                seq: *seq,
                fault: Fault::NotAnEntry { detail },
            });
        }
        if entry.seq > self.seq.saturating_add(1) {
            return Some(Break {
                seq: self.seq.saturating_add(1),
                fault: Fault::Missing {
                    through: entry.seq.saturating_sub(1),
                },
            });
        }
        if self.reported {
            return None;
        }
        let confirmed = after.is_none_or(|after| after.prev.as_ref() == Some(&entry.sha256));
        match (&self.digest, &entry.prev) {
            // The entry after this one vouches for it, so the one before it is in doubt.
            (Some(found), Some(named)) if confirmed => Some(Break {
                seq: self.seq,
                fault: Fault::Edited {
                    found: found.clone(),
                    named_by: entry.seq,
                    named: named.clone(),
                },
            }),
            (found, named) => Some(Break {
                seq: entry.seq,
                fault: Fault::Inserted {
                    named: spell(named.as_ref()),
                    found: spell(found.as_ref()),
                },
            }),
        }
    }
}

fn spell(digest: Option<&Digest>) -> String {
    digest.map_or_else(|| "none".to_owned(), ToString::to_string)
}
