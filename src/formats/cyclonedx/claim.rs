//! What a CycloneDX document says about the image it describes.
//!
//! Each producer has its own place for digests; which of them joins documents is decided in
//! `triage::join`.

use super::wire::{ComponentWire, MetadataWire};
use crate::formats::json::MaybeText as _;
use crate::formats::sbom::{ImagePurl, add_repo_digest};
use crate::model::{Component, Digest, SubjectClaim};

pub(super) fn read(metadata: &MetadataWire<'_>, components: &[Component]) -> SubjectClaim {
    let Some(subject) = &metadata.component else {
        return SubjectClaim::default();
    };
    let purl = ImagePurl::of(subject.purl.purl());
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
    let mut repo_digests: Vec<String> = subject
        .properties("aquasecurity:trivy:RepoDigest")
        .map(str::to_owned)
        .collect();
    if let Some(text) = purl.as_ref().and_then(ImagePurl::repo_digest) {
        add_repo_digest(&mut repo_digests, text);
    }
    SubjectClaim {
        name: subject.name.owned(),
        manifest_digest: subject.version.digest().filter(|_| is_image),
        repo_digests,
        tags: subject
            .properties("aquasecurity:trivy:RepoTag")
            .map(str::to_owned)
            .collect(),
        image_id,
        diff_ids,
        base_layers: None,
        platform: purl.as_ref().and_then(ImagePurl::platform),
        os: os.map(|os| os.trim().to_owned()),
        is_image,
        ..SubjectClaim::default()
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
