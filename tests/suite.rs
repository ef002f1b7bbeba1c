//! The one integration-test binary, so that heavy dependencies link once.
//!
//! A file here is a module of this one; `architecture` fails when a file is forgotten.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod admission;
mod approvals;
mod architecture;
mod attached;
mod carry;
mod cli;
mod demo;
mod demo_console;
mod docs;
mod ecr;
mod exemptions;
mod export;
mod faults;
mod formats;
mod gate;
mod hostile_exports;
mod interop_signing;
mod interop_verify;
mod keyless;
mod orders;
mod pages;
mod pictures;
mod promotion;
mod sboms;
mod scan;
mod scenario;
mod schemas;
mod secrets;
mod shared_ledger;
mod signatures;
mod sources;
mod store_s3;
mod support;
mod sync;
mod terminal;
mod truncation;
mod versions;
mod writers;
