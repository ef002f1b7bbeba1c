//! Difference of two SBOMs: packages added, removed and changed, with licences and layers.
//!
//! Nothing is said here about why a version changed or what findings went with it: that is
//! `triage::diff`'s work.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::{Component, Package, Purl, Sbom};

/// Words for entries that stand for no package where they carry no package URL: the document's own
/// groups, and what `CycloneDX` and SPDX call neither library nor package.
const NO_PACKAGES: [&str; 12] = [
    "application",
    "container",
    "cryptographic-asset",
    "data",
    "device",
    "device-driver",
    "file",
    "firmware",
    "machine-learning-model",
    "operating-system",
    "platform",
    "source",
];

/// Which way a package's versions went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Every version that came is newer than every one that went.
    Up,
    /// Every version that came is older than every one that went.
    Down,
    /// Some came that are newer, some that are older, or copies came or went alone.
    Mixed,
    /// The versions cannot be ordered.
    Unordered,
}

impl Direction {
    /// Returns the word of documents and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Mixed => "mixed",
            Self::Unordered => "unordered",
        }
    }
}

/// A package of one side alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Listed {
    /// The name.
    pub name: String,
    /// The version; empty where the document has none.
    pub version: String,
    /// The ecosystem.
    pub ecosystem: String,
    /// The package URL, as written.
    pub purl: Option<Purl>,
}

/// A package that both sides have, in other versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The name.
    pub name: String,
    /// The ecosystem.
    pub ecosystem: String,
    /// Every version before.
    pub from: Vec<String>,
    /// Every version after.
    pub to: Vec<String>,
    /// Which way they went.
    pub direction: Direction,
}

/// A package that is the same but for one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Altered {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The ecosystem.
    pub ecosystem: String,
    /// What it was.
    pub from: Vec<String>,
    /// What it is.
    pub to: Vec<String>,
}

/// A package that both sides have in the same version and spell differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Folded {
    /// The name before.
    pub name: String,
    /// How it is written before.
    pub before: String,
    /// How it is written after.
    pub after: String,
    /// The rules that made them one: `epoch`, `subpath`, `name` (its letter case and its dashes), `version`.
    pub rules: Vec<&'static str>,
}

/// What became of the packages of one SBOM in another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ComponentDifference {
    /// Packages that are only after.
    pub added: Vec<Listed>,
    /// Packages that are only before.
    pub removed: Vec<Listed>,
    /// Packages whose versions differ.
    pub changed: Vec<Changed>,
    /// Packages, version included, that both have.
    pub common: usize,
    /// Common packages whose licences differ where both state some.
    pub licenses_changed: Vec<Altered>,
    /// Common packages that moved to another layer of the image after that is one of the image
    /// before too: a layer that was built anew moves nothing.
    pub moved: Vec<Altered>,
    /// Common packages that a rule joined.
    pub folded: Vec<Folded>,
    /// Entries left out, before and after: they stand for no package.
    pub left_out: [usize; 2],
}

impl ComponentDifference {
    /// Returns whether anything differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        !(self.added.is_empty()
            && self.removed.is_empty()
            && self.changed.is_empty()
            && self.licenses_changed.is_empty()
            && self.moved.is_empty())
    }
}

/// What a package is called in this comparison, its version aside: ecosystem, namespace, name.
type Name = (String, Option<String>, String);

/// The packages of one side by name and version; copies of one version stay together.
type Side<'a> = BTreeMap<Name, BTreeMap<String, Vec<&'a Package>>>;

/// Compares two SBOMs by normalised package identity (rules measured on one image read by two
/// tools: epochs, Go subpaths and letter case, PEP 503 names). `order` says which of two versions
/// of an ecosystem is newer, and nothing where it cannot.
#[must_use]
pub fn difference(
    before: &Sbom,
    after: &Sbom,
    order: impl Fn(&str, &str, &str) -> Option<Ordering>,
) -> ComponentDifference {
    let (old, left_out_before) = side(before);
    let (new, left_out_after) = side(after);
    let (old_layers, new_layers) = (layers(&old), layers(&new));
    let mut found = ComponentDifference {
        left_out: [left_out_before, left_out_after],
        ..ComponentDifference::default()
    };
    let mut met = BTreeSet::new();
    for (name, versions) in &old {
        let Some((twin, others)) = twin(&new, name) else {
            found.removed.extend(versions.values().filter_map(listed));
            continue;
        };
        met.insert(twin);
        for (version, copies) in versions {
            if let Some(others) = others.get(version) {
                found.common += 1;
                found.alike(copies, others, [&old_layers, &new_layers]);
            }
        }
        let (from, to): (Vec<&str>, Vec<&str>) = (
            versions.keys().map(String::as_str).collect(),
            others.keys().map(String::as_str).collect(),
        );
        if from != to {
            found.changed.push(Changed {
                name: name.2.clone(),
                ecosystem: name.0.clone(),
                direction: direction(&from, &to, |one, other| order(&name.0, one, other)),
                from: written(versions),
                to: written(others),
            });
        }
    }
    for (name, versions) in &new {
        if !met.contains(name) {
            found.added.extend(versions.values().filter_map(listed));
        }
    }
    found
}

/// Finds a package on the other side. A Maven group is compared only where both know it, and where
/// the artifact's name alone leaves no choice: a jar without a POM has no group.
fn twin<'a, 'p>(
    side: &'a Side<'p>,
    name: &Name,
) -> Option<(&'a Name, &'a BTreeMap<String, Vec<&'p Package>>)> {
    side.get_key_value(name).or_else(|| {
        let mut alike = side.iter().filter(|(other, _)| {
            other.0 == name.0 && other.2 == name.2 && (other.1.is_none() || name.1.is_none())
        });
        let first = alike.next();
        first.filter(|_| alike.next().is_none())
    })
}

impl ComponentDifference {
    /// Compares what both sides say about one version of one package.
    fn alike(&mut self, old: &[&Package], new: &[&Package], layers: [&BTreeSet<String>; 2]) {
        let (Some(one), Some(other)) = (old.first(), new.first()) else {
            return;
        };
        let altered = |from: BTreeSet<String>, to: BTreeSet<String>| Altered {
            name: one.name.clone(),
            version: one.version.clone(),
            ecosystem: one.ecosystem.clone(),
            from: from.into_iter().collect(),
            to: to.into_iter().collect(),
        };
        let (from, to) = (licenses(old), licenses(new));
        let is_told = !from.is_empty() && !to.is_empty();
        if is_told && !agree(&from, &to) {
            self.licenses_changed.push(altered(from, to));
        }
        let (from, to) = (layers_of(old), layers_of(new));
        let [before, after] = layers;
        let stands = |of: &BTreeSet<String>, other: &BTreeSet<String>| of.is_subset(other);
        let is_told = !from.is_empty() && !to.is_empty();
        if is_told && from != to && stands(&from, after) && stands(&to, before) {
            self.moved.push(altered(from, to));
        }
        let rules = rules(one, other);
        if !rules.is_empty() {
            self.folded.push(Folded {
                name: one.name.clone(),
                before: spelling(one),
                after: spelling(other),
                rules,
            });
        }
    }
}

fn side(sbom: &Sbom) -> (Side<'_>, usize) {
    let mut side = Side::new();
    let mut left_out = 0;
    for component in &sbom.components {
        if !is_package(component) {
            left_out += 1;
            continue;
        }
        let identity = component.package.identity();
        let name = (identity.ecosystem, identity.namespace, identity.name);
        let versions = side.entry(name).or_default();
        let copies = versions.entry(identity.version).or_default();
        copies.push(&component.package);
    }
    (side, left_out)
}

/// An image is no package of itself, and a document's group of packages is none either.
fn is_package(component: &Component) -> bool {
    let package = &component.package;
    if let Some(purl) = &package.purl {
        return !matches!(&*purl.kind, "oci" | "docker");
    }
    let kind = component.kind.to_lowercase().replace('_', "-");
    !package.name.is_empty() && !NO_PACKAGES.contains(&kind.as_str())
}

fn listed(copies: &Vec<&Package>) -> Option<Listed> {
    let package = copies.first()?;
    Some(Listed {
        name: package.name.clone(),
        version: package.version.clone(),
        ecosystem: package.ecosystem.clone(),
        purl: package.purl.clone(),
    })
}

/// Returns the versions as the document writes them.
fn written(versions: &BTreeMap<String, Vec<&Package>>) -> Vec<String> {
    let first = versions.values().filter_map(|copies| copies.first());
    first.map(|package| package.version.clone()).collect()
}

fn direction(
    from: &[&str],
    to: &[&str],
    order: impl Fn(&str, &str) -> Option<Ordering>,
) -> Direction {
    let went = from.iter().filter(|version| !to.contains(version));
    let mut came = to.iter().filter(|version| !from.contains(version));
    let went: Vec<_> = went.collect();
    let mut orders = BTreeSet::new();
    let is_ordered = came.all(|new| {
        went.iter().all(|old| {
            let order = order(old, new);
            orders.extend(order);
            order.is_some()
        })
    });
    match (is_ordered, orders.pop_first(), orders.pop_first()) {
        (false, ..) => Direction::Unordered,
        (true, Some(Ordering::Less), None) => Direction::Up,
        (true, Some(Ordering::Greater), None) => Direction::Down,
        _ => Direction::Mixed,
    }
}

fn licenses(copies: &[&Package]) -> BTreeSet<String> {
    let all = copies.iter().flat_map(|package| &package.licenses);
    all.cloned().collect()
}

/// Returns whether two lists of licences say the same but for their writers' habits: one tool lists
/// them, another joins them with AND, and what SPDX does not know becomes a name with a dash for
/// every character that a `LicenseRef-` may not have (Syft and Trivy, measured).
fn agree(from: &BTreeSet<String>, to: &BTreeSet<String>) -> bool {
    let (old, new) = (spelled(from), spelled(to));
    let has = |all: &[(String, String)], (plain, name): &(String, String)| {
        all.iter()
            .any(|other| other.0 == *plain || other.1 == *name)
    };
    old.iter().all(|one| has(&new, one)) && new.iter().all(|one| has(&old, one))
}

/// Returns each licence in plain words and as the name that a `LicenseRef-` would have.
fn spelled(texts: &BTreeSet<String>) -> Vec<(String, String)> {
    let parts = texts.iter().flat_map(|text| text.split(" AND "));
    parts
        .map(|part| {
            let part = part.trim().trim_matches(['(', ')']).to_lowercase();
            let part = part.strip_prefix("licenseref-").unwrap_or(&part);
            let name = part.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
            (plain(part), name)
        })
        .collect()
}

/// Returns a licence in plain words. `GPL-2`, `GPL-2.0` and `GPL-2.0+` are older names of
/// `GPL-2.0-only` and `GPL-2.0-or-later` (SPDX licence list; Debian's copyright format).
fn plain(text: &str) -> String {
    let text = text.replace("-or-later", "+").replace("-only", "");
    let words = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '+'));
    let words = words.filter(|word| !word.is_empty());
    words
        .map(|word| {
            let (word, later) = match word.strip_suffix('+') {
                Some(word) => (word, "+"),
                None => (word, ""),
            };
            format!("{}{later}", word.strip_suffix(".0").unwrap_or(word))
        })
        .collect::<Vec<_>>()
        .join("-")
}

fn layers_of(copies: &[&Package]) -> BTreeSet<String> {
    let places = copies.iter().flat_map(|package| &package.locations);
    places
        .filter_map(|place| place.layer.as_ref())
        .map(ToString::to_string)
        .collect()
}

fn layers(side: &Side<'_>) -> BTreeSet<String> {
    let copies = side.values().flat_map(BTreeMap::values);
    copies.flat_map(|copies| layers_of(copies)).collect()
}

fn spelling(package: &Package) -> String {
    match &package.purl {
        Some(purl) => purl.to_string(),
        None => format!("{} {}", package.name, package.version),
    }
}

/// Returns the rules without which the two would not have met.
fn rules(one: &Package, other: &Package) -> Vec<&'static str> {
    let (Some(old), Some(new)) = (&one.purl, &other.purl) else {
        return Vec::new();
    };
    let mut rules = Vec::new();
    let epoch = |purl: &Purl| purl.qualifier("epoch").map(str::to_owned);
    if old.version != new.version {
        rules.push(if epoch(old) == epoch(new) {
            "version"
        } else {
            "epoch"
        });
    }
    if old.subpath != new.subpath {
        rules.push("subpath");
    } else if (&old.namespace, &old.name) != (&new.namespace, &new.name) {
        rules.push("name");
    }
    let lower = |purl: &Purl| {
        let parts = [purl.namespace.as_deref(), Some(&*purl.name)];
        let path = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
        let path = match &purl.subpath {
            Some(subpath) => format!("{path}/{subpath}"),
            None => path,
        };
        (path.to_lowercase(), path)
    };
    let ((low, path), (other_low, other_path)) = (lower(old), lower(new));
    if rules.contains(&"subpath") && low == other_low && path != other_path {
        rules.push("name");
    }
    rules
}

#[cfg(test)]
mod tests;
