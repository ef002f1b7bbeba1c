//! The command line as it is meant: environment, configuration and flags resolved into values.
//!
//! What was typed is in `args`; real clients are made in `crate::connect`.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::args::{Color, Format, GlobalArgs};
use super::output::Output;
use super::stop::Stop;
use crate::config::{self, Config, Overrides};
use crate::connect::Connector;
use crate::environment::{Clock, Environment};
use crate::signing::Password;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Configuration and environment; opens ledger, archive, registry and key.
    pub(crate) connector: Connector,
    /// Whether `--now` was given.
    pub(crate) clock_is_given: bool,
    /// How much is said on standard error.
    pub(crate) verbose: u8,
    format: Option<Format>,
    output: Option<PathBuf>,
    pub(super) force: bool,
    color: Color,
}

impl Settings {
    /// Resolves what was typed.
    pub(crate) fn resolve(
        global: &GlobalArgs,
        own: Overrides,
        environment: &Environment,
    ) -> Result<Self, Stop> {
        let mut environment = environment.clone();
        if let Some(now) = global.now {
            environment.clock = Clock::Fixed(now);
        }
        let overrides = Overrides {
            config: global.config.clone(),
            ledger: global.ledger.clone(),
            ca_file: global.ca_file.clone(),
            ..own
        };
        let config = config::load(&environment, &overrides)?;
        Ok(Self {
            connector: Connector {
                config,
                environment,
                given_password: global.password_fd.map(password).transpose()?,
            },
            clock_is_given: global.now.is_some(),
            verbose: global.verbose,
            format: global.format,
            output: global.output.clone(),
            force: global.force,
            color: global.color,
        })
    }

    /// Returns the configuration in force.
    pub(crate) fn config(&self) -> &Config {
        &self.connector.config
    }

    /// Returns the environment, with the clock of `--now`.
    pub(crate) fn environment(&self) -> &Environment {
        &self.connector.environment
    }

    /// Returns the format asked for, which must be one the command offers; the first is the default.
    pub(crate) fn format(&self, offered: &[Format]) -> Result<Format, Stop> {
        let default = offered.first().copied().unwrap_or(Format::Table);
        let format = self.format.unwrap_or(default);
        if offered.contains(&format) {
            return Ok(format);
        }
        let names: Vec<&str> = offered.iter().map(|format| format.as_str()).collect();
        Err(Stop::usage(format!(
            "--format {} is not offered by this command",
            format.as_str()
        ))
        .hint(format!("offered: {}", names.join(", "))))
    }

    /// Returns whether it was said how or where the data is written.
    pub(crate) fn is_output_chosen(&self) -> bool {
        self.format.is_some() || self.output.is_some()
    }

    /// Opens a file for other data than the command's own; refuses one that exists, unless forced.
    pub(crate) fn file(&self, path: &std::path::Path) -> Result<Output, Stop> {
        Output::file(path, self.force)
    }

    /// Opens the place the data goes to.
    pub(crate) fn output(&self) -> Result<Output, Stop> {
        if let Some(path) = &self.output {
            return Output::file(path, self.force);
        }
        let environment = self.environment();
        let no_color = environment
            .variable("NO_COLOR")
            .is_some_and(|value| !value.is_empty());
        let dumb = environment.variable("TERM") == Some("dumb");
        Ok(Output::standard(match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => environment.terminals.output && !no_color && !dumb,
        }))
    }
}

/// The longest password that is read from a descriptor, in bytes.
const LONGEST_PASSWORD: u64 = 64 * 1024;

/// Reads a password from an open file descriptor, to its end; one line break at the end is not part
/// of it.
fn password(descriptor: u32) -> Result<Password, Stop> {
    let failed = |detail: String| {
        Stop::input(format!(
            "no password can be read from file descriptor {descriptor}: {detail}"
        ))
        .hint("for example --password-fd 3 with `3<FILE` in a shell, or --password-fd 0 for standard input")
    };
    let file = File::open(format!("/dev/fd/{descriptor}"));
    let file = file.map_err(|error| failed(error.to_string()))?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LONGEST_PASSWORD + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > LONGEST_PASSWORD {
        return Err(failed(format!(
            "it is longer than {LONGEST_PASSWORD} bytes"
        )));
    }
    let text =
        std::str::from_utf8(&bytes).map_err(|_bytes| failed("it is not UTF-8".to_owned()))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(Password::new(text.to_owned()))
}
