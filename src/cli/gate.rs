//! `gate`: the policy's answer, open (exit 0) or closed (exit 1), with every blocker.
//!
//! The rules are `triage::gate`'s.

use serde::Serialize;

use super::args::{Format, GateArgs};
use super::document::{ExemptionView, SubjectView};
use super::exit::Exit;
use super::settings::Settings;
use super::stop::Stop;
use super::{open, output};
use crate::export::gate::GateFormat;
use crate::export::{self, ExportRequest};
use crate::triage::gate::{Gate, PromotionContext};

/// The document `gate`.
#[derive(Serialize)]
struct GateDocument<'a> {
    subject: SubjectView<'a>,
    exemptions: Vec<ExemptionView<'a>>,
    #[serde(flatten)]
    gate: &'a Gate,
}

/// Runs the command.
pub(super) fn run(args: &GateArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[
        Format::Table,
        Format::Json,
        Format::Junit,
        Format::Sarif,
        Format::Markdown,
    ])?;
    let mut output = settings.output()?;
    let policy = settings
        .connector
        .pinned_policy(args.policy_sha256.as_deref())?;
    let opened = open::open_with(settings, &args.input.inputs, &args.input.reading, policy)?;
    let review = &opened.review;
    let subject = open::subject(review, &args.input.reading)?;
    let promotion = match args.purpose {
        None => None,
        Some(_promote) => Some(PromotionContext {
            destination: None,
            digest: None,
            promoter: Some(settings.config().reviewer.clone()),
            promoter_key: settings
                .connector
                .public_key()?
                .map(|key| key.fingerprint().clone()),
        }),
    };
    let gate = review.gate(subject, promotion.as_ref(), settings.environment().now());
    let (Some(gate), Some(image)) = (gate, review.subjects.get(subject)) else {
        return Err(Stop::input("no image was read from the input"));
    };
    let written = |format| {
        let request = ExportRequest {
            review,
            subjects: &[subject],
            author: &settings.config().reviewer,
            now: settings.environment().now(),
        };
        export::gate::gate(format, &request, subject, &gate).map_err(|error| output::defect(&error))
    };
    match format {
        Format::Json => {
            let document = GateDocument {
                subject: SubjectView::of(image),
                exemptions: ExemptionView::all(review),
                gate: &gate,
            };
            output.document("gate", &document)?;
        }
        Format::Junit => output.data(&written(GateFormat::Junit)?)?,
        Format::Sarif => output.data(&written(GateFormat::Sarif)?)?,
        Format::Markdown => output.data(&written(GateFormat::Markdown)?)?,
        _ => tell(&mut output, &image.name, &gate)?,
    }
    output.finish()?;
    // What could not be read says more than a closed gate; an open one never hides it.
    let answer = if gate.open { Exit::Done } else { Exit::No };
    Ok(opened.exit.worse(answer))
}

fn tell(output: &mut output::Output, name: &str, gate: &Gate) -> Result<(), Stop> {
    let state = if gate.open { "open" } else { "closed" };
    let purpose = if gate.for_promotion {
        " for promotion"
    } else {
        ""
    };
    output.line(&format!("the gate is {state}{purpose}: {name}"))?;
    lines(output, gate)?;
    output.line(&format!("policy {}", gate.policy_sha256))
}

/// Writes blockers, warnings, excuses and remedies, one line each.
fn lines(output: &mut output::Output, gate: &Gate) -> Result<(), Stop> {
    for blocker in &gate.blockers {
        output.line(&format!("  blocked  {}: {}", blocker.class, blocker.text))?;
    }
    for warning in &gate.warnings {
        output.line(&format!("  warning  {}: {}", warning.class, warning.text))?;
    }
    for excused in &gate.excused {
        let verdict = &excused.verdict;
        output.line(&format!(
            "  excused  {}: {} by {} (entry {}){}",
            excused.key,
            verdict.verdict.decision.as_str(),
            verdict.recorded.reviewer,
            verdict.recorded.entry,
            if verdict.renewed_by.is_empty() {
                ""
            } else {
                ", renewed by a newer report"
            }
        ))?;
    }
    for remedy in &gate.to_open {
        output.line(&format!("  to open  {}", remedy.action))?;
        if let Some(command) = &remedy.command {
            output.line(&format!("           {command}"))?;
        }
    }
    Ok(())
}
