//! Looking at a repository of Amazon ECR before and after a push, by its own interface.
//!
//! Nothing is changed by looking; what follows from what is seen is decided in `promotion`.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::Client;
use super::ecr::{self, Ecr, EcrHost, Mutability};
use super::error::{EcrError, RegistryError};
use crate::model::{Digest, Repository};

/// A digest that no image has.
const NO_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// The number of an upload that nobody began.
const NO_UPLOAD: &str = "00000000-0000-0000-0000-000000000000";

/// What a repository of Amazon ECR is like before a push.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preflight {
    /// Whether it exists; none where that cannot be seen.
    pub exists: Option<bool>,
    /// Whether the tag could be moved if it were there; none where that cannot be seen.
    pub tag_can_move: Option<bool>,
    /// `mutable`, `immutable`, or one of them with exceptions; none where that cannot be seen.
    pub immutability: Option<String>,
    /// Whether the repository scans what is pushed.
    pub scan_on_push: Option<bool>,
    /// `AES256` or `KMS`.
    pub encryption: Option<String>,
    /// The rules by which the repository removes images that have this tag or none, in words.
    pub lifecycle: Vec<String>,
    /// Permissions that a push needs and that were denied, such as `ecr:PutImage`.
    pub missing: Vec<String>,
    /// What could not be looked at, and why.
    pub unseen: Vec<String>,
}

/// One line of what `aws ecr list-images` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedImage {
    /// The digest; none where it is known only after signing.
    pub digest: Option<Digest>,
    /// The tag; none for an image that has none.
    pub tag: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LifecyclePolicy {
    rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rule {
    selection: Selection,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Selection {
    tag_status: String,
    tag_prefix_list: Vec<String>,
    tag_pattern_list: Vec<String>,
    count_type: String,
    count_number: u64,
    count_unit: String,
}

impl Client {
    /// Looks at the repository that an image shall be pushed to; none where it is not in ECR.
    ///
    /// What cannot be looked at is named in the answer: a role that may only push is enough for a
    /// promotion.
    pub async fn preflight(&self, repository: &Repository, tag: &str) -> Option<Preflight> {
        let host = EcrHost::of(&repository.registry)?;
        let ecr = &self.transport.authorizations.ecr;
        let mut found = Preflight::default();
        // Without credentials every other question has the same answer.
        if let Err(error) = ecr.log_in(&host, false).await {
            found.note(&error);
            return Some(found);
        }
        let (settings, lifecycle, denied) = Box::pin(futures_util::future::join3(
            ecr.repository(&host, repository),
            lifecycle(ecr, &host, repository, tag),
            denied(ecr, &host, repository),
        ))
        .await;
        match settings {
            Ok(None) => found.exists = Some(false),
            Ok(Some(settings)) => {
                found.exists = Some(true);
                if !host.is_public() {
                    found.tag_can_move = Some(settings.mutability.can_move(tag));
                    found.immutability = Some(words(&settings.mutability));
                    found.scan_on_push = Some(settings.scan_on_push);
                }
                found.encryption = Some(settings.encryption).filter(|it| !it.is_empty());
            }
            Err(error) => found.note(&error),
        }
        match lifecycle {
            Ok(rules) => found.lifecycle = rules,
            // Said once already.
            Err(_missing) if found.exists == Some(false) => {}
            Err(error) => found.note(&error),
        }
        found.missing = denied;
        Some(found)
    }

    /// Makes a repository in ECR: its tags cannot be moved but for those of signatures
    /// (`sha256-*`), and it scans what is pushed. One that is there already stays as it is.
    ///
    /// # Errors
    /// When the caller may not, there is no answer, or the registry is not ECR.
    pub async fn create_repository(&self, repository: &Repository) -> Result<(), RegistryError> {
        let host = EcrHost::of(&repository.registry).ok_or_else(|| RegistryError::Unsupported {
            what: format!("making the repository {repository}"),
            detail: "only Amazon ECR is asked to make one".to_owned(),
        })?;
        let ecr = &self.transport.authorizations.ecr;
        ecr.create(&host, repository).await
    }

    /// Returns what `aws ecr list-images` shows of these digests; nothing where the registry is
    /// not ECR.
    ///
    /// # Errors
    /// When the caller may not ask, or there is no answer.
    pub async fn listed(
        &self,
        repository: &Repository,
        digests: &[Digest],
    ) -> Result<Vec<ListedImage>, RegistryError> {
        let Some(host) = EcrHost::of(&repository.registry) else {
            return Ok(Vec::new());
        };
        let ecr = &self.transport.authorizations.ecr;
        let found = ecr.images(&host, repository, digests).await?;
        let listed = |(digest, tag)| ListedImage {
            digest: Some(digest),
            tag,
        };
        Ok(found.into_iter().map(listed).collect())
    }
}

impl Preflight {
    fn note(&mut self, error: &RegistryError) {
        self.unseen.push(error.to_string());
    }
}

fn words(mutability: &Mutability) -> String {
    match mutability {
        Mutability::Mutable => "mutable".to_owned(),
        Mutability::Immutable => "immutable".to_owned(),
        Mutability::ImmutableBut(patterns) => format!("immutable but {}", patterns.join(", ")),
        Mutability::MutableBut(patterns) => format!("mutable but {}", patterns.join(", ")),
    }
}

/// Asks for what a push asks for, of things that do not exist; returns what is denied.
///
/// Opening an upload is left out: it would leave one open.
async fn denied(ecr: &Ecr, host: &EcrHost, repository: &Repository) -> Vec<String> {
    let mut questions = vec![
        (
            "BatchCheckLayerAvailability",
            json!({"layerDigests": [NO_DIGEST]}),
        ),
        (
            "UploadLayerPart",
            json!({"uploadId": NO_UPLOAD, "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "AA=="}),
        ),
        (
            "CompleteLayerUpload",
            json!({"uploadId": NO_UPLOAD, "layerDigests": [NO_DIGEST]}),
        ),
        // A manifest that is none, under a digest that is not its own: it cannot be kept.
        (
            "PutImage",
            json!({"imageManifest": "{}", "imageDigest": NO_DIGEST}),
        ),
    ];
    if !host.is_public() {
        questions.push((
            "BatchGetImage",
            json!({"imageIds": [{"imageDigest": NO_DIGEST}]}),
        ));
        questions.push(("GetDownloadUrlForLayer", json!({"layerDigest": NO_DIGEST})));
    }
    let ask = |(operation, mut own): (&'static str, Value)| async move {
        if let Some(fields) = own.as_object_mut() {
            let name = ecr::name(host, repository);
            fields.insert("repositoryName".to_owned(), json!(name));
        }
        let answer = ecr.call(host, operation, &ecr::named(host, own)).await;
        let is_denied = matches!(
            answer,
            Err(RegistryError::Ecr(error)) if matches!(*error, EcrError::Denied { .. })
        );
        is_denied.then(|| format!("{}:{operation}", host.service()))
    };
    join_all(questions.into_iter().map(ask))
        .await
        .into_iter()
        .flatten()
        .collect()
}

/// Returns the rules that may remove what is pushed: under this tag, or without one.
async fn lifecycle(
    ecr: &Ecr,
    host: &EcrHost,
    repository: &Repository,
    tag: &str,
) -> Result<Vec<String>, RegistryError> {
    if host.is_public() {
        return Ok(Vec::new());
    }
    let text = ecr.lifecycle(host, repository).await?.unwrap_or_default();
    Ok(rules(&text, tag))
}

fn rules(text: &str, tag: &str) -> Vec<String> {
    let policy: LifecyclePolicy = serde_json::from_str(text).unwrap_or_default();
    let concerns = |selection: &Selection| match &*selection.tag_status {
        "tagged" => {
            let mut prefixes = selection.tag_prefix_list.iter();
            let mut patterns = selection.tag_pattern_list.iter();
            prefixes.any(|prefix| tag.starts_with(prefix.as_str()))
                || patterns.any(|pattern| ecr::matches(pattern, tag))
        }
        _ => true,
    };
    let describe = |selection: Selection| {
        let images = match &*selection.tag_status {
            "tagged" => format!("images tagged as {tag}"),
            "untagged" => "images without a tag (signatures and platforms have none)".to_owned(),
            _ => "any image".to_owned(),
        };
        let number = selection.count_number;
        if selection.count_type == "imageCountMoreThan" {
            return format!("{images} beyond the newest {number} are removed");
        }
        let unit = super::error::foreign(&selection.count_unit);
        let unit = if unit.is_empty() { "days" } else { &*unit };
        format!("{images} older than {number} {unit} are removed")
    };
    policy
        .rules
        .into_iter()
        .map(|rule| rule.selection)
        .filter(concerns)
        .map(describe)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_that_concern_the_image_are_named() {
        let text = r#"{"rules": [
            {"rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed",
                "countUnit": "days", "countNumber": 14}, "action": {"type": "expire"}},
            {"rulePriority": 2, "selection": {"tagStatus": "tagged", "tagPrefixList": ["dev"],
                "countType": "imageCountMoreThan", "countNumber": 5}, "action": {"type": "expire"}},
            {"rulePriority": 3, "selection": {"tagStatus": "tagged", "tagPatternList": ["v*"],
                "countType": "imageCountMoreThan", "countNumber": 10}, "action": {"type": "expire"}},
            {"rulePriority": 4, "selection": {"tagStatus": "any",
                "countType": "imageCountMoreThan", "countNumber": 100}, "action": {"type": "expire"}}]}"#;
        assert_eq!(
            rules(text, "v1"),
            [
                "images without a tag (signatures and platforms have none) older than 14 days are removed",
                "images tagged as v1 beyond the newest 10 are removed",
                "any image beyond the newest 100 are removed",
            ]
        );
        assert!(rules("not JSON", "v1").is_empty() && rules("", "v1").is_empty());
    }
}
