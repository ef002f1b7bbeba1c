//! `promote`: makes the plan, checks that it is the one that was confirmed, and executes it.
//!
//! What the steps do is `promotion`'s; here its events become lines.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::args::{Format, PromoteArgs};
use super::exit::Exit;
use super::output::{self, Output};
use super::plan::{self, Asked};
use super::settings::Settings;
use super::stop::Stop;
use super::{unlock, work};
use crate::model::{Digest, ImageReference};
use crate::promotion::{
    self, Document, Doors, Event, EventKind, Order, PromotionError, Receipt, Step,
};
use crate::signing::Signer;
use crate::text::thousands;

/// The time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(1);

/// Runs the command.
pub(super) fn run(args: &PromoteArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    check_usage(args, settings)?;
    let mut output = settings.output()?;
    let asked = plan::ask(&args.common, settings)?;
    if asked.exit != Exit::Done {
        // What could not be read was said; nothing is promoted on a part of the evidence.
        return Ok(asked.exit);
    }
    // Before anything is sent: a wrong password must not leave half a promotion.
    let signer = if args.common.no_sign {
        None
    } else {
        Some(unlock::unlock(settings)?)
    };
    let mut lines = Lines::new(format == Format::Json, settings);
    let promoted = promote(
        &asked,
        args.plan_digest.as_ref(),
        signer,
        settings,
        &mut lines,
        &mut output,
    );
    let receipt = work::block_on(promoted)??;
    if format != Format::Json {
        tell(&mut output, &receipt)?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// Refuses what is missing before anything is read.
fn check_usage(args: &PromoteArgs, settings: &Settings) -> Result<(), Stop> {
    let common = &args.common;
    if !args.yes {
        return Err(Stop::usage("nothing is promoted without --yes")
            .hint("`countersign plan` with the same arguments shows what would be done"));
    }
    if common.digest.is_none() {
        return Err(
            Stop::usage("promote needs --digest: the digest the tag will name")
                .hint("`countersign inspect SOURCE --format digest` prints it"),
        );
    }
    check_key(common.no_sign, common.key.key.as_deref(), settings)?;
    check_clock(&plan::destination(&common.destination)?, settings)
}

/// Refuses to go without a key where nobody said so.
pub(super) fn check_key(
    no_sign: bool,
    given: Option<&str>,
    settings: &Settings,
) -> Result<(), Stop> {
    if no_sign && given.is_some() {
        return Err(Stop::usage("--key and --no-sign contradict each other"));
    }
    if settings.config().key.is_none() && !no_sign {
        return Err(Stop::usage(
            "a promotion needs a key, or --no-sign where the policy allows it",
        )
        .hint("name one with --key FILE, or make one with `countersign key generate`"));
    }
    Ok(())
}

/// Refuses a given clock where others would take the time for the real one.
pub(super) fn check_clock(destination: &ImageReference, settings: &Settings) -> Result<(), Stop> {
    if settings.clock_is_given && !destination.repository.is_loopback() {
        return Err(Stop::usage(
            "--now is taken only for a destination on a loopback address",
        ));
    }
    Ok(())
}

/// Makes the plan and executes it, writing its events as they come.
async fn promote(
    asked: &Asked,
    shown: Option<&Digest>,
    signer: Option<Signer>,
    settings: &Settings,
    lines: &mut Lines,
    output: &mut Output,
) -> Result<Receipt, Stop> {
    let key = settings.config().key.as_deref().unwrap_or_default();
    let info = signer.as_ref().map(|signer| plan::info(key, signer));
    let doors = settings.connector.doors(signer).await?;
    let (plan, _observed) = plan::make(asked, &doors, info.as_ref(), shown, settings).await?;
    let order = Order {
        review: &asked.review,
        request: &asked.request,
        plan: &plan,
        shown: shown.unwrap_or(&plan.plan_digest),
    };
    execute(&order, &doors, lines, output).await
}

/// Executes a plan, writing its events as they come. An interrupt cancels it.
pub(super) async fn execute(
    order: &Order<'_>,
    doors: &Doors,
    lines: &mut Lines,
    output: &mut Output,
) -> Result<Receipt, Stop> {
    let cancel = CancellationToken::new();
    let (send, mut receive) = unbounded_channel();
    let mut work = std::pin::pin!(promotion::run(order, doors, &cancel, &send));
    let result = loop {
        tokio::select! {
            biased;
            Some(event) = receive.recv() => lines.show(&event, output)?,
            result = &mut work => break result,
            signal = tokio::signal::ctrl_c() => {
                // A second one does not wait for the step to end.
                if signal.is_err() || cancel.is_cancelled() {
                    return Err(Stop::from(PromotionError::Cancelled));
                }
                output::note("cancelling after this request; once more stops at once");
                cancel.cancel();
            }
        }
    };
    while let Ok(event) = receive.try_recv() {
        lines.show(&event, output)?;
    }
    result.map_err(|error| {
        let mut stop = Stop::from(error);
        if let Some(hints) = lines.hints.take() {
            stop.hints = hints;
        }
        stop
    })
}

/// Events as lines.
#[derive(Debug)]
pub(super) struct Lines {
    json: bool,
    /// The entry of a list that the events are about, from 0.
    entry: Option<usize>,
    on_terminal: bool,
    last_progress: Instant,
    /// The hints of a failure: what exists at the destination, and what to do next.
    hints: Option<Vec<String>>,
}

impl Lines {
    /// Prepares for the events of one promotion.
    pub(super) fn new(json: bool, settings: &Settings) -> Self {
        Self {
            json,
            entry: None,
            on_terminal: settings.environment().terminals.error,
            last_progress: Instant::now(),
            hints: None,
        }
    }

    /// Says that what follows is about an entry of a list.
    pub(super) fn begin(&mut self, entry: usize, destination: &str) {
        self.entry = Some(entry);
        self.hints = None;
        if !self.json {
            output::note(&format!("to {destination}"));
        }
    }

    fn show(&mut self, event: &Event, output: &mut Output) -> Result<(), Stop> {
        if let EventKind::Failed { hints, .. } = &event.kind {
            self.hints = Some(hints.clone());
        }
        if self.json {
            // A reader that went away does not stop a promotion.
            return match write(event, self.entry, output) {
                Err(stop) if stop.exit == Exit::Done => Ok(()),
                other => other,
            };
        }
        match &event.kind {
            EventKind::StepFinished { step, detail, .. } => {
                output::note(&format!("{:<17} {detail}", step.as_str()));
            }
            EventKind::Retried { step, reason } => {
                output::note(&format!("{:<17} {reason}", step.as_str()));
            }
            EventKind::Progress {
                step,
                bytes,
                total,
                blobs,
                blobs_total,
            } if self.on_terminal && self.last_progress.elapsed() >= PROGRESS => {
                self.last_progress = Instant::now();
                output::note(&format!(
                    "{:<17} {} of {} bytes, {blobs} of {blobs_total} blobs",
                    step.as_str(),
                    thousands(*bytes),
                    thousands(*total)
                ));
            }
            EventKind::Progress { .. }
            | EventKind::StepStarted { .. }
            | EventKind::Failed { .. }
            | EventKind::Finished { .. } => {}
        }
        Ok(())
    }
}

/// An event, and the entry of a list that it is about.
#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(flatten)]
    event: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<usize>,
}

/// The last event, which carries the receipt's document.
#[derive(Serialize)]
struct FinishedLine<'a> {
    time: DateTime<Utc>,
    event: &'static str,
    step: Step,
    receipt: Document<'a, Receipt>,
}

/// Writes the document `event`, on one line.
fn write(event: &Event, entry: Option<usize>, output: &mut Output) -> Result<(), Stop> {
    let EventKind::Finished { receipt } = &event.kind else {
        return output.document_line("event", &Line { event, entry });
    };
    let event = FinishedLine {
        time: event.time,
        event: "finished",
        step: Step::Record,
        receipt: receipt.document(),
    };
    let event = &event;
    output.document_line("event", &Line { event, entry })
}

fn tell(output: &mut Output, receipt: &Receipt) -> Result<(), Stop> {
    let mut line = |name: &str, value: &str| output.line(&format!("{name:<12} {value}"));
    line("promoted", &receipt.plan.destination)?;
    line("digest", &receipt.plan.digest.to_string())?;
    match &receipt.previous_tag_digest {
        Some(previous) if *previous != receipt.plan.digest => {
            line("before", &previous.to_string())?;
        }
        _ => {}
    }
    for signature in &receipt.signatures {
        line("signature", &signature.to_string())?;
    }
    line("archived", receipt.bundle.as_deref().unwrap_or("no"))?;
    if let (Some(entry), Some(head)) = (receipt.ledger_entry, &receipt.ledger_head) {
        line("recorded", &format!("entry {entry}, head {head}"))?;
    }
    Ok(())
}
