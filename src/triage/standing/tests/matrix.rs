//! Every kind of change against every kind of verdict, and what the contract (§6) says of it.
//!
//! The rules are written a second time here, as sentences over decision, scope and end; the words of
//! `stale_because` have to name what was and what is.

use super::*;
use crate::model::{JoinRule, Report};
use crate::triage::testing::report;

/// What happened since the verdict was taken.
struct Change {
    name: &'static str,
    make: fn(&mut Finding, &mut Subject),
    /// What the rules say.
    says: fn(Kinds) -> Says,
}

/// The kind of a verdict.
#[derive(Clone, Copy, Debug)]
struct Kinds {
    decision: Decision,
    scope: Scope,
    until: Option<Until>,
}

/// The standing, and words that have to be in its reason.
type Says = (Standing, &'static [&'static str]);

const DATE: &str = "2026-05-20";

impl Kinds {
    /// Every decision, scope and end. Only an accepted risk takes an end; others must not mind one.
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for decision in Decision::ALL {
            for scope in Scope::ALL {
                for until in [None, DATE.parse().ok(), Some(Until::Fixed)] {
                    all.push(Self {
                        decision,
                        scope,
                        until,
                    });
                }
            }
        }
        all
    }

    fn accepts(self) -> bool {
        self.decision == Decision::AcceptRisk
    }
}

const HOLDS: Says = (Standing::Current, &[]);

fn stale(words: &'static [&'static str]) -> Says {
    (Standing::Stale, words)
}

fn holds(_: Kinds) -> Says {
    HOLDS
}

fn other_layers(subject: &mut Subject) {
    subject.diff_ids = vec![digest('9')];
    subject.manifest_digest = Some(digest('9'));
}

/// The evidence: CVE-1-1 (GHSA-1) in a 1, high, not fixed; on app:1.
fn changes() -> Vec<Change> {
    let mut changes = vec![Change {
        name: "nothing",
        make: |_, _| {},
        says: holds,
    }];
    changes.extend(of_evidence());
    changes.extend(of_identity());
    changes.extend(of_image());
    changes
}

fn of_evidence() -> Vec<Change> {
    vec![
        Change {
            name: "the severity rose",
            make: |finding, _| finding.severity = Severity::Critical,
            says: |_| stale(&["severity rose", "from high to critical"]),
        },
        Change {
            name: "the severity fell",
            make: |finding, _| finding.severity = Severity::Low,
            says: holds,
        },
        Change {
            name: "nobody rates it any more",
            make: |finding, _| finding.severity = Severity::Unknown,
            says: holds,
        },
        Change {
            name: "the fix state changed, without a fix",
            make: |finding, _| finding.fix.state = FixState::WontFix,
            says: |_| stale(&["fix state changed from not-fixed to wont-fix"]),
        },
        Change {
            name: "a fix appeared",
            make: |finding, _| finding.fix = fixed(&["2"]),
            says: |kinds| {
                if kinds.accepts() && kinds.until == Some(Until::Fixed) {
                    (Standing::Expired, &["a fix appeared: 2"])
                } else {
                    stale(&["fix state changed from not-fixed to fixed"])
                }
            },
        },
    ]
}

fn of_identity() -> Vec<Change> {
    vec![
        Change {
            name: "an alias was added",
            make: |finding, _| finding.aliases.push(VulnerabilityId::new("GO-2026-1")),
            says: holds,
        },
        Change {
            name: "an alias is gone",
            make: |finding, _| finding.aliases.clear(),
            says: holds,
        },
        Change {
            name: "all ids changed",
            make: |finding, _| {
                finding.id = VulnerabilityId::new("CVE-1-9");
                finding.aliases.clear();
            },
            says: |_| {
                stale(&[
                    "another finding",
                    "CVE-1-1, GHSA-1 in a 1",
                    "not CVE-1-9 in a 1",
                ])
            },
        },
        Change {
            name: "another CVE of the same advisory",
            make: |finding, _| finding.id = VulnerabilityId::new("CVE-1-9"),
            says: |_| stale(&["another finding", "CVE-1-1", "not CVE-1-9"]),
        },
        Change {
            name: "the package's version changed",
            make: |finding, _| finding.package.version = "1.1".into(),
            says: |kinds| match kinds.scope {
                Scope::Package => HOLDS,
                Scope::Finding | Scope::Repository | Scope::Everywhere => {
                    stale(&["another finding", "in a 1, not", "in a 1.1"])
                }
            },
        },
        Change {
            name: "another package",
            make: |finding, _| finding.package.name = "b".into(),
            says: |_| stale(&["another finding", "in a 1, not", "in b 1"]),
        },
    ]
}

fn of_image() -> Vec<Change> {
    vec![
        Change {
            name: "another image of the repository",
            make: |_, subject| {
                other_layers(subject);
                subject.name = "app:2".into();
            },
            says: |kinds| match kinds.scope {
                Scope::Finding => stale(&["taken on app:1", "this is app:2", "scope is finding"]),
                Scope::Package => stale(&["taken on app:1", "this is app:2", "scope is package"]),
                Scope::Repository | Scope::Everywhere => HOLDS,
            },
        },
        Change {
            name: "the same name, built anew",
            make: |_, subject| other_layers(subject),
            says: |kinds| match kinds.scope {
                Scope::Finding | Scope::Package => {
                    stale(&["app:1 (aaaaaaaaaaaa)", "app:1 (999999999999)"])
                }
                Scope::Repository | Scope::Everywhere => HOLDS,
            },
        },
        Change {
            name: "an image of another repository",
            make: |_, subject| {
                other_layers(subject);
                subject.name = "other:1".into();
            },
            says: |kinds| match kinds.scope {
                Scope::Finding => stale(&["taken on app:1", "this is other:1", "scope is finding"]),
                Scope::Package => stale(&["taken on app:1", "this is other:1", "scope is package"]),
                Scope::Repository => stale(&["this is other:1", "scope is repository"]),
                Scope::Everywhere => HOLDS,
            },
        },
        Change {
            name: "a report is gone",
            make: |_, subject| subject.reports.clear(),
            says: holds,
        },
        Change {
            name: "a report was joined by another rule",
            make: |_, subject| subject.reports = vec![(0, JoinRule::RepoDigest)],
            says: holds,
        },
    ]
}

/// A verdict of this kind, taken on the evidence.
fn taken(kinds: Kinds, fix: Fix) -> (Verdict, Finding, Subject) {
    let mut found = record("CVE-1-1", &["GHSA-1"], Severity::High);
    found.fix = fix;
    let (subjects, joined) = joined(&[report("trivy", vec![found])]);
    let (finding, subject) = (joined.findings[0].clone(), subjects[0].clone());
    let verdict = Verdict {
        decision: kinds.decision,
        reason: "known".into(),
        until: kinds.until,
        justification: None,
        scope: kinds.scope,
        finding: FindingRef::of(&finding),
        subject: SubjectRef::of(&subject),
        reports: Vec::new(),
        carried_from: None,
    };
    (verdict, finding, subject)
}

fn not_fixed() -> Fix {
    Fix {
        state: FixState::NotFixed,
        versions: Vec::new(),
    }
}

#[track_caller]
fn expect(found: &(Standing, Option<String>), (expected, words): Says, what: &str) {
    assert_eq!(found.0, expected, "{what}: {:?}", found.1);
    assert_eq!(found.1.is_none(), expected == Standing::Current, "{what}");
    let because = found.1.as_deref().unwrap_or_default();
    for word in words {
        assert!(because.contains(word), "{what}: `{because}` lacks `{word}`");
    }
}

#[test]
fn every_change_to_every_verdict() {
    let mut count = 0;
    for kinds in Kinds::all() {
        for change in changes() {
            let (verdict, mut finding, mut subject) = taken(kinds, not_fixed());
            (change.make)(&mut finding, &mut subject);
            let recorded = now() - chrono::TimeDelta::days(10);
            let policy = Policy::default();
            let found = standing(&verdict, recorded, &finding, &subject, &policy, now());
            let what = format!("{} to {kinds:?}", change.name);
            let says = if kinds.accepts() && kinds.until.is_none() {
                // Nothing but an end makes an accepted risk one.
                (Standing::Expired, &["names no end"][..])
            } else {
                (change.says)(kinds)
            };
            expect(&found, says, &what);
            count += 1;
        }
    }
    assert_eq!(count, 60 * 17);
}

#[test]
fn every_change_of_the_fixing_versions() {
    type Case = (&'static [&'static str], Option<&'static [&'static str]>);
    let cases: [Case; 5] = [
        (&["2", "3"], None),
        (&["3", "2"], None),
        (&["2"], Some(&["fixed versions changed from 2, 3 to 2"])),
        (&["2", "3", "4"], Some(&["from 2, 3 to 2, 3, 4"])),
        (&[], Some(&["from 2, 3 to none"])),
    ];
    for kinds in Kinds::all() {
        for (versions, words) in cases {
            let (verdict, mut finding, subject) = taken(kinds, fixed(&["2", "3"]));
            finding.fix = fixed(versions);
            let found = standing(
                &verdict,
                now(),
                &finding,
                &subject,
                &Policy::default(),
                now(),
            );
            let says = if kinds.accepts() && kinds.until.is_none() {
                (Standing::Expired, &["names no end"][..])
            } else {
                words.map_or(HOLDS, stale)
            };
            expect(&found, says, &format!("{versions:?} to {kinds:?}"));
        }
    }
}

#[test]
fn every_end_that_passes() {
    for kinds in Kinds::all() {
        let (verdict, finding, subject) = taken(kinds, not_fixed());
        let at = |time: &str, days: i64, policy: &str| {
            let now = time.parse().unwrap();
            let recorded = now - chrono::TimeDelta::days(days);
            let policy = policy.parse().unwrap();
            standing(&verdict, recorded, &finding, &subject, &policy, now)
        };
        let endless = kinds.until.is_none();
        let expired = |words: &'static [&'static str]| -> Says {
            match kinds.accepts() {
                false => HOLDS,
                true if endless => (Standing::Expired, &["names no end"]),
                true => (Standing::Expired, words),
            }
        };
        let lasting = || if endless { expired(&[]) } else { HOLDS };
        let dated = || match kinds.until {
            Some(Until::Fixed) => HOLDS,
            Some(Until::Date(_)) | None => expired(&["until 2026-05-20"]),
        };
        let what = format!("{kinds:?}");
        expect(&at("2026-05-20T23:59:59Z", 30, ""), lasting(), &what);
        expect(&at("2026-05-21T00:00:00Z", 30, ""), dated(), &what);
        expect(&at("2026-05-10T00:00:00Z", 89, ""), lasting(), &what);
        expect(
            &at("2026-05-10T00:00:00Z", 90, ""),
            expired(&["for 90d at most"]),
            &what,
        );
        let week = "[approval]\nrisk_acceptance_max = \"7d\"";
        expect(
            &at("2026-05-10T00:00:00Z", 7, week),
            expired(&["for 7d at most"]),
            &what,
        );
        let off = "[approval]\nrisk_acceptance_max = \"off\"";
        expect(&at("2026-05-10T00:00:00Z", 9_000, off), lasting(), &what);
    }
}

#[test]
fn a_fresh_report_with_the_same_evidence_renews_every_verdict() {
    let recorded = now() - chrono::TimeDelta::days(10);
    let made = |name: &str, days: Option<i64>| {
        let mut found = record("CVE-1-1", &["GHSA-1"], Severity::High);
        found.fix = not_fixed();
        let mut report = report("trivy", vec![found]);
        report.origin.sha256 = Digest::of(name.as_bytes());
        report.created = days.map(|days| now() - chrono::TimeDelta::days(days));
        report
    };
    let renewed = |kinds: Kinds, reports: &[Report]| {
        let (mut verdict, _, _) = taken(kinds, not_fixed());
        verdict.reports = vec![Digest::of(b"then")];
        let (_, joined) = joined(reports);
        let reports: Vec<Arc<Report>> = reports.iter().cloned().map(Arc::new).collect();
        renewed_by(&verdict, recorded, &joined.findings[0], &reports)
    };
    for kinds in Kinds::all() {
        let fresh = [Digest::of(b"fresh")];
        assert_eq!(renewed(kinds, &[made("then", Some(11))]), []);
        assert_eq!(renewed(kinds, &[made("fresh", Some(1))]), fresh);
        let both = [made("then", Some(11)), made("fresh", Some(1))];
        assert_eq!(renewed(kinds, &both), fresh);
        // The same bytes again, an older report, and one without a date renew nothing.
        assert_eq!(renewed(kinds, &[made("then", Some(1))]), []);
        assert_eq!(renewed(kinds, &[made("older", Some(20))]), []);
        assert_eq!(renewed(kinds, &[made("undated", None)]), []);
        // A lower severity leaves the verdict as it is, but it is other evidence.
        let mut milder = made("milder", Some(1));
        milder.records[0].severity = Severity::Low;
        assert_eq!(renewed(kinds, &[milder]), []);
    }
}
