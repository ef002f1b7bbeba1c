//! What a person asks of a promotion: from where, to where, and what they consent to.
//!
//! As it was asked; what follows from it is worked out in `plan`.

use crate::model::{Digest, Image, ImageReference, Platform};

/// What the person asks for.
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
