//! Tests of joining documents.

use proptest::prelude::*;

use super::*;
use crate::triage::testing::{digest, report};

fn claiming(scanner: &str, claim: SubjectClaim) -> Arc<Report> {
    let mut report = report(scanner, vec![]);
    report.origin.sha256 = Digest::of(format!("{scanner}{claim:?}").as_bytes());
    report.claim = SubjectClaim {
        is_image: true,
        ..claim
    };
    Arc::new(report)
}

fn named(name: &str) -> SubjectClaim {
    SubjectClaim {
        name: Some(name.into()),
        ..SubjectClaim::default()
    }
}

fn platform(architecture: &str) -> Option<Platform> {
    format!("linux/{architecture}").parse().ok()
}

fn rules(reports: &[Arc<Report>]) -> Vec<(JoinRule, Vec<(usize, JoinRule)>)> {
    subjects(reports, &[], &[], &[])
        .into_iter()
        .map(|subject| (subject.joined_by, subject.reports))
        .collect()
}

#[test]
fn the_strongest_rule_is_recorded() {
    let claims: [(JoinRule, SubjectClaim); 4] = [
        (
            JoinRule::DiffIds,
            SubjectClaim {
                diff_ids: vec![digest('1'), digest('2')],
                ..named("a:1")
            },
        ),
        (
            JoinRule::ManifestDigest,
            SubjectClaim {
                manifest_digest: Some(digest('a')),
                ..named("a:1")
            },
        ),
        (
            JoinRule::RepoDigest,
            SubjectClaim {
                repo_digests: vec![format!("a@{}", digest('b'))],
                ..named("a:1")
            },
        ),
        (
            JoinRule::ImageId,
            SubjectClaim {
                image_id: Some(digest('c')),
                ..named("a:1")
            },
        ),
    ];
    for (rule, claim) in claims {
        let reports = [claiming("trivy", claim.clone()), claiming("grype", claim)];
        assert_eq!(rules(&reports), [(rule, vec![(0, rule), (1, rule)])]);
    }
}

#[test]
fn another_image_id_is_no_obstacle_where_the_layers_are_equal() {
    let claim = |id| SubjectClaim {
        image_id: Some(digest(id)),
        diff_ids: vec![digest('1')],
        repo_digests: vec![format!("a@{}", digest('b'))],
        ..named("a:1")
    };
    let reports = [claiming("trivy", claim('c')), claiming("grype", claim('d'))];
    assert_eq!(rules(&reports).len(), 1);
}

#[test]
fn an_index_in_common_does_not_join_two_platforms() {
    let claim = |architecture, layer| SubjectClaim {
        platform: platform(architecture),
        diff_ids: vec![digest(layer)],
        repo_digests: vec![format!("a@{}", digest('b'))],
        ..named("a:1")
    };
    for (layer, other) in [('1', '2'), ('1', '1')] {
        let reports = [
            claiming("trivy", claim("amd64", layer)),
            claiming("grype", claim("arm64", other)),
        ];
        assert_eq!(rules(&reports).len(), 2);
    }
    // One that states the index alone could be about either.
    let unclear = SubjectClaim {
        repo_digests: vec![format!("a@{}", digest('b'))],
        ..named("a:1")
    };
    let reports = [
        claiming("trivy", claim("amd64", '1')),
        claiming("grype", claim("arm64", '2')),
        claiming("other", unclear),
    ];
    assert_eq!(rules(&reports).len(), 3);
}

#[test]
fn a_name_is_weak_and_never_beats_a_digest() {
    let known = SubjectClaim {
        diff_ids: vec![digest('1')],
        ..named("alpine:3.20")
    };
    let rebuilt = SubjectClaim {
        diff_ids: vec![digest('2')],
        ..named("alpine:3.20")
    };
    let bare = named("docker.io/library/alpine:3.20");
    let joined = rules(&[claiming("trivy", known.clone()), claiming("grype", bare)]);
    assert_eq!(
        joined,
        [(
            JoinRule::Name,
            vec![(0, JoinRule::None), (1, JoinRule::Name)]
        )]
    );
    assert_eq!(
        rules(&[claiming("trivy", known), claiming("grype", rebuilt)]).len(),
        2
    );
    let both = rules(&[
        claiming("trivy", named("a:1")),
        claiming("grype", named("a:1")),
    ]);
    assert_eq!(
        both,
        [(
            JoinRule::Name,
            vec![(0, JoinRule::Name), (1, JoinRule::Name)]
        )]
    );
}

#[test]
fn an_attached_report_is_asserted_and_adds_no_identity() {
    let image = claiming(
        "trivy",
        SubjectClaim {
            manifest_digest: Some(digest('a')),
            ..named("a:1")
        },
    );
    let dockerfile = claiming("config", named("Dockerfile"));
    let reports = [image, dockerfile];
    let joined = subjects(&reports, &[], &[], &[1]);
    assert_eq!(joined.len(), 1);
    assert_eq!(
        joined[0].reports,
        [(0, JoinRule::None), (1, JoinRule::Asserted)]
    );
    assert_eq!(joined[0].name, "a:1");
    assert_eq!(subjects(&reports, &[], &[], &[]).len(), 2);
}

#[test]
fn an_attached_report_joins_those_that_only_their_names_join() {
    let reports = [
        claiming("trivy", named("a:1")),
        claiming("grype", named("a:1")),
        claiming("tool", SubjectClaim::default()),
    ];
    let joined = subjects(&reports, &[], &[], &[2]);
    assert_eq!(joined.len(), 1);
    assert!(joined[0].reports.contains(&(2, JoinRule::Asserted)));
    assert_eq!(joined[0].name, "a:1");
    assert_eq!(subjects(&reports, &[], &[], &[]).len(), 2);
}

#[test]
fn a_known_image_seeds_its_subject() {
    let image = KnownImage {
        name: "registry.example/a:1".into(),
        manifest_digest: Some(digest('a')),
        index_digest: Some(digest('b')),
        image_id: Some(digest('c')),
        diff_ids: vec![digest('1')],
        platform: platform("amd64"),
    };
    let by_index = claiming(
        "trivy",
        SubjectClaim {
            repo_digests: vec![format!("a@{}", digest('b'))],
            platform: platform("amd64"),
            ..named("elsewhere:1")
        },
    );
    let stranger = claiming(
        "grype",
        SubjectClaim {
            diff_ids: vec![digest('9')],
            ..named("registry.example/a:1")
        },
    );
    let joined = subjects(&[stranger, by_index], &[], &[image], &[]);
    assert_eq!(joined.len(), 2);
    assert_eq!(joined[0].name, "registry.example/a:1");
    assert_eq!(joined[0].reports, [(1, JoinRule::RepoDigest)]);
    assert_eq!(joined[0].index_digest, Some(digest('b')));
    assert_eq!(joined[1].reports, [(0, JoinRule::None)]);
}

fn any_claim() -> impl Strategy<Value = SubjectClaim> {
    let some = |digits: &'static str| {
        let digits: Vec<char> = digits.chars().collect();
        prop::option::of(prop::sample::select(digits))
    };
    (
        some("12"),
        some("ab"),
        some("cd"),
        some("ef"),
        prop::option::of(prop::sample::select(vec!["amd64", "arm64"])),
        prop::sample::select(vec!["a:1", "a:2"]),
    )
        .prop_map(
            |(layer, manifest, repository, id, architecture, name)| SubjectClaim {
                diff_ids: layer.into_iter().map(digest).collect(),
                manifest_digest: manifest.map(digest),
                repo_digests: repository
                    .into_iter()
                    .map(|digit| format!("a@{}", digest(digit)))
                    .collect(),
                image_id: id.map(digest),
                platform: architecture.and_then(platform),
                ..named(name)
            },
        )
}

proptest! {
    #[test]
    fn the_order_of_documents_does_not_matter(
        claims in prop::collection::vec(any_claim(), 1..7),
        turn in 0_usize..7,
    ) {
        let scanners = ["s0", "s1", "s2", "s3", "s4", "s5", "s6"];
        let forth: Vec<Arc<Report>> = claims
            .iter()
            .zip(scanners)
            .map(|(claim, scanner)| claiming(scanner, claim.clone()))
            .collect();
        let mut back = forth.clone();
        back.reverse();
        back.rotate_left(turn % claims.len());
        let shape = |reports: &[Arc<Report>]| {
            let mut shape: Vec<_> = subjects(reports, &[], &[], &[])
                .into_iter()
                .map(|mut subject| {
                    let mut documents: Vec<_> = subject
                        .reports
                        .drain(..)
                        .map(|(position, rule)| (reports[position].scanner.clone(), rule))
                        .collect();
                    documents.sort();
                    (documents, subject)
                })
                .collect();
            shape.sort_by(|one, other| one.0.cmp(&other.0));
            shape
        };
        prop_assert_eq!(shape(&forth), shape(&back));
        let mut all: Vec<usize> = subjects(&forth, &[], &[], &[])
            .iter()
            .flat_map(|subject| subject.reports.iter().map(|(position, _)| *position))
            .collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..claims.len()).collect::<Vec<_>>());
    }
}
