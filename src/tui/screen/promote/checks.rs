//! What stands between a plan and its confirmation, one line each.
//!
//! Blockers and warnings are the plan's; whether the window is large enough or a password is
//! missing, the screen says.

use std::collections::BTreeSet;

use crate::promotion::{Plan, plan_class};
use crate::triage::gate::Blocker;

/// One line of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check<'a> {
    /// Something that nobody can acknowledge away.
    Blocker(&'a Blocker),
    /// The plan is about another image than the one on screen.
    OtherImage,
    /// The tag exists and would name another digest.
    TagMove {
        /// Whether the person consents.
        consented: bool,
    },
    /// The repository does not exist and would be made.
    NewRepository {
        /// Whether the person consents.
        consented: bool,
    },
    /// A warning that has to be acknowledged.
    Warning {
        /// The warning.
        warning: &'a Blocker,
        /// Whether it was.
        acknowledged: bool,
    },
    /// Nothing stands in the way.
    Clear,
}

impl Check<'_> {
    /// Returns whether the check lets the promotion pass.
    #[must_use]
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Blocker(_) | Self::OtherImage => false,
            Self::TagMove { consented } | Self::NewRepository { consented } => *consented,
            Self::Warning { acknowledged, .. } => *acknowledged,
            Self::Clear => true,
        }
    }

    /// Returns whether Space does something on this line.
    #[must_use]
    pub(super) fn is_open_question(&self) -> bool {
        matches!(
            self,
            Self::TagMove { .. } | Self::NewRepository { .. } | Self::Warning { .. }
        )
    }

    /// Returns the mark before the line.
    #[must_use]
    pub(super) fn mark(&self) -> &'static str {
        match self {
            Self::Blocker(_) | Self::OtherImage => "[xx]",
            Self::Clear => "[ok]",
            _ if self.passes() => "[ok]",
            _ => "[! ]",
        }
    }
}

/// Returns the digest the tag would be taken from, where the tag exists and would move.
#[must_use]
pub(super) fn moved_from(plan: &Plan) -> Option<&crate::model::Digest> {
    plan.tag.from.as_ref().filter(|from| **from != plan.tag.to)
}

/// What the person said so far, and what the policy lets them say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answers<'a> {
    /// The classes of warnings that were acknowledged.
    pub(super) acknowledged: &'a BTreeSet<String>,
    /// Whether the tag may move.
    pub(super) move_tag: bool,
    /// Whether the repository may be made.
    pub(super) create_repository: bool,
    /// Whether the policy lets a person consent to that.
    pub(super) may_consent: bool,
}

/// Returns the checks of a plan, what blocks first.
pub(super) fn checks<'a>(
    plan: &'a Plan,
    is_other_image: bool,
    answers: Answers<'_>,
) -> Vec<Check<'a>> {
    let moves = |blocker: &&Blocker| blocker.class == plan_class::TAG_MOVE;
    let asks = |blocker: &&Blocker| moves(blocker) && answers.may_consent;
    let makes = |blocker: &&Blocker| blocker.class == plan_class::REPOSITORY;
    let mut checks: Vec<Check<'a>> = plan
        .blockers
        .iter()
        .filter(|blocker| !asks(blocker) && !makes(blocker))
        .map(Check::Blocker)
        .collect();
    if is_other_image {
        checks.push(Check::OtherImage);
    }
    if plan.blockers.iter().any(|blocker| asks(&blocker)) {
        checks.push(Check::TagMove { consented: false });
    }
    if plan.blockers.iter().any(|blocker| makes(&blocker)) {
        checks.push(Check::NewRepository { consented: false });
    }
    for warning in &plan.warnings {
        checks.push(if makes(&warning) && answers.create_repository {
            Check::NewRepository { consented: true }
        } else if moves(&warning) && answers.move_tag {
            Check::TagMove { consented: true }
        } else {
            Check::Warning {
                warning,
                acknowledged: answers.acknowledged.contains(warning.class),
            }
        });
    }
    if checks.is_empty() {
        checks.push(Check::Clear);
    }
    checks
}
