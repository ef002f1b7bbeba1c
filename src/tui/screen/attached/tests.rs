//! Tests of what hangs on an image: how it looks, how it is opened, and late answers.

use std::sync::Arc;

use super::State;
use crate::keymap::{Action, Place};
use crate::model::Digest;
use crate::model::oci::Descriptor;
use crate::signatures::{Attached, NodeKind, Tree, TreeNode};
use crate::tui::fixture::{Scene, picture};
use crate::tui::message::{Effect, Failed, Input, Message, Outcome};

const CYCLONEDX: &str = "https://cyclonedx.org/bom";

fn node(name: &str, kind: NodeKind, artifact_type: &str, children: Vec<TreeNode>) -> TreeNode {
    let digest = Digest::of(name.as_bytes());
    let is_document = children.is_empty();
    let document = Descriptor {
        media_type: "application/vnd.dev.sigstore.bundle.v0.3+json".to_owned(),
        digest: digest.clone(),
        size: 2_048,
        platform: None,
        artifact_type: None,
        urls: Vec::new(),
        annotations: std::collections::BTreeMap::default(),
    };
    TreeNode {
        digest,
        kind,
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        artifact_type: (!artifact_type.is_empty()).then(|| artifact_type.to_owned()),
        verified: None,
        reason: None,
        key_fingerprint: None,
        claimed_time: None,
        platform: None,
        tag: None,
        size: 2_048,
        document: is_document.then_some(document),
        children,
    }
}

fn tree() -> Tree {
    let key = Digest::of(b"key");
    let signature = TreeNode {
        verified: Some(true),
        key_fingerprint: Some(key.clone()),
        claimed_time: Some("2026-03-01T12:00:00Z".to_owned()),
        ..node(
            "bundle",
            NodeKind::Signature,
            "https://sigstore.dev/cosign/sign/v1",
            Vec::new(),
        )
    };
    let moved = TreeNode {
        verified: Some(false),
        reason: Some("it signs sha256:1111, not this image".to_owned()),
        ..node("moved", NodeKind::Signature, "", Vec::new())
    };
    let behind = TreeNode {
        tag: Some("sha256-0000.sig".to_owned()),
        ..node("tag", NodeKind::Signature, "", vec![moved])
    };
    let sbom = TreeNode {
        verified: Some(true),
        key_fingerprint: Some(key),
        ..node("sbom", NodeKind::Attestation, CYCLONEDX, Vec::new())
    };
    let notation = node(
        "notation",
        NodeKind::NotationSignature,
        "application/vnd.cncf.notary.signature",
        Vec::new(),
    );
    let image = TreeNode {
        platform: Some("linux/amd64".to_owned()),
        ..node(
            "image",
            NodeKind::Image,
            "",
            vec![signature, sbom, notation, behind],
        )
    };
    Tree {
        root: node("index", NodeKind::Index, "", vec![image]),
        warnings: Vec::new(),
    }
}

fn screen(scene: &Scene) -> State {
    let (mut state, asked) = State::begin(&scene.context());
    let [Outcome::Effect(Effect::ReadTree { image })] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    answer(&mut state, scene, image, Ok(Arc::new(tree())));
    state
}

fn answer(state: &mut State, scene: &Scene, image: &str, result: Result<Arc<Tree>, Failed>) {
    let image = image.to_owned();
    state.receive(&Message::Tree { image, result }, &scene.context());
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

fn opened(scene: &Scene) -> Arc<Attached> {
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": "22".repeat(32)}}],
        "predicateType": CYCLONEDX,
        "predicate": {"bomFormat": "CycloneDX"},
    });
    Arc::new(Attached {
        predicate_type: Some(CYCLONEDX.to_owned()),
        subjects: vec![format!("sha256:{}", "22".repeat(32))],
        statement: serde_json::to_string_pretty(&statement).ok(),
        sbom: Some(Arc::clone(&scene.review.sboms[0])),
        content: Digest::of(b"content"),
        problem: None,
    })
}

#[test]
fn looks_as_designed() {
    for (width, height) in [(80, 24), (120, 36)] {
        let scene = Scene::new(width, height);
        let mut state = screen(&scene);
        act(&mut state, &scene, Action::Last);
        let name = format!("tree_{width}x{height}");
        picture("attached", &name, &drawn(&state, &scene));
        for _ in 0..3 {
            act(&mut state, &scene, Action::Up);
        }
        let asked = act(&mut state, &scene, Action::Open);
        let [Outcome::Effect(Effect::OpenAttached { node, .. })] = asked.as_slice() else {
            panic!("{asked:?}");
        };
        let node = node.digest.clone();
        let result = Ok(opened(&scene));
        state.receive(&Message::Attached { node, result }, &scene.context());
        picture(
            "attached",
            &format!("sbom_{width}x{height}"),
            &drawn(&state, &scene),
        );
        act(&mut state, &scene, Action::NextPane);
        picture(
            "attached",
            &format!("statement_{width}x{height}"),
            &drawn(&state, &scene),
        );
    }
}

#[test]
fn a_registry_that_refuses_is_told_with_the_next_step() {
    let scene = Scene::new(80, 24);
    let (mut state, _asked) = State::begin(&scene.context());
    picture("attached", "asked_80x24", &drawn(&state, &scene));
    let failed = Failed {
        message: "the registry 127.0.0.1:5000 does not answer".to_owned(),
        hints: vec!["is it running?".to_owned()],
    };
    let image = state.images[0].clone();
    answer(&mut state, &scene, &image, Err(failed));
    picture("attached", "failed_80x24", &drawn(&state, &scene));
    assert_eq!(act(&mut state, &scene, Action::Open), Vec::new());
}

#[test]
fn a_late_answer_about_another_image_is_dropped() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    let before = state.rows.len();
    let asked = act(&mut state, &scene, Action::NextPane);
    let destination = scene.prefill.destination.clone().unwrap();
    let image = destination.clone();
    assert_eq!(asked, vec![Effect::ReadTree { image }.into()]);
    let first = state.images[0].clone();
    answer(&mut state, &scene, &first, Ok(Arc::new(tree())));
    assert!(state.rows.is_empty());
    answer(&mut state, &scene, &destination, Ok(Arc::new(tree())));
    assert_eq!(state.rows.len(), before);
}

#[test]
fn back_closes_the_document_before_the_tree() {
    let scene = Scene::new(80, 24);
    let mut state = screen(&scene);
    // The index itself holds no document.
    assert_eq!(act(&mut state, &scene, Action::Open), Vec::new());
    act(&mut state, &scene, Action::Last);
    act(&mut state, &scene, Action::Open);
    assert!(state.opened.is_some());
    assert_eq!(act(&mut state, &scene, Action::Back), Vec::new());
    assert!(state.opened.is_none());
    act(&mut state, &scene, Action::Copy);
    assert_eq!(state.place(), Place::CopyMenu);
    let digest = Digest::of(b"moved").to_string();
    let copied = act(&mut state, &scene, Action::CopyDigest);
    assert_eq!(copied, vec![Effect::Copy(digest).into()]);
    let back = act(&mut state, &scene, Action::Back);
    assert_eq!(back, vec![Message::Back.into()]);
}
