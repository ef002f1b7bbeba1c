//! `diff`: what a rebuild changed, finding by finding, and why.
//!
//! Comparing and causes are `triage::diff`'s work.

use serde::Serialize;

use super::args::{DiffArgs, Format as Layout, ReadingArgs};
use super::document::{ReportView, SubjectView};
use super::exit::Exit;
use super::open;
use super::output::{Align, Output, Table};
use super::settings::Settings;
use super::stop::Stop;
use crate::model::{Finding, FindingKey, Fix, Kind, Severity, VulnerabilityId};
use crate::review::Review;
use crate::text::thousands;
use crate::triage::diff::{Cause, Change, Side, diff};
use crate::triage::versions;

/// The document `diff`.
#[derive(Serialize)]
struct DiffDocument<'a> {
    before: SideView<'a>,
    after: SideView<'a>,
    totals: Totals,
    mixed_causes: &'a [String],
    gone: Vec<ChangeView<'a>>,
    new: Vec<ChangeView<'a>>,
    same: Vec<SameView<'a>>,
}

/// One of the two images.
#[derive(Serialize)]
struct SideView<'a> {
    subject: SubjectView<'a>,
    reports: Vec<ReportView<'a>>,
    sboms: Vec<&'a str>,
    findings: usize,
}

/// How many findings became what.
#[derive(Clone, Copy, Default, Serialize)]
struct Totals {
    gone: usize,
    new: usize,
    same: usize,
}

/// A finding of one image alone.
#[derive(Serialize)]
struct ChangeView<'a> {
    key: &'a FindingKey,
    id: &'a VulnerabilityId,
    aliases: &'a [VulnerabilityId],
    kind: Kind,
    severity: Severity,
    package: PackageView<'a>,
    fix: &'a Fix,
    cause: Cause,
    text: String,
}

/// A finding of both images.
#[derive(Serialize)]
struct SameView<'a> {
    key: &'a FindingKey,
    key_before: &'a FindingKey,
    id: &'a VulnerabilityId,
    kind: Kind,
    severity: Severity,
    severity_before: Severity,
    package: PackageView<'a>,
    version_before: &'a str,
    fix: &'a Fix,
    fix_before: &'a Fix,
}

/// The package of a finding.
#[derive(Serialize)]
struct PackageView<'a> {
    name: &'a str,
    version: &'a str,
    ecosystem: &'a str,
}

impl<'a> PackageView<'a> {
    fn of(finding: &'a Finding) -> Self {
        let package = &finding.package;
        Self {
            name: &package.name,
            version: &package.version,
            ecosystem: &package.ecosystem,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &DiffArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Layout::Table, Layout::Json])?;
    let mut output = settings.output()?;
    let before = open::open_without_ledger(settings, &args.before, &args.reading)?;
    let after = open::open_without_ledger(settings, &args.after, &args.reading)?;
    let from = chosen(&before.review, &args.reading, "before")?;
    let to = chosen(&after.review, &args.reading, "after")?;
    let (old, new) = (side(&before.review, from), side(&after.review, to));
    let changes = diff(&old.findings, &new.findings);
    let mixed_causes = old.mixed_causes(&new);
    let mut totals = Totals::default();
    for change in &changes {
        match change {
            Change::Gone(_) => totals.gone += 1,
            Change::New(_) => totals.new += 1,
            Change::Same { .. } => totals.same += 1,
        }
    }
    let (mut gone, mut came) = (Vec::new(), Vec::new());
    for change in &changes {
        let explained = old.explain(&new, change, versions::order);
        let (list, finding) = match change {
            Change::Gone(finding) => (&mut gone, finding),
            Change::New(finding) => (&mut came, finding),
            Change::Same { .. } => continue,
        };
        list.extend(explained.map(|explained| ChangeView {
            key: &finding.key,
            id: &finding.id,
            aliases: &finding.aliases,
            kind: finding.kind,
            severity: finding.severity,
            package: PackageView::of(finding),
            fix: &finding.fix,
            cause: explained.cause,
            text: explained.text,
        }));
    }
    let same = changes.iter().filter(|_| !args.only_differences);
    let document = DiffDocument {
        before: SideView::of(&before.review, from, old.findings.len())?,
        after: SideView::of(&after.review, to, new.findings.len())?,
        totals,
        mixed_causes: &mixed_causes,
        gone,
        new: came,
        same: same.filter_map(SameView::of).collect(),
    };
    if format == Layout::Json {
        output.document("diff", &document)?;
    } else {
        write(&document, &mut output)?;
    }
    output.finish()?;
    let answer = if args.exit_code && totals.gone + totals.new > 0 {
        Exit::No
    } else {
        Exit::Done
    };
    Ok(before.exit.worse(after.exit).worse(answer))
}

/// Returns the one image of a side, which is named where it cannot be told.
fn chosen(review: &Review, reading: &ReadingArgs, side: &str) -> Result<usize, Stop> {
    open::subject(review, reading).map_err(|stop| {
        stop.hint(format!(
            "this is about what was given as --{side}; each side is one image"
        ))
    })
}

fn side(review: &Review, subject: usize) -> Side<'_> {
    let image = review.subjects.get(subject);
    let findings = review.findings_of(subject);
    let reports = image.into_iter().flat_map(|image| &image.reports);
    let sboms = image.into_iter().flat_map(|image| &image.sboms);
    Side::new(
        findings.filter_map(|row| review.findings.get(row)),
        reports.filter_map(|(report, _)| review.reports.get(*report).map(AsRef::as_ref)),
        sboms.filter_map(|(sbom, _)| review.sboms.get(*sbom).map(AsRef::as_ref)),
    )
}

impl<'a> SideView<'a> {
    fn of(review: &'a Review, subject: usize, findings: usize) -> Result<Self, Stop> {
        let image = review
            .subjects
            .get(subject)
            .ok_or_else(|| Stop::input("no image was read from the input"))?;
        let sboms = image.sboms.iter();
        Ok(Self {
            subject: SubjectView::of(image),
            reports: ReportView::all(review, &[subject]),
            sboms: sboms
                .filter_map(|(sbom, _)| review.sboms.get(*sbom))
                .map(|sbom| sbom.origin.path.as_str())
                .collect(),
            findings,
        })
    }
}

impl<'a> SameView<'a> {
    fn of(change: &Change<'a>) -> Option<Self> {
        let Change::Same { before, after } = *change else {
            return None;
        };
        Some(Self {
            key: &after.key,
            key_before: &before.key,
            id: &after.id,
            kind: after.kind,
            severity: after.severity,
            severity_before: before.severity,
            package: PackageView::of(after),
            version_before: &before.package.version,
            fix: &after.fix,
            fix_before: &before.fix,
        })
    }

    /// Returns what is not as it was, in words.
    fn changed(&self) -> String {
        let mut words = Vec::new();
        if self.severity != self.severity_before {
            words.push(format!("was {}", self.severity_before));
        }
        if self.package.version != self.version_before {
            words.push(format!("was in {}", self.version_before));
        }
        if self.fix != self.fix_before {
            words.push("the fix changed".to_owned());
        }
        words.join("; ")
    }
}

fn write(document: &DiffDocument<'_>, output: &mut Output) -> Result<(), Stop> {
    let (before, after) = (&document.before, &document.after);
    output.line(&format!("before  {}", before.subject.name))?;
    output.line(&format!("after   {}", after.subject.name))?;
    for text in document.mixed_causes {
        output.line(&format!("mixed causes: {text}"))?;
    }
    let mut table = Table::new(&[
        ("change", Align::Left),
        ("severity", Align::Left),
        ("id", Align::Left),
        ("package", Align::Left),
        ("version", Align::Left),
        ("cause", Align::Left),
    ]);
    let changes = [("gone", &document.gone), ("new", &document.new)];
    for (word, list) in changes {
        for one in list {
            let (severity, id) = (one.severity.to_string(), one.id.to_string());
            let package = &one.package;
            table.row([
                word,
                &severity,
                &id,
                package.name,
                package.version,
                &one.text,
            ]);
        }
    }
    for one in &document.same {
        let (severity, id) = (one.severity.to_string(), one.id.to_string());
        let package = &one.package;
        table.row([
            "same",
            &severity,
            &id,
            package.name,
            package.version,
            &one.changed(),
        ]);
    }
    output.table(&table, 0)?;
    let Totals { gone, new, same } = document.totals;
    output.data(&format!(
        "{} gone, {} new, {} the same\n",
        thousands(gone as u64),
        thousands(new as u64),
        thousands(same as u64)
    ))
}
