//! One line of text that is being typed.
//!
//! Longer texts have an editor of their own; what the text means is the screen's business.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthChar as _;

use crate::keymap::{Code, Key};
use crate::text::{Safe, is_hidden};
use crate::tui::theme::{Role, Theme};

use super::{Piece, line};

/// The most characters a field takes.
const MAX: usize = 512;

/// A line of text with a cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    text: String,
    /// In characters from the beginning.
    cursor: usize,
}

impl Field {
    /// Returns a field that holds `text`, the cursor at its end.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut field = Self::default();
        field.insert(text);
        field
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes a key of somebody typing a filter; returns whether they go on: Enter keeps the text,
    /// Esc throws it away.
    pub fn press_filter(&mut self, key: Key) -> bool {
        match key.code {
            Code::Enter => return false,
            Code::Esc => {
                *self = Self::default();
                return false;
            }
            _ => {}
        }
        self.press(key);
        true
    }

    /// Takes a key; returns whether the text changed. Enter, Esc, Tab and the vertical arrows are
    /// not the field's.
    pub fn press(&mut self, key: Key) -> bool {
        let length = self.text.chars().count();
        match key.code {
            Code::Left => self.cursor = self.cursor.saturating_sub(1),
            Code::Right => self.cursor = (self.cursor + 1).min(length),
            Code::Home => self.cursor = 0,
            Code::End => self.cursor = length,
            Code::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.remove();
                return true;
            }
            Code::Delete if self.cursor < length => {
                self.remove();
                return true;
            }
            _ => {
                if let Some(character) = key.typed() {
                    self.insert(character.encode_utf8(&mut [0; 4]));
                    return true;
                }
            }
        }
        false
    }

    /// Inserts text at the cursor. Line breaks become spaces, characters that cannot be seen are
    /// left out, and so is what is above the limit.
    pub fn insert(&mut self, text: &str) {
        for character in text.chars() {
            let character = if matches!(character, '\n' | '\t') {
                ' '
            } else {
                character
            };
            if is_hidden(character) || self.text.chars().count() >= MAX {
                continue;
            }
            let place = self.place(self.cursor);
            self.text.insert(place, character);
            self.cursor += 1;
        }
    }

    fn remove(&mut self) {
        let place = self.place(self.cursor);
        if place < self.text.len() {
            self.text.remove(place);
        }
    }

    /// Returns the position in bytes of a position in characters.
    fn place(&self, cursor: usize) -> usize {
        self.text
            .char_indices()
            .nth(cursor)
            .map_or(self.text.len(), |(place, _)| place)
    }

    /// Draws the field into the first row of `area`, scrolled so that the cursor is seen; the
    /// cursor is drawn in reverse video while the field is `focused`.
    pub fn draw(&self, theme: Theme, focused: bool, area: Rect, buffer: &mut Buffer) {
        let area = Rect {
            height: area.height.min(1),
            ..area
        }
        .intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let room = usize::from(area.width).saturating_sub(1);
        let before: Vec<char> = self.text.chars().take(self.cursor).collect();
        let mut columns = 0;
        let kept = before.iter().rev().take_while(|character| {
            columns += character.width().unwrap_or(0);
            columns <= room
        });
        let start = before.len() - kept.count();
        let shown: String = self.text.chars().skip(start).collect();
        let role = if focused { Role::Field } else { Role::Text };
        line(theme, &[Piece::safe(Safe::new(&shown), role)], area, buffer);
        if focused {
            let offset: usize = before.iter().skip(start).filter_map(|c| c.width()).sum();
            let x = area.x + u16::try_from(offset.min(room)).unwrap_or(0);
            buffer.set_style(Rect::new(x, area.y, 1, 1), theme.style(Role::Selected));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_moving_and_erasing() {
        let mut field = Field::new("sev:high");
        for code in [Code::Home, Code::Delete, Code::Right, Code::Backspace] {
            field.press(Key::plain(code));
        }
        field.press(Key::char('é'));
        assert_eq!(field.text(), "év:high");
        field.press(Key::plain(Code::End));
        field.insert("a\nb\u{202e}");
        assert_eq!(field.text(), "év:higha b");
        assert!(!field.press(Key::plain(Code::Up)));
        assert!(!field.press(Key::control('a')));
    }

    #[test]
    fn the_cursor_is_seen_in_a_narrow_field() {
        let area = Rect::new(0, 0, 5, 1);
        let mut buffer = Buffer::empty(area);
        Field::new("abcdefgh").draw(Theme::default(), true, area, &mut buffer);
        let text: String = (0..5).map(|x| buffer[(x, 0)].symbol().to_owned()).collect();
        assert_eq!(text, "efgh ");
    }
}
