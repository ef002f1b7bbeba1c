//! Clusters: documents that were found to be about one image, and what they state together.
//!
//! Which documents are tried together is decided in `subject`.

use std::collections::BTreeSet;

use crate::model::{Digest, JoinRule, Platform, SubjectClaim};

/// A document: its index among those of its sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// A known image.
    Image(usize),
    /// A report.
    Report(usize),
    /// An SBOM.
    Sbom(usize),
}

/// A document and what it states.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The document.
    pub(super) document: Document,
    /// Where it stands among those of its sort, whatever the order of input.
    pub(super) order: (Option<Digest>, String),
    /// The index's digest, where one is known to be such.
    pub(super) index_digest: Option<Digest>,
    /// What it states.
    pub(super) claim: SubjectClaim,
}

impl Node {
    /// Returns the place of its sort in the order of nodes.
    pub(super) fn kind(&self) -> u8 {
        match self.document {
            Document::Image(_) => 0,
            Document::Report(_) => 1,
            Document::Sbom(_) => 2,
        }
    }
}

/// Documents about one image.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    /// Positions of nodes, and the rule that joined each.
    members: Vec<(usize, JoinRule)>,
    /// Whether an image that was read itself is among them.
    pub(super) known: bool,
    platforms: Vec<Platform>,
    diff_ids: BTreeSet<Vec<Digest>>,
    manifests: BTreeSet<Digest>,
    image_ids: BTreeSet<Digest>,
    repo_digests: bool,
}

impl Cluster {
    /// Returns the cluster of one node.
    pub(super) fn new(position: usize, node: &Node) -> Self {
        let claim = &node.claim;
        Self {
            members: vec![(position, JoinRule::None)],
            known: matches!(node.document, Document::Image(_)),
            platforms: claim.platform.iter().cloned().collect(),
            diff_ids: Some(claim.diff_ids.clone())
                .filter(|list| !list.is_empty())
                .into_iter()
                .collect(),
            manifests: claim.manifest_digest.iter().cloned().collect(),
            image_ids: claim.image_id.iter().cloned().collect(),
            repo_digests: !claim.repo_digests.is_empty(),
        }
    }

    /// Returns the members.
    pub(super) fn members(&self) -> &[(usize, JoinRule)] {
        &self.members
    }

    /// Returns the least position.
    pub(super) fn first(&self) -> usize {
        let positions = self.members.iter().map(|(position, _)| *position);
        positions.min().unwrap_or(usize::MAX)
    }

    /// Returns whether one of `positions` is a member.
    pub(super) fn holds_any(&self, positions: &BTreeSet<usize>) -> bool {
        self.members
            .iter()
            .any(|(position, _)| positions.contains(position))
    }

    /// Returns whether both cannot be about one image, whatever `rule` says.
    pub(super) fn contradicts(&self, other: &Self, rule: JoinRule) -> bool {
        let platforms_agree = self
            .platforms
            .iter()
            .all(|one| other.platforms.iter().all(|two| one.agrees_with(two)));
        if !platforms_agree {
            return true;
        }
        let layers_differ = differ(&self.diff_ids, &other.diff_ids);
        let manifests_differ = differ(&self.manifests, &other.manifests);
        let ids_differ = differ(&self.image_ids, &other.image_ids);
        let same_platform = !self.platforms.is_empty() && !other.platforms.is_empty();
        match rule {
            JoinRule::DiffIds => false,
            // Loading an image from a tar gives it another manifest, never another configuration.
            JoinRule::ManifestDigest | JoinRule::ImageId => layers_differ,
            // An index has the same digest for every platform. One image may have two image IDs.
            JoinRule::RepoDigest => {
                layers_differ || manifests_differ || (ids_differ && !same_platform)
            }
            JoinRule::Asserted | JoinRule::Name | JoinRule::None => {
                layers_differ || manifests_differ || ids_differ
            }
        }
    }

    fn has_identity(&self) -> bool {
        self.known
            || self.repo_digests
            || !self.diff_ids.is_empty()
            || !self.manifests.is_empty()
            || !self.image_ids.is_empty()
    }

    /// Merges clusters by `rule`; the one that says most about its identity keeps its own rules.
    pub(super) fn merge(rule: JoinRule, mut clusters: Vec<Self>) -> Option<Self> {
        clusters.sort_by_key(|cluster| {
            (
                !cluster.known,
                !cluster.has_identity(),
                usize::MAX - cluster.members.len(),
                cluster.first(),
            )
        });
        let mut clusters = clusters.into_iter();
        let mut main = clusters.next()?;
        for cluster in clusters {
            main.absorb(rule, cluster);
        }
        Some(main)
    }

    /// Takes in `other` by `rule`. Identity rules prove it for both; by name, a document with an
    /// identity stays what it is, and one without is as weak as what joins it.
    pub(super) fn absorb(&mut self, rule: JoinRule, other: Self) {
        if rule.is_identity() || (rule == JoinRule::Name && !self.has_identity()) {
            for (_, own) in &mut self.members {
                if *own == JoinRule::None {
                    *own = rule;
                }
            }
        }
        let joined = other.members.iter().map(|(position, own)| {
            let weaker = if *own == JoinRule::None {
                rule
            } else {
                rule.max(*own)
            };
            (*position, weaker)
        });
        self.members.extend(joined);
        self.members.sort_unstable();
        // What a weakly joined document states is not known to be true of this image.
        if rule.is_identity() {
            for platform in other.platforms {
                if !self.platforms.contains(&platform) {
                    self.platforms.push(platform);
                }
            }
            self.diff_ids.extend(other.diff_ids);
            self.manifests.extend(other.manifests);
            self.image_ids.extend(other.image_ids);
            self.repo_digests |= other.repo_digests;
        }
        self.known |= other.known;
    }
}

fn differ<T: Ord>(one: &BTreeSet<T>, other: &BTreeSet<T>) -> bool {
    !one.is_empty() && !other.is_empty() && one.is_disjoint(other)
}
