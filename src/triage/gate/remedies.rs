//! Remedies: what a person can do so that the gate opens, most effective first.
//!
//! Advice only: nothing here changes the answer. Every finding of a blocker is cleared by exactly
//! one remedy; a blocker without findings has one of its own.

mod upgrade;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::evidence::missing_scanners;
use super::{Blocker, GateInput, Remedy, class};
use crate::model::{Finding, FindingKey, FixState, Fixable, ImageReference, Kind};
use crate::triage::policy::Policy;

/// The most keys in a command: a longer one nobody types or reads.
const MAX_KEYS: usize = 20;

/// The most ids or versions named in a text.
const MAX_NAMED: usize = 4;

/// A way to clear findings. What people read first comes first where two clear as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way<'a> {
    /// A newer version of the package.
    Upgrade(Package<'a>),
    /// A person's word on each finding.
    Verdict(Package<'a>),
    /// What the class of the blocker asks for.
    Class(&'a str),
}

/// Ecosystem, name and version.
type Package<'a> = (&'a str, &'a str, &'a str);

/// Returns what clears the blockers, what clears the most findings first.
pub(super) fn remedies(
    policy: &Policy,
    input: &GateInput<'_>,
    blockers: &[Blocker],
) -> Vec<Remedy> {
    let by_key: HashMap<&FindingKey, &Finding> = input
        .findings
        .iter()
        .map(|finding| (&finding.key, *finding))
        .collect();
    let mut ways: BTreeMap<Way<'_>, Vec<&FindingKey>> = BTreeMap::new();
    let mut cleared: HashSet<&FindingKey> = HashSet::new();
    for blocker in blockers {
        if blocker.findings.is_empty() {
            ways.entry(Way::Class(blocker.class)).or_default();
        }
        for key in &blocker.findings {
            if cleared.insert(key) {
                let way = way(blocker.class, by_key.get(key).copied());
                ways.entry(way).or_default().push(key);
            }
        }
    }
    let mut remedies: Vec<Remedy> = ways
        .into_iter()
        .flat_map(|(way, keys)| {
            let findings: Vec<&Finding> = keys
                .iter()
                .filter_map(|key| by_key.get(*key).copied())
                .collect();
            match way {
                Way::Upgrade(package) => vec![upgraded(package, &findings)],
                Way::Verdict(package) => vec![decided(package, &findings)],
                Way::Class(name) => of_class(policy, input, name, &keys),
            }
        })
        .collect();
    remedies.sort_by_key(|remedy| Reverse(remedy.clears.len()));
    remedies
}

fn way<'a>(class: &'a str, finding: Option<&'a Finding>) -> Way<'a> {
    match finding {
        Some(finding)
            if finding.kind == Kind::Vulnerability
                && matches!(class, class::VULNERABILITY | class::UNKNOWN_SEVERITY) =>
        {
            let package = &finding.package;
            let package = (
                package.ecosystem.as_str(),
                package.name.as_str(),
                package.version.as_str(),
            );
            if finding.fix.fixable() == Fixable::Yes {
                Way::Upgrade(package)
            } else {
                Way::Verdict(package)
            }
        }
        _ => Way::Class(class),
    }
}

/// One bump: to the lowest version that clears every finding of the package, where versions can be
/// ordered; else the versions stand side by side.
fn upgraded((_, name, version): Package<'_>, findings: &[&Finding]) -> Remedy {
    let count = findings.len();
    let findings_word = if count == 1 { "finding" } else { "findings" };
    let to = match upgrade::target(version, findings) {
        Some(target) => format!("to {target}"),
        None => format!("(fixed in {})", named(&upgrade::versions(findings), "or")),
    };
    Remedy {
        action: format!("upgrade {name} {version} {to}: clears {count} {findings_word}"),
        command: is_plain(name)
            .then(|| format!("countersign findings INPUT… --fixable yes --filter pkg:{name}")),
        clears: keys(findings),
    }
}

fn decided((_, name, version): Package<'_>, findings: &[&Finding]) -> Remedy {
    let ids: Vec<&str> = findings.iter().map(|one| one.id.as_str()).collect();
    let will_not = findings
        .iter()
        .all(|finding| finding.fix.state == FixState::WontFix);
    let why = if will_not {
        "it will not be fixed"
    } else {
        "no fix is named"
    };
    let keys = keys(findings);
    Remedy {
        action: format!(
            "record a verdict on {} in {name} {version}: {why}",
            named(&ids, "and")
        ),
        command: Some(decide(&keys, "accept-risk --until fixed")),
        clears: keys,
    }
}

fn keys(findings: &[&Finding]) -> Vec<FindingKey> {
    findings.iter().map(|finding| finding.key.clone()).collect()
}

/// Returns the first of a list, and how many more there are.
fn named(texts: &[&str], word: &str) -> String {
    match texts {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if texts.len() <= MAX_NAMED => {
            format!("{} {word} {last}", first.join(", "))
        }
        _ => {
            let shown: Vec<&str> = texts.iter().take(MAX_NAMED).copied().collect();
            let more = texts.len() - MAX_NAMED;
            format!("{} {word} {more} more", shown.join(", "))
        }
    }
}

/// Returns the command that records a verdict on these findings.
fn decide(keys: &[FindingKey], decision: &str) -> String {
    let mut command = "countersign decide INPUT…".to_owned();
    if keys.len() > MAX_KEYS {
        command.push_str(" --finding KEY…");
    } else {
        for key in keys {
            command.push_str(" --finding ");
            command.push_str(key.as_str());
        }
    }
    format!("{command} --decision {decision} --reason TEXT")
}

fn of_class(
    policy: &Policy,
    input: &GateInput<'_>,
    name: &str,
    keys: &[&FindingKey],
) -> Vec<Remedy> {
    if name == class::NOT_SCANNED {
        let missing = missing_scanners(policy, input);
        if !missing.is_empty() {
            return missing
                .into_iter()
                .map(|scanner| Remedy {
                    action: format!(
                        "scan this image with {scanner}, and give the report as an input"
                    ),
                    command: scan(input, scanner),
                    clears: Vec::new(),
                })
                .collect();
        }
    }
    let clears: Vec<FindingKey> = keys.iter().map(|key| (*key).clone()).collect();
    let command = match name {
        class::NO_REPORT
        | class::NOT_SCANNED
        | class::PARTIAL
        | class::NAME_ONLY
        | class::REPORT_AGE
        | class::SCAN_FILTER => scan(input, scanner_of(input)),
        class::SECRET => Some(decide(&clears, "false-positive")),
        class::MISCONFIGURATION | class::SUPPRESSED => {
            Some(decide(&clears, "accept-risk --until YYYY-MM-DD"))
        }
        class::DISAGREEMENT => Some(decide(&clears, "affected")),
        class::REJECTED | class::FOUR_EYES => Some(approve("")),
        class::APPROVAL if policy.approval.trusted_keys.is_empty() => Some(approve("")),
        class::APPROVAL => Some(approve(" --key FILE")),
        _ => None,
    };
    vec![Remedy {
        action: action(policy, name),
        command,
        clears,
    }]
}

fn approve(more: &str) -> String {
    format!("countersign decide INPUT… --whole-image --decision approve --reason TEXT{more}")
}

fn action(policy: &Policy, name: &str) -> String {
    let text = match name {
        class::NO_REPORT | class::NOT_SCANNED => "scan this image, and give the report as an input",
        class::UNREADABLE | class::PARTIAL => "make the report again; a damaged one proves nothing",
        class::NAME_ONLY => "scan the image by its digest, so that the report names it",
        class::REPORT_AGE => "scan the image again",
        class::SCAN_FILTER => "scan again without the filter",
        class::SECRET => {
            "rebuild the image without the secret, and revoke it; only one that is none may stay, as a false positive"
        }
        class::MISCONFIGURATION => "correct the configuration, or record a verdict",
        class::SUPPRESSED => "record a verdict on each: a file alone excuses nothing here",
        class::DISAGREEMENT => "record a verdict on each finding that the scanners disagree about",
        class::REJECTED => "the reviewer who rejected the image has to approve it",
        class::APPROVAL => "a reviewer has to approve this digest",
        class::FOUR_EYES => "somebody other than the promoter has to approve this digest",
        class::DESTINATION => {
            let patterns: Vec<&str> = policy
                .promotion
                .destinations
                .iter()
                .map(String::as_str)
                .collect();
            return format!(
                "choose a destination that the policy allows: {}",
                named(&patterns, "or")
            );
        }
        class::DIGEST => "give the reports about the digest that is to be promoted",
        _ => "see the text of the blocker",
    };
    text.to_owned()
}

/// The scanner to ask again: one that looked before, else the first that most people have.
fn scanner_of<'a>(input: &'a GateInput<'_>) -> &'a str {
    let reports = input.subject.reports.iter();
    reports
        .filter_map(|(position, _)| input.reports.get(*position))
        .map(|report| report.scanner.as_str())
        .find(|scanner| matches!(*scanner, "trivy" | "grype"))
        .unwrap_or("trivy")
}

/// Returns the command that runs a scanner, on this image where its name can be typed as it is.
fn scan(input: &GateInput<'_>, scanner: &str) -> Option<String> {
    let subject = input.subject;
    let names = subject.repo_digests.iter().chain([&subject.name]);
    let image = names
        .map(String::as_str)
        .find(|name| is_plain(name) && name.parse::<ImageReference>().is_ok())
        .unwrap_or("IMAGE");
    let scanner = scanner.to_lowercase();
    matches!(scanner.as_str(), "trivy" | "grype")
        .then(|| format!("countersign scan {image} --with {scanner}"))
}

/// Whether text can stand in a command as it is: it comes from a report, and people paste.
fn is_plain(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '@')
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "@/._+:-".contains(character))
}

#[cfg(test)]
mod tests;
