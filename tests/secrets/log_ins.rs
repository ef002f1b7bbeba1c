//! Log-ins of every kind used in whole runs: a registry's password and token, the role of AWS, the password of a key
//! and what a helper gives. None of them shows in what is printed, written down or passed as an argument.
//!
//! Secrets that reports and images carry are followed in the file above.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::demo::registry::{Answer, Registry, RegistryOptions};
use http_body_util::Full;
use hyper::Response;
use serde_json::json;
use tokio::runtime::Runtime;

use super::{CANARY, files, silent};
use crate::promotion::{REPOSITORY, Scene};
use crate::support::ecr::{Ecr, HOST, Role};
use crate::support::program::Output;

const PATIENCE: Duration = Duration::from_secs(30);

fn answer(status: u16, challenge: Option<String>, body: String) -> Answer {
    let mut builder = Response::builder().status(status);
    if let Some(challenge) = challenge {
        builder = builder.header("www-authenticate", challenge);
    }
    let body = Full::new(Bytes::from(body));
    builder.body(body).expect("an answer can be built")
}

/// A registry that gives a token for a password, and takes requests with that token alone.
async fn guarded() -> Registry {
    let password = STANDARD.encode(format!("user:password-{CANARY}"));
    let token = format!("token-{CANARY}");
    let intercept = move |request: &hyper::Request<hyper::body::Incoming>| {
        let header = |name: &str| request.headers().get(name)?.to_str().ok();
        let given = header("authorization").unwrap_or_default();
        let refusal =
            json!({"errors": [{"code": "UNAUTHORIZED", "message": "log in"}]}).to_string();
        if request.uri().path() == "/token" {
            return Some(if given == format!("Basic {password}") {
                answer(200, None, json!({"token": token}).to_string())
            } else {
                answer(401, None, refusal)
            });
        }
        if given == format!("Bearer {token}") {
            return None;
        }
        let host = header("host").unwrap_or_default();
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"registry\"");
        Some(answer(401, Some(challenge), refusal))
    };
    let options = RegistryOptions {
        intercept: Some(Arc::new(intercept)),
        ..RegistryOptions::default()
    };
    Registry::start(options).await.expect("a registry starts")
}

/// Looks at the arguments of every process until told to stop.
fn watch(stop: &AtomicBool) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    while !stop.load(Ordering::Relaxed) {
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let is_process = entry.file_name().to_string_lossy().parse::<u32>().is_ok();
            let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if is_process && !arguments.is_empty() {
                seen.insert(String::from_utf8_lossy(&arguments).replace('\0', " "));
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    seen
}

struct Guarded {
    scene: Scene,
    ecr: Ecr,
    _registry: Registry,
    /// The files that hold a log-in because the person put it there.
    planted: Vec<PathBuf>,
}

impl Guarded {
    fn set() -> Option<Self> {
        let runtime = Runtime::new().expect("a runtime starts");
        let role = Role {
            key: format!("ASIA{CANARY}"),
            secret: format!("secret-{CANARY}"),
            token: format!("session-{CANARY}"),
        };
        let ecr = runtime.block_on(Ecr::start(role))?;
        ecr.make(REPOSITORY, "MUTABLE");
        let registry = runtime.block_on(guarded());
        let mut scene = Scene::set(runtime, &registry.host());
        ecr.lead(&mut scene.sandbox);
        ecr.log_in(&mut scene.sandbox);
        scene
            .sandbox
            .set("COSIGN_PASSWORD", format!("key-{CANARY}"));
        let generated = scene.run(&["key", "generate", "--prefix", "own"]);
        assert_eq!(generated.code, 0, "{generated:?}");
        scene.sandbox.set("COUNTERSIGN_KEY", "own.key");
        let mut guarded = Self {
            scene,
            ecr,
            _registry: registry,
            planted: Vec::new(),
        };
        guarded.keep_password("user", &format!("password-{CANARY}"));
        Some(guarded)
    }

    /// Keeps a password as `docker login` does.
    fn keep_password(&mut self, user: &str, password: &str) {
        let auth = STANDARD.encode(format!("{user}:{password}"));
        let config = json!({"auths": {self.scene.host.as_str(): {"auth": auth}}});
        self.write_config(&config.to_string());
    }

    /// Lets a helper give the password, or say that it cannot.
    fn keep_helper(&mut self, script: &str) {
        let folder = self.scene.sandbox.home().join("bin");
        std::fs::create_dir_all(&folder).expect("the home is ours");
        let helper = folder.join("docker-credential-canary");
        std::fs::write(&helper, script).expect("the home is ours");
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o700))
            .expect("it is ours");
        self.scene
            .sandbox
            .set("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        let config = json!({"credHelpers": {self.scene.host.as_str(): "canary"}});
        self.write_config(&config.to_string());
        self.planted.push(helper);
    }

    fn write_config(&mut self, text: &str) {
        let folder = self.scene.sandbox.home().join(".docker");
        std::fs::create_dir_all(&folder).expect("the home is ours");
        let path = folder.join("config.json");
        std::fs::write(&path, text).expect("the home is ours");
        self.planted.push(path);
    }

    /// Runs a command that says as much as it can; what it prints has no secret.
    fn run(&self, code: i32, arguments: &[&str]) -> Output {
        let output = self.scene.run(&[arguments, &["-v", "-v"]].concat());
        silent(&format!("{arguments:?} stdout"), &output.stdout);
        silent(&format!("{arguments:?} stderr"), &output.stderr);
        assert_eq!(output.code, code, "{arguments:?}: {output:?}");
        output
    }

    fn promote(&self, code: i32, destination: &str, format: &str) -> Output {
        let (reports, digest) = (self.scene.new_reports(), self.scene.digest().to_string());
        let source = self.scene.stage.approved.reference.as_str();
        self.run(
            code,
            &[
                "promote",
                source,
                destination,
                &reports,
                "--digest",
                &digest,
                "--yes",
                "--format",
                format,
            ],
        )
    }

    /// Nothing that was written down has a secret, but what the person wrote.
    fn look_at_files(&self) {
        let places = [
            self.scene.sandbox.home(),
            self.scene.sandbox.work(),
            self.scene.stage.folder.clone(),
        ];
        let found: Vec<PathBuf> = places.iter().flat_map(|place| files(place)).collect();
        let is_kept = |part: &str| {
            found
                .iter()
                .any(|path| path.to_string_lossy().contains(part))
        };
        assert!(is_kept("/ledger/") && is_kept("/archive/"), "{found:?}");
        for path in found.iter().filter(|path| !self.planted.contains(path)) {
            let bytes = std::fs::read(path).expect("a file");
            silent(
                &path.display().to_string(),
                &String::from_utf8_lossy(&bytes),
            );
        }
    }

    /// Promotes in the console.
    fn promote_in_console(&self, destination: &str) {
        let reports = self
            .scene
            .report("caddy-v2.10.0.trivy.json")
            .display()
            .to_string();
        let grype = self
            .scene
            .report("caddy-v2.10.0.grype.json")
            .display()
            .to_string();
        let arguments = ["review", &reports, &grype, "--to", destination];
        let mut console = self.scene.sandbox.open(arguments, 36, 120);
        console.wait_for_text("Attention", PATIENCE);
        for key in ["7", "p"] {
            console.send(key);
            std::thread::sleep(Duration::from_millis(1_500));
            silent(key, &console.screen());
        }
        console.send("Q");
        assert_eq!(console.exit(PATIENCE), 0);
    }
}

#[test]
fn no_log_in_shows_in_any_run() {
    let Some(mut guarded) = Guarded::set() else {
        return;
    };
    let stop = Arc::new(AtomicBool::new(false));
    let watched = std::thread::spawn({
        let stop = stop.clone();
        move || watch(&stop)
    });
    let own = format!("{}/{REPOSITORY}", guarded.scene.host);
    let aws = format!("{HOST}/{REPOSITORY}");
    guarded.scene.approve();
    for repository in [&own, &aws] {
        let destination = format!("{repository}:v1");
        let key = ["--key", "own.pub"];
        guarded.promote(0, &destination, "json");
        guarded.promote(0, &format!("{repository}:v2"), "table");
        guarded.run(0, &[&["verify", &destination][..], &key].concat());
        guarded.run(0, &["tree", &destination]);
        guarded.run(0, &["inspect", &destination]);
        guarded.run(0, &["config", "check", "--remote", "--to", &destination]);
        guarded.promote_in_console(&format!("{repository}:v3"));
    }
    let source = &guarded.scene.stage.approved.reference;
    let list = format!(
        "sync:\n- source: {source}\n  destination: {own}:s\n- source: {source}\n  destination: {aws}:s\n"
    );
    let file = guarded.scene.sandbox.work().join("list.yaml");
    std::fs::write(&file, list).expect("the working folder is ours");
    let reports = guarded.scene.new_reports();
    guarded.run(
        0,
        &[
            "sync",
            "list.yaml",
            "--reports",
            &reports,
            "--format",
            "json",
        ],
    );
    guarded.run(0, &["ledger", "show", "--format", "json"]);

    // Failures say more than successes.
    guarded.keep_password("user", &format!("wrong-{CANARY}"));
    guarded.promote(4, &format!("{own}:v4"), "json");
    guarded.keep_helper(&format!(
        "#!/bin/sh\nsleep 0.5\necho '{{\"Username\":\"user\",\"Secret\":\"password-{CANARY}\"}}'\n"
    ));
    guarded.promote(0, &format!("{own}:v5"), "json");
    guarded.keep_helper(&format!("#!/bin/sh\necho 'no JSON: {CANARY}'\n"));
    guarded.run(2, &["inspect", &format!("{own}:v1")]);
    guarded.ecr.deny("PutImage");
    guarded.promote(5, &format!("{aws}:v4"), "json");
    guarded.ecr.end_role();
    guarded.promote(4, &format!("{aws}:v4"), "table");
    guarded
        .scene
        .sandbox
        .set("COSIGN_PASSWORD", format!("wrong-{CANARY}"));
    guarded.promote(3, &format!("{own}:v6"), "table");

    stop.store(true, Ordering::Relaxed);
    let arguments = watched.join().expect("the watch ends");
    let own = arguments
        .iter()
        .filter(|it| it.contains("countersign") && it.contains("promote"));
    assert!(own.count() > 4, "the watch saw the runs: {arguments:?}");
    assert!(
        arguments
            .iter()
            .any(|it| it.contains("docker-credential-canary get"))
    );
    for line in &arguments {
        silent("arguments of a process", line);
    }
    guarded.look_at_files();
}
