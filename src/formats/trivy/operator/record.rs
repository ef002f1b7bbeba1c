//! One entry of an operator's report → one record.
//!
//! The resource around the entries is read in `operator`.

use serde_json::value::RawValue;

use super::wire::EntryWire;
use crate::formats::ecosystem::{ecosystem, of_path, of_system_version};
use crate::formats::json::{Maybe, MaybeText as _, Source};
use crate::model::{Fix, FixState, Kind, Location, Package, Record};

/// What a record needs to know of its resource.
pub(super) struct Context<'r> {
    /// `namespace/kind/name`.
    pub(super) resource: &'r str,
    /// The family of the system, where it is stated.
    pub(super) os: Option<&'r str>,
}

/// Reads one entry of the list of `kind`. A passed check is no record and no loss.
pub(super) fn read<'a>(
    source: &mut Source<'a>,
    context: &Context<'_>,
    kind: Kind,
    raw: &'a RawValue,
    place: impl Fn() -> String,
) -> Option<Record> {
    let wire: EntryWire<'a> = source.parse(raw, 1, &place)?;
    if kind == Kind::Misconfiguration && wire.success == Some(true) {
        return None;
    }
    match record(context, kind, &wire) {
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

fn record(context: &Context<'_>, kind: Kind, wire: &EntryWire<'_>) -> Result<Record, String> {
    let required = |text: &Maybe<'_>, name: &str| {
        text.owned()
            .ok_or_else(|| format!("the entry has no `{name}`"))
    };
    let at = |path: &str| Package {
        locations: vec![Location {
            path: path.to_owned(),
            layer: None,
        }],
        ..Package::default()
    };
    let (id, package) = match kind {
        Kind::Vulnerability => (
            required(&wire.vulnerability, "vulnerabilityID")?,
            package(context, wire, required(&wire.resource, "resource")?),
        ),
        Kind::Secret => (
            required(&wire.rule, "ruleID")?,
            at(wire.target.get().unwrap_or_default()),
        ),
        _ => (required(&wire.check, "checkID")?, at(context.resource)),
    };
    Ok(Record {
        kind,
        id,
        severity: wire.severity.severity()?,
        package,
        fix: if kind == Kind::Vulnerability {
            fix(wire.fixed_version.get())
        } else {
            Fix::default()
        },
        title: wire.title.owned().unwrap_or_default(),
        published: wire.published_date.time(),
        ..Record::default()
    })
}

/// Old versions state neither the package's kind nor its class.
fn package(context: &Context<'_>, wire: &EntryWire<'_>, name: String) -> Package {
    let purl = wire.purl.purl();
    let version = wire.installed_version.owned().unwrap_or_default();
    let of_system = wire.class.get() == Some("os-pkgs");
    let target = wire.target.get().filter(|_| !of_system);
    let path = wire.package_path.get().or(target).unwrap_or_default();
    let word = wire
        .package_type
        .get()
        .or_else(|| context.os.filter(|_| of_system));
    let ecosystem = match (word, &purl) {
        (None, None) => of_system_version(&version)
            .unwrap_or_else(|| of_path(path, &name))
            .to_owned(),
        (word, purl) => ecosystem(purl.as_ref(), word.unwrap_or_default()),
    };
    let location = Location {
        path: path.to_owned(),
        layer: None,
    };
    Package {
        name,
        version,
        ecosystem,
        purl,
        locations: Some(location)
            .into_iter()
            .filter(|it| !it.path.is_empty())
            .collect(),
        ..Package::default()
    }
}

/// `fixedVersion` is one text, with a comma between the versions of several branches.
fn fix(text: Option<&str>) -> Fix {
    let versions = text.unwrap_or_default().split(',').map(str::trim);
    let versions: Vec<String> = versions
        .filter(|version| !version.is_empty())
        .map(str::to_owned)
        .collect();
    let state = if versions.is_empty() {
        FixState::NotFixed
    } else {
        FixState::Fixed
    };
    Fix { state, versions }
}
