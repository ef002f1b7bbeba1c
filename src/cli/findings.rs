//! `findings`: the findings of the inputs, filtered, as table, document, CSV or Markdown.
//!
//! Joining and filtering are `triage`'s work.

mod rated;

use std::str::FromStr as _;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Serialize;

use super::args::{FindingsArgs, Format, SortArg};
use super::document::{self, ExemptionView, FeedView, RecordTotals, ReportView, SubjectView};
use super::exit::Exit;
use super::hygiene::CheckedView;
use super::open;
use super::output::{self, Align, Output, Table, severity_color};
use super::settings::Settings;
use super::stop::Stop;
use crate::export::rows;
use crate::model::{
    Finding, FindingKey, Fix, Fixable, Kind, Location, Observation, Purl, Rating, Severity,
    SeverityCounts, StandingVerdict, Suppression, VulnerabilityId,
};
use crate::review::Review;
use crate::text::thousands;
use crate::triage::filter::Filter;
use crate::triage::ratings::{self, SeverityFrom, SeverityReason, Shown};
use crate::triage::risk::Risk;
use crate::triage::view::{Sort, View};

/// The document `findings`.
#[derive(Serialize)]
struct FindingsDocument<'a> {
    subjects: Vec<SubjectView<'a>>,
    reports: Vec<ReportView<'a>>,
    exemptions: Vec<ExemptionView<'a>>,
    feeds: Vec<FeedView<'a>>,
    records: RecordTotals,
    totals: Totals,
    findings: Vec<FindingView<'a>>,
    suppressed: Vec<FindingView<'a>>,
    hygiene: Vec<CheckedView>,
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
    severity_because: SeverityReason,
    ratings: &'a [Arc<Rating>],
    package: PackageView<'a>,
    fix: &'a Fix,
    scanners: &'a [String],
    records: usize,
    title: &'a str,
    epss: Option<f64>,
    epss_percentile: Option<f64>,
    epss_date: Option<NaiveDate>,
    known_exploited: Option<bool>,
    known_exploited_since: Option<NaiveDate>,
    known_ransomware_use: Option<bool>,
    risk: Risk,
    suppressed_by: Option<&'a Suppression>,
    observed: Option<&'a Observation>,
    verdict: Option<&'a StandingVerdict>,
    /// The severity to show where a table is written; documents keep the finding's own.
    #[serde(skip)]
    shown: Option<Shown>,
    #[serde(skip)]
    finding: &'a Finding,
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
    fn of(
        review: &'a Review,
        finding: &'a Finding,
        subject: usize,
        verdict: Option<&'a StandingVerdict>,
        from: Option<&SeverityFrom>,
    ) -> Self {
        let package = &finding.package;
        let exploitation = &finding.exploitation;
        Self {
            key: &finding.key,
            subject,
            kind: finding.kind,
            id: &finding.id,
            aliases: &finding.aliases,
            severity: finding.severity,
            severity_because: ratings::because(finding, &review.reports),
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
            epss_percentile: exploitation.percentile,
            epss_date: exploitation.scored.filter(|_| finding.epss.is_some()),
            known_exploited: finding.known_exploited,
            known_exploited_since: exploitation.listed,
            known_ransomware_use: exploitation.ransomware,
            risk: Risk::of(finding),
            suppressed_by: finding.suppressed_by.as_ref(),
            observed: finding.observed.as_deref(),
            verdict,
            shown: from.map(|from| ratings::shown(finding, &review.reports, from)),
            finding,
        }
    }

    /// Returns the severity for a table: with `*` where it is not the source's that was asked for.
    fn shown_severity(&self) -> (Severity, String) {
        match self.shown {
            Some(shown) if shown.is_fallback => (shown.severity, format!("{}*", shown.severity)),
            Some(shown) => (shown.severity, shown.severity.to_string()),
            None => (self.severity, self.severity.to_string()),
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
    let is_table = matches!(format, Format::Table | Format::Markdown);
    let from = settings.config().severity_from.as_ref();
    let from = from.filter(|_| is_table);
    let sort = Sort {
        column: args.sort.into(),
        reverse: false,
    };
    let (document, rows) = view_of(&opened.review, &chosen, &filter, sort, from);
    match format {
        Format::Json => output.document("findings", &document)?,
        Format::Csv => output.data(&rows::csv(&opened.review, &rows))?,
        Format::Markdown => output.data(&rows::markdown(&opened.review, &rows, from))?,
        Format::Table
        | Format::Tree
        | Format::Digest
        | Format::Html
        | Format::Junit
        | Format::Sarif => {
            let with_risk = args.sort == SortArg::Risk;
            table(&document, with_risk, settings.verbose > 0, &mut output)?;
        }
    }
    output.finish()?;
    if let Some(from) = from {
        let shown = document.findings.iter().filter_map(|one| one.shown);
        open::say_severity_from(&opened.review, from, shown);
    }
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
    sort: Sort,
    from: Option<&SeverityFrom>,
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
    let view = View::build(&review.index, filter, sort);
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
        list.push(FindingView::of(review, finding, subject, verdict, from));
    }
    totals.shown = findings.len() as u64;
    totals.filtered_out = totals.findings.saturating_sub(totals.shown);
    let document = FindingsDocument {
        subjects: SubjectView::all(review, chosen),
        feeds: FeedView::all(review),
        records: RecordTotals::of(&reports),
        reports,
        exemptions: ExemptionView::all(review),
        totals,
        findings,
        suppressed,
        hygiene: CheckedView::all(review, chosen),
        shows_suppressed: filter.shows_suppressed(),
        suppressed_line: document::suppressed(review, chosen),
    };
    rows.extend(hidden.into_iter().filter(|_| document.shows_suppressed));
    (document, rows)
}

/// Writes one table a subject, headed by the image and what was read about it.
fn table(
    document: &FindingsDocument<'_>,
    with_risk: bool,
    verbose: bool,
    output: &mut Output,
) -> Result<(), Stop> {
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
        let (mine, others): (Vec<_>, Vec<_>) = document
            .rows()
            .filter(|finding| finding.subject == position)
            .partition(|finding| finding.kind == Kind::Vulnerability);
        if !mine.is_empty() {
            output.table(&table_of(&mine, with_risk), 0)?;
            for finding in mine.iter().filter(|_| verbose) {
                rated::write(finding, output)?;
            }
        }
        if !others.is_empty() {
            output.data("\n")?;
            output.table(&table_of_others(&others), 0)?;
            if let Some(checked) = document.hygiene.get(position) {
                output.line(&checked.note())?;
            }
        }
        if mine.is_empty() && others.is_empty() && !scanners.is_empty() {
            output.line("no finding to show")?;
        }
    }
    summary(document, output)
}

/// Returns a row a finding; with the terms of the risk order that have no column otherwise.
fn table_of(findings: &[&FindingView<'_>], with_risk: bool) -> Table {
    let mut columns = vec![("severity", Align::Left)];
    if with_risk {
        columns.extend([("kev", Align::Left), ("epss", Align::Right)]);
    }
    columns.extend([
        ("id", Align::Left),
        ("package", Align::Left),
        ("version", Align::Left),
        ("fixed in", Align::Left),
    ]);
    if with_risk {
        columns.push(("layer", Align::Left));
    }
    columns.extend([("scanners", Align::Left), ("verdict", Align::Left)]);
    let mut table = Table::new(&columns);
    for finding in findings {
        let (severity, text) = finding.shown_severity();
        let mut cells = vec![text];
        if with_risk {
            cells.extend(rated::cells(finding));
        }
        cells.extend([
            finding.id.to_string(),
            finding.package.name.to_owned(),
            finding.package.version.to_owned(),
            rows::fix(finding.fix),
        ]);
        if with_risk {
            cells.push(finding.risk.layer.as_str().to_owned());
        }
        cells.extend([
            finding.scanners.join(","),
            rows::verdict(finding.suppressed_by, finding.verdict),
        ]);
        table.row(cells);
        table.color(0, severity_color(severity));
    }
    table
}

/// Returns a row a finding that is no vulnerability: by kind, with its place instead of a package.
fn table_of_others(findings: &[&FindingView<'_>]) -> Table {
    let mut table = Table::new(&[
        ("severity", Align::Left),
        ("kind", Align::Left),
        ("id", Align::Left),
        ("where", Align::Left),
        ("what", Align::Left),
        ("scanners", Align::Left),
        ("verdict", Align::Left),
    ]);
    for kind in [
        Kind::Secret,
        Kind::Misconfiguration,
        Kind::Hygiene,
        Kind::License,
    ] {
        for finding in findings.iter().filter(|one| one.kind == kind) {
            table.row([
                finding.severity.as_str(),
                kind.as_str(),
                finding.id.as_str(),
                rows::place(finding.finding),
                finding.title,
                &finding.scanners.join(","),
                &rows::verdict(finding.suppressed_by, finding.verdict),
            ]);
            table.color(0, severity_color(finding.severity));
        }
    }
    table
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
    if let Some(line) = &document.suppressed_line {
        output.line(line)?;
    }
    for feed in &document.feeds {
        output.line(&feed.summary)?;
    }
    Ok(())
}
