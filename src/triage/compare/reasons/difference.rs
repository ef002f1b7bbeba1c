//! Reasons why both sides have a unit and rate it, or its fix, otherwise.
//!
//! Which rows differ is decided in `compare`; absences are judged in the other modules.

use std::collections::BTreeSet;

use super::{Witness, reason};
use crate::model::{Fix, FixState, Severity};
use crate::triage::compare::units::Unit;
use crate::triage::compare::{Reason, Strength, comparable, fixed_versions};

/// The sides in the order of their names.
type Sides<'a> = [(&'a Witness<'a>, &'a Unit<'a>); 2];

/// Why the severities differ.
pub(super) fn of_severity(sides: Sides<'_>) -> Reason {
    let stated = sides.map(|(witness, unit)| {
        let source = unit
            .severity_source()
            .unwrap_or_else(|| "unnamed source".to_owned());
        format!("{}: {} ({source})", witness.name, unit.severity)
    });
    let severities = ("severities", stated.join(", "));
    let by_cve = sides.iter().find(|(witness, unit)| {
        let from_nvd = unit
            .severity_source()
            .is_some_and(|source| family(&source) == "nvd");
        from_nvd && witness.recorded(&["by-cve"]).is_some()
    });
    if let Some((witness, unit)) = by_cve {
        let text = format!(
            "{} was run by CVE, which takes the severity from NVD, not from the package's own advisory",
            witness.name
        );
        let evidence = [
            severities,
            ("option", "by-cve=true".to_owned()),
            (
                "advisory",
                unit.advisory().map(ToString::to_string).unwrap_or_default(),
            ),
        ];
        return reason("by-cve", Strength::Proven, text, evidence);
    }
    let sources = sides.map(|(_, unit)| unit.severity_source().map(|source| family(&source)));
    if let [Some(first), Some(second)] = &sources
        && first == second
    {
        let text = format!(
            "both take it from {first}: its rating changed between the two databases, or is mapped otherwise"
        );
        let evidence = [severities, databases(sides)];
        return reason("severity-changed", Strength::Inferred, text, evidence);
    }
    unrated(sides, &severities)
        .or_else(|| known_to_both(sides, &severities))
        .unwrap_or_else(|| other_source(sides, severities))
}

/// What is known of both databases, for a rating that changed.
fn databases(sides: Sides<'_>) -> (&'static str, String) {
    let known = sides.map(|(witness, _)| {
        let database = witness.database();
        let known = if database.is_empty() {
            "unknown"
        } else {
            &database
        };
        format!("{}: {known}", witness.name)
    });
    ("databases", known.join(", "))
}

/// One side's source has no rating yet.
fn unrated(sides: Sides<'_>, severities: &(&'static str, String)) -> Option<Reason> {
    let [first, second] = sides;
    let ((witness, unit), (other, rated)) = if first.1.severity == Severity::Unknown {
        (first, second)
    } else if second.1.severity == Severity::Unknown {
        (second, first)
    } else {
        return None;
    };
    let source = unit.severity_source().unwrap_or_default();
    let rated_by = rated.severity_source();
    let text = format!(
        "the source {} uses has not rated it; {} shows the rating of {}",
        witness.name,
        other.name,
        rated_by.as_deref().unwrap_or("a source it does not name")
    );
    let evidence = [severities.clone(), ("unrated_by", source)];
    Some(reason("severity-unrated", Strength::Proven, text, evidence))
}

/// One side also holds the rating that the other shows, and shows another.
fn known_to_both(sides: Sides<'_>, severities: &(&'static str, String)) -> Option<Reason> {
    let [first, second] = sides;
    for ((knowing, own), (showing, other)) in [(first, second), (second, first)] {
        let Some(source) = other.severity_source() else {
            continue;
        };
        let known = own.records.iter().flat_map(|record| &record.ratings);
        let found = known.into_iter().find(|rating| {
            family(&rating.source) == family(&source)
                && comparable(rating.severity) == comparable(other.severity)
        });
        if let Some(rating) = found {
            let text = format!(
                "{} knows the rating that {} shows ({} by {}) and prefers another source",
                knowing.name, showing.name, rating.severity, rating.source
            );
            let known = format!("{}: {} ({})", knowing.name, rating.severity, rating.source);
            let evidence = [severities.clone(), ("also_known", known)];
            return Some(reason("severity-choice", Strength::Proven, text, evidence));
        }
    }
    None
}

/// Each side takes it from another source, or does not say from which.
fn other_source(sides: Sides<'_>, severities: (&'static str, String)) -> Reason {
    let unnamed = sides
        .iter()
        .find(|(_, unit)| unit.severity_source().is_none());
    let Some((witness, unit)) = unnamed else {
        let text = "each takes the severity from another source".to_owned();
        return reason("severity-source", Strength::Proven, text, [severities]);
    };
    let ratings = unit.records.iter().flat_map(|record| &record.ratings);
    let candidates: BTreeSet<&str> = ratings
        .filter(|rating| rating.severity == unit.severity)
        .map(|rating| rating.source.as_str())
        .collect();
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let text = format!(
        "{} does not name whose severity it shows: it took somebody else's",
        witness.name
    );
    let evidence = [severities, ("rated_so_by", candidates.join(", "))];
    reason("severity-unnamed", Strength::Proven, text, evidence)
}

/// The organisation behind a source or namespace, in one spelling.
fn family(source: &str) -> String {
    let first = source.split(':').next().unwrap_or(source).to_lowercase();
    match first.as_str() {
        "rhel" | "redhat" | "redhat-oval" => "redhat".to_owned(),
        "github" | "ghsa" => "ghsa".to_owned(),
        "ol" | "oracle" | "oracle-oval" => "oracle".to_owned(),
        "amzn" | "amazon" => "amazon".to_owned(),
        other => other.to_owned(),
    }
}

/// Why the fixes differ.
pub(super) fn of_fix(sides: Sides<'_>) -> Reason {
    let said = sides.map(|(witness, unit)| format!("{}: {}", witness.name, describe(unit)));
    let evidence = [("fixes", said.join(" / "))];
    let [left, right] = sides.map(|(_, unit)| fixed_versions(&unit.fix));
    let (class, text) = if left.is_empty() != right.is_empty() {
        ("fixable", "only one of them names a fixed version")
    } else if left.is_empty() {
        let wont_fix = |fix: &Fix| fix.state == FixState::WontFix;
        if sides.iter().any(|(_, unit)| wont_fix(&unit.fix)) {
            let text = "one says that it will not be fixed, the other says less";
            ("wont-fix", text)
        } else {
            let text = "neither names a fixed version; one says more about why";
            ("fix-state", text)
        }
    } else if left.is_disjoint(&right) {
        ("fix-versions", "they name different fixed versions")
    } else {
        let text = "compatible: one lists the fix of every branch, the other that of this one";
        ("fix-branches", text)
    };
    reason(class, Strength::Proven, text.to_owned(), evidence)
}

/// The versions, else the scanner's own word, else the state.
fn describe(unit: &Unit<'_>) -> String {
    if !unit.fix.versions.is_empty() {
        return unit.fix.versions.join(", ");
    }
    let mut records = unit.records.iter();
    let word = records.find_map(|record| record.state_word.clone());
    word.unwrap_or_else(|| unit.fix.state.as_str().to_owned())
}
