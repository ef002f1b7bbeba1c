//! What `sync` writes: the document, and the lines for people.
//!
//! What became of an entry is worked out by the command itself.

use serde::Serialize;

use super::{Entry, Outcome};
use crate::cli::output::{Output, Table};
use crate::cli::stop::Stop;
use crate::model::Digest;
use crate::promotion::{Document, Needed, Plan, Receipt};

/// The document `sync`.
#[derive(Serialize)]
pub(super) struct SyncDocument<'a> {
    file: String,
    dry_run: bool,
    entries: Vec<EntryView<'a>>,
    totals: Totals,
    notices: &'a [String],
}

/// One entry and what became of it.
#[derive(Serialize)]
struct EntryView<'a> {
    line: usize,
    source: String,
    destination: String,
    always: bool,
    platform: Option<String>,
    approval: Needed,
    move_tag: bool,
    outcome: Outcome,
    digest: Option<&'a Digest>,
    plan: Option<Document<'a, Plan>>,
    receipt: Option<Document<'a, Receipt>>,
    error: Option<String>,
    hints: &'a [String],
}

/// How many entries came to what.
#[derive(Default, Serialize)]
struct Totals {
    entries: usize,
    unchanged: usize,
    planned: usize,
    blocked: usize,
    promoted: usize,
    failed: usize,
    not_started: usize,
}

impl<'a> SyncDocument<'a> {
    /// Returns the document.
    pub(super) fn new(
        file: &std::path::Path,
        dry_run: bool,
        entries: &'a [Entry],
        notices: &'a [String],
    ) -> Self {
        let mut totals = Totals {
            entries: entries.len(),
            ..Totals::default()
        };
        for entry in entries {
            *match entry.outcome {
                Outcome::Unchanged => &mut totals.unchanged,
                Outcome::Planned => &mut totals.planned,
                Outcome::Blocked => &mut totals.blocked,
                Outcome::Promoted => &mut totals.promoted,
                Outcome::Failed => &mut totals.failed,
                Outcome::NotStarted => &mut totals.not_started,
            } += 1;
        }
        Self {
            file: file.display().to_string(),
            dry_run,
            entries: entries.iter().map(view).collect(),
            totals,
            notices,
        }
    }
}

fn view(entry: &Entry) -> EntryView<'_> {
    let asked = &entry.asked_for;
    EntryView {
        line: asked.line,
        source: asked.source.to_string(),
        destination: asked.destination.to_string(),
        always: asked.always,
        platform: asked.platform.as_ref().map(ToString::to_string),
        approval: asked.approval,
        move_tag: asked.move_tag,
        outcome: entry.outcome,
        digest: entry.digest.as_ref(),
        plan: entry.plan.as_ref().map(Plan::document),
        receipt: entry.receipt.as_ref().map(Receipt::document),
        error: entry.error(),
        hints: entry.stop.as_ref().map_or(&[], |stop| &stop.hints),
    }
}

/// Writes one line an entry, and below it what stands in its way.
pub(super) fn tell(output: &mut Output, entries: &[Entry]) -> Result<(), Stop> {
    let mut table = Table::plain(4);
    for entry in entries {
        let asked = &entry.asked_for;
        table.row([
            entry.outcome.as_str(),
            &asked.source.to_string(),
            "→",
            &asked.destination.to_string(),
        ]);
    }
    output.table(&table, 0)?;
    for entry in entries {
        let Some(plan) = &entry.plan else { continue };
        for blocker in &plan.blockers {
            output.line(&format!(
                "blocked      line {}: {}: {}",
                entry.asked_for.line, blocker.class, blocker.text
            ))?;
        }
        for warning in &plan.warnings {
            output.line(&format!(
                "warning      line {}: {}: {}",
                entry.asked_for.line, warning.class, warning.text
            ))?;
        }
    }
    Ok(())
}
