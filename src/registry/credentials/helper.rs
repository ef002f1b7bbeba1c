//! Credential helpers: programs called `docker-credential-NAME` that are asked on standard input.
//!
//! Which helper is asked for which registry is decided by the file that names it.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::registry::error::foreign;

/// How long a helper may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The most bytes of a helper's answer that are read; a pipe holds no more.
const ANSWER_LIMIT: u64 = 64 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    #[serde(deserialize_with = "super::secret")]
    secret: Zeroizing<String>,
}

/// Asks the helper `name` for the log-in of `registry`: user and secret, or none where it knows
/// none.
///
/// It is started without a shell, from a folder of `programs` alone, with nothing but `get` as
/// argument.
///
/// # Errors
/// When the name is no program's, it is not there, does not end in time, fails, or answers with
/// something else.
pub(super) async fn ask(
    name: &str,
    registry: &str,
    programs: &[PathBuf],
) -> Result<Option<(String, Zeroizing<String>)>, String> {
    let says = |detail: &str| format!("credential helper `{}`: {detail}", foreign(name));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(says("not a program's name"));
    }
    let file = format!("docker-credential-{name}");
    // A folder that is not absolute would be one of wherever the program was started.
    let program = programs
        .iter()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|program| program.is_file())
        .ok_or_else(|| says(&format!("{file} is not in PATH")))?;
    let (succeeded, answer) = run(&program, registry, TIMEOUT)
        .await
        .map_err(|error| says(&error.to_string()))?;
    if !succeeded {
        let words = foreign(&String::from_utf8_lossy(&answer));
        // The one message that all helpers share word for word.
        let is_unknown = words.is_empty() || words.contains("credentials not found");
        return if is_unknown {
            Ok(None)
        } else {
            Err(says(&words))
        };
    }
    let answer: Answer = serde_json::from_slice(&answer)
        .map_err(|_secret| says("its answer is not JSON with Username and Secret"))?;
    if answer.username.is_empty() && answer.secret.is_empty() {
        return Ok(None);
    }
    Ok(Some((answer.username, answer.secret)))
}

/// A helper that is running; dropped before its end, it is killed.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) && self.0.kill().is_ok() {
            drop(self.0.wait());
        }
    }
}

/// Runs a helper to its end; one that does not end in time is killed. Returns whether it
/// succeeded, and what it wrote.
async fn run(
    program: &Path,
    registry: &str,
    timeout: Duration,
) -> std::io::Result<(bool, Zeroizing<Vec<u8>>)> {
    let child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut running = Running(child);
    let child = &mut running.0;
    if let Some(mut input) = child.stdin.take() {
        match input.write_all(registry.as_bytes()) {
            // A helper that ends without reading says why by its status.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > timeout {
            return Err(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                format!("no answer in {} s", timeout.as_secs()),
            ));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let mut answer = Zeroizing::new(Vec::new());
    if let Some(output) = child.stdout.take() {
        output.take(ANSWER_LIMIT).read_to_end(&mut answer)?;
    }
    Ok((status.success(), answer))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Asks a script; another test may be starting a program and hold the file open for writing.
    async fn script(text: &str) -> Result<Option<(String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-credential-test");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let programs = [PathBuf::from("bin"), folder.path().to_owned()];
        loop {
            match ask("test", "a.example", &programs).await {
                Err(error) if error.contains("Text file busy") => {}
                answer => {
                    return answer
                        .map(|found| found.map(|(user, secret)| (user, secret.to_string())));
                }
            }
        }
    }

    #[tokio::test]
    async fn it_is_asked_on_standard_input() {
        let answer = script(r#"read -r host; echo "{\"Username\":\"$1\",\"Secret\":\"$host\"}""#);
        assert_eq!(
            answer.await.unwrap(),
            Some(("get".to_owned(), "a.example".to_owned()))
        );
    }

    #[tokio::test]
    async fn it_may_know_nothing_and_may_fail() {
        let unknown = "echo credentials not found in native keychain; exit 1";
        assert_eq!(script(unknown).await.unwrap(), None);
        assert_eq!(script("exit 1").await.unwrap(), None);
        let empty = r#"echo '{"Username":"","Secret":""}'"#;
        assert_eq!(script(empty).await.unwrap(), None);
        let error = script("echo the vault is locked; exit 1")
            .await
            .unwrap_err();
        assert!(error.contains("`test`: the vault is locked"), "{error}");
        let error = script("echo canary").await.unwrap_err();
        assert!(error.contains("Username and Secret"), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }

    #[tokio::test]
    async fn it_is_started_from_the_path_alone() {
        for (name, says) in [
            ("../evil", "not a program's name"),
            ("", "not a program's name"),
            ("absent", "docker-credential-absent is not in PATH"),
        ] {
            let programs = [PathBuf::from("."), PathBuf::from("/nowhere")];
            let error = ask(name, "a.example", &programs).await.unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_killed() {
        let started = Instant::now();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slow");
        std::fs::write(&path, "#!/bin/sh\nexec sleep 60\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let error = loop {
            match run(&path, "", Duration::from_millis(50)).await {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
                Err(error) => break error,
                Ok(_) => panic!("it cannot have ended"),
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
