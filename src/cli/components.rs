//! `components`: what the SBOMs of the inputs list, flat or as a tree.
//!
//! Trees and links to findings are `triage::components`' work.

mod attached;
mod difference;

use std::fmt::Write as _;

use serde::Serialize;

use super::args::{ComponentsArgs, ComponentsCommand, Format as Layout};
use super::document::SubjectView;
use super::exit::Exit;
use super::output::{Align, Output, Table};
use super::settings::Settings;
use super::stop::Stop;
use super::{is_input, open};
use crate::model::{Component, Digest, Finding, FindingKey, Format, Location, Purl, Sbom};
use crate::review::Review;
use crate::text::{Safe, thousands};
use crate::triage::components::Components;

/// The document `components`.
#[derive(Serialize)]
struct ComponentsDocument<'a> {
    subjects: Vec<SubjectView<'a>>,
    documents: Vec<SbomView<'a>>,
    components: Vec<ComponentView<'a>>,
}

/// One SBOM.
#[derive(Serialize)]
struct SbomView<'a> {
    path: &'a str,
    sha256: &'a Digest,
    format: Format,
    spec_version: &'a str,
    producer: Option<&'a str>,
    subject: usize,
    subject_digest: Option<&'a Digest>,
    components: usize,
    unreadable: u64,
    notices: &'a [String],
}

/// One component.
#[derive(Serialize)]
struct ComponentView<'a> {
    document: usize,
    name: &'a str,
    version: &'a str,
    ecosystem: &'a str,
    purl: Option<&'a Purl>,
    licenses: &'a [String],
    locations: &'a [Location],
    depends_on: Vec<String>,
    findings: Vec<&'a FindingKey>,
    #[serde(skip)]
    number: u32,
}

/// An SBOM with what is known about its components.
struct Listed<'a> {
    subject: usize,
    sbom: &'a Sbom,
    findings: Vec<&'a Finding>,
    components: Components,
}

/// Runs the command.
pub(super) fn run(args: &ComponentsArgs, settings: &Settings) -> Result<Exit, Stop> {
    if let Some(ComponentsCommand::Diff(args)) = &args.command {
        return difference::run(args, settings);
    }
    let format = settings.format(&[Layout::Table, Layout::Json])?;
    let mut output = settings.output()?;
    let (paths, images): (Vec<String>, Vec<String>) =
        args.inputs.iter().cloned().partition(|text| is_input(text));
    let sboms = if images.is_empty() {
        Vec::new()
    } else {
        attached::sboms(&images, args, settings)?
    };
    let opened = open::open_with_sboms(settings, &paths, &args.reading, sboms)?;
    let review = &opened.review;
    let chosen = open::subjects(review, &args.reading)?;
    let listed = listed(review, &chosen);
    if listed.is_empty() {
        return Err(Stop::input("the inputs hold no SBOM").hint(
            "make one with `trivy image --format cyclonedx --output sbom.json IMAGE` or `syft -o cyclonedx-json IMAGE`",
        ));
    }
    let words: Vec<String> = args
        .filter
        .iter()
        .flat_map(|text| text.split_whitespace().map(str::to_lowercase))
        .collect();
    let components: Vec<ComponentView<'_>> = listed
        .iter()
        .enumerate()
        .flat_map(|(document, one)| views(document, one, &words))
        .collect();
    if format == Layout::Json {
        let document = ComponentsDocument {
            subjects: SubjectView::all(review, &chosen),
            documents: listed.iter().map(Listed::view).collect(),
            components,
        };
        output.document("components", &document)?;
    } else {
        write(&listed, &components, args.tree, &mut output)?;
    }
    output.finish()?;
    Ok(opened.exit)
}

fn listed<'a>(review: &'a Review, chosen: &[usize]) -> Vec<Listed<'a>> {
    let mut listed = Vec::new();
    for (position, subject) in chosen.iter().enumerate() {
        let findings: Vec<&Finding> = review
            .findings_of(*subject)
            .filter_map(|row| review.findings.get(row))
            .filter(|finding| finding.suppressed_by.is_none())
            .collect();
        let sboms = review.subjects.get(*subject).map(|found| &found.sboms);
        for (sbom, _) in sboms.into_iter().flatten() {
            let Some(sbom) = review.sboms.get(*sbom) else {
                continue;
            };
            listed.push(Listed {
                subject: position,
                sbom,
                components: Components::build(sbom, &findings),
                findings: findings.clone(),
            });
        }
    }
    listed
}

impl<'a> Listed<'a> {
    fn view(&self) -> SbomView<'a> {
        let sbom = self.sbom;
        SbomView {
            path: &sbom.origin.path,
            sha256: &sbom.origin.sha256,
            format: sbom.format,
            spec_version: &sbom.spec_version,
            producer: sbom.producer.as_deref(),
            subject: self.subject,
            subject_digest: sbom.claim.manifest_digest.as_ref(),
            components: sbom.components.len(),
            unreadable: sbom.losses.iter().map(|loss| loss.records).sum(),
            notices: &sbom.notices,
        }
    }

    fn findings_of(&self, number: u32) -> Vec<&'a Finding> {
        let positions = self.components.findings(number).iter();
        positions
            .filter_map(|position| self.findings.get(*position as usize).copied())
            .collect()
    }
}

/// Returns the components that contain every word.
fn views<'a>(document: usize, listed: &Listed<'a>, words: &[String]) -> Vec<ComponentView<'a>> {
    let sbom = listed.sbom;
    (0_u32..)
        .zip(&sbom.components)
        .filter(|(_, component)| matches(component, words))
        .map(|(number, component)| {
            let needed = sbom.depends_on.get(number as usize);
            let package = &component.package;
            ComponentView {
                document,
                name: &package.name,
                version: &package.version,
                ecosystem: &package.ecosystem,
                purl: package.purl.as_ref(),
                licenses: &package.licenses,
                locations: &package.locations,
                depends_on: needed
                    .into_iter()
                    .flatten()
                    .filter_map(|other| sbom.components.get(*other as usize))
                    .map(label)
                    .collect(),
                findings: listed
                    .findings_of(number)
                    .into_iter()
                    .map(|finding| &finding.key)
                    .collect(),
                number,
            }
        })
        .collect()
}

/// Returns what a component is called: its purl, else the document's reference, else its name.
fn label(component: &Component) -> String {
    let package = &component.package;
    match (&package.purl, &component.reference) {
        (Some(purl), _) => purl.to_string(),
        (None, Some(reference)) => reference.clone(),
        (None, None) => package.name.clone(),
    }
}

fn matches(component: &Component, words: &[String]) -> bool {
    let package = &component.package;
    let purl = package.purl.as_ref().map(ToString::to_string);
    words.iter().all(|word| {
        [&*package.name, &*package.version, &*package.ecosystem]
            .into_iter()
            .chain(purl.as_deref())
            .chain(package.licenses.iter().map(String::as_str))
            .any(|text| text.to_lowercase().contains(word.as_str()))
    })
}

fn write(
    listed: &[Listed<'_>],
    components: &[ComponentView<'_>],
    tree: bool,
    output: &mut Output,
) -> Result<(), Stop> {
    for (position, one) in listed.iter().enumerate() {
        if position > 0 {
            output.data("\n")?;
        }
        let sbom = one.sbom;
        output.line(&format!(
            "{}  ({} {}, {} components)",
            sbom.origin.path,
            sbom.format.as_str(),
            sbom.spec_version,
            thousands(sbom.components.len() as u64)
        ))?;
        let mine: Vec<&ComponentView<'_>> = components
            .iter()
            .filter(|component| component.document == position)
            .collect();
        if tree {
            write_tree(one, &mine, output)?;
        } else {
            write_list(one, &mine, output)?;
        }
        let lacks = one.components.completeness();
        output.data(&format!(
            "{} shown; without purl {}, without version {}, without licence {}, linked to nothing {}, unreadable {}\n",
            thousands(mine.len() as u64),
            thousands(lacks.without_purl),
            thousands(lacks.without_version),
            thousands(lacks.without_license),
            thousands(lacks.unlinked),
            thousands(lacks.unreadable)
        ))?;
    }
    Ok(())
}

fn write_list(
    listed: &Listed<'_>,
    components: &[&ComponentView<'_>],
    output: &mut Output,
) -> Result<(), Stop> {
    let mut table = Table::new(&[
        ("component", Align::Left),
        ("version", Align::Left),
        ("ecosystem", Align::Left),
        ("findings", Align::Left),
        ("licences", Align::Left),
    ]);
    for component in components {
        table.row([
            component.name,
            component.version,
            component.ecosystem,
            &counted(listed, component.number),
            &component.licenses.join(", "),
        ]);
    }
    output.table(&table, 0)
}

/// Returns how many findings a component has and the severest of them.
fn counted(listed: &Listed<'_>, number: u32) -> String {
    let findings = listed.findings_of(number);
    let severest = findings.iter().map(|finding| finding.severity).max();
    severest.map_or_else(String::new, |severity| {
        format!("{} ({severity})", thousands(findings.len() as u64))
    })
}

/// Writes the tree; with a filter only the rows that pass, at their depth.
fn write_tree(
    listed: &Listed<'_>,
    components: &[&ComponentView<'_>],
    output: &mut Output,
) -> Result<(), Stop> {
    let shown: std::collections::HashSet<u32> = components
        .iter()
        .map(|component| component.number)
        .collect();
    let mut text = String::new();
    for row in listed.components.tree() {
        let indent = "  ".repeat(usize::from(row.depth));
        let Some(number) = row.component else {
            // Writing to a String cannot fail.
            let _infallible = writeln!(text, "{indent}(linked to nothing)");
            continue;
        };
        let Some(component) = listed.sbom.components.get(number as usize) else {
            continue;
        };
        if !shown.contains(&number) {
            continue;
        }
        let package = &component.package;
        let name = Safe::new(&format!("{} {}", package.name, package.version));
        let repeated = if row.repeated { "  (see above)" } else { "" };
        let findings = match counted(listed, number).as_str() {
            "" => String::new(),
            counted => format!("  findings: {counted}"),
        };
        let _infallible = writeln!(text, "{indent}{name}{findings}{repeated}");
    }
    output.data(&text)
}
