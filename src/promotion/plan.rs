//! The plan: exactly what a promotion would do, worked out without touching anything.
//!
//! Pure: what must be known of the world comes in as [`Observed`].

mod draft;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use self::draft::{Draft, platform_name};
use crate::model::Digest;
use crate::registry::{BlobAction, ListedImage, Preflight};
use crate::review::{ApprovalView, Review};
use crate::triage::gate::{Blocker, Excused, Remedy};

use super::attestation::{self, StatementPlan};
use super::commands::commands;
use super::{Attached, Document, Needed, Observed, PromotionError, Request, preflight};

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
