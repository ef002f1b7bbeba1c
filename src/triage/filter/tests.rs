//! Tests of the filter language.

use proptest::prelude::*;

use super::*;
use crate::triage::index::{FindingIndex, VerdictMark};
use crate::triage::testing::{fixed, joined, record, report};
use crate::triage::view::{Sort, View};

#[test]
fn errors_name_the_column_and_what_was_expected() {
    for (text, column, word) in [
        ("sev:>=hihg", 7, "critical"),
        ("a sev:high,lo", 12, "critical"),
        ("color:red", 1, "sev:"),
        ("fix:maybe", 5, "yes"),
        ("src:grype", 5, "only-SCANNER"),
        ("kind:bug", 6, "vulnerability"),
        ("verdict:ok", 9, "accept-risk"),
        ("subject:x", 9, "number"),
        ("sev:>critical", 6, "above"),
        ("pkg:", 5, "package"),
        ("!", 2, "word"),
        ("id:\"a", 4, "quote"),
    ] {
        let error = text.parse::<Filter>().unwrap_err();
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.expected.contains(word), "{text}: {error}");
    }
}

#[test]
fn several_spellings_mean_the_same() {
    for (one, other) in [
        ("severity:high+", "sev:>=high"),
        ("sev:>medium", "sev:>=high"),
        ("SEV:HIGH", "sev:high"),
        ("  a   b ", "a b"),
        ("\"a\"", "a"),
    ] {
        assert_eq!(one.parse::<Filter>().unwrap().to_string(), other);
    }
    let option = Filter::severity_option("critical,high").unwrap();
    assert_eq!(option.to_string(), "sev:critical,high");
    let both = option.and(Filter::kind_option("secret").unwrap());
    assert_eq!(both.to_string(), "sev:critical,high kind:secret");
    assert_eq!(Filter::fixable_option("no").unwrap().to_string(), "fix:no");
}

fn ids(text: &str) -> Vec<String> {
    let mut first = record("CVE-1-1", &["GHSA-abc"], Severity::Critical);
    first.fix = fixed(&["2"]);
    first.title = "Heap overflow".into();
    let mut second = record("CVE-1-2", &[], Severity::Medium);
    second.package.name = "OpenSSL".into();
    let third = record("CVE-1-3", &[], Severity::Unknown);
    let (_, joined) = joined(&[
        report("trivy", vec![first.clone(), second]),
        report("grype", vec![first, third]),
    ]);
    let mark = VerdictMark::Taken {
        decision: Decision::AcceptRisk,
        standing: Standing::Stale,
    };
    let index = FindingIndex::build(&joined.findings, &[mark]);
    let view = View::build(&index, &text.parse().unwrap(), Sort::default());
    view.rows()
        .iter()
        .map(|row| joined.findings[*row as usize].id.to_string())
        .collect()
}

#[test]
fn terms_select() {
    for (filter, expected) in [
        ("", &["CVE-1-1", "CVE-1-2", "CVE-1-3"][..]),
        ("sev:>=medium", &["CVE-1-1", "CVE-1-2"]),
        ("sev:unknown", &["CVE-1-3"]),
        ("!sev:unknown,medium", &["CVE-1-1"]),
        ("fix:yes", &["CVE-1-1"]),
        ("fix:unknown", &["CVE-1-2", "CVE-1-3"]),
        ("ghsa-ABC", &[]),
        ("ghsa-abc", &["CVE-1-1"]),
        ("heap", &["CVE-1-1"]),
        ("\"heap overflow\"", &["CVE-1-1"]),
        ("Heap", &["CVE-1-1"]),
        ("HEAP", &[]),
        ("pkg:openssl", &["CVE-1-2"]),
        ("id:cve-1 !heap", &["CVE-1-2", "CVE-1-3"]),
        ("scanner:TRIVY", &["CVE-1-1", "CVE-1-2"]),
        ("src:both", &["CVE-1-1"]),
        ("src:only-grype", &["CVE-1-3"]),
        ("kind:secret", &[]),
        ("verdict:none", &["CVE-1-2", "CVE-1-3"]),
        ("verdict:stale", &["CVE-1-1"]),
        ("verdict:accept-risk", &["CVE-1-1"]),
        ("subject:0 openssl", &["CVE-1-2"]),
        ("subject:1", &[]),
    ] {
        assert_eq!(ids(filter), expected, "{filter}");
    }
}

fn any_test() -> impl Strategy<Value = Test> {
    let text = "[ -~é]{1,8}".prop_filter("a word", |text| !text.trim().is_empty());
    prop_oneof![
        text.clone().prop_map(Test::Text),
        text.clone().prop_map(Test::Id),
        text.clone().prop_map(Test::Package),
        text.clone().prop_map(Test::Scanner),
        text.prop_map(Test::Only),
        Just(Test::Both),
        (0_u32..9).prop_map(Test::Subject),
        prop::sample::select(Severity::ALL.to_vec())
            .prop_map(|severity| Test::Severities(Severities::AtLeast(severity))),
        prop::sample::select(Severity::ALL.to_vec())
            .prop_map(|severity| Test::Severities(Severities::AtMost(severity))),
        prop::sample::subsequence(Kind::ALL.to_vec(), 1..4).prop_map(Test::Kinds),
        prop::sample::subsequence(VerdictTest::ALL.to_vec(), 1..4).prop_map(Test::Verdicts),
        prop::sample::subsequence(Severity::ALL.to_vec(), 1..4)
            .prop_map(|list| Test::Severities(Severities::List(list))),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(
        terms in prop::collection::vec((any::<bool>(), any_test()), 0..5),
    ) {
        let terms = terms.into_iter().map(|(inverse, test)| Term { inverse, test }).collect();
        let filter = Filter { terms };
        prop_assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ -~]{0,30}") {
        if let Ok(filter) = text.parse::<Filter>() {
            prop_assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
        }
    }
}
