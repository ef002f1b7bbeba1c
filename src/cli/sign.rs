//! `sign`: resolves the image to a digest once and signs that digest.
//!
//! What the ledger has to say is asked in `target`; what a signature consists of is `signatures`' work.

use serde::Serialize;

use super::args::{Format, SignArgs};
use super::exit::Exit;
use super::settings::Settings;
use super::stop::Stop;
use super::target::Target;
use super::{keyless, output, unlock, work};
use crate::signatures::{self, SignOptions, SignOutcome, Stored};
use crate::signing::Signer;

/// The document `sign`.
#[derive(Serialize)]
struct SignDocument<'a> {
    image: String,
    #[serde(flatten)]
    outcome: &'a SignOutcome,
    /// The manifests of an index, with --recursive.
    manifests: &'a [SignOutcome],
    /// The program that signed, with --keyless.
    program: Option<String>,
    /// With --keyless: signatures with a certificate that are beside the image now.
    certificates: Option<usize>,
}

/// Runs the command.
pub(super) fn run(args: &SignArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let target = Target::named(&args.image, settings)?;
    if args.keyless {
        return keyless::run(&target, args.publish_identity, format, settings);
    }
    let mut output = settings.output()?;
    let signer = unlock::unlock(settings)?;
    let outcomes = work::block_on(sign(&target, args, &signer, settings))??;
    let Some((outcome, manifests)) = outcomes.split_first() else {
        return Ok(Exit::Done);
    };
    if format == Format::Json {
        let document = SignDocument {
            image: target.reference.to_string(),
            outcome,
            manifests,
            program: None,
            certificates: None,
        };
        output.document("sign", &document)?;
    } else {
        for outcome in &outcomes {
            output.line(&format!(
                "signed {}@{} with key {}",
                outcome.docker_reference, outcome.digest, outcome.key_fingerprint
            ))?;
            let (bundle, legacy) = (outcome.bundle.as_ref(), outcome.legacy.as_ref());
            tell_stored(&mut output, ".sig", bundle, legacy)?;
        }
    }
    output.finish()?;
    for warning in outcomes.iter().flat_map(|outcome| &outcome.warnings) {
        output::warning(warning, &[]);
    }
    Ok(Exit::Done)
}

/// Says where a signature or statement is.
pub(super) fn tell_stored(
    output: &mut output::Output,
    tag: &str,
    bundle: Option<&Stored>,
    legacy: Option<&Stored>,
) -> Result<(), Stop> {
    for (name, stored) in [("bundle", bundle), (tag, legacy)] {
        if let Some(stored) = stored {
            output.line(&format!("  {name:<7} {}", stored.digest))?;
        }
    }
    Ok(())
}

async fn sign(
    target: &Target,
    args: &SignArgs,
    signer: &Signer,
    settings: &Settings,
) -> Result<Vec<SignOutcome>, Stop> {
    let client = settings.connector.client()?;
    let manifest = target.resolve(&client, settings).await?;
    let repository = &target.reference.repository;
    let mut subjects = vec![manifest.descriptor()];
    if args.recursive {
        subjects.extend(signatures::children(&client, repository, &manifest).await?);
    }
    let options = SignOptions {
        annotations: args.annotation.iter().cloned().collect(),
        created: settings.environment().now(),
        layout: args.layout.into(),
    };
    let mut outcomes = Vec::new();
    for subject in &subjects {
        outcomes.push(signatures::sign(&client, repository, subject, signer, &options).await?);
    }
    Ok(outcomes)
}
