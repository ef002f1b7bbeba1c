//! The artifacts that refer to an image: by the referrers API, or by the fallback tag where a
//! registry has none (distribution specification, "Referrers Tag Schema").
//!
//! A list is only a hint: whoever uses an entry reads its manifest and checks that its `subject`
//! is the image. Nothing is verified here.

use futures_util::stream::{StreamExt as _, TryStreamExt as _};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::MANIFEST_LIMIT;
use super::address::endpoint;
use super::auth::Access;
use super::client::{Client, is_index_answer, next_page};
use super::connection::read_capped;
use super::error::{RegistryError, foreign};
use super::transport::Call;
use crate::model::oci::{Descriptor, Index, ManifestKind, RawManifest, media_type};
use crate::model::{Digest, Repository};

/// The suffixes of cosign's tags beside an image.
const SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

/// Pages of the API that are read.
const PAGES: usize = 20;

/// Entries that are listed.
const ENTRIES: usize = 1000;

/// Tries to add an entry to a fallback tag that others write at the same time.
const WRITES: usize = 5;

/// Where a list of referrers came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferrersSource {
    /// The referrers API.
    Api,
    /// The fallback tag, `sha256-<hex>`.
    FallbackTag,
    /// Neither: no API, and no such tag or one that holds something else.
    None,
}

/// The artifacts that a registry lists for a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrers {
    /// Their descriptors, in the registry's order; artifact type and annotations are hints.
    pub manifests: Vec<Descriptor>,
    /// Where the list came from.
    pub listed_by: ReferrersSource,
    /// What was odd.
    pub warnings: Vec<String>,
}

/// A tag of cosign's beside an image: `sha256-<hex>.sig`, `.att` or `.sbom`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestTag {
    /// The tag.
    pub tag: String,
    /// The digest that the tag is about.
    pub about: Digest,
    /// What it names.
    pub descriptor: Descriptor,
}

/// Returns the fallback tag of a digest.
fn fallback_tag(digest: &Digest) -> String {
    let hex: String = digest.hex().chars().take(64).collect();
    format!("{}-{hex}", digest.algorithm().as_str())
}

impl Client {
    /// Lists what refers to a digest.
    ///
    /// # Errors
    /// When the registry refuses or does not answer. That it has no referrers API is no error.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Referrers, RegistryError> {
        if let Some(found) = self.referrers_by_api(repository, digest).await? {
            return Ok(found);
        }
        let tag = fallback_tag(digest);
        let none = |warnings| Referrers {
            manifests: Vec::new(),
            listed_by: ReferrersSource::None,
            warnings,
        };
        let Some(manifest) = self.find_manifest(repository, &tag).await? else {
            return Ok(none(Vec::new()));
        };
        let Ok(ManifestKind::Index(index)) = manifest.parse() else {
            return Ok(none(vec![no_index(repository, &tag)]));
        };
        Ok(limited(
            index.manifests,
            ReferrersSource::FallbackTag,
            repository,
        ))
    }

    /// Looks for cosign's tags beside images, which no list of referrers names.
    ///
    /// # Errors
    /// When the registry refuses or does not answer.
    pub async fn digest_tags(
        &self,
        repository: &Repository,
        about: &[Digest],
    ) -> Result<Vec<DigestTag>, RegistryError> {
        let name = |digest: &Digest, suffix: &str| {
            let tag = format!("{}-{}.{suffix}", digest.algorithm().as_str(), digest.hex());
            (tag, digest.clone())
        };
        let tags: Vec<(String, Digest)> = about
            .iter()
            .flat_map(|digest| SUFFIXES.map(|suffix| name(digest, suffix)))
            .collect();
        let found: Vec<Option<DigestTag>> = futures_util::stream::iter(tags)
            .map(|(tag, about)| async move {
                let found = self.head_manifest(repository, &tag).await?;
                Ok::<_, RegistryError>(found.map(|descriptor| DigestTag {
                    tag,
                    about,
                    descriptor,
                }))
            })
            .buffered(SUFFIXES.len() * 2)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Asks the referrers API; none where the registry has none.
    async fn referrers_by_api(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Referrers>, RegistryError> {
        let mut manifests = Vec::new();
        let mut url = endpoint(repository, &format!("/referrers/{digest}"))?;
        let mut seen = vec![url.clone()];
        for _page in 0..PAGES {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(media_type::OCI_INDEX));
            let call = Call {
                repository,
                access: Access::Pull,
                method: Method::GET,
                url,
                headers,
                body: None,
                what: format!("referrers of {repository}@{digest}"),
            };
            let response = self.send(&call).await?;
            match response.status() {
                StatusCode::OK if is_index_answer(response.headers()) => {}
                // 404 is the specification's "no API"; the others were seen in the field.
                StatusCode::OK
                | StatusCode::NOT_FOUND
                | StatusCode::BAD_REQUEST
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::NOT_ACCEPTABLE => return Ok(None),
                _ => return Err(self.failure(response, &call).await),
            }
            let next = next_page(&response, repository);
            let body = read_capped(response, MANIFEST_LIMIT, &call.what, self.stall()).await?;
            let Ok(index) = serde_json::from_slice::<Index>(&body) else {
                return Ok(None);
            };
            manifests.extend(index.manifests);
            match next.filter(|next| !seen.contains(next) && manifests.len() <= ENTRIES) {
                Some(next) => {
                    seen.push(next.clone());
                    url = next;
                }
                None => break,
            }
        }
        Ok(Some(limited(manifests, ReferrersSource::Api, repository)))
    }

    /// Stores an artifact's manifest under its digest and sees to it that it is listed for its
    /// subject: by the registry itself where it has the API, else in the fallback tag. Returns
    /// warnings. The blobs it names have to be there already.
    ///
    /// # Errors
    /// When the manifest does not name `subject` as its subject, the registry refuses or does not
    /// answer, or others overwrite the fallback tag again and again.
    pub async fn put_referrer(
        &self,
        repository: &Repository,
        subject: &Digest,
        manifest: &RawManifest,
    ) -> Result<Vec<String>, RegistryError> {
        let entry = entry(subject, manifest)?;
        self.put_manifest(repository, &manifest.digest.to_string(), manifest)
            .await?;
        // The OCI-Subject header is no proof: registries sent it without having the API.
        if self.referrers_by_api(repository, subject).await?.is_some() {
            return Ok(Vec::new());
        }
        let tag = fallback_tag(subject);
        for _write in 0..WRITES {
            let listed = self.find_manifest(repository, &tag).await?;
            let new = match &listed {
                None => Some(new_index(&entry)),
                Some(listed) => match listed.parse() {
                    Ok(ManifestKind::Index(index)) if lists(&index, &manifest.digest) => {
                        return Ok(Vec::new());
                    }
                    Ok(ManifestKind::Index(_)) => appended(listed, &entry),
                    _ => None,
                },
            };
            let Some(new) = new else {
                return Ok(vec![format!(
                    "{}; {} was stored and is not listed",
                    no_index(repository, &tag),
                    manifest.digest
                )]);
            };
            self.put_manifest(repository, &tag, &new).await?;
        }
        // The last write has not been looked at yet.
        let listed = self.find_manifest(repository, &tag).await?;
        match listed.map(|listed| listed.parse()) {
            Some(Ok(ManifestKind::Index(index))) if lists(&index, &manifest.digest) => {
                Ok(Vec::new())
            }
            _ => Err(RegistryError::Unexpected {
                what: format!("referrers of {repository}@{subject}"),
                detail: format!("the tag {tag} does not keep the entry that is added to it"),
            }),
        }
    }
}

fn no_index(repository: &Repository, tag: &str) -> String {
    format!("{repository}:{tag} should list referrers and holds something else")
}

fn limited(
    mut manifests: Vec<Descriptor>,
    listed_by: ReferrersSource,
    repository: &Repository,
) -> Referrers {
    let mut warnings = Vec::new();
    if manifests.len() > ENTRIES {
        manifests.truncate(ENTRIES);
        warnings.push(format!(
            "{repository} lists more than {ENTRIES} referrers; the rest is left out"
        ));
    }
    Referrers {
        manifests,
        listed_by,
        warnings,
    }
}

fn lists(index: &Index, digest: &Digest) -> bool {
    index.manifests.iter().any(|entry| entry.digest == *digest)
}

/// Builds the entry of an artifact (distribution specification, "Listing Referrers").
fn entry(subject: &Digest, manifest: &RawManifest) -> Result<Descriptor, RegistryError> {
    let (named, artifact_type, annotations) = match manifest.parse()? {
        ManifestKind::Manifest(document) => {
            let config = document.config.media_type;
            (
                document.subject,
                Some(document.artifact_type.unwrap_or(config)),
                document.annotations,
            )
        }
        ManifestKind::Index(document) => (
            document.subject,
            document.artifact_type,
            document.annotations,
        ),
    };
    if named.is_none_or(|named| named.digest != *subject) {
        return Err(RegistryError::Unsupported {
            what: format!("{} as a referrer", manifest.digest),
            detail: format!("its subject is not {subject}"),
        });
    }
    Ok(Descriptor {
        artifact_type,
        annotations,
        ..manifest.descriptor()
    })
}

fn new_index(entry: &Descriptor) -> RawManifest {
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": [entry],
    });
    RawManifest::new(
        document.to_string().into(),
        media_type::OCI_INDEX.to_owned(),
    )
}

/// Returns the index with one more entry; whatever else it holds is kept.
fn appended(listed: &RawManifest, entry: &Descriptor) -> Option<RawManifest> {
    let mut document: Value = serde_json::from_slice(&listed.bytes).ok()?;
    let manifests = document.get_mut("manifests")?.as_array_mut()?;
    manifests.push(serde_json::to_value(entry).ok()?);
    Some(RawManifest::new(
        document.to_string().into(),
        foreign(&listed.media_type),
    ))
}
