//! The column index: what a list of findings is filtered and sorted by, laid out in columns.
//!
//! Built once per set of findings; filtering is in `filter`, row lists in `view`.

use std::collections::HashMap;

use crate::model::{Decision, Finding, FindingKey, Fixable, Kind, Severity, Standing};
use crate::triage::natural::natural;

/// What the verdict column shows of a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerdictMark {
    /// Nobody decided.
    #[default]
    None,
    /// Somebody did.
    Taken {
        /// What.
        decision: Decision,
        /// Whether it holds.
        standing: Standing,
    },
}

/// One row, as numbers: texts are positions in the dictionary.
#[derive(Clone, Copy, Debug)]
pub(in crate::triage) struct IndexRow {
    pub(in crate::triage) severity: Severity,
    pub(in crate::triage) fixable: Fixable,
    pub(in crate::triage) kind: Kind,
    pub(in crate::triage) mark: VerdictMark,
    pub(in crate::triage) subject: u32,
    pub(in crate::triage) id: u32,
    pub(in crate::triage) package: u32,
    pub(in crate::triage) purl: u32,
    pub(in crate::triage) version: u32,
    pub(in crate::triage) title: u32,
    pub(in crate::triage) scanners: u32,
    /// Where its aliases start and end in the column of aliases.
    aliases: (u32, u32),
}

/// The columns.
#[derive(Clone, Debug, Default)]
pub struct FindingIndex {
    rows: Vec<IndexRow>,
    keys: Vec<FindingKey>,
    positions: HashMap<FindingKey, Vec<u32>>,
    aliases: Vec<u32>,
    texts: Vec<Text>,
    scanner_sets: Vec<Vec<String>>,
}

/// A distinct text, its lower-case form where that differs, and its place in the order.
#[derive(Clone, Debug)]
struct Text {
    written: Box<str>,
    lower: Option<Box<str>>,
    rank: u32,
}

#[derive(Default)]
struct Dictionary<'a> {
    numbers: HashMap<&'a str, u32>,
    texts: Vec<Text>,
}

impl<'a> Dictionary<'a> {
    fn number(&mut self, text: &'a str) -> u32 {
        *self.numbers.entry(text).or_insert_with(|| {
            let lower = text.to_lowercase();
            self.texts.push(Text {
                written: text.into(),
                lower: (lower != text).then(|| lower.into()),
                rank: 0,
            });
            position(self.texts.len() - 1)
        })
    }

    /// Ranks the texts in natural order, letters of either case together.
    fn ranked(mut self) -> Vec<Text> {
        let mut order: Vec<usize> = (0..self.texts.len()).collect();
        order.sort_by(
            |one, other| match (self.texts.get(*one), self.texts.get(*other)) {
                (Some(one), Some(other)) => natural(one.folded(), other.folded())
                    .then_with(|| one.written.cmp(&other.written)),
                (one, other) => one.is_some().cmp(&other.is_some()),
            },
        );
        for (rank, number) in order.into_iter().enumerate() {
            if let Some(text) = self.texts.get_mut(number) {
                text.rank = position(rank);
            }
        }
        self.texts
    }
}

impl Text {
    fn folded(&self) -> &str {
        self.lower.as_deref().unwrap_or(&self.written)
    }
}

/// Rows are counted in 32 bits: four thousand million findings do not fit into memory.
fn position(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl FindingIndex {
    /// Builds the columns of `findings`; `marks` belong to them by position and may be fewer.
    #[must_use]
    pub fn build(findings: &[Finding], marks: &[VerdictMark]) -> Self {
        let purls: Vec<String> = findings
            .iter()
            .map(|finding| {
                let purl = finding.package.purl.as_ref();
                purl.map(ToString::to_string).unwrap_or_default()
            })
            .collect();
        let mut index = Self::default();
        let mut dictionary = Dictionary::default();
        let mut sets: HashMap<&[String], u32> = HashMap::new();
        let marks = marks
            .iter()
            .copied()
            .chain(std::iter::repeat(VerdictMark::None));
        for ((finding, purl), mark) in findings.iter().zip(&purls).zip(marks) {
            let first = position(index.aliases.len());
            for alias in &finding.aliases {
                index.aliases.push(dictionary.number(alias.as_str()));
            }
            let scanners = *sets.entry(&finding.scanners).or_insert_with(|| {
                index.scanner_sets.push(finding.scanners.clone());
                position(index.scanner_sets.len() - 1)
            });
            index
                .positions
                .entry(finding.key.clone())
                .or_default()
                .push(position(index.rows.len()));
            index.keys.push(finding.key.clone());
            index.rows.push(IndexRow {
                severity: finding.severity,
                fixable: finding.fix.fixable(),
                kind: finding.kind,
                mark,
                subject: finding.subject,
                id: dictionary.number(finding.id.as_str()),
                package: dictionary.number(&finding.package.name),
                purl: dictionary.number(purl),
                version: dictionary.number(&finding.package.version),
                title: dictionary.number(&finding.title),
                scanners,
                aliases: (first, position(index.aliases.len())),
            });
        }
        index.texts = dictionary.ranked();
        index
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the key of a row.
    #[must_use]
    pub fn key(&self, row: u32) -> Option<&FindingKey> {
        self.keys.get(row as usize)
    }

    /// Returns the rows of a key: one a subject.
    #[must_use]
    pub fn rows_of(&self, key: &FindingKey) -> &[u32] {
        self.positions.get(key).map_or(&[], Vec::as_slice)
    }

    pub(in crate::triage) fn rows(&self) -> &[IndexRow] {
        &self.rows
    }

    pub(in crate::triage) fn aliases(&self, row: &IndexRow) -> &[u32] {
        let (first, end) = row.aliases;
        self.aliases
            .get(first as usize..end as usize)
            .unwrap_or_default()
    }

    pub(in crate::triage) fn rank(&self, text: u32) -> u32 {
        self.texts.get(text as usize).map_or(0, |text| text.rank)
    }

    pub(in crate::triage) fn scanner_sets(&self) -> &[Vec<String>] {
        &self.scanner_sets
    }

    /// Returns for every distinct text whether it holds `pattern`. Smart case: a capital letter in
    /// the pattern makes case count.
    pub(in crate::triage) fn texts_with(&self, pattern: &str) -> Vec<bool> {
        let exact = pattern.chars().any(char::is_uppercase);
        self.texts
            .iter()
            .map(|text| {
                let searched = if exact { &text.written } else { text.folded() };
                searched.contains(pattern)
            })
            .collect()
    }
}
