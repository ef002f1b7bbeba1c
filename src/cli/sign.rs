//! `sign`: resolves the image to a digest once and signs that digest.
//!
//! A standing rejection is refused; what a signature consists of is `signatures`' work.

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::args::{Format, SignArgs};
use super::exit::Exit;
use super::settings::Settings;
use super::stop::Stop;
use super::{keyless, output, registry_image, unlock, work};
use crate::error::ErrorKind;
use crate::ledger::Chain;
use crate::model::{Image, ImageReference, oci::RawManifest};
use crate::registry::{self, Client};
use crate::review::{self, Inputs, SubjectState};
use crate::signatures::{self, SignOptions, SignOutcome, Stored};
use crate::signing::Signer;
use crate::triage::policy::Policy;

/// The document `sign`.
#[derive(Serialize)]
struct SignDocument<'a> {
    image: String,
    #[serde(flatten)]
    outcome: &'a SignOutcome,
    /// The manifests of an index, with --recursive.
    manifests: &'a [SignOutcome],
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

/// An image in a registry that something is to be signed about, and what the ledger has to say.
pub(super) struct Target {
    pub(super) reference: ImageReference,
    policy: Policy,
    chain: Chain,
}

impl Target {
    /// Reads the image's name and the ledger, which must be whole.
    pub(super) fn named(image: &str, settings: &Settings) -> Result<Self, Stop> {
        let reference = registry_image(image)?;
        if settings.clock_is_given && !reference.repository.is_loopback() {
            return Err(Stop::usage(
                "--now is taken only for an image on a loopback address",
            ));
        }
        let policy = settings.connector.policy()?;
        let chain = work::chain(settings)?;
        if let Some(first) = &chain.broken {
            return Err(Stop::new(
                ErrorKind::Ledger,
                format!(
                    "the ledger is broken: {first}; whether the image was rejected is not known"
                ),
            )
            .hint("run `countersign ledger verify`"));
        }
        Ok(Self {
            reference,
            policy,
            chain,
        })
    }

    /// Resolves the name to a digest, once, and asks the ledger about it.
    pub(super) async fn resolve(
        &self,
        client: &Client,
        settings: &Settings,
    ) -> Result<RawManifest, Stop> {
        let image = Image::Registry(self.reference.clone());
        let manifest = registry::resolve(client, &image).await?.manifest;
        let pinned = self.pinned(&manifest);
        if self.reference.digest.is_none() {
            output::note(&format!("{} is {pinned}", self.reference));
        }
        self.ask_ledger(client, pinned, settings).await?;
        Ok(manifest)
    }

    /// Returns the image's name by its digest alone.
    pub(super) fn pinned(&self, manifest: &RawManifest) -> ImageReference {
        ImageReference {
            repository: self.reference.repository.clone(),
            tag: None,
            digest: Some(manifest.digest.clone()),
        }
    }

    /// Refuses an image, or an index with a platform, that a reviewer rejected.
    async fn ask_ledger(
        &self,
        client: &Client,
        pinned: ImageReference,
        settings: &Settings,
    ) -> Result<(), Stop> {
        let image = Image::Registry(pinned.clone());
        let inputs = Inputs {
            images: review::images(client, &image, None).await?,
            trusted: settings.connector.trusted_keys(&self.policy)?,
            ..Inputs::default()
        };
        let cancel = CancellationToken::new();
        let environment = settings.environment();
        let policy = self.policy.clone();
        let review = review::open(
            &inputs,
            policy,
            &self.chain,
            environment,
            &cancel,
            &mut |_| {},
        );
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
}
