//! Image hygiene: what an image's configuration itself tells, as findings no scanner reported.
//!
//! A configuration comes out of a report or of the image; its secrets were masked when it was read
//! ([`ImageConfig::masked`]), and a mask is what a secret is known by here. Nothing that takes the
//! layers' contents is looked at: see [`NOT_CHECKED`].

mod execution;
mod history;
mod rule;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::oci::ImageConfig;
use crate::model::{
    ConfigSource, Digest, Exploitation, Finding, FindingKey, Fix, LayerPlace, Location,
    Observation, Package, PackageIdentity, VulnerabilityId,
};

pub use rule::{NOT_CHECKED, RULES, Rule};

/// The name under which this program stands among the scanners.
pub const SCANNER: &str = "countersign";

/// A configuration of an image, and where it was read.
#[derive(Clone, Debug)]
pub struct Configured<'a> {
    /// The configuration, its secrets masked.
    pub config: &'a ImageConfig,
    /// The document that holds it.
    pub source: ConfigSource,
    /// When the image was looked at: when the report was made, or now.
    pub time: Option<DateTime<Utc>>,
}

/// What one rule saw at one place.
struct Seen {
    place: String,
    layer: Option<Digest>,
    title: String,
    saw: String,
}

impl Seen {
    fn at(place: &str, title: impl Into<String>, saw: String) -> Self {
        Self {
            place: place.to_owned(),
            layer: None,
            title: title.into(),
            saw,
        }
    }
}

/// What was seen in one configuration, the first of each rule and place.
#[derive(Default)]
struct Found(BTreeMap<(&'static str, String), (Rule, Seen)>);

impl Found {
    fn add(&mut self, rule: &Rule, seen: Seen) {
        let key = (rule.id, seen.place.clone());
        self.0.entry(key).or_insert((*rule, seen));
    }
}

/// Returns the findings of one subject, severest first. The same thing in several configurations is
/// one finding that names them all; what is missing in one and there in another is not missing.
#[must_use]
pub fn findings(subject: u32, configs: &[Configured<'_>]) -> Vec<Finding> {
    type Merged = (Rule, Seen, Vec<ConfigSource>);
    let mut merged: BTreeMap<(&'static str, String), Merged> = BTreeMap::new();
    let mut configs: Vec<&Configured<'_>> = configs.iter().collect();
    configs.sort_by(|one, other| (&one.source, one.time).cmp(&(&other.source, other.time)));
    // The earliest: what was seen then does not change with the day.
    let time = configs
        .iter()
        .filter_map(|configured| configured.time)
        .min();
    for configured in &configs {
        let mut found = Found::default();
        execution::check(configured.config, time, &mut found);
        history::check(configured.config, &mut found);
        for (key, (rule, seen)) in found.0 {
            let entry = merged.entry(key);
            let (_, _, sources) = entry.or_insert_with(|| (rule, seen, Vec::new()));
            sources.push(configured.source.clone());
        }
    }
    let mut findings: Vec<Finding> = merged
        .into_values()
        .filter(|(rule, _, sources)| !rule.absence || sources.len() == configs.len())
        .map(|(rule, seen, sources)| finding(subject, &rule, seen, sources))
        .collect();
    findings.sort_by(|one, other| {
        let order = |finding: &Finding| (Reverse(finding.severity), finding.kind);
        order(one)
            .cmp(&order(other))
            .then_with(|| (&one.id, &one.key).cmp(&(&other.id, &other.key)))
    });
    findings
}

/// Returns the rule behind a finding of this module.
#[must_use]
pub fn rule_of(finding: &Finding) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == finding.id.as_str())
}

fn finding(subject: u32, rule: &Rule, seen: Seen, mut sources: Vec<ConfigSource>) -> Finding {
    sources.dedup();
    let identity = PackageIdentity {
        ecosystem: String::new(),
        namespace: None,
        name: seen.place.clone(),
        version: String::new(),
    };
    Finding {
        key: FindingKey::new(rule.kind, &identity, rule.id),
        subject,
        kind: rule.kind,
        id: VulnerabilityId::new(rule.id),
        aliases: vec![VulnerabilityId::new(rule.name)],
        covers: Vec::new(),
        severity: rule.severity,
        ratings: Vec::new(),
        package: Package {
            locations: vec![Location {
                path: seen.place,
                layer: seen.layer,
            }],
            ..Package::default()
        },
        fix: Fix::default(),
        scanners: vec![SCANNER.to_owned()],
        records: Vec::new(),
        title: seen.title,
        epss: None,
        known_exploited: None,
        exploitation: Exploitation::default(),
        layer: LayerPlace::Unknown,
        suppressed_by: None,
        observed: Some(Arc::new(Observation {
            rule: rule.name,
            saw: seen.saw,
            why: rule.why,
            advice: rule.advice,
            blind: rule.blind,
            sources,
        })),
    }
}

#[cfg(test)]
mod tests;
