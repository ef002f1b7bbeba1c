//! The verdict report: what was found, decided and left, for people who were not there.
//!
//! Only what the review holds is told, and what it does not hold is said to be unknown. Layout is
//! in `page`, predictions are scored in `triage::prediction`.

pub(in crate::export) mod page;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use self::page::Page;
use super::{headline, open_rows, rows};
use crate::export::ExportRequest;
use crate::model::{DatabaseAge, Finding, Fixable, Kind, Severity, Standing, Subject};
use crate::review::Review;
use crate::text::thousands;
use crate::triage::compare::Strength;
use crate::triage::diff::{Change, diff};
use crate::triage::gate::Gate;
use crate::triage::prediction::score;

/// The most rows of a table of findings: a report is read by people.
const MAX_ROWS: usize = 20;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// Markdown (`CommonMark` with tables).
    Markdown,
    /// One HTML file without scripts.
    Html,
}

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct ReportRequest<'a> {
    /// The review.
    pub review: &'a Review,
    /// The subject: index into the review's.
    pub subject: usize,
    /// The review of the image before it was rebuilt, and the subject in it.
    pub before: Option<(&'a Review, usize)>,
    /// Who makes the report.
    pub author: &'a str,
    /// When it is made.
    pub now: DateTime<Utc>,
}

/// Returns the report; none where there is no such subject.
#[must_use]
pub fn report(request: &ReportRequest<'_>, format: ReportFormat) -> Option<String> {
    let review = request.review;
    let image = review.subjects.get(request.subject)?;
    let gate = review.gate(request.subject, None, request.now)?;
    let findings = findings(review, request.subject, request.now);
    let mut page = Page::default();
    opening(&mut page, request, image, &gate);
    predictions(&mut page, request, image, &findings);
    counts(&mut page, &findings);
    top_fixable(&mut page, &findings);
    beyond_packages(&mut page, &findings);
    disagreements(&mut page, request);
    verdicts(&mut page, request);
    if let Some((before, subject)) = request.before {
        rebuild(&mut page, before, subject, request, &findings);
    }
    checked(&mut page, request, image);
    Some(match format {
        ReportFormat::Markdown => page.markdown(),
        ReportFormat::Html => page.html(),
    })
}

fn findings(review: &Review, subject: usize, now: DateTime<Utc>) -> Vec<&Finding> {
    let request = ExportRequest {
        review,
        subjects: &[subject],
        author: "",
        now,
    };
    open_rows(&request)
        .filter_map(|row| review.findings.get(row))
        .collect()
}

fn opening(page: &mut Page, request: &ReportRequest<'_>, image: &Subject, gate: &Gate) {
    page.heading(1, format!("Verdict report: {}", image.name));
    let digest = image.identity().map_or_else(
        || "no digest is known".to_owned(),
        |digest| digest.to_string(),
    );
    let platform = image.platform.as_ref().map(ToString::to_string);
    let mut facts = vec![
        format!("Image {}, {digest}", image.name),
        format!(
            "State {}, the gate is {}",
            request.review.state(request.subject).as_str(),
            if gate.open { "open" } else { "closed" }
        ),
        format!(
            "Made {} by {}",
            request.now.format("%Y-%m-%d %H:%M UTC"),
            request.author
        ),
    ];
    if let Some(platform) = platform {
        facts.insert(1, format!("Platform {platform}"));
    }
    page.list(facts);
    if !gate.blockers.is_empty() {
        page.heading(2, "What closes the gate");
        page.list(
            gate.blockers
                .iter()
                .map(|blocker| format!("{}: {}", blocker.class, blocker.text))
                .collect(),
        );
        page.paragraph("What would open it, most effective first:");
        page.list(
            gate.to_open
                .iter()
                .take(MAX_ROWS)
                .map(|remedy| remedy.action.clone())
                .collect(),
        );
    }
    if !gate.warnings.is_empty() {
        page.heading(2, "Warnings");
        page.list(
            gate.warnings
                .iter()
                .map(|warning| format!("{}: {}", warning.class, warning.text))
                .collect(),
        );
    }
}

fn predictions(
    page: &mut Page,
    request: &ReportRequest<'_>,
    image: &Subject,
    findings: &[&Finding],
) {
    let of_image: Vec<_> = request
        .review
        .predictions
        .iter()
        .filter(|(_, prediction)| prediction.is_about(image))
        .collect();
    if of_image.is_empty() {
        return;
    }
    page.heading(2, "Predicted and found");
    let mut table = Vec::new();
    for (recorded, prediction) in of_image {
        for line in score(prediction, findings) {
            table.push(vec![
                line.what.to_string(),
                thousands(line.expected),
                thousands(line.found),
                format!("{:+}", line.difference()),
                recorded.reviewer.clone(),
                recorded.time.format("%Y-%m-%d %H:%M UTC").to_string(),
            ]);
        }
    }
    page.table(
        &["What", "Predicted", "Found", "Difference", "By", "When"],
        table,
    );
}

fn counts(page: &mut Page, findings: &[&Finding]) {
    page.heading(2, "What was found");
    let count = |severity: Severity, fixable: Fixable| {
        let wanted = |one: &&&Finding| one.severity == severity && one.fix.fixable() == fixable;
        let of_packages = |one: &&&Finding| one.kind == Kind::Vulnerability;
        findings.iter().filter(of_packages).filter(wanted).count() as u64
    };
    let table = Severity::ALL
        .into_iter()
        .map(|severity| {
            let [yes, no, unknown] = [Fixable::Yes, Fixable::No, Fixable::Unknown]
                .map(|fixable| count(severity, fixable));
            vec![
                severity.to_string(),
                thousands(yes),
                thousands(no),
                thousands(unknown),
                thousands(yes + no + unknown),
            ]
        })
        .collect();
    page.paragraph("Vulnerabilities by severity, and whether a fix is named:");
    page.table(
        &["Severity", "Fixable", "No fix", "Not known", "All"],
        table,
    );
}

/// The packages whose upgrade clears the most.
fn top_fixable(page: &mut Page, findings: &[&Finding]) {
    let mut packages: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        if finding.kind == Kind::Vulnerability && finding.fix.fixable() == Fixable::Yes {
            let package = &finding.package;
            let place = packages.entry((&package.name, &package.version));
            place.or_default().push(finding);
        }
    }
    let mut packages: Vec<_> = packages.into_iter().collect();
    packages.sort_by_key(|(name, all)| {
        let worst = all.iter().map(|one| one.severity).max();
        (std::cmp::Reverse((worst, all.len())), *name)
    });
    if packages.is_empty() {
        return;
    }
    page.heading(2, "Most worth upgrading");
    let hidden = packages.len().saturating_sub(MAX_ROWS);
    let table = packages
        .into_iter()
        .take(MAX_ROWS)
        .map(|((name, version), all)| {
            let worst = all.iter().map(|one| one.severity).max().unwrap_or_default();
            let ids: Vec<&str> = all.iter().map(|one| one.id.as_str()).collect();
            let mut fixes: Vec<&str> = all
                .iter()
                .flat_map(|one| &one.fix.versions)
                .map(String::as_str)
                .collect();
            fixes.sort_unstable();
            fixes.dedup();
            vec![
                format!("{name} {version}"),
                worst.to_string(),
                thousands(all.len() as u64),
                fixes.join(", "),
                shortened(&ids),
            ]
        })
        .collect();
    page.table(
        &["Package", "Worst", "Clears", "Fixed in", "Findings"],
        table,
    );
    if hidden > 0 {
        page.paragraph(format!(
            "{} more packages have a fix.",
            thousands(hidden as u64)
        ));
    }
}

fn shortened(ids: &[&str]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<&str> = ids.iter().take(SHOWN).copied().collect();
    match ids.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What a look at packages alone misses.
fn beyond_packages(page: &mut Page, findings: &[&Finding]) {
    let others: Vec<&&Finding> = findings
        .iter()
        .filter(|finding| finding.kind != Kind::Vulnerability)
        .collect();
    page.heading(2, "What a look at packages misses");
    if others.is_empty() {
        page.paragraph(
            "No secret, misconfiguration, licence or hygiene finding is in the documents. Whether somebody looked is \
             said under \"What was checked\".",
        );
        return;
    }
    let hidden = others.len().saturating_sub(MAX_ROWS);
    let table = others
        .into_iter()
        .take(MAX_ROWS)
        .map(|finding| {
            let place = finding.package.locations.first();
            vec![
                finding.kind.as_str().to_owned(),
                finding.severity.to_string(),
                finding.id.to_string(),
                place.map_or_else(String::new, |place| place.path.clone()),
                finding.title.clone(),
            ]
        })
        .collect();
    page.table(&["Kind", "Severity", "Rule", "Where", "What"], table);
    if hidden > 0 {
        page.paragraph(format!(
            "{} more are in the reports.",
            thousands(hidden as u64)
        ));
    }
}

fn disagreements(page: &mut Page, request: &ReportRequest<'_>) {
    let comparisons = request.review.comparisons(request.subject);
    if comparisons.is_empty() {
        return;
    }
    page.heading(2, "Where the scanners disagree");
    for comparison in comparisons {
        let [one, other] = &comparison.sides;
        let of = |counts: &BTreeMap<String, u64>, side: &str| {
            thousands(counts.get(side).copied().unwrap_or_default())
        };
        let totals = &comparison.totals;
        page.paragraph(format!(
            "{one} and {other}: {} of {one}'s and {} of {other}'s agree; only {one} {}, only {other} {}; severity \
             differs in {}, the fix in {}, of which one side alone names a fix in {}.",
            of(&totals.agreed, one),
            of(&totals.agreed, other),
            of(&totals.only, one),
            of(&totals.only, other),
            thousands(totals.severity_differs),
            thousands(totals.fix_differs),
            thousands(totals.fixable_differs),
        ));
        let mut classes: BTreeMap<(&str, Strength), (u64, &str)> = BTreeMap::new();
        for reason in comparison.rows.iter().filter_map(|row| row.reason.as_ref()) {
            let count = classes
                .entry((reason.class, reason.strength))
                .or_insert((0, &reason.text));
            count.0 += 1;
        }
        let mut classes: Vec<_> = classes.into_iter().collect();
        classes.sort_by_key(|(class, (count, _))| (std::cmp::Reverse(*count), *class));
        let table = classes
            .into_iter()
            .map(|((class, strength), (count, text))| {
                let strength = match strength {
                    Strength::Proven => "proven",
                    Strength::Inferred => "inferred",
                    Strength::Undecidable => "undecidable",
                };
                vec![
                    class.to_owned(),
                    thousands(count),
                    strength.to_owned(),
                    text.to_owned(),
                ]
            })
            .collect();
        page.table(&["Reason", "Rows", "Strength", "For example"], table);
    }
}

fn verdicts(page: &mut Page, request: &ReportRequest<'_>) {
    let review = request.review;
    page.heading(2, "Verdicts");
    let mut table = Vec::new();
    for row in review.findings_of(request.subject) {
        let verdict = review.verdicts.get(row).and_then(Option::as_ref);
        let (Some(finding), Some(taken)) = (review.findings.get(row), verdict) else {
            continue;
        };
        let until = taken.verdict.until.map(|until| until.to_string());
        let from = taken.verdict.carried_from.as_ref();
        let state = match (taken.standing, &taken.because) {
            (Standing::Current, _) if from.is_some() => {
                format!(
                    "holds, {}",
                    from.map(ToString::to_string).unwrap_or_default()
                )
            }
            (Standing::Current, _) if taken.carried => {
                "holds, carried from another image".to_owned()
            }
            (Standing::Current, _) if !taken.renewed_by.is_empty() => {
                "holds, renewed by a newer report".to_owned()
            }
            (Standing::Current, _) => "holds".to_owned(),
            (standing, Some(because)) => format!("{standing}: {because}"),
            (standing, None) => standing.to_string(),
        };
        table.push(vec![
            headline(finding),
            taken.verdict.decision.as_str().to_owned(),
            taken.verdict.reason.clone(),
            until.unwrap_or_default(),
            taken.recorded.reviewer.clone(),
            state,
        ]);
    }
    let approvals = review
        .approvals
        .get(request.subject)
        .map_or(&[][..], Vec::as_slice);
    for approval in approvals {
        let state = match &approval.because {
            Some(because) => format!("{}: {because}", approval.standing),
            None => "holds".to_owned(),
        };
        table.push(vec![
            "the image".to_owned(),
            approval.verdict.decision.as_str().to_owned(),
            approval.verdict.reason.clone(),
            String::new(),
            approval.recorded.reviewer.clone(),
            state,
        ]);
    }
    if table.is_empty() {
        page.paragraph("Nobody has decided anything about this image.");
    }
    page.table(
        &["About", "Decision", "Reason", "Until", "By", "State"],
        table,
    );
}

fn rebuild(
    page: &mut Page,
    before: &Review,
    subject: usize,
    request: &ReportRequest<'_>,
    after: &[&Finding],
) {
    let old = findings(before, subject, request.now);
    let name = before.subjects.get(subject).map_or("", |image| &image.name);
    let changes = diff(&old, after);
    let count = |wanted: fn(&Change<'_>) -> bool| {
        changes.iter().filter(|change| wanted(change)).count() as u64
    };
    page.heading(2, "Before and after");
    page.paragraph(format!(
        "Compared with {name}: {} gone, {} new, {} still there.",
        thousands(count(|change| matches!(change, Change::Gone(_)))),
        thousands(count(|change| matches!(change, Change::New(_)))),
        thousands(count(|change| matches!(change, Change::Same { .. }))),
    ));
    let rows: Vec<Vec<String>> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Gone(finding) => Some(("gone", finding)),
            Change::New(finding) => Some(("new", finding)),
            Change::Same { .. } => None,
        })
        .map(|(word, finding)| {
            vec![
                word.to_owned(),
                finding.severity.to_string(),
                headline(finding),
                rows::fix(&finding.fix),
            ]
        })
        .collect();
    let hidden = rows.len().saturating_sub(MAX_ROWS);
    page.table(
        &["Change", "Severity", "Finding", "Fixed in"],
        rows.into_iter().take(MAX_ROWS).collect(),
    );
    if hidden > 0 {
        page.paragraph(format!("{} more changed.", thousands(hidden as u64)));
    }
}

fn checked(page: &mut Page, request: &ReportRequest<'_>, image: &Subject) {
    let review = request.review;
    page.heading(2, "What was checked");
    let mut table = Vec::new();
    for (position, rule) in &image.reports {
        let Some(report) = review.reports.get(*position) else {
            continue;
        };
        let date = |time: Option<DateTime<Utc>>| {
            time.map_or_else(
                || "unknown".to_owned(),
                |time| time.format("%Y-%m-%d").to_string(),
            )
        };
        let built = match report.database_age {
            DatabaseAge::Exact => date(report.database_built),
            DatabaseAge::LowerBound => format!("{} or later", date(report.database_built)),
            DatabaseAge::Unknown => "unknown".to_owned(),
        };
        let version = report
            .scanner_version
            .as_deref()
            .unwrap_or("(version unknown)");
        let options: Vec<String> = report
            .options
            .iter()
            .map(|option| {
                let doubt = if option.recorded { "" } else { " (inferred)" };
                format!("{} {}{doubt}", option.name, option.value)
            })
            .collect();
        table.push(vec![
            report.origin.path.clone(),
            format!("{} {version}", report.scanner),
            date(report.created),
            built,
            rule.as_str().to_owned(),
            thousands(report.counts().read),
            if report.is_partial() {
                "in part"
            } else {
                "whole"
            }
            .to_owned(),
            options.join(", "),
        ]);
    }
    page.table(
        &[
            "Report",
            "Scanner",
            "Made",
            "Database",
            "Joined by",
            "Records",
            "Read",
            "Options",
        ],
        table,
    );
    page.heading(3, "What was not checked");
    page.list(unchecked(request, image));
}

fn unchecked(request: &ReportRequest<'_>, image: &Subject) -> Vec<String> {
    let review = request.review;
    let mut not = Vec::new();
    if image.reports.is_empty() {
        not.push(
            "No scan report about this image was read: its vulnerabilities are unknown.".to_owned(),
        );
    }
    for failure in &review.failures {
        not.push(format!(
            "{} could not be read: {}",
            failure.path, failure.message
        ));
    }
    let suppressed = review
        .findings_of(request.subject)
        .filter_map(|row| review.findings.get(row))
        .filter(|finding| finding.suppressed_by.is_some())
        .count();
    if suppressed > 0 {
        not.push(format!(
            "{} findings are suppressed and not counted here.",
            thousands(suppressed as u64)
        ));
    }
    if image.sboms.is_empty() {
        not.push("No SBOM was read: packages that no scanner looked at are unknown.".to_owned());
    }
    not.push("Nothing here was checked by running the image.".to_owned());
    not
}
