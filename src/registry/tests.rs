//! The client against the loopback registry and against servers that misbehave.
//!
//! Fixtures are built here, byte by byte; no file of the repository is read.

mod archives;
mod attached;
mod copying;
mod hostile;
mod interop;
mod layouts;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::demo::registry::{Answer, Registry, RegistryOptions};
use crate::model::oci::{RawManifest, media_type};
use crate::model::{Digest, Image, Platform, Repository};

/// A client without log-ins that gives up on silence soon.
fn client() -> Client {
    Client::new(&ClientOptions {
        stall_timeout: std::time::Duration::from_secs(2),
        first_pause: std::time::Duration::from_millis(20),
        ..ClientOptions::default()
    })
    .unwrap()
}

async fn registry() -> Registry {
    Registry::start(RegistryOptions {
        referrers: true,
        ..RegistryOptions::default()
    })
    .await
    .unwrap()
}

async fn registry_with(
    intercept: impl Fn(&Request<Incoming>) -> Option<Answer> + Send + Sync + 'static,
) -> Registry {
    Registry::start(RegistryOptions {
        referrers: true,
        intercept: Some(Arc::new(intercept)),
        ..RegistryOptions::default()
    })
    .await
    .unwrap()
}

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Full::new(body.into())).unwrap()
}

/// Starts a server that is no registry; it lives as long as the test's runtime.
async fn serve(handler: impl Fn(&Request<Incoming>) -> Answer + Send + Sync + 'static) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let handler = Arc::new(handler);
    let tasks = TaskTracker::new();
    let connections = tasks.clone();
    tasks.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let handler = handler.clone();
            let service = service_fn(move |request| {
                let answer = handler(&request);
                async move { Ok::<_, Infallible>(answer) }
            });
            connections.spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(hyper_util::rt::TokioIo::new(stream), service),
            );
        }
    });
    host
}

fn repository(host: &str, path: &str) -> Repository {
    Repository {
        registry: host.to_owned(),
        path: path.to_owned(),
    }
}

fn image(text: &str) -> Image {
    text.parse().unwrap()
}

/// Bytes that look like nothing in particular, different for every seed.
fn noise(seed: u64, length: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            u8::try_from(state & 0xff).unwrap()
        })
        .collect::<Vec<u8>>()
        .into()
}

fn config(architecture: &str) -> Bytes {
    format!(
        r#"{{"architecture":"{architecture}","os":"linux","config":{{"User":"app"}},"rootfs":{{"type":"layers","diff_ids":["{}"]}},"history":[{{"created_by":"COPY app /"}},{{"created_by":"USER app","empty_layer":true}}]}}"#,
        Digest::of(architecture.as_bytes())
    )
    .into()
}

/// A manifest with what no serialiser of ours would write: odd white space, unknown fields,
/// escapes and a line end.
fn odd_manifest(config: &Bytes, layers: &[Bytes]) -> Bytes {
    let layers: Vec<String> = layers
        .iter()
        .map(|layer| {
            format!(
                "{{ \"size\" :{}, \"digest\":\"{}\",\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\", \"x\":[] }}",
                layer.len(),
                Digest::of(layer)
            )
        })
        .collect();
    format!(
        "{{\n\t\"unknown\": 1.50, \"schemaVersion\": 2,\r\n \"mediaType\": \"{}\", \"config\": {{\"mediaType\":\"{}\",\"size\":{},\"digest\":\"{}\"}}, \"layers\": [{}], \"annotations\": {{\"caf\\u00e9\": \"\\/\"}} }}\n",
        media_type::OCI_MANIFEST,
        media_type::OCI_CONFIG,
        config.len(),
        Digest::of(config),
        layers.join(" , ")
    )
    .into()
}

/// Puts an image of two platforms and an attestation under `v1`; returns the index's digest.
fn preload(registry: &Registry, path: &str, layer_size: usize) -> Digest {
    let mut entries = Vec::new();
    let shared = noise(7, 100);
    for (seed, architecture) in [(1, "amd64"), (2, "arm64")] {
        let config = config(architecture);
        let layer = noise(seed, layer_size);
        let manifest = odd_manifest(&config, &[shared.clone(), layer.clone(), Bytes::new()]);
        registry.put_blob(path, config);
        registry.put_blob(path, layer);
        entries.push(format!(
            r#"{{"mediaType":"{}","size":{},"digest":"{}","platform":{{"architecture":"{architecture}","os":"linux"}}}}"#,
            media_type::OCI_MANIFEST,
            manifest.len(),
            Digest::of(&manifest),
        ));
        registry.put_manifest(path, None, media_type::OCI_MANIFEST, manifest);
    }
    registry.put_blob(path, shared);
    registry.put_blob(path, Bytes::new());
    let attestation = odd_manifest(&Bytes::from_static(b"{}"), &[]);
    registry.put_blob(path, Bytes::from_static(b"{}"));
    entries.push(format!(
        r#"{{"mediaType":"{}","size":{},"digest":"{}","platform":{{"architecture":"unknown","os":"unknown"}},"annotations":{{"vnd.docker.reference.type":"attestation-manifest"}}}}"#,
        media_type::OCI_MANIFEST,
        attestation.len(),
        Digest::of(&attestation),
    ));
    registry.put_manifest(path, None, media_type::OCI_MANIFEST, attestation);
    let index = format!(
        "{{\"manifests\":[{}] ,\"schemaVersion\":2,\"later\":null}}",
        entries.join(",")
    );
    registry.put_manifest(path, Some("v1"), media_type::OCI_INDEX, index)
}

/// Copies without watching it.
async fn copy_quietly(
    source: &Source,
    top: &RawManifest,
    destination: &Repository,
) -> Result<CopyOutcome, RegistryError> {
    let cancel = CancellationToken::new();
    copy(source, top, &client(), destination, &cancel, &|_| {}).await
}

/// The requests of a registry that change something.
fn writes(registry: &Registry) -> Vec<String> {
    registry
        .requests()
        .iter()
        .filter(|request| !matches!(&*request.method, "GET" | "HEAD"))
        .map(|request| format!("{} {}", request.method, request.path))
        .collect()
}
