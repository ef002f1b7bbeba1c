//! Reasons seen in what the reports hold: the same under another name, or a way of finding.
//!
//! What a report lacks is judged in `lacking`.

use super::{Absence, reason};
use crate::model::MatchKind;
use crate::triage::compare::units::Unit;
use crate::triage::compare::{Reason, Strength};

/// The other side has the vulnerability in another version of the package.
pub(super) fn other_version(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    let same = other.same_vulnerability(unit);
    let found = same
        .iter()
        .find(|found| found.identity.same_package(&unit.identity))?;
    Some(reason(
        "other-version",
        Strength::Proven,
        format!(
            "{} reports it for version {}, {} for {}: two copies, or a version read otherwise",
            other.name, found.package.version, own.name, unit.package.version
        ),
        [
            ("version", unit.package.version.clone()),
            ("other_version", found.package.version.clone()),
            ("path", path(unit)),
            ("other_path", path(found)),
        ],
    ))
}

fn path(unit: &Unit<'_>) -> String {
    let first = unit.package.locations.first();
    first.map_or_else(String::new, |location| location.path.clone())
}

/// The other side has it for another binary of the same source package.
pub(super) fn same_source(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, other) = (absence.unit, absence.other);
    let same = other.same_vulnerability(unit);
    let found = same.iter().find(|found| {
        found.identity.ecosystem == unit.identity.ecosystem && found.source() == unit.source()
    })?;
    Some(reason(
        "same-source",
        Strength::Proven,
        format!(
            "{} reports it for {}, another binary of the source package {}",
            other.name,
            found.package.name,
            unit.source()
        ),
        [
            ("source", unit.source().to_owned()),
            ("other_package", found.package.name.clone()),
        ],
    ))
}

fn namespace(unit: &Unit<'_>) -> String {
    let mut records = unit.records.iter();
    let namespace = records.find_map(|record| record.namespace.clone());
    namespace.unwrap_or_default()
}

/// A program that no package owns.
pub(super) fn binary(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    (unit.identity.ecosystem == "binary").then(|| {
        reason(
            "binary",
            Strength::Proven,
            format!(
                "{} recognised the program itself, which no package owns; {} does not catalogue such files",
                own.name, other.name
            ),
            [
                ("type", "binary".to_owned()),
                ("namespace", namespace(unit)),
                ("path", path(unit)),
            ],
        )
    })
}

/// Matched by guessed names only.
pub(super) fn cpe_match(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own) = (absence.unit, absence.own);
    let mut records = unit.records.iter();
    records
        .all(|record| record.matched == MatchKind::Cpe)
        .then(|| {
            reason(
                "cpe-match",
                Strength::Proven,
                format!(
                    "{} matched by CPE only, which compares guessed names: look whether it is this package",
                    own.name
                ),
                [
                    ("match", "cpe-match".to_owned()),
                    ("namespace", namespace(unit)),
                ],
            )
        })
}

/// The other side has it for another package altogether.
pub(super) fn other_package(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    let found = other.same_vulnerability(unit).into_iter().next()?;
    Some(reason(
        "other-package",
        Strength::Proven,
        format!(
            "{} reports it for {} {}, {} for {}",
            other.name, found.package.name, found.package.version, own.name, unit.package.name
        ),
        [
            ("other_package", found.package.name.clone()),
            ("other_version", found.package.version.clone()),
            ("other_type", found.identity.ecosystem.clone()),
        ],
    ))
}

/// The other report lists the packages it catalogued, and this one is not among them.
pub(super) fn not_catalogued(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, other) = (absence.unit, absence.other);
    let listed = other.catalogued.as_ref()?;
    if listed.hold(&unit.identity) || other.reported.hold(&unit.identity) {
        return None;
    }
    Some(reason(
        "not-catalogued",
        Strength::Proven,
        format!(
            "{} did not catalogue {} {}",
            other.name, unit.package.name, unit.package.version
        ),
        [
            ("catalogued_packages", listed.count().to_string()),
            (
                "catalogued_versions",
                listed.versions(&unit.identity).join(", "),
            ),
            ("path", path(unit)),
        ],
    ))
}
