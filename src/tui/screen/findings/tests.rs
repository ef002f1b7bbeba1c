//! Tests of the findings: what stays selected and marked when the review changes under it.

use std::sync::Arc;

use super::*;
use crate::keymap::Action;
use crate::model::ConfigSource;
use crate::model::oci::ImageConfig;
use crate::model::{
    Cvss, Decision, FindingRef, LayerPlace, Rating, Record, RecordRef, Recorded,
    Scope as VerdictScope, Standing, StandingVerdict, SubjectRef, Verdict,
};
use crate::triage::hygiene::Configured;
use crate::triage::risk::base::{Base, BaseRule};
use crate::tui::fixture::{Scene, digest, picture};
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

/// The first finding as two reports have it, which rate it otherwise, with a base and a score.
fn rated(scene: &mut Scene) {
    let rating = |scanner: &str, source: &str, severity, score| Rating {
        scanner: scanner.to_owned(),
        source: source.to_owned(),
        severity,
        score: Some(score),
        vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned()),
        ..Rating::default()
    };
    let mut older = rating("trivy", "nvd", Severity::Critical, 9.8);
    older.other_cvss = vec![Cvss {
        score: Some(7.5),
        vector: Some("AV:N/AC:L/Au:N/C:P/I:P/A:P".to_owned()),
    }];
    let said = [
        (
            Severity::Medium,
            "debian",
            vec![rating("trivy", "debian", Severity::Medium, 5.3), older],
        ),
        (
            Severity::Critical,
            "nvd",
            vec![
                rating("grype", "nvd", Severity::Critical, 9.8),
                rating("grype", "debian", Severity::Medium, 5.3),
                rating("grype", "nodejs-security-wg", Severity::High, 8.0),
            ],
        ),
    ];
    let findings = Arc::make_mut(&mut scene.review.findings);
    let finding = &mut findings[0];
    finding.ratings.clear();
    for (report, (severity, source, ratings)) in scene.review.reports.iter_mut().zip(said) {
        let ratings: Vec<Arc<Rating>> = ratings.into_iter().map(Arc::new).collect();
        finding.ratings.extend(ratings.iter().cloned());
        Arc::make_mut(report).records = vec![Record {
            id: finding.id.to_string(),
            severity,
            severity_source: Some(source.to_owned()),
            namespace: Some("debian".to_owned()),
            ratings,
            ..Record::default()
        }];
    }
    finding.records = (0..2)
        .map(|report| RecordRef { report, record: 0 })
        .collect();
    finding.layer = LayerPlace::Base;
    finding.exploitation.percentile = Some(0.7312);
    finding.exploitation.scored = "2025-05-31".parse().ok();
    scene.review.bases = vec![Some(Base {
        layers: 1,
        of: 3,
        known_by: BaseRule::History,
    })];
}

#[test]
fn the_detail_sets_all_ratings_side_by_side_and_says_why() {
    for (width, height) in [(80, 24), (120, 36)] {
        let mut scene = Scene::new(width, height);
        rated(&mut scene);
        scene.severity_from = "debian".parse().ok();
        let mut state = screen(&scene, Scope::All);
        if width < 100 {
            act(&mut state, &scene, Action::Open);
        }
        let status = state.status(&scene.context());
        let drawn = scene.drawn(
            |context, area, buffer| state.view(context, area, buffer),
            &status,
        );
        picture("findings", &format!("rated_{width}x{height}"), &drawn);
    }
}

#[test]
fn another_sources_severity_changes_what_is_seen_and_no_row() {
    let mut scene = Scene::new(120, 36);
    rated(&mut scene);
    let rows = screen(&scene, Scope::All).rows;
    scene.severity_from = "debian".parse().ok();
    let mut state = screen(&scene, Scope::All);
    assert_eq!(state.rows, rows);
    let shown = |position: usize| scene.context().shown(&scene.review.findings[position]);
    assert_eq!(shown(0).severity, Severity::Medium);
    assert!(!shown(0).is_fallback);
    assert!(shown(1).is_fallback);
    // The filter of the keys keeps the highest too.
    for _ in 0..5 {
        act(&mut state, &scene, Action::RaiseSeverity);
    }
    assert_eq!(names(&state, &scene), ["CVE-2024-24790"]);
}

#[test]
fn the_menu_sorts_by_risk() {
    let mut scene = Scene::new(80, 24);
    let findings = Arc::make_mut(&mut scene.review.findings);
    findings[4].known_exploited = Some(true);
    scene.review.index = Arc::new(crate::triage::index::FindingIndex::build(
        &scene.review.findings,
        &[],
    ));
    let mut state = screen(&scene, Scope::All);
    let first = |state: &State| names(state, &scene)[0].clone();
    assert_eq!(first(&state), "CVE-2024-24790");
    act(&mut state, &scene, Action::Sort);
    act(&mut state, &scene, Action::SortRisk);
    assert_eq!(first(&state), "CVE-2023-42366");
    act(&mut state, &scene, Action::Reverse);
    assert_ne!(first(&state), "CVE-2023-42366");
}

/// One finding of every kind that is no vulnerability, and an image whose configuration tells much.
fn unclean(width: u16, height: u16) -> Scene {
    let config = serde_json::json!({
        "config": {
            "Env": ["PATH=/bin", "DB_PASSWORD=hunter2"], "ExposedPorts": {"2375/tcp": {}},
            "Labels": {"vcs-ref": "a"}, "Healthcheck": {"Test": ["CMD", "true"]},
        },
        "history": [
            {"created_by": "/bin/sh -c #(nop) ADD https://a.example/b in /b"},
            {"created_by": "RUN /bin/sh -c curl -fsSL https://a.example/install | sh # buildkit"},
        ],
    });
    let config: ImageConfig = serde_json::from_value(config).unwrap();
    let config = config.masked();
    let mut scene = Scene::new(width, height);
    let mut findings = scene.review.findings.as_ref().clone();
    let example = findings.last().cloned().unwrap();
    for (kind, id, path, title) in [
        (
            Kind::Secret,
            "private-key",
            "etc/ssl/debug.pem:1",
            "Asymmetric private key",
        ),
        (
            Kind::Misconfiguration,
            "DS-0002",
            "Dockerfile",
            "Image user should not be root",
        ),
        (
            Kind::License,
            "GPL-3.0",
            "usr/share/a/LICENSE",
            "restricted",
        ),
    ] {
        let mut finding = example.clone();
        finding.kind = kind;
        finding.id = crate::model::VulnerabilityId::new(id);
        finding.title = title.to_owned();
        finding.ratings.clear();
        (finding.epss, finding.known_exploited) = (None, None);
        finding.scanners = vec!["trivy".to_owned()];
        if let Some(location) = finding.package.locations.first_mut() {
            path.clone_into(&mut location.path);
        }
        findings.push(finding);
    }
    findings.retain(|one| one.title != example.title || one.kind != Kind::Secret);
    let source = ConfigSource {
        name: "caddy.trivy.json".to_owned(),
        part: Some("Metadata.ImageConfig"),
    };
    let configured = Configured {
        config: &config,
        source,
        time: None,
    };
    findings.extend(crate::triage::hygiene::findings(0, &[configured]));
    if let Some(report) = scene.review.reports.first_mut() {
        let config = (Arc::new(config), "Metadata.ImageConfig");
        Arc::make_mut(report).claim.config = Some(config);
    }
    scene.review.index = Arc::new(crate::triage::index::FindingIndex::build(&findings, &[]));
    scene.review.verdicts = vec![None; findings.len()];
    scene.review.findings = Arc::new(findings);
    scene
}

#[test]
fn hygiene_is_grouped_by_kind_and_says_what_was_not_checked() {
    for (width, height) in [(60, 20), (80, 24), (120, 36)] {
        let scene = unclean(width, height);
        let mut state = screen(&scene, Scope::Hygiene);
        let kinds: Vec<u8> = state
            .rows
            .iter()
            .filter_map(|row| scene.context().finding(*row as usize))
            .map(|finding| hygiene::group(finding.kind).0)
            .collect();
        assert!(kinds.is_sorted() && kinds.len() == 8, "{kinds:?}");
        // The variable that holds a secret.
        act(&mut state, &scene, Action::Down);
        let drawn = scene.drawn(
            |context, area, buffer| state.view(context, area, buffer),
            &state.status(&scene.context()),
        );
        assert!(
            drawn.contains("not checked") && !drawn.contains("hunter2"),
            "{drawn}"
        );
        picture("hygiene", &format!("list_{width}x{height}"), &drawn);
    }
}

#[test]
fn a_check_shows_message_place_and_resolution() {
    let scene = unclean(60, 20);
    let mut state = screen(&scene, Scope::Hygiene);
    act(&mut state, &scene, Action::Down);
    act(&mut state, &scene, Action::Down);
    act(&mut state, &scene, Action::Open);
    let finding = state.selected().unwrap();
    let details = Details {
        description: "Running containers with 'root' user can lead to escapes.".to_owned(),
        message: Some("Specify at least 1 USER command in Dockerfile".to_owned()),
        resolution: Some("Add 'USER <non root user name>' line".to_owned()),
        lines: Some((3, 5)),
        ..Details::default()
    };
    let result = Ok(vec![("trivy".to_owned(), details)]);
    state.receive(&Message::Details { finding, result }, &scene.context());
    let drawn = scene.drawn(
        |context, area, buffer| state.view(context, area, buffer),
        &state.status(&scene.context()),
    );
    picture("hygiene", "check_60x20", &drawn);
}

#[test]
fn the_detail_says_that_a_newer_report_renewed_a_verdict() {
    let mut scene = Scene::new(120, 36);
    let finding = scene.context().finding(0).cloned().expect("a finding");
    let subject = scene.review.subjects[0].clone();
    let mut standing = StandingVerdict {
        verdict: Verdict {
            decision: Decision::FalsePositive,
            reason: "another package".to_owned(),
            until: None,
            justification: None,
            scope: VerdictScope::Finding,
            finding: FindingRef::of(&finding),
            subject: SubjectRef::of(&subject),
            reports: Vec::new(),
            carried_from: None,
        },
        recorded: Recorded {
            reviewer: "auditor".to_owned(),
            time: scene.context().now,
            entry: 1,
            entry_sha256: digest(),
        },
        standing: Standing::Current,
        because: None,
        carried: false,
        renewed_by: Vec::new(),
    };
    let detail = |scene: &Scene| {
        let mut state = screen(scene, Scope::All);
        act(&mut state, scene, Action::Open);
        scene.drawn(
            |context, area, buffer| state.view(context, area, buffer),
            &[],
        )
    };
    scene.review.verdicts[0] = Some(standing.clone());
    assert!(!detail(&scene).contains("renewed"));
    standing.renewed_by = vec![digest()];
    scene.review.verdicts[0] = Some(standing);
    let drawn = detail(&scene);
    let words = format!("in a newer report ({})", digest().short());
    assert!(drawn.contains(&words), "{drawn}");
}
