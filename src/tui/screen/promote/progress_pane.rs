//! The promotion while it runs and after it: every step with its bytes, then receipt or failure.
//!
//! Drawing only; what is shown comes from the promotion's events.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::promotion::{Receipt, Step};
use crate::text::thousands;
use crate::tui::context::Context;
use crate::tui::message::Failed;
use crate::tui::theme::Role;
use crate::tui::widget::progress::{Outcome, Progress, StepState, duration};
use crate::tui::widget::{Pane, Piece, bar as meter, lines};

use super::State;
use super::plan_pane::{failure, plan_lines};

impl State {
    /// Draws the steps, and what came of them.
    pub(super) fn view_progress(
        &self,
        progress: &Progress,
        context: &Context<'_>,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let frame = if context.bordered() { 2 } else { 1 };
        let steps_height = u16::try_from(Step::ALL.len()).unwrap_or(u16::MAX) + frame;
        let [steps, rest] =
            Layout::vertical([Constraint::Length(steps_height), Constraint::Min(0)]).areas(area);
        view_steps(progress, context, steps, buffer);
        let (title, text) = match progress.outcome() {
            Some(Outcome::Finished(receipt)) => ("Receipt", receipt_lines(receipt)),
            Some(Outcome::Failed { step, error, hints }) => {
                let failed = Failed {
                    message: format!("{}: {error}", step.as_str()),
                    hints: hints.clone(),
                };
                let mut text = Vec::new();
                failure(&failed, area.width.saturating_sub(frame), &mut text);
                ("Stopped", text)
            }
            None => ("What is being done", self.running_lines(progress)),
        };
        let title = [Piece::new(title, Role::Title)];
        let pane = Pane {
            theme: context.theme,
            title: &title,
            focused: false,
            bordered: context.bordered(),
        };
        let inner = pane.draw(rest, buffer);
        lines(context.theme, &text, inner, buffer);
    }

    fn running_lines(&self, progress: &Progress) -> Vec<Vec<Piece>> {
        let mut text = Vec::new();
        if let Some((step, reason)) = progress.retries().last() {
            text.push(vec![
                Piece::foreign(
                    &format!(
                        "{} is tried again ({} so far): ",
                        step.as_str(),
                        thousands(progress.retries().len() as u64)
                    ),
                    Role::Warning,
                ),
                Piece::foreign(reason, Role::Text),
            ]);
        }
        text.extend(self.plan.as_deref().map(plan_lines).unwrap_or_default());
        text
    }
}

fn view_steps(progress: &Progress, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
    let title = [Piece::new("Progress", Role::Title)];
    let pane = Pane {
        theme: context.theme,
        title: &title,
        focused: true,
        bordered: context.bordered(),
    };
    let inner = pane.draw(area, buffer);
    // On a narrow screen the numbers say it better.
    let bar = if inner.width >= 100 { 30 } else { 0 };
    let text: Vec<Vec<Piece>> = Step::ALL
        .into_iter()
        .map(|step| step_line(progress, step, bar))
        .collect();
    lines(context.theme, &text, inner, buffer);
}

/// Returns the line of one step.
fn step_line(progress: &Progress, step: Step, bar: usize) -> Vec<Piece> {
    let (mark, role) = match progress.step(step) {
        StepState::Waiting => ("     ", Role::Dim),
        StepState::Running { .. } => ("[..] ", Role::Title),
        StepState::Done { .. } => ("[ok] ", Role::Good),
        StepState::Failed => ("[xx] ", Role::Error),
    };
    let mut pieces = vec![
        Piece::new(mark, role),
        Piece::foreign(&format!("{:<17}", step.as_str()), role),
    ];
    if let (StepState::Running { .. }, Some(percent)) =
        (progress.step(step), progress.percent(step))
    {
        if bar > 0 {
            pieces.push(Piece::new("[", Role::Text));
            pieces.push(meter(u64::from(percent), 100, bar, Role::Text));
            pieces.push(Piece::new("] ", Role::Text));
        }
        pieces.push(Piece::foreign(&format!("{percent:>2} %  "), Role::Text));
    }
    pieces.push(Piece::foreign(&progress.words(step), Role::Text));
    pieces
}

/// Returns what the receipt proves, a line each.
fn receipt_lines(receipt: &Receipt) -> Vec<Vec<Piece>> {
    let row = |label: &'static str, text: &str| {
        vec![
            Piece::new(label, Role::Dim),
            Piece::foreign(text, Role::Text),
        ]
    };
    let seconds = (receipt.finished - receipt.started).num_seconds();
    let took = duration(u64::try_from(seconds).unwrap_or(0));
    let mut text = vec![
        row("TO    ", &receipt.plan.destination),
        row("IMAGE ", &receipt.plan.digest.to_string()),
    ];
    if let Some(previous) = &receipt.previous_tag_digest {
        text.push(row("WAS   ", &previous.to_string()));
    }
    for signature in &receipt.signatures {
        text.push(row("SIGN  ", &signature.to_string()));
    }
    text.push(match &receipt.bundle {
        Some(bundle) => row("KEPT  ", bundle),
        None => row("KEPT  ", "nowhere"),
    });
    text.push(match (&receipt.ledger_entry, &receipt.ledger_head) {
        (Some(entry), Some(head)) => row(
            "ENTRY ",
            &format!("{} in the ledger, head {}", thousands(*entry), head.short()),
        ),
        _ => row("ENTRY ", "not recorded"),
    });
    text.push(row(
        "BY    ",
        &format!(
            "{} in {took}, {} tried again",
            receipt.promoter,
            thousands(receipt.retries)
        ),
    ));
    text
}
