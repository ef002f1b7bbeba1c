//! `verify`: whether a trusted key signed the image (exit 0) or not (exit 1).
//!
//! How signatures are found and checked is `signatures`' work.

use std::path::Path;

use super::args::{Format, VerifyArgs};
use super::exit::Exit;
use super::output::Output;
use super::settings::Settings;
use super::stop::Stop;
use super::{output, registry_image, unlock, work};
use crate::connect::ConnectError;
use crate::model::Image;
use crate::registry;
use crate::signatures::{self, FoundSignature, Verification, VerifyOptions};
use crate::signing::{PublicKey, read_public_key};

/// Runs the command.
pub(super) fn run(args: &VerifyArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    refuse_certificates(args)?;
    let key = settings.config().key.as_deref().ok_or_else(|| {
        Stop::usage("verify needs the public key").hint("name it with --key FILE.pub")
    })?;
    let keys = [public_key(key, settings)?];
    let reference = registry_image(&args.image)?;
    let mut output = settings.output()?;
    let found = work::block_on(async {
        let client = settings.connector.client()?;
        let image = Image::Registry(reference.clone());
        let digest = registry::resolve(&client, &image).await?.manifest.digest;
        let options = VerifyOptions {
            keys: &keys,
            strict: args.strict,
            now: settings.environment().now(),
        };
        let found = signatures::verify(&client, &reference.repository, &digest, &options).await?;
        Ok::<_, Stop>(found)
    })??;
    if format == Format::Json {
        output.document("verification", &found)?;
    } else {
        tell(&mut output, &found)?;
    }
    output.finish()?;
    for warning in &found.warnings {
        output::warning(warning, &[]);
    }
    Ok(if found.signed { Exit::Done } else { Exit::No })
}

/// Certificates have to be checked completely or not at all.
fn refuse_certificates(args: &VerifyArgs) -> Result<(), Stop> {
    let identity =
        args.certificate_identity.is_some() || args.certificate_identity_regexp.is_some();
    let issuer =
        args.certificate_oidc_issuer.is_some() || args.certificate_oidc_issuer_regexp.is_some();
    if identity != issuer {
        return Err(Stop::usage(
            "a certificate is checked by identity and issuer: give both",
        ));
    }
    if identity || args.trusted_root.is_some() {
        return Err(Stop::usage("certificates cannot be verified yet")
            .hint("verify with the signer's public key: --key FILE.pub"));
    }
    Ok(())
}

/// Reads a public key: a file, the half beside a private key's file, or `env://VARIABLE`.
pub(super) fn public_key(key: &str, settings: &Settings) -> Result<PublicKey, Stop> {
    let wrong = |source| ConnectError::Key {
        key: key.to_owned(),
        source,
    };
    if let Some(key) = unlock::kms_key(key, settings)? {
        return Ok(key);
    }
    if let Some(variable) = key.strip_prefix("env://") {
        let pem = settings.environment().variable(variable);
        let pem = pem.ok_or_else(|| ConnectError::KeyVariable(variable.to_owned()))?;
        return Ok(PublicKey::from_pem(pem).map_err(wrong)?);
    }
    if let Some((scheme, _)) = key.split_once("://") {
        return Err(ConnectError::KeyPlace(scheme.to_owned()).into());
    }
    let path = Path::new(key);
    let beside = path.with_extension("pub");
    let is_private = path.extension().is_some_and(|it| it == "key") && beside.exists();
    Ok(read_public_key(if is_private { &beside } else { path }).map_err(wrong)?)
}

fn tell(output: &mut Output, found: &Verification) -> Result<(), Stop> {
    let answer = if found.signed { "signed" } else { "NOT signed" };
    output.line(&format!("{answer}: {}", found.image))?;
    if found.signatures.is_empty() && found.attestations.is_empty() {
        output.line("  nothing was found to verify")?;
    }
    let kinds = [
        ("signature", &found.signatures),
        ("attestation", &found.attestations),
    ];
    for (kind, list) in kinds {
        for one in list {
            output.line(&format!("  {kind} {}", describe(one)))?;
        }
    }
    if let Some(approval) = &found.approval {
        output.line(&format!("  approved by key {}", approval.key_fingerprint))?;
    }
    Ok(())
}

fn describe(one: &FoundSignature) -> String {
    let format = match one.format {
        signatures::Format::Legacy => ".sig tag",
        signatures::Format::Bundle => "bundle",
    };
    let key = one.key_fingerprint.as_ref().map(ToString::to_string);
    match (one.valid, &one.reason) {
        (true, _) => format!("({format}) valid, key {}", key.unwrap_or_default()),
        (false, reason) => format!(
            "({format}) NOT valid: {}",
            reason.as_deref().unwrap_or("no reason known")
        ),
    }
}
