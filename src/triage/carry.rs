//! Carry-over: earlier verdicts that do not hold on a finding of today, offered with what changed.
//!
//! Only an offer: a person accepts it, and the new verdict then says from which entry it was carried.
//! Whether a verdict holds is worked out in `standing`.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::policy::Policy;
use super::standing::{image, is_of_repository, is_within_scope, meets, paths, standing};
use crate::model::{
    CarriedFrom, Decision, Difference, Digest, Finding, FindingRef, Fix, Kind, Location, Recorded,
    Scope, Standing, StandingVerdict, Subject, SubjectRef, Until, Verdict, VulnerabilityId,
};

/// The word for a difference of images.
const IMAGE: &str = "image";

/// An earlier verdict that could be carried over to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The finding, by position.
    pub finding: usize,
    /// The earlier verdict.
    pub verdict: Verdict,
    /// Who recorded it and when.
    pub recorded: Recorded,
    /// What is not as it was then. Never empty.
    pub differences: Vec<Difference>,
}

/// What earlier verdicts are held against.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The findings.
    pub findings: &'a [Finding],
    /// The subjects they are of.
    pub subjects: &'a [Subject],
    /// The verdict on each finding as it stands.
    pub standing: &'a [Option<StandingVerdict>],
    /// The policy.
    pub policy: &'a Policy,
    /// Today.
    pub now: DateTime<Utc>,
}

impl Offer {
    /// Returns the verdict as it is carried over to `finding` of `subject`: decision, reason, end
    /// and justification as they were, and no further than this finding on this image. `reports`
    /// is the evidence of today.
    #[must_use]
    pub fn carried(&self, finding: &Finding, subject: &Subject, reports: Vec<Digest>) -> Verdict {
        let before = self.verdict.carried_from.as_ref();
        let time = before.map_or(self.recorded.time, |from| from.time.min(self.recorded.time));
        Verdict {
            scope: Scope::Finding,
            finding: FindingRef::of(finding),
            subject: SubjectRef::of(subject),
            reports,
            carried_from: Some(CarriedFrom {
                entry: self.recorded.entry,
                entry_sha256: self.recorded.entry_sha256.clone(),
                reviewer: self.recorded.reviewer.clone(),
                time,
                differences: self.differences.clone(),
            }),
            ..self.verdict.clone()
        }
    }

    /// Returns what changed, in one line.
    #[must_use]
    pub fn changed(&self) -> String {
        Difference::line(&self.differences)
    }

    /// Returns what changed besides the image, which is another one in most offers.
    #[must_use]
    pub fn changed_here(&self) -> String {
        let here = self.differences.iter().filter(|one| one.what != IMAGE);
        let here: Vec<Difference> = here.cloned().collect();
        if here.is_empty() {
            return "only the image".to_owned();
        }
        Difference::line(&here)
    }
}

/// Returns what can be carried over, at most one verdict a finding, in the order of the findings.
///
/// A verdict is offered where it was taken on the same package and ids, on this image, another image
/// of the repository or with a scope that reaches here, and does not hold. Of several the one on the
/// same version is offered, and of those the latest. Nothing is offered on a finding that has a
/// verdict that holds or that something suppresses, nor a verdict whose end has passed: a later word
/// that ended does not bring an earlier one back.
#[must_use]
pub fn offers(earlier: &[(Recorded, Verdict)], ground: &Ground<'_>) -> Vec<Offer> {
    let mut by_id: HashMap<&VulnerabilityId, Vec<usize>> = HashMap::new();
    for (position, (_, verdict)) in earlier.iter().enumerate() {
        for id in &verdict.finding.ids {
            by_id.entry(id).or_default().push(position);
        }
    }
    let offer = |(position, finding): (usize, &Finding)| {
        let subject = ground.subjects.get(finding.subject as usize)?;
        let taken = ground.standing.get(position).and_then(Option::as_ref);
        let holds = taken.is_some_and(|taken| taken.standing == Standing::Current);
        if holds || finding.suppressed_by.is_some() {
            return None;
        }
        let near = finding.ids().filter_map(|id| by_id.get(id)).flatten();
        let candidates: BTreeSet<usize> = near.copied().collect();
        let version = finding.package.identity().version;
        let best = candidates
            .into_iter()
            .filter(|place| {
                let known = earlier.get(*place);
                known.is_some_and(|(_, verdict)| reaches(verdict, finding, subject))
            })
            .max_by_key(|place| {
                let known = earlier.get(*place);
                let same = known.is_some_and(|(_, one)| one.finding.package.version == version);
                (same, *place)
            })?;
        let (recorded, verdict) = earlier.get(best)?;
        if has_ended(verdict, recorded, finding, subject, ground) {
            return None;
        }
        let differences = differences(verdict, finding, subject);
        (!differences.is_empty()).then(|| Offer {
            finding: position,
            verdict: verdict.clone(),
            recorded: recorded.clone(),
            differences,
        })
    };
    ground
        .findings
        .iter()
        .enumerate()
        .filter_map(offer)
        .collect()
}

/// Returns whether a verdict was taken on this finding, versions aside, here or where an image of
/// this repository is.
fn reaches(verdict: &Verdict, finding: &Finding, subject: &Subject) -> bool {
    let secret = finding.kind == Kind::Secret
        && verdict.decision.excuses()
        && verdict.decision != Decision::FalsePositive;
    let near = is_within_scope(verdict, subject) || is_of_repository(&verdict.subject, subject);
    !secret && near && meets(&verdict.finding, finding)
}

/// Returns whether the end of an accepted risk has passed: by date, by the policy's longest time, or
/// because it was accepted until a fix, and there is one that was not there then.
fn has_ended(
    verdict: &Verdict,
    recorded: &Recorded,
    finding: &Finding,
    subject: &Subject,
    ground: &Ground<'_>,
) -> bool {
    let (state, _) = standing(
        verdict,
        recorded.time,
        finding,
        subject,
        ground.policy,
        ground.now,
    );
    let fixed = &finding.fix.versions;
    let other_fix = fixed
        .iter()
        .any(|version| !verdict.finding.fix.versions.contains(version));
    let until_fix = verdict.until == Some(Until::Fixed);
    state == Standing::Expired || (until_fix && !fixed.is_empty() && other_fix)
}

/// Returns what is not as it was when the verdict was taken.
fn differences(verdict: &Verdict, finding: &Finding, subject: &Subject) -> Vec<Difference> {
    let (then, now) = (&verdict.finding, FindingRef::of(finding));
    let mut found = Vec::new();
    let mut differ = |what: &str, from: String, to: String| {
        if from != to {
            let what = what.to_owned();
            found.push(Difference { what, from, to });
        }
    };
    if !verdict.subject.is_image(subject) {
        let (from, to) = images(&verdict.subject, &SubjectRef::of(subject));
        differ(IMAGE, from, to);
    }
    differ(
        "version",
        then.package.version.clone(),
        now.package.version.clone(),
    );
    differ(
        "severity",
        then.severity.to_string(),
        now.severity.to_string(),
    );
    differ("fix", fix(&then.fix), fix(&now.fix));
    differ("ids", ids(&then.ids), ids(&now.ids));
    differ("place", places(&then.locations), places(&now.locations));
    found
}

/// Names both images so that they can be told apart.
fn images(then: &SubjectRef, now: &SubjectRef) -> (String, String) {
    let mut from = image(&then.name, then.identity().as_ref());
    let mut to = image(&now.name, now.identity().as_ref());
    if let (true, Some(one), Some(other)) = (from == to, &then.platform, &now.platform) {
        from = format!("{from} {one}");
        to = format!("{to} {other}");
    }
    if from == to {
        to.push_str(" with other layers");
    }
    (from, to)
}

fn fix(fix: &Fix) -> String {
    let versions: BTreeSet<&str> = fix.versions.iter().map(String::as_str).collect();
    if versions.is_empty() {
        return fix.state.as_str().to_owned();
    }
    let versions: Vec<&str> = versions.into_iter().collect();
    format!("{} in {}", fix.state.as_str(), versions.join(", "))
}

fn ids(ids: &[VulnerabilityId]) -> String {
    let ids: BTreeSet<&str> = ids.iter().map(VulnerabilityId::as_str).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    ids.join(", ")
}

fn places(locations: &[Location]) -> String {
    let places: Vec<&str> = paths(locations).into_iter().collect();
    places.join(", ")
}

#[cfg(test)]
mod tests;
