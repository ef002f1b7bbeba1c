//! The calendar: which accepted risks end when, over all images of the ledger.
//!
//! When a risk ends is worked out in `triage::calendar`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::Action;
use crate::model::{Recorded, Until, Verdict, VulnerabilityId};
use crate::text::thousands;
use crate::triage::calendar::{Due, Ending, calendar};
use crate::tui::context::Context;
use crate::tui::theme::Role;
use crate::tui::widget::{Column, Cursor, DataTable, Piece, Row, inside, lines, rows_in};

/// The calendar as it was when the ledger was last read.
#[derive(Clone, Debug, Default)]
pub(super) struct Calendar {
    /// Whether it is in front.
    pub(super) is_open: bool,
    endings: Vec<Ending>,
    cursor: Cursor,
}

impl Calendar {
    /// Takes in the verdicts of the ledger.
    pub(super) fn take_in(&mut self, verdicts: &[(Recorded, Verdict)], context: &Context<'_>) {
        self.endings = calendar(verdicts, &context.review.policy, context.now);
        let (length, height) = (self.endings.len(), height(context));
        self.cursor.select(self.cursor.selected, length, height);
    }

    /// Moves; returns whether `action` was a movement.
    pub(super) fn moves(&mut self, action: Action, context: &Context<'_>) -> bool {
        self.cursor.act(action, self.endings.len(), height(context))
    }

    /// Returns the entry of the selected risk.
    pub(super) fn selected(&self) -> Option<u64> {
        let ending = self.endings.get(self.cursor.selected)?;
        Some(ending.recorded.entry)
    }

    /// Returns the line above the keys.
    pub(super) fn status(&self) -> Piece {
        let reason = self
            .endings
            .get(self.cursor.selected)
            .map_or("", |ending| &ending.verdict.reason);
        Piece::foreign(reason, Role::Text)
    }

    fn title(&self) -> Vec<Piece> {
        let mut title = vec![Piece::new("Accepted risks", Role::Title)];
        for due in Due::ALL {
            let count = self.endings.iter().filter(|one| one.due == due).count();
            if count > 0 {
                let count = thousands(count as u64);
                let text = format!("  {count} {}", due.within());
                title.push(Piece::foreign(&text, role_of(due)));
            }
        }
        title
    }

    /// Draws it.
    pub(super) fn draw(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let inner = super::pane(&self.title(), true, context, area, buffer);
        if self.endings.is_empty() {
            let text = [
                Vec::new(),
                vec![Piece::new("   no accepted risk has an end", Role::Dim)],
            ];
            lines(context.theme, &text, inner, buffer);
            return;
        }
        let wide = inner.width >= 100;
        let mut columns = vec![
            Column::fixed("WITHIN", 11),
            Column::fixed("UNTIL", 10),
            Column::number("DAYS", 4),
            Column::fixed("ID", 16),
            Column::share("PACKAGE", 8, 1),
            Column::share("IMAGE", 8, 1),
        ];
        if wide {
            columns.push(Column::share("WHO", 8, 1));
            columns.push(Column::number("#", 5));
        }
        let row = |place: usize| {
            let ending = self.endings.get(place);
            Row {
                mark: Piece::new(" ", Role::Text),
                cells: ending.map_or_else(Vec::new, |ending| cells(ending, wide)),
            }
        };
        let table = DataTable {
            theme: context.theme,
            columns: &columns,
            length: self.endings.len(),
            cursor: self.cursor,
            focused: true,
            row: &row,
        };
        table.draw(inner, buffer);
    }
}

fn height(context: &Context<'_>) -> usize {
    rows_in(inside(context.area, context.bordered())).max(1)
}

fn role_of(due: Due) -> Role {
    match due {
        Due::Over => Role::Error,
        Due::Week => Role::Warning,
        Due::Month | Due::Quarter | Due::Later | Due::UntilFixed => Role::Text,
    }
}

fn cells(ending: &Ending, wide: bool) -> Vec<Piece> {
    let verdict = &ending.verdict;
    let role = role_of(ending.due);
    // Until a fix, or when the policy ends it.
    let until = match (verdict.until, ending.end) {
        (Some(Until::Fixed) | None, Some(end)) => end.format("%Y-%m-%d").to_string(),
        (Some(until), _) => until.to_string(),
        (None, None) => String::new(),
    };
    let days = ending.days.map(|days| days.to_string());
    let id = verdict.finding.ids.first();
    let package = &verdict.finding.package;
    let mut cells = vec![
        Piece::new(ending.due.label(), role),
        Piece::foreign(&until, role),
        Piece::foreign(&days.unwrap_or_default(), role),
        Piece::foreign(id.map_or("", VulnerabilityId::as_str), Role::Text),
        Piece::foreign(&format!("{} {}", package.name, package.version), Role::Text),
        Piece::foreign(&verdict.subject.name, Role::Text),
    ];
    if wide {
        cells.push(Piece::foreign(&ending.recorded.reviewer, Role::Dim));
        cells.push(Piece::foreign(&thousands(ending.recorded.entry), Role::Dim));
    }
    cells
}
