//! Grype's matches, ignored ones and what it scanned.
#![no_main]

use countersign_fuzz::check_in;
use libfuzzer_sys::fuzz_target;

const FRAMES: [&str; 3] = [
    r#"{"matches": %}"#,
    r#"{"matches": [], "ignoredMatches": %}"#,
    r#"{"matches": [], "source": %}"#,
];

fuzz_target!(|bytes: &[u8]| check_in(&FRAMES, bytes));
