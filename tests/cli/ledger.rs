//! `ledger`: empty, whole, taken back, broken.
//!
//! How a chain can be tampered with is `ledger`'s own tests' matter.

use super::valid;
use crate::support::program::Sandbox;

use chrono::DateTime;
use countersign::environment::Clock;
use countersign::ledger::{Draft, Ledger, kind};
use countersign::store::{DirectoryStore, Store};

/// Makes a ledger of two predictions and an approval that means nothing, in the default place.
fn recorded(sandbox: &Sandbox) -> std::path::PathBuf {
    let folder = sandbox.home().join(".local/share/countersign/ledger");
    let ledger = Ledger::new(Store::Directory(DirectoryStore::new(&folder)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime starts");
    for number in 0..3 {
        let body = serde_json::json!({"image": "example", "expect": number});
        let clock = Clock::Fixed(DateTime::UNIX_EPOCH);
        let draft = Draft::new(kind::PREDICTION, body, "reviewer@example.org", clock);
        runtime
            .block_on(ledger.append(draft))
            .expect("an entry is recorded");
    }
    folder
}

#[test]
fn nothing_recorded_is_no_yes() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(["ledger", "verify", "--format", "json"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(valid(&output)["entries"], 0);
    let show = sandbox.run(["ledger", "show", "--format", "json"]);
    assert_eq!(show.code, 0, "{show:?}");
    valid(&show);
}

#[test]
fn a_whole_ledger_is_shown_and_a_broken_one_is_said_to_be() {
    let sandbox = Sandbox::new();
    let folder = recorded(&sandbox);
    let whole = sandbox.run(["ledger", "verify", "--format", "json"]);
    assert_eq!(whole.code, 0, "{whole:?}");
    assert_eq!(valid(&whole)["head"]["seq"], 3);
    let show = valid(&sandbox.run(["ledger", "show", "--format", "json"]));
    assert_eq!(show["entries"].as_array().map(Vec::len), Some(3));
    valid(&sandbox.run(["ledger", "expiring", "--format", "json"]));
    let refused = sandbox.run(["ledger", "undo", "1"]);
    assert_eq!(refused.code, 3, "{refused:?}");

    let path = folder.join("000000000002.json");
    let text = std::fs::read_to_string(&path).expect("readable");
    std::fs::remove_file(&path).expect("removable");
    std::fs::write(&path, text.replace("example.org", "example.com")).expect("writable");
    let broken = sandbox.run(["ledger", "verify", "--format", "json"]);
    assert_eq!(broken.code, 6, "{broken:?}");
    let document = valid(&broken);
    assert_eq!(document["whole"], false);
    assert_eq!(document["problems"][0]["seq"], 2);
    let undo = sandbox.run(["ledger", "undo", "1"]);
    assert_eq!(undo.code, 6, "{undo:?}");
    let findings = super::over_pair_in(&sandbox, &["findings", "--format", "json"]);
    assert_eq!(findings.code, 6, "{}", findings.stderr);
    valid(&findings);
}
