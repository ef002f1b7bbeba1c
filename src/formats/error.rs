//! What can go wrong while bytes become a document, with the place and the next step.
//!
//! Losses of single entries are not errors: they are in the report as `Loss`.

use std::time::Duration;

use crate::error::{ErrorKind, Explain};
use crate::model::FeedKind;
use crate::text::Safe;

/// The largest input that is read, in bytes, before and after decoding.
pub const MAX_SIZE: usize = 256 * 1024 * 1024;

/// How much larger than its packed form a document may be.
pub const MAX_RATIO: usize = 100;

/// The longest that the entries of one document may take to read; the rest is a loss.
pub const MAX_TIME: Duration = Duration::from_mins(1);

/// The most documents that one file may hold.
pub const MAX_DOCUMENTS: usize = 10_000;

/// The deepest nesting of lists and objects that is read.
pub const MAX_DEPTH: usize = 128;

/// A place in the decoded text. Lines and columns (in bytes) are counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The offset in bytes.
    pub offset: usize,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// Returns the place of byte `offset` of `text`.
    #[must_use]
    pub fn at(text: &str, offset: usize) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |position| position + 1);
        Self {
            offset,
            line: before.split(|byte| *byte == b'\n').count(),
            column: before.len() - line_start + 1,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "line {}, column {} (byte {})",
            self.line, self.column, self.offset
        )
    }
}

/// An input that is no document this program reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The file has no content at all.
    #[error("`{path}` is empty: it holds no report")]
    Empty {
        /// The file.
        path: String,
    },
    /// The file is larger than [`MAX_SIZE`].
    #[error("`{path}` is too large: {size} bytes, and at most {MAX_SIZE} are read")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size in bytes.
        size: usize,
    },
    /// The packing is damaged or cut off.
    #[error("`{path}` is a damaged {packing} file: {reason}")]
    Unpack {
        /// The file.
        path: String,
        /// How it is packed.
        packing: &'static str,
        /// What the unpacker said.
        reason: String,
    },
    /// More comes out of the file than [`MAX_SIZE`].
    #[error("`{path}` is too large: out of the {packing} file come more than {MAX_SIZE} bytes")]
    UnpackedSize {
        /// The file.
        path: String,
        /// How it is packed.
        packing: &'static str,
    },
    /// More comes out of the file than [`MAX_RATIO`] times its size.
    #[error(
        "`{path}` is refused: the {packing} file unpacks to more than {MAX_RATIO} times its size"
    )]
    UnpackedRatio {
        /// The file.
        path: String,
        /// How it is packed.
        packing: &'static str,
    },
    /// The bytes are not the text encoding they seem to be.
    #[error("`{path}` is not valid {encoding}: wrong at byte {offset}")]
    Encoding {
        /// The file.
        path: String,
        /// The encoding tried.
        encoding: &'static str,
        /// The offset in the file as it is.
        offset: usize,
    },
    /// The content is not JSON.
    #[error("`{path}` is not JSON: it looks like {found}")]
    NotJson {
        /// The file.
        path: String,
        /// What it looks like.
        found: String,
    },
    /// The content is of a kind that is known but cannot be read.
    #[error("`{path}` is {found}, which is recognised but not read yet")]
    NotReadYet {
        /// The file.
        path: String,
        /// The kind.
        found: &'static str,
        /// How to get something that can be read.
        instead: &'static str,
    },
    /// The JSON ends in the middle.
    #[error("`{path}` is cut off: the JSON ends early at {place}")]
    Truncated {
        /// The file.
        path: String,
        /// The end.
        place: Place,
    },
    /// The JSON is damaged.
    #[error("`{path}` is damaged at {place}: {reason}")]
    Damaged {
        /// The file.
        path: String,
        /// The place.
        place: Place,
        /// The parser's reason.
        reason: String,
    },
    /// The JSON is whole, but a part that everything depends on is not what it has to be.
    #[error("`{path}`: {part} cannot be read, at {place}: {reason}")]
    Shape {
        /// The file.
        path: String,
        /// The JSON path of the part.
        part: String,
        /// The place.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// An ignore file is damaged.
    #[error("`{path}`: the ignore file is damaged at {place}: {reason}")]
    Exemptions {
        /// The file.
        path: String,
        /// The place.
        place: Place,
        /// The parser's reason.
        reason: String,
    },
    /// The file is no EPSS scores or no KEV catalogue, as it was given for.
    #[error("`{path}` is no file of {}, at {place}: {reason}", found_in(*kind))]
    Feed {
        /// The file.
        path: String,
        /// What it was given for.
        kind: FeedKind,
        /// The place.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// The JSON nests deeper than [`MAX_DEPTH`].
    #[error("`{path}` nests deeper than {MAX_DEPTH} levels at {place}")]
    TooDeep {
        /// The file.
        path: String,
        /// The place.
        place: Place,
    },
    /// The JSON is of no known kind.
    #[error("`{path}` is JSON of no known kind: {found}")]
    UnknownJson {
        /// The file.
        path: String,
        /// Its top keys, or what else it is.
        found: String,
    },
    /// A document of no known kind follows others.
    #[error(
        "`{path}` holds several documents, and the one at {place} is of no known kind: {found}"
    )]
    UnknownBeside {
        /// The file.
        path: String,
        /// Where it begins.
        place: Place,
        /// Its top keys, or what else it is.
        found: String,
    },
    /// The documents of the file take longer to read than [`MAX_TIME`] altogether.
    #[error("`{path}` takes longer to read than {} seconds", MAX_TIME.as_secs())]
    TooSlow {
        /// The file.
        path: String,
    },
    /// The file holds more documents than [`MAX_DOCUMENTS`].
    #[error("`{path}` holds more than {MAX_DOCUMENTS} documents")]
    TooManyDocuments {
        /// The file.
        path: String,
    },
    /// The bytes of one record cannot be read again.
    #[error("the record's details cannot be read: {reason}")]
    Record {
        /// The parser's reason.
        reason: String,
    },
}

/// Returns what a file of that kind holds.
fn found_in(kind: FeedKind) -> &'static str {
    match kind {
        FeedKind::Epss => "EPSS scores",
        FeedKind::Kev => "known exploited vulnerabilities",
    }
}

impl Explain for FormatError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Empty { .. } => "write the report again and look at the scanner's own messages",
            Self::TooLarge { .. } | Self::UnpackedSize { .. } => {
                "split the scan, or leave out parts that nobody reviews"
            }
            Self::Encoding { .. } => {
                "write the report as UTF-8; in PowerShell: `trivy image --output report.json …`"
            }
            Self::NotReadYet { instead, .. } => instead,
            Self::NotJson { .. } | Self::UnknownJson { .. } => {
                "give a report made with `trivy image --format json IMAGE` or `grype -o json IMAGE`, or an SBOM: CycloneDX, SPDX or Syft JSON"
            }
            Self::Truncated { .. } | Self::Damaged { .. } | Self::Shape { .. } => {
                "write the report again with the scanner's own `--output FILE`; a half report is never read as clean"
            }
            Self::Exemptions { .. } => "correct the file: nothing is suppressed by half of one",
            Self::Feed { kind, .. } => match kind {
                FeedKind::Epss => {
                    "take the scores of a day from https://www.first.org/epss/data_stats (CSV, plain or gzip)"
                }
                FeedKind::Kev => {
                    "take the catalogue from https://www.cisa.gov/known-exploited-vulnerabilities-catalog (JSON or CSV)"
                }
            },
            Self::TooDeep { .. } => "no scanner writes such a file: find out who made it",
            Self::UnknownBeside { .. } | Self::TooManyDocuments { .. } | Self::TooSlow { .. } => {
                "put each report in a file of its own"
            }
            Self::Unpack { .. } => {
                "pack it again, or give the plain file: half a report is never read as clean"
            }
            Self::UnpackedRatio { .. } => "unpack it yourself, and look at what comes out",
            Self::Record { .. } => "load the report again: the file may have changed",
        };
        vec![hint.to_owned()]
    }
}

/// Returns a short, safe quotation of foreign text for a message.
pub(super) fn quote(text: &str) -> String {
    Safe::limited(text, 60).as_str().to_owned()
}
