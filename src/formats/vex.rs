//! VEX documents: OpenVEX, CSAF, and the analyses in CycloneDX.
//!
//! What a statement reaches and which of several counts is worked out in `triage::suppress`;
//! ignore files are read in `ignore`.

mod csaf;
mod cyclonedx;
mod openvex;

use super::json::Source;
use crate::model::{
    Exemption, ExemptionDocument, ExemptionRule, Format, Origin, Product, ProductName,
};

pub(super) use csaf::read as read_csaf;
pub(super) use cyclonedx::{bom_link, read as read_cyclonedx};
pub(super) use openvex::read as read_openvex;

/// Returns the name that a text gives a product.
fn product_name(text: &str) -> ProductName {
    let text = text.trim();
    if let Ok(purl) = text.parse() {
        return ProductName::Purl(purl);
    }
    if let Ok(digest) = text.parse() {
        return ProductName::Digest(digest);
    }
    match text.split_once('#') {
        Some((link, reference)) if link.starts_with("urn:cdx:") => ProductName::InSbom {
            link: link.to_ascii_lowercase(),
            reference: decode(reference),
        },
        _ => ProductName::Text(text.to_owned()),
    }
}

/// Decodes the `%XX` of a fragment, in which a package URL's own stay as they are.
fn decode(text: &str) -> String {
    if text.starts_with("pkg:") {
        return text.to_owned();
    }
    let query = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(query.as_bytes())
        .next()
        .map_or_else(|| text.to_owned(), |(_, value)| value.into_owned())
}

/// The entries of a document on their way.
struct Statements {
    entries: Vec<Exemption>,
    /// Statements about no product that anything can be held against.
    nameless: usize,
}

impl Statements {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            nameless: 0,
        }
    }

    fn push(&mut self, exemption: Exemption) {
        let ExemptionRule::Vex { products } = &exemption.rule else {
            return;
        };
        self.nameless += usize::from(!products.iter().any(is_usable));
        self.entries.push(exemption);
    }

    fn into_document(
        mut self,
        source: Source<'_>,
        origin: Origin,
        format: Format,
    ) -> ExemptionDocument {
        let mut notices = source.notices;
        if self.nameless > 0 {
            notices.push(format!(
                "{} statements name their product in no way that an image or package is known by \
                 (package URL, digest): they apply to nothing",
                self.nameless
            ));
        }
        self.entries.shrink_to_fit();
        ExemptionDocument {
            origin,
            format,
            entries: self.entries,
            losses: source.losses,
            notices,
        }
    }
}

fn is_usable(product: &Product) -> bool {
    let known = |names: &[ProductName]| {
        let mut names = names.iter();
        names.any(|name| !matches!(name, ProductName::Text(text) if !text.contains("@sha256:")))
    };
    known(&product.names) && product.parts.as_ref().is_none_or(|parts| known(parts))
}

#[cfg(test)]
mod tests;
