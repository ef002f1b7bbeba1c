//! Comparisons as text: the context of both scans, the counts, the rows.
//!
//! Everything shown here is in the document too.

use std::collections::BTreeMap;

use super::{across_rows, rows};
use crate::cli::output::{Align, Output, Table, severity_color};
use crate::cli::stop::Stop;
use crate::model::Severity;
use crate::review::Review;
use crate::text::thousands;
use crate::triage::compare::{Across, Comparison, Difference, Row, Strength};
use crate::triage::ratings::{OneReport, SeverityFrom, Shown};

/// Two reports side by side, and how they are shown.
pub(super) struct Pair<'a> {
    /// The image.
    pub(super) name: &'a str,
    /// The reports.
    pub(super) comparison: &'a Comparison,
    /// The review they are of.
    pub(super) review: &'a Review,
    /// Whose severity is shown.
    pub(super) from: Option<&'a SeverityFrom>,
    /// Whether the rows on which both agree are left out.
    pub(super) only_differences: bool,
}

impl Pair<'_> {
    /// Writes the tables; returns the severities in them that were asked for.
    pub(super) fn write(&self, output: &mut Output) -> Result<Vec<Shown>, Stop> {
        let comparison = self.comparison;
        let [left, right] = &comparison.sides;
        let weak = if comparison.joined_by.is_identity() {
            ""
        } else {
            ", which is weak"
        };
        output.line(&format!(
            "{}  ({left} and {right}, joined by {}{weak})",
            self.name,
            comparison.joined_by.as_str()
        ))?;
        context(comparison, output)?;
        output.data("\n")?;
        totals(comparison, output)?;
        let (table, shown) = self.rows();
        let Some(table) = table else {
            output.line("no row to show")?;
            return Ok(shown);
        };
        output.data("\n")?;
        output.table(&table, 0)?;
        undecided(comparison, output)?;
        Ok(shown)
    }

    /// Returns the table, where there is a row, and the severities that were asked for.
    fn rows(&self) -> (Option<Table>, Vec<Shown>) {
        let mut table = Table::new(&[
            ("side", Align::Left),
            ("id", Align::Left),
            ("package", Align::Left),
            ("version", Align::Left),
            ("severity", Align::Left),
            ("differs", Align::Left),
            ("reason", Align::Left),
        ]);
        let report = |position: &usize| {
            let report = self.review.reports.get(*position)?;
            Some(OneReport::new(report))
        };
        let reports = self
            .comparison
            .reports
            .iter()
            .filter(|_| self.from.is_some());
        let reports: Vec<Option<OneReport<'_>>> = reports.map(report).collect();
        let mut all_shown = Vec::new();
        let mut is_empty = true;
        for row in rows(self.comparison, self.only_differences) {
            is_empty = false;
            let (severity, highest) = self.severities(row, &reports, &mut all_shown);
            let differs: Vec<&str> = row.difference.iter().map(|one| word(*one)).collect();
            let reason = row.reason.as_ref().map_or_else(String::new, |reason| {
                format!("{}: {}", strength(reason.strength), reason.text)
            });
            table.row([
                row.side.as_str(),
                row.id.as_str(),
                &row.package.name,
                &row.package.version,
                &severity,
                &differs.join(","),
                &reason,
            ]);
            table.color(4, highest.and_then(severity_color));
        }
        ((!is_empty).then_some(table), all_shown)
    }

    /// Returns the severities of a row, `*` where one is not the source's that was asked for, and
    /// the highest.
    fn severities(
        &self,
        row: &Row,
        reports: &[Option<OneReport<'_>>],
        all_shown: &mut Vec<Shown>,
    ) -> (String, Option<Severity>) {
        let mut severities: Vec<String> = Vec::new();
        let mut highest = None;
        for (number, side) in self.comparison.sides.iter().enumerate() {
            let Some(view) = row.sides.get(side) else {
                continue;
            };
            let asked = self.from.zip(reports.get(number).and_then(Option::as_ref));
            let shown = asked.map(|(from, report)| {
                let id = view.ids.first().map_or("", |id| id.as_str());
                report.shown(id, &row.package.name, view.severity, from)
            });
            let severity = shown.map_or(view.severity, |shown| shown.severity);
            let is_fallback = shown.is_some_and(|shown| shown.is_fallback);
            severities.push(format!("{severity}{}", if is_fallback { "*" } else { "" }));
            highest = highest.max(Some(severity));
            all_shown.extend(shown);
        }
        let text = match severities.as_slice() {
            [one, other] if one == other => one.clone(),
            several => several.join("/"),
        };
        (text, highest)
    }
}

/// Writes what each side has, and how many rows differ.
fn totals(comparison: &Comparison, output: &mut Output) -> Result<(), Stop> {
    let totals = &comparison.totals;
    let mut counts = Table::new(&[
        ("", Align::Left),
        ("records", Align::Right),
        ("units", Align::Right),
        ("agreed", Align::Right),
        ("only", Align::Right),
    ]);
    for side in &comparison.sides {
        let total = totals.sides.get(side).copied().unwrap_or_default();
        let of = |counts: &BTreeMap<String, u64>| {
            thousands(counts.get(side).copied().unwrap_or_default())
        };
        counts.row([
            side.clone(),
            thousands(total.records),
            thousands(total.units),
            of(&totals.agreed),
            of(&totals.only),
        ]);
    }
    output.table(&counts, 0)?;
    output.data(&format!(
        "severity differs in {}, fix in {}, whether it can be fixed in {}\n",
        thousands(totals.severity_differs),
        thousands(totals.fix_differs),
        thousands(totals.fixable_differs)
    ))
}

/// Says what would decide the rows that nothing decides.
fn undecided(comparison: &Comparison, output: &mut Output) -> Result<(), Stop> {
    let mut reasons = comparison
        .rows
        .iter()
        .filter_map(|row| row.reason.as_ref())
        .filter(|reason| reason.strength == Strength::Undecidable)
        .peekable();
    let next = reasons
        .peek()
        .and_then(|reason| reason.evidence.get("next"));
    let Some(next) = next.cloned() else {
        return Ok(());
    };
    let (count, rows) = match reasons.count() as u64 {
        1 => (1, "row"),
        more => (more, "rows"),
    };
    output.data("\n")?;
    output.line(&format!(
        "{} {rows} cannot be decided from these files; an SBOM of the image would: {next}",
        thousands(count)
    ))
}

/// What the findings of each side depend on, without which a difference misleads.
fn context(comparison: &Comparison, output: &mut Output) -> Result<(), Stop> {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("version", Align::Left),
        ("database", Align::Left),
        ("scanned", Align::Left),
        ("platform", Align::Left),
        ("options", Align::Left),
    ]);
    let known = || {
        let sides = comparison.sides.iter();
        sides.filter_map(|side| Some((side, comparison.context.get(side)?)))
    };
    for (side, context) in known() {
        let database = context.database();
        let options: Vec<String> = context.options_in_words().collect();
        let scanned = context
            .created
            .map(|date| date.format("%Y-%m-%d").to_string());
        table.row([
            side.as_str(),
            context.scanner_version.as_deref().unwrap_or("unknown"),
            database
                .strip_prefix("database date ")
                .or_else(|| database.strip_prefix("database "))
                .unwrap_or(&database),
            scanned.as_deref().unwrap_or("unknown"),
            context.platform.as_deref().unwrap_or("unknown"),
            &if options.is_empty() {
                "none known".to_owned()
            } else {
                options.join(", ")
            },
        ]);
    }
    output.table(&table, 0)?;
    for (side, context) in known() {
        for warning in context.warnings() {
            output.line(&format!("{side}: {warning}"))?;
        }
    }
    Ok(())
}

/// Writes three and more reports at once.
pub(super) fn across(
    name: &str,
    across: &Across,
    only_differences: bool,
    output: &mut Output,
) -> Result<(), Stop> {
    let (totals, sides) = (&across.totals, &across.sides);
    output.line(&format!("{name}  ({})", sides.join(", ")))?;
    let mut counts = Table::new(&[
        ("", Align::Left),
        ("findings", Align::Right),
        ("only here", Align::Right),
    ]);
    for side in sides {
        let count = totals.by_side.get(side).copied().unwrap_or_default();
        counts.row([side.clone(), thousands(count.found), thousands(count.only)]);
    }
    output.table(&counts, 0)?;
    output.data(&format!(
        "{} of {} findings are in all\n\n",
        thousands(totals.in_all),
        thousands(totals.findings)
    ))?;
    let mut table = Table::plain(3 + sides.len());
    let fixed = ["id", "package", "version"].map(str::to_owned);
    table.row(fixed.into_iter().chain(sides.iter().cloned()));
    let mut count = 0_usize;
    for row in across_rows(across, only_differences) {
        count += 1;
        let fixed = [
            row.id.to_string(),
            row.package.name.clone(),
            row.package.version.clone(),
        ];
        let rated = sides.iter().map(|side| {
            let severity = row.severities.get(side);
            severity.map_or_else(|| "-".to_owned(), |severity| severity.as_str().to_owned())
        });
        table.row(fixed.into_iter().chain(rated));
        for (column, side) in (3..).zip(sides) {
            let severity = row.severities.get(side).copied();
            table.color(column, severity.and_then(severity_color));
        }
    }
    if count == 0 {
        return output.line("no row to show");
    }
    output.table(&table, 0)
}

fn word(difference: Difference) -> &'static str {
    match difference {
        Difference::Presence => "presence",
        Difference::Severity => "severity",
        Difference::Fix => "fix",
    }
}

fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Proven => "proven",
        Strength::Inferred => "inferred",
        Strength::Undecidable => "undecidable",
    }
}
