//! What is gathered while a plan is judged: source, platforms, evidence, tag and signer.
//!
//! What the plan says of it, and its digest, is `plan`'s.

use chrono::{DateTime, Utc};

use super::{GateAnswer, PlatformReview, SignerInfo, TagMove, plan_class};
use crate::model::{Approval, Digest, Subject};
use crate::promotion::{Needed, Observed, ObservedPlatform, Request};
use crate::review::{ApprovalView, Review};
use crate::triage::gate::{Blocker, Gate, PromotionContext, class};
use crate::triage::policy::{MoveTags, Platforms, Sign};

/// What is gathered while the plan is judged.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) platforms: Vec<PlatformReview>,
    pub(super) subjects: Vec<usize>,
    pub(super) approved: Vec<(usize, Digest)>,
    pub(super) reports: Vec<Digest>,
    pub(super) approvals: Vec<Digest>,
    pub(super) approved_by: Vec<ApprovalView>,
    pub(super) gate: GateAnswer,
    pub(super) blockers: Vec<Blocker>,
    pub(super) warnings: Vec<Blocker>,
}

impl Draft {
    pub(super) fn block(&mut self, class: &'static str, text: String) {
        self.blockers.push(Blocker {
            class,
            text,
            findings: Vec::new(),
        });
    }

    pub(super) fn warn(&mut self, class: &'static str, text: String) {
        self.warnings.push(Blocker {
            class,
            text,
            findings: Vec::new(),
        });
    }

    pub(super) fn judge_source(&mut self, observed: &Observed) {
        if let Some(asked) = &observed.missed {
            let found = &observed.manifest.digest;
            self.block(
                plan_class::SOURCE_MOVED,
                format!("{asked} was asked for, and the source names {found} now"),
            );
        }
        let foreign = observed.survey.foreign.len();
        if foreign > 0 {
            let text = format!("{foreign} layers live outside the registry and are not copied");
            self.warn(plan_class::FOREIGN_LAYERS, text);
        }
        if !observed.orphans.is_empty() {
            let named: Vec<String> = observed.orphans.iter().map(Digest::to_string).collect();
            let text = format!(
                "attestations about no platform of the index: {}",
                named.join(", ")
            );
            self.warn(plan_class::ATTESTATION, text);
        }
    }

    /// Asks the gate for each platform, and names the platforms nobody reviewed.
    pub(super) fn judge_platforms(
        &mut self,
        review: &Review,
        request: &Request,
        observed: &Observed,
        promoter_key: Option<&Digest>,
        now: DateTime<Utc>,
    ) {
        let mut unreviewed = Vec::new();
        let mut gates: Vec<Gate> = Vec::new();
        for platform in &observed.platforms {
            let found = reviewed_as(review, platform, &observed.platforms);
            let subject = found.and_then(|subject| review.subjects.get(subject));
            self.platforms.push(PlatformReview {
                platform: platform_name(platform),
                digest: platform.digest.clone(),
                reviewed: subject.is_some(),
                subject: subject.map(|subject| subject.name.clone()),
                attestations: platform.attestations.clone(),
            });
            match found {
                None => unreviewed.push(platform_name(platform)),
                Some(subject) => {
                    let known = self.take_in(review, request, platform, subject);
                    let context = PromotionContext {
                        destination: Some(request.destination.repository.to_string()),
                        digest: Some(platform.digest.clone()),
                        promoter: Some(request.promoter.clone()),
                        promoter_key: promoter_key.cloned(),
                    };
                    gates.extend(known.gate(subject, Some(&context), now));
                }
            }
        }
        if gates.is_empty() {
            self.judge_destination(review, request);
        }
        self.gate.open = !gates.is_empty()
            && gates.iter().all(|gate| {
                let is_alone = request.approval == Needed::Gate;
                let passed = |it: &Blocker| is_alone && request.approval.passes_over(it);
                gate.blockers.iter().all(passed)
            });
        for gate in gates {
            self.gate.blockers.extend(gate.blockers);
            self.gate.warnings.extend(gate.warnings);
            self.gate.excused.extend(gate.excused);
            self.gate.to_open.extend(gate.to_open);
        }
        self.take_blockers(request);
        self.warnings.extend(self.gate.warnings.iter().cloned());
        self.reports.sort();
        self.reports.dedup();
        self.approvals.sort();
        self.approvals.dedup();
        let free = request.approval == Needed::None;
        if self.subjects.is_empty() {
            let text = format!("no report is about {}", observed.manifest.digest);
            if free {
                self.warn(plan_class::NOT_REVIEWED, text);
            } else {
                self.block(plan_class::NOT_REVIEWED, text);
            }
        } else if !unreviewed.is_empty() {
            let text = format!("platforms nobody reviewed: {}", unreviewed.join(", "));
            match review.policy.promotion.platforms {
                Platforms::Reviewed if !free => self.block(plan_class::PLATFORM, text),
                Platforms::Reviewed | Platforms::All => self.warn(plan_class::PLATFORM, text),
            }
        }
    }

    /// Where no gate was asked, nobody has asked yet whether the policy knows the destination.
    fn judge_destination(&mut self, review: &Review, request: &Request) {
        let destination = request.destination.repository.to_string();
        if !review.policy.destination_allowed(&destination) {
            let text = format!("the policy does not allow promotions to {destination}");
            self.block(class::DESTINATION, text);
        }
    }

    /// Takes in what closes the gate, but for what the request passes over: that is a warning.
    fn take_blockers(&mut self, request: &Request) {
        let (passed, kept): (Vec<Blocker>, Vec<Blocker>) = self
            .gate
            .blockers
            .iter()
            .cloned()
            .partition(|blocker| request.approval.passes_over(blocker));
        self.blockers.extend(kept);
        if !passed.is_empty() {
            let texts: Vec<&str> = passed.iter().map(|it| it.text.as_str()).collect();
            let text = format!("passed over, as the list says: {}", texts.join("; "));
            self.warn(plan_class::PASSED_OVER, text);
        }
    }

    /// Takes in what was reviewed and approved of a platform; returns the review with the digest
    /// that is now known.
    fn take_in(
        &mut self,
        review: &Review,
        request: &Request,
        platform: &ObservedPlatform,
        subject: usize,
    ) -> Review {
        // The layers or the image ID proved that this is the image; now its digest is known too.
        let mut known = review.clone();
        if let Some(image) = known.subjects.get_mut(subject) {
            image.manifest_digest = Some(platform.digest.clone());
            let index = platform.indexes.first();
            image.index_digest = image.index_digest.clone().or_else(|| index.cloned());
        }
        self.subjects.push(subject);
        if review.is_approved(subject) {
            self.approved.push((subject, platform.digest.clone()));
        }
        self.reports.extend(review.summary(subject).evidence);
        let approvals = review.approvals.get(subject).map_or(&[][..], Vec::as_slice);
        let views = review.approval_views(subject);
        let (holding, views): (Vec<&Approval>, Vec<ApprovalView>) = approvals
            .iter()
            .zip(views)
            .filter(|(approval, _)| review.counts(approval))
            .unzip();
        self.judge_evidence(review, request, subject, &holding);
        let entries = holding
            .iter()
            .map(|approval| approval.recorded.entry_sha256.clone());
        self.approvals.extend(entries);
        for view in views {
            if !self.approved_by.contains(&view) {
                self.approved_by.push(view);
            }
        }
        known
    }

    /// What ships is what was approved on: a document that no approval names was not seen by the
    /// people who approved, even where its findings are the same.
    fn judge_evidence(
        &mut self,
        review: &Review,
        request: &Request,
        subject: usize,
        holding: &[&Approval],
    ) {
        let Some(image) = review.subjects.get(subject).filter(|_| !holding.is_empty()) else {
            return;
        };
        let reports = image
            .reports
            .iter()
            .filter_map(|(position, _)| review.reports.get(*position).map(|it| &it.origin));
        let sboms = image
            .sboms
            .iter()
            .filter_map(|(position, _)| review.sboms.get(*position).map(|it| &it.origin));
        let unseen: Vec<&str> = reports
            .chain(sboms)
            .filter(|origin| {
                !holding
                    .iter()
                    .any(|approval| approval.verdict.reports.contains(&origin.sha256))
            })
            .map(|origin| origin.path.as_str())
            .collect();
        if unseen.is_empty() {
            return;
        }
        let text = format!(
            "no approval was made on {} as it is now: changed or added since; approve again",
            unseen.join(", ")
        );
        let class = plan_class::EVIDENCE;
        if request.approval != Needed::Required {
            return;
        }
        if request.acknowledged.iter().any(|known| known == class) {
            self.warn(class, text);
        } else {
            self.block(class, text);
        }
    }

    pub(super) fn judge_tag(
        &mut self,
        review: &Review,
        request: &Request,
        observed: &Observed,
    ) -> TagMove {
        let tag = TagMove {
            name: request.tag().to_owned(),
            from: observed.destination_tag.clone(),
            to: observed.manifest.digest.clone(),
        };
        if let Some(from) = tag.from.as_ref().filter(|from| **from != tag.to) {
            let text = format!("the tag {} names {from} and would move", tag.name);
            match review.policy.promotion.move_tags {
                MoveTags::Deny => self.block(plan_class::TAG_MOVE, text),
                MoveTags::Ask if !request.move_tag => {
                    self.block(
                        plan_class::TAG_MOVE,
                        format!("{text}; it needs consent (--move-tag)"),
                    );
                }
                MoveTags::Ask | MoveTags::Allow => self.warn(plan_class::TAG_MOVE, text),
            }
        }
        tag
    }

    pub(super) fn judge_signer(
        &mut self,
        review: &Review,
        request: &Request,
        signer: Option<&SignerInfo>,
    ) -> Option<SignerInfo> {
        let signer = signer.filter(|_| !request.no_sign).cloned();
        if signer.is_none() {
            let required = review.policy.promotion.sign == Sign::Require;
            match (required, request.no_sign) {
                (true, _) => {
                    let text = "the policy requires a signature and there is no key".to_owned();
                    self.block(plan_class::UNSIGNED, text);
                }
                (false, false) => {
                    let text = "no key is given: name one or say --no-sign".to_owned();
                    self.block(plan_class::UNSIGNED, text);
                }
                (false, true) => {
                    let text = "the image will carry no signature".to_owned();
                    self.warn(plan_class::UNSIGNED, text);
                }
            }
        }
        signer
    }
}

/// Returns the subject that was reviewed as this platform's image, recognised by digest, layers or
/// image ID; never by name. Where only an index's digest is known, the platform must be the only
/// one of `all` that the subject can be.
fn reviewed_as(
    review: &Review,
    platform: &ObservedPlatform,
    all: &[ObservedPlatform],
) -> Option<usize> {
    let agrees = |subject: &Subject, other: &ObservedPlatform| {
        let named = subject.platform.as_ref().zip(other.platform.as_ref());
        named.is_none_or(|(one, other)| one.agrees_with(other))
    };
    let is_it = |subject: &Subject| {
        if let Some(digest) = &subject.manifest_digest {
            return *digest == platform.digest || platform.made_up.as_ref() == Some(digest);
        }
        if !agrees(subject, platform) {
            return false;
        }
        if !subject.diff_ids.is_empty() && !platform.diff_ids.is_empty() {
            return subject.diff_ids == platform.diff_ids;
        }
        let alone = || all.iter().filter(|other| agrees(subject, other)).count() == 1;
        subject.image_id.as_ref() == Some(&platform.image_id)
            || subject.is_named_by(&platform.digest)
            || (subject.platform.is_some()
                && platform
                    .indexes
                    .iter()
                    .any(|index| subject.is_named_by(index))
                && alone())
    };
    review.subjects.iter().position(is_it)
}

pub(super) fn platform_name(platform: &ObservedPlatform) -> String {
    platform
        .platform
        .as_ref()
        .map_or_else(|| "unknown".to_owned(), ToString::to_string)
}
