//! The files that scanners leave: their names, and that they appear whole or not at all.
//!
//! What is in them is checked by `run` before they are published.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use tempfile::NamedTempFile;

use super::error::ScannerError;
use super::tool::{Product, Scanner};

/// How many files of one name and second are told apart by a number.
const MAX_NUMBER: u32 = 99;

/// A file that nobody takes for a report yet: hidden, and gone when it is dropped.
#[derive(Debug)]
pub(super) struct Draft {
    file: NamedTempFile,
    folder: PathBuf,
}

impl Draft {
    /// Makes a draft in the folder of the reports, so that publishing it is one step.
    pub(super) fn new(folder: &Path) -> Result<Self, ScannerError> {
        let file = tempfile::Builder::new()
            .prefix(".countersign-")
            .suffix(".partial")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(|source| failed(folder, source))?;
        Ok(Self {
            file,
            folder: folder.to_owned(),
        })
    }

    /// Returns a handle for the scanner to write to.
    pub(super) fn handle(&self) -> Result<File, ScannerError> {
        self.file
            .as_file()
            .try_clone()
            .map_err(|source| failed(self.file.path(), source))
    }

    /// Returns how many bytes were written so far.
    pub(super) fn size(&self) -> u64 {
        self.file
            .as_file()
            .metadata()
            .map_or(0, |metadata| metadata.len())
    }

    /// Reads what was written.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, ScannerError> {
        std::fs::read(self.file.path()).map_err(|source| failed(self.file.path(), source))
    }

    /// Gives the file its name. A file that exists is never replaced: another number is taken.
    pub(super) fn publish(
        self,
        scanner: Scanner,
        label: &str,
        time: DateTime<Utc>,
    ) -> Result<PathBuf, ScannerError> {
        let synced = self.file.as_file().sync_all();
        synced.map_err(|source| failed(self.file.path(), source))?;
        let mut file = self.file;
        for number in 1..=MAX_NUMBER {
            let path = self.folder.join(name(scanner, label, time, number));
            match file.persist_noclobber(&path) {
                Ok(_file) => return Ok(path),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    file = error.file;
                }
                Err(error) => return Err(failed(&path, error.error)),
            }
        }
        let path = self.folder.join(name(scanner, label, time, 1));
        Err(failed(&path, io::ErrorKind::AlreadyExists.into()))
    }
}

/// The name of a file, which tells the image, the time in UTC and the scanner.
fn name(scanner: Scanner, label: &str, time: DateTime<Utc>, number: u32) -> String {
    let begin = match scanner.product() {
        Product::Report => "scan.results",
        Product::Sbom => "sbom.cdx",
    };
    let time = time.format("%Y%m%dT%H%M%SZ");
    match number {
        1 => format!("{begin}.{label}_{time}.{scanner}.json"),
        _ => format!("{begin}.{label}_{time}.{scanner}-{number}.json"),
    }
}

fn failed(path: &Path, source: io::Error) -> ScannerError {
    ScannerError::Write {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn names_tell_image_time_and_scanner_and_never_collide() {
        let folder = tempfile::tempdir().unwrap();
        let time = DateTime::from_timestamp(1_772_366_400, 0).unwrap();
        let publish = |scanner, text: &str| {
            let draft = Draft::new(folder.path()).unwrap();
            draft.handle().unwrap().write_all(text.as_bytes()).unwrap();
            assert_eq!(draft.size(), text.len() as u64);
            let path = draft.publish(scanner, "caddy_2.7.6", time).unwrap();
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        for (scanner, name) in [
            (
                Scanner::Trivy,
                "scan.results.caddy_2.7.6_20260301T120000Z.trivy.json",
            ),
            (
                Scanner::Grype,
                "scan.results.caddy_2.7.6_20260301T120000Z.grype.json",
            ),
            (
                Scanner::Syft,
                "sbom.cdx.caddy_2.7.6_20260301T120000Z.syft.json",
            ),
            (
                Scanner::Trivy,
                "scan.results.caddy_2.7.6_20260301T120000Z.trivy-2.json",
            ),
        ] {
            assert_eq!(publish(scanner, name), name);
            // Each has what was written to it: nothing was replaced.
            assert_eq!(
                std::fs::read_to_string(folder.path().join(name)).unwrap(),
                name
            );
        }
    }

    #[test]
    fn a_draft_that_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft::new(folder.path()).unwrap();
        draft.handle().unwrap().write_all(b"{\"half").unwrap();
        let hidden = std::fs::read_dir(folder.path()).unwrap().next().unwrap();
        assert!(
            hidden
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .starts_with('.')
        );
        drop(draft);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
