//! SARIF 2.1.0: findings as results, verdicts as suppressions.
//!
//! Findings that a scanner or an ignore file suppresses are results too, marked so.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::decided::{decided, split_line};
use super::{Export, ExportRequest, headline};
use crate::model::{Finding, FindingKey, Fixable, Kind, Severity, StandingVerdict, Subject};
use crate::text::{self, Safe};
use crate::triage::gate::{Blocker, Gate};

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: Vec<Run>,
}

#[derive(Serialize)]
struct Run {
    tool: Value,
    #[serde(rename = "automationDetails")]
    automation: Value,
    results: Vec<Value>,
    properties: Value,
}

/// Writes the log, a run a subject.
pub(super) fn write(request: &ExportRequest<'_>) -> Result<Export, serde_json::Error> {
    let review = request.review;
    let mut runs = Vec::new();
    let mut entries = 0;
    for subject in request.subjects {
        let Some(image) = review.subjects.get(*subject) else {
            continue;
        };
        let mut rules: BTreeMap<&str, Value> = BTreeMap::new();
        let mut results = Vec::new();
        for row in review.findings_of(*subject) {
            let Some(finding) = review.findings.get(row) else {
                continue;
            };
            rules
                .entry(finding.id.as_str())
                .or_insert_with(|| rule(finding));
            let verdict = review.verdicts.get(row).and_then(Option::as_ref);
            results.push(result(finding, verdict, &image.name));
        }
        entries += results.len();
        runs.push(run(image, "", rules, results));
    }
    let (_, left_out) = decided(request);
    Ok(Export {
        text: text::to_json(&log(runs))?,
        entries,
        left_out,
        warnings: Vec::new(),
        suppresses: Vec::new(),
    })
}

/// Writes the gate's answer: what closes it is an error, what warns a warning, what is excused is
/// suppressed. A reason without findings is a result of its own, so that a gate that is closed
/// because nothing was scanned never looks like a clean one.
pub(super) fn of_gate(
    request: &ExportRequest<'_>,
    subject: usize,
    gate: &Gate,
) -> Result<Export, serde_json::Error> {
    let review = request.review;
    let levels = levels(gate);
    let image = review.subjects.get(subject);
    let name = image.map_or("", |image| &image.name);
    let mut rules: BTreeMap<&str, Value> = BTreeMap::new();
    let mut results = Vec::new();
    for (blocker, level) in reasons(gate) {
        if blocker.findings.is_empty() {
            rules.entry(blocker.class).or_insert_with(
                || json!({"id": blocker.class, "shortDescription": {"text": blocker.class}}),
            );
            results.push(reason(blocker, level, name));
        }
    }
    for row in review.findings_of(subject) {
        let Some(finding) = review.findings.get(row) else {
            continue;
        };
        let Some((class, level)) = levels.get(&finding.key) else {
            continue;
        };
        rules
            .entry(finding.id.as_str())
            .or_insert_with(|| rule(finding));
        let verdict = review.verdicts.get(row).and_then(Option::as_ref);
        let mut result = result(finding, verdict, name);
        if let Some(level) = level {
            set(&mut result, "level", json!(level));
        }
        if let Some(properties) = result.get_mut("properties") {
            set(properties, "gate", json!(class));
        }
        results.push(result);
    }
    let entries = results.len();
    let runs = image.map(|image| {
        let mut run = run(image, "/gate", rules, results);
        let answer = json!({"open": gate.open, "policySha256": gate.policy_sha256});
        set(&mut run.properties, "gate", answer);
        run
    });
    Ok(Export {
        text: text::to_json(&log(runs.into_iter().collect()))?,
        entries,
        left_out: Vec::new(),
        warnings: Vec::new(),
        suppresses: Vec::new(),
    })
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

/// What closes the gate, then what warns, each with its level.
fn reasons(gate: &Gate) -> impl Iterator<Item = (&Blocker, &'static str)> {
    let closing = gate.blockers.iter().map(|blocker| (blocker, "error"));
    closing.chain(gate.warnings.iter().map(|warning| (warning, "warning")))
}

/// What the gate makes of each finding it speaks of, and its level; an excused one keeps its own.
fn levels(gate: &Gate) -> HashMap<&FindingKey, (&str, Option<&'static str>)> {
    let mut levels = HashMap::new();
    for (blocker, level) in reasons(gate) {
        for key in &blocker.findings {
            levels.entry(key).or_insert((blocker.class, Some(level)));
        }
    }
    for excused in &gate.excused {
        levels.entry(&excused.key).or_insert(("excused", None));
    }
    levels
}

fn reason(blocker: &Blocker, level: &str, image: &str) -> Value {
    json!({
        "ruleId": blocker.class,
        "level": level,
        "message": {"text": blocker.text},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri(image)}},
            "logicalLocations": [{"fullyQualifiedName": image}],
        }],
        "partialFingerprints": {"countersign/gate/v1": format!("{} {image}", blocker.class)},
        "properties": {"gate": blocker.class},
    })
}

fn log(runs: Vec<Run>) -> Log {
    Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs,
    }
}

fn run(image: &Subject, what: &str, rules: BTreeMap<&str, Value>, results: Vec<Value>) -> Run {
    Run {
        tool: json!({"driver": {
            "name": "countersign",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.into_values().collect::<Vec<_>>(),
        }}),
        automation: json!({"id": format!("countersign{what}/{}", Safe::new(&image.name))}),
        results,
        properties: json!({
            "imageName": image.name,
            "imageID": image.image_id,
            "manifestDigest": image.manifest_digest,
            "repoDigests": image.repo_digests,
        }),
    }
}

fn rule(finding: &Finding) -> Value {
    json!({
        "id": finding.id,
        "shortDescription": {"text": if finding.title.is_empty() { finding.id.as_str() } else { &finding.title }},
        "properties": {
            "tags": [finding.kind.as_str(), finding.severity.as_str()],
            "security-severity": score(finding),
        },
    })
}

/// The number GitHub sorts by: the highest score of a rating at the finding's own severity, else
/// the middle of that severity's band (CVSS 3.1 §5).
fn score(finding: &Finding) -> String {
    let of_ratings = finding
        .ratings
        .iter()
        .filter(|rating| rating.severity == finding.severity)
        .filter_map(|rating| rating.score)
        .fold(None, |highest: Option<f64>, score| {
            Some(highest.map_or(score, |highest| highest.max(score)))
        });
    let of_band = match finding.severity {
        Severity::Critical => 9.5,
        Severity::High => 8.0,
        Severity::Medium => 5.5,
        Severity::Low | Severity::Negligible => 2.0,
        Severity::Unknown => 0.0,
    };
    format!("{:.1}", of_ratings.unwrap_or(of_band))
}

fn result(finding: &Finding, verdict: Option<&StandingVerdict>, image: &str) -> Value {
    let mut message = headline(finding);
    if finding.kind == Kind::Vulnerability {
        let fix = match finding.fix.fixable() {
            Fixable::Yes => format!(", fixed in {}", finding.fix.versions.join(", ")),
            Fixable::No => ", no fix".to_owned(),
            Fixable::Unknown => String::new(),
        };
        message.push_str(&fix);
    }
    let path = finding.package.locations.first();
    let (path, line) = path.map_or((image, None), |place| {
        split_line(place.path.trim_start_matches('/'))
    });
    let artifact = json!({"uri": uri(path)});
    let place = match line {
        Some(line) => json!({"artifactLocation": artifact, "region": {"startLine": line}}),
        None => json!({"artifactLocation": artifact}),
    };
    json!({
        "ruleId": finding.id,
        "level": level(finding.severity),
        "message": {"text": message},
        "locations": [{
            "physicalLocation": place,
            "logicalLocations": [{"fullyQualifiedName": image}],
        }],
        "partialFingerprints": {"countersign/finding/v1": finding.key},
        "suppressions": suppressions(finding, verdict),
        "properties": {
            "severity": finding.severity,
            "scanners": finding.scanners,
            "purl": finding.package.purl,
            "fixedVersions": finding.fix.versions,
        },
    })
}

/// A relative reference (RFC 3986): what is no unreserved character or slash is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _infallible = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Negligible | Severity::Unknown => "note",
    }
}

fn suppressions(finding: &Finding, verdict: Option<&StandingVerdict>) -> Vec<Value> {
    let mut suppressions = Vec::new();
    if let Some(suppressed) = &finding.suppressed_by {
        let statement = suppressed
            .statement
            .as_deref()
            .unwrap_or(&suppressed.status);
        suppressions.push(json!({
            "kind": "external",
            "status": "accepted",
            "justification": format!("{}: {statement}", suppressed.source),
        }));
    }
    if let Some(taken) = verdict.filter(|taken| taken.verdict.decision.excuses()) {
        let holds = taken.standing == crate::model::Standing::Current;
        let decision = taken.verdict.decision.as_str();
        suppressions.push(json!({
            "kind": "external",
            "status": if holds { "accepted" } else { "rejected" },
            "justification": format!(
                "{decision} by {}: {}", taken.recorded.reviewer, taken.verdict.reason
            ),
        }));
    }
    suppressions
}
