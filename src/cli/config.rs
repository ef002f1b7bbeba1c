//! `config`: the settings in force, and whether they can be used.
//!
//! Precedence is `crate::config`'s; this only shows and tries.

use serde::Serialize;

use super::args::{ConfigArgs, ConfigCommand, Format};
use super::exit::Exit;
use super::output::{Align, Output, Table};
use super::settings::Settings;
use super::stop::Stop;
use super::work;

/// The document `config`. Values name places; none is a secret.
#[derive(Serialize)]
struct ConfigDocument {
    ledger: String,
    archive: Option<String>,
    reviewer: String,
    key: Option<String>,
    policy: Option<String>,
    policy_sha256: Option<String>,
    trust: Option<String>,
    theme: String,
    predict: bool,
    severity_from: Option<String>,
    ca_file: Option<String>,
}

/// The document `config-check`.
#[derive(Serialize)]
struct CheckDocument {
    usable: bool,
    checks: Vec<CheckView>,
}

/// One thing that was tried.
#[derive(Serialize)]
struct CheckView {
    what: &'static str,
    usable: bool,
    detail: String,
    hints: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: &ConfigArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let json = format == Format::Json;
    let mut output = settings.output()?;
    let exit = match &args.command {
        ConfigCommand::Show => show(settings, json, &mut output)?,
        ConfigCommand::Check { remote, to } => check(settings, *remote, to, json, &mut output)?,
    };
    output.finish()?;
    Ok(exit)
}

fn show(settings: &Settings, json: bool, output: &mut Output) -> Result<Exit, Stop> {
    let config = settings.config();
    let path =
        |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let document = ConfigDocument {
        ledger: config.ledger.clone(),
        archive: config.archive.clone(),
        reviewer: config.reviewer.clone(),
        key: config.key.clone(),
        policy: path(&config.policy),
        trust: path(&config.trust),
        policy_sha256: settings
            .connector
            .policy()
            .ok()
            .map(|policy| policy.sha256().to_string()),
        theme: config.theme.clone(),
        predict: config.predict,
        severity_from: config.severity_from.as_ref().map(ToString::to_string),
        ca_file: path(&config.ca_file),
    };
    if json {
        output.document("config", &document)?;
        return Ok(Exit::Done);
    }
    let none = || "(none)".to_owned();
    let mut table = Table::plain(2);
    table.row(["ledger", &document.ledger]);
    table.row(["archive", &document.archive.unwrap_or_else(none)]);
    table.row(["reviewer", &document.reviewer]);
    table.row(["key", &document.key.unwrap_or_else(none)]);
    let policy = document.policy.unwrap_or_else(|| "(defaults)".to_owned());
    table.row(["policy", &policy]);
    table.row([
        "policy hash",
        &document
            .policy_sha256
            .unwrap_or_else(|| "(unreadable)".to_owned()),
    ]);
    table.row(["trust", &document.trust.unwrap_or_else(none)]);
    table.row(["theme", &document.theme]);
    table.row(["predict", if document.predict { "true" } else { "false" }]);
    let highest = || "(the highest any scanner gives)".to_owned();
    let from = document.severity_from.unwrap_or_else(highest);
    table.row(["severity_from", &from]);
    table.row(["ca_file", &document.ca_file.unwrap_or_else(none)]);
    output.table(&table, 0)?;
    Ok(Exit::Done)
}

fn check(
    settings: &Settings,
    remote: bool,
    to: &[String],
    json: bool,
    output: &mut Output,
) -> Result<Exit, Stop> {
    let mut exit = Exit::Done;
    let mut checks = Vec::new();
    for (what, tried) in tries(settings, remote, to) {
        checks.push(match tried {
            Ok(detail) => CheckView {
                what,
                usable: true,
                detail,
                hints: Vec::new(),
            },
            Err(stop) => {
                exit = exit.worse(stop.exit);
                CheckView {
                    what,
                    usable: false,
                    detail: stop.chain().join(": "),
                    hints: stop.hints,
                }
            }
        });
    }
    if json {
        let document = CheckDocument {
            usable: exit == Exit::Done,
            checks,
        };
        output.document("config-check", &document)?;
        return Ok(exit);
    }
    let mut table = Table::new(&[
        ("what", Align::Left),
        ("usable", Align::Left),
        ("detail", Align::Left),
    ]);
    for check in &checks {
        let usable = if check.usable { "yes" } else { "no" };
        table.row([check.what, usable, &check.detail]);
        for hint in &check.hints {
            table.row(["", "", &format!("hint: {hint}")]);
        }
    }
    output.table(&table, 0)?;
    Ok(exit)
}

/// What was tried, and what came of it.
type Tried = (&'static str, Result<String, Stop>);

/// Tries everything that the settings name.
fn tries(settings: &Settings, remote: bool, to: &[String]) -> Vec<Tried> {
    let config = settings.config();
    let mut tried: Vec<Tried> = Vec::new();
    let mut add = |what: &'static str, outcome: Result<String, Stop>| tried.push((what, outcome));
    add("policy", policy(settings));
    add("key", key(settings));
    if config.trust.is_some() {
        add("trust", trust(settings));
    }
    if remote || work::is_local(&config.ledger) {
        let chain = work::chain(settings).and_then(|chain| match chain.broken {
            Some(broken) => Err(Stop::new(
                crate::error::ErrorKind::Ledger,
                format!("broken at {broken}"),
            )),
            None => Ok(format!(
                "{}, {} entries",
                config.ledger,
                chain.entries.len()
            )),
        });
        add("ledger", chain);
    } else {
        let detail = format!("{} (not asked; add --remote)", config.ledger);
        add("ledger", Ok(detail));
    }
    if let Some(archive) = &config.archive {
        add("archive", self::archive(settings, archive, remote));
    }
    add(
        "registry client",
        settings
            .connector
            .client()
            .map(|_client| "ready".to_owned())
            .map_err(Stop::from),
    );
    if remote {
        for name in destinations(settings, to) {
            match destination(settings, &name) {
                Ok(found) => found
                    .into_iter()
                    .for_each(|(what, text)| add(what, Ok(text))),
                Err(stop) => add("destination", Err(stop)),
            }
        }
    }
    tried
}

/// The destinations that were named, and those of the policy that are no patterns.
fn destinations(settings: &Settings, to: &[String]) -> Vec<String> {
    let policy = settings.connector.policy();
    let known = policy.map_or_else(|_| Vec::new(), |policy| policy.promotion.destinations);
    let known = known.into_iter().filter(|name| !name.contains('*'));
    let mut all: Vec<String> = to.iter().cloned().chain(known).collect();
    all.dedup();
    all
}

/// Asks a destination what a promotion would ask first.
fn destination(settings: &Settings, name: &str) -> Result<Vec<(&'static str, String)>, Stop> {
    let reference = super::plan::destination(name)?;
    let (repository, tag) = (
        &reference.repository,
        reference.tag.as_deref().unwrap_or("latest"),
    );
    let client = settings.connector.client()?;
    let (held, preflight) = work::block_on(async {
        let held = client.head_manifest(repository, tag).await;
        (held, client.preflight(repository, tag).await)
    })?;
    let mut found = vec![(
        "destination",
        match held? {
            Some(held) => format!("{reference} names {}", held.digest),
            None => format!("{reference} is not there yet"),
        },
    )];
    let Some(preflight) = preflight else {
        return Ok(found);
    };
    if preflight.exists == Some(false) {
        return Err(Stop::new(
            crate::error::ErrorKind::Remote,
            format!("the repository {repository} does not exist"),
        )
        .hint("promote with --create-repository, or make it with `aws ecr create-repository`"));
    }
    if !preflight.missing.is_empty() {
        let missing = preflight.missing.join(", ");
        return Err(Stop::new(
            crate::error::ErrorKind::Remote,
            format!("{repository} denies what a push needs: {missing}"),
        )
        .hint(format!("ask for {missing} on this repository")));
    }
    found.push(("repository", super::plan::repository(&preflight)));
    let rules = preflight.lifecycle.into_iter();
    found.extend(rules.map(|rule| ("lifecycle", rule)));
    let unseen = preflight.unseen.into_iter();
    found.extend(unseen.map(|what| ("not seen", what)));
    Ok(found)
}

/// Reads the trust file.
fn trust(settings: &Settings) -> Result<String, Stop> {
    let trust = settings.connector.trust()?;
    let (keys, identities) = (trust.keys.len(), trust.identities.len());
    Ok(format!("{keys} keys, {identities} identities"))
}

/// Reads the policy and the keys it trusts, and returns its hash.
fn policy(settings: &Settings) -> Result<String, Stop> {
    let policy = settings.connector.policy()?;
    settings.connector.trusted_keys(&policy)?;
    Ok(policy.sha256().to_string())
}

fn key(settings: &Settings) -> Result<String, Stop> {
    let Some(key) = &settings.config().key else {
        return Ok("none set".to_owned());
    };
    if let Some(variable) = key.strip_prefix("env://") {
        return match settings.environment().variable(variable) {
            Some(_) => Ok(format!("{key}, set")),
            None => Err(Stop::input(format!("the variable {variable} is not set"))),
        };
    }
    match settings.connector.public_key()? {
        Some(public) => Ok(format!("{key}, {}", public.fingerprint())),
        None => match std::fs::metadata(key) {
            Ok(_file) => Ok(format!("{key}, no .pub file beside it")),
            Err(error) => Err(Stop::input(format!("{key} cannot be read: {error}"))),
        },
    }
}

fn archive(settings: &Settings, location: &str, remote: bool) -> Result<String, Stop> {
    let local = work::is_local(location);
    let archive = work::wait(local, settings.connector.archive())??;
    let Some(archive) = archive.filter(|_| remote || local) else {
        return Ok(format!("{location} (not asked; add --remote)"));
    };
    let bundles = work::wait(local, archive.list())??;
    Ok(format!("{location}, {} bundles", bundles.bundles.len()))
}
