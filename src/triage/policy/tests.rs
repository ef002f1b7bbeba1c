//! Tests of the policy file.

use super::*;

const DEFAULTS: &str = r#"
[gate]
severity = "high"
fixable = true
unknown_severity = "warn"
secrets = "deny"
misconfiguration = "high"
scanners = []
max_report_age = "off"
disagreement_note = false
[approval]
required = 1
trusted_keys = []
four_eyes = "warn"
risk_acceptance_max = "90d"
max_age = "off"
[promotion]
destinations = []
move_tags = "ask"
platforms = "reviewed"
referrers = "copy"
sign = "require"
"#;

#[test]
fn an_absent_key_has_the_documented_default() {
    let written: Policy = DEFAULTS.parse().unwrap();
    assert_eq!(written, Policy::default());
    assert_eq!("".parse::<Policy>().unwrap(), Policy::default());
    assert_eq!(written.sha256(), Policy::default().sha256());
}

#[test]
fn every_key_counts_for_the_hash() {
    for text in [
        "[gate]\nseverity = \"critical\"",
        "[gate]\nfixable = false",
        "[gate]\nunknown_severity = \"deny\"",
        "[gate]\nsecrets = \"warn\"",
        "[gate]\nmisconfiguration = \"off\"",
        "[gate]\nscanners = [\"trivy\"]",
        "[gate]\nmax_report_age = \"7d\"",
        "[gate]\ndisagreement_note = true",
        "[approval]\nrequired = 2",
        "[approval]\ntrusted_keys = [\"a.pub\"]",
        "[approval]\nfour_eyes = \"deny\"",
        "[approval]\nrisk_acceptance_max = \"36h\"",
        "[approval]\nmax_age = \"30d\"",
        "[promotion]\ndestinations = [\"a/*\"]",
        "[promotion]\nmove_tags = \"deny\"",
        "[promotion]\nplatforms = \"all\"",
        "[promotion]\nreferrers = \"none\"",
        "[promotion]\nsign = \"optional\"",
    ] {
        let policy: Policy = text.parse().unwrap();
        assert_ne!(policy.sha256(), Policy::default().sha256(), "{text}");
    }
    let days: Policy = "[gate]\nmax_report_age = \"7d\"".parse().unwrap();
    let week: Policy = "[gate]\nmax_report_age = \"1w\"".parse().unwrap();
    assert_eq!(days.sha256(), week.sha256());
}

#[test]
fn errors_name_line_and_column() {
    for (text, line, word) in [
        ("[gate]\nseverty = \"high\"", 2, "severty"),
        ("[gates]\n", 1, "gates"),
        ("[gate]\nseverity = \"highest\"", 2, "highest"),
        ("[gate]\n\nmax_report_age = \"7 days\"", 3, "7 days"),
        ("[approval]\nrequired = -1", 2, "-1"),
        ("[gate\n", 1, ""),
    ] {
        let error = text.parse::<Policy>().unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.detail.contains(word), "{error}");
        assert!(error.column >= 1);
    }
}

#[test]
fn destinations_match_by_pattern() {
    let mut policy = Policy::default();
    assert!(policy.destination_allowed("anything/at/all"));
    policy.promotion.destinations = vec!["*.dkr.ecr.*.amazonaws.com/debut/*".into()];
    for (repository, allowed) in [
        ("1.dkr.ecr.us-west-2.amazonaws.com/debut/caddy", true),
        ("1.dkr.ecr.us-west-2.amazonaws.com/other/caddy", false),
        ("1.dkr.ecr.us-west-2.amazonaws.com.evil/debut", false),
        ("docker.io/debut/caddy", false),
    ] {
        assert_eq!(
            policy.destination_allowed(repository),
            allowed,
            "{repository}"
        );
    }
    policy.promotion.destinations = vec!["a/b".into()];
    assert!(policy.destination_allowed("a/b"));
    assert!(!policy.destination_allowed("a/bc"));
    assert!(!policy.destination_allowed("xa/b"));
    policy.promotion.destinations = vec!["ab*ba".into()];
    assert!(!policy.destination_allowed("aba"));
    assert!(policy.destination_allowed("abba"));
}
