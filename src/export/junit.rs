//! `JUnit` XML: the gate as test cases, a suite a subject.
//!
//! What closes the gate fails, what a verdict excuses is skipped, the rest passes. A reason that is
//! about no finding (nothing scanned, a report read in part) is a failing case of its own.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::{Export, ExportRequest, escaped, headline, open_rows};
use crate::model::{Finding, FindingKey};
use crate::triage::gate::Gate;

/// A case, as XML, and how it ended.
struct Case {
    xml: String,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// Writes the suites of the plain gate.
pub(super) fn write(request: &ExportRequest<'_>) -> Export {
    let mut suites = Suites::default();
    for subject in request.subjects {
        if let Some(gate) = request.review.gate(*subject, None, request.now) {
            suites.add(request, *subject, &gate);
        }
    }
    suites.finish()
}

/// Writes the suite of one subject's gate, whatever it was asked for.
pub(super) fn of_gate(request: &ExportRequest<'_>, subject: usize, gate: &Gate) -> Export {
    let mut suites = Suites::default();
    suites.add(request, subject, gate);
    suites.finish()
}

#[derive(Default)]
struct Suites {
    xml: String,
    cases: usize,
    failed: usize,
    skipped: usize,
}

impl Suites {
    fn add(&mut self, request: &ExportRequest<'_>, subject: usize, gate: &Gate) {
        let Some(image) = request.review.subjects.get(subject) else {
            return;
        };
        let one = ExportRequest {
            subjects: &[subject],
            ..*request
        };
        let findings = open_rows(&one).filter_map(|row| request.review.findings.get(row));
        let cases = cases(gate, &findings.collect::<Vec<_>>());
        let count = |outcome| cases.iter().filter(|case| case.outcome == outcome).count();
        let (fails, skips) = (count(Outcome::Failed), count(Outcome::Skipped));
        // Writing to a String cannot fail.
        let _infallible = writeln!(
            self.xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{fails}\" errors=\"0\" skipped=\"{skips}\" timestamp=\"{}\">",
            escaped(&image.name),
            cases.len(),
            request.now.format("%Y-%m-%dT%H:%M:%S"),
        );
        self.cases += cases.len();
        self.failed += fails;
        self.skipped += skips;
        self.xml.extend(cases.into_iter().map(|case| case.xml));
        let warnings = gate
            .warnings
            .iter()
            .map(|warning| format!("{}: {}", warning.class, escaped(&warning.text)));
        let ways = gate
            .to_open
            .iter()
            .map(|remedy| format!("to open: {}", escaped(&remedy.action)));
        let said: Vec<String> = warnings.chain(ways).collect();
        if !said.is_empty() {
            let _infallible =
                writeln!(self.xml, "    <system-out>{}</system-out>", said.join("\n"));
        }
        self.xml.push_str("  </testsuite>\n");
    }

    fn finish(self) -> Export {
        Export {
            text: format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"countersign\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n{}</testsuites>\n",
                self.cases, self.failed, self.skipped, self.xml
            ),
            entries: self.cases,
            left_out: Vec::new(),
            warnings: Vec::new(),
            suppresses: Vec::new(),
        }
    }
}

fn cases(gate: &Gate, findings: &[&Finding]) -> Vec<Case> {
    let mut failures: HashMap<&FindingKey, (&str, &str)> = HashMap::new();
    let mut cases = Vec::new();
    for blocker in &gate.blockers {
        for key in &blocker.findings {
            failures
                .entry(key)
                .or_insert((blocker.class, &blocker.text));
        }
        if blocker.findings.is_empty() {
            cases.push(case(
                "gate",
                blocker.class,
                Outcome::Failed,
                blocker.class,
                &blocker.text,
            ));
        }
    }
    let known: HashSet<&FindingKey> = findings.iter().map(|finding| &finding.key).collect();
    for (key, (class, text)) in &failures {
        if !known.contains(*key) {
            cases.push(case("gate", key.as_str(), Outcome::Failed, class, text));
        }
    }
    cases.sort_by(|one, other| one.xml.cmp(&other.xml));
    let excused: HashMap<&FindingKey, String> = gate
        .excused
        .iter()
        .map(|excused| {
            let verdict = &excused.verdict;
            let words = format!(
                "{} by {}: {}",
                verdict.verdict.decision.as_str(),
                verdict.recorded.reviewer,
                verdict.verdict.reason
            );
            (&excused.key, words)
        })
        .collect();
    for finding in findings {
        let name = format!("{} {}", finding.severity, headline(finding));
        let kind = finding.kind.as_str();
        cases.push(
            match (failures.get(&finding.key), excused.get(&finding.key)) {
                (Some((class, text)), _) => case(kind, &name, Outcome::Failed, class, text),
                (None, Some(words)) => case(kind, &name, Outcome::Skipped, "", words),
                (None, None) => case(kind, &name, Outcome::Passed, "", ""),
            },
        );
    }
    cases
}

fn case(class: &str, name: &str, outcome: Outcome, kind: &str, message: &str) -> Case {
    let (name, message) = (escaped(name), escaped(message));
    let open = format!("    <testcase classname=\"{class}\" name=\"{name}\"");
    let xml = match outcome {
        Outcome::Passed => format!("{open}/>\n"),
        Outcome::Skipped => format!("{open}><skipped message=\"{message}\"/></testcase>\n"),
        Outcome::Failed => {
            format!("{open}><failure type=\"{kind}\" message=\"{message}\"/></testcase>\n")
        }
    };
    Case { xml, outcome }
}
