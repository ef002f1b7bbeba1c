//! Help: every key that holds where the person came from, and everywhere; searchable.
//!
//! Read from the keymap in force, never written by hand.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::{Action, Code, Key, Place};
use crate::tui::context::Context;
use crate::tui::message::{Input, Message, Outcome};
use crate::tui::theme::Role;
use crate::tui::widget::{Cursor, Pane, Piece, inside, lines};

/// The state of the help.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    from: Option<Place>,
    search: String,
    typing: bool,
    cursor: Cursor,
}

impl State {
    /// Opens the help for the place the person came from.
    #[must_use]
    pub fn about(place: Place) -> Self {
        Self {
            from: Some(place),
            ..Self::default()
        }
    }

    /// Keeps the scroll position inside the list.
    pub fn refresh(&mut self, context: &Context<'_>) {
        let length = self.entries(context).len();
        let height = height(context);
        self.cursor.select(self.cursor.selected, length, height);
    }

    /// Returns whose keys hold.
    #[must_use]
    pub fn place(&self) -> Place {
        if self.typing {
            Place::Field
        } else {
            Place::Help
        }
    }

    /// Takes what the person did.
    pub fn handle(&mut self, input: &Input, context: &Context<'_>) -> Vec<Outcome> {
        match input {
            Input::Action(Action::Filter) => self.typing = true,
            Input::Action(Action::Back | Action::Help) => return vec![Message::Back.into()],
            Input::Action(Action::Clear) => self.search.clear(),
            Input::Action(action) => {
                let (length, height) = (self.entries(context).len(), height(context));
                let page = matches!(action, Action::Down | Action::Up);
                // The page scrolls by lines: nothing in it is selected.
                if page && *action == Action::Down {
                    self.cursor
                        .select(self.cursor.selected.max(height - 1) + 1, length, height);
                } else if page {
                    self.cursor
                        .select(self.cursor.offset.saturating_sub(1), length, height);
                } else {
                    self.cursor.act(*action, length, height);
                }
            }
            Input::Key(key) => self.type_key(*key),
            Input::Paste(text) => self
                .search
                .push_str(text.lines().next().unwrap_or_default()),
        }
        self.refresh(context);
        Vec::new()
    }

    fn type_key(&mut self, key: Key) {
        match key.code {
            Code::Enter => self.typing = false,
            Code::Esc => {
                self.typing = false;
                self.search.clear();
            }
            Code::Backspace => {
                self.search.pop();
            }
            _ => self.search.extend(key.typed()),
        }
    }

    /// Takes the answer of an effect: the help asks for none.
    pub fn receive(&mut self, _message: &Message, _context: &Context<'_>) -> Vec<Outcome> {
        Vec::new()
    }

    /// Draws the help.
    pub fn view(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let title = [
            Piece::new("Help", Role::Title),
            Piece::new("  search: ", Role::Dim),
            Piece::foreign(&self.search, Role::Field),
            Piece::new(if self.typing { "_" } else { "" }, Role::Field),
        ];
        let pane = Pane {
            theme: context.theme,
            title: &title,
            focused: true,
            bordered: context.bordered(),
        };
        let area = pane.draw(area, buffer);
        let entries = self.entries(context);
        let height = usize::from(area.height);
        let start = self.cursor.start(entries.len(), height);
        let seen: Vec<_> = entries.into_iter().skip(start).take(height).collect();
        lines(context.theme, &seen, area, buffer);
    }

    /// Returns the line above the keys.
    #[must_use]
    pub fn status(&self, _context: &Context<'_>) -> Vec<Piece> {
        vec![Piece::new(
            "nothing needs Ctrl, Alt or a function key; in a text field every letter is text",
            Role::Dim,
        )]
    }

    /// Returns the lines: the place the person came from first, then the rest.
    fn entries(&self, context: &Context<'_>) -> Vec<Vec<Piece>> {
        let own = self.from.map_or(&[][..], Place::chain);
        let rest = Place::ALL.into_iter().filter(|place| !own.contains(place));
        let wanted = self.search.to_lowercase();
        let mut entries = Vec::new();
        for place in own.iter().copied().chain(rest) {
            let mut rows = Vec::new();
            for (action, keys) in context.keymap.actions(place) {
                let keys: Vec<String> = keys.iter().map(Key::to_string).collect();
                let keys = keys.join(" ");
                let hay = format!("{keys} {} {}", action.summary(), place.name()).to_lowercase();
                if hay.contains(&wanted) {
                    rows.push(vec![
                        Piece::foreign(&format!("  {keys:<20}"), Role::Key),
                        Piece::new(" ", Role::Text),
                        Piece::new(action.summary(), Role::Text),
                    ]);
                }
            }
            if !rows.is_empty() {
                entries.push(vec![Piece::new(place.name(), Role::Title)]);
                entries.append(&mut rows);
            }
        }
        if entries.is_empty() {
            entries.push(vec![Piece::new("no key matches the search", Role::Warning)]);
        }
        entries
    }
}

fn height(context: &Context<'_>) -> usize {
    usize::from(inside(context.area, context.bordered()).height).max(1)
}
