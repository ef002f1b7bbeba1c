//! The progress of a promotion: one line a step, with bytes, rate and remaining time.
//!
//! Fed by the promotion's events alone; a share of 100 % is never shown before the copy was read
//! back. Colours and the frame around it belong to the promote screen.

use chrono::{DateTime, Utc};

use crate::promotion::{Event, EventKind, Receipt, Step};
use crate::text::{Safe, thousands};

/// How a step stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StepState {
    /// It has not begun.
    #[default]
    Waiting,
    /// It is under way.
    Running {
        /// When it began.
        since: DateTime<Utc>,
        /// When the last event came.
        now: DateTime<Utc>,
        /// Bytes done.
        bytes: u64,
        /// Bytes in all.
        total: u64,
        /// Blobs done.
        blobs: u64,
        /// Blobs in all.
        blobs_total: u64,
    },
    /// It ended well.
    Done {
        /// What was done, or found done already.
        detail: String,
        /// Bytes sent.
        bytes: u64,
    },
    /// It failed, or was cancelled.
    Failed,
}

/// How the promotion ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done.
    Finished(Box<Receipt>),
    /// It is not.
    Failed {
        /// Where it stopped.
        step: Step,
        /// Why.
        error: String,
        /// What exists now, and what to do next.
        hints: Vec<String>,
    },
}

/// The progress of one promotion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    steps: [StepState; Step::ALL.len()],
    retries: Vec<(Step, String)>,
    outcome: Option<Outcome>,
}

impl Progress {
    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        match &event.kind {
            EventKind::StepStarted { step } => self.set(*step, running(event.time)),
            EventKind::Progress {
                step,
                bytes,
                total,
                blobs,
                blobs_total,
            } => {
                let since = match self.step(*step) {
                    StepState::Running { since, .. } => *since,
                    _ => event.time,
                };
                let state = StepState::Running {
                    since,
                    now: event.time,
                    bytes: *bytes,
                    total: *total,
                    blobs: *blobs,
                    blobs_total: *blobs_total,
                };
                self.set(*step, state);
            }
            EventKind::Retried { step, reason } => self.retries.push((*step, reason.clone())),
            EventKind::StepFinished {
                step,
                detail,
                bytes,
            } => {
                let state = StepState::Done {
                    detail: detail.clone(),
                    bytes: *bytes,
                };
                self.set(*step, state);
            }
            EventKind::Failed { step, error, hints } => self.fail(*step, error, hints),
            EventKind::Finished { receipt } => self.finish(receipt.clone()),
        }
    }

    /// Ends the progress with its receipt.
    pub fn finish(&mut self, receipt: Box<Receipt>) {
        self.outcome = Some(Outcome::Finished(receipt));
    }

    /// Ends the progress where the executor itself gave up without an event.
    pub fn fail(&mut self, step: Step, error: &str, hints: &[String]) {
        self.set(step, StepState::Failed);
        self.outcome = Some(Outcome::Failed {
            step,
            error: error.to_owned(),
            hints: hints.to_vec(),
        });
    }

    /// Returns how a step stands.
    #[must_use]
    pub fn step(&self, step: Step) -> &StepState {
        self.steps.get(place(step)).unwrap_or(&StepState::Waiting)
    }

    /// Returns the step under way, else the first that waits, else the last.
    #[must_use]
    pub fn current(&self) -> Step {
        let find = |wanted: fn(&StepState) -> bool| {
            Step::ALL.into_iter().find(|step| wanted(self.step(*step)))
        };
        find(|state| matches!(state, StepState::Running { .. } | StepState::Failed))
            .or_else(|| find(|state| *state == StepState::Waiting))
            .unwrap_or(Step::Record)
    }

    /// Returns what was tried again, and why, oldest first.
    #[must_use]
    pub fn retries(&self) -> &[(Step, String)] {
        &self.retries
    }

    /// Returns how the promotion ended, where it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Returns whether the copy was read back and is the digest it should be.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        matches!(self.step(Step::VerifyCopy), StepState::Done { .. })
    }

    /// Returns the share of the bytes of `step` that is done, in whole percent; none where it has
    /// no bytes. Sent is not verified: until the copy was read back it is 99 at most.
    #[must_use]
    pub fn percent(&self, step: Step) -> Option<u8> {
        let share = match self.step(step) {
            StepState::Running { bytes, total, .. } if *total > 0 => {
                let share = u128::from(*bytes) * 100 / u128::from(*total);
                u8::try_from(share.min(100)).unwrap_or(100)
            }
            StepState::Done { .. } => 100,
            _ => return None,
        };
        let verified = self.is_verified() || step > Step::VerifyCopy;
        Some(if verified { share } else { share.min(99) })
    }

    /// Returns the state of a step in words.
    #[must_use]
    pub fn words(&self, step: Step) -> String {
        match self.step(step) {
            StepState::Waiting => "waiting".to_owned(),
            StepState::Failed => "failed".to_owned(),
            StepState::Done { detail, .. } => Safe::limited(detail, 400).as_str().to_owned(),
            StepState::Running { total: 0, .. } => "running".to_owned(),
            StepState::Running {
                since,
                now,
                bytes,
                total,
                blobs,
                blobs_total,
            } => {
                let mut text = format!(
                    "{}  {}/{} blobs",
                    share(*bytes, *total),
                    thousands(*blobs),
                    thousands(*blobs_total)
                );
                let seconds = (*now - *since).num_seconds();
                if let Some(rate) = rate(*bytes, seconds) {
                    let left = total.saturating_sub(*bytes).div_ceil(rate);
                    text = format!("{text}  {}/s  {} left", size(rate), duration(left));
                }
                text
            }
        }
    }

    fn set(&mut self, step: Step, state: StepState) {
        if let Some(slot) = self.steps.get_mut(place(step)) {
            *slot = state;
        }
    }
}

fn running(time: DateTime<Utc>) -> StepState {
    StepState::Running {
        since: time,
        now: time,
        bytes: 0,
        total: 0,
        blobs: 0,
        blobs_total: 0,
    }
}

fn place(step: Step) -> usize {
    Step::ALL
        .iter()
        .position(|candidate| *candidate == step)
        .unwrap_or(usize::MAX)
}

/// Returns bytes a second; none before there is enough to tell.
fn rate(bytes: u64, seconds: i64) -> Option<u64> {
    let seconds = u64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds >= 2)?;
    Some(bytes / seconds).filter(|rate| *rate > 0)
}

/// Returns a number of bytes with a unit: `512 B`, `1.2 MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let power = power_of(bytes);
    format!(
        "{} {}",
        in_unit(bytes, power),
        UNITS.get(power).unwrap_or(&"TiB")
    )
}

/// Returns a part and its whole in the unit of the whole: `25.2 of 50.5 MiB`.
#[must_use]
pub fn share(part: u64, whole: u64) -> String {
    format!("{} of {}", in_unit(part, power_of(whole)), size(whole))
}

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// Returns which unit shows `bytes` best: how often 1024 goes into it, at most four times.
fn power_of(bytes: u64) -> usize {
    (1..UNITS.len())
        .take_while(|power| bytes >> (10 * power) > 0)
        .count()
}

/// Returns bytes in a unit, cut to tenths in integers: a float would look more exact than it is.
fn in_unit(bytes: u64, power: usize) -> String {
    if power == 0 {
        return bytes.to_string();
    }
    let tenths = (u128::from(bytes) * 10) >> (10 * power);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Returns a number of seconds as `45 s`, `3 min 05 s` or `2 h 04 min`.
#[must_use]
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests;
