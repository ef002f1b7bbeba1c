//! Exit codes: what the caller learns without reading a word.
//!
//! Failures become codes here and nowhere else; `docs/reference/exit-codes.md` is made from this
//! table.

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::error::ErrorKind;

/// The outcome of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or the answer is yes.
    Done,
    /// The answer is no.
    No,
    /// The command line asks for something that does not exist.
    Usage,
    /// An input cannot be read or means nothing.
    Input,
    /// A remote service refused or did not answer.
    Remote,
    /// A safety rule said no.
    Refused,
    /// The ledger cannot be relied on or written.
    Ledger,
    /// A defect of the program.
    Defect,
    /// The person ended the work.
    Interrupted,
    /// Another signal of this number ended the work.
    Signal(u8),
}

impl Exit {
    /// Every outcome, by code.
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::No,
        Self::Usage,
        Self::Input,
        Self::Remote,
        Self::Refused,
        Self::Ledger,
        Self::Defect,
        Self::Interrupted,
    ];

    /// Returns the number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Remote => 4,
            Self::Refused => 5,
            Self::Ledger => 6,
            Self::Defect => 70,
            Self::Interrupted => 130,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }

    /// Returns what the code means, as the reference page says it.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => {
                "Done. For `gate`, `verify`, `ledger verify` and `archive verify`: the answer is yes."
            }
            Self::No => {
                "The answer is no: gate closed, not (validly) signed, archive not whole, or a difference with `--exit-code`. \"Nothing found to verify\" is a no."
            }
            Self::Usage => {
                "Usage: an unknown option or value, a missing argument, a configuration that is wrong, or a console asked for without a terminal."
            }
            Self::Input => {
                "Input: unreadable, damaged, unsupported or ambiguous; an unreadable key or wrong key password; no finding matched. With several inputs the document for the good ones is still printed. A report read only in part gives 3 unless `--allow-partial`."
            }
            Self::Remote => "Remote: registry, S3 or KMS refused or did not answer, after retries.",
            Self::Refused => {
                "Refused: gate closed or approval missing at promotion, another digest than given, evidence or plan changed, tag would move, an existing file would be overwritten. Nothing was sent, or what was is named."
            }
            Self::Ledger => "Ledger: chain broken, locked, conflicting or not writable.",
            Self::Defect => "A defect of the program.",
            Self::Interrupted | Self::Signal(_) => {
                "Ended by signal n, as 128+n: 130 interrupt, 129 hang-up, 143 terminate."
            }
        }
    }

    /// Returns the graver of two outcomes of one command: a broken ledger says more than a file
    /// that could not be read, and any failure more than an answer.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if self.code() >= other.code() {
            self
        } else {
            other
        }
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Usage => Self::Usage,
            ErrorKind::Input => Self::Input,
            ErrorKind::Remote => Self::Remote,
            ErrorKind::Refused => Self::Refused,
            ErrorKind::Ledger => Self::Ledger,
            ErrorKind::Interrupted => Self::Interrupted,
            ErrorKind::Internal => Self::Defect,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Returns the reference page of the exit codes.
pub(super) fn page() -> String {
    let mut page = String::from(
        "# Exit codes\n\nA broken pipe is success: who stops reading has read enough.\n\n| code | meaning |\n|---|---|\n",
    );
    for exit in Exit::ALL {
        let code = match exit {
            Exit::Interrupted => "128+n".to_owned(),
            _ => exit.code().to_string(),
        };
        // Writing to a String cannot fail.
        let _infallible = writeln!(page, "| {code} | {} |", exit.meaning());
    }
    page
}
