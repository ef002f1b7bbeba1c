//! The body of an upload: a blob's bytes given out to one request after the other, and the request
//! that carries them, watched for silence.
//!
//! What to do after a request that failed is decided in `upload`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{StreamExt as _, unfold};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Response, StatusCode};

use super::address::{is_own, origin};
use super::client::Client;
use super::connection::silence;
use super::error::{RegistryError, chain};
use super::stream::Bytestream;
use super::transport::{Call, has_ended};

/// Stall times that a registry may be silent after the last byte: it has to store what it got.
const STORING: u32 = 4;

/// How often a stall time the bytes are looked at.
const LOOKS: u32 = 8;

/// A blob's bytes on their way, in order.
pub(super) struct Feed {
    /// The stream, and what of its last item did not fit into a request.
    rest: tokio::sync::Mutex<(Bytestream, Bytes)>,
    /// The body waits for its source: silence is not the destination's.
    waiting: AtomicBool,
    /// The reason why the source ended early; HTTP itself only says "error sending request".
    failed: Mutex<Option<RegistryError>>,
    /// Bytes given out, for whoever shows progress.
    sent: Arc<AtomicU64>,
}

impl Feed {
    /// Prepares bytes to be sent; `sent` already counts those before them.
    pub(super) fn new(stream: Bytestream, sent: Arc<AtomicU64>) -> Arc<Self> {
        Arc::new(Self {
            rest: tokio::sync::Mutex::new((stream, Bytes::new())),
            waiting: AtomicBool::new(false),
            failed: Mutex::default(),
            sent,
        })
    }

    /// Returns the next bytes, `most` at most; none at the end.
    async fn next(&self, most: u64) -> Option<Result<Bytes, RegistryError>> {
        let mut rest = self.rest.lock().await;
        while rest.1.is_empty() {
            self.waiting.store(true, Ordering::Relaxed);
            let item = rest.0.next().await;
            self.waiting.store(false, Ordering::Relaxed);
            match item? {
                Ok(bytes) => rest.1 = bytes,
                Err(error) => return Some(Err(error)),
            }
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let length = rest.1.len().min(most);
        let bytes = rest.1.split_to(length);
        self.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Some(Ok(bytes))
    }

    /// Returns the next `length` bytes as the body of a request.
    fn body(self: &Arc<Self>, length: u64) -> Body {
        if length == 0 {
            return Body::from(Bytes::new());
        }
        Body::wrap_stream(unfold((self.clone(), length), |(feed, left)| async move {
            if left == 0 {
                return None;
            }
            match feed.next(left).await? {
                Ok(bytes) => {
                    let left = left - bytes.len() as u64;
                    Some((Ok(bytes), (feed, left)))
                }
                Err(error) => {
                    let mut failed = feed.failed.lock().unwrap_or_else(PoisonError::into_inner);
                    *failed = Some(error);
                    drop(failed);
                    Some((Err(std::io::Error::other("the source failed")), (feed, 0)))
                }
            }
        }))
    }

    /// Sends the next `length` bytes as the body of `call`; returns any answer, error statuses
    /// included.
    ///
    /// # Errors
    /// [`Broken::Source`] when the bytes could not be had, [`Broken::Transfer`] when the registry
    /// could not be reached, fell silent, or has been given a new log-in and may be asked again.
    pub(super) async fn send(
        self: &Arc<Self>,
        client: &Client,
        call: &Call<'_>,
        length: u64,
    ) -> Result<Response, Broken> {
        let transport = &client.transport;
        let mut headers = call.headers.clone();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        let kind = HeaderValue::from_static("application/octet-stream");
        headers.insert(CONTENT_TYPE, kind);
        let mut authorization = None;
        if is_own(&call.url, call.repository) {
            let known = &transport.authorizations;
            authorization = known.current(call.repository, &call.access).await;
        }
        headers.extend(authorization.clone().map(|header| (AUTHORIZATION, header)));
        let request = transport
            .connections
            .connection(call.repository)
            .map_err(Broken::Source)?
            .request(call.method.clone(), call.url.clone())
            .headers(headers)
            .body(self.body(length))
            .send();
        let end = self.sent.load(Ordering::Relaxed).saturating_add(length);
        let result = self.watched(client, call, end, request).await;
        let failed = self
            .failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(error) = failed {
            return Err(Broken::Source(error));
        }
        let response = result.map_err(Broken::Transfer)?;
        let has_ended = has_ended(&response, authorization.as_ref(), call.repository);
        let asks = response.status() == StatusCode::UNAUTHORIZED || has_ended;
        if asks && is_own(&call.url, call.repository) {
            // The token ran out during the copy: the next try has a new one.
            let renewed = transport
                .authorizations
                .renew(
                    &transport.connections,
                    call.repository,
                    &call.access,
                    authorization.as_ref(),
                    response.headers(),
                )
                .await;
            match renewed {
                // Then the refusal itself says more.
                Err(_) if has_ended => return Ok(response),
                renewed => renewed.map_err(Broken::Source)?,
            };
            let detail = "the token ran out".to_owned();
            return Err(Broken::Transfer(network(call, detail)));
        }
        Ok(response)
    }

    /// Waits for an answer, as long as bytes move.
    async fn watched(
        &self,
        client: &Client,
        call: &Call<'_>,
        end: u64,
        request: impl Future<Output = reqwest::Result<Response>>,
    ) -> Result<Response, RegistryError> {
        let mut request = std::pin::pin!(request);
        let mut before = 0;
        let mut quiet = 0;
        loop {
            tokio::select! {
                result = &mut request => {
                    return result.map_err(|error| network(call, chain(error)));
                }
                () = tokio::time::sleep(client.stall() / LOOKS) => {
                    let now = self.sent.load(Ordering::Relaxed);
                    let moving = now != before || self.waiting.load(Ordering::Relaxed);
                    quiet = if moving { 0 } else { quiet + 1 };
                    if quiet >= if now >= end { LOOKS * STORING } else { LOOKS } {
                        return Err(network(call, silence(client.stall())));
                    }
                    before = now;
                }
            }
        }
    }
}

fn network(call: &Call<'_>, detail: String) -> RegistryError {
    RegistryError::Network {
        what: format!("{} to {}", call.what, origin(&call.url)),
        detail,
    }
}

/// Why there is no answer.
pub(super) enum Broken {
    /// The bytes could not be had, or nobody may send them: another try changes nothing.
    Source(RegistryError),
    /// The way to the registry broke.
    Transfer(RegistryError),
}
