//! What was decided while the console was open: taken back and restored in order.
//!
//! The ledger keeps everything that was ever said; here is only which of it the person means by
//! "the last verdict".

use crate::ledger::{Entry, kind};
use crate::review::{DecideRequest, Decided, Selection};
use crate::tui::widget::counted;

/// Entries that were written together.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// What was decided, in words.
    what: String,
    /// The entries of the decision.
    entries: Vec<u64>,
    /// The entries that took it back; none while it stands.
    undos: Vec<u64>,
}

/// What is on its way to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Decision(String),
    Undo(Step),
    Redo(Step),
}

/// The decisions of a session, the last one last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Past {
    done: Vec<Step>,
    undone: Vec<Step>,
    asked: Option<Asked>,
    /// What the ledger took since something was asked for.
    appended: Vec<u64>,
}

impl Past {
    /// Notes that a decision is asked for.
    pub(crate) fn deciding(&mut self, request: &DecideRequest) {
        self.ask(Asked::Decision(words(request)));
    }

    /// Notes that entries are asked to be taken back; of undos, that they are restored.
    pub(crate) fn taking_back(&mut self, entries: &[u64]) {
        let asked = if let Some(place) = self.done.iter().rposition(|step| step.entries == entries)
        {
            Asked::Undo(self.done.remove(place))
        } else if let Some(place) = self.undone.iter().rposition(|step| step.undos == entries) {
            Asked::Redo(self.undone.remove(place))
        } else {
            let named: Vec<String> = entries.iter().map(ToString::to_string).collect();
            Asked::Undo(Step {
                what: format!("entry {}", named.join(", ")),
                entries: entries.to_vec(),
                undos: Vec::new(),
            })
        };
        self.ask(asked);
    }

    fn ask(&mut self, asked: Asked) {
        self.asked = Some(asked);
        self.appended.clear();
    }

    /// Returns whether an answer is still to come: one thing at a time.
    pub(crate) fn is_waiting(&self) -> bool {
        self.asked.is_some()
    }

    /// Notes that these entries are in the ledger, whatever becomes of the rest.
    pub(crate) fn appended(&mut self, entries: &[u64]) {
        self.appended.extend(entries);
    }

    /// Returns the entries of the last decision that stands.
    pub(crate) fn last(&self) -> Option<Vec<u64>> {
        self.done.last().map(|step| step.entries.clone())
    }

    /// Returns the entries whose undoing restores what was taken back last.
    pub(crate) fn last_undone(&self) -> Option<Vec<u64>> {
        self.undone.last().map(|step| step.undos.clone())
    }

    /// Takes in the answer about what was asked for; returns what to say where something was
    /// written. `redo` is the key that restores.
    pub(crate) fn answered(&mut self, history: &[Entry], redo: &str) -> Option<String> {
        let appended = std::mem::take(&mut self.appended);
        let asked = self.asked.take()?;
        match asked {
            Asked::Decision(what) if !appended.is_empty() => {
                let said = format!("saved in the ledger: {what}");
                // A new decision: what was taken back before it stays taken back.
                self.undone.clear();
                self.done.push(Step {
                    what,
                    entries: appended,
                    undos: Vec::new(),
                });
                Some(said)
            }
            Asked::Decision(_) => None,
            Asked::Undo(step) => self.taken_back(step, appended, history, redo),
            Asked::Redo(step) => self.restored(step, appended.len()),
        }
    }

    fn taken_back(
        &mut self,
        mut step: Step,
        appended: Vec<u64>,
        history: &[Entry],
        redo: &str,
    ) -> Option<String> {
        let rest = (step.entries).split_off(appended.len().min(step.entries.len()));
        if !rest.is_empty() {
            // Taken back in part: what still stands can be asked for again.
            self.done.push(Step {
                what: step.what.clone(),
                entries: rest,
                undos: Vec::new(),
            });
        }
        if appended.is_empty() {
            return None;
        }
        step.undos = appended;
        let what = step.what.clone();
        if signed(&step.entries, history) {
            return Some(format!("taken back: {what}; decide again to sign it again"));
        }
        self.undone.push(step);
        Some(format!("taken back: {what}; {redo} restores it"))
    }

    fn restored(&mut self, mut step: Step, count: usize) -> Option<String> {
        let undos = step.undos.split_off(count.min(step.undos.len()));
        let entries = step.entries.split_off(count.min(step.entries.len()));
        if !undos.is_empty() {
            self.undone.push(Step {
                what: step.what.clone(),
                entries,
                undos,
            });
        }
        if count == 0 {
            return None;
        }
        step.undos.clear();
        let said = format!("restored: {}", step.what);
        self.done.push(step);
        Some(said)
    }
}

/// Returns whether one of the entries carries a signature: its withdrawal is signed as well, and
/// taking the entry of that back would not take back its signature.
fn signed(entries: &[u64], history: &[Entry]) -> bool {
    let found = history.iter().filter(|entry| entries.contains(&entry.seq));
    let named = |entry: &Entry| {
        entry
            .body
            .get("envelope")
            .is_some_and(|named| !named.is_null())
    };
    found
        .filter(|entry| entry.kind == kind::APPROVAL)
        .any(named)
}

fn words(request: &DecideRequest) -> String {
    match &request.decided {
        Decided::Image(decision) => format!("{} of the whole image", decision.as_str()),
        Decided::Findings {
            selection,
            decision,
            ..
        } => {
            format!("{} on {}", decision.as_str(), about(selection))
        }
        Decided::CarryOver(selection) => format!("carry-over on {}", about(selection)),
    }
}

fn about(selection: &Selection) -> String {
    match selection {
        Selection::Findings(positions) => counted(positions.len() as u64, "finding"),
        Selection::Named { names, .. } => counted(names.len() as u64, "finding"),
        Selection::AllFindings => "all findings".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(past: &mut Past, what: &str, entries: &[u64]) {
        past.ask(Asked::Decision(what.to_owned()));
        past.appended(entries);
        assert!(past.answered(&[], "U").is_some());
    }

    fn take_back(past: &mut Past, undos: &[u64]) -> Option<String> {
        let entries = past.last().expect("something stands");
        past.taking_back(&entries);
        past.appended(undos);
        past.answered(&[], "U")
    }

    #[test]
    fn decisions_are_taken_back_and_restored_in_order() {
        let mut past = Past::default();
        assert_eq!((past.last(), past.last_undone()), (None, None));
        decided(&mut past, "one", &[1]);
        decided(&mut past, "two", &[2, 3]);
        let said = take_back(&mut past, &[4, 5]);
        assert_eq!(said.as_deref(), Some("taken back: two; U restores it"));
        take_back(&mut past, &[6]);
        assert_eq!((past.last(), past.last_undone()), (None, Some(vec![6])));
        past.taking_back(&[6]);
        past.appended(&[7]);
        assert_eq!(past.answered(&[], "U").as_deref(), Some("restored: one"));
        assert_eq!(past.last(), Some(vec![1]));
        assert_eq!(past.last_undone(), Some(vec![4, 5]));
        // A new decision leaves what was taken back as it is.
        decided(&mut past, "three", &[8]);
        assert_eq!((past.last(), past.last_undone()), (Some(vec![8]), None));
    }

    #[test]
    fn what_was_written_before_a_failure_is_known() {
        let mut past = Past::default();
        decided(&mut past, "two of three", &[1, 2]);
        take_back(&mut past, &[3]);
        assert_eq!(past.last(), Some(vec![2]), "the other one still stands");
        assert_eq!(past.last_undone(), Some(vec![3]));
        assert_eq!(take_back(&mut past, &[]), None, "nothing was written");
        assert_eq!(past.last(), Some(vec![2]));
    }
}
