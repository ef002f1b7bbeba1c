//! Tests of the staleness rules.

mod matrix;

use super::*;
use crate::model::SubjectRef;
use crate::model::{FindingRef, FixState, Location, Severity};
use crate::triage::testing::{digest, fixed, joined, now, record, report};

fn case() -> (Verdict, Finding, Subject) {
    let mut found = record("CVE-1-1", &["GHSA-1"], Severity::High);
    found.fix = fixed(&["2"]);
    let (subjects, joined) = joined(&[report("trivy", vec![found])]);
    let (finding, subject) = (joined.findings[0].clone(), subjects[0].clone());
    let verdict = Verdict {
        decision: Decision::NotAffected,
        reason: "not used".into(),
        until: None,
        justification: Some("component_not_present".into()),
        scope: Scope::Finding,
        finding: FindingRef::of(&finding),
        subject: SubjectRef::of(&subject),
        reports: Vec::new(),
        carried_from: None,
    };
    (verdict, finding, subject)
}

type Change = fn(&mut Verdict, &mut Finding, &mut Subject);

fn check(cases: &[(&str, Standing, Change)]) {
    for (position, (why, expected, change)) in cases.iter().enumerate() {
        let (mut verdict, mut finding, mut subject) = case();
        change(&mut verdict, &mut finding, &mut subject);
        let days = if verdict.reason == "old" { 90 } else { 10 };
        let recorded = now() - chrono::TimeDelta::days(days);
        let policy = Policy::default();
        let (state, because) = standing(&verdict, recorded, &finding, &subject, &policy, now());
        let because = because.unwrap_or_default();
        assert_eq!(state, *expected, "case {position}: {because}");
        assert!(because.contains(why), "case {position}: {because}");
        assert_eq!(
            because.is_empty(),
            state == Standing::Current,
            "case {position}"
        );
    }
}

#[test]
fn a_verdict_holds_as_long_as_its_evidence_does() {
    use Standing::{Current, Stale};
    check(&[
        ("", Current, |_, _, _| {}),
        ("severity rose", Stale, |_, f, _| {
            f.severity = Severity::Critical;
        }),
        ("", Current, |_, f, _| f.severity = Severity::Low),
        ("fix state", Stale, |_, f, _| {
            f.fix.state = FixState::WontFix;
        }),
        ("fixed versions", Stale, |_, f, _| {
            f.fix = fixed(&["2", "3"]);
        }),
        ("", Current, |v, f, _| {
            v.finding.fix = fixed(&["3", "2"]);
            f.fix = fixed(&["2", "3"]);
        }),
        ("another finding", Stale, |_, f, _| {
            f.package.version = "9".into();
        }),
        ("", Current, |v, f, _| {
            v.scope = Scope::Package;
            f.package.version = "9".into();
        }),
        ("another finding", Stale, |_, f, _| {
            f.id = VulnerabilityId::new("CVE-1-9");
        }),
        ("", Current, |v, f, _| {
            v.finding.ids = vec![VulnerabilityId::new("GHSA-1")];
            f.aliases.push(VulnerabilityId::new("GO-1"));
        }),
    ]);
}

#[test]
fn a_verdict_holds_within_its_scope_and_until_its_end() {
    use Standing::{Current, Expired, Stale};
    check(&[
        ("scope is finding", Stale, |_, _, s| {
            s.diff_ids = vec![digest('9')];
        }),
        ("scope is package", Stale, |v, _, s| {
            v.scope = Scope::Package;
            s.diff_ids = vec![digest('9')];
        }),
        ("", Current, |v, _, s| {
            v.scope = Scope::Repository;
            s.diff_ids = vec![digest('9')];
            s.name = "app:2".into();
        }),
        ("scope is repository", Stale, |v, _, s| {
            v.scope = Scope::Repository;
            s.diff_ids = vec![digest('9')];
            s.name = "other:1".into();
        }),
        ("", Current, |v, _, s| {
            v.scope = Scope::Everywhere;
            s.diff_ids = vec![digest('9')];
            s.name = "other:1".into();
        }),
        ("", Current, |_, _, s| s.manifest_digest = Some(digest('9'))),
        ("until 2026-04-30", Expired, |v, _, _| {
            v.decision = Decision::AcceptRisk;
            v.until = "2026-04-30".parse().ok();
        }),
        ("", Current, |v, _, _| {
            v.decision = Decision::AcceptRisk;
            v.until = "2026-05-01".parse().ok();
        }),
        ("90d at most", Expired, |v, _, _| {
            v.decision = Decision::AcceptRisk;
            v.until = "2027-01-01".parse().ok();
            v.reason = "old".into();
        }),
        ("a fix appeared: 2", Expired, |v, _, _| {
            v.decision = Decision::AcceptRisk;
            v.until = Some(Until::Fixed);
            v.finding.fix = Fix::default();
        }),
        ("", Current, |v, f, _| {
            v.decision = Decision::AcceptRisk;
            v.until = Some(Until::Fixed);
            v.finding.fix = Fix::default();
            f.fix = Fix::default();
        }),
        ("", Current, |v, _, _| v.decision = Decision::FalsePositive),
    ]);
}

#[test]
fn the_earlier_end_counts() {
    let (mut verdict, _, _) = case();
    let policy = Policy::default();
    assert_eq!(excuse_end(&verdict, now(), &policy), None);
    verdict.decision = Decision::AcceptRisk;
    verdict.until = "2026-05-10".parse().ok();
    let end = excuse_end(&verdict, now(), &policy).unwrap();
    assert_eq!(end.to_rfc3339(), "2026-05-11T00:00:00+00:00");
    verdict.until = "2026-12-31".parse().ok();
    let end = excuse_end(&verdict, now(), &policy).unwrap();
    assert_eq!(end, now() + chrono::TimeDelta::days(90));
    let unlimited: Policy = "[approval]\nrisk_acceptance_max = \"off\"".parse().unwrap();
    verdict.until = Some(Until::Fixed);
    assert_eq!(excuse_end(&verdict, now(), &unlimited), None);
}

#[test]
fn a_secret_is_bound_to_its_place() {
    let (mut verdict, mut finding, subject) = case();
    finding.kind = Kind::Secret;
    let at = |path: &str| {
        vec![Location {
            path: path.into(),
            layer: None,
        }]
    };
    finding.package.locations = at("a");
    verdict.finding = FindingRef::of(&finding);
    assert!(applies(&verdict, &finding, &subject));
    finding.package.locations = at("b");
    assert!(!applies(&verdict, &finding, &subject));
}

#[test]
fn an_approval_is_bound_to_digest_policy_and_findings() {
    let (_, finding, subject) = case();
    let policy = Policy::default().sha256();
    let mut approval = ImageVerdict {
        decision: ImageDecision::Approve,
        reason: "good".into(),
        subject: SubjectRef::of(&subject),
        policy_sha256: policy.clone(),
        excused: vec![finding.key.clone()],
        left: Vec::new(),
        suppressed: Some(Vec::new()),
        reports: Vec::new(),
        envelope: None,
    };
    let keys = [finding.key.clone()];
    let state = |approval: &ImageVerdict,
                 subject: &Subject,
                 policy: &Digest,
                 excused: &[FindingKey],
                 left: &[FindingKey]| {
        let found = FindingSets {
            excused: excused.to_vec(),
            left: left.to_vec(),
            suppressed: Vec::new(),
        };
        image_standing(approval, subject, policy, &found).0
    };
    assert_eq!(
        state(&approval, &subject, &policy, &keys, &[]),
        Standing::Current
    );
    assert_eq!(
        state(&approval, &subject, &policy, &[], &[]),
        Standing::Stale
    );
    assert_eq!(
        state(&approval, &subject, &policy, &keys, &keys),
        Standing::Stale
    );
    assert_eq!(
        state(&approval, &subject, &digest('9'), &keys, &[]),
        Standing::Stale
    );
    let mut rebuilt = subject.clone();
    rebuilt.manifest_digest = Some(digest('9'));
    assert_eq!(
        state(&approval, &rebuilt, &policy, &keys, &[]),
        Standing::Stale
    );
    let found = FindingSets {
        excused: keys.to_vec(),
        left: Vec::new(),
        suppressed: vec![digest('9').short().into()]
            .into_iter()
            .map(|key: String| FindingKey::from_text(&key))
            .collect(),
    };
    let (state_of, why) = image_standing(&approval, &subject, &policy, &found);
    assert_eq!(state_of, Standing::Stale);
    assert!(why.unwrap().contains("suppressed than were then: 1 new"));
    approval.suppressed = None;
    let early = image_standing(&approval, &subject, &policy, &found);
    assert_eq!(
        early,
        (Standing::Current, None),
        "what it never named cannot have changed"
    );
    approval.decision = ImageDecision::Reject;
    assert_eq!(
        state(&approval, &subject, &digest('9'), &[], &[]),
        Standing::Current
    );
    assert_eq!(
        state(&approval, &rebuilt, &policy, &keys, &[]),
        Standing::Stale
    );
}
