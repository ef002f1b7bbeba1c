//! Verdicts on many findings, taken back and restored, and what is in hand when a session breaks.

use super::*;

/// The files of what is in hand.
fn drafts(session: &Session) -> Vec<PathBuf> {
    let folder = session
        .folder
        .path()
        .join(".local/state/countersign/drafts");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.map(|file| file.path()).collect()
}

fn entries(session: &Session) -> usize {
    let files = std::fs::read_dir(session.ledger()).expect("there is a ledger");
    files
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().ends_with(".json"))
        .count()
}

/// A session about an image with twelve vulnerabilities.
pub(super) fn session() -> Session {
    let one = |number: u32| {
        serde_json::json!({
            "VulnerabilityID": format!("CVE-2024-{number:04}"),
            "PkgName": format!("library-{number}"),
            "InstalledVersion": "1.0.0",
            "FixedVersion": "1.0.1",
            "Severity": "HIGH",
        })
    };
    let report = serde_json::json!({
        "SchemaVersion": 2,
        "ArtifactName": "shop:2",
        "ArtifactType": "container_image",
        "Metadata": {
            "ImageID": format!("sha256:{}", "1".repeat(64)),
            "DiffIDs": [format!("sha256:{}", "2".repeat(64))],
        },
        "Results": [{
            "Target": "shop:2 (alpine 3.20)",
            "Class": "os-pkgs",
            "Type": "alpine",
            "Vulnerabilities": (1..=12).map(one).collect::<Vec<_>>(),
        }],
    });
    let mut session = Session::new(&[]);
    let path = session.folder.path().join("shop.json");
    std::fs::write(&path, report.to_string()).expect("writable");
    session.inputs.push(path);
    session
}

/// Marks what passes a filter, begins a verdict on them, and types a reason.
async fn begin(hands: &mut Hands) {
    hands.see("Images 1").await;
    hands.press("2").await;
    hands.see("row 1/12").await;
    hands.press("/").await;
    hands.type_text("sev:high").await;
    hands.press("Enter M v").await;
    hands.see("decide about 12 findings").await;
    hands.press("x").await;
    let form = hands.see("Verdict  12 findings").await;
    assert!(
        form.contains("1-6 of 12; PgDn and PgUp show the others"),
        "{form}"
    );
    hands.press("PgDn PgDn").await;
    hands.see("7-12 of 12").await;
    hands.press("e").await;
    hands.type_text("the listener is off").await;
    hands.see("the listener is off").await;
}

#[test]
fn many_findings_are_decided_taken_back_and_restored_at_once() {
    let session = session();
    paused().block_on(session.play(async |mut hands: Hands| {
        begin(&mut hands).await;
        hands.press("Esc w").await;
        hands
            .see("saved in the ledger: accept-risk on 12 findings")
            .await;
        assert_eq!(entries(&session), 12);
        hands.press("Enter").await;
        let list = hands.see("row ").await;
        assert_eq!(list.matches(" x CVE-").count(), 10, "all in sight: {list}");
        hands.press("u").await;
        let list = hands
            .see("taken back: accept-risk on 12 findings; U restores it")
            .await;
        assert_eq!(list.matches(" x CVE-").count(), 0, "{list}");
        assert_eq!(entries(&session), 24);
        hands.press("U").await;
        let list = hands.see("restored: accept-risk on 12 findings").await;
        assert_eq!(list.matches(" x CVE-").count(), 10, "all in sight: {list}");
        assert_eq!(entries(&session), 36);
        hands.press("U").await;
        hands.see("nothing was taken back in this session").await;
        hands.press("u").await;
        hands.see("taken back").await;
        hands.press("Q").await;
    }));
    assert_eq!(drafts(&session), Vec::<PathBuf>::new());
}

#[test]
fn a_ledger_that_fails_half_way_keeps_the_rest_of_the_verdicts_in_hand() {
    let session = session();
    paused().block_on(session.play(async |mut hands: Hands| {
        begin(&mut hands).await;
        // The eighth number is taken by something that is no entry.
        std::fs::create_dir_all(session.ledger().join("000000000008.json")).expect("writable");
        hands.press("Esc w").await;
        let form = hands.see("Not saved; the text above is kept").await;
        assert!(form.contains("7 of 12 entries were recorded"), "{form}");
        assert!(form.contains("Verdict  5 findings"), "{form}");
        assert!(form.contains("the listener is off"), "{form}");
        assert!(
            form.contains("CVE-2024-0008") && !form.contains("CVE-2024-0007"),
            "{form}"
        );
        std::fs::remove_dir(session.ledger().join("000000000008.json")).expect("writable");
        hands.press("w").await;
        hands
            .see("saved in the ledger: accept-risk on 5 findings")
            .await;
        hands.press("Enter").await;
        let list = hands.see("row ").await;
        assert_eq!(list.matches(" x CVE-").count(), 10, "all in sight: {list}");
        hands.press("Q").await;
    }));
    assert_eq!(entries(&session), 12);
}

#[test]
fn what_is_in_hand_is_written_after_a_pause_and_offered_again() {
    let session = session();
    let ended = paused().block_on(session.play(async |mut hands: Hands| {
        begin(&mut hands).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let files = drafts(&session);
        assert_eq!(files.len(), 1, "{files:?}");
        let text = std::fs::read_to_string(&files[0]).expect("a draft");
        assert!(text.contains("the listener is off"), "{text}");
        hands.type_text(" today").await;
        let _ended = hands.events.send(Event::Signal(1));
    }));
    assert_eq!(ended, Exit::Signal(1));
    // Left for the next time: nothing is lost by looking.
    paused().block_on(session.play(async |mut hands: Hands| {
        let offer = hands.see("was not saved").await;
        for text in [
            "accept-risk, 12 findings",
            "the listener is off today",
            "Marks    12",
            "Filter   sev:high",
        ] {
            assert!(offer.contains(text), "{text}: {offer}");
        }
        hands.press("Esc 2").await;
        hands.see("row 1/12").await;
        hands.press("Q").await;
    }));
    assert_eq!(drafts(&session).len(), 1);
    paused().block_on(session.play(async |mut hands: Hands| {
        hands.see("was not saved").await;
        hands.press("t").await;
        let form = hands.see("[6 Verd]").await;
        assert!(form.contains("the listener is off today"), "{form}");
        assert!(form.contains("Verdict  12 findings"), "{form}");
        hands.press("q").await;
        hands.see("12 marked").await;
        hands.press("6 w").await;
        hands
            .see("saved in the ledger: accept-risk on 12 findings")
            .await;
        hands.press("Q").await;
    }));
    assert_eq!(drafts(&session), Vec::<PathBuf>::new());
}

#[test]
fn a_draft_that_is_thrown_away_does_not_come_back() {
    let session = session();
    paused().block_on(session.play(async |mut hands: Hands| {
        begin(&mut hands).await;
        // Leaving keeps the words.
        hands.press("Esc Q").await;
    }));
    assert_eq!(drafts(&session).len(), 1);
    paused().block_on(session.play(async |mut hands: Hands| {
        hands.see("was not saved").await;
        hands.press("x").await;
        hands.see("the draft was thrown away").await;
        hands.press("Q").await;
    }));
    assert_eq!(drafts(&session), Vec::<PathBuf>::new());
    paused().block_on(session.play(async |mut hands: Hands| {
        begin(&mut hands).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(drafts(&session).len(), 1);
        // Discarded in the form: the marks are still in hand, and leaving drops them.
        hands.press("Esc D").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let text = std::fs::read_to_string(&drafts(&session)[0]).expect("the marks");
        assert!(!text.contains("the listener is off"), "{text}");
        hands.press("Q").await;
    }));
    assert_eq!(drafts(&session), Vec::<PathBuf>::new());
}

#[test]
fn a_hostile_draft_never_breaks_a_start() {
    let session = session();
    paused().block_on(session.play(async |mut hands: Hands| {
        begin(&mut hands).await;
        hands.press("Esc Q").await;
    }));
    let path = drafts(&session).remove(0);
    let good = std::fs::read_to_string(&path).expect("a draft");
    let hostile = "\\u001b]0;x\\u0007\\u202e\\n=1+1";
    for text in [
        String::new(),
        "[".repeat(100_000),
        good.replace("draft/v1", "draft/v9"),
        good.replace("\"scope\":\"finding\"", "\"scope\":7"),
    ] {
        assert_ne!(text, good);
        std::fs::write(&path, text).expect("writable");
        paused().block_on(session.play(async |mut hands: Hands| {
            let picture = hands.see("Images 1").await;
            assert!(!picture.contains("was not saved"), "{picture}");
            hands.press("Q").await;
        }));
    }
    // Well formed, about this image, and full of what must not reach a terminal or be trusted.
    let text = good
        .replace("the listener is off", hostile)
        .replace("sev:high", hostile)
        .replace("accept-risk", "approve")
        .replace("f1-", "f9-");
    std::fs::write(&path, text).expect("writable");
    paused().block_on(session.play(async |mut hands: Hands| {
        let offer = hands.see("was not saved").await;
        assert!(
            !offer.contains('\u{1b}') && !offer.contains('\u{202e}'),
            "{offer}"
        );
        hands.press("t").await;
        let form = hands
            .see("24 findings of the draft are not in these reports")
            .await;
        assert!(
            !form.contains('\u{1b}') && !form.contains('\u{202e}'),
            "{form}"
        );
        hands.press("w 2").await;
        hands.see("/ ").await;
        hands.press("Q").await;
    }));
    assert!(!session.ledger().exists());
}
