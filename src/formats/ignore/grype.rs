//! The ignore rules of Grype's configuration, and what else there hides findings.
//!
//! Rules are those of Grype's `match.IgnoreRule`: every criterion given must hold, a rule without
//! any does nothing, names of packages are expressions and locations globs.

use super::{MAX_ENTRIES, MAX_PATTERNS};
use crate::formats::ecosystem::ecosystem;
use crate::formats::error::{FormatError, quote};
use crate::formats::yaml::{Node, Value};
use crate::model::{
    Exemption, ExemptionDocument, ExemptionRule, ExemptionStatus, Format, GrypeRule, Loss, Origin,
    Pattern,
};

/// The most rules without an id: each is held against every record.
const MAX_OPEN_RULES: usize = 500;

const KEYS: [&str; 9] = [
    "vulnerability",
    "reason",
    "namespace",
    "fix-state",
    "package",
    "vex-status",
    "vex-justification",
    "match-type",
    "include-aliases",
];

/// Reads the rules.
///
/// # Errors
/// When the YAML is damaged; a rule that is wrong becomes a loss.
pub(super) fn read(origin: Origin, text: &str) -> Result<ExemptionDocument, FormatError> {
    let tree = super::tree(&origin.path, text)?;
    let mut document = ExemptionDocument {
        origin,
        format: Format::GrypeConfig,
        entries: Vec::new(),
        losses: Vec::new(),
        notices: Vec::new(),
    };
    options(&tree.root, &mut document.notices);
    let Some(rules) = tree.root.get("ignore") else {
        return Ok(document);
    };
    let mut limits = Limits::default();
    let Value::List(rules) = &rules.value else {
        lose(
            &mut document,
            "ignore".to_owned(),
            "it is no list".to_owned(),
        );
        return Ok(document);
    };
    for (position, node) in rules.iter().enumerate() {
        let place = format!("ignore[{position}], line {}", node.line);
        match rule(node, &place, &mut limits) {
            Ok(Some(entry)) => document.entries.push(entry),
            Ok(None) => {}
            Err(reason) => lose(&mut document, place.clone(), reason),
        }
        for (key, _) in node.pairs() {
            if !KEYS.contains(&key.as_str()) && document.notices.len() < 20 {
                let key = quote(key);
                let notice = format!("{place}: the key `{key}` means nothing to Grype");
                document.notices.push(notice);
            }
        }
    }
    if limits.without_criteria > 0 {
        document.notices.push(format!(
            "{} rules name nothing: to Grype they match nothing",
            limits.without_criteria
        ));
    }
    if limits.of_vex > 0 {
        document.notices.push(format!(
            "{} rules have a `vex-status`: they say how Grype uses VEX documents, and are not applied",
            limits.of_vex
        ));
    }
    Ok(document)
}

fn lose(document: &mut ExemptionDocument, place: String, reason: String) {
    document.losses.push(Loss {
        place,
        offset: None,
        reason,
        records: 1,
    });
}

/// Says which other settings hide findings from Grype's own report: nothing is left out here.
fn options(root: &Node, notices: &mut Vec<String>) {
    for (key, hidden) in [
        ("only-fixed", "findings without a fix"),
        ("only-notfixed", "findings with a fix"),
        ("ignore-wontfix", "findings that nobody will fix"),
    ] {
        if root.text(key) == Ok(Some("true")) {
            notices.push(format!(
                "`{key}` leaves out {hidden} when Grype runs; it is not applied here"
            ));
        }
    }
    let excluded = root.texts("exclude").unwrap_or_default();
    if !excluded.is_empty() {
        let paths: Vec<String> = excluded.iter().take(5).map(|path| quote(path)).collect();
        notices.push(format!(
            "`exclude` leaves out parts of the image when Grype runs ({}); it is not applied here",
            paths.join(", ")
        ));
    }
}

#[derive(Default)]
struct Limits {
    rules: usize,
    open: usize,
    patterns: usize,
    without_criteria: usize,
    of_vex: usize,
}

impl Limits {
    fn pattern(
        &mut self,
        text: Option<&str>,
        compile: fn(&str) -> Result<Pattern, crate::model::ParsePatternError>,
    ) -> Result<Option<Pattern>, String> {
        let Some(text) = text else { return Ok(None) };
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(format!("the file holds more than {MAX_PATTERNS} patterns"));
        }
        compile(text).map(Some).map_err(|error| error.to_string())
    }
}

/// Reads one rule; none where Grype would not apply it to any match.
fn rule(node: &Node, place: &str, limits: &mut Limits) -> Result<Option<Exemption>, String> {
    let empty = Node {
        line: node.line,
        value: Value::Map(Vec::new()),
    };
    if !matches!(node.value, Value::Map(_)) {
        return Err("the rule is no mapping".to_owned());
    }
    let package = node.get("package").unwrap_or(&empty);
    if !matches!(package.value, Value::Map(_)) {
        return Err("`package` is no mapping".to_owned());
    }
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let id = node.text("vulnerability")?;
    let words = [package.text("type")?, package.text("language")?];
    let criteria = GrypeRule {
        with_aliases: node.text("include-aliases")? == Some("true"),
        namespace: owned(node.text("namespace")?),
        fix_state: owned(node.text("fix-state")?),
        name: limits.pattern(package.text("name")?, Pattern::expression)?,
        version: owned(package.text("version")?),
        ecosystems: words.into_iter().flatten().map(ecosystem_of).collect(),
        location: limits.pattern(package.text("location")?, Pattern::glob)?,
        upstream: limits.pattern(package.text("upstream-name")?, Pattern::expression)?,
        match_type: owned(node.text("match-type")?),
    };
    if node.text("vex-status")?.is_some() {
        limits.of_vex += 1;
        return Ok(None);
    }
    let without_aliases = GrypeRule {
        with_aliases: false,
        ..criteria.clone()
    };
    if id.is_none() && without_aliases == GrypeRule::default() {
        limits.without_criteria += 1;
        return Ok(None);
    }
    limits.rules += 1;
    limits.open += usize::from(id.is_none());
    if limits.rules > MAX_ENTRIES || limits.open > MAX_OPEN_RULES {
        return Err("there are too many rules".to_owned());
    }
    Ok(Some(Exemption {
        place: place.to_owned(),
        ids: id.map(str::to_owned).into_iter().collect(),
        rule: ExemptionRule::Grype(Box::new(criteria)),
        status: ExemptionStatus::Ignored,
        statement: owned(node.text("reason")?),
        time: None,
        expires: None,
    }))
}

/// Returns the ecosystem that a type or language of Grype's stands for. A word that stands for a
/// part of one is kept: which packages it means cannot be told, so it matches none.
fn ecosystem_of(word: &str) -> String {
    match word {
        "ruby" => "gem".to_owned(),
        "php" => "composer".to_owned(),
        "dart" => "pub".to_owned(),
        "jenkins-plugin" => word.to_owned(),
        _ => ecosystem(None, word),
    }
}
