//! Scanner against scanner: agreement by severity, the rows, and the reason of every difference.
//!
//! The comparison and its reasons are `triage::compare`'s; here they are listed and worded with the
//! strength they have, together with the context of both scans, without which they mislead.

mod panes;
mod records;
pub mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::keymap::{Action, Place};
use crate::model::{Decision, Finding, Subject};
use crate::text::thousands;
use crate::triage::compare::{Comparison, Row};
use crate::tui::context::Context;
use crate::tui::message::{Effect, Input, Judgement, Message, Notice, Outcome};
use crate::tui::theme::Role;
use crate::tui::widget::{Cursor, Field, Piece, inside, rows_in};

use rows::{Mode, Tally, listed, tallies};

/// The state of the screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    subject: Option<usize>,
    /// The findings the comparisons belong to.
    seen: Option<Arc<Vec<Finding>>>,
    comparisons: Vec<Comparison>,
    shown: usize,
    mode: Mode,
    filter: Field,
    /// The menu that is open.
    menu: Option<Place>,
    typing: bool,
    listed: Vec<usize>,
    tallies: [Tally; 6],
    cursor: Cursor,
    /// Whether the reason takes the whole screen.
    is_open: bool,
    /// The first line of the open reason that is shown.
    scroll: usize,
}

impl State {
    /// Works out the comparisons of the subject in front and keeps the place where it was.
    pub fn refresh(&mut self, context: &Context<'_>) {
        if self.subject != context.subject {
            self.shown = 0;
            self.cursor = Cursor::default();
            self.is_open = false;
            self.seen = None;
        }
        self.subject = context.subject;
        let findings = &context.review.findings;
        // A new size or another verdict changes nothing about what the reports say.
        let known = self.seen.as_ref();
        if !known.is_some_and(|known| Arc::ptr_eq(known, findings)) {
            self.seen = Some(Arc::clone(findings));
            self.comparisons = context
                .subject
                .map(|subject| context.review.comparisons(subject))
                .unwrap_or_default();
        }
        self.shown = self.shown.min(self.comparisons.len().saturating_sub(1));
        self.list(context);
    }

    #[cfg(test)]
    fn with(comparisons: Vec<Comparison>, context: &Context<'_>) -> Self {
        let mut state = Self {
            subject: context.subject,
            comparisons,
            ..Self::default()
        };
        state.list(context);
        state
    }

    fn list(&mut self, context: &Context<'_>) {
        let wanted = self.filter.text().to_lowercase();
        let comparison = self.comparisons.get(self.shown);
        self.tallies = comparison.map(tallies).unwrap_or_default();
        self.listed = comparison.map_or_else(Vec::new, |comparison| {
            let mut positions = listed(comparison, self.mode);
            if !wanted.is_empty() {
                positions.retain(|position| {
                    let row = comparison.rows.get(*position);
                    row.is_some_and(|row| matches(row, &wanted))
                });
            }
            positions
        });
        let (length, height) = (self.listed.len(), self.height(context));
        self.cursor.select(self.cursor.selected, length, height);
    }

    /// Returns whose keys hold.
    #[must_use]
    pub fn place(&self) -> Place {
        if self.typing {
            Place::Field
        } else {
            self.menu.unwrap_or(Place::Compare)
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
        if self.menu.take().is_some() {
            return self.answer(action, context);
        }
        if self.is_open && self.scroll_by(action, context) {
            return Vec::new();
        }
        self.scroll = 0;
        let (length, height) = (self.listed.len(), self.height(context));
        if self.cursor.act(action, length, height) {
            return Vec::new();
        }
        match action {
            Action::Back if self.is_open => self.is_open = false,
            Action::Back if !self.filter.text().is_empty() => self.filter = Field::default(),
            Action::Back => return vec![Message::Back.into()],
            Action::Mode => {
                self.mode = self.mode.next();
                self.cursor = Cursor::default();
            }
            Action::NextPane if !self.comparisons.is_empty() => {
                self.shown = (self.shown + 1) % self.comparisons.len();
                self.cursor = Cursor::default();
            }
            Action::Open => self.is_open = !self.is_open && self.row().is_some(),
            Action::Filter => self.typing = true,
            Action::Clear => self.filter = Field::default(),
            Action::Decide => self.menu = self.row().map(|_| Place::DecisionMenu),
            Action::Copy => self.menu = self.row().map(|_| Place::CopyMenu),
            _ => return Vec::new(),
        }
        self.list(context);
        Vec::new()
    }

    /// Pages through the open reason; the other keys go through the rows.
    fn scroll_by(&mut self, action: Action, context: &Context<'_>) -> bool {
        let page = usize::from(context.area.height / 2).max(1);
        self.scroll = match action {
            Action::PageDown => (self.scroll + page).min(self.furthest(context)),
            Action::PageUp => self.scroll.saturating_sub(page),
            _ => return false,
        };
        true
    }

    /// Takes the answer to a menu.
    fn answer(&self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        let decision = match action {
            Action::AcceptRisk => Decision::AcceptRisk,
            Action::NotAffected => Decision::NotAffected,
            Action::Affected => Decision::Affected,
            Action::FalsePositive => Decision::FalsePositive,
            Action::UnderInvestigation => Decision::UnderInvestigation,
            _ => return self.copy(action, context),
        };
        self.decide(decision, context)
    }

    /// Opens the verdict's form for the finding that the selected row became.
    fn decide(&self, decision: Decision, context: &Context<'_>) -> Vec<Outcome> {
        let (Some(row), Some(subject)) = (self.row(), context.subject) else {
            return Vec::new();
        };
        let findings: Vec<usize> = context
            .review
            .findings_of(subject)
            .filter(|position| {
                context.finding(*position).is_some_and(|finding| {
                    finding.package.name == row.package.name
                        && finding.package.version == row.package.version
                        && finding
                            .ids()
                            .any(|id| *id == row.id || row.aliases.contains(id))
                })
            })
            .collect();
        if findings.is_empty() {
            let why = "this row is no finding of the review: its records are suppressed";
            return vec![Notice::warning(why).into()];
        }
        vec![Message::Judge(Judgement::Findings { findings, decision }).into()]
    }

    fn copy(&self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        let Some(row) = self.row() else {
            return Vec::new();
        };
        let package = row.package.purl.as_ref().map_or_else(
            || format!("{} {}", row.package.name, row.package.version),
            ToString::to_string,
        );
        let why = row.reason.as_ref().map_or("", |reason| &reason.text);
        let digest = || context.subject().and_then(Subject::identity);
        let text = match action {
            Action::CopyId => row.id.to_string(),
            Action::CopyPackage => package,
            Action::CopyLine => format!("{}\t{package}\t{why}", row.id),
            Action::CopyDigest => digest()
                .map(|digest| digest.to_string())
                .unwrap_or_default(),
            _ => return Vec::new(),
        };
        vec![Effect::Copy(text).into()]
    }

    /// Takes the answer of an effect: this screen asks for none.
    pub fn receive(&mut self, _message: &Message, _context: &Context<'_>) -> Vec<Outcome> {
        Vec::new()
    }

    fn comparison(&self) -> Option<&Comparison> {
        self.comparisons.get(self.shown)
    }

    fn row(&self) -> Option<&Row> {
        let position = self.listed.get(self.cursor.selected)?;
        self.comparison()?.rows.get(*position)
    }

    fn height(&self, context: &Context<'_>) -> usize {
        let [_, rows, _] = self.panes(context, context.area);
        rows_in(inside(rows, context.bordered())).max(1)
    }

    /// Returns the areas of agreement, rows and reason. The narrower the screen, the fewer there
    /// are: the reason is opened with Enter then.
    fn panes(&self, context: &Context<'_>, area: Rect) -> [Rect; 3] {
        let (agreement, reason) = match (area.height, context.bordered()) {
            _ if self.is_open => (0, area.height),
            (26.., true) => (9, 8),
            (16.., true) => (1, 7),
            _ => (1, 0),
        };
        Layout::vertical([
            Constraint::Length(agreement),
            Constraint::Min(0),
            Constraint::Length(reason),
        ])
        .areas(area)
    }

    /// Draws the screen.
    pub fn view(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(comparison) = self.comparison() else {
            panes::nothing(context, area, buffer);
            return;
        };
        let [agreement, rows, reason] = self.panes(context, area);
        match agreement.height {
            0 => {}
            1 => panes::scans_in_a_line(comparison, context, agreement, buffer),
            _ => self.view_agreement(comparison, context, agreement, buffer),
        }
        if rows.height > 0 {
            self.view_rows(comparison, context, rows, buffer);
        }
        if reason.height > 0 {
            self.view_reason(comparison, context, reason, buffer);
        }
    }

    /// Returns the line above the keys.
    #[must_use]
    pub fn status(&self, _context: &Context<'_>) -> Vec<Piece> {
        if let Some(menu) = self.menu {
            let asked = if menu == Place::CopyMenu {
                "copy:"
            } else {
                "decide about this finding:"
            };
            return vec![Piece::new(asked, Role::Title)];
        }
        let Some(comparison) = self.comparison() else {
            return Vec::new();
        };
        // Both directions: one advisory of one scanner can equal several of the other's.
        let totals = &comparison.totals;
        let side = |name: &String| {
            format!(
                "{name} {} = {} agreed + {} only",
                thousands(totals.sides.get(name).map_or(0, |side| side.units)),
                thousands(totals.agreed.get(name).copied().unwrap_or(0)),
                thousands(totals.only.get(name).copied().unwrap_or(0)),
            )
        };
        let [left, right] = &comparison.sides;
        let text = format!(
            "{}   {}   sev~ {} fix~ {}",
            side(left),
            side(right),
            thousands(totals.severity_differs),
            thousands(totals.fix_differs),
        );
        vec![Piece::foreign(&text, Role::Text)]
    }
}

fn matches(row: &Row, wanted: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(wanted);
    has(row.id.as_str())
        || row.aliases.iter().any(|id| has(id.as_str()))
        || has(&row.package.name)
        || row
            .reason
            .as_ref()
            .is_some_and(|reason| has(reason.class) || has(&reason.text))
}
