//! Entries and drafts, and the one spelling of an entry: RFC 8785, integers only.
//!
//! How entries hang together is in `chain`; what their bodies mean is in `replay`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::fault::Fault;
use crate::environment::Clock;
use crate::model::Digest;

/// The version of the entry format that this program writes, and the only one it reads.
pub const VERSION: u64 = 1;

/// The kinds that this program writes. Others are kept and chained like these.
pub mod kind {
    /// A verdict on a finding; the body is a `model::Verdict`.
    pub const VERDICT: &str = "verdict";
    /// A verdict on an image; the body is a `model::ImageVerdict`.
    pub const APPROVAL: &str = "approval";
    /// Takes an earlier entry back; the body is `{"entry": number, "entry_sha256": digest}`.
    pub const UNDO: &str = "undo";
    /// A step or the receipt of a promotion.
    pub const PROMOTION: &str = "promotion";
    /// A prediction made before the first look.
    pub const PREDICTION: &str = "prediction";
    /// Files that lie in the ledger and are no part of the chain; the body is a `ledger::Aside`.
    pub const SET_ASIDE: &str = "set-aside";
}

/// The largest entry, in bytes: 16 MiB.
pub(super) const MAX_ENTRY: usize = 16 * 1024 * 1024;

/// The highest number that twelve digits can show.
pub(super) const MAX_SEQ: u64 = 999_999_999_999;

/// The largest integer that every JSON reader keeps exactly (RFC 8785, section 3.2.2.3): 2^53 − 1.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The version of the format.
    pub v: u64,
    /// The number, from 1.
    pub seq: u64,
    /// The SHA-256 of the entry before; none (`null`) in the first entry.
    pub prev: Option<Digest>,
    /// When it was recorded.
    pub time: DateTime<Utc>,
    /// `system`, or `given` where the time was given with `--now`.
    pub clock: String,
    /// Who recorded it: a claim.
    pub reviewer: String,
    /// What the body is; see [`kind`].
    pub kind: String,
    /// What was recorded.
    pub body: Value,
    /// The SHA-256 of the entry's bytes. Not part of them.
    pub sha256: Digest,
}

/// The fields of an entry as they are written.
#[derive(Serialize, Deserialize)]
struct Written {
    v: u64,
    seq: u64,
    prev: Option<Digest>,
    time: String,
    clock: String,
    reviewer: String,
    kind: String,
    body: Value,
}

/// What is to be recorded; the ledger adds number and chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What the body is; see [`kind`].
    pub kind: String,
    /// What is recorded. Integers only: a fraction has no place in a record.
    pub body: Value,
    /// Who records it.
    pub reviewer: String,
    /// When.
    pub time: DateTime<Utc>,
    /// `system` or `given`.
    pub clock: String,
}

impl Draft {
    /// Returns a draft of `kind` recorded now by `reviewer`.
    #[must_use]
    pub fn new(kind: &str, body: Value, reviewer: &str, clock: Clock) -> Self {
        Self {
            kind: kind.to_owned(),
            body,
            reviewer: reviewer.to_owned(),
            time: clock.now(),
            clock: clock.as_str().to_owned(),
        }
    }

    /// Returns the entry of this draft at the given place of the chain, and its bytes; or what is
    /// wrong with the draft.
    pub(super) fn entry(
        &self,
        seq: u64,
        prev: Option<&Digest>,
    ) -> Result<(Entry, Vec<u8>), String> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.kind.is_empty() || self.kind.len() > 40 || !self.kind.bytes().all(plain) {
            return Err("a kind is 1 to 40 of a-z, 0-9 and `-`".to_owned());
        }
        if self.reviewer.trim().is_empty() {
            return Err("it names no reviewer".to_owned());
        }
        check_integers(&self.body)?;
        let written = Written {
            v: VERSION,
            seq,
            prev: prev.cloned(),
            time: self.time.to_rfc3339_opts(SecondsFormat::Secs, true),
            clock: self.clock.clone(),
            reviewer: self.reviewer.clone(),
            kind: self.kind.clone(),
            body: self.body.clone(),
        };
        let bytes =
            serde_json_canonicalizer::to_vec(&written).map_err(|error| error.to_string())?;
        if bytes.len() > MAX_ENTRY {
            return Err(format!(
                "it has {} bytes; at most {MAX_ENTRY} fit into an entry",
                bytes.len()
            ));
        }
        // Reading it back proves that what is recorded can be read, before it is recorded.
        let entry = parse(seq, &bytes).map_err(|fault| fault.to_string())?;
        Ok((entry, bytes))
    }
}

/// Reads the bytes of the file of entry `seq`, which must be exactly what this program writes.
pub(super) fn parse(seq: u64, bytes: &[u8]) -> Result<Entry, Fault> {
    if bytes.len() > MAX_ENTRY {
        return Err(Fault::NotAnEntry {
            detail: format!("it has more than {MAX_ENTRY} bytes"),
        });
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        if error.is_eof() {
            Fault::HalfWritten
        } else {
            Fault::NotAnEntry {
                detail: error.to_string(),
            }
        }
    })?;
    if let Some(v) = value.get("v").and_then(Value::as_u64)
        && v != VERSION
    {
        return Err(Fault::UnknownVersion { v });
    }
    check_integers(&value).map_err(|detail| Fault::NotCanonical { detail })?;
    let canonical =
        serde_json_canonicalizer::to_vec(&value).map_err(|error| Fault::NotCanonical {
            detail: error.to_string(),
        })?;
    if canonical != bytes {
        return Err(Fault::NotCanonical {
            detail: "its bytes are not the canonical form (RFC 8785) of its content".to_owned(),
        });
    }
    let not_an_entry = |detail: String| Fault::NotAnEntry { detail };
    let written: Written =
        serde_json::from_value(value).map_err(|error| not_an_entry(error.to_string()))?;
    if written.seq != seq {
        return Err(Fault::Moved { holds: written.seq });
    }
    let time = DateTime::parse_from_rfc3339(&written.time)
        .map_err(|error| not_an_entry(format!("time `{}`: {error}", written.time)))?
        .to_utc();
    Ok(Entry {
        v: written.v,
        seq: written.seq,
        prev: written.prev,
        time,
        clock: written.clock,
        reviewer: written.reviewer,
        kind: written.kind,
        body: written.body,
        sha256: Digest::of(bytes),
    })
}

/// Checks that every number is an integer that every JSON reader keeps exactly.
fn check_integers(value: &Value) -> Result<(), String> {
    match value {
        Value::Number(number) if !exact(number) => {
            Err(format!("{number} is not an integer between −2^53 and 2^53"))
        }
        Value::Array(list) => list.iter().try_for_each(check_integers),
        Value::Object(map) => map.values().try_for_each(check_integers),
        _ => Ok(()),
    }
}

fn exact(number: &Number) -> bool {
    match (number.as_u64(), number.as_i64()) {
        (Some(positive), _) => positive <= MAX_INTEGER,
        (None, Some(negative)) => negative.unsigned_abs() <= MAX_INTEGER,
        (None, None) => false,
    }
}
