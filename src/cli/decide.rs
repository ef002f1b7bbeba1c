//! `decide`: checks a decision, records it and says what was recorded.
//!
//! Which decisions are allowed is `review::decide`'s question.

use serde::Serialize;

use super::args::{DecideArgs, DecisionArg, Format};
use super::document::SubjectView;
use super::exit::Exit;
use super::offer::{self, OfferView};
use super::settings::Settings;
use super::stop::Stop;
use super::{open, output, unlock, work};
use crate::ledger::Entry;
use crate::model::{Decision, Digest, FindingKey, ImageDecision};
use crate::review::{self, DecideRequest, Decided, Review, ReviewError, Selection};
use crate::signing::Signer;
use crate::triage::gate::Blocker;
use crate::triage::impact::Impact;

/// What the document calls it when earlier verdicts are carried over.
const CARRY_OVER: &str = "carry-over";

/// The most images that are named where a verdict reaches several.
const MOST_NAMED: usize = 5;

/// The document `decide`.
#[derive(Serialize)]
struct DecideDocument<'a> {
    subject: SubjectView<'a>,
    decision: &'static str,
    reviewer: &'a str,
    entries: Vec<WrittenEntry<'a>>,
    ledger: String,
    head: Option<&'a Digest>,
    /// The key that signed a decision about the image.
    key_fingerprint: Option<&'a Digest>,
    /// The SHA-256 of the signed envelope: its name in the ledger's `approvals/`.
    envelope: Option<&'a str>,
    gate: GateNow,
    /// Whether nothing was recorded because only a look was asked for.
    dry_run: bool,
    /// What the verdict hits by its scope; none for an image, and for what is carried over.
    impact: Option<&'a Impact>,
    /// The earlier verdicts that are carried over.
    carried_over: Vec<OfferView<'a>>,
    /// The earlier verdicts that are still on offer.
    offers: Vec<OfferView<'a>>,
}

/// An entry that is durable.
#[derive(Serialize)]
struct WrittenEntry<'a> {
    seq: u64,
    sha256: &'a Digest,
    kind: &'a str,
    /// The finding it is about; none for an image.
    finding: Option<FindingKey>,
}

/// What the policy says with these entries.
#[derive(Serialize)]
struct GateNow {
    open: bool,
    blockers: Vec<Blocker>,
}

/// Runs the command.
pub(super) fn run(args: &DecideArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let decided = decided(args)?;
    let on_image = matches!(decided, Decided::Image(_));
    if args.key.key.is_some() && !on_image {
        return Err(
            Stop::usage("--key signs decisions about a whole image, not about findings").hint(
                "leave out --key: what is decided about findings is part of what an approval signs",
            ),
        );
    }
    let mut output = settings.output()?;
    let opened = open::open(settings, &args.input.inputs, &args.input.reading)?;
    if opened.exit == Exit::Ledger {
        return Ok(Exit::Ledger);
    }
    let review = opened.review;
    let subject = open::subject(&review, &args.input.reading)?;
    let request = DecideRequest {
        subject,
        decided,
        reason: args.reason.clone().unwrap_or_default(),
        reviewer: settings.config().reviewer.clone(),
        clock: settings.environment().clock,
        envelope: None,
    };
    // Refused before a password is asked for.
    review::decide(&review, &request).map_err(with_candidates)?;
    let impact = impact(&review, &request).map_err(with_candidates)?;
    if let Some(impact) = &impact {
        let (scope, hits) = (impact.scope.as_str(), impact.text(MOST_NAMED));
        output::note(&format!("scope {scope}: {hits}"));
    }
    let signer = if on_image && !args.dry_run && signs(args, settings, &review) {
        Some(unlock::unlock(settings)?)
    } else {
        None
    };

    // Durable before anything is said.
    let ledger = work::ledger(settings)?;
    let mut after = review.clone();
    let mut entries = Vec::new();
    if !args.dry_run {
        let recorded = review::record(&ledger, &review, &request, signer.as_ref());
        let local = ledger.is_local() && signer.as_ref().is_none_or(Signer::is_local);
        entries = work::wait(local, recorded)??;
        let chain = work::wait(ledger.is_local(), ledger.read())??;
        after.replay(&chain, settings.environment().now());
    }
    let document = DecideDocument {
        subject: subject_view(&review, subject)?,
        decision: name(args.decision),
        reviewer: &request.reviewer,
        entries: entries.iter().map(written).collect(),
        ledger: ledger.location(),
        head: entries.last().map(|entry| &entry.sha256),
        key_fingerprint: signer
            .as_ref()
            .map(|signer| signer.public_key().fingerprint()),
        envelope: entries.last().and_then(envelope),
        gate: GateNow::of(&after, subject, settings),
        dry_run: args.dry_run,
        impact: impact.as_ref(),
        carried_over: carried_over(&review, &request).map_err(with_candidates)?,
        offers: OfferView::all(&after, subject),
    };
    if format == Format::Json {
        output.document("decide", &document)?;
    } else {
        tell(&mut output, &document)?;
    }
    output.finish()?;
    Ok(opened.exit)
}

/// Returns whether a decision about the image is signed. Where keys are trusted an unsigned word
/// counts for nothing: the key at hand signs unasked.
fn signs(args: &DecideArgs, settings: &Settings, review: &Review) -> bool {
    let by_key = !review.policy.approval.trusted_keys.is_empty();
    args.key.key.is_some() || (by_key && settings.config().key.is_some())
}

/// Returns what the verdict would hit; none where it is about the image or carries another over.
fn impact(review: &Review, request: &DecideRequest) -> Result<Option<Impact>, ReviewError> {
    let Decided::Findings {
        selection, scope, ..
    } = &request.decided
    else {
        return Ok(None);
    };
    let chosen = review::select(review, request.subject, selection)?;
    let impacts = review.impacts(request.subject, &chosen);
    Ok(impacts.into_iter().find(|impact| impact.scope == *scope))
}

fn carried_over<'a>(
    review: &'a Review,
    request: &DecideRequest,
) -> Result<Vec<OfferView<'a>>, ReviewError> {
    let Decided::CarryOver(selection) = &request.decided else {
        return Ok(Vec::new());
    };
    let offers = review::offered(review, request.subject, selection)?;
    let views = offers.into_iter();
    Ok(views
        .filter_map(|offer| OfferView::of(review, offer))
        .collect())
}

impl GateNow {
    fn of(review: &Review, subject: usize, settings: &Settings) -> Self {
        let gate = review.gate(subject, None, settings.environment().now());
        Self {
            open: gate.as_ref().is_some_and(|gate| gate.open),
            blockers: gate.map(|gate| gate.blockers).unwrap_or_default(),
        }
    }
}

fn subject_view(review: &Review, subject: usize) -> Result<SubjectView<'_>, Stop> {
    let found = review.subjects.get(subject);
    found
        .map(SubjectView::of)
        .ok_or_else(|| Stop::input("the subject is gone"))
}

fn tell(output: &mut output::Output, document: &DecideDocument<'_>) -> Result<(), Stop> {
    let count = document.entries.len();
    let plural = if count == 1 { "entry" } else { "entries" };
    let (decision, name) = (document.decision, document.subject.name);
    if document.dry_run {
        output.line(&format!("{decision} on {name}: nothing was recorded"))?;
    } else {
        output.line(&format!(
            "{decision} recorded on {name} by {}: {count} {plural} in {}",
            document.reviewer, document.ledger
        ))?;
    }
    if !document.carried_over.is_empty() {
        output.table(&offer::table(&document.carried_over), 2)?;
    } else if document.decision == CARRY_OVER {
        output.line("  no earlier verdict is offered")?;
    }
    for entry in &document.entries {
        let about = entry
            .finding
            .as_ref()
            .map_or_else(|| "the image".to_owned(), ToString::to_string);
        output.line(&format!("  entry {}  {about}", entry.seq))?;
    }
    if let (Some(key), Some(envelope)) = (document.key_fingerprint, document.envelope) {
        output.line(&format!("  signed by key {key}"))?;
        let hex = envelope.trim_start_matches("sha256:");
        output.line(&format!("  approvals/{hex}.dsse.json"))?;
    }
    output.line(if document.gate.open {
        "the gate is open"
    } else {
        "the gate is closed"
    })?;
    for blocker in &document.gate.blockers {
        output.line(&format!("  {}: {}", blocker.class, blocker.text))?;
    }
    if !document.offers.is_empty() && document.decision != CARRY_OVER {
        output::note(&offer::hint(document.offers.len()));
    }
    Ok(())
}

/// Returns the envelope that an entry names.
fn envelope(entry: &Entry) -> Option<&str> {
    entry
        .body
        .get("envelope")
        .and_then(serde_json::Value::as_str)
}

fn written(entry: &Entry) -> WrittenEntry<'_> {
    let key = entry.body.pointer("/finding/key");
    WrittenEntry {
        seq: entry.seq,
        sha256: &entry.sha256,
        kind: &entry.kind,
        finding: key
            .and_then(serde_json::Value::as_str)
            .map(FindingKey::from_text),
    }
}

/// Says what a name that is refused could have meant.
fn with_candidates(error: ReviewError) -> Stop {
    let candidates = match &error {
        ReviewError::Finding { candidates, .. } => candidates.clone(),
        _ => Vec::new(),
    };
    let mut stop = Stop::from(error);
    if !candidates.is_empty() {
        stop.hints.extend(candidates);
        stop = stop.hint("name one by its key, or add --all-matching");
    }
    stop
}

fn name(decision: Option<DecisionArg>) -> &'static str {
    let Some(decision) = decision else {
        return CARRY_OVER;
    };
    match about(decision) {
        About::Finding(decision) => decision.as_str(),
        About::Image(decision) => decision.as_str(),
    }
}

/// What a decision can be about.
enum About {
    Finding(Decision),
    Image(ImageDecision),
}

fn about(decision: DecisionArg) -> About {
    match decision {
        DecisionArg::AcceptRisk => About::Finding(Decision::AcceptRisk),
        DecisionArg::NotAffected => About::Finding(Decision::NotAffected),
        DecisionArg::Affected => About::Finding(Decision::Affected),
        DecisionArg::FalsePositive => About::Finding(Decision::FalsePositive),
        DecisionArg::UnderInvestigation => About::Finding(Decision::UnderInvestigation),
        DecisionArg::Approve => About::Image(ImageDecision::Approve),
        DecisionArg::Reject => About::Image(ImageDecision::Reject),
    }
}

fn decided(args: &DecideArgs) -> Result<Decided, Stop> {
    let named = || Selection::Named {
        names: args.finding.clone(),
        all_matching: args.all_matching,
    };
    let Some(decision) = args.decision else {
        return Ok(Decided::CarryOver(if args.finding.is_empty() {
            Selection::AllFindings
        } else {
            named()
        }));
    };
    match about(decision) {
        About::Image(decision) if args.whole_image => {
            if args.until.is_some() || args.justification.is_some() {
                return Err(Stop::usage(format!(
                    "--until and --justification are about findings, and {} is about the image",
                    decision.as_str()
                )));
            }
            Ok(Decided::Image(decision))
        }
        About::Finding(decision) if !args.whole_image => Ok(Decided::Findings {
            selection: if args.all_findings {
                Selection::AllFindings
            } else {
                named()
            },
            decision,
            until: args.until,
            justification: args.justification.clone(),
            scope: args.scope.into(),
        }),
        About::Image(decision) => Err(Stop::usage(format!(
            "`{}` is a decision about a whole image",
            decision.as_str()
        ))
        .hint("add --whole-image instead of --finding or --all-findings")),
        About::Finding(decision) => Err(Stop::usage(format!(
            "`{}` is a decision about findings",
            decision.as_str()
        ))
        .hint("with --whole-image the decision is approve or reject")),
    }
}
