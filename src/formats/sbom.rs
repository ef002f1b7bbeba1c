//! What every reader of SBOMs needs: links between components, what a package URL adds, remarks.
//!
//! The fields of a format belong to that format's own file.

use std::collections::{HashMap, HashSet};

use super::error::quote;
use super::json::Source;
use crate::model::{Component, Digest, Platform, Purl};

/// The key by which a text that was written out as JSON says what it was.
pub(super) const WRITTEN: &str = "countersign:written";

/// Who depends on whom, by the components' numbers.
#[derive(Debug)]
pub(super) struct Links<'r> {
    numbers: HashMap<&'r str, u32>,
    depends_on: Vec<Vec<u32>>,
    roots: Vec<u32>,
    seen: HashSet<(Option<u32>, u32)>,
    dangling: usize,
}

/// What became of the links.
#[derive(Debug)]
pub(super) struct Graph {
    /// For each component, those it depends on.
    pub(super) depends_on: Vec<Vec<u32>>,
    /// Those the subject itself depends on.
    pub(super) roots: Vec<u32>,
}

impl<'r> Links<'r> {
    /// Of components with the same reference the first is meant.
    pub(super) fn new(components: &'r [Component]) -> Self {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        for (number, component) in (0..).zip(components) {
            if let Some(reference) = component.reference.as_deref() {
                numbers.entry(reference).or_insert(number);
            }
        }
        Self {
            numbers,
            depends_on: vec![Vec::new(); components.len()],
            roots: Vec::new(),
            seen: HashSet::new(),
            dangling: 0,
        }
    }

    /// Returns the number of the component with this reference.
    pub(super) fn number(&self, reference: &str) -> Option<u32> {
        self.numbers.get(reference).copied()
    }

    /// Notes that `from` depends on `on`; without `from` it is the subject that does.
    pub(super) fn depends(&mut self, from: Option<u32>, on: u32) {
        let list = match from {
            None => Some(&mut self.roots),
            Some(from) => self.depends_on.get_mut(from as usize),
        };
        if let Some(list) = list
            && self.seen.insert((from, on))
        {
            list.push(on);
        }
    }

    /// Notes a link with an end that is not in the document.
    pub(super) fn dangles(&mut self) {
        self.dangling += 1;
    }

    /// Returns the links, with a remark about those that lead nowhere.
    pub(super) fn finish(self, notices: &mut Vec<String>) -> Graph {
        if self.dangling > 0 {
            notices.push(format!(
                "{} dependencies name a component that is not in the document",
                self.dangling
            ));
        }
        Graph {
            depends_on: self.depends_on,
            roots: self.roots,
        }
    }
}

/// Returns the version of a package. Some tools write the epoch into the purl's qualifier alone.
pub(super) fn version(stated: Option<&str>, purl: Option<&Purl>) -> String {
    let of_purl = || purl.and_then(|purl| purl.version.as_deref());
    let version = stated.or_else(of_purl).unwrap_or_default();
    let epoch = purl.and_then(|purl| purl.qualifier("epoch"));
    match epoch.filter(|epoch| *epoch != "0" && !version.is_empty()) {
        Some(epoch) if !version.starts_with(&format!("{epoch}:")) => format!("{epoch}:{version}"),
        _ => version.to_owned(),
    }
}

/// Returns the source package that a purl names: Syft's `upstream=NAME@VERSION`.
pub(super) fn source_package(purl: Option<&Purl>) -> Option<String> {
    let upstream = purl.and_then(|purl| purl.qualifier("upstream"))?;
    Some(upstream.split('@').next().unwrap_or(upstream).to_owned())
}

/// An image's purl (`pkg:oci/NAME@DIGEST?…`), and what it says.
#[derive(Clone, Debug)]
pub(super) struct ImagePurl(Purl);

impl ImagePurl {
    /// Returns the purl if it is an image's.
    pub(super) fn of(purl: Option<Purl>) -> Option<Self> {
        purl.filter(|purl| &*purl.kind == "oci").map(Self)
    }

    /// Returns the digest: of the platform's manifest, or of an index.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.0.version.as_deref()?.parse().ok()
    }

    /// Returns whether the digest is an index's.
    pub(super) fn is_index(&self) -> bool {
        self.0
            .qualifier("mediatype")
            .is_some_and(|kind| kind.contains("image.index") || kind.contains("manifest.list"))
    }

    /// Returns `repository@digest`. Some tools leave the name out of `repository_url`.
    pub(super) fn repo_digest(&self) -> Option<String> {
        let repository = self.0.qualifier("repository_url")?.trim_end_matches('/');
        let digest = self.digest()?;
        let name = &*self.0.name;
        Some(if repository.rsplit('/').next() == Some(name) {
            format!("{repository}@{digest}")
        } else {
            format!("{repository}/{name}@{digest}")
        })
    }

    /// Returns the platform.
    pub(super) fn platform(&self) -> Option<Platform> {
        let architecture = self.0.qualifier("arch")?.to_owned();
        let os = self.0.qualifier("os").unwrap_or("linux").to_owned();
        let variant = self.0.qualifier("variant").map(str::to_owned);
        Some(Platform {
            os,
            architecture,
            variant,
        })
    }
}

/// Adds a repository digest, where the same digest is not there under another spelling.
pub(super) fn add_repo_digest(digests: &mut Vec<String>, text: String) {
    let digest = text.rsplit_once('@').map(|(_, digest)| digest.to_owned());
    let known = digest.is_some_and(|digest| digests.iter().any(|known| known.ends_with(&digest)));
    if !known {
        digests.push(text);
    }
}

/// Remarks on the version of the specification.
pub(super) fn judge_version(source: &mut Source<'_>, version: &str, newest: (u32, u32)) {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) > newest => {
            source.notices.push(format!(
                "version {version} of the specification is newer than {}.{}: parts may be missing",
                newest.0, newest.1
            ));
        }
        (Some(Ok(_)), Some(Ok(_))) => {}
        _ => source.notices.push(format!(
            "`{}` is no version of the specification",
            quote(version)
        )),
    }
}

/// Remarks that the document lists nothing, which is not the same as nothing being there.
pub(super) fn judge_count(source: &mut Source<'_>, components: usize) {
    if components == 0 && source.losses.is_empty() {
        source
            .notices
            .push("the document lists no component".to_owned());
    }
}
