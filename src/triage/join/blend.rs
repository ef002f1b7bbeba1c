//! Blending: one finding made of the records that are about it.
//!
//! Which records those are is decided in `join`. Nothing here depends on the order of records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{
    Exploitation, Finding, FindingKey, Fix, FixState, Kind, LayerPlace, Location, Package,
    PackageIdentity, Rating, SuppressedBy, Suppression, VulnerabilityId,
};
use crate::triage::join::Item;
use crate::triage::natural::natural;

/// Makes one finding; none of no records.
pub(super) fn blend(
    subject: u32,
    identity: &PackageIdentity,
    id: VulnerabilityId,
    mut items: Vec<Item<'_>>,
) -> Option<Finding> {
    items.sort_by(|one, other| order(one).cmp(&order(other)));
    items.dedup_by_key(|item| item.place);
    let first = items.first()?;
    let kind = first.record.kind;
    // What a document says is named before what a scanner says: it weighs less.
    let reasons: Option<Vec<&Suppression>> = items.iter().map(|item| item.suppressed_by).collect();
    let suppressed_by = reasons.and_then(|reasons| {
        let by_document = |reason: &&&Suppression| reason.by == SuppressedBy::Document;
        let found = reasons.iter().find(by_document).or(reasons.first());
        found.copied().cloned()
    });
    let counted = |item: &&Item<'_>| suppressed_by.is_some() || item.suppressed_by.is_none();
    let scanners: BTreeSet<&str> = items
        .iter()
        .filter(counted)
        .map(|item| item.report.scanner.as_str())
        .collect();
    let exploited = |value: bool| {
        items
            .iter()
            .any(|item| item.record.known_exploited == Some(value))
    };
    let (epss, exploitation) = exploitation(&items);
    let titles = items.iter().map(|item| item.record.title.as_str());
    let mut records: Vec<_> = items.iter().map(|item| item.place).collect();
    records.sort_unstable();
    let (aliases, covers) = names(&id, &items);
    Some(Finding {
        key: FindingKey::new(kind, identity, id.as_str()),
        subject,
        kind,
        aliases,
        covers,
        severity: items
            .iter()
            .map(|item| item.record.severity)
            .max()
            .unwrap_or_default(),
        ratings: ratings(&items),
        package: package(kind, &items),
        fix: unite_fixes(items.iter().map(|item| &item.record.fix)),
        scanners: scanners.into_iter().map(str::to_owned).collect(),
        records,
        // A title is shorter than the first words of a description.
        title: titles
            .filter(|title| !title.is_empty())
            .min_by_key(|title| (title.len(), *title))
            .unwrap_or_default()
            .to_owned(),
        epss,
        known_exploited: if exploited(true) {
            Some(true)
        } else {
            exploited(false).then_some(false)
        },
        exploitation,
        layer: LayerPlace::Unknown,
        suppressed_by,
        observed: None,
        id,
    })
}

/// The highest EPSS with what was said beside it, and what any record knows of the catalogue. An
/// EPSS without a day is of the day of its report.
fn exploitation(items: &[Item<'_>]) -> (Option<f64>, Exploitation) {
    let scores = items.iter().filter_map(|item| {
        let said = &item.record.exploitation;
        let day = said.scored.or_else(|| item.report.informed());
        Some((item.record.epss?, day, said.percentile))
    });
    let best = scores.max_by(|one, other| {
        let percentile = |score: Option<f64>| score.unwrap_or(-1.0);
        (one.0.total_cmp(&other.0))
            .then(one.1.cmp(&other.1))
            .then(percentile(one.2).total_cmp(&percentile(other.2)))
    });
    let listed = items.iter().map(|item| &item.record.exploitation);
    let exploitation = Exploitation {
        percentile: best.and_then(|(_, _, percentile)| percentile),
        scored: best.and_then(|(_, day, _)| day),
        listed: listed.clone().filter_map(|said| said.listed).min(),
        ransomware: listed.filter_map(|said| said.ransomware).max(),
    };
    (best.map(|(score, _, _)| score), exploitation)
}

/// The order in which records are asked: those that say most about the package first. Trivy writes
/// names and versions as the package manager does, so the later scanner name comes first.
fn order<'a>(item: &Item<'a>) -> impl Ord + use<'a> {
    let record = item.record;
    (
        record.package.purl.is_none(),
        std::cmp::Reverse(item.report.scanner.as_str()),
        record.package.version.as_str(),
        item.report.origin.sha256.hex(),
        item.place.record,
        item.report.origin.path.as_str(),
        item.place.report,
    )
}

fn names(id: &VulnerabilityId, items: &[Item<'_>]) -> (Vec<VulnerabilityId>, Vec<VulnerabilityId>) {
    let mut aliases = BTreeSet::new();
    let mut covers = BTreeSet::new();
    for item in items {
        covers.extend(item.record.covers.iter().cloned());
        let own = VulnerabilityId::new(&item.record.id);
        for name in item.record.aliases.iter().cloned().chain([own]) {
            if name == *id {
                continue;
            }
            if name.is_bundle() {
                covers.insert(name);
            } else if !(name.is_cve() && id.is_cve()) {
                // Another CVE of the same record is a finding of its own.
                aliases.insert(name);
            }
        }
    }
    covers.remove(id);
    (aliases.into_iter().collect(), covers.into_iter().collect())
}

fn ratings(items: &[Item<'_>]) -> Vec<Arc<Rating>> {
    let mut ratings: Vec<Arc<Rating>> = items
        .iter()
        .flat_map(|item| item.record.ratings.iter().cloned())
        .collect();
    ratings.sort_by(|one, other| {
        (&one.scanner, &one.source, &one.vector, other.severity)
            .cmp(&(&other.scanner, &other.source, &other.vector, one.severity))
            .then_with(|| {
                let score = |rating: &Rating| rating.score.unwrap_or(-1.0);
                score(other).total_cmp(&score(one))
            })
            .then_with(|| {
                let vectors = |rating: &Rating| -> Vec<Option<String>> {
                    let others = rating.other_cvss.iter();
                    others.map(|cvss| cvss.vector.clone()).collect()
                };
                vectors(one).cmp(&vectors(other))
            })
    });
    ratings.dedup();
    ratings
}

fn package(kind: Kind, items: &[Item<'_>]) -> Package {
    let Some(first) = items.first() else {
        return Package::default();
    };
    let mut package = first.record.package.clone();
    for item in items {
        let other = &item.record.package;
        if package.purl.is_none() {
            package.purl.clone_from(&other.purl);
        }
        if package.source.is_none() {
            package.source.clone_from(&other.source);
        }
        if package.licenses.is_empty() {
            package.licenses.clone_from(&other.licenses);
        }
    }
    package.locations = locations(
        items.iter().flat_map(|item| &item.record.package.locations),
        kind,
    );
    package
}

/// One entry a path: scanners write the same path with and without the first slash, and name the
/// same layer by its digest or its diff ID. The entry that was asked first is kept.
fn locations<'a>(all: impl Iterator<Item = &'a Location>, kind: Kind) -> Vec<Location> {
    let mut kept: Vec<Location> = Vec::new();
    let mut seen: std::collections::HashMap<&'a str, usize> = std::collections::HashMap::new();
    for location in all {
        let path = location.path.trim_start_matches('/');
        if path.is_empty() && kind == Kind::Vulnerability && location.layer.is_none() {
            continue;
        }
        if let Some(known) = seen.get(path).and_then(|position| kept.get_mut(*position)) {
            if known.layer.is_none() {
                known.layer.clone_from(&location.layer);
            }
        } else {
            seen.insert(path, kept.len());
            kept.push(location.clone());
        }
    }
    kept.sort();
    kept
}

/// Unites what several records say about a fix: fixed if any names a version.
pub(in crate::triage) fn unite_fixes<'a>(fixes: impl Iterator<Item = &'a Fix>) -> Fix {
    let mut versions: BTreeMap<&'a str, &'a str> = BTreeMap::new();
    let mut state = FixState::Unknown;
    for fix in fixes {
        for version in &fix.versions {
            let written = versions.entry(plain_version(version)).or_insert(version);
            if (version.len(), version.as_str()) < (written.len(), written) {
                *written = version;
            }
        }
        let rank = |state: FixState| match state {
            FixState::Fixed => 3,
            FixState::WontFix => 2,
            FixState::NotFixed => 1,
            FixState::Unknown => 0,
        };
        if rank(fix.state) > rank(state) {
            state = fix.state;
        }
    }
    let mut versions: Vec<String> = versions.into_values().map(str::to_owned).collect();
    versions.sort_by(|one, other| natural(one, other));
    if !versions.is_empty() {
        state = FixState::Fixed;
    }
    Fix { state, versions }
}

/// Returns a fixed version without what only some scanners write: an epoch of 0, `>=`, `v`.
pub(in crate::triage) fn plain_version(version: &str) -> &str {
    let version = version.trim().trim_start_matches(">=").trim_start();
    let version = version.strip_prefix("0:").unwrap_or(version);
    version
        .strip_prefix('v')
        .filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        .unwrap_or(version)
}
