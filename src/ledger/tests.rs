//! What the ledger promises.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::store::DirectoryStore;

const TIME: &str = "2026-01-02T03:04:05Z";

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a folder never waits")
}

fn clock() -> Clock {
    Clock::Fixed(TIME.parse::<DateTime<Utc>>().unwrap())
}

fn draft(kind: &str, body: Value) -> Draft {
    Draft::new(kind, body, "reviewer", clock())
}

fn new_ledger() -> (tempfile::TempDir, PathBuf, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("ledger");
    let ledger = Ledger::new(Store::Directory(DirectoryStore::new(&root)));
    (folder, root, ledger)
}

fn verdict(reason: &str) -> Value {
    json!({
        "decision": "accept-risk", "reason": reason, "until": "2026-02-01", "justification": null,
        "scope": "finding",
        "finding": {
            "key": "f1-000000000000000000000000", "kind": "vulnerability", "ids": ["CVE-2024-1"],
            "package": {"ecosystem": "apk", "namespace": null, "name": "a", "version": "1"},
            "severity": "high", "fix": {"state": "fixed", "versions": ["2"]},
        },
        "subject": {
            "name": "app", "manifest_digest": null, "index_digest": null, "repo_digests": [],
            "image_id": null, "platform": null,
        },
        "reports": [],
    })
}

/// The files of a chain of `length` entries.
fn files(length: u64) -> Vec<(u64, Vec<u8>)> {
    let mut prev = None;
    (1..=length)
        .map(|seq| {
            let (entry, bytes) = draft("note", json!({ "n": seq, "text": "räksmörgås" }))
                .entry(seq, prev.as_ref())
                .unwrap();
            prev = Some(entry.sha256);
            (seq, bytes)
        })
        .collect()
}

/// Everything that is wrong, also compared with the head that the whole chain had.
fn problems(files: &[(u64, Vec<u8>)], anchor: &Head) -> Vec<Break> {
    let chain = Chain::check(files);
    let mut problems = chain.problems.clone();
    problems.extend(chain.against(anchor));
    problems
}

#[test]
fn an_entry_has_one_spelling() {
    let (_folder, root, ledger) = new_ledger();
    let first = now(ledger.append(draft("note", json!({ "b": 1, "a": "é" })))).unwrap();
    let bytes = std::fs::read_to_string(root.join("000000000001.json")).unwrap();
    assert_eq!(
        bytes,
        r#"{"body":{"a":"é","b":1},"clock":"given","kind":"note","prev":null,"reviewer":"reviewer","seq":1,"time":"2026-01-02T03:04:05Z","v":1}"#
    );
    assert_eq!(first.sha256, Digest::of(bytes.as_bytes()));
    let second = now(ledger.append(draft("note", json!({})))).unwrap();
    assert_eq!((second.seq, second.prev.as_ref()), (2, Some(&first.sha256)));
    assert_eq!(now(ledger.read()).unwrap().entries, [first, second]);
}

#[test]
fn drafts_without_a_canonical_form_are_refused() {
    let (_folder, root, ledger) = new_ledger();
    for body in [
        json!(1.5),
        json!({ "a": [1.0] }),
        json!(9_007_199_254_740_992_u64),
        json!(i64::MIN),
    ] {
        let refused = now(ledger.append(draft("note", body.clone())));
        assert!(matches!(refused, Err(LedgerError::Draft { .. })), "{body}");
    }
    for kind in ["", "A", "a b", &"a".repeat(41)] {
        let refused = now(ledger.append(draft(kind, json!(1))));
        assert!(matches!(refused, Err(LedgerError::Draft { .. })), "{kind}");
    }
    let nobody = Draft::new("note", json!(1), " ", clock());
    assert!(matches!(
        now(ledger.append(nobody)),
        Err(LedgerError::Draft { .. })
    ));
    assert!(!root.exists());
    assert!(now(ledger.append(draft("note", json!([-9_007_199_254_740_991_i64, 0])))).is_ok());
}

#[test]
fn an_undo_takes_back_and_an_undo_of_it_restores() {
    let (_folder, _root, ledger) = new_ledger();
    let drafts = vec![
        draft(kind::VERDICT, verdict("one")),
        draft(kind::VERDICT, verdict("two")),
        draft(kind::PROMOTION, json!({ "step": "copy" })),
        draft("note-of-a-later-version", json!([])),
    ];
    assert_eq!(now(ledger.append_all(drafts)).unwrap().len(), 4);
    let reasons = || -> Vec<String> {
        let replay = replay(&now(ledger.read()).unwrap().entries);
        assert_eq!(replay.problems, []);
        replay
            .verdicts
            .into_iter()
            .map(|(_, verdict)| verdict.reason)
            .collect()
    };
    assert_eq!(reasons(), ["one", "two"]);
    let undo = now(ledger.undo(1, "other", clock())).unwrap();
    assert_eq!(reasons(), ["two"]);
    now(ledger.undo(undo.seq, "other", clock())).unwrap();
    assert_eq!(reasons(), ["one", "two"]);
    let missing = now(ledger.undo(99, "other", clock()));
    assert!(matches!(
        missing,
        Err(LedgerError::NoSuchEntry { seq: 99, .. })
    ));
    let happened = now(ledger.undo(3, "other", clock()));
    assert!(matches!(happened, Err(LedgerError::NotUndoable { .. })));
}

#[test]
fn bodies_that_cannot_be_used_are_named() {
    let (_folder, _root, ledger) = new_ledger();
    let wrong = Digest::of(b"");
    let drafts = vec![
        draft(kind::VERDICT, json!({ "decision": "maybe" })),
        draft(kind::APPROVAL, json!(1)),
        draft(kind::UNDO, json!({ "entry": 1, "entry_sha256": wrong })),
        draft(kind::UNDO, json!({ "entry": 9, "entry_sha256": wrong })),
        draft(kind::UNDO, json!({})),
    ];
    now(ledger.append_all(drafts)).unwrap();
    let replay = replay(&now(ledger.read()).unwrap().entries);
    let named: Vec<u64> = replay
        .problems
        .iter()
        .map(|problem| problem.entry)
        .collect();
    assert_eq!(named, [1, 2, 3, 4, 5]);
    assert!(replay.verdicts.is_empty() && replay.undone.is_empty());
}

#[test]
fn a_broken_ledger_is_read_up_to_the_break_and_never_written() {
    let (_folder, root, ledger) = new_ledger();
    now(ledger.append_all((0..5).map(|n| draft("note", json!(n))).collect())).unwrap();
    let third = root.join("000000000003.json");
    let edited = std::fs::read_to_string(&third)
        .unwrap()
        .replace("reviewer\",", "somebody\",");
    std::fs::write(&third, edited).unwrap();
    let chain = now(ledger.read()).unwrap();
    assert_eq!(chain.entries.len(), 2);
    let first = chain.broken.unwrap();
    assert!(first.seq == 3 && matches!(first.fault, Fault::Edited { named_by: 4, .. }));
    let other = Ledger::new(Store::Directory(DirectoryStore::new(&root)));
    for result in [
        now(other.append(draft("note", json!(6)))),
        now(other.undo(1, "a", clock())),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, LedgerError::Broken { .. }));
        assert!(error.to_string().contains("000000000003.json"), "{error}");
    }
    assert!(!now(ledger.verify(&[])).unwrap().is_whole());
    assert!(!root.join("000000000006.json").exists());
}

#[test]
fn files_cut_short_at_the_end_are_named_and_the_chain_goes_on() {
    for cut in ["", "{", r#"{"body":{},"cl"#] {
        let (_folder, root, ledger) = new_ledger();
        now(ledger.append_all((0..2).map(|n| draft("note", json!(n))).collect())).unwrap();
        std::fs::write(root.join("000000000003.json"), cut).unwrap();
        std::fs::write(root.join(".new-1-1"), cut).unwrap();
        let torn = now(ledger.verify(&[])).unwrap();
        let expected = Break {
            seq: 3,
            fault: Fault::HalfWritten,
        };
        assert_eq!(torn.problems, [expected]);
        // Entry 4 puts the file on record, once.
        assert_eq!(now(ledger.append(draft("note", json!(3)))).unwrap().seq, 5);
        let again = Ledger::new(Store::Directory(DirectoryStore::new(&root)));
        assert_eq!(now(again.append(draft("note", json!(4)))).unwrap().seq, 6);
        let healed = now(ledger.verify(&[])).unwrap();
        assert!(healed.is_whole() && healed.entries == 5);
        assert_eq!(healed.set_aside[0].file, "000000000003.json");
        let chain = now(ledger.read()).unwrap();
        assert_eq!(chain.recorded_aside("000000000003.json"), Some(4));
        let aside: Aside = serde_json::from_value(chain.entries[2].body.clone()).unwrap();
        assert_eq!(aside.files[0].sha256, Some(Digest::of(cut.as_bytes())));
        let left = std::fs::read_to_string(root.join("000000000003.json")).unwrap();
        assert_eq!(left, cut, "evidence stays as it is");
    }
}

#[test]
fn foreign_files_are_set_aside_and_named() {
    let (_folder, root, ledger) = new_ledger();
    now(ledger.append(draft("note", json!(1)))).unwrap();
    now(ledger.put_envelope(b"{}")).unwrap();
    for name in [
        "README.md",
        "2.json",
        "000000000000.json",
        "000000000002.json~",
    ] {
        std::fs::write(root.join(name), "{").unwrap();
    }
    let chain = now(ledger.read()).unwrap();
    assert!(chain.problems.is_empty() && chain.entries.len() == 1);
    let named: Vec<&str> = chain
        .set_aside
        .iter()
        .map(|file| file.file.as_str())
        .collect();
    assert_eq!(
        named,
        [
            "000000000000.json",
            "000000000002.json~",
            "2.json",
            "README.md"
        ]
    );
}

#[test]
fn the_next_writer_records_foreign_files_once_and_no_reader_does() {
    let (_folder, root, ledger) = new_ledger();
    now(ledger.append(draft("note", json!(1)))).unwrap();
    let files = || std::fs::read_dir(&root).unwrap().count();
    for number in 0..150 {
        std::fs::write(root.join(format!("strange-{number:03}")), "{").unwrap();
    }
    std::fs::create_dir(root.join("approvals")).unwrap();
    std::fs::write(root.join("approvals/notes.txt"), "").unwrap();
    let before = files();
    let chain = now(ledger.read()).unwrap();
    assert_eq!(chain.recorded_aside("strange-000"), None);
    now(ledger.verify(&[])).unwrap();
    assert_eq!(files(), before, "reading writes nothing");
    let reopened = || Ledger::new(Store::Directory(DirectoryStore::new(&root)));
    let refused = now(reopened().append(draft("NOT A KIND", json!(1))));
    assert!(matches!(refused, Err(LedgerError::Draft { .. })));
    assert_eq!(files(), before, "nor does a draft that is refused");
    for number in 2..6 {
        now(reopened().append(draft("note", json!(number)))).unwrap();
    }
    let chain = now(ledger.read()).unwrap();
    let kinds: Vec<&str> = chain
        .entries
        .iter()
        .map(|entry| entry.kind.as_str())
        .collect();
    let aside = kind::SET_ASIDE;
    assert_eq!(
        kinds,
        ["note", aside, "note", aside, "note", "note", "note"]
    );
    assert_eq!(chain.recorded_aside("strange-000"), Some(2));
    assert_eq!(chain.recorded_aside("strange-149"), Some(4));
    assert_eq!(chain.recorded_aside("approvals/notes.txt"), None);
    assert!(chain.problems.is_empty() && replay(&chain.entries).problems.is_empty());
    let undo = now(ledger.undo(2, "other", clock()));
    assert!(matches!(undo, Err(LedgerError::NotUndoable { .. })));
}

#[test]
fn of_several_writers_one_records_what_was_set_aside() {
    let (_folder, root, ledger) = new_ledger();
    now(ledger.append(draft("note", json!(0)))).unwrap();
    std::fs::write(root.join("README.md"), "not ours").unwrap();
    std::thread::scope(|scope| {
        for writer in 1..=4 {
            let root = &root;
            scope.spawn(move || {
                let ledger = Ledger::new(Store::Directory(DirectoryStore::new(root)));
                now(ledger.append(draft("note", json!(writer)))).unwrap();
            });
        }
    });
    let chain = now(ledger.read()).unwrap();
    assert!(chain.problems.is_empty() && chain.entries.len() == 6);
    let is_aside = |entry: &&Entry| entry.kind == kind::SET_ASIDE;
    assert_eq!(chain.entries.iter().filter(is_aside).count(), 1);
}

#[test]
fn an_unknown_version_is_refused() {
    let mut files = files(3);
    let text = String::from_utf8(files[2].1.clone()).unwrap();
    files[2].1 = text.replace("\"v\":1", "\"v\":2").into_bytes();
    let chain = Chain::check(&files);
    assert_eq!(chain.broken.unwrap().fault, Fault::UnknownVersion { v: 2 });
}

#[test]
fn an_anchored_head_shows_what_a_chain_cannot() {
    let whole = files(5);
    let head = Chain::check(&whole).head().unwrap();
    let cut = Chain::check(&whole[..3]);
    assert!(cut.problems.is_empty());
    let fault = cut.against(&head).unwrap().fault;
    assert!(matches!(fault, Fault::Truncated { .. }));
    let mut prev = None;
    let rewritten: Vec<_> = (1..=5)
        .map(|seq| {
            let (entry, bytes) = draft("note", json!(0)).entry(seq, prev.as_ref()).unwrap();
            prev = Some(entry.sha256);
            (seq, bytes)
        })
        .collect();
    let rewritten = Chain::check(&rewritten);
    assert!(rewritten.problems.is_empty());
    let fault = rewritten.against(&head).unwrap().fault;
    assert!(matches!(fault, Fault::Rewritten { .. }));
    assert_eq!(Chain::check(&whole).against(&head), None);
}

#[test]
fn signed_approvals_are_kept_as_they_are() {
    let (_folder, root, ledger) = new_ledger();
    assert_eq!(now(ledger.envelopes()).unwrap(), Envelopes::default());
    let one = now(ledger.put_envelope(b"{\"payload\":\"1\"}")).unwrap();
    assert_eq!(
        now(ledger.put_envelope(b"{\"payload\":\"1\"}")).unwrap(),
        one
    );
    let two = now(ledger.put_envelope(b"{\"payload\":\"2\"}")).unwrap();
    let edited = root.join(format!("approvals/{}.dsse.json", two.hex()));
    std::fs::write(edited, b"{}").unwrap();
    std::fs::write(root.join("approvals/notes.txt"), b"").unwrap();
    let found = now(ledger.envelopes()).unwrap();
    assert_eq!(found.envelopes.len(), 1);
    assert_eq!(found.envelopes[0].sha256, one);
    assert_eq!(found.set_aside.len(), 2);
    assert_eq!(now(ledger.envelope(&two)).unwrap(), None);
}

/// The same rule as the replay, said another way: an entry counts unless an undo of it counts.
fn counts(targets: &[Option<usize>], place: usize) -> bool {
    !targets
        .iter()
        .enumerate()
        .skip(place + 1)
        .any(|(later, target)| *target == Some(place) && counts(targets, later))
}

proptest! {
    #[test]
    fn replay_equals_a_simple_model(choices in prop::collection::vec(any::<(bool, u8)>(), 1..24)) {
        let mut entries: Vec<Entry> = Vec::new();
        let mut targets: Vec<Option<usize>> = Vec::new();
        for (place, (undo, choice)) in choices.into_iter().enumerate() {
            let target = (undo && place > 0).then(|| usize::from(choice) % place);
            let draft = match target {
                Some(target) => draft(kind::UNDO, json!({
                    "entry": entries[target].seq, "entry_sha256": entries[target].sha256,
                })),
                None => draft(kind::VERDICT, verdict(&place.to_string())),
            };
            let prev = entries.last().map(|entry| &entry.sha256);
            let (entry, _) = draft.entry(place as u64 + 1, prev).unwrap();
            entries.push(entry);
            targets.push(target);
        }
        let replay = replay(&entries);
        let expected: Vec<String> = (0..targets.len())
            .filter(|place| targets[*place].is_none() && counts(&targets, *place))
            .map(|place| place.to_string())
            .collect();
        let found: Vec<String> =
            replay.verdicts.iter().map(|(_, verdict)| verdict.reason.clone()).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(replay.problems, []);
        for (place, entry) in entries.iter().enumerate() {
            prop_assert_eq!(replay.undone.contains(&entry.seq), !counts(&targets, place));
        }
    }

    #[test]
    fn every_flipped_bit_is_found_and_named(
        length in 1_u64..8, file in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let mut files = files(length);
        let head = Chain::check(&files).head().unwrap();
        let (seq, bytes) = file.get_mut(&mut files);
        let seq = *seq;
        *byte.get_mut(bytes) ^= 1 << bit;
        let problems = problems(&files, &head);
        prop_assert!(problems.iter().any(|problem| problem.seq == seq), "{seq}: {problems:?}");
    }

    #[test]
    fn every_cut_file_is_found_and_named(
        length in 1_u64..8, file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        twice in any::<bool>(),
    ) {
        let mut files = files(length);
        let head = Chain::check(&files).head().unwrap();
        let (seq, bytes) = file.get_mut(&mut files);
        let seq = *seq;
        let at = at.index(bytes.len());
        if twice {
            // A part that was written twice.
            let rest = bytes[at..].to_vec();
            bytes.extend(rest);
        } else {
            bytes.truncate(at);
        }
        let problems = problems(&files, &head);
        prop_assert!(problems.iter().any(|problem| problem.seq == seq), "{seq}: {problems:?}");
    }

    #[test]
    fn every_entry_cut_from_the_tail_is_missed(length in 1_u64..8, kept in any::<prop::sample::Index>()) {
        let mut files = files(length);
        let head = Chain::check(&files).head().unwrap();
        files.truncate(kept.index(files.len()));
        let cut = Chain::check(&files);
        prop_assert_eq!(&cut.problems, &[]);
        let expected = Break { seq: length, fault: Fault::Truncated { expected: head.sha256.clone() } };
        prop_assert_eq!(cut.against(&head), Some(expected));
    }

    #[test]
    fn every_rewritten_tail_is_missed(length in 1_u64..8, from in any::<prop::sample::Index>(), more in 0_u64..3) {
        let mut files = files(length);
        let head = Chain::check(&files).head().unwrap();
        files.truncate(from.index(files.len()));
        for seq in files.len() as u64 + 1..=length + more {
            let prev = files.last().map(|(_, bytes)| Digest::of(bytes));
            let (_, bytes) = draft("note", json!("forged")).entry(seq, prev.as_ref()).unwrap();
            files.push((seq, bytes));
        }
        let rewritten = Chain::check(&files);
        prop_assert_eq!(&rewritten.problems, &[]);
        let found = rewritten.against(&head).unwrap();
        prop_assert_eq!(found.seq, length);
        let is_named = matches!(found.fault, Fault::Rewritten { .. });
        prop_assert!(is_named, "{:?}", found);
    }

    #[test]
    fn every_dropped_entry_is_found_and_named(
        length in 1_u64..8, file in any::<prop::sample::Index>(),
    ) {
        let mut files = files(length);
        let head = Chain::check(&files).head().unwrap();
        let (seq, _) = files.remove(file.index(files.len()));
        let problems = problems(&files, &head);
        prop_assert!(problems.iter().any(|problem| problem.seq == seq), "{seq}: {problems:?}");
    }

    #[test]
    fn every_moved_entry_is_found_and_named(
        length in 2_u64..8, one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(), renamed in any::<bool>(),
    ) {
        let mut files = files(length);
        let head = Chain::check(&files).head().unwrap();
        let (one, other) = (one.index(files.len()), other.index(files.len()));
        prop_assume!(one != other || renamed);
        let touched = if renamed {
            let (_, bytes) = files.remove(one);
            files.push((length + 5, bytes));
            [one as u64 + 1, length + 5]
        } else {
            let bytes = files[one].1.clone();
            files[one].1 = std::mem::replace(&mut files[other].1, bytes);
            [one as u64 + 1, other as u64 + 1]
        };
        let problems = problems(&files, &head);
        for seq in touched {
            prop_assert!(problems.iter().any(|problem| problem.seq == seq), "{seq}: {problems:?}");
        }
    }

    #[test]
    fn every_inserted_entry_is_found_and_named(
        length in 1_u64..8, place in any::<prop::sample::Index>(), renumbered in any::<bool>(),
    ) {
        let mut files = files(length);
        let head = Chain::check(&files).head().unwrap();
        let place = place.index(files.len());
        let prev = place.checked_sub(1).map(|before| Digest::of(&files[before].1));
        let (_, forged) = draft("note", json!("forged")).entry(place as u64 + 1, prev.as_ref()).unwrap();
        files.insert(place, (0, forged));
        for (index, (seq, bytes)) in files.iter_mut().enumerate() {
            *seq = index as u64 + 1;
            if renumbered {
                let text = String::from_utf8(bytes.clone()).unwrap();
                let old = entry::parse(index as u64, bytes).map(|_| index);
                if let Ok(old) = old {
                    let new = old + 1;
                    *bytes = text.replace(&format!("\"seq\":{old},"), &format!("\"seq\":{new},")).into_bytes();
                }
            }
        }
        let problems = problems(&files, &head);
        let at = [place as u64 + 1, place as u64 + 2];
        prop_assert!(problems.iter().any(|problem| at.contains(&problem.seq)), "{at:?}: {problems:?}");
    }
}
