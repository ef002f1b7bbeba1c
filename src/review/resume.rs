//! Resume points: what somebody had in hand about an image when a session ended, one file an image.
//!
//! Nothing here is a decision: a file that is damaged, foreign or too large is as good as none.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{Digest, FindingKey, Scope, Subject};

/// The schema of the file.
const SCHEMA: &str = "countersign/draft/v1";

/// The largest file that is read or written, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// How many files are kept: of more, the oldest go.
const MOST: usize = 100;

/// What somebody had in hand about an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumePoint {
    /// The schema of the file.
    pub schema: String,
    /// The name of the image.
    pub image: String,
    /// Its digest or image ID, where one is known.
    pub identity: Option<Digest>,
    /// When it was written.
    pub time: DateTime<Utc>,
    /// The filter of the findings, as typed.
    #[serde(default)]
    pub filter: String,
    /// The findings that were marked.
    #[serde(default)]
    pub marks: Vec<FindingKey>,
    /// The verdict that was being written.
    #[serde(default)]
    pub verdict: Option<UnsavedVerdict>,
}

/// A verdict that is in no ledger yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsavedVerdict {
    /// The findings; none: the whole image.
    pub findings: Option<Vec<FindingKey>>,
    /// The decision, where one was chosen.
    pub decision: Option<String>,
    /// The scope.
    #[serde(default)]
    pub scope: Scope,
    /// The end, as typed.
    #[serde(default)]
    pub until: String,
    /// The OpenVEX justification.
    #[serde(default)]
    pub justification: Option<String>,
    /// The reason, as far as it was typed.
    #[serde(default)]
    pub reason: String,
}

impl ResumePoint {
    /// Returns an empty one about an image.
    #[must_use]
    pub fn about(subject: &Subject, time: DateTime<Utc>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            image: subject.name.clone(),
            identity: subject.identity(),
            time,
            filter: String::new(),
            marks: Vec::new(),
            verdict: None,
        }
    }

    /// Returns whether it is about this image: by digest, or by name where neither has one.
    #[must_use]
    pub fn is_about(&self, subject: &Subject) -> bool {
        match (&self.identity, subject.identity()) {
            (Some(own), Some(other)) => *own == other,
            (None, None) => self.image == subject.name,
            _ => false,
        }
    }

    /// Returns the name of its file, made of nothing an image could choose.
    #[must_use]
    pub fn file(&self) -> String {
        let digest = self
            .identity
            .clone()
            .unwrap_or_else(|| Digest::of(self.image.as_bytes()));
        let hex: String = digest.hex().chars().take(32).collect();
        format!("{hex}.json")
    }

    /// Returns it as it is written.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        // A value of texts and numbers can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Returns the folder of resume points in the state folder.
#[must_use]
pub fn folder(state: &Path) -> PathBuf {
    state.join("drafts")
}

/// Reads what is kept about an image; none where there is nothing that can be used.
#[must_use]
pub fn read(folder: &Path, subject: &Subject) -> Option<ResumePoint> {
    let path = folder.join(ResumePoint::about(subject, DateTime::UNIX_EPOCH).file());
    // A pipe or a device in its place must not be opened.
    let found = fs::symlink_metadata(&path).ok()?;
    if !found.is_file() || found.len() > LARGEST {
        return None;
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(&path).ok()?;
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    let point: ResumePoint = serde_json::from_slice(&bytes).ok()?;
    (point.schema == SCHEMA && point.is_about(subject)).then_some(point)
}

/// Writes a file whole or not at all, for its owner alone.
///
/// # Errors
/// When the folder cannot be written, or the text is too long.
pub fn write(folder: &Path, file: &str, bytes: &[u8]) -> io::Result<()> {
    if bytes.len() as u64 > LARGEST {
        let text = format!("a draft of {} bytes is too long to be kept", bytes.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let path = folder.join(file);
    let is_new = fs::symlink_metadata(&path).is_err();
    let next = folder.join(format!(".{file}.{}", std::process::id()));
    remove(&next)?;
    let mut options = fs::OpenOptions::new();
    let mut written = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&next)?;
    let kept = written.write_all(bytes).and_then(|()| written.sync_all());
    if let Err(error) = kept.and_then(|()| fs::rename(&next, &path)) {
        remove(&next)?;
        return Err(error);
    }
    if is_new {
        prune(folder)?;
    }
    Ok(())
}

/// Removes a file; one that is not there is removed already.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes the oldest files beyond what is kept, and what was left half-written.
fn prune(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        if about.is_file() {
            files.push((about.modified()?, entry.path()));
        }
    }
    files.sort();
    let surplus = files.len().saturating_sub(MOST);
    files
        .iter()
        .take(surplus)
        .try_for_each(|(_, path)| remove(path))
}

#[cfg(test)]
mod tests;
