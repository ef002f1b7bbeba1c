//! The distribution API as typed calls: manifests, tags, and whether a blob is there.
//!
//! Blobs are moved by `upload` and `stream`; this file holds nothing larger than a manifest.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LINK};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use super::MANIFEST_LIMIT;
use super::address::{endpoint, is_own};
use super::auth::Access;
use super::connection::{ClientOptions, read_capped};
use super::error::{RegistryError, foreign};
use super::pace::Retries;
use super::sessions::OpenSessions;
use super::transport::{Call, Transport, failure};
use crate::model::oci::{Descriptor, RawManifest, media_type};
use crate::model::{Algorithm, Digest, Repository};

/// Pages of a tag list that are read.
const TAG_PAGES: usize = 100;

/// Every manifest type that is read: a registry that is not told them converts or hides images.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, \
application/vnd.oci.image.index.v1+json, \
application/vnd.docker.distribution.manifest.v2+json, \
application/vnd.docker.distribution.manifest.list.v2+json, */*;q=0.1";

/// A client for every registry; cheap to clone. Clones share connections and log-ins.
#[derive(Clone)]
pub struct Client {
    pub(super) transport: Arc<Transport>,
    pub(super) retries: Arc<Retries>,
    /// The upload sessions opened by this value and its clones.
    pub(super) open: Arc<OpenSessions>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// Prepares a client; nothing is sent.
    ///
    /// # Errors
    /// When the certificate file cannot be read.
    pub fn new(options: &ClientOptions) -> Result<Self, RegistryError> {
        Ok(Self {
            transport: Arc::new(Transport::new(options)?),
            retries: Arc::default(),
            open: Arc::default(),
        })
    }

    /// Returns a clone that counts its retries in `retries`.
    pub(super) fn counting(&self, retries: &Arc<Retries>) -> Self {
        Self {
            retries: retries.clone(),
            ..self.clone()
        }
    }

    /// Returns a clone whose upload sessions are its own.
    pub(super) fn apart(&self) -> Self {
        Self {
            open: Arc::default(),
            ..self.clone()
        }
    }

    /// Closes the upload sessions that this value and its clones left open, as far as that goes
    /// quickly: for work that was given up in the middle.
    pub async fn close_uploads(&self) {
        self.open.close(&self.transport).await;
    }

    /// The longest silence of a connection.
    pub(super) fn stall(&self) -> Duration {
        self.transport.connections.stall
    }

    /// Where the Docker daemon listens, as the settings say it.
    pub(super) fn docker_host(&self) -> Option<&str> {
        self.transport.connections.docker_host.as_deref()
    }

    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Response, RegistryError> {
        self.transport.send(call, &self.retries).await
    }

    pub(super) async fn failure(&self, response: Response, call: &Call<'_>) -> RegistryError {
        failure(response, call, self.stall()).await
    }

    /// Returns what a tag or digest names, without reading it; none where it does not exist.
    ///
    /// # Errors
    /// When the registry refuses, does not answer, or answers with another digest.
    pub async fn head_manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<Descriptor>, RegistryError> {
        let call = manifest_call(repository, reference, Method::HEAD, Access::Pull)?;
        let response = self.send(&call).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.failure(response, &call).await),
        }
        let headers = response.headers();
        let number = |name| header(headers, name).and_then(|text| text.parse::<u64>().ok());
        let digest = header(headers, "docker-content-digest").and_then(|text| text.parse().ok());
        let (Some(digest), Some(size)) = (digest, number(CONTENT_LENGTH.as_str())) else {
            // Some registries leave the headers out: read the manifest and hash it.
            let found = self.find_manifest(repository, reference).await?;
            return Ok(found.map(|manifest| manifest.descriptor()));
        };
        if let Ok(asked) = reference.parse::<Digest>() {
            same_digest(&call.what, &asked, &digest)?;
        }
        let media_type = content_type(headers);
        Ok(Some(Descriptor {
            media_type,
            ..plain_descriptor(digest, size)
        }))
    }

    /// Reads a manifest or index: its bytes as they are, hashed and checked.
    ///
    /// # Errors
    /// When it does not exist, is larger than [`MANIFEST_LIMIT`], differs from the digest asked
    /// for or promised, or the registry refuses or does not answer.
    pub async fn manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<RawManifest, RegistryError> {
        let call = manifest_call(repository, reference, Method::GET, Access::Pull)?;
        let response = self.send(&call).await?;
        if response.status() != StatusCode::OK {
            return Err(self.failure(response, &call).await);
        }
        let media_type = content_type(response.headers());
        let promised: Option<Digest> =
            header(response.headers(), "docker-content-digest").and_then(|text| text.parse().ok());
        let bytes = read_capped(response, MANIFEST_LIMIT, &call.what, self.stall()).await?;
        let manifest = RawManifest::new(bytes.clone(), or_own_type(media_type, &bytes));
        if let Ok(asked) = reference.parse::<Digest>() {
            same_digest(&call.what, &asked, &manifest.digest)?;
        } else if let Some(promised) =
            promised.filter(|promised| promised.algorithm() == Algorithm::Sha256)
        {
            same_digest(&call.what, &promised, &manifest.digest)?;
        }
        Ok(manifest)
    }

    /// Like [`Client::manifest`]; none where it does not exist.
    ///
    /// # Errors
    /// As [`Client::manifest`], other than for absence.
    pub async fn find_manifest(
        &self,
        repository: &Repository,
        reference: &str,
    ) -> Result<Option<RawManifest>, RegistryError> {
        match self.manifest(repository, reference).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(RegistryError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores a manifest under a tag or under its digest, byte for byte.
    ///
    /// # Errors
    /// When the registry refuses (a tag that may not move is [`RegistryError::Immutable`]), does
    /// not answer, or says that it stored something else.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        reference: &str,
        manifest: &RawManifest,
    ) -> Result<(), RegistryError> {
        let mut call = manifest_call(repository, reference, Method::PUT, Access::Push)?;
        if let Ok(named) = reference.parse::<Digest>() {
            same_digest(&call.what, &named, &manifest.digest)?;
        }
        let kind = HeaderValue::from_str(&manifest.media_type).map_err(|error| {
            RegistryError::Unsupported {
                what: format!("the media type `{}`", foreign(&manifest.media_type)),
                detail: error.to_string(),
            }
        })?;
        call.headers.insert(CONTENT_TYPE, kind);
        call.body = Some(manifest.bytes.clone());
        let response = self.send(&call).await?;
        if !response.status().is_success() {
            return Err(self.failure(response, &call).await);
        }
        let stored: Option<Digest> =
            header(response.headers(), "docker-content-digest").and_then(|text| text.parse().ok());
        match stored.filter(|stored| stored.algorithm() == Algorithm::Sha256) {
            Some(stored) => same_digest(&call.what, &manifest.digest, &stored),
            None => Ok(()),
        }
    }

    /// Returns whether a repository has a blob.
    ///
    /// # Errors
    /// When the registry refuses or does not answer.
    pub async fn has_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        let call = Call {
            repository,
            access: Access::Pull,
            method: Method::HEAD,
            url: endpoint(repository, &format!("/blobs/{digest}"))?,
            headers: HeaderMap::new(),
            body: None,
            what: format!("blob {repository}@{digest}"),
        };
        let response = self.send(&call).await?;
        match response.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.failure(response, &call).await),
        }
    }

    /// Lists the tags of a repository, in the registry's order; empty where it has none.
    ///
    /// # Errors
    /// When the repository does not exist, or the registry refuses or does not answer.
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<String>, RegistryError> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default)]
            tags: Option<Vec<String>>,
        }
        let mut tags = Vec::new();
        let mut url = endpoint(repository, "/tags/list?n=1000")?;
        let mut seen = vec![url.clone()];
        for _page in 0..TAG_PAGES {
            let call = Call {
                repository,
                access: Access::Pull,
                method: Method::GET,
                url,
                headers: HeaderMap::new(),
                body: None,
                what: format!("tags of {repository}"),
            };
            let response = self.send(&call).await?;
            if response.status() != StatusCode::OK {
                return Err(self.failure(response, &call).await);
            }
            let next = next_page(&response, repository);
            let body = read_capped(response, MANIFEST_LIMIT, &call.what, self.stall()).await?;
            let page: Page =
                serde_json::from_slice(&body).map_err(|error| RegistryError::Unexpected {
                    what: call.what.clone(),
                    detail: foreign(&error.to_string()),
                })?;
            tags.extend(page.tags.unwrap_or_default());
            match next.filter(|next| !seen.contains(next)) {
                Some(next) => {
                    seen.push(next.clone());
                    url = next;
                }
                None => break,
            }
        }
        Ok(tags)
    }
}

/// Returns the address of the next page (RFC 8288 `Link`), where it is on the registry itself.
pub(super) fn next_page(response: &Response, repository: &Repository) -> Option<Url> {
    let links = response.headers().get_all(LINK);
    links
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(|value| {
            let (target, parameters) = value.trim().strip_prefix('<')?.split_once('>')?;
            let next = parameters.contains("rel=\"next\"") || parameters.contains("rel=next");
            let url = response.url().join(target).ok()?;
            (next && is_own(&url, repository)).then_some(url)
        })
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Returns the media type of an answer, without parameters.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let text = header(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    text.split(';').next().unwrap_or(text).trim().to_owned()
}

/// Returns the media type of a manifest: where an answer names none, the document's own.
fn or_own_type(served: String, bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: String,
    }
    if !served.is_empty() {
        return served;
    }
    serde_json::from_slice::<Typed>(bytes).map_or(served, |typed| typed.media_type)
}

/// Returns a descriptor of bytes without a meaning of their own.
pub(super) fn plain_descriptor(digest: Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: "application/octet-stream".to_owned(),
        digest,
        size,
        platform: None,
        artifact_type: None,
        urls: Vec::new(),
        annotations: std::collections::BTreeMap::new(),
    }
}

/// Checks that two digests are the same one.
fn same_digest(what: &str, expected: &Digest, actual: &Digest) -> Result<(), RegistryError> {
    if expected == actual {
        return Ok(());
    }
    if expected.algorithm() != Algorithm::Sha256 {
        return Err(unsupported_algorithm(what, expected));
    }
    Err(RegistryError::Mismatch {
        what: what.to_owned(),
        expected: expected.to_string(),
        actual: actual.to_string(),
    })
}

/// The refusal of a digest that this program cannot check.
pub(super) fn unsupported_algorithm(what: &str, digest: &Digest) -> RegistryError {
    RegistryError::Unsupported {
        what: what.to_owned(),
        detail: format!(
            "only sha256 digests are checked, this one is {}",
            digest.algorithm().as_str()
        ),
    }
}

fn manifest_call<'a>(
    repository: &'a Repository,
    reference: &str,
    method: Method,
    access: Access,
) -> Result<Call<'a>, RegistryError> {
    let by_digest = reference.parse::<Digest>().is_ok();
    if !by_digest && !is_tag(reference) {
        return Err(RegistryError::Unsupported {
            what: format!("`{}`", foreign(reference)),
            detail: "neither a tag nor a digest".to_owned(),
        });
    }
    let mut headers = HeaderMap::new();
    if method != Method::PUT {
        headers.insert(ACCEPT, HeaderValue::from_static(MANIFEST_TYPES));
    }
    let separator = if by_digest { '@' } else { ':' };
    Ok(Call {
        repository,
        access,
        url: endpoint(repository, &format!("/manifests/{reference}"))?,
        method,
        headers,
        body: None,
        what: format!("manifest {repository}{separator}{reference}"),
    })
}

/// Returns whether a text is a tag (distribution specification, "Pulling manifests").
fn is_tag(text: &str) -> bool {
    let first = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.len() <= 128
        && text.as_bytes().first().is_some_and(first)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// Returns whether an answer is an index document by its media type.
pub(super) fn is_index_answer(headers: &HeaderMap) -> bool {
    content_type(headers) == media_type::OCI_INDEX
}
