//! A store in a folder: every object a file, created under a temporary name and then linked.
//!
//! Nothing here waits, and nothing is ever overwritten or deleted but this program's own
//! temporary files. A folder that its group may write to is shared: what is put there is the group's to
//! read, and nobody's to change.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown, fchown,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{MAX_OBJECT, Put, StoreError, check_key};

/// Tells apart the temporary files of the threads of this process.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// The mode bits by which a folder is its group's to write to.
const SHARED: u32 = 0o020;

/// The mode bit by which new files and folders get the group of the folder they are made in.
const SET_GROUP: u32 = 0o2000;

/// The mode bit by which only the owner of a file removes or renames it.
const STICKY: u32 = 0o1000;

/// A folder that keeps objects: folders 0700, files 0600; where its group may write to it, folders as
/// it is and files 0640.
#[derive(Clone, Debug)]
pub struct DirectoryStore {
    root: PathBuf,
}

impl DirectoryStore {
    /// Returns the store in the folder `root`, which is created with the first object.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        // Without a final `/`, which would follow a link before it is seen.
        let root = root.components().collect();
        Self { root }
    }

    /// Returns the folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// See [`super::Store::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key)?;
        if !self.check_folders(key)? {
            return Ok(None);
        }
        let path = self.root.join(key);
        let Some(before) = metadata(&path)? else {
            return Ok(None);
        };
        let not_a_file = || StoreError::NotExpected {
            path: path.clone(),
            expected: "regular file",
        };
        if !before.is_file() {
            return Err(not_a_file());
        }
        let file = File::open(&path).map_err(|source| failed("read", &path, source))?;
        let opened = file
            .metadata()
            .map_err(|source| failed("read", &path, source))?;
        // What was looked at is what was opened: nobody put a link in its place in between.
        if (opened.dev(), opened.ino()) != (before.dev(), before.ino()) {
            return Err(not_a_file());
        }
        let too_large = |size: u64| StoreError::TooLarge {
            object: path.display().to_string(),
            size,
            limit: MAX_OBJECT,
        };
        if opened.len() > MAX_OBJECT {
            return Err(too_large(opened.len()));
        }
        let mut bytes = Vec::new();
        (&file)
            .take(MAX_OBJECT.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|source| failed("read", &path, source))?;
        let size = bytes.len() as u64;
        if size > MAX_OBJECT {
            return Err(too_large(size));
        }
        Ok(Some(bytes))
    }

    /// See [`super::Store::list`].
    ///
    /// # Errors
    /// As there.
    pub fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let folder = prefix.trim_end_matches('/');
        if !folder.is_empty() {
            check_key(folder)?;
        }
        let mut names = Vec::new();
        // `x` stands for any object of the folder: only the folders above it are checked.
        let probe = if folder.is_empty() {
            "x".to_owned()
        } else {
            format!("{folder}/x")
        };
        if self.check_folders(&probe)? {
            walk(&self.root.join(folder), folder, &mut names)?;
        }
        names.sort_unstable();
        Ok(names)
    }

    /// See [`super::Store::put_if_absent`].
    ///
    /// # Errors
    /// As there.
    pub fn put_if_absent(&self, key: &str, bytes: &[u8]) -> Result<Put, StoreError> {
        check_key(key)?;
        self.make_folders(key)?;
        let path = self.root.join(key);
        let folder = path.parent().unwrap_or(&self.root);
        if metadata(&path)?.is_some() {
            // Another writer's link may not have reached the disk yet.
            sync_folder(folder)?;
            return Ok(Put::Exists);
        }
        let (temporary, file) = Temporary::create(folder)?;
        admit(folder, &file, &temporary.path)?;
        write_durably(file, bytes).map_err(|source| failed("write", &path, source))?;
        let put = match fs::hard_link(&temporary.path, &path) {
            Ok(()) => Put::Created,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Put::Exists,
            Err(source) => return Err(failed("create", &path, source)),
        };
        sync_folder(folder)?;
        Ok(put)
    }

    /// Checks every folder from the root down to the object; false where one does not exist.
    fn check_folders(&self, key: &str) -> Result<bool, StoreError> {
        for folder in self.folders(key) {
            match metadata(&folder)? {
                None => return Ok(false),
                Some(found) => check_folder(&folder, &found)?,
            }
        }
        Ok(true)
    }

    /// Creates and checks every folder from the root down to the object.
    fn make_folders(&self, key: &str) -> Result<(), StoreError> {
        if let Some(above) = self.root.parent() {
            make_above(above)?;
        }
        for folder in self.folders(key) {
            if let Some(found) = metadata(&folder)? {
                check_folder(&folder, &found)?;
                continue;
            }
            match DirBuilder::new().mode(0o700).create(&folder) {
                // The root is shared by its owner, or it is not.
                Ok(()) if folder != self.root => share_folder(&folder)?,
                Ok(()) => {}
                // Another writer was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(failed("create", &folder, source)),
            }
            if let Some(above) = folder.parent() {
                sync_folder(above)?;
            }
        }
        Ok(())
    }

    /// Returns the root and every folder of `key` below it.
    fn folders(&self, key: &str) -> Vec<PathBuf> {
        let mut folders = vec![self.root.clone()];
        let mut folder = self.root.clone();
        let mut segments = key.split('/').peekable();
        while let Some(segment) = segments.next() {
            if segments.peek().is_none() {
                break;
            }
            folder.push(segment);
            folders.push(folder.clone());
        }
        folders
    }
}

/// Creates the folders above the root that are missing, each 0700.
fn make_above(folder: &Path) -> Result<(), StoreError> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(folder)
        .map_err(|source| failed("create", folder, source))
}

fn metadata(path: &Path) -> Result<Option<Metadata>, StoreError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("read", path, source)),
    }
}

fn check_folder(path: &Path, found: &Metadata) -> Result<(), StoreError> {
    let path = path.to_owned();
    if found.is_symlink() {
        return Err(StoreError::Symlink { path });
    }
    if !found.is_dir() {
        return Err(StoreError::NotExpected {
            path,
            expected: "folder",
        });
    }
    if found.mode() & 0o002 != 0 {
        return Err(StoreError::OpenToAll { path });
    }
    Ok(())
}

/// Refuses a folder of another user, unless its group may write to it: then the file just created,
/// which shows who this user is, is made readable for the group.
fn admit(folder: &Path, file: &File, path: &Path) -> Result<(), StoreError> {
    let own = file
        .metadata()
        .map_err(|source| failed("create", path, source))?;
    let Some(found) = metadata(folder)? else {
        return Ok(());
    };
    if found.mode() & SHARED == 0 {
        if found.uid() == own.uid() {
            return Ok(());
        }
        return Err(StoreError::ForeignOwner {
            path: folder.to_owned(),
            owner: found.uid(),
            user: own.uid(),
        });
    }
    if own.gid() != found.gid() {
        fchown(file, None, Some(found.gid())).map_err(|source| StoreError::OtherGroup {
            path: folder.to_owned(),
            group: found.gid(),
            source,
        })?;
    }
    file.set_permissions(Permissions::from_mode(0o640))
        .map_err(|source| failed("share", path, source))
}

/// Makes a folder just created its group's as well, where the folder above it is.
fn share_folder(folder: &Path) -> Result<(), StoreError> {
    let Some(above) = folder.parent().map(metadata).transpose()?.flatten() else {
        return Ok(());
    };
    if above.mode() & SHARED == 0 {
        return Ok(());
    }
    let mode = 0o770 | SET_GROUP | (above.mode() & STICKY);
    chown(folder, None, Some(above.gid()))
        .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(mode)))
        .map_err(|source| failed("share", folder, source))
}

/// A file under a temporary name, deleted when it is dropped.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// Creates one in `folder`. Its name starts with a dot, so that no list shows it.
    fn create(folder: &Path) -> Result<(Self, File), StoreError> {
        loop {
            let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!(".new-{}-{number}", std::process::id()));
            let created = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            match created {
                Ok(file) => return Ok((Self { path }, file)),
                // A process of the same number left it behind.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(failed("create", &path, source)),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What stays behind is neither listed nor read.
        fs::remove_file(&self.path).ok();
    }
}

fn write_durably(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(|source| failed("save", folder, source))
}

/// Adds every name below `folder` to `names`. Links are named, never followed.
fn walk(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), StoreError> {
    let mut waiting = vec![(folder.to_owned(), prefix.to_owned())];
    while let Some((folder, prefix)) = waiting.pop() {
        let entries = fs::read_dir(&folder).map_err(|source| failed("list", &folder, source))?;
        for entry in entries {
            let entry = entry.map_err(|source| failed("list", &folder, source))?;
            let file_name = entry.file_name();
            let name = file_name.to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            let key = if prefix.is_empty() {
                name.into_owned()
            } else {
                format!("{prefix}/{name}")
            };
            let kind = entry
                .file_type()
                .map_err(|source| failed("list", &entry.path(), source))?;
            if kind.is_dir() {
                waiting.push((entry.path(), key));
            } else {
                names.push(key);
            }
        }
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { path },
        _ => StoreError::Io {
            action,
            path,
            source,
        },
    }
}

#[cfg(test)]
mod tests;
