//! Grype's JSON, from version 0.7 on.
//!
//! Of the descriptor's configuration only the options that narrow a scan are read: it may hold
//! credentials for registries.

mod header;
mod record;
mod wire;

pub(super) use self::record::source_of;

use self::header::Header;
use self::wire::Document;
use super::error::FormatError;
use super::json::{Entries, Source, place_of, reason_of};
use crate::model::{DatabaseAge, Format, Origin, Record, Report};

/// Reads a report. `text` is the whole decoded text, the document lies at `start..end`.
///
/// # Errors
/// When the outermost object is damaged; everything below becomes a loss of the report.
pub(super) fn read(
    origin: Origin,
    text: &str,
    (start, end): (usize, usize),
) -> Result<Report, FormatError> {
    let part = text.get(start..end).unwrap_or_default();
    let document: Document<'_> =
        serde_json::from_str(part).map_err(|error| FormatError::Shape {
            path: origin.path.clone(),
            part: "the report".to_owned(),
            place: place_of(text, start, &error),
            reason: reason_of(&error),
        })?;
    let mut source = Source::new(text);
    let mut records = Vec::new();
    for (field, entries) in [
        ("matches", &document.matches),
        ("ignoredMatches", &document.ignored),
    ] {
        read_list(&mut source, &mut records, field, entries);
    }
    let header = Header::read(&mut source, &document);
    let looked = document.matches.is_list();
    if !looked {
        let notice = "the report has no list of matches: nothing was looked up";
        source.notices.push(notice.to_owned());
    }
    Ok(Report {
        origin,
        format: Format::GrypeJson,
        scanner: "grype".to_owned(),
        scanner_version: header.version,
        created: header.created,
        database_age: match header.database_built {
            Some(_) => DatabaseAge::Exact,
            None => DatabaseAge::Unknown,
        },
        database_built: header.database_built,
        claim: header.claim,
        records,
        losses: source.losses,
        packages: None,
        options: header.options,
        looked_for_vulnerabilities: looked,
        notices: source.notices,
    })
}

fn read_list<'a>(
    source: &mut Source<'a>,
    records: &mut Vec<Record>,
    field: &str,
    entries: &Entries<'a>,
) {
    source.expect_list(entries, || field.to_owned());
    let suppressed = field == "ignoredMatches";
    for (position, raw) in entries.raw().iter().enumerate() {
        let place = || format!("{field}[{position}]");
        records.extend(record::read(source, raw, suppressed, place));
    }
}

#[cfg(test)]
mod tests;
