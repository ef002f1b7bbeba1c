//! Servers of others as child processes on loopback ports: a registry, an S3-like store.
//!
//! Each has its data in a folder of its own and ends with the value that holds it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::judges::judge;

/// How long a server may take to its first answer; a loaded machine needs some of it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A child process that has answered on its port; killed when dropped.
struct Server {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Server {
    /// Starts `command(port, folder)` on a free port and waits for an HTTP answer to `path`. Another process may take
    /// the port in between; then the server ends early and another port is tried.
    fn start(path: &str, command: impl Fn(u16, &Path) -> Command) -> Self {
        for _ in 0..5 {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            let port = free_port();
            let log = File::create(folder.path().join("log")).expect("a log file can be made");
            let mut command = command(port, folder.path());
            command
                .stdin(Stdio::null())
                .stdout(log.try_clone().expect("a log file can be shared"))
                .stderr(log);
            let child = command
                .spawn()
                .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
            let mut server = Self {
                child,
                port,
                folder,
            };
            if server.answers(path) {
                return server;
            }
        }
        panic!("no port was free five times in a row");
    }

    /// Returns whether the server came to answer; `false` when it ended before.
    fn answers(&mut self, path: &str) -> bool {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self
                .child
                .try_wait()
                .expect("a child can be asked")
                .is_some()
            {
                let log = self.log();
                assert!(log.contains("in use"), "the server ended by itself:\n{log}");
                return false;
            }
            if get(self.port, path).is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("no answer after {PATIENCE:?}:\n{}", self.log());
    }

    fn log(&self) -> String {
        fs::read(self.folder.path().join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}

/// Returns the status line of one plain HTTP request, when there is an answer.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    )
    .ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer);
    answer
        .lines()
        .next()
        .filter(|line| line.starts_with("HTTP/"))
        .map(str::to_owned)
}

/// Debian's `docker-registry`: a registry that allows deletion and has no referrers interface.
pub(crate) struct DockerRegistry(Server);

impl DockerRegistry {
    /// Starts an empty registry, or returns nothing (said on the terminal) where the program is missing.
    pub(crate) fn start() -> Option<Self> {
        let program = judge("docker-registry")?;
        Some(Self(Server::start("/v2/", |port, folder| {
            let settings = folder.join("settings.yml");
            let text = format!(
                "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
                 http:\n  addr: 127.0.0.1:{port}\nvalidation:\n  disabled: true\nlog:\n  accesslog:\n    disabled: true\n",
                folder.join("data").display()
            );
            fs::write(&settings, text).expect("settings can be written");
            let mut command = Command::new(&program);
            command.arg("serve").arg(settings).env_clear();
            command
        })))
    }

    /// Returns `127.0.0.1:PORT`, as it stands in references.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.0.port)
    }
}

/// moto's S3: a store in memory that honours conditional writes.
pub(crate) struct S3Server(Server);

/// Serves one request at a time. Left to itself moto answers in threads, and looks whether an object exists before it
/// writes it: of two writers at once both would be told that they created the object.
const ONE_AT_A_TIME: &str = "
import moto.server
serve = moto.server.run_simple
moto.server.run_simple = lambda *given, **named: serve(*given, **{**named, 'threaded': False})
moto.server.main()
";

/// Returns the interpreter that a script names in its first line.
fn interpreter(script: &Path) -> PathBuf {
    let text = fs::read_to_string(script).expect("a script is text");
    let line = text.lines().next().and_then(|line| line.strip_prefix("#!"));
    PathBuf::from(line.expect("a script names its interpreter").trim())
}

impl S3Server {
    /// Starts an empty store, or returns nothing (said on the terminal) where the program is missing.
    pub(crate) fn start() -> Option<Self> {
        let program = judge("moto_server")?;
        Some(Self(Server::start("/", |port, _| {
            let mut command = Command::new(interpreter(&program));
            command.args(["-c", ONE_AT_A_TIME]);
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            command
        })))
    }

    /// Returns the endpoint for `AWS_ENDPOINT_URL`; any access key and region will do.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }

    /// Makes a bucket.
    pub(crate) fn make_bucket(&self, name: &str) {
        let mut stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.0.port)).expect("the store answers");
        let request = format!(
            "PUT /{name} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nContent-Length: 0\r\n\r\n",
            self.0.port
        );
        stream
            .write_all(request.as_bytes())
            .expect("the store takes a request");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("the store answers in UTF-8");
        assert!(
            answer
                .lines()
                .next()
                .is_some_and(|line| line.contains(" 200 ")),
            "{answer}"
        );
    }
}

#[test]
fn a_registry_answers_until_it_is_dropped() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let port = registry.0.port;
    assert_eq!(registry.host(), format!("127.0.0.1:{port}"));
    assert_eq!(get(port, "/v2/").as_deref(), Some("HTTP/1.0 200 OK"));
    let missing = get(port, "/v2/app/demo/manifests/none").expect("the registry answers");
    assert!(missing.contains("404"), "{missing}");
    drop(registry);
    assert_eq!(get(port, "/v2/"), None);
}

#[test]
fn a_store_takes_a_bucket() {
    let Some(store) = S3Server::start() else {
        return;
    };
    store.make_bucket("evidence");
    let status = get(store.0.port, "/evidence").expect("the store answers");
    assert!(status.contains("200"), "{status}");
    assert!(store.endpoint().starts_with("http://127.0.0.1:"));
}
