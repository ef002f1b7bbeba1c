//! The components of an SBOM: tree or list, each with its findings.
//!
//! What depends on what, and which finding belongs where, is `triage::components`'s; here it is
//! folded, filtered and drawn.

mod panes;
pub mod rows;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::keymap::{Action, Place};
use crate::model::{Component, Finding, Sbom, Severity};
use crate::text::thousands;
use crate::triage::components::Components;
use crate::tui::context::Context;
use crate::tui::message::{Effect, Input, Message, Outcome};
use crate::tui::theme::Role;
use crate::tui::widget::{Cursor, Field, Piece, Scroll, inside, rows_in};

use rows::Listed;

/// How the components are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shape {
    /// As they depend on each other.
    #[default]
    Tree,
    /// By name.
    Flat,
    /// By licence.
    Licences,
}

/// The state of the screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    subject: Option<usize>,
    /// The findings the rest was worked out with.
    seen: Option<Arc<Vec<Finding>>>,
    /// Which of the subject's SBOMs is shown.
    shown: usize,
    sbom: Option<Arc<Sbom>>,
    components: Components,
    /// The subject's findings, by position in the review: what `components` counts by.
    findings: Vec<usize>,
    shape: Shape,
    folded: BTreeSet<usize>,
    listed: Vec<Listed>,
    filter: Field,
    typing: bool,
    is_copying: bool,
    cursor: Cursor,
    /// Whether the detail takes the whole screen, and how far it is scrolled.
    is_open: bool,
    scroll: Scroll,
}

impl State {
    /// Takes in the SBOMs of the subject in front and keeps the place where it was.
    pub fn refresh(&mut self, context: &Context<'_>) {
        if self.subject != context.subject {
            *self = Self {
                subject: context.subject,
                ..Self::default()
            };
        }
        let known = self.seen.as_ref();
        if !known.is_some_and(|known| Arc::ptr_eq(known, &context.review.findings)) {
            self.seen = Some(Arc::clone(&context.review.findings));
            self.build(context);
        }
        self.list(context);
    }

    /// Works out tree and findings of the SBOM that is shown.
    fn build(&mut self, context: &Context<'_>) {
        let sboms = context.subject().map_or(&[][..], |subject| &subject.sboms);
        self.shown = self.shown.min(sboms.len().saturating_sub(1));
        let sbom = sboms
            .get(self.shown)
            .and_then(|(position, _)| context.review.sboms.get(*position));
        self.findings = context
            .subject
            .map(|subject| context.review.findings_of(subject).collect())
            .unwrap_or_default();
        let findings: Vec<&Finding> = self
            .findings
            .iter()
            .filter_map(|position| context.finding(*position))
            .collect();
        self.components = sbom
            .map(|sbom| Components::build(sbom, &findings))
            .unwrap_or_default();
        self.sbom = sbom.cloned();
    }

    fn list(&mut self, context: &Context<'_>) {
        let here = self.selected();
        self.listed = match (&self.sbom, self.shape) {
            (None, _) => Vec::new(),
            (Some(sbom), shape) if !self.filter.text().is_empty() => rows::filtered(
                sbom,
                &self.filter.text().to_lowercase(),
                shape == Shape::Licences,
            ),
            (Some(_), Shape::Tree) => rows::tree(&self.components, &self.folded),
            (Some(sbom), Shape::Flat) => rows::flat(sbom, false),
            (Some(sbom), Shape::Licences) => rows::flat(sbom, true),
        };
        // The row that was selected stays selected, or another place of the same component is.
        let again = here.and_then(|here| {
            let same =
                |listed: &&Listed| listed.tree == here.tree && listed.component == here.component;
            let exact = self.listed.iter().position(|listed| same(&listed));
            exact.or_else(|| {
                self.listed
                    .iter()
                    .position(|listed| listed.component == here.component)
            })
        });
        let (length, height) = (self.listed.len(), self.height(context));
        let row = again.unwrap_or(self.cursor.selected);
        self.cursor.select(row, length, height);
    }

    /// Returns whose keys hold.
    #[must_use]
    pub fn place(&self) -> Place {
        if self.typing {
            Place::Field
        } else if self.is_copying {
            Place::CopyMenu
        } else {
            Place::Components
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
            Action::Back if !self.filter.text().is_empty() => self.filter = Field::default(),
            Action::Back => return vec![Message::Back.into()],
            Action::Tree => {
                self.shape = if self.shape == Shape::Tree {
                    Shape::Flat
                } else {
                    Shape::Tree
                };
            }
            Action::Licences => {
                self.shape = if self.shape == Shape::Licences {
                    Shape::Tree
                } else {
                    Shape::Licences
                };
            }
            Action::Left => self.fold(context),
            Action::Right => self.unfold(context),
            Action::Open => return self.open(),
            Action::Filter => self.typing = true,
            Action::Clear => self.filter = Field::default(),
            Action::Copy => self.is_copying = self.component().is_some(),
            Action::NextPane => {
                let count = context.subject().map_or(0, |subject| subject.sboms.len());
                if count > 1 {
                    self.shown = (self.shown + 1) % count;
                    self.folded.clear();
                    self.cursor = Cursor::default();
                    self.build(context);
                }
            }
            _ => return Vec::new(),
        }
        self.list(context);
        Vec::new()
    }

    /// Shows the detail in full; once it is, the findings of the component.
    fn open(&mut self) -> Vec<Outcome> {
        if !self.is_open {
            self.is_open = self.component().is_some();
            self.scroll = Scroll::default();
            return Vec::new();
        }
        let name = self
            .component()
            .map(|component| component.package.name.clone())
            .filter(|name| !name.is_empty() && !name.contains(char::is_whitespace));
        name.map(|name| Message::Filter(format!("pkg:{name}")).into())
            .into_iter()
            .collect()
    }

    fn fold(&mut self, context: &Context<'_>) {
        let Some(Listed {
            tree: Some(tree),
            descendants,
            ..
        }) = self.selected()
        else {
            return;
        };
        if descendants > 0 && self.folded.insert(tree) {
            return;
        }
        // Folded already, or nothing to fold: up to the row it hangs under.
        let above = rows::parent(&self.components, tree);
        let row = self.listed.iter().position(|listed| listed.tree == above);
        if let (Some(row), true) = (row, above.is_some()) {
            let (length, height) = (self.listed.len(), self.height(context));
            self.cursor.select(row, length, height);
        }
    }

    fn unfold(&mut self, context: &Context<'_>) {
        let Some(Listed {
            tree: Some(tree),
            descendants,
            ..
        }) = self.selected()
        else {
            return;
        };
        if !self.folded.remove(&tree) && descendants > 0 {
            let (length, height) = (self.listed.len(), self.height(context));
            self.cursor.select(self.cursor.selected + 1, length, height);
        }
    }

    fn copy(&self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        let Some(package) = self.component().map(|component| &component.package) else {
            return Vec::new();
        };
        let text = match action {
            Action::CopyId => package.name.clone(),
            Action::CopyPackage => match &package.purl {
                Some(purl) => purl.to_string(),
                None => format!("{} {}", package.name, package.version),
            },
            Action::CopyLine => format!(
                "{}\t{}\t{}",
                package.name,
                package.version,
                package.licenses.join(", ")
            ),
            Action::CopyDigest => context
                .subject()
                .and_then(crate::model::Subject::identity)
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

    fn selected(&self) -> Option<Listed> {
        self.listed.get(self.cursor.selected).copied()
    }

    fn component(&self) -> Option<&Component> {
        let position = self.selected()?.component?;
        self.sbom.as_ref()?.components.get(position as usize)
    }

    /// Returns the findings of a component: how many, and the severest.
    fn counted(&self, component: u32, context: &Context<'_>) -> Option<(usize, Severity)> {
        let findings = self.components.findings(component);
        let severest = findings
            .iter()
            .filter_map(|place| self.finding(*place, context))
            .map(|finding| finding.severity)
            .max()?;
        Some((findings.len(), severest))
    }

    /// Returns a finding by its place among the subject's.
    fn finding<'a>(&self, place: u32, context: &Context<'a>) -> Option<&'a Finding> {
        context.finding(*self.findings.get(place as usize)?)
    }

    fn height(&self, context: &Context<'_>) -> usize {
        let [list, _] = self.panes(context, context.area);
        rows_in(inside(list, context.bordered())).max(1)
    }

    /// Returns the areas of list and detail: side by side, one above the other, or one alone.
    fn panes(&self, context: &Context<'_>, area: Rect) -> [Rect; 2] {
        if self.is_open {
            return [Rect { height: 0, ..area }, area];
        }
        if area.width >= 110 {
            let parts = [Constraint::Fill(3), Constraint::Fill(2)];
            return Layout::horizontal(parts).areas(area);
        }
        let detail = if context.bordered() && area.height >= 16 {
            7
        } else {
            0
        };
        Layout::vertical([Constraint::Min(0), Constraint::Length(detail)]).areas(area)
    }

    /// Draws the screen.
    pub fn view(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(sbom) = &self.sbom else {
            panes::nothing(context, area, buffer);
            return;
        };
        let [list, detail] = self.panes(context, area);
        if list.height > 0 {
            self.view_list(sbom, context, list, buffer);
        }
        if detail.height > 0 {
            self.view_detail(sbom, context, detail, buffer);
        }
    }

    /// Returns the line above the keys.
    #[must_use]
    pub fn status(&self, _context: &Context<'_>) -> Vec<Piece> {
        if self.is_copying {
            return vec![Piece::new("copy:", Role::Title)];
        }
        if self.sbom.is_none() {
            return Vec::new();
        }
        let lacks = self.components.completeness();
        let parts = [
            (lacks.without_purl, "without purl"),
            (lacks.without_version, "without version"),
            (lacks.without_license, "without licence"),
            (lacks.unlinked, "not linked"),
            (lacks.unreadable, "unreadable"),
        ];
        let said: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", thousands(*count)))
            .collect();
        let role = if lacks.unreadable > 0 {
            Role::Error
        } else {
            Role::Text
        };
        vec![if said.is_empty() {
            Piece::new("nothing is missing in this document", Role::Good)
        } else {
            Piece::foreign(&said.join("   "), role)
        }]
    }
}
