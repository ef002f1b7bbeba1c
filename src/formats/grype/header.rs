//! What a Grype report says about itself, its subject, and the options it was made with.
//!
//! Records are read in `record`.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::record::describe;
use super::wire::{
    AlertsWire, ConfigurationWire, DescriptorWire, DistroWire, Document, RuleWire, SourceWire,
    TargetWire,
};
use crate::formats::configuration::encoded;
use crate::formats::json::{Entries, Maybe, MaybeText as _, Source};
use crate::model::{Platform, ScanOption, SubjectClaim};

/// The rules every Grype has, in one of two spellings: kernel headers are not the kernel.
const DEFAULT_RULES: [&str; 4] = [
    "kernel-headers",
    "linux(-.*)?-headers-.*",
    "linux-.*-headers-.*",
    "linux-libc-dev",
];

/// The header of a report.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) version: Option<String>,
    pub(super) created: Option<DateTime<Utc>>,
    pub(super) database_built: Option<DateTime<Utc>>,
    pub(super) claim: SubjectClaim,
    pub(super) options: Vec<ScanOption>,
}

impl Header {
    /// Reads the header; a part of it that is damaged is a loss that stands for no record.
    pub(super) fn read<'a>(source: &mut Source<'a>, document: &Document<'a>) -> Self {
        let descriptor: DescriptorWire<'a> = part(source, document.descriptor, "descriptor");
        let configuration: ConfigurationWire<'a> =
            part(source, descriptor.configuration, "descriptor.configuration");
        let distro: DistroWire<'a> = part(source, document.distro, "distro");
        let mut claim = claim(source, document.source);
        let os = [distro.name.get(), distro.version.get()];
        let os: Vec<&str> = os.into_iter().flatten().collect();
        claim.os = (!os.is_empty()).then(|| os.join(" "));
        source.expect_list(&document.alerts, || "alertsByPackage".to_owned());
        if !document.alerts.raw().is_empty() {
            claim.end_of_life = says_end_of_life(source, &document.alerts);
            let count = document.alerts.raw().len();
            let notice = if claim.end_of_life {
                format!("{count} packages are of a distribution past its end of life")
            } else {
                format!("{count} packages carry an alert of the scanner's")
            };
            source.notices.push(notice);
        }
        let db = descriptor.db.as_ref();
        let status = db.and_then(|db| db.status.as_ref());
        Self {
            version: descriptor.version.owned(),
            created: descriptor.timestamp.time(),
            database_built: status
                .and_then(|status| status.built.time())
                .or_else(|| db.and_then(|db| db.built.time())),
            claim,
            options: options(&configuration),
        }
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

/// The alert stands beside every package of the distribution: one is enough.
fn says_end_of_life<'a>(source: &mut Source<'a>, alerts: &Entries<'a>) -> bool {
    alerts.raw().iter().any(|raw| {
        let entry: Option<AlertsWire<'a>> = source.parse(raw, 0, || "alertsByPackage".to_owned());
        entry.is_some_and(|entry| {
            let mut kinds = entry.alerts.0.iter().map(|alert| alert.kind.get());
            kinds.any(|kind| kind == Some("distro-eol"))
        })
    })
}

fn claim<'a>(source: &mut Source<'a>, raw: Option<&'a RawValue>) -> SubjectClaim {
    let wire: SourceWire<'a> = part(source, raw, "source");
    let is_object = wire.target.is_some_and(|raw| raw.get().starts_with('{'));
    if !is_object {
        let name: Maybe<'a> = part(source, wire.target, "source.target");
        return SubjectClaim {
            name: name.owned(),
            ..SubjectClaim::default()
        };
    }
    let target: TargetWire<'a> = part(source, wire.target, "source.target");
    let manifest_digest = target.manifest_digest.digest();
    let repo_digests = target.repo_digests.texts();
    if let Some(digest) = &manifest_digest {
        let named = repo_digests
            .iter()
            .any(|text| text.ends_with(&digest.to_string()));
        if !named {
            source.notices.push(format!(
                "manifest digest {} is not among the repository digests: an image read from an \
                 archive or a daemon gets one that no registry has",
                digest.short()
            ));
        }
    }
    let layers: Vec<_> = target.layers.0.iter().map(|layer| &layer.digest).collect();
    let diff_ids: Vec<_> = layers.iter().filter_map(|layer| layer.digest()).collect();
    let whole = diff_ids.len() == layers.len();
    let config = target.config.get();
    let config = config.and_then(|text| encoded(source, text, "source.target.config"));
    SubjectClaim {
        name: target.user_input.owned(),
        manifest_digest,
        repo_digests,
        tags: target.tags.texts(),
        image_id: target.image_id.digest(),
        diff_ids: if whole { diff_ids } else { Vec::new() },
        base_layers: config.as_ref().and_then(|(config, _)| config.base_layers()),
        platform: target.architecture.owned().map(|architecture| Platform {
            os: target.os.owned().unwrap_or_else(|| "linux".to_owned()),
            architecture,
            variant: None,
        }),
        os: None,
        end_of_life: false,
        bom_link: None,
        is_image: wire.kind.get().is_none_or(|kind| kind == "image"),
        config,
    }
}

/// Returns the options that narrow the scan or change what its ids and severities mean.
fn options(configuration: &ConfigurationWire<'_>) -> Vec<ScanOption> {
    let mut options = Vec::new();
    let mut add = |name: &str, value: String| {
        options.push(ScanOption {
            name: name.to_owned(),
            value,
            recorded: true,
        });
    };
    for (name, value) in [
        ("by-cve", &configuration.by_cve),
        ("only-fixed", &configuration.only_fixed),
        ("only-notfixed", &configuration.only_notfixed),
        ("ignore-wontfix", &configuration.ignore_wontfix),
    ] {
        if let Some(value) = value.get().filter(|value| *value != "false") {
            add(name, value.to_owned());
        }
    }
    let rules: Vec<String> = configuration
        .ignore
        .0
        .iter()
        .filter(|rule| !is_default(rule))
        .map(describe)
        .collect();
    for (name, values) in [
        ("ignore", rules),
        ("vex-documents", configuration.vex_documents.texts()),
        ("exclude", configuration.exclude.texts()),
    ] {
        if !values.is_empty() {
            add(name, values.join("; "));
        }
    }
    let search = configuration.search.as_ref();
    let scope = search.and_then(|search| search.scope.get());
    if let Some(scope) = scope.filter(|scope| !scope.eq_ignore_ascii_case("squashed")) {
        add("search.scope", scope.to_owned());
    }
    options
}

fn is_default(rule: &RuleWire<'_>) -> bool {
    let name = rule
        .package
        .as_ref()
        .and_then(|package| package.name.get())
        .unwrap_or_default();
    rule.vulnerability.get().is_none() && DEFAULT_RULES.contains(&name)
}
