//! What another base would change, worked out from a scan or an SBOM of it that the person loaded.
//!
//! Only findings that came with the base are looked at. Without such a document there is only a
//! list of what a newer base would have to bring; no image is ever named that was not loaded.

use serde::Serialize;

use super::{Bump, counts, holds};
use crate::model::{Component, Finding, FindingKey, LayerPlace, SeverityCounts};
use crate::triage::diff::{Change, diff};
use crate::triage::versions;

/// What a newer base would have to bring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Floor {
    /// The source package.
    pub package: String,
    /// The ecosystem.
    pub ecosystem: String,
    /// The installed version.
    pub installed: String,
    /// At least this one.
    pub at_least: String,
    /// How many findings that clears.
    pub clears: usize,
}

/// Returns the floors of the packages in the base's layers, as the bumps are ordered.
#[must_use]
pub fn floors(bumps: &[Bump]) -> Vec<Floor> {
    let in_base = bumps.iter().filter(|bump| bump.place == LayerPlace::Base);
    in_base
        .filter_map(|bump| {
            Some(Floor {
                package: bump.package.clone(),
                ecosystem: bump.ecosystem.clone(),
                installed: bump.installed.clone(),
                at_least: bump.to.clone()?,
                clears: bump.clears.len(),
            })
        })
        .collect()
}

/// What a candidate for the base is known by.
#[derive(Clone, Copy, Debug)]
pub enum Known<'a> {
    /// The findings of a scan of it.
    Scan(&'a [&'a Finding]),
    /// The components of its SBOM.
    Sbom(&'a [&'a Component]),
}

/// What a candidate would change.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Effect {
    /// The findings of the base that it does not have.
    pub clears: Vec<FindingKey>,
    /// Them by severity.
    pub clears_by_severity: SeverityCounts,
    /// The findings of the base that it has too.
    pub stays: Vec<FindingKey>,
    /// The findings of the base of which it cannot be told.
    pub unknown: Vec<FindingKey>,
    /// Findings that it has and the present base does not, by severity; none where only its SBOM is known.
    pub brings: Option<SeverityCounts>,
}

/// Works out what a candidate would change of the findings that came with the base.
#[must_use]
pub fn effect(findings: &[&Finding], candidate: Known<'_>) -> Effect {
    let in_base: Vec<&Finding> = findings
        .iter()
        .copied()
        .filter(|finding| counts(finding) && finding.layer == LayerPlace::Base)
        .collect();
    match candidate {
        Known::Scan(found) => by_scan(&in_base, found),
        Known::Sbom(components) => by_sbom(&in_base, components),
    }
}

fn by_scan(in_base: &[&Finding], found: &[&Finding]) -> Effect {
    let found: Vec<&Finding> = found.iter().copied().filter(|one| counts(one)).collect();
    let mut effect = Effect::default();
    let mut brings = SeverityCounts::default();
    for change in diff(in_base, &found) {
        match change {
            Change::Gone(finding) => {
                effect.clears.push(finding.key.clone());
                effect.clears_by_severity.add(finding.severity);
            }
            Change::New(finding) => brings.add(finding.severity),
            Change::Same { before, .. } => effect.stays.push(before.key.clone()),
        }
    }
    effect.brings = Some(brings);
    effect
}

fn by_sbom(in_base: &[&Finding], components: &[&Component]) -> Effect {
    let mut effect = Effect::default();
    for finding in in_base {
        let own = finding.package.identity();
        let versions: Vec<&str> = components
            .iter()
            .filter(|component| component.package.identity().same_package(&own))
            .map(|component| component.package.version.as_str())
            .collect();
        let holds = |version: &&str| {
            if version.is_empty() {
                return None;
            }
            // The version that is vulnerable now stays so, whatever its fix is called.
            let order = versions::order(&own.ecosystem, version, &finding.package.version);
            if order.is_some_and(std::cmp::Ordering::is_le) || **version == finding.package.version
            {
                return Some(false);
            }
            if finding.fix.versions.is_empty() {
                return None;
            }
            holds(&own.ecosystem, version, finding)
        };
        let answers: Vec<Option<bool>> = versions.iter().map(holds).collect();
        let key = finding.key.clone();
        if answers.contains(&Some(false)) {
            effect.stays.push(key);
        } else if answers.contains(&None) {
            effect.unknown.push(key);
        } else {
            // Every copy of it is fixed, or it is not there at all.
            effect.clears.push(key);
            effect.clears_by_severity.add(finding.severity);
        }
    }
    effect
}
