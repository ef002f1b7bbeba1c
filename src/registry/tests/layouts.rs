//! Layout folders as a source: whole ones, broken ones and hostile ones.

use std::path::Path;

use super::*;
use crate::error::{ErrorKind, Explain as _};

fn write_blob(root: &Path, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    let folder = root.join("blobs/sha256");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(digest.hex()), bytes).unwrap();
    digest
}

/// Writes a layout with one image named `v1`; returns its manifest and its layer's digest.
fn write_layout(root: &Path, layer: &Bytes) -> (Bytes, Digest) {
    let config = config("amd64");
    let manifest = odd_manifest(&config, std::slice::from_ref(layer));
    write_blob(root, &config);
    let digest = write_blob(root, layer);
    write_blob(root, &manifest);
    std::fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    write_index(root, &[("v1", &manifest)]);
    (manifest, digest)
}

fn write_index(root: &Path, entries: &[(&str, &Bytes)]) {
    let entries: Vec<String> = entries
        .iter()
        .map(|(name, manifest)| {
            format!(
                r#"{{"mediaType":"{}","size":{},"digest":"{}","annotations":{{"org.opencontainers.image.ref.name":"{name}"}}}}"#,
                media_type::OCI_MANIFEST,
                manifest.len(),
                Digest::of(manifest)
            )
        })
        .collect();
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        entries.join(",")
    );
    std::fs::write(root.join("index.json"), index).unwrap();
}

async fn copy_layout(root: &Path, to: &Registry) -> Result<CopyOutcome, RegistryError> {
    let name = Image::Layout {
        directory: root.to_owned(),
        reference: None,
    };
    let resolved = resolve(&client(), &name).await?;
    copy_quietly(
        &resolved.source,
        &resolved.manifest,
        &repository(&to.host(), "b"),
    )
    .await
}

#[tokio::test]
async fn a_layout_arrives_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let to = registry().await;
    let (manifest, layer) = write_layout(folder.path(), &noise(3, 700_000));
    let outcome = copy_layout(folder.path(), &to).await.unwrap();
    let (bytes, kind) = to.manifest("b", &outcome.digest.to_string()).unwrap();
    assert_eq!((bytes, &*kind), (manifest, media_type::OCI_MANIFEST));
    assert_eq!(to.blob("b", &layer).unwrap(), noise(3, 700_000));
}

#[tokio::test]
async fn a_missing_blob_is_named_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let to = registry().await;
    let (_, layer) = write_layout(folder.path(), &noise(3, 1000));
    std::fs::remove_file(folder.path().join("blobs/sha256").join(layer.hex())).unwrap();
    let error = copy_layout(folder.path(), &to).await.unwrap_err();
    assert!(error.to_string().contains(&layer.to_string()), "{error}");
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(to.requests().is_empty());
}

#[tokio::test]
async fn a_flipped_bit_is_never_sent_whole_and_nothing_is_stored() {
    for size in [10, 256 << 10, (3 << 20) + 5] {
        let folder = tempfile::tempdir().unwrap();
        let to = registry().await;
        let layer = noise(3, size);
        let (_, digest) = write_layout(folder.path(), &layer);
        let mut flipped = layer.to_vec();
        flipped[size / 2] ^= 1;
        let path = folder.path().join("blobs/sha256").join(digest.hex());
        std::fs::write(path, flipped).unwrap();
        let error = copy_layout(folder.path(), &to).await.unwrap_err();
        assert!(matches!(error, RegistryError::Mismatch { .. }), "{error}");
        assert!(error.to_string().contains("source"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(
            writes(&to)
                .iter()
                .all(|write| !write.contains("/manifests/"))
        );
        assert!(to.blob("b", &digest).is_none());
        // The registry would have said DIGEST_INVALID had it been given every byte.
        assert!(to.requests().iter().all(|request| request.status != 400));
    }
}

#[tokio::test]
async fn a_blob_of_another_size_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let to = registry().await;
    let (_, layer) = write_layout(folder.path(), &noise(3, 1000));
    let path = folder.path().join("blobs/sha256").join(layer.hex());
    std::fs::write(path, noise(3, 999)).unwrap();
    let error = copy_layout(folder.path(), &to).await.unwrap_err();
    assert!(error.to_string().contains("1000 bytes"), "{error}");
    assert!(to.requests().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn links_out_of_the_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let to = registry().await;
    let (_, layer) = write_layout(folder.path(), &noise(3, 1000));
    let path = folder.path().join("blobs/sha256").join(layer.hex());
    let target = outside.path().join("layer");
    std::fs::rename(&path, &target).unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    let error = copy_layout(folder.path(), &to).await.unwrap_err();
    assert!(error.to_string().contains("leaves"), "{error}");
    assert!(to.requests().is_empty());
}

#[test]
fn names_digests_and_the_only_image_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = write_layout(folder.path(), &noise(3, 10));
    let second = odd_manifest(&config("arm64"), &[]);
    write_blob(folder.path(), &second);
    let layout = Layout::open(folder.path()).unwrap();
    assert_eq!(layout.resolve(None).unwrap().digest, Digest::of(&first));
    // Not in index.json, found by its digest.
    let digest = Digest::of(&second).to_string();
    let found = layout.resolve(Some(&digest)).unwrap();
    assert_eq!(found.media_type, media_type::OCI_MANIFEST);
    write_index(folder.path(), &[("v1", &first), ("v2", &second)]);
    let layout = Layout::open(folder.path()).unwrap();
    let found = layout.resolve(Some("v2")).unwrap();
    assert_eq!(found.digest, Digest::of(&second));
    let error = layout.resolve(None).unwrap_err().to_string();
    assert!(error.contains("v1, v2"), "{error}");
    let error = layout.resolve(Some("v3")).unwrap_err();
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
}

#[test]
fn what_is_no_layout_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Layout::open(folder.path()).unwrap_err().to_string();
    assert!(open().contains("oci-layout"));
    std::fs::write(
        folder.path().join("oci-layout"),
        r#"{"imageLayoutVersion":"2.0.0"}"#,
    )
    .unwrap();
    assert!(open().contains("2.0.0"));
    std::fs::write(
        folder.path().join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
    assert!(open().contains("index.json"));
    std::fs::write(folder.path().join("index.json"), "[").unwrap();
    assert!(open().contains("index.json"));
}
