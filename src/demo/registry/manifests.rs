//! The loopback registry's endpoints for manifests, tags and referrers.
//!
//! Blobs and uploads have their own file.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::{Request, StatusCode, Uri};
use serde_json::json;

use super::store::Store;
use super::{Answer, Shared, error, parameter, respond, with};
use crate::model::Digest;
use crate::model::oci::{ManifestKind, RawManifest, media_type};

/// The most bytes of a manifest.
const LIMIT: usize = 4 << 20;

/// The answer to GET and HEAD; the server leaves the body of the latter out.
pub(super) fn get(store: &Store, name: &str, reference: &str) -> Answer {
    let Some((digest, manifest)) = store.manifest(name, reference) else {
        return unknown();
    };
    let answer = respond(StatusCode::OK, manifest.bytes.clone());
    let answer = with(answer, "content-type", &manifest.media_type);
    with(answer, "docker-content-digest", &digest.to_string())
}

fn unknown() -> Answer {
    let message = "the manifest does not exist";
    error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", message)
}

pub(super) async fn put(
    shared: &Shared,
    name: &str,
    reference: &str,
    request: Request<Incoming>,
) -> Answer {
    let kind = request.headers().get("content-type");
    let kind = kind.and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let body = match Limited::new(request.into_body(), LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_large) => {
            let message = "the manifest is too large or incomplete";
            return error(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message);
        }
    };
    let Some(kind) = kind else {
        let message = "the request names no media type";
        return error(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", message);
    };
    let manifest = RawManifest::new(body, kind);
    let parsed = match manifest.parse() {
        Ok(parsed) => parsed,
        Err(wrong) => {
            return error(
                StatusCode::BAD_REQUEST,
                "MANIFEST_INVALID",
                &wrong.to_string(),
            );
        }
    };
    let named = reference.parse::<Digest>().ok();
    if named
        .as_ref()
        .is_some_and(|named| *named != manifest.digest)
    {
        let message = "the bytes have another digest";
        return error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message);
    }
    let mut store = shared.store();
    if let Some(missing) = store.missing(name, &manifest) {
        let message = format!("{missing} is not in this repository");
        return error(StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN", &message);
    }
    let tag = named.is_none().then_some(reference);
    let moves = store
        .manifest(name, reference)
        .is_some_and(|(digest, _)| digest != manifest.digest);
    if shared.options.immutable_tags && moves {
        let message = "the tag is immutable";
        return error(StatusCode::BAD_REQUEST, "TAG_INVALID", message);
    }
    let digest = store.add_manifest(name, tag, &manifest.media_type, manifest.bytes);
    let answer = respond(StatusCode::CREATED, Bytes::new());
    let answer = with(
        answer,
        "location",
        &format!("/v2/{name}/manifests/{digest}"),
    );
    let answer = with(answer, "docker-content-digest", &digest.to_string());
    let subject = match parsed {
        ManifestKind::Manifest(document) => document.subject,
        ManifestKind::Index(document) => document.subject,
    };
    match subject {
        Some(subject) if shared.options.referrers => {
            with(answer, "oci-subject", &subject.digest.to_string())
        }
        _ => answer,
    }
}

pub(super) fn delete(store: &mut Store, name: &str, reference: &str) -> Answer {
    if store.remove_manifest(name, reference) {
        respond(StatusCode::ACCEPTED, Bytes::new())
    } else {
        unknown()
    }
}

/// The list of tags, in parts of `n` after `last`.
pub(super) fn tags(store: &Store, name: &str, uri: &Uri) -> Answer {
    if !store.knows(name) {
        let message = "the repository does not exist";
        return error(StatusCode::NOT_FOUND, "NAME_UNKNOWN", message);
    }
    let last = parameter(uri, "last").unwrap_or_default();
    let count = parameter(uri, "n").and_then(|n| n.parse::<usize>().ok());
    let mut rest = store
        .tags(name)
        .into_iter()
        .map(|(tag, _)| tag)
        .filter(|tag| *tag > last)
        .collect::<Vec<_>>();
    let mut link = None;
    if let Some(count) = count.filter(|count| *count < rest.len()) {
        rest.truncate(count);
        let last = rest.last().map_or("", String::as_str);
        link = Some(format!(
            "</v2/{name}/tags/list?n={count}&last={last}>; rel=\"next\""
        ));
    }
    let body = json!({"name": name, "tags": rest}).to_string();
    let answer = with(
        respond(StatusCode::OK, body),
        "content-type",
        "application/json",
    );
    match link {
        Some(link) => with(answer, "link", &link),
        None => answer,
    }
}

pub(super) fn referrers(store: &Store, name: &str, digest: &str, uri: &Uri) -> Answer {
    let Ok(digest) = digest.parse::<Digest>() else {
        let message = "not a digest";
        return error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message);
    };
    let mut found = store.referrers(name, &digest);
    let wanted = parameter(uri, "artifactType");
    if let Some(wanted) = &wanted {
        found.retain(|entry| entry.artifact_type.as_ref() == Some(wanted));
    }
    let body = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": found,
    });
    let answer = respond(StatusCode::OK, body.to_string());
    let answer = with(answer, "content-type", media_type::OCI_INDEX);
    match wanted {
        Some(_) => with(answer, "oci-filters-applied", "artifactType"),
        None => answer,
    }
}
