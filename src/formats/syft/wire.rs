//! The fields of Syft's JSON that are read, in its own words.
//!
//! Meaning is given in `syft`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::formats::json::{Entries, List, Maybe, MaybeText as _, Text};

/// The outermost object.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Document<'a> {
    #[serde(borrow)]
    pub(super) artifacts: Entries<'a>,
    #[serde(borrow)]
    pub(super) artifact_relationships: Entries<'a>,
    #[serde(borrow)]
    pub(super) source: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) distro: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) descriptor: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) schema: Option<&'a RawValue>,
}

/// A tool or schema.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NamedWire<'a> {
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow)]
    pub(super) version: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct DistroWire<'a> {
    #[serde(borrow)]
    id: Maybe<'a>,
    #[serde(borrow)]
    name: Maybe<'a>,
    #[serde(borrow, rename = "versionID")]
    version_id: Maybe<'a>,
    #[serde(borrow)]
    version: Maybe<'a>,
}

impl DistroWire<'_> {
    /// Returns distribution and release. Old schemas have the id as `name`.
    pub(super) fn text(&self) -> Option<String> {
        let name = self.id.get().or_else(|| self.name.get())?;
        let version = self.version_id.get().or_else(|| self.version.get());
        let text = format!("{name} {}", version.unwrap_or_default());
        Some(text.trim().to_owned())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ArtifactWire<'a> {
    #[serde(borrow)]
    pub(super) id: Maybe<'a>,
    #[serde(borrow)]
    pub(super) name: Maybe<'a>,
    #[serde(borrow)]
    pub(super) version: Maybe<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow)]
    pub(super) purl: Maybe<'a>,
    #[serde(borrow)]
    pub(super) locations: List<LocationWire<'a>>,
    #[serde(borrow)]
    pub(super) licenses: List<LicenseWire<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LocationWire<'a> {
    #[serde(borrow)]
    pub(super) path: Maybe<'a>,
    #[serde(borrow, rename = "layerID")]
    pub(super) layer: Maybe<'a>,
}

/// A text in old schemas.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum LicenseWire<'a> {
    Plain(#[serde(borrow)] Text<'a>),
    Object {
        #[serde(borrow, default)]
        value: Maybe<'a>,
        #[serde(borrow, default, rename = "spdxExpression")]
        expression: Maybe<'a>,
    },
}

impl LicenseWire<'_> {
    /// Returns the licence, as SPDX writes it where Syft knows that.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Plain(text) => Some(text.0.trim().to_owned()).filter(|text| !text.is_empty()),
            Self::Object { value, expression } => expression.owned().or_else(|| value.owned()),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RelationshipWire<'a> {
    #[serde(borrow)]
    pub(super) parent: Maybe<'a>,
    #[serde(borrow)]
    pub(super) child: Maybe<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Maybe<'a>,
}

/// What was scanned: in `target` until schema 6, in `metadata` since.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SourceWire<'a> {
    #[serde(borrow)]
    pub(super) id: Maybe<'a>,
    #[serde(borrow)]
    name: Maybe<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Maybe<'a>,
    #[serde(borrow)]
    target: Option<TargetWire<'a>>,
    #[serde(borrow)]
    metadata: Option<ImageWire<'a>>,
}

/// An image, or the path of anything else.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum TargetWire<'a> {
    Path(#[serde(borrow)] Text<'a>),
    Image(#[serde(borrow)] Box<ImageWire<'a>>),
}

impl<'a> SourceWire<'a> {
    /// Returns what is said about the image.
    pub(super) fn image(&self) -> Option<&ImageWire<'a>> {
        match (&self.metadata, &self.target) {
            (Some(image), _) => Some(image),
            (None, Some(TargetWire::Image(image))) => Some(image),
            (None, _) => None,
        }
    }

    /// Returns the name of what was scanned.
    pub(super) fn name(&self) -> Option<String> {
        let path = match &self.target {
            Some(TargetWire::Path(path)) => Some(path.0.trim().to_owned()),
            _ => None,
        };
        self.name.owned().or(path)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ImageWire<'a> {
    #[serde(borrow, rename = "userInput")]
    pub(super) input: Maybe<'a>,
    #[serde(borrow, rename = "imageID")]
    pub(super) image_id: Maybe<'a>,
    #[serde(borrow)]
    pub(super) manifest_digest: Maybe<'a>,
    #[serde(borrow)]
    pub(super) repo_digests: List<Text<'a>>,
    #[serde(borrow)]
    pub(super) tags: List<Text<'a>>,
    #[serde(borrow)]
    pub(super) layers: List<LayerWire<'a>>,
    #[serde(borrow)]
    pub(super) architecture: Maybe<'a>,
    #[serde(borrow)]
    pub(super) os: Maybe<'a>,
    #[serde(borrow)]
    pub(super) variant: Maybe<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LayerWire<'a> {
    #[serde(borrow)]
    pub(super) digest: Maybe<'a>,
}
