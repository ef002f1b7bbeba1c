//! A whole scan: one scanner after the other, what each wrote checked and kept.
//!
//! They do not run side by side: two would need twice the memory, and the machines that this is
//! for have little.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::arguments::{self, CommandLine, Parts};
use super::error::ScannerError;
use super::event::{Event, EventKind};
use super::files::Draft;
use super::process::{self, End};
use super::program::Program;
use super::target::Target;
use super::tool::{Product, Scanner};
use super::{variables, view};
use crate::environment::Environment;
use crate::error::Explain as _;
use crate::formats::{self, Document, MAX_SIZE};
use crate::model::{Digest, Format, Platform};
use crate::text::thousands;

/// How long a program may take to say its version; some unpack themselves first.
const VERSION_TIME: Duration = Duration::from_secs(30);

/// The bytes of that answer that are read.
const MAX_VERSION: u64 = 64 << 10;

/// One scanner to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The scanner.
    pub scanner: Scanner,
    /// Where it is.
    pub program: Program,
    /// The person's own arguments for it.
    pub extra: Vec<String>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Scan {
    /// What is scanned.
    pub target: Target,
    /// The platform of an image that has several.
    pub platform: Option<Platform>,
    /// The scanners, in the order in which they run.
    pub orders: Vec<Order>,
    /// The folder that keeps what they write; made where it is missing.
    pub folder: PathBuf,
    /// Certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// What a scanner left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The file.
    pub path: PathBuf,
    /// The digest of its bytes.
    pub sha256: Digest,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its format.
    pub format: Format,
    /// Records of a report, or components of an SBOM.
    pub count: u64,
}

/// What became of one scanner.
#[derive(Debug)]
pub struct Outcome {
    /// The scanner.
    pub scanner: Scanner,
    /// The program, or the scanner's image.
    pub program: String,
    /// Its version, as it says itself.
    pub version: Option<String>,
    /// The command line; empty where none could be made.
    pub command: Vec<String>,
    /// Its exit code; none where it did not run to its own end.
    pub exit_code: Option<i32>,
    /// How long it took.
    pub time: Duration,
    /// What it left, or why it left nothing.
    pub result: Result<Kept, ScannerError>,
}

/// Runs the scanners one after the other. One that fails does not keep the next from running.
///
/// # Errors
/// When the folder cannot be made, an argument is refused, or the person cancels.
pub async fn run(
    scan: &Scan,
    environment: &Environment,
    cancel: &CancellationToken,
    events: &UnboundedSender<Event>,
) -> Result<Vec<Outcome>, ScannerError> {
    for order in &scan.orders {
        arguments::check_extra(order.scanner, &order.extra)?;
    }
    std::fs::create_dir_all(&scan.folder).map_err(|source| ScannerError::Write {
        path: scan.folder.clone(),
        source,
    })?;
    let started = environment.now();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for order in &scan.orders {
        let mut job = Job::new(scan, order, environment, cancel, events);
        let from = Instant::now();
        let result = job.run(started).await;
        match &result {
            Ok(kept) => job.say(EventKind::StepFinished {
                step: order.scanner,
                detail: finished(order.scanner, kept),
                bytes: kept.bytes,
            }),
            Err(ScannerError::Cancelled { .. }) => {
                let kept = outcomes
                    .iter()
                    .filter_map(|outcome| outcome.result.as_ref().ok())
                    .map(|kept| kept.path.clone())
                    .collect();
                return Err(ScannerError::Cancelled {
                    scanner: order.scanner,
                    kept,
                });
            }
            Err(error) => job.say(failed(order.scanner, error)),
        }
        outcomes.push(Outcome {
            scanner: order.scanner,
            program: order.program.to_string(),
            version: job.version,
            command: job.command,
            exit_code: job.exit_code,
            time: from.elapsed(),
            result,
        });
    }
    Ok(outcomes)
}

fn finished(scanner: Scanner, kept: &Kept) -> String {
    format!(
        "{} {}: {}",
        thousands(kept.count),
        scanner.unit(),
        kept.path.display()
    )
}

fn failed(scanner: Scanner, error: &ScannerError) -> EventKind {
    EventKind::Failed {
        step: scanner,
        error: error.with_causes(),
        hints: error.hints(),
    }
}

/// One scanner at work.
struct Job<'a> {
    scan: &'a Scan,
    order: &'a Order,
    environment: &'a Environment,
    cancel: &'a CancellationToken,
    events: &'a UnboundedSender<Event>,
    version: Option<String>,
    command: Vec<String>,
    exit_code: Option<i32>,
}

impl<'a> Job<'a> {
    fn new(
        scan: &'a Scan,
        order: &'a Order,
        environment: &'a Environment,
        cancel: &'a CancellationToken,
        events: &'a UnboundedSender<Event>,
    ) -> Self {
        Self {
            scan,
            order,
            environment,
            cancel,
            events,
            version: None,
            command: Vec::new(),
            exit_code: None,
        }
    }

    fn say(&self, kind: EventKind) {
        let time = self.environment.now();
        // That nobody listens any more does not stop the work.
        let _unheard = self.events.send(Event { time, kind });
    }

    fn cancelled(&self) -> ScannerError {
        ScannerError::Cancelled {
            scanner: self.order.scanner,
            kept: Vec::new(),
        }
    }

    async fn run(&mut self, started: DateTime<Utc>) -> Result<Kept, ScannerError> {
        let scanner = self.order.scanner;
        let scratch = tempfile::Builder::new()
            .prefix("countersign-")
            .tempdir()
            .map_err(|source| ScannerError::Write {
                path: std::env::temp_dir(),
                source,
            })?;
        // Where scanners unpack layers; it goes with everything that a killed one has left there.
        let variables = variables::of(
            scanner,
            self.environment,
            scratch.path(),
            self.scan.ca_file.as_deref(),
        );
        let line = self.line(scratch.path(), &variables)?;
        self.command = line.words();
        if matches!(self.order.program, Program::Installed(_)) {
            self.version = self.ask_version(&variables).await?;
        }
        self.say(EventKind::StepStarted {
            step: scanner,
            program: self.order.program.to_string(),
            version: self.version.clone(),
        });
        let draft = Draft::new(&self.scan.folder)?;
        self.scan_into(&draft, &line, &variables).await?;
        let checked = check(scanner, draft.bytes()?)?;
        if self.version.is_none() {
            self.version.clone_from(&checked.version);
        }
        if self.version.is_none() {
            // Only now is a scanner's image on this machine for certain.
            self.version = self.ask_version(&variables).await?;
        }
        let path = draft.publish(scanner, &self.scan.target.label(), started)?;
        Ok(checked.kept(path))
    }

    /// Makes the command line, and the view of a layout where one is needed.
    fn line(
        &self,
        scratch: &Path,
        variables: &std::collections::BTreeMap<String, String>,
    ) -> Result<CommandLine, ScannerError> {
        let program = &self.order.program;
        let view = match &self.scan.target {
            Target::Layout {
                directory,
                chosen: Some(chosen),
                ..
            } if arguments::needs_view(directory, chosen.alone) => {
                let linked = matches!(program, Program::Installed(_));
                Some(view::make(directory, &chosen.descriptor, scratch, linked)?)
            }
            _ => None,
        };
        let folder = scratch.file_name().unwrap_or_default().to_string_lossy();
        arguments::scan(&Parts {
            scanner: self.order.scanner,
            program,
            target: &self.scan.target,
            view: view.as_deref(),
            platform: self.scan.platform.as_ref(),
            extra: &self.order.extra,
            variables,
            name: &format!("{folder}-{}", self.order.scanner),
        })
    }

    /// Runs the scanner with its output in the draft.
    async fn scan_into(
        &mut self,
        draft: &Draft,
        line: &CommandLine,
        variables: &std::collections::BTreeMap<String, String>,
    ) -> Result<(), ScannerError> {
        let scanner = self.order.scanner;
        let from = Instant::now();
        let limit = MAX_SIZE as u64;
        let watch = |detail| {
            let bytes = draft.size();
            self.say(EventKind::Progress {
                step: scanner,
                bytes,
                seconds: from.elapsed().as_secs(),
                detail,
            });
            bytes <= limit
        };
        let stdout = Stdio::from(draft.handle()?);
        let end = process::run(line, variables, stdout, self.cancel, watch).await;
        let end = end.map_err(|source| ScannerError::Start {
            program: line.program.display().to_string(),
            source,
        })?;
        if let (End::Cancelled | End::Stopped, Some(container)) = (&end, &line.container) {
            remove(line, container, variables);
        }
        match end {
            End::Cancelled => Err(self.cancelled()),
            End::Stopped => Err(ScannerError::TooLarge { scanner, limit }),
            End::Exited(_, _) if draft.size() > limit => {
                Err(ScannerError::TooLarge { scanner, limit })
            }
            End::Exited(status, tail) => {
                self.exit_code = status.code();
                let tail = tail.lines();
                if status.success() || is_threshold(scanner, status, &tail) {
                    return Ok(());
                }
                Err(ScannerError::Failed {
                    scanner,
                    status: in_words(status),
                    code: status.code(),
                    tail,
                })
            }
        }
    }

    /// Asks the scanner for its version; none when the answer holds none.
    async fn ask_version(
        &self,
        variables: &std::collections::BTreeMap<String, String>,
    ) -> Result<Option<String>, ScannerError> {
        let line = arguments::version(self.order.scanner, &self.order.program);
        let program = line.program.display().to_string();
        let failed = |detail: String| ScannerError::Version {
            program: program.clone(),
            detail,
        };
        let answer = tempfile::tempfile().map_err(|error| failed(error.to_string()))?;
        let stdout = answer
            .try_clone()
            .map_err(|error| failed(error.to_string()))?;
        let from = Instant::now();
        let watch = |_| from.elapsed() < VERSION_TIME;
        let end = process::run(&line, variables, stdout.into(), self.cancel, watch).await;
        match end {
            Err(source) => Err(ScannerError::Start { program, source }),
            Ok(End::Cancelled) => Err(self.cancelled()),
            Ok(End::Stopped) => Err(failed(format!("no answer in {} s", VERSION_TIME.as_secs()))),
            Ok(End::Exited(status, tail)) if !status.success() => {
                let said = tail.lines().pop().unwrap_or_default();
                Err(failed(format!("it {} {said}", in_words(status))))
            }
            Ok(End::Exited(..)) => Ok(read_version(answer)),
        }
    }
}

/// Finds the version in what a scanner answers, as JSON or as lines.
fn read_version(mut answer: std::fs::File) -> Option<String> {
    use std::io::{Read as _, Seek as _};
    answer.rewind().ok()?;
    let mut bytes = Vec::new();
    answer.take(MAX_VERSION).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let of_json = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|json| {
            let version = json.get("Version").or_else(|| json.get("version"))?;
            version.as_str().map(str::to_owned)
        });
    let of_lines = || {
        text.lines()
            .find_map(|line| line.strip_prefix("Version:"))
            .map(|version| version.trim().to_owned())
    };
    let version: String = of_json.or_else(of_lines)?.chars().take(100).collect();
    (!version.is_empty()).then_some(version)
}

/// Whether Grype found what its own configuration calls too grave: the report is whole.
fn is_threshold(scanner: Scanner, status: ExitStatus, tail: &[String]) -> bool {
    scanner == Scanner::Grype
        && matches!(status.code(), Some(1 | 2))
        && tail
            .iter()
            .any(|line| line.contains("at or above the severity threshold"))
}

fn in_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "did not end".to_owned(),
    }
}

/// Tells docker to end the container: its client is gone, the container is not. Nobody waits.
fn remove(
    line: &CommandLine,
    container: &str,
    variables: &std::collections::BTreeMap<String, String>,
) {
    let started = tokio::process::Command::new(&line.program)
        .args(["kill", container])
        .env_clear()
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    drop(started);
}

/// What was found in a scanner's output.
struct Checked {
    sha256: Digest,
    bytes: u64,
    format: Format,
    count: u64,
    version: Option<String>,
}

impl Checked {
    fn kept(self, path: PathBuf) -> Kept {
        Kept {
            path,
            sha256: self.sha256,
            bytes: self.bytes,
            format: self.format,
            count: self.count,
        }
    }
}

/// Reads what a scanner wrote: only what can be read as what was asked for is kept.
fn check(scanner: Scanner, bytes: Vec<u8>) -> Result<Checked, ScannerError> {
    let loaded = formats::read("its output", bytes).map_err(|source| ScannerError::Unreadable {
        scanner,
        source: Box::new(source),
    })?;
    let unexpected = |found: String| ScannerError::Unexpected { scanner, found };
    let [document] = loaded.documents.as_slice() else {
        let count = loaded.documents.len();
        return Err(unexpected(format!("{count} documents")));
    };
    let (format, count, version) = match (scanner.product(), document) {
        (Product::Report, Document::Report(report)) if report.scanner == scanner.as_str() => (
            report.format,
            report.counts().read,
            report.scanner_version.clone(),
        ),
        (Product::Sbom, Document::Sbom(sbom)) => {
            let producer = sbom.producer.as_deref().unwrap_or_default();
            let version = producer.strip_prefix(scanner.as_str()).map(str::trim);
            let version = version.filter(|version| !version.is_empty());
            let count = sbom.components.len() as u64;
            (sbom.format, count, version.map(str::to_owned))
        }
        (_, Document::Report(report)) => {
            return Err(unexpected(format!("a report of {}", report.scanner)));
        }
        (_, Document::Sbom(_)) => return Err(unexpected("an SBOM".to_owned())),
        (_, Document::Exemptions(_)) => return Err(unexpected("an ignore file".to_owned())),
    };
    let origin = document.origin();
    Ok(Checked {
        sha256: origin.sha256.clone(),
        bytes: origin.size,
        format,
        count,
        version,
    })
}

#[cfg(test)]
mod tests;
