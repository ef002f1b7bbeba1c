//! Properties of suppression: whatever the documents say, findings are only marked.
//!
//! What single entries reach is tested in `tests`.

use std::sync::Arc;

use proptest::prelude::*;

use super::tests::{document, openvex};
use super::*;
use crate::model::Finding;
use crate::triage::join::{findings, findings_under};
use crate::triage::subject::subjects;
use crate::triage::testing::{any_report, digest, now};

fn any_document() -> impl Strategy<Value = String> {
    let id = prop::sample::select(vec![
        "CVE-2024-1",
        "CVE-2024-2",
        "CVE-2024-3",
        "GHSA-1",
        "GHSA-2",
        "GO-1",
    ]);
    let status = prop::sample::select(vec!["fixed", "affected", "not_affected"]);
    let time = prop::sample::select(vec!["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]);
    let end = prop::sample::select(vec!["", " exp:2026-04-01", " exp:2026-06-01"]);
    prop_oneof![
        (id.clone(), end).prop_map(|(id, end)| format!("CVE-2020-1\n{id}{end}\n")),
        (id.clone(), any::<bool>()).prop_map(|(id, aliases)| {
            format!("ignore:\n  - {{vulnerability: {id}, include-aliases: {aliases}}}\n")
        }),
        Just("ignore:\n  - {package: {name: 'a|b', type: npm}}\n".to_owned()),
        (id, status, time).prop_map(|(id, status, time)| {
            let products = format!(r#"["{}"]"#, digest('a'));
            openvex(id, status, time, &products)
        }),
    ]
}

proptest! {
    /// Findings are marked, never more or fewer; reports stay as they are; the counts reconcile;
    /// and neither the order of files nor of reports matters.
    #[test]
    fn exemptions_only_mark(
        texts in prop::collection::vec(any_document(), 0..5),
        trivy in any_report("trivy"),
        grype in any_report("grype"),
    ) {
        let reports = [Arc::new(trivy.clone()), Arc::new(grype.clone())];
        let subjects = subjects(&reports, &[], &[], &[]);
        let documents: Vec<_> = texts.iter().map(|text| Arc::new(document(text))).collect();
        let suppressed = suppress(&documents, &subjects, &reports, &[], now());
        prop_assert_eq!(&*reports[0], &trivy);
        prop_assert_eq!(&*reports[1], &grype);
        let before = findings(&subjects, &reports);
        let after = findings_under(&subjects, &reports, &suppressed);
        let key = |finding: &Finding| (finding.key.clone(), finding.severity, finding.records.clone());
        let keys = |all: &[Finding]| all.iter().map(key).collect::<Vec<_>>();
        prop_assert_eq!(keys(&before.findings), keys(&after.findings));
        for (one, other) in before.findings.iter().zip(&after.findings) {
            prop_assert!(one.suppressed_by.is_none() || other.suppressed_by.is_some());
        }
        let counts = after.counts;
        prop_assert_eq!(counts.joined + counts.suppressed + counts.unreadable, counts.read);
        prop_assert_eq!(
            counts.suppressed,
            before.counts.suppressed + suppressed.count(0) + suppressed.count(1)
        );
        let told: u64 = suppressed.outcomes().iter().map(|outcome| outcome.suppressed).sum();
        prop_assert_eq!(told, suppressed.count(0) + suppressed.count(1));

        let reversed: Vec<_> = documents.iter().rev().cloned().collect();
        let again = suppress(&reversed, &subjects, &reports, &[], now());
        prop_assert_eq!(&again.records, &suppressed.records);
        let outcomes: Vec<_> = again.outcomes.iter().rev().cloned().collect();
        // Two documents of the same bytes share what they suppress in either order.
        let distinct: BTreeSet<&String> = texts.iter().collect();
        if distinct.len() == texts.len() {
            prop_assert_eq!(outcomes, suppressed.outcomes);
        }
    }
}
