//! A registry with faults: every way in which registries, proxies and links were seen to fail, in front of a registry
//! that works.
//!
//! It stands before any registry on a loopback address, ours or another program's; what a client should do about a fault
//! is written in the tests that use it.

mod answers;
mod refusals;

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The bytes after which a body is cut, stalls or is too large for a part.
pub(crate) const CUT: usize = 1_500_000;

/// The user and password that a registry with log-ins takes, as `Authorization: Basic` has them (user:canary).
pub(crate) const LOG_IN: &str = "dXNlcjpjYW5hcnk=";

macro_rules! faults {
    ($($(#[doc = $words:literal])+ $name:ident = $text:literal,)+) => {
        /// One fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Fault { $($(#[doc = $words])+ $name,)+ }

        impl Fault {
            /// Every fault.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the name that the reference page has.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

faults! {
    /// A blob that is read breaks off after [`CUT`] bytes, the first time.
    CutOnce = "source-cut-once",
    /// Every answer with a blob breaks off after [`CUT`] bytes.
    CutAlways = "source-cut-always",
    /// One bit of every large blob is another one.
    BitFlipped = "bit-flipped",
    /// A blob that is read falls silent after [`CUT`] bytes, the first time.
    StallReading = "source-stall",
    /// A blob that is read comes in small pieces with pauses.
    Trickle = "source-trickle",
    /// Every read is refused once with 429 and `Retry-After: 1`.
    BusyRetryAfter = "reads-429-retry-after",
    /// Every read is refused once with 429.
    Busy = "reads-429",
    /// Every read is refused once with 503.
    Down = "reads-503-once",
    /// Every read is refused once with 500.
    Error = "reads-500-once",
    /// Every manifest that is put is refused once with 429.
    BusyManifest = "manifest-429",
    /// The first bytes of every upload session are refused with 429.
    BusyUpload = "upload-429",
    /// The first bytes of every upload session are refused with 503.
    DownUpload = "upload-503",
    /// The first upload of each blob ends with 500, no space left.
    DiskFullOnce = "disk-full-once",
    /// Every upload ends with 500, no space left.
    DiskFull = "disk-full",
    /// A large upload breaks off after [`CUT`] bytes, which are kept, the first time.
    CutUploadOnce = "upload-cut-once",
    /// Every request of an upload breaks off after [`CUT`] bytes, which are kept.
    CutUpload = "upload-cut-always",
    /// A large upload is not read any further after [`CUT`] bytes, the first time.
    StallUpload = "upload-stall",
    /// A PATCH is answered with 201.
    Patch201 = "patch-201",
    /// A blob is not taken as one PUT.
    NoWholePut = "no-single-put",
    /// No request may carry more than [`CUT`] bytes.
    PartTooLarge = "part-too-large",
    /// Parts other than the last have to have 2 MB, as `OCI-Chunk-Min-Length` says; no request may carry more than 3 MB.
    PartTooSmall = "part-too-small",
    /// A PATCH keeps a megabyte less than it was sent, the first time.
    ShortPatch = "patch-short",
    /// A manifest that is put is answered without `Location`.
    NoLocation = "no-location",
    /// Nothing can be written: 405.
    ReadOnly = "read-only",
    /// A tag that exists cannot be put again, not even as it is: 400, `TAG_INVALID`.
    Immutable = "immutable-tag",
    /// Mounting is answered with 401.
    MountRefused = "mount-refused",
    /// Mounting is answered with an upload session.
    MountIgnored = "mount-202",
    /// There is no referrers API.
    NoReferrers = "no-referrers",
    /// There is no referrers API, and manifests with a subject are answered as if there were.
    LyingSubject = "lying-oci-subject",
    /// Tags name another manifest from the second read on.
    TagMoves = "tag-moves",
    /// A manifest is larger than anybody may ask for.
    HugeManifest = "huge-manifest",
    /// A manifest is of Docker's schema 1.
    Schema1 = "schema-1",
    /// An answer with a manifest says nothing about its digest.
    NoDigestHeader = "no-digest-header",
    /// An answer with a manifest names another digest.
    WrongDigestHeader = "wrong-digest-header",
    /// Tokens are for one scope and taken for a few requests only.
    TokenExpires = "token-expires",
    /// A log-in is asked for in the middle, and there is none.
    LogInMissing = "basic-401",
    /// The token service is on another host.
    RealmElsewhere = "realm-elsewhere",
    /// Blobs are fetched from another host, by redirect.
    Redirect = "redirect-elsewhere",
    /// Blobs are sent to another host, by `Location`.
    LocationElsewhere = "location-elsewhere",
    /// Lists of tags come in pages of two.
    Paging = "link-paging",
    /// Blobs seem to be there until a manifest that names them is put.
    BlobElsewhere = "blob-elsewhere",
    /// What Amazon ECR does: Basic log-in, 201 to PATCH, no `Location`, immutable tags, lists of a thousand at most.
    Ecr = "ecr",
}

/// One request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) authorization: Option<String>,
    pub(crate) range: Option<String>,
    pub(crate) content_range: Option<String>,
    /// The promised length of the body.
    pub(crate) length: usize,
}

type Body = BoxBody<Bytes, io::Error>;

/// The faulty registry; it ends when this is dropped.
pub(crate) struct FaultRegistry {
    shared: Arc<Shared>,
    ended: CancellationToken,
}

struct Shared {
    faults: Vec<Fault>,
    /// The host of the registry behind.
    behind: String,
    /// The own host, and that of the stranger whom some faults send clients to.
    host: String,
    stranger: String,
    http: reqwest::Client,
    once: Mutex<HashMap<String, u32>>,
    refused_manifests: Mutex<HashSet<String>>,
    log: Mutex<Vec<Asked>>,
    heard: Mutex<Vec<Asked>>,
}

impl FaultRegistry {
    /// Starts it before the registry at `behind`.
    pub(crate) async fn start(behind: &str, faults: &[Fault]) -> Self {
        let bind = || tokio::net::TcpListener::bind(("127.0.0.1", 0));
        let own = bind().await.expect("a loopback port is free");
        let other = bind().await.expect("a loopback port is free");
        let host = |listener: &tokio::net::TcpListener| {
            listener
                .local_addr()
                .expect("a bound socket has an address")
                .to_string()
        };
        let shared = Arc::new(Shared {
            faults: faults.to_vec(),
            behind: behind.to_owned(),
            host: host(&own),
            stranger: host(&other),
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client"),
            once: Mutex::default(),
            refused_manifests: Mutex::default(),
            log: Mutex::default(),
            heard: Mutex::default(),
        });
        let ended = CancellationToken::new();
        let tasks = TaskTracker::new();
        for (listener, own) in [(own, true), (other, false)] {
            let (shared, ended, tracker) = (shared.clone(), ended.clone(), tasks.clone());
            let accept = async move {
                loop {
                    let Ok((stream, _)) = listener.accept().await else {
                        continue;
                    };
                    let shared = shared.clone();
                    let service = service_fn(move |request| answer(shared.clone(), own, request));
                    let connection =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    tracker.spawn(connection);
                }
            };
            tasks.spawn(async move { ended.run_until_cancelled(accept).await });
        }
        Self { shared, ended }
    }

    /// Returns `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> &str {
        &self.shared.host
    }

    /// Returns the requests so far, oldest first.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.log.lock().expect("no panic").clone()
    }

    /// Returns what the stranger was sent.
    pub(crate) fn heard(&self) -> Vec<Asked> {
        self.shared.heard.lock().expect("no panic").clone()
    }
}

impl Drop for FaultRegistry {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl Shared {
    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Returns how often a key was met before.
    fn before(&self, key: String) -> u32 {
        let mut once = self.once.lock().expect("no panic");
        let count = once.entry(key).or_default();
        *count += 1;
        *count - 1
    }

    fn first(&self, key: String) -> bool {
        self.before(key) == 0
    }
}

/// What a request is about, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Manifest,
    Blob,
    /// The start of an upload.
    Uploads,
    /// An upload session.
    Session,
    Tags,
    Referrers,
    Other,
}

fn about(path: &str) -> About {
    let path = path.split('?').next().unwrap_or(path);
    match () {
        () if path.contains("/blobs/uploads/") && path.ends_with('/') => About::Uploads,
        () if path.contains("/blobs/uploads/") => About::Session,
        () if path.contains("/blobs/") => About::Blob,
        () if path.contains("/manifests/") => About::Manifest,
        () if path.contains("/referrers/") => About::Referrers,
        () if path.ends_with("/tags/list") => About::Tags,
        () => About::Other,
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

async fn answer(
    shared: Arc<Shared>,
    own: bool,
    request: Request<Incoming>,
) -> Result<Response<Body>, io::Error> {
    let headers = request.headers();
    let path = request.uri().path_and_query();
    let mut asked = Asked {
        method: request.method().to_string(),
        path: path.map_or_else(String::new, ToString::to_string),
        status: 0,
        authorization: header(headers, "authorization"),
        range: header(headers, "range"),
        content_range: header(headers, "content-range"),
        length: header(headers, "content-length")
            .map_or(0, |length| length.parse().expect("a number")),
    };
    let log = if own { &shared.log } else { &shared.heard };
    let place = {
        let mut log = log.lock().expect("no panic");
        log.push(asked.clone());
        log.len() - 1
    };
    let refusal = if own {
        refusals::refusal(&shared, &asked)
    } else {
        None
    };
    let answered = match refusal {
        Some(response) => {
            // A server that answers early closes the connection unless it reads what was sent.
            if asked.length <= CUT {
                drop(request.collect().await);
            }
            Ok(response)
        }
        None => answers::passed(&shared, &asked, request).await,
    };
    asked.status = answered
        .as_ref()
        .map_or(0, |answer| answer.status().as_u16());
    log.lock().expect("no panic")[place] = asked;
    answered
}

fn plain(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Body> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let body = Full::new(body.into()).map_err(|never: Infallible| match never {});
    builder.body(body.boxed()).expect("a response")
}

fn error(status: u16, code: &str, message: &str) -> Response<Body> {
    let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
    plain(
        status,
        &[("content-type", "application/json")],
        body.to_string(),
    )
}

/// Whether a request carries bytes of a blob.
fn is_body(asked: &Asked, about: About) -> bool {
    about == About::Session && asked.length > 0
}
