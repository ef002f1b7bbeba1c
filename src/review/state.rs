//! The review as a value: what was loaded, and how every verdict stands.
//!
//! Reading inputs is `open`'s work, checking a decision is `decide`'s.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize as _;

use crate::formats::{self, Details};
use crate::ledger::{self, Chain, Entry, Envelope};
use crate::model::{
    Approval, Digest, ExemptionDocument, Feed, Finding, ImageDecision, Kind, Origin, RecordCounts,
    Recorded, Report, Sbom, Standing, StandingVerdict, Subject, SubjectRef, Verdict,
    VulnerabilityId,
};
use crate::registry::Inspection;
use crate::triage::carry::{self, Offer};
use crate::triage::impact::{self, Known};
use crate::triage::index::{FindingIndex, VerdictMark};
use crate::triage::join::JoinCounts;
use crate::triage::policy::Policy;
use crate::triage::prediction::Prediction;
use crate::triage::risk::base::Base;
use crate::triage::standing;
use crate::triage::suppress::{Outcome, Suppressed};

use super::ReviewError;
use super::approvals::{Ground, TrustedKeys, Words};
use super::file::read_file;

/// An input that could not be read. It is never shown as clean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The path as given.
    pub path: String,
    /// What is wrong and where.
    pub message: String,
    /// What to do next.
    pub hints: Vec<String>,
}

/// Where a subject stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectState {
    /// Nobody decided.
    Open,
    /// Approved, and the approval holds.
    Approved,
    /// Rejected, and the rejection stands.
    Rejected,
    /// Approved once; the evidence changed.
    Stale,
    /// Promoted.
    Promoted,
}

impl SubjectState {
    /// Returns the name used in documents and on screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Stale => "stale",
            Self::Promoted => "promoted",
        }
    }
}

/// A promotion the ledger records for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promoted {
    /// Who and when.
    pub recorded: Recorded,
    /// The destination with its tag.
    pub destination: String,
    /// The promoted digest.
    pub digest: Digest,
}

/// Everything loaded, and how it stands. Large parts are shared, so a clone is cheap.
#[derive(Clone, Debug)]
pub struct Review {
    /// The reports.
    pub reports: Vec<Arc<Report>>,
    /// The SBOMs.
    pub sboms: Vec<Arc<Sbom>>,
    /// The ignore files and VEX documents.
    pub exemptions: Vec<Arc<ExemptionDocument>>,
    /// What those suppress, laid over the reports.
    pub suppressed: Arc<Suppressed>,
    /// Inputs that could not be read.
    pub failures: Vec<Failure>,
    /// Remarks about the inputs, such as a file given twice.
    pub notices: Vec<String>,
    /// Images read from a registry or layout.
    pub images: Vec<Arc<Inspection>>,
    /// The files about exploitation.
    pub feeds: Vec<Feed>,
    /// The subjects.
    pub subjects: Vec<Subject>,
    /// Where each subject's base image ends, where that is known.
    pub bases: Vec<Option<Base>>,
    /// The findings of every subject.
    pub findings: Arc<Vec<Finding>>,
    /// The column index over `findings`.
    pub index: Arc<FindingIndex>,
    /// The totals of joining.
    pub counts: JoinCounts,
    /// The verdict on each finding, as it stands.
    pub verdicts: Vec<Option<StandingVerdict>>,
    /// Earlier verdicts that do not hold here and could be carried over, by finding.
    pub offers: Arc<Vec<Offer>>,
    /// Images that the ledger names and that are not loaded.
    pub known: Arc<Vec<Known>>,
    /// The approvals and rejections of each subject, as they stand: each reviewer's latest.
    pub approvals: Vec<Vec<Approval>>,
    /// The promotions of each subject.
    pub promotions: Vec<Vec<Promoted>>,
    /// What was predicted, oldest first; about images of any review.
    pub predictions: Vec<(Recorded, Prediction)>,
    /// The ledger's entries, oldest first.
    pub history: Arc<Vec<Entry>>,
    /// What is wrong with the ledger, where something is: nothing can be recorded then.
    pub ledger_problem: Option<String>,
    /// The policy in force.
    pub policy: Policy,
    /// The keys it trusts.
    pub trusted: TrustedKeys,
    /// What lies among the signed approvals and does not count, and why.
    pub approval_notices: Vec<String>,
    envelopes: Arc<Vec<Envelope>>,
    standard_input: Option<Arc<Vec<u8>>>,
}

/// What a review is assembled from.
pub(super) struct Parts {
    pub(super) reports: Vec<Arc<Report>>,
    pub(super) sboms: Vec<Arc<Sbom>>,
    pub(super) exemptions: Vec<Arc<ExemptionDocument>>,
    pub(super) suppressed: Suppressed,
    pub(super) failures: Vec<Failure>,
    pub(super) notices: Vec<String>,
    pub(super) images: Vec<Arc<Inspection>>,
    pub(super) feeds: Vec<Feed>,
    pub(super) subjects: Vec<Subject>,
    pub(super) bases: Vec<Option<Base>>,
    pub(super) findings: Vec<Finding>,
    pub(super) counts: JoinCounts,
    pub(super) standard_input: Option<Arc<Vec<u8>>>,
    pub(super) policy: Policy,
    pub(super) trusted: TrustedKeys,
}

impl Review {
    /// Builds a review and takes in the ledger.
    pub(super) fn assemble(parts: Parts, chain: &Chain, now: DateTime<Utc>) -> Self {
        let mut review = Self {
            reports: parts.reports,
            sboms: parts.sboms,
            exemptions: parts.exemptions,
            suppressed: Arc::new(parts.suppressed),
            failures: parts.failures,
            notices: parts.notices,
            images: parts.images,
            feeds: parts.feeds,
            subjects: parts.subjects,
            bases: parts.bases,
            index: Arc::new(FindingIndex::build(&parts.findings, &[])),
            findings: Arc::new(parts.findings),
            counts: parts.counts,
            verdicts: Vec::new(),
            offers: Arc::default(),
            known: Arc::default(),
            approvals: Vec::new(),
            promotions: Vec::new(),
            predictions: Vec::new(),
            history: Arc::new(Vec::new()),
            ledger_problem: None,
            policy: parts.policy,
            trusted: parts.trusted,
            approval_notices: Vec::new(),
            envelopes: Arc::default(),
            standard_input: parts.standard_input,
        };
        review.replay(chain, now);
        review
    }

    /// Takes in the ledger as it is now and works out how every verdict stands at `now`.
    pub fn replay(&mut self, chain: &Chain, now: DateTime<Utc>) {
        let replay = ledger::replay(&chain.entries);
        self.verdicts = self.standing_verdicts(&replay.verdicts, now);
        self.offers = Arc::new(carry::offers(
            &replay.verdicts,
            &carry::Ground {
                findings: &self.findings,
                subjects: &self.subjects,
                standing: &self.verdicts,
                policy: &self.policy,
                now,
            },
        ));
        self.known = Arc::new(impact::known(
            &replay.verdicts,
            &replay.approvals,
            &self.subjects,
        ));
        let mark = |verdict: &Option<StandingVerdict>| match verdict {
            Some(taken) => VerdictMark::Taken {
                decision: taken.verdict.decision,
                standing: taken.standing,
            },
            None => VerdictMark::None,
        };
        let marks: Vec<VerdictMark> = self.verdicts.iter().map(mark).collect();
        Arc::make_mut(&mut self.index).mark(&marks);
        let words = Words::gather(chain, &replay, &self.trusted);
        self.approvals = (0..self.subjects.len())
            .map(|subject| self.standing_approvals(subject, &words, now))
            .collect();
        self.approval_notices = words.notices;
        self.envelopes = Arc::new(chain.envelopes.clone());
        self.promotions = self
            .subjects
            .iter()
            .map(|subject| {
                let promoted = replay.promotions.iter().filter_map(|(recorded, body)| {
                    let text = |key: &str| body.get(key).and_then(serde_json::Value::as_str);
                    let digest: Digest = text("digest")?.parse().ok()?;
                    subject.is_named_by(&digest).then(|| Promoted {
                        recorded: recorded.clone(),
                        destination: text("destination").unwrap_or_default().to_owned(),
                        digest,
                    })
                });
                promoted.collect()
            })
            .collect();
        self.predictions = replay
            .predictions
            .iter()
            .filter_map(|(recorded, body)| {
                Some((recorded.clone(), Prediction::deserialize(body).ok()?))
            })
            .collect();
        self.history = Arc::new(chain.entries.clone());
        self.ledger_problem = chain
            .broken
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| replay.problems.first().map(ToString::to_string));
    }

    /// Works out which verdict applies to each finding: the latest whose scope reaches it.
    fn standing_verdicts(
        &self,
        recorded: &[(Recorded, Verdict)],
        now: DateTime<Utc>,
    ) -> Vec<Option<StandingVerdict>> {
        let mut by_id: HashMap<&VulnerabilityId, Vec<usize>> = HashMap::new();
        for (position, (_, verdict)) in recorded.iter().enumerate() {
            for id in &verdict.finding.ids {
                by_id.entry(id).or_default().push(position);
            }
        }
        let standing_of = |finding: &Finding| {
            let subject = self.subjects.get(finding.subject as usize)?;
            let latest = finding
                .ids()
                .filter_map(|id| by_id.get(id))
                .flatten()
                .copied()
                .filter(|position| {
                    recorded
                        .get(*position)
                        .is_some_and(|(_, verdict)| standing::applies(verdict, finding, subject))
                })
                .max()?;
            let (recorded, verdict) = recorded.get(latest)?;
            let (standing, because) =
                standing::standing(verdict, recorded.time, finding, subject, &self.policy, now);
            let renewed_by = match standing {
                Standing::Current => {
                    standing::renewed_by(verdict, recorded.time, finding, &self.reports)
                }
                Standing::Stale | Standing::Expired => Vec::new(),
            };
            Some(StandingVerdict {
                verdict: verdict.clone(),
                recorded: recorded.clone(),
                standing,
                because,
                carried: !verdict.subject.is_image(subject),
                renewed_by,
            })
        };
        self.findings.iter().map(standing_of).collect()
    }

    /// Works out how each reviewer's latest word on an image stands.
    fn standing_approvals(
        &self,
        subject: usize,
        words: &Words,
        now: DateTime<Utc>,
    ) -> Vec<Approval> {
        let Some(image) = self.subjects.get(subject) else {
            return Vec::new();
        };
        words.standing(&Ground {
            image,
            policy: &self.policy,
            policy_sha256: &self.policy.sha256(),
            found: &self.finding_sets(subject),
            trusted: &self.trusted,
            now,
        })
    }

    /// Returns the signed envelopes of what stands on these subjects.
    #[must_use]
    pub fn envelopes_of(&self, subjects: &[usize]) -> Vec<&Envelope> {
        let approvals = subjects
            .iter()
            .filter_map(|subject| self.approvals.get(*subject));
        let named: Vec<&Digest> = approvals
            .flatten()
            .filter_map(|approval| approval.verdict.envelope.as_ref())
            .collect();
        self.envelopes
            .iter()
            .filter(|envelope| named.contains(&&envelope.sha256))
            .collect()
    }

    /// Returns the one subject that `selector` (a name, tag, digest or nothing) means.
    ///
    /// # Errors
    /// When none or several match; the error lists them.
    pub fn select(&self, selector: Option<&str>) -> Result<usize, ReviewError> {
        let matches = |subject: &Subject| match selector {
            None => true,
            Some(text) => {
                let digest = text.rsplit_once('@').map_or(text, |(_, digest)| digest);
                subject.name == text
                    || subject.tags.iter().any(|tag| tag == text)
                    || digest.parse().is_ok_and(|digest: Digest| {
                        subject.is_named_by(&digest) || subject.image_id.as_ref() == Some(&digest)
                    })
                    || short_name(&subject.name) == short_name(text)
            }
        };
        let found: Vec<usize> = self
            .subjects
            .iter()
            .enumerate()
            .filter(|(_, subject)| matches(subject))
            .map(|(position, _)| position)
            .collect();
        match found.as_slice() {
            [one] => Ok(*one),
            _ => Err(self.subject_error(selector, &found)),
        }
    }

    fn subject_error(&self, selector: Option<&str>, found: &[usize]) -> ReviewError {
        let all: Vec<usize> = (0..self.subjects.len()).collect();
        let listed = if found.is_empty() { &all } else { found };
        let subjects = listed
            .iter()
            .filter_map(|position| self.subjects.get(*position))
            .map(|subject| match subject.identity() {
                Some(digest) => format!("{} ({digest})", subject.name),
                None => format!("{} (no digest)", subject.name),
            })
            .collect();
        let message = match (selector, found.len()) {
            (_, _) if self.subjects.is_empty() => "no image was read from the input".to_owned(),
            (Some(selector), 0) => format!("no subject is called `{selector}`"),
            (Some(selector), count) => format!("`{selector}` means {count} subjects"),
            (None, count) => format!("{count} subjects were read and one is needed"),
        };
        ReviewError::Subject { message, subjects }
    }

    /// Returns where a subject stands.
    #[must_use]
    pub fn state(&self, subject: usize) -> SubjectState {
        let approvals = self.approvals.get(subject).map_or(&[][..], Vec::as_slice);
        let rejected = |approval: &Approval| {
            approval.verdict.decision == ImageDecision::Reject
                && approval.standing == Standing::Current
        };
        let lapsed = |approval: &Approval| {
            approval.verdict.decision == ImageDecision::Approve
                && approval.standing != Standing::Current
        };
        let promoted = self
            .promotions
            .get(subject)
            .is_some_and(|list| !list.is_empty());
        if approvals.iter().any(rejected) {
            SubjectState::Rejected
        } else if promoted {
            SubjectState::Promoted
        } else if approvals.iter().any(|approval| self.counts(approval)) {
            SubjectState::Approved
        } else if approvals.iter().any(lapsed) {
            SubjectState::Stale
        } else {
            SubjectState::Open
        }
    }

    /// Returns the counts of a report, with what documents suppress of it.
    #[must_use]
    pub fn record_counts(&self, report: usize) -> RecordCounts {
        let mut counts = self
            .reports
            .get(report)
            .map(|found| found.counts())
            .unwrap_or_default();
        counts.suppressed += self.suppressed.count(report);
        counts
    }

    /// Returns the ignore files and VEX documents, each with what became of its entries.
    pub fn exempting(&self) -> impl Iterator<Item = (&ExemptionDocument, &Outcome)> {
        let documents = self.exemptions.iter().map(AsRef::as_ref);
        documents.zip(self.suppressed.outcomes())
    }

    /// Returns the indexes of a subject's findings, in the review's order.
    pub fn findings_of(&self, subject: usize) -> impl Iterator<Item = usize> + '_ {
        self.findings
            .iter()
            .enumerate()
            .filter(move |(_, finding)| finding.subject as usize == subject)
            .map(|(position, _)| position)
    }

    /// Returns a document's bytes again, as they were when it was loaded.
    ///
    /// # Errors
    /// When the file is gone or holds other bytes now.
    pub fn bytes_of(&self, origin: &Origin) -> Result<Vec<u8>, ReviewError> {
        let bytes = match (&self.standard_input, origin.path.as_str()) {
            (Some(bytes), "-") => bytes.to_vec(),
            (_, path) => read_file(path).map_err(|detail| ReviewError::Evidence {
                path: path.to_owned(),
                detail,
            })?,
        };
        if Digest::of(&bytes) != origin.sha256 {
            return Err(ReviewError::Evidence {
                path: origin.path.clone(),
                detail: format!("changed since it was loaded (it was {})", origin.sha256),
            });
        }
        Ok(bytes)
    }

    /// Reads the long texts of a finding's records from their files, checking that the file is
    /// still the one that was loaded. One entry a record: the scanner and its texts.
    ///
    /// # Errors
    /// When a file is gone or was changed since it was loaded.
    pub fn details(&self, finding: usize) -> Result<Vec<(String, Details)>, ReviewError> {
        let mut texts: HashMap<u32, Vec<u8>> = HashMap::new();
        let mut details = Vec::new();
        let records = self
            .findings
            .get(finding)
            .map_or(&[][..], |found| &found.records);
        for reference in records {
            let Some(report) = self.reports.get(reference.report as usize) else {
                continue;
            };
            let Some(record) = report.records.get(reference.record as usize) else {
                continue;
            };
            let wrong = |detail: String| ReviewError::Evidence {
                path: report.origin.path.clone(),
                detail,
            };
            let text = match texts.entry(reference.report) {
                Slot::Occupied(known) => known.into_mut(),
                Slot::Vacant(slot) => {
                    let bytes = self.bytes_of(&report.origin)?;
                    let text = formats::text(&report.origin.path, bytes)
                        .map_err(|error| wrong(error.to_string()))?;
                    slot.insert(text.into_bytes())
                }
            };
            let start = usize::try_from(record.span.start).unwrap_or(usize::MAX);
            let end =
                start.saturating_add(usize::try_from(record.span.length).unwrap_or(usize::MAX));
            let bytes = text.get(start..end);
            let bytes = bytes.ok_or_else(|| wrong("the record is not where it was".to_owned()))?;
            let read =
                formats::details(report.format, bytes).map_err(|error| wrong(error.to_string()))?;
            let read = match record.kind {
                Kind::Vulnerability => read,
                _ => read.masked(),
            };
            details.push((report.scanner.clone(), read));
        }
        Ok(details)
    }

    /// Returns the ledger entries that speak of these subjects: their verdicts and approvals.
    #[must_use]
    pub fn history_of(&self, subjects: &[usize]) -> Vec<&Entry> {
        let mut numbers: Vec<u64> = Vec::new();
        for subject in subjects {
            let verdicts = self.findings_of(*subject).filter_map(|position| {
                self.verdicts
                    .get(position)
                    .and_then(Option::as_ref)
                    .map(|one| one.recorded.entry)
            });
            numbers.extend(verdicts);
            let approvals = self.approvals.get(*subject).map_or(&[][..], Vec::as_slice);
            numbers.extend(approvals.iter().map(|approval| approval.recorded.entry));
        }
        self.history
            .iter()
            .filter(|entry| numbers.contains(&entry.seq))
            .collect()
    }

    /// Returns the reference that binds a verdict to a subject.
    #[must_use]
    pub fn subject_ref(&self, subject: usize) -> Option<SubjectRef> {
        self.subjects.get(subject).map(SubjectRef::of)
    }
}

/// Returns an image name without the parts that Docker fills in.
fn short_name(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}
