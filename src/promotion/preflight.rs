//! What Amazon ECR says of the destination before a promotion, judged; and what it lists after it.
//!
//! Other registries have no such interface: nothing here concerns them.

use crate::model::Digest;
use crate::model::oci::ManifestKind;
use crate::registry::{EcrHost, ListedImage, Preflight};
use crate::triage::gate::Blocker;

use super::{Observed, Request};

/// Classes of blockers and warnings that only Amazon ECR has.
pub(super) mod class {
    /// The repository does not exist, or will be made.
    pub const REPOSITORY: &str = "repository";
    /// The registry denies what a push needs.
    pub const PERMISSION: &str = "permission";
    /// The repository lets nobody move this tag.
    pub const IMMUTABLE_TAG: &str = "immutable-tag";
    /// The repository removes images by rules that concern this one.
    pub const LIFECYCLE: &str = "lifecycle";
}

/// What stands in the way, and what should be seen.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) blockers: Vec<Blocker>,
    pub(super) warnings: Vec<Blocker>,
}

/// Judges what was seen of the destination's repository.
pub(super) fn judge(request: &Request, preflight: &Preflight, observed: &Observed) -> Judged {
    let mut judged = Judged::default();
    let concern = |class, text| Blocker {
        class,
        text,
        findings: Vec::new(),
    };
    let repository = &request.destination.repository;
    if preflight.exists == Some(false) {
        if request.create_repository {
            let text = format!(
                "the repository {repository} will be made: immutable tags (but sha256-*), scan on push"
            );
            judged.warnings.push(concern(class::REPOSITORY, text));
        } else {
            let text = format!(
                "the repository {repository} does not exist; making it needs consent (--create-repository)"
            );
            judged.blockers.push(concern(class::REPOSITORY, text));
        }
    }
    if !preflight.missing.is_empty() {
        let text = format!(
            "{repository} denies what a push needs: {}",
            preflight.missing.join(", ")
        );
        judged.blockers.push(concern(class::PERMISSION, text));
    }
    let held = observed.destination_tag.as_ref();
    let moves = held.is_some_and(|held| *held != observed.manifest.digest);
    if moves && preflight.tag_can_move == Some(false) {
        let text = format!(
            "the repository lets no one move the tag {}: choose another tag",
            request.tag()
        );
        judged.blockers.push(concern(class::IMMUTABLE_TAG, text));
    }
    if !preflight.lifecycle.is_empty() {
        let rules = preflight.lifecycle.join("; ");
        let text = format!("the repository's lifecycle policy: {rules}");
        judged.warnings.push(concern(class::LIFECYCLE, text));
    }
    judged
}

/// Returns what `aws ecr list-images` will show of the image once it is promoted; nothing for a
/// registry that is not ECR.
pub(super) fn expected(
    request: &Request,
    observed: &Observed,
    is_signed: bool,
) -> Vec<ListedImage> {
    if observed.preflight.is_none() {
        return Vec::new();
    }
    let mut listed = vec![ListedImage {
        digest: Some(observed.manifest.digest.clone()),
        tag: Some(request.tag().to_owned()),
    }];
    listed.extend(children(observed).into_iter().map(|digest| ListedImage {
        digest: Some(digest),
        tag: None,
    }));
    if is_signed {
        listed.push(ListedImage {
            digest: None,
            tag: Some(format!("sha256-{}.sig", observed.manifest.digest.hex())),
        });
    }
    listed
}

/// The manifests below the promoted one.
pub(super) fn children(observed: &Observed) -> Vec<Digest> {
    let manifests = observed.survey.manifests.iter();
    let mut digests: Vec<Digest> = manifests
        .filter(|manifest| matches!(manifest.parse(), Ok(ManifestKind::Index(_))))
        .filter_map(|index| match index.parse() {
            Ok(ManifestKind::Index(index)) => Some(index.manifests),
            _ => None,
        })
        .flatten()
        .map(|entry| entry.digest)
        .collect();
    digests.sort();
    digests.dedup();
    digests
}

/// Returns the `aws` lines that make the repository and show what was pushed.
pub(super) fn commands(request: &Request, preflight: &Preflight) -> (Option<String>, String) {
    let repository = &request.destination.repository;
    let host = EcrHost::of(&repository.registry);
    let region = host.as_ref().map_or("", |host| host.region.as_str());
    let account = host.as_ref().and_then(|host| host.account.as_deref());
    let service = host.as_ref().map_or("ecr", EcrHost::service);
    let id = account.map_or_else(String::new, |account| format!(" --registry-id {account}"));
    let path = &repository.path;
    let make = (preflight.exists == Some(false)).then(|| {
        format!(
            "aws {service} create-repository --region {region}{id} --repository-name {path} --image-tag-mutability IMMUTABLE_WITH_EXCLUSION --image-tag-mutability-exclusion-filters filterType=WILDCARD,filter='sha256-*' --image-scanning-configuration scanOnPush=true"
        )
    });
    let show = format!(
        "aws {service} describe-images --region {region}{id} --repository-name {path} --image-ids imageTag={}",
        request.tag()
    );
    (make, show)
}
