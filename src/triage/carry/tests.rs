//! Tests of carry-over: what is offered, with which differences, and that it never excuses more.

use proptest::prelude::*;

use super::*;
use crate::model::{Location, Package, Record, Severity, SuppressedBy, Suppression};
use crate::triage::standing::{applies, excuse_end};
use crate::triage::testing::{any_record, digest, fixed, joined, now, package, record, report};

/// One image with findings.
fn scan(name: &str, layer: char, records: Vec<Record>) -> (Vec<Subject>, Vec<Finding>) {
    let mut report = report("trivy", records);
    report.claim.name = Some(name.into());
    report.claim.diff_ids = vec![digest(layer)];
    report.claim.manifest_digest = Some(digest(layer));
    let (subjects, joined) = joined(&[report]);
    (subjects, joined.findings)
}

fn one(version: &str, severity: Severity, fix: Fix) -> Record {
    Record {
        package: package("deb", "a", version),
        fix,
        ..record("CVE-2024-1", &["GHSA-1"], severity)
    }
}

fn verdict(decision: Decision, finding: &Finding, subject: &Subject) -> Verdict {
    Verdict {
        decision,
        reason: "not reached".into(),
        until: (decision == Decision::AcceptRisk).then_some(Until::Fixed),
        justification: (decision == Decision::NotAffected)
            .then(|| "component_not_present".to_owned()),
        scope: Scope::Finding,
        finding: FindingRef::of(finding),
        subject: SubjectRef::of(subject),
        reports: vec![digest('7')],
        carried_from: None,
    }
}

fn entry(number: u64, days_ago: i64) -> Recorded {
    Recorded {
        reviewer: format!("reviewer {number}"),
        time: now() - chrono::TimeDelta::days(days_ago),
        entry: number,
        entry_sha256: Digest::of(&number.to_be_bytes()),
    }
}

/// How every finding stands with these verdicts, as the review works it out.
fn stand(
    earlier: &[(Recorded, Verdict)],
    subjects: &[Subject],
    findings: &[Finding],
) -> Vec<Option<StandingVerdict>> {
    let of = |finding: &Finding| {
        let subject = &subjects[finding.subject as usize];
        let (recorded, verdict) = earlier
            .iter()
            .rev()
            .find(|(_, verdict)| applies(verdict, finding, subject))?;
        let policy = Policy::default();
        let (state, because) = standing(verdict, recorded.time, finding, subject, &policy, now());
        Some(StandingVerdict {
            verdict: verdict.clone(),
            recorded: recorded.clone(),
            standing: state,
            because,
            carried: !verdict.subject.is_image(subject),
            renewed_by: Vec::new(),
        })
    };
    findings.iter().map(of).collect()
}

fn offered(
    earlier: &[(Recorded, Verdict)],
    subjects: &[Subject],
    findings: &[Finding],
) -> Vec<Offer> {
    let standing = stand(earlier, subjects, findings);
    offers(
        earlier,
        &Ground {
            findings,
            subjects,
            standing: &standing,
            policy: &Policy::default(),
            now: now(),
        },
    )
}

/// A verdict on version 1 of the image before, changed as given, against the image after.
#[expect(
    clippy::needless_pass_by_value,
    reason = "every call makes an image of its own"
)]
fn against(
    change: impl FnOnce(&mut Recorded, &mut Verdict),
    after: (Vec<Subject>, Vec<Finding>),
) -> Vec<Offer> {
    let (subjects, findings) = scan("app:1", '1', vec![one("1", Severity::High, Fix::default())]);
    let mut verdict = verdict(Decision::NotAffected, &findings[0], &subjects[0]);
    let mut recorded = entry(4, 10);
    change(&mut recorded, &mut verdict);
    offered(&[(recorded, verdict)], &after.0, &after.1)
}

fn rebuilt(record: Record) -> (Vec<Subject>, Vec<Finding>) {
    scan("app:2", '2', vec![record])
}

fn what(offers: &[Offer]) -> Vec<String> {
    offers.iter().map(Offer::changed).collect()
}

#[test]
fn a_verdict_of_the_image_before_is_offered_with_what_changed() {
    let same = one("1", Severity::High, Fix::default());
    let image = "image app:1 (111111111111) -> app:2 (222222222222)";
    assert_eq!(what(&against(|_, _| {}, rebuilt(same))), [image]);
    let changed = one("1.1", Severity::Critical, fixed(&["2"]));
    assert_eq!(
        what(&against(|_, _| {}, rebuilt(changed))),
        [format!(
            "{image}; version 1 -> 1.1; severity high -> critical; fix unknown -> fixed in 2"
        )]
    );
    let lower = one("1", Severity::Low, Fix::default());
    assert_eq!(
        what(&against(|_, _| {}, rebuilt(lower))),
        [format!("{image}; severity high -> low")]
    );
}

#[test]
fn a_stale_verdict_of_this_image_is_offered_and_one_that_holds_is_not() {
    let here = |record| scan("app:1", '1', vec![record]);
    let same = one("1", Severity::High, Fix::default());
    assert!(against(|_, _| {}, here(same.clone())).is_empty());
    let wide = |_: &mut Recorded, verdict: &mut Verdict| verdict.scope = Scope::Repository;
    assert!(
        against(wide, rebuilt(same.clone())).is_empty(),
        "it applies by its scope"
    );
    let risen = one("1", Severity::Critical, Fix::default());
    let offers = against(|_, _| {}, here(risen));
    assert_eq!(what(&offers), ["severity high -> critical"]);
    let mut hidden = scan("app:2", '2', vec![same]);
    hidden.1[0].suppressed_by = Some(Suppression {
        by: SuppressedBy::Document,
        source: ".trivyignore".into(),
        status: "ignored".into(),
        statement: None,
    });
    assert!(against(|_, _| {}, hidden).is_empty(), "nothing to decide");
}

#[test]
fn nothing_is_offered_across_packages_ids_or_repositories() {
    let same = one("1", Severity::High, Fix::default());
    for other in [
        Record {
            package: package("deb", "b", "1"),
            ..same.clone()
        },
        Record {
            package: package("npm", "a", "1"),
            ..same.clone()
        },
        record("CVE-2024-2", &["GHSA-1"], Severity::High),
    ] {
        assert!(
            against(|_, _| {}, rebuilt(other.clone())).is_empty(),
            "{other:?}"
        );
    }
    let elsewhere = || {
        scan(
            "other:2",
            '2',
            vec![one("2", Severity::High, Fix::default())],
        )
    };
    assert!(against(|_, _| {}, elsewhere()).is_empty());
    let wide = |_: &mut Recorded, verdict: &mut Verdict| verdict.scope = Scope::Everywhere;
    assert_eq!(
        against(wide, elsewhere()).len(),
        1,
        "it spoke of everywhere"
    );
    let unnamed = |digit: char| format!("sha256:{}", digit.to_string().repeat(64));
    let (subjects, findings) = scan(&unnamed('3'), '3', vec![same.clone()]);
    let earlier = verdict(Decision::NotAffected, &findings[0], &subjects[0]);
    let (subjects, findings) = scan(&unnamed('4'), '4', vec![same]);
    let offers = offered(&[(entry(1, 1), earlier)], &subjects, &findings);
    assert!(offers.is_empty(), "digests are no repository");
}

#[test]
fn what_has_ended_is_not_offered() {
    let risk = |until: Until, days: i64| {
        move |recorded: &mut Recorded, verdict: &mut Verdict| {
            verdict.decision = Decision::AcceptRisk;
            verdict.until = Some(until);
            recorded.time = now() - chrono::TimeDelta::days(days);
        }
    };
    let same = || rebuilt(one("1.1", Severity::High, Fix::default()));
    let date = |text: &str| Until::Date(text.parse().unwrap());
    assert_eq!(against(risk(date("2026-05-01"), 10), same()).len(), 1);
    assert!(against(risk(date("2026-04-30"), 10), same()).is_empty());
    assert_eq!(against(risk(Until::Fixed, 89), same()).len(), 1);
    assert!(
        against(risk(Until::Fixed, 90), same()).is_empty(),
        "the policy's 90 days"
    );
    let mended = || rebuilt(one("1.1", Severity::High, fixed(&["2"])));
    assert!(
        against(risk(Until::Fixed, 1), mended()).is_empty(),
        "there is a fix"
    );
    let endless = |_: &mut Recorded, verdict: &mut Verdict| {
        verdict.decision = Decision::AcceptRisk;
        verdict.until = None;
    };
    assert!(against(endless, same()).is_empty());
}

#[test]
fn the_same_version_comes_first_and_then_the_latest_word() {
    let records = vec![
        one("1", Severity::High, Fix::default()),
        one("2", Severity::High, Fix::default()),
    ];
    let (subjects, findings) = scan("app:1", '1', records);
    let on = |version: &str| {
        let named = |finding: &&Finding| finding.package.version == version;
        findings.iter().find(named).unwrap()
    };
    let earlier = [
        (
            entry(1, 9),
            verdict(Decision::NotAffected, on("1"), &subjects[0]),
        ),
        (
            entry(2, 8),
            verdict(Decision::Affected, on("1"), &subjects[0]),
        ),
        (
            entry(3, 7),
            verdict(Decision::FalsePositive, on("2"), &subjects[0]),
        ),
    ];
    let offer = |version: &str| {
        let (subjects, findings) = rebuilt(one(version, Severity::High, Fix::default()));
        offered(&earlier, &subjects, &findings)[0].recorded.entry
    };
    assert_eq!(["1", "2", "3"].map(offer), [2, 3, 3]);
    let mut ended = earlier.clone();
    ended[1].1.decision = Decision::AcceptRisk;
    ended[1].1.until = "2026-01-01".parse().ok();
    let (subjects, findings) = rebuilt(one("1", Severity::High, Fix::default()));
    assert!(
        offered(&ended, &subjects, &findings).is_empty(),
        "a later word that ended does not bring the one before it back"
    );
}

#[test]
fn a_secret_is_carried_as_a_false_positive_only() {
    let secret = Record {
        kind: Kind::Secret,
        package: Package {
            locations: vec![Location {
                path: "key.pem".into(),
                layer: None,
            }],
            ..package("", "", "")
        },
        ..record("private-key", &[], Severity::High)
    };
    let (subjects, findings) = scan("app:1", '1', vec![secret.clone()]);
    let after = scan("app:2", '2', vec![secret]);
    let count = |decision| {
        let earlier = [(entry(1, 1), verdict(decision, &findings[0], &subjects[0]))];
        offered(&earlier, &after.0, &after.1).len()
    };
    assert_eq!(count(Decision::FalsePositive), 1);
    assert_eq!(count(Decision::AcceptRisk), 0);
    assert_eq!(count(Decision::NotAffected), 0);
}

#[test]
fn carrying_over_again_and_again_prolongs_nothing() {
    let policy = Policy::default();
    let (subjects, findings) = scan("app:1", '1', vec![one("1", Severity::High, Fix::default())]);
    let mut earlier = vec![(
        entry(1, 80),
        verdict(Decision::AcceptRisk, &findings[0], &subjects[0]),
    )];
    let end = excuse_end(&earlier[0].1, earlier[0].0.time, &policy).unwrap();
    for (number, layer) in (2..).zip(['2', '3', '4']) {
        let name = format!("app:{number}");
        let record = one(&format!("1.{number}"), Severity::High, Fix::default());
        let (subjects, findings) = scan(&name, layer, vec![record]);
        let offer = offered(&earlier, &subjects, &findings).remove(0);
        let carried = offer.carried(&findings[0], &subjects[0], Vec::new());
        let from = carried.carried_from.clone().unwrap();
        assert_eq!((from.entry, from.time), (number - 1, earlier[0].0.time));
        let recorded = entry(number, 0);
        assert_eq!(excuse_end(&carried, recorded.time, &policy), Some(end));
        earlier.push((recorded, carried));
    }
}

fn any_scan(layer: char) -> impl Strategy<Value = (Vec<Subject>, Vec<Finding>)> {
    prop::collection::vec(any_record(), 1..8)
        .prop_map(move |records| scan(&format!("app:{layer}"), layer, records))
}

fn any_word() -> impl Strategy<Value = (Decision, Option<Until>, Scope, i64)> {
    let until = prop_oneof![
        Just(Some(Until::Fixed)),
        Just(None),
        (0_i64..200).prop_map(|days| {
            let date = now() - chrono::TimeDelta::days(100) + chrono::TimeDelta::days(days);
            Some(Until::Date(date.date_naive()))
        }),
    ];
    (
        prop::sample::select(Decision::ALL.to_vec()),
        until,
        prop::sample::select(Scope::ALL.to_vec()),
        0_i64..120,
    )
}

proptest! {
    /// What a carried verdict says is what the earlier one said, about one finding of one image, and
    /// no longer.
    #[test]
    fn a_carry_never_excuses_more_than_the_earlier_verdict(
        before in any_scan('1'), after in any_scan('2'), words in prop::collection::vec(any_word(), 1..6),
        which in prop::collection::vec(any::<prop::sample::Index>(), 6), later in 0_i64..200,
    ) {
        prop_assume!(!before.1.is_empty());
        let policy = Policy::default();
        let earlier: Vec<(Recorded, Verdict)> = words
            .into_iter()
            .zip(&which)
            .enumerate()
            .map(|(number, ((decision, until, scope, days), which))| {
                let finding = which.get(&before.1);
                let mut said = verdict(decision, finding, &before.0[0]);
                said.scope = scope;
                if decision == Decision::AcceptRisk {
                    said.until = until;
                }
                (entry(number as u64 + 1, days), said)
            })
            .collect();
        let standing_now = stand(&earlier, &after.0, &after.1);
        let mut seen = BTreeSet::new();
        for offer in offered(&earlier, &after.0, &after.1) {
            let finding = &after.1[offer.finding];
            prop_assert!(seen.insert(offer.finding), "one offer a finding");
            prop_assert!(!offer.differences.is_empty());
            let holds = standing_now[offer.finding]
                .as_ref()
                .is_some_and(|taken| taken.standing == Standing::Current);
            prop_assert!(!holds && finding.suppressed_by.is_none());
            let (from, identity) = (&offer.verdict.finding, finding.package.identity());
            prop_assert!(from.package.same_package(&identity) && from.kind == finding.kind);
            prop_assert!(finding.ids().any(|id| from.ids.contains(id)));

            let carried = offer.carried(finding, &after.0[0], Vec::new());
            prop_assert_eq!(carried.decision, offer.verdict.decision);
            prop_assert_eq!(&carried.reason, &offer.verdict.reason);
            prop_assert_eq!(carried.until, offer.verdict.until);
            prop_assert_eq!(&carried.justification, &offer.verdict.justification);
            let named = carried.carried_from.as_ref().unwrap();
            prop_assert_eq!(&named.entry_sha256, &offer.recorded.entry_sha256);

            // It holds today, and ends no later than the earlier one does, whenever it is recorded.
            let ends = |verdict: &Verdict, time| excuse_end(verdict, time, &policy);
            let end = ends(&offer.verdict, offer.recorded.time);
            prop_assert_eq!(ends(&carried, now()), end);
            prop_assert!(end.is_none_or(|end| now() < end));
            let (state, why) = standing(&carried, now(), finding, &after.0[0], &policy, now());
            prop_assert_eq!(state, Standing::Current, "{:?}", why);
            let then = now() + chrono::TimeDelta::days(later);
            if end.is_some_and(|end| then >= end) {
                let (state, _) = standing(&carried, now(), finding, &after.0[0], &policy, then);
                prop_assert_eq!(state, Standing::Expired);
            }

            // One finding of one image.
            for (subjects, findings) in [&before, &after] {
                for other in findings {
                    let reached = applies(&carried, other, &subjects[0]);
                    prop_assert!(
                        !reached || (subjects[0] == after.0[0] && meets(&FindingRef::of(finding), other)),
                        "{:?}", other
                    );
                }
            }
        }
    }
}
