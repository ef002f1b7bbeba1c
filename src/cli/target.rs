//! The image that `sign` and `attest` speak about: resolved once, and known to the ledger or not.
//!
//! A standing rejection is refused. Nothing is signed here.

use tokio_util::sync::CancellationToken;

use super::settings::Settings;
use super::stop::Stop;
use super::{output, registry_image, work};
use crate::error::ErrorKind;
use crate::ledger::Chain;
use crate::model::{Image, ImageReference, oci::RawManifest};
use crate::registry::{self, Client};
use crate::review::{self, Inputs, SubjectState};
use crate::triage::policy::Policy;

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
