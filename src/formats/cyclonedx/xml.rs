//! CycloneDX XML written out as the JSON of the same specification, so that one reader does for both.
//!
//! Only elements with a rule in `rules` are kept. Nothing is looked up or expanded: a document type
//! declaration is refused, and of entities only the five that XML itself defines are known.

mod rules;
mod writer;

use quick_xml::NsReader;
use quick_xml::events::Event;

use self::writer::{Known, NAMESPACE, Writer, quote_long};
use crate::formats::error::{FormatError, MAX_DEPTH, Place};

/// Returns whether `head`, the first characters of a text, begins a document of this kind.
pub(in crate::formats) fn is_begun_by(head: &str) -> bool {
    head.starts_with('<') && head.contains(NAMESPACE)
}

/// Writes the document that begins at `start` as JSON, and returns the byte after its end.
///
/// # Errors
/// When it is not well-formed, cut off, nested too deep, or holds what is not expanded.
pub(in crate::formats) fn to_json(
    path: &str,
    text: &str,
    start: usize,
) -> Result<(String, usize), FormatError> {
    let part = text.get(start..).unwrap_or_default();
    let mut reader = NsReader::from_str(part);
    reader.config_mut().expand_empty_elements = true;
    let mut writer = Writer::default();
    let at = |position: u64| {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        Place::at(text, start.saturating_add(position).min(text.len()))
    };
    let damaged = |position: u64, reason: String| FormatError::Damaged {
        path: path.to_owned(),
        place: at(position),
        reason,
    };
    loop {
        let before = reader.buffer_position();
        let (known, event) = match reader.read_resolved_event() {
            Ok((namespace, event)) => (Known::of(&namespace, writer.depth() == 0), event),
            Err(error) => {
                let place = reader.error_position();
                let reason = quote_long(&error.to_string());
                return Err(damaged(place, reason));
            }
        };
        match event {
            Event::Start(element) => writer
                .start(&known, &element)
                .map_err(|reason| damaged(before, reason))?,
            Event::End(_) => {
                if writer.end() {
                    let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
                    return Ok((writer.finish(), start.saturating_add(end)));
                }
            }
            Event::Text(content) => writer.text(&content.xml10_content()),
            Event::CData(content) => writer.text(&content.xml10_content()),
            Event::GeneralRef(entity) => writer
                .entity(&entity)
                .map_err(|reason| damaged(before, reason))?,
            Event::DocType(_) => {
                let reason = "a document type declaration is not read".to_owned();
                return Err(damaged(before, reason));
            }
            Event::Eof => {
                return Err(FormatError::Truncated {
                    path: path.to_owned(),
                    place: Place::at(text, text.trim_end().len()),
                });
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Empty(_) => {}
        }
        if writer.depth() > MAX_DEPTH {
            return Err(FormatError::TooDeep {
                path: path.to_owned(),
                place: at(before),
            });
        }
    }
}

#[cfg(test)]
mod tests;
