//! Sending one blob: session, mount, streamed body, and what to do when a registry does not take
//! it as one PUT.
//!
//! Which blobs are sent, and in which order, is decided in `copy`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::StreamExt as _;
use reqwest::header::{CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::address::{check_target, endpoint};
use super::auth::Access;
use super::client::{Client, header, plain_descriptor};
use super::error::RegistryError;
use super::feed::{Broken, Feed};
use super::pace::{Form, Tries};
use super::sessions::upload_call;
use super::stream::{Bytestream, Marks, skipping, verified_from};
use super::transport::{Call, is_retryable, location};
use crate::model::oci::Descriptor;
use crate::model::{Digest, Repository};

/// A try that failed.
struct Failed {
    error: RegistryError,
    next: Next,
    /// The pause that the registry asks for.
    pause: Option<Duration>,
}

/// What makes sense after a try that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Nothing: the bytes, the right to send them or the room for them are missing.
    Stop,
    /// Going on in the same session, where it is still there.
    Resume,
    /// A new session.
    Anew,
    /// A new session at once, in the form that comes next.
    OtherForm,
}

impl From<RegistryError> for Failed {
    fn from(error: RegistryError) -> Self {
        let next = if error.is_transient() {
            Next::Resume
        } else {
            Next::Stop
        };
        Self {
            error,
            next,
            pause: None,
        }
    }
}

impl From<Broken> for Failed {
    fn from(broken: Broken) -> Self {
        match broken {
            // A source that failed has had its own tries.
            Broken::Source(error) => Self {
                error,
                next: Next::Stop,
                pause: None,
            },
            Broken::Transfer(error) => error.into(),
        }
    }
}

/// What the registry answered to the wish to send a blob.
pub(super) enum Started {
    /// It took the blob from the other repository.
    Mounted,
    /// It waits for the bytes at this address, from whoever has this access.
    Session(Url, Access),
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
    let least = |response: &Response| {
        let least = header(response.headers(), "oci-chunk-min-length");
        least.and_then(|least| least.parse().ok())
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
            if let Some(least) = least(&response) {
                let paces = &client.transport.paces;
                paces.least_part(&repository.registry, least);
            }
            Ok(Started::Session(url, call.access))
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
    let sent = Arc::new(AtomicU64::new(0));
    let source = |from| -> Bytestream {
        let bytes = bytes.clone();
        skipping(
            futures_util::stream::once(async move { Ok(bytes) }).boxed(),
            from,
        )
    };
    blob(client, repository, descriptor, None, &sent, source)
        .await
        .map(drop)
}

/// Sends a blob, or has it mounted; returns whether it was mounted. `source` opens the bytes from
/// a place on, once a try and only after the registry is ready for them; `sent` counts the bytes
/// that the present session has been given.
///
/// A connection that breaks is taken up again where the registry says that it was.
///
/// # Errors
/// When the bytes cannot be had or are not what the descriptor says, or the registry refuses or
/// does not answer after retries.
pub(super) async fn blob(
    client: &Client,
    repository: &Repository,
    descriptor: &Descriptor,
    mount: Option<&str>,
    sent: &Arc<AtomicU64>,
    source: impl Fn(u64) -> Bytestream,
) -> Result<bool, RegistryError> {
    let mut mount = mount.map(|from| (&descriptor.digest, from));
    let mut upload = Upload {
        client,
        repository,
        descriptor,
        sent,
        source,
        marks: Marks::default(),
        tries: client.transport.tries(),
        most: 0,
        failures: 0,
    };
    loop {
        let (session, access) = match start(client, repository, mount.take()).await? {
            Started::Mounted => return Ok(true),
            Started::Session(session, access) => (session, access),
        };
        client.open.add(repository, &session);
        let mut session = Session {
            url: session,
            access,
            resumed: false,
        };
        let result = upload.fill(&mut session).await;
        if result.is_ok() {
            client.open.remove(&session.url);
        }
        match result {
            Ok(()) => return Ok(false),
            Err(failed) if failed.next == Next::Stop => return Err(failed.error),
            Err(_again) => {
                client
                    .open
                    .close_one(&client.transport, repository, &session.url)
                    .await;
            }
        }
    }
}

/// One upload session.
struct Session {
    /// Its newest address.
    url: Url,
    access: Access,
    /// Whether it was taken up again after a break.
    resumed: bool,
}

/// One blob on its way.
struct Upload<'a, S> {
    client: &'a Client,
    repository: &'a Repository,
    descriptor: &'a Descriptor,
    sent: &'a Arc<AtomicU64>,
    source: S,
    marks: Marks,
    tries: Tries,
    /// The most bytes that any session held so far: more than that is progress.
    most: u64,
    /// Errors of the registry's own storage.
    failures: u32,
}

impl<S: Fn(u64) -> Bytestream> Upload<'_, S> {
    /// Sends the blob into a session, going on after breaks for as long as the session is there.
    async fn fill(&mut self, session: &mut Session) -> Result<(), Failed> {
        let mut held = 0;
        loop {
            let mut failed = match self.send_from(session, held).await {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            if failed.next == Next::Stop || failed.next == Next::OtherForm {
                return Err(failed);
            }
            let kept = match failed.next {
                Next::Resume => self.held(session).await,
                _ => None,
            };
            if kept.is_some_and(|kept| kept > self.most) {
                self.most = kept.unwrap_or(self.most);
                self.tries.progress();
            }
            let Some(pause) = self.tries.again().filter(|_pause| !self.is_full(&failed)) else {
                failed.next = Next::Stop;
                return Err(failed);
            };
            self.client
                .retries
                .note(&format!("{}; {}", failed.error, self.tries.words()));
            tokio::time::sleep(failed.pause.unwrap_or(pause)).await;
            let Some(kept) = kept else {
                failed.next = Next::Anew;
                return Err(failed);
            };
            held = kept;
            session.resumed = held > 0;
        }
    }

    /// Returns whether the registry's storage failed a second time: sending the blob again and
    /// again to a full disk helps nobody.
    fn is_full(&mut self, failed: &Failed) -> bool {
        let own = matches!(
            failed.error,
            RegistryError::Unavailable {
                status: 500 | 507,
                ..
            }
        );
        self.failures += u32::from(own);
        self.failures > 1
    }

    fn call(&self, session: &Session, method: Method) -> Call<'_> {
        Call {
            what: format!("blob {}@{}", self.repository, self.descriptor.digest),
            ..upload_call(
                self.repository,
                session.access.clone(),
                method,
                session.url.clone(),
            )
        }
    }

    /// Asks a session how many bytes it holds; none where it is gone.
    async fn held(&self, session: &mut Session) -> Option<u64> {
        let call = self.call(session, Method::GET);
        let response = self.client.transport.once(&call).await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        let held = end_of(&response, 0)?;
        self.note_location(session, &response).ok()?;
        (held <= self.descriptor.size).then_some(held)
    }

    /// Follows a session to the address that its last answer names.
    fn note_location(&self, session: &mut Session, response: &Response) -> Result<(), Failed> {
        let call = self.call(session, Method::GET);
        if let Ok(url) = location(response, &call) {
            check_target(&url, self.repository, &call.what)?;
            self.client.open.moved(&session.url, &url);
            session.url = url;
        }
        Ok(())
    }

    /// Opens the bytes from `held` on. They are hashed from the last mark on, so that the check
    /// covers every byte that is sent.
    fn feed(&self, held: u64) -> Arc<Feed> {
        let start = self.marks.before(held);
        let from = start.0;
        let what = format!("the source's blob {}", self.descriptor.digest);
        let stream = (self.source)(from);
        let stream = verified_from(stream, self.descriptor, what, start, self.marks.clone());
        self.sent.store(held, Ordering::Relaxed);
        Feed::new(skipping(stream, held - from), self.sent.clone())
    }

    async fn send_from(&mut self, session: &mut Session, held: u64) -> Result<(), Failed> {
        let form = self.form();
        let size = self.descriptor.size;
        if form == Form::Whole && held == 0 {
            let call = self.closing(session);
            let response = self.feed(0).send(self.client, &call, size).await?;
            return self.closed(response, &call, form, session.resumed).await;
        }
        let part = match form {
            Form::Parts(size) => size,
            Form::Whole | Form::Patch => u64::MAX,
        };
        let mut held = held;
        let mut feed = self.feed(held);
        while held < size {
            let length = part.min(size - held);
            let mut call = self.call(session, Method::PATCH);
            if held > 0 || length < size {
                let range = HeaderValue::try_from(format!("{held}-{}", held + length - 1));
                call.headers
                    .extend(range.ok().map(|range| (CONTENT_RANGE, range)));
            }
            let response = feed.send(self.client, &call, length).await?;
            // ECR answers 201 where the specification says 202.
            if !response.status().is_success() {
                return Err(self.refused(response, &call, form).await);
            }
            let taken = end_of(&response, held + length).unwrap_or(held + length);
            self.note_location(session, &response)?;
            if taken != held + length {
                // It took less than it was sent: the rest goes once more.
                if taken <= held || taken > size {
                    return Err(Failed {
                        next: Next::Anew,
                        ..RegistryError::Unexpected {
                            what: call.what.clone(),
                            detail: format!("it holds {taken} bytes after {}", held + length),
                        }
                        .into()
                    });
                }
                feed = self.feed(taken);
            }
            held = taken;
            if held > self.most {
                self.most = held;
                self.tries.progress();
            }
        }
        let call = Call {
            body: Some(Bytes::new()),
            ..self.closing(session)
        };
        let response = self.client.transport.once(&call).await?;
        self.closed(response, &call, form, session.resumed).await
    }

    fn form(&self) -> Form {
        let paces = &self.client.transport.paces;
        paces.form(&self.repository.registry)
    }

    /// The request that closes a session.
    fn closing(&self, session: &Session) -> Call<'_> {
        let mut call = self.call(session, Method::PUT);
        call.url
            .query_pairs_mut()
            .append_pair("digest", &self.descriptor.digest.to_string());
        call
    }

    async fn closed(
        &self,
        response: Response,
        call: &Call<'_>,
        form: Form,
        resumed: bool,
    ) -> Result<(), Failed> {
        if response.status().is_success() {
            return Ok(());
        }
        let mut failed = self.refused(response, call, form).await;
        // What a break left behind may be damaged; the bytes themselves were checked here.
        if resumed && is_digest_refused(&failed.error) {
            failed.next = Next::Anew;
        }
        Err(failed)
    }

    /// Reads a refusal: whether it is about the form, and whether waiting helps.
    async fn refused(&self, response: Response, call: &Call<'_>, form: Form) -> Failed {
        let status = response.status();
        let transport = &self.client.transport;
        let pause = transport.pause(self.repository, &response);
        let error = self.client.failure(response, call).await;
        let next = match status.as_u16() {
            _ if is_retryable(status) => Next::Resume,
            400 | 404 | 405 | 411 | 413 | 416 if !is_digest_refused(&error) => {
                let other = transport.paces.refused(&self.repository.registry, form);
                if other { Next::OtherForm } else { Next::Stop }
            }
            _ => Next::Stop,
        };
        Failed { error, next, pause }
    }
}

fn is_digest_refused(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Denied { code, .. } if matches!(&**code, "DIGEST_INVALID" | "SIZE_INVALID"))
}

/// Returns how many bytes a session holds by its `Range`, `0-LAST`. A session without any says
/// `0-0` as well; `expected` tells the two apart.
fn end_of(response: &Response, expected: u64) -> Option<u64> {
    let range = header(response.headers(), RANGE.as_str())?;
    let (_first, last) = range.trim_start_matches("bytes=").split_once('-')?;
    let last: u64 = last.trim().parse().ok()?;
    Some(match last {
        0 if expected != 1 => 0,
        last => last.saturating_add(1),
    })
}
