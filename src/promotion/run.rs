//! The executor: takes the steps of a confirmed plan in order, each one idempotent.
//!
//! A tag is put only after the copy was read back, the signatures were verified and the evidence
//! was archived; so a stop at any moment leaves no tag on an unsigned or incomplete image.

mod outcome;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::archive::Archive;
use crate::ledger::{self, Draft, LedgerError};
use crate::model::{Digest, Repository};
use crate::registry::{CopyProgress, RegistryError, copy_surveyed};
use crate::review::Review;
use crate::signatures::{self, Fate, Format, Layout, SignOptions, VerifyOptions};
use crate::signing::Signer;
use crate::triage::policy::Referrers;

use self::outcome::Outcome;
use super::attach::{self, Approved};
use super::evidence;
use super::plan::{differences, plan};
use super::receipt::recorded;
use super::referrers::{attached, copy_attached, remake_attached};
use super::{
    BlobRecord, Doors, Event, EventKind, Observed, Plan, PromotionError, Receipt, Request,
    SignerInfo, Step, StepTime, observe, preflight,
};

/// A confirmed promotion.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The review the plan was made from.
    pub review: &'a Review,
    /// What the person asked for.
    pub request: &'a Request,
    /// The plan that was shown.
    pub plan: &'a Plan,
    /// The plan digest the person confirmed.
    pub shown: &'a Digest,
}

/// Executes a plan, refusing any plan whose digest is not the one that was shown.
///
/// Everything is observed and checked again first; nothing is sent when anything differs. Running
/// it again after a stop goes on where it stopped.
///
/// # Errors
/// Every refusal and failure. The last event says what exists at the destination by then.
pub async fn run(
    order: &Order<'_>,
    doors: &Doors,
    cancel: &CancellationToken,
    events: &UnboundedSender<Event>,
) -> Result<Receipt, PromotionError> {
    let recording = AtomicBool::new(false);
    let mut job = Job {
        order,
        doors,
        cancel,
        events,
        repository: &order.request.destination.repository,
        started: doors.environment.now(),
        step: Step::Check,
        since: Instant::now(),
        recording: &recording,
        outcome: Outcome::default(),
    };
    let result = tokio::select! {
        biased;
        () = cancelled(cancel, &recording) => {
            doors.client.close_uploads().await;
            Err(PromotionError::Cancelled)
        }
        result = Box::pin(job.steps()) => result,
    };
    match result {
        Ok(receipt) => {
            job.emit(EventKind::Finished {
                receipt: Box::new(receipt.clone()),
            });
            Ok(receipt)
        }
        Err(error) => {
            let step = job.step;
            let hints = job.hints(&error);
            job.emit(EventKind::Failed {
                step,
                error: error.to_string(),
                hints,
            });
            Err(error)
        }
    }
}

/// Waits until the person or a signal ends the work; from the record on nothing does.
async fn cancelled(cancel: &CancellationToken, recording: &AtomicBool) {
    cancel.cancelled().await;
    if recording.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

struct Job<'a> {
    order: &'a Order<'a>,
    doors: &'a Doors,
    cancel: &'a CancellationToken,
    events: &'a UnboundedSender<Event>,
    repository: &'a Repository,
    started: DateTime<Utc>,
    step: Step,
    /// When that step began.
    since: Instant,
    recording: &'a AtomicBool,
    outcome: Outcome,
}

impl Job<'_> {
    async fn steps(&mut self) -> Result<Receipt, PromotionError> {
        self.start(Step::Check)?;
        let observed = self.check().await?;
        self.done("the plan is the one that was shown".to_owned(), 0);

        self.start(Step::Copy)?;
        self.create_repository(&observed).await?;
        let detail = self.copy(&observed).await?;
        self.done(detail, self.outcome.bytes_sent);

        self.start(Step::VerifyCopy)?;
        let tag = self.order.plan.tag.name.clone();
        if !observed.settled {
            let copied = self.order.plan.digest.to_string();
            self.read_back(&copied, &observed).await?;
        }
        self.done(
            format!("{} is at the destination", self.order.plan.digest),
            0,
        );

        self.start(Step::Sign)?;
        let detail = self.sign(&observed).await?;
        self.done(detail, 0);

        self.start(Step::VerifySignature)?;
        let detail = self.verify_signature().await?;
        self.done(detail, 0);

        self.start(Step::Archive)?;
        let detail = self.archive().await?;
        self.done(detail, 0);

        self.start(Step::Tag)?;
        // A tag that was read in this run and names the image is neither put nor read again.
        let detail = if observed.settled {
            format!("{tag} names it already")
        } else {
            self.tag(&observed).await?
        };
        self.outcome.tagged = true;
        self.done(detail, 0);

        self.start(Step::ReadBack)?;
        if !observed.settled {
            self.read_back(&tag, &observed).await?;
        }
        self.list(&observed).await;
        self.done(format!("{tag} names {}", self.order.plan.digest), 0);

        // From here on the promotion is a fact: it is recorded even when the person cancels now.
        self.recording.store(true, Ordering::Relaxed);
        self.step = Step::Record;
        self.emit(EventKind::StepStarted { step: Step::Record });
        let receipt = self.record().await?;
        self.done("recorded in the ledger".to_owned(), 0);
        Ok(receipt)
    }

    /// Observes everything again; refuses unless the same plan comes out of it.
    async fn check(&self) -> Result<Observed, PromotionError> {
        let Order {
            review,
            request,
            plan: shown,
            ..
        } = self.order;
        let mut observed = observe(&self.doors.client, request).await?;
        if observed.destination_tag.as_ref() == Some(&shown.tag.to) {
            // An earlier run got this far: the tag names the image already and moves no more.
            observed.destination_tag.clone_from(&shown.tag.from);
        }
        let signer = self.signer_info()?;
        let archive = self.doors.archive.as_ref().map(Archive::location);
        // The review is replayed on the ledger of now: an approval may have been withdrawn.
        let mut review = (*review).clone();
        let chain = self.doors.ledger.read().await?;
        if let Some(first) = chain.broken.clone() {
            let location = self.doors.ledger.location();
            let first = Box::new(first);
            return Err(LedgerError::Broken { location, first }.into());
        }
        review.replay(&chain, self.doors.environment.now());
        let now = plan(
            &review,
            request,
            &observed,
            signer.as_ref(),
            archive.as_deref(),
            self.doors.environment.now(),
        )?;
        if now.plan_digest != *self.order.shown {
            return Err(PromotionError::PlanChanged {
                shown: self.order.shown.clone(),
                what: differences(shown, &now),
                now: now.plan_digest,
            });
        }
        if !now.blockers.is_empty() {
            return Err(PromotionError::Blocked(now.blockers));
        }
        evidence::documents(self.order.review, self.order.plan)?;
        Ok(observed)
    }

    /// The plan names the signer; the one at hand must be that one.
    fn signer_info(&self) -> Result<Option<SignerInfo>, PromotionError> {
        let Some(planned) = &self.order.plan.signer else {
            return Ok(None);
        };
        let Some(signer) = &self.doors.signer else {
            let text = "the plan signs, and the key is not unlocked".to_owned();
            return Err(PromotionError::Refused(text));
        };
        Ok(Some(SignerInfo {
            key: planned.key.clone(),
            fingerprint: signer.public_key().fingerprint().clone(),
        }))
    }

    /// Makes the repository, where it does not exist and the person consented.
    async fn create_repository(&self, observed: &Observed) -> Result<(), PromotionError> {
        let is_missing = observed.preflight.as_ref().map(|it| it.exists) == Some(Some(false));
        if is_missing && self.order.request.create_repository {
            let client = &self.doors.client;
            client.create_repository(self.repository).await?;
        }
        Ok(())
    }

    /// Asks what the registry lists of the image now. A role that may only push cannot, and that
    /// is no failure of the promotion.
    async fn list(&mut self, observed: &Observed) {
        let mut digests = vec![self.order.plan.digest.clone()];
        digests.extend(preflight::children(observed));
        digests.extend(self.outcome.signatures.iter().cloned());
        let client = &self.doors.client;
        let listed = client.listed(self.repository, &digests).await;
        self.outcome.listed = listed.unwrap_or_default();
    }

    async fn copy(&mut self, observed: &Observed) -> Result<String, PromotionError> {
        if observed.settled {
            self.outcome.copied = true;
            self.outcome.fates = observed
                .survey
                .blobs
                .iter()
                .map(BlobRecord::existed)
                .collect();
            if let Some(entry) = self.recorded(observed) {
                return Ok(format!("done before, as entry {entry} of the ledger says"));
            }
            let copied = self.copy_attached(observed).await?;
            return Ok(format!(
                "the tag names it already; {copied} referrers copied"
            ));
        }
        let events = self.events.clone();
        let environment = &self.doors.environment;
        let retries = AtomicU64::new(0);
        let progress = move |state: CopyProgress| {
            if retries.swap(state.retries, Ordering::Relaxed) < state.retries {
                let kind = EventKind::Retried {
                    step: Step::Copy,
                    reason: state.last_retry,
                };
                // As below.
                let _gone = events.send(Event {
                    time: environment.now(),
                    kind,
                });
            }
            let done = state
                .blobs
                .iter()
                .filter(|blob| blob.sent == blob.size)
                .count();
            let kind = EventKind::Progress {
                step: Step::Copy,
                bytes: state.bytes_sent,
                total: state.bytes_total,
                blobs: done as u64,
                blobs_total: state.blobs.len() as u64,
            };
            // A consumer that went away does not stop a promotion.
            let _gone = events.send(Event {
                time: environment.now(),
                kind,
            });
        };
        let client = &self.doors.client;
        let outcome = copy_surveyed(
            &observed.source,
            &observed.survey,
            client,
            self.repository,
            self.cancel,
            &progress,
        )
        .await?;
        self.outcome.copied = true;
        self.outcome.bytes_sent = outcome.bytes_sent;
        self.outcome.retries = outcome.retries;
        self.outcome.fates = outcome.blobs.iter().map(BlobRecord::of).collect();
        self.outcome.manifests_sent = outcome.manifests_sent;
        let foreign = outcome.foreign.into_iter();
        self.outcome.foreign = foreign.map(|layer| layer.digest).collect();
        let copied = self.copy_attached(observed).await?;
        let count = |action: &str| {
            let fates = self.outcome.fates.iter();
            fates.filter(|blob| blob.action == action).count()
        };
        Ok(format!(
            "{} blobs sent, {} mounted, {} there already; {copied} referrers copied",
            count("uploaded"),
            count("mounted"),
            count("existed")
        ))
    }

    /// Copies what is attached to the image at its source, as the policy says; returns how much of it
    /// is at the destination.
    async fn copy_attached(&mut self, observed: &Observed) -> Result<usize, PromotionError> {
        if self.order.plan.referrers != Referrers::None {
            let mut attached = attached(observed, self.order.review).await?;
            let to = (&self.doors.client, self.repository);
            copy_attached(&mut attached, observed, to, self.cancel).await?;
            self.outcome.attached = attached;
        }
        let attached = self.outcome.attached.iter();
        Ok(attached.filter(|it| it.action != "left").count())
    }

    /// Returns the entry that records this promotion, where the tag names the image already.
    fn recorded(&self, observed: &Observed) -> Option<u64> {
        let history = &self.order.review.history;
        observed
            .settled
            .then(|| recorded(history, self.order.plan))
            .flatten()
    }

    /// Reads `reference` at the destination and compares it byte by byte with the source.
    async fn read_back(&self, reference: &str, observed: &Observed) -> Result<(), PromotionError> {
        let found = self
            .doors
            .client
            .manifest(self.repository, reference)
            .await?;
        if found.bytes != observed.manifest.bytes {
            let (expected, actual) = (&self.order.plan.digest, &found.digest);
            let text = format!(
                "{}:{reference} holds {actual} instead of {expected}",
                self.repository
            );
            return Err(PromotionError::Refused(text));
        }
        Ok(())
    }

    async fn sign(&mut self, observed: &Observed) -> Result<String, PromotionError> {
        let (Some(_), Some(signer)) = (&self.order.plan.signer, &self.doors.signer) else {
            self.remake(observed, None).await;
            return Ok("not signed, as planned".to_owned());
        };
        let options = SignOptions {
            annotations: BTreeMap::new(),
            created: self.doors.environment.now(),
            layout: Layout::Both,
        };
        let subject = observed.manifest.descriptor();
        let outcome = signatures::sign(
            &self.doors.client,
            self.repository,
            &subject,
            signer,
            &options,
        )
        .await?;
        let existed = |stored: &Option<signatures::Stored>| {
            stored
                .as_ref()
                .is_none_or(|stored| stored.fate == Fate::Existed)
        };
        self.outcome.were_signed = existed(&outcome.bundle) && existed(&outcome.legacy);
        let both = [
            (Format::Bundle, outcome.bundle),
            (Format::Legacy, outcome.legacy),
        ];
        for (format, stored) in both {
            let Some(stored) = stored else {
                continue;
            };
            if matches!(stored.fate, Fate::Written | Fate::Existed) {
                self.outcome.formats.push(format);
            }
            self.outcome.signatures.push(stored.digest);
        }
        let mut detail = format!("bundle and .sig tag, key {}", outcome.key_fingerprint);
        if self.outcome.were_signed && self.recorded(observed).is_some() {
            return Ok(format!("{detail}; attested before"));
        }
        let signing = Some((signer, options.created));
        self.remake(observed, signing).await;
        let Order {
            review,
            request,
            plan,
            ..
        } = *self.order;
        let approved = Approved {
            review,
            request,
            plan,
        };
        let attached = attach::attach(&approved, self.doors, signer, observed).await?;
        if !attached.attested.is_empty() {
            detail = format!("{detail}; {} attested", attached.attested.len());
        }
        self.outcome.signatures.extend(attached.signatures);
        self.outcome.attested = attached.attested;
        for warning in outcome.warnings.into_iter().chain(attached.warnings) {
            detail.push_str("; ");
            detail.push_str(&warning);
        }
        Ok(detail)
    }

    async fn remake(&mut self, observed: &Observed, signing: Option<(&Signer, DateTime<Utc>)>) {
        let to = (&self.doors.client, self.repository);
        let list = &mut self.outcome.attached;
        remake_attached(list, observed, self.order.review, to, signing).await;
    }

    async fn verify_signature(&self) -> Result<String, PromotionError> {
        let (Some(_), Some(signer)) = (&self.order.plan.signer, &self.doors.signer) else {
            return Ok("nothing to verify, as planned".to_owned());
        };
        if self.outcome.were_signed {
            // They were read and checked with the same key in the step before.
            return Ok("2 signatures were there and verify".to_owned());
        }
        let keys = [signer.public_key().clone()];
        let options = VerifyOptions {
            keys: &keys,
            keyless: None,
            archive: None,
            strict: true,
            now: self.doors.environment.now(),
        };
        let digest = &self.order.plan.digest;
        let found =
            signatures::verify(&self.doors.client, self.repository, digest, &options).await?;
        let holds = |format: &Format| {
            let mut signatures = found.signatures.iter();
            signatures.any(|signature| signature.valid && signature.format == *format)
        };
        let valid = self.outcome.formats.iter().filter(|it| holds(it)).count();
        if !found.signed || valid == 0 || valid < self.outcome.formats.len() {
            let text = format!(
                "{valid} valid signatures of the {} written were found; the tag was not touched",
                self.outcome.formats.len()
            );
            return Err(PromotionError::Refused(text));
        }
        Ok(format!("{valid} signatures verify"))
    }

    async fn archive(&mut self) -> Result<String, PromotionError> {
        let Some(archive) = &self.doors.archive else {
            return Ok("no archive is configured".to_owned());
        };
        let receipt = serde_json::to_vec(&self.receipt().document())?;
        let bundle = evidence::bundle(
            self.order.review,
            self.order.plan,
            self.started,
            receipt.into(),
        )?;
        let id = archive.put(bundle).await?;
        self.outcome.bundle = Some(id.to_string());
        Ok(format!("archived as {id}"))
    }

    /// Puts the tag, unless somebody moved it since the plan was shown.
    async fn tag(&self, observed: &Observed) -> Result<String, PromotionError> {
        let tag = &self.order.plan.tag;
        let client = &self.doors.client;
        let found = client.head_manifest(self.repository, &tag.name).await?;
        let found = found.map(|descriptor| descriptor.digest);
        if found.as_ref() == Some(&tag.to) {
            return Ok(format!("{} names it already", tag.name));
        }
        if found != tag.from {
            let text = format!(
                "the tag {} was moved to {} meanwhile; it was left alone",
                tag.name,
                found.map_or_else(|| "nothing".to_owned(), |digest| digest.to_string()),
            );
            return Err(PromotionError::Refused(text));
        }
        client
            .put_manifest(self.repository, &tag.name, &observed.manifest)
            .await?;
        Ok(format!("{} put", tag.name))
    }

    async fn record(&mut self) -> Result<Receipt, PromotionError> {
        let mut receipt = self.receipt();
        let body = serde_json::to_value(receipt.document())?;
        let environment = &self.doors.environment;
        let draft = Draft::new(
            ledger::kind::PROMOTION,
            body,
            &self.order.request.promoter,
            environment.clock,
        );
        let entry = self.doors.ledger.append(draft).await?;
        receipt.ledger_entry = Some(entry.seq);
        receipt.ledger_head = Some(entry.sha256);
        Ok(receipt)
    }

    fn receipt(&self) -> Receipt {
        let finished = self.doors.environment.now();
        self.outcome.receipt(self.order, self.started, finished)
    }

    fn start(&mut self, step: Step) -> Result<(), PromotionError> {
        if self.cancel.is_cancelled() {
            return Err(PromotionError::Cancelled);
        }
        self.step = step;
        self.since = Instant::now();
        self.emit(EventKind::StepStarted { step });
        Ok(())
    }

    fn done(&mut self, detail: String, bytes: u64) {
        let took = StepTime::of(self.step, self.since.elapsed());
        self.outcome.steps.push(took);
        self.emit(EventKind::StepFinished {
            step: self.step,
            detail,
            bytes,
        });
    }

    fn emit(&self, kind: EventKind) {
        // A consumer that went away does not stop a promotion.
        let _gone = self.events.send(Event {
            time: self.doors.environment.now(),
            kind,
        });
    }

    /// Says what exists at the destination, and what to do next.
    fn hints(&self, error: &PromotionError) -> Vec<String> {
        use crate::error::Explain as _;
        let exists = self.outcome.exists(self.step, &self.order.plan.digest);
        let mut hints = vec![exists];
        hints.extend(error.hints());
        if matches!(
            error,
            PromotionError::Registry(RegistryError::Network { .. })
        ) {
            hints.push("run it again: what was copied is not sent twice".to_owned());
        }
        hints
    }
}
