//! Ignore files: Trivy's plain and YAML ones, and the ignore rules of Grype's configuration.
//!
//! Which records an entry reaches is worked out in `triage::suppress`; VEX is read in `vex`.

mod grype;
mod trivy;

use super::error::FormatError;
use super::yaml::{self, Tree};
use crate::model::{ExemptionDocument, Origin};

/// The most entries of one document that are read; the rest is a loss.
const MAX_ENTRIES: usize = 100_000;

/// The most patterns of one document: each may be held against every record.
const MAX_PATTERNS: usize = 2_000;

/// The kind of an ignore file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Trivy's: ids, one a line.
    Lines,
    /// Trivy's, in YAML.
    Yaml,
    /// Grype's configuration.
    Grype,
}

/// Reads the YAML of an ignore file.
fn tree(path: &str, text: &str) -> Result<Tree, FormatError> {
    yaml::read(text).map_err(|damage| FormatError::Exemptions {
        path: path.to_owned(),
        place: damage.place,
        reason: damage.reason,
    })
}

/// Keys that Grype's configuration is known by; the others it shares with any other tool.
const GRYPE_OWN: [&str; 10] = [
    "ignore",
    "by-cve",
    "only-fixed",
    "only-notfixed",
    "ignore-wontfix",
    "exclude",
    "match",
    "fail-on-severity",
    "vex-documents",
    "add-cpes-if-none",
];

const GRYPE_SHARED: [&str; 26] = [
    "alerts",
    "check-for-app-update",
    "db",
    "default-image-pull-source",
    "dev",
    "distro",
    "exp",
    "external-sources",
    "file",
    "fix-channel",
    "from",
    "log",
    "name",
    "output",
    "output-template-file",
    "platform",
    "pretty",
    "profile",
    "quiet",
    "registry",
    "search",
    "show-suppressed",
    "sort-by",
    "timestamp",
    "vex-add",
    "vex-autodiscover",
];

/// Returns what ignore file a text is, if it is one.
pub(super) fn shape(text: &str) -> Option<Shape> {
    if let Some(keys) = top_keys(text) {
        let all = |known: &dyn Fn(&str) -> bool| keys.iter().all(|key| known(key));
        let of_grype = |key: &str| GRYPE_OWN.contains(&key) || GRYPE_SHARED.contains(&key);
        if all(&|key| trivy::SECTIONS.iter().any(|(name, _)| *name == key)) {
            return Some(Shape::Yaml);
        }
        let is_grype = all(&of_grype) && keys.iter().any(|key| GRYPE_OWN.contains(key));
        return is_grype.then_some(Shape::Grype);
    }
    trivy::is_list_of_ids(text).then_some(Shape::Lines)
}

/// Returns the keys of a YAML mapping, from the lines that are not indented.
fn top_keys(text: &str) -> Option<Vec<&str>> {
    let mut keys = Vec::new();
    for line in text.lines() {
        let line = line.trim_end();
        let starts = |signs: &[char]| line.starts_with(signs);
        if line.is_empty() || starts(&[' ', '#', '-', '\t']) || line == "..." {
            continue;
        }
        let (key, rest) = line.split_once(':')?;
        let is_key = !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && (rest.is_empty() || rest.starts_with(' '));
        if !is_key {
            return None;
        }
        keys.push(key);
    }
    (!keys.is_empty()).then_some(keys)
}

/// Reads an ignore file.
///
/// # Errors
/// When it is YAML and damaged; an entry that is wrong becomes a loss.
pub(super) fn read(
    origin: Origin,
    text: &str,
    shape: Shape,
) -> Result<ExemptionDocument, FormatError> {
    match shape {
        Shape::Lines => Ok(trivy::lines(origin, text)),
        Shape::Yaml => trivy::yaml(origin, text),
        Shape::Grype => grype::read(origin, text),
    }
}

#[cfg(test)]
mod tests;
