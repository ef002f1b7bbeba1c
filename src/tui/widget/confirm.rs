//! The typed confirmation: the first eight hexadecimal digits of the digest on screen.
//!
//! What is confirmed, and whether it may be, is the promote screen's business; this holds the field
//! and refuses what a person did not type: pastes, bursts, and keys read before it had the focus.

use std::time::Duration;

use crate::model::Digest;

/// How many digits must be typed.
pub const DIGITS: usize = 8;
/// Keys closer together than this are not typed one by one.
const BURST_GAP: Duration = Duration::from_millis(10);
/// So many keys may come that fast before they count as a paste.
const BURST_KEYS: u8 = 4;

/// Why what arrived was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Text was pasted, or arrived as fast as a paste.
    Paste,
    /// The character is no hexadecimal digit.
    NotHex,
    /// The digits are not those of the digest.
    Differs,
    /// Enter came before all digits.
    Incomplete,
}

impl Refusal {
    /// Returns the sentence shown beside the field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paste => "a paste is refused: read the digest and type it",
            Self::NotHex => "only 0-9 and a-f are digits of a digest",
            Self::Differs => "these are not the first eight digits of the digest shown",
            Self::Incomplete => "eight digits are needed; Enter alone does nothing",
        }
    }
}

/// The confirmation field of one digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    expected: String,
    typed: String,
    focused_at: Option<Duration>,
    last_key: Option<Duration>,
    fast_keys: u8,
    refusal: Option<Refusal>,
}

impl Confirm {
    /// Returns an empty field without focus for `digest`.
    #[must_use]
    pub fn new(digest: &Digest) -> Self {
        Self {
            expected: digest.hex().chars().take(DIGITS).collect(),
            typed: String::new(),
            focused_at: None,
            last_key: None,
            fast_keys: 0,
            refusal: None,
        }
    }

    /// Gives the field the focus at `at` (monotonic time since the console opened). What was read
    /// earlier is type-ahead and is ignored.
    pub fn focus(&mut self, at: Duration) {
        self.focused_at = Some(at);
        self.last_key = None;
        self.fast_keys = 0;
        self.refusal = None;
    }

    /// Takes the focus away and forgets what was typed.
    pub fn blur(&mut self) {
        self.focused_at = None;
        self.typed.clear();
        self.refusal = None;
    }

    /// Returns whether the field has the focus.
    #[must_use]
    pub fn has_focus(&self) -> bool {
        self.focused_at.is_some()
    }

    /// Returns what was typed so far.
    #[must_use]
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Returns why the last input was refused.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// Takes one typed character that was read at `at`.
    pub fn type_char(&mut self, character: char, at: Duration) {
        if self.focused_at.is_none_or(|focused| at <= focused) {
            return;
        }
        let fast = self
            .last_key
            .is_some_and(|last| at.saturating_sub(last) < BURST_GAP);
        self.last_key = Some(at);
        // The first key of a burst is counted too: it is the one that was not fast itself.
        self.fast_keys = if fast {
            self.fast_keys.saturating_add(1)
        } else {
            1
        };
        if self.fast_keys > BURST_KEYS {
            self.paste();
            return;
        }
        if !character.is_ascii_hexdigit() {
            self.refusal = Some(Refusal::NotHex);
            return;
        }
        self.refusal = None;
        if self.typed.len() < DIGITS {
            self.typed.push(character.to_ascii_lowercase());
        }
    }

    /// Refuses a paste: nothing of it, and nothing before it, stays.
    pub fn paste(&mut self) {
        self.typed.clear();
        self.refusal = Some(Refusal::Paste);
    }

    /// Deletes the last digit.
    pub fn backspace(&mut self) {
        self.typed.pop();
        self.refusal = None;
    }

    /// Returns whether Enter confirms now; says why where it does not.
    pub fn enter(&mut self) -> bool {
        self.refusal = if self.focused_at.is_none() || self.refusal == Some(Refusal::Paste) {
            self.refusal
        } else if self.typed.len() < DIGITS {
            Some(Refusal::Incomplete)
        } else if self.typed != self.expected {
            Some(Refusal::Differs)
        } else {
            None
        };
        self.refusal.is_none()
            && self.focused_at.is_some()
            && self.typed.len() == DIGITS
            && self.typed == self.expected
    }
}

#[cfg(test)]
mod tests;
