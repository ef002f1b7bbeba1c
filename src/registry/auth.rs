//! Challenges, tokens and the rule which host may see a log-in.
//!
//! Tokens live in memory only, keyed by registry and scope; no type here prints a secret.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::address::{check_target, origin, registry_host};
use super::connection::{ClientOptions, Connections, read_capped};
use super::credentials::{Credentials, LogIns};
use super::ecr::{Ecr, EcrHost};
use super::error::{RegistryError, foreign};
use crate::environment::Clock;
use crate::model::Repository;

/// The most bytes of a token answer.
const TOKEN_LIMIT: u64 = 64 << 10;

/// What a request does to repositories: decides the token's scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Access {
    /// Reads one repository.
    Pull,
    /// Reads and writes one repository.
    Push,
    /// Writes one repository and reads another of the same registry.
    Mount {
        /// The path of the repository that is read.
        from: String,
    },
}

impl Access {
    fn scopes(&self, path: &str) -> Vec<String> {
        match self {
            Self::Pull => vec![format!("repository:{path}:pull")],
            Self::Push => vec![format!("repository:{path}:pull,push")],
            Self::Mount { from } => vec![
                format!("repository:{path}:pull,push"),
                format!("repository:{from}:pull"),
            ],
        }
    }
}

/// A header, and when it ends where that is known.
#[derive(Clone)]
struct Authorization {
    header: HeaderValue,
    expires: Option<DateTime<Utc>>,
}

impl Authorization {
    fn is_over(&self) -> bool {
        self.expires.is_some_and(|end| end <= Clock::System.now())
    }
}

/// The header of one registry and scope, where one is known.
type Slot = Arc<Mutex<Option<Authorization>>>;

/// The authorizations obtained so far. One lock a scope, so that a token is fetched once however
/// many requests wait for it.
pub(super) struct Authorizations {
    slots: std::sync::Mutex<HashMap<(String, Vec<String>), Slot>>,
    log_ins: LogIns,
    pub(super) ecr: Ecr,
}

impl Authorizations {
    pub(super) fn new(options: &ClientOptions, connections: &Connections) -> Self {
        Self {
            slots: std::sync::Mutex::default(),
            log_ins: options.log_ins.clone(),
            ecr: Ecr::new(
                Arc::clone(&connections.pools),
                connections.stall,
                options.ecr_endpoint.clone(),
            ),
        }
    }

    /// Returns the log-in for a repository. Amazon ECR's are fetched with the credentials of the
    /// AWS SDK, unless a helper is named for that very registry; where there are none, what
    /// `docker login` left is tried. Public images can be read without any.
    async fn log_in(
        &self,
        repository: &Repository,
        access: &Access,
        refused: bool,
    ) -> Result<Option<Credentials>, RegistryError> {
        let Some(host) = EcrHost::of(&repository.registry) else {
            return self.log_ins.find(repository).await;
        };
        if let Some(own) = self.log_ins.find_own_helper(repository).await? {
            return Ok(Some(own));
        }
        match self.ecr.log_in(&host, refused).await {
            Ok(log_in) => Ok(Some(log_in)),
            Err(error) => match self.log_ins.find(repository).await? {
                Some(kept) => Ok(Some(kept)),
                None if host.is_public() && *access == Access::Pull => Ok(None),
                None => Err(error),
            },
        }
    }

    fn slot(&self, repository: &Repository, access: &Access) -> Slot {
        let key = (repository.registry.clone(), access.scopes(&repository.path));
        let mut slots = self
            .slots
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        slots.entry(key).or_default().clone()
    }

    /// Returns the header to send, where one is known.
    pub(super) async fn current(
        &self,
        repository: &Repository,
        access: &Access,
    ) -> Option<HeaderValue> {
        let slot = self.slot(repository, access);
        let known = slot.lock().await.clone();
        known.filter(|known| !known.is_over()).map(|it| it.header)
    }

    /// Answers a 401: returns a header that is not `refused`, obtained from the challenge.
    ///
    /// # Errors
    /// When the challenge cannot be met.
    pub(super) async fn renew(
        &self,
        connections: &Connections,
        repository: &Repository,
        access: &Access,
        refused: Option<&HeaderValue>,
        headers: &HeaderMap,
    ) -> Result<HeaderValue, RegistryError> {
        let slot = self.slot(repository, access);
        let mut slot = slot.lock().await;
        let is_usable = |known: &&Authorization| Some(&known.header) != refused && !known.is_over();
        if let Some(known) = slot.as_ref().filter(is_usable) {
            return Ok(known.header.clone());
        }
        let log_in = self.log_in(repository, access, refused.is_some()).await?;
        let expires = log_in.as_ref().and_then(|log_in| log_in.expires);
        let header = answer(connections, repository, access, refused, headers, log_in).await?;
        *slot = Some(Authorization {
            header: header.clone(),
            expires,
        });
        Ok(header)
    }
}

/// One challenge of a `WWW-Authenticate` header (RFC 9110, section 11.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Challenge {
    scheme: String,
    parameters: HashMap<String, String>,
}

/// Splits a header into challenges; what cannot be read is left out.
fn challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = header.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let word_end = rest.find([' ', ',', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        if let Some(value) = after.strip_prefix('=') {
            let (value, after) = parameter_value(value);
            if let Some(challenge) = found.last_mut() {
                challenge
                    .parameters
                    .insert(word.to_ascii_lowercase(), value);
            }
            rest = after;
        } else {
            found.push(Challenge {
                scheme: word.to_ascii_lowercase(),
                parameters: HashMap::new(),
            });
            rest = after;
        }
        rest = rest.trim_start_matches([' ', ',']);
        if rest.starts_with('=') {
            break;
        }
    }
    found
}

/// Reads a token or quoted string; returns it and what follows.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            other => value.push(other),
        }
    }
    (value, characters.as_str())
}

async fn answer(
    connections: &Connections,
    repository: &Repository,
    access: &Access,
    refused: Option<&HeaderValue>,
    headers: &HeaderMap,
    log_in: Option<Credentials>,
) -> Result<HeaderValue, RegistryError> {
    let unauthorized = |detail: String| RegistryError::Unauthorized {
        registry: repository.registry.clone(),
        what: repository.path.clone(),
        detail,
    };
    let offered: Vec<Challenge> = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(challenges)
        .collect();
    if let Some(bearer) = offered.iter().find(|one| one.scheme == "bearer") {
        return token(connections, repository, access, bearer, log_in).await;
    }
    // Amazon ECR says without a challenge that a log-in has ended.
    let is_ecr = offered.is_empty() && EcrHost::of(&repository.registry).is_some();
    if is_ecr || offered.iter().any(|one| one.scheme == "basic") {
        let Some(log_in) = log_in else {
            return Err(unauthorized("no log-in is known for it".to_owned()));
        };
        let header = basic(&log_in).map_err(unauthorized)?;
        // A log-in that was just refused is not tried again: accounts get locked that way.
        if Some(&header) == refused {
            return Err(unauthorized("the log-in was refused".to_owned()));
        }
        return Ok(header);
    }
    Err(unauthorized(
        "it names no way to log in that is known".to_owned(),
    ))
}

fn basic(log_in: &Credentials) -> Result<HeaderValue, String> {
    let pair = zeroize::Zeroizing::new(format!("{}:{}", log_in.user, log_in.secret.as_str()));
    let text = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
    secret_header(&format!("Basic {text}"))
}

fn secret_header(text: &str) -> Result<HeaderValue, String> {
    let mut header = HeaderValue::from_str(text)
        .map_err(|_secret| "the log-in has characters that no header can carry".to_owned())?;
    header.set_sensitive(true);
    Ok(header)
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// Fetches a token from the realm (distribution's token specification), with the log-in only where
/// the realm may see it.
async fn token(
    connections: &Connections,
    repository: &Repository,
    access: &Access,
    challenge: &Challenge,
    log_in: Option<Credentials>,
) -> Result<HeaderValue, RegistryError> {
    let unauthorized = |detail: String| RegistryError::Unauthorized {
        registry: repository.registry.clone(),
        what: repository.path.clone(),
        detail,
    };
    let what = format!("token for {repository}");
    let realm = challenge.parameters.get("realm");
    let mut realm = realm
        .and_then(|realm| Url::parse(realm).ok())
        .ok_or_else(|| unauthorized("its challenge names no realm".to_owned()))?;
    check_target(&realm, repository, &what)?;
    let trusted = realm_is_trusted(&realm, repository);
    let withheld = log_in.is_some() && !trusted;
    let log_in = log_in.filter(|_log_in| trusted);
    let mut parameters = Vec::new();
    if let Some(service) = challenge.parameters.get("service") {
        parameters.push(("service", service.clone()));
    }
    for scope in access.scopes(&repository.path) {
        parameters.push(("scope", scope));
    }
    let mut headers = HeaderMap::new();
    let mut form = None;
    let method = match &log_in {
        Some(log_in) if log_in.is_identity_token() => {
            let mut pairs = url::form_urlencoded::Serializer::new(String::new());
            pairs.append_pair("grant_type", "refresh_token");
            pairs.append_pair("client_id", "countersign");
            pairs.append_pair("refresh_token", &log_in.secret);
            pairs.extend_pairs(&parameters);
            form = Some(bytes::Bytes::from(pairs.finish()));
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, kind);
            Method::POST
        }
        _ => {
            realm.query_pairs_mut().extend_pairs(&parameters);
            if let Some(log_in) = &log_in {
                headers.insert(AUTHORIZATION, basic(log_in).map_err(unauthorized)?);
            }
            Method::GET
        }
    };
    let response = connections
        .plain(method, &realm, headers, form, repository, &what)
        .await?;
    let status = response.status();
    let body = read_capped(response, TOKEN_LIMIT, &what, connections.stall).await?;
    if status != StatusCode::OK {
        let note = if withheld {
            format!("; the log-in was withheld from {}", origin(&realm))
        } else {
            String::new()
        };
        return Err(unauthorized(format!(
            "token refused with status {status}{note}"
        )));
    }
    let answer: TokenAnswer = serde_json::from_slice(&body)
        .map_err(|error| unauthorized(format!("token answer: {}", foreign(&error.to_string()))))?;
    let token = answer
        .token
        .or(answer.access_token)
        .filter(|token| !token.is_empty())
        .ok_or_else(|| unauthorized("the token answer holds no token".to_owned()))?;
    secret_header(&format!("Bearer {token}")).map_err(unauthorized)
}

/// Token services that are known to belong to a registry on another host.
const REALMS: [(&str, &str); 3] = [
    ("docker.io", "auth.docker.io"),
    ("registry-1.docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
];

/// Returns whether the log-in of a registry may be sent to a realm: the registry's own host and
/// port, or the token service that is known to be its own.
fn realm_is_trusted(realm: &Url, repository: &Repository) -> bool {
    let own = Url::parse(&format!(
        "{}://{}/",
        if repository.is_loopback() {
            "http"
        } else {
            "https"
        },
        registry_host(&repository.registry)
    ));
    if own.is_ok_and(|own| own.origin() == realm.origin()) {
        return true;
    }
    realm.scheme() == "https"
        && realm.port().is_none()
        && REALMS.iter().any(|(registry, host)| {
            *registry == repository.registry && realm.host_str() == Some(host)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(registry: &str) -> Repository {
        Repository {
            registry: registry.into(),
            path: "a/b".into(),
        }
    }

    #[test]
    fn challenges_are_split_with_their_parameters() {
        let header = r#"Basic realm="x, y", Bearer realm="https://a/token",service=reg,scope="repository:a:pull,push",error="\"quoted\"""#;
        let found = challenges(header);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].parameters["realm"], "x, y");
        assert_eq!(found[1].scheme, "bearer");
        assert_eq!(found[1].parameters["realm"], "https://a/token");
        assert_eq!(found[1].parameters["service"], "reg");
        assert_eq!(found[1].parameters["scope"], "repository:a:pull,push");
        assert_eq!(found[1].parameters["error"], "\"quoted\"");
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_split(header in r#"[a-zB",=\\ é]{0,40}"#) {
            let found = challenges(&header);
            proptest::prop_assert!(found.len() <= header.len());
        }
    }

    #[test]
    fn a_log_in_goes_only_to_the_registry_or_its_known_token_service() {
        for (realm, registry, trusted) in [
            ("https://auth.docker.io/token", "docker.io", true),
            ("https://ghcr.io/token", "ghcr.io", true),
            ("https://ghcr.io.evil.example/token", "ghcr.io", false),
            ("https://auth.docker.io/token", "ghcr.io", false),
            ("https://ghcr.io:444/token", "ghcr.io", false),
            ("http://ghcr.io/token", "ghcr.io", false),
            ("http://127.0.0.1:5000/token", "127.0.0.1:5000", true),
            ("http://127.0.0.1:5001/token", "127.0.0.1:5000", false),
        ] {
            let realm = Url::parse(realm).unwrap();
            assert_eq!(
                realm_is_trusted(&realm, &repository(registry)),
                trusted,
                "{realm} {registry}"
            );
        }
    }
}
