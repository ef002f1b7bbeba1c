//! Impact: how many findings a verdict of some scope would hit, on which images, before it is saved.
//!
//! By the same rule that later decides whether the verdict applies. Nothing is decided here.

use std::collections::HashMap;

use serde::Serialize;

use super::standing::{applies, is_about, is_within_scope};
use crate::model::{
    Decision, Digest, Finding, FindingRef, ImageVerdict, JoinRule, Recorded, Scope, Subject,
    SubjectRef, Verdict, VulnerabilityId,
};

/// An image that the ledger names and that was not loaded, with the findings that verdicts were
/// taken on: the others are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The image.
    pub image: SubjectRef,
    /// The findings.
    pub findings: Vec<FindingRef>,
}

/// What a verdict would reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Impact {
    /// The scope it would have.
    pub scope: Scope,
    /// The findings it would hit, on all these images.
    pub findings: u64,
    /// The images where it would hit at least one, those loaded first.
    pub images: Vec<Reached>,
    /// Images of the ledger within the scope of which no finding that it would hit is known: they
    /// are not loaded, so it may hit some.
    pub unknown: u64,
}

/// An image with findings that a verdict would hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// The name.
    pub name: String,
    /// The digest, where one is known.
    pub digest: Option<Digest>,
    /// How many findings.
    pub findings: u64,
    /// Whether its reports are loaded; else only what the ledger says of it counts.
    pub loaded: bool,
}

/// Returns the images that the ledger names and that are not among `subjects`, in the order in
/// which they were first named.
#[must_use]
pub fn known(
    verdicts: &[(Recorded, Verdict)],
    approvals: &[(Recorded, ImageVerdict)],
    subjects: &[Subject],
) -> Vec<Known> {
    let of_verdicts = verdicts
        .iter()
        .map(|(recorded, one)| (recorded.entry, &one.subject, Some(&one.finding)));
    let of_approvals = approvals
        .iter()
        .map(|(recorded, one)| (recorded.entry, &one.subject, None));
    let mut named: Vec<_> = of_verdicts.chain(of_approvals).collect();
    named.sort_by_key(|(entry, ..)| *entry);
    let mut places: HashMap<String, Option<usize>> = HashMap::new();
    let mut known: Vec<Known> = Vec::new();
    for (_, image, finding) in named {
        let place = places.entry(label(image)).or_insert_with(|| {
            if subjects.iter().any(|subject| image.is_image(subject)) {
                return None;
            }
            known.push(Known {
                image: image.clone(),
                findings: Vec::new(),
            });
            Some(known.len() - 1)
        });
        let found = place.and_then(|place| known.get_mut(place));
        if let (Some(found), Some(finding)) = (found, finding)
            && !found.findings.iter().any(|other| other.key == finding.key)
        {
            found.findings.push(finding.clone());
        }
    }
    known
}

/// Tells one image from another: by digest, where there is one.
fn label(image: &SubjectRef) -> String {
    image
        .identity()
        .map_or_else(|| image.name.clone(), |digest| digest.to_string())
}

/// Returns what verdicts on `chosen`, findings of `on`, would hit under each scope, narrowest first.
#[must_use]
pub fn impacts(
    chosen: &[&Finding],
    on: &Subject,
    findings: &[Finding],
    subjects: &[Subject],
    known: &[Known],
) -> Vec<Impact> {
    let mut verdicts: Vec<Verdict> = chosen
        .iter()
        .map(|finding| hypothetical(finding, on))
        .collect();
    // By id, so that a finding is held against the few verdicts it could meet and not against all.
    let mut by_id: HashMap<VulnerabilityId, Vec<usize>> = HashMap::new();
    for (place, verdict) in verdicts.iter().enumerate() {
        for id in &verdict.finding.ids {
            by_id.entry(id.clone()).or_default().push(place);
        }
    }
    let elsewhere: Vec<(Subject, &Known)> = known
        .iter()
        .map(|known| (as_subject(&known.image), known))
        .collect();
    Scope::ALL
        .into_iter()
        .map(|scope| {
            for verdict in &mut verdicts {
                verdict.scope = scope;
            }
            impact(scope, &verdicts, &by_id, (findings, subjects), &elsewhere)
        })
        .collect()
}

fn impact(
    scope: Scope,
    verdicts: &[Verdict],
    by_id: &HashMap<VulnerabilityId, Vec<usize>>,
    (findings, subjects): (&[Finding], &[Subject]),
    elsewhere: &[(Subject, &Known)],
) -> Impact {
    let near = |ids: &mut dyn Iterator<Item = &VulnerabilityId>| -> Vec<&Verdict> {
        let places = ids.filter_map(|id| by_id.get(id)).flatten();
        places.filter_map(|place| verdicts.get(*place)).collect()
    };
    let mut counts = vec![0_u64; subjects.len()];
    for finding in findings {
        let position = finding.subject as usize;
        let (Some(subject), Some(count)) = (subjects.get(position), counts.get_mut(position))
        else {
            continue;
        };
        let mut verdicts = near(&mut finding.ids()).into_iter();
        *count += u64::from(verdicts.any(|verdict| applies(verdict, finding, subject)));
    }
    let mut images: Vec<Reached> = subjects
        .iter()
        .zip(counts)
        .filter(|(_, findings)| *findings > 0)
        .map(|(subject, findings)| Reached {
            name: subject.name.clone(),
            digest: subject.identity(),
            findings,
            loaded: true,
        })
        .collect();
    let mut unknown = 0;
    for (subject, known) in elsewhere {
        let within = |verdict: &&Verdict| is_within_scope(verdict, subject);
        if !verdicts.iter().any(|verdict| within(&verdict)) {
            continue;
        }
        let hit = |finding: &&FindingRef| {
            let verdicts = near(&mut finding.ids.iter()).into_iter().filter(within);
            verdicts
                .into_iter()
                .any(|verdict| is_about(verdict, *finding))
        };
        match known.findings.iter().filter(hit).count() as u64 {
            0 => unknown += 1,
            findings => images.push(Reached {
                name: subject.name.clone(),
                digest: known.image.identity(),
                findings,
                loaded: false,
            }),
        }
    }
    Impact {
        scope,
        findings: images.iter().map(|image| image.findings).sum(),
        images,
        unknown,
    }
}

/// Returns a verdict on `finding` that nobody took, to ask what it would reach.
fn hypothetical(finding: &Finding, on: &Subject) -> Verdict {
    Verdict {
        decision: Decision::UnderInvestigation,
        reason: String::new(),
        until: None,
        justification: None,
        scope: Scope::Finding,
        finding: FindingRef::of(finding),
        subject: SubjectRef::of(on),
        reports: Vec::new(),
        carried_from: None,
    }
}

/// Returns an image of the ledger as a subject without documents.
fn as_subject(image: &SubjectRef) -> Subject {
    Subject {
        name: image.name.clone(),
        manifest_digest: image.manifest_digest.clone(),
        index_digest: image.index_digest.clone(),
        repo_digests: image.repo_digests.clone(),
        tags: Vec::new(),
        image_id: image.image_id.clone(),
        diff_ids: image.diff_ids.clone(),
        platform: image.platform.clone(),
        os: None,
        joined_by: JoinRule::None,
        reports: Vec::new(),
        sboms: Vec::new(),
    }
}

impl Impact {
    /// Returns what it reaches in one line: `3 findings on 2 images: app:1 (2), app:2 (1)`.
    #[must_use]
    pub fn text(&self, most: usize) -> String {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let images = self.images.len() as u64;
        let mut text = format!(
            "{} finding{} on {images} image{}",
            self.findings,
            plural(self.findings),
            plural(images)
        );
        let named: Vec<String> = self
            .images
            .iter()
            .take(most)
            .map(|image| {
                let from = if image.loaded { "" } else { ", by the ledger" };
                format!("{} ({}{from})", image.name, image.findings)
            })
            .collect();
        if !named.is_empty() {
            text.push_str(": ");
            text.push_str(&named.join(", "));
        }
        if self.images.len() > most {
            text.push_str(" …");
        }
        if self.unknown > 0 {
            let more = format!(
                "; and what {} image{} of the ledger that {} not loaded may hold",
                self.unknown,
                plural(self.unknown),
                if self.unknown == 1 { "is" } else { "are" }
            );
            text.push_str(&more);
        }
        text
    }
}

#[cfg(test)]
mod tests;
