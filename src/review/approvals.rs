//! The reviewers' words on images: what the chain records and what signed envelopes prove, together.
//!
//! A key is identity, a name is a claim. Whether enough people approved is the gate's question, and
//! nothing is written here.

mod statement;
#[cfg(test)]
mod tests;
mod trust;

pub(super) use statement::{
    Excused, LedgerState, Predicate, Reviewer, Said, Seen, SeenDigest, Signed, open,
};
pub use trust::{Signature, TrustedKeys};

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize as _;

use crate::ledger::{Chain, Entry, Head, Replay, kind, recorded, replay};
use crate::model::{Approval, Digest, ImageDecision, ImageVerdict, Recorded, Standing, Subject};
use crate::triage::policy::Policy;
use crate::triage::standing::{FindingSets, approval_end, image_standing};

/// How far a reviewer's clock may be ahead.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// An end of the ledger that a signed statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The envelope's file in the ledger.
    pub file: String,
    /// The end of the chain when the statement was made.
    pub head: Head,
    /// Whether that chain began as this one does: else it is another ledger's, or this one was
    /// rewritten from its first entry.
    pub same_ledger: bool,
}

/// Returns the ends of the ledger that signed statements beside it name. Where keys are trusted,
/// only theirs are believed.
#[must_use]
pub fn anchors(chain: &Chain, trusted: &TrustedKeys) -> Vec<Anchor> {
    let first = chain.entries.first().map(|entry| &entry.sha256);
    let named = named_envelopes(&chain.entries);
    let mut found = Vec::new();
    for envelope in &chain.envelopes {
        let Ok(signed) = open(envelope, trusted) else {
            continue;
        };
        if !trusted.fingerprints().is_empty() && !trusted.trusts(&signed.key) {
            continue;
        }
        if let Some(state) = signed.predicate.ledger {
            found.push(Anchor {
                file: envelope.file(),
                same_ledger: Some(&state.first) == first || named.contains(&envelope.sha256),
                head: Head {
                    seq: state.seq,
                    sha256: state.sha256,
                },
            });
        }
    }
    found
}

/// Returns what lies among the signed approvals of a ledger and does not count, and why.
#[must_use]
pub fn approval_notices(chain: &Chain, trusted: &TrustedKeys) -> Vec<String> {
    Words::gather(chain, &replay(&chain.entries), trusted).notices
}

/// Returns the envelopes that entries name.
fn named_envelopes(entries: &[Entry]) -> BTreeSet<Digest> {
    let named = entries.iter().filter_map(|entry| {
        let text = entry.body.get("envelope")?.as_str()?;
        text.parse().ok()
    });
    named.collect()
}

/// One thing a reviewer said about an image.
#[derive(Clone, Debug)]
struct Word {
    said: Said,
    /// None for a withdrawal.
    verdict: Option<ImageVerdict>,
    signed: Option<Signed>,
    recorded: Recorded,
    /// Why its signature does not hold, where it claims to have one.
    problem: Option<String>,
}

impl Word {
    fn is_in_chain(&self) -> bool {
        self.recorded.entry > 0
    }

    fn subject(&self) -> Option<&crate::model::SubjectRef> {
        let signed = self.signed.as_ref().map(|signed| &signed.predicate.subject);
        signed.or_else(|| self.verdict.as_ref().map(|verdict| &verdict.subject))
    }
}

/// Who said it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Key(Digest),
    Name(String),
}

/// Everything that was said about images, in the order in which it counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    words: Vec<Word>,
    /// What lies in the ledger and does not count, and why.
    pub(super) notices: Vec<String>,
}

/// What a verdict on an image is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub(super) image: &'a Subject,
    pub(super) policy: &'a Policy,
    pub(super) policy_sha256: &'a Digest,
    pub(super) found: &'a FindingSets,
    pub(super) trusted: &'a TrustedKeys,
    pub(super) now: DateTime<Utc>,
}

impl Words {
    /// Gathers entries and envelopes.
    pub(super) fn gather(chain: &Chain, replay: &Replay, trusted: &TrustedKeys) -> Self {
        let mut gathered = Self::default();
        let mut opened: BTreeMap<&Digest, Result<Signed, String>> = BTreeMap::new();
        for envelope in &chain.envelopes {
            let result = open(envelope, trusted);
            if let Err(why) = &result {
                gathered.set_aside(&envelope.file(), why);
            }
            opened.insert(&envelope.sha256, result);
        }
        for aside in &chain.set_aside {
            if aside.file.starts_with("approvals/") {
                gathered.set_aside(&aside.file, aside.reason);
            }
        }
        for entry in &chain.entries {
            if !replay.undone.contains(&entry.seq) {
                gathered.entry(entry, &opened);
            } else if entry.kind == kind::APPROVAL {
                gathered.taken_back(entry, &opened);
            }
        }
        let named = named_envelopes(&chain.entries);
        let mut alone: Vec<Signed> = opened
            .into_values()
            .flatten()
            .filter(|signed| !named.contains(&signed.sha256))
            .collect();
        alone.sort_by_key(|signed| (signed.predicate.time, signed.predicate.decision));
        gathered.words.extend(alone.into_iter().map(Word::alone));
        gathered
    }

    fn set_aside(&mut self, file: &str, why: &str) {
        self.notices
            .push(format!("`{file}` in the ledger does not count: {why}"));
    }

    /// Takes in an entry that stands.
    fn entry(&mut self, entry: &Entry, opened: &BTreeMap<&Digest, Result<Signed, String>>) {
        if entry.kind == kind::UNDO {
            let named = entry.body.get("envelope").and_then(|text| text.as_str());
            let signed = named
                .and_then(|text| text.parse().ok())
                .and_then(|sha256: Digest| opened.get(&sha256)?.clone().ok())
                .filter(|signed| signed.predicate.decision == Said::Withdraw);
            self.words.extend(signed.map(|signed| Word {
                said: Said::Withdraw,
                verdict: None,
                recorded: recorded(entry),
                problem: None,
                signed: Some(signed),
            }));
        } else if let Some(verdict) = image_verdict(entry) {
            let word = Word::recorded(recorded(entry), verdict, opened);
            if let Some(problem) = &word.problem {
                self.notices.push(format!(
                    "entry {} claims a signature and does not count: {problem}",
                    entry.seq
                ));
            }
            self.words.push(word);
        }
    }

    /// Takes in an entry that another one takes back. What a key rejected stays rejected until
    /// that key withdraws it: an entry without its signature does not.
    fn taken_back(&mut self, entry: &Entry, opened: &BTreeMap<&Digest, Result<Signed, String>>) {
        let Some(verdict) = image_verdict(entry) else {
            return;
        };
        if verdict.decision == ImageDecision::Reject && verdict.envelope.is_some() {
            self.words
                .push(Word::recorded(recorded(entry), verdict, opened));
        }
    }

    /// Works out how each reviewer's latest word on an image stands, oldest first.
    pub(super) fn standing(&self, ground: &Ground<'_>) -> Vec<Approval> {
        let mut latest: BTreeMap<Who, &Word> = BTreeMap::new();
        for word in &self.words {
            if word
                .subject()
                .is_some_and(|subject| subject.is_image(ground.image))
            {
                hear(&mut latest, word, ground);
            }
        }
        let mut approvals: Vec<Approval> = latest
            .into_values()
            .filter_map(|word| word.approval(ground))
            .collect();
        approvals.sort_by_key(|approval| (approval.recorded.time, approval.recorded.entry));
        approvals
    }
}

fn image_verdict(entry: &Entry) -> Option<ImageVerdict> {
    (entry.kind == kind::APPROVAL)
        .then(|| ImageVerdict::deserialize(&entry.body).ok())
        .flatten()
}

/// Puts a word in the place of what the same reviewer said before.
fn hear<'a>(latest: &mut BTreeMap<Who, &'a Word>, word: &'a Word, ground: &Ground<'_>) {
    let name = Who::Name(word.recorded.reviewer.to_lowercase());
    let Some(signed) = &word.signed else {
        latest.insert(name, word);
        return;
    };
    // A signed word of a name takes the place of what the name said unsigned, never the other way.
    let known = word.is_in_chain()
        || ground.trusted.trusts(&signed.key)
        || ground.trusted.fingerprints().is_empty();
    let earlier = |unsigned: &&Word| unsigned.recorded.time <= word.recorded.time;
    if known && latest.get(&name).is_some_and(earlier) {
        latest.remove(&name);
    }
    let who = Who::Key(signed.key.clone());
    let order = |word: &Word| (word.recorded.time, word.said);
    let supersedes = latest.get(&who).is_none_or(|before| {
        let future = word.said != Said::Reject && is_future(word, ground.now);
        let in_chain = before.is_in_chain() && word.is_in_chain();
        in_chain || (!future && order(word) > order(before))
    });
    if supersedes {
        latest.insert(who, word);
    }
}

fn is_future(word: &Word, now: DateTime<Utc>) -> bool {
    let signed = word.signed.as_ref();
    signed.is_some_and(|signed| signed.predicate.time > now + CLOCK_SKEW)
}

impl Word {
    /// The word of an entry, with its proof where it names one.
    fn recorded(
        recorded: Recorded,
        verdict: ImageVerdict,
        opened: &BTreeMap<&Digest, Result<Signed, String>>,
    ) -> Self {
        let proof = verdict.envelope.as_ref().map(|sha256| {
            let signed = match opened.get(sha256) {
                None => Err(format!("approvals/{}.dsse.json is missing", sha256.hex())),
                Some(result) => result.clone(),
            }?;
            let same_name = signed.predicate.reviewer.name == recorded.reviewer;
            let same = signed.predicate.verdict(sha256).as_ref() == Some(&verdict);
            if same && same_name {
                Ok(signed)
            } else {
                Err("the entry says something else than was signed".to_owned())
            }
        });
        let (signed, problem) = match proof {
            None => (None, None),
            Some(Ok(signed)) => (Some(signed), None),
            Some(Err(problem)) => (None, Some(problem)),
        };
        Self {
            said: verdict.decision.into(),
            verdict: Some(verdict),
            signed,
            recorded,
            problem,
        }
    }

    /// The word of an envelope that no entry of this chain names: it came from another machine.
    fn alone(signed: Signed) -> Self {
        Self {
            said: signed.predicate.decision,
            verdict: signed.predicate.verdict(&signed.sha256),
            recorded: Recorded {
                reviewer: signed.predicate.reviewer.name.clone(),
                time: signed.predicate.time,
                entry: 0,
                entry_sha256: signed.sha256.clone(),
            },
            problem: None,
            signed: Some(signed),
        }
    }

    /// Returns how it stands; none for a withdrawal.
    fn approval(&self, ground: &Ground<'_>) -> Option<Approval> {
        let verdict = self.verdict.clone()?;
        let (standing, because) = self.judge(&verdict, ground);
        Some(Approval {
            verdict,
            recorded: self.recorded.clone(),
            standing,
            because,
            signed_by: self.signed.as_ref().map(|signed| signed.key.clone()),
        })
    }

    fn judge(&self, verdict: &ImageVerdict, ground: &Ground<'_>) -> (Standing, Option<String>) {
        let signed = self.signed.as_ref();
        if verdict.decision == ImageDecision::Reject {
            // A rejection stands until its reviewer withdraws it, whatever changes; but not that
            // of a stranger who only left a file here.
            let stranger = signed.is_some_and(|signed| {
                let keys = !ground.policy.approval.trusted_keys.is_empty();
                keys && !self.is_in_chain() && !ground.trusted.trusts(&signed.key)
            });
            return if stranger {
                let why = "no trusted key signed it, and the chain does not record it";
                (Standing::Stale, Some(why.to_owned()))
            } else {
                (Standing::Current, None)
            };
        }
        if let Some(problem) = &self.problem {
            return (Standing::Stale, Some(problem.clone()));
        }
        if is_future(self, ground.now) {
            let why = format!("it is dated in the future: {}", self.recorded.time);
            return (Standing::Stale, Some(why));
        }
        let made = signed.map_or(self.recorded.time, |signed| signed.predicate.time);
        let until = signed.and_then(|signed| signed.predicate.until);
        let end = approval_end(made, ground.policy)
            .into_iter()
            .chain(until)
            .min();
        if let Some(end) = end.filter(|end| ground.now >= *end) {
            let why = format!("it held until {}", end.format("%Y-%m-%d %H:%MZ"));
            return (Standing::Expired, Some(why));
        }
        image_standing(verdict, ground.image, ground.policy_sha256, ground.found)
    }
}
