//! Panes: a frame with a title around something else.
//!
//! On a narrow terminal a pane has no lines around it, only its title.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Widget as _};

use crate::tui::theme::{Role, Theme};

use super::{Piece, line};

/// A pane's frame.
#[derive(Clone, Copy, Debug)]
pub struct Pane<'a> {
    /// The theme.
    pub theme: Theme,
    /// The title.
    pub title: &'a [Piece],
    /// Whether keys go to this pane.
    pub focused: bool,
    /// Whether there are lines around it; see `Context::bordered`.
    pub bordered: bool,
}

impl Pane<'_> {
    /// Draws the frame and returns the area inside it.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) -> Rect {
        if area.height == 0 || area.width < 4 {
            return Rect { height: 0, ..area };
        }
        if self.bordered {
            let role = if self.focused {
                Role::Focus
            } else {
                Role::Frame
            };
            Block::bordered()
                .border_set(self.theme.frame())
                .border_style(self.theme.style(role))
                .render(area, buffer);
            let mut pieces = vec![Piece::new(" ", Role::Title)];
            pieces.extend_from_slice(self.title);
            pieces.push(Piece::new(" ", Role::Title));
            let room = Rect::new(area.x + 1, area.y, area.width - 2, 1);
            line(self.theme, &pieces, room, buffer);
        } else {
            line(self.theme, self.title, Rect { height: 1, ..area }, buffer);
        }
        inside(area, self.bordered)
    }
}

/// Returns the area inside a pane, without drawing.
#[must_use]
pub fn inside(area: Rect, bordered: bool) -> Rect {
    let side = u16::from(bordered);
    Rect {
        x: area.x + side.min(area.width),
        y: area.y + 1.min(area.height),
        width: area.width.saturating_sub(2 * side),
        height: area.height.saturating_sub(1 + side),
    }
}
