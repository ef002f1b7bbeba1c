//! Reading the filter language: pieces of text with their columns, and the value of each key.
//!
//! What a term matches is decided in `filter`.

use super::{FilterError, Severities, Term, Test, VerdictTest};
use crate::model::{Fixable, Kind, Severity};

const KEYS: &str =
    "sev:, fix:, id:, pkg:, scanner:, src:, kind:, verdict:, suppressed: or subject:";

/// A piece of the filter, unquoted, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    text: String,
    column: usize,
}

impl Piece {
    /// Wraps a value that stands alone.
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            column: 1,
        }
    }

    fn error(&self, expected: &str) -> FilterError {
        FilterError {
            column: self.column,
            found: self.text.chars().take(40).collect(),
            expected: expected.to_owned(),
        }
    }

    /// Splits at commas.
    fn words(&self) -> Vec<Self> {
        let mut column = self.column;
        let mut words = Vec::new();
        for word in self.text.split(',') {
            words.push(Self {
                text: word.to_owned(),
                column,
            });
            column += word.chars().count() + 1;
        }
        words
    }

    fn without(&self, prefix: &str) -> Option<Self> {
        self.text.strip_prefix(prefix).map(|rest| Self {
            text: rest.to_owned(),
            column: self.column + prefix.chars().count(),
        })
    }
}

/// Reads every term.
pub(super) fn terms(text: &str) -> Result<Vec<Term>, FilterError> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
        column: 1,
    };
    let mut terms = Vec::new();
    while let Some(term) = reader.term()? {
        terms.push(term);
    }
    Ok(terms)
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    column: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest.next()?;
        self.column += 1;
        Some(character)
    }

    fn term(&mut self) -> Result<Option<Term>, FilterError> {
        while self.rest.peek().is_some_and(|c| c.is_whitespace()) {
            self.next();
        }
        if self.rest.peek().is_none() {
            return Ok(None);
        }
        let inverse = self.rest.peek() == Some(&'!');
        if inverse {
            self.next();
        }
        let quoted = self.rest.peek() == Some(&'"');
        let (key, value) = if quoted {
            (None, self.piece(false)?)
        } else {
            let word = self.piece(true)?;
            match word.text.strip_suffix(':') {
                Some(_) => (Some(word), self.piece(false)?),
                None => (None, word),
            }
        };
        let test = match key {
            Some(key) => test(&key, value)?,
            None if value.text.is_empty() => return Err(value.error("a word to search for")),
            None => Test::Text(value.text),
        };
        Ok(Some(Term { inverse, test }))
    }

    /// Reads up to white space; a key up to and with its colon. Quotes keep white space in.
    fn piece(&mut self, key: bool) -> Result<Piece, FilterError> {
        let column = self.column;
        let mut text = String::new();
        let mut in_quotes = false;
        while let Some(&character) = self.rest.peek() {
            if !in_quotes && character.is_whitespace() {
                break;
            }
            self.next();
            match character {
                '"' => in_quotes = !in_quotes,
                '\\' if in_quotes => text.extend(self.next()),
                ':' if key && !in_quotes => {
                    text.push(':');
                    break;
                }
                other => text.push(other),
            }
        }
        let piece = Piece { text, column };
        if in_quotes {
            return Err(piece.error("a closing quote"));
        }
        Ok(piece)
    }
}

fn test(key: &Piece, value: Piece) -> Result<Test, FilterError> {
    let name = key.text.trim_end_matches(':').to_ascii_lowercase();
    match name.as_str() {
        "sev" | "severity" => severities(value),
        "fix" | "fixable" => fixables(&value),
        "id" => text(value, "a part of an id").map(Test::Id),
        "pkg" | "package" => text(value, "a part of a package's name").map(Test::Package),
        "scanner" => text(value, "the name of a scanner").map(Test::Scanner),
        "src" => sources(&value),
        "kind" => kinds(&value),
        "verdict" => verdicts(&value),
        "suppressed" => match value.text.to_ascii_lowercase().as_str() {
            "yes" => Ok(Test::Suppressed(true)),
            "no" => Ok(Test::Suppressed(false)),
            _ => Err(value.error("yes or no")),
        },
        "subject" => value
            .text
            .parse()
            .map(Test::Subject)
            .map_err(|_not_a_number| value.error("the number of a subject")),
        _ => Err(key.error(&format!("{KEYS}; quote a text that holds a colon"))),
    }
}

fn text(value: Piece, expected: &str) -> Result<String, FilterError> {
    if value.text.is_empty() {
        return Err(value.error(expected));
    }
    Ok(value.text)
}

/// Reads `high+`, `>=high`, `>high`, `<=low`, `<low`, `=low` or a list.
pub(super) fn severities(value: Piece) -> Result<Test, FilterError> {
    let one = |piece: &Piece| -> Result<Severity, FilterError> {
        let expected = "critical, high, medium, low, negligible or unknown";
        if piece.text.is_empty() {
            return Err(piece.error(expected));
        }
        piece
            .text
            .parse()
            .map_err(|_not_a_severity| piece.error(expected))
    };
    let above = |severity: Severity| Severity::ALL.into_iter().filter(move |s| *s > severity);
    let below = |severity: Severity| Severity::ALL.into_iter().filter(move |s| *s < severity);
    let severities = if let Some(rest) = value.without(">=") {
        Severities::AtLeast(one(&rest)?)
    } else if let Some(rest) = value.without("<=") {
        Severities::AtMost(one(&rest)?)
    } else if let Some(rest) = value.without(">") {
        let least = above(one(&rest)?).min();
        least
            .map(Severities::AtLeast)
            .ok_or_else(|| rest.error("a severity that has another above it"))?
    } else if let Some(rest) = value.without("<") {
        let most = below(one(&rest)?).max();
        most.map(Severities::AtMost)
            .ok_or_else(|| rest.error("a severity that has another below it"))?
    } else if let Some(least) = value.text.strip_suffix('+') {
        Severities::AtLeast(one(&Piece {
            text: least.to_owned(),
            column: value.column,
        })?)
    } else {
        let value = value.without("=").unwrap_or(value);
        let list: Result<Vec<Severity>, FilterError> = value.words().iter().map(one).collect();
        Severities::List(list?)
    };
    Ok(Test::Severities(severities))
}

/// Reads a list of `yes`, `no` and `unknown`.
pub(super) fn fixables(value: &Piece) -> Result<Test, FilterError> {
    let all = [Fixable::Yes, Fixable::No, Fixable::Unknown];
    list(value, &all, Fixable::as_str, "yes, no or unknown").map(Test::Fix)
}

/// Reads a list of kinds.
pub(super) fn kinds(value: &Piece) -> Result<Test, FilterError> {
    let expected = "vulnerability, misconfiguration, secret, license or hygiene";
    list(value, &Kind::ALL, Kind::as_str, expected).map(Test::Kinds)
}

fn verdicts(value: &Piece) -> Result<Test, FilterError> {
    let expected = "none, any, current, stale, expired, accept-risk, not-affected, affected, false-positive or under-investigation";
    list(value, &VerdictTest::ALL, VerdictTest::as_str, expected).map(Test::Verdicts)
}

fn sources(value: &Piece) -> Result<Test, FilterError> {
    if value.text == "both" {
        return Ok(Test::Both);
    }
    match value.without("only-") {
        Some(name) if !name.text.is_empty() => Ok(Test::Only(name.text)),
        _ => Err(value.error("both or only-SCANNER")),
    }
}

fn list<T: Copy>(
    value: &Piece,
    all: &[T],
    name: impl Fn(T) -> &'static str,
    expected: &str,
) -> Result<Vec<T>, FilterError> {
    value
        .words()
        .iter()
        .map(|word| {
            let lower = word.text.to_ascii_lowercase();
            let found = all.iter().find(|known| name(**known) == lower);
            found.copied().ok_or_else(|| word.error(expected))
        })
        .collect()
}
