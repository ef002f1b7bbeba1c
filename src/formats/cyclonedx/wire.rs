//! The fields of CycloneDX that are read, in its own words.
//!
//! Meaning is given in `cyclonedx` and `claim`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::formats::json::{Entries, List, Maybe, MaybeText as _, Text};

/// The outermost object.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Document<'a> {
    /// What the text was before it was written out as JSON.
    #[serde(borrow, rename = "countersign:written")]
    pub(super) written: Maybe<'a>,
    #[serde(borrow)]
    pub(super) spec_version: Maybe<'a>,
    #[serde(borrow)]
    pub(super) metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) components: Entries<'a>,
    #[serde(borrow)]
    pub(super) dependencies: Entries<'a>,
    #[serde(borrow)]
    pub(super) vulnerabilities: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MetadataWire<'a> {
    #[serde(borrow)]
    pub(super) timestamp: Maybe<'a>,
    #[serde(borrow)]
    pub(super) tools: Option<ToolsWire<'a>>,
    #[serde(borrow)]
    pub(super) component: Option<ComponentWire<'a>>,
}

/// A list until 1.4, an object since 1.5.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ToolsWire<'a> {
    List(#[serde(borrow)] Vec<ToolWire<'a>>),
    Object {
        #[serde(borrow, default)]
        components: List<ToolWire<'a>>,
    },
    Other(IgnoredAny),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolWire<'a> {
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow)]
    pub(super) version: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ComponentWire<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow, rename = "bom-ref")]
    pub(super) reference: Maybe<'a>,
    #[serde(borrow)]
    pub(super) group: Maybe<'a>,
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow)]
    pub(super) version: Maybe<'a>,
    #[serde(borrow)]
    pub(super) purl: Maybe<'a>,
    #[serde(borrow)]
    licenses: List<LicenseChoiceWire<'a>>,
    #[serde(borrow)]
    pub(super) properties: List<PropertyWire<'a>>,
    #[serde(borrow)]
    pub(super) evidence: Option<EvidenceWire<'a>>,
    #[serde(borrow)]
    pub(super) components: Entries<'a>,
}

impl ComponentWire<'_> {
    /// Returns the first value of a property.
    pub(super) fn property(&self, name: &str) -> Option<&str> {
        self.properties(name).next()
    }

    /// Returns every value of a property.
    pub(super) fn properties(&self, name: &str) -> impl Iterator<Item = &str> {
        self.properties
            .0
            .iter()
            .filter(move |property| property.name.get() == Some(name))
            .filter_map(|property| property.value.get())
    }

    /// Returns the licences as written: an expression, an SPDX id or a name.
    pub(super) fn license_texts(&self) -> Vec<String> {
        let texts = self.licenses.0.iter().filter_map(|choice| {
            let license = choice.license.as_ref();
            choice
                .expression
                .get()
                .or_else(|| license.and_then(|license| license.id.get()))
                .or_else(|| license.and_then(|license| license.name.get()))
                .map(str::to_owned)
        });
        texts.collect()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LicenseChoiceWire<'a> {
    #[serde(borrow)]
    expression: Maybe<'a>,
    #[serde(borrow)]
    license: Option<LicenseWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LicenseWire<'a> {
    #[serde(borrow)]
    id: Maybe<'a>,
    #[serde(borrow)]
    name: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PropertyWire<'a> {
    #[serde(borrow)]
    name: Maybe<'a>,
    #[serde(borrow)]
    value: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EvidenceWire<'a> {
    #[serde(borrow)]
    pub(super) occurrences: List<OccurrenceWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OccurrenceWire<'a> {
    #[serde(borrow)]
    pub(super) location: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DependencyWire<'a> {
    #[serde(borrow, rename = "ref")]
    pub(super) reference: Maybe<'a>,
    #[serde(borrow, rename = "dependsOn")]
    pub(super) depends_on: List<Text<'a>>,
}
