//! The parts that documents share: subjects, reports, records.
//!
//! Field names and their order are the contract's. Each command's own document is in its file.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::model::{
    DatabaseAge, Digest, Encoding, ExemptionDocument, Feed, FeedKind, Format, JoinRule,
    RecordCounts, Report, Subject,
};
use crate::review::Review;
use crate::text::thousands;
use crate::triage::suppress::Outcome;

/// A subject.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SubjectView<'a> {
    pub(crate) name: &'a str,
    pub(crate) manifest_digest: Option<&'a Digest>,
    pub(crate) index_digest: Option<&'a Digest>,
    pub(crate) repo_digests: &'a [String],
    pub(crate) image_id: Option<&'a Digest>,
    pub(crate) platform: Option<String>,
    pub(crate) os: Option<&'a str>,
    pub(crate) joined_by: JoinRule,
}

impl<'a> SubjectView<'a> {
    /// Returns the view of `subject`.
    pub(crate) fn of(subject: &'a Subject) -> Self {
        Self {
            name: &subject.name,
            manifest_digest: subject.manifest_digest.as_ref(),
            index_digest: subject.index_digest.as_ref(),
            repo_digests: &subject.repo_digests,
            image_id: subject.image_id.as_ref(),
            platform: subject.platform.as_ref().map(ToString::to_string),
            os: subject.os.as_deref(),
            joined_by: subject.joined_by,
        }
    }

    /// Returns the views of the chosen subjects.
    pub(crate) fn all(review: &'a Review, chosen: &[usize]) -> Vec<Self> {
        chosen
            .iter()
            .filter_map(|position| review.subjects.get(*position))
            .map(Self::of)
            .collect()
    }
}

/// A report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReportView<'a> {
    pub(crate) path: &'a str,
    pub(crate) sha256: &'a Digest,
    pub(crate) format: Format,
    pub(crate) scanner: &'a str,
    pub(crate) scanner_version: Option<&'a str>,
    pub(crate) created: Option<DateTime<Utc>>,
    pub(crate) database_built: Option<DateTime<Utc>>,
    pub(crate) database_built_kind: DatabaseAge,
    pub(crate) encoding: Encoding,
    pub(crate) skipped_bytes: u64,
    pub(crate) records: RecordCounts,
    /// The subject: position in the document's list.
    pub(crate) subject: usize,
    /// The rule that joined this report to its subject.
    pub(crate) joined_by: JoinRule,
    pub(crate) notices: &'a [String],
}

impl<'a> ReportView<'a> {
    fn of(report: &'a Report, records: RecordCounts, subject: usize, joined_by: JoinRule) -> Self {
        Self {
            path: &report.origin.path,
            sha256: &report.origin.sha256,
            format: report.format,
            scanner: &report.scanner,
            scanner_version: report.scanner_version.as_deref(),
            created: report.created,
            database_built: report.database_built,
            database_built_kind: report.database_age,
            encoding: report.origin.encoding,
            skipped_bytes: report.origin.skipped_bytes,
            records,
            subject,
            joined_by,
            notices: &report.notices,
        }
    }

    /// Returns the reports of the chosen subjects, in the order of the review.
    pub(crate) fn all(review: &'a Review, chosen: &[usize]) -> Vec<Self> {
        let mut placed: Vec<(usize, usize, JoinRule)> = Vec::new();
        for (position, subject) in chosen.iter().enumerate() {
            let reports = review.subjects.get(*subject).map(|found| &found.reports);
            for (report, rule) in reports.into_iter().flatten() {
                placed.push((*report, position, *rule));
            }
        }
        placed.sort_by_key(|(report, ..)| *report);
        placed
            .into_iter()
            .filter_map(|(report, position, rule)| {
                let counts = review.record_counts(report);
                let report = review.reports.get(report)?;
                Some(Self::of(report, counts, position, rule))
            })
            .collect()
    }
}

/// An ignore file or VEX document.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ExemptionView<'a> {
    pub(crate) path: &'a str,
    pub(crate) sha256: &'a Digest,
    pub(crate) format: Format,
    /// Entries that were read.
    pub(crate) entries: u64,
    /// Entries that reach a record, expired ones included.
    pub(crate) matched: u64,
    /// Entries that no longer hold.
    pub(crate) expired: u64,
    /// Entries that could not be read.
    pub(crate) unreadable: u64,
    /// Records that it suppresses.
    pub(crate) suppressed: u64,
    pub(crate) notices: Vec<&'a str>,
}

impl<'a> ExemptionView<'a> {
    /// Returns the documents, in the order in which they were read.
    pub(crate) fn all(review: &'a Review) -> Vec<Self> {
        let view = |(document, outcome): (&'a ExemptionDocument, &'a Outcome)| Self {
            path: &document.origin.path,
            sha256: &document.origin.sha256,
            format: document.format,
            entries: document.entries.len() as u64,
            matched: outcome.matched,
            expired: outcome.expired,
            unreadable: document.losses.iter().map(|loss| loss.records).sum(),
            suppressed: outcome.suppressed,
            notices: document
                .notices
                .iter()
                .chain(&outcome.notices)
                .map(String::as_str)
                .collect(),
        };
        review.exempting().map(view).collect()
    }
}

/// Says how many findings of the chosen subjects are suppressed, and by what; nothing where none is.
pub(crate) fn suppressed(review: &Review, chosen: &[usize]) -> Option<String> {
    let counts = review.suppressed_by(chosen);
    let all: u64 = counts.values().sum();
    let parts: Vec<String> = counts
        .into_iter()
        .map(|(name, count)| format!("{} by {name}", thousands(count)))
        .collect();
    (all > 0).then(|| format!("{} suppressed: {}", thousands(all), parts.join(", ")))
}

/// A file about exploitation.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FeedView<'a> {
    pub(crate) kind: FeedKind,
    pub(crate) path: &'a str,
    pub(crate) sha256: &'a Digest,
    pub(crate) date: Option<NaiveDate>,
    pub(crate) version: Option<&'a str>,
    pub(crate) entries: u64,
    pub(crate) unreadable: u64,
    pub(crate) notices: &'a [String],
    /// The file in a few words, for tables.
    #[serde(skip)]
    pub(crate) summary: String,
}

impl<'a> FeedView<'a> {
    /// Returns the files of a review.
    pub(crate) fn all(review: &'a Review) -> Vec<Self> {
        let view = |feed: &'a Feed| Self {
            kind: feed.kind,
            path: &feed.origin.path,
            sha256: &feed.origin.sha256,
            date: feed.date,
            version: feed.version.as_deref(),
            entries: feed.entries,
            unreadable: feed.losses.iter().map(|loss| loss.records).sum(),
            notices: &feed.notices,
            summary: format!("{} ({})", feed.summary(), feed.origin.path),
        };
        review.feeds.iter().map(view).collect()
    }
}

/// What became of the entries of all reports: `joined + suppressed + unreadable = read`.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct RecordTotals {
    pub(crate) read: u64,
    pub(crate) joined: u64,
    pub(crate) suppressed: u64,
    pub(crate) unreadable: u64,
}

impl RecordTotals {
    /// Returns the sums over `reports`.
    pub(crate) fn of(reports: &[ReportView<'_>]) -> Self {
        let mut totals = Self::default();
        for report in reports {
            totals.read += report.records.read;
            totals.suppressed += report.records.suppressed;
            totals.unreadable += report.records.unreadable;
        }
        totals.joined = totals
            .read
            .saturating_sub(totals.suppressed + totals.unreadable);
        totals
    }
}
