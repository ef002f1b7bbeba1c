//! Runs of a SARIF log.
#![no_main]

use countersign_fuzz::check_in;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check_in(r#"{"version": "2.1.0", "runs": %}"#, bytes);
    check_in(
        r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Trivy"}}, "results": %}]}"#,
        bytes,
    );
});
