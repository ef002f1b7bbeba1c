//! What people and suppliers exempt: OpenVEX, CSAF, CycloneDX VEX, ignore files of Trivy and Grype.
#![no_main]

use countersign_fuzz::check_in;
use libfuzzer_sys::fuzz_target;

const FRAMES: [&str; 8] = [
    r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "a", "author": "a", "timestamp": "2025-01-01T00:00:00Z", "version": 1, "statements": %}"#,
    r#"{"document": {"category": "csaf_vex", "csaf_version": "2.0"}, "product_tree": {"branches": []}, "vulnerabilities": %}"#,
    r#"{"document": {"category": "csaf_vex"}, "vulnerabilities": [{"cve": "CVE-2024-1"}], "product_tree": %}"#,
    r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "vulnerabilities": %}"#,
    "vulnerabilities:\n%",
    "ignore:\n%",
    "# ignored\n%",
    "CVE-2024-1 exp:%",
];

fuzz_target!(|bytes: &[u8]| check_in(&FRAMES, bytes));
