//! Images where they are stored: registries, layout folders, archives, the Docker daemon; resolving, reading, copying by
//! digest, and the artifacts that refer to an image.
//!
//! Bytes are moved here and never interpreted beyond manifests and configurations: signatures are
//! listed and stored but judged elsewhere, and no tag is ever moved by a copy.

mod address;
mod auth;
mod client;
mod connection;
mod copy;
mod credentials;
mod daemon;
mod docker;
mod ecr;
mod error;
mod feed;
mod inspect;
mod kept;
mod layout;
mod pace;
mod packed;
mod preflight;
mod referrers;
mod resolve;
mod saved;
mod sessions;
mod stream;
mod survey;
mod tar;
mod transport;
mod unpack;
mod upload;

pub use client::Client;
pub use connection::ClientOptions;
pub use copy::{
    BlobFate, BlobOutcome, BlobProgress, CopyOutcome, CopyProgress, copy, copy_surveyed,
};
pub use credentials::LogIns;
pub use ecr::EcrHost;
pub use error::{EcrError, RegistryError};
pub use inspect::{Inspection, Layer, PlatformEntry, inspect};
pub use layout::{Layout, LayoutEntry};
pub use preflight::{ListedImage, Preflight};
pub use referrers::{DigestTag, Referrers, ReferrersSource};
pub use resolve::{Resolved, Source, resolve};
pub use survey::{BlobAction, Survey, SurveyedBlob, presumed, survey};

/// The most bytes a manifest or index may have (the floor that the distribution specification
/// asks of registries).
pub const MANIFEST_LIMIT: u64 = 4 << 20;

/// The most bytes an image configuration may have.
pub const CONFIG_LIMIT: u64 = 8 << 20;

#[cfg(test)]
mod tests;
