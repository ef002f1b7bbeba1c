//! What an approval must fit besides its own words: the key, the destination, the archive.
//!
//! Its words and its end are `approval`'s work.

use std::str::FromStr as _;

use serde_json::Value;

use super::answer::{Evidence, EvidenceState};
use crate::archive::{Archive, ArchiveError};
use crate::model::{Digest, ImageReference, Repository};
use crate::signatures::SignaturesError;

/// The most documents of one approval that are looked for.
const MOST_EVIDENCE: usize = 1_000;

/// Returns why an approval that names the key of its one reviewer, or of whom promoted by several,
/// is not by that key.
pub(super) fn other_key(predicate: &Value, signer: Option<&Digest>) -> Option<String> {
    let who = predicate
        .get("reviewer")
        .or_else(|| predicate.get("promoter"))?;
    let named = who.get("key")?.as_str()?;
    let is_it = signer.is_some_and(|signer| signer.to_string() == named);
    let named: String = named.chars().take(80).collect();
    (!is_it).then(|| format!("the approval names the key {named}, which did not sign it"))
}

/// Returns the destination that an approval names, where it is another one than `repository`.
pub(super) fn other_destination(predicate: &Value, repository: &Repository) -> Option<String> {
    let named = predicate
        .get("destination")
        .or_else(|| predicate.get("resourceUri"))?;
    let Some(text) = named.as_str() else {
        return (!named.is_null()).then(|| "the approval's destination is no text".to_owned());
    };
    let reference = text.strip_prefix("docker://").unwrap_or(text);
    let parsed = ImageReference::from_str(reference);
    if parsed.is_ok_and(|parsed| parsed.repository == *repository) {
        return None;
    }
    let text: String = text.chars().take(300).collect();
    Some(format!("the approval is for `{text}`, not {repository}"))
}

/// Returns the documents that an approval rests on.
pub(super) fn evidence_of(predicate: &Value) -> Vec<Evidence> {
    let listed = predicate.get("evidence").and_then(Value::as_array);
    let listed = listed.map(Vec::as_slice).unwrap_or_default();
    let one = |entry: &Value| {
        let hex = entry.get("digest")?.get("sha256")?.as_str()?;
        let name = entry.get("name").and_then(Value::as_str);
        Some(Evidence {
            name: name.unwrap_or_default().chars().take(300).collect(),
            sha256: format!("sha256:{hex}").parse().ok()?,
            state: EvidenceState::Unchecked,
        })
    };
    listed.iter().take(MOST_EVIDENCE).filter_map(one).collect()
}

/// Looks for the documents in the archive; each is read whole and its hash is compared.
///
/// # Errors
/// When the archive does not answer.
pub(super) async fn look_up(
    archive: &Archive,
    evidence: &mut [Evidence],
) -> Result<(), SignaturesError> {
    for one in evidence {
        one.state = match archive.find_blob(&one.sha256).await {
            Ok(Some(_)) => EvidenceState::Intact,
            Ok(None) => EvidenceState::Missing,
            Err(ArchiveError::Damaged { .. }) => EvidenceState::Altered,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_approval_is_bound_to_its_key() {
        let (ours, other) = (Digest::of(b"ours"), Digest::of(b"other"));
        let predicate = json!({"reviewer": {"name": "x", "key": ours}});
        assert_eq!(other_key(&predicate, Some(&ours)), None);
        for signer in [Some(&other), None] {
            assert!(other_key(&predicate, signer).is_some());
        }
        let promoted = json!({"reviewers": [{"key": other}], "promoter": {"key": ours}});
        assert_eq!(other_key(&promoted, Some(&ours)), None);
        assert!(other_key(&promoted, Some(&other)).is_some());
        assert_eq!(other_key(&json!({"reviewer": "x"}), Some(&other)), None);
    }

    #[test]
    fn an_approval_is_bound_to_its_destination() {
        let repository: ImageReference = "registry.test/prod/app:1".parse().unwrap();
        let repository = repository.repository;
        for (predicate, fits) in [
            (json!({}), true),
            (json!({"destination": null}), true),
            (json!({"destination": "registry.test/prod/app:2"}), true),
            (
                json!({"resourceUri": "docker://registry.test/prod/app"}),
                true,
            ),
            (json!({"destination": "registry.test/prod/other:1"}), false),
            (json!({"destination": "registry.test/lab/app:1"}), false),
            (json!({"destination": "Not A Name"}), false),
            (json!({"destination": 7}), false),
        ] {
            let other = other_destination(&predicate, &repository);
            assert_eq!(other.is_none(), fits, "{predicate}: {other:?}");
        }
    }

    #[test]
    fn strange_evidence_is_passed_over() {
        let digest = Digest::of(b"report");
        let evidence = evidence_of(&json!({"evidence": [
            {"name": "trivy.json", "digest": {"sha256": digest.hex()}},
            {"name": "no digest"}, {"digest": {"sha256": "short"}}, 7,
        ]}));
        assert_eq!(evidence.len(), 1);
        assert_eq!(
            (evidence[0].name.as_str(), &evidence[0].sha256),
            ("trivy.json", &digest)
        );
        assert!(evidence_of(&json!({"evidence": {}})).is_empty());
    }
}
