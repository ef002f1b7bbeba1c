//! Unlocking the signing key: the password from `COSIGN_PASSWORD`, else asked for on a terminal.
//!
//! Nothing is kept; deriving the key takes up to a second.

use super::output;
use super::settings::Settings;
use super::stop::Stop;
use crate::connect::ConnectError;
use crate::signing::{Password, Signer, SigningError};

/// How often a password may be typed.
const TRIES: usize = 3;

/// Unlocks the key of the settings.
pub(super) fn unlock(settings: &Settings) -> Result<Signer, Stop> {
    let connector = &settings.connector;
    let key = connector.config.key.as_deref().ok_or(ConnectError::NoKey)?;
    if let Some(password) = connector.password() {
        return Ok(connector.signer(&password)?);
    }
    let terminals = connector.environment.terminals;
    if !(terminals.input && terminals.error) {
        return Err(
            Stop::input(format!("the password of {key} is not known")).hint(
                "set COSIGN_PASSWORD (to an empty value for an empty password), or run this on a terminal",
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
