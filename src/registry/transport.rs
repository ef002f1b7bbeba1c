//! Requests to registries: redirects, log-ins, retries, and what an answer's status means.
//!
//! What the requests mean (manifests, blobs, referrers) belongs to the files beside this one;
//! addresses are judged in `address`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, FixedOffset};
use reqwest::header::{
    AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::address::{check_target, is_own};
use super::auth::{Access, Authorizations};
use super::connection::{ClientOptions, Connections};
use super::ecr::EcrHost;
use super::error::{RegistryError, foreign};
use super::kept::Kept;
use super::pace::{Paces, Retries, Tries};
use crate::model::{Digest, Repository};

/// Redirects that are followed.
const REDIRECTS: u32 = 5;

/// Bytes of an error answer that are read.
const ERROR_LIMIT: usize = 4 << 10;

/// The longest wait that a registry can ask for by `Retry-After`.
const RETRY_AFTER_LIMIT: Duration = Duration::from_mins(1);

/// Whose turn it is to send a blob, and whether one of those who waited has sent it.
pub(super) type Turn = Arc<tokio::sync::Mutex<bool>>;

/// The connections, authorizations and what was learnt about registries; shared by all clones of
/// a client.
pub(super) struct Transport {
    pub(super) connections: Connections,
    pub(super) authorizations: Authorizations,
    pub(super) paces: Paces,
    pub(super) kept: Kept,
    /// Blobs that copies have to send, by repository: each is sent by one of them.
    sending: Mutex<HashMap<(String, Digest), Turn>>,
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
        let connections = Connections::new(options)?;
        Ok(Self {
            authorizations: Authorizations::new(options, &connections),
            connections,
            paces: Paces::default(),
            kept: Kept::default(),
            sending: Mutex::default(),
        })
    }

    /// Returns the turn of one blob of one repository: the same one for all copies at a time.
    pub(super) fn turn(&self, repository: &Repository, blob: &Digest) -> Turn {
        let mut sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        sending.retain(|_blob, lock| Arc::strong_count(lock) > 1);
        let key = (repository.to_string(), blob.clone());
        sending.entry(key).or_default().clone()
    }

    /// Begins the tries of a request or blob.
    pub(super) fn tries(&self) -> Tries {
        Tries::new(self.connections.pause)
    }

    /// Sends a request, with retries and log-in; returns any answer that is not worth a retry,
    /// error statuses included, and counts the retries.
    pub(super) async fn send(
        &self,
        call: &Call<'_>,
        retries: &Retries,
    ) -> Result<Response, RegistryError> {
        let mut tries = self.tries();
        loop {
            self.paces.wait(&call.repository.registry).await;
            let (pause, why) = match self.once(call).await {
                Ok(response) if is_retryable(response.status()) => {
                    let Some(pause) = tries.again() else {
                        return Ok(response);
                    };
                    let pause = self.pause(call.repository, &response).unwrap_or(pause);
                    (pause, format!("status {}", response.status().as_u16()))
                }
                Err(error) if error.is_transient() => match tries.again() {
                    Some(pause) => (pause, error.to_string()),
                    None => return Err(error),
                },
                finished => return finished,
            };
            retries.note(&format!("{}: {why}; {}", call.what, tries.words()));
            tokio::time::sleep(pause).await;
        }
    }

    /// Returns the pause that a registry asks for, and notes that it is busy.
    pub(super) fn pause(&self, repository: &Repository, response: &Response) -> Option<Duration> {
        let asked = asked_pause(response.headers());
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            let pause = asked.unwrap_or(self.connections.pause);
            self.paces.slow(&repository.registry, pause);
        }
        asked
    }

    /// Sends a request once; a 401 is answered with a log-in, once. One of Amazon ECR that was kept
    /// may have ended since, so that it is renewed, once as well.
    pub(super) async fn once(&self, call: &Call<'_>) -> Result<Response, RegistryError> {
        let mut known = self
            .authorizations
            .current(call.repository, &call.access)
            .await;
        let mut can_renew = true;
        let mut is_answer = false;
        loop {
            let response = self.follow(call, known.as_ref()).await?;
            let has_ended = has_ended(&response, known.as_ref(), call.repository);
            let asks = response.status() == StatusCode::UNAUTHORIZED;
            if !(asks || has_ended && can_renew) || !is_own(response.url(), call.repository) {
                return Ok(response);
            }
            if asks && is_answer {
                return Err(failure(response, call, self.connections.stall).await);
            }
            // Boxed: log-ins are rare, and every request would have to have room for one.
            let renewed = Box::pin(self.authorizations.renew(
                &self.connections,
                call.repository,
                &call.access,
                known.as_ref(),
                response.headers(),
            ))
            .await;
            can_renew = known.is_none();
            is_answer = true;
            known = match renewed {
                // Then the refusal itself says more.
                Err(_) if has_ended => return Ok(response),
                renewed => Some(renewed?),
            };
        }
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

/// Whether a log-in may have ended: Amazon ECR answers to one that has as to one that may not.
pub(super) fn has_ended(
    response: &Response,
    known: Option<&HeaderValue>,
    repository: &Repository,
) -> bool {
    response.status() == StatusCode::FORBIDDEN
        && known.is_some()
        && EcrHost::of(&repository.registry).is_some()
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

/// Returns the pause of a `Retry-After`: seconds, or a date, which the answer's own clock is
/// compared with.
fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let date = |text: &str| -> Option<DateTime<FixedOffset>> {
        DateTime::parse_from_rfc2822(text.trim()).ok()
    };
    let asked = text(RETRY_AFTER)?;
    let pause = match asked.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_no_number) => (date(asked)? - date(text(DATE)?)?).to_std().ok()?,
    };
    Some(pause.min(RETRY_AFTER_LIMIT))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        for (asked, date, pause) in [
            ("2", None, Some(2)),
            (" 600 ", None, Some(60)),
            ("-1", None, None),
            ("soon", None, None),
            (
                "Wed, 21 Oct 2026 07:28:30 GMT",
                Some("Wed, 21 Oct 2026 07:28:00 GMT"),
                Some(30),
            ),
            ("Wed, 21 Oct 2026 07:28:30 GMT", None, None),
            (
                "Wed, 21 Oct 2026 07:28:00 GMT",
                Some("Wed, 21 Oct 2026 07:29:00 GMT"),
                None,
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(asked));
            headers.extend(date.map(|date| (DATE, HeaderValue::from_static(date))));
            assert_eq!(
                asked_pause(&headers),
                pause.map(Duration::from_secs),
                "{asked}"
            );
        }
    }
}
