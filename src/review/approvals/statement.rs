//! The signed statement of a reviewer about an image: what it says, and opening one that was found.
//!
//! Every byte of one that was found is hostile until its signature holds. Which statements count
//! for an image is the parent's question.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::trust::TrustedKeys;
use crate::formats::envelope::{Envelope, Statement};
use crate::ledger;
use crate::model::{
    Decision, Digest, FindingKey, ImageDecision, ImageVerdict, SubjectRef, Until, VulnerabilityId,
};
use crate::signing::{APPROVAL_PREDICATE, PublicKey, Refusal, verify_envelope_by};

/// What a reviewer says about an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::review) enum Said {
    /// It may be promoted.
    Approve,
    /// What this key said before is taken back.
    Withdraw,
    /// It must not be promoted. The last: of two words of one second it is the one that holds.
    Reject,
}

impl From<ImageDecision> for Said {
    fn from(decision: ImageDecision) -> Self {
        match decision {
            ImageDecision::Approve => Self::Approve,
            ImageDecision::Reject => Self::Reject,
        }
    }
}

/// Who says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::review) struct Reviewer {
    /// The name: a claim.
    pub(in crate::review) name: String,
    /// The fingerprint of the key: proven by the signature.
    pub(in crate::review) key: Digest,
    /// The key in PEM, so that a stranger's statement can be shown with the key that made it.
    pub(in crate::review) public_key: String,
}

/// A finding that a verdict excused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::review) struct Excused {
    /// The finding.
    pub(in crate::review) key: FindingKey,
    /// Its id at the time.
    pub(in crate::review) id: VulnerabilityId,
    /// The decision.
    pub(in crate::review) decision: Decision,
    /// Why.
    pub(in crate::review) reason: String,
    /// The end of an accepted risk.
    pub(in crate::review) until: Option<Until>,
    /// Who decided: a claim.
    pub(in crate::review) reviewer: String,
}

/// A report or SBOM that was seen (in-toto's `ResourceDescriptor`, as far as it is needed).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::review) struct Seen {
    /// The file's name, without its folder.
    pub(in crate::review) name: String,
    /// The SHA-256 of its bytes.
    pub(in crate::review) digest: SeenDigest,
    /// Scanner, version and database, where the document says.
    #[serde(default)]
    pub(in crate::review) annotations: Value,
}

/// in-toto's digest set with the one algorithm used here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::review) struct SeenDigest {
    /// Hexadecimal digits.
    pub(in crate::review) sha256: String,
}

/// The end of the ledger when the statement was made: an anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::review) struct LedgerState {
    /// The SHA-256 of the first entry, which tells one ledger from another.
    pub(in crate::review) first: Digest,
    /// The last entry's number.
    pub(in crate::review) seq: u64,
    /// The SHA-256 of the last entry.
    pub(in crate::review) sha256: Digest,
}

/// The predicate of `urn:countersign:review-approval:v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::review) struct Predicate {
    /// What is said.
    pub(in crate::review) decision: Said,
    /// By whom.
    pub(in crate::review) reviewer: Reviewer,
    /// Why.
    pub(in crate::review) reason: String,
    /// When, to the second.
    pub(in crate::review) time: DateTime<Utc>,
    /// `system`, or `given` where the time came from `--now`.
    pub(in crate::review) clock: String,
    /// When it lapses by the policy of the time; none: not by time alone.
    #[serde(default)]
    pub(in crate::review) until: Option<DateTime<Utc>>,
    /// The image, as much as was known.
    pub(in crate::review) subject: SubjectRef,
    /// The hash of the policy.
    pub(in crate::review) policy_sha256: Digest,
    /// The findings that verdicts excused.
    #[serde(default)]
    pub(in crate::review) excused: Vec<Excused>,
    /// The findings that remained.
    #[serde(default)]
    pub(in crate::review) left: Vec<FindingKey>,
    /// The findings that documents or scanners suppressed; none in statements of versions that did
    /// not bind to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::review) suppressed: Option<Vec<FindingKey>>,
    /// Counts, for people: findings, fixable, by severity.
    #[serde(default)]
    pub(in crate::review) counts: Value,
    /// The reports and SBOMs.
    #[serde(default)]
    pub(in crate::review) evidence: Vec<Seen>,
    /// The end of the ledger.
    #[serde(default)]
    pub(in crate::review) ledger: Option<LedgerState>,
    /// The envelope that a withdrawal is about.
    #[serde(default)]
    pub(in crate::review) withdraws: Option<Digest>,
}

impl Predicate {
    /// Returns the verdict as the ledger records it; none for a withdrawal.
    pub(in crate::review) fn verdict(&self, envelope: &Digest) -> Option<ImageVerdict> {
        let decision = match self.decision {
            Said::Approve => ImageDecision::Approve,
            Said::Reject => ImageDecision::Reject,
            Said::Withdraw => return None,
        };
        let reports = self.evidence.iter().filter_map(|seen| {
            let digest = format!("sha256:{}", seen.digest.sha256);
            digest.parse().ok()
        });
        Some(ImageVerdict {
            decision,
            reason: self.reason.clone(),
            subject: self.subject.clone(),
            policy_sha256: self.policy_sha256.clone(),
            excused: self.excused.iter().map(|one| one.key.clone()).collect(),
            left: self.left.clone(),
            suppressed: self.suppressed.clone(),
            reports: reports.collect(),
            envelope: Some(envelope.clone()),
        })
    }
}

/// A statement whose signature holds.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::review) struct Signed {
    /// The SHA-256 of the envelope.
    pub(in crate::review) sha256: Digest,
    /// The fingerprint of the key that made it.
    pub(in crate::review) key: Digest,
    /// The digest it is bound to.
    pub(in crate::review) bound: Digest,
    /// What it says.
    pub(in crate::review) predicate: Predicate,
}

/// Opens an envelope that was found: signature first, by a trusted key or else by the key that it
/// carries, then the statement's type, its image and its key.
///
/// # Errors
/// Why it does not count, in words.
pub(in crate::review) fn open(
    envelope: &ledger::Envelope,
    trusted: &TrustedKeys,
) -> Result<Signed, String> {
    let (key, statement) = match verify_envelope_by(&envelope.bytes, trusted.keys()) {
        Err(Refusal::UnknownKey) => {
            let carried = carried_key(&envelope.bytes)?;
            verify_envelope_by(&envelope.bytes, &[carried]).map_err(|refusal| match refusal {
                Refusal::UnknownKey => {
                    "the key it names did not make this signature, or what it says was changed"
                        .to_owned()
                }
                other => other.to_string(),
            })?
        }
        other => other.map_err(|refusal| refusal.to_string())?,
    };
    if statement.predicate_type != APPROVAL_PREDICATE {
        let kind: String = statement.predicate_type.chars().take(120).collect();
        return Err(format!("it is a statement of type `{kind}`, not a review"));
    }
    let predicate = predicate(&statement)?;
    if predicate.reviewer.key != key {
        return Err("it names another key than the one that signed it".to_owned());
    }
    let bound = digests(&predicate.subject)
        .into_iter()
        .find(|digest| statement.subject.len() == 1 && statement.subject_with(digest).is_some())
        .ok_or("the digest it signs is not that of the image it describes")?;
    Ok(Signed {
        sha256: envelope.sha256.clone(),
        key,
        bound,
        predicate,
    })
}

fn predicate(statement: &Statement) -> Result<Predicate, String> {
    Predicate::deserialize(&statement.predicate)
        .map_err(|error| format!("the review in it cannot be read: {error}"))
}

/// Returns the key that an envelope carries, before anything in it is believed.
fn carried_key(bytes: &[u8]) -> Result<PublicKey, String> {
    let envelope = Envelope::parse(bytes).map_err(|error| error.to_string())?;
    let statement = Statement::parse(&envelope.payload).map_err(|error| error.to_string())?;
    let pem = statement.predicate.pointer("/reviewer/public_key");
    let pem = pem
        .and_then(Value::as_str)
        .ok_or("no trusted key made it, and it carries no key of its own")?;
    PublicKey::from_pem(pem).map_err(|error| format!("the key it carries cannot be used: {error}"))
}

/// Returns every digest by which the image can be named.
fn digests(subject: &SubjectRef) -> Vec<Digest> {
    let of_repositories = subject.repo_digests.iter();
    let of_repositories = of_repositories.filter_map(|text| text.rsplit_once('@')?.1.parse().ok());
    let own = [
        &subject.manifest_digest,
        &subject.index_digest,
        &subject.image_id,
    ];
    own.into_iter()
        .flatten()
        .cloned()
        .chain(of_repositories)
        .collect()
}
