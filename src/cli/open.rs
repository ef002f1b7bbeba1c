//! Opening the inputs of a command, and saying what could not be read.
//!
//! Reading and joining is `review`'s work; what a command shows of it is its own.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::args::ReadingArgs;
use super::exit::Exit;
use super::output;
use super::settings::Settings;
use super::stop::Stop;
use super::work;
use crate::ledger::Chain;
use crate::model::Sbom;
use crate::registry::Inspection;
use crate::review::{self, Inputs, Review};
use crate::triage::policy::Policy;
use crate::triage::ratings::{self, SeverityFrom, Shown};

/// What was read, and how the command ends if nothing else happens.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The review.
    pub(crate) review: Review,
    /// The outcome of reading alone.
    pub(crate) exit: Exit,
}

/// Reads the inputs with policy and ledger in force.
pub(crate) fn open(
    settings: &Settings,
    inputs: &[String],
    reading: &ReadingArgs,
) -> Result<Opened, Stop> {
    let policy = settings.connector.policy()?;
    open_with(settings, inputs, reading, policy)
}

/// Reads the inputs with this policy and the ledger in force.
pub(crate) fn open_with(
    settings: &Settings,
    inputs: &[String],
    reading: &ReadingArgs,
    policy: Policy,
) -> Result<Opened, Stop> {
    let inputs = files(inputs, reading);
    open_inputs(settings, inputs, reading.allow_partial, policy)
}

/// Takes images alone, with this policy and the ledger in force: what is known of them without a
/// report.
pub(crate) fn open_images(
    settings: &Settings,
    images: Vec<Inspection>,
    policy: Policy,
) -> Result<Opened, Stop> {
    let inputs = Inputs {
        images,
        ..Inputs::default()
    };
    open_inputs(settings, inputs, false, policy)
}

fn open_inputs(
    settings: &Settings,
    inputs: Inputs,
    allow_partial: bool,
    policy: Policy,
) -> Result<Opened, Stop> {
    let (chain, mut exit) = match work::chain(settings) {
        Ok(chain) => (chain, Exit::Done),
        Err(stop) => {
            // The reports can be shown without the ledger, but never silently.
            output::stop(&stop);
            (Chain::default(), stop.exit)
        }
    };
    let mut opened = open_on(settings, inputs, allow_partial, policy, &chain)?;
    if let Some(problem) = &opened.review.ledger_problem {
        output::warning(
            &format!("the ledger is broken: {problem}; verdicts after this are not shown"),
            &["run `countersign ledger verify`".to_owned()],
        );
        exit = exit.worse(Exit::Ledger);
    }
    opened.exit = opened.exit.worse(exit);
    Ok(opened)
}

/// Reads the inputs alone, for commands that say nothing about verdicts.
pub(crate) fn open_without_ledger(
    settings: &Settings,
    inputs: &[String],
    reading: &ReadingArgs,
) -> Result<Opened, Stop> {
    open_on(
        settings,
        files(inputs, reading),
        reading.allow_partial,
        Policy::default(),
        &Chain::default(),
    )
}

/// Reads the inputs beside SBOMs that were read before, for commands that say nothing about verdicts.
pub(crate) fn open_with_sboms(
    settings: &Settings,
    paths: &[String],
    reading: &ReadingArgs,
    sboms: Vec<Arc<Sbom>>,
) -> Result<Opened, Stop> {
    let inputs = Inputs {
        sboms,
        ..files(paths, reading)
    };
    open_on(
        settings,
        inputs,
        reading.allow_partial,
        Policy::default(),
        &Chain::default(),
    )
}

/// Reads what scanners have just written, with the image they looked at where that is known: it
/// joins what the files alone do not say about each other.
pub(crate) fn open_scanned(
    settings: &Settings,
    paths: Vec<String>,
    image: Option<Inspection>,
) -> Result<Opened, Stop> {
    let inputs = Inputs {
        paths,
        images: image.into_iter().collect(),
        ..Inputs::default()
    };
    open_on(
        settings,
        inputs,
        false,
        Policy::default(),
        &Chain::default(),
    )
}

/// What the arguments of a command name.
fn files(paths: &[String], reading: &ReadingArgs) -> Inputs {
    Inputs {
        paths: paths.to_vec(),
        attach: reading.attach.clone(),
        epss: reading.epss.clone(),
        kev: reading.kev.clone(),
        ..Inputs::default()
    }
}

fn open_on(
    settings: &Settings,
    mut inputs: Inputs,
    allow_partial: bool,
    policy: Policy,
    chain: &Chain,
) -> Result<Opened, Stop> {
    inputs.trusted = settings.connector.trusted_keys(&policy)?;
    let environment = settings.environment();
    let cancel = CancellationToken::new();
    let review = review::open(
        &inputs,
        policy,
        chain,
        environment,
        &cancel,
        &mut |progress| {
            if settings.verbose > 0 {
                output::note(&format!("read {}", progress.path));
            }
        },
    );
    let exit = tell(&review, allow_partial);
    if review.subjects.is_empty() {
        return Err(Stop::input("nothing could be read")
            .hint("nothing is known about any image; that is not the same as no finding"));
    }
    Ok(Opened { review, exit })
}

/// Says on standard error what was not read, and returns the outcome.
fn tell(review: &Review, allow_partial: bool) -> Exit {
    let mut exit = Exit::Done;
    for failure in &review.failures {
        let message = if failure.message.contains(failure.path.as_str()) {
            failure.message.clone()
        } else {
            format!("`{}` {}", failure.path, failure.message)
        };
        output::stop(&Stop {
            exit: Exit::Input,
            error: Some(anyhow::Error::msg(message)),
            hints: failure.hints.clone(),
        });
        exit = Exit::Input;
    }
    for notice in &review.approval_notices {
        output::warning(notice, &[]);
    }
    for notice in &review.notices {
        output::note(&format!("note: {notice}"));
    }
    let reports = review
        .reports
        .iter()
        .map(|report| (&report.origin.path, &report.losses));
    let sboms = review
        .sboms
        .iter()
        .map(|sbom| (&sbom.origin.path, &sbom.losses));
    for (document, outcome) in review.exempting() {
        for notice in document.notices.iter().chain(&outcome.notices) {
            output::note(&format!("note: `{}`: {notice}", document.origin.path));
        }
    }
    let exemptions = review
        .exemptions
        .iter()
        .map(|document| (&document.origin.path, &document.losses));
    let feeds = review
        .feeds
        .iter()
        .map(|feed| (&feed.origin.path, &feed.losses));
    for feed in &review.feeds {
        for notice in &feed.notices {
            output::note(&format!("note: `{}`: {notice}", feed.origin.path));
        }
    }
    for (path, losses) in reports.chain(sboms).chain(exemptions).chain(feeds) {
        let Some(first) = losses.first() else {
            continue;
        };
        let lost: u64 = losses.iter().map(|loss| loss.records).sum();
        let hint = if allow_partial {
            "what was lost is not shown; the gate stays closed until the whole report is read"
        } else {
            "write the report again, or go on without the lost entries with --allow-partial"
        };
        output::warning(
            &format!(
                "`{path}` was read only in part: {} of its entries are lost, the first at {}: {}",
                crate::text::thousands(lost),
                first.place,
                first.reason
            ),
            &[hint.to_owned()],
        );
        if !allow_partial {
            exit = Exit::Input;
        }
    }
    exit
}

/// Returns the subjects a command shows: the one of `--subject`, else all.
pub(crate) fn subjects(review: &Review, reading: &ReadingArgs) -> Result<Vec<usize>, Stop> {
    match &reading.subject {
        Some(_) => Ok(vec![subject(review, reading)?]),
        None => Ok((0..review.subjects.len()).collect()),
    }
}

/// Returns the one subject a command is about; none or several are refused with the list.
pub(crate) fn subject(review: &Review, reading: &ReadingArgs) -> Result<usize, Stop> {
    review.select(reading.subject.as_deref()).map_err(|error| {
        let crate::review::ReviewError::Subject { subjects, .. } = &error else {
            return Stop::from(error);
        };
        let listed: Vec<String> = subjects
            .iter()
            .map(|one| format!("there is {one}"))
            .collect();
        let mut stop = Stop::from(error);
        stop.hints.extend(listed);
        stop.hint("choose one with --subject IMAGE|DIGEST")
    })
}

/// Says whose severity a table shows, and where it is not: `shown` is what stands in the table.
pub(crate) fn say_severity_from(
    review: &Review,
    from: &SeverityFrom,
    shown: impl Iterator<Item = Shown>,
) {
    let (mut all, mut fallbacks) = (0_u64, 0_u64);
    for one in shown {
        all += 1;
        fallbacks += u64::from(one.is_fallback);
    }
    let count = crate::text::thousands;
    if all > 0 && fallbacks == all {
        let sources = ratings::sources(&review.findings).join(", ");
        output::warning(
            &format!("{from} rates nothing here: the highest severity any scanner gives is shown"),
            &[format!(
                "what rates something: {sources}; or vendor, or a scanner's name"
            )],
        );
    } else {
        let unrated = format!("; * marks the {} it does not rate", count(fallbacks));
        output::note(&format!(
            "severity from {from}{}. Filters, totals and the gate use the highest any scanner gives",
            if fallbacks > 0 { unrated.as_str() } else { "" }
        ));
    }
}

/// Warns where nothing is known about an image's vulnerabilities: that is not "no finding".
pub(crate) fn warn_unscanned(review: &Review, chosen: &[usize]) {
    for subject in chosen {
        let summary = review.summary(*subject);
        let Some(found) = review.subjects.get(*subject) else {
            continue;
        };
        let name = &found.name;
        if summary.scanners.is_empty() {
            output::warning(
                &format!("no scan report about {name} was read: its vulnerabilities are unknown"),
                &["scan it with `trivy image --format json` or `grype -o json`".to_owned()],
            );
        } else if !summary.scanned && !summary.partial {
            output::warning(
                &format!(
                    "no report that looked for vulnerabilities could be joined to {name} by identity"
                ),
                &[],
            );
        }
    }
}
