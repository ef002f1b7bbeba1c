//! Scanners that misbehave, played by small scripts.
//!
//! Real scanners are run by the integration tests.

use std::collections::BTreeSet;
use std::io::Write as _;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::model::ImageReference;

const REPORT: &str = r#"{"SchemaVersion":2,"ArtifactName":"app","ArtifactType":"container_image",
  "Results":[{"Target":"app","Class":"os-pkgs","Type":"debian","Vulnerabilities":[
    {"VulnerabilityID":"CVE-2024-1","PkgName":"a","InstalledVersion":"1","Severity":"HIGH"}]}]}"#;

/// A folder with a script in it, and where scans go.
struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("report.json"), REPORT).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// Writes a program that answers `version` and otherwise does `body`. Another process writes it:
    /// a file that this one has open for writing could not be started at the same time.
    fn script(&self, body: &str) -> PathBuf {
        let path = self.path("script");
        let script = format!(
            "#!/bin/sh\nhere='{}'\n[ \"$1\" = version ] && {{ echo '{{\"Version\":\"1.2.3\"}}'; exit 0; }}\n{body}\n",
            self.folder.path().display()
        );
        let mut child = std::process::Command::new("/bin/sh")
            .args(["-c", "cat >\"$1\" && chmod 755 \"$1\"", "sh"])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(script.as_bytes()).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success());
        path
    }

    fn order(&self, scanner: Scanner, body: &str) -> Order {
        Order {
            scanner,
            program: Program::Installed(self.script(body)),
            extra: Vec::new(),
        }
    }

    fn scan(&self, orders: Vec<Order>) -> Scan {
        Scan {
            target: Target::parse("docker://registry.example.org/team/app:1").unwrap(),
            platform: None,
            orders,
            folder: self.out(),
            ca_file: None,
        }
    }

    fn environment(&self) -> Environment {
        Environment::fixed(DateTime::UNIX_EPOCH, self.path("home"))
            .with_variable("PATH", "/usr/bin:/bin")
            .with_variable("COSIGN_PASSWORD", "canary")
            .with_variable("TRIVY_TIMEOUT", "15m")
    }

    /// Runs one scanner and returns what became of it.
    async fn one(&self, body: &str) -> Outcome {
        let scan = self.scan(vec![self.order(Scanner::Trivy, body)]);
        let (send, _receive) = unbounded_channel();
        let cancel = CancellationToken::new();
        let outcomes = run(&scan, &self.environment(), &cancel, &send).await;
        outcomes.unwrap().pop().unwrap()
    }

    /// Runs one scanner that must fail and leave nothing.
    async fn failure(&self, body: &str) -> ScannerError {
        let error = self.one(body).await.result.unwrap_err();
        assert_eq!(self.left(), BTreeSet::new(), "{error}");
        error
    }

    /// The names in the folder of the reports, hidden ones included.
    fn left(&self) -> BTreeSet<String> {
        std::fs::read_dir(self.out())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

fn events(receive: &mut UnboundedReceiver<Event>) -> Vec<EventKind> {
    std::iter::from_fn(|| receive.try_recv().ok())
        .map(|event| event.kind)
        .collect()
}

#[tokio::test]
async fn what_is_whole_is_kept_and_said() {
    let stage = Stage::set();
    let scan = stage.scan(vec![
        stage.order(Scanner::Trivy, "cat \"$here/report.json\""),
    ]);
    let (send, mut receive) = unbounded_channel();
    let cancel = CancellationToken::new();
    let outcomes = run(&scan, &stage.environment(), &cancel, &send)
        .await
        .unwrap();
    let [outcome] = outcomes.as_slice() else {
        panic!("{outcomes:?}");
    };
    let kept = outcome.result.as_ref().unwrap();
    let name = "scan.results.app_1_19700101T000000Z.trivy.json";
    assert_eq!(kept.path, stage.out().join(name));
    assert_eq!(std::fs::read_to_string(&kept.path).unwrap(), REPORT);
    assert_eq!(kept.sha256, Digest::of(REPORT.as_bytes()));
    assert_eq!((kept.count, outcome.exit_code), (1, Some(0)));
    assert_eq!(outcome.version.as_deref(), Some("1.2.3"));
    assert_eq!(stage.left(), BTreeSet::from([name.to_owned()]));
    let events = events(&mut receive);
    assert!(
        matches!(
            events.as_slice(),
            [
                EventKind::StepStarted {
                    version: Some(_),
                    ..
                },
                EventKind::StepFinished { .. }
            ]
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_failed_scanner_leaves_nothing_and_its_last_words() {
    let stage = Stage::set();
    let error = stage
        .failure("cat \"$here/report.json\"; echo first >&2; printf '\\033[31mFATAL\\033[0m no such image\\n' >&2; exit 3")
        .await;
    assert_eq!(
        error.to_string(),
        "trivy ended with exit code 3: FATAL no such image"
    );
    assert!(error.hints().iter().any(|hint| hint.ends_with("first")));
    let killed = stage.failure("cat \"$here/report.json\"; kill -9 $$").await;
    assert!(killed.to_string().contains("signal 9"), "{killed}");
}

#[tokio::test]
async fn what_cannot_be_read_whole_is_not_kept() {
    let stage = Stage::set();
    for body in [
        "echo garbage",
        ":",
        "head -c 120 \"$here/report.json\"",
        "cat \"$here/report.json\" \"$here/report.json\"",
        "echo '{\"matches\": [], \"descriptor\": {\"name\": \"grype\", \"version\": \"1\"}, \"source\": {\"type\": \"image\", \"target\": {\"userInput\": \"a\"}}}'",
        "echo '{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"components\":[]}'",
    ] {
        let error = stage.failure(body).await;
        assert!(
            matches!(
                error,
                ScannerError::Unreadable { .. } | ScannerError::Unexpected { .. }
            ),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn a_flood_on_standard_error_is_bounded() {
    let stage = Stage::set();
    let body = "i=0; while [ $i -lt 200 ]; do head -c 65536 /dev/zero | tr '\\0' x >&2; i=$((i+1)); done; echo end >&2; exit 1";
    let ScannerError::Failed { tail, .. } = stage.failure(body).await else {
        panic!("it failed in another way");
    };
    assert_eq!(tail.last().map(String::len), Some(300));
    assert!(tail.len() <= 20);
}

#[tokio::test]
async fn a_program_that_is_none_is_told() {
    let stage = Stage::set();
    let path = stage.script("");
    std::fs::remove_file(&path).unwrap();
    let order = Order {
        scanner: Scanner::Trivy,
        program: Program::Installed(path),
        extra: Vec::new(),
    };
    let (send, _receive) = unbounded_channel();
    let cancel = CancellationToken::new();
    let scan = stage.scan(vec![order]);
    let mut outcomes = run(&scan, &stage.environment(), &cancel, &send)
        .await
        .unwrap();
    let error = outcomes.pop().unwrap().result.unwrap_err();
    assert!(matches!(error, ScannerError::Start { .. }), "{error}");
}

#[tokio::test]
async fn one_failure_does_not_keep_the_next_from_running() {
    let stage = Stage::set();
    // The report is Trivy's, so that Grype's output is not what was asked for.
    let body = "cat \"$here/report.json\"";
    let orders = vec![
        stage.order(Scanner::Grype, body),
        stage.order(Scanner::Trivy, body),
    ];
    let (send, mut receive) = unbounded_channel();
    let cancel = CancellationToken::new();
    let scan = stage.scan(orders);
    let outcomes = run(&scan, &stage.environment(), &cancel, &send)
        .await
        .unwrap();
    assert!(outcomes[0].result.is_err() && outcomes[1].result.is_ok());
    assert_eq!(stage.left().len(), 1);
    let failed = events(&mut receive)
        .into_iter()
        .filter(|event| matches!(event, EventKind::Failed { .. }));
    assert_eq!(failed.count(), 1);
}

#[tokio::test]
async fn arguments_arrive_as_they_are_and_secrets_stay() {
    let stage = Stage::set();
    let body = "for word in \"$@\"; do echo \"$word\"; done >\"$here/words\"; env >\"$here/env\"; cat \"$here/report.json\"";
    let hostile = stage.path("$(touch gone);\n--format=table '\"");
    std::fs::create_dir(&hostile).unwrap();
    let mut scan = stage.scan(vec![stage.order(Scanner::Trivy, body)]);
    scan.target = Target::Directory(hostile.clone());
    let (send, _receive) = unbounded_channel();
    let cancel = CancellationToken::new();
    let outcomes = run(&scan, &stage.environment(), &cancel, &send)
        .await
        .unwrap();
    let kept = outcomes[0].result.as_ref().unwrap();
    let name = kept.path.file_name().unwrap().to_str().unwrap();
    assert_eq!(
        name,
        "scan.results.__touch_gone___--format_table____19700101T000000Z.trivy.json"
    );
    let words = std::fs::read_to_string(stage.path("words")).unwrap();
    assert!(
        words.ends_with(&format!("--\n{}\n", hostile.display())),
        "{words}"
    );
    let env = std::fs::read_to_string(stage.path("env")).unwrap();
    assert!(!env.contains("canary"), "{env}");
    assert!(env.contains("TRIVY_TIMEOUT=15m"), "{env}");
    let scratch = env
        .lines()
        .find_map(|line| line.strip_prefix("TMPDIR="))
        .unwrap();
    assert!(!Path::new(scratch).exists(), "{scratch} is left");
}

#[tokio::test]
async fn cancelling_ends_the_whole_group_at_once() {
    // On a machine that is busy with other tests one try may have to wait for its turn.
    let mut times = Vec::new();
    for _ in 0..3 {
        times.push(cancelled().await);
        if times.iter().any(|time| *time < Duration::from_millis(200)) {
            return;
        }
    }
    panic!("{times:?}");
}

/// Cancels a scan that does not want to end, and returns how long that took.
async fn cancelled() -> Duration {
    let stage = Stage::set();
    // A child of its own that would outlive it, and a signal that it does not heed.
    let body = "trap '' TERM; (trap '' TERM; exec sleep 300) & echo $! >\"$here/pid.new\"; mv \"$here/pid.new\" \"$here/pid\"; printf '{'; wait; sleep 300";
    let scan = stage.scan(vec![
        stage.order(Scanner::Trivy, body),
        stage.order(Scanner::Trivy, body),
    ]);
    let environment = stage.environment();
    let (send, _receive) = unbounded_channel();
    let cancel = CancellationToken::new();
    let mut work = std::pin::pin!(run(&scan, &environment, &cancel, &send));
    let pid = stage.path("pid");
    while !pid.exists() {
        let wait = tokio::time::sleep(Duration::from_millis(10));
        tokio::select! {
            outcomes = &mut work => panic!("it ended by itself: {outcomes:?}"),
            () = wait => {}
        }
    }
    assert_eq!(stage.left().len(), 1, "a draft while it runs");
    let from = Instant::now();
    cancel.cancel();
    let error = work.await.unwrap_err();
    let took = from.elapsed();
    assert!(matches!(error, ScannerError::Cancelled { .. }), "{error}");
    assert_eq!(stage.left(), BTreeSet::new());
    let pid = std::fs::read_to_string(pid).unwrap();
    assert!(is_gone(pid.trim()), "the child still runs");
    took
}

/// Whether a process runs no more; one that nobody has waited for yet counts as gone.
fn is_gone(pid: &str) -> bool {
    let state = std::process::Command::new("ps")
        .args(["-o", "stat=", "-p", pid])
        .output()
        .unwrap();
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    state.is_empty() || state.starts_with('Z')
}

#[tokio::test]
async fn grypes_own_threshold_is_no_failure() {
    let stage = Stage::set();
    let grype = r#"{"matches": [], "source": {"type": "image", "target": {"userInput": "app"}}, "descriptor": {"name": "grype", "version": "0.92.0"}}"#;
    std::fs::write(stage.path("grype.json"), grype).unwrap();
    let ended = |words: &str| format!("cat \"$here/grype.json\"; echo '{words}' >&2; exit 2");
    let grave = ended("[0001] ERROR discovered vulnerabilities at or above the severity threshold");
    let scan = stage.scan(vec![stage.order(Scanner::Grype, &grave)]);
    let (send, _receive) = unbounded_channel();
    let cancel = CancellationToken::new();
    let outcomes = run(&scan, &stage.environment(), &cancel, &send)
        .await
        .unwrap();
    assert!(outcomes[0].result.is_ok(), "{outcomes:?}");
    assert_eq!(outcomes[0].exit_code, Some(2));
    let scan = stage.scan(vec![stage.order(Scanner::Grype, &ended("no database"))]);
    let outcomes = run(&scan, &stage.environment(), &cancel, &send)
        .await
        .unwrap();
    assert!(outcomes[0].result.is_err(), "{outcomes:?}");
}

#[tokio::test]
async fn a_container_is_ended_too() {
    let stage = Stage::set();
    let body = "echo \"$1 $2\" >>\"$here/calls\"; [ \"$1\" = kill ] && exit 0; echo \"$5\" >\"$here/name\"; exec sleep 300";
    let image: ImageReference = "aquasec/trivy".parse().unwrap();
    let order = Order {
        scanner: Scanner::Trivy,
        program: Program::Image {
            docker: stage.script(body),
            image,
        },
        extra: Vec::new(),
    };
    let scan = stage.scan(vec![order]);
    let environment = stage.environment();
    let (send, _receive) = unbounded_channel();
    let cancel = CancellationToken::new();
    let mut work = std::pin::pin!(run(&scan, &environment, &cancel, &send));
    let named = || std::fs::read_to_string(stage.path("name")).unwrap_or_default();
    let wait = || tokio::time::sleep(Duration::from_millis(10));
    while !named().ends_with('\n') {
        tokio::select! {
            outcomes = &mut work => panic!("it ended by itself: {outcomes:?}"),
            () = wait() => {}
        }
    }
    cancel.cancel();
    assert!(work.await.is_err());
    let killed = format!("kill {}", named());
    let patience = Instant::now();
    while !std::fs::read_to_string(stage.path("calls"))
        .unwrap()
        .contains(&killed)
    {
        assert!(patience.elapsed() < Duration::from_secs(20), "no {killed}");
        wait().await;
    }
}
