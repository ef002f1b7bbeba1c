//! The fields of SARIF 2.1 that are read, in its own words.
//!
//! Meaning is given in `sarif` and `record`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::formats::json::{Entries, List, Maybe, Text};

/// The outermost object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Document<'a> {
    #[serde(borrow)]
    pub(super) runs: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RunWire<'a> {
    #[serde(borrow)]
    pub(super) tool: ToolWire<'a>,
    #[serde(borrow)]
    pub(super) results: Entries<'a>,
    #[serde(borrow)]
    pub(super) properties: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) invocations: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolWire<'a> {
    #[serde(borrow)]
    pub(super) driver: DriverWire<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DriverWire<'a> {
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow)]
    pub(super) version: Maybe<'a>,
    #[serde(borrow)]
    pub(super) rules: Entries<'a>,
}

/// What Trivy says about the image.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PropertiesWire<'a> {
    #[serde(borrow)]
    pub(super) image_name: Maybe<'a>,
    #[serde(borrow, rename = "imageID")]
    pub(super) image_id: Maybe<'a>,
    #[serde(borrow)]
    pub(super) repo_tags: List<Text<'a>>,
    #[serde(borrow)]
    pub(super) repo_digests: List<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InvocationWire {
    #[serde(rename = "executionSuccessful")]
    pub(super) successful: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RuleWire<'a> {
    #[serde(borrow)]
    pub(super) id: Maybe<'a>,
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow)]
    pub(super) short_description: MessageWire<'a>,
    #[serde(borrow)]
    pub(super) full_description: MessageWire<'a>,
    #[serde(borrow)]
    pub(super) help: MessageWire<'a>,
    #[serde(borrow)]
    pub(super) default_configuration: ConfigurationWire<'a>,
    #[serde(borrow)]
    pub(super) properties: RulePropertiesWire<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ConfigurationWire<'a> {
    #[serde(borrow)]
    pub(super) level: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RulePropertiesWire<'a> {
    #[serde(borrow)]
    pub(super) tags: List<Text<'a>>,
    #[serde(borrow)]
    pub(super) purls: List<Text<'a>>,
    /// A CVSS score, which GitHub asks of tools.
    #[serde(borrow, rename = "security-severity")]
    pub(super) security_severity: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MessageWire<'a> {
    #[serde(borrow)]
    pub(super) text: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ResultWire<'a> {
    #[serde(borrow)]
    pub(super) rule_id: Maybe<'a>,
    pub(super) rule_index: Option<i64>,
    #[serde(borrow)]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow)]
    pub(super) level: Maybe<'a>,
    #[serde(borrow)]
    pub(super) message: MessageWire<'a>,
    #[serde(borrow)]
    pub(super) locations: List<LocationWire<'a>>,
    #[serde(borrow)]
    pub(super) suppressions: List<SuppressionWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SuppressionWire<'a> {
    #[serde(borrow)]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow)]
    pub(super) status: Maybe<'a>,
    #[serde(borrow)]
    pub(super) justification: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LocationWire<'a> {
    #[serde(borrow)]
    pub(super) physical_location: PhysicalWire<'a>,
    #[serde(borrow)]
    pub(super) logical_locations: List<LogicalWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PhysicalWire<'a> {
    #[serde(borrow)]
    pub(super) artifact_location: ArtifactWire<'a>,
    pub(super) region: RegionWire,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ArtifactWire<'a> {
    #[serde(borrow)]
    pub(super) uri: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RegionWire {
    pub(super) start_line: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LogicalWire<'a> {
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow)]
    pub(super) fully_qualified_name: Maybe<'a>,
}
