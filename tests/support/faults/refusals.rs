//! The faults that the registry behind does not see: requests refused at the door.
//!
//! Faults of answers and bodies are in the file beside this one.

use hyper::Response;

use super::{About, Asked, Body, CUT, Fault, LOG_IN, Shared, about, error, is_body, plain};

/// Answers what the registry behind must not see.
pub(super) fn refusal(shared: &Shared, asked: &Asked) -> Option<Response<Body>> {
    let about = about(&asked.path);
    let reads = matches!(&*asked.method, "GET" | "HEAD")
        && about != About::Session
        && about != About::Other;
    let key = format!("{} {}", asked.method, asked.path);
    for fault in &shared.faults {
        let answer = match fault {
            Fault::BusyRetryAfter if reads && shared.first(key.clone()) => {
                plain(429, &[("retry-after", "1")], "")
            }
            Fault::Busy if reads && shared.first(key.clone()) => plain(429, &[], ""),
            Fault::Down if reads && shared.first(key.clone()) => plain(503, &[], ""),
            Fault::Error if reads && shared.first(key.clone()) => plain(500, &[], ""),
            Fault::BusyManifest
                if asked.method == "PUT"
                    && about == About::Manifest
                    && shared.first(key.clone()) =>
            {
                error(429, "TOOMANYREQUESTS", "slow down")
            }
            Fault::BusyUpload | Fault::DownUpload
                if is_body(asked, about) && shared.first(session(asked)) =>
            {
                plain(
                    if *fault == Fault::BusyUpload {
                        429
                    } else {
                        503
                    },
                    &[],
                    "",
                )
            }
            Fault::DiskFull | Fault::DiskFullOnce
                if asked.method == "PUT"
                    && about == About::Session
                    && (*fault == Fault::DiskFull || shared.first(digest(asked))) =>
            {
                error(500, "UNKNOWN", "write: no space left on device")
            }
            Fault::NoWholePut
                if asked.method == "PUT" && about == About::Session && asked.length > 0 =>
            {
                plain(405, &[], "")
            }
            Fault::PartTooLarge if about == About::Session && asked.length > CUT => {
                plain(413, &[], "")
            }
            Fault::PartTooSmall if about == About::Session && asked.length > 3_000_000 => {
                plain(413, &[], "")
            }
            Fault::PartTooSmall
                if asked.method == "PATCH" && asked.length < 2_000_000 && !is_last(asked) =>
            {
                error(416, "BLOB_UPLOAD_INVALID", "the part is too small")
            }
            Fault::ReadOnly if !matches!(&*asked.method, "GET" | "HEAD") => {
                error(405, "UNSUPPORTED", "the registry is read-only")
            }
            Fault::Immutable if tag_put(asked, about) && !shared.first(key.clone()) => immutable(),
            Fault::MountRefused if asked.path.contains("mount=") => plain(401, &[], ""),
            Fault::NoReferrers | Fault::LyingSubject if about == About::Referrers => {
                error(404, "NOT_FOUND", "no such endpoint")
            }
            Fault::HugeManifest if reads && about == About::Manifest => {
                plain(200, &[("content-type", INDEX)], vec![b' '; (4 << 20) + 1])
            }
            Fault::Schema1 if reads && about == About::Manifest => plain(
                200,
                &[(
                    "content-type",
                    "application/vnd.docker.distribution.manifest.v1+prettyjws",
                )],
                r#"{"schemaVersion":1,"name":"a","tag":"v1","fsLayers":[]}"#,
            ),
            Fault::TagMoves
                if reads
                    && about == About::Manifest
                    && !asked.path.contains("sha256:")
                    && !shared.first(key.clone()) =>
            {
                plain(
                    200,
                    &[("content-type", INDEX)],
                    r#"{"schemaVersion":2,"manifests":[]}"#,
                )
            }
            Fault::TokenExpires => match token(shared, asked) {
                Some(answer) => answer,
                None => continue,
            },
            Fault::LogInMissing if about == About::Blob && asked.method == "GET" => {
                plain(401, &[("www-authenticate", r#"Basic realm="x""#)], "")
            }
            Fault::RealmElsewhere => {
                let challenge = format!(
                    r#"Bearer realm="http://{}/token",service="s""#,
                    shared.stranger
                );
                plain(401, &[("www-authenticate", &challenge)], "")
            }
            Fault::Redirect | Fault::LocationElsewhere | Fault::Ecr
                if asked.authorization.as_deref() != Some(&format!("Basic {LOG_IN}")) =>
            {
                plain(401, &[("www-authenticate", r#"Basic realm="x""#)], "")
            }
            Fault::Redirect if asked.method == "GET" && about == About::Blob => {
                let target = format!("http://{}{}?signature=secret", shared.stranger, asked.path);
                plain(307, &[("location", &target)], "")
            }
            Fault::BlobElsewhere if asked.method == "HEAD" && about == About::Blob => {
                let refused = shared.refused_manifests.lock().expect("no panic");
                if !refused.is_empty() {
                    continue;
                }
                plain(200, &[], "")
            }
            Fault::Ecr
                if about == About::Tags
                    && asked.path.contains("n=")
                    && !asked.path.contains("n=1000") =>
            {
                error(405, "UNSUPPORTED", "n is above 1000")
            }
            Fault::Ecr if about == About::Uploads && !asked.path.starts_with("/v2/known/") => {
                error(
                    404,
                    "NAME_UNKNOWN",
                    "The repository does not exist in the registry",
                )
            }
            Fault::Ecr if tag_put(asked, about) && !shared.first(key.clone()) => immutable(),
            _ => continue,
        };
        return Some(answer);
    }
    None
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn immutable() -> Response<Body> {
    let words = "The image tag already exists in the repository and cannot be overwritten because the repository is immutable.";
    error(400, "TAG_INVALID", words)
}

/// Whether a tag is put that is neither a fallback tag nor a digest.
fn tag_put(asked: &Asked, about: About) -> bool {
    asked.method == "PUT" && about == About::Manifest && !asked.path.contains("sha256")
}

/// Whether a part may be small: it is not the first of several. Where a blob ends is not known here.
fn is_last(asked: &Asked) -> bool {
    let range = asked.content_range.as_deref();
    range.is_none_or(|range| !range.starts_with("0-"))
}

fn session(asked: &Asked) -> String {
    let path = asked.path.split('?').next().unwrap_or_default();
    format!("session {path}")
}

fn digest(asked: &Asked) -> String {
    let query = asked.path.split("digest=").nth(1).unwrap_or_default();
    format!("blob {query}")
}

/// How many requests a token is good for.
const TOKEN_LIFE: u32 = 25;

/// Hands out tokens, and refuses requests with none, an old one or one for less.
fn token(shared: &Shared, asked: &Asked) -> Option<Response<Body>> {
    if asked.path.starts_with("/token") {
        let number = shared.before("token".to_owned());
        let scope = if asked.path.contains("pull%2Cpush") {
            "push"
        } else {
            "pull"
        };
        let body = format!(r#"{{"token":"{scope}-{number}"}}"#);
        return Some(plain(200, &[], body));
    }
    let writes = !matches!(&*asked.method, "GET" | "HEAD");
    let sent = asked.authorization.as_deref().unwrap_or_default();
    let right = sent.starts_with("Bearer push-") || (!writes && sent.starts_with("Bearer pull-"));
    if right && shared.before(sent.to_owned()) < TOKEN_LIFE {
        return None;
    }
    let challenge = format!(r#"Bearer realm="http://{}/token",service="s""#, shared.host);
    Some(plain(401, &[("www-authenticate", &challenge)], ""))
}
