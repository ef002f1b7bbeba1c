//! One result of a SARIF log → one record.
//!
//! The run around the results is read in `sarif`.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::message::{Fields, Sentence, after_word};
use super::place::{full_name, locations};
use super::wire::{ResultWire, RuleWire};
use super::{Tool, generic};
use crate::formats::ecosystem::{ecosystem, of_path, of_system_version};
use crate::formats::json::{MaybeText as _, Source, within};
use crate::formats::title::first_words;
use crate::model::{
    Exploitation, Fix, FixState, Kind, MatchKind, Package, Purl, Rating, Record, Severity,
    SuppressedBy, Suppression,
};

/// Reads the results of one run.
pub(super) struct Reader<'r> {
    tool: Tool,
    scanner: &'r str,
    rules: &'r [RuleWire<'r>],
    by_id: HashMap<&'r str, &'r RuleWire<'r>>,
    records: Vec<Record>,
    /// Records about packages of the system, whose kind no result states.
    of_system: Vec<usize>,
    image: Option<String>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(tool: Tool, scanner: &'r str, rules: &'r [RuleWire<'r>]) -> Self {
        let by_id = rules
            .iter()
            .filter_map(|rule| rule.id.get().map(|id| (id, rule)))
            .collect();
        Self {
            tool,
            scanner,
            rules,
            by_id,
            records: Vec::new(),
            of_system: Vec::new(),
            image: None,
        }
    }

    /// Returns the name of the image that the results name.
    pub(super) fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// Reads one result. One that passed is no record and no loss.
    pub(super) fn result<'a>(
        &mut self,
        source: &mut Source<'a>,
        raw: &'a RawValue,
        place: impl Fn() -> String,
    ) {
        let Some(wire) = source.parse::<ResultWire<'a>>(raw, 1, &place) else {
            return;
        };
        if matches!(wire.kind.get(), Some("pass" | "notApplicable")) {
            return;
        }
        match self.record(&wire) {
            Ok(mut record) => {
                record.span = source.span(raw.get());
                record.suppressed_by = suppression(&wire);
                self.records.push(record);
            }
            Err(reason) => source.lose(place(), Some(raw.get()), reason, 1),
        }
    }

    /// Returns the records. All packages of the system are of one kind, which the versions of some
    /// give away; where they do not, it stays `generic`.
    pub(super) fn finish(self, source: &mut Source<'_>) -> Vec<Record> {
        let mut records = self.records;
        let versions = || {
            let indices = self.of_system.iter();
            indices.filter_map(|index| Some(records.get(*index)?.package.version.as_str()))
        };
        let mut kinds: Vec<&str> = versions().filter_map(of_system_version).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let kind = match kinds.as_slice() {
            [kind] => *kind,
            _ => "generic",
        };
        for index in &self.of_system {
            if let Some(record) = records.get_mut(*index) {
                kind.clone_into(&mut record.package.ecosystem);
            }
        }
        if !self.of_system.is_empty() {
            source.notices.push(format!(
                "the packages of the system are taken for {kind}, judged by their versions: the \
                 log does not say"
            ));
        }
        records
    }

    fn record(&mut self, wire: &ResultWire<'_>) -> Result<Record, String> {
        let rule = self.rule(wire);
        let id = wire
            .rule_id
            .get()
            .or_else(|| rule?.id.get())
            .ok_or("the result has no `ruleId`")?;
        let empty = RuleWire::default();
        let rule = rule.unwrap_or(&empty);
        let text = wire.message.text.get().unwrap_or_default();
        let mut record = match self.tool {
            Tool::Trivy => self.trivy(wire, rule, id, text),
            Tool::Grype => self.grype(wire, rule, id, text),
            Tool::DockerScout => docker_scout(wire, id, text),
            Tool::Other => Ok(generic::record(self.scanner, wire, rule, id, text)),
        }?;
        if record.title.is_empty() {
            record.title = first_words(rule.short_description.text.get().unwrap_or_default());
        }
        Ok(record)
    }

    /// The position counts only where the rule there has the id: a log may be cut or merged.
    fn rule(&self, wire: &ResultWire<'_>) -> Option<&'r RuleWire<'r>> {
        let position = wire
            .rule_index
            .and_then(|index| usize::try_from(index).ok());
        let at = position.and_then(|position| self.rules.get(position));
        match wire.rule_id.get() {
            Some(id) => at
                .filter(|rule| rule.id.get() == Some(id))
                .or_else(|| self.by_id.get(id).copied()),
            None => at,
        }
    }

    fn trivy(
        &mut self,
        wire: &ResultWire<'_>,
        rule: &RuleWire<'_>,
        id: &str,
        text: &str,
    ) -> Result<Record, String> {
        let fields = Fields::of(text);
        let kind = match rule.name.get() {
            Some("Misconfiguration") => Kind::Misconfiguration,
            Some("Secret") => Kind::Secret,
            Some("License") => Kind::License,
            Some(name) if name.ends_with("Vulnerability") => Kind::Vulnerability,
            _ if fields.has("Installed Version") => Kind::Vulnerability,
            _ => return Err("the rule does not say what its results are about".to_owned()),
        };
        let mut record = Record {
            kind,
            id: id.to_owned(),
            severity: severity(fields.get("Severity"), wire, rule)?,
            package: Package {
                locations: locations(wire, kind == Kind::Secret),
                ..Package::default()
            },
            ..Record::default()
        };
        match kind {
            Kind::Vulnerability => {
                let missing = |name| format!("the message has no `{name}`");
                let name = fields.get("Package").ok_or_else(|| missing("Package"))?;
                name.clone_into(&mut record.package.name);
                let version = fields.get("Installed Version").unwrap_or_default();
                version.clone_into(&mut record.package.version);
                record.fix = fix(fields.get("Fixed Version"), FixState::NotFixed);
                if rule.name.get() == Some("OsPackageVulnerability") {
                    // The path is the image's name.
                    record.package.locations.clear();
                    self.of_system.push(self.records.len());
                } else {
                    let path = record.package.locations.first();
                    let path = path.map_or("", |location| location.path.as_str());
                    record.package.ecosystem = of_path(path, name).to_owned();
                }
            }
            Kind::License => {
                fields
                    .get("PkgName")
                    .unwrap_or_default()
                    .clone_into(&mut record.package.name);
                let license = after_word(text, "License").unwrap_or(id);
                record.package.licenses = vec![license.to_owned()];
                fields
                    .get("Classification")
                    .unwrap_or_default()
                    .clone_into(&mut record.title);
            }
            Kind::Misconfiguration | Kind::Secret | Kind::Hygiene => {}
        }
        Ok(record)
    }

    /// The rule's help is about the first match of an id and a package; the sentence is about this
    /// one, and may name another version.
    fn grype(
        &mut self,
        wire: &ResultWire<'_>,
        rule: &RuleWire<'_>,
        id: &str,
        text: &str,
    ) -> Result<Record, String> {
        let help = rule.help.text.get().unwrap_or_default();
        let fields = Fields::of(help);
        let sentence = Sentence::of(text).ok_or("the message names no package")?;
        if self.image.is_none() {
            self.image = sentence.image.map(str::to_owned);
        }
        let same = fields
            .get("Version")
            .is_none_or(|it| it == sentence.version);
        let purls = rule.properties.purls.0.iter();
        let purl = purls
            .filter_map(|text| text.0.parse::<Purl>().ok())
            .find(|purl| purl.version.as_deref() == Some(sentence.version));
        let namespace = fields.get("Data Namespace").map(str::to_owned);
        let suffix = format!("-{}", sentence.name);
        let id = after_word(help, "Vulnerability")
            .unwrap_or_else(|| id.strip_suffix(&suffix).unwrap_or(id));
        let name = rule.name.get().unwrap_or_default();
        Ok(Record {
            kind: Kind::Vulnerability,
            id: id.to_owned(),
            severity: severity(
                sentence.severity.or_else(|| fields.get("Severity")),
                wire,
                rule,
            )?,
            severity_source: namespace.as_deref().map(crate::formats::grype::source_of),
            package: Package {
                name: sentence.name.to_owned(),
                version: sentence.version.to_owned(),
                ecosystem: ecosystem(purl.as_ref(), sentence.kind),
                purl,
                locations: locations(wire, false),
                ..Package::default()
            },
            fix: fix(
                fields.get("Fix Version").filter(|_| same),
                FixState::Unknown,
            ),
            title: first_words(description(rule)),
            matched: match () {
                () if name.ends_with("ExactDirectMatch") => MatchKind::Direct,
                () if name.ends_with("ExactIndirectMatch") => MatchKind::Indirect,
                () if name.to_ascii_lowercase().ends_with("cpematch") => MatchKind::Cpe,
                () => MatchKind::Unknown,
            },
            namespace,
            ..Record::default()
        })
    }
}

fn description<'w>(rule: &'w RuleWire<'_>) -> &'w str {
    rule.full_description
        .text
        .get()
        .or_else(|| rule.short_description.text.get())
        .unwrap_or_default()
}

fn docker_scout(wire: &ResultWire<'_>, id: &str, text: &str) -> Result<Record, String> {
    let fields = Fields::of(text);
    let purl: Option<Purl> = fields.get("Package").and_then(|text| text.parse().ok());
    let purl = purl.ok_or("the message has no `Package` with a package URL")?;
    let severity = severity(fields.get("Severity"), wire, &RuleWire::default())?;
    let number = |name: &str| fields.get(name).and_then(|text| text.parse::<f64>().ok());
    let score = within(number("CVSS Score"), 10.0);
    let fixed = fields.get("Fixed version");
    let unfixed = if fixed == Some("not fixed") {
        FixState::NotFixed
    } else {
        FixState::Unknown
    };
    let fixed = fixed.filter(|text| text.starts_with(|c: char| !c.is_alphabetic() || c == 'v'));
    Ok(Record {
        kind: Kind::Vulnerability,
        id: id.to_owned(),
        severity,
        ratings: score
            .map(|score| Rating {
                scanner: "docker-scout".to_owned(),
                source: "docker-scout".to_owned(),
                severity,
                score: Some(score),
                vector: fields.get("CVSS Vector").map(str::to_owned),
                ..Rating::default()
            })
            .into_iter()
            .map(Arc::new)
            .collect(),
        package: Package {
            name: full_name(&purl),
            version: purl.version.as_deref().unwrap_or_default().to_owned(),
            ecosystem: ecosystem(Some(&purl), ""),
            locations: locations(wire, false),
            purl: Some(purl),
            ..Package::default()
        },
        fix: fix(fixed, unfixed),
        epss: within(number("EPSS Score"), 1.0),
        exploitation: Exploitation {
            percentile: within(number("EPSS Percentile"), 1.0),
            ..Exploitation::default()
        },
        ..Record::default()
    })
}

/// The message's word, else the rule's tag, else what the level stands for.
fn severity(
    word: Option<&str>,
    wire: &ResultWire<'_>,
    rule: &RuleWire<'_>,
) -> Result<Severity, String> {
    if let Some(word) = word {
        if word.eq_ignore_ascii_case("unspecified") {
            return Ok(Severity::Unknown);
        }
        return word
            .parse()
            .map_err(|error: crate::model::ParseSeverityError| error.to_string());
    }
    let mut tags = rule.properties.tags.0.iter();
    if let Some(severity) = tags.find_map(|tag| tag.0.parse().ok()) {
        return Ok(severity);
    }
    let level = wire.level.get();
    Ok(
        match level.or_else(|| rule.default_configuration.level.get()) {
            Some("error") => Severity::High,
            Some("warning") | None => Severity::Medium,
            Some("note") => Severity::Low,
            Some(_) => Severity::Unknown,
        },
    )
}

fn fix(text: Option<&str>, otherwise: FixState) -> Fix {
    let versions: Vec<String> = text
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|version| !version.is_empty())
        .map(str::to_owned)
        .collect();
    let state = if versions.is_empty() {
        otherwise
    } else {
        FixState::Fixed
    };
    Fix { state, versions }
}

/// A suppression that was refused, or is not yet decided, suppresses nothing.
fn suppression(wire: &ResultWire<'_>) -> Option<Suppression> {
    let list = &wire.suppressions.0;
    let counts = |status: Option<&str>| matches!(status, None | Some("accepted"));
    if list.is_empty() || !list.iter().all(|it| counts(it.status.get())) {
        return None;
    }
    let first = list.first()?;
    Some(Suppression {
        by: SuppressedBy::Scanner,
        source: format!("suppression {}", first.kind.get().unwrap_or("of the log")),
        status: first.status.get().unwrap_or("accepted").to_owned(),
        statement: list.iter().find_map(|it| it.justification.owned()),
    })
}
