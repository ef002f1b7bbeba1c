//! The ledger: every entry, newest first, whether the chain is whole, and the way to take back.
//!
//! Nothing is ever deleted here: taking an entry back records another one. Checking and replaying
//! the chain is the ledger's.

mod calendar;
mod entry;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::keymap::{Action, Place};
use crate::ledger::{Entry, kind, replay};
use crate::review::ApprovalView;
use crate::text::thousands;
use crate::tui::context::Context;
use crate::tui::message::{Effect, Failed, Input, Message, Outcome};
use crate::tui::theme::Role;
use crate::tui::widget::{
    Column, Cursor, DataTable, Field, Pane, Piece, Row, Scroll, detail, inside, lines, rows_in,
};

use calendar::Calendar;
use entry::{lines_of, outline};

/// What became of the wish to take an entry back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Undo {
    #[default]
    No,
    /// Asked about this entry.
    Asked(u64),
    /// On its way to the ledger.
    Saving(u64),
    /// Refused.
    Failed(Failed),
}

/// The state of the screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The entries shown, newest first, by position in the review's history.
    listed: Vec<usize>,
    /// The numbers of the entries that were taken back.
    undone: BTreeSet<u64>,
    filter: Field,
    typing: bool,
    is_copying: bool,
    cursor: Cursor,
    is_open: bool,
    scroll: Scroll,
    undo: Undo,
    calendar: Calendar,
}

impl State {
    /// Takes in the ledger as it is now.
    pub fn refresh(&mut self, context: &Context<'_>) {
        let here = self.entry(context).map(|entry| entry.seq);
        let replayed = replay(&context.review.history);
        self.calendar.take_in(&replayed.verdicts, context);
        self.undone = replayed.undone;
        self.list(context);
        let again = self.listed.iter().position(|position| {
            let entry = context.review.history.get(*position);
            entry.is_some_and(|entry| Some(entry.seq) == here)
        });
        // Somebody at the newest entry wants to see the newest entry.
        let row = match again {
            Some(row) if self.cursor.selected > 0 => row,
            _ => 0,
        };
        let (length, height) = (self.listed.len(), self.height(context));
        self.cursor.select(row, length, height);
    }

    fn list(&mut self, context: &Context<'_>) {
        let wanted = self.filter.text().to_lowercase();
        let history = &context.review.history;
        self.listed = (0..history.len())
            .rev()
            .filter(|position| {
                wanted.is_empty()
                    || history
                        .get(*position)
                        .is_some_and(|entry| matches(entry, &wanted))
            })
            .collect();
        let (length, height) = (self.listed.len(), self.height(context));
        self.cursor.select(self.cursor.selected, length, height);
    }

    /// Returns whose keys hold.
    #[must_use]
    pub fn place(&self) -> Place {
        if self.typing {
            Place::Field
        } else if self.is_copying {
            Place::CopyMenu
        } else {
            Place::History
        }
    }

    /// Takes what the person did.
    pub fn handle(&mut self, input: &Input, context: &Context<'_>) -> Vec<Outcome> {
        match input {
            Input::Action(action) => return self.act(*action, context),
            Input::Key(key) => self.typing = self.filter.press_filter(*key),
            Input::Paste(text) => self.filter.insert(text),
        }
        self.list(context);
        Vec::new()
    }

    fn act(&mut self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        if std::mem::take(&mut self.is_copying) {
            return self.copy(action, context);
        }
        if let Undo::Asked(entry) = self.undo {
            return self.answer(action, entry);
        }
        if matches!(self.undo, Undo::Failed(_)) {
            self.undo = Undo::No;
        }
        if self.calendar.is_open {
            return self.act_on_calendar(action, context);
        }
        if self.is_open {
            let (length, height) = self.detail_size(context);
            if self.scroll.act(action, length, height) {
                return Vec::new();
            }
        }
        let (length, height) = (self.listed.len(), self.height(context));
        if self.cursor.act(action, length, height) {
            return Vec::new();
        }
        match action {
            Action::Back if self.is_open => self.is_open = false,
            Action::Back if !self.filter.text().is_empty() => {
                self.filter = Field::default();
                self.list(context);
            }
            Action::Back => return vec![Message::Back.into()],
            Action::Open => {
                self.is_open = !self.is_open && self.entry(context).is_some();
                self.scroll = Scroll::default();
            }
            Action::Filter => self.typing = true,
            Action::Clear => {
                self.filter = Field::default();
                self.list(context);
            }
            Action::Copy => self.is_copying = self.entry(context).is_some(),
            Action::Undo => self.ask(context),
            Action::Expiring => self.calendar.is_open = true,
            _ => {}
        }
        Vec::new()
    }

    /// Asks whether the selected entry shall be taken back, where it can be.
    fn ask(&mut self, context: &Context<'_>) {
        let Some(entry) = self.entry(context) else {
            return;
        };
        let refused = |message: String| {
            Undo::Failed(Failed {
                message,
                hints: Vec::new(),
            })
        };
        self.undo = if let Undo::Saving(_) = self.undo {
            return;
        } else if let Some(problem) = &context.review.ledger_problem {
            refused(format!("the ledger is read-only: {problem}"))
        } else if self.undone.contains(&entry.seq) {
            refused(format!("entry {} was taken back already", entry.seq))
        } else if !matches!(
            entry.kind.as_str(),
            kind::VERDICT | kind::APPROVAL | kind::UNDO
        ) {
            refused(format!(
                "entry {} records what happened and cannot be taken back",
                entry.seq
            ))
        } else {
            Undo::Asked(entry.seq)
        };
    }

    fn answer(&mut self, action: Action, entry: u64) -> Vec<Outcome> {
        if action == Action::Undo {
            self.undo = Undo::Saving(entry);
            return vec![
                Effect::Undo {
                    entries: vec![entry],
                }
                .into(),
            ];
        }
        self.undo = Undo::No;
        Vec::new()
    }

    /// Takes the answer of an effect.
    pub fn receive(&mut self, message: &Message, _context: &Context<'_>) -> Vec<Outcome> {
        if let (Message::Undone(result), Undo::Saving(_)) = (message, &self.undo) {
            self.undo = match result {
                Ok(_) => Undo::No,
                Err(failed) => Undo::Failed(failed.clone()),
            };
        }
        Vec::new()
    }

    /// Takes a verb while the calendar is in front.
    fn act_on_calendar(&mut self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        if self.calendar.moves(action, context) {
            return Vec::new();
        }
        match action {
            Action::Open => {
                if let Some(entry) = self.calendar.selected() {
                    self.show_entry(entry, context);
                }
            }
            Action::Back | Action::Expiring => self.calendar.is_open = false,
            _ => {}
        }
        Vec::new()
    }

    /// Shows an entry in full, whatever was filtered.
    fn show_entry(&mut self, entry: u64, context: &Context<'_>) {
        self.calendar.is_open = false;
        self.filter = Field::default();
        self.list(context);
        let found = self.listed.iter().position(|position| {
            let known = context.review.history.get(*position);
            known.is_some_and(|known| known.seq == entry)
        });
        let (length, height) = (self.listed.len(), self.height(context));
        self.cursor.select(found.unwrap_or(0), length, height);
        self.is_open = found.is_some();
        self.scroll = Scroll::default();
    }

    fn copy(&self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        let Some(entry) = self.entry(context) else {
            return Vec::new();
        };
        let text = match action {
            Action::CopyId => entry.seq.to_string(),
            Action::CopyPackage => outline(entry).about,
            Action::CopyDigest => entry.sha256.to_string(),
            Action::CopyLine => {
                let outline = outline(entry);
                format!(
                    "{}\t{}\t{}\t{}\t{}",
                    entry.seq,
                    entry.time.format("%Y-%m-%dT%H:%M:%SZ"),
                    entry.reviewer,
                    outline.what,
                    outline.about
                )
            }
            _ => return Vec::new(),
        };
        vec![Effect::Copy(text).into()]
    }

    fn entry<'a>(&self, context: &Context<'a>) -> Option<&'a Entry> {
        let position = self.listed.get(self.cursor.selected)?;
        context.review.history.get(*position)
    }

    fn height(&self, context: &Context<'_>) -> usize {
        let [list, _] = self.panes(context, context.area);
        rows_in(inside(list, context.bordered())).max(1)
    }

    fn panes(&self, context: &Context<'_>, area: Rect) -> [Rect; 2] {
        let below = match (context.bordered(), area.height) {
            _ if self.is_open => area.height,
            (true, 26..) => 14,
            (true, 16..) => 8,
            _ => 0,
        };
        Layout::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(area)
    }

    fn detail_size(&self, context: &Context<'_>) -> (usize, usize) {
        let inner = inside(context.area, context.bordered());
        let length = self.entry(context).map_or(0, |entry| {
            lines_of(
                entry,
                self.undone.contains(&entry.seq),
                standing(context, entry).as_ref(),
                usize::from(inner.width),
            )
            .len()
        });
        (length, usize::from(inner.height))
    }

    /// Draws the screen.
    pub fn view(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        if self.calendar.is_open {
            return self.calendar.draw(context, area, buffer);
        }
        let [list, below] = self.panes(context, area);
        if list.height > 0 {
            self.view_list(context, list, buffer);
        }
        if below.height > 0 {
            self.view_entry(context, below, buffer);
        }
    }

    /// Returns the title: how many entries, and whether the chain can be relied on.
    fn title(&self, context: &Context<'_>) -> Vec<Piece> {
        let history = &context.review.history;
        let mut title = vec![Piece::foreign(
            &format!("Ledger {} entries  ", thousands(history.len() as u64)),
            Role::Title,
        )];
        match (&context.review.ledger_problem, history.last()) {
            (Some(problem), _) => {
                title.push(Piece::new("READ-ONLY: ", Role::Error));
                title.push(Piece::foreign(problem, Role::Error));
            }
            (None, Some(head)) => title.push(Piece::foreign(
                &format!(
                    "chain verified to entry {} {}",
                    head.seq,
                    head.sha256.short()
                ),
                Role::Good,
            )),
            (None, None) => title.push(Piece::new("empty", Role::Dim)),
        }
        let elsewhere = context.review.approvals.iter().flatten();
        let elsewhere = elsewhere
            .filter(|approval| approval.recorded.entry == 0)
            .count();
        if elsewhere > 0 {
            let text = format!("  +{elsewhere} signed elsewhere (1 lists them)");
            title.push(Piece::foreign(&text, Role::Text));
        }
        if self.typing || !self.filter.text().is_empty() {
            title.push(Piece::new("  / ", Role::Key));
            title.push(Piece::foreign(self.filter.text(), Role::Field));
            title.push(Piece::new(if self.typing { "_" } else { "" }, Role::Field));
        }
        title
    }

    fn view_list(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let title = self.title(context);
        let inner = pane(&title, true, context, area, buffer);
        let wide = inner.width >= 100;
        let mut columns = vec![Column::number("#", 6)];
        columns.push(Column::fixed("TIME (UTC)", if wide { 19 } else { 11 }));
        columns.push(Column::share("WHO", 8, 1));
        columns.push(Column::fixed("WHAT", 20));
        columns.push(Column::share("ABOUT", 14, 3));
        if wide {
            columns.push(Column::fixed("SHA-256", 12));
        }
        let row = |position: usize| {
            let entry = self
                .listed
                .get(position)
                .and_then(|position| context.review.history.get(*position));
            entry.map_or_else(
                || Row {
                    mark: Piece::new(" ", Role::Text),
                    cells: Vec::new(),
                },
                |entry| cells(entry, self.undone.contains(&entry.seq), wide),
            )
        };
        DataTable {
            theme: context.theme,
            columns: &columns,
            length: self.listed.len(),
            cursor: self.cursor,
            focused: true,
            row: &row,
        }
        .draw(inner, buffer);
        if self.listed.is_empty() {
            let nothing = if context.review.history.is_empty() {
                "   nothing was decided yet"
            } else {
                "   no entry matches"
            };
            let text = [Vec::new(), vec![Piece::new(nothing, Role::Dim)]];
            lines(context.theme, &text, inner, buffer);
        }
    }

    fn view_entry(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(entry) = self.entry(context) else {
            let title = [Piece::new("Entry", Role::Title)];
            pane(&title, false, context, area, buffer);
            return;
        };
        let title = [Piece::foreign(
            &format!("Entry {}", thousands(entry.seq)),
            Role::Title,
        )];
        let inner = pane(&title, self.is_open, context, area, buffer);
        let undone = self.undone.contains(&entry.seq);
        let standing = standing(context, entry);
        let text = lines_of(entry, undone, standing.as_ref(), usize::from(inner.width));
        detail(context.theme, &text, self.scroll, inner, buffer);
    }

    /// Returns the line above the keys.
    #[must_use]
    pub fn status(&self, _context: &Context<'_>) -> Vec<Piece> {
        if self.is_copying {
            return vec![Piece::new("copy:", Role::Title)];
        }
        if self.calendar.is_open {
            return vec![self.calendar.status()];
        }
        vec![match &self.undo {
            Undo::No => Piece::new(
                "nothing is deleted: taking back an entry records another one",
                Role::Dim,
            ),
            Undo::Asked(entry) => Piece::foreign(
                &format!("take back entry {entry}? u again records it; any other key leaves it"),
                Role::Warning,
            ),
            Undo::Saving(entry) => {
                Piece::foreign(&format!("taking back entry {entry} …"), Role::Text)
            }
            Undo::Failed(failed) => Piece::foreign(&failed.message, Role::Error),
        }]
    }
}

fn pane(
    title: &[Piece],
    focused: bool,
    context: &Context<'_>,
    area: Rect,
    buffer: &mut Buffer,
) -> Rect {
    Pane {
        theme: context.theme,
        title,
        focused,
        bordered: context.bordered(),
    }
    .draw(area, buffer)
}

/// Returns how the word of an entry about an image stands, where it is a reviewer's latest.
fn standing(context: &Context<'_>, entry: &Entry) -> Option<ApprovalView> {
    if entry.kind != kind::APPROVAL {
        return None;
    }
    let subjects = 0..context.review.subjects.len();
    subjects
        .flat_map(|subject| context.review.approval_views(subject))
        .find(|approval| approval.entry == Some(entry.seq))
}

fn matches(entry: &Entry, wanted: &str) -> bool {
    let outline = outline(entry);
    [&entry.reviewer, &outline.what, &outline.about]
        .into_iter()
        .any(|text| text.to_lowercase().contains(wanted))
}

fn cells(entry: &Entry, undone: bool, wide: bool) -> Row {
    let outline = outline(entry);
    let role = if undone { Role::Dim } else { Role::Text };
    let time = if wide {
        "%Y-%m-%d %H:%M:%S"
    } else {
        "%m-%d %H:%M"
    };
    let what = if undone {
        format!("{} (undone)", outline.what)
    } else {
        outline.what
    };
    let mut cells = vec![
        Piece::foreign(&thousands(entry.seq), role),
        Piece::foreign(&entry.time.format(time).to_string(), role),
        Piece::foreign(&entry.reviewer, role),
        Piece::foreign(&what, if undone { Role::Dim } else { outline.role }),
        Piece::foreign(&outline.about, role),
    ];
    if wide {
        cells.push(Piece::foreign(entry.sha256.short(), Role::Dim));
    }
    Row {
        mark: Piece::new(if undone { "u" } else { " " }, Role::Dim),
        cells,
    }
}
