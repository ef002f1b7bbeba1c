//! Events of a scan as lines: JSON on standard output, or words on standard error.
//!
//! What is left at the end is in `document`.

use std::time::{Duration, Instant};

use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::settings::Settings;
use crate::cli::stop::Stop;
use crate::scanner::{Event, EventKind};
use crate::text::thousands;

/// The longest time without a line of progress.
const QUIET: Duration = Duration::from_secs(10);

/// Events as lines.
#[derive(Debug)]
pub(super) struct Lines {
    json: bool,
    on_terminal: bool,
    /// When the last line of progress was written, and what it said.
    last: (Instant, Option<String>),
}

impl Lines {
    pub(super) fn new(json: bool, settings: &Settings) -> Self {
        Self {
            json,
            on_terminal: settings.environment().terminals.error,
            last: (Instant::now(), None),
        }
    }

    /// Writes an event. What failed is said at the end, with its hints.
    pub(super) fn show(&mut self, event: &Event, output: &mut Output) -> Result<(), Stop> {
        if self.json {
            // A reader that went away does not stop a scan: its files are kept all the same.
            return match output.document_line("event", event) {
                Err(stop) if stop.exit == Exit::Done => Ok(()),
                other => other,
            };
        }
        match &event.kind {
            EventKind::StepStarted {
                step,
                program,
                version,
            } if self.on_terminal => {
                let version = version.as_deref().unwrap_or_default();
                output::note(&format!("{step:<6} {version} ({program})"));
                self.last = (Instant::now(), None);
            }
            EventKind::Progress {
                step,
                bytes,
                seconds,
                detail,
            } if self.on_terminal && (self.last.1 != *detail || self.last.0.elapsed() >= QUIET) => {
                self.last = (Instant::now(), detail.clone());
                let detail = detail.as_deref().unwrap_or("running");
                let bytes = thousands(*bytes);
                output::note(&format!("{step:<6} {seconds} s, {bytes} bytes: {detail}"));
            }
            EventKind::StepFinished { step, detail, .. } => {
                output::note(&format!("{step:<6} {detail}"));
            }
            EventKind::StepStarted { .. }
            | EventKind::Progress { .. }
            | EventKind::Failed { .. } => {}
        }
        Ok(())
    }
}
