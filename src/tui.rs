//! The console: one loop that owns the state, screens that draw it, and a runtime that alone
//! touches the world.
//!
//! No decisions about images are made here; they are `review`'s and `promotion`'s. A module may
//! import those left of it: theme, message | widget, context | screen | app | update | terminal |
//! runtime.

pub mod app;
pub mod context;
#[cfg(test)]
pub(crate) mod fixture;
pub mod message;
pub mod runtime;
pub mod screen;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod widget;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::error::{ErrorKind, Explain};
use crate::keymap::{Key, Keymap, KeymapError, ParseKeyError};
use crate::ledger::Chain;
use crate::review::{Inputs, open};
use crate::tui::app::{App, Start};
use crate::tui::context::Prefill;
use crate::tui::terminal::Surface;
use crate::tui::theme::{Palette, Theme};

pub use runtime::{Exit, World};

/// What can go wrong with the console itself; what goes wrong in it is on its screen.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Standard input or output is no terminal.
    #[error("the console needs a terminal on standard input and output")]
    NoTerminal,
    /// A key in the configuration is none.
    #[error("keys of `{action}`: {source}")]
    Key {
        /// The action.
        action: String,
        /// What is wrong.
        source: ParseKeyError,
    },
    /// The keys of the configuration do not fit together.
    #[error(transparent)]
    Keymap(#[from] KeymapError),
    /// The terminal cannot be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] io::Error),
}

impl Explain for TuiError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoTerminal | Self::Key { .. } | Self::Keymap(_) => ErrorKind::Usage,
            Self::Terminal(_) => ErrorKind::Internal,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoTerminal => {
                vec![
                    "without one: `countersign findings INPUT`, `countersign list INPUT`"
                        .to_owned(),
                ]
            }
            Self::Keymap(error) => error.hints(),
            Self::Key { .. } | Self::Terminal(_) => Vec::new(),
        }
    }
}

/// Returns the console as it starts, for a terminal of `size`.
///
/// # Errors
/// When the keys of the configuration cannot be.
pub fn start(world: &World, size: (u16, u16)) -> Result<App, TuiError> {
    let config = &world.connector.config;
    let environment = &world.connector.environment;
    let nothing = open(
        &Inputs::default(),
        world.policy.clone(),
        &Chain::default(),
        environment,
        &CancellationToken::new(),
        &mut |_| {},
    );
    Ok(App::new(Start {
        review: Arc::new(nothing),
        theme: theme(world),
        severity_from: config.severity_from.clone(),
        keymap: keymap(config)?,
        clock: environment.clock,
        reviewer: config.reviewer.clone(),
        prefill: Prefill {
            destination: world.destination.clone(),
            key: config.key.clone(),
            key_is_locked: world.connector.needs_password() && world.connector.password().is_none(),
            archive: config.archive.clone(),
            predicts: config.predict,
        },
        selector: world.subject.clone(),
        size,
    }))
}

/// Opens the console and runs it until the person leaves.
///
/// # Errors
/// When there is no terminal, or it can no longer be used.
pub fn run(world: World) -> Result<Exit, TuiError> {
    let terminals = world.connector.environment.terminals;
    // A report on standard input leaves the keys to the controlling terminal.
    let reads_input = world.inputs.paths.iter().any(|path| path == "-");
    if !terminals.output || !(terminals.input || reads_input) {
        return Err(TuiError::NoTerminal);
    }
    // Keys that do not fit are said before the screen is taken over.
    keymap(&world.connector.config)?;
    let tasks = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let (sender, events) = unbounded_channel();
    runtime::watch_over(sender.clone())?;
    let mut surface = Surface::enter()?;
    let ended = surface.size().map_err(TuiError::from).and_then(|size| {
        let mut app = start(&world, size)?;
        runtime::listen(sender);
        Ok(tasks.block_on(runtime::run(&mut app, world, events, &mut surface))?)
    });
    terminal::restore();
    // Work that still runs is dropped: every step of it is safe to repeat.
    tasks.shutdown_background();
    ended
}

fn theme(world: &World) -> Theme {
    let found = Theme::detect(&world.connector.environment);
    if world.no_color || world.connector.config.theme == "mono" {
        Theme {
            palette: Palette::Mono,
            ..found
        }
    } else {
        found
    }
}

fn keymap(config: &Config) -> Result<Keymap, TuiError> {
    let mut changes: BTreeMap<String, Vec<Key>> = BTreeMap::new();
    for (action, keys) in &config.keys {
        let keys = keys.iter().map(|key| key.parse()).collect::<Result<_, _>>();
        let keys = keys.map_err(|source| TuiError::Key {
            action: action.clone(),
            source,
        })?;
        changes.insert(action.clone(), keys);
    }
    Ok(Keymap::with(&changes)?)
}
