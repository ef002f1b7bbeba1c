//! CycloneDX 1.6 VEX: verdicts as the analysis of vulnerabilities.
//!
//! Every decision has a state of its own here, so nothing is folded. The packages stand in the
//! document itself; of a CycloneDX SBOM that was read with the image they are linked too, which is
//! the only reference Trivy follows.

use serde::Serialize;

use super::decided::{Decided, LeftOut, decided, image_purls, purls};
use super::openvex::{identifier, time};
use super::{Export, ExportRequest};
use crate::model::{Decision, Fixable, Kind, Scope, Subject, VulnerabilityId};
use crate::text;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    #[serde(rename = "bomFormat")]
    format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata<'a>,
    components: Vec<Component<'a>>,
    vulnerabilities: Vec<Vulnerability<'a>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    timestamp: String,
    tools: Tools<'a>,
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<Component<'a>>,
}

#[derive(Serialize)]
struct Tools<'a> {
    components: Vec<Component<'a>>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    reference: String,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
}

#[derive(PartialEq, Serialize)]
struct Vulnerability<'a> {
    id: &'a str,
    source: Source,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference<'a>>,
    analysis: Analysis,
    affects: Vec<Affected>,
    properties: Vec<Property<'a>>,
}

#[derive(PartialEq, Serialize)]
struct Source {
    name: &'static str,
}

#[derive(PartialEq, Serialize)]
struct Reference<'a> {
    id: &'a str,
    source: Source,
}

#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Analysis {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    response: Vec<&'static str>,
    detail: String,
    first_issued: String,
}

#[derive(PartialEq, Serialize)]
struct Affected {
    #[serde(rename = "ref")]
    reference: String,
}

/// What CycloneDX has no field for.
#[derive(PartialEq, Serialize)]
struct Property<'a> {
    name: &'static str,
    value: &'a str,
}

/// Writes the document.
pub(super) fn write(request: &ExportRequest<'_>) -> Result<Export, serde_json::Error> {
    let (decided, mut left_out) = decided(request);
    let mut components: Vec<Component<'_>> = Vec::new();
    let mut vulnerabilities = Vec::new();
    for one in &decided {
        let finding = one.finding;
        if finding.kind != Kind::Vulnerability {
            let because = "CycloneDX states the analysis of vulnerabilities alone";
            left_out.push(LeftOut::new(finding, because));
            continue;
        }
        let named = purls(request, one, None);
        if named.is_empty() {
            let because = "no report gives the package a package URL";
            left_out.push(LeftOut::new(finding, because));
            continue;
        }
        for purl in &named {
            if !components.iter().any(|known| known.reference == *purl) {
                components.push(package(one, purl));
            }
        }
        let stated = vulnerability(request, one, named.into_iter().collect());
        // A verdict on a package is one entry, however many versions were found.
        if !vulnerabilities.contains(&stated) {
            vulnerabilities.push(stated);
        }
    }
    let entries = vulnerabilities.len();
    let subject = decided.first().map(|one| (one.subject, image_purls(one)));
    let image = subject.map(|(subject, purls)| Component {
        kind: "container",
        reference: "image".to_owned(),
        name: &subject.name,
        version: "",
        purl: purls.into_iter().next(),
    });
    let bom = Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        format: "CycloneDX",
        spec_version: "1.6",
        serial_number: format!(
            "urn:uuid:{}",
            identifier(&serde_json::to_vec(&vulnerabilities)?)
        ),
        version: 1,
        metadata: Metadata {
            timestamp: time(request.now),
            tools: Tools {
                components: vec![Component {
                    kind: "application",
                    reference: "countersign".to_owned(),
                    name: "countersign",
                    version: env!("CARGO_PKG_VERSION"),
                    purl: None,
                }],
            },
            authors: vec![Author {
                name: request.author,
            }],
            component: image,
        },
        components,
        vulnerabilities,
    };
    Ok(Export {
        text: text::to_json(&bom)?,
        entries,
        left_out,
        warnings: Vec::new(),
        suppresses: Vec::new(),
    })
}

/// Returns the package as a component; a verdict on all of its versions names none.
fn package<'a>(decided: &Decided<'a>, purl: &str) -> Component<'a> {
    let package = &decided.finding.package;
    let version = match decided.scope() {
        Scope::Package => "",
        Scope::Finding | Scope::Repository | Scope::Everywhere => &package.version,
    };
    Component {
        kind: "library",
        reference: purl.to_owned(),
        name: &package.name,
        version,
        purl: Some(purl.to_owned()),
    }
}

fn vulnerability<'a>(
    request: &ExportRequest<'_>,
    decided: &Decided<'a>,
    mut references: Vec<String>,
) -> Vulnerability<'a> {
    let finding = decided.finding;
    let verdict = &decided.standing.verdict;
    references.extend(links(request, decided.subject, &references));
    let mut properties = vec![Property {
        name: "countersign:decision",
        value: decided.decision().as_str(),
    }];
    if let Some(justification) = &verdict.justification {
        properties.push(Property {
            name: "countersign:justification",
            value: justification,
        });
    }
    let others = decided.ids().into_iter().filter(|id| **id != finding.id);
    Vulnerability {
        id: finding.id.as_str(),
        source: source(&finding.id),
        references: others
            .map(|id| Reference {
                id: id.as_str(),
                source: source(id),
            })
            .collect(),
        analysis: analysis(decided),
        affects: references
            .into_iter()
            .map(|reference| Affected { reference })
            .collect(),
        properties,
    }
}

/// Returns BOM-Links to the packages in the CycloneDX SBOMs of the image.
fn links(request: &ExportRequest<'_>, subject: &Subject, purls: &[String]) -> Vec<String> {
    let mut links = Vec::new();
    for (position, _) in &subject.sboms {
        let Some(sbom) = request.review.sboms.get(*position) else {
            continue;
        };
        let Some(link) = &sbom.claim.bom_link else {
            continue;
        };
        for component in &sbom.components {
            let (Some(reference), Some(purl)) = (&component.reference, &component.package.purl)
            else {
                continue;
            };
            let mut bare = purl.without_qualifiers();
            let whole = bare.to_string();
            bare.version = None;
            if purls.contains(&whole) || purls.contains(&bare.to_string()) {
                links.push(format!("{link}#{reference}"));
            }
        }
    }
    links
}

fn source(id: &VulnerabilityId) -> Source {
    Source {
        name: match id.as_str().split_once('-').map(|(prefix, _)| prefix) {
            Some("CVE") => "NVD",
            Some("GHSA") => "GITHUB",
            Some("GO") => "GO",
            Some("PYSEC") => "PYSEC",
            Some("RUSTSEC") => "RUSTSEC",
            _ => "OTHER",
        },
    }
}

fn analysis(decided: &Decided<'_>) -> Analysis {
    let verdict = &decided.standing.verdict;
    let fixable = decided.finding.fix.fixable() == Fixable::Yes;
    let (state, response) = match decided.decision() {
        Decision::NotAffected => ("not_affected", None),
        Decision::FalsePositive => ("false_positive", None),
        Decision::AcceptRisk if fixable => ("exploitable", Some("will_not_fix")),
        Decision::AcceptRisk => ("exploitable", Some("can_not_fix")),
        Decision::Affected if fixable => ("exploitable", Some("update")),
        Decision::Affected => ("exploitable", None),
        Decision::UnderInvestigation => ("in_triage", None),
    };
    Analysis {
        state,
        justification: verdict.justification.as_deref().and_then(justification),
        response: response.into_iter().collect(),
        detail: decided.statement(),
        first_issued: time(decided.standing.recorded.time),
    }
}

/// Returns CycloneDX's word for an OpenVEX justification. OpenVEX's own is kept as a property.
fn justification(openvex: &str) -> Option<&'static str> {
    match openvex {
        "component_not_present" | "vulnerable_code_not_present" => Some("code_not_present"),
        "vulnerable_code_not_in_execute_path" => Some("code_not_reachable"),
        "vulnerable_code_cannot_be_controlled_by_adversary" => Some("requires_environment"),
        "inline_mitigations_already_exist" => Some("protected_by_mitigating_control"),
        _ => None,
    }
}
