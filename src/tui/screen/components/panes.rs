//! The panes of the components: list and detail.
//!
//! Drawing only.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::{Component, Finding, Sbom};
use crate::text::{Safe, thousands};
use crate::tui::context::Context;
use crate::tui::theme::{Role, letters};
use crate::tui::widget::{Column, DataTable, Pane, Piece, Row, detail, inside, labelled, lines};

use super::rows::Listed;
use super::{Shape, State};

/// The most names listed in one line of the detail.
const MAX_NAMES: usize = 40;

/// Draws what is said where there is no SBOM.
pub(super) fn nothing(context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
    let title = [Piece::new("Components", Role::Title)];
    let inner = pane(&title, true, context, area, buffer);
    let text = [
        vec![Piece::new("No SBOM about this image was read.", Role::Text)],
        vec![Piece::new(
            "Start with one, for instance: countersign trivy.json sbom.cdx.json",
            Role::Dim,
        )],
    ];
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

/// Returns the name shown for a component.
fn name(component: &Component) -> Safe {
    if component.package.name.is_empty() {
        Safe::new("(no name)")
    } else {
        Safe::limited(&component.package.name, 400)
    }
}

impl State {
    pub(super) fn view_list(
        &self,
        sbom: &Sbom,
        context: &Context<'_>,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let shape = match self.shape {
            _ if !self.filter.text().is_empty() => "found",
            Shape::Tree => "tree",
            Shape::Flat => "by name",
            Shape::Licences => "by licence",
        };
        let mut title = vec![
            Piece::foreign(
                &format!("Components {}  ", thousands(sbom.components.len() as u64)),
                Role::Title,
            ),
            Piece::foreign(
                &format!("{} {}  ", sbom.format.as_str(), sbom.spec_version),
                Role::Text,
            ),
            Piece::new(shape, Role::Dim),
        ];
        let count = context.subject().map_or(0, |subject| subject.sboms.len());
        if count > 1 {
            let which = format!("  document {} of {count} (Tab)", self.shown + 1);
            title.push(Piece::foreign(&which, Role::Dim));
        }
        if self.typing || !self.filter.text().is_empty() {
            title.push(Piece::new("  / ", Role::Key));
            title.push(Piece::foreign(self.filter.text(), Role::Field));
            title.push(Piece::new(if self.typing { "_" } else { "" }, Role::Field));
        }
        let inner = pane(&title, true, context, area, buffer);
        let mut columns = vec![
            Column::share("COMPONENT", 20, 3),
            Column::share("VERSION", 8, 1),
        ];
        if inner.width >= 70 {
            columns.push(Column::fixed("TYPE", 9));
            columns.push(Column::share("LICENCE", 12, 1));
        }
        columns.push(Column::fixed("FINDINGS", 8));
        let row = |position: usize| {
            self.listed.get(position).map_or_else(
                || Row {
                    mark: Piece::new(" ", Role::Text),
                    cells: Vec::new(),
                },
                |listed| self.cells(sbom, *listed, columns.len() > 3, context),
            )
        };
        DataTable {
            theme: context.theme,
            columns: &columns,
            length: self.listed.len(),
            cursor: self.cursor,
            focused: true,
            row: &row,
        }
        .draw(inner, buffer);
        if self.listed.is_empty() {
            let text = [
                Vec::new(),
                vec![Piece::new("   no component matches", Role::Dim)],
            ];
            lines(context.theme, &text, inner, buffer);
        }
    }

    /// Returns one row of the list.
    fn cells(&self, sbom: &Sbom, listed: Listed, wide: bool, context: &Context<'_>) -> Row {
        let component = listed
            .component
            .and_then(|position| sbom.components.get(position as usize));
        let fold = match (listed.tree, listed.descendants) {
            (Some(tree), 1..) if self.folded.contains(&tree) => "+ ",
            (Some(_), 1..) => "- ",
            (Some(_), 0) => "  ",
            (None, _) => "",
        };
        let indent = "  ".repeat(usize::from(listed.depth).min(20));
        let Some(component) = component else {
            let heading = format!("{indent}{fold}not linked to anything");
            return Row {
                mark: Piece::new(" ", Role::Text),
                cells: vec![Piece::foreign(&heading, Role::Dim)],
            };
        };
        let name = name(component);
        let again = if listed.repeated { " (above)" } else { "" };
        let package = &component.package;
        let mut cells = vec![
            Piece::foreign(&format!("{indent}{fold}{name}{again}"), Role::Text),
            Piece::foreign(&package.version, Role::Text),
        ];
        if wide {
            let kind = if package.ecosystem.is_empty() {
                &component.kind
            } else {
                &package.ecosystem
            };
            cells.push(Piece::foreign(kind, Role::Dim));
            cells.push(Piece::foreign(&package.licenses.join(", "), Role::Text));
        }
        let counted = listed
            .component
            .and_then(|position| self.counted(position, context));
        cells.push(
            counted.map_or(Piece::new("", Role::Dim), |(count, severity)| {
                let text = format!("{:<3} {count}", letters(severity));
                Piece::foreign(&text, Role::of(severity))
            }),
        );
        Row {
            mark: Piece::new(if name.changed() { "^" } else { " " }, Role::Warning),
            cells,
        }
    }

    pub(super) fn view_detail(
        &self,
        sbom: &Sbom,
        context: &Context<'_>,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let title = match self.component() {
            Some(component) => [
                Piece::safe(name(component), Role::Title),
                Piece::foreign(&format!(" {}", component.package.version), Role::Text),
            ],
            None => [
                Piece::new("Component", Role::Title),
                Piece::new("", Role::Text),
            ],
        };
        let inner = pane(&title, self.is_open, context, area, buffer);
        let text = self.detail_lines(sbom, context, usize::from(inner.width));
        detail(context.theme, &text, self.scroll, inner, buffer);
    }

    /// Returns the lines and the height of the detail while it takes the whole screen.
    pub(super) fn detail_size(&self, context: &Context<'_>) -> (usize, usize) {
        let inner = inside(context.area, context.bordered());
        let length = self.sbom.as_ref().map_or(0, |sbom| {
            self.detail_lines(sbom, context, usize::from(inner.width))
                .len()
        });
        (length, usize::from(inner.height))
    }

    fn detail_lines(&self, sbom: &Sbom, context: &Context<'_>, width: usize) -> Vec<Vec<Piece>> {
        let (Some(component), Some(position)) = (
            self.component(),
            self.selected().and_then(|listed| listed.component),
        ) else {
            return Vec::new();
        };
        let package = &component.package;
        let mut text = Vec::new();
        let mut add = |label: &'static str, value: &str, role| {
            if !value.is_empty() {
                text.append(&mut labelled(
                    label,
                    &Safe::limited(value, 2_000),
                    role,
                    width,
                ));
            }
        };
        let purl = package.purl.as_ref().map(ToString::to_string);
        match &purl {
            Some(purl) => add("purl", purl, Role::Text),
            None => add("purl", "none: no advisory can name it", Role::Warning),
        }
        let licences = package.licenses.join(", ");
        add(
            "licence",
            if licences.is_empty() {
                "none given"
            } else {
                &licences
            },
            Role::Text,
        );
        add("kind", &component.kind, Role::Text);
        if name(component).changed() {
            let why = "holds characters a terminal would hide; they are shown as <U+…>";
            add("name ^", why, Role::Warning);
        }
        let names = |positions: &[u32]| names(sbom, positions);
        let needs = sbom
            .depends_on
            .get(position as usize)
            .map_or(&[][..], Vec::as_slice);
        add("needs", &names(needs), Role::Text);
        add(
            "needed by",
            &names(self.components.dependents(position)),
            Role::Text,
        );
        for location in package
            .locations
            .iter()
            .filter(|place| !place.path.is_empty())
        {
            let layer = location.layer.as_ref().map_or("", |layer| layer.short());
            add(
                "in",
                &format!("{} layer {layer}", location.path),
                Role::Text,
            );
        }
        let findings = self.components.findings(position);
        add("findings", &thousands(findings.len() as u64), Role::Text);
        text.extend(
            findings
                .iter()
                .filter_map(|place| self.finding(*place, context))
                .map(finding_line),
        );
        text
    }
}

/// Returns the line of one finding of a component.
fn finding_line(finding: &Finding) -> Vec<Piece> {
    let fix = match finding.fix.versions.as_slice() {
        [] => finding.fix.state.as_str().to_owned(),
        versions => versions.join(" "),
    };
    vec![
        Piece::foreign(
            &format!("  {:<4}", letters(finding.severity)),
            Role::of(finding.severity),
        ),
        Piece::foreign(finding.id.as_str(), Role::Text),
        Piece::new("  fix ", Role::Dim),
        Piece::foreign(&fix, Role::Text),
    ]
}

/// Returns the names of components, at most so many, with their number in front.
fn names(sbom: &Sbom, positions: &[u32]) -> String {
    if positions.is_empty() {
        return String::new();
    }
    let named: Vec<&str> = positions
        .iter()
        .take(MAX_NAMES)
        .filter_map(|position| sbom.components.get(*position as usize))
        .map(|component| component.package.name.as_str())
        .collect();
    let more = if positions.len() > MAX_NAMES {
        ", …"
    } else {
        ""
    };
    format!(
        "({}) {}{more}",
        thousands(positions.len() as u64),
        named.join(", ")
    )
}
