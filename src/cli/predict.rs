//! `predict`: writes an expectation on the ledger before the first look.
//!
//! Nothing about the image is read: that is the point. `report` scores it.

use serde::Serialize;

use super::args::{Format, PredictArgs};
use super::exit::Exit;
use super::settings::Settings;
use super::stop::Stop;
use super::{output, work};
use crate::ledger::{Draft, kind};
use crate::model::{Digest, ImageReference, ParseReferenceError};
use crate::triage::prediction::{Expectation, Prediction};

/// The document `predict`.
#[derive(Serialize)]
struct PredictDocument<'a> {
    image: &'a str,
    expect: &'a [Expectation],
    reviewer: &'a str,
    entry: u64,
    entry_sha256: &'a Digest,
    ledger: String,
}

/// Runs the command.
pub(super) fn run(args: &PredictArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let mut output = settings.output()?;
    let reference: ImageReference = args
        .image
        .parse()
        .map_err(|error: ParseReferenceError| Stop::usage(error.to_string()))?;
    let prediction = Prediction {
        image: reference.to_string(),
        expect: args.expect.clone(),
    };
    let body = serde_json::to_value(&prediction).map_err(|error| output::defect(&error))?;
    let ledger = work::ledger(settings)?;
    let reviewer = &settings.config().reviewer;
    let clock = settings.environment().clock;
    let draft = Draft::new(kind::PREDICTION, body, reviewer, clock);
    let entry = work::wait(ledger.is_local(), ledger.append(draft))??;
    let document = PredictDocument {
        image: &prediction.image,
        expect: &prediction.expect,
        reviewer: &entry.reviewer,
        entry: entry.seq,
        entry_sha256: &entry.sha256,
        ledger: ledger.location(),
    };
    if format == Format::Json {
        output.document("predict", &document)?;
    } else {
        output.line(&format!(
            "predicted for {} by {}: entry {} in {}",
            document.image, document.reviewer, document.entry, document.ledger
        ))?;
        for expectation in document.expect {
            output.line(&format!("  {} {}", expectation.what, expectation.count))?;
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}
