//! The gate: a policy's answer for a subject, open or closed, with every blocker.
//!
//! The policy's file is read in `policy`; whether a verdict holds is decided in `standing`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::model::{
    Approval, Digest, ExemptionDocument, Finding, FindingKey, Report, StandingVerdict, Subject,
};
use crate::triage::policy::Policy;

mod approvals;
mod evidence;
mod findings;
mod remedies;

/// The classes of blockers and warnings: stable names.
pub mod class {
    /// No report about the subject was read.
    pub const NO_REPORT: &str = "no-report";
    /// An input could not be read at all.
    pub const UNREADABLE: &str = "unreadable-input";
    /// A report was read only in part.
    pub const PARTIAL: &str = "partial-report";
    /// No scanner, or not every scanner asked for, looked for vulnerabilities.
    pub const NOT_SCANNED: &str = "not-scanned";
    /// A report is joined by name only.
    pub const NAME_ONLY: &str = "joined-by-name";
    /// A report is in a format that leaves out what the scanner knows.
    pub const REDUCED: &str = "reduced-evidence";
    /// A report is older than the policy allows, or has no date.
    pub const REPORT_AGE: &str = "report-age";
    /// A filter of the scan hides what the policy asks for.
    pub const SCAN_FILTER: &str = "scan-filter";
    /// Vulnerabilities at the policy's severity.
    pub const VULNERABILITY: &str = "vulnerability";
    /// Findings that a file or the scanner's own rules suppress.
    pub const SUPPRESSED: &str = "suppressed";
    /// Vulnerabilities nobody rated.
    pub const UNKNOWN_SEVERITY: &str = "unknown-severity";
    /// Secrets.
    pub const SECRET: &str = "secret";
    /// Misconfigurations at the policy's severity.
    pub const MISCONFIGURATION: &str = "misconfiguration";
    /// Scanners disagree at the policy's severity and nobody said what holds.
    pub const DISAGREEMENT: &str = "disagreement";
    /// Verdicts that no longer hold.
    pub const STALE_VERDICT: &str = "stale-verdict";
    /// A reviewer rejected the image.
    pub const REJECTED: &str = "rejected";
    /// Approvals that count, but carry no verified signature.
    pub const UNSIGNED: &str = "unsigned-approval";
    /// Too few approvals.
    pub const APPROVAL: &str = "approval";
    /// The promoter is the only reviewer.
    pub const FOUR_EYES: &str = "four-eyes";
    /// The destination is not one of the policy's.
    pub const DESTINATION: &str = "destination";
    /// The subject has no digest that a promotion could be bound to, or another one.
    pub const DIGEST: &str = "digest";
}

/// Where a promotion goes and who does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionContext {
    /// The repository: `registry/path`, no tag.
    pub destination: Option<String>,
    /// The digest that would be promoted.
    pub digest: Option<Digest>,
    /// Who promotes, resolved as a reviewer is.
    pub promoter: Option<String>,
    /// The fingerprint of the key that signs the promotion.
    pub promoter_key: Option<Digest>,
}

/// Everything the gate looks at.
#[derive(Clone, Debug)]
pub struct GateInput<'a> {
    /// The subject; it names its reports and how they were joined.
    pub subject: &'a Subject,
    /// The review's reports.
    pub reports: &'a [Arc<Report>],
    /// The review's ignore files and VEX documents.
    pub exemptions: &'a [Arc<ExemptionDocument>],
    /// The subject's findings.
    pub findings: &'a [&'a Finding],
    /// Their verdicts, by position.
    pub verdicts: &'a [Option<&'a StandingVerdict>],
    /// The reviewers' verdicts on the image; of each reviewer the latest counts.
    pub approvals: &'a [Approval],
    /// The fingerprints of the policy's trusted keys, resolved by the caller.
    pub trusted_keys: &'a [Digest],
    /// Inputs that could not be read at all.
    pub unreadable_inputs: usize,
    /// Findings that scanners disagree about.
    pub disagreements: &'a [FindingKey],
    /// The promotion, where the gate is asked for one.
    pub promotion: Option<&'a PromotionContext>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// A reason for the gate to be closed, or a warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocker {
    /// The class, one of [`class`].
    pub class: &'static str,
    /// The reason in words.
    pub text: String,
    /// The findings it is about.
    pub findings: Vec<FindingKey>,
}

/// A finding that would close the gate, and the verdict that excuses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excused {
    /// The finding.
    pub key: FindingKey,
    /// The verdict.
    pub verdict: StandingVerdict,
}

/// Something that brings the gate nearer to opening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What to do.
    pub action: String,
    /// The command that does it or, where it is done outside of this program, shows what it is
    /// about; INPUT…, TEXT, KEY…, FILE and YYYY-MM-DD stand for what the person fills in.
    pub command: Option<String>,
    /// The findings it clears.
    pub clears: Vec<FindingKey>,
}

/// The policy's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Whether it is open: no blockers.
    pub open: bool,
    /// Whether a promotion was asked about: approvals and destination too.
    pub for_promotion: bool,
    /// The hash of the policy.
    pub policy_sha256: Digest,
    /// What closes it.
    pub blockers: Vec<Blocker>,
    /// What does not, but should be seen.
    pub warnings: Vec<Blocker>,
    /// Findings that verdicts excuse.
    pub excused: Vec<Excused>,
    /// What would open it, most effective first.
    pub to_open: Vec<Remedy>,
}

/// The document's fields, `schema` and `subject` aside.
impl Serialize for Gate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("Gate", 7)?;
        document.serialize_field("open", &self.open)?;
        document.serialize_field("for", &self.for_promotion.then_some("promote"))?;
        document.serialize_field("policy_sha256", &self.policy_sha256)?;
        document.serialize_field("blockers", &self.blockers)?;
        document.serialize_field("warnings", &self.warnings)?;
        document.serialize_field("excused", &self.excused)?;
        document.serialize_field("to_open", &self.to_open)?;
        document.end()
    }
}

/// What the rules find, as they go.
#[derive(Debug, Default)]
struct Outcome {
    blockers: Vec<Blocker>,
    warnings: Vec<Blocker>,
    excused: Vec<Excused>,
}

impl Outcome {
    fn block(&mut self, class: &'static str, text: String, findings: Vec<FindingKey>) {
        self.blockers.push(Blocker {
            class,
            text,
            findings,
        });
    }

    fn warn(&mut self, class: &'static str, text: String, findings: Vec<FindingKey>) {
        self.warnings.push(Blocker {
            class,
            text,
            findings,
        });
    }
}

/// Asks the policy. A rejection closes the gate in any case; approvals, four eyes, digest and
/// destination count only where a promotion is asked about.
#[must_use]
pub fn evaluate(policy: &Policy, input: &GateInput<'_>) -> Gate {
    let mut found = Outcome::default();
    evidence::judge(policy, input, &mut found);
    findings::judge(policy, input, &mut found);
    approvals::judge(policy, input, &mut found);
    Gate {
        open: found.blockers.is_empty(),
        for_promotion: input.promotion.is_some(),
        policy_sha256: policy.sha256(),
        to_open: remedies::remedies(policy, input, &found.blockers),
        blockers: found.blockers,
        warnings: found.warnings,
        excused: found.excused,
    }
}

#[cfg(test)]
mod case;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
