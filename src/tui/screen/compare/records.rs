//! What both reports say about a row, record by record, side by side.
//!
//! The values are the reports' own; nothing is judged here.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::model::{Fix, MatchKind, Record, Report, VulnerabilityId};
use crate::text::Safe;
use crate::triage::compare::{Comparison, Row};
use crate::tui::context::Context;
use crate::tui::theme::Role;
use crate::tui::widget::{Piece, lines, wrap};

/// How far the values of a record stand in: the longest name, and two spaces on either side.
const INDENT: usize = 14;

/// More records of one side say nothing new: they are the same in further places.
const MOST: usize = 8;

/// The width from which both sides stand beside each other.
pub(super) const BESIDE: u16 = 100;

/// Returns the records of both sides, one after the other.
pub(super) fn stacked(
    row: &Row,
    comparison: &Comparison,
    context: &Context<'_>,
    width: usize,
) -> Vec<Vec<Piece>> {
    let [left, right] = both(row, comparison, context, width);
    left.into_iter().chain(right).collect()
}

/// Returns how many lines the longer side takes beside the other.
pub(super) fn height(
    row: &Row,
    comparison: &Comparison,
    context: &Context<'_>,
    width: u16,
) -> usize {
    let sides = both(row, comparison, context, usize::from(half(width)));
    sides.iter().map(Vec::len).max().unwrap_or_default()
}

fn half(width: u16) -> u16 {
    width.saturating_sub(2) / 2
}

/// Draws the records of both sides beside each other, from line `first` on.
pub(super) fn beside(
    row: &Row,
    comparison: &Comparison,
    context: &Context<'_>,
    first: usize,
    area: Rect,
    buffer: &mut Buffer,
) {
    let width = half(area.width);
    let columns = Layout::horizontal([
        Constraint::Length(width),
        Constraint::Length(2),
        Constraint::Length(width),
    ]);
    let [left, _, right] = columns.areas(area);
    let sides = both(row, comparison, context, usize::from(width));
    for (text, place) in sides.into_iter().zip([left, right]) {
        let shown = text.get(first..).unwrap_or_default();
        lines(context.theme, shown, place, buffer);
    }
}

fn both(
    row: &Row,
    comparison: &Comparison,
    context: &Context<'_>,
    width: usize,
) -> [Vec<Vec<Piece>>; 2] {
    let [left, right] = &comparison.sides;
    let [left_report, right_report] = comparison.reports;
    [(left, left_report), (right, right_report)].map(|(name, position)| {
        let report = context.review.reports.get(position);
        side(name, row, report.map(AsRef::as_ref), width)
    })
}

fn side(name: &str, row: &Row, report: Option<&Report>, width: usize) -> Vec<Vec<Piece>> {
    let mut text = vec![vec![Piece::foreign(name, Role::Title)]];
    let (Some(view), Some(report)) = (row.sides.get(name), report) else {
        let words = match report {
            Some(_) => "does not report it",
            None => "is not loaded",
        };
        text.push(vec![
            Piece::new("  ", Role::Text),
            Piece::new(words, Role::Text),
        ]);
        return text;
    };
    if view.records.is_empty() {
        let ids: Vec<&str> = view.ids.iter().map(VulnerabilityId::as_str).collect();
        field("id", &ids.join(", "), INDENT, width, &mut text);
        field("severity", view.severity.as_str(), INDENT, width, &mut text);
        field("fix", &fix(&view.fix), INDENT, width, &mut text);
    }
    let records = view.records.iter();
    let records = records.filter_map(|position| report.records.get(*position as usize));
    for record in records.take(MOST) {
        record_lines(record, width, &mut text);
    }
    if view.records.len() > MOST {
        let more = format!("  and {} more records", view.records.len() - MOST);
        text.push(vec![Piece::foreign(&more, Role::Dim)]);
    }
    text
}

fn record_lines(record: &Record, width: usize, text: &mut Vec<Vec<Piece>>) {
    let join = |ids: &[VulnerabilityId]| {
        let ids: Vec<&str> = ids.iter().map(VulnerabilityId::as_str).collect();
        ids.join(", ")
    };
    let package = &record.package;
    let source = record
        .severity_source
        .as_deref()
        .unwrap_or("no source named");
    let paths: Vec<&str> = package
        .locations
        .iter()
        .take(3)
        .map(|location| location.path.as_str())
        .collect();
    let matched = match record.matched {
        MatchKind::Direct => "the package itself",
        MatchKind::Indirect => "through its source package",
        MatchKind::Cpe => "by CPE: names were guessed",
        MatchKind::Unknown => "",
    };
    let date = |date: Option<chrono::DateTime<chrono::Utc>>| {
        date.map_or_else(String::new, |date| date.format("%Y-%m-%d").to_string())
    };
    for (name, value) in [
        ("id", record.id.clone()),
        ("also", join(&record.aliases)),
        ("covered by", join(&record.covers)),
        ("severity", format!("{} ({source})", record.severity)),
        (
            "package",
            format!(
                "{} {} ({})",
                package.name, package.version, package.ecosystem
            ),
        ),
        ("source", package.source.clone().unwrap_or_default()),
        ("path", paths.join(", ")),
        ("fix", fix(&record.fix)),
        ("state", record.state_word.clone().unwrap_or_default()),
        ("match", matched.to_owned()),
        ("namespace", record.namespace.clone().unwrap_or_default()),
        ("published", date(record.published)),
        ("changed", date(record.modified)),
    ] {
        if !value.is_empty() {
            field(name, &value, INDENT, width, text);
        }
    }
}

fn fix(fix: &Fix) -> String {
    match fix.versions.as_slice() {
        [] => fix.state.as_str().to_owned(),
        versions => versions.join(", "),
    }
}

/// Adds a field, its value wrapped and indented.
pub(super) fn field(
    name: &str,
    value: &str,
    indent: usize,
    width: usize,
    text: &mut Vec<Vec<Piece>>,
) {
    let label = format!("  {name:<width$}", width = indent.saturating_sub(2));
    let value = Safe::limited(value, 1_000);
    for (number, part) in wrap(&value, width.saturating_sub(indent))
        .into_iter()
        .enumerate()
    {
        let before = if number == 0 {
            Piece::foreign(&label, Role::Dim)
        } else {
            Piece::foreign(&" ".repeat(indent), Role::Dim)
        };
        text.push(vec![before, Piece::safe(part, Role::Text)]);
    }
}
