//! The signed approvals beside the chain: `approvals/<sha256>.dsse.json`, each written once.
//!
//! They are bytes here: signatures are checked and statements read by `review`.

use super::fault::{FOREIGN, SetAside};
use super::{Ledger, LedgerError};
use crate::model::Digest;
use crate::store::StoreError;

/// The folder of the signed approvals inside a ledger.
const APPROVALS: &str = "approvals/";

/// The largest signed approval that is read: 16 MiB, as for an entry.
const MAX_ENVELOPE: usize = 16 * 1024 * 1024;

/// A signed approval as it lies in the ledger: nobody checked its signature yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The SHA-256 of the bytes.
    pub sha256: Digest,
    /// A DSSE envelope.
    pub bytes: Vec<u8>,
}

impl Envelope {
    /// Returns the name of its file in the ledger.
    #[must_use]
    pub fn file(&self) -> String {
        file_name(&self.sha256)
    }
}

/// The signed approvals of a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelopes {
    /// Those whose bytes have the hash of their name.
    pub envelopes: Vec<Envelope>,
    /// The others.
    pub set_aside: Vec<SetAside>,
}

/// Returns whether a file belongs to the approvals rather than to the chain.
pub(super) fn is_beside(name: &str) -> bool {
    name.starts_with(APPROVALS)
}

pub(super) fn file_name(sha256: &Digest) -> String {
    format!("{APPROVALS}{}.dsse.json", sha256.hex())
}

fn digest_in(name: &str) -> Option<Digest> {
    let hex = name.strip_prefix(APPROVALS)?.strip_suffix(".dsse.json")?;
    format!("sha256:{hex}").parse().ok()
}

impl Ledger {
    /// Returns the signed approval of that digest; none where it is not there or was edited.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn envelope(&self, sha256: &Digest) -> Result<Option<Envelope>, LedgerError> {
        let bytes = self
            .store
            .get(&file_name(sha256))
            .await
            .map_err(|error| self.store_error(error))?;
        Ok(bytes
            .filter(|bytes| sha256.matches(bytes))
            .map(|bytes| Envelope {
                sha256: sha256.clone(),
                bytes,
            }))
    }

    /// Returns every signed approval.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn envelopes(&self) -> Result<Envelopes, LedgerError> {
        let names = self.names(APPROVALS).await?;
        self.envelopes_in(names).await
    }

    /// Reads the signed approvals of these names. Whatever lies there that is none is set aside:
    /// anybody can put a file into a folder that travels.
    pub(super) async fn envelopes_in(&self, names: Vec<String>) -> Result<Envelopes, LedgerError> {
        let mut result = Envelopes::default();
        for file in names {
            let mut aside = |file: String, reason| result.set_aside.push(SetAside { file, reason });
            let Some(sha256) = digest_in(&file) else {
                aside(file, FOREIGN);
                continue;
            };
            let bytes = match self.store.get(&file).await {
                Ok(Some(bytes)) => bytes,
                // Gone since it was listed.
                Ok(None) => continue,
                Err(
                    StoreError::NotExpected { .. }
                    | StoreError::TooLarge { .. }
                    | StoreError::Key { .. }
                    | StoreError::Io { .. },
                ) => {
                    aside(file, "it cannot be read as a file");
                    continue;
                }
                Err(error) => return Err(self.store_error(error)),
            };
            if bytes.len() > MAX_ENVELOPE {
                aside(file, "it is larger than any approval");
            } else if sha256.matches(&bytes) {
                result.envelopes.push(Envelope { sha256, bytes });
            } else {
                aside(file, "its bytes do not have the SHA-256 of its name");
            }
        }
        Ok(result)
    }
}
