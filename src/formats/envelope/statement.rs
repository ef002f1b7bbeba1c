//! The in-toto attestation statement, versions 1 and 0.1.
//!
//! Predicates stay plain JSON here; who asks for one reads it into a type of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EnvelopeError, read};
use crate::model::Digest;

/// The type of a statement, version 1: the only one this program writes.
pub const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
/// The type of a statement, version 0.1: older attestations have it.
pub const STATEMENT_V0_1: &str = "https://in-toto.io/Statement/v0.1";

/// What somebody says about one or several artifacts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// The statement's own type.
    #[serde(rename = "_type")]
    pub kind: String,
    /// What it is about.
    pub subject: Vec<StatementSubject>,
    /// The URI that says how to read the predicate.
    pub predicate_type: String,
    /// What is said; empty object where the type says it all.
    #[serde(default)]
    pub predicate: Value,
}

/// One artifact that a statement is about (in-toto's `ResourceDescriptor`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatementSubject {
    /// Its name, where one is given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Hexadecimal digests by algorithm.
    #[serde(default)]
    pub digest: BTreeMap<String, String>,
    /// Free annotations; cosign keeps `-a key=value` here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, Value>,
}

impl StatementSubject {
    /// Returns whether this is the artifact with `digest`.
    #[must_use]
    pub fn is(&self, digest: &Digest) -> bool {
        self.digest
            .get(digest.algorithm().as_str())
            .is_some_and(|hex| hex == digest.hex())
    }
}

impl Statement {
    /// Builds a statement about one image, version 1.
    #[must_use]
    pub fn about(digest: &Digest, predicate_type: &str, predicate: Value) -> Self {
        let hex = digest.hex().to_owned();
        Self {
            kind: STATEMENT_V1.to_owned(),
            subject: vec![StatementSubject {
                digest: BTreeMap::from([(digest.algorithm().as_str().to_owned(), hex)]),
                ..StatementSubject::default()
            }],
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    /// Reads a statement from JSON.
    ///
    /// # Errors
    /// When it is not JSON of that shape, a key is given twice, or the version is unknown.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let statement: Self = read(bytes, "in-toto statement")?;
        if statement.kind == STATEMENT_V1 || statement.kind == STATEMENT_V0_1 {
            return Ok(statement);
        }
        let kind = statement.kind.chars().take(160).collect();
        Err(EnvelopeError::StatementVersion { kind })
    }

    /// Returns the subject with `digest`, wherever it stands in the list.
    #[must_use]
    pub fn subject_with(&self, digest: &Digest) -> Option<&StatementSubject> {
        self.subject.iter().find(|subject| subject.is(digest))
    }

    /// Writes the statement as JSON.
    ///
    /// # Errors
    /// Never for a statement in memory; the JSON writer's error is passed on all the same.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}
