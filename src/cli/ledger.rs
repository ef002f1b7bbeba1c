//! `ledger`: the record read, checked and corrected.
//!
//! Chaining is `crate::ledger`'s work; what a verdict is worth today is `review`'s.

mod anchor;
mod expiring;

use serde::Serialize;
use serde_json::Value;

use super::args::{Format, LedgerArgs, LedgerCommand};
use super::exit::Exit;
use super::output::{self, Align, Output, Table};
use super::settings::Settings;
use super::stop::Stop;
use super::{unlock, work};
use crate::ledger::{Break, Chain, Entry, Head, replay};
use crate::review;
use crate::signing::Signer;
use crate::text::thousands;

/// The document `ledger`.
#[derive(Serialize)]
struct LedgerDocument<'a> {
    location: &'a str,
    head: Option<Head>,
    entries: Vec<EntryView<'a>>,
    problems: Vec<ProblemView>,
}

/// One entry.
#[derive(Serialize)]
struct EntryView<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    undone: bool,
}

/// One thing that is wrong.
#[derive(Serialize)]
struct ProblemView {
    seq: u64,
    file: String,
    problem: String,
    /// What knows better: none where the chain alone shows it.
    anchor: Option<String>,
}

impl ProblemView {
    fn of(problem: &Break, anchor: Option<&str>) -> Self {
        Self {
            seq: problem.seq,
            file: problem.file(),
            problem: problem.fault.to_string(),
            anchor: anchor.map(str::to_owned),
        }
    }
}

/// The document `ledger-verification`.
#[derive(Serialize)]
struct VerificationDocument<'a> {
    location: &'a str,
    whole: bool,
    entries: usize,
    head: Option<Head>,
    problems: Vec<ProblemView>,
    set_aside: Vec<SetAsideView<'a>>,
    anchors: &'a [anchor::Anchor],
    approval_notices: &'a [String],
}

/// A file that is no part of the chain.
#[derive(Serialize)]
struct SetAsideView<'a> {
    file: &'a str,
    reason: &'a str,
    /// The entry that records it; none where no writer came since, and for signed approvals.
    recorded: Option<u64>,
}

/// Runs the command.
pub(super) fn run(args: &LedgerArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let json = format == Format::Json;
    let mut output = settings.output()?;
    let exit = match &args.command {
        LedgerCommand::Show => show(settings, json, &mut output)?,
        LedgerCommand::Verify { anchor, archive } => {
            verify(settings, anchor, archive.is_some(), json, &mut output)?
        }
        LedgerCommand::Undo { entry, key, .. } => {
            let signs = key.key.is_some();
            undo(settings, *entry, signs, json, &mut output)?
        }
        LedgerCommand::Expiring { .. } => expiring::run(settings, json, &mut output)?,
    };
    output.finish()?;
    Ok(exit)
}

/// Warns about a broken chain and returns the outcome of reading it.
fn tell(chain: &Chain) -> Exit {
    match &chain.broken {
        None => Exit::Done,
        Some(broken) => {
            output::warning(
                &format!("the ledger is broken at {broken}; only what comes before is shown"),
                &["run `countersign ledger verify`".to_owned()],
            );
            Exit::Ledger
        }
    }
}

fn show(settings: &Settings, json: bool, output: &mut Output) -> Result<Exit, Stop> {
    let chain = work::chain(settings)?;
    let location = &settings.config().ledger;
    let undone = replay(&chain.entries).undone;
    if json {
        let entries = chain.entries.iter().map(|entry| EntryView {
            entry,
            undone: undone.contains(&entry.seq),
        });
        let problems = chain
            .problems
            .iter()
            .map(|problem| ProblemView::of(problem, None));
        let document = LedgerDocument {
            location,
            head: chain.head(),
            entries: entries.collect(),
            problems: problems.collect(),
        };
        output.document("ledger", &document)?;
        return Ok(tell(&chain));
    }
    if chain.entries.is_empty() {
        output.line(&format!("the ledger {location} has no entry"))?;
        return Ok(tell(&chain));
    }
    let mut table = Table::new(&[
        ("entry", Align::Right),
        ("time", Align::Left),
        ("reviewer", Align::Left),
        ("kind", Align::Left),
        ("what", Align::Left),
        ("reason", Align::Left),
    ]);
    for entry in &chain.entries {
        let undone = if undone.contains(&entry.seq) {
            " (taken back)"
        } else {
            ""
        };
        table.row([
            entry.seq.to_string(),
            entry.time.format("%Y-%m-%d %H:%M").to_string(),
            entry.reviewer.clone(),
            entry.kind.clone(),
            format!("{}{undone}", what(entry)),
            text(&entry.body, "/reason").to_owned(),
        ]);
    }
    output.table(&table, 0)?;
    Ok(tell(&chain))
}

/// Returns the text at a JSON pointer, or nothing.
fn text<'a>(body: &'a Value, pointer: &str) -> &'a str {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Returns what an entry says, in a few words.
fn what(entry: &Entry) -> String {
    let body = &entry.body;
    let of = |pointer| text(body, pointer);
    match entry.kind.as_str() {
        "verdict" => {
            let from = body.pointer("/carried_from/entry").and_then(Value::as_u64);
            let carried =
                from.map_or_else(String::new, |from| format!(" (carried from entry {from})"));
            format!(
                "{} {} {}{carried}",
                of("/decision"),
                of("/finding/ids/0"),
                of("/finding/package/name")
            )
        }
        "approval" => format!("{} {}", of("/decision"), of("/subject/name")),
        "undo" => format!(
            "entry {}",
            body.pointer("/entry")
                .and_then(Value::as_u64)
                .unwrap_or_default()
        ),
        "promotion" => of("/destination").to_owned(),
        "set-aside" => {
            let files = body.pointer("/files").and_then(Value::as_array);
            let more = files.map_or(0, Vec::len).saturating_sub(1);
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{}{more}: {}", of("/files/0/file"), of("/files/0/reason"))
        }
        _ => String::new(),
    }
}

fn verify(
    settings: &Settings,
    named: &[String],
    with_archive: bool,
    json: bool,
    output: &mut Output,
) -> Result<Exit, Stop> {
    let location = &settings.config().ledger;
    let chain = work::chain(settings)?;
    let checked = anchor::check(&chain, named, with_archive, settings)?;
    let whole = chain.problems.is_empty() && checked.problems.is_empty();
    let exit = if !whole {
        Exit::Ledger
    } else if chain.entries.is_empty() {
        Exit::No
    } else {
        Exit::Done
    };
    let own = chain.problems.iter().map(|problem| (problem, None));
    let anchored = checked.problems.iter();
    let anchored = anchored.map(|(problem, anchor)| (problem, Some(anchor.as_str())));
    let problems: Vec<(&Break, Option<&str>)> = own.chain(anchored).collect();
    if json {
        let set_aside = chain.set_aside.iter().map(|one| SetAsideView {
            file: &one.file,
            reason: one.reason,
            recorded: chain.recorded_aside(&one.file),
        });
        let problems = problems.iter();
        let document = VerificationDocument {
            location,
            whole,
            entries: chain.entries.len(),
            head: chain.head(),
            problems: problems
                .map(|(one, anchor)| ProblemView::of(one, *anchor))
                .collect(),
            set_aside: set_aside.collect(),
            anchors: &checked.anchors,
            approval_notices: &checked.approvals,
        };
        output.document("ledger-verification", &document)?;
        return Ok(exit);
    }
    let entries = thousands(chain.entries.len() as u64);
    match (exit, chain.head()) {
        (Exit::Done, Some(head)) => {
            output.line(&format!("whole: {entries} entries; the head is {head}"))?;
        }
        (Exit::No, _) => output.line(&format!("nothing to verify: {location} has no entry"))?,
        _ => output.line(&format!("broken: {entries} entries can be relied on"))?,
    }
    if exit == Exit::Done && !checked.anchors.is_empty() {
        let count = thousands(checked.anchors.len() as u64);
        output.line(&format!(
            "{count} earlier ends that were kept elsewhere are still in it"
        ))?;
    }
    for (problem, anchor) in problems {
        match anchor {
            None => output.line(&problem.to_string())?,
            Some(anchor) => output.line(&format!("{problem} (known from {anchor})"))?,
        }
    }
    for notice in &checked.approvals {
        output::note(notice);
    }
    let beside = |file: &str| file.starts_with("approvals/");
    for one in chain.set_aside.iter().filter(|one| !beside(&one.file)) {
        let recorded = chain
            .recorded_aside(&one.file)
            .map_or_else(String::new, |entry| format!(" (recorded in entry {entry})"));
        let (file, reason) = (&one.file, one.reason);
        output::note(&format!("{file} does not count: {reason}{recorded}"));
    }
    Ok(exit)
}

fn undo(
    settings: &Settings,
    seq: u64,
    signs: bool,
    json: bool,
    output: &mut Output,
) -> Result<Exit, Stop> {
    let config = settings.config();
    let ledger = work::ledger(settings)?;
    let clock = settings.environment().clock;
    let signer = if signs {
        Some(unlock::unlock(settings)?)
    } else {
        None
    };
    let undone = review::withdraw(&ledger, seq, &config.reviewer, clock, signer.as_ref());
    let local = ledger.is_local() && signer.as_ref().is_none_or(Signer::is_local);
    let entry = work::wait(local, undone)??;
    if json {
        let document = EntryView {
            entry: &entry,
            undone: false,
        };
        output.document("ledger-undo", &document)?;
    } else {
        output.line(&format!("entry {} takes entry {seq} back", entry.seq))?;
    }
    Ok(Exit::Done)
}
