//! Log-ins from the files of docker and podman: `auths`, `credHelpers` and `credsStore`.
//!
//! They are read when a registry asks for one and never stored, printed or sent from here.
//! Running a helper is the work of `helper`.

mod helper;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::error::RegistryError;
use crate::environment::Clock;
use crate::model::Repository;

/// The user name by which helpers and configurations mark an identity token.
const TOKEN_USER: &str = "<token>";

/// A log-in for one registry.
#[derive(Clone)]
pub(super) struct Credentials {
    /// The user name; `<token>` where the secret is an identity token.
    pub(super) user: String,
    /// The password or identity token.
    pub(super) secret: Zeroizing<String>,
    /// When it ends, where that is known.
    pub(super) expires: Option<DateTime<Utc>>,
}

impl Credentials {
    fn lasting(user: &str, secret: Zeroizing<String>) -> Self {
        Self {
            user: user.to_owned(),
            secret,
            expires: None,
        }
    }

    /// Returns whether the secret is an `OAuth2` refresh token instead of a password.
    pub(super) fn is_identity_token(&self) -> bool {
        self.user == TOKEN_USER
    }

    /// Returns whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        self.expires.is_some_and(|end| end <= Clock::System.now())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Where log-ins are looked for.
#[derive(Clone, Debug, Default)]
pub struct LogIns {
    /// The files, in the order they are asked.
    pub files: Vec<PathBuf>,
    /// The folders that helpers are started from: those of `PATH`.
    pub programs: Vec<PathBuf>,
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

/// Reads a text that is wiped from memory after use; null is empty.
pub(super) fn secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Zeroizing<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| Zeroizing::new(text.unwrap_or_default()))
}

impl LogIns {
    /// Returns the log-in for a repository: of the first file that has one.
    ///
    /// # Errors
    /// When a file exists and cannot be read, or a helper cannot be run or fails. A helper that
    /// knows no log-in gives none.
    pub(super) async fn find(
        &self,
        repository: &Repository,
    ) -> Result<Option<Credentials>, RegistryError> {
        for path in &self.files {
            let Some(config) = read(path).await? else {
                continue;
            };
            let found = self.find_in(&config, path, repository).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Returns the log-in of a helper that is named for this very registry; one that is there for
    /// every registry does not count.
    ///
    /// # Errors
    /// As [`LogIns::find`].
    pub(super) async fn find_own_helper(
        &self,
        repository: &Repository,
    ) -> Result<Option<Credentials>, RegistryError> {
        for path in &self.files {
            let Some(config) = read(path).await? else {
                continue;
            };
            for name in names(repository) {
                if let Some(program) = config.cred_helpers.get(&name) {
                    return self.ask(program, &name, path).await;
                }
            }
        }
        Ok(None)
    }

    async fn find_in(
        &self,
        config: &DockerConfig,
        path: &Path,
        repository: &Repository,
    ) -> Result<Option<Credentials>, RegistryError> {
        let names = names(repository);
        for name in &names {
            if let Some(program) = config.cred_helpers.get(name) {
                return self.ask(program, name, path).await;
            }
        }
        // The longest name first: podman keeps log-ins of single repositories.
        for name in &names {
            for (key, entry) in &config.auths {
                if key == name || host_of(key).is_some_and(|host| host == name) {
                    let found = entry.credentials().map_err(|detail| wrong(path, detail))?;
                    if found.is_some() {
                        return Ok(found);
                    }
                }
            }
        }
        if let Some(store) = &config.creds_store {
            for name in hosts(&repository.registry) {
                let found = self.ask(store, &name, path).await?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    async fn ask(
        &self,
        program: &str,
        name: &str,
        path: &Path,
    ) -> Result<Option<Credentials>, RegistryError> {
        let answer = helper::ask(program, name, &self.programs).await;
        let found = answer.map_err(|detail| wrong(path, detail))?;
        Ok(found.map(|(user, secret)| Credentials::lasting(&user, secret)))
    }
}

fn wrong(path: &Path, detail: String) -> RegistryError {
    RegistryError::Settings {
        path: path.to_owned(),
        detail,
    }
}

/// Reads a file; none where it does not exist.
async fn read(path: &Path) -> Result<Option<DockerConfig>, RegistryError> {
    let text = match tokio::fs::read(path).await {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(path, error.to_string())),
    };
    // podman makes the file empty before it writes to it.
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    // The parser's words could repeat a secret; line and column are enough.
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        wrong(
            path,
            format!("not a file of log-ins (line {line}, column {column})"),
        )
    })
}

/// The names under which the log-in of a repository may be kept, the longest first.
fn names(repository: &Repository) -> Vec<String> {
    let mut names = Vec::new();
    let mut path = Some(&*repository.path);
    while let Some(part) = path.filter(|part| !part.is_empty()) {
        names.push(format!("{}/{part}", repository.registry));
        path = part.rsplit_once('/').map(|(before, _)| before);
    }
    names.extend(hosts(&repository.registry));
    names
}

/// The names under which the log-in of a whole registry is kept.
fn hosts(registry: &str) -> Vec<String> {
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

/// Returns the host of a key such as `https://host/v1/`; a key without a scheme means itself, as
/// `host/team` is the log-in for that part of the registry only.
fn host_of(key: &str) -> Option<&str> {
    let rest = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))?;
    rest.split('/').next()
}

impl Entry {
    fn credentials(&self) -> Result<Option<Credentials>, String> {
        if !self.identitytoken.is_empty() {
            let token = self.identitytoken.clone();
            return Ok(Some(Credentials::lasting(TOKEN_USER, token)));
        }
        if !self.auth.is_empty() {
            let wrong = "an `auth` entry is not base64 of user:password";
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(self.auth.trim())
                .map(Zeroizing::new)
                .map_err(|_secret| wrong.to_owned())?;
            let text = std::str::from_utf8(&bytes).map_err(|_secret| wrong.to_owned())?;
            let (user, secret) = text.split_once(':').ok_or(wrong)?;
            let secret = Zeroizing::new(secret.trim_end_matches('\0').to_owned());
            return Ok(Some(Credentials::lasting(user, secret)));
        }
        let user = self.username.as_ref().filter(|user| !user.is_empty());
        Ok(user.map(|user| Credentials::lasting(user, self.password.clone())))
    }
}

#[cfg(test)]
mod tests;
