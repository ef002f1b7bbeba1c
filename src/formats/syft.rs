//! Syft's own JSON, schema 1 to 16 and what later ones keep of it.
//!
//! Contents of files and secrets, which Syft can write too, are not read.

mod wire;

use super::ecosystem::ecosystem;
use super::error::FormatError;
use super::json::{Entries, MaybeText as _, Source, place_of, reason_of};
use super::sbom::{Graph, Links, judge_count, judge_version, source_package, version};
use crate::model::{
    Component, Digest, Format, Location, Origin, Package, Platform, Sbom, SubjectClaim,
};

use self::wire::{
    ArtifactWire, DistroWire, Document, ImageWire, LicenseWire, NamedWire, RelationshipWire,
    SourceWire,
};

/// The newest major version of the schema that this reader was made for; any minor one is known.
const NEWEST: (u32, u32) = (16, u32::MAX);

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
    let mut named = |raw: Option<_>, place: &str| -> NamedWire<'_> {
        let wire = raw.and_then(|raw| source.parse(raw, 0, || place.to_owned()));
        wire.unwrap_or_default()
    };
    let tool = named(document.descriptor, "descriptor");
    let schema = named(document.schema, "schema");
    let distro: DistroWire<'_> = document
        .distro
        .and_then(|raw| source.parse(raw, 0, || "distro".to_owned()))
        .unwrap_or_default();
    let scanned: SourceWire<'_> = document
        .source
        .and_then(|raw| source.parse(raw, 0, || "source".to_owned()))
        .unwrap_or_default();
    let components = components(&mut source, &document.artifacts);
    let graph = graph(
        &mut source,
        &components,
        scanned.id.get(),
        &document.artifact_relationships,
    );
    let spec_version = schema.version.owned().unwrap_or_default();
    judge_version(&mut source, &spec_version, NEWEST);
    judge_count(&mut source, components.len());
    let words: Vec<&str> = [tool.name.get(), tool.version.get()]
        .into_iter()
        .flatten()
        .filter(|word| *word != "[not provided]")
        .collect();
    Ok(Sbom {
        claim: claim(&scanned, &distro),
        producer: (!words.is_empty()).then(|| words.join(" ")),
        origin,
        format: Format::SyftJson,
        spec_version,
        components,
        depends_on: graph.depends_on,
        roots: graph.roots,
        losses: source.losses,
        notices: source.notices,
    })
}

fn components<'a>(source: &mut Source<'a>, list: &Entries<'a>) -> Vec<Component> {
    let mut components = Vec::new();
    source.expect_list(list, || "artifacts".to_owned());
    for (position, raw) in list.raw().iter().enumerate() {
        let place = || format!("artifacts[{position}]");
        let wire: Option<Option<ArtifactWire<'a>>> = source.parse(raw, 1, place);
        match wire {
            Some(Some(wire)) if wire.name.get().is_some() => components.push(component(&wire)),
            Some(_) => {
                let reason = "the artifact has no `name`".to_owned();
                source.lose(place(), Some(raw.get()), reason, 1);
            }
            None => {}
        }
    }
    components
}

fn component(wire: &ArtifactWire<'_>) -> Component {
    let purl = wire.purl.purl();
    let locations = wire.locations.0.iter().map(|location| Location {
        path: location.path.owned().unwrap_or_default(),
        layer: location.layer.digest(),
    });
    Component {
        reference: wire.id.owned(),
        kind: "library".to_owned(),
        package: Package {
            name: wire.name.owned().unwrap_or_default(),
            version: version(wire.version.get(), purl.as_ref()),
            ecosystem: ecosystem(purl.as_ref(), wire.kind.get().unwrap_or_default()),
            locations: locations.collect(),
            source: source_package(purl.as_ref()),
            licenses: wire
                .licenses
                .0
                .iter()
                .filter_map(LicenseWire::text)
                .collect(),
            purl,
        },
        parent: None,
    }
}

/// `dependency-of` has the dependency first; the source contains what was found in it.
fn graph<'a>(
    source: &mut Source<'a>,
    components: &[Component],
    root: Option<&str>,
    list: &Entries<'a>,
) -> Graph {
    let mut links = Links::new(components);
    source.expect_list(list, || "artifactRelationships".to_owned());
    for (position, raw) in list.raw().iter().enumerate() {
        let wire: Option<RelationshipWire<'a>> =
            source.parse(raw, 0, || format!("artifactRelationships[{position}]"));
        let Some(wire) = wire else { continue };
        let (parent, child) = (wire.parent.get(), wire.child.get());
        let numbers = (
            parent.and_then(|it| links.number(it)),
            child.and_then(|it| links.number(it)),
        );
        match (wire.kind.get(), numbers) {
            (Some("dependency-of"), (Some(dependency), Some(dependent))) => {
                links.depends(Some(dependent), dependency);
            }
            (Some("dependency-of"), _) => links.dangles(),
            (Some("contains"), (Some(holder), Some(held))) => links.depends(Some(holder), held),
            (Some("contains"), (None, Some(held))) if parent == root => links.depends(None, held),
            _ => {}
        }
    }
    links.finish(&mut source.notices)
}

fn claim(scanned: &SourceWire<'_>, distro: &DistroWire<'_>) -> SubjectClaim {
    let os = distro.text();
    let is_image = scanned.kind.get() == Some("image");
    let image = scanned.image();
    let Some(image) = image.filter(|_| is_image) else {
        return SubjectClaim {
            name: scanned.name(),
            os,
            ..SubjectClaim::default()
        };
    };
    let diff_ids: Option<Vec<Digest>> = image
        .layers
        .0
        .iter()
        .map(|layer| layer.digest.digest())
        .collect();
    SubjectClaim {
        name: image.input.owned().or_else(|| scanned.name()),
        manifest_digest: image.manifest_digest.digest(),
        repo_digests: image.repo_digests.texts(),
        tags: image.tags.texts(),
        image_id: image.image_id.digest(),
        diff_ids: diff_ids.unwrap_or_default(),
        platform: platform(image),
        os,
        is_image,
        end_of_life: false,
        bom_link: None,
        base_layers: None,
        config: None,
    }
}

fn platform(image: &ImageWire<'_>) -> Option<Platform> {
    Some(Platform {
        os: image.os.owned()?,
        architecture: image.architecture.owned()?,
        variant: image.variant.owned(),
    })
}

#[cfg(test)]
mod tests;
