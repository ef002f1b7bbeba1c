//! countersign: from container scan results to a decision, from the decision to a signed,
//! promoted image.
//!
//! One crate, two front ends (`cli`, `tui`) over one core. `docs/architecture.md` draws the map;
//! `tests/architecture.rs` holds the rule who may import whom and fails with the offending line.

pub mod archive;
pub mod cli;
pub mod config;
pub mod connect;
pub mod demo;
pub mod environment;
pub mod error;
pub mod formats;
pub mod keymap;
pub mod ledger;
pub mod model;
pub mod promotion;
pub mod registry;
pub mod review;
pub mod signatures;
pub mod signing;
pub mod store;
pub mod text;
pub mod triage;
pub mod tui;
