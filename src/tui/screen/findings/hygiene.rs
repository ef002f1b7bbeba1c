//! What the hygiene form of the findings shows beyond them: what a configuration told, what a
//! scanner says about a check, and what nobody looked at.
//!
//! Every text here was masked when it was read; there is no key that shows a value.

use ratatui::layout::Rect;

use crate::formats::Details;
use crate::model::{Finding, Kind};
use crate::text::Safe;
use crate::triage::hygiene::{NOT_CHECKED, SCANNER};
use crate::tui::context::Context;
use crate::tui::theme::Role;
use crate::tui::widget::{Piece, labelled, wrap};

use super::{Scope, State};

/// The most lines that say what was not checked.
const MAX_NOTE: usize = 4;

/// Returns the place of a kind in the list, and its word.
pub(super) fn group(kind: Kind) -> (u8, &'static str) {
    match kind {
        Kind::Secret => (0, "secret"),
        Kind::Misconfiguration => (1, "config"),
        Kind::Hygiene => (2, "image"),
        Kind::License => (3, "licence"),
        Kind::Vulnerability => (4, "vuln"),
    }
}

/// Returns what the image's configuration told, for a finding of this program's own.
pub(super) fn observation(finding: &Finding, width: usize) -> Vec<Vec<Piece>> {
    let Some(observed) = &finding.observed else {
        return Vec::new();
    };
    let sources: Vec<String> = observed
        .sources
        .iter()
        .map(|source| match source.part {
            Some(part) => format!("{} ({part})", source.name),
            None => format!("{} (read itself)", source.name),
        })
        .collect();
    let mut lines = Vec::new();
    for (label, text, role) in [
        ("Seen", observed.saw.as_str(), Role::Text),
        ("Why", observed.why, Role::Text),
        ("Do", observed.advice, Role::Good),
        ("Unseen", observed.blind, Role::Dim),
        ("From", &sources.join(", "), Role::Dim),
    ] {
        lines.extend(labelled(label, &Safe::limited(text, 1_000), role, width));
    }
    lines
}

/// Returns what a scanner says about a check: message, lines and resolution.
pub(super) fn check(details: &Details, width: usize) -> Vec<Vec<Piece>> {
    let lines_of = details.lines.map(|(first, last)| {
        if first == last {
            format!("line {first}")
        } else {
            format!("lines {first} to {last}")
        }
    });
    let mut lines = Vec::new();
    for (label, text, role) in [
        ("Message", details.message.as_deref(), Role::Text),
        ("Where", lines_of.as_deref(), Role::Text),
        ("Do", details.resolution.as_deref(), Role::Good),
    ] {
        if let Some(text) = text {
            lines.extend(labelled(label, &Safe::limited(text, 4_000), role, width));
        }
    }
    lines
}

/// Returns whether nothing more about a finding can be read: no scanner reported it.
pub(super) fn is_own(finding: &Finding) -> bool {
    finding.scanners.iter().all(|scanner| scanner == SCANNER) && finding.observed.is_some()
}

impl State {
    /// Returns how many rows of the list, and counts by kind, for the title.
    pub(super) fn kinds(&self, context: &Context<'_>) -> String {
        let mut counts: Vec<((u8, &str), usize)> = Vec::new();
        for row in &self.rows {
            let Some(finding) = context.finding(*row as usize) else {
                continue;
            };
            let group = group(finding.kind);
            match counts.iter_mut().find(|(known, _)| *known == group) {
                Some((_, count)) => *count += 1,
                None => counts.push((group, 1)),
            }
        }
        counts.sort_unstable();
        let words = counts
            .iter()
            .map(|((_, word), count)| format!("  {word} {count}"));
        words.collect()
    }

    /// Returns what stands below the list: what was read of the image, and what nobody looked at.
    /// Nothing where the list is too low to lose a line.
    pub(super) fn note(&self, context: &Context<'_>, list: Rect) -> Vec<Vec<Piece>> {
        if self.scope != Scope::Hygiene || list.height < 8 || context.is_loading {
            return Vec::new();
        }
        let Some(subject) = context.subject else {
            return Vec::new();
        };
        let checked = context.review.configurations(subject).len();
        let (text, role) = if checked == 0 {
            let text = "the image's configuration was not checked: no report carries it, and the image was not read".to_owned();
            (text, Role::Warning)
        } else {
            (
                format!(
                    "not checked, it takes the layers: {}",
                    NOT_CHECKED.join(", ")
                ),
                Role::Dim,
            )
        };
        let width = usize::from(list.width.saturating_sub(1));
        wrap(&Safe::new(&text), width)
            .into_iter()
            .take(MAX_NOTE)
            .map(|part| vec![Piece::new(" ", Role::Text), Piece::safe(part, role)])
            .collect()
    }
}
