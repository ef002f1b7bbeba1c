//! What is attached to an image at its source, and what becomes of it at the destination: other
//! people's signatures, attestations and SBOMs.
//!
//! Our own signature is always made anew at the destination, elsewhere. Nothing that fails here
//! stops a promotion: it is said and left.

mod remake;

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use futures_util::stream::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::model::oci::{Descriptor, Manifest, ManifestKind, RawManifest, media_type};
use crate::model::{Digest, Repository};
use crate::registry::{Client, RegistryError, Source, copy};
use crate::review::Review;
use crate::signing::Signer;
use crate::triage::policy::Referrers;

use super::{Observed, PromotionError};

/// The most manifests of an image whose attachments are looked for.
const SUBJECTS: usize = 64;

/// The most attachments that are dealt with.
const ATTACHED: usize = 500;

/// How far from the image an attachment may be: the signature of an SBOM of the image is the
/// second.
const DEPTH: usize = 4;

/// Questions to the source at the same time.
const QUESTIONS: usize = 4;

/// An envelope as cosign stores it behind an `.att` tag.
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

/// Something attached to the image at the source, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attached {
    /// The digest of its manifest.
    pub digest: Digest,
    /// The manifest it is attached to.
    pub about: Digest,
    /// cosign's tag for it; none for a referrer.
    pub tag: Option<String>,
    /// What it is, as the list says.
    pub artifact_type: Option<String>,
    /// `copy`, `remake` or `leave`; in a receipt `copied`, `there` (it was before), `remade` or
    /// `left`.
    pub action: &'static str,
    /// Why it is left.
    pub reason: Option<String>,
    /// Its manifest, as listed.
    #[serde(skip)]
    descriptor: Descriptor,
    #[serde(skip)]
    depth: usize,
}

impl Attached {
    fn new(about: &Digest, descriptor: Descriptor, tag: Option<String>) -> Self {
        Self {
            digest: descriptor.digest.clone(),
            about: about.clone(),
            tag,
            artifact_type: descriptor.artifact_type.clone(),
            action: "leave",
            reason: None,
            descriptor,
            depth: 1,
        }
    }

    fn leave(&mut self, reason: impl Into<String>) {
        self.action = "left";
        self.reason = Some(reason.into());
    }
}

/// Lists what is attached to the image and to each of its platforms at the source, and says what
/// the policy makes of it. Changes nothing.
///
/// # Errors
/// When the source refuses or does not answer.
pub async fn attached(
    observed: &Observed,
    review: &Review,
) -> Result<Vec<Attached>, PromotionError> {
    // A layout keeps no list of referrers.
    let Source::Registry { client, repository } = &observed.source else {
        return Ok(Vec::new());
    };
    let mut about = vec![observed.manifest.digest.clone()];
    let platforms = observed.platforms.iter().map(|platform| &platform.digest);
    about.extend(
        platforms
            .filter(|digest| **digest != observed.manifest.digest)
            .cloned(),
    );
    about.truncate(SUBJECTS);
    let referrers: Vec<Vec<Attached>> = futures_util::stream::iter(about.clone())
        .map(|about| async move {
            let found = client.referrers(repository, &about).await?;
            let listed = found.manifests.into_iter();
            Ok::<_, RegistryError>(listed.map(|it| Attached::new(&about, it, None)).collect())
        })
        .buffered(QUESTIONS)
        .try_collect()
        .await?;
    let tags = client.digest_tags(repository, &about).await?;
    let tags = tags
        .into_iter()
        .map(|tag| Attached::new(&tag.about, tag.descriptor, Some(tag.tag)));
    let mut found: Vec<Attached> = referrers.into_iter().flatten().chain(tags).collect();
    found.truncate(ATTACHED);
    for one in &mut found {
        match review.policy.promotion.referrers {
            Referrers::Copy => one.action = "copy",
            Referrers::None => {}
            Referrers::Remake => {
                let from = (client, repository);
                match remake::statements(from, one, review.trusted.keys()).await {
                    Ok(_statements) => one.action = "remake",
                    Err(reason) => one.reason = Some(reason),
                }
            }
        }
    }
    Ok(found)
}

/// Copies what is to be copied, and notes what became of each.
///
/// # Errors
/// Only when cancelled: what cannot be copied is left, with the reason.
pub(super) async fn copy_attached(
    list: &mut Vec<Attached>,
    observed: &Observed,
    to: (&Client, &Repository),
    cancel: &CancellationToken,
) -> Result<(), PromotionError> {
    let mut waiting: VecDeque<Attached> = list.drain(..).collect();
    while let Some(mut one) = waiting.pop_front() {
        if one.action == "copy" {
            match copy_one(&one, observed, to, cancel).await {
                Ok(action) => one.action = action,
                Err(RegistryError::Cancelled) => return Err(PromotionError::Cancelled),
                Err(error) => one.leave(error.to_string()),
            }
            if one.action != "left" && list.len() + waiting.len() < ATTACHED {
                waiting.extend(beyond(&one, observed).await);
            }
        } else if one.action == "leave" {
            one.action = "left";
        }
        list.push(one);
    }
    Ok(())
}

/// Says again what trusted keys said about the image at the source, signed by our key, and notes
/// what became of each. The image must be signed by it already: to some verifiers any statement of a
/// key is a signature.
pub(super) async fn remake_attached(
    list: &mut [Attached],
    observed: &Observed,
    review: &Review,
    to: (&Client, &Repository),
    signing: Option<(&Signer, DateTime<Utc>)>,
) {
    let Source::Registry { client, repository } = &observed.source else {
        return;
    };
    for one in list.iter_mut().filter(|one| one.action == "remake") {
        let Some((signer, created)) = signing else {
            one.leave("this promotion signs nothing");
            continue;
        };
        if one.about != observed.manifest.digest {
            one.leave("it is about one platform, and only the whole is signed");
            continue;
        }
        let subject = observed.manifest.descriptor();
        let from = (client, repository);
        let made = match remake::statements(from, one, review.trusted.keys()).await {
            Ok(statements) => remake::say(&statements, &subject, to, signer, created).await,
            Err(reason) => Err(reason),
        };
        match made {
            Ok(action) => one.action = action,
            Err(reason) => one.leave(reason),
        }
    }
}

/// Returns what is attached to an attachment.
async fn beyond(one: &Attached, observed: &Observed) -> Vec<Attached> {
    let Source::Registry { client, repository } = &observed.source else {
        return Vec::new();
    };
    if one.tag.is_some() || one.depth >= DEPTH {
        return Vec::new();
    }
    // That nothing more is found is no reason to stop.
    let found = client.referrers(repository, &one.digest).await;
    let listed = found.map(|found| found.manifests).unwrap_or_default();
    listed
        .into_iter()
        .map(|descriptor| Attached {
            action: "copy",
            depth: one.depth + 1,
            ..Attached::new(&one.digest, descriptor, None)
        })
        .collect()
}

async fn copy_one(
    one: &Attached,
    observed: &Observed,
    (client, repository): (&Client, &Repository),
    cancel: &CancellationToken,
) -> Result<&'static str, RegistryError> {
    let manifest = observed.source.manifest(&one.descriptor).await?;
    if let Some(tag) = &one.tag {
        return copy_tag(tag, &manifest, observed, (client, repository), cancel).await;
    }
    // A list entry is only a claim: the manifest itself must name the subject.
    if subject(&manifest)?.as_ref() != Some(&one.about) {
        return Err(unsupported(one, "it does not refer to this image"));
    }
    let there = client.referrers(repository, &one.about).await?;
    if there
        .manifests
        .iter()
        .any(|entry| entry.digest == one.digest)
    {
        return Ok("there");
    }
    copy(
        &observed.source,
        &manifest,
        client,
        repository,
        cancel,
        &|_| {},
    )
    .await?;
    let warnings = client
        .put_referrer(repository, &one.about, &manifest)
        .await?;
    match warnings.into_iter().next() {
        None => Ok("copied"),
        Some(warning) => Err(unsupported(one, &warning)),
    }
}

/// Copies what a tag of cosign's names, unless the destination's tag names something else: what is
/// there is never thrown away.
async fn copy_tag(
    tag: &str,
    manifest: &RawManifest,
    observed: &Observed,
    (client, repository): (&Client, &Repository),
    cancel: &CancellationToken,
) -> Result<&'static str, RegistryError> {
    let refuse = |detail: &str| RegistryError::Unsupported {
        what: format!("the tag {tag}"),
        detail: detail.to_owned(),
    };
    let document = plain(manifest)?.ok_or_else(|| refuse("it names an index"))?;
    let expected = match tag.rsplit_once('.') {
        Some((_, "sig")) => Some(media_type::SIMPLE_SIGNING),
        Some((_, "att")) => Some(ENVELOPE),
        _ => None,
    };
    let is_strange = |layer: &Descriptor| expected.is_some_and(|kind| layer.media_type != kind);
    if document.layers.iter().any(is_strange) {
        return Err(refuse("it holds something else than its name says"));
    }
    if let Some(there) = client.find_manifest(repository, tag).await? {
        let theirs = plain(&there)?.map(|there| there.layers).unwrap_or_default();
        let has = |layer: &Descriptor| theirs.iter().any(|it| it.digest == layer.digest);
        return if there.digest == manifest.digest || document.layers.iter().all(has) {
            Ok("there")
        } else {
            Err(refuse(
                "the destination has other content behind it, which stays",
            ))
        };
    }
    copy(
        &observed.source,
        manifest,
        client,
        repository,
        cancel,
        &|_| {},
    )
    .await?;
    client.put_manifest(repository, tag, manifest).await?;
    Ok("copied")
}

fn unsupported(one: &Attached, detail: &str) -> RegistryError {
    RegistryError::Unsupported {
        what: format!("the referrer {}", one.digest),
        detail: detail.to_owned(),
    }
}

fn plain(manifest: &RawManifest) -> Result<Option<Manifest>, RegistryError> {
    Ok(match manifest.parse()? {
        ManifestKind::Manifest(document) => Some(document),
        ManifestKind::Index(_) => None,
    })
}

fn subject(manifest: &RawManifest) -> Result<Option<Digest>, RegistryError> {
    let subject = match manifest.parse()? {
        ManifestKind::Manifest(manifest) => manifest.subject,
        ManifestKind::Index(index) => index.subject,
    };
    Ok(subject.map(|subject| subject.digest))
}
