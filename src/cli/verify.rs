//! `verify`: whether somebody trusted signed the image (exit 0) or not (exit 1).
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
use crate::signatures::{
    self, FoundSignature, Keyless, Pattern, Roots, Trust, TrustedIdentity, Verification,
    VerifyOptions, predicate,
};
use crate::signing::{PublicKey, read_public_key};

/// Runs the command.
pub(super) fn run(args: &VerifyArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let wanted = args.kind.as_deref().map(predicate::kind_of).transpose()?;
    let trusted = Trusted::of(args, settings)?;
    let reference = registry_image(&args.image)?;
    let mut output = settings.output()?;
    let predicate_output = match &args.predicate_output {
        Some(path) => Some(settings.file(path)?),
        None => None,
    };
    let mut found = work::block_on(async {
        let client = settings.connector.client()?;
        let archive = settings.connector.archive().await?;
        let image = Image::Registry(reference.clone());
        let digest = registry::resolve(&client, &image).await?.manifest.digest;
        let options = VerifyOptions {
            keys: &trusted.keys,
            keyless: trusted.keyless.as_ref(),
            archive: archive.as_ref(),
            strict: args.strict,
            now: settings.environment().now(),
        };
        let found = signatures::verify(&client, &reference.repository, &digest, &options).await?;
        Ok::<_, Stop>(found)
    })??;
    trusted.name(&mut found);
    let answer = match &wanted {
        None => found.signed,
        Some(kind) => attested(&found, kind).next().is_some(),
    };
    if format == Format::Json {
        output.document("verification", &found)?;
    } else {
        tell(&mut output, &found, wanted.as_deref(), answer)?;
    }
    if let (Some(file), Some(kind)) = (predicate_output, &wanted) {
        write_predicate(file, &found, kind)?;
    }
    output.finish()?;
    for warning in &found.warnings {
        output::warning(warning, &[]);
    }
    Ok(if answer { Exit::Done } else { Exit::No })
}

/// Who may sign.
struct Trusted {
    keys: Vec<PublicKey>,
    keyless: Option<Keyless>,
    names: Trust,
}

impl Trusted {
    /// Takes the key and the identity of the command line; without either, all of the trust file;
    /// without one, the configured key.
    fn of(args: &VerifyArgs, settings: &Settings) -> Result<Self, Stop> {
        let given = identity(args)?;
        let names = settings.connector.trust()?;
        let (mut keys, mut identities) = (Vec::new(), Vec::new());
        if args.key.key.is_some() || given.is_some() {
            if let Some(key) = &args.key.key {
                keys.push(public_key(key, settings)?);
            }
            identities.extend(given);
        } else if names.keys.is_empty() && names.identities.is_empty() {
            if let Some(key) = &settings.config().key {
                keys.push(public_key(key, settings)?);
            }
        } else {
            keys.extend(names.keys.iter().map(|named| named.key.clone()));
            identities.extend(names.identities.iter().cloned());
        }
        if identities.is_empty() {
            if keys.is_empty() {
                return Err(Stop::usage("verify needs to know who may sign").hint(
                    "name the public key with --key FILE.pub, a keyless signer with --certificate-identity and --certificate-oidc-issuer, or both in a trust file",
                ));
            }
            if args.trusted_root.is_some() {
                return Err(Stop::usage(
                    "--trusted-root is for certificates, and no identity is given",
                )
                .hint(
                    "say whose certificate: --certificate-identity with --certificate-oidc-issuer",
                ));
            }
            let keyless = None;
            return Ok(Self {
                keys,
                keyless,
                names,
            });
        }
        for open in identities
            .iter()
            .filter(|identity| identity.identity.is_open())
        {
            let name = open
                .name
                .as_deref()
                .unwrap_or("--certificate-identity-regexp");
            output::warning(
                &format!("{name} also matches longer identities"),
                &["write ^ before and $ after the expression".to_owned()],
            );
        }
        let roots = match &args.trusted_root {
            Some(path) => Roots::from_file(path)?,
            None => Roots::built_in()?,
        };
        let keyless = Some(Keyless::new(roots, identities));
        Ok(Self {
            keys,
            keyless,
            names,
        })
    }

    /// Writes the names of keys into what was found.
    fn name(&self, found: &mut Verification) {
        for one in found.signatures.iter_mut().chain(&mut found.attestations) {
            if let Some(key) = &one.key_fingerprint {
                one.name = self.names.name_of(key).map(str::to_owned);
            }
        }
    }
}

/// Reads the identity that is asked for; it is nothing without its issuer.
fn identity(args: &VerifyArgs) -> Result<Option<TrustedIdentity>, Stop> {
    let pattern = |option: &str, exact: &Option<String>, expression: &Option<String>| match (
        exact, expression,
    ) {
        (Some(text), _) => Ok(Some(Pattern::Exact(text.clone()))),
        (None, Some(text)) => Pattern::expression(text)
            .map(Some)
            .map_err(|detail| Stop::usage(format!("--{option}-regexp: {detail}"))),
        (None, None) => Ok(None),
    };
    let identity = pattern(
        "certificate-identity",
        &args.certificate_identity,
        &args.certificate_identity_regexp,
    )?;
    let issuer = pattern(
        "certificate-oidc-issuer",
        &args.certificate_oidc_issuer,
        &args.certificate_oidc_issuer_regexp,
    )?;
    match (identity, issuer) {
        (None, None) => Ok(None),
        (Some(identity), Some(issuer)) => Ok(Some(TrustedIdentity {
            name: None,
            identity,
            issuer,
        })),
        _ => Err(Stop::usage(
            "a certificate is checked by identity and issuer: give both",
        )),
    }
}

/// Returns the valid statements of a type, the latest last.
fn attested<'a>(
    found: &'a Verification,
    kind: &'a str,
) -> impl Iterator<Item = &'a FoundSignature> {
    let all = found.signatures.iter().chain(&found.attestations);
    all.filter(move |one| one.valid && one.predicate_type.as_deref() == Some(kind))
}

/// Writes the predicate of the latest statement; a predicate that is JSON text (SPDX tag-value) as
/// the text that it is.
fn write_predicate(mut file: Output, found: &Verification, kind: &str) -> Result<(), Stop> {
    let mut texts: Vec<(&FoundSignature, &str)> = attested(found, kind)
        .filter_map(|one| Some((one, one.predicate.as_deref()?)))
        .collect();
    texts.sort_by(|(a, _), (b, _)| a.claimed_time.cmp(&b.claimed_time));
    let Some((latest, text)) = texts.last() else {
        return Ok(());
    };
    if texts.iter().any(|(_, other)| other != text) {
        let stored = &latest.stored_as;
        let hint = "the others are listed with --format json".to_owned();
        output::warning(
            &format!("several attestations of this type differ; the one of {stored} was written"),
            &[hint],
        );
    }
    match serde_json::from_str::<String>(text) {
        Ok(inner) => file.data(&inner)?,
        Err(_not_a_string) => file.data(text)?,
    }
    file.finish()
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

fn tell(
    output: &mut Output,
    found: &Verification,
    wanted: Option<&str>,
    answer: bool,
) -> Result<(), Stop> {
    match (wanted, answer) {
        (None, true) => output.line(&format!("signed: {}", found.image))?,
        (None, false) => output.line(&format!("NOT signed: {}", found.image))?,
        (Some(kind), true) => output.line(&format!("attested as {kind}: {}", found.image))?,
        (Some(kind), false) => output.line(&format!("NOT attested as {kind}: {}", found.image))?,
    }
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
        let who = approval.key_fingerprint.as_ref();
        let who = who.map_or_else(|| "its signer".to_owned(), |key| format!("key {key}"));
        output.line(&format!("  approved by {who}"))?;
    }
    if let Some(root) = &found.trusted_root {
        let date = root.date.map(|date| format!(", of {date}"));
        output.line(&format!(
            "  certificates checked against the trusted root {}{}",
            root.name,
            date.unwrap_or_default()
        ))?;
    }
    Ok(())
}

fn describe(one: &FoundSignature) -> String {
    let place = match (one.format, one.predicate_type.is_some()) {
        (signatures::Format::Legacy, false) => ".sig tag",
        (signatures::Format::Legacy, true) => ".att tag",
        (signatures::Format::Bundle, _) => "bundle",
        (signatures::Format::Notation, _) => "Notation",
    };
    let kind = one.predicate_type.as_ref();
    let kind = kind.map(|kind| format!(" {kind}")).unwrap_or_default();
    if !one.valid {
        let reason = one.reason.as_deref().unwrap_or("no reason known");
        return format!("({place}){kind} NOT valid: {reason}");
    }
    let name = one.name.as_ref();
    let name = name.map(|name| format!(" `{name}`")).unwrap_or_default();
    let who = match (&one.key_fingerprint, &one.identity, &one.issuer) {
        (Some(key), ..) => format!("key{name} {key}"),
        (None, Some(identity), Some(issuer)) => format!("{name} {identity} of {issuer}"),
        _ => String::new(),
    };
    let time = one.proven_time.as_ref();
    let time = time.map(|time| format!(", proven for {time}"));
    let time = time.unwrap_or_default();
    format!("({place}){kind} valid, {}{time}", who.trim_start())
}
