//! EPSS scores as FIRST publishes them: the CSV of a day, and the JSON of the API.
//!
//! What a score means for a finding is `triage::risk`'s work; no report is read here.

use std::borrow::Cow;

use chrono::NaiveDate;
use serde::Deserialize;

use super::error::FormatError;
use super::feed::{Lines, Losses, beginning, columns, json, open, wrong};
use super::json::{Entries, Maybe, MaybeText as _, Source};
use crate::model::{Cve, EpssScore, EpssScores, Feed, FeedKind, Origin};

const KIND: FeedKind = FeedKind::Epss;

/// Reads a file of EPSS scores, plain or packed. `path` is only named in messages and kept as the
/// origin.
///
/// # Errors
/// When the file cannot be decoded, is something else, or holds no score at all.
pub fn read(path: &str, bytes: Vec<u8>) -> Result<EpssScores, FormatError> {
    let (origin, text) = open(path, bytes)?;
    let mut reader = Reader {
        path,
        text: &text,
        scores: Vec::new(),
        date: None,
        version: None,
        losses: Losses::default(),
        notices: Vec::new(),
    };
    if text.trim_start().starts_with('{') {
        reader.answer()?;
    } else {
        reader.table()?;
    }
    reader.finish(origin)
}

/// The answer of the API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Entries<'a>,
    #[serde(borrow)]
    total: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ScoreWire<'a> {
    #[serde(borrow)]
    cve: Maybe<'a>,
    #[serde(borrow)]
    epss: Maybe<'a>,
    #[serde(borrow)]
    percentile: Maybe<'a>,
    #[serde(borrow)]
    date: Maybe<'a>,
}

struct Reader<'a> {
    path: &'a str,
    text: &'a str,
    scores: Vec<(Cve, EpssScore)>,
    date: Option<NaiveDate>,
    version: Option<String>,
    losses: Losses,
    notices: Vec<String>,
}

impl<'a> Reader<'a> {
    fn wrong(&self, offset: usize, reason: String) -> FormatError {
        wrong(self.path, KIND, self.text, offset, reason)
    }

    /// Reads the CSV: a comment with model and day, the names of the columns, a line a CVE.
    fn table(&mut self) -> Result<(), FormatError> {
        self.comment();
        let mut lines = Lines::new(self.text);
        let mut fields: Vec<Cow<'a, str>> = Vec::new();
        let Some(header) = lines.next(&mut fields) else {
            return Err(self.wrong(0, "there are only comments in it".to_owned()));
        };
        let names = ["cve", "epss", "percentile"];
        let [Some(cve), Some(epss), percentile] =
            columns(&fields, 2, names).map_err(|missing| {
                let found = beginning(self.text, header.start);
                let reason = format!("expected a line `cve,epss,percentile`, found `{found}`");
                self.wrong(header.start, format!("{reason}: no column `{missing}`"))
            })?
        else {
            return Ok(());
        };
        let mut ended = header.is_ended;
        while let Some(line) = lines.next(&mut fields) {
            ended = line.is_ended;
            let field = |column: usize| fields.get(column).map(|field| field.trim());
            let percentile = percentile.map(|column| field(column).unwrap_or_default());
            match score(field(cve), field(epss), percentile) {
                Ok(score) => self.scores.push(score),
                Err(reason) => {
                    let place = || format!("line {}", line.number);
                    self.losses.add(place, line.start, reason);
                }
            }
        }
        if !ended {
            let notice = "the last line has no end: the file may be cut off";
            self.notices.push(notice.to_owned());
        }
        Ok(())
    }

    /// Reads `#model_version:v2025.03.14,score_date:2026-11-20T00:00:00+0000`.
    fn comment(&mut self) {
        let comments = self.text.lines().take_while(|line| line.starts_with('#'));
        for pair in comments.flat_map(|line| line.trim_start_matches('#').split(',')) {
            match pair.split_once(':') {
                Some(("model_version", version)) => {
                    self.version = Some(version.trim().to_owned());
                }
                Some(("score_date", date)) => self.date = day(date),
                _ => {}
            }
        }
    }

    /// Reads the JSON. Scores of several days count as of the first, which is never too new.
    fn answer(&mut self) -> Result<(), FormatError> {
        let answer: Answer<'a> = json(self.path, KIND, self.text)?;
        if !answer.data.is_list() {
            let reason = "expected `data`, a list of scores".to_owned();
            return Err(self.wrong(0, reason));
        }
        let mut source = Source::new(self.text);
        let mut days: Vec<Option<NaiveDate>> = Vec::new();
        for (position, raw) in answer.data.raw().iter().enumerate() {
            let place = || format!("data[{position}]");
            let Some(wire) = source.parse::<ScoreWire<'a>>(raw, 1, place) else {
                continue;
            };
            let percentile = wire.percentile.get();
            match score(wire.cve.get(), wire.epss.get(), percentile) {
                Ok(score) => {
                    self.scores.push(score);
                    days.push(wire.date.get().and_then(day));
                }
                Err(reason) => source.lose(place(), Some(raw.get()), reason, 1),
            }
        }
        self.losses.take(source.losses);
        days.sort_unstable();
        days.dedup();
        self.date = days.first().copied().flatten();
        if days.len() > 1 {
            let notice = "the scores are of several days: all count as of the first";
            self.notices.push(notice.to_owned());
        }
        let total: Option<u64> = answer.total.get().and_then(|total| total.parse().ok());
        let held = answer.data.raw().len() as u64;
        if let Some(total) = total.filter(|total| *total > held) {
            let total = crate::text::thousands(total);
            let notice = format!("a part of the answer: {held} of {total} scores");
            self.notices.push(notice);
        }
        Ok(())
    }

    fn finish(mut self, origin: Origin) -> Result<EpssScores, FormatError> {
        if self.scores.is_empty() {
            return Err(self.wrong(0, "there is no score in it that can be read".to_owned()));
        }
        self.scores.sort_by(|(one, a), (other, b)| {
            (one.cmp(other)).then_with(|| b.probability.total_cmp(&a.probability))
        });
        let mut twice = Vec::new();
        // The higher one is first, and is kept.
        self.scores.dedup_by(|(later, score), (earlier, kept)| {
            let same = later == earlier;
            if same && score != kept {
                twice.push(kept.probability);
            }
            same
        });
        for kept in twice {
            let reason = format!("a CVE has several scores: the highest, {kept}, is kept");
            self.losses.add(|| "the scores".to_owned(), 0, reason);
        }
        Ok(EpssScores {
            feed: Feed {
                kind: KIND,
                origin,
                date: self.date,
                version: self.version,
                entries: self.scores.len() as u64,
                losses: self.losses.finish(),
                notices: self.notices,
            },
            scores: self.scores,
        })
    }
}

/// Reads one score.
fn score(
    cve: Option<&str>,
    epss: Option<&str>,
    percentile: Option<&str>,
) -> Result<(Cve, EpssScore), String> {
    let cve = cve.unwrap_or_default();
    let number = Cve::new(cve).ok_or_else(|| {
        let found = super::error::quote(cve);
        format!("`{found}` is no CVE")
    })?;
    let share = |text: &str, what: &str| {
        let value = text.parse().ok();
        value
            .filter(|value| (0.0..=1.0).contains(value))
            .ok_or_else(|| {
                let found = super::error::quote(text);
                format!("{what} `{found}` is no number from 0 to 1")
            })
    };
    Ok((
        number,
        EpssScore {
            probability: share(epss.unwrap_or_default(), "the score")?,
            percentile: percentile
                .map(|text| share(text, "the percentile"))
                .transpose()?,
        },
    ))
}

/// Returns the day of a date or a time.
fn day(text: &str) -> Option<NaiveDate> {
    text.trim().get(..10)?.parse().ok()
}

#[cfg(test)]
mod tests;
