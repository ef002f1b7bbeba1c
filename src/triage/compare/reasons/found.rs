//! Reasons seen in what the reports hold: the same under another name, or a way of finding.
//!
//! What a report lacks is judged in `lacking`.

use super::{Absence, reason};
use crate::model::MatchKind;
use crate::triage::compare::units::Unit;
use crate::triage::compare::{Reason, Strength};
use crate::triage::join::blend::plain_version;

/// The other side has the vulnerability in another version of the package.
pub(super) fn other_version(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    let same = other.same_vulnerability(unit);
    let same: Vec<&Unit<'_>> = same
        .into_iter()
        .filter(|found| found.identity.same_package(&unit.identity))
        .collect();
    let Some(found) = same.iter().find(|found| !own.reports(found)) else {
        return other_copy(absence, &same);
    };
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

/// Every version the other has, this side has too: no version was read otherwise, there is one
/// copy more.
fn other_copy(absence: &Absence<'_>, same: &[&Unit<'_>]) -> Option<Reason> {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    let met = same.first()?;
    let versions: Vec<&str> = same
        .iter()
        .map(|found| found.package.version.as_str())
        .collect();
    let versions = versions.join(", ");
    let same_file = other.same_file(unit).map_or_else(String::new, |file| {
        format!(
            "; {} reads the same {file} and leaves this copy out",
            other.name
        )
    });
    Some(reason(
        "other-copy",
        Strength::Proven,
        format!(
            "a further copy: both report it for {versions}, only {} for {}{same_file}",
            own.name, unit.package.version
        ),
        [
            ("version", unit.package.version.clone()),
            ("versions_of_both", versions),
            ("path", path(unit)),
            ("other_path", path(met)),
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
    let source = unit.source();
    let text = if absence.own.reports(found) {
        format!(
            "both report it for {}; only {} also for {}, another binary of the source package {source}",
            found.package.name, absence.own.name, unit.package.name
        )
    } else {
        format!(
            "{} reports it for {}, another binary of the source package {source}",
            other.name, found.package.name
        )
    };
    Some(reason(
        "same-source",
        Strength::Proven,
        text,
        [
            ("source", unit.source().to_owned()),
            ("other_package", found.package.name.clone()),
        ],
    ))
}

/// The installed version is a fixed one, which the two places spell otherwise: `2022.12.7` and
/// `2022.12.07`.
pub(super) fn already_fixed(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own) = (absence.unit, absence.own);
    let (kind, installed) = (&unit.identity.ecosystem, &unit.identity.version);
    let mut versions = unit.fix.versions.iter();
    let fixed = versions.find(|fixed| same_version(kind, plain_version(fixed), installed))?;
    Some(reason(
        "already-fixed",
        Strength::Proven,
        format!(
            "the installed version {} is a fixed one ({fixed}): {} holds it to be older",
            unit.package.version, own.name
        ),
        [
            ("version", unit.package.version.clone()),
            ("fixed_version", fixed.clone()),
            ("path", path(unit)),
        ],
    ))
}

/// Returns whether two spellings are one version. Python's versions (PEP 440) and those of Debian
/// and RPM compare numbers as numbers; Python's also ignore zeros at the end.
fn same_version(ecosystem: &str, one: &str, other: &str) -> bool {
    fn numbers(version: &str) -> Vec<&str> {
        let zeros = |part| str::trim_start_matches(part, '0');
        version.split('.').map(zeros).collect()
    }
    let (mut left, mut right) = (numbers(one), numbers(other));
    if ecosystem == "pypi" {
        for list in [&mut left, &mut right] {
            while list.last().is_some_and(|part| part.is_empty()) {
                list.pop();
            }
        }
    }
    one == other || (matches!(ecosystem, "pypi" | "deb" | "rpm") && left == right)
}

fn namespace(unit: &Unit<'_>) -> String {
    let mut records = unit.records.iter();
    let namespace = records.find_map(|record| record.namespace.clone());
    namespace.unwrap_or_default()
}

/// A program that no package owns.
pub(super) fn binary(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    if own.is_like(other) || other.reported.hold_any_of("binary") {
        return None;
    }
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
    if own.is_like(absence.other) {
        return None;
    }
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

/// The other side has it for another package altogether, and this side not for that one. Where it
/// has, the vulnerability is of several packages: the other's silence about this one is judged
/// further on.
pub(super) fn other_package(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    let same = other.same_vulnerability(unit);
    let found = same.into_iter().find(|found| !own.reports(found))?;
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

#[cfg(test)]
mod tests {
    use super::same_version;

    #[test]
    fn spellings_of_one_version_meet() {
        for (kind, one, other, same) in [
            ("pypi", "2022.12.07", "2022.12.7", true),
            ("pypi", "1.0", "1", true),
            ("pypi", "1.10", "1.1", false),
            ("deb", "1.02-1", "1.2-1", true),
            ("deb", "1.0", "1", false),
            ("npm", "1.02.0", "1.2.0", false),
            ("npm", "1.2.0", "1.2.0", true),
        ] {
            assert_eq!(same_version(kind, one, other), same, "{kind} {one} {other}");
        }
    }
}
