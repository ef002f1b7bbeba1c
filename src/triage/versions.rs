//! The order of versions, by the rules of each ecosystem; never by the look of the text.
//!
//! Where an ecosystem has no rules here, or a version breaks them, there is no order: who asks must
//! be able to say so. Lists that are only shown are sorted by `natural`.

mod apk;
mod deb;
mod gem;
mod maven;
mod rpm;
mod semantic;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::str::FromStr as _;

/// The longest version that is compared, in bytes; real ones have at most a few dozen.
const LONGEST: usize = 512;

/// A set of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// dpkg's (Debian policy, "Version").
    Deb,
    /// rpm's: epoch, version, release.
    Rpm,
    /// apk's (apk-package(5)).
    Apk,
    /// Semantic Versioning 2.0.0.
    Semver,
    /// node-semver's: Semantic Versioning, with a `v` or `=` in front allowed.
    Npm,
    /// PEP 440.
    Pep440,
    /// Maven's ("Version Order Specification").
    Maven,
    /// Go's (golang.org/x/mod/semver), with the toolchain's own versions.
    Go,
    /// `RubyGems`'.
    Gem,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 9] = [
        Self::Deb,
        Self::Rpm,
        Self::Apk,
        Self::Semver,
        Self::Npm,
        Self::Pep440,
        Self::Maven,
        Self::Go,
        Self::Gem,
    ];

    /// Returns the scheme of an ecosystem (purl's type); none where its rules are not known here.
    #[must_use]
    pub fn of(ecosystem: &str) -> Option<Self> {
        Some(match ecosystem {
            "deb" => Self::Deb,
            "rpm" => Self::Rpm,
            "apk" => Self::Apk,
            "cargo" | "hex" | "swift" | "pub" => Self::Semver,
            "npm" => Self::Npm,
            "pypi" => Self::Pep440,
            "maven" => Self::Maven,
            "golang" => Self::Go,
            "gem" => Self::Gem,
            _ => return None,
        })
    }

    /// Returns the name shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Semver => "semver",
            Self::Npm => "npm",
            Self::Pep440 => "pep440",
            Self::Maven => "maven",
            Self::Go => "go",
            Self::Gem => "gem",
        }
    }

    /// Compares two versions; none where one of them breaks the rules.
    #[must_use]
    pub fn compare(self, one: &str, other: &str) -> Option<Ordering> {
        let (one, other) = (one.trim(), other.trim());
        if one.is_empty() || other.is_empty() || one.len().max(other.len()) > LONGEST {
            return None;
        }
        match self {
            Self::Deb => deb::compare(one, other),
            Self::Rpm => rpm::compare(one, other),
            Self::Apk => apk::compare(one, other),
            Self::Semver => semantic::compare(one, other, semantic::Writing::Strict),
            Self::Npm => semantic::compare(one, other, semantic::Writing::Npm),
            Self::Pep440 => {
                let read = |text| pep440_rs::Version::from_str(text).ok();
                Some(read(one)?.cmp(&read(other)?))
            }
            Self::Maven => Some(maven::compare(one, other)),
            Self::Go => semantic::compare(one, other, semantic::Writing::Go),
            Self::Gem => gem::compare(one, other),
        }
    }
}

/// Compares two versions of a package of an ecosystem; none means that they cannot be ordered.
#[must_use]
pub fn order(ecosystem: &str, one: &str, other: &str) -> Option<Ordering> {
    Scheme::of(ecosystem)?.compare(one, other)
}

/// Compares two runs of digits as numbers, however long they are.
fn numbers(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

/// Splits off the leading characters that are digits, or that are not.
fn run(text: &str, digits: bool) -> (&str, &str) {
    let end = text.find(|one: char| one.is_ascii_digit() != digits);
    text.split_at(end.unwrap_or(text.len()))
}
