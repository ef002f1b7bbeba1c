//! The effect of an ignore or VEX document: what it would hide on the loaded reports, against what
//! was decided.
//!
//! The text is read back as any input is, so nothing here knows how a format is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::{Export, ExportFormat, ExportRequest, headline};
use crate::formats::{self, Document, FormatError};
use crate::model::{
    Decision, ExemptionDocument, Finding, FindingKey, Record, RecordRef, Report, Standing,
};
use crate::triage::suppress::{Suppressed, suppress};

/// Findings that a warning names one by one; the document has all.
const NAMED: usize = 5;

/// What one scanner would leave out of its loaded reports because of the document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// The scanner.
    pub scanner: String,
    /// Its records that the document hides.
    pub records: u64,
    /// Findings of which it would hide a record though no verdict that holds says so.
    pub beyond: Vec<FindingKey>,
    /// Findings of which it would still show a record though a verdict says otherwise.
    pub short: Vec<FindingKey>,
}

/// Works out the effect of what was made, and warns where it is not what was decided.
pub(super) fn tell(format: ExportFormat, request: &ExportRequest<'_>, made: &mut Export) {
    let Some(reads) = Reads::of(format) else {
        return;
    };
    let documents = match read(made) {
        Ok(documents) => documents,
        Err(error) => {
            made.warnings
                .push(format!("the document cannot be read back: {error}"));
            return;
        }
    };
    let review = request.review;
    let (subjects, reports) = (&review.subjects, &review.reports);
    let suppressed = suppress(&documents, subjects, reports, &review.sboms, request.now);
    made.suppresses = effects(&reads, request, &suppressed);
    for effect in &made.suppresses {
        let scanner = &effect.scanner;
        if !effect.beyond.is_empty() {
            made.warnings.push(format!(
                "{scanner} would leave out {} that no verdict excuses: {}",
                findings(effect.beyond.len()),
                named(request, &effect.beyond)
            ));
        }
        if !effect.short.is_empty() {
            made.warnings.push(format!(
                "{scanner} would still report {} that a verdict excuses: {}",
                findings(effect.short.len()),
                named(request, &effect.short)
            ));
        }
    }
}

/// Whose records a format is for, and which decisions it hides.
struct Reads {
    scanner: Option<&'static str>,
    hides: fn(Decision) -> bool,
}

impl Reads {
    fn of(format: ExportFormat) -> Option<Self> {
        let (scanner, hides): (_, fn(Decision) -> bool) = match format {
            ExportFormat::Openvex | ExportFormat::CyclonedxVex => (None, |decision| {
                matches!(decision, Decision::NotAffected | Decision::FalsePositive)
            }),
            ExportFormat::Trivyignore => (Some("trivy"), Decision::excuses),
            ExportFormat::GrypeIgnore => (Some("grype"), Decision::excuses),
            ExportFormat::Sarif | ExportFormat::Csv | ExportFormat::Junit => return None,
        };
        Some(Self { scanner, hides })
    }
}

/// Reads the text as the input it is meant to be; one without entries is none.
fn read(made: &Export) -> Result<Vec<Arc<ExemptionDocument>>, FormatError> {
    if made.entries == 0 {
        return Ok(Vec::new());
    }
    let loaded = formats::read("export", made.text.clone().into_bytes())?;
    let documents = loaded.documents.into_iter();
    Ok(documents
        .filter_map(|document| match document {
            Document::Exemptions(document) => Some(Arc::new(document)),
            Document::Report(_) | Document::Sbom(_) => None,
        })
        .collect())
}

/// Goes through every finding of the review: a document may reach images it was not made of.
fn effects(reads: &Reads, request: &ExportRequest<'_>, suppressed: &Suppressed) -> Vec<Effect> {
    let review = request.review;
    let mut found: BTreeMap<&str, (Effect, BTreeSet<RecordRef>)> = BTreeMap::new();
    for report in &review.reports {
        let scanner = report.scanner.as_str();
        if reads.scanner.is_none_or(|wanted| wanted == scanner) {
            let (effect, _) = found.entry(scanner).or_default();
            scanner.clone_into(&mut effect.scanner);
        }
    }
    for (subject, _) in review.subjects.iter().enumerate() {
        let is_asked = request.subjects.contains(&subject);
        for row in review.findings_of(subject) {
            let Some(finding) = review.findings.get(row) else {
                continue;
            };
            let verdict = review.verdicts.get(row).and_then(Option::as_ref);
            let is_decided = verdict.is_some_and(|standing| {
                standing.standing == Standing::Current && (reads.hides)(standing.verdict.decision)
            });
            for (place, report, record) in counted(&review.reports, finding) {
                let Some((effect, seen)) = found.get_mut(report.scanner.as_str()) else {
                    continue;
                };
                if record.suppressed_by.is_some() {
                    continue;
                }
                let is_hidden = suppressed.of(place).is_some();
                if is_hidden && seen.insert(place) {
                    effect.records += 1;
                }
                let list = match (is_hidden, is_decided) {
                    (true, false) => &mut effect.beyond,
                    (false, true) if is_asked => &mut effect.short,
                    _ => continue,
                };
                if !list.contains(&finding.key) {
                    list.push(finding.key.clone());
                }
            }
        }
    }
    found.into_values().map(|(effect, _)| effect).collect()
}

/// Returns the records of a finding with their reports.
fn counted<'a>(
    reports: &'a [Arc<Report>],
    finding: &'a Finding,
) -> impl Iterator<Item = (RecordRef, &'a Report, &'a Record)> {
    finding.records.iter().filter_map(|place| {
        let report = reports.get(place.report as usize)?;
        let record = report.records.get(place.record as usize)?;
        Some((*place, report.as_ref(), record))
    })
}

fn findings(count: usize) -> String {
    let word = if count == 1 { "finding" } else { "findings" };
    format!("{count} {word}")
}

fn named(request: &ExportRequest<'_>, keys: &[FindingKey]) -> String {
    let all = &request.review.findings;
    let found = keys
        .iter()
        .take(NAMED)
        .filter_map(|key| all.iter().find(|finding| finding.key == *key));
    let names: Vec<String> = found.map(headline).collect();
    let more = if keys.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}
