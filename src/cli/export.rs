//! `export`: verdicts and findings for other tools.
//!
//! Data is the format's own text; what it cannot say goes to standard error.

use serde::Serialize;

use super::args::{ExportArg, ExportArgs, Format};
use super::exit::Exit;
use super::settings::Settings;
use super::stop::Stop;
use super::{open, output};
use crate::export::{self, Effect, ExportFormat, ExportRequest, LeftOut};

/// The document `export`: the format's own text as one string, and what was said beside it.
#[derive(Serialize)]
struct ExportDocument<'a> {
    format: &'a str,
    entries: usize,
    left_out: &'a [LeftOut],
    warnings: &'a [String],
    suppresses: &'a [Effect],
    text: &'a str,
}

/// Runs the command.
pub(super) fn run(args: &ExportArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let mut output = settings.output()?;
    let opened = open::open(settings, &args.input.inputs, &args.input.reading)?;
    let subjects = if args.kind == ExportArg::CyclonedxVex {
        // The document describes one image.
        vec![open::subject(&opened.review, &args.input.reading)?]
    } else {
        open::subjects(&opened.review, &args.input.reading)?
    };
    open::warn_unscanned(&opened.review, &subjects);
    let kind = ExportFormat::from(args.kind);
    let request = ExportRequest {
        review: &opened.review,
        subjects: &subjects,
        author: &settings.config().reviewer,
        now: settings.environment().now(),
    };
    let made = export::export(kind, &request).map_err(|error| output::defect(&error))?;
    if format == Format::Json {
        let document = ExportDocument {
            format: kind.as_str(),
            entries: made.entries,
            left_out: &made.left_out,
            warnings: &made.warnings,
            suppresses: &made.suppresses,
            text: &made.text,
        };
        output.document("export", &document)?;
    } else {
        output.data(&made.text)?;
        for left_out in &made.left_out {
            output::note(&format!(
                "left out: {} ({})",
                left_out.finding, left_out.because
            ));
        }
        for warning in &made.warnings {
            output::warning(warning, &[]);
        }
    }
    output.finish()?;
    Ok(opened.exit)
}
