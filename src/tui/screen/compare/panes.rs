//! The panes of the comparison: agreement with the context of the scans, rows, reason.
//!
//! Drawing only.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::{DatabaseAge, Report, Severity, VulnerabilityId};
use crate::text::{Safe, thousands};
use crate::triage::compare::{Comparison, Difference, Reason, Row as Compared, SideView, Strength};
use crate::tui::context::Context;
use crate::tui::theme::{Role, letters};
use crate::tui::widget::{Column, DataTable, Pane, Piece, Row, lines, width_of, wrap};

use super::State;

/// Draws what is said where there is nothing to compare.
pub(super) fn nothing(context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
    let inner = pane(
        &[Piece::new("Compare", Role::Title)],
        true,
        context,
        area,
        buffer,
    );
    let text = [
        vec![Piece::new(
            "Nothing to compare: two vulnerability reports about this image are needed.",
            Role::Text,
        )],
        vec![Piece::new(
            "Start with both, for instance: countersign trivy.json grype.json",
            Role::Dim,
        )],
    ];
    lines(context.theme, &text, inner, buffer);
}

fn pane(
    title: &[Piece],
    focused: bool,
    context: &Context<'_>,
    area: Rect,
    buffer: &mut Buffer,
) -> Rect {
    Pane {
        theme: context.theme,
        title,
        focused,
        bordered: context.bordered(),
    }
    .draw(area, buffer)
}

/// Returns the words for how well a reason is supported.
fn strength(strength: Strength) -> (&'static str, Role) {
    match strength {
        Strength::Proven => ("proven by the reports", Role::Good),
        Strength::Inferred => ("inferred, not proven", Role::Warning),
        Strength::Undecidable => ("cannot be decided from these files", Role::Warning),
    }
}

/// Returns what a row is, in a word or two.
fn class(row: &Compared, comparison: &Comparison) -> String {
    if row.side != "both" {
        return format!("only {}", row.side);
    }
    let differs = |difference| row.difference.contains(&difference);
    match (differs(Difference::Severity), differs(Difference::Fix)) {
        (true, true) => "sev~ fix~".to_owned(),
        (true, false) => "severity ~".to_owned(),
        (false, true) => "fix ~".to_owned(),
        (false, false) => {
            let first = |side: &String| row.sides.get(side).and_then(|side| side.ids.first());
            let [left, right] = &comparison.sides;
            // The same vulnerability under two names: agreement, but worth seeing.
            if first(left) == first(right) {
                "both agree".to_owned()
            } else {
                "agree, alias".to_owned()
            }
        }
    }
}

/// Returns the heading of a side's column: headings are the program's own words.
fn heading(side: &str, left: bool) -> &'static str {
    match (side, left) {
        ("trivy", _) => "TRIVY",
        ("grype", _) => "GRYPE",
        (_, true) => "LEFT",
        (_, false) => "RIGHT",
    }
}

fn side_cells(side: Option<&SideView>) -> [Piece; 2] {
    match side {
        None => [Piece::new("-", Role::Dim), Piece::new("", Role::Dim)],
        Some(side) => [
            Piece::new(letters(side.severity), Role::of(side.severity)),
            fix(side),
        ],
    }
}

fn fix(side: &SideView) -> Piece {
    match side.fix.versions.as_slice() {
        [] => Piece::new(side.fix.state.as_str(), Role::Dim),
        versions => Piece::foreign(&versions.join(" "), Role::Text),
    }
}

/// Returns version, database and options of a scan: what its findings depend on besides the image.
fn scan(name: &str, report: &Report, context: &Context<'_>) -> Vec<Vec<Piece>> {
    let version = report
        .scanner_version
        .as_deref()
        .unwrap_or("version unknown");
    let mut head = vec![
        Piece::foreign(name, Role::Title),
        Piece::new(" ", Role::Text),
        Piece::foreign(version, Role::Text),
    ];
    head.push(match report.database_built {
        Some(built) => {
            let bound = match report.database_age {
                DatabaseAge::LowerBound => " or later",
                DatabaseAge::Exact | DatabaseAge::Unknown => "",
            };
            let age = context.now - built;
            let (count, unit) = match age.num_hours() {
                hours @ ..48 => (hours, "h"),
                _ => (age.num_days(), "d"),
            };
            let date = built.format("%Y-%m-%d %H:%MZ");
            let count = thousands(u64::try_from(count).unwrap_or(0));
            let text = format!("  database {date}{bound} ({count} {unit})");
            Piece::foreign(&text, Role::Text)
        }
        None => Piece::new("  database date unknown", Role::Warning),
    });
    let mut text = vec![head];
    for option in &report.options {
        let how = if option.recorded {
            "recorded"
        } else {
            "inferred"
        };
        let said = format!("  filter {}: {} ({how})", option.name, option.value);
        text.push(vec![Piece::foreign(&said, Role::Warning)]);
    }
    if report.is_partial() {
        text.push(vec![Piece::new("  read only in part", Role::Error)]);
    }
    text
}

impl State {
    pub(super) fn view_agreement(
        &self,
        comparison: &Comparison,
        context: &Context<'_>,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let [left, right] = &comparison.sides;
        let weak = !comparison.joined_by.is_identity();
        let title = [
            Piece::new("Agreement  joined by ", Role::Title),
            Piece::new(
                comparison.joined_by.as_str(),
                if weak { Role::Warning } else { Role::Good },
            ),
            Piece::new(if weak { "  (weak)" } else { "" }, Role::Warning),
        ];
        let inner = pane(&title, false, context, area, buffer);
        let mut table = vec![vec![Piece::foreign(
            &format!(
                "{:<16}{:>7}{:>10}{:>6}{:>12}{:>12}",
                "",
                "agree",
                "severity~",
                "fix~",
                format!("only {}", clipped(left, 6)),
                format!("only {}", clipped(right, 6))
            ),
            Role::Title,
        )]];
        for (severity, tally) in Severity::ALL.into_iter().zip(&self.tallies) {
            let counts = format!(
                "{:>7}{:>10}{:>6}{:>12}{:>12}",
                thousands(tally.agree),
                thousands(tally.severity),
                thousands(tally.fix),
                thousands(tally.left),
                thousands(tally.right)
            );
            table.push(vec![
                Piece::foreign(&format!("{severity:<12}"), Role::of(severity)),
                Piece::foreign(&format!("{:<4}", letters(severity)), Role::of(severity)),
                Piece::foreign(&counts, Role::Text),
            ]);
        }
        lines(context.theme, &table, inner, buffer);
        let used = table.first().map_or(0, |row| width_of(row)) + 3;
        let used = u16::try_from(used).unwrap_or(u16::MAX).min(inner.width);
        let beside = Rect {
            x: inner.x + used,
            width: inner.width - used,
            ..inner
        };
        let mut said = Vec::new();
        for (name, position) in comparison.sides.iter().zip(comparison.reports) {
            if let Some(report) = context.review.reports.get(position) {
                said.append(&mut scan(name, report, context));
            }
        }
        if beside.width >= 20 {
            lines(context.theme, &said, beside, buffer);
        }
    }

    pub(super) fn view_rows(
        &self,
        comparison: &Comparison,
        context: &Context<'_>,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let [left, right] = &comparison.sides;
        let mut title = vec![
            Piece::foreign(
                &format!(
                    "{left} against {right}  {} of {} rows  ",
                    thousands(self.listed.len() as u64),
                    thousands(comparison.rows.len() as u64)
                ),
                Role::Title,
            ),
            Piece::foreign(&format!("m: {}", self.mode.label(comparison)), Role::Dim),
        ];
        if self.comparisons.len() > 1 {
            let pairs = format!(
                "  pair {} of {} (Tab)",
                self.shown + 1,
                self.comparisons.len()
            );
            title.push(Piece::foreign(&pairs, Role::Dim));
        }
        if self.typing || !self.filter.text().is_empty() {
            title.push(Piece::new("  / ", Role::Key));
            title.push(Piece::foreign(self.filter.text(), Role::Field));
            title.push(Piece::new(if self.typing { "_" } else { "" }, Role::Field));
        }
        let inner = pane(&title, true, context, area, buffer);
        let wide = inner.width >= 100;
        let narrow = inner.width < 76;
        let mut columns = vec![
            Column::fixed("CLASS", 12),
            Column::share("ID", 14, 1),
            Column::share("PACKAGE", 8, 2),
        ];
        if wide {
            columns.push(Column::share("INSTALLED", 9, 1));
        }
        columns.push(Column::fixed(heading(left, true), 5));
        if !narrow {
            columns.push(Column::share("FIX", 7, 1));
        }
        columns.push(Column::fixed(heading(right, false), 5));
        if !narrow {
            columns.push(Column::share("FIX", 7, 1));
        }
        if wide {
            columns.push(Column::share("WHY", 14, 2));
        }
        let row = |position: usize| {
            let row = self
                .listed
                .get(position)
                .and_then(|position| comparison.rows.get(*position));
            row.map_or_else(empty, |row| cells(row, comparison, wide, narrow))
        };
        DataTable {
            theme: context.theme,
            columns: &columns,
            length: self.listed.len(),
            cursor: self.cursor,
            focused: true,
            row: &row,
        }
        .draw(inner, buffer);
        if self.listed.is_empty() {
            let text = [
                Vec::new(),
                vec![Piece::new("   no row in this mode", Role::Dim)],
            ];
            lines(context.theme, &text, inner, buffer);
        }
    }

    pub(super) fn view_reason(
        &self,
        comparison: &Comparison,
        context: &Context<'_>,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let Some(row) = self.row() else {
            pane(
                &[Piece::new("Why", Role::Title)],
                false,
                context,
                area,
                buffer,
            );
            return;
        };
        let mut title = vec![
            Piece::new("Why  ", Role::Title),
            Piece::foreign(row.id.as_str(), Role::Title),
            Piece::foreign(
                &format!("  {} {}", row.package.name, row.package.version),
                Role::Text,
            ),
        ];
        if let Some(reason) = &row.reason {
            let (words, role) = strength(reason.strength);
            title.push(Piece::new("  ", Role::Text));
            title.push(Piece::new(words, role));
        }
        let inner = pane(&title, self.is_open, context, area, buffer);
        let width = usize::from(inner.width);
        let mut text = Vec::new();
        match &row.reason {
            Some(reason) => reason_lines(reason, width, &mut text),
            None => text.push(vec![Piece::new(
                "Both reports say the same about this package.",
                Role::Text,
            )]),
        }
        for name in &comparison.sides {
            text.push(side_line(name, row.sides.get(name)));
        }
        if !row.aliases.is_empty() {
            let aliases: Vec<&str> = row.aliases.iter().map(VulnerabilityId::as_str).collect();
            text.push(vec![
                Piece::new("also known as ", Role::Dim),
                Piece::foreign(&aliases.join(", "), Role::Text),
            ]);
        }
        if let Some(purl) = &row.package.purl {
            text.push(vec![
                Piece::new("purl ", Role::Dim),
                Piece::foreign(&purl.to_string(), Role::Text),
            ]);
        }
        if self.is_open {
            text.push(Vec::new());
            for (name, position) in comparison.sides.iter().zip(comparison.reports) {
                if let Some(report) = context.review.reports.get(position) {
                    text.append(&mut scan(name, report, context));
                }
            }
        }
        lines(context.theme, &text, inner, buffer);
    }
}

/// Returns the row of a position that is gone.
fn empty() -> Row {
    Row {
        mark: Piece::new(" ", Role::Text),
        cells: Vec::new(),
    }
}

/// Returns one row of the table.
fn cells(row: &Compared, comparison: &Comparison, wide: bool, narrow: bool) -> Row {
    let package = Safe::limited(&row.package.name, 400);
    let mark = if package.changed() { "^" } else { " " };
    let role = if row.difference.is_empty() {
        Role::Dim
    } else {
        Role::Text
    };
    let mut cells = vec![
        Piece::foreign(&class(row, comparison), role),
        Piece::foreign(row.id.as_str(), Role::Text),
        Piece::safe(package, Role::Text),
    ];
    if wide {
        cells.push(Piece::foreign(&row.package.version, Role::Text));
    }
    for name in &comparison.sides {
        let [severity, fix] = side_cells(row.sides.get(name));
        cells.push(severity);
        if !narrow {
            cells.push(fix);
        }
    }
    if wide {
        let why = row.reason.as_ref().map_or("", |reason| reason.class);
        cells.push(Piece::foreign(why, Role::Dim));
    }
    Row {
        mark: Piece::new(mark, Role::Warning),
        cells,
    }
}

fn reason_lines(reason: &Reason, width: usize, text: &mut Vec<Vec<Piece>>) {
    for part in wrap(&Safe::limited(&reason.text, 2_000), width) {
        text.push(vec![Piece::safe(part, Role::Text)]);
    }
    let mut class = vec![
        Piece::new("class ", Role::Dim),
        Piece::foreign(reason.class, Role::Text),
    ];
    for (field, value) in &reason.evidence {
        class.push(Piece::foreign(&format!("  {field}="), Role::Dim));
        class.push(Piece::foreign(value, Role::Text));
    }
    text.push(class);
}

fn side_line(name: &str, side: Option<&SideView>) -> Vec<Piece> {
    let mut pieces = vec![Piece::foreign(&format!("{name:<8} "), Role::Title)];
    let Some(side) = side else {
        pieces.push(Piece::new("does not report it", Role::Text));
        return pieces;
    };
    let ids: Vec<&str> = side.ids.iter().map(VulnerabilityId::as_str).collect();
    let source = side.severity_source.as_deref().unwrap_or("no source named");
    pieces.push(Piece::new(side.severity.as_str(), Role::of(side.severity)));
    pieces.push(Piece::foreign(&format!(" ({source})  fix "), Role::Dim));
    pieces.push(fix(side));
    pieces.push(Piece::foreign(&format!("  {}", ids.join(", ")), Role::Dim));
    pieces
}

/// Returns the beginning of a name that has to stand in a narrow heading.
fn clipped(name: &str, columns: usize) -> String {
    Safe::limited(name, columns).as_str().to_owned()
}
