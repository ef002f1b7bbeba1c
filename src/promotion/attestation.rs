//! What a promotion is going to attest about the images it signs: SBOMs, scans, VEX, the approval.
//!
//! Worked out from the review alone; made and sent in `attach`. What cannot be stated is named, never
//! left out in silence.

use bytes::Bytes;
use serde::Serialize;

use crate::formats;
use crate::model::{Digest, Format, JoinRule, Origin, Report, Sbom};
use crate::review::Review;
use crate::signatures::predicate::{self, LARGEST_PREDICATE, Predicate};
use crate::signing::APPROVAL_PREDICATE;

/// How something is attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Whole, inside of the statement.
    Inline,
    /// By its digest and its place in the archive.
    Reference,
    /// Not at all.
    LeftOut,
}

/// One statement that a promotion is going to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementPlan {
    /// The predicate's type; of a document that is left out: what it would be.
    pub predicate_type: String,
    /// The manifest it is about.
    pub subject: Digest,
    /// The document it is made of: the SHA-256 of its bytes; none for approval and VEX.
    pub document: Option<Digest>,
    /// The document's name.
    pub name: Option<String>,
    /// How it is attested.
    pub form: Form,
    /// Why not whole, or not at all.
    pub because: Option<String>,
}

/// One statement that was made, or found made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attested {
    /// The predicate's type.
    pub predicate_type: String,
    /// The manifest it is about.
    pub subject: Digest,
    /// The document it is made of; none for approval and VEX.
    pub document: Option<Digest>,
    /// The manifest that holds the bundle.
    pub bundle: Option<Digest>,
    /// The manifest behind the `.att` tag.
    pub legacy: Option<Digest>,
}

/// A document of a subject.
pub(super) enum Document<'a> {
    Sbom(&'a Sbom),
    Scan(&'a Report),
}

impl Document<'_> {
    pub(super) fn origin(&self) -> &Origin {
        match self {
            Self::Sbom(sbom) => &sbom.origin,
            Self::Scan(report) => &report.origin,
        }
    }

    fn predicate_type(&self) -> Option<&'static str> {
        match self {
            Self::Scan(_) => Some(predicate::VULN),
            Self::Sbom(sbom) => match sbom.format {
                Format::CyclonedxJson => Some(predicate::CYCLONEDX),
                Format::SpdxJson | Format::SpdxTagValue | Format::Spdx3Json => {
                    Some(predicate::SPDX)
                }
                Format::SyftJson => Some(predicate::SYFT),
                _ => None,
            },
        }
    }

    /// Returns the document as it may be published: without secrets, alone, and decoded.
    fn text(&self, bytes: &Bytes) -> Result<String, String> {
        let path = &self.origin().path;
        let text = formats::text(path, bytes.to_vec()).map_err(|error| error.to_string())?;
        let places = formats::documents_in(path, &text).map_err(|error| error.to_string())?;
        match places.as_slice() {
            [one] => Ok(text.get(one.clone()).unwrap_or_default().to_owned()),
            several => Err(format!("the file holds {} documents", several.len())),
        }
    }

    /// Makes the predicate, or says why there is none.
    pub(super) fn predicate(&self, bytes: &Bytes) -> Result<Predicate, String> {
        let text = self.text(bytes)?;
        let made = match self {
            Self::Sbom(sbom) => predicate::sbom(sbom.format, &sbom.origin.path, &text),
            Self::Scan(report) => predicate::scan(report, &text),
        };
        made.map_err(|error| error.to_string())
    }
}

/// Returns a subject's documents that are known to be about it, SBOMs first; a file that is both
/// counts as SBOM.
pub(super) fn documents(review: &Review, subject: usize) -> Vec<Document<'_>> {
    let Some(image) = review.subjects.get(subject) else {
        return Vec::new();
    };
    // A name proves nothing about a digest.
    let proven = |(_, rule): &&(usize, JoinRule)| *rule != JoinRule::Name;
    let sboms = image.sboms.iter().filter(proven);
    let sboms = sboms.filter_map(|(position, _)| review.sboms.get(*position));
    let mut found: Vec<Document<'_>> = sboms.map(|sbom| Document::Sbom(sbom)).collect();
    let reports = image.reports.iter().filter(proven);
    let reports = reports.filter_map(|(position, _)| review.reports.get(*position));
    for report in reports {
        let sha256 = &report.origin.sha256;
        if !found.iter().any(|it| it.origin().sha256 == *sha256) {
            found.push(Document::Scan(report));
        }
    }
    found
}

fn has_verdicts(review: &Review, subject: usize) -> bool {
    let verdict = |position: usize| review.verdicts.get(position).and_then(Option::as_ref);
    review
        .findings_of(subject)
        .any(|position| verdict(position).is_some())
}

/// Works out what is going to be attested about the approved subjects.
pub(super) fn planned(
    review: &Review,
    approved: &[(usize, Digest)],
    has_archive: bool,
) -> Vec<StatementPlan> {
    let mut all = Vec::new();
    for (subject, about) in approved {
        let own = |kind: &str| StatementPlan {
            predicate_type: kind.to_owned(),
            subject: about.clone(),
            document: None,
            name: None,
            form: Form::Inline,
            because: None,
        };
        for document in documents(review, *subject) {
            let origin = document.origin();
            let kind = document.predicate_type();
            let is_large = origin.size > LARGEST_PREDICATE as u64;
            let (form, because) = match kind {
                None => (
                    Form::LeftOut,
                    Some("cosign has no type for such a document".to_owned()),
                ),
                Some(_) if !is_large => (Form::Inline, None),
                Some(_) => (
                    if has_archive {
                        Form::Reference
                    } else {
                        Form::LeftOut
                    },
                    Some(format!("it is larger than {LARGEST_PREDICATE} bytes")),
                ),
            };
            all.push(StatementPlan {
                document: Some(origin.sha256.clone()),
                name: Some(origin.path.clone()),
                form,
                because,
                ..own(kind.unwrap_or("unknown"))
            });
        }
        if has_verdicts(review, *subject) {
            all.push(own(predicate::OPENVEX));
        }
        all.push(own(APPROVAL_PREDICATE));
    }
    all
}
