//! What can go wrong when a scanner is run, and what to do next.
//!
//! The words of scanners are kept as they are; who shows them makes them safe.

use std::path::PathBuf;

use super::tool::Scanner;
use crate::error::{ErrorKind, Explain};
use crate::formats::FormatError;

/// A scanner that could not be run, or did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum ScannerError {
    /// The scanner is not installed.
    #[error("{scanner} is not on the PATH")]
    Missing {
        /// The scanner.
        scanner: Scanner,
    },
    /// None of the scanners is installed.
    #[error("no scanner is on the PATH: trivy, grype and syft were looked for")]
    NoneInstalled,
    /// The program that was named cannot be run.
    #[error("`{}` is not a program that can be run: {detail}", path.display())]
    NotRunnable {
        /// The program.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// Docker is wanted for a scanner image and not installed.
    #[error("docker is not on the PATH, and {scanner} is to run from an image")]
    NoDocker {
        /// The scanner.
        scanner: Scanner,
    },
    /// What is to be scanned is neither an image nor a folder.
    #[error("`{text}` cannot be scanned: {detail}")]
    Target {
        /// What was typed.
        text: String,
        /// What is wrong with it.
        detail: String,
    },
    /// This scanner cannot read such a target.
    #[error("{scanner} cannot read {what}: {detail}")]
    Unsupported {
        /// The scanner.
        scanner: Scanner,
        /// The kind of target.
        what: String,
        /// Why.
        detail: &'static str,
    },
    /// An argument for the scanner that would carry a secret or move its output.
    #[error("the argument `{argument}` is not passed on to {scanner}: {detail}")]
    Argument {
        /// The scanner.
        scanner: Scanner,
        /// The argument's name.
        argument: String,
        /// Why.
        detail: &'static str,
    },
    /// The program did not start.
    #[error("`{program}` does not start")]
    Start {
        /// The program.
        program: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The program does not answer when it is asked for its version.
    #[error("`{program}` does not say its version: {detail}")]
    Version {
        /// The program.
        program: String,
        /// What it did instead.
        detail: String,
    },
    /// The scanner ended with an error.
    #[error("{scanner} {status}{}", last(tail))]
    Failed {
        /// The scanner.
        scanner: Scanner,
        /// How it ended.
        status: String,
        /// Its exit code; none when a signal ended it.
        code: Option<i32>,
        /// The last lines of its standard error.
        tail: Vec<String>,
    },
    /// The scanner ended well and wrote something that cannot be read.
    #[error("{scanner} ended well, but what it wrote cannot be read")]
    Unreadable {
        /// The scanner.
        scanner: Scanner,
        /// What is wrong with it.
        source: Box<FormatError>,
    },
    /// The scanner ended well and wrote a document of another kind.
    #[error("{scanner} ended well, but wrote {found}")]
    Unexpected {
        /// The scanner.
        scanner: Scanner,
        /// What it wrote.
        found: String,
    },
    /// The scanner wrote more than is read.
    #[error("{scanner} was stopped: it wrote more than {limit} bytes")]
    TooLarge {
        /// The scanner.
        scanner: Scanner,
        /// The most bytes that are read.
        limit: u64,
    },
    /// A folder or file of ours cannot be written.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The person ended it.
    #[error("cancelled while {scanner} was running; its output is removed")]
    Cancelled {
        /// The scanner that was running.
        scanner: Scanner,
        /// What scanners before it have left.
        kept: Vec<PathBuf>,
    },
}

impl ScannerError {
    /// Returns the message with its causes, on one line.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// Returns the last line that says something, for the message.
fn last(tail: &[String]) -> String {
    tail.last()
        .map(|line| format!(": {}", line.trim()))
        .unwrap_or_default()
}

/// How to get a scanner.
fn get(scanner: Scanner) -> String {
    format!(
        "install it as the project {} on GitHub describes, name it with --{scanner} PATH, or run its image with --scanner-image {}",
        scanner.project(),
        scanner.image()
    )
}

impl Explain for ScannerError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing { .. }
            | Self::NoneInstalled
            | Self::NotRunnable { .. }
            | Self::NoDocker { .. }
            | Self::Argument { .. } => ErrorKind::Usage,
            Self::Target { .. }
            | Self::Unsupported { .. }
            | Self::Start { .. }
            | Self::Version { .. }
            | Self::Failed { .. }
            | Self::Unreadable { .. }
            | Self::Unexpected { .. }
            | Self::TooLarge { .. }
            | Self::Write { .. } => ErrorKind::Input,
            Self::Cancelled { .. } => ErrorKind::Interrupted,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Missing { scanner } => vec![get(*scanner)],
            Self::NoneInstalled => Scanner::ALL
                .iter()
                .map(|scanner| format!("{scanner}: {}", get(*scanner)))
                .collect(),
            Self::NotRunnable { .. } => {
                vec!["name the program itself, with the permission to execute it".to_owned()]
            }
            Self::NoDocker { scanner } => vec![format!(
                "install docker, or install {scanner} itself (project {} on GitHub)",
                scanner.project()
            )],
            Self::Target { .. } => vec![
                "for example alpine:3.20, oci:DIR:TAG, docker-archive:FILE, docker-daemon:REF, or a folder"
                    .to_owned(),
            ],
            Self::Unsupported { scanner, .. } => vec![format!(
                "choose the scanners with --with, without {scanner}"
            )],
            Self::Argument { .. } => vec![
                "secrets go through the scanner's own environment variables, such as TRIVY_PASSWORD"
                    .to_owned(),
            ],
            Self::Start { .. } | Self::Version { .. } => {
                vec!["check that it runs by itself on this machine".to_owned()]
            }
            Self::Failed { scanner, tail, .. } => failed(*scanner, tail),
            Self::Unreadable { .. } | Self::Unexpected { .. } => vec![
                "its output was removed; check that no configuration file of the scanner changes the format"
                    .to_owned(),
            ],
            Self::TooLarge { .. } => {
                vec!["scan a part of it, or run the scanner by itself".to_owned()]
            }
            Self::Write { .. } => vec!["choose another folder with --dir".to_owned()],
            Self::Cancelled { kept, .. } => kept
                .iter()
                .map(|path| format!("kept: {}", path.display()))
                .collect(),
        }
    }
}

/// The scanner's own last words, and how to hear more of them.
fn failed(scanner: Scanner, tail: &[String]) -> Vec<String> {
    let before = tail.len().saturating_sub(1);
    let mut hints: Vec<String> = tail
        .iter()
        .take(before)
        .skip(before.saturating_sub(4))
        .map(|line| format!("{scanner} said before: {}", line.trim()))
        .collect();
    hints.push(format!(
        "pass more options with --{scanner}-arg; run the command by itself to see all it says"
    ));
    hints
}
