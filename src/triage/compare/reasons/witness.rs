//! A side of a comparison, with what its absences are judged by.
//!
//! The rules themselves are in `stated`, `found` and `lacking`.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::catalogue::Packages;
use crate::model::{
    DatabaseAge, Fixable, Format, Kind, Record, Report, ScanOption, Severity, VulnerabilityId,
};
use crate::triage::compare::pairing::ids_meet;
use crate::triage::compare::units::Unit;

/// With fewer units nothing is inferred from what is missing.
const ENOUGH: usize = 3;

/// With fewer dates the newest says little about the age of a database.
const ENOUGH_DATES: usize = 20;

/// A side.
pub(in crate::triage::compare) struct Witness<'a> {
    pub(in crate::triage::compare) name: &'a str,
    pub(in crate::triage::compare) units: &'a [Unit<'a>],
    pub(super) report: &'a Report,
    by_id: HashMap<&'a VulnerabilityId, Vec<&'a Unit<'a>>>,
    suppressed: HashMap<&'a str, Vec<&'a Record>>,
    /// The packages it reports something about.
    pub(super) reported: Packages<'a>,
    /// The packages it lists, where it lists them.
    pub(super) catalogued: Option<Packages<'a>>,
    /// The files it found packages in, by ecosystem, without the first slash.
    files: HashSet<(&'a str, &'a str)>,
    /// The folders of installed packages it found some in, by ecosystem.
    trees: HashSet<(&'a str, &'a str)>,
    pub(super) least_severity: Option<Severity>,
    pub(super) all_fixable: bool,
}

impl<'a> Witness<'a> {
    /// Looks at one side.
    pub(in crate::triage::compare) fn new(
        report: &'a Report,
        name: &'a str,
        units: &'a [Unit<'a>],
    ) -> Self {
        let mut by_id: HashMap<&VulnerabilityId, Vec<&Unit<'_>>> = HashMap::new();
        for unit in units {
            for id in &unit.ids {
                by_id.entry(id).or_default().push(unit);
            }
        }
        let mut suppressed: HashMap<&str, Vec<&Record>> = HashMap::new();
        for record in &report.records {
            if record.kind == Kind::Vulnerability && record.suppressed_by.is_some() {
                let aliases = record.aliases.iter().map(VulnerabilityId::as_str);
                for id in aliases.chain([record.id.trim()]) {
                    suppressed.entry(id).or_default().push(record);
                }
            }
        }
        // Grype records its options; only of Trivy's is anything inferred.
        let enough = units.len() >= ENOUGH && report.format == Format::TrivyJson;
        // Advisories of distributions also list what has no fix; those of languages hardly do.
        let of_system = units
            .iter()
            .filter(|unit| matches!(unit.identity.ecosystem.as_str(), "deb" | "rpm"))
            .count();
        let least_severity = units.iter().map(|unit| unit.severity).min();
        Self {
            name,
            units,
            report,
            by_id,
            suppressed,
            reported: Packages::new(units.iter().map(|unit| unit.package)),
            catalogued: report.packages.as_ref().map(Packages::new),
            files: units.iter().flat_map(files_of).collect(),
            trees: units
                .iter()
                .flat_map(files_of)
                .filter_map(tree_of)
                .collect(),
            least_severity: least_severity.filter(|_| enough),
            all_fixable: of_system >= ENOUGH
                && enough
                && units.iter().all(|unit| unit.fix.fixable() == Fixable::Yes),
        }
    }

    /// Returns its units that name the same vulnerability as `unit`, of whatever package.
    pub(super) fn same_vulnerability(&self, unit: &Unit<'_>) -> Vec<&'a Unit<'a>> {
        let mut seen = BTreeSet::new();
        let mut found: Vec<&Unit<'_>> = Vec::new();
        for candidate in unit
            .ids
            .iter()
            .filter_map(|id| self.by_id.get(id))
            .flatten()
        {
            if ids_meet(unit, candidate) && seen.insert((&candidate.shown, &candidate.identity)) {
                found.push(candidate);
            }
        }
        found
    }

    /// Returns whether it reports this very unit of the other side.
    pub(super) fn reports(&self, unit: &Unit<'_>) -> bool {
        let same = self.same_vulnerability(unit);
        same.iter()
            .any(|mine| mine.identity.agrees_with(&unit.identity))
    }

    /// Returns whether both are reports of one scanner: what scanners do otherwise explains nothing
    /// then.
    pub(super) fn is_like(&self, other: &Witness<'_>) -> bool {
        self.report.scanner == other.report.scanner
    }

    /// Returns the folder of installed packages that both found packages of this kind in.
    pub(super) fn same_tree<'u>(&self, unit: &'u Unit<'_>) -> Option<&'u str> {
        let mut trees = files_of(unit).filter_map(tree_of);
        trees
            .find(|tree| self.trees.contains(tree))
            .map(|(_, folder)| folder)
    }

    /// Returns the file both found packages of this kind in.
    pub(super) fn same_file<'u>(&self, unit: &'u Unit<'_>) -> Option<&'u str> {
        let mut files = files_of(unit);
        files
            .find(|file| self.files.contains(file))
            .map(|(_, path)| path)
    }

    /// Returns the suppressed record that is this unit.
    pub(super) fn suppresses(&self, unit: &Unit<'_>) -> Option<&'a Record> {
        unit.ids
            .iter()
            .filter_map(|id| self.suppressed.get(id.as_str()))
            .flatten()
            .find(|record| record.package.identity().agrees_with(&unit.identity))
            .copied()
    }

    /// Returns the first of these options that the report records.
    pub(super) fn recorded(&self, names: &[&str]) -> Option<&'a ScanOption> {
        let mut options = self.report.options.iter();
        options.find(|option| {
            option.recorded && option.value != "false" && names.contains(&option.name.as_str())
        })
    }

    /// Returns the latest date its database can have: the stated one, else that of the scan.
    pub(super) fn newest_possible(&self) -> Option<DateTime<Utc>> {
        match self.report.database_age {
            DatabaseAge::Exact => self.report.database_built,
            DatabaseAge::LowerBound | DatabaseAge::Unknown => self.report.created,
        }
    }

    /// Says what is known of the age of its database.
    pub(super) fn database(&self) -> String {
        let day = |date: &DateTime<Utc>| date.format("%Y-%m-%d").to_string();
        let built = self.report.database_built.as_ref().map(day);
        match (self.report.database_age, built) {
            (DatabaseAge::Exact, Some(built)) => format!("built {built}"),
            (DatabaseAge::LowerBound, Some(built)) => format!("{built} or later"),
            _ => String::new(),
        }
    }

    /// Says where the newest date of the report lies well before the scan: a hint that an old
    /// copy of the database was used.
    pub(super) fn stale(&self) -> String {
        let dated = self
            .report
            .records
            .iter()
            .filter(|record| record.modified.is_some());
        let (Some(newest), Some(created)) = (self.report.database_built, self.report.created)
        else {
            return String::new();
        };
        let days = (created - newest).num_days();
        if self.report.database_age != DatabaseAge::LowerBound
            || days < 7
            || dated.take(ENOUGH_DATES).count() < ENOUGH_DATES
        {
            return String::new();
        }
        format!("no date in it is of the {days} days before the scan")
    }
}

/// The files a unit was found in: ecosystem, and path without the first slash.
pub(super) fn files_of<'u>(unit: &'u Unit<'_>) -> impl Iterator<Item = (&'u str, &'u str)> {
    let locations = unit
        .records
        .iter()
        .flat_map(|record| &record.package.locations);
    locations
        .map(|location| location.path.trim_start_matches('/'))
        .filter(|path| !path.is_empty())
        .map(|path| (unit.identity.ecosystem.as_str(), path))
}

/// Folders that hold one installed package a folder, of which a scanner reads all or none.
const TREES: [&str; 3] = ["node_modules/", "site-packages/", "dist-packages/"];

/// The outermost folder of installed packages that a file is in.
fn tree_of<'u>((ecosystem, path): (&'u str, &'u str)) -> Option<(&'u str, &'u str)> {
    let ends = TREES
        .iter()
        .filter_map(|tree| Some(path.find(tree)? + tree.len()));
    Some((ecosystem, path.get(..ends.min()?)?))
}
