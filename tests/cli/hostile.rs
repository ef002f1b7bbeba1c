//! Text of an image never reaches a terminal raw, whatever the command and the format.
//!
//! What is hostile is written here by hand: control, direction and invisible characters.

use super::valid;
use crate::support::program::Sandbox;

/// ESC, CSI of one byte, direction override, zero width, line separator, tag, filler, variation.
const HOSTILE: &str =
    "a\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{200b}\u{2028}\u{e0041}\u{3164}\u{fe0f}\u{0}\n=1+1|<b>";

fn report() -> String {
    serde_json::json!({
        "SchemaVersion": 2,
        "ArtifactName": format!("image{HOSTILE}"),
        "ArtifactType": "container_image",
        "Metadata": {"ImageID": format!("sha256:{}", "1".repeat(64))},
        "Results": [{
            "Target": HOSTILE,
            "Class": "os-pkgs",
            "Type": "alpine",
            "Vulnerabilities": [{
                "VulnerabilityID": format!("CVE-2024-1{HOSTILE}"),
                "PkgName": HOSTILE,
                "InstalledVersion": HOSTILE,
                "FixedVersion": HOSTILE,
                "Severity": "HIGH",
                "Title": HOSTILE,
            }],
        }],
    })
    .to_string()
}

#[track_caller]
fn clean(what: &str, text: &str) {
    let raw = text
        .chars()
        .find(|character| *character != '\n' && countersign::text::is_hidden(*character));
    assert_eq!(raw, None, "{what}: {text:?}");
}

#[test]
fn nothing_hostile_is_printed_raw() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.work().join("r.json"), report()).expect("writable");
    for command in ["findings", "list"] {
        for format in ["table", "json", "csv", "markdown"] {
            let output = sandbox.run([command, "r.json", "--format", format, "--color", "never"]);
            clean(format, &output.stdout.replace("\r\n", "\n"));
            clean(format, &output.stderr);
            if command == "findings" {
                assert_eq!(output.code, 0, "{output:?}");
                assert!(output.stdout.len() > 100, "{output:?}");
            }
        }
    }
    let output = sandbox.run(["findings", "r.json", "--format", "json"]);
    let document = valid(&output);
    assert_eq!(
        document["findings"][0]["title"], HOSTILE,
        "the value is kept"
    );
}

#[test]
fn arguments_and_file_names_are_made_safe_too() {
    let sandbox = Sandbox::new();
    let argument = "\u{1b}[31m\u{202e}x";
    for arguments in [
        vec!["findings", argument],
        vec!["findings", "--severity", argument, "x"],
        vec!["findings", "--filter", "sev:\u{1b}[2J", "x"],
        vec!["--\u{1b}[31m"],
        vec!["inspect", argument],
        vec!["list", "--config", argument, "x"],
    ] {
        let output = sandbox.run(&arguments);
        assert!([2, 3].contains(&output.code), "{output:?}");
        clean("stderr", &output.stderr);
        assert_eq!(output.stdout, "");
    }
}
