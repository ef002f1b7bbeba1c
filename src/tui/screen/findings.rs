//! The findings of a subject: a table, a filter, marks, and the detail of the selected one.
//!
//! Hygiene is the same screen over the kinds that are not vulnerabilities. Verdicts are only asked
//! for here; the form is another screen.

mod actions;
mod detail;
mod empty;
mod hygiene;
mod offers;
mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::formats::Details;
use crate::keymap::{Action, Code, Key, Place};
use crate::model::{Finding, FindingKey, Fixable, Kind, Severity};
use crate::text::thousands;
use crate::triage::filter::{Filter, FilterError};
use crate::triage::view::{Sort, View};
use crate::tui::context::{Context, positions};
use crate::tui::message::{Failed, Input, Message, Outcome};
use crate::tui::theme::Role;
use offers::Offers;

use crate::tui::widget::{
    Cursor, Field, FilterBar, Pane, Piece, Scroll, counted, inside, lines, rows_in,
};

/// Which findings this screen is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    #[default]
    All,
    /// Secrets, misconfigurations, licences, image configuration.
    Hygiene,
}

/// Which pane the keys go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Focus {
    #[default]
    Table,
    Detail,
}

/// The long texts of one finding, or why there are none.
type Texts = Result<Vec<(String, Details)>, Failed>;

/// The state of the screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    scope: Scope,
    field: Field,
    typing: bool,
    /// The text that was there when typing began: Esc goes back to it.
    before: Field,
    error: Option<FilterError>,
    filter: Filter,
    least: Option<Severity>,
    fixable: Option<Fixable>,
    sort: Sort,
    /// The findings shown, by position in the review.
    rows: Vec<u32>,
    /// How many findings this screen is about, and how many more are suppressed.
    total: usize,
    suppressed: usize,
    cursor: Cursor,
    marks: BTreeSet<usize>,
    subject: Option<usize>,
    /// What positions refer to: marks and selection are carried over when this is replaced.
    findings: Arc<Vec<Finding>>,
    menu: Option<Place>,
    hide_detail: bool,
    full: bool,
    focus: Focus,
    scroll: Scroll,
    texts: Option<(usize, Texts)>,
    offers: Offers,
}

/// Where things are. Worked out from the size alone.
struct Panes {
    list: Rect,
    detail: Option<Rect>,
}

impl State {
    /// Returns the screen over some of the findings.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            ..Self::default()
        }
    }

    /// Takes in a changed review, subject or size; the selected finding stays selected.
    pub fn refresh(&mut self, context: &Context<'_>) {
        let mut selected = self.selected();
        if !Arc::ptr_eq(&self.findings, &context.review.findings) {
            selected = selected.and_then(|position| self.moved(position, context));
            let marks = std::mem::take(&mut self.marks);
            self.marks = marks
                .into_iter()
                .filter_map(|position| self.moved(position, context))
                .collect();
            self.findings = Arc::clone(&context.review.findings);
            self.texts = None;
        }
        if self.subject != context.subject {
            self.subject = context.subject;
            self.marks.clear();
            self.texts = None;
            self.full = false;
            self.focus = Focus::Table;
            self.scroll = Scroll::default();
            self.offers = Offers::default();
        }
        self.rebuild(context);
        let again =
            selected.and_then(|chosen| self.rows.iter().position(|row| *row as usize == chosen));
        let row = again.unwrap_or(self.cursor.selected);
        let height = self.height(context);
        self.cursor.select(row, self.rows.len(), height);
    }

    /// Returns where a finding of the review before this one is now.
    fn moved(&self, position: usize, context: &Context<'_>) -> Option<usize> {
        let before = self.findings.get(position)?;
        let same = |now: &Finding| now.key == before.key && now.subject == before.subject;
        context.review.findings.iter().position(same)
    }

    /// Works out which rows are shown.
    fn rebuild(&mut self, context: &Context<'_>) {
        let concerns = |row: &u32| {
            context.finding(*row as usize).is_some_and(|finding| {
                Some(finding.subject as usize) == context.subject
                    && (self.scope == Scope::All || finding.kind != Kind::Vulnerability)
            })
        };
        let all = 0..u32::try_from(context.review.findings.len()).unwrap_or(u32::MAX);
        let suppressed = |row: &u32| {
            context
                .finding(*row as usize)
                .is_some_and(|finding| finding.suppressed_by.is_some())
        };
        self.total = all
            .clone()
            .filter(concerns)
            .filter(|row| !suppressed(row))
            .count();
        self.suppressed = all.filter(concerns).filter(suppressed).count();
        let shown = self.filter.shows_suppressed();
        if shown {
            self.total += self.suppressed;
        }
        let view = View::build(&context.review.index, &self.filter, self.sort);
        self.rows = view
            .rows()
            .iter()
            .copied()
            .filter(|row| concerns(row) && (shown || !suppressed(row)))
            .filter(|row| self.passes(context, *row))
            .collect();
        if self.scope == Scope::Hygiene && self.sort == Sort::default() {
            // By kind, and as they were within one: the sort is stable.
            let group = |row: &u32| {
                context
                    .finding(*row as usize)
                    .map(|one| hygiene::group(one.kind))
            };
            self.rows.sort_by_key(group);
        }
    }

    /// Returns whether a row passes what keys set: the least severity and whether it is fixable.
    fn passes(&self, context: &Context<'_>, row: u32) -> bool {
        context.finding(row as usize).is_some_and(|finding| {
            self.least.is_none_or(|least| finding.severity >= least)
                && self
                    .fixable
                    .is_none_or(|wanted| finding.fix.fixable() == wanted)
        })
    }

    /// Rebuilds the rows after a change of filter or order, keeping the selected finding selected.
    fn refilter(&mut self, context: &Context<'_>) {
        let selected = self.selected();
        self.rebuild(context);
        let again =
            selected.and_then(|chosen| self.rows.iter().position(|row| *row as usize == chosen));
        let height = self.height(context);
        self.cursor
            .select(again.unwrap_or(0), self.rows.len(), height);
        self.scroll = Scroll::default();
    }

    /// Returns the selected finding, by position in the review.
    fn selected(&self) -> Option<usize> {
        self.rows.get(self.cursor.selected).map(|row| *row as usize)
    }

    /// Shows the findings that pass a filter written elsewhere.
    pub fn filter_by(&mut self, text: &str, context: &Context<'_>) {
        self.field = Field::new(text);
        self.typing = false;
        self.read_filter(context);
    }

    /// Reads the filter as typed; where it is none, the rows stay as they are and the error shows.
    fn read_filter(&mut self, context: &Context<'_>) {
        match self.field.text().parse::<Filter>() {
            Ok(filter) => {
                self.error = None;
                self.filter = filter;
                self.refilter(context);
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// Returns the findings that are marked.
    #[must_use]
    pub fn marked(&self, context: &Context<'_>) -> Vec<FindingKey> {
        let found = self.marks.iter().filter_map(|row| context.finding(*row));
        found.map(|finding| finding.key.clone()).collect()
    }

    /// Returns the filter as it is typed.
    #[must_use]
    pub fn filter_text(&self) -> String {
        self.field.text().to_owned()
    }

    /// Marks and filters as an earlier session did; returns how many of the findings are gone.
    pub fn resume(&mut self, marks: &[FindingKey], filter: &str, context: &Context<'_>) -> u64 {
        let found = positions(marks, context);
        self.marks.extend(&found);
        if !filter.is_empty() {
            self.filter_by(filter, context);
        }
        (marks.len().saturating_sub(found.len())) as u64
    }

    /// Returns whose keys hold.
    #[must_use]
    pub fn place(&self) -> Place {
        if self.typing {
            Place::Field
        } else if self.offers.is_open {
            Place::Offers
        } else {
            self.menu.unwrap_or(Place::Findings)
        }
    }

    /// Takes what the person did.
    pub fn handle(&mut self, input: &Input, context: &Context<'_>) -> Vec<Outcome> {
        match input {
            Input::Key(key) => self.type_key(*key, context),
            Input::Paste(text) if self.typing => {
                self.field.insert(text);
                self.read_filter(context);
            }
            Input::Paste(_) => {}
            Input::Action(action) if self.offers.is_open => {
                return self.act_on_offers(*action, context);
            }
            Input::Action(action) if self.menu.is_some() => {
                self.menu = None;
                return self.choose(*action, context);
            }
            Input::Action(action) => return self.act(*action, context),
        }
        Vec::new()
    }

    fn type_key(&mut self, key: Key, context: &Context<'_>) {
        match key.code {
            // A filter that cannot be read is not accepted: it stays to be mended.
            Code::Enter if self.error.is_none() => self.typing = false,
            Code::Enter => {}
            Code::Esc => {
                self.typing = false;
                self.field = self.before.clone();
                self.read_filter(context);
            }
            _ => {
                if self.field.press(key) {
                    self.read_filter(context);
                }
            }
        }
    }

    /// Takes the answer of an effect.
    pub fn receive(&mut self, message: &Message, _context: &Context<'_>) -> Vec<Outcome> {
        if let Message::Recorded(_) = message {
            self.offers.answered();
        }
        match message {
            Message::Details { finding, result } if self.selected() == Some(*finding) => {
                self.texts = Some((*finding, result.clone()));
            }
            Message::Recorded(Ok(_)) => self.marks.clear(),
            _ => {}
        }
        Vec::new()
    }

    fn panes(&self, context: &Context<'_>) -> Panes {
        let area = context.area;
        if self.full {
            return Panes {
                list: Rect { height: 0, ..area },
                detail: Some(area),
            };
        }
        if self.hide_detail || area.width < 80 {
            return Panes {
                list: area,
                detail: None,
            };
        }
        if area.width >= 100 {
            let width = area.width * 34 / 100;
            let list = Rect {
                width: area.width - width,
                ..area
            };
            let detail = Rect {
                x: list.right(),
                width,
                ..area
            };
            return Panes {
                list,
                detail: Some(detail),
            };
        }
        let height = (area.height / 3).clamp(4, 9).min(area.height);
        let list = Rect {
            height: area.height - height,
            ..area
        };
        let detail = Rect {
            y: list.bottom(),
            height,
            ..area
        };
        Panes {
            list,
            detail: Some(detail),
        }
    }

    fn bar(&self, context: &Context<'_>) -> FilterBar<'_> {
        FilterBar {
            theme: context.theme,
            field: &self.field,
            focused: self.typing,
            error: self.error.as_ref().map(|error| {
                (
                    error.column,
                    format!("at `{}`: expected {}", error.found, error.expected),
                )
            }),
        }
    }

    /// Returns how many rows of the table are seen.
    fn height(&self, context: &Context<'_>) -> usize {
        rows_in(self.table_area(context))
    }

    fn table_area(&self, context: &Context<'_>) -> Rect {
        let list = inside(self.panes(context).list, context.bordered());
        let bar = self.bar(context).height().min(list.height);
        let note = u16::try_from(self.note(context, list).len()).unwrap_or(0);
        Rect {
            y: list.y + bar,
            height: (list.height - bar).saturating_sub(note),
            ..list
        }
    }

    /// Draws the screen.
    pub fn view(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let context = &Context { area, ..*context };
        if self.offers.is_open {
            return self.draw_offers(context, buffer);
        }
        let panes = self.panes(context);
        if panes.list.height > 0 {
            let pane = Pane {
                theme: context.theme,
                title: &self.title(context),
                focused: self.focus == Focus::Table,
                bordered: context.bordered(),
            };
            let within = pane.draw(panes.list, buffer);
            self.bar(context).draw(within, buffer);
            let note = self.note(context, within);
            let below = self.table_area(context).bottom();
            let place = Rect {
                y: below,
                height: within.bottom().saturating_sub(below),
                ..within
            };
            lines(context.theme, &note, place, buffer);
            if self.rows.is_empty() {
                self.draw_empty(context, self.table_area(context), buffer);
            } else {
                self.draw_table(context, self.table_area(context), buffer);
            }
        }
        if let Some(place) = panes.detail {
            self.draw_detail(context, place, buffer);
        }
    }

    fn title(&self, context: &Context<'_>) -> Vec<Piece> {
        let name = match self.scope {
            Scope::All => "Findings ",
            Scope::Hygiene => "Hygiene ",
        };
        let count = |number: usize| thousands(number as u64);
        let counts = format!("{}/{}", count(self.rows.len()), count(self.total));
        let mut pieces = vec![
            Piece::new(name, Role::Title),
            Piece::foreign(&counts, Role::Title),
        ];
        if self.scope == Scope::Hygiene {
            pieces.push(Piece::foreign(&self.kinds(context), Role::Dim));
        }
        if let Some(least) = self.least {
            pieces.push(Piece::new("  at least ", Role::Dim));
            pieces.push(Piece::new(least.as_str(), Role::of(least)));
        }
        if let Some(fixable) = self.fixable {
            pieces.push(Piece::new("  fixable ", Role::Dim));
            pieces.push(Piece::new(fixable.as_str(), Role::Text));
        }
        if let Some(from) = context.severity_from.filter(|_| self.scope == Scope::All) {
            let text = format!("  severity from {from}");
            pieces.push(Piece::foreign(&text, Role::Warning));
        }
        if self.sort != Sort::default() {
            pieces.push(Piece::new("  by ", Role::Dim));
            pieces.push(Piece::new(self.sort.column.as_str(), Role::Text));
            pieces.push(Piece::new(
                if self.sort.reverse { " reversed" } else { "" },
                Role::Text,
            ));
        }
        if context.is_loading {
            pieces.push(Piece::new("  still reading", Role::Warning));
        }
        pieces
    }

    /// Returns the line above the keys.
    #[must_use]
    pub fn status(&self, context: &Context<'_>) -> Vec<Piece> {
        if self.offers.is_open {
            return self.offers_status(context);
        }
        if let Some(menu) = self.menu {
            let question = match menu {
                Place::DecisionMenu => " decide about ",
                Place::SortMenu => " sort by …",
                _ => " copy …",
            };
            let mut pieces = vec![Piece::new(question, Role::Title)];
            if menu == Place::DecisionMenu {
                let about = self.targets(context).len();
                let text = counted(about as u64, "finding") + &self.marks_out_of_sight();
                pieces.push(Piece::foreign(&text, Role::Title));
            }
            return pieces;
        }
        let row = if self.rows.is_empty() {
            0
        } else {
            self.cursor.selected + 1
        };
        let text = format!(
            " row {}/{}",
            thousands(row as u64),
            thousands(self.rows.len() as u64)
        );
        let mut pieces = vec![Piece::foreign(&text, Role::Text)];
        if !self.marks.is_empty() {
            let text = format!("  {} marked{}", self.marks.len(), self.marks_out_of_sight());
            pieces.push(Piece::foreign(&text, Role::Text));
        }
        if let Some(standing) = context.standing().filter(|_| self.scope == Scope::All) {
            pieces.push(Piece::new("  ", Role::Text));
            pieces.extend(rows::severity_counts(&standing.summary));
            let fixable = format!(
                "  fixable {}/{}",
                standing.summary.fixable, standing.summary.findings
            );
            pieces.push(Piece::foreign(&fixable, Role::Dim));
        }
        pieces.extend(self.offered(context));
        if self.suppressed > 0 {
            let by = self.suppressed_by(context);
            pieces.push(Piece::foreign(&format!("  {by}"), Role::Dim));
        }
        pieces
    }

    /// Says how many of the marked findings the filter hides: a decision is about them too.
    fn marks_out_of_sight(&self) -> String {
        let shown: BTreeSet<usize> = self.rows.iter().map(|row| *row as usize).collect();
        match self.marks.difference(&shown).count() {
            0 => String::new(),
            hidden => format!(" ({} not shown)", thousands(hidden as u64)),
        }
    }

    /// Says how many findings are suppressed, and by what.
    fn suppressed_by(&self, context: &Context<'_>) -> String {
        let counts = context.review.suppressed_by(context.subject.as_slice());
        let names: Vec<&str> = counts
            .keys()
            .map(|name| name.rsplit('/').next().unwrap_or(name))
            .collect();
        let count = thousands(self.suppressed as u64);
        format!("{count} suppressed by {}", names.join(", "))
    }

    fn focus_next(&mut self, context: &Context<'_>) {
        let has_detail = self.panes(context).detail.is_some() && !self.full;
        self.focus = match self.focus {
            Focus::Table if has_detail => Focus::Detail,
            _ => Focus::Table,
        };
    }

    fn set_menu(&mut self, action: Action) {
        self.menu = match action {
            Action::Decide => Some(Place::DecisionMenu),
            Action::Sort => Some(Place::SortMenu),
            Action::Copy => Some(Place::CopyMenu),
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests;
