//! Tests of views.

use proptest::prelude::*;

use super::*;
use crate::triage::testing::{any_report, joined};

#[test]
fn a_window_never_leaves_the_view() {
    let view = View {
        rows: (0..10).collect(),
    };
    assert_eq!(view.window(8, 5), [8, 9]);
    assert_eq!(view.window(10, 5), [0_u32; 0]);
    assert_eq!(view.window(usize::MAX, 5), [0_u32; 0]);
    assert_eq!(view.window(2, 0), [0_u32; 0]);
    assert_eq!(view.window(0, usize::MAX).len(), 10);
}

proptest! {
    #[test]
    fn every_order_is_stable_and_keeps_every_row(
        one in any_report("grype"),
        other in any_report("trivy"),
        column in prop::sample::select(Column::ALL.to_vec()),
        reverse in any::<bool>(),
    ) {
        let (_, joined) = joined(&[one, other]);
        let index = FindingIndex::build(&joined.findings, &[]);
        let view = View::build(&index, &Filter::default(), Sort { column, reverse });
        let mut rows = view.rows().to_vec();
        for pair in rows.windows(2) {
            let key = |row: u32| sort_key(&index, &index.rows()[row as usize], column);
            let (first, second) = (key(pair[0]), key(pair[1]));
            let ordered = if reverse { first >= second } else { first <= second };
            prop_assert!(ordered);
            prop_assert!(first != second || pair[0] < pair[1]);
        }
        rows.sort_unstable();
        prop_assert_eq!(rows.len(), index.len());
        rows.dedup();
        prop_assert_eq!(rows.len(), joined.findings.len());
    }
}
