//! What a store in a folder promises.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn in_new_folder() -> (tempfile::TempDir, DirectoryStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = DirectoryStore::new(&folder.path().join("a/store"));
    (folder, store)
}

#[test]
fn objects_are_created_once_and_read_back() {
    let (_folder, store) = in_new_folder();
    assert_eq!(store.get("b/one").unwrap(), None);
    assert!(store.list("").unwrap().is_empty());
    assert_eq!(store.put_if_absent("b/one", b"1").unwrap(), Put::Created);
    assert_eq!(store.put_if_absent("b/one", b"2").unwrap(), Put::Exists);
    assert_eq!(store.put_if_absent("a", b"").unwrap(), Put::Created);
    assert_eq!(store.put_if_absent("b/c/two", b"3").unwrap(), Put::Created);
    assert_eq!(store.get("b/one").unwrap().unwrap(), b"1");
    assert_eq!(store.list("").unwrap(), ["a", "b/c/two", "b/one"]);
    assert_eq!(store.list("b/").unwrap(), ["b/c/two", "b/one"]);
    assert!(store.list("c/").unwrap().is_empty());
}

#[test]
fn folders_and_files_are_private_and_no_temporary_file_stays() {
    let (_folder, store) = in_new_folder();
    store.put_if_absent("b/one", b"1").unwrap();
    store.put_if_absent("b/one", b"1").unwrap();
    assert_eq!(mode(store.root().parent().unwrap()), 0o700);
    assert_eq!(mode(store.root()), 0o700);
    assert_eq!(mode(&store.root().join("b")), 0o700);
    assert_eq!(mode(&store.root().join("b/one")), 0o600);
    assert_eq!(fs::read_dir(store.root().join("b")).unwrap().count(), 1);
}

#[test]
fn what_is_put_into_a_folder_of_a_group_is_the_groups_to_read() {
    let (_folder, store) = in_new_folder();
    store.put_if_absent("own", b"1").unwrap();
    fs::set_permissions(store.root(), Permissions::from_mode(0o3770)).unwrap();
    store.put_if_absent("a", b"1").unwrap();
    store.put_if_absent("b/one", b"1").unwrap();
    assert_eq!(mode(&store.root().join("own")), 0o600, "left as it was");
    assert_eq!(mode(&store.root().join("a")), 0o640);
    assert_eq!(mode(&store.root().join("b/one")), 0o640);
    let inner = fs::metadata(store.root().join("b")).unwrap();
    assert_eq!(inner.mode() & 0o7777, 0o3770);
    fs::set_permissions(store.root(), Permissions::from_mode(0o2772)).unwrap();
    let open = store.put_if_absent("c", b"1");
    assert!(matches!(open, Err(StoreError::OpenToAll { .. })));
}

#[test]
fn links_are_refused_wherever_they_are() {
    let (folder, store) = in_new_folder();
    store.put_if_absent("b/one", b"1").unwrap();
    let link = folder.path().join("link");
    symlink(store.root(), &link).unwrap();
    for path in [link.clone(), PathBuf::from(format!("{}/", link.display()))] {
        let linked = DirectoryStore::new(&path);
        assert!(matches!(
            linked.get("b/one"),
            Err(StoreError::Symlink { .. })
        ));
        assert!(matches!(linked.list(""), Err(StoreError::Symlink { .. })));
        let put = linked.put_if_absent("x", b"");
        assert!(matches!(put, Err(StoreError::Symlink { .. })));
    }
    symlink("/etc", store.root().join("c")).unwrap();
    assert!(matches!(
        store.get("c/passwd"),
        Err(StoreError::Symlink { .. })
    ));
    assert!(matches!(store.list("c/"), Err(StoreError::Symlink { .. })));
    symlink("/etc/passwd", store.root().join("d")).unwrap();
    assert!(matches!(
        store.get("d"),
        Err(StoreError::NotExpected { .. })
    ));
    assert_eq!(store.put_if_absent("d", b"x").unwrap(), Put::Exists);
    assert_eq!(store.list("").unwrap(), ["b/one", "c", "d"]);
}

#[test]
fn folders_of_others_and_folders_open_to_all_are_refused() {
    let (_folder, store) = in_new_folder();
    store.put_if_absent("one", b"1").unwrap();
    fs::set_permissions(store.root(), fs::Permissions::from_mode(0o777)).unwrap();
    let put = store.put_if_absent("two", b"");
    assert!(matches!(put, Err(StoreError::OpenToAll { .. })));
    fs::set_permissions(store.root(), fs::Permissions::from_mode(0o750)).unwrap();
    // Only the superuser can give a folder away; elsewhere this half of the test does not run.
    if std::os::unix::fs::chown(store.root(), Some(54_321), None).is_ok() {
        let put = store.put_if_absent("two", b"");
        assert!(matches!(
            put,
            Err(StoreError::ForeignOwner { owner: 54_321, .. })
        ));
        assert_eq!(store.list("").unwrap(), ["one"]);
        assert_eq!(fs::read_dir(store.root()).unwrap().count(), 1);
    }
}

#[test]
fn names_that_are_no_keys_never_reach_the_file_system() {
    let (_folder, store) = in_new_folder();
    for key in ["../x", "/etc/passwd", "a//b", "", ".x", "A"] {
        assert!(
            matches!(store.get(key), Err(StoreError::Key { .. })),
            "{key}"
        );
        let put = store.put_if_absent(key, b"");
        assert!(matches!(put, Err(StoreError::Key { .. })), "{key}");
    }
    assert!(store.list("../").is_err());
    assert!(!store.root().exists());
}

#[test]
fn of_several_writers_one_creates() {
    let (_folder, store) = in_new_folder();
    for round in 0..20 {
        let key = format!("k/{round}");
        let created = std::thread::scope(|scope| {
            let writers: Vec<_> = (0_u8..4)
                .map(|writer| {
                    let (store, key) = (&store, &key);
                    scope.spawn(move || store.put_if_absent(key, &[writer; 100]).unwrap())
                })
                .collect();
            let puts = writers.into_iter().map(|writer| writer.join().unwrap());
            puts.filter(|put| *put == Put::Created).count()
        });
        assert_eq!(created, 1);
        let bytes = store.get(&key).unwrap().unwrap();
        assert!(bytes.len() == 100 && bytes.iter().all(|byte| *byte == bytes[0]));
    }
}

#[test]
fn what_a_killed_writer_left_behind_is_neither_listed_nor_in_the_way() {
    let (_folder, store) = in_new_folder();
    store.put_if_absent("one", b"1").unwrap();
    let next = TEMPORARY.load(Ordering::Relaxed);
    for number in next..next + 50 {
        let name = format!(".new-{}-{number}", std::process::id());
        fs::write(store.root().join(name), b"hal").unwrap();
    }
    assert_eq!(store.list("").unwrap(), ["one"]);
    assert_eq!(store.put_if_absent("two", b"2").unwrap(), Put::Created);
    assert_eq!(store.get("two").unwrap().unwrap(), b"2");
}

#[test]
fn a_full_disk_has_its_own_message() {
    use crate::error::Explain as _;
    // 28 is ENOSPC on Linux and macOS.
    let full = failed("write", Path::new("/x/y"), io::Error::from_raw_os_error(28));
    assert!(matches!(full, StoreError::Full { .. }));
    assert_eq!(full.to_string(), "no space left to write /x/y");
    assert!(full.hints()[0].contains("nothing was saved"));
}

#[test]
fn a_folder_in_the_place_of_an_object_is_no_object() {
    let (_folder, store) = in_new_folder();
    store.put_if_absent("b/one", b"1").unwrap();
    assert!(matches!(
        store.get("b"),
        Err(StoreError::NotExpected { .. })
    ));
    let put = store.put_if_absent("b/one/two", b"");
    assert!(matches!(put, Err(StoreError::NotExpected { .. })));
}
