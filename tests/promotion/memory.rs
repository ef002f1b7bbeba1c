//! The memory that unlocking a key takes is given back before an image is copied.
//!
//! Linux alone says so of a running process; elsewhere there is nothing to ask.
#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::scene;
use crate::support::program::binary;

/// What a promotion may hold while it copies, in KiB; unlocking a key takes 64 MiB.
const MOST: u64 = 40 * 1024;

/// Returns the memory of a process that no file backs, in KiB; none once it ended.
fn held(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn the_memory_of_unlocking_is_given_back_before_copying() {
    let (_registry, scene) = scene();
    scene.approve();
    let mut child = Command::new(binary())
        .args(scene.promotion(&scene.digest().to_string(), &[]))
        .env_clear()
        .envs(scene.sandbox.variables())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
    let mut seen = Vec::new();
    for line in lines {
        let line = line.expect("events are text");
        if line.contains("\"copy\"") || line.contains("\"sign\"") {
            seen.extend(held(child.id()));
        }
    }
    assert!(child.wait().expect("it ends").success());
    assert!(!seen.is_empty(), "it was looked at while it copied");
    assert!(seen.iter().all(|held| *held < MOST), "{seen:?} KiB");
}
