//! Trivy's JSON: schema 2 of every version, the bare list and the `null` of schema 1.
//!
//! Fields are found by their presence, never by a version number (`SchemaVersion` has stayed 2
//! while fields came and went). The value of a secret is never kept.

mod header;
mod kubernetes;
mod operator;
mod record;
mod wire;

pub(super) use self::kubernetes::read as read_cluster;
pub(super) use self::operator::read as read_operator;

use self::record::Context;
use self::wire::{Document, ModifiedWire, PackageWire, ResultWire};
use super::detect::Kind as Detected;
use super::error::FormatError;
use super::json::{Entries, MaybeText as _, Source, place_of, reason_of};
use crate::model::{
    DatabaseAge, Format, Kind, Origin, Package, Record, Report, ScanOption, Severity, SuppressedBy,
    Suppression,
};

/// A filter is inferred only from at least so many vulnerabilities: fewer prove nothing.
const ENOUGH: usize = 20;

/// Distributions whose advisories list vulnerabilities without a fix as a matter of course.
const LISTS_UNFIXED: [&str; 4] = ["debian", "ubuntu", "redhat", "centos"];

/// Reads a report. `text` is the whole decoded text, the document lies at `start..end`.
///
/// # Errors
/// When the outermost object is damaged; everything below becomes a loss of the report.
pub(super) fn read(
    origin: Origin,
    text: &str,
    kind: Detected,
    (start, end): (usize, usize),
) -> Result<Report, FormatError> {
    let part = text.get(start..end).unwrap_or_default();
    let shape = |error: &serde_json::Error| FormatError::Shape {
        path: origin.path.clone(),
        part: "the report".to_owned(),
        place: place_of(text, start, error),
        reason: reason_of(error),
    };
    let mut source = Source::new(text);
    let mut document = Document::default();
    let results = match kind {
        Detected::TrivyNull => Vec::new(),
        Detected::TrivyList => {
            let list: Entries<'_> = serde_json::from_str(part).map_err(|error| shape(&error))?;
            results_of(&mut source, &list, "")
        }
        _ => {
            document = serde_json::from_str(part).map_err(|error| shape(&error))?;
            source.expect_list(&document.results, || "Results".to_owned());
            results_of(&mut source, &document.results, "Results")
        }
    };
    Ok(assemble(origin, source, &document, &results))
}

/// Reads the results of one document, or of one resource of a cluster.
fn assemble<'a>(
    origin: Origin,
    source: Source<'a>,
    document: &Document<'a>,
    results: &[(String, ResultWire<'a>)],
) -> Report {
    let mut reader = Reader {
        source,
        records: Vec::new(),
        packages: None,
        newest: None,
        custom: 0,
    };
    for (place, result) in results {
        reader.result(place, result);
    }
    let mut header = header::read(&mut reader.source, document);
    if header.claim.name.is_none() {
        header.name_after(results);
    }
    let looked = looked(&header, results, document);
    header::notices(&mut reader.source, &header, results, looked);
    if reader.custom > 0 {
        let notice = format!("{} results of own checks are not shown", reader.custom);
        reader.source.notices.push(notice);
    }
    let options = inferred_options(&reader.records, results);
    Report {
        origin,
        format: Format::TrivyJson,
        scanner: "trivy".to_owned(),
        scanner_version: header.version,
        created: header.created,
        database_built: reader.newest,
        database_age: match reader.newest {
            Some(_) => DatabaseAge::LowerBound,
            None => DatabaseAge::Unknown,
        },
        claim: header.claim,
        records: reader.records,
        losses: reader.source.losses,
        packages: reader.packages,
        options,
        looked_for_vulnerabilities: looked,
        notices: reader.source.notices,
    }
}

fn results_of<'a>(
    source: &mut Source<'a>,
    list: &Entries<'a>,
    name: &str,
) -> Vec<(String, ResultWire<'a>)> {
    let mut results = Vec::new();
    for (position, raw) in list.raw().iter().enumerate() {
        let place = format!("{name}[{position}]");
        let result: Option<Option<ResultWire<'a>>> = source.parse(raw, 1, || place.clone());
        results.extend(result.flatten().map(|result| (place, result)));
    }
    results
}

/// Whether a vulnerability result was made at all.
///
/// An image report without any result is the scan of an image in which nothing was catalogued.
fn looked(
    header: &header::Header,
    results: &[(String, ResultWire<'_>)],
    document: &Document<'_>,
) -> bool {
    if results.is_empty() {
        let whole = !matches!(document.results, Entries::NotAList(_));
        return whole && header.is_container && document.results.raw().is_empty();
    }
    results.iter().any(|(_, result)| match result.class.get() {
        Some(class) => matches!(class, "os-pkgs" | "lang-pkgs"),
        None => result.kind.get().is_some() || result.vulnerabilities.is_list(),
    })
}

struct Reader<'a> {
    source: Source<'a>,
    records: Vec<Record>,
    packages: Option<Vec<Package>>,
    newest: Option<chrono::DateTime<chrono::Utc>>,
    custom: usize,
}

impl<'a> Reader<'a> {
    fn result(&mut self, place: &str, result: &ResultWire<'a>) {
        let packages = self.catalogue(place, result);
        let context = Context::new(result, &packages);
        for (field, kind, entries) in [
            (
                "Vulnerabilities",
                Kind::Vulnerability,
                &result.vulnerabilities,
            ),
            (
                "Misconfigurations",
                Kind::Misconfiguration,
                &result.misconfigurations,
            ),
            ("Secrets", Kind::Secret, &result.secrets),
            ("Licenses", Kind::License, &result.licenses),
        ] {
            let place = format!("{place}.{field}");
            self.source.expect_list(entries, || place.clone());
            for (position, raw) in entries.raw().iter().enumerate() {
                let record = record::read(&mut self.source, &context, kind, raw, || {
                    format!("{place}[{position}]")
                });
                self.keep(record);
            }
        }
        self.modified(place, result, &context);
        self.custom += result.custom.raw().len();
    }

    fn keep(&mut self, record: Option<Record>) {
        if let Some(record) = record {
            self.newest = self.newest.max(record.modified);
            self.records.push(record);
        }
    }

    /// Findings that an ignore file or a VEX document took out of the lists above.
    fn modified(&mut self, place: &str, result: &ResultWire<'a>, context: &Context<'_>) {
        let place = format!("{place}.ExperimentalModifiedFindings");
        let entries = &result.modified;
        self.source.expect_list(entries, || place.clone());
        for (position, raw) in entries.raw().iter().enumerate() {
            let place = || format!("{place}[{position}]");
            let Some(entry) = self.source.parse::<ModifiedWire<'a>>(raw, 1, place) else {
                continue;
            };
            let kind = match entry.kind.get() {
                Some("misconfiguration") => Kind::Misconfiguration,
                Some("secret") => Kind::Secret,
                Some("license") => Kind::License,
                _ => Kind::Vulnerability,
            };
            let Some(finding) = entry.finding else {
                let reason = "the entry has no `Finding`".to_owned();
                self.source.lose(place(), Some(raw.get()), reason, 1);
                continue;
            };
            let record = record::read_suppressed(&mut self.source, context, kind, finding, || {
                format!("{}.Finding", place())
            });
            let span = self.source.span(raw.get());
            self.keep(record.map(|mut record| {
                record.span = span;
                record.suppressed_by = Some(Suppression {
                    by: SuppressedBy::Scanner,
                    source: entry.source.owned().unwrap_or_default(),
                    status: entry.status.owned().unwrap_or_default(),
                    statement: entry.statement.owned(),
                });
                record
            }));
        }
    }

    /// Keeps the packages a result lists: the only proof of what was catalogued.
    fn catalogue(&mut self, place: &str, result: &ResultWire<'a>) -> Vec<PackageWire<'a>> {
        let place = format!("{place}.Packages");
        self.source.expect_list(&result.packages, || place.clone());
        let mut wires = Vec::new();
        for (position, raw) in result.packages.raw().iter().enumerate() {
            let wire = self
                .source
                .parse::<PackageWire<'a>>(raw, 0, || format!("{place}[{position}]"));
            wires.extend(wire);
        }
        if result.packages.is_list() {
            let context = Context::new(result, &[]);
            self.packages
                .get_or_insert_default()
                .extend(wires.iter().map(|wire| context.catalogued(wire)));
        }
        wires
    }
}

/// Options that leave no mark in the report and are judged by what is missing from it.
fn inferred_options(records: &[Record], results: &[(String, ResultWire<'_>)]) -> Vec<ScanOption> {
    let counted: Vec<&Record> = records
        .iter()
        .filter(|record| record.kind == Kind::Vulnerability && record.suppressed_by.is_none())
        .collect();
    let mut options = Vec::new();
    let seen: Vec<Severity> = Severity::ALL
        .into_iter()
        .filter(|severity| counted.iter().any(|record| record.severity == *severity))
        .collect();
    let has_low = seen.contains(&Severity::Low) || seen.contains(&Severity::Unknown);
    if counted.len() >= ENOUGH && !has_low {
        let names: Vec<&str> = seen.iter().map(|severity| severity.as_str()).collect();
        options.push(inferred("severity", &names.join(",")));
    }
    let lists_unfixed = results.iter().any(|(_, result)| {
        let family = result.kind.get().unwrap_or_default();
        LISTS_UNFIXED.contains(&family)
    });
    let of_system: Vec<&&Record> = counted
        .iter()
        .filter(|record| matches!(record.package.ecosystem.as_str(), "deb" | "rpm"))
        .collect();
    let all_fixed = of_system
        .iter()
        .all(|record| !record.fix.versions.is_empty());
    if lists_unfixed && of_system.len() >= ENOUGH && all_fixed {
        options.push(inferred("ignore-unfixed", "true"));
    }
    options
}

fn inferred(name: &str, value: &str) -> ScanOption {
    ScanOption {
        name: name.to_owned(),
        value: value.to_owned(),
        recorded: false,
    }
}

#[cfg(test)]
mod tests;
