//! The double's registry: log-ins, permissions, immutable tags and the order of parts, before a plain store.
//!
//! What the store itself refuses (digests, manifests without their layers) is left to it.

use base64::Engine as _;
use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::json;

use super::{ACCOUNT, Answer, HOST, LAYERS, Settings, Shared, answer};

/// The least bytes of any part of a layer but its last.
const LEAST_PART: u64 = 5 << 20;

/// Answers one request.
pub(super) async fn serve(shared: &Shared, parts: Parts, body: Bytes) -> Answer {
    let name = format!("{} {}", parts.method, parts.uri.path());
    let given = match judge(shared, &parts, &body) {
        Some(refused) => refused,
        None => pass(shared, &parts, body).await,
    };
    shared.state().log.push((name, given.status().as_u16()));
    given
}

/// Returns the refusal of a request that the store is not asked about.
fn judge(shared: &Shared, parts: &Parts, body: &Bytes) -> Option<Answer> {
    if let Some(refused) = log_in(shared, parts) {
        return Some(refused);
    }
    let path = parts.uri.path();
    let refused = |status: u16, code: &str, message: String| Some(refusal(status, code, &message));
    if path == "/v2/" {
        return None;
    }
    let Some((name, action)) = action(&parts.method, path) else {
        return refused(405, "UNSUPPORTED", "this is not offered".to_owned());
    };
    if let Some(denial) = shared.denial(action, &name) {
        return refused(403, "DENIED", denial);
    }
    let Some(settings) = shared.state().repositories.get(&name).cloned() else {
        return refused(
            404,
            "NAME_UNKNOWN",
            format!(
                "The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"
            ),
        );
    };
    if path.ends_with("/tags/list") {
        let query = parts.uri.query().unwrap_or_default();
        let count = query.split('&').find_map(|pair| pair.strip_prefix("n="));
        if count
            .and_then(|count| count.parse().ok())
            .is_some_and(|count: u32| count > 1000)
        {
            return refused(400, "UNSUPPORTED", "n is larger than 1000".to_owned());
        }
    }
    if action == "PutImage" {
        let tag = path.rsplit('/').next().unwrap_or_default();
        let exists = !tag.contains(':') && shared.store.manifest(&name, tag).is_some();
        // The very same image is refused as well.
        if exists && is_immutable(&settings, tag) {
            return refused(
                400,
                "TAG_INVALID",
                format!(
                    "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the tag is immutable."
                ),
            );
        }
    }
    if parts.method == Method::PATCH {
        let mut state = shared.state();
        let sizes = state.uploads.entry(path.to_owned()).or_default();
        let sent: u64 = sizes.iter().sum();
        let range = parts
            .headers
            .get("content-range")
            .and_then(|range| range.to_str().ok());
        let start = range.and_then(|range| {
            range
                .trim_start_matches("bytes ")
                .split('-')
                .next()?
                .parse()
                .ok()
        });
        if start.is_some_and(|start: u64| start != sent) {
            return refused(
                416,
                "BLOB_UPLOAD_INVALID",
                "the part does not follow the last one".to_owned(),
            );
        }
        if sizes.last().is_some_and(|size| *size < LEAST_PART) {
            return refused(
                400,
                "SIZE_INVALID",
                "a part but the last is smaller than 5 MiB".to_owned(),
            );
        }
        sizes.push(body.len() as u64);
    }
    None
}

fn is_immutable(settings: &Settings, tag: &str) -> bool {
    match settings.mutability.as_str() {
        "IMMUTABLE" => true,
        "IMMUTABLE_WITH_EXCLUSION" => !settings
            .excluded
            .iter()
            .any(|start| tag.starts_with(start.as_str())),
        _ => false,
    }
}

fn log_in(shared: &Shared, parts: &Parts) -> Option<Answer> {
    let header = parts
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let Some(header) = header else {
        let mut answer = refusal(401, "UNAUTHORIZED", "no basic auth credentials");
        let challenge = format!("Basic realm=\"https://{HOST}/\",service=\"ecr.amazonaws.com\"");
        let challenge = challenge.parse().expect("a header can carry it");
        answer.headers_mut().insert("www-authenticate", challenge);
        return Some(answer);
    };
    let pair = header
        .strip_prefix("Basic ")
        .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let password = pair
        .as_ref()
        .and_then(|pair| pair.strip_prefix("AWS:"))
        .unwrap_or_default();
    let mut state = shared.state();
    if let Some(left) = &mut state.ends_after {
        if *left == 0 {
            state.ends_after = None;
            state
                .passwords
                .values_mut()
                .for_each(|holds| *holds = false);
        } else {
            *left -= 1;
        }
    }
    match state.passwords.get(password) {
        Some(true) => None,
        Some(false) => Some(refusal(
            403,
            "DENIED",
            "Your authorization token has expired. Reauthenticate and try again.",
        )),
        None => Some(refusal(
            400,
            "DENIED",
            "Your Authorization Token is invalid.",
        )),
    }
}

/// Returns the repository and the permission that a request needs.
fn action(method: &Method, path: &str) -> Option<(String, &'static str)> {
    let rest = path.strip_prefix("/v2/")?;
    let named = |end: &str| {
        rest.rfind(end)
            .and_then(|at| rest.get(..at))
            .map(str::to_owned)
    };
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if rest.ends_with("/tags/list") && reads {
        return Some((named("/tags/list")?, "ListImages"));
    }
    if rest.contains("/blobs/uploads") {
        let action = match *method {
            Method::POST => "InitiateLayerUpload",
            Method::PATCH => "UploadLayerPart",
            Method::PUT => "CompleteLayerUpload",
            _ => return None,
        };
        return Some((named("/blobs/uploads")?, action));
    }
    if let Some(name) = named("/blobs/") {
        let action = match *method {
            Method::HEAD => "BatchCheckLayerAvailability",
            Method::GET => "GetDownloadUrlForLayer",
            _ => return None,
        };
        return Some((name, action));
    }
    if let Some(name) = named("/manifests/") {
        let action = match *method {
            Method::GET | Method::HEAD => "BatchGetImage",
            Method::PUT => "PutImage",
            _ => return None,
        };
        return Some((name, action));
    }
    let name = named("/referrers/").filter(|_| reads)?;
    Some((name, "BatchGetImage"))
}

/// Hands a request on to the store, and changes of its answer what ECR answers otherwise.
async fn pass(shared: &Shared, parts: &Parts, body: Bytes) -> Answer {
    let path = parts.uri.path();
    // Mounting is an option of the account, and off: an upload is opened instead.
    let query = parts.uri.query().filter(|query| !query.contains("mount="));
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    let is_blob = path.contains("/blobs/sha256:");
    if parts.method == Method::GET && is_blob {
        let place = format!("https://{LAYERS}{path}?X-Amz-Signature=secret");
        let mut answer = answer(StatusCode::TEMPORARY_REDIRECT, "text/plain", "");
        answer
            .headers_mut()
            .insert("location", place.parse().expect("an address"));
        return answer;
    }
    let url = format!("http://{}{path}{query}", shared.store.host());
    let mut request = shared.client.request(parts.method.clone(), url).body(body);
    for (name, value) in &parts.headers {
        if !["host", "authorization", "content-length"].contains(&name.as_str()) {
            request = request.header(name, value);
        }
    }
    let given = request.send().await.expect("the store answers");
    let (status, headers) = (given.status(), given.headers().clone());
    let body = given.bytes().await.expect("the store answers whole");
    let mut passed = answer(status, "text/plain", body);
    *passed.headers_mut() = headers;
    if parts.method == Method::PATCH && status == StatusCode::ACCEPTED {
        *passed.status_mut() = StatusCode::CREATED;
    }
    if parts.method == Method::PUT && path.contains("/manifests/") {
        passed.headers_mut().remove("location");
    }
    passed
}

/// The store of layers on a host of its own: an address with a signature, and no log-in beside it.
pub(super) fn layer(shared: &Shared, parts: &Parts) -> Answer {
    let is_signed = parts.uri.query() == Some("X-Amz-Signature=secret");
    if !is_signed || parts.headers.contains_key("authorization") {
        let text = "Only one auth mechanism allowed";
        return answer(StatusCode::BAD_REQUEST, "application/xml", text);
    }
    let found = parts.uri.path().strip_prefix("/v2/").and_then(|rest| {
        let (name, digest) = rest.split_once("/blobs/")?;
        shared.store.blob(name, &digest.parse().ok()?)
    });
    match found {
        Some(bytes) => answer(StatusCode::OK, "application/octet-stream", bytes),
        None => answer(StatusCode::NOT_FOUND, "application/xml", ""),
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({"errors": [{"code": code, "message": message}]});
    let status = StatusCode::from_u16(status).expect("a status");
    answer(status, "application/json; charset=utf-8", body.to_string())
}
