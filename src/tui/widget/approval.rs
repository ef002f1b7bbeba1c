//! A reviewer's word on an image in one line: who, with which key, and whether it holds.
//!
//! Whether it counts was worked out in `review`.

use crate::model::{ImageDecision, Standing};
use crate::review::{ApprovalView, Signature};
use crate::tui::theme::Role;

/// Returns the line; names in it are foreign text.
#[must_use]
pub fn said(approval: &ApprovalView) -> String {
    let decision = match approval.decision {
        ImageDecision::Approve => "approved",
        ImageDecision::Reject => "rejected",
    };
    let signature = match (&approval.key_fingerprint, approval.signature) {
        (Some(key), Signature::Untrusted) => format!("key {} NOT trusted", key.short()),
        (Some(key), Signature::Trusted) => format!("trusted key {}", key.short()),
        (Some(key), _) => format!("key {}", key.short()),
        (None, _) => "unsigned".to_owned(),
    };
    let place = match approval.entry {
        Some(entry) => format!("entry {entry}"),
        None => "no entry here".to_owned(),
    };
    let mut text = format!("{decision} by {}, {signature}, {place}", approval.reviewer);
    if approval.state != Standing::Current {
        let why = approval.stale_because.as_deref().unwrap_or_default();
        text = format!("{text}; {}: {why}", approval.state);
    }
    text
}

/// Returns whether it is good news.
#[must_use]
pub fn role_of(approval: &ApprovalView) -> Role {
    match (approval.decision, approval.state, approval.signature) {
        (ImageDecision::Reject, Standing::Current, _) => Role::Error,
        (_, Standing::Stale | Standing::Expired, _) | (_, _, Signature::Untrusted) => Role::Warning,
        (ImageDecision::Approve, Standing::Current, _) => Role::Good,
    }
}
