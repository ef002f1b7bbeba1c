//! The offers: earlier verdicts that do not hold here, looked through and carried over.
//!
//! What is offered is worked out in `triage::carry`; nothing is saved before the ledger says so.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::keymap::Action;
use crate::model::Kind;
use crate::review::DecideRequest;
use crate::text::{Safe, thousands};
use crate::triage::carry::Offer;
use crate::tui::context::Context;
use crate::tui::message::{Effect, Notice, Outcome};
use crate::tui::theme::Role;
use crate::tui::widget::{
    Column, Cursor, DataTable, Pane, Piece, Row, counted, inside, labelled, lines, rows_in,
};

use super::rows::severity;
use super::{Scope, State};

const COLUMNS: &[Column] = &[
    Column::fixed("SEV", 3),
    Column::fixed("ID", 19),
    Column::share("PACKAGE", 10, 2),
    Column::fixed("DECISION", 14),
    Column::share("CHANGED", 12, 4),
];

/// The earlier verdicts being looked through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offers {
    /// Whether they are in front.
    pub(super) is_open: bool,
    cursor: Cursor,
    /// Whether it was asked if all shall be carried over.
    asked: bool,
    /// Whether some are on their way to the ledger.
    saving: bool,
}

impl Offers {
    /// The ledger took what was on its way, or refused it.
    pub(super) fn answered(&mut self) {
        self.saving = false;
        self.asked = false;
    }
}

impl State {
    /// Returns the offers on the findings of this screen, in the review's order.
    fn all_offers<'a>(&self, context: &Context<'a>) -> Vec<&'a Offer> {
        let Some(subject) = context.subject else {
            return Vec::new();
        };
        let concerns = |offer: &&Offer| {
            let finding = context.finding(offer.finding);
            self.scope == Scope::All
                || finding.is_some_and(|finding| finding.kind != Kind::Vulnerability)
        };
        context.review.offers_of(subject).filter(concerns).collect()
    }

    /// Says how many are offered, where some are.
    pub(super) fn offered(&self, context: &Context<'_>) -> Option<Piece> {
        let count = self.all_offers(context).len() as u64;
        let key = context.keymap.keys(Action::Offers).first()?;
        let text = format!("  {} offered: {key}", counted(count, "earlier verdict"));
        (count > 0).then(|| Piece::foreign(&text, Role::Warning))
    }

    /// Shows the offers.
    pub(super) fn open_offers(&mut self, context: &Context<'_>) -> Vec<Outcome> {
        let offers = self.all_offers(context);
        if offers.is_empty() {
            return vec![Notice::good("no earlier verdict is offered on this image").into()];
        }
        let selected = self.selected();
        let here = offers
            .iter()
            .position(|offer| Some(offer.finding) == selected);
        let height = list_height(context);
        self.offers.is_open = true;
        self.offers
            .cursor
            .select(here.unwrap_or(0), offers.len(), height);
        Vec::new()
    }

    /// Takes a verb while the offers are in front.
    pub(super) fn act_on_offers(&mut self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        let offers = self.all_offers(context);
        let asked = std::mem::take(&mut self.offers.asked);
        if self
            .offers
            .cursor
            .act(action, offers.len(), list_height(context))
        {
            return Vec::new();
        }
        match action {
            Action::Back | Action::Offers => self.offers.is_open = false,
            Action::CarryOver => {
                let offer = offers.get(self.offers.cursor.selected);
                let chosen: Vec<usize> = offer.map(|offer| offer.finding).into_iter().collect();
                return self.carry_over(&chosen, context);
            }
            Action::Save if asked => {
                let all: Vec<usize> = offers.iter().map(|offer| offer.finding).collect();
                return self.carry_over(&all, context);
            }
            Action::Save => self.offers.asked = !offers.is_empty() && !self.offers.saving,
            _ => {}
        }
        Vec::new()
    }

    /// Asks for what is offered on these findings to be recorded.
    pub(super) fn carry_over(&mut self, findings: &[usize], context: &Context<'_>) -> Vec<Outcome> {
        let offered = |position: &usize| context.offer(*position).is_some();
        let chosen: Vec<usize> = findings.iter().copied().filter(offered).collect();
        let Some(subject) = context.subject.filter(|_| !self.offers.saving) else {
            return Vec::new();
        };
        if chosen.is_empty() {
            return vec![Notice::warning("no earlier verdict is offered here").into()];
        }
        if let Some(problem) = &context.review.ledger_problem {
            let text = format!("the ledger is read-only: {problem}");
            return vec![Notice::error(text).into()];
        }
        self.offers.saving = true;
        let (reviewer, clock) = (context.reviewer, context.clock);
        let request = DecideRequest::carry_over(subject, chosen, reviewer, clock);
        vec![Effect::Record(request).into()]
    }

    /// Draws the offers, and the selected one in full below them.
    pub(super) fn draw_offers(&self, context: &Context<'_>, buffer: &mut Buffer) {
        let offers = self.all_offers(context);
        let [list, below] = areas(context);
        let title = [Piece::foreign(
            &format!(
                "Earlier verdicts offered {}",
                thousands(offers.len() as u64)
            ),
            Role::Title,
        )];
        let pane = |title, focused| Pane {
            theme: context.theme,
            title,
            focused,
            bordered: context.bordered(),
        };
        let inner = pane(&title, true).draw(list, buffer);
        let row = |place: usize| {
            let offer = offers.get(place);
            let cells = offer.map_or_else(Vec::new, |offer| cells(offer, context));
            Row {
                mark: Piece::new(" ", Role::Text),
                cells,
            }
        };
        let mut cursor = self.offers.cursor;
        cursor.select(cursor.selected, offers.len(), rows_in(inner));
        let table = DataTable {
            theme: context.theme,
            columns: COLUMNS,
            length: offers.len(),
            cursor,
            focused: true,
            row: &row,
        };
        table.draw(inner, buffer);
        let Some(offer) = offers.get(cursor.selected) else {
            let all = vec![Piece::new("   all are carried over", Role::Dim)];
            let text = [Vec::new(), all];
            lines(context.theme, &text, inner, buffer);
            return;
        };
        let id = context
            .finding(offer.finding)
            .map_or("", |finding| finding.id.as_str());
        let title = [Piece::foreign(&format!("Offer {id}"), Role::Title)];
        let inner = pane(&title, false).draw(below, buffer);
        let mut text = offer_lines(offer, usize::from(inner.width));
        let note = "carried over it holds for this finding on this image; its end stays";
        let width = usize::from(inner.width);
        text.extend(labelled("", &Safe::new(note), Role::Dim, width));
        lines(context.theme, &text, inner, buffer);
    }

    /// Returns the line above the keys while the offers are in front.
    pub(super) fn offers_status(&self, context: &Context<'_>) -> Vec<Piece> {
        let count = self.all_offers(context).len() as u64;
        let key = |action| {
            let key = context.keymap.keys(action).first();
            key.map(ToString::to_string).unwrap_or_default()
        };
        let (one, all) = (key(Action::CarryOver), key(Action::Save));
        if self.offers.saving {
            return vec![Piece::new("saving …", Role::Text)];
        }
        if self.offers.asked {
            let verdicts = counted(count, "verdict");
            let text = format!(
                "carry {verdicts} over? {all} again records them; any other key leaves them"
            );
            return vec![Piece::foreign(&text, Role::Warning)];
        }
        let text = format!("{one} carries this one over, {all} all of them");
        vec![Piece::foreign(&text, Role::Text)]
    }
}

/// Returns where the list and the selected offer are.
fn areas(context: &Context<'_>) -> [Rect; 2] {
    let below = match context.area.height {
        26.. => 14,
        16.. => 9,
        _ => 0,
    };
    Layout::vertical([Constraint::Min(3), Constraint::Length(below)]).areas(context.area)
}

fn list_height(context: &Context<'_>) -> usize {
    let [list, _] = areas(context);
    rows_in(inside(list, context.bordered())).max(1)
}

fn cells(offer: &Offer, context: &Context<'_>) -> Vec<Piece> {
    let Some(finding) = context.finding(offer.finding) else {
        return Vec::new();
    };
    vec![
        severity(finding.severity),
        Piece::foreign(finding.id.as_str(), Role::Text),
        Piece::foreign(
            &format!("{} {}", finding.package.name, finding.package.version),
            Role::Text,
        ),
        Piece::new(offer.verdict.decision.as_str(), Role::Text),
        Piece::foreign(&offer.changed_here(), Role::Warning),
    ]
}

/// Returns an offer in full: what was decided, by whom, and what is not as it was.
fn offer_lines(offer: &Offer, width: usize) -> Vec<Vec<Piece>> {
    let verdict = &offer.verdict;
    let until = verdict.until.map(|until| format!(" until {until}"));
    let said = format!(
        "{}{}: {}",
        verdict.decision.as_str(),
        until.unwrap_or_default(),
        verdict.reason
    );
    let said = Safe::limited(&said, 1_000);
    let mut text = labelled("Offered", &said, Role::Text, width);
    let by = format!(
        "entry {} of {}, {}",
        thousands(offer.recorded.entry),
        offer.recorded.reviewer,
        offer.recorded.time.format("%Y-%m-%d")
    );
    text.extend(labelled("", &Safe::limited(&by, 512), Role::Dim, width));
    for difference in &offer.differences {
        let changed = Safe::limited(&difference.to_string(), 1_000);
        text.extend(labelled("Changed", &changed, Role::Warning, width));
    }
    text
}

/// Returns what is offered on a finding as the first lines of its detail; none where nothing is.
pub(super) fn detail_lines(
    context: &Context<'_>,
    position: usize,
    width: usize,
) -> Vec<Vec<Piece>> {
    let Some(offer) = context.offer(position) else {
        return Vec::new();
    };
    let verdict = &offer.verdict;
    let until = verdict.until.map(|until| format!(" until {until}"));
    let said = format!(
        "{}{}; changed: {}",
        verdict.decision.as_str(),
        until.unwrap_or_default(),
        offer.changed_here()
    );
    let said = Safe::limited(&said, 1_000);
    let mut text = labelled("Offered", &said, Role::Warning, width);
    let key = context.keymap.keys(Action::CarryOver).first();
    let by = format!(
        "{} carries it over: entry {} of {}: {}",
        key.map(ToString::to_string).unwrap_or_default(),
        thousands(offer.recorded.entry),
        offer.recorded.reviewer,
        verdict.reason
    );
    text.extend(labelled("", &Safe::limited(&by, 2_000), Role::Text, width));
    text
}

#[cfg(test)]
mod tests;
