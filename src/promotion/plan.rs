//! The plan: exactly what a promotion would do, worked out without touching anything.
//!
//! Pure: what must be known of the world comes in as [`Observed`].

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use crate::model::{Approval, Digest, Subject};
use crate::registry::{BlobAction, ListedImage, Preflight};
use crate::review::{ApprovalView, Review};
use crate::triage::gate::{Blocker, Excused, Gate, PromotionContext, Remedy, class};
use crate::triage::policy::{MoveTags, Platforms, Sign};

use super::attestation::{self, StatementPlan};
use super::commands::commands;
use super::{
    Attached, Document, Needed, Observed, ObservedPlatform, PromotionError, Request, preflight,
};

/// The name of the plan's document.
const SCHEMA: &str = "countersign/plan/v1";

/// Blocker classes that only a promotion has.
pub mod plan_class {
    pub use super::preflight::class::{IMMUTABLE_TAG, LIFECYCLE, PERMISSION, REPOSITORY};

    /// The source's name does not lead to the digest asked for.
    pub const SOURCE_MOVED: &str = "source-moved";
    /// A platform of the index was not reviewed.
    pub const PLATFORM: &str = "platform-not-reviewed";
    /// An attestation of the index is about none of its platforms.
    pub const ATTESTATION: &str = "attestation-of-nothing";
    /// No report is about this image.
    pub const NOT_REVIEWED: &str = "not-reviewed";
    /// The destination's tag names another digest.
    pub const TAG_MOVE: &str = "tag-move";
    /// The policy requires a signature.
    pub const UNSIGNED: &str = "unsigned";
    /// The reports are not those that were approved.
    pub const EVIDENCE: &str = "evidence-changed";
    /// The destination names a digest: a promotion puts a tag.
    pub const DESTINATION: &str = "destination";
    /// Layers that live outside the registry are left there.
    pub const FOREIGN_LAYERS: &str = "foreign-layers";
    /// What the policy asks for is passed over, as a list of `sync` says.
    pub const PASSED_OVER: &str = "approval-passed-over";
}

/// Who would sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerInfo {
    /// The key as given: a path, `env://VAR`, `awskms://…`.
    pub key: String,
    /// The fingerprint: SHA-256 of the public key's DER.
    pub fingerprint: Digest,
}

/// What happens to the tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagMove {
    /// The tag.
    pub name: String,
    /// What it names now.
    pub from: Option<Digest>,
    /// What it will name.
    pub to: Digest,
}

/// One platform of what is promoted, and whether somebody reviewed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlatformReview {
    /// The platform; `unknown` where neither index nor configuration names one.
    pub platform: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// Whether a subject of the review is this image.
    pub reviewed: bool,
    /// That subject's name.
    pub subject: Option<String>,
    /// The builder's attestations about it, which go with it.
    pub attestations: Vec<Digest>,
}

/// What happens to one blob, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlobPlan {
    /// The digest.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    /// `exists`, `mount` or `upload`; in a receipt `existed`, `mounted` or `uploaded`.
    pub action: &'static str,
}

/// Exactly what a promotion would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// SHA-256 over intent and evidence; see the contract for the fields.
    pub plan_digest: Digest,
    /// The source with its digest.
    pub source: String,
    /// The digest the tag will name.
    pub digest: Digest,
    /// The platforms copied.
    pub platforms: Vec<String>,
    /// The same platforms, with what was reviewed of each.
    pub platform_reviews: Vec<PlatformReview>,
    /// The destination repository and tag.
    pub destination: String,
    /// What happens to the tag.
    pub tag: TagMove,
    /// Every blob once.
    pub blobs: Vec<BlobPlan>,
    /// Bytes that must be sent.
    pub bytes_to_send: u64,
    /// What happens to referrers: `copy`, `remake`, `none`.
    pub referrers: crate::triage::policy::Referrers,
    /// What is attached to the image at the source, and what becomes of each. Not part of the
    /// digest: `referrers` is. Empty before it is looked for.
    pub attached: Vec<Attached>,
    /// Who signs; none with `--no-sign`.
    pub signer: Option<SignerInfo>,
    /// Where the evidence goes.
    pub archive: Option<String>,
    /// The hash of the policy.
    pub policy_sha256: Digest,
    /// The digests of reports and SBOMs.
    pub reports: Vec<Digest>,
    /// The digests of the approvals' ledger entries; of the envelope where an approval came without.
    pub approvals: Vec<Digest>,
    /// The approvals that count, with key and envelope. Not part of the digest: `approvals` is.
    pub approved_by: Vec<ApprovalView>,
    /// What is attested about each approved image once it is signed. Not part of the digest: it
    /// follows from reports, approvals and archive, which are.
    pub attestations: Vec<StatementPlan>,
    /// The gate's answer.
    pub gate: GateAnswer,
    /// Everything that stands in the way, the gate's blockers included.
    pub blockers: Vec<Blocker>,
    /// What has to be there: `required`, or what a list of `sync` says instead.
    pub approval: Needed,
    /// What Amazon ECR says of the destination's repository; none for other registries.
    pub preflight: Option<Preflight>,
    /// What `aws ecr list-images` will show of the image; empty for other registries.
    pub will_list: Vec<ListedImage>,
    /// Warnings that a person at the console acknowledges, by class.
    pub warnings: Vec<Blocker>,
    /// The equivalent `crane`, `cosign` and `aws` commands.
    pub commands: Vec<String>,
    /// The reviewed subjects: positions in the review.
    #[serde(skip)]
    pub subjects: Vec<usize>,
    /// The approved ones of them, each with the digest of its manifest.
    #[serde(skip)]
    pub approved: Vec<(usize, Digest)>,
}

/// The gate's answer about every reviewed platform together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GateAnswer {
    /// Whether every reviewed platform's gate is open.
    pub open: bool,
    /// What closes it.
    pub blockers: Vec<Blocker>,
    /// What should be seen.
    pub warnings: Vec<Blocker>,
    /// Findings that verdicts excuse.
    pub excused: Vec<Excused>,
    /// What would open it, most effective first.
    pub to_open: Vec<Remedy>,
}

/// Works out the plan from what was reviewed and what was observed.
///
/// # Errors
/// Only where the plan cannot be written as JSON, which is a defect.
pub fn plan(
    review: &Review,
    request: &Request,
    observed: &Observed,
    signer: Option<&SignerInfo>,
    archive: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Plan, PromotionError> {
    let mut draft = Draft::default();
    draft.judge_source(observed);
    if request.destination.digest.is_some() {
        let text = format!(
            "{} names a digest instead of a tag alone",
            request.destination
        );
        draft.block(plan_class::DESTINATION, text);
    }
    let promoter_key = signer
        .filter(|_| !request.no_sign)
        .map(|signer| &signer.fingerprint);
    draft.judge_platforms(review, request, observed, promoter_key, now);
    let tag = draft.judge_tag(review, request, observed);
    let signer = draft.judge_signer(review, request, signer);
    if let Some(preflight) = &observed.preflight {
        let judged = preflight::judge(request, preflight, observed);
        draft.blockers.extend(judged.blockers);
        draft.warnings.extend(judged.warnings);
    }
    let mut plan = Plan {
        plan_digest: observed.manifest.digest.clone(),
        source: request.source.pinned(&observed.manifest.digest),
        digest: observed.manifest.digest.clone(),
        platforms: observed.platforms.iter().map(platform_name).collect(),
        platform_reviews: draft.platforms,
        destination: format!("{}:{}", request.destination.repository, tag.name),
        will_list: preflight::expected(request, observed, signer.is_some()),
        tag,
        blobs: blobs(observed),
        bytes_to_send: observed.survey.bytes_to_send,
        referrers: review.policy.promotion.referrers,
        attached: Vec::new(),
        signer,
        archive: archive.map(str::to_owned),
        policy_sha256: review.policy.sha256(),
        reports: draft.reports,
        approvals: draft.approvals,
        approved_by: draft.approved_by,
        gate: draft.gate,
        blockers: draft.blockers,
        approval: request.approval,
        preflight: observed.preflight.clone(),
        warnings: draft.warnings,
        commands: Vec::new(),
        attestations: Vec::new(),
        subjects: draft.subjects,
        approved: draft.approved,
    };
    if plan.signer.is_some() && !request.no_attest {
        plan.attestations = attestation::planned(review, &plan.approved, archive.is_some());
    }
    let key = plan.signer.as_ref().map(|signer| signer.key.as_str());
    plan.commands = commands(request, &plan.digest, key, archive);
    if let Some(preflight) = &observed.preflight {
        let (make, show) = preflight::commands(request, preflight);
        plan.commands.splice(0..0, make);
        plan.commands.push(show);
    }
    plan.plan_digest = digest_of(&plan)?;
    Ok(plan)
}

/// Returns the digest of intent and evidence: not blobs, bytes or times, so that a resumed run
/// keeps it.
fn digest_of(plan: &Plan) -> Result<Digest, PromotionError> {
    let mut value = json!({
        "schema": SCHEMA,
        "source": plan.source,
        "digest": plan.digest,
        "platforms": plan.platforms,
        "destination": plan.destination,
        "tag": plan.tag,
        "referrers": plan.referrers,
        "signer": plan.signer.as_ref().map(|signer| &signer.fingerprint),
        "archive": plan.archive,
        "policy_sha256": plan.policy_sha256,
        "reports": plan.reports,
        "approvals": plan.approvals,
        "gate": {"open": plan.gate.open},
    });
    // What goes with a signature follows from the rest, unless nothing was to go with it.
    let could_attest = plan.signer.is_some() && !plan.approved.is_empty();
    if could_attest
        && plan.attestations.is_empty()
        && let Some(fields) = value.as_object_mut()
    {
        fields.insert("attestations".to_owned(), json!([]));
    }
    Ok(Digest::of(&serde_json_canonicalizer::to_vec(&value)?))
}

impl Plan {
    /// Returns the plan as a document.
    #[must_use]
    pub fn document(&self) -> Document<'_, Self> {
        Document::new(SCHEMA, self)
    }
}

/// What is gathered while the plan is judged.
#[derive(Default)]
struct Draft {
    platforms: Vec<PlatformReview>,
    subjects: Vec<usize>,
    approved: Vec<(usize, Digest)>,
    reports: Vec<Digest>,
    approvals: Vec<Digest>,
    approved_by: Vec<ApprovalView>,
    gate: GateAnswer,
    blockers: Vec<Blocker>,
    warnings: Vec<Blocker>,
}

impl Draft {
    fn block(&mut self, class: &'static str, text: String) {
        self.blockers.push(Blocker {
            class,
            text,
            findings: Vec::new(),
        });
    }

    fn warn(&mut self, class: &'static str, text: String) {
        self.warnings.push(Blocker {
            class,
            text,
            findings: Vec::new(),
        });
    }

    fn judge_source(&mut self, observed: &Observed) {
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
    fn judge_platforms(
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

    fn judge_tag(&mut self, review: &Review, request: &Request, observed: &Observed) -> TagMove {
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

    fn judge_signer(
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

fn platform_name(platform: &ObservedPlatform) -> String {
    platform
        .platform
        .as_ref()
        .map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

fn blobs(observed: &Observed) -> Vec<BlobPlan> {
    let plan = |blob: &crate::registry::SurveyedBlob| BlobPlan {
        digest: blob.descriptor.digest.clone(),
        size: blob.descriptor.size,
        action: match blob.action {
            BlobAction::Exists => "exists",
            BlobAction::Mount => "mount",
            BlobAction::Upload => "upload",
        },
    };
    observed.survey.blobs.iter().map(plan).collect()
}

/// Returns the names of the parts in which two plans differ, for the message of a refusal.
pub(super) fn differences(shown: &Plan, now: &Plan) -> String {
    let parts = [
        ("source", shown.source != now.source),
        ("digest", shown.digest != now.digest),
        ("platforms", shown.platforms != now.platforms),
        ("destination", shown.destination != now.destination),
        ("tag", shown.tag != now.tag),
        ("referrers", shown.referrers != now.referrers),
        ("signer", shown.signer != now.signer),
        ("archive", shown.archive != now.archive),
        ("policy", shown.policy_sha256 != now.policy_sha256),
        ("reports", shown.reports != now.reports),
        ("approvals", shown.approvals != now.approvals),
        ("gate", shown.gate.open != now.gate.open),
    ];
    let changed: Vec<&str> = parts
        .iter()
        .filter(|(_, differs)| *differs)
        .map(|(name, _)| *name)
        .collect();
    changed.join(", ")
}
