//! Tests of the promotion: what must be true before anything starts, and how it looks.

use std::time::Duration;

use super::{Cancel, Focus, State};
use crate::keymap::{Action, Code, Key, Place};
use crate::model::Digest;
use crate::promotion::{Event, EventKind, Plan, Step, plan_class};
use crate::triage::gate::{Blocker, Remedy, class};
use crate::tui::fixture::{Scene, digest, now, picture, plan, receipt};
use crate::tui::message::{Effect, Failed, Input, Message, Outcome};
use chrono::TimeDelta;

fn screen(scene: &Scene) -> State {
    let mut state = State::default();
    state.refresh(&scene.context());
    state
}

fn act(state: &mut State, scene: &Scene, action: Action) -> Vec<Outcome> {
    state.handle(&Input::Action(action), &scene.context())
}

fn press(state: &mut State, scene: &mut Scene, code: Code) -> Vec<Outcome> {
    scene.at += Duration::from_millis(80);
    state.handle(&Input::Key(Key::plain(code)), &scene.context())
}

fn type_digits(state: &mut State, scene: &mut Scene) {
    for character in digest().hex().chars().take(8) {
        press(state, scene, Code::Char(character));
    }
}

fn drawn(state: &State, scene: &Scene) -> String {
    scene.drawn(
        |context, area, buffer| state.view(context, area, buffer),
        &state.status(&scene.context()),
    )
}

/// The screen with a plan on it.
fn planned(scene: &Scene, plan: Plan) -> State {
    let mut state = screen(scene);
    assert!(matches!(
        act(&mut state, scene, Action::Plan).as_slice(),
        [Outcome::Effect(Effect::Plan { .. })]
    ));
    state.receive(&Message::Planned(Ok(Box::new(plan))), &scene.context());
    state
}

/// The screen with everything answered, the digest's field in focus.
fn ready(scene: &mut Scene) -> State {
    let mut state = planned(scene, plan());
    act(&mut state, scene, Action::Choose);
    state.receive(&Message::Unlocked(Ok(())), &scene.context());
    assert_eq!((state.focus, state.place()), (Focus::Confirm, Place::Field));
    state
}

fn running(scene: &mut Scene) -> State {
    let mut state = ready(scene);
    type_digits(&mut state, scene);
    press(&mut state, scene, Code::Enter);
    assert!(state.is_running());
    state
}

fn event(second: i64, kind: EventKind) -> Message {
    Message::Promotion(Event {
        time: now() + TimeDelta::seconds(second),
        kind,
    })
}

fn blocker(class: &'static str, text: &str) -> Blocker {
    Blocker {
        class,
        text: text.to_owned(),
        findings: Vec::new(),
    }
}

#[test]
fn looks_as_designed() {
    for (width, height) in [(80, 24), (120, 36), (60, 20)] {
        let mut scene = Scene::new(width, height);
        let state = screen(&scene);
        picture(
            "promote",
            &format!("fields_{width}x{height}"),
            &drawn(&state, &scene),
        );
        let mut state = planned(&scene, plan());
        picture(
            "promote",
            &format!("plan_{width}x{height}"),
            &drawn(&state, &scene),
        );
        act(&mut state, &scene, Action::Choose);
        state.receive(&Message::Unlocked(Ok(())), &scene.context());
        press(&mut state, &mut scene, Code::Char('0'));
        picture(
            "promote",
            &format!("confirm_{width}x{height}"),
            &drawn(&state, &scene),
        );
    }
}

#[test]
fn a_blocked_plan_and_how_to_open_it() {
    let scene = Scene::new(80, 24);
    let mut blocked = plan();
    blocked.gate.open = false;
    blocked.blockers = vec![blocker(
        class::VULNERABILITY,
        "2 findings of severity high and above have a fix: CVE-2024-24790 in stdlib v1.20.12, CVE-2024-22189 in quic-go",
    )];
    blocked.gate.to_open = vec![Remedy {
        action: "rebuild with stdlib 1.21.11".to_owned(),
        command: None,
        clears: Vec::new(),
    }];
    let mut state = planned(&scene, blocked);
    state.receive(&Message::Unlocked(Ok(())), &scene.context());
    picture("promote", "blocked_80x24", &drawn(&state, &scene));
    act(&mut state, &scene, Action::Commands);
    picture("promote", "commands_80x24", &drawn(&state, &scene));
    act(&mut state, &scene, Action::Back);
    act(&mut state, &scene, Action::NextPane);
    assert_ne!(state.focus, Focus::Confirm);
}

#[test]
fn the_typed_digits_start_exactly_the_plan_shown() {
    let mut scene = Scene::new(80, 24);
    let mut state = ready(&mut scene);
    type_digits(&mut state, &mut scene);
    let outcomes = press(&mut state, &mut scene, Code::Enter);
    let [
        Outcome::Effect(Effect::Promote {
            request,
            plan,
            shown,
            subject,
        }),
    ] = outcomes.as_slice()
    else {
        panic!("nothing was started: {outcomes:?}");
    };
    assert_eq!((shown, *subject), (&plan.plan_digest, Some(0)));
    assert_eq!(request.acknowledged, [class::FOUR_EYES]);
    assert_eq!(request.digest, Some(digest()));
    assert_eq!(request.promoter, "auditor");
}

#[test]
fn enter_paste_and_bursts_start_nothing() {
    let mut scene = Scene::new(80, 24);
    let mut state = ready(&mut scene);
    assert_eq!(press(&mut state, &mut scene, Code::Enter), Vec::new());
    let pasted: String = digest().hex().chars().take(8).collect();
    state.handle(&Input::Paste(pasted), &scene.context());
    assert_eq!(press(&mut state, &mut scene, Code::Enter), Vec::new());
    for character in digest().hex().chars().take(8) {
        scene.at += Duration::from_millis(2);
        let key = Key::char(character);
        state.handle(&Input::Key(key), &scene.context());
    }
    assert_eq!(press(&mut state, &mut scene, Code::Enter), Vec::new());
    picture("promote", "pasted_80x24", &drawn(&state, &scene));
    assert!(!state.is_running());
}

#[test]
fn type_ahead_reaches_no_field() {
    let mut scene = Scene::new(80, 24);
    let mut state = planned(&scene, plan());
    act(&mut state, &scene, Action::Choose);
    let read_before = scene.at;
    scene.at += Duration::from_secs(1);
    state.receive(&Message::Unlocked(Ok(())), &scene.context());
    scene.at = read_before;
    for character in digest().hex().chars().take(8) {
        let key = Key::char(character);
        state.handle(&Input::Key(key), &scene.context());
    }
    assert_eq!(state.confirm.as_ref().unwrap().typed(), "");
}

#[test]
fn a_small_window_confirms_nothing() {
    let mut scene = Scene::new(80, 24);
    let mut state = ready(&mut scene);
    type_digits(&mut state, &mut scene);
    scene.size = (79, 24);
    let outcomes = press(&mut state, &mut scene, Code::Enter);
    assert!(matches!(
        outcomes.as_slice(),
        [Outcome::Message(Message::Notice(_))]
    ));
    assert!(!state.is_running());
}

#[test]
fn warnings_and_the_key_come_first() {
    let scene = Scene::new(80, 24);
    let mut state = planned(&scene, plan());
    act(&mut state, &scene, Action::NextPane);
    assert_eq!(state.focus, Focus::Password, "the confirmation is closed");
    state.handle(&Input::Paste("hunter2".to_owned()), &scene.context());
    assert!(!format!("{state:?}").contains("hunter2"));
    picture("promote", "password_80x24", &drawn(&state, &scene));
    let outcomes = state.handle(&Input::Key(Key::plain(Code::Enter)), &scene.context());
    let [Outcome::Effect(Effect::Unlock { password })] = outcomes.as_slice() else {
        panic!("the key was not opened: {outcomes:?}");
    };
    assert_eq!(password.0.as_str(), "hunter2");
    let wrong = Failed {
        message: "the password is wrong".to_owned(),
        hints: Vec::new(),
    };
    state.receive(&Message::Unlocked(Err(wrong)), &scene.context());
    assert_eq!(state.focus, Focus::Password);
    state.receive(&Message::Unlocked(Ok(())), &scene.context());
    assert_ne!(
        state.focus,
        Focus::Confirm,
        "the warning is not acknowledged"
    );
}

#[test]
fn a_tag_moves_only_with_consent() {
    let scene = Scene::new(80, 24);
    let mut moving = plan();
    moving.tag.from = Some(Digest::of(b"older"));
    moving.warnings.clear();
    moving.blockers = vec![blocker(plan_class::TAG_MOVE, "the tag v2.7.6 would move")];
    let mut state = planned(&scene, moving.clone());
    state.receive(&Message::Unlocked(Ok(())), &scene.context());
    picture("promote", "tag_moves_80x24", &drawn(&state, &scene));
    assert!(state.closed(&scene.context()).is_some());
    let outcomes = act(&mut state, &scene, Action::Choose);
    let [Outcome::Effect(Effect::Plan { request, .. })] = outcomes.as_slice() else {
        panic!("the plan was not worked out again: {outcomes:?}");
    };
    assert!(request.move_tag);
    moving.blockers.clear();
    moving.warnings = vec![blocker(plan_class::TAG_MOVE, "the tag v2.7.6 would move")];
    state.receive(&Message::Planned(Ok(Box::new(moving))), &scene.context());
    assert_eq!(state.closed(&scene.context()), None);
}

#[test]
fn a_policy_that_denies_moves_cannot_be_consented_away() {
    let mut scene = Scene::new(80, 24);
    scene.review.policy.promotion.move_tags = crate::triage::policy::MoveTags::Deny;
    let mut moving = plan();
    moving.warnings.clear();
    moving.blockers = vec![blocker(plan_class::TAG_MOVE, "the tag v2.7.6 would move")];
    let mut state = planned(&scene, moving);
    assert_eq!(act(&mut state, &scene, Action::Choose), Vec::new());
    assert!(state.closed(&scene.context()).is_some());
}

#[test]
fn a_plan_about_another_image_is_closed() {
    let scene = Scene::new(80, 24);
    let mut other = plan();
    other.warnings.clear();
    other.subjects.clear();
    other.digest = Digest::of(b"another image");
    let mut state = planned(&scene, other);
    state.receive(&Message::Unlocked(Ok(())), &scene.context());
    assert!(state.closed(&scene.context()).is_some());
}

#[test]
fn another_destination_needs_another_plan() {
    let mut scene = Scene::new(80, 24);
    let mut state = planned(&scene, plan());
    act(&mut state, &scene, Action::Edit);
    press(&mut state, &mut scene, Code::Char('x'));
    assert!(state.plan.is_none());
    let outcomes = press(&mut state, &mut scene, Code::Enter);
    let [Outcome::Effect(Effect::Plan { request, .. })] = outcomes.as_slice() else {
        panic!("no plan was asked for: {outcomes:?}");
    };
    assert_eq!(
        request.destination.to_string(),
        "127.0.0.1:5000/debut/caddy:v2.7.6x"
    );
}

#[test]
fn what_cannot_be_planned_is_explained() {
    let mut scene = Scene::new(80, 24);
    scene.prefill.destination = None;
    let mut state = screen(&scene);
    assert_eq!(act(&mut state, &scene, Action::Plan), Vec::new());
    picture("promote", "no_destination_80x24", &drawn(&state, &scene));
}

#[test]
fn progress_then_receipt() {
    let mut scene = Scene::new(80, 24);
    let mut state = running(&mut scene);
    let context = scene.context();
    for message in [
        event(0, EventKind::StepStarted { step: Step::Check }),
        event(
            1,
            EventKind::StepFinished {
                step: Step::Check,
                detail: "nothing changed since the plan was shown".to_owned(),
                bytes: 0,
            },
        ),
        event(1, EventKind::StepStarted { step: Step::Copy }),
        event(
            11,
            EventKind::Progress {
                step: Step::Copy,
                bytes: 26_476_544,
                total: 52_953_088,
                blobs: 1,
                blobs_total: 2,
            },
        ),
        event(
            11,
            EventKind::Retried {
                step: Step::Copy,
                reason: "502 Bad Gateway".to_owned(),
            },
        ),
    ] {
        state.receive(&message, &context);
    }
    picture("promote", "running_80x24", &drawn(&state, &scene));
    scene.size = (120, 36);
    picture("promote", "running_120x36", &drawn(&state, &scene));
    for step in Step::ALL {
        let kind = EventKind::StepFinished {
            step,
            detail: format!("{} is done", step.as_str()),
            bytes: 0,
        };
        state.receive(&event(75, kind), &scene.context());
    }
    let receipt = Box::new(receipt());
    let finished = EventKind::Finished {
        receipt: receipt.clone(),
    };
    state.receive(&event(75, finished), &scene.context());
    state.receive(&Message::Promoted(Ok(receipt)), &scene.context());
    assert!(!state.is_running());
    picture("promote", "receipt_120x36", &drawn(&state, &scene));
    scene.size = (80, 24);
    picture("promote", "receipt_80x24", &drawn(&state, &scene));
}

#[test]
fn a_failure_says_what_exists_and_can_be_run_again() {
    let mut scene = Scene::new(80, 24);
    let mut state = running(&mut scene);
    let failed = Failed {
        message: "the registry answered 403 to an upload".to_owned(),
        hints: vec![
            "1 of 2 blobs is at the destination; no tag was moved".to_owned(),
            "run the promotion again: it goes on where it stopped".to_owned(),
        ],
    };
    state.receive(&Message::Promoted(Err(failed)), &scene.context());
    assert!(!state.is_running());
    picture("promote", "stopped_80x24", &drawn(&state, &scene));
    assert!(matches!(
        act(&mut state, &scene, Action::Plan).as_slice(),
        [Outcome::Effect(Effect::Plan { .. })]
    ));
}

#[test]
fn cancelling_asks_once() {
    let mut scene = Scene::new(80, 24);
    let mut state = running(&mut scene);
    assert_eq!(act(&mut state, &scene, Action::Back), Vec::new());
    assert_eq!(state.cancel, Cancel::Asked);
    act(&mut state, &scene, Action::Down);
    assert_eq!(state.cancel, Cancel::No);
    act(&mut state, &scene, Action::Back);
    let outcomes = act(&mut state, &scene, Action::Back);
    assert_eq!(outcomes, vec![Effect::CancelPromotion.into()]);
    assert_eq!(act(&mut state, &scene, Action::Back), Vec::new());
}

#[test]
fn a_running_promotion_survives_a_reload_and_takes_no_second_start() {
    let mut scene = Scene::new(80, 24);
    let mut state = running(&mut scene);
    state.refresh(&scene.context());
    assert!(state.is_running());
    assert_eq!(act(&mut state, &scene, Action::Plan), Vec::new());
    assert_eq!(act(&mut state, &scene, Action::Choose), Vec::new());
}

#[test]
fn a_plan_older_than_the_evidence_is_gone() {
    let mut scene = Scene::new(80, 24);
    let mut state = planned(&scene, plan());
    state.refresh(&scene.context());
    assert!(state.plan.is_some(), "nothing changed");
    let mut entries = scene.review.history.as_ref().clone();
    entries.pop();
    scene.review.history = std::sync::Arc::new(entries);
    state.refresh(&scene.context());
    assert!(state.plan.is_none());
}

#[test]
fn a_plan_for_fields_that_changed_meanwhile_is_dropped() {
    let mut scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Plan);
    act(&mut state, &scene, Action::Edit);
    press(&mut state, &mut scene, Code::Char('x'));
    state.receive(&Message::Planned(Ok(Box::new(plan()))), &scene.context());
    assert!(state.plan.is_none());
}

#[test]
fn while_the_key_is_opened_no_key_means_anything() {
    let mut scene = Scene::new(80, 24);
    let mut state = planned(&scene, plan());
    act(&mut state, &scene, Action::Choose);
    act(&mut state, &scene, Action::NextPane);
    press(&mut state, &mut scene, Code::Enter);
    act(&mut state, &scene, Action::Edit);
    assert_eq!(
        (state.focus, state.place()),
        (Focus::Checks, Place::Promote)
    );
    state.receive(&Message::Unlocked(Ok(())), &scene.context());
    assert_eq!(state.focus, Focus::Confirm);
}
