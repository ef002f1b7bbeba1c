//! Anchors: earlier ends of the chain that were kept elsewhere, found in what the person names.
//!
//! Comparing them with the chain is `crate::ledger`'s work.

use std::io::Read as _;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::cli::settings::Settings;
use crate::cli::stop::Stop;
use crate::cli::{output, work};
use crate::formats::envelope::{Envelope, Statement};
use crate::ledger::{Break, Chain, Head};
use crate::model::Digest;
use crate::review;

/// The largest file that is looked through.
const LARGEST: u64 = 64 * 1024 * 1024;

/// An earlier end of the chain, and whether the chain still has it.
#[derive(Debug, Serialize)]
pub(super) struct Anchor {
    /// Where it was found.
    source: String,
    /// The entry's number, where it is known.
    seq: Option<u64>,
    /// The hash the entry had.
    sha256: Digest,
    /// Whether the chain still has it.
    holds: bool,
}

/// What is checked, and what is wrong then.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) anchors: Vec<Anchor>,
    pub(super) problems: Vec<(Break, String)>,
    /// Signed approvals that do not count, and why.
    pub(super) approvals: Vec<String>,
}

impl Checked {
    fn check(&mut self, chain: &Chain, source: String, seq: Option<u64>, sha256: Digest) {
        let problem = match seq {
            None => chain.without(&sha256),
            Some(seq) => chain.against(&Head {
                seq,
                sha256: sha256.clone(),
            }),
        };
        self.anchors.push(Anchor {
            source: source.clone(),
            seq,
            sha256,
            holds: problem.is_none(),
        });
        self.problems
            .extend(problem.map(|problem| (problem, source)));
    }
}

/// Checks the chain against what the person names, what the archive names where one is asked for,
/// and the signed approvals beside the chain.
pub(super) fn check(
    chain: &Chain,
    named: &[String],
    with_archive: bool,
    settings: &Settings,
) -> Result<Checked, Stop> {
    let mut checked = Checked::default();
    for text in named {
        let heads = if Path::new(text).exists() {
            in_file(Path::new(text))?
        } else {
            let digest = text.parse().or_else(|_| format!("sha256:{text}").parse());
            let digest: Digest = digest.map_err(|_neither: crate::model::ParseDigestError| {
                Stop::input(format!("`{text}` is neither a file nor a SHA-256"))
            })?;
            vec![(None, digest)]
        };
        for (seq, sha256) in heads {
            checked.check(chain, text.clone(), seq, sha256);
        }
    }
    let policy = settings.connector.policy()?;
    let trusted = settings.connector.trusted_keys(&policy)?;
    checked.approvals = review::approval_notices(chain, &trusted);
    for anchor in review::anchors(chain, &trusted) {
        if anchor.same_ledger {
            let Head { seq, sha256 } = anchor.head;
            checked.check(chain, anchor.file, Some(seq), sha256);
        } else {
            output::note(&format!(
                "{} names an end of another ledger, unless this one was rewritten from its first entry",
                anchor.file
            ));
        }
    }
    if with_archive {
        in_archive(chain, settings, &mut checked)?;
    }
    checked.problems.sort_by_key(|(problem, _)| problem.seq);
    Ok(checked)
}

fn in_archive(chain: &Chain, settings: &Settings, checked: &mut Checked) -> Result<(), Stop> {
    let location = settings.config().archive.as_deref().unwrap_or_default();
    let listing = work::wait(work::is_local(location), async {
        let archive = settings.connector.archive().await?;
        let Some(archive) = archive else {
            return Ok::<_, Stop>(None);
        };
        Ok(Some(archive.list().await?))
    })??;
    for bundle in listing.into_iter().flat_map(|listing| listing.bundles) {
        if let Some(head) = bundle.manifest.ledger {
            checked.check(chain, bundle.id.to_string(), Some(head.seq), head.sha256);
        }
    }
    Ok(())
}

/// Returns every end of a chain that a file names.
fn in_file(path: &Path) -> Result<Vec<(Option<u64>, Digest)>, Stop> {
    let wrong = |detail: String| Stop::input(format!("{}: {detail}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(LARGEST)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(error.to_string()))?;
    let mut heads = Vec::new();
    // A promotion writes one document a line; everything else is one document.
    for value in serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>() {
        let value = value.map_err(|error| wrong(error.to_string()))?;
        heads.extend(in_document(&value, &bytes));
    }
    if heads.is_empty() {
        return Err(wrong("it names no end of a ledger".to_owned())
            .hint("a receipt does, a bundle's manifest, a signed approval, `ledger verify --format json`, or an entry"));
    }
    Ok(heads)
}

fn in_document(value: &Value, bytes: &[u8]) -> Vec<(Option<u64>, Digest)> {
    if value.get("v").is_some() && value.get("prev").is_some() {
        let seq = value.get("seq").and_then(Value::as_u64);
        return vec![(seq, Digest::of(bytes))];
    }
    if value.get("payloadType").is_some() {
        return in_envelope(bytes);
    }
    let receipt = value.get("receipt").unwrap_or(value);
    let of_receipt = pair(receipt.get("ledger_entry"), receipt.get("ledger_head"));
    let objects = [value.get("head"), value.get("ledger")];
    let mut heads: Vec<_> = objects
        .into_iter()
        .flatten()
        .filter_map(head)
        .chain(of_receipt)
        .collect();
    if value.get("head").is_some_and(Value::is_string) {
        let entries = value.get("entries").and_then(Value::as_array);
        heads.extend(entries.into_iter().flatten().filter_map(head));
    }
    heads
}

fn in_envelope(bytes: &[u8]) -> Vec<(Option<u64>, Digest)> {
    let statement = Envelope::parse(bytes)
        .ok()
        .and_then(|envelope| Statement::parse(&envelope.payload).ok());
    let ledger = statement.and_then(|statement| head(statement.predicate.get("ledger")?));
    ledger.into_iter().collect()
}

fn head(value: &Value) -> Option<(Option<u64>, Digest)> {
    pair(value.get("seq"), value.get("sha256"))
}

fn pair(seq: Option<&Value>, sha256: Option<&Value>) -> Option<(Option<u64>, Digest)> {
    let digest = sha256?.as_str()?.parse().ok()?;
    Some((seq.and_then(Value::as_u64), digest))
}
