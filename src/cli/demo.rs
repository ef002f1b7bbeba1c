//! `demo`: a self-contained tour, from bundled reports to a signed promotion, without a network.
//!
//! The story is told with the commands themselves; images, reports and key are made by
//! `crate::demo`.

use std::ffi::OsString;

use super::args::{DemoArgs, Format};
use super::exit::Exit;
use super::output::Output;
use super::settings::Settings;
use super::stop::Stop;
use super::{ConsoleRequest, Invocation};
use crate::config::{self, Overrides};
use crate::connect::Connector;
use crate::demo::{PASSWORD, Stage};
use crate::environment::Environment;
use crate::error::ErrorKind;
use crate::model::Digest;

/// A stage and what keeps its registry answering; both end with this.
#[derive(Debug)]
pub struct StageGuard {
    /// Dropped before the runtime that it runs on.
    stage: Stage,
    _runtime: tokio::runtime::Runtime,
}

impl StageGuard {
    fn set(args: &DemoArgs, settings: &Settings) -> Result<Self, Stop> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| {
                let message = format!("the runtime does not start: {error}");
                Stop::new(ErrorKind::Internal, message)
            })?;
        let folder = args
            .dir
            .as_ref()
            .map(|folder| settings.environment().working_directory.join(folder));
        let stage = runtime.block_on(Stage::set(folder.as_deref()))?;
        Ok(Self {
            stage,
            _runtime: runtime,
        })
    }

    /// Returns an environment that knows the stage and none of the person's own settings.
    fn environment(&self, own: &Environment) -> Environment {
        let stage = &self.stage;
        let mut environment = own.clone();
        environment.working_directory.clone_from(&stage.folder);
        let settings = stage.folder.join("settings").display().to_string();
        let folders = [
            ("COUNTERSIGN_LEDGER", stage.ledger()),
            ("COUNTERSIGN_ARCHIVE", stage.archive()),
            ("COUNTERSIGN_KEY", stage.key()),
        ];
        let environment = environment
            .with_variable("COSIGN_PASSWORD", PASSWORD)
            .with_variable("COUNTERSIGN_REVIEWER", "reviewer")
            .with_variable("COUNTERSIGN_POLICY", "")
            .with_variable("XDG_CONFIG_HOME", &settings)
            .with_variable("DOCKER_CONFIG", &settings);
        folders
            .into_iter()
            .fold(environment, |known, (name, folder)| {
                known.with_variable(name, &folder.display().to_string())
            })
    }
}

/// Sets the stage and returns what the console opens on it.
pub(super) fn console(args: &DemoArgs, settings: &Settings) -> Result<Invocation, Stop> {
    let guard = StageGuard::set(args, settings)?;
    let environment = guard.environment(settings.environment());
    let config = config::load(&environment, &Overrides::default())?;
    Ok(Invocation::Console(Box::new(ConsoleRequest {
        inputs: vec![guard.stage.reports().display().to_string()],
        attach: Vec::new(),
        epss: None,
        kev: None,
        images: Vec::new(),
        platform: None,
        subject: None,
        to: Some(guard.stage.destination()),
        no_color: !settings.output()?.is_colored(),
        connector: Connector {
            config,
            environment,
            given_password: None,
        },
        stage: Some(guard),
    })))
}

/// Plays the story.
pub(super) fn run(args: &DemoArgs, settings: &Settings) -> Result<Exit, Stop> {
    settings.format(&[Format::Table])?;
    let guard = StageGuard::set(args, settings)?;
    let mut story = Story {
        environment: guard.environment(settings.environment()),
        output: settings.output()?,
        step: 0,
    };
    tell(&mut story, &guard.stage)?;
    story.output.finish()?;
    Ok(Exit::Done)
}

/// The story as it is told.
struct Story {
    environment: Environment,
    output: Output,
    step: usize,
}

impl Story {
    /// Says what happens next.
    fn say(&mut self, text: &str) -> Result<(), Stop> {
        self.step += 1;
        self.output.line("")?;
        self.output.line(&format!("{}. {text}", self.step))
    }

    /// Shows a command and runs it; it must end as the story has it.
    fn run(&mut self, arguments: &[&str], expected: Exit) -> Result<(), Stop> {
        let shown: Vec<String> = arguments
            .iter()
            .map(|word| {
                if word.contains(' ') {
                    format!("'{word}'")
                } else {
                    (*word).to_owned()
                }
            })
            .collect();
        let shown = shown.join(" ");
        self.output.line(&format!("$ countersign {shown}"))?;
        let line = ["countersign"].iter().chain(arguments).map(OsString::from);
        let exit = match super::parse(line, &self.environment) {
            Invocation::Command(line) => super::run(&line),
            Invocation::Over(exit) => exit,
            Invocation::Console(_) => Exit::Defect,
        };
        if exit == expected {
            return self.output.line(&format!("[exit {}]", exit.code()));
        }
        Err(Stop::new(
            ErrorKind::Internal,
            format!(
                "`countersign {shown}` ended with {} instead of {}",
                exit.code(),
                expected.code()
            ),
        ))
    }
}

fn tell(story: &mut Story, stage: &Stage) -> Result<(), Stop> {
    let folder = stage.folder.display();
    let fate = if stage.is_temporary() {
        "goes when this ends"
    } else {
        "stays"
    };
    story.output.line(&format!(
        "A registry on {} that images come from, one on {} that they are promoted to; reports, a cosign key, a ledger and an archive in {folder}, which {fate}.",
        stage.upstream.host(),
        stage.registry.host()
    ))?;
    let reports = stage.reports();
    let folder = reports.display().to_string();
    let of = |name: &str| reports.join(format!("{name}.*")).display().to_string();
    let (old, new) = (of("caddy-2.7.6"), of("caddy-v2.10.0"));

    story.say("Two images were scanned with two scanners each; the reports are joined.")?;
    story.run(&["list", &folder], Exit::Done)?;

    story.say(
        "The older one has fixable findings of high and critical severity: its gate is closed.",
    )?;
    story.run(&["gate", &old], Exit::No)?;

    story.say("It is rejected, with a reason that stays on record.")?;
    let reason = "9 fixable findings, 2 of them critical: rebuild on 2.10.0";
    story.run(&decision(&old, "reject", reason), Exit::Done)?;

    story.say("A rejected image cannot be promoted: nothing is sent.")?;
    let rejected = format!("{}/debut/base-images/caddy:2.7.6", stage.registry.host());
    let digest = stage.rejected.digest.to_string();
    let refused = promotion(&stage.rejected.reference, &rejected, &old, &digest);
    story.run(&refused, Exit::Refused)?;

    story.say("The newer one is clean: its gate is open.")?;
    story.run(&["gate", &new], Exit::Done)?;

    story.say("A reviewer approves it; the approval is bound to its digest and findings.")?;
    let reason = "two scanners agree: nothing fixable";
    story.run(&decision(&new, "approve", reason), Exit::Done)?;
    promote(story, stage, &new)?;

    story.say("Everything is on record: evidence and ledger are whole.")?;
    story.run(&["archive", "verify"], Exit::Done)?;
    story.run(&["ledger", "verify"], Exit::Done)
}

/// The approved image is promoted, signed and checked.
fn promote(story: &mut Story, stage: &Stage, reports: &str) -> Result<(), Stop> {
    let source = &stage.approved.reference;
    let destination = stage.destination();
    let digest: &Digest = &stage.approved.digest;
    story.say("What a promotion would do can be seen before.")?;
    story.run(&["plan", source, &destination, reports], Exit::Done)?;

    story.say("It is copied by digest, signed, verified, archived, and only then tagged.")?;
    let digest = digest.to_string();
    story.run(
        &promotion(source, &destination, reports, &digest),
        Exit::Done,
    )?;

    story.say("Anyone with the public key can check the signature.")?;
    let key = stage.folder.join("cosign.pub").display().to_string();
    story.run(&["verify", &destination, "--key", &key], Exit::Done)?;
    story.run(&["tree", &destination, "--key", &key], Exit::Done)
}

fn decision<'a>(reports: &'a str, decision: &'a str, reason: &'a str) -> [&'a str; 7] {
    [
        "decide",
        reports,
        "--whole-image",
        "--decision",
        decision,
        "--reason",
        reason,
    ]
}

fn promotion<'a>(
    source: &'a str,
    destination: &'a str,
    reports: &'a str,
    digest: &'a str,
) -> [&'a str; 9] {
    [
        "promote",
        source,
        destination,
        reports,
        "--digest",
        digest,
        "--yes",
        "--reviewer",
        "promoter",
    ]
}
