//! The panes of the comparison: agreement with the context of the scans, rows, reason.
//!
//! Drawing only.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::{DatabaseAge, Severity, VulnerabilityId};
use crate::text::{Safe, thousands};
use crate::triage::compare::{
    Comparison, Difference, Reason, Row as Compared, SideContext, SideView, Strength,
};
use crate::tui::context::Context;
use crate::tui::theme::{Role, letters};
use crate::tui::widget::{Column, DataTable, Pane, Piece, Row, inside, lines, width_of, wrap};

use super::{State, records};

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

/// Returns the headings of both sides' columns: headings are the program's own words. Reports of
/// one scanner stand in the order in which they were made.
fn headings(comparison: &Comparison) -> [&'static str; 2] {
    let [left, right] = &comparison.sides;
    let scanner = |side: &String| side.split('#').next().map(str::to_owned);
    if scanner(left) == scanner(right) {
        return ["OLDER", "NEWER"];
    }
    let word = |side: &String, otherwise| match scanner(side).as_deref() {
        Some("trivy") => "TRIVY",
        Some("grype") => "GRYPE",
        Some("snyk") => "SNYK",
        Some("docker-scout") => "SCOUT",
        _ => otherwise,
    };
    [word(left, "LEFT"), word(right, "RIGHT")]
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
fn scan(name: &str, side: &SideContext, context: &Context<'_>) -> Vec<Vec<Piece>> {
    let version = side.scanner_version.as_deref().unwrap_or("version unknown");
    let mut head = vec![
        Piece::foreign(name, Role::Title),
        Piece::new(" ", Role::Text),
        Piece::foreign(version, Role::Text),
    ];
    if let Some(platform) = &side.platform {
        head.push(Piece::foreign(&format!("  {platform}"), Role::Text));
    }
    if let Some(created) = side.created {
        let date = created.format("  scanned %Y-%m-%d").to_string();
        head.push(Piece::foreign(&date, Role::Dim));
    }
    let age = side.database_built.map(|built| context.now - built);
    let database = match age {
        Some(age) => {
            let (count, unit) = match age.num_hours() {
                hours @ ..48 => (hours, "h"),
                _ => (age.num_days(), "d"),
            };
            let count = thousands(u64::try_from(count).unwrap_or(0));
            let text = format!("  {} ({count} {unit})", side.database());
            Piece::foreign(&text, Role::Text)
        }
        None => Piece::new("  database date unknown", Role::Warning),
    };
    let mut text = vec![head, vec![database]];
    for option in side.options_in_words() {
        text.push(vec![Piece::foreign(
            &format!("  filter {option}"),
            Role::Warning,
        )]);
    }
    for warning in side.warnings() {
        text.push(vec![
            Piece::new("  ", Role::Text),
            Piece::new(warning, Role::Warning),
        ]);
    }
    text
}

/// Draws the context of both scans in one line, where there is no room for more.
pub(super) fn scans_in_a_line(
    comparison: &Comparison,
    context: &Context<'_>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let weak = !comparison.joined_by.is_identity();
    let mut text = vec![
        Piece::new(" by ", Role::Dim),
        Piece::new(
            comparison.joined_by.as_str(),
            if weak { Role::Warning } else { Role::Dim },
        ),
        Piece::new(if weak { " (weak) " } else { " " }, Role::Warning),
    ];
    for name in &comparison.sides {
        let Some(side) = comparison.context.get(name) else {
            continue;
        };
        let version = side.scanner_version.as_deref().unwrap_or("?");
        let database = match (side.database_built, side.database_built_kind) {
            (Some(built), DatabaseAge::Exact) => built.format("%Y-%m-%d").to_string(),
            (Some(built), DatabaseAge::LowerBound) => built.format("%Y-%m-%d+").to_string(),
            _ => "?".to_owned(),
        };
        text.push(Piece::foreign(&format!(" {name}"), Role::Title));
        text.push(Piece::foreign(
            &format!(" {version} db {database} "),
            Role::Text,
        ));
        if side.reduced {
            text.push(Piece::new("reduced ", Role::Warning));
        }
        if !side.options.is_empty() {
            text.push(Piece::new("filtered ", Role::Warning));
        }
    }
    lines(context.theme, &[text], area, buffer);
}

/// Returns the scans of both sides.
fn scans(comparison: &Comparison, context: &Context<'_>) -> Vec<Vec<Piece>> {
    let sides = comparison.sides.iter();
    sides
        .filter_map(|name| Some((name, comparison.context.get(name)?)))
        .flat_map(|(name, side)| scan(name, side, context))
        .collect()
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
        if beside.width >= 20 {
            lines(context.theme, &scans(comparison, context), beside, buffer);
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
        let [left_heading, right_heading] = headings(comparison);
        columns.push(Column::fixed(left_heading, 5));
        if !narrow {
            columns.push(Column::share("FIX", 7, 1));
        }
        columns.push(Column::fixed(right_heading, 5));
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
        if self.is_open {
            self.view_open(row, comparison, context, inner, buffer);
            return;
        }
        let mut text = why(row, usize::from(inner.width), false);
        for name in &comparison.sides {
            text.push(side_line(name, row.sides.get(name)));
        }
        names(row, &mut text);
        lines(context.theme, &text, inner, buffer);
    }

    /// Draws the reason in full: the evidence, both scans, and the records of both sides.
    fn view_open(
        &self,
        row: &Compared,
        comparison: &Comparison,
        context: &Context<'_>,
        inner: Rect,
        buffer: &mut Buffer,
    ) {
        let mut text = above_records(row, comparison, context, inner.width);
        if inner.width < records::BESIDE {
            let width = usize::from(inner.width);
            text.append(&mut records::stacked(row, comparison, context, width));
            let shown = text.get(self.scroll..).unwrap_or_default();
            lines(context.theme, shown, inner, buffer);
            return;
        }
        lines(context.theme, &text, inner, buffer);
        let used = u16::try_from(text.len())
            .unwrap_or(u16::MAX)
            .min(inner.height);
        let below = Rect {
            y: inner.y + used,
            height: inner.height - used,
            ..inner
        };
        records::beside(row, comparison, context, self.scroll, below, buffer);
    }

    /// Returns how far the open reason can be scrolled.
    pub(super) fn furthest(&self, context: &Context<'_>) -> usize {
        let (Some(row), Some(comparison)) = (self.row(), self.comparison()) else {
            return 0;
        };
        let inner = inside(context.area, context.bordered());
        let above = above_records(row, comparison, context, inner.width).len();
        let records = if inner.width < records::BESIDE {
            let width = usize::from(inner.width);
            records::stacked(row, comparison, context, width).len()
        } else {
            records::height(row, comparison, context, inner.width)
        };
        (above + records).saturating_sub(usize::from(inner.height))
    }
}

/// Returns what stands above the records of an open row.
fn above_records(
    row: &Compared,
    comparison: &Comparison,
    context: &Context<'_>,
    width: u16,
) -> Vec<Vec<Piece>> {
    let mut text = why(row, usize::from(width), true);
    text.push(Vec::new());
    text.append(&mut scans(comparison, context));
    text.push(Vec::new());
    text
}

/// Returns the reason in lines.
fn why(row: &Compared, width: usize, in_full: bool) -> Vec<Vec<Piece>> {
    let mut text = Vec::new();
    match &row.reason {
        Some(reason) => reason_lines(reason, width, in_full, &mut text),
        None => text.push(vec![Piece::new(
            "Both reports say the same about this package.",
            Role::Text,
        )]),
    }
    text
}

/// Adds the other ids and the package URL.
fn names(row: &Compared, text: &mut Vec<Vec<Piece>>) {
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

fn reason_lines(reason: &Reason, width: usize, in_full: bool, text: &mut Vec<Vec<Piece>>) {
    for part in wrap(&Safe::limited(&reason.text, 2_000), width) {
        text.push(vec![Piece::safe(part, Role::Text)]);
    }
    let mut class = vec![
        Piece::new("class ", Role::Dim),
        Piece::foreign(reason.class, Role::Text),
    ];
    if in_full {
        text.push(class);
        let longest = reason.evidence.keys().map(|name| name.len()).max();
        let indent = longest.unwrap_or_default() + 4;
        for (name, value) in &reason.evidence {
            records::field(name, value, indent, width, text);
        }
        return;
    }
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
