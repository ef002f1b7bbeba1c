//! What the terminal sends, as keys, pasted text and sizes.
//!
//! Whose thread this runs on is `runtime`'s business.

use ratatui::crossterm::event::{
    self, Event as Sent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
};
use tokio::sync::mpsc::UnboundedSender;

use crate::keymap::{Code, Key};

/// What came from outside the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted, as the terminal says.
    Paste(String),
    /// The terminal has another size.
    Resize(u16, u16),
    /// The terminal is gone.
    Hangup,
    /// A signal asks the program to end.
    Signal(u8),
}

/// Reads until the terminal is gone or nobody listens. Waits for keys, so it needs a thread.
pub fn read_events(events: &UnboundedSender<Event>) {
    loop {
        let Ok(sent) = event::read() else {
            let _nobody = events.send(Event::Hangup);
            return;
        };
        for event in translate(sent) {
            if events.send(event).is_err() {
                return;
            }
        }
    }
}

/// Returns what an event of the terminal means here.
fn translate(sent: Sent) -> Vec<Event> {
    match sent {
        Sent::Key(key) if key.kind != KeyEventKind::Release => {
            keys(key).into_iter().map(Event::Key).collect()
        }
        Sent::Paste(text) => vec![Event::Paste(text)],
        Sent::Resize(width, height) => vec![Event::Resize(width, height)],
        _ => Vec::new(),
    }
}

/// Returns the keys of a key press. Alt with a key is Esc and that key: a slow line joins the two,
/// and no key here needs Alt.
fn keys(key: KeyEvent) -> Vec<Key> {
    let code = match key.code {
        KeyCode::Char(character) => Code::Char(character),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab if key.modifiers.contains(KeyModifiers::SHIFT) => Code::BackTab,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        _ => return Vec::new(),
    };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let pressed = Key { code, control };
    if key.modifiers.contains(KeyModifiers::ALT) {
        vec![Key::plain(Code::Esc), pressed]
    } else {
        vec![pressed]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Vec<Event> {
        translate(Sent::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn alt_is_escape_first() {
        let keys = pressed(KeyCode::Char('q'), KeyModifiers::ALT);
        let expected = [Key::plain(Code::Esc), Key::char('q')].map(Event::Key);
        assert_eq!(keys, expected);
    }

    #[test]
    fn shift_is_in_the_character_and_function_keys_are_nothing() {
        let shifted = pressed(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(shifted, [Event::Key(Key::char('G'))]);
        let controlled = pressed(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(controlled, [Event::Key(Key::control('c'))]);
        assert!(pressed(KeyCode::F(1), KeyModifiers::NONE).is_empty());
    }
}
