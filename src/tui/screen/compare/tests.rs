//! Tests of the comparison: what is listed in which mode, and how it looks.

use super::State;
use super::rows::{Mode, listed, tallies};
use crate::keymap::{Action, Key, Place};
use crate::model::{Decision, Severity};
use crate::triage::compare::{Comparison, Difference};
use crate::tui::fixture::{Scene, comparison, picture};
use crate::tui::message::{Effect, Input, Judgement, Message, Outcome};

fn screen(scene: &Scene) -> State {
    State::with(vec![comparison()], &scene.context())
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

#[test]
fn looks_as_designed() {
    for (width, height) in [(80, 24), (120, 36), (60, 20)] {
        let scene = Scene::new(width, height);
        let state = screen(&scene);
        picture(
            "compare",
            &format!("rows_{width}x{height}"),
            &drawn(&state, &scene),
        );
    }
}

#[test]
fn the_reason_opens_in_full() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Down);
    act(&mut state, &scene, Action::Open);
    picture("compare", "reason_open_80x24", &drawn(&state, &scene));
    assert_eq!(act(&mut state, &scene, Action::Back), Vec::new());
    assert_eq!(
        act(&mut state, &scene, Action::Back),
        vec![Message::Back.into()]
    );
}

#[test]
fn an_open_reason_is_paged_through_and_the_rows_stay() {
    let scene = Scene::new(60, 20);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Down);
    act(&mut state, &scene, Action::Open);
    let first = drawn(&state, &scene);
    act(&mut state, &scene, Action::PageDown);
    assert!(state.scroll > 0 && state.cursor.selected == 1);
    assert_ne!(drawn(&state, &scene), first);
    let furthest = state.scroll;
    for _ in 0..9 {
        act(&mut state, &scene, Action::PageDown);
    }
    assert!(state.scroll <= furthest.max(state.furthest(&scene.context())));
    act(&mut state, &scene, Action::Down);
    assert_eq!((state.scroll, state.cursor.selected), (0, 2));
}

#[test]
fn both_sides_stand_beside_each_other_where_there_is_room() {
    let scene = Scene::new(120, 36);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Open);
    picture("compare", "reason_open_120x36", &drawn(&state, &scene));
}

#[test]
fn nothing_to_compare_is_said() {
    let scene = Scene::new(80, 24);
    let state = State::with(Vec::new(), &scene.context());
    picture("compare", "nothing_80x24", &drawn(&state, &scene));
}

#[test]
fn each_mode_lists_its_rows() {
    let comparison = comparison();
    let ids = |mode| -> Vec<String> {
        let positions = listed(&comparison, mode);
        let id = |position: &usize| comparison.rows[*position].id.to_string();
        positions.iter().map(id).collect()
    };
    assert_eq!(ids(Mode::DifferencesFirst).len(), 5);
    assert_eq!(ids(Mode::DifferencesFirst)[4], "CVE-2024-24790");
    assert_eq!(ids(Mode::All)[0], "CVE-2024-24790");
    assert_eq!(ids(Mode::OnlyDifferences).len(), 4);
    assert_eq!(ids(Mode::OnlyLeft), ["CVE-2023-42366"]);
    assert_eq!(ids(Mode::OnlyRight), ["CVE-2024-21626"]);
    let mut mode = Mode::default();
    for _ in 0..5 {
        mode = mode.next();
    }
    assert_eq!(mode, Mode::default());
}

#[test]
fn the_table_of_agreement_counts_every_row() {
    let comparison = comparison();
    let tallies = tallies(&comparison);
    let of = |severity| {
        let place = Severity::ALL.iter().position(|other| *other == severity);
        tallies[place.unwrap()]
    };
    assert_eq!(of(Severity::Critical).agree, 1);
    assert_eq!(of(Severity::High).severity, 1);
    assert_eq!(of(Severity::High).fix, 1);
    assert_eq!(of(Severity::High).right, 1);
    assert_eq!(of(Severity::Low).left, 1);
    let agreeing = |comparison: &Comparison| {
        let rows = comparison.rows.iter();
        rows.filter(|row| row.difference.is_empty()).count() as u64
    };
    let agree: u64 = tallies.iter().map(|tally| tally.agree).sum();
    assert_eq!(agree, agreeing(&comparison));
    let only: u64 = tallies.iter().map(|tally| tally.left + tally.right).sum();
    let presence = comparison
        .rows
        .iter()
        .filter(|row| row.difference.contains(&Difference::Presence));
    assert_eq!(only, presence.count() as u64);
}

#[test]
fn a_filter_is_typed_and_cleared() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Filter);
    assert_eq!(state.place(), Place::Field);
    for character in "runc".chars() {
        state.handle(&Input::Key(Key::char(character)), &scene.context());
    }
    assert_eq!(state.listed.len(), 1);
    picture("compare", "filtered_80x24", &drawn(&state, &scene));
    let escape = Key::plain(crate::keymap::Code::Esc);
    state.handle(&Input::Key(escape), &scene.context());
    assert_eq!((state.place(), state.listed.len()), (Place::Compare, 5));
}

#[test]
fn a_row_is_decided_as_the_finding_it_became() {
    let mut scene = Scene::new(80, 24);
    let mut findings = scene.review.findings.as_ref().clone();
    findings[0].package.version = "1.0.0".to_owned();
    scene.review.findings = std::sync::Arc::new(findings);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Last);
    act(&mut state, &scene, Action::Decide);
    assert_eq!(state.place(), Place::DecisionMenu);
    let judge = Message::Judge(Judgement::Findings {
        findings: vec![0],
        decision: Decision::NotAffected,
    });
    let outcomes = act(&mut state, &scene, Action::NotAffected);
    assert_eq!(outcomes, vec![judge.into()]);
    assert_eq!(state.place(), Place::Compare);
}

#[test]
fn what_is_copied_is_what_is_selected() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Copy);
    assert_eq!(state.place(), Place::CopyMenu);
    let outcomes = act(&mut state, &scene, Action::CopyId);
    assert_eq!(
        outcomes,
        vec![Effect::Copy("CVE-2024-21626".to_owned()).into()]
    );
}
