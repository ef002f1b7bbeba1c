//! `sync`: promotes what a list names, where the destination holds something else.
//!
//! Everything is planned before anything moves; each image is then promoted like any other, and a
//! failure of one does not stop the others.

mod document;

use serde::Serialize;

use super::args::{Format, SyncArgs};
use super::evidence;
use super::exit::Exit;
use super::open;
use super::output::{self, Output};
use super::plan::{self, Asked};
use super::promote::{self, Lines};
use super::settings::Settings;
use super::stop::Stop;
use super::{unlock, work};
use crate::model::Digest;
use crate::promotion::{
    Doors, Needed, Order, Plan, PromotionError, Receipt, Request, SignerInfo, SyncEntry, SyncList,
};
use crate::registry::{Client, resolve};
use crate::review::{self, Review};
use crate::triage::policy::Policy;
use document::{SyncDocument, tell};

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// The destination holds the image already.
    Unchanged,
    /// It would be promoted.
    Planned,
    /// Something stands in the way.
    Blocked,
    /// It was promoted.
    Promoted,
    /// It could not be planned or promoted.
    Failed,
    /// The run ended before it.
    NotStarted,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Planned => "planned",
            Self::Blocked => "blocked",
            Self::Promoted => "promoted",
            Self::Failed => "failed",
            Self::NotStarted => "not-started",
        }
    }
}

/// One entry, from the list to its receipt.
#[derive(Debug)]
pub(super) struct Entry {
    asked_for: SyncEntry,
    outcome: Outcome,
    /// What the source names.
    digest: Option<Digest>,
    asked: Option<Asked>,
    plan: Option<Plan>,
    receipt: Option<Receipt>,
    stop: Option<Stop>,
}

impl Entry {
    fn new(asked_for: SyncEntry) -> Self {
        Self {
            asked_for,
            outcome: Outcome::NotStarted,
            digest: None,
            asked: None,
            plan: None,
            receipt: None,
            stop: None,
        }
    }

    fn fail(&mut self, stop: Stop) {
        output::stop(&stop);
        self.outcome = Outcome::Failed;
        self.stop = Some(stop);
    }

    /// Returns why it failed, on one line.
    fn error(&self) -> Option<String> {
        self.stop.as_ref().map(|stop| stop.chain().join(": "))
    }
}

/// Runs the command.
pub(super) fn run(args: &SyncArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let list = SyncList::read(&args.file)?;
    promote::check_key(args.no_sign, args.key.key.as_deref(), settings)?;
    for entry in &list.entries {
        promote::check_clock(&entry.destination, settings)?;
    }
    let mut output = settings.output()?;
    for notice in &list.notices {
        output::note(&format!("note: `{}`: {notice}", args.file.display()));
    }
    let policy = settings
        .connector
        .pinned_policy(args.policy_sha256.as_deref())?;
    let shared = match args.reports.as_slice() {
        [] => None,
        reports => Some(read(reports, args, policy.clone(), settings)?),
    };
    let signer = if args.no_sign {
        None
    } else {
        Some(unlock::unlock(settings)?)
    };
    let key = settings.config().key.as_deref().unwrap_or_default();
    let info = signer.as_ref().map(|signer| plan::info(key, signer));
    let doors = work::block_on(settings.connector.doors(signer))??;
    let world = World {
        args,
        settings,
        policy: &policy,
        shared: shared.as_ref(),
        doors: &doors,
        signer: info.as_ref(),
    };
    let mut entries: Vec<Entry> = list.entries.into_iter().map(Entry::new).collect();
    for entry in &mut entries {
        if let Err(stop) = world.plan(entry) {
            entry.fail(stop);
        }
    }
    let mut exit = Exit::Done;
    if !args.dry_run {
        let mut lines = Lines::new(format == Format::Json, settings);
        exit = world.promote(&mut entries, &mut lines, &mut output)?;
    }
    for entry in &entries {
        if let Some(stop) = &entry.stop {
            exit = exit.worse(stop.exit);
        }
    }
    let document = SyncDocument::new(&args.file, args.dry_run, &entries, &list.notices);
    match format {
        Format::Json if args.dry_run => output.document("sync", &document)?,
        Format::Json => output.document_line("sync", &document)?,
        _ => tell(&mut output, &entries)?,
    }
    output.finish()?;
    Ok(exit)
}

/// Reads the reports that all entries share.
fn read(
    reports: &[String],
    args: &SyncArgs,
    policy: Policy,
    settings: &Settings,
) -> Result<Review, Stop> {
    let opened = open::open_with(settings, reports, &args.reading, policy)?;
    if opened.exit == Exit::Done {
        return Ok(opened.review);
    }
    // What could not be read was said; nothing is promoted on a part of the evidence.
    Err(Stop {
        exit: opened.exit,
        error: Some(anyhow::Error::msg(
            "not all reports were read; nothing was copied",
        )),
        hints: Vec::new(),
    })
}

/// What every entry is planned and promoted with.
struct World<'a> {
    args: &'a SyncArgs,
    settings: &'a Settings,
    policy: &'a Policy,
    shared: Option<&'a Review>,
    doors: &'a Doors,
    signer: Option<&'a SignerInfo>,
}

impl World<'_> {
    /// Works out what would be done about an entry.
    fn plan(&self, entry: &mut Entry) -> Result<(), Stop> {
        let wanted = &entry.asked_for;
        let client = &self.doors.client;
        let (digest, held) = work::block_on(compare(client, wanted))??;
        entry.digest = Some(digest.clone());
        if held.as_ref() == Some(&digest) && !wanted.always {
            entry.outcome = Outcome::Unchanged;
            return Ok(());
        }
        let asked = self.ask(wanted)?;
        let made = plan::make(&asked, self.doors, self.signer, None, self.settings);
        let (plan, _observed) = work::block_on(made)??;
        entry.outcome = if plan.blockers.is_empty() {
            Outcome::Planned
        } else {
            Outcome::Blocked
        };
        entry.digest = Some(plan.digest.clone());
        entry.plan = Some(plan);
        entry.asked = Some(asked);
        Ok(())
    }

    /// Reads the evidence of an entry.
    fn ask(&self, wanted: &SyncEntry) -> Result<Asked, Stop> {
        let request = Request {
            source: wanted.source.clone(),
            destination: wanted.destination.clone(),
            digest: None,
            platform: wanted.platform.clone(),
            move_tag: wanted.move_tag,
            no_attest: false,
            create_repository: self.args.create_repository,
            approval: wanted.approval,
            no_sign: self.args.no_sign,
            acknowledged: Vec::new(),
            promoter: self.settings.config().reviewer.clone(),
        };
        if let Some(review) = self.shared {
            return Ok(Asked::new(request, review.clone(), None));
        }
        let (source, platform) = (&wanted.source, wanted.platform.as_ref());
        if wanted.approval == Needed::None {
            // The ledger may know of a rejection all the same.
            let images = review::images(&self.doors.client, source, platform);
            let images = work::block_on(images)??;
            let opened = open::open_images(self.settings, images, self.policy.clone())?;
            return Ok(Asked::new(request, opened.review, None));
        }
        let fetched = evidence::fetch(source, platform, self.policy, self.settings)?;
        let review = read(
            &fetched.inputs,
            self.args,
            self.policy.clone(),
            self.settings,
        )?;
        Ok(Asked::new(request, review, Some(fetched)))
    }

    /// Promotes what was planned, one after the other.
    fn promote(
        &self,
        entries: &mut [Entry],
        lines: &mut Lines,
        output: &mut Output,
    ) -> Result<Exit, Stop> {
        let mut exit = Exit::Done;
        for (number, entry) in entries.iter_mut().enumerate() {
            if entry.outcome == Outcome::Blocked {
                exit = exit.worse(Exit::Refused);
                entry.stop = entry
                    .plan
                    .as_ref()
                    .map(|plan| PromotionError::Blocked(plan.blockers.clone()).into());
            }
            let (Outcome::Planned, Some(asked), Some(plan)) =
                (entry.outcome, &entry.asked, &entry.plan)
            else {
                continue;
            };
            if exit == Exit::Interrupted {
                entry.outcome = Outcome::NotStarted;
                continue;
            }
            lines.begin(number, &entry.asked_for.destination.to_string());
            let order = Order {
                review: &asked.review,
                request: &asked.request,
                plan,
                shown: &plan.plan_digest,
            };
            let executed = promote::execute(&order, self.doors, lines, output);
            match work::block_on(executed)? {
                Ok(receipt) => {
                    entry.outcome = Outcome::Promoted;
                    entry.receipt = Some(receipt);
                }
                Err(stop) => {
                    exit = exit.worse(stop.exit);
                    entry.fail(stop);
                }
            }
        }
        Ok(exit)
    }
}

/// Returns what the source names, and what the destination's tag names now.
async fn compare(
    client: &Client,
    wanted: &SyncEntry,
) -> Result<(Digest, Option<Digest>), PromotionError> {
    let mut resolved = resolve(client, &wanted.source).await?;
    if let Some(platform) = &wanted.platform {
        resolved = resolved.choose(platform).await?;
    }
    let tag = wanted.destination.tag.as_deref().unwrap_or("latest");
    let held = client
        .head_manifest(&wanted.destination.repository, tag)
        .await?;
    Ok((
        resolved.manifest.digest,
        held.map(|descriptor| descriptor.digest),
    ))
}
