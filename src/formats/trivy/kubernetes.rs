//! Trivy's report about a cluster: one report a resource, so that each image is its own subject.
//!
//! The results of a resource are those of any Trivy report and are read as such.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::Document;
use super::{assemble, results_of};
use crate::formats::error::{FormatError, MAX_DOCUMENTS};
use crate::formats::json::{Entries, Maybe, MaybeText as _, Source, place_of, reason_of};
use crate::model::{Origin, Report};

/// The outermost object; the last two lists are those of the first versions.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ClusterWire<'a> {
    #[serde(borrow)]
    cluster_name: Maybe<'a>,
    #[serde(borrow)]
    resources: Entries<'a>,
    #[serde(borrow)]
    findings: Entries<'a>,
    #[serde(borrow)]
    vulnerabilities: Entries<'a>,
    #[serde(borrow)]
    misconfigurations: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ResourceWire<'a> {
    #[serde(borrow)]
    namespace: Maybe<'a>,
    #[serde(borrow)]
    kind: Maybe<'a>,
    #[serde(borrow)]
    name: Maybe<'a>,
    /// An object, or a list with one for each container.
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    results: Entries<'a>,
    #[serde(borrow)]
    error: Maybe<'a>,
}

/// Reads a cluster's report. `text` is the whole decoded text, the document lies at `start..end`.
///
/// # Errors
/// When the outermost object is damaged, or there are more resources than documents are read.
pub(in crate::formats) fn read(
    origin: &Origin,
    text: &str,
    (start, end): (usize, usize),
) -> Result<Vec<Report>, FormatError> {
    let part = text.get(start..end).unwrap_or_default();
    let cluster: ClusterWire<'_> =
        serde_json::from_str(part).map_err(|error| FormatError::Shape {
            path: origin.path.clone(),
            part: "the report".to_owned(),
            place: place_of(text, start, &error),
            reason: reason_of(&error),
        })?;
    let mut source = Source::new(text);
    let mut reports = Vec::new();
    let mut empty = 0_usize;
    for (name, entries) in [
        ("Resources", &cluster.resources),
        ("Findings", &cluster.findings),
        ("Vulnerabilities", &cluster.vulnerabilities),
        ("Misconfigurations", &cluster.misconfigurations),
    ] {
        source.expect_list(entries, || name.to_owned());
        for (position, raw) in entries.raw().iter().enumerate() {
            let place = format!("{name}[{position}]");
            let wire: Option<ResourceWire<'_>> = source.parse(raw, 1, || place.clone());
            let Some(wire) = wire else { continue };
            if matches!(wire.results, Entries::Absent) && wire.error.get().is_none() {
                empty += 1;
                continue;
            }
            reports.push(resource(origin.clone(), text, &place, &wire));
            if reports.len() > MAX_DOCUMENTS {
                let path = origin.path.clone();
                return Err(FormatError::TooManyDocuments { path });
            }
        }
    }
    // What belongs to no resource must not get lost.
    if reports.is_empty() || !source.losses.is_empty() {
        let mut report = assemble(origin.clone(), source, &Document::default(), &[]);
        report.claim.name = cluster.cluster_name.owned();
        reports.push(report);
    }
    if let Some(first) = reports.first_mut().filter(|_| empty > 0) {
        let notice = format!("{empty} resources of the cluster have no result");
        first.notices.push(notice);
    }
    Ok(reports)
}

fn resource<'a>(origin: Origin, text: &'a str, place: &str, wire: &ResourceWire<'a>) -> Report {
    let mut source = Source::new(text);
    if let Some(error) = wire.error.get() {
        let error = crate::text::Safe::limited(error, 200);
        let reason = format!("the scan of the resource failed: {}", error.as_str());
        source.lose(format!("{place}.Error"), None, reason, 0);
    }
    let words = [wire.namespace.get(), wire.kind.get(), wire.name.get()];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    let name = words.join("/");
    source.notices.push(format!("resource {name} of a cluster"));
    let document = Document {
        metadata: metadata(&mut source, place, wire.metadata),
        results: wire.results.clone(),
        ..Document::default()
    };
    source.expect_list(&wire.results, || format!("{place}.Results"));
    let results = results_of(&mut source, &wire.results, &format!("{place}.Results"));
    let mut report = assemble(origin, source, &document, &results);
    if report.claim.name.is_none() {
        report.claim.name = report.claim.tags.first().cloned().or(Some(name));
    }
    report
}

/// Where several containers are listed, nothing says whose result is whose.
fn metadata<'a>(
    source: &mut Source<'a>,
    place: &str,
    raw: Option<&'a RawValue>,
) -> Option<&'a RawValue> {
    let raw = raw?;
    if !raw.get().starts_with('[') {
        return Some(raw);
    }
    let list: Entries<'a> = source.parse(raw, 0, || format!("{place}.Metadata"))?;
    match list.raw() {
        [one] => Some(one),
        many => {
            let notice = format!("{} images are mixed in this resource", many.len());
            source.notices.push(notice);
            None
        }
    }
}
