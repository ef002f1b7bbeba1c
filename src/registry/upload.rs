//! Sending one blob: session, mount, streamed body, and what to do when a registry does not take
//! it as one PUT.
//!
//! Which blobs are sent, and in which order, is decided in `copy`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{StreamExt as _, unfold};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Method, Response, StatusCode};
use url::Url;

use super::address::{check_target, endpoint, is_own, origin};
use super::auth::Access;
use super::client::{Client, plain_descriptor};
use super::connection::silence;
use super::error::{RegistryError, chain};
use super::stream::Bytestream;
use super::transport::{Call, TRIES, backoff, location};
use crate::model::oci::Descriptor;
use crate::model::{Digest, Repository};

/// How long closing the open sessions of a cancelled copy may take.
const CLOSING: Duration = Duration::from_millis(250);

/// The upload sessions that are open, so that a copy that ends early can close them.
#[derive(Default)]
pub(super) struct OpenSessions(Mutex<Vec<Url>>);

impl OpenSessions {
    fn add(&self, url: &Url) {
        self.lock().push(url.clone());
    }

    fn remove(&self, url: &Url) {
        self.lock().retain(|open| open != url);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Url>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what is open, as far as that goes quickly; a registry that refuses or does not
    /// answer drops the session in its own time.
    pub(super) async fn close(&self, client: &Client, repository: &Repository) {
        let open = std::mem::take(&mut *self.lock());
        let requests = open.into_iter().map(|url| async move {
            let call = upload_call(repository, Access::Push, Method::DELETE, url);
            client.transport.once(&call).await.is_ok()
        });
        let all = futures_util::future::join_all(requests);
        if let Ok(closed) = tokio::time::timeout(CLOSING, all).await {
            drop(closed);
        }
    }
}

/// A try that failed, and whether another one makes sense: a source that failed has had its own.
struct Failed {
    error: RegistryError,
    again: bool,
}

impl From<RegistryError> for Failed {
    fn from(error: RegistryError) -> Self {
        let again = error.is_transient();
        Self { error, again }
    }
}

/// What the registry answered to the wish to send a blob.
pub(super) enum Started {
    /// It took the blob from the other repository.
    Mounted,
    /// It waits for the bytes at this address.
    Session(Url),
}

fn upload_call(repository: &Repository, access: Access, method: Method, url: Url) -> Call<'_> {
    Call {
        repository,
        access,
        method,
        url,
        headers: HeaderMap::new(),
        body: None,
        what: format!("upload to {repository}"),
    }
}

/// Opens a session; with `mount` (a blob and the path of a repository that has it) the registry
/// may take the blob from there instead.
pub(super) async fn start(
    client: &Client,
    repository: &Repository,
    mount: Option<(&Digest, &str)>,
) -> Result<Started, RegistryError> {
    let mut url = endpoint(repository, "/blobs/uploads/")?;
    if let Some((digest, from)) = mount {
        url.query_pairs_mut()
            .append_pair("mount", &digest.to_string())
            .append_pair("from", from);
    }
    let access = match mount {
        Some((_, from)) => Access::Mount { from: from.into() },
        None => Access::Push,
    };
    let call = Call {
        body: Some(Bytes::new()),
        ..upload_call(repository, access, Method::POST, url)
    };
    let response = match client.send(&call).await {
        Ok(response) => response,
        // The token service may refuse the other repository; the bytes can still be sent.
        Err(RegistryError::Unauthorized { .. }) if mount.is_some() => {
            return Box::pin(start(client, repository, None)).await;
        }
        Err(error) => return Err(error),
    };
    match response.status() {
        StatusCode::CREATED if mount.is_some() => Ok(Started::Mounted),
        StatusCode::ACCEPTED => {
            let url = location(&response, &call)?;
            check_target(&url, repository, &call.what)?;
            Ok(Started::Session(url))
        }
        _ if mount.is_some() => Box::pin(start(client, repository, None)).await,
        _ => Err(client.failure(response, &call).await),
    }
}

impl Client {
    /// Stores a small blob, unless the repository has it; returns its digest and size.
    ///
    /// # Errors
    /// When the registry refuses or does not answer.
    pub async fn put_blob(
        &self,
        repository: &Repository,
        bytes: Bytes,
    ) -> Result<Descriptor, RegistryError> {
        let descriptor = plain_descriptor(Digest::of(&bytes), bytes.len() as u64);
        if !self.has_blob(repository, &descriptor.digest).await? {
            small(self, repository, &descriptor, bytes).await?;
        }
        Ok(descriptor)
    }
}

/// Sends a small blob.
pub(super) async fn small(
    client: &Client,
    repository: &Repository,
    descriptor: &Descriptor,
    bytes: Bytes,
) -> Result<(), RegistryError> {
    let open = OpenSessions::default();
    let sent = Arc::new(AtomicU64::new(0));
    let source = || -> Bytestream {
        let bytes = bytes.clone();
        futures_util::stream::once(async move { Ok(bytes) }).boxed()
    };
    blob(client, repository, descriptor, None, &open, &sent, source)
        .await
        .map(drop)
}

/// Sends a blob, or has it mounted; returns whether it was mounted. `source` opens the bytes,
/// once a try and only after the registry is ready for them; `sent` counts the bytes of the
/// present try.
pub(super) async fn blob(
    client: &Client,
    repository: &Repository,
    descriptor: &Descriptor,
    mount: Option<&str>,
    open: &OpenSessions,
    sent: &Arc<AtomicU64>,
    source: impl Fn() -> Bytestream,
) -> Result<bool, RegistryError> {
    let mut tried = 1;
    let mut mount = mount.map(|from| (&descriptor.digest, from));
    loop {
        let session = match start(client, repository, mount.take()).await? {
            Started::Mounted => return Ok(true),
            Started::Session(session) => session,
        };
        open.add(&session);
        sent.store(0, Ordering::Relaxed);
        let stream = super::stream::verified(
            source(),
            descriptor,
            format!("the source's blob {}", descriptor.digest),
        );
        let result = send_body(client, repository, descriptor, &session, stream, sent).await;
        match result {
            Ok(()) => {
                open.remove(&session);
                return Ok(false);
            }
            Err(failed) if failed.again && tried < TRIES => {
                tokio::time::sleep(backoff(tried)).await;
                tried += 1;
                client.retries.fetch_add(1, Ordering::Relaxed);
            }
            Err(failed) => return Err(failed.error),
        }
    }
}

fn is_patching(client: &Client, repository: &Repository) -> bool {
    let patching = client.transport.patching.lock();
    patching
        .unwrap_or_else(PoisonError::into_inner)
        .contains(&repository.registry)
}

async fn send_body(
    client: &Client,
    repository: &Repository,
    descriptor: &Descriptor,
    session: &Url,
    stream: Bytestream,
    sent: &Arc<AtomicU64>,
) -> Result<(), Failed> {
    let patching = is_patching(client, repository);
    let mut url = session.clone();
    let method = if patching {
        Method::PATCH
    } else {
        url.query_pairs_mut()
            .append_pair("digest", &descriptor.digest.to_string());
        Method::PUT
    };
    let call = Call {
        what: format!("blob {repository}@{}", descriptor.digest),
        ..upload_call(repository, Access::Push, method, url)
    };
    let response = stream_body(client, &call, descriptor.size, stream, sent).await?;
    let status = response.status();
    if patching {
        // ECR answers 201 where the specification says 202.
        if !status.is_success() {
            return Err(client.failure(response, &call).await.into());
        }
        let mut url = location(&response, &call).unwrap_or_else(|_kept| session.clone());
        check_target(&url, repository, &call.what)?;
        url.query_pairs_mut()
            .append_pair("digest", &descriptor.digest.to_string());
        let call = Call {
            body: Some(Bytes::new()),
            method: Method::PUT,
            url,
            ..call
        };
        let response = client.transport.once(&call).await?;
        if response.status().is_success() {
            return Ok(());
        }
        return Err(client.failure(response, &call).await.into());
    }
    if status.is_success() {
        return Ok(());
    }
    let error = client.failure(response, &call).await;
    let digest_refused = matches!(&error, RegistryError::Denied { code, .. } if code == "DIGEST_INVALID" || code == "SIZE_INVALID");
    if matches!(status.as_u16(), 400 | 404 | 405 | 411 | 413 | 416) && !digest_refused {
        let mut patching = client
            .transport
            .patching
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        patching.insert(repository.registry.clone());
        return Err(Failed { error, again: true });
    }
    Err(error.into())
}

/// What the body of a request shares with the one who waits for the answer.
#[derive(Default)]
struct Watch {
    /// The body waits for its source: silence is not the destination's.
    waiting: AtomicBool,
    /// The reason why the source ended early; HTTP itself only says "error sending request".
    source_error: Mutex<Option<RegistryError>>,
}

async fn stream_body(
    client: &Client,
    call: &Call<'_>,
    size: u64,
    stream: Bytestream,
    sent: &Arc<AtomicU64>,
) -> Result<Response, Failed> {
    let watch = Arc::new(Watch::default());
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    let kind = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, kind);
    let transport = &client.transport;
    let mut authorization = None;
    if is_own(&call.url, call.repository) {
        let known = &transport.authorizations;
        authorization = known.current(call.repository, &call.access).await;
    }
    headers.extend(authorization.clone().map(|header| (AUTHORIZATION, header)));
    let body = if size == 0 {
        Body::from(Bytes::new())
    } else {
        watched(stream, watch.clone(), sent.clone())
    };
    let request = transport
        .connections
        .connection(call.repository)
        .request(call.method.clone(), call.url.clone())
        .headers(headers)
        .body(body)
        .send();
    let network = |detail: String| RegistryError::Network {
        what: format!("{} to {}", call.what, origin(&call.url)),
        detail,
    };
    let mut request = std::pin::pin!(request);
    let mut before = 0;
    let mut quiet = 0;
    let result = loop {
        tokio::select! {
            result = &mut request => break result.map_err(|error| network(chain(error))),
            () = tokio::time::sleep(client.stall()) => {
                let now = sent.load(Ordering::Relaxed);
                let moving = now != before || watch.waiting.load(Ordering::Relaxed);
                quiet = if moving { 0 } else { quiet + 1 };
                // A registry may need a while to store what it has received in full.
                if quiet > if now >= size { 4 } else { 0 } {
                    break Err(network(silence(client.stall())));
                }
                before = now;
            }
        }
    };
    let source_error = watch
        .source_error
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(error) = source_error {
        return Err(Failed {
            error,
            again: false,
        });
    }
    let response = result?;
    if response.status() == StatusCode::UNAUTHORIZED && authorization.is_some() {
        // The token ran out during the copy: the next try has a new one.
        transport
            .authorizations
            .renew(
                &transport.connections,
                call.repository,
                &call.access,
                authorization.as_ref(),
                response.headers(),
            )
            .await?;
        return Err(network("the token ran out".to_owned()).into());
    }
    Ok(response)
}

/// Turns a stream into a request body that counts its bytes and leaves its error behind.
fn watched(stream: Bytestream, watch: Arc<Watch>, sent: Arc<AtomicU64>) -> Body {
    Body::wrap_stream(unfold(
        (stream, watch, sent),
        |(mut stream, watch, sent)| async move {
            watch.waiting.store(true, Ordering::Relaxed);
            let item = stream.next().await;
            watch.waiting.store(false, Ordering::Relaxed);
            let item = match item? {
                Ok(bytes) => {
                    sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    Ok(bytes)
                }
                Err(error) => {
                    let mut slot = watch
                        .source_error
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    *slot = Some(error);
                    drop(slot);
                    Err(std::io::Error::other("the source failed"))
                }
            };
            Some((item, (stream, watch, sent)))
        },
    ))
}
