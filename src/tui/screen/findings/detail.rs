//! The detail of the selected finding: what every scanner says, the fix, the verdicts so far.
//!
//! Long texts are read from the report's file on demand; secrets are never shown, only where they
//! are.

mod rated;

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::Value;

use crate::formats::Details;
use crate::ledger::{Entry, kind};
use crate::model::{Finding, Kind, Standing, StandingVerdict, SuppressedBy};
use crate::text::Safe;
use crate::tui::context::Context;
use crate::tui::theme::Role;
use crate::tui::widget::{Pane, Piece, detail, inside, labelled, wrap};

use super::hygiene::{check, is_own, observation};
use super::{Focus, State, offers};

/// The most characters of a long text that are shown.
const MAX_TEXT: usize = 16 * 1024;

/// The most locations and links that are listed.
const MAX_LISTED: usize = 12;

type Lines = Vec<Vec<Piece>>;

impl State {
    pub(super) fn draw_detail(&self, context: &Context<'_>, place: Rect, buffer: &mut Buffer) {
        let finding = self.selected().and_then(|row| context.finding(row));
        let mut title = vec![Piece::new("Detail", Role::Title)];
        if let Some(finding) = finding {
            title.push(Piece::new(" ", Role::Title));
            title.push(Piece::foreign(finding.id.as_str(), Role::Title));
        }
        let pane = Pane {
            theme: context.theme,
            title: &title,
            focused: self.full || self.focus == Focus::Detail,
            bordered: context.bordered(),
        };
        let within = pane.draw(place, buffer);
        let text = self.detail_lines(context, usize::from(within.width));
        detail(context.theme, &text, self.scroll, within, buffer);
    }

    /// Returns how many lines the detail has and how many are seen.
    pub(super) fn detail_size(&self, context: &Context<'_>) -> (usize, usize) {
        let Some(place) = self.panes(context).detail else {
            return (0, 0);
        };
        let within = inside(place, context.bordered());
        let lines = self.detail_lines(context, usize::from(within.width));
        (lines.len(), usize::from(within.height))
    }

    fn detail_lines(&self, context: &Context<'_>, width: usize) -> Lines {
        let Some(position) = self.selected() else {
            return vec![vec![Piece::new("no finding is selected", Role::Dim)]];
        };
        let Some(finding) = context.finding(position) else {
            return Vec::new();
        };
        let mut lines = offers::detail_lines(context, position, width);
        lines.extend(head(finding, width));
        lines.extend(package(finding, width));
        if finding.kind == Kind::Vulnerability {
            lines.extend(rated::risk(context, finding, width));
        }
        lines.extend(observation(finding, width));
        lines.extend(judged(finding, context.verdict(position), width));
        lines.extend(rated::because(context, finding, width));
        lines.extend(rated::table(&finding.ratings, width));
        lines.extend(history(finding, &context.review.history, width));
        match &self.texts {
            Some((known, Ok(texts))) if *known == position => {
                for (scanner, details) in texts {
                    lines.extend(long_text(scanner, details, width));
                }
            }
            Some((known, Err(failed))) if *known == position => {
                lines.push(Vec::new());
                let text = Safe::limited(&failed.message, MAX_TEXT);
                lines.extend(plain(&text, Role::Error, width));
            }
            _ if is_own(finding) => {}
            _ => {
                lines.push(Vec::new());
                lines.push(vec![Piece::new("Enter: the full text", Role::Dim)]);
            }
        }
        lines
    }
}

fn plain(text: &Safe, role: Role, width: usize) -> Lines {
    wrap(text, width)
        .into_iter()
        .map(|part| vec![Piece::safe(part, role)])
        .collect()
}

fn head(finding: &Finding, width: usize) -> Lines {
    let best = finding
        .ratings
        .iter()
        .filter_map(|rating| rating.score)
        .fold(None, |best, score| {
            Some(best.map_or(score, |best: f64| best.max(score)))
        });
    let mut first = vec![Piece::new(
        finding.severity.as_str(),
        Role::of(finding.severity),
    )];
    if let Some(score) = best {
        first.push(Piece::foreign(
            &format!(" {score:.1}"),
            Role::of(finding.severity),
        ));
    }
    let also: Vec<&str> = finding
        .aliases
        .iter()
        .map(crate::model::VulnerabilityId::as_str)
        .collect();
    if !also.is_empty() {
        first.push(Piece::foreign(
            &format!("  also {}", also.join(", ")),
            Role::Dim,
        ));
    }
    let mut lines = vec![first];
    lines.extend(plain(
        &Safe::limited(&finding.title, 1_000),
        Role::Text,
        width,
    ));
    lines
}

fn package(finding: &Finding, width: usize) -> Lines {
    let package = &finding.package;
    let mut lines = Vec::new();
    if finding.kind == Kind::Vulnerability || !package.name.is_empty() {
        let name = Safe::limited(&format!("{} {}", package.name, package.version), 512);
        let changed = name.changed();
        lines.extend(labelled("Package", &name, Role::Text, width));
        if changed {
            let why = Safe::new("^ hidden characters of the report are shown as <U+…>");
            lines.extend(labelled("", &why, Role::Warning, width));
        }
    }
    let fix = if finding.fix.versions.is_empty() {
        Safe::new(finding.fix.state.as_str())
    } else {
        Safe::limited(&finding.fix.versions.join(", "), 1_000)
    };
    if finding.kind == Kind::Vulnerability {
        lines.extend(labelled("Fixed in", &fix, Role::Text, width));
    }
    for location in package.locations.iter().take(MAX_LISTED) {
        let layer = location.layer.as_ref().map(|layer| {
            let hex: String = layer.hex().chars().take(12).collect();
            format!("  layer {hex}")
        });
        let text = format!("{}{}", location.path, layer.unwrap_or_default());
        lines.extend(labelled(
            "Path",
            &Safe::limited(&text, 1_000),
            Role::Text,
            width,
        ));
    }
    if package.locations.len() > MAX_LISTED {
        let more = format!("and {} more places", package.locations.len() - MAX_LISTED);
        lines.extend(labelled("", &Safe::new(&more), Role::Dim, width));
    }
    lines
}

fn judged(finding: &Finding, verdict: Option<&StandingVerdict>, width: usize) -> Lines {
    let mut lines = Vec::new();
    if let Some(suppression) = &finding.suppressed_by {
        let mut text = format!("{} by {}", suppression.status, suppression.name());
        if suppression.by == SuppressedBy::Scanner && !suppression.source.is_empty() {
            let _infallible = write!(text, " ({})", suppression.source);
        }
        if let Some(statement) = &suppression.statement {
            let _infallible = write!(text, ": {statement}");
        }
        let text = Safe::limited(&text, 4_000);
        lines.extend(labelled("Hidden", &text, Role::Warning, width));
    }
    let Some(standing) = verdict else {
        lines.extend(labelled("Verdict", &Safe::new("none"), Role::Dim, width));
        return lines;
    };
    let verdict = &standing.verdict;
    let mut text = verdict.decision.as_str().to_owned();
    if let Some(until) = verdict.until {
        let _infallible = write!(text, " until {until}");
    }
    let _infallible = write!(text, " ({}): {}", standing.standing, verdict.reason);
    let role = match standing.standing {
        Standing::Current => Role::Good,
        Standing::Stale | Standing::Expired => Role::Warning,
    };
    lines.extend(labelled(
        "Verdict",
        &Safe::limited(&text, 4_000),
        role,
        width,
    ));
    if let Some(because) = &standing.because {
        lines.extend(labelled(
            "",
            &Safe::limited(because, 512),
            Role::Warning,
            width,
        ));
    }
    if standing.carried {
        let text = Safe::new("taken on another image or report; it reaches here by its scope");
        lines.extend(labelled("", &text, Role::Dim, width));
    }
    if let Some(from) = &verdict.carried_from {
        let text = Safe::limited(&from.to_string(), 1_000);
        lines.extend(labelled("", &text, Role::Dim, width));
    }
    if !standing.renewed_by.is_empty() {
        let reports: Vec<String> = standing
            .renewed_by
            .iter()
            .take(MAX_LISTED)
            .map(|report| report.short().to_owned())
            .collect();
        let text = format!(
            "renewed: the same evidence in a newer report ({})",
            reports.join(", ")
        );
        lines.extend(labelled("", &Safe::new(&text), Role::Good, width));
    }
    lines
}

/// The ledger's entries about this finding, newest first.
fn history(finding: &Finding, entries: &[Entry], width: usize) -> Lines {
    let about = |entry: &&Entry| {
        let key = entry
            .body
            .get("finding")
            .and_then(|body| body.get("key"))
            .and_then(Value::as_str);
        entry.kind == kind::VERDICT && key == Some(finding.key.as_str())
    };
    let mut lines = Vec::new();
    for entry in entries.iter().rev().filter(about).take(MAX_LISTED) {
        let said = |name: &str| {
            entry
                .body
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let text = format!(
            "{} {}: {}: {}",
            entry.time.format("%Y-%m-%d"),
            entry.reviewer,
            said("decision"),
            said("reason")
        );
        lines.extend(labelled(
            "History",
            &Safe::limited(&text, 1_000),
            Role::Dim,
            width,
        ));
    }
    lines
}

fn long_text(scanner: &str, details: &Details, width: usize) -> Lines {
    let mut lines = vec![
        Vec::new(),
        vec![
            Piece::foreign(scanner, Role::Title),
            Piece::new(" says", Role::Title),
        ],
    ];
    for text in Safe::lines(&details.description, MAX_TEXT) {
        lines.extend(plain(&text, Role::Text, width));
    }
    if details.description.chars().count() > MAX_TEXT {
        let cut = format!("cut off here: {} bytes in all", details.description.len());
        lines.extend(plain(&Safe::new(&cut), Role::Warning, width));
    }
    lines.extend(check(details, width));
    for link in details.references.iter().take(MAX_LISTED) {
        lines.extend(labelled(
            "Link",
            &Safe::limited(link, 512),
            Role::Dim,
            width,
        ));
    }
    if details.references.len() > MAX_LISTED {
        let more = format!("and {} more links", details.references.len() - MAX_LISTED);
        lines.extend(labelled("", &Safe::new(&more), Role::Dim, width));
    }
    lines
}
