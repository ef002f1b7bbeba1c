//! Amazon ECR: which hosts are registries of it, and its own interface beside the distribution API.
//!
//! Images are moved by the distribution API like everywhere else; only what that API has no words
//! for is asked here: log-ins, repositories and their settings.

mod api;
mod call;
mod host;

pub(super) use api::{Ecr, Mutability, matches, name, named};
pub use host::EcrHost;
