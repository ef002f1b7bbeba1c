//! Copying an image by digest: blobs, then child manifests, then the top manifest. Never a tag.
//!
//! Bytes are streamed from source to destination and hashed once on the way; the tag is put by
//! whoever ordered the copy, after having looked at the result.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::error::RegistryError;
use super::pace::Retries;
use super::resolve::Source;
use super::survey::{BlobAction, Survey, SurveyedBlob, survey};
use super::transport::Turn;
use super::upload;
use crate::model::oci::{Descriptor, ManifestKind, RawManifest};
use crate::model::{Digest, Repository};

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
    /// How often a request about it had to be tried again.
    pub retries: u64,
    /// How long it took; nothing for what was there.
    pub took: Duration,
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
    /// What was tried again last, why, and the how many-th try it was; empty before the first.
    pub last_retry: String,
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
    let job = Job::new(source, destination, repository);
    let work = async {
        let survey = survey(&job.source, top, &job.destination, repository).await?;
        job.run(&survey, progress).await
    };
    job.until(cancel, work).await
}

/// Like [`copy`], with a survey that was made just now: nothing is asked twice.
///
/// # Errors
/// As [`copy`].
pub async fn copy_surveyed(
    source: &Source,
    survey: &Survey,
    destination: &Client,
    repository: &Repository,
    cancel: &CancellationToken,
    progress: &(dyn Fn(CopyProgress) + Send + Sync),
) -> Result<CopyOutcome, RegistryError> {
    let job = Job::new(source, destination, repository);
    job.until(cancel, job.run(survey, progress)).await
}

struct Job<'a> {
    source: Source,
    /// A clone with upload sessions of its own.
    destination: Client,
    /// The client that was given.
    given: &'a Client,
    repository: &'a Repository,
    retries: Arc<Retries>,
}

impl Drop for Job<'_> {
    /// Work that is dropped in the middle leaves its sessions to whoever dropped it.
    fn drop(&mut self) {
        self.given.open.take(&self.destination.open);
    }
}

/// What one blob of a copy has been through.
struct Moving<'a> {
    blob: &'a SurveyedBlob,
    sent: Arc<AtomicU64>,
    retries: Arc<Retries>,
    turn: Turn,
}

impl<'a> Job<'a> {
    fn new(source: &Source, destination: &'a Client, repository: &'a Repository) -> Self {
        let retries = Arc::new(Retries::default());
        Self {
            source: source.counting(&retries),
            destination: destination.counting(&retries).apart(),
            given: destination,
            repository,
            retries,
        }
    }

    /// Does the work unless it is cancelled; sessions that are still open then are closed.
    async fn until(
        &self,
        cancel: &CancellationToken,
        work: impl Future<Output = Result<CopyOutcome, RegistryError>>,
    ) -> Result<CopyOutcome, RegistryError> {
        let result = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(RegistryError::Cancelled),
            result = work => result,
        };
        if result.is_err() {
            self.destination.close_uploads().await;
        }
        result
    }

    async fn run(
        &self,
        survey: &Survey,
        progress: &(dyn Fn(CopyProgress) + Send + Sync),
    ) -> Result<CopyOutcome, RegistryError> {
        let mut blobs = self.send_blobs(survey, progress).await?;
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
        let top = survey.manifests.last();
        let digest = top.map(|top| top.digest.clone());
        Ok(CopyOutcome {
            digest: digest.ok_or_else(|| RegistryError::Unexpected {
                what: format!("the copy to {}", self.repository),
                detail: "there is no manifest in it".to_owned(),
            })?,
            bytes_sent: blobs
                .iter()
                .filter(|blob| blob.fate == BlobFate::Uploaded)
                .map(|blob| blob.size)
                .fold(0, u64::saturating_add),
            blobs,
            manifests_sent,
            foreign: survey.foreign.clone(),
            retries: self.retries.count(),
        })
    }

    fn moving<'blob>(&self, blob: &'blob SurveyedBlob) -> Moving<'blob> {
        let transport = &self.destination.transport;
        Moving {
            blob,
            sent: Arc::default(),
            retries: Retries::below(&self.retries),
            turn: transport.turn(self.repository, &blob.descriptor.digest),
        }
    }

    /// How many blobs go at once: as many as both registries take.
    fn at_once(&self) -> usize {
        let paces = &self.destination.transport.paces;
        let most = paces.blobs(&self.repository.registry);
        if let Source::Registry { client, repository } = &self.source {
            return most.min(client.transport.paces.blobs(&repository.registry));
        }
        most
    }

    /// Sends what is missing, the first ones first.
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
                retries: 0,
                took: Duration::ZERO,
            })
            .collect();
        let missing: Vec<Moving<'_>> = survey
            .blobs
            .iter()
            .filter(|blob| blob.action != BlobAction::Exists)
            .map(|blob| self.moving(blob))
            .collect();
        let report = || progress(self.progress(&missing));
        report();
        let mut waiting = missing.iter();
        let mut running = FuturesUnordered::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            while running.len() < self.at_once()
                && let Some(moving) = waiting.next()
            {
                running.push(self.send_blob(moving));
            }
            let finished = tokio::select! {
                finished = running.next() => finished,
                _ = tick.tick() => {
                    report();
                    continue;
                }
            };
            let Some(finished) = finished else { break };
            let finished = finished?;
            if let Some(outcome) = outcomes
                .iter_mut()
                .find(|one| one.digest == finished.digest)
            {
                *outcome = finished;
            }
        }
        report();
        Ok(outcomes)
    }

    async fn send_blob(&self, moving: &Moving<'_>) -> Result<BlobOutcome, RegistryError> {
        let started = Instant::now();
        let descriptor = &moving.blob.descriptor;
        let outcome = |fate| BlobOutcome {
            digest: descriptor.digest.clone(),
            size: descriptor.size,
            fate,
            retries: moving.retries.count(),
            took: started.elapsed(),
        };
        let destination = self.destination.counting(&moving.retries);
        let source = self.source.counting(&moving.retries);
        // Another copy may be sending the same blob to the same repository: it is sent once.
        let mut is_sent = moving.turn.lock().await;
        if *is_sent {
            moving.sent.store(descriptor.size, Ordering::Relaxed);
            return Ok(outcome(BlobFate::Existed));
        }
        let mount = match &self.source {
            Source::Registry { repository, .. } if moving.blob.action == BlobAction::Mount => {
                Some(&*repository.path)
            }
            _ => None,
        };
        let mounted = upload::blob(
            &destination,
            self.repository,
            descriptor,
            mount,
            &moving.sent,
            |from| source.stream_from(descriptor, from),
        )
        .await?;
        *is_sent = true;
        moving.sent.store(descriptor.size, Ordering::Relaxed);
        Ok(outcome(if mounted {
            BlobFate::Mounted
        } else {
            BlobFate::Uploaded
        }))
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
                        let moving = self.moving(&blob);
                        *moving.turn.lock().await = false;
                        sent.push(self.send_blob(&moving).await?.digest);
                    }
                }
                put().await?;
            }
            other => other?,
        }
        Ok(sent)
    }

    fn progress(&self, missing: &[Moving<'_>]) -> CopyProgress {
        let blobs: Vec<BlobProgress> = missing
            .iter()
            .map(|moving| {
                let size = moving.blob.descriptor.size;
                BlobProgress {
                    digest: moving.blob.descriptor.digest.clone(),
                    size,
                    sent: moving.sent.load(Ordering::Relaxed).min(size),
                }
            })
            .collect();
        let sum =
            |part: fn(&BlobProgress) -> u64| blobs.iter().map(part).fold(0, u64::saturating_add);
        CopyProgress {
            bytes_sent: sum(|blob| blob.sent),
            bytes_total: sum(|blob| blob.size),
            blobs,
            retries: self.retries.count(),
            last_retry: self.retries.last(),
        }
    }
}
