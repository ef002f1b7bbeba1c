//! Predictions: what a reviewer expects of an image before the first look, and how it came out.
//!
//! A prediction is on the ledger; nothing here changes how findings are counted elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Finding, Fixable, ImageReference, Kind, Severity, Subject};

/// Something that can be counted and predicted: `findings`, `high`, `fixable-high`, `secrets` …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Countable {
    /// Whether a fix must be known, or must not.
    fixable: Option<bool>,
    /// The kind; vulnerabilities where none is named.
    kind: Kind,
    /// The severity; none means any.
    severity: Option<Severity>,
}

/// The text names nothing that is counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is nothing that is counted: expected [fixable-|unfixed-]SEVERITY or findings, or secrets, misconfigurations, licenses"
)]
pub struct ParseCountableError(pub String);

const OTHER_KINDS: [(Kind, &str); 3] = [
    (Kind::Secret, "secrets"),
    (Kind::Misconfiguration, "misconfigurations"),
    (Kind::License, "licenses"),
];

impl FromStr for Countable {
    type Err = ParseCountableError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseCountableError(text.chars().take(40).collect());
        let lower = text.trim().to_lowercase();
        if let Some((kind, _)) = OTHER_KINDS.iter().find(|(_, name)| *name == lower) {
            return Ok(Self {
                fixable: None,
                kind: *kind,
                severity: None,
            });
        }
        let (fixable, rest) = match lower.split_once('-') {
            Some(("fixable", rest)) => (Some(true), rest),
            Some(("unfixed", rest)) => (Some(false), rest),
            _ if lower == "fixable" => (Some(true), "findings"),
            _ if lower == "unfixed" => (Some(false), "findings"),
            _ => (None, lower.as_str()),
        };
        let severity = match rest {
            "findings" => None,
            "" => return Err(wrong()),
            word => Some(word.parse().map_err(|_unknown| wrong())?),
        };
        Ok(Self {
            fixable,
            kind: Kind::Vulnerability,
            severity,
        })
    }
}

impl fmt::Display for Countable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name)) = OTHER_KINDS.iter().find(|(kind, _)| *kind == self.kind) {
            return f.write_str(name);
        }
        match self.fixable {
            Some(true) => f.write_str("fixable-")?,
            Some(false) => f.write_str("unfixed-")?,
            None => {}
        }
        f.write_str(self.severity.map_or("findings", Severity::as_str))
    }
}

impl Serialize for Countable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Countable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Countable {
    fn counts(self, finding: &Finding) -> bool {
        let fix = match self.fixable {
            Some(true) => finding.fix.fixable() == Fixable::Yes,
            Some(false) => finding.fix.fixable() != Fixable::Yes,
            None => true,
        };
        let severity = self
            .severity
            .is_none_or(|wanted| finding.severity == wanted);
        finding.kind == self.kind && severity && fix
    }
}

/// One expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// What is counted.
    pub what: Countable,
    /// How many are expected.
    pub count: u64,
}

/// The text is no expectation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseExpectationError {
    /// There is no count.
    #[error("`{0}` is no expectation: expected WHAT=NUMBER, such as fixable-high=3")]
    Form(String),
    /// What is expected is unknown.
    #[error(transparent)]
    What(#[from] ParseCountableError),
}

impl FromStr for Expectation {
    type Err = ParseExpectationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseExpectationError::Form(text.chars().take(60).collect());
        let (what, count) = text.split_once('=').ok_or_else(wrong)?;
        Ok(Self {
            what: what.parse()?,
            count: count.trim().parse().map_err(|_no_number| wrong())?,
        })
    }
}

/// A prediction: the body of a ledger entry of kind `prediction`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// The image, as it was given.
    pub image: String,
    /// What is expected of it.
    pub expect: Vec<Expectation>,
}

impl Prediction {
    /// Returns whether it is about `subject`: by digest where it names one, else by repository and
    /// tag.
    #[must_use]
    pub fn is_about(&self, subject: &Subject) -> bool {
        let Ok(predicted) = self.image.parse::<ImageReference>() else {
            return self.image == subject.name;
        };
        if let Some(digest) = &predicted.digest {
            return subject.is_named_by(digest) || subject.image_id.as_ref() == Some(digest);
        }
        let names = subject.tags.iter().chain([&subject.name]);
        names
            .filter_map(|name| name.parse::<ImageReference>().ok())
            .any(|name| name.repository == predicted.repository && name.tag == predicted.tag)
    }
}

/// How one expectation came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Score {
    /// What was counted.
    pub what: Countable,
    /// How many were expected.
    pub expected: u64,
    /// How many there are.
    pub found: u64,
}

impl Score {
    /// Returns found less expected.
    #[must_use]
    pub fn difference(&self) -> i128 {
        i128::from(self.found) - i128::from(self.expected)
    }
}

/// Returns how a prediction came out on the findings of its image.
#[must_use]
pub fn score(prediction: &Prediction, findings: &[&Finding]) -> Vec<Score> {
    let of = |expectation: &Expectation| Score {
        what: expectation.what,
        expected: expectation.count,
        found: findings
            .iter()
            .filter(|finding| expectation.what.counts(finding))
            .count() as u64,
    };
    prediction.expect.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_read_and_written_alike() {
        for text in [
            "findings",
            "high",
            "fixable-high",
            "unfixed-critical",
            "fixable-findings",
            "secrets",
            "misconfigurations",
            "licenses",
        ] {
            let read: Countable = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
        }
        assert_eq!(
            "fixable".parse::<Countable>().unwrap().to_string(),
            "fixable-findings"
        );
        for wrong in ["", "hgih", "fixable-", "fixable-secrets", "unfixed-x"] {
            assert!(wrong.parse::<Countable>().is_err(), "{wrong}");
        }
        for wrong in ["high", "high=", "high=-1", "=3", "high=many"] {
            assert!(wrong.parse::<Expectation>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_prediction_is_bound_to_its_image() {
        let report = crate::triage::testing::report("trivy", Vec::new());
        let mut subject = crate::triage::testing::joined(&[report]).0.remove(0);
        subject.name = "docker.io/library/caddy:2.7.6".to_owned();
        let about = |image: &str| {
            Prediction {
                image: image.into(),
                expect: Vec::new(),
            }
            .is_about(&subject)
        };
        assert!(about("caddy:2.7.6"));
        assert!(!about("caddy:2.8"));
        assert!(!about("other/caddy:2.7.6"));
    }
}
