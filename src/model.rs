//! The nouns: what the field calls digests, references, packages, findings, reports, verdicts.
//!
//! No I/O and no decisions here; a type that has to read a file or ask a policy lives elsewhere.

mod digest;
mod exemption;
mod exploit;
mod feed;
mod finding;
pub mod oci;
mod package;
mod pattern;
mod purl;
mod reference;
mod report;
mod sbom;
mod severity;
mod standing;
mod subject;
mod verdict;
mod vulnerability;

pub use digest::{Algorithm, Digest, ParseDigestError, to_hex};
pub use exemption::{
    Exemption, ExemptionDocument, ExemptionRule, ExemptionStatus, GrypeRule, Product, ProductName,
};
pub use exploit::{Cve, EpssScore, Exploitation, KevEntry};
pub use feed::{EpssScores, Feed, FeedKind, KevCatalogue};
pub use finding::{ConfigSource, Finding, FindingKey, LayerPlace, Observation, RecordRef};
pub use package::{Location, Package, PackageIdentity};
pub use pattern::{ParsePatternError, Pattern};
pub use purl::{ParsePurlError, Purl};
pub use reference::{
    ArchiveForm, Image, ImageReference, ParseReferenceError, Platform, Repository,
};
pub use report::{
    DatabaseAge, Encoding, Format, Kind, LEVEL, Loss, MatchKind, Origin, Record, RecordCounts,
    Report, ScanOption, Span, SubjectClaim, SuppressedBy, Suppression,
};
pub use sbom::{Component, Sbom};
pub use severity::{ParseSeverityError, Severity, SeverityCounts};
pub use standing::{Approval, Recorded, Standing, StandingVerdict};
pub use subject::{JoinRule, Subject};
pub use verdict::{
    CarriedFrom, Decision, Difference, FindingRef, ImageDecision, ImageVerdict, JUSTIFICATIONS,
    ParseUntilError, Scope, SubjectRef, Until, Verdict,
};
pub use vulnerability::{Cvss, Fix, FixState, Fixable, Rating, VulnerabilityId};
