//! Which rows of a comparison are listed, and the counts by severity above them.
//!
//! Pure; worked out once when the comparison or the mode changes, never while drawing.

use crate::model::Severity;
use crate::triage::compare::{Comparison, Difference, Row};

/// Which rows are listed, in the order the mode key goes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// All, differences first.
    #[default]
    DifferencesFirst,
    /// All, severest first.
    All,
    /// Only those that differ.
    OnlyDifferences,
    /// Only those that the left side alone has.
    OnlyLeft,
    /// Only those that the right side alone has.
    OnlyRight,
}

impl Mode {
    /// Returns the mode after this one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::DifferencesFirst => Self::All,
            Self::All => Self::OnlyDifferences,
            Self::OnlyDifferences => Self::OnlyLeft,
            Self::OnlyLeft => Self::OnlyRight,
            Self::OnlyRight => Self::DifferencesFirst,
        }
    }

    /// Returns the words shown in the title.
    #[must_use]
    pub fn label(self, comparison: &Comparison) -> String {
        let [left, right] = &comparison.sides;
        match self {
            Self::DifferencesFirst => "differences first".to_owned(),
            Self::All => "all, severest first".to_owned(),
            Self::OnlyDifferences => "only differences".to_owned(),
            Self::OnlyLeft => format!("only {left}"),
            Self::OnlyRight => format!("only {right}"),
        }
    }
}

/// The counts of one severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Both have it and nothing differs.
    pub agree: u64,
    /// Both have it with other severities.
    pub severity: u64,
    /// Both have it and say otherwise about a fix.
    pub fix: u64,
    /// Only the left side has it.
    pub left: u64,
    /// Only the right side has it.
    pub right: u64,
}

/// Returns the higher of the severities the sides give.
#[must_use]
pub fn severity(row: &Row) -> Severity {
    row.sides
        .values()
        .map(|side| side.severity)
        .max()
        .unwrap_or_default()
}

/// Returns the positions of the rows that `mode` lists, in its order.
#[must_use]
pub fn listed(comparison: &Comparison, mode: Mode) -> Vec<usize> {
    let [left, right] = &comparison.sides;
    let wanted = |row: &Row| match mode {
        Mode::DifferencesFirst | Mode::All => true,
        Mode::OnlyDifferences => !row.difference.is_empty(),
        Mode::OnlyLeft => row.side == *left,
        Mode::OnlyRight => row.side == *right,
    };
    let rows = &comparison.rows;
    let mut listed: Vec<usize> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| wanted(row))
        .map(|(position, _)| position)
        .collect();
    let row = |position: &usize| rows.get(*position);
    match mode {
        // Stable sorts: within a group the comparison's own order stays.
        Mode::DifferencesFirst => {
            listed
                .sort_by_key(|position| row(position).is_some_and(|row| row.difference.is_empty()));
        }
        Mode::All => {
            listed.sort_by_key(|position| std::cmp::Reverse(row(position).map(severity)));
        }
        Mode::OnlyDifferences | Mode::OnlyLeft | Mode::OnlyRight => {}
    }
    listed
}

/// Returns the counts by severity, in the order of `Severity::ALL`. A row that differs in severity
/// and in fix counts in both columns.
#[must_use]
pub fn tallies(comparison: &Comparison) -> [Tally; Severity::ALL.len()] {
    let mut tallies = [Tally::default(); Severity::ALL.len()];
    for row in &comparison.rows {
        let severity = severity(row);
        let place = Severity::ALL.iter().position(|other| *other == severity);
        let Some(tally) = place.and_then(|place| tallies.get_mut(place)) else {
            continue;
        };
        if row.side == comparison.sides[0] {
            tally.left += 1;
        } else if row.side == comparison.sides[1] {
            tally.right += 1;
        } else {
            tally.agree += u64::from(row.difference.is_empty());
            tally.severity += u64::from(row.difference.contains(&Difference::Severity));
            tally.fix += u64::from(row.difference.contains(&Difference::Fix));
        }
    }
    tallies
}
