//! Views: the rows of an index that pass a filter, in an order.
//!
//! A view holds row numbers only; what a row shows is read from the finding when it is drawn.

use std::cmp::Reverse;

use crate::model::{Fixable, Standing};
use crate::triage::filter::Filter;
use crate::triage::index::{FindingIndex, IndexRow, VerdictMark};

/// What a list of findings can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Column {
    /// Severity, severest first.
    #[default]
    Severity,
    /// The primary id, numbers in it as numbers.
    Id,
    /// The package's name.
    Package,
    /// The installed version: natural order, whatever the ecosystem.
    Version,
    /// Whether it can be fixed: yes, unknown, no.
    Fix,
    /// The scanners: found by several first.
    Scanners,
    /// The verdict: undecided first, then what no longer holds, then what does.
    Verdict,
    /// The risk order of `triage::risk`, what to look at first.
    Risk,
}

impl Column {
    /// Every column, in the order of the list.
    pub const ALL: [Self; 8] = [
        Self::Severity,
        Self::Id,
        Self::Package,
        Self::Version,
        Self::Fix,
        Self::Scanners,
        Self::Verdict,
        Self::Risk,
    ];

    /// Returns the name used on screens and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Id => "id",
            Self::Package => "package",
            Self::Version => "version",
            Self::Fix => "fix",
            Self::Scanners => "scanners",
            Self::Verdict => "verdict",
            Self::Risk => "risk",
        }
    }
}

/// An order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sort {
    /// The column; equal rows keep the findings' own order.
    pub column: Column,
    /// Whether the column's order is turned round.
    pub reverse: bool,
}

/// The rows that pass a filter, in an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    rows: Vec<u32>,
}

impl View {
    /// Builds the view.
    #[must_use]
    pub fn build(index: &FindingIndex, filter: &Filter, sort: Sort) -> Self {
        let matcher = filter.over(index);
        let mut keyed: Vec<(u64, u32)> = (0_u32..)
            .zip(index.rows())
            .filter(|(_, row)| matcher.matches(row))
            .map(|(number, row)| (sort_key(index, row, sort.column), number))
            .collect();
        if sort.reverse {
            keyed.sort_by_key(|(key, _)| Reverse(*key));
        } else {
            keyed.sort_by_key(|(key, _)| *key);
        }
        Self {
            rows: keyed.into_iter().map(|(_, number)| number).collect(),
        }
    }

    /// Returns all row numbers.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether nothing passed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the row numbers of at most `height` rows from `offset`.
    #[must_use]
    pub fn window(&self, offset: usize, height: usize) -> &[u32] {
        let end = offset.saturating_add(height).min(self.rows.len());
        self.rows.get(offset..end).unwrap_or_default()
    }
}

fn sort_key(index: &FindingIndex, row: &IndexRow, column: Column) -> u64 {
    match column {
        Column::Severity => u64::from(u8::MAX - row.severity as u8),
        Column::Risk => row.risk,
        Column::Id => index.rank(row.id).into(),
        Column::Package => index.rank(row.package).into(),
        Column::Version => index.rank(row.version).into(),
        Column::Fix => match row.fixable {
            Fixable::Yes => 0,
            Fixable::Unknown => 1,
            Fixable::No => 2,
        },
        Column::Scanners => {
            let set = index.scanner_sets().get(row.scanners as usize);
            let count = set.map_or(0, Vec::len) as u64;
            // Sets were numbered as they came up; the first name sorts those of one size.
            let names = index.scanner_sets();
            let before = names
                .iter()
                .filter(|other| set.is_some_and(|set| *other < set))
                .count() as u64;
            (u64::from(u32::MAX) - count.min(1 << 16)) << 16 | before.min(0xffff)
        }
        Column::Verdict => match row.mark {
            VerdictMark::None => 0,
            VerdictMark::Taken { decision, standing } => {
                let standing = match standing {
                    Standing::Stale => 1,
                    Standing::Expired => 2,
                    Standing::Current => 3,
                };
                standing << 8 | decision as u64
            }
        },
    }
}

#[cfg(test)]
mod tests;
