//! Requests to registries: redirects, log-ins, retries, and what an answer's status means.
//!
//! What the requests mean (manifests, blobs, referrers) belongs to the files beside this one;
//! addresses are judged in `address`.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::address::{check_target, is_own};
use super::auth::{Access, Authorizations};
use super::connection::{ClientOptions, Connections};
use super::error::{RegistryError, foreign};
use crate::model::Repository;

/// Tries of one request, and of one blob without progress.
pub(super) const TRIES: u32 = 4;

/// Redirects that are followed.
const REDIRECTS: u32 = 5;

/// Bytes of an error answer that are read.
const ERROR_LIMIT: usize = 4 << 10;

/// The longest wait that a registry can ask for by `Retry-After`.
const RETRY_AFTER_LIMIT: Duration = Duration::from_mins(1);

/// The connections, authorizations and what was learnt about registries; shared by all clones of
/// a client.
pub(super) struct Transport {
    pub(super) connections: Connections,
    pub(super) authorizations: Authorizations,
    /// Registries that do not take a blob as one PUT.
    pub(super) patching: Mutex<HashSet<String>>,
}

/// One request.
pub(super) struct Call<'a> {
    pub(super) repository: &'a Repository,
    pub(super) access: Access,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    /// What is asked for, in words for messages: `manifest host/path:tag`.
    pub(super) what: String,
}

impl Transport {
    pub(super) fn new(options: &ClientOptions) -> Result<Self, RegistryError> {
        Ok(Self {
            connections: Connections::new(options)?,
            authorizations: Authorizations::default(),
            patching: Mutex::default(),
        })
    }

    /// Sends a request, with retries and log-in; returns any answer that is not worth a retry,
    /// error statuses included, and counts the retries.
    pub(super) async fn send(
        &self,
        call: &Call<'_>,
        retries: &AtomicU64,
    ) -> Result<Response, RegistryError> {
        let mut tried = 1;
        loop {
            let pause = match self.once(call).await {
                Ok(response) if tried < TRIES && is_retryable(response.status()) => {
                    asked_pause(&response).unwrap_or_else(|| backoff(tried))
                }
                Err(error) if tried < TRIES && error.is_transient() => backoff(tried),
                finished => return finished,
            };
            tried += 1;
            retries.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends a request once; a 401 is answered with a log-in, once.
    pub(super) async fn once(&self, call: &Call<'_>) -> Result<Response, RegistryError> {
        let known = self
            .authorizations
            .current(call.repository, &call.access)
            .await;
        let response = self.follow(call, known.as_ref()).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !is_own(response.url(), call.repository)
        {
            return Ok(response);
        }
        let renewed = self
            .authorizations
            .renew(
                &self.connections,
                call.repository,
                &call.access,
                known.as_ref(),
                response.headers(),
            )
            .await?;
        let response = self.follow(call, Some(&renewed)).await?;
        if response.status() == StatusCode::UNAUTHORIZED && is_own(response.url(), call.repository)
        {
            return Err(failure(response, call, self.connections.stall).await);
        }
        Ok(response)
    }

    /// Sends a request and follows redirects of reads. The log-in goes to the registry's own
    /// scheme, host and port only.
    async fn follow(
        &self,
        call: &Call<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, RegistryError> {
        let mut url = call.url.clone();
        for _redirect in 0..=REDIRECTS {
            let mut headers = call.headers.clone();
            if let Some(authorization) = authorization.filter(|_| is_own(&url, call.repository)) {
                headers.insert(AUTHORIZATION, authorization.clone());
            }
            let response = self
                .connections
                .plain(
                    call.method.clone(),
                    &url,
                    headers,
                    call.body.clone(),
                    call.repository,
                    &call.what,
                )
                .await?;
            let reads = matches!(call.method, Method::GET | Method::HEAD);
            if !reads || !is_redirect(response.status()) {
                return Ok(response);
            }
            url = location(&response, call)?;
            check_target(&url, call.repository, &call.what)?;
        }
        Err(RegistryError::Unexpected {
            what: call.what.clone(),
            detail: format!("more than {REDIRECTS} redirects"),
        })
    }
}

/// Returns the absolute address of an answer's `Location`.
pub(super) fn location(response: &Response, call: &Call<'_>) -> Result<Url, RegistryError> {
    response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| response.url().join(value).ok())
        .ok_or_else(|| RegistryError::Unexpected {
            what: call.what.clone(),
            detail: "the answer names no usable Location".to_owned(),
        })
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Returns whether a status is worth another try.
pub(super) fn is_retryable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        408 | 429 | 499 | 500 | 502 | 503 | 504 | 522
    )
}

fn asked_pause(response: &Response) -> Option<Duration> {
    let seconds: u64 = response
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_LIMIT))
}

/// Returns the pause before the next try: doubling from 0.3 s, the upper half of it by chance.
pub(super) fn backoff(tried: u32) -> Duration {
    let full = Duration::from_millis(300) * 2_u32.saturating_pow(tried.saturating_sub(1).min(6));
    // The hasher's random keys are chance enough to keep clients from moving in step.
    let chance = std::hash::RandomState::new().build_hasher().finish();
    let part = u32::try_from(chance % 512).unwrap_or(0);
    full / 2 + full * part / 1024
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorAnswer {
    errors: Vec<ErrorEntry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorEntry {
    code: String,
    message: String,
}

/// Returns code and words of an error answer.
async fn words(mut response: Response, stall: Duration) -> (String, String) {
    let mut body = BytesMut::new();
    while let Ok(Ok(Some(chunk))) = timeout(stall, response.chunk()).await {
        body.extend_from_slice(&chunk);
        if body.len() > ERROR_LIMIT {
            body.truncate(ERROR_LIMIT);
            break;
        }
    }
    let answer: ErrorAnswer = serde_json::from_slice(&body).unwrap_or_default();
    match answer.errors.into_iter().next() {
        Some(entry) => (foreign(&entry.code), foreign(&entry.message)),
        None => (String::new(), foreign(&String::from_utf8_lossy(&body))),
    }
}

/// Turns an answer with an error status into the error it means.
pub(super) async fn failure(response: Response, call: &Call<'_>, stall: Duration) -> RegistryError {
    let status = response.status();
    let (code, message) = words(response, stall).await;
    let what = call.what.clone();
    let detail = match (code.is_empty(), message.is_empty()) {
        (true, true) => status.canonical_reason().unwrap_or("no reason").to_owned(),
        (true, false) => message,
        (false, true) => code.clone(),
        (false, false) => format!("{code}: {message}"),
    };
    let writes = !matches!(call.method, Method::GET | Method::HEAD);
    let immutable = call.method == Method::PUT
        && (status == StatusCode::CONFLICT
            || matches!(&*code, "TAG_INVALID" | "TAG_IMMUTABLE")
            || detail.to_ascii_lowercase().contains("immutable"));
    let number = status.as_u16();
    match number {
        401 => RegistryError::Unauthorized {
            registry: call.repository.registry.clone(),
            what,
            detail,
        },
        404 if !writes => RegistryError::NotFound { what },
        _ if immutable => RegistryError::Immutable { what, detail },
        408 | 429 | 499 | 500..=599 => RegistryError::Unavailable {
            what,
            status: number,
            detail,
        },
        400..=499 => RegistryError::Denied {
            what,
            status: number,
            code,
            detail,
        },
        _ => RegistryError::Unexpected {
            what,
            detail: format!("status {number}"),
        },
    }
}
