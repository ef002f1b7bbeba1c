//! Tests of the advice: which version clears the most, what stays, and what another base changes.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::base::{Known, effect, floors};
use super::*;
use crate::model::{Component, Fix, Location, Package, Severity};
use crate::triage::testing::{digest, fixed, package};

struct Made {
    id: &'static str,
    package: Package,
    fix: Fix,
    layer: LayerPlace,
}

impl Made {
    fn new(id: &'static str, package: Package, fix: Fix) -> Self {
        Self {
            id,
            package,
            fix,
            layer: LayerPlace::Unknown,
        }
    }

    fn finding(&self) -> Finding {
        let id = VulnerabilityId::new(self.id);
        Finding {
            key: FindingKey::new(Kind::Vulnerability, &self.package.identity(), self.id),
            subject: 0,
            kind: Kind::Vulnerability,
            id,
            aliases: Vec::new(),
            covers: Vec::new(),
            severity: Severity::High,
            ratings: Vec::new(),
            package: self.package.clone(),
            fix: self.fix.clone(),
            scanners: vec!["trivy".to_owned()],
            records: Vec::new(),
            title: String::new(),
            epss: None,
            known_exploited: None,
            exploitation: crate::model::Exploitation::default(),
            layer: self.layer,
            suppressed_by: None,
            observed: None,
        }
    }
}

fn of(source: &str, name: &str, version: &str) -> Package {
    Package {
        source: Some(source.to_owned()),
        ..package("deb", name, version)
    }
}

fn advised(made: &[Made]) -> Vec<Bump> {
    let findings: Vec<Finding> = made.iter().map(Made::finding).collect();
    bumps(&findings.iter().collect::<Vec<_>>())
}

#[test]
fn a_source_is_bumped_once_and_its_vulnerabilities_counted_once() {
    let made = [
        Made::new(
            "CVE-1",
            of("perl", "perl-base", "5.36.0-7"),
            fixed(&["5.36.0-7+deb12u1"]),
        ),
        Made::new(
            "CVE-1",
            of("perl", "libperl", "5.36.0-7"),
            fixed(&["5.36.0-7+deb12u1"]),
        ),
        Made::new(
            "CVE-2",
            of("perl", "perl-base", "5.36.0-7"),
            fixed(&["5.36.0-7+deb12u3"]),
        ),
    ];
    let [bump] = advised(&made).try_into().unwrap();
    assert_eq!(bump.package, "perl");
    assert_eq!(bump.packages, ["libperl", "perl-base"]);
    assert_eq!(bump.to.as_deref(), Some("5.36.0-7+deb12u3"));
    assert_eq!(
        (bump.clears.len(), bump.instances, bump.left.len()),
        (2, 1, 0)
    );
    assert_eq!(bump.clears_by_severity.high, 2);
}

#[test]
fn fixes_of_several_branches_are_alternatives() {
    let stdlib = || package("golang", "stdlib", "1.20.12");
    let made = [
        Made::new("CVE-1", stdlib(), fixed(&["1.21.11", "1.22.4"])),
        Made::new("CVE-2", stdlib(), fixed(&["1.21.8", "1.22.1"])),
    ];
    let [bump] = advised(&made).try_into().unwrap();
    assert_eq!(bump.to.as_deref(), Some("1.21.11"));
    assert_eq!(bump.clears.len(), 2);

    // 1.22.3 is above one alternative and below the one of its own branch.
    let finding = made[0].finding();
    assert_eq!(holds("golang", "1.22.3", &finding), Some(false));
    assert_eq!(holds("golang", "1.22.5", &finding), Some(true));
    assert_eq!(holds("golang", "1.21.12", &finding), Some(true));
}

#[test]
fn what_stays_says_why() {
    let qs = || package("npm", "qs", "6.0.0");
    let with = |state| Fix {
        state,
        ..Fix::default()
    };
    let made = [
        Made::new("CVE-1", qs(), fixed(&["6.0.4"])),
        Made::new("CVE-2", qs(), with(FixState::WontFix)),
        Made::new("CVE-3", qs(), with(FixState::NotFixed)),
        Made::new("CVE-4", qs(), with(FixState::Unknown)),
        Made::new("CVE-5", qs(), fixed(&["next"])),
    ];
    let [bump] = advised(&made).try_into().unwrap();
    let because: Vec<Because> = bump.left.iter().map(|left| left.because).collect();
    assert_eq!(
        because,
        [
            Because::WontFix,
            Because::NotFixed,
            Because::Unknown,
            Because::CannotOrder
        ]
    );
}

#[test]
fn what_cannot_be_ordered_is_never_advised() {
    let made = [
        Made::new("CVE-1", package("nuget", "a", "1.0"), fixed(&["1.1"])),
        Made::new("CVE-2", package("npm", "b", "1.0.0"), fixed(&["0.9.9"])),
    ];
    let all = advised(&made);
    let said: Vec<_> = all
        .iter()
        .map(|bump| (bump.order, bump.to.clone()))
        .collect();
    assert_eq!(said, [(Order::NoFix, None), (Order::CannotOrder, None)]);
    assert_eq!(all[1].fixed_in, ["1.1"]);
}

#[test]
fn layers_and_severity_decide_the_order() {
    let in_layer = |name: &str, digit| Package {
        locations: vec![Location {
            path: String::new(),
            layer: Some(digest(digit)),
        }],
        ..package("npm", name, "1.0.0")
    };
    let made = [
        Made::new("CVE-1", in_layer("one", '1'), fixed(&["1.0.1"])),
        Made::new("CVE-1", in_layer("one", '2'), fixed(&["1.0.1"])),
        Made::new("CVE-2", in_layer("two", '2'), fixed(&["1.0.1"])),
        Made::new("CVE-3", in_layer("two", '2'), fixed(&["1.0.2"])),
    ];
    let names: Vec<_> = advised(&made)
        .iter()
        .map(|bump| bump.package.clone())
        .collect();
    assert_eq!(names, ["two", "one", "one"]);
}

#[test]
fn another_base_is_judged_by_what_was_loaded() {
    let base = |id, name: &str| Made {
        layer: LayerPlace::Base,
        ..Made::new(id, of(name, name, "1.0-1"), fixed(&["1.0-2"]))
    };
    let own = Made::new("CVE-9", of("own", "own", "1.0-1"), fixed(&["1.0-2"]));
    let made = [
        base("CVE-1", "a"),
        base("CVE-2", "b"),
        base("CVE-3", "c"),
        own,
    ];
    let findings: Vec<Finding> = made.iter().map(Made::finding).collect();
    let findings: Vec<&Finding> = findings.iter().collect();

    let candidate = [
        Made::new("CVE-2", of("b", "b", "1.0-1.1"), fixed(&["1.0-2"])),
        Made::new("CVE-7", of("d", "d", "2"), Fix::default()),
    ];
    let candidate: Vec<Finding> = candidate.iter().map(Made::finding).collect();
    let candidate: Vec<&Finding> = candidate.iter().collect();
    let scan = effect(&findings, Known::Scan(&candidate));
    assert_eq!((scan.clears.len(), scan.stays.len()), (2, 1));
    assert_eq!(scan.brings.map(|brings| brings.total()), Some(1));

    let component = |name: &str, version: &str| Component {
        package: package("deb", name, version),
        ..Component::default()
    };
    let components = [
        component("a", "1.0-2"),
        component("b", "1.0-1"),
        component("d", "1"),
    ];
    let components: Vec<&Component> = components.iter().collect();
    let sbom = effect(&findings, Known::Sbom(&components));
    // Fixed, the same as now, and not there at all.
    assert_eq!(
        (sbom.clears.len(), sbom.stays.len(), sbom.unknown.len()),
        (2, 1, 0)
    );
    assert_eq!(sbom.brings, None);
    let odd = [component("a", "not a version"), component("b", "")];
    let odd: Vec<&Component> = odd.iter().collect();
    assert_eq!(effect(&findings, Known::Sbom(&odd)).unknown.len(), 2);

    let floors = floors(&bumps(&findings));
    let names: Vec<&str> = floors.iter().map(|floor| floor.package.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

proptest! {
    /// No lower fixed version clears as many, and none clears more.
    #[test]
    fn the_version_is_the_lowest_of_the_best(
        fixes in prop::collection::vec(prop::collection::vec((1_u8..4, 0_u8..6), 1..3), 1..6),
    ) {
        const IDS: [&str; 5] = ["CVE-1", "CVE-2", "CVE-3", "CVE-4", "CVE-5"];
        let made: Vec<Made> = IDS
            .iter()
            .zip(&fixes)
            .map(|(id, fixes)| {
                let texts: Vec<String> = fixes.iter().map(|(major, patch)| format!("{major}.0.{patch}")).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                Made::new(id, package("npm", "a", "1.0.2"), fixed(&texts))
            })
            .collect();
        let findings: Vec<Finding> = made.iter().map(Made::finding).collect();
        let [bump] = advised(&made).try_into().unwrap();
        let cleared = |version: &str| {
            findings.iter().filter(|one| holds("npm", version, one) == Some(true)).count()
        };
        for version in findings.iter().flat_map(|one| &one.fix.versions) {
            if versions::order("npm", "1.0.2", version) != Some(Ordering::Less) {
                continue;
            }
            let Some(to) = &bump.to else {
                prop_assert_eq!(cleared(version), 0);
                continue;
            };
            prop_assert!(cleared(version) <= bump.clears.len());
            if versions::order("npm", version, to) == Some(Ordering::Less) {
                prop_assert!(cleared(version) < bump.clears.len(), "{} for {}", version, to);
            }
        }
        prop_assert_eq!(bump.clears.len() + bump.left.len(), findings.len());
    }
}
