//! Why there are no rows.
//!
//! Nothing scanned, partly read and hidden by the filter are never "clean"; rows are in `rows`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::Subject;
use crate::review::Review;
use crate::text::{Safe, thousands};
use crate::tui::context::Context;
use crate::tui::theme::Role;
use crate::tui::widget::{Piece, counted, lines, wrap};

use super::{Scope, State};

impl State {
    pub(super) fn draw_empty(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let width = usize::from(area.width.saturating_sub(2));
        let text: Vec<Vec<Piece>> = self
            .why_empty(context)
            .into_iter()
            .flat_map(|(text, role)| {
                wrap(&Safe::limited(&text, 2_000), width)
                    .into_iter()
                    .map(move |part| vec![Piece::new(" ", Role::Text), Piece::safe(part, role)])
            })
            .collect();
        let below = Rect {
            y: area.y + area.height.min(1),
            height: area.height.saturating_sub(1),
            ..area
        };
        lines(context.theme, &text, below, buffer);
    }

    fn why_empty(&self, context: &Context<'_>) -> Vec<(String, Role)> {
        let say = |text: &str, role: Role| (text.to_owned(), role);
        if context.is_loading {
            return vec![say(
                "reading the inputs; what is found is shown here",
                Role::Dim,
            )];
        }
        let unread = context.review.failures.len();
        let unread_hint = say(
            &format!(
                "{} could not be read: see 1 Images",
                counted(unread as u64, "input")
            ),
            Role::Error,
        );
        let (Some(subject), Some(standing)) = (context.subject(), context.standing()) else {
            let mut text = vec![say(
                "nothing was scanned: no report about an image was read",
                Role::Warning,
            )];
            if unread > 0 {
                text.push(unread_hint);
            }
            return text;
        };
        if self.total > 0 {
            let hidden = thousands(self.total as u64);
            return vec![
                say(
                    &format!("the filter hides all {hidden} findings"),
                    Role::Warning,
                ),
                say("c clears it", Role::Dim),
            ];
        }
        if self.scope == Scope::Hygiene {
            return vec![say(
                "no secret, misconfiguration, licence or image finding in what was read; a scanner reports them only when it was asked to look, and an image only tells what its configuration holds",
                Role::Dim,
            )];
        }
        let mut text = Vec::new();
        if !standing.summary.scanned {
            text.push(say(
                "not scanned: no vulnerability result about this image was read whole",
                Role::Warning,
            ));
        } else if !standing.summary.partial && self.suppressed == 0 {
            text.push(say("no findings", Role::Good));
        }
        text.extend(looked(context.review, subject, self.suppressed > 0));
        if self.suppressed > 0 {
            let said = format!("left out: {}", self.suppressed_by(context));
            text.push((said, Role::Warning));
            let hint = "filter suppressed:yes shows them";
            text.push((hint.to_owned(), Role::Dim));
        }
        if unread > 0 {
            text.push(unread_hint);
        }
        text
    }
}

/// Says of every report of a subject whether it looked, and how much of it was read.
fn looked(review: &Review, subject: &Subject, suppressed: bool) -> Vec<(String, Role)> {
    let reports = subject
        .reports
        .iter()
        .filter_map(|(position, rule)| Some((review.reports.get(*position)?, *rule)));
    reports
        .map(|(report, rule)| {
            let counts = report.counts();
            let (path, scanner) = (&report.origin.path, &report.scanner);
            if !report.looked_for_vulnerabilities {
                let said = format!("{path}: {scanner} did not look for vulnerabilities");
                return (said, Role::Warning);
            }
            if counts.unreadable > 0 {
                let lost = counts.unreadable;
                let said = format!(
                    "{path}: {lost} of {} entries could not be read",
                    counts.read
                );
                return (said, Role::Error);
            }
            let found = if suppressed {
                "nothing else"
            } else {
                "nothing"
            };
            let joined = rule.as_str();
            let said = format!("{path}: {scanner} found {found} (joined by {joined}, read whole)");
            let proven = rule.is_identity() || subject.reports.len() == 1;
            (said, if proven { Role::Good } else { Role::Warning })
        })
        .collect()
}
