//! The terminal: entered, drawn on, and given back whatever happens.
//!
//! The only file that changes the terminal's modes. Nothing is ever asked of a terminal: late
//! answers over a slow line would arrive as key presses.

mod input;

use std::io::{self, BufWriter, Stdout, Write as _};

use base64::Engine as _;
use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute, queue, style};
use tokio::sync::watch;

use crate::tui::app::App;

pub use input::{Event, read_events};

/// One `write` a frame instead of thousands.
const BUFFER: usize = 64 * 1024;

/// What is drawn on.
#[derive(Debug)]
pub enum Surface {
    /// The terminal of this process.
    Screen(Terminal<CrosstermBackend<BufWriter<Stdout>>>),
    /// A screen in memory: sessions that are played, not typed.
    Memory {
        /// The screen.
        terminal: Terminal<TestBackend>,
        /// Where every frame's text goes.
        frames: watch::Sender<String>,
    },
}

impl Surface {
    /// Takes over the terminal: raw mode, alternate screen, pasted text marked as such, mouse left
    /// to the terminal. A panic gives it back before it is printed.
    ///
    /// # Errors
    /// When the terminal cannot be changed.
    pub fn enter() -> io::Result<Self> {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
        // The library's own way with NO_COLOR resets reverse video too: the theme leaves colours
        // out instead.
        style::force_color_output(true);
        enable_raw_mode()?;
        let mut writer = BufWriter::with_capacity(BUFFER, io::stdout());
        // Modes that a killed program left behind are reset first.
        execute!(
            writer,
            DisableMouseCapture,
            EnterAlternateScreen,
            EnableBracketedPaste,
            cursor::Hide
        )?;
        Ok(Self::Screen(Terminal::new(CrosstermBackend::new(writer))?))
    }

    /// Returns a screen in memory, and where the text of its last frame can be read.
    #[must_use]
    pub fn memory(width: u16, height: u16) -> (Self, watch::Receiver<String>) {
        let (frames, seen) = watch::channel(String::new());
        let terminal = infallible(Terminal::new(TestBackend::new(width, height)));
        (Self::Memory { terminal, frames }, seen)
    }

    /// Returns columns and rows.
    ///
    /// # Errors
    /// When the terminal does not say.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = match self {
            Self::Screen(terminal) => terminal.size()?,
            Self::Memory { terminal, .. } => infallible(terminal.size()),
        };
        Ok((size.width, size.height))
    }

    /// Draws the console. Only what changed is sent, in one piece.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, app: &App) -> io::Result<()> {
        match self {
            Self::Screen(terminal) => {
                queue!(terminal.backend_mut(), BeginSynchronizedUpdate)?;
                terminal.draw(|frame| app.draw(frame.buffer_mut()))?;
                execute!(terminal.backend_mut(), EndSynchronizedUpdate)
            }
            Self::Memory { terminal, frames } => {
                infallible(terminal.draw(|frame| app.draw(frame.buffer_mut())));
                // Nobody may be looking.
                let _before = frames.send_replace(terminal.backend().to_string());
                Ok(())
            }
        }
    }

    /// Forgets what was drawn, so that the next frame is sent whole.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn clear(&mut self) -> io::Result<()> {
        match self {
            Self::Screen(terminal) => terminal.clear(),
            Self::Memory { terminal, .. } => {
                infallible(terminal.clear());
                Ok(())
            }
        }
    }

    /// Takes in another size of a screen in memory; a terminal knows its own.
    pub fn resize(&mut self, width: u16, height: u16) {
        if let Self::Memory { terminal, .. } = self {
            terminal.backend_mut().resize(width, height);
        }
    }

    /// Sends text to the clipboard of the terminal (OSC 52, written only, never read). Terminals
    /// do not say whether they took it.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        match self {
            Self::Screen(terminal) => {
                let coded = base64::engine::general_purpose::STANDARD.encode(text);
                let writer = terminal.backend_mut();
                write!(writer, "\x1b]52;c;{coded}\x1b\\")?;
                io::Write::flush(writer)
            }
            // A screen in memory has no clipboard.
            Self::Memory { .. } => Ok(()),
        }
    }
}

/// A screen in memory cannot fail.
fn infallible<T>(result: Result<T, std::convert::Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// Gives the terminal back. May be called at any time and more than once; a terminal that is gone
/// needs nothing.
pub fn restore() {
    let _gone = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        DisableBracketedPaste,
        cursor::Show,
        LeaveAlternateScreen
    );
    let _gone = disable_raw_mode();
}
