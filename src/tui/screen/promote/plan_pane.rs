//! The promotion before it runs: the fields, the plan, the checks and the confirmation.
//!
//! Drawing only. The digest a person has to check is always drawn in full or the confirmation is
//! closed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::promotion::{Plan, PlatformReview};
use crate::text::{Safe, thousands};
use crate::tui::context::Context;
use crate::tui::message::Failed;
use crate::tui::theme::Role;
use crate::tui::widget::progress::size;
use crate::tui::widget::{Field, Pane, Piece, line, lines, wrap};

use super::checks::{Check, moved_from};
use super::{Focus, Lower, State, Unlock};

/// The columns of a label such as `FROM `.
const LABEL: u16 = 5;

/// Returns whether `area` is large enough for the full digest, the checks and the confirmation.
pub(super) fn shows_all(area: Rect) -> bool {
    area.width >= 80 && area.height >= 18
}

/// Returns a line of a label and one piece.
fn labelled(label: &'static str, piece: Piece) -> Vec<Piece> {
    vec![Piece::new(label, Role::Dim), piece]
}

/// Returns what the plan would do, a line each; the full digest is always the second.
pub(super) fn plan_lines(plan: &Plan) -> Vec<Vec<Piece>> {
    let full = |digest: &crate::model::Digest, role| Piece::foreign(&digest.to_string(), role);
    let mut text = vec![
        labelled("FROM ", Piece::foreign(&plan.source, Role::Text)),
        labelled("     ", full(&plan.digest, Role::Title)),
        labelled("TO   ", Piece::foreign(&plan.destination, Role::Text)),
    ];
    let tag = Piece::foreign(&plan.tag.name, Role::Text);
    match (&plan.tag.from, moved_from(plan)) {
        (_, Some(from)) => {
            let mut moving = labelled("TAG  ", tag);
            moving.push(Piece::new(
                "  WILL MOVE to the digest above from",
                Role::Warning,
            ));
            text.push(moving);
            text.push(labelled("     ", full(from, Role::Warning)));
        }
        (Some(_), None) => {
            let mut same = labelled("TAG  ", tag);
            same.push(Piece::new("  names this digest already", Role::Good));
            text.push(same);
        }
        (None, None) => {
            let mut new = labelled("TAG  ", tag);
            new.push(Piece::new("  is new", Role::Good));
            text.push(new);
        }
    }
    text.push(labelled("SEND ", Piece::foreign(&blobs(plan), Role::Text)));
    text.push(match &plan.signer {
        Some(signer) => labelled("SIGN ", full(&signer.fingerprint, Role::Text)),
        None => labelled(
            "SIGN ",
            Piece::new("nothing: no key was given (--key)", Role::Warning),
        ),
    });
    text.push(match &plan.archive {
        Some(archive) => labelled("KEEP ", Piece::foreign(archive, Role::Text)),
        None => labelled(
            "KEEP ",
            Piece::new("nowhere: no archive was given (--archive)", Role::Warning),
        ),
    });
    text.push(labelled("PLAN ", full(&plan.plan_digest, Role::Dim)));
    text
}

/// Says how many blobs exist and how many bytes must be sent.
fn blobs(plan: &Plan) -> String {
    let uploads = plan
        .blobs
        .iter()
        .filter(|blob| blob.action == "upload")
        .count();
    let there = plan.blobs.len() - uploads;
    format!(
        "{} of {} blobs, {}; {} there already; {}",
        thousands(uploads as u64),
        thousands(plan.blobs.len() as u64),
        size(plan.bytes_to_send),
        thousands(there as u64),
        platforms(plan)
    )
}

/// Names the platforms, and says which of them nobody reviewed.
fn platforms(plan: &Plan) -> String {
    let name = |one: &PlatformReview| {
        let mark = if one.reviewed { "" } else { " NOT REVIEWED" };
        format!("{}{mark}", one.platform)
    };
    let named: Vec<String> = plan.platform_reviews.iter().map(name).collect();
    if named.is_empty() {
        "platform unknown".to_owned()
    } else {
        named.join(", ")
    }
}

impl State {
    /// Draws everything that comes before the promotion runs.
    pub(super) fn view_plan(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let in_fields = matches!(self.focus, Focus::Source | Focus::Destination);
        match &self.plan {
            Some(plan) if !in_fields => self.view_shown(plan, context, area, buffer),
            _ => self.view_fields(context, area, buffer),
        }
    }

    fn pane(
        title: &[Piece],
        focused: bool,
        context: &Context<'_>,
        area: Rect,
        buffer: &mut Buffer,
    ) -> Rect {
        let pane = Pane {
            theme: context.theme,
            title,
            focused,
            bordered: context.bordered(),
        };
        pane.draw(area, buffer)
    }

    fn view_fields(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let [top, bottom] =
            Layout::vertical([Constraint::Length(6), Constraint::Min(0)]).areas(area);
        let title = [Piece::new("What to promote", Role::Title)];
        let inner = Self::pane(&title, true, context, top, buffer);
        let prefill = context.prefill;
        let or = |text: &Option<String>, none: &'static str| match text {
            Some(text) => Piece::foreign(text, Role::Text),
            None => Piece::new(none, Role::Dim),
        };
        let rows: Vec<Rect> = inner.rows().collect();
        let text = [
            labelled("FROM ", Piece::new("", Role::Text)),
            labelled("TO   ", Piece::new("", Role::Text)),
            labelled(
                "SIGN ",
                or(&prefill.key, "nothing: start with --key to sign"),
            ),
            labelled(
                "KEEP ",
                or(
                    &prefill.archive,
                    "nowhere: start with --archive to keep the evidence",
                ),
            ),
        ];
        lines(context.theme, &text, inner, buffer);
        for (row, field, focus) in [
            (0, &self.source, Focus::Source),
            (1, &self.destination, Focus::Destination),
        ] {
            if let Some(row) = rows.get(row) {
                self.view_field(field, focus, context, *row, buffer);
            }
        }
        let title = [Piece::new("Next", Role::Title)];
        let inner = Self::pane(&title, false, context, bottom, buffer);
        lines(
            context.theme,
            &self.next(context, inner.width),
            inner,
            buffer,
        );
    }

    fn view_field(
        &self,
        field: &Field,
        focus: Focus,
        context: &Context<'_>,
        row: Rect,
        buffer: &mut Buffer,
    ) {
        let focused = self.typing && self.focus == focus;
        let place = Rect {
            x: row.x + LABEL.min(row.width),
            width: row.width.saturating_sub(LABEL),
            ..row
        };
        if focused {
            field.draw(context.theme, true, place, buffer);
        } else {
            // Without a cursor the beginning is what tells one registry from another.
            let text = [Piece::foreign(field.text(), Role::Text)];
            line(context.theme, &text, place, buffer);
        }
    }

    /// Returns what can be done before there is a plan.
    fn next(&self, context: &Context<'_>, width: u16) -> Vec<Vec<Piece>> {
        let mut text = Vec::new();
        if self.is_planning {
            text.push(vec![Piece::new(
                "working out the plan: reading source and destination …",
                Role::Text,
            )]);
        } else if let Some(failed) = &self.failure {
            failure(failed, width, &mut text);
        } else {
            text.push(vec![Piece::new(
                "p works out the plan: what would be copied, signed, kept and tagged.",
                Role::Text,
            )]);
            text.push(vec![Piece::new(
                "Nothing is sent by it. e types the destination, Tab goes to the next field.",
                Role::Dim,
            )]);
        }
        if let Some(standing) = context.standing() {
            text.push(Vec::new());
            let gate = &standing.gate;
            text.push(vec![if gate.open {
                Piece::new("The gate of the policy is open.", Role::Good)
            } else {
                Piece::new("The gate of the policy is closed:", Role::Error)
            }]);
            for blocker in &gate.blockers {
                text.push(vec![
                    Piece::new("[xx] ", Role::Error),
                    Piece::foreign(&blocker.text, Role::Text),
                ]);
            }
        }
        text
    }

    fn view_shown(&self, plan: &Plan, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let text = plan_lines(plan);
        let frame = if context.bordered() { 2 } else { 1 };
        let wanted = u16::try_from(text.len()).unwrap_or(u16::MAX) + frame;
        let [top, middle, bottom] = Layout::vertical([
            Constraint::Length(wanted),
            Constraint::Min(frame + 1),
            Constraint::Length(3 + frame),
        ])
        .areas(area);
        let title = [Piece::new("What will happen", Role::Title)];
        let inner = Self::pane(&title, false, context, top, buffer);
        lines(context.theme, &text, inner, buffer);
        if self.lower == Lower::Commands {
            let rest = Rect {
                height: middle.height + bottom.height,
                ..middle
            };
            Self::view_commands(plan, context, rest, buffer);
            return;
        }
        self.view_checks(plan, context, middle, buffer);
        if self.focus == Focus::Password {
            self.view_password(context, bottom, buffer);
        } else {
            self.view_confirm(context, bottom, buffer);
        }
    }

    fn view_commands(plan: &Plan, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let title = [Piece::new("The same by hand (C closes)", Role::Title)];
        let inner = Self::pane(&title, true, context, area, buffer);
        let text: Vec<Vec<Piece>> = plan
            .commands
            .iter()
            .flat_map(|command| wrap(&Safe::limited(command, 2_000), usize::from(inner.width)))
            .take(usize::from(inner.height))
            .map(|text| vec![Piece::safe(text, Role::Text)])
            .collect();
        lines(context.theme, &text, inner, buffer);
    }

    fn view_checks(&self, plan: &Plan, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let checks = self.checks(context);
        let count =
            |wanted: fn(&Check<'_>) -> bool| checks.iter().filter(|check| wanted(check)).count();
        let blocked = count(|check| !check.passes() && !check.is_open_question());
        let open = count(|check| !check.passes() && check.is_open_question());
        let title = [
            Piece::new("Checks", Role::Title),
            Piece::foreign(
                &format!("  gate {}", if plan.gate.open { "open" } else { "closed" }),
                if plan.gate.open {
                    Role::Good
                } else {
                    Role::Error
                },
            ),
            Piece::foreign(
                &format!("  {blocked} blocked  {open} to acknowledge"),
                if blocked + open == 0 {
                    Role::Good
                } else {
                    Role::Warning
                },
            ),
        ];
        let focused = self.focus == Focus::Checks;
        let inner = Self::pane(&title, focused, context, area, buffer);
        let mut text: Vec<Vec<Piece>> = Vec::new();
        let mut selected = 0..0;
        for (position, check) in checks.iter().enumerate() {
            let start = text.len();
            let here = position == self.selected;
            check_lines(check, here, inner.width, &mut text);
            if here {
                selected = start..text.len();
            }
        }
        for remedy in &plan.gate.to_open {
            text.push(vec![
                Piece::new("  to open: ", Role::Dim),
                Piece::foreign(&remedy.action, Role::Text),
            ]);
        }
        // The selected lines stay in sight; the first of them where they are more than fit.
        let height = usize::from(inner.height);
        let start = selected.end.saturating_sub(height).min(selected.start);
        let seen: Vec<Vec<Piece>> = text.into_iter().skip(start).take(height).collect();
        lines(context.theme, &seen, inner, buffer);
        if focused {
            let marked = inner
                .rows()
                .skip(selected.start - start)
                .take(selected.len());
            for row in marked {
                buffer.set_style(row, context.theme.style(Role::Selected));
            }
        }
    }

    fn view_password(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let title = [Piece::new("Password of the signing key", Role::Title)];
        let inner = Self::pane(&title, true, context, area, buffer);
        let key = context.prefill.key.as_deref().unwrap_or_default();
        let last = match &self.failure {
            Some(failed) => Piece::foreign(&failed.message, Role::Error),
            None => Piece::new(
                "wiped from memory once the key is open; Enter opens it, Esc leaves",
                Role::Dim,
            ),
        };
        let text = [
            labelled("key  ", Piece::foreign(key, Role::Text)),
            vec![
                Piece::new("     ", Role::Dim),
                self.password.shown(),
                Piece::new("_", Role::Field),
            ],
            vec![last],
        ];
        lines(context.theme, &text, inner, buffer);
    }

    fn view_confirm(&self, context: &Context<'_>, area: Rect, buffer: &mut Buffer) {
        let title = [Piece::new("Confirm", Role::Title)];
        let focused = self.focus == Focus::Confirm;
        let inner = Self::pane(&title, focused, context, area, buffer);
        let why = match self.unlock {
            Unlock::Asked => Some("opening the signing key …"),
            _ => self.closed(context),
        };
        if let Some(why) = why {
            let text = [
                vec![Piece::new("Nothing has been sent.", Role::Text)],
                vec![Piece::new(why, Role::Warning)],
            ];
            lines(context.theme, &text, inner, buffer);
            return;
        }
        let Some(confirm) = &self.confirm else {
            return;
        };
        let text = [
            vec![Piece::new(
                "Type the first 8 digits of the digest above to start; nothing was sent yet.",
                Role::Text,
            )],
            vec![
                Piece::new("digest > ", Role::Dim),
                Piece::foreign(confirm.typed(), Role::Field),
                Piece::new(if focused { "_   " } else { "   " }, Role::Text),
                match (focused, confirm.refusal()) {
                    (_, Some(refusal)) => Piece::new(refusal.as_str(), Role::Error),
                    (true, None) => Piece::new("Enter starts; Esc leaves", Role::Dim),
                    (false, None) => Piece::new("Tab goes to the field", Role::Dim),
                },
            ],
            vec![Piece::new(
                "a paste is refused here; Enter alone does nothing",
                Role::Dim,
            )],
        ];
        lines(context.theme, &text, inner, buffer);
    }

    /// Returns the line above the keys.
    #[must_use]
    pub fn status(&self, _context: &Context<'_>) -> Vec<Piece> {
        use super::Cancel;
        use crate::tui::widget::progress::Outcome as Ended;
        vec![match (self.is_running(), self.cancel, self.ended()) {
            (true, Cancel::No, _) => Piece::new(
                "running; leaving this screen does not stop it, Esc asks whether to cancel",
                Role::Text,
            ),
            (true, Cancel::Asked, _) => Piece::new(
                "cancel? Esc again stops after what is under way; any other key goes on",
                Role::Warning,
            ),
            (true, Cancel::Requested, _) => {
                Piece::new("stopping after what is under way …", Role::Warning)
            }
            (false, _, Some(Ended::Finished(_))) => Piece::new("promoted", Role::Good),
            (false, _, Some(Ended::Failed { .. })) => Piece::new(
                "not promoted; p works out a new plan, which resumes where this one stopped",
                Role::Error,
            ),
            (false, _, None) => Piece::new("nothing has been sent", Role::Text),
        }]
    }
}

/// Adds the lines of one check; the selected one is shown in full.
fn check_lines(check: &Check<'_>, selected: bool, width: u16, text: &mut Vec<Vec<Piece>>) {
    let (role, words) = match check {
        Check::Blocker(blocker) => (Role::Error, Safe::limited(&blocker.text, 1_000)),
        Check::OtherImage => (
            Role::Error,
            Safe::new("the plan names another digest than the image on this screen"),
        ),
        Check::TagMove { consented: false } => (
            Role::Warning,
            Safe::new("the tag exists and will move: Space consents"),
        ),
        Check::TagMove { consented: true } => {
            (Role::Good, Safe::new("the tag will move, as you consented"))
        }
        Check::NewRepository { consented: false } => (
            Role::Warning,
            Safe::new("the repository does not exist and will be made: Space consents"),
        ),
        Check::NewRepository { consented: true } => (
            Role::Good,
            Safe::new("the repository will be made, as you consented"),
        ),
        Check::Warning {
            warning,
            acknowledged,
        } => (
            if *acknowledged {
                Role::Good
            } else {
                Role::Warning
            },
            Safe::limited(&warning.text, 1_000),
        ),
        Check::Clear => (Role::Good, Safe::new("nothing stands in the way")),
    };
    let pointer = if selected { "> " } else { "  " };
    let mut head = vec![
        Piece::new(pointer, Role::Text),
        Piece::new(check.mark(), role),
        Piece::new(" ", Role::Text),
    ];
    if !selected {
        head.push(Piece::safe(words, Role::Text));
        text.push(head);
        return;
    }
    for (row, part) in wrap(&words, usize::from(width.saturating_sub(7)))
        .into_iter()
        .enumerate()
    {
        let mut pieces = if row == 0 {
            std::mem::take(&mut head)
        } else {
            vec![Piece::new("       ", Role::Text)]
        };
        pieces.push(Piece::safe(part, Role::Text));
        text.push(pieces);
    }
}

/// Adds the lines of a failure: what happened, and what to do next.
pub(super) fn failure(failed: &Failed, width: u16, text: &mut Vec<Vec<Piece>>) {
    for part in wrap(&Safe::limited(&failed.message, 4_000), usize::from(width)) {
        text.push(vec![Piece::safe(part, Role::Error)]);
    }
    for hint in &failed.hints {
        let hint = Safe::limited(hint, 2_000);
        for (row, part) in wrap(&hint, usize::from(width.saturating_sub(6)))
            .into_iter()
            .enumerate()
        {
            let label = if row == 0 { "hint: " } else { "      " };
            text.push(vec![
                Piece::new(label, Role::Dim),
                Piece::safe(part, Role::Text),
            ]);
        }
    }
}
