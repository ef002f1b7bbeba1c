//! Opening the signing key: one in KMS is asked, for a file the password comes from a file
//! descriptor, from `COSIGN_PASSWORD`, or is asked for on a terminal.
//!
//! Nothing is kept; deriving the key takes up to a second.

use super::output;
use super::settings::Settings;
use super::stop::Stop;
use super::work;
use crate::connect::ConnectError;
use crate::signing::{Password, PublicKey, Signer, SigningError};

/// How often a password may be typed.
const TRIES: usize = 3;

/// Returns the public half of a key in KMS; none where `key` is kept elsewhere.
pub(super) fn kms_key(key: &str, settings: &Settings) -> Result<Option<PublicKey>, Stop> {
    if !key.starts_with("awskms:") {
        return Ok(None);
    }
    let opened = work::block_on(settings.connector.kms_key(key))??;
    Ok(opened.map(|opened| opened.public_key().clone()))
}

/// Unlocks the key of the settings.
pub(super) fn unlock(settings: &Settings) -> Result<Signer, Stop> {
    let connector = &settings.connector;
    let key = connector.config.key.as_deref().ok_or(ConnectError::NoKey)?;
    if !connector.needs_password() {
        let opened = work::block_on(connector.remote_signer())??;
        return Ok(opened.ok_or(ConnectError::NoKey)?);
    }
    if let Some(password) = connector.password() {
        return Ok(connector.signer(&password)?);
    }
    let terminals = connector.environment.terminals;
    if !(terminals.input && terminals.error) {
        return Err(
            Stop::input(format!("the password of {key} is not known")).hint(
                "set COSIGN_PASSWORD (to an empty value for an empty password), give --password-fd, or run this on a terminal",
            ),
        );
    }
    for tries_left in (0..TRIES).rev() {
        let typed =
            rpassword::prompt_password(format!("Password of {}: ", crate::text::Safe::new(key)))
                .map_err(|error| Stop::input(format!("the password cannot be read: {error}")))?;
        match connector.signer(&Password::new(typed)) {
            Err(ConnectError::Key {
                source: SigningError::WrongPassword,
                ..
            }) if tries_left > 0 => output::note("wrong password, once more"),
            other => return Ok(other?),
        }
    }
    Err(Stop::input("the password was wrong every time"))
}
