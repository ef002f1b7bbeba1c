//! Tests of the ledger's screen: what is listed, what can be taken back, and how it looks.

use std::sync::Arc;

use serde_json::json;

use super::{State, Undo};
use crate::keymap::{Action, Place};
use crate::tui::fixture::{Scene, append, carried, digest, now, offer, picture, review};
use crate::tui::message::{Effect, Failed, Input, Loaded, Message, Outcome};

fn screen(scene: &Scene) -> State {
    let mut state = State::default();
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

/// Selects the entry of that number.
fn select(state: &mut State, scene: &Scene, entry: u64) {
    act(state, scene, Action::First);
    for _ in entry..5 {
        act(state, scene, Action::Down);
    }
}

#[test]
fn looks_as_designed() {
    for (width, height) in [(80, 24), (120, 36), (60, 20)] {
        let scene = Scene::new(width, height);
        let mut state = screen(&scene);
        select(&mut state, &scene, 3);
        picture(
            "history",
            &format!("entries_{width}x{height}"),
            &drawn(&state, &scene),
        );
    }
}

#[test]
fn every_kind_of_entry_opens() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    for (entry, name) in [(1, "verdict"), (4, "promotion"), (5, "unknown")] {
        select(&mut state, &scene, entry);
        act(&mut state, &scene, Action::Open);
        picture("history", &format!("{name}_80x24"), &drawn(&state, &scene));
        act(&mut state, &scene, Action::Back);
    }
}

#[test]
fn a_broken_chain_is_read_only_and_said() {
    let mut scene = Scene::new(80, 24);
    scene.review.ledger_problem = Some("entry 3 (000000000003.json) was edited".to_owned());
    let mut state = screen(&scene);
    select(&mut state, &scene, 3);
    assert_eq!(act(&mut state, &scene, Action::Undo), Vec::new());
    assert!(matches!(state.undo, Undo::Failed(_)));
    picture("history", "broken_80x24", &drawn(&state, &scene));
}

#[test]
fn an_empty_ledger_is_said() {
    let mut scene = Scene::new(80, 24);
    scene.review.history = Arc::new(Vec::new());
    let state = screen(&scene);
    picture("history", "empty_80x24", &drawn(&state, &scene));
}

#[test]
fn taking_back_asks_and_records() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    select(&mut state, &scene, 3);
    assert_eq!(act(&mut state, &scene, Action::Undo), Vec::new());
    picture("history", "undo_asked_80x24", &drawn(&state, &scene));
    // Anything else means no.
    assert_eq!(act(&mut state, &scene, Action::Down), Vec::new());
    assert_eq!(state.undo, Undo::No);
    act(&mut state, &scene, Action::Undo);
    let outcomes = act(&mut state, &scene, Action::Undo);
    assert_eq!(outcomes, vec![Effect::Undo { entries: vec![3] }.into()]);
    assert_eq!(state.undo, Undo::Saving(3));
    let loaded = Loaded::new(review(), now());
    state.receive(&Message::Undone(Ok(loaded)), &scene.context());
    assert_eq!(state.undo, Undo::No);
}

#[test]
fn a_refusal_of_the_ledger_is_shown() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    select(&mut state, &scene, 3);
    act(&mut state, &scene, Action::Undo);
    act(&mut state, &scene, Action::Undo);
    let failed = Failed {
        message: "the ledger is locked".to_owned(),
        hints: Vec::new(),
    };
    state.receive(&Message::Undone(Err(failed.clone())), &scene.context());
    assert_eq!(state.undo, Undo::Failed(failed));
}

#[test]
fn what_happened_and_what_is_undone_cannot_be_taken_back() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    assert!(state.undone.contains(&1));
    for entry in [1, 4, 5] {
        select(&mut state, &scene, entry);
        assert_eq!(act(&mut state, &scene, Action::Undo), Vec::new());
        assert!(matches!(state.undo, Undo::Failed(_)), "{entry}");
    }
}

#[test]
fn the_newest_entry_stays_in_front_when_one_is_added() {
    let mut scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    let mut entries = scene.review.history.as_ref().clone();
    let mut next = entries[4].clone();
    next.seq = 6;
    entries.push(next);
    scene.review.history = Arc::new(entries);
    state.refresh(&scene.context());
    assert_eq!(
        state.entry(&scene.context()).map(|entry| entry.seq),
        Some(6)
    );
    select(&mut state, &scene, 3);
    let before = state.entry(&scene.context()).map(|entry| entry.seq);
    state.refresh(&scene.context());
    assert_eq!(state.entry(&scene.context()).map(|entry| entry.seq), before);
}

#[test]
fn a_filter_lists_what_it_names() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Filter);
    assert_eq!(state.place(), Place::Field);
    state.handle(&Input::Paste("approve".to_owned()), &scene.context());
    assert_eq!(state.listed, [2]);
}

/// Entries about accepted risks with different ends, one of them carried over, and one about files.
fn with_ends(width: u16, height: u16) -> Scene {
    let mut scene = Scene::new(width, height);
    for (finding, until) in [
        (0, "2025-05-30"),
        (1, "2025-06-05"),
        (2, "2025-06-20"),
        (3, "fixed"),
    ] {
        let mut earlier = offer(&scene.review, finding, 2);
        earlier.verdict.until = until.parse().ok();
        let body = carried(&scene.review, &earlier);
        append(&mut scene.review, "verdict", body);
    }
    let files = json!({"files": [
        {"file": "000000000010.json", "reason": "cut short", "sha256": digest()},
        {"file": "notes.txt", "reason": "not a file of the ledger", "sha256": null}]});
    append(&mut scene.review, "set-aside", files);
    scene
}

#[test]
fn the_calendar_shows_what_ends_when_and_leads_to_the_entry() {
    for (width, height) in [(80, 24), (120, 36), (60, 20)] {
        let scene = with_ends(width, height);
        let mut state = screen(&scene);
        act(&mut state, &scene, Action::Expiring);
        act(&mut state, &scene, Action::Down);
        let name = format!("calendar_{width}x{height}");
        picture("history", &name, &drawn(&state, &scene));
        assert_eq!(act(&mut state, &scene, Action::Open), Vec::new());
        let entry = state.entry(&scene.context()).map(|entry| entry.seq);
        assert_eq!((entry, state.is_open), (Some(7), true));
    }
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Expiring);
    picture("history", "calendar_empty_80x24", &drawn(&state, &scene));
    act(&mut state, &scene, Action::Back);
    assert!(!state.calendar.is_open);
}

#[test]
fn a_carried_verdict_and_files_set_aside_say_what_they_are() {
    let scene = with_ends(80, 24);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Open);
    picture("history", "set_aside_80x24", &drawn(&state, &scene));
    act(&mut state, &scene, Action::Back);
    act(&mut state, &scene, Action::Down);
    act(&mut state, &scene, Action::Open);
    picture("history", "carried_80x24", &drawn(&state, &scene));
}
