//! An OCI registry on a loopback address, inside the process and in memory.
//!
//! It speaks the distribution specification well enough for real clients; it is no place to keep
//! anything, and it knows no log-ins.

mod blobs;
mod manifests;
mod store;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::Digest;
use store::Store;

/// An answer of the registry.
pub type Answer = Response<Full<Bytes>>;

/// Answers a request before the registry looks at it; none lets it pass.
pub type Intercept = Arc<dyn Fn(&Request<Incoming>) -> Option<Answer> + Send + Sync>;

/// How the registry behaves.
#[derive(Clone, Default)]
pub struct RegistryOptions {
    /// Whether it has the referrers API.
    pub referrers: bool,
    /// Whether a tag that exists can be moved to another digest.
    pub immutable_tags: bool,
    /// Looks at every request first.
    pub intercept: Option<Intercept>,
}

impl std::fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryOptions")
            .field("referrers", &self.referrers)
            .field("immutable_tags", &self.immutable_tags)
            .finish_non_exhaustive()
    }
}

/// One request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// Whether it carried a log-in.
    pub authorized: bool,
}

/// A running registry; it ends when this is dropped.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    shared: Arc<Shared>,
    ended: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    options: RegistryOptions,
    store: Mutex<Store>,
    log: Mutex<Vec<LoggedRequest>>,
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Vec<LoggedRequest>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// Starts a registry on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(options: RegistryOptions) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let registry = Self {
            address: listener.local_addr()?,
            shared: Arc::new(Shared {
                options,
                store: Mutex::default(),
                log: Mutex::default(),
            }),
            ended: CancellationToken::new(),
        };
        let shared = registry.shared.clone();
        let ended = registry.ended.clone();
        let tasks = TaskTracker::new();
        let connections = tasks.clone();
        let accept = async move {
            loop {
                let Ok((stream, _peer)) = listener.accept().await else {
                    // Out of file handles, most likely: others have to close first.
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    continue;
                };
                let shared = shared.clone();
                let service = service_fn(move |request| answer(shared.clone(), request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                let ended = ended.clone();
                // A client that goes away is its own business.
                connections.spawn(async move { ended.run_until_cancelled(connection).await });
            }
        };
        let ended = registry.ended.clone();
        tasks.spawn(async move { ended.run_until_cancelled(accept).await });
        Ok(registry)
    }

    /// Returns the address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the host as image names have it: `127.0.0.1:PORT`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns the requests answered so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.log().clone()
    }

    /// Forgets the requests answered so far.
    pub fn clear_requests(&self) {
        self.shared.log().clear();
    }

    /// Puts a blob into a repository.
    pub fn put_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> Digest {
        self.shared.store().add_blob(repository, bytes.into())
    }

    /// Puts a manifest into a repository, under a tag where one is given; what it names is not
    /// asked for.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Digest {
        self.shared
            .store()
            .add_manifest(repository, tag, media_type, bytes.into())
    }

    /// Returns the bytes and media type of a manifest by tag or digest.
    #[must_use]
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<(Bytes, String)> {
        let store = self.shared.store();
        let (_digest, manifest) = store.manifest(repository, reference)?;
        Some((manifest.bytes.clone(), manifest.media_type.clone()))
    }

    /// Returns the bytes of a blob of a repository.
    #[must_use]
    pub fn blob(&self, repository: &str, digest: &Digest) -> Option<Bytes> {
        self.shared.store().blob(repository, digest)
    }

    /// Returns the tags of a repository with what they name, in the order of their names.
    #[must_use]
    pub fn tags(&self, repository: &str) -> Vec<(String, Digest)> {
        self.shared.store().tags(repository)
    }

    /// Returns how many upload sessions are open.
    #[must_use]
    pub fn open_uploads(&self) -> usize {
        self.shared.store().uploads.len()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Answer, std::convert::Infallible> {
    let method = request.method().to_string();
    let path = request
        .uri()
        .path_and_query()
        .map_or_else(String::new, ToString::to_string);
    let authorized = request.headers().contains_key("authorization");
    let intercept = shared.options.intercept.clone();
    let answer = match intercept.and_then(|intercept| intercept(&request)) {
        Some(answer) => answer,
        None => route(&shared, request).await,
    };
    shared.log().push(LoggedRequest {
        method,
        path,
        status: answer.status().as_u16(),
        authorized,
    });
    Ok(answer)
}

/// The endpoints of a repository.
enum Endpoint<'a> {
    Manifest(&'a str),
    Blob(&'a str),
    Uploads,
    Upload(&'a str),
    Tags,
    Referrers(&'a str),
}

/// Splits `/v2/<name>/…`; names may have slashes, and parts of names may be called like endpoints.
fn split(path: &str) -> Option<(&str, Endpoint<'_>)> {
    let rest = path.strip_prefix("/v2/")?;
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return Some((name, Endpoint::Tags));
    }
    if let Some(name) = rest
        .strip_suffix("/blobs/uploads/")
        .or_else(|| rest.strip_suffix("/blobs/uploads"))
    {
        return Some((name, Endpoint::Uploads));
    }
    let (before, last) = rest.rsplit_once('/')?;
    if let Some(name) = before.strip_suffix("/blobs/uploads") {
        return Some((name, Endpoint::Upload(last)));
    }
    let (name, kind) = before.rsplit_once('/')?;
    match kind {
        "manifests" => Some((name, Endpoint::Manifest(last))),
        "blobs" => Some((name, Endpoint::Blob(last))),
        "referrers" => Some((name, Endpoint::Referrers(last))),
        _ => None,
    }
}

async fn route(shared: &Shared, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    if matches!(&*path, "/v2/" | "/v2") {
        return respond(StatusCode::OK, "{}");
    }
    let Some((name, endpoint)) = split(&path) else {
        return error(StatusCode::NOT_FOUND, "NAME_INVALID", "no such endpoint");
    };
    let method = request.method().clone();
    match (method, endpoint) {
        (Method::GET | Method::HEAD, Endpoint::Manifest(reference)) => {
            manifests::get(&shared.store(), name, reference)
        }
        (Method::PUT, Endpoint::Manifest(reference)) => {
            manifests::put(shared, name, reference, request).await
        }
        (Method::DELETE, Endpoint::Manifest(reference)) => {
            manifests::delete(&mut shared.store(), name, reference)
        }
        (Method::GET, Endpoint::Tags) => manifests::tags(&shared.store(), name, request.uri()),
        (Method::GET, Endpoint::Referrers(digest)) if shared.options.referrers => {
            manifests::referrers(&shared.store(), name, digest, request.uri())
        }
        (Method::GET | Method::HEAD, Endpoint::Blob(digest)) => {
            blobs::get(&shared.store(), name, digest, &request)
        }
        (Method::DELETE, Endpoint::Blob(digest)) => {
            blobs::delete(&mut shared.store(), name, digest)
        }
        (Method::POST, Endpoint::Uploads) => blobs::start(shared, name, request).await,
        (Method::PATCH, Endpoint::Upload(id)) => blobs::append(shared, name, id, request).await,
        (Method::PUT, Endpoint::Upload(id)) => blobs::finish(shared, name, id, request).await,
        (Method::GET, Endpoint::Upload(id)) => blobs::status(&shared.store(), name, id),
        (Method::DELETE, Endpoint::Upload(id)) => blobs::cancel(&mut shared.store(), name, id),
        (_, Endpoint::Referrers(_)) => {
            error(StatusCode::NOT_FOUND, "UNSUPPORTED", "no referrers here")
        }
        _ => error(
            StatusCode::METHOD_NOT_ALLOWED,
            "UNSUPPORTED",
            "the method is not allowed here",
        ),
    }
}

/// Returns the decoded value of a query parameter.
fn parameter(uri: &hyper::Uri, name: &str) -> Option<String> {
    url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn respond(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let version = HeaderValue::from_static("registry/2.0");
    answer
        .headers_mut()
        .insert("docker-distribution-api-version", version);
    answer
}

/// Adds a header; a value that no header can carry is left out.
fn with(mut answer: Answer, name: &'static str, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

/// Returns an error as the specification words it.
fn error(status: StatusCode, code: &str, message: &str) -> Answer {
    let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
    with(
        respond(status, body.to_string()),
        "content-type",
        "application/json",
    )
}

#[cfg(test)]
mod tests;
