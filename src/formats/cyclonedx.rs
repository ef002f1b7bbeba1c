//! CycloneDX, versions 1.0 to 1.7 and what later ones keep of it.
//!
//! A scanner's document gives a report beside the SBOM; in others vulnerabilities are counted and
//! named in a notice. XML is written out as the JSON of the same specification first. Trees and paths are `triage::components`' work.

mod claim;
mod vulnerability;
mod wire;
pub(super) mod xml;

use std::collections::HashSet;

use serde_json::value::RawValue;

use self::wire::{ComponentWire, DependencyWire, Document, MetadataWire, ToolWire, ToolsWire};
use super::ecosystem::ecosystem;
use super::error::FormatError;
use super::json::{Entries, MaybeText as _, Source, place_of, reason_of};
use super::sbom::{Graph, Links, judge_count, judge_version, source_package, version};
use crate::model::{Component, Format, Location, Origin, Package, Report, Sbom};

/// The newest version of the specification that this reader was made for.
const NEWEST: (u32, u32) = (1, 7);

/// Reads an SBOM, and the report in it where a scanner wrote one. `text` is the whole decoded text, the document lies at `start..end`.
///
/// # Errors
/// When the outermost object is damaged; everything below becomes a loss of the SBOM.
pub(super) fn read(
    origin: Origin,
    text: &str,
    (start, end): (usize, usize),
) -> Result<(Sbom, Option<Report>), FormatError> {
    let part = text.get(start..end).unwrap_or_default();
    let document: Document<'_> =
        serde_json::from_str(part).map_err(|error| FormatError::Shape {
            path: origin.path.clone(),
            part: "the SBOM".to_owned(),
            place: place_of(text, start, &error),
            reason: reason_of(&error),
        })?;
    let mut source = Source::new(text);
    let metadata: Option<Option<MetadataWire<'_>>> = document
        .metadata
        .and_then(|raw| source.parse(raw, 0, || "metadata".to_owned()));
    let metadata = metadata.flatten().unwrap_or_default();
    let components = components(&mut source, &document.components);
    let root = metadata.component.as_ref();
    let root_reference = root.and_then(|root| root.reference.get());
    let graph = graph(
        &mut source,
        &components,
        root_reference,
        &document.dependencies,
    );
    let spec_version = document.spec_version.owned().unwrap_or_default();
    let tool = metadata.tools.as_ref().and_then(first_tool);
    let scanner = vulnerability::scanner(tool);
    judge_version(&mut source, &spec_version, NEWEST);
    judge_count(&mut source, components.len());
    let unread = document.vulnerabilities.raw().len();
    if unread > 0 && scanner.is_none() {
        source.notices.push(format!(
            "{unread} vulnerabilities in this SBOM are not read as findings: scan the image, or \
             load the scanner's own report"
        ));
    }
    source.expect_list(&document.vulnerabilities, || "vulnerabilities".to_owned());
    let sbom = Sbom {
        claim: claim::read(&metadata, &components),
        producer: tool.and_then(producer),
        origin,
        format: if document.written.get() == Some("xml") {
            Format::CyclonedxXml
        } else {
            Format::CyclonedxJson
        },
        spec_version,
        components,
        depends_on: graph.depends_on,
        roots: graph.roots,
        losses: source.losses,
        notices: source.notices,
    };
    let report = match (scanner, tool) {
        (Some(scanner), Some(tool)) => vulnerability::read(
            text,
            &sbom,
            scanner,
            tool,
            &metadata.timestamp,
            &document.vulnerabilities,
        ),
        _ => None,
    };
    Ok((sbom, report))
}

/// Reads the components in the document's order, each before those nested in it.
///
/// An own stack instead of recursion: how deep a document may nest is checked before.
fn components<'a>(source: &mut Source<'a>, list: &Entries<'a>) -> Vec<Component> {
    let mut components = Vec::new();
    source.expect_list(list, || "components".to_owned());
    let mut waiting: Vec<(&'a RawValue, String, Option<u32>)> = Vec::new();
    push(&mut waiting, list, "components", None);
    while let Some((raw, place, parent)) = waiting.pop() {
        let wire: Option<Option<ComponentWire<'a>>> = source.parse(raw, 1, || place.clone());
        let Some(wire) = wire else { continue };
        let Some(wire) = wire else {
            let reason = "the entry is null".to_owned();
            source.lose(place, Some(raw.get()), reason, 1);
            continue;
        };
        let number = u32::try_from(components.len()).unwrap_or(u32::MAX);
        components.push(component(&wire, parent));
        let nested = format!("{place}.components");
        source.expect_list(&wire.components, || nested.clone());
        push(&mut waiting, &wire.components, &nested, Some(number));
    }
    components
}

fn push<'a>(
    waiting: &mut Vec<(&'a RawValue, String, Option<u32>)>,
    list: &Entries<'a>,
    place: &str,
    parent: Option<u32>,
) {
    let entries = list.raw().iter().enumerate().rev();
    waiting.extend(entries.map(|(position, raw)| (*raw, format!("{place}[{position}]"), parent)));
}

fn component(wire: &ComponentWire<'_>, parent: Option<u32>) -> Component {
    let purl = wire.purl.purl();
    let word = wire
        .property("aquasecurity:trivy:PkgType")
        .or_else(|| wire.property("syft:package:type"))
        .unwrap_or_default();
    let known = purl.is_some() || !word.is_empty();
    let ecosystem = known.then(|| ecosystem(purl.as_ref(), word));
    let ecosystem = ecosystem.unwrap_or_default();
    Component {
        reference: wire.reference.owned(),
        kind: wire.kind.owned().unwrap_or_default(),
        package: Package {
            name: name(wire, &ecosystem),
            version: version(wire.version.get(), purl.as_ref()),
            ecosystem,
            locations: locations(wire),
            source: wire
                .property("aquasecurity:trivy:SrcName")
                .map(str::to_owned)
                .or_else(|| source_package(purl.as_ref())),
            licenses: wire.license_texts(),
            purl,
        },
        parent,
    }
}

/// The group is part of the name: `group:artifact` for Maven, `group/name` for the others.
fn name(wire: &ComponentWire<'_>, ecosystem: &str) -> String {
    let name = wire.name.get().unwrap_or_default();
    let separator = if ecosystem == "maven" { ':' } else { '/' };
    match wire.group.get() {
        Some(group) if !name.starts_with(&format!("{group}{separator}")) => {
            format!("{group}{separator}{name}")
        }
        _ => name.to_owned(),
    }
}

/// Paths are in each tool's own properties, or in the evidence of the specification.
fn locations(wire: &ComponentWire<'_>) -> Vec<Location> {
    // No real component is in more places; each is looked for among all properties.
    const MOST: usize = 1000;
    let mut locations: Vec<Location> = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |path: &str, layer: Option<&str>| {
        let layer = layer.and_then(|layer| layer.parse().ok());
        let location = Location {
            path: path.to_owned(),
            layer,
        };
        if seen.insert(location.clone()) {
            locations.push(location);
        }
    };
    for number in 0..MOST {
        let Some(path) = wire.property(&format!("syft:location:{number}:path")) else {
            break;
        };
        add(
            path,
            wire.property(&format!("syft:location:{number}:layerID")),
        );
    }
    let path = wire.property("aquasecurity:trivy:FilePath");
    let layer = wire
        .property("aquasecurity:trivy:LayerDiffID")
        .or_else(|| wire.property("aquasecurity:trivy:LayerDigest"));
    if path.is_some() || layer.is_some() {
        add(path.unwrap_or_default(), layer);
    }
    let occurrences = wire.evidence.iter().flat_map(|entry| &entry.occurrences.0);
    for path in occurrences.filter_map(|entry| entry.location.get()) {
        add(path, None);
    }
    locations
}

fn graph<'a>(
    source: &mut Source<'a>,
    components: &[Component],
    root: Option<&str>,
    list: &Entries<'a>,
) -> Graph {
    let mut links = Links::new(components);
    source.expect_list(list, || "dependencies".to_owned());
    for (position, raw) in list.raw().iter().enumerate() {
        let wire: Option<DependencyWire<'a>> =
            source.parse(raw, 0, || format!("dependencies[{position}]"));
        let Some(wire) = wire else { continue };
        let reference = wire.reference.get().unwrap_or_default();
        let is_root = root == Some(reference);
        let from = links.number(reference).filter(|_| !is_root);
        if from.is_none() && !is_root {
            links.dangles();
            continue;
        }
        for target in &wire.depends_on.0 {
            match links.number(target.0.trim()) {
                Some(number) => links.depends(from, number),
                None => links.dangles(),
            }
        }
    }
    links.finish(&mut source.notices)
}

fn first_tool<'w, 'a>(tools: &'w ToolsWire<'a>) -> Option<&'w ToolWire<'a>> {
    match tools {
        ToolsWire::List(tools) => tools.first(),
        ToolsWire::Object { components } => components.0.first(),
        ToolsWire::Other(_) => None,
    }
}

fn producer(tool: &ToolWire<'_>) -> Option<String> {
    let words = [tool.name.get(), tool.version.get()];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests;
