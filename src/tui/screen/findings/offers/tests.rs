//! Tests of the offers: how they look, and what one key and all of them record.

use std::sync::Arc;

use super::*;
use crate::keymap::Place;
use crate::review::{Decided, Selection};
use crate::tui::fixture::{Scene, now, offer, picture, review};
use crate::tui::message::{Failed, Input, Loaded, Message};

/// The review with three earlier verdicts offered.
fn scene(width: u16, height: u16) -> Scene {
    let mut scene = Scene::new(width, height);
    let offers =
        [(0, 1), (2, 2), (4, 3)].map(|(finding, entry)| offer(&scene.review, finding, entry));
    scene.review.offers = Arc::new(offers.to_vec());
    scene
}

fn screen(scene: &Scene) -> State {
    let mut state = State::new(Scope::All);
    state.refresh(&scene.context());
    state
}

fn act(state: &mut State, scene: &Scene, action: Action) -> Vec<Outcome> {
    state.handle(&Input::Action(action), &scene.context())
}

fn drawn(state: &State, scene: &Scene) -> String {
    scene.drawn(
        |context, area, buffer| state.view(context, area, buffer),
        &state.status(&scene.context()),
    )
}

/// The findings whose offers are to be recorded.
fn recorded(outcomes: &[Outcome]) -> Vec<usize> {
    match outcomes {
        [Outcome::Effect(Effect::Record(request))] => match &request.decided {
            Decided::CarryOver(Selection::Findings(findings)) => findings.clone(),
            other => panic!("not carried over: {other:?}"),
        },
        other => panic!("not recorded: {other:?}"),
    }
}

#[test]
fn looks_as_designed() {
    for (width, height) in [(80, 24), (120, 36), (60, 20)] {
        let scene = scene(width, height);
        let mut state = screen(&scene);
        if width != 60 {
            let name = format!("offered_{width}x{height}");
            picture("findings", &name, &drawn(&state, &scene));
        }
        act(&mut state, &scene, Action::Offers);
        assert_eq!(state.place(), Place::Offers);
        act(&mut state, &scene, Action::Down);
        let name = format!("offers_{width}x{height}");
        picture("findings", &name, &drawn(&state, &scene));
    }
}

#[test]
fn one_key_carries_the_selected_one_over_and_only_once() {
    let scene = scene(80, 24);
    let mut state = screen(&scene);
    let outcomes = act(&mut state, &scene, Action::CarryOver);
    assert_eq!(recorded(&outcomes), [0]);
    assert_eq!(act(&mut state, &scene, Action::CarryOver), Vec::new());
    let loaded = Loaded::new(review(), now());
    state.receive(&Message::Recorded(Ok(loaded)), &scene.context());
    act(&mut state, &scene, Action::Down);
    let outcomes = act(&mut state, &scene, Action::CarryOver);
    assert!(
        matches!(&outcomes[..], [Outcome::Message(Message::Notice(_))]),
        "nothing is offered there: {outcomes:?}"
    );
    act(&mut state, &scene, Action::MarkAll);
    let outcomes = act(&mut state, &scene, Action::CarryOver);
    assert_eq!(
        recorded(&outcomes),
        [0, 2, 4],
        "of those marked, the offered"
    );
}

#[test]
fn all_are_carried_over_after_a_question() {
    let scene = scene(80, 24);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Offers);
    act(&mut state, &scene, Action::Down);
    let outcomes = act(&mut state, &scene, Action::CarryOver);
    assert_eq!(recorded(&outcomes), [2]);
    let failed = Failed {
        message: "the disk is full".to_owned(),
        hints: Vec::new(),
    };
    state.receive(&Message::Recorded(Err(failed)), &scene.context());
    assert_eq!(act(&mut state, &scene, Action::Save), Vec::new());
    picture("findings", "offers_asked_80x24", &drawn(&state, &scene));
    act(&mut state, &scene, Action::Down);
    assert_eq!(
        act(&mut state, &scene, Action::Save),
        Vec::new(),
        "asked anew"
    );
    let outcomes = act(&mut state, &scene, Action::Save);
    assert_eq!(recorded(&outcomes), [0, 2, 4]);
    act(&mut state, &scene, Action::Back);
    assert_eq!(state.place(), Place::Findings);
}

#[test]
fn nothing_is_recorded_in_a_broken_ledger() {
    let mut scene = scene(80, 24);
    scene.review.ledger_problem = Some("entry 3 was edited".to_owned());
    let mut state = screen(&scene);
    let outcomes = act(&mut state, &scene, Action::CarryOver);
    assert!(matches!(
        &outcomes[..],
        [Outcome::Message(Message::Notice(_))]
    ));
    scene.review.offers = Arc::default();
    let outcomes = act(&mut state, &scene, Action::Offers);
    assert!(matches!(
        &outcomes[..],
        [Outcome::Message(Message::Notice(_))]
    ));
    assert_eq!(state.place(), Place::Findings);
}
