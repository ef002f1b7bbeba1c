//! Standing: whether a recorded verdict still holds on today's evidence.
//!
//! Which ledger entries apply to which finding is found in `review`; the rules are here.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Days, NaiveTime, Utc};

use crate::model::{
    Decision, Digest, Finding, FindingKey, FindingRef, Fix, Fixable, ImageDecision, ImageReference,
    ImageVerdict, Kind, Location, PackageIdentity, Report, Scope, Standing, Subject, SubjectRef,
    Until, Verdict, VulnerabilityId,
};
use crate::triage::policy::Policy;

/// How many findings are named where a set changed.
const MOST_NAMED: usize = 3;

/// Returns when an accepted risk ends: the earlier of its date's end of day and the policy's
/// longest time, counted from when it was recorded, or from when the first verdict that it carries
/// over was. None for other decisions.
#[must_use]
pub fn excuse_end(
    verdict: &Verdict,
    recorded: DateTime<Utc>,
    policy: &Policy,
) -> Option<DateTime<Utc>> {
    if verdict.decision != Decision::AcceptRisk {
        return None;
    }
    let of_date = match verdict.until {
        Some(Until::Date(date)) => Some(
            date.checked_add_days(Days::new(1))
                .unwrap_or(date)
                .and_time(NaiveTime::MIN)
                .and_utc(),
        ),
        Some(Until::Fixed) | None => None,
    };
    let carried = verdict.carried_from.as_ref();
    let first = carried.map_or(recorded, |from| from.time.min(recorded));
    let longest = policy
        .approval
        .risk_acceptance_max
        .0
        .and_then(|longest| first.checked_add_signed(longest));
    of_date.into_iter().chain(longest).min()
}

/// Returns whether a finding's verdict speaks of this finding on this subject at all: kind,
/// package, version and ids meet, and the subject is within its scope.
#[must_use]
pub fn applies(verdict: &Verdict, finding: &Finding, subject: &Subject) -> bool {
    is_about(verdict, finding) && is_within_scope(verdict, subject)
}

/// What a verdict is held against: a finding of today, or one that an earlier verdict was taken on.
pub(super) struct Against<'a> {
    kind: Kind,
    package: PackageIdentity,
    locations: &'a [Location],
    ids: Vec<&'a VulnerabilityId>,
}

impl<'a> From<&'a Finding> for Against<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            kind: finding.kind,
            package: finding.package.identity(),
            locations: &finding.package.locations,
            ids: finding.ids().collect(),
        }
    }
}

impl<'a> From<&'a FindingRef> for Against<'a> {
    fn from(finding: &'a FindingRef) -> Self {
        Self {
            kind: finding.kind,
            package: finding.package.clone(),
            locations: &finding.locations,
            ids: finding.ids.iter().collect(),
        }
    }
}

/// Returns whether a verdict is about this finding, wherever it is.
pub(super) fn is_about<'a>(verdict: &Verdict, finding: impl Into<Against<'a>>) -> bool {
    let finding = finding.into();
    let bound = &verdict.finding;
    let any_version = verdict.scope == Scope::Package;
    (any_version || bound.package.version == finding.package.version) && is_same(bound, &finding)
}

/// Returns whether a verdict was taken on this finding, versions aside: kind, package, place and
/// ids meet.
pub(super) fn meets(bound: &FindingRef, finding: &Finding) -> bool {
    is_same(bound, &finding.into())
}

fn is_same(bound: &FindingRef, finding: &Against<'_>) -> bool {
    let same_place = finding.kind == Kind::Vulnerability
        || paths(&bound.locations) == paths(finding.locations)
        || !paths(&bound.locations).is_disjoint(&paths(finding.locations));
    bound.kind == finding.kind
        && bound.package.same_package(&finding.package)
        && same_place
        && ids_meet(&bound.ids, &finding.ids)
}

pub(super) fn paths(locations: &[Location]) -> BTreeSet<&str> {
    locations
        .iter()
        .map(|location| location.path.trim_start_matches('/'))
        .collect()
}

/// An id in common; but a verdict on one CVE says nothing about another that shares an advisory.
fn ids_meet(bound: &[VulnerabilityId], found: &[&VulnerabilityId]) -> bool {
    let ours: BTreeSet<&VulnerabilityId> = bound.iter().collect();
    let theirs: BTreeSet<&VulnerabilityId> = found.iter().copied().collect();
    let cves = |ids: &BTreeSet<&VulnerabilityId>| -> BTreeSet<VulnerabilityId> {
        ids.iter()
            .filter(|id| id.is_cve())
            .map(|id| (*id).clone())
            .collect()
    };
    let (our_cves, their_cves) = (cves(&ours), cves(&theirs));
    let other_cve =
        !our_cves.is_empty() && !their_cves.is_empty() && our_cves.is_disjoint(&their_cves);
    !other_cve && !ours.is_disjoint(&theirs)
}

pub(super) fn is_within_scope(verdict: &Verdict, subject: &Subject) -> bool {
    match verdict.scope {
        Scope::Finding | Scope::Package => verdict.subject.is_image(subject),
        Scope::Repository => is_of_repository(&verdict.subject, subject),
        Scope::Everywhere => true,
    }
}

/// Returns whether both are images of one repository, or the same image.
pub(super) fn is_of_repository(bound: &SubjectRef, subject: &Subject) -> bool {
    let ours = repositories(&bound.name, &bound.repo_digests, &[]);
    let theirs = repositories(&subject.name, &subject.repo_digests, &subject.tags);
    !ours.is_disjoint(&theirs) || bound.is_image(subject)
}

fn repositories(name: &str, repo_digests: &[String], tags: &[String]) -> BTreeSet<String> {
    let names = repo_digests.iter().chain(tags).map(String::as_str);
    names
        .chain([name])
        // An image that is known by its digest alone has no repository.
        .filter(|text| text.parse::<Digest>().is_err())
        .filter_map(|text| text.parse::<ImageReference>().ok())
        .map(|reference| reference.repository.to_string())
        .collect()
}

/// Returns whether a finding's verdict holds, and what changed where it does not.
#[must_use]
pub fn standing(
    verdict: &Verdict,
    recorded: DateTime<Utc>,
    finding: &Finding,
    subject: &Subject,
    policy: &Policy,
    now: DateTime<Utc>,
) -> (Standing, Option<String>) {
    if verdict.decision == Decision::AcceptRisk && verdict.until.is_none() {
        let why = "it names no end: an accepted risk needs a date or `fixed`".to_owned();
        return (Standing::Expired, Some(why));
    }
    if let Some(end) = excuse_end(verdict, recorded, policy).filter(|end| now >= *end) {
        let of_date = matches!(verdict.until, Some(Until::Date(date)) if end.date_naive() > date);
        let why = match verdict.until {
            Some(Until::Date(date)) if of_date => format!("it was accepted until {date}"),
            _ => format!(
                "the policy accepts a risk for {} at most",
                policy.approval.risk_acceptance_max
            ),
        };
        return (Standing::Expired, Some(why));
    }
    let bound = &verdict.finding;
    let fix_appeared = finding.fix.fixable() == Fixable::Yes && bound.fix.fixable() != Fixable::Yes;
    if verdict.decision == Decision::AcceptRisk
        && verdict.until == Some(Until::Fixed)
        && fix_appeared
    {
        let why = format!("a fix appeared: {}", finding.fix.versions.join(", "));
        return (Standing::Expired, Some(why));
    }
    match changed(verdict, finding, subject) {
        Some(why) => (Standing::Stale, Some(why)),
        None => (Standing::Current, None),
    }
}

fn changed(verdict: &Verdict, finding: &Finding, subject: &Subject) -> Option<String> {
    let bound = &verdict.finding;
    if !is_about(verdict, finding) {
        return Some(other_finding(bound, finding));
    }
    if !is_within_scope(verdict, subject) {
        return Some(format!(
            "it was taken on {}, this is {}, and its scope is {}",
            image(
                &verdict.subject.name,
                verdict.subject.manifest_digest.as_ref()
            ),
            image(&subject.name, subject.manifest_digest.as_ref()),
            verdict.scope.as_str()
        ));
    }
    if finding.severity > bound.severity {
        return Some(format!(
            "the severity rose from {} to {}",
            bound.severity, finding.severity
        ));
    }
    if finding.fix.state != bound.fix.state {
        return Some(format!(
            "the fix state changed from {} to {}",
            bound.fix.state.as_str(),
            finding.fix.state.as_str()
        ));
    }
    let versions = |fix: &Fix| -> BTreeSet<String> { fix.versions.iter().cloned().collect() };
    let listed = |fix: &Fix| match fix.versions.as_slice() {
        [] => "none".to_owned(),
        versions => versions.join(", "),
    };
    (versions(&bound.fix) != versions(&finding.fix)).then(|| {
        format!(
            "the fixed versions changed from {} to {}",
            listed(&bound.fix),
            listed(&finding.fix)
        )
    })
}

/// Returns when an approval of an image made at `made` lapses by the policy; none where only a
/// change ends it.
#[must_use]
pub fn approval_end(made: DateTime<Utc>, policy: &Policy) -> Option<DateTime<Utc>> {
    let longest = policy.approval.max_age.0?;
    made.checked_add_signed(longest)
}

/// Says on what a verdict was taken that is not about this finding, and what this one is.
fn other_finding(bound: &FindingRef, finding: &Finding) -> String {
    let now = FindingRef::of(finding);
    let words = |kind: Kind, ids: &[VulnerabilityId], package: &PackageIdentity| {
        let ids: Vec<&str> = ids.iter().map(VulnerabilityId::as_str).collect();
        let name = match (kind, package.name.as_str()) {
            (Kind::Vulnerability, name) => format!("{name} {}", package.version),
            (kind, "") => format!("a {}", kind.as_str()),
            (kind, name) => format!("a {} of {name} {}", kind.as_str(), package.version),
        };
        format!("{} in {}", ids.join(", "), name.trim_end())
    };
    let then = words(bound.kind, &bound.ids, &bound.package);
    let today = words(now.kind, &now.ids, &now.package);
    if then == today {
        let at = |locations: &[Location]| {
            let places: Vec<&str> = paths(locations).into_iter().collect();
            places.join(", ")
        };
        return format!(
            "it was taken on another finding: {then} at {}, not at {}",
            at(&bound.locations),
            at(&now.locations)
        );
    }
    format!("it was taken on another finding: {then}, not {today}")
}

pub(super) fn image(name: &str, digest: Option<&Digest>) -> String {
    match digest {
        Some(digest) if !name.contains(digest.short()) => format!("{name} ({})", digest.short()),
        _ => name.to_owned(),
    }
}

/// Returns the reports that renew a verdict: made after it was recorded, not those that it was taken
/// on, and holding this finding with the severity of then. Whether the rest of the evidence is the
/// same is the standing's answer.
#[must_use]
pub fn renewed_by(
    verdict: &Verdict,
    recorded: DateTime<Utc>,
    finding: &Finding,
    reports: &[Arc<Report>],
) -> Vec<Digest> {
    if finding.severity != verdict.finding.severity {
        return Vec::new();
    }
    let holding = finding.records.iter().map(|record| record.report as usize);
    let holding: BTreeSet<usize> = holding.collect();
    let newer = holding
        .into_iter()
        .filter_map(|position| reports.get(position))
        .filter(|report| report.created.is_some_and(|created| created > recorded))
        .map(|report| &report.origin.sha256);
    let mut digests: Vec<Digest> = newer
        .filter(|digest| !verdict.reports.contains(digest))
        .cloned()
        .collect();
    digests.sort();
    digests.dedup();
    digests
}

/// The findings of an image by what became of them, each list sorted. An approval of the image is
/// bound to all three.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingSets {
    /// Those that a verdict excuses.
    pub excused: Vec<FindingKey>,
    /// Those that nothing excuses and nothing suppresses.
    pub left: Vec<FindingKey>,
    /// Those that an ignore file, a VEX document or a scanner suppresses.
    pub suppressed: Vec<FindingKey>,
}

/// Returns whether a verdict on the whole image holds: same digest, policy and sets of findings.
/// What is suppressed is compared where the verdict names it: early ones did not. A rejection depends on the digest alone: it stands until its reviewer withdraws it.
#[must_use]
pub fn image_standing(
    verdict: &ImageVerdict,
    subject: &Subject,
    policy_sha256: &Digest,
    found: &FindingSets,
) -> (Standing, Option<String>) {
    let stale = |why: String| (Standing::Stale, Some(why));
    let manifests = (&verdict.subject.manifest_digest, &subject.manifest_digest);
    let other_manifest = matches!(manifests, (Some(one), Some(other)) if one != other);
    if other_manifest || !verdict.subject.is_image(subject) {
        return stale("it was taken on another digest".to_owned());
    }
    if verdict.decision == ImageDecision::Reject {
        return (Standing::Current, None);
    }
    if verdict.policy_sha256 != *policy_sha256 {
        return stale(format!(
            "the policy changed: it was {} and is {}",
            verdict.policy_sha256.short(),
            policy_sha256.short()
        ));
    }
    let suppressed = verdict.suppressed.as_ref().unwrap_or(&found.suppressed);
    let sets = [
        (
            "other findings are excused than were then",
            &verdict.excused,
            &found.excused,
        ),
        (
            "other findings remain than did then",
            &verdict.left,
            &found.left,
        ),
        (
            "other findings are suppressed than were then",
            suppressed,
            &found.suppressed,
        ),
    ];
    sets.into_iter()
        .find_map(|(what, then, now)| Some(format!("{what}: {}", difference(then, now)?)))
        .map_or((Standing::Current, None), stale)
}

/// Says which findings are in one set and not in the other; none where they are equal.
fn difference(then: &[FindingKey], now: &[FindingKey]) -> Option<String> {
    let (then, now): (BTreeSet<_>, BTreeSet<_>) = (then.iter().collect(), now.iter().collect());
    let some = |keys: Vec<&&FindingKey>, what: &str| {
        let first = keys.iter().take(MOST_NAMED).map(|key| key.as_str());
        let first: Vec<&str> = first.collect();
        let more = if keys.len() > MOST_NAMED { " …" } else { "" };
        (!keys.is_empty()).then(|| format!("{} {what} ({}{more})", keys.len(), first.join(", ")))
    };
    let new = some(now.difference(&then).collect(), "new");
    let gone = some(then.difference(&now).collect(), "gone");
    let both: Vec<String> = new.into_iter().chain(gone).collect();
    (!both.is_empty()).then(|| both.join(", "))
}

#[cfg(test)]
mod tests;
