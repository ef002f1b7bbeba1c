//! What entries of ignore files reach: Trivy's rules for Trivy's records, Grype's for Grype's.
//!
//! Both compare ids as they stand. What VEX statements reach is in `stated`.

use super::Case;
use super::stated::purl_names;
use crate::model::{Exemption, FixState, GrypeRule, Kind, MatchKind, Pattern, Purl, Record};

/// Trivy: the id as the record has it (a check's older id too), one of the paths, one of the
/// package URLs. A record without a package URL is not known to be of any.
pub(super) fn by_trivy(
    entry: &Exemption,
    kinds: &[Kind],
    paths: &[Pattern],
    purls: &[Purl],
    case: &Case<'_>,
) -> bool {
    let record = case.record;
    if case.report.scanner != "trivy" || !kinds.contains(&record.kind) {
        return false;
    }
    let named = |id: &str| entry.ids.iter().any(|own| own == id);
    let has_id = match record.kind {
        Kind::Misconfiguration => {
            named(&record.id) || record.aliases.iter().any(|alias| named(alias.as_str()))
        }
        _ => named(&record.id),
    };
    has_id
        && (paths.is_empty() || paths_of(record).iter().any(|path| matches(paths, path)))
        && (purls.is_empty()
            || record
                .package
                .purl
                .as_ref()
                .is_some_and(|purl| purls.iter().any(|pattern| purl_names(pattern, purl))))
}

fn matches(patterns: &[Pattern], path: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(path))
}

/// The paths of a record as Trivy knows them: a secret's without the line. A package without a
/// path has an empty one.
fn paths_of(record: &Record) -> Vec<&str> {
    let mut paths: Vec<&str> = record
        .package
        .locations
        .iter()
        .map(|location| location.path.as_str())
        .collect();
    if record.kind == Kind::Secret {
        for path in &mut paths {
            if let Some((file, line)) = path.rsplit_once(':')
                && !line.is_empty()
                && line.bytes().all(|byte| byte.is_ascii_digit())
            {
                *path = file;
            }
        }
    }
    if paths.is_empty() {
        paths.push("");
    }
    paths
}

/// Grype: every criterion that is given must hold.
pub(super) fn by_grype(entry: &Exemption, rule: &GrypeRule, case: &Case<'_>) -> bool {
    let record = case.record;
    if case.report.scanner != "grype" || record.kind != Kind::Vulnerability {
        return false;
    }
    let package = &record.package;
    let named = |id: &str| entry.ids.iter().any(|own| own == id);
    let has_id = entry.ids.is_empty()
        || named(&record.id)
        || rule.with_aliases && record.aliases.iter().any(|alias| named(alias.as_str()));
    let fix_state = record
        .state_word
        .as_deref()
        .unwrap_or(match record.fix.state {
            FixState::Unknown => "unknown",
            state => state.as_str(),
        });
    let same = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
    };
    let fits = |pattern: &Option<Pattern>, text: Option<&str>| {
        pattern
            .as_ref()
            .is_none_or(|pattern| text.is_some_and(|text| pattern.matches(text)))
    };
    let match_type = match record.matched {
        MatchKind::Direct => Some("exact-direct-match"),
        MatchKind::Indirect => Some("exact-indirect-match"),
        MatchKind::Cpe => Some("cpe-match"),
        MatchKind::Unknown => None,
    };
    has_id
        && same(&rule.namespace, record.namespace.as_deref())
        && same(&rule.fix_state, Some(fix_state))
        && fits(&rule.name, Some(&package.name))
        && same(&rule.version, Some(&package.version))
        && rule
            .ecosystems
            .iter()
            .all(|kind| *kind == package.ecosystem)
        && rule.location.as_ref().is_none_or(|pattern| {
            let mut places = package.locations.iter();
            places.any(|place| pattern.matches(&place.path))
        })
        && fits(&rule.upstream, package.source.as_deref())
        && same(&rule.match_type, match_type)
}
