//! The outside world of a promotion, as one value.
//!
//! Opening them is the work of `connect`; nothing here reads settings.

use std::sync::Arc;

use crate::archive::Archive;
use crate::environment::Environment;
use crate::ledger::Ledger;
use crate::registry::Client;
use crate::signing::Signer;

/// Everything a promotion may touch. Opened by `connect`, handed to the executor.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The registry client, for source and destination.
    pub client: Client,
    /// The ledger.
    pub ledger: Arc<Ledger>,
    /// The archive, where one is configured.
    pub archive: Option<Archive>,
    /// The unlocked signer; none with `--no-sign` or while only planning.
    pub signer: Option<Signer>,
    /// The process environment.
    pub environment: Environment,
}
