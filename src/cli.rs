//! The command line: parsing, the commands, and what they print.
//!
//! A front end: no decision is made here, and the console is unknown here; `main` opens it when
//! [`parse`] says so.

mod args;
mod diff;
mod document;
mod exit;
mod offer;
mod open;
mod output;
mod settings;
mod stop;
mod work;

mod advise;
mod archive;
mod attest;
mod compare;
mod components;
mod config;
mod decide;
mod demo;
mod evidence;
mod export;
mod findings;
mod gate;
mod hygiene;
mod inspect;
mod key;
mod keyless;
mod ledger;
mod list;
mod plan;
mod policy;
mod predict;
mod promote;
mod reference;
mod report;
mod scan;
mod sign;
mod sync;
mod target;
mod tree;
mod unlock;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::Parser as _;

use crate::connect::Connector;
use crate::environment::Environment;
use crate::model::{Image, ImageReference, Platform};

use args::{Cli, Command, ReviewArgs};
use settings::Settings;
use stop::Stop;

pub use demo::StageGuard;
pub use exit::Exit;
pub use reference::pages;

/// Returns version and build target.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let library = if cfg!(target_env = "musl") {
            "-musl"
        } else if cfg!(target_env = "gnu") {
            "-gnu"
        } else {
            ""
        };
        format!(
            "{} ({}-{}{library})",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::ARCH,
            std::env::consts::OS
        )
    });
    &VERSION
}

/// What the arguments ask for.
#[derive(Debug)]
pub enum Invocation {
    /// The console.
    Console(Box<ConsoleRequest>),
    /// A command.
    Command(Box<CommandLine>),
    /// Nothing more: what there was to say is said.
    Over(Exit),
}

/// What the console opens.
#[derive(Debug)]
pub struct ConsoleRequest {
    /// Files, folders, globs, `-`.
    pub inputs: Vec<String>,
    /// Files that belong to the image because the person says so.
    pub attach: Vec<PathBuf>,
    /// A file of EPSS scores.
    pub epss: Option<PathBuf>,
    /// The catalogue of known exploited vulnerabilities.
    pub kev: Option<PathBuf>,
    /// Images in registries and layouts.
    pub images: Vec<Image>,
    /// The platform of an image that has several.
    pub platform: Option<Platform>,
    /// The image meant, where several are read.
    pub subject: Option<String>,
    /// The destination to prefill.
    pub to: Option<String>,
    /// Whether the console must do without colours.
    pub no_color: bool,
    /// Configuration (key, archive, ledger, policy, theme) and environment.
    pub connector: Connector,
    /// The stage of the demonstration, which must live as long as the console.
    pub stage: Option<StageGuard>,
}

/// A command with its settings.
#[derive(Debug)]
pub struct CommandLine {
    command: Command,
    settings: Settings,
}

/// Reads the arguments. Help, version and errors are said here already.
#[must_use]
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Invocation {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let is_data = !error.use_stderr();
            output::parser_message(&error.render().to_string(), is_data);
            return Invocation::Over(if is_data { Exit::Done } else { Exit::Usage });
        }
    };
    invocation(cli, environment).unwrap_or_else(|stop| {
        output::stop(&stop);
        Invocation::Over(stop.exit)
    })
}

fn invocation(cli: Cli, environment: &Environment) -> Result<Invocation, Stop> {
    match cli.command {
        None => {
            let settings = Settings::resolve(&cli.global, cli.review.overrides(), environment)?;
            console(cli.review, settings)
        }
        Some(Command::Review(review)) => {
            let settings = Settings::resolve(&cli.global, review.overrides(), environment)?;
            console(review, settings)
        }
        Some(command) => {
            let settings = Settings::resolve(&cli.global, command.overrides(), environment)?;
            let terminals = environment.terminals;
            if let Command::Demo(demo) = &command
                && !demo.auto
                && terminals.input
                && terminals.output
            {
                return demo::console(demo, &settings);
            }
            if let Command::Scan(scan) = &command
                && scan::opens_console(scan, &settings)
            {
                return scan::console(scan, settings);
            }
            Ok(Invocation::Command(Box::new(CommandLine {
                command,
                settings,
            })))
        }
    }
}

/// Works out what the console opens. It needs a terminal to draw on and one to read keys from.
fn console(review: ReviewArgs, settings: Settings) -> Result<Invocation, Stop> {
    let terminals = settings.environment().terminals;
    let reads_input = review.inputs.iter().any(|input| input == "-");
    if !terminals.output || !(terminals.input || reads_input) {
        return Err(Stop::usage("the console needs a terminal").hint(
            "without one, use `countersign findings INPUT…`, `countersign gate INPUT…` or `countersign --help`",
        ));
    }
    let platform = platform(review.platform.as_deref())?;
    let (mut inputs, mut images) = (Vec::new(), Vec::new());
    for text in review.inputs {
        if is_input(&text) {
            inputs.push(text);
        } else {
            images.push(image(&text)?);
        }
    }
    let no_color = !settings.output()?.is_colored();
    Ok(Invocation::Console(Box::new(ConsoleRequest {
        inputs,
        attach: review.reading.attach,
        epss: review.reading.epss,
        kev: review.reading.kev,
        images,
        platform,
        subject: review.reading.subject,
        to: review.to,
        no_color,
        connector: settings.connector,
        stage: None,
    })))
}

/// Returns whether `text` names something to read rather than an image: standard input, S3, a
/// glob, or a path that exists or looks like nothing else.
fn is_input(text: &str) -> bool {
    let is_path = || {
        text.starts_with(['/', '.', '~'])
            || std::path::Path::new(text)
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
    };
    let has_transport = Image::TRANSPORTS.iter().any(|name| text.starts_with(name));
    text == "-"
        || text.starts_with("s3://")
        || (!has_transport
            && !text.starts_with("docker://")
            && (text.contains(['*', '?', '[']) || std::path::Path::new(text).exists() || is_path()))
}

/// Reads the name of an image.
fn image(text: &str) -> Result<Image, Stop> {
    text.parse()
        .map_err(|error: crate::model::ParseReferenceError| {
            Stop::usage(error.to_string()).hint(
                "for example alpine:3.20, registry.example.org/team/app@sha256:…, oci:DIR:TAG, docker-archive:FILE",
            )
        })
}

/// Reads the name of an image that must be in a registry.
fn registry_image(text: &str) -> Result<ImageReference, Stop> {
    match image(text)? {
        Image::Registry(reference) => Ok(reference),
        Image::Layout { .. } | Image::Archive { .. } | Image::Daemon(_) => Err(Stop::usage(
            format!("{text} is in no registry; signatures are kept in registries"),
        )
        .hint("promote it, or copy it to a registry first")),
    }
}

/// Reads the value of `--platform`.
fn platform(text: Option<&str>) -> Result<Option<Platform>, Stop> {
    let Some(text) = text else {
        return Ok(None);
    };
    let wrong = |error: &dyn std::fmt::Display| {
        Stop::usage(error.to_string()).hint("for example --platform linux/arm64")
    };
    text.parse().map(Some).map_err(|error| wrong(&error))
}

/// Runs a command to its end and says why it stopped, where it did.
#[must_use]
pub fn run(line: &CommandLine) -> Exit {
    match dispatch(&line.command, &line.settings) {
        Ok(exit) => exit,
        Err(stop) => {
            output::stop(&stop);
            stop.exit
        }
    }
}

fn dispatch(command: &Command, settings: &Settings) -> Result<Exit, Stop> {
    match command {
        Command::List(args) => list::run(args, settings),
        Command::Decide(args) => decide::run(args, settings),
        Command::Demo(args) => demo::run(args, settings),
        Command::Gate(args) => gate::run(args, settings),
        Command::Export(args) => export::run(args, settings),
        Command::Predict(args) => predict::run(args, settings),
        Command::Report(args) => report::run(args, settings),
        Command::Plan(args) => plan::run(args, settings),
        Command::Promote(args) => promote::run(args, settings),
        Command::Sync(args) => sync::run(args, settings),
        Command::Sign(args) => sign::run(args, settings),
        Command::Attest(args) => attest::run(args, settings),
        Command::Verify(args) => verify::run(args, settings),
        Command::Tree(args) => tree::run(args, settings),
        Command::Policy(args) => policy::run(args, settings),
        Command::Archive(args) => archive::run(args, settings),
        Command::Findings(args) => findings::run(args, settings),
        Command::Compare(args) => compare::run(args, settings),
        Command::Components(args) => components::run(args, settings),
        Command::Advise(args) => advise::run(args, settings),
        Command::Diff(args) => diff::run(args, settings),
        Command::Inspect(args) => inspect::run(args, settings),
        Command::Scan(args) => scan::run(args, settings),
        Command::Ledger(args) => ledger::run(args, settings),
        Command::Key(args) => key::run(args, settings),
        Command::Config(args) => config::run(args, settings),
        Command::Completions(args) => reference::completions(args, settings),
        Command::Man(args) => reference::man(args, settings),
        Command::Keys => reference::keys(settings),
        // The console is opened by `main`; `parse` never gives it out as a command.
        Command::Review(_) => Err(Stop::usage("the console needs a terminal")),
    }
}

/// Says why the program cannot go on, as commands do, and returns how it ends.
#[must_use]
pub fn failed<E: crate::error::Explain + Send + Sync + 'static>(error: E) -> Exit {
    let stop = Stop::from(error);
    output::stop(&stop);
    stop.exit
}
