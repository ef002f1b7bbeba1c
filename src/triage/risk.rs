//! The risk order: which finding to look at first, term by term.
//!
//! In this order, each term deciding only where those before it are equal: known to be exploited
//! (KEV), the band of the EPSS, severity, whether there is a fix, the part of the image it came
//! with, and last the EPSS itself. What nobody says is never an all-clear: an EPSS that is not
//! known counts as the third of four bands. Nothing is decided by this order: gate, filters and
//! totals do not know it. What files say about exploitation is put into findings in `exploits`,
//! where the base image ends is worked out in `base`.

pub mod base;
pub mod exploits;

use serde::Serialize;

use crate::model::{Finding, Fixable, LayerPlace, Severity};

/// How likely a vulnerability is to be exploited within 30 days, in four bands. Two scores in one
/// band are too close for the score alone to outweigh the severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EpssBand {
    /// 50 % and more.
    VeryLikely,
    /// 10 % and more.
    Likely,
    /// 1 % and more, or not known.
    Possible,
    /// Less than 1 %, as most CVEs.
    Unlikely,
}

impl EpssBand {
    /// Returns the band of a probability.
    #[must_use]
    pub fn of(epss: Option<f64>) -> Self {
        match epss {
            Some(epss) if epss >= 0.5 => Self::VeryLikely,
            Some(epss) if epss >= 0.1 => Self::Likely,
            Some(epss) if epss < 0.01 => Self::Unlikely,
            Some(_) | None => Self::Possible,
        }
    }

    /// Returns the name for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VeryLikely => "very likely",
            Self::Likely => "likely",
            Self::Possible => "possible",
            Self::Unlikely => "unlikely",
        }
    }
}

/// The terms of a finding, in the order in which they decide.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Risk {
    /// Whether it is known to be exploited. "No" and "nobody says" count the same.
    pub known_exploited: Option<bool>,
    /// The band of the EPSS.
    pub epss_band: EpssBand,
    /// The highest severity any scanner gives.
    pub severity: Severity,
    /// Whether it can be fixed: what can be mended comes first.
    pub fixable: Fixable,
    /// The part of the image: what was added to the base comes first, for a newer base does not
    /// mend it.
    pub layer: LayerPlace,
    /// The EPSS, 0 to 1.
    pub epss: Option<f64>,
}

impl Risk {
    /// Returns the terms of a finding.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        Self {
            known_exploited: finding.known_exploited,
            epss_band: EpssBand::of(finding.epss),
            severity: finding.severity,
            fixable: finding.fix.fixable(),
            layer: finding.layer,
            epss: finding.epss,
        }
    }

    /// Returns the place in the order as one number: what is smaller comes first. Findings of one
    /// number keep the order they have.
    #[must_use]
    pub fn rank(&self) -> u64 {
        let exploited = u64::from(self.known_exploited != Some(true));
        let severity = u64::from(u8::MAX - self.severity as u8);
        let fixable = match self.fixable {
            Fixable::Yes => 0,
            Fixable::Unknown => 1,
            Fixable::No => 2,
        };
        let layer = match self.layer {
            LayerPlace::Application => 0,
            LayerPlace::Unknown => 1,
            LayerPlace::Base => 2,
        };
        exploited << 47
            | (self.epss_band as u64) << 44
            | severity << 36
            | fixable << 34
            | layer << 32
            | inverse(self.epss)
    }

    /// Returns the terms for people, in the order in which they decide.
    #[must_use]
    pub fn terms(&self) -> [String; 5] {
        let exploited = match self.known_exploited {
            Some(true) => "KEV yes",
            Some(false) => "KEV no",
            None => "KEV unknown",
        };
        let band = self.epss_band.as_str();
        let epss = match self.epss {
            Some(epss) => format!("EPSS {} ({band})", percent(epss)),
            None => format!("EPSS unknown (counts as {band})"),
        };
        let fixable = match self.fixable {
            Fixable::Yes => "fixable",
            Fixable::No => "no fix",
            Fixable::Unknown => "fix unknown",
        };
        let layer = match self.layer {
            LayerPlace::Application => "application layer",
            LayerPlace::Base => "base layer",
            LayerPlace::Unknown => "layer unknown",
        };
        [
            exploited.to_owned(),
            epss,
            self.severity.to_string(),
            fixable.to_owned(),
            layer.to_owned(),
        ]
    }
}

/// Returns what is known beside EPSS and KEV: percentile, days, use for ransomware.
#[must_use]
pub fn exploitation(finding: &Finding) -> Vec<String> {
    let known = &finding.exploitation;
    let mut said = Vec::new();
    if finding.epss.is_some() {
        let share = known
            .percentile
            .map(|share| format!("percentile {}", percent(share)));
        let day = known.scored.map(|day| format!("EPSS of {day}"));
        said.extend(share.into_iter().chain(day));
    }
    if finding.known_exploited == Some(true) {
        said.extend(
            known
                .listed
                .map(|day| format!("in the KEV catalogue since {day}")),
        );
        if known.ransomware == Some(true) {
            said.push("used for ransomware".to_owned());
        }
    }
    said
}

/// Returns a share as a percentage with two places, as EPSS is usually written.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// Returns a number below 2^32 that is smaller for a higher EPSS; one that is not known is last.
fn inverse(epss: Option<f64>) -> u64 {
    const STEPS: u32 = 1_000_000_000;
    let Some(epss) = epss.filter(|epss| (0.0..=1.0).contains(epss)) else {
        return u64::from(STEPS) + 1;
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number from 0 to 1 times a thousand million, rounded"
    )]
    let steps = (epss * f64::from(STEPS)).round() as u64;
    u64::from(STEPS).saturating_sub(steps)
}

#[cfg(test)]
mod tests;
