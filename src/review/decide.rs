//! Decisions: a person's request becomes checked ledger drafts.
//!
//! Nothing is written here; the caller appends the drafts and replays the ledger.

use chrono::{DateTime, NaiveDate, Utc};

use crate::environment::Clock;
use crate::ledger::{Chain, Draft, kind};
use crate::model::{
    Decision, Digest, Finding, FindingRef, ImageDecision, ImageVerdict, JUSTIFICATIONS, Kind,
    Scope, SubjectRef, Until, Verdict,
};

use super::{Review, ReviewError};
use crate::triage::carry::Offer;

/// The longest reason, in characters: a note, not a document.
pub const MAX_REASON: usize = 4_000;

/// What a decision is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Findings by position in `Review::findings`.
    Findings(Vec<usize>),
    /// Findings by id or key, as typed; an id that means several is refused unless `all_matching`.
    Named {
        /// Ids or keys.
        names: Vec<String>,
        /// Whether an id may mean several findings.
        all_matching: bool,
    },
    /// Every finding of the subject that is not suppressed.
    AllFindings,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// About findings.
    Findings {
        /// Which.
        selection: Selection,
        /// The decision.
        decision: Decision,
        /// The end of an accepted risk.
        until: Option<Until>,
        /// The OpenVEX justification.
        justification: Option<String>,
        /// The scope.
        scope: Scope,
    },
    /// Earlier verdicts that are offered on these findings hold here as well: see
    /// [`crate::triage::carry`]. Reason and end are theirs.
    CarryOver(Selection),
    /// About the whole image.
    Image(ImageDecision),
}

/// A request to record a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecideRequest {
    /// The subject: index among the review's subjects.
    pub subject: usize,
    /// What was decided.
    pub decided: Decided,
    /// Why. Refused when empty, but for what is carried over.
    pub reason: String,
    /// The reviewer.
    pub reviewer: String,
    /// The clock the time is taken from.
    pub clock: Clock,
    /// The digest of a signed approval envelope, where one was stored.
    pub envelope: Option<Digest>,
}

impl DecideRequest {
    /// Returns the request to carry over what is offered on findings, by position.
    #[must_use]
    pub fn carry_over(subject: usize, findings: Vec<usize>, reviewer: &str, clock: Clock) -> Self {
        Self {
            subject,
            decided: Decided::CarryOver(Selection::Findings(findings)),
            reason: String::new(),
            reviewer: reviewer.to_owned(),
            clock,
            envelope: None,
        }
    }
}

/// Checks a request and returns the ledger entries to append, one a finding.
///
/// # Errors
/// When the reason is empty, an accepted risk has no end or one beyond the policy's maximum, a
/// secret is to be excused by anything but `false-positive`, nothing matches or is offered, or the
/// image has no identity to bind an approval to.
pub fn decide(review: &Review, request: &DecideRequest) -> Result<Vec<Draft>, ReviewError> {
    match &request.decided {
        Decided::CarryOver(selection) => carry_over(review, request, selection),
        Decided::Image(decision) => {
            check_reason(request)?;
            let verdict = image_verdict(review, request, *decision)?;
            Ok(vec![draft(request, kind::APPROVAL, &verdict)?])
        }
        Decided::Findings {
            selection,
            decision,
            until,
            justification,
            scope,
        } => {
            let reason = check_reason(request)?;
            check_decision(
                review,
                *decision,
                *until,
                justification.as_deref(),
                request.clock.now(),
            )?;
            let subject = subject_of(review, request)?;
            let evidence = review.summary(request.subject).evidence;
            let findings = select(review, request.subject, selection)?;
            findings
                .into_iter()
                .map(|finding| {
                    check_finding(finding, *decision)?;
                    let verdict = Verdict {
                        decision: *decision,
                        reason: reason.to_owned(),
                        until: *until,
                        justification: justification.clone(),
                        scope: *scope,
                        finding: FindingRef::of(finding),
                        subject: subject.clone(),
                        reports: evidence.clone(),
                        carried_from: None,
                    };
                    draft(request, kind::VERDICT, &verdict)
                })
                .collect()
        }
    }
}

/// Returns the reason; a decision needs one.
fn check_reason(request: &DecideRequest) -> Result<&str, ReviewError> {
    let reason = request.reason.trim();
    if reason.is_empty() {
        return Err(ReviewError::Decision(
            "a decision needs a reason".to_owned(),
        ));
    }
    if reason.chars().count() > MAX_REASON {
        let text = format!("the reason is longer than {MAX_REASON} characters");
        return Err(ReviewError::Decision(text));
    }
    Ok(reason)
}

/// Returns the entries that carry the offers on these findings over; all offers of the subject where
/// every finding is meant.
fn carry_over(
    review: &Review,
    request: &DecideRequest,
    selection: &Selection,
) -> Result<Vec<Draft>, ReviewError> {
    let subject = review.subjects.get(request.subject);
    let subject = subject.ok_or_else(no_subject)?;
    let evidence = review.summary(request.subject).evidence;
    offered(review, request.subject, selection)?
        .into_iter()
        .filter_map(|offer| Some((offer, review.findings.get(offer.finding)?)))
        .map(|(offer, finding)| {
            let verdict = offer.carried(finding, subject, evidence.clone());
            draft(request, kind::VERDICT, &verdict)
        })
        .collect()
}

/// Returns the offers that a selection means.
///
/// # Errors
/// When a finding that is named has none; naming every finding, it may be that none has one.
pub fn offered<'a>(
    review: &'a Review,
    subject: usize,
    selection: &Selection,
) -> Result<Vec<&'a Offer>, ReviewError> {
    if *selection == Selection::AllFindings {
        return Ok(review.offers_of(subject).collect());
    }
    let findings = select(review, subject, selection)?;
    let offers: Vec<&Offer> = review.offers_of(subject).collect();
    let of = |finding: &Finding| {
        let found = offers.iter().find(|offer| {
            let known = review.findings.get(offer.finding);
            known.is_some_and(|known| known.key == finding.key)
        });
        found.copied().ok_or_else(|| ReviewError::Finding {
            message: format!("no earlier verdict is offered on {}", finding.id),
            candidates: Vec::new(),
        })
    };
    findings.into_iter().map(of).collect()
}

fn draft<T: serde::Serialize>(
    request: &DecideRequest,
    kind: &str,
    body: &T,
) -> Result<Draft, ReviewError> {
    let body = serde_json::to_value(body)
        .map_err(|error| ReviewError::Decision(format!("cannot be written down: {error}")))?;
    Ok(Draft::new(kind, body, &request.reviewer, request.clock))
}

fn subject_of(review: &Review, request: &DecideRequest) -> Result<SubjectRef, ReviewError> {
    let subject = review.subject_ref(request.subject);
    subject.ok_or_else(no_subject)
}

fn no_subject() -> ReviewError {
    ReviewError::Subject {
        message: "no such subject".to_owned(),
        subjects: Vec::new(),
    }
}

/// Returns the verdict on the image, as the ledger records it.
///
/// # Errors
/// When there is no such subject, or an approval has no digest to be bound to.
pub(super) fn image_verdict(
    review: &Review,
    request: &DecideRequest,
    decision: ImageDecision,
) -> Result<ImageVerdict, ReviewError> {
    let subject = subject_of(review, request)?;
    let identity = review
        .subjects
        .get(request.subject)
        .and_then(crate::model::Subject::identity);
    if decision == ImageDecision::Approve && identity.is_none() {
        return Err(ReviewError::Decision(format!(
            "{} has no digest in any report, so an approval could not be bound to it; scan the image by its registry name, or review it together with its IMAGE",
            subject.name
        )));
    }
    let found = review.finding_sets(request.subject);
    Ok(ImageVerdict {
        decision,
        reason: request.reason.trim().to_owned(),
        subject,
        policy_sha256: review.policy.sha256(),
        excused: found.excused,
        left: found.left,
        suppressed: Some(found.suppressed),
        reports: review.summary(request.subject).evidence,
        envelope: request.envelope.clone(),
    })
}

/// Checks what holds for a decision whatever the finding.
fn check_decision(
    review: &Review,
    decision: Decision,
    until: Option<Until>,
    justification: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), ReviewError> {
    let refuse = |text: String| Err(ReviewError::Decision(text));
    match (decision, until) {
        (Decision::AcceptRisk, None) => {
            return refuse(
                "an accepted risk needs an end: a date (YYYY-MM-DD) or `fixed`".to_owned(),
            );
        }
        (Decision::AcceptRisk, Some(Until::Date(date))) => check_end(review, date, now)?,
        (Decision::AcceptRisk, Some(Until::Fixed)) | (_, None) => {}
        (_, Some(_)) => return refuse(format!("`{}` takes no end", decision.as_str())),
    }
    match (decision, justification) {
        (Decision::NotAffected, None) => refuse(format!(
            "`not-affected` needs a justification: {}",
            JUSTIFICATIONS.join(", ")
        )),
        (Decision::NotAffected, Some(token)) if !JUSTIFICATIONS.contains(&token) => {
            refuse(format!(
                "`{token}` is no OpenVEX justification: {}",
                JUSTIFICATIONS.join(", ")
            ))
        }
        (Decision::NotAffected, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => refuse(format!("`{}` takes no justification", decision.as_str())),
    }
}

fn check_end(review: &Review, date: NaiveDate, now: DateTime<Utc>) -> Result<(), ReviewError> {
    let today = now.date_naive();
    if date < today {
        return Err(ReviewError::Decision(format!(
            "the end {date} is in the past"
        )));
    }
    let longest = review.policy.approval.risk_acceptance_max.0;
    let latest = longest.and_then(|longest| today.checked_add_signed(longest));
    if let Some(latest) = latest.filter(|latest| date > *latest) {
        return Err(ReviewError::Decision(format!(
            "the policy lets a risk be accepted until {latest} at most"
        )));
    }
    Ok(())
}

fn check_finding(finding: &Finding, decision: Decision) -> Result<(), ReviewError> {
    if finding.kind == Kind::Secret && decision.excuses() && decision != Decision::FalsePositive {
        return Err(ReviewError::Decision(format!(
            "{}: a secret can only be a false-positive; remove it from the image and rotate it",
            finding.id
        )));
    }
    Ok(())
}

/// Returns the findings a selection means.
///
/// # Errors
/// When nothing matches, or an id means several findings and must not.
pub fn select<'a>(
    review: &'a Review,
    subject: usize,
    selection: &Selection,
) -> Result<Vec<&'a Finding>, ReviewError> {
    let mine = || {
        review
            .findings_of(subject)
            .filter_map(|position| review.findings.get(position))
    };
    let counts = |finding: &&Finding| finding.suppressed_by.is_none();
    let findings: Vec<&Finding> = match selection {
        Selection::AllFindings => mine().filter(counts).collect(),
        Selection::Findings(positions) => positions
            .iter()
            .filter_map(|position| review.findings.get(*position))
            .filter(|finding| finding.subject as usize == subject)
            .collect(),
        Selection::Named {
            names,
            all_matching,
        } => {
            let mut chosen: Vec<&Finding> = Vec::new();
            for name in names {
                let named = || mine().filter(|finding| is_named(finding, name));
                let mut found: Vec<&Finding> = named().filter(counts).collect();
                if found.is_empty() {
                    // A verdict may stand where so far only a file says something.
                    found = named().collect();
                }
                let message = match found.len() {
                    0 => format!("no finding is called `{name}`"),
                    1 => String::new(),
                    _ if *all_matching => String::new(),
                    count => format!("`{name}` means {count} findings"),
                };
                if !message.is_empty() {
                    let candidates = found.iter().map(|finding| describe(finding)).collect();
                    return Err(ReviewError::Finding {
                        message,
                        candidates,
                    });
                }
                for finding in found {
                    if !chosen.iter().any(|known| known.key == finding.key) {
                        chosen.push(finding);
                    }
                }
            }
            chosen
        }
    };
    if findings.is_empty() {
        let message = "no finding matches".to_owned();
        return Err(ReviewError::Finding {
            message,
            candidates: Vec::new(),
        });
    }
    Ok(findings)
}

fn is_named(finding: &Finding, name: &str) -> bool {
    finding.key.as_str() == name
        || finding
            .ids()
            .any(|id| id.as_str().eq_ignore_ascii_case(name))
}

fn describe(finding: &Finding) -> String {
    format!(
        "{}  {}  {} {}",
        finding.key, finding.id, finding.package.name, finding.package.version
    )
}

/// Returns the entry that takes back entry `entry` of the ledger.
///
/// # Errors
/// When there is no such entry, or it is neither a verdict, an approval nor another undo.
pub fn undo(chain: &Chain, entry: u64, reviewer: &str, clock: Clock) -> Result<Draft, ReviewError> {
    let found = chain.entries.iter().find(|known| known.seq == entry);
    let Some(found) = found else {
        return Err(ReviewError::Finding {
            message: format!("the ledger has no entry {entry}"),
            candidates: Vec::new(),
        });
    };
    if ![kind::VERDICT, kind::APPROVAL, kind::UNDO].contains(&found.kind.as_str()) {
        return Err(ReviewError::Decision(format!(
            "entry {entry} is a `{}`, which cannot be taken back",
            found.kind
        )));
    }
    let body = serde_json::json!({"entry": entry, "entry_sha256": found.sha256});
    Ok(Draft::new(kind::UNDO, body, reviewer, clock))
}
