//! Exports: verdicts and findings of a review as other tools read them.
//!
//! Text is made here and nothing else: no file is written and no tool is run. Only verdicts that
//! hold today leave; what a format cannot say is a remark, never left out in silence.

pub mod admission;
mod cyclonedx_vex;
mod decided;
mod effect;
pub mod gate;
mod grype_ignore;
mod junit;
mod openvex;
pub mod report;
pub mod rows;
mod sarif;
mod trivyignore;

use chrono::{DateTime, Utc};

use crate::model::Finding;
use crate::review::Review;

pub use self::decided::LeftOut;
pub use self::effect::Effect;

/// A format that verdicts or findings leave in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// OpenVEX 0.2.
    Openvex,
    /// CycloneDX 1.6, vulnerabilities with analysis.
    CyclonedxVex,
    /// Trivy's `.trivyignore.yaml`.
    Trivyignore,
    /// The `ignore` rules of `.grype.yaml`.
    GrypeIgnore,
    /// SARIF 2.1.0.
    Sarif,
    /// RFC 4180.
    Csv,
    /// `JUnit` XML, one suite a subject: what closes the gate fails.
    Junit,
}

impl ExportFormat {
    /// Returns the name used on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Openvex => "openvex",
            Self::CyclonedxVex => "cyclonedx-vex",
            Self::Trivyignore => "trivyignore",
            Self::GrypeIgnore => "grype-ignore",
            Self::Sarif => "sarif",
            Self::Csv => "csv",
            Self::Junit => "junit",
        }
    }
}

/// What is exported, and in whose name.
#[derive(Clone, Copy, Debug)]
pub struct ExportRequest<'a> {
    /// The review.
    pub review: &'a Review,
    /// The subjects: indexes into the review's.
    pub subjects: &'a [usize],
    /// Who makes the document.
    pub author: &'a str,
    /// When it is made.
    pub now: DateTime<Utc>,
}

/// An export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The document.
    pub text: String,
    /// The entries in it: statements, rules, results, rows or cases.
    pub entries: usize,
    /// Verdicts that are not in it, and why.
    pub left_out: Vec<LeftOut>,
    /// What the reader has to know: where the format says more or less than was decided.
    pub warnings: Vec<String>,
    /// Of ignore and VEX documents: what each scanner would leave out of the loaded reports.
    pub suppresses: Vec<Effect>,
}

/// Writes the review in `format`.
///
/// # Errors
/// When the document cannot be serialised, which is a defect of the program.
pub fn export(
    format: ExportFormat,
    request: &ExportRequest<'_>,
) -> Result<Export, serde_json::Error> {
    let mut made = match format {
        ExportFormat::Openvex => openvex::write(request)?,
        ExportFormat::CyclonedxVex => cyclonedx_vex::write(request)?,
        ExportFormat::Trivyignore => trivyignore::write(request),
        ExportFormat::GrypeIgnore => grype_ignore::write(request),
        ExportFormat::Sarif => sarif::write(request)?,
        ExportFormat::Csv => {
            let rows: Vec<usize> = open_rows(request).collect();
            Export {
                text: rows::csv(request.review, &rows),
                entries: rows.len(),
                left_out: Vec::new(),
                warnings: Vec::new(),
                suppresses: Vec::new(),
            }
        }
        ExportFormat::Junit => junit::write(request),
    };
    effect::tell(format, request, &mut made);
    Ok(made)
}

/// Returns the findings of the subjects that nothing suppresses, in the review's order.
fn open_rows<'a>(request: &'a ExportRequest<'_>) -> impl Iterator<Item = usize> + 'a {
    let is_open = |row: &usize| {
        let finding = request.review.findings.get(*row);
        finding.is_some_and(|finding| finding.suppressed_by.is_none())
    };
    let subjects = request.subjects.iter();
    subjects
        .flat_map(|subject| request.review.findings_of(*subject))
        .filter(is_open)
}

/// Returns a YAML double-quoted scalar: JSON's quoting is a part of it, and nothing hidden is left.
fn quoted(text: &str) -> String {
    serde_json::Value::from(crate::text::Safe::new(text).as_str()).to_string()
}

/// Returns text for XML content and attributes; what XML 1.0 cannot hold is made visible.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in crate::text::Safe::new(text).as_str().chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Returns a finding in a few words.
fn headline(finding: &Finding) -> String {
    let package = &finding.package;
    let place = package.locations.first();
    match (package.name.as_str(), place) {
        ("", Some(place)) => format!("{} in {}", finding.id, place.path),
        ("", None) => finding.id.to_string(),
        (name, _) => format!("{} in {name} {}", finding.id, package.version)
            .trim_end()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
