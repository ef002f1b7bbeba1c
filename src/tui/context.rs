//! What a screen may see: a read-only slice of the console's state.
//!
//! Screens never see the state itself, so that they can neither change it nor know each other.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ratatui::layout::Rect;

use crate::environment::Clock;
use crate::keymap::Keymap;
use crate::model::{Finding, FindingKey, StandingVerdict, Subject};
use crate::review::{OpenProgress, Review};
use crate::triage::carry::Offer;
use crate::triage::ratings::{SeverityFrom, Shown, shown};
use crate::tui::message::Standings;
use crate::tui::theme::Theme;

/// What a promotion was asked for on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefill {
    /// `--to`: the destination.
    pub destination: Option<String>,
    /// `--key`: the signing key, as given; the fingerprint is the plan's.
    pub key: Option<String>,
    /// Whether the key file is locked with a password.
    pub key_is_locked: bool,
    /// `--archive`: where the evidence goes.
    pub archive: Option<String>,
    /// `--predict`: whether counts are covered until they are predicted.
    pub predicts: bool,
}

/// What a screen may see.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The review.
    pub review: &'a Review,
    /// The subject in front: index among the review's subjects; none while there is none.
    pub subject: Option<usize>,
    /// Where each subject stands, by position.
    pub standings: &'a [Standings],
    /// How far reading the inputs is; none once it is done.
    pub loading: Option<&'a OpenProgress>,
    /// Whether inputs are being read at all.
    pub is_loading: bool,
    /// The area screens are drawn in: layout is worked out from it, never learnt from drawing.
    pub area: Rect,
    /// The theme.
    pub theme: Theme,
    /// Whose severity is shown; none: the highest any scanner gives.
    pub severity_from: Option<&'a SeverityFrom>,
    /// The keys in force.
    pub keymap: &'a Keymap,
    /// When the input that is handled was read: monotonic time since the console started. Typing is
    /// told from pasting by it.
    pub at: Duration,
    /// Now.
    pub now: DateTime<Utc>,
    /// The clock that verdicts take their time from.
    pub clock: Clock,
    /// The reviewer, resolved.
    pub reviewer: &'a str,
    /// What the command line asked for.
    pub prefill: &'a Prefill,
    /// The subjects whose counts are covered until their reviewer has predicted them.
    pub covered: &'a BTreeSet<usize>,
}

impl<'a> Context<'a> {
    /// Returns whether panes have lines around them: not on the narrow layout.
    #[must_use]
    pub fn bordered(&self) -> bool {
        self.area.width >= 80
    }

    /// Returns whether the counts of the subject in front are covered.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        self.subject
            .is_some_and(|subject| self.covered.contains(&subject))
    }

    /// Returns what is shown in place of a count that is covered.
    #[must_use]
    pub fn cover(&self) -> &'static str {
        if self.theme.ascii { ".." } else { "··" }
    }

    /// Returns the subject in front.
    #[must_use]
    pub fn subject(&self) -> Option<&'a Subject> {
        self.review.subjects.get(self.subject?)
    }

    /// Returns where the subject in front stands.
    #[must_use]
    pub fn standing(&self) -> Option<&'a Standings> {
        self.standings.get(self.subject?)
    }

    /// Returns a finding by its position.
    #[must_use]
    pub fn finding(&self, position: usize) -> Option<&'a Finding> {
        self.review.findings.get(position)
    }

    /// Returns the severity to show of a finding: the one asked for, where its source gives one.
    #[must_use]
    pub fn shown(&self, finding: &Finding) -> Shown {
        let own = Shown {
            severity: finding.severity,
            is_fallback: false,
        };
        let asked = |from| shown(finding, &self.review.reports, from);
        self.severity_from.map_or(own, asked)
    }

    /// Returns the earlier verdict offered on a finding by its position.
    #[must_use]
    pub fn offer(&self, position: usize) -> Option<&'a Offer> {
        self.review.offer(position)
    }

    /// Returns the verdict on a finding by its position.
    #[must_use]
    pub fn verdict(&self, position: usize) -> Option<&'a StandingVerdict> {
        self.review.verdicts.get(position).and_then(Option::as_ref)
    }
}

/// Returns where the findings of these keys are, of the subject in front; those that are gone are
/// left out.
#[must_use]
pub fn positions(keys: &[FindingKey], context: &Context<'_>) -> Vec<usize> {
    let wanted: HashSet<&FindingKey> = keys.iter().collect();
    let own = context
        .subject
        .map(|subject| context.review.findings_of(subject));
    own.into_iter()
        .flatten()
        .filter(|position| {
            let found = context.finding(*position);
            found.is_some_and(|finding| wanted.contains(&finding.key))
        })
        .collect()
}
