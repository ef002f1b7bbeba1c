//! The commands that read and show, through the built program: codes, data, messages, documents.
//!
//! Commands that send something have a module of their own.

mod compare;
mod corpus;
mod diff;
mod exploits;
mod hostile;
mod ledger;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::program::{Output, Sandbox};
pub(crate) use crate::support::schema::{holds, valid};

/// Returns a file of the bundled reports.
pub(crate) fn bundled(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("assets/demo")
        .join(name)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn pair() -> [String; 2] {
    [
        text(&bundled("caddy-2.7.6.trivy.json")),
        text(&bundled("caddy-2.7.6.grype.json")),
    ]
}

/// Runs a command over both bundled reports.
fn over_pair(arguments: &[&str]) -> Output {
    over_pair_in(&Sandbox::new(), arguments)
}

fn over_pair_in(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let [trivy, grype] = pair();
    let mut all = arguments.to_vec();
    all.extend([trivy.as_str(), grype.as_str()]);
    sandbox.run(all)
}

#[test]
fn documents_are_valid_and_their_totals_reconcile() {
    let output = over_pair(&["findings", "--format", "json"]);
    assert_eq!(output.code, 0, "{output:?}");
    let document = valid(&output);
    let records = &document["records"];
    let count = |name: &str| records[name].as_u64().expect("a count");
    assert!(count("read") > 0);
    assert_eq!(
        count("joined") + count("suppressed") + count("unreadable"),
        count("read")
    );
    let totals = &document["totals"];
    let listed = document["findings"].as_array().expect("a list").len() as u64;
    assert_eq!(totals["shown"].as_u64(), Some(listed));
    assert_eq!(totals["findings"].as_u64(), Some(listed));
    for command in ["list", "compare"] {
        let output = over_pair(&[command, "--format", "json"]);
        assert_eq!(output.code, 0, "{output:?}");
        valid(&output);
    }
    let sbom = text(&bundled("caddy-2.7.6.cdx.json"));
    let components = Sandbox::new().run(["components", "--format", "json", &sbom]);
    let document = valid(&components);
    assert_eq!(
        document["documents"][0]["components"].as_u64(),
        Some(document["components"].as_array().expect("a list").len() as u64)
    );
}

#[test]
fn a_filter_leaves_the_totals_alone() {
    let all = valid(&over_pair(&["findings", "--format", "json"]));
    let some = valid(&over_pair(&[
        "findings",
        "--format",
        "json",
        "--severity",
        "CRITICAL",
    ]));
    let count = |document: &Value, name: &str| document["totals"][name].as_u64().expect("a count");
    assert_eq!(all["totals"]["by_severity"], some["totals"]["by_severity"]);
    assert_eq!(count(&all, "findings"), count(&some, "findings"));
    assert_eq!(
        count(&some, "shown") + count(&some, "filtered_out"),
        count(&some, "findings")
    );
    assert_eq!(
        some["totals"]["shown"],
        some["totals"]["by_severity"]["critical"]
    );
    let wrong = over_pair(&["findings", "--severity", "grave"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{wrong:?}");
}

#[test]
fn a_difference_is_an_exit_code_when_asked_for() {
    let document = valid(&over_pair(&["compare", "--format", "json"]));
    let differs = document["rows"]
        .as_array()
        .expect("a list")
        .iter()
        .any(|row| {
            row["difference"]
                .as_array()
                .is_some_and(|list| !list.is_empty())
        });
    let asked = over_pair(&["compare", "--exit-code"]);
    assert_eq!(asked.code, i32::from(differs), "{asked:?}");
    let one = Sandbox::new().run(["compare".to_owned(), pair()[0].clone()]);
    assert_eq!((one.code, one.stdout.as_str()), (3, ""), "{one:?}");
    assert!(one.stderr.contains("two reports"), "{}", one.stderr);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_shown() {
    let sandbox = Sandbox::new();
    let work = sandbox.work();
    let [trivy, _] = pair();
    let whole = std::fs::read(&trivy).expect("a bundled report is there");
    std::fs::write(work.join("cut.json"), &whole[..whole.len() / 2]).expect("writable");
    std::fs::write(work.join("empty.json"), "").expect("writable");
    std::fs::write(work.join("page.html"), "<html></html>").expect("writable");
    let output = sandbox.run([
        "findings",
        "--format",
        "json",
        &trivy,
        "cut.json",
        "empty.json",
        "page.html",
        "gone.json",
    ]);
    assert_eq!(output.code, 3, "{}", output.stderr);
    let document = valid(&output);
    assert_eq!(document["reports"].as_array().map(Vec::len), Some(1));
    for name in ["cut.json", "empty.json", "page.html", "gone.json"] {
        assert!(output.stderr.contains(name), "{name}: {}", output.stderr);
    }
    assert!(
        output.stderr.contains("line "),
        "a place: {}",
        output.stderr
    );
    assert!(
        output.stderr.matches("hint: ").count() >= 4,
        "{}",
        output.stderr
    );
    for name in ["cut.json", "empty.json", "page.html", "gone.json"] {
        for command in ["findings", "list", "components"] {
            let alone = sandbox.run([command, name]);
            assert_eq!(
                (alone.code, alone.stdout.as_str()),
                (3, ""),
                "{command} {name}: nothing unread is clean"
            );
        }
    }
}

#[test]
fn a_software_bill_alone_is_not_clean() {
    let output = Sandbox::new().run([
        "findings".to_owned(),
        text(&bundled("caddy-2.7.6.cdx.json")),
    ]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stderr.contains("vulnerabilities are unknown"),
        "{}",
        output.stderr
    );
    assert!(!output.stdout.contains("0 findings"), "{}", output.stdout);
}

#[test]
fn a_file_given_twice_is_read_once() {
    let sandbox = Sandbox::new();
    let [trivy, _] = pair();
    std::fs::copy(&trivy, sandbox.work().join("copy.json")).expect("copied");
    let output = sandbox.run(["findings", "--format", "json", &trivy, "copy.json"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(output.json()["reports"].as_array().map(Vec::len), Some(1));
    assert!(output.stderr.contains("same bytes"), "{}", output.stderr);
}

#[test]
fn the_one_subject_needed_must_be_named() {
    let sandbox = Sandbox::new();
    let reports = [
        text(&bundled("caddy-2.7.6.trivy.json")),
        text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/trivy/image.json")),
    ];
    let none = sandbox.run(["findings", "--subject", "nothing", &reports[0], &reports[1]]);
    assert_eq!((none.code, none.stdout.as_str()), (3, ""), "{none:?}");
    assert!(none.stderr.contains("caddy:2.7.6"), "{}", none.stderr);
    let one = sandbox.run([
        "findings",
        "--format",
        "json",
        "--subject",
        "caddy:2.7.6",
        &reports[0],
        &reports[1],
    ]);
    let document = valid(&one);
    assert_eq!(document["subjects"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["reports"].as_array().map(Vec::len), Some(1));
}

#[test]
fn output_never_replaces_a_file_unasked() {
    let sandbox = Sandbox::new();
    let [trivy, _] = pair();
    let path = sandbox.work().join("out.json");
    let write = |more: &[&str]| {
        let mut all = vec![
            "findings", "--format", "json", "--output", "out.json", &trivy,
        ];
        all.extend(more);
        sandbox.run(all)
    };
    let first = write(&[]);
    assert_eq!((first.code, first.stdout.as_str()), (0, ""), "{first:?}");
    std::fs::write(&path, "mine").expect("writable");
    let refused = write(&[]);
    assert_eq!(refused.code, 5, "{refused:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("readable"), "mine");
    assert_eq!(write(&["--force"]).code, 0);
    let written = std::fs::read_to_string(&path).expect("readable");
    assert!(written.starts_with("{\n  \"schema\": \"countersign/findings/v1\""));
}

#[test]
fn a_broken_pipe_is_success() {
    let sandbox = Sandbox::new();
    let program = crate::support::program::binary().display().to_string();
    let script = format!(
        "{{ '{program}' findings '{}'; echo $? >&3; }} 3>&2 | true",
        pair()[0]
    );
    let output = sandbox.run_other(Path::new("/bin/sh"), ["-c", &script], b"");
    assert_eq!(output.stderr, "0\n", "{output:?}");
}

#[test]
fn usage_help_and_version() {
    let sandbox = Sandbox::new();
    let version = sandbox.run(["--version"]);
    assert_eq!(version.code, 0);
    assert!(
        version.stdout.contains(std::env::consts::ARCH),
        "{version:?}"
    );
    for arguments in [vec!["--help"], vec!["findings", "--help"]] {
        let help = sandbox.run(&arguments);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{arguments:?}");
    }
    for arguments in [
        vec!["findings"],
        vec!["findings", "--format", "digest", "x"],
        vec!["list", "--now", "yesterday", "x"],
        vec!["inspect", "a b"],
        vec!["review", "x.json"],
        vec![],
    ] {
        let output = sandbox.run(&arguments);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (2, ""),
            "{arguments:?} {output:?}"
        );
        assert!(output.stderr.starts_with("error: "), "{output:?}");
    }
}

#[test]
fn set_up_commands_have_documents_too() {
    let mut sandbox = Sandbox::new();
    sandbox.set("COSIGN_PASSWORD", "canary-of-a-password");
    for arguments in [
        vec!["config", "show", "--format", "json"],
        vec!["config", "check", "--format", "json"],
        vec!["keys", "--format", "json"],
        vec!["key", "generate", "--format", "json"],
        vec!["key", "show", "--key", "cosign.pub", "--format", "json"],
    ] {
        let output = sandbox.run(&arguments);
        assert_eq!(output.code, 0, "{arguments:?} {output:?}");
        valid(&output);
        assert!(!format!("{output:?}").contains("canary"), "{output:?}");
    }
    let again = sandbox.run(["key", "generate"]);
    assert_eq!(again.code, 5, "{again:?}");
    let man = sandbox.run(["man", "pages"]);
    assert_eq!(man.code, 0, "{man:?}");
    assert!(sandbox.work().join("pages/countersign-findings.1").exists());
    for shell in ["bash", "zsh", "fish"] {
        let output = sandbox.run(["completions", shell]);
        assert!(
            output.code == 0 && output.stdout.contains("findings"),
            "{shell}"
        );
    }
}

#[test]
fn a_configuration_that_is_wrong_is_usage_with_its_line() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.work().join("c.toml"), "\nledgr = 1\n").expect("writable");
    let output = sandbox.run(["config", "show", "--config", "c.toml"]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    assert!(output.stderr.contains("line 2"), "{}", output.stderr);
}

#[test]
fn the_archive_is_named_before_or_after_what_to_do_with_it() {
    let sandbox = Sandbox::new();
    for arguments in [
        ["archive", "list", "--archive", "kept"],
        ["archive", "--archive", "kept", "list"],
    ] {
        let output = sandbox.run(arguments);
        assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
    }
}
