//! The review: reports, SBOMs and verdicts of the subjects, opened from any input.
//!
//! Both front ends call the same functions here. Nothing is printed or drawn, and nothing is sent
//! anywhere: promotion is a use case of its own.

mod answer;
mod approvals;
mod attested;
mod decide;
mod error;
mod file;
mod hygiene;
mod images;
mod open;
mod reading;
mod record;
pub mod resume;
mod state;
mod summary;
mod withdrawal;

pub use approvals::{Anchor, Signature, TrustedKeys, anchors, approval_notices};
pub use attested::AttestedPromotion;
pub use decide::{DecideRequest, Decided, MAX_REASON, Selection, decide, offered, select, undo};
pub use error::ReviewError;
pub use images::images;
pub use open::{Inputs, OpenProgress, open};
pub use record::{RecordError, record, withdraw};
pub use resume::{ResumePoint, UnsavedVerdict};
pub use state::{Failure, Promoted, Review, SubjectState};
pub use summary::{ApprovalView, Summary};
pub use withdrawal::withdraw_all;
