//! OpenVEX 0.2: verdicts as statements that Trivy and Grype take (`--vex`).
//!
//! Only `not_affected` makes them leave a finding out: an accepted risk is stated as `affected`,
//! with the acceptance as its action statement. What is a product follows the verdict's scope.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::decided::{Decided, LeftOut, decided, image_purls, purls};
use super::{Export, ExportRequest};
use crate::model::{Decision, Digest, Kind, Scope, VulnerabilityId};
use crate::text;

/// The context of OpenVEX 0.2.
const CONTEXT: &str = "https://openvex.dev/ns/v0.2.0";

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "@id")]
    id: String,
    author: &'a str,
    timestamp: String,
    version: u32,
    tooling: &'static str,
    statements: Vec<Statement<'a>>,
}

#[derive(PartialEq, Serialize)]
struct Statement<'a> {
    vulnerability: Vulnerability<'a>,
    products: Vec<Product>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'a str>,
    #[serde(rename = "impact_statement", skip_serializing_if = "Option::is_none")]
    impact: Option<String>,
    #[serde(rename = "action_statement", skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_notes: Option<String>,
    timestamp: String,
}

#[derive(PartialEq, Serialize)]
struct Vulnerability<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<&'a str>,
}

#[derive(PartialEq, Serialize)]
struct Product {
    #[serde(rename = "@id")]
    id: String,
    identifiers: Identifiers,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subcomponents: Vec<Subcomponent>,
}

#[derive(Clone, PartialEq, Serialize)]
struct Subcomponent {
    #[serde(rename = "@id")]
    id: String,
    identifiers: Identifiers,
}

#[derive(Clone, PartialEq, Serialize)]
struct Identifiers {
    purl: String,
}

/// Writes the document.
pub(super) fn write(request: &ExportRequest<'_>) -> Result<Export, serde_json::Error> {
    let (decided, mut left_out) = decided(request);
    let mut statements = Vec::new();
    let (mut accepted, mut unbound) = (0, 0);
    for one in &decided {
        if one.finding.kind != Kind::Vulnerability {
            let because = "OpenVEX speaks of vulnerabilities alone";
            left_out.push(LeftOut::new(one.finding, because));
            continue;
        }
        let Some((products, is_bound)) = products(request, one) else {
            let because = "no report gives the package a package URL";
            left_out.push(LeftOut::new(one.finding, because));
            continue;
        };
        accepted += usize::from(one.decision() == Decision::AcceptRisk);
        unbound += usize::from(!is_bound);
        let stated = statement(one, products);
        // A verdict on a package is one statement, however many versions were found.
        if !statements.contains(&stated) {
            statements.push(stated);
        }
    }
    let mut warnings = Vec::new();
    if accepted > 0 {
        warnings.push(format!(
            "{accepted} accepted risks are stated as `affected`: no scanner leaves them out because of this file \
             (`export trivyignore` and `export grype-ignore` do)"
        ));
    }
    if unbound > 0 {
        warnings.push(format!(
            "{unbound} statements hold for every image with the package: no digest of the image is known"
        ));
    }
    let entries = statements.len();
    if entries == 0 {
        let empty = "OpenVEX wants at least one statement: without any this is no valid document";
        warnings.push(empty.to_owned());
    }
    let id = identifier(&serde_json::to_vec(&statements)?);
    let document = Document {
        context: CONTEXT,
        id: format!("urn:uuid:{id}"),
        author: request.author,
        timestamp: time(request.now),
        version: 1,
        tooling: concat!("countersign ", env!("CARGO_PKG_VERSION")),
        statements,
    };
    Ok(Export {
        text: text::to_json(&document)?,
        entries,
        left_out,
        warnings,
        suppresses: Vec::new(),
    })
}

/// Returns a UUID (version 8, RFC 9562) that stands for these bytes.
pub(super) fn identifier(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes);
    let hex = |from: usize, to: usize| digest.hex().get(from..to).unwrap_or_default();
    format!(
        "{}-{}-8{}-8{}-{}",
        hex(0, 8),
        hex(8, 12),
        hex(13, 16),
        hex(17, 20),
        hex(20, 32)
    )
}

/// Returns a time as VEX documents have it.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns the products, and whether they bind the statement to an image as far as its scope does.
fn products(request: &ExportRequest<'_>, decided: &Decided<'_>) -> Option<(Vec<Product>, bool)> {
    let components = purls(request, decided, None);
    if components.is_empty() {
        return None;
    }
    let images = match decided.scope() {
        Scope::Everywhere => BTreeSet::default(),
        Scope::Finding | Scope::Package | Scope::Repository => image_purls(decided),
    };
    let product = |purl: &String, subcomponents: Vec<Subcomponent>| Product {
        id: purl.clone(),
        identifiers: Identifiers { purl: purl.clone() },
        subcomponents,
    };
    let subcomponents: Vec<Subcomponent> = components
        .iter()
        .map(|purl| Subcomponent {
            id: purl.clone(),
            identifiers: Identifiers { purl: purl.clone() },
        })
        .collect();
    if images.is_empty() {
        let products = components.iter().map(|purl| product(purl, Vec::new()));
        return Some((products.collect(), decided.scope() == Scope::Everywhere));
    }
    let products = images
        .iter()
        .map(|purl| product(purl, subcomponents.clone()));
    Some((products.collect(), true))
}

fn statement<'a>(decided: &Decided<'a>, products: Vec<Product>) -> Statement<'a> {
    let finding = decided.finding;
    let verdict = &decided.standing.verdict;
    let said = decided.statement();
    let mut statement = Statement {
        vulnerability: Vulnerability {
            name: finding.id.as_str(),
            aliases: decided
                .ids()
                .into_iter()
                .filter(|id| **id != finding.id)
                .map(VulnerabilityId::as_str)
                .collect(),
        },
        products,
        status: "under_investigation",
        justification: None,
        impact: None,
        action: None,
        status_notes: None,
        timestamp: time(decided.standing.recorded.time),
    };
    match decided.decision() {
        Decision::NotAffected => {
            statement.status = "not_affected";
            statement.justification = verdict.justification.as_deref();
            // Either of the two, says the schema of OpenVEX.
            if statement.justification.is_some() {
                statement.status_notes = Some(said);
            } else {
                statement.impact = Some(said);
            }
        }
        Decision::FalsePositive => {
            statement.status = "not_affected";
            statement.impact = Some(said);
        }
        Decision::AcceptRisk | Decision::Affected => {
            statement.status = "affected";
            statement.action = Some(said);
        }
        Decision::UnderInvestigation => statement.status_notes = Some(said),
    }
    statement
}
