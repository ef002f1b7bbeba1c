//! The gate's rules about people and places: rejections, approvals, four eyes, destination, digest.
//!
//! Signatures are verified elsewhere: an approval comes with the key that was proven to sign it.

use std::collections::{BTreeMap, BTreeSet};

use super::{GateInput, Outcome, PromotionContext, class};
use crate::model::{Approval, Digest, ImageDecision, Standing};
use crate::triage::policy::{FourEyes, Policy};

/// Judges the verdicts on the image and, where one is asked about, the promotion.
pub(super) fn judge(policy: &Policy, input: &GateInput<'_>, outcome: &mut Outcome) {
    let latest = latest(input.approvals);
    for approval in &latest {
        let rejects = approval.verdict.decision == ImageDecision::Reject;
        if rejects && approval.standing == Standing::Current {
            let text = format!(
                "{} rejected this image: {}",
                name(approval),
                approval.verdict.reason
            );
            outcome.block(class::REJECTED, text, Vec::new());
        }
    }
    let Some(promotion) = input.promotion else {
        return;
    };
    let approving: Vec<&Approval> = latest
        .into_iter()
        .filter(|approval| approval.verdict.decision == ImageDecision::Approve)
        .collect();
    judge_approvals(policy, input, promotion, &approving, outcome);
    judge_digest(input, promotion, outcome);
    if let Some(destination) = &promotion.destination
        && !policy.destination_allowed(destination)
    {
        let text = format!("the policy does not allow promotions to {destination}");
        outcome.block(class::DESTINATION, text, Vec::new());
    }
}

/// Returns each reviewer's latest verdict. A key is one reviewer, whatever name it goes by.
fn latest(approvals: &[Approval]) -> Vec<&Approval> {
    let mut latest: BTreeMap<(Option<&Digest>, String), &Approval> = BTreeMap::new();
    for approval in approvals {
        let name = match approval.signed_by {
            Some(_) => String::new(),
            None => approval.recorded.reviewer.to_lowercase(),
        };
        let known = latest
            .entry((approval.signed_by.as_ref(), name))
            .or_insert(approval);
        let order = |approval: &Approval| (approval.recorded.entry, approval.recorded.time);
        // Those that came without an entry were put in order by whoever opened them.
        if approval.recorded.entry > 0 && order(approval) > order(known) {
            *known = approval;
        }
    }
    latest.into_values().collect()
}

fn judge_approvals(
    policy: &Policy,
    input: &GateInput<'_>,
    promotion: &PromotionContext,
    approving: &[&Approval],
    outcome: &mut Outcome,
) {
    let by_key = !policy.approval.trusted_keys.is_empty();
    let trusted: BTreeSet<&Digest> = input.trusted_keys.iter().collect();
    let counting: Vec<&Approval> = approving
        .iter()
        .copied()
        .filter(|approval| approval.standing == Standing::Current)
        .filter(|approval| {
            let signer = approval.signed_by.as_ref();
            !by_key || signer.is_some_and(|key| trusted.contains(key))
        })
        .collect();
    let distinct = if by_key {
        let keys: BTreeSet<&Digest> = counting
            .iter()
            .filter_map(|approval| approval.signed_by.as_ref())
            .collect();
        keys.len()
    } else {
        // One name with two keys is one name.
        let names: BTreeSet<String> = counting
            .iter()
            .map(|approval| approval.recorded.reviewer.to_lowercase())
            .collect();
        names.len()
    };
    if (distinct as u64) < u64::from(policy.approval.required) {
        outcome.block(
            class::APPROVAL,
            too_few(policy, approving, distinct, &trusted),
            Vec::new(),
        );
    }
    let unsigned: Vec<&str> = counting
        .iter()
        .filter(|approval| approval.signed_by.is_none())
        .map(|approval| approval.recorded.reviewer.as_str())
        .collect();
    if !unsigned.is_empty() {
        let text = format!("unsigned: the approval of {}", unsigned.join(", "));
        outcome.warn(class::UNSIGNED, text, Vec::new());
    }
    judge_four_eyes(policy, promotion, &counting, outcome);
}

/// Returns a reviewer's name, with the key where one signed.
fn name(approval: &Approval) -> String {
    match &approval.signed_by {
        None => approval.recorded.reviewer.clone(),
        Some(key) => format!("{} (key {})", approval.recorded.reviewer, key.short()),
    }
}

fn too_few(
    policy: &Policy,
    approving: &[&Approval],
    distinct: usize,
    trusted: &BTreeSet<&Digest>,
) -> String {
    let by_key = !policy.approval.trusted_keys.is_empty();
    let kind = if by_key {
        "approvals signed by distinct trusted keys"
    } else {
        "approvals of distinct reviewers"
    };
    let mut text = format!(
        "{distinct} of {} {kind} of this digest",
        policy.approval.required
    );
    for approval in approving {
        let name = name(approval);
        let note = match (approval.standing, &approval.because, &approval.signed_by) {
            (Standing::Stale | Standing::Expired, Some(why), _) => {
                format!("; that of {name} no longer holds: {why}")
            }
            (_, _, None) if by_key => format!("; that of {name} is unsigned"),
            (_, _, Some(key)) if by_key && !trusted.contains(key) => {
                format!("; that of {name} is signed by a key that is not trusted")
            }
            _ => continue,
        };
        text.push_str(&note);
    }
    text
}

fn judge_four_eyes(
    policy: &Policy,
    promotion: &PromotionContext,
    counting: &[&Approval],
    outcome: &mut Outcome,
) {
    if counting.is_empty() || policy.approval.four_eyes == FourEyes::Off {
        return;
    }
    let text = match &promotion.promoter {
        None => {
            "who promotes is not known, so that a second pair of eyes cannot be shown".to_owned()
        }
        Some(promoter) => {
            let promoter_name = promoter.to_lowercase();
            // The same key is the same person, whatever the name; so is the same name.
            let is_own = |approval: &&Approval| {
                let key = approval.signed_by.as_ref();
                approval.recorded.reviewer.to_lowercase() == promoter_name
                    || (key.is_some() && key == promotion.promoter_key.as_ref())
            };
            if !counting.iter().all(is_own) {
                return;
            }
            format!("{promoter} promotes and is the only reviewer")
        }
    };
    if policy.approval.four_eyes == FourEyes::Deny {
        outcome.block(class::FOUR_EYES, text, Vec::new());
    } else {
        outcome.warn(class::FOUR_EYES, text, Vec::new());
    }
}

fn judge_digest(input: &GateInput<'_>, promotion: &PromotionContext, outcome: &mut Outcome) {
    let subject = input.subject;
    let text = match &promotion.digest {
        Some(digest) if subject.is_named_by(digest) => return,
        Some(digest) => format!("{digest} is not the image that was reviewed"),
        None if subject.manifest_digest.is_some()
            || subject.digests_of_repositories().next().is_some() =>
        {
            return;
        }
        None => format!(
            "no document names a digest of {} that a promotion could be bound to",
            subject.name
        ),
    };
    outcome.block(class::DIGEST, text, Vec::new());
}
