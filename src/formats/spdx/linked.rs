//! SPDX 3 in JSON-LD: one flat list of elements, with everything between them an element too.
//!
//! Read as the published context writes it; other spellings of linked data are not expanded.

use std::collections::HashMap;

use serde::Deserialize;

use super::wire::producer;
use crate::formats::ecosystem::ecosystem;
use crate::formats::error::FormatError;
use crate::formats::json::{
    Entries, List, Maybe, MaybeText as _, OneOrMany, Source, Text, place_of, reason_of,
};
use crate::formats::sbom::{
    Graph, ImagePurl, Links, judge_count, judge_version, source_package, version,
};
use crate::model::{Component, Digest, Format, Origin, Package, Purl, Sbom, SubjectClaim};

/// The newest version of the specification that this reader was made for.
const NEWEST: (u32, u32) = (3, 0);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document<'a> {
    #[serde(borrow, rename = "@graph")]
    graph: Entries<'a>,
}

/// The fields of all kinds of elements that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ElementWire<'a> {
    #[serde(borrow, rename = "type", alias = "@type")]
    kind: Maybe<'a>,
    #[serde(borrow, rename = "spdxId", alias = "@id")]
    reference: Maybe<'a>,
    #[serde(borrow)]
    name: Maybe<'a>,
    #[serde(borrow)]
    spec_version: Maybe<'a>,
    #[serde(borrow)]
    created_using: OneOrMany<Text<'a>>,
    #[serde(borrow, rename = "software_packageVersion", alias = "packageVersion")]
    version: Maybe<'a>,
    #[serde(borrow, rename = "software_packageUrl", alias = "packageUrl")]
    purl: Maybe<'a>,
    #[serde(borrow, rename = "software_primaryPurpose", alias = "primaryPurpose")]
    purpose: Maybe<'a>,
    #[serde(borrow, rename = "externalIdentifier")]
    identifiers: List<IdentifierWire<'a>>,
    #[serde(borrow)]
    verified_using: List<HashWire<'a>>,
    #[serde(
        borrow,
        rename = "simplelicensing_licenseExpression",
        alias = "licenseExpression"
    )]
    expression: Maybe<'a>,
    #[serde(borrow)]
    root_element: OneOrMany<Text<'a>>,
    #[serde(borrow)]
    relationship_type: Maybe<'a>,
    #[serde(borrow)]
    from: Maybe<'a>,
    #[serde(borrow)]
    to: OneOrMany<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IdentifierWire<'a> {
    #[serde(borrow, rename = "externalIdentifierType")]
    kind: Maybe<'a>,
    #[serde(borrow)]
    identifier: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HashWire<'a> {
    #[serde(borrow)]
    algorithm: Maybe<'a>,
    #[serde(borrow, rename = "hashValue")]
    value: Maybe<'a>,
}

impl ElementWire<'_> {
    /// Returns the kind without the profile it belongs to: `software_Package`, `Package`.
    fn kind(&self) -> &str {
        let kind = self.kind.get().unwrap_or_default();
        kind.rsplit(['_', ':', '/']).next().unwrap_or(kind)
    }

    fn purl(&self) -> Option<Purl> {
        let identifiers = self.identifiers.0.iter();
        let named = identifiers
            .filter(|entry| {
                entry
                    .kind
                    .get()
                    .is_some_and(|it| it.eq_ignore_ascii_case("packageUrl"))
            })
            .find_map(|entry| entry.identifier.purl());
        self.purl.purl().or(named)
    }

    fn sha256(&self) -> Option<Digest> {
        let hashes = self.verified_using.0.iter();
        hashes
            .filter(|hash| hash.algorithm.get() == Some("sha256"))
            .find_map(|hash| format!("sha256:{}", hash.value.get()?).parse().ok())
    }

    fn component(&self) -> Component {
        let purl = self.purl();
        Component {
            reference: self.reference.owned(),
            kind: self.purpose.get().unwrap_or_default().to_lowercase(),
            package: Package {
                name: self.name.owned().unwrap_or_default(),
                version: version(self.version.get(), purl.as_ref()),
                ecosystem: purl
                    .as_ref()
                    .map_or_else(String::new, |purl| ecosystem(Some(purl), "")),
                source: source_package(purl.as_ref()),
                purl,
                ..Package::default()
            },
            parent: None,
        }
    }
}

/// Reads an SBOM. `text` is the whole decoded text, the document lies at `start..end`.
///
/// # Errors
/// When the outermost object is damaged; everything below becomes a loss of the SBOM.
pub(in crate::formats) fn read(
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
    let elements = elements(&mut source, &document.graph);
    let packages: Vec<&ElementWire<'_>> = elements
        .iter()
        .filter(|it| it.kind().ends_with("Package"))
        .collect();
    let mut components: Vec<Component> = packages.iter().map(|it| it.component()).collect();
    license(&mut components, &elements);
    let graph = graph(&mut source, &components, &elements);
    let spec_version = elements
        .iter()
        .find_map(|element| element.spec_version.get())
        .unwrap_or_default();
    judge_version(&mut source, spec_version, NEWEST);
    judge_count(&mut source, components.len());
    let root = match graph.roots.as_slice() {
        [only] => packages.get(*only as usize),
        _ => None,
    };
    Ok(Sbom {
        claim: root.map_or_else(SubjectClaim::default, |root| claim(root)),
        producer: tool(&elements),
        origin,
        format: Format::Spdx3Json,
        spec_version: spec_version.to_owned(),
        components,
        depends_on: graph.depends_on,
        roots: graph.roots,
        losses: source.losses,
        notices: source.notices,
    })
}

fn elements<'a>(source: &mut Source<'a>, list: &Entries<'a>) -> Vec<ElementWire<'a>> {
    let mut elements = Vec::new();
    source.expect_list(list, || "@graph".to_owned());
    for (position, raw) in list.raw().iter().enumerate() {
        let place = || format!("@graph[{position}]");
        let wire: Option<ElementWire<'a>> = source.parse(raw, 1, place);
        let Some(wire) = wire else { continue };
        if wire.kind().ends_with("Package") && wire.name.get().is_none() {
            let reason = "the package has no `name`".to_owned();
            source.lose(place(), Some(raw.get()), reason, 1);
        } else {
            elements.push(wire);
        }
    }
    elements
}

/// Gives each package its declared licence, else the concluded one.
fn license(components: &mut [Component], elements: &[ElementWire<'_>]) {
    let expressions: HashMap<&str, &str> = elements
        .iter()
        .filter_map(|element| Some((element.reference.get()?, element.expression.get()?)))
        .filter(|(_, text)| *text != "NOASSERTION")
        .collect();
    for wanted in ["hasDeclaredLicense", "hasConcludedLicense"] {
        let of_package: HashMap<&str, &str> = elements
            .iter()
            .filter(|element| element.relationship_type.get() == Some(wanted))
            .filter_map(|element| {
                let mut targets = element.to.0.iter();
                let text = targets.find_map(|to| expressions.get(to.0.trim()))?;
                Some((element.from.get()?, *text))
            })
            .collect();
        for component in components.iter_mut() {
            let reference = component.reference.as_deref().unwrap_or_default();
            if let Some(text) = of_package.get(reference)
                && component.package.licenses.is_empty()
            {
                component.package.licenses.push((*text).to_owned());
            }
        }
    }
}

fn graph(source: &mut Source<'_>, components: &[Component], elements: &[ElementWire<'_>]) -> Graph {
    let mut links = Links::new(components);
    for element in elements {
        let is_document = matches!(element.kind(), "SpdxDocument" | "Sbom" | "Bom");
        for root in element.root_element.0.iter().filter(|_| is_document) {
            if let Some(number) = links.number(root.0.trim()) {
                links.depends(None, number);
            }
        }
        let is_dependency = matches!(
            element.relationship_type.get(),
            Some(
                "dependsOn"
                    | "contains"
                    | "hasStaticLink"
                    | "hasDynamicLink"
                    | "hasPrerequisite"
                    | "hasOptionalComponent"
                    | "hasOptionalDependency"
                    | "hasProvidedDependency"
            )
        );
        let from = element.from.get().and_then(|it| links.number(it));
        let Some(from) = from.filter(|_| is_dependency) else {
            continue;
        };
        for to in &element.to.0 {
            if let Some(on) = links.number(to.0.trim()) {
                links.depends(Some(from), on);
            }
        }
    }
    links.finish(&mut source.notices)
}

/// Returns the first tool that a creation names and that is in the document.
fn tool(elements: &[ElementWire<'_>]) -> Option<String> {
    let known: HashMap<&str, &str> = elements
        .iter()
        .filter_map(|element| Some((element.reference.get()?, element.name.get()?)))
        .collect();
    let mut named = elements.iter().flat_map(|element| &element.created_using.0);
    let tool = named.find_map(|reference| known.get(reference.0.trim()))?;
    Some(producer(tool))
}

fn claim(root: &ElementWire<'_>) -> SubjectClaim {
    let purl = ImagePurl::of(root.purl());
    let is_image = purl.is_some() || root.purpose.get() == Some("container");
    let digest = purl.as_ref().and_then(ImagePurl::digest);
    let digest = digest.or_else(|| root.sha256()).filter(|_| is_image);
    let is_index = purl.as_ref().is_some_and(ImagePurl::is_index);
    let name = root.name.owned();
    let named = digest
        .as_ref()
        .filter(|_| is_index)
        .map(|digest| format!("{}@{digest}", name.as_deref().unwrap_or_default()));
    let of_purl = purl.as_ref().and_then(ImagePurl::repo_digest);
    SubjectClaim {
        manifest_digest: digest.filter(|_| !is_index),
        repo_digests: of_purl.or(named).into_iter().collect(),
        platform: purl.as_ref().and_then(ImagePurl::platform),
        is_image,
        name,
        ..SubjectClaim::default()
    }
}
