//! The promotion: what would happen, what stands in the way, the confirmation, and the progress.
//!
//! Nothing is sent from here: the plan is made and executed outside, and the executor refuses any
//! plan but the one whose digest was shown. Leaving the screen does not stop a promotion.

mod checks;
mod keys;
mod plan_pane;
mod progress_pane;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::Place;
use crate::model::Subject;
use crate::promotion::{Plan, Request};
use crate::tui::context::Context;
use crate::tui::message::{Failed, Message, Outcome};
use crate::tui::widget::Field;
use crate::tui::widget::confirm::Confirm;
use crate::tui::widget::progress::{Outcome as Ended, Progress};
use crate::tui::widget::secret_field::SecretField;

/// What has the focus, in tab order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Focus {
    /// The checks.
    #[default]
    Checks,
    /// The key's password.
    Password,
    /// The digits of the digest.
    Confirm,
    /// Where the image is.
    Source,
    /// Where it shall be.
    Destination,
}

/// Whether the signing key is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unlock {
    #[default]
    Locked,
    Asked,
    Open,
}

/// Whether the person wants the promotion to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cancel {
    #[default]
    No,
    /// Esc was pressed once.
    Asked,
    /// It was pressed again; the executor stops after what it is doing.
    Requested,
}

/// What stands under the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lower {
    /// The checks and the confirmation.
    #[default]
    Checks,
    /// The equivalent commands.
    Commands,
}

/// What the person consented to, for the plan on the screen.
#[derive(Clone, Copy, Debug, Default)]
struct Consents {
    /// That the tag moves.
    move_tag: bool,
    /// That the repository is made.
    create_repository: bool,
}

/// The state of the screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    subject: Option<usize>,
    /// How many ledger entries and reports there were.
    evidence: (usize, usize),
    source: Field,
    destination: Field,
    focus: Focus,
    typing: bool,
    is_planning: bool,
    /// What the plan on the screen was asked for.
    request: Option<Request>,
    plan: Option<Box<Plan>>,
    failure: Option<Failed>,
    acknowledged: BTreeSet<String>,
    consents: Consents,
    selected: usize,
    lower: Lower,
    password: SecretField,
    unlock: Unlock,
    confirm: Option<Confirm>,
    progress: Option<Progress>,
    cancel: Cancel,
}

impl State {
    /// Takes in another subject or review: the fields are filled, a plan for another image is gone.
    /// A promotion that runs is left alone.
    pub fn refresh(&mut self, context: &Context<'_>) {
        let evidence = (context.review.history.len(), context.review.reports.len());
        let changed = std::mem::replace(&mut self.evidence, evidence) != evidence;
        if self.is_running() {
            return;
        }
        if self.subject == context.subject && self.subject.is_some() {
            // Another verdict, another plan: the old one would be refused.
            if changed && self.plan.is_some() {
                self.forget_plan();
            }
            return;
        }
        *self = Self {
            subject: context.subject,
            source: Field::new(
                &context
                    .subject()
                    .map(Subject::fetched_by)
                    .unwrap_or_default(),
            ),
            destination: Field::new(context.prefill.destination.as_deref().unwrap_or_default()),
            unlock: self.unlock,
            evidence,
            ..Self::default()
        };
    }

    /// Returns where the screen's keys have their meaning.
    #[must_use]
    pub fn place(&self) -> Place {
        if self.typing {
            Place::Field
        } else {
            Place::Promote
        }
    }

    /// Returns whether a promotion runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.progress
            .as_ref()
            .is_some_and(|progress| progress.outcome().is_none())
    }

    /// Takes in what came back from the world.
    pub fn receive(&mut self, message: &Message, context: &Context<'_>) -> Vec<Outcome> {
        match message {
            Message::Planned(result) => self.planned(result.clone(), context),
            Message::Unlocked(result) => self.unlocked(result.clone(), context),
            Message::Promotion(event) => {
                if let Some(progress) = &mut self.progress {
                    progress.apply(event);
                }
            }
            Message::Promoted(result) => self.promoted(result),
            _ => {}
        }
        Vec::new()
    }

    fn planned(&mut self, result: Result<Box<Plan>, Failed>, context: &Context<'_>) {
        self.is_planning = false;
        if self.request.is_none() {
            // The fields were changed while the plan was worked out: it is about something else.
            return;
        }
        match result {
            Ok(plan) => {
                self.confirm = Some(Confirm::new(&plan.digest));
                self.failure = None;
                self.selected = 0;
                self.focus = Focus::Checks;
                self.typing = false;
                self.acknowledged
                    .retain(|class| plan.warnings.iter().any(|warning| warning.class == class));
                self.plan = Some(plan);
                if !context.prefill.key_is_locked {
                    self.unlock = Unlock::Open;
                }
            }
            Err(failed) => {
                self.plan = None;
                self.confirm = None;
                self.failure = Some(failed);
            }
        }
    }

    fn unlocked(&mut self, result: Result<(), Failed>, context: &Context<'_>) {
        match result {
            Ok(()) => {
                self.unlock = Unlock::Open;
                self.failure = None;
                self.focus_on(Focus::Confirm, context);
            }
            // Another screen asked for the key, with another password than the right one.
            Err(_) if self.unlock != Unlock::Asked => {}
            Err(failed) => {
                self.unlock = Unlock::Locked;
                self.failure = Some(failed);
                self.focus_on(Focus::Password, context);
            }
        }
    }

    fn promoted(&mut self, result: &Result<Box<crate::promotion::Receipt>, Failed>) {
        let Some(progress) = &mut self.progress else {
            return;
        };
        self.cancel = Cancel::No;
        // What was confirmed is done; another promotion is another plan.
        self.plan = None;
        self.confirm = None;
        if let (Err(failed), None) = (result, progress.outcome()) {
            progress.fail(progress.current(), &failed.message, &failed.hints);
        }
        if let (Ok(receipt), None) = (result, progress.outcome()) {
            progress.finish(receipt.clone());
        }
    }

    /// Draws the screen.
    pub fn view(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        match &self.progress {
            Some(progress) => self.view_progress(progress, context, area, buffer),
            None => self.view_plan(context, area, buffer),
        }
    }

    /// Returns whether the last promotion of this screen is done.
    fn ended(&self) -> Option<&Ended> {
        self.progress.as_ref().and_then(Progress::outcome)
    }
}
