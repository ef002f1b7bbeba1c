//! Grype's matches.
#![no_main]

use countersign_fuzz::check_in;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check_in(r#"{"matches": %}"#, bytes);
});
