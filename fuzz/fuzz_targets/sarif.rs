//! Runs, results and rules of a SARIF log.
#![no_main]

use countersign_fuzz::check_in;
use libfuzzer_sys::fuzz_target;

const FRAMES: [&str; 3] = [
    r#"{"version": "2.1.0", "runs": %}"#,
    r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Trivy"}}, "results": %}]}"#,
    r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "grype", "rules": %}}, "results": [{"ruleId": "a", "ruleIndex": 0}]}]}"#,
];

fuzz_target!(|bytes: &[u8]| check_in(&FRAMES, bytes));
