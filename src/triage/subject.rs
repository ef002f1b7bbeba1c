//! Subjects: which documents are about one and the same image, and by which rule.
//!
//! Records are joined in `join`; nothing here looks at what a report found.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{
    Digest, ImageReference, JoinRule, Platform, Report, Sbom, Subject, SubjectClaim,
};

mod cluster;

use cluster::{Cluster, Document, Node};

/// What was read about an image in a registry or an image layout: it seeds a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownImage {
    /// The name as the person gave it, expanded.
    pub name: String,
    /// The platform manifest's digest.
    pub manifest_digest: Option<Digest>,
    /// The digest of the index it belongs to.
    pub index_digest: Option<Digest>,
    /// The image ID: the configuration's digest.
    pub image_id: Option<Digest>,
    /// The layers' uncompressed digests, lowest first.
    pub diff_ids: Vec<Digest>,
    /// The platform.
    pub platform: Option<Platform>,
}

/// Joins documents into subjects.
///
/// Rules are tried strongest first. Documents that contradict each other (platform, layers,
/// manifest) are never joined, and neither is a document that fits two images: it stands alone.
/// `attached` are the indices of the reports that the person says belong to the subject; they are
/// joined as `asserted` where the other documents form exactly one. The result does not depend on
/// the order of the documents.
#[must_use]
pub fn subjects(
    reports: &[Arc<Report>],
    sboms: &[Arc<Sbom>],
    images: &[KnownImage],
    attached: &[usize],
) -> Vec<Subject> {
    let nodes = nodes(reports, sboms, images);
    let mut clusters: Vec<Cluster> = nodes
        .iter()
        .enumerate()
        .map(|(position, node)| Cluster::new(position, node))
        .collect();
    for rule in [
        JoinRule::DiffIds,
        JoinRule::ManifestDigest,
        JoinRule::RepoDigest,
        JoinRule::ImageId,
    ] {
        clusters = join_by(rule, &nodes, clusters);
    }
    clusters = attach(&nodes, clusters, attached);
    clusters = join_by(JoinRule::Name, &nodes, clusters);
    // Reports that only their names join form one subject now.
    clusters = attach(&nodes, clusters, attached);
    let mut subjects: Vec<(usize, bool, Subject)> = clusters
        .iter()
        .map(|cluster| (cluster.first(), cluster.known, describe(cluster, &nodes)))
        .collect();
    subjects.sort_by(|(one_first, one_known, one), (first, known, other)| {
        (!one_known, &one.name, one.identity(), one_first).cmp(&(
            !known,
            &other.name,
            other.identity(),
            first,
        ))
    });
    subjects
        .into_iter()
        .map(|(_, _, subject)| subject)
        .collect()
}

/// Returns the documents in an order of their own: content before path, never position.
fn nodes(reports: &[Arc<Report>], sboms: &[Arc<Sbom>], images: &[KnownImage]) -> Vec<Node> {
    let images = images.iter().enumerate().map(|(position, image)| Node {
        document: Document::Image(position),
        order: (
            image.manifest_digest.clone(),
            format!("{} {:?}", image.name, image.platform),
        ),
        index_digest: image.index_digest.clone(),
        claim: SubjectClaim {
            name: Some(image.name.clone()),
            manifest_digest: image.manifest_digest.clone(),
            image_id: image.image_id.clone(),
            diff_ids: image.diff_ids.clone(),
            platform: image.platform.clone(),
            is_image: true,
            ..SubjectClaim::default()
        },
    });
    let reports = reports.iter().enumerate().map(|(position, report)| Node {
        document: Document::Report(position),
        order: (
            Some(report.origin.sha256.clone()),
            report.origin.path.clone(),
        ),
        index_digest: None,
        claim: report.claim.clone(),
    });
    let sboms = sboms.iter().enumerate().map(|(position, sbom)| Node {
        document: Document::Sbom(position),
        order: (Some(sbom.origin.sha256.clone()), sbom.origin.path.clone()),
        index_digest: None,
        claim: sbom.claim.clone(),
    });
    let mut nodes: Vec<Node> = images.chain(reports).chain(sboms).collect();
    nodes.sort_by(|one, other| (one.kind(), &one.order).cmp(&(other.kind(), &other.order)));
    nodes
}

/// What a document is found by under a rule.
fn keys(rule: JoinRule, node: &Node) -> BTreeSet<String> {
    let claim = &node.claim;
    match rule {
        JoinRule::DiffIds if !claim.diff_ids.is_empty() => {
            let list: Vec<String> = claim.diff_ids.iter().map(ToString::to_string).collect();
            BTreeSet::from([list.join(" ")])
        }
        JoinRule::ManifestDigest => claim
            .manifest_digest
            .iter()
            .map(Digest::to_string)
            .collect(),
        JoinRule::RepoDigest => claim
            .repo_digests
            .iter()
            .filter_map(|text| text.rsplit_once('@')?.1.parse::<Digest>().ok())
            .chain(claim.manifest_digest.clone())
            .chain(node.index_digest.clone())
            .map(|digest| digest.to_string())
            .collect(),
        JoinRule::ImageId => claim.image_id.iter().map(Digest::to_string).collect(),
        JoinRule::Name => claim
            .name
            .iter()
            .chain(&claim.tags)
            .filter_map(|name| normal_name(name, claim.is_image))
            .collect(),
        JoinRule::DiffIds | JoinRule::Asserted | JoinRule::None => BTreeSet::new(),
    }
}

/// An image's name with registry and tag; none for a name that is a digest alone.
fn normal_name(name: &str, is_image: bool) -> Option<String> {
    if !is_image {
        return Some(format!("not an image: {name}"));
    }
    match name.parse::<ImageReference>() {
        Ok(reference) => reference
            .tag
            .map(|tag| format!("{}:{tag}", reference.repository)),
        Err(_not_a_reference) => Some(name.to_owned()),
    }
}

fn join_by(rule: JoinRule, nodes: &[Node], mut clusters: Vec<Cluster>) -> Vec<Cluster> {
    let mut buckets: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (position, node) in nodes.iter().enumerate() {
        for key in keys(rule, node) {
            buckets.entry(key).or_default().push(position);
        }
    }
    for members in buckets.into_values().filter(|members| members.len() > 1) {
        let members: BTreeSet<usize> = members.into_iter().collect();
        let (touched, rest): (Vec<Cluster>, Vec<Cluster>) = clusters
            .into_iter()
            .partition(|cluster| cluster.holds_any(&members));
        clusters = rest;
        clusters.extend(merge_agreeing(rule, touched));
    }
    clusters.sort_by_key(Cluster::first);
    clusters
}

/// Merges the clusters that contradict each other in nothing. One that agrees with two others
/// which contradict each other fits neither: which of them it is about cannot be told.
fn merge_agreeing(rule: JoinRule, clusters: Vec<Cluster>) -> Vec<Cluster> {
    let agrees: Vec<BTreeSet<usize>> = clusters
        .iter()
        .enumerate()
        .map(|(position, one)| {
            let others = clusters.iter().enumerate();
            others
                .filter(|(other_position, other)| {
                    *other_position == position || !one.contradicts(other, rule)
                })
                .map(|(other_position, _)| other_position)
                .collect()
        })
        .collect();
    let mut groups: BTreeMap<BTreeSet<usize>, Vec<Cluster>> = BTreeMap::new();
    let mut alone = Vec::new();
    for (position, cluster) in clusters.into_iter().enumerate() {
        let partners = agrees.get(position).cloned().unwrap_or_default();
        let torn = partners.iter().any(|partner| {
            agrees
                .get(*partner)
                .is_some_and(|theirs| !partners.is_subset(theirs))
        });
        if torn {
            alone.push((position, partners, cluster));
        } else {
            groups.entry(partners).or_default().push(cluster);
        }
    }
    let mut merged: Vec<Cluster> = groups
        .into_values()
        .filter_map(|group| Cluster::merge(rule, group))
        .collect();
    merged.extend(alone.into_iter().map(|(_, _, cluster)| cluster));
    merged
}

/// Joins what the person attached to the one subject that the other documents form.
fn attach(nodes: &[Node], clusters: Vec<Cluster>, attached: &[usize]) -> Vec<Cluster> {
    let is_attached = |cluster: &Cluster| {
        !cluster.known
            && cluster.members().iter().all(|(position, _)| {
                nodes.get(*position).is_some_and(|node| {
                    matches!(node.document, Document::Report(report) if attached.contains(&report))
                })
            })
    };
    let (additions, mut others): (Vec<Cluster>, Vec<Cluster>) =
        clusters.into_iter().partition(is_attached);
    if others.len() != 1 {
        others.extend(additions);
        return others;
    }
    let (additions, strangers): (Vec<Cluster>, Vec<Cluster>) =
        additions.into_iter().partition(|addition| {
            others
                .iter()
                .all(|main| !main.contradicts(addition, JoinRule::Asserted))
        });
    if let Some(main) = others.first_mut() {
        for addition in additions {
            main.absorb(JoinRule::Asserted, addition);
        }
    }
    others.extend(strangers);
    others
}

/// Describes the image of a cluster, from the documents whose identity is proven.
fn describe(cluster: &Cluster, nodes: &[Node]) -> Subject {
    let members: Vec<(&Node, JoinRule)> = cluster
        .members()
        .iter()
        .filter_map(|(position, rule)| nodes.get(*position).map(|node| (node, *rule)))
        .collect();
    let mut proven: Vec<&Node> = members
        .iter()
        .filter(|(_, rule)| rule.is_identity() || *rule == JoinRule::None)
        .map(|(node, _)| *node)
        .collect();
    if proven.is_empty() {
        proven = members.iter().map(|(node, _)| *node).collect();
    }
    let known = proven
        .iter()
        .find(|node| matches!(node.document, Document::Image(_)));
    let claims: Vec<&SubjectClaim> = known
        .map_or(proven.as_slice(), std::slice::from_ref)
        .iter()
        .chain(proven.iter().filter(|_| known.is_some()))
        .map(|node| &node.claim)
        .collect();
    let sorted = |lists: Vec<&Vec<String>>| -> Vec<String> {
        let set: BTreeSet<&String> = lists.into_iter().flatten().collect();
        set.into_iter().cloned().collect()
    };
    let repo_digests = sorted(claims.iter().map(|claim| &claim.repo_digests).collect());
    let tags = sorted(claims.iter().map(|claim| &claim.tags).collect());
    let digests = claims
        .iter()
        .filter_map(|claim| claim.manifest_digest.as_ref());
    // A tar archive has a made-up manifest digest; one that a repository lists is real.
    let listed = |digest: &Digest| {
        let text = digest.to_string();
        repo_digests.iter().any(|entry| entry.ends_with(&text))
    };
    let manifest_digest = known
        .and_then(|node| node.claim.manifest_digest.clone())
        .or_else(|| {
            digests
                .min_by_key(|digest| (!listed(digest), *digest))
                .cloned()
        });
    let image_id = known
        .and_then(|node| node.claim.image_id.clone())
        .or_else(|| most_stated(claims.iter().filter_map(|claim| claim.image_id.clone())));
    let name = known
        .and_then(|node| node.claim.name.clone())
        .or_else(|| most_stated(claims.iter().filter_map(|claim| claim.name.clone())))
        .or_else(|| tags.first().cloned())
        .or_else(|| repo_digests.first().cloned())
        .or_else(|| manifest_digest.as_ref().map(ToString::to_string))
        .or_else(|| image_id.as_ref().map(ToString::to_string))
        .or_else(|| members.first().map(|(node, _)| node.order.1.clone()))
        .unwrap_or_default();
    Subject {
        name,
        manifest_digest,
        index_digest: known.and_then(|node| node.index_digest.clone()),
        image_id,
        diff_ids: claims
            .iter()
            .map(|claim| &claim.diff_ids)
            .find(|list| !list.is_empty())
            .cloned()
            .unwrap_or_default(),
        platform: claims.iter().find_map(|claim| claim.platform.clone()),
        os: claims.iter().find_map(|claim| claim.os.clone()),
        repo_digests,
        tags,
        joined_by: weakest(&members),
        reports: documents(&members, |document| match document {
            Document::Report(position) => Some(position),
            Document::Image(_) | Document::Sbom(_) => None,
        }),
        sboms: documents(&members, |document| match document {
            Document::Sbom(position) => Some(position),
            Document::Image(_) | Document::Report(_) => None,
        }),
    }
}

fn weakest(members: &[(&Node, JoinRule)]) -> JoinRule {
    let joined = members
        .iter()
        .filter(|(node, _)| !matches!(node.document, Document::Image(_)))
        .map(|(_, rule)| *rule);
    joined
        .filter(|rule| *rule != JoinRule::None)
        .max()
        .unwrap_or(JoinRule::None)
}

fn documents(
    members: &[(&Node, JoinRule)],
    position: impl Fn(Document) -> Option<usize>,
) -> Vec<(usize, JoinRule)> {
    let mut list: Vec<(usize, JoinRule)> = members
        .iter()
        .filter_map(|(node, rule)| Some((position(node.document)?, *rule)))
        .collect();
    list.sort_unstable();
    list
}

/// The value that most documents state; of several the least.
fn most_stated<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts
        .into_iter()
        .min_by(|(one, one_count), (other, count)| {
            (Reverse(one_count), one).cmp(&(Reverse(count), other))
        })
        .map(|(value, _)| value)
}

#[cfg(test)]
mod tests;
