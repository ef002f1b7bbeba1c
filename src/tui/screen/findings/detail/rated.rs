//! How bad the selected finding is: the terms of its risk, why its severity is the one shown, and
//! every rating side by side.
//!
//! The rules are `triage::risk`'s and `triage::ratings`'.

use std::sync::Arc;

use unicode_width::UnicodeWidthStr as _;

use crate::model::{Finding, Kind, LayerPlace, Rating};
use crate::text::Safe;
use crate::triage::ratings;
use crate::triage::risk::{self, Risk};
use crate::tui::context::Context;
use crate::tui::theme::Role;
use crate::tui::widget::{Piece, labelled};

use super::{Lines, MAX_LISTED, plain};

/// The columns of the source, the severity and the score.
const COLUMNS: [usize; 3] = [10, 11, 5];

/// Returns the terms of the risk order, and what is known beside them.
pub(super) fn risk(context: &Context<'_>, finding: &Finding, width: usize) -> Lines {
    let risk = Risk::of(finding);
    let role = if risk.known_exploited == Some(true) {
        Role::Error
    } else {
        Role::Text
    };
    let text = Safe::new(&risk.terms().join(" · "));
    let mut lines = labelled("Risk", &text, role, width);
    let known = risk::exploitation(finding).join(", ");
    if !known.is_empty() {
        lines.extend(labelled("", &Safe::new(&known), Role::Dim, width));
    }
    let base = context.review.bases.get(finding.subject as usize);
    if let Some(Some(base)) = base
        && finding.layer != LayerPlace::Unknown
    {
        let text = Safe::limited(&base.text(), 256);
        lines.extend(labelled("", &text, Role::Dim, width));
    }
    lines
}

/// Returns why the finding has its severity, scanner by scanner.
pub(super) fn because(context: &Context<'_>, finding: &Finding, width: usize) -> Lines {
    if finding.records.is_empty() {
        return Vec::new();
    }
    let reason = ratings::because(finding, &context.review.reports);
    let mut lines = labelled("Severity", &Safe::new(&reason.text), Role::Text, width);
    for one in &reason.scanners {
        let text = Safe::limited(&format!("{}: {}", one.scanner, one.text()), 512);
        lines.extend(labelled("", &text, Role::of(one.severity), width));
    }
    if let Some(from) = context.severity_from {
        let shown = context.shown(finding);
        let text = if shown.is_fallback {
            format!("{from} does not rate it: the highest is shown")
        } else {
            format!("shown: {}, from {from}", shown.severity)
        };
        lines.extend(labelled("", &Safe::new(&text), Role::Warning, width));
    }
    if finding.kind != Kind::Vulnerability {
        return lines;
    }
    lines.push(Vec::new());
    lines
}

/// The same rating, as one or several scanners' reports have it.
struct Line<'a> {
    rating: &'a Rating,
    scanners: Vec<&'a str>,
}

/// Returns every rating, one a source; what several reports say alike stands once.
pub(super) fn table(ratings: &[Arc<Rating>], width: usize) -> Lines {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for rating in ratings {
        let same = |line: &&mut Line<'_>| {
            let known = line.rating;
            (&known.source, known.severity) == (&rating.source, rating.severity)
                && (known.score, &known.vector, &known.other_cvss)
                    == (rating.score, &rating.vector, &rating.other_cvss)
        };
        match lines.iter_mut().find(same) {
            Some(line) if line.scanners.contains(&rating.scanner.as_str()) => {}
            Some(line) => line.scanners.push(&rating.scanner),
            None => lines.push(Line {
                rating,
                scanners: vec![&rating.scanner],
            }),
        }
    }
    if lines.is_empty() {
        return Vec::new();
    }
    lines.sort_by(|one, other| one.rating.source.cmp(&other.rating.source));
    let mut text = vec![row(
        [
            Piece::new("SOURCE", Role::Dim),
            Piece::new("SEVERITY", Role::Dim),
            Piece::new("CVSS", Role::Dim),
        ],
        Piece::new("BY", Role::Dim),
    )];
    for line in lines.iter().take(MAX_LISTED) {
        text.extend(rated(line, width));
    }
    if lines.len() > MAX_LISTED {
        let more = format!("and {} more ratings", lines.len() - MAX_LISTED);
        text.push(vec![Piece::foreign(&more, Role::Dim)]);
    }
    text
}

/// One rating: a line, and one for each vector. A long name of a source has a line of its own.
fn rated(line: &Line<'_>, width: usize) -> Lines {
    let rating = line.rating;
    let source = Safe::limited(&rating.source, 64);
    let score = rating.score.map(|score| format!("{score:.1}"));
    let cells = |source| {
        [
            source,
            Piece::new(rating.severity.as_str(), Role::of(rating.severity)),
            Piece::foreign(score.as_deref().unwrap_or("-"), Role::Text),
        ]
    };
    let by = || Piece::foreign(&line.scanners.join(" "), Role::Dim);
    let [room, ..] = COLUMNS;
    let mut lines = if source.as_str().width() < room {
        vec![row(cells(Piece::safe(source, Role::Text)), by())]
    } else {
        vec![
            vec![Piece::safe(source, Role::Text)],
            row(cells(Piece::new("", Role::Text)), by()),
        ]
    };
    if let Some(vector) = &rating.vector {
        lines.extend(self::vector(None, vector, width));
    }
    for cvss in &rating.other_cvss {
        let vector = cvss.vector.as_deref().unwrap_or("no vector");
        lines.extend(self::vector(cvss.score, vector, width));
    }
    lines
}

fn vector(score: Option<f64>, vector: &str, width: usize) -> Lines {
    let score = score.map_or_else(String::new, |score| format!("{score:.1} "));
    let text = Safe::limited(&format!("{score}{vector}"), 256);
    plain(&text, Role::Dim, width.saturating_sub(2).max(8))
        .into_iter()
        .map(|part| {
            std::iter::once(Piece::new("  ", Role::Text))
                .chain(part)
                .collect()
        })
        .collect()
}

fn row(cells: [Piece; 3], last: Piece) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(7);
    for (cell, width) in cells.into_iter().zip(COLUMNS) {
        let pad = width.saturating_sub(cell.width());
        pieces.push(cell);
        pieces.push(Piece::safe(Safe::new(&" ".repeat(pad)), Role::Text));
    }
    pieces.push(last);
    pieces
}
