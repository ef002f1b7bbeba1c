//! The loopback registry's endpoints for blobs and their uploads.
//!
//! Manifests, tags and referrers have their own file.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use super::store::{Store, Upload};
use super::{Answer, Shared, error, parameter, respond, with};
use crate::model::Digest;

fn unknown() -> Answer {
    let message = "the blob does not exist";
    error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", message)
}

fn unknown_upload() -> Answer {
    let message = "the upload does not exist";
    error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", message)
}

fn invalid_digest(message: &str) -> Answer {
    error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message)
}

/// The answer to GET, with a range where one is asked for, and to HEAD.
pub(super) fn get(store: &Store, name: &str, digest: &str, request: &Request<Incoming>) -> Answer {
    let found = digest
        .parse::<Digest>()
        .ok()
        .and_then(|digest| store.blob(name, &digest));
    let Some(bytes) = found else { return unknown() };
    let range = request
        .headers()
        .get("range")
        .and_then(|range| range.to_str().ok());
    let length = bytes.len();
    let answer = match range.map(|range| parse_range(range, length)) {
        None => respond(StatusCode::OK, bytes),
        Some(Some((first, last))) => {
            let part = bytes.slice(first..=last);
            let content = format!("bytes {first}-{last}/{length}");
            with(
                respond(StatusCode::PARTIAL_CONTENT, part),
                "content-range",
                &content,
            )
        }
        Some(None) => {
            let message = "no such part";
            return error(StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", message);
        }
    };
    let answer = with(answer, "content-type", "application/octet-stream");
    let answer = with(answer, "accept-ranges", "bytes");
    with(answer, "docker-content-digest", digest)
}

/// Reads `bytes=FIRST-[LAST]`; both ends of the result are inside the blob.
fn parse_range(text: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let first: usize = first.parse().ok()?;
    let end = length.checked_sub(1)?;
    let last = if last.is_empty() {
        end
    } else {
        last.parse::<usize>().ok()?.min(end)
    };
    (first <= last).then_some((first, last))
}

pub(super) fn delete(store: &mut Store, name: &str, digest: &str) -> Answer {
    match digest.parse::<Digest>() {
        Ok(digest) if store.remove_blob(name, &digest) => {
            respond(StatusCode::ACCEPTED, Bytes::new())
        }
        _ => unknown(),
    }
}

/// Opens an upload, mounts a blob, or takes one whole.
pub(super) async fn start(shared: &Shared, name: &str, request: Request<Incoming>) -> Answer {
    let uri = request.uri().clone();
    if let Some(mount) = parameter(&uri, "mount") {
        let Ok(digest) = mount.parse::<Digest>() else {
            return invalid_digest("not a digest");
        };
        let from = parameter(&uri, "from").unwrap_or_default();
        if shared.store().mount(name, &digest, &from) {
            return created(name, &digest);
        }
    }
    let id = shared.store().open_upload(name);
    if let Some(digest) = parameter(&uri, "digest") {
        return complete(shared, name, &id, &digest, request).await;
    }
    progress(StatusCode::ACCEPTED, name, &id, 0)
}

/// Adds a part to an upload. A `Content-Range` has to start where the last part ended.
pub(super) async fn append(
    shared: &Shared,
    name: &str,
    id: &str,
    request: Request<Incoming>,
) -> Answer {
    let start = request
        .headers()
        .get("content-range")
        .and_then(|range| range.to_str().ok())
        .and_then(|range| range.trim_start_matches("bytes ").split('-').next())
        .and_then(|first| first.trim().parse::<usize>().ok());
    let held = match shared.store().uploads.get(id) {
        Some(upload) if upload.repository == name => upload.bytes.len(),
        _ => return unknown_upload(),
    };
    if start.is_some_and(|start| start != held) {
        let message = "the part does not follow the last one";
        return error(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "BLOB_UPLOAD_INVALID",
            message,
        );
    }
    if receive(shared, id, request).await.is_none() {
        return unknown_upload();
    }
    let held = shared
        .store()
        .uploads
        .get(id)
        .map(|upload| upload.bytes.len());
    match held {
        Some(held) => progress(StatusCode::ACCEPTED, name, id, held),
        None => unknown_upload(),
    }
}

pub(super) async fn finish(
    shared: &Shared,
    name: &str,
    id: &str,
    request: Request<Incoming>,
) -> Answer {
    let known = shared
        .store()
        .uploads
        .get(id)
        .is_some_and(|upload| upload.repository == name);
    if !known {
        return unknown_upload();
    }
    let Some(digest) = parameter(request.uri(), "digest") else {
        return invalid_digest("the request names no digest");
    };
    complete(shared, name, id, &digest, request).await
}

/// Takes the last part and closes the upload, whatever comes of it.
async fn complete(
    shared: &Shared,
    name: &str,
    id: &str,
    digest: &str,
    request: Request<Incoming>,
) -> Answer {
    if receive(shared, id, request).await.is_none() {
        return unknown_upload();
    }
    let mut store = shared.store();
    let Some(Upload { bytes, hash, .. }) = store.uploads.remove(id) else {
        return unknown_upload();
    };
    let actual = Digest::from_sha256(&sha2::Digest::finalize(hash));
    if actual.to_string() != digest {
        return invalid_digest("the bytes have another digest");
    }
    store.keep_blob(name, actual.clone(), bytes.into());
    created(name, &actual)
}

/// Reads a body into an upload; none where the upload is gone or the body breaks off.
async fn receive(shared: &Shared, id: &str, request: Request<Incoming>) -> Option<()> {
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        if let Ok(part) = frame.ok()?.into_data() {
            shared.store().uploads.get_mut(id)?.append(&part);
        }
    }
    Some(())
}

pub(super) fn status(store: &Store, name: &str, id: &str) -> Answer {
    match store.uploads.get(id) {
        Some(upload) if upload.repository == name => {
            progress(StatusCode::NO_CONTENT, name, id, upload.bytes.len())
        }
        _ => unknown_upload(),
    }
}

pub(super) fn cancel(store: &mut Store, name: &str, id: &str) -> Answer {
    match store.uploads.get(id) {
        Some(upload) if upload.repository == name => {
            store.uploads.remove(id);
            respond(StatusCode::NO_CONTENT, Bytes::new())
        }
        _ => unknown_upload(),
    }
}

fn created(name: &str, digest: &Digest) -> Answer {
    let answer = respond(StatusCode::CREATED, Bytes::new());
    let answer = with(answer, "location", &format!("/v2/{name}/blobs/{digest}"));
    with(answer, "docker-content-digest", &digest.to_string())
}

fn progress(status: StatusCode, name: &str, id: &str, held: usize) -> Answer {
    let answer = respond(status, Bytes::new());
    let answer = with(
        answer,
        "location",
        &format!("/v2/{name}/blobs/uploads/{id}"),
    );
    let answer = with(answer, "docker-upload-uuid", id);
    with(answer, "range", &format!("0-{}", held.saturating_sub(1)))
}
