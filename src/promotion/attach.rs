//! Attaching: signs the approved manifests of an index, and attests what was planned.
//!
//! Only about images whose approval counts, and only by the key that has just signed them.

use std::collections::BTreeMap;

use serde_json::value::to_raw_value;

use crate::archive::{Archive, BundleFile, FileKind, kept};
use crate::export::{ExportFormat, ExportRequest, export};
use crate::model::Digest;
use crate::model::oci::Descriptor;
use crate::review::{AttestedPromotion, Review};
use crate::signatures::predicate::{self, Predicate};
use crate::signatures::{self, AttestOptions, Layout, SignOptions, SignaturesError};
use crate::signing::{APPROVAL_PREDICATE, Signer};

use super::attestation::{Attested, Document, Form, StatementPlan, documents};
use super::{Doors, Observed, Plan, PromotionError, Request};

/// What was approved, and is being promoted.
#[derive(Clone, Copy)]
pub(super) struct Approved<'a> {
    pub(super) review: &'a Review,
    pub(super) request: &'a Request,
    pub(super) plan: &'a Plan,
}

/// What attaching did.
#[derive(Default)]
pub(super) struct Attached {
    pub(super) attested: Vec<Attested>,
    /// Signatures of an index's manifests.
    pub(super) signatures: Vec<Digest>,
    pub(super) warnings: Vec<String>,
}

/// Signs the approved manifests of an index, and attests what was planned. The image itself is
/// signed before. Running it again adds only what is missing.
///
/// # Errors
/// When the signer or the registry refuses, or a document changed since it was reviewed.
pub(super) async fn attach(
    approved: &Approved<'_>,
    doors: &Doors,
    signer: &Signer,
    observed: &Observed,
) -> Result<Attached, PromotionError> {
    let top = observed.manifest.descriptor();
    let Approved {
        review,
        request,
        plan,
    } = *approved;
    let mut work = Work {
        review,
        request,
        plan,
        doors,
        signer,
        done: Attached::default(),
    };
    if plan.attestations.is_empty() {
        return Ok(work.done);
    }
    // Signatures first, all of them: a statement beside an unsigned image could pass for one.
    let mut subjects = Vec::new();
    for (subject, digest) in &plan.approved {
        let about = if *digest == top.digest {
            top.clone()
        } else {
            work.sign(digest).await?
        };
        subjects.push((*subject, about));
    }
    for (subject, about) in &subjects {
        for document in documents(review, *subject) {
            work.document(&document, about).await?;
        }
        work.vex(*subject, about).await?;
        work.approval(*subject, about).await?;
        if about.digest != top.digest {
            work.approval(*subject, &top).await?;
        }
    }
    Ok(work.done)
}

struct Work<'a> {
    review: &'a Review,
    request: &'a Request,
    plan: &'a Plan,
    doors: &'a Doors,
    signer: &'a Signer,
    done: Attached,
}

impl Work<'_> {
    /// Signs one manifest of an index.
    async fn sign(&mut self, digest: &Digest) -> Result<Descriptor, PromotionError> {
        let client = &self.doors.client;
        let repository = &self.request.destination.repository;
        let raw = client.manifest(repository, &digest.to_string()).await?;
        let options = SignOptions {
            annotations: BTreeMap::new(),
            created: self.doors.environment.now(),
            layout: Layout::Both,
        };
        let about = raw.descriptor();
        let outcome = signatures::sign(client, repository, &about, self.signer, &options).await?;
        let stored = outcome.bundle.into_iter().chain(outcome.legacy);
        self.done.signatures.extend(stored.map(|it| it.digest));
        self.done.warnings.extend(outcome.warnings);
        Ok(about)
    }

    async fn document(
        &mut self,
        document: &Document<'_>,
        about: &Descriptor,
    ) -> Result<(), PromotionError> {
        let origin = document.origin();
        let is_planned = |it: &&StatementPlan| {
            it.subject == about.digest && it.document.as_ref() == Some(&origin.sha256)
        };
        let planned = self.plan.attestations.iter().find(is_planned);
        let Some(planned) = planned.filter(|it| it.form != Form::LeftOut) else {
            return Ok(());
        };
        let bytes = self.review.bytes_of(origin);
        let bytes = bytes.map_err(PromotionError::Evidence)?;
        let kind = match document {
            Document::Sbom(_) => FileKind::Sbom,
            Document::Scan(_) => FileKind::Report,
        };
        let (sha256, bytes) = kept(BundleFile {
            name: origin.path.clone(),
            kind,
            bytes: bytes.into(),
        });
        let predicate = match (planned.form, &self.doors.archive) {
            (Form::Reference, Some(archive)) => {
                reference(archive, &planned.predicate_type, &sha256, &bytes)?
            }
            _ => match document.predicate(&bytes) {
                Ok(predicate) => predicate,
                Err(reason) => {
                    let text = format!("{} is not attested: {reason}", origin.path);
                    self.done.warnings.push(text);
                    return Ok(());
                }
            },
        };
        self.attest(&predicate, about, Some(&origin.sha256)).await
    }

    /// Attests the verdicts, as of the time of the approval.
    async fn vex(&mut self, subject: usize, about: &Descriptor) -> Result<(), PromotionError> {
        let review = self.review;
        let Some(now) = review.approved_at(subject) else {
            return Ok(());
        };
        let request = ExportRequest {
            review,
            subjects: &[subject],
            author: &self.request.promoter,
            now,
        };
        let made = export(ExportFormat::Openvex, &request)?;
        if made.entries == 0 {
            return Ok(());
        }
        let predicate = Predicate {
            kind: predicate::OPENVEX.to_owned(),
            content: serde_json::from_str(made.text.trim())?,
        };
        self.attest(&predicate, about, None).await
    }

    async fn approval(&mut self, subject: usize, about: &Descriptor) -> Result<(), PromotionError> {
        let promotion = AttestedPromotion {
            destination: &self.plan.destination,
            digest: &self.plan.digest,
            promoter: &self.request.promoter,
            key: self.signer.public_key().fingerprint(),
            warnings: &self.plan.gate.warnings,
        };
        let said = self.review.attested_approval(subject, &promotion);
        let Some(said) = said else {
            return Ok(());
        };
        let predicate = Predicate {
            kind: APPROVAL_PREDICATE.to_owned(),
            content: to_raw_value(&said)?,
        };
        self.attest(&predicate, about, None).await
    }

    async fn attest(
        &mut self,
        predicate: &Predicate,
        about: &Descriptor,
        document: Option<&Digest>,
    ) -> Result<(), PromotionError> {
        let options = AttestOptions {
            created: self.doors.environment.now(),
            layout: Some(Layout::Both),
        };
        let outcome = signatures::attest(
            &self.doors.client,
            &self.request.destination.repository,
            about,
            self.signer,
            predicate,
            &options,
        )
        .await?;
        self.done.warnings.extend(outcome.warnings);
        self.done.attested.push(Attested {
            predicate_type: outcome.predicate_type,
            subject: outcome.digest,
            document: document.cloned(),
            bundle: outcome.bundle.map(|it| it.digest),
            legacy: outcome.legacy.map(|it| it.digest),
        });
        Ok(())
    }
}

fn reference(
    archive: &Archive,
    kind: &str,
    sha256: &Digest,
    bytes: &[u8],
) -> Result<Predicate, SignaturesError> {
    let media_type = predicate::media_type(kind, bytes);
    predicate::reference(&archive.blob_address(sha256), sha256, media_type)
}
