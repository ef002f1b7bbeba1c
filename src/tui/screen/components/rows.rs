//! Which rows of an SBOM are listed: the unfolded tree, or the flat list by name.
//!
//! Pure; the tree itself is `triage::components`'s. Worked out when something is folded or the SBOM
//! changes, never while drawing.

use std::collections::BTreeSet;

use crate::model::Sbom;
use crate::triage::components::{Components, TreeRow};

/// One listed row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The component; none for the heading of the unlinked ones.
    pub component: Option<u32>,
    /// The depth, 0 in a flat list.
    pub depth: u16,
    /// The row's position in the tree; none in a flat list.
    pub tree: Option<usize>,
    /// The rows below it, folded or not.
    pub descendants: u32,
    /// Whether it was shown further up, with its children there.
    pub repeated: bool,
}

/// Returns the rows of the tree, those below a folded one left out.
#[must_use]
pub fn tree(components: &Components, folded: &BTreeSet<usize>) -> Vec<Listed> {
    let rows = components.tree();
    let mut listed = Vec::new();
    let mut position = 0;
    while let Some(row) = rows.get(position) {
        listed.push(of(row, position));
        let below = if folded.contains(&position) {
            row.descendants as usize
        } else {
            0
        };
        position += 1 + below;
    }
    listed
}

fn of(row: &TreeRow, position: usize) -> Listed {
    Listed {
        component: row.component,
        depth: row.depth,
        tree: Some(position),
        descendants: row.descendants,
        repeated: row.repeated,
    }
}

/// Returns every component once, by name and version; by licence first where `licences` says so.
#[must_use]
pub fn flat(sbom: &Sbom, licences: bool) -> Vec<Listed> {
    let mut order: Vec<u32> =
        (0..u32::try_from(sbom.components.len()).unwrap_or(u32::MAX)).collect();
    let key = |component: &u32| {
        sbom.components.get(*component as usize).map(|entry| {
            let package = &entry.package;
            let licence = if licences {
                package.licenses.as_slice()
            } else {
                &[]
            };
            (licence, &package.name, &package.version)
        })
    };
    order.sort_by(|one, other| key(one).cmp(&key(other)));
    order
        .into_iter()
        .map(|component| Listed {
            component: Some(component),
            depth: 0,
            tree: None,
            descendants: 0,
            repeated: false,
        })
        .collect()
}

/// Returns the components whose name, purl or licences hold `wanted` (lower case), each once.
#[must_use]
pub fn filtered(sbom: &Sbom, wanted: &str, licences: bool) -> Vec<Listed> {
    let has = |text: &str| text.to_lowercase().contains(wanted);
    let mut listed = flat(sbom, licences);
    listed.retain(|row| {
        let component = row
            .component
            .and_then(|component| sbom.components.get(component as usize));
        component.is_some_and(|component| {
            let package = &component.package;
            has(&package.name)
                || package.licenses.iter().any(|licence| has(licence))
                || package
                    .purl
                    .as_ref()
                    .is_some_and(|purl| has(&purl.to_string()))
        })
    });
    listed
}

/// Returns the position in the tree of the row that `position` hangs under.
#[must_use]
pub fn parent(components: &Components, position: usize) -> Option<usize> {
    let rows = components.tree();
    let depth = rows.get(position)?.depth;
    rows.iter()
        .enumerate()
        .take(position)
        .rev()
        .find(|(_, row)| row.depth < depth)
        .map(|(above, _)| above)
}
