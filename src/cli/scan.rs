//! `scan`: runs scanners, keeps what they write, and opens it or says what it is.
//!
//! Running them is `scanner`'s work; which image they look at is looked up here.

mod document;
mod lines;
mod orders;

use chrono::{DateTime, Utc};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::args::{Format, ScanArgs};
use super::exit::Exit;
use super::output::{self, Output};
use super::settings::Settings;
use super::stop::Stop;
use super::{ConsoleRequest, Invocation, open, platform, work};
use crate::error::ErrorKind;
use crate::model::oci::Descriptor;
use crate::model::{Image, Platform};
use crate::registry::{self, Inspection, Layout};
use crate::scanner::{self, Chosen, Outcome, Scan, ScannerError, Target};

use document::ScanDocument;
use lines::Lines;

/// What was scanned, and what came of it.
struct Scanned {
    /// What was typed.
    typed: String,
    /// What the scanners were given.
    scan: Scan,
    /// The image, where countersign can read it itself.
    image: Option<Image>,
    /// What it is, where that could be looked up.
    inspection: Option<Inspection>,
    started: DateTime<Utc>,
    finished: DateTime<Utc>,
    outcomes: Vec<Outcome>,
}

impl Scanned {
    /// Returns the files that were kept.
    fn files(&self) -> Vec<String> {
        self.outcomes
            .iter()
            .filter_map(|outcome| outcome.result.as_ref().ok())
            .map(|kept| kept.path.display().to_string())
            .collect()
    }

    /// Says which scanners failed, and returns the outcome of the command.
    fn tell_failures(self) -> Exit {
        let mut exit = Exit::Done;
        for outcome in self.outcomes {
            if let Err(error) = outcome.result {
                let stop = Stop::from(error);
                exit = exit.worse(stop.exit);
                output::stop(&stop);
            }
        }
        exit
    }
}

/// Returns whether the console is opened at the end: on a terminal, unless something else is
/// asked for.
pub(super) fn opens_console(args: &ScanArgs, settings: &Settings) -> bool {
    let terminals = settings.environment().terminals;
    terminals.input && terminals.output && !args.no_open && !settings.is_output_chosen()
}

/// Runs the scanners and returns what the console opens. Where one of them failed, that must be
/// read first: the console stays closed.
pub(super) fn console(args: &ScanArgs, settings: Settings) -> Result<Invocation, Stop> {
    let mut output = settings.output()?;
    let mut lines = Lines::new(false, &settings);
    let scanned = scan(args, &settings, &mut lines, &mut output)?;
    let whole = scanned
        .outcomes
        .iter()
        .all(|outcome| outcome.result.is_ok());
    if !whole {
        return summary(scanned, &settings, Format::Table, output).map(Invocation::Over);
    }
    Ok(Invocation::Console(Box::new(ConsoleRequest {
        inputs: scanned.files(),
        attach: Vec::new(),
        epss: None,
        kev: None,
        images: scanned
            .image
            .filter(|_| scanned.inspection.is_some())
            .into_iter()
            .collect(),
        platform: scanned.scan.platform,
        subject: None,
        to: None,
        no_color: !output.is_colored(),
        connector: settings.connector,
        stage: None,
    })))
}

/// Runs the command where no console is opened.
pub(super) fn run(args: &ScanArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let mut output = settings.output()?;
    let mut lines = Lines::new(format == Format::Json, settings);
    let scanned = scan(args, settings, &mut lines, &mut output)?;
    summary(scanned, settings, format, output)
}

/// Opens what was kept and says what it is, then what failed.
fn summary(
    scanned: Scanned,
    settings: &Settings,
    format: Format,
    mut output: Output,
) -> Result<Exit, Stop> {
    let files = scanned.files();
    let opened = if files.is_empty() {
        None
    } else {
        Some(open::open_scanned(
            settings,
            files,
            scanned.inspection.clone(),
        )?)
    };
    let review = opened.as_ref().map(|opened| &opened.review);
    let document = ScanDocument::of(&scanned, review);
    if format == Format::Json {
        document.write(&mut output)?;
    } else {
        document.tell(&mut output)?;
    }
    output.finish()?;
    let read = opened.map_or(Exit::Done, |opened| opened.exit);
    Ok(scanned.tell_failures().worse(read))
}

/// Works out what is to be done, and does it.
fn scan(
    args: &ScanArgs,
    settings: &Settings,
    lines: &mut Lines,
    output: &mut Output,
) -> Result<Scanned, Stop> {
    let environment = settings.environment();
    let target = Target::parse(&args.target)?;
    let orders = orders::of(args, &target, environment)?;
    let mut scan = Scan {
        target,
        platform: platform(args.platform.as_deref())?,
        orders,
        folder: args.dir.clone(),
        ca_file: settings.config().ca_file.clone(),
    };
    let image = scan.target.image();
    let started = environment.now();
    let (inspection, outcomes) = work::block_on(async {
        let mut signals = Signals::new()?;
        let inspection = tokio::select! {
            found = look_up(&mut scan, settings) => found?,
            number = signals.next() => return Err(ended(number, "cancelled before a scanner ran")),
        };
        let outcomes = run_all(&scan, settings, &mut signals, lines, output).await?;
        Ok::<_, Stop>((inspection, outcomes))
    })??;
    Ok(Scanned {
        typed: args.target.clone(),
        scan,
        image,
        inspection,
        started,
        finished: environment.now(),
        outcomes,
    })
}

/// Runs the scanners, showing their events as they come. A signal ends the running one; a second
/// one does not wait for it.
async fn run_all(
    scan: &Scan,
    settings: &Settings,
    signals: &mut Signals,
    lines: &mut Lines,
    output: &mut Output,
) -> Result<Vec<Outcome>, Stop> {
    let cancel = CancellationToken::new();
    let (send, mut receive) = unbounded_channel();
    let environment = settings.environment();
    let mut work = std::pin::pin!(scanner::run(scan, environment, &cancel, &send));
    let mut ended_by = None;
    let result = loop {
        tokio::select! {
            biased;
            number = signals.next() => {
                if cancel.is_cancelled() {
                    return Err(ended(number, "cancelled"));
                }
                ended_by = Some(number);
                cancel.cancel();
            }
            Some(event) = receive.recv() => lines.show(&event, output)?,
            result = &mut work => break result,
        }
    };
    while let Ok(event) = receive.try_recv() {
        lines.show(&event, output)?;
    }
    result.map_err(|error| {
        let is_cancelled = matches!(error, ScannerError::Cancelled { .. });
        let mut stop = Stop::from(error);
        if let (true, Some(number)) = (is_cancelled, ended_by) {
            stop.exit = Exit::Signal(number);
        }
        stop
    })
}

/// Looks up the image, so that every scanner is given the same manifest and not a tag, which may
/// move between two of them.
async fn look_up(scan: &mut Scan, settings: &Settings) -> Result<Option<Inspection>, Stop> {
    let Some(image) = scan.target.image() else {
        return Ok(None);
    };
    let client = settings.connector.client()?;
    let mut found = registry::inspect(&client, &image, scan.platform.as_ref()).await;
    if let Ok(first) = &found
        && first.index.as_ref() == Some(&first.digest)
    {
        let platform = here();
        output::note(&format!(
            "note: {image} has several platforms; {platform} is scanned (--platform chooses another)"
        ));
        found = registry::inspect(&client, &image, Some(&platform)).await;
        scan.platform = Some(platform);
    }
    match (&mut scan.target, found) {
        (Target::Registry { .. }, Err(error)) => {
            // The scanner may have a log-in of its own.
            output::warning(
                &format!("the digest of {image} could not be looked up: {error}"),
                &[
                    "scanners are given the tag; their reports may not say which image it was"
                        .to_owned(),
                ],
            );
            Ok(None)
        }
        (_, Err(error)) => Err(error.into()),
        (Target::Registry { digest, .. }, Ok(inspection)) => {
            *digest = Some(inspection.digest.clone());
            Ok(Some(inspection))
        }
        (
            Target::Layout {
                directory, chosen, ..
            },
            Ok(inspection),
        ) => {
            let entries = Layout::open(directory)?.list();
            let alone = matches!(
                entries.as_slice(),
                [only] if only.descriptor.digest == inspection.digest
            );
            *chosen = Some(Chosen {
                descriptor: descriptor(&inspection),
                alone,
            });
            Ok(Some(inspection))
        }
        (_, Ok(inspection)) => Ok(Some(inspection)),
    }
}

fn descriptor(inspection: &Inspection) -> Descriptor {
    Descriptor {
        media_type: inspection.media_type.clone(),
        digest: inspection.digest.clone(),
        size: inspection.size,
        platform: None,
        artifact_type: None,
        urls: Vec::new(),
        annotations: std::collections::BTreeMap::new(),
    }
}

/// The platform of this machine, as images name it: what scanners would take.
fn here() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Platform {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        variant: None,
    }
}

fn ended(number: u8, message: &str) -> Stop {
    let mut stop = Stop::new(ErrorKind::Interrupted, message);
    stop.exit = Exit::Signal(number);
    stop
}

/// The signals that end a scan; without a handler the scanners would outlive countersign.
struct Signals {
    interrupt: Signal,
    hang_up: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, Stop> {
        let of = |kind| {
            signal(kind).map_err(|error| {
                Stop::new(
                    ErrorKind::Internal,
                    format!("signals cannot be heard: {error}"),
                )
            })
        };
        Ok(Self {
            interrupt: of(SignalKind::interrupt())?,
            hang_up: of(SignalKind::hangup())?,
            terminate: of(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one and returns its number.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.hang_up.recv() => 1,
            _ = self.terminate.recv() => 15,
        }
    }
}
