//! Findings as rows: CSV (RFC 4180) and Markdown, and the texts of their columns.
//!
//! Cells are guarded: a spreadsheet must not take text of an image for a formula, nor Markdown for
//! markup.

use crate::model::{
    Finding, Fix, FixState, Standing, StandingVerdict, Suppression, VulnerabilityId,
};
use crate::review::Review;
use crate::text::Safe;
use crate::triage::ratings::{self, SeverityFrom};

const COLUMNS: [&str; 15] = [
    "image",
    "key",
    "kind",
    "severity",
    "id",
    "aliases",
    "package",
    "version",
    "ecosystem",
    "fix",
    "fixed in",
    "locations",
    "scanners",
    "verdict",
    "title",
];

/// Returns what is known about a fix, in a few words.
#[must_use]
pub fn fix(fix: &Fix) -> String {
    match fix.state {
        FixState::Fixed if !fix.versions.is_empty() => fix.versions.join(", "),
        FixState::Fixed => "fixed".to_owned(),
        FixState::NotFixed => "not fixed".to_owned(),
        FixState::WontFix => "won't fix".to_owned(),
        FixState::Unknown => "unknown".to_owned(),
    }
}

/// Returns what suppresses the finding, else the verdict and, where it no longer holds, that it
/// does not.
#[must_use]
pub fn verdict(suppressed_by: Option<&Suppression>, verdict: Option<&StandingVerdict>) -> String {
    if let Some(suppression) = suppressed_by {
        return format!(
            "suppressed by {} ({})",
            suppression.name(),
            suppression.status
        );
    }
    verdict.map_or_else(String::new, |taken| {
        let decision = taken.verdict.decision.as_str();
        match taken.standing {
            Standing::Current => decision.to_owned(),
            Standing::Stale | Standing::Expired => format!("{decision} ({})", taken.standing),
        }
    })
}

/// Returns the package of a finding, or the place where there is none.
#[must_use]
pub fn place(finding: &Finding) -> &str {
    match finding.package.locations.first() {
        Some(location) if finding.package.name.is_empty() => &location.path,
        _ => &finding.package.name,
    }
}

/// Returns what is known about a finding, a text a column.
fn columns(review: &Review, row: usize) -> Option<[String; 15]> {
    let finding = review.findings.get(row)?;
    let image = review.subjects.get(finding.subject as usize);
    let aliases = finding.aliases.iter().map(VulnerabilityId::as_str);
    let places = finding.package.locations.iter();
    let locations: Vec<&str> = places
        .map(|place| place.path.as_str())
        .filter(|path| !path.is_empty())
        .collect();
    Some([
        image.map_or_else(String::new, |subject| subject.name.clone()),
        finding.key.to_string(),
        finding.kind.as_str().to_owned(),
        finding.severity.to_string(),
        finding.id.to_string(),
        aliases.collect::<Vec<_>>().join(" "),
        finding.package.name.clone(),
        finding.package.version.clone(),
        finding.package.ecosystem.clone(),
        finding.fix.state.as_str().to_owned(),
        finding.fix.versions.join(" "),
        locations.join(" "),
        finding.scanners.join(" "),
        verdict(
            finding.suppressed_by.as_ref(),
            review.verdicts.get(row).and_then(Option::as_ref),
        ),
        finding.title.clone(),
    ])
}

/// Returns these findings (rows of the review) as CSV.
#[must_use]
pub fn csv(review: &Review, rows: &[usize]) -> String {
    let mut text = COLUMNS.join(",");
    text.push_str("\r\n");
    for columns in rows.iter().filter_map(|row| columns(review, *row)) {
        text.push_str(&columns.map(|text| csv_cell(&text)).join(","));
        text.push_str("\r\n");
    }
    text
}

/// Returns a cell that no spreadsheet takes for a formula.
fn csv_cell(text: &str) -> String {
    // A spreadsheet set to an Asian language takes the wide forms for the same signs.
    const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let text = text.replace(['\t', '\r', '\n'], " ");
    let safe = Safe::new(&text);
    let text = safe.as_str();
    let is_formula = text.trim_start().starts_with(SIGNS);
    let quoted = is_formula || text.contains(['"', ',']) || text.starts_with(' ');
    if !quoted {
        return text.to_owned();
    }
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// Returns these findings (rows of the review) as a Markdown table; with the severity of `from`,
/// and `*` where that says none.
#[must_use]
pub fn markdown(review: &Review, rows: &[usize], from: Option<&SeverityFrom>) -> String {
    const SHOWN: [usize; 8] = [0, 3, 4, 6, 7, 10, 12, 13];
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let headings = SHOWN.iter().filter_map(|column| COLUMNS.get(*column));
    let mut text = line(headings.copied().collect());
    text.push_str(&line(vec!["---"; SHOWN.len()]));
    for row in rows {
        let (Some(mut columns), Some(finding)) = (columns(review, *row), review.findings.get(*row))
        else {
            continue;
        };
        if let Some(package) = columns.get_mut(6) {
            place(finding).clone_into(package);
        }
        let mut cells = columns.map(|text| markdown_cell(&text));
        if let (Some(from), [_, _, _, severity, ..]) = (from, &mut cells) {
            let shown = ratings::shown(finding, &review.reports, from);
            let mark = if shown.is_fallback { "\\*" } else { "" };
            *severity = format!("{}{mark}", shown.severity);
        }
        let shown = SHOWN.iter().filter_map(|column| cells.get(*column));
        text.push_str(&line(shown.map(String::as_str).collect()));
    }
    text
}

/// Returns a cell in which every character that Markdown acts on is escaped.
pub(super) fn markdown_cell(text: &str) -> String {
    let safe = Safe::new(text);
    let mut cell = String::with_capacity(safe.as_str().len());
    for character in safe.as_str().chars() {
        if "|<>[]()*_`#!\\&~".contains(character) {
            cell.push('\\');
        }
        cell.push(character);
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_guarded() {
        for (text, cell) in [
            ("=1+1", "\"'=1+1\""),
            (" \t@SUM(A1)", "\"'  @SUM(A1)\""),
            ("-2", "\"'-2\""),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
            ("\u{3000}\u{ff20}x", "\"'\u{3000}\u{ff20}x\""),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("plain", "plain"),
            ("two\nlines", "two lines"),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
        assert_eq!(csv_cell("\u{202e}x"), "<U+202E>x");
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(markdown_cell("a|b<i>[x](y)"), "a\\|b\\<i\\>\\[x\\]\\(y\\)");
    }
}
