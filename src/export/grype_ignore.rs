//! `.grype.yaml`: what verdicts excuse, as Grype's `ignore` rules.
//!
//! A rule has no end and names no image; both are said as warnings. Where a risk is accepted until
//! there is a fix, the rule holds for the fix state of today alone, which Grype can check.

use std::fmt::Write as _;

use super::decided::{LeftOut, decided};
use super::{Export, ExportRequest, quoted};
use crate::model::{Decision, FixState, Kind, Scope, Until};

/// Writes the file.
pub(super) fn write(request: &ExportRequest<'_>) -> Export {
    let (decided, mut left_out) = decided(request);
    let mut rules = String::new();
    let mut entries = 0;
    let (mut unbound, mut endless) = (0, 0);
    for one in &decided {
        let finding = one.finding;
        if finding.kind != Kind::Vulnerability {
            left_out.push(LeftOut::new(finding, "Grype reports vulnerabilities alone"));
            continue;
        }
        if !one.decision().excuses() {
            let because = format!("{} excuses nothing", one.decision().as_str());
            left_out.push(LeftOut::new(finding, &because));
            continue;
        }
        unbound += usize::from(one.scope() != Scope::Everywhere);
        let accepted = one.decision() == Decision::AcceptRisk;
        let until_fixed = one.standing.verdict.until == Some(Until::Fixed);
        endless += usize::from(accepted && !until_fixed);
        for spelling in spellings(request, one.finding) {
            for id in one.ids() {
                // Writing to a String cannot fail.
                let _infallible = writeln!(rules, "  - vulnerability: {}", quoted(id.as_str()));
                let _infallible = writeln!(rules, "    reason: {}", quoted(&one.statement()));
                if until_fixed {
                    let state = grype_state(finding.fix.state);
                    let _infallible = writeln!(rules, "    fix-state: {state}");
                }
                let name = regular(&spelling.name);
                let _infallible = writeln!(rules, "    package:\n      name: {}", quoted(&name));
                if one.scope() != Scope::Package {
                    let _infallible =
                        writeln!(rules, "      version: {}", quoted(&spelling.version));
                }
                if let Some(kind) = spelling.kind {
                    let _infallible = writeln!(rules, "      type: {}", quoted(kind));
                }
                entries += 1;
            }
        }
    }
    let mut warnings = Vec::new();
    if unbound > 0 {
        warnings.push(format!(
            "Grype applies the rules to every image it is used with: {unbound} verdicts were taken on less than that"
        ));
    }
    if endless > 0 {
        warnings.push(format!(
            "{endless} accepted risks have an end, which Grype's rules cannot say: write the file again before then"
        ));
    }
    let text = if rules.is_empty() {
        "# Made by countersign from verdicts.\nignore: []\n".to_owned()
    } else {
        format!("# Made by countersign from verdicts.\nignore:\n{rules}")
    };
    Export {
        text,
        entries,
        left_out,
        warnings,
        suppresses: Vec::new(),
    }
}

/// A package as Grype spells it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Spelling {
    name: String,
    version: String,
    kind: Option<&'static str>,
}

/// Returns how Grype's own records spell the package, else how the finding does.
fn spellings(request: &ExportRequest<'_>, finding: &crate::model::Finding) -> Vec<Spelling> {
    let review = request.review;
    let of = |package: &crate::model::Package| Spelling {
        name: package.name.clone(),
        version: package.version.clone(),
        kind: grype_type(&package.ecosystem),
    };
    let records = finding.records.iter().filter_map(|reference| {
        let report = review.reports.get(reference.report as usize)?;
        (report.scanner == "grype").then_some(report.records.get(reference.record as usize)?)
    });
    let mut spellings: Vec<Spelling> = records.map(|record| of(&record.package)).collect();
    spellings.sort();
    spellings.dedup();
    if spellings.is_empty() {
        spellings.push(of(&finding.package));
    }
    spellings
}

/// Grype's word for a package type, where it differs from purl's it is Syft's.
fn grype_type(ecosystem: &str) -> Option<&'static str> {
    Some(match ecosystem {
        "deb" => "deb",
        "rpm" => "rpm",
        "apk" => "apk",
        "npm" => "npm",
        "pypi" => "python",
        "golang" => "go-module",
        "maven" => "java-archive",
        "gem" => "gem",
        "cargo" => "rust-crate",
        "composer" => "php-composer",
        "nuget" => "dotnet",
        "binary" => "binary",
        _ => return None,
    })
}

fn grype_state(state: FixState) -> &'static str {
    match state {
        FixState::Fixed => "fixed",
        FixState::NotFixed => "not-fixed",
        FixState::WontFix => "wont-fix",
        FixState::Unknown => "unknown",
    }
}

/// Returns a name as the regular expression that matches nothing else: Grype reads names as such.
fn regular(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if "\\.+*?()|[]{}^$".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
