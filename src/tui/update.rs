//! The dispatcher: one message in, the state changed, effects out. Pure.
//!
//! What a key means on a screen is the screen's business; here are only the verbs that hold
//! everywhere, and where facts go.

use std::collections::VecDeque;

use crate::keymap::{Action, Key, Place};
use crate::model::Finding;
use crate::triage::prediction::score;
use crate::tui::app::{App, LEAST};
use crate::tui::message::{
    Effect, Failed, Input, Judgement, Loaded, Message, Notice, Outcome, Tab,
};
use crate::tui::screen::{attached, help, predict};
use crate::tui::widget::counted;

/// How many facts one key press may lead to: more is a screen that talks to itself.
const MAX_FACTS: usize = 64;

/// Takes in what happened and returns what the world is asked to do.
pub fn update(app: &mut App, message: Message) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut facts = VecDeque::from([message]);
    for _ in 0..MAX_FACTS {
        let Some(fact) = facts.pop_front() else {
            break;
        };
        for outcome in take(app, fact) {
            match outcome {
                Outcome::Message(message) => facts.push_back(message),
                Outcome::Effect(effect) => {
                    note(app, &effect);
                    effects.push(effect);
                }
            }
        }
    }
    effects
}

/// Remembers what was asked for, so that the screen can say so.
fn note(app: &mut App, effect: &Effect) {
    match effect {
        Effect::Promote { .. } => app.promoting = true,
        Effect::Record(request) | Effect::RecordSigned(request) => app.past.deciding(request),
        Effect::Undo { entries } => app.past.taking_back(entries),
        Effect::Open => {
            app.shell.loading = true;
            app.shell.progress = None;
        }
        _ => {}
    }
}

fn take(app: &mut App, message: Message) -> Vec<Outcome> {
    match message {
        Message::Read(at) => app.shell.at = at,
        Message::Key(key) => return press(app, key),
        Message::Paste(text) => return paste(app, text),
        Message::Resize { width, height } => {
            app.shell.size = (width, height);
            app.all_behind();
        }
        Message::Progress(progress) => app.shell.progress = Some(progress),
        Message::Opened(loaded) => {
            app.shell.loading = false;
            app.shell.progress = None;
            app.load(&loaded);
            // Once: what is in hand now is this session's own.
            if app.offers.is_none() {
                app.offers = Some(Vec::new());
                return vec![Effect::FindDrafts.into()];
            }
        }
        Message::Predicted(result) => return predicted(app, &result),
        Message::Uncover => {
            if let Some(subject) = app.shell.context().subject() {
                let looked_at = (subject.name.clone(), subject.identity());
                app.uncovered.push(looked_at);
            }
            app.cover();
            app.all_behind();
        }
        Message::Resumable(points) => app.offers = Some(points),
        Message::Appended(entries) => {
            app.past.appended(&entries);
            return tell(app, Tab::Verdict, &Message::Appended(entries));
        }
        Message::Recorded(_) | Message::Undone(_) => return written(app, &message),
        Message::Replayed(loaded) => app.load(&loaded),
        Message::Planned(_) | Message::Promotion(_) | Message::Tick => {
            return tell(app, Tab::Promote, &message);
        }
        Message::Unlocked(_) => {
            let mut outcomes = tell(app, Tab::Promote, &message);
            outcomes.extend(tell(app, Tab::Verdict, &message));
            return outcomes;
        }
        Message::Promoted(_) => {
            app.promoting = false;
            app.asked_to_leave = false;
            return tell(app, Tab::Promote, &message);
        }
        Message::Details { .. } => {
            let mut outcomes = tell(app, Tab::Findings, &message);
            outcomes.extend(tell(app, Tab::Hygiene, &message));
            return outcomes;
        }
        Message::Tree { .. } | Message::Attached { .. } => {
            let context = app.shell.context();
            if let Some(attached) = &mut app.attached {
                return attached.receive(&message, &context);
            }
        }
        Message::Copied(Ok(text)) => say(app, Notice::good(text)),
        Message::Copied(Err(failed)) => say(app, failed.into()),
        Message::Hangup => return vec![Effect::Leave.into()],
        Message::Show(tab) => show(app, tab, true),
        Message::Subject(subject) => {
            if subject < app.shell.review.subjects.len() && app.shell.subject != Some(subject) {
                app.shell.subject = Some(subject);
                app.all_behind();
            }
        }
        Message::Judge(judgement) => return judge(app, &judgement),
        Message::Filter(text) => {
            show(app, Tab::Findings, true);
            let context = app.shell.context();
            app.screens.findings.filter_by(&text, &context);
        }
        Message::Notice(notice) => say(app, notice),
        Message::Explain(notice) => app.explained = Some(notice),
        Message::Back => return back(app),
    }
    Vec::new()
}

/// Takes in the ledger after something was written, or says why nothing was.
fn written(app: &mut App, message: &Message) -> Vec<Outcome> {
    let redo = app.shell.keymap.keys(Action::Redo);
    let redo = redo.first().map(ToString::to_string).unwrap_or_default();
    let said = app.past.answered(&app.shell.review.history, &redo);
    match message {
        Message::Recorded(Ok(loaded)) => {
            app.load(loaded);
            let text = said.unwrap_or_else(|| "saved in the ledger".to_owned());
            say(app, Notice::good(text));
        }
        Message::Undone(Ok(loaded)) => {
            app.load(loaded);
            let text = said.unwrap_or_else(|| "taken back in the ledger".to_owned());
            say(app, Notice::good(text));
        }
        Message::Recorded(Err(failed)) | Message::Undone(Err(failed)) => {
            say(app, failed.clone().into());
        }
        _ => {}
    }
    let tabs = [Tab::Findings, Tab::Hygiene, Tab::Verdict, Tab::History];
    let told = tabs.into_iter().flat_map(|tab| tell(app, tab, message));
    let mut outcomes: Vec<Outcome> = told.collect();
    // What was saved is no draft any more.
    outcomes.push(Effect::KeepDrafts.into());
    outcomes
}

/// Takes back the last decision of this session, or restores the last one taken back.
fn step_back(app: &mut App, action: Action) -> Vec<Outcome> {
    let entries = match action {
        Action::Redo => app.past.last_undone(),
        _ => app.past.last(),
    };
    if app.past.is_waiting() {
        say(app, Notice::warning("the ledger has not answered yet"));
        return Vec::new();
    }
    if let Some(problem) = &app.shell.review.ledger_problem {
        let text = format!("the ledger is read-only: {problem}");
        say(app, Notice::error(text));
        return Vec::new();
    }
    if let Some(entries) = entries {
        return vec![Effect::Undo { entries }.into()];
    }
    let text = "nothing was taken back in this session";
    say(app, Notice::warning(text));
    Vec::new()
}

/// Takes the answer about the draft of an earlier session.
fn resume(app: &mut App, action: Action) -> Vec<Outcome> {
    let Some(offer) = app.offer().cloned() else {
        return Vec::new();
    };
    if let Some(offers) = &mut app.offers {
        offers.retain(|known| *known != offer);
    }
    let drop = Effect::DropDraft { file: offer.file() };
    match action {
        Action::ThrowAway => {
            say(app, Notice::good("the draft was thrown away"));
            vec![drop.into()]
        }
        Action::TakeUp => {
            let tab = match &offer.verdict {
                Some(_) => Tab::Verdict,
                None => Tab::Findings,
            };
            show(app, Tab::Findings, true);
            show(app, tab, true);
            let context = app.shell.context();
            let findings = &mut app.screens.findings;
            let mut gone = findings.resume(&offer.marks, &offer.filter, &context);
            if let Some(verdict) = &offer.verdict {
                gone += app.screens.verdict.resume(verdict, &context);
            }
            if gone > 0 {
                let text = format!(
                    "{} of the draft are not in these reports",
                    counted(gone, "finding")
                );
                say(app, Notice::warning(text));
            }
            vec![Effect::KeepDrafts.into(), drop.into()]
        }
        _ => Vec::new(),
    }
}

/// Takes in the answer about a prediction: recorded, the counts are shown and held against it.
fn predicted(app: &mut App, result: &Result<Loaded, Failed>) -> Vec<Outcome> {
    app.predict.answered(result.as_ref().err());
    let Ok(loaded) = result else {
        return Vec::new();
    };
    app.load(loaded);
    let context = app.shell.context();
    let last = context.review.predictions.last();
    if let (Some((_, prediction)), Some(subject)) = (last, context.subject) {
        let positions = context.review.findings_of(subject);
        let found: Vec<&Finding> = positions
            .filter_map(|position| context.finding(position))
            .filter(|finding| finding.suppressed_by.is_none())
            .collect();
        app.explained = Some(predict::revealed(&score(prediction, &found)));
        app.last_notice.clone_from(&app.explained);
    }
    Vec::new()
}

/// Tells a screen a fact.
fn tell(app: &mut App, tab: Tab, message: &Message) -> Vec<Outcome> {
    let context = app.shell.context();
    app.screens.receive(tab, message, &context)
}

fn say(app: &mut App, notice: Notice) {
    app.last_notice = Some(notice.clone());
    app.notice = Some(notice);
}

fn show(app: &mut App, tab: Tab, remember: bool) {
    app.help = None;
    app.attached = None;
    if app.tab != tab {
        if remember {
            app.trail.retain(|known| *known != app.tab);
            app.trail.push(app.tab);
        }
        app.tab = tab;
    }
    // The first screen is the top: from there, back is out.
    if tab == Tab::Images {
        app.trail.clear();
    }
    app.catch_up();
}

fn judge(app: &mut App, judgement: &Judgement) -> Vec<Outcome> {
    show(app, Tab::Verdict, true);
    let context = app.shell.context();
    app.screens.verdict.begin(judgement, &context)
}

/// Goes to where the person came from; from the first screen, out.
fn back(app: &mut App) -> Vec<Outcome> {
    if app.help.take().is_some() || app.attached.take().is_some() {
        return Vec::new();
    }
    match app.trail.pop() {
        Some(tab) => show(app, tab, false),
        None if app.tab != Tab::Images => show(app, Tab::Images, false),
        None => return leave(app),
    }
    Vec::new()
}

/// Leaves; asks once while a promotion runs.
fn leave(app: &mut App) -> Vec<Outcome> {
    if app.promoting && !app.asked_to_leave {
        app.asked_to_leave = true;
        let key = app
            .shell
            .keymap
            .keys(Action::Leave)
            .first()
            .map(ToString::to_string);
        let text = format!(
            "a promotion is running; {} again stops it after this step and leaves",
            key.unwrap_or_default()
        );
        say(app, Notice::warning(text));
        return Vec::new();
    }
    if app.promoting {
        return vec![Effect::CancelPromotion.into(), Effect::Leave.into()];
    }
    vec![Effect::Leave.into()]
}

fn paste(app: &mut App, text: String) -> Vec<Outcome> {
    app.notice = None;
    if app.explained.is_some() {
        return Vec::new();
    }
    let place = app.place();
    if place != Place::Field {
        say(
            app,
            Notice::warning("pasted text was ignored: no text field is in front"),
        );
        return Vec::new();
    }
    hand_over(app, &Input::Paste(text))
}

fn press(app: &mut App, key: Key) -> Vec<Outcome> {
    app.notice = None;
    let place = app.place();
    let meaning = app.shell.keymap.lookup(place, key);
    let anywhere = app
        .shell
        .keymap
        .lookup(Place::Everywhere, key)
        .filter(|_| key.control);
    let (width, height) = app.shell.size;
    if anywhere == Some(Action::Leave) || meaning == Some(Action::Leave) {
        return leave(app);
    }
    if anywhere == Some(Action::Redraw) || meaning == Some(Action::Redraw) {
        return vec![Effect::Redraw.into()];
    }
    if width < LEAST.0 || height < LEAST.1 {
        // Nothing is seen, so nothing is decided: the only verb left is to leave.
        let leaves = key == Key::char('q');
        return if leaves { leave(app) } else { Vec::new() };
    }
    if app.explained.is_some() {
        let closes = [Action::Back, Action::Open, Action::Message];
        if meaning.is_some_and(|action| closes.contains(&action)) || place == Place::Field {
            app.explained = None;
        }
        return Vec::new();
    }
    match meaning {
        Some(action) if place == Place::DraftMenu => resume(app, action),
        None if place == Place::DraftMenu => Vec::new(),
        _ if place == Place::Field => hand_over(app, &Input::Key(key)),
        Some(action) => act(app, action),
        None => Vec::new(),
    }
}

fn act(app: &mut App, action: Action) -> Vec<Outcome> {
    let tab = match action {
        Action::ShowImages => Some(Tab::Images),
        Action::ShowFindings => Some(Tab::Findings),
        Action::ShowCompare => Some(Tab::Compare),
        Action::ShowComponents => Some(Tab::Components),
        Action::ShowHygiene => Some(Tab::Hygiene),
        Action::ShowVerdict => Some(Tab::Verdict),
        Action::ShowPromote => Some(Tab::Promote),
        Action::ShowHistory => Some(Tab::History),
        _ => None,
    };
    if let Some(tab) = tab {
        show(app, tab, true);
        return Vec::new();
    }
    let last_said = matches!(app.tab, Tab::Findings | Tab::Hygiene)
        || (app.tab == Tab::Verdict && app.screens.verdict.is_saved());
    match action {
        Action::Redo => step_back(app, action),
        // Where nothing was decided yet, the screens know what stands.
        Action::Undo if last_said && app.past.last().is_some() => step_back(app, action),
        Action::Help if app.help.is_none() => {
            let mut help = help::State::about(app.place());
            help.refresh(&app.shell.context());
            app.help = Some(help);
            Vec::new()
        }
        Action::Attached if app.help.is_none() && app.attached.is_none() => {
            let (attached, asked) = attached::State::begin(&app.shell.context());
            app.attached = Some(attached);
            asked
        }
        Action::Message => {
            app.explained.clone_from(&app.last_notice);
            if app.explained.is_none() {
                say(app, Notice::good("there is no message"));
            }
            Vec::new()
        }
        Action::Reload if app.promoting => {
            say(
                app,
                Notice::warning("a promotion is running: inputs are read again after it"),
            );
            Vec::new()
        }
        Action::Reload if app.shell.loading => Vec::new(),
        Action::Reload => vec![Effect::Open.into()],
        _ => hand_over(app, &Input::Action(action)),
    }
}

/// Gives the person's input to what is in front.
fn hand_over(app: &mut App, input: &Input) -> Vec<Outcome> {
    let context = app.shell.context();
    match (&mut app.help, &mut app.attached) {
        (Some(help), _) => help.handle(input, &context),
        (None, Some(attached)) => attached.handle(input, &context),
        (None, None)
            if app.shell.context().is_covered()
                && !matches!(app.tab, Tab::Images | Tab::History) =>
        {
            app.predict.handle(input, &context)
        }
        (None, None) => app.screens.handle(app.tab, input, &context),
    }
}

#[cfg(test)]
mod pictures;
#[cfg(test)]
mod tests;
