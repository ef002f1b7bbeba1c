//! A result of a tool whose texts are not known → a record, by what SARIF itself has a field for.
//!
//! What Trivy, Grype and Docker Scout write into their texts is read in `record`.

use std::sync::Arc;

use super::message::severity_word;
use super::place::{full_name, locations};
use super::wire::{ResultWire, RuleWire};
use crate::formats::ecosystem::ecosystem;
use crate::formats::json::{MaybeText as _, within};
use crate::formats::title::first_words;
use crate::model::{
    Kind, LEVEL, Location, Package, Purl, Rating, Record, Severity, VulnerabilityId,
};

/// Beginnings of ids that name vulnerabilities.
const ADVISORIES: [&str; 10] = [
    "CVE-", "GHSA-", "SNYK-", "GO-", "PYSEC-", "RUSTSEC-", "OSV-", "TEMP-", "MAL-", "NSWG-",
];

/// More CVEs than this are no list of names of one vulnerability.
const MOST: usize = 16;

/// Returns the name of a scanner that is not known: the driver's, in lower case, of letters, digits,
/// dots and dashes. None where nothing is left.
pub(super) fn scanner(driver: &str) -> Option<String> {
    let mut name = String::new();
    for character in driver.trim().to_ascii_lowercase().chars().take(40) {
        if character.is_ascii_alphanumeric() || character == '.' {
            name.push(character);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-');
    match name {
        "" => None,
        // All of its tools read one database.
        _ if name == "snyk" || name.starts_with("snyk-") => Some("snyk".to_owned()),
        // The word that comparisons have for rows of both sides.
        "both" => Some("both-tool".to_owned()),
        _ => Some(name.to_owned()),
    }
}

/// Reads a result: a vulnerability where its rule has the id of one, a secret where its rule says
/// so, else a failed check.
pub(super) fn record(
    scanner: &str,
    wire: &ResultWire<'_>,
    rule: &RuleWire<'_>,
    id: &str,
    text: &str,
) -> Record {
    let kind = kind(scanner, rule, id);
    let (severity, source) = severity(wire, rule);
    let mut record = Record {
        kind,
        id: id.to_owned(),
        severity,
        severity_source: source.map(|source| match source {
            Stated::Level => LEVEL.to_owned(),
            Stated::Tool => scanner.to_owned(),
        }),
        title: first_words(rule.short_description.text.get().unwrap_or(text)),
        ..Record::default()
    };
    if kind == Kind::Vulnerability {
        advisory(id).unwrap_or(id).clone_into(&mut record.id);
        record.aliases = cves(rule, &record.id);
        record.package = package(wire, rule);
        record.ratings = score(rule)
            .map(|score| Rating {
                scanner: scanner.to_owned(),
                source: scanner.to_owned(),
                severity,
                score: Some(score),
                vector: None,
                other_cvss: Vec::new(),
            })
            .into_iter()
            .map(Arc::new)
            .collect();
    } else {
        record.package.locations = locations(wire, true);
    }
    record
}

fn kind(scanner: &str, rule: &RuleWire<'_>, id: &str) -> Kind {
    let tagged = |word: &str| {
        let mut tags = rule.properties.tags.0.iter();
        tags.any(|tag| {
            tag.0
                .to_ascii_lowercase()
                .split(['-', ' '])
                .any(|it| it == word)
        })
    };
    let finds_secrets = matches!(scanner, "gitleaks" | "trufflehog" | "ggshield");
    if advisory(id).is_some() {
        Kind::Vulnerability
    } else if finds_secrets || tagged("secret") || tagged("secrets") {
        Kind::Secret
    } else {
        Kind::Misconfiguration
    }
}

/// Returns the id of an advisory at the beginning of a rule's id: some tools put the package behind.
fn advisory(id: &str) -> Option<&str> {
    let scheme = ADVISORIES.iter().find(|scheme| id.starts_with(**scheme))?;
    let parts = match *scheme {
        "CVE-" | "GO-" | "PYSEC-" | "RUSTSEC-" => 3,
        "GHSA-" => 4,
        _ => return Some(id),
    };
    let end = id.match_indices('-').nth(parts - 1).map(|(end, _)| end);
    id.get(..end.unwrap_or(id.len()))
}

/// Returns the CVEs that the rule's own descriptions name.
fn cves(rule: &RuleWire<'_>, id: &str) -> Vec<VulnerabilityId> {
    let texts = [&rule.full_description.text, &rule.short_description.text];
    let words = texts
        .into_iter()
        .filter_map(|text| text.get())
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-'))
        .filter(|word| is_cve(word) && *word != id);
    let mut found: Vec<VulnerabilityId> = words.map(VulnerabilityId::new).collect();
    found.sort();
    found.dedup();
    // A CVE is its own name: others in its description are other vulnerabilities.
    if found.len() > MOST || is_cve(id) {
        found.clear();
    }
    found
}

fn is_cve(word: &str) -> bool {
    let mut parts = word.strip_prefix("CVE-").unwrap_or_default().split('-');
    let mut number = |least: usize| {
        parts
            .next()
            .is_some_and(|part| part.len() >= least && part.bytes().all(|b| b.is_ascii_digit()))
    };
    number(4) && number(4) && parts.next().is_none()
}

/// The package: a package URL, else `name@version` of the place or of the rule's description. What
/// nobody states stays empty.
fn package(wire: &ResultWire<'_>, rule: &RuleWire<'_>) -> Package {
    let mut purls = rule.properties.purls.0.iter();
    let purl: Option<Purl> = purls.find_map(|text| text.0.parse().ok());
    let mut tags = rule.properties.tags.0.iter();
    // The last tags are the particular ones.
    let word = tags.rfind(|tag| KINDS.contains(&tag.0.as_ref()));
    let word = word.map_or("", |tag| tag.0.as_ref());
    let logical = wire
        .locations
        .0
        .iter()
        .flat_map(|place| &place.logical_locations.0)
        .find_map(|place| place.fully_qualified_name.get().and_then(name_and_version));
    let described = || {
        let text = rule.full_description.text.get()?;
        text.split_whitespace().find_map(name_and_version)
    };
    let (name, version) = match &purl {
        Some(purl) => (full_name(purl), purl.version.clone()),
        None => logical
            .or_else(described)
            .map(|(name, version)| (name.to_owned(), Some(version.into())))
            .unwrap_or_default(),
    };
    let ecosystem = ecosystem(purl.as_ref(), word);
    // `source/binary`, as Snyk writes packages of distributions.
    let (source, name) = match name.split_once('/') {
        Some((source, binary)) if matches!(ecosystem.as_str(), "deb" | "rpm" | "apk") => {
            (Some(source.to_owned()), binary.to_owned())
        }
        _ => (None, name),
    };
    Package {
        name,
        version: version.as_deref().unwrap_or_default().to_owned(),
        ecosystem,
        locations: places(wire),
        source,
        purl,
        ..Package::default()
    }
}

/// The words for kinds of packages that tools put among a rule's tags.
const KINDS: [&str; 14] = [
    "deb",
    "rpm",
    "apk",
    "npm",
    "yarn",
    "pip",
    "poetry",
    "maven",
    "gradle",
    "gomodules",
    "golangdep",
    "rubygems",
    "nuget",
    "composer",
];

fn name_and_version(text: &str) -> Option<(&str, &str)> {
    let (name, version) = text.rsplit_once('@')?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit() || c == 'v');
    (is_version && !name.is_empty() && !version.contains(['/', ' '])).then_some((name, version))
}

/// The paths inside of the image; a name of the image or of the Dockerfile is none.
fn places(wire: &ResultWire<'_>) -> Vec<Location> {
    let mut places = locations(wire, false);
    places.retain(|place| place.path.contains('/') && !place.path.contains('@'));
    places
}

/// Where a severity comes from.
#[derive(Clone, Copy)]
enum Stated {
    Tool,
    Level,
}

/// The word or the score of the rule, else what the level stands for.
fn severity(wire: &ResultWire<'_>, rule: &RuleWire<'_>) -> (Severity, Option<Stated>) {
    let described = rule.short_description.text.get().and_then(severity_word);
    let mut tags = rule.properties.tags.0.iter();
    let stated = described.or_else(|| tags.find_map(|tag| tag.0.parse().ok()));
    if let Some(severity) = stated.or_else(|| score(rule).map(of_score)) {
        return (severity, Some(Stated::Tool));
    }
    let level = wire.level.get();
    match level.or_else(|| rule.default_configuration.level.get()) {
        Some("error") => (Severity::High, Some(Stated::Level)),
        // SARIF 2.1.0, 3.27.10: an absent level is a warning.
        Some("warning") | None => (Severity::Medium, Some(Stated::Level)),
        Some("note") => (Severity::Low, Some(Stated::Level)),
        Some(_) => (Severity::Unknown, None),
    }
}

fn score(rule: &RuleWire<'_>) -> Option<f64> {
    let text = rule.properties.security_severity.get()?;
    within(text.parse().ok(), 10.0)
}

/// The classes of CVSS 3 and 4.
fn of_score(score: f64) -> Severity {
    match score {
        9.0.. => Severity::Critical,
        7.0.. => Severity::High,
        4.0.. => Severity::Medium,
        0.1.. => Severity::Low,
        _ => Severity::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_scanners_are_plain() {
        for (driver, name) in [
            ("Snyk Container", Some("snyk")),
            ("Hadolint", Some("hadolint")),
            ("My \u{202e}Tool#1", Some("my-tool-1")),
            ("both", Some("both-tool")),
            (" \u{1b}[31m", Some("31m")),
            ("—", None),
        ] {
            assert_eq!(scanner(driver).as_deref(), name, "{driver}");
        }
    }

    #[test]
    fn ids_are_cut_from_rules() {
        for (rule, id) in [
            ("CVE-2024-0001", Some("CVE-2024-0001")),
            ("CVE-2024-0001-openssl", Some("CVE-2024-0001")),
            ("GHSA-aaaa-bbbb-cccc-qs", Some("GHSA-aaaa-bbbb-cccc")),
            ("SNYK-JS-QS-200", Some("SNYK-JS-QS-200")),
            ("DL3006", None),
        ] {
            assert_eq!(advisory(rule), id);
        }
        assert!(is_cve("CVE-2024-0001") && !is_cve("CVE-2024-1") && !is_cve("CVE-2024-0001-2"));
    }
}
