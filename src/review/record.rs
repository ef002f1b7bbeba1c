//! Recording decisions: drafts become ledger entries, and words about images are signed where a key
//! is given.
//!
//! Both front ends come through here. Which decisions are allowed is `decide`'s question.

use chrono::SubsecRound as _;
use serde_json::json;

use crate::environment::Clock;
use crate::error::{ErrorKind, Explain};
use crate::formats::envelope::Statement;
use crate::ledger::{Draft, Entry, Ledger, LedgerError, kind, replay};
use crate::model::{Digest, Finding, ImageVerdict, Origin, Report, Sbom};
use crate::signing::{APPROVAL_PREDICATE, Signer, SigningError, sign_statement};
use crate::triage::standing::approval_end;

use super::approvals::{
    Excused, LedgerState, Predicate, Reviewer, Said, Seen, SeenDigest, TrustedKeys, open,
};
use super::decide::{DecideRequest, Decided, decide, image_verdict, undo};
use super::{Review, ReviewError};

/// A decision that was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The decision is not allowed as it is.
    #[error(transparent)]
    Review(#[from] ReviewError),
    /// The ledger refused it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The signer refused.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The entry is in the ledger and its signature is not: it counts for nothing.
    #[error("entry {entry} is recorded without its signature and does not count")]
    Unproven {
        /// The entry.
        entry: u64,
        /// Why the signature could not be stored.
        source: LedgerError,
    },
    /// What a key signed, only that key takes back.
    #[error("entry {entry} is signed by key {}, and only that key takes it back", key.short())]
    OtherKey {
        /// The entry.
        entry: u64,
        /// The fingerprint of the key that signed it.
        key: Digest,
    },
    /// The signature of the entry to take back is gone or damaged, so that its key is not known.
    #[error("entry {entry} is signed, and its signature cannot be used: {detail}")]
    Unreadable {
        /// The entry.
        entry: u64,
        /// What is wrong.
        detail: String,
    },
    /// The statement cannot be written: a defect.
    #[error("the statement cannot be written: {0}")]
    Encoding(String),
}

impl Explain for RecordError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Review(error) => error.kind(),
            Self::Ledger(error) | Self::Unproven { source: error, .. } => error.kind(),
            Self::Signing(error) => error.kind(),
            Self::OtherKey { .. } | Self::Unreadable { .. } => ErrorKind::Refused,
            Self::Encoding(_) => ErrorKind::Internal,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Review(error) => return error.hints(),
            Self::Ledger(error) => return error.hints(),
            Self::Signing(error) => return error.hints(),
            Self::Unproven { source, .. } => {
                let mut hints = source.hints();
                hints.push("decide again".to_owned());
                return hints;
            }
            Self::OtherKey { .. } => {
                "give it with --key; who disagrees records a decision of their own"
            }
            Self::Unreadable { .. } => "put the file back into `approvals/` from a copy",
            Self::Encoding(_) => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

/// Records a decision and returns its entries, which are durable then. With a signer, a decision
/// about an image is signed: the entry names the envelope, which lies beside the chain.
///
/// The entry comes first: if the program stops in between, the entry has no proof and does not
/// count, instead of a proof that counts without an entry.
///
/// # Errors
/// When the decision is not allowed, cannot be signed, or the ledger refuses it.
pub async fn record(
    ledger: &Ledger,
    review: &Review,
    request: &DecideRequest,
    signer: Option<&Signer>,
) -> Result<Vec<Entry>, RecordError> {
    let mut request = request.clone();
    let mut envelope = None;
    if let (Some(signer), Decided::Image(_)) = (signer, &request.decided) {
        let bytes = sign(review, &request, signer).await?;
        request.envelope = Some(Digest::of(&bytes));
        envelope = Some(bytes);
    }
    let drafts = decide(review, &request)?;
    if let Decided::CarryOver(_) = &request.decided {
        check_carried(ledger, &drafts).await?;
    }
    let entries = ledger.append_all(drafts).await?;
    if let (Some(bytes), Some(entry)) = (envelope, entries.last()) {
        keep(ledger, entry.seq, &bytes).await?;
    }
    Ok(entries)
}

/// Refuses to carry over what was taken back since the review was opened.
async fn check_carried(ledger: &Ledger, drafts: &[Draft]) -> Result<(), RecordError> {
    let chain = ledger.read().await?;
    let undone = replay(&chain.entries).undone;
    let from = |draft: &Draft| draft.body.pointer("/carried_from/entry")?.as_u64();
    match drafts
        .iter()
        .filter_map(from)
        .find(|entry| undone.contains(entry))
    {
        None => Ok(()),
        Some(entry) => {
            let text = format!("entry {entry} was taken back since it was offered: read again");
            Err(ReviewError::Decision(text).into())
        }
    }
}

async fn keep(ledger: &Ledger, entry: u64, bytes: &[u8]) -> Result<(), RecordError> {
    let kept = ledger.put_envelope(bytes).await;
    kept.map(drop)
        .map_err(|source| RecordError::Unproven { entry, source })
}

/// Takes an entry back with a new entry. What a key signed needs that key: the withdrawal is signed
/// as well, so that it holds wherever the signed word went.
///
/// # Errors
/// When there is no such entry, it cannot be taken back, another key signed it, or the ledger
/// refuses.
pub async fn withdraw(
    ledger: &Ledger,
    entry: u64,
    reviewer: &str,
    clock: Clock,
    signer: Option<&Signer>,
) -> Result<Entry, RecordError> {
    let chain = ledger.read().await?;
    let found = chain.entries.iter().find(|known| known.seq == entry);
    let named = found
        .filter(|found| found.kind == kind::APPROVAL)
        .and_then(|found| serde_json::from_value::<ImageVerdict>(found.body.clone()).ok())
        .and_then(|verdict| verdict.envelope);
    let (Some(named), None) = (named, &chain.broken) else {
        return Ok(ledger.undo(entry, reviewer, clock).await?);
    };
    let unreadable = |detail: String| RecordError::Unreadable { entry, detail };
    let stored = chain
        .envelopes
        .iter()
        .find(|envelope| envelope.sha256 == named)
        .ok_or_else(|| unreadable("it is missing".to_owned()))?;
    let stood = open(stored, &TrustedKeys::default()).map_err(unreadable)?;
    let Some(signer) = signer.filter(|signer| *signer.public_key().fingerprint() == stood.key)
    else {
        let key = stood.key;
        return Err(RecordError::OtherKey { entry, key });
    };
    let predicate = Predicate {
        decision: Said::Withdraw,
        reviewer: identity(reviewer, signer)?,
        reason: format!("takes back entry {entry}"),
        time: clock.now().trunc_subsecs(0),
        clock: clock.as_str().to_owned(),
        until: None,
        excused: Vec::new(),
        left: Vec::new(),
        suppressed: None,
        counts: serde_json::Value::Null,
        evidence: Vec::new(),
        ledger: state(&chain.entries),
        withdraws: Some(named),
        ..stood.predicate
    };
    let bytes = envelope(&stood.bound, &predicate, signer).await?;
    let mut draft = undo(&chain, entry, reviewer, clock)?;
    if let Some(body) = draft.body.as_object_mut() {
        body.insert("envelope".to_owned(), json!(Digest::of(&bytes)));
    }
    let recorded = ledger.append(draft).await?;
    keep(ledger, recorded.seq, &bytes).await?;
    Ok(recorded)
}

/// Signs a decision about an image; returns the DSSE envelope.
async fn sign(
    review: &Review,
    request: &DecideRequest,
    signer: &Signer,
) -> Result<Vec<u8>, RecordError> {
    let Decided::Image(decision) = request.decided else {
        let text = "only decisions about a whole image are signed";
        return Err(ReviewError::Decision(text.to_owned()).into());
    };
    let verdict = image_verdict(review, request, decision)?;
    let subject = review.subjects.get(request.subject);
    let bound = subject.and_then(crate::model::Subject::identity);
    let bound = bound.ok_or_else(|| {
        let text = format!(
            "{} has no digest in any report, so a signature could not be bound to it",
            verdict.subject.name
        );
        ReviewError::Decision(text)
    })?;
    let time = request.clock.now().trunc_subsecs(0);
    let summary = review.summary(request.subject);
    let predicate = Predicate {
        decision: decision.into(),
        reviewer: identity(&request.reviewer, signer)?,
        reason: verdict.reason,
        time,
        clock: request.clock.as_str().to_owned(),
        until: (decision == crate::model::ImageDecision::Approve)
            .then(|| approval_end(time, &review.policy))
            .flatten(),
        subject: verdict.subject,
        policy_sha256: verdict.policy_sha256,
        excused: excused(review, request.subject, &verdict.excused),
        left: verdict.left,
        suppressed: verdict.suppressed,
        counts: json!({
            "findings": summary.findings,
            "fixable": summary.fixable,
            "by_severity": summary.by_severity,
        }),
        evidence: verdict
            .reports
            .iter()
            .map(|report| seen(review, report))
            .collect(),
        ledger: state(&review.history),
        withdraws: None,
    };
    envelope(&bound, &predicate, signer).await
}

async fn envelope(
    bound: &Digest,
    predicate: &Predicate,
    signer: &Signer,
) -> Result<Vec<u8>, RecordError> {
    let wrong = |error: serde_json::Error| RecordError::Encoding(error.to_string());
    let value = serde_json::to_value(predicate).map_err(wrong)?;
    let mut statement = Statement::about(bound, APPROVAL_PREDICATE, value);
    for subject in &mut statement.subject {
        subject.name.clone_from(&predicate.subject.name);
    }
    let text = serde_json_canonicalizer::to_vec(&statement).map_err(wrong)?;
    Ok(sign_statement(signer, &text).await?)
}

fn identity(name: &str, signer: &Signer) -> Result<Reviewer, RecordError> {
    let key = signer.public_key();
    Ok(Reviewer {
        name: name.to_owned(),
        key: key.fingerprint().clone(),
        public_key: key.to_pem()?,
    })
}

fn state(entries: &[Entry]) -> Option<LedgerState> {
    let (first, last) = entries.first().zip(entries.last())?;
    Some(LedgerState {
        first: first.sha256.clone(),
        seq: last.seq,
        sha256: last.sha256.clone(),
    })
}

/// Describes the findings that verdicts excuse.
pub(super) fn excused(
    review: &Review,
    subject: usize,
    keys: &[crate::model::FindingKey],
) -> Vec<Excused> {
    let by_key: std::collections::HashMap<_, usize> = review
        .findings_of(subject)
        .filter_map(|position| Some((&review.findings.get(position)?.key, position)))
        .collect();
    let one = |key: &crate::model::FindingKey| {
        let position = *by_key.get(key)?;
        let finding: &Finding = review.findings.get(position)?;
        let standing = review.verdicts.get(position)?.as_ref()?;
        Some(Excused {
            key: key.clone(),
            id: finding.id.clone(),
            decision: standing.verdict.decision,
            reason: standing.verdict.reason.clone(),
            until: standing.verdict.until,
            reviewer: standing.recorded.reviewer.clone(),
        })
    };
    keys.iter().filter_map(one).collect()
}

/// Describes a document of the review by what it is, not by where it lay.
pub(super) fn seen(review: &Review, sha256: &Digest) -> Seen {
    let is_it = |origin: &Origin| origin.sha256 == *sha256;
    let report = review.reports.iter().find(|report| is_it(&report.origin));
    let sbom = review.sboms.iter().find(|sbom| is_it(&sbom.origin));
    let origin = report
        .map(|report: &std::sync::Arc<Report>| &report.origin)
        .or_else(|| sbom.map(|sbom: &std::sync::Arc<Sbom>| &sbom.origin));
    let name = origin.map_or("", |origin| origin.path.as_str());
    let annotations = report.map_or_else(
        || json!({"kind": "sbom"}),
        |report| {
            json!({
                "kind": "report",
                "scanner": report.scanner,
                "scanner_version": report.scanner_version,
                "database_built": report.database_built,
            })
        },
    );
    Seen {
        name: name.rsplit('/').next().unwrap_or(name).to_owned(),
        digest: SeenDigest {
            sha256: sha256.hex().to_owned(),
        },
        annotations,
    }
}
