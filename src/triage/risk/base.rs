//! Where an image's base ends, and on which side of it a finding is.
//!
//! Nothing is looked up: either another image of the review has just the lowest layers of this
//! one, or the image's own history says where another image's `CMD` was.

use std::sync::Arc;

use serde::Serialize;

use crate::model::{Finding, LayerPlace, Location, Report, Subject};

/// How the end of the base is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "rule", content = "image", rename_all = "kebab-case")]
pub enum BaseRule {
    /// Another image of the review, named here, consists of exactly these layers.
    Image(String),
    /// Guessed from the history: the last `CMD` that another layer follows ended the base.
    History,
}

/// The base of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Base {
    /// How many of the lowest layers are its.
    pub layers: usize,
    /// Of how many.
    pub of: usize,
    /// How that is known.
    #[serde(flatten)]
    pub known_by: BaseRule,
}

impl Base {
    /// Returns it in a few words.
    #[must_use]
    pub fn text(&self) -> String {
        let layers = format!("base: {} of {} layers", self.layers, self.of);
        match &self.known_by {
            BaseRule::Image(name) => format!("{layers}, those of {name}"),
            BaseRule::History => format!("{layers}, guessed from the history"),
        }
    }
}

/// Returns the base of every subject, where it is known. `guesses` are what histories read
/// elsewhere say, by subject, and may be fewer.
#[must_use]
pub fn bases(
    subjects: &[Subject],
    reports: &[Arc<Report>],
    guesses: &[Option<usize>],
) -> Vec<Option<Base>> {
    let base = |(position, subject): (usize, &Subject)| {
        let of = subject.diff_ids.len();
        let below = subjects
            .iter()
            .filter(|other| !other.diff_ids.is_empty() && other.diff_ids.len() < of)
            .filter(|other| subject.diff_ids.starts_with(&other.diff_ids))
            .max_by_key(|other| (other.diff_ids.len(), std::cmp::Reverse(&other.name)));
        if let Some(below) = below {
            return Some(Base {
                layers: below.diff_ids.len(),
                of,
                known_by: BaseRule::Image(below.name.clone()),
            });
        }
        let claims = subject.reports.iter().filter_map(|(report, _)| {
            let claim = &reports.get(*report)?.claim;
            claim
                .base_layers
                .filter(|_| claim.diff_ids == subject.diff_ids)
        });
        let guess = guesses.get(position).copied().flatten();
        let layers = claims.chain(guess).min().filter(|layers| *layers < of)?;
        Some(Base {
            layers,
            of,
            known_by: BaseRule::History,
        })
    };
    subjects.iter().enumerate().map(base).collect()
}

/// Returns on which side of its image's base a finding is: in the base only if all its places are.
#[must_use]
pub fn place(finding: &Finding, subject: &Subject, base: &Base) -> LayerPlace {
    let mut place = LayerPlace::Unknown;
    for location in &finding.package.locations {
        let layer = location.layer.as_ref();
        let number = layer.and_then(|layer| subject.diff_ids.iter().position(|id| id == layer));
        match number {
            Some(number) if number < base.layers => place = LayerPlace::Base,
            // The list of packages is written anew with every package: it says nothing about one.
            _ if is_database(location) => {}
            Some(_) => return LayerPlace::Application,
            None => {}
        }
    }
    place
}

/// Returns whether a file lists all packages of the system.
fn is_database(location: &Location) -> bool {
    let path = location.path.trim_start_matches('/');
    let files = [
        "var/lib/dpkg/status",
        "lib/apk/db/installed",
        "usr/lib/apk/db/installed",
    ];
    let folders = ["var/lib/rpm/", "usr/lib/sysimage/rpm/", "usr/share/rpm/"];
    files.contains(&path) || folders.iter().any(|folder| path.starts_with(folder))
}
