//! What a person asks of a promotion: from where, to where, and what they consent to.
//!
//! As it was asked; what follows from it is worked out in `plan`.

use serde::Serialize;

use crate::model::{Digest, Image, ImageReference, Platform};
use crate::triage::gate::{Blocker, class};

/// What has to be there before an image is promoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Needed {
    /// What the policy asks for: the gate, and the approvals.
    #[default]
    Required,
    /// The gate alone; nobody has to approve.
    Gate,
    /// Nothing. A standing rejection and the policy's destinations hold all the same.
    None,
}

impl Needed {
    /// Returns whether a blocker of the gate is passed over.
    #[must_use]
    pub(super) fn passes_over(self, blocker: &Blocker) -> bool {
        match self {
            Self::Required => false,
            Self::Gate => matches!(blocker.class, class::APPROVAL | class::FOUR_EYES),
            Self::None => !matches!(blocker.class, class::REJECTED | class::DESTINATION),
        }
    }
}

/// What the person asks for.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a consent or a refusal of its own"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where the image is.
    pub source: Image,
    /// Where it shall be, with the tag.
    pub destination: ImageReference,
    /// The digest the tag shall name, where given.
    pub digest: Option<Digest>,
    /// The platform, where one of an index is meant.
    pub platform: Option<Platform>,
    /// Consent to moving an existing tag.
    pub move_tag: bool,
    /// Whether to go without a signature.
    pub no_sign: bool,
    /// Consent to making the repository, where it does not exist and the registry is Amazon ECR.
    pub create_repository: bool,
    /// What has to be there; anything but [`Needed::Required`] comes from a list of `sync` only.
    pub approval: Needed,
    /// Whether to sign the image alone, without attesting what it was judged by.
    pub no_attest: bool,
    /// Warning classes the person acknowledged.
    pub acknowledged: Vec<String>,
    /// Who promotes.
    pub promoter: String,
}

impl Request {
    /// Returns the tag a promotion puts.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.destination.tag.as_deref().unwrap_or("latest")
    }
}
