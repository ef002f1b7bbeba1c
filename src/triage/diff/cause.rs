//! Why a finding went or came between two images: the package, the verdict of others, the database.
//!
//! What cannot be told from the documents read is said to be unknown, never guessed.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Change;
use crate::model::{DatabaseAge, Finding, Kind, Package, PackageIdentity, Report, Sbom};

/// Why a finding went or came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The package is there in a version that holds the fix.
    Fixed,
    /// The package is there in another version, of which the documents do not say that it holds the fix.
    VersionChanged,
    /// The package is not in the image any more.
    PackageGone,
    /// The package is new in the image.
    PackageNew,
    /// An ignore file, a VEX document or the scanner suppresses it now.
    Suppressed,
    /// What suppressed it does not do so any more.
    NoLongerSuppressed,
    /// The package is the same; what is known about it changed: another database, scanner or
    /// version of one, or other options.
    Knowledge,
    /// The rule, file or layer that it was about is not the same any more. Only for findings that are
    /// about no package.
    Content,
    /// Nothing read lists the packages of the other image, so that no cause can be told.
    Unknown,
}

/// A finding that came or went, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Why.
    pub cause: Cause,
    /// The same in a sentence.
    pub text: String,
}

/// Version and age of the database of each scan by one scanner; empty where not known.
type Scans = BTreeSet<(String, String)>;

/// One of the two images: its findings, and every package that is known to be in it.
#[derive(Clone, Debug, Default)]
pub struct Side<'a> {
    /// The findings that count.
    pub findings: Vec<&'a Finding>,
    /// The findings that are suppressed.
    pub suppressed: Vec<&'a Finding>,
    /// Whether a document lists all packages, not only those with findings.
    lists_packages: bool,
    /// Versions by ecosystem and name.
    packages: BTreeMap<(String, String), BTreeSet<String>>,
    /// Scanners that looked for vulnerabilities: version and age of the database.
    scanners: BTreeMap<&'a str, Scans>,
}

impl<'a> Side<'a> {
    /// Gathers what is known about an image.
    #[must_use]
    pub fn new(
        findings: impl IntoIterator<Item = &'a Finding>,
        reports: impl IntoIterator<Item = &'a Report>,
        sboms: impl IntoIterator<Item = &'a Sbom>,
    ) -> Self {
        let mut side = Self::default();
        for finding in findings {
            side.add(&finding.package);
            if finding.suppressed_by.is_some() {
                side.suppressed.push(finding);
            } else {
                side.findings.push(finding);
            }
        }
        for report in reports {
            for package in report.packages.iter().flatten() {
                side.add(package);
            }
            side.lists_packages |= report.packages.is_some();
            if report.looked_for_vulnerabilities {
                let version = report.scanner_version.clone();
                let built = report
                    .database_built
                    .filter(|_| report.database_age == DatabaseAge::Exact);
                let built = built.map(|time| time.format("%Y-%m-%d %H:%M UTC").to_string());
                let entry = side.scanners.entry(report.scanner.as_str()).or_default();
                entry.insert((version.unwrap_or_default(), built.unwrap_or_default()));
            }
        }
        for sbom in sboms {
            for component in &sbom.components {
                side.add(&component.package);
            }
            side.lists_packages |= !sbom.components.is_empty();
        }
        side
    }

    fn add(&mut self, package: &Package) {
        let identity = package.identity();
        let versions = self.packages.entry((identity.ecosystem, identity.name));
        versions.or_default().insert(identity.version);
    }

    fn versions(&self, identity: &PackageIdentity) -> Option<&BTreeSet<String>> {
        let key = (identity.ecosystem.clone(), identity.name.clone());
        self.packages
            .get(&key)
            .filter(|versions| !versions.is_empty())
    }

    fn suppresses(&self, finding: &Finding) -> Option<&'a Finding> {
        let ids: BTreeSet<_> = finding.ids().collect();
        let identity = finding.package.identity();
        let mut suppressed = self.suppressed.iter();
        suppressed
            .find(|other| {
                other.kind == finding.kind
                    && other.package.identity().same_package(&identity)
                    && other.ids().any(|id| ids.contains(id))
            })
            .copied()
    }

    /// Returns why the comparison of two images mixes causes: scanners, versions of them and
    /// databases that differ. Empty where both were looked at alike.
    #[must_use]
    pub fn mixed_causes(&self, after: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let names = self.scanners.keys().chain(after.scanners.keys());
        for name in names.copied().collect::<BTreeSet<&str>>() {
            match (self.scanners.get(name), after.scanners.get(name)) {
                (Some(_), None) => found.push(format!("{name} looked at the image before only")),
                (None, Some(_)) => found.push(format!("{name} looked at the image after only")),
                (Some(old), Some(new)) => found.extend(otherwise(name, old, new)),
                (None, None) => {}
            }
        }
        found
    }

    /// Says why a finding of this image is not in `after`, or why one of `after` is not in this.
    /// None for what both have. `order` tells which of two versions of an ecosystem is newer, and
    /// nothing where it cannot.
    #[must_use]
    pub fn explain(
        &self,
        after: &Self,
        change: &Change<'_>,
        order: impl Fn(&str, &str, &str) -> Option<Ordering>,
    ) -> Option<Explained> {
        match change {
            Change::Same { .. } => None,
            Change::Gone(finding) => Some(gone(finding, after, order)),
            Change::New(finding) => Some(new(finding, self)),
        }
    }
}

/// Says what of one scanner differs: its version, its database.
fn otherwise(name: &str, old: &Scans, new: &Scans) -> Vec<String> {
    let listed = |texts: BTreeSet<&str>| {
        let texts = texts
            .into_iter()
            .map(|text| if text.is_empty() { "unknown" } else { text });
        texts.collect::<Vec<_>>().join(", ")
    };
    let versions = |all: &Scans| listed(all.iter().map(|(version, _)| version.as_str()).collect());
    let databases = |all: &Scans| listed(all.iter().map(|(_, built)| built.as_str()).collect());
    let parts = [
        ("version", versions(old), versions(new)),
        ("database", databases(old), databases(new)),
    ];
    let differing = parts.into_iter().filter(|(_, one, other)| one != other);
    differing
        .map(|(what, one, other)| format!("{name} had {what} {one} before and {other} after"))
        .collect()
}

fn gone(
    finding: &Finding,
    after: &Side<'_>,
    order: impl Fn(&str, &str, &str) -> Option<Ordering>,
) -> Explained {
    let explained = |cause, text: String| Explained { cause, text };
    if let Some(by) = after
        .suppresses(finding)
        .and_then(|one| one.suppressed_by.as_ref())
    {
        return explained(
            Cause::Suppressed,
            format!("suppressed after by {}", by.name()),
        );
    }
    if finding.kind != Kind::Vulnerability {
        return explained(
            Cause::Content,
            "the check finds nothing at this place any more".to_owned(),
        );
    }
    let identity = finding.package.identity();
    let name = &finding.package.name;
    let Some(versions) = after.versions(&identity) else {
        return if after.lists_packages {
            explained(
                Cause::PackageGone,
                format!("{name} is not in the image any more"),
            )
        } else {
            explained(
                Cause::Unknown,
                format!(
                    "nothing read lists the packages after, so that {name} may be gone or repaired"
                ),
            )
        };
    };
    let now = versions
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if versions.contains(&identity.version) {
        return explained(
            Cause::Knowledge,
            format!(
                "{name} {now} is still there: the scanners or their databases say otherwise now"
            ),
        );
    }
    let holds_fix = |version: &String| {
        finding.fix.versions.iter().any(|fix| {
            let ordered = order(&finding.package.ecosystem, fix, version);
            fix == version || matches!(ordered, Some(Ordering::Less | Ordering::Equal))
        })
    };
    let text = format!("{name} went from {} to {now}", finding.package.version);
    if versions.iter().all(holds_fix) {
        let fixes = finding.fix.versions.join(", ");
        explained(Cause::Fixed, format!("{text}; fixed in {fixes}"))
    } else {
        explained(Cause::VersionChanged, text)
    }
}

fn new(finding: &Finding, before: &Side<'_>) -> Explained {
    let explained = |cause, text: String| Explained { cause, text };
    if let Some(by) = before
        .suppresses(finding)
        .and_then(|one| one.suppressed_by.as_ref())
    {
        return explained(
            Cause::NoLongerSuppressed,
            format!("suppressed before by {}", by.name()),
        );
    }
    if finding.kind != Kind::Vulnerability {
        return explained(
            Cause::Content,
            "the check found nothing at this place before".to_owned(),
        );
    }
    let identity = finding.package.identity();
    let name = &finding.package.name;
    match before.versions(&identity) {
        None if before.lists_packages => explained(
            Cause::PackageNew,
            format!("{name} was not in the image before"),
        ),
        None => explained(
            Cause::Unknown,
            format!(
                "nothing read lists the packages before, so that {name} may be new or newly known"
            ),
        ),
        Some(versions) if versions.contains(&identity.version) => explained(
            Cause::Knowledge,
            format!(
                "{name} {} was there before: the scanners or their databases say more now",
                finding.package.version
            ),
        ),
        Some(versions) => {
            let old = versions
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            explained(
                Cause::VersionChanged,
                format!("{name} went from {old} to {}", finding.package.version),
            )
        }
    }
}
