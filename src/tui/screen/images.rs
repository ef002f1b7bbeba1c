//! The images under review, the inputs they were read from, and what needs attention.
//!
//! An input that was not read, or not wholly, is always listed here with the next step.

mod attention;
mod panes;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::{Action, Place};
use crate::model::ImageDecision;
use crate::text::thousands;
use crate::tui::context::Context;
use crate::tui::message::{Effect, Input, Judgement, Message, Notice, Outcome, Tab};
use crate::tui::theme::Role;
use crate::tui::widget::{Cursor, Piece, Scroll, counted, inside, rows_in};

use attention::{Remark, remarks};

/// Which pane the keys go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Focus {
    #[default]
    Images,
    Attention,
    Inputs,
}

/// The state of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    cursor: Cursor,
    focus: Focus,
    attention: Cursor,
    inputs: Scroll,
    remarks: Vec<Remark>,
    menu: Option<Place>,
}

/// Where things are. Worked out from the size alone.
struct Panes {
    images: Rect,
    severities: Option<Rect>,
    inputs: Option<Rect>,
    attention: Rect,
}

impl State {
    /// Takes in a changed review, subject or size.
    pub fn refresh(&mut self, context: &Context<'_>) {
        self.remarks = remarks(context);
        // What needs attention would tell what is covered.
        self.remarks.retain(|remark| {
            remark
                .subject
                .is_none_or(|one| !context.covered.contains(&one))
        });
        let panes = panes_of(context);
        let length = context.review.subjects.len();
        let row = context.subject.unwrap_or(self.cursor.selected);
        self.cursor.select(
            row,
            length,
            rows_in(inside(panes.images, context.bordered())),
        );
        let height = usize::from(inside(panes.attention, context.bordered()).height);
        self.attention
            .select(self.attention.selected, self.remarks.len(), height);
        if self.focus == Focus::Inputs && panes.inputs.is_none() {
            self.focus = Focus::Images;
        }
    }

    /// Returns whose keys hold.
    #[must_use]
    pub fn place(&self) -> Place {
        self.menu.unwrap_or(Place::Images)
    }

    /// Takes what the person did.
    pub fn handle(&mut self, input: &Input, context: &Context<'_>) -> Vec<Outcome> {
        let Input::Action(action) = input else {
            return Vec::new();
        };
        if self.menu.take().is_some() {
            return copied(*action, context).into_iter().collect();
        }
        let panes = panes_of(context);
        let bordered = context.bordered();
        match self.focus {
            Focus::Images => {
                let height = rows_in(inside(panes.images, bordered));
                let length = context.review.subjects.len();
                let before = self.cursor.selected;
                if self.cursor.act(*action, length, height) {
                    let moved = self.cursor.selected != before;
                    let chosen = Message::Subject(self.cursor.selected);
                    return if moved {
                        vec![chosen.into()]
                    } else {
                        Vec::new()
                    };
                }
            }
            Focus::Attention => {
                let height = usize::from(inside(panes.attention, bordered).height);
                if self.attention.act(*action, self.remarks.len(), height) {
                    return Vec::new();
                }
            }
            Focus::Inputs => {
                let height = panes
                    .inputs
                    .map_or(0, |place| inside(place, bordered).height);
                let length = panes::input_count(context);
                if self.inputs.act(*action, length, usize::from(height)) {
                    return Vec::new();
                }
            }
        }
        self.act(*action, context)
    }

    fn act(&mut self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        let has_inputs = panes_of(context).inputs.is_some();
        match action {
            Action::Open => return self.open(context),
            Action::NextPane => {
                self.focus = match self.focus {
                    Focus::Images if has_inputs => Focus::Inputs,
                    Focus::Images | Focus::Inputs => Focus::Attention,
                    Focus::Attention => Focus::Images,
                };
            }
            Action::PreviousPane => {
                self.focus = match self.focus {
                    Focus::Attention if has_inputs => Focus::Inputs,
                    Focus::Attention | Focus::Inputs => Focus::Images,
                    Focus::Images => Focus::Attention,
                };
            }
            Action::Copy => self.menu = Some(Place::CopyMenu),
            Action::Approve | Action::Reject if context.subject.is_none() => {
                return vec![Notice::warning("there is no image to decide about").into()];
            }
            Action::Approve => return judge(ImageDecision::Approve),
            Action::Reject => return judge(ImageDecision::Reject),
            Action::Back if self.focus != Focus::Images => self.focus = Focus::Images,
            Action::Back if context.is_loading => return vec![Effect::CancelOpen.into()],
            Action::Back => return vec![Message::Back.into()],
            _ => {}
        }
        Vec::new()
    }

    fn open(&self, context: &Context<'_>) -> Vec<Outcome> {
        match self.focus {
            Focus::Images if context.subject.is_some() => {
                vec![Message::Show(Tab::Findings).into()]
            }
            Focus::Attention => {
                let remark = self.remarks.get(self.attention.selected);
                let Some(remark) = remark else {
                    return Vec::new();
                };
                let subject = remark
                    .subject
                    .map(|subject| Message::Subject(subject).into());
                let notice = Notice {
                    role: remark.role,
                    text: remark.text.clone(),
                    more: remark.more.clone(),
                };
                subject
                    .into_iter()
                    .chain([Message::Explain(notice).into()])
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Takes the answer of an effect: nothing here asks for one.
    pub fn receive(&mut self, _message: &Message, _context: &Context<'_>) -> Vec<Outcome> {
        Vec::new()
    }

    /// Draws the screen.
    pub fn view(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let context = &Context { area, ..*context };
        let panes = panes_of(context);
        self.draw_images(context, panes.images, buffer);
        if let Some(place) = panes.severities {
            panes::draw_severities(context, place, buffer);
        }
        if let Some(place) = panes.inputs {
            self.draw_inputs(context, place, buffer);
        }
        self.draw_attention(context, panes.attention, buffer);
    }

    /// Returns the line above the keys.
    #[must_use]
    pub fn status(&self, context: &Context<'_>) -> Vec<Piece> {
        if self.menu.is_some() {
            return vec![Piece::new(" copy …", Role::Title)];
        }
        if let Some(progress) = context.loading {
            let text = format!(
                " reading {} of {}: {}",
                progress.done, progress.total, progress.path
            );
            return vec![
                Piece::foreign(&text, Role::Warning),
                Piece::new("  Esc stops", Role::Dim),
            ];
        }
        if context.is_loading {
            return vec![Piece::new(" reading the inputs  Esc stops", Role::Warning)];
        }
        let review = context.review;
        let undecided: u64 = context
            .standings
            .iter()
            .map(|standing| standing.summary.undecided)
            .sum();
        let findings: u64 = context
            .standings
            .iter()
            .map(|standing| standing.summary.findings)
            .sum();
        let text = format!(
            " {}  {}  {} without a verdict  ledger: {}",
            counted(review.subjects.len() as u64, "image"),
            if context.covered.is_empty() {
                counted(findings, "finding")
            } else {
                format!("{} findings", context.cover())
            },
            if context.covered.is_empty() {
                thousands(undecided)
            } else {
                context.cover().to_owned()
            },
            match review.history.len() {
                1 => "1 entry".to_owned(),
                count => format!("{} entries", thousands(count as u64)),
            }
        );
        let mut pieces = vec![Piece::foreign(&text, Role::Text)];
        if !review.failures.is_empty() {
            let inputs = counted(review.failures.len() as u64, "input");
            let text = format!("  {inputs} not read");
            pieces.push(Piece::foreign(&text, Role::Error));
        }
        pieces
    }
}

fn panes_of(context: &Context<'_>) -> Panes {
    let area = context.area;
    let wanted = u16::try_from(context.review.subjects.len())
        .unwrap_or(u16::MAX)
        .max(3);
    let lines = if context.bordered() { 3 } else { 2 };
    let wide = area.width >= 100 && area.height >= 26;
    let most = if wide {
        area.height / 3
    } else {
        area.height / 2
    };
    let images = Rect {
        height: wanted.saturating_add(lines).min(most).min(area.height),
        ..area
    };
    let below = Rect {
        y: images.bottom(),
        height: area.height - images.height,
        ..area
    };
    if !wide {
        return Panes {
            images,
            severities: None,
            inputs: None,
            attention: below,
        };
    }
    let middle = Rect {
        height: 11.min(below.height),
        ..below
    };
    let severities = Rect {
        width: middle.width / 2,
        ..middle
    };
    Panes {
        images,
        severities: Some(severities),
        inputs: Some(Rect {
            x: severities.right(),
            width: middle.width - severities.width,
            ..middle
        }),
        attention: Rect {
            y: middle.bottom(),
            height: below.height - middle.height,
            ..below
        },
    }
}

fn judge(decision: ImageDecision) -> Vec<Outcome> {
    vec![Message::Judge(Judgement::Image(decision)).into()]
}

fn copied(action: Action, context: &Context<'_>) -> Option<Outcome> {
    let subject = context.subject()?;
    let digest = || subject.identity().map(|digest| digest.to_string());
    let text = match action {
        Action::CopyId | Action::CopyPackage => Some(subject.name.clone()),
        Action::CopyDigest => digest(),
        Action::CopyLine => Some(format!(
            "{} {}",
            subject.name,
            digest().unwrap_or_else(|| "no digest".to_owned())
        )),
        _ => None,
    };
    text.map(|text| Effect::Copy(text).into())
}
