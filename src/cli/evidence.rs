//! Evidence by hash: the documents that the approvals of an image name, fetched from the archive.
//!
//! Whether they still carry the approvals is judged afterwards, as for documents of a person.

use std::path::Path;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::settings::Settings;
use super::stop::Stop;
use super::{output, work};
use crate::archive::Archive;
use crate::ledger::Chain;
use crate::model::{Digest, Image, ImageDecision, Platform};
use crate::review::{self, Inputs};
use crate::triage::policy::Policy;

/// Documents in a folder of their own, which is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Evidence {
    _folder: TempDir,
    /// Where they are.
    pub(super) inputs: Vec<String>,
}

/// Fetches what the approvals of an image name.
pub(super) fn fetch(
    source: &Image,
    platform: Option<&Platform>,
    policy: &Policy,
    settings: &Settings,
) -> Result<Evidence, Stop> {
    if settings.config().archive.is_none() {
        return Err(Stop::usage(
            "without reports the evidence comes from an archive, and none is named",
        )
        .hint("name the reports: countersign promote SOURCE DESTINATION REPORTS… --digest … --yes")
        .hint("or the archive they were put into, with --archive DIR|s3://…"));
    }
    let chain = work::chain(settings)?;
    work::block_on(async {
        let named = named(source, platform, policy, &chain, settings).await?;
        if named.is_empty() {
            return Err(Stop::new(
                crate::error::ErrorKind::Refused,
                format!("no approval of {source} names any evidence; nothing was sent"),
            )
            .hint("approve it with `countersign decide`, or name the reports"));
        }
        let archive = settings.connector.archive().await?;
        let archive = archive.ok_or_else(|| Stop::usage("no archive is named"))?;
        take_out(&archive, &named).await
    })?
}

/// Returns the digests of the documents that the approvals of the image name.
async fn named(
    source: &Image,
    platform: Option<&Platform>,
    policy: &Policy,
    chain: &Chain,
    settings: &Settings,
) -> Result<Vec<Digest>, Stop> {
    let client = settings.connector.client()?;
    let inputs = Inputs {
        images: review::images(&client, source, platform).await?,
        trusted: settings.connector.trusted_keys(policy)?,
        ..Inputs::default()
    };
    let cancel = CancellationToken::new();
    let environment = settings.environment();
    // The image alone: enough to know whose words are about it.
    let policy = policy.clone();
    let review = review::open(&inputs, policy, chain, environment, &cancel, &mut |_| {});
    let approvals = review.approvals.iter().flatten();
    let mut named: Vec<Digest> = approvals
        .filter(|approval| approval.verdict.decision == ImageDecision::Approve)
        .flat_map(|approval| approval.verdict.reports.iter().cloned())
        .collect();
    named.sort();
    named.dedup();
    Ok(named)
}

async fn take_out(archive: &Archive, named: &[Digest]) -> Result<Evidence, Stop> {
    let wrong = |error: std::io::Error| Stop::input(format!("no temporary folder: {error}"));
    let folder = TempDir::new().map_err(wrong)?;
    let mut inputs = Vec::new();
    for digest in named {
        let blob = archive.find_blob(digest).await?.ok_or_else(|| {
            Stop::input(format!(
                "{digest}, which an approval names, is not in the archive {}",
                archive.location()
            ))
            .hint("keep what is reviewed with `countersign archive put REPORTS…`, or name the reports")
        })?;
        if blob.redacted {
            output::warning(
                &format!(
                    "of {digest} only a copy without credentials is archived: approve that, or name the report"
                ),
                &[],
            );
        }
        inputs.push(keep(folder.path(), digest, &blob.bytes).map_err(wrong)?);
    }
    output::note(&format!(
        "{} documents that the approvals name were fetched from {}",
        inputs.len(),
        archive.location()
    ));
    Ok(Evidence {
        _folder: folder,
        inputs,
    })
}

fn keep(folder: &Path, digest: &Digest, bytes: &[u8]) -> std::io::Result<String> {
    let path = folder.join(format!("{}.json", digest.short()));
    std::fs::write(&path, bytes)?;
    Ok(path.display().to_string())
}
