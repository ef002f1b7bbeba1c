//! What was decided: the verdicts of the subjects that hold today, and what names their packages.
//!
//! How a format says it is the format's file.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{ExportRequest, headline};
use crate::model::{
    Decision, Finding, FindingKey, ImageReference, Purl, Scope, Standing, StandingVerdict, Subject,
    VulnerabilityId,
};
use crate::triage::standing::excuse_end;

/// A verdict that is not in an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The finding.
    pub key: FindingKey,
    /// The finding in words.
    pub finding: String,
    /// Why.
    pub because: String,
}

impl LeftOut {
    /// Names a verdict that is left out.
    pub(super) fn new(finding: &Finding, because: &str) -> Self {
        Self {
            key: finding.key.clone(),
            finding: headline(finding),
            because: because.to_owned(),
        }
    }
}

/// A verdict that holds, with the finding and image it stands on.
#[derive(Clone, Debug)]
pub(super) struct Decided<'a> {
    /// The image.
    pub(super) subject: &'a Subject,
    /// The finding.
    pub(super) finding: &'a Finding,
    /// The verdict.
    pub(super) standing: &'a StandingVerdict,
    /// When an accepted risk ends.
    pub(super) end: Option<DateTime<Utc>>,
}

impl<'a> Decided<'a> {
    /// Returns the decision.
    pub(super) fn decision(&self) -> Decision {
        self.standing.verdict.decision
    }

    /// Returns how far the verdict reaches.
    pub(super) fn scope(&self) -> Scope {
        self.standing.verdict.scope
    }

    /// Returns the reason, and when an accepted risk ends, in one line.
    pub(super) fn statement(&self) -> String {
        let verdict = &self.standing.verdict;
        let by = &self.standing.recorded.reviewer;
        let said = match (verdict.decision, verdict.until) {
            (Decision::AcceptRisk, Some(until)) => {
                format!("risk accepted by {by} until {until}: {}", verdict.reason)
            }
            (Decision::FalsePositive, _) => {
                format!("false positive, says {by}: {}", verdict.reason)
            }
            _ => format!("{} ({by})", verdict.reason),
        };
        match &verdict.carried_from {
            Some(from) => format!("{said} (carried over from entry {})", from.entry),
            None => said,
        }
    }

    /// Returns every id that a scanner may report this finding by; a bundle covers others too, and
    /// is named only where nothing else is known.
    pub(super) fn ids(&self) -> Vec<&'a VulnerabilityId> {
        let ids: Vec<_> = self.finding.ids().filter(|id| !id.is_bundle()).collect();
        if ids.is_empty() {
            return vec![&self.finding.id];
        }
        ids
    }
}

/// Returns the verdicts that hold, in the review's order, and those that do not.
pub(super) fn decided<'a>(request: &ExportRequest<'a>) -> (Vec<Decided<'a>>, Vec<LeftOut>) {
    let review = request.review;
    let (mut holding, mut left_out) = (Vec::new(), Vec::new());
    for subject in request.subjects {
        let Some(image) = review.subjects.get(*subject) else {
            continue;
        };
        for row in review.findings_of(*subject) {
            let verdict = review.verdicts.get(row).and_then(Option::as_ref);
            let (Some(finding), Some(standing)) = (review.findings.get(row), verdict) else {
                continue;
            };
            if standing.standing == Standing::Current {
                holding.push(Decided {
                    subject: image,
                    finding,
                    standing,
                    end: excuse_end(&standing.verdict, standing.recorded.time, &review.policy),
                });
            } else {
                let changed = standing.because.as_deref().unwrap_or("it no longer holds");
                let because = format!("{}: {changed}", standing.standing);
                left_out.push(LeftOut::new(finding, &because));
            }
        }
    }
    (holding, left_out)
}

/// Returns the package's URLs as the records of `scanner` (or of any) spell them, without
/// qualifiers; of a verdict on a package, without version.
pub(super) fn purls(
    request: &ExportRequest<'_>,
    decided: &Decided<'_>,
    scanner: Option<&str>,
) -> BTreeSet<String> {
    let review = request.review;
    let of_records = decided.finding.records.iter().filter_map(|reference| {
        let report = review.reports.get(reference.report as usize)?;
        let wanted = scanner.is_none_or(|scanner| report.scanner == scanner);
        let record = report.records.get(reference.record as usize)?;
        record.package.purl.as_ref().filter(|_| wanted)
    });
    let mut found: Vec<&Purl> = of_records.collect();
    if found.is_empty() {
        found.extend(&decided.finding.package.purl);
    }
    found
        .into_iter()
        .map(|purl| {
            let mut purl = purl.without_qualifiers();
            if decided.scope() == Scope::Package {
                purl.version = None;
            }
            purl.to_string()
        })
        .collect()
}

/// Returns the package URLs (purl-spec, type `oci`) of the image: by digest, or by repository where
/// the verdict holds for all of it. Empty where neither is known.
pub(super) fn image_purls(decided: &Decided<'_>) -> BTreeSet<String> {
    let subject = decided.subject;
    let references = subject.repo_digests.iter().chain(&subject.tags);
    let references: Vec<ImageReference> = references
        .chain([&subject.name])
        .filter_map(|text| text.parse().ok())
        .collect();
    let mut purls = BTreeSet::new();
    for reference in references {
        let path = &reference.repository.path;
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut purl = Purl {
            kind: "oci".into(),
            namespace: None,
            name: name.to_lowercase().into(),
            version: None,
            qualifiers: Vec::new(),
            subpath: None,
        };
        if decided.scope() == Scope::Repository {
            // Trivy and purl-spec end the address with the name, Grype before it; Docker Hub's
            // registry is called index.docker.io by both.
            let registry = match reference.repository.registry.as_str() {
                "docker.io" => "index.docker.io",
                other => other,
            };
            let before = [registry, folder].join("/");
            for address in [before.trim_end_matches('/'), &format!("{registry}/{path}")] {
                purl.qualifiers = vec![("repository_url".into(), address.into())];
                purls.insert(purl.to_string());
            }
        } else {
            let digests = subject.digests_of_repositories();
            let digests = digests.chain(subject.manifest_digest.clone());
            for digest in digests.chain(subject.index_digest.clone()) {
                purl.version = Some(digest.to_string().into());
                purls.insert(purl.to_string());
            }
        }
    }
    purls
}

/// Splits a place as records write it (`path:line`) into path and line.
pub(super) fn split_line(place: &str) -> (&str, Option<u64>) {
    match place.rsplit_once(':') {
        Some((path, line)) if !path.is_empty() => match line.parse() {
            Ok(line) => (path, Some(line)),
            Err(_no_number) => (place, None),
        },
        _ => (place, None),
    }
}
