//! The fields of SPDX 2 that are read, in its own words.
//!
//! Meaning is given in `spdx` and `claim`.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::formats::json::{Entries, List, Maybe, MaybeText as _, Text};
use crate::model::{Digest, Purl};

/// The outermost object.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Document<'a> {
    /// What the text was before it was written out as JSON.
    #[serde(borrow, rename = "countersign:written")]
    pub(super) written: Maybe<'a>,
    #[serde(borrow)]
    pub(super) spdx_version: Maybe<'a>,
    #[serde(borrow, rename = "SPDXID")]
    pub(super) reference: Maybe<'a>,
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow, rename = "documentNamespace")]
    pub(super) namespace: Maybe<'a>,
    #[serde(borrow)]
    pub(super) creation_info: Option<&'a RawValue>,
    #[serde(borrow, rename = "documentDescribes")]
    pub(super) describes: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) packages: Entries<'a>,
    #[serde(borrow)]
    pub(super) files: Entries<'a>,
    #[serde(borrow)]
    pub(super) relationships: Entries<'a>,
    #[serde(borrow)]
    pub(super) annotations: Entries<'a>,
    #[serde(borrow)]
    pub(super) has_extracted_licensing_infos: Entries<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CreationWire<'a> {
    #[serde(borrow)]
    creators: List<Text<'a>>,
}

impl CreationWire<'_> {
    /// Returns the first tool, with its version after a blank: SPDX has `NAME-VERSION`.
    pub(super) fn producer(&self) -> Option<String> {
        let tools = self.creators.0.iter();
        let tool = tools
            .filter_map(|creator| creator.0.trim().strip_prefix("Tool:"))
            .map(str::trim)
            .find(|tool| !tool.is_empty())?;
        Some(producer(tool))
    }
}

/// Returns `NAME VERSION` for SPDX's `NAME-VERSION`.
pub(super) fn producer(tool: &str) -> String {
    let is_version = |text: &str| {
        text == "dev"
            || text
                .trim_start_matches('v')
                .starts_with(|c: char| c.is_ascii_digit())
    };
    // A version may have hyphens of its own.
    let cut = tool
        .match_indices('-')
        .map(|(position, _)| tool.split_at(position))
        .find_map(|(name, rest)| {
            let version = rest.strip_prefix('-')?;
            is_version(version).then_some((name, version))
        });
    cut.map_or_else(
        || tool.to_owned(),
        |(name, version)| format!("{name} {version}"),
    )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PackageWire<'a> {
    #[serde(borrow, rename = "SPDXID")]
    pub(super) reference: Maybe<'a>,
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow, rename = "versionInfo")]
    pub(super) version: Maybe<'a>,
    #[serde(borrow)]
    primary_package_purpose: Maybe<'a>,
    #[serde(borrow)]
    pub(super) source_info: Maybe<'a>,
    #[serde(borrow)]
    license_declared: Maybe<'a>,
    #[serde(borrow)]
    license_concluded: Maybe<'a>,
    #[serde(borrow)]
    external_refs: List<ExternalWire<'a>>,
    #[serde(borrow)]
    attribution_texts: List<Text<'a>>,
    #[serde(borrow)]
    annotations: List<AnnotationWire<'a>>,
    #[serde(borrow)]
    checksums: List<ChecksumWire<'a>>,
}

impl PackageWire<'_> {
    /// Returns the first package URL.
    pub(super) fn purl(&self) -> Option<Purl> {
        let references = self.external_refs.0.iter();
        references
            .filter(|entry| entry.kind.get() == Some("purl"))
            .find_map(|entry| entry.locator.purl())
    }

    /// Returns the SHA-256 checksum.
    pub(super) fn sha256(&self) -> Option<Digest> {
        let checksums = self.checksums.0.iter();
        checksums
            .filter(|entry| {
                entry
                    .algorithm
                    .get()
                    .is_some_and(|name| name.eq_ignore_ascii_case("SHA256"))
            })
            .find_map(|entry| format!("sha256:{}", entry.value.get()?).parse().ok())
    }

    /// Returns the word for what it is, as CycloneDX has it; an unstated one by Trivy's reference.
    pub(super) fn kind(&self) -> String {
        if let Some(purpose) = self.primary_package_purpose.get() {
            return purpose.to_lowercase().replace('_', "-");
        }
        let reference = self.reference.get().unwrap_or_default();
        let known = [
            ("SPDXRef-OperatingSystem-", "operating-system"),
            ("SPDXRef-ContainerImage-", "container"),
            ("SPDXRef-Application-", "application"),
        ];
        let known = known.iter().find(|(begin, _)| reference.starts_with(begin));
        known.map_or_else(String::new, |(_, kind)| (*kind).to_owned())
    }

    /// Returns the licence, the declared one first. `NOASSERTION` says no more than its absence;
    /// `NONE` says that there is none.
    pub(super) fn license(&self, extracted: &HashMap<String, String>) -> Option<String> {
        let stated: Vec<&str> = [&self.license_declared, &self.license_concluded]
            .into_iter()
            .filter_map(|license| license.get())
            .filter(|text| *text != "NOASSERTION")
            .collect();
        let chosen = stated.iter().find(|text| **text != "NONE");
        let text = chosen.or_else(|| stated.first())?;
        Some(
            extracted
                .get(*text)
                .map_or(*text, String::as_str)
                .to_owned(),
        )
    }

    /// Returns what Trivy says under a key: in attribution texts once, in annotations now.
    pub(super) fn said<'s>(
        &'s self,
        key: &str,
        annotations: &'s Annotations<'_>,
    ) -> Option<&'s str> {
        self.all_said(key, annotations).into_iter().next()
    }

    /// Returns everything that Trivy says under a key.
    pub(super) fn all_said<'s>(
        &'s self,
        key: &str,
        annotations: &'s Annotations<'_>,
    ) -> Vec<&'s str> {
        let outside = self.reference.get().and_then(|it| annotations.get(it));
        let comments = self
            .annotations
            .0
            .iter()
            .chain(outside.into_iter().flatten())
            .filter_map(|entry| entry.comment.get());
        let texts = self.attribution_texts.0.iter().map(|text| &*text.0);
        texts
            .chain(comments)
            .filter_map(|text| text.strip_prefix(key)?.strip_prefix(':'))
            .map(str::trim)
            .collect()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExternalWire<'a> {
    #[serde(borrow, rename = "referenceType")]
    kind: Maybe<'a>,
    #[serde(borrow, rename = "referenceLocator")]
    locator: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChecksumWire<'a> {
    #[serde(borrow)]
    algorithm: Maybe<'a>,
    #[serde(borrow, rename = "checksumValue")]
    value: Maybe<'a>,
}

/// What is said about packages outside of them, by the package's reference.
pub(super) type Annotations<'a> = HashMap<String, Vec<AnnotationWire<'a>>>;

/// `about` is tag-value's: in JSON an annotation lies in what it is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AnnotationWire<'a> {
    #[serde(borrow, rename = "SPDXREF")]
    pub(super) about: Maybe<'a>,
    #[serde(borrow)]
    comment: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FileWire<'a> {
    #[serde(borrow, rename = "SPDXID")]
    pub(super) reference: Maybe<'a>,
    #[serde(borrow, rename = "fileName")]
    pub(super) name: Maybe<'a>,
    #[serde(borrow)]
    pub(super) comment: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RelationshipWire<'a> {
    #[serde(borrow, rename = "spdxElementId")]
    pub(super) element: Maybe<'a>,
    #[serde(borrow, rename = "relationshipType")]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow, rename = "relatedSpdxElement")]
    pub(super) related: Maybe<'a>,
    #[serde(borrow)]
    pub(super) comment: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ExtractedWire<'a> {
    #[serde(borrow, rename = "licenseId")]
    pub(super) id: Maybe<'a>,
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
}
