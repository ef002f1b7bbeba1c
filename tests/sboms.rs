//! Every SBOM of the shared corpus, held against independently counted components.
//!
//! The corpus is not part of this repository; without it the tests say so and pass.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::judges::corpus;

use countersign::error::Explain as _;
use countersign::formats::{Document, FormatError, Loaded, read};
use countersign::model::{Format, Package, PackageIdentity, Sbom};
use countersign::triage::subject::subjects;

/// Documents in wrappers, which the manifest did not count: components of each.
const WRAPPED: [(&str, &[usize]); 9] = [
    ("grype__grype__alpine.cdx.att.json", &[15]),
    ("wrap__cosign-custom-predicate-Data-obj.dsse.json", &[54]),
    ("wrap__cosign-cyclonedx-predicate-object.dsse.json", &[53]),
    (
        "wrap__cosign-spdx-predicate-string-tagvalue.dsse.json",
        &[54],
    ),
    ("wrap__cosign-spdxjson-predicate-object.dsse.json", &[54]),
    (
        "wrap__cosign-v1-legacy-predicate-Data.spdx.dsse.json",
        &[54],
    ),
    ("wrap__cyclonedx-Data-object.dsse.json", &[53]),
    (
        "wrap__download-attestation-ndjson.jsonl",
        &[54, 54, 54, 54, 53],
    ),
    ("wrap__sigstore-bundle-v0.3.json", &[53]),
];

/// Files that are no SBOM or damaged, and words of the refusal.
const REFUSED: [(&str, &str); 7] = [
    (
        "apko__cli__base_image__sboms__sbom-x86_64.spdx.json",
        "is damaged at line 147, column 3 (byte 5527)",
    ),
    (
        "cosign__cosign__oci-attestation.sigstore.json",
        "JSON of no known kind: an object with the keys `foo`",
    ),
    // Its `bomFormat` is not `CycloneDX`: invalid on purpose.
    (
        "guac__testing__exampledata__invalid-cyclonedx.json",
        "JSON of no known kind",
    ),
    // Where something came from, not what is in it.
    (
        "guac__testing__exampledata__oci-dsse-att.json",
        "an object with the keys `builder`, `buildType`",
    ),
    (
        "trivy__attestation__attestation.json",
        "is not JSON: it looks like text that begins with `foo`",
    ),
    ("trivy-db-mini/db/metadata.json", "JSON of no known kind"),
    ("trivy-db-mini/db/trivy.db", "is not valid UTF-8"),
];

/// Files that the manifest could not count: components, entries that are lost, and why it is so.
const ODD: [(&str, usize, usize, &str); 3] = [
    (
        "guac__testing__exampledata__invalid-spdx-identifier-spdx.json",
        0,
        3,
        "packages have no name: a partly read document",
    ),
    (
        "syft__syft__spdxjson__spdx__bad__example7-third-party-modules.spdx.json",
        0,
        3,
        "packages have no name: a partly read document",
    ),
    (
        "wild__spdx__powershell-2.2.6.spdx.json",
        97,
        0,
        "the document is whole, a page's footer follows it",
    ),
];

fn root() -> Option<PathBuf> {
    corpus().map(|root| root.join("sbom"))
}

fn load(root: &Path, name: &str) -> Result<Loaded, FormatError> {
    read(name, std::fs::read(root.join(name)).unwrap())
}

/// The one SBOM of a file.
fn sbom(root: &Path, name: &str) -> Sbom {
    let sboms = load(root, name).unwrap().documents.into_iter();
    let mut sboms = sboms.filter_map(|document| match document {
        Document::Sbom(sbom) => Some(sbom),
        Document::Report(_) | Document::Exemptions(_) => None,
    });
    sboms.next().unwrap()
}

fn lost(sbom: &Sbom) -> usize {
    let lost: u64 = sbom.losses.iter().map(|loss| loss.records).sum();
    usize::try_from(lost).unwrap()
}

/// The manifest's name for what a document is.
fn named(sbom: &Sbom) -> String {
    let kind = match sbom.format {
        Format::CyclonedxJson => "CycloneDX-JSON",
        Format::CyclonedxXml => "CycloneDX-XML",
        Format::SpdxJson => "SPDX-JSON",
        Format::SpdxTagValue => "SPDX-tag-value",
        Format::Spdx3Json => return "SPDX-3.0 JSON-LD".to_owned(),
        Format::SyftJson => "Syft-JSON",
        other => return other.as_str().to_owned(),
    };
    format!("{kind} {}", sbom.spec_version)
}

fn rows(root: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root.join("MANIFEST.tsv")).unwrap();
    text.lines()
        .skip(1)
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

#[test]
fn components_have_the_counts_of_the_manifest() {
    let Some(root) = root() else { return };
    let (mut files, mut wrong) = (0, Vec::new());
    let mut refused: BTreeMap<&str, &str> = REFUSED.into_iter().collect();
    let wrapped: BTreeMap<&str, &[usize]> = WRAPPED.into_iter().collect();
    for row in rows(&root) {
        files += 1;
        let (name, format) = (row[0].as_str(), row[1].as_str());
        let counted: Option<usize> = row[4].trim().parse().ok();
        let loaded = match load(&root, name) {
            Ok(loaded) => loaded,
            Err(error) => {
                let message = error.to_string();
                assert!(message.contains(name), "{message}");
                assert!(!error.hints().is_empty(), "{message}");
                match refused.remove(name) {
                    Some(words) if message.contains(words) => {}
                    _ => wrong.push(message),
                }
                continue;
            }
        };
        let odd = ODD.iter().find(|(file, ..)| *file == name);
        let is_plain = !wrapped.contains_key(name) && !format.starts_with("in-toto");
        let (mut counts, mut unread) = (Vec::new(), 0);
        for document in &loaded.documents {
            match document {
                Document::Sbom(sbom) => {
                    assert_eq!(sbom.depends_on.len(), sbom.components.len());
                    counts.push(sbom.components.len());
                    unread += lost(sbom);
                    if is_plain && odd.is_none() && named(sbom) != format {
                        wrong.push(format!("{name}: is {}, not {format}", named(sbom)));
                    }
                }
                Document::Report(report) => {
                    counts.extend(report.packages.as_ref().map(Vec::len));
                }
                Document::Exemptions(document) => {
                    assert!(document.losses.is_empty(), "{name}");
                }
            }
        }
        let expected = match (odd, wrapped.get(name)) {
            (Some((_, count, ..)), _) => vec![*count],
            (None, Some(list)) => list.to_vec(),
            (None, None) => counted
                .filter(|count| *count > 0 || !counts.is_empty())
                .into_iter()
                .collect(),
        };
        if counts != expected || unread != odd.map_or(0, |(_, _, unread, _)| *unread) {
            wrong.push(format!(
                "{name}: {counts:?} components, {unread} lost, expected {expected:?}"
            ));
        }
    }
    wrong.extend(refused.keys().map(|name| format!("{name}: is read")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(files, 203);
}

fn identities(sbom: &Sbom) -> BTreeSet<PackageIdentity> {
    let packages = sbom.components.iter().map(|component| &component.package);
    packages
        .filter(|package| {
            package
                .purl
                .as_ref()
                .is_some_and(|purl| &*purl.kind != "oci")
        })
        .map(Package::identity)
        .collect()
}

/// One image, two tools: with identities compared, only what one tool alone lists is left.
#[test]
fn two_tools_name_the_same_packages() {
    let Some(root) = root() else { return };
    for (syft, trivy) in [
        ("gen__app2.syft.cdx16.json", "gen__app2.trivy44.cdx15.json"),
        ("gen__app2.syft.json", "gen__app2.trivy44.spdx23.tv"),
        (
            "gen__app2.syft.spdx23.json",
            "gen__app2.trivy44.spdx23.json",
        ),
    ] {
        let (syft, trivy) = (
            identities(&sbom(&root, syft)),
            identities(&sbom(&root, trivy)),
        );
        let only_syft: Vec<_> = syft.difference(&trivy).map(|one| &one.name).collect();
        let only_trivy: Vec<_> = trivy.difference(&syft).collect();
        assert_eq!(only_syft, ["github.com/anchore/syft", "stdlib"]);
        assert!(only_trivy.is_empty(), "{only_trivy:?}");
        assert_eq!(syft.intersection(&trivy).count(), 345);
    }
}

/// One tool, several formats: nothing differs but the package that stands for the image.
#[test]
fn formats_of_one_tool_agree() {
    let Some(root) = root() else { return };
    for names in [
        &[
            "gen__app2.syft.json",
            "gen__app2.syft.cdx16.json",
            "gen__app2.syft.spdx23.json",
        ][..],
        &[
            "gen__app2.trivy44.cdx15.json",
            "gen__app2.trivy44.spdx23.json",
            "gen__app2.trivy44.spdx23.tv",
        ],
        &[
            "gen__optdir.syft.json",
            "gen__optdir.syft.cdx16.json",
            "gen__optdir.syft.spdx23.json",
        ],
        &[
            "gen__srvdir.syft.json",
            "gen__srvdir.syft.cdx12.json",
            "gen__srvdir.syft.cdx13.json",
            "gen__srvdir.syft.cdx14.json",
            "gen__srvdir.syft.cdx16.json",
            "gen__srvdir.syft.cdx16.xml",
            "gen__srvdir.syft.spdx21.tv",
            "gen__srvdir.syft.spdx22.json",
            "gen__srvdir.syft.spdx23.json",
            "gen__srvdir.syft.spdx23.tv",
        ],
    ] {
        let first = identities(&sbom(&root, names[0]));
        assert!(first.len() >= 12);
        for name in names {
            let other = identities(&sbom(&root, name));
            let apart: Vec<_> = first.symmetric_difference(&other).collect();
            assert!(apart.is_empty(), "{name}: {apart:?}");
        }
    }
}

/// Digests, image ID and layers are found in every format, whoever wrote it.
#[test]
fn documents_about_one_image_are_one_subject() {
    let Some(root) = root() else { return };
    let names = [
        "gen__app2.syft.cdx16.json",
        "gen__app2.syft.json",
        "gen__app2.syft.spdx23.json",
        "gen__app2.trivy44.cdx15.json",
        "gen__app2.trivy44.spdx23.json",
        "gen__app2.trivy44.spdx23.tv",
    ];
    let sboms: Vec<Arc<Sbom>> = names.map(|name| Arc::new(sbom(&root, name))).into();
    let subjects = subjects(&[], &sboms, &[], &[]);
    let [subject] = subjects.as_slice() else {
        panic!("{subjects:?}");
    };
    assert_eq!(subject.sboms.len(), names.len());
    assert!(subject.joined_by.is_identity(), "{:?}", subject.joined_by);
    assert_eq!(subject.diff_ids.len(), 4);
    for name in ["spdx-bom", "spdx-syft", "spdx-trivy"] {
        let image =
            "airbyte_init-sha256_daa91fe6b592410cf504468d071d3f070158832af2d4f3ad18b10919ee626b8a";
        let claim = sbom(&root, &format!("lab__{name}-{image}.json")).claim;
        let digest = image.rsplit('_').next().unwrap();
        let stated = claim.manifest_digest.iter().map(|it| it.hex().to_owned());
        let mut stated = stated.chain(claim.repo_digests);
        assert!(
            claim.is_image && stated.any(|text| text.ends_with(digest)),
            "{name}"
        );
    }
}

/// Components read and entries lost, of all SBOMs of a file.
fn measure(loaded: &Loaded) -> (usize, usize) {
    let sboms = loaded
        .documents
        .iter()
        .filter_map(|document| match document {
            Document::Sbom(sbom) => Some(sbom),
            Document::Report(_) | Document::Exemptions(_) => None,
        });
    sboms.fold((0, 0), |sum, sbom| {
        (sum.0 + sbom.components.len(), sum.1 + sbom.losses.len())
    })
}

/// Tag-value has no mark at its end, so that a cut between two lines is the one that may pass.
#[test]
fn a_cut_document_is_never_whole() {
    let Some(root) = root() else { return };
    let mut cuts = 0;
    for row in rows(&root) {
        let name = row[0].as_str();
        let Ok(text) = std::fs::read_to_string(root.join(name)) else {
            continue;
        };
        let Ok(whole) = load(&root, name) else {
            continue;
        };
        let whole = measure(&whole);
        let places = if text.len() > 1_000_000 { 2 } else { 8 };
        for place in 1..=places {
            let end = text.floor_char_boundary(text.len() * place / (places + 1) - 1);
            let (kept, cut) = text.split_at(end);
            cuts += 1;
            let Ok(loaded) = read(name, kept.as_bytes().to_vec()) else {
                continue;
            };
            let found = measure(&loaded);
            let is_line = kept.ends_with('\n') && row[1].contains("tag-value");
            let is_told = found.1 > whole.1 || found == whole && !cut.starts_with(['{', '"']);
            assert!(
                is_line || is_told,
                "{name} cut at {end}: {found:?} of {whole:?}"
            );
        }
    }
    assert!(cuts > 1000, "only {cuts} cuts");
}
