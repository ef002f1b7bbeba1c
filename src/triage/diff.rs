//! Difference of two sets of findings: what a rebuild took away, brought and left.
//!
//! Why each came or went is in `cause`.
//!
//! Two findings are the same problem when kind and package (version aside) are equal and their ids
//! meet; a package whose version changed and that still has the problem stays `Same`.

mod cause;

use std::collections::{BTreeSet, HashMap};

pub use self::cause::{Cause, Explained, Side};
use crate::model::{Finding, Kind, VulnerabilityId};

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change<'a> {
    /// It was there before only.
    Gone(&'a Finding),
    /// It is there after only.
    New(&'a Finding),
    /// It is there before and after, perhaps in another version.
    Same {
        /// Before.
        before: &'a Finding,
        /// After.
        after: &'a Finding,
    },
}

/// Returns what became of every finding: gone first, then new, then the same, each in the order
/// given. Every finding of either side is in exactly one change.
#[must_use]
pub fn diff<'a>(before: &[&'a Finding], after: &[&'a Finding]) -> Vec<Change<'a>> {
    let mut by_id: HashMap<(Kind, &VulnerabilityId), Vec<usize>> = HashMap::new();
    for (position, finding) in after.iter().enumerate() {
        for id in finding.ids() {
            let places = by_id.entry((finding.kind, id)).or_default();
            if places.last() != Some(&position) {
                places.push(position);
            }
        }
    }
    let mut taken = vec![false; after.len()];
    let (mut gone, mut same) = (Vec::new(), Vec::new());
    // What is equal to the version is matched first, so that of two copies of a package each meets
    // its own.
    let mut left: Vec<&'a Finding> = before.to_vec();
    for exact in [true, false] {
        left.retain(|old| {
            let candidates: BTreeSet<usize> = old
                .ids()
                .filter_map(|id| by_id.get(&(old.kind, id)))
                .flatten()
                .copied()
                .collect();
            let found = candidates.into_iter().find(|position| {
                let is_free = taken.get(*position) == Some(&false);
                is_free
                    && after
                        .get(*position)
                        .is_some_and(|new| is_same(old, new, exact))
            });
            let Some(position) = found else {
                return true;
            };
            if let (Some(place), Some(new)) = (taken.get_mut(position), after.get(position)) {
                *place = true;
                same.push(Change::Same {
                    before: old,
                    after: new,
                });
            }
            false
        });
    }
    gone.extend(left.into_iter().map(Change::Gone));
    let new = after.iter().zip(&taken).filter(|(_, taken)| !**taken);
    gone.extend(new.map(|(finding, _)| Change::New(finding)));
    gone.extend(same);
    gone
}

fn is_same(old: &Finding, new: &Finding, exact: bool) -> bool {
    let (one, other) = (old.package.identity(), new.package.identity());
    let same_place = old.kind == Kind::Vulnerability
        || old.package.locations.first().map(|place| &place.path)
            == new.package.locations.first().map(|place| &place.path);
    same_place && one.same_package(&other) && (!exact || one.version == other.version)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{FindingKey, Package};

    fn finding(id: &str, name: &str, version: &str) -> Finding {
        let package = Package {
            name: name.into(),
            version: version.into(),
            ecosystem: "npm".into(),
            ..Package::default()
        };
        Finding {
            key: FindingKey::new(Kind::Vulnerability, &package.identity(), id),
            subject: 0,
            kind: Kind::Vulnerability,
            id: VulnerabilityId::new(id),
            aliases: Vec::new(),
            covers: Vec::new(),
            severity: crate::model::Severity::High,
            ratings: Vec::new(),
            package,
            fix: crate::model::Fix::default(),
            scanners: Vec::new(),
            records: Vec::new(),
            title: String::new(),
            epss: None,
            known_exploited: None,
            exploitation: crate::model::Exploitation::default(),
            layer: crate::model::LayerPlace::Unknown,
            suppressed_by: None,
            observed: None,
        }
    }

    #[test]
    fn a_rebuild_is_told_apart() {
        let before = [
            finding("CVE-2026-1", "a", "1"),
            finding("CVE-2026-2", "b", "1"),
            finding("CVE-2026-2", "b", "2"),
        ];
        let after = [
            finding("CVE-2026-2", "b", "2"),
            finding("CVE-2026-2", "b", "3"),
            finding("CVE-2026-3", "a", "1"),
        ];
        let (old, new): (Vec<_>, Vec<_>) = (before.iter().collect(), after.iter().collect());
        assert_eq!(
            diff(&old, &new),
            [
                Change::Gone(&before[0]),
                Change::New(&after[2]),
                Change::Same {
                    before: &before[2],
                    after: &after[0]
                },
                Change::Same {
                    before: &before[1],
                    after: &after[1]
                },
            ]
        );
    }

    proptest! {
        #[test]
        fn every_finding_is_in_exactly_one_change(
            one in proptest::collection::vec((0_u8..4, 0_u8..3, 0_u8..3), 0..12),
            other in proptest::collection::vec((0_u8..4, 0_u8..3, 0_u8..3), 0..12),
        ) {
            let make = |list: &[(u8, u8, u8)]| -> Vec<Finding> {
                list.iter().map(|(id, name, version)| {
                    finding(&format!("CVE-2026-{id}"), &format!("p{name}"), &format!("{version}"))
                }).collect()
            };
            let (before, after) = (make(&one), make(&other));
            let (old, new): (Vec<_>, Vec<_>) = (before.iter().collect(), after.iter().collect());
            let changes = diff(&old, &new);
            let gone = changes.iter().filter(|change| matches!(change, Change::Gone(_))).count();
            let fresh = changes.iter().filter(|change| matches!(change, Change::New(_))).count();
            let same = changes.len() - gone - fresh;
            prop_assert_eq!((gone + same, fresh + same), (before.len(), after.len()));
            let nothing = diff(&old, &old);
            let unchanged = |change: &Change<'_>| matches!(change, Change::Same { .. });
            prop_assert!(nothing.iter().all(unchanged));
        }
    }
}
