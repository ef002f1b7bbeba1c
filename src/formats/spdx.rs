//! SPDX 2.1 to 2.3, in JSON or written out as such from tag-value form, and SPDX 3 in `linked`.
//!
//! Files are read only as the places of packages; snippets and reviews are left out.

mod claim;
mod linked;
pub(super) mod tag_value;
mod wire;

use std::collections::HashMap;

use self::wire::{
    AnnotationWire, Annotations, CreationWire, Document, ExtractedWire, FileWire, PackageWire,
    RelationshipWire,
};
use super::ecosystem::ecosystem;
use super::error::FormatError;
use super::json::{Entries, List, MaybeText as _, Source, Text, place_of, reason_of};
use super::sbom::{Graph, Links, judge_count, judge_version, source_package, version};
use crate::model::{Component, Format, Location, Origin, Package, Sbom};

pub(super) use self::linked::read as read_linked;

/// The newest version of the specification that this reader was made for.
const NEWEST: (u32, u32) = (2, 3);

/// Reads an SBOM. `text` is the whole decoded text, the document lies at `start..end`.
///
/// # Errors
/// When the outermost object is damaged; everything below becomes a loss of the SBOM.
pub(super) fn read(
    origin: Origin,
    text: &str,
    (start, end): (usize, usize),
) -> Result<Sbom, FormatError> {
    let part = text.get(start..end).unwrap_or_default();
    let document: Document<'_> =
        serde_json::from_str(part).map_err(|error| FormatError::Shape {
            path: origin.path.clone(),
            part: "the SBOM".to_owned(),
            place: place_of(text, start, &error),
            reason: reason_of(&error),
        })?;
    let mut source = Source::new(text);
    let creation: Option<CreationWire<'_>> = document
        .creation_info
        .and_then(|raw| source.parse(raw, 0, || "creationInfo".to_owned()));
    let producer = creation.as_ref().and_then(CreationWire::producer);
    let is_trivy = producer
        .as_deref()
        .is_some_and(|it| it.starts_with("trivy"));
    let annotations = annotations(&mut source, &document.annotations);
    let licenses = extracted(&mut source, &document.has_extracted_licensing_infos);
    let packages = packages(&mut source, &document.packages);
    let mut components: Vec<Component> = packages
        .iter()
        .map(|wire| component(wire, &annotations, &licenses))
        .collect();
    let links = Links::new(&components);
    let (graph, found) = relate(&mut source, links, &document, is_trivy);
    locate(&mut source, &mut components, &found, &document.files);
    if producer.as_deref().is_some_and(|it| it.starts_with("syft")) {
        locate_by_prose(&mut components, &packages);
    }
    let spec_version = document.spdx_version.get().unwrap_or_default();
    let spec_version = spec_version.strip_prefix("SPDX-").unwrap_or(spec_version);
    judge_version(&mut source, spec_version, NEWEST);
    judge_count(&mut source, components.len());
    Ok(Sbom {
        claim: claim::read(
            &document,
            &packages,
            &components,
            &graph.roots,
            &annotations,
        ),
        producer,
        origin,
        format: if document.written.get() == Some("tag-value") {
            Format::SpdxTagValue
        } else {
            Format::SpdxJson
        },
        spec_version: spec_version.to_owned(),
        components,
        depends_on: graph.depends_on,
        roots: graph.roots,
        losses: source.losses,
        notices: source.notices,
    })
}

fn annotations<'a>(source: &mut Source<'a>, list: &Entries<'a>) -> Annotations<'a> {
    let mut annotations: Annotations<'a> = HashMap::new();
    source.expect_list(list, || "annotations".to_owned());
    for (position, raw) in list.raw().iter().enumerate() {
        let wire: Option<AnnotationWire<'a>> =
            source.parse(raw, 0, || format!("annotations[{position}]"));
        let Some(wire) = wire else { continue };
        if let Some(reference) = wire.about.owned() {
            annotations.entry(reference).or_default().push(wire);
        }
    }
    annotations
}

/// The names behind references to licences that are not on SPDX's list.
fn extracted<'a>(source: &mut Source<'a>, list: &Entries<'a>) -> HashMap<String, String> {
    let mut licenses = HashMap::new();
    source.expect_list(list, || "hasExtractedLicensingInfos".to_owned());
    for (position, raw) in list.raw().iter().enumerate() {
        let wire: Option<ExtractedWire<'a>> =
            source.parse(raw, 0, || format!("hasExtractedLicensingInfos[{position}]"));
        let Some(wire) = wire else { continue };
        if let (Some(id), Some(name)) = (wire.id.owned(), wire.name.owned()) {
            licenses.entry(id).or_insert(name);
        }
    }
    licenses
}

fn packages<'a>(source: &mut Source<'a>, list: &Entries<'a>) -> Vec<PackageWire<'a>> {
    let mut packages = Vec::new();
    source.expect_list(list, || "packages".to_owned());
    for (position, raw) in list.raw().iter().enumerate() {
        let place = || format!("packages[{position}]");
        let wire: Option<Option<PackageWire<'a>>> = source.parse(raw, 1, place);
        let Some(wire) = wire else { continue };
        let lacks = match &wire {
            None => Some("the entry is null"),
            Some(wire) if wire.name.is_none() => Some("the package has no `name`"),
            Some(wire) if wire.reference.get().is_none() => Some("the package has no `SPDXID`"),
            Some(_) => None,
        };
        match (lacks, wire) {
            (None, Some(wire)) => packages.push(wire),
            (reason, _) => {
                let reason = reason.unwrap_or_default().to_owned();
                source.lose(place(), Some(raw.get()), reason, 1);
            }
        }
    }
    packages
}

fn component(
    wire: &PackageWire<'_>,
    annotations: &Annotations<'_>,
    licenses: &HashMap<String, String>,
) -> Component {
    let purl = wire.purl();
    let word = wire.said("PkgType", annotations);
    let known = purl.is_some() || word.is_some();
    let ecosystem = known.then(|| ecosystem(purl.as_ref(), word.unwrap_or_default()));
    let built_from = wire.source_info.get().and_then(|text| {
        let (name, _version) = text
            .strip_prefix("built package from: ")?
            .rsplit_once(' ')?;
        Some(name.to_owned())
    });
    let layer = wire
        .said("LayerDiffID", annotations)
        .or_else(|| wire.said("LayerDigest", annotations));
    Component {
        reference: wire.reference.owned(),
        kind: wire.kind(),
        package: Package {
            // A package for a layer may have an empty name.
            name: wire
                .name
                .owned()
                .or_else(|| wire.reference.owned())
                .unwrap_or_default(),
            version: version(wire.version.get(), purl.as_ref()),
            ecosystem: ecosystem.unwrap_or_default(),
            locations: layer
                .map(|layer| Location {
                    path: String::new(),
                    layer: layer.parse().ok(),
                })
                .into_iter()
                .collect(),
            source: built_from.or_else(|| source_package(purl.as_ref())),
            licenses: wire.license(licenses).into_iter().collect(),
            purl,
        },
        parent: None,
    }
}

/// Where packages were found: number of the component, and the file's reference.
type Found<'a> = Vec<(u32, Text<'a>)>;

/// How a relationship of two packages is turned into a dependency.
enum Direction {
    /// The first depends on the second, or contains it.
    Forward,
    /// The other way round.
    Backward,
    /// The first is the document, and describes the second.
    Describes,
    /// The second is a file in which the first was found.
    Evidence,
    /// It says something else.
    Other,
}

fn direction(kind: &str, comment: Option<&str>) -> Direction {
    match kind {
        "DESCRIBES" | "DESCRIBE" => Direction::Describes,
        "CONTAINS" | "DEPENDS_ON" | "HAS_PREREQUISITE" | "STATIC_LINK" | "DYNAMIC_LINK" => {
            Direction::Forward
        }
        "CONTAINED_BY" | "PREREQUISITE_FOR" | "PACKAGE_OF" | "VARIANT_OF" => Direction::Backward,
        "OTHER" if comment.is_some_and(|text| text.starts_with("evident-by")) => {
            Direction::Evidence
        }
        kind if kind.ends_with("DEPENDENCY_OF") => Direction::Backward,
        _ => Direction::Other,
    }
}

/// Reads who depends on whom, and in which files packages were found.
fn relate<'a>(
    source: &mut Source<'a>,
    mut links: Links<'_>,
    document: &Document<'a>,
    is_trivy: bool,
) -> (Graph, Found<'a>) {
    let mut found = Vec::new();
    let described: Option<List<Text<'a>>> = document
        .describes
        .and_then(|raw| source.parse(raw, 0, || "documentDescribes".to_owned()));
    for reference in described.unwrap_or_default().0 {
        match links.number(reference.0.trim()) {
            Some(number) => links.depends(None, number),
            None => links.dangles(),
        }
    }
    let list = &document.relationships;
    source.expect_list(list, || "relationships".to_owned());
    let own = document.reference.get().unwrap_or("SPDXRef-DOCUMENT");
    for (position, raw) in list.raw().iter().enumerate() {
        let wire: Option<RelationshipWire<'a>> =
            source.parse(raw, 0, || format!("relationships[{position}]"));
        let Some(wire) = wire else { continue };
        let (Some(one), Some(other)) = (wire.element.get(), wire.related) else {
            continue;
        };
        let numbers = (links.number(one), links.number(other.0.trim()));
        match (
            direction(wire.kind.get().unwrap_or_default(), wire.comment.get()),
            numbers,
        ) {
            (Direction::Forward, (Some(from), Some(on)))
            | (Direction::Backward, (Some(on), Some(from))) => links.depends(Some(from), on),
            (Direction::Describes, (_, Some(number))) if one == own => links.depends(None, number),
            (Direction::Evidence, (Some(number), None)) => found.push((number, other)),
            (Direction::Forward, (Some(number), None)) if is_trivy => found.push((number, other)),
            _ => {}
        }
    }
    (links.finish(&mut source.notices), found)
}

/// Adds the files in which packages were found.
fn locate<'a>(
    source: &mut Source<'a>,
    components: &mut [Component],
    found: &Found<'a>,
    files: &Entries<'a>,
) {
    source.expect_list(files, || "files".to_owned());
    if found.is_empty() {
        return;
    }
    let mut known: HashMap<String, FileWire<'a>> = HashMap::new();
    for (position, raw) in files.raw().iter().enumerate() {
        let wire: Option<FileWire<'a>> = source.parse(raw, 0, || format!("files[{position}]"));
        if let Some((reference, wire)) = wire.and_then(|it| Some((it.reference.owned()?, it))) {
            known.insert(reference, wire);
        }
    }
    for (number, file) in found {
        let Some(wire) = known.get(file.0.trim()) else {
            continue;
        };
        let Some(component) = components.get_mut(*number as usize) else {
            continue;
        };
        let layer = wire
            .comment
            .get()
            .and_then(|text| text.strip_prefix("layerID: "));
        let location = Location {
            path: wire.name.owned().unwrap_or_default(),
            layer: layer.and_then(|digest| digest.trim().parse().ok()),
        };
        let locations = &mut component.package.locations;
        match locations.as_mut_slice() {
            // Trivy names layer and file apart.
            [only] if only.path.is_empty() => only.path = location.path,
            _ => locations.push(location),
        }
    }
    for component in components {
        component.package.locations.sort();
        component.package.locations.dedup();
    }
}

/// Before Syft linked packages to files it named them in a sentence alone.
fn locate_by_prose(components: &mut [Component], packages: &[PackageWire<'_>]) {
    for (component, wire) in components.iter_mut().zip(packages) {
        let prose = wire.source_info.get().unwrap_or_default();
        let paths = prose
            .strip_prefix("acquired package info from ")
            .and_then(|rest| rest.split_once(": "));
        if let Some((_, paths)) = paths.filter(|_| component.package.locations.is_empty()) {
            let locations = paths.split(", ").map(|path| Location {
                path: path.to_owned(),
                layer: None,
            });
            component.package.locations = locations.collect();
        }
    }
}

#[cfg(test)]
mod tests;
