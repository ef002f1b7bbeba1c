//! Copying what refers to an image: other people's signatures and attestations.
//!
//! Our own signature is always made anew at the destination; cosign's `.sig` tags name the source
//! repository and stay behind.

use tokio_util::sync::CancellationToken;

use crate::model::Repository;
use crate::model::oci::{ManifestKind, RawManifest};
use crate::registry::{Client, RegistryError, Source, copy};
use crate::triage::policy::Referrers;

use super::{Observed, PromotionError};

/// Copies the referrers of the promoted manifest where the policy says so; returns how many.
///
/// A layout keeps no list of referrers, so there is nothing to copy from one.
pub(super) async fn copy_referrers(
    policy: Referrers,
    observed: &Observed,
    destination: &Client,
    repository: &Repository,
    cancel: &CancellationToken,
) -> Result<usize, PromotionError> {
    let Source::Registry {
        client,
        repository: from,
    } = &observed.source
    else {
        return Ok(0);
    };
    if policy != Referrers::Copy {
        return Ok(0);
    }
    let subject = &observed.manifest.digest;
    let mut copied = 0;
    for listed in client.referrers(from, subject).await?.manifests {
        let referrer = observed.source.manifest(&listed).await?;
        if refers_to(&referrer, observed)? {
            copy(
                &observed.source,
                &referrer,
                destination,
                repository,
                cancel,
                &|_| {},
            )
            .await?;
            destination
                .put_referrer(repository, subject, &referrer)
                .await?;
            copied += 1;
        }
    }
    Ok(copied)
}

/// A list entry is only a claim: the manifest itself must name the subject.
fn refers_to(referrer: &RawManifest, observed: &Observed) -> Result<bool, PromotionError> {
    let subject = match referrer.parse().map_err(RegistryError::from)? {
        ManifestKind::Manifest(manifest) => manifest.subject,
        ManifestKind::Index(index) => index.subject,
    };
    Ok(subject.is_some_and(|subject| subject.digest == observed.manifest.digest))
}
