//! The fields of Trivy's JSON that are read, in Trivy's own words.
//!
//! Meaning is given in `header` and `record`. There is no field for a secret's `Match` or `Code`,
//! so that their values cannot be kept by mistake.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::formats::json::{Entries, List, Maybe, Pairs, Text};

/// The outermost object.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Document<'a> {
    #[serde(borrow)]
    pub(super) trivy: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) created_at: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) artifact_name: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) artifact_type: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) results: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ToolWire<'a> {
    #[serde(borrow)]
    pub(super) version: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MetadataWire<'a> {
    #[serde(borrow, rename = "OS")]
    pub(super) os: Option<OsWire<'a>>,
    #[serde(borrow, rename = "ImageID")]
    pub(super) image_id: Maybe<'a>,
    #[serde(borrow, rename = "DiffIDs")]
    pub(super) diff_ids: List<Text<'a>>,
    #[serde(borrow, rename = "RepoTags")]
    pub(super) repo_tags: List<Text<'a>>,
    #[serde(borrow, rename = "RepoDigests")]
    pub(super) repo_digests: List<Text<'a>>,
    #[serde(borrow, rename = "ImageConfig")]
    pub(super) image_config: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OsWire<'a> {
    #[serde(borrow, rename = "Family")]
    pub(super) family: Maybe<'a>,
    #[serde(borrow, rename = "Name")]
    pub(super) name: Maybe<'a>,
    #[serde(borrow, rename = "EOSL")]
    pub(super) end_of_life: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ImageConfigWire<'a> {
    #[serde(borrow)]
    pub(super) architecture: Maybe<'a>,
    #[serde(borrow)]
    pub(super) os: Maybe<'a>,
    #[serde(borrow)]
    pub(super) variant: Maybe<'a>,
    #[serde(borrow)]
    pub(super) history: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HistoryWire<'a> {
    #[serde(borrow)]
    pub(super) created_by: Maybe<'a>,
    #[serde(borrow)]
    pub(super) empty_layer: Maybe<'a>,
}

/// One target of the scan: the system's packages, a lock file, a Dockerfile.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ResultWire<'a> {
    #[serde(borrow)]
    pub(super) target: Maybe<'a>,
    #[serde(borrow)]
    pub(super) class: Maybe<'a>,
    #[serde(borrow, rename = "Type")]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow)]
    pub(super) packages: Entries<'a>,
    #[serde(borrow)]
    pub(super) vulnerabilities: Entries<'a>,
    #[serde(borrow)]
    pub(super) misconfigurations: Entries<'a>,
    #[serde(borrow)]
    pub(super) secrets: Entries<'a>,
    #[serde(borrow)]
    pub(super) licenses: Entries<'a>,
    #[serde(borrow, rename = "CustomResources")]
    pub(super) custom: Entries<'a>,
    #[serde(borrow, rename = "ExperimentalModifiedFindings")]
    pub(super) modified: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IdentifierWire<'a> {
    #[serde(borrow, rename = "PURL")]
    pub(super) purl: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LayerWire<'a> {
    #[serde(borrow, rename = "Digest")]
    pub(super) digest: Maybe<'a>,
    #[serde(borrow, rename = "DiffID")]
    pub(super) diff_id: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PackageWire<'a> {
    #[serde(borrow, rename = "ID")]
    pub(super) id: Maybe<'a>,
    #[serde(borrow, rename = "Name")]
    pub(super) name: Maybe<'a>,
    #[serde(borrow, rename = "Identifier")]
    pub(super) identifier: Option<IdentifierWire<'a>>,
    #[serde(borrow, rename = "Version")]
    pub(super) version: Maybe<'a>,
    #[serde(borrow, rename = "Release")]
    pub(super) release: Maybe<'a>,
    #[serde(borrow, rename = "Epoch")]
    pub(super) epoch: Maybe<'a>,
    #[serde(borrow, rename = "SrcName")]
    pub(super) source: Maybe<'a>,
    #[serde(borrow, rename = "Licenses")]
    pub(super) licenses: List<Text<'a>>,
    #[serde(borrow, rename = "Layer")]
    pub(super) layer: Option<LayerWire<'a>>,
    #[serde(borrow, rename = "FilePath")]
    pub(super) path: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VulnerabilityWire<'a> {
    #[serde(borrow, rename = "VulnerabilityID")]
    pub(super) id: Maybe<'a>,
    #[serde(borrow, rename = "VendorIDs")]
    pub(super) vendor_ids: List<Text<'a>>,
    #[serde(borrow, rename = "PkgID")]
    pub(super) package_id: Maybe<'a>,
    #[serde(borrow, rename = "PkgName")]
    pub(super) package_name: Maybe<'a>,
    #[serde(borrow, rename = "PkgPath")]
    pub(super) path: Maybe<'a>,
    #[serde(borrow, rename = "PkgIdentifier")]
    pub(super) identifier: Option<IdentifierWire<'a>>,
    #[serde(borrow, rename = "PkgRef")]
    pub(super) reference: Maybe<'a>,
    #[serde(borrow, rename = "InstalledVersion")]
    pub(super) version: Maybe<'a>,
    #[serde(borrow, rename = "FixedVersion")]
    pub(super) fixed_version: Maybe<'a>,
    #[serde(borrow, rename = "Status")]
    pub(super) status: Maybe<'a>,
    #[serde(borrow, rename = "Layer")]
    pub(super) layer: Option<LayerWire<'a>>,
    #[serde(borrow, rename = "Severity")]
    pub(super) severity: Maybe<'a>,
    #[serde(borrow, rename = "SeveritySource")]
    pub(super) severity_source: Maybe<'a>,
    #[serde(borrow, rename = "DataSource")]
    pub(super) data_source: Option<DataSourceWire<'a>>,
    #[serde(borrow, rename = "Title")]
    pub(super) title: Maybe<'a>,
    #[serde(borrow, rename = "Description")]
    pub(super) description: Maybe<'a>,
    #[serde(borrow, rename = "VendorSeverity")]
    pub(super) vendor_severity: Pairs<'a, Text<'a>>,
    #[serde(borrow, rename = "CVSS")]
    pub(super) cvss: Pairs<'a, CvssWire<'a>>,
    #[serde(borrow, rename = "References")]
    pub(super) references: List<Text<'a>>,
    #[serde(borrow, rename = "PublishedDate")]
    pub(super) published: Maybe<'a>,
    #[serde(borrow, rename = "LastModifiedDate")]
    pub(super) modified: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DataSourceWire<'a> {
    #[serde(borrow, rename = "ID")]
    pub(super) id: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CvssWire<'a> {
    #[serde(borrow, rename = "V2Vector")]
    pub(super) v2_vector: Maybe<'a>,
    #[serde(borrow, rename = "V3Vector")]
    pub(super) v3_vector: Maybe<'a>,
    #[serde(borrow, rename = "V40Vector")]
    pub(super) v4_vector: Maybe<'a>,
    #[serde(rename = "V2Score")]
    pub(super) v2_score: Option<f64>,
    #[serde(rename = "V3Score")]
    pub(super) v3_score: Option<f64>,
    #[serde(rename = "V40Score")]
    pub(super) v4_score: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MisconfigurationWire<'a> {
    #[serde(borrow, rename = "ID")]
    pub(super) id: Maybe<'a>,
    #[serde(borrow, rename = "AVDID")]
    pub(super) old_id: Maybe<'a>,
    #[serde(borrow, rename = "Title")]
    pub(super) title: Maybe<'a>,
    #[serde(borrow, rename = "Message")]
    pub(super) message: Maybe<'a>,
    #[serde(borrow, rename = "Severity")]
    pub(super) severity: Maybe<'a>,
    #[serde(borrow, rename = "Status")]
    pub(super) status: Maybe<'a>,
    #[serde(borrow, rename = "Layer")]
    pub(super) layer: Option<LayerWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SecretWire<'a> {
    #[serde(borrow, rename = "RuleID")]
    pub(super) rule: Maybe<'a>,
    #[serde(borrow, rename = "Title")]
    pub(super) title: Maybe<'a>,
    #[serde(borrow, rename = "Severity")]
    pub(super) severity: Maybe<'a>,
    #[serde(rename = "StartLine")]
    pub(super) line: Option<u64>,
    #[serde(borrow, rename = "Layer")]
    pub(super) layer: Option<LayerWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LicenseWire<'a> {
    #[serde(borrow, rename = "Name")]
    pub(super) name: Maybe<'a>,
    #[serde(borrow, rename = "Category")]
    pub(super) category: Maybe<'a>,
    #[serde(borrow, rename = "Severity")]
    pub(super) severity: Maybe<'a>,
    #[serde(borrow, rename = "PkgName")]
    pub(super) package_name: Maybe<'a>,
    #[serde(borrow, rename = "FilePath")]
    pub(super) path: Maybe<'a>,
    /// Licence texts may be long; only that it is there is known.
    #[serde(rename = "Text")]
    pub(super) _text: IgnoredAny,
}

/// A finding that was taken out of the lists, and what took it out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ModifiedWire<'a> {
    #[serde(borrow, rename = "Type")]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow, rename = "Status")]
    pub(super) status: Maybe<'a>,
    #[serde(borrow, rename = "Statement")]
    pub(super) statement: Maybe<'a>,
    #[serde(borrow, rename = "Source")]
    pub(super) source: Maybe<'a>,
    #[serde(borrow, rename = "Finding")]
    pub(super) finding: Option<&'a RawValue>,
}
