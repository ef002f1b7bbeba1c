//! Tests of the difference of two SBOMs.

use proptest::prelude::*;

use super::*;
use crate::model::{Encoding, Format, Location, Origin, SubjectClaim};
use crate::triage::testing::digest;

/// A package as a document writes it: purl, layer.
fn sbom(packages: &[(&str, Option<char>)]) -> Sbom {
    let component = |(text, layer): &(&str, Option<char>)| {
        let purl: Purl = text.parse().unwrap();
        let name = match &purl.namespace {
            Some(namespace) if !matches!(&*purl.kind, "deb" | "maven") => {
                format!("{namespace}/{}", purl.name)
            }
            _ => purl.name.to_string(),
        };
        Component {
            package: Package {
                name,
                version: purl.version.as_deref().unwrap_or_default().to_owned(),
                ecosystem: purl.kind.to_string(),
                purl: Some(purl),
                locations: layer
                    .map(|layer| Location {
                        path: "a".into(),
                        layer: Some(digest(layer)),
                    })
                    .into_iter()
                    .collect(),
                ..Package::default()
            },
            ..Component::default()
        }
    };
    Sbom {
        origin: Origin {
            path: "sbom.json".into(),
            sha256: digest('5'),
            size: 0,
            encoding: Encoding::Utf8,
            skipped_bytes: 0,
        },
        format: Format::CyclonedxJson,
        spec_version: "1.6".into(),
        producer: None,
        claim: SubjectClaim::default(),
        components: packages.iter().map(component).collect(),
        depends_on: Vec::new(),
        roots: Vec::new(),
        losses: Vec::new(),
        notices: Vec::new(),
    }
}

fn numbers(_: &str, one: &str, other: &str) -> Option<Ordering> {
    let number = |text: &str| text.parse::<u32>().ok();
    Some(number(one)?.cmp(&number(other)?))
}

fn compare(before: &[&str], after: &[&str]) -> ComponentDifference {
    let side = |list: &[&str]| sbom(&list.iter().map(|one| (*one, None)).collect::<Vec<_>>());
    difference(&side(before), &side(after), numbers)
}

#[test]
fn packages_come_go_and_change() {
    let found = compare(
        &[
            "pkg:npm/gone@1",
            "pkg:npm/kept@1",
            "pkg:npm/kept@1",
            "pkg:npm/moved@1",
        ],
        &[
            "pkg:npm/kept@1",
            "pkg:npm/moved@2",
            "pkg:npm/new@1",
            "pkg:oci/image@1",
        ],
    );
    assert_eq!(found.removed[0].name, "gone");
    assert_eq!(found.added[0].name, "new");
    assert_eq!(
        (found.added.len(), found.removed.len(), found.common),
        (1, 1, 1)
    );
    assert_eq!(found.left_out, [0, 1]);
    let changed = Changed {
        name: "moved".into(),
        ecosystem: "npm".into(),
        from: vec!["1".into()],
        to: vec!["2".into()],
        direction: Direction::Up,
    };
    assert_eq!(found.changed, [changed]);
    assert!(found.differs());
}

#[test]
fn several_versions_are_never_paired_by_guess() {
    for (from, to, direction) in [
        (&["1"][..], &["2"][..], Direction::Up),
        (&["2"], &["1"], Direction::Down),
        (&["1", "3"], &["3", "4"], Direction::Up),
        (&["2"], &["1", "3"], Direction::Mixed),
        (&["1", "2"], &["1"], Direction::Mixed),
        (&["1"], &["x"], Direction::Unordered),
    ] {
        let purls = |versions: &[&str]| -> Vec<String> {
            let purl = |version: &&str| format!("pkg:npm/a@{version}");
            versions.iter().map(purl).collect()
        };
        let (old, new) = (purls(from), purls(to));
        let texts = |list: &[String]| -> Vec<(String, Option<char>)> {
            list.iter().map(|one| (one.clone(), None)).collect()
        };
        let (old, new) = (texts(&old), texts(&new));
        let borrow = |list: &[(String, Option<char>)]| {
            let list: Vec<_> = list
                .iter()
                .map(|(one, layer)| (one.as_str(), *layer))
                .collect();
            sbom(&list)
        };
        let found = difference(&borrow(&old), &borrow(&new), numbers);
        assert_eq!(found.changed[0].direction, direction, "{from:?} {to:?}");
        assert_eq!(
            (found.changed[0].from.len(), found.changed[0].to.len()),
            (from.len(), to.len())
        );
    }
}

#[test]
fn a_layer_that_is_built_anew_moves_nothing() {
    let side = |layers: &[(&'static str, char)]| {
        let list: Vec<_> = layers
            .iter()
            .map(|(one, layer)| (*one, Some(*layer)))
            .collect();
        sbom(&list)
    };
    let before = side(&[("pkg:npm/a@1", 'a'), ("pkg:npm/b@1", 'b')]);
    let rebuilt = side(&[("pkg:npm/a@1", 'a'), ("pkg:npm/b@1", 'c')]);
    assert!(!difference(&before, &rebuilt, numbers).differs());
    let moved = side(&[
        ("pkg:npm/a@1", 'a'),
        ("pkg:npm/b@1", 'a'),
        ("pkg:npm/c@1", 'b'),
    ]);
    assert_eq!(difference(&before, &moved, numbers).moved[0].name, "b");
}

#[test]
fn a_group_that_one_side_does_not_know_parts_nothing_unless_it_chooses() {
    let found = compare(&["pkg:maven/a@1"], &["pkg:maven/org.example/a@1"]);
    assert_eq!((found.common, found.differs()), (1, false));
    let found = compare(
        &["pkg:maven/a@1"],
        &["pkg:maven/org.example/a@1", "pkg:maven/org.other/a@1"],
    );
    assert_eq!((found.removed.len(), found.added.len()), (1, 2));
}

#[test]
fn a_licence_is_the_same_however_it_is_written() {
    let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let same = |here: &[&str], there: &[&str]| {
        let answers = [
            agree(&set(here), &set(there)),
            agree(&set(there), &set(here)),
        ];
        assert_eq!(answers[0], answers[1]);
        answers[0]
    };
    for (here, there) in [
        (&["MIT", "GPL-2.0"][..], &["GPL-2.0-only AND MIT"][..]),
        (&["GPL-2+"], &["GPL-2.0-or-later"]),
        (
            &["LGPLv3+_or_GPLv2+", "MIT"],
            &["LicenseRef-LGPLv3--or-GPLv2- AND MIT"],
        ),
        (&["GFDL-NIV-1.3+"], &["LicenseRef-GFDL-NIV-1.3-"]),
        (
            &["ISC+IBM", "Apache 2.0"],
            &["LicenseRef-ISC-IBM AND LicenseRef-Apache-2.0"],
        ),
        (
            &["GPL-3+ with Bison exception"],
            &["(GPL-3.0-or-later WITH Bison-exception)"],
        ),
    ] {
        assert!(same(here, there), "{here:?} {there:?}");
    }
    for (here, there) in [
        ("GPL-2.0-only", "GPL-2.0-or-later"),
        ("GPL-2.0", "LGPL-2.0"),
        ("MIT", "MIT-0"),
    ] {
        assert!(!same(&[here], &[there]), "{here} {there}");
    }
}

proptest! {
    /// Nothing appears from nowhere, and turned round the answer is turned round.
    #[test]
    fn turned_round_it_is_the_same(
        before in prop::collection::vec((0_u8..6, 0_u8..4), 0..12),
        after in prop::collection::vec((0_u8..6, 0_u8..4), 0..12),
    ) {
        let text = |list: &[(u8, u8)]| -> Vec<String> {
            list.iter().map(|(name, version)| format!("pkg:npm/p{name}@{version}")).collect()
        };
        let (old, new) = (text(&before), text(&after));
        let (old, new): (Vec<&str>, Vec<&str>) =
            (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
        let (there, back) = (compare(&old, &new), compare(&new, &old));
        prop_assert_eq!(&there.added, &back.removed);
        prop_assert_eq!(&there.removed, &back.added);
        prop_assert_eq!(there.common, back.common);
        for (one, other) in there.changed.iter().zip(&back.changed) {
            prop_assert_eq!(&one.from, &other.to);
        }
        let distinct: BTreeSet<_> = before.iter().collect();
        let names: BTreeSet<u8> = after.iter().map(|(name, _)| *name).collect();
        let gone = distinct.iter().filter(|(name, _)| !names.contains(name)).count();
        prop_assert_eq!(there.removed.len(), gone);
        prop_assert!(!compare(&old, &old).differs());
    }
}
