//! A field for a password: shown as `*`, wiped from memory when taken, cleared or dropped.
//!
//! Every other text is typed into `field` or `note_editor`.

use std::fmt;

use zeroize::Zeroizing;

use crate::keymap::{Code, Key};
use crate::text::Safe;
use crate::tui::theme::Role;

use super::Piece;

/// The most bytes of a password. Room for them is taken at once, so that growing never leaves a
/// copy behind.
const ROOM: usize = 1_024;

/// A password being typed.
#[derive(Clone)]
pub struct SecretField(Zeroizing<String>);

impl Default for SecretField {
    fn default() -> Self {
        Self(Zeroizing::new(String::with_capacity(ROOM)))
    }
}

impl fmt::Debug for SecretField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretField(…)")
    }
}

impl SecretField {
    /// Takes a key: characters are added, Backspace erases.
    pub fn press(&mut self, key: Key) {
        match (key.code, key.typed()) {
            (Code::Backspace, _) => {
                self.0.pop();
            }
            (_, Some(character)) => self.insert(character.encode_utf8(&mut [0; 4])),
            _ => {}
        }
    }

    /// Adds what fits; a password manager's final line break is left out.
    pub fn insert(&mut self, text: &str) {
        for character in text.chars().filter(|character| !character.is_control()) {
            if self.0.len() + character.len_utf8() > ROOM {
                break;
            }
            self.0.push(character);
        }
    }

    /// Returns whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Empties the field and wipes what it held.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes the password out and leaves the field empty.
    #[must_use]
    pub fn take(&mut self) -> Zeroizing<String> {
        std::mem::take(self).0
    }

    /// Returns one `*` a character.
    #[must_use]
    pub fn shown(&self) -> Piece {
        Piece::safe(Safe::new(&"*".repeat(self.0.chars().count())), Role::Field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_password_is_shown() {
        let mut field = SecretField::default();
        field.insert("hunter\n");
        field.press(Key::char('2'));
        field.press(Key::char('3'));
        field.press(Key::plain(Code::Backspace));
        assert_eq!(field.shown().as_str(), "*******");
        assert!(!format!("{field:?}").contains("hunter"));
        assert_eq!(field.take().as_str(), "hunter2");
        assert_eq!(field.shown().as_str(), "");
    }

    #[test]
    fn it_never_grows_beyond_its_room() {
        let mut field = SecretField::default();
        let room = field.0.capacity();
        field.insert(&"é".repeat(2 * ROOM));
        assert_eq!(field.0.len(), ROOM);
        assert_eq!(field.0.capacity(), room);
    }
}
