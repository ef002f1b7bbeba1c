//! Semantic Versioning as Rust's crates, npm and Go write it.
//!
//! What stands behind `+` never counts. What is left out is only filled in where the ecosystem does.

use std::cmp::Ordering;

use semver::Version;

/// How a version may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// As the specification says.
    Strict,
    /// With `v` or `=` in front.
    Npm,
    /// With `v` in front, or `go` for the toolchain's own; minor and patch may be left out.
    Go,
}

/// The largest number that node-semver takes.
const NPM_LARGEST: u64 = 9_007_199_254_740_991;

fn read(text: &str, writing: Writing) -> Option<Version> {
    match writing {
        Writing::Strict => Version::parse(text).ok(),
        Writing::Npm => {
            let plain = text.trim_start_matches(['v', '=', ' ']);
            let version = Version::parse(plain).ok()?;
            let largest = version.major.max(version.minor).max(version.patch);
            (largest <= NPM_LARGEST).then_some(version)
        }
        Writing::Go => go(text),
    }
}

fn go(text: &str) -> Option<Version> {
    if let Some(toolchain) = text.strip_prefix("go") {
        return released(toolchain);
    }
    let plain = text.strip_prefix('v').unwrap_or(text);
    if let Ok(version) = Version::parse(plain) {
        return Some(version);
    }
    let dots = plain.bytes().filter(|byte| *byte == b'.').count();
    let filled = match dots {
        0 => format!("{plain}.0.0"),
        1 => format!("{plain}.0"),
        _ => return None,
    };
    Version::parse(&filled).ok().or_else(|| released(plain))
}

/// Reads a version of the toolchain: `1.21.3`, `1.21rc2`, `1.21`.
fn released(text: &str) -> Option<Version> {
    let end = text.find(|one: char| !one.is_ascii_digit() && one != '.');
    let (numbers, pre) = text.split_at(end.unwrap_or(text.len()));
    let dots = numbers.bytes().filter(|byte| *byte == b'.').count();
    let filled = match dots {
        1 => format!("{numbers}.0"),
        2 => numbers.to_owned(),
        _ => return None,
    };
    if pre.is_empty() {
        return Version::parse(&filled).ok();
    }
    let (word, number) = ["beta", "rc"]
        .iter()
        .find_map(|word| Some((*word, pre.strip_prefix(word)?)))?;
    Version::parse(&format!("{filled}-{word}.{number}")).ok()
}

pub(super) fn compare(one: &str, other: &str, writing: Writing) -> Option<Ordering> {
    let (one, other) = (read(one, writing)?, read(other, writing)?);
    Some(one.cmp_precedence(&other))
}
