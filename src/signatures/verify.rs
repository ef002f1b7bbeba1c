//! Verifying an image's signatures: every one that is found, with a reason where it does not count.
//!
//! Whether the answer is good enough is the caller's to say; nothing is written.

use std::str::FromStr as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;

use super::{
    CERTIFICATE_ANNOTATION, SIGNATURE_ANNOTATION, SignaturesError, approval, companion_tag, found,
};
use crate::model::{Digest, ImageReference, Repository};
use crate::registry::Client;
use crate::signing::payload::Payload;
use crate::signing::{
    APPROVAL_PREDICATE, BundleSignature, PublicKey, Refusal, SIGN_PREDICATE, check_bundle,
    check_legacy, unverified_predicate,
};

/// What to verify with.
#[derive(Clone, Debug)]
pub struct VerifyOptions<'a> {
    /// The keys that are trusted; one of them must have signed.
    pub keys: &'a [PublicKey],
    /// Whether a signature that names another repository is refused instead of warned about.
    /// Bundles name none: for them there is nothing to compare.
    pub strict: bool,
    /// The time that approvals must stand at.
    pub now: DateTime<Utc>,
}

/// How a signature is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A layer behind cosign's `.sig` tag.
    Legacy,
    /// A Sigstore bundle that refers to the image.
    Bundle,
}

/// One signature or attestation that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundSignature {
    /// How it is stored.
    pub format: Format,
    /// The trusted key that made it; none where no trusted key did.
    pub key_fingerprint: Option<Digest>,
    /// Whom its certificate names; none for a signature by a key.
    pub identity: Option<String>,
    /// Who vouched for that identity; none for a signature by a key.
    pub issuer: Option<String>,
    /// Whether it holds.
    pub valid: bool,
    /// Why it does not.
    pub reason: Option<String>,
    /// What its statement is; for an invalid one only what it claims to be.
    pub predicate_type: Option<String>,
    /// When it says it was made (RFC 3339). A claim: no log or time stamp proves it.
    pub claimed_time: Option<String>,
    /// The digest of the payload (legacy) or of the bundle's manifest.
    pub stored_as: Digest,
}

/// A valid approval that is attached to the image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Approval {
    /// The key that approved.
    pub key_fingerprint: Digest,
    /// What it says.
    pub predicate: Value,
}

/// The answer for one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verification {
    /// The repository and digest that were looked at.
    pub image: String,
    /// The digest.
    pub digest: Digest,
    /// Whether a trusted key signed the image. An attestation alone never makes it so.
    pub signed: bool,
    /// What claims to sign the image, valid or not.
    pub signatures: Vec<FoundSignature>,
    /// Signed statements that say something else about the image.
    pub attestations: Vec<FoundSignature>,
    /// The approval, where a valid one is attached.
    pub approval: Option<Approval>,
    /// What a person should know, above all where other verifiers answer otherwise.
    pub warnings: Vec<String>,
}

/// Finds and checks every signature of an image. That there is none is an answer too.
///
/// # Errors
/// When the registry refuses or does not answer. One damaged or oversized document is not an
/// error but an invalid signature.
pub async fn verify(
    client: &Client,
    repository: &Repository,
    image: &Digest,
    options: &VerifyOptions<'_>,
) -> Result<Verification, SignaturesError> {
    let referrers = found::referrers(client, repository, image).await?;
    let bundles = found::bundles(client, repository, &referrers).await?;
    let legacy = found::legacy(client, repository, image).await?;
    let mut judge = Judge::new(repository, image, options);
    judge.answer.warnings.extend(referrers.warnings);
    for bundle in bundles {
        judge.bundle(bundle);
    }
    judge.answer.warnings.extend(legacy.warnings);
    for layer in legacy.layers {
        judge.legacy(layer);
    }
    Ok(judge.finish())
}

/// Collects the answer, and what the warnings about other verifiers depend on.
struct Judge<'a> {
    repository: &'a Repository,
    options: &'a VerifyOptions<'a>,
    answer: Verification,
    /// Keys with a valid legacy signature.
    legacy_keys: Vec<Digest>,
    /// Keys with a valid bundle of any predicate.
    bundle_keys: Vec<Digest>,
    /// Whether any bundle can be parsed at all, which is what makes cosign ignore the `.sig` tag.
    readable_bundles: bool,
}

impl<'a> Judge<'a> {
    fn new(repository: &'a Repository, image: &Digest, options: &'a VerifyOptions<'a>) -> Self {
        Self {
            repository,
            options,
            answer: Verification {
                image: format!("{repository}@{image}"),
                digest: image.clone(),
                signed: false,
                signatures: Vec::new(),
                attestations: Vec::new(),
                approval: None,
                warnings: Vec::new(),
            },
            legacy_keys: Vec::new(),
            bundle_keys: Vec::new(),
            readable_bundles: false,
        }
    }

    fn bundle(&mut self, bundle: found::FoundBundle) {
        let mut entry = FoundSignature {
            format: Format::Bundle,
            key_fingerprint: None,
            identity: None,
            issuer: None,
            valid: false,
            reason: None,
            predicate_type: bundle.annotated_predicate.clone(),
            claimed_time: bundle.claimed_time,
            stored_as: bundle.stored_as,
        };
        let checked = match &bundle.content {
            Err(reason) => Err(reason.clone()),
            Ok(bytes) => {
                if let Some(claimed) = unverified_predicate(bytes) {
                    self.readable_bundles = true;
                    self.compare_predicates(bundle.annotated_predicate, &claimed, &entry.stored_as);
                    entry.predicate_type = Some(claimed);
                }
                check_bundle(&self.answer.digest, bytes, self.options.keys)
                    .map_err(|refusal| refusal.to_string())
            }
        };
        match checked {
            Err(reason) => entry.reason = Some(reason),
            Ok(valid) => self.valid_bundle(valid, &mut entry),
        }
        let kind = entry.predicate_type.as_deref();
        if matches!(kind, None | Some(SIGN_PREDICATE | APPROVAL_PREDICATE)) {
            self.answer.signatures.push(entry);
        } else {
            self.answer.attestations.push(entry);
        }
    }

    fn valid_bundle(&mut self, valid: BundleSignature, entry: &mut FoundSignature) {
        self.bundle_keys.push(valid.key.clone());
        entry.key_fingerprint = Some(valid.key.clone());
        let is_approval = valid.statement.predicate_type == APPROVAL_PREDICATE;
        if is_approval {
            entry.reason = approval::refusal(&valid.statement.predicate, self.options.now);
        }
        entry.valid = entry.reason.is_none();
        self.answer.signed |= entry.valid && valid.is_signature();
        if entry.valid && is_approval {
            self.answer.approval = Some(Approval {
                key_fingerprint: valid.key,
                predicate: valid.statement.predicate,
            });
        }
    }

    fn compare_predicates(&mut self, annotated: Option<String>, claimed: &str, stored_as: &Digest) {
        if let Some(annotated) = annotated.filter(|annotated| annotated != claimed) {
            self.answer.warnings.push(format!(
                "bundle {stored_as} is announced as `{annotated}` and holds `{claimed}`; what it holds counts"
            ));
        }
    }

    fn legacy(&mut self, found: found::FoundLayer) {
        let annotation = |key| found.layer.annotations.get(key).map(String::as_str);
        let mut entry = FoundSignature {
            format: Format::Legacy,
            key_fingerprint: None,
            identity: None,
            issuer: None,
            valid: false,
            reason: None,
            predicate_type: None,
            claimed_time: None,
            stored_as: found.layer.digest.clone(),
        };
        let checked = found.payload.and_then(|payload| {
            let signature = annotation(SIGNATURE_ANNOTATION);
            let (image, named) = (&self.answer.digest, &found.layer.digest);
            check_legacy(image, named, &payload, signature, self.options.keys).map_err(|refusal| {
                let certified = annotation(CERTIFICATE_ANNOTATION).is_some();
                match refusal {
                    Refusal::UnknownKey if certified => Refusal::Certificate.to_string(),
                    other => other.to_string(),
                }
            })
        });
        match checked {
            Err(reason) => entry.reason = Some(reason),
            Ok(valid) => {
                entry.claimed_time = claimed_time(&valid.payload);
                entry.reason = self.other_repository(&valid.payload.docker_reference);
                entry.key_fingerprint = Some(valid.key.clone());
                entry.valid = entry.reason.is_none();
                self.legacy_keys.push(valid.key);
            }
        }
        self.answer.signed |= entry.valid;
        self.answer.signatures.push(entry);
    }

    /// Returns the refusal of a signature that names another repository; warns where that is
    /// allowed, as cosign allows it.
    fn other_repository(&mut self, reference: &str) -> Option<String> {
        let named = ImageReference::from_str(reference).map(|image| image.repository);
        if named.is_ok_and(|named| named == *self.repository) {
            return None;
        }
        let text = format!("the signature names `{reference}`, not {}", self.repository);
        if self.options.strict {
            return Some(text);
        }
        self.answer.warnings.push(text);
        None
    }

    fn finish(mut self) -> Verification {
        if !self.answer.signed && !self.bundle_keys.is_empty() {
            self.answer.warnings.push(
                "attested but NOT signed: cosign 2.6.3 and later accept any statement by this key as a signature of the image, even a rejection".to_owned(),
            );
        }
        let hidden = self
            .legacy_keys
            .iter()
            .any(|key| !self.bundle_keys.contains(key));
        if hidden && self.readable_bundles {
            let tag = companion_tag(&self.answer.digest, "sig");
            self.answer.warnings.push(format!(
                "cosign 2.6.3 and later will not find the signature behind tag {tag}, because a bundle by another key is attached; sign again to add a bundle"
            ));
        }
        self.answer
    }
}

/// Returns the time that a payload claims, in RFC 3339.
fn claimed_time(payload: &Payload) -> Option<String> {
    let seconds = payload.optional.get("timestamp")?.as_i64()?;
    let time = DateTime::<Utc>::from_timestamp(seconds, 0)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_same_by_any_of_its_names() {
        let options = VerifyOptions {
            keys: &[],
            strict: true,
            now: DateTime::UNIX_EPOCH,
        };
        let repository = |name: &str| name.parse::<ImageReference>().unwrap().repository;
        for (signed, image, same) in [
            ("index.docker.io/library/alpine", "alpine", true),
            ("docker.io/library/alpine:3.20", "alpine", true),
            ("127.0.0.1:5000/lab/app", "127.0.0.1:5000/lab/app", true),
            ("127.0.0.1:5000/lab/app", "127.0.0.1:5000/lab/other", false),
            ("registry.test/lab/app", "127.0.0.1:5000/lab/app", false),
            ("", "alpine", false),
            ("Not A Name", "alpine", false),
        ] {
            let repository = repository(image);
            let mut judge = Judge::new(&repository, &Digest::of(b""), &options);
            let refused = judge.other_repository(signed);
            assert_eq!(refused.is_none(), same, "{signed} for {image}: {refused:?}");
        }
    }
}
