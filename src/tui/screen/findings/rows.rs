//! The rows of the findings table, built for the findings in sight only.
//!
//! Which findings these are is worked out in `findings`; why there are none is said in `empty`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::{Decision, Finding, Severity, Standing, StandingVerdict};
use crate::review::Summary;
use crate::text::{Safe, thousands};
use crate::triage::ratings::Shown;
use crate::tui::context::Context;
use crate::tui::theme::{Role, letters};
use crate::tui::widget::{Column, DataTable, Piece, Row};

use super::hygiene::group;
use super::{Focus, Scope, State};

const WIDE: &[Column] = &[
    Column::fixed("SEV", 3),
    Column::fixed("V", 1),
    Column::fixed("ID", 19),
    Column::share("PACKAGE", 10, 3),
    Column::share("INSTALLED", 9, 2),
    Column::share("FIXED", 7, 2),
    Column::fixed("SRC", 4),
];

/// Sixty columns: no installed version, no scanners.
const NARROW: &[Column] = &[
    Column::fixed("SEV", 3),
    Column::fixed("V", 1),
    Column::fixed("ID", 19),
    Column::share("PACKAGE", 10, 3),
    Column::share("FIXED", 8, 2),
];

const HYGIENE: &[Column] = &[
    Column::fixed("KIND", 8),
    Column::fixed("SEV", 3),
    Column::fixed("V", 1),
    Column::share("RULE", 12, 1),
    Column::share("WHERE", 10, 2),
    Column::share("WHAT", 8, 3),
];

impl State {
    pub(super) fn draw_table(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let columns = match self.scope {
            Scope::Hygiene => HYGIENE,
            Scope::All if context.area.width < 80 => NARROW,
            Scope::All => WIDE,
        };
        // A mark stands behind the letters where the source asked for says nothing.
        let mut columns = columns.to_vec();
        if let (Some(first), Some(_), Scope::All) =
            (columns.first_mut(), context.severity_from, self.scope)
        {
            *first = Column::fixed("SEV", 4);
        }
        let scanners = context
            .standing()
            .map_or(&[][..], |standing| &standing.summary.scanners);
        let row = |place: usize| {
            let position = self.rows.get(place).map_or(usize::MAX, |row| *row as usize);
            let Some(finding) = context.finding(position) else {
                return Row {
                    mark: Piece::new(" ", Role::Text),
                    cells: Vec::new(),
                };
            };
            let verdict = mark(context.verdict(position), context.offer(position).is_some());
            Row {
                mark: self.mark_of(position, finding),
                cells: match self.scope {
                    Scope::Hygiene => hygiene(finding, verdict),
                    Scope::All => {
                        let shown = context.shown(finding);
                        vulnerability(finding, shown, verdict, scanners, columns.len() < 7)
                    }
                },
            }
        };
        let table = DataTable {
            theme: context.theme,
            columns: &columns,
            length: self.rows.len(),
            cursor: self.cursor,
            focused: self.focus == Focus::Table,
            row: &row,
        };
        table.draw(area, buffer);
    }

    /// `*` marked, `^` something in the row could not be shown as it is written.
    fn mark_of(&self, position: usize, finding: &Finding) -> Piece {
        let package = &finding.package;
        let changed = || {
            [finding.id.as_str(), &package.name, &package.version]
                .into_iter()
                .any(|text| Safe::limited(text, 256).changed())
        };
        if self.marks.contains(&position) {
            Piece::new("*", Role::Key)
        } else if changed() {
            Piece::new("^", Role::Warning)
        } else {
            Piece::new(" ", Role::Text)
        }
    }
}

fn vulnerability(
    finding: &Finding,
    shown: Shown,
    verdict: Piece,
    scanners: &[String],
    narrow: bool,
) -> Vec<Piece> {
    let package = &finding.package;
    let severity = if shown.is_fallback {
        let text = format!("{}*", letters(shown.severity));
        Piece::foreign(&text, Role::of(shown.severity))
    } else {
        severity(shown.severity)
    };
    let mut cells = vec![
        severity,
        verdict,
        Piece::foreign(finding.id.as_str(), Role::Text),
        Piece::foreign(what(finding), Role::Text),
    ];
    if !narrow {
        cells.push(Piece::foreign(&package.version, Role::Text));
    }
    cells.push(fixed(finding));
    if !narrow {
        cells.push(found_by(finding, scanners));
    }
    cells
}

fn hygiene(finding: &Finding, verdict: Piece) -> Vec<Piece> {
    let (_, kind) = group(finding.kind);
    vec![
        Piece::new(kind, Role::Text),
        severity(finding.severity),
        verdict,
        Piece::foreign(finding.id.as_str(), Role::Text),
        Piece::foreign(what(finding), Role::Text),
        Piece::foreign(&finding.title, Role::Dim),
    ]
}

/// The package, or the place where there is none.
fn what(finding: &Finding) -> &str {
    let location = finding.package.locations.first();
    match location {
        Some(location) if finding.package.name.is_empty() => &location.path,
        _ => &finding.package.name,
    }
}

/// Returns a severity's letters.
pub(super) fn severity(severity: Severity) -> Piece {
    Piece::new(letters(severity), Role::of(severity))
}

/// Returns the letter of a verdict: the one of the menu, or `s` stale, `e` expired; `c` where an
/// earlier one could be carried over.
pub(super) fn mark(verdict: Option<&StandingVerdict>, offered: bool) -> Piece {
    let Some(verdict) = verdict else {
        return if offered {
            Piece::new("c", Role::Warning)
        } else {
            Piece::new(" ", Role::Text)
        };
    };
    match verdict.standing {
        Standing::Stale => Piece::new("s", Role::Warning),
        Standing::Expired => Piece::new("e", Role::Warning),
        Standing::Current => match verdict.verdict.decision {
            Decision::AcceptRisk => Piece::new("x", Role::Good),
            Decision::NotAffected => Piece::new("o", Role::Good),
            Decision::FalsePositive => Piece::new("p", Role::Good),
            Decision::Affected => Piece::new("t", Role::Error),
            Decision::UnderInvestigation => Piece::new("i", Role::Text),
        },
    }
}

fn fixed(finding: &Finding) -> Piece {
    match finding.fix.versions.as_slice() {
        [] => Piece::new(finding.fix.state.as_str(), Role::Dim),
        [one] => Piece::foreign(one, Role::Text),
        [first, rest @ ..] => Piece::foreign(&format!("{first} +{}", rest.len()), Role::Text),
    }
}

/// `T G`, `T -`: the initials of the subject's scanners, `-` for those that do not report it.
fn found_by(finding: &Finding, scanners: &[String]) -> Piece {
    let initials = scanners.iter().map(|scanner| {
        let initial = scanner.chars().next().unwrap_or('?').to_ascii_uppercase();
        if finding.scanners.contains(scanner) {
            initial
        } else {
            '-'
        }
    });
    let text: String = initials.flat_map(|initial| [initial, ' ']).collect();
    Piece::foreign(text.trim_end(), Role::Dim)
}

/// Returns the counts by severity: `C2 H7 M5 L1`.
pub(super) fn severity_counts(summary: &Summary) -> Vec<Piece> {
    Severity::ALL
        .into_iter()
        .filter(|severity| summary.by_severity.of(*severity) > 0)
        .map(|severity| {
            let letter = letters(severity).chars().next().unwrap_or('?');
            let text = format!("{letter}{} ", thousands(summary.by_severity.of(severity)));
            Piece::foreign(&text, Role::of(severity))
        })
        .collect()
}
