//! Blobs as streams: downloads that resume, and the check that holds back the last bytes until
//! the digest is proven.
//!
//! Nothing here knows where the bytes go.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _, unfold};
use reqwest::header::{CONTENT_RANGE, HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::address::endpoint;
use super::auth::Access;
use super::client::{Client, header, unsupported_algorithm};
use super::connection::silence;
use super::error::{RegistryError, chain};
use super::pace::Tries;
use super::transport::Call;
use crate::model::oci::Descriptor;
use crate::model::{Algorithm, Digest, Repository};

/// Bytes of a blob, in order.
pub(super) type Bytestream = BoxStream<'static, Result<Bytes, RegistryError>>;

/// A download that goes on where it broke off.
struct Download {
    client: Client,
    repository: Repository,
    descriptor: Descriptor,
    response: Option<Response>,
    /// Bytes given out so far.
    offset: u64,
    /// Bytes of the present answer that were given out before: the registry ignored the range.
    skip: u64,
    /// Tries since the last byte.
    tries: Tries,
    finished: bool,
}

/// Returns the bytes of a registry's blob from one on. A connection that breaks is opened again
/// from the first byte that is missing; the bytes are not checked here, see [`verified`].
pub(super) fn download(
    client: Client,
    repository: Repository,
    descriptor: Descriptor,
    from: u64,
) -> Bytestream {
    let download = Download {
        tries: client.transport.tries(),
        client,
        repository,
        descriptor,
        response: None,
        offset: from,
        skip: 0,
        finished: false,
    };
    unfold(download, |mut download| async move {
        if download.finished {
            return None;
        }
        match download.next().await {
            Ok(Some(bytes)) => Some((Ok(bytes), download)),
            Ok(None) => None,
            Err(error) => {
                download.finished = true;
                Some((Err(error), download))
            }
        }
    })
    .boxed()
}

impl Download {
    fn what(&self) -> String {
        format!("blob {}@{}", self.repository, self.descriptor.digest)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, RegistryError> {
        loop {
            if self.offset > 0 && self.offset >= self.descriptor.size && self.response.is_none() {
                return Ok(None);
            }
            let mut response = match self.response.take() {
                Some(response) => response,
                None => self.open().await?,
            };
            let stall = self.client.stall();
            let broken = match timeout(stall, response.chunk()).await {
                Ok(Ok(Some(mut bytes))) => {
                    self.response = Some(response);
                    let skipped = self.skip.min(bytes.len() as u64);
                    self.skip -= skipped;
                    let bytes = bytes.split_off(usize::try_from(skipped).unwrap_or(usize::MAX));
                    if bytes.is_empty() {
                        continue;
                    }
                    self.offset += bytes.len() as u64;
                    self.tries.progress();
                    return Ok(Some(bytes));
                }
                // Whatever the connection does after the last byte is of no interest.
                _ if self.offset >= self.descriptor.size => return Ok(None),
                Ok(Ok(None)) => "the connection ended early".to_owned(),
                Ok(Err(error)) => chain(error),
                Err(_elapsed) => silence(stall),
            };
            let Some(pause) = self.tries.again() else {
                return Err(RegistryError::Network {
                    what: format!(
                        "{} after {} of {} bytes",
                        self.what(),
                        self.offset,
                        self.descriptor.size
                    ),
                    detail: broken,
                });
            };
            self.client.retries.note(&format!(
                "{} after {} bytes: {broken}; {}",
                self.what(),
                self.offset,
                self.tries.words()
            ));
            tokio::time::sleep(pause).await;
        }
    }

    async fn open(&mut self) -> Result<Response, RegistryError> {
        let mut headers = HeaderMap::new();
        if self.offset > 0 {
            let range = HeaderValue::try_from(format!("bytes={}-", self.offset));
            headers.extend(range.ok().map(|range| (RANGE, range)));
        }
        let digest = &self.descriptor.digest;
        let call = Call {
            repository: &self.repository,
            access: Access::Pull,
            method: Method::GET,
            url: endpoint(&self.repository, &format!("/blobs/{digest}"))?,
            headers,
            body: None,
            what: self.what(),
        };
        let response = self.client.send(&call).await?;
        match response.status() {
            StatusCode::OK => {
                self.skip = self.offset;
                match response.content_length() {
                    Some(length) if length != self.descriptor.size => {
                        Err(RegistryError::Mismatch {
                            what: call.what,
                            expected: format!("{} bytes", self.descriptor.size),
                            actual: format!("{length} bytes"),
                        })
                    }
                    _ => Ok(response),
                }
            }
            StatusCode::PARTIAL_CONTENT => {
                self.skip = 0;
                let start = format!("bytes {}-", self.offset);
                let range = header(response.headers(), CONTENT_RANGE.as_str());
                if range.is_some_and(|range| range.starts_with(&start)) {
                    return Ok(response);
                }
                Err(RegistryError::Unexpected {
                    what: call.what,
                    detail: "the answer is another part than the one asked for".to_owned(),
                })
            }
            _ => Err(self.client.failure(response, &call).await),
        }
    }
}

impl Client {
    /// Reads a small blob whole; size and digest are checked.
    ///
    /// # Errors
    /// When it is larger than `limit`, differs from its descriptor, does not exist, or the
    /// registry refuses or does not answer.
    pub async fn blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        limit: u64,
    ) -> Result<Bytes, RegistryError> {
        let what = format!("blob {repository}@{}", descriptor.digest);
        let stream = download(self.clone(), repository.clone(), descriptor.clone(), 0);
        collect(stream, descriptor, limit, &what).await
    }
}

/// Returns the same bytes without the first `count`.
pub(super) fn skipping(stream: Bytestream, count: u64) -> Bytestream {
    let mut left = count;
    stream
        .try_filter_map(move |mut bytes| {
            let skipped = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            bytes.advance(skipped);
            left -= skipped as u64;
            std::future::ready(Ok((!bytes.is_empty()).then_some(bytes)))
        })
        .boxed()
}

/// The distance between two marks.
const MARK: u64 = 4 << 20;

/// The hash of a blob's first bytes at places along it: from there a transfer can be taken up again
/// without reading the blob from its start, and every byte is still checked.
#[derive(Clone, Default)]
pub(super) struct Marks(Arc<Mutex<Vec<(u64, Sha256)>>>);

impl Marks {
    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Sha256)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, seen: u64, hash: &Sha256) {
        let mut marks = self.lock();
        if seen >= marks.last().map_or(0, |(last, _)| *last) + MARK {
            marks.push((seen, hash.clone()));
        }
    }

    /// Returns the last mark at or before a place.
    pub(super) fn before(&self, place: u64) -> (u64, Sha256) {
        let marks = self.lock();
        let mut known = marks.iter().rev();
        let found = known.find(|(mark, _)| *mark <= place);
        found.cloned().unwrap_or_default()
    }
}

/// The check of a stream against a descriptor.
struct Check {
    stream: Bytestream,
    descriptor: Descriptor,
    what: String,
    hash: Sha256,
    seen: u64,
    marks: Marks,
    held: Option<Bytes>,
    finished: bool,
}

/// Returns the same bytes, the last chunk only once size and digest are proven: whoever promised a
/// length and got all but the last chunk has an incomplete blob, never a false one.
pub(super) fn verified(stream: Bytestream, descriptor: &Descriptor, what: String) -> Bytestream {
    let start = (0, Sha256::new());
    verified_from(stream, descriptor, what, start, Marks::default())
}

/// Like [`verified`], for a stream that starts at a mark; further marks are added.
pub(super) fn verified_from(
    stream: Bytestream,
    descriptor: &Descriptor,
    what: String,
    (seen, hash): (u64, Sha256),
    marks: Marks,
) -> Bytestream {
    let check = Check {
        stream,
        descriptor: descriptor.clone(),
        what,
        hash,
        seen,
        marks,
        held: None,
        finished: false,
    };
    unfold(check, |mut check| async move {
        if check.finished {
            return None;
        }
        match check.next().await {
            Ok(Some(bytes)) => Some((Ok(bytes), check)),
            Ok(None) => None,
            Err(error) => {
                check.finished = true;
                Some((Err(error), check))
            }
        }
    })
    .boxed()
}

impl Check {
    async fn next(&mut self) -> Result<Option<Bytes>, RegistryError> {
        if self.descriptor.digest.algorithm() != Algorithm::Sha256 {
            return Err(unsupported_algorithm(&self.what, &self.descriptor.digest));
        }
        while let Some(bytes) = self.stream.next().await.transpose()? {
            self.seen += bytes.len() as u64;
            if self.seen > self.descriptor.size {
                return Err(self.wrong_size());
            }
            self.hash.update(&bytes);
            self.marks.add(self.seen, &self.hash);
            if let Some(earlier) = self.held.replace(bytes) {
                return Ok(Some(earlier));
            }
        }
        self.finished = true;
        if self.seen != self.descriptor.size {
            return Err(self.wrong_size());
        }
        let actual = Digest::from_sha256(&self.hash.finalize_reset());
        if actual != self.descriptor.digest {
            return Err(RegistryError::Mismatch {
                what: self.what.clone(),
                expected: self.descriptor.digest.to_string(),
                actual: actual.to_string(),
            });
        }
        Ok(self.held.take())
    }

    fn wrong_size(&self) -> RegistryError {
        RegistryError::Mismatch {
            what: self.what.clone(),
            expected: format!("{} bytes", self.descriptor.size),
            actual: format!("{} bytes", self.seen),
        }
    }
}

/// Reads a blob whole, checked against its descriptor.
///
/// # Errors
/// When the descriptor is larger than `limit`, or as the stream and its check say.
pub(super) async fn collect(
    stream: Bytestream,
    descriptor: &Descriptor,
    limit: u64,
    what: &str,
) -> Result<Bytes, RegistryError> {
    if descriptor.size > limit {
        return Err(RegistryError::TooLarge {
            what: what.to_owned(),
            limit,
        });
    }
    let mut stream = verified(stream, descriptor, what.to_owned());
    let mut body = BytesMut::new();
    while let Some(bytes) = stream.next().await.transpose()? {
        body.extend_from_slice(&bytes);
    }
    Ok(body.freeze())
}
