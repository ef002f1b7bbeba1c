//! Bytes as read → text: packing, byte-order marks, UTF-8 and UTF-16.
//!
//! What the text is belongs to `detect`; files are opened elsewhere.

use super::error::{FormatError, MAX_SIZE};
use super::unpack::{Packing, unpack};
use crate::model::Encoding;

/// The text of a file, and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// The text, without byte-order mark.
    pub(super) text: String,
    /// The encoding.
    pub(super) encoding: Encoding,
    /// How the file was packed, if it was.
    pub(super) packing: Option<Packing>,
}

/// Returns the text of a file: unpacked, without its byte-order mark.
///
/// UTF-16 without a mark is recognised by the zero byte that every ASCII character has there.
///
/// # Errors
/// When the input is empty, larger than [`MAX_SIZE`] (packed or unpacked), damaged, or not valid
/// in its encoding.
pub(super) fn decode(path: &str, bytes: Vec<u8>) -> Result<Decoded, FormatError> {
    check_size(path, bytes.len())?;
    let (bytes, packing) = unpack(path, bytes)?;
    let (text, encoding) = plain(path, bytes)?;
    Ok(Decoded {
        text,
        encoding,
        packing,
    })
}

fn plain(path: &str, bytes: Vec<u8>) -> Result<(String, Encoding), FormatError> {
    if Packing::of(&bytes).is_some() {
        return Err(packed(
            path,
            "packed twice",
            "unpack it first: `gunzip FILE` or `zstd -d FILE`",
        ));
    }
    match bytes.as_slice() {
        [] => Err(FormatError::Empty {
            path: path.to_owned(),
        }),
        [b'P', b'K', 3, 4, ..] => Err(packed(path, "a zip file", "unpack it first: `unzip FILE`")),
        [0xef, 0xbb, 0xbf, rest @ ..] => {
            utf8(path, rest.to_vec(), 3).map(|text| (text, Encoding::Utf8Bom))
        }
        [0xff, 0xfe, rest @ ..] => {
            utf16(path, rest, 2, Encoding::Utf16Le).map(|text| (text, Encoding::Utf16Le))
        }
        [0xfe, 0xff, rest @ ..] => {
            utf16(path, rest, 2, Encoding::Utf16Be).map(|text| (text, Encoding::Utf16Be))
        }
        [first, 0, ..] if *first != 0 => {
            utf16(path, &bytes, 0, Encoding::Utf16Le).map(|text| (text, Encoding::Utf16Le))
        }
        [0, second, ..] if *second != 0 => {
            utf16(path, &bytes, 0, Encoding::Utf16Be).map(|text| (text, Encoding::Utf16Be))
        }
        _ => utf8(path, bytes, 0).map(|text| (text, Encoding::Utf8)),
    }
}

/// Refuses more than [`MAX_SIZE`] bytes.
pub(super) fn check_size(path: &str, size: usize) -> Result<(), FormatError> {
    if size > MAX_SIZE {
        let path = path.to_owned();
        return Err(FormatError::TooLarge { path, size });
    }
    Ok(())
}

fn packed(path: &str, found: &'static str, instead: &'static str) -> FormatError {
    FormatError::NotReadYet {
        path: path.to_owned(),
        found,
        instead,
    }
}

fn utf8(path: &str, bytes: Vec<u8>, skipped: usize) -> Result<String, FormatError> {
    String::from_utf8(bytes).map_err(|error| FormatError::Encoding {
        path: path.to_owned(),
        encoding: "UTF-8",
        offset: error.utf8_error().valid_up_to() + skipped,
    })
}

fn utf16(
    path: &str,
    bytes: &[u8],
    skipped: usize,
    encoding: Encoding,
) -> Result<String, FormatError> {
    let wrong = |offset| FormatError::Encoding {
        path: path.to_owned(),
        encoding: "UTF-16",
        offset,
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong(bytes.len() + skipped - 1));
    }
    let units = pairs.iter().map(|pair| match encoding {
        Encoding::Utf16Be => u16::from_be_bytes(*pair),
        _ => u16::from_le_bytes(*pair),
    });
    let mut text = String::with_capacity(pairs.len());
    let mut position = skipped;
    for character in char::decode_utf16(units) {
        let character = character.map_err(|_lone_surrogate| wrong(position))?;
        position += 2 * character.len_utf16();
        text.push(character);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big: bool, mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter()
            .chain(text.encode_utf16())
            .flat_map(|unit| {
                if big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            })
            .collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "{\"a\": \"ü𝄞\"}";
        let with_mark = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), Encoding::Utf8),
            (with_mark, Encoding::Utf8Bom),
            (utf16(text, false, true), Encoding::Utf16Le),
            (utf16(text, true, true), Encoding::Utf16Be),
            (utf16(text, false, false), Encoding::Utf16Le),
            (utf16(text, true, false), Encoding::Utf16Be),
        ] {
            let decoded = decode("f", bytes).unwrap();
            assert_eq!((decoded.text.as_str(), decoded.encoding), (text, encoding));
        }
    }

    #[test]
    fn wrong_bytes_are_named() {
        let offset = |bytes: &[u8]| match decode("f", bytes.to_vec()) {
            Err(FormatError::Encoding { offset, .. }) => offset,
            other => panic!("{other:?}"),
        };
        assert_eq!(offset(b"{\"a\": \"\xff\"}"), 7);
        assert_eq!(offset(b"\xef\xbb\xbf{\xff}"), 4);
        assert_eq!(offset(b"\xff\xfe{\x00\x00\xd8a\x00"), 4);
        assert_eq!(offset(b"\xff\xfe{\x00}"), 4);
        assert!(matches!(
            decode("f", Vec::new()),
            Err(FormatError::Empty { .. })
        ));
    }
}
