//! Findings: the records of every report of a subject, joined by alias set, package and version.
//!
//! Which reports belong together is decided in `subject`; differences between reports in `compare`.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;

use crate::model::{
    Finding, Kind, PackageIdentity, Record, RecordRef, Report, Subject, Suppression,
    VulnerabilityId,
};
use crate::triage::suppress::Suppressed;

pub use crate::triage::subject::{KnownImage, subjects};

pub(in crate::triage) mod blend;

use blend::blend;

/// What became of the records; `joined + suppressed + unreadable = read`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JoinCounts {
    /// Entries of all reports.
    pub read: u64,
    /// Records that findings were made of.
    pub joined: u64,
    /// Records that their scanner, an ignore file or a VEX document suppresses.
    pub suppressed: u64,
    /// Entries that could not be read.
    pub unreadable: u64,
}

/// The findings of a review, in a stable order: subject, then severest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Joined {
    /// The findings.
    pub findings: Vec<Finding>,
    /// What became of the records.
    pub counts: JoinCounts,
}

/// A record on its way into findings.
#[derive(Clone, Copy, Debug)]
pub(in crate::triage) struct Item<'a> {
    /// Where it is.
    pub(in crate::triage) place: RecordRef,
    /// The record.
    pub(in crate::triage) record: &'a Record,
    /// Its report.
    pub(in crate::triage) report: &'a Report,
    /// What suppresses it: the scanner, or a document laid over the report.
    pub(in crate::triage) suppressed_by: Option<&'a Suppression>,
}

/// Ecosystem, name and version: a package but for its namespace, which not every record knows.
type PackageKey = (String, String, String);

/// Joins the records of every subject's reports.
///
/// Every distinct CVE of a package is a finding of its own: a record that names several (an
/// advisory of a distribution, a GHSA that stands for two) belongs to each of them, and one that
/// names none belongs to those it shares an id with. Distribution advisories are never aliases.
#[must_use]
pub fn findings(subjects: &[Subject], reports: &[Arc<Report>]) -> Joined {
    findings_under(subjects, reports, &Suppressed::default())
}

/// Joins the records as [`findings`] does, with what documents suppress laid over them: findings are
/// marked, and never more or fewer.
#[must_use]
pub fn findings_under(
    subjects: &[Subject],
    reports: &[Arc<Report>],
    suppressed: &Suppressed,
) -> Joined {
    let mut joined = Joined::default();
    for (position, subject) in (0_u32..).zip(subjects) {
        let mut vulnerable: HashMap<PackageKey, Vec<(Option<String>, Item<'_>)>> = HashMap::new();
        let mut placed: HashMap<(Kind, PackageIdentity, &str), Vec<Item<'_>>> = HashMap::new();
        for (index, _) in &subject.reports {
            let (Some(report), Ok(number)) = (reports.get(*index), u32::try_from(*index)) else {
                continue;
            };
            count(&mut joined.counts, report, suppressed.count(*index));
            for (row, record) in (0_u32..).zip(&report.records) {
                let place = RecordRef {
                    report: number,
                    record: row,
                };
                let item = Item {
                    place,
                    record,
                    report,
                    suppressed_by: record
                        .suppressed_by
                        .as_ref()
                        .or_else(|| suppressed.of(place)),
                };
                if record.kind == Kind::Vulnerability {
                    let identity = record.package.identity();
                    vulnerable
                        .entry((identity.ecosystem, identity.name, identity.version))
                        .or_default()
                        .push((identity.namespace, item));
                } else {
                    placed
                        .entry((record.kind, place_identity(record), record.id.as_str()))
                        .or_default()
                        .push(item);
                }
            }
        }
        for ((ecosystem, name, version), items) in vulnerable {
            for (namespace, items) in by_namespace(items) {
                let identity = PackageIdentity {
                    ecosystem: ecosystem.clone(),
                    namespace,
                    name: name.clone(),
                    version: version.clone(),
                };
                for (id, items) in by_vulnerability(&items) {
                    joined
                        .findings
                        .extend(blend(position, &identity, id, items));
                }
            }
        }
        for ((_, identity, id), items) in placed {
            joined
                .findings
                .extend(blend(position, &identity, VulnerabilityId::new(id), items));
        }
    }
    joined.findings = sorted(joined.findings);
    joined
}

fn count(counts: &mut JoinCounts, report: &Report, suppressed: u64) {
    let mut of_report = report.counts();
    of_report.suppressed += suppressed;
    counts.read += of_report.read;
    counts.suppressed += of_report.suppressed;
    counts.unreadable += of_report.unreadable;
    counts.joined += of_report.read - of_report.suppressed - of_report.unreadable;
}

/// Puts findings in order. Positions are sorted, because a finding is large to move about.
fn sorted(findings: Vec<Finding>) -> Vec<Finding> {
    let order = |finding: &Finding| (finding.subject, Reverse(finding.severity), finding.kind);
    let compare = |one: &Finding, other: &Finding| {
        order(one).cmp(&order(other)).then_with(|| {
            (
                &one.id,
                &one.package.name,
                &one.package.version,
                &one.package.ecosystem,
                &one.key,
            )
                .cmp(&(
                    &other.id,
                    &other.package.name,
                    &other.package.version,
                    &other.package.ecosystem,
                    &other.key,
                ))
        })
    };
    let mut positions: Vec<usize> = (0..findings.len()).collect();
    positions.sort_by(
        |one, other| match (findings.get(*one), findings.get(*other)) {
            (Some(one), Some(other)) => compare(one, other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        },
    );
    let mut findings: Vec<Option<Finding>> = findings.into_iter().map(Some).collect();
    positions
        .into_iter()
        .filter_map(|position| findings.get_mut(position)?.take())
        .collect()
}

/// What tells apart findings that have no package: the place. A licence has both.
fn place_identity(record: &Record) -> PackageIdentity {
    let mut identity = record.package.identity();
    if identity.name.is_empty() {
        let paths: BTreeSet<&str> = record
            .package
            .locations
            .iter()
            .map(|location| location.path.trim_start_matches('/'))
            .collect();
        identity.name = paths.into_iter().collect::<Vec<_>>().join(" ");
    }
    identity
}

/// Splits by namespace where several are known; a record that knows none belongs to the only one.
fn by_namespace<'a>(
    items: Vec<(Option<String>, Item<'a>)>,
) -> BTreeMap<Option<String>, Vec<Item<'a>>> {
    let mut groups: BTreeMap<Option<String>, Vec<Item<'a>>> = BTreeMap::new();
    for (namespace, item) in items {
        groups.entry(namespace).or_default().push(item);
    }
    if groups.len() == 2
        && let Some(unnamed) = groups.remove(&None)
    {
        for named in groups.values_mut() {
            named.extend_from_slice(&unnamed);
        }
    }
    groups
}

/// Groups the records of one package by the vulnerability they are about.
fn by_vulnerability<'a>(items: &[Item<'a>]) -> Vec<(VulnerabilityId, Vec<Item<'a>>)> {
    let mut of_cve: BTreeMap<VulnerabilityId, Vec<Item<'a>>> = BTreeMap::new();
    let mut cves_of_id: HashMap<&str, BTreeSet<VulnerabilityId>> = HashMap::new();
    let mut unnamed: Vec<Item<'a>> = Vec::new();
    for item in items {
        let cves = item.record.cves();
        if cves.is_empty() {
            unnamed.push(*item);
            continue;
        }
        for id in other_ids(item.record) {
            cves_of_id
                .entry(id)
                .or_default()
                .extend(cves.iter().cloned());
        }
        for cve in cves {
            of_cve.entry(cve).or_default().push(*item);
        }
    }
    let mut groups: Vec<(VulnerabilityId, Vec<Item<'a>>)> = Vec::new();
    for cluster in by_shared_id(&unnamed) {
        let ids: BTreeSet<&str> = cluster
            .iter()
            .flat_map(|item| other_ids(item.record))
            .collect();
        let cves: BTreeSet<&VulnerabilityId> = ids
            .iter()
            .filter_map(|id| cves_of_id.get(id))
            .flatten()
            .collect();
        if cves.is_empty() {
            let id = ids.first().copied().unwrap_or_default();
            groups.push((VulnerabilityId::new(id), cluster));
        } else {
            for cve in cves {
                if let Some(records) = of_cve.get_mut(cve) {
                    records.extend_from_slice(&cluster);
                }
            }
        }
    }
    groups.extend(of_cve);
    groups
}

/// Returns the ids that are not CVEs: the record's own, and aliases that name one vulnerability.
pub(in crate::triage) fn other_ids(record: &Record) -> impl Iterator<Item = &str> {
    let own = record.id.trim();
    let aliases = record
        .aliases
        .iter()
        .filter(|alias| !alias.is_cve() && !alias.is_bundle())
        .map(VulnerabilityId::as_str);
    std::iter::once(own)
        .filter(|id| !id.starts_with("CVE-"))
        .chain(aliases)
}

/// Groups records without a CVE that share ids, through others too.
fn by_shared_id<'a>(items: &[Item<'a>]) -> Vec<Vec<Item<'a>>> {
    let mut group_of: Vec<usize> = (0..items.len()).collect();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (position, item) in items.iter().enumerate() {
        for id in other_ids(item.record) {
            match seen.entry(id) {
                Entry::Occupied(entry) => unite(&mut group_of, *entry.get(), position),
                Entry::Vacant(entry) => {
                    entry.insert(position);
                }
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<Item<'a>>> = BTreeMap::new();
    for (position, item) in items.iter().enumerate() {
        groups
            .entry(root(&group_of, position))
            .or_default()
            .push(*item);
    }
    groups.into_values().collect()
}

fn root(group_of: &[usize], mut position: usize) -> usize {
    while let Some(next) = group_of.get(position).filter(|next| **next != position) {
        position = *next;
    }
    position
}

fn unite(group_of: &mut [usize], one: usize, other: usize) {
    let (one, other) = (root(group_of, one), root(group_of, other));
    if let Some(slot) = group_of.get_mut(one.max(other)) {
        *slot = one.min(other);
    }
}

#[cfg(test)]
mod tests;
