//! XML as JSON: the same document, odd ones, hostile ones.

use super::*;

const BOM: &str = include_str!("../../../../tests/fixtures/cyclonedx/image.xml");

fn convert(text: &str) -> Result<serde_json::Value, FormatError> {
    let (json, end) = to_json("file", text, 0)?;
    assert!(text.is_char_boundary(end));
    Ok(serde_json::from_str(&json).unwrap())
}

fn message(text: &str) -> String {
    convert(text).unwrap_err().to_string()
}

fn bom(inner: &str) -> String {
    format!("<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\">{inner}</bom>")
}

#[test]
fn elements_become_their_json() {
    let json = convert(&bom(
        "<metadata><tools><tool><vendor>v</vendor><name>t</name></tool></tools></metadata>\
         <components><component type='library' bom-ref='a'><name>&lt;A&#x42;&amp;<![CDATA[<c>]]></name>\
         <licenses><license><id>MIT</id></license><expression>A OR B</expression></licenses>\
         <properties><property name='k'> v </property></properties><unknown><name>x</name></unknown>\
         <components><component type='file'><name>in</name></component></components></component></components>\
         <dependencies><dependency ref='a'><dependency ref='b'/><dependency ref='c'/></dependency>\
         <dependency ref='d'/></dependencies>",
    ))
    .unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "countersign:written": "xml", "bomFormat": "CycloneDX", "specVersion": "1.6",
            "metadata": {"tools": [{"name": "t"}]},
            "components": [{
                "type": "library", "bom-ref": "a", "name": "<AB&<c>",
                "licenses": [{"license": {"id": "MIT"}}, {"expression": "A OR B"}],
                "properties": [{"name": "k", "value": "v"}],
                "components": [{"type": "file", "name": "in"}],
            }],
            "dependencies": [{"ref": "a", "dependsOn": ["b", "c"]}, {"ref": "d"}],
        })
    );
}

#[test]
fn tools_are_a_list_or_an_object() {
    for (inner, expected) in [
        ("", serde_json::json!([])),
        (
            "<components><component type='a'><name>t</name></component></components><tool><name>u</name></tool>",
            serde_json::json!({"components": [{"type": "a", "name": "t"}]}),
        ),
        (
            "<tool><name>t</name></tool><components/>",
            serde_json::json!([{"name": "t"}]),
        ),
    ] {
        let json = convert(&bom(&format!(
            "<metadata><tools>{inner}</tools></metadata>"
        )))
        .unwrap();
        assert_eq!(json["metadata"]["tools"], expected);
    }
}

/// The extension of old versions puts them into the component, later ones at the end.
#[test]
fn vulnerabilities_of_both_kinds_are_one_list() {
    let old = "<v:vulnerabilities xmlns:v='http://cyclonedx.org/schema/ext/vulnerability/1.0'>\
        <v:vulnerability ref='urn:x'><v:id>CVE-1</v:id><v:source name='nvd'><v:url>u</v:url></v:source>\
        <v:ratings><v:rating><v:score><v:base>9.8</v:base></v:score><v:severity>High</v:severity></v:rating>\
        <v:rating><v:score><v:base>0</v:base></v:score></v:rating></v:ratings><v:cwes><v:cwe>79</v:cwe></v:cwes>\
        <v:advisories><v:advisory>https://a</v:advisory></v:advisories></v:vulnerability></v:vulnerabilities>";
    let new = "<vulnerabilities><vulnerability bom-ref='n'><id>CVE-2</id><ratings><rating><score>5.0</score></rating>\
        </ratings><advisories><advisory><title>t</title><url>u</url></advisory></advisories>\
        <affects><target><ref>a</ref></target></affects></vulnerability></vulnerabilities>";
    let components = format!(
        "<components><component><name>a</name>{old}</component>\
         <component bom-ref='b'>{old}<name>b</name></component></components>"
    );
    let json = convert(&bom(&format!("{components}{new}"))).unwrap();
    let first = json["components"][0]["bom-ref"].as_str().unwrap();
    let list = json["vulnerabilities"].as_array().unwrap();
    let affected: Vec<_> = list
        .iter()
        .map(|it| it["affects"][0]["ref"].as_str().unwrap())
        .collect();
    assert_eq!(affected, [first, "b", "a"]);
    assert_eq!(
        list[0]["ratings"],
        serde_json::json!([{"score": 9.8, "severity": "High"}, {}])
    );
    assert_eq!(list[0]["cwes"], serde_json::json!([79]));
    assert_eq!(
        list[0]["advisories"],
        serde_json::json!([{"url": "https://a"}])
    );
    assert_eq!(list[2]["ratings"], serde_json::json!([{"score": 5.0}]));
    assert_eq!(
        list[2]["advisories"],
        serde_json::json!([{"title": "t", "url": "u"}])
    );
}

#[test]
fn only_elements_of_the_specification_count() {
    let json = convert(&bom(
        "<x:components xmlns:x='urn:other'><x:component><x:name>n</x:name></x:component></x:components>\
         <y:components/>",
    ))
    .unwrap();
    assert!(json.get("components").is_none());
    let prefixed = "<c:bom xmlns:c='http://cyclonedx.org/schema/bom/1.2'><c:components><c:component>\
        <c:name>n</c:name><name>other</name></c:component></c:components></c:bom>";
    assert_eq!(convert(prefixed).unwrap()["components"][0]["name"], "n");
}

#[test]
fn hostile_documents_are_refused_with_their_place() {
    for (text, expected) in [
        (
            "<!DOCTYPE bom [<!ENTITY a \"b\">]><bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\"/>".to_owned(),
            "at line 1, column 1 (byte 0): a document type declaration",
        ),
        (bom("<metadata><timestamp>&a;</timestamp></metadata>"), "the entity `a` is not expanded"),
        (bom("<components></component>"), "is damaged at line 1"),
        (bom("<components>"), "is damaged at line 1"),
        ("<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\"><components>".to_owned(), "is cut off"),
        ("<bom/>".to_owned(), "`bom` is no CycloneDX document"),
        ("<a xmlns=\"http://cyclonedx.org/schema/bom/1.6\"/>".to_owned(), "`a` is no CycloneDX `bom`"),
        (bom(&"<a>".repeat(1000)), "nests deeper than 128"),
        (bom(&"<components><component>".repeat(1000)), "nests deeper than 128"),
    ] {
        let message = message(&text);
        assert!(message.contains(expected), "{message}");
    }
    // What is left out may say what it likes.
    assert!(convert(&bom("<x>&nbsp;</x>")).is_ok());
}

/// An element with very many attributes takes no longer than it is long.
#[test]
fn many_attributes_are_no_work() {
    use std::fmt::Write as _;
    let mut attributes = String::new();
    for number in 0..200_000 {
        write!(attributes, " a{number}='1'").unwrap();
    }
    let json = convert(&bom(&format!("<components{attributes}/>"))).unwrap();
    assert_eq!(json["components"], serde_json::json!([]));
    let twice = bom("<components><component type='a' type='b'/></components>");
    let (json, _) = to_json("file", &twice, 0).unwrap();
    assert!(json.contains("\"type\":\"a\",\"type\":\"b\""));
}

#[test]
fn the_fixture_is_whole_json() {
    let json = convert(BOM).unwrap();
    assert_eq!(json["components"].as_array().unwrap().len(), 4);
}
