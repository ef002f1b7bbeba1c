//! Reasons taken from SBOMs of the image: what they list, and whose catalogue that is.
//!
//! An SBOM made by the tool that a scanner catalogues with speaks for that scanner; any other only
//! makes likely what the scanner saw.

use super::catalogue::Catalogue;
use super::{Absence, reason};
use crate::triage::compare::{Reason, Strength};

/// Returns the SBOM that speaks for the other scanner and lists the package.
pub(super) fn catalogued<'a>(absence: &'a Absence<'a>) -> Option<&'a Catalogue<'a>> {
    let scanner = &absence.other.report.scanner;
    let mut sboms = absence.sboms.iter();
    sboms.find(|one| one.speaks_for(scanner) && one.packages.hold(&absence.unit.identity))
}

/// The SBOM that speaks for the other scanner lists packages of the kind, but not this one.
pub(super) fn not_catalogued(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, other) = (absence.unit, absence.other);
    if other.reported.hold(&unit.identity) || catalogued(absence).is_some() {
        return None;
    }
    let catalogue = absence.sboms.iter().find(|one| {
        one.speaks_for(&other.report.scanner) && one.packages.hold_any_of(&unit.identity.ecosystem)
    })?;
    let strength = if catalogue.is_certain {
        Strength::Proven
    } else {
        Strength::Inferred
    };
    let versions = catalogue.packages.versions(&unit.identity);
    let (name, version) = (&unit.package.name, &unit.package.version);
    let text = if versions.is_empty() {
        format!(
            "{} did not catalogue {name} {version}: the SBOM {} lists what it sees, and this is not in it",
            other.name,
            catalogue.describe()
        )
    } else {
        format!(
            "{} catalogued {name} {} and not {version}, according to the SBOM {}",
            other.name,
            versions.join(", "),
            catalogue.describe()
        )
    };
    Some(not_in(absence, catalogue, strength, text))
}

/// An SBOM of another tool lists packages of this kind, but not this one.
pub(super) fn not_in_sbom(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own) = (absence.unit, absence.own);
    let mut sboms = absence.sboms.iter();
    let catalogue = sboms.find(|one| one.packages.hold_any_of(&unit.identity.ecosystem))?;
    let text = format!(
        "{} {} is not catalogued according to the SBOM {}: {} found it, the tool that made the SBOM did not",
        unit.package.name,
        unit.package.version,
        catalogue.describe(),
        own.name
    );
    Some(not_in(absence, catalogue, Strength::Inferred, text))
}

fn not_in(
    absence: &Absence<'_>,
    catalogue: &Catalogue<'_>,
    strength: Strength,
    text: String,
) -> Reason {
    let identity = &absence.unit.identity;
    let first = absence.unit.package.locations.first();
    reason(
        "not-catalogued",
        strength,
        text,
        [
            ("sbom", catalogue.sbom.origin.path.clone()),
            ("producer", catalogue.producer().to_owned()),
            ("components", catalogue.sbom.components.len().to_string()),
            (
                "catalogued_versions",
                catalogue.packages.versions(identity).join(", "),
            ),
            (
                "path",
                first.map_or_else(String::new, |location| location.path.clone()),
            ),
        ],
    )
}

/// Nothing says; an SBOM would.
pub(super) fn undecidable(absence: &Absence<'_>) -> Reason {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    let (name, version) = (&unit.package.name, &unit.package.version);
    let silent = format!("{} does not list the packages it catalogued", other.name);
    let mut maker = match other.report.scanner.as_str() {
        "grype" => "an SBOM of this image by syft".to_owned(),
        "trivy" => "an SBOM of this image by trivy".to_owned(),
        _ => "an SBOM of this image".to_owned(),
    };
    if other.report.format.is_reduced()
        && matches!(other.report.scanner.as_str(), "trivy" | "grype")
    {
        maker = format!("its JSON, or {maker},");
    }
    // The same for either order of the sides.
    let mut files = [own, other].map(|side| (side.name, side.report.origin.path.as_str()));
    files.sort_unstable();
    let [(_, first), (_, second)] = files;
    let next = format!("countersign compare {first} {second} sbom.json");
    let text = if absence.sboms.is_empty() {
        format!("{silent}: load {maker} to see whether {name} is in it ({next})")
    } else {
        format!(
            "{silent}, and no SBOM of this image lists any {} package: load one that does",
            unit.identity.ecosystem
        )
    };
    reason(
        "undecidable",
        Strength::Undecidable,
        text,
        [
            ("package", name.clone()),
            ("version", version.clone()),
            ("type", unit.identity.ecosystem.clone()),
            ("next", next),
        ],
    )
}

#[cfg(test)]
mod tests;
