//! `sign`: resolves the image to a digest once and signs that digest.
//!
//! A standing rejection is refused; what a signature consists of is `signatures`' work.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::args::{Format, SignArgs};
use super::exit::Exit;
use super::settings::Settings;
use super::stop::Stop;
use super::{output, registry_image, unlock, work};
use crate::error::ErrorKind;
use crate::ledger::Chain;
use crate::model::{Image, ImageReference, oci::RawManifest};
use crate::registry::{self, Client};
use crate::review::{self, Inputs, SubjectState};
use crate::signatures::{self, SignOptions, SignOutcome};
use crate::signing::Signer;
use crate::triage::policy::Policy;

/// The document `sign`.
#[derive(Serialize)]
struct SignDocument<'a> {
    image: String,
    #[serde(flatten)]
    outcome: &'a SignOutcome,
}

/// Runs the command.
pub(super) fn run(args: &SignArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let reference = registry_image(&args.image)?;
    if settings.clock_is_given && !reference.repository.is_loopback() {
        return Err(Stop::usage(
            "--now is taken only for an image on a loopback address",
        ));
    }
    let mut output = settings.output()?;
    let policy = settings.connector.policy()?;
    let chain = work::chain(settings)?;
    if let Some(first) = &chain.broken {
        return Err(Stop::new(
            ErrorKind::Ledger,
            format!("the ledger is broken: {first}; whether the image was rejected is not known"),
        )
        .hint("run `countersign ledger verify`"));
    }
    let signer = unlock::unlock(settings)?;
    let outcome = work::block_on(sign(&reference, &signer, policy, &chain, settings))??;
    if format == Format::Json {
        let document = SignDocument {
            image: reference.to_string(),
            outcome: &outcome,
        };
        output.document("sign", &document)?;
    } else {
        output.line(&format!(
            "signed {}@{} with key {}",
            outcome.docker_reference, outcome.digest, outcome.key_fingerprint
        ))?;
        output.line(&format!("  bundle  {}", outcome.bundle.digest))?;
        output.line(&format!("  .sig    {}", outcome.legacy.digest))?;
    }
    output.finish()?;
    for warning in &outcome.warnings {
        output::warning(warning, &[]);
    }
    Ok(Exit::Done)
}

async fn sign(
    reference: &ImageReference,
    signer: &Signer,
    policy: Policy,
    chain: &Chain,
    settings: &Settings,
) -> Result<SignOutcome, Stop> {
    let client = settings.connector.client()?;
    let image = Image::Registry(reference.clone());
    let manifest: RawManifest = registry::resolve(&client, &image).await?.manifest;
    let pinned = ImageReference {
        repository: reference.repository.clone(),
        tag: None,
        digest: Some(manifest.digest.clone()),
    };
    if reference.digest.is_none() {
        output::note(&format!("{reference} is {pinned}"));
    }
    ask_ledger(&client, pinned, policy, chain, settings).await?;
    let options = SignOptions {
        annotations: BTreeMap::new(),
        created: settings.environment().now(),
    };
    let subject = manifest.descriptor();
    Ok(signatures::sign(&client, &reference.repository, &subject, signer, &options).await?)
}

/// Refuses an image, or an index with a platform, that a reviewer rejected.
async fn ask_ledger(
    client: &Client,
    pinned: ImageReference,
    policy: Policy,
    chain: &Chain,
    settings: &Settings,
) -> Result<(), Stop> {
    let image = Image::Registry(pinned.clone());
    let inputs = Inputs {
        images: review::images(client, &image, None).await?,
        trusted: settings.connector.trusted_keys(&policy)?,
        ..Inputs::default()
    };
    let cancel = CancellationToken::new();
    let environment = settings.environment();
    let review = review::open(&inputs, policy, chain, environment, &cancel, &mut |_| {});
    let states: Vec<SubjectState> = (0..review.subjects.len())
        .map(|subject| review.state(subject))
        .collect();
    if states.contains(&SubjectState::Rejected) {
        return Err(Stop::new(
            ErrorKind::Refused,
            format!("{pinned} was rejected; nothing was signed"),
        )
        .hint("`countersign ledger show` says by whom and why; only they can withdraw it"));
    }
    let approved = |subject: usize| {
        let approvals = review.approvals.get(subject).map_or(&[][..], Vec::as_slice);
        !approvals.is_empty()
    };
    if states.is_empty() || !(0..states.len()).all(approved) {
        output::warning(
            &format!("the ledger has no approval of {pinned}"),
            &["`countersign promote` signs what was approved, and records it".to_owned()],
        );
    }
    Ok(())
}
