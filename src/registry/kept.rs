//! Small documents of sources, kept for a minute: a plan, its check and the copy read the same ones.
//!
//! Only what was checked against its digest is kept, and nothing that a tag names: those may move.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::model::{Digest, Repository};

/// The most bytes of one document.
const LARGEST: usize = 512 << 10;

/// The most bytes of all documents.
const ALL: usize = 4 << 20;

/// How long a document is kept.
const AGE: Duration = Duration::from_mins(1);

#[derive(Default)]
struct Shelf {
    documents: HashMap<(String, Digest), (Bytes, String, Instant)>,
    bytes: usize,
}

/// The documents.
#[derive(Default)]
pub(super) struct Kept(Mutex<Shelf>);

impl Kept {
    /// Returns bytes and media type of a document.
    pub(super) fn find(&self, repository: &Repository, digest: &Digest) -> Option<(Bytes, String)> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (repository.to_string(), digest.clone());
        let (bytes, kind, since) = kept.documents.get(&key)?;
        (since.elapsed() < AGE).then(|| (bytes.clone(), kind.clone()))
    }

    /// Keeps a document that has this digest.
    pub(super) fn keep(&self, repository: &Repository, digest: &Digest, bytes: &Bytes, kind: &str) {
        if bytes.len() > LARGEST {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + bytes.len() > ALL {
            *kept = Shelf::default();
        }
        kept.bytes += bytes.len();
        let document = (bytes.clone(), kind.to_owned(), Instant::now());
        let key = (repository.to_string(), digest.clone());
        if let Some((old, ..)) = kept.documents.insert(key, document) {
            kept.bytes -= old.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> Repository {
        Repository {
            registry: "r".into(),
            path: "a".into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_document_is_kept_for_a_minute_and_memory_is_bounded() {
        let kept = Kept::default();
        let digest = |number: usize| Digest::of(&number.to_le_bytes());
        for number in 0..20 {
            kept.keep(
                &repository(),
                &digest(number),
                &vec![0; LARGEST].into(),
                "t",
            );
        }
        assert!(kept.0.lock().unwrap().bytes <= ALL);
        assert!(kept.find(&repository(), &digest(0)).is_none());
        assert!(kept.find(&repository(), &digest(19)).is_some());
        kept.keep(
            &repository(),
            &digest(99),
            &vec![0; LARGEST + 1].into(),
            "t",
        );
        assert!(kept.find(&repository(), &digest(99)).is_none());
        tokio::time::advance(AGE).await;
        assert!(kept.find(&repository(), &digest(19)).is_none());
    }
}
