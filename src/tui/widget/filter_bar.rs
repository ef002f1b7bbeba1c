//! The filter bar: what is filtered by, typed in place, with its error under it.
//!
//! The filter's language belongs to `triage::filter`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::theme::{Role, Theme};

use super::{Field, Piece, line};

/// A filter bar to draw.
pub struct FilterBar<'a> {
    /// The theme.
    pub theme: Theme,
    /// What is typed, or in force.
    pub field: &'a Field,
    /// Whether it is being typed.
    pub focused: bool,
    /// What is wrong: the column in characters from 1, and the words.
    pub error: Option<(usize, String)>,
}

impl FilterBar<'_> {
    /// Returns how many rows it takes.
    #[must_use]
    pub fn height(&self) -> u16 {
        match (self.focused || !self.field.text().is_empty(), &self.error) {
            (false, _) => 0,
            (true, None) => 1,
            (true, Some(_)) => 2,
        }
    }

    /// Draws it into the top of `area`.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let mut rows = area.rows().take(usize::from(self.height()));
        if let Some(row) = rows.next() {
            line(self.theme, &[Piece::new("/ ", Role::Key)], row, buffer);
            self.field
                .draw(self.theme, self.focused, indent(row, 2), buffer);
        }
        if let (Some(row), Some((column, text))) = (rows.next(), &self.error) {
            let column = u16::try_from(*column).unwrap_or(1).max(1);
            let shown = [
                Piece::new("^ ", Role::Error),
                Piece::foreign(text, Role::Error),
            ];
            // The caret stands under the column where there is room for the words after it.
            let words = 2 + text.chars().count();
            let place = (2 + column - 1).min(
                row.width
                    .saturating_sub(u16::try_from(words).unwrap_or(u16::MAX)),
            );
            line(self.theme, &shown, indent(row, place), buffer);
        }
    }
}

fn indent(row: Rect, columns: u16) -> Rect {
    let columns = columns.min(row.width);
    Rect {
        x: row.x + columns,
        width: row.width - columns,
        ..row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_points_at_the_error() {
        let area = Rect::new(0, 0, 30, 2);
        let mut buffer = Buffer::empty(area);
        let field = Field::new("fix:maybe");
        let bar = FilterBar {
            theme: Theme::default(),
            field: &field,
            focused: true,
            error: Some((5, "expected yes".to_owned())),
        };
        assert_eq!(bar.height(), 2);
        bar.draw(area, &mut buffer);
        let row: String = (0..30)
            .map(|x| buffer[(x, 1)].symbol().to_owned())
            .collect();
        assert_eq!(row.trim_end(), "      ^ expected yes");
    }
}
