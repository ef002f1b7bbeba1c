//! Waiting for work that may need the network: a runtime starts only then.
//!
//! Local ledgers and archives answer at once, so nothing is started for them.

use std::pin::pin;

use futures_util::FutureExt as _;

use super::stop::Stop;
use crate::error::ErrorKind;
use crate::ledger::{Chain, Ledger};

use super::settings::Settings;

/// Runs `future` to its end on a runtime of its own.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Stop> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| {
            Stop::new(
                ErrorKind::Internal,
                format!("the runtime does not start: {error}"),
            )
        })?;
    Ok(runtime.block_on(future))
}

/// Runs `future`, which answers at once where `is_local`.
pub(crate) fn wait<F: Future>(is_local: bool, future: F) -> Result<F::Output, Stop> {
    let mut future = pin!(future);
    if is_local && let Some(answer) = future.as_mut().now_or_never() {
        return Ok(answer);
    }
    block_on(future)
}

/// Returns whether a ledger or archive at `location` needs no network.
pub(crate) fn is_local(location: &str) -> bool {
    !location.starts_with("s3://")
}

/// Opens the ledger of the settings.
pub(crate) fn ledger(settings: &Settings) -> Result<Ledger, Stop> {
    let local = is_local(&settings.config().ledger);
    Ok(wait(local, settings.connector.ledger())??)
}

/// Reads the ledger of the settings.
pub(crate) fn chain(settings: &Settings) -> Result<Chain, Stop> {
    let local = is_local(&settings.config().ledger);
    wait(local, async {
        let ledger = settings.connector.ledger().await?;
        Ok(ledger.read().await?)
    })?
}
