//! What hangs on an image, read: the statement as it was signed, and the SBOM inside.
//!
//! Nothing is verified here: the tree says what holds. A document is fetched when it is opened.

use std::sync::Arc;

use serde_json::Value;

use super::SignaturesError;
use super::tree::{NodeKind, TreeNode};
use crate::formats::envelope::{Bundle, Envelope, Statement};
use crate::formats::{self, Document};
use crate::model::{Digest, Repository, Sbom};
use crate::registry::Client;

/// The largest document that is opened, in bytes: what cosign reads at most by default.
const LARGEST_DOCUMENT: u64 = 128 * 1024 * 1024;

/// A document that hangs on an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Attached {
    /// The predicate type it claims; none for what is no statement.
    pub predicate_type: Option<String>,
    /// What the statement says it is about: digests, each with its algorithm in front.
    pub subjects: Vec<String>,
    /// The statement, or the payload of a signature, as indented JSON; none where it is neither.
    pub statement: Option<String>,
    /// The SBOM it is or holds.
    pub sbom: Option<Arc<Sbom>>,
    /// The digest of the document itself, without what wraps it: of a predicate's canonical JSON,
    /// else of the bytes. Two attestations of one SBOM have one.
    pub content: Digest,
    /// Why there is no SBOM in something that says it is one.
    pub problem: Option<String>,
}

/// Opens the document of a node.
///
/// # Errors
/// When the node has no document, or the registry does not give it as it is described.
pub async fn attached(
    client: &Client,
    repository: &Repository,
    node: &TreeNode,
) -> Result<Attached, SignaturesError> {
    let Some(document) = &node.document else {
        return Err(SignaturesError::NothingToOpen {
            kind: node.kind.as_str(),
            digest: node.digest.clone(),
        });
    };
    let bytes = client
        .blob(repository, document, LARGEST_DOCUMENT)
        .await?
        .to_vec();
    let name = format!("{repository}@{}", node.digest);
    Ok(read(&name, node, bytes))
}

/// Takes a document apart.
fn read(name: &str, node: &TreeNode, bytes: Vec<u8>) -> Attached {
    let statement = statement(&bytes);
    let mut attached = Attached {
        predicate_type: None,
        subjects: Vec::new(),
        statement: None,
        sbom: None,
        content: Digest::of(&bytes),
        problem: None,
    };
    match &statement {
        Some(statement) => {
            attached.predicate_type = Some(statement.predicate_type.clone());
            attached.subjects = subjects(statement);
            attached.statement = serde_json::to_string_pretty(statement).ok();
            if let Some(content) = canonical(&statement.predicate) {
                attached.content = content;
            }
        }
        None if node.kind == NodeKind::Signature => {
            let payload: Option<Value> = serde_json::from_slice(&bytes).ok();
            attached.statement = payload.and_then(|it| serde_json::to_string_pretty(&it).ok());
        }
        None => {}
    }
    if node.holds_sbom() {
        match formats::read(name, bytes) {
            Ok(loaded) => {
                let sbom = loaded.documents.into_iter().find_map(|document| {
                    if let Document::Sbom(sbom) = document {
                        Some(Arc::new(sbom))
                    } else {
                        None
                    }
                });
                attached.problem = sbom
                    .is_none()
                    .then(|| "it says it holds an SBOM and does not".to_owned());
                attached.sbom = sbom;
            }
            Err(error) => attached.problem = Some(error.to_string()),
        }
    }
    attached
}

/// Returns the statement in a bundle, in an envelope, or alone.
fn statement(bytes: &[u8]) -> Option<Statement> {
    let envelope = Bundle::parse(bytes)
        .map(|bundle| bundle.envelope)
        .or_else(|_no_bundle| Envelope::parse(bytes));
    match envelope {
        Ok(envelope) => Statement::parse(&envelope.payload).ok(),
        Err(_neither) => Statement::parse(bytes).ok(),
    }
}

fn subjects(statement: &Statement) -> Vec<String> {
    let digests = statement.subject.iter().flat_map(|subject| &subject.digest);
    digests
        .map(|(algorithm, hex)| format!("{algorithm}:{hex}"))
        .collect()
}

fn canonical(predicate: &Value) -> Option<Digest> {
    let bytes = serde_json_canonicalizer::to_vec(predicate).ok()?;
    Some(Digest::of(&bytes))
}
