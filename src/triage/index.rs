//! The column index: what a list of findings is filtered and sorted by, laid out in columns.
//!
//! Built once per set of findings; filtering is in `filter`, row lists in `view`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::model::{Decision, Finding, Fixable, Kind, Severity, Standing};
use crate::triage::natural::natural;
use crate::triage::risk::Risk;

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
    pub(in crate::triage) suppressed: bool,
    pub(in crate::triage) mark: VerdictMark,
    pub(in crate::triage) subject: u32,
    pub(in crate::triage) id: u32,
    pub(in crate::triage) package: u32,
    pub(in crate::triage) purl: u32,
    pub(in crate::triage) version: u32,
    pub(in crate::triage) title: u32,
    pub(in crate::triage) scanners: u32,
    /// Its place in the risk order.
    pub(in crate::triage) risk: u64,
    /// Where its aliases start and end in the column of aliases.
    aliases: (u32, u32),
}

/// The columns. Texts are shared, so a clone costs its rows.
#[derive(Clone, Debug, Default)]
pub struct FindingIndex {
    rows: Vec<IndexRow>,
    aliases: Arc<[u32]>,
    texts: Arc<[Text]>,
    scanner_sets: Arc<[Vec<String>]>,
}

/// A distinct text, its lower-case form where that differs, and its place in the order where rows
/// are sorted by it.
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
            self.texts.push(Text {
                written: text.into(),
                lower: lower(text),
                rank: 0,
            });
            position(self.texts.len() - 1)
        })
    }

    /// Ranks the texts that `rows` are sorted by in natural order, letters of either case together.
    fn ranked(mut self, rows: &[IndexRow]) -> Arc<[Text]> {
        let mut order: Vec<u32> = rows
            .iter()
            .flat_map(|row| [row.id, row.package, row.version])
            .collect();
        order.sort_unstable();
        order.dedup();
        order.sort_by(|one, other| {
            let text = |number: u32| self.texts.get(number as usize);
            match (text(*one), text(*other)) {
                (Some(one), Some(other)) => natural(one.folded(), other.folded())
                    .then_with(|| one.written.cmp(&other.written)),
                (one, other) => one.is_some().cmp(&other.is_some()),
            }
        });
        for (rank, number) in (0_u32..).zip(order) {
            if let Some(text) = self.texts.get_mut(number as usize) {
                text.rank = rank;
            }
        }
        self.texts.into()
    }
}

/// Returns the lower-case form where that differs.
fn lower(text: &str) -> Option<Box<str>> {
    if text.is_ascii() {
        let differs = text.bytes().any(|byte| byte.is_ascii_uppercase());
        return differs.then(|| text.to_ascii_lowercase().into());
    }
    let lower = text.to_lowercase();
    (lower != text).then(|| lower.into())
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
        let mut purls = String::new();
        let ends: Vec<usize> = findings
            .iter()
            .map(|finding| {
                if let Some(purl) = &finding.package.purl {
                    // Writing to a text cannot fail.
                    let _infallible = write!(purls, "{purl}");
                }
                purls.len()
            })
            .collect();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let mut rows = Vec::with_capacity(findings.len());
        let mut aliases = Vec::new();
        let mut dictionary = Dictionary::default();
        let mut scanner_sets: Vec<Vec<String>> = Vec::new();
        let mut sets: HashMap<&[String], u32> = HashMap::new();
        for ((finding, start), end) in findings.iter().zip(starts).zip(&ends) {
            let first = position(aliases.len());
            for alias in &finding.aliases {
                aliases.push(dictionary.number(alias.as_str()));
            }
            let scanners = *sets.entry(&finding.scanners).or_insert_with(|| {
                scanner_sets.push(finding.scanners.clone());
                position(scanner_sets.len() - 1)
            });
            rows.push(IndexRow {
                severity: finding.severity,
                fixable: finding.fix.fixable(),
                kind: finding.kind,
                suppressed: finding.suppressed_by.is_some(),
                mark: VerdictMark::None,
                subject: finding.subject,
                id: dictionary.number(finding.id.as_str()),
                package: dictionary.number(&finding.package.name),
                purl: dictionary.number(purls.get(start..*end).unwrap_or_default()),
                version: dictionary.number(&finding.package.version),
                title: dictionary.number(&finding.title),
                scanners,
                risk: Risk::of(finding).rank(),
                aliases: (first, position(aliases.len())),
            });
        }
        let mut index = Self {
            texts: dictionary.ranked(&rows),
            rows,
            aliases: aliases.into(),
            scanner_sets: scanner_sets.into(),
        };
        index.mark(marks);
        index
    }

    /// Replaces the verdicts: `marks` belong to the findings by position and may be fewer. Nothing
    /// else of a finding changes, so a new verdict needs no new index.
    pub fn mark(&mut self, marks: &[VerdictMark]) {
        let marks = marks
            .iter()
            .copied()
            .chain(std::iter::repeat(VerdictMark::None));
        for (row, mark) in self.rows.iter_mut().zip(marks) {
            row.mark = mark;
        }
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
