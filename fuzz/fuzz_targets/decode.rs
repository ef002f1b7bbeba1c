//! Any bytes: packing, encodings, envelopes, several documents.
#![no_main]

use countersign_fuzz::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
});
