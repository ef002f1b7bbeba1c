//! `ledger expiring`: the calendar of accepted risks, over all images of the ledger.
//!
//! When a risk ends is `triage::calendar`'s answer.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::output::{Align, Output, Table};
use crate::cli::settings::Settings;
use crate::cli::stop::Stop;
use crate::cli::work;
use crate::ledger::replay;
use crate::model::{Digest, Until};
use crate::text::thousands;
use crate::triage::calendar::{Due, Ending, calendar};

/// The document `ledger-expiring`.
#[derive(Serialize)]
struct ExpiringDocument<'a> {
    buckets: Vec<Bucket>,
    expiring: Vec<ExpiringView<'a>>,
}

/// How many accepted risks end how soon.
#[derive(Serialize)]
struct Bucket {
    due: Due,
    count: usize,
}

/// One accepted risk.
#[derive(Serialize)]
struct ExpiringView<'a> {
    due: Due,
    until: Until,
    /// When it ends at the latest, by its date or the policy.
    ends: Option<DateTime<Utc>>,
    /// Days until its date; none until a fix.
    days: Option<i64>,
    expired: bool,
    id: &'a str,
    package: &'a str,
    version: &'a str,
    image: &'a str,
    digest: Option<Digest>,
    scope: &'static str,
    reviewer: &'a str,
    reason: &'a str,
    entry: u64,
}

impl<'a> ExpiringView<'a> {
    fn of(ending: &'a Ending) -> Option<Self> {
        let verdict = &ending.verdict;
        let until = verdict.until?;
        Some(Self {
            due: ending.due,
            until,
            ends: ending.end,
            days: ending.days.filter(|_| until != Until::Fixed),
            expired: ending.due == Due::Over,
            id: verdict.finding.ids.first().map_or("", |id| id.as_str()),
            package: &verdict.finding.package.name,
            version: &verdict.finding.package.version,
            image: &verdict.subject.name,
            digest: verdict.subject.identity(),
            scope: verdict.scope.as_str(),
            reviewer: &ending.recorded.reviewer,
            reason: &verdict.reason,
            entry: ending.recorded.entry,
        })
    }
}

/// Shows the calendar.
pub(super) fn run(settings: &Settings, json: bool, output: &mut Output) -> Result<Exit, Stop> {
    let chain = work::chain(settings)?;
    let policy = settings.connector.policy()?;
    let now = settings.environment().now();
    let endings = calendar(&replay(&chain.entries).verdicts, &policy, now);
    let expiring: Vec<ExpiringView<'_>> = endings.iter().filter_map(ExpiringView::of).collect();
    if json {
        let count = |due: Due| expiring.iter().filter(|one| one.due == due).count();
        let bucket = |due| Bucket {
            due,
            count: count(due),
        };
        let buckets = Due::ALL.into_iter().map(bucket).collect();
        let document = ExpiringDocument { buckets, expiring };
        output.document("ledger-expiring", &document)?;
    } else if expiring.is_empty() {
        output.line("no accepted risk has an end")?;
    } else {
        output.table(&table(&expiring), 0)?;
        output.line(&counts(&expiring))?;
    }
    Ok(super::tell(&chain))
}

fn table(expiring: &[ExpiringView<'_>]) -> Table {
    let mut table = Table::new(&[
        ("within", Align::Left),
        ("until", Align::Left),
        ("days", Align::Right),
        ("id", Align::Left),
        ("package", Align::Left),
        ("image", Align::Left),
        ("reviewer", Align::Left),
        ("entry", Align::Right),
    ]);
    for one in expiring {
        let until = match (one.until, one.ends) {
            (Until::Fixed, Some(end)) => format!("fixed, or {}", end.format("%Y-%m-%d")),
            (until, _) => until.to_string(),
        };
        let days = match one.days {
            _ if one.expired => "over".to_owned(),
            Some(days) => days.to_string(),
            None => String::new(),
        };
        table.row([
            one.due.label(),
            &until,
            &days,
            one.id,
            &format!("{} {}", one.package, one.version),
            one.image,
            one.reviewer,
            &one.entry.to_string(),
        ]);
    }
    table
}

/// Says how many end how soon: `1 over, 2 within 7 days, 1 until fixed`.
fn counts(expiring: &[ExpiringView<'_>]) -> String {
    let counts = Due::ALL.into_iter().filter_map(|due| {
        let count = expiring.iter().filter(|one| one.due == due).count();
        let text = format!("{} {}", thousands(count as u64), due.within());
        (count > 0).then_some(text)
    });
    counts.collect::<Vec<_>>().join(", ")
}
