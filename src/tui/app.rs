//! The state of the console, and how it is drawn.
//!
//! What changes it is `update`; nothing here touches the world.

mod past;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::environment::Clock;
use crate::keymap::{Keymap, Place};
use crate::model::{Digest, Subject};
use crate::review::{OpenProgress, ResumePoint, Review};
use crate::text::thousands;
use crate::triage::ratings::SeverityFrom;
use crate::tui::context::{Context, Prefill};
use crate::tui::message::{Input, Loaded, Message, Notice, Outcome, Standings, Tab};
use crate::tui::screen::{
    attached, compare, components, findings, help, history, images, predict, promote, verdict,
};
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::{Piece, counted, identity, keys, line, notice_in_full, notice_line, tabs};

pub(super) use past::Past;

/// The least terminal that is drawn in.
pub const LEAST: (u16, u16) = (60, 20);

/// What the console is started with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The review before anything is read: without images.
    pub review: Arc<Review>,
    /// The theme.
    pub theme: Theme,
    /// Whose severity is shown; none: the highest any scanner gives.
    pub severity_from: Option<SeverityFrom>,
    /// The keys in force.
    pub keymap: Keymap,
    /// The clock.
    pub clock: Clock,
    /// The reviewer, resolved.
    pub reviewer: String,
    /// What the command line asked for.
    pub prefill: Prefill,
    /// The image meant, where several are read: a name or digest.
    pub selector: Option<String>,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
}

/// What every screen sees.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    pub(super) review: Arc<Review>,
    pub(super) standings: Arc<Vec<Standings>>,
    pub(super) subject: Option<usize>,
    pub(super) progress: Option<OpenProgress>,
    pub(super) loading: bool,
    pub(super) size: (u16, u16),
    pub(super) at: Duration,
    theme: Theme,
    severity_from: Option<SeverityFrom>,
    pub(super) keymap: Keymap,
    clock: Clock,
    reviewer: String,
    prefill: Prefill,
    /// The subjects whose counts are covered.
    pub(super) covered: BTreeSet<usize>,
}

impl Shell {
    /// Returns the slice of the state that screens see.
    pub(super) fn context(&self) -> Context<'_> {
        Context {
            review: &self.review,
            subject: self.subject,
            standings: &self.standings,
            loading: self.progress.as_ref(),
            is_loading: self.loading,
            area: body(self.size),
            theme: self.theme,
            severity_from: self.severity_from.as_ref(),
            keymap: &self.keymap,
            at: self.at,
            now: self.clock.now(),
            clock: self.clock,
            reviewer: &self.reviewer,
            prefill: &self.prefill,
            covered: &self.covered,
        }
    }
}

/// The states of the screens.
#[derive(Clone, Debug)]
pub(super) struct Screens {
    images: images::State,
    pub(super) findings: findings::State,
    compare: compare::State,
    components: components::State,
    hygiene: findings::State,
    pub(super) verdict: verdict::State,
    promote: promote::State,
    history: history::State,
}

/// Calls the same function on the screen of a tab. There is no trait: every screen is a type of
/// its own, and this is the only place that treats them alike.
macro_rules! on_screen {
    ($screens:expr, $tab:expr, $state:ident => $call:expr) => {
        match $tab {
            Tab::Images => {
                let $state = &$screens.images;
                $call
            }
            Tab::Findings => {
                let $state = &$screens.findings;
                $call
            }
            Tab::Compare => {
                let $state = &$screens.compare;
                $call
            }
            Tab::Components => {
                let $state = &$screens.components;
                $call
            }
            Tab::Hygiene => {
                let $state = &$screens.hygiene;
                $call
            }
            Tab::Verdict => {
                let $state = &$screens.verdict;
                $call
            }
            Tab::Promote => {
                let $state = &$screens.promote;
                $call
            }
            Tab::History => {
                let $state = &$screens.history;
                $call
            }
        }
    };
    (mut $screens:expr, $tab:expr, $state:ident => $call:expr) => {
        match $tab {
            Tab::Images => {
                let $state = &mut $screens.images;
                $call
            }
            Tab::Findings => {
                let $state = &mut $screens.findings;
                $call
            }
            Tab::Compare => {
                let $state = &mut $screens.compare;
                $call
            }
            Tab::Components => {
                let $state = &mut $screens.components;
                $call
            }
            Tab::Hygiene => {
                let $state = &mut $screens.hygiene;
                $call
            }
            Tab::Verdict => {
                let $state = &mut $screens.verdict;
                $call
            }
            Tab::Promote => {
                let $state = &mut $screens.promote;
                $call
            }
            Tab::History => {
                let $state = &mut $screens.history;
                $call
            }
        }
    };
}

impl Screens {
    fn new() -> Self {
        Self {
            images: images::State::default(),
            findings: findings::State::new(findings::Scope::All),
            compare: compare::State::default(),
            components: components::State::default(),
            hygiene: findings::State::new(findings::Scope::Hygiene),
            verdict: verdict::State::default(),
            promote: promote::State::default(),
            history: history::State::default(),
        }
    }

    pub(super) fn refresh(&mut self, tab: Tab, context: &Context<'_>) {
        on_screen!(mut self, tab, state => state.refresh(context));
    }

    pub(super) fn place(&self, tab: Tab) -> Place {
        on_screen!(self, tab, state => state.place())
    }

    pub(super) fn handle(
        &mut self,
        tab: Tab,
        input: &Input,
        context: &Context<'_>,
    ) -> Vec<Outcome> {
        on_screen!(mut self, tab, state => state.handle(input, context))
    }

    pub(super) fn receive(
        &mut self,
        tab: Tab,
        message: &Message,
        context: &Context<'_>,
    ) -> Vec<Outcome> {
        on_screen!(mut self, tab, state => state.receive(message, context))
    }

    fn view(&self, tab: Tab, context: &Context<'_>, buffer: &mut Buffer) {
        on_screen!(self, tab, state => state.view(context, context.area, buffer));
    }

    fn status(&self, tab: Tab, context: &Context<'_>) -> Vec<Piece> {
        on_screen!(self, tab, state => state.status(context))
    }
}

/// The console's state.
#[derive(Clone, Debug)]
pub struct App {
    pub(super) shell: Shell,
    pub(super) screens: Screens,
    pub(super) tab: Tab,
    /// Where Back goes, last first.
    pub(super) trail: Vec<Tab>,
    pub(super) help: Option<help::State>,
    /// What hangs on the image, where it lies over the screen.
    pub(super) attached: Option<attached::State>,
    /// The image meant on the command line.
    selector: Option<String>,
    /// The last message, shown until the next key.
    pub(super) notice: Option<Notice>,
    /// Kept so that it can be read again in full.
    pub(super) last_notice: Option<Notice>,
    /// The message that lies over the screen.
    pub(super) explained: Option<Notice>,
    /// Whether a promotion runs.
    pub(super) promoting: bool,
    /// Whether the person was asked if they really want to leave.
    pub(super) asked_to_leave: bool,
    /// Tabs whose screens have not seen the last change.
    pub(super) behind: Vec<Tab>,
    /// The form of the prediction, in front of what is covered.
    pub(super) predict: predict::State,
    /// The images that are looked at without a prediction.
    pub(super) uncovered: Vec<(String, Option<Digest>)>,
    /// What was decided in this session.
    pub(super) past: Past,
    /// What earlier sessions had in hand and nobody has answered for yet; none before they were
    /// looked for.
    pub(super) offers: Option<Vec<ResumePoint>>,
}

impl App {
    /// Returns the console as it starts: reading the inputs.
    #[must_use]
    pub fn new(start: Start) -> Self {
        let mut app = Self {
            shell: Shell {
                review: start.review,
                standings: Arc::new(Vec::new()),
                subject: None,
                progress: None,
                loading: true,
                size: start.size,
                at: Duration::ZERO,
                theme: start.theme,
                severity_from: start.severity_from,
                keymap: start.keymap,
                clock: start.clock,
                reviewer: start.reviewer,
                prefill: start.prefill,
                covered: BTreeSet::new(),
            },
            screens: Screens::new(),
            tab: Tab::Images,
            trail: Vec::new(),
            help: None,
            attached: None,
            selector: start.selector,
            notice: None,
            last_notice: None,
            explained: None,
            promoting: false,
            asked_to_leave: false,
            behind: Tab::ALL.to_vec(),
            predict: predict::State::default(),
            uncovered: Vec::new(),
            past: Past::default(),
            offers: None,
        };
        app.catch_up();
        app
    }

    /// Returns the review as it is now.
    #[must_use]
    pub fn review(&self) -> &Arc<Review> {
        &self.shell.review
    }

    /// Returns the reviewer.
    #[must_use]
    pub fn reviewer(&self) -> &str {
        &self.shell.reviewer
    }

    /// Returns whether a promotion runs: only then does time have to pass on the screen.
    #[must_use]
    pub fn is_promoting(&self) -> bool {
        self.promoting
    }

    /// Returns whose keys hold now.
    #[must_use]
    pub fn place(&self) -> Place {
        match (&self.help, &self.attached) {
            (Some(help), _) => help.place(),
            (None, Some(attached)) => attached.place(),
            (None, None) if self.offer().is_some() => Place::DraftMenu,
            (None, None) if self.is_predicting() => self.predict.place(),
            (None, None) => self.screens.place(self.tab),
        }
    }

    /// Returns whether the form of the prediction lies over the screen in front: whatever tells of
    /// findings waits for it.
    pub(super) fn is_predicting(&self) -> bool {
        self.shell.context().is_covered() && !matches!(self.tab, Tab::Images | Tab::History)
    }

    /// Works out whose counts are covered: those of images that this reviewer has neither predicted
    /// nor chosen to look at.
    pub(super) fn cover(&mut self) {
        let shell = &mut self.shell;
        if !shell.prefill.predicts {
            return;
        }
        let review = &shell.review;
        let known = |subject: &Subject| {
            self.uncovered
                .contains(&(subject.name.clone(), subject.identity()))
                || review.predictions.iter().any(|(recorded, prediction)| {
                    recorded.reviewer == shell.reviewer && prediction.is_about(subject)
                })
        };
        let all = review.subjects.iter().enumerate();
        shell.covered = all
            .filter(|(_, subject)| !known(subject))
            .map(|(position, _)| position)
            .collect();
    }

    /// Returns what an earlier session had in hand about the image in front, until it is answered.
    pub(super) fn offer(&self) -> Option<&ResumePoint> {
        let subject = self.shell.review.subjects.get(self.shell.subject?)?;
        let mut offers = self.offers.iter().flatten();
        offers.find(|offer| offer.is_about(subject))
    }

    /// Returns what is in hand now and in no ledger: a verdict being written, and marks.
    #[must_use]
    pub fn in_hand(&self) -> Vec<ResumePoint> {
        let context = self.shell.context();
        let mut points = Vec::new();
        let about = |subject: usize| {
            let subject = self.shell.review.subjects.get(subject)?;
            Some(ResumePoint::about(subject, context.now))
        };
        if let Some((subject, verdict)) = self.screens.verdict.unsaved(&context)
            && let Some(mut point) = about(subject)
        {
            point.verdict = Some(verdict);
            points.push(point);
        }
        let marks = self.screens.findings.marked(&context);
        let Some(front) = self.shell.subject.and_then(about) else {
            return points;
        };
        let filter = self.screens.findings.filter_text();
        let known = points.iter_mut().find(|point| point.file() == front.file());
        if let Some(point) = known {
            (point.marks, point.filter) = (marks, filter);
        } else if !marks.is_empty() {
            points.push(ResumePoint {
                filter,
                marks,
                ..front
            });
        }
        points
    }

    /// Takes in a review; the subject in front stays in front.
    pub(super) fn load(&mut self, loaded: &Loaded) {
        let before = self
            .shell
            .subject
            .and_then(|subject| self.shell.review.subjects.get(subject))
            .map(|subject| (subject.name.clone(), subject.identity()));
        self.shell.review = Arc::clone(&loaded.review);
        self.shell.standings = Arc::clone(&loaded.standings);
        let subjects = &self.shell.review.subjects;
        let same = before.and_then(|before| {
            subjects
                .iter()
                .position(|subject| (subject.name.clone(), subject.identity()) == before)
        });
        self.shell.subject = same.or_else(|| self.first_subject());
        self.cover();
        self.all_behind();
    }

    /// Returns the subject to begin with: the one named on the command line, else the first.
    fn first_subject(&mut self) -> Option<usize> {
        let review = &self.shell.review;
        if review.subjects.is_empty() {
            return None;
        }
        let Some(selector) = self.selector.as_deref() else {
            return Some(0);
        };
        match review.select(Some(selector)) {
            Ok(subject) => Some(subject),
            Err(error) => {
                self.notice = Some(Notice::warning(error.to_string()));
                self.last_notice.clone_from(&self.notice);
                Some(0)
            }
        }
    }

    /// Notes that the review, the subject or the size changed.
    pub(super) fn all_behind(&mut self) {
        self.behind = Tab::ALL.to_vec();
        self.catch_up();
    }

    /// Lets the screen in front see the last change; the others when they come to the front.
    pub(super) fn catch_up(&mut self) {
        if self.behind.contains(&self.tab) {
            self.behind.retain(|tab| *tab != self.tab);
            let context = self.shell.context();
            self.screens.refresh(self.tab, &context);
        }
        if let Some(attached) = &mut self.attached {
            attached.refresh(&self.shell.context());
        }
        if let Some(help) = &mut self.help {
            help.refresh(&self.shell.context());
        }
    }

    /// Draws everything into `buffer`. Reads only.
    pub fn draw(&self, buffer: &mut Buffer) {
        let area = buffer.area;
        let theme = self.shell.theme;
        let (width, height) = (area.width, area.height);
        if width < LEAST.0 || height < LEAST.1 {
            let text = format!(
                "needs {}x{}, have {width}x{height}; q quits",
                LEAST.0, LEAST.1
            );
            line(theme, &[Piece::foreign(&text, Role::Warning)], area, buffer);
            return;
        }
        let context = Context {
            area: body((width, height)),
            ..self.shell.context()
        };
        let row = |y: u16| Rect {
            x: 0,
            y,
            width,
            height: 1,
        };
        line(theme, &tabs(self.tab, width), row(0), buffer);
        line(theme, &identity(&context), row(1), buffer);
        let (place, status) = if let Some(help) = &self.help {
            help.view(&context, context.area, buffer);
            (help.place(), help.status(&context))
        } else if let Some(attached) = &self.attached {
            attached.view(&context, context.area, buffer);
            (attached.place(), attached.status(&context))
        } else if self.is_predicting() {
            self.predict.view(&context, context.area, buffer);
            (self.place(), self.predict.status())
        } else {
            self.screens.view(self.tab, &context, buffer);
            let status = self.screens.status(self.tab, &context);
            (self.place(), status)
        };
        let status = self.notice.as_ref().map_or(status, notice_line);
        line(theme, &status, row(height - 2), buffer);
        line(theme, &keys(&context, place), row(height - 1), buffer);
        if let Some(explained) = &self.explained {
            notice_in_full(theme, explained, context.area, buffer);
        } else if let (Some(offer), None) = (self.offer(), &self.help) {
            notice_in_full(theme, &offered(offer), context.area, buffer);
        }
    }
}

/// Says what an earlier session had in hand.
fn offered(offer: &ResumePoint) -> Notice {
    let mut more = Vec::new();
    if let Some(verdict) = &offer.verdict {
        let about = verdict.findings.as_ref().map_or_else(
            || "the whole image".to_owned(),
            |findings| counted(findings.len() as u64, "finding"),
        );
        let decision = verdict.decision.as_deref().unwrap_or("no decision yet");
        more.push(format!("Verdict  {decision}, {about}"));
        let reason: String = verdict.reason.chars().take(200).collect();
        more.push(format!("Reason   {reason}"));
    }
    if !offer.marks.is_empty() {
        more.push(format!("Marks    {}", thousands(offer.marks.len() as u64)));
    }
    if !offer.filter.is_empty() {
        more.push(format!("Filter   {}", offer.filter));
    }
    more.push("Left for later, it is offered again; a new draft replaces it.".to_owned());
    let time = offer.time.format("%Y-%m-%d %H:%M UTC");
    let text = format!("A draft of {time} about {} was not saved", offer.image);
    Notice::warning(text).with(more)
}

/// Returns the area screens are drawn in: between the two lines above and the two below.
fn body((width, height): (u16, u16)) -> Rect {
    Rect {
        x: 0,
        y: 2,
        width,
        height: height.saturating_sub(4),
    }
}

impl ratatui::widgets::Widget for &App {
    fn render(self, _area: Rect, buffer: &mut Buffer) {
        self.draw(buffer);
    }
}
