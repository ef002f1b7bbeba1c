//! `compare`: scanner against scanner, with the reason for every difference.
//!
//! Comparing is `triage::compare`'s work.

use serde::Serialize;

use super::args::{CompareArgs, Format};
use super::document::{ReportView, SubjectView};
use super::exit::Exit;
use super::open;
use super::output::{Align, Output, Table, severity_color};
use super::settings::Settings;
use super::stop::Stop;
use crate::model::JoinRule;
use crate::review::Review;
use crate::text::thousands;
use crate::triage::compare::{Comparison, Difference, Row, Strength, Totals};

/// One comparison as a document.
#[derive(Serialize)]
struct ComparisonDocument<'a> {
    subject: usize,
    subjects: &'a [SubjectView<'a>],
    reports: &'a [ReportView<'a>],
    #[serde(flatten)]
    comparison: ComparisonView<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    more: Vec<MoreView<'a>>,
}

/// What is particular to one comparison.
#[derive(Serialize)]
struct ComparisonView<'a> {
    joined_by: JoinRule,
    sides: &'a [String; 2],
    totals: &'a Totals,
    rows: Vec<&'a Row>,
}

/// A further comparison, where there are more than two reports or several subjects.
#[derive(Serialize)]
struct MoreView<'a> {
    subject: usize,
    #[serde(flatten)]
    comparison: ComparisonView<'a>,
}

/// Runs the command.
pub(super) fn run(args: &CompareArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let mut output = settings.output()?;
    let opened = open::open_without_ledger(settings, &args.input.inputs, &args.input.reading)?;
    let review = &opened.review;
    let chosen = open::subjects(review, &args.input.reading)?;
    let compared: Vec<(usize, Comparison)> = chosen
        .iter()
        .enumerate()
        .flat_map(|(position, subject)| {
            let comparisons = review.comparisons(*subject);
            comparisons.into_iter().map(move |one| (position, one))
        })
        .collect();
    if compared.is_empty() {
        return Err(nothing(review, &chosen));
    }
    let subjects = SubjectView::all(review, &chosen);
    let differs = compared
        .iter()
        .any(|(_, comparison)| comparison.rows.iter().any(|row| !row.difference.is_empty()));
    if format == Format::Json {
        let reports = ReportView::all(review, &chosen);
        write_document(
            &compared,
            &subjects,
            &reports,
            args.only_differences,
            &mut output,
        )?;
    } else {
        for (number, (position, comparison)) in compared.iter().enumerate() {
            if number > 0 {
                output.data("\n")?;
            }
            let name = subjects.get(*position).map_or("", |subject| subject.name);
            write_table(name, comparison, args.only_differences, &mut output)?;
        }
    }
    output.finish()?;
    let answer = if args.exit_code && differs {
        Exit::No
    } else {
        Exit::Done
    };
    Ok(opened.exit.worse(answer))
}

/// Says why nothing can be compared.
fn nothing(review: &Review, chosen: &[usize]) -> Stop {
    let mut stop = Stop::input("two reports about one image are needed to compare")
        .hint("give one of each scanner: countersign compare trivy.json grype.json")
        .hint("where you know that a report belongs to the image, say so with --attach FILE");
    for subject in chosen {
        if let Some(found) = review.subjects.get(*subject) {
            let scanners = review.summary(*subject).scanners.join(", ");
            stop = stop.hint(format!("{}: read {scanners}", found.name));
        }
    }
    stop
}

fn view(comparison: &Comparison, only_differences: bool) -> ComparisonView<'_> {
    ComparisonView {
        joined_by: comparison.joined_by,
        sides: &comparison.sides,
        totals: &comparison.totals,
        rows: rows(comparison, only_differences).collect(),
    }
}

fn rows(comparison: &Comparison, only_differences: bool) -> impl Iterator<Item = &Row> {
    let rows = comparison.rows.iter();
    rows.filter(move |row| !only_differences || !row.difference.is_empty())
}

fn write_document(
    compared: &[(usize, Comparison)],
    subjects: &[SubjectView<'_>],
    reports: &[ReportView<'_>],
    only_differences: bool,
    output: &mut Output,
) -> Result<(), Stop> {
    let Some(((subject, first), rest)) = compared.split_first() else {
        return Ok(());
    };
    let more = rest.iter().map(|(subject, comparison)| MoreView {
        subject: *subject,
        comparison: view(comparison, only_differences),
    });
    let document = ComparisonDocument {
        subject: *subject,
        subjects,
        reports,
        comparison: view(first, only_differences),
        more: more.collect(),
    };
    output.document("comparison", &document)
}

fn write_table(
    name: &str,
    comparison: &Comparison,
    only_differences: bool,
    output: &mut Output,
) -> Result<(), Stop> {
    let [left, right] = &comparison.sides;
    let totals = &comparison.totals;
    output.line(&format!(
        "{name}  ({left} and {right}, joined by {})",
        comparison.joined_by.as_str()
    ))?;
    let mut counts = Table::new(&[
        ("", Align::Left),
        ("records", Align::Right),
        ("units", Align::Right),
        ("agreed", Align::Right),
        ("only", Align::Right),
    ]);
    for side in &comparison.sides {
        let total = totals.sides.get(side).copied().unwrap_or_default();
        let of = |counts: &std::collections::BTreeMap<String, u64>| {
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
    ))?;
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
            format!("{} ({})", reason.text, strength(reason.strength))
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
