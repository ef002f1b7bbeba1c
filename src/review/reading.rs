//! Reading the files of a review, two at a time.
//!
//! Results are in the files' order, whichever was done first. What they make together is `open`'s
//! work.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio_util::sync::CancellationToken;

use crate::error::Explain as _;
use crate::formats::{self, Document};

use super::Failure;
use super::file::read_file;

/// Threads that read.
const READERS: usize = 2;

/// Files above this many bytes are read one at a time: the text of a report is several times what
/// is kept of it.
const LARGE: u64 = 16 * 1024 * 1024;

/// What became of one file.
#[derive(Debug)]
pub(super) enum Reading {
    /// It was read; standard input's bytes are kept, because nobody can read them again.
    Documents(Vec<Document>, Option<Vec<u8>>),
    /// It could not be read; standard input's bytes are kept here too.
    Failed(Failure, Option<Vec<u8>>),
    /// It was not reached before reading was cancelled.
    Cancelled,
}

/// Reads `paths`; `done` hears of each file that was read or failed, as it happens: its position,
/// and how many are done.
pub(super) fn read_all(
    paths: &[&str],
    cancel: &CancellationToken,
    done: &mut dyn FnMut(usize, usize),
) -> Vec<Reading> {
    let next = AtomicUsize::new(0);
    let large = Mutex::new(());
    let (sender, answers) = mpsc::channel();
    let mut readings: Vec<Reading> = paths.iter().map(|_| Reading::Cancelled).collect();
    thread::scope(|scope| {
        for _ in 0..READERS.min(paths.len()) {
            let (sender, next, large) = (sender.clone(), &next, &large);
            scope.spawn(move || {
                loop {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    let Some(path) = paths.get(position) else {
                        break;
                    };
                    let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
                    let _alone = (size > LARGE)
                        .then(|| large.lock().unwrap_or_else(PoisonError::into_inner));
                    if cancel.is_cancelled() || sender.send((position, read(path))).is_err() {
                        break;
                    }
                }
            });
        }
        // The threads hold the other ends: the list of answers ends with them.
        drop(sender);
        for (count, (position, reading)) in (1..).zip(answers) {
            if let Some(slot) = readings.get_mut(position) {
                *slot = reading;
            }
            done(position, count);
        }
    });
    readings
}

fn read(path: &str) -> Reading {
    let fail = |message: String, hints: Vec<String>| Failure {
        path: path.to_owned(),
        message,
        hints,
    };
    let bytes = match read_file(path) {
        Ok(bytes) => bytes,
        Err(detail) => {
            let hint = "check that the file exists and that you may read it".to_owned();
            return Reading::Failed(fail(detail, vec![hint]), None);
        }
    };
    let kept = (path == "-").then(|| bytes.clone());
    match formats::read(path, bytes) {
        Ok(loaded) => Reading::Documents(loaded.documents, kept),
        Err(error) => Reading::Failed(fail(error.to_string(), error.hints()), kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<String> = (0..40)
            .map(|number| {
                let path = folder.path().join(format!("{number}.json"));
                // The early ones take longest.
                let padding = " ".repeat(200_000 / (number + 1));
                let text =
                    format!("{{\"SchemaVersion\":2,\"ArtifactName\":\"{number}\"{padding}}}");
                std::fs::write(
                    &path,
                    if number % 7 == 0 {
                        "no".to_owned()
                    } else {
                        text
                    },
                )
                .unwrap();
                path.display().to_string()
            })
            .collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut told = Vec::new();
        let readings = read_all(&paths, &CancellationToken::new(), &mut |position, count| {
            told.push(position);
            assert_eq!(told.len(), count);
        });
        for (number, reading) in readings.iter().enumerate() {
            match reading {
                Reading::Documents(documents, None) => {
                    assert_eq!(documents[0].origin().path, paths[number]);
                }
                Reading::Failed(failure, None) => {
                    assert_eq!((number % 7, failure.path.as_str()), (0, paths[number]));
                }
                other => panic!("{other:?}"),
            }
        }
        told.sort_unstable();
        assert_eq!(told, (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_not_reached_is_cancelled() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let readings = read_all(&["/nowhere", "/nowhere/2"], &cancel, &mut |_, _| {
            panic!("nothing was read")
        });
        assert!(matches!(
            readings[..],
            [Reading::Cancelled, Reading::Cancelled]
        ));

        // Cancelled while the first files are being read: the others are not begun.
        let cancel = CancellationToken::new();
        let paths = ["/nowhere"; 500];
        let mut heard = 0;
        let readings = read_all(&paths, &cancel, &mut |_, _| {
            cancel.cancel();
            heard += 1;
        });
        let cancelled = |reading: &&Reading| matches!(reading, Reading::Cancelled);
        assert_eq!(readings.iter().filter(cancelled).count(), 500 - heard);
    }
}
