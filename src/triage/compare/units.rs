//! Units: one (id, package, version) of one report, duplicates folded.
//!
//! Which units of two reports are the same is worked out in `pairing`.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Fix, Kind, LEVEL, Package, PackageIdentity, Record, Report, Severity, VulnerabilityId,
};
use crate::triage::compare::{RowPackage, SideView};
use crate::triage::join::blend::unite_fixes;
use crate::triage::join::other_ids;

/// One unit.
#[derive(Clone, Debug)]
pub(super) struct Unit<'a> {
    /// The id the report shows.
    pub(super) shown: VulnerabilityId,
    /// Every id that names this vulnerability.
    pub(super) ids: BTreeSet<VulnerabilityId>,
    /// The CVEs among them.
    pub(super) cves: BTreeSet<VulnerabilityId>,
    /// Ids that its references name.
    pub(super) mentioned: BTreeSet<&'a VulnerabilityId>,
    /// The package compared by.
    pub(super) identity: PackageIdentity,
    /// The package as written.
    pub(super) package: &'a Package,
    /// The records folded into it, in the report's order.
    pub(super) records: Vec<&'a Record>,
    /// Their positions in the report.
    pub(super) positions: Vec<u32>,
    /// The highest severity of the records.
    pub(super) severity: Severity,
    /// The fixes of the records.
    pub(super) fix: Fix,
    /// Whether the report's format leaves out what the scanner knows.
    pub(super) is_reduced: bool,
}

impl Unit<'_> {
    /// Returns the record whose severity is the unit's.
    pub(super) fn rated(&self) -> Option<&Record> {
        self.records
            .iter()
            .find(|record| record.severity == self.severity)
            .copied()
    }

    /// Returns whether a field of the package that others are told apart by is missing, because
    /// the format has no place for it.
    pub(super) fn is_incomplete(&self) -> bool {
        let identity = &self.identity;
        self.is_reduced
            && (identity.name.is_empty()
                || identity.version.is_empty()
                || is_any(&identity.ecosystem))
    }

    /// Returns whether both are of one package in one version, as far as both say.
    pub(super) fn may_be_of(&self, other: &Self) -> bool {
        let (one, two) = (&self.identity, &other.identity);
        one.agrees_with(two)
            || ((self.is_incomplete() || other.is_incomplete())
                && same_or_missing(&one.name, &two.name)
                && same_or_missing(&one.version, &two.version)
                && (one.ecosystem == two.ecosystem
                    || is_any(&one.ecosystem)
                    || is_any(&two.ecosystem)))
    }

    /// Returns whether the report states the severity; a level that stands for one does not.
    pub(super) fn states_severity(&self) -> bool {
        !self.is_reduced
            || (self.severity != Severity::Unknown
                && self.severity_source().as_deref() != Some(LEVEL))
    }

    /// Returns whose severity it is, where the report says so.
    pub(super) fn severity_source(&self) -> Option<String> {
        self.rated()?.severity_source.clone()
    }

    /// Returns what the side says.
    pub(super) fn view(&self) -> SideView {
        let others = self.ids.iter().filter(|id| **id != self.shown);
        SideView {
            ids: std::iter::once(&self.shown)
                .chain(others)
                .cloned()
                .collect(),
            severity: self.severity,
            severity_source: self.severity_source(),
            fix: self.fix.clone(),
            records: self.positions.clone(),
        }
    }

    /// Returns the package to show.
    pub(super) fn row_package(&self) -> RowPackage {
        RowPackage {
            name: self.package.name.clone(),
            version: self.package.version.clone(),
            purl: self.package.purl.clone(),
        }
    }

    /// Returns the first advisory of a distribution that covers it.
    pub(super) fn advisory(&self) -> Option<&VulnerabilityId> {
        let shown = std::iter::once(&self.shown).filter(|id| id.is_bundle());
        let covers = self.records.iter().flat_map(|record| &record.covers);
        shown.chain(covers).min()
    }

    /// Returns the source package: a package without one is its own.
    pub(super) fn source(&self) -> &str {
        self.records
            .iter()
            .find_map(|record| record.package.source.as_deref())
            .unwrap_or(&self.package.name)
    }
}

/// The ecosystem of a package whose kind nobody states.
fn is_any(ecosystem: &str) -> bool {
    matches!(ecosystem, "" | "generic")
}

fn same_or_missing(one: &str, other: &str) -> bool {
    one == other || one.is_empty() || other.is_empty()
}

/// Returns the lowest CVE, else the lowest id.
pub(super) fn primary<'a>(
    ids: impl Iterator<Item = &'a VulnerabilityId>,
) -> Option<VulnerabilityId> {
    ids.min_by_key(|id| (!id.is_cve(), id.is_bundle(), *id))
        .cloned()
}

/// Folds the vulnerability records that count into units, in the order of their ids and packages.
pub(super) fn units(report: &Report) -> Vec<Unit<'_>> {
    let mut units: BTreeMap<(VulnerabilityId, PackageIdentity), Unit<'_>> = BTreeMap::new();
    let counted = (0_u32..)
        .zip(&report.records)
        .filter(|(_, record)| record.kind == Kind::Vulnerability && record.suppressed_by.is_none());
    for (position, record) in counted {
        let shown = VulnerabilityId::new(&record.id);
        let identity = record.package.identity();
        let unit = units
            .entry((shown.clone(), identity.clone()))
            .or_insert_with(|| Unit {
                shown,
                ids: BTreeSet::new(),
                cves: BTreeSet::new(),
                mentioned: BTreeSet::new(),
                identity,
                package: &record.package,
                records: Vec::new(),
                positions: Vec::new(),
                severity: record.severity,
                fix: Fix::default(),
                is_reduced: report.format.is_reduced(),
            });
        let cves = record.cves();
        unit.ids.extend(other_ids(record).map(VulnerabilityId::new));
        unit.ids.extend(cves.iter().cloned());
        unit.cves.extend(cves);
        unit.mentioned.extend(&record.mentioned);
        unit.severity = unit.severity.max(record.severity);
        unit.records.push(record);
        unit.positions.push(position);
    }
    let mut units: Vec<Unit<'_>> = units.into_values().collect();
    for unit in &mut units {
        unit.fix = unite_fixes(unit.records.iter().map(|record| &record.fix));
    }
    units
}
