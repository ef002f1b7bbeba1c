//! `.trivyignore.yaml`: what verdicts excuse, as Trivy leaves it out (`--ignorefile`).
//!
//! An entry is bound to package URLs or paths and to a day; Trivy binds none to an image, which is
//! said as a warning.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::NaiveTime;

use super::decided::{Decided, LeftOut, decided, purls, split_line};
use super::openvex::time;
use super::{Export, ExportRequest, quoted};
use crate::model::{Kind, Scope, Until, VulnerabilityId};

/// The sections, in the order they are written.
const SECTIONS: [(Kind, &str); 4] = [
    (Kind::Vulnerability, "vulnerabilities"),
    (Kind::Misconfiguration, "misconfigurations"),
    (Kind::Secret, "secrets"),
    (Kind::License, "licenses"),
];

/// Writes the file.
pub(super) fn write(request: &ExportRequest<'_>) -> Export {
    let (decided, mut left_out) = decided(request);
    let mut text = String::from("# Made by countersign from verdicts.\n");
    let mut entries = 0;
    let (mut unbound, mut until_fixed) = (0, 0);
    for (kind, section) in SECTIONS {
        let of_kind = decided.iter().filter(|one| one.finding.kind == kind);
        let mut lines = String::new();
        for one in of_kind {
            if !one.decision().excuses() {
                let because = format!("{} excuses nothing", one.decision().as_str());
                left_out.push(LeftOut::new(one.finding, &because));
                continue;
            }
            let bound = bound_to(request, one);
            if bound.is_empty() {
                let because =
                    "neither package URL nor path is known: the entry would hold for every package";
                left_out.push(LeftOut::new(one.finding, because));
                continue;
            }
            unbound += usize::from(one.scope() != Scope::Everywhere);
            until_fixed += usize::from(one.standing.verdict.until == Some(Until::Fixed));
            for id in ids(one) {
                entry(&mut lines, one, id, &bound);
                entries += 1;
            }
        }
        if !lines.is_empty() {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "{section}:\n{lines}");
        }
    }
    for one in decided
        .iter()
        .filter(|one| one.finding.kind == Kind::Hygiene)
    {
        let because = "no scanner reports it: it is countersign's own check";
        left_out.push(LeftOut::new(one.finding, because));
    }
    let mut warnings = Vec::new();
    if unbound > 0 {
        warnings.push(format!(
            "Trivy applies the file to every image it is used with: {unbound} verdicts were taken on less than that"
        ));
    }
    if until_fixed > 0 {
        warnings.push(format!(
            "{until_fixed} risks are accepted until fixed, which the file cannot say: only their last day is in it"
        ));
    }
    Export {
        text,
        entries,
        left_out,
        warnings,
        suppresses: Vec::new(),
    }
}

/// Trivy compares an entry with the one id it shows; of a vulnerability every alias is written.
fn ids<'a>(decided: &Decided<'a>) -> Vec<&'a str> {
    match decided.finding.kind {
        Kind::Vulnerability => decided
            .ids()
            .into_iter()
            .map(VulnerabilityId::as_str)
            .collect(),
        _ => vec![decided.finding.id.as_str()],
    }
}

/// What narrows an entry: the key and its values.
fn bound_to(request: &ExportRequest<'_>, decided: &Decided<'_>) -> Vec<(&'static str, String)> {
    if decided.finding.kind == Kind::Vulnerability {
        let purls = purls(request, decided, Some("trivy"));
        return purls.into_iter().map(|purl| ("purls", purl)).collect();
    }
    let locations = &decided.finding.package.locations;
    let paths: BTreeSet<&str> = locations
        .iter()
        .map(|place| split_line(&place.path).0)
        .filter(|path| !path.is_empty())
        .collect();
    paths
        .into_iter()
        .map(|path| ("paths", path.to_owned()))
        .collect()
}

fn entry(lines: &mut String, decided: &Decided<'_>, id: &str, bound: &[(&'static str, String)]) {
    // Writing to a String cannot fail.
    let _infallible = writeln!(lines, "  - id: {}", quoted(id));
    if let Some((key, _)) = bound.first() {
        let _infallible = writeln!(lines, "    {key}:");
    }
    for (_, value) in bound {
        let _infallible = writeln!(lines, "      - {}", quoted(value));
    }
    let _infallible = writeln!(lines, "    statement: {}", quoted(&decided.statement()));
    if let Some(end) = decided.end {
        // Trivy's day ends where it begins (UTC), and so does the end of an acceptance.
        let end = if end.time() == NaiveTime::MIN {
            end.date_naive().to_string()
        } else {
            time(end)
        };
        let _infallible = writeln!(lines, "    expired_at: {end}");
    }
}
