//! Pairing: which units of two reports are the same vulnerability of the same package.
//!
//! Symmetric: turning the sides round turns the result round. What differs is judged elsewhere.

use std::collections::{BTreeSet, HashMap};

use super::units::Unit;
use crate::model::VulnerabilityId;

/// The units of two reports that belong together.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairing {
    /// Each unit's best partner: left ones then right ones, without repetition.
    edges: BTreeSet<(usize, usize)>,
    left: Vec<Option<usize>>,
    right: Vec<Option<usize>>,
}

impl Pairing {
    /// Returns the pairs to show: every unit that has a partner is in one.
    pub(super) fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.edges.iter().copied()
    }

    /// Returns how many units of the left side the right has too.
    pub(super) fn left_agreed(&self) -> u64 {
        self.left.iter().flatten().count() as u64
    }

    /// Returns how many units of the right side the left has too.
    pub(super) fn right_agreed(&self) -> u64 {
        self.right.iter().flatten().count() as u64
    }

    /// Returns the units only the left side has.
    pub(super) fn left_only(&self) -> impl Iterator<Item = usize> + '_ {
        alone(&self.left)
    }

    /// Returns the units only the right side has.
    pub(super) fn right_only(&self) -> impl Iterator<Item = usize> + '_ {
        alone(&self.right)
    }
}

fn alone(partners: &[Option<usize>]) -> impl Iterator<Item = usize> + '_ {
    partners
        .iter()
        .enumerate()
        .filter(|(_, partner)| partner.is_none())
        .map(|(position, _)| position)
}

/// Pairs the units of two reports.
pub(super) fn pair(left: &[Unit<'_>], right: &[Unit<'_>]) -> Pairing {
    let mut to_right = partners(left, right);
    let mut to_left = partners(right, left);
    join_by_reference(left, right, &mut to_right, &mut to_left);
    let edges = to_right
        .iter()
        .enumerate()
        .filter_map(|(one, other)| Some((one, (*other)?)))
        .chain(
            to_left
                .iter()
                .enumerate()
                .filter_map(|(other, one)| Some(((*one)?, other))),
        )
        .collect();
    Pairing {
        edges,
        left: to_right,
        right: to_left,
    }
}

/// Returns the best partner of each unit of `from` among `to`.
fn partners(from: &[Unit<'_>], to: &[Unit<'_>]) -> Vec<Option<usize>> {
    let mut by_name: HashMap<(&VulnerabilityId, &str), Vec<usize>> = HashMap::new();
    // Reduced formats may name no package: such units meet by their ids alone.
    let any_incomplete = from.iter().any(Unit::is_incomplete);
    let mut by_id: HashMap<&VulnerabilityId, Vec<usize>> = HashMap::new();
    for (position, unit) in to.iter().enumerate() {
        if any_incomplete || unit.is_incomplete() {
            for id in &unit.ids {
                by_id.entry(id).or_default().push(position);
            }
        }
        for id in &unit.ids {
            by_name
                .entry((id, unit.identity.name.as_str()))
                .or_default()
                .push(position);
        }
    }
    from.iter()
        .map(|unit| {
            let candidates: BTreeSet<usize> = unit
                .ids
                .iter()
                .flat_map(|id| {
                    let named = by_name.get(&(id, unit.identity.name.as_str()));
                    let loose = by_id.get(id);
                    named.into_iter().chain(loose).flatten()
                })
                .copied()
                .collect();
            let same = candidates
                .into_iter()
                .filter_map(|position| Some((position, to.get(position)?)))
                .filter(|(_, other)| same(unit, other));
            same.min_by_key(|(_, other)| {
                let shared = unit.ids.intersection(&other.ids).count();
                (
                    !unit.identity.agrees_with(&other.identity),
                    unit.shown != other.shown,
                    usize::MAX - shared,
                    &other.shown,
                    &other.identity,
                )
            })
            .map(|(position, _)| position)
        })
        .collect()
}

/// Joins what is left over on both sides where a reference of one names an id of the other: equal
/// package and version, and not both with CVEs (those would have met, or differ).
fn join_by_reference(
    left: &[Unit<'_>],
    right: &[Unit<'_>],
    to_right: &mut [Option<usize>],
    to_left: &mut [Option<usize>],
) {
    let over = |partners: &[Option<usize>]| alone(partners).collect::<Vec<usize>>();
    let (left_over, right_over) = (over(to_right), over(to_left));
    let hints = |from: &[Unit<'_>], over: &[usize]| {
        let mut units = over.iter().filter_map(|position| from.get(*position));
        units.any(|unit| !unit.mentioned.is_empty())
    };
    if !hints(left, &left_over) && !hints(right, &right_over) {
        return;
    }
    let mut by_package: HashMap<&str, Vec<usize>> = HashMap::new();
    for position in &right_over {
        if let Some(unit) = right.get(*position) {
            let same = by_package.entry(unit.identity.name.as_str()).or_default();
            same.push(*position);
        }
    }
    let mut edges = Vec::new();
    for one in &left_over {
        let Some(unit) = left.get(*one) else { continue };
        let candidates = by_package.get(unit.identity.name.as_str());
        for other in candidates.into_iter().flatten() {
            let found = right.get(*other);
            edges.extend(
                found
                    .filter(|found| hinted(unit, found))
                    .map(|_| (*one, *other)),
            );
        }
    }
    // Units are in the order of their ids: the first is the best on either side.
    for (one, other) in edges {
        for (partners, from, to) in [(&mut *to_right, one, other), (&mut *to_left, other, one)] {
            if let Some(partner) = partners.get_mut(from) {
                *partner = Some(partner.map_or(to, |known| known.min(to)));
            }
        }
    }
}

fn hinted(one: &Unit<'_>, other: &Unit<'_>) -> bool {
    let names =
        |one: &Unit<'_>, other: &Unit<'_>| one.mentioned.iter().any(|id| other.ids.contains(*id));
    (one.cves.is_empty() || other.cves.is_empty())
        && one.identity.agrees_with(&other.identity)
        && (names(one, other) || names(other, one))
}

/// Equal package and version, an id in common, and no disagreement about the CVE.
fn same(one: &Unit<'_>, other: &Unit<'_>) -> bool {
    one.may_be_of(other) && ids_meet(one, other)
}

/// Returns whether both name the same vulnerability: an id in common; but where both know CVEs,
/// a CVE in common, whatever advisory they share.
pub(super) fn ids_meet(one: &Unit<'_>, other: &Unit<'_>) -> bool {
    let disjoint_cves =
        !one.cves.is_empty() && !other.cves.is_empty() && one.cves.is_disjoint(&other.cves);
    !disjoint_cves && !one.ids.is_disjoint(&other.ids)
}
