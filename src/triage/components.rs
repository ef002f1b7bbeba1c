//! Components of an SBOM: flat list, tree, who needs what, and their findings.
//!
//! Which rows of the tree are folded is the screen's state, not kept here.

mod difference;

use std::collections::{BTreeSet, HashMap};

pub use self::difference::{
    Altered, Changed, ComponentDifference, Direction, Folded, Listed, difference,
};
use crate::model::{Finding, PackageIdentity, Sbom};

/// One row of the component tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeRow {
    /// The component: index into the SBOM's list; none for the heading of the unlinked ones.
    pub component: Option<u32>,
    /// The depth, 0 for the roots.
    pub depth: u16,
    /// How many rows below belong to this one.
    pub descendants: u32,
    /// Whether this component was shown further up; its children are not repeated.
    pub repeated: bool,
}

/// What an SBOM lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Every component.
    pub components: u64,
    /// Components without a package URL.
    pub without_purl: u64,
    /// Components without a version.
    pub without_version: u64,
    /// Components without a licence.
    pub without_license: u64,
    /// Components that no dependency and no nesting links to the rest.
    pub unlinked: u64,
    /// Entries that could not be read.
    pub unreadable: u64,
}

/// What is known about the components of one SBOM.
#[derive(Clone, Debug, Default)]
pub struct Components {
    tree: Vec<TreeRow>,
    dependents: Vec<Vec<u32>>,
    findings: Vec<Vec<u32>>,
    unjoined: Vec<u32>,
    completeness: Completeness,
}

impl Components {
    /// Works out tree, dependents and findings; `findings` are those of the SBOM's subject.
    #[must_use]
    pub fn build(sbom: &Sbom, findings: &[&Finding]) -> Self {
        let children = children(sbom);
        let mut dependents = vec![Vec::new(); sbom.components.len()];
        for (component, needs) in (0_u32..).zip(&sbom.depends_on) {
            for needed in needs {
                if let Some(list) = dependents.get_mut(*needed as usize) {
                    list.push(component);
                }
            }
        }
        for list in &mut dependents {
            list.sort_unstable();
            list.dedup();
        }
        let (tree, unlinked) = tree(sbom, &children);
        let (of_component, unjoined) = join(sbom, findings);
        Self {
            tree,
            dependents,
            findings: of_component,
            unjoined,
            completeness: completeness(sbom, unlinked),
        }
    }

    /// Returns the tree, parents before children.
    #[must_use]
    pub fn tree(&self) -> &[TreeRow] {
        &self.tree
    }

    /// Returns the components that need this one directly.
    #[must_use]
    pub fn dependents(&self, component: u32) -> &[u32] {
        self.dependents
            .get(component as usize)
            .map_or(&[], Vec::as_slice)
    }

    /// Returns the findings of a component, as positions in the slice given to `build`.
    #[must_use]
    pub fn findings(&self, component: u32) -> &[u32] {
        self.findings
            .get(component as usize)
            .map_or(&[], Vec::as_slice)
    }

    /// Returns the findings that belong to no component, as positions in the slice given to `build`.
    #[must_use]
    pub fn unjoined(&self) -> &[u32] {
        &self.unjoined
    }

    /// Returns what the SBOM lacks.
    #[must_use]
    pub fn completeness(&self) -> Completeness {
        self.completeness
    }
}

/// What hangs under each component: what is nested in it and what it depends on.
fn children(sbom: &Sbom) -> Vec<BTreeSet<u32>> {
    let mut children: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); sbom.components.len()];
    let count = sbom.components.len();
    for (position, component) in (0_u32..).zip(&sbom.components) {
        let parent = component.parent.filter(|parent| *parent != position);
        if let Some(list) = parent.and_then(|parent| children.get_mut(parent as usize)) {
            list.insert(position);
        }
    }
    for (position, needs) in (0_u32..).zip(&sbom.depends_on) {
        if let Some(list) = children.get_mut(position as usize) {
            let valid = needs
                .iter()
                .filter(|needed| **needed != position && (**needed as usize) < count);
            list.extend(valid);
        }
    }
    children
}

/// Walks from the roots, each component's children once; what is not reached hangs under a heading.
fn tree(sbom: &Sbom, children: &[BTreeSet<u32>]) -> (Vec<TreeRow>, u64) {
    let mut rows = Vec::new();
    let mut shown = vec![false; sbom.components.len()];
    let mut roots = sbom.roots.clone();
    let mut seen = BTreeSet::new();
    roots.retain(|root| (*root as usize) < sbom.components.len() && seen.insert(*root));
    for root in roots {
        walk(root, 0, children, &mut shown, &mut rows);
    }
    // Without an edge from the subject, a component that nothing points at begins a tree.
    let pointed_at: BTreeSet<u32> = children.iter().flatten().copied().collect();
    for (position, below) in (0_u32..).zip(children) {
        let begins = !below.is_empty() && !pointed_at.contains(&position);
        if begins && shown.get(position as usize) == Some(&false) {
            walk(position, 0, children, &mut shown, &mut rows);
        }
    }
    let heading = rows.len();
    let unlinked = shown.iter().filter(|shown| !**shown).count() as u64;
    if unlinked > 0 {
        rows.push(TreeRow {
            component: None,
            depth: 0,
            descendants: 0,
            repeated: false,
        });
        for (position, _) in (0_u32..).zip(children) {
            if shown.get(position as usize) == Some(&false) {
                walk(position, 1, children, &mut shown, &mut rows);
            }
        }
        let below = u32::try_from(rows.len() - heading - 1).unwrap_or(u32::MAX);
        if let Some(row) = rows.get_mut(heading) {
            row.descendants = below;
        }
    }
    (rows, unlinked)
}

/// Walks without recursion: documents nest as deep as they like.
fn walk(
    root: u32,
    depth: u16,
    children: &[BTreeSet<u32>],
    shown: &mut [bool],
    rows: &mut Vec<TreeRow>,
) {
    enum Step {
        Enter(u32, u16),
        Leave(usize),
    }
    let mut steps = vec![Step::Enter(root, depth)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Leave(row) => {
                let below = u32::try_from(rows.len() - row - 1).unwrap_or(u32::MAX);
                if let Some(row) = rows.get_mut(row) {
                    row.descendants = below;
                }
            }
            Step::Enter(component, depth) => {
                let Some(shown) = shown.get_mut(component as usize) else {
                    continue;
                };
                let repeated = std::mem::replace(shown, true);
                rows.push(TreeRow {
                    component: Some(component),
                    depth,
                    descendants: 0,
                    repeated,
                });
                if repeated {
                    continue;
                }
                steps.push(Step::Leave(rows.len() - 1));
                let below = children.get(component as usize).into_iter().flatten();
                steps.extend(
                    below
                        .rev()
                        .map(|child| Step::Enter(*child, depth.saturating_add(1))),
                );
            }
        }
    }
}

/// Joins findings to components by package identity.
fn join(sbom: &Sbom, findings: &[&Finding]) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut by_name: HashMap<(String, String), Vec<(usize, PackageIdentity)>> = HashMap::new();
    for (position, component) in sbom.components.iter().enumerate() {
        let identity = component.package.identity();
        by_name
            .entry((identity.ecosystem.clone(), identity.name.clone()))
            .or_default()
            .push((position, identity));
    }
    let mut of_component = vec![Vec::new(); sbom.components.len()];
    let mut unjoined = Vec::new();
    for (number, finding) in (0_u32..).zip(findings) {
        let identity = finding.package.identity();
        let candidates = by_name.get(&(identity.ecosystem.clone(), identity.name.clone()));
        let mut joined = false;
        for (position, component) in candidates.into_iter().flatten() {
            if component.agrees_with(&identity)
                && let Some(list) = of_component.get_mut(*position)
            {
                list.push(number);
                joined = true;
            }
        }
        if !joined {
            unjoined.push(number);
        }
    }
    (of_component, unjoined)
}

fn completeness(sbom: &Sbom, unlinked: u64) -> Completeness {
    let count = |lacks: &dyn Fn(&crate::model::Package) -> bool| {
        let packages = sbom.components.iter().map(|component| &component.package);
        packages.filter(|package| lacks(package)).count() as u64
    };
    Completeness {
        components: sbom.components.len() as u64,
        without_purl: count(&|package| package.purl.is_none()),
        without_version: count(&|package| package.version.is_empty()),
        without_license: count(&|package| package.licenses.is_empty()),
        unlinked,
        unreadable: sbom.losses.iter().map(|loss| loss.records).sum(),
    }
}

#[cfg(test)]
mod tests;
