//! The nouns: what the field calls digests, references, packages, findings, reports, verdicts.
//!
//! No I/O and no decisions here; a type that has to read a file or ask a policy lives elsewhere.

mod digest;
pub mod oci;
mod reference;

pub use digest::{Algorithm, Digest, ParseDigestError, to_hex};
pub use reference::{Image, ImageReference, ParseReferenceError, Platform, Repository};
