//! `findings`: the findings of the inputs, filtered, as table, document, CSV or Markdown.
//!
//! Joining and filtering are `triage`'s work.

use std::str::FromStr as _;
use std::sync::Arc;

use serde::Serialize;

use super::args::{FindingsArgs, Format};
use super::document::{self, ExemptionView, RecordTotals, ReportView, SubjectView};
use super::exit::Exit;
use super::open;
use super::output::{self, Align, Output, Table, severity_color};
use super::settings::Settings;
use super::stop::Stop;
use crate::export::rows;
use crate::model::{
    Finding, FindingKey, Fix, Fixable, Kind, Location, Purl, Rating, Severity, SeverityCounts,
    StandingVerdict, Suppression, VulnerabilityId,
};
use crate::review::Review;
use crate::text::thousands;
use crate::triage::filter::Filter;
use crate::triage::view::{Sort, View};

/// The document `findings`.
#[derive(Serialize)]
struct FindingsDocument<'a> {
    subjects: Vec<SubjectView<'a>>,
    reports: Vec<ReportView<'a>>,
    exemptions: Vec<ExemptionView<'a>>,
    records: RecordTotals,
    totals: Totals,
    findings: Vec<FindingView<'a>>,
    suppressed: Vec<FindingView<'a>>,
    /// Whether the filter asks for suppressed findings: then the plain forms show them too.
    #[serde(skip)]
    shows_suppressed: bool,
    #[serde(skip)]
    suppressed_line: Option<String>,
}

impl<'a> FindingsDocument<'a> {
    /// Returns the rows of the plain forms.
    fn rows(&self) -> impl Iterator<Item = &FindingView<'a>> {
        let suppressed = self.suppressed.iter().filter(|_| self.shows_suppressed);
        self.findings.iter().chain(suppressed)
    }
}

/// Counts over findings that are not suppressed; `shown + filtered_out = findings`.
#[derive(Clone, Copy, Default, Serialize)]
struct Totals {
    findings: u64,
    shown: u64,
    filtered_out: u64,
    by_severity: SeverityCounts,
    fixable: u64,
    suppressed: u64,
}

/// One finding.
#[derive(Serialize)]
struct FindingView<'a> {
    key: &'a FindingKey,
    subject: usize,
    kind: Kind,
    id: &'a VulnerabilityId,
    aliases: &'a [VulnerabilityId],
    severity: Severity,
    ratings: &'a [Arc<Rating>],
    package: PackageView<'a>,
    fix: &'a Fix,
    scanners: &'a [String],
    records: usize,
    title: &'a str,
    epss: Option<f64>,
    known_exploited: Option<bool>,
    suppressed_by: Option<&'a Suppression>,
    verdict: Option<&'a StandingVerdict>,
}

/// The package of a finding.
#[derive(Serialize)]
struct PackageView<'a> {
    name: &'a str,
    version: &'a str,
    ecosystem: &'a str,
    purl: Option<&'a Purl>,
    locations: &'a [Location],
    source: Option<&'a str>,
}

impl<'a> FindingView<'a> {
    fn of(finding: &'a Finding, subject: usize, verdict: Option<&'a StandingVerdict>) -> Self {
        let package = &finding.package;
        Self {
            key: &finding.key,
            subject,
            kind: finding.kind,
            id: &finding.id,
            aliases: &finding.aliases,
            severity: finding.severity,
            ratings: &finding.ratings,
            package: PackageView {
                name: &package.name,
                version: &package.version,
                ecosystem: &package.ecosystem,
                purl: package.purl.as_ref(),
                locations: &package.locations,
                source: package.source.as_deref(),
            },
            fix: &finding.fix,
            scanners: &finding.scanners,
            records: finding.records.len(),
            title: &finding.title,
            epss: finding.epss,
            known_exploited: finding.known_exploited,
            suppressed_by: finding.suppressed_by.as_ref(),
            verdict,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &FindingsArgs, settings: &Settings) -> Result<Exit, Stop> {
    let offered = [Format::Table, Format::Json, Format::Csv, Format::Markdown];
    let format = settings.format(&offered)?;
    let filter = filter(args)?;
    let mut output = settings.output()?;
    let opened = open::open(settings, &args.input.inputs, &args.input.reading)?;
    let chosen = open::subjects(&opened.review, &args.input.reading)?;
    open::warn_unscanned(&opened.review, &chosen);
    let (document, rows) = view_of(&opened.review, &chosen, &filter);
    match format {
        Format::Json => output.document("findings", &document)?,
        Format::Csv => output.data(&rows::csv(&opened.review, &rows))?,
        Format::Markdown => output.data(&rows::markdown(&opened.review, &rows))?,
        Format::Table | Format::Digest | Format::Html => table(&document, &mut output)?,
    }
    output.finish()?;
    let totals = document.totals;
    if totals.shown < totals.findings && format != Format::Json {
        output::note(&format!(
            "{} of {} findings shown; {} filtered out",
            thousands(totals.shown),
            thousands(totals.findings),
            thousands(totals.filtered_out)
        ));
    }
    Ok(opened.exit)
}

/// Joins the four ways to filter.
fn filter(args: &FindingsArgs) -> Result<Filter, Stop> {
    let mut filter = match &args.filter {
        Some(text) => Filter::from_str(text)?,
        None => Filter::default(),
    };
    if let Some(text) = &args.severity {
        filter = filter.and(Filter::severity_option(text)?);
    }
    if let Some(text) = &args.fixable {
        filter = filter.and(Filter::fixable_option(text)?);
    }
    if let Some(text) = &args.kind {
        filter = filter.and(Filter::kind_option(text)?);
    }
    Ok(filter)
}

/// Returns the document, and the rows of the review that the plain forms show.
fn view_of<'a>(
    review: &'a Review,
    chosen: &[usize],
    filter: &Filter,
) -> (FindingsDocument<'a>, Vec<usize>) {
    let reports = ReportView::all(review, chosen);
    let mut totals = Totals::default();
    let place = |finding: &Finding| {
        chosen
            .iter()
            .position(|subject| *subject == finding.subject as usize)
    };
    for finding in review.findings.iter() {
        if place(finding).is_none() {
            continue;
        }
        if finding.suppressed_by.is_some() {
            totals.suppressed += 1;
            continue;
        }
        totals.findings += 1;
        totals.by_severity.add(finding.severity);
        totals.fixable += u64::from(finding.fix.fixable() == Fixable::Yes);
    }
    let view = View::build(&review.index, filter, Sort::default());
    let (mut findings, mut rows) = (Vec::new(), Vec::new());
    let (mut suppressed, mut hidden) = (Vec::new(), Vec::new());
    for row in view.rows() {
        let row = *row as usize;
        let Some(finding) = review.findings.get(row) else {
            continue;
        };
        let Some(subject) = place(finding) else {
            continue;
        };
        let verdict = review.verdicts.get(row).and_then(Option::as_ref);
        let (list, places) = if finding.suppressed_by.is_some() {
            (&mut suppressed, &mut hidden)
        } else {
            (&mut findings, &mut rows)
        };
        places.push(row);
        list.push(FindingView::of(finding, subject, verdict));
    }
    totals.shown = findings.len() as u64;
    totals.filtered_out = totals.findings.saturating_sub(totals.shown);
    let document = FindingsDocument {
        subjects: SubjectView::all(review, chosen),
        records: RecordTotals::of(&reports),
        reports,
        exemptions: ExemptionView::all(review),
        totals,
        findings,
        suppressed,
        shows_suppressed: filter.shows_suppressed(),
        suppressed_line: document::suppressed(review, chosen),
    };
    rows.extend(hidden.into_iter().filter(|_| document.shows_suppressed));
    (document, rows)
}

/// Writes one table a subject, headed by the image and what was read about it.
fn table(document: &FindingsDocument<'_>, output: &mut Output) -> Result<(), Stop> {
    for (position, subject) in document.subjects.iter().enumerate() {
        if position > 0 {
            output.data("\n")?;
        }
        let scanners: Vec<&str> = document
            .reports
            .iter()
            .filter(|report| report.subject == position)
            .map(|report| report.scanner)
            .collect();
        let read = match scanners.as_slice() {
            [] => "no report read".to_owned(),
            [one] => (*one).to_owned(),
            several => format!(
                "{}, joined by {}",
                several.join(" and "),
                subject.joined_by.as_str()
            ),
        };
        output.line(&format!("{}  ({read})", subject.name))?;
        let mine = document
            .rows()
            .filter(|finding| finding.subject == position);
        let mut table = Table::new(&[
            ("severity", Align::Left),
            ("id", Align::Left),
            ("package", Align::Left),
            ("version", Align::Left),
            ("fixed in", Align::Left),
            ("scanners", Align::Left),
            ("verdict", Align::Left),
        ]);
        let mut count = 0_u64;
        for finding in mine {
            count += 1;
            table.row([
                finding.severity.as_str(),
                finding.id.as_str(),
                finding.package.name,
                finding.package.version,
                &rows::fix(finding.fix),
                &finding.scanners.join(","),
                &rows::verdict(finding.suppressed_by, finding.verdict),
            ]);
            table.color(0, severity_color(finding.severity));
        }
        if count > 0 {
            output.table(&table, 0)?;
        } else if !scanners.is_empty() {
            output.line("no finding to show")?;
        }
    }
    summary(document, output)
}

/// Writes the counts and what became of the records.
fn summary(document: &FindingsDocument<'_>, output: &mut Output) -> Result<(), Stop> {
    let (totals, records) = (document.totals, document.records);
    if document.reports.is_empty() {
        return Ok(());
    }
    let severities: Vec<String> = Severity::ALL
        .iter()
        .map(|severity| (severity, totals.by_severity.of(*severity)))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{} {severity}", thousands(count)))
        .collect();
    let mut line = format!("\n{} findings", thousands(totals.findings));
    if !severities.is_empty() {
        line.push_str(": ");
        line.push_str(&severities.join(", "));
    }
    output.data(&format!("{line}; {} fixable\n", thousands(totals.fixable)))?;
    output.data(&format!(
        "{} records read = {} joined + {} suppressed + {} unreadable\n",
        thousands(records.read),
        thousands(records.joined),
        thousands(records.suppressed),
        thousands(records.unreadable)
    ))?;
    match &document.suppressed_line {
        Some(line) => output.line(line),
        None => Ok(()),
    }
}
