//! `sign --keyless`: an installed cosign signs with a certificate for the person's identity.
//!
//! Nothing is started before the person consented to what becomes public. Signing itself and the
//! log-in are cosign's; whether a signature came of it is looked at afterwards.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

use serde::Serialize;
use tokio::process::Command;

use super::args::Format;
use super::exit::Exit;
use super::settings::Settings;
use super::stop::Stop;
use super::target::Target;
use super::{output, work};
use crate::environment::Environment;
use crate::error::ErrorKind;
use crate::model::Digest;
use crate::signatures;

/// What a person has to know first.
const PUBLISHED: &str = "keyless signing publishes your identity (the e-mail address or name you log in with), the image's digest and the time in a public log: anyone can read them, for ever, and nobody can remove them";

/// Variables that hold secrets of this program; cosign needs none of them here.
const WITHHELD: &[&str] = &["COSIGN_PASSWORD", "COSIGN_KEY"];

/// The document `sign` of a signature with a certificate; no key made it.
#[derive(Serialize)]
struct KeylessDocument {
    image: String,
    docker_reference: String,
    digest: Digest,
    key_fingerprint: Option<Digest>,
    bundle: Option<Digest>,
    legacy: Option<Digest>,
    warnings: [String; 0],
    manifests: [String; 0],
    /// The program that signed.
    program: String,
    /// Signatures with a certificate that are beside the image now.
    certificates: usize,
}

/// Asks for consent, lets cosign sign the digest, and looks for what it wrote.
pub(super) fn run(
    target: &Target,
    consented: bool,
    format: Format,
    settings: &Settings,
) -> Result<Exit, Stop> {
    let program = find(settings.environment())?;
    if !consented {
        ask(settings)?;
    }
    let mut output = settings.output()?;
    let document = work::block_on(sign(target, &program, settings))??;
    if format == Format::Json {
        output.document("sign", &document)?;
    } else {
        output.line(&format!(
            "signed {}@{} with a certificate, by {}",
            document.docker_reference, document.digest, document.program
        ))?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// Looks for cosign on the PATH. Entries that are not absolute do not count.
fn find(environment: &Environment) -> Result<PathBuf, Stop> {
    let path = environment.variable("PATH").unwrap_or_default();
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("cosign"))
        .find(|program| program.is_file())
        .ok_or_else(|| {
            Stop::usage("keyless signing needs an installed cosign, and there is none on the PATH")
                .hint("install cosign 2 or 3, or sign with a key: --key FILE")
        })
}

/// Asks on the terminal; where there is none, nothing is published.
fn ask(settings: &Settings) -> Result<(), Stop> {
    let terminals = settings.environment().terminals;
    if !(terminals.input && terminals.error) {
        return Err(Stop::usage(PUBLISHED).hint("consent with --publish-identity"));
    }
    output::note(PUBLISHED);
    output::note("type `publish` to go on:");
    std::io::stderr().flush().ok();
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    if read.is_ok() && line.trim() == "publish" {
        return Ok(());
    }
    Err(Stop::usage("nothing was published"))
}

async fn sign(
    target: &Target,
    program: &std::path::Path,
    settings: &Settings,
) -> Result<KeylessDocument, Stop> {
    let client = settings.connector.client()?;
    let manifest = target.resolve(&client, settings).await?;
    let pinned = target.pinned(&manifest);
    let mut command = Command::new(program);
    command.args(["sign", "--yes"]).arg(pinned.to_string());
    for name in WITHHELD {
        command.env_remove(name);
    }
    // What cosign says is for the person, and this command's data is its own.
    command
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true);
    let status = command
        .status()
        .await
        .map_err(|error| Stop::input(format!("{} does not start: {error}", program.display())))?;
    if !status.success() {
        return Err(Stop::new(
            ErrorKind::Remote,
            format!("cosign did not sign {pinned}: {status}"),
        ));
    }
    let repository = &target.reference.repository;
    let certificates =
        signatures::count_certificates(&client, repository, &manifest.digest).await?;
    if certificates == 0 {
        return Err(Stop::new(
            ErrorKind::Remote,
            format!(
                "cosign said that it signed {pinned}, and no signature with a certificate is there"
            ),
        ));
    }
    Ok(KeylessDocument {
        image: target.reference.to_string(),
        digest: manifest.digest.clone(),
        docker_reference: repository.to_string(),
        key_fingerprint: None,
        bundle: None,
        legacy: None,
        warnings: [],
        manifests: [],
        program: program.display().to_string(),
        certificates,
    })
}
