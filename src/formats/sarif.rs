//! SARIF logs, as reduced evidence: one report a run.
//!
//! SARIF has no field for a package, a version or a fix: of Trivy, Grype and Docker Scout they are
//! read from the texts that the tool writes. Of other tools rule, level and place are read.

mod generic;
mod message;
mod place;
mod record;
mod wire;

use serde_json::value::RawValue;

use self::record::Reader;
use self::wire::{Document, InvocationWire, PropertiesWire, RuleWire, RunWire};
use super::error::{FormatError, MAX_DOCUMENTS, Place, quote};
use super::json::{Entries, List, MaybeText as _, Source, place_of, reason_of};
use crate::model::{DatabaseAge, Format, Kind, Origin, Report, SubjectClaim};

/// The tools whose texts are known, and all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Trivy,
    Grype,
    DockerScout,
    Other,
}

impl Tool {
    fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "trivy" => Self::Trivy,
            "grype" => Self::Grype,
            "docker scout" => Self::DockerScout,
            _ => Self::Other,
        }
    }

    /// Returns the scanner's name; none where the driver's has no letter or digit.
    fn scanner(self, driver: &str) -> Option<String> {
        match self {
            Self::Trivy => Some("trivy".to_owned()),
            Self::Grype => Some("grype".to_owned()),
            Self::DockerScout => Some("docker-scout".to_owned()),
            Self::Other => generic::scanner(driver),
        }
    }
}

/// Reads a log. `text` is the whole decoded text, the document lies at `start..end`.
///
/// # Errors
/// When the outermost object or a run is damaged, there is no run, or a tool has no name;
/// everything below a run becomes a loss of its report.
pub(super) fn read(
    origin: &Origin,
    text: &str,
    (start, end): (usize, usize),
) -> Result<Vec<Report>, FormatError> {
    let part = text.get(start..end).unwrap_or_default();
    let shape = |part: String, place: Place, reason: String| FormatError::Shape {
        path: origin.path.clone(),
        part,
        place,
        reason,
    };
    let document: Document<'_> = serde_json::from_str(part).map_err(|error| {
        let place = place_of(text, start, &error);
        shape("the SARIF log".to_owned(), place, reason_of(&error))
    })?;
    let runs = document.runs.raw();
    if runs.is_empty() {
        let reason = "there is no run: nothing was scanned".to_owned();
        return Err(shape("runs".to_owned(), Place::at(text, start), reason));
    }
    if runs.len() > MAX_DOCUMENTS {
        let path = origin.path.clone();
        return Err(FormatError::TooManyDocuments { path });
    }
    let mut reports = Vec::with_capacity(runs.len());
    for (number, raw) in runs.iter().enumerate() {
        let begin = offset_in(text, raw.get());
        let run: RunWire<'_> = serde_json::from_str(raw.get()).map_err(|error| {
            let place = place_of(text, begin, &error);
            shape(format!("runs[{number}]"), place, reason_of(&error))
        })?;
        let driver = &run.tool.driver;
        let name = driver.name.get().unwrap_or_default();
        let tool = Tool::named(name);
        let Some(scanner) = tool.scanner(name) else {
            return Err(FormatError::UnknownJson {
                path: origin.path.clone(),
                found: format!("a SARIF log of a tool without a name (`{}`)", quote(name)),
            });
        };
        let mut report = report(origin.clone(), text, (tool, scanner), &run, number);
        if runs.len() > 1 {
            let (number, count) = (number + 1, runs.len());
            report
                .notices
                .push(format!("run {number} of {count} in the log"));
        }
        reports.push(report);
    }
    Ok(reports)
}

fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}

fn report(
    origin: Origin,
    text: &str,
    (tool, scanner): (Tool, String),
    run: &RunWire<'_>,
    number: usize,
) -> Report {
    let mut source = Source::new(text);
    source.notices.push(
        "reduced evidence: SARIF leaves out databases, aliases and the reasons for a missing fix; \
         give the scanner's own JSON where there is some"
            .to_owned(),
    );
    if tool == Tool::Other {
        source.notices.push(format!(
            "{scanner} is not known here: rule, level and place are read as SARIF defines them; \
             rules with the id of an advisory are vulnerabilities, others are failed checks"
        ));
    }
    let place = format!("runs[{number}]");
    let rules = rules(&mut source, &place, &run.tool.driver.rules);
    let mut reader = Reader::new(tool, &scanner, &rules);
    let entries = &run.results;
    source.expect_list(entries, || format!("{place}.results"));
    for (position, raw) in entries.raw().iter().enumerate() {
        let place = || format!("{place}.results[{position}]");
        reader.result(&mut source, raw, place);
    }
    let claim = claim(&mut source, &place, run, &reader, tool);
    let records = reader.finish(&mut source);
    check_invocations(&mut source, &place, run.invocations);
    let looked = match tool {
        // Trivy may have looked for other things only; the log does not say.
        Tool::Trivy | Tool::Other => records.iter().any(|it| it.kind == Kind::Vulnerability),
        Tool::Grype | Tool::DockerScout => entries.is_list(),
    };
    if !looked {
        let notice = "the log does not say that vulnerabilities were looked for";
        source.notices.push(notice.to_owned());
    }
    let driver = &run.tool.driver;
    Report {
        origin,
        format: Format::Sarif,
        scanner,
        scanner_version: driver.version.owned(),
        created: None,
        database_built: None,
        database_age: DatabaseAge::Unknown,
        claim,
        records,
        losses: source.losses,
        packages: None,
        options: Vec::new(),
        looked_for_vulnerabilities: looked,
        notices: source.notices,
    }
}

/// Reads the rules; a damaged one keeps its place, for results name rules by position.
fn rules<'a>(source: &mut Source<'a>, place: &str, list: &Entries<'a>) -> Vec<RuleWire<'a>> {
    source.expect_list(list, || format!("{place}.tool.driver.rules"));
    let mut rules = Vec::new();
    for (position, raw) in list.raw().iter().enumerate() {
        let place = || format!("{place}.tool.driver.rules[{position}]");
        rules.push(source.parse(raw, 0, place).unwrap_or_default());
    }
    rules
}

/// Trivy states the image in the run's properties, Grype its name in the places.
fn claim<'a>(
    source: &mut Source<'a>,
    place: &str,
    run: &RunWire<'a>,
    reader: &Reader<'_>,
    tool: Tool,
) -> SubjectClaim {
    let properties: Option<Option<PropertiesWire<'a>>> = run
        .properties
        .and_then(|raw| source.parse(raw, 0, || format!("{place}.properties")));
    let properties = properties.flatten().unwrap_or_default();
    let image_id = properties.image_id.digest();
    let name = properties.image_name.owned();
    SubjectClaim {
        // Docker Scout scans nothing else, and names it nowhere.
        is_image: image_id.is_some() || reader.image().is_some() || tool == Tool::DockerScout,
        name: name.or_else(|| reader.image().map(str::to_owned)),
        image_id,
        repo_digests: properties.repo_digests.texts(),
        tags: properties.repo_tags.texts(),
        ..SubjectClaim::default()
    }
}

/// A run that failed may hold only a part of its results.
fn check_invocations<'a>(source: &mut Source<'a>, place: &str, raw: Option<&'a RawValue>) {
    let list: Option<List<InvocationWire>> =
        raw.and_then(|raw| source.parse(raw, 0, || format!("{place}.invocations")));
    let failed = list.is_some_and(|list| list.0.iter().any(|it| it.successful == Some(false)));
    if failed {
        let reason = "the scanner says that its run failed".to_owned();
        source.lose(format!("{place}.invocations"), None, reason, 0);
    }
}

#[cfg(test)]
mod tests;
