//! Running the built program away from the settings of the machine it runs on.
//!
//! Programs with a screen are driven by `terminal`.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::judges::variable;
use super::terminal::Terminal;

/// Returns the program under test, as Cargo built it.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_countersign"))
}

/// Runs the program under test once, in a sandbox of its own, with nothing on standard input.
pub(crate) fn run<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    env: &[(&str, &str)],
) -> Output {
    let mut sandbox = Sandbox::new();
    for (name, value) in env {
        sandbox.set(name, value);
    }
    sandbox.run(args)
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit code; 128+n when signal n ended it.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Output {
    /// Returns standard output as the JSON document it must be.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one JSON document: {error}\n{self:?}"))
    }
}

/// A home and a working folder that no other run shares; both are gone when this is dropped.
pub(crate) struct Sandbox {
    folder: TempDir,
    variables: Vec<(OsString, OsString)>,
}

impl Sandbox {
    /// Makes the folders. The environment is PATH, HOME, the XDG folders and a plain UTF-8 terminal; nothing else.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut sandbox = Self {
            folder,
            variables: Vec::new(),
        };
        sandbox.set("PATH", variable("PATH").unwrap_or_default());
        sandbox.set("LANG", "C.UTF-8");
        sandbox.set("TERM", "xterm-256color");
        sandbox.set("HOME", sandbox.home());
        for (name, place) in [
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_CACHE_HOME", ".cache"),
        ] {
            let place = sandbox.home().join(place);
            std::fs::create_dir_all(&place).expect("a home can be made");
            sandbox.set(name, place);
        }
        std::fs::create_dir(sandbox.work()).expect("a working folder can be made");
        sandbox
    }

    /// Returns the home folder.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Returns the working folder, where programs start.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// Gives an environment variable to every program started later.
    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.variables.retain(|(known, _)| known != name);
        self.variables
            .push((name.into(), value.as_ref().to_owned()));
    }

    /// Returns the environment of every program started here.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (OsString, OsString)> + '_ {
        self.variables.iter().cloned()
    }

    /// Runs the program under test with nothing on standard input.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        self.run_other(binary(), args, b"")
    }

    /// Runs `program` with `input` on standard input, to its end.
    pub(crate) fn run_other<A: AsRef<OsStr>>(
        &self,
        program: &Path,
        args: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> Output {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .envs(self.variables.iter().cloned())
            .current_dir(self.work());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        std::thread::scope(|scope| {
            // A program may end without reading; that is its right.
            scope.spawn(move || stdin.write_all(input).ok());
            let output = child
                .wait_with_output()
                .expect("a started program can be waited for");
            let code = output
                .status
                .code()
                .or_else(|| output.status.signal().map(|signal| 128 + signal));
            Output {
                code: code.expect("a program ends with a code or by a signal"),
                stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
                stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
            }
        })
    }

    /// Starts the program under test on a terminal of the given size.
    pub(crate) fn open<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        rows: u16,
        columns: u16,
    ) -> Terminal {
        self.open_other(binary(), args, rows, columns)
    }

    /// Starts `program` on a terminal of the given size.
    pub(crate) fn open_other<A: AsRef<OsStr>>(
        &self,
        program: &Path,
        args: impl IntoIterator<Item = A>,
        rows: u16,
        columns: u16,
    ) -> Terminal {
        let mut command = portable_pty::CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command.cwd(self.work());
        Terminal::start(command, rows, columns)
    }
}

#[test]
fn a_sandbox_has_an_environment_of_its_own() {
    let mut sandbox = Sandbox::new();
    sandbox.set("GIVEN", "one");
    sandbox.set("GIVEN", "two");
    let script = r#"cat; echo "$GIVEN $HOME ${CARGO_MANIFEST_DIR-none}"; pwd >&2; exit 3"#;
    let output = sandbox.run_other(Path::new("/bin/sh"), ["-c", script], b"in ");
    assert_eq!(output.code, 3);
    assert_eq!(
        output.stdout,
        format!("in two {} none\n", sandbox.home().display())
    );
    let work = sandbox
        .work()
        .canonicalize()
        .expect("the working folder is there");
    assert_eq!(output.stderr, format!("{}\n", work.display()));
    assert_eq!(
        sandbox
            .run_other(Path::new("/bin/sh"), ["-c", "kill -TERM $$"], b"")
            .code,
        143
    );
    let document = sandbox
        .run_other(Path::new("/bin/sh"), ["-c", "echo '{\"a\": 1}'"], b"")
        .json();
    assert_eq!(document["a"], 1);
}

#[test]
fn the_program_answers_a_question_it_does_not_know_with_usage() {
    let output = run(["--no-such-option"], &[("NO_COLOR", "1")]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
}

#[test]
fn the_program_speaks_on_a_terminal() {
    let patience = std::time::Duration::from_secs(20);
    let terminal = Sandbox::new().open(["--version"], 24, 80);
    terminal.wait_for_text(concat!("countersign ", env!("CARGO_PKG_VERSION")), patience);
    assert_eq!(terminal.exit(patience), 0);
}
