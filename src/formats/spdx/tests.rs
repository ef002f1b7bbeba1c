//! What each part of an SPDX document becomes, in each of its forms.

use proptest::prelude::*;

use super::*;
use crate::formats::{Document as AnyDocument, FormatError, read as read_any};

const JSON: &str = include_str!("../../../tests/fixtures/spdx/image.spdx.json");
const TAG_VALUE: &str = include_str!("../../../tests/fixtures/spdx/image.spdx");
const LINKED: &str = include_str!("../../../tests/fixtures/spdx/image.spdx3.json");

fn load(text: &str) -> Result<Sbom, FormatError> {
    let documents = read_any("file", text.as_bytes().to_vec())?.documents;
    match <[AnyDocument; 1]>::try_from(documents).unwrap() {
        [AnyDocument::Sbom(sbom)] => Ok(sbom),
        [other] => panic!("{other:?}"),
    }
}

fn sbom(text: &str) -> Sbom {
    load(text).unwrap()
}

fn message(text: &str) -> String {
    load(text).unwrap_err().to_string()
}

fn digest(character: &str) -> String {
    format!("sha256:{}", character.repeat(64))
}

#[test]
fn packages_are_components() {
    let sbom = sbom(JSON);
    assert_eq!((sbom.spec_version.as_str(), sbom.losses.len()), ("2.3", 0));
    assert_eq!(
        (sbom.format, sbom.producer.as_deref()),
        (Format::SpdxJson, Some("trivy 0.65.0"))
    );
    let kinds: Vec<&str> = sbom.components.iter().map(|one| &*one.kind).collect();
    assert_eq!(kinds, ["container", "operating-system", "", "", ""]);
    let zlib = &sbom.components[2].package;
    assert_eq!(
        (zlib.version.as_str(), zlib.ecosystem.as_str()),
        ("1:1.2.13-1", "deb")
    );
    assert_eq!(zlib.source.as_deref(), Some("zlib"));
    assert_eq!(zlib.licenses, ["Zlib"]);
    assert_eq!(
        zlib.locations[0].layer.as_ref().unwrap().to_string(),
        digest("1")
    );
    let pad = &sbom.components[3].package;
    assert_eq!(pad.licenses, ["Odd licence"]);
    assert_eq!(pad.locations.len(), 1);
    assert_eq!(pad.locations[0].path, "srv/node_modules/pad/package.json");
    assert_eq!(
        pad.locations[0].layer.as_ref().unwrap().to_string(),
        digest("2")
    );
    let left = &sbom.components[4].package;
    assert_eq!((left.ecosystem.as_str(), left.licenses.len()), ("npm", 0));
    assert_eq!(left.locations[0].path, "srv/node_modules/left/package.json");
}

#[test]
fn relationships_are_turned_the_right_way_round() {
    let sbom = sbom(JSON);
    assert_eq!(sbom.roots, [0]);
    assert_eq!(sbom.depends_on, [vec![1], vec![2], vec![], vec![4], vec![]]);
    let described = JSON
        .replacen(
            "\"name\": \"reg",
            "\"documentDescribes\": [\"SPDXRef-Package-2\"], \"name\": \"reg",
            1,
        )
        .replacen("\"DESCRIBES\"", "\"DESCRIBED_BY\"", 1);
    assert_eq!(self::sbom(&described).roots, [3]);
}

#[test]
fn the_root_package_is_the_subject() {
    let claim = sbom(JSON).claim;
    assert_eq!(claim.name.as_deref(), Some("registry.test/shop:1.4"));
    assert!(claim.is_image && claim.manifest_digest.is_none());
    assert_eq!(claim.image_id.unwrap().to_string(), digest("c"));
    assert_eq!(
        claim.repo_digests,
        [format!("registry.test/shop@{}", digest("b"))]
    );
    assert_eq!(claim.tags, ["registry.test/shop:1.4"]);
    assert_eq!(claim.diff_ids.len(), 2);
    assert_eq!(claim.platform.unwrap().to_string(), "linux/arm64");
    assert_eq!(claim.os.as_deref(), Some("debian 12.5"));
}

/// Without an image ID the root's digest is the manifest's, but for an index.
#[test]
fn a_digest_is_the_manifests_or_the_indexs() {
    let plain = JSON.replacen("ImageID: ", "Other: ", 1);
    let claim = sbom(&plain).claim;
    assert_eq!(claim.manifest_digest.unwrap().to_string(), digest("b"));
    let index = plain.replacen(
        "?arch",
        "?mediaType=application%2Fvnd.oci.image.index.v1%2Bjson&arch",
        1,
    );
    let claim = sbom(&index).claim;
    assert_eq!(claim.manifest_digest, None);
    assert_eq!(claim.repo_digests.len(), 1);
    let checksum = format!(
        "\"checksums\": [{{\"algorithm\": \"SHA256\", \"checksumValue\": \"{}\"}}], \"externalRefs\": []}}, {{\"name\": \"x\", \"SPDXID\": \"x\", \"a\": [{{",
        "e".repeat(64)
    );
    let by_checksum = plain.replacen("\"externalRefs\": [{", &checksum, 1);
    let claim = sbom(&by_checksum).claim;
    assert_eq!(claim.manifest_digest.unwrap().to_string(), digest("e"));
}

/// Before there was a root package, the namespace said what the name means.
#[test]
fn old_documents_of_syft_name_an_image() {
    let name = format!("web@{}", digest("a"));
    let old = |kind: &str| {
        let text = format!(
            "{{\"spdxVersion\": \"SPDX-2.2\", \"name\": \"{name}\", \
             \"documentNamespace\": \"https://anchore.com/syft/{kind}/web-1\", \
             \"creationInfo\": {{\"creators\": [\"Tool: syft-0.64.0\"]}}, \"packages\": [{{\"name\": \"a\", \"SPDXID\": \"a\", \
             \"sourceInfo\": \"acquired package info from APK DB: /lib/apk/db/installed, /b\"}}]}}"
        );
        sbom(&text)
    };
    let image = old("image");
    assert_eq!(
        (image.claim.is_image, &*image.claim.repo_digests[0]),
        (true, &*name)
    );
    let paths: Vec<&str> = image.components[0]
        .package
        .locations
        .iter()
        .map(|it| &*it.path)
        .collect();
    assert_eq!(paths, ["/lib/apk/db/installed", "/b"]);
    assert!(!old("dir").claim.is_image && old("dir").claim.repo_digests.is_empty());
}

#[test]
fn tag_value_says_the_same() {
    let sbom = sbom(TAG_VALUE);
    assert_eq!((sbom.format, sbom.losses.len()), (Format::SpdxTagValue, 0));
    assert_eq!(
        (sbom.spec_version.as_str(), sbom.producer.as_deref()),
        ("2.3", Some("trivy 0.65.0"))
    );
    let json = self::sbom(JSON);
    assert_eq!(sbom.components[..3], json.components[..3]);
    assert_eq!(
        (sbom.roots, &sbom.depends_on[..3]),
        (json.roots, &json.depends_on[..3])
    );
    assert_eq!(sbom.components[3].package.licenses, ["Odd licence"]);
    assert_eq!(
        sbom.components[3].package.locations[0].path,
        "./srv/node_modules/pad/package.json"
    );
    assert_eq!(sbom.claim.image_id, json.claim.image_id);
    assert_eq!(sbom.claim.repo_digests, json.claim.repo_digests);
    let windows = self::sbom(&TAG_VALUE.replace('\n', "\r\n"));
    assert_eq!(windows.components, sbom.components);
    let logged = self::sbom(&format!("pulling\n\n{TAG_VALUE}"));
    assert_eq!(
        (logged.components, logged.origin.skipped_bytes),
        (sbom.components, 9)
    );
}

#[test]
fn a_damaged_line_is_named() {
    for (from, to, expected) in [
        (
            "PackageVersion: 12.5",
            "PackageVersion 12.5",
            "line 28, column 1",
        ),
        (
            "PackageVersion: 12.5",
            "PackageVersion: 1\nPackageVersion: 2",
            "`versionInfo` is given twice",
        ),
        ("</text>", "", "is cut off"),
        (
            "</text>\n",
            "</text>\nPackageName: late\nSPDXID: x\n",
            "is cut off",
        ),
    ] {
        let (before, after) = TAG_VALUE.split_at(TAG_VALUE.rfind(from).unwrap());
        let text = format!("{before}{}", after.replacen(from, to, 1));
        let message = message(&text);
        assert!(message.contains(expected), "{to}: {message}");
    }
    // One generator has no colon here.
    let bare = sbom(&TAG_VALUE.replace("Relationship: ", "Relationship "));
    assert_eq!(bare.roots, [0]);
}

/// The form has no mark at its end: a cut between two entries is the one that cannot be seen.
#[test]
fn tag_value_cut_anywhere_else_is_refused() {
    let whole = sbom(TAG_VALUE).components.len();
    for (end, _) in TAG_VALUE.char_indices().skip(1) {
        let (kept, _) = TAG_VALUE.split_at(end);
        let Ok(sbom) = load(kept) else { continue };
        let lost: u64 = sbom.losses.iter().map(|loss| loss.records).sum();
        assert!(
            kept.ends_with('\n') || kept.ends_with("</text>"),
            "cut at {end}"
        );
        assert!(sbom.components.len() <= whole && lost == 0);
    }
}

#[test]
fn linked_data_says_the_same() {
    let sbom = sbom(LINKED);
    assert_eq!((sbom.format, sbom.losses.len()), (Format::Spdx3Json, 0));
    assert_eq!(
        (sbom.spec_version.as_str(), sbom.producer.as_deref()),
        ("3.0.1", Some("boms 1.2.0"))
    );
    let names: Vec<&str> = sbom
        .components
        .iter()
        .map(|one| &*one.package.name)
        .collect();
    assert_eq!(names, ["registry.test/shop", "@scope/pad", "model"]);
    assert_eq!(
        (sbom.roots, sbom.depends_on),
        (vec![0], vec![vec![1], vec![2], vec![]])
    );
    let pad = &sbom.components[1].package;
    assert_eq!(
        (pad.ecosystem.as_str(), pad.licenses.as_slice()),
        ("npm", ["MIT".to_owned()].as_slice())
    );
    assert_eq!(sbom.components[2].package.licenses, ["ISC"]);
    assert_eq!(sbom.claim.manifest_digest.unwrap().to_string(), digest("d"));
    assert_eq!(
        sbom.claim.repo_digests,
        [format!("registry.test/shop@{}", digest("d"))]
    );
    assert!(sbom.claim.is_image);
}

#[test]
fn damage_is_counted() {
    for (text, from, to, place, count) in [
        (JSON, "\"name\": \"left\"", "\"name\": {}", "packages[4]", 4),
        (JSON, "\"name\": \"left\", ", "", "packages[4]", 4),
        (
            JSON,
            "\"SPDXID\": \"SPDXRef-Package-3\", ",
            "",
            "packages[4]",
            4,
        ),
        (
            JSON,
            "\"packages\": [",
            "\"packages\": [null,",
            "packages[0]",
            5,
        ),
        (
            JSON,
            "\"creators\": [",
            "\"creators\": [{},",
            "creationInfo",
            5,
        ),
        (
            JSON,
            "\"relationships\": [",
            "\"relationships\": [3,",
            "relationships[0]",
            5,
        ),
        (JSON, "\"files\": [", "\"files\": 3, \"x\": [", "files", 5),
        (
            LINKED,
            "\"name\": \"model\"",
            "\"name\": []",
            "@graph[6]",
            2,
        ),
        (LINKED, "\"name\": \"model\", ", "", "@graph[6]", 2),
    ] {
        assert!(text.contains(from), "{from}");
        let sbom = sbom(&text.replacen(from, to, 1));
        assert_eq!(sbom.losses.len(), 1, "{to}: {:?}", sbom.losses);
        assert_eq!(
            (sbom.losses[0].place.as_str(), sbom.components.len()),
            (place, count)
        );
    }
}

#[test]
fn newer_versions_are_read_with_a_notice() {
    for (text, from, to) in [
        (JSON, "SPDX-2.3", "SPDX-2.9"),
        (TAG_VALUE, "SPDX-2.3", "SPDX-2.9"),
        (LINKED, "\"3.0.1\"", "\"3.1\""),
    ] {
        let sbom = sbom(&text.replacen(from, to, 1));
        assert!(!sbom.components.is_empty());
        assert!(
            sbom.notices.join("\n").contains("is newer than"),
            "{:?}",
            sbom.notices
        );
    }
    let none = sbom("{\"spdxVersion\": \"SPDX-2.3\", \"packages\": null}");
    assert!(none.notices.join("\n").contains("lists no component"));
}

#[test]
fn a_tools_version_is_set_apart() {
    for (tool, expected) in [
        ("syft-1.18.1", "syft 1.18.1"),
        ("trivy-dev", "trivy dev"),
        ("trivy", "trivy"),
        ("tern-b8e13d1780cd", "tern-b8e13d1780cd"),
        ("Microsoft.SBOMTool-2.1.18", "Microsoft.SBOMTool 2.1.18"),
        ("syft-v0.42.0-bogus", "syft v0.42.0-bogus"),
        ("sigs.k8s.io/bom/pkg/spdx", "sigs.k8s.io/bom/pkg/spdx"),
    ] {
        assert_eq!(wire::producer(tool), expected);
    }
}

proptest! {
    #[test]
    fn any_lines_never_panic(lines in proptest::collection::vec(
        "(PackageName|SPDXID|ExternalRef|Relationship|PackageChecksum|FileName|Annotator|SPDXREF|)(:| |: <text>)[a-zA-Z0-9 :</>-]{0,20}", 0..12)) {
        let text = format!("SPDXVersion: SPDX-2.3\n{}\n", lines.join("\n"));
        if let Ok(sbom) = load(&text) {
            prop_assert_eq!(sbom.format, Format::SpdxTagValue);
        }
    }
}
