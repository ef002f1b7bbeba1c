//! The program on a real terminal: what a person sees, what is left behind, how it ends.

use std::time::Duration;

use crate::support::program::Sandbox;

const PATIENCE: Duration = Duration::from_secs(20);

/// The bundled report with an image, five findings and a secret.
fn report() -> String {
    format!(
        "{}/tests/fixtures/trivy/image.json",
        env!("CARGO_MANIFEST_DIR")
    )
}

#[test]
fn a_session_leaves_the_terminal_as_it_was() {
    let sandbox = Sandbox::new();
    let mut console = sandbox.open(["review", &report()], 24, 80);
    console.wait_for_text("Images 1", PATIENCE);
    console.look(|screen| {
        assert!(screen.alternate_screen());
        assert!(screen.bracketed_paste());
        assert!(screen.hide_cursor());
        // Text is selected by the terminal: the mouse stays its own.
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    });
    console.send("2");
    console.wait_for_text("row 1/5", PATIENCE);
    console.send("/openssl");
    console.wait_for_text("/ openssl", PATIENCE);
    console.send("\x1b");
    console.wait_for_text("row 1/5", PATIENCE);
    console.send("Q");
    assert_eq!(console.exit(PATIENCE), 0);
    console.look(|screen| {
        assert!(!screen.alternate_screen());
        assert!(!screen.bracketed_paste());
        assert!(!screen.hide_cursor());
    });
}

#[test]
fn signals_end_the_console_with_their_number() {
    let sandbox = Sandbox::new();
    for (name, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let console = sandbox.open(["review", &report()], 24, 80);
        console.wait_for_text("Images 1", PATIENCE);
        console.signal(name);
        assert_eq!(console.exit(PATIENCE), code, "{name}");
        console.look(|screen| assert!(!screen.alternate_screen(), "{name}"));
    }
}

#[test]
fn without_a_terminal_the_console_says_what_to_use_instead() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(["review", &report()]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("terminal"), "{}", output.stderr);
    assert!(
        output.stderr.contains("countersign findings"),
        "{}",
        output.stderr
    );
    assert_eq!(output.stdout, "");
}

#[test]
fn without_colours_the_selected_row_is_seen() {
    let mut sandbox = Sandbox::new();
    sandbox.set("NO_COLOR", "1");
    let mut console = sandbox.open(["review", &report()], 24, 80);
    console.wait_for_text("Images 1", PATIENCE);
    console.send("2");
    console.wait_for_text("row 1/5", PATIENCE);
    console.look(|screen| {
        let cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
        let cells: Vec<_> = cells
            .filter_map(|(row, column)| screen.cell(row, column))
            .collect();
        assert!(
            cells
                .iter()
                .all(|cell| cell.fgcolor() == vt100::Color::Default)
        );
        let row = (0..24)
            .find(|row| {
                screen
                    .cell(*row, 1)
                    .is_some_and(|cell| cell.contents() == ">")
            })
            .expect("a row is selected");
        for column in 2..78 {
            let cell = screen.cell(row, column).expect("inside");
            assert!(cell.inverse(), "row {row}, column {column}");
        }
    });
}

#[test]
fn the_console_follows_the_size_of_its_terminal() {
    let sandbox = Sandbox::new();
    let mut console = sandbox.open(["review", &report()], 24, 80);
    console.wait_for_text("Images 1", PATIENCE);
    console.resize(10, 40);
    console.wait_for_text("needs 60x20, have 40x10; q quits", PATIENCE);
    console.resize(20, 60);
    console.wait_for_text("Attention", PATIENCE);
    console.resize(36, 120);
    console.wait_for_text("Severity", PATIENCE);
    console.resize(5, 20);
    console.wait_for_text("needs 60x20", PATIENCE);
    console.send("q");
    assert_eq!(console.exit(PATIENCE), 0);
}

#[test]
fn a_plain_terminal_is_drawn_on_in_ascii() {
    let mut sandbox = Sandbox::new();
    sandbox.set("LANG", "C");
    sandbox.set("TERM", "vt100");
    let mut console = sandbox.open(["review", &report()], 24, 80);
    let picture = console.wait_for_text("Images 1", PATIENCE);
    assert!(picture.contains("+ Images 1 ---"), "{picture}");
    assert!(picture.is_ascii(), "{picture}");
    console.send("Q");
    assert_eq!(console.exit(PATIENCE), 0);
}

#[test]
fn escape_with_a_letter_is_escape_and_the_letter() {
    let sandbox = Sandbox::new();
    let mut console = sandbox.open(["review", &report()], 24, 80);
    console.wait_for_text("Images 1", PATIENCE);
    console.send("2/x");
    console.wait_for_text("every letter is text", PATIENCE);
    // A slow line joins the two into Alt-8: the field is left, then 8 shows the history.
    console.send("\x1b8");
    console.wait_for_text("[8 Hist]", PATIENCE);
    console.send("Q");
    assert_eq!(console.exit(PATIENCE), 0);
}

#[test]
fn what_is_typed_survives_a_hang_up_and_a_kill() {
    let sandbox = Sandbox::new();
    for (signal, code) in [("HUP", 129), ("KILL", 1)] {
        let mut console = sandbox.open(["review", &report()], 24, 80);
        console.wait_for_text("Images 1", PATIENCE);
        console.send("2");
        console.wait_for_text("row 1/5", PATIENCE);
        console.send(" ");
        console.wait_for_text("1 marked", PATIENCE);
        console.send("vx");
        console.wait_for_text("e types the reason", PATIENCE);
        console.send("e");
        console.send("the listener is off");
        console.wait_for_text("the listener is off", PATIENCE);
        if signal == "KILL" {
            // A killed program has no last word: what counts is what was written before.
            let drafts = sandbox.home().join(".local/state/countersign/drafts");
            let started = std::time::Instant::now();
            let kept = || {
                let files = std::fs::read_dir(&drafts).into_iter().flatten().flatten();
                let whole = files.filter(|file| file.path().extension() == Some("json".as_ref()));
                whole
                    .filter_map(|file| std::fs::read_to_string(file.path()).ok())
                    .any(|text| text.contains("the listener is off"))
            };
            while !kept() {
                assert!(started.elapsed() < PATIENCE, "nothing was kept");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        console.signal(signal);
        assert_eq!(console.exit(PATIENCE), code, "{signal}");

        let mut console = sandbox.open(["review", &report()], 24, 80);
        let offered = console.wait_for_text("was not saved", PATIENCE);
        assert!(offered.contains("accept-risk, 1 finding"), "{offered}");
        console.send("t");
        let form = console.wait_for_text("[6 Verd]", PATIENCE);
        assert!(form.contains("the listener is off"), "{form}");
        assert!(form.contains("(*) accept risk"), "{form}");
        console.send("w");
        console.wait_for_text("saved in the ledger", PATIENCE);
        console.send("Q");
        assert_eq!(console.exit(PATIENCE), 0);

        let mut console = sandbox.open(["review", &report()], 24, 80);
        let screen = console.wait_for_text("Images 1", PATIENCE);
        assert!(!screen.contains("was not saved"), "{screen}");
        console.send("2u");
        // The verdict of an earlier session: the one that stands on the finding in front.
        console.wait_for_text("taken back: entry", PATIENCE);
        console.send("Q");
        assert_eq!(console.exit(PATIENCE), 0);
    }
}
