//! Remedies: what a person can do so that the gate opens, most effective first.
//!
//! Advice only: nothing here changes the answer.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::{Blocker, Remedy, class};
use crate::model::{Finding, FindingKey, Fixable};
use crate::triage::join::blend::unite_fixes;

/// Returns what clears the blockers.
pub(super) fn remedies(blockers: &[Blocker], findings: &[&Finding]) -> Vec<Remedy> {
    let by_key: HashMap<&FindingKey, &Finding> = findings
        .iter()
        .map(|finding| (&finding.key, *finding))
        .collect();
    let mut remedies: Vec<Remedy> = blockers
        .iter()
        .flat_map(|blocker| match blocker.class {
            class::VULNERABILITY | class::UNKNOWN_SEVERITY => of_packages(blocker, &by_key),
            _ => vec![Remedy {
                action: action(blocker),
                clears: blocker.findings.clone(),
            }],
        })
        .collect();
    remedies.sort_by_key(|remedy| Reverse(remedy.clears.len()));
    remedies
}

/// One bump a package: the fixed versions of all its findings.
fn of_packages(blocker: &Blocker, by_key: &HashMap<&FindingKey, &Finding>) -> Vec<Remedy> {
    let mut packages: BTreeMap<(&str, &str, bool), Vec<&Finding>> = BTreeMap::new();
    for finding in blocker.findings.iter().filter_map(|key| by_key.get(key)) {
        let package = &finding.package;
        let fixable = finding.fix.fixable() == Fixable::Yes;
        packages
            .entry((&package.name, &package.version, fixable))
            .or_default()
            .push(finding);
    }
    packages
        .into_iter()
        .map(|((name, version, fixable), findings)| {
            let fix = unite_fixes(findings.iter().map(|finding| &finding.fix));
            let action = if fixable {
                let versions = fix.versions.join(" or ");
                format!("upgrade {name} {version} (fixed in {versions}), or record a verdict")
            } else {
                format!("record a verdict on what is found in {name} {version}: it has no fix")
            };
            Remedy {
                action,
                clears: findings.iter().map(|finding| finding.key.clone()).collect(),
            }
        })
        .collect()
}

fn action(blocker: &Blocker) -> String {
    let text = match blocker.class {
        class::NO_REPORT | class::NOT_SCANNED => "scan this image, and give the report as an input",
        class::UNREADABLE | class::PARTIAL => "make the report again; a damaged one proves nothing",
        class::NAME_ONLY => "scan the image by its digest, so that the report names it",
        class::REPORT_AGE => "scan the image again",
        class::SCAN_FILTER => "scan again without the filter",
        class::SECRET => "rebuild the image without the secret, and revoke it",
        class::MISCONFIGURATION => "correct the configuration, or record a verdict",
        class::SUPPRESSED => "record a verdict on each: a file alone excuses nothing here",
        class::DISAGREEMENT => "record a verdict on each finding that the scanners disagree about",
        class::REJECTED => "the reviewer who rejected the image has to approve it",
        class::APPROVAL => "a reviewer has to approve this digest",
        class::FOUR_EYES => "somebody other than the promoter has to approve this digest",
        class::DESTINATION => "choose a destination that the policy allows",
        class::DIGEST => "give the reports about the digest that is to be promoted",
        _ => "see the text of the blocker",
    };
    text.to_owned()
}
