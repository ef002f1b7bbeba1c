//! `inspect`: what there is to see about an image without running it.
//!
//! Reading is `registry::inspect`'s work.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::args::{Format, InspectArgs};
use super::exit::Exit;
use super::hygiene::{HygieneView, not_checked};
use super::output::{self, Align, Output, Table, severity_color};
use super::settings::Settings;
use super::stop::Stop;
use super::{image, platform, work};
use crate::model::oci::{Descriptor, ImageConfig};
use crate::model::{ConfigSource, Digest, Finding, Image};
use crate::registry::{Inspection, ReferrersSource, inspect};
use crate::text::thousands;
use crate::triage::hygiene::{self, Configured};

/// The document `inspect`.
#[derive(Serialize)]
struct InspectDocument<'a> {
    image: String,
    digest: &'a Digest,
    media_type: &'a str,
    size: u64,
    index: Option<&'a Digest>,
    platforms: Vec<PlatformView<'a>>,
    artifact_type: Option<&'a str>,
    subject: Option<&'a Descriptor>,
    annotations: &'a BTreeMap<String, String>,
    config: Option<ConfigView<'a>>,
    layers: Vec<LayerView<'a>>,
    referrers: ReferrersView<'a>,
    digest_tags: Vec<DigestTagView<'a>>,
    hygiene: Option<HygieneView<'a>>,
    warnings: &'a [String],
}

/// One entry of an index.
#[derive(Serialize)]
struct PlatformView<'a> {
    platform: Option<String>,
    digest: &'a Digest,
    size: u64,
    media_type: &'a str,
    attestation: bool,
    present: bool,
}

/// The configuration. Environment variables are named, not shown: their values may be secrets.
#[derive(Serialize)]
struct ConfigView<'a> {
    digest: Option<&'a Digest>,
    created: Option<&'a str>,
    platform: String,
    user: &'a str,
    env: Vec<&'a str>,
    exposed_ports: Vec<&'a str>,
    entrypoint: &'a [String],
    cmd: &'a [String],
}

/// One layer.
#[derive(Serialize)]
struct LayerView<'a> {
    digest: &'a Digest,
    size: u64,
    media_type: &'a str,
    diff_id: Option<&'a Digest>,
    created_by: Option<&'a str>,
}

/// What refers to the image.
#[derive(Serialize)]
struct ReferrersView<'a> {
    listed_by: &'static str,
    manifests: &'a [Descriptor],
}

/// A tag of cosign's beside the image.
#[derive(Serialize)]
struct DigestTagView<'a> {
    tag: &'a str,
    about: &'a Digest,
    digest: &'a Digest,
}

/// The document `tags`.
#[derive(Serialize)]
struct TagsDocument<'a> {
    repository: String,
    tags: &'a [String],
}

/// Runs the command.
pub(super) fn run(args: &InspectArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json, Format::Digest])?;
    let image = image(&args.image)?;
    let platform = platform(args.platform.as_deref())?;
    let mut output = settings.output()?;
    let client = settings.connector.client()?;
    if args.tags {
        let Image::Registry(reference) = &image else {
            return Err(Stop::usage("--tags lists a repository of a registry"));
        };
        let repository = &reference.repository;
        let tags = work::block_on(client.tags(repository))??;
        if format == Format::Json {
            let document = TagsDocument {
                repository: repository.to_string(),
                tags: &tags,
            };
            output.document("tags", &document)?;
        } else {
            for tag in &tags {
                output.line(tag)?;
            }
        }
        output.finish()?;
        return Ok(Exit::Done);
    }
    let inspection = work::block_on(inspect(&client, &image, platform.as_ref()))??;
    let observed = observed(&inspection, settings.environment().now());
    match format {
        Format::Digest => output.line(&inspection.digest.to_string())?,
        Format::Json => output.document("inspect", &document(&inspection, &observed))?,
        _ => {
            write(&inspection, &mut output)?;
            if inspection.config.is_some() {
                write_hygiene(&observed, &mut output)?;
            }
        }
    }
    for warning in &inspection.warnings {
        output::warning(warning, &[]);
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// Returns what the configuration tells.
fn observed(inspection: &Inspection, now: DateTime<Utc>) -> Vec<Finding> {
    let configured = inspection.config.as_ref().map(|config| Configured {
        config,
        source: ConfigSource {
            name: inspection.image.to_string(),
            part: None,
        },
        time: Some(now),
    });
    hygiene::findings(0, configured.as_slice())
}

fn write_hygiene(findings: &[Finding], output: &mut Output) -> Result<(), Stop> {
    let mut table = Table::new(&[
        ("hygiene", Align::Left),
        ("severity", Align::Left),
        ("where", Align::Left),
        ("what", Align::Left),
    ]);
    for finding in findings {
        let place = finding.package.locations.first();
        table.row([
            finding.id.as_str(),
            finding.severity.as_str(),
            place.map_or("", |place| place.path.as_str()),
            &finding.title,
        ]);
        table.color(1, severity_color(finding.severity));
    }
    output.data("\n")?;
    if findings.is_empty() {
        output.line("hygiene: nothing found in the configuration")?;
    } else {
        output.table(&table, 0)?;
    }
    output.line(&not_checked())
}

fn document<'a>(inspection: &'a Inspection, observed: &'a [Finding]) -> InspectDocument<'a> {
    let platforms = inspection.platforms.iter().map(|entry| PlatformView {
        platform: entry.platform.as_ref().map(ToString::to_string),
        digest: &entry.digest,
        size: entry.size,
        media_type: &entry.media_type,
        attestation: entry.attestation,
        present: entry.present,
    });
    let layers = inspection.layers.iter().map(|layer| LayerView {
        digest: &layer.digest,
        size: layer.size,
        media_type: &layer.media_type,
        diff_id: layer.diff_id.as_ref(),
        created_by: layer.created_by.as_deref(),
    });
    let tags = inspection.digest_tags.iter().map(|tag| DigestTagView {
        tag: &tag.tag,
        about: &tag.about,
        digest: &tag.descriptor.digest,
    });
    let config = inspection.config.as_ref().map(|config| {
        let descriptor = inspection.config_descriptor.as_ref();
        config_view(config, descriptor.map(|descriptor| &descriptor.digest))
    });
    InspectDocument {
        image: inspection.image.to_string(),
        digest: &inspection.digest,
        media_type: &inspection.media_type,
        size: inspection.size,
        index: inspection.index.as_ref(),
        platforms: platforms.collect(),
        artifact_type: inspection.artifact_type.as_deref(),
        subject: inspection.subject.as_ref(),
        annotations: &inspection.annotations,
        config,
        layers: layers.collect(),
        referrers: ReferrersView {
            listed_by: match inspection.referrers.listed_by {
                ReferrersSource::Api => "api",
                ReferrersSource::FallbackTag => "fallback-tag",
                ReferrersSource::None => "none",
            },
            manifests: &inspection.referrers.manifests,
        },
        digest_tags: tags.collect(),
        hygiene: inspection
            .config
            .is_some()
            .then(|| HygieneView::of(observed)),
        warnings: &inspection.warnings,
    }
}

fn config_view<'a>(config: &'a ImageConfig, digest: Option<&'a Digest>) -> ConfigView<'a> {
    let execution = &config.config;
    let variables = execution.env.iter().flatten();
    let ports = execution.exposed_ports.iter().flatten();
    ConfigView {
        digest,
        created: config.created.as_deref(),
        platform: config.platform().to_string(),
        user: &execution.user,
        env: variables
            .map(|pair| pair.split_once('=').map_or(pair.as_str(), |(name, _)| name))
            .collect(),
        exposed_ports: ports.map(|(port, _)| port.as_str()).collect(),
        entrypoint: execution.entrypoint.as_deref().unwrap_or_default(),
        cmd: execution.cmd.as_deref().unwrap_or_default(),
    }
}

fn write(inspection: &Inspection, output: &mut Output) -> Result<(), Stop> {
    let mut facts = Table::plain(2);
    facts.row(["image", &inspection.image.to_string()]);
    facts.row(["digest", &inspection.digest.to_string()]);
    facts.row(["media type", &inspection.media_type]);
    if let Some(index) = &inspection.index {
        facts.row(["index", &index.to_string()]);
    }
    if let Some(artifact_type) = &inspection.artifact_type {
        facts.row(["artifact type", artifact_type]);
    }
    if let Some(config) = &inspection.config {
        let view = config_view(config, None);
        facts.row(["platform", &view.platform]);
        facts.row(["created", view.created.unwrap_or("unknown")]);
        let user = if view.user.is_empty() {
            "root (none set)"
        } else {
            view.user
        };
        facts.row(["user", user]);
        facts.row(["ports", &view.exposed_ports.join(" ")]);
        facts.row(["variables", &view.env.join(" ")]);
        facts.row(["entry point", &view.entrypoint.join(" ")]);
        facts.row(["command", &view.cmd.join(" ")]);
    }
    output.table(&facts, 0)?;
    if !inspection.platforms.is_empty() {
        let mut table = Table::new(&[("platform", Align::Left), ("digest", Align::Left)]);
        for entry in &inspection.platforms {
            let mut name = match (&entry.platform, entry.attestation) {
                (_, true) => "attestation".to_owned(),
                (Some(platform), _) => platform.to_string(),
                (None, _) => "not named".to_owned(),
            };
            if !entry.present {
                name.push_str(" (not saved)");
            }
            table.row([name, entry.digest.to_string()]);
        }
        output.data("\n")?;
        output.table(&table, 0)?;
    }
    if !inspection.layers.is_empty() {
        let mut table = Table::new(&[
            ("layer", Align::Left),
            ("bytes", Align::Right),
            ("made by", Align::Left),
        ]);
        for layer in &inspection.layers {
            let made_by = layer.created_by.as_deref().unwrap_or("unknown");
            table.row([&layer.digest.to_string(), &thousands(layer.size), made_by]);
        }
        output.data("\n")?;
        output.table(&table, 0)?;
    }
    attached(inspection, output)
}

/// Writes what is attached to the image, by what the registry says about it.
fn attached(inspection: &Inspection, output: &mut Output) -> Result<(), Stop> {
    let mut table = Table::new(&[("attached", Align::Left), ("digest", Align::Left)]);
    for manifest in &inspection.referrers.manifests {
        let kind = manifest.artifact_type.as_deref();
        table.row([
            kind.unwrap_or(&manifest.media_type),
            &manifest.digest.to_string(),
        ]);
    }
    for tag in &inspection.digest_tags {
        table.row([&tag.tag, &tag.descriptor.digest.to_string()]);
    }
    output.data("\n")?;
    if inspection.referrers.manifests.is_empty() && inspection.digest_tags.is_empty() {
        return output.line("nothing is attached");
    }
    output.table(&table, 0)
}
