//! The archive: bundles of evidence over a store, found by image and by content.
//!
//! A bundle is `bundles/<subject>/<time>-<hash>/manifest.json`; the files it lists are
//! `blobs/sha256/<hex>`, each kept once. The manifest is written last: a bundle without one does
//! not exist. What the files say is read elsewhere.

mod bundle;
mod error;
mod redact;
mod verify;

pub use bundle::{
    Bundle, BundleFile, BundleId, FileKind, LedgerHead, Manifest, ManifestFile, SCHEMA,
};
pub use error::ArchiveError;
pub use redact::redact_report;
pub use verify::{Problem, Verified};

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize as _;

use crate::formats;
use crate::model::{Algorithm, Digest};
use crate::store::{Put, Store, StoreError};

/// The folder of the files' contents.
const BLOBS: &str = "blobs/sha256/";

/// The folder that leads from the hash of an original to its redacted copy.
const REDACTED: &str = "redacted/sha256/";

/// An archive.
#[derive(Clone, Debug)]
pub struct Archive {
    store: Store,
}

/// A bundle of the archive with its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBundle {
    /// Its id.
    pub id: BundleId,
    /// What it consists of.
    pub manifest: Manifest,
    /// The SHA-256 of the manifest's bytes: kept elsewhere, it proves the whole bundle.
    pub manifest_sha256: Digest,
}

/// The bundles of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Those whose manifest can be read, by subject and time.
    pub bundles: Vec<StoredBundle>,
    /// Manifests that cannot.
    pub problems: Vec<Problem>,
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its bytes, checked against `sha256`.
    pub bytes: Vec<u8>,
    /// The SHA-256 of the bytes.
    pub sha256: Digest,
    /// Whether it is a copy without credentials of the file that was asked for.
    pub redacted: bool,
}

/// Returns a file as it is archived, with its SHA-256: secrets in reports and SBOMs are masked.
#[must_use]
pub fn kept(file: BundleFile) -> (Digest, Bytes) {
    let (listed, bytes) = prepare(file);
    (listed.sha256, bytes)
}

impl Archive {
    /// Returns the archive in `store`. Nothing is read or created yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Returns whether every operation finishes without waiting for the network; see
    /// [`Store::is_local`].
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.store.is_local()
    }

    /// Returns where the archive is.
    #[must_use]
    pub fn location(&self) -> String {
        self.store.location()
    }

    /// Returns where the content with this SHA-256 is, once it is archived: an address.
    #[must_use]
    pub fn blob_address(&self, sha256: &Digest) -> String {
        let location = self.location();
        let location = location.trim_end_matches('/');
        let scheme = if location.contains("://") {
            ""
        } else {
            "file://"
        };
        format!("{scheme}{location}/{}", blob_key(sha256))
    }

    /// Archives `bundle` and returns its id. The same evidence again gives the same id and writes
    /// nothing. Credentials that a scanner wrote into its report are masked first.
    ///
    /// # Errors
    /// When the store cannot be written, or holds something else in the place of a file. Without
    /// its manifest, which is written last, an interrupted bundle does not count.
    pub async fn put(&self, bundle: Bundle) -> Result<BundleId, ArchiveError> {
        let mut files = Vec::new();
        let mut blobs: BTreeMap<Digest, Bytes> = BTreeMap::new();
        let receipt = bundle.receipt.map(|bytes| BundleFile {
            name: String::new(),
            kind: FileKind::Receipt,
            bytes,
        });
        for file in bundle.files.into_iter().chain(receipt) {
            let (listed, bytes) = prepare(file);
            blobs.insert(listed.sha256.clone(), bytes);
            files.push(listed);
        }
        files.sort_by(|a, b| (a.kind, &a.sha256, &a.path).cmp(&(b.kind, &b.sha256, &b.path)));
        files.dedup();
        let manifest = Manifest {
            schema: SCHEMA.to_owned(),
            subject: bundle.subject,
            name: bundle.name,
            time: bundle.time,
            destination: bundle.destination,
            shipped_at: bundle.shipped_at,
            ledger: bundle.ledger,
            files,
        };
        let value = manifest.to_value()?;
        let id = manifest.id(&value)?;
        for (sha256, bytes) in &blobs {
            self.put_blob(&id, sha256, bytes).await?;
        }
        for file in &manifest.files {
            if let Some(original) = &file.redacted_from {
                let key = format!("{REDACTED}{}", original.hex());
                self.create(&key, file.sha256.to_string().as_bytes())
                    .await?;
            }
        }
        if let Some(earlier) = self.same_content(&id).await? {
            return Ok(earlier);
        }
        self.create(&id.manifest_key(), &bundle::canonical(&value)?)
            .await?;
        Ok(id)
    }

    /// Returns every bundle with its manifest.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self) -> Result<Listing, ArchiveError> {
        self.list_under("bundles/").await
    }

    /// Returns the bundles about the image with the digest `subject`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_of(&self, subject: &Digest) -> Result<Listing, ArchiveError> {
        self.list_under(&format!("bundles/{}/", bundle::subject_digits(subject)))
            .await
    }

    /// Returns one bundle.
    ///
    /// # Errors
    /// When there is none of that id, its manifest was edited, or the store cannot be read.
    pub async fn get(&self, id: &BundleId) -> Result<StoredBundle, ArchiveError> {
        let bytes = self.read(&id.manifest_key()).await?;
        let bytes = bytes.ok_or_else(|| ArchiveError::NoSuchBundle {
            location: self.location(),
            id: id.to_string(),
        })?;
        open_manifest(id, &bytes).map_err(|problem| ArchiveError::Damaged {
            location: self.location(),
            id: id.to_string(),
            detail: problem.to_string(),
        })
    }

    /// Returns the content of a file by its SHA-256. Where only a copy without credentials was
    /// archived, the hash of the original finds that copy.
    ///
    /// # Errors
    /// When the file was edited or the store cannot be read.
    pub async fn find_blob(&self, sha256: &Digest) -> Result<Option<Blob>, ArchiveError> {
        if sha256.algorithm() != Algorithm::Sha256 {
            return Ok(None);
        }
        if let Some(bytes) = self.checked_blob(sha256).await? {
            return Ok(Some(Blob {
                bytes,
                sha256: sha256.clone(),
                redacted: false,
            }));
        }
        let Some(pointer) = self.read(&format!("{REDACTED}{}", sha256.hex())).await? else {
            return Ok(None);
        };
        let copy: Option<Digest> = std::str::from_utf8(&pointer)
            .ok()
            .and_then(|text| text.parse().ok());
        let Some(copy) = copy else {
            return Err(self.damaged(sha256, "the note about its redacted copy was edited"));
        };
        let bytes = self.checked_blob(&copy).await?;
        Ok(bytes.map(|bytes| Blob {
            bytes,
            sha256: copy,
            redacted: true,
        }))
    }

    /// Checks one bundle: its manifest against its id, and every file against the manifest.
    ///
    /// # Errors
    /// When there is none of that id or the store cannot be read.
    pub async fn verify(&self, id: &BundleId) -> Result<Verified, ArchiveError> {
        let bytes = self.read(&id.manifest_key()).await?;
        let bytes = bytes.ok_or_else(|| ArchiveError::NoSuchBundle {
            location: self.location(),
            id: id.to_string(),
        })?;
        let listing = match open_manifest(id, &bytes) {
            Ok(bundle) => Listing {
                bundles: vec![bundle],
                problems: Vec::new(),
            },
            Err(problem) => Listing {
                bundles: Vec::new(),
                problems: vec![problem],
            },
        };
        let (mut verified, _checked) = self.check(listing).await?;
        verified.whole = verified.problems.is_empty() && verified.bundles > 0;
        Ok(verified)
    }

    /// Checks every bundle, and names files that belong to none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn verify_all(&self) -> Result<Verified, ArchiveError> {
        let (mut verified, checked) = self.check(self.list().await?).await?;
        for key in self.keys("").await? {
            let blob = key.strip_prefix(BLOBS);
            if BundleId::of_key(&key).is_some() || key.starts_with(REDACTED) {
                continue;
            }
            match blob.and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok()) {
                Some(digest) if checked.contains_key(&digest) => {}
                Some(_) => verified.unreferenced.push(key),
                None => verified.problems.push(Problem::Foreign { key }),
            }
        }
        verified.whole = verified.problems.is_empty() && verified.bundles > 0;
        Ok(verified)
    }

    /// Checks the files of bundles, each content once.
    async fn check(
        &self,
        listing: Listing,
    ) -> Result<(Verified, BTreeMap<Digest, Option<Digest>>), ArchiveError> {
        let mut verified = Verified {
            bundles: listing.bundles.len() + listing.problems.len(),
            problems: listing.problems,
            ..Verified::default()
        };
        let mut found: BTreeMap<Digest, Option<Digest>> = BTreeMap::new();
        for bundle in &listing.bundles {
            for file in &bundle.manifest.files {
                if !found.contains_key(&file.sha256) {
                    let bytes = self.read(&blob_key(&file.sha256)).await?;
                    found.insert(file.sha256.clone(), bytes.map(|bytes| Digest::of(&bytes)));
                }
                let problem = match found.get(&file.sha256).and_then(Option::as_ref) {
                    Some(digest) if *digest == file.sha256 => continue,
                    Some(digest) => Problem::Altered {
                        id: bundle.id.clone(),
                        name: file.name.clone(),
                        sha256: file.sha256.clone(),
                        found: digest.clone(),
                    },
                    None => Problem::Missing {
                        id: bundle.id.clone(),
                        name: file.name.clone(),
                        sha256: file.sha256.clone(),
                    },
                };
                verified.problems.push(problem);
            }
        }
        verified.files = found.len();
        Ok((verified, found))
    }

    async fn list_under(&self, prefix: &str) -> Result<Listing, ArchiveError> {
        let ids: Vec<BundleId> = self
            .keys(prefix)
            .await?
            .iter()
            .filter_map(|key| BundleId::of_key(key))
            .collect();
        let keys: Vec<String> = ids.iter().map(BundleId::manifest_key).collect();
        let manifests = self
            .store
            .get_many(&keys)
            .await
            .map_err(|error| self.store_error(error))?;
        let mut listing = Listing::default();
        for (id, bytes) in ids.iter().zip(manifests) {
            match bytes.map(|bytes| open_manifest(id, &bytes)) {
                Some(Ok(bundle)) => listing.bundles.push(bundle),
                Some(Err(problem)) => listing.problems.push(problem),
                None => {}
            }
        }
        Ok(listing)
    }

    /// Returns the bundle of the same subject and content, whatever its time.
    async fn same_content(&self, id: &BundleId) -> Result<Option<BundleId>, ArchiveError> {
        let keys = self.keys(&format!("bundles/{}/", id.subject())).await?;
        Ok(keys
            .iter()
            .filter_map(|key| BundleId::of_key(key))
            .find(|earlier| earlier.content() == id.content()))
    }

    async fn put_blob(
        &self,
        id: &BundleId,
        sha256: &Digest,
        bytes: &[u8],
    ) -> Result<(), ArchiveError> {
        if self.create(&blob_key(sha256), bytes).await? == Put::Created {
            return Ok(());
        }
        let there = self.read(&blob_key(sha256)).await?;
        if there.is_some_and(|there| there == bytes) {
            return Ok(());
        }
        Err(ArchiveError::Damaged {
            location: self.location(),
            id: id.to_string(),
            detail: format!("the file in the place of {sha256} was edited"),
        })
    }

    async fn checked_blob(&self, sha256: &Digest) -> Result<Option<Vec<u8>>, ArchiveError> {
        match self.read(&blob_key(sha256)).await? {
            Some(bytes) if !sha256.matches(&bytes) => {
                Err(self.damaged(sha256, "its bytes have another SHA-256"))
            }
            bytes => Ok(bytes),
        }
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Put, ArchiveError> {
        self.store
            .put_if_absent(key, bytes)
            .await
            .map_err(|error| self.store_error(error))
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        self.store
            .get(key)
            .await
            .map_err(|error| self.store_error(error))
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, ArchiveError> {
        self.store
            .list(prefix)
            .await
            .map_err(|error| self.store_error(error))
    }

    fn damaged(&self, sha256: &Digest, detail: &str) -> ArchiveError {
        ArchiveError::Damaged {
            location: self.location(),
            id: sha256.to_string(),
            detail: detail.to_owned(),
        }
    }

    fn store_error(&self, source: StoreError) -> ArchiveError {
        ArchiveError::Store {
            location: self.location(),
            source: Box::new(source),
        }
    }
}

fn blob_key(sha256: &Digest) -> String {
    format!("{BLOBS}{}", sha256.hex())
}

/// Masks credentials and returns the file as the manifest lists it, with the bytes to keep.
fn prepare(file: BundleFile) -> (ManifestFile, Bytes) {
    let scanned = matches!(file.kind, FileKind::Report | FileKind::Sbom);
    let masked = if scanned { masked(&file) } else { None };
    let original = masked.is_some().then(|| Digest::of(&file.bytes));
    let bytes = masked.unwrap_or(file.bytes);
    let sha256 = Digest::of(&bytes);
    let listed = ManifestFile {
        name: format!("{}-{}", file.kind.as_str(), sha256.short()),
        kind: file.kind,
        path: Some(file.name).filter(|name| !name.is_empty()),
        size: bytes.len() as u64,
        sha256,
        redacted_from: original,
    };
    (listed, bytes)
}

/// Returns the copy without credentials of a document that has some: its decoded text, as it is
/// read for a review, so that no packing or encoding hides them.
fn masked(file: &BundleFile) -> Option<Bytes> {
    let text = formats::text(&file.name, file.bytes.to_vec()).ok()?;
    // What is no document a review reads is looked at as a whole.
    let places = formats::documents_in(&file.name, &text)
        .unwrap_or_else(|_unknown| std::iter::once(0..text.len()).collect());
    let mut copy: Vec<u8> = Vec::with_capacity(text.len());
    let mut end = 0;
    let mut found = false;
    for place in places {
        let (document, original) = redact_report(text.get(place.clone())?.as_bytes());
        found |= original.is_some();
        let between = redact::redact_text(text.get(end..place.start)?);
        found |= matches!(between, std::borrow::Cow::Owned(_));
        copy.extend_from_slice(between.as_bytes());
        copy.extend_from_slice(&document);
        end = place.end;
    }
    let last = redact::redact_text(text.get(end..)?);
    found |= matches!(last, std::borrow::Cow::Owned(_));
    copy.extend_from_slice(last.as_bytes());
    found.then(|| Bytes::from(copy))
}

/// Reads a manifest and compares it with the id of its bundle.
fn open_manifest(id: &BundleId, bytes: &[u8]) -> Result<StoredBundle, Problem> {
    let unreadable = |detail: String| Problem::Manifest {
        id: id.clone(),
        detail,
    };
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
    if bundle::canonical(&value).ok().as_deref() != Some(bytes) {
        let detail = "it is not the canonical form (RFC 8785) of its content";
        return Err(unreadable(detail.to_owned()));
    }
    let manifest = Manifest::deserialize(&value).map_err(|error| unreadable(error.to_string()))?;
    if manifest.schema != SCHEMA {
        let schema: String = manifest.schema.chars().take(80).collect();
        return Err(unreadable(format!(
            "schema `{schema}`, expected `{SCHEMA}`"
        )));
    }
    let found = manifest
        .id(&value)
        .map_err(|error| unreadable(error.to_string()))?;
    if found != *id {
        return Err(Problem::Edited {
            id: id.clone(),
            found,
        });
    }
    Ok(StoredBundle {
        id: id.clone(),
        manifest,
        manifest_sha256: Digest::of(bytes),
    })
}

#[cfg(test)]
mod tests;
