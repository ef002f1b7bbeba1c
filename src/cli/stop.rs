//! Why a command stopped: class, message with its causes, hints.
//!
//! Error enums stay in their modules; this is what any of them becomes before it is shown.

use super::exit::Exit;
use crate::error::{ErrorKind, Explain};

/// A command that stopped.
#[derive(Debug)]
pub(crate) struct Stop {
    /// The class.
    pub(crate) exit: Exit,
    /// The message with its causes; none where there is nothing to say.
    pub(crate) error: Option<anyhow::Error>,
    /// What to do next.
    pub(crate) hints: Vec<String>,
}

impl Stop {
    /// Returns a stop with a message of this module's own.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            exit: kind.into(),
            error: Some(anyhow::Error::msg(message.into())),
            hints: Vec::new(),
        }
    }

    /// Returns a usage error.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Returns an input error.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    /// Adds a hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns the stop that a broken pipe is: nobody reads any more, and that is no failure.
    pub(super) fn broken_pipe() -> Self {
        Self {
            exit: Exit::Done,
            error: None,
            hints: Vec::new(),
        }
    }

    /// Returns the message, then each cause that the messages before it do not quote.
    pub(crate) fn chain(&self) -> Vec<String> {
        let mut chain: Vec<String> = Vec::new();
        for cause in self.error.iter().flat_map(anyhow::Error::chain) {
            let text = cause.to_string();
            if !chain.iter().any(|known| known.ends_with(&text)) {
                chain.push(text);
            }
        }
        chain
    }
}

impl<E: Explain + Send + Sync + 'static> From<E> for Stop {
    fn from(error: E) -> Self {
        Self {
            exit: error.kind().into(),
            hints: error.hints(),
            error: Some(anyhow::Error::new(error)),
        }
    }
}
