//! Several writers of one ledger at once, in a folder and in S3: nothing is lost, and the chain never forks.
//!
//! `COUNTERSIGN_ENTRIES` sets how many entries four writers append (100; the long check: 1,000). How a ledger that was
//! tampered with is found out is tested beside `ledger`.

use std::collections::BTreeMap;

use chrono::DateTime;
use countersign::environment::Clock;
use countersign::ledger::{Draft, Ledger};
use countersign::store::{DirectoryStore, Store};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::store_s3;
use crate::support::judges::repetitions;
use crate::support::server::S3Server;

const WRITERS: u64 = 4;

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime starts")
}

/// Lets four threads append side by side, each with a ledger of its own, and holds what comes of it.
fn append_side_by_side(ledger: impl Fn(&Runtime) -> Ledger + Sync) {
    let each = u64::from(repetitions("COUNTERSIGN_ENTRIES", 100)) / WRITERS;
    let write = |writer: u64| {
        let runtime = runtime();
        let ledger = ledger(&runtime);
        let entries = (0..each).map(|number| {
            let body = json!({ "writer": writer, "number": number });
            let clock = Clock::Fixed(DateTime::UNIX_EPOCH);
            let draft = Draft::new("note", body, "reviewer", clock);
            let entry = runtime.block_on(ledger.append(draft));
            entry.expect("an entry is recorded").seq
        });
        entries.collect::<Vec<u64>>()
    };
    let acknowledged: BTreeMap<u64, Vec<u64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS)
            .map(|writer| (writer, scope.spawn(move || write(writer))))
            .collect();
        let done = threads.into_iter();
        done.map(|(writer, thread)| (writer, thread.join().expect("a writer is done")))
            .collect()
    });
    let runtime = runtime();
    let ledger = ledger(&runtime);
    let chain = runtime.block_on(ledger.read()).expect("the ledger is read");
    assert_eq!(chain.problems, []);
    assert_eq!(chain.set_aside, []);
    let numbers: Vec<u64> = chain.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, (1..=WRITERS * each).collect::<Vec<u64>>());
    // Each writer finds its entries where it was told that they are, and in its order.
    for (writer, entries) in acknowledged {
        for (number, seq) in (0_u64..).zip(entries) {
            let place = usize::try_from(seq - 1).expect("a place");
            let expected = json!({ "writer": writer, "number": number });
            assert_eq!(chain.entries[place].body, expected, "entry {seq}");
        }
    }
}

#[test]
fn a_folder_takes_every_entry_of_every_writer() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let root = folder.path().join("ledger");
    append_side_by_side(|_| Ledger::new(Store::Directory(DirectoryStore::new(&root))));
}

#[test]
fn s3_takes_every_entry_of_every_writer() {
    let Some(server) = S3Server::start() else {
        return;
    };
    server.make_bucket("evidence");
    let endpoint = server.endpoint();
    append_side_by_side(|runtime| {
        Ledger::new(runtime.block_on(store_s3::store(&endpoint, "s3://evidence/ledger")))
    });
}
