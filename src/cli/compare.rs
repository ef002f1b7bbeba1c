//! `compare`: scanner against scanner, with the reason for every difference.
//!
//! Comparing is `triage::compare`'s work; how it looks as text is in `table`.

mod table;

use std::collections::BTreeMap;

use serde::Serialize;

use super::args::{CompareArgs, Format};
use super::document::{ReportView, SubjectView};
use super::exit::Exit;
use super::open;
use super::output::{self, Output};
use super::settings::Settings;
use super::stop::Stop;
use crate::model::JoinRule;
use crate::review::Review;
use crate::triage::compare::{
    Across, AcrossRow, AcrossTotals, Comparison, Row, SideContext, Totals,
};

/// One comparison as a document.
#[derive(Serialize)]
struct ComparisonDocument<'a> {
    subject: usize,
    subjects: &'a [SubjectView<'a>],
    reports: &'a [ReportView<'a>],
    #[serde(flatten)]
    comparison: ComparisonView<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    across: Vec<AcrossView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    more: Vec<MoreView<'a>>,
}

/// Three and more reports of one subject at once.
#[derive(Serialize)]
struct AcrossView<'a> {
    subject: usize,
    sides: &'a [String],
    totals: &'a AcrossTotals,
    rows: Vec<&'a AcrossRow>,
}

/// What is particular to one comparison.
#[derive(Serialize)]
struct ComparisonView<'a> {
    joined_by: JoinRule,
    sides: &'a [String; 2],
    context: &'a BTreeMap<String, SideContext>,
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
    warn_about_the_rest(review, &chosen, &compared);
    let (compared, across) = match &args.between {
        Some(names) => (between(compared, names)?, Vec::new()),
        None => (compared, across(review, &chosen)),
    };
    let subjects = SubjectView::all(review, &chosen);
    let differs = compared
        .iter()
        .any(|(_, comparison)| comparison.rows.iter().any(|row| !row.difference.is_empty()));
    if format == Format::Json {
        let reports = ReportView::all(review, &chosen);
        let document = Document {
            subjects: &subjects,
            reports: &reports,
            compared: &compared,
            across: &across,
            only_differences: args.only_differences,
        };
        document.write(&mut output)?;
    } else {
        let from = settings.config().severity_from.as_ref();
        let mut all_shown = Vec::new();
        let name = |position: &usize| subjects.get(*position).map_or("", |subject| subject.name);
        let mut is_first = true;
        for (position, matrix) in &across {
            separate(&mut is_first, &mut output)?;
            table::across(name(position), matrix, args.only_differences, &mut output)?;
        }
        for (position, comparison) in &compared {
            separate(&mut is_first, &mut output)?;
            let pair = table::Pair {
                name: name(position),
                comparison,
                review,
                from,
                only_differences: args.only_differences,
            };
            all_shown.extend(pair.write(&mut output)?);
        }
        if let Some(from) = from {
            open::say_severity_from(review, from, all_shown.into_iter());
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

/// Names what was read and is compared with nothing: an SBOM or a log without the image's identity
/// would be missed by nobody.
fn warn_about_the_rest(review: &Review, chosen: &[usize], compared: &[(usize, Comparison)]) {
    for (position, subject) in chosen.iter().enumerate() {
        let Some(found) = review.subjects.get(*subject) else {
            continue;
        };
        if compared.iter().any(|(other, _)| *other == position) {
            continue;
        }
        let reports = found
            .reports
            .iter()
            .filter_map(|(report, _)| review.reports.get(*report))
            .filter(|report| report.looked_for_vulnerabilities);
        for report in reports {
            output::warning(
                &format!(
                    "`{}` is compared with nothing: no other report is about {}",
                    report.origin.path, found.name
                ),
                &[format!(
                    "if it belongs to the image, say so with --attach {}",
                    report.origin.path
                )],
            );
        }
        let sboms = found.sboms.iter();
        for sbom in sboms.filter_map(|(sbom, _)| review.sboms.get(*sbom)) {
            let text = format!(
                "`{}` decides nothing: the SBOM is about {}, of which no reports are compared",
                sbom.origin.path, found.name
            );
            output::warning(&text, &[]);
        }
    }
}

fn view(comparison: &Comparison, only_differences: bool) -> ComparisonView<'_> {
    ComparisonView {
        joined_by: comparison.joined_by,
        sides: &comparison.sides,
        context: &comparison.context,
        totals: &comparison.totals,
        rows: rows(comparison, only_differences).collect(),
    }
}

fn rows(comparison: &Comparison, only_differences: bool) -> impl Iterator<Item = &Row> {
    let rows = comparison.rows.iter();
    rows.filter(move |row| !only_differences || !row.difference.is_empty())
}

/// What the document is made of.
struct Document<'a> {
    subjects: &'a [SubjectView<'a>],
    reports: &'a [ReportView<'a>],
    compared: &'a [(usize, Comparison)],
    across: &'a [(usize, Across)],
    only_differences: bool,
}

impl Document<'_> {
    fn write(&self, output: &mut Output) -> Result<(), Stop> {
        let Some(((subject, first), rest)) = self.compared.split_first() else {
            return Ok(());
        };
        let more = rest.iter().map(|(subject, comparison)| MoreView {
            subject: *subject,
            comparison: view(comparison, self.only_differences),
        });
        let across = self.across.iter().map(|(subject, across)| AcrossView {
            subject: *subject,
            sides: &across.sides,
            totals: &across.totals,
            rows: across_rows(across, self.only_differences).collect(),
        });
        let document = ComparisonDocument {
            subject: *subject,
            subjects: self.subjects,
            reports: self.reports,
            comparison: view(first, self.only_differences),
            across: across.collect(),
            more: more.collect(),
        };
        output.document("comparison", &document)
    }
}

/// An empty line before everything but the first.
fn separate(is_first: &mut bool, output: &mut Output) -> Result<(), Stop> {
    if std::mem::take(is_first) {
        return Ok(());
    }
    output.data("\n")
}

/// Returns the subjects with three and more reports, each with all of them at once.
fn across(review: &Review, chosen: &[usize]) -> Vec<(usize, Across)> {
    let each = chosen.iter().enumerate();
    each.filter_map(|(position, subject)| Some((position, review.across(*subject)?)))
        .collect()
}

fn across_rows(across: &Across, only_differences: bool) -> impl Iterator<Item = &AcrossRow> {
    let sides = across.sides.len();
    let rows = across.rows.iter();
    rows.filter(move |row| !only_differences || row.differs(sides))
}

/// Keeps the comparisons of the two sides named.
fn between(
    compared: Vec<(usize, Comparison)>,
    names: &str,
) -> Result<Vec<(usize, Comparison)>, Stop> {
    let mut known: Vec<&String> = compared.iter().flat_map(|(_, one)| &one.sides).collect();
    known.sort();
    known.dedup();
    let known = known
        .into_iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    let wanted: Vec<&str> = names.split(',').map(str::trim).collect();
    let [one, other] = wanted.as_slice() else {
        return Err(Stop::usage(format!("`{names}` does not name two sides"))
            .hint(format!("name two of: {known}, as in --between A,B")));
    };
    let (one, other) = (*one, *other);
    let kept: Vec<(usize, Comparison)> = compared
        .into_iter()
        .filter(|(_, comparison)| {
            let [left, right] = &comparison.sides;
            (left == one && right == other) || (left == other && right == one)
        })
        .collect();
    if kept.is_empty() {
        return Err(
            Stop::usage(format!("`{one}` and `{other}` are not compared"))
                .hint(format!("the sides are: {known}")),
        );
    }
    Ok(kept)
}
