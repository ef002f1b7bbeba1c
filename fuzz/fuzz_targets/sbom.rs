//! SBOMs that are no CycloneDX JSON: SPDX 2 and 3, tag-value, Syft, CycloneDX XML.
#![no_main]

use countersign_fuzz::check_in;
use libfuzzer_sys::fuzz_target;

const FRAMES: [&str; 7] = [
    r#"{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "a", "packages": %}"#,
    r#"{"spdxVersion": "SPDX-2.3", "packages": [{"SPDXID": "SPDXRef-a", "name": "a"}], "relationships": %}"#,
    "SPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\n%",
    r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": %}"#,
    r#"{"artifacts": %, "source": {"type": "image"}, "descriptor": {"name": "syft"}, "schema": {"version": "16.0.0"}}"#,
    r#"<?xml version="1.0" encoding="UTF-8"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><components>%</components></bom>"#,
    r#"<bom xmlns="http://cyclonedx.org/schema/bom/1.6">%</bom>"#,
];

fuzz_target!(|bytes: &[u8]| check_in(&FRAMES, bytes));
