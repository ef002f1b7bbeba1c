//! What skopeo and crane do at each fault: measured, not asserted.
//!
//! `cargo test --test suite compare -- --ignored --nocapture` prints the columns of `docs/reference/faults.md`;
//! `COUNTERSIGN_FAULT` names one of them.

use super::*;
use crate::support::judges::{judge, variable};
use std::io::{self, Write as _};
use std::process::Stdio;

/// How long a program may take for one image of 5 MB.
const PATIENCE: Duration = Duration::from_secs(45);

/// Whether a fault is one of the destination.
fn of_destination(fault: Fault) -> bool {
    use Fault as F;
    matches!(
        fault,
        F::BusyManifest
            | F::BusyUpload
            | F::DownUpload
            | F::DiskFullOnce
            | F::DiskFull
            | F::CutUploadOnce
            | F::CutUpload
            | F::StallUpload
            | F::Patch201
            | F::NoWholePut
            | F::PartTooLarge
            | F::PartTooSmall
            | F::ShortPatch
            | F::NoLocation
            | F::ReadOnly
            | F::Immutable
            | F::NoReferrers
            | F::LyingSubject
            | F::LocationElsewhere
            | F::BlobElsewhere
            | F::Ecr
    )
}

async fn outcome(name: &str, arguments: &[String], folder: &std::path::Path) -> String {
    let Some(program) = judge(name) else {
        return "not had".to_owned();
    };
    let started = Instant::now();
    let child = tokio::process::Command::new(program)
        .args(arguments)
        .env("DOCKER_CONFIG", folder)
        .env("REGISTRY_AUTH_FILE", folder.join("config.json"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let took = started.elapsed().as_secs_f64();
    match ended {
        Err(_elapsed) => format!("hangs (> {} s)", PATIENCE.as_secs()),
        Ok(output) => {
            let output = output.expect("it ends");
            let words = String::from_utf8_lossy(&output.stderr);
            let last = words.lines().last().unwrap_or_default();
            let last: String = last
                .chars()
                .rev()
                .take(90)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();
            if output.status.success() {
                format!("ok, {took:.1} s")
            } else {
                format!("fails, {took:.1} s: {last}")
            }
        }
    }
}

/// Writes the log-ins that a program has at a fault.
fn log_in(fault: Fault, host: &str, folder: &std::path::Path) {
    use Fault as F;
    let known = matches!(
        fault,
        F::Ecr | F::Redirect | F::LocationElsewhere | F::RealmElsewhere
    );
    let host = if known {
        format!(r#""{host}":{{"auth":"{LOG_IN}"}}"#)
    } else {
        String::new()
    };
    let config = format!(r#"{{"auths":{{{host}}}}}"#);
    std::fs::write(folder.join("config.json"), config).expect("a file");
}

#[test]
#[ignore = "takes minutes and judges nothing of the project's"]
fn others_at_each_fault() {
    run(async {
        let only = variable("COUNTERSIGN_FAULT").and_then(|name| name.into_string().ok());
        let wanted = |fault: &&Fault| only.as_deref().is_none_or(|only| only == fault.name());
        for fault in Fault::ALL.iter().filter(wanted) {
            let mut words = Vec::new();
            for name in ["countersign", "crane", "skopeo"] {
                // Tags that exist show what a second put does.
                let way = if of_destination(*fault) {
                    Way::to(&[*fault], large()).await
                } else {
                    Way::from(&[*fault], large()).await
                };
                let folder = tempfile::tempdir().expect("a folder");
                log_in(*fault, way.faulty.host(), folder.path());
                let (from, to) = (
                    format!("{}/known/app:v1", way.source),
                    format!("{}/known/copy:v1", way.destination),
                );
                let own = |text: &[&str]| {
                    text.iter()
                        .map(|text| (*text).to_owned())
                        .collect::<Vec<_>>()
                };
                let mut said = String::new();
                for turn in 0..if matches!(fault, Fault::Immutable | Fault::TagMoves) {
                    2
                } else {
                    1
                } {
                    said = match name {
                        "crane" => {
                            outcome(
                                name,
                                &own(&["copy", "--insecure", &from, &to]),
                                folder.path(),
                            )
                            .await
                        }
                        "skopeo" => {
                            let (from, to) = (format!("docker://{from}"), format!("docker://{to}"));
                            let flags = [
                                "copy",
                                "-q",
                                "--all",
                                "--preserve-digests",
                                "--retry-times",
                                "3",
                                "--src-tls-verify=false",
                                "--dest-tls-verify=false",
                            ];
                            outcome(
                                name,
                                &own(&[&flags[..], &[&from, &to]].concat()),
                                folder.path(),
                            )
                            .await
                        }
                        _ => ours(&way, folder.path(), turn).await,
                    };
                }
                let leaked = way
                    .faulty
                    .heard()
                    .iter()
                    .any(|asked| asked.authorization.is_some());
                words.push(format!(
                    "{name}: {said}{}",
                    if leaked { " LEAKS THE LOG-IN" } else { "" }
                ));
            }
            let row = format!("{}\n  {}", fault.name(), words.join("\n  "));
            writeln!(io::stderr(), "{row}").expect("standard error takes a line");
        }
    });
}

async fn ours(way: &Way, folder: &std::path::Path, _turn: usize) -> String {
    let client = Client::new(&ClientOptions {
        log_ins: countersign::registry::LogIns {
            files: vec![folder.join("config.json")],
            programs: Vec::new(),
        },
        ..ClientOptions::default()
    })
    .expect("a client");
    let started = Instant::now();
    let result = tokio::time::timeout(PATIENCE, async {
        let outcome = way.copy_by(&client).await?;
        let to = repository(&way.destination, "known/copy");
        let known = client.head_manifest(&to, "v1").await?;
        if known.is_none_or(|known| known.digest != outcome.digest) {
            let manifest = client.manifest(&to, &outcome.digest.to_string()).await?;
            client.put_manifest(&to, "v1", &manifest).await?;
        }
        Ok::<_, RegistryError>(outcome)
    })
    .await;
    let took = started.elapsed().as_secs_f64();
    match result {
        Err(_elapsed) => "hangs".to_owned(),
        Ok(Ok(outcome)) => format!("ok, {took:.1} s, {} retries", outcome.retries),
        Ok(Err(error)) => format!("fails, {took:.1} s: {error}"),
    }
}
