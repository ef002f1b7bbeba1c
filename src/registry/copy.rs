//! Copying an image by digest: blobs, then child manifests, then the top manifest. Never a tag.
//!
//! Bytes are streamed from source to destination and hashed once on the way; the tag is put by
//! whoever ordered the copy, after having looked at the result.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::error::RegistryError;
use super::resolve::Source;
use super::survey::{BlobAction, Survey, SurveyedBlob, survey};
use super::upload::{self, OpenSessions};
use crate::model::oci::{Descriptor, ManifestKind, RawManifest};
use crate::model::{Digest, Repository};

/// Blobs in flight.
const BLOBS: usize = 4;

/// The time between two reports of progress.
const TICK: Duration = Duration::from_millis(100);

/// How a blob came to be in the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobFate {
    /// It was there.
    Existed,
    /// The registry took it from another of its repositories.
    Mounted,
    /// It was sent.
    Uploaded,
}

impl BlobFate {
    /// Returns the name used in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Existed => "existed",
            Self::Mounted => "mounted",
            Self::Uploaded => "uploaded",
        }
    }
}

/// One blob of a finished copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobOutcome {
    /// The blob.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// How it came to be there.
    pub fate: BlobFate,
}

/// What a copy did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyOutcome {
    /// The digest of the top manifest, now in the destination.
    pub digest: Digest,
    /// Every blob once, in the order the manifests name them.
    pub blobs: Vec<BlobOutcome>,
    /// The manifests that were sent; those not named were there.
    pub manifests_sent: Vec<Digest>,
    /// Layers that were left where their `urls` say.
    pub foreign: Vec<Descriptor>,
    /// Bytes of blobs that were sent.
    pub bytes_sent: u64,
    /// How often something had to be tried again.
    pub retries: u64,
}

/// The state of a running copy. A blob whose upload starts anew falls back to zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyProgress {
    /// Every blob that is not there yet, in order.
    pub blobs: Vec<BlobProgress>,
    /// Bytes sent so far, of all blobs.
    pub bytes_sent: u64,
    /// Bytes of all blobs that are not there yet.
    pub bytes_total: u64,
    /// How often something had to be tried again.
    pub retries: u64,
}

/// The state of one blob of a running copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobProgress {
    /// The blob.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Bytes sent so far; the whole size when it is there, mounted ones included.
    pub sent: u64,
}

/// Copies an image by digest. What the destination has is not sent again, so that a second run
/// goes on where the first one ended.
///
/// # Errors
/// When the source is missing something or its bytes are not what their digest says, a registry
/// refuses or does not answer after retries, or `cancel` is set. No tag names what was sent.
pub async fn copy(
    source: &Source,
    top: &RawManifest,
    destination: &Client,
    repository: &Repository,
    cancel: &CancellationToken,
    progress: &(dyn Fn(CopyProgress) + Send + Sync),
) -> Result<CopyOutcome, RegistryError> {
    let retries = Arc::new(AtomicU64::new(0));
    let job = Job {
        source: source.counting(&retries),
        destination: destination.counting(&retries),
        repository,
        open: OpenSessions::default(),
        retries,
    };
    let result = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(RegistryError::Cancelled),
        result = job.run(top, progress) => result,
    };
    if result.is_err() {
        job.open.close(&job.destination, repository).await;
    }
    result
}

struct Job<'a> {
    source: Source,
    destination: Client,
    repository: &'a Repository,
    open: OpenSessions,
    retries: Arc<AtomicU64>,
}

impl Job<'_> {
    async fn run(
        &self,
        top: &RawManifest,
        progress: &(dyn Fn(CopyProgress) + Send + Sync),
    ) -> Result<CopyOutcome, RegistryError> {
        let survey = survey(&self.source, top, &self.destination, self.repository).await?;
        let mut blobs = self.send_blobs(&survey, progress).await?;
        let mut manifests_sent = Vec::new();
        for manifest in &survey.manifests {
            if survey.missing_manifests.contains(&manifest.digest) {
                for sent in self.send_manifest(manifest).await? {
                    if let Some(blob) = blobs.iter_mut().find(|blob| blob.digest == sent) {
                        blob.fate = BlobFate::Uploaded;
                    }
                }
                manifests_sent.push(manifest.digest.clone());
            }
        }
        Ok(CopyOutcome {
            digest: top.digest.clone(),
            bytes_sent: blobs
                .iter()
                .filter(|blob| blob.fate == BlobFate::Uploaded)
                .map(|blob| blob.size)
                .fold(0, u64::saturating_add),
            blobs,
            manifests_sent,
            foreign: survey.foreign,
            retries: self.retries.load(Ordering::Relaxed),
        })
    }

    /// Sends what is missing, the first ones first and no more than [`BLOBS`] at a time.
    async fn send_blobs(
        &self,
        survey: &Survey,
        progress: &(dyn Fn(CopyProgress) + Send + Sync),
    ) -> Result<Vec<BlobOutcome>, RegistryError> {
        let mut outcomes: Vec<BlobOutcome> = survey
            .blobs
            .iter()
            .map(|blob| BlobOutcome {
                digest: blob.descriptor.digest.clone(),
                size: blob.descriptor.size,
                fate: BlobFate::Existed,
            })
            .collect();
        let missing: Vec<(&SurveyedBlob, Arc<AtomicU64>)> = survey
            .blobs
            .iter()
            .filter(|blob| blob.action != BlobAction::Exists)
            .map(|blob| (blob, Arc::default()))
            .collect();
        let report = || progress(self.progress(&missing));
        report();
        let mut waiting = missing.iter();
        let mut running: FuturesUnordered<_> = waiting
            .by_ref()
            .take(BLOBS)
            .map(|(blob, sent)| self.send_blob(blob, sent))
            .collect();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let finished = tokio::select! {
                finished = running.next() => finished,
                _ = tick.tick() => {
                    report();
                    continue;
                }
            };
            let Some(finished) = finished else { break };
            let (digest, fate) = finished?;
            if let Some(outcome) = outcomes.iter_mut().find(|one| one.digest == digest) {
                outcome.fate = fate;
            }
            if let Some((blob, sent)) = waiting.next() {
                running.push(self.send_blob(blob, sent));
            }
        }
        report();
        Ok(outcomes)
    }

    async fn send_blob(
        &self,
        blob: &SurveyedBlob,
        sent: &Arc<AtomicU64>,
    ) -> Result<(Digest, BlobFate), RegistryError> {
        let descriptor = &blob.descriptor;
        let mount = match &self.source {
            Source::Registry { repository, .. } if blob.action == BlobAction::Mount => {
                Some(&*repository.path)
            }
            _ => None,
        };
        let mounted = upload::blob(
            &self.destination,
            self.repository,
            descriptor,
            mount,
            &self.open,
            sent,
            || self.source.stream(descriptor),
        )
        .await?;
        sent.store(descriptor.size, Ordering::Relaxed);
        let fate = if mounted {
            BlobFate::Mounted
        } else {
            BlobFate::Uploaded
        };
        Ok((descriptor.digest.clone(), fate))
    }

    /// Sends a manifest by digest. A registry may answer "exists" for a blob that only another of
    /// its repositories has, and then miss it: such blobs are sent, once, and returned.
    async fn send_manifest(&self, manifest: &RawManifest) -> Result<Vec<Digest>, RegistryError> {
        let digest = manifest.digest.to_string();
        let put = || {
            self.destination
                .put_manifest(self.repository, &digest, manifest)
        };
        let mut sent = Vec::new();
        match put().await {
            Err(RegistryError::Denied { code, .. })
                if matches!(&*code, "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN") =>
            {
                if let ManifestKind::Manifest(document) = manifest.parse()? {
                    for descriptor in document.layers.into_iter().chain([document.config]) {
                        let blob = SurveyedBlob {
                            descriptor,
                            action: BlobAction::Upload,
                        };
                        let (digest, _fate) = self.send_blob(&blob, &Arc::default()).await?;
                        sent.push(digest);
                    }
                }
                put().await?;
            }
            other => other?,
        }
        Ok(sent)
    }

    fn progress(&self, missing: &[(&SurveyedBlob, Arc<AtomicU64>)]) -> CopyProgress {
        let blobs: Vec<BlobProgress> = missing
            .iter()
            .map(|(blob, sent)| BlobProgress {
                digest: blob.descriptor.digest.clone(),
                size: blob.descriptor.size,
                sent: sent.load(Ordering::Relaxed).min(blob.descriptor.size),
            })
            .collect();
        let sum =
            |part: fn(&BlobProgress) -> u64| blobs.iter().map(part).fold(0, u64::saturating_add);
        CopyProgress {
            bytes_sent: sum(|blob| blob.sent),
            bytes_total: sum(|blob| blob.size),
            blobs,
            retries: self.retries.load(Ordering::Relaxed),
        }
    }
}
