//! Three and more reports of a subject at once: which of them has which finding.
//!
//! Presence and severity only; why two of them differ is worked out pair by pair in `compare`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::sides::sides;
use super::{RowPackage, comparable};
use crate::model::{Finding, Kind, Report, Severity, Subject, VulnerabilityId};

/// Every side of a subject, and what each of them has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Across {
    /// The names of the sides, in their order.
    pub sides: Vec<String>,
    /// The counts.
    pub totals: AcrossTotals,
    /// The findings: those that not all sides have first, severest first.
    pub rows: Vec<AcrossRow>,
}

/// The counts over all sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AcrossTotals {
    /// Findings that any side has.
    pub findings: u64,
    /// Findings that every side has.
    pub in_all: u64,
    /// What each side has.
    pub by_side: BTreeMap<String, AcrossSide>,
}

/// What one side has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AcrossSide {
    /// Findings it has.
    pub found: u64,
    /// Findings that no other side has.
    pub only: u64,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AcrossRow {
    /// The primary id.
    pub id: VulnerabilityId,
    /// The other ids.
    pub aliases: Vec<VulnerabilityId>,
    /// The package.
    pub package: RowPackage,
    /// The sides that have it, in their order.
    pub present_in: Vec<String>,
    /// The severity that each of them gives.
    pub severities: BTreeMap<String, Severity>,
}

impl AcrossRow {
    /// Returns whether not all sides have it, or they rate it otherwise.
    #[must_use]
    pub fn differs(&self, sides: usize) -> bool {
        let mut rated = self.severities.values().map(|one| comparable(*one));
        let first = rated.next();
        self.present_in.len() < sides || rated.any(|one| Some(one) != first)
    }
}

/// Sets every report of `subject` side by side; none with fewer than three. A record that its
/// scanner suppresses counts for nothing.
#[must_use]
pub fn across<'f>(
    subject: &Subject,
    reports: &[Arc<Report>],
    findings: impl Iterator<Item = &'f Finding>,
) -> Option<Across> {
    let sides = sides(subject, reports);
    if sides.len() < 3 {
        return None;
    }
    let mut totals = AcrossTotals::default();
    for side in &sides {
        totals
            .by_side
            .insert(side.name.clone(), AcrossSide::default());
    }
    let mut rows = Vec::new();
    for finding in findings.filter(|finding| finding.kind == Kind::Vulnerability) {
        let mut severities = BTreeMap::new();
        let mut present_in = Vec::new();
        for side in &sides {
            let of_side = finding
                .records
                .iter()
                .filter(|place| place.report as usize == side.position)
                .filter_map(|place| side.report.records.get(place.record as usize))
                .filter(|record| record.suppressed_by.is_none());
            if let Some(severity) = of_side.map(|record| record.severity).max() {
                severities.insert(side.name.clone(), severity);
                present_in.push(side.name.clone());
            }
        }
        for name in &present_in {
            let counts = totals.by_side.entry(name.clone()).or_default();
            counts.found += 1;
            counts.only += u64::from(present_in.len() == 1);
        }
        if present_in.is_empty() {
            continue;
        }
        totals.findings += 1;
        totals.in_all += u64::from(present_in.len() == sides.len());
        rows.push(AcrossRow {
            id: finding.id.clone(),
            aliases: finding.aliases.clone(),
            package: RowPackage {
                name: finding.package.name.clone(),
                version: finding.package.version.clone(),
                purl: finding.package.purl.clone(),
            },
            present_in,
            severities,
        });
    }
    let all = sides.len();
    rows.sort_by(|one, other| {
        let key = |row: &AcrossRow| {
            let severity = row.severities.values().max().copied();
            (
                !row.differs(all),
                row.present_in.len() == all,
                Reverse(severity),
            )
        };
        (key(one), &one.id, &one.package).cmp(&(key(other), &other.id, &other.package))
    });
    Some(Across {
        sides: sides.into_iter().map(|side| side.name).collect(),
        totals,
        rows,
    })
}
