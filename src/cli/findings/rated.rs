//! Who rates a finding how, and why the severity shown is the one it is.
//!
//! The rules are `triage::ratings`' and `triage::risk`'s; this only writes them down.

use std::fmt::Write as _;

use super::FindingView;
use crate::cli::output::Output;
use crate::cli::stop::Stop;
use crate::model::Rating;
use crate::triage::risk::{exploitation, percent};

/// Returns the cells about exploitation: known, and how likely.
pub(super) fn cells(finding: &FindingView<'_>) -> [String; 2] {
    let exploited = match finding.known_exploited {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    };
    let epss = finding.epss.map_or_else(|| "?".to_owned(), percent);
    [exploited.to_owned(), epss]
}

/// Writes all that is said about how bad a finding is.
pub(super) fn write(finding: &FindingView<'_>, output: &mut Output) -> Result<(), Stop> {
    let package = &finding.package;
    let name = format!("{} {} {}", finding.id, package.name, package.version);
    output.data("\n")?;
    output.line(name.trim())?;
    output.line(&format!("  risk: {}", finding.risk.terms().join(", ")))?;
    let known = exploitation(finding.finding);
    if !known.is_empty() {
        output.line(&format!("  {}", known.join(", ")))?;
    }
    let because = &finding.severity_because;
    output.line(&format!("  {}", because.text))?;
    for one in &because.scanners {
        output.line(&format!("    {}: {}", one.scanner, one.text()))?;
    }
    for rating in finding.ratings {
        output.line(&format!("    {}", rated(rating)))?;
    }
    Ok(())
}

/// Returns a rating as text: `nvd, in trivy's report: high, 7.5 CVSS:3.1/…`.
fn rated(rating: &Rating) -> String {
    let mut text = format!(
        "{}, in {}'s report: {}",
        rating.source, rating.scanner, rating.severity
    );
    let first = (rating.score, rating.vector.as_deref());
    let others = rating.other_cvss.iter();
    let others = others.map(|cvss| (cvss.score, cvss.vector.as_deref()));
    for (score, vector) in std::iter::once(first).chain(others) {
        // Writing to a String cannot fail.
        let _infallible = match (score, vector) {
            (Some(score), Some(vector)) => write!(text, ", {score:.1} {vector}"),
            (Some(score), None) => write!(text, ", {score:.1}"),
            (None, Some(vector)) => write!(text, ", {vector}"),
            (None, None) => Ok(()),
        };
    }
    text
}
