//! The order of versions, held against tables that each ecosystem's own tool made.
//!
//! A table is ascending, equal versions on one line. `tests/versions.rs` asks the tools again.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;

const TABLES: [(Scheme, &str); 9] = [
    (
        Scheme::Deb,
        include_str!("../../../tests/fixtures/versions/deb.txt"),
    ),
    (
        Scheme::Rpm,
        include_str!("../../../tests/fixtures/versions/rpm.txt"),
    ),
    (
        Scheme::Apk,
        include_str!("../../../tests/fixtures/versions/apk.txt"),
    ),
    (
        Scheme::Semver,
        include_str!("../../../tests/fixtures/versions/semver.txt"),
    ),
    (
        Scheme::Npm,
        include_str!("../../../tests/fixtures/versions/npm.txt"),
    ),
    (
        Scheme::Pep440,
        include_str!("../../../tests/fixtures/versions/pep440.txt"),
    ),
    (
        Scheme::Maven,
        include_str!("../../../tests/fixtures/versions/maven.txt"),
    ),
    (
        Scheme::Go,
        include_str!("../../../tests/fixtures/versions/go.txt"),
    ),
    (
        Scheme::Gem,
        include_str!("../../../tests/fixtures/versions/gem.txt"),
    ),
];

#[test]
fn every_pair_of_a_table_is_ordered_as_the_tool_orders_it() {
    let mut wrong = Vec::new();
    for (scheme, table) in TABLES {
        let versions: Vec<(usize, &str)> = table
            .lines()
            .enumerate()
            .flat_map(|(line, text)| text.split(' ').map(move |version| (line, version)))
            .collect();
        let count = versions.len();
        assert!(
            count * (count - 1) / 2 >= 300,
            "{}: {count}",
            scheme.as_str()
        );
        for (place, one) in &versions {
            for (other_place, other) in &versions {
                let found = scheme.compare(one, other);
                if found != Some(place.cmp(other_place)) {
                    wrong.push(format!("{}: {one} {found:?} {other}", scheme.as_str()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_breaks_the_rules_has_no_order() {
    for (scheme, version) in [
        (Scheme::Deb, "1.0-"),
        (Scheme::Deb, "a:1"),
        (Scheme::Deb, "1.0 1"),
        (Scheme::Rpm, "1.0 1"),
        (Scheme::Apk, "1.0bc"),
        (Scheme::Apk, "1.0_foo"),
        (Scheme::Apk, "1.0-1"),
        (Scheme::Semver, "v1.0.0"),
        (Scheme::Semver, "1.0"),
        (Scheme::Npm, "1.0"),
        (Scheme::Pep440, "1.0-foo"),
        (Scheme::Go, "v1.2.3.4"),
        (Scheme::Go, "devel"),
        (Scheme::Gem, "1..0"),
        (Scheme::Gem, "a"),
    ] {
        assert_eq!(
            scheme.compare(version, version),
            None,
            "{} {version}",
            scheme.as_str()
        );
    }
    for ecosystem in ["nuget", "composer", "binary", "generic", "github", ""] {
        assert_eq!(order(ecosystem, "1.0", "1.1"), None, "{ecosystem}");
    }
    assert_eq!(order("deb", "1.0~rc1", "1.0"), Some(Ordering::Less));
    assert_eq!(order("golang", "go1.21rc2", "1.21.0"), Some(Ordering::Less));
    let long = "1".repeat(600);
    assert_eq!(order("deb", &long, &long), None);
}

fn versions() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9a-z.~^:_+-]{1,12}",
        "[0-9]{1,2}(\\.[0-9]{1,2}){0,3}(-?[a-z]{1,5}[0-9]?)?",
        "\\PC{0,12}"
    ]
}

proptest! {
    #[test]
    fn an_order_is_the_same_from_both_sides(one in versions(), other in versions()) {
        for scheme in Scheme::ALL {
            let there = scheme.compare(&one, &other);
            prop_assert_eq!(there, scheme.compare(&other, &one).map(Ordering::reverse), "{:?}", scheme);
            if let Some(same) = scheme.compare(&one, &one) {
                prop_assert_eq!(same, Ordering::Equal, "{:?}", scheme);
            }
        }
    }
}
