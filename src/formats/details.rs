//! The long texts of one record, parsed from its bytes when somebody looks at it.
//!
//! Nothing here is kept with the records; a secret's value is not read here either.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::error::FormatError;
use super::json::{List, Maybe, MaybeText as _, Text, reason_of};
use crate::model::Format;
use crate::text::secret;

/// The details of one record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// The description, as written.
    pub description: String,
    /// What the check found, for misconfigurations.
    pub message: Option<String>,
    /// What to do about it, for misconfigurations.
    pub resolution: Option<String>,
    /// The page of the scanner's own database.
    pub primary_url: Option<String>,
    /// Links, in the report's order, without repetition.
    pub references: Vec<String>,
    /// Weaknesses: `CWE-400`.
    pub cwes: Vec<String>,
    /// When it was published.
    pub published: Option<DateTime<Utc>>,
    /// When its advisory was last changed.
    pub modified: Option<DateTime<Utc>>,
    /// The scanner's own word for the fix or check, such as `will_not_fix`.
    pub status: Option<String>,
    /// First and last line in the file, for secrets and misconfigurations.
    pub lines: Option<(u64, u64)>,
}

impl Details {
    /// Returns the details with every secret masked, for records that quote the image itself.
    #[must_use]
    pub fn masked(mut self) -> Self {
        let hide = |text: &mut String| *text = secret::mask(text).into_owned();
        hide(&mut self.description);
        let single = [&mut self.message, &mut self.resolution, &mut self.status];
        single.into_iter().flatten().for_each(hide);
        self.references.iter_mut().for_each(hide);
        self.primary_url.iter_mut().for_each(hide);
        self
    }
}

/// Reads the details of one record from its bytes (a record's `Span` of the decoded text).
///
/// # Errors
/// When the bytes are no entry of a report of `format`.
pub fn details(format: Format, record: &[u8]) -> Result<Details, FormatError> {
    match format {
        Format::TrivyJson => trivy(record),
        Format::GrypeJson => grype(record),
        Format::Sarif => sarif(record),
        Format::TrivyOperator => operator(record),
        Format::CyclonedxJson | Format::CyclonedxXml => cyclonedx(record),
        Format::SpdxJson
        | Format::SpdxTagValue
        | Format::Spdx3Json
        | Format::SyftJson
        | Format::Trivyignore
        | Format::TrivyignoreYaml
        | Format::GrypeConfig
        | Format::OpenVex
        | Format::CyclonedxVex
        | Format::CsafVex => Err(FormatError::Record {
            reason: format!("{} holds no records", format.as_str()),
        }),
    }
}

fn parse<'a, T: Deserialize<'a>>(record: &'a [u8]) -> Result<T, FormatError> {
    serde_json::from_slice(record).map_err(|error| FormatError::Record {
        reason: reason_of(&error),
    })
}

/// The fields of every kind of Trivy's entries; `Finding` holds those of a suppressed one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct TrivyWire<'a> {
    #[serde(borrow)]
    finding: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    description: Maybe<'a>,
    #[serde(borrow)]
    message: Maybe<'a>,
    #[serde(borrow)]
    resolution: Maybe<'a>,
    #[serde(borrow, rename = "PrimaryURL")]
    primary_url: Maybe<'a>,
    #[serde(borrow)]
    link: Maybe<'a>,
    #[serde(borrow)]
    references: List<Text<'a>>,
    #[serde(borrow, rename = "CweIDs")]
    cwes: List<Text<'a>>,
    #[serde(borrow)]
    published_date: Maybe<'a>,
    #[serde(borrow)]
    last_modified_date: Maybe<'a>,
    #[serde(borrow)]
    status: Maybe<'a>,
    start_line: Option<u64>,
    end_line: Option<u64>,
    cause_metadata: Option<CauseWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct CauseWire {
    start_line: Option<u64>,
    end_line: Option<u64>,
}

fn trivy(record: &[u8]) -> Result<Details, FormatError> {
    let outer: TrivyWire<'_> = parse(record)?;
    let wire = match outer.finding {
        Some(finding) => parse(finding.get().as_bytes())?,
        None => outer,
    };
    let cause = wire.cause_metadata.unwrap_or_default();
    let start = wire.start_line.or(cause.start_line);
    let end = wire.end_line.or(cause.end_line);
    Ok(Details {
        description: wire.description.owned().unwrap_or_default(),
        message: wire.message.owned(),
        resolution: wire.resolution.owned(),
        primary_url: wire.primary_url.owned().or_else(|| wire.link.owned()),
        references: unique(wire.references.texts()),
        cwes: unique(wire.cwes.texts()),
        published: wire.published_date.time(),
        modified: wire.last_modified_date.time(),
        status: wire.status.owned(),
        lines: start
            .filter(|start| *start > 0)
            .map(|start| (start, end.unwrap_or(start))),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct GrypeWire<'a> {
    #[serde(borrow)]
    vulnerability: Option<VulnerabilityWire<'a>>,
    #[serde(borrow)]
    related_vulnerabilities: List<VulnerabilityWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct VulnerabilityWire<'a> {
    #[serde(borrow)]
    data_source: Maybe<'a>,
    #[serde(borrow)]
    description: Maybe<'a>,
    #[serde(borrow)]
    urls: List<Text<'a>>,
    /// The name of `urls` until 0.12.
    #[serde(borrow)]
    links: List<Text<'a>>,
    #[serde(borrow)]
    cwes: List<CweWire<'a>>,
    #[serde(borrow)]
    advisories: List<AdvisoryWire<'a>>,
    #[serde(borrow)]
    fix: Option<FixWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CweWire<'a> {
    #[serde(borrow)]
    cwe: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AdvisoryWire<'a> {
    #[serde(borrow)]
    link: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FixWire<'a> {
    #[serde(borrow)]
    state: Maybe<'a>,
}

fn grype(record: &[u8]) -> Result<Details, FormatError> {
    let wire: GrypeWire<'_> = parse(record)?;
    let entries: Vec<&VulnerabilityWire<'_>> = wire
        .vulnerability
        .iter()
        .chain(&wire.related_vulnerabilities.0)
        .collect();
    let first = wire.vulnerability.as_ref();
    let mut references = Vec::new();
    for entry in &entries {
        references.extend(entry.data_source.owned());
        references.extend(entry.urls.texts());
        references.extend(entry.links.texts());
        let advisories = entry.advisories.0.iter();
        references.extend(advisories.filter_map(|advisory| advisory.link.owned()));
    }
    let cwes = entries.iter().flat_map(|entry| &entry.cwes.0);
    Ok(Details {
        description: entries
            .iter()
            .find_map(|entry| entry.description.owned())
            .unwrap_or_default(),
        primary_url: first.and_then(|entry| entry.data_source.owned()),
        references: unique(references),
        cwes: unique(cwes.filter_map(|cwe| cwe.cwe.owned()).collect()),
        status: first
            .and_then(|entry| entry.fix.as_ref())
            .and_then(|fix| fix.state.owned()),
        ..Details::default()
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CyclonedxWire<'a> {
    #[serde(borrow)]
    description: Maybe<'a>,
    #[serde(borrow)]
    recommendation: Maybe<'a>,
    cwes: List<u64>,
    #[serde(borrow)]
    advisories: List<UrlWire<'a>>,
    #[serde(borrow)]
    source: Option<UrlWire<'a>>,
    #[serde(borrow)]
    published: Maybe<'a>,
    #[serde(borrow)]
    updated: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UrlWire<'a> {
    #[serde(borrow)]
    url: Maybe<'a>,
}

fn cyclonedx(record: &[u8]) -> Result<Details, FormatError> {
    let wire: CyclonedxWire<'_> = parse(record)?;
    let advisories = wire.advisories.0.iter();
    let references = unique(advisories.filter_map(|it| it.url.owned()).collect());
    Ok(Details {
        description: wire.description.owned().unwrap_or_default(),
        resolution: wire.recommendation.owned(),
        primary_url: references
            .first()
            .cloned()
            .or_else(|| wire.source.and_then(|source| source.url.owned())),
        references,
        cwes: wire.cwes.0.iter().map(|cwe| format!("CWE-{cwe}")).collect(),
        published: wire.published.time(),
        modified: wire.updated.time(),
        ..Details::default()
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SarifWire<'a> {
    #[serde(borrow)]
    message: MessageWire<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MessageWire<'a> {
    #[serde(borrow)]
    text: Maybe<'a>,
}

/// A result has its message only; what follows `Match:` in it is a secret.
fn sarif(record: &[u8]) -> Result<Details, FormatError> {
    let wire: SarifWire<'_> = parse(record)?;
    let text = wire.message.text.get().unwrap_or_default();
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .take_while(|line| !line.starts_with("Match:"))
        .collect();
    let addresses = lines.iter().filter_map(|line| {
        let (_, address) = line.strip_prefix("Link:")?.split_once("](")?;
        Some(address.strip_suffix(')')?.to_owned())
    });
    let references = unique(addresses.collect());
    Ok(Details {
        description: lines.join("\n"),
        primary_url: references.first().cloned(),
        references,
        ..Details::default()
    })
}

/// The fields of every kind of the operator's entries. A secret's `match` is none of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OperatorWire<'a> {
    #[serde(borrow)]
    description: Maybe<'a>,
    #[serde(borrow)]
    messages: List<Text<'a>>,
    #[serde(borrow)]
    remediation: Maybe<'a>,
    #[serde(borrow)]
    primary_link: Maybe<'a>,
    #[serde(borrow)]
    links: List<Text<'a>>,
    #[serde(borrow)]
    published_date: Maybe<'a>,
    #[serde(borrow)]
    last_modified_date: Maybe<'a>,
}

fn operator(record: &[u8]) -> Result<Details, FormatError> {
    let wire: OperatorWire<'_> = parse(record)?;
    let messages = wire.messages.texts();
    Ok(Details {
        description: wire.description.owned().unwrap_or_default(),
        message: (!messages.is_empty()).then(|| messages.join("\n")),
        resolution: wire.remediation.owned(),
        primary_url: wire.primary_link.owned(),
        references: unique(wire.links.texts()),
        published: wire.published_date.time(),
        modified: wire.last_modified_date.time(),
        ..Details::default()
    })
}

fn unique(texts: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    texts
        .into_iter()
        .filter(|text| seen.insert(text.clone()))
        .collect()
}
