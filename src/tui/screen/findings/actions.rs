//! What keys do to the findings: moving, marking, filtering, asking for a verdict.
//!
//! Drawing is in the neighbouring files.

use crate::keymap::Action;
use crate::model::{Decision, Finding, Fixable, Severity, Standing};
use crate::triage::view::{Column, Sort};
use crate::tui::context::Context;
use crate::tui::message::{Effect, Judgement, Message, Notice, Outcome};
use crate::tui::widget::{Field, Scroll};

use super::{Focus, State};

impl State {
    /// Takes a verb while no menu is open.
    pub(super) fn act(&mut self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        if self.moves(action, context) {
            return Vec::new();
        }
        match action {
            Action::Open => return self.open(),
            Action::Back => return self.back(context),
            Action::Filter => {
                self.before = self.field.clone();
                self.typing = true;
                self.full = false;
            }
            Action::Mark => self.mark(context),
            Action::MarkAll => self.mark_all(),
            Action::Clear => self.clear(context),
            Action::RaiseSeverity => self.set_least(true, context),
            Action::LowerSeverity => self.set_least(false, context),
            Action::Fixable => {
                self.fixable = match self.fixable {
                    None => Some(Fixable::Yes),
                    Some(Fixable::Yes) => Some(Fixable::No),
                    Some(Fixable::No) => Some(Fixable::Unknown),
                    Some(Fixable::Unknown) => None,
                };
                self.refilter(context);
            }
            Action::Reverse => {
                self.sort.reverse = !self.sort.reverse;
                self.refilter(context);
            }
            Action::Detail => {
                self.hide_detail = !self.hide_detail;
                self.focus = Focus::Table;
                self.keep_in_sight(context);
            }
            Action::NextPane | Action::PreviousPane => self.focus_next(context),
            Action::NextUndecided => return self.seek(true, context),
            Action::PreviousUndecided => return self.seek(false, context),
            Action::Decide if self.targets(context).is_empty() => {
                return vec![Notice::warning("no finding is selected").into()];
            }
            Action::Decide | Action::Sort | Action::Copy => self.set_menu(action),
            Action::Undo => return self.undo(context),
            Action::CarryOver => {
                let findings = self.targets(context);
                return self.carry_over(&findings, context);
            }
            Action::Offers => return self.open_offers(context),
            _ => {}
        }
        Vec::new()
    }

    /// Moves in the pane in front; returns whether `action` was a movement.
    fn moves(&mut self, action: Action, context: &Context<'_>) -> bool {
        if self.full || self.focus == Focus::Detail {
            let (length, height) = self.detail_size(context);
            return self.scroll.act(action, length, height);
        }
        let height = self.height(context);
        let before = self.cursor.selected;
        let moved = self.cursor.act(action, self.rows.len(), height);
        if self.cursor.selected != before {
            self.scroll = Scroll::default();
            self.texts = None;
        }
        moved
    }

    fn keep_in_sight(&mut self, context: &Context<'_>) {
        let height = self.height(context);
        self.cursor
            .select(self.cursor.selected, self.rows.len(), height);
    }

    /// Shows the selected finding over the whole screen and asks for its long texts.
    fn open(&mut self) -> Vec<Outcome> {
        let Some(finding) = self.selected() else {
            return Vec::new();
        };
        self.full = true;
        self.scroll = Scroll::default();
        if self
            .texts
            .as_ref()
            .is_some_and(|(known, _)| *known == finding)
        {
            return Vec::new();
        }
        vec![Effect::LoadDetails { finding }.into()]
    }

    /// Closes what is open, one thing at a time.
    fn back(&mut self, context: &Context<'_>) -> Vec<Outcome> {
        if self.full {
            self.full = false;
            self.scroll = Scroll::default();
            self.keep_in_sight(context);
        } else if self.focus == Focus::Detail {
            self.focus = Focus::Table;
        } else {
            return vec![Message::Back.into()];
        }
        Vec::new()
    }

    fn mark(&mut self, context: &Context<'_>) {
        let Some(finding) = self.selected() else {
            return;
        };
        if !self.marks.remove(&finding) {
            self.marks.insert(finding);
        }
        if !self.full {
            let height = self.height(context);
            self.cursor.act(Action::Down, self.rows.len(), height);
            self.texts = None;
        }
    }

    fn mark_all(&mut self) {
        let shown = self.rows.iter().map(|row| *row as usize);
        if shown.clone().all(|row| self.marks.contains(&row)) {
            for row in shown {
                self.marks.remove(&row);
            }
        } else {
            self.marks.extend(shown);
        }
    }

    fn clear(&mut self, context: &Context<'_>) {
        self.marks.clear();
        self.field = Field::default();
        self.least = None;
        self.fixable = None;
        self.read_filter(context);
    }

    /// Moves the least severity one step; below the lowest there is no least.
    fn set_least(&mut self, up: bool, context: &Context<'_>) {
        let steps = [
            Severity::Unknown,
            Severity::Negligible,
            Severity::Low,
            Severity::Medium,
            Severity::High,
            Severity::Critical,
        ];
        let now = self.least.unwrap_or(Severity::Unknown);
        let place = steps.iter().position(|step| *step == now).unwrap_or(0);
        let next = if up {
            place + 1
        } else {
            place.saturating_sub(1)
        };
        self.least = steps
            .get(next.min(steps.len() - 1))
            .copied()
            .filter(|least| *least != Severity::Unknown);
        self.refilter(context);
    }

    /// Moves to the next or previous finding without a verdict that holds, round the end.
    fn seek(&mut self, forward: bool, context: &Context<'_>) -> Vec<Outcome> {
        let length = self.rows.len();
        let undecided = |place: &usize| {
            let row = self
                .rows
                .get(*place)
                .map_or(usize::MAX, |row| *row as usize);
            !context
                .verdict(row)
                .is_some_and(|verdict| verdict.standing == Standing::Current)
        };
        let here = self.cursor.selected;
        let found = if forward {
            (here + 1..length)
                .chain(0..here.min(length))
                .find(undecided)
        } else {
            (0..here)
                .rev()
                .chain((here + 1..length).rev())
                .find(undecided)
        };
        match found {
            Some(place) => {
                let height = self.height(context);
                self.cursor.select(place, length, height);
                self.scroll = Scroll::default();
                self.texts = None;
                if self.full { self.open() } else { Vec::new() }
            }
            None => vec![Notice::good("no other finding shown is without a verdict").into()],
        }
    }

    fn undo(&self, context: &Context<'_>) -> Vec<Outcome> {
        let verdict = self.selected().and_then(|finding| context.verdict(finding));
        match verdict {
            Some(verdict) => vec![
                Effect::Undo {
                    entries: vec![verdict.recorded.entry],
                }
                .into(),
            ],
            None => {
                vec![Notice::warning("there is no verdict on this finding to take back").into()]
            }
        }
    }

    /// Returns the findings a decision would be about: the marked ones, else the selected one.
    pub(super) fn targets(&self, context: &Context<'_>) -> Vec<usize> {
        if self.marks.is_empty() {
            return self.selected().into_iter().collect();
        }
        let exists = |position: &usize| context.finding(*position).is_some();
        self.marks.iter().copied().filter(exists).collect()
    }

    /// Takes the answer to an open menu.
    pub(super) fn choose(&mut self, action: Action, context: &Context<'_>) -> Vec<Outcome> {
        if let Some(decision) = decision(action) {
            let findings = self.targets(context);
            return vec![Message::Judge(Judgement::Findings { findings, decision }).into()];
        }
        if let Some(column) = column(action) {
            self.sort = Sort {
                column,
                reverse: self.sort.column == column && !self.sort.reverse,
            };
            self.refilter(context);
            return Vec::new();
        }
        let finding = self.selected().and_then(|row| context.finding(row));
        let text = finding.and_then(|finding| copied(action, finding, context));
        text.map(|text| Effect::Copy(text).into())
            .into_iter()
            .collect()
    }
}

fn decision(action: Action) -> Option<Decision> {
    Some(match action {
        Action::AcceptRisk => Decision::AcceptRisk,
        Action::NotAffected => Decision::NotAffected,
        Action::Affected => Decision::Affected,
        Action::FalsePositive => Decision::FalsePositive,
        Action::UnderInvestigation => Decision::UnderInvestigation,
        _ => return None,
    })
}

fn column(action: Action) -> Option<Column> {
    Some(match action {
        Action::SortSeverity => Column::Severity,
        Action::SortId => Column::Id,
        Action::SortPackage => Column::Package,
        Action::SortVersion => Column::Version,
        Action::SortFix => Column::Fix,
        Action::SortScanners => Column::Scanners,
        Action::SortVerdict => Column::Verdict,
        Action::SortRisk => Column::Risk,
        _ => return None,
    })
}

fn copied(action: Action, finding: &Finding, context: &Context<'_>) -> Option<String> {
    let package = &finding.package;
    let named = || match &package.purl {
        Some(purl) => purl.to_string(),
        None => format!("{} {}", package.name, package.version),
    };
    match action {
        Action::CopyId => Some(finding.id.to_string()),
        Action::CopyPackage => Some(named()),
        Action::CopyDigest => context
            .subject()?
            .identity()
            .map(|digest| digest.to_string()),
        Action::CopyLine => Some(format!(
            "{} {} {} {} fix: {}",
            finding.severity,
            finding.id,
            package.name,
            package.version,
            if finding.fix.versions.is_empty() {
                finding.fix.state.as_str().to_owned()
            } else {
                finding.fix.versions.join(", ")
            }
        )),
        _ => None,
    }
}
