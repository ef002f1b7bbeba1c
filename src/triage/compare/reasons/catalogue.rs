//! Packages that were seen: by a scanner, or by the tool that made an SBOM.
//!
//! What follows from a package's being there or not is concluded in `found`, `lacking` and `listed`.

use std::collections::{BTreeSet, HashMap};

use crate::model::{JoinRule, Package, PackageIdentity, Sbom};

/// Packages by ecosystem and name, each with the first path it was found at.
#[derive(Default)]
pub(super) struct Packages<'a>(HashMap<(String, String), Vec<(PackageIdentity, &'a str)>>);

impl<'a> Packages<'a> {
    pub(super) fn new(list: impl IntoIterator<Item = &'a Package>) -> Self {
        let mut packages = Self::default();
        for package in list {
            let identity = package.identity();
            let key = (identity.ecosystem.clone(), identity.name.clone());
            let first = package.locations.first();
            let path = first.map_or("", |location| location.path.as_str());
            packages.0.entry(key).or_default().push((identity, path));
        }
        packages
    }

    fn named(&self, wanted: &PackageIdentity) -> impl Iterator<Item = &(PackageIdentity, &'a str)> {
        let key = (wanted.ecosystem.clone(), wanted.name.clone());
        self.0.get(&key).into_iter().flatten()
    }

    /// Returns whether this package is there in this version.
    pub(super) fn hold(&self, wanted: &PackageIdentity) -> bool {
        self.path(wanted).is_some()
    }

    /// Returns the path of this package in this version; an empty one where none is known.
    pub(super) fn path(&self, wanted: &PackageIdentity) -> Option<&'a str> {
        let mut same = self.named(wanted);
        same.find(|(found, _)| found.agrees_with(wanted))
            .map(|(_, path)| *path)
    }

    /// Returns the versions of this package that are there, sorted.
    pub(super) fn versions(&self, wanted: &PackageIdentity) -> Vec<&str> {
        let same = self
            .named(wanted)
            .filter(|(found, _)| found.same_package(wanted));
        let versions: BTreeSet<&str> = same.map(|(found, _)| found.version.as_str()).collect();
        versions.into_iter().collect()
    }

    /// Returns whether any package of this kind is there.
    pub(super) fn hold_any_of(&self, ecosystem: &str) -> bool {
        self.0.keys().any(|(found, _)| found == ecosystem)
    }

    /// Returns how many there are.
    pub(super) fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

/// An SBOM of the image, with its packages by name.
pub(in crate::triage::compare) struct Catalogue<'a> {
    pub(super) sbom: &'a Sbom,
    pub(super) packages: Packages<'a>,
    /// Whether a rule other than a name proves that it is about the image, and it was read whole.
    pub(super) is_certain: bool,
}

impl<'a> Catalogue<'a> {
    /// Looks at an SBOM that `rule` joined to the image.
    pub(in crate::triage::compare) fn new(sbom: &'a Sbom, rule: JoinRule) -> Self {
        let packages = sbom.components.iter().map(|component| &component.package);
        Self {
            sbom,
            packages: Packages::new(packages),
            is_certain: rule.is_identity() && sbom.losses.is_empty(),
        }
    }

    /// Returns whether it lists what the scanner catalogues: Trivy makes SBOMs of its own, and
    /// Grype reads images with Syft.
    pub(super) fn speaks_for(&self, scanner: &str) -> bool {
        let producer = self.producer().to_lowercase();
        let made_by = |tool: &str| producer.contains(tool);
        match scanner {
            "trivy" => made_by("trivy"),
            "grype" => made_by("syft") || made_by("grype"),
            other => made_by(other),
        }
    }

    /// Returns the tool that made it, with its version, as far as the SBOM says.
    pub(super) fn producer(&self) -> &'a str {
        self.sbom.producer.as_deref().unwrap_or("unknown tool")
    }

    /// Returns how it is called in a reason: the file, and the tool that made it.
    pub(super) fn describe(&self) -> String {
        format!("{} by {}", self.sbom.origin.path, self.producer())
    }
}
