//! What can go wrong in a promotion.
//!
//! What stands in the way of one is data (`Plan::blockers`) until somebody orders it.

use crate::archive::ArchiveError;
use crate::error::{ErrorKind, Explain};
use crate::ledger::LedgerError;
use crate::model::Digest;
use crate::registry::RegistryError;
use crate::review::ReviewError;
use crate::signatures::SignaturesError;
use crate::triage::gate::Blocker;

/// An error of a promotion.
#[derive(Debug, thiserror::Error)]
pub enum PromotionError {
    /// Something stands in the way; nothing was sent.
    #[error("the promotion is blocked: {}", list(.0))]
    Blocked(Vec<Blocker>),
    /// The plan is not the one that was shown; nothing was sent.
    #[error("the plan changed since it was shown: it was {shown} and is {now} ({what})")]
    PlanChanged {
        /// The plan digest that was confirmed.
        shown: Digest,
        /// The plan digest now.
        now: Digest,
        /// The parts that differ.
        what: String,
    },
    /// A safety rule said no in the middle.
    #[error("refused: {0}")]
    Refused(String),
    /// A report was changed or removed since it was reviewed.
    #[error("the evidence changed: {0}")]
    Evidence(#[source] ReviewError),
    /// A registry did not do what was asked.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Signing or verifying failed.
    #[error(transparent)]
    Signatures(#[from] SignaturesError),
    /// The evidence could not be archived.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The receipt could not be recorded.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The person cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A document could not be written as JSON: a defect.
    #[error("a document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
}

fn list(blockers: &[Blocker]) -> String {
    blockers
        .iter()
        .map(|blocker| blocker.text.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

impl Explain for PromotionError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Blocked(_) | Self::PlanChanged { .. } | Self::Refused(_) | Self::Evidence(_) => {
                ErrorKind::Refused
            }
            Self::Registry(error) => error.kind(),
            Self::Signatures(error) => error.kind(),
            Self::Archive(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Cancelled => ErrorKind::Interrupted,
            Self::Document(_) => ErrorKind::Internal,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Blocked(_) => {
                vec!["`countersign gate INPUT… --for promote` explains every blocker".to_owned()]
            }
            Self::PlanChanged { .. } => {
                vec![
                    "look at the plan again (`countersign plan …`) and confirm that one".to_owned(),
                ]
            }
            Self::Evidence(_) => {
                vec!["review the files as they are now, then approve and plan again".to_owned()]
            }
            Self::Refused(_) | Self::Document(_) => Vec::new(),
            Self::Registry(error) => error.hints(),
            Self::Signatures(error) => error.hints(),
            Self::Archive(error) => error.hints(),
            Self::Ledger(error) => error.hints(),
            Self::Cancelled => vec!["run it again: what was copied is not sent twice".to_owned()],
        }
    }
}
