//! Sides: which reports of a subject are compared, in which order, and how they are called.
//!
//! What they say is set side by side in `compare` and `across`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::model::{DatabaseAge, Format, JoinRule, Report, ScanOption, Subject};

/// A report that is compared.
#[derive(Clone, Debug)]
pub(super) struct Side<'a> {
    /// The scanner; numbered where there are several reports of it.
    pub(super) name: String,
    pub(super) report: &'a Report,
    /// Its index among the review's reports.
    pub(super) position: usize,
    /// The rule that joined it to the subject.
    pub(super) rule: JoinRule,
}

/// Returns the reports that are compared, in the order of their names.
///
/// Several reports of one scanner are numbered in the order in which they were made, those without
/// a date last, then by path. A reduced format is left out where a whole report of the same
/// scanner is at hand: what it leaves out is no disagreement.
pub(super) fn sides<'a>(subject: &Subject, reports: &'a [Arc<Report>]) -> Vec<Side<'a>> {
    let mut looked: Vec<(&Report, usize, JoinRule)> = subject
        .reports
        .iter()
        .filter_map(|(position, rule)| Some((reports.get(*position)?.as_ref(), *position, *rule)))
        .filter(|(report, ..)| report.looked_for_vulnerabilities)
        .collect();
    let whole: Vec<&str> = looked
        .iter()
        .filter(|(report, ..)| !report.format.is_reduced())
        .map(|(report, ..)| report.scanner.as_str())
        .collect();
    looked.retain(|(report, ..)| {
        !report.format.is_reduced() || !whole.contains(&report.scanner.as_str())
    });
    looked.sort_by_key(|(report, position, _)| {
        (
            report.scanner.as_str(),
            (report.created.is_none(), report.created),
            report.origin.path.as_str(),
            &report.origin.sha256,
            *position,
        )
    });
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (report, ..) in &looked {
        *counts.entry(report.scanner.as_str()).or_default() += 1;
    }
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sides = Vec::new();
    for (report, position, rule) in looked {
        let scanner = report.scanner.as_str();
        let number = numbers.entry(scanner).or_default();
        *number += 1;
        let alone = counts.get(scanner) == Some(&1);
        sides.push(Side {
            name: if alone {
                scanner.to_owned()
            } else {
                format!("{scanner}#{number}")
            },
            report,
            position,
            rule,
        });
    }
    sides
}

/// What the findings of a side depend on besides the image: without it a difference misleads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SideContext {
    /// The scanner.
    pub scanner: String,
    /// The file.
    pub path: String,
    /// The format.
    pub format: Format,
    /// Whether the format leaves out what a scanner knows.
    pub reduced: bool,
    /// The scanner's version.
    pub scanner_version: Option<String>,
    /// When the scan was made.
    pub created: Option<DateTime<Utc>>,
    /// The date of the scanner's database, or the bound that is known.
    pub database_built: Option<DateTime<Utc>>,
    /// What that date is worth.
    pub database_built_kind: DatabaseAge,
    /// Options that narrow the scan, recorded in the report or inferred from it.
    pub options: Vec<ScanOption>,
    /// The platform.
    pub platform: Option<String>,
    /// The rule that joined the report to the subject.
    pub joined_by: JoinRule,
    /// Whether that rule proves nothing about the image.
    pub weak: bool,
    /// Whether a part of the report could not be read.
    pub partial: bool,
}

impl SideContext {
    /// Looks at a report that `rule` joined to the subject.
    #[must_use]
    pub fn of(report: &Report, rule: JoinRule) -> Self {
        Self {
            scanner: report.scanner.clone(),
            path: report.origin.path.clone(),
            format: report.format,
            reduced: report.format.is_reduced(),
            scanner_version: report.scanner_version.clone(),
            created: report.created,
            database_built: report.database_built,
            database_built_kind: report.database_age,
            options: report.options.clone(),
            platform: report.claim.platform.as_ref().map(ToString::to_string),
            joined_by: rule,
            weak: matches!(rule, JoinRule::Name | JoinRule::Asserted),
            partial: report.is_partial(),
        }
    }

    /// Returns the date of the database in words, with its kind.
    #[must_use]
    pub fn database(&self) -> String {
        let Some(built) = self.database_built else {
            return "database date unknown".to_owned();
        };
        let date = built.format("%Y-%m-%d %H:%MZ");
        match self.database_built_kind {
            DatabaseAge::Exact => format!("database {date}"),
            DatabaseAge::LowerBound => format!("database {date} or later"),
            DatabaseAge::Unknown => "database date unknown".to_owned(),
        }
    }

    /// Returns the options in words: each with whether it was recorded or inferred.
    pub fn options_in_words(&self) -> impl Iterator<Item = String> + '_ {
        self.options.iter().map(|option| {
            let how = if option.recorded {
                "recorded"
            } else {
                "inferred"
            };
            format!("{}={} ({how})", option.name, option.value)
        })
    }

    /// Returns what makes this side weaker evidence than it looks.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        let known = [
            (
                self.reduced,
                "reduced evidence: the format leaves out what the scanner knows",
            ),
            (self.partial, "read only in part"),
            (
                self.joined_by == JoinRule::Name,
                "joined by its name only: it may be about another image",
            ),
            (
                self.joined_by == JoinRule::Asserted,
                "joined because it was attached: nothing in it proves the image",
            ),
        ];
        known
            .into_iter()
            .filter(|(holds, _)| *holds)
            .map(|(_, words)| words)
            .collect()
    }
}
