//! Keys as people name them: `q`, `Space`, `PgDn`, `Ctrl-C`.
//!
//! Only what every terminal can send; function keys and Alt do not exist here on purpose, because
//! browsers and multiplexers keep them for themselves.

use std::fmt;
use std::str::FromStr;

/// What was pressed, without modifiers. Shift is part of the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A printable character.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
}

/// A key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What was pressed.
    pub code: Code,
    /// Whether Ctrl was held.
    pub control: bool,
}

impl Key {
    /// Returns the key of `code` without modifiers.
    #[must_use]
    pub const fn plain(code: Code) -> Self {
        Self {
            code,
            control: false,
        }
    }

    /// Returns the key that types `character`.
    #[must_use]
    pub const fn char(character: char) -> Self {
        Self::plain(Code::Char(character))
    }

    /// Returns Ctrl with `character`.
    #[must_use]
    pub const fn control(character: char) -> Self {
        Self {
            code: Code::Char(character),
            control: true,
        }
    }

    /// Returns the character this key types into a text field.
    #[must_use]
    pub fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(character) if !self.control => Some(character),
            _ => None,
        }
    }
}

/// The keys that have a name instead of a character.
const NAMES: [(Code, &str); 15] = [
    (Code::Enter, "Enter"),
    (Code::Esc, "Esc"),
    (Code::Tab, "Tab"),
    (Code::BackTab, "Shift-Tab"),
    (Code::Backspace, "Backspace"),
    (Code::Delete, "Del"),
    (Code::Up, "Up"),
    (Code::Down, "Down"),
    (Code::Left, "Left"),
    (Code::Right, "Right"),
    (Code::Home, "Home"),
    (Code::End, "End"),
    (Code::PageUp, "PgUp"),
    (Code::PageDown, "PgDn"),
    (Code::Char(' '), "Space"),
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        if self.control {
            text.push_str("Ctrl-");
        }
        match (NAMES.iter().find(|(code, _)| *code == self.code), self.code) {
            (Some((_, name)), _) => text.push_str(name),
            (None, Code::Char(character)) if self.control => {
                text.extend(character.to_uppercase());
            }
            (None, Code::Char(character)) => text.push(character),
            (None, _) => {}
        }
        f.pad(&text)
    }
}

/// The text names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key: expected one character, a name such as Enter or PgDn, or Ctrl-X")]
pub struct ParseKeyError(pub String);

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseKeyError(text.chars().take(40).collect());
        if let Some((code, _)) = NAMES
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(text))
        {
            return Ok(Self::plain(*code));
        }
        let (control, rest) = match text.get(..5) {
            Some(prefix) if prefix.eq_ignore_ascii_case("ctrl-") => {
                (true, text.get(5..).unwrap_or_default())
            }
            _ => (false, text),
        };
        let mut characters = rest.chars();
        let character = characters.next().ok_or_else(wrong)?;
        if characters.next().is_some() || character.is_control() {
            return Err(wrong());
        }
        Ok(if control {
            Self::control(character.to_ascii_lowercase())
        } else {
            Self::char(character)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for text in [
            "q",
            "G",
            "?",
            "Space",
            "Enter",
            "PgDn",
            "Shift-Tab",
            "Ctrl-C",
        ] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        assert_eq!("ctrl-c".parse::<Key>(), Ok(Key::control('c')));
        for text in ["", "F1", "Alt-x", "Ctrl-", "ab"] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }
}
