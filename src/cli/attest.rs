//! `attest`: signs a statement about an image and puts it beside.
//!
//! A standing rejection is refused; what can be stated is `signatures`' work.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Serialize;

use super::args::{AttestArgs, Format};
use super::exit::Exit;
use super::settings::Settings;
use super::sign::tell_stored;
use super::stop::Stop;
use super::target::Target;
use super::{output, unlock, work};
use crate::formats::MAX_SIZE;
use crate::signatures::{self, AttestOptions, AttestOutcome, predicate};
use crate::signing::Signer;

/// The document `attest`.
#[derive(Serialize)]
struct AttestDocument<'a> {
    image: String,
    #[serde(flatten)]
    outcome: &'a AttestOutcome,
}

/// Runs the command.
pub(super) fn run(args: &AttestArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let given = predicate::Given {
        kind: args.kind.clone(),
        name: args.predicate.display().to_string(),
        bytes: read(&args.predicate)?,
        location: args.by_reference.clone(),
        now: settings.environment().now(),
    };
    // Refused before a password is asked for.
    let predicate = given.predicate()?;
    let target = Target::named(&args.image, settings)?;
    let mut output = settings.output()?;
    let signer = unlock::unlock(settings)?;
    let outcome = work::block_on(attest(&target, args, &predicate, &signer, settings))??;
    if format == Format::Json {
        let document = AttestDocument {
            image: target.reference.to_string(),
            outcome: &outcome,
        };
        output.document("attest", &document)?;
    } else {
        output.line(&format!(
            "attested {}@{} with key {}",
            outcome.docker_reference, outcome.digest, outcome.key_fingerprint
        ))?;
        output.line(&format!("  type    {}", outcome.predicate_type))?;
        let (bundle, legacy) = (outcome.bundle.as_ref(), outcome.legacy.as_ref());
        tell_stored(&mut output, ".att", bundle, legacy)?;
    }
    output.finish()?;
    for warning in &outcome.warnings {
        output::warning(warning, &[]);
    }
    Ok(Exit::Done)
}

async fn attest(
    target: &Target,
    args: &AttestArgs,
    predicate: &predicate::Predicate,
    signer: &Signer,
    settings: &Settings,
) -> Result<AttestOutcome, Stop> {
    let client = settings.connector.client()?;
    let subject = target.resolve(&client, settings).await?.descriptor();
    let options = AttestOptions {
        created: settings.environment().now(),
        layout: args.layout.map(Into::into),
    };
    let repository = &target.reference.repository;
    Ok(signatures::attest(&client, repository, &subject, signer, predicate, &options).await?)
}

fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    let failed =
        |error: std::io::Error| Stop::input(format!("{} cannot be read: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_SIZE as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > MAX_SIZE {
        return Err(Stop::input(format!(
            "{} is larger than {MAX_SIZE} bytes",
            path.display()
        )));
    }
    Ok(bytes)
}
