//! What the demonstration is made of.
//!
//! Nothing outside it may depend on this module, tests excepted.

pub mod registry;
