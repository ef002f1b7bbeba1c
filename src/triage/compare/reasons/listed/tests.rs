//! Tests of what SBOMs decide: for whom each speaks, on made documents and on real pairs.

use crate::model::*;
use crate::triage::compare::reasons::tests::{at, grype, sbom, trivy, why};
use crate::triage::compare::{Reason, Strength, compare_reports};
use crate::triage::testing::{package, pair, record};

fn by(producer: &str, packages: Vec<Package>) -> Sbom {
    Sbom {
        producer: Some(producer.into()),
        ..sbom(packages)
    }
}

#[test]
fn what_cannot_be_decided_names_the_command_that_decides_it() {
    let reason = why(&trivy(vec![]), &grype(|_| {}), &[]);
    assert_eq!(
        (reason.class, reason.strength),
        ("undecidable", Strength::Undecidable)
    );
    let command = "countersign compare grype.json trivy.json sbom.json";
    assert!(reason.text.contains("an SBOM of this image by trivy"));
    assert!(reason.text.contains(command), "{}", reason.text);
    assert_eq!(reason.evidence["next"], command);
}

#[test]
fn an_sbom_speaks_for_the_scanner_that_catalogues_with_its_tool() {
    let (there, here) = (trivy(vec![]), grype(|_| {}));
    let decided = |producer: &str, package: Package| {
        let reason = why(&there, &here, &[&by(producer, vec![package])]);
        assert_eq!(reason.evidence["sbom"], "sbom.json");
        assert_eq!(reason.evidence["producer"], producer);
        (reason.class, reason.strength)
    };
    let npm = |version: &str| package("npm", "a", version);
    let (trivys, syfts) = ("trivy 0.62.1", "syft 1.0");
    assert_eq!(
        decided(trivys, npm("2")),
        ("not-catalogued", Strength::Proven)
    );
    assert_eq!(
        decided(syfts, npm("2")),
        ("not-catalogued", Strength::Inferred),
        "Syft says what Grype sees"
    );
    for producer in [trivys, syfts] {
        assert_eq!(
            decided(producer, npm("1")),
            ("not-in-database", Strength::Inferred)
        );
    }
    let reason = why(&there, &here, &[&by(trivys, vec![npm("2")])]);
    assert_eq!(reason.evidence["catalogued_versions"], "2");
    let of_system = by(trivys, vec![package("deb", "a", "1")]);
    let reason = why(&there, &here, &[&of_system]);
    assert_eq!(
        reason.class, "undecidable",
        "it lists no npm package at all"
    );
    assert_eq!(
        why(&there, &here, &[&of_system, &by(syfts, vec![npm("1")])]).class,
        "not-in-database"
    );
}

#[test]
fn an_sbom_that_may_be_of_another_image_or_was_read_in_part_proves_nothing() {
    let (there, here) = (trivy(vec![]), grype(|_| {}));
    let mut listing = by("trivy 0.62.1", vec![package("npm", "a", "2")]);
    let strength = |listing: &Sbom, rule| {
        let rows = compare_reports(&there, &here, &[(listing, rule)]).rows;
        rows[0].reason.as_ref().unwrap().strength
    };
    assert_eq!(strength(&listing, JoinRule::DiffIds), Strength::Proven);
    assert_eq!(strength(&listing, JoinRule::Name), Strength::Inferred);
    listing.losses.push(Loss {
        place: "components[0]".into(),
        offset: None,
        reason: "damaged".into(),
        records: 1,
    });
    assert_eq!(strength(&listing, JoinRule::DiffIds), Strength::Inferred);
}

#[test]
fn what_is_catalogued_is_not_put_down_to_its_place() {
    let wanted = at(package("npm", "a", "1"), "app/yarn.lock");
    let here = grype(|record| record.package = wanted.clone());
    let mut other = record("CVE-2024-2", &[], Severity::Low);
    other.package = at(package("npm", "b", "1"), "app/yarn.lock");
    let there = trivy(vec![other]);
    assert_eq!(why(&there, &here, &[]).class, "development");
    let without = by("trivy 0.62.1", vec![package("npm", "b", "1")]);
    let reason = why(&there, &here, &[&without]);
    assert_eq!(
        (reason.class, reason.strength),
        ("not-catalogued", Strength::Proven)
    );
    let with = by("trivy 0.62.1", vec![wanted]);
    let reason = why(&there, &here, &[&with]);
    assert_eq!(reason.class, "not-in-database");
    assert_eq!(reason.evidence["sbom_path"], "app/yarn.lock");
}

/// The reasons that an SBOM made by hand gives the rows of a real pair, by package.
fn reasons(name: &str, sbom: &Sbom) -> Option<Vec<(String, String, Reason)>> {
    let [trivy, grype] = pair(name)?;
    let rows = compare_reports(&trivy, &grype, &[(sbom, JoinRule::DiffIds)]).rows;
    let lacking = rows.into_iter().filter(|row| row.side != "both");
    let named = lacking.filter_map(|row| Some((row.side, row.package.name, row.reason?)));
    Some(named.collect())
}

#[test]
fn rows_of_real_pairs_are_decided_by_an_sbom() {
    let cryptography = package("pypi", "cryptography", "38.0.4");
    let without = by("trivy 0.43.0", vec![cryptography.clone()]);
    let Some(found) = reasons("mysql-2023-06", &without) else {
        return;
    };
    let of = |found: &[(String, String, Reason)], package: &str| -> Vec<(&'static str, Strength)> {
        let same = found.iter().filter(|(_, name, _)| name == package);
        same.map(|(.., reason)| (reason.class, reason.strength))
            .collect()
    };
    let proven = ("not-catalogued", Strength::Proven);
    assert!(of(&found, "setuptools").contains(&proven));
    assert!(of(&found, "pip").contains(&proven));
    assert_eq!(
        of(&found, "certifi"),
        [("already-fixed", Strength::Proven)],
        "what is proven stays"
    );
    let pip = package("pypi", "pip", "20.2.4");
    let with = by("trivy 0.43.0", vec![cryptography, pip]);
    let found = reasons("mysql-2023-06", &with).unwrap();
    assert!(of(&found, "pip").contains(&("not-in-database", Strength::Inferred)));

    let listing = |version: &str| {
        by(
            "syft 1.33.0",
            vec![package("npm", "messageformat", version)],
        )
    };
    let decided = |version| {
        of(
            &reasons("juiceshop-v19-2025-10", &listing(version)).unwrap(),
            "messageformat",
        )
    };
    assert_eq!(decided("3.0.0"), [proven]);
    assert_eq!(decided("2.3.0"), [("not-in-database", Strength::Inferred)]);

    let go = by(
        "syft 0.82.0",
        vec![package("golang", "golang.org/x/net", "v0.9.0")],
    );
    let found = reasons("golang-2023-06", &go).unwrap();
    assert_eq!(of(&found, "golang.org/x/net"), [proven]);
    assert_eq!(of(&found, "golang.org/x/sys"), [proven]);
}
