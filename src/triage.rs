//! Triage: pure work on the nouns, from records to findings, views, comparisons and the gate.
//!
//! No I/O, no clock and no drawing here: everything a function needs is an argument.

pub mod advice;
pub mod calendar;
pub mod carry;
pub mod compare;
pub mod components;
pub mod diff;
pub mod filter;
pub mod gate;
pub mod hygiene;
pub mod impact;
pub mod index;
pub mod join;
mod natural;
pub mod policy;
pub mod prediction;
pub mod ratings;
pub mod risk;
pub mod standing;
pub mod subject;
pub mod suppress;
#[cfg(test)]
mod testing;
pub mod versions;
pub mod view;
