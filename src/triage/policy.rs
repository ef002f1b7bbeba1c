//! The policy: `countersign.toml`, its defaults, its hash and what a destination must match.
//!
//! Text comes from the caller; applying the policy to a subject is `gate`'s work.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{ErrorKind, Explain};
use crate::model::{Digest, Severity};

/// The policy. An absent key has the contract's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// When the gate is open.
    pub gate: GatePolicy,
    /// Who has to approve.
    pub approval: ApprovalPolicy,
    /// What a promotion may do.
    pub promotion: PromotionPolicy,
}

/// `[gate]`: when the gate is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatePolicy {
    /// Findings of this severity and above close the gate.
    pub severity: Severity,
    /// Only those that have a fix do.
    pub fixable: bool,
    /// What a finding without a severity does.
    pub unknown_severity: Strictness,
    /// What a secret does.
    pub secrets: Strictness,
    /// What a finding does that would close the gate and is suppressed.
    pub suppressed: Strictness,
    /// Misconfigurations of this severity and above close the gate.
    pub misconfiguration: Threshold,
    /// Each of these scanners must have looked; empty: at least one.
    pub scanners: Vec<String>,
    /// How old a report may be.
    pub max_report_age: Age,
    /// Whether a disagreement at the gate's severity needs a verdict.
    pub disagreement_note: bool,
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self {
            severity: Severity::High,
            fixable: true,
            unknown_severity: Strictness::Warn,
            secrets: Strictness::Deny,
            suppressed: Strictness::Warn,
            misconfiguration: Threshold(Some(Severity::High)),
            scanners: Vec::new(),
            max_report_age: Age(None),
            disagreement_note: false,
        }
    }
}

/// `[approval]`: who has to approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalPolicy {
    /// How many distinct reviewers must have approved this digest.
    pub required: u32,
    /// Files of public keys, relative to the policy's folder, or fingerprints (`sha256:…`); not
    /// empty: only approvals signed by distinct ones of them count.
    pub trusted_keys: Vec<String>,
    /// What it does when the promoter is the only reviewer.
    pub four_eyes: FourEyes,
    /// How long an accepted risk may last.
    pub risk_acceptance_max: Age,
    /// How long an approval of an image holds. `off`, the default, is no part of the hash, so that
    /// policies without this key keep theirs.
    #[serde(skip_serializing_if = "Age::is_off")]
    pub max_age: Age,
}

impl Default for ApprovalPolicy {
    fn default() -> Self {
        Self {
            required: 1,
            trusted_keys: Vec::new(),
            four_eyes: FourEyes::Warn,
            risk_acceptance_max: Age(Some(TimeDelta::days(90))),
            max_age: Age(None),
        }
    }
}

/// `[promotion]`: what a promotion may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromotionPolicy {
    /// Patterns of repositories, `*` for any run of characters; empty: any.
    pub destinations: Vec<String>,
    /// What happens when a tag would move.
    pub move_tags: MoveTags,
    /// Which platforms of an index may go along.
    pub platforms: Platforms,
    /// What happens to signatures and attestations of the source.
    pub referrers: Referrers,
    /// Whether a signature is needed.
    pub sign: Sign,
}

/// What a kind of finding does to the gate; the mildest is the greatest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    /// It closes the gate.
    #[default]
    Deny,
    /// It is shown as a warning.
    Warn,
    /// Nothing.
    Allow,
}

/// What it does when the promoter is the only reviewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FourEyes {
    /// Nothing.
    Off,
    /// It is shown as a warning.
    #[default]
    Warn,
    /// It closes the gate.
    Deny,
}

/// What happens when a tag would move to another digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MoveTags {
    /// It is refused.
    Deny,
    /// It needs consent.
    #[default]
    Ask,
    /// It moves.
    Allow,
}

/// Which platforms of an index may be promoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platforms {
    /// Only those that were reviewed.
    #[default]
    Reviewed,
    /// All.
    All,
}

/// What happens to the source's referrers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Referrers {
    /// They are copied as they are.
    #[default]
    Copy,
    /// They are made anew for the destination.
    Remake,
    /// They stay behind.
    None,
}

/// Whether a promotion has to be signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    /// It has to.
    #[default]
    Require,
    /// It may.
    Optional,
}

/// A severity and above, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold(pub Option<Severity>);

/// A length of time in whole hours, written `7d`, `36h` or `2w`, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age(pub Option<TimeDelta>);

impl Age {
    fn is_off(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.map_or("off", Severity::as_str))
    }
}

impl Serialize for Threshold {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "off" {
            return Ok(Self(None));
        }
        text.parse()
            .map(|severity| Self(Some(severity)))
            .map_err(|error| serde::de::Error::custom(format!("{error}, or off")))
    }
}

/// The text is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time: expected such as 7d, 36h or 2w, or off")]
pub struct ParseAgeError(pub String);

impl FromStr for Age {
    type Err = ParseAgeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self(None));
        }
        let wrong = || ParseAgeError(text.chars().take(40).collect());
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let hours_each = match unit {
            'h' => 1,
            'd' => 24,
            'w' => 24 * 7,
            _ => return Err(wrong()),
        };
        let count: u32 = text
            .strip_suffix(unit)
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(wrong)?;
        TimeDelta::try_hours(i64::from(count) * hours_each)
            .map(|delta| Self(Some(delta)))
            .ok_or_else(wrong)
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.map(|delta| delta.num_hours()) {
            None => f.write_str("off"),
            Some(hours) if hours % 24 == 0 => write!(f, "{}d", hours / 24),
            Some(hours) => write!(f, "{hours}h"),
        }
    }
}

impl Serialize for Age {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The text is not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column} of the policy: {detail}")]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub detail: String,
}

impl Explain for PolicyError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["the keys are [gate], [approval] and [promotion] of countersign.toml".to_owned()]
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or_default();
            let line_start = before.rfind('\n').map_or(0, |position| position + 1);
            PolicyError {
                line: before.matches('\n').count() + 1,
                column: before
                    .get(line_start..)
                    .map_or(0, |rest| rest.chars().count())
                    + 1,
                detail: error.message().to_owned(),
            }
        })
    }
}

impl Policy {
    /// Returns the SHA-256 of the canonical JSON (RFC 8785) of the policy with every default
    /// filled in: two files that mean the same have the same hash.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        // Only strings, numbers, booleans and lists: this always serialises.
        Digest::of(&serde_json_canonicalizer::to_vec(self).unwrap_or_default())
    }

    /// Returns whether a promotion to this repository (`registry/path`, no tag) is allowed.
    #[must_use]
    pub fn destination_allowed(&self, repository: &str) -> bool {
        let patterns = &self.promotion.destinations;
        patterns.is_empty()
            || patterns
                .iter()
                .any(|pattern| matches_pattern(pattern, repository))
    }
}

/// Matches `*` as any run of characters, `/` included; every other character stands for itself.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests;
