//! Reasons: why two reports differ about a unit, with the fields that show it.
//!
//! The first rule that applies gives the one reason of a row; `undecidable` where none does. The
//! order and the evidence were measured on pairs of reports about the same images.

use std::collections::BTreeMap;

use super::units::Unit;
use super::{Difference, Reason, Strength};

mod catalogue;
mod difference;
mod found;
mod lacking;
mod listed;
mod stated;
mod witness;

pub(super) use catalogue::Catalogue;
pub(super) use witness::Witness;

/// One unit that only one side has.
struct Absence<'a> {
    unit: &'a Unit<'a>,
    own: &'a Witness<'a>,
    other: &'a Witness<'a>,
    sboms: &'a [Catalogue<'a>],
}

/// The precedence: what the reports state, then what they hold, then what they lack.
const PRESENCE: [fn(&Absence<'_>) -> Option<Reason>; 29] = [
    stated::other_platform,
    stated::other_image,
    stated::suppressed,
    stated::scan_option,
    stated::by_cve,
    found::other_version,
    found::same_source,
    found::already_fixed,
    found::binary,
    found::cpe_match,
    found::other_package,
    found::not_catalogued,
    listed::not_catalogued,
    lacking::published_later,
    lacking::reduced,
    lacking::severity_filter,
    lacking::ignore_unfixed,
    lacking::id_scheme,
    lacking::changed_later,
    lacking::other_run,
    lacking::end_of_life,
    lacking::wanted_only,
    lacking::go_version,
    lacking::not_in_database,
    lacking::system_file,
    lacking::same_file,
    lacking::in_sbom,
    listed::not_in_sbom,
    lacking::distribution,
];

/// Makes a reason; evidence without a value is left out.
fn reason<const N: usize>(
    class: &'static str,
    strength: Strength,
    text: String,
    evidence: [(&'static str, String); N],
) -> Reason {
    let evidence: BTreeMap<&'static str, String> = evidence
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    Reason {
        class,
        strength,
        text,
        evidence,
    }
}

/// Why only `own` has this unit.
pub(super) fn of_presence(
    unit: &Unit<'_>,
    own: &Witness<'_>,
    other: &Witness<'_>,
    sboms: &[Catalogue<'_>],
) -> Reason {
    let absence = Absence {
        unit,
        own,
        other,
        sboms,
    };
    PRESENCE
        .iter()
        .find_map(|rule| rule(&absence))
        .unwrap_or_else(|| listed::undecidable(&absence))
}

/// Why both have it and say otherwise.
pub(super) fn of_difference(
    difference: &[Difference],
    one: &Unit<'_>,
    other: &Unit<'_>,
    left: &Witness<'_>,
    right: &Witness<'_>,
) -> Reason {
    // The same for either order of the sides.
    let mut sides = [(left, one), (right, other)];
    sides.sort_by_key(|(witness, _)| witness.name);
    let mut reason = if difference.contains(&Difference::Severity) {
        difference::of_severity(sides)
    } else {
        difference::of_fix(sides)
    };
    if difference.len() > 1 {
        let also = difference::of_fix(sides);
        reason.evidence.insert("fix", also.class.to_owned());
    }
    reason
}

#[cfg(test)]
mod tests;
