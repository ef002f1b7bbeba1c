//! Tests of the findings: what stays selected and marked when the review changes under it.

use std::sync::Arc;

use super::*;
use crate::keymap::Action;
use crate::tui::fixture::Scene;
use crate::tui::message::{Effect, Judgement};

fn act(state: &mut State, scene: &Scene, action: Action) -> Vec<Outcome> {
    state.handle(&Input::Action(action), &scene.context())
}

fn screen(scene: &Scene, scope: Scope) -> State {
    let mut state = State::new(scope);
    state.refresh(&scene.context());
    state
}

fn names(state: &State, scene: &Scene) -> Vec<String> {
    let finding = |row: &u32| {
        scene
            .context()
            .finding(*row as usize)
            .map(|one| one.id.to_string())
    };
    state.rows.iter().filter_map(finding).collect()
}

#[test]
fn selection_and_marks_follow_their_findings_when_the_inputs_are_read_again() {
    let mut scene = Scene::new(80, 24);
    let mut state = screen(&scene, Scope::All);
    act(&mut state, &scene, Action::Down);
    act(&mut state, &scene, Action::Mark);
    let chosen = state
        .selected()
        .and_then(|row| scene.context().finding(row))
        .cloned();
    let marked: Vec<_> = state
        .marks
        .iter()
        .filter_map(|row| scene.context().finding(*row))
        .cloned()
        .collect();

    let findings = Arc::make_mut(&mut scene.review.findings);
    findings.reverse();
    scene.review.index = Arc::new(crate::triage::index::FindingIndex::build(
        &scene.review.findings,
        &[],
    ));
    state.refresh(&scene.context());
    let now = state
        .selected()
        .and_then(|row| scene.context().finding(row))
        .cloned();
    assert_eq!(now, chosen);
    let still: Vec<_> = state
        .marks
        .iter()
        .filter_map(|row| scene.context().finding(*row))
        .cloned()
        .collect();
    assert_eq!(still, marked);
    assert_eq!(still.len(), 1);
}

#[test]
fn a_decision_is_about_the_marked_findings_else_the_selected_one() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene, Scope::All);
    let about = |outcomes: &[Outcome]| match outcomes {
        [Outcome::Message(Message::Judge(Judgement::Findings { findings, .. }))] => findings.len(),
        other => panic!("{other:?}"),
    };
    act(&mut state, &scene, Action::Decide);
    assert_eq!(about(&act(&mut state, &scene, Action::Affected)), 1);
    act(&mut state, &scene, Action::MarkAll);
    act(&mut state, &scene, Action::Decide);
    let all = about(&act(&mut state, &scene, Action::AcceptRisk));
    assert_eq!(all, state.rows.len());
}

#[test]
fn severity_fix_and_filter_narrow_together_and_clear_together() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene, Scope::All);
    let all = names(&state, &scene).len();
    for _ in 0..4 {
        act(&mut state, &scene, Action::RaiseSeverity);
    }
    let high = names(&state, &scene);
    assert!(high.len() < all, "{high:?}");
    act(&mut state, &scene, Action::Fixable);
    let fixable = names(&state, &scene);
    assert!(fixable.len() < high.len() && fixable.iter().all(|id| high.contains(id)));
    act(&mut state, &scene, Action::Clear);
    assert_eq!(names(&state, &scene).len(), all);
}

#[test]
fn hygiene_lists_what_is_no_vulnerability() {
    let scene = Scene::new(80, 24);
    let state = screen(&scene, Scope::Hygiene);
    assert!(!state.rows.is_empty());
    for row in &state.rows {
        let finding = scene
            .context()
            .finding(*row as usize)
            .expect("a row is a finding");
        assert_ne!(finding.kind, Kind::Vulnerability);
    }
}

#[test]
fn long_texts_are_read_when_a_finding_is_opened() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene, Scope::All);
    let finding = state.selected().expect("a finding is selected");
    let outcomes = act(&mut state, &scene, Action::Open);
    assert_eq!(outcomes, [Effect::LoadDetails { finding }.into()]);
    act(&mut state, &scene, Action::Back);
    assert_eq!(
        act(&mut state, &scene, Action::Back),
        [Message::Back.into()]
    );
}

/// What a file suppresses is counted and named, and shown when it is asked for.
#[test]
fn suppressed_findings_are_named_and_shown_on_demand() {
    let mut scene = Scene::new(120, 36);
    let key = {
        let findings = Arc::make_mut(&mut scene.review.findings);
        let hidden = findings.first_mut().unwrap();
        hidden.suppressed_by = Some(crate::model::Suppression {
            by: crate::model::SuppressedBy::Document,
            source: "reports/vex.json".into(),
            status: "not_affected".into(),
            statement: Some("the parser is not built in".into()),
        });
        hidden.key.clone()
    };
    scene.review.index = Arc::new(crate::triage::index::FindingIndex::build(
        &scene.review.findings,
        &[],
    ));
    let mut state = screen(&scene, Scope::All);
    let context = scene.context();
    let shown = |state: &State| {
        let mut rows = state
            .rows
            .iter()
            .filter_map(|row| context.finding(*row as usize));
        rows.any(|finding| finding.key == key)
    };
    assert!(!shown(&state));
    let drawn = |state: &State| {
        let status = state.status(&context);
        scene.drawn(
            |context, area, buffer| state.view(context, area, buffer),
            &status,
        )
    };
    let before = drawn(&state);
    assert!(before.contains("1 suppressed by vex.json"), "{before}");
    state.filter_by("suppressed:yes", &context);
    assert!(shown(&state) && state.rows.len() == 1);
    let drawn = drawn(&state);
    assert!(drawn.contains("not_affected by"), "{drawn}");
    assert!(drawn.contains("the parser is"), "{drawn}");
    state.filter_by("!suppressed:yes", &context);
    assert!(!shown(&state) && !state.rows.is_empty());
}
