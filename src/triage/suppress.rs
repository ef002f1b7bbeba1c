//! Suppression: which records the exemptions of ignore files and VEX documents reach.
//!
//! Reports are never changed: what is suppressed is an overlay, which `join` lays over the records.
//! What an entry of a file says is `model::exemption`'s; whether the gate cares is `gate`'s.

mod ignored;
mod stated;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::{
    Digest, Exemption, ExemptionDocument, ExemptionRule, JoinRule, Record, RecordRef, Report, Sbom,
    Subject, SuppressedBy, Suppression,
};

/// Expired entries that are named one by one; the rest is counted.
const NAMED: usize = 20;

/// What the exemption documents of a review suppress.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suppressed {
    records: HashMap<RecordRef, Suppression>,
    outcomes: Vec<Outcome>,
}

/// What became of one document's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Entries that reach a record, expired ones included.
    pub matched: u64,
    /// Entries that no longer hold.
    pub expired: u64,
    /// Records that this document suppresses.
    pub suppressed: u64,
    /// The subjects of which an entry reaches a record.
    pub subjects: BTreeSet<usize>,
    /// Remarks for the reader: what matched nothing, what was reopened.
    pub notices: Vec<String>,
}

impl Suppressed {
    /// Returns what suppresses a record of a report that its scanner counts.
    #[must_use]
    pub fn of(&self, place: RecordRef) -> Option<&Suppression> {
        self.records.get(&place)
    }

    /// Returns how many records of a report are suppressed.
    #[must_use]
    pub fn count(&self, report: usize) -> u64 {
        self.records
            .keys()
            .filter(|place| place.report as usize == report)
            .count() as u64
    }

    /// Returns what became of each document, in the order given.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }
}

/// A record, and what it is held against.
#[derive(Clone, Copy)]
struct Case<'a> {
    record: &'a Record,
    report: &'a Report,
    /// How its report was joined: by a name alone it is not known to be about this image.
    rule: JoinRule,
    subject: &'a Subject,
    /// SBOMs of the subject.
    sboms: &'a [&'a Sbom],
    /// The names by which VEX documents refer to SBOMs of the subject.
    links: &'a [&'a str],
}

/// An entry: its document among the documents in order, and its position there.
type Place = (usize, usize);

/// The entries by the ids they name.
struct Entries<'a> {
    documents: Vec<(usize, &'a ExemptionDocument)>,
    by_id: HashMap<&'a str, Vec<Place>>,
    /// Rules of Grype that name no id.
    open: Vec<Place>,
}

impl<'a> Entries<'a> {
    /// Documents are taken in an order of their own, never in the order of files.
    fn new(documents: &'a [Arc<ExemptionDocument>]) -> Self {
        let mut documents: Vec<(usize, &ExemptionDocument)> =
            documents.iter().map(AsRef::as_ref).enumerate().collect();
        let order = |document: &ExemptionDocument| -> (Digest, &'static str, String) {
            let origin = &document.origin;
            (
                origin.sha256.clone(),
                document.format.as_str(),
                origin.path.clone(),
            )
        };
        documents.sort_by_cached_key(|(_, document)| order(document));
        let mut by_id: HashMap<&str, Vec<Place>> = HashMap::new();
        let mut open = Vec::new();
        for (number, (_, document)) in documents.iter().enumerate() {
            for (position, entry) in document.entries.iter().enumerate() {
                let place = (number, position);
                let ids: BTreeSet<&str> = entry.ids.iter().map(String::as_str).collect();
                if ids.is_empty() {
                    open.push(place);
                }
                for id in ids {
                    by_id.entry(id).or_default().push(place);
                }
            }
        }
        Self {
            documents,
            by_id,
            open,
        }
    }

    fn get(&self, place: Place) -> Option<(&'a ExemptionDocument, &'a Exemption)> {
        let (_, document) = self.documents.get(place.0)?;
        Some((document, document.entries.get(place.1)?))
    }

    /// Returns the entries that name an id of the record, each once and in order.
    fn candidates(&self, record: &Record) -> Vec<Place> {
        let aliases = record
            .aliases
            .iter()
            .map(crate::model::VulnerabilityId::as_str);
        let ids = std::iter::once(record.id.as_str()).chain(aliases);
        let named = ids.filter_map(|id| self.by_id.get(id.trim())).flatten();
        let mut places: Vec<Place> = named.chain(&self.open).copied().collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// What is counted while records are looked at.
#[derive(Default)]
struct Tally {
    /// The entries that reach a record, and how many records each expired one would suppress.
    reached: BTreeMap<Place, u64>,
    suppressed: HashMap<usize, u64>,
    subjects: HashMap<usize, BTreeSet<usize>>,
}

/// Works out what `documents` suppress at `now`.
///
/// Ignore files reach the records of the tool that reads them, VEX those of every scanner. Of VEX
/// statements about one record the latest counts, whichever file it is in; of several as late as
/// each other one that does not suppress. An entry that has ended reopens what it reached. The
/// result does not depend on the order of the documents.
#[must_use]
pub fn suppress(
    documents: &[Arc<ExemptionDocument>],
    subjects: &[Subject],
    reports: &[Arc<Report>],
    sboms: &[Arc<Sbom>],
    now: DateTime<Utc>,
) -> Suppressed {
    let mut suppressed = Suppressed {
        outcomes: vec![Outcome::default(); documents.len()],
        ..Suppressed::default()
    };
    if documents.is_empty() {
        return suppressed;
    }
    let entries = Entries::new(documents);
    let mut tally = Tally::default();
    for (number, subject) in subjects.iter().enumerate() {
        let own: Vec<&Sbom> = subject
            .sboms
            .iter()
            .filter(|(_, rule)| is_proven(*rule))
            .filter_map(|(position, _)| sboms.get(*position).map(AsRef::as_ref))
            .collect();
        let claims = subject
            .reports
            .iter()
            .filter(|(_, rule)| is_proven(*rule))
            .filter_map(|(position, _)| reports.get(*position))
            .map(|report| &report.claim)
            .chain(own.iter().map(|sbom| &sbom.claim));
        let links: Vec<&str> = claims
            .filter_map(|claim| claim.bom_link.as_deref())
            .collect();
        for (position, rule) in &subject.reports {
            let (Some(report), Ok(index)) = (reports.get(*position), u32::try_from(*position))
            else {
                continue;
            };
            for (row, record) in (0_u32..).zip(&report.records) {
                let case = Case {
                    record,
                    report,
                    rule: *rule,
                    subject,
                    sboms: &own,
                    links: &links,
                };
                let Some(by) = judge(&entries, &case, number, now, &mut tally) else {
                    continue;
                };
                let place = RecordRef {
                    report: index,
                    record: row,
                };
                if record.suppressed_by.is_none() {
                    suppressed.records.insert(place, by);
                }
            }
        }
    }
    tell(&entries, &tally, now, &mut suppressed.outcomes);
    suppressed
}

fn is_proven(rule: JoinRule) -> bool {
    rule != JoinRule::Name
}

/// Returns what suppresses a record.
fn judge(
    entries: &Entries<'_>,
    case: &Case<'_>,
    subject: usize,
    now: DateTime<Utc>,
    tally: &mut Tally,
) -> Option<Suppression> {
    let mut chosen: Option<Place> = None;
    let mut latest: Option<(Option<DateTime<Utc>>, Place, bool)> = None;
    for place in entries.candidates(case.record) {
        let Some((_, entry)) = entries.get(place) else {
            continue;
        };
        let reaches = match &entry.rule {
            ExemptionRule::Trivy {
                kinds,
                paths,
                purls,
            } => ignored::by_trivy(entry, kinds, paths, purls, case),
            ExemptionRule::Grype(rule) => ignored::by_grype(entry, rule, case),
            ExemptionRule::Vex { products } => stated::reaches(entry, products, case),
        };
        if !reaches {
            continue;
        }
        *tally.reached.entry(place).or_default() += 1;
        tally.subjects.entry(place.0).or_default().insert(subject);
        if has_ended(entry, now) {
            continue;
        }
        if matches!(entry.rule, ExemptionRule::Vex { .. }) {
            let suppresses = entry.status.suppresses();
            let is_later =
                latest.is_none_or(|(time, _, known)| (entry.time, !suppresses) > (time, !known));
            if is_later {
                latest = Some((entry.time, place, suppresses));
            }
        } else {
            chosen = chosen.or(Some(place));
        }
    }
    let stated = latest.filter(|(_, _, suppresses)| *suppresses);
    let place = chosen.or(stated.map(|(_, place, _)| place))?;
    let (document, entry) = entries.get(place)?;
    if case.record.suppressed_by.is_none() {
        *tally.suppressed.entry(place.0).or_default() += 1;
    }
    Some(Suppression {
        by: SuppressedBy::Document,
        source: document.origin.path.clone(),
        status: entry.status.as_str().to_owned(),
        statement: entry.statement.clone(),
    })
}

/// An entry ends with the moment it names, as it does for Trivy.
fn has_ended(entry: &Exemption, now: DateTime<Utc>) -> bool {
    entry.expires.is_some_and(|end| end < now)
}

/// Says of each document what became of its entries.
fn tell(entries: &Entries<'_>, tally: &Tally, now: DateTime<Utc>, outcomes: &mut [Outcome]) {
    for (number, (given, document)) in entries.documents.iter().enumerate() {
        let Some(outcome) = outcomes.get_mut(*given) else {
            continue;
        };
        outcome.suppressed = tally.suppressed.get(&number).copied().unwrap_or_default();
        outcome.subjects = tally.subjects.get(&number).cloned().unwrap_or_default();
        let mut idle = Vec::new();
        let mut unnamed = 0_u64;
        for (position, entry) in document.entries.iter().enumerate() {
            let reached = tally.reached.get(&(number, position)).copied();
            outcome.matched += u64::from(reached.is_some());
            match entry.expires.filter(|_| has_ended(entry, now)) {
                Some(end) => {
                    outcome.expired += 1;
                    let Some(records) = reached else {
                        idle.push(name(entry));
                        continue;
                    };
                    if outcome.notices.len() >= NAMED {
                        unnamed += 1;
                        continue;
                    }
                    outcome.notices.push(format!(
                        "{} expired on {}: reopened ({})",
                        name(entry),
                        end.format("%Y-%m-%d"),
                        counted(records, "record", "records")
                    ));
                }
                None if reached.is_none() => idle.push(name(entry)),
                None => {}
            }
        }
        if unnamed > 0 {
            let more = counted(unnamed, "entry", "entries");
            outcome
                .notices
                .push(format!("{more} more expired: reopened"));
        }
        if !idle.is_empty() {
            let shown: Vec<&str> = idle.iter().take(5).map(String::as_str).collect();
            let more = if idle.len() > shown.len() {
                ", …"
            } else {
                ""
            };
            outcome.notices.push(format!(
                "{} matched nothing: {}{more}",
                counted(idle.len() as u64, "entry", "entries"),
                shown.join(", ")
            ));
        }
    }
}

fn name(entry: &Exemption) -> String {
    entry
        .ids
        .first()
        .cloned()
        .unwrap_or_else(|| entry.place.clone())
}

fn counted(count: u64, one: &str, several: &str) -> String {
    let word = if count == 1 { one } else { several };
    format!("{} {word}", crate::text::thousands(count))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
