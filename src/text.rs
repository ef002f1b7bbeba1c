//! The only door for foreign text to a screen, a line of output, a log or an export.
//!
//! Report text is written by whoever built the image. [`Safe`] makes what terminals would act on
//! or hide visible; [`to_json`] keeps the original value and escapes the same characters. Both
//! mask credentials, wherever they come from. Layout and colours belong to the front ends.

pub mod secret;

use std::fmt;

use serde::Serialize;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};
use unicode_width::UnicodeWidthStr as _;

/// Combining marks kept after one base character; the rest is dropped and counted.
const MAX_MARKS: usize = 3;

/// Text that is safe to show: no control, format, invisible or private character is left.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Safe {
    text: String,
    changed: bool,
}

impl Safe {
    /// Makes `text` safe. Newlines and tabs become visible too: one `Safe` is one line.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::limited(text, usize::MAX)
    }

    /// Makes at most `limit` characters of `text` safe and says so with `…` when there were more.
    #[must_use]
    pub fn limited(text: &str, limit: usize) -> Self {
        let mut safe = Self {
            text: String::with_capacity(text.len().min(256)),
            changed: false,
        };
        let mut marks = 0;
        // Before the text is cut: a part of a credential has no shape.
        for (count, character) in secret::mask_credentials(text).chars().enumerate() {
            if count == limit {
                safe.text.push('…');
                break;
            }
            marks = safe.push(character, marks);
        }
        safe
    }

    /// Makes text of several lines safe, one `Safe` a line, at most `limit` characters in all.
    #[must_use]
    pub fn lines(text: &str, limit: usize) -> Vec<Self> {
        let mut left = limit;
        let mut lines = Vec::new();
        for line in secret::mask_credentials(text).lines() {
            if left == 0 {
                lines.push(Self::new("…"));
                break;
            }
            let line = Self::limited(&line.replace('\t', "    "), left);
            left = left.saturating_sub(line.text.chars().count().max(1));
            lines.push(line);
        }
        lines
    }

    fn push(&mut self, character: char, marks: usize) -> usize {
        use fmt::Write as _;
        let category = character.general_category();
        let is_mark = matches!(
            category,
            GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark
        );
        if is_mark && !is_hidden(character) {
            if marks < MAX_MARKS {
                self.text.push(character);
            } else {
                self.changed = true;
            }
            return marks + 1;
        }
        // Writing to a String cannot fail.
        let _infallible = match character {
            '\0'..='\u{1f}' | '\u{7f}' => write!(self.text, "\\x{:02x}", u32::from(character)),
            _ if is_hidden(character) => write!(self.text, "<U+{:04X}>", u32::from(character)),
            _ => {
                self.text.push(character);
                return 0;
            }
        };
        self.changed = true;
        0
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the text differs from what the source said; screens mark such rows.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.changed
    }

    /// Returns the number of terminal columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.text.width()
    }
}

impl fmt::Display for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Returns whether a terminal would hide, reorder or act on `character`.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    if matches!(character, ' '..='~') {
        return false;
    }
    let listed = matches!(
        character,
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // fillers
            | '\u{034f}' // combining grapheme joiner
            | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' // variation selectors
            | '\u{e0000}'..='\u{e007f}' // tags
    );
    listed
        || matches!(
            character.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::PrivateUse
                | GeneralCategory::Unassigned
                | GeneralCategory::Surrogate
        )
}

/// Writes JSON in which every hidden character is `\u` with four digits, so that the value is kept
/// and a terminal that shows the document is safe.
struct Escaping<F> {
    inner: F,
    /// Whether a private key began in an earlier fragment of this text.
    in_key: bool,
}

impl<F> Escaping<F> {
    fn new(inner: F) -> Self {
        Self {
            inner,
            in_key: false,
        }
    }

    /// Masks the credentials of a fragment. Line ends part fragments, and a private key has some.
    fn masked<'t>(&mut self, fragment: &'t str) -> std::borrow::Cow<'t, str> {
        let begins = fragment.contains("-----BEGIN ") && fragment.contains("PRIVATE KEY");
        let inside = self.in_key;
        self.in_key = (inside || begins) && !fragment.contains("-----END ");
        if inside {
            std::borrow::Cow::Borrowed("")
        } else {
            secret::mask_credentials(fragment)
        }
    }
}

impl<F: serde_json::ser::Formatter> serde_json::ser::Formatter for Escaping<F> {
    fn write_string_fragment<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        let masked = self.masked(fragment);
        let mut rest = &*masked;
        while let Some(position) = rest.find(is_hidden) {
            let (plain, tail) = rest.split_at(position);
            writer.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            if let Some(hidden) = characters.next() {
                let mut units = [0; 2];
                for unit in hidden.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn end_string<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.in_key = false;
        self.inner.end_string(writer)
    }

    fn begin_array<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.inner.begin_array(writer)
    }
    fn end_array<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.inner.end_array(writer)
    }
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        self.inner.begin_array_value(writer, first)
    }
    fn end_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        self.inner.end_array_value(writer)
    }
    fn begin_object<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.inner.begin_object(writer)
    }
    fn end_object<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        self.inner.end_object(writer)
    }
    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        self.inner.begin_object_key(writer, first)
    }
    fn begin_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        self.inner.begin_object_value(writer)
    }
    fn end_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        self.inner.end_object_value(writer)
    }
}

/// Returns `value` as indented JSON with a final newline; hidden characters are escaped.
///
/// # Errors
/// When `value` cannot be JSON, such as a map whose keys are no strings.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    let pretty = Escaping::new(serde_json::ser::PrettyFormatter::new());
    to_json_with(value, pretty)
}

/// Returns `value` as one line of JSON with a final newline; hidden characters are escaped.
///
/// # Errors
/// As [`to_json`].
pub fn to_json_line<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    to_json_with(value, Escaping::new(serde_json::ser::CompactFormatter))
}

fn to_json_with<T, F>(value: &T, formatter: F) -> Result<String, serde_json::Error>
where
    T: Serialize + ?Sized,
    F: serde_json::ser::Formatter,
{
    let mut bytes = Vec::with_capacity(1024);
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut bytes, formatter,
    ))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// Returns `count` with a comma between thousands, as screens show numbers.
#[must_use]
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terminal_sequences_become_visible() {
        assert_eq!(Safe::new("\u{1b}[31mRED").as_str(), "\\x1b[31mRED");
        assert_eq!(Safe::new("a\u{202e}b").as_str(), "a<U+202E>b");
        assert_eq!(Safe::new("a\u{9b}31m").as_str(), "a<U+009B>31m");
        assert_eq!(Safe::new("line\nbreak").as_str(), "line\\x0abreak");
        assert!(!Safe::new("plain, Ünïcode, 漢字").changed());
        assert_eq!(Safe::limited("abcdef", 3).as_str(), "abc…");
    }

    #[test]
    fn marks_are_capped() {
        let zalgo = format!("a{}", "\u{301}".repeat(1000));
        assert_eq!(Safe::new(&zalgo).as_str().chars().count(), 4);
    }

    #[test]
    fn json_keeps_the_value_and_hides_nothing() {
        let value = serde_json::json!({"a": "x\u{202e}y\u{e0041}\u{1b}z"});
        let text = to_json(&value).unwrap();
        assert!(
            text.contains("\\u202e") && text.contains("\\udb40\\udc41"),
            "{text}"
        );
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }

    #[test]
    fn thousands_are_separated() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(thousands(count), text);
        }
    }

    proptest! {
        #[test]
        fn nothing_hidden_survives(text in any::<String>()) {
            let safe = Safe::new(&text);
            prop_assert!(!safe.as_str().chars().any(is_hidden));
        }
    }
}
