//! Tests of the gate.

use super::case::{Case, high, of_kind};
use super::*;
use crate::model::{
    Decision, Fix, ImageDecision, JoinRule, Kind, Loss, Record, ScanOption, Severity, Standing,
    SuppressedBy, Suppression,
};
use crate::triage::testing::{digest, fixed, joined, now, record};

const NOTHING: [&str; 0] = [];

#[test]
fn the_severity_and_the_fix_decide() {
    assert_eq!(Case::clean().blockers(), NOTHING);
    assert_eq!(Case::of(vec![high()]).blockers(), [class::VULNERABILITY]);
    let unfixable = Case::of(vec![record("CVE-1-1", &[], Severity::Critical)]);
    assert_eq!(unfixable.blockers(), NOTHING);
    let asked = unfixable.policy("[gate]\nfixable = false");
    assert_eq!(asked.blockers(), [class::VULNERABILITY]);
    let medium = || {
        let mut medium = high();
        medium.severity = Severity::Medium;
        Case::of(vec![medium])
    };
    assert_eq!(medium().blockers(), NOTHING);
    let strict = medium().policy("[gate]\nseverity = \"medium\"");
    assert_eq!(strict.blockers(), [class::VULNERABILITY]);
    let unrated = || {
        let mut unrated = high();
        unrated.severity = Severity::Unknown;
        Case::of(vec![unrated])
    };
    assert_eq!(unrated().warnings(), [class::UNKNOWN_SEVERITY]);
    let deny = unrated().policy("[gate]\nunknown_severity = \"deny\"");
    assert_eq!(deny.blockers(), [class::UNKNOWN_SEVERITY]);
    let allow = unrated().policy("[gate]\nunknown_severity = \"allow\"");
    assert_eq!(allow.warnings(), NOTHING);
}

#[test]
fn only_current_excusing_verdicts_excuse() {
    for (decision, excuses) in [
        (Decision::AcceptRisk, true),
        (Decision::NotAffected, true),
        (Decision::FalsePositive, true),
        (Decision::Affected, false),
        (Decision::UnderInvestigation, false),
    ] {
        let current = Case::of(vec![high()]).decided(decision, Standing::Current);
        assert_eq!(current.ask().open, excuses, "{decision:?}");
        assert_eq!(current.ask().excused.len(), usize::from(excuses));
        for standing in [Standing::Stale, Standing::Expired] {
            let lapsed = Case::of(vec![high()]).decided(decision, standing);
            assert_eq!(lapsed.blockers(), [class::VULNERABILITY]);
            assert_eq!(lapsed.warnings().contains(&class::STALE_VERDICT), excuses);
        }
    }
    let secret = || Case::of(vec![of_kind(Kind::Secret, Severity::Low)]);
    let accepted = secret().decided(Decision::AcceptRisk, Standing::Current);
    assert_eq!(accepted.blockers(), [class::SECRET]);
    let wrong = secret().decided(Decision::FalsePositive, Standing::Current);
    assert_eq!(wrong.blockers(), NOTHING);
}

#[test]
fn an_accepted_risk_past_the_longest_time_excuses_nothing() {
    let case = Case::of(vec![high()])
        .policy("[approval]\nrisk_acceptance_max = \"24h\"")
        .decided(Decision::AcceptRisk, Standing::Current);
    assert_eq!(case.blockers(), [class::VULNERABILITY]);
}

#[test]
fn other_kinds_follow_their_keys() {
    let config = || Case::of(vec![of_kind(Kind::Misconfiguration, Severity::High)]);
    assert_eq!(config().blockers(), [class::MISCONFIGURATION]);
    let off = config().policy("[gate]\nmisconfiguration = \"off\"");
    assert_eq!(off.blockers(), NOTHING);
    let secret =
        Case::of(vec![of_kind(Kind::Secret, Severity::Low)]).policy("[gate]\nsecrets = \"warn\"");
    assert_eq!(secret.blockers(), NOTHING);
    assert_eq!(secret.warnings(), [class::SECRET]);
    for kind in [Kind::License, Kind::Hygiene] {
        let case = Case::of(vec![of_kind(kind, Severity::Critical)]);
        assert_eq!(case.blockers(), NOTHING);
    }
}

#[test]
fn what_was_not_seen_never_opens_it() {
    let mut none = Case::clean();
    let (mut subjects, _) = joined(&none.reports);
    subjects[0].reports.clear();
    let gate = evaluate(
        &none.policy,
        &GateInput {
            subject: &subjects[0],
            reports: &[],
            exemptions: &[],
            findings: &[],
            verdicts: &[],
            approvals: &[],
            trusted_keys: &[],
            unreadable_inputs: 0,
            disagreements: &[],
            promotion: None,
            now: now(),
        },
    );
    assert_eq!(gate.blockers[0].class, class::NO_REPORT);
    none.unreadable = 1;
    assert_eq!(none.blockers(), [class::UNREADABLE]);
    let partial = Case::clean().change(|report| {
        report.losses.push(Loss {
            place: "a".into(),
            offset: None,
            reason: "b".into(),
            records: 1,
        });
    });
    assert_eq!(partial.blockers(), [class::PARTIAL, class::NOT_SCANNED]);
    let config = Case::clean().change(|report| report.looked_for_vulnerabilities = false);
    assert_eq!(config.blockers(), [class::NOT_SCANNED]);
    let reduced = Case::clean().change(|report| report.format = crate::model::Format::Sarif);
    assert_eq!(reduced.blockers(), [class::NOT_SCANNED]);
    assert_eq!(reduced.ask().warnings[0].class, class::REDUCED);
    for (rule, blockers) in [
        (JoinRule::Name, vec![class::NAME_ONLY]),
        (JoinRule::Asserted, vec![class::NOT_SCANNED]),
        (JoinRule::RepoDigest, vec![]),
    ] {
        let mut case = Case::clean();
        case.rule = Some(rule);
        assert_eq!(case.blockers(), blockers);
    }
    let both = Case::clean().policy("[gate]\nscanners = [\"Trivy\", \"grype\"]");
    assert_eq!(both.blockers(), [class::NOT_SCANNED]);
    assert!(both.ask().blockers[0].text.contains("grype"));
}

#[test]
fn old_reports_and_narrow_filters_close_it() {
    let week = "[gate]\nmax_report_age = \"7d\"";
    assert_eq!(Case::clean().policy(week).blockers(), NOTHING);
    for created in [None, Some(now() - chrono::TimeDelta::days(8))] {
        let old = Case::clean()
            .policy(week)
            .change(|report| report.created = created);
        assert_eq!(old.blockers(), [class::REPORT_AGE]);
    }
    let with = |name: &str, value: &str, recorded| {
        Case::clean().change(|report| {
            report.options.push(ScanOption {
                name: name.into(),
                value: value.into(),
                recorded,
            });
        })
    };
    let fixable = "[gate]\nfixable = false";
    assert_eq!(with("only-fixed", "true", true).blockers(), NOTHING);
    let narrow = with("only-fixed", "true", true).policy(fixable);
    assert_eq!(narrow.blockers(), [class::SCAN_FILTER]);
    let inferred = with("ignore-unfixed", "true", false).policy(fixable);
    assert_eq!(inferred.blockers(), NOTHING);
    assert_eq!(inferred.warnings(), [class::SCAN_FILTER]);
    let severe = with("severity", "CRITICAL", true);
    assert_eq!(severe.blockers(), [class::SCAN_FILTER]);
    let enough = with("severity", "CRITICAL,HIGH", true);
    assert_eq!(enough.blockers(), NOTHING);
    assert_eq!(enough.warnings(), [class::SCAN_FILTER]);
}

#[test]
fn a_rejection_stands_until_it_is_withdrawn() {
    use ImageDecision::{Approve, Reject};
    let rejected = Case::clean().approved("a", Reject, None);
    assert_eq!(rejected.blockers(), [class::REJECTED]);
    let other = rejected.approved("b", Approve, None);
    assert_eq!(other.blockers(), [class::REJECTED]);
    assert_eq!(other.approved("A", Approve, None).blockers(), NOTHING);
}

#[test]
fn a_promotion_needs_its_approvals() {
    use ImageDecision::Approve;
    let alone = Case::clean().promoted_by("a");
    assert_eq!(alone.blockers(), [class::APPROVAL]);
    let own = alone.approved("a", Approve, None);
    assert_eq!(own.blockers(), NOTHING);
    assert_eq!(own.warnings(), [class::UNSIGNED, class::FOUR_EYES]);
    let deny = own.policy("[approval]\nfour_eyes = \"deny\"");
    assert_eq!(deny.blockers(), [class::FOUR_EYES]);
    assert_eq!(deny.approved("b", Approve, None).blockers(), NOTHING);
    let two = Case::clean()
        .policy("[approval]\nrequired = 2")
        .promoted_by("c")
        .approved("a", Approve, None)
        .approved("a", Approve, None);
    assert_eq!(two.blockers(), [class::APPROVAL]);
    let mut stale = Case::clean().promoted_by("c").approved("a", Approve, None);
    stale.approvals[0].standing = Standing::Stale;
    stale.approvals[0].because = Some("the policy changed".into());
    assert_eq!(stale.blockers(), [class::APPROVAL]);
    assert!(stale.ask().blockers[0].text.contains("the policy changed"));
}

#[test]
fn trusted_keys_count_by_key() {
    use ImageDecision::Approve;
    let policy = "[approval]\ntrusted_keys = [\"a.pub\", \"b.pub\"]\nrequired = 2";
    let mut case = Case::clean()
        .policy(policy)
        .promoted_by("c")
        .approved("a", Approve, Some('1'))
        .approved("b", Approve, Some('1'));
    case.trusted = vec![digest('1'), digest('2')];
    assert_eq!(case.blockers(), [class::APPROVAL]);
    let mut unsigned = case.approved("d", Approve, None);
    assert_eq!(unsigned.blockers(), [class::APPROVAL]);
    unsigned = unsigned.approved("e", Approve, Some('2'));
    assert_eq!(unsigned.blockers(), NOTHING);
    unsigned.trusted.clear();
    assert_eq!(unsigned.blockers(), [class::APPROVAL]);
}

#[test]
fn four_eyes_are_told_by_name_and_by_key() {
    use ImageDecision::Approve;
    let promoted = |approvals: &[(&str, Option<char>)]| {
        let mut case = Case::clean()
            .policy("[approval]\nfour_eyes = \"deny\"")
            .promoted_by("Bob");
        case.promotion.as_mut().unwrap().promoter_key = Some(digest('2'));
        for (name, key) in approvals {
            case = case.approved(name, Approve, *key);
        }
        case.blockers()
    };
    let own = [class::FOUR_EYES];
    assert_eq!(promoted(&[("bob", None)]), own);
    assert_eq!(
        promoted(&[("bob", Some('1'))]),
        own,
        "the name is the promoter's"
    );
    assert_eq!(
        promoted(&[("carol", Some('2'))]),
        own,
        "the key is the promoter's"
    );
    assert_eq!(promoted(&[("carol", Some('2')), ("BOB", Some('3'))]), own);
    assert_eq!(
        promoted(&[("bob", Some('2')), ("alice", Some('1'))]),
        NOTHING
    );
    assert_eq!(promoted(&[("alice", None)]), NOTHING);
}

#[test]
fn a_key_with_two_names_and_a_name_with_two_keys_are_one_each() {
    use ImageDecision::Approve;
    let two = |policy: &str, approvals: &[(&str, Option<char>)]| {
        let mut case = Case::clean().policy(policy).promoted_by("c");
        case.trusted = vec![digest('1'), digest('2')];
        for (name, key) in approvals {
            case = case.approved(name, Approve, *key);
        }
        case.blockers()
    };
    let names = "[approval]\nrequired = 2";
    let keys = "[approval]\nrequired = 2\ntrusted_keys = [\"a.pub\", \"b.pub\"]";
    let one_key = [("a", Some('1')), ("b", Some('1'))];
    let one_name = [("a", Some('1')), ("A", Some('2'))];
    assert_eq!(two(names, &one_key), [class::APPROVAL]);
    assert_eq!(two(names, &one_name), [class::APPROVAL]);
    assert_eq!(two(keys, &one_key), [class::APPROVAL]);
    assert_eq!(
        two(keys, &one_name),
        NOTHING,
        "where keys count, names do not"
    );
}

#[test]
fn destination_and_digest_are_checked_for_a_promotion() {
    let mut case = Case::clean()
        .policy("[approval]\nrequired = 0\n[promotion]\ndestinations = [\"allowed/*\"]")
        .promoted_by("a");
    assert_eq!(case.blockers(), [class::DESTINATION]);
    let context = case.promotion.as_mut().unwrap();
    context.destination = Some("allowed/app".into());
    context.digest = Some(digest('9'));
    assert_eq!(case.blockers(), [class::DIGEST]);
}

#[test]
fn disagreements_and_suppressions() {
    let mut disputed = Case::of(vec![record("CVE-1-1", &[], Severity::High)])
        .policy("[gate]\ndisagreement_note = true");
    disputed.disputed = true;
    assert_eq!(disputed.blockers(), [class::DISAGREEMENT]);
    let noted = disputed.decided(Decision::Affected, Standing::Current);
    assert_eq!(noted.blockers(), NOTHING);
    let suppressed = Case::of(vec![Record {
        suppressed_by: Some(Suppression {
            by: SuppressedBy::Scanner,
            source: "a".into(),
            status: "ignored".into(),
            statement: None,
        }),
        ..high()
    }]);
    assert_eq!(suppressed.blockers(), NOTHING);
    assert_eq!(suppressed.warnings(), [class::SUPPRESSED]);
}

fn hidden(by: SuppressedBy, record: Record) -> Case {
    Case::of(vec![Record {
        suppressed_by: Some(Suppression {
            by,
            source: ".trivyignore".into(),
            status: "ignored".into(),
            statement: None,
        }),
        ..record
    }])
}

#[test]
fn what_suppressions_do_is_the_policys_choice() {
    use SuppressedBy::{Document, Scanner};
    let (warn, deny, allow) = (
        "[gate]\nsuppressed = \"warn\"",
        "[gate]\nsuppressed = \"deny\"",
        "[gate]\nsuppressed = \"allow\"",
    );
    let check = || of_kind(Kind::Misconfiguration, Severity::Critical);
    let secret = || of_kind(Kind::Secret, Severity::Critical);
    let low = || record("CVE-1-1", &[], Severity::Low);
    let unknown = || Record {
        severity: Severity::Unknown,
        ..high()
    };
    for (case, policy, blockers, warnings) in [
        (
            hidden(Document, high()),
            warn,
            &[][..],
            &[class::SUPPRESSED][..],
        ),
        (hidden(Scanner, high()), warn, &[], &[class::SUPPRESSED]),
        (hidden(Document, high()), deny, &[class::SUPPRESSED], &[]),
        (hidden(Scanner, high()), deny, &[class::SUPPRESSED], &[]),
        (hidden(Document, high()), allow, &[], &[]),
        (hidden(Document, check()), deny, &[class::SUPPRESSED], &[]),
        // What would not close the gate hides nothing from it.
        (hidden(Document, low()), deny, &[], &[]),
        (hidden(Document, unknown()), deny, &[], &[class::SUPPRESSED]),
        // No file excuses a secret, whatever the policy says about files.
        (hidden(Document, secret()), allow, &[class::SECRET], &[]),
        (hidden(Document, secret()), warn, &[class::SECRET], &[]),
        (hidden(Scanner, secret()), warn, &[], &[class::SUPPRESSED]),
    ] {
        let case = case.policy(policy);
        assert_eq!(case.blockers(), blockers, "{policy}");
        assert_eq!(case.warnings(), warnings, "{policy}");
    }
    let gate = hidden(Document, high()).policy(deny).ask();
    assert_eq!(
        gate.blockers[0].text,
        "1 finding is suppressed by .trivyignore, not by a verdict"
    );
    assert_eq!(gate.blockers[0].findings.len(), 1);
    // A verdict says what a file alone cannot.
    let decided = hidden(Document, high())
        .policy(deny)
        .decided(Decision::FalsePositive, Standing::Current);
    assert_eq!(decided.blockers(), NOTHING);
    let lapsed = hidden(Document, high())
        .policy(deny)
        .decided(Decision::FalsePositive, Standing::Stale);
    assert_eq!(lapsed.blockers(), [class::SUPPRESSED]);
}

/// A statement that was lost may have taken back one that was read.
#[test]
fn a_partly_read_exemption_document_closes_the_gate() {
    let text = r#"{"@context":"https://openvex.dev/ns","statements":[{"status":"fixed"}]}"#;
    let loaded = crate::formats::read("vex.json", text.into()).unwrap();
    let mut case = Case::clean();
    for document in loaded.documents {
        let crate::formats::Document::Exemptions(document) = document else {
            panic!("{document:?}");
        };
        case.exemptions.push(Arc::new(document));
    }
    assert_eq!(case.blockers(), [class::PARTIAL]);
}

#[test]
fn it_says_what_would_open_it_and_writes_its_document() {
    let mut second = high();
    second.id = "CVE-1-2".into();
    second.fix = fixed(&["10"]);
    let mut third = high();
    third.package.name = "b".into();
    third.fix = Fix::default();
    let gate = Case::of(vec![high(), second, third])
        .policy("[gate]\nfixable = false")
        .ask();
    assert_eq!(gate.to_open.len(), 2);
    assert_eq!(gate.to_open[0].clears.len(), 2);
    assert!(gate.to_open[0].action.contains("upgrade a 1 to 10"));
    let document = serde_json::to_value(&gate).unwrap();
    assert_eq!(document["open"], false);
    assert_eq!(document["for"], serde_json::Value::Null);
    assert_eq!(document["blockers"][0]["class"], "vulnerability");
    let excused = Case::of(vec![high()])
        .decided(Decision::FalsePositive, Standing::Current)
        .promoted_by("x")
        .ask();
    let document = serde_json::to_value(&excused).unwrap();
    assert_eq!(document["for"], "promote");
    let verdict = &document["excused"][0]["verdict"];
    assert_eq!(verdict["decision"], "false-positive");
    assert_eq!(verdict["state"], "current");
    assert_eq!(verdict["until"], "fixed");
}
