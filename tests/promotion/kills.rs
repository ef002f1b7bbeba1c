//! The program killed at random moments: no acknowledged verdict is lost, no unsigned image is
//! tagged, and a second run finishes what the first began.
//!
//! `COUNTERSIGN_KILL_RUNS` sets how many moments are tried, half of them in each test.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use countersign::demo::registry::{LoggedRequest, Registry};
use countersign::ledger::Ledger;
use countersign::store::{DirectoryStore, Store};
use serde_json::Value;

use super::{REPOSITORY, Scene, events, scene};
use crate::support::judges::repetitions;
use crate::support::program::{Output, binary};

/// Moments without a pattern (xorshift); the seed is in every message of a failure.
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let started = Instant::now();
        let seed = u64::from(std::process::id()) << 20 | 1;
        Self(seed ^ u64::from(started.elapsed().subsec_nanos()))
    }

    fn below(&mut self, longest: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let micros = u64::try_from(longest.as_micros())
            .expect("a short time")
            .max(1);
        Duration::from_micros(self.0 % micros)
    }
}

/// Runs the program and kills it after a time; a code is there only where it ended before.
fn killed(scene: &Scene, arguments: &[String], after: Duration) -> (Option<i32>, String) {
    let mut child = Command::new(binary())
        .args(arguments)
        .env_clear()
        .envs(scene.sandbox.variables())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    std::thread::sleep(after);
    // It may have ended already.
    child.kill().ok();
    let output = child.wait_with_output().expect("it can be waited for");
    let said = String::from_utf8(output.stdout).expect("standard output is UTF-8");
    (output.status.code(), said)
}

fn longest(run: impl FnOnce() -> Output) -> Duration {
    let started = Instant::now();
    let output = run();
    assert_eq!(output.code, 0, "{output:?}");
    started.elapsed().mul_f64(1.2)
}

#[test]
fn no_acknowledged_verdict_is_lost() {
    let (_registry, scene) = scene();
    let reports = scene.reports("caddy-2.7.6");
    let arguments = |reason: &str| -> Vec<String> {
        [
            "decide",
            &reports,
            "--all-findings",
            "--decision",
            "affected",
            "--reason",
            reason,
        ]
        .map(str::to_owned)
        .to_vec()
    };
    let longest = longest(|| scene.sandbox.run(arguments("to know how long it takes")));
    let mut moments = Moments::new();
    let mut acknowledged = vec!["to know how long it takes".to_owned()];
    for run in 0..repetitions("COUNTERSIGN_KILL_RUNS", 40) / 2 {
        let reason = format!("run {run}");
        let (code, said) = killed(&scene, &arguments(&reason), moments.below(longest));
        if code == Some(0) || said.contains("recorded on") {
            acknowledged.push(reason);
        }
    }

    let ledger = Ledger::new(Store::Directory(DirectoryStore::new(&scene.stage.ledger())));
    let chain = scene
        .runtime
        .block_on(ledger.read())
        .expect("it can be read");
    let verified = scene
        .runtime
        .block_on(ledger.verify(&[]))
        .expect("it can be read");
    assert!(verified.is_whole(), "seed {}: {verified:?}", moments.0);
    for reason in acknowledged {
        let entries = chain.entries.iter();
        let found = entries.filter(|entry| entry.body["reason"] == reason.as_str());
        assert_eq!(found.count(), 9, "seed {}: {reason}", moments.0);
    }
    let more = scene.run(&["gate", &scene.new_reports()]);
    assert_eq!(more.code, 0, "the ledger can still be used: {more:?}");
}

#[test]
fn no_unsigned_image_is_tagged_and_a_second_run_finishes() {
    let mut moments = Moments::new();
    let seed = moments.0;
    let mut longest_run = None;
    let mut interrupted = 0;
    for _ in 0..repetitions("COUNTERSIGN_KILL_RUNS", 40) / 2 {
        let (registry, scene) = scene();
        scene.approve();
        let digest = scene.digest().to_string();
        let longest = *longest_run.get_or_insert_with(|| {
            let (_other, first) = super::scene();
            first.approve();
            longest(|| first.promote(&first.digest().to_string(), &[]))
        });
        let plan = scene.plan();
        let shown = plan["plan_digest"].as_str().expect("a digest");
        let arguments = scene.promotion(&digest, &["--plan-digest", shown]);
        let (code, _) = killed(&scene, &arguments, moments.below(longest));
        interrupted += u32::from(code.is_none());
        let tagged = is_tagged(&registry, &scene);
        if tagged {
            assert!(is_signed(&scene), "seed {seed}: tagged and not signed");
        }

        let again = scene.promote(&digest, &["--plan-digest", shown]);
        assert_eq!(again.code, 0, "seed {seed}: {again:?}");
        assert!(
            is_tagged(&registry, &scene) && is_signed(&scene),
            "seed {seed}"
        );
        let last = events(&again).pop().expect("events");
        assert_eq!(
            last["receipt"]["digest"],
            Value::from(digest),
            "seed {seed}"
        );
        let twice: Vec<(String, u32)> = finished_uploads(&registry)
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .collect();
        assert_eq!(twice, [], "seed {seed}: finished blobs are not sent again");
        assert_tag_comes_last(&registry, &scene, seed);
    }
    assert!(interrupted > 0, "seed {seed}: no run was interrupted");
}

/// Asserts by the registry's own log that the image was whole and signed in both formats before any tag named it, and
/// that nothing of it arrived later.
fn assert_tag_comes_last(registry: &Registry, scene: &Scene, seed: u64) {
    let log = registry.requests();
    let manifest = |of: &LoggedRequest, name: &str| {
        of.method == "PUT" && of.status == 201 && of.path.ends_with(&format!("/manifests/{name}"))
    };
    let first = log.iter().position(|of| manifest(of, "v2.10.0"));
    let (before, after) = log.split_at(first.expect("the tag was put"));
    let digest = scene.digest();
    let (tag, image) = (format!("sha256-{}", digest.hex()), digest.to_string());
    for name in [&image, &tag, &format!("{tag}.sig")] {
        let put = before.iter().any(|of| manifest(of, name));
        assert!(put, "seed {seed}: {name} before the tag: {before:?}");
    }
    let late = after.iter().filter(|of| of.path.contains("/uploads/"));
    assert_eq!(late.count(), 0, "seed {seed}: {after:?}");
    let puts = after.iter().filter(|of| manifest(of, "v2.10.0"));
    assert_eq!(puts.count(), 1, "seed {seed}: the tag is put once");
}

fn is_tagged(registry: &Registry, scene: &Scene) -> bool {
    let tags = registry.tags(REPOSITORY);
    tags.contains(&("v2.10.0".to_owned(), scene.digest().clone()))
}

fn is_signed(scene: &Scene) -> bool {
    let key = scene.stage.folder.join("cosign.pub").display().to_string();
    let verified = scene.run(&["verify", &scene.destination(), "--key", &key, "--strict"]);
    verified.code == 0
}

/// Returns how often each blob of the image arrived whole.
fn finished_uploads(registry: &Registry) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for request in registry.requests() {
        let finished = matches!(request.method.as_str(), "PUT" | "POST") && request.status == 201;
        if let Some((_, digest)) = request.path.split_once("digest=").filter(|_| finished) {
            *counts.entry(digest.to_owned()).or_default() += 1;
        }
    }
    counts
}
