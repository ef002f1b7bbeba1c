//! Promotions that approvals do not carry, each by what people or somebody else would really do.
//!
//! That nothing was sent is asked of the registry itself.

use std::fs;

use crate::promotion::{REPOSITORY, Scene, scene};

use super::{BOTH, Team, decide, refused};

/// A policy, what was done under it, and the words of the refusal.
struct Case {
    name: &'static str,
    policy: &'static str,
    done: fn(&Scene, &Team),
    words: &'static str,
}

const ALICE: &str = "trusted_keys = [\"alice.pub\"]";
const DENY: &str = "four_eyes = \"deny\"\ntrusted_keys = [\"alice.pub\", \"bob.pub\"]";

/// Whose approvals they are.
const WHO: [Case; 7] = [
    Case {
        name: "none",
        policy: BOTH,
        done: |_, _| {},
        words: "0 of 2 approvals signed by distinct trusted keys",
    },
    Case {
        name: "one-of-two",
        policy: BOTH,
        done: |scene, team| drop(team.sign(scene, "alice", "approve")),
        words: "1 of 2 approvals",
    },
    Case {
        name: "one-key-two-names",
        policy: BOTH,
        done: |scene, team| {
            team.sign(scene, "alice", "approve");
            decide(scene, "carol", "approve", &["--key", &team.key("alice")]);
        },
        words: "1 of 2 approvals",
    },
    Case {
        name: "unsigned",
        policy: ALICE,
        done: |scene, team| {
            // Under another policy nothing is signed unasked.
            let lax = team.folder.join("lax.toml");
            fs::write(&lax, "").expect("a policy can be written");
            let lax = lax.display().to_string();
            decide(scene, "alice", "approve", &["--policy", &lax]);
        },
        words: "0 of 1 approvals",
    },
    Case {
        name: "untrusted-key",
        policy: ALICE,
        done: |scene, team| {
            decide(scene, "alice", "approve", &["--key", &team.key("mallory")]);
        },
        words: "is signed by a key that is not trusted",
    },
    Case {
        name: "only-the-promoter",
        policy: DENY,
        done: |scene, team| drop(team.sign(scene, "bob", "approve")),
        words: "bob promotes and is the only reviewer",
    },
    Case {
        name: "only-the-promoter-by-another-name",
        policy: DENY,
        done: |scene, team| {
            decide(scene, "carol", "approve", &["--key", &team.key("bob")]);
        },
        words: "bob promotes and is the only reviewer",
    },
];

/// What they were made on, and what became of them.
const WHAT: [Case; 5] = [
    Case {
        name: "expired",
        policy: "trusted_keys = [\"alice.pub\"]\nmax_age = \"7d\"",
        done: |scene, team| {
            let key = team.key("alice");
            let more = ["--key", key.as_str(), "--now", "2026-01-01T00:00:00Z"];
            decide(scene, "alice", "approve", &more);
        },
        words: "it held until 2026-01-08 00:00Z",
    },
    Case {
        name: "other-policy",
        policy: ALICE,
        done: |scene, team| {
            team.sign(scene, "alice", "approve");
            let text = format!("[approval]\n{ALICE}\n[gate]\nseverity = \"critical\"\n");
            fs::write(team.folder.join("countersign.toml"), text).expect("a policy");
        },
        words: "the policy changed",
    },
    Case {
        name: "other-evidence",
        policy: ALICE,
        done: |scene, team| {
            let half = scene.report("caddy-v2.10.0.grype.json");
            let (half, key) = (half.display().to_string(), team.key("alice"));
            let what = ["decide", &half, "--whole-image", "--decision", "approve"];
            scene.document(&[&what[..], &["--reason", "half of it", "--key", &key]].concat());
        },
        words: "no approval was made on",
    },
    Case {
        name: "tampered",
        policy: ALICE,
        done: |scene, team| {
            team.sign(scene, "alice", "approve");
            let folder = team.ledger("tampered").join("approvals");
            let file = fs::read_dir(folder).expect("a folder").next().expect("one");
            let path = file.expect("an approval").path();
            let text = fs::read_to_string(&path).expect("text");
            fs::remove_file(&path).expect("removable");
            fs::write(&path, text.replacen('A', "B", 1)).expect("writable");
        },
        words: "no longer holds",
    },
    Case {
        name: "rejected-by-another-key",
        policy: ALICE,
        done: |scene, team| {
            team.sign(scene, "alice", "approve");
            decide(scene, "eve", "reject", &["--key", &team.key("bob")]);
        },
        words: "eve (key ",
    },
];

fn all_refused(cases: &[Case]) {
    let (registry, mut scene) = scene();
    let team = Team::assemble(&mut scene);
    let digest = scene.digest().to_string();
    for case in cases {
        let Case { name, policy, .. } = case;
        team.begin(&mut scene, name, policy);
        (case.done)(&scene, &team);
        let gate = scene.run(&["gate", &scene.new_reports(), "--for", "promote"]);
        // The gate answers for the reports it is given; that others were approved the plan sees.
        let open = *name == "other-evidence";
        assert_eq!(gate.code, i32::from(!open), "{name}: {gate:?}");
        refused(name, &scene.promote(&digest, &[]), case.words);
        let asked = registry.requests();
        let is_sent = |method: &str| method != "GET" && method != "HEAD";
        let sent = asked.iter().filter(|request| is_sent(&request.method));
        assert_eq!(sent.count(), 0, "{name}");
    }
    assert_eq!(registry.tags(REPOSITORY), [], "nothing is tagged");
}

#[test]
fn without_the_approvals_of_the_right_people() {
    all_refused(&WHO);
}

#[test]
fn without_approvals_that_hold() {
    all_refused(&WHAT);
}
