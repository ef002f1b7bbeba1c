//! The analyses of vulnerabilities in a CycloneDX document.
//!
//! The SBOM in the same document is read in `formats::cyclonedx`. Trivy's and Grype's own documents
//! hold findings, not statements, and are reports.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Statements, product_name};
use crate::formats::json::{Entries, List, Maybe, MaybeText, Source};
use crate::model::{
    Exemption, ExemptionDocument, ExemptionRule, ExemptionStatus, Format, Origin, Product,
    ProductName,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Document<'a> {
    #[serde(borrow)]
    serial_number: Maybe<'a>,
    #[serde(borrow)]
    version: Maybe<'a>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    components: Entries<'a>,
    #[serde(borrow)]
    vulnerabilities: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MetadataWire<'a> {
    #[serde(borrow)]
    timestamp: Maybe<'a>,
    #[serde(borrow)]
    component: Option<ComponentWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ComponentWire<'a> {
    #[serde(borrow, rename = "bom-ref")]
    reference: Maybe<'a>,
    #[serde(borrow)]
    version: Maybe<'a>,
    #[serde(borrow)]
    purl: Maybe<'a>,
    #[serde(borrow)]
    components: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VulnerabilityWire<'a> {
    #[serde(borrow)]
    id: Maybe<'a>,
    #[serde(borrow)]
    references: List<ReferenceWire<'a>>,
    #[serde(borrow)]
    updated: Maybe<'a>,
    #[serde(borrow)]
    analysis: Option<AnalysisWire<'a>>,
    #[serde(borrow)]
    affects: List<ReferenceWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReferenceWire<'a> {
    #[serde(borrow)]
    id: Maybe<'a>,
    #[serde(borrow, rename = "ref")]
    reference: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AnalysisWire<'a> {
    #[serde(borrow)]
    state: Maybe<'a>,
    #[serde(borrow)]
    justification: Maybe<'a>,
    #[serde(borrow)]
    detail: Maybe<'a>,
    #[serde(borrow)]
    last_updated: Maybe<'a>,
    #[serde(borrow)]
    first_issued: Maybe<'a>,
}

fn document(text: &str, (start, end): (usize, usize)) -> Option<Document<'_>> {
    serde_json::from_str(text.get(start..end)?).ok()
}

/// Returns the name by which other documents refer to this one: `urn:cdx:serial/version`.
pub(in crate::formats) fn bom_link(text: &str, place: (usize, usize)) -> Option<String> {
    let document = document(text, place)?;
    let serial = document.serial_number.get()?.strip_prefix("urn:uuid:")?;
    let version = document.version.get().unwrap_or("1");
    Some(format!("urn:cdx:{serial}/{version}").to_ascii_lowercase())
}

/// Reads the analyses; none where the document has no vulnerability with one.
pub(in crate::formats) fn read(
    origin: &Origin,
    text: &str,
    place: (usize, usize),
) -> Option<ExemptionDocument> {
    let document = document(text, place)?;
    let mut source = Source::new(text);
    let metadata: Option<Option<MetadataWire<'_>>> = document
        .metadata
        .and_then(|raw| source.parse(raw, 0, || "metadata".to_owned()));
    let metadata = metadata.flatten().unwrap_or_default();
    let known = components(&document.components, metadata.component.as_ref());
    let mut statements = Statements::new();
    for (position, raw) in document.vulnerabilities.raw().iter().enumerate() {
        let place = format!("vulnerabilities[{position}]");
        let wire: Option<VulnerabilityWire<'_>> = source.parse(raw, 1, || place.clone());
        let Some(wire) = wire else { continue };
        let Some(analysis) = wire.analysis.as_ref().filter(|it| it.state.get().is_some()) else {
            continue;
        };
        match entry(&wire, analysis, &place, &known) {
            Ok(mut entry) => {
                entry.time = entry.time.or(metadata.timestamp.time());
                statements.push(entry);
            }
            Err(reason) => source.lose(place, Some(raw.get()), reason, 1),
        }
    }
    let is_vex = !statements.entries.is_empty() || !source.losses.is_empty();
    is_vex.then(|| statements.into_document(source, origin.clone(), Format::CyclonedxVex))
}

/// What the parts of the document are known by elsewhere.
fn components<'a>(
    list: &Entries<'a>,
    root: Option<&ComponentWire<'a>>,
) -> HashMap<String, ProductName> {
    let mut known = HashMap::new();
    let mut add = |component: &ComponentWire<'_>| {
        let name = component.purl.purl().map(ProductName::Purl);
        let digest = || component.version.digest().map(ProductName::Digest);
        if let (Some(reference), Some(name)) = (component.reference.owned(), name.or_else(digest)) {
            known.entry(reference).or_insert(name);
        }
    };
    if let Some(root) = root {
        add(root);
    }
    let mut waiting: Vec<&'a RawValue> = list.raw().to_vec();
    while let Some(raw) = waiting.pop() {
        // A damaged component is a loss of the SBOM.
        if let Ok(Some(component)) = serde_json::from_str::<Option<ComponentWire<'a>>>(raw.get()) {
            add(&component);
            waiting.extend_from_slice(component.components.raw());
        }
    }
    known
}

fn entry(
    wire: &VulnerabilityWire<'_>,
    analysis: &AnalysisWire<'_>,
    place: &str,
    known: &HashMap<String, ProductName>,
) -> Result<Exemption, String> {
    let status = match analysis.state.get() {
        Some("not_affected" | "false_positive") => ExemptionStatus::NotAffected,
        Some("resolved" | "resolved_with_pedigree") => ExemptionStatus::Fixed,
        Some("exploitable") => ExemptionStatus::Affected,
        Some("in_triage") => ExemptionStatus::UnderInvestigation,
        other => return Err(format!("`{}` is no state", other.unwrap_or_default())),
    };
    let id = wire.id.owned().ok_or("the vulnerability has no `id`")?;
    let references = wire.references.0.iter();
    let others = references.filter_map(|reference| reference.id.owned());
    let products = wire.affects.0.iter().filter_map(|affects| {
        let reference = affects.reference.get()?;
        let local = known.get(reference).cloned();
        Some(Product {
            names: vec![local.unwrap_or_else(|| product_name(reference))],
            parts: None,
        })
    });
    let statement = [&analysis.detail, &analysis.justification];
    Ok(Exemption {
        place: place.to_owned(),
        ids: std::iter::once(id).chain(others).collect(),
        rule: ExemptionRule::Vex {
            products: products.collect(),
        },
        status,
        statement: statement.into_iter().find_map(MaybeText::owned),
        time: [
            &analysis.last_updated,
            &analysis.first_issued,
            &wire.updated,
        ]
        .into_iter()
        .find_map(MaybeText::time),
        expires: None,
    })
}
