//! Whole sessions on the real loop: scripted keys, real files, a real ledger, a clock that stands
//! still until everything has answered.

mod drafts;
mod predict;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use countersign::config::{self, Overrides};
use countersign::connect::Connector;
use countersign::environment::Environment;
use countersign::keymap::{Code, Key};
use countersign::review::Inputs;
use countersign::tui::runtime::run;
use countersign::tui::terminal::{Event, Surface};
use countersign::tui::{Exit, World, start};

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_800)
}

/// A console that is worked by a script.
struct Session {
    folder: tempfile::TempDir,
    inputs: Vec<PathBuf>,
    size: (u16, u16),
    reviewer: &'static str,
    predict: bool,
}

/// The script's side: keys in, pictures out.
struct Hands {
    events: UnboundedSender<Event>,
    picture: watch::Receiver<String>,
}

impl Session {
    fn new(inputs: &[&Path]) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            inputs: inputs.iter().map(|path| path.to_path_buf()).collect(),
            size: (80, 24),
            reviewer: "kim",
            predict: false,
        }
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    fn world(&self) -> World {
        let environment = Environment::fixed(now(), self.folder.path().to_owned());
        let overrides = Overrides {
            ledger: Some(self.ledger().display().to_string()),
            reviewer: Some(self.reviewer.to_owned()),
            predict: self.predict,
            ..Overrides::default()
        };
        let config = config::load(&environment, &overrides).expect("the settings are right");
        let connector = Connector {
            config,
            environment,
            given_password: None,
        };
        World {
            inputs: Inputs {
                paths: self
                    .inputs
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect(),
                ..Inputs::default()
            },
            images: Vec::new(),
            platform: None,
            subject: None,
            destination: None,
            no_color: false,
            policy: connector.policy().expect("the default policy is right"),
            connector,
        }
    }

    /// Plays `script` and returns how the console ended.
    async fn play(&self, script: impl AsyncFnOnce(Hands)) -> Exit {
        let world = self.world();
        let (events, received) = unbounded_channel();
        let (mut surface, picture) = Surface::memory(self.size.0, self.size.1);
        let mut app = start(&world, self.size).expect("the keys are right");
        let session = run(&mut app, world, received, &mut surface);
        let (exit, ()) = tokio::join!(session, script(Hands { events, picture }));
        exit.expect("a screen in memory cannot fail")
    }
}

impl Hands {
    /// Presses keys, a person's pause apart.
    async fn press(&self, keys: &str) {
        for key in keys.split(' ') {
            self.key(key.parse().expect("the name of a key")).await;
        }
    }

    async fn type_text(&self, text: &str) {
        for character in text.chars() {
            self.key(Key::char(character)).await;
        }
    }

    async fn key(&self, key: Key) {
        tokio::time::sleep(Duration::from_millis(60)).await;
        // A console that has ended takes no keys.
        let _ended = self.events.send(Event::Key(key));
    }

    /// Waits until the picture shows `text`; the time is the clock's, which waits for all work.
    async fn see(&mut self, text: &str) -> String {
        self.see_that(text, |picture| picture.contains(text)).await
    }

    async fn see_that(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let patience = Duration::from_mins(10);
        let seen = {
            let waiting = self.picture.wait_for(|now| wanted(now));
            let seen = tokio::time::timeout(patience, waiting).await;
            seen.ok()
                .and_then(Result::ok)
                .map(|picture| picture.clone())
        };
        seen.unwrap_or_else(|| {
            let last = self.picture.borrow().clone();
            panic!("`{what}` was not seen; the screen is:\n{last}")
        })
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime can be made")
}

#[test]
fn a_verdict_is_saved_before_the_screen_says_so_and_is_there_the_next_time() {
    let trivy = fixtures().join("trivy/image.json");
    let session = Session::new(&[&trivy]);
    let ended = paused().block_on(session.play(async |mut hands: Hands| {
        hands.see("Images 1").await;
        hands.press("2").await;
        hands.see("row 1/").await;
        hands.press("v x").await;
        hands.see("accept risk").await;
        hands.press("e").await;
        hands.type_text("the listener is off").await;
        hands.press("Esc").await;
        assert!(
            !session.ledger().exists(),
            "nothing is recorded before it is saved"
        );
        hands.press("w").await;
        hands.see("saved in the ledger").await;
        assert!(session.ledger().join("000000000001.json").exists());
        hands.press("Q").await;
    }));
    assert_eq!(ended, Exit::Left);

    paused().block_on(session.play(async |mut hands: Hands| {
        hands.see("ledger: 1 entry").await;
        hands.press("8").await;
        hands.see("accept-risk").await;
        hands.press("Q").await;
    }));
}

#[test]
fn a_ledger_that_cannot_be_written_is_said_and_the_text_stays() {
    let trivy = fixtures().join("trivy/image.json");
    let session = Session::new(&[&trivy]);
    std::fs::write(session.ledger(), "a file where the folder should be").expect("writable");
    paused().block_on(session.play(async |mut hands: Hands| {
        hands.see("Images 1").await;
        hands.press("2 v x e").await;
        hands.type_text("the listener is off").await;
        hands.press("Esc w").await;
        let picture = hands.see("NOT saved").await;
        assert!(picture.contains("the listener is off"), "{picture}");
        assert!(!picture.contains("saved in the ledger"), "{picture}");
        hands.press("Q").await;
    }));
}

#[test]
fn an_input_that_is_no_report_is_named_and_never_clean() {
    let broken = tempfile::tempdir().expect("a temporary folder can be made");
    let path = broken.path().join("broken.json");
    std::fs::write(&path, "{\"SchemaVersion\": 2, \"Results\": [").expect("writable");
    let session = Session::new(&[&path]);
    paused().block_on(session.play(async |mut hands: Hands| {
        let picture = hands.see("not read: broken.json").await;
        assert!(picture.contains("nothing could be read"), "{picture}");
        hands.press("2").await;
        let picture = hands.see("nothing was scanned").await;
        assert!(!picture.contains("no findings"), "{picture}");
        hands.press("1 Tab Enter").await;
        hands.see("Message").await;
        hands.press("Esc Q").await;
    }));
}

#[test]
fn without_inputs_the_console_says_what_to_give_it() {
    let session = Session::new(&[]);
    let ended = paused().block_on(session.play(async |mut hands: Hands| {
        hands.see("nothing to review").await;
        hands.press("q").await;
    }));
    assert_eq!(ended, Exit::Left);
}

#[test]
fn filters_are_mended_in_place_and_the_selection_survives_them() {
    let trivy = fixtures().join("trivy/image.json");
    let session = Session::new(&[&trivy]);
    paused().block_on(session.play(async |mut hands: Hands| {
        hands.see("Images 1").await;
        hands.press("2").await;
        let before = hands.see("row 1/5").await;
        assert!(before.contains("H!"), "{before}");
        hands.press("/").await;
        hands.type_text("fix:maybe").await;
        hands.see("expected yes, no or unknown").await;
        hands.press("Enter Esc").await;
        hands.see("row 1/5").await;
        hands.press("G f").await;
        hands.see("fixable yes").await;
        hands.press("c").await;
        hands.see("5/5").await;
        hands.press("Q").await;
    }));
}

#[test]
fn a_signal_ends_the_session_with_its_number() {
    let session = Session::new(&[]);
    let ended = paused().block_on(session.play(async |mut hands: Hands| {
        hands.see("Images").await;
        let _ended = hands.events.send(Event::Signal(15));
    }));
    assert_eq!(ended, Exit::Signal(15));
}

#[test]
fn the_console_fits_its_terminal_while_it_changes() {
    let trivy = fixtures().join("trivy/image.json");
    let session = Session::new(&[&trivy]);
    paused().block_on(session.play(async |mut hands: Hands| {
        hands.see("Images 1").await;
        for (width, height, wanted) in [
            (40, 10, "needs 60x20, have 40x10; q quits"),
            (60, 20, "[1 Img]"),
            (120, 36, "Severity"),
        ] {
            let _ended = hands.events.send(Event::Resize(width, height));
            hands.see(wanted).await;
        }
        hands.key(Key::plain(Code::Esc)).await;
    }));
}
