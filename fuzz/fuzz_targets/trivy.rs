//! Trivy's results, clusters and resources of its operator.
#![no_main]

use countersign_fuzz::check_in;
use libfuzzer_sys::fuzz_target;

const FRAMES: [&str; 5] = [
    r#"{"SchemaVersion": 2, "ArtifactType": "container_image", "Results": %}"#,
    r#"{"SchemaVersion": 2, "Results": [{"Target": "a", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": %}]}"#,
    r#"{"ClusterName": "", "Resources": %}"#,
    r#"{"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "VulnerabilityReport", "report": %}"#,
    r#"[{"Target": "a", "Vulnerabilities": %}]"#,
];

fuzz_target!(|bytes: &[u8]| check_in(&FRAMES, bytes));
