//! The files about exploitation: EPSS scores, and the catalogue of known exploited vulnerabilities.
//!
//! Reading them is `formats`' work; what one entry says is in `exploit`.

use chrono::NaiveDate;
use serde::Serialize;

use super::{Cve, EpssScore, KevEntry, Loss, Origin};

/// What a file about exploitation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedKind {
    /// EPSS scores of FIRST.
    Epss,
    /// The catalogue of known exploited vulnerabilities of CISA.
    Kev,
}

impl FeedKind {
    /// Returns the name for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Epss => "EPSS",
            Self::Kev => "KEV",
        }
    }
}

/// A file about exploitation: where it came from, and how new and how whole it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// What it holds.
    pub kind: FeedKind,
    /// The file.
    pub origin: Origin,
    /// The day it is of. Where it does not say: the day of its newest entry, or none.
    pub date: Option<NaiveDate>,
    /// The version of the model or of the catalogue.
    pub version: Option<String>,
    /// The CVEs in it.
    pub entries: u64,
    /// What could not be read.
    pub losses: Vec<Loss>,
    /// Remarks for the reader.
    pub notices: Vec<String>,
}

impl Feed {
    /// Returns kind, day and size in a few words: `EPSS 2026-11-20, 278,000 CVEs`.
    #[must_use]
    pub fn summary(&self) -> String {
        let date = self
            .date
            .map_or_else(|| "of unknown date".to_owned(), |date| date.to_string());
        let count = crate::text::thousands(self.entries);
        format!("{} {date}, {count} CVEs", self.kind.as_str())
    }
}

/// EPSS scores, by CVE.
#[derive(Clone, Debug, PartialEq)]
pub struct EpssScores {
    /// The file.
    pub feed: Feed,
    /// The scores, sorted by CVE, each once.
    pub scores: Vec<(Cve, EpssScore)>,
}

impl EpssScores {
    /// Returns the score of a CVE.
    #[must_use]
    pub fn of(&self, cve: Cve) -> Option<EpssScore> {
        let place = self.scores.binary_search_by_key(&cve, |(known, _)| *known);
        self.scores.get(place.ok()?).map(|(_, score)| *score)
    }
}

/// The catalogue of known exploited vulnerabilities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KevCatalogue {
    /// The file.
    pub feed: Feed,
    /// The entries, sorted by CVE, each once.
    pub entries: Vec<(Cve, KevEntry)>,
}

impl KevCatalogue {
    /// Returns the entry of a CVE.
    #[must_use]
    pub fn of(&self, cve: Cve) -> Option<KevEntry> {
        let place = self.entries.binary_search_by_key(&cve, |(known, _)| *known);
        self.entries.get(place.ok()?).map(|(_, entry)| *entry)
    }

    /// Returns whether a CVE that is not listed is known not to be: only where nothing was lost.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.feed.losses.is_empty()
    }
}
