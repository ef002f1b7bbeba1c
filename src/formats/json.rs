//! Lenient pieces of JSON: scalars of any kind, `null` as empty, lists kept as raw entries.
//!
//! What the fields of a format mean belongs to that format's file.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::{MAX_TIME, Place};
use crate::model::{Digest, Loss, Purl, Severity, Span};

/// A scalar as text: a string, number or boolean. An object or a list is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(if value { "true" } else { "false" }))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }
}

/// An optional text; what is absent, `null` or empty is none.
pub(super) type Maybe<'a> = Option<Text<'a>>;

/// Questions asked of an optional text.
pub(super) trait MaybeText {
    /// Returns the trimmed text where it is not empty.
    fn get(&self) -> Option<&str>;

    /// Returns the text, owned.
    fn owned(&self) -> Option<String> {
        self.get().map(str::to_owned)
    }

    /// Returns the digest, where the text is one.
    fn digest(&self) -> Option<Digest> {
        self.get()?.parse().ok()
    }

    /// Returns the package URL, where the text is one.
    fn purl(&self) -> Option<Purl> {
        self.get()?.parse().ok()
    }

    /// Returns the time, where the text is one; Go's zero time is none.
    fn time(&self) -> Option<DateTime<Utc>> {
        let time = DateTime::parse_from_rfc3339(self.get()?).ok()?.to_utc();
        (time.timestamp() > -62_000_000_000).then_some(time)
    }

    /// Returns the severity; an absent one is unknown.
    ///
    /// # Errors
    /// When the word is no severity.
    fn severity(&self) -> Result<Severity, String> {
        match self.get() {
            None | Some("None" | "none" | "NONE") => Ok(Severity::Unknown),
            Some(word) => word
                .parse()
                .map_err(|error: crate::model::ParseSeverityError| error.to_string()),
        }
    }

    /// Returns whether the text is `true`.
    fn is_true(&self) -> bool {
        self.get() == Some("true")
    }
}

impl MaybeText for Maybe<'_> {
    fn get(&self) -> Option<&str> {
        self.as_ref()
            .map(|text| text.0.trim())
            .filter(|text| !text.is_empty())
    }
}

/// A list; `null` is empty.
#[derive(Clone, Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Vec<T>>::deserialize(deserializer).map(|list| Self(list.unwrap_or_default()))
    }
}

impl List<Text<'_>> {
    /// Returns the entries that are not empty.
    pub(super) fn texts(&self) -> Vec<String> {
        self.0
            .iter()
            .filter(|text| !text.0.trim().is_empty())
            .map(|text| text.0.trim().to_owned())
            .collect()
    }
}

/// An object read as pairs, in its own order; `null` is empty.
#[derive(Clone, Debug)]
pub(super) struct Pairs<'a, V>(pub(super) Vec<(Cow<'a, str>, V)>);

impl<V> Default for Pairs<'_, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de: 'a, 'a, V: Deserialize<'de>> Deserialize<'de> for Pairs<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for PairsVisitor<V> {
            type Value = Vec<(Cow<'de, str>, V)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((key, value)) = map.next_entry::<Text<'de>, V>()? {
                    pairs.push((key.0, value));
                }
                Ok(pairs)
            }
        }
        deserializer
            .deserialize_any(PairsVisitor(PhantomData))
            .map(Pairs)
    }
}

/// The entries of a list, unread, so that a damaged one does not take the others with it.
#[derive(Clone, Debug, Default)]
pub(super) enum Entries<'a> {
    /// The field is not there, or `null`.
    #[default]
    Absent,
    /// A list.
    List(Vec<&'a RawValue>),
    /// Something else, named.
    NotAList(&'static str),
}

impl<'a> Entries<'a> {
    /// Returns the entries.
    pub(super) fn raw(&self) -> &[&'a RawValue] {
        match self {
            Self::List(entries) => entries,
            Self::Absent | Self::NotAList(_) => &[],
        }
    }

    /// Returns whether there is a list, be it empty.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::List(_))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for EntriesVisitor<'a> {
    type Value = Entries<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Entries::Absent)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element::<&'de RawValue>()? {
            entries.push(entry);
        }
        Ok(Entries::List(entries))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Entries::NotAList("an object"))
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Entries::NotAList("a text"))
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Entries::NotAList("true or false"))
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Entries::NotAList("a number"))
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Entries::NotAList("a number"))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Entries::NotAList("a number"))
    }
}

/// One value or a list of them: old versions of a format wrote the bare value.
#[derive(Clone, Debug)]
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'[') => serde_json::from_str(text).map(Self),
            _ => serde_json::from_str::<Option<T>>(text).map(|one| Self(one.into_iter().collect())),
        }
        .map_err(D::Error::custom)
    }
}

/// A number from 0 to `limit`; everything else is none and is shown as `?`.
pub(super) fn within(value: Option<f64>, limit: f64) -> Option<f64> {
    value.filter(|number| (0.0..=limit).contains(number))
}

/// The decoded text of a document, and what of it could not be read.
#[derive(Debug)]
pub(super) struct Source<'a> {
    text: &'a str,
    /// When reading gives up.
    deadline: Instant,
    /// The loss that stands for everything after the deadline.
    late: Option<usize>,
    /// What was lost so far.
    pub(super) losses: Vec<Loss>,
    /// Remarks for the reader.
    pub(super) notices: Vec<String>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self::until(text, Instant::now() + MAX_TIME)
    }

    /// Returns a source that is read until `deadline`; entries after that are lost.
    pub(super) fn until(text: &'a str, deadline: Instant) -> Self {
        Self {
            text,
            deadline,
            late: None,
            losses: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Returns where `part`, a slice of the text, lies in it.
    pub(super) fn span(&self, part: &str) -> Span {
        Span {
            start: self.offset(part) as u64,
            length: part.len() as u64,
        }
    }

    fn offset(&self, part: &str) -> usize {
        part.as_ptr()
            .addr()
            .saturating_sub(self.text.as_ptr().addr())
    }

    /// Records that the part at `place` is lost, for which `records` entries stand.
    pub(super) fn lose(&mut self, place: String, part: Option<&str>, reason: String, records: u64) {
        let offset = part.map(|part| self.offset(part) as u64);
        self.losses.push(Loss {
            place,
            offset,
            reason,
            records,
        });
    }

    /// Reads one entry; a damaged one becomes a loss that stands for `records` records.
    pub(super) fn parse<T: Deserialize<'a>>(
        &mut self,
        raw: &'a RawValue,
        records: u64,
        place: impl FnOnce() -> String,
    ) -> Option<T> {
        let part = raw.get();
        if self.late.is_some() || Instant::now() > self.deadline {
            self.lose_late(records, part, place);
            return None;
        }
        match serde_json::from_str(part) {
            Ok(value) => Some(value),
            Err(error) => {
                let within = offset_of(part, &error);
                let offset = self.offset(part) + within;
                self.losses.push(Loss {
                    place: place(),
                    offset: Some(offset as u64),
                    reason: reason_of(&error),
                    records,
                });
                None
            }
        }
    }

    /// Entries that time was missing for are one loss, so that there are not millions of them.
    fn lose_late(&mut self, records: u64, part: &str, place: impl FnOnce() -> String) {
        if let Some(loss) = self.late.and_then(|index| self.losses.get_mut(index)) {
            loss.records = loss.records.saturating_add(records);
            return;
        }
        self.late = Some(self.losses.len());
        let seconds = MAX_TIME.as_secs();
        let reason = format!("reading took longer than {seconds} seconds: all from here is lost");
        self.lose(place(), Some(part), reason, records);
    }

    /// Records the loss of a whole list where `entries` is none.
    pub(super) fn expect_list(&mut self, entries: &Entries<'a>, place: impl FnOnce() -> String) {
        if let Entries::NotAList(found) = entries {
            let reason = format!("expected a list, found {found}");
            self.lose(place(), None, reason, 1);
        }
    }
}

/// Returns the byte offset that `error` names in `text`.
pub(super) fn offset_of(text: &str, error: &serde_json::Error) -> usize {
    let line_start: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    (line_start + error.column().saturating_sub(1)).min(text.len())
}

/// Returns the reason without the parser's own place.
pub(super) fn reason_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason);
    // What stands in the place of something else may be anything: it is not repeated.
    let reason = match (reason.find("string \""), reason.rfind("\", ")) {
        (Some(start), Some(end)) if start < end => {
            let (before, after) = (reason.get(..start), reason.get(end + 1..));
            [before, Some("a text"), after]
                .into_iter()
                .flatten()
                .collect()
        }
        _ => reason.to_owned(),
    };
    crate::text::Safe::limited(&reason, 200).as_str().to_owned()
}

/// Returns the place that `error` names, in a text that begins at byte `start` of `whole`.
pub(super) fn place_of(whole: &str, start: usize, error: &serde_json::Error) -> Place {
    let part = whole.get(start..).unwrap_or_default();
    Place::at(whole, start + offset_of(part, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Late entries are counted, every one of them, and make the report partial.
    #[test]
    fn what_time_was_missing_for_is_lost_and_counted() {
        let text = "[{}, {}, {}]";
        let entries: Entries<'_> = serde_json::from_str(text).unwrap();
        let mut source = Source::until(text, Instant::now());
        while Instant::now() <= source.deadline {}
        for (number, raw) in entries.raw().iter().enumerate() {
            let read: Option<Pairs<'_, Text<'_>>> =
                source.parse(raw, 2, || format!("list[{number}]"));
            assert!(read.is_none());
        }
        let [loss] = source.losses.as_slice() else {
            panic!("{:?}", source.losses);
        };
        assert_eq!((loss.place.as_str(), loss.records), ("list[0]", 6));
        assert!(loss.reason.contains("longer than 60 seconds"));
        let mut source = Source::new(text);
        let first: Option<Pairs<'_, Text<'_>>> = source.parse(entries.raw()[0], 1, String::new);
        assert!(first.is_some() && source.losses.is_empty());
    }
}
