//! The image configurations of a review, of reports and of images read themselves, and what they
//! tell.
//!
//! The rules are `triage::hygiene`'s.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::{ConfigSource, Finding, Report, Subject};
use crate::registry::Inspection;
use crate::triage::hygiene::{self, Configured};

use super::Review;

/// Returns what the configurations of all subjects tell.
pub(super) fn observed<'a>(
    subjects: &[Subject],
    reports: &'a [Arc<Report>],
    images: &'a [Inspection],
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let of_subject = |(number, subject): (u32, &Subject)| {
        let configured = configured(subject, reports, images.iter(), now);
        hygiene::findings(number, &configured)
    };
    (0..).zip(subjects).flat_map(of_subject).collect()
}

fn configured<'r>(
    subject: &Subject,
    reports: &'r [Arc<Report>],
    images: impl Iterator<Item = &'r Inspection>,
    now: DateTime<Utc>,
) -> Vec<Configured<'r>> {
    let reports = subject.reports.iter().filter_map(|(position, _)| {
        let report = reports.get(*position)?;
        let (config, part) = report.claim.config.as_ref()?;
        Some(Configured {
            config,
            source: ConfigSource {
                name: report.origin.path.clone(),
                part: Some(part),
            },
            time: report.created,
        })
    });
    let images = images
        .filter(|image| image.is_of(subject))
        .filter_map(|image| {
            Some(Configured {
                config: image.config.as_ref()?,
                source: ConfigSource {
                    name: image.image.to_string(),
                    part: None,
                },
                time: Some(now),
            })
        });
    reports.chain(images).collect()
}

impl Review {
    /// Returns the documents that carry the configuration of a subject's image. Where there are
    /// none, hygiene was not checked.
    #[must_use]
    pub fn configurations(&self, subject: usize) -> Vec<ConfigSource> {
        let Some(subject) = self.subjects.get(subject) else {
            return Vec::new();
        };
        let images = self.images.iter().map(Arc::as_ref);
        let configured = configured(subject, &self.reports, images, DateTime::UNIX_EPOCH);
        configured.into_iter().map(|one| one.source).collect()
    }
}
