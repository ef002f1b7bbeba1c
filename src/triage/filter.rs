//! The filter language of the findings list: terms, all of which must hold.
//!
//! Terms are read and written here; `matching` holds them against the columns of `index`.
//!
//! `word` (in ids, package or title), `"two words"`, `sev:>=high`, `sev:critical,high`,
//! `fix:yes|no|unknown`, `id:`, `pkg:`, `scanner:`, `src:both`, `src:only-grype`, `kind:`,
//! `verdict:none|any|stale|accept-risk`, `suppressed:yes|no`, `subject:0`; `!` before a term turns it round.

use std::fmt;
use std::str::FromStr;

use crate::error::{ErrorKind, Explain};
use crate::model::{Decision, Fixable, Kind, Severity, Standing};

pub(in crate::triage) mod matching;
mod reading;

/// A filter: every term must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    inverse: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Text(String),
    Severities(Severities),
    Fix(Vec<Fixable>),
    Id(String),
    Package(String),
    Scanner(String),
    /// Found by several scanners.
    Both,
    /// Found by this scanner alone.
    Only(String),
    Kinds(Vec<Kind>),
    Verdicts(Vec<VerdictTest>),
    Suppressed(bool),
    Subject(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Severities {
    AtLeast(Severity),
    AtMost(Severity),
    List(Vec<Severity>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VerdictTest {
    None,
    Any,
    Standing(Standing),
    Decision(Decision),
}

/// The text is not a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column} of the filter, at `{found}`: expected {expected}")]
pub struct FilterError {
    /// The column, in characters from 1.
    pub column: usize,
    /// The text there.
    pub found: String,
    /// What would have been right.
    pub expected: String,
}

impl Explain for FilterError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["for example: sev:>=high fix:yes pkg:openssl !scanner:grype".to_owned()]
    }
}

impl Filter {
    /// Returns the filter that both must pass.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self
    }

    /// Returns whether everything passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns whether suppressed findings are asked for: other filters are about those that count.
    #[must_use]
    pub fn shows_suppressed(&self) -> bool {
        self.terms
            .iter()
            .any(|term| matches!(term.test, Test::Suppressed(wanted) if wanted != term.inverse))
    }

    /// Reads the value of `--severity`: a list (`critical,high`) or a least one (`high+`).
    ///
    /// # Errors
    /// Fails where a word is no severity; the column is that of the value.
    pub fn severity_option(text: &str) -> Result<Self, FilterError> {
        reading::severities(reading::Piece::new(text)).map(Self::one)
    }

    /// Reads the value of `--fixable`: `yes`, `no` or `unknown`, or a list of them.
    ///
    /// # Errors
    /// Fails where a word is none of them; the column is that of the value.
    pub fn fixable_option(text: &str) -> Result<Self, FilterError> {
        reading::fixables(&reading::Piece::new(text)).map(Self::one)
    }

    /// Reads the value of `--kind`: a list of kinds.
    ///
    /// # Errors
    /// Fails where a word is no kind; the column is that of the value.
    pub fn kind_option(text: &str) -> Result<Self, FilterError> {
        reading::kinds(&reading::Piece::new(text)).map(Self::one)
    }

    fn one(test: Test) -> Self {
        Self {
            terms: vec![Term {
                inverse: false,
                test,
            }],
        }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        reading::terms(text).map(|terms| Self { terms })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, term) in self.terms.iter().enumerate() {
            let space = if position == 0 { "" } else { " " };
            let inverse = if term.inverse { "!" } else { "" };
            write!(f, "{space}{inverse}{}", term.test)?;
        }
        Ok(())
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write_text(f, text, true),
            Self::Severities(Severities::AtLeast(severity)) => write!(f, "sev:>={severity}"),
            Self::Severities(Severities::AtMost(severity)) => write!(f, "sev:<={severity}"),
            Self::Severities(Severities::List(list)) => {
                write_list(f, "sev:", list.iter().map(|severity| severity.as_str()))
            }
            Self::Fix(list) => write_list(f, "fix:", list.iter().map(|fixable| fixable.as_str())),
            Self::Id(text) => key_and_text(f, "id:", text),
            Self::Package(text) => key_and_text(f, "pkg:", text),
            Self::Scanner(text) => key_and_text(f, "scanner:", text),
            Self::Both => f.write_str("src:both"),
            Self::Only(name) => key_and_text(f, "src:", &format!("only-{name}")),
            Self::Kinds(list) => write_list(f, "kind:", list.iter().map(|kind| kind.as_str())),
            Self::Verdicts(list) => {
                write_list(f, "verdict:", list.iter().map(|verdict| verdict.as_str()))
            }
            Self::Suppressed(wanted) => {
                write!(f, "suppressed:{}", if *wanted { "yes" } else { "no" })
            }
            Self::Subject(number) => write!(f, "subject:{number}"),
        }
    }
}

impl VerdictTest {
    const ALL: [Self; 10] = [
        Self::None,
        Self::Any,
        Self::Standing(Standing::Current),
        Self::Standing(Standing::Stale),
        Self::Standing(Standing::Expired),
        Self::Decision(Decision::AcceptRisk),
        Self::Decision(Decision::NotAffected),
        Self::Decision(Decision::Affected),
        Self::Decision(Decision::FalsePositive),
        Self::Decision(Decision::UnderInvestigation),
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Any => "any",
            Self::Standing(Standing::Current) => "current",
            Self::Standing(Standing::Stale) => "stale",
            Self::Standing(Standing::Expired) => "expired",
            Self::Decision(decision) => decision.as_str(),
        }
    }
}

fn write_list<'a>(
    f: &mut fmt::Formatter<'_>,
    key: &str,
    words: impl Iterator<Item = &'a str>,
) -> fmt::Result {
    f.write_str(key)?;
    for (position, word) in words.enumerate() {
        let comma = if position == 0 { "" } else { "," };
        write!(f, "{comma}{word}")?;
    }
    Ok(())
}

fn key_and_text(f: &mut fmt::Formatter<'_>, key: &str, text: &str) -> fmt::Result {
    f.write_str(key)?;
    write_text(f, text, false)
}

/// Quotes what would be read as something else.
fn write_text(f: &mut fmt::Formatter<'_>, text: &str, alone: bool) -> fmt::Result {
    let plain = !text.is_empty()
        && !text.contains(|c: char| c.is_whitespace() || c == '"' || c == '\\')
        && !(alone && (text.starts_with('!') || text.contains(':')));
    if plain {
        return f.write_str(text);
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    write!(f, "\"{escaped}\"")
}

#[cfg(test)]
mod tests;
