//! Reasons that the reports state themselves: another image, a suppression, an option.
//!
//! Nothing is concluded here from what a report lacks.

use super::{Absence, reason};
use crate::model::{Fix, FixState, Fixable, Platform, VulnerabilityId};
use crate::triage::compare::units::Unit;
use crate::triage::compare::{Reason, Strength, fixed_versions};

/// Both reports name a platform, and not the same.
pub(super) fn other_platform(absence: &Absence<'_>) -> Option<Reason> {
    let (own, other) = (absence.own, absence.other);
    let platforms = [own, other].map(|side| side.report.claim.platform.as_ref());
    let [Some(here), Some(there)] = platforms else {
        return None;
    };
    (!here.agrees_with(there)).then(|| {
        reason(
            "other-platform",
            Strength::Proven,
            format!(
                "the reports are about two platforms: {} scanned {here}, {} {there}",
                own.name, other.name
            ),
            [
                ("platform", Platform::to_string(here)),
                ("other_platform", there.to_string()),
            ],
        )
    })
}

/// Both reports name the layers, and not the same.
pub(super) fn other_image(absence: &Absence<'_>) -> Option<Reason> {
    let (own, other) = (absence.own, absence.other);
    let (here, there) = (&own.report.claim.diff_ids, &other.report.claim.diff_ids);
    if here.is_empty() || there.is_empty() || here == there {
        return None;
    }
    let common = here.iter().zip(there).take_while(|(one, two)| one == two);
    let common = common.count();
    Some(reason(
        "other-image",
        Strength::Proven,
        format!(
            "the reports are about two images: {common} of {} and {} layers are the same",
            here.len(),
            there.len()
        ),
        [
            ("layers", here.len().to_string()),
            ("other_layers", there.len().to_string()),
            ("common_layers", common.to_string()),
        ],
    ))
}

/// The other report lists it as suppressed.
pub(super) fn suppressed(absence: &Absence<'_>) -> Option<Reason> {
    let record = absence.other.suppresses(absence.unit)?;
    let suppression = record.suppressed_by.clone()?;
    Some(reason(
        "suppressed",
        Strength::Proven,
        format!("{} lists it as suppressed", absence.other.name),
        [
            ("source", suppression.source),
            ("status", suppression.status),
            ("statement", suppression.statement.unwrap_or_default()),
        ],
    ))
}

/// The other report records an option that leaves it out.
pub(super) fn scan_option(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, other) = (absence.unit, absence.other);
    let left_out = match unit.fix.fixable() {
        Fixable::Yes => other.recorded(&["only-notfixed"]),
        Fixable::No | Fixable::Unknown => other.recorded(&["only-fixed", "ignore-unfixed"]),
    }
    .or_else(|| {
        let wont_fix = unit.fix.state == FixState::WontFix;
        other.recorded(&["ignore-wontfix"]).filter(|_| wont_fix)
    })
    .or_else(|| {
        other.recorded(&["severity"]).filter(|option| {
            !option
                .value
                .to_ascii_lowercase()
                .split(',')
                .any(|word| word.trim() == unit.severity.as_str())
        })
    })?;
    Some(reason(
        "scan-option",
        Strength::Proven,
        format!("{} was run so that it leaves this out", other.name),
        [
            ("option", left_out.name.clone()),
            ("value", left_out.value.clone()),
        ],
    ))
}

/// Run by CVE, the other keeps one CVE of an advisory that covers several; the rest seem missing.
///
/// Proven where it shows that one CVE for the same package, with the advisory and the same fix.
pub(super) fn by_cve(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, other) = (absence.unit, absence.other);
    let option = other.recorded(&["by-cve"])?;
    let rewritten = |kept: &&Unit<'_>| {
        let namespaces = || {
            kept.records
                .iter()
                .filter_map(|record| record.namespace.as_deref())
        };
        kept.identity.ecosystem == unit.identity.ecosystem
            && kept.advisory().is_some()
            && namespaces().any(|namespace| namespace.starts_with("nvd"))
            && (kept.identity.same_package(&unit.identity) || kept.source() == unit.source())
    };
    let kept: Vec<&Unit<'_>> = other.units.iter().filter(rewritten).collect();
    let same_fix = |kept: &&&Unit<'_>| fixes_meet(&kept.fix, &unit.fix);
    let of_package = |kept: &&&Unit<'_>| kept.identity.same_package(&unit.identity);
    let candidates = || kept.iter().filter(same_fix);
    let proof = candidates()
        .find(of_package)
        .or_else(|| candidates().next());
    let (strength, example) = match proof {
        Some(proof) => (Strength::Proven, proof),
        None => (Strength::Inferred, kept.first()?),
    };
    let advisory = example.advisory().map(VulnerabilityId::to_string);
    let advisory = advisory.unwrap_or_default();
    Some(reason(
        "by-cve",
        strength,
        format!(
            "{} was run by CVE, which keeps one CVE of an advisory that covers several: of \
             {advisory} it shows {}",
            other.name, example.shown
        ),
        [
            ("option", format!("{}={}", option.name, option.value)),
            ("advisory", advisory),
            ("kept", example.shown.to_string()),
            ("fixed_version", example.fix.versions.join(", ")),
        ],
    ))
}

fn fixes_meet(one: &Fix, other: &Fix) -> bool {
    !fixed_versions(one).is_disjoint(&fixed_versions(other))
}
