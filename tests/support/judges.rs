//! Finding what is outside the project: judges, the corpus of real reports, and the settings of a run.
//!
//! What a judge is asked stands in the tests; `.ci/judges` is what installs them.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Returns the program `name` that `.ci/judges` installed, or else one of the system.
///
/// Where there is none, the test that asked must return: this says so on the terminal, past the capture of the test
/// runner, and fails instead when `COUNTERSIGN_REQUIRE_JUDGES=1`.
pub(crate) fn judge(name: &str) -> Option<PathBuf> {
    let path = variable("PATH").unwrap_or_default();
    let found = [folder().join("bin")]
        .into_iter()
        .chain(env::split_paths(&path))
        .map(|folder| folder.join(name));
    asked(name, found.into_iter().find(|program| program.is_file()))
}

/// Returns the published schema `name` of a format that `.ci/judges` fetched; a missing one is a missing judge.
pub(crate) fn schema(name: &str) -> Option<PathBuf> {
    let path = folder().join("schemas").join(name);
    asked(name, path.is_file().then_some(path))
}

/// Returns a file of the judges' folder that nobody has to have, or says that it is not there.
pub(crate) fn found(name: &str) -> Option<PathBuf> {
    let path = folder().join(name);
    let found = path.is_file().then_some(path);
    if found.is_none() {
        skipped(&format!("no {name} among the judges"));
    }
    found
}

fn folder() -> PathBuf {
    variable("COUNTERSIGN_JUDGES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judges"),
        PathBuf::from,
    )
}

fn asked(name: &str, found: Option<PathBuf>) -> Option<PathBuf> {
    if found.is_none() {
        let required = variable("COUNTERSIGN_REQUIRE_JUDGES").is_some_and(|value| value == "1");
        assert!(
            !required,
            "the judge {name} is required and was not found; `bash .ci/judges` installs it"
        );
        note(&format!(
            "SKIPPED: no {name} to judge this; `bash .ci/judges` installs it"
        ));
    }
    found
}

/// Says that a judge is there and cannot be used on this machine; fails where judges are required. The test that asked
/// must return.
pub(crate) fn unusable(name: &str, why: &str) {
    let required = variable("COUNTERSIGN_REQUIRE_JUDGES").is_some_and(|value| value == "1");
    assert!(!required, "the judge {name} is required: {why}");
    note(&format!("SKIPPED: {name} cannot judge this: {why}"));
}

/// Returns the folder of real reports (`COUNTERSIGN_CORPUS`, or `../shared/corpus` beside the project), or says that it
/// is not there; the test that asked must return then.
pub(crate) fn corpus() -> Option<PathBuf> {
    let folder = variable("COUNTERSIGN_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    let found = folder.is_dir().then_some(folder);
    if found.is_none() {
        note("SKIPPED: no corpus of real reports beside the project");
    }
    found
}

/// Says that a test was not done, and why.
pub(crate) fn skipped(why: &str) {
    note(&format!("SKIPPED: {why}"));
}

/// Returns how often a test repeats what depends on chance: `default`, or the variable `name`, which the long check sets.
pub(crate) fn repetitions(name: &str, default: u32) -> u32 {
    variable(name).map_or(default, |value| {
        let count = value.to_str().and_then(|value| value.parse().ok());
        count.unwrap_or_else(|| panic!("{name} is not a number: {}", value.display()))
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the settings of a test run come from its caller"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}

/// Writes a line for the person who started the tests; the test runner does not capture the stream itself.
pub(crate) fn note(line: &str) {
    let thread = std::thread::current();
    writeln!(
        io::stderr(),
        "\n{}: {line}",
        thread.name().unwrap_or("a test")
    )
    .expect("standard error takes a line");
}

#[test]
fn programs_of_the_system_are_found_and_others_are_not() {
    assert!(judge("sh").is_some_and(|program| program.is_absolute()));
    if variable("COUNTERSIGN_REQUIRE_JUDGES").is_none() {
        assert_eq!(judge("no-such-judge"), None);
    }
}

#[test]
fn a_corpus_has_its_list() {
    if let Some(corpus) = corpus() {
        assert!(corpus.join("MANIFEST.tsv").is_file());
    }
}

#[test]
fn repetitions_have_a_default() {
    assert_eq!(repetitions("COUNTERSIGN_NO_SUCH_RUNS", 7), 7);
}
