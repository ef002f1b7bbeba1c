//! What the loopback registry holds: blobs once, manifests and tags by repository, open uploads.
//!
//! No HTTP here.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::model::Digest;
use crate::model::oci::{Descriptor, ManifestKind, RawManifest};

/// Everything the registry holds.
#[derive(Debug, Default)]
pub(super) struct Store {
    blobs: HashMap<Digest, Bytes>,
    repositories: BTreeMap<String, Repository>,
    /// Open uploads by their id.
    pub(super) uploads: HashMap<String, Upload>,
    next_upload: u64,
}

#[derive(Debug, Default)]
struct Repository {
    blobs: HashSet<Digest>,
    manifests: BTreeMap<Digest, RawManifest>,
    tags: BTreeMap<String, Digest>,
}

/// A blob on its way in, hashed as it comes.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) repository: String,
    pub(super) bytes: Vec<u8>,
    pub(super) hash: Sha256,
}

impl Upload {
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes.extend_from_slice(bytes);
    }
}

impl Store {
    fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.repositories.contains_key(name)
    }

    pub(super) fn add_blob(&mut self, name: &str, bytes: Bytes) -> Digest {
        let digest = Digest::of(&bytes);
        self.keep_blob(name, digest.clone(), bytes);
        digest
    }

    /// Keeps a blob whose digest was computed while it came in.
    pub(super) fn keep_blob(&mut self, name: &str, digest: Digest, bytes: Bytes) {
        self.blobs.insert(digest.clone(), bytes);
        self.repository(name).blobs.insert(digest);
    }

    /// Makes a blob of one repository one of another, too.
    pub(super) fn mount(&mut self, name: &str, digest: &Digest, from: &str) -> bool {
        let has = self.blob(from, digest).is_some();
        if has {
            self.repository(name).blobs.insert(digest.clone());
        }
        has
    }

    pub(super) fn blob(&self, name: &str, digest: &Digest) -> Option<Bytes> {
        self.repositories
            .get(name)
            .filter(|repository| repository.blobs.contains(digest))
            .and_then(|_has| self.blobs.get(digest).cloned())
    }

    pub(super) fn remove_blob(&mut self, name: &str, digest: &Digest) -> bool {
        self.repository(name).blobs.remove(digest)
    }

    pub(super) fn add_manifest(
        &mut self,
        name: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: Bytes,
    ) -> Digest {
        let manifest = RawManifest::new(bytes, media_type.to_owned());
        let digest = manifest.digest.clone();
        let repository = self.repository(name);
        repository.manifests.insert(digest.clone(), manifest);
        if let Some(tag) = tag {
            repository.tags.insert(tag.to_owned(), digest.clone());
        }
        digest
    }

    pub(super) fn manifest(&self, name: &str, reference: &str) -> Option<(Digest, &RawManifest)> {
        let repository = self.repositories.get(name)?;
        let digest = match reference.parse::<Digest>() {
            Ok(digest) => digest,
            Err(_tag) => repository.tags.get(reference)?.clone(),
        };
        let manifest = repository.manifests.get(&digest)?;
        Some((digest, manifest))
    }

    /// Removes a tag, or a manifest with all its tags.
    pub(super) fn remove_manifest(&mut self, name: &str, reference: &str) -> bool {
        let repository = self.repository(name);
        let Ok(digest) = reference.parse::<Digest>() else {
            return repository.tags.remove(reference).is_some();
        };
        repository.tags.retain(|_tag, named| *named != digest);
        repository.manifests.remove(&digest).is_some()
    }

    pub(super) fn tags(&self, name: &str) -> Vec<(String, Digest)> {
        let tags = self
            .repositories
            .get(name)
            .map(|repository| &repository.tags);
        tags.into_iter()
            .flatten()
            .map(|(tag, digest)| (tag.clone(), digest.clone()))
            .collect()
    }

    /// Returns a blob or manifest that a manifest names and the repository does not have.
    pub(super) fn missing(&self, name: &str, manifest: &RawManifest) -> Option<Digest> {
        let named: Vec<Descriptor> = match manifest.parse().ok()? {
            ManifestKind::Manifest(document) => document
                .layers
                .into_iter()
                .chain([document.config])
                .filter(|blob| blob.urls.is_empty())
                .collect(),
            ManifestKind::Index(document) => document.manifests,
        };
        let repository = self.repositories.get(name);
        named
            .into_iter()
            .map(|descriptor| descriptor.digest)
            .find(|digest| {
                repository.is_none_or(|repository| {
                    !repository.blobs.contains(digest) && !repository.manifests.contains_key(digest)
                })
            })
    }

    /// Lists what names `subject` as its subject.
    pub(super) fn referrers(&self, name: &str, subject: &Digest) -> Vec<Descriptor> {
        let manifests = self
            .repositories
            .get(name)
            .map(|repository| &repository.manifests);
        manifests
            .into_iter()
            .flatten()
            .filter_map(|(_digest, manifest)| referrer(manifest, subject))
            .collect()
    }

    pub(super) fn open_upload(&mut self, name: &str) -> String {
        self.next_upload += 1;
        let id = format!("upload-{}", self.next_upload);
        let upload = Upload {
            repository: name.to_owned(),
            bytes: Vec::new(),
            hash: Sha256::new(),
        };
        self.uploads.insert(id.clone(), upload);
        id
    }
}

fn referrer(manifest: &RawManifest, subject: &Digest) -> Option<Descriptor> {
    let (named, artifact_type, annotations) = match manifest.parse().ok()? {
        ManifestKind::Manifest(document) => {
            let config = document.config.media_type;
            let artifact_type = document.artifact_type.unwrap_or(config);
            (document.subject, Some(artifact_type), document.annotations)
        }
        ManifestKind::Index(document) => (
            document.subject,
            document.artifact_type,
            document.annotations,
        ),
    };
    (named?.digest == *subject).then(|| Descriptor {
        artifact_type,
        annotations,
        ..manifest.descriptor()
    })
}
