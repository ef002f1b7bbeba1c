//! The panes of the images screen: the table, severities, inputs, attention.
//!
//! Reads only.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::{DatabaseAge, ExemptionDocument, Report, Severity};
use crate::review::SubjectState;
use crate::text::thousands;
use crate::triage::suppress::Outcome;
use crate::tui::context::Context;
use crate::tui::message::Standings;
use crate::tui::theme::{Role, letters};
use crate::tui::widget::{Column, DataTable, Pane, Piece, Row, Scroll, bar, detail, line, lines};

use super::{Focus, State};

const WIDE: &[Column] = &[
    Column::share("IMAGE", 16, 3),
    Column::fixed("DIGEST", 12),
    Column::fixed("PLATFORM", 11),
    Column::number("C", 5),
    Column::number("H", 5),
    Column::number("M", 5),
    Column::number("L", 5),
    Column::number("FIXABLE", 7),
    Column::number("SECR", 4),
    Column::fixed("SCANNERS", 12),
    Column::fixed("VERDICT", 11),
];

const MEDIUM: &[Column] = &[
    Column::share("IMAGE", 16, 1),
    Column::number("C", 4),
    Column::number("H", 4),
    Column::number("M", 4),
    Column::number("L", 4),
    Column::number("FIXABLE", 7),
    Column::fixed("SCANNERS", 12),
    Column::fixed("VERDICT", 11),
];

const NARROW: &[Column] = &[
    Column::share("IMAGE", 16, 1),
    Column::number("C", 4),
    Column::number("H", 4),
    Column::number("FIX", 4),
    Column::fixed("VERDICT", 11),
];

impl State {
    fn pane<'a>(&self, context: &Context<'_>, title: &'a [Piece], of: Focus) -> Pane<'a> {
        Pane {
            theme: context.theme,
            title,
            focused: self.focus == of,
            bordered: context.bordered(),
        }
    }

    pub(super) fn draw_images(&self, context: &Context<'_>, place: Rect, buffer: &mut Buffer) {
        let count = context.review.subjects.len();
        let title = [
            Piece::new("Images ", Role::Title),
            Piece::foreign(&thousands(count as u64), Role::Title),
        ];
        let within = self
            .pane(context, &title, Focus::Images)
            .draw(place, buffer);
        if count == 0 {
            let text = if context.is_loading {
                "reading the inputs; keys work meanwhile"
            } else if context.review.failures.is_empty() {
                "nothing to review: give it reports, for example countersign review scan.json"
            } else {
                "nothing could be read: the reasons are below"
            };
            let pieces = [Piece::new(" ", Role::Text), Piece::new(text, Role::Warning)];
            line(context.theme, &pieces, within, buffer);
            return;
        }
        let width = context.area.width;
        let columns = if width >= 100 {
            WIDE
        } else if width >= 80 {
            MEDIUM
        } else {
            NARROW
        };
        let row = |position: usize| row(context, position, columns);
        let table = DataTable {
            theme: context.theme,
            columns,
            length: count,
            cursor: self.cursor,
            focused: self.focus == Focus::Images,
            row: &row,
        };
        table.draw(within, buffer);
    }

    pub(super) fn draw_inputs(&self, context: &Context<'_>, place: Rect, buffer: &mut Buffer) {
        let title = [Piece::new("Inputs", Role::Title)];
        let within = self
            .pane(context, &title, Focus::Inputs)
            .draw(place, buffer);
        let start = self
            .inputs
            .0
            .min(input_count(context).saturating_sub(within.height.into()));
        let seen: Vec<_> = (start..input_count(context))
            .take(usize::from(within.height))
            .map(|position| input(context, position))
            .collect();
        detail(context.theme, &seen, Scroll::default(), within, buffer);
    }

    pub(super) fn draw_attention(&self, context: &Context<'_>, place: Rect, buffer: &mut Buffer) {
        let title = [
            Piece::new("Attention ", Role::Title),
            Piece::foreign(&self.remarks.len().to_string(), Role::Title),
        ];
        let within = self
            .pane(context, &title, Focus::Attention)
            .draw(place, buffer);
        let focused = self.focus == Focus::Attention;
        if self.remarks.is_empty() {
            let text = if context.is_loading || context.review.subjects.is_empty() {
                ""
            } else {
                "nothing needs attention"
            };
            let pieces = [Piece::new(" ", Role::Text), Piece::new(text, Role::Good)];
            line(context.theme, &pieces, within, buffer);
        }
        let start = self
            .attention
            .start(self.remarks.len(), usize::from(within.height));
        let seen = self.remarks.iter().enumerate().skip(start);
        for ((position, remark), row) in seen.zip(within.rows()) {
            let selected = focused && position == self.attention.selected;
            let mut pieces = vec![
                Piece::new(if selected { ">" } else { " " }, Role::Text),
                Piece::foreign(&format!("{:<4}", remark.mark), remark.role),
                Piece::foreign(&remark.text, Role::Text),
            ];
            if let Some(next) = remark.more.first() {
                pieces.push(Piece::new("  ", Role::Text));
                pieces.push(Piece::foreign(next, Role::Dim));
            }
            line(context.theme, &pieces, row, buffer);
            if selected {
                buffer.set_style(row, context.theme.style(Role::Selected));
            }
        }
    }
}

fn row(context: &Context<'_>, position: usize, columns: &[Column]) -> Row {
    let (Some(subject), Some(standing)) = (
        context.review.subjects.get(position),
        context.standings.get(position),
    ) else {
        return Row {
            mark: Piece::new(" ", Role::Text),
            cells: Vec::new(),
        };
    };
    let summary = &standing.summary;
    let is_covered = context.covered.contains(&position);
    let cover = || Piece::new(context.cover(), Role::Dim);
    let count = |severity: Severity| {
        let count = summary.by_severity.of(severity);
        let role = if count > 0 {
            Role::of(severity)
        } else {
            Role::Dim
        };
        // What nobody looked for is not "none".
        if count == 0 && !summary.scanned {
            Piece::new("?", Role::Warning)
        } else {
            Piece::foreign(&thousands(count), role)
        }
    };
    let cells = columns.iter().map(|column| match column.title {
        "IMAGE" => Piece::foreign(&subject.name, Role::Text),
        "DIGEST" => {
            let digest = subject.identity();
            let hex = digest.map(|digest| digest.hex().chars().take(12).collect::<String>());
            hex.map_or(Piece::new("none", Role::Warning), |hex| {
                Piece::foreign(&hex, Role::Text)
            })
        }
        "PLATFORM" => subject
            .platform
            .as_ref()
            .map_or(Piece::new("-", Role::Dim), |platform| {
                Piece::foreign(&platform.to_string(), Role::Text)
            }),
        "C" | "H" | "M" | "L" | "FIX" | "FIXABLE" | "SECR" if is_covered => cover(),
        "C" => count(Severity::Critical),
        "H" => count(Severity::High),
        "M" => count(Severity::Medium),
        "L" => count(Severity::Low),
        "FIX" => Piece::foreign(&thousands(summary.fixable), Role::Text),
        "FIXABLE" => Piece::foreign(
            &format!("{}/{}", summary.fixable, summary.findings),
            Role::Text,
        ),
        "SECR" => {
            let role = if summary.secrets > 0 {
                Role::Error
            } else {
                Role::Dim
            };
            Piece::foreign(&summary.secrets.to_string(), role)
        }
        "SCANNERS" if summary.scanners.is_empty() => Piece::new("none", Role::Warning),
        "SCANNERS" => Piece::foreign(&summary.scanners.join(" "), Role::Text),
        _ => state(standing),
    });
    Row {
        mark: if summary.partial {
            Piece::new("!", Role::Error)
        } else {
            Piece::new(" ", Role::Text)
        },
        cells: cells.collect(),
    }
}

fn state(standing: &Standings) -> Piece {
    if standing.state == SubjectState::Open && !standing.summary.scanned {
        return Piece::new("not scanned", Role::Warning);
    }
    let role = match standing.state {
        SubjectState::Open => Role::Text,
        SubjectState::Approved | SubjectState::Promoted => Role::Good,
        SubjectState::Rejected => Role::Error,
        SubjectState::Stale => Role::Warning,
    };
    Piece::new(standing.state.as_str(), role)
}

/// Draws the severities of the subject in front.
pub(super) fn draw_severities(context: &Context<'_>, place: Rect, buffer: &mut Buffer) {
    let title = [Piece::new("Severity", Role::Title)];
    let pane = Pane {
        theme: context.theme,
        title: &title,
        focused: false,
        bordered: context.bordered(),
    };
    let within = pane.draw(place, buffer);
    let Some(standing) = context.standing() else {
        return;
    };
    if context.is_covered() {
        let text = " covered until you predict: Enter";
        line(
            context.theme,
            &[Piece::new(text, Role::Warning)],
            within,
            buffer,
        );
        return;
    }
    let summary = &standing.summary;
    let most = Severity::ALL
        .iter()
        .map(|severity| summary.by_severity.of(*severity))
        .max();
    let room = usize::from(within.width).saturating_sub(28);
    let mut text: Vec<Vec<Piece>> = Severity::ALL
        .into_iter()
        .map(|severity| {
            let count = summary.by_severity.of(severity);
            vec![
                Piece::foreign(
                    &format!(" {:<11} {:<4}", severity.as_str(), letters(severity)),
                    Role::of(severity),
                ),
                Piece::foreign(&format!("{:>7} ", thousands(count)), Role::Text),
                bar(count, most.unwrap_or(0), room, Role::of(severity)),
            ]
        })
        .collect();
    text.push(vec![
        Piece::foreign(&format!(" {:<16}", "fixable"), Role::Text),
        Piece::foreign(&format!("{:>7} ", thousands(summary.fixable)), Role::Text),
        bar(summary.fixable, summary.findings, room, Role::Good),
    ]);
    text.push(vec![
        Piece::foreign(&format!(" {:<16}", "no verdict"), Role::Text),
        Piece::foreign(&format!("{:>7} ", thousands(summary.undecided)), Role::Text),
        bar(summary.undecided, summary.findings, room, Role::Dim),
    ]);
    lines(context.theme, &text, within, buffer);
}

/// Returns how many inputs there are: failures, reports, SBOMs, ignore files and VEX documents, files
/// about exploitation.
pub(super) fn input_count(context: &Context<'_>) -> usize {
    let review = context.review;
    let documents = review.reports.len() + review.sboms.len() + review.exemptions.len();
    review.failures.len() + documents + review.feeds.len()
}

/// An input: its path, what it is, and how that is shown.
type Input<'a> = (&'a str, String, Role);

/// Returns the input at a position, in the order of [`input_count`].
fn input_at<'a>(context: &Context<'a>, position: usize) -> Option<Input<'a>> {
    let review = context.review;
    let mut position = position;
    let mut within = |count: usize| {
        let found = (position < count).then_some(position);
        position = position.saturating_sub(count);
        found
    };
    if let Some(failure) = within(review.failures.len()) {
        let failure = review.failures.get(failure)?;
        return Some((&failure.path, "not read".to_owned(), Role::Error));
    }
    if let Some(report) = within(review.reports.len()) {
        return review.reports.get(report).map(|report| of_report(report));
    }
    if let Some(sbom) = within(review.sboms.len()) {
        let sbom = review.sboms.get(sbom)?;
        let text = format!(
            "{} {}  {} components",
            sbom.format.as_str(),
            sbom.spec_version,
            sbom.components.len()
        );
        return Some((&sbom.origin.path, text, Role::Dim));
    }
    if let Some(document) = within(review.exemptions.len()) {
        return review.exempting().nth(document).map(of_exemptions);
    }
    let feed = review.feeds.get(within(review.feeds.len())?)?;
    let (partial, role) = partly(!feed.losses.is_empty());
    let text = format!("{}{partial}", feed.summary());
    Some((&feed.origin.path, text, role))
}

fn partly(is_partial: bool) -> (&'static str, Role) {
    if is_partial {
        ("  read in part", Role::Error)
    } else {
        ("", Role::Dim)
    }
}

fn of_report(report: &Report) -> Input<'_> {
    let version = report
        .scanner_version
        .as_deref()
        .unwrap_or("unknown version");
    let built = match (report.database_built, report.database_age) {
        (Some(built), DatabaseAge::LowerBound) => {
            format!("  db at least {}", built.format("%Y-%m-%d"))
        }
        (Some(built), _) => format!("  db {}", built.format("%Y-%m-%d")),
        (None, _) => "  db date unknown".to_owned(),
    };
    let (partial, role) = partly(report.is_partial());
    let text = format!("{} {version}{built}{partial}", report.scanner);
    (&report.origin.path, text, role)
}

fn of_exemptions<'a>((document, outcome): (&'a ExemptionDocument, &'a Outcome)) -> Input<'a> {
    let expired = match outcome.expired {
        0 => String::new(),
        count => format!(", {} expired", thousands(count)),
    };
    let text = format!(
        "{}  {} of {} entries match{expired}",
        document.format.as_str(),
        thousands(outcome.matched),
        thousands(document.entries.len() as u64)
    );
    let (_, role) = partly(!document.losses.is_empty());
    (&document.origin.path, text, role)
}

fn input(context: &Context<'_>, position: usize) -> Vec<Piece> {
    let Some((path, what, role)) = input_at(context, position) else {
        return Vec::new();
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    vec![
        Piece::new(" ", Role::Text),
        Piece::foreign(name, Role::Text),
        Piece::new("  ", Role::Text),
        Piece::foreign(&what, role),
    ]
}
