//! Hygiene in documents and tables: what was checked of an image's configuration, and what was not.
//!
//! The rules are `triage::hygiene`'s; `findings` and `inspect` print their findings.

use serde::Serialize;

use crate::model::{ConfigSource, Digest, Finding, Kind, Severity};
use crate::review::Review;
use crate::triage::hygiene::NOT_CHECKED;

/// What was checked of a subject's image.
#[derive(Serialize)]
pub(super) struct CheckedView {
    /// The subject, by position in the document.
    subject: usize,
    /// The documents that carry the configuration; none: it was not checked.
    configurations: Vec<ConfigSource>,
    /// What takes the layers and nobody looked at.
    not_checked: [&'static str; 5],
}

impl CheckedView {
    /// Returns one for each of the chosen subjects.
    pub(super) fn all(review: &Review, chosen: &[usize]) -> Vec<Self> {
        let of_subject = |(subject, position): (usize, &usize)| Self {
            subject,
            configurations: review.configurations(*position),
            not_checked: NOT_CHECKED,
        };
        chosen.iter().enumerate().map(of_subject).collect()
    }

    /// Returns what a person has to know who sees an empty list.
    pub(super) fn note(&self) -> String {
        if self.configurations.is_empty() {
            return "the image's configuration was not checked: no report carries it".to_owned();
        }
        not_checked()
    }
}

/// Returns what no rule can see, in a sentence.
pub(super) fn not_checked() -> String {
    format!(
        "not checked, it takes the layers: {}",
        NOT_CHECKED.join(", ")
    )
}

/// What an image's configuration tells.
#[derive(Serialize)]
pub(super) struct HygieneView<'a> {
    findings: Vec<ObservedView<'a>>,
    not_checked: [&'static str; 5],
}

/// One finding of an image that was read itself.
#[derive(Serialize)]
struct ObservedView<'a> {
    id: &'a str,
    rule: &'static str,
    kind: Kind,
    severity: Severity,
    title: &'a str,
    place: &'a str,
    layer: Option<&'a Digest>,
    saw: &'a str,
    why: &'static str,
    advice: &'static str,
    blind: &'static str,
}

impl<'a> HygieneView<'a> {
    /// Returns the findings as the document has them.
    pub(super) fn of(findings: &'a [Finding]) -> Self {
        let view = |finding: &'a Finding| {
            let observed = finding.observed.as_deref()?;
            let place = finding.package.locations.first()?;
            Some(ObservedView {
                id: finding.id.as_str(),
                rule: observed.rule,
                kind: finding.kind,
                severity: finding.severity,
                title: &finding.title,
                place: &place.path,
                layer: place.layer.as_ref(),
                saw: &observed.saw,
                why: observed.why,
                advice: observed.advice,
                blind: observed.blind,
            })
        };
        Self {
            findings: findings.iter().filter_map(view).collect(),
            not_checked: NOT_CHECKED,
        }
    }
}
