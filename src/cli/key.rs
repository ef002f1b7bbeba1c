//! `key`: making a cosign-format key pair, showing a key's public half.
//!
//! No password is ever an argument: it is typed, or comes from `COSIGN_PASSWORD` or a descriptor.

use std::path::Path;

use serde::Serialize;

use super::args::{Format, KeyArgs, KeyCommand};
use super::exit::Exit;
use super::output::{Output, Table};
use super::settings::Settings;
use super::stop::Stop;
use super::unlock;
use crate::connect::ConnectError;
use crate::model::Digest;
use crate::signing::{KeyPair, Password, PublicKey};

/// The document `key`.
#[derive(Serialize)]
struct KeyDocument<'a> {
    private_key: Option<String>,
    public_key: Option<String>,
    algorithm: &'static str,
    fingerprint: &'a Digest,
    pem: &'a str,
}

/// Runs the command.
pub(super) fn run(args: &KeyArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let mut output = settings.output()?;
    match &args.command {
        KeyCommand::Generate { prefix } => generate(prefix, settings, format, &mut output)?,
        KeyCommand::Show(_) => show(settings, format, &mut output)?,
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn generate(
    prefix: &Path,
    settings: &Settings,
    format: Format,
    output: &mut Output,
) -> Result<(), Stop> {
    KeyPair::require_free(prefix)?;
    let pair = KeyPair::generate(&new_password(settings)?)?;
    let (private, public) = pair.write(prefix)?;
    let key = pair.key().public_key();
    if format == Format::Json {
        let document = KeyDocument {
            private_key: Some(private.display().to_string()),
            public_key: Some(public.display().to_string()),
            algorithm: "ecdsa-p256",
            fingerprint: key.fingerprint(),
            pem: pair.public_pem(),
        };
        return output.document("key", &document);
    }
    let mut table = Table::plain(2);
    table.row(["private key", &private.display().to_string()]);
    table.row(["public key", &public.display().to_string()]);
    table.row(["fingerprint", &key.fingerprint().to_string()]);
    output.table(&table, 0)
}

/// Asks for a new password twice, or takes the one that was given.
fn new_password(settings: &Settings) -> Result<Password, Stop> {
    if let Some(password) = settings.connector.password() {
        return Ok(password);
    }
    let terminals = settings.environment().terminals;
    if !terminals.input || !terminals.error {
        return Err(
            Stop::usage("the new key needs a password and there is no terminal to ask on").hint(
                "set COSIGN_PASSWORD (set but empty is the empty password) or give --password-fd",
            ),
        );
    }
    let ask = |text: &str| {
        rpassword::prompt_password(text)
            .map_err(|error| Stop::input(format!("the password cannot be read: {error}")))
    };
    let first = ask("Password for the new key: ")?;
    let again = ask("The same again: ")?;
    if first != again {
        return Err(Stop::input("the passwords differ; nothing was written"));
    }
    Ok(Password::new(first))
}

fn show(settings: &Settings, format: Format, output: &mut Output) -> Result<(), Stop> {
    let given = settings
        .config()
        .key
        .as_deref()
        .ok_or(ConnectError::NoKey)?;
    let key = public_half(given, settings)?;
    let pem = key.to_pem()?;
    if format == Format::Json {
        let document = KeyDocument {
            private_key: None,
            public_key: None,
            algorithm: "ecdsa-p256",
            fingerprint: key.fingerprint(),
            pem: &pem,
        };
        return output.document("key", &document);
    }
    let mut table = Table::plain(2);
    table.row(["key", given]);
    table.row(["fingerprint", &key.fingerprint().to_string()]);
    output.table(&table, 0)?;
    output.data(&pem)
}

/// Returns the public half: of a public key file, of the `.pub` file beside a private one, or, with
/// the password of the environment, of the private key itself.
fn public_half(given: &str, settings: &Settings) -> Result<PublicKey, Stop> {
    if let Some(key) = unlock::kms_key(given, settings)? {
        return Ok(key);
    }
    let is_public =
        std::fs::read_to_string(given).is_ok_and(|text| text.contains("BEGIN PUBLIC KEY"));
    if is_public {
        return Ok(crate::signing::read_public_key(Path::new(given))?);
    }
    if let Some(key) = settings.connector.public_key()? {
        return Ok(key);
    }
    let password = settings.connector.password().ok_or_else(|| {
        Stop::input(format!("the public half of {given} is not beside it"))
            .hint("put the .pub file beside the .key file, or set COSIGN_PASSWORD")
    })?;
    Ok(settings.connector.signer(&password)?.public_key().clone())
}
