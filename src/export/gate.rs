//! The gate's answer for other tools and people: `JUnit`, SARIF, and Markdown for a job's summary.
//!
//! What the answer is comes from `triage::gate`; each format is written in its own file, Markdown
//! here.

use std::collections::HashMap;

use super::report::page::Page;
use super::{ExportRequest, headline, junit, rows, sarif};
use crate::model::{Finding, FindingKey, Severity, Subject};
use crate::text::thousands;
use crate::triage::gate::{Gate, Remedy};

/// The most rows of a list: a summary is read by people.
const MAX_ROWS: usize = 20;

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateFormat {
    /// `JUnit` XML: what closes the gate fails, what is excused is skipped.
    Junit,
    /// SARIF 2.1.0: what the gate speaks of, and nothing else.
    Sarif,
    /// Markdown: the state, the blockers, what is excused and by whom, the way to open.
    Markdown,
}

/// Writes the answer of `gate` for a subject: index into the request's review.
///
/// # Errors
/// When the document cannot be serialised, which is a defect of the program.
pub fn gate(
    format: GateFormat,
    request: &ExportRequest<'_>,
    subject: usize,
    gate: &Gate,
) -> Result<String, serde_json::Error> {
    Ok(match format {
        GateFormat::Junit => junit::of_gate(request, subject, gate).text,
        GateFormat::Sarif => sarif::of_gate(request, subject, gate)?.text,
        GateFormat::Markdown => markdown(request, subject, gate),
    })
}

fn markdown(request: &ExportRequest<'_>, subject: usize, gate: &Gate) -> String {
    let review = request.review;
    let findings: HashMap<&FindingKey, &Finding> = review
        .findings_of(subject)
        .filter_map(|row| review.findings.get(row))
        .map(|finding| (&finding.key, finding))
        .collect();
    let mut page = Page::default();
    opening(&mut page, request, review.subjects.get(subject), gate);
    blockers(&mut page, gate, &findings);
    way_to_open(&mut page, &gate.to_open);
    excused(&mut page, gate, &findings);
    if !gate.warnings.is_empty() {
        page.heading(3, "Warnings");
        let warnings = gate.warnings.iter();
        page.list(
            warnings
                .map(|warning| format!("{}: {}", warning.class, warning.text))
                .collect(),
        );
    }
    page.markdown()
}

fn opening(page: &mut Page, request: &ExportRequest<'_>, image: Option<&Subject>, gate: &Gate) {
    let state = if gate.open { "open" } else { "closed" };
    let purpose = if gate.for_promotion {
        " for promotion"
    } else {
        ""
    };
    let name = image.map_or("", |image| &image.name);
    page.heading(2, format!("The gate is {state}{purpose}: {name}"));
    let digest = image.and_then(Subject::identity);
    let digest = digest.map_or_else(|| "none is known".to_owned(), |digest| digest.to_string());
    page.list(vec![
        format!("Digest {digest}"),
        format!("Policy {}", gate.policy_sha256),
        format!("Asked {}", request.now.format("%Y-%m-%d %H:%M UTC")),
    ]);
}

fn blockers(page: &mut Page, gate: &Gate, findings: &HashMap<&FindingKey, &Finding>) {
    if gate.blockers.is_empty() {
        return;
    }
    page.heading(3, "What closes it");
    let said = gate.blockers.iter();
    page.list(
        said.map(|blocker| format!("{}: {}", blocker.class, blocker.text))
            .collect(),
    );
    let mut closing: HashMap<&FindingKey, Vec<&str>> = HashMap::new();
    for blocker in &gate.blockers {
        for key in &blocker.findings {
            closing.entry(key).or_default().push(blocker.class);
        }
    }
    let mut rows: Vec<(&&Finding, Vec<&str>)> = closing
        .into_iter()
        .filter_map(|(key, classes)| Some((findings.get(key)?, classes)))
        .collect();
    rows.sort_by_key(|(finding, _)| {
        let worst: Severity = finding.severity;
        (std::cmp::Reverse(worst), &finding.id, &finding.key)
    });
    let rows = rows.into_iter().map(|(finding, classes)| {
        vec![
            finding.severity.to_string(),
            headline(finding),
            rows::fix(&finding.fix),
            finding.scanners.join(", "),
            classes.join(", "),
        ]
    });
    let headings = ["Severity", "Finding", "Fixed in", "Scanners", "Closes as"];
    table(page, &headings, rows.collect());
}

fn way_to_open(page: &mut Page, remedies: &[Remedy]) {
    if remedies.is_empty() {
        return;
    }
    page.heading(3, "The way to open it");
    page.paragraph(
        "What clears the most comes first; in commands, words in capitals are yours to fill in.",
    );
    let rows = remedies.iter().map(|remedy| {
        vec![
            thousands(remedy.clears.len() as u64),
            remedy.action.clone(),
            remedy.command.clone().unwrap_or_default(),
        ]
    });
    table(page, &["Clears", "What to do", "Command"], rows.collect());
}

fn excused(page: &mut Page, gate: &Gate, findings: &HashMap<&FindingKey, &Finding>) {
    if gate.excused.is_empty() {
        return;
    }
    page.heading(3, "What is excused, and by whom");
    let rows = gate.excused.iter().map(|excused| {
        let (verdict, recorded) = (&excused.verdict.verdict, &excused.verdict.recorded);
        let finding = findings.get(&excused.key);
        let until = verdict.until.map(|until| until.to_string());
        vec![
            finding.map_or_else(|| excused.key.to_string(), |finding| headline(finding)),
            verdict.decision.as_str().to_owned(),
            until.unwrap_or_default(),
            recorded.reviewer.clone(),
            verdict.reason.clone(),
            format!("entry {}", recorded.entry),
        ]
    });
    let headings = ["Finding", "Decision", "Until", "By", "Reason", "Ledger"];
    table(page, &headings, rows.collect());
}

/// Adds the first rows, and says how many more there are.
fn table(page: &mut Page, headings: &[&'static str], mut rows: Vec<Vec<String>>) {
    let hidden = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    page.table(headings, rows);
    if hidden > 0 {
        page.paragraph(format!("And {} more.", thousands(hidden as u64)));
    }
}

#[cfg(test)]
mod tests;
