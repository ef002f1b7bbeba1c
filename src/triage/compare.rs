//! Comparison of two reports about one subject: agreement, differences and the reason for each.
//!
//! Findings are joined in `join`; here the reports are kept apart and set side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::model::{
    Fix, FixState, Fixable, JoinRule, Purl, Report, Sbom, ScanOption, Severity, Subject,
    VulnerabilityId,
};
use crate::triage::join::blend::plain_version;

mod across;
mod pairing;
mod reasons;
mod sides;
mod units;

use pairing::{Pairing, pair};
use reasons::{Catalogue, Witness};
use sides::{Side, sides};
use units::{Unit, units};

pub use across::{Across, AcrossRow, AcrossSide, AcrossTotals, across};
pub use sides::SideContext;

/// How well a reason is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// The documents state it.
    Proven,
    /// It follows from what the documents hold or lack.
    Inferred,
    /// The documents cannot say.
    Undecidable,
}

/// What differs in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Difference {
    /// Only one side has it.
    Presence,
    /// Both have it, with other severities (`negligible` and `low` count as one).
    Severity,
    /// Both have it, and say otherwise about a fix.
    Fix,
}

/// Why a row differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The class: a stable kebab-case name.
    pub class: &'static str,
    /// How well it is supported.
    pub strength: Strength,
    /// The reason in words.
    pub text: String,
    /// The fields that support it, as written in the documents.
    pub evidence: BTreeMap<&'static str, String>,
}

/// What one side says in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SideView {
    /// The ids it uses, the one it shows first.
    pub ids: Vec<VulnerabilityId>,
    /// Its severity.
    pub severity: Severity,
    /// Whose severity that is.
    pub severity_source: Option<String>,
    /// What it says about a fix.
    pub fix: Fix,
    /// The records it says it in, by their positions in the report.
    #[serde(skip)]
    pub records: Vec<u32>,
}

/// The package of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RowPackage {
    /// The name.
    pub name: String,
    /// The installed version.
    pub version: String,
    /// The package URL.
    pub purl: Option<Purl>,
}

/// One row: a unit both sides have, or one that only one has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `both`, or the name of the only side.
    pub side: String,
    /// The primary id.
    pub id: VulnerabilityId,
    /// The other ids.
    pub aliases: Vec<VulnerabilityId>,
    /// The package.
    pub package: RowPackage,
    /// What each side says, by its name.
    pub sides: BTreeMap<String, SideView>,
    /// What differs; empty where the sides agree.
    pub difference: Vec<Difference>,
    /// Why; set wherever something differs.
    pub reason: Option<Reason>,
}

/// The counts of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SideTotal {
    /// Vulnerability records, suppressed ones left out.
    pub records: u64,
    /// Distinct (id, package, version).
    pub units: u64,
}

/// The counts of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Records and units by side.
    #[serde(flatten)]
    pub sides: BTreeMap<String, SideTotal>,
    /// The units of each side that the other has too.
    pub agreed: BTreeMap<String, u64>,
    /// The units of each side that the other lacks.
    pub only: BTreeMap<String, u64>,
    /// Rows of both whose severities differ.
    pub severity_differs: u64,
    /// Rows of both whose fixes differ.
    pub fix_differs: u64,
    /// Rows of both where only one side names a fix.
    pub fixable_differs: u64,
}

/// Two reports side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The weaker of the rules that joined both reports to the subject.
    pub joined_by: JoinRule,
    /// The reports: indices among the review's, in the order of `sides`.
    #[serde(skip)]
    pub reports: [usize; 2],
    /// The names of the sides.
    pub sides: [String; 2],
    /// What the findings of each side depend on, by its name.
    pub context: BTreeMap<String, SideContext>,
    /// The counts.
    pub totals: Totals,
    /// The rows: differences first, severest first.
    pub rows: Vec<Row>,
}

impl Comparison {
    /// Returns whether a side is reduced evidence.
    #[must_use]
    pub fn is_reduced(&self) -> bool {
        self.context.values().any(|side| side.reduced)
    }
}

/// Compares every two vulnerability reports of `subject`, the sides in the order of their names;
/// pairs of which one is reduced evidence come last.
///
/// Reports of one scanner are numbered in the order in which they were made, those without a date
/// last, then by path. A reduced format is left out where the same scanner's whole report is there.
#[must_use]
pub fn compare(subject: &Subject, reports: &[Arc<Report>], sboms: &[Arc<Sbom>]) -> Vec<Comparison> {
    let sboms: Vec<(&Sbom, JoinRule)> = subject
        .sboms
        .iter()
        .filter_map(|(position, rule)| Some((sboms.get(*position)?.as_ref(), *rule)))
        .collect();
    let sides = sides(subject, reports);
    let mut comparisons = Vec::new();
    for (number, left) in sides.iter().enumerate() {
        for right in sides.iter().skip(number + 1) {
            comparisons.push(compare_sides(left, right, &sboms));
        }
    }
    comparisons.sort_by_key(Comparison::is_reduced);
    comparisons
}

fn weaker(one: JoinRule, other: JoinRule) -> JoinRule {
    match (one, other) {
        (JoinRule::None, rule) | (rule, JoinRule::None) => rule,
        (one, other) => one.max(other),
    }
}

/// Compares two reports, whatever they are about; `sboms` describe the same image, each joined to
/// it by the rule beside it.
#[must_use]
pub fn compare_reports(left: &Report, right: &Report, sboms: &[(&Sbom, JoinRule)]) -> Comparison {
    let alike = left.scanner == right.scanner;
    let name = |report: &Report, position: usize| {
        if alike {
            format!("{}#{}", report.scanner, position + 1)
        } else {
            report.scanner.clone()
        }
    };
    let side = |report, position| Side {
        name: name(report, position),
        report,
        position,
        rule: JoinRule::None,
    };
    compare_sides(&side(left, 0), &side(right, 1), sboms)
}

fn compare_sides(one: &Side<'_>, other: &Side<'_>, sboms: &[(&Sbom, JoinRule)]) -> Comparison {
    let (left, right) = (one.report, other.report);
    let sides = [one.name.clone(), other.name.clone()];
    let (left_units, right_units) = (units(left), units(right));
    let pairing = pair(&left_units, &right_units);
    let [left_name, right_name] = &sides;
    let of = |left: u64, right: u64| {
        BTreeMap::from([(left_name.clone(), left), (right_name.clone(), right)])
    };
    let left_side = Witness::new(left, left_name, &left_units);
    let right_side = Witness::new(right, right_name, &right_units);
    let catalogues: Vec<Catalogue<'_>> = sboms
        .iter()
        .map(|(sbom, rule)| Catalogue::new(sbom, *rule))
        .collect();
    let mut rows = rows(&pairing, &left_side, &right_side, &catalogues);
    rows.sort_by(|one, other| order(one).cmp(&order(other)));
    let (left_agreed, right_agreed) = (pairing.left_agreed(), pairing.right_agreed());
    let count = |wanted: Difference| {
        let differing = rows.iter().filter(|row| row.difference.contains(&wanted));
        differing.count() as u64
    };
    let totals = Totals {
        sides: BTreeMap::from([
            (left_name.clone(), total(left, &left_units)),
            (right_name.clone(), total(right, &right_units)),
        ]),
        agreed: of(left_agreed, right_agreed),
        only: of(
            left_units.len() as u64 - left_agreed,
            right_units.len() as u64 - right_agreed,
        ),
        severity_differs: count(Difference::Severity),
        fix_differs: count(Difference::Fix),
        fixable_differs: rows.iter().filter(|row| only_one_fixes(row)).count() as u64,
    };
    let mut context = BTreeMap::new();
    for side in [one, other] {
        let mut known = SideContext::of(side.report, side.rule);
        add_inferred(&mut known, &side.name, &rows);
        context.insert(side.name.clone(), known);
    }
    Comparison {
        joined_by: weaker(one.rule, other.rule),
        reports: [one.position, other.position],
        sides,
        context,
        totals,
        rows,
    }
}

/// Adds the options that reasons of rows infer of a side, where the report does not name them.
fn add_inferred(context: &mut SideContext, name: &str, rows: &[Row]) {
    for (class, option, field) in [
        ("severity-filter", "severity", "least_severity"),
        ("ignore-unfixed", "ignore-unfixed", ""),
    ] {
        let known = context.options.iter().any(|known| known.name == option);
        let mut reasons = rows
            .iter()
            .filter(|row| row.side != name)
            .filter_map(|row| row.reason.as_ref());
        let reason = reasons.find(|reason| reason.class == class);
        if let Some(reason) = reason.filter(|_| !known) {
            let least = reason.evidence.get(field);
            context.options.push(ScanOption {
                name: option.to_owned(),
                value: least.map_or_else(|| "true".to_owned(), |least| format!("{least}+")),
                recorded: false,
            });
        }
    }
}

fn total(report: &Report, units: &[Unit<'_>]) -> SideTotal {
    let records = report.records.iter().filter(|record| {
        record.kind == crate::model::Kind::Vulnerability && record.suppressed_by.is_none()
    });
    SideTotal {
        records: records.count() as u64,
        units: units.len() as u64,
    }
}

fn only_one_fixes(row: &Row) -> bool {
    let fixes = row
        .sides
        .values()
        .filter(|side| side.fix.fixable() == Fixable::Yes)
        .count();
    row.difference.contains(&Difference::Fix) && fixes == 1
}

fn rows(
    pairing: &Pairing,
    left: &Witness<'_>,
    right: &Witness<'_>,
    sboms: &[Catalogue<'_>],
) -> Vec<Row> {
    let mut rows = Vec::new();
    // One vulnerability may be two units of a side (by advisory, and by CPE): a fix that either
    // names is one that this side names.
    let fixable = |unit: &Unit<'_>| unit.fix.fixable() == Fixable::Yes;
    let mut left_fixes: BTreeSet<usize> = BTreeSet::new();
    let mut right_fixes: BTreeSet<usize> = BTreeSet::new();
    for (one, other) in pairing.edges() {
        if left.units.get(one).is_some_and(fixable) {
            left_fixes.insert(other);
        }
        if right.units.get(other).is_some_and(fixable) {
            right_fixes.insert(one);
        }
    }
    for (one, other) in pairing.edges() {
        let named = left_fixes.contains(&other) && right_fixes.contains(&one);
        if let (Some(one), Some(other)) = (left.units.get(one), right.units.get(other)) {
            rows.push(both(one, other, left, right, named));
        }
    }
    for unit in pairing.left_only().filter_map(|unit| left.units.get(unit)) {
        rows.push(only(unit, left, right, sboms));
    }
    for unit in pairing
        .right_only()
        .filter_map(|unit| right.units.get(unit))
    {
        rows.push(only(unit, right, left, sboms));
    }
    rows
}

fn both(
    one: &Unit<'_>,
    other: &Unit<'_>,
    left: &Witness<'_>,
    right: &Witness<'_>,
    both_name_fixes: bool,
) -> Row {
    let mut difference = Vec::new();
    let both_state = one.states_severity() && other.states_severity();
    if both_state && comparable(one.severity) != comparable(other.severity) {
        difference.push(Difference::Severity);
    }
    let only_here = one.fix.fixable() != other.fix.fixable() && both_name_fixes;
    // A reduced format that names no fix has no place for one, or for why there is none.
    let both_tell = [one, other]
        .into_iter()
        .all(|unit| !unit.is_reduced || !unit.fix.versions.is_empty());
    if both_tell && fixes_differ(&one.fix, &other.fix) && !only_here {
        difference.push(Difference::Fix);
    }
    let reason = if difference.is_empty() {
        None
    } else {
        Some(reasons::of_difference(&difference, one, other, left, right))
    };
    let shared = one.ids.iter().filter(|id| other.ids.contains(*id));
    let id = units::primary(shared)
        .or_else(|| units::primary(one.ids.union(&other.ids)))
        .unwrap_or_else(|| one.shown.clone());
    let aliases = one.ids.union(&other.ids).filter(|name| **name != id);
    // The side whose package says more describes it; the same for either order of the sides.
    let packages = [one.row_package(), other.row_package()].into_iter();
    let package =
        packages.min_by(|one, other| (one.purl.is_none(), one).cmp(&(other.purl.is_none(), other)));
    Row {
        side: "both".to_owned(),
        aliases: aliases.cloned().collect(),
        id,
        package: package.unwrap_or_else(|| one.row_package()),
        sides: BTreeMap::from([
            (left.name.to_owned(), one.view()),
            (right.name.to_owned(), other.view()),
        ]),
        difference,
        reason,
    }
}

fn only(unit: &Unit<'_>, own: &Witness<'_>, other: &Witness<'_>, sboms: &[Catalogue<'_>]) -> Row {
    let id = units::primary(unit.ids.iter()).unwrap_or_else(|| unit.shown.clone());
    Row {
        side: own.name.to_owned(),
        aliases: unit
            .ids
            .iter()
            .filter(|name| **name != id)
            .cloned()
            .collect(),
        id,
        package: unit.row_package(),
        sides: BTreeMap::from([(own.name.to_owned(), unit.view())]),
        difference: vec![Difference::Presence],
        reason: Some(reasons::of_presence(unit, own, other, sboms)),
    }
}

/// Debian's "unimportant" is `low` in Trivy and `negligible` in Grype: the same rating.
fn comparable(severity: Severity) -> Severity {
    if severity == Severity::Negligible {
        Severity::Low
    } else {
        severity
    }
}

/// A side that does not know says nothing otherwise. Versions are compared without the marks that
/// only one scanner writes.
fn fixes_differ(one: &Fix, other: &Fix) -> bool {
    let (left, right) = (fixed_versions(one), fixed_versions(other));
    if left.is_empty() && right.is_empty() {
        one.state != other.state && ![one.state, other.state].contains(&FixState::Unknown)
    } else {
        left != right
    }
}

/// The fixed versions, without the marks that only one scanner writes.
fn fixed_versions(fix: &Fix) -> BTreeSet<&str> {
    let versions = fix.versions.iter();
    versions.map(|version| plain_version(version)).collect()
}

type RowOrder<'a> = (
    std::cmp::Reverse<bool>,
    Option<Difference>,
    std::cmp::Reverse<Severity>,
    &'a VulnerabilityId,
    &'a RowPackage,
    &'a str,
    Vec<(&'a String, &'a Vec<VulnerabilityId>)>,
);

/// Differences first: presence, severity, fix; then the severest.
fn order(row: &Row) -> RowOrder<'_> {
    let severity = row.sides.values().map(|side| side.severity).max();
    (
        std::cmp::Reverse(!row.difference.is_empty()),
        row.difference.first().copied(),
        std::cmp::Reverse(severity.unwrap_or_default()),
        &row.id,
        &row.package,
        &row.side,
        row.sides
            .iter()
            .map(|(name, side)| (name, &side.ids))
            .collect(),
    )
}

#[cfg(test)]
mod tests;
