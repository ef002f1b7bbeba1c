//! The fields of Grype's JSON that are read, in Grype's own words.
//!
//! Meaning is given in `header` and `record`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::formats::json::{Entries, List, Maybe, OneOrMany, Text};

/// The outermost object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Document<'a> {
    #[serde(borrow)]
    pub(super) matches: Entries<'a>,
    #[serde(borrow, rename = "ignoredMatches")]
    pub(super) ignored: Entries<'a>,
    #[serde(borrow, rename = "alertsByPackage")]
    pub(super) alerts: Entries<'a>,
    #[serde(borrow)]
    pub(super) source: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) distro: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) descriptor: Option<&'a RawValue>,
}

/// What is said about one package that is no vulnerability.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AlertsWire<'a> {
    #[serde(borrow)]
    pub(super) alerts: List<AlertWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AlertWire<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SourceWire<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Maybe<'a>,
    /// An object for images, a text for everything else.
    #[serde(borrow)]
    pub(super) target: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TargetWire<'a> {
    #[serde(borrow)]
    pub(super) user_input: Maybe<'a>,
    #[serde(borrow, rename = "imageID")]
    pub(super) image_id: Maybe<'a>,
    #[serde(borrow)]
    pub(super) manifest_digest: Maybe<'a>,
    #[serde(borrow)]
    pub(super) tags: List<Text<'a>>,
    #[serde(borrow)]
    pub(super) repo_digests: List<Text<'a>>,
    #[serde(borrow)]
    pub(super) layers: List<LayerWire<'a>>,
    #[serde(borrow)]
    pub(super) config: Maybe<'a>,
    #[serde(borrow)]
    pub(super) architecture: Maybe<'a>,
    #[serde(borrow)]
    pub(super) os: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LayerWire<'a> {
    #[serde(borrow)]
    pub(super) digest: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DistroWire<'a> {
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow)]
    pub(super) version: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DescriptorWire<'a> {
    #[serde(borrow)]
    pub(super) version: Maybe<'a>,
    #[serde(borrow)]
    pub(super) timestamp: Maybe<'a>,
    #[serde(borrow)]
    pub(super) configuration: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) db: Option<DatabaseWire<'a>>,
}

/// Old reports have the date here, newer ones in `status`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DatabaseWire<'a> {
    #[serde(borrow)]
    pub(super) built: Maybe<'a>,
    #[serde(borrow)]
    pub(super) status: Option<StatusWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StatusWire<'a> {
    #[serde(borrow)]
    pub(super) built: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct ConfigurationWire<'a> {
    #[serde(borrow)]
    pub(super) by_cve: Maybe<'a>,
    #[serde(borrow)]
    pub(super) only_fixed: Maybe<'a>,
    #[serde(borrow)]
    pub(super) only_notfixed: Maybe<'a>,
    #[serde(borrow)]
    pub(super) ignore_wontfix: Maybe<'a>,
    #[serde(borrow)]
    pub(super) ignore: List<RuleWire<'a>>,
    #[serde(borrow)]
    pub(super) vex_documents: List<Text<'a>>,
    #[serde(borrow)]
    pub(super) exclude: List<Text<'a>>,
    #[serde(borrow)]
    pub(super) search: Option<SearchWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SearchWire<'a> {
    #[serde(borrow)]
    pub(super) scope: Maybe<'a>,
}

/// A rule that ignores matches, in the configuration and on an ignored match.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct RuleWire<'a> {
    #[serde(borrow)]
    pub(super) vulnerability: Maybe<'a>,
    #[serde(borrow)]
    pub(super) reason: Maybe<'a>,
    #[serde(borrow)]
    pub(super) namespace: Maybe<'a>,
    #[serde(borrow)]
    pub(super) fix_state: Maybe<'a>,
    #[serde(borrow)]
    pub(super) vex_status: Maybe<'a>,
    #[serde(borrow)]
    pub(super) vex_justification: Maybe<'a>,
    #[serde(borrow)]
    pub(super) package: Option<RulePackageWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RulePackageWire<'a> {
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow)]
    pub(super) location: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MatchWire<'a> {
    #[serde(borrow)]
    pub(super) vulnerability: Option<VulnerabilityWire<'a>>,
    #[serde(borrow)]
    pub(super) related_vulnerabilities: List<VulnerabilityWire<'a>>,
    #[serde(borrow)]
    pub(super) match_details: OneOrMany<MatchDetailWire<'a>>,
    #[serde(borrow)]
    pub(super) artifact: Option<ArtifactWire<'a>>,
    #[serde(borrow)]
    pub(super) applied_ignore_rules: List<RuleWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct VulnerabilityWire<'a> {
    #[serde(borrow)]
    pub(super) id: Maybe<'a>,
    #[serde(borrow)]
    pub(super) namespace: Maybe<'a>,
    #[serde(borrow)]
    pub(super) severity: Maybe<'a>,
    #[serde(borrow)]
    pub(super) description: Maybe<'a>,
    #[serde(borrow)]
    pub(super) cvss: List<CvssWire<'a>>,
    #[serde(borrow)]
    pub(super) epss: List<EpssWire<'a>>,
    #[serde(borrow)]
    pub(super) known_exploited: Option<List<ExploitedWire<'a>>>,
    #[serde(borrow)]
    pub(super) fix: Option<FixWire<'a>>,
    #[serde(borrow)]
    pub(super) advisories: List<AdvisoryWire<'a>>,
    /// Until 0.12 there was one fixed version, and a score for each version of CVSS.
    #[serde(borrow)]
    pub(super) fixed_in_version: Maybe<'a>,
    #[serde(borrow)]
    pub(super) cvss_v2: Option<OldCvssWire<'a>>,
    #[serde(borrow)]
    pub(super) cvss_v3: Option<OldCvssWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CvssWire<'a> {
    #[serde(borrow)]
    pub(super) vector: Maybe<'a>,
    pub(super) metrics: Option<MetricsWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MetricsWire {
    pub(super) base_score: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct OldCvssWire<'a> {
    pub(super) base_score: Option<f64>,
    #[serde(borrow)]
    pub(super) vector: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EpssWire<'a> {
    pub(super) epss: Option<f64>,
    pub(super) percentile: Option<f64>,
    #[serde(borrow)]
    pub(super) date: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ExploitedWire<'a> {
    #[serde(borrow, rename = "dateAdded")]
    pub(super) added: Maybe<'a>,
    #[serde(borrow, rename = "knownRansomwareCampaignUse")]
    pub(super) ransomware: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FixWire<'a> {
    #[serde(borrow)]
    pub(super) versions: List<Text<'a>>,
    #[serde(borrow)]
    pub(super) state: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AdvisoryWire<'a> {
    #[serde(borrow)]
    pub(super) id: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MatchDetailWire<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ArtifactWire<'a> {
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow)]
    pub(super) version: Maybe<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow)]
    pub(super) locations: List<LocationWire<'a>>,
    #[serde(borrow)]
    pub(super) licenses: List<LicenseWire<'a>>,
    #[serde(borrow)]
    pub(super) purl: Maybe<'a>,
    #[serde(borrow)]
    pub(super) upstreams: List<UpstreamWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LocationWire<'a> {
    #[serde(borrow)]
    pub(super) path: Maybe<'a>,
    #[serde(borrow, rename = "layerID")]
    pub(super) layer: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UpstreamWire<'a> {
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
}

/// A licence: a text, or an object around one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum LicenseWire<'a> {
    Text(#[serde(borrow)] Text<'a>),
    Object {
        #[serde(borrow, default)]
        value: Maybe<'a>,
    },
}
