//! Verifying an image's signatures: every one that is found, with a reason where it does not count.
//!
//! Whether the answer is good enough is the caller's to say; nothing is written. Nothing is asked
//! but the registry, and the archive where one is given.

mod answer;
mod judge;
mod standing;

pub use answer::{
    Approval, Evidence, EvidenceState, Format, FoundSignature, Trap, Verification, VerifyOptions,
};

use super::{SignaturesError, found};
use crate::model::{Digest, Repository};
use crate::registry::Client;
use judge::Judge;

/// Finds and checks every signature of an image. That there is none is an answer too.
///
/// # Errors
/// When the registry or the archive refuses or does not answer. One damaged or oversized document
/// is not an error but an invalid signature.
pub async fn verify(
    client: &Client,
    repository: &Repository,
    image: &Digest,
    options: &VerifyOptions<'_>,
) -> Result<Verification, SignaturesError> {
    let referrers = found::referrers(client, repository, image).await?;
    let bundles = found::bundles(client, repository, &referrers).await?;
    let legacy = found::legacy(client, repository, image).await?;
    let statements = found::statements(client, repository, image).await?;
    let mut judge = Judge::new(repository, image, options);
    judge
        .answer
        .warnings
        .extend(referrers.warnings.iter().cloned());
    judge.referrers(&referrers);
    for bundle in bundles {
        judge.bundle(bundle);
    }
    judge.answer.warnings.extend(legacy.warnings);
    for layer in legacy.layers {
        judge.legacy(layer);
    }
    judge.answer.warnings.extend(statements.warnings);
    for layer in statements.layers {
        judge.attestation(layer);
    }
    if let Some(archive) = options.archive {
        for pending in &mut judge.approvals {
            standing::look_up(archive, &mut pending.approval.evidence).await?;
        }
    }
    Ok(judge.finish())
}
