//! The form of a verdict: what may be chosen, what is missing, and the request it becomes.
//!
//! Pure: keys, drawing and saving are the screen's. The rules that refuse a decision are
//! `review::decide`'s; the checks here say the same earlier, beside the field.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::environment::Clock;
use crate::model::{Decision, Finding, ImageDecision, JUSTIFICATIONS, Kind, Scope, Until};
use crate::review::{DecideRequest, Decided, Review, Selection, UnsavedVerdict};
use crate::triage::impact::Impact;
use crate::tui::widget::Field as TextField;
use crate::tui::widget::note_editor::NoteEditor;

/// What a verdict is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// Findings of one subject, by position in the review.
    Findings(Vec<usize>),
    /// The whole image.
    Image,
}

/// One of the decisions offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// About findings.
    Finding(Decision),
    /// About the image.
    Image(ImageDecision),
}

impl Choice {
    /// Returns the word of the ledger.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Finding(decision) => decision.as_str(),
            Self::Image(decision) => decision.as_str(),
        }
    }

    /// Returns the words shown beside the radio button.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Finding(Decision::AcceptRisk) => "accept risk",
            Self::Finding(Decision::NotAffected) => "not affected",
            Self::Finding(Decision::Affected) => "affected",
            Self::Finding(Decision::FalsePositive) => "false positive",
            Self::Finding(Decision::UnderInvestigation) => "under investigation",
            Self::Image(ImageDecision::Approve) => "approve",
            Self::Image(ImageDecision::Reject) => "reject",
        }
    }
}

/// Whether a word about the image is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sign {
    /// There is no key.
    #[default]
    Impossible,
    /// No.
    No,
    /// Yes, with the key at hand.
    Yes,
}

/// A field of the form, in tab order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The decision.
    Decision,
    /// Whether it is signed.
    Sign,
    /// The key's password.
    Password,
    /// How far it reaches.
    Scope,
    /// When an accepted risk ends.
    Until,
    /// The OpenVEX justification.
    Justification,
    /// The reason in words.
    Note,
}

/// Something that keeps the form from being saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field it is about.
    pub field: Field,
    /// What is wrong.
    pub text: String,
}

/// A verdict being written.
#[derive(Clone, Debug)]
pub struct Form {
    /// The subject, by position in the review.
    pub subject: usize,
    /// What it is about.
    pub about: About,
    /// The decision; none until one is chosen.
    pub choice: Option<Choice>,
    /// How far it reaches.
    pub scope: Scope,
    /// The end as typed: a date or `fixed`.
    pub until: TextField,
    /// The justification: position in `JUSTIFICATIONS`.
    pub justification: Option<usize>,
    /// The reason.
    pub note: NoteEditor,
    /// Whether a word about the image is signed.
    pub sign: Sign,
    /// Whether the key needs its password first.
    pub locked: bool,
    /// What each scope reaches, in the order of `Scope::ALL`.
    impacts: Vec<Impact>,
    /// Whether one of the findings is a secret.
    secret: bool,
    /// The last day the policy lets an accepted risk reach.
    latest: Option<NaiveDate>,
    today: NaiveDate,
}

impl Form {
    /// Returns an empty form. `choice` is taken where it is one of those offered.
    #[must_use]
    pub fn new(
        review: &Review,
        subject: usize,
        about: About,
        choice: Option<Choice>,
        now: DateTime<Utc>,
    ) -> Self {
        let today = now.date_naive();
        let latest = review
            .policy
            .approval
            .risk_acceptance_max
            .0
            .and_then(|longest| now.checked_add_signed(longest))
            .map(|end| end.date_naive());
        let secret = selected(review, &about).any(|finding| finding.kind == Kind::Secret);
        let mut form = Self {
            subject,
            secret,
            impacts: review.impacts(subject, &selected(review, &about).collect::<Vec<_>>()),
            about,
            choice: None,
            scope: Scope::Finding,
            until: latest
                .or_else(|| today.checked_add_signed(TimeDelta::days(90)))
                .map_or_else(TextField::default, |date| TextField::new(&date.to_string())),
            justification: None,
            note: NoteEditor::default(),
            sign: Sign::Impossible,
            locked: false,
            latest,
            today,
        };
        form.choice = choice.filter(|choice| form.choices().contains(choice));
        form
    }

    /// Returns what has been filled in, to be kept until it is saved.
    #[must_use]
    pub fn unsaved(&self, review: &Review) -> UnsavedVerdict {
        let keys = || selected(review, &self.about).map(|finding| finding.key.clone());
        let token = self
            .justification
            .and_then(|place| JUSTIFICATIONS.get(place));
        UnsavedVerdict {
            findings: (self.about != About::Image).then(|| keys().collect()),
            decision: self.choice.map(|choice| choice.word().to_owned()),
            scope: self.scope,
            until: self.until.text().to_owned(),
            justification: token.map(|token| (*token).to_owned()),
            reason: self.note.text(),
        }
    }

    /// Fills in what was kept; what is not offered here is left open.
    pub fn resume(&mut self, unsaved: &UnsavedVerdict) {
        let choices = self.choices();
        // What was about findings that are gone must not become a word about the image.
        let is_same = unsaved.findings.is_some() == (self.about != About::Image);
        let wanted =
            |choice: &Choice| is_same && Some(choice.word()) == unsaved.decision.as_deref();
        self.choice = choices.into_iter().find(wanted);
        self.scope = unsaved.scope;
        self.until = TextField::new(&unsaved.until);
        let token = unsaved.justification.as_deref();
        self.justification = (JUSTIFICATIONS.iter()).position(|known| Some(*known) == token);
        self.note = NoteEditor::new(&unsaved.reason);
    }

    /// Returns how many findings it is about.
    #[must_use]
    pub fn count(&self) -> usize {
        match &self.about {
            About::Findings(positions) => positions.len(),
            About::Image => 0,
        }
    }

    /// Takes out the first findings: the ledger has their verdicts already.
    pub fn without_first(&mut self, count: usize, review: &Review) {
        if let About::Findings(positions) = &mut self.about {
            positions.drain(..count.min(positions.len()));
        }
        let left: Vec<&Finding> = selected(review, &self.about).collect();
        self.impacts = review.impacts(self.subject, &left);
    }

    /// Returns the decisions that this subject or these findings can get.
    #[must_use]
    pub fn choices(&self) -> Vec<Choice> {
        match self.about {
            About::Image => vec![
                Choice::Image(ImageDecision::Approve),
                Choice::Image(ImageDecision::Reject),
            ],
            // A secret in an image is either none or has to go: its risk cannot be accepted.
            About::Findings(_) => Decision::ALL
                .into_iter()
                .filter(|decision| {
                    !self.secret || !decision.excuses() || *decision == Decision::FalsePositive
                })
                .map(Choice::Finding)
                .collect(),
        }
    }

    /// Returns whether the findings hold a secret, which narrows the decisions.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.secret
    }

    /// Returns the fields that apply to what is chosen, in tab order.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = vec![Field::Decision];
        match (&self.about, self.sign) {
            (About::Findings(_), _) => fields.push(Field::Scope),
            (About::Image, Sign::Impossible) => {}
            (About::Image, _) => fields.push(Field::Sign),
        }
        if self.signs() && self.locked {
            fields.push(Field::Password);
        }
        match self.choice {
            Some(Choice::Finding(Decision::AcceptRisk)) => fields.push(Field::Until),
            Some(Choice::Finding(Decision::NotAffected)) => fields.push(Field::Justification),
            _ => {}
        }
        fields.push(Field::Note);
        fields
    }

    /// Returns whether saving signs.
    #[must_use]
    pub fn signs(&self) -> bool {
        self.about == About::Image && self.sign == Sign::Yes
    }

    /// Changes whether it is signed, where there is a key.
    pub fn turn_sign(&mut self) {
        self.sign = match self.sign {
            Sign::Impossible => Sign::Impossible,
            Sign::No => Sign::Yes,
            Sign::Yes => Sign::No,
        };
    }

    /// Returns what `scope` reaches.
    #[must_use]
    pub fn impact(&self, scope: Scope) -> Option<&Impact> {
        self.impacts.iter().find(|impact| impact.scope == scope)
    }

    /// Returns those of the findings on which an earlier verdict is offered.
    #[must_use]
    pub fn offered(&self, review: &Review) -> Vec<usize> {
        let positions = match &self.about {
            About::Findings(positions) => positions.as_slice(),
            About::Image => &[],
        };
        let offered = |position: &usize| review.offer(*position).is_some();
        positions.iter().copied().filter(offered).collect()
    }

    /// Returns the last day the policy lets an accepted risk reach.
    #[must_use]
    pub fn latest(&self) -> Option<NaiveDate> {
        self.latest
    }

    /// Moves the decision by `step` places, round the ends.
    pub fn turn_choice(&mut self, forward: bool) {
        let choices = self.choices();
        let place = self
            .choice
            .and_then(|choice| choices.iter().position(|other| *other == choice));
        self.choice = turned(place, choices.len(), forward)
            .and_then(|place| choices.get(place))
            .copied();
    }

    /// Moves the scope, round the ends.
    pub fn turn_scope(&mut self, forward: bool) {
        let place = Scope::ALL.iter().position(|scope| *scope == self.scope);
        if let Some(scope) =
            turned(place, Scope::ALL.len(), forward).and_then(|place| Scope::ALL.get(place))
        {
            self.scope = *scope;
        }
    }

    /// Moves the justification, round the ends.
    pub fn turn_justification(&mut self, forward: bool) {
        self.justification = turned(self.justification, JUSTIFICATIONS.len(), forward);
    }

    /// Returns everything that keeps the form from being saved, in tab order.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |field, text: String| problems.push(Problem { field, text });
        match self.choice {
            None => add(Field::Decision, "choose a decision".to_owned()),
            Some(Choice::Finding(Decision::AcceptRisk)) => {
                if let Err(text) = self.end() {
                    add(Field::Until, text);
                }
            }
            Some(Choice::Finding(Decision::NotAffected)) if self.justification.is_none() => add(
                Field::Justification,
                "`not affected` needs one of the five OpenVEX justifications".to_owned(),
            ),
            Some(_) => {}
        }
        if self.note.is_blank() {
            add(Field::Note, "a reason is required".to_owned());
        }
        problems
    }

    fn end(&self) -> Result<Until, String> {
        let until: Until = self
            .until
            .text()
            .trim()
            .parse()
            .map_err(|error: crate::model::ParseUntilError| error.to_string())?;
        match (until, self.latest) {
            (Until::Date(date), _) if date < self.today => {
                Err(format!("{date} is past: today is {}", self.today))
            }
            (Until::Date(date), Some(latest)) if date > latest => {
                Err(format!("the policy allows {latest} at the latest"))
            }
            _ => Ok(until),
        }
    }

    /// Returns the request, or what keeps it from being made.
    ///
    /// # Errors
    /// When a field is empty or wrong.
    pub fn request(&self, reviewer: &str, clock: Clock) -> Result<DecideRequest, Vec<Problem>> {
        let problems = self.problems();
        let (Some(choice), true) = (self.choice, problems.is_empty()) else {
            return Err(problems);
        };
        let decided = match (choice, &self.about) {
            (Choice::Finding(decision), About::Findings(positions)) => Decided::Findings {
                selection: Selection::Findings(positions.clone()),
                decision,
                until: (decision == Decision::AcceptRisk)
                    .then(|| self.end().ok())
                    .flatten(),
                justification: self
                    .justification
                    .filter(|_| decision == Decision::NotAffected)
                    .and_then(|place| JUSTIFICATIONS.get(place))
                    .map(|token| (*token).to_owned()),
                scope: self.scope,
            },
            (Choice::Image(decision), About::Image) => Decided::Image(decision),
            _ => return Err(problems),
        };
        Ok(DecideRequest {
            subject: self.subject,
            decided,
            reason: self.note.text().trim().to_owned(),
            reviewer: reviewer.to_owned(),
            clock,
            envelope: None,
        })
    }
}

/// Returns the findings that a form is about.
pub fn selected<'a>(review: &'a Review, about: &'a About) -> impl Iterator<Item = &'a Finding> {
    let positions = match about {
        About::Findings(positions) => positions.as_slice(),
        About::Image => &[],
    };
    positions
        .iter()
        .filter_map(|position| review.findings.get(*position))
}

/// Returns the next place of `count`, round the ends; the first where there is none yet.
fn turned(place: Option<usize>, count: usize, forward: bool) -> Option<usize> {
    let last = count.checked_sub(1)?;
    Some(match (place, forward) {
        (None | Some(0), false) => last,
        (Some(place), true) if place < last => place + 1,
        (_, true) => 0,
        (Some(place), false) => place - 1,
    })
}
