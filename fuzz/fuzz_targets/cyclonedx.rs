//! Components and vulnerabilities of a CycloneDX document.
#![no_main]

use countersign_fuzz::check_in;
use libfuzzer_sys::fuzz_target;

const FRAMES: [&str; 3] = [
    r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"tools": [{"name": "grype"}]}, "components": [{"bom-ref": "a", "name": "a"}], "vulnerabilities": %}"#,
    r#"{"bomFormat": "CycloneDX", "components": %}"#,
    r#"{"bomFormat": "CycloneDX", "metadata": %}"#,
];

fuzz_target!(|bytes: &[u8]| check_in(&FRAMES, bytes));
