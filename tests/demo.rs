//! The demonstration as a person without a terminal sees it.
//!
//! The console's half of it is tested with the console.

use std::fs;

use crate::support::program::Sandbox;

#[test]
fn the_story_ends_well_and_leaves_nothing_behind() {
    let mut sandbox = Sandbox::new();
    let temporary = sandbox.home().join("tmp");
    fs::create_dir(&temporary).expect("a folder can be made");
    sandbox.set("TMPDIR", &temporary);
    // Settings of the person and a proxy that answers nobody have no say in it.
    sandbox.set("COUNTERSIGN_LEDGER", "/nowhere/ledger");
    sandbox.set("HTTP_PROXY", "http://127.0.0.1:9");
    sandbox.set("HTTPS_PROXY", "http://127.0.0.1:9");
    let output = sandbox.run(["demo"]);
    assert_eq!(output.code, 0, "{output:?}");
    for words in [
        "the gate is closed: caddy:2.7.6",
        "9 vulnerabilities of severity high or above that have a fix",
        "reject recorded on caddy:2.7.6",
        "[exit 5]",
        "the gate is open: caddy:v2.10.0",
        "approve recorded on caddy:v2.10.0",
        "debut/base-images/caddy:v2.10.0",
        "signed: ",
        "whole: ",
    ] {
        assert!(output.stdout.contains(words), "{words}: {output:?}");
    }
    let left: Vec<_> = fs::read_dir(&temporary).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_folder_that_is_named_stays() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(["demo", "--auto", "--dir", "tour"]);
    assert_eq!(output.code, 0, "{output:?}");
    for name in ["reports", "ledger", "archive", "cosign.key", "cosign.pub"] {
        assert!(sandbox.work().join("tour").join(name).exists(), "{name}");
    }
    let again = sandbox.run(["demo", "--auto", "--dir", "tour"]);
    assert_ne!(again.code, 0, "a key is never overwritten: {again:?}");
}
