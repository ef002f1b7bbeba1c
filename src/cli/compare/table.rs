//! Comparisons as text: the context of both scans, the counts, the rows.
//!
//! Everything shown here is in the document too.

use std::collections::BTreeMap;

use super::{across_rows, rows};
use crate::cli::output::{Align, Output, Table, severity_color};
use crate::cli::stop::Stop;
use crate::text::thousands;
use crate::triage::compare::{Across, Comparison, Difference, Strength};

/// Writes two reports side by side.
pub(super) fn pair(
    name: &str,
    comparison: &Comparison,
    only_differences: bool,
    output: &mut Output,
) -> Result<(), Stop> {
    let [left, right] = &comparison.sides;
    let weak = if comparison.joined_by.is_identity() {
        ""
    } else {
        ", which is weak"
    };
    output.line(&format!(
        "{name}  ({left} and {right}, joined by {}{weak})",
        comparison.joined_by.as_str()
    ))?;
    context(comparison, output)?;
    output.data("\n")?;
    totals(comparison, output)?;
    let mut table = Table::new(&[
        ("side", Align::Left),
        ("id", Align::Left),
        ("package", Align::Left),
        ("version", Align::Left),
        ("severity", Align::Left),
        ("differs", Align::Left),
        ("reason", Align::Left),
    ]);
    let mut count = 0_usize;
    for row in rows(comparison, only_differences) {
        count += 1;
        let severities: Vec<&str> = comparison
            .sides
            .iter()
            .filter_map(|side| row.sides.get(side))
            .map(|view| view.severity.as_str())
            .collect();
        let severity = match severities.as_slice() {
            [one, other] if one == other => (*one).to_owned(),
            several => several.join("/"),
        };
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
        let highest = row.sides.values().map(|view| view.severity).max();
        table.color(4, highest.and_then(severity_color));
    }
    if count == 0 {
        return output.line("no row to show");
    }
    output.data("\n")?;
    output.table(&table, 0)?;
    undecided(comparison, output)
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
