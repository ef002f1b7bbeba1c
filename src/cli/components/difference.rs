//! `components diff`: what one SBOM has and another has not.
//!
//! Comparing is `triage::components`' work.

use serde::Serialize;

use crate::cli::args::{ComponentsDiffArgs, Format as Layout, ReadingArgs};
use crate::cli::exit::Exit;
use crate::cli::open;
use crate::cli::output::{Align, Output, Table};
use crate::cli::settings::Settings;
use crate::cli::stop::Stop;
use crate::model::{Digest, Format, Sbom};
use crate::review::Review;
use crate::text::thousands;
use crate::triage::components::{Altered, ComponentDifference, difference};
use crate::triage::versions;

/// The document `component-diff`.
#[derive(Serialize)]
struct DifferenceDocument<'a> {
    before: SideView<'a>,
    after: SideView<'a>,
    #[serde(flatten)]
    difference: &'a ComponentDifference,
}

/// One SBOM.
#[derive(Serialize)]
struct SideView<'a> {
    path: &'a str,
    sha256: &'a Digest,
    format: Format,
    spec_version: &'a str,
    producer: Option<&'a str>,
    subject_digest: Option<&'a Digest>,
    components: usize,
    unreadable: u64,
}

impl<'a> SideView<'a> {
    fn of(sbom: &'a Sbom) -> Self {
        Self {
            path: &sbom.origin.path,
            sha256: &sbom.origin.sha256,
            format: sbom.format,
            spec_version: &sbom.spec_version,
            producer: sbom.producer.as_deref(),
            subject_digest: sbom.claim.manifest_digest.as_ref(),
            components: sbom.components.len(),
            unreadable: sbom.losses.iter().map(|loss| loss.records).sum(),
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &ComponentsDiffArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Layout::Table, Layout::Json])?;
    let mut output = settings.output()?;
    let reading = ReadingArgs {
        allow_partial: args.allow_partial,
        ..ReadingArgs::default()
    };
    let open =
        |input: &String| open::open_without_ledger(settings, std::slice::from_ref(input), &reading);
    let (before, after) = (open(&args.before)?, open(&args.after)?);
    let old = only_sbom(&before.review, &args.before)?;
    let new = only_sbom(&after.review, &args.after)?;
    let found = difference(old, new, versions::order);
    if format == Layout::Json {
        let document = DifferenceDocument {
            before: SideView::of(old),
            after: SideView::of(new),
            difference: &found,
        };
        output.document("component-diff", &document)?;
    } else {
        write(&found, &mut output)?;
    }
    output.finish()?;
    let answer = if args.exit_code && found.differs() {
        Exit::No
    } else {
        Exit::Done
    };
    Ok(before.exit.worse(after.exit).worse(answer))
}

/// Returns the SBOM of an input; none or several are refused with the list.
fn only_sbom<'a>(review: &'a Review, input: &str) -> Result<&'a Sbom, Stop> {
    match review.sboms.as_slice() {
        [sbom] => Ok(sbom),
        [] => Err(Stop::input(format!("`{input}` holds no SBOM"))
            .hint("two SBOMs are compared here; two scans are compared by `countersign diff`")),
        several => {
            let mut stop = Stop::input(format!("`{input}` holds {} SBOMs", several.len()));
            for sbom in several {
                stop = stop.hint(format!("there is {}", sbom.origin.path));
            }
            Err(stop.hint("name one"))
        }
    }
}

fn write(found: &ComponentDifference, output: &mut Output) -> Result<(), Stop> {
    let mut table = Table::new(&[
        ("change", Align::Left),
        ("component", Align::Left),
        ("ecosystem", Align::Left),
        ("before", Align::Left),
        ("after", Align::Left),
    ]);
    for one in &found.removed {
        table.row(["removed", &one.name, &one.ecosystem, &one.version, ""]);
    }
    for one in &found.added {
        table.row(["added", &one.name, &one.ecosystem, "", &one.version]);
    }
    for one in &found.changed {
        let (from, to) = (one.from.join(", "), one.to.join(", "));
        table.row([
            one.direction.as_str(),
            &one.name,
            &one.ecosystem,
            &from,
            &to,
        ]);
    }
    let altered = [
        ("licence", &found.licenses_changed),
        ("layer", &found.moved),
    ];
    for (change, list) in altered {
        for Altered {
            name,
            ecosystem,
            from,
            to,
            ..
        } in list
        {
            table.row([change, name, ecosystem, &from.join(", "), &to.join(", ")]);
        }
    }
    if found.differs() {
        output.table(&table, 0)?;
    }
    let [left_before, left_after] = found.left_out;
    let number = |count: usize| thousands(count as u64);
    output.data(&format!(
        "{} common, {} added, {} removed, {} changed, {} licences, {} moved; {} joined by a rule; left out as no package: {} before, {} after\n",
        number(found.common),
        number(found.added.len()),
        number(found.removed.len()),
        number(found.changed.len()),
        number(found.licenses_changed.len()),
        number(found.moved.len()),
        number(found.folded.len()),
        number(left_before),
        number(left_after),
    ))
}
