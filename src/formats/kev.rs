//! CISA's catalogue of known exploited vulnerabilities, as JSON and as CSV.
//!
//! What an entry means for a finding is `triage::risk`'s work; no report is read here.

use std::borrow::Cow;

use chrono::NaiveDate;
use serde::Deserialize;

use super::error::{FormatError, Place, quote};
use super::feed::{Lines, Losses, beginning, columns, json, open, wrong};
use super::json::{Entries, Maybe, MaybeText as _, Source};
use crate::model::{Cve, Feed, FeedKind, KevCatalogue, KevEntry, Origin};

const KIND: FeedKind = FeedKind::Kev;

/// Reads the catalogue, plain or packed. `path` is only named in messages and kept as the origin.
///
/// # Errors
/// When the file cannot be decoded, is something else, or lists nothing at all: a catalogue from
/// which everything is missing would say "not exploited" of every vulnerability.
pub fn read(path: &str, bytes: Vec<u8>) -> Result<KevCatalogue, FormatError> {
    let (origin, text) = open(path, bytes)?;
    let mut reader = Reader {
        path,
        text: &text,
        entries: Vec::new(),
        date: None,
        version: None,
        losses: Losses::default(),
        notices: Vec::new(),
    };
    if text.trim_start().starts_with('{') {
        reader.document()?;
    } else {
        reader.table()?;
    }
    reader.finish(origin)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document<'a> {
    #[serde(borrow)]
    vulnerabilities: Entries<'a>,
    #[serde(borrow, rename = "catalogVersion")]
    version: Maybe<'a>,
    #[serde(borrow, rename = "dateReleased")]
    released: Maybe<'a>,
    #[serde(borrow)]
    count: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EntryWire<'a> {
    #[serde(borrow, rename = "cveID")]
    cve: Maybe<'a>,
    #[serde(borrow, rename = "dateAdded")]
    added: Maybe<'a>,
    #[serde(borrow, rename = "knownRansomwareCampaignUse")]
    ransomware: Maybe<'a>,
}

struct Reader<'a> {
    path: &'a str,
    text: &'a str,
    entries: Vec<(Cve, KevEntry)>,
    date: Option<NaiveDate>,
    version: Option<String>,
    losses: Losses,
    notices: Vec<String>,
}

impl<'a> Reader<'a> {
    fn wrong(&self, offset: usize, reason: String) -> FormatError {
        wrong(self.path, KIND, self.text, offset, reason)
    }

    /// Reads the JSON. It says how many entries it has, so that missing ones are noticed.
    fn document(&mut self) -> Result<(), FormatError> {
        let document: Document<'a> = json(self.path, KIND, self.text)?;
        if !document.vulnerabilities.is_list() {
            let reason = "expected `vulnerabilities`, a list of entries".to_owned();
            return Err(self.wrong(0, reason));
        }
        self.version = document.version.owned();
        self.date = document.released.get().and_then(day);
        let mut source = Source::new(self.text);
        let listed = document.vulnerabilities.raw();
        for (position, raw) in listed.iter().enumerate() {
            let place = || format!("vulnerabilities[{position}]");
            let Some(wire) = source.parse::<EntryWire<'a>>(raw, 1, place) else {
                continue;
            };
            match entry(wire.cve.get(), wire.added.get(), wire.ransomware.get()) {
                Ok(entry) => self.entries.push(entry),
                Err(reason) => source.lose(place(), Some(raw.get()), reason, 1),
            }
        }
        self.losses.take(source.losses);
        let count = document.count.get().and_then(|count| count.parse().ok());
        if let Some(count) = count.filter(|count: &u64| *count != listed.len() as u64) {
            let reason = format!("says that there are {count}, and lists {}", listed.len());
            self.losses.add(|| "count".to_owned(), 0, reason);
        }
        Ok(())
    }

    /// Reads the CSV: the names of the columns, a line an entry.
    fn table(&mut self) -> Result<(), FormatError> {
        let mut lines = Lines::new(self.text);
        let mut fields: Vec<Cow<'a, str>> = Vec::new();
        let Some(header) = lines.next(&mut fields) else {
            return Err(self.wrong(0, "there are only comments in it".to_owned()));
        };
        let names = ["cveID", "dateAdded", "knownRansomwareCampaignUse"];
        let [Some(cve), Some(added), ransomware] =
            columns(&fields, 2, names).map_err(|missing| {
                let found = beginning(self.text, header.start);
                let reason = format!("expected a line `cveID,…,dateAdded,…`, found `{found}`");
                self.wrong(header.start, format!("{reason}: no column `{missing}`"))
            })?
        else {
            return Ok(());
        };
        while let Some(line) = lines.next(&mut fields) {
            if line.is_open {
                let path = self.path.to_owned();
                let place = Place::at(self.text, line.start);
                return Err(FormatError::Truncated { path, place });
            }
            let field = |column: usize| {
                let text = fields.get(column).map(|field| field.trim());
                text.filter(|text| !text.is_empty())
            };
            match entry(field(cve), field(added), ransomware.and_then(field)) {
                Ok(entry) => self.entries.push(entry),
                Err(reason) => {
                    let place = || format!("line {}", line.number);
                    self.losses.add(place, line.start, reason);
                }
            }
            if !line.is_ended {
                let notice = "the last line has no end: the file may be cut off";
                self.notices.push(notice.to_owned());
            }
        }
        Ok(())
    }

    fn finish(mut self, origin: Origin) -> Result<KevCatalogue, FormatError> {
        if self.entries.is_empty() {
            return Err(self.wrong(0, "there is no entry in it that can be read".to_owned()));
        }
        let newest = self.entries.iter().filter_map(|(_, entry)| entry.added);
        if let (None, Some(newest)) = (self.date, newest.max()) {
            self.date = Some(newest);
            let notice = "the file does not say of which day it is: the day of its newest entry \
                          counts";
            self.notices.push(notice.to_owned());
        }
        self.entries
            .sort_by_key(|(cve, entry)| (*cve, entry.ransomware != Some(true), entry.added));
        self.entries.dedup_by_key(|(cve, _)| *cve);
        Ok(KevCatalogue {
            feed: Feed {
                kind: KIND,
                origin,
                date: self.date,
                version: self.version,
                entries: self.entries.len() as u64,
                losses: self.losses.finish(),
                notices: self.notices,
            },
            entries: self.entries,
        })
    }
}

/// Reads one entry.
fn entry(
    cve: Option<&str>,
    added: Option<&str>,
    ransomware: Option<&str>,
) -> Result<(Cve, KevEntry), String> {
    let cve = cve.unwrap_or_default();
    let number = Cve::new(cve).ok_or_else(|| format!("`{}` is no CVE", quote(cve)))?;
    let added = added
        .map(|text| day(text).ok_or_else(|| format!("`{}` is no date", quote(text))))
        .transpose()?;
    let ransomware = ransomware.map(|word| word.eq_ignore_ascii_case("known"));
    Ok((number, KevEntry { added, ransomware }))
}

/// Returns the day of a date or a time.
fn day(text: &str) -> Option<NaiveDate> {
    text.get(..10)?.parse().ok()
}

#[cfg(test)]
mod tests;
