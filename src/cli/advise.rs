//! `advise`: the fewest package bumps that clear the most, and what another base would change.
//!
//! Bumps and bases are worked out in `triage::advice`; no image is named here that was not loaded.

use serde::Serialize;

use super::args::{AdviseArgs, Format};
use super::document::{ReportView, SubjectView};
use super::exit::Exit;
use super::open;
use super::output::{self, Align, Output, Table};
use super::settings::Settings;
use super::stop::Stop;
use crate::model::{Component, Finding};
use crate::review::Review;
use crate::text::thousands;
use crate::triage::advice::base::{self, Effect, Floor, Known};
use crate::triage::advice::{self, Because, Bump, Order};
use crate::triage::risk::base::Base;

/// The document `advise`.
#[derive(Serialize)]
struct AdviseDocument<'a> {
    subjects: Vec<SubjectView<'a>>,
    reports: Vec<ReportView<'a>>,
    advice: Vec<Advice<'a>>,
}

/// What is advised about one image.
#[derive(Serialize)]
struct Advice<'a> {
    subject: usize,
    totals: Totals,
    bumps: Vec<Bump>,
    base: BaseAdvice<'a>,
}

/// What all bumps together would do, shown or not. A vulnerability of a source package counts once.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Totals {
    findings: usize,
    instances: usize,
    bumps: usize,
    shown: usize,
    cleared: usize,
    left: usize,
    wont_fix: usize,
    cannot_order: usize,
}

/// What another base would do.
#[derive(Serialize)]
struct BaseAdvice<'a> {
    known: Option<&'a Base>,
    findings: usize,
    floors: Vec<Floor>,
    candidates: Vec<Candidate>,
}

/// One image that could be the base.
#[derive(Serialize)]
struct Candidate {
    name: String,
    known_by: &'static str,
    #[serde(flatten)]
    effect: Effect,
    notices: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: &AdviseArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let mut output = settings.output()?;
    let opened = open::open_without_ledger(settings, &args.input.inputs, &args.input.reading)?;
    let mut exit = opened.exit;
    let candidates = if args.candidate.is_empty() {
        None
    } else {
        let reading = super::args::ReadingArgs {
            allow_partial: args.input.reading.allow_partial,
            ..super::args::ReadingArgs::default()
        };
        let opened = open::open_without_ledger(settings, &args.candidate, &reading)?;
        exit = exit.worse(opened.exit);
        Some(opened.review)
    };
    let review = &opened.review;
    let chosen = open::subjects(review, &args.input.reading)?;
    open::warn_unscanned(review, &chosen);
    let advice: Vec<Advice<'_>> = chosen
        .iter()
        .enumerate()
        .map(|(position, subject)| {
            advise(review, *subject, position, candidates.as_ref(), args.top)
        })
        .collect();
    if format == Format::Json {
        let document = AdviseDocument {
            subjects: SubjectView::all(review, &chosen),
            reports: ReportView::all(review, &chosen),
            advice,
        };
        output.document("advise", &document)?;
    } else {
        for (one, subject) in advice.iter().zip(&chosen) {
            let name = review.subjects.get(*subject).map(|found| &found.name);
            output.line(name.map_or("", String::as_str))?;
            write(one, &mut output)?;
        }
    }
    output.finish()?;
    if candidates.is_some() && advice_needs_base(review, &chosen) {
        output::warning(
            "it is not known where the base of an image ends, so that candidates say nothing about it",
            &["load a scan of its present base beside the image's: the layers tell".to_owned()],
        );
    }
    Ok(exit)
}

fn advice_needs_base(review: &Review, chosen: &[usize]) -> bool {
    chosen
        .iter()
        .all(|subject| review.bases.get(*subject).is_none_or(Option::is_none))
}

fn findings_of(review: &Review, subject: usize) -> Vec<&Finding> {
    review
        .findings_of(subject)
        .filter_map(|row| review.findings.get(row))
        .filter(|finding| advice::counts(finding))
        .collect()
}

fn advise<'a>(
    review: &'a Review,
    subject: usize,
    position: usize,
    candidates: Option<&Review>,
    top: usize,
) -> Advice<'a> {
    let findings = findings_of(review, subject);
    let mut bumps = advice::bumps(&findings);
    let mut totals = Totals {
        findings: findings.len(),
        ..Totals::default()
    };
    for bump in &bumps {
        totals.instances += bump.instances;
        totals.bumps += usize::from(bump.to.is_some());
        totals.cleared += bump.clears.len();
        totals.left += bump.left.len();
        let count = |because| {
            bump.left
                .iter()
                .filter(|left| left.because == because)
                .count()
        };
        totals.wont_fix += count(Because::WontFix);
        totals.cannot_order += count(Because::CannotOrder);
    }
    let floors = base::floors(&bumps);
    bumps.retain(|bump| bump.order != Order::NoFix);
    if top > 0 {
        bumps.truncate(top);
    }
    totals.shown = bumps.len();
    let candidates = candidates.map(|review| {
        let all = 0..review.subjects.len();
        all.filter_map(|other| candidate(review, other, &findings))
            .collect()
    });
    let place = crate::model::LayerPlace::Base;
    Advice {
        subject: position,
        totals,
        bumps,
        base: BaseAdvice {
            known: review.bases.get(subject).and_then(Option::as_ref),
            findings: findings.iter().filter(|one| one.layer == place).count(),
            floors,
            candidates: candidates.unwrap_or_default(),
        },
    }
}

/// Works out what one of the loaded images would change as a base.
fn candidate(review: &Review, subject: usize, findings: &[&Finding]) -> Option<Candidate> {
    let found = review.subjects.get(subject)?;
    let mut notices = Vec::new();
    let scanned = review.summary(subject).scanned;
    let (known_by, effect) = if scanned {
        notices.push(
            "another scanner version or database than that of the image also changes what is found"
                .to_owned(),
        );
        let own = findings_of(review, subject);
        ("scan", base::effect(findings, Known::Scan(&own)))
    } else {
        let sboms = found.sboms.iter();
        let components: Vec<&Component> = sboms
            .filter_map(|(sbom, _)| review.sboms.get(*sbom))
            .flat_map(|sbom| &sbom.components)
            .collect();
        if components.is_empty() {
            return None;
        }
        notices.push("an SBOM does not tell what the candidate itself is vulnerable to".to_owned());
        ("sbom", base::effect(findings, Known::Sbom(&components)))
    };
    Some(Candidate {
        name: found.name.clone(),
        known_by,
        effect,
        notices,
    })
}

fn write(advice: &Advice<'_>, output: &mut Output) -> Result<(), Stop> {
    let mut table = Table::new(&[
        ("package", Align::Left),
        ("installed", Align::Left),
        ("to at least", Align::Left),
        ("clears", Align::Right),
        ("crit", Align::Right),
        ("high", Align::Right),
        ("stays", Align::Right),
        ("in", Align::Left),
    ]);
    for bump in &advice.bumps {
        let to = match (&bump.to, bump.order) {
            (Some(to), _) => to.clone(),
            (None, _) => format!("cannot order: {}", bump.fixed_in.join(", ")),
        };
        let place = match &bump.layer {
            Some(layer) => format!("{} {}", bump.place.as_str(), layer.short()),
            None => bump.place.as_str().to_owned(),
        };
        table.row([
            &bump.package,
            &bump.installed,
            &to,
            &thousands(bump.clears.len() as u64),
            &thousands(bump.clears_by_severity.critical),
            &thousands(bump.clears_by_severity.high),
            &thousands(bump.left.len() as u64),
            &place,
        ]);
    }
    if advice.bumps.is_empty() {
        output.line("  nothing can be cleared by a bump")?;
    } else {
        output.table(&table, 2)?;
    }
    let totals = advice.totals;
    output.line(&format!(
        "  bumps: {}; cleared: {} of {}; stays: {} (will not be fixed: {}, cannot be ordered: {}); the same in other packages of a source: {}",
        thousands(totals.bumps as u64),
        thousands(totals.cleared as u64),
        thousands((totals.cleared + totals.left) as u64),
        thousands(totals.left as u64),
        thousands(totals.wont_fix as u64),
        thousands(totals.cannot_order as u64),
        thousands(totals.instances as u64),
    ))?;
    write_base(&advice.base, output)
}

fn write_base(advice: &BaseAdvice<'_>, output: &mut Output) -> Result<(), Stop> {
    let Some(known) = advice.known else {
        return output.line("  base: nobody says where it ends");
    };
    output.line(&format!(
        "  {}; findings that came with it: {}",
        known.text(),
        thousands(advice.findings as u64)
    ))?;
    for candidate in &advice.candidates {
        let effect = &candidate.effect;
        let brings = effect.brings.map_or_else(
            || "what it brings is unknown".to_owned(),
            |brings| format!("brings {}", thousands(brings.total())),
        );
        output.line(&format!(
            "  {} ({}) clears {} of them, {} stay, {} cannot be told; {brings}",
            candidate.name,
            candidate.known_by,
            thousands(effect.clears.len() as u64),
            thousands(effect.stays.len() as u64),
            thousands(effect.unknown.len() as u64),
        ))?;
    }
    if advice.candidates.is_empty() && !advice.floors.is_empty() {
        output.line("  a newer base may clear these, if it has at least:")?;
        for floor in &advice.floors {
            output.line(&format!(
                "    {} {} (now {}), clears {}",
                floor.package,
                floor.at_least,
                floor.installed,
                thousands(floor.clears as u64)
            ))?;
        }
    }
    Ok(())
}
