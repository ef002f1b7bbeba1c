//! `policy`: admission policies that let a cluster run only what this program signed.
//!
//! What they hold is `export::admission`'s work; no cluster and no registry is asked.

use std::path::Path;

use super::args::{AdmissionArgs, EngineArg, Format, KyvernoKind};
use super::exit::Exit;
use super::output::{self, Output};
use super::settings::Settings;
use super::stop::Stop;
use super::verify::public_key;
use crate::export::admission::{
    Admission, AdmissionKey, AdmissionRequest, Engine, admission, documents,
};

/// Runs the command.
pub(super) fn run(args: &AdmissionArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let (engine, admitted) = match &args.engine {
        EngineArg::Kyverno { kind, admitted } => match kind {
            KyvernoKind::ImageValidatingPolicy => (Engine::Kyverno, admitted),
            KyvernoKind::ClusterPolicy => (Engine::KyvernoClusterPolicy, admitted),
        },
        EngineArg::PolicyController { admitted } => (Engine::PolicyController, admitted),
    };
    let keys = admitted
        .key
        .iter()
        .map(|key| read_key(key, settings))
        .collect::<Result<Vec<_>, _>>()?;
    let made = admission(&AdmissionRequest {
        engine,
        name: &admitted.name,
        keys: &keys,
        repositories: &admitted.repository,
        audit: admitted.audit,
        signed: admitted.signed.as_deref(),
        unsigned: admitted.unsigned.as_deref(),
    });
    let mut output = settings.output()?;
    if let Some(folder) = &admitted.test_resources {
        write_tests(&made, folder, settings.force)?;
    }
    if format == Format::Json {
        output.document("admission", &made)?;
    } else {
        output.data(&made.to_yaml())?;
    }
    output.finish()?;
    if admitted.test_resources.is_some() && admitted.signed.is_none() {
        output::warning(
            "there is no test resource that passes",
            &["name a signed image with --signed REPOSITORY@sha256:…".to_owned()],
        );
    }
    Ok(Exit::Done)
}

/// Reads a key; one of a key management service is the engine's to ask.
fn read_key(key: &str, settings: &Settings) -> Result<AdmissionKey, Stop> {
    if key.starts_with("awskms://") {
        return Ok(AdmissionKey::Kms(key.to_owned()));
    }
    let key = public_key(key, settings)?;
    Ok(AdmissionKey::Pem(key.to_pem()?))
}

/// Writes each test resource into a file of its own.
fn write_tests(made: &Admission, folder: &Path, force: bool) -> Result<(), Stop> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Stop::input(format!("{} cannot be made: {error}", folder.display())))?;
    for test in &made.tests {
        let path = folder.join(format!("{}.yaml", test.name));
        let mut file = Output::file(&path, force)?;
        file.data(&documents(&[&test.resource]))?;
        file.finish()?;
        let outcome = if test.passes { "passes" } else { "is refused" };
        output::note(&format!("{} {outcome}", path.display()));
    }
    Ok(())
}
