//! Tests of the verdict's form: what may be saved, what keeps the text, and how it looks.

use std::sync::Arc;

use super::form::{About, Choice, Field, Form};
use super::{Saving, State};
use crate::environment::Clock;
use crate::keymap::{Action, Code, Key, Place};
use crate::model::{Decision, ImageDecision, JUSTIFICATIONS, Scope, Until};
use crate::review::{DecideRequest, Decided, Selection};
use crate::tui::fixture::{Scene, now, offer, picture, review};
use crate::tui::message::{Effect, Failed, Input, Judgement, Loaded, Message, Outcome};
use crate::tui::widget::Field as TextField;

fn about(findings: &[usize], decision: Decision) -> Judgement {
    Judgement::Findings {
        findings: findings.to_vec(),
        decision,
    }
}

fn screen(scene: &Scene, judgement: &Judgement) -> State {
    let mut state = State::default();
    state.refresh(&scene.context());
    state.begin(judgement, &scene.context());
    state
}

fn act(state: &mut State, scene: &Scene, action: Action) -> Vec<Outcome> {
    state.handle(&Input::Action(action), &scene.context())
}

fn press(state: &mut State, scene: &Scene, code: Code) -> Vec<Outcome> {
    state.handle(&Input::Key(Key::plain(code)), &scene.context())
}

fn write(state: &mut State, scene: &Scene, text: &str) {
    act(state, scene, Action::Edit);
    assert_eq!(state.place(), Place::Field);
    for character in text.chars() {
        press(state, scene, Code::Char(character));
    }
    press(state, scene, Code::Esc);
}

fn drawn(state: &State, scene: &Scene) -> String {
    scene.drawn(
        |context, area, buffer| state.view(context, area, buffer),
        &state.status(&scene.context()),
    )
}

fn request(outcomes: &[Outcome]) -> DecideRequest {
    match outcomes {
        [Outcome::Effect(Effect::Record(request))] => request.clone(),
        other => panic!("no request: {other:?}"),
    }
}

#[test]
fn looks_as_designed() {
    for (width, height) in [(80, 24), (120, 36), (60, 20)] {
        let scene = Scene::new(width, height);
        let mut state = screen(&scene, &about(&[1, 2], Decision::AcceptRisk));
        act(&mut state, &scene, Action::Edit);
        let text = "Caddy is built without HTTP/3 here; quic-go is linked but not reachable.";
        state.handle(&Input::Paste(text.to_owned()), &scene.context());
        picture(
            "verdict",
            &format!("risk_{width}x{height}"),
            &drawn(&state, &scene),
        );
    }
}

#[test]
fn other_forms() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene, &about(&[0], Decision::NotAffected));
    act(&mut state, &scene, Action::Save);
    picture("verdict", "problems_80x24", &drawn(&state, &scene));
    let state = screen(&scene, &about(&[5], Decision::AcceptRisk));
    picture("verdict", "secret_80x24", &drawn(&state, &scene));
    let state = screen(&scene, &Judgement::Image(ImageDecision::Approve));
    picture("verdict", "image_80x24", &drawn(&state, &scene));
}

#[test]
fn an_accepted_risk_becomes_a_request() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene, &about(&[1, 2], Decision::AcceptRisk));
    write(&mut state, &scene, "not reachable");
    let request = request(&act(&mut state, &scene, Action::Save));
    assert_eq!(request.reason, "not reachable");
    assert_eq!(request.reviewer, "auditor");
    let Decided::Findings {
        decision,
        until,
        justification,
        scope,
        ..
    } = request.decided
    else {
        panic!("not about findings");
    };
    assert_eq!(decision, Decision::AcceptRisk);
    assert_eq!(until, Some(Until::Date("2025-08-30".parse().unwrap())));
    assert_eq!((justification, scope), (None, Scope::Finding));
}

#[test]
fn nothing_is_saved_without_a_reason() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene, &about(&[0], Decision::Affected));
    write(&mut state, &scene, "   ");
    assert_eq!(act(&mut state, &scene, Action::Save), Vec::new());
    assert_eq!(state.saving, Saving::No);
    assert_eq!(state.problems.len(), 1);
    write(&mut state, &scene, "it is reachable");
    assert!(state.problems.is_empty(), "a mended problem goes away");
    assert_eq!(act(&mut state, &scene, Action::Save).len(), 1);
}

#[test]
fn saved_is_said_only_when_the_ledger_says_so() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene, &about(&[0], Decision::Affected));
    write(&mut state, &scene, "reachable");
    act(&mut state, &scene, Action::Save);
    assert_eq!(state.saving, Saving::Under);
    picture("verdict", "saving_80x24", &drawn(&state, &scene));
    // A second w, and keys that would change the text, do nothing meanwhile.
    assert_eq!(act(&mut state, &scene, Action::Save), Vec::new());
    assert_eq!(act(&mut state, &scene, Action::Discard), Vec::new());
    let loaded = Loaded::new(review(), now());
    state.receive(&Message::Recorded(Ok(loaded)), &scene.context());
    assert_eq!(state.saving, Saving::Done(5));
    assert!(!state.has_draft());
    picture("verdict", "saved_80x24", &drawn(&state, &scene));
    assert_eq!(
        act(&mut state, &scene, Action::Down),
        vec![Message::Back.into()]
    );
}

#[test]
fn a_failure_keeps_the_text() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene, &about(&[0], Decision::Affected));
    write(&mut state, &scene, "reachable");
    act(&mut state, &scene, Action::Save);
    let failed = Failed {
        message: "no space left on device".to_owned(),
        hints: vec!["free some space and press w again".to_owned()],
    };
    state.receive(&Message::Recorded(Err(failed)), &scene.context());
    assert!(state.has_draft());
    picture("verdict", "failed_80x24", &drawn(&state, &scene));
    assert_eq!(
        request(&act(&mut state, &scene, Action::Save)).reason,
        "reachable"
    );
}

#[test]
fn a_draft_survives_leaving_and_a_reload() {
    let scene = Scene::new(80, 24);
    let judgement = about(&[0], Decision::Affected);
    let mut state = screen(&scene, &judgement);
    write(&mut state, &scene, "half a th");
    assert_eq!(
        act(&mut state, &scene, Action::Back),
        vec![Message::Back.into()]
    );
    state.refresh(&scene.context());
    state.begin(&judgement, &scene.context());
    write(&mut state, &scene, "ought");
    assert_eq!(state.form.as_ref().unwrap().note.text(), "half a thought");
    assert_eq!(
        act(&mut state, &scene, Action::Discard),
        vec![Message::Back.into()]
    );
    assert!(!state.has_draft());
}

#[test]
fn a_broken_ledger_takes_nothing() {
    let mut scene = Scene::new(80, 24);
    scene.review.ledger_problem = Some("entry 3 was edited".to_owned());
    let mut state = screen(&scene, &about(&[0], Decision::Affected));
    write(&mut state, &scene, "reachable");
    assert_eq!(act(&mut state, &scene, Action::Save), Vec::new());
    assert!(matches!(state.saving, Saving::Failed(_)));
}

#[test]
fn letters_are_text_while_it_is_typed_and_ctrl_keys_are_not() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene, &about(&[0], Decision::Affected));
    act(&mut state, &scene, Action::Edit);
    for character in "qw?".chars() {
        press(&mut state, &scene, Code::Char(character));
    }
    for character in "wnk".chars() {
        state.handle(&Input::Key(Key::control(character)), &scene.context());
    }
    assert_eq!(state.form.as_ref().unwrap().note.text(), "qw?");
    let outcomes = state.handle(&Input::Key(Key::control('s')), &scene.context());
    assert_eq!(request(&outcomes).reason, "qw?");
}

#[test]
fn the_end_of_a_risk_obeys_the_policy() {
    let scene = Scene::new(80, 24);
    let mut form = Form::new(
        &scene.review,
        0,
        About::Findings(vec![0]),
        Some(Choice::Finding(Decision::AcceptRisk)),
        now(),
    );
    form.note
        .edit(&crate::tui::widget::note_editor::Edit::Char('x'));
    for (until, good) in [
        ("2025-08-30", true),
        ("2025-08-31", false),
        ("2025-06-01", true),
        ("2025-05-31", false),
        ("fixed", true),
        ("", false),
        ("soon", false),
    ] {
        form.until = TextField::new(until);
        let problems = form.problems();
        assert_eq!(problems.is_empty(), good, "{until}: {problems:?}");
    }
}

#[test]
fn a_secret_cannot_be_accepted() {
    let scene = Scene::new(80, 24);
    let form = Form::new(
        &scene.review,
        0,
        About::Findings(vec![0, 5]),
        Some(Choice::Finding(Decision::AcceptRisk)),
        now(),
    );
    assert_eq!(form.choice, None);
    let choices = form.choices();
    assert!(choices.contains(&Choice::Finding(Decision::FalsePositive)));
    assert!(!choices.contains(&Choice::Finding(Decision::NotAffected)));
    assert!(form.request("auditor", Clock::Fixed(now())).is_err());
}

#[test]
fn scopes_count_what_they_reach() {
    let mut scene = Scene::new(80, 24);
    let mut other = crate::tui::fixture::subject();
    other.name = "elsewhere:1".to_owned();
    other.manifest_digest = Some(crate::model::Digest::of(b"elsewhere"));
    other.repo_digests = vec![format!(
        "registry.example/elsewhere@{}",
        crate::model::Digest::of(b"elsewhere")
    )];
    other.tags = vec!["registry.example/elsewhere:1".to_owned()];
    other.image_id = None;
    other.diff_ids = Vec::new();
    scene.review.subjects.push(other);
    let mut findings = scene.review.findings.as_ref().clone();
    let mut there = findings[0].clone();
    there.subject = 1;
    let mut newer = findings[0].clone();
    newer.package.version = "v1.20.13".to_owned();
    findings.extend([there, newer]);
    scene.review.findings = Arc::new(findings);
    let about = About::Findings(vec![0]);
    let form = Form::new(&scene.review, 0, about, None, now());
    let hits = |scope| form.impact(scope).map_or(0, |impact| impact.findings);
    assert_eq!(hits(Scope::Finding), 1);
    assert_eq!(hits(Scope::Package), 2);
    assert_eq!(hits(Scope::Repository), 1);
    assert_eq!(hits(Scope::Everywhere), 2);
}

#[test]
fn fields_follow_the_decision() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene, &about(&[0], Decision::NotAffected));
    let fields = |state: &State| state.form.as_ref().unwrap().fields();
    assert!(fields(&state).contains(&Field::Justification));
    state.focus_on(Field::Justification);
    for _ in 0..=JUSTIFICATIONS.len() {
        act(&mut state, &scene, Action::Choose);
    }
    assert_eq!(state.form.as_ref().unwrap().justification, Some(0));
    state.focus_on(Field::Decision);
    act(&mut state, &scene, Action::Left);
    assert!(fields(&state).contains(&Field::Until));
    act(&mut state, &scene, Action::NextPane);
    assert_eq!(state.focus, Some(Field::Scope));
    act(&mut state, &scene, Action::PreviousPane);
    assert_eq!(state.focus, Some(Field::Decision));
}

#[test]
fn a_reviewer_takes_back_their_own_word() {
    let mut scene = Scene::new(80, 24);
    let mut state = screen(&scene, &Judgement::Image(ImageDecision::Approve));
    assert!(matches!(
        act(&mut state, &scene, Action::Undo).as_slice(),
        [Outcome::Message(Message::Notice(_))]
    ));
    let entry = crate::tui::fixture::entries().remove(2);
    let verdict = serde_json::from_value(entry.body.clone()).unwrap();
    scene.review.approvals = vec![vec![crate::model::Approval {
        verdict,
        recorded: crate::ledger::recorded(&entry),
        standing: crate::model::Standing::Current,
        because: None,
        signed_by: None,
    }]];
    let outcomes = act(&mut state, &scene, Action::Undo);
    assert_eq!(outcomes, vec![Effect::Undo { entries: vec![3] }.into()]);
}

/// A form about the image, under a policy that trusts keys.
fn signing() -> (Scene, State) {
    let mut scene = Scene::new(80, 24);
    let policy = "[approval]\ntrusted_keys = [\"auditor.pub\"]";
    scene.review.policy = policy.parse().unwrap();
    let mut state = screen(&scene, &Judgement::Image(ImageDecision::Approve));
    write(&mut state, &scene, "looked at it");
    (scene, state)
}

#[test]
fn a_locked_key_is_opened_before_the_word_is_signed() {
    let (scene, mut state) = signing();
    assert_eq!(act(&mut state, &scene, Action::Save), Vec::new());
    assert_eq!(
        (state.focus, state.problems.len()),
        (Some(Field::Password), 1)
    );
    for character in "hunter2".chars() {
        press(&mut state, &scene, Code::Char(character));
    }
    picture("verdict", "signed_80x24", &drawn(&state, &scene));
    let outcomes = press(&mut state, &scene, Code::Enter);
    let [Outcome::Effect(Effect::Unlock { password })] = outcomes.as_slice() else {
        panic!("no key was asked for: {outcomes:?}");
    };
    assert_eq!(password.0.as_str(), "hunter2");
    assert!(!format!("{state:?}").contains("hunter2"));
    let wrong = Failed {
        message: "the password does not open the private key".to_owned(),
        hints: Vec::new(),
    };
    let outcomes = state.receive(&Message::Unlocked(Err(wrong)), &scene.context());
    assert_eq!(outcomes, Vec::new());
    assert!(state.has_draft(), "the reason is kept");
    press(&mut state, &scene, Code::Char('x'));
    press(&mut state, &scene, Code::Enter);
    let outcomes = state.receive(&Message::Unlocked(Ok(())), &scene.context());
    let [Outcome::Effect(Effect::RecordSigned(request))] = outcomes.as_slice() else {
        panic!("nothing was signed: {outcomes:?}");
    };
    assert_eq!(request.reason, "looked at it");
    assert_eq!(request.decided, Decided::Image(ImageDecision::Approve));
    // The answer to somebody else's question about the key signs nothing.
    let again = state.receive(&Message::Unlocked(Ok(())), &scene.context());
    assert_eq!(again, Vec::new());
}

#[test]
fn signing_is_a_choice() {
    let (scene, mut state) = signing();
    act(&mut state, &scene, Action::PreviousPane);
    press(&mut state, &scene, Code::Esc);
    act(&mut state, &scene, Action::PreviousPane);
    assert_eq!(state.focus, Some(Field::Sign));
    act(&mut state, &scene, Action::Choose);
    request(&act(&mut state, &scene, Action::Save));
    // An open key needs no password; without trusted keys nothing is signed unasked.
    let mut scene = scene;
    scene.prefill.key_is_locked = false;
    let mut state = screen(&scene, &Judgement::Image(ImageDecision::Reject));
    write(&mut state, &scene, "no");
    let outcomes = act(&mut state, &scene, Action::Save);
    assert!(matches!(
        outcomes.as_slice(),
        [Outcome::Effect(Effect::RecordSigned(_))]
    ));
    scene.review.policy = "".parse().unwrap();
    let mut state = screen(&scene, &Judgement::Image(ImageDecision::Reject));
    write(&mut state, &scene, "no");
    request(&act(&mut state, &scene, Action::Save));
    scene.prefill.key = None;
    let state = screen(&scene, &Judgement::Image(ImageDecision::Reject));
    assert!(!state.form.unwrap().fields().contains(&Field::Sign));
}

#[test]
fn approvals_are_shown_with_key_and_standing() {
    let mut scene = Scene::new(80, 24);
    let entry = crate::tui::fixture::entries().remove(2);
    let verdict: crate::model::ImageVerdict = serde_json::from_value(entry.body.clone()).unwrap();
    let of = |who: &str, signed_by: Option<&[u8]>, because: Option<&str>| crate::model::Approval {
        verdict: verdict.clone(),
        recorded: crate::model::Recorded {
            reviewer: who.to_owned(),
            ..crate::ledger::recorded(&entry)
        },
        standing: because.map_or(crate::model::Standing::Current, |_| {
            crate::model::Standing::Stale
        }),
        because: because.map(str::to_owned),
        signed_by: signed_by.map(crate::model::Digest::of),
    };
    scene.review.approvals = vec![vec![
        of("ann", None, None),
        of("ben", Some(b"key"), None),
        of("cy", Some(b"other"), Some("the policy changed")),
    ]];
    let state = screen(&scene, &Judgement::Image(ImageDecision::Reject));
    picture("verdict", "approvals_80x24", &drawn(&state, &scene));
}

#[test]
fn an_earlier_verdict_is_offered_beside_the_finding_and_carried_over() {
    let mut scene = Scene::new(80, 24);
    let offers = vec![offer(&scene.review, 1, 2)];
    scene.review.offers = Arc::new(offers);
    let mut state = screen(&scene, &about(&[1, 2], Decision::AcceptRisk));
    picture("verdict", "offered_80x24", &drawn(&state, &scene));
    write(&mut state, &scene, "typed");
    let kept = act(&mut state, &scene, Action::CarryOver);
    assert!(matches!(&kept[..], [Outcome::Message(_)]), "{kept:?}");
    let mut state = screen(&scene, &about(&[1, 2], Decision::AcceptRisk));
    let request = request(&act(&mut state, &scene, Action::CarryOver));
    let offered = Selection::Findings(vec![1]);
    assert_eq!(request.decided, Decided::CarryOver(offered));
    assert_eq!(state.saving, Saving::Under);
    let mut state = screen(&scene, &about(&[2], Decision::AcceptRisk));
    let none = act(&mut state, &scene, Action::CarryOver);
    assert!(matches!(&none[..], [Outcome::Message(_)]), "{none:?}");
}

#[test]
fn what_a_scope_hits_follows_the_scope() {
    let scene = Scene::new(120, 36);
    let mut state = screen(&scene, &about(&[0], Decision::Affected));
    assert!(drawn(&state, &scene).contains("Hits      1 finding on 1 image"));
    act(&mut state, &scene, Action::Edit);
    press(&mut state, &scene, Code::Esc);
    act(&mut state, &scene, Action::NextPane);
    while state.focus != Some(Field::Scope) {
        press(&mut state, &scene, Code::Tab);
        press(&mut state, &scene, Code::Esc);
    }
    act(&mut state, &scene, Action::Right);
    let form = state.form.as_ref().unwrap();
    assert_eq!(form.scope, Scope::Package);
    let text = form.impact(Scope::Package).unwrap().text(4);
    assert!(drawn(&state, &scene).contains(&text), "{text}");
}
