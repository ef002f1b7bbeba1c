//! Signing, attesting and verifying with a key where there is no network but the loopback device.
//!
//! The test starts itself again in a network namespace without a route, where it does the work.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::process::Command;

use crate::promotion::scene;
use crate::support::judges::{judge, unusable, variable};

/// Set in the namespace.
const INSIDE: &str = "COUNTERSIGN_NO_ROUTE";

/// Brings the loopback device up (SIOCSIFFLAGS: up and running), then becomes the test.
const LOOPBACK: &str = "
import fcntl, os, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 0x41))
os.execv(sys.argv[1], sys.argv[1:])
";

#[test]
fn a_key_needs_no_connection_but_the_registry() {
    if variable(INSIDE).is_some() {
        return without_a_route();
    }
    let (Some(unshare), Some(python)) = (judge("unshare"), judge("python3")) else {
        return;
    };
    let allowed = Command::new(&unshare).args(["-rn", "true"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return unusable("unshare", "this machine allows no network namespaces");
    }
    let own = std::env::current_exe().expect("a test is a program");
    let output = Command::new(unshare)
        .arg("-rn")
        .arg(python)
        .args(["-c", LOOPBACK])
        .arg(own)
        .args(["--exact", "--nocapture"])
        .arg("signatures::offline::a_key_needs_no_connection_but_the_registry")
        .env(INSIDE, "1")
        .output()
        .expect("the namespace can be made");
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{failed}");
    assert!(said.contains("1 passed"), "{said}\n{failed}");
}

fn without_a_route() {
    // A documentation address (RFC 5737): with any route this would wait for an answer.
    let error = TcpStream::connect(("192.0.2.1", 443)).expect_err("there is no route");
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable, "{error}");

    let (_registry, scene) = scene();
    scene.approve();
    let output = scene.promote(&scene.digest().to_string(), &[]);
    assert_eq!(output.code, 0, "{output:?}");
    let source = scene.stage.approved.reference.clone();
    scene.document(&["sign", &source]);
    let predicate = scene.sandbox.work().join("predicate.json");
    std::fs::write(&predicate, "{\"a\": 1}").expect("the document can be written");
    let predicate = predicate.display().to_string();
    let kind = "https://example.test/checked/v1";
    scene.document(&["attest", &source, "--type", kind, "--predicate", &predicate]);
    let key = scene.stage.folder.join("cosign.pub").display().to_string();
    for image in [&source, &scene.destination()] {
        let verified = scene.document(&["verify", image, "--key", &key]);
        assert_eq!(verified["signed"], true);
        scene.document(&["tree", image, "--key", &key]);
    }
}
