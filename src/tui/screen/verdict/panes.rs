//! The panes of the verdict: the choices, the note, and what the verdict applies to.
//!
//! Drawing only.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::keymap::Action;
use crate::model::{JUSTIFICATIONS, Scope};
use crate::text::{Safe, thousands};
use crate::triage::impact::Impact;
use crate::tui::context::Context;
use crate::tui::theme::{Role, letters};
use crate::tui::widget::approval::{role_of, said};
use crate::tui::widget::note_editor::LIMIT;
use crate::tui::widget::{Pane, Piece, Scroll, lines, width_of, wrap};

use super::form::{About, Choice, Field, Form, Sign};
use super::{Saving, State};

/// The columns of a label.
const LABEL: usize = 10;

/// Draws what is said where there is nothing to decide on.
pub(super) fn nothing(context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
    let title = [Piece::new("Verdict", Role::Title)];
    let inner = pane(&title, true, context, area, buffer);
    let text = [vec![Piece::new(
        "There is no image to decide on: start with a report, such as countersign trivy.json",
        Role::Text,
    )]];
    lines(context.theme, &text, inner, buffer);
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

/// Returns radio buttons in lines of at most `width` columns, behind a label.
fn radio(
    label: &'static str,
    options: impl Iterator<Item = (String, bool)>,
    focused: bool,
    width: usize,
) -> Vec<Vec<Piece>> {
    let role = if focused { Role::Key } else { Role::Dim };
    let mut rows = vec![vec![Piece::foreign(&format!("{label:<LABEL$}"), role)]];
    for (text, chosen) in options {
        let mark = if chosen { "(*) " } else { "( ) " };
        let option = [
            Piece::new(mark, if chosen { Role::Title } else { Role::Text }),
            Piece::foreign(&text, if chosen { Role::Title } else { Role::Text }),
            Piece::new("  ", Role::Text),
        ];
        let full = rows
            .last()
            .is_some_and(|row| row.len() > 1 && width_of(row) + width_of(&option) > width);
        if full {
            rows.push(vec![Piece::foreign(&" ".repeat(LABEL), Role::Text)]);
        }
        if let Some(row) = rows.last_mut() {
            row.extend(option);
        }
    }
    rows
}

fn scope_label(scope: Scope, impact: Option<&Impact>) -> String {
    let hits = impact.map_or(0, |impact| impact.findings);
    let name = match scope {
        Scope::Finding => "this finding",
        Scope::Package => "any version here",
        Scope::Repository => "this repository",
        Scope::Everywhere => "everywhere",
    };
    format!("{name}: {}", thousands(hits))
}

/// Returns how many of several findings are listed at once.
pub(super) fn listing(context: &Context<'_>) -> usize {
    let frame = if context.bordered() { 2 } else { 1 };
    usize::from(below(true, frame, context.area.height) - frame - 1)
}

/// Returns the height of the lowest pane. What an approval leaves open, or several findings, are
/// worth more room than an empty note.
fn below(is_long: bool, frame: u16, height: u16) -> u16 {
    match (is_long, height) {
        (_, 26..) => 10,
        (true, 18..) => 9,
        _ => frame + 2,
    }
}

impl State {
    pub(super) fn view_form(
        &self,
        form: &Form,
        context: &Context<'_>,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let frame = if context.bordered() { 2 } else { 1 };
        let width = usize::from(area.width.saturating_sub(frame));
        let (choices, until) = self.choice_lines(form, context, width);
        let top = u16::try_from(choices.len()).unwrap_or(u16::MAX) + frame;
        let is_long = form.about == About::Image || form.count() > 1;
        let below = below(is_long, frame, area.height);
        let [top, note, below] = Layout::vertical([
            Constraint::Length(top),
            Constraint::Min(frame + 1),
            Constraint::Length(below),
        ])
        .areas(area);
        let inner = pane(&title(form), !self.typing, context, top, buffer);
        lines(context.theme, &choices, inner, buffer);
        if let (Some(row), Field::Until) = (
            until.and_then(|row| inner.rows().nth(row)),
            self.focus.unwrap_or(Field::Decision),
        ) {
            let label = u16::try_from(LABEL).unwrap_or(0);
            let place = Rect {
                x: row.x + label,
                width: 12.min(row.width.saturating_sub(label)),
                ..row
            };
            form.until.draw(context.theme, self.typing, place, buffer);
        }
        self.view_note(form, context, note, buffer);
        self.view_below(form, context, below, buffer);
    }

    /// Returns the lines above the note, and which of them holds the end.
    fn choice_lines(
        &self,
        form: &Form,
        context: &Context<'_>,
        width: usize,
    ) -> (Vec<Vec<Piece>>, Option<usize>) {
        let focused = |field| self.focus.unwrap_or(Field::Decision) == field;
        let choices = form.choices();
        let options = choices
            .iter()
            .map(|choice| (choice.label().to_owned(), form.choice == Some(*choice)));
        let mut text = radio("Verdict", options, focused(Field::Decision), width);
        self.problem(Field::Decision, &mut text);
        if form.has_secret() {
            text.push(vec![Piece::new(
                "          a secret is a false positive or has to go",
                Role::Dim,
            )]);
        }
        let mut until = None;
        for field in form.fields() {
            let role = if focused(field) { Role::Key } else { Role::Dim };
            match field {
                Field::Scope => {
                    let options = Scope::ALL
                        .into_iter()
                        .map(|scope| (scope_label(scope, form.impact(scope)), form.scope == scope));
                    text.append(&mut radio("Scope", options, focused(field), width));
                    if let Some(impact) = form.impact(form.scope) {
                        let most = if width < 100 { 2 } else { 4 };
                        text.push(vec![
                            Piece::foreign(&format!("{:<LABEL$}", "Hits"), Role::Dim),
                            Piece::foreign(&impact.text(most), Role::Text),
                        ]);
                    }
                }
                Field::Until => {
                    until = Some(text.len());
                    text.push(until_line(form, role));
                    self.problem(field, &mut text);
                }
                Field::Justification => {
                    let token = form
                        .justification
                        .and_then(|place| JUSTIFICATIONS.get(place))
                        .copied();
                    text.push(vec![
                        Piece::foreign(&format!("{:<LABEL$}", "Because"), role),
                        token.map_or(Piece::new("(none chosen)", Role::Warning), |token| {
                            Piece::new(token, Role::Title)
                        }),
                        Piece::new("   Space: next of five", Role::Dim),
                    ]);
                    self.problem(field, &mut text);
                }
                Field::Sign => {
                    let key = context.prefill.key.as_deref().unwrap_or_default();
                    let options = [
                        (format!("with {key}"), Sign::Yes),
                        ("no".to_owned(), Sign::No),
                    ];
                    let options = options
                        .into_iter()
                        .map(|(text, sign)| (text, form.sign == sign));
                    text.append(&mut radio("Signed", options, focused(field), width));
                }
                Field::Password => {
                    text.push(vec![
                        Piece::foreign(&format!("{:<LABEL$}", "Password"), role),
                        self.password.shown(),
                        Piece::new("  of the key; Enter signs and saves", Role::Dim),
                    ]);
                    self.problem(field, &mut text);
                }
                Field::Decision | Field::Note => {}
            }
        }
        text.push(vec![
            Piece::foreign(&format!("{:<LABEL$}", "Reviewer"), Role::Dim),
            Piece::foreign(context.reviewer, Role::Text),
        ]);
        (text, until)
    }

    /// Adds what is wrong with a field, under it.
    fn problem(&self, field: Field, text: &mut Vec<Vec<Piece>>) {
        for problem in self
            .problems
            .iter()
            .filter(|problem| problem.field == field)
        {
            text.push(vec![
                Piece::foreign(&format!("{:>LABEL$}", "! "), Role::Error),
                Piece::foreign(&problem.text, Role::Error),
            ]);
        }
    }

    fn view_note(&self, form: &Form, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let mut title = vec![
            Piece::new("Reason", Role::Title),
            Piece::foreign(
                &format!(
                    "  {} of {}",
                    thousands(form.note.length() as u64),
                    thousands(LIMIT as u64)
                ),
                if form.note.is_full() {
                    Role::Error
                } else {
                    Role::Dim
                },
            ),
        ];
        if let Some(problem) = self
            .problems
            .iter()
            .find(|problem| problem.field == Field::Note)
        {
            title.push(Piece::new("  ! ", Role::Error));
            title.push(Piece::foreign(&problem.text, Role::Error));
        }
        let writing = self.typing && self.focus == Some(Field::Note);
        let inner = pane(&title, writing, context, area, buffer);
        let style = context.theme.style(Role::Text);
        let cursor = writing.then(|| context.theme.style(Role::Selected));
        form.note.view(style, cursor, inner, buffer);
        if form.note.is_blank() && !writing {
            let text = [vec![Piece::new(
                "e types the reason; it is required",
                Role::Dim,
            )]];
            lines(context.theme, &text, inner, buffer);
        }
    }

    fn view_below(&self, form: &Form, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        if let Saving::Failed(failed) = &self.saving {
            let title = [Piece::new("Not saved; the text above is kept", Role::Error)];
            let inner = pane(&title, false, context, area, buffer);
            let mut text: Vec<Vec<Piece>> = wrap(
                &Safe::limited(&failed.message, 2_000),
                usize::from(inner.width),
            )
            .into_iter()
            .map(|part| vec![Piece::safe(part, Role::Error)])
            .collect();
            for hint in &failed.hints {
                text.push(vec![
                    Piece::new("hint: ", Role::Dim),
                    Piece::foreign(hint, Role::Text),
                ]);
            }
            // Of several findings, those that are still without this verdict.
            let left = usize::from(inner.height).saturating_sub(text.len());
            if form.count() > 1 && left > 0 {
                text.extend(finding_lines(form, context, left, self.listed));
            }
            lines(context.theme, &text, inner, buffer);
            return;
        }
        let title = [Piece::new("Applies to", Role::Title)];
        let inner = pane(&title, false, context, area, buffer);
        let text = match &form.about {
            About::Findings(_) => {
                finding_lines(form, context, usize::from(inner.height), self.listed)
            }
            About::Image => image_lines(form, context),
        };
        lines(context.theme, &text, inner, buffer);
    }
}

fn title(form: &Form) -> Vec<Piece> {
    let about = match &form.about {
        About::Image => "whole image".to_owned(),
        About::Findings(positions) if positions.len() == 1 => "1 finding".to_owned(),
        About::Findings(positions) => format!("{} findings", thousands(positions.len() as u64)),
    };
    vec![
        Piece::new("Verdict  ", Role::Title),
        Piece::foreign(&about, Role::Text),
    ]
}

fn until_line(form: &Form, role: Role) -> Vec<Piece> {
    let limit = form.latest().map_or_else(
        || "no limit by policy".to_owned(),
        |latest| format!("at most {latest} (policy)"),
    );
    vec![
        Piece::foreign(&format!("{:<LABEL$}", "Until"), role),
        Piece::foreign(&format!("{:<12}", form.until.text()), Role::Text),
        Piece::foreign(&format!("  date or fixed; {limit}"), Role::Dim),
    ]
}

/// Returns the findings, the severest first, and how many more there are.
fn finding_lines(
    form: &Form,
    context: &Context<'_>,
    height: usize,
    listed: Scroll,
) -> Vec<Vec<Piece>> {
    let count = form.count();
    let room = if count <= height {
        height
    } else {
        height.saturating_sub(1)
    };
    let first = listed.0.min(count.saturating_sub(room));
    let positions = match &form.about {
        About::Findings(positions) => positions.as_slice(),
        About::Image => &[],
    };
    let mut text: Vec<Vec<Piece>> = positions
        .iter()
        .skip(first)
        .filter_map(|position| Some((context.finding(*position)?, context.offer(*position))))
        .take(room)
        .map(|(finding, offer)| {
            let mut row = vec![
                Piece::foreign(
                    &format!("{:<4}", letters(finding.severity)),
                    Role::of(finding.severity),
                ),
                Piece::foreign(finding.id.as_str(), Role::Text),
                Piece::foreign(
                    &format!("  {} {}", finding.package.name, finding.package.version),
                    Role::Text,
                ),
            ];
            if let Some(offer) = offer {
                let decision = offer.verdict.decision.as_str();
                let text = format!("  o carries {decision} over: {}", offer.changed_here());
                row.push(Piece::foreign(&text, Role::Warning));
            }
            row
        })
        .collect();
    if count > room {
        let key = |action| {
            let keys = context.keymap.keys(action);
            keys.first().map(ToString::to_string).unwrap_or_default()
        };
        let more = format!(
            "{}-{} of {}; {} and {} show the others",
            thousands(first as u64 + 1),
            thousands((first + room) as u64),
            thousands(count as u64),
            key(Action::PageDown),
            key(Action::PageUp),
        );
        text.push(vec![Piece::foreign(&more, Role::Dim)]);
    } else if text.len() < height {
        text.push(vec![Piece::new(
            "stale as soon as severity, fix or version changes",
            Role::Dim,
        )]);
    }
    text
}

/// Returns the image with its digest, and what an approval would leave as it is.
fn image_lines(form: &Form, context: &Context<'_>) -> Vec<Vec<Piece>> {
    let Some(subject) = context.review.subjects.get(form.subject) else {
        return Vec::new();
    };
    let mut text = vec![vec![match subject.identity() {
        Some(digest) => Piece::foreign(&digest.to_string(), Role::Text),
        None => Piece::new(
            "no digest is known: an approval cannot be bound to this image",
            Role::Error,
        ),
    }]];
    if let Some(standing) = context.standing() {
        let summary = &standing.summary;
        let open = standing.gate.open;
        let said = format!(
            "{} findings, {} undecided; the gate is {}",
            thousands(summary.findings),
            thousands(summary.undecided),
            if open { "open" } else { "closed" }
        );
        text.push(vec![Piece::foreign(
            &said,
            if open { Role::Good } else { Role::Warning },
        )]);
        if form.choice == Some(Choice::Image(crate::model::ImageDecision::Approve)) {
            for blocker in &standing.gate.blockers {
                text.push(vec![
                    Piece::new("[xx] ", Role::Error),
                    Piece::foreign(&blocker.text, Role::Text),
                ]);
            }
        }
    }
    for approval in context.review.approval_views(form.subject) {
        text.push(vec![Piece::foreign(&said(&approval), role_of(&approval))]);
    }
    text.push(vec![Piece::new(
        "stale as soon as digest, policy or the findings left or excused change",
        Role::Dim,
    )]);
    text
}
