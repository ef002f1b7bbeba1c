//! Log-ins from a docker configuration file: `auths`, `credHelpers` and `credsStore`.
//!
//! They are read when a registry asks for one and never stored, printed or sent from here.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::error::{RegistryError, foreign};

/// How long a credential helper may take.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);

/// The most bytes of a helper's answer that are read; a pipe holds no more.
const ANSWER_LIMIT: u64 = 64 << 10;

/// The user name by which helpers and configurations mark an identity token.
const TOKEN_USER: &str = "<token>";

/// A log-in for one registry.
#[derive(Clone)]
pub(super) struct Credentials {
    /// The user name; `<token>` where the secret is an identity token.
    pub(super) user: String,
    /// The password or identity token.
    pub(super) secret: Zeroizing<String>,
}

impl Credentials {
    /// Returns whether the secret is an `OAuth2` refresh token instead of a password.
    pub(super) fn is_identity_token(&self) -> bool {
        self.user == TOKEN_USER
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DockerConfig {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    #[serde(deserialize_with = "secret")]
    auth: Zeroizing<String>,
    username: Option<String>,
    #[serde(deserialize_with = "secret")]
    password: Zeroizing<String>,
    #[serde(deserialize_with = "secret")]
    identitytoken: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    #[serde(deserialize_with = "secret")]
    secret: Zeroizing<String>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| Zeroizing::new(text.unwrap_or_default()))
}

/// Returns the log-in that the docker configuration at `path` has for `registry`.
///
/// # Errors
/// When the file exists and is not a docker configuration, or a helper cannot be run. A helper
/// that knows no log-in gives none.
pub(super) async fn find(
    path: Option<&Path>,
    registry: &str,
) -> Result<Option<Credentials>, RegistryError> {
    let Some(path) = path else { return Ok(None) };
    let wrong = |detail: String| RegistryError::Settings {
        path: path.to_owned(),
        detail,
    };
    let text = match tokio::fs::read(path).await {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
    };
    // The parser's words could repeat a secret; line and column are enough.
    let config: DockerConfig = serde_json::from_slice(&text).map_err(|error| {
        wrong(format!(
            "not a docker configuration (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    let names = names(registry);
    for name in &names {
        if let Some(helper) = config.cred_helpers.get(name) {
            return ask(helper, name, path).await;
        }
    }
    for (key, entry) in &config.auths {
        if names.contains(&host_of(key)) || names.contains(key) {
            let found = entry.credentials().map_err(wrong)?;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    if let Some(store) = &config.creds_store {
        for name in &names {
            let found = ask(store, name, path).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// The names under which docker keeps the log-in of a registry.
fn names(registry: &str) -> Vec<String> {
    if matches!(
        registry,
        "docker.io" | "registry-1.docker.io" | "index.docker.io"
    ) {
        return [
            "https://index.docker.io/v1/",
            "index.docker.io",
            "docker.io",
            "registry-1.docker.io",
        ]
        .map(str::to_owned)
        .to_vec();
    }
    vec![registry.to_owned()]
}

/// Returns the host of a key such as `https://host/v1/`.
fn host_of(key: &str) -> String {
    let rest = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

impl Entry {
    fn credentials(&self) -> Result<Option<Credentials>, String> {
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credentials {
                user: TOKEN_USER.to_owned(),
                secret: self.identitytoken.clone(),
            }));
        }
        if !self.auth.is_empty() {
            let wrong = "an `auth` entry is not base64 of user:password";
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(self.auth.trim())
                .map(Zeroizing::new)
                .map_err(|_secret| wrong.to_owned())?;
            let text = std::str::from_utf8(&bytes).map_err(|_secret| wrong.to_owned())?;
            let (user, secret) = text.split_once(':').ok_or(wrong)?;
            return Ok(Some(Credentials {
                user: user.to_owned(),
                secret: Zeroizing::new(secret.trim_end_matches('\0').to_owned()),
            }));
        }
        Ok(self.username.clone().map(|user| Credentials {
            user,
            secret: self.password.clone(),
        }))
    }
}

/// Runs `docker-credential-HELPER get`, without a shell, with the registry on standard input.
async fn ask(
    helper: &str,
    registry: &str,
    config: &Path,
) -> Result<Option<Credentials>, RegistryError> {
    let wrong = |detail: String| RegistryError::Settings {
        path: config.to_owned(),
        detail: format!("credential helper `{}`: {detail}", foreign(helper)),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if helper.is_empty() || !helper.bytes().all(plain) {
        return Err(wrong("not a program's name".to_owned()));
    }
    let program = PathBuf::from(format!("docker-credential-{helper}"));
    let output = run(&program, registry)
        .await
        .map_err(|error| wrong(error.to_string()))?;
    let answer = Zeroizing::new(output.stdout);
    // Helpers report "credentials not found" by a failing exit status.
    if !output.status.success() {
        return Ok(None);
    }
    let answer: HelperAnswer = serde_json::from_slice(&answer)
        .map_err(|_secret| wrong("its answer is not JSON with Username and Secret".to_owned()))?;
    Ok(Some(Credentials {
        user: answer.username,
        secret: answer.secret,
    }))
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

/// Runs a helper to its end; one that does not end in time is killed.
async fn run(program: &Path, registry: &str) -> std::io::Result<Output> {
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
        if started.elapsed() > HELPER_TIMEOUT {
            return Err(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                "no answer in time",
            ));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let mut stdout = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(ANSWER_LIMIT).read_to_end(&mut stdout)?;
    }
    Ok(Output {
        status,
        stdout,
        stderr: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lookup(config: &str, registry: &str) -> Option<(String, String)> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(&path, config).unwrap();
        find(Some(&path), registry)
            .await
            .unwrap()
            .map(|found| (found.user.clone(), found.secret.to_string()))
    }

    #[tokio::test]
    async fn a_log_in_is_given_only_for_its_own_registry() {
        let config = r#"{"auths":{"a.example":{"auth":"dTpw"},"https://index.docker.io/v1/":{"auth":"aDpx"},"b.example":{}}}"#;
        let pair = |user: &str, secret: &str| Some((user.to_owned(), secret.to_owned()));
        assert_eq!(lookup(config, "a.example").await, pair("u", "p"));
        assert_eq!(lookup(config, "docker.io").await, pair("h", "q"));
        assert_eq!(lookup(config, "b.example").await, None);
        assert_eq!(lookup(config, "a.example:5000").await, None);
        assert_eq!(lookup(config, "evil.example").await, None);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_helper_is_asked_on_standard_input() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("docker-credential-test");
        std::fs::write(&path, "#!/bin/sh\nread -r host\necho \"$1 $host\"\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        // Another test may be starting a program and hold the file open for writing.
        let output = loop {
            match run(&path, "a.example\n").await {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
                finished => break finished.unwrap(),
            }
        };
        assert_eq!(output.stdout, b"get a.example\n");
        let absent = directory.path().join("absent");
        assert!(run(&absent, "a.example").await.is_err());
    }

    #[tokio::test]
    async fn a_damaged_configuration_is_named_without_its_secrets() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(&path, r#"{"auths":{"a.example":{"auth":"c2VjcmV0"}}}"#).unwrap();
        let error = find(Some(&path), "a.example")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("user:password"), "{error}");
        assert!(
            !error.contains("secret") && !error.contains("c2Vj"),
            "{error}"
        );
        std::fs::write(&path, r#"{"credsStore":"../evil"}"#).unwrap();
        let error = find(Some(&path), "a.example")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("not a program's name"), "{error}");
    }
}
