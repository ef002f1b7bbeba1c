//! The documents of `--format json` against the published schemas and the promises made about their fields.
//!
//! Every kind of document is printed here at least once, of successes and of failures, and taken apart to see that the
//! schema would notice.

mod promised;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::promotion::{events, scene};
use crate::support::judges::corpus;
use crate::support::program::{Output, Sandbox};
use crate::support::schema::{holds, name, published, valid, validator};

/// Fields that a document may leave out, by document and the field's name.
const OPTIONAL: &[(&str, &str)] = &[
    // Present where another image that was read is the base.
    ("advise", "image"),
    // Present where there is more than one comparison.
    ("comparison", "more"),
    // Present where there are three reports and more of one image.
    ("comparison", "across"),
    // The registry's own descriptors, as the image specification has them.
    ("inspect", "annotations"),
    ("inspect", "artifactType"),
    // Present where the events are of a list.
    ("event", "entry"),
];

/// Fields whose value is another format's: resources of a cluster, the bodies of ledger entries of every kind, and what an approval states.
const FREE: [(&str, &str); 5] = [
    ("admission", "policy"),
    ("admission", "resource"),
    ("ledger", "body"),
    ("ledger-undo", "body"),
    ("verification", "predicate"),
];

/// Follows a reference, and passes over the "or nothing" of an optional object.
fn resolve<'s>(root: &'s Value, node: &'s Value) -> &'s Value {
    if let Some(reference) = node["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        return resolve(
            root,
            root.pointer(pointer).expect("a reference leads somewhere"),
        );
    }
    let choices = node["anyOf"]
        .as_array()
        .or_else(|| node["oneOf"].as_array());
    let object = choices.and_then(|all| all.iter().find(|one| one["type"] != "null"));
    object.map_or(node, |object| resolve(root, object))
}

/// Every object of a schema, with the place of it.
fn objects<'s>(schema: &'s Value, place: &str, found: &mut Vec<(String, &'s Value)>) {
    if schema.get("properties").is_some() {
        found.push((place.to_owned(), schema));
    }
    let inner: Vec<(String, &Value)> = match schema {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(list) => (0..)
            .zip(list)
            .map(|(n, value): (usize, _)| (n.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    for (key, value) in inner {
        if key != "if" {
            objects(value, &format!("{place}/{key}"), found);
        }
    }
}

#[test]
fn schemas_name_every_field_its_type_and_that_it_is_there() {
    for (name, schema) in published() {
        assert_eq!(
            schema["$schema"], "https://json-schema.org/draft/2020-12/schema",
            "{name}"
        );
        let full = format!("countersign/{name}/v1");
        assert_eq!(schema["$id"], full.as_str());
        assert_eq!(schema["properties"]["schema"]["const"], full.as_str());
        assert!(schema["title"].is_string(), "{name}");
        if let Err(error) = jsonschema::meta::validate(&schema) {
            panic!("{name}: {}: {error}", error.instance_path());
        }
        let mut found = Vec::new();
        objects(&schema, "", &mut found);
        for (place, object) in found {
            let required = object["required"].as_array().cloned().unwrap_or_default();
            for (field, description) in object["properties"].as_object().into_iter().flatten() {
                assert!(
                    required.contains(&json!(field)) || OPTIONAL.contains(&(&name, field)),
                    "{name}{place}: {field} may be missing"
                );
                let says = ["type", "const", "enum", "$ref", "anyOf", "oneOf"];
                let is_free = FREE.contains(&(&name, field));
                assert!(
                    is_free || says.iter().any(|word| description.get(word).is_some()),
                    "{name}{place}: {field} may be anything"
                );
            }
        }
    }
}

#[test]
fn what_the_program_writes_is_published_and_nothing_else() {
    let mut written = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            let begins = [".document(\"", ".document_line(\""];
            let documents = begins
                .into_iter()
                .flat_map(|begin| text.split(begin).skip(1));
            written.extend(
                documents
                    .filter_map(|rest| rest.split_once('"'))
                    .map(|(name, _)| name.to_owned()),
            );
            let constants = text.split("\"countersign/").skip(1);
            let constants =
                constants.filter_map(|rest| rest.split_once('"')?.0.strip_suffix("/v1"));
            written.extend(constants.map(str::to_owned));
        }
    }
    written.retain(|name| !name.contains('{'));
    // What lies in an archive is no document of a command.
    written.remove("bundle");
    // Nor is what the console keeps of unsaved work.
    written.remove("draft");
    // The name of a fingerprint in SARIF.
    written.remove("finding");
    let published: BTreeSet<String> = published().into_keys().collect();
    assert_eq!(written, published);
}

/// Documents by their names.
#[derive(Default)]
struct Documents(BTreeMap<String, Vec<Value>>);

impl Documents {
    fn keep(&mut self, document: Value) {
        let name = name(&document).to_owned();
        self.0.entry(name).or_default().push(document);
    }

    /// Keeps the document of a command that had to end with `code`.
    #[track_caller]
    fn take(&mut self, code: i32, output: &Output) -> Value {
        assert_eq!(output.code, code, "{output:?}");
        let document = valid(output);
        self.keep(document.clone());
        document
    }
}

/// Prints every kind of document.
fn documents() -> Documents {
    let mut all = Documents::default();
    set_up(&mut all);
    reviewed(&mut all);
    promoted(&mut all);
    all
}

/// Documents of commands that read settings alone.
fn set_up(all: &mut Documents) {
    let mut sandbox = Sandbox::new();
    sandbox.set("COSIGN_PASSWORD", "");
    let json = ["--format", "json"];
    for arguments in [
        &["config", "show"][..],
        &["config", "check"],
        &["keys"],
        &["key", "generate"],
        &["key", "show", "--key", "cosign.pub"],
        &[
            "policy",
            "kyverno",
            "--key",
            "cosign.pub",
            "--repository",
            "registry.test/app",
        ],
        &["ledger", "show"],
        &["ledger", "expiring"],
    ] {
        all.take(0, &sandbox.run([arguments, &json].concat()));
    }
    all.take(1, &sandbox.run([&["ledger", "verify"][..], &json].concat()));
}

/// Documents about reports: read whole, in part, and not at all; decided on, and taken back.
fn reviewed(all: &mut Documents) {
    let sandbox = Sandbox::new();
    let bundled = |name: &str| crate::cli::bundled(name).display().to_string();
    let (trivy, grype) = (
        bundled("caddy-2.7.6.trivy.json"),
        bundled("caddy-2.7.6.grype.json"),
    );
    let (sbom, other) = (
        bundled("caddy-2.7.6.cdx.json"),
        bundled("caddy-v2.10.0.cdx.json"),
    );
    let rebuilt = bundled("caddy-v2.10.0.trivy.json");
    let damaged = r#"{"SchemaVersion": 2, "ArtifactName": "a", "ArtifactType": "container_image", "Results": [
        {"Target": "a", "Class": "os-pkgs", "Type": "alpine", "Vulnerabilities": [{"VulnerabilityID": 1}, 2]},
        {"Target": "b", "Class": "secret", "Secrets": [{"RuleID": "k", "Severity": "HIGH", "Match": "*"}]}]}"#;
    std::fs::write(sandbox.work().join("part.json"), damaged).expect("the working folder is ours");
    std::fs::write(sandbox.work().join("cut.json"), "{").expect("the working folder is ours");
    let decide = [
        "decide",
        "--reviewer",
        "reviewer",
        "--finding",
        "CVE-2024-24790",
        "--decision",
        "accept-risk",
        "--reason",
        "not reached",
        "--until",
        "fixed",
    ];
    for (code, arguments) in [
        (0, &["findings", &trivy, &grype][..]),
        (0, &["list", &trivy, &grype, &sbom]),
        (0, &["compare", &trivy, &grype]),
        (0, &["components", &sbom, &trivy]),
        (0, &["advise", &trivy, &grype, "--candidate", &sbom]),
        (0, &["components", "diff", &sbom, &other]),
        (0, &["diff", "--before", &trivy, "--after", &rebuilt]),
        (0, &["diff", "--before", &rebuilt, "--after", &trivy]),
        (1, &["gate", &trivy, &grype]),
        (0, &[&decide[..], &[&trivy, &grype]].concat()),
        (0, &["findings", &trivy, &grype]),
        (1, &["gate", &trivy, &grype]),
        (0, &["ledger", "show"]),
        (0, &["export", "openvex", &trivy, &grype]),
        (0, &["export", "junit", &trivy, &grype]),
        (0, &["report", &trivy, &grype]),
        (0, &["predict", "caddy:2.7.6", "--expect", "fixable-high=3"]),
        (0, &["ledger", "expiring"]),
        (0, &["ledger", "verify"]),
        (0, &["ledger", "undo", "1", "--reviewer", "reviewer"]),
        (3, &["findings", "part.json"]),
        (3, &["list", "part.json", &trivy]),
        (3, &["findings", "cut.json", &trivy]),
        (3, &["compare", "cut.json", &trivy, &grype]),
        (3, &["components", "cut.json", &sbom]),
    ] {
        all.take(
            code,
            &sandbox.run([arguments, &["--format", "json"]].concat()),
        );
    }
    scanned(all, &sandbox, &trivy);
    let folder = sandbox.home().join(".local/share/countersign/ledger");
    std::fs::write(folder.join("000000000009.json"), "{}").expect("the ledger is ours");
    let broken = sandbox.run(["ledger", "verify", "--format", "json"]);
    all.take(6, &broken);
}

/// Documents of a scan by a program that prints a report.
fn scanned(all: &mut Documents, sandbox: &Sandbox, report: &str) {
    let scanner = format!(
        "#!/bin/sh\n[ \"$1\" = version ] && {{ echo '{{\"Version\":\"1.2.3\"}}'; exit 0; }}\ncat '{report}'\n"
    );
    let write = ["-c", "cat >scanner && chmod 755 scanner && mkdir project"];
    let written = sandbox.run_other(Path::new("/bin/sh"), write, scanner.as_bytes());
    assert_eq!(written.code, 0, "{written:?}");
    let scan = ["scan", "project", "--with", "trivy", "--trivy", "./scanner"];
    let output = sandbox.run([&scan[..], &["--format", "json"]].concat());
    assert_eq!(output.code, 0, "{output:?}");
    for event in events(&output) {
        if event["scan"].is_object() {
            holds(&event["scan"]);
            all.keep(event["scan"].clone());
        }
        all.keep(event);
    }
}

/// Documents of a promotion and what it leaves, refused and done.
fn promoted(all: &mut Documents) {
    let (_registry, scene) = scene();
    let digest = scene.digest().to_string();
    let source = scene.stage.approved.reference.clone();
    let (destination, reports) = (scene.destination(), scene.new_reports());
    let key = scene.stage.folder.join("cosign.pub").display().to_string();
    let json = |arguments: &[&str]| scene.run(&[arguments, &["--format", "json"]].concat());
    let plan = json(&["plan", &source, &destination, &reports]);
    all.take(0, &plan);
    let refused = scene.promote(&digest, &[]);
    assert_eq!(refused.code, 5, "{refused:?}");
    for event in events(&refused) {
        all.keep(event);
    }
    all.take(1, &json(&["verify", &source, "--key", &key]));
    let list = scene.sandbox.work().join("list.yaml");
    let text = format!("sync:\n- source: {source}\n  destination: {destination}-sync\n");
    std::fs::write(&list, text).expect("the working folder is ours");
    let sync = ["sync", "list.yaml", "--reports", &reports];
    all.take(0, &json(&[&sync[..], &["--dry-run"]].concat()));
    scene.approve();
    all.take(0, &json(&["plan", &source, &destination, &reports]));
    let done = scene.promote(&digest, &[]);
    assert_eq!(done.code, 0, "{done:?}");
    for event in events(&done) {
        if event["receipt"].is_object() {
            holds(&event["receipt"]);
            all.keep(event["receipt"].clone());
        }
        all.keep(event);
    }
    let synced = json(&sync);
    assert_eq!(synced.code, 0, "{synced:?}");
    for document in events(&synced) {
        for entry in document["entries"].as_array().into_iter().flatten() {
            holds(&entry["plan"]);
            holds(&entry["receipt"]);
        }
        if document["entries"].is_array() || document["event"] == "step_finished" {
            all.keep(document);
        }
    }
    for arguments in [
        &["inspect", &destination][..],
        &["inspect", "--tags", &destination],
        &["tree", &destination],
        &["verify", &destination, "--key", &key],
        &["sign", &source],
        &["attest", &source, "--type", "custom", "--predicate", &key],
        &["archive", "list"],
        &["archive", "verify"],
        &["gate", "--for", "promote", &reports],
        &["list", &reports],
    ] {
        all.take(0, &json(arguments));
    }
}

/// Every field of a document, as the keys that lead to it; entries of lists that look alike count once.
fn fields(
    value: &Value,
    path: &[String],
    seen: &mut BTreeSet<String>,
    found: &mut Vec<Vec<String>>,
) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(list) => {
            let numbered = list.iter().enumerate();
            numbered
                .map(|(number, value)| (number.to_string(), value))
                .collect()
        }
        _ => return,
    };
    for (key, child) in children {
        let path = [path, &[key]].concat();
        let shape: Vec<&str> = path
            .iter()
            .map(|key| {
                if key.parse::<usize>().is_ok() {
                    "[]"
                } else {
                    key.as_str()
                }
            })
            .collect();
        if value.is_object() && seen.insert(shape.join(".")) {
            found.push(path.clone());
        }
        fields(child, &path, seen, found);
    }
}

fn at_mut<'v>(document: &'v mut Value, path: &[String]) -> &'v mut Value {
    path.iter().fold(document, |value, key| match value {
        Value::Array(list) => &mut list[key.parse::<usize>().expect("a number")],
        other => &mut other[key.as_str()],
    })
}

/// What nothing in a document may be: a list of one empty object.
fn other_type() -> Value {
    json!([{}])
}

#[test]
fn documents_are_valid_and_no_field_can_be_lost_renamed_or_retyped() {
    let all = documents();
    let schemas = published();
    let shown: BTreeSet<&String> = all.0.keys().collect();
    let known: BTreeSet<&String> = schemas.keys().collect();
    assert_eq!(
        shown, known,
        "each published document is shown by a command"
    );
    let mut unnoticed = Vec::new();
    for (name, documents) in &all.0 {
        let schema = &schemas[name];
        let validator = validator(schema.clone());
        let mut seen = BTreeSet::new();
        for document in documents {
            let mut found = Vec::new();
            fields(document, &[], &mut seen, &mut found);
            for path in found {
                let (field, parent) = path.split_last().expect("a field has a name");
                // Names of objects with free names are data.
                let place: Vec<&str> = path.iter().map(String::as_str).collect();
                if !is_described(schema, &place) {
                    continue;
                }
                let mut lost = document.clone();
                let object = at_mut(&mut lost, parent)
                    .as_object_mut()
                    .expect("an object");
                let value = object.remove(field).expect("the field is there");
                let is_optional = OPTIONAL.contains(&(name, field));
                if !is_optional && validator.is_valid(&lost) {
                    unnoticed.push(format!("{name}: {} lost", place.join(".")));
                }
                let object = at_mut(&mut lost, parent)
                    .as_object_mut()
                    .expect("an object");
                object.insert(format!("{field}_"), value);
                if validator.is_valid(&lost) {
                    unnoticed.push(format!("{name}: {} renamed", place.join(".")));
                }
                let mut retyped = document.clone();
                *at_mut(&mut retyped, &path) = other_type();
                if !FREE.contains(&(name, field)) && validator.is_valid(&retyped) {
                    unnoticed.push(format!("{name}: {} retyped", place.join(".")));
                }
            }
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
}

/// Returns whether the schema names the field at `path`; below free names and free values nothing is named.
fn is_described(schema: &Value, path: &[&str]) -> bool {
    let mut nodes = vec![schema];
    for key in path {
        let mut next = Vec::new();
        for node in nodes {
            let node = resolve(schema, node);
            let parts = node["allOf"].as_array().into_iter().flatten();
            let parts = parts.map(|part| &part["then"]).chain([node]);
            for part in parts {
                if key.parse::<usize>().is_ok() && part.get("items").is_some() {
                    next.push(&part["items"]);
                } else if let Some(named) = part["properties"].get(*key) {
                    next.push(named);
                }
            }
        }
        nodes = next;
    }
    !nodes.is_empty()
}

/// Real reports, all kinds of them.
#[test]
fn documents_about_real_reports_are_valid() {
    let Some(root) = corpus() else { return };
    let sandbox = Sandbox::new();
    let read = |folder: &str, command: &str| {
        let mut count = 0;
        let mut files: Vec<_> = std::fs::read_dir(root.join(folder))
            .expect("the corpus can be listed")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| {
                path.metadata()
                    .is_ok_and(|data| data.is_file() && data.len() < 60_000)
            })
            .collect();
        files.sort();
        let mut arguments = vec![command.to_owned(), "--format".to_owned(), "json".to_owned()];
        arguments.extend(files.iter().map(|path| path.display().to_string()));
        let output = sandbox.run(&arguments);
        let document = valid(&output);
        for list in ["subjects", "findings", "components"] {
            count += document[list].as_array().map_or(0, Vec::len);
        }
        count
    };
    for folder in ["trivy", "grype", "misc", "sarif"] {
        assert!(read(folder, "findings") > 0, "{folder}");
        assert!(read(folder, "list") > 0, "{folder}");
    }
    assert!(read("sbom", "components") > 0);
}
