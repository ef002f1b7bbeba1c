//! The demonstration: bundled reports, a loopback registry, a key and an archive folder, all made
//! on the spot.
//!
//! Nothing outside it may depend on this module, tests and the front ends' `demo` excepted. The
//! story itself is told by the front ends: they do what a person would do.

mod image;
pub mod registry;
mod stage;

pub use image::SyntheticImage;
pub use stage::{Act, PASSWORD, Stage, StageError};
