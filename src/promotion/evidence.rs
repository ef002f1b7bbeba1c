//! The evidence of a promotion: the documents it was judged by, and the bundle they are kept in.
//!
//! Every document is read again and compared with what was reviewed; where the bundle goes is
//! the archive's business.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::archive::{Bundle, BundleFile, FileKind, LedgerHead};
use crate::model::Origin;
use crate::review::Review;

use super::{Plan, PromotionError};

/// Reads every report and SBOM of the plan's subjects again, and what suppresses records of them.
///
/// # Errors
/// When one of them is gone or holds other bytes than those that were reviewed.
pub(super) fn documents(review: &Review, plan: &Plan) -> Result<Vec<BundleFile>, PromotionError> {
    let mut files = Vec::new();
    for (kind, origin) in origins(review, plan) {
        let bytes = review.bytes_of(origin).map_err(PromotionError::Evidence)?;
        files.push(BundleFile {
            name: origin.path.clone(),
            kind,
            bytes: bytes.into(),
        });
    }
    Ok(files)
}

/// Returns the bundle: the documents, the verdicts on them, signed approvals, policy, plan and
/// receipt.
///
/// # Errors
/// As [`documents`].
pub(super) fn bundle(
    review: &Review,
    plan: &Plan,
    time: DateTime<Utc>,
    receipt: Bytes,
) -> Result<Bundle, PromotionError> {
    let mut files = documents(review, plan)?;
    let verdicts = review.history_of(&plan.subjects);
    let own = [
        (
            FileKind::Verdicts,
            "verdicts.json",
            serde_json::to_vec(&verdicts)?,
        ),
        (
            FileKind::Policy,
            "policy.json",
            serde_json::to_vec(&review.policy)?,
        ),
        (
            FileKind::Plan,
            "plan.json",
            serde_json::to_vec(&plan.document())?,
        ),
    ];
    files.extend(own.map(|(kind, name, bytes)| BundleFile {
        name: name.to_owned(),
        kind,
        bytes: bytes.into(),
    }));
    files.extend(
        review
            .envelopes_of(&plan.subjects)
            .into_iter()
            .map(|envelope| BundleFile {
                name: envelope.file(),
                kind: FileKind::Approval,
                bytes: envelope.bytes.clone().into(),
            }),
    );
    let head = review.history.last();
    Ok(Bundle {
        subject: plan.digest.clone(),
        name: plan.source.clone(),
        time,
        destination: Some(plan.destination.clone()),
        shipped_at: None,
        ledger: head.map(|entry| LedgerHead {
            seq: entry.seq,
            sha256: entry.sha256.clone(),
        }),
        files,
        receipt: Some(receipt),
    })
}

/// Returns where every document of the plan's subjects came from; a file that holds several is
/// named once.
fn origins<'a>(review: &'a Review, plan: &Plan) -> Vec<(FileKind, &'a Origin)> {
    let mut found: Vec<(FileKind, &Origin)> = Vec::new();
    for position in &plan.subjects {
        let Some(subject) = review.subjects.get(*position) else {
            continue;
        };
        let reports = subject.reports.iter();
        let reports = reports.filter_map(|(report, _)| review.reports.get(*report));
        found.extend(reports.map(|report| (FileKind::Report, &report.origin)));
        let sboms = subject.sboms.iter();
        let sboms = sboms.filter_map(|(sbom, _)| review.sboms.get(*sbom));
        found.extend(sboms.map(|sbom| (FileKind::Sbom, &sbom.origin)));
        let exempting = review
            .exempting()
            .filter(|(_, outcome)| outcome.subjects.contains(position));
        found.extend(exempting.map(|(document, _)| (FileKind::Vex, &document.origin)));
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|(kind, origin)| seen.insert((*kind, &origin.path, &origin.sha256)));
    found
}
