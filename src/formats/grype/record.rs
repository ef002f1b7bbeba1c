//! One match of Grype's → one record.
//!
//! The document around the matches is `header`'s.

use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::value::RawValue;

use super::wire::{
    ArtifactWire, EpssWire, FixWire, LicenseWire, MatchWire, RuleWire, VulnerabilityWire,
};
use crate::formats::ecosystem::ecosystem;
use crate::formats::json::{MaybeText as _, Source, within};
use crate::formats::title::first_words;
use crate::model::{
    Cvss, Exploitation, Fix, FixState, Kind, Location, MatchKind, Package, Rating, Record,
    SuppressedBy, Suppression, VulnerabilityId,
};

/// Reads one match; a damaged one becomes a loss.
pub(super) fn read<'a>(
    source: &mut Source<'a>,
    raw: &'a RawValue,
    suppressed: bool,
    place: impl Fn() -> String,
) -> Option<Record> {
    let wire: MatchWire<'a> = source.parse(raw, 1, &place)?;
    match record(&wire) {
        Ok(mut record) => {
            record.span = source.span(raw.get());
            record.suppressed_by = suppressed.then(|| suppression(&wire.applied_ignore_rules.0));
            Some(record)
        }
        Err(reason) => {
            source.lose(place(), Some(raw.get()), reason, 1);
            None
        }
    }
}

fn record(wire: &MatchWire<'_>) -> Result<Record, String> {
    let missing = |name: &str| format!("the match has no `{name}`");
    let vulnerability = wire
        .vulnerability
        .as_ref()
        .ok_or_else(|| missing("vulnerability"))?;
    let artifact = wire.artifact.as_ref().ok_or_else(|| missing("artifact"))?;
    let id = vulnerability
        .id
        .owned()
        .ok_or_else(|| missing("vulnerability.id"))?;
    let package = package(artifact).ok_or_else(|| missing("artifact.name"))?;
    let related = &wire.related_vulnerabilities.0;
    let (mut covers, aliases): (Vec<_>, Vec<_>) = related
        .iter()
        .filter_map(|related| related.id.get())
        .filter(|other| *other != id)
        .map(VulnerabilityId::new)
        .partition(VulnerabilityId::is_bundle);
    let advisories = vulnerability.advisories.0.iter();
    covers.extend(
        advisories
            .filter_map(|advisory| advisory.id.get())
            .map(VulnerabilityId::new)
            .filter(|cover| cover.as_str() != id),
    );
    covers.sort();
    covers.dedup();
    let every = || std::iter::once(vulnerability).chain(related);
    let epss = every()
        .flat_map(|entry| &entry.epss.0)
        .find_map(|entry| Some((within(entry.epss, 1.0)?, entry)));
    let description = every().find_map(|entry| entry.description.get());
    Ok(Record {
        kind: Kind::Vulnerability,
        aliases,
        covers,
        severity: vulnerability.severity.severity()?,
        severity_source: vulnerability.namespace.get().map(source_of),
        ratings: every()
            .map(|entry| rating(entry).map(Arc::new))
            .collect::<Result<_, _>>()?,
        package,
        fix: fix(vulnerability),
        state_word: vulnerability.fix.as_ref().and_then(|fix| fix.state.owned()),
        title: first_words(description.unwrap_or_default()),
        epss: epss.map(|(score, _)| score),
        known_exploited: known_exploited(wire),
        exploitation: exploitation(wire, epss.map(|(_, entry)| entry)),
        matched: match_kind(wire),
        namespace: vulnerability.namespace.owned(),
        id,
        ..Record::default()
    })
}

/// A list that is there is an answer; a report that knows EPSS but has no list says no.
fn known_exploited(wire: &MatchWire<'_>) -> Option<bool> {
    let mut answer = None;
    let related = &wire.related_vulnerabilities.0;
    for entry in wire.vulnerability.iter().chain(related) {
        match &entry.known_exploited {
            Some(list) if !list.0.is_empty() => return Some(true),
            Some(_) => answer = Some(false),
            None if !entry.epss.0.is_empty() => answer = Some(false),
            None => {}
        }
    }
    answer
}

/// What stands beside the EPSS and beside the entry of the catalogue.
fn exploitation(wire: &MatchWire<'_>, epss: Option<&EpssWire<'_>>) -> Exploitation {
    let related = &wire.related_vulnerabilities.0;
    let listed = wire
        .vulnerability
        .iter()
        .chain(related)
        .find_map(|entry| entry.known_exploited.as_ref()?.0.first());
    Exploitation {
        percentile: epss.and_then(|entry| within(entry.percentile, 1.0)),
        scored: epss.and_then(|entry| day(entry.date.get()?)),
        listed: listed.and_then(|entry| day(entry.added.get()?)),
        ransomware: listed.and_then(|entry| {
            let word = entry.ransomware.get()?;
            Some(word.eq_ignore_ascii_case("known"))
        }),
    }
}

/// Returns the day of `2026-11-20` or `2026-11-20T00:00:00Z`.
fn day(text: &str) -> Option<NaiveDate> {
    text.get(..10)?.parse().ok()
}

fn package(artifact: &ArtifactWire<'_>) -> Option<Package> {
    let purl = artifact.purl.purl();
    let locations = artifact.locations.0.iter().map(|location| Location {
        path: location.path.owned().unwrap_or_default(),
        layer: location.layer.digest(),
    });
    let licenses = artifact.licenses.0.iter().filter_map(|license| {
        let text = match license {
            LicenseWire::Text(text) => Some(text.0.trim()),
            LicenseWire::Object { value } => value.get(),
        };
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    });
    let upstreams = &artifact.upstreams.0;
    Some(Package {
        name: artifact.name.owned()?,
        version: artifact.version.owned().unwrap_or_default(),
        ecosystem: ecosystem(purl.as_ref(), artifact.kind.get().unwrap_or_default()),
        locations: locations.collect(),
        source: upstreams.iter().find_map(|upstream| upstream.name.owned()),
        licenses: licenses.collect(),
        purl,
    })
}

fn fix(vulnerability: &VulnerabilityWire<'_>) -> Fix {
    if let Some(version) = vulnerability.fixed_in_version.owned() {
        return Fix {
            state: FixState::Fixed,
            versions: vec![version],
        };
    }
    let empty = FixWire::default();
    let wire = vulnerability.fix.as_ref().unwrap_or(&empty);
    let state = match wire.state.get() {
        Some("fixed") => FixState::Fixed,
        Some("not-fixed") => FixState::NotFixed,
        Some("wont-fix") => FixState::WontFix,
        _ => FixState::Unknown,
    };
    Fix {
        state,
        versions: wire.versions.texts(),
    }
}

/// More scores than this no vulnerability has; each is held against the others.
const MOST_SCORES: usize = 20;

/// One rating for each source: its severity, its highest score of version 3 or 4, and the others.
fn rating(vulnerability: &VulnerabilityWire<'_>) -> Result<Rating, String> {
    let old = [&vulnerability.cvss_v3, &vulnerability.cvss_v2];
    let old = old.into_iter().flatten().map(|cvss| Cvss {
        score: within(cvss.base_score, 10.0),
        vector: cvss.vector.owned(),
    });
    let new = vulnerability.cvss.0.iter().map(|cvss| Cvss {
        score: cvss
            .metrics
            .as_ref()
            .and_then(|metrics| within(metrics.base_score, 10.0)),
        vector: cvss.vector.owned(),
    });
    let mut scores: Vec<Cvss> = Vec::new();
    for cvss in new.chain(old).take(MOST_SCORES) {
        if !scores.contains(&cvss) {
            scores.push(cvss);
        }
    }
    // Version 2 stands in where there is nothing newer, as with Trivy's.
    let order = |cvss: &Cvss| (cvss.version() == Some("2.0"), cvss.score.unwrap_or(-1.0));
    scores.sort_by(|one, other| {
        let ((one_old, one), (other_old, other)) = (order(one), order(other));
        one_old.cmp(&other_old).then(other.total_cmp(&one))
    });
    let mut scores = scores.into_iter();
    let best = scores.next().unwrap_or_default();
    Ok(Rating {
        scanner: "grype".to_owned(),
        source: source_of(vulnerability.namespace.get().unwrap_or("unnamed")),
        severity: vulnerability.severity.severity()?,
        score: best.score,
        vector: best.vector,
        other_cvss: scores.collect(),
    })
}

/// The source's name in the words that Trivy uses too: `debian:distro:debian:12` → `debian`.
pub(in crate::formats) fn source_of(namespace: &str) -> String {
    let first = namespace.split(':').next().unwrap_or(namespace);
    match first {
        "github" => "ghsa",
        "rhel" => "redhat",
        "oracle" => "oracle-oval",
        other => other,
    }
    .to_owned()
}

/// The strongest way of any detail.
fn match_kind(wire: &MatchWire<'_>) -> MatchKind {
    let has = |name: &str| {
        let details = &wire.match_details.0;
        details.iter().any(|detail| detail.kind.get() == Some(name))
    };
    if has("exact-direct-match") {
        MatchKind::Direct
    } else if has("exact-indirect-match") {
        MatchKind::Indirect
    } else if has("cpe-match") {
        MatchKind::Cpe
    } else {
        MatchKind::Unknown
    }
}

fn suppression(rules: &[RuleWire<'_>]) -> Suppression {
    let texts: Vec<String> = rules.iter().map(describe).collect();
    let vex = rules.iter().find_map(|rule| rule.vex_status.owned());
    let statement = rules.iter().find_map(|rule| {
        let reason = rule.reason.owned();
        reason.or_else(|| rule.vex_justification.owned())
    });
    Suppression {
        by: SuppressedBy::Scanner,
        source: if vex.is_some() {
            "VEX document".to_owned()
        } else {
            format!("ignore rule: {}", texts.join("; "))
        },
        status: vex.unwrap_or_else(|| "ignored".to_owned()),
        statement,
    }
}

/// Says what a rule matches, in the configuration's own words.
pub(super) fn describe(rule: &RuleWire<'_>) -> String {
    let package = rule.package.as_ref();
    let parts = [
        ("vulnerability", rule.vulnerability.get()),
        ("namespace", rule.namespace.get()),
        ("fix-state", rule.fix_state.get()),
        ("vex-status", rule.vex_status.get()),
        ("package", package.and_then(|package| package.name.get())),
        ("type", package.and_then(|package| package.kind.get())),
        (
            "location",
            package.and_then(|package| package.location.get()),
        ),
    ];
    let words: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("{name}={value}")))
        .collect();
    if words.is_empty() {
        "everything".to_owned()
    } else {
        words.join(" ")
    }
}
