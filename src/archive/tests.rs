//! What the archive promises.

use chrono::TimeZone as _;
use futures_util::FutureExt as _;

use super::*;
use crate::store::DirectoryStore;

const GRYPE: &str = r#"{"matches":[],"descriptor":{"name":"grype","configuration":{
  "db":{"update-url":"https://user:canary-url@db.example/listing.json"},
  "registry":{"auth":[{"authority":"r.example","username":"u","password":"canary-password","token":"canary-token"}]}
}},"z":1.50}"#;

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a folder never waits")
}

fn archive() -> (tempfile::TempDir, Archive) {
    let folder = tempfile::tempdir().unwrap();
    let store = DirectoryStore::new(&folder.path().join("archive"));
    (folder, Archive::new(Store::Directory(store)))
}

fn bundle() -> Bundle {
    let file = |name: &str, kind, bytes: &'static [u8]| BundleFile {
        name: name.to_owned(),
        kind,
        bytes: Bytes::from_static(bytes),
    };
    Bundle {
        subject: Digest::of(b"image"),
        name: "registry.example/app:1".to_owned(),
        time: chrono::Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap(),
        destination: Some("registry.example/live/app:1".to_owned()),
        shipped_at: None,
        ledger: Some(LedgerHead {
            seq: 4,
            sha256: Digest::of(b"entry"),
        }),
        files: vec![
            file("../../etc/passwd\u{202e}", FileKind::Report, b"{\"a\":1}"),
            file("sbom.json", FileKind::Sbom, b"{\"b\":2}"),
            file("copy of sbom.json", FileKind::Sbom, b"{\"b\":2}"),
        ],
        receipt: Some(Bytes::from_static(
            b"{\"schema\":\"countersign/receipt/v1\"}",
        )),
    }
}

fn path(archive: &Archive, key: &str) -> std::path::PathBuf {
    std::path::Path::new(&archive.location()).join(key)
}

#[test]
fn a_bundle_comes_back_as_it_was_put() {
    let (_folder, archive) = archive();
    let id = now(archive.put(bundle())).unwrap();
    let expected = format!("{}/20260102t030405z-", Digest::of(b"image").hex());
    assert!(id.to_string().starts_with(&expected), "{id}");
    assert_eq!(id.to_string().parse::<BundleId>().unwrap(), id);
    let stored = now(archive.get(&id)).unwrap();
    assert_eq!(stored.manifest.files.len(), 4);
    assert_eq!(stored.manifest.ledger.as_ref().unwrap().seq, 4);
    let names: Vec<&str> = stored
        .manifest
        .files
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    for name in &names {
        assert!(crate::store::check_key(name).is_ok(), "{name}");
    }
    for file in &stored.manifest.files {
        let blob = now(archive.find_blob(&file.sha256)).unwrap().unwrap();
        assert_eq!(blob.bytes.len() as u64, file.size);
    }
    // Two files of the same content are kept once.
    let verified = now(archive.verify_all()).unwrap();
    assert!(verified.whole, "{verified:?}");
    assert_eq!((verified.bundles, verified.files), (1, 3));
    assert!(now(archive.verify(&id)).unwrap().whole);
    assert_eq!(
        now(archive.list_of(&Digest::of(b"image"))).unwrap().bundles,
        [stored]
    );
    assert!(
        now(archive.list_of(&Digest::of(b"other")))
            .unwrap()
            .bundles
            .is_empty()
    );
}

#[test]
fn the_same_evidence_again_is_the_same_bundle() {
    let (_folder, archive) = archive();
    let first = now(archive.put(bundle())).unwrap();
    let mut later = bundle();
    later.time += chrono::Duration::hours(3);
    later.files.reverse();
    assert_eq!(now(archive.put(later)).unwrap(), first);
    let mut other = bundle();
    other.receipt = None;
    assert_ne!(now(archive.put(other)).unwrap(), first);
    assert_eq!(now(archive.list()).unwrap().bundles.len(), 2);
}

#[test]
fn without_its_manifest_a_bundle_does_not_count() {
    let (_folder, archive) = archive();
    let id = now(archive.put(bundle())).unwrap();
    std::fs::remove_file(path(&archive, &id.manifest_key())).unwrap();
    assert!(now(archive.list()).unwrap().bundles.is_empty());
    assert!(matches!(
        now(archive.get(&id)),
        Err(ArchiveError::NoSuchBundle { .. })
    ));
    let verified = now(archive.verify_all()).unwrap();
    assert!(!verified.whole && verified.problems.is_empty());
    assert_eq!(verified.unreferenced.len(), 3);
    // Archiving again completes it.
    assert_eq!(now(archive.put(bundle())).unwrap(), id);
    assert!(now(archive.verify_all()).unwrap().whole);
}

#[test]
fn an_empty_archive_is_not_whole() {
    let (_folder, archive) = archive();
    assert!(!now(archive.verify_all()).unwrap().whole);
}

#[test]
fn every_flipped_byte_of_a_bundle_is_named() {
    let (_folder, archive) = archive();
    let id = now(archive.put(bundle())).unwrap();
    let manifest = path(&archive, &id.manifest_key());
    let original = std::fs::read(&manifest).unwrap();
    for place in 0..original.len() {
        let mut bytes = original.clone();
        bytes[place] ^= 1;
        std::fs::write(&manifest, &bytes).unwrap();
        let verified = now(archive.verify_all()).unwrap();
        assert!(
            !verified.whole && !verified.problems.is_empty(),
            "byte {place}"
        );
        assert!(now(archive.get(&id)).is_err(), "byte {place}");
    }
    std::fs::write(&manifest, &original).unwrap();
    let sha256 = Digest::of(b"{\"b\":2}");
    let blob = path(&archive, &blob_key(&sha256));
    std::fs::write(&blob, b"{\"b\":3}").unwrap();
    let verified = now(archive.verify(&id)).unwrap();
    assert!(matches!(
        verified.problems[..],
        [Problem::Altered { .. }, Problem::Altered { .. }]
    ));
    assert!(matches!(
        now(archive.find_blob(&sha256)),
        Err(ArchiveError::Damaged { .. })
    ));
    assert!(matches!(
        now(archive.put(bundle())),
        Err(ArchiveError::Damaged { .. })
    ));
    std::fs::remove_file(&blob).unwrap();
    let verified = now(archive.verify(&id)).unwrap();
    assert!(matches!(
        verified.problems[..],
        [Problem::Missing { .. }, Problem::Missing { .. }]
    ));
    std::fs::write(path(&archive, "Notes.txt"), b"").unwrap();
    let verified = now(archive.verify_all()).unwrap();
    let foreign = Problem::Foreign {
        key: "Notes.txt".to_owned(),
    };
    assert!(verified.problems.contains(&foreign));
}

#[test]
fn credentials_are_masked_and_nothing_else_changes() {
    let (copy, original) = redact_report(GRYPE.as_bytes());
    let copy = std::str::from_utf8(&copy).unwrap();
    assert!(!copy.contains("canary"), "{copy}");
    assert!(copy.contains("r.example") && copy.contains("\"z\":1.50}"));
    assert!(copy.starts_with(r#"{"matches":[],"descriptor":{"name":"grype","configuration":{"#));
    assert_eq!(original, Some(Digest::of(GRYPE.as_bytes())));
    // The copy has nothing left to mask.
    assert_eq!(redact_report(copy.as_bytes()).1, None);
    let twice = GRYPE.replace("\"z\"", "\"descriptor\":{\"configuration\":{}},\"z\"");
    let (copy, _) = redact_report(twice.as_bytes());
    assert!(!std::str::from_utf8(&copy).unwrap().contains("canary"));
    let marked = format!("\u{feff}{GRYPE}");
    let (copy, _) = redact_report(marked.as_bytes());
    assert!(!std::str::from_utf8(&copy).unwrap().contains("canary"));
}

#[test]
fn reports_without_credentials_stay_as_they_are() {
    for text in [
        "",
        "not json",
        "[1]",
        "{\"descriptor\":null}",
        "{\"descriptor\":{\"configuration\":{\"registry\":{\"auth\":null,\"password\":\"\"}}}}",
        "{\"descriptor\":{\"configuration\":{\"registry\":{\"auth\":[{\"token\":\"*****\"}]}}}}",
        "{\"Results\":[{\"token\":\"a finding about a token\"}]}",
    ] {
        let (copy, original) = redact_report(text.as_bytes());
        assert_eq!((copy.as_ref(), original), (text.as_bytes(), None));
    }
}

/// Whatever a review reads through is read through here too.
#[test]
fn credentials_are_masked_in_every_wrapping() {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(GRYPE.as_bytes()).unwrap();
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let logged = format!("[0000]  WARN old\n{GRYPE}\n{GRYPE}\nbye\n");
    for (bytes, marks) in [
        (gzip.finish().unwrap(), 1),
        (
            ruzstd::encoding::compress_to_vec(GRYPE.as_bytes(), level),
            1,
        ),
        (utf_16(GRYPE), 1),
        (utf_16(&logged), 2),
        (logged.into_bytes(), 2),
    ] {
        let file = BundleFile {
            name: "grype.json".to_owned(),
            kind: FileKind::Report,
            bytes: Bytes::from(bytes),
        };
        let copy = masked(&file).unwrap();
        let copy = std::str::from_utf8(&copy).unwrap();
        assert!(!copy.contains("canary"), "{copy}");
        assert_eq!(copy.matches("\"matches\":[]").count(), marks);
        assert_eq!(copy.contains("WARN"), copy.contains("bye"));
    }
}

#[test]
fn the_hash_of_the_original_finds_the_copy_without_credentials() {
    let (_folder, archive) = archive();
    let mut bundle = bundle();
    bundle.files = vec![BundleFile {
        name: "grype.json".to_owned(),
        kind: FileKind::Report,
        bytes: Bytes::from_static(GRYPE.as_bytes()),
    }];
    let id = now(archive.put(bundle)).unwrap();
    let original = Digest::of(GRYPE.as_bytes());
    let manifest = now(archive.get(&id)).unwrap().manifest;
    assert_eq!(manifest.files[0].redacted_from, Some(original.clone()));
    let blob = now(archive.find_blob(&original)).unwrap().unwrap();
    assert!(blob.redacted && blob.sha256 == manifest.files[0].sha256);
    assert!(now(archive.verify_all()).unwrap().whole);
    // No file below the archive holds a credential.
    let store = DirectoryStore::new(std::path::Path::new(&archive.location()));
    for key in store.list("").unwrap() {
        let bytes = store.get(&key).unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("canary"), "{key}");
    }
}

#[test]
fn credentials_are_masked_in_utf_16_too() {
    let (_folder, archive) = archive();
    let bytes: Vec<u8> = format!("\u{feff}{GRYPE}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut bundle = bundle();
    bundle.files = vec![BundleFile {
        name: "grype.json".to_owned(),
        kind: FileKind::Report,
        bytes: Bytes::from(bytes.clone()),
    }];
    now(archive.put(bundle)).unwrap();
    let blob = now(archive.find_blob(&Digest::of(&bytes)))
        .unwrap()
        .unwrap();
    let text = String::from_utf8(blob.bytes).unwrap();
    assert!(blob.redacted && text.contains("[redacted]") && !text.contains("canary"));
}

#[test]
fn ids_are_checked_before_they_become_names() {
    let hex = "a".repeat(64);
    for text in [
        "",
        "/",
        "../..",
        &format!("{hex}/../x"),
        &format!("{hex}/20260102t030405z-{}", "g".repeat(24)),
        &format!("{hex}/20260102t030405z-{}/x", "a".repeat(24)),
    ] {
        assert!(text.parse::<BundleId>().is_err(), "{text}");
    }
}
