//! Tables of plain text: columns as wide as they must be, two spaces between them.
//!
//! Cells are made safe here, so no caller can forget it. Nothing is printed here.

use std::fmt::Write as _;

use crate::text::Safe;

/// The longest cell, in characters; the whole text is in the documents.
const MAX_CELL: usize = 120;

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

#[derive(Clone, Debug)]
struct Cell {
    text: Safe,
    color: Option<&'static str>,
}

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Begins a table with these headings.
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Begins a table without headings.
    pub(crate) fn plain(columns: usize) -> Self {
        Self {
            columns: vec![("", Align::Left); columns],
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let cells = cells.into_iter().map(|text| Cell {
            text: Safe::limited(text.as_ref(), MAX_CELL),
            color: None,
        });
        self.rows.push(cells.collect());
    }

    /// Colours a cell of the last row.
    pub(crate) fn color(&mut self, column: usize, color: Option<&'static str>) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.get_mut(column)) {
            cell.color = color;
        }
    }

    /// Returns the lines, each with a line feed.
    pub(crate) fn render(&self, indent: usize, colored: bool) -> String {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(column, (heading, _))| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells
                    .map(|cell| cell.text.width())
                    .chain([heading.len()])
                    .max()
                    .unwrap_or_default()
            })
            .collect();
        let mut text = String::new();
        if self.columns.iter().any(|(heading, _)| !heading.is_empty()) {
            let headings = self.columns.iter().map(|(heading, _)| Cell {
                text: Safe::new(heading),
                color: None,
            });
            let headings: Vec<Cell> = headings.collect();
            self.line(&mut text, &headings, &widths, indent, false);
        }
        for row in &self.rows {
            self.line(&mut text, row, &widths, indent, colored);
        }
        text
    }

    fn line(
        &self,
        text: &mut String,
        row: &[Cell],
        widths: &[usize],
        indent: usize,
        colored: bool,
    ) {
        let mut line = " ".repeat(indent);
        let cells = row.iter().zip(&self.columns).zip(widths);
        for (position, ((cell, (_, align)), width)) in cells.enumerate() {
            if position > 0 {
                line.push_str("  ");
            }
            let padding = " ".repeat(width.saturating_sub(cell.text.width()));
            if *align == Align::Right {
                line.push_str(&padding);
            }
            // Writing to a String cannot fail.
            let _infallible = match cell.color.filter(|_| colored) {
                Some(color) => write!(line, "\u{1b}[{color}m{}\u{1b}[0m", cell.text),
                None => write!(line, "{}", cell.text),
            };
            if *align == Align::Left {
                line.push_str(&padding);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_cells_are_safe() {
        let mut table = Table::new(&[("name", Align::Left), ("count", Align::Right)]);
        table.row(["a\u{1b}[31m", "1"]);
        table.row(["漢字", "1,000"]);
        table.color(0, Some("31"));
        assert_eq!(
            table.render(2, false),
            "  name       count\n  a\\x1b[31m      1\n  漢字       1,000\n"
        );
        assert!(table.render(0, true).contains("\u{1b}[31m漢字\u{1b}[0m"));
    }
}
