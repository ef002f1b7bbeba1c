//! The gate as a table: what is given, under which policy, and what the contract (§3, §6) says of it.
//!
//! Read it as documentation. A row says what closes the gate and what only warns; none of either is
//! an open gate without a word. How a class is worded is tested in `tests`.

mod matrix;

use super::case::{Case, high, of_kind};
use super::class::{
    APPROVAL, DESTINATION, DIGEST, DISAGREEMENT, FOUR_EYES, MISCONFIGURATION, NAME_ONLY,
    NOT_SCANNED, PARTIAL, REDUCED, REJECTED, REPORT_AGE, SCAN_FILTER, SECRET, STALE_VERDICT,
    SUPPRESSED, UNKNOWN_SEVERITY, UNREADABLE, UNSIGNED, VULNERABILITY,
};
use crate::model::{
    Decision, Fix, FixState, Format, ImageDecision, JoinRule, Kind, Record, Severity, Standing,
    SuppressedBy, Suppression,
};
use crate::triage::testing::{record, report};

/// What is given, the policy, what closes the gate, what warns.
struct Row(
    &'static str,
    &'static str,
    Case,
    &'static [&'static str],
    &'static [&'static str],
);

/// Writes rows as `"what is given": policy, case => [what closes it], [what warns];`.
macro_rules! rows {
    ($($name:literal: $policy:expr, $case:expr => $closes:expr, $warns:expr;)*) => {
        vec![$(Row($name, $policy, $case, &$closes, &$warns)),*]
    };
}

const DEFAULT: &str = "";
const EVERY_FIX_STATE: &str = "[gate]\nfixable = false";

/// A vulnerability that has a fix.
fn fixable(severity: Severity) -> Case {
    let mut found = high();
    found.severity = severity;
    Case::of(vec![found])
}

/// A vulnerability of this fix state, without a version.
fn without_fix(severity: Severity, state: FixState) -> Case {
    Case::of(vec![Record {
        fix: Fix {
            state,
            versions: Vec::new(),
        },
        ..record("CVE-1-1", &[], severity)
    }])
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

fn found(kind: Kind, severity: Severity) -> Case {
    Case::of(vec![of_kind(kind, severity)])
}

#[track_caller]
fn check(rows: Vec<Row>) -> usize {
    let count = rows.len();
    for Row(name, policy, case, closes, warns) in rows {
        let case = if policy.is_empty() {
            case
        } else {
            case.policy(policy)
        };
        assert_eq!(case.blockers(), closes, "closes it: {name} ({policy})");
        assert_eq!(case.warnings(), warns, "warns: {name} ({policy})");
        assert_eq!(case.ask().open, closes.is_empty(), "{name}");
    }
    count
}

/// `severity = "high"`, `fixable = true`: this and above, that have a fix.
fn severity_and_fix() -> Vec<Row> {
    use FixState::{Fixed, NotFixed, Unknown, WontFix};
    use Severity::{Critical, High, Low, Medium, Negligible};
    rows! {
        "nothing was found": DEFAULT, Case::clean() => [], [];
        "critical with a fix": DEFAULT, fixable(Critical) => [VULNERABILITY], [];
        "high with a fix": DEFAULT, fixable(High) => [VULNERABILITY], [];
        "medium with a fix is below": DEFAULT, fixable(Medium) => [], [];
        "low with a fix is below": DEFAULT, fixable(Low) => [], [];
        "negligible with a fix is below": DEFAULT, fixable(Negligible) => [], [];
        "medium where medium is asked for": "[gate]\nseverity = \"medium\"", fixable(Medium) => [VULNERABILITY], [];
        "negligible where that is asked for": "[gate]\nseverity = \"negligible\"", fixable(Negligible) => [VULNERABILITY], [];
        "high where critical is asked for": "[gate]\nseverity = \"critical\"", fixable(High) => [], [];
        "the key takes any case": "[gate]\nseverity = \"CRITICAL\"", fixable(Critical) => [VULNERABILITY], [];
        "what cannot be fixed does not close it": DEFAULT, without_fix(Critical, NotFixed) => [], [];
        "nor what will not be fixed": DEFAULT, without_fix(Critical, WontFix) => [], [];
        "nor what nobody says anything about": DEFAULT, without_fix(Critical, Unknown) => [], [];
        "`fixed` without a version is no fix": DEFAULT, without_fix(Critical, Fixed) => [], [];
        "unless all are asked for": EVERY_FIX_STATE, without_fix(High, NotFixed) => [VULNERABILITY], [];
        "all includes wont-fix": EVERY_FIX_STATE, without_fix(High, WontFix) => [VULNERABILITY], [];
        "all includes unknown": EVERY_FIX_STATE, without_fix(High, Unknown) => [VULNERABILITY], [];
        "all are still of the severity": EVERY_FIX_STATE, without_fix(Medium, NotFixed) => [], [];
        "the highest severity and any fix count where reports differ": DEFAULT,
            without_fix(High, Unknown).with(report("grype", vec![Record { severity: Low, ..high() }])) => [VULNERABILITY], [];
    }
}

/// `unknown_severity = "warn"`: deny | warn | allow.
fn unknown_severity() -> Vec<Row> {
    use Severity::Unknown;
    const DENY: &str = "[gate]\nunknown_severity = \"deny\"";
    const ALLOW: &str = "[gate]\nunknown_severity = \"allow\"";
    let unfixed = || without_fix(Unknown, FixState::NotFixed);
    rows! {
        "nobody rated it": DEFAULT, fixable(Unknown) => [], [UNKNOWN_SEVERITY];
        "denied": DENY, fixable(Unknown) => [UNKNOWN_SEVERITY], [];
        "allowed": ALLOW, fixable(Unknown) => [], [];
        "unrated and without a fix": DENY, unfixed() => [], [];
        "unrated, without a fix, all asked for": "[gate]\nunknown_severity = \"deny\"\nfixable = false", unfixed() => [UNKNOWN_SEVERITY], [];
        "`unknown` and above is everything": "[gate]\nseverity = \"unknown\"\nunknown_severity = \"allow\"", fixable(Unknown) => [VULNERABILITY], [];
        "denied, and excused": DENY, fixable(Unknown).decided(Decision::NotAffected, Standing::Current) => [], [];
    }
}

/// `secrets`, `misconfiguration`; licences and hygiene have no key.
fn other_kinds() -> Vec<Row> {
    use Decision::{AcceptRisk, Affected, FalsePositive, NotAffected, UnderInvestigation};
    use Kind::{Hygiene, License, Misconfiguration, Secret};
    use Severity::{Critical, High, Low, Medium, Unknown};
    use Standing::{Current, Stale};
    let secret = || found(Secret, Low);
    let excused = |decision| secret().decided(decision, Current);
    rows! {
        "a secret of any severity": DEFAULT, secret() => [SECRET], [];
        "an unrated secret": DEFAULT, found(Secret, Unknown) => [SECRET], [];
        "secrets only warn": "[gate]\nsecrets = \"warn\"", secret() => [], [SECRET];
        "secrets are allowed": "[gate]\nsecrets = \"allow\"", secret() => [], [];
        "a secret that is none": DEFAULT, excused(FalsePositive) => [], [];
        "a secret is no risk to accept": DEFAULT, excused(AcceptRisk) => [SECRET], [];
        "a secret always affects": DEFAULT, excused(NotAffected) => [SECRET], [];
        "a secret somebody looks into": DEFAULT, excused(UnderInvestigation) => [SECRET], [];
        "a secret that affects": DEFAULT, excused(Affected) => [SECRET], [];
        "a stale false positive": DEFAULT, secret().decided(FalsePositive, Stale) => [SECRET], [STALE_VERDICT];
        "a misconfiguration at its severity": DEFAULT, found(Misconfiguration, High) => [MISCONFIGURATION], [];
        "a misconfiguration below": DEFAULT, found(Misconfiguration, Medium) => [], [];
        "has a threshold of its own": "[gate]\nseverity = \"critical\"\nmisconfiguration = \"medium\"",
            found(Misconfiguration, Medium) => [MISCONFIGURATION], [];
        "misconfigurations are off": "[gate]\nmisconfiguration = \"off\"", found(Misconfiguration, Critical) => [], [];
        "an accepted misconfiguration": DEFAULT, found(Misconfiguration, High).decided(AcceptRisk, Current) => [], [];
        "a licence": DEFAULT, found(License, Critical) => [], [];
        "image hygiene": DEFAULT, found(Hygiene, Critical) => [], [];
    }
}

/// "Excuse a finding": the decisions, their ends, and what is stale.
fn verdicts() -> Vec<Row> {
    use Decision::{AcceptRisk, Affected, FalsePositive, NotAffected, UnderInvestigation};
    use Severity::High;
    use Standing::{Current, Expired, Stale};
    const CLOSED: [&str; 1] = [VULNERABILITY];
    const LAPSED: [&str; 1] = [STALE_VERDICT];
    let decided = |decision, standing| fixable(High).decided(decision, standing);
    let accepted = |until, days| fixable(High).taken(AcceptRisk, until, days, |_| {});
    rows! {
        "an accepted risk": DEFAULT, decided(AcceptRisk, Current) => [], [];
        "not affected": DEFAULT, decided(NotAffected, Current) => [], [];
        "a false positive": DEFAULT, decided(FalsePositive, Current) => [], [];
        "affected excuses nothing": DEFAULT, decided(Affected, Current) => CLOSED, [];
        "looking into it excuses nothing": DEFAULT, decided(UnderInvestigation, Current) => CLOSED, [];
        "a stale acceptance": DEFAULT, decided(AcceptRisk, Stale) => CLOSED, LAPSED;
        "an expired acceptance": DEFAULT, decided(AcceptRisk, Expired) => CLOSED, LAPSED;
        "a stale `not affected`": DEFAULT, decided(NotAffected, Stale) => CLOSED, LAPSED;
        "a stale false positive": DEFAULT, decided(FalsePositive, Stale) => CLOSED, LAPSED;
        // Now is 2026-05-01, noon.
        "accepted until today, to the end of the day": DEFAULT, accepted("2026-05-01", 10) => [], [];
        "accepted until yesterday": DEFAULT, accepted("2026-04-30", 10) => CLOSED, LAPSED;
        "accepted 89 days ago until fixed": DEFAULT, accepted("fixed", 89) => [], [];
        "accepted 90 days ago, the longest time": DEFAULT, accepted("fixed", 90) => CLOSED, LAPSED;
        "the longest time comes before the date": DEFAULT, accepted("2026-12-31", 91) => CLOSED, LAPSED;
        "a shorter longest time": "[approval]\nrisk_acceptance_max = \"1w\"", accepted("fixed", 8) => CLOSED, LAPSED;
        "no longest time": "[approval]\nrisk_acceptance_max = \"off\"", accepted("fixed", 4_000) => [], [];
        "accepted without an end": DEFAULT, accepted("", 1) => CLOSED, LAPSED;
        "accepted until fixed, and a fix appeared": DEFAULT,
            fixable(High).taken(AcceptRisk, "fixed", 1, |then| then.fix = Fix::default()) => CLOSED, LAPSED;
        "the severity rose since": DEFAULT, fixable(High).taken(NotAffected, "", 1, |then| then.severity = Severity::Medium) => CLOSED, LAPSED;
        "the severity fell since": DEFAULT, fixable(High).taken(NotAffected, "", 1, |then| { then.severity = Severity::Critical }) => [], [];
        "what scanners suppress is no verdict, and is shown": DEFAULT,
            hidden(SuppressedBy::Scanner, high()) => [], [SUPPRESSED];
    }
}

/// `suppressed`: what a finding does that would close the gate and that a file or the scanner hides.
fn suppressions() -> Vec<Row> {
    use SuppressedBy::{Document, Scanner};
    const DENY: &str = "[gate]\nsuppressed = \"deny\"";
    const ALLOW: &str = "[gate]\nsuppressed = \"allow\"";
    let secret = || of_kind(Kind::Secret, Severity::High);
    let low = || record("CVE-1-1", &[], Severity::Low);
    let verdict = |standing| hidden(Document, high()).decided(Decision::NotAffected, standing);
    rows! {
        "a file hides it": DEFAULT, hidden(Document, high()) => [], [SUPPRESSED];
        "a file hides it, denied": DENY, hidden(Document, high()) => [SUPPRESSED], [];
        "the scanner hides it, denied": DENY, hidden(Scanner, high()) => [SUPPRESSED], [];
        "a file hides it, allowed": ALLOW, hidden(Document, high()) => [], [];
        "what would not close it may be hidden": DENY, hidden(Document, low()) => [], [];
        "no file excuses a secret": ALLOW, hidden(Document, secret()) => [SECRET], [];
        "hidden, and a person says the same": DENY, verdict(Standing::Current) => [], [];
        "hidden, and a person said so once": DENY, verdict(Standing::Stale) => [SUPPRESSED], [];
    }
}

/// "Looked": a vulnerability result about this very subject, joined by identity, read whole.
fn who_looked() -> Vec<Row> {
    const BOTH: &str = "[gate]\nscanners = [\"trivy\", \"grype\"]";
    let grype = || report("grype", vec![]);
    let mut config_only = grype();
    config_only.looked_for_vulnerabilities = false;
    let of = |format| Case::clean().change(move |report| report.format = format);
    let joined = |rule| Case::clean().joined_by(rule);
    rows! {
        "one scanner has looked": DEFAULT, Case::clean() => [], [];
        "no scanner looked for vulnerabilities": DEFAULT,
            Case::clean().change(|report| report.looked_for_vulnerabilities = false) => [NOT_SCANNED], [];
        "an input was unreadable": DEFAULT, Case::clean().unreadable(1) => [UNREADABLE], [];
        "a report was read in part": DEFAULT, Case::clean().partial() => [PARTIAL, NOT_SCANNED], [];
        "a part of one of two": DEFAULT, Case::clean().partial().with(grype()) => [PARTIAL], [];
        "everything at once": BOTH, Case::clean().partial().unreadable(2) => [UNREADABLE, PARTIAL, NOT_SCANNED, NOT_SCANNED, NOT_SCANNED], [];
        "joined by layers": DEFAULT, joined(JoinRule::DiffIds) => [], [];
        "joined by manifest digest": DEFAULT, joined(JoinRule::ManifestDigest) => [], [];
        "joined by repository digest": DEFAULT, joined(JoinRule::RepoDigest) => [], [];
        "joined by image ID": DEFAULT, joined(JoinRule::ImageId) => [], [];
        "joined by name alone": DEFAULT, joined(JoinRule::Name) => [NAME_ONLY], [NAME_ONLY];
        "attached by hand": DEFAULT, joined(JoinRule::Asserted) => [NOT_SCANNED], [NAME_ONLY];
        "SARIF leaves out what decides": DEFAULT, of(Format::Sarif) => [NOT_SCANNED], [REDUCED];
        "so do CycloneDX vulnerabilities": DEFAULT, of(Format::CyclonedxJson) => [NOT_SCANNED], [REDUCED];
        "and the operator's resources": DEFAULT, of(Format::TrivyOperator) => [NOT_SCANNED], [REDUCED];
        "Grype's own format": DEFAULT, of(Format::GrypeJson) => [], [];
        "both asked for, one has looked": BOTH, Case::clean() => [NOT_SCANNED], [];
        "both asked for, both have": BOTH, Case::clean().with(grype()) => [], [];
        "both asked for, one looked for configuration only": BOTH, Case::clean().with(config_only) => [NOT_SCANNED], [];
        "names of scanners in any case": "[gate]\nscanners = [\"Trivy\"]", Case::clean() => [], [];
        "findings do not make a scan": DEFAULT, fixable(Severity::High).partial() => [PARTIAL, NOT_SCANNED, VULNERABILITY], [];
    }
}

/// `max_report_age`; "a report without a date is too old".
fn age() -> Vec<Row> {
    const WEEK: &str = "[gate]\nmax_report_age = \"7d\"";
    let made = |days| Case::clean().made_days_ago(Some(days));
    let old = || {
        let mut old = report("trivy", vec![]);
        old.origin.path = "old.json".into();
        old.created = None;
        old
    };
    rows! {
        "age does not matter": DEFAULT, made(4_000) => [], [];
        "as old as allowed": WEEK, made(7) => [], [];
        "older": WEEK, made(8) => [REPORT_AGE], [];
        "without a date": WEEK, Case::clean().made_days_ago(None) => [REPORT_AGE], [];
        "without a date, and age does not matter": DEFAULT, Case::clean().made_days_ago(None) => [], [];
        "a fresh one beside an old one of the same scanner": WEEK, made(1).with(old()) => [], [];
        "hours": "[gate]\nmax_report_age = \"12h\"", made(1) => [REPORT_AGE], [];
    }
}

/// "A filter recorded in the report that is narrower than the policy closes; an inferred one warns."
fn filters() -> Vec<Row> {
    let with = |name, value, recorded| Case::clean().option(name, value, recorded);
    rows! {
        "fixed ones only, and no others asked for": DEFAULT, with("only-fixed", "true", true) => [], [];
        "fixed ones only, recorded": EVERY_FIX_STATE, with("only-fixed", "true", true) => [SCAN_FILTER], [];
        "fixed ones only, inferred": EVERY_FIX_STATE, with("ignore-unfixed", "true", false) => [], [SCAN_FILTER];
        "wont-fix left out, recorded": EVERY_FIX_STATE, with("ignore-wontfix", "true", true) => [SCAN_FILTER], [];
        "an option that is off": EVERY_FIX_STATE, with("only-fixed", "false", true) => [], [];
        "unfixed ones only, recorded": DEFAULT, with("only-notfixed", "true", true) => [SCAN_FILTER], [];
        "a part of the image left out, recorded": DEFAULT, with("exclude", "./usr/**", true) => [SCAN_FILTER], [];
        "critical only, recorded": DEFAULT, with("severity", "CRITICAL", true) => [SCAN_FILTER], [];
        "critical only, inferred": DEFAULT, with("severity", "CRITICAL", false) => [], [SCAN_FILTER];
        "critical only, and only those asked for": "[gate]\nseverity = \"critical\"\nunknown_severity = \"allow\"",
            with("severity", "CRITICAL", true) => [], [];
        "high and critical: the unrated are hidden": DEFAULT, with("severity", "HIGH,CRITICAL", true) => [], [SCAN_FILTER];
        "high and critical, unrated denied": "[gate]\nunknown_severity = \"deny\"", with("severity", "HIGH,CRITICAL", true) => [SCAN_FILTER], [];
        "ids by CVE hide nothing": EVERY_FIX_STATE, with("by-cve", "true", true) => [], [];
    }
}

/// `disagreement_note`: a disagreement at the gate's severity needs a verdict, of any kind.
fn disagreements() -> Vec<Row> {
    use Severity::{High, Medium};
    const NOTE: &str = "[gate]\ndisagreement_note = true";
    let disputed = |severity| without_fix(severity, FixState::Unknown).disputed();
    let noted = |decision, standing| disputed(High).decided(decision, standing);
    rows! {
        "nobody asks for a word": DEFAULT, disputed(High) => [], [];
        "a word is asked for": NOTE, disputed(High) => [DISAGREEMENT], [];
        "below the severity it is not": NOTE, disputed(Medium) => [], [];
        "affected is a word": NOTE, noted(Decision::Affected, Standing::Current) => [], [];
        "a stale one is none": NOTE, noted(Decision::Affected, Standing::Stale) => [DISAGREEMENT], [];
        "with a fix it closes twice": NOTE, fixable(High).disputed() => [VULNERABILITY, DISAGREEMENT], [];
    }
}

/// `[approval]`, for a promotion; a rejection counts always.
fn people() -> Vec<Row> {
    use ImageDecision::{Approve, Reject};
    const TWO: &str = "[approval]\nrequired = 2";
    const DENY: &str = "[approval]\nfour_eyes = \"deny\"";
    const KEYS: &str = "[approval]\ntrusted_keys = [\"keys/a.pub\"]";
    let by = |who: &[&str]| {
        let names = who.iter();
        names.fold(Case::clean().promoted_by("promoter"), |case, name| {
            case.approved(name, Approve, None)
        })
    };
    let signed = |key| {
        Case::clean()
            .promoted_by("promoter")
            .trusting(&['1'])
            .approved("first", Approve, Some(key))
    };
    let lapsed = || {
        let mut case = by(&["first"]);
        case.approvals[0].standing = Standing::Stale;
        case
    };
    rows! {
        "approvals count for promotions only": TWO, Case::clean() => [], [];
        "nobody approved": DEFAULT, by(&[]) => [APPROVAL], [];
        "one did, unsigned": DEFAULT, by(&["first"]) => [], [UNSIGNED];
        "none needed": "[approval]\nrequired = 0", by(&[]) => [], [];
        "one of two": TWO, by(&["first"]) => [APPROVAL], [UNSIGNED];
        "the same person twice": TWO, by(&["first", "First"]) => [APPROVAL], [UNSIGNED];
        "two of two": TWO, by(&["first", "second"]) => [], [UNSIGNED];
        "an approval that is stale": DEFAULT, lapsed() => [APPROVAL], [];
        "the promoter is the only reviewer": DEFAULT, by(&["promoter"]) => [], [UNSIGNED, FOUR_EYES];
        "the promoter alone, denied": DENY, by(&["promoter"]) => [FOUR_EYES], [UNSIGNED];
        "the promoter alone, off": "[approval]\nfour_eyes = \"off\"", by(&["promoter"]) => [], [UNSIGNED];
        "the promoter and another": DENY, by(&["promoter", "first"]) => [], [UNSIGNED];
        "unsigned where keys are trusted": KEYS, by(&["first"]).trusting(&['1']) => [APPROVAL], [];
        "signed by a trusted key": KEYS, signed('1') => [], [];
        "signed by another key": KEYS, signed('2') => [APPROVAL], [];
        "rejected": DEFAULT, Case::clean().approved("first", Reject, None) => [REJECTED], [];
        "rejected by one, approved by another": DEFAULT, Case::clean().approved("first", Reject, None).approved("second", Approve, None) => [REJECTED], [];
        "withdrawn by who rejected": DEFAULT, Case::clean().approved("first", Reject, None).approved("first", Approve, None) => [], [];
        "approved, then rejected by the same": DEFAULT, Case::clean().approved("first", Approve, None).approved("first", Reject, None) => [REJECTED], [];
    }
}

/// Destination and digest, for a promotion. How tags move is the plan's rule, not the gate's.
fn places() -> Vec<Row> {
    const FREE: &str = "[approval]\nrequired = 0";
    const BASE: &str =
        "[approval]\nrequired = 0\n[promotion]\ndestinations = [\"*.example/base/*\"]";
    let promoted = || Case::clean().promoted_by("promoter");
    let mut nameless = promoted().change(|report| {
        report.claim.manifest_digest = None;
        report.claim.diff_ids.clear();
    });
    nameless.promotion.as_mut().unwrap().digest = None;
    rows! {
        "any destination": FREE, promoted() => [], [];
        "one of the policy's": BASE, promoted().to("registry.example/base/app") => [], [];
        "another": BASE, promoted().to("registry.example/other/app") => [DESTINATION], [];
        "a longer name around it": BASE, promoted().to("registry.example.org/base/app") => [DESTINATION], [];
        "another digest than was reviewed": FREE, promoted().of_digest('9') => [DIGEST], [];
        "no document names a digest": FREE, nameless => [DIGEST], [];
        "tags that must not move are the plan's business": "[approval]\nrequired = 0\n[promotion]\nmove_tags = \"deny\"\nsign = \"optional\"\nplatforms = \"all\"\nreferrers = \"none\"",
            promoted() => [], [];
    }
}

#[test]
fn the_gate_answers_as_the_contract_says() {
    let groups = [
        severity_and_fix(),
        unknown_severity(),
        other_kinds(),
        verdicts(),
        suppressions(),
        who_looked(),
        age(),
        filters(),
        disagreements(),
        people(),
        places(),
    ];
    let count: usize = groups.into_iter().map(check).sum();
    assert!(count > 60, "{count} rows");
}
