//! Where a result is, and what its package is called.
//!
//! What a tool says in its texts is read in `record` and `generic`.

use std::collections::HashSet;

use super::wire::{LocationWire, ResultWire};
use crate::formats::json::MaybeText as _;
use crate::model::{Digest, Location, Purl};

/// The name as scanners write it: the scope, module path or group is a part of it.
pub(super) fn full_name(purl: &Purl) -> String {
    let name = &purl.name;
    match (&*purl.kind, purl.namespace.as_deref()) {
        ("maven", Some(group)) => format!("{group}:{name}"),
        ("npm" | "golang" | "composer" | "github" | "swift", Some(namespace)) => {
            format!("{namespace}/{name}")
        }
        _ => name.to_string(),
    }
}

pub(super) fn locations(wire: &ResultWire<'_>, with_line: bool) -> Vec<Location> {
    let mut seen = HashSet::new();
    let places = wire.locations.0.iter();
    places
        .map(|place| location(place, with_line))
        .filter(|location| !location.path.is_empty() && seen.insert(location.clone()))
        .collect()
}

/// Grype puts the path inside the image into the logical location, with the image and the layer
/// in its long form: `web:1@sha256:…:/bin/web`.
fn location(place: &LocationWire<'_>, with_line: bool) -> Location {
    if let Some(logical) = place.logical_locations.0.first() {
        let long = logical.fully_qualified_name.get().unwrap_or_default();
        let layer = long.split_once('@').and_then(|(_, rest)| {
            let (algorithm, rest) = rest.split_once(':')?;
            let (hex, _) = rest.split_once(':')?;
            format!("{algorithm}:{hex}").parse::<Digest>().ok()
        });
        return Location {
            path: logical.name.owned().unwrap_or_default(),
            layer,
        };
    }
    let physical = &place.physical_location;
    let path = physical.artifact_location.uri.get().unwrap_or_default();
    let line = physical
        .region
        .start_line
        .filter(|line| with_line && *line > 0);
    Location {
        path: match line {
            Some(line) if !path.is_empty() => format!("{path}:{line}"),
            _ => path.to_owned(),
        },
        layer: None,
    }
}
