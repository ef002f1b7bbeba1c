//! The faults of what passes: requests cut short on their way in, answers changed on their way out.
//!
//! Requests that are refused never get here.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderMap, HeaderName};
use hyper::{Method, Request, Response, StatusCode};

use super::{About, Asked, Body, CUT, Fault, Shared, about, header, is_body};

/// Passes a request on, and does to request and answer what the faults say.
pub(super) async fn passed(
    shared: &Shared,
    asked: &Asked,
    request: Request<Incoming>,
) -> Result<Response<Body>, io::Error> {
    let about = about(&asked.path);
    let (parts, body) = request.into_parts();
    let large = is_body(asked, about) && asked.length > CUT;
    let cut = (shared.has(Fault::CutUpload)
        || shared.has(Fault::CutUploadOnce) && large && shared.first("cut".to_owned()))
        && large;
    let stall = large && shared.has(Fault::StallUpload) && shared.first("stall".to_owned());
    let short = large
        && shared.has(Fault::ShortPatch)
        && asked.method == "PATCH"
        && shared.first("short".to_owned());
    let mut bytes = received(body, if cut || stall { CUT } else { usize::MAX }).await?;
    if cut || stall {
        forward(
            shared,
            &Method::PATCH,
            &asked.path,
            &HeaderMap::new(),
            bytes,
        )
        .await?;
        if stall {
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
        return Err(io::Error::other("cut"));
    }
    if short {
        bytes.truncate(bytes.len() - 1_000_000);
    }
    let mut path = asked.path.clone();
    if shared.has(Fault::MountIgnored) && path.contains("mount=") {
        path.truncate(path.find('?').unwrap_or(path.len()));
    }
    if shared.has(Fault::Paging) && about == About::Tags {
        path = path.replace("n=1000", "n=2");
    }
    let method = if short {
        Method::PATCH
    } else {
        parts.method.clone()
    };
    let answer = forward(shared, &method, &path, &parts.headers, bytes).await?;
    Ok(changed(shared, asked, about, answer))
}

/// Reads a body, `most` bytes at most.
async fn received(mut body: Incoming, most: usize) -> Result<Bytes, io::Error> {
    let mut bytes = Vec::new();
    while bytes.len() < most
        && let Some(frame) = body.frame().await
    {
        if let Ok(part) = frame.map_err(io::Error::other)?.into_data() {
            bytes.extend_from_slice(&part);
        }
    }
    bytes.truncate(most);
    Ok(bytes.into())
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

async fn forward(
    shared: &Shared,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Answer, io::Error> {
    let url = format!("http://{}{path}", shared.behind);
    let mut request = shared.http.request(method.clone(), url).body(body);
    for (name, value) in headers {
        if !matches!(
            name.as_str(),
            "content-length" | "transfer-encoding" | "connection" | "authorization"
        ) {
            request = request.header(name, value);
        }
    }
    let response = request.send().await.map_err(io::Error::other)?;
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.bytes().await.map_err(io::Error::other)?,
    })
}

/// Changes an answer as the faults say.
fn changed(shared: &Shared, asked: &Asked, about: About, mut answer: Answer) -> Response<Body> {
    let manifest_put = asked.method == "PUT" && about == About::Manifest;
    let manifest_read = asked.method != "PUT" && about == About::Manifest;
    let one_of = |faults: &[Fault]| faults.iter().any(|fault| shared.has(*fault));
    if one_of(&[Fault::Patch201, Fault::Ecr])
        && asked.method == "PATCH"
        && answer.status.is_success()
    {
        answer.status = StatusCode::CREATED;
    }
    if one_of(&[Fault::NoLocation, Fault::Ecr]) && manifest_put {
        answer.headers.remove("location");
    }
    if shared.has(Fault::LyingSubject) && manifest_put {
        let digest = answer.headers.get("docker-content-digest").cloned();
        answer
            .headers
            .extend(digest.map(|digest| (HeaderName::from_static("oci-subject"), digest)));
    }
    if one_of(&[Fault::NoReferrers]) {
        answer.headers.remove("oci-subject");
    }
    if shared.has(Fault::NoDigestHeader) && manifest_read {
        answer.headers.remove("docker-content-digest");
    }
    if shared.has(Fault::WrongDigestHeader) && manifest_read {
        let other = format!("sha256:{}", "0".repeat(64));
        answer
            .headers
            .insert("docker-content-digest", other.parse().expect("a value"));
    }
    if shared.has(Fault::BlobElsewhere) && manifest_put && !answer.status.is_success() {
        shared
            .refused_manifests
            .lock()
            .expect("no panic")
            .insert(asked.path.clone());
    }
    if shared.has(Fault::PartTooSmall) && about == About::Uploads {
        answer
            .headers
            .insert("oci-chunk-min-length", "2000000".parse().expect("a value"));
    }
    if shared.has(Fault::LocationElsewhere)
        && about == About::Uploads
        && let Some(location) = header(&answer.headers, "location")
    {
        let path = location.split_once("/v2/").map_or("", |(_, rest)| rest);
        let target = format!("http://{}/v2/{path}", shared.stranger);
        answer
            .headers
            .insert("location", target.parse().expect("a value"));
    }
    let read = asked.method == "GET" && about == About::Blob && answer.status.is_success();
    with_body(shared, asked, read, answer)
}

/// Gives an answer its body, cut, changed or slowed down where it is a blob that is read.
fn with_body(shared: &Shared, asked: &Asked, read: bool, answer: Answer) -> Response<Body> {
    let Answer {
        status,
        mut headers,
        body,
    } = answer;
    headers.remove("connection");
    headers.remove("transfer-encoding");
    let large = read && body.len() > CUT;
    let path = asked.path.clone();
    let body: Body = if large
        && (shared.has(Fault::CutAlways)
            || shared.has(Fault::CutOnce) && shared.first(path.clone()))
    {
        let items = [
            Ok(Frame::data(body.slice(..CUT))),
            Err(io::Error::other("cut")),
        ];
        http_body_util::BodyExt::boxed(StreamBody::new(stream::iter(items)))
    } else if large && shared.has(Fault::StallReading) && shared.first(path) {
        let first = stream::iter([Ok(Frame::data(body.slice(..CUT)))]);
        http_body_util::BodyExt::boxed(StreamBody::new(first.chain(stream::pending())))
    } else if read && shared.has(Fault::Trickle) {
        let pieces: Vec<Bytes> = body.chunks(100_000).map(Bytes::copy_from_slice).collect();
        let slow = stream::iter(pieces).then(|piece| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(Frame::data(piece))
        });
        http_body_util::BodyExt::boxed(StreamBody::new(slow))
    } else {
        let mut bytes = body.to_vec();
        if large && shared.has(Fault::BitFlipped) {
            bytes[50_000] ^= 1;
        }
        Full::new(Bytes::from(bytes))
            .map_err(|never: Infallible| match never {})
            .boxed()
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
