//! The one stream of promotion events: console, plain lines, JSON lines, ledger and receipt.
//!
//! How an event is shown is the business of whoever reads the stream.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Receipt, Step};

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A step began.
    StepStarted {
        /// The step.
        step: Step,
    },
    /// Bytes moved. May be dropped by a slow consumer; totals also travel in `step_finished`.
    Progress {
        /// The step.
        step: Step,
        /// Bytes done.
        bytes: u64,
        /// Bytes in all.
        total: u64,
        /// Blobs done.
        blobs: u64,
        /// Blobs in all.
        blobs_total: u64,
    },
    /// Something was tried again.
    Retried {
        /// The step.
        step: Step,
        /// Why.
        reason: String,
    },
    /// A step ended well.
    StepFinished {
        /// The step.
        step: Step,
        /// One sentence on what was done, or found done already.
        detail: String,
        /// Bytes sent in this step.
        bytes: u64,
    },
    /// The promotion ended without success.
    Failed {
        /// The step.
        step: Step,
        /// The error.
        error: String,
        /// What exists at the destination now, and what to do next.
        hints: Vec<String>,
    },
    /// The promotion is done.
    Finished {
        /// The proof.
        receipt: Box<Receipt>,
    },
}

/// One event with its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// When.
    pub time: DateTime<Utc>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}
