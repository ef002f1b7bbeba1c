//! Debian's `docker-registry` as a child process, and where programs are found.
//!
//! Its data goes to a folder in memory where there is one, so that no disk is measured.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::bail;

/// Returns a program of the judges' folder or of the `PATH`.
#[expect(
    clippy::disallowed_methods,
    reason = "the settings of a run come from its caller"
)]
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let judges = std::env::var_os("COUNTERSIGN_JUDGES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judges"),
        PathBuf::from,
    );
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(judges.join("bin"))
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// An empty registry; it ends when this is dropped.
pub(crate) struct DockerRegistry {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl DockerRegistry {
    /// Starts it; none where the program is missing.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        let Some(program) = program("docker-registry") else {
            return Ok(None);
        };
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)?
        } else {
            tempfile::tempdir()?
        };
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let settings = folder.path().join("settings.yml");
        let data = folder.path().join("data");
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n\
             validation:\n  disabled: true\nlog:\n  accesslog:\n    disabled: true\n  level: error\n",
            data.display()
        );
        std::fs::write(&settings, text)?;
        let child = Command::new(program)
            .arg("serve")
            .arg(settings)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let registry = Self {
            child,
            port,
            _folder: folder,
        };
        for _wait in 0..500 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(Some(registry));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("docker-registry does not answer");
    }

    /// Returns `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}
