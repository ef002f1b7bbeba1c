//! Notices: one line above the keys, and the same in full over the screen.
//!
//! An error stays until the next thing happens; nothing disappears by itself.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget as _};

use crate::text::Safe;
use crate::tui::message::Notice;
use crate::tui::theme::{Role, Theme};

use super::{Pane, Piece, lines, wrap};

/// Returns the one line of a notice.
#[must_use]
pub fn notice_line(notice: &Notice) -> Vec<Piece> {
    let mut pieces = vec![
        Piece::new(mark(notice.role), notice.role),
        Piece::foreign(&notice.text, notice.role),
    ];
    if let Some(first) = notice.more.first() {
        pieces.push(Piece::new("  ", Role::Text));
        pieces.push(Piece::foreign(first, Role::Dim));
    }
    if notice.more.len() > 1 {
        pieces.push(Piece::new("  (! shows more)", Role::Dim));
    }
    pieces
}

/// Draws a notice in full over the middle of `area`.
pub fn notice_in_full(theme: Theme, notice: &Notice, area: Rect, buffer: &mut Buffer) {
    let width = area.width.saturating_sub(4).min(100);
    let room = usize::from(width.saturating_sub(2));
    let text = std::iter::once((&notice.text, notice.role))
        .chain(notice.more.iter().map(|more| (more, Role::Text)))
        .flat_map(|(text, role)| {
            wrap(&Safe::limited(text, 4_000), room)
                .into_iter()
                .map(move |part| vec![Piece::safe(part, role)])
        })
        .collect::<Vec<_>>();
    let height = u16::try_from(text.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2)
        .min(area.height);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    Clear.render(place, buffer);
    let pane = Pane {
        theme,
        title: &[Piece::new("Message", Role::Title)],
        focused: true,
        bordered: true,
    };
    let inside = pane.draw(place, buffer);
    lines(theme, &text, inside, buffer);
}

fn mark(role: Role) -> &'static str {
    match role {
        Role::Error => " error: ",
        Role::Warning => " note: ",
        _ => " ",
    }
}
