//! Tables of many rows: only the rows that are seen are ever built.
//!
//! The table knows how many rows there are and asks for one when it draws it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::Action;
use crate::tui::theme::{Role, Theme};

use super::{Piece, line};

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// That many columns of the terminal.
    Fixed(u16),
    /// At least `least`, and `share` parts of what is left.
    Share {
        /// The least.
        least: u16,
        /// The parts.
        share: u16,
    },
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The heading.
    pub title: &'static str,
    /// The width.
    pub width: Width,
    /// Whether text stands at the right: numbers.
    pub right: bool,
}

impl Column {
    /// Returns a column of a fixed width.
    #[must_use]
    pub const fn fixed(title: &'static str, width: u16) -> Self {
        Self {
            title,
            width: Width::Fixed(width),
            right: false,
        }
    }

    /// Returns a column of numbers.
    #[must_use]
    pub const fn number(title: &'static str, width: u16) -> Self {
        Self {
            title,
            width: Width::Fixed(width),
            right: true,
        }
    }

    /// Returns a column that takes a share of what is left.
    #[must_use]
    pub const fn share(title: &'static str, least: u16, share: u16) -> Self {
        Self {
            title,
            width: Width::Share { least, share },
            right: false,
        }
    }
}

/// Where a person is in a list. Offsets follow the selection; drawing changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The selected row.
    pub selected: usize,
    /// The first row shown, as it was when the cursor last moved.
    pub offset: usize,
}

impl Cursor {
    /// Moves as `action` says in a list of `length` rows of which `height` are seen; returns
    /// whether it was a movement.
    pub fn act(&mut self, action: Action, length: usize, height: usize) -> bool {
        let page = height.saturating_sub(1).max(1);
        let selected = match action {
            Action::Down => self.selected.saturating_add(1),
            Action::Up => self.selected.saturating_sub(1),
            Action::PageDown => self.selected.saturating_add(page),
            Action::PageUp => self.selected.saturating_sub(page),
            Action::First => 0,
            Action::Last => length.saturating_sub(1),
            _ => return false,
        };
        self.select(selected, length, height);
        true
    }

    /// Selects a row, or the last one where there are fewer, and keeps it in sight.
    pub fn select(&mut self, row: usize, length: usize, height: usize) {
        self.selected = row.min(length.saturating_sub(1));
        self.offset = self.start(length, height);
    }

    /// Returns the first row to show, so that the selected one is in sight.
    #[must_use]
    pub fn start(&self, length: usize, height: usize) -> usize {
        let height = height.max(1);
        let last = length.saturating_sub(height);
        let lowest = (self.selected + 1).saturating_sub(height);
        self.offset
            .clamp(lowest, self.selected.max(lowest))
            .min(last)
    }
}

/// A table.
pub struct DataTable<'a> {
    /// The theme.
    pub theme: Theme,
    /// The columns.
    pub columns: &'a [Column],
    /// How many rows there are.
    pub length: usize,
    /// Where the person is.
    pub cursor: Cursor,
    /// Whether the selection is shown at all.
    pub focused: bool,
    /// Returns a row: what stands in the two columns at the left (mark, …) and one piece a column.
    /// Called for the rows that are seen and no others.
    pub row: &'a dyn Fn(usize) -> Row,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// One character at the left: `*` marked, `^` changed by making it safe, a space.
    pub mark: Piece,
    /// One piece a column.
    pub cells: Vec<Piece>,
}

impl DataTable<'_> {
    /// Draws headings and rows.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let widths = widths(self.columns, area.width.saturating_sub(GUTTER));
        let headings = self
            .columns
            .iter()
            .map(|column| Piece::new(column.title, Role::Title));
        let mut rows = area.rows();
        if let Some(heading) = rows.next() {
            self.cells(&headings.collect::<Vec<_>>(), &widths, heading, buffer);
        }
        let start = self.cursor.start(self.length, rows_in(area));
        for (position, place) in (start..self.length).zip(rows) {
            let row = (self.row)(position);
            let selected = position == self.cursor.selected;
            let pointer = if selected { ">" } else { " " };
            // A blank mark with a colour would be a block of it in the selected row.
            let mark = if row.mark.is_blank() {
                Piece::new(" ", Role::Text)
            } else {
                row.mark
            };
            let gutter = [Piece::new(pointer, Role::Text), mark];
            line(
                self.theme,
                &gutter,
                Rect {
                    width: 2.min(place.width),
                    ..place
                },
                buffer,
            );
            self.cells(&row.cells, &widths, place, buffer);
            if selected && self.focused {
                buffer.set_style(place, self.theme.style(Role::Selected));
            }
        }
    }

    fn cells(&self, cells: &[Piece], widths: &[u16], place: Rect, buffer: &mut Buffer) {
        let mut x = place.x.saturating_add(GUTTER);
        for ((piece, width), column) in cells.iter().zip(widths).zip(self.columns) {
            if x >= place.right() {
                break;
            }
            let width = (*width).min(place.right() - x);
            let text = u16::try_from(piece.width()).unwrap_or(u16::MAX).min(width);
            let indent = if column.right { width - text } else { 0 };
            let cell = Rect::new(x + indent, place.y, width - indent, 1);
            line(self.theme, std::slice::from_ref(piece), cell, buffer);
            x = x.saturating_add(width).saturating_add(1);
        }
    }
}

/// The pointer, the mark and a space.
const GUTTER: u16 = 3;

/// Returns how many rows of a table fit into `area`, its heading left out.
#[must_use]
pub fn rows_in(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1))
}

/// Works out how wide each column is. What does not fit is cut at the right edge.
fn widths(columns: &[Column], width: u16) -> Vec<u16> {
    let gaps = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
    let least = columns.iter().map(|column| match column.width {
        Width::Fixed(width) => width,
        Width::Share { least, .. } => least,
    });
    let shares: u16 = columns
        .iter()
        .map(|column| match column.width {
            Width::Fixed(_) => 0,
            Width::Share { share, .. } => share,
        })
        .sum();
    let spare = width.saturating_sub(gaps).saturating_sub(least.sum());
    let mut left = spare;
    let mut parts = shares;
    let mut widths = Vec::with_capacity(columns.len());
    for column in columns {
        widths.push(match column.width {
            Width::Fixed(width) => width,
            Width::Share { least, share } => {
                let part = (left * share).checked_div(parts).unwrap_or(0);
                left -= part;
                parts -= share;
                least + part
            }
        });
    }
    widths
}

#[cfg(test)]
mod tests {
    use std::cell::Cell as Count;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_rows_in_sight_are_built() {
        let built = Count::new(0);
        let row = |position: usize| {
            built.set(built.get() + 1);
            Row {
                mark: Piece::new(" ", Role::Text),
                cells: vec![Piece::foreign(&position.to_string(), Role::Text)],
            }
        };
        let table = DataTable {
            theme: Theme::default(),
            columns: &[Column::share("N", 4, 1)],
            length: 1_000_000,
            cursor: Cursor {
                selected: 500_000,
                offset: 0,
            },
            focused: true,
            row: &row,
        };
        let area = Rect::new(0, 0, 20, 11);
        let mut buffer = Buffer::empty(area);
        table.draw(area, &mut buffer);
        assert_eq!(built.get(), 10);
        let last: String = (0..20)
            .map(|x| buffer[(x, 10)].symbol().to_owned())
            .collect();
        assert_eq!(last.trim_end(), ">  500000");
    }

    #[test]
    fn shares_fill_the_width() {
        let columns = [
            Column::fixed("A", 5),
            Column::share("B", 4, 1),
            Column::share("C", 4, 2),
        ];
        assert_eq!(widths(&columns, 35), [5, 10, 18]);
        assert_eq!(widths(&columns, 3), [5, 4, 4]);
    }

    proptest! {
        #[test]
        fn the_selection_is_always_in_sight(
            length in 0_usize..200,
            steps in prop::collection::vec((0_u8..6, 0_usize..30), 0..60),
        ) {
            let actions = [
                Action::Down, Action::Up, Action::PageDown,
                Action::PageUp, Action::First, Action::Last,
            ];
            let mut cursor = Cursor::default();
            for (action, height) in steps {
                cursor.act(actions[usize::from(action)], length, height);
                let start = cursor.start(length, height);
                prop_assert!(cursor.selected < length.max(1));
                prop_assert!(start <= cursor.selected);
                prop_assert!(cursor.selected < start + height.max(1));
            }
        }
    }
}
