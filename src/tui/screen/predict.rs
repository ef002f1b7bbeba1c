//! The prediction before the first look: what is expected of an image whose counts are covered.
//!
//! Which images are covered is the console's to know; how a prediction came out is
//! `triage::prediction`'s work.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::{Code, Key, Place};
use crate::model::Subject;
use crate::triage::prediction::{Expectation, Prediction, Score};
use crate::tui::context::Context;
use crate::tui::message::{Effect, Failed, Input, Message, Notice, Outcome, Tab};
use crate::tui::theme::Role;
use crate::tui::widget::{Field, Pane, Piece, line, lines};

/// The word that looks without predicting.
const SKIP: &str = "skip";

/// The state of the form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    field: Field,
    problem: Option<String>,
    saving: bool,
}

impl State {
    /// Returns whose keys hold.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::Field
    }

    /// Takes what the person did.
    pub fn handle(&mut self, input: &Input, context: &Context<'_>) -> Vec<Outcome> {
        match input {
            Input::Key(key) => self.key(*key, context),
            Input::Paste(text) if !self.saving => {
                self.field.insert(text);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn key(&mut self, key: Key, context: &Context<'_>) -> Vec<Outcome> {
        match key.code {
            Code::Esc => vec![Message::Show(Tab::Images).into()],
            _ if self.saving => Vec::new(),
            Code::Enter => self.enter(context),
            _ => {
                self.field.press(key);
                self.problem = None;
                Vec::new()
            }
        }
    }

    fn enter(&mut self, context: &Context<'_>) -> Vec<Outcome> {
        let Some(subject) = context.subject() else {
            return Vec::new();
        };
        let text = self.field.text().trim();
        if text.eq_ignore_ascii_case(SKIP) {
            *self = Self::default();
            return vec![Message::Uncover.into()];
        }
        if let Some(problem) = &context.review.ledger_problem {
            self.problem = Some(format!("the ledger is read-only: {problem}"));
            return Vec::new();
        }
        let words = text.split(|between: char| between.is_whitespace() || between == ',');
        let expect: Result<Vec<Expectation>, _> = words
            .filter(|word| !word.is_empty())
            .map(str::parse::<Expectation>)
            .collect();
        match expect {
            Ok(expect) if expect.is_empty() => {
                self.problem = Some("nothing is predicted yet".to_owned());
                Vec::new()
            }
            Ok(expect) => {
                self.saving = true;
                let image = named(subject);
                vec![Effect::Predict(Prediction { image, expect }).into()]
            }
            Err(error) => {
                self.problem = Some(error.to_string());
                Vec::new()
            }
        }
    }

    /// Takes the answer about a prediction: the text stays where it was not recorded.
    pub fn answered(&mut self, problem: Option<&Failed>) {
        self.saving = false;
        match problem {
            Some(failed) => self.problem = Some(failed.message.clone()),
            None => *self = Self::default(),
        }
    }

    /// Draws the form.
    pub fn view(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let pane = Pane {
            theme: context.theme,
            title: &[Piece::new("Predict before the first look", Role::Title)],
            focused: true,
            bordered: context.bordered(),
        };
        let within = pane.draw(area, buffer);
        let name = context.subject().map_or("", |subject| &subject.name);
        let text = [
            vec![
                Piece::new("What the scans say of ", Role::Text),
                Piece::foreign(name, Role::Title),
                Piece::new(" is covered.", Role::Text),
            ],
            vec![Piece::new(
                "How many do you expect? WHAT=NUMBER, as many as you like:",
                Role::Text,
            )],
            vec![Piece::new(
                "fixable-critical=0 fixable-high=3 secrets=0",
                Role::Dim,
            )],
            Vec::new(),
            vec![Piece::new(">", Role::Key)],
            match &self.problem {
                Some(problem) => vec![
                    Piece::new("! ", Role::Error),
                    Piece::foreign(problem, Role::Error),
                ],
                None => Vec::new(),
            },
            vec![Piece::new(
                "It goes on the ledger before anything is shown, and the report scores it.",
                Role::Dim,
            )],
        ];
        lines(context.theme, &text, within, buffer);
        if let Some(row) = within.rows().nth(4) {
            let place = Rect {
                x: row.x + 2.min(row.width),
                width: row.width.saturating_sub(2),
                ..row
            };
            self.field.draw(context.theme, !self.saving, place, buffer);
        }
        if within.height == 0 {
            line(
                context.theme,
                &[Piece::new("too small", Role::Warning)],
                area,
                buffer,
            );
        }
    }

    /// Returns the line above the keys.
    #[must_use]
    pub fn status(&self) -> Vec<Piece> {
        let text = if self.saving {
            " recording …"
        } else {
            " Enter records and uncovers; the word skip uncovers without predicting; Esc: images"
        };
        vec![Piece::new(text, Role::Text)]
    }
}

/// Returns what a prediction calls an image: its digest where there is one, so that another build of
/// that name stays covered.
fn named(subject: &Subject) -> String {
    let by_digest = subject.repo_digests.first();
    by_digest.unwrap_or(&subject.name).clone()
}

/// Says how a prediction came out.
#[must_use]
pub fn revealed(scores: &[Score]) -> Notice {
    let one = |score: &Score| {
        let met = match score.difference() {
            0 => "as predicted".to_owned(),
            more @ 1.. => format!("{more} more"),
            less => format!("{} fewer", -less),
        };
        let what = score.what.to_string();
        format!(
            "{what:<18} predicted {:<6} found {:<6} {met}",
            score.expected, score.found
        )
    };
    Notice::good("Predicted and found").with(scores.iter().map(one).collect())
}
