//! What an SPDX 2 document says about the image it describes: its root package.
//!
//! Which digests join documents is decided in `triage::subject`.

use super::wire::{Annotations, Document, PackageWire};
use crate::formats::json::MaybeText as _;
use crate::formats::sbom::{ImagePurl, add_repo_digest};
use crate::model::{Component, Digest, SubjectClaim};

pub(super) fn read(
    document: &Document<'_>,
    packages: &[PackageWire<'_>],
    components: &[Component],
    roots: &[u32],
    annotations: &Annotations<'_>,
) -> SubjectClaim {
    let os = components
        .iter()
        .find(|component| component.kind == "operating-system")
        .map(|os| format!("{} {}", os.package.name, os.package.version));
    let os = os.map(|os| os.trim().to_owned());
    let root = match roots {
        [only] => packages.get(*only as usize),
        _ => None,
    };
    match root {
        Some(root) => SubjectClaim {
            os,
            ..of_root(root, annotations)
        },
        None => SubjectClaim {
            os,
            ..of_name(document)
        },
    }
}

fn of_root(root: &PackageWire<'_>, annotations: &Annotations<'_>) -> SubjectClaim {
    let purl = ImagePurl::of(root.purl());
    let digest = |key: &str| root.said(key, annotations).and_then(|it| it.parse().ok());
    let image_id: Option<Digest> = digest("ImageID");
    let diff_ids = root.all_said("DiffID", annotations);
    let diff_ids: Result<Vec<Digest>, _> = diff_ids
        .into_iter()
        .flat_map(|value| value.split(','))
        .map(|text| text.trim().parse())
        .collect();
    let diff_ids = diff_ids.unwrap_or_default();
    let is_image =
        root.kind() == "container" || purl.is_some() || image_id.is_some() || !diff_ids.is_empty();
    let of_purl = purl.as_ref().and_then(ImagePurl::digest);
    let stated = root.version.digest().or(of_purl).or_else(|| root.sha256());
    let is_index = purl.as_ref().is_some_and(ImagePurl::is_index);
    let mut repo_digests: Vec<String> = owned(root.all_said("RepoDigest", annotations));
    if let Some(text) = purl.as_ref().and_then(ImagePurl::repo_digest) {
        add_repo_digest(&mut repo_digests, text);
    }
    let name = root.name.owned();
    // An index's digest is none of a platform's manifest.
    if let (true, Some(digest)) = (is_image && is_index, &stated) {
        let name = name.as_deref().unwrap_or_default();
        add_repo_digest(&mut repo_digests, format!("{name}@{digest}"));
    }
    // Trivy knows the image's digest only where it knows the repository: then it is that.
    let is_manifest = is_image && !is_index && image_id.is_none();
    SubjectClaim {
        manifest_digest: stated.filter(|_| is_manifest),
        repo_digests,
        tags: owned(root.all_said("RepoTag", annotations)),
        image_id,
        diff_ids,
        platform: purl.as_ref().and_then(ImagePurl::platform),
        is_image,
        name,
        ..SubjectClaim::default()
    }
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

/// Old versions of Syft have no package for the image; it is the document's name, and its
/// namespace says what it was.
fn of_name(document: &Document<'_>) -> SubjectClaim {
    let name = document.name.owned();
    let namespace = document.namespace.get().unwrap_or_default();
    let is_image = namespace.contains("/syft/image/");
    let digest: Option<Digest> = name
        .as_deref()
        .and_then(|name| name.rsplit_once('@')?.1.parse().ok());
    SubjectClaim {
        repo_digests: name
            .clone()
            .filter(|_| is_image && digest.is_some())
            .into_iter()
            .collect(),
        name,
        is_image,
        ..SubjectClaim::default()
    }
}
