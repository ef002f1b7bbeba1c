//! Keeping what is in hand: written a moment after it changes, and at once when the console ends.
//!
//! What is in hand is the console's to say; how it is written is `review::resume`'s.

use std::collections::BTreeMap;
use std::future;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::review::{ResumePoint, resume};
use crate::tui::app::App;
use crate::tui::message::Notice;

/// How long after a key what is in hand is written.
const PAUSE: Duration = Duration::from_millis(500);

/// Keeps what is in hand.
#[derive(Debug)]
pub(super) struct Keeper {
    folder: PathBuf,
    due: Option<Instant>,
    /// The files of this session, and what was last written to each, without its time.
    written: BTreeMap<String, ResumePoint>,
    /// Whether the person was told that nothing is kept.
    told: bool,
}

impl Keeper {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            due: None,
            written: BTreeMap::new(),
            told: false,
        }
    }

    /// Notes that something happened that may have changed what is in hand.
    pub(super) fn touch(&mut self) {
        self.due.get_or_insert_with(|| Instant::now() + PAUSE);
    }

    /// Waits until it is time to write; for ever where nothing happened since.
    pub(super) async fn pause(&self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => future::pending().await,
        }
    }

    /// Writes what changed, and removes what is no longer in hand. Returns what to say the first
    /// time it cannot be written.
    pub(super) fn keep(&mut self, app: &App) -> Option<Notice> {
        self.write(app.in_hand())
    }

    /// Ends as the person wishes: marks are dropped, words that were typed are not.
    pub(super) fn leave(&mut self, app: &App) {
        let mut points = app.in_hand();
        points.retain(|point| point.verdict.is_some());
        self.write(points);
    }

    fn write(&mut self, points: Vec<ResumePoint>) -> Option<Notice> {
        self.due = None;
        let mut failed = None;
        let files: Vec<String> = points.iter().map(ResumePoint::file).collect();
        let gone: Vec<String> = self.written.keys().cloned().collect();
        for file in gone.into_iter().filter(|file| !files.contains(file)) {
            self.written.remove(&file);
            failed = self.remove(&file).err().or(failed);
        }
        for (point, file) in points.into_iter().zip(files) {
            let same = |known: &ResumePoint| {
                let time = point.time;
                ResumePoint {
                    time,
                    ..known.clone()
                } == point
            };
            if self.written.get(&file).is_some_and(same) {
                continue;
            }
            match resume::write(&self.folder, &file, &point.bytes()) {
                Ok(()) => {
                    self.written.insert(file, point);
                }
                Err(error) => failed = Some(error),
            }
        }
        let error = failed.filter(|_| !self.told)?;
        self.told = true;
        let text = format!(
            "what you type is not kept for the next session: {}: {error}",
            self.folder.display()
        );
        Some(Notice::warning(text))
    }

    /// Forgets what an earlier session had in hand, unless this one has taken it up.
    pub(super) fn drop(&self, file: &str) {
        if !self.written.contains_key(file) {
            // What cannot be removed is offered again.
            let _kept = self.remove(file);
        }
    }

    fn remove(&self, file: &str) -> std::io::Result<()> {
        resume::remove(&self.folder.join(file))
    }
}
