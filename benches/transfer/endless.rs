//! A source that makes up an image of any size, and a destination that forgets it: what a copy needs is all that is
//! measured.
//!
//! They answer what a copy asks, and are no registries otherwise.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use countersign::model::Digest;
use countersign::model::oci::RawManifest;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio_util::task::TaskTracker;

use super::image::{manifest_of, noise};

/// The bytes that a layer repeats.
const BLOCK: usize = 1 << 20;

/// The running servers, one for both roles; they end with the runtime.
pub(crate) struct Endless {
    host: String,
}

impl Endless {
    pub(crate) fn source(&self) -> String {
        format!("{}/source/a:v1", self.host)
    }

    pub(crate) fn destination(&self) -> String {
        format!("{}/sink/a:v1", self.host)
    }
}

struct Image {
    manifest: RawManifest,
    config: Bytes,
    /// What a layer repeats, and its length.
    layers: HashMap<String, (Bytes, u64)>,
    tagged: std::sync::atomic::AtomicBool,
}

/// Starts the servers for an image of so many gigabytes.
pub(crate) async fn start(gigabytes: u64, count: u64) -> anyhow::Result<Endless> {
    let blocks = gigabytes * 1_000_000_000 / count / BLOCK as u64 + 1;
    let size = blocks * BLOCK as u64;
    let mut layers = HashMap::new();
    let mut named = Vec::new();
    for number in 0..count {
        let block = noise(1000 + number, BLOCK);
        let mut hash = Sha256::new();
        for _block in 0..blocks {
            hash.update(&block);
        }
        let digest = Digest::from_sha256(&hash.finalize());
        layers.insert(digest.to_string(), (block, size));
        named.push((digest, size));
    }
    let (manifest, config) = manifest_of(&named, "amd64");
    let image = Arc::new(Image {
        manifest,
        config,
        layers,
        tagged: false.into(),
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let host = listener.local_addr()?.to_string();
    let tasks = TaskTracker::new();
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let image = image.clone();
            let service = service_fn(move |request| answer(image.clone(), request));
            connections
                .spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(Endless { host })
}

type Body = BoxBody<Bytes, Infallible>;

fn respond(status: u16, headers: &[(&str, &str)], body: Body) -> anyhow::Result<Response<Body>> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    Ok(builder.body(body)?)
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).boxed()
}

async fn answer(image: Arc<Image>, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
    use std::sync::atomic::Ordering;
    let path = request.uri().path().to_owned();
    let empty = || whole(Bytes::new());
    let manifest = || {
        let kind = ("content-type", &*image.manifest.media_type);
        respond(200, &[kind], whole(image.manifest.bytes.clone()))
    };
    if path.starts_with("/v2/sink/") {
        return match *request.method() {
            Method::POST => respond(202, &[("location", "/v2/sink/a/blobs/uploads/1")], empty()),
            Method::PUT => {
                if path.ends_with("/v1") {
                    image.tagged.store(true, Ordering::Relaxed);
                }
                let mut body = request.into_body();
                while let Some(frame) = body.frame().await {
                    frame?;
                }
                respond(201, &[], empty())
            }
            Method::GET if image.tagged.load(Ordering::Relaxed) => manifest(),
            _ => respond(404, &[], empty()),
        };
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    if path.contains("/manifests/") {
        return manifest();
    }
    let Some((block, size)) = image.layers.get(last) else {
        return respond(200, &[], whole(image.config.clone()));
    };
    let (block, blocks) = (block.clone(), size / BLOCK as u64);
    // In pieces as a network has them.
    let pieces = (0..blocks).flat_map(move |_block| {
        let block = block.clone();
        (0..16).map(move |piece| {
            let part = BLOCK / 16;
            Ok(Frame::data(block.slice(piece * part..(piece + 1) * part)))
        })
    });
    let body = http_body_util::BodyExt::boxed(StreamBody::new(stream::iter(pieces)));
    respond(200, &[("content-length", &size.to_string())], body)
}
