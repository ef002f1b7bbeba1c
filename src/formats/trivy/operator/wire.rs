//! The fields of the operator's resources that are read, in its own words.
//!
//! Meaning is given in `operator` and `record`. There is no field for a secret's `match`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::formats::json::{Entries, Maybe, Pairs, Text};

/// A list of Kubernetes', or a resource itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ListWire<'a> {
    #[serde(borrow)]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow)]
    pub(super) items: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ResourceWire<'a> {
    #[serde(borrow)]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow)]
    pub(super) metadata: MetadataWire<'a>,
    #[serde(borrow)]
    pub(super) report: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MetadataWire<'a> {
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow)]
    pub(super) namespace: Maybe<'a>,
    #[serde(borrow)]
    pub(super) labels: Pairs<'a, Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReportWire<'a> {
    #[serde(borrow)]
    pub(super) artifact: ArtifactWire<'a>,
    #[serde(borrow)]
    pub(super) registry: RegistryWire<'a>,
    #[serde(borrow)]
    pub(super) os: OsWire<'a>,
    #[serde(borrow)]
    pub(super) scanner: ScannerWire<'a>,
    #[serde(borrow, rename = "updateTimestamp")]
    pub(super) updated: Maybe<'a>,
    #[serde(borrow)]
    pub(super) vulnerabilities: Entries<'a>,
    #[serde(borrow)]
    pub(super) checks: Entries<'a>,
    #[serde(borrow)]
    pub(super) secrets: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ArtifactWire<'a> {
    #[serde(borrow)]
    pub(super) repository: Maybe<'a>,
    #[serde(borrow)]
    pub(super) tag: Maybe<'a>,
    #[serde(borrow)]
    pub(super) digest: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RegistryWire<'a> {
    #[serde(borrow)]
    pub(super) server: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OsWire<'a> {
    #[serde(borrow)]
    pub(super) family: Maybe<'a>,
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ScannerWire<'a> {
    #[serde(borrow)]
    pub(super) version: Maybe<'a>,
}

/// The fields of every kind of entry.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct EntryWire<'a> {
    #[serde(borrow)]
    pub(super) severity: Maybe<'a>,
    #[serde(borrow)]
    pub(super) title: Maybe<'a>,
    #[serde(borrow)]
    pub(super) target: Maybe<'a>,
    #[serde(borrow, rename = "vulnerabilityID")]
    pub(super) vulnerability: Maybe<'a>,
    #[serde(borrow)]
    pub(super) resource: Maybe<'a>,
    #[serde(borrow)]
    pub(super) installed_version: Maybe<'a>,
    #[serde(borrow)]
    pub(super) fixed_version: Maybe<'a>,
    #[serde(borrow)]
    pub(super) class: Maybe<'a>,
    #[serde(borrow)]
    pub(super) package_type: Maybe<'a>,
    #[serde(borrow)]
    pub(super) package_path: Maybe<'a>,
    #[serde(borrow, rename = "packagePURL")]
    pub(super) purl: Maybe<'a>,
    #[serde(borrow)]
    pub(super) published_date: Maybe<'a>,
    #[serde(borrow, rename = "checkID")]
    pub(super) check: Maybe<'a>,
    pub(super) success: Option<bool>,
    #[serde(borrow, rename = "ruleID")]
    pub(super) rule: Maybe<'a>,
}
