//! Reasons concluded from what the other report lacks: filters, databases, catalogues.
//!
//! They are inferred unless dates prove them; what a report states comes first, in `stated`.

use super::catalogue::Catalogue;
use super::witness::files_of;
use super::{Absence, listed, reason};
use chrono::{DateTime, Utc};

use crate::model::{DatabaseAge, Fixable, Format, Severity};
use crate::triage::compare::units::Unit;
use crate::triage::compare::{Reason, Strength};

/// A side whose format has one id an entry may hold it under an id of its own.
pub(super) fn reduced(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    let reduced = [own, other]
        .into_iter()
        .find(|side| side.report.format.is_reduced())?;
    let nameless = |found: &&Unit<'_>| {
        (found.cves.is_empty() || unit.cves.is_empty())
            && (found.identity.same_package(&unit.identity) || found.identity.name.is_empty())
    };
    let ids: Vec<&str> = other
        .units
        .iter()
        .filter(nameless)
        .map(|found| found.shown.as_str())
        .take(8)
        .collect();
    (!ids.is_empty()).then(|| {
        let text = format!(
            "{} is reduced evidence, without other ids: one of these of {} may be the same",
            reduced.name, other.name
        );
        let evidence = [
            ("format", reduced.report.format.as_str().to_owned()),
            ("ids", ids.join(", ")),
        ];
        reason("reduced-evidence", Strength::Inferred, text, evidence)
    })
}

/// Published after the other's database was made, or after its scan: it could not know.
pub(super) fn published_later(absence: &Absence<'_>) -> Option<Reason> {
    let dates = absence.unit.records.iter();
    // A corrected date of one of the records proves nothing: all have to be later.
    let published = dates.map(|record| record.published).min()??;
    let newest = absence.other.newest_possible()?;
    (published > newest).then(|| {
        reason(
            "database-age",
            Strength::Proven,
            format!(
                "it was published after the database of {} was built",
                absence.other.name
            ),
            [
                ("published", published.to_rfc3339()),
                ("database_before", newest.to_rfc3339()),
            ],
        )
    })
}

/// Nothing as low as this is in the other report.
pub(super) fn severity_filter(absence: &Absence<'_>) -> Option<Reason> {
    let least = absence.other.least_severity?;
    (least >= Severity::Medium && absence.unit.severity < least).then(|| {
        reason(
            "severity-filter",
            Strength::Inferred,
            format!(
                "{} reports nothing below {least}: it was probably told to leave it out",
                absence.other.name
            ),
            [
                ("least_severity", least.to_string()),
                ("units", absence.other.units.len().to_string()),
            ],
        )
    })
}

/// Everything in the other report has a fix.
pub(super) fn ignore_unfixed(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, other) = (absence.unit, absence.other);
    (other.all_fixable && unit.fix.fixable() != Fixable::Yes).then(|| {
        reason(
            "ignore-unfixed",
            Strength::Inferred,
            format!(
                "everything {} reports has a fix: it was probably told to leave out what has none",
                other.name
            ),
            [
                ("fix_state", unit.fix.state.as_str().to_owned()),
                ("units", other.units.len().to_string()),
            ],
        )
    })
}

/// An id that only the sources of one scanner know.
pub(super) fn id_scheme(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own) = (absence.unit, absence.own);
    if own.is_like(absence.other) {
        return None;
    }
    let shown = unit.shown.as_str();
    let scheme = ["TEMP-", "NSWG-", "GHSA-"]
        .into_iter()
        .find(|scheme| shown.starts_with(scheme) && unit.cves.is_empty())?;
    // Both scanners read GitHub's advisories; the other two are Trivy's alone.
    let strength = if scheme == "GHSA-" {
        Strength::Inferred
    } else {
        Strength::Proven
    };
    let text = format!(
        "{shown} has no CVE; it is known only to the source {} uses",
        own.name
    );
    let evidence = [("id", shown.to_owned()), ("scheme", scheme.to_owned())];
    Some(reason("id-scheme", strength, text, evidence))
}

/// Its record was changed after the other's database was made.
pub(super) fn changed_later(absence: &Absence<'_>) -> Option<Reason> {
    let dates = absence.unit.records.iter();
    let modified = dates.map(|record| record.modified).min()??;
    let newest = absence.other.newest_possible()?;
    (modified > newest).then(|| {
        reason(
            "database-age",
            Strength::Inferred,
            format!(
                "its record was changed after the database of {} was built",
                absence.other.name
            ),
            [
                ("modified", modified.to_rfc3339()),
                ("database_before", newest.to_rfc3339()),
            ],
        )
    })
}

/// A distribution past its end of life, or a package its vendor no longer looks after.
pub(super) fn end_of_life(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    let mut words = unit
        .records
        .iter()
        .filter_map(|record| record.state_word.as_deref());
    let by_word = words.any(|word| word == "end_of_life");
    let stating = [own, other]
        .into_iter()
        .find(|side| side.report.claim.end_of_life);
    if !is_of_distribution(&unit.identity.ecosystem) || (stating.is_none() && !by_word) {
        return None;
    }
    let os = [own, other]
        .into_iter()
        .find_map(|side| side.report.claim.os.clone())
        .unwrap_or_else(|| "the distribution".to_owned());
    let text = if stating.is_some() {
        format!("{os} is past its end of life: its records are no longer kept alike")
    } else {
        format!("{} says its vendor no longer looks after it", own.name)
    };
    let evidence = [
        ("os", os),
        (
            "stated_by",
            stating.map_or(own.name, |side| side.name).to_owned(),
        ),
        (
            "status",
            if by_word {
                "end_of_life".to_owned()
            } else {
                String::new()
            },
        ),
    ];
    Some(reason("end-of-life", Strength::Inferred, text, evidence))
}

fn is_of_distribution(ecosystem: &str) -> bool {
    matches!(ecosystem, "deb" | "rpm" | "apk")
}

/// Files that list the packages somebody wants: lock files and manifests, not installed packages.
const WANTED: [&str; 12] = [
    "go.mod",
    "yarn.lock",
    "package-lock.json",
    "pnpm-lock.yaml",
    "requirements.txt",
    "Pipfile.lock",
    "poetry.lock",
    "Gemfile.lock",
    "composer.lock",
    "Cargo.lock",
    "pom.xml",
    "gradle.lockfile",
];

fn is_wanted_list(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    WANTED.contains(&name)
}

/// Named in a list of wanted packages: what both scanners make of such a list differs.
pub(super) fn wanted_only(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    if own.is_like(other) || listed::catalogued(absence).is_some() {
        return None;
    }
    let mut files = files_of(unit).map(|(_, path)| path).peekable();
    files.peek()?;
    if let Some(path) = other.same_file(unit).filter(|path| is_wanted_list(path)) {
        // Trivy leaves out what a lock file marks as needed for development only.
        return (other.report.format == Format::TrivyJson && !other.reported.hold(&unit.identity))
            .then(|| {
                let text = format!(
                    "{} reads the same {path}: either this is a development dependency, which it leaves out unless told otherwise, or its database lacks it",
                    other.name
                );
                let evidence = [("path", path.to_owned())];
                reason("development", Strength::Inferred, text, evidence)
            });
    }
    let path = files_of(unit).next().map(|(_, path)| path)?;
    (own.report.claim.is_image && files.all(is_wanted_list)).then(|| {
        let text = format!(
            "{} found it in {path}, a list of wanted packages; {} looks for installed packages in an image",
            own.name, other.name
        );
        reason("wanted-only", Strength::Inferred, text, [("path", path.to_owned())])
    })
}

/// The other found packages of this kind in the same file, so it read the file.
pub(super) fn same_file(absence: &Absence<'_>) -> Option<Reason> {
    if is_of_distribution(&absence.unit.identity.ecosystem) {
        return None;
    }
    if let Some(path) = absence.other.same_file(absence.unit) {
        return Some(lacks(absence, &format!("it reads the same file {path}")));
    }
    let folder = absence.other.same_tree(absence.unit)?;
    let how = format!("it finds other packages in the same {folder}");
    Some(lacks(absence, &how))
}

/// Folders that packages of a distribution put modules of languages into; what a person installs
/// goes elsewhere (`usr/local`).
const OF_DISTRIBUTION: [&str; 8] = [
    "usr/lib/python",
    "usr/lib64/python",
    "usr/share/python",
    "usr/lib/node_modules/",
    "usr/share/nodejs/",
    "usr/lib/ruby/",
    "usr/share/gems/",
    "usr/share/rubygems-integration/",
];

/// Trivy leaves a language's module that a package of the distribution installed to the
/// distribution's own advisories.
pub(super) fn system_file(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, own, other) = (absence.unit, absence.own, absence.other);
    let of_language = matches!(unit.identity.ecosystem.as_str(), "pypi" | "npm" | "gem");
    let leaves_out = other.report.scanner == "trivy" && other.report.claim.os.is_some();
    if !of_language || !leaves_out || own.is_like(other) || listed::catalogued(absence).is_some() {
        return None;
    }
    let of_system = |path: &str| OF_DISTRIBUTION.iter().any(|start| path.starts_with(start));
    let (_, path) = files_of(unit).next()?;
    files_of(unit).all(|(_, path)| of_system(path)).then(|| {
        let text = format!(
            "its place says that a package of the distribution installed it ({path}): {} leaves such modules to the distribution's advisories",
            other.name
        );
        reason("system-file", Strength::Inferred, text, [("path", path.to_owned())])
    })
}

/// Two reports of one scanner: their databases or versions differ.
pub(super) fn other_run(absence: &Absence<'_>) -> Option<Reason> {
    let (own, other) = (absence.own, absence.other);
    if !own.is_like(other) {
        return None;
    }
    let day = |date: Option<DateTime<Utc>>| date.map(|date| date.format("%Y-%m-%d").to_string());
    let databases = [own, other].map(|side| side.report.database_built);
    let exact = [own, other].map(|side| side.report.database_age == DatabaseAge::Exact);
    if exact == [true, true] && databases[0] != databases[1] {
        let [here, there] = databases.map(|date| day(date).unwrap_or_default());
        let text = format!(
            "the databases are not the same: {} used that of {here}, {} that of {there}",
            own.name, other.name
        );
        let evidence = [("database", there), ("own_database", here)];
        return Some(reason("database-age", Strength::Inferred, text, evidence));
    }
    if let (Some(here), Some(there)) = (&own.report.scanner_version, &other.report.scanner_version)
        && here != there
    {
        let text = format!("{} is version {here}, {} is {there}", own.name, other.name);
        let evidence = [("version", there.clone()), ("own_version", here.clone())];
        return Some(reason(
            "scanner-version",
            Strength::Inferred,
            text,
            evidence,
        ));
    }
    if exact == [true, true] {
        return None;
    }
    let [Some(here), Some(there)] = [own, other].map(|side| day(side.report.created)) else {
        return None;
    };
    (here != there).then(|| {
        let text = format!(
            "{} is of {here}, {} of {there}, and so probably are their databases",
            own.name, other.name
        );
        let evidence = [("created", there), ("own_created", here)];
        reason("database-age", Strength::Inferred, text, evidence)
    })
}

/// A commit instead of a release, or the standard library: Go versions that advisories cannot be
/// compared with in one way only.
pub(super) fn go_version(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, other) = (absence.unit, absence.other);
    if unit.identity.ecosystem != "golang" || absence.own.is_like(other) {
        return None;
    }
    let version = &unit.package.version;
    let evidence = [
        ("package", unit.package.name.clone()),
        ("version", version.clone()),
    ];
    if unit.identity.name == "stdlib" && other.reported.versions(&unit.identity).is_empty() {
        let text = format!(
            "it is of Go's standard library, whose version is read from the binary; {} reports nothing of it",
            other.name
        );
        return Some(reason("go-stdlib", Strength::Inferred, text, evidence));
    }
    is_pseudo_version(version).then(|| {
        let text = "the version is a commit, no release: scanners compare it with advisories in \
                    different ways";
        reason("go-version", Strength::Inferred, text.to_owned(), evidence)
    })
}

/// `…-20211030160813-b3129d9d1021`: the time and the first digits of a commit (Go modules
/// reference, pseudo-versions); `(devel)` is a build outside of any version.
fn is_pseudo_version(version: &str) -> bool {
    let version = version.strip_suffix("+incompatible").unwrap_or(version);
    let mut parts = version.rsplit('-');
    let commit = parts.next().unwrap_or_default();
    let time = parts.next().unwrap_or_default();
    let time = time.rsplit('.').next().unwrap_or_default();
    version == "(devel)"
        || (commit.len() == 12
            && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
            && time.len() == 14
            && time.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The package is known to the other scanner; the vulnerability is not.
pub(super) fn not_in_database(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, other) = (absence.unit, absence.other);
    let listed = other.catalogued.as_ref();
    if other.reported.hold(&unit.identity) {
        Some(lacks(absence, "it reports other ids for it"))
    } else if listed.is_some_and(|list| list.hold(&unit.identity)) {
        Some(lacks(absence, "it lists it"))
    } else {
        listed::catalogued(absence).map(|catalogue| lacks_listed(absence, catalogue))
    }
}

fn lacks(absence: &Absence<'_>, how: &str) -> Reason {
    let (unit, other) = (absence.unit, absence.other);
    let stale = other.stale();
    let perhaps = if stale.is_empty() {
        ""
    } else {
        "; perhaps it used an old copy"
    };
    let elsewhere = other.same_vulnerability(unit).into_iter().next();
    let elsewhere = elsewhere.map_or_else(String::new, |found| found.package.name.clone());
    let text = if elsewhere.is_empty() {
        format!(
            "{} knows the package ({how}) but not this vulnerability: its database probably lacks it{perhaps}",
            other.name
        )
    } else {
        format!(
            "{} knows the package ({how}) and the vulnerability, which both report for {elsewhere}: its database probably does not list this package for it{perhaps}",
            other.name
        )
    };
    reason(
        "not-in-database",
        Strength::Inferred,
        text,
        [
            ("reported_for", elsewhere),
            ("catalogued", how.to_owned()),
            ("fix_state", unit.fix.state.as_str().to_owned()),
            ("database", other.database()),
            ("own_database", absence.own.database()),
            ("stale", stale),
        ],
    )
}

/// An SBOM of another tool lists the package.
pub(super) fn in_sbom(absence: &Absence<'_>) -> Option<Reason> {
    let identity = &absence.unit.identity;
    let mut sboms = absence.sboms.iter();
    let catalogue = sboms.find(|catalogue| catalogue.packages.hold(identity))?;
    Some(lacks_listed(absence, catalogue))
}

/// The package is in this SBOM; the vulnerability is not known to the other.
fn lacks_listed(absence: &Absence<'_>, catalogue: &Catalogue<'_>) -> Reason {
    let how = format!("catalogued according to the SBOM {}", catalogue.describe());
    let mut reason = lacks(absence, &how);
    let path = catalogue.packages.path(&absence.unit.identity);
    let path = path.unwrap_or_default();
    let evidence = [
        ("sbom", catalogue.sbom.origin.path.as_str()),
        ("producer", catalogue.producer()),
        ("sbom_path", path),
    ];
    let evidence = evidence.into_iter().filter(|(_, value)| !value.is_empty());
    reason
        .evidence
        .extend(evidence.map(|(name, value)| (name, value.to_owned())));
    reason
}

/// Every scanner reads the package database of the distribution.
pub(super) fn distribution(absence: &Absence<'_>) -> Option<Reason> {
    let (unit, other) = (absence.unit, absence.other);
    let reads_it = other.report.claim.os.is_some()
        || other
            .units
            .iter()
            .any(|found| found.identity.ecosystem == unit.identity.ecosystem);
    (is_of_distribution(&unit.identity.ecosystem) && reads_it)
        .then(|| lacks(absence, "it reads the distribution's package database"))
}

#[cfg(test)]
mod tests {
    use super::is_pseudo_version;

    #[test]
    fn commits_are_told_from_releases() {
        for version in [
            "0.0.0-20211030160813-b3129d9d1021",
            "v0.4.1-0.20230214201333-88ed8ca3307d",
            "v2.0.0-20200101000000-abcdefabcdef+incompatible",
            "(devel)",
        ] {
            assert!(is_pseudo_version(version), "{version}");
        }
        for version in ["v1.2.3", "1.0.0-rc.1", "v1.0.0-20211030-b3129d9d1021", ""] {
            assert!(!is_pseudo_version(version), "{version}");
        }
    }
}
