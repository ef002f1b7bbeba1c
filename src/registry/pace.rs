//! What was learnt about each registry while speaking to it: until when it wants to be left alone,
//! how much it takes at once, and in which form it takes blobs.
//!
//! Nothing is sent here; tries and pauses are counted here.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Tries of one request, and of one blob without progress.
const TRIES: u32 = 6;

/// The longest pause between two tries that is not the registry's own wish.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Blobs in flight, as long as a registry does not ask for less.
const BLOBS: usize = 4;

/// Bytes of one part of a blob, where a registry wants parts.
const PART: u64 = 8 << 20;

/// The same for registries that are known to take less.
const SMALL_PART: u64 = 4 << 20;

/// A part that is refused for its size is halved down to this.
const SMALLEST_PART: u64 = 1 << 20;

/// The form in which a registry takes a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One PUT with the whole blob.
    Whole,
    /// One PATCH with the whole blob, then an empty PUT.
    Patch,
    /// One PATCH after the other with so many bytes, then an empty PUT.
    Parts(u64),
}

#[derive(Clone, Copy, Debug)]
struct Known {
    form: Form,
    /// The fewest bytes of a part that the registry asks for.
    least: u64,
    blobs: usize,
    resume: Option<Instant>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            form: Form::Whole,
            least: 0,
            blobs: BLOBS,
            resume: None,
        }
    }
}

/// What is known about all registries, by host.
#[derive(Debug, Default)]
pub(super) struct Paces(Mutex<HashMap<String, Known>>);

impl Paces {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, registry: &str) -> Known {
        self.lock().get(registry).copied().unwrap_or_default()
    }

    /// Returns how many blobs a registry takes at once.
    pub(super) fn blobs(&self, registry: &str) -> usize {
        self.known(registry).blobs
    }

    /// Waits until a registry may be asked again.
    pub(super) async fn wait(&self, registry: &str) {
        while let Some(resume) = self.known(registry).resume {
            if resume <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(resume).await;
        }
    }

    /// Notes that a registry asked for fewer requests: all wait for `pause`, and half as many blobs
    /// go at once afterwards. Answers to requests of the same moment count once.
    pub(super) fn slow(&self, registry: &str, pause: Duration) {
        let now = Instant::now();
        let mut all = self.lock();
        let known = all.entry(registry.to_owned()).or_default();
        if known.resume.is_none_or(|resume| resume <= now) {
            known.blobs = (known.blobs / 2).max(1);
        }
        known.resume = known.resume.max(Some(now + pause));
    }

    /// Returns the form in which a registry takes blobs.
    pub(super) fn form(&self, registry: &str) -> Form {
        let known = self.known(registry);
        match known.form {
            Form::Parts(size) => Form::Parts(size.max(known.least)),
            other => other,
        }
    }

    /// Notes the fewest bytes of a part (`OCI-Chunk-Min-Length`).
    pub(super) fn least_part(&self, registry: &str, least: u64) {
        self.lock().entry(registry.to_owned()).or_default().least = least;
    }

    /// Notes that a registry refused a blob in a form; returns whether there is another one.
    /// Several blobs that were refused in the same form lead one step further, not several.
    pub(super) fn refused(&self, registry: &str, form: Form) -> bool {
        if self.form(registry) != form {
            return true;
        }
        let mut all = self.lock();
        let known = all.entry(registry.to_owned()).or_default();
        known.form = match form {
            Form::Whole => Form::Patch,
            Form::Patch if registry == "ghcr.io" => Form::Parts(SMALL_PART),
            Form::Patch => Form::Parts(PART),
            Form::Parts(size) if size / 2 >= SMALLEST_PART.max(known.least) => {
                Form::Parts(size / 2)
            }
            Form::Parts(_) => return false,
        };
        true
    }
}

/// The tries of one request or blob.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tries {
    tried: u32,
    first: Duration,
}

impl Tries {
    /// Begins with a first try; `first` is the longest pause after it.
    pub(super) fn new(first: Duration) -> Self {
        Self { tried: 1, first }
    }

    /// Starts counting again: something arrived.
    pub(super) fn progress(&mut self) {
        self.tried = 1;
    }

    /// Takes the next try; returns the pause before it, none where there was the last one. The
    /// pause doubles to 30 s, and chance decides how much of it is taken.
    pub(super) fn again(&mut self) -> Option<Duration> {
        let doubled = self
            .first
            .saturating_mul(2_u32.saturating_pow(self.tried - 1));
        // The hasher's random keys are chance enough to keep clients from moving in step.
        let chance = std::hash::RandomState::new().build_hasher().finish();
        let part = u32::try_from(chance % 1024).unwrap_or(0);
        let pause = doubled.min(LONGEST_PAUSE) * part / 1024;
        (self.tried < TRIES).then(|| {
            self.tried += 1;
            pause
        })
    }

    /// Returns the words for where the count is.
    pub(super) fn words(&self) -> String {
        format!("try {} of {TRIES}", self.tried)
    }
}

/// How often something had to be tried again, and what came last.
#[derive(Debug, Default)]
pub(super) struct Retries {
    count: AtomicU64,
    last: Mutex<String>,
    parent: Option<Arc<Self>>,
}

impl Retries {
    /// Returns a count whose additions count for `parent`, too.
    pub(super) fn below(parent: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self {
            parent: Some(parent.clone()),
            ..Self::default()
        })
    }

    /// Adds one and notes what it was.
    pub(super) fn note(&self, what: &str) {
        self.count.fetch_add(1, Ordering::Relaxed);
        what.clone_into(&mut self.last.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(parent) = &self.parent {
            parent.note(what);
        }
    }

    /// Returns how often.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Returns what came last; empty before the first.
    pub(super) fn last(&self) -> String {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_form_leads_to_the_next_one_once() {
        let paces = Paces::default();
        assert_eq!(paces.form("r"), Form::Whole);
        assert!(paces.refused("r", Form::Whole));
        assert!(paces.refused("r", Form::Whole), "another blob, same step");
        assert_eq!(paces.form("r"), Form::Patch);
        assert!(paces.refused("r", Form::Patch));
        assert_eq!(paces.form("r"), Form::Parts(8 << 20));
        paces.least_part("r", 5 << 20);
        assert!(
            !paces.refused("r", Form::Parts(8 << 20)),
            "4 MiB is too small"
        );
        paces.least_part("r", 16 << 20);
        assert_eq!(paces.form("r"), Form::Parts(16 << 20));
        assert!(paces.refused("ghcr.io", Form::Whole) && paces.refused("ghcr.io", Form::Patch));
        assert_eq!(paces.form("ghcr.io"), Form::Parts(4 << 20));
        assert_eq!(paces.form("other"), Form::Whole);
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut tries = Tries::new(Duration::from_secs(8));
        let mut pauses = Vec::new();
        while let Some(pause) = tries.again() {
            pauses.push(pause);
        }
        assert_eq!(pauses.len(), 5);
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
        tries.progress();
        assert!(tries.again().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_registry_is_left_alone_and_asked_for_less() {
        let paces = Paces::default();
        for _same_moment in 0..3 {
            paces.slow("r", Duration::from_secs(2));
        }
        assert_eq!((paces.blobs("r"), paces.blobs("other")), (2, 4));
        let before = Instant::now();
        paces.wait("other").await;
        assert_eq!(before.elapsed(), Duration::ZERO);
        paces.wait("r").await;
        assert!(before.elapsed() >= Duration::from_secs(2));
        for _later in 0..3 {
            paces.slow("r", Duration::ZERO);
        }
        assert_eq!(paces.blobs("r"), 1);
    }

    #[test]
    fn a_count_counts_for_the_one_above() {
        let above = Arc::new(Retries::default());
        let below = Retries::below(&above);
        below.note("blob a: status 503");
        above.note("manifest b");
        assert_eq!((below.count(), above.count()), (1, 2));
        assert_eq!(
            (&*below.last(), &*above.last()),
            ("blob a: status 503", "manifest b")
        );
    }
}
