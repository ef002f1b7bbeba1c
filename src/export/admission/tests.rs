//! Tests of the admission policies: names of images, keys, and the YAML they are written in.

use serde_json::json;

use super::*;

const PEM: &str = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";

fn made(engine: Engine, repositories: &[&str]) -> Admission {
    let repositories: Vec<Repositories> = repositories
        .iter()
        .map(|text| Repositories::parse(text).unwrap())
        .collect();
    let keys = [
        AdmissionKey::Pem(PEM.to_owned()),
        AdmissionKey::Kms("awskms:///alias/approve".to_owned()),
    ];
    admission(&AdmissionRequest {
        engine,
        name: "countersigned",
        keys: &keys,
        repositories: &repositories,
        audit: false,
        signed: Some("registry.test/team/app@sha256:11"),
        unsigned: None,
    })
}

#[test]
fn a_repository_is_matched_by_every_name_it_has_and_no_neighbour_is() {
    let made = made(Engine::Kyverno, &["nginx", "registry.test/team/*"]);
    let globs: Vec<&str> = made.policy["spec"]["matchImageReferences"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["glob"].as_str())
        .collect();
    for name in [
        "docker.io/library/nginx",
        "index.docker.io/library/nginx",
        "library/nginx",
        "nginx",
    ] {
        for ending in ["", ":*", "@*"] {
            assert!(
                globs.contains(&format!("{name}{ending}").as_str()),
                "{name}{ending}"
            );
        }
    }
    assert_eq!(globs.len(), 13);
    assert!(globs.contains(&"registry.test/team/*"));
}

#[test]
fn policy_controller_writes_docker_hub_out() {
    let made = made(Engine::PolicyController, &["nginx", "registry.test/team/*"]);
    assert_eq!(
        made.policy["spec"]["images"],
        json!([
            {"glob": "index.docker.io/library/nginx:*"},
            {"glob": "index.docker.io/library/nginx@*"},
            {"glob": "registry.test/team/**"},
        ])
    );
    let authorities = &made.policy["spec"]["authorities"];
    assert_eq!(authorities[0]["key"]["data"], PEM);
    assert_eq!(authorities[1]["key"]["kms"], "awskms:///alias/approve");
    assert!(authorities[0]["ctlog"].is_null());
}

#[test]
fn an_image_is_no_repository() {
    for text in [
        "registry.test/app:1",
        "registry.test/app@sha256:11",
        "a*b",
        "app:1",
        "",
    ] {
        assert!(Repositories::parse(text).is_err(), "{text}");
    }
    for text in [
        "registry.test:5000/app",
        "127.0.0.1:5000/*",
        "localhost:5000/a/b",
    ] {
        assert!(Repositories::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn every_engine_says_the_risk_and_brings_both_resources() {
    for engine in [
        Engine::Kyverno,
        Engine::KyvernoClusterPolicy,
        Engine::PolicyController,
    ] {
        let made = made(engine, &["registry.test/team/app"]);
        let said = made.needs.join(" ");
        assert!(said.contains("steals the key"), "{said}");
        let passes: Vec<bool> = made.tests.iter().map(|test| test.passes).collect();
        assert_eq!(passes, [true, false]);
        let unsigned = &made.tests[1].resource["spec"]["containers"][0]["image"];
        let unsigned = unsigned.as_str().unwrap();
        assert!(unsigned.starts_with("registry.test/team/app@sha256:000"));
    }
}

#[test]
fn yaml_quotes_what_could_be_misread_and_keeps_lines() {
    let value = json!({"a": {"date": "2026-01-01", "empty": {}, "key": PEM, "none": []},
        "list": [{"x": 1, "y": "no"}, "# text", ["n"]], "odd key": "tab\there\n"});
    let expected = "a:\n  date: \"2026-01-01\"\n  empty: {}\n  key: |\n    -----BEGIN PUBLIC KEY-----\n    AAAA\n    -----END PUBLIC KEY-----\n  none: []\nlist:\n  - x: 1\n    \"y\": \"no\"\n  - \"# text\"\n  -\n    - \"n\"\n\"odd key\": \"tab\\there\\n\"\n";
    assert_eq!(documents(&[&value]), expected);
}
