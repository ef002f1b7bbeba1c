//! Packages: what a scanner or an SBOM calls an installed component, and when two are the same.
//!
//! Comparison of versions (which is newer) belongs to `triage::versions`.

use serde::{Deserialize, Serialize};

use super::{Digest, Purl};

/// Where a package was found in the image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The path inside the image, as the scanner wrote it.
    pub path: String,
    /// The layer's digest or diff ID, as the scanner wrote it.
    pub layer: Option<Digest>,
}

/// A package as one document describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Package {
    /// The name.
    pub name: String,
    /// The installed version; empty where the document has none.
    pub version: String,
    /// The ecosystem, in purl's words where there are such: `deb`, `golang`, `pypi`, `binary`.
    pub ecosystem: String,
    /// The package URL.
    pub purl: Option<Purl>,
    /// Where it is.
    pub locations: Vec<Location>,
    /// The source package it was built from.
    pub source: Option<String>,
    /// Licences, as written.
    pub licenses: Vec<String>,
}

/// What two packages are compared by: normalised, so that scanners' spellings meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackageIdentity {
    /// The ecosystem.
    pub ecosystem: String,
    /// The namespace that tells packages of one name apart: a Maven group, where known.
    pub namespace: Option<String>,
    /// The normalised name, an npm scope or Go module path included.
    pub name: String,
    /// The normalised version.
    pub version: String,
}

impl Package {
    /// Returns the identity (rules measured on real pairs of reports: names per ecosystem, `v` and
    /// `go` before Go versions, an epoch of `0:`).
    #[must_use]
    pub fn identity(&self) -> PackageIdentity {
        let (namespace, name) = self.normalised_name();
        PackageIdentity {
            version: normalise_version(&self.ecosystem, &self.version),
            ecosystem: self.ecosystem.clone(),
            namespace,
            name,
        }
    }

    fn normalised_name(&self) -> (Option<String>, String) {
        match self.ecosystem.as_str() {
            "pypi" => (None, pypi_name(&self.name)),
            "maven" => {
                // Trivy writes `group:artifact`, Grype the artifact alone and the group in the purl.
                let (group, artifact) = match self.name.rsplit_once(':') {
                    Some((group, artifact)) => (Some(group.to_owned()), artifact),
                    None => (
                        self.purl
                            .as_ref()
                            .and_then(|purl| purl.namespace.as_deref())
                            .map(str::to_owned),
                        self.name.as_str(),
                    ),
                };
                (group, artifact.to_owned())
            }
            "golang" | "npm" | "nuget" | "composer" => (None, self.name.to_lowercase()),
            _ => (None, self.name.clone()),
        }
    }
}

impl PackageIdentity {
    /// Returns whether both are the same package, version aside. A Maven group is compared only
    /// where both know it: a jar without a POM has none.
    #[must_use]
    pub fn same_package(&self, other: &Self) -> bool {
        self.ecosystem == other.ecosystem
            && self.name == other.name
            && (self.namespace.is_none()
                || other.namespace.is_none()
                || self.namespace == other.namespace)
    }

    /// Returns whether both are the same package in the same version.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.version == other.version && self.same_package(other)
    }
}

/// PEP 503: lower case, and runs of `-`, `_` and `.` are one `-`.
fn pypi_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.to_lowercase().chars() {
        let character = if matches!(character, '_' | '.') {
            '-'
        } else {
            character
        };
        if character != '-' || !normal.ends_with('-') {
            normal.push(character);
        }
    }
    normal
}

fn normalise_version(ecosystem: &str, version: &str) -> String {
    let version = version.trim();
    match ecosystem {
        "golang" => {
            let version = version.strip_prefix("go").unwrap_or(version);
            let version = version.strip_prefix('v').unwrap_or(version);
            version
                .strip_suffix("+incompatible")
                .unwrap_or(version)
                .to_owned()
        }
        "deb" | "rpm" => version.strip_prefix("0:").unwrap_or(version).to_owned(),
        _ => {
            let bare = version.strip_prefix('v').unwrap_or(version);
            let numbered = bare.starts_with(|c: char| c.is_ascii_digit());
            if numbered {
                bare.to_owned()
            } else {
                version.to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(ecosystem: &str, name: &str, version: &str) -> PackageIdentity {
        Package {
            ecosystem: ecosystem.into(),
            name: name.into(),
            version: version.into(),
            ..Package::default()
        }
        .identity()
    }

    #[test]
    fn spellings_of_one_package_meet() {
        for (ecosystem, one, other) in [
            ("golang", ("stdlib", "v1.20.12"), ("stdlib", "go1.20.12")),
            (
                "golang",
                ("github.com/A/b", "2.0.0+incompatible"),
                ("github.com/a/b", "v2.0.0"),
            ),
            ("pypi", ("Foo_.Bar", "1"), ("foo-bar", "1")),
            ("rpm", ("bash", "0:4.2-1"), ("bash", "4.2-1")),
            ("maven", ("org.a:b", "1"), ("b", "1")),
        ] {
            let (one, other) = (
                package(ecosystem, one.0, one.1),
                package(ecosystem, other.0, other.1),
            );
            assert!(one.agrees_with(&other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn different_packages_stay_apart() {
        assert!(!package("rpm", "bash", "1:4").agrees_with(&package("rpm", "bash", "4")));
        assert!(!package("deb", "a", "1").agrees_with(&package("npm", "a", "1")));
        assert!(!package("maven", "x:b", "1").agrees_with(&package("maven", "y:b", "1")));
    }
}
