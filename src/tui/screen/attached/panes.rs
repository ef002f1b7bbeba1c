//! The panes of what hangs on an image: the tree, what is selected, and an opened document.
//!
//! Drawing only.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::signatures::{NodeKind, Tree, TreeNode};
use crate::text::{Safe, thousands};
use crate::tui::context::Context;
use crate::tui::theme::Role;
use crate::tui::widget::{
    Column, DataTable, Pane, Piece, Row as TableRow, counted, labelled, lines,
};

use super::{Found, Opened, Page, Row, State};

/// Lines of the pane that tells about the selected row, its frame included.
const DETAIL: u16 = 9;

/// Returns the areas of the tree and of what is said about the selected row.
pub(super) fn areas(context: &Context<'_>, area: Rect) -> [Rect; 2] {
    let detail = if context.bordered() && area.height >= 18 {
        DETAIL
    } else {
        0
    };
    Layout::vertical([Constraint::Min(0), Constraint::Length(detail)]).areas(area)
}

/// Returns in a word or two whether a node holds.
pub(super) fn verdict(node: &TreeNode) -> (&'static str, Role) {
    match (node.verified, node.kind) {
        (Some(true), _) => ("verified", Role::Good),
        (Some(false), _) => ("NOT verified", Role::Error),
        (None, NodeKind::Unreadable) => ("unreadable", Role::Warning),
        (None, _) => ("", Role::Dim),
    }
}

/// Returns what is said about a node.
pub(super) fn facts(node: &TreeNode) -> Vec<(&'static str, String, Role)> {
    let mut facts = vec![("digest", node.digest.to_string(), Role::Text)];
    let mut add = |label, value: Option<String>, role| {
        facts.extend(value.map(|value| (label, value, role)));
    };
    add("type", node.artifact_type.clone(), Role::Text);
    add("media", Some(node.media_type.clone()), Role::Dim);
    add("tag", node.tag.clone(), Role::Text);
    let made = node.claimed_time.as_ref();
    add(
        "made",
        made.map(|time| format!("{time} (claimed)")),
        Role::Text,
    );
    let key = node.key_fingerprint.as_ref();
    add("key", key.map(ToString::to_string), Role::Good);
    let role = if node.verified == Some(false) {
        Role::Error
    } else {
        Role::Warning
    };
    add("reason", node.reason.clone(), role);
    facts
}

fn fact_lines(facts: &[(&'static str, String, Role)], width: usize) -> Vec<Vec<Piece>> {
    facts
        .iter()
        .flat_map(|(label, value, role)| labelled(label, &Safe::limited(value, 400), *role, width))
        .collect()
}

/// Returns what hangs on the image in numbers.
pub(super) fn summary(tree: &Tree, rows: &[Row]) -> Vec<Piece> {
    let count = |holds: &dyn Fn(&TreeNode) -> bool| {
        rows.iter().filter(|row| holds(&row.node)).count() as u64
    };
    // A tag that holds several is not one of them.
    let own = |node: &TreeNode, kind| node.kind == kind && node.tag.is_none();
    let signatures = count(&|node| own(node, NodeKind::Signature));
    let attestations = count(&|node| own(node, NodeKind::Attestation) && node.document.is_some());
    let sboms = count(&TreeNode::holds_sbom);
    let verified = count(&|node| node.verified == Some(true));
    let refused = count(&|node| node.verified == Some(false));
    let asked = rows.iter().any(|row| row.node.verified.is_some());
    let text = format!(
        "{}, {}, {} with an SBOM   ",
        counted(signatures, "signature"),
        counted(attestations, "attestation"),
        thousands(sboms)
    );
    let mut pieces = vec![Piece::foreign(&text, Role::Text)];
    if asked {
        let role = if refused > 0 { Role::Error } else { Role::Good };
        let text = format!("{verified} verified, {refused} not");
        pieces.push(Piece::foreign(&text, role));
    } else if signatures + attestations > 0 {
        let text = "no key to verify with: --key, or trusted_keys in the policy";
        pieces.push(Piece::new(text, Role::Warning));
    }
    if let Some(first) = tree.warnings.first() {
        pieces.push(Piece::foreign(&format!("   {first}"), Role::Warning));
    }
    pieces
}

impl State {
    pub(super) fn view_tree(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let [list, detail] = areas(context, area);
        let image = self.images.get(self.shown);
        let mut title = vec![
            Piece::new("Attached  ", Role::Title),
            Piece::foreign(image.map_or("", String::as_str), Role::Text),
        ];
        if self.images.len() > 1 {
            let which = format!("  {} of {} (Tab)", self.shown + 1, self.images.len());
            title.push(Piece::foreign(&which, Role::Dim));
        }
        let inner = pane(&title, context, list, buffer);
        match &self.found {
            Found::Tree(_) => self.view_rows(context, inner, buffer),
            Found::Asked if image.is_none() => {
                let text = "No image is in front: there is nothing to ask a registry about.";
                lines(
                    context.theme,
                    &[vec![Piece::new(text, Role::Text)]],
                    inner,
                    buffer,
                );
            }
            Found::Asked => {
                let text = [vec![Piece::new("asking the registry …", Role::Dim)]];
                lines(context.theme, &text, inner, buffer);
            }
            Found::Failed(failed) => {
                let mut text = labelled(
                    "error",
                    &Safe::limited(&failed.message, 800),
                    Role::Error,
                    usize::from(inner.width),
                );
                for hint in &failed.hints {
                    let hint = Safe::limited(hint, 800);
                    text.extend(labelled(
                        "hint",
                        &hint,
                        Role::Text,
                        usize::from(inner.width),
                    ));
                }
                lines(context.theme, &text, inner, buffer);
            }
        }
        if detail.height > 0 {
            let facts = self.selected().map(facts).unwrap_or_default();
            let title = [Piece::new("Selected", Role::Title)];
            let inner = Pane {
                theme: context.theme,
                title: &title,
                focused: false,
                bordered: context.bordered(),
            }
            .draw(detail, buffer);
            let text = fact_lines(&facts, usize::from(inner.width));
            lines(context.theme, &text, inner, buffer);
        }
    }

    fn view_rows(&self, context: &Context<'_>, inner: Rect, buffer: &mut Buffer) {
        let wide = inner.width >= 100;
        let mut columns = vec![Column::share("WHAT", 24, 2), Column::share("TYPE", 16, 2)];
        if wide {
            columns.push(Column::fixed("DIGEST", 12));
            columns.push(Column::fixed("BYTES", 11));
        }
        columns.push(Column::fixed("", 12));
        let row = |position: usize| {
            let Some(row) = self.rows.get(position) else {
                return TableRow {
                    mark: Piece::new(" ", Role::Text),
                    cells: Vec::new(),
                };
            };
            let node = &row.node;
            let indent = "  ".repeat(row.depth.min(10));
            let about = match (&node.platform, &node.tag) {
                (Some(platform), _) => format!(" {platform}"),
                (None, Some(tag)) => tag
                    .rsplit_once('.')
                    .map_or_else(String::new, |(_, ending)| format!("s behind .{ending}")),
                (None, None) => String::new(),
            };
            let (said, role) = verdict(node);
            let mut cells = vec![
                Piece::foreign(
                    &format!("{indent}{}{about}", node.kind.as_str()),
                    Role::Text,
                ),
                Piece::foreign(short_type(node), Role::Dim),
            ];
            if wide {
                cells.push(Piece::foreign(node.digest.short(), Role::Text));
                cells.push(Piece::foreign(
                    &format!("{:>11}", thousands(node.size)),
                    Role::Dim,
                ));
            }
            cells.push(Piece::new(said, role));
            TableRow {
                mark: Piece::new(" ", Role::Text),
                cells,
            }
        };
        DataTable {
            theme: context.theme,
            columns: &columns,
            length: self.rows.len(),
            cursor: self.cursor,
            focused: true,
            row: &row,
        }
        .draw(inner, buffer);
    }
}

/// Returns the telling part of a type: what comes after the host of a predicate's address.
fn short_type(node: &TreeNode) -> &str {
    let kind = node.artifact_type.as_deref().unwrap_or(&node.media_type);
    kind.strip_prefix("https://")
        .or_else(|| kind.strip_prefix("application/"))
        .unwrap_or(kind)
}

fn pane(title: &[Piece], context: &Context<'_>, area: Rect, buffer: &mut Buffer) -> Rect {
    Pane {
        theme: context.theme,
        title,
        focused: true,
        bordered: context.bordered(),
    }
    .draw(area, buffer)
}

/// Returns the area below the facts in which the lines of an opened document are.
pub(super) fn lines_of(opened: &Opened, inner: Rect) -> Rect {
    let facts = fact_lines(&opened.facts, usize::from(inner.width)).len();
    let above = u16::try_from(facts + 1)
        .unwrap_or(u16::MAX)
        .min(inner.height / 2);
    Rect {
        y: inner.y + above,
        height: inner.height - above,
        ..inner
    }
}

impl Opened {
    pub(super) fn view(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let page = match self.page {
            Page::Statement => "statement",
            Page::Sbom => "SBOM inside",
        };
        let title = [
            Piece::new("Attached  ", Role::Title),
            Piece::new(page, Role::Text),
        ];
        let inner = pane(&title, context, area, buffer);
        let below = lines_of(self, inner);
        let facts = fact_lines(&self.facts, usize::from(inner.width));
        let above = Rect {
            height: below.y.saturating_sub(inner.y + 1),
            ..inner
        };
        lines(context.theme, &facts, above, buffer);
        let Some(text) = self.lines() else {
            let waiting = [vec![Piece::new("asking the registry …", Role::Dim)]];
            lines(context.theme, &waiting, below, buffer);
            return;
        };
        let seen: Vec<Vec<Piece>> = text
            .iter()
            .skip(self.scroll.0)
            .take(usize::from(below.height))
            .map(|line| vec![Piece::foreign(line, Role::Text)])
            .collect();
        lines(context.theme, &seen, below, buffer);
    }

    pub(super) fn status(&self) -> Vec<Piece> {
        let Some(text) = self.lines() else {
            return vec![Piece::new("asking the registry", Role::Dim)];
        };
        let both = self.sbom.is_some() && self.statement.as_ref().is_some_and(|it| !it.is_empty());
        let mut pieces = vec![Piece::foreign(
            &format!(
                "line {} of {}",
                thousands(self.scroll.0 as u64 + u64::from(!text.is_empty())),
                thousands(text.len() as u64)
            ),
            Role::Text,
        )];
        if both {
            let other = match self.page {
                Page::Statement => "   Tab: the SBOM inside",
                Page::Sbom => "   Tab: the statement",
            };
            pieces.push(Piece::new(other, Role::Dim));
        }
        pieces
    }
}
