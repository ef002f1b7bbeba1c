//! `report`: the verdict report for people, as Markdown or one HTML file.
//!
//! What the report says is `crate::export::report`'s work.

use serde::Serialize;

use super::args::{Format, ReadingArgs, ReportArgs};
use super::document::SubjectView;
use super::exit::Exit;
use super::open;
use super::settings::Settings;
use super::stop::Stop;
use crate::export::report::{ReportFormat, ReportRequest, report};

/// The document `report`: the Markdown text as one string.
#[derive(Serialize)]
struct ReportDocument<'a> {
    subject: SubjectView<'a>,
    markdown: &'a str,
}

/// Runs the command.
pub(super) fn run(args: &ReportArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Markdown, Format::Html, Format::Json])?;
    let mut output = settings.output()?;
    let opened = open::open(settings, &args.input.inputs, &args.input.reading)?;
    let review = &opened.review;
    let subject = open::subject(review, &args.input.reading)?;
    let before = if args.before.is_empty() {
        None
    } else {
        Some(open::open(settings, &args.before, &ReadingArgs::default())?)
    };
    let old = match &before {
        Some(before) => Some((&before.review, before.review.select(None)?)),
        None => None,
    };
    let request = ReportRequest {
        review,
        subject,
        before: old,
        author: &settings.config().reviewer,
        now: settings.environment().now(),
    };
    let written = match format {
        Format::Html => ReportFormat::Html,
        _ => ReportFormat::Markdown,
    };
    let image = review.subjects.get(subject);
    let (Some(text), Some(image)) = (report(&request, written), image) else {
        return Err(Stop::input("no image was read from the input"));
    };
    if format == Format::Json {
        let document = ReportDocument {
            subject: SubjectView::of(image),
            markdown: &text,
        };
        output.document("report", &document)?;
    } else {
        output.data(&text)?;
    }
    output.finish()?;
    let exit = before.map_or(opened.exit, |before| opened.exit.worse(before.exit));
    Ok(exit)
}
