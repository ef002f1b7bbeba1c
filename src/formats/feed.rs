//! What EPSS scores and the KEV catalogue have in common: opening the file, refusing another one,
//! counting what is lost.
//!
//! What stands in either file is `epss`'s and `kev`'s own.

use std::borrow::Cow;

use serde::Deserialize;

use super::decode::decode;
use super::error::{FormatError, Place, quote};
use super::json::{place_of, reason_of};
use crate::model::{Digest, FeedKind, Loss, Origin};

/// The most losses that are named one by one; the rest is one more, with their number.
const MAX_NAMED: usize = 100;

/// The fields of a line that are kept: no file of either kind has so many.
const MAX_FIELDS: usize = 32;

/// Opens the file.
///
/// # Errors
/// When it is empty, too large, damaged or no text.
pub(super) fn open(path: &str, bytes: Vec<u8>) -> Result<(Origin, String), FormatError> {
    let (sha256, size) = (Digest::of(&bytes), bytes.len() as u64);
    let decoded = decode(path, bytes)?;
    if decoded.text.trim().is_empty() {
        let path = path.to_owned();
        return Err(FormatError::Empty { path });
    }
    let origin = Origin {
        path: path.to_owned(),
        sha256,
        size,
        encoding: decoded.encoding,
        skipped_bytes: 0,
    };
    Ok((origin, decoded.text))
}

/// Says that the file is not of this kind.
pub(super) fn wrong(
    path: &str,
    kind: FeedKind,
    text: &str,
    offset: usize,
    reason: String,
) -> FormatError {
    FormatError::Feed {
        path: path.to_owned(),
        kind,
        place: Place::at(text, offset),
        reason,
    }
}

/// Reads the whole text as one JSON value.
///
/// # Errors
/// When it is cut off, damaged, or of another shape.
pub(super) fn json<'a, T: Deserialize<'a>>(
    path: &str,
    kind: FeedKind,
    text: &'a str,
) -> Result<T, FormatError> {
    serde_json::from_str(text).map_err(|error| {
        let place = place_of(text, 0, &error);
        let path = path.to_owned();
        match error.classify() {
            serde_json::error::Category::Eof => FormatError::Truncated { path, place },
            _ => FormatError::Feed {
                path,
                kind,
                place,
                reason: reason_of(&error),
            },
        }
    })
}

/// What was lost.
#[derive(Debug, Default)]
pub(super) struct Losses {
    named: Vec<Loss>,
    further: u64,
}

impl Losses {
    /// Takes note of an entry that cannot be read.
    pub(super) fn add(&mut self, place: impl FnOnce() -> String, offset: usize, reason: String) {
        if self.named.len() < MAX_NAMED {
            self.named.push(Loss {
                place: place(),
                offset: Some(offset as u64),
                reason,
                records: 1,
            });
        } else {
            self.further += 1;
        }
    }

    /// Takes note of losses that were found in another way.
    pub(super) fn take(&mut self, losses: Vec<Loss>) {
        for loss in losses {
            if self.named.len() < MAX_NAMED {
                self.named.push(loss);
            } else {
                self.further += loss.records;
            }
        }
    }

    /// Returns them all.
    pub(super) fn finish(mut self) -> Vec<Loss> {
        if self.further > 0 {
            self.named.push(Loss {
                place: "further entries".to_owned(),
                offset: None,
                reason: "not named one by one".to_owned(),
                records: self.further,
            });
        }
        self.named
    }
}

/// The lines of a CSV text (RFC 4180), each with its fields; empty lines and comments are left out.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: usize,
}

/// One line, which may be several in the text where a field has line breaks in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: usize,
    /// Where it begins.
    pub(super) start: usize,
    /// Whether it is ended by a line break.
    pub(super) is_ended: bool,
    /// Whether a quoted field is never closed.
    pub(super) is_open: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            number: 0,
        }
    }

    /// Reads the next line's fields into `fields`; none at the end.
    pub(super) fn next(&mut self, fields: &mut Vec<Cow<'a, str>>) -> Option<Line> {
        loop {
            let start = self.at;
            let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
            let end = rest.find('\n');
            let simple = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            self.number += 1;
            let mut line = Line {
                number: self.number,
                start,
                is_ended: end.is_some(),
                is_open: false,
            };
            if simple.trim().is_empty() || simple.starts_with('#') {
                self.at += end.map_or(rest.len(), |end| end + 1);
                continue;
            }
            fields.clear();
            if simple.contains('"') {
                self.quoted(rest, &mut line, fields);
            } else {
                self.at += end.map_or(rest.len(), |end| end + 1);
                let parts = simple.strip_suffix('\r').unwrap_or(simple).split(',');
                fields.extend(parts.take(MAX_FIELDS).map(Cow::Borrowed));
            }
            return Some(line);
        }
    }

    /// Reads a line in which fields are quoted: commas, line breaks and doubled quotes in them are
    /// the field's own.
    fn quoted(&mut self, rest: &'a str, line: &mut Line, fields: &mut Vec<Cow<'a, str>>) {
        let mut field = String::new();
        let mut add = |field: &mut String| {
            let field = std::mem::take(field);
            if fields.len() < MAX_FIELDS {
                fields.push(Cow::Owned(field));
            }
        };
        let (mut within, mut length, mut broken) = (false, rest.len(), 0);
        line.is_ended = false;
        let mut characters = rest.char_indices().peekable();
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' if within && characters.peek().is_some_and(|(_, next)| *next == '"') => {
                    characters.next();
                    field.push('"');
                }
                '"' => within = !within,
                ',' if !within => add(&mut field),
                '\n' if !within => {
                    line.is_ended = true;
                    length = offset + 1;
                    break;
                }
                _ => {
                    broken += usize::from(character == '\n');
                    field.push(character);
                }
            }
        }
        if field.ends_with('\r') && !within {
            field.pop();
        }
        add(&mut field);
        line.is_open = within;
        self.number += broken;
        self.at += length;
    }
}

/// Returns the columns of a header by name; what is missing is named.
///
/// # Errors
/// When one of the `needed` columns is missing: its name.
pub(super) fn columns<const N: usize>(
    header: &[Cow<'_, str>],
    needed: usize,
    names: [&'static str; N],
) -> Result<[Option<usize>; N], &'static str> {
    let find = |name: &str| {
        let same = |field: &Cow<'_, str>| field.trim().eq_ignore_ascii_case(name);
        header.iter().position(same)
    };
    let found = names.map(find);
    let missing = names.iter().zip(found).take(needed);
    match missing
        .filter(|(_, place)| place.is_none())
        .map(|(name, _)| *name)
        .next()
    {
        Some(name) => Err(name),
        None => Ok(found),
    }
}

/// Returns the beginning of a line for a message.
pub(super) fn beginning(text: &str, start: usize) -> String {
    let rest = text.get(start..).unwrap_or_default();
    quote(rest.lines().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(usize, Vec<String>, bool, bool)> {
        let mut lines = Lines::new(text);
        let mut fields = Vec::new();
        let mut all = Vec::new();
        while let Some(line) = lines.next(&mut fields) {
            let texts = fields.iter().map(ToString::to_string).collect();
            all.push((line.number, texts, line.is_ended, line.is_open));
        }
        all
    }

    #[test]
    fn lines_are_split_as_rfc_4180_has_it() {
        let text = "# comment\r\na,b\r\n\r\n\"x, \"\"y\"\"\nz\",2\nlast";
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(
            all(text),
            [
                (2, texts(&["a", "b"]), true, false),
                (4, texts(&["x, \"y\"\nz", "2"]), true, false),
                (6, texts(&["last"]), false, false),
            ]
        );
        let open = all("a,\"b\nc");
        assert_eq!(open.len(), 1);
        assert!(open[0].3);
        assert_eq!(all(&",".repeat(1_000))[0].1.len(), MAX_FIELDS);
    }
}
