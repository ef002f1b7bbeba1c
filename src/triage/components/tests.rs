//! Tests of the component tree.

use proptest::prelude::*;

use super::*;
use crate::model::{Component, Encoding, Format, Origin, SubjectClaim};
use crate::triage::testing::{digest, joined, package, record, report};

fn sbom(names: &[&str], depends_on: &[&[u32]], roots: &[u32]) -> Sbom {
    Sbom {
        origin: Origin {
            path: "sbom.json".into(),
            sha256: digest('5'),
            size: 1,
            encoding: Encoding::Utf8,
            skipped_bytes: 0,
        },
        format: Format::CyclonedxJson,
        spec_version: "1.6".into(),
        producer: None,
        claim: SubjectClaim::default(),
        components: names
            .iter()
            .map(|name| Component {
                package: package("deb", name, "1"),
                ..Component::default()
            })
            .collect(),
        depends_on: depends_on.iter().map(|list| list.to_vec()).collect(),
        roots: roots.to_vec(),
        losses: Vec::new(),
        notices: Vec::new(),
    }
}

#[test]
fn a_tree_marks_what_was_seen_and_what_hangs_loose() {
    let sbom = sbom(
        &["app", "a", "b", "loose"],
        &[&[1, 2], &[2], &[0], &[]],
        &[0],
    );
    let components = Components::build(&sbom, &[]);
    let rows: Vec<(Option<u32>, u16, u32, bool)> = components
        .tree()
        .iter()
        .map(|row| (row.component, row.depth, row.descendants, row.repeated))
        .collect();
    assert_eq!(
        rows,
        [
            (Some(0), 0, 4, false),
            (Some(1), 1, 2, false),
            (Some(2), 2, 1, false),
            (Some(0), 3, 0, true),
            (Some(2), 1, 0, true),
            (None, 0, 1, false),
            (Some(3), 1, 0, false),
        ]
    );
    assert_eq!(components.dependents(2), [0, 1]);
    assert_eq!(components.completeness().unlinked, 1);
    assert_eq!(components.completeness().without_purl, 4);
}

#[test]
fn findings_meet_their_component_and_the_rest_is_counted() {
    let sbom = sbom(&["a", "b"], &[&[], &[]], &[]);
    let mut elsewhere = record("CVE-1-2", &[], crate::model::Severity::Low);
    elsewhere.package.name = "c".into();
    let here = record("CVE-1-1", &[], crate::model::Severity::High);
    let (_, joined) = joined(&[report("trivy", vec![here, elsewhere])]);
    let findings: Vec<&Finding> = joined.findings.iter().collect();
    let components = Components::build(&sbom, &findings);
    assert_eq!(components.findings(0), [0]);
    assert_eq!(components.unjoined(), [1]);
}

proptest! {
    #[test]
    fn every_component_is_shown_once(
        edges in prop::collection::vec(prop::collection::vec(0_u32..12, 0..4), 0..10),
        roots in prop::collection::vec(0_u32..12, 0..3),
    ) {
        let names = vec!["x"; edges.len()];
        let edges: Vec<&[u32]> = edges.iter().map(Vec::as_slice).collect();
        let components = Components::build(&sbom(&names, &edges, &roots), &[]);
        let mut shown: Vec<u32> = components
            .tree()
            .iter()
            .filter(|row| !row.repeated)
            .filter_map(|row| row.component)
            .collect();
        shown.sort_unstable();
        let all: Vec<u32> = (0..u32::try_from(names.len()).unwrap()).collect();
        prop_assert_eq!(shown, all);
    }
}
