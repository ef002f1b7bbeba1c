//! Taking back several entries at once, as they were written.
//!
//! One entry, and whatever a key signed, goes the way of `record::withdraw`.

use crate::environment::Clock;
use crate::ledger::{Entry, Ledger, kind};
use crate::signing::Signer;

use super::decide::undo;
use super::record::{RecordError, withdraw};

/// Takes entries back with one new entry each, in their order. Nothing is written where one of them
/// cannot be taken back.
///
/// # Errors
/// As [`withdraw`]; where the ledger fails on the way, the error names what was written.
pub async fn withdraw_all(
    ledger: &Ledger,
    entries: &[u64],
    reviewer: &str,
    clock: Clock,
    signer: Option<&Signer>,
) -> Result<Vec<Entry>, RecordError> {
    if let [entry] = entries {
        return Ok(vec![
            withdraw(ledger, *entry, reviewer, clock, signer).await?,
        ]);
    }
    let chain = ledger.read().await?;
    let is_approval = |entry: &Entry| entry.kind == kind::APPROVAL && entries.contains(&entry.seq);
    if chain.broken.is_some() || chain.entries.iter().any(is_approval) {
        let mut written = Vec::with_capacity(entries.len());
        for entry in entries {
            written.push(withdraw(ledger, *entry, reviewer, clock, signer).await?);
        }
        return Ok(written);
    }
    let drafts = entries
        .iter()
        .map(|entry| undo(&chain, *entry, reviewer, clock))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(ledger.append_all(drafts).await?)
}
