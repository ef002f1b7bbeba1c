//! What keys do on the promotion's screen: focus, fields, checks, and the start.
//!
//! The start is asked for here and nowhere else, and only by the typed digits.

use crate::keymap::{Action, Code, Key};
use crate::model::{Image, ImageReference, ParseReferenceError};
use crate::promotion::{Needed, Request};
use crate::triage::policy::MoveTags;
use crate::tui::context::Context;
use crate::tui::message::{Effect, Failed, Input, Message, Notice, Outcome, Secret};
use crate::tui::widget::confirm::Confirm;
use crate::tui::widget::progress::Progress;

use super::checks::{Answers, Check, checks};
use super::{Cancel, Consents, Focus, Lower, State, Unlock, plan_pane};

impl State {
    /// Acts on what a person did.
    pub fn handle(&mut self, input: &Input, context: &Context<'_>) -> Vec<Outcome> {
        match input {
            Input::Action(action) => self.act(*action, context),
            Input::Key(key) => self.key(*key, context),
            Input::Paste(text) => {
                self.paste(text);
                Vec::new()
            }
        }
    }

    fn act(&mut self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        if action == Action::Back {
            return self.back();
        }
        if self.cancel == Cancel::Asked {
            // Whatever else is pressed means: go on.
            self.cancel = Cancel::No;
        }
        if self.is_running() || self.unlock == Unlock::Asked {
            return Vec::new();
        }
        let count = self.checks(context).len();
        match action {
            Action::Plan => return self.ask_plan(context),
            Action::Edit => self.focus_on(Focus::Destination, context),
            Action::NextPane => self.turn_focus(true, context),
            Action::PreviousPane => self.turn_focus(false, context),
            Action::Down => self.selected = (self.selected + 1).min(count.saturating_sub(1)),
            Action::Up => self.selected = self.selected.saturating_sub(1),
            Action::First => self.selected = 0,
            Action::Last => self.selected = count.saturating_sub(1),
            Action::Choose => return self.choose(context),
            Action::Commands => {
                self.lower = match self.lower {
                    Lower::Checks => Lower::Commands,
                    Lower::Commands => Lower::Checks,
                };
            }
            Action::CopyDigest => {
                let digest = self.plan.as_ref().map(|plan| plan.digest.to_string());
                return digest
                    .map(Effect::Copy)
                    .map(Outcome::from)
                    .into_iter()
                    .collect();
            }
            _ => {}
        }
        Vec::new()
    }

    fn back(&mut self) -> Vec<Outcome> {
        match (self.is_running(), self.cancel) {
            (true, Cancel::No) => self.cancel = Cancel::Asked,
            (true, Cancel::Asked) => {
                self.cancel = Cancel::Requested;
                return vec![Effect::CancelPromotion.into()];
            }
            (true, Cancel::Requested) => {}
            (false, _) if self.lower == Lower::Commands => self.lower = Lower::Checks,
            (false, _) => return vec![Message::Back.into()],
        }
        Vec::new()
    }

    fn key(&mut self, key: Key, context: &Context<'_>) -> Vec<Outcome> {
        match key.code {
            Code::Esc => {
                self.typing = false;
                self.password.clear();
                if let Some(confirm) = &mut self.confirm {
                    confirm.blur();
                }
                self.focus = Focus::Checks;
            }
            Code::Tab => self.turn_focus(true, context),
            Code::BackTab => self.turn_focus(false, context),
            Code::Enter => return self.enter(context),
            _ => self.type_key(key, context),
        }
        Vec::new()
    }

    fn type_key(&mut self, key: Key, context: &Context<'_>) {
        let changed = match (self.focus, &mut self.confirm) {
            (Focus::Source, _) => self.source.press(key),
            (Focus::Destination, _) => self.destination.press(key),
            (Focus::Password, _) => {
                self.password.press(key);
                false
            }
            (Focus::Confirm, Some(confirm)) => {
                match (key.typed(), key.code) {
                    (Some(character), _) => confirm.type_char(character, context.at),
                    (None, Code::Backspace) => confirm.backspace(),
                    _ => {}
                }
                false
            }
            (Focus::Confirm | Focus::Checks, _) => false,
        };
        if changed {
            self.forget_plan();
        }
    }

    fn paste(&mut self, text: &str) {
        match (self.focus, &mut self.confirm) {
            (Focus::Source, _) => self.source.insert(text),
            (Focus::Destination, _) => self.destination.insert(text),
            (Focus::Password, _) => return self.password.insert(text),
            (Focus::Confirm, Some(confirm)) => return confirm.paste(),
            (Focus::Confirm | Focus::Checks, _) => return,
        }
        self.forget_plan();
    }

    /// The plan on the screen no longer is what the fields say.
    pub(super) fn forget_plan(&mut self) {
        self.request = None;
        self.plan = None;
        self.confirm = None;
        self.consents = Consents::default();
        self.acknowledged.clear();
        self.selected = 0;
    }

    fn enter(&mut self, context: &Context<'_>) -> Vec<Outcome> {
        match self.focus {
            Focus::Source | Focus::Destination => self.ask_plan(context),
            Focus::Password => {
                self.unlock = Unlock::Asked;
                self.typing = false;
                self.focus = Focus::Checks;
                let password = Secret(self.password.take());
                vec![Effect::Unlock { password }.into()]
            }
            Focus::Confirm => self.start(context),
            Focus::Checks => Vec::new(),
        }
    }

    fn ask_plan(&mut self, context: &Context<'_>) -> Vec<Outcome> {
        if self.is_planning || self.is_running() {
            return Vec::new();
        }
        match self.asked_for(context) {
            Ok(request) => {
                self.request = Some(request.clone());
                self.is_planning = true;
                self.typing = false;
                self.failure = None;
                self.progress = None;
                self.focus = Focus::Checks;
                let subject = self.subject;
                vec![Effect::Plan { subject, request }.into()]
            }
            Err(failed) => {
                self.failure = Some(failed);
                Vec::new()
            }
        }
    }

    fn asked_for(&self, context: &Context<'_>) -> Result<Request, Failed> {
        let wrong = |message: String, hint: &str| Failed {
            message,
            hints: vec![hint.to_owned()],
        };
        let source: Image =
            self.source
                .text()
                .trim()
                .parse()
                .map_err(|error: ParseReferenceError| {
                    wrong(
                        error.to_string(),
                        "a source is REPOSITORY@sha256:…, REPOSITORY:TAG or oci:DIR",
                    )
                })?;
        if self.destination.text().trim().is_empty() {
            return Err(wrong(
                "a destination is needed".to_owned(),
                "press e and type REGISTRY/REPOSITORY:TAG",
            ));
        }
        let destination: ImageReference =
            self.destination
                .text()
                .trim()
                .parse()
                .map_err(|error: ParseReferenceError| {
                    wrong(
                        error.to_string(),
                        "a destination is REGISTRY/REPOSITORY:TAG",
                    )
                })?;
        let subject = context.subject();
        Ok(Request {
            source,
            destination,
            digest: subject.and_then(|subject| subject.manifest_digest.clone()),
            platform: None,
            move_tag: self.consents.move_tag,
            create_repository: self.consents.create_repository,
            approval: Needed::Required,
            no_sign: context.prefill.key.is_none(),
            no_attest: false,
            acknowledged: self.acknowledged.iter().cloned().collect(),
            promoter: context.reviewer.to_owned(),
        })
    }

    fn choose(&mut self, context: &Context<'_>) -> Vec<Outcome> {
        let class = match self.checks(context).get(self.selected) {
            Some(Check::Warning { warning, .. }) => warning.class.to_owned(),
            Some(Check::TagMove { consented }) => {
                // Whether a tag may move is part of the question: the plan is worked out again.
                self.consents.move_tag = !*consented;
                return self.ask_plan(context);
            }
            Some(Check::NewRepository { consented }) => {
                // As above.
                self.consents.create_repository = !*consented;
                return self.ask_plan(context);
            }
            _ => return Vec::new(),
        };
        if !self.acknowledged.remove(&class) {
            self.acknowledged.insert(class);
        }
        Vec::new()
    }

    pub(super) fn checks(&self, context: &Context<'_>) -> Vec<Check<'_>> {
        let Some(plan) = self.plan.as_deref() else {
            return Vec::new();
        };
        // The identity line above and the plan must name the same image.
        let is_other_image = self.subject.is_some_and(|position| {
            let subject = context.review.subjects.get(position);
            !plan.subjects.contains(&position)
                && !subject.is_some_and(|subject| subject.is_named_by(&plan.digest))
        });
        let answers = Answers {
            acknowledged: &self.acknowledged,
            move_tag: self.consents.move_tag,
            create_repository: self.consents.create_repository,
            may_consent: context.review.policy.promotion.move_tags == MoveTags::Ask,
        };
        checks(plan, is_other_image, answers)
    }

    /// Returns why nothing can be confirmed now.
    pub(super) fn closed(&self, context: &Context<'_>) -> Option<&'static str> {
        let checks = self.checks(context);
        if self.plan.is_none() {
            Some("there is no plan yet: p works it out")
        } else if !plan_pane::shows_all(context.area) {
            Some("the full digest does not fit: 80x24 at least is needed")
        } else if checks
            .iter()
            .any(|check| !check.passes() && !check.is_open_question())
        {
            Some("the promotion is blocked: see the lines marked [xx]")
        } else if checks.iter().any(|check| !check.passes()) {
            Some("Space acknowledges each line marked [! ]")
        } else if self.unlock != Unlock::Open && self.is_signed() {
            Some("the signing key is locked: Tab goes to its password")
        } else {
            None
        }
    }

    pub(super) fn is_signed(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.signer.is_some())
    }

    fn turn_focus(&mut self, forward: bool, context: &Context<'_>) {
        const ORDER: [Focus; 5] = [
            Focus::Checks,
            Focus::Password,
            Focus::Confirm,
            Focus::Source,
            Focus::Destination,
        ];
        let step = if forward { 1 } else { ORDER.len() - 1 };
        let here = ORDER
            .iter()
            .position(|focus| *focus == self.focus)
            .unwrap_or(0);
        let next = (1..=ORDER.len())
            .filter_map(|count| ORDER.get((here + count * step) % ORDER.len()))
            .find(|focus| self.can_focus(**focus, context));
        if let Some(next) = next {
            self.focus_on(*next, context);
        }
    }

    fn can_focus(&self, focus: Focus, context: &Context<'_>) -> bool {
        match focus {
            Focus::Password => self.is_signed() && self.unlock == Unlock::Locked,
            Focus::Confirm => self.closed(context).is_none(),
            Focus::Checks | Focus::Source | Focus::Destination => true,
        }
    }

    pub(super) fn focus_on(&mut self, focus: Focus, context: &Context<'_>) {
        if self.is_running() || !self.can_focus(focus, context) {
            return;
        }
        // What ended is in the ledger; the fields are for the next one.
        self.progress = None;
        self.password.clear();
        if let Some(confirm) = &mut self.confirm {
            confirm.blur();
            if focus == Focus::Confirm {
                confirm.focus(context.at);
            }
        }
        self.focus = focus;
        self.typing = focus != Focus::Checks;
    }

    fn start(&mut self, context: &Context<'_>) -> Vec<Outcome> {
        // Looked at again: the window may have shrunk since the field got the focus.
        if let Some(why) = self.closed(context) {
            return vec![Notice::warning(why).into()];
        }
        let confirmed = self.confirm.as_mut().is_some_and(Confirm::enter);
        let (true, Some(plan), Some(request)) = (confirmed, &self.plan, &self.request) else {
            return Vec::new();
        };
        let effect = Effect::Promote {
            subject: self.subject,
            request: Request {
                acknowledged: self.acknowledged.iter().cloned().collect(),
                ..request.clone()
            },
            plan: plan.clone(),
            shown: plan.plan_digest.clone(),
        };
        self.progress = Some(Progress::default());
        self.cancel = Cancel::No;
        self.typing = false;
        self.focus = Focus::Checks;
        if let Some(confirm) = &mut self.confirm {
            confirm.blur();
        }
        vec![effect.into()]
    }
}
