//! What hangs on the image in front: signatures, attestations and SBOMs as a tree, and each of
//! them opened.
//!
//! It lies over the screens, as the help does. What is found and what holds is the answer of
//! `signatures`; here it is folded into rows and drawn.

mod panes;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::{Action, Place};
use crate::model::Digest;
use crate::signatures::{Attached, Tree, TreeNode};
use crate::triage::components::Components;
use crate::tui::context::Context;
use crate::tui::message::{Effect, Failed, Input, Message, Outcome};
use crate::tui::theme::Role;
use crate::tui::widget::{Cursor, Piece, Scroll, inside, rows_in};

/// The most lines of a document that are kept to be scrolled through; the rest is said to be left out.
const MOST_LINES: usize = 50_000;

/// What is known of the image that is asked about.
#[derive(Clone, Debug, Default, PartialEq)]
enum Found {
    /// The registry has not answered.
    #[default]
    Asked,
    /// It has.
    Tree(Arc<Tree>),
    /// It cannot be known.
    Failed(Failed),
}

/// One node of the tree with its depth, its children in rows of their own.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    depth: usize,
    node: TreeNode,
}

/// What of an opened document is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    /// What was signed.
    Statement,
    /// The components of the SBOM inside.
    Sbom,
}

/// An opened document.
#[derive(Clone, Debug, PartialEq)]
struct Opened {
    node: Digest,
    /// The lines of each page; none until the registry has answered.
    statement: Option<Vec<String>>,
    sbom: Option<Vec<String>>,
    /// What is said about it before the lines.
    facts: Vec<(&'static str, String, Role)>,
    page: Page,
    scroll: Scroll,
}

/// The state of the screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The names to ask about: where the image was scanned, and where it goes.
    images: Vec<String>,
    shown: usize,
    found: Found,
    rows: Vec<Row>,
    cursor: Cursor,
    opened: Option<Opened>,
    is_copying: bool,
}

impl State {
    /// Begins with the subject in front; returns what has to be asked.
    #[must_use]
    pub fn begin(context: &Context<'_>) -> (Self, Vec<Outcome>) {
        let source = context.subject().map(crate::model::Subject::fetched_by);
        let mut images: Vec<String> = source.into_iter().collect();
        images.extend(context.prefill.destination.clone());
        images.dedup();
        let state = Self {
            images,
            ..Self::default()
        };
        let asked = state.ask();
        (state, asked)
    }

    fn ask(&self) -> Vec<Outcome> {
        let image = self.images.get(self.shown).cloned();
        image
            .map(|image| Effect::ReadTree { image }.into())
            .into_iter()
            .collect()
    }

    /// Keeps the selection in sight when the size changed.
    pub fn refresh(&mut self, context: &Context<'_>) {
        let (length, height) = (self.rows.len(), Self::height(context));
        self.cursor.select(self.cursor.selected, length, height);
    }

    /// Returns whose keys hold.
    #[must_use]
    pub fn place(&self) -> Place {
        if self.is_copying {
            Place::CopyMenu
        } else {
            Place::Attached
        }
    }

    /// Takes what the person did.
    pub fn handle(&mut self, input: &Input, context: &Context<'_>) -> Vec<Outcome> {
        let Input::Action(action) = input else {
            return Vec::new();
        };
        if std::mem::take(&mut self.is_copying) {
            return self.copy(*action);
        }
        if let Some(opened) = &mut self.opened {
            let inner = inside(context.area, context.bordered());
            let height = panes::lines_of(opened, inner).height;
            let length = opened.lines().map_or(0, <[String]>::len);
            if opened.scroll.act(*action, length, usize::from(height)) {
                return Vec::new();
            }
        } else {
            let (length, height) = (self.rows.len(), Self::height(context));
            if self.cursor.act(*action, length, height) {
                return Vec::new();
            }
        }
        match (action, &mut self.opened) {
            (Action::Back, Some(_)) => self.opened = None,
            (Action::Back | Action::Attached, _) => return vec![Message::Back.into()],
            (Action::Open | Action::NextPane | Action::PreviousPane, Some(opened)) => opened.turn(),
            (Action::Open, None) => return self.open(),
            (Action::NextPane | Action::PreviousPane, None) if self.images.len() > 1 => {
                self.shown = (self.shown + 1) % self.images.len();
                self.found = Found::Asked;
                self.rows.clear();
                self.cursor = Cursor::default();
                return self.ask();
            }
            (Action::Copy, _) => self.is_copying = self.selected().is_some(),
            _ => {}
        }
        Vec::new()
    }

    fn open(&mut self) -> Vec<Outcome> {
        let Some(node) = self.selected().filter(|node| node.document.is_some()) else {
            return Vec::new();
        };
        let (node, image) = (node.clone(), self.images.get(self.shown).cloned());
        self.opened = Some(Opened::of(&node));
        let node = Box::new(node);
        image
            .map(|image| Effect::OpenAttached { image, node }.into())
            .into_iter()
            .collect()
    }

    fn copy(&self, action: Action) -> Vec<Outcome> {
        let Some(node) = self.selected() else {
            return Vec::new();
        };
        let text = match action {
            Action::CopyDigest | Action::CopyId => node.digest.to_string(),
            Action::CopyPackage => self.images.get(self.shown).cloned().unwrap_or_default(),
            Action::CopyLine => format!(
                "{}\t{}\t{}",
                node.kind.as_str(),
                node.digest,
                panes::verdict(node).0
            ),
            _ => return Vec::new(),
        };
        vec![Effect::Copy(text).into()]
    }

    /// Takes the answer of an effect; an answer about another image comes too late and is dropped.
    pub fn receive(&mut self, message: &Message, context: &Context<'_>) -> Vec<Outcome> {
        match message {
            Message::Tree { image, result } if self.images.get(self.shown) == Some(image) => {
                match result {
                    Ok(tree) => {
                        self.rows.clear();
                        flatten(&tree.root, 0, &mut self.rows);
                        self.found = Found::Tree(Arc::clone(tree));
                    }
                    Err(failed) => self.found = Found::Failed(failed.clone()),
                }
                self.refresh(context);
            }
            Message::Attached { node, result } => {
                if let Some(opened) = self.opened.as_mut().filter(|opened| opened.node == *node) {
                    opened.take(result);
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn selected(&self) -> Option<&TreeNode> {
        self.rows.get(self.cursor.selected).map(|row| &row.node)
    }

    fn height(context: &Context<'_>) -> usize {
        let [list, _] = panes::areas(context, context.area);
        rows_in(inside(list, context.bordered())).max(1)
    }

    /// Draws the screen.
    pub fn view(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        match &self.opened {
            Some(opened) => opened.view(context, area, buffer),
            None => self.view_tree(context, area, buffer),
        }
    }

    /// Returns the line above the keys.
    #[must_use]
    pub fn status(&self, _context: &Context<'_>) -> Vec<Piece> {
        if self.is_copying {
            return vec![Piece::new("copy:", Role::Title)];
        }
        match (&self.found, &self.opened) {
            (_, Some(opened)) => opened.status(),
            (Found::Tree(tree), None) => panes::summary(tree, &self.rows),
            (Found::Asked, None) => vec![Piece::new("asking the registry", Role::Dim)],
            (Found::Failed(_), None) => {
                vec![Piece::new("the registry gave no answer", Role::Error)]
            }
        }
    }
}

fn flatten(node: &TreeNode, depth: usize, rows: &mut Vec<Row>) {
    rows.push(Row {
        depth,
        node: TreeNode {
            children: Vec::new(),
            ..node.clone()
        },
    });
    for child in &node.children {
        flatten(child, depth + 1, rows);
    }
}

impl Opened {
    fn of(node: &TreeNode) -> Self {
        Self {
            node: node.digest.clone(),
            statement: None,
            sbom: None,
            facts: panes::facts(node),
            page: Page::Statement,
            scroll: Scroll::default(),
        }
    }

    /// Takes in the document: its lines are made once, here.
    fn take(&mut self, result: &Result<Arc<Attached>, Failed>) {
        let attached = match result {
            Ok(attached) => attached,
            Err(failed) => {
                self.statement = Some(
                    std::iter::once(failed.message.clone())
                        .chain(failed.hints.clone())
                        .collect(),
                );
                return;
            }
        };
        if !attached.subjects.is_empty() {
            let about = attached.subjects.join(", ");
            self.facts.push(("about", about, Role::Text));
        }
        if let Some(problem) = &attached.problem {
            self.facts.push(("problem", problem.clone(), Role::Error));
        }
        let text = attached.statement.as_deref();
        self.statement = Some(text.map(kept).unwrap_or_default());
        self.sbom = attached.sbom.as_deref().map(outline);
        // What is no statement has nothing else to show.
        if self.sbom.is_some() {
            self.page = Page::Sbom;
        }
    }

    fn turn(&mut self) {
        self.page = match self.page {
            Page::Statement if self.sbom.is_some() => Page::Sbom,
            Page::Sbom if self.statement.as_ref().is_some_and(|it| !it.is_empty()) => {
                Page::Statement
            }
            same => same,
        };
        self.scroll = Scroll::default();
    }

    fn lines(&self) -> Option<&[String]> {
        match self.page {
            Page::Statement => self.statement.as_deref(),
            Page::Sbom => self.sbom.as_deref(),
        }
    }
}

fn kept(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().take(MOST_LINES).map(str::to_owned).collect();
    if lines.len() == MOST_LINES {
        lines.push("(the rest is left out)".to_owned());
    }
    lines
}

/// Returns an SBOM as lines: what hangs under what, each with its version.
fn outline(sbom: &crate::model::Sbom) -> Vec<String> {
    let components = Components::build(sbom, &[]);
    let rows = components.tree().iter().take(MOST_LINES);
    rows.map(|row| {
        let indent = "  ".repeat(usize::from(row.depth).min(40));
        let component = row
            .component
            .and_then(|position| sbom.components.get(position as usize));
        let Some(component) = component else {
            return format!("{indent}(linked to nothing)");
        };
        let package = &component.package;
        let again = if row.repeated { "  (see above)" } else { "" };
        format!("{indent}{} {}{again}", package.name, package.version)
    })
    .collect()
}
