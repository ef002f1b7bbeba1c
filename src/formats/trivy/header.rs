//! What a Trivy report says about itself and its subject.
//!
//! Records are read in `record`.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::wire::{Document, HistoryWire, ImageConfigWire, MetadataWire, ResultWire, ToolWire};
use crate::formats::configuration::configuration;
use crate::formats::json::{Maybe, MaybeText as _, Source};
use crate::model::oci::{self, History};
use crate::model::{Platform, SubjectClaim};

/// The header of a report.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) version: Option<String>,
    pub(super) created: Option<DateTime<Utc>>,
    pub(super) claim: SubjectClaim,
    /// Whether the artifact is an image by its declared type.
    pub(super) is_container: bool,
}

impl Header {
    /// Schema 1 names its subject only in the system's target: `alpine:3.9 (alpine 3.9.4)`.
    pub(super) fn name_after(&mut self, results: &[(String, ResultWire<'_>)]) {
        let targets = results.iter().filter_map(|(_, result)| {
            let (name, rest) = result.target.get()?.rsplit_once(" (")?;
            let os = rest.strip_suffix(')')?;
            os.starts_with(result.kind.get()?).then_some((name, os))
        });
        for (name, os) in targets.take(1) {
            self.claim.name = Some(name.to_owned());
            self.claim.os.get_or_insert_with(|| os.to_owned());
            self.claim.is_image = true;
        }
    }
}

/// Reads the header; a part of it that is damaged is a loss that stands for no record.
pub(super) fn read<'a>(source: &mut Source<'a>, document: &Document<'a>) -> Header {
    let name = text(source, document.artifact_name, "ArtifactName");
    let kind = text(source, document.artifact_type, "ArtifactType");
    let created = text(source, document.created_at, "CreatedAt");
    let tool: ToolWire<'a> = part(source, document.trivy, "Trivy");
    let metadata: MetadataWire<'a> = part(source, document.metadata, "Metadata");
    let os = metadata.os.as_ref();
    let os_name = os.map(|os| {
        let parts = [os.family.get(), os.name.get()];
        let words: Vec<&str> = parts.into_iter().flatten().collect();
        words.join(" ")
    });
    let is_container = kind.get() == Some("container_image");
    let image_id = metadata.image_id.digest();
    let digests = metadata.diff_ids.texts();
    let diff_ids: Vec<_> = digests.iter().filter_map(|id| id.parse().ok()).collect();
    if diff_ids.len() != digests.len() {
        let notice = "a diff ID is no digest: layers are not used to join this report";
        source.notices.push(notice.to_owned());
    }
    let whole = diff_ids.len() == digests.len();
    let image_config: ImageConfigWire<'a> =
        part(source, metadata.image_config, "Metadata.ImageConfig");
    let is_image = is_container || image_id.is_some();
    let config = metadata.image_config.filter(|_| is_image);
    let config = config.and_then(|raw| configuration(source, raw.get(), "Metadata.ImageConfig"));
    Header {
        version: tool.version.owned(),
        created: created.time(),
        is_container,
        claim: SubjectClaim {
            name: name.owned(),
            manifest_digest: None,
            repo_digests: metadata.repo_digests.texts(),
            tags: metadata.repo_tags.texts(),
            is_image,
            image_id,
            diff_ids: if whole { diff_ids } else { Vec::new() },
            base_layers: base_layers(&image_config, digests.len()),
            platform: platform(&image_config),
            end_of_life: os.is_some_and(|os| os.end_of_life.is_true()),
            bom_link: None,
            os: os_name.filter(|name| !name.is_empty()),
            config,
        },
    }
}

fn part<'a, T: serde::Deserialize<'a> + Default>(
    source: &mut Source<'a>,
    raw: Option<&'a RawValue>,
    name: &str,
) -> T {
    let read: Option<Option<T>> = raw.and_then(|raw| source.parse(raw, 0, || name.to_owned()));
    read.flatten().unwrap_or_default()
}

fn text<'a>(source: &mut Source<'a>, raw: Option<&'a RawValue>, name: &str) -> Maybe<'a> {
    part(source, raw, name)
}

fn platform(config: &ImageConfigWire<'_>) -> Option<Platform> {
    Some(Platform {
        os: config.os.get().unwrap_or("linux").to_owned(),
        architecture: config.architecture.owned()?,
        variant: config.variant.owned(),
    })
}

/// Guesses from the history how many layers are the base image's. A step that cannot be read, or
/// a history of other layers, is no history.
fn base_layers(config: &ImageConfigWire<'_>, layers: usize) -> Option<usize> {
    let step = |raw: &&RawValue| {
        let wire: HistoryWire<'_> = serde_json::from_str(raw.get()).ok()?;
        Some(History {
            created_by: wire.created_by.owned().unwrap_or_default(),
            empty_layer: wire.empty_layer.is_true(),
            ..History::default()
        })
    };
    let history: Option<Vec<History>> = config.history.raw().iter().map(step).collect();
    let history = history?;
    let made = history.iter().filter(|step| !step.empty_layer).count();
    (made == layers).then(|| oci::base_layers(&history))?
}

/// Adds what a reader has to know before trusting an empty list.
pub(super) fn notices(
    source: &mut Source<'_>,
    header: &Header,
    results: &[(String, ResultWire<'_>)],
    looked: bool,
) {
    let notice = if results.is_empty() {
        "the report has no results: no package was catalogued"
    } else if !looked {
        "the report holds no vulnerability result: nothing was looked up"
    } else {
        ""
    };
    if !notice.is_empty() {
        source.notices.push(notice.to_owned());
    }
    if header.claim.end_of_life {
        let os = header.claim.os.as_deref().unwrap_or("the distribution");
        let notice = format!("{os} is past its end of life: new vulnerabilities may be missing");
        source.notices.push(notice);
    }
}
