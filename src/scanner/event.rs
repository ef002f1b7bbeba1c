//! What happens while scanners run, as a stream.
//!
//! How an event is shown is the business of whoever reads the stream.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::tool::Scanner;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A scanner is started.
    StepStarted {
        /// The scanner.
        step: Scanner,
        /// The program, or the scanner's image.
        program: String,
        /// Its version, where it is known before it runs.
        version: Option<String>,
    },
    /// A scanner is still running.
    Progress {
        /// The scanner.
        step: Scanner,
        /// Bytes written so far.
        bytes: u64,
        /// Seconds since it was started.
        seconds: u64,
        /// The latest line of its standard error, as it is.
        detail: Option<String>,
    },
    /// A scanner ended well and what it wrote is kept.
    StepFinished {
        /// The scanner.
        step: Scanner,
        /// One sentence on what was kept.
        detail: String,
        /// Bytes written.
        bytes: u64,
    },
    /// A scanner failed; the others still run.
    Failed {
        /// The scanner.
        step: Scanner,
        /// The error.
        error: String,
        /// What to do next.
        hints: Vec<String>,
    },
}

/// One event with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When.
    pub time: DateTime<Utc>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}
