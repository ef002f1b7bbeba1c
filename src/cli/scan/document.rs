//! The document `scan`, and the same for people: what ran, what was kept, what is in it.
//!
//! Counting findings is `review::Summary`'s work.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Scanned;
use crate::cli::document::{RecordTotals, ReportView, SubjectView};
use crate::cli::output::{Align, Output, Table};
use crate::cli::stop::Stop;
use crate::error::Explain;
use crate::model::{Digest, Format, Severity, SeverityCounts};
use crate::review::Review;
use crate::scanner::{Outcome, Product, Scanner, ScannerError};
use crate::text::thousands;

/// The document `scan`.
#[derive(Serialize)]
pub(super) struct ScanDocument<'a> {
    schema: &'static str,
    target: &'a str,
    kind: &'static str,
    digest: Option<&'a Digest>,
    platform: Option<String>,
    folder: String,
    started: DateTime<Utc>,
    finished: DateTime<Utc>,
    scanners: Vec<ScannerView<'a>>,
    subjects: Vec<SubjectView<'a>>,
    reports: Vec<ReportView<'a>>,
    documents: Vec<SbomView<'a>>,
    records: RecordTotals,
    totals: Totals,
}

/// What became of one scanner.
#[derive(Serialize)]
struct ScannerView<'a> {
    scanner: Scanner,
    program: &'a str,
    version: Option<&'a str>,
    command: &'a [String],
    exit_code: Option<i32>,
    seconds: u64,
    file: Option<FileView<'a>>,
    error: Option<String>,
    hints: Vec<String>,
}

/// A file that was kept.
#[derive(Serialize)]
struct FileView<'a> {
    path: String,
    sha256: &'a Digest,
    bytes: u64,
    format: Format,
    product: Product,
    count: u64,
}

/// An SBOM that was kept.
#[derive(Serialize)]
struct SbomView<'a> {
    path: &'a str,
    sha256: &'a Digest,
    format: Format,
    spec_version: &'a str,
    producer: Option<&'a str>,
    subject: usize,
    components: usize,
}

/// Counts over findings that are not suppressed.
#[derive(Clone, Copy, Default, Serialize)]
struct Totals {
    findings: u64,
    by_severity: SeverityCounts,
    fixable: u64,
}

/// The last line of `--format json`.
#[derive(Serialize)]
struct FinishedLine<'a> {
    time: DateTime<Utc>,
    event: &'static str,
    step: &'static str,
    scan: &'a ScanDocument<'a>,
}

impl<'a> ScannerView<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let product = outcome.scanner.product();
        let kept = outcome.result.as_ref().ok();
        let error = outcome.result.as_ref().err();
        Self {
            scanner: outcome.scanner,
            program: &outcome.program,
            version: outcome.version.as_deref(),
            command: &outcome.command,
            exit_code: outcome.exit_code,
            seconds: outcome.time.as_secs(),
            file: kept.map(|kept| FileView {
                path: kept.path.display().to_string(),
                sha256: &kept.sha256,
                bytes: kept.bytes,
                format: kept.format,
                product,
                count: kept.count,
            }),
            error: error.map(ScannerError::with_causes),
            hints: error.map(Explain::hints).unwrap_or_default(),
        }
    }
}

impl<'a> ScanDocument<'a> {
    /// Returns the document; `review` is what was kept, opened.
    pub(super) fn of(scanned: &'a Scanned, review: Option<&'a Review>) -> Self {
        let chosen: Vec<usize> = review
            .map(|review| (0..review.subjects.len()).collect())
            .unwrap_or_default();
        let reports = review.map_or_else(Vec::new, |review| ReportView::all(review, &chosen));
        Self {
            schema: "countersign/scan/v1",
            target: &scanned.typed,
            kind: scanned.scan.target.kind(),
            digest: scanned.inspection.as_ref().map(|found| &found.digest),
            platform: scanned.scan.platform.as_ref().map(ToString::to_string),
            folder: scanned.scan.folder.display().to_string(),
            started: scanned.started,
            finished: scanned.finished,
            scanners: scanned.outcomes.iter().map(ScannerView::of).collect(),
            subjects: review.map_or_else(Vec::new, |review| SubjectView::all(review, &chosen)),
            records: RecordTotals::of(&reports),
            reports,
            documents: review.map_or_else(Vec::new, sboms),
            totals: review.map_or_else(Totals::default, totals),
        }
    }

    /// Writes it as the last line of the events.
    pub(super) fn write(&self, output: &mut Output) -> Result<(), Stop> {
        let line = FinishedLine {
            time: self.finished,
            event: "finished",
            step: "open",
            scan: self,
        };
        output.document_line("event", &line)
    }

    /// Writes it for people.
    pub(super) fn tell(&self, output: &mut Output) -> Result<(), Stop> {
        let mut table = Table::new(&[
            ("scanner", Align::Left),
            ("version", Align::Left),
            ("found", Align::Right),
            ("", Align::Left),
            ("file", Align::Left),
        ]);
        let mut kept = Vec::new();
        for one in &self.scanners {
            let Some(file) = &one.file else {
                table.row([
                    one.scanner.as_str(),
                    one.version.unwrap_or("?"),
                    "",
                    "failed",
                    "",
                ]);
                continue;
            };
            table.row([
                one.scanner.as_str(),
                one.version.unwrap_or("?"),
                &thousands(file.count),
                one.scanner.unit(),
                &file.path,
            ]);
            kept.push(file.path.as_str());
        }
        output.table(&table, 0)?;
        for subject in &self.subjects {
            let rule = subject.joined_by.as_str();
            output.line(&format!("{}  (joined by {rule})", subject.name))?;
        }
        if !self.reports.is_empty() {
            self.tell_findings(output)?;
        }
        Ok(())
    }

    fn tell_findings(&self, output: &mut Output) -> Result<(), Stop> {
        let severities: Vec<String> = Severity::ALL
            .iter()
            .map(|severity| (severity, self.totals.by_severity.of(*severity)))
            .filter(|(_, count)| *count > 0)
            .map(|(severity, count)| format!("{} {severity}", thousands(count)))
            .collect();
        let mut line = format!("{} findings", thousands(self.totals.findings));
        if !severities.is_empty() {
            line.push_str(": ");
            line.push_str(&severities.join(", "));
        }
        output.line(&format!(
            "{line}; {} fixable",
            thousands(self.totals.fixable)
        ))
    }
}

fn sboms(review: &Review) -> Vec<SbomView<'_>> {
    let mut views = Vec::new();
    for (position, subject) in review.subjects.iter().enumerate() {
        for (sbom, _) in &subject.sboms {
            let Some(sbom) = review.sboms.get(*sbom) else {
                continue;
            };
            views.push(SbomView {
                path: &sbom.origin.path,
                sha256: &sbom.origin.sha256,
                format: sbom.format,
                spec_version: &sbom.spec_version,
                producer: sbom.producer.as_deref(),
                subject: position,
                components: sbom.components.len(),
            });
        }
    }
    views
}

fn totals(review: &Review) -> Totals {
    let mut totals = Totals::default();
    for subject in 0..review.subjects.len() {
        let summary = review.summary(subject);
        totals.findings += summary.findings;
        totals.fixable += summary.fixable;
    }
    for finding in review.findings.iter() {
        if finding.suppressed_by.is_none() {
            totals.by_severity.add(finding.severity);
        }
    }
    totals
}
