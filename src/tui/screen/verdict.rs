//! The verdict's form: decision, scope, end, justification and the reason in words.
//!
//! Nothing is saved before the ledger says so: the text stays until then, whatever goes wrong.
//! Which decisions are allowed is in `form`; writing them is the ledger's.

pub mod form;
mod panes;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::{Action, Code, Key, Place};
use crate::model::ImageDecision;
use crate::review::{DecideRequest, UnsavedVerdict};
use crate::tui::context::{Context, positions};
use crate::tui::message::{Effect, Failed, Input, Judgement, Message, Notice, Outcome, Secret};
use crate::tui::theme::Role;
use crate::tui::widget::note_editor::Edit;
use crate::tui::widget::secret_field::SecretField;
use crate::tui::widget::{Piece, Scroll};

use form::{About, Choice, Field, Form, Problem, Sign};

/// How far saving is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Saving {
    /// Nothing was asked for.
    #[default]
    No,
    /// On its way to the ledger.
    Under,
    /// In the ledger: the number of the last entry.
    Done(u64),
    /// Refused; the text is still there.
    Failed(Failed),
}

/// The state of the screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    form: Option<Form>,
    focus: Option<Field>,
    typing: bool,
    problems: Vec<Problem>,
    saving: Saving,
    password: SecretField,
    /// What is signed as soon as the key is open.
    pending: Option<DecideRequest>,
    /// How many entries the ledger took of what is being saved.
    appended: usize,
    /// How far the findings are scrolled.
    listed: Scroll,
    /// Whether the key was opened with its password.
    is_unlocked: bool,
}

impl State {
    /// Opens the form for what a screen asked for. A draft about the same things is gone on with.
    pub fn begin(&mut self, judgement: &Judgement, context: &Context<'_>) -> Vec<Outcome> {
        let Some(subject) = context.subject else {
            return Vec::new();
        };
        let (about, choice) = match judgement {
            Judgement::Findings { findings, decision } => (
                About::Findings(findings.clone()),
                Choice::Finding(*decision),
            ),
            Judgement::Image(decision) => (About::Image, Choice::Image(*decision)),
        };
        let same = self.form.as_ref().is_some_and(|form| {
            form.about == about && form.subject == subject && self.saving != Saving::Under
        });
        if let (true, Some(form)) = (same && !self.is_saved(), &mut self.form) {
            form.choice = Some(choice).filter(|choice| form.choices().contains(choice));
        } else {
            self.start(context, subject, about, Some(choice));
        }
        self.focus_on(Field::Note);
        // The letter that opened the form is not the first one of the reason.
        self.typing = false;
        Vec::new()
    }

    /// Begins with an empty form.
    fn start(
        &mut self,
        context: &Context<'_>,
        subject: usize,
        about: About,
        choice: Option<Choice>,
    ) {
        let mut form = Form::new(context.review, subject, about, choice, context.now);
        // Where keys are trusted, a word that is not signed counts for nothing.
        let by_key = !context.review.policy.approval.trusted_keys.is_empty();
        form.sign = match (&context.prefill.key, by_key) {
            (None, _) => Sign::Impossible,
            (Some(_), true) => Sign::Yes,
            (Some(_), false) => Sign::No,
        };
        form.locked = context.prefill.key_is_locked && !self.is_unlocked;
        *self = Self {
            form: Some(form),
            is_unlocked: self.is_unlocked,
            ..Self::default()
        };
    }

    /// Takes in another subject or review: an empty form follows, a draft stays.
    pub fn refresh(&mut self, context: &Context<'_>) {
        let keep = match (&self.form, &self.saving) {
            (_, Saving::Under) => true,
            (Some(form), saving) => {
                let same = Some(form.subject) == context.subject;
                let written = !form.note.is_blank() && !matches!(saving, Saving::Done(_));
                written
                    || (same && matches!(saving, Saving::Done(_)))
                    || (same && matches!(form.about, About::Findings(_)))
            }
            (None, _) => false,
        };
        match context.subject {
            _ if keep => {}
            Some(subject) => self.start(context, subject, About::Image, None),
            None => {
                *self = Self {
                    is_unlocked: self.is_unlocked,
                    ..Self::default()
                };
            }
        }
    }

    /// Returns whose keys hold.
    #[must_use]
    pub fn place(&self) -> Place {
        if self.typing {
            Place::Field
        } else {
            Place::Verdict
        }
    }

    /// Returns whether there is text that is in no ledger.
    #[must_use]
    pub fn has_draft(&self) -> bool {
        !self.is_saved() && self.form.as_ref().is_some_and(|form| !form.note.is_blank())
    }

    /// Returns the verdict being written, and the subject it is about; none while there is no text.
    #[must_use]
    pub fn unsaved(&self, context: &Context<'_>) -> Option<(usize, UnsavedVerdict)> {
        let form = self.form.as_ref().filter(|_| self.has_draft())?;
        Some((form.subject, form.unsaved(context.review)))
    }

    /// Goes on with a verdict of an earlier session; returns how many of its findings are gone.
    pub fn resume(&mut self, unsaved: &UnsavedVerdict, context: &Context<'_>) -> u64 {
        let Some(subject) = context.subject else {
            return 0;
        };
        let keys = unsaved.findings.as_deref();
        let found = keys.map(|keys| positions(keys, context));
        let gone = keys.map_or(0, <[_]>::len) - found.as_ref().map_or(0, Vec::len);
        // The text is kept even where nothing is left that it was about.
        let about = found
            .filter(|found| !found.is_empty())
            .map_or(About::Image, About::Findings);
        self.start(context, subject, about, None);
        if let Some(form) = &mut self.form {
            form.resume(unsaved);
        }
        self.focus_on(Field::Note);
        self.typing = false;
        gone as u64
    }

    /// Returns whether the verdict in front is in the ledger.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        matches!(self.saving, Saving::Done(_))
    }

    /// Takes what the person did.
    pub fn handle(&mut self, input: &Input, context: &Context<'_>) -> Vec<Outcome> {
        if self.saving == Saving::Under {
            // The text on its way must stay the text on the screen.
            return match input {
                Input::Action(Action::Back) => vec![Message::Back.into()],
                _ => Vec::new(),
            };
        }
        let outcomes = match input {
            Input::Action(action) => self.act(*action, context),
            Input::Key(key) => self.key(*key, context),
            Input::Paste(text) => {
                self.edit(&Edit::Paste(text.clone()));
                Vec::new()
            }
        };
        if !self.problems.is_empty() {
            // Once told, a problem goes away as soon as it is mended.
            let mut problems = self.form.as_ref().map(Form::problems).unwrap_or_default();
            if self.password.is_empty() && self.form.as_ref().is_some_and(Form::signs) {
                let asked = |problem: &Problem| problem.field == Field::Password;
                problems.extend(self.problems.drain(..).filter(asked));
            }
            self.problems = problems;
        }
        outcomes
    }

    fn act(&mut self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        if self.is_saved() {
            // The verdict is in the ledger; every key but movement goes back to the list.
            self.form = None;
            self.saving = Saving::No;
            return vec![Message::Back.into()];
        }
        match action {
            Action::Back => return vec![Message::Back.into()],
            Action::Save => return self.save(context),
            Action::Discard => {
                self.form = None;
                self.saving = Saving::No;
                self.problems.clear();
                return vec![Message::Back.into()];
            }
            Action::Edit => {
                self.focus_on(Field::Note);
            }
            Action::NextPane | Action::Down => self.turn_focus(true),
            Action::PreviousPane | Action::Up => self.turn_focus(false),
            Action::Left => self.turn_option(false),
            Action::Right | Action::Choose => self.turn_option(true),
            Action::Open => match self.focus {
                Some(field @ (Field::Until | Field::Note | Field::Password)) => {
                    self.focus_on(field);
                }
                _ => self.turn_option(true),
            },
            Action::Approve => self.choose(Choice::Image(ImageDecision::Approve)),
            Action::Reject => self.choose(Choice::Image(ImageDecision::Reject)),
            Action::PageDown | Action::PageUp => {
                let count = self.form.as_ref().map_or(0, Form::count);
                self.listed.act(action, count, panes::listing(context));
            }
            Action::Undo => return self.undo(context),
            Action::CarryOver => return self.carry_over(context),
            _ => {}
        }
        Vec::new()
    }

    /// Carries over what is offered on the findings of the form.
    fn carry_over(&mut self, context: &Context<'_>) -> Vec<Outcome> {
        let Some(form) = &self.form else {
            return Vec::new();
        };
        let findings = form.offered(context.review);
        if !form.note.is_blank() {
            let text = "a reason was typed: discard it first, what is carried over keeps its own";
            return vec![Notice::warning(text).into()];
        }
        if findings.is_empty() {
            return vec![Notice::warning("no earlier verdict is offered here").into()];
        }
        if let Some(problem) = &context.review.ledger_problem {
            let text = format!("the ledger is read-only: {problem}");
            return vec![Notice::error(text).into()];
        }
        self.problems.clear();
        self.typing = false;
        self.saving = Saving::Under;
        let (reviewer, clock) = (context.reviewer, context.clock);
        let request = DecideRequest::carry_over(form.subject, findings, reviewer, clock);
        vec![Effect::Record(request).into()]
    }

    /// Takes back what this reviewer said about the image, or what stands on the finding.
    fn undo(&self, context: &Context<'_>) -> Vec<Outcome> {
        let entry = self.form.as_ref().and_then(|form| match &form.about {
            About::Image => context
                .review
                .approvals
                .get(form.subject)?
                .iter()
                .find(|approval| {
                    approval.recorded.reviewer == context.reviewer && approval.recorded.entry > 0
                })
                .map(|approval| approval.recorded.entry),
            About::Findings(positions) => positions
                .iter()
                .find_map(|position| context.verdict(*position))
                .map(|verdict| verdict.recorded.entry),
        });
        match entry {
            Some(entry) => vec![
                Effect::Undo {
                    entries: vec![entry],
                }
                .into(),
            ],
            None => vec![Notice::warning("there is no verdict here to take back").into()],
        }
    }

    fn key(&mut self, key: Key, context: &Context<'_>) -> Vec<Outcome> {
        match (key.code, key.control) {
            (Code::Char('s'), true) => return self.save(context),
            (Code::Enter, _) if self.focus == Some(Field::Password) => return self.save(context),
            (Code::Esc, _) => {
                self.typing = false;
                self.password.clear();
            }
            (Code::Tab, _) => self.turn_focus(true),
            (Code::BackTab, _) => self.turn_focus(false),
            (Code::Enter, _) if self.focus == Some(Field::Until) => self.turn_focus(true),
            _ if self.focus == Some(Field::Password) => self.password.press(key),
            _ if self.focus == Some(Field::Until) => {
                if let Some(form) = &mut self.form {
                    form.until.press(key);
                }
            }
            _ => {
                if let Some(edit) = Edit::of(key) {
                    self.edit(&edit);
                }
            }
        }
        Vec::new()
    }

    fn edit(&mut self, edit: &Edit) {
        let Some(form) = &mut self.form else {
            return;
        };
        match (self.focus, edit) {
            (Some(Field::Password), Edit::Paste(text)) => self.password.insert(text),
            (Some(Field::Until), Edit::Paste(text)) => form.until.insert(text),
            (Some(Field::Note), _) => form.note.edit(edit),
            _ => {}
        }
    }

    fn choose(&mut self, choice: Choice) {
        if let Some(form) = &mut self.form
            && form.choices().contains(&choice)
        {
            form.choice = Some(choice);
        }
    }

    fn turn_option(&mut self, forward: bool) {
        let Some(form) = &mut self.form else {
            return;
        };
        match self.focus {
            None | Some(Field::Decision) => form.turn_choice(forward),
            Some(Field::Scope) => form.turn_scope(forward),
            Some(Field::Justification) => form.turn_justification(forward),
            Some(Field::Sign) => form.turn_sign(),
            Some(Field::Until | Field::Note | Field::Password) => {}
        }
    }

    fn turn_focus(&mut self, forward: bool) {
        let fields = self.form.as_ref().map(Form::fields).unwrap_or_default();
        let here = fields.iter().position(|field| Some(*field) == self.focus);
        let next = match (here, forward) {
            (Some(here), true) => (here + 1) % fields.len(),
            (Some(here), false) => here.checked_sub(1).unwrap_or(fields.len() - 1),
            (None, _) => 0,
        };
        if let Some(field) = fields.get(next) {
            self.focus_on(*field);
        }
    }

    fn focus_on(&mut self, field: Field) {
        self.focus = Some(field);
        let is_text = matches!(field, Field::Until | Field::Note | Field::Password);
        self.typing = self.form.is_some() && is_text;
    }

    fn save(&mut self, context: &Context<'_>) -> Vec<Outcome> {
        let Some(form) = &self.form else {
            return Vec::new();
        };
        if let Some(problem) = &context.review.ledger_problem {
            self.saving = Saving::Failed(Failed {
                message: format!("the ledger is read-only: {problem}"),
                hints: vec!["countersign ledger verify names the entry".to_owned()],
            });
            return Vec::new();
        }
        match form.request(context.reviewer, context.clock) {
            Ok(request) => {
                self.problems.clear();
                self.record(request)
            }
            Err(problems) => {
                if let Some(first) = problems.first() {
                    self.focus_on(first.field);
                    // Shown first, typed into afterwards: the key that saves is no text.
                    self.typing = false;
                }
                self.problems = problems;
                Vec::new()
            }
        }
    }

    /// Asks for a complete request to be recorded; for the key first, where it is locked.
    fn record(&mut self, request: DecideRequest) -> Vec<Outcome> {
        let (signs, locked) = self
            .form
            .as_ref()
            .map_or((false, false), |form| (form.signs(), form.locked));
        if signs && locked && self.password.is_empty() {
            self.focus_on(Field::Password);
            self.problems.push(Problem {
                field: Field::Password,
                text: "the key is locked: type its password, then Enter".to_owned(),
            });
            return Vec::new();
        }
        self.saving = Saving::Under;
        self.appended = 0;
        self.typing = false;
        let effect = match (signs, locked) {
            (false, _) => Effect::Record(request),
            (true, false) => Effect::RecordSigned(request),
            (true, true) => {
                self.pending = Some(request);
                let password = Secret(self.password.take());
                Effect::Unlock { password }
            }
        };
        vec![effect.into()]
    }

    /// Takes the answer about the key: what waited for it is recorded, or asked for again.
    fn unlocked(&mut self, result: &Result<(), Failed>) -> Vec<Outcome> {
        if result.is_ok() {
            self.is_unlocked = true;
            if let Some(form) = &mut self.form {
                form.locked = false;
            }
        }
        match (self.pending.take(), result) {
            (None, _) => Vec::new(),
            (Some(request), Ok(())) => vec![Effect::RecordSigned(request).into()],
            (Some(_), Err(failed)) => {
                self.saving = Saving::Failed(failed.clone());
                self.focus_on(Field::Password);
                Vec::new()
            }
        }
    }

    /// Takes the answer of an effect.
    pub fn receive(&mut self, message: &Message, context: &Context<'_>) -> Vec<Outcome> {
        if let Message::Unlocked(result) = message {
            return self.unlocked(result);
        }
        if let (Message::Appended(entries), Saving::Under) = (message, &self.saving) {
            self.appended = entries.len();
        }
        if let (Message::Recorded(result), Saving::Under) = (message, &self.saving) {
            let appended = std::mem::take(&mut self.appended);
            if let (Err(_), Some(form)) = (result, &mut self.form) {
                form.without_first(appended, context.review);
                self.listed = Scroll::default();
            }
            self.saving = match result {
                Ok(loaded) => {
                    let entry = loaded.review.history.last().map_or(0, |entry| entry.seq);
                    Saving::Done(entry)
                }
                Err(failed) => Saving::Failed(failed.clone()),
            };
        }
        Vec::new()
    }

    /// Draws the screen.
    pub fn view(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        match &self.form {
            Some(form) => self.view_form(form, context, area, buffer),
            None => panes::nothing(context, area, buffer),
        }
    }

    /// Returns the line above the keys.
    #[must_use]
    pub fn status(&self, _context: &Context<'_>) -> Vec<Piece> {
        vec![match (&self.saving, self.problems.len(), self.typing) {
            (Saving::Under, _, _) => Piece::new("saving …", Role::Text),
            (Saving::Done(entry), _, _) => Piece::foreign(
                &format!("saved in the ledger, entry {entry}; any key goes on"),
                Role::Good,
            ),
            (Saving::Failed(failed), _, _) => {
                Piece::foreign(&format!("NOT saved: {}", failed.message), Role::Error)
            }
            (Saving::No, 1.., _) => Piece::new("not saved: see the lines marked !", Role::Error),
            (Saving::No, 0, true) => Piece::new(
                "editing: Esc leaves the text, then w save  D discard  e edit again",
                Role::Text,
            ),
            (Saving::No, 0, false) => Piece::new("not saved yet", Role::Text),
        }]
    }
}
