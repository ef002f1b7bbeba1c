//! Matching: a filter held against the columns of an index.
//!
//! Every distinct text is searched once; a row is then a few look-ups.

use super::{Filter, Severities, Test, VerdictTest};
use crate::model::{Fixable, Kind, Severity};
use crate::triage::index::{FindingIndex, IndexRow, VerdictMark};

/// A filter made ready for one index.
#[derive(Debug)]
pub(in crate::triage) struct Matcher<'a> {
    index: &'a FindingIndex,
    terms: Vec<(bool, Ready)>,
}

#[derive(Debug)]
enum Ready {
    /// By text: in ids, package or title.
    Text(Vec<bool>),
    Id(Vec<bool>),
    Package(Vec<bool>),
    /// By the number of the set of scanners.
    Scanners(Vec<bool>),
    Severities(Vec<Severity>),
    Fix(Vec<Fixable>),
    Kinds(Vec<Kind>),
    Verdicts(Vec<VerdictTest>),
    Suppressed(bool),
    Subject(u32),
}

impl Filter {
    /// Returns this filter ready for `index`.
    pub(in crate::triage) fn over<'a>(&self, index: &'a FindingIndex) -> Matcher<'a> {
        let terms = self
            .terms
            .iter()
            .map(|term| (term.inverse, ready(&term.test, index)))
            .collect();
        Matcher { index, terms }
    }
}

impl Matcher<'_> {
    /// Returns whether a row passes every term.
    pub(in crate::triage) fn matches(&self, row: &IndexRow) -> bool {
        self.terms
            .iter()
            .all(|(inverse, ready)| self.holds(ready, row) != *inverse)
    }

    fn holds(&self, ready: &Ready, row: &IndexRow) -> bool {
        let in_ids = |set: &[bool]| {
            has(set, row.id) || self.index.aliases(row).iter().any(|alias| has(set, *alias))
        };
        match ready {
            Ready::Text(set) => in_ids(set) || has(set, row.package) || has(set, row.title),
            Ready::Id(set) => in_ids(set),
            Ready::Package(set) => has(set, row.package) || has(set, row.purl),
            Ready::Scanners(set) => has(set, row.scanners),
            Ready::Severities(list) => list.contains(&row.severity),
            Ready::Fix(list) => list.contains(&row.fixable),
            Ready::Kinds(list) => list.contains(&row.kind),
            Ready::Verdicts(list) => list.iter().any(|test| test.holds(row.mark)),
            Ready::Suppressed(wanted) => row.suppressed == *wanted,
            Ready::Subject(number) => row.subject == *number,
        }
    }
}

impl VerdictTest {
    fn holds(self, mark: VerdictMark) -> bool {
        match (self, mark) {
            (Self::None, VerdictMark::None) | (Self::Any, VerdictMark::Taken { .. }) => true,
            (Self::Standing(wanted), VerdictMark::Taken { standing, .. }) => wanted == standing,
            (Self::Decision(wanted), VerdictMark::Taken { decision, .. }) => wanted == decision,
            _ => false,
        }
    }
}

fn has(set: &[bool], number: u32) -> bool {
    set.get(number as usize).copied().unwrap_or(false)
}

fn ready(test: &Test, index: &FindingIndex) -> Ready {
    let sets = |wanted: &dyn Fn(&[String]) -> bool| {
        let sets = index.scanner_sets().iter();
        Ready::Scanners(sets.map(|set| wanted(set)).collect())
    };
    match test {
        Test::Text(part) => Ready::Text(index.texts_with(part)),
        Test::Id(part) => Ready::Id(index.texts_with(part)),
        Test::Package(part) => Ready::Package(index.texts_with(part)),
        Test::Scanner(name) => sets(&|set| set.iter().any(|scanner| named(scanner, name))),
        Test::Both => sets(&|set| set.len() > 1),
        Test::Only(name) => {
            sets(&|set| set.len() == 1 && set.iter().any(|scanner| named(scanner, name)))
        }
        Test::Severities(severities) => Ready::Severities(
            Severity::ALL
                .into_iter()
                .filter(|severity| match severities {
                    Severities::AtLeast(least) => severity >= least,
                    Severities::AtMost(most) => severity <= most,
                    Severities::List(list) => list.contains(severity),
                })
                .collect(),
        ),
        Test::Fix(list) => Ready::Fix(list.clone()),
        Test::Kinds(list) => Ready::Kinds(list.clone()),
        Test::Verdicts(list) => Ready::Verdicts(list.clone()),
        Test::Suppressed(wanted) => Ready::Suppressed(*wanted),
        Test::Subject(number) => Ready::Subject(*number),
    }
}

fn named(scanner: &str, name: &str) -> bool {
    scanner.eq_ignore_ascii_case(name)
}
