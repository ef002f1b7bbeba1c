//! The watch: ends the program when a signal says so or the terminal is gone, even where the loop
//! no longer answers.
//!
//! A browser tab that is closed may leave no signal behind, and the library that reads keys then
//! spins for ever; so the terminal is looked at once a second.

use std::io::{self, IsTerminal as _};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::exit;
use tokio::sync::mpsc::UnboundedSender;

use crate::tui::terminal::{Event, read_events, restore};

/// How long the loop has to end by itself.
const GRACE: Duration = Duration::from_millis(250);

/// How often the terminal is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Starts reading what the terminal sends, on a thread of its own: a slow line never holds up the
/// loop.
pub fn listen(events: UnboundedSender<Event>) {
    thread::spawn(move || read_events(&events));
}

/// Starts watching.
///
/// # Errors
/// When signals cannot be caught.
pub fn watch_over(events: UnboundedSender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT])?;
    let heard = events.clone();
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let number = u8::try_from(signal).unwrap_or_default();
            let _nobody = heard.send(Event::Signal(number));
            end(128 + signal);
        }
    });
    thread::spawn(move || {
        while io::stdout().is_terminal() {
            thread::sleep(LOOK);
        }
        let _nobody = events.send(Event::Hangup);
        end(128 + SIGHUP);
    });
    Ok(())
}

/// Ends the program after the grace. Giving the terminal back may block where its line is stopped,
/// so nobody waits for it.
fn end(code: i32) {
    thread::sleep(GRACE);
    thread::spawn(restore);
    thread::sleep(GRACE / 5);
    exit(code);
}
