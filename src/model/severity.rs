//! Severities, as scanners and advisory databases name them.
//!
//! Which source's severity is shown is decided where records are joined, not here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// A severity. The order is the contract's: `critical` is the greatest, `unknown` the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nobody rated it.
    #[default]
    Unknown,
    /// Debian's "unimportant", Ubuntu's "negligible".
    Negligible,
    /// Low.
    Low,
    /// Medium, also written "moderate".
    Medium,
    /// High, also written "important".
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// Every severity, greatest first.
    pub const ALL: [Self; 6] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Negligible,
        Self::Unknown,
    ];

    /// Returns the lower-case name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Returns the severity of a Trivy `VendorSeverity` number (0 unknown to 4 critical).
    #[must_use]
    pub fn from_trivy_number(number: u64) -> Self {
        match number {
            1 => Self::Low,
            2 => Self::Medium,
            3 => Self::High,
            4 => Self::Critical,
            _ => Self::Unknown,
        }
    }
}

/// The text names no severity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a severity: expected critical, high, medium, low, negligible or unknown")]
pub struct ParseSeverityError(pub String);

impl FromStr for Severity {
    type Err = ParseSeverityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "critical" => Ok(Self::Critical),
            "high" | "important" => Ok(Self::High),
            "medium" | "moderate" => Ok(Self::Medium),
            "low" => Ok(Self::Low),
            "negligible" | "unimportant" => Ok(Self::Negligible),
            "unknown" | "" => Ok(Self::Unknown),
            _ => Err(ParseSeverityError(text.chars().take(40).collect())),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Severity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Counts by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SeverityCounts {
    /// Critical.
    pub critical: u64,
    /// High.
    pub high: u64,
    /// Medium.
    pub medium: u64,
    /// Low.
    pub low: u64,
    /// Negligible.
    pub negligible: u64,
    /// Unknown.
    pub unknown: u64,
}

impl SeverityCounts {
    /// Adds one of `severity`.
    pub fn add(&mut self, severity: Severity) {
        *self.slot(severity) += 1;
    }

    /// Returns the count of `severity`.
    #[must_use]
    pub fn of(&self, severity: Severity) -> u64 {
        *self.clone().slot(severity)
    }

    /// Returns the sum.
    #[must_use]
    pub fn total(&self) -> u64 {
        Severity::ALL
            .iter()
            .map(|severity| self.of(*severity))
            .sum()
    }

    fn slot(&mut self, severity: Severity) -> &mut u64 {
        match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Negligible => &mut self.negligible,
            Severity::Unknown => &mut self.unknown,
        }
    }
}
