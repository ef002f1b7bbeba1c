//! Upgrades: the lowest version of a package that clears all its findings.
//!
//! Versions are compared only where they are written alike; for others no order is claimed.

use std::cmp::Ordering;

use crate::model::Finding;
use crate::triage::join::blend::plain_version;
use crate::triage::natural::natural;

/// The most pairs of version and finding that are tried; beyond, the highest version is taken.
const MAX_TRIED: usize = 250_000;

/// Returns every version that fixes one of the findings, in natural order, each once.
pub(super) fn versions<'a>(findings: &[&'a Finding]) -> Vec<&'a str> {
    let all = findings.iter().flat_map(|finding| &finding.fix.versions);
    // Some advisories write `>=` before a version.
    let mut versions: Vec<&str> = all
        .map(|version| version.trim().trim_start_matches(">=").trim_start())
        .collect();
    versions.sort_by(|one, other| natural(plain_version(one), plain_version(other)));
    versions.dedup_by_key(|version| plain_version(version));
    versions
}

/// Returns the lowest fixed version above the installed one that clears every finding. Where the
/// installed one cannot be compared, the highest fixed one, which clears them whatever is installed.
/// None where the fixed versions cannot be ordered, or none is above.
pub(super) fn target<'a>(installed: &str, findings: &[&'a Finding]) -> Option<&'a str> {
    let mut candidates = versions(findings);
    let first = candidates.first().copied()?;
    if candidates.iter().any(|one| !comparable(first, one)) {
        return None;
    }
    if !comparable(installed, first) {
        return candidates.pop();
    }
    candidates.retain(|candidate| is_before(installed, candidate));
    let tried = candidates.len().saturating_mul(findings.len());
    if tried > MAX_TRIED {
        return candidates.pop();
    }
    candidates.into_iter().find(|candidate| {
        findings
            .iter()
            .all(|finding| is_fixed_in(candidate, &finding.fix.versions))
    })
}

/// A version holds a fix when it is one of the fixed ones or above them all; or when it is above the
/// newest one of its own branch.
fn is_fixed_in(version: &str, fixes: &[String]) -> bool {
    let above = |fix: &String| !is_before(version, fix);
    if fixes.iter().all(above) || fixes.iter().any(|fix| same(fix, version)) {
        return true;
    }
    let mut of_branch = fixes
        .iter()
        .filter(|fix| branch(fix).is_some() && branch(fix) == branch(version))
        .peekable();
    of_branch.peek().is_some() && of_branch.all(above)
}

fn same(one: &str, other: &str) -> bool {
    plain_version(one) == plain_version(other)
}

fn is_before(one: &str, other: &str) -> bool {
    natural(plain_version(one), plain_version(other)) == Ordering::Less
}

/// Everything before the last number: `1.21.` of `1.21.11`.
fn branch(version: &str) -> Option<&str> {
    let version = plain_version(version);
    let branch = version.trim_end_matches(|digit: char| digit.is_ascii_digit());
    (!branch.is_empty() && branch.len() < version.len()).then_some(branch)
}

/// Whether two versions may be compared number by number: both are numbers and dots, or they are
/// the same but for their numbers. An epoch, a suffix or a hash on one side alone has rules that
/// differ between ecosystems.
fn comparable(one: &str, other: &str) -> bool {
    let (one, other) = (plain_version(one), plain_version(other));
    let dotted = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_digit())
            && text.chars().all(|one| one.is_ascii_digit() || one == '.')
    };
    let shape = |text: &str| -> Vec<String> {
        let parts = text.split(|one: char| one.is_ascii_digit());
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let begins = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let ends = |text: &str| text.ends_with(|last: char| last.is_ascii_digit());
    dotted(one) && dotted(other)
        || shape(one) == shape(other) && begins(one) == begins(other) && ends(one) == ends(other)
}
