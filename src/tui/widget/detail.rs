//! A long text in a pane: lines that can be scrolled.
//!
//! The screen makes the lines; this only knows how many there are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::Action;
use crate::text::Safe;
use crate::tui::theme::{Role, Theme};

use super::{Piece, lines, wrap};

/// How far a text is scrolled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll(pub usize);

impl Scroll {
    /// Moves as `action` says in a text of `length` lines of which `height` are seen; returns
    /// whether it was a movement.
    pub fn act(&mut self, action: Action, length: usize, height: usize) -> bool {
        let last = length.saturating_sub(height);
        let page = height.saturating_sub(1).max(1);
        self.0 = match action {
            Action::Down => self.0 + 1,
            Action::Up => self.0.saturating_sub(1),
            Action::PageDown => self.0 + page,
            Action::PageUp => self.0.saturating_sub(page),
            Action::First => 0,
            Action::Last => last,
            _ => return false,
        }
        .min(last);
        true
    }
}

/// Draws the lines that are seen, and says where there are more.
pub fn detail(theme: Theme, text: &[Vec<Piece>], scroll: Scroll, area: Rect, buffer: &mut Buffer) {
    let height = usize::from(area.height);
    let start = scroll.0.min(text.len().saturating_sub(height));
    let seen = text.get(start..).unwrap_or_default();
    if seen.len() <= height {
        return lines(theme, seen, area, buffer);
    }
    let kept = height.saturating_sub(1);
    lines(theme, seen.get(..kept).unwrap_or_default(), area, buffer);
    if let Some(last) = area.rows().next_back() {
        let more = format!("({} more lines)", seen.len() - kept);
        lines(
            theme,
            &[vec![Piece::foreign(&more, Role::Dim)]],
            last,
            buffer,
        );
    }
}

/// Returns a labelled value as lines: the label in a column of its own, the value wrapped beside.
#[must_use]
pub fn labelled(label: &'static str, value: &Safe, role: Role, width: usize) -> Vec<Vec<Piece>> {
    const LABEL: usize = 10;
    wrap(value, width.saturating_sub(LABEL).max(8))
        .into_iter()
        .enumerate()
        .map(|(row, part)| {
            let name = if row == 0 { label } else { "" };
            let pad = LABEL.saturating_sub(name.len());
            vec![
                Piece::new(name, Role::Dim),
                Piece::safe(Safe::new(&" ".repeat(pad)), Role::Text),
                Piece::safe(part, role),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrolling_stops_at_both_ends() {
        let mut scroll = Scroll::default();
        for _ in 0..5 {
            scroll.act(Action::PageDown, 12, 5);
        }
        assert_eq!(scroll, Scroll(7));
        scroll.act(Action::First, 12, 5);
        scroll.act(Action::Up, 12, 5);
        assert_eq!(scroll, Scroll(0));
        scroll.act(Action::Last, 3, 5);
        assert_eq!(scroll, Scroll(0));
    }
}
