//! Plans and receipts as documents: the schema's name first, then the fields.
//!
//! Fields are declared where the values are; front ends write them, archive and ledger keep them.

use serde::Serialize;

/// A document.
#[derive(Clone, Debug, Serialize)]
pub struct Document<'a, T> {
    schema: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

impl<'a, T> Document<'a, T> {
    /// Returns the document with the schema's name and the fields of `body`.
    pub(super) fn new(schema: &'static str, body: &'a T) -> Self {
        Self { schema, body }
    }
}
