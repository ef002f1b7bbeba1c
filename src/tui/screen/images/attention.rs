//! What needs attention, most serious first: inputs not read, secrets, criticals, a closed gate.
//!
//! Worked out when the review changes, not when it is drawn.

use crate::model::{JoinRule, Severity};
use crate::review::Failure;
use crate::triage::gate::Remedy;
use crate::tui::context::Context;
use crate::tui::theme::Role;
use crate::tui::widget::approval::{role_of, said};
use crate::tui::widget::counted;

/// The most remarks that are listed.
const MAX: usize = 200;

/// The most details behind one remark.
const MAX_MORE: usize = 20;

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remark {
    /// A letter or sign that says what it is.
    pub(super) mark: &'static str,
    /// How serious it is.
    pub(super) role: Role,
    /// One line; foreign text in it is made safe when drawn.
    pub(super) text: String,
    /// What to do next, and the details.
    pub(super) more: Vec<String>,
    /// The subject it is about.
    pub(super) subject: Option<usize>,
}

impl Remark {
    fn new(mark: &'static str, role: Role, text: String) -> Self {
        Self {
            mark,
            role,
            text,
            more: Vec::new(),
            subject: None,
        }
    }
}

/// Returns what needs attention.
pub(super) fn remarks(context: &Context<'_>) -> Vec<Remark> {
    let review = context.review;
    let mut remarks = Vec::new();
    if let Some(problem) = &review.ledger_problem {
        let mut remark = Remark::new("!", Role::Error, format!("ledger: {problem}"));
        remark
            .more
            .push("nothing can be recorded; `countersign ledger verify` says more".to_owned());
        remarks.push(remark);
    }
    remarks.extend(review.failures.iter().map(failure));
    for report in &review.reports {
        let counts = report.counts();
        if counts.unreadable > 0 {
            let text = format!(
                "{}: {} of {} entries could not be read; the gate stays closed",
                report.origin.path, counts.unreadable, counts.read
            );
            let mut remark = Remark::new("!", Role::Error, text);
            remark.more = report
                .losses
                .iter()
                .take(MAX_MORE)
                .map(|loss| format!("{}: {}", loss.place, loss.reason))
                .collect();
            remarks.push(remark);
        }
    }
    for (document, outcome) in review.exempting() {
        let path = &document.origin.path;
        if let Some(first) = document.losses.first() {
            let text = format!(
                "{path}: entries lost: {}; the gate stays closed",
                document.losses.len()
            );
            let mut remark = Remark::new("!", Role::Error, text);
            remark.more = vec![format!("{}: {}", first.place, first.reason)];
            remarks.push(remark);
        }
        for notice in outcome.notices.iter().chain(&document.notices) {
            let role = if outcome.expired > 0 {
                Role::Warning
            } else {
                Role::Dim
            };
            remarks.push(Remark::new("i", role, format!("{path}: {notice}")));
        }
    }
    for notice in &review.approval_notices {
        remarks.push(Remark::new("!", Role::Warning, notice.clone()));
    }
    for subject in 0..review.subjects.len() {
        about_subject(context, subject, &mut remarks);
    }
    for report in &review.reports {
        for notice in &report.notices {
            let text = format!("{}: {notice}", report.origin.path);
            remarks.push(Remark::new("i", Role::Dim, text));
        }
    }
    let over = remarks.len().saturating_sub(MAX);
    remarks.truncate(MAX);
    if over > 0 {
        let text = format!("and {over} more: `countersign list` shows all");
        remarks.push(Remark::new("i", Role::Dim, text));
    }
    remarks
}

fn failure(failure: &Failure) -> Remark {
    // The folder may be longer than the line: the name and the reason come first.
    let name = failure.path.rsplit('/').next().unwrap_or(&failure.path);
    let text = format!("not read: {name}: {}", failure.message);
    let mut more = failure.hints.clone();
    more.push(format!("input: {}", failure.path));
    Remark {
        more,
        ..Remark::new("!", Role::Error, text)
    }
}

fn about_subject(context: &Context<'_>, position: usize, remarks: &mut Vec<Remark>) {
    let review = context.review;
    let (Some(subject), Some(standing)) = (
        review.subjects.get(position),
        context.standings.get(position),
    ) else {
        return;
    };
    let name = &subject.name;
    let summary = &standing.summary;
    let mut say = |mark: &'static str, role: Role, text: String, more: Vec<String>| {
        remarks.push(Remark {
            more,
            subject: Some(position),
            ..Remark::new(mark, role, text)
        });
    };
    if !summary.scanned {
        let hint = "scan it, for instance `trivy image --format json IMAGE`, and add the report";
        let text = format!("{name}: not scanned, or not read whole; not clean");
        say("?", Role::Error, text, vec![hint.to_owned()]);
    }
    if summary.secrets > 0 {
        let text = format!(
            "{name}: {} (values are never shown)",
            counted(summary.secrets, "secret")
        );
        let hint = "5 Hygiene lists them; remove and rotate them";
        say("S", Role::Error, text, vec![hint.to_owned()]);
    }
    let critical = summary.by_severity.of(Severity::Critical);
    if critical > 0 {
        let text = format!(
            "{name}: {critical} critical of {} findings, {} fixable",
            summary.findings, summary.fixable
        );
        say("C!!", Role::Critical, text, Vec::new());
    }
    for approval in review.approval_views(position) {
        let text = format!("{name}: {}", said(&approval));
        say("v", role_of(&approval), text, vec![approval.reason.clone()]);
    }
    for blocker in standing.gate.blockers.iter().take(MAX_MORE) {
        let helps = |remedy: &&Remedy| match blocker.findings.as_slice() {
            [] => remedy.clears.is_empty(),
            findings => remedy.clears.iter().any(|key| findings.contains(key)),
        };
        let remedies = standing.gate.to_open.iter().filter(helps);
        let more = remedies.take(MAX_MORE).map(|remedy| remedy.action.clone());
        say(
            "x",
            Role::Warning,
            format!("{name}: gate closed: {}", blocker.text),
            more.collect(),
        );
    }
    for warning in standing.gate.warnings.iter().take(MAX_MORE) {
        say(
            "~",
            Role::Dim,
            format!("{name}: {}", warning.text),
            Vec::new(),
        );
    }
    if subject.joined_by == JoinRule::Name {
        let text =
            format!("{name}: reports are joined by name only; they may be about different images");
        say("~", Role::Warning, text, Vec::new());
    }
    if subject.identity().is_none() {
        let hint = "scan the image by its registry name, or review it together with its IMAGE";
        let text = format!("{name}: no report names a digest: it cannot be approved or promoted");
        say("~", Role::Warning, text, vec![hint.to_owned()]);
    }
}
