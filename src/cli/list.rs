//! `list`: subjects with their reports, counts and state.
//!
//! Counting is `review::Summary`'s work.

use serde::Serialize;

use super::args::{Format, ListArgs};
use super::document::{self, ExemptionView, ReportView, SubjectView};
use super::exit::Exit;
use super::offer::{self, OfferView};
use super::open;
use super::output::{self, Align, Table};
use super::settings::Settings;
use super::stop::Stop;
use crate::model::{Severity, SeverityCounts};
use crate::review::{ApprovalView, Review, SubjectState};
use crate::text::thousands;
use crate::triage::ratings::{self, SeverityFrom};

/// The document `list`.
#[derive(Serialize)]
struct ListDocument<'a> {
    subjects: Vec<ListedSubject<'a>>,
    reports: Vec<ReportView<'a>>,
    exemptions: Vec<ExemptionView<'a>>,
}

/// One subject of the list.
#[derive(Serialize)]
struct ListedSubject<'a> {
    #[serde(flatten)]
    subject: SubjectView<'a>,
    state: SubjectState,
    scanners: Vec<String>,
    findings: u64,
    by_severity: SeverityCounts,
    fixable: u64,
    secrets: u64,
    undecided: u64,
    suppressed: u64,
    scanned: bool,
    partial: bool,
    promoted_to: Vec<&'a str>,
    approvals: Vec<ApprovalView>,
    /// Earlier verdicts that could be carried over.
    offers: Vec<OfferView<'a>>,
}

/// Runs the command.
pub(super) fn run(args: &ListArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let mut output = settings.output()?;
    let opened = open::open(settings, &args.input.inputs, &args.input.reading)?;
    let review = &opened.review;
    let chosen = open::subjects(review, &args.input.reading)?;
    let listed: Vec<ListedSubject<'_>> = chosen
        .iter()
        .filter_map(|subject| listed(review, *subject))
        .collect();
    if format == Format::Json {
        let document = ListDocument {
            subjects: listed,
            reports: ReportView::all(review, &chosen),
            exemptions: ExemptionView::all(review),
        };
        output.document("list", &document)?;
    } else {
        let from = settings.config().severity_from.as_ref();
        let counted = from.map(|from| counted(review, &chosen, from));
        let table = table(&listed, counted.as_deref());
        output.table(&table, 0)?;
        if let Some(line) = document::suppressed(review, &chosen) {
            output.line(&line)?;
        }
        let offers = listed.iter().map(|one| one.offers.len()).sum();
        if offers > 0 {
            output::note(&offer::hint(offers));
        }
    }
    output.finish()?;
    if let (Some(from), Format::Table) = (settings.config().severity_from.as_ref(), format) {
        output::note(&format!(
            "the source is {from}; all other counts are of the highest severity any scanner gives"
        ));
    }
    Ok(opened.exit)
}

fn listed(review: &Review, subject: usize) -> Option<ListedSubject<'_>> {
    let summary = review.summary(subject);
    let promotions = review
        .promotions
        .get(subject)
        .map_or(&[][..], Vec::as_slice);
    Some(ListedSubject {
        subject: SubjectView::of(review.subjects.get(subject)?),
        state: review.state(subject),
        scanners: summary.scanners,
        findings: summary.findings,
        by_severity: summary.by_severity,
        fixable: summary.fixable,
        secrets: summary.secrets,
        undecided: summary.undecided,
        suppressed: summary.suppressed,
        scanned: summary.scanned,
        partial: summary.partial,
        promoted_to: promotions
            .iter()
            .map(|promoted| promoted.destination.as_str())
            .collect(),
        approvals: review.approval_views(subject),
        offers: OfferView::all(review, subject),
    })
}

/// Counts of an image's findings by the severity of one source.
#[derive(Clone, Copy, Default)]
struct Counted {
    critical: u64,
    high: u64,
    unrated: u64,
}

/// Counts the findings that are not suppressed by the severity a source gives them.
fn counted(review: &Review, chosen: &[usize], from: &SeverityFrom) -> Vec<Counted> {
    let of = |subject: &usize| {
        let mut counted = Counted::default();
        for position in review.findings_of(*subject) {
            let finding = review.findings.get(position);
            let Some(finding) = finding.filter(|finding| finding.suppressed_by.is_none()) else {
                continue;
            };
            let shown = ratings::shown(finding, &review.reports, from);
            match shown.severity {
                _ if shown.is_fallback => counted.unrated += 1,
                Severity::Critical => counted.critical += 1,
                Severity::High => counted.high += 1,
                _ => {}
            }
        }
        counted
    };
    chosen.iter().map(of).collect()
}

/// Returns a row an image. What a source's severities are is shown beside the totals, which are
/// always those of the highest.
fn table(listed: &[ListedSubject<'_>], counted: Option<&[Counted]>) -> Table {
    let mut columns = vec![
        ("image", Align::Left),
        ("state", Align::Left),
        ("findings", Align::Right),
        ("critical", Align::Right),
        ("high", Align::Right),
    ];
    if counted.is_some() {
        let own = ["critical by source", "high by source", "not rated by it"];
        columns.extend(own.map(|name| (name, Align::Right)));
    }
    columns.extend([
        ("fixable", Align::Right),
        ("undecided", Align::Right),
        ("read", Align::Left),
        ("joined by", Align::Left),
    ]);
    let mut table = Table::new(&columns);
    for (position, one) in listed.iter().enumerate() {
        let scanners = one.scanners.join(", ");
        let read = match (one.scanned, one.partial) {
            _ if one.scanners.is_empty() => "no report".to_owned(),
            (_, true) => format!("{scanners} (in part)"),
            (false, false) => format!("{scanners} (not looked for vulnerabilities)"),
            (true, false) => scanners,
        };
        // No report: a zero would look clean.
        let count = |count: u64| {
            if one.scanners.is_empty() {
                "?".to_owned()
            } else {
                thousands(count)
            }
        };
        let mut cells = vec![
            one.subject.name.to_owned(),
            one.state.as_str().to_owned(),
            count(one.findings),
            count(one.by_severity.critical),
            count(one.by_severity.high),
        ];
        if let Some(all) = counted {
            let by = all.get(position).copied().unwrap_or_default();
            cells.extend([count(by.critical), count(by.high), count(by.unrated)]);
        }
        cells.extend([
            count(one.fixable),
            count(one.undecided),
            read,
            one.subject.joined_by.as_str().to_owned(),
        ]);
        table.row(cells);
    }
    table
}
