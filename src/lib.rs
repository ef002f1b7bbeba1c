//! countersign: from container scan results to a decision, from the decision to a signed,
//! promoted image.
//!
//! One crate, two front ends (`cli`, `tui`) over one core. `docs/architecture.md` draws the map;
//! `tests/architecture.rs` holds the rule who may import whom and fails with the offending line.
//!
//! Everything begins with bytes whose format is found by content; what could not be read is an
//! error or a counted loss, never a clean report:
//!
//! ```
//! use countersign::formats::{self, Document};
//!
//! let bytes = br#"{"matches": [], "source": {"type": "image", "target": {"userInput": "alpine"}},
//!     "descriptor": {"name": "grype", "version": "0.92.0"}}"#;
//! let loaded = formats::read("alpine.grype.json", bytes.to_vec())?;
//! let Some(Document::Report(report)) = loaded.documents.first() else { unreachable!() };
//! assert_eq!((report.scanner.as_str(), report.counts().read), ("grype", 0));
//!
//! let cut = formats::read("alpine.grype.json", bytes[..40].to_vec());
//! assert!(cut.is_err());
//! # Ok::<(), formats::FormatError>(())
//! ```

pub mod archive;
pub mod cli;
pub mod config;
pub mod connect;
pub mod demo;
pub mod environment;
pub mod error;
pub mod export;
pub mod formats;
pub mod keymap;
pub mod ledger;
pub mod model;
pub mod promotion;
pub mod registry;
pub mod review;
pub mod scanner;
pub mod signatures;
pub mod signing;
pub mod store;
pub mod text;
pub mod triage;
pub mod tui;
