//! Promotion: a reviewed image is copied by digest, signed, archived and only then tagged.
//!
//! `plan` says exactly what would happen and has a digest; `run` refuses any plan but the one that
//! was shown. One stream of events feeds every consumer. Nothing here prints or draws.

mod attach;
mod attestation;
mod commands;
mod document;
mod doors;
mod error;
mod event;
mod evidence;
mod observe;
mod plan;
mod preflight;
mod receipt;
mod referrers;
mod request;
mod run;
mod step;
mod sync;

pub use attestation::{Attested, Form, StatementPlan};
pub use document::Document;
pub use doors::Doors;
pub use error::PromotionError;
pub use event::{Event, EventKind};
pub use observe::{Observed, ObservedPlatform, observe};
pub use plan::{BlobPlan, GateAnswer, Plan, PlatformReview, SignerInfo, TagMove, plan, plan_class};
pub use receipt::{BlobRecord, Receipt, StepTime};
pub use referrers::{Attached, attached};
pub use request::{Needed, Request};
pub use run::{Order, run};
pub use step::Step;
pub use sync::{SyncEntry, SyncError, SyncList};
