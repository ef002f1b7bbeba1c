//! Components and vulnerabilities of a scanner's CycloneDX document.
#![no_main]

use countersign_fuzz::check_in;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check_in(
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"tools": [{"name": "grype"}]}, "components": [{"bom-ref": "a", "name": "a"}], "vulnerabilities": %}"#,
        bytes,
    );
    check_in(r#"{"bomFormat": "CycloneDX", "components": %}"#, bytes);
});
