//! Ratings: why a finding has the severity it has, and what another source would have shown.
//!
//! Filters, totals and the gate take the highest severity any scanner gives, always; what is worked
//! out here is shown beside it and changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;

use crate::model::{Finding, Format, Kind, Package, Rating, Record, Report, Severity};

/// The rule by which a scanner came to the severity it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeverityRule {
    /// Trivy: what the advisory's own data source says comes first.
    OwnSource,
    /// Trivy: the data source rates nothing, and a GHSA id is rated by GHSA.
    Ghsa,
    /// Trivy: neither the data source nor GHSA rates it, so NVD does.
    Nvd,
    /// Trivy: none of these rates it, so any other source does, which is not named.
    Unnamed,
    /// Grype: the namespace of the match rates it.
    Namespace,
    /// The document states the severity; the scanner's rule is not to be seen in it.
    Stated,
    /// Nobody rates it.
    Unrated,
    /// The check, rule or licence has a severity of its own.
    Check,
}

impl SeverityRule {
    /// Returns it as the end of a sentence.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::OwnSource => "the advisory's own source",
            Self::Ghsa => "for a GHSA id, as its own source rates nothing",
            Self::Nvd => "as its own source rates nothing",
            Self::Unnamed => "neither its own source nor NVD rates it: any other source, unnamed",
            Self::Namespace => "the namespace it was matched in",
            Self::Stated => "stated by the document",
            Self::Unrated => "nobody rates it",
            Self::Check => "the check's own",
        }
    }
}

/// The severity one scanner gives, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScannerSeverity {
    /// The scanner.
    pub scanner: String,
    /// The highest severity of its records.
    pub severity: Severity,
    /// Whose severity that is, where the report says so.
    pub source: Option<String>,
    /// The scanner's own rule.
    pub rule: SeverityRule,
    /// Where the source is not named: those in the same record that rate it so.
    pub rated_so_by: Vec<String>,
}

impl ScannerSeverity {
    /// Returns it as text: `high from nvd: as its own source rates nothing`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.severity.to_string();
        if let Some(source) = &self.source {
            text.push_str(" from ");
            text.push_str(source);
        }
        text.push_str(": ");
        text.push_str(self.rule.text());
        if !self.rated_so_by.is_empty() {
            text.push_str(" (rated so by ");
            text.push_str(&self.rated_so_by.join(", "));
            text.push(')');
        }
        text
    }
}

/// Why a finding has its severity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeverityReason {
    /// It in one sentence.
    pub text: String,
    /// What each scanner says, the highest first.
    pub scanners: Vec<ScannerSeverity>,
}

/// Returns why a finding has its severity. It has it from its records alone.
#[must_use]
pub fn because(finding: &Finding, reports: &[Arc<Report>]) -> SeverityReason {
    let mut highest: BTreeMap<&str, ScannerSeverity> = BTreeMap::new();
    for (report, record) in records(finding, reports) {
        let said = said(report, record);
        let better = |known: &ScannerSeverity| {
            (said.severity, known.rule, &known.source) > (known.severity, said.rule, &said.source)
        };
        if highest.get(report.scanner.as_str()).is_none_or(better) {
            highest.insert(&report.scanner, said);
        }
    }
    let mut scanners: Vec<ScannerSeverity> = highest.into_values().collect();
    scanners.sort_by(|one, other| {
        (other.severity.cmp(&one.severity)).then_with(|| one.scanner.cmp(&other.scanner))
    });
    let text = match scanners.as_slice() {
        [] => format!("{}: the image's own configuration", finding.severity),
        [one] => format!("{}: the only scanner that reports it says so", one.severity),
        [first, others @ ..] if others.iter().all(|other| other.severity == first.severity) => {
            format!("{}: all scanners say so", first.severity)
        }
        [first, others @ ..] => {
            let same = others
                .iter()
                .take_while(|other| other.severity == first.severity);
            let names = std::iter::once(first).chain(same);
            let names: Vec<&str> = names.map(|one| one.scanner.as_str()).collect();
            let names = names.join(" and ");
            format!("{}: the highest any scanner gives, {names}", first.severity)
        }
    };
    SeverityReason { text, scanners }
}

/// Returns the records of a finding with their reports.
fn records<'r>(
    finding: &Finding,
    reports: &'r [Arc<Report>],
) -> impl Iterator<Item = (&'r Report, &'r Record)> {
    finding.records.iter().filter_map(|place| {
        let report = reports.get(place.report as usize)?;
        let record = report.records.get(place.record as usize)?;
        Some((report.as_ref(), record))
    })
}

fn said(report: &Report, record: &Record) -> ScannerSeverity {
    let source = record.severity_source.as_deref();
    let rule = match report.format {
        _ if record.kind != Kind::Vulnerability => SeverityRule::Check,
        _ if record.severity == Severity::Unknown && source.is_none() => SeverityRule::Unrated,
        Format::TrivyJson => trivy(record, source),
        Format::GrypeJson if source.is_some() => SeverityRule::Namespace,
        _ => SeverityRule::Stated,
    };
    let rated_so_by = if rule == SeverityRule::Unnamed {
        let same = record.ratings.iter();
        let same = same.filter(|rating| rating.severity == record.severity);
        same.map(|rating| rating.source.clone()).collect()
    } else {
        Vec::new()
    };
    ScannerSeverity {
        scanner: report.scanner.clone(),
        severity: record.severity,
        source: source.map(str::to_owned),
        rule,
        rated_so_by,
    }
}

/// Trivy's rule unless told otherwise (`--vuln-severity-source auto`). Old reports do not name the
/// data source: one that is neither NVD nor GHSA is the advisory's own.
fn trivy(record: &Record, source: Option<&str>) -> SeverityRule {
    match (source, record.namespace.as_deref()) {
        (None, _) => SeverityRule::Unnamed,
        (Some(source), Some(own)) if source == own => SeverityRule::OwnSource,
        (Some("ghsa"), _) if record.id.starts_with("GHSA-") => SeverityRule::Ghsa,
        (Some("nvd"), _) => SeverityRule::Nvd,
        (Some(source), None) if source != "ghsa" => SeverityRule::OwnSource,
        (Some(_), _) => SeverityRule::Stated,
    }
}

/// Whose severity is shown instead of the highest any scanner gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SeverityFrom {
    /// The distribution or maker of the package: a source that is neither NVD nor GHSA.
    Vendor,
    /// A source of ratings, or a scanner, by name in lower case.
    Named(String),
}

impl SeverityFrom {
    /// Returns the name as it is typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Vendor => "vendor",
            Self::Named(name) => name,
        }
    }
}

impl fmt::Display for SeverityFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that no source can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no source: expected nvd, ghsa, vendor, another source's name, or a scanner")]
pub struct ParseSeverityFromError(String);

impl FromStr for SeverityFrom {
    type Err = ParseSeverityFromError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_ascii_lowercase();
        let is_name =
            |character: char| character.is_ascii_alphanumeric() || "-_.#".contains(character);
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            return Err(ParseSeverityFromError(text.to_owned()));
        }
        Ok(match name.as_str() {
            "vendor" => Self::Vendor,
            "github" => Self::Named("ghsa".to_owned()),
            _ => Self::Named(name),
        })
    }
}

/// The severity to show of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The severity.
    pub severity: Severity,
    /// Whether the source asked for does not rate it, so that this is the finding's own.
    pub is_fallback: bool,
}

/// Returns the severity to show of a finding: the source's, where it rates it, else its own.
#[must_use]
pub fn shown(finding: &Finding, reports: &[Arc<Report>], from: &SeverityFrom) -> Shown {
    let ratings = finding.ratings.iter().map(Arc::as_ref);
    let namespace =
        || records(finding, reports).find_map(|(_, record)| record.namespace.as_deref());
    let of_source = rated(ratings, vendor(&finding.package, namespace), from);
    let of_scanner = || {
        let said = records(finding, reports);
        let said = said.filter(|(report, _)| report.scanner.eq_ignore_ascii_case(from.as_str()));
        said.map(|(_, record)| record.severity).max()
    };
    let severity = of_source.or_else(of_scanner);
    Shown {
        severity: severity.unwrap_or(finding.severity),
        is_fallback: severity.is_none(),
    }
}

/// The vulnerability records of one report by id, to ask which severity to show of what it says.
#[derive(Clone, Debug)]
pub struct OneReport<'a> {
    report: &'a Report,
    records: HashMap<&'a str, Vec<&'a Record>>,
}

impl<'a> OneReport<'a> {
    /// Sorts the records of a report.
    #[must_use]
    pub fn new(report: &'a Report) -> Self {
        let mut records: HashMap<&str, Vec<&Record>> = HashMap::new();
        for record in &report.records {
            if record.kind == Kind::Vulnerability {
                records.entry(record.id.as_str()).or_default().push(record);
            }
        }
        Self { report, records }
    }

    /// Returns the severity to show of a vulnerability in a package: the source's, where the report
    /// has one, else `own`, which the report shows.
    #[must_use]
    pub fn shown(&self, id: &str, package: &str, own: Severity, from: &SeverityFrom) -> Shown {
        let records = self.records.get(id).map_or(&[][..], Vec::as_slice);
        let mut here = records
            .iter()
            .filter(|record| record.package.name == package);
        // The other side's name of the package may be another.
        let record = here.next().or(records.first());
        let rated = record.and_then(|record| {
            let ratings = record.ratings.iter().map(Arc::as_ref);
            rated(
                ratings,
                vendor(&record.package, || record.namespace.as_deref()),
                from,
            )
        });
        let is_meant = self.report.scanner.eq_ignore_ascii_case(from.as_str());
        let severity = rated.or(is_meant.then_some(own));
        Shown {
            severity: severity.unwrap_or(own),
            is_fallback: severity.is_none(),
        }
    }
}

/// Returns the highest severity that a source gives; none where it gives none, or says itself that
/// it does not know.
fn rated<'a>(
    ratings: impl Iterator<Item = &'a Rating>,
    vendor: Option<&str>,
    from: &SeverityFrom,
) -> Option<Severity> {
    let meant = |rating: &&Rating| match (from, vendor) {
        (SeverityFrom::Named(name), _) => rating.source.eq_ignore_ascii_case(name),
        (SeverityFrom::Vendor, Some(vendor)) => rating.source.starts_with(vendor),
        (SeverityFrom::Vendor, None) => is_vendor(&rating.source),
    };
    ratings
        .filter(meant)
        .map(|rating| rating.severity)
        .filter(|severity| *severity != Severity::Unknown)
        .max()
}

/// Returns the distribution that a package is of: what its package URL says, else where its
/// advisory is from. None for packages of other ecosystems.
fn vendor<'a>(
    package: &'a Package,
    namespace: impl FnOnce() -> Option<&'a str>,
) -> Option<&'a str> {
    if !matches!(package.ecosystem.as_str(), "deb" | "rpm" | "apk") {
        return None;
    }
    let purl = package.purl.as_ref();
    let own = purl.and_then(|purl| purl.namespace.as_deref());
    let of_advisory = || namespace()?.split(':').next();
    own.or_else(of_advisory).map(distribution)
}

/// Returns what the ratings of a distribution begin with: `redhat-oval` is Red Hat's.
fn distribution(name: &str) -> &str {
    match name {
        "rhel" | "centos" => "redhat",
        "ol" | "oraclelinux" => "oracle",
        "amzn" | "amazonlinux" => "amazon",
        "almalinux" => "alma",
        "rockylinux" => "rocky",
        "opensuse" | "sles" | "sle" => "suse",
        "mariner" => "cbl-mariner",
        other => other,
    }
}

/// Returns whether a source is a maker of software rather than a collection of advisories.
fn is_vendor(source: &str) -> bool {
    const COLLECTIONS: [&str; 9] = [
        "nvd",
        "ghsa",
        "osv",
        "glad",
        "govulndb",
        "go-vulndb",
        "unnamed",
        "docker-scout",
        "epss",
    ];
    let distributions = [
        "debian",
        "ubuntu",
        "redhat",
        "alpine",
        "amazon",
        "oracle",
        "suse",
        "photon",
        "rocky",
        "alma",
        "arch-linux",
        "cbl-mariner",
        "azure",
        "wolfi",
        "chainguard",
    ];
    // What a distribution says of its own package is not about this one.
    let is_distribution = distributions.iter().any(|name| source.starts_with(name));
    !is_distribution && !COLLECTIONS.contains(&source)
}

/// Returns every source that rates one of the findings, sorted: what can be asked for.
#[must_use]
pub fn sources(findings: &[Finding]) -> Vec<&str> {
    let ratings = findings.iter().flat_map(|finding| &finding.ratings);
    let sources: BTreeSet<&str> = ratings.map(|rating| rating.source.as_str()).collect();
    sources.into_iter().collect()
}

#[cfg(test)]
mod tests;
