//! The note editor: a text area of several lines with a limit, wrapped at words.
//!
//! Only the edits named here reach the text area: its own Ctrl keys collide with what browsers and
//! terminals keep for themselves. What the note is for, and whether it is saved, the screen knows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget as _;
use tui_textarea::{CursorMove, TextArea, WrapMode};

use crate::keymap::{Code, Key};
use crate::text::{Safe, is_hidden};

/// The most characters of a note.
pub const LIMIT: usize = 4_000;

/// One edit of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A typed character.
    Char(char),
    /// Pasted text.
    Paste(String),
    /// A new line.
    Newline,
    /// Deletes before the cursor.
    Backspace,
    /// Deletes after the cursor.
    Delete,
    /// One character left.
    Left,
    /// One character right.
    Right,
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// To the start of the line.
    Home,
    /// To the end of the line.
    End,
}

impl Edit {
    /// Returns the edit that a key means in a text; none for the keys that leave or accept it.
    #[must_use]
    pub fn of(key: Key) -> Option<Self> {
        if let Some(character) = key.typed() {
            return Some(Self::Char(character));
        }
        if key.control {
            return None;
        }
        match key.code {
            Code::Enter => Some(Self::Newline),
            Code::Backspace => Some(Self::Backspace),
            Code::Delete => Some(Self::Delete),
            Code::Left => Some(Self::Left),
            Code::Right => Some(Self::Right),
            Code::Up => Some(Self::Up),
            Code::Down => Some(Self::Down),
            Code::Home => Some(Self::Home),
            Code::End => Some(Self::End),
            _ => None,
        }
    }
}

/// A note being written.
#[derive(Clone, Debug)]
pub struct NoteEditor {
    area: TextArea<'static>,
    length: usize,
    full: bool,
}

impl Default for NoteEditor {
    fn default() -> Self {
        Self::new("")
    }
}

impl NoteEditor {
    /// Returns an editor that holds `text`, the cursor behind it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut area = TextArea::default();
        area.set_wrap_mode(WrapMode::WordOrGlyph);
        area.set_cursor_line_style(Style::default());
        // Undo belongs to the ledger; two meanings of the word would confuse.
        area.set_max_histories(0);
        let mut editor = Self {
            area,
            length: 0,
            full: false,
        };
        editor.insert(text);
        editor
    }

    /// Returns the note; lines are separated by `\n`.
    #[must_use]
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Returns the number of characters, line ends included.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Returns whether the last edit was cut because the note is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Returns whether there is nothing but white space.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    /// Applies one edit.
    pub fn edit(&mut self, edit: &Edit) {
        self.full = false;
        match edit {
            Edit::Char(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            Edit::Paste(text) => self.insert(text),
            Edit::Newline => self.insert("\n"),
            Edit::Backspace => {
                self.area.delete_char();
            }
            Edit::Delete => {
                self.area.delete_next_char();
            }
            Edit::Left => self.area.move_cursor(CursorMove::Back),
            Edit::Right => self.area.move_cursor(CursorMove::Forward),
            Edit::Up => self.area.move_cursor(CursorMove::Up),
            Edit::Down => self.area.move_cursor(CursorMove::Down),
            Edit::Home => self.area.move_cursor(CursorMove::Head),
            Edit::End => self.area.move_cursor(CursorMove::End),
        }
        self.length = self.count();
    }

    /// Inserts as much of `text` as there is room for. A pasted note may hold what a report wrote,
    /// so hidden characters become visible here too.
    fn insert(&mut self, text: &str) {
        let mut room = LIMIT.saturating_sub(self.count());
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        for (position, line) in text.split('\n').enumerate() {
            if position > 0 {
                if room == 0 {
                    self.full = true;
                    break;
                }
                self.area.insert_newline();
                room -= 1;
            }
            let line = line.replace('\t', "    ");
            let line = if line.contains(is_hidden) {
                Safe::new(&line).as_str().to_owned()
            } else {
                line
            };
            let fitting: String = line.chars().take(room).collect();
            let taken = fitting.chars().count();
            self.full |= taken < line.chars().count();
            room -= taken;
            self.area.insert_str(&fitting);
        }
        self.length = self.count();
    }

    fn count(&self) -> usize {
        let lines = self.area.lines();
        let characters: usize = lines.iter().map(|line| line.chars().count()).sum();
        characters + lines.len().saturating_sub(1)
    }

    /// Draws the text; the cursor is shown in `cursor` where the editor has the focus.
    pub fn view(&self, text: Style, cursor: Option<Style>, area: Rect, buffer: &mut Buffer) {
        // The text area keeps its styles in itself; a copy of the visible text is small (LIMIT).
        let mut shown = self.area.clone();
        shown.set_style(text);
        shown.set_cursor_style(cursor.unwrap_or(text));
        (&shown).render(area, buffer);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_survives_editing() {
        let mut editor = NoteEditor::new("one\ntwo");
        for edit in [
            Edit::Newline,
            Edit::Char('x'),
            Edit::Char('y'),
            Edit::Backspace,
            Edit::Up,
            Edit::Home,
            Edit::Delete,
        ] {
            editor.edit(&edit);
        }
        assert_eq!(editor.text(), "one\nwo\nx");
        assert_eq!(editor.length(), 8);
    }

    #[test]
    fn a_paste_is_cut_at_the_limit_and_said() {
        let mut editor = NoteEditor::default();
        editor.edit(&Edit::Paste("a".repeat(LIMIT + 10)));
        assert_eq!(editor.length(), LIMIT);
        assert!(editor.is_full());
        editor.edit(&Edit::Newline);
        assert_eq!(editor.length(), LIMIT);
    }

    #[test]
    fn hidden_characters_of_a_paste_become_visible() {
        let mut editor = NoteEditor::default();
        editor.edit(&Edit::Paste("a\u{202e}b\tc\r\nd\u{1b}[31m".to_owned()));
        assert_eq!(editor.text(), "a<U+202E>b    c\nd\\x1b[31m");
    }

    proptest! {
        #[test]
        fn no_edit_exceeds_the_limit_or_hides_a_character(
            pieces in prop::collection::vec((0_u8..8, any::<String>()), 0..20),
        ) {
            let mut editor = NoteEditor::default();
            for (kind, text) in pieces {
                editor.edit(&match kind {
                    0 => Edit::Backspace,
                    1 => Edit::Newline,
                    2 => Edit::Up,
                    3 => Edit::Left,
                    4 => Edit::Delete,
                    _ => Edit::Paste(text),
                });
                prop_assert!(editor.length() <= LIMIT);
                prop_assert_eq!(editor.length(), editor.text().chars().count());
            }
            prop_assert!(!editor.text().chars().any(|c| c != '\n' && is_hidden(c)));
        }
    }
}
