//! Trivy's results.
#![no_main]

use countersign_fuzz::check_in;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check_in(
        r#"{"SchemaVersion": 2, "ArtifactType": "container_image", "Results": %}"#,
        bytes,
    );
    check_in(r#"{"ClusterName": "", "Resources": %}"#, bytes);
});
