//! What a ledger entry says, in words.
//!
//! Bodies of kinds this program does not know, or cannot read, are shown as the JSON they are.

use serde::Deserialize as _;
use serde_json::Value;

use crate::ledger::{Aside, Entry, Undo, kind};
use crate::model::{ImageDecision, ImageVerdict, Verdict, VulnerabilityId};
use crate::review::ApprovalView;
use crate::text::{Safe, thousands};
use crate::tui::theme::{Role, letters};
use crate::tui::widget::approval::{role_of, said};
use crate::tui::widget::{Piece, labelled};

/// The most characters of a text shown.
const MAX_TEXT: usize = 16 * 1024;

/// An entry in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outline {
    /// What was done.
    pub(super) what: String,
    /// To what.
    pub(super) about: String,
    /// Good, bad or neither.
    pub(super) role: Role,
}

/// What the body of an entry is.
enum Body {
    Verdict(Box<Verdict>),
    Image(Box<ImageVerdict>),
    Undo(Undo),
    Aside(Aside),
    Other,
}

fn body(entry: &Entry) -> Body {
    match entry.kind.as_str() {
        kind::VERDICT => Verdict::deserialize(&entry.body)
            .map_or(Body::Other, |verdict| Body::Verdict(Box::new(verdict))),
        kind::APPROVAL => ImageVerdict::deserialize(&entry.body)
            .map_or(Body::Other, |verdict| Body::Image(Box::new(verdict))),
        kind::UNDO => Undo::deserialize(&entry.body).map_or(Body::Other, Body::Undo),
        kind::SET_ASIDE => Aside::deserialize(&entry.body).map_or(Body::Other, Body::Aside),
        _ => Body::Other,
    }
}

/// Returns the first text found at one of the places of a body.
fn text_at<'a>(value: &'a Value, places: &[&str]) -> Option<&'a str> {
    places
        .iter()
        .find_map(|place| value.pointer(place).and_then(Value::as_str))
}

/// Returns an entry in a few words.
pub(super) fn outline(entry: &Entry) -> Outline {
    match body(entry) {
        Body::Verdict(verdict) => Outline {
            what: match &verdict.carried_from {
                Some(_) => format!("{} carried", verdict.decision.as_str()),
                None => verdict.decision.as_str().to_owned(),
            },
            about: format!(
                "{} {} {}",
                verdict
                    .finding
                    .ids
                    .first()
                    .map_or("", VulnerabilityId::as_str),
                verdict.finding.package.name,
                verdict.finding.package.version
            ),
            role: Role::Text,
        },
        Body::Image(verdict) => Outline {
            what: verdict.decision.as_str().to_owned(),
            about: verdict.subject.name.clone(),
            role: match verdict.decision {
                ImageDecision::Approve => Role::Good,
                ImageDecision::Reject => Role::Error,
            },
        },
        Body::Undo(undo) => Outline {
            what: "undo".to_owned(),
            about: format!("entry {}", thousands(undo.entry)),
            role: Role::Text,
        },
        Body::Aside(aside) => Outline {
            what: "set aside".to_owned(),
            about: aside
                .files
                .iter()
                .map(|one| one.file.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            role: Role::Warning,
        },
        Body::Other if entry.kind == kind::PROMOTION => promotion(&entry.body),
        Body::Other => Outline {
            what: entry.kind.clone(),
            about: String::new(),
            role: Role::Dim,
        },
    }
}

/// Returns a step or the receipt of a promotion in a few words.
fn promotion(body: &Value) -> Outline {
    let destination = text_at(body, &["/receipt/destination", "/destination"]);
    let (what, role) = match text_at(body, &["/event", "/state"]) {
        Some("finished") | None => ("promote".to_owned(), Role::Good),
        Some("failed") => ("promote failed".to_owned(), Role::Error),
        Some(event) => {
            let step = text_at(body, &["/step"]).unwrap_or(event);
            (format!("promote: {step}"), Role::Text)
        }
    };
    Outline {
        what,
        about: destination.unwrap_or_default().to_owned(),
        role,
    }
}

/// Returns an entry in full, a line each.
pub(super) fn lines_of(
    entry: &Entry,
    undone: bool,
    standing: Option<&ApprovalView>,
    width: usize,
) -> Vec<Vec<Piece>> {
    let mut text = Vec::new();
    let mut add = |label: &'static str, value: &str, role| {
        for (row, line) in Safe::lines(value, MAX_TEXT).iter().enumerate() {
            let label = if row == 0 { label } else { "" };
            text.append(&mut labelled(label, line, role, width));
        }
    };
    if undone {
        add("state", "taken back by a later entry", Role::Warning);
    }
    if let Some(standing) = standing {
        add("stands", &said(standing), role_of(standing));
    }
    match body(entry) {
        Body::Verdict(verdict) => verdict_lines(&verdict, &mut add),
        Body::Image(verdict) => image_lines(&verdict, &mut add),
        Body::Undo(undo) => {
            add(
                "takes back",
                &format!("entry {}", thousands(undo.entry)),
                Role::Text,
            );
            add("", &undo.entry_sha256.to_string(), Role::Dim);
        }
        Body::Aside(aside) => {
            for one in &aside.files {
                let text = format!("{}: {}", one.file, one.reason);
                add("set aside", &text, Role::Warning);
                if let Some(sha256) = &one.sha256 {
                    add("", &sha256.to_string(), Role::Dim);
                }
            }
        }
        Body::Other if entry.kind == kind::PROMOTION => {
            promotion_lines(&entry.body, &mut add);
        }
        Body::Other => {
            add("kind", &entry.kind, Role::Text);
            add("body", &entry.body.to_string(), Role::Text);
        }
    }
    let time = entry.time.format("%Y-%m-%d %H:%M:%SZ");
    let clock = if entry.clock == "given" {
        "  (time given with --now)"
    } else {
        ""
    };
    add(
        "recorded",
        &format!("{time} by {}{clock}", entry.reviewer),
        Role::Text,
    );
    add("sha-256", &entry.sha256.to_string(), Role::Dim);
    match &entry.prev {
        Some(prev) => add("before it", &prev.to_string(), Role::Dim),
        None => add("before it", "nothing: the first entry", Role::Dim),
    }
    text
}

fn verdict_lines(verdict: &Verdict, add: &mut impl FnMut(&'static str, &str, Role)) {
    let finding = &verdict.finding;
    let ids: Vec<&str> = finding.ids.iter().map(VulnerabilityId::as_str).collect();
    add("decision", verdict.decision.as_str(), Role::Title);
    add(
        "finding",
        &format!("{} {}", letters(finding.severity), ids.join(", ")),
        Role::of(finding.severity),
    );
    add(
        "package",
        &format!("{} {}", finding.package.name, finding.package.version),
        Role::Text,
    );
    add("reason", &verdict.reason, Role::Text);
    if let Some(until) = &verdict.until {
        add("until", &until.to_string(), Role::Text);
    }
    if let Some(justification) = &verdict.justification {
        add("because", justification, Role::Text);
    }
    if let Some(from) = &verdict.carried_from {
        let text = format!("entry {} of {}", thousands(from.entry), from.reviewer);
        add("carried", &text, Role::Text);
        for difference in &from.differences {
            add("changed", &difference.to_string(), Role::Warning);
        }
    }
    add("scope", verdict.scope.as_str(), Role::Text);
    add("image", &image(&verdict.subject), Role::Text);
}

fn image_lines(verdict: &ImageVerdict, add: &mut impl FnMut(&'static str, &str, Role)) {
    let role = match verdict.decision {
        ImageDecision::Approve => Role::Good,
        ImageDecision::Reject => Role::Error,
    };
    add("decision", verdict.decision.as_str(), role);
    add("image", &image(&verdict.subject), Role::Text);
    add("reason", &verdict.reason, Role::Text);
    add(
        "findings",
        &format!(
            "{} excused, {} left",
            thousands(verdict.excused.len() as u64),
            thousands(verdict.left.len() as u64)
        ),
        Role::Text,
    );
    add("policy", &verdict.policy_sha256.to_string(), Role::Dim);
    match &verdict.envelope {
        Some(envelope) => add("envelope", &envelope.to_string(), Role::Text),
        None => add("signed", "no", Role::Dim),
    }
}

fn image(subject: &crate::model::SubjectRef) -> String {
    match &subject.manifest_digest {
        Some(digest) => format!("{} {digest}", subject.name),
        None => subject.name.clone(),
    }
}

fn promotion_lines(body: &Value, add: &mut impl FnMut(&'static str, &str, Role)) {
    for (label, places) in [
        ("event", ["/event", "/state"]),
        ("step", ["/step", "/step"]),
        ("to", ["/receipt/destination", "/destination"]),
        ("digest", ["/receipt/digest", "/digest"]),
        (
            "before",
            ["/receipt/previous_tag_digest", "/previous_tag_digest"],
        ),
        ("kept", ["/receipt/bundle", "/bundle"]),
        ("promoter", ["/receipt/promoter", "/promoter"]),
        ("plan", ["/receipt/plan_digest", "/plan_digest"]),
        ("error", ["/error", "/error"]),
    ] {
        if let Some(text) = text_at(body, &places) {
            add(
                label,
                text,
                if label == "error" {
                    Role::Error
                } else {
                    Role::Text
                },
            );
        }
    }
}
