//! Image hygiene: what an image's configuration itself tells, as findings of kind `hygiene`.
//!
//! Values of environment variables are never kept: a finding names the variable only.

use crate::model::oci::ImageConfig;
use crate::model::{
    Exploitation, Finding, FindingKey, Fix, Kind, LayerPlace, Location, Package, PackageIdentity,
    Severity, VulnerabilityId,
};

/// Ports that debuggers and remote shells listen on.
const DEBUG_PORTS: [(u16, &str); 6] = [
    (22, "SSH"),
    (2345, "the Delve debugger"),
    (5005, "the Java debugger"),
    (5678, "the Python debugger"),
    (9222, "the Chrome debugger"),
    (9229, "the Node.js debugger"),
];

/// Parts of a variable's name that mean a secret, as whole words between underscores.
const SECRET_WORDS: [&str; 9] = [
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "CREDENTIALS",
];

/// Returns the hygiene findings of an image's configuration; `subject` is its index in the review.
#[must_use]
pub fn findings(config: &ImageConfig, subject: u32) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |rule: &str, place: &str, severity: Severity, title: String| {
        found.push(finding(subject, rule, place, severity, title));
    };
    let execution = &config.config;
    let user = execution.user.split(':').next().unwrap_or_default();
    if matches!(user, "" | "0" | "root") {
        let title = "the process runs as root: no other user is set".to_owned();
        add("root-user", "config.User", Severity::Medium, title);
    }
    for variable in execution.env.iter().flatten() {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        if !value.is_empty() && looks_secret(name) {
            let place = format!("config.Env {name}");
            let title = format!("the variable {name} looks like a secret and is part of the image");
            add("secret-in-environment", &place, Severity::High, title);
        }
    }
    for port in execution
        .exposed_ports
        .iter()
        .flatten()
        .map(|(port, _)| port)
    {
        let number = port.split('/').next().and_then(|text| text.parse().ok());
        let known = DEBUG_PORTS.iter().find(|(debug, _)| number == Some(*debug));
        if let Some((_, listener)) = known {
            let place = format!("config.ExposedPorts {port}");
            let title = format!("port {port} is exposed: that of {listener}");
            add("debug-port", &place, Severity::Medium, title);
        }
    }
    let checked = execution
        .healthcheck
        .as_ref()
        .is_some_and(|check| check.test.first().is_some_and(|word| word != "NONE"));
    if !checked {
        let title = "no health check is set".to_owned();
        add("no-healthcheck", "config.Healthcheck", Severity::Low, title);
    }
    for (step, history) in config.history.iter().enumerate() {
        if adds_from_address(&history.created_by) {
            let place = format!("history[{step}]");
            let title = "ADD fetches from the network: what it gets is not pinned".to_owned();
            add("add-from-url", &place, Severity::Medium, title);
        }
    }
    let labels = execution.labels.as_ref();
    let base = labels.and_then(|labels| labels.get("org.opencontainers.image.base.name"));
    if base.is_some_and(|base| is_latest(base)) {
        let title = "the base image is named by the tag latest, which moves".to_owned();
        add("latest-base", "config.Labels", Severity::Low, title);
    }
    found.sort_by(|one, other| {
        (std::cmp::Reverse(one.severity), &one.id, &one.key).cmp(&(
            std::cmp::Reverse(other.severity),
            &other.id,
            &other.key,
        ))
    });
    found
}

fn finding(subject: u32, rule: &str, place: &str, severity: Severity, title: String) -> Finding {
    let identity = PackageIdentity {
        ecosystem: String::new(),
        namespace: None,
        name: place.to_owned(),
        version: String::new(),
    };
    Finding {
        key: FindingKey::new(Kind::Hygiene, &identity, rule),
        subject,
        kind: Kind::Hygiene,
        id: VulnerabilityId::new(rule),
        aliases: Vec::new(),
        covers: Vec::new(),
        severity,
        ratings: Vec::new(),
        package: Package {
            locations: vec![Location {
                path: place.to_owned(),
                layer: None,
            }],
            ..Package::default()
        },
        fix: Fix::default(),
        scanners: vec!["countersign".to_owned()],
        records: Vec::new(),
        title,
        epss: None,
        known_exploited: None,
        exploitation: Exploitation::default(),
        layer: LayerPlace::Unknown,
        suppressed_by: None,
    }
}

/// Names of files and key ids are no secrets: `DB_PASSWORD_FILE`, `AWS_ACCESS_KEY_ID`.
fn looks_secret(name: &str) -> bool {
    let upper = format!("_{}_", name.to_ascii_uppercase().replace(['-', '.'], "_"));
    let refers = ["_FILE_", "_PATH_", "_URL_", "_ID_", "_NAME_"];
    SECRET_WORDS
        .iter()
        .any(|word| upper.contains(&format!("_{word}_")))
        && !refers.iter().any(|ending| upper.ends_with(ending))
}

/// Both writings of the history: `/bin/sh -c #(nop) ADD https://…` and `ADD https://… # buildkit`.
fn adds_from_address(created_by: &str) -> bool {
    let mut words = created_by
        .split_whitespace()
        .skip_while(|word| matches!(*word, "/bin/sh" | "-c" | "#(nop)"));
    words.next() == Some("ADD")
        && words.any(|word| word.starts_with("https://") || word.starts_with("http://"))
}

fn is_latest(base: &str) -> bool {
    base.parse::<crate::model::ImageReference>()
        .is_ok_and(|reference| {
            reference.digest.is_none() && reference.tag.as_deref() == Some("latest")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> Vec<String> {
        let config: ImageConfig = serde_json::from_str(json).unwrap();
        findings(&config, 0)
            .into_iter()
            .map(|finding| finding.id.as_str().to_owned())
            .collect()
    }

    #[test]
    fn a_careful_image_has_nothing() {
        let json = r#"{"config":{"User":"1000","Env":["PATH=/bin","DB_PASSWORD_FILE=/run/a",
            "TOKENIZER=x","API_TOKEN="],"ExposedPorts":{"8080/tcp":{}},
            "Healthcheck":{"Test":["CMD","true"]},
            "Labels":{"org.opencontainers.image.base.name":"alpine:3.20"}},
            "history":[{"created_by":"ADD file:0 in /"},{"created_by":"RUN wget https://a"}]}"#;
        assert_eq!(rules(json), Vec::<String>::new());
    }

    #[test]
    fn each_rule_is_found_and_no_value_is_kept() {
        let json = r#"{"config":{"User":"root:root","Env":["DB_PASSWORD=hunter2"],
            "ExposedPorts":{"22/tcp":{}},"Healthcheck":{"Test":["NONE"]},
            "Labels":{"org.opencontainers.image.base.name":"alpine"}},
            "history":[{"created_by":"/bin/sh -c #(nop) ADD https://a /b"}]}"#;
        assert_eq!(
            rules(json),
            [
                "secret-in-environment",
                "add-from-url",
                "debug-port",
                "root-user",
                "latest-base",
                "no-healthcheck"
            ]
        );
        let config: ImageConfig = serde_json::from_str(json).unwrap();
        assert!(!format!("{:?}", findings(&config, 0)).contains("hunter2"));
    }
}
