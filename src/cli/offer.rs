//! The earlier verdicts that are offered, as documents and tables show them.
//!
//! What is offered is `triage::carry`'s answer.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::output::{Align, Table};
use crate::model::{Decision, Difference, Digest, FindingKey, Scope, Until};
use crate::review::Review;
use crate::text::thousands;
use crate::triage::carry::Offer;

/// An earlier verdict that could be carried over to a finding of today.
#[derive(Serialize)]
pub(crate) struct OfferView<'a> {
    /// The finding of today.
    finding: &'a FindingKey,
    id: &'a str,
    package: &'a str,
    version: &'a str,
    /// The decision as it was taken, with reason, end and justification: carried over unchanged.
    decision: Decision,
    reason: &'a str,
    until: Option<Until>,
    justification: Option<&'a str>,
    /// The scope as it was: carried over it is `finding`.
    scope: Scope,
    reviewer: &'a str,
    time: DateTime<Utc>,
    /// The image it was taken on.
    image: &'a str,
    entry: u64,
    entry_sha256: &'a Digest,
    differences: &'a [Difference],
    #[serde(skip)]
    changed: String,
}

impl<'a> OfferView<'a> {
    /// Returns the view of `offer`.
    pub(crate) fn of(review: &'a Review, offer: &'a Offer) -> Option<Self> {
        let finding = review.findings.get(offer.finding)?;
        let verdict = &offer.verdict;
        Some(Self {
            finding: &finding.key,
            id: finding.id.as_str(),
            package: &finding.package.name,
            version: &finding.package.version,
            decision: verdict.decision,
            reason: &verdict.reason,
            until: verdict.until,
            justification: verdict.justification.as_deref(),
            scope: verdict.scope,
            reviewer: &offer.recorded.reviewer,
            time: offer.recorded.time,
            image: &verdict.subject.name,
            entry: offer.recorded.entry,
            entry_sha256: &offer.recorded.entry_sha256,
            differences: &offer.differences,
            changed: offer.changed_here(),
        })
    }

    /// Returns the views of everything offered on a subject.
    pub(crate) fn all(review: &'a Review, subject: usize) -> Vec<Self> {
        let offers = review.offers_of(subject);
        offers.filter_map(|offer| Self::of(review, offer)).collect()
    }
}

/// Returns a row an offer.
pub(crate) fn table(offers: &[OfferView<'_>]) -> Table {
    let mut table = Table::new(&[
        ("id", Align::Left),
        ("package", Align::Left),
        ("decision", Align::Left),
        ("until", Align::Left),
        ("by", Align::Left),
        ("entry", Align::Right),
        ("changed since", Align::Left),
    ]);
    for offer in offers {
        table.row([
            offer.id,
            &format!("{} {}", offer.package, offer.version),
            offer.decision.as_str(),
            &offer
                .until
                .map(|until| until.to_string())
                .unwrap_or_default(),
            offer.reviewer,
            &offer.entry.to_string(),
            &offer.changed,
        ]);
    }
    table
}

/// Says that there are offers, and how to see and take them.
pub(crate) fn hint(count: usize) -> String {
    let verdicts = if count == 1 {
        "verdict is"
    } else {
        "verdicts are"
    };
    format!(
        "{} earlier {verdicts} offered: `countersign decide … --carry-over --dry-run` shows them, without --dry-run they are carried over",
        thousands(count as u64)
    )
}
