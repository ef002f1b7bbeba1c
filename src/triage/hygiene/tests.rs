//! Tests of hygiene: every rule with what it must see and what it must not, and merging.

mod cases;

use std::collections::BTreeSet;

use super::*;
use crate::model::{Kind, Severity};

/// A configuration that no rule has anything to say about.
const CLEAN: &str = r#"{"created":"2026-04-01T00:00:00Z",
    "config":{"User":"1000","Env":["PATH=/usr/bin:/bin"],"Entrypoint":["/app"],
    "Healthcheck":{"Test":["CMD","true"]},
    "Labels":{"org.opencontainers.image.source":"https://git.example/a"}},
    "rootfs":{"diff_ids":["sha256:1111111111111111111111111111111111111111111111111111111111111111"]},
    "history":[{"created_by":"COPY app /app # buildkit"},{"created_by":"USER 1000","empty_layer":true}]}"#;

fn config(text: &str) -> ImageConfig {
    let config: ImageConfig = serde_json::from_str(text).unwrap();
    config.masked()
}

fn source(name: &str) -> ConfigSource {
    ConfigSource {
        name: name.to_owned(),
        part: Some("Metadata.ImageConfig"),
    }
}

fn seen(config: &ImageConfig) -> Vec<Finding> {
    let time = "2026-05-01T12:00:00Z".parse().ok();
    let source = source("a.json");
    findings(
        0,
        &[Configured {
            config,
            source,
            time,
        }],
    )
}

fn rules(findings: &[Finding]) -> Vec<&'static str> {
    let name = |finding: &Finding| rule_of(finding).map(|rule| rule.name);
    findings.iter().filter_map(name).collect()
}

#[test]
fn a_careful_image_has_nothing() {
    assert_eq!(rules(&seen(&config(CLEAN))), Vec::<&str>::new());
}

#[test]
fn every_rule_sees_what_it_says_and_nothing_else() {
    let mut tested = BTreeSet::new();
    for (name, positive, negative) in cases::all() {
        assert!(
            positive.len() + negative.len() >= 2 && !negative.is_empty(),
            "{name}"
        );
        tested.insert(name);
        for config in &positive {
            let found = seen(config);
            assert!(
                rules(&found).contains(&name),
                "{name} is not seen in {config:?}"
            );
            let text = format!("{found:?}");
            assert!(
                !text.contains("hunter2") && !text.contains("a1B2c3"),
                "{text}"
            );
        }
        for config in &negative {
            assert!(
                !rules(&seen(config)).contains(&name),
                "{name} is seen in {config:?}"
            );
        }
    }
    let all: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(tested, all);
}

#[test]
fn ids_are_stable_and_unique() {
    let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    for rule in RULES {
        let secret = rule.id.starts_with("CS-S");
        assert_eq!(secret, rule.kind == Kind::Secret, "{}", rule.id);
        assert!(secret || rule.severity <= Severity::Medium, "{}", rule.id);
        assert!(rule.kind != Kind::Hygiene || rule.id.starts_with("CS-H"));
    }
}

#[test]
fn one_thing_in_several_configurations_is_one_finding_that_names_them() {
    let bare =
        config(r#"{"config":{"Env":["PATH=/bin"]},"history":[{"created_by":"ARG A_TOKEN=x"}]}"#);
    let whole = config(
        r#"{"config":{"User":"1000","Env":["PATH=/bin"]},"history":[{"created_by":"ARG A_TOKEN=x"}]}"#,
    );
    let configured = |config, name| Configured {
        config,
        source: source(name),
        time: None,
    };
    let found = findings(
        3,
        &[configured(&whole, "b.json"), configured(&bare, "a.json")],
    );
    let other = findings(
        3,
        &[configured(&bare, "a.json"), configured(&whole, "b.json")],
    );
    assert_eq!(found, other, "the order of documents does not matter");
    assert_eq!(
        rules(&found),
        ["secret-in-history", "no-healthcheck", "no-source"],
        "a user is set in one"
    );
    let first = found.first().unwrap();
    let observed = first.observed.as_ref().unwrap();
    assert_eq!(observed.sources, [source("a.json"), source("b.json")]);
    assert_eq!(
        (first.subject, first.scanners.as_slice()),
        (3, &["countersign".to_owned()][..])
    );
    assert_eq!(first.records, []);
    assert_eq!(first.package.locations[0].path, "history[0]");
}

#[test]
fn a_masked_copy_gives_the_same_findings() {
    for (_, positive, _) in cases::of_secrets() {
        for config in positive {
            let again = config.clone().masked();
            assert_eq!(again, config);
            assert_eq!(seen(&again), seen(&config));
        }
    }
}

#[test]
fn steps_name_their_layer() {
    let digest = Digest::of(b"layer");
    let text = format!(
        r#"{{"config":{{"User":"1"}},"rootfs":{{"diff_ids":["{digest}"]}},"history":[
        {{"created_by":"ENV A=1","empty_layer":true}},{{"created_by":"RUN /bin/sh -c chmod 777 a"}}]}}"#
    );
    let found = seen(&config(&text));
    let finding = found
        .iter()
        .find(|one| one.id.as_str() == "CS-H013")
        .unwrap();
    assert_eq!(finding.package.locations[0].path, "history[1]");
    assert_eq!(finding.package.locations[0].layer, Some(digest));
}

/// Real configurations. The counts were looked at one by one: what is listed is there. Root, no
/// health check and no source are most of what public images are; the four secrets are the default
/// passwords of one application in two images, the port is that of Docker's own image.
#[test]
fn real_configurations_raise_no_false_alarm() {
    use std::io::Write as _;

    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut configurations = 0;
    for part in ["grype", "pairs", "trivy"] {
        let Ok(entries) = std::fs::read_dir(folder.join(part)) else {
            writeln!(std::io::stderr(), "not tested: the corpus is not here").unwrap();
            return;
        };
        for entry in entries {
            let path = entry.unwrap().path().display().to_string();
            let bytes = std::fs::read(&path).unwrap();
            let documents = crate::formats::read(&path, bytes).map(|loaded| loaded.documents);
            for document in documents.unwrap_or_default() {
                let crate::formats::Document::Report(report) = document else {
                    continue;
                };
                let Some((config, part)) = report.claim.config else {
                    continue;
                };
                configurations += 1;
                let configured = Configured {
                    config: &config,
                    source: ConfigSource {
                        name: path.clone(),
                        part: Some(part),
                    },
                    time: report.created,
                };
                for name in rules(&findings(0, &[configured])) {
                    *counts.entry(name).or_default() += 1;
                }
            }
        }
    }
    let counts: Vec<(&str, usize)> = counts.into_iter().collect();
    assert_eq!(configurations, 86);
    let seen = [
        ("debug-port", 1),
        ("named-user", 2),
        ("no-healthcheck", 84),
        ("no-source", 68),
        ("old-image", 15),
        ("package-cache", 3),
        ("root-user", 72),
        ("secret-in-environment", 4),
        ("sudo", 2),
        ("world-writable", 2),
    ];
    assert_eq!(counts, seen);
}
