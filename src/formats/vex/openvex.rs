//! OpenVEX, versions 0.0.1, 0.1 and 0.2.
//!
//! Until 0.1 vulnerability and products were texts, and parts belonged to the whole statement.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;

use super::{Statements, product_name};
use crate::formats::error::FormatError;
use crate::formats::json::{
    Entries, List, Maybe, MaybeText, Pairs, Source, Text, place_of, reason_of,
};
use crate::model::{
    Exemption, ExemptionDocument, ExemptionRule, ExemptionStatus, Format, Origin, Product,
    ProductName,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document<'a> {
    #[serde(borrow)]
    timestamp: Maybe<'a>,
    #[serde(borrow)]
    last_updated: Maybe<'a>,
    #[serde(borrow)]
    statements: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatementWire<'a> {
    #[serde(borrow)]
    vulnerability: Option<VulnerabilityWire<'a>>,
    #[serde(borrow)]
    timestamp: Maybe<'a>,
    #[serde(borrow)]
    products: List<ProductWire<'a>>,
    #[serde(borrow)]
    subcomponents: List<ProductWire<'a>>,
    #[serde(borrow)]
    status: Maybe<'a>,
    #[serde(borrow)]
    justification: Maybe<'a>,
    #[serde(borrow)]
    impact_statement: Maybe<'a>,
    #[serde(borrow)]
    status_notes: Maybe<'a>,
}

/// A text that stands for an object with one field.
fn text_or_object<'de, D, T>(
    deserializer: D,
    of_text: impl FnOnce(Text<'de>) -> T,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let raw = <&'de RawValue>::deserialize(deserializer)?;
    let text = raw.get();
    if text.starts_with('"') {
        serde_json::from_str(text).map(of_text)
    } else {
        serde_json::from_str(text)
    }
    .map_err(serde::de::Error::custom)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VulnerabilityObject<'a> {
    #[serde(borrow, rename = "@id")]
    id: Maybe<'a>,
    #[serde(borrow)]
    name: Maybe<'a>,
    #[serde(borrow)]
    aliases: List<Text<'a>>,
}

#[derive(Debug)]
struct VulnerabilityWire<'a>(VulnerabilityObject<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for VulnerabilityWire<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let of_text = |text| VulnerabilityObject {
            name: Some(text),
            ..VulnerabilityObject::default()
        };
        text_or_object(deserializer, of_text).map(Self)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProductObject<'a> {
    #[serde(borrow, rename = "@id")]
    id: Maybe<'a>,
    #[serde(borrow)]
    identifiers: Pairs<'a, Maybe<'a>>,
    #[serde(borrow)]
    hashes: Pairs<'a, Maybe<'a>>,
    #[serde(borrow)]
    subcomponents: List<ProductWire<'a>>,
}

#[derive(Debug)]
struct ProductWire<'a>(ProductObject<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for ProductWire<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let of_text = |text| ProductObject {
            id: Some(text),
            ..ProductObject::default()
        };
        text_or_object(deserializer, of_text).map(Self)
    }
}

impl ProductWire<'_> {
    fn names(&self) -> Vec<ProductName> {
        let object = &self.0;
        let identifiers = object.identifiers.0.iter();
        let identifiers = identifiers
            .filter(|(kind, _)| kind == "purl")
            .filter_map(|(_, value)| value.get());
        let hashes = object.hashes.0.iter();
        let digests = hashes
            .filter(|(kind, _)| kind == "sha-256")
            .filter_map(|(_, value)| format!("sha256:{}", value.get()?).parse().ok());
        object
            .id
            .get()
            .into_iter()
            .chain(identifiers)
            .map(product_name)
            .chain(digests.map(ProductName::Digest))
            .collect()
    }
}

/// Reads the statements.
///
/// # Errors
/// When the outermost object is damaged; a statement that is wrong becomes a loss.
pub(in crate::formats) fn read(
    origin: Origin,
    text: &str,
    (start, end): (usize, usize),
) -> Result<ExemptionDocument, FormatError> {
    let part = text.get(start..end).unwrap_or_default();
    let document: Document<'_> =
        serde_json::from_str(part).map_err(|error| FormatError::Shape {
            path: origin.path.clone(),
            part: "the OpenVEX document".to_owned(),
            place: place_of(text, start, &error),
            reason: reason_of(&error),
        })?;
    let mut source = Source::new(text);
    let time = document.timestamp.time().or(document.last_updated.time());
    source.expect_list(&document.statements, || "statements".to_owned());
    let mut statements = Statements::new();
    for (position, raw) in document.statements.raw().iter().enumerate() {
        let place = format!("statements[{position}]");
        let wire: Option<StatementWire<'_>> = source.parse(raw, 1, || place.clone());
        let Some(wire) = wire else { continue };
        match statement(&wire, &place, time) {
            Ok(entry) => statements.push(entry),
            Err(reason) => source.lose(place, Some(raw.get()), reason, 1),
        }
    }
    Ok(statements.into_document(source, origin, Format::OpenVex))
}

fn statement(
    wire: &StatementWire<'_>,
    place: &str,
    time: Option<DateTime<Utc>>,
) -> Result<Exemption, String> {
    let status = match wire.status.get() {
        Some("not_affected") => ExemptionStatus::NotAffected,
        Some("fixed") => ExemptionStatus::Fixed,
        Some("affected") => ExemptionStatus::Affected,
        Some("under_investigation") => ExemptionStatus::UnderInvestigation,
        Some(other) => return Err(format!("`{other}` is no status")),
        None => return Err("the statement has no `status`".to_owned()),
    };
    let vulnerability = wire
        .vulnerability
        .as_ref()
        .map(|vulnerability| &vulnerability.0);
    let vulnerability = vulnerability.ok_or("the statement has no `vulnerability`")?;
    let names = [vulnerability.name.get(), vulnerability.id.get()];
    let mut ids: Vec<String> = names.into_iter().flatten().map(str::to_owned).collect();
    ids.extend(vulnerability.aliases.texts());
    if ids.is_empty() {
        return Err("the vulnerability has no name".to_owned());
    }
    if wire.timestamp.get().is_some() && wire.timestamp.time().is_none() {
        return Err("the `timestamp` is no time".to_owned());
    }
    let of_list = |list: &List<ProductWire<'_>>| -> Option<Vec<ProductName>> {
        let names = list.0.iter().flat_map(ProductWire::names);
        (!list.0.is_empty()).then(|| names.collect())
    };
    let of_statement = of_list(&wire.subcomponents);
    let products = wire.products.0.iter().map(|product| Product {
        names: product.names(),
        parts: of_list(&product.0.subcomponents).or_else(|| of_statement.clone()),
    });
    let statement = [
        &wire.impact_statement,
        &wire.justification,
        &wire.status_notes,
    ];
    Ok(Exemption {
        place: place.to_owned(),
        ids,
        rule: ExemptionRule::Vex {
            products: products.collect(),
        },
        status,
        statement: statement.into_iter().find_map(MaybeText::owned),
        time: wire.timestamp.time().or(time),
        expires: None,
    })
}
