//! What each part of Syft's JSON becomes, in old schemas and new ones.

use super::*;
use crate::formats::{Document as AnyDocument, read as read_any};

const IMAGE: &str = include_str!("../../../tests/fixtures/syft/image.json");

fn sbom(text: &str) -> Sbom {
    match read_any("file", text.as_bytes().to_vec())
        .unwrap()
        .documents
        .remove(0)
    {
        AnyDocument::Sbom(sbom) => sbom,
        other => panic!("{other:?}"),
    }
}

#[test]
fn artifacts_are_components() {
    let sbom = sbom(IMAGE);
    assert_eq!((sbom.format, sbom.losses.len()), (Format::SyftJson, 0));
    assert_eq!(
        (sbom.spec_version.as_str(), sbom.producer.as_deref()),
        ("16.0.18", Some("syft 1.18.1"))
    );
    let zlib = &sbom.components[0].package;
    assert_eq!(
        (zlib.version.as_str(), zlib.ecosystem.as_str()),
        ("1:1.2.13-1", "deb")
    );
    assert_eq!(
        (zlib.source.as_deref(), zlib.locations.len()),
        (Some("zlib"), 1)
    );
    assert!(zlib.locations[0].layer.is_some());
    assert_eq!(zlib.licenses, ["Zlib", "Public Domain"]);
    assert_eq!(sbom.components[1].package.licenses, ["curl"]);
    assert_eq!(sbom.components[2].package.ecosystem, "binary");
    assert_eq!(sbom.roots, [1, 2]);
    assert_eq!(sbom.depends_on, [vec![], vec![0], vec![]]);
    assert!(
        sbom.notices
            .join("\n")
            .contains("1 dependencies name a component")
    );
}

#[test]
fn the_source_is_the_subject() {
    let claim = sbom(IMAGE).claim;
    assert_eq!(claim.name.as_deref(), Some("registry.test/shop:1.4"));
    assert!(claim.is_image && claim.image_id.is_some() && claim.manifest_digest.is_some());
    assert_eq!(
        (
            claim.diff_ids.len(),
            claim.repo_digests.len(),
            claim.tags.len()
        ),
        (2, 1, 1)
    );
    assert_eq!(claim.platform.unwrap().to_string(), "linux/arm64/v8");
    assert_eq!(claim.os.as_deref(), Some("debian 12"));
    // One layer that is no digest: the list says nothing.
    let odd = sbom(&IMAGE.replacen(
        &format!("\"sha256:{}\", \"size\": 20", "2".repeat(64)),
        "\"odd\"",
        1,
    ));
    assert!(odd.claim.diff_ids.is_empty());
}

#[test]
fn old_schemas_have_their_target_elsewhere() {
    let old = IMAGE.replacen(
        "\"metadata\": {\n      \"userInput\"",
        "\"target\": {\n      \"userInput\"",
        1,
    );
    assert_ne!(old, IMAGE);
    assert_eq!(sbom(&old).claim, sbom(IMAGE).claim);
    let folder = sbom(
        "{\"artifacts\": [], \"source\": {\"type\": \"directory\", \"target\": \"./app\"}, \
         \"distro\": {\"name\": \"alpine\", \"version\": \"3.14.2\", \"idLike\": \"\"}, \"schema\": {\"version\": \"1.1.0\"}}",
    );
    assert_eq!(
        (folder.claim.name.as_deref(), folder.claim.is_image),
        (Some("./app"), false)
    );
    assert_eq!(folder.claim.os.as_deref(), Some("alpine 3.14.2"));
    assert!(folder.notices.join("\n").contains("lists no component"));
}

#[test]
fn damage_is_counted() {
    for (from, to, place, count) in [
        ("\"name\": \"curl\"", "\"name\": {}", "artifacts[1]", 2),
        ("\"name\": \"curl\", ", "", "artifacts[1]", 2),
        (
            "\"artifacts\": [",
            "\"artifacts\": [null,",
            "artifacts[0]",
            3,
        ),
        (
            "{\"parent\": \"source\", \"child\": \"a2\"",
            "{\"parent\": []",
            "artifactRelationships[0]",
            3,
        ),
        (
            "\"version\": \"1.4\", \"type\"",
            "\"type\": [], \"x\"",
            "source",
            3,
        ),
        ("\"artifacts\"", "\"artifacts\": 3, \"x\"", "artifacts", 0),
    ] {
        assert!(IMAGE.contains(from), "{from}");
        let sbom = sbom(&IMAGE.replacen(from, to, 1));
        assert_eq!(sbom.losses.len(), 1, "{to}: {:?}", sbom.losses);
        assert_eq!(
            (sbom.losses[0].place.as_str(), sbom.components.len()),
            (place, count)
        );
    }
}

#[test]
fn newer_schemas_are_read_with_a_notice() {
    let newer = sbom(&IMAGE.replacen("\"16.0.18\"", "\"17.1.0\"", 1));
    assert!(
        newer.notices.join("\n").contains("is newer than 16"),
        "{:?}",
        newer.notices
    );
    let minor = sbom(&IMAGE.replacen("\"16.0.18\"", "\"16.9.0\"", 1));
    assert!(!minor.notices.join("\n").contains("newer"));
}
