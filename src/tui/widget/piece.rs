//! Pieces of a line: text with a role, cut to the columns there are.
//!
//! Anything longer than a line is wrapped here too; frames are in `frame`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::text::{Safe, thousands};
use crate::tui::theme::{Role, Theme};

/// Text with a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    text: Text,
    role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    Own(&'static str),
    Safe(Safe),
}

impl Piece {
    /// Returns a piece of the program's own words.
    #[must_use]
    pub fn new(text: &'static str, role: Role) -> Self {
        Self {
            text: Text::Own(text),
            role,
        }
    }

    /// Returns whether there is nothing to see but the style.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let text = match &self.text {
            Text::Own(text) => text,
            Text::Safe(safe) => safe.as_str(),
        };
        text.trim().is_empty()
    }

    /// Returns a piece of text from anywhere: it is made safe first.
    #[must_use]
    pub fn foreign(text: &str, role: Role) -> Self {
        // No screen is wider; what does not fit is not looked at.
        Self::safe(Safe::limited(text, 512), role)
    }

    /// Returns a piece of text that is safe already.
    #[must_use]
    pub fn safe(text: Safe, role: Role) -> Self {
        Self {
            text: Text::Safe(text),
            role,
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.text {
            Text::Own(text) => text,
            Text::Safe(text) => text.as_str(),
        }
    }

    /// Returns the role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns the number of columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.as_str().width()
    }
}

/// Returns `1 image`, `2 images`, `1,000 images`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(count))
}

/// Returns the number of columns of a line.
#[must_use]
pub fn width_of(pieces: &[Piece]) -> usize {
    pieces.iter().map(Piece::width).sum()
}

/// Draws one line into the first row of `area`; what does not fit is cut and marked.
pub fn line(theme: Theme, pieces: &[Piece], area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    if area.height == 0 {
        return;
    }
    let mut x = area.x;
    for (position, piece) in pieces.iter().enumerate() {
        let left = area.right().saturating_sub(x);
        if left == 0 {
            break;
        }
        let text = in_charset(theme, piece.as_str());
        let more = pieces
            .iter()
            .skip(position + 1)
            .any(|next| next.width() > 0);
        let fits = text.width() <= usize::from(left);
        let style = theme.style(piece.role);
        if fits && !(more && text.width() == usize::from(left)) {
            (x, _) = buffer.set_stringn(x, area.y, text, usize::from(left), style);
        } else {
            // The buffer may reckon a character wider than `cut` does: the mark keeps its column.
            let room = usize::from(left) - 1;
            (x, _) = buffer.set_stringn(x, area.y, cut(&text, room), room, style);
            buffer.set_stringn(x, area.y, theme.ellipsis(), 1, style);
            break;
        }
    }
}

/// Draws one line a row, as many as there are rows.
pub fn lines(theme: Theme, text: &[Vec<Piece>], area: Rect, buffer: &mut Buffer) {
    for (row, pieces) in area.rows().zip(text) {
        line(theme, pieces, row, buffer);
    }
}

/// Returns `text` in lines of at most `width` columns, broken between words where possible.
#[must_use]
pub fn wrap(text: &Safe, width: usize) -> Vec<Safe> {
    let width = width.max(1);
    let mut wrapped = Vec::new();
    let mut current = String::new();
    let mut columns = 0;
    for word in text.as_str().split_word_bounds() {
        let size = word.width();
        if columns + size > width && columns > 0 {
            wrapped.push(Safe::new(current.trim_end()));
            current.clear();
            columns = 0;
            if word.trim().is_empty() {
                continue;
            }
        }
        if size <= width {
            current.push_str(word);
            columns += size;
            continue;
        }
        for grapheme in word.graphemes(true) {
            let size = grapheme.width();
            if columns + size > width && columns > 0 {
                wrapped.push(Safe::new(&current));
                current.clear();
                columns = 0;
            }
            current.push_str(grapheme);
            columns += size;
        }
    }
    if !current.is_empty() || wrapped.is_empty() {
        wrapped.push(Safe::new(current.trim_end()));
    }
    wrapped
}

/// Returns the beginning of `text` that fits into `width` columns.
fn cut(text: &str, width: usize) -> &str {
    let mut columns = 0;
    for (position, grapheme) in text.grapheme_indices(true) {
        columns += grapheme.width();
        if columns > width {
            return text.get(..position).unwrap_or_default();
        }
    }
    text
}

/// Returns the text as an ASCII terminal can show it: other characters as `\u{…}`.
fn in_charset(theme: Theme, text: &str) -> std::borrow::Cow<'_, str> {
    if theme.ascii && !text.is_ascii() {
        let shown = text.chars().map(|character| match character {
            '…' => "...".to_owned(),
            '·' => "-".to_owned(),
            _ if character.is_ascii() => character.to_string(),
            _ => character.escape_unicode().to_string(),
        });
        shown.collect::<String>().into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drawn(theme: Theme, pieces: &[Piece], width: u16) -> String {
        let area = Rect::new(0, 0, width, 1);
        let mut buffer = Buffer::empty(area);
        line(theme, pieces, area, &mut buffer);
        buffer
            .content()
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect()
    }

    #[test]
    fn what_does_not_fit_is_marked() {
        let utf8 = Theme::default();
        let piece = |text: &str| Piece::foreign(text, Role::Text);
        assert_eq!(drawn(utf8, &[piece("abcdef")], 6), "abcdef");
        assert_eq!(drawn(utf8, &[piece("abcdef")], 5), "abcd…");
        assert_eq!(drawn(utf8, &[piece("abc"), piece("def")], 3), "ab…");
        assert_eq!(drawn(utf8, &[piece("漢字漢")], 5).trim_end(), "漢 字 …");
        let ascii = Theme {
            ascii: true,
            ..utf8
        };
        assert_eq!(drawn(ascii, &[piece("é")], 8), "\\u{e9}  ");
    }

    proptest! {
        #[test]
        fn a_line_never_leaves_its_area(text in any::<String>(), width in 0_u16..12) {
            let area = Rect::new(2, 0, width, 1);
            let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
            line(Theme::default(), &[Piece::foreign(&text, Role::Text)], area, &mut buffer);
            for x in (0..2).chain(2 + width..20) {
                prop_assert_eq!(buffer[(x, 0)].symbol(), " ");
            }
        }

        #[test]
        fn a_character_of_doubtful_width_leaves_it_neither(width in 0_u16..12) {
            let area = Rect::new(2, 0, width, 1);
            let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
            let text = Piece::foreign("\u{1e95e}\u{ff9e}00\u{1f300}", Role::Text);
            line(Theme::default(), &[text], area, &mut buffer);
            for x in (0..2).chain(2 + width..20) {
                prop_assert_eq!(buffer[(x, 0)].symbol(), " ");
            }
        }

        #[test]
        fn wrapped_lines_fit_and_lose_no_word(text in "[a-z ]{0,80}", width in 1_usize..20) {
            let wrapped = wrap(&Safe::new(&text), width);
            prop_assert!(wrapped.iter().all(|line| line.width() <= width));
            let letters = |text: &str| text.replace(' ', "");
            let joined: String = wrapped.iter().map(|line| letters(line.as_str())).collect();
            prop_assert_eq!(joined, letters(&text));
        }
    }
}
