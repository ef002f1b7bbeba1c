//! The command line as it is meant: environment, configuration and flags resolved into values.
//!
//! What was typed is in `args`; real clients are made in `crate::connect`.

use std::path::PathBuf;

use super::args::{Color, Format, GlobalArgs};
use super::output::Output;
use super::stop::Stop;
use crate::config::{self, Config, Overrides};
use crate::connect::Connector;
use crate::environment::{Clock, Environment};

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
    force: bool,
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
