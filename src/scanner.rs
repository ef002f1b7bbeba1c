//! Running the scanners that a person has installed: finding them, their command lines, their end.
//!
//! What a report says is read by `formats`, and what it means is worked out elsewhere; images are
//! resolved by the caller. Nothing here passes through a shell.

mod arguments;
mod error;
mod event;
mod files;
mod process;
mod program;
mod run;
mod target;
mod tool;
mod variables;
mod view;

pub use error::ScannerError;
pub use event::{Event, EventKind};
pub use program::Program;
pub use run::{Kept, Order, Outcome, Scan, run};
pub use target::{Chosen, Target};
pub use tool::{Product, Scanner};
