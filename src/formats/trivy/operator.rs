//! Resources of the Trivy operator: vulnerability, check and secret reports, one report each.
//!
//! The operator leaves out what the scanner knows about layers, sources of severities and most
//! packages' kinds. Compliance and SBOM resources hold no finding and are named only.

mod record;
mod wire;

use serde_json::value::RawValue;

use self::wire::{ListWire, ReportWire, ResourceWire};
use crate::formats::error::{FormatError, MAX_DOCUMENTS, quote};
use crate::formats::json::{Entries, MaybeText as _, Pairs, Source, place_of, reason_of};
use crate::model::{DatabaseAge, Format, Kind, Origin, Report, SubjectClaim};

/// Reads one resource or many: a list of Kubernetes', a bare list, or lists by resource type.
///
/// # Errors
/// When the outermost value is damaged, no resource holds findings, or there are more resources
/// than documents are read.
pub(in crate::formats) fn read(
    origin: &Origin,
    text: &str,
    (start, end): (usize, usize),
) -> Result<Vec<Report>, FormatError> {
    let part = text.get(start..end).unwrap_or_default();
    let mut source = Source::new(text);
    let resources = resources(&mut source, part).map_err(|error| FormatError::Shape {
        path: origin.path.clone(),
        part: "the resource".to_owned(),
        place: place_of(text, start, &error),
        reason: reason_of(&error),
    })?;
    let mut reports: Vec<Report> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for (place, raw) in resources {
        let wire: Option<ResourceWire<'_>> = source.parse(raw, 1, || place.clone());
        let Some(wire) = wire else { continue };
        let word = wire.kind.get().unwrap_or_default();
        let Some(kind) = kind_of(word) else {
            let word = quote(word);
            if others.len() < 8 && !others.contains(&word) {
                others.push(word);
            }
            continue;
        };
        reports.push(report(origin.clone(), text, &place, &wire, kind));
        if reports.len() > MAX_DOCUMENTS {
            let path = origin.path.clone();
            return Err(FormatError::TooManyDocuments { path });
        }
    }
    let Some(first) = reports.first_mut() else {
        let found = if source.losses.is_empty() {
            format!(
                "resources of the kinds {}, which hold no finding",
                others.join(", ")
            )
        } else {
            "damaged resources of the Trivy operator".to_owned()
        };
        let path = origin.path.clone();
        return Err(FormatError::UnknownJson { path, found });
    };
    first.losses.append(&mut source.losses);
    if !others.is_empty() {
        first.notices.push(format!(
            "resources of the kinds {} are not read",
            others.join(", ")
        ));
    }
    Ok(reports)
}

/// Returns what the findings of a kind of resource are about.
fn kind_of(word: &str) -> Option<Kind> {
    match word.strip_prefix("Cluster").unwrap_or(word) {
        "VulnerabilityReport" => Some(Kind::Vulnerability),
        "ConfigAuditReport" | "RbacAssessmentReport" | "InfraAssessmentReport" => {
            Some(Kind::Misconfiguration)
        }
        "ExposedSecretReport" => Some(Kind::Secret),
        _ => None,
    }
}

fn resources<'a>(
    source: &mut Source<'a>,
    part: &'a str,
) -> serde_json::Result<Vec<(String, &'a RawValue)>> {
    let list = |name: &str, entries: &Entries<'a>| {
        let entries = entries.raw().iter().enumerate();
        let found = entries.map(|(position, raw)| (format!("{name}[{position}]"), *raw));
        found.collect::<Vec<_>>()
    };
    if part.starts_with('[') {
        let entries: Entries<'a> = serde_json::from_str(part)?;
        return Ok(list("", &entries));
    }
    let outer: ListWire<'a> = serde_json::from_str(part)?;
    if outer.items.is_list() {
        return Ok(list("items", &outer.items));
    }
    if outer.kind.get().is_some() {
        let raw: &'a RawValue = serde_json::from_str(part)?;
        return Ok(vec![("the resource".to_owned(), raw)]);
    }
    let by_type: Pairs<'a, Entries<'a>> = serde_json::from_str(part)?;
    let mut found = Vec::new();
    for (name, entries) in &by_type.0 {
        source.expect_list(entries, || name.to_string());
        found.extend(list(name, entries));
    }
    Ok(found)
}

fn report<'a>(
    origin: Origin,
    text: &'a str,
    place: &str,
    wire: &ResourceWire<'a>,
    kind: Kind,
) -> Report {
    let mut source = Source::new(text);
    let read: Option<Option<ReportWire<'a>>> = wire
        .report
        .and_then(|raw| source.parse(raw, 1, || format!("{place}.report")));
    let part = read.flatten().unwrap_or_default();
    let (name, entries) = match kind {
        Kind::Vulnerability => ("vulnerabilities", &part.vulnerabilities),
        Kind::Secret => ("secrets", &part.secrets),
        _ => ("checks", &part.checks),
    };
    let place = format!("{place}.report.{name}");
    source.expect_list(entries, || place.clone());
    if !entries.is_list() && source.losses.is_empty() {
        let notice = format!("the resource has no list of {name}: nothing was looked up");
        source.notices.push(notice);
    }
    let resource = resource_name(wire);
    source.notices.push(format!(
        "reduced evidence: the Trivy operator's {} of {resource}",
        wire.kind.get().unwrap_or_default()
    ));
    let context = record::Context {
        resource: &resource,
        os: part.os.family.get(),
    };
    let mut records = Vec::new();
    for (position, raw) in entries.raw().iter().enumerate() {
        let place = || format!("{place}[{position}]");
        records.extend(record::read(&mut source, &context, kind, raw, place));
    }
    Report {
        origin,
        format: Format::TrivyOperator,
        scanner: "trivy".to_owned(),
        scanner_version: part.scanner.version.owned(),
        created: part.updated.time(),
        database_built: None,
        database_age: DatabaseAge::Unknown,
        claim: claim(&part, resource),
        records,
        losses: source.losses,
        packages: None,
        options: Vec::new(),
        looked_for_vulnerabilities: kind == Kind::Vulnerability && entries.is_list(),
        notices: source.notices,
    }
}

/// Returns `namespace/kind/name` of what was scanned, else the report's own name.
fn resource_name(wire: &ResourceWire<'_>) -> String {
    let label = |name: &str| {
        let mut labels = wire.metadata.labels.0.iter();
        let key = format!("trivy-operator.resource.{name}");
        labels
            .find(|(label, _)| **label == *key)
            .map(|(_, value)| value.0.trim())
            .filter(|value| !value.is_empty())
    };
    let words = [
        label("namespace").or_else(|| wire.metadata.namespace.get()),
        label("kind"),
        label("name").or_else(|| wire.metadata.name.get()),
    ];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    words.join("/")
}

fn claim(part: &ReportWire<'_>, resource: String) -> SubjectClaim {
    let os = [part.os.family.get(), part.os.name.get()];
    let os: Vec<&str> = os.into_iter().flatten().collect();
    let Some(repository) = part.artifact.repository.get() else {
        return SubjectClaim {
            name: Some(resource).filter(|name| !name.is_empty()),
            ..SubjectClaim::default()
        };
    };
    let repository = match part.registry.server.get() {
        Some("index.docker.io") => format!("docker.io/{repository}"),
        Some(server) => format!("{server}/{repository}"),
        None => repository.to_owned(),
    };
    let tag = part.artifact.tag.get();
    let tagged = tag.map(|tag| format!("{repository}:{tag}"));
    let digest = part.artifact.digest.digest();
    SubjectClaim {
        repo_digests: digest
            .map(|digest| format!("{repository}@{digest}"))
            .into_iter()
            .collect(),
        name: Some(tagged.clone().unwrap_or(repository)),
        tags: tagged.into_iter().collect(),
        os: (!os.is_empty()).then(|| os.join(" ")),
        is_image: true,
        ..SubjectClaim::default()
    }
}
