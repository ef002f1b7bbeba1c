//! What VEX statements reach: a vulnerability, in an image or in a package of it.
//!
//! A statement about another product does nothing, and neither does one about the image for a
//! report that shares only a name with it. Ignore files are in `ignored`.

use super::{Case, is_proven};
use crate::model::{
    Digest, Exemption, ImageReference, Kind, Product, ProductName, Purl, Record, Subject,
};

/// Returns whether a statement is about the record's vulnerability and one of its products holds
/// the record's package.
pub(super) fn reaches(entry: &Exemption, products: &[Product], case: &Case<'_>) -> bool {
    case.record.kind == Kind::Vulnerability
        && names_vulnerability(&entry.ids, case.record)
        && products.iter().any(|product| holds(product, case))
}

/// The record's own id, or another name of the same vulnerability. A record that stands for several
/// CVEs is named by its own id or by all of them.
fn names_vulnerability(ids: &[String], record: &Record) -> bool {
    let named = |id: &str| ids.iter().any(|own| own == id);
    if named(record.id.trim()) {
        return true;
    }
    let cves = record.cves();
    if cves.len() > 1 {
        return cves.iter().all(|cve| named(cve.as_str()));
    }
    record
        .aliases
        .iter()
        .any(|alias| !alias.is_bundle() && named(alias.as_str()))
}

fn holds(product: &Product, case: &Case<'_>) -> bool {
    let has_part = match &product.parts {
        None => true,
        Some(parts) => parts.iter().any(|part| is_package(part, case)),
    };
    has_part
        && product
            .names
            .iter()
            .any(|name| is_package(name, case) || is_proven(case.rule) && is_image(name, case))
}

/// Returns whether a name is that of the record's package.
fn is_package(name: &ProductName, case: &Case<'_>) -> bool {
    let Some(own) = &case.record.package.purl else {
        return false;
    };
    match name {
        ProductName::Purl(purl) => purl_names(purl, own),
        ProductName::InSbom { link, reference } => {
            is_proven(case.rule)
                && case.links.contains(&link.as_str())
                && part_of_sbom(reference, case).is_some_and(|purl| purl_names(&purl, own))
        }
        ProductName::Digest(_) | ProductName::Text(_) => false,
    }
}

/// A reference is a package URL itself, or that of a component of the subject's SBOM.
fn part_of_sbom(reference: &str, case: &Case<'_>) -> Option<Purl> {
    let own = |sbom: &&&crate::model::Sbom| {
        let link = sbom.claim.bom_link.as_deref();
        link.is_some_and(|link| case.links.contains(&link))
    };
    let components = case
        .sboms
        .iter()
        .filter(own)
        .flat_map(|sbom| &sbom.components);
    let mut found = components.filter(|part| part.reference.as_deref() == Some(reference));
    let purl = found.find_map(|part| part.package.purl.clone());
    purl.or_else(|| reference.parse().ok())
}

/// Returns whether `general` names the package that `specific` is: what it leaves out (version,
/// qualifiers, subpath) may be anything. The rule of OpenVEX and of Trivy.
pub(super) fn purl_names(general: &Purl, specific: &Purl) -> bool {
    general.kind == specific.kind
        && general.namespace == specific.namespace
        && general.name == specific.name
        && (general.version.is_none() || general.version == specific.version)
        && (general.subpath.is_none() || general.subpath == specific.subpath)
        && general
            .qualifiers
            .iter()
            .all(|(key, value)| specific.qualifier(key) == Some(value))
}

/// Returns whether a name is that of the subject.
fn is_image(name: &ProductName, case: &Case<'_>) -> bool {
    let subject = case.subject;
    match name {
        ProductName::Purl(purl) => &*purl.kind == "oci" && is_oci_purl(purl, subject),
        ProductName::Digest(digest) => subject.is_named_by(digest),
        ProductName::Text(text) => text.rsplit_once('@').is_some_and(|(name, digest)| {
            let digest: Option<Digest> = digest.parse().ok();
            digest.is_some_and(|digest| subject.is_named_by(&digest))
                && repositories(subject)
                    .iter()
                    .any(|known| *known == repository(name))
        }),
        ProductName::InSbom { .. } => false,
    }
}

/// `pkg:oci/NAME@DIGEST?repository_url=…&arch=…&tag=…`: the name is the last part of the
/// repository, and everything that is given must be known of the subject.
fn is_oci_purl(purl: &Purl, subject: &Subject) -> bool {
    let known = repositories(subject);
    let named = |repository: &String| {
        let last = repository.rsplit('/').next().unwrap_or_default();
        last.eq_ignore_ascii_case(&purl.name)
    };
    let has_digest = match &purl.version {
        Some(version) => {
            let digest: Option<Digest> = version.parse().ok();
            digest.is_some_and(|digest| subject.is_named_by(&digest))
        }
        None => false,
    };
    // A digest says enough about an image that no document names.
    let has_name = known.iter().any(named) || known.is_empty() && has_digest;
    has_name
        && (purl.version.is_none() || has_digest)
        && purl.qualifiers.iter().all(|(key, value)| {
            let platform = subject.platform.as_ref();
            match &**key {
                "repository_url" => {
                    let wanted = repository(value);
                    known.iter().filter(|one| named(one)).any(|one| {
                        let folder = one.rsplit_once('/').map(|(folder, _)| folder);
                        *one == wanted || folder == Some(wanted.as_str())
                    })
                }
                "arch" => platform.is_some_and(|it| it.architecture == **value),
                "os" => platform.is_some_and(|it| it.os == **value),
                "tag" => subject
                    .tags
                    .iter()
                    .any(|tag| tag.ends_with(&format!(":{value}"))),
                _ => false,
            }
        })
}

/// The repositories in which the subject is known to be by digest.
fn repositories(subject: &Subject) -> Vec<String> {
    let names = subject.repo_digests.iter();
    let names = names.filter_map(|text| text.rsplit_once('@').map(|(name, _)| name));
    names.map(repository).collect()
}

/// Returns a repository with its registry, Docker Hub's many names as one.
fn repository(name: &str) -> String {
    let name = name.trim_start_matches("https://").trim_end_matches('/');
    for hub in ["index.docker.io/", "registry-1.docker.io/", "docker.io/"] {
        if let Some(path) = name.strip_prefix(hub) {
            return format!("docker.io/{path}");
        }
    }
    name.parse::<ImageReference>().map_or_else(
        |_no_reference| name.to_owned(),
        |known| known.repository.to_string(),
    )
}
