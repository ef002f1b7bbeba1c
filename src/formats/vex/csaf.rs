//! CSAF 2.0 with the status of products: VEX and security advisories.
//!
//! A product is what the product tree knows it by: package URLs. One that has none (a CPE, a name)
//! cannot be held against an image.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Statements, product_name};
use crate::formats::error::FormatError;
use crate::formats::json::{
    Entries, List, Maybe, MaybeText as _, Source, Text, place_of, reason_of,
};
use crate::model::{
    Exemption, ExemptionDocument, ExemptionRule, ExemptionStatus, Format, Origin, Product,
    ProductName,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document<'a> {
    #[serde(borrow, rename = "document")]
    head: Option<&'a RawValue>,
    #[serde(borrow)]
    product_tree: Option<&'a RawValue>,
    #[serde(borrow)]
    vulnerabilities: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HeadWire<'a> {
    #[serde(borrow)]
    tracking: Option<TrackingWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TrackingWire<'a> {
    #[serde(borrow)]
    current_release_date: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TreeWire<'a> {
    #[serde(borrow)]
    branches: Entries<'a>,
    #[serde(borrow)]
    full_product_names: List<FullNameWire<'a>>,
    #[serde(borrow)]
    relationships: List<RelationshipWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BranchWire<'a> {
    #[serde(borrow)]
    branches: Entries<'a>,
    #[serde(borrow)]
    product: Option<FullNameWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FullNameWire<'a> {
    #[serde(borrow)]
    product_id: Maybe<'a>,
    #[serde(borrow)]
    product_identification_helper: Option<HelperWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HelperWire<'a> {
    #[serde(borrow)]
    purl: Maybe<'a>,
    #[serde(borrow)]
    purls: List<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RelationshipWire<'a> {
    #[serde(borrow)]
    category: Maybe<'a>,
    #[serde(borrow)]
    full_product_name: Option<FullNameWire<'a>>,
    #[serde(borrow)]
    product_reference: Maybe<'a>,
    #[serde(borrow)]
    relates_to_product_reference: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VulnerabilityWire<'a> {
    #[serde(borrow)]
    cve: Maybe<'a>,
    #[serde(borrow)]
    ids: List<IdWire<'a>>,
    #[serde(borrow)]
    product_status: StatusWire<'a>,
    #[serde(borrow)]
    flags: List<FlagWire<'a>>,
    #[serde(borrow)]
    threats: List<ThreatWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IdWire<'a> {
    #[serde(borrow)]
    text: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatusWire<'a> {
    #[serde(borrow)]
    first_affected: List<Text<'a>>,
    #[serde(borrow)]
    first_fixed: List<Text<'a>>,
    #[serde(borrow)]
    fixed: List<Text<'a>>,
    #[serde(borrow)]
    known_affected: List<Text<'a>>,
    #[serde(borrow)]
    known_not_affected: List<Text<'a>>,
    #[serde(borrow)]
    last_affected: List<Text<'a>>,
    #[serde(borrow)]
    under_investigation: List<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FlagWire<'a> {
    #[serde(borrow)]
    label: Maybe<'a>,
    #[serde(borrow)]
    product_ids: List<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ThreatWire<'a> {
    #[serde(borrow)]
    category: Maybe<'a>,
    #[serde(borrow)]
    details: Maybe<'a>,
    #[serde(borrow)]
    product_ids: List<Text<'a>>,
}

/// Reads the statements: one for each vulnerability, status and product.
///
/// # Errors
/// When the outermost object or the product tree is damaged; a vulnerability that is wrong becomes
/// a loss.
pub(in crate::formats) fn read(
    origin: Origin,
    text: &str,
    (start, end): (usize, usize),
) -> Result<ExemptionDocument, FormatError> {
    let wrong = |part: &str, at: usize, error: &serde_json::Error| FormatError::Shape {
        path: origin.path.clone(),
        part: part.to_owned(),
        place: place_of(text, at, error),
        reason: reason_of(error),
    };
    let part = text.get(start..end).unwrap_or_default();
    let document: Document<'_> =
        serde_json::from_str(part).map_err(|error| wrong("the CSAF document", start, &error))?;
    let mut source = Source::new(text);
    let head: Option<Option<HeadWire<'_>>> = document
        .head
        .and_then(|raw| source.parse(raw, 0, || "document".to_owned()));
    let tracking = head.flatten().and_then(|head| head.tracking);
    let time = tracking.and_then(|tracking| tracking.current_release_date.time());
    let tree: Option<Option<TreeWire<'_>>> = document
        .product_tree
        .map(|raw| {
            let at = raw.get().as_ptr().addr() - text.as_ptr().addr();
            serde_json::from_str(raw.get()).map_err(|error| wrong("`product_tree`", at, &error))
        })
        .transpose()?;
    let products = products(&mut source, &tree.flatten().unwrap_or_default());
    let mut statements = Statements::new();
    source.expect_list(&document.vulnerabilities, || "vulnerabilities".to_owned());
    for (position, raw) in document.vulnerabilities.raw().iter().enumerate() {
        let place = format!("vulnerabilities[{position}]");
        let wire: Option<VulnerabilityWire<'_>> = source.parse(raw, 1, || place.clone());
        let Some(wire) = wire else { continue };
        let cve = wire.cve.owned();
        let others = wire.ids.0.iter().filter_map(|id| id.text.owned());
        let ids: Vec<String> = cve.into_iter().chain(others).collect();
        if ids.is_empty() {
            let reason = "the vulnerability has no id".to_owned();
            source.lose(place, Some(raw.get()), reason, 1);
            continue;
        }
        for (name, status, list) in statuses(&wire.product_status) {
            for id in list.texts() {
                statements.push(Exemption {
                    place: format!("{place}.product_status.{name} `{id}`"),
                    ids: ids.clone(),
                    rule: ExemptionRule::Vex {
                        products: products.get(&id).cloned().unwrap_or_default(),
                    },
                    status,
                    statement: statement(&wire, &id),
                    time,
                    expires: None,
                });
            }
        }
    }
    Ok(statements.into_document(source, origin, Format::CsafVex))
}

fn statuses<'w, 'a>(
    wire: &'w StatusWire<'a>,
) -> [(&'static str, ExemptionStatus, &'w List<Text<'a>>); 7] {
    use ExemptionStatus::{Affected, Fixed, NotAffected, UnderInvestigation};
    [
        ("known_not_affected", NotAffected, &wire.known_not_affected),
        ("fixed", Fixed, &wire.fixed),
        ("first_fixed", Fixed, &wire.first_fixed),
        ("known_affected", Affected, &wire.known_affected),
        ("first_affected", Affected, &wire.first_affected),
        ("last_affected", Affected, &wire.last_affected),
        (
            "under_investigation",
            UnderInvestigation,
            &wire.under_investigation,
        ),
    ]
}

/// The flag of a product is its justification; the impact is said in words.
fn statement(wire: &VulnerabilityWire<'_>, id: &str) -> Option<String> {
    let names = |list: &List<Text<'_>>| list.0.iter().any(|text| text.0 == id);
    let impact = wire.threats.0.iter().find(|threat| {
        threat.category.get() == Some("impact")
            && (threat.product_ids.0.is_empty() || names(&threat.product_ids))
    });
    let flag = wire.flags.0.iter().find(|flag| names(&flag.product_ids));
    impact
        .and_then(|threat| threat.details.owned())
        .or_else(|| flag?.label.owned())
}

/// What the ids of the product tree stand for. A part of a product that has no package URL is not
/// known to be in any image, so it stands for nothing.
fn products<'a>(source: &mut Source<'a>, tree: &TreeWire<'a>) -> HashMap<String, Vec<Product>> {
    let mut names: HashMap<String, Vec<ProductName>> = HashMap::new();
    let mut add = |product: &FullNameWire<'_>| {
        let Some(id) = product.product_id.owned() else {
            return;
        };
        let helper = product.product_identification_helper.as_ref();
        let one = helper.and_then(|helper| helper.purl.get());
        let several = helper
            .map(|helper| helper.purls.texts())
            .unwrap_or_default();
        let purls = one.into_iter().chain(several.iter().map(String::as_str));
        let known = names.entry(id).or_default();
        known.extend(
            purls
                .map(product_name)
                .filter(|name| matches!(name, ProductName::Purl(_))),
        );
    };
    for product in &tree.full_product_names.0 {
        add(product);
    }
    source.expect_list(&tree.branches, || "product_tree.branches".to_owned());
    let mut waiting: Vec<&'a RawValue> = tree.branches.raw().to_vec();
    while let Some(raw) = waiting.pop() {
        let branch: Option<BranchWire<'a>> =
            source.parse(raw, 0, || "product_tree.branches".to_owned());
        let Some(branch) = branch else { continue };
        if let Some(product) = &branch.product {
            add(product);
        }
        waiting.extend_from_slice(branch.branches.raw());
    }
    let mut products: HashMap<String, Vec<Product>> = names
        .iter()
        .map(|(id, names)| {
            let product = Product {
                names: names.clone(),
                parts: None,
            };
            (id.clone(), vec![product])
        })
        .collect();
    for relationship in &tree.relationships.0 {
        let holds = matches!(
            relationship.category.get(),
            Some("default_component_of" | "installed_on" | "installed_with")
        );
        let full = relationship.full_product_name.as_ref();
        let (true, Some(id)) = (holds, full.and_then(|name| name.product_id.owned())) else {
            continue;
        };
        let names_of = |reference: &Maybe<'_>| {
            let found = reference.get().and_then(|id| names.get(id));
            found.cloned().unwrap_or_default()
        };
        products.entry(id).or_default().push(Product {
            names: names_of(&relationship.relates_to_product_reference),
            parts: Some(names_of(&relationship.product_reference)),
        });
    }
    products
}
