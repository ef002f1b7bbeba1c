//! Subjects: the one image under review, and the rule by which documents were joined to it.
//!
//! The joining itself is `triage::join`'s work.

use serde::{Deserialize, Serialize};

use super::{Digest, Platform};

/// The rule that joined a document to its subject, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JoinRule {
    /// The ordered lists of layer diff IDs are equal.
    DiffIds,
    /// The platform manifest's digest is equal.
    ManifestDigest,
    /// A repository digest is equal (the index's or the manifest's).
    RepoDigest,
    /// The image ID is equal.
    ImageId,
    /// The person said so with `--attach`.
    Asserted,
    /// Only the name is equal: weak, warned about, never counts for the gate.
    Name,
    /// The document stands alone.
    None,
}

impl JoinRule {
    /// Returns the name used in documents and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DiffIds => "diff-ids",
            Self::ManifestDigest => "manifest-digest",
            Self::RepoDigest => "repo-digest",
            Self::ImageId => "image-id",
            Self::Asserted => "asserted",
            Self::Name => "name",
            Self::None => "none",
        }
    }

    /// Returns whether the rule proves that both documents are about the same image.
    #[must_use]
    pub fn is_identity(self) -> bool {
        matches!(
            self,
            Self::DiffIds | Self::ManifestDigest | Self::RepoDigest | Self::ImageId
        )
    }
}

/// The image under review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name shown: the reports' name for it, or the digest.
    pub name: String,
    /// The platform manifest's digest.
    pub manifest_digest: Option<Digest>,
    /// The index's digest, where one is known.
    pub index_digest: Option<Digest>,
    /// Every `repository@digest` the documents state.
    pub repo_digests: Vec<String>,
    /// Every `repository:tag` the documents state.
    pub tags: Vec<String>,
    /// The image ID.
    pub image_id: Option<Digest>,
    /// The layers' diff IDs.
    pub diff_ids: Vec<Digest>,
    /// The platform.
    pub platform: Option<Platform>,
    /// Distribution and release.
    pub os: Option<String>,
    /// The weakest rule that joined its documents (`none` for a single document).
    pub joined_by: JoinRule,
    /// The documents: index into the review's reports, and the rule that joined each.
    pub reports: Vec<(usize, JoinRule)>,
    /// The SBOMs: index into the review's SBOMs, and the rule that joined each.
    pub sboms: Vec<(usize, JoinRule)>,
}

impl Subject {
    /// Returns whether `digest` names this image: its manifest, or an index it belongs to.
    #[must_use]
    pub fn is_named_by(&self, digest: &Digest) -> bool {
        self.manifest_digest.as_ref() == Some(digest)
            || self.index_digest.as_ref() == Some(digest)
            || self.digests_of_repositories().any(|named| named == *digest)
    }

    /// Returns the digests of the repository digests.
    pub fn digests_of_repositories(&self) -> impl Iterator<Item = Digest> + '_ {
        self.repo_digests.iter().filter_map(|text| {
            text.rsplit_once('@')
                .and_then(|(_, digest)| digest.parse().ok())
        })
    }

    /// Returns the name it is fetched by: its repository with the digest that was looked at, else
    /// its name.
    #[must_use]
    pub fn fetched_by(&self) -> String {
        let by_digest = self.repo_digests.first().map(|named| {
            match (named.rsplit_once('@'), &self.manifest_digest) {
                (Some((repository, _)), Some(digest)) => format!("{repository}@{digest}"),
                _ => named.clone(),
            }
        });
        by_digest.unwrap_or_else(|| self.name.clone())
    }

    /// Returns the digest a verdict on the whole image is bound to: the manifest's, else the one
    /// repository digest, else the image ID.
    #[must_use]
    pub fn identity(&self) -> Option<Digest> {
        self.manifest_digest
            .clone()
            .or_else(|| self.digests_of_repositories().next())
            .or_else(|| self.index_digest.clone())
            .or_else(|| self.image_id.clone())
    }
}
