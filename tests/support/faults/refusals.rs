//! The faults that the registry behind does not see: requests refused at the door.
//!
//! Faults of answers and bodies are in the file beside this one.

use hyper::Response;

use super::{About, Asked, Body, CUT, Fault, LOG_IN, Shared, about, error, is_body, plain};

/// Answers what the registry behind must not see.
pub(super) fn refusal(shared: &Shared, asked: &Asked) -> Option<Response<Body>> {
    let request = Refused {
        shared,
        asked,
        about: about(&asked.path),
        key: format!("{} {}", asked.method, asked.path),
    };
    shared.faults.iter().find_map(|fault| {
        request
            .busy(*fault)
            .or_else(|| request.writes(*fault))
            .or_else(|| request.manifests(*fault))
            .or_else(|| request.access(*fault))
    })
}

/// A request at the door.
struct Refused<'a> {
    shared: &'a Shared,
    asked: &'a Asked,
    about: About,
    key: String,
}

impl Refused<'_> {
    fn reads(&self) -> bool {
        let other = matches!(self.about, About::Session | About::Other);
        matches!(&*self.asked.method, "GET" | "HEAD") && !other
    }

    fn is_first(&self) -> bool {
        self.shared.first(self.key.clone())
    }

    fn puts(&self, about: About) -> bool {
        self.asked.method == "PUT" && self.about == about
    }

    /// Answers that pass with time.
    fn busy(&self, fault: Fault) -> Option<Response<Body>> {
        let (asked, about) = (self.asked, self.about);
        let first_bytes = || is_body(asked, about) && self.shared.first(session(asked));
        let first_read = || self.reads() && self.is_first();
        let full = || error(500, "UNKNOWN", "write: no space left on device");
        Some(match fault {
            Fault::BusyRetryAfter if first_read() => plain(429, &[("retry-after", "1")], ""),
            Fault::Busy if first_read() => plain(429, &[], ""),
            Fault::Down if first_read() => plain(503, &[], ""),
            Fault::Error if first_read() => plain(500, &[], ""),
            Fault::BusyManifest if self.puts(About::Manifest) && self.is_first() => {
                error(429, "TOOMANYREQUESTS", "slow down")
            }
            Fault::BusyUpload if first_bytes() => plain(429, &[], ""),
            Fault::DownUpload if first_bytes() => plain(503, &[], ""),
            Fault::DiskFull if self.puts(About::Session) => full(),
            Fault::DiskFullOnce
                if self.puts(About::Session) && self.shared.first(digest(asked)) =>
            {
                full()
            }
            _ => return None,
        })
    }

    /// Blobs and tags that are not taken as they are sent.
    fn writes(&self, fault: Fault) -> Option<Response<Body>> {
        let (asked, about) = (self.asked, self.about);
        let session = about == About::Session;
        Some(match fault {
            Fault::NoWholePut if self.puts(About::Session) && asked.length > 0 => {
                plain(405, &[], "")
            }
            Fault::PartTooLarge if session && asked.length > CUT => plain(413, &[], ""),
            Fault::PartTooSmall if session && asked.length > 3_000_000 => plain(413, &[], ""),
            Fault::PartTooSmall
                if asked.method == "PATCH" && asked.length < 2_000_000 && !is_last(asked) =>
            {
                error(416, "BLOB_UPLOAD_INVALID", "the part is too small")
            }
            Fault::ReadOnly if !matches!(&*asked.method, "GET" | "HEAD") => {
                error(405, "UNSUPPORTED", "the registry is read-only")
            }
            Fault::Immutable | Fault::Ecr if tag_put(asked, about) && !self.is_first() => {
                immutable()
            }
            Fault::MountRefused if asked.path.contains("mount=") => plain(401, &[], ""),
            Fault::BlobElsewhere if asked.method == "HEAD" && about == About::Blob => {
                let refused = self.shared.refused_manifests.lock().expect("no panic");
                if !refused.is_empty() {
                    return None;
                }
                plain(200, &[], "")
            }
            _ => return None,
        })
    }

    /// Manifests and lists that are not what they should be.
    fn manifests(&self, fault: Fault) -> Option<Response<Body>> {
        let manifest = self.reads() && self.about == About::Manifest;
        let schema_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        let by_tag = !self.asked.path.contains("sha256:");
        Some(match fault {
            Fault::NoReferrers | Fault::LyingSubject if self.about == About::Referrers => {
                error(404, "NOT_FOUND", "no such endpoint")
            }
            Fault::HugeManifest if manifest => {
                plain(200, &[("content-type", INDEX)], vec![b' '; (4 << 20) + 1])
            }
            Fault::Schema1 if manifest => plain(
                200,
                &[("content-type", schema_1)],
                r#"{"schemaVersion":1,"name":"a","tag":"v1","fsLayers":[]}"#,
            ),
            Fault::TagMoves if manifest && by_tag && !self.is_first() => plain(
                200,
                &[("content-type", INDEX)],
                r#"{"schemaVersion":2,"manifests":[]}"#,
            ),
            _ => return None,
        })
    }

    /// Log-ins that are asked for, here or elsewhere, and what is refused for want of one.
    fn access(&self, fault: Fault) -> Option<Response<Body>> {
        let (shared, asked, about) = (self.shared, self.asked, self.about);
        let basic = || plain(401, &[("www-authenticate", r#"Basic realm="x""#)], "");
        let known = asked.authorization.as_deref() == Some(&format!("Basic {LOG_IN}"));
        Some(match fault {
            Fault::TokenExpires => return token(shared, asked),
            Fault::LogInMissing if about == About::Blob && asked.method == "GET" => basic(),
            Fault::RealmElsewhere => {
                let realm = format!("http://{}/token", shared.stranger);
                let challenge = format!(r#"Bearer realm="{realm}",service="s""#);
                plain(401, &[("www-authenticate", &challenge)], "")
            }
            Fault::Redirect | Fault::LocationElsewhere | Fault::Ecr if !known => basic(),
            Fault::Redirect if asked.method == "GET" && about == About::Blob => {
                let target = format!("http://{}{}?signature=secret", shared.stranger, asked.path);
                plain(307, &[("location", &target)], "")
            }
            Fault::Ecr if about == About::Tags && !asked.path.contains("n=1000") => {
                error(405, "UNSUPPORTED", "n is above 1000")
            }
            Fault::Ecr if about == About::Uploads && !asked.path.starts_with("/v2/known/") => {
                let words = "The repository does not exist in the registry";
                error(404, "NAME_UNKNOWN", words)
            }
            _ => return None,
        })
    }
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
