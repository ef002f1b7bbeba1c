//! Tests of the components: folding, listing, and how it looks.

use super::State;
use crate::keymap::{Action, Code, Key, Place};
use crate::tui::fixture::{Scene, picture};
use crate::tui::message::{Effect, Input, Message, Outcome};

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

fn names(state: &State) -> Vec<String> {
    let sbom = state.sbom.as_ref().unwrap();
    let name = |component: u32| sbom.components[component as usize].package.name.clone();
    state
        .listed
        .iter()
        .map(|listed| listed.component.map_or("-".to_owned(), name))
        .collect()
}

#[test]
fn looks_as_designed() {
    for (width, height) in [(80, 24), (120, 36), (60, 20)] {
        let scene = Scene::new(width, height);
        let mut state = screen(&scene);
        act(&mut state, &scene, Action::Down);
        picture(
            "components",
            &format!("tree_{width}x{height}"),
            &drawn(&state, &scene),
        );
    }
}

#[test]
fn other_shapes_and_the_open_detail() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Tree);
    picture("components", "flat_80x24", &drawn(&state, &scene));
    act(&mut state, &scene, Action::Licences);
    act(&mut state, &scene, Action::Last);
    picture("components", "licences_80x24", &drawn(&state, &scene));
    act(&mut state, &scene, Action::Open);
    picture("components", "detail_80x24", &drawn(&state, &scene));
}

#[test]
fn no_sbom_is_said() {
    let mut scene = Scene::new(80, 24);
    scene.review.sboms.clear();
    let state = screen(&scene);
    picture("components", "nothing_80x24", &drawn(&state, &scene));
}

#[test]
fn folding_hides_what_is_below_and_keeps_the_place() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    let all = names(&state);
    assert_eq!(all[0], "alpine");
    act(&mut state, &scene, Action::Left);
    assert!(names(&state).len() < all.len());
    assert_eq!(names(&state)[0], "alpine");
    assert_ne!(names(&state)[1], all[1]);
    act(&mut state, &scene, Action::Right);
    assert_eq!(names(&state), all);
    act(&mut state, &scene, Action::Right);
    assert_eq!(state.cursor.selected, 1);
    // From a leaf, left goes up to what it hangs under.
    act(&mut state, &scene, Action::Down);
    act(&mut state, &scene, Action::Left);
    assert!(state.cursor.selected < 2);
}

#[test]
fn a_filter_finds_by_name_purl_and_licence() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    act(&mut state, &scene, Action::Filter);
    assert_eq!(state.place(), Place::Field);
    state.handle(&Input::Paste("PKG:golang".to_owned()), &scene.context());
    assert_eq!(names(&state), ["golang.org/x/net", "stdlib"]);
    state.handle(&Input::Key(Key::plain(Code::Enter)), &scene.context());
    act(&mut state, &scene, Action::Back);
    assert!(names(&state).len() > 2);
}

#[test]
fn every_component_is_in_the_tree() {
    let scene = Scene::new(80, 24);
    let state = screen(&scene);
    let tree = names(&state);
    for component in &scene.review.sboms[0].components {
        assert!(tree.contains(&component.package.name), "{tree:?}");
    }
}

#[test]
fn findings_of_a_component_are_counted_and_reached() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    let stdlib = names(&state).iter().position(|name| name == "stdlib");
    let context = scene.context();
    state.cursor.select(stdlib.unwrap(), state.listed.len(), 10);
    let component = state.selected().unwrap().component.unwrap();
    assert_eq!(
        state.counted(component, &context).map(|(count, _)| count),
        Some(2)
    );
    act(&mut state, &scene, Action::Open);
    let outcomes = act(&mut state, &scene, Action::Open);
    assert_eq!(
        outcomes,
        vec![Message::Filter("pkg:stdlib".to_owned()).into()]
    );
    act(&mut state, &scene, Action::Copy);
    let outcomes = act(&mut state, &scene, Action::CopyPackage);
    let purl = "pkg:golang/stdlib@v1.20.12".to_owned();
    assert_eq!(outcomes, vec![Effect::Copy(purl).into()]);
}
