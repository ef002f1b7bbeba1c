//! The published schemas, and documents held against them.
//!
//! Which documents there are is `schemas`' matter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::judges;
use super::program::Output;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/schema")
}

/// Returns every published schema by the name of its document.
pub(crate) fn published() -> BTreeMap<String, Value> {
    let entries = std::fs::read_dir(folder()).expect("the schemas are published");
    let paths = entries.map(|entry| entry.expect("a schema").path());
    paths
        .map(|path| {
            let name = path.file_stem().expect("a name").display().to_string();
            let text = std::fs::read_to_string(&path).expect("a schema is text");
            let schema = serde_json::from_str(&text);
            (name, schema.expect("a schema is JSON"))
        })
        .collect()
}

/// Returns the name of a document: `findings` for `countersign/findings/v1`.
pub(crate) fn name(document: &Value) -> &str {
    let schema = document["schema"].as_str().unwrap_or_default();
    let name = schema.strip_prefix("countersign/");
    let name = name.and_then(|rest| rest.strip_suffix("/v1"));
    name.unwrap_or_else(|| panic!("`{schema}` is not countersign/NAME/v1"))
}

/// Makes a schema refuse what it does not describe. The published ones let readers ignore unknown fields; what this
/// program writes itself has to be described, or a new name for an old field would go unnoticed.
pub(crate) fn closed(mut schema: Value) -> Value {
    close(&mut schema, false);
    schema
}

/// `part` says that the object is described in several places, so that one alone cannot refuse.
fn close(schema: &mut Value, part: bool) {
    if let Some(object) = schema.as_object_mut() {
        if object.contains_key("properties") && !part {
            let word = if object.contains_key("allOf") {
                "unevaluatedProperties"
            } else {
                "additionalProperties"
            };
            object.entry(word).or_insert(json!(false));
        }
        for (word, inner) in object {
            match word.as_str() {
                "if" => {}
                "properties" | "$defs" => {
                    for (_, named) in inner.as_object_mut().into_iter().flatten() {
                        close(named, false);
                    }
                }
                "allOf" | "then" => close(inner, true),
                _ => close(inner, false),
            }
        }
    } else if let Some(list) = schema.as_array_mut() {
        for inner in list {
            close(inner, part);
        }
    }
}

/// Returns what tells valid documents of that name from others, strictly.
pub(crate) fn validator(schema: Value) -> jsonschema::Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(&closed(schema))
        .expect("a schema is a schema")
}

/// Returns what tells valid documents from others by the schema of CycloneDX 1.6.
pub(crate) fn cyclonedx() -> Option<jsonschema::Validator> {
    let read = |name: &str| -> Option<Value> {
        let path = judges::schema(&format!("{name}.SNAPSHOT.schema.json"))?;
        let text = std::fs::read_to_string(path).expect("a schema is text");
        Some(serde_json::from_str(&text).expect("a schema is JSON"))
    };
    let mut registry = jsonschema::Registry::new();
    for name in ["spdx", "jsf-0.82"] {
        let id = format!("http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json");
        registry = registry.add(id, read(name)?).expect("it has a name");
    }
    let registry = registry.prepare().expect("they can be referred to");
    let options = jsonschema::options().with_registry(&registry);
    Some(options.build(&read("bom-1.6")?).expect("it is a schema"))
}

/// Returns what tells valid documents from others by OpenVEX's own schema, where somebody laid it beside the judges: no
/// package carries it, so that it is never required.
pub(crate) fn openvex() -> Option<jsonschema::Validator> {
    let path = judges::found("schemas/openvex_json_schema.json")?;
    let text = std::fs::read_to_string(path).expect("a schema is text");
    let schema = serde_json::from_str(&text).expect("a schema is JSON");
    Some(jsonschema::validator_for(&schema).expect("it is a schema"))
}

/// Holds a document against the published schema that it names; nothing in it may be missing there.
#[track_caller]
pub(crate) fn holds(document: &Value) {
    let name = name(document);
    let path = folder().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).expect("the schema is published");
    let validator = validator(serde_json::from_str(&text).expect("a schema is JSON"));
    let problems: Vec<String> = validator
        .iter_errors(document)
        .take(5)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{name}: {problems:#?}");
}

/// Returns the one document that a program wrote, after holding it against its schema.
#[track_caller]
pub(crate) fn valid(output: &Output) -> Value {
    let document = output.json();
    assert!(
        output.stdout.starts_with("{\n  \"schema\""),
        "the schema comes first: {}",
        output.stdout
    );
    holds(&document);
    document
}
