//! A program on a terminal: keys in, the picture out, as a person would see it.
//!
//! Waits are for what the picture shows, never for time to pass.

use std::io::{Read as _, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use portable_pty::{ChildKiller, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::program::Sandbox;

/// Whether the program is in the middle of a frame, between `CSI ? 2026 h` and `CSI ? 2026 l` (synchronised output).
#[derive(Default)]
struct Frame {
    is_open: bool,
}

impl vt100::Callbacks for Frame {
    fn unhandled_csi(
        &mut self,
        _: &mut vt100::Screen,
        first: Option<u8>,
        _: Option<u8>,
        parameters: &[&[u16]],
        last: char,
    ) {
        if first == Some(b'?') && parameters == [[2026]] {
            self.is_open = last == 'h';
        }
    }
}

/// What has come out of the program so far.
struct Picture {
    parser: vt100::Parser<Frame>,
    exit: Option<u32>,
    closed: bool,
}

impl Picture {
    /// Returns whether a person would see it now: terminals show whole frames only.
    fn is_whole(&self) -> bool {
        self.closed || !self.parser.callbacks().is_open
    }
}

/// The picture, and the bell that rings when it changes.
struct Shared {
    picture: Mutex<Picture>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Picture> {
        self.picture
            .lock()
            .expect("no reader of the terminal has failed")
    }

    fn change(&self, apply: impl FnOnce(&mut Picture)) {
        apply(&mut self.lock());
        self.changed.notify_all();
    }
}

/// A running program and its terminal; the program is killed when this is dropped.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    killer: Box<dyn ChildKiller + Send + Sync>,
    process: u32,
    shared: Arc<Shared>,
}

impl Terminal {
    /// Starts `command` on a new terminal.
    pub(super) fn start(command: CommandBuilder, rows: u16, columns: u16) -> Self {
        let pair = native_pty_system()
            .openpty(size(rows, columns))
            .expect("a terminal can be opened");
        let mut child = pair
            .slave
            .spawn_command(command)
            .expect("the program starts on a terminal");
        drop(pair.slave);
        let mut output = pair
            .master
            .try_clone_reader()
            .expect("a terminal can be read");
        let keys = pair
            .master
            .take_writer()
            .expect("a terminal can be written to");
        let shared = Arc::new(Shared {
            picture: Mutex::new(Picture {
                parser: vt100::Parser::new_with_callbacks(
                    positive(rows),
                    positive(columns),
                    0,
                    Frame::default(),
                ),
                exit: None,
                closed: false,
            }),
            changed: Condvar::new(),
        });
        let terminal = Self {
            master: pair.master,
            keys,
            killer: child.clone_killer(),
            process: child
                .process_id()
                .expect("a started program has a process id"),
            shared: Arc::clone(&shared),
        };
        let reader = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose program has ended gives an error on Linux and an end elsewhere.
            while let Some(chunk) = output
                .read(&mut bytes)
                .ok()
                .and_then(|n| bytes.get(..n))
                .filter(|c| !c.is_empty())
            {
                reader.change(|picture| picture.parser.process(chunk));
            }
            reader.change(|picture| picture.closed = true);
        });
        std::thread::spawn(move || {
            let status = child.wait().expect("a started program can be waited for");
            shared.change(|picture| picture.exit = Some(status.exit_code()));
        });
        terminal
    }

    /// Types `keys`, given as a terminal sends them: `"\r"` for Enter, `"\x1b"` for Escape, `"\x1b[A"` for Up.
    pub(crate) fn send(&mut self, keys: &str) {
        self.keys
            .write_all(keys.as_bytes())
            .and_then(|()| self.keys.flush())
            .expect("the terminal takes keys");
    }

    /// Waits until the picture's text is as `wanted`, and returns it; fails with the last picture.
    #[track_caller]
    pub(crate) fn wait_for(&self, wanted: impl Fn(&str) -> bool, patience: Duration) -> String {
        self.wait(patience, |picture| {
            Some(picture.parser.screen().contents()).filter(|text| wanted(text))
        })
    }

    /// Waits until the picture shows `text`.
    #[track_caller]
    pub(crate) fn wait_for_text(&self, text: &str, patience: Duration) -> String {
        self.wait_for(|picture| picture.contains(text), patience)
    }

    /// Returns the picture's text as it is now.
    pub(crate) fn screen(&self) -> String {
        self.look(vt100::Screen::contents)
    }

    /// Looks at the picture as it is now, as soon as it is whole: colours, cursor, alternate screen.
    #[track_caller]
    pub(crate) fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        let mut look = Some(look);
        self.wait(PATIENCE, |picture| {
            look.take().map(|look| look(picture.parser.screen()))
        })
    }

    /// Makes the terminal another size and tells the program.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.shared.change(|picture| {
            picture
                .parser
                .screen_mut()
                .set_size(positive(rows), positive(columns));
        });
        self.master
            .resize(size(rows, columns))
            .expect("a terminal can be made another size");
    }

    /// Sends a signal by its name, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.process.to_string()])
            .status();
        assert!(
            sent.expect("kill can be run").success(),
            "signal {name} was not sent"
        );
    }

    /// Waits for the end of the program and of its output, and returns its exit code. A signal that ended it gives 1,
    /// as the terminal library has it.
    #[track_caller]
    pub(crate) fn exit(&self, patience: Duration) -> u32 {
        self.wait(patience, |picture| picture.exit.filter(|_| picture.closed))
    }

    #[track_caller]
    fn wait<T>(&self, patience: Duration, mut ready: impl FnMut(&Picture) -> Option<T>) -> T {
        let started = Instant::now();
        let mut picture = self.shared.lock();
        loop {
            let found = if picture.is_whole() {
                ready(&picture)
            } else {
                None
            };
            if let Some(found) = found {
                return found;
            }
            let left = patience.checked_sub(started.elapsed());
            if left.is_none() {
                let (screen, exit) = (picture.parser.screen().contents(), picture.exit);
                drop(picture);
                panic!(
                    "not seen after {patience:?} (exit code {exit:?}); the screen is:\n{screen}"
                );
            }
            picture = self
                .shared
                .changed
                .wait_timeout(picture, left.unwrap_or_default())
                .expect("no reader has failed")
                .0;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        self.killer.kill().ok();
    }
}

fn positive(length: u16) -> NonZero<u16> {
    NonZero::new(length).expect("a terminal has at least one row and column")
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// How long a frame, or the programs below, may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_frame_is_seen_when_it_is_whole() {
    let script =
        "stty -echo; printf '\\033[?2026hhalf'; read line; printf ' whole\\033[?2026l'; read line";
    let mut terminal = Sandbox::new().open_other(Path::new("/bin/sh"), ["-c", script], 10, 40);
    // Nothing tells from here that the first half has come; with the enter key the rest follows in any case.
    terminal.send("\r");
    let screen = terminal.wait_for_text("half", PATIENCE);
    assert!(screen.contains("half whole"), "{screen}");
    terminal.send("\r");
    assert_eq!(terminal.exit(PATIENCE), 0);
}

#[test]
fn keys_reach_a_program_and_its_picture_comes_back() {
    let script = "stty -echo; printf 'ready\\r\\n'; read line; printf '\\033[H\\033[2J\\033[31mgot %s\\033[0m' \"$line\"; exit 4";
    let mut terminal = Sandbox::new().open_other(Path::new("/bin/sh"), ["-c", script], 10, 40);
    terminal.wait_for_text("ready", PATIENCE);
    terminal.send("a key\r");
    let screen = terminal.wait_for(|text| text.contains("got a key"), PATIENCE);
    assert!(!screen.contains("ready"), "{screen}");
    assert_eq!(terminal.exit(PATIENCE), 4);
    assert_eq!(terminal.screen(), screen);
    let colour = terminal.look(|screen| screen.cell(0, 0).map(vt100::Cell::fgcolor));
    assert_eq!(colour, Some(vt100::Color::Idx(1)));
}

#[test]
fn a_program_hears_of_another_size_and_of_signals() {
    let script = "trap 'stty size; kill $!; exit 5' TERM; sleep 600 & echo ready; wait";
    let terminal = Sandbox::new().open_other(Path::new("/bin/sh"), ["-c", script], 10, 40);
    terminal.wait_for_text("ready", PATIENCE);
    terminal.resize(24, 80);
    terminal.signal("TERM");
    terminal.wait_for_text("24 80", PATIENCE);
    assert_eq!(terminal.look(|screen| screen.size().1.get()), 80);
    assert_eq!(terminal.exit(PATIENCE), 5);
}
