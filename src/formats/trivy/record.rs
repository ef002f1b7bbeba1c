//! One entry of a Trivy result → one record.
//!
//! The document around the results is `header`'s.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::wire::{
    CvssWire, IdentifierWire, LayerWire, LicenseWire, MisconfigurationWire, PackageWire,
    ResultWire, SecretWire, VulnerabilityWire,
};
use crate::formats::ecosystem::ecosystem;
use crate::formats::json::{Maybe, MaybeText as _, Source, within};
use crate::formats::mentions::mentioned;
use crate::formats::title::first_words;
use crate::model::{
    Cvss, Digest, Fix, FixState, Kind, Location, Package, Rating, Record, Severity, VulnerabilityId,
};

/// What a record needs to know of the result it is in.
pub(super) struct Context<'r> {
    target: &'r str,
    of_system: bool,
    kind: &'r str,
    /// Source packages and licences by the package's id, and by name and version.
    by_id: HashMap<&'r str, &'r PackageWire<'r>>,
    by_name: HashMap<&'r str, &'r PackageWire<'r>>,
}

impl<'r> Context<'r> {
    pub(super) fn new(result: &'r ResultWire<'_>, packages: &'r [PackageWire<'_>]) -> Self {
        let kind = result.kind.get().unwrap_or_default();
        let mut context = Self {
            target: result.target.get().unwrap_or_default(),
            of_system: result.class.get() == Some("os-pkgs")
                || matches!(ecosystem(None, kind).as_str(), "deb" | "rpm" | "apk"),
            kind,
            by_id: HashMap::new(),
            by_name: HashMap::new(),
        };
        for package in packages {
            if let Some(id) = package.id.get() {
                context.by_id.entry(id).or_insert(package);
            }
            if let Some(name) = package.name.get() {
                context.by_name.entry(name).or_insert(package);
            }
        }
        context
    }

    fn catalogue_entry(&self, id: Option<&str>, name: &str) -> Option<&PackageWire<'r>> {
        let found = id.and_then(|id| self.by_id.get(id));
        found.or_else(|| self.by_name.get(name)).copied()
    }

    /// Returns a package of the list of packages.
    pub(super) fn catalogued(&self, wire: &PackageWire<'_>) -> Package {
        let purl = purl_of(wire.identifier.as_ref());
        Package {
            name: wire.name.owned().unwrap_or_default(),
            version: full_version(wire),
            ecosystem: ecosystem(purl.as_ref(), self.kind),
            purl,
            locations: self.location(wire.path.get(), wire.layer.as_ref()),
            source: wire.source.owned(),
            licenses: wire.licenses.texts(),
        }
    }

    /// The path is the package's own, else the target's where that is a file. `Node.js` and the
    /// like stand for all packages of a kind, and a system's target is the image.
    fn location(&self, path: Option<&str>, layer: Option<&LayerWire<'_>>) -> Vec<Location> {
        const AGGREGATES: [&str; 10] = [
            "node.js", "python", "java", "ruby", "conda", "composer", "rust", "php", "julia", "jar",
        ];
        let named = AGGREGATES.contains(&self.target.to_ascii_lowercase().as_str());
        let target = (!self.of_system && !named).then_some(self.target);
        let path = path.or(target).unwrap_or_default().to_owned();
        let layer = layer.and_then(layer_of);
        if path.is_empty() && layer.is_none() {
            return Vec::new();
        }
        vec![Location { path, layer }]
    }

    /// Where a problem without a package is: its file, and the layer that brought it.
    fn place(&self, path: Option<&str>, layer: Option<&LayerWire<'_>>) -> Package {
        let path = path.unwrap_or(self.target).to_owned();
        Package {
            locations: vec![Location {
                path,
                layer: layer.and_then(layer_of),
            }],
            ..Package::default()
        }
    }
}

/// The diff ID comes first: it is what both scanners and the image configuration know.
fn layer_of(layer: &LayerWire<'_>) -> Option<Digest> {
    layer.diff_id.digest().or_else(|| layer.digest.digest())
}

fn purl_of(identifier: Option<&IdentifierWire<'_>>) -> Option<crate::model::Purl> {
    identifier.and_then(|identifier| identifier.purl.purl())
}

/// `epoch:version-release`, as the package managers and `InstalledVersion` write it.
fn full_version(wire: &PackageWire<'_>) -> String {
    let mut version = String::new();
    if let Some(epoch) = wire.epoch.get().filter(|epoch| *epoch != "0") {
        version.push_str(epoch);
        version.push(':');
    }
    version.push_str(wire.version.get().unwrap_or_default());
    if let Some(release) = wire.release.get() {
        version.push('-');
        version.push_str(release);
    }
    version
}

/// Reads one entry of the list of `kind`. A passed check is no record and no loss.
pub(super) fn read<'a>(
    source: &mut Source<'a>,
    context: &Context<'_>,
    kind: Kind,
    raw: &'a RawValue,
    place: impl Fn() -> String,
) -> Option<Record> {
    read_entry(source, context, kind, raw, place, false)
}

/// Reads a finding that was taken out of the lists; its own status says no longer whether a check
/// failed.
pub(super) fn read_suppressed<'a>(
    source: &mut Source<'a>,
    context: &Context<'_>,
    kind: Kind,
    raw: &'a RawValue,
    place: impl Fn() -> String,
) -> Option<Record> {
    read_entry(source, context, kind, raw, place, true)
}

fn read_entry<'a>(
    source: &mut Source<'a>,
    context: &Context<'_>,
    kind: Kind,
    raw: &'a RawValue,
    place: impl Fn() -> String,
    suppressed: bool,
) -> Option<Record> {
    let record = match kind {
        Kind::Vulnerability => {
            let wire = source.parse::<VulnerabilityWire<'a>>(raw, 1, &place)?;
            vulnerability(context, &wire)
        }
        Kind::Misconfiguration => {
            let wire = source.parse::<MisconfigurationWire<'a>>(raw, 1, &place)?;
            if !suppressed && matches!(wire.status.get(), Some("PASS" | "EXCEPTION")) {
                return None;
            }
            misconfiguration(context, &wire)
        }
        Kind::Secret | Kind::Hygiene => {
            let wire = source.parse::<SecretWire<'a>>(raw, 1, &place)?;
            secret(context, &wire)
        }
        Kind::License => {
            let wire = source.parse::<LicenseWire<'a>>(raw, 1, &place)?;
            license(context, &wire)
        }
    };
    match record {
        Ok(mut record) => {
            record.span = source.span(raw.get());
            Some(record)
        }
        Err(reason) => {
            source.lose(place(), Some(raw.get()), reason, 1);
            None
        }
    }
}

fn required(text: &Maybe<'_>, name: &str) -> Result<String, String> {
    text.owned()
        .ok_or_else(|| format!("the entry has no `{name}`"))
}

fn vulnerability(context: &Context<'_>, wire: &VulnerabilityWire<'_>) -> Result<Record, String> {
    let id = required(&wire.id, "VulnerabilityID")?;
    let name = required(&wire.package_name, "PkgName")?;
    let severity = wire.severity.severity()?;
    let purl = purl_of(wire.identifier.as_ref()).or_else(|| wire.reference.purl());
    let entry = context.catalogue_entry(wire.package_id.get(), &name);
    let (covers, aliases) = wire
        .vendor_ids
        .texts()
        .into_iter()
        .filter(|other| *other != id)
        .map(|other| VulnerabilityId::new(&other))
        .partition(VulnerabilityId::is_bundle);
    let title = wire.title.owned().unwrap_or_else(|| {
        let description = wire.description.get().unwrap_or_default();
        first_words(description)
    });
    let path = wire.path.get().or_else(|| entry?.path.get());
    let layer = wire.layer.as_ref().or_else(|| entry?.layer.as_ref());
    Ok(Record {
        kind: Kind::Vulnerability,
        mentioned: mentioned(&wire.references.0),
        aliases,
        covers,
        severity,
        severity_source: wire.severity_source.owned(),
        ratings: ratings(wire),
        package: Package {
            version: wire.version.owned().unwrap_or_default(),
            ecosystem: ecosystem(purl.as_ref(), context.kind),
            purl,
            locations: context.location(path, layer),
            source: entry.and_then(|entry| entry.source.owned()),
            licenses: entry.map_or_else(Vec::new, |entry| entry.licenses.texts()),
            name,
        },
        fix: fix(wire.fixed_version.get(), wire.status.get()),
        title,
        state_word: wire.status.owned(),
        published: wire.published.time(),
        modified: wire.modified.time(),
        namespace: wire
            .data_source
            .as_ref()
            .and_then(|source| source.id.owned()),
        id,
        ..Record::default()
    })
}

/// `FixedVersion` is one text, with a comma between the versions of several branches.
fn fix(fixed: Option<&str>, status: Option<&str>) -> Fix {
    let versions: Vec<String> = fixed
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|version| !version.is_empty())
        .map(str::to_owned)
        .collect();
    let state = match status {
        _ if !versions.is_empty() => FixState::Fixed,
        Some("will_not_fix" | "end_of_life") => FixState::WontFix,
        Some("affected" | "fix_deferred" | "not_affected") => FixState::NotFixed,
        // Before there was a status, nothing told "no fix" from "nobody said".
        Some(_) | None => FixState::Unknown,
    };
    Fix { state, versions }
}

/// More sources than this rate nothing; each is looked for among all.
const MOST_RATINGS: usize = 100;

fn ratings(wire: &VulnerabilityWire<'_>) -> Vec<Arc<Rating>> {
    let mut ratings: Vec<Rating> = Vec::new();
    for (source, severity) in wire.vendor_severity.0.iter().take(MOST_RATINGS) {
        let word = Some(severity.clone());
        let severity = match severity.0.parse::<u64>() {
            Ok(number) => Severity::from_trivy_number(number),
            Err(_) => word.severity().unwrap_or_default(),
        };
        ratings.push(rating(source, severity));
    }
    for (source, cvss) in wire.cvss.0.iter().take(MOST_RATINGS) {
        let mut versions = cvss_versions(cvss).into_iter();
        let first = versions.next().unwrap_or_default();
        let known = ratings.iter_mut().find(|rating| rating.source == **source);
        let mut added = rating(source, Severity::Unknown);
        let target = known.unwrap_or(&mut added);
        (target.score, target.vector) = (first.score, first.vector);
        target.other_cvss = versions.collect();
        if !ratings.iter().any(|rating| rating.source == **source) {
            ratings.push(added);
        }
    }
    // Not collected, which would keep the larger allocation of the list before.
    let mut shared = Vec::with_capacity(ratings.len());
    shared.extend(ratings.into_iter().map(Arc::new));
    shared
}

fn rating(source: &str, severity: Severity) -> Rating {
    Rating {
        scanner: "trivy".to_owned(),
        source: source.to_owned(),
        severity,
        ..Rating::default()
    }
}

/// Version 3 comes first, because every source gives it; 4 and 2 stand in where it is missing.
fn cvss_versions(cvss: &CvssWire<'_>) -> Vec<Cvss> {
    let versions = [
        (cvss.v3_score, &cvss.v3_vector),
        (cvss.v4_score, &cvss.v4_vector),
        (cvss.v2_score, &cvss.v2_vector),
    ];
    let stated = versions
        .into_iter()
        .filter(|(score, vector)| score.is_some() || vector.get().is_some());
    stated
        .map(|(score, vector)| Cvss {
            score: within(score, 10.0),
            vector: vector.owned(),
        })
        .collect()
}

fn misconfiguration(
    context: &Context<'_>,
    wire: &MisconfigurationWire<'_>,
) -> Result<Record, String> {
    let id = match wire.id.owned() {
        Some(id) => id,
        None => required(&wire.old_id, "ID")?,
    };
    let old = wire.old_id.get().filter(|old| *old != id);
    Ok(Record {
        kind: Kind::Misconfiguration,
        aliases: old.map(VulnerabilityId::new).into_iter().collect(),
        severity: wire.severity.severity()?,
        package: context.place(None, wire.layer.as_ref()),
        title: wire
            .title
            .owned()
            .unwrap_or_else(|| first_words(wire.message.get().unwrap_or_default())),
        id,
        ..Record::default()
    })
}

/// The line is part of the location, so that two secrets of one rule in one file stay two.
fn secret(context: &Context<'_>, wire: &SecretWire<'_>) -> Result<Record, String> {
    let path = match wire.line {
        Some(line) if line > 0 => format!("{}:{line}", context.target),
        _ => context.target.to_owned(),
    };
    Ok(Record {
        kind: Kind::Secret,
        id: required(&wire.rule, "RuleID")?,
        severity: wire.severity.severity()?,
        package: context.place(Some(&path), wire.layer.as_ref()),
        title: wire.title.owned().unwrap_or_default(),
        ..Record::default()
    })
}

fn license(context: &Context<'_>, wire: &LicenseWire<'_>) -> Result<Record, String> {
    let id = required(&wire.name, "Name")?;
    let mut package = context.place(wire.path.get(), None);
    package.name = wire.package_name.owned().unwrap_or_default();
    package.licenses = vec![id.clone()];
    Ok(Record {
        kind: Kind::License,
        severity: wire.severity.severity()?,
        package,
        title: wire.category.owned().unwrap_or_default(),
        id,
        ..Record::default()
    })
}
