//! Facts and requests: what happened, and what the world is asked to do.
//!
//! Plain comparable data, so that a session can be written down and played again. Nothing here
//! acts; effects are carried out in `runtime`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use crate::formats::Details;
use crate::keymap::{Action, Key};
use crate::model::{Decision, Digest, ImageDecision};
use crate::promotion::{Event, Plan, Receipt, Request};
use crate::review::{DecideRequest, OpenProgress, ResumePoint, Review, SubjectState, Summary};
use crate::signatures::{Attached, Tree, TreeNode};
use crate::triage::gate::Gate;
use crate::triage::prediction::Prediction;
use crate::tui::theme::Role;

/// Which screen is in front. The digits of the keyboard are theirs, in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tab {
    /// The images and what became of the inputs.
    #[default]
    Images,
    /// The findings.
    Findings,
    /// Scanner against scanner.
    Compare,
    /// The components.
    Components,
    /// The findings that are not vulnerabilities.
    Hygiene,
    /// The verdict.
    Verdict,
    /// The promotion.
    Promote,
    /// The ledger.
    History,
}

impl Tab {
    /// Every tab, in order.
    pub const ALL: [Self; 8] = [
        Self::Images,
        Self::Findings,
        Self::Compare,
        Self::Components,
        Self::Hygiene,
        Self::Verdict,
        Self::Promote,
        Self::History,
    ];

    /// Returns the name and the short name.
    #[must_use]
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Images => ("Images", "Img"),
            Self::Findings => ("Findings", "Find"),
            Self::Compare => ("Compare", "Cmp"),
            Self::Components => ("Components", "Comp"),
            Self::Hygiene => ("Hygiene", "Hyg"),
            Self::Verdict => ("Verdict", "Verd"),
            Self::Promote => ("Promote", "Prom"),
            Self::History => ("History", "Hist"),
        }
    }
}

/// Where a subject stands: worked out once for every change of the review, not for every frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standings {
    /// Its counts.
    pub summary: Summary,
    /// Its state.
    pub state: SubjectState,
    /// The policy's answer (`[gate]` alone, no promotion).
    pub gate: Gate,
}

/// A review that was loaded, and where its subjects stand. Two are equal when they are the same
/// value in memory.
#[derive(Clone)]
pub struct Loaded {
    /// The review.
    pub review: Arc<Review>,
    /// Where each subject stands, by position.
    pub standings: Arc<Vec<Standings>>,
}

impl Loaded {
    /// Works out where every subject of `review` stands at `now`.
    #[must_use]
    pub fn new(review: Review, now: DateTime<Utc>) -> Self {
        let standings = (0..review.subjects.len())
            .filter_map(|subject| {
                Some(Standings {
                    summary: review.summary(subject),
                    state: review.state(subject),
                    gate: review.gate(subject, None, now)?,
                })
            })
            .collect();
        Self {
            review: Arc::new(review),
            standings: Arc::new(standings),
        }
    }
}

impl PartialEq for Loaded {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.review, &other.review)
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("subjects", &self.review.subjects.len())
            .field("findings", &self.review.findings.len())
            .field("failures", &self.review.failures.len())
            .finish_non_exhaustive()
    }
}

/// A password as it was typed: wiped when dropped, never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub Zeroizing<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a person gave to the screen in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A verb. Never sent while the screen's place is a text field.
    Action(Action),
    /// A key, while the screen's place is [`crate::keymap::Place::Field`]: printable ones are
    /// text, the rest moves, erases, accepts or leaves.
    Key(Key),
    /// Pasted text, while a text field is in front.
    Paste(String),
}

/// What a verdict is to be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Findings of the subject in front, by position in `Review::findings`.
    Findings {
        /// Which.
        findings: Vec<usize>,
        /// The decision to start with.
        decision: Decision,
    },
    /// The image in front.
    Image(ImageDecision),
}

/// A line for the person, with more to read behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Good, warning or error.
    pub role: Role,
    /// One line. May hold foreign text: it is made safe when drawn.
    pub text: String,
    /// What to do next, and what else there is to say.
    pub more: Vec<String>,
}

impl Notice {
    /// Returns a notice of something that is done.
    #[must_use]
    pub fn good(text: impl Into<String>) -> Self {
        Self::new(Role::Good, text)
    }

    /// Returns a notice of something to look at.
    #[must_use]
    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(Role::Warning, text)
    }

    /// Returns a notice of something that failed or was refused.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(Role::Error, text)
    }

    /// Returns the notice with more lines.
    #[must_use]
    pub fn with(mut self, more: Vec<String>) -> Self {
        self.more = more;
        self
    }

    fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
            more: Vec::new(),
        }
    }
}

/// What went wrong outside: the message, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The message, causes included.
    pub message: String,
    /// What to do next.
    pub hints: Vec<String>,
}

impl From<Failed> for Notice {
    fn from(failed: Failed) -> Self {
        Self::error(failed.message).with(failed.hints)
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The next key or paste was read at this monotonic time since the console started.
    Read(Duration),
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resize {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// A quarter of a second passed while a job runs.
    Tick,
    /// One more input was read.
    Progress(OpenProgress),
    /// The inputs were read.
    Opened(Loaded),
    /// These entries are in the ledger now, whatever becomes of the rest: the answer to what was
    /// asked for follows.
    Appended(Vec<u64>),
    /// The verdicts are in the ledger, or not; the review holds the ledger as it is now.
    Recorded(Result<Loaded, Failed>),
    /// The entries were taken back, or not.
    Undone(Result<Loaded, Failed>),
    /// The plan was worked out, or why not.
    Planned(Result<Box<Plan>, Failed>),
    /// The key was opened, or not.
    Unlocked(Result<(), Failed>),
    /// The promotion went on.
    Promotion(Event),
    /// The promotion ended.
    Promoted(Result<Box<Receipt>, Failed>),
    /// The ledger as it is now, whatever was or was not written to it.
    Replayed(Loaded),
    /// The long texts of a finding: by scanner.
    Details {
        /// The finding.
        finding: usize,
        /// The texts, or why there are none.
        result: Result<Vec<(String, Details)>, Failed>,
    },
    /// What hangs on an image was read.
    Tree {
        /// The image, as it was asked for.
        image: String,
        /// The tree.
        result: Result<Arc<Tree>, Failed>,
    },
    /// A document that hangs on an image was opened.
    Attached {
        /// Which.
        node: Digest,
        /// What it holds.
        result: Result<Arc<Attached>, Failed>,
    },
    /// Text was copied, as far as a terminal lets anybody know; where else it was written.
    Copied(Result<String, Failed>),
    /// What earlier sessions had in hand about these images.
    Resumable(Vec<ResumePoint>),
    /// The prediction is on the ledger, or not.
    Predicted(Result<Loaded, Failed>),
    /// The person looks at the image in front without predicting.
    Uncover,
    /// The terminal is gone.
    Hangup,
    /// A screen asks for another tab.
    Show(Tab),
    /// A screen asks for another subject.
    Subject(usize),
    /// A screen asks for the verdict's form.
    Judge(Judgement),
    /// A screen asks to show findings by a filter.
    Filter(String),
    /// A screen has something to say.
    Notice(Notice),
    /// A screen has something to say in full.
    Explain(Notice),
    /// A screen is done: go back to where it was called from.
    Back,
}

/// Something the world is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Read the inputs. Answered by [`Message::Progress`] and [`Message::Opened`].
    Open,
    /// Stop reading; what was read so far is shown, what was not is a failure.
    CancelOpen,
    /// Write verdicts to the ledger. Answered by [`Message::Recorded`].
    Record(DecideRequest),
    /// Sign a verdict about an image with the open key and write it. Answered by
    /// [`Message::Recorded`].
    RecordSigned(DecideRequest),
    /// Take back ledger entries. Answered by [`Message::Undone`].
    Undo {
        /// The entries, as they were written.
        entries: Vec<u64>,
    },
    /// Write a prediction to the ledger. Answered by [`Message::Predicted`].
    Predict(Prediction),
    /// Look for what earlier sessions had in hand. Answered by [`Message::Resumable`].
    FindDrafts,
    /// Keep what is in hand now, without waiting for a pause.
    KeepDrafts,
    /// Forget what an earlier session had in hand.
    DropDraft {
        /// The file.
        file: String,
    },
    /// Work out a plan. Answered by [`Message::Planned`].
    Plan {
        /// The subject.
        subject: Option<usize>,
        /// What is asked for.
        request: Request,
    },
    /// Open the signing key. Answered by [`Message::Unlocked`].
    Unlock {
        /// The password.
        password: Secret,
    },
    /// Execute a plan. Answered by [`Message::Promotion`] and [`Message::Promoted`].
    Promote {
        /// The subject.
        subject: Option<usize>,
        /// What was asked for.
        request: Request,
        /// The plan.
        plan: Box<Plan>,
        /// The digest of the plan that was on the screen.
        shown: Digest,
    },
    /// Stop the promotion after what it is doing.
    CancelPromotion,
    /// Read the long texts of a finding. Answered by [`Message::Details`].
    LoadDetails {
        /// The finding: position in `Review::findings`.
        finding: usize,
    },
    /// Read what hangs on an image in a registry; answered by `Message::Tree`.
    ReadTree {
        /// The image.
        image: String,
    },
    /// Open a document that hangs on an image; answered by `Message::Attached`.
    OpenAttached {
        /// The image.
        image: String,
        /// The document's place in the tree.
        node: Box<TreeNode>,
    },
    /// Put text into the clipboard. Answered by [`Message::Copied`].
    Copy(String),
    /// Draw everything again.
    Redraw,
    /// Leave the program.
    Leave,
}

/// What a screen answers with: a fact for the console or a request to the world.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a key press makes a few of them, and they are taken apart at once"
)]
pub enum Outcome {
    /// A fact.
    Message(Message),
    /// A request.
    Effect(Effect),
}

impl From<Message> for Outcome {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

impl From<Effect> for Outcome {
    fn from(effect: Effect) -> Self {
        Self::Effect(effect)
    }
}

impl From<Notice> for Outcome {
    fn from(notice: Notice) -> Self {
        Self::Message(Message::Notice(notice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let effect = Effect::Unlock {
            password: Secret(Zeroizing::new("canary".to_owned())),
        };
        assert!(!format!("{effect:?}").contains("canary"));
    }
}
