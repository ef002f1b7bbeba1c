//! Tests of the progress: what is shown after which events.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Outcome, Progress, StepState, duration, size};
use crate::promotion::{Event, EventKind, Step};

fn event(second: i64, kind: EventKind) -> Event {
    Event {
        time: DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(second),
        kind,
    }
}

fn moved(second: i64, bytes: u64) -> Event {
    event(
        second,
        EventKind::Progress {
            step: Step::Copy,
            bytes,
            total: 50 * 1024 * 1024,
            blobs: 3,
            blobs_total: 5,
        },
    )
}

fn finished(step: Step) -> Event {
    event(
        60,
        EventKind::StepFinished {
            step,
            detail: format!("{} done", step.as_str()),
            bytes: 7,
        },
    )
}

#[test]
fn bytes_rate_and_rest_are_told_once_they_are_known() {
    let mut progress = Progress::default();
    progress.apply(&event(0, EventKind::StepStarted { step: Step::Copy }));
    assert_eq!(progress.words(Step::Copy), "running");
    progress.apply(&moved(1, 1024 * 1024));
    assert_eq!(progress.words(Step::Copy), "1.0 of 50.0 MiB  3/5 blobs");
    progress.apply(&moved(10, 20 * 1024 * 1024));
    assert_eq!(
        progress.words(Step::Copy),
        "20.0 of 50.0 MiB  3/5 blobs  2.0 MiB/s  15 s left"
    );
    assert_eq!(progress.percent(Step::Copy), Some(40));
    assert_eq!(progress.current(), Step::Copy);
}

#[test]
fn never_whole_before_it_was_read_back() {
    let mut progress = Progress::default();
    progress.apply(&event(0, EventKind::StepStarted { step: Step::Copy }));
    progress.apply(&moved(10, 50 * 1024 * 1024));
    assert_eq!(progress.percent(Step::Copy), Some(99));
    progress.apply(&finished(Step::Copy));
    assert_eq!(progress.percent(Step::Copy), Some(99));
    progress.apply(&finished(Step::VerifyCopy));
    assert_eq!(progress.percent(Step::Copy), Some(100));
    assert!(progress.is_verified());
}

#[test]
fn a_late_byte_count_does_not_restart_the_clock() {
    let mut progress = Progress::default();
    progress.apply(&event(0, EventKind::StepStarted { step: Step::Copy }));
    progress.apply(&moved(10, 5));
    assert!(matches!(
        progress.step(Step::Copy),
        StepState::Running { since, .. } if *since == DateTime::<Utc>::UNIX_EPOCH
    ));
}

#[test]
fn a_failure_names_its_step() {
    let mut progress = Progress::default();
    progress.apply(&finished(Step::Check));
    progress.apply(&event(
        5,
        EventKind::Failed {
            step: Step::Copy,
            error: "no answer".into(),
            hints: vec!["run it again: it resumes".into()],
        },
    ));
    assert_eq!(progress.current(), Step::Copy);
    assert!(matches!(
        progress.outcome(),
        Some(Outcome::Failed {
            step: Step::Copy,
            ..
        })
    ));
    assert_eq!(progress.words(Step::Sign), "waiting");
}

#[test]
fn sizes_and_times_are_readable() {
    for (bytes, text) in [
        (0, "0 B"),
        (1_023, "1023 B"),
        (1_024, "1.0 KiB"),
        (1_048_575, "1023.9 KiB"),
        (1_048_576, "1.0 MiB"),
        (u64::MAX, "16777215.9 TiB"),
    ] {
        assert_eq!(size(bytes), text);
    }
    for (seconds, text) in [(5, "5 s"), (185, "3 min 05 s"), (7_440, "2 h 04 min")] {
        assert_eq!(duration(seconds), text);
    }
}
