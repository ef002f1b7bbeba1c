//! Tests of resume points: what is written is read, and nothing else is.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use proptest::prelude::*;

use super::*;
use crate::model::JoinRule;

fn subject(name: &str, known: bool) -> Subject {
    Subject {
        name: name.to_owned(),
        manifest_digest: known.then(|| Digest::of(name.as_bytes())),
        index_digest: None,
        repo_digests: Vec::new(),
        tags: Vec::new(),
        image_id: None,
        diff_ids: Vec::new(),
        platform: None,
        os: None,
        joined_by: JoinRule::None,
        reports: Vec::new(),
        sboms: Vec::new(),
    }
}

fn point(subject: &Subject) -> ResumePoint {
    let key = FindingKey::from_text("f1-0123");
    ResumePoint {
        filter: "sev:high".to_owned(),
        marks: vec![key.clone()],
        verdict: Some(UnsavedVerdict {
            findings: Some(vec![key]),
            decision: Some("accept-risk".to_owned()),
            scope: Scope::Repository,
            until: "fixed".to_owned(),
            justification: None,
            reason: "the listener\nis off \u{202e}".to_owned(),
        }),
        ..ResumePoint::about(subject, DateTime::UNIX_EPOCH)
    }
}

#[test]
fn what_was_written_is_read_for_this_image_alone_and_by_its_owner_alone() {
    let state = tempfile::tempdir().unwrap();
    let folder = folder(state.path());
    for known in [true, false] {
        let (one, other) = (subject("../a/b:1", known), subject("b:2", known));
        let kept = point(&one);
        write(&folder, &kept.file(), &kept.bytes()).unwrap();
        assert_eq!(read(&folder, &one), Some(kept.clone()));
        assert_eq!(read(&folder, &other), None);
        // Not even where it lies in the other's place.
        let place = ResumePoint::about(&other, DateTime::UNIX_EPOCH).file();
        write(&folder, &place, &kept.bytes()).unwrap();
        assert_eq!(read(&folder, &other), None);
        let path = folder.join(kept.file());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(read(&folder, &one), None);
    }
}

#[test]
fn links_pipes_folders_and_long_files_are_as_good_as_none() {
    let state = tempfile::tempdir().unwrap();
    let folder = folder(state.path());
    let one = subject("a:1", true);
    let kept = point(&one);
    let path = folder.join(kept.file());
    fs::create_dir_all(&folder).unwrap();
    let elsewhere = state.path().join("elsewhere");
    fs::write(&elsewhere, kept.bytes()).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert_eq!(read(&folder, &one), None, "a link is not followed");
    write(&folder, &kept.file(), b"{}").unwrap();
    assert_eq!(
        fs::read(&elsewhere).unwrap(),
        kept.bytes(),
        "nor written through"
    );
    remove(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    assert_eq!(read(&folder, &one), None, "a pipe is not opened");
    remove(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(read(&folder, &one), None);
    assert!(
        write(&folder, &kept.file(), b"{}").is_err(),
        "said, not ignored"
    );
    fs::remove_dir(&path).unwrap();
    let long = vec![b' '; usize::try_from(LARGEST).unwrap() + 1];
    assert!(write(&folder, &kept.file(), &long).is_err());
    fs::write(&path, [long.as_slice(), &kept.bytes()].concat()).unwrap();
    assert_eq!(read(&folder, &one), None);
}

#[test]
fn old_files_make_room() {
    let state = tempfile::tempdir().unwrap();
    for number in 0..MOST + 7 {
        write(state.path(), &format!("{number}.json"), b"{}").unwrap();
    }
    assert_eq!(fs::read_dir(state.path()).unwrap().count(), MOST);
    assert!(state.path().join(format!("{}.json", MOST + 6)).exists());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn a_damaged_file_is_as_good_as_none(place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let state = tempfile::tempdir().unwrap();
        let one = subject("a:1", true);
        let kept = point(&one);
        let mut bytes = kept.bytes();
        let place = place.index(bytes.len());
        if cut {
            bytes.truncate(place);
        } else {
            bytes[place] = byte;
        }
        fs::write(state.path().join(kept.file()), &bytes).unwrap();
        if let Some(found) = read(state.path(), &one) {
            prop_assert!(!cut && found.is_about(&one));
        }
    }
}
