//! What a CycloneDX document says about the image it describes.
//!
//! Each producer has its own place for digests; which of them joins documents is decided in
//! `triage::join`.

use super::wire::{ComponentWire, MetadataWire};
use crate::formats::json::MaybeText as _;
use crate::model::{Component, Digest, Platform, SubjectClaim};

pub(super) fn read(metadata: &MetadataWire<'_>, components: &[Component]) -> SubjectClaim {
    let Some(subject) = &metadata.component else {
        return SubjectClaim::default();
    };
    let purl = subject.purl.purl().filter(|purl| &*purl.kind == "oci");
    let of_purl = |key: &str| purl.as_ref().and_then(|purl| purl.qualifier(key));
    let property = |name: &str| subject.property(&format!("aquasecurity:trivy:{name}"));
    let image_id: Option<Digest> = property("ImageID").and_then(|id| id.parse().ok());
    let diff_ids = diff_ids(subject);
    let is_image = subject.kind.get() == Some("container")
        || purl.is_some()
        || image_id.is_some()
        || !diff_ids.is_empty();
    let os = components
        .iter()
        .find(|component| component.kind == "operating-system")
        .map(|os| format!("{} {}", os.package.name, os.package.version));
    SubjectClaim {
        name: subject.name.owned(),
        manifest_digest: subject.version.digest().filter(|_| is_image),
        repo_digests: repo_digests(subject, purl.as_ref()),
        tags: subject
            .properties("aquasecurity:trivy:RepoTag")
            .map(str::to_owned)
            .collect(),
        image_id,
        diff_ids,
        platform: of_purl("arch").map(|architecture| Platform {
            os: of_purl("os").unwrap_or("linux").to_owned(),
            architecture: architecture.to_owned(),
            variant: None,
        }),
        os: os.map(|os| os.trim().to_owned()),
        is_image,
        end_of_life: false,
    }
}

/// One property with commas in old versions, one property each in newer ones.
fn diff_ids(subject: &ComponentWire<'_>) -> Vec<Digest> {
    let texts = subject
        .properties("aquasecurity:trivy:DiffID")
        .flat_map(|value| value.split(','));
    let ids: Result<Vec<Digest>, _> = texts.map(|text| text.trim().parse()).collect();
    ids.unwrap_or_default()
}

fn repo_digests(subject: &ComponentWire<'_>, purl: Option<&crate::model::Purl>) -> Vec<String> {
    let mut digests: Vec<String> = subject
        .properties("aquasecurity:trivy:RepoDigest")
        .map(str::to_owned)
        .collect();
    let of_purl = purl.and_then(|purl| {
        let repository = purl.qualifier("repository_url")?;
        let digest: Digest = purl.version.as_deref()?.parse().ok()?;
        Some(format!("{repository}@{digest}"))
    });
    if let Some(text) = of_purl {
        // The same digest under another spelling of the repository is no second one.
        let digest = text.rsplit_once('@').map(|(_, digest)| digest.to_owned());
        let known = digest.is_some_and(|digest| digests.iter().any(|text| text.ends_with(&digest)));
        if !known {
            digests.push(text);
        }
    }
    digests
}
