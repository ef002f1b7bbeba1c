//! Advice: the fewest bumps that clear the most findings, and what stays.
//!
//! Findings are grouped by source package, installed version and layer, so that one vulnerability
//! of ten binary packages is one thing to do. What another base would change is `base`'s.

pub mod base;
#[cfg(test)]
mod tests;

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{
    Digest, Finding, FindingKey, FixState, Kind, LayerPlace, SeverityCounts, VulnerabilityId,
};
use crate::triage::natural::natural;
use crate::triage::versions::{self, Scheme};

/// The most pairs of version and finding that are tried; beyond, only the highest version is.
const MAX_TRIED: usize = 250_000;

/// What can be said about the version to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The versions are ordered by the ecosystem's rules.
    Ordered,
    /// The rules are not known here, or a version breaks them: no version is claimed to be enough.
    CannotOrder,
    /// There is nothing to go to: no fixed version, or none above the installed one.
    NoFix,
}

/// Why a finding stays after the bump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// There is no fixed version.
    NotFixed,
    /// The vendor will not fix it, or has put it off.
    WontFix,
    /// Nobody says whether there is a fix.
    Unknown,
    /// Its fix is above the version, or in another branch.
    OtherVersion,
    /// Its fix cannot be compared.
    CannotOrder,
}

/// A finding that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Which.
    pub key: FindingKey,
    /// Why.
    pub because: Because,
}

/// One package to bump, in one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bump {
    /// The source package; the package itself where no source is known.
    pub package: String,
    /// The ecosystem.
    pub ecosystem: String,
    /// The installed version.
    pub installed: String,
    /// The packages built from it that are installed, sorted.
    pub packages: Vec<String>,
    /// The layer (a diff ID), where a report names one.
    pub layer: Option<Digest>,
    /// Which part of the image that is.
    pub place: LayerPlace,
    /// The lowest version that clears the most.
    pub to: Option<String>,
    /// Whether that could be worked out.
    pub order: Order,
    /// Every version that fixes something, where they cannot be ordered.
    pub fixed_in: Vec<String>,
    /// The findings it clears: one of each vulnerability of the source package.
    pub clears: Vec<FindingKey>,
    /// Them by severity.
    pub clears_by_severity: SeverityCounts,
    /// Findings beside those, the same vulnerabilities in other packages of the source.
    pub instances: usize,
    /// What stays.
    pub left: Vec<Left>,
}

/// What a bump is about.
type Group<'a> = (&'a str, &'a str, &'a str, Option<&'a Digest>, LayerPlace);

fn group_of(finding: &Finding) -> Group<'_> {
    let package = &finding.package;
    let source = package.source.as_deref().filter(|name| !name.is_empty());
    let layer = package
        .locations
        .first()
        .and_then(|location| location.layer.as_ref());
    (
        &package.ecosystem,
        source.unwrap_or(&package.name),
        &package.version,
        layer,
        finding.layer,
    )
}

/// Returns whether advice can be given about a finding: a vulnerability that nothing suppresses.
#[must_use]
pub fn counts(finding: &Finding) -> bool {
    finding.kind == Kind::Vulnerability && finding.suppressed_by.is_none()
}

/// Returns every bump, what clears the most of the severest first; findings that [`counts`] leaves
/// out are left out.
#[must_use]
pub fn bumps(findings: &[&Finding]) -> Vec<Bump> {
    let mut groups: BTreeMap<Group<'_>, Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| counts(finding)) {
        groups.entry(group_of(finding)).or_default().push(finding);
    }
    let mut bumps: Vec<Bump> = groups
        .into_iter()
        .map(|(group, findings)| bump(group, &findings))
        .collect();
    bumps.sort_by_cached_key(|bump| {
        let by = &bump.clears_by_severity;
        (
            Reverse((
                by.critical,
                by.high,
                by.medium,
                by.low,
                by.negligible,
                by.unknown,
            )),
            bump.ecosystem.clone(),
            bump.package.clone(),
            bump.installed.clone(),
            bump.layer.clone(),
        )
    });
    bumps
}

fn bump(group: Group<'_>, findings: &[&Finding]) -> Bump {
    let (ecosystem, package, installed, layer, place) = group;
    // One vulnerability counts once, however many packages of the source have it.
    let mut first: BTreeMap<&VulnerabilityId, &Finding> = BTreeMap::new();
    for finding in findings {
        let known = first.entry(&finding.id).or_insert(finding);
        if known.fix.versions.is_empty() && !finding.fix.versions.is_empty() {
            *known = finding;
        }
    }
    let each: Vec<&Finding> = first.values().copied().collect();
    let (to, order) = target(ecosystem, installed, &each);
    let mut packages: Vec<String> = findings
        .iter()
        .map(|finding| finding.package.name.clone())
        .collect();
    packages.sort_unstable();
    packages.dedup();
    let mut bump = Bump {
        package: package.to_owned(),
        ecosystem: ecosystem.to_owned(),
        installed: installed.to_owned(),
        packages,
        layer: layer.cloned(),
        place,
        to: to.map(str::to_owned),
        order,
        fixed_in: Vec::new(),
        clears: Vec::new(),
        clears_by_severity: SeverityCounts::default(),
        instances: findings.len() - each.len(),
        left: Vec::new(),
    };
    if order == Order::CannotOrder {
        bump.fixed_in = fixes(&each).into_iter().map(str::to_owned).collect();
        bump.fixed_in.sort_by(|one, other| natural(one, other));
    }
    for finding in each {
        let key = finding.key.clone();
        match to.and_then(|to| holds(ecosystem, to, finding)) {
            Some(true) => {
                bump.clears.push(key);
                bump.clears_by_severity.add(finding.severity);
            }
            held => {
                let because = because(finding, held, order);
                bump.left.push(Left { key, because });
            }
        }
    }
    bump
}

fn because(finding: &Finding, held: Option<bool>, order: Order) -> Because {
    let is_unordered = order == Order::CannotOrder || order == Order::Ordered && held.is_none();
    match finding.fix.state {
        FixState::Fixed if is_unordered => Because::CannotOrder,
        FixState::Fixed => Because::OtherVersion,
        FixState::NotFixed => Because::NotFixed,
        FixState::WontFix => Because::WontFix,
        FixState::Unknown => Because::Unknown,
    }
}

/// Returns the fixed versions of findings, each once. Some advisories write `>=` before one.
fn fixes<'a>(findings: &[&'a Finding]) -> Vec<&'a str> {
    let all = findings.iter().flat_map(|finding| &finding.fix.versions);
    let mut versions: Vec<&str> = all.map(|version| plain(version)).collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

fn plain(version: &str) -> &str {
    version.trim().trim_start_matches(">=").trim_start()
}

/// Returns the lowest version above the installed one that clears the most findings.
fn target<'a>(
    ecosystem: &str,
    installed: &str,
    findings: &[&'a Finding],
) -> (Option<&'a str>, Order) {
    let all = fixes(findings);
    if all.is_empty() {
        return (None, Order::NoFix);
    }
    let Some(scheme) = Scheme::of(ecosystem) else {
        return (None, Order::CannotOrder);
    };
    let known: Vec<&str> = all
        .into_iter()
        .filter(|version| scheme.compare(installed, version).is_some())
        .collect();
    if known.is_empty() {
        return (None, Order::CannotOrder);
    }
    let is_above = |version: &&str| scheme.compare(installed, version) == Some(Ordering::Less);
    let mut above: Vec<&str> = known.into_iter().filter(is_above).collect();
    above.sort_by(|one, other| scheme.compare(one, other).unwrap_or(Ordering::Equal));
    if above.len().saturating_mul(findings.len()) > MAX_TRIED {
        above = above.pop().into_iter().collect();
    }
    let cleared = |version: &str| {
        let holds = |finding: &&&Finding| holds(ecosystem, version, finding) == Some(true);
        findings.iter().filter(holds).count()
    };
    // Of those that clear as many, the lowest: the first.
    let best = above
        .into_iter()
        .map(|version| (cleared(version), version))
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    match best {
        Some((count, version)) if count > 0 => (Some(version), Order::Ordered),
        _ => (None, Order::NoFix),
    }
}

/// Returns whether a version holds the fix of a finding: it is one of the fixed ones, or above them
/// all, or above the newest one of its own branch. None where they cannot be ordered.
pub(super) fn holds(ecosystem: &str, version: &str, finding: &Finding) -> Option<bool> {
    let fixes: Vec<&str> = finding.fix.versions.iter().map(|fix| plain(fix)).collect();
    if fixes.is_empty() {
        return Some(false);
    }
    let mut reached = Vec::new();
    for fix in &fixes {
        reached.push(versions::order(ecosystem, version, fix)? != Ordering::Less);
    }
    if reached.iter().all(|reached| *reached) {
        return Some(true);
    }
    let same = |fix: &str| versions::order(ecosystem, version, fix) == Some(Ordering::Equal);
    if fixes.iter().any(|fix| same(fix)) {
        return Some(true);
    }
    let mut of_branch = fixes
        .iter()
        .zip(&reached)
        .filter(|(fix, _)| branch(fix).is_some() && branch(fix) == branch(version))
        .peekable();
    Some(of_branch.peek().is_some() && of_branch.all(|(_, reached)| *reached))
}

/// Everything before the last number: `1.21.` of `1.21.11`.
fn branch(version: &str) -> Option<&str> {
    let version = version.trim_start_matches(['v', 'V']);
    let branch = version.trim_end_matches(|digit: char| digit.is_ascii_digit());
    (!branch.is_empty() && branch.len() < version.len()).then_some(branch)
}
